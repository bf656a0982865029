#include <stdlib.h>
#include <string.h>

#include "graph/parse.h"
#include "passes/number.h"

/* A node as it is written, before it is built. */
typedef struct written_node {
    tenon__parsed_value *results;
    uint32_t result_count;
    const char *kind;
    size_t kind_length;
    tenonh_value **operands;
    uint32_t operand_count;
    char *of;
    tenonh_attr attrs[TENON_ATTR_LIMIT];
    uint32_t attr_count;
    uint32_t donated;
    const char **locations;
    uint32_t location_count;
} written_node;

/* -- Constants ------------------------------------------------------------------------------------------------------- */

static tenon_status parse_element(tenon__parser *p, tenon_dtype dtype, tenon__number *out_number) {
    uint32_t class = tenon_dtype_class(dtype);
    if (class == TENON_CLASS_FLOAT) {
        TENON_TRY(tenon__lex_float(&p->lexer, &out_number->f));
        *out_number = tenon__number_cast(TENON_DTYPE_F64, dtype, *out_number, false);
        return TENON_STATUS_OK;
    }
    tenon__number written;
    bool wide = dtype == TENON_DTYPE_U64;
    TENON_TRY(wide ? tenon__lex_unsigned(&p->lexer, &written.u) : tenon__lex_integer(&p->lexer, &written.i));
    *out_number = tenon__number_of_bits(dtype, written.u);
    return wide || out_number->i == written.i
               ? TENON_STATUS_OK
               : tenon__lex_fail(&p->lexer, "the number is no %s", tenon_dtype_name(dtype));
}

static tenon_status parse_numbers(tenon__parser *p, tenon_dtype dtype, uint64_t count, char *bytes) {
    size_t size = tenon_dtype_bits(dtype) / 8;
    TENON_TRY(tenon__lex_expect(&p->lexer, "["));
    for (uint64_t i = 0; i < count; i++) {
        tenon__number number;
        if (i) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(parse_element(p, dtype, &number));
        tenon__number_store(dtype, bytes + i * size, number);
    }
    return tenon__lex_expect(&p->lexer, "]");
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static tenon_status parse_hex(tenon__parser *p, uint64_t size, char *bytes) {
    TENON_TRY(tenon__lex_expect(&p->lexer, "\""));
    if ((uint64_t)(p->lexer.end - p->lexer.cursor) / 2 < size)
        return tenon__lex_fail(&p->lexer, "%llu bytes should stand here", (unsigned long long)size);
    for (uint64_t i = 0; i < size; i++, p->lexer.cursor += 2) {
        int high = hex_digit(p->lexer.cursor[0]), low = hex_digit(p->lexer.cursor[1]);
        if (high < 0 || low < 0)
            return tenon__lex_fail(&p->lexer, "a byte is two of 0-9 a-f; %llu of %llu stand here",
                                   (unsigned long long)i, (unsigned long long)size);
        bytes[i] = (char)(high * 16 + low);
    }
    return tenon__lex_expect(&p->lexer, "\"");
}

static tenon_status parse_payload(tenon__parser *p, const tenon__parsed_value *written, uint64_t size, char *bytes) {
    if (tenon__lex_take(&p->lexer, "bytes")) return parse_hex(p, size, bytes);
    return parse_numbers(p, written->dtype, size / (tenon_dtype_bits(written->dtype) / 8), bytes);
}

static tenon_status parse_constant(tenon__parser *p, const tenon__parsed_value *written) {
    struct tenonh_value type = {.dtype = written->dtype, .rank = written->rank};
    int64_t dims[TENON_MAX_RANK];
    uint64_t size;
    memcpy(type.dims, written->dims, sizeof type.dims);
    if (written->dtype == TENONH_TOKEN) return tenon__lex_fail(&p->lexer, "a token has no constant");
    if (tenon__lex_next_is(&p->lexer, "..."))
        return tenon__lex_fail(&p->lexer, "the constant was left out: the text was printed in brief");
    tenon_status status = tenon__value_numbers(&type, dims);
    if (status == TENON_STATUS_OK) status = tenon__value_bytes(&type, &size);
    if (status != TENON_STATUS_OK) return tenon__lex_fail_here(&p->lexer, TENON_STATUS_BAD_DATA);
    /* Every element takes at least one character: a text can't ask for more memory than it has itself. */
    if (size / 8 > (uint64_t)(p->lexer.end - p->lexer.cursor))
        return tenon__lex_fail(&p->lexer, "%s does not stand in the rest of the text", tenon__type_text(&type));
    char *bytes = malloc(size ? size : 1);
    if (!bytes) return tenon__fail_memory();
    status = parse_payload(p, written, size, bytes);
    if (status == TENON_STATUS_OK) {
        tenonh_bytes taken = {.data = bytes, .size = size};
        tenonh_value *value = tenon__build_constant_apart(p->b, written->dtype, written->rank, dims, &taken);
        status = tenon__parse_bind(p, written, value);
    }
    free(bytes);
    return status;
}

/* -- Attributes ------------------------------------------------------------------------------------------------------ */

static tenon_status parse_float_bits(tenon__parser *p, const tenonh_dim **out_dim) {
    uint64_t bits;
    double number;
    if (tenon__lex_next_is(&p->lexer, "0x")) {
        TENON_TRY(tenon__lex_bits(&p->lexer, &bits));
    } else {
        TENON_TRY(tenon__lex_float(&p->lexer, &number));
        bits = (uint64_t)tenonh_float_bits(number);
    }
    *out_dim = tenon__dim_number(&p->module->dims, (int64_t)bits);
    return *out_dim ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
}

static tenon_status parse_entry(tenon__parser *p, uint32_t id, const tenonh_dim **out_dim) {
    if (tenon__attr_style(id) == TENON__ATTR_AS_FLOAT) return parse_float_bits(p, out_dim);
    const char *word, *start = p->lexer.cursor;
    size_t length;
    if (tenon__attr_style(id) == TENON__ATTR_AS_DTYPE && tenon__lex_word(&p->lexer, &word, &length)) {
        char name[16] = "";
        if (length < sizeof name) memcpy(name, word, length);
        tenon_dtype dtype = tenon_dtype_by_name(name);
        if (dtype) {
            *out_dim = tenon__dim_number(&p->module->dims, dtype);
            return *out_dim ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
        }
        p->lexer.cursor = start;
    }
    return tenon__dim_parse(&p->module->dims, &p->lexer, out_dim);
}

static tenon_status parse_list(tenon__parser *p, uint32_t id, const tenonh_dim ***out_dims, uint32_t *out_count) {
    const tenonh_dim **dims = NULL;
    uint32_t capacity = 0;
    *out_count = 0;
    TENON_TRY(tenon__lex_expect(&p->lexer, "["));
    while (!tenon__lex_take(&p->lexer, "]")) {
        if (*out_count) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__parse_grow(p, &dims, *out_count, &capacity, sizeof *dims));
        TENON_TRY(parse_entry(p, id, &dims[(*out_count)++]));
    }
    *out_dims = dims;
    return TENON_STATUS_OK;
}

static tenon_status parse_scalars(tenon__parser *p, tenonh_attr *out_attr) {
    int64_t *values = tenon__arena_array(&p->scratch, 2, sizeof *values);
    if (!values) return tenon__fail_memory();
    TENON_TRY(tenon__lex_expect(&p->lexer, "["));
    uint32_t count = 0;
    for (; !tenon__lex_take(&p->lexer, "]"); count++) {
        uint64_t bits;
        if (count == 2) return tenon__lex_fail(&p->lexer, "there are at most two scalars");
        if (count) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__lex_bits(&p->lexer, &bits));
        values[count] = (int64_t)bits;
    }
    *out_attr = (tenonh_attr){TENON_ATTR_SCALARS, count, values, NULL};
    return TENON_STATUS_OK;
}

static tenon_status parse_donated(tenon__parser *p, uint32_t *out_mask) {
    TENON_TRY(tenon__lex_expect(&p->lexer, "["));
    for (bool first = true; !tenon__lex_take(&p->lexer, "]"); first = false) {
        int64_t index;
        if (!first) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(tenon__lex_integer(&p->lexer, &index));
        if (index < 0 || index > 31) return tenon__lex_fail(&p->lexer, "operands 0 to 31 can be donated");
        *out_mask |= 1u << index;
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_attr(tenon__parser *p, written_node *node) {
    char *name;
    TENON_TRY(tenon__lex_name(&p->lexer, &p->scratch, &name));
    TENON_TRY(tenon__lex_expect(&p->lexer, "="));
    if (strcmp(name, "donated") == 0) return parse_donated(p, &node->donated);
    uint32_t id = tenon_attr_by_name(name);
    if (!id) return tenon__lex_fail(&p->lexer, "there is no attribute '%.64s'", name);
    if (node->attr_count == TENON_ATTR_LIMIT) return tenon__lex_fail(&p->lexer, "too many attributes");
    tenonh_attr *attr = &node->attrs[node->attr_count++];
    if (id == TENON_ATTR_SCALARS) return parse_scalars(p, attr);
    const tenonh_dim **dims;
    uint32_t count = 1;
    if (tenon_attr_row_of(id)->is_list) {
        TENON_TRY(parse_list(p, id, &dims, &count));
    } else {
        dims = tenon__arena_array(&p->scratch, 1, sizeof *dims);
        if (!dims) return tenon__fail_memory();
        TENON_TRY(parse_entry(p, id, dims));
    }
    static const tenonh_dim *const none[1] = {NULL};
    *attr = (tenonh_attr){id, count, NULL, count ? dims : none};
    return TENON_STATUS_OK;
}

static tenon_status parse_attrs(tenon__parser *p, written_node *node) {
    if (!tenon__lex_take(&p->lexer, "{")) return TENON_STATUS_OK;
    for (bool first = true; !tenon__lex_take(&p->lexer, "}"); first = false) {
        if (!first) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
        TENON_TRY(parse_attr(p, node));
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_locations(tenon__parser *p, written_node *node) {
    uint32_t capacity = 0;
    if (!tenon__lex_take(&p->lexer, "from")) return TENON_STATUS_OK;
    do {
        char *name;
        TENON_TRY(tenon__lex_name(&p->lexer, &p->module->arena, &name));
        if (node->location_count >= TENON__MAX_OPERANDS) return tenon__lex_fail(&p->lexer, "too many locations");
        TENON_TRY(tenon__grow(&p->module->arena, &node->locations, node->location_count, &capacity, sizeof(char *)));
        node->locations[node->location_count++] = name;
    } while (tenon__lex_take(&p->lexer, ","));
    return TENON_STATUS_OK;
}

/* -- Building ---------------------------------------------------------------------------------------------------------- */

static tenonh_value *build_op(tenon__parser *p, written_node *node, tenon_op op) {
    if (tenon__op_brings_dims(tenon_op_row_of(op)) && node->result_count && node->attr_count < TENON_ATTR_LIMIT)
        node->attrs[node->attr_count++] = TENON__ATTR_DIMS(DIMS, node->results[0].rank, node->results[0].dims);
    return tenonh_build_op(p->b, op, node->operands, node->operand_count, node->attrs, node->attr_count);
}

/* A composite that the table does not have: its results are what the text says. */
static tenonh_value *build_unknown(tenon__parser *p, const written_node *node, const char *name, uint32_t version) {
    tenonh_node *draft =
        tenon__draft(p->b, TENON__NODE_COMPOSITE, node->operands, node->operand_count, node->result_count);
    if (!draft) return NULL;
    draft->version = version;
    draft->name = tenon__arena_string(&p->module->arena, name);
    tenon_status status =
        draft->name ? tenon__draft_attrs(p->b, draft, node->attrs, node->attr_count) : tenon__fail_memory();
    if (status != TENON_STATUS_OK) return tenon__build_failed(p->b, status, draft);
    for (uint32_t i = 0; i < node->result_count; i++) {
        draft->results[i]->dtype = node->results[i].dtype;
        draft->results[i]->rank = node->results[i].rank;
        memcpy(draft->results[i]->dims, node->results[i].dims, sizeof draft->results[i]->dims);
    }
    return tenon__place(p->b, draft);
}

static tenon_status build_composite(tenon__parser *p, const written_node *node, tenonh_value **out_value) {
    char name[128];
    size_t dot = node->kind_length;
    while (dot > 0 && node->kind[dot - 1] != '.') dot--;
    uint32_t version = 0;
    for (size_t i = dot; i < node->kind_length && version <= 99999; i++) {
        bool digit = node->kind[i] >= '0' && node->kind[i] <= '9';
        version = digit ? version * 10 + (uint32_t)(node->kind[i] - '0') : UINT32_MAX;
    }
    if (dot < 2 || dot > sizeof name || version == 0 || version > 99999)
        return tenon__lex_fail(&p->lexer, "'%.*s' is no operator, and as a composite it needs a version",
                               (int)(node->kind_length < 64 ? node->kind_length : 64), node->kind);
    memcpy(name, node->kind, dot - 1);
    name[dot - 1] = '\0';
    const tenon__composite *row = tenon__composite_find(name, version);
    *out_value = row ? tenonh_build_composite(p->b, name, version, node->operands, node->operand_count, node->attrs,
                                              node->attr_count)
                     : build_unknown(p, node, name, version);
    return tenon__parse_built(p);
}

static tenon_status parse_region(tenon__parser *p, tenonh_value **out_value) {
    TENON_TRY(tenon__lex_expect(&p->lexer, "region"));
    if (tenon__lex_take(&p->lexer, "(")) {
        for (uint32_t i = 0; !tenon__lex_take(&p->lexer, ")"); i++) {
            tenon__parsed_value written;
            if (i) TENON_TRY(tenon__lex_expect(&p->lexer, ","));
            TENON_TRY(tenon__parse_definition(p, &written));
            TENON_TRY(tenon__parse_bind(p, &written, tenonh_build_argument(p->b, i)));
        }
    }
    TENON_TRY(tenon__lex_expect(&p->lexer, "{"));
    while (!tenon__lex_take(&p->lexer, "yield")) {
        if (tenon__lex_at_end(&p->lexer)) return tenon__lex_fail(&p->lexer, "the region has no end");
        TENON_TRY(tenon__parse_node(p));
    }
    tenonh_value **values;
    uint32_t count;
    TENON_TRY(tenon__parse_uses(p, "}", &values, &count));
    *out_value = tenonh_build_yield(p->b, values, count);
    return tenon__parse_built(p);
}

static tenon_status build_control(tenon__parser *p, const written_node *node, uint32_t control,
                                  tenonh_value **out_value) {
    tenonh_build_begin(p->b, control, node->operands, node->operand_count, node->attrs, node->attr_count);
    TENON_TRY(tenon__parse_built(p));
    if (p->depth == TENON__MAX_DEPTH)
        return tenon__lex_fail(&p->lexer, "regions nest more than %d deep", TENON__MAX_DEPTH);
    p->depth++;
    for (uint32_t i = 0; i < (control == TENONH_CONTROL_FOR ? 1u : 2u); i++) TENON_TRY(parse_region(p, out_value));
    p->depth--;
    return TENON_STATUS_OK;
}

static tenon_status build_state(tenon__parser *p, const written_node *node, uint32_t kind, tenonh_value **out_value) {
    uint32_t expected = kind == TENON__NODE_READ ? 1 : 2;
    if (kind == TENON__NODE_CALL) {
        *out_value = tenonh_build_call(p->b, node->of ? node->of : "", node->operands, node->operand_count);
    } else if (!node->of || node->operand_count != expected) {
        return tenon__lex_fail(&p->lexer, "it takes %u operands and `of` a state", expected);
    } else if (kind == TENON__NODE_READ) {
        *out_value = tenonh_build_read(p->b, node->of, node->operands[0]);
    } else {
        *out_value = tenonh_build_write(p->b, node->of, node->operands[0], node->operands[1]);
    }
    return tenon__parse_built(p);
}

static tenon_status build(tenon__parser *p, written_node *node, tenonh_value **out_value) {
    static const uint32_t control_of[] = {[TENON__NODE_IF] = TENONH_CONTROL_IF,
                                          [TENON__NODE_WHILE] = TENONH_CONTROL_WHILE,
                                          [TENON__NODE_FOR] = TENONH_CONTROL_FOR};
    char name[64] = "";
    if (node->kind_length < sizeof name) memcpy(name, node->kind, node->kind_length);
    uint32_t kind = tenon__kind_by_name(node->kind, node->kind_length);
    tenon_op op = tenon_op_by_name(name);
    if (kind && kind <= TENON__NODE_FOR) return build_control(p, node, control_of[kind], out_value);
    if (kind) return build_state(p, node, kind, out_value);
    if (!op) return build_composite(p, node, out_value);
    *out_value = build_op(p, node, op);
    return tenon__parse_built(p);
}

static tenon_status parse_results(tenon__parser *p, written_node *node) {
    uint32_t capacity = 0;
    if (!tenon__lex_next_is(&p->lexer, "%")) return TENON_STATUS_OK;
    do {
        TENON_TRY(tenon__parse_grow(p, &node->results, node->result_count, &capacity, sizeof *node->results));
        TENON_TRY(tenon__parse_definition(p, &node->results[node->result_count++]));
    } while (tenon__lex_take(&p->lexer, ","));
    return tenon__lex_expect(&p->lexer, "=");
}

static tenon_status finish(tenon__parser *p, const written_node *node, tenonh_value *first, uint32_t before) {
    /* The node may give nothing: it is then the last of its region. */
    const tenonh_region *region = p->b->region;
    tenonh_node *built = first                         ? first->node
                         : region->node_count > before ? region->nodes[region->node_count - 1]
                                                       : NULL;
    if (!built || built->result_count != node->result_count)
        return tenon__lex_fail(&p->lexer, "%u results are written and the node gives %u", node->result_count,
                               built ? built->result_count : 0);
    for (uint32_t i = 0; i < node->result_count; i++)
        TENON_TRY(tenon__parse_bind(p, &node->results[i], built->results[i]));
    built->donated = node->donated;
    return TENON_STATUS_OK;
}

tenon_status tenon__parse_node(tenon__parser *p) {
    written_node *node = tenon__arena_allocate(&p->scratch, sizeof *node);
    if (!node) return tenon__fail_memory();
    TENON_TRY(parse_results(p, node));
    if (!tenon__lex_word(&p->lexer, &node->kind, &node->kind_length))
        return tenon__lex_fail(&p->lexer, "an operator should stand here");
    if (node->kind_length == 8 && memcmp(node->kind, "constant", 8) == 0) {
        if (node->result_count != 1) return tenon__lex_fail(&p->lexer, "a constant gives one value");
        return parse_constant(p, &node->results[0]);
    }
    TENON_TRY(tenon__lex_expect(&p->lexer, "("));
    TENON_TRY(tenon__parse_uses(p, ")", &node->operands, &node->operand_count));
    if (tenon__lex_take(&p->lexer, "of")) TENON_TRY(tenon__lex_name(&p->lexer, &p->scratch, &node->of));
    TENON_TRY(parse_attrs(p, node));
    TENON_TRY(parse_locations(p, node));
    tenon__builder_locations(p->b, node->locations, node->location_count);
    tenonh_value *first = NULL;
    uint32_t before = p->b->region->node_count;
    TENON_TRY(build(p, node, &first));
    return finish(p, node, first, before);
}
