#include "passes/eval.h"

#include <string.h>

void tenon__tensor_pack(tenon__tensor *tensor) {
    int64_t stride = 1;
    for (uint32_t i = tensor->rank; i-- > 0;) {
        tensor->strides[i] = stride;
        stride *= tensor->dims[i] > 0 ? tensor->dims[i] : 1;
    }
}

int64_t tenon__tensor_elements(const tenon__tensor *tensor) {
    int64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) count *= tensor->dims[i];
    return count;
}

void tenon__tensor_copy(const tenon__tensor *from, const tenon__tensor *to) {
    size_t size = tenon_dtype_bits(from->dtype) / 8;
    tenon__walk at = {0};
    if (tenon__tensor_elements(from) == 0) return;
    do {
        memcpy(tenon__address(to, tenon__offset(to, at.index)), tenon__address(from, tenon__offset(from, at.index)),
               size);
    } while (tenon__walk_next(from, &at));
}

tenon_status tenon__eval_list(const tenonh_node *node, uint32_t id, uint32_t count, int64_t *out_values) {
    for (uint32_t i = 0; i < count; i++)
        if (!tenon__node_entry(node, id, i, &out_values[i]))
            return tenon__fail(TENON_STATUS_INVALID, "%s: attribute %s is not a number yet", tenon__node_text(node),
                               tenon_attr_row_of(id)->name);
    return TENON_STATUS_OK;
}

static const tenon__eval evals[] = {
    [TENON_FAMILY_VIEW] = tenon__eval_view,       [TENON_FAMILY_COPY] = tenon__eval_copy,
    [TENON_FAMILY_FILL] = tenon__eval_fill,       [TENON_FAMILY_IOTA] = tenon__eval_iota,
    [TENON_FAMILY_PAD] = tenon__eval_pad,         [TENON_FAMILY_CAST] = tenon__eval_cast,
    [TENON_FAMILY_BITCAST] = tenon__eval_copy,    [TENON_FAMILY_UPDATE] = tenon__eval_update,
    [TENON_FAMILY_MAP] = tenon__eval_map,         [TENON_FAMILY_REDUCE] = tenon__eval_reduce,
    [TENON_FAMILY_ARG] = tenon__eval_arg,         [TENON_FAMILY_GATHER] = tenon__eval_gather,
    [TENON_FAMILY_SCATTER] = tenon__eval_scatter, [TENON_FAMILY_CONTRACT] = tenon__eval_contract,
    [TENON_FAMILY_SORT] = tenon__eval_sort,       [TENON_FAMILY_SCAN] = tenon__eval_scan,
    [TENON_FAMILY_RANDOM] = tenon__eval_random,
};

tenon_status tenon__eval_node(const tenonh_node *node, const tenon__tensor *operands, tenon__tensor *results) {
    for (uint32_t i = 0; i < node->result_count; i++) {
        results[i].dtype = node->results[i]->dtype;
        results[i].rank = node->results[i]->rank;
        TENON_TRY(tenon__value_numbers(node->results[i], results[i].dims));
        tenon__tensor_pack(&results[i]);
    }
    if (node->kind == TENON__NODE_COMPOSITE && node->composite && node->composite->number == TENON__COMPOSITE_CONCAT)
        return tenon__eval_concat(node, operands, results);
    const tenon_op_row *row = node->kind == TENON__NODE_OP ? tenon_op_row_of(node->op) : NULL;
    if (!row || row->family >= sizeof evals / sizeof *evals || !evals[row->family])
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s can't be evaluated on the host", tenon__node_text(node));
    return evals[row->family](node, operands, results);
}

/* -- Moving data ------------------------------------------------------------------------------------------------- */

/* Contiguous means that strides are the packed ones wherever they matter. */
static bool is_packed(const tenon__tensor *t) {
    int64_t stride = 1;
    for (uint32_t i = t->rank; i-- > 0;) {
        if (t->dims[i] != 1 && t->strides[i] != stride) return false;
        stride *= t->dims[i];
    }
    return true;
}

static tenon_status view_reshape(const tenon__tensor *in, tenon__tensor *out) {
    if (is_packed(in) || tenon__tensor_elements(in) == 0) {
        out->data = in->data;
        return TENON_STATUS_OK;
    }
    tenon__tensor flat = *in;
    flat.data = out->data;
    tenon__tensor_pack(&flat);
    tenon__tensor_copy(in, &flat);
    return TENON_STATUS_OK;
}

static tenon_status view_slice(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    int64_t starts[TENON_MAX_RANK], steps[TENON_MAX_RANK], offset = 0;
    TENON_TRY(tenon__eval_list(node, TENON_ATTR_STARTS, in->rank, starts));
    TENON_TRY(tenon__eval_list(node, TENON_ATTR_STEPS, in->rank, steps));
    for (uint32_t i = 0; i < in->rank; i++) {
        offset += starts[i] * in->strides[i];
        out->strides[i] = steps[i] * in->strides[i];
    }
    if (tenon__tensor_elements(out))
        out->data = tenon__address(in, offset);
    else
        out->data = in->data;
    return TENON_STATUS_OK;
}

static tenon_status view_window(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    uint32_t count = out->rank - in->rank;
    int64_t axes[TENON_MAX_RANK], steps[TENON_MAX_RANK], dilations[TENON_MAX_RANK];
    TENON_TRY(tenon__eval_list(node, TENON_ATTR_AXES, count, axes));
    TENON_TRY(tenon__eval_list(node, TENON_ATTR_STEPS, count, steps));
    TENON_TRY(tenon__eval_list(node, TENON_ATTR_DILATIONS, count, dilations));
    memcpy(out->strides, in->strides, in->rank * sizeof *in->strides);
    for (uint32_t i = 0; i < count; i++) {
        out->strides[in->rank + i] = in->strides[axes[i]] * dilations[i];
        out->strides[axes[i]] = in->strides[axes[i]] * steps[i];
    }
    out->data = in->data;
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_view(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    if (node->op == TENON_OP_RESHAPE) return view_reshape(in, out);
    if (node->op == TENON_OP_SLICE) return view_slice(node, in, out);
    if (node->op == TENON_OP_WINDOW) return view_window(node, in, out);
    out->data = in->data;
    if (node->op == TENON_OP_PERMUTE) {
        int64_t perm[TENON_MAX_RANK];
        TENON_TRY(tenon__eval_list(node, TENON_ATTR_PERM, in->rank, perm));
        for (uint32_t i = 0; i < in->rank; i++) out->strides[i] = in->strides[perm[i]];
        return TENON_STATUS_OK;
    }
    uint32_t added = out->rank - in->rank; /* expand */
    for (uint32_t i = 0; i < out->rank; i++)
        out->strides[i] = i < added || in->dims[i - added] == 1 ? 0 : in->strides[i - added];
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_copy(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    (void)node;
    tenon__tensor_copy(in, out);
    return TENON_STATUS_OK;
}

static void fill(const tenon__tensor *out, tenon__number number) {
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return;
    do {
        tenon__set_number(out, at.index, number);
    } while (tenon__walk_next(out, &at));
}

tenon_status tenon__eval_fill(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    (void)in;
    fill(out, tenon__number_of_bits(out->dtype, node->scalars[0]));
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_iota(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    (void)in;
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0);
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        tenon__number number = {.i = at.index[axis]};
        tenon__set_number(out, at.index, tenon__number_cast(TENON_DTYPE_I64, out->dtype, number, false));
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_pad(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    int64_t low[TENON_MAX_RANK], offset = 0;
    TENON_TRY(tenon__eval_list(node, TENON_ATTR_LOW, in->rank, low));
    fill(out, tenon__number_of_bits(out->dtype, node->scalars[0]));
    tenon__tensor inside = *in;
    for (uint32_t i = 0; i < in->rank; i++) {
        offset += low[i] * out->strides[i];
        inside.strides[i] = out->strides[i];
    }
    inside.data = tenon__tensor_elements(in) ? tenon__address(out, offset) : out->data;
    tenon__tensor_copy(in, &inside);
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_concat(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    int64_t axis = tenon__node_int(node, TENON_ATTR_AXIS, 0), at = 0;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        tenon__tensor part = in[i];
        memcpy(part.strides, out->strides, sizeof part.strides);
        if (tenon__tensor_elements(&part)) part.data = tenon__address(out, at * out->strides[axis]);
        tenon__tensor_copy(&in[i], &part);
        at += part.dims[axis];
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_update(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    const tenon__tensor *x = &in[0];
    int64_t offset = 0;
    tenon__tensor_copy(&in[2], out);
    tenon__tensor inside = *x;
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t start = tenon__get(&in[1], (int64_t[]){i}).i;
        if (start < 0 || start > out->dims[i] - x->dims[i])
            return tenon__fail(TENON_STATUS_OUT_OF_RANGE, "%s: start %lld of axis %u", tenon__node_text(node),
                               (long long)start, i);
        offset += start * out->strides[i];
        inside.strides[i] = out->strides[i];
    }
    if (tenon__tensor_elements(x)) inside.data = tenon__address(out, offset);
    tenon__tensor_copy(x, &inside);
    return TENON_STATUS_OK;
}

/* -- Element by element ------------------------------------------------------------------------------------------ */

tenon_status tenon__eval_cast(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    bool wrap = tenon__node_int(node, TENON_ATTR_WRAP, 0) == 1;
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        tenon__set_number(out, at.index, tenon__number_cast(in->dtype, out->dtype, tenon__get(in, at.index), wrap));
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}

tenon_status tenon__eval_map(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out) {
    tenon_dtype dtype = in[node->operand_count - 1].dtype;
    tenon__walk at = {0};
    if (tenon__tensor_elements(out) == 0) return TENON_STATUS_OK;
    do {
        tenon__number args[3] = {{0}};
        for (uint32_t i = 0; i < node->operand_count; i++) args[i] = tenon__get(&in[i], at.index);
        tenon__set_number(out, at.index, tenon__number_map(node->op, dtype, args));
    } while (tenon__walk_next(out, &at));
    return TENON_STATUS_OK;
}
