/* Nodes that do nothing, and views of views. Structural only: no rule changes a bit of a result. */
#include "graph/build_internal.h"

static bool same_dims(tenonh_builder *b, const tenonh_value *x, const tenonh_value *y) {
    if (x->rank != y->rank) return false;
    for (uint32_t i = 0; i < x->rank; i++)
        if (tenon__dim_compare(&b->module->dims, x->dims[i], y->dims[i]) != TENON__DIM_EQUAL) return false;
    return true;
}

static const tenonh_node *view_of(const tenonh_value *value, tenon_op op) {
    return value->node && value->node->kind == TENON__NODE_OP && value->node->op == op ? value->node : NULL;
}

static bool all_are(const tenonh_node *node, uint32_t id, int64_t wanted) {
    const tenon__attr *attr = tenon__node_attr(node, id);
    for (uint32_t i = 0; attr && i < attr->count; i++)
        if (!tenon__dim_is(attr->dims[i], wanted)) return false;
    return true;
}

static tenonh_value *simplify_permute(tenonh_builder *b, const tenonh_node *node) {
    tenonh_value *x = node->operands[0];
    const tenon__attr *perm = tenon__node_attr(node, TENON_ATTR_PERM);
    bool identity = true;
    for (uint32_t i = 0; i < x->rank; i++) identity = identity && tenon__dim_is(perm->dims[i], i);
    if (identity) return x;
    const tenonh_node *inner = view_of(x, TENON_OP_PERMUTE);
    if (!inner) return NULL;
    int64_t both[TENON_MAX_RANK];
    const tenon__attr *first = tenon__node_attr(inner, TENON_ATTR_PERM);
    for (uint32_t i = 0; i < x->rank; i++) both[i] = first->dims[perm->dims[i]->number]->number;
    return tenon__permute(b, inner->operands[0], both);
}

static tenonh_value *simplify_view(tenonh_builder *b, const tenonh_node *node) {
    tenonh_value *x = node->operands[0], *y = node->results[0];
    const tenonh_node *inner;
    switch (node->op) {
    case TENON_OP_RESHAPE:
        if (same_dims(b, x, y)) return x;
        inner = view_of(x, TENON_OP_RESHAPE);
        return inner ? tenon__reshape(b, inner->operands[0], y->rank, y->dims) : NULL;
    case TENON_OP_EXPAND:
        if (same_dims(b, x, y)) return x;
        inner = view_of(x, TENON_OP_EXPAND);
        return inner ? tenon__expand(b, inner->operands[0], y->rank, y->dims) : NULL;
    case TENON_OP_PERMUTE: return simplify_permute(b, node);
    case TENON_OP_SLICE:
        return same_dims(b, x, y) && all_are(node, TENON_ATTR_STARTS, 0) && all_are(node, TENON_ATTR_STEPS, 1) ? x
                                                                                                               : NULL;
    case TENON_OP_WINDOW: return x->rank == y->rank ? x : NULL;
    default: return NULL;
    }
}

/* Parts without elements go; one part alone is the whole. */
static tenonh_value *simplify_concat(tenonh_builder *b, const tenonh_node *node) {
    uint32_t axis = (uint32_t)tenon__node_int(node, TENON_ATTR_AXIS, 0), kept = 0;
    if (node->operand_count == 1) return node->operands[0];
    tenonh_value **parts = tenon__arena_array(&b->module->arena, node->operand_count, sizeof *parts);
    if (!parts) return tenon__build_failed(b, tenon__fail_memory(), node);
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (!tenon__dim_is(node->operands[i]->dims[axis], 0)) parts[kept++] = node->operands[i];
    if (kept == 0) return node->operands[0];
    return kept < node->operand_count ? tenon__concat(b, parts, kept, axis) : NULL;
}

tenonh_value *tenon__simplify(tenonh_builder *b, tenonh_node *node) {
    if (node->kind == TENON__NODE_COMPOSITE && node->composite && node->composite->number == TENON__COMPOSITE_CONCAT)
        return simplify_concat(b, node);
    if (node->kind != TENON__NODE_OP) return NULL;
    tenonh_value *x = node->operand_count ? node->operands[0] : NULL, *y = node->results[0];
    if (node->op == TENON_OP_FILL)
        return tenon__expand(b, tenon__build_bits(b, y->dtype, node->scalars[0]), y->rank, y->dims);
    if (!x) return NULL;
    switch (tenon_op_row_of(node->op)->family) {
    case TENON_FAMILY_VIEW: return simplify_view(b, node);
    case TENON_FAMILY_COPY: return x;
    case TENON_FAMILY_CAST:
    case TENON_FAMILY_BITCAST: return x->dtype == y->dtype ? x : NULL;
    case TENON_FAMILY_PAD: return same_dims(b, x, y) ? x : NULL;
    case TENON_FAMILY_REDUCE: return x->rank == y->rank ? x : NULL;
    default: return NULL;
    }
}
