#include <stdlib.h>
#include <string.h>

#include "passes/eval.h"

/* A tensor's axes in two parts: those kept, and those gone (walked for each place of the kept ones). */
static void split_axes(const tenon__tensor *in, uint32_t gone, tenon__tensor *kept, tenon__tensor *inner) {
    *kept = *inner = (tenon__tensor){.dtype = in->dtype, .data = in->data};
    for (uint32_t i = 0; i < in->rank; i++) {
        tenon__tensor *part = gone >> i & 1 ? inner : kept;
        part->dims[part->rank] = in->dims[i];
        part->strides[part->rank++] = in->strides[i];
    }
}

static const uint32_t combine_of_op[TENON_OP_LIMIT] = {
    [TENON_OP_SUM] = TENON_COMBINE_ADD,
    [TENON_OP_PROD] = TENON_COMBINE_MUL,
    [TENON_OP_RMIN] = TENON_COMBINE_MIN,
    [TENON_OP_RMAX] = TENON_COMBINE_MAX,
};

tenon_status tenon__eval_reduce(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    const tenon__attr *axes = tenon__node_attr(node, TENON_ATTR_AXES);
    uint32_t gone = 0, combine = combine_of_op[node->op];
    for (uint32_t i = 0; axes && i < axes->count; i++) gone |= 1u << axes->dims[i]->number;
    tenon__tensor kept, inner;
    split_axes(in, gone, &kept, &inner);
    /* Floats accumulate in f64: at least as exact as any order in the operator's accumulator. */
    bool wide = tenon_dtype_class(in->dtype) == TENON_CLASS_FLOAT;
    tenon_dtype accumulator = wide ? TENON_DTYPE_F64 : in->dtype;
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        tenon__number sum = tenon__number_identity(combine, accumulator);
        tenon__walk step = {0};
        tenon__tensor row = inner;
        row.data = tenon__address(in, tenon__offset(&kept, at.index));
        if (tenon__tensor_elements(&row)) {
            do {
                sum = tenon__number_combine(combine, accumulator, sum, tenon__get(&row, step.index));
            } while (tenon__walk_next(&row, &step));
        }
        tenon__set_number(out, at.index, sum);
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_arg(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    tenon__tensor kept, row;
    split_axes(in, 1u << axis, &kept, &row);
    if (row.dims[0] == 0 && tenon__tensor_elements(out))
        return tenon__fail(TENON_STATUS_INVALID, "%s: the axis is empty", tenon__node_text(node));
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        row.data = tenon__address(in, tenon__offset(&kept, at.index));
        int64_t best = 0;
        for (int64_t i = 1; i < row.dims[0]; i++)
            if (tenon__number_below(in->dtype, tenon__get(&row, &best), tenon__get(&row, &i))) best = i;
        tenon__set_number(out, at.index, (tenon__number){.i = best});
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_scan(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0), length = in->dims[axis];
    uint32_t combine = (uint32_t)tenon__node_int(node, TENON_ATTR_COMBINE, 0);
    bool exclusive = tenon__node_int(node, TENON_ATTR_EXCLUSIVE, 0) == 1;
    bool reverse = tenon__node_int(node, TENON_ATTR_REVERSE, 0) == 1;
    tenon__tensor kept, from, to, kept_out;
    split_axes(in, 1u << axis, &kept, &from);
    split_axes(out, 1u << axis, &kept_out, &to);
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        from.data = tenon__address(in, tenon__offset(&kept, at.index));
        to.data = tenon__address(out, tenon__offset(&kept_out, at.index));
        tenon__number sum = tenon__number_identity(combine, in->dtype);
        for (int64_t k = 0; k < length; k++) {
            int64_t i = reverse ? length - 1 - k : k;
            tenon__number next = tenon__number_combine(combine, in->dtype, sum, tenon__get(&from, &i));
            tenon__set_number(&to, &i, exclusive ? sum : next);
            sum = next;
        }
    } while (tenon__walk_next(&kept, &at));
    return TENON_STATUS_OK;
}

typedef struct entry {
    tenon__number number;
    int64_t position;
} entry;

/* Merges sorted halves: stable, because of equals the first half's come first. */
static void merge_sort(tenon_dtype dtype, bool descending, entry *list, entry *scratch, int64_t count) {
    if (count < 2) return;
    int64_t half = count / 2, i = 0, j = half;
    merge_sort(dtype, descending, list, scratch, half);
    merge_sort(dtype, descending, list + half, scratch, count - half);
    for (int64_t k = 0; k < count; k++) {
        bool second = i == half;
        if (!second && j < count)
            second = descending ? tenon__number_below(dtype, list[i].number, list[j].number)
                                : tenon__number_below(dtype, list[j].number, list[i].number);
        scratch[k] = second ? list[j++] : list[i++];
    }
    memcpy(list, scratch, (size_t)count * sizeof *list);
}

tenon_status tenon__eval_sort(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0), length = in->dims[axis];
    bool descending = tenon__node_int(node, TENON_ATTR_DESCENDING, 0) == 1;
    if (tenon__tensor_elements(in) == 0) return TENON_STATUS_OK;
    entry *list = calloc((size_t)length, 2 * sizeof *list);
    if (!list) return tenon__fail_memory();
    tenon__tensor kept, row, kept_out, values, positions;
    split_axes(in, 1u << axis, &kept, &row);
    split_axes(&out[0], 1u << axis, &kept_out, &values);
    positions = values;
    positions.dtype = out[1].dtype;
    tenon__walk at = {0};
    do {
        row.data = tenon__address(in, tenon__offset(&kept, at.index));
        values.data = tenon__address(&out[0], tenon__offset(&kept_out, at.index));
        positions.data = tenon__address(&out[1], tenon__offset(&kept_out, at.index));
        for (int64_t i = 0; i < length; i++) list[i] = (entry){tenon__get(&row, &i), i};
        merge_sort(in->dtype, descending, list, list + length, length);
        for (int64_t i = 0; i < length; i++) {
            tenon__set_number(&values, &i, list[i].number);
            tenon__set_number(&positions, &i, (tenon__number){.i = list[i].position});
        }
    } while (tenon__walk_next(&kept, &at));
    free(list);
    return TENON_STATUS_OK;
}

/* -- Indexed ----------------------------------------------------------------------------------------------------- */

/* Index of the x (or y) of a gather (scatter) for index `at` of the tensor over p, q, s. */
static tenon_status addressed(const tenonh_node *node, const tenon__tensor *indices, const tenon__tensor *x,
                              const int64_t *at, int64_t *out_index) {
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    int64_t position = tenon__get(indices, at + axis).i;
    for (uint32_t i = 0; i < x->rank; i++)
        if (i != (uint32_t)axis) out_index[i] = i < (uint32_t)axis ? at[i] : at[i + indices->rank - 1];
    if (position < 0 || position >= x->dims[axis])
        return tenon__fail(TENON_STATUS_OUT_OF_RANGE, "%s: index %lld of an axis of %lld", tenon__node_text(node),
                           (long long)position, (long long)x->dims[axis]);
    out_index[axis] = position;
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_gather(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    size_t size = tenon_dtype_bits(out->dtype) / 8;
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        int64_t index[2 * TENON_MAX_RANK];
        TENON_TRY(addressed(node, &in[1], &in[0], at.index, index));
        memcpy(tenon__address(out, tenon__offset(out, at.index)), tenon__address(&in[0], tenon__offset(&in[0], index)),
               size);
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_scatter(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    const tenon__tensor *updates = &in[1];
    uint32_t combine = (uint32_t)tenon__node_int(node, TENON_ATTR_COMBINE, 0);
    tenon__tensor_copy(&in[2], out);
    tenon__walk at = {0};
    if (tenon__tensor_elements(updates) == 0) return TENON_STATUS_OK;
    do {
        int64_t index[2 * TENON_MAX_RANK];
        TENON_TRY(addressed(node, &in[0], out, at.index, index));
        tenon__number before = tenon__get(out, index), update = tenon__get(updates, at.index);
        tenon__set_number(out, index, tenon__number_combine(combine, out->dtype, before, update));
    } while (tenon__walk_next(updates, &at));
    return TENON_STATUS_OK;
}

/* -- Contraction and random numbers -------------------------------------------------------------------------------- */

tenon_status tenon__eval_contract(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    tenon_dtype dtype = in->dtype, accumulator = (tenon_dtype)tenon__node_int(node, TENON_ATTR_ACCUMULATOR, 0);
    bool wide = tenon_dtype_class(dtype) == TENON_CLASS_FLOAT;
    if (wide || !accumulator) accumulator = wide ? TENON_DTYPE_F64 : tenon_dtype_accumulator(node->op, dtype);
    uint32_t last = out->rank - 1;
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        int64_t a[TENON_MAX_RANK], b[TENON_MAX_RANK];
        memcpy(a, at.index, sizeof a);
        memcpy(b, at.index, sizeof b);
        tenon__number sum = {.u = 0};
        for (int64_t k = 0; k < in[0].dims[last]; k++) {
            a[last] = b[last - 1] = k;
            tenon__number x = tenon__number_cast(dtype, accumulator, tenon__get(&in[0], a), false);
            tenon__number y = tenon__number_cast(dtype, accumulator, tenon__get(&in[1], b), false);
            tenon__number product = tenon__number_map(TENON_OP_MUL, accumulator, (tenon__number[]){x, y});
            sum = tenon__number_map(TENON_OP_ADD, accumulator, (tenon__number[]){sum, product});
        }
        tenon__set_number(out, at.index, tenon__number_cast(accumulator, out->dtype, sum, false));
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}

/* Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
static void philox(uint64_t counter, uint64_t key, uint32_t out_words[4]) {
    uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
    uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t first = (uint64_t)0xD2511F53u * c[0], second = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(second >> 32) ^ c[1] ^ k[0], (uint32_t)second,
                            (uint32_t)(first >> 32) ^ c[3] ^ k[1], (uint32_t)first};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out_words, c, sizeof c);
}

tenon_status tenon__eval_random(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    (void)in;
    tenon__walk at = {0};
    uint64_t l = node->scalars[1];
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        uint32_t words[4];
        philox(l / 4, node->scalars[0], words);
        tenon__set_number(out, at.index, (tenon__number){.u = words[l % 4]});
        l++;
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}
