#include "op.h"

#include "check.h"
#include "kernels.h"
#include "matmul.h"
#include "recall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct op_exec {
    tenon_exec base;
    const tenon_op_row *row;
    uint32_t uses_blas;
    uint32_t attr_count;
    tenon_attr *attrs;          /* copies; their values lie behind them */
    const cpu_kernel **kernels; /* those that may fit, best first */
    uint32_t kernel_count;
} op_exec;

/* "[2, 3] [4]": the operands' dims, for reports. */
static void print_dims(const tenon_exec *exec, const cpu_view *views, char *out_text, size_t size) {
    size_t used = 0;
    out_text[0] = '\0';
    for (uint32_t i = 0; i < exec->operand_count && used + 32 < size; i++) {
        used += (size_t)snprintf(out_text + used, size - used, "%s[", i ? " " : "");
        for (uint32_t axis = 0; axis < exec->operands[i].rank && used + 32 < size; axis++)
            used += (size_t)snprintf(out_text + used, size - used, "%s%" PRId64, axis ? ", " : "", views[i].dims[axis]);
        used += (size_t)snprintf(out_text + used, size - used, "]");
    }
}

static tenon_status refuse(tenon_exec *exec, const cpu_view *views, tenon_status status, const char *why) {
    char dims[512];
    print_dims(exec, views, dims, sizeof dims);
    return cpu_fail_on(exec->device, NULL, exec, status, "%s of %s: %s", exec->name, dims, why);
}

static tenon_status canonicalize(op_exec *exec, const cpu_view *views, tenon_canonical *out_problem) {
    tenon_strided operands[TENON_PATTERN_OPERANDS];
    for (uint32_t i = 0; i < exec->base.operand_count; i++)
        operands[i] =
            (tenon_strided){exec->base.operands[i].dtype, exec->base.operands[i].rank, views[i].dims, views[i].strides};
    tenon_status status = tenon_canonicalize(exec->row->op, exec->attrs, exec->attr_count, operands,
                                             exec->base.operand_count, out_problem);
    if (status == TENON_STATUS_OK) return TENON_STATUS_OK;
    return refuse(&exec->base, views, status,
                  status == TENON_STATUS_INVALID ? "dims that do not go together" : "a combination without a kernel");
}

static const cpu_kernel *find_kernel(const op_exec *exec, const tenon_canonical *problem) {
    for (uint32_t i = 0; i < exec->kernel_count; i++)
        if (tenon_pattern_fits(&exec->kernels[i]->pattern, problem)) return exec->kernels[i];
    return NULL;
}

/* What a run costs, in bytes moved: the operands', times what an element takes beside. */
static uint64_t weigh(const op_exec *exec, const cpu_view *views, const tenon_canonical *problem) {
    uint64_t bytes = 0, factor = 1;
    for (uint32_t i = 0; i < exec->base.operand_count; i++)
        bytes += cpu_view_bytes(&views[i], exec->base.operands[i].bits);
    switch (exec->row->family) {
    case TENON_FAMILY_CONTRACT: {
        int64_t depth = 1;
        uint32_t axis = problem->pattern.ranks[0] + problem->pattern.ranks[1] + problem->pattern.ranks[2];
        for (uint32_t i = 0; i < problem->pattern.ranks[3]; i++) depth *= problem->extents[axis + i];
        return views[2].elements * (uint64_t)depth + bytes;
    }
    case TENON_FAMILY_SORT: factor = 16; break;
    case TENON_FAMILY_MAP:
        factor = exec->row->optional || (exec->row->op >= TENON_OP_EXP2 && exec->row->op <= TENON_OP_COS) ? 4
                 : exec->row->op == TENON_OP_POW || exec->row->op == TENON_OP_REM                         ? 8
                                                                                                          : 1;
        break;
    default: break;
    }
    return bytes * factor;
}

/* Scratch that the kernel asks for. */
static tenon_status get_scratch(op_exec *exec, const cpu_kernel *kernel, const int64_t *symbols, cpu_call *call) {
    const tenon_host *host = exec->base.device->host;
    uint64_t bytes = 0;
    if (!kernel->workspace) return TENON_STATUS_OK;
    int is_too_large = kernel->workspace(symbols, &bytes);
    if (!is_too_large && bytes == 0) return TENON_STATUS_OK;
    if (!is_too_large) call->scratch = host->allocate(host, bytes);
    call->workspace = call->scratch;
    if (call->scratch) return TENON_STATUS_OK;
    return cpu_fail_on(exec->base.device, NULL, &exec->base, TENON_STATUS_OUT_OF_MEMORY,
                       "%s: no memory for %" PRIu64 " bytes of workspace", exec->base.name, bytes);
}

static tenon_status resolve_kernel(op_exec *exec, const tenon_launch *launch, const cpu_view *views, cpu_call *call) {
    tenon_canonical problem;
    int64_t *symbols = cpu_call_symbols(call), items[8];
    cpu_step *steps = cpu_call_steps(call);
    TENON_TRY(canonicalize(exec, views, &problem));
    const cpu_kernel *kernel = find_kernel(exec, &problem);
    if (!kernel) return refuse(&exec->base, views, TENON_STATUS_UNSUPPORTED, "no kernel of this build fits");
    uint32_t count = tenon_pattern_symbols(&kernel->pattern, &problem, symbols);
    if (launch->scalar_count) memcpy(symbols + count, launch->scalars, launch->scalar_count * sizeof *symbols);
    if (kernel->items(symbols, items) != 0)
        return refuse(&exec->base, views, TENON_STATUS_INVALID, "more work than can be counted");
    TENON_TRY(get_scratch(exec, kernel, symbols, call));
    for (uint32_t i = 0; i < call->step_count; i++)
        steps[i] = i < kernel->entry_count ? (cpu_step){kernel->entries[i], items[i]} : (cpu_step){NULL, 0};
    call->weight = weigh(exec, views, &problem);
    return TENON_STATUS_OK;
}

static tenon_status resolve(tenon_exec *base, const tenon_launch *launch, const cpu_view *views, cpu_call *call) {
    op_exec *exec = (op_exec *)(void *)base;
    if (exec->uses_blas) {
        tenon_status status = cpu_matmul_resolve(base, views, call);
        if (status != TENON_STATUS_UNSUPPORTED) return status;
    }
    return resolve_kernel(exec, launch, views, call);
}

static void release(tenon_exec *base) {
    op_exec *exec = (op_exec *)(void *)base;
    cpu_release(base->device, exec->attrs);
    cpu_release(base->device, (void *)exec->kernels);
}

static const cpu_exec_class op_class = {resolve, release};

/* Attributes with their values behind them, in one piece. */
static tenon_status keep_attrs(op_exec *exec, const tenon_op_work *op) {
    size_t values = 0;
    for (uint32_t i = 0; i < op->attr_count; i++) values += op->attrs[i].count;
    exec->attrs = cpu_allocate(exec->base.device, op->attr_count * sizeof *exec->attrs + values * sizeof(int64_t));
    if (!exec->attrs) return cpu_fail(exec->base.device, TENON_STATUS_OUT_OF_MEMORY, "no memory for attributes");
    int64_t *at = (int64_t *)(void *)(exec->attrs + op->attr_count);
    for (uint32_t i = 0; i < op->attr_count; i++) {
        exec->attrs[i] = op->attrs[i];
        exec->attrs[i].values = at;
        if (op->attrs[i].count) memcpy(at, op->attrs[i].values, op->attrs[i].count * sizeof *at);
        at += op->attrs[i].count;
    }
    exec->attr_count = op->attr_count;
    return TENON_STATUS_OK;
}

/* A kernel's operand may stand for one of the work if it is of its dtype, or moves elements of its width. */
static int dtype_may_fit(tenon_dtype of_kernel, tenon_dtype of_work) {
    return of_kernel == of_work || (tenon_dtype_class(of_kernel) == TENON_CLASS_UINT &&
                                    tenon_dtype_bits(of_kernel) == tenon_dtype_bits(of_work));
}

static int may_fit(const op_exec *exec, const cpu_kernel *kernel) {
    for (uint32_t i = 0; i < exec->base.operand_count; i++)
        if (!dtype_may_fit(kernel->pattern.dtypes[i], exec->base.operands[i].dtype)) return 0;
    return 1;
}

/* Puts together the kernels that launches choose from, and the most that any of them needs. */
static tenon_status keep_kernels(op_exec *exec) {
    uint32_t count, fitting = 0;
    const cpu_kernel *kernels = cpu_kernels_of(exec->base.device->isa, exec->row->op, &count);
    for (uint32_t i = 0; i < count; i++) fitting += (uint32_t)may_fit(exec, &kernels[i]);
    exec->kernels = cpu_allocate(exec->base.device, (fitting + 1) * sizeof *exec->kernels);
    if (!exec->kernels) return cpu_fail(exec->base.device, TENON_STATUS_OUT_OF_MEMORY, "no memory for an exec");
    for (uint32_t i = 0; i < count; i++) {
        if (!may_fit(exec, &kernels[i])) continue;
        exec->kernels[exec->kernel_count++] = &kernels[i];
        uint32_t symbols = tenon_pattern_symbols(&kernels[i].pattern, NULL, NULL);
        if (symbols > exec->base.call_symbols) exec->base.call_symbols = symbols;
        if (kernels[i].entry_count > exec->base.call_steps) exec->base.call_steps = kernels[i].entry_count;
    }
    return TENON_STATUS_OK;
}

static tenon_status fill_exec(op_exec *exec, const tenon_work *work) {
    tenon_device *device = exec->base.device;
    exec->base.name = exec->row->name;
    exec->base.scalar_count = exec->row->scalar_count;
    exec->base.call_buffers = work->operand_count;
    TENON_TRY(keep_attrs(exec, work->op));
    TENON_TRY(keep_kernels(exec));
    exec->base.call_symbols += exec->row->scalar_count;
    exec->uses_blas = exec->row->op == TENON_OP_MATMUL && cpu_matmul_takes(device, work);
    if (exec->uses_blas) {
        exec->base.call_buffers = CPU_MATMUL_BUFFERS;
        if (exec->base.call_symbols < CPU_MATMUL_SYMBOLS) exec->base.call_symbols = CPU_MATMUL_SYMBOLS;
        if (exec->base.call_steps < CPU_MATMUL_STEPS) exec->base.call_steps = CPU_MATMUL_STEPS;
    }
    if (exec->kernel_count || exec->uses_blas) return cpu_recall_create(&exec->base);
    return cpu_fail(device, TENON_STATUS_UNSUPPORTED, "%s of %s: this build has no kernel for it", exec->row->name,
                    tenon_dtype_name(work->operands[0].view.dtype));
}

/* Version 0.2 of the ABI is the first to know TENON_ANY_ALIAS. */
enum { ALIAS_ABI = 0 << 16 | 2 };

/* A kernel of family MAP loads an element of every input before it stores the one of the result, whose place no other
 * item reads: so the result may take the place of an input seen alike. */
static void answer_alias(const tenon_device *device, const op_exec *exec, tenon_exec_info *out_info) {
    if (exec->row->family == TENON_FAMILY_MAP && device->host->abi_version >= ALIAS_ABI)
        out_info->operands[exec->row->input_count].alias = TENON_ANY_ALIAS;
}

tenon_status cpu_op_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    const tenon_op_row *row;
    tenon_exec *exec;
    TENON_TRY(cpu_check_op(device, work, &row));
    TENON_TRY(cpu_exec_create(device, work, sizeof(op_exec), &op_class, &exec));
    ((op_exec *)(void *)exec)->row = row;
    tenon_status status = fill_exec((op_exec *)(void *)exec, work);
    if (status != TENON_STATUS_OK) {
        cpu_exec_destroy(exec);
        return status;
    }
    answer_alias(device, (const op_exec *)(const void *)exec, out_info);
    *out_exec = exec;
    return TENON_STATUS_OK;
}
