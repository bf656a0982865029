#include <string.h>

#include "graph/build_internal.h"

static bool knows(const tenonh_node *node, uint32_t id) {
    if (node->kind == TENON__NODE_OP) return tenon_op_has_attr(tenon_op_row_of(node->op), id);
    if (node->kind == TENON__NODE_COMPOSITE) return !node->composite || tenon__composite_has_attr(node->composite, id);
    if (node->kind == TENON__NODE_WHILE) return id == TENON_ATTR_AXES;
    return node->kind == TENON__NODE_FOR &&
           (id == TENON_ATTR_AXIS || id == TENON_ATTR_SIZES || id == TENON_ATTR_MODE || id == TENON_ATTR_AXES);
}

static const char *attr_name(uint32_t id) {
    const tenon_attr_row *row = tenon_attr_row_of(id);
    return row ? row->name : "?";
}

static tenon_status check(const tenonh_node *node, const tenonh_attr *attr) {
    const tenon_attr_row *row = tenon_attr_row_of(attr->id);
    if (!row || !knows(node, attr->id))
        return tenon__fail(TENON_STATUS_INVALID, "it has no attribute %s (%u)", attr_name(attr->id), attr->id);
    if (attr->count > TENON__MAX_ATTR || (!row->is_list && attr->count != 1))
        return tenon__fail(TENON_STATUS_INVALID, "attribute %s has %u values", row->name, attr->count);
    if (attr->count && !attr->values && !attr->dims)
        return tenon__fail(TENON_STATUS_INVALID, "attribute %s has no values", row->name);
    return TENON_STATUS_OK;
}

static tenon_status convert(tenonh_builder *b, const tenonh_attr *attr, tenon__attr *out_attr) {
    const tenonh_dim **dims = tenon__arena_array(&b->module->arena, attr->count, sizeof *dims);
    if (!dims) return tenon__fail_memory();
    for (uint32_t i = 0; i < attr->count; i++) {
        dims[i] = attr->dims ? attr->dims[i] : tenon__dim_number(&b->module->dims, attr->values[i]);
        if (!dims[i])
            return tenon__fail(TENON_STATUS_INVALID, "entry %u of attribute %s has no value: %s", i,
                               attr_name(attr->id), tenonh_error_message());
    }
    *out_attr = (tenon__attr){attr->id, attr->count, dims};
    return TENON_STATUS_OK;
}

tenon_status tenon__draft_attrs(tenonh_builder *b, tenonh_node *node, const tenonh_attr *attrs, uint32_t count) {
    tenon__attr *list = tenon__arena_array(&b->module->arena, count, sizeof *list);
    if (!list) return tenon__fail_memory();
    for (uint32_t i = 0; i < count; i++) {
        TENON_TRY(check(node, &attrs[i]));
        uint32_t at = i;
        for (; at > 0 && list[at - 1].id >= attrs[i].id; at--) {
            if (list[at - 1].id == attrs[i].id)
                return tenon__fail(TENON_STATUS_INVALID, "attribute %s stands there twice", attr_name(attrs[i].id));
            list[at] = list[at - 1];
        }
        TENON_TRY(convert(b, &attrs[i], &list[at]));
    }
    node->attrs = list;
    node->attr_count = count;
    return TENON_STATUS_OK;
}

tenon_status tenon__draft_set(tenonh_builder *b, tenonh_node *node, uint32_t id, uint32_t count,
                              const tenonh_dim *const *dims) {
    tenonh_attr all[TENON_ATTR_LIMIT];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->attr_count && kept + 1 < TENON_ATTR_LIMIT; i++)
        if (node->attrs[i].id != id)
            all[kept++] = (tenonh_attr){node->attrs[i].id, node->attrs[i].count, NULL, node->attrs[i].dims};
    all[kept++] = (tenonh_attr){id, count, NULL, dims};
    return tenon__draft_attrs(b, node, all, kept);
}

tenon_status tenon__draft_set_int(tenonh_builder *b, tenonh_node *node, uint32_t id, int64_t number) {
    const tenonh_dim *dim = tenon__dim_number(&b->module->dims, number);
    return dim ? tenon__draft_set(b, node, id, 1, &dim) : TENON_STATUS_OUT_OF_MEMORY;
}
