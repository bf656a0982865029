/* Operators with symbols as work, and their launches. */
#include "cases/symbol.h"

#include <stdlib.h>
#include <string.h>

uint32_t cf_symbolic_inputs(const cf_symbolic *s) {
    return tenon_op_row_of(s->op)->input_count;
}

uint32_t cf_symbolic_operands(const cf_symbolic *s) {
    return cf_symbolic_inputs(s) + tenon_op_row_of(s->op)->output_count;
}

/* -- Work -- */

static tenon_extent extent_of(int number, const int64_t *sizes) {
    if (number < 0) return (tenon_extent){.value = -number, .symbol = TENON_NO_SYMBOL};
    if (sizes) return (tenon_extent){.value = sizes[number], .symbol = TENON_NO_SYMBOL};
    return (tenon_extent){.symbol = (uint32_t)number};
}

static void describe_view(const cf_symbolic_operand *operand, const int64_t *sizes, tenon_view *view) {
    *view = (tenon_view){.dtype = operand->dtype, .rank = operand->rank};
    for (uint32_t i = 0; i < operand->rank; i++) view->dims[i] = extent_of(operand->dims[i], sizes);
    view->strides[operand->rank - 1] = (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL};
    if (operand->stride != CF_BY_ROWS)
        view->strides[0] = extent_of(operand->stride, sizes);
    else if (operand->rank == 2)
        view->strides[0] = view->dims[1];
}

static uint32_t role_of(const cf_symbolic *s, uint32_t k) {
    if (k < cf_symbolic_inputs(s)) return TENON_ROLE_INPUT;
    return cf_works_in_place(s->op) ? TENON_ROLE_INOUT : TENON_ROLE_OUTPUT;
}

void cf_symbolic_describe(const cf_symbolic *s, const int64_t *sizes, cf_symbolic_work *out_work) {
    cf_symbolic_work *w = out_work;
    uint32_t attrs = 0;
    for (uint32_t k = 0; k < cf_symbolic_operands(s); k++) {
        w->operands[k] = (tenon_operand){.role = role_of(s, k)};
        w->operands[k].alignment = tenon_dtype_bits(s->operands[k].dtype) / 8;
        describe_view(&s->operands[k], sizes, &w->operands[k].view);
    }
    for (; attrs < CF_SYMBOL_ATTRS && s->attrs[attrs].id; attrs++)
        w->attrs[attrs] = (tenon_attr){s->attrs[attrs].id, s->attrs[attrs].count, s->attrs[attrs].values};
    w->op = (tenon_op_work){.struct_size = sizeof w->op, .op = s->op, .attrs = w->attrs, .attr_count = attrs};
    w->work = (tenon_work){.struct_size = sizeof w->work, .kind = TENON_WORK_OP, .symbols = sizes ? NULL : w->ranges};
    w->work.operands = w->operands;
    w->work.symbol_count = sizes ? 0 : CF_SYMBOLS;
    w->work.operand_count = cf_symbolic_operands(s);
    w->work.op = &w->op;
}

/* -- Operands -- */

static int64_t size_of(const cf_symbolic_run *r, int number) {
    return number < 0 ? -number : r->sizes[number];
}

/* Elements that an operand reaches over. */
static int64_t count_of(const cf_symbolic_run *r, const cf_symbolic_operand *operand) {
    int64_t first = size_of(r, operand->dims[0]), rest = operand->rank == 2 ? size_of(r, operand->dims[1]) : 1;
    int64_t stride = operand->stride == CF_BY_ROWS ? rest : r->sizes[operand->stride];
    return first && rest ? (first - 1) * stride + rest : 0;
}

static int64_t content_of(const cf_symbolic_run *r, uint32_t k, int64_t i) {
    const cf_symbolic_operand *operand = &r->of->operands[k];
    int64_t last = r->sizes[0] - 1;
    switch (operand->content) {
    case CF_RISING: return i - (1 << 20);
    case CF_INDICES: return i == 0 ? last : (int64_t)(cf_random() % (uint64_t)(last + 1));
    case CF_PAST: return i + 1 == r->counts[k] ? last + 1 : 0;
    case CF_START: return i == 0 ? last : 0;
    default: return operand->dtype == TENON_DTYPE_BOOL ? (int64_t)(cf_random() % 2) : (int64_t)(cf_random() % 7) - 3;
    }
}

static bool is_poisoned(const cf_symbolic *s, uint32_t k) {
    return role_of(s, k) == TENON_ROLE_OUTPUT;
}

static tenon_status place(cf_symbolic_run *r, uint32_t k) {
    const cf_symbolic_operand *operand = &r->of->operands[k];
    r->counts[k] = count_of(r, operand);
    r->bytes[k] = (uint64_t)r->counts[k] * (tenon_dtype_bits(operand->dtype) / 8) + CF_SYMBOL_FENCE;
    r->images[k] = malloc(r->bytes[k]);
    if (!r->images[k]) return TENON_STATUS_OUT_OF_MEMORY;
    memset(r->images[k], 0xa5, r->bytes[k]);
    for (int64_t i = 0; i < r->counts[k] && !is_poisoned(r->of, k); i++) {
        int64_t value = content_of(r, k, i);
        cf_store(operand->dtype, r->images[k], i, (cf_number){.f = (long double)value, .i = value});
    }
    TENON_TRY(tenonh_memory_create(cf_under_test.device, 0, r->bytes[k], &r->memories[k]));
    return tenonh_stream_write(cf_under_test.stream, r->memories[k], 0, r->images[k], r->bytes[k]);
}

tenon_status cf_symbolic_begin(cf_symbolic_run *run) {
    TENON_TRY(cf_row_stream());
    for (uint32_t k = 0; k < cf_symbolic_operands(run->of); k++) TENON_TRY(place(run, k));
    return tenonh_stream_synchronize(cf_under_test.stream);
}

void cf_symbolic_end(cf_symbolic_run *run) {
    for (uint32_t k = 0; k < CF_SYMBOL_OPERANDS; k++) {
        free(run->images[k]);
        tenonh_memory_release(run->memories[k]);
    }
}

/* -- Launches -- */

static tenon_status enqueue(const cf_symbolic_run *r, tenonh_exec *exec, bool with_symbols, tenonh_memory *workspace) {
    tenon_buffer buffers[CF_SYMBOL_OPERANDS];
    tenon_launch launch = {.struct_size = sizeof launch, .buffers = buffers};
    launch.buffer_count = cf_symbolic_operands(r->of);
    for (uint32_t k = 0; k < launch.buffer_count; k++) buffers[k] = tenonh_memory_buffer(r->memories[k], 0);
    launch.symbols = r->sizes;
    launch.symbol_count = with_symbols ? CF_SYMBOLS : 0;
    launch.scalars = &r->of->scalar;
    launch.scalar_count = tenon_op_row_of(r->of->op)->scalar_count;
    if (workspace) launch.workspace = tenonh_memory_buffer(workspace, 0);
    return tenonh_exec_launch(exec, cf_under_test.stream, &launch);
}

tenon_status cf_symbolic_launch(const cf_symbolic_run *run, tenonh_exec *exec, bool with_symbols) {
    tenonh_memory *workspace = NULL;
    uint64_t needed = tenonh_exec_info(exec)->workspace_size;
    tenon_status status = TENON_STATUS_OK;
    for (uint32_t k = cf_symbolic_inputs(run->of); k < cf_symbolic_operands(run->of); k++)
        TENON_TRY(tenonh_stream_write(cf_under_test.stream, run->memories[k], 0, run->images[k], run->bytes[k]));
    if (needed) status = tenonh_memory_create(cf_under_test.device, 0, needed, &workspace);
    if (status == TENON_STATUS_OK) status = enqueue(run, exec, with_symbols, workspace);
    tenon_status ended = tenonh_stream_synchronize(cf_under_test.stream);
    if (status == TENON_STATUS_OK) status = ended;
    if (status != TENON_STATUS_OK) {
        tenonh_stream_release(cf_under_test.stream);
        cf_under_test.stream = NULL;
    }
    tenonh_memory_release(workspace);
    return status;
}

tenon_status cf_symbolic_read(const cf_symbolic_run *run, uint32_t operand, char **out_bytes) {
    uint64_t bytes = run->bytes[operand];
    *out_bytes = malloc(bytes);
    if (!*out_bytes) return TENON_STATUS_OUT_OF_MEMORY;
    TENON_TRY(cf_row_stream());
    TENON_TRY(tenonh_stream_read(cf_under_test.stream, *out_bytes, run->memories[operand], 0, bytes));
    return tenonh_stream_synchronize(cf_under_test.stream);
}
