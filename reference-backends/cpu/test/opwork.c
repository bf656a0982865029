#include "opwork.h"

enum { FENCE = 64 };

int64_t opwork_count(const operand *o) {
    int64_t count = 1;
    for (uint32_t i = 0; i < o->rank; i++) count *= o->dims[i];
    return count;
}

static int64_t width_of(const operand *o) {
    return tenon_dtype_bits(o->dtype) / 8;
}

char *opwork_at(const operand *o, int64_t index) {
    int64_t offset = 0;
    for (uint32_t i = o->rank; i-- > 0;) {
        offset += index % o->dims[i] * o->strides[i];
        index /= o->dims[i];
    }
    return o->address + offset * width_of(o);
}

/* Strides of a dense array whose axes lie in the order `order`, dims scaled and padded as the layout says. */
static void set_strides(operand *o) {
    int64_t next = o->layout == LAYOUT_SPARSE ? 3 : 1;
    for (uint32_t place = 0; place < o->rank; place++) {
        uint32_t axis = o->rank - 1 - place;
        if (o->layout == LAYOUT_TRANSPOSED && o->rank >= 2 && place < 2) axis = o->rank - 2 + place;
        o->strides[axis] = next;
        next *= o->dims[axis] ? o->dims[axis] : 1;
        if (place == 0 && o->layout == LAYOUT_PADDED) next += 5;
        if (place == 0 && o->layout == LAYOUT_SPARSE) next *= 2;
    }
    for (uint32_t i = 0; i < o->rank; i++) {
        if (o->layout == LAYOUT_REVERSED) o->strides[i] = -o->strides[i];
        if (o->layout == LAYOUT_REPEATED && i + 2 < o->rank) o->strides[i] = 0;
        if (o->layout == LAYOUT_SAME_ROWS && i + 2 == o->rank) o->strides[i] = 0;
    }
}

void opwork_lay(opwork *work, uint32_t index, tenon_dtype dtype, uint32_t layout, uint32_t rank, const int64_t *dims) {
    operand *o = &work->operands[index];
    int64_t low = 0, high = 0;
    *o = (operand){.dtype = dtype, .layout = layout, .rank = rank};
    memcpy(o->dims, dims, rank * sizeof *dims);
    set_strides(o);
    for (uint32_t i = 0; i < rank; i++) {
        int64_t reach = dims[i] ? (dims[i] - 1) * o->strides[i] : 0;
        *(reach < 0 ? &low : &high) += reach;
    }
    o->size = (uint64_t)((high - low + 1) * width_of(o)) + 2 * FENCE;
    o->offset = (uint64_t)(FENCE - low * width_of(o));
    o->memory = fixture_memory(work->f, o->size);
    char *base = fixture_address(work->f, o->memory);
    memset(base, 0xff, o->size);
    o->address = base + o->offset;
    if (index >= work->operand_count) work->operand_count = index + 1;
}

void opwork_attrs(opwork *work, uint32_t id, uint32_t count, const int64_t *values) {
    int64_t *kept = work->attr_values[work->attr_count];
    if (count) memcpy(kept, values, count * sizeof *values);
    work->attrs[work->attr_count++] = (tenon_attr){id, count, kept};
}

void opwork_attr(opwork *work, uint32_t id, int64_t value) {
    opwork_attrs(work, id, 1, &value);
}

static tenon_extent extent(opwork *work, int64_t value) {
    if (!work->symbolic) return (tenon_extent){value, TENON_NO_SYMBOL, 0};
    work->symbols[work->symbol_count] = value;
    return (tenon_extent){0, work->symbol_count++, 0};
}

static void describe(opwork *work, uint32_t outputs, tenon_operand *out_operands) {
    int in_place = work->op == TENON_OP_UPDATE_SLICE || work->op == TENON_OP_SCATTER;
    work->symbol_count = 0;
    for (uint32_t i = 0; i < work->operand_count; i++) {
        const operand *o = &work->operands[i];
        uint32_t role = i + outputs < work->operand_count ? TENON_ROLE_INPUT
                        : in_place                        ? TENON_ROLE_INOUT
                                                          : TENON_ROLE_OUTPUT;
        out_operands[i] = (tenon_operand){.role = o->role ? o->role : role, .alignment = (uint64_t)width_of(o)};
        out_operands[i].view = (tenon_view){.dtype = o->dtype, .rank = o->rank};
        for (uint32_t j = 0; j < o->rank; j++) {
            out_operands[i].view.dims[j] = extent(work, o->dims[j]);
            out_operands[i].view.strides[j] = extent(work, o->strides[j]);
        }
    }
}

tenon_status opwork_prepare(opwork *work, uint32_t outputs) {
    tenon_operand operands[OPWORK_OPERANDS];
    tenon_operand_info answers[OPWORK_OPERANDS];
    tenon_symbol symbols[sizeof work->symbols / sizeof *work->symbols],
        narrowed[sizeof work->symbols / sizeof *work->symbols];
    describe(work, outputs, operands);
    for (uint32_t i = 0; i < work->symbol_count; i++) {
        symbols[i] = (tenon_symbol){work->symbols[i] < 0 ? INT64_MIN : 0, INT64_MAX, 1};
        narrowed[i] = symbols[i];
    }
    for (uint32_t i = 0; i < OPWORK_OPERANDS; i++) answers[i] = (tenon_operand_info){.alias = TENON_NO_ALIAS};
    tenon_op_work op = {.struct_size = sizeof op, .op = work->op, .attr_count = work->attr_count, .attrs = work->attrs};
    tenon_work what = {.struct_size = sizeof what,
                       .kind = TENON_WORK_OP,
                       .symbols = symbols,
                       .operands = operands,
                       .symbol_count = work->symbol_count,
                       .operand_count = work->operand_count,
                       .op = &op};
    tenon_exec_info info = {.struct_size = sizeof info, .symbols = narrowed, .operands = answers};
    tenon_status status = plugin->work->prepare(work->f->device, &what, &info, &work->exec);
    if (status == TENON_STATUS_OK) ck_assert_uint_eq(info.workspace_size, 0);
    work->alias = answers[work->operand_count - 1].alias;
    return status;
}

tenon_status opwork_launch(opwork *work) {
    tenon_buffer buffers[OPWORK_OPERANDS];
    for (uint32_t i = 0; i < work->operand_count; i++)
        buffers[i] = (tenon_buffer){work->operands[i].memory, work->operands[i].offset};
    tenon_launch what = {.struct_size = sizeof what,
                         .buffer_count = work->operand_count,
                         .buffers = buffers,
                         .symbols = work->symbols,
                         .scalars = work->scalars,
                         .symbol_count = work->symbol_count,
                         .scalar_count = work->scalar_count};
    return plugin->work->launch(work->f->stream, work->exec, &what);
}

static void check_fences(const operand *o, fixture *f) {
    const uint8_t *base = (const uint8_t *)fixture_address(f, o->memory);
    uint8_t all = 0xff;
    for (uint64_t i = 0; i < FENCE; i++) all &= base[i] & base[o->size - 1 - i];
    ck_assert_uint_eq(all, 0xff);
}

tenon_status opwork_run(opwork *work, uint32_t outputs) {
    TENON_TRY(opwork_prepare(work, outputs));
    tenon_status status = opwork_launch(work);
    if (status == TENON_STATUS_OK) status = plugin->stream->synchronize(work->f->stream);
    for (uint32_t i = 0; i < work->operand_count; i++) check_fences(&work->operands[i], work->f);
    return status;
}

void opwork_free(opwork *work) {
    if (work->exec) plugin->work->release(work->f->device, work->exec);
    for (uint32_t i = 0; i < work->operand_count; i++)
        if (work->operands[i].memory) plugin->memory->release(work->f->device, work->operands[i].memory);
}
