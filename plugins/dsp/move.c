/* Operators that move elements, bits as they are. */
#include "dsp.h"

#include <string.h>

#include <tenon/walk.h>

#define DSP__STEPS(type)                                                                                               \
    for (int64_t i = 0; i < count; i++)                                                                                \
    memcpy(to + i * (int64_t)sizeof(type), from + i * step * (int64_t)sizeof(type), sizeof(type))

/* Elements `step` apart, one after the other. */
static void collect(dsp_local *local, unsigned char *to, const unsigned char *from, int64_t step, int64_t count,
                    uint32_t size) {
    if (step == 1) {
        dsp_transfer(local, to, from, (uint64_t)count * size);
        return;
    }
    switch (size) {
    case 1: DSP__STEPS(uint8_t); break;
    case 2: DSP__STEPS(uint16_t); break;
    case 4: DSP__STEPS(uint32_t); break;
    default: DSP__STEPS(uint64_t); break;
    }
}

/* The one kernel whose input lies in any way. */
tenon_status dsp_run_copy(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    int64_t to[TENON_MAX_RANK], stride = 1;
    tenon_walk walk;
    for (uint32_t i = y->rank; i-- > 0; stride *= y->dims[i]) to[i] = stride;
    TENON_TRY(tenon_walk_begin(&walk, y->rank, y->dims, 2, (const int64_t *const[]){call->strides, to}));
    while (tenon_walk_next(&walk))
        collect(local, y->bytes + walk.offsets[1] * y->size, x->bytes + walk.offsets[0] * x->size, walk.steps[0],
                walk.count, y->size);
    return TENON_STATUS_OK;
}

tenon_status dsp_run_fill(dsp_local *local, const dsp_call *call) {
    const dsp_operand *y = &call->operands[0];
    (void)local;
    dsp_repeat(y->bytes, call->scalars[0], y->size, (uint64_t)y->count * y->size);
    return TENON_STATUS_OK;
}

/* -- Blocks: what lies at `start` of a larger whole --------------------------------------------------------------- */

/* The element of `whole` at which row `row` of the block begins. */
static int64_t place_of_row(const dsp_operand *block, const dsp_operand *whole, const int64_t *start, int64_t row) {
    int64_t place = 0, stride = 1;
    for (uint32_t i = whole->rank; i-- > 0; stride *= whole->dims[i]) {
        bool is_last = i + 1 == whole->rank;
        int64_t index = is_last ? 0 : row % block->dims[i];
        if (!is_last) row /= block->dims[i];
        place += (start[i] + index) * stride;
    }
    return place;
}

static void put_block(dsp_local *local, const dsp_operand *block, const dsp_operand *whole, const int64_t *start) {
    int64_t length = block->rank ? block->dims[block->rank - 1] : 1;
    int64_t rows = block->count && length ? block->count / length : 0;
    for (int64_t row = 0; row < rows; row++)
        dsp_transfer(local, whole->bytes + place_of_row(block, whole, start, row) * whole->size,
                     block->bytes + row * length * block->size, (uint64_t)length * block->size);
}

tenon_status dsp_run_pad(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    uint32_t count;
    const int64_t *low = dsp_attr_list(call->exec, TENON_ATTR_LOW, &count);
    dsp_repeat(y->bytes, call->scalars[0], y->size, (uint64_t)y->count * y->size);
    put_block(local, x, y, low);
    return TENON_STATUS_OK;
}

tenon_status dsp_run_update(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *starts = &call->operands[1], *y = &call->operands[2];
    int64_t start[TENON_MAX_RANK] = {0};
    if (y->rank) memcpy(start, starts->bytes, y->rank * sizeof *start);
    for (uint32_t i = 0; i < y->rank; i++)
        if (start[i] < 0 || start[i] > y->dims[i] - x->dims[i]) return TENON_STATUS_OUT_OF_RANGE;
    put_block(local, x, y, start);
    return TENON_STATUS_OK;
}
