#include <stdio.h>
#include <string.h>

#include "graph/composite.h"
#include "graph/text.h"

const tenon__attr *tenon__node_attr(const tenonh_node *node, uint32_t id) {
    for (uint32_t i = 0; i < node->attr_count; i++)
        if (node->attrs[i].id == id) return &node->attrs[i];
    return NULL;
}

int64_t tenon__node_int(const tenonh_node *node, uint32_t id, int64_t otherwise) {
    const tenon__attr *attr = tenon__node_attr(node, id);
    bool known = attr && attr->count == 1 && attr->dims[0]->kind == TENON__DIM_NUMBER;
    return known ? attr->dims[0]->number : otherwise;
}

double tenon__node_float(const tenonh_node *node, uint32_t id, double otherwise) {
    int64_t bits = tenon__node_int(node, id, tenonh_float_bits(otherwise));
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

bool tenon__node_entry(const tenonh_node *node, uint32_t id, uint32_t index, int64_t *out_value) {
    const tenon__attr *attr = tenon__node_attr(node, id);
    if (!attr || index >= attr->count) {
        *out_value = tenon_attr_row_of(id)->default_value;
        return true;
    }
    return tenonh_dim_is_number(attr->dims[index], out_value);
}

tenon_status tenon__node_export(const tenonh_node *node, tenon__arena *arena, const tenon_attr **out_attrs,
                                uint32_t *out_count) {
    tenon_attr *attrs = tenon__arena_array(arena, node->attr_count, sizeof *attrs);
    if (!attrs) return tenon__fail_memory();
    for (uint32_t i = 0; i < node->attr_count; i++) {
        const tenon__attr *from = &node->attrs[i];
        int64_t *values = tenon__arena_array(arena, from->count, sizeof *values);
        if (!values) return tenon__fail_memory();
        for (uint32_t k = 0; k < from->count; k++)
            if (!tenonh_dim_is_number(from->dims[k], &values[k]))
                return tenon__fail(TENON_STATUS_INVALID, "%s: attribute %s is not a number yet", tenon__node_text(node),
                                   tenon_attr_row_of(from->id)->name);
        attrs[i] = (tenon_attr){from->id, from->count, values};
    }
    *out_attrs = attrs;
    *out_count = node->attr_count;
    return TENON_STATUS_OK;
}

static uint32_t family_of(const tenonh_node *node) {
    const tenon_op_row *row = node->kind == TENON__NODE_OP ? tenon_op_row_of(node->op) : NULL;
    return row ? row->family : TENON_FAMILY_NONE;
}

int tenon__node_inout(const tenonh_node *node) {
    uint32_t family = family_of(node);
    return family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER ? (int)node->operand_count - 1 : -1;
}

bool tenon__node_is_view(const tenonh_node *node) {
    return family_of(node) == TENON_FAMILY_VIEW;
}

bool tenon__region_encloses(const tenonh_region *outer, const tenonh_region *inner) {
    while (inner && inner != outer) inner = inner->node ? inner->node->region : NULL;
    return inner == outer;
}

static bool region_is_pure(const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++)
        if (!tenon__node_is_pure(region->nodes[i])) return false;
    return true;
}

bool tenon__node_is_pure(const tenonh_node *node) {
    if (node->kind == TENON__NODE_READ || node->kind == TENON__NODE_WRITE || node->kind == TENON__NODE_WHILE)
        return false; /* a loop that never ends is an effect too */
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (node->operands[i] && node->operands[i]->dtype == TENONH_TOKEN) return false;
    for (uint32_t i = 0; i < node->region_count; i++)
        if (!region_is_pure(node->regions[i])) return false;
    return true;
}

static const char *kind_text(const tenonh_node *node) {
    if (node->kind == TENON__NODE_COMPOSITE) return node->name;
    if (node->kind == TENON__NODE_OP)
        return tenon_op_row_of(node->op) ? tenon_op_row_of(node->op)->name : "no operator";
    return tenon__kind_name(node->kind) ? tenon__kind_name(node->kind) : "no kind";
}

const char *tenon__node_text(const tenonh_node *node) {
    static _Thread_local char text[256];
    int length = snprintf(text, sizeof text, "node %u (%s", node->number, kind_text(node));
    if (node->location_count && length > 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ", from '%.160s')", node->locations[0]);
    else if (length > 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ")");
    return text;
}

const char *tenon__type_text(const tenonh_value *value) {
    static _Thread_local char buffers[4][192];
    static _Thread_local unsigned turn;
    tenon__text text = {0};
    tenon__print_type(&text, value->dtype, value->rank, value->dims);
    char *buffer = buffers[turn++ % 4];
    snprintf(buffer, sizeof buffers[0], "%s", tenon__text_string(&text));
    tenon__text_free(&text);
    return buffer;
}

void tenon__print_type(tenon__text *text, tenon_dtype dtype, uint32_t rank, const tenonh_dim *const *dims) {
    if (dtype == TENONH_TOKEN) {
        tenon__text_add(text, "token");
        return;
    }
    tenon__text_add(text, tenon_dtype_name(dtype));
    tenon__text_add(text, "[");
    for (uint32_t i = 0; i < rank; i++) {
        if (i) tenon__text_add(text, ", ");
        if (dims[i])
            tenon__dim_print(text, dims[i]);
        else
            tenon__text_add(text, "?");
    }
    tenon__text_add(text, "]");
}

tenon_status tenon__value_numbers(const tenonh_value *value, int64_t *dims) {
    for (uint32_t i = 0; i < value->rank; i++)
        if (!tenonh_dim_is_number(value->dims[i], &dims[i]))
            return tenon__fail(TENON_STATUS_INVALID, "a value of type %s has no numbers for dims yet",
                               tenon__type_text(value));
    return TENON_STATUS_OK;
}

tenon_status tenon__value_elements(const tenonh_value *value, int64_t *out_count) {
    int64_t dims[TENON_MAX_RANK], count = 1;
    bool empty = false;
    TENON_TRY(tenon__value_numbers(value, dims));
    for (uint32_t i = 0; i < value->rank; i++) {
        if (dims[i] == 0) {
            empty = true; /* the other dims must still be sane: strides come from them */
        } else if (dims[i] < 0 || __builtin_mul_overflow(count, dims[i], &count)) {
            return tenon__fail(TENON_STATUS_INVALID, "%s has a negative dim or more elements than 64 bits count",
                               tenon__type_text(value));
        }
    }
    *out_count = empty ? 0 : count;
    return TENON_STATUS_OK;
}

tenon_status tenon__value_bytes(const tenonh_value *value, uint64_t *out_bytes) {
    int64_t count;
    TENON_TRY(tenon__value_elements(value, &count));
    tenon_status status = tenon_dtype_bytes(value->dtype, count, out_bytes);
    return status == TENON_STATUS_OK
               ? status
               : tenon__fail(status, "%s takes more bytes than 63 bits count", tenon__type_text(value));
}
