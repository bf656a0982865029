/* Tasks as printed kernels: canonicalise, lower, print, prepare; at each launch only the numbers differ. */
#include <stdlib.h>
#include <string.h>

#include "kernel/lower.h"
#include "kernel/print.h"
#include "plan/prepare_internal.h"
#include "support/error.h"

struct tenon__kernel {
    tenon__kir_program *program;
    tenon__printed *printed;
};

void tenon__kernel_free(tenon__kernel *kernel) {
    if (!kernel) return;
    tenon__printed_free(kernel->printed);
    tenon__kir_destroy(kernel->program);
    free(kernel);
}

static tenon_status create_kernel(tenonh_device *device, const tenon_pattern *pattern, tenon__kernel **out_kernel) {
    tenon__kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel) return tenon__fail_memory();
    tenon_status status = tenon__lower(pattern, &kernel->program);
    if (status == TENON_STATUS_OK)
        status = tenon__print(kernel->program, tenonh_device_dialect(device), NULL, &kernel->printed);
    if (status != TENON_STATUS_OK) return tenon__kernel_free(kernel), status;
    *out_kernel = kernel;
    return TENON_STATUS_OK;
}

/* -- Preparing -- */

/* The work of a kernel and all it points to. Views hold dtypes only: where operands end is the program's matter. */
typedef struct kernel_work {
    tenon_work work;
    tenon_kernel_work kernel;
    tenon_operand operands[TENON__TASK_OPERANDS];
    tenon_symbol symbols[TENON__KIR_MAX_SYMBOLS];
    void *blob;
} kernel_work;

static uint32_t role_of(uint32_t role) {
    static const uint32_t roles[] = {[TENON__KIR_IN] = TENON_ROLE_INPUT,
                                     [TENON__KIR_OUT] = TENON_ROLE_OUTPUT,
                                     [TENON__KIR_INOUT] = TENON_ROLE_INOUT};
    return roles[role];
}

static void describe_operands(kernel_work *work, const tenon__kir_program *program) {
    for (uint32_t i = 0; i < program->operand_count && program->operands[i].role != TENON__KIR_WORKSPACE; i++) {
        const tenon__kir_operand *from = &program->operands[i];
        uint32_t bits = tenon_dtype_bits(from->dtype);
        tenon_operand *operand = &work->operands[work->work.operand_count++];
        *operand = (tenon_operand){.role = role_of(from->role), .alignment = bits < 8 ? 1 : bits / 8};
        operand->view.dtype = from->dtype;
    }
}

static tenon_status describe_kernel(kernel_work *work, const tenon__kernel *kernel, uint32_t ir_version) {
    const tenon__printed *printed = kernel->printed;
    size_t size = 0;
    if (ir_version > TENON__KIR_VERSION) ir_version = TENON__KIR_VERSION;
    if (ir_version) TENON_TRY(tenon__kir_encode(kernel->program, ir_version, &work->blob, &size));
    work->kernel = (tenon_kernel_work){
        .struct_size = sizeof work->kernel,
        .source = printed->source,
        .source_size = printed->source_size,
        .entries = printed->entries,
        .entry_count = printed->entry_count,
        .ir_version = ir_version,
        .ir = work->blob,
        .ir_size = size,
        .hash = {printed->hash[0], printed->hash[1]},
    };
    return TENON_STATUS_OK;
}

/* A class of values as far as the program takes them. */
static tenon_symbol within(const tenon_symbol *range, const tenon_symbol *program) {
    if (range->min == range->max) return *range;
    return (tenon_symbol){range->min > program->min ? range->min : program->min,
                          range->max < program->max ? range->max : program->max, program->divisor};
}

/* The work of a kernel, its symbols in `ranges`. */
static tenon_status describe_work(kernel_work *work, const tenon__kernel *kernel, const tenon_dialect *dialect,
                                  const tenon__ranges *ranges) {
    const tenon__kir_program *program = kernel->program;
    memset(work, 0, sizeof *work);
    TENON_TRY(describe_kernel(work, kernel, dialect->ir_version));
    work->kernel.language = dialect->language;
    describe_operands(work, program);
    for (uint32_t i = 0; i < program->symbol_count; i++)
        work->symbols[i] =
            ranges->narrow[i] ? within(&ranges->ranges[i], &program->symbols[i].range) : program->symbols[i].range;
    work->work.struct_size = sizeof work->work;
    work->work.kind = TENON_WORK_KERNEL;
    work->work.symbols = work->symbols;
    work->work.symbol_count = program->symbol_count;
    work->work.operands = work->operands;
    work->work.kernel = &work->kernel;
    return TENON_STATUS_OK;
}

/* What an entry is made from. */
typedef struct request {
    const tenon_pattern *pattern;
    const tenon__ranges *ranges;
} request;

static tenon_status make_kernel(tenon__execs *execs, tenonh_device *device, tenon__exec_entry *entry,
                                const void *context) {
    const request *of = context;
    TENON_TRY(create_kernel(device, of->pattern, &entry->kernel));
    kernel_work *work = calloc(1, sizeof *work);
    if (!work) return tenon__fail_memory();
    tenon_status status = describe_work(work, entry->kernel, tenonh_device_dialect(device), of->ranges);
    if (status == TENON_STATUS_OK) status = tenon__execs_prepare(execs, device, &work->work, &entry->exec);
    free(work->blob);
    free(work);
    return tenon__class_answer(of->ranges, status);
}

/* -- Numbers of a launch -- */

static tenon_status canonicalize(const tenon__task *task, tenon_canonical *out_canonical) {
    tenon_strided operands[TENON__TASK_OPERANDS];
    for (uint32_t i = 0; i < task->operand_count; i++) {
        const tenon__ref *ref = &task->operands[i];
        operands[i] = (tenon_strided){ref->dtype, ref->rank, ref->dims, ref->strides};
    }
    return tenon__canonicalize(task->op, task->attrs, task->attr_count, operands, task->operand_count, out_canonical);
}

/* The exec of a pattern for these ranges, prepared or found. */
static tenon_status find_exec(tenon__execs *execs, tenonh_device *device, const tenon_pattern *pattern,
                              const tenon__ranges *ranges, const tenon__exec_entry **out_entry) {
    tenon__key key;
    key.size = 0;
    key.overflow = false;
    tenon__key_number(&key, TENON_WORK_KERNEL);
    tenon__key_put(&key, pattern, sizeof *pattern);
    tenon__ranges_key(ranges, &key);
    if (key.overflow) return tenon__fail(TENON_STATUS_UNSUPPORTED, "too many numbers for one kernel");
    return tenon__execs_find(execs, device, &key, make_kernel, &(request){pattern, ranges}, out_entry);
}

/* Asks for all values, then for classes of those that the answer leaves out, then for these values alone. */
static tenon_status search(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                           const tenon_pattern *pattern, const tenon__prepared *prepared,
                           const tenon__exec_entry **out_entry) {
    tenon_symbol widest[TENON_PATTERN_SYMBOLS];
    bool narrow[TENON_PATTERN_SYMBOLS], dynamic = tenonh_device_info(device)->shapes == TENON_SHAPES_DYNAMIC;
    tenon__ranges ranges = {prepared->symbol_count, prepared->symbols, widest, narrow};
    for (uint32_t i = 0; i < ranges.count; i++) widest[i] = (tenon_symbol){INT64_MIN, INT64_MAX, 1};
    tenon__ranges_begin(&ranges, TENON_SHAPES_DYNAMIC);
    for (uint32_t attempt = dynamic ? 0 : 2; attempt < 3; attempt++) {
        if (attempt == 2) tenon__ranges_begin(&ranges, TENON_SHAPES_STATIC);
        tenon_status status = find_exec(execs, device, pattern, &ranges, out_entry);
        if (attempt == 1 && status == TENON_STATUS_UNSUPPORTED) continue;
        if (status != TENON_STATUS_OK) return status;
        if (tenon__exec_takes((*out_entry)->exec, ranges.values, ranges.count)) return TENON_STATUS_OK;
        tenon__ranges_narrow(&ranges, (*out_entry)->exec);
    }
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s takes %s, but not with these numbers", tenonh_device_name(device),
                       tenon_op_row_of(task->op)->name);
}

static bool is_remembered(const tenon__exec_memo *memo, const tenonh_device *device, const tenon_pattern *pattern,
                          const tenon__prepared *prepared) {
    return memo && memo->entry && tenonh_exec_device(memo->entry->exec) == device &&
           memo->placement == TENONH_PLACEMENT_KERNEL && memcmp(&memo->pattern, pattern, sizeof *pattern) == 0 &&
           tenon__exec_takes(memo->entry->exec, prepared->symbols, prepared->symbol_count);
}

static tenon_status fill_grids(const tenon__printed *printed, tenon__arena *arena, tenon__prepared *out) {
    out->grids = tenon__arena_array(arena, printed->entry_count, sizeof *out->grids);
    if (!out->grids) return tenon__fail_memory();
    out->grid_count = printed->entry_count;
    return tenon__printed_geometry(printed, out->symbols, out->grids);
}

/* The program's own need, which depends on the numbers, or the device's bound where that is larger. */
static tenon_status fill_workspace(const tenon__printed *printed, tenon__prepared *out) {
    const tenon_exec_info *info = tenonh_exec_info(out->exec);
    TENON_TRY(tenon__printed_workspace(printed, out->symbols, &out->workspace_size));
    if (info->workspace_size > out->workspace_size) out->workspace_size = info->workspace_size;
    out->workspace_alignment = info->workspace_alignment;
    return TENON_STATUS_OK;
}

static tenon_status list_symbols(const tenon_canonical *problem, tenon__arena *arena, tenon__prepared *out) {
    int64_t symbols[TENON_PATTERN_SYMBOLS];
    out->symbol_count = tenon_pattern_symbols(&problem->pattern, problem, symbols);
    out->symbols = tenon__arena_copy(arena, symbols, out->symbol_count * sizeof *symbols);
    return out->symbols ? TENON_STATUS_OK : tenon__fail_memory();
}

tenon_status tenon__prepare_kernel(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                   tenon__exec_memo *memo, tenon__arena *arena, tenon__prepared *out) {
    tenon_canonical problem;
    const tenon__exec_entry *entry;
    TENON_TRY(canonicalize(task, &problem));
    out->placement = TENONH_PLACEMENT_KERNEL;
    TENON_TRY(list_symbols(&problem, arena, out));
    if (is_remembered(memo, device, &problem.pattern, out))
        entry = memo->entry;
    else
        TENON_TRY(search(execs, device, task, &problem.pattern, out, &entry));
    if (memo) *memo = (tenon__exec_memo){entry, memo->task, out->placement, problem.pattern};
    out->exec = entry->exec;
    TENON_TRY(fill_grids(entry->kernel->printed, arena, out));
    TENON_TRY(fill_workspace(entry->kernel->printed, out));
    return tenon__task_scalars(task, arena, out);
}
