/* Preparing op work: checks, and a copy of what launches need. */
#include "dsp.h"

#include <string.h>

#include <tenon/canonical.h>

/* -- What the device takes ---------------------------------------------------------------------------------------- */

static dsp_kernel kernel_of(uint32_t family) {
    static const struct {
        uint32_t family;
        dsp_kernel run;
    } kernels[] = {
        {TENON_FAMILY_COPY, dsp_run_copy},         {TENON_FAMILY_FILL, dsp_run_fill},
        {TENON_FAMILY_IOTA, dsp_run_iota},         {TENON_FAMILY_PAD, dsp_run_pad},
        {TENON_FAMILY_CAST, dsp_run_cast},         {TENON_FAMILY_BITCAST, dsp_run_bitcast},
        {TENON_FAMILY_UPDATE, dsp_run_update},     {TENON_FAMILY_MAP, dsp_run_map},
        {TENON_FAMILY_REDUCE, dsp_run_reduce},     {TENON_FAMILY_ARG, dsp_run_arg},
        {TENON_FAMILY_GATHER, dsp_run_gather},     {TENON_FAMILY_SCATTER, dsp_run_scatter},
        {TENON_FAMILY_CONTRACT, dsp_run_contract}, {TENON_FAMILY_SORT, dsp_run_sort},
        {TENON_FAMILY_SCAN, dsp_run_scan},         {TENON_FAMILY_RANDOM, dsp_run_random},
    };
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (kernels[i].family == family) return kernels[i].run;
    return NULL;
}

/* -- Views -------------------------------------------------------------------------------------------------------- */

static tenon_status check_extent(tenon_device *device, const tenon_work *work, uint32_t operand,
                                 const tenon_extent *extent, int64_t least) {
    bool symbolic = extent->symbol != TENON_NO_SYMBOL;
    if (extent->reserved)
        return DSP_FAIL(device, NULL, TENON_STATUS_UNSUPPORTED, "operand %u: reserved is not 0", operand);
    if (symbolic && extent->symbol >= work->symbol_count)
        return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "operand %u: symbol %u of %u", operand, extent->symbol,
                        work->symbol_count);
    if ((symbolic ? work->symbols[extent->symbol].min : extent->value) < least)
        return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "operand %u: a dim may be negative", operand);
    return TENON_STATUS_OK;
}

static tenon_status check_operand(tenon_device *device, const tenon_work *work, uint32_t index) {
    const tenon_operand *operand = &work->operands[index];
    const tenon_view *view = &operand->view;
    if (view->rank > TENON_MAX_RANK || tenon_dtype_bits(view->dtype) == 0)
        return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "operand %u: rank %u, dtype %u", index, view->rank,
                        view->dtype);
    if (operand->layout)
        return DSP_FAIL(device, NULL, TENON_STATUS_UNSUPPORTED, "operand %u: there is no layout %u", index,
                        operand->layout);
    if (!(DSP_DTYPES >> view->dtype & 1))
        return DSP_FAIL(device, NULL, TENON_STATUS_UNSUPPORTED, "operand %u: the core does not compute in %s", index,
                        tenon_dtype_name(view->dtype));
    for (uint32_t i = 0; i < view->rank; i++) {
        TENON_TRY(check_extent(device, work, index, &view->dims[i], 0));
        TENON_TRY(check_extent(device, work, index, &view->strides[i], INT64_MIN));
    }
    return TENON_STATUS_OK;
}

static tenon_status check_work(tenon_device *device, const tenon_work *work) {
    tenon_status status = tenon_work_check(work);
    if (status == TENON_STATUS_OK && work->kind != TENON_WORK_OP) status = TENON_STATUS_UNSUPPORTED;
    if (status != TENON_STATUS_OK)
        return DSP_FAIL(device, NULL, status, "the work is no op work, or one that this plugin does not know");
    if ((work->symbol_count && !work->symbols) || (work->operand_count && !work->operands))
        return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "the work's symbols or operands are NULL");
    for (uint32_t i = 0; i < work->symbol_count; i++)
        if (work->symbols[i].divisor < 1 || work->symbols[i].min > work->symbols[i].max)
            return DSP_FAIL(device, NULL, TENON_STATUS_INVALID, "symbol %u has no value", i);
    for (uint32_t i = 0; i < work->operand_count; i++) TENON_TRY(check_operand(device, work, i));
    return TENON_STATUS_OK;
}

/* -- Shapes ------------------------------------------------------------------------------------------------------- */

bool dsp_has_gaps(uint32_t rank, const dsp_shape *shape) {
    bool gaps = false;
    int64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        if (shape->dims[i] == 0) return false;
        gaps = gaps || (shape->dims[i] != 1 && shape->strides[i] != stride);
        if (__builtin_mul_overflow(stride, shape->dims[i], &stride)) return true;
    }
    return gaps;
}

tenon_status dsp_check_shapes(const tenon_exec *exec, const dsp_shape *shapes) {
    tenon_strided operands[DSP_OPERANDS];
    tenon_canonical problem;
    for (uint32_t i = 0; i < exec->operand_count; i++) {
        const tenon_view *view = &exec->operands[i].view;
        operands[i] = (tenon_strided){view->dtype, view->rank, shapes[i].dims, shapes[i].strides};
    }
    TENON_TRY(
        tenon_canonicalize(exec->row->op, exec->attrs, exec->attr_count, operands, exec->operand_count, &problem));
    if (exec->row->family != TENON_FAMILY_ARG || shapes[0].dims[dsp_attr(exec, TENON_ATTR_AXIS)] > 0)
        return TENON_STATUS_OK;
    return dsp_span(shapes[1].dims, 0, exec->operands[1].view.rank) ? TENON_STATUS_INVALID : TENON_STATUS_OK;
}

/* What is known of shapes before a launch: dims and strides that are numbers. Symbols count as 1, so that only a refusal
 * tells something where there are any. */
static tenon_status check_numbers(const tenon_exec *exec) {
    dsp_shape shapes[DSP_OPERANDS] = {0};
    bool symbolic = false;
    for (uint32_t k = 0; k < exec->operand_count; k++)
        for (uint32_t i = 0; i < exec->operands[k].view.rank; i++) {
            const tenon_view *view = &exec->operands[k].view;
            bool dim = view->dims[i].symbol != TENON_NO_SYMBOL, stride = view->strides[i].symbol != TENON_NO_SYMBOL;
            symbolic = symbolic || dim || stride;
            shapes[k].dims[i] = dim ? 1 : view->dims[i].value;
            shapes[k].strides[i] = stride ? 1 : view->strides[i].value;
        }
    tenon_status status = dsp_check_shapes(exec, shapes);
    if (symbolic) return status == TENON_STATUS_UNSUPPORTED ? status : (tenon_status)TENON_STATUS_OK;
    for (uint32_t k = exec->row->op == TENON_OP_COPY ? 1 : 0; k < exec->operand_count; k++)
        if (dsp_has_gaps(exec->operands[k].view.rank, &shapes[k])) return TENON_STATUS_UNSUPPORTED;
    return status;
}

/* -- Execs -------------------------------------------------------------------------------------------------------- */

int64_t dsp_attr(const tenon_exec *exec, uint32_t id) {
    return tenon_attr_int(exec->attrs, exec->attr_count, id, tenon_attr_row_of(id)->default_value);
}

const int64_t *dsp_attr_list(const tenon_exec *exec, uint32_t id, uint32_t *out_count) {
    const tenon_attr *attr = tenon_attr_find(exec->attrs, exec->attr_count, id);
    *out_count = attr ? attr->count : 0;
    return attr ? attr->values : NULL;
}

/* An exec with copies of operands, symbols, attributes and their values behind it. */
static tenon_exec *create(tenon_device *device, const tenon_work *work) {
    const tenon_op_work *op = work->op;
    size_t values = 0;
    for (uint32_t i = 0; i < op->attr_count; i++) values += op->attrs[i].count;
    tenon_exec *exec = dsp_allocate(device->host, sizeof *exec + work->operand_count * sizeof *work->operands +
                                                      work->symbol_count * sizeof *work->symbols +
                                                      op->attr_count * sizeof *op->attrs + values * sizeof(int64_t));
    if (!exec) return NULL;
    exec->device = device;
    exec->operand_count = work->operand_count;
    exec->symbol_count = work->symbol_count;
    exec->attr_count = op->attr_count;
    exec->operands = (tenon_operand *)(exec + 1);
    exec->symbols = (tenon_symbol *)(exec->operands + exec->operand_count);
    exec->attrs = (tenon_attr *)(exec->symbols + exec->symbol_count);
    int64_t *at = (int64_t *)(exec->attrs + exec->attr_count);
    memcpy(exec->operands, work->operands, work->operand_count * sizeof *work->operands);
    if (work->symbol_count) memcpy(exec->symbols, work->symbols, work->symbol_count * sizeof *work->symbols);
    for (uint32_t i = 0; i < op->attr_count; at += op->attrs[i].count, i++) {
        exec->attrs[i] = (tenon_attr){op->attrs[i].id, op->attrs[i].count, at};
        if (op->attrs[i].count) memcpy(at, op->attrs[i].values, op->attrs[i].count * sizeof *at);
    }
    return exec;
}

static void release(tenon_device *device, tenon_exec *exec) {
    device->host->release(device->host, exec);
}

/* A contraction is summed in f32, or in integers where its factors are some. */
static tenon_status choose_accumulator(tenon_exec *exec) {
    tenon_dtype value = exec->operands[0].view.dtype, asked = (tenon_dtype)dsp_attr(exec, TENON_ATTR_ACCUMULATOR);
    exec->accumulator = asked ? asked : tenon_dtype_accumulator(exec->row->op, value);
    bool known = DSP_DTYPES >> exec->accumulator & 1 && tenon_dtype_compute(exec->accumulator) == exec->accumulator;
    return known && (dsp_is_float(exec->accumulator) || !dsp_is_float(value)) ? TENON_STATUS_OK
                                                                              : TENON_STATUS_UNSUPPORTED;
}

/* Kernels of family MAP read a tile of every operand before they write the result's. */
static void answer(const tenon_exec *exec, tenon_exec_info *out_info) {
    if (exec->row->family == TENON_FAMILY_MAP) out_info->operands[exec->row->input_count].alias = TENON_ANY_ALIAS;
    if (exec->row->family != TENON_FAMILY_CONTRACT) return;
    out_info->workspace_size = sizeof(float) * DSP_ROWS * DSP_COLUMNS;
    out_info->workspace_alignment = DSP_ALIGNMENT;
}

static tenon_status prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    const tenon_op_row *row = NULL;
    char words[256];
    TENON_TRY(check_work(device, work));
    tenon_status status = tenon_op_work_check(work, &row, words, sizeof words);
    if (status != TENON_STATUS_OK) return DSP_FAIL(device, NULL, status, "%s", words);
    if (device->host->cancelled(device->host, work))
        return DSP_FAIL(device, NULL, TENON_STATUS_CANCELLED, "%s: cancelled", row->name);
    tenon_exec *exec = create(device, work);
    if (!exec) return DSP_FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory for an exec");
    exec->row = row;
    exec->run = kernel_of(row->family);
    if (row->family == TENON_FAMILY_CONTRACT) status = choose_accumulator(exec);
    if (status == TENON_STATUS_OK) status = check_numbers(exec);
    if (status == TENON_STATUS_OK) {
        answer(exec, out_info);
        *out_exec = exec;
        return TENON_STATUS_OK;
    }
    release(device, exec);
    return DSP_FAIL(device, NULL, status, "%s: %s", row->name,
                    status == TENON_STATUS_INVALID
                        ? "dims that do not go together"
                        : "operands with gaps, or a combination that the core does not have");
}

const tenon_work_hooks dsp_work_hooks = {
    .struct_size = sizeof(tenon_work_hooks),
    .prepare = prepare,
    .launch = dsp_launch,
    .release = release,
};
