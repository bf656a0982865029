/* Composites whose dims come from the content of operands. When they are built their content is known, and results[0]
 * has the dims that the shape rule found. */
#include <stdlib.h>
#include <string.h>

#include "passes/compose.h"
#include "passes/eval.h"
#include "passes/fold.h"

TENON__DECOMPOSITION(broadcast) {
    out[0] = tenon__expand_like(b, node->operands[0], node->results[0]);
}

TENON__DECOMPOSITION(expand_to) {
    out[0] = tenon__expand_like(b, node->operands[0], node->results[0]);
}

TENON__DECOMPOSITION(reshape_to) {
    out[0] = tenon__reshape(b, node->operands[0], node->results[0]->rank, node->results[0]->dims);
}

/* Axis by axis: a new axis before it repeats, then both are one. */
TENON__DECOMPOSITION(tile) {
    tenonh_value *x = node->operands[0];
    const tenonh_value *y = node->results[0];
    uint32_t count, rank = x->rank;
    const tenonh_dim *const *repeats = tenon__content(b, node->operands[1], &count);
    for (uint32_t i = 0; i < rank && repeats; i++) {
        const tenonh_dim *dims[TENON_MAX_RANK + 1], *joined[TENON_MAX_RANK];
        if (!x || tenon__dim_is(repeats[i], 1)) continue;
        for (uint32_t k = 0; k < rank; k++) joined[k] = k == i ? y->dims[i] : x->dims[k];
        tenonh_value *wider = tenon__unsqueeze(b, x, i);
        for (uint32_t k = 0; k <= rank && wider; k++) dims[k] = k == i ? repeats[i] : wider->dims[k];
        x = tenon__reshape(b, tenon__expand(b, wider, rank + 1, dims), rank, joined);
    }
    out[0] = x;
}

TENON__DECOMPOSITION(slice_to) {
    tenon__slice_plan plan;
    tenon_status status = tenon__plan_slice(b, node, &plan);
    if (status != TENON_STATUS_OK)
        tenon__build_failed(b, status, node);
    else
        out[0] = tenon__slice(b, node->operands[0], plan.starts, plan.steps, plan.dims);
}

/* -- Pads ----------------------------------------------------------------------------------------------------------- */

/* What is added (at_least_0) and what is cut (the negative rest) of a pad. False: its sign is not known. */
static bool split_pad(tenonh_builder *b, const tenonh_dim *pad, const tenonh_dim **added, const tenonh_dim **cut) {
    *added = *cut = tenon__num(b, 0);
    if (!pad || (pad->low < 0 && pad->high > 0)) return false;
    if (pad->low >= 0)
        *added = pad;
    else
        *cut = tenon__dim2(b, TENONH_DIM_SUB, *cut, pad);
    return true;
}

tenonh_value *tenon__fit(tenonh_builder *b, tenonh_value *x, uint64_t bits, const tenonh_dim *const *low,
                         const tenonh_dim *const *high) {
    const tenonh_dim *before[TENON_MAX_RANK], *after[TENON_MAX_RANK], *starts[TENON_MAX_RANK], *dims[TENON_MAX_RANK];
    if (!x || b->status != TENON_STATUS_OK) return NULL;
    for (uint32_t i = 0; i < x->rank; i++) {
        const tenonh_dim *cut;
        if (!split_pad(b, low[i], &before[i], &starts[i]) || !split_pad(b, high[i], &after[i], &cut))
            return tenon__build_fail(b, TENON_STATUS_UNSUPPORTED,
                                     "whether axis %u is padded or cut depends on symbols: concretise first", i);
        dims[i] = tenon__dim2(b, TENONH_DIM_SUB, tenon__dim2(b, TENONH_DIM_SUB, x->dims[i], starts[i]), cut);
    }
    return tenon__pad(b, tenon__slice(b, x, starts, NULL, dims), bits, before, after);
}

/* Elements first, first + step, ... of one axis. */
static tenonh_value *run_of(tenonh_builder *b, tenonh_value *x, uint32_t axis, int64_t first, int64_t step,
                            int64_t count) {
    const tenonh_dim *starts[TENON_MAX_RANK], *dims[TENON_MAX_RANK];
    int64_t steps[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++) {
        starts[i] = tenon__num(b, i == axis ? first : 0);
        dims[i] = i == axis ? tenon__num(b, count) : x->dims[i];
        steps[i] = i == axis ? step : 1;
    }
    return tenon__slice(b, x, starts, steps, dims);
}

static tenonh_value *edge_of(tenonh_builder *b, tenonh_value *x, uint32_t axis, int64_t place, int64_t count) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++) dims[i] = i == axis ? tenon__num(b, count) : x->dims[i];
    return tenon__expand(b, run_of(b, x, axis, place, 1, 1), x->rank, dims);
}

enum { REFLECT = 1, EDGE = 2, WRAP = 3 };

/* `count` elements that a mode puts before (low) or behind x along an axis of n. */
static tenonh_value *border(tenonh_builder *b, tenonh_value *x, uint32_t axis, int64_t mode, int64_t count, bool low) {
    int64_t n = x->dims[axis]->number;
    int64_t most = mode == REFLECT ? n - 1 : mode == WRAP ? n : n > 0 ? INT64_MAX : 0;
    if (count > most)
        return tenon__build_fail(b, TENON_STATUS_INVALID, "a pad of %lld needs more of axis %u than %s has",
                                 (long long)count, axis, tenon__type_text(x));
    if (mode == EDGE) return edge_of(b, x, axis, low ? 0 : n - 1, count);
    if (mode == WRAP) return run_of(b, x, axis, low ? n - count : 0, 1, count);
    return run_of(b, x, axis, low ? count : n - 2, -1, count);
}

static tenonh_value *bordered(tenonh_builder *b, tenonh_value *x, const tenon__pad_plan *plan, int64_t mode) {
    for (uint32_t i = 0; x && i < x->rank; i++) {
        int64_t low = plan->low[i]->number, high = plan->high[i]->number, n = x->dims[i]->number;
        int64_t from = low < 0 ? -low : 0, kept = n - from + (high < 0 ? high : 0);
        if (low < 0 || high < 0) x = run_of(b, x, i, from, 1, kept);
        tenonh_value *parts[3];
        uint32_t count = 0;
        if (x && low > 0) parts[count++] = border(b, x, i, mode, low, true);
        parts[count++] = x;
        if (x && high > 0) parts[count++] = border(b, x, i, mode, high, false);
        if (count > 1) x = tenon__concat(b, parts, count, i);
    }
    return x;
}

static uint64_t bits_of(tenonh_builder *b, const tenonh_value *scalar) {
    tenon__arena scratch = {0};
    tenon__tensor tensor;
    uint64_t bits = 0;
    if (!scalar) return 0;
    tenon_status status = tenon__constant_tensor(&scratch, scalar, &tensor);
    if (status != TENON_STATUS_OK)
        tenon__build_failed(b, status, NULL);
    else
        bits = tenon__number_bits(scalar->dtype, tenon__number_load(scalar->dtype, tensor.data));
    tenon__arena_free(&scratch);
    return bits;
}

TENON__DECOMPOSITION(pad_to) {
    int64_t mode = tenon__node_int(node, TENON_ATTR_MODE, 0);
    tenon__pad_plan plan;
    tenon_status status = tenon__plan_pad(b, node, &plan);
    if (status != TENON_STATUS_OK)
        tenon__build_failed(b, status, node);
    else if (mode == 0)
        out[0] = tenon__fit(b, node->operands[0], bits_of(b, tenon__operand(node, 2)), plan.low, plan.high);
    else
        out[0] = bordered(b, node->operands[0], &plan, mode);
}

/* -- Others --------------------------------------------------------------------------------------------------------- */

TENON__DECOMPOSITION(range) {
    const tenonh_value *y = node->results[0];
    tenonh_value *index = tenon__iota(b, y->dtype, 0, 1, y->dims);
    if (!index) return;
    tenonh_value *steps = mul(b, index, tenon__expand_like(b, node->operands[2], index));
    out[0] = add(b, steps, tenon__expand_like(b, node->operands[0], index));
}

TENON__DECOMPOSITION(non_zero) {
    tenonh_value *x = node->operands[0];
    int64_t count = node->results[0]->dims[1]->number, found = 0;
    tenon__arena scratch = {0};
    tenon__tensor tensor;
    int64_t *places = tenon__arena_array(&scratch, (size_t)count * (x->rank ? x->rank : 1), sizeof *places);
    tenon_status status = places ? tenon__constant_tensor(&scratch, x, &tensor) : tenon__fail_memory();
    tenon__walk at = {0};
    if (status == TENON_STATUS_OK && tenon__tensor_elements(&tensor)) {
        do {
            tenon__number number = tenon__number_cast(x->dtype, TENON_DTYPE_BOOL, tenon__get(&tensor, at.index), false);
            if (!number.u || found == count) continue;
            for (uint32_t i = 0; i < x->rank; i++) places[i * count + found] = at.index[i];
            found++;
        } while (tenon__walk_next(&tensor, &at));
    }
    const int64_t dims[] = {x->rank, count};
    tenonh_bytes bytes = {.data = places, .size = (uint64_t)x->rank * (uint64_t)count * sizeof *places};
    if (status == TENON_STATUS_OK)
        out[0] = tenonh_build_constant(b, NULL, TENON_DTYPE_I64, 2, dims, &bytes);
    else
        tenon__build_failed(b, status, node);
    tenon__arena_free(&scratch);
}
