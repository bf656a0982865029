/* Types of results from the operator table: dtypes from its classes, dims from its iterators and maps. */
#include <string.h>

#include "graph/infer.h"

/* One name of a map: an iterator, any number of them (`*`), or an axis that a loaded index replaces (`?`). */
typedef struct item {
    char letter;
    bool star, loaded;
} item;

/* The iterators of a node: what each letter stands for. `reduced` has a bit per axis of operand 0 that r iterates. */
typedef struct space {
    tenonh_builder *b;
    const tenonh_node *node;
    const tenon_op_row *row;
    uint32_t reduced;
    struct {
        const tenonh_dim *dims[TENON_MAX_RANK];
        uint32_t count;
        bool bound;
    } axes[26];
} space;

/* Items of the map at *cursor, which moves behind its `;`. */
static uint32_t parse_map(const char **cursor, item *items) {
    uint32_t count = 0;
    const char *at = *cursor;
    for (; *at && *at != ';'; at++) {
        if (*at == ' ') continue;
        item *next = &items[count++];
        next->loaded = *at == '?';
        at += next->loaded;
        next->letter = *at;
        next->star = at[1] == '*';
        at += next->star;
    }
    *cursor = *at ? at + 1 : at;
    return count;
}

/* How many axes an item takes, or UINT32_MAX when the rank decides. */
static uint32_t length_of(const space *s, const item *of) {
    if (!of->star || of->loaded) return 1;
    if (s->axes[of->letter - 'a'].bound) return s->axes[of->letter - 'a'].count;
    bool positional = s->row->family == TENON_FAMILY_GATHER || s->row->family == TENON_FAMILY_SCATTER;
    if (of->letter == 'p' && positional) return (uint32_t)tenon__node_int(s->node, TENON_ATTR_AXIS, 0);
    return of->letter == 'r' ? (uint32_t)__builtin_popcount(s->reduced) : UINT32_MAX;
}

static tenon_status bind_dim(space *s, const item *to, uint32_t index, const tenonh_dim *dim) {
    if (to->loaded) return TENON_STATUS_OK;
    char what[] = "axis ?";
    what[5] = to->letter;
    if (s->axes[to->letter - 'a'].bound)
        return tenon__require_equal(s->b, s->node, what, s->axes[to->letter - 'a'].dims[index], dim);
    s->axes[to->letter - 'a'].dims[index] = dim;
    return TENON_STATUS_OK;
}

/* Dims of an operand in the order of its map: reduced axes go behind the others. */
static void ordered_dims(const space *s, const tenonh_value *operand, bool reorder, const tenonh_dim **dims) {
    uint32_t count = 0;
    for (int reduced = 0; reduced < 2; reduced++)
        for (uint32_t i = 0; i < operand->rank; i++)
            if ((int)(reorder && (s->reduced >> i & 1)) == reduced) dims[count++] = operand->dims[i];
}

static bool has_letter(const item *items, uint32_t count, char letter) {
    for (uint32_t i = 0; i < count; i++)
        if (items[i].letter == letter) return true;
    return false;
}

static tenon_status bind_operand(space *s, uint32_t number, const char **map) {
    item items[8];
    const tenonh_dim *dims[TENON_MAX_RANK];
    const tenonh_value *operand = s->node->operands[number];
    uint32_t count = parse_map(map, items), known = 0, open = 0;
    ordered_dims(s, operand, has_letter(items, count, 'r'), dims);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = length_of(s, &items[i]);
        open += length == UINT32_MAX;
        known += length == UINT32_MAX ? 0 : length;
    }
    if (known > operand->rank || (!open && known != operand->rank))
        return tenon__fail(TENON_STATUS_INVALID, "operand %u is %s; its rank must be %s%u", number,
                           tenon__type_text(operand), open ? "at least " : "", known);
    for (uint32_t i = 0, at = 0; i < count; i++) {
        uint32_t length = length_of(s, &items[i]);
        if (length == UINT32_MAX) length = operand->rank - known;
        for (uint32_t k = 0; k < length; k++) TENON_TRY(bind_dim(s, &items[i], k, dims[at++]));
        if (items[i].loaded) continue;
        s->axes[items[i].letter - 'a'].count = length;
        s->axes[items[i].letter - 'a'].bound = true;
    }
    return TENON_STATUS_OK;
}

/* Dims of a result: its map's iterators, reduced ones back where they were. */
static tenon_status map_result(space *s, const char **map, const tenonh_dim **dims, uint32_t *out_rank) {
    item items[8];
    const tenonh_dim *flat[4 * TENON_MAX_RANK];
    uint32_t count = parse_map(map, items), rank = 0;
    bool reorder = has_letter(items, count, 'r');
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < s->axes[items[i].letter - 'a'].count; k++)
            flat[rank++] = s->axes[items[i].letter - 'a'].dims[k];
    if (rank > TENON_MAX_RANK)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "its result would have rank %u; ranks go up to %d", rank,
                           TENON_MAX_RANK);
    uint32_t kept = 0, reduced = rank - (uint32_t)__builtin_popcount(reorder ? s->reduced : 0);
    for (uint32_t i = 0; i < rank; i++) dims[i] = reorder && (s->reduced >> i & 1) ? flat[reduced++] : flat[kept++];
    *out_rank = rank;
    return TENON_STATUS_OK;
}

/* The axes that r stands for, from `axes` or `axis`; checks them for all families that have such attributes. */
static tenon_status find_reduced(space *s) {
    const tenon_op_row *row = s->row;
    bool gathers = row->family == TENON_FAMILY_GATHER || row->family == TENON_FAMILY_SCATTER;
    const tenonh_value *of = s->node->operands[row->family == TENON_FAMILY_SCATTER ? 2 : 0];
    uint32_t id = tenon_op_has_attr(row, TENON_ATTR_AXES) ? TENON_ATTR_AXES : TENON_ATTR_AXIS;
    if (!tenon_op_has_attr(row, id)) return TENON_STATUS_OK;
    const tenon__attr *attr = tenon__node_attr(s->node, id);
    uint32_t count = attr ? attr->count : id == TENON_ATTR_AXIS;
    int64_t previous = -1;
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = -1;
        if (!tenon__node_entry(s->node, id, i, &axis) || axis <= previous || axis >= of->rank)
            return tenon__fail(TENON_STATUS_INVALID, "entry %u of attribute %s is %lld: axes rise and lie in %s", i,
                               tenon_attr_row_of(id)->name, (long long)axis, tenon__type_text(of));
        if (!gathers) s->reduced |= 1u << axis;
        previous = axis;
    }
    return TENON_STATUS_OK;
}

static tenon_status check_combine(const tenonh_node *node, const tenon_op_row *row) {
    if (!tenon_op_has_attr(row, TENON_ATTR_COMBINE)) return TENON_STATUS_OK;
    int64_t least = row->family == TENON_FAMILY_SCAN ? TENON_COMBINE_ADD : TENON_COMBINE_SET;
    int64_t combine = tenon__node_int(node, TENON_ATTR_COMBINE, 0);
    if (combine < least || combine > TENON_COMBINE_MAX)
        return tenon__fail(TENON_STATUS_INVALID, "attribute combine is %lld", (long long)combine);
    bool arithmetic = combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL;
    if (arithmetic && node->operands[node->operand_count - 1]->dtype == TENON_DTYPE_BOOL)
        return tenon__fail(TENON_STATUS_INVALID, "bool has no sum or product to combine by");
    return TENON_STATUS_OK;
}

/* Families whose maps say everything about dims. */
tenon_status tenon__infer_maps(tenonh_builder *b, const tenonh_node *node, const tenon_op_row *row,
                               const tenon_dtype *dtypes) {
    space s = {.b = b, .node = node, .row = row};
    const char *map = row->maps;
    TENON_TRY(find_reduced(&s));
    TENON_TRY(check_combine(node, row));
    bool in_place = tenon__node_inout(node) >= 0;
    for (uint32_t i = 0; i < row->input_count; i++) TENON_TRY(bind_operand(&s, i, &map));
    for (uint32_t i = 0; i < row->output_count; i++) {
        const tenonh_dim *dims[TENON_MAX_RANK];
        uint32_t rank;
        if (in_place) {
            const tenonh_value *y = node->operands[node->operand_count - 1];
            TENON_TRY(bind_operand(&s, node->operand_count - 1, &map));
            memcpy(dims, y->dims, sizeof dims);
            rank = y->rank;
        } else {
            TENON_TRY(map_result(&s, &map, dims, &rank));
        }
        TENON_TRY(tenon__result_type(b, node, i, dtypes[i], rank, dims));
    }
    return TENON_STATUS_OK;
}
