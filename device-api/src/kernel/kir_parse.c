/* Parser of the text form (README.md has the grammar): declarations, kernels, statements. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_text.h"

enum { LONGEST_TEXT = 1 << 24 }; /* bytes */

/* Tokens and errors. */

bool kir_parse_error(kir_parser *parser, const kir_token *where, const char *format, ...) {
    char text[400];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (where->kind == KIR_TOKEN_BAD && where->problem) snprintf(text, sizeof text, "%s", where->problem);
    if (parser->program->state->status == TENON_STATUS_OK) parser->located = true;
    tenon__kir_fail(parser->program, TENON_STATUS_BAD_DATA, "%u:%u: %s", where->line, where->column, text);
    return false;
}

bool kir_parse_check(kir_parser *parser, const kir_token *where) {
    struct tenon__kir_state *state = parser->program->state;
    if (state->status == TENON_STATUS_OK) return true;
    if (!parser->located) {
        tenon__kir_error plain = state->error;
        snprintf(state->error.text, sizeof state->error.text, "%u:%u: %.480s", where->line, where->column, plain.text);
        if (state->status == TENON_STATUS_INVALID) state->status = TENON_STATUS_BAD_DATA;
        parser->located = true;
    }
    return false;
}

void kir_parse_advance(kir_parser *parser) {
    parser->token = kir_lex_next(&parser->lexer);
}

bool kir_parse_accept(kir_parser *parser, const char *text) {
    if (!kir_token_is(&parser->token, text)) return false;
    kir_parse_advance(parser);
    return true;
}

bool kir_parse_expect(kir_parser *parser, const char *text) {
    if (kir_parse_accept(parser, text)) return true;
    const kir_token *token = &parser->token;
    if (token->kind == KIR_TOKEN_END)
        return kir_parse_error(parser, token, "the text ends where '%s' is missing", text);
    return kir_parse_error(parser, token, "'%s' is missing before '%.*s'", text,
                           token->size < 40 ? (int)token->size : 40, token->at);
}

bool kir_parse_new_name(kir_parser *parser, kir_token *out_name) {
    *out_name = parser->token;
    if (out_name->kind != KIR_TOKEN_NAME) return kir_parse_error(parser, out_name, "a name is missing here");
    int size = out_name->size < 40 ? (int)out_name->size : 40;
    if (kir_reserved(out_name->at, out_name->size))
        return kir_parse_error(parser, out_name, "'%.*s' is a word of the language: choose another name", size,
                               out_name->at);
    if (kir_scope_find(&parser->scope, out_name->at, out_name->size))
        return kir_parse_error(parser, out_name, "'%.*s' is already defined here: choose another name", size,
                               out_name->at);
    kir_parse_advance(parser);
    return true;
}

bool kir_parse_declare(kir_parser *parser, const kir_token *name, uint32_t what, uint32_t number) {
    if (!kir_parse_check(parser, name)) return false;
    if (kir_scope_add(&parser->scope, name->at, name->size, what, number)) return true;
    tenon__kir_fail(parser->program, TENON_STATUS_OUT_OF_MEMORY, "out of memory while parsing");
    return false;
}

bool kir_parse_dtype(kir_parser *parser, uint32_t *out_dtype) {
    const kir_token *token = &parser->token;
    *out_dtype = token->kind == KIR_TOKEN_NAME ? kir_find_dtype(token->at, token->size) : 0;
    if (*out_dtype == 0) return kir_parse_error(parser, token, "a dtype is missing here");
    kir_parse_advance(parser);
    return true;
}

/* Terminated copy of a name, for the builder. */
static const char *copy_name(kir_parser *parser, const kir_token *name) {
    const char *copy = tenon__kir_intern(parser->program, name->at, name->size);
    if (!copy) tenon__kir_fail(parser->program, TENON_STATUS_OUT_OF_MEMORY, "out of memory while parsing");
    return copy;
}

static bool parse_integer(kir_parser *parser, int64_t *out_value) {
    bool negative = kir_parse_accept(parser, "-");
    const kir_token *token = &parser->token;
    if (token->kind != KIR_TOKEN_INT || token->integer > (uint64_t)INT64_MAX + negative)
        return kir_parse_error(parser, token, "a 64-bit integer is missing here");
    *out_value = (int64_t)(negative ? 0 - token->integer : token->integer);
    kir_parse_advance(parser);
    return true;
}

/* Declarations. */

static bool parse_symbol(kir_parser *parser) {
    kir_token name;
    tenon_symbol range = {.divisor = 1};
    if (!kir_parse_new_name(parser, &name) || !parse_integer(parser, &range.min) || !kir_parse_expect(parser, "..") ||
        !parse_integer(parser, &range.max))
        return false;
    if (kir_parse_accept(parser, "div") && !parse_integer(parser, &range.divisor)) return false;
    tenon__kir_id id = tenon__kir_symbol_new(parser->program, copy_name(parser, &name), range);
    return kir_parse_declare(parser, &name, KIR_SCOPE_VALUE, id);
}

static bool parse_scalar(kir_parser *parser) {
    kir_token name;
    uint32_t dtype;
    if (!kir_parse_new_name(parser, &name) || !kir_parse_dtype(parser, &dtype)) return false;
    tenon__kir_id id = tenon__kir_scalar_new(parser->program, copy_name(parser, &name), dtype);
    return kir_parse_declare(parser, &name, KIR_SCOPE_VALUE, id);
}

static bool parse_operand(kir_parser *parser, uint32_t role) {
    kir_token name;
    uint32_t dtype, rank, stride_count = 0;
    tenon__kir_id dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
    if (!kir_parse_new_name(parser, &name) || !kir_parse_dtype(parser, &dtype) || !kir_parse_expect(parser, "[") ||
        !kir_parse_indices(parser, dims, TENON_MAX_RANK, &rank))
        return false;
    kir_token where = parser->token;
    bool strided = kir_parse_accept(parser, "strides");
    if (strided &&
        (!kir_parse_expect(parser, "[") || !kir_parse_indices(parser, strides, TENON_MAX_RANK, &stride_count)))
        return false;
    if (strided && stride_count != rank)
        return kir_parse_error(parser, &where, "%u strides for %u dims", stride_count, rank);
    uint32_t number = tenon__kir_operand_new(parser->program, role, copy_name(parser, &name), dtype, rank, dims,
                                             strided ? strides : NULL);
    return kir_parse_declare(parser, &name, KIR_SCOPE_OPERAND, number);
}

static bool parse_let(kir_parser *parser) {
    kir_token name;
    tenon__kir_id id;
    if (!kir_parse_new_name(parser, &name) || !kir_parse_expect(parser, "=") || !kir_parse_guarded(parser, 0, &id))
        return false;
    /* A second name for a value that has one stays the parser's own. */
    if (!tenon__kir_is_leaf(parser->program, id) && !parser->program->nodes[id].name)
        tenon__kir_name(parser->program, id, copy_name(parser, &name));
    return kir_parse_declare(parser, &name, KIR_SCOPE_VALUE, id);
}

/* Statements. */

static bool parse_block(kir_parser *parser, const char *last, const tenon__kir_type *types, uint32_t count,
                        tenon__kir_id *out_ids);

struct axes {
    uint32_t count;
    kir_token name[TENON__KIR_MAX_AXES];
    tenon__kir_id extent[TENON__KIR_MAX_AXES];
};

/* "(" [ NAME "<" expr { "," ... } ] ")" */
static bool parse_axes(kir_parser *parser, struct axes *out_axes) {
    out_axes->count = 0;
    if (!kir_parse_expect(parser, "(")) return false;
    if (kir_parse_accept(parser, ")")) return true;
    do {
        uint32_t i = out_axes->count++;
        if (i == TENON__KIR_MAX_AXES)
            return kir_parse_error(parser, &parser->token, "more than %d axes: collapse some", TENON__KIR_MAX_AXES);
        if (!kir_parse_new_name(parser, &out_axes->name[i]) || !kir_parse_expect(parser, "<") ||
            !kir_parse_value(parser, TENON__KIR_INDEX, &out_axes->extent[i]))
            return false;
    } while (kir_parse_accept(parser, ","));
    return kir_parse_expect(parser, ")");
}

/* Two new names of one list may be equal: declaring finds that out. */
static bool declare_new(kir_parser *parser, const kir_token *name, uint32_t number) {
    if (kir_scope_find(&parser->scope, name->at, name->size))
        return kir_parse_error(parser, name, "'%.*s' is already defined here: choose another name",
                               name->size < 40 ? (int)name->size : 40, name->at);
    return kir_parse_declare(parser, name, KIR_SCOPE_VALUE, number);
}

/* Hands the axes to the builder; their names come into scope later. */
static bool add_axes(kir_parser *parser, const struct axes *axes, tenon__kir_id *out_ids) {
    for (uint32_t i = 0; i < axes->count; i++) {
        out_ids[i] = tenon__kir_axis(parser->program, copy_name(parser, &axes->name[i]), axes->extent[i]);
        if (!kir_parse_check(parser, &axes->name[i])) return false;
    }
    return true;
}

static bool declare_all(kir_parser *parser, const kir_token *names, const tenon__kir_id *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!declare_new(parser, &names[i], ids[i])) return false;
    return true;
}

struct carries {
    uint32_t count;
    kir_token name[TENON__KIR_MAX_CARRY];
    tenon__kir_type type[TENON__KIR_MAX_CARRY];
    tenon__kir_id init[TENON__KIR_MAX_CARRY];
};

/* [ "[" INT { "," INT } "]" ] */
static bool parse_extents(kir_parser *parser, tenon__kir_type *type) {
    if (!kir_parse_accept(parser, "[")) return true;
    do {
        int64_t extent = 0;
        kir_token where = parser->token;
        if (!parse_integer(parser, &extent)) return false;
        if (type->rank == TENON__KIR_MAX_TILE_RANK || extent < 1 || extent > TENON__KIR_MAX_TILE)
            return kir_parse_error(parser, &where, "a tile has 1 to %d dims of 1 to %d", TENON__KIR_MAX_TILE_RANK,
                                   TENON__KIR_MAX_TILE);
        type->extents[type->rank++] = (uint32_t)extent;
    } while (kir_parse_accept(parser, ","));
    return kir_parse_expect(parser, "]");
}

static bool parse_carries(kir_parser *parser, struct carries *out_carries) {
    out_carries->count = 0;
    if (!kir_parse_expect(parser, "(")) return false;
    do {
        uint32_t i = out_carries->count, dtype;
        if (i == TENON__KIR_MAX_CARRY)
            return kir_parse_error(parser, &parser->token, "more than %d carried values: put some in a tile",
                                   TENON__KIR_MAX_CARRY);
        if (!kir_parse_new_name(parser, &out_carries->name[i]) || !kir_parse_expect(parser, ":") ||
            !kir_parse_dtype(parser, &dtype))
            return false;
        out_carries->type[i] = tenon__kir_scalar_type(dtype);
        if (!parse_extents(parser, &out_carries->type[i]) || !kir_parse_expect(parser, "=") ||
            !kir_parse_value(parser, dtype, &out_carries->init[i]))
            return false;
        out_carries->count++;
    } while (kir_parse_accept(parser, ","));
    return kir_parse_expect(parser, ")");
}

static bool parse_merge_ops(kir_parser *parser) {
    tenon_op ops[TENON__KIR_MAX_CARRY];
    uint32_t count = 0;
    kir_token where = parser->token;
    do {
        const kir_token token = parser->token;
        tenon_op op = token.kind == KIR_TOKEN_NAME ? kir_find_op(token.at, token.size) : TENON_OP_NONE;
        if (op == TENON_OP_NONE || count == TENON__KIR_MAX_CARRY)
            return kir_parse_error(parser, &token, "a merge is an operator a carried value, or a block");
        ops[count++] = op;
        kir_parse_advance(parser);
    } while (kir_parse_accept(parser, ","));
    tenon__kir_merge_ops(parser->program, ops, count);
    return kir_parse_check(parser, &where);
}

static bool declare_params(kir_parser *parser, const tenon__kir_id *params, uint32_t count, const char *end) {
    for (uint32_t i = 0; i < count; i++) {
        kir_token name;
        if (i > 0 && !kir_parse_expect(parser, ",")) return false;
        if (!kir_parse_new_name(parser, &name)) return false;
        tenon__kir_name(parser->program, params[i], copy_name(parser, &name));
        if (!kir_parse_declare(parser, &name, KIR_SCOPE_VALUE, params[i])) return false;
    }
    return kir_parse_expect(parser, end);
}

static bool parse_merge(kir_parser *parser, const struct carries *carries) {
    tenon__kir_id first[TENON__KIR_MAX_CARRY], second[TENON__KIR_MAX_CARRY], merged[TENON__KIR_MAX_CARRY];
    uint32_t outer = parser->scope.count;
    kir_token where = parser->token;
    if (!kir_parse_accept(parser, "(")) return parse_merge_ops(parser);
    tenon__kir_merge_begin(parser->program, first, second);
    if (!kir_parse_check(parser, &where) || !declare_params(parser, first, carries->count, ";") ||
        !declare_params(parser, second, carries->count, ")") ||
        !parse_block(parser, "yield", carries->type, carries->count, merged))
        return false;
    kir_scope_leave(&parser->scope, outer);
    tenon__kir_merge_end(parser->program, merged, carries->count);
    return kir_parse_check(parser, &where);
}

/* Hands axes, carried values and the merge to the builder. */
static bool add_loop(kir_parser *parser, const struct axes *axes, const struct carries *carries,
                     tenon__kir_id *out_axes, tenon__kir_id *out_carries) {
    kir_token where = parser->token;
    tenon__kir_loop_begin(parser->program);
    if (!kir_parse_check(parser, &where) || !add_axes(parser, axes, out_axes)) return false;
    for (uint32_t i = 0; i < carries->count; i++) {
        out_carries[i] = tenon__kir_carry(parser->program, copy_name(parser, &carries->name[i]), &carries->type[i],
                                          carries->init[i]);
        if (!kir_parse_check(parser, &carries->name[i])) return false;
    }
    return carries->count == 0 || !kir_parse_accept(parser, "merge") || parse_merge(parser, carries);
}

static bool parse_loop(kir_parser *parser) {
    tenon__kir_id axis_ids[TENON__KIR_MAX_AXES], ids[TENON__KIR_MAX_CARRY], results[TENON__KIR_MAX_CARRY];
    uint32_t outer = parser->scope.count;
    kir_token where = parser->token;
    struct axes axes;
    struct carries carries = {0};
    if (!parse_axes(parser, &axes)) return false;
    if (kir_parse_accept(parser, "carry") && !parse_carries(parser, &carries)) return false;
    if (!add_loop(parser, &axes, &carries, axis_ids, ids)) return false;
    if (!declare_all(parser, axes.name, axis_ids, axes.count) || !declare_all(parser, carries.name, ids, carries.count))
        return false;
    if (!parse_block(parser, carries.count ? "next" : NULL, carries.type, carries.count, ids)) return false;
    kir_scope_leave(&parser->scope, outer);
    tenon__kir_loop_end(parser->program, ids, carries.count, results);
    return kir_parse_check(parser, &where) && declare_all(parser, carries.name, results, carries.count);
}

static bool parse_tile(kir_parser *parser) {
    kir_token name, axis[TENON__KIR_MAX_TILE_RANK];
    tenon__kir_id ids[TENON__KIR_MAX_TILE_RANK], element, tile;
    tenon__kir_type type = {0};
    uint32_t dtype, outer = parser->scope.count;
    if (!kir_parse_new_name(parser, &name) || !kir_parse_dtype(parser, &dtype)) return false;
    type.dtype = (uint16_t)dtype;
    if (!parse_extents(parser, &type) || !kir_parse_expect(parser, "(")) return false;
    for (uint32_t i = 0; i < type.rank; i++)
        if ((i > 0 && !kir_parse_expect(parser, ",")) || !kir_parse_new_name(parser, &axis[i])) return false;
    if (!kir_parse_expect(parser, ")")) return false;
    tenon__kir_tile_begin(parser->program, copy_name(parser, &name), dtype, type.rank, type.extents, ids);
    if (!kir_parse_check(parser, &name)) return false;
    for (uint32_t i = 0; i < type.rank; i++) tenon__kir_name(parser->program, ids[i], copy_name(parser, &axis[i]));
    tenon__kir_type scalar = tenon__kir_scalar_type(dtype);
    if (!declare_all(parser, axis, ids, type.rank) || !parse_block(parser, "yield", &scalar, 1, &element)) return false;
    kir_scope_leave(&parser->scope, outer);
    tile = tenon__kir_tile_end(parser->program, element);
    return kir_parse_check(parser, &name) && declare_new(parser, &name, tile);
}

/* "=" or OP "=" */
static bool parse_combine(kir_parser *parser, uint32_t *out_combine) {
    *out_combine = TENON_COMBINE_SET;
    const kir_token token = parser->token;
    if (kir_parse_accept(parser, "=")) return true;
    for (uint32_t combine = TENON_COMBINE_ADD; combine <= TENON_COMBINE_MAX; combine++)
        if (kir_parse_accept(parser, tenon__kir_combine_name(combine))) {
            *out_combine = combine;
            return kir_parse_expect(parser, "=");
        }
    return kir_parse_error(parser, &token, "'=', 'add=', 'mul=', 'min=' or 'max=' is missing here");
}

static bool parse_store(kir_parser *parser) {
    const kir_token where = parser->token;
    tenon__kir_id index[TENON_MAX_RANK], value, condition = 0;
    uint32_t rank, combine, flags = 0;
    const kir_name *name = where.kind == KIR_TOKEN_NAME ? kir_scope_find(&parser->scope, where.at, where.size) : NULL;
    if (!name || name->what != KIR_SCOPE_OPERAND)
        return kir_parse_error(parser, &where, "an operand to store to is missing here");
    uint32_t operand = name->number;
    kir_parse_advance(parser);
    if (!kir_parse_expect(parser, "[") || !kir_parse_indices(parser, index, TENON_MAX_RANK, &rank) ||
        !parse_combine(parser, &combine) ||
        !kir_parse_value(parser, tenon__kir_compute_dtype(parser->program->operands[operand].dtype), &value))
        return false;
    if (kir_parse_accept(parser, "any")) flags = TENON__KIR_ANY_ORDER;
    if (kir_parse_accept(parser, "if") && !kir_parse_value(parser, TENON_DTYPE_BOOL, &condition)) return false;
    tenon__kir_store_as(parser->program, operand, index, rank, value, combine, flags, condition);
    return kir_parse_check(parser, &where);
}

/* "(" value { "," value } ")", as many as `types` */
static bool parse_list(kir_parser *parser, const tenon__kir_type *types, uint32_t count, tenon__kir_id *out_ids) {
    if (!kir_parse_expect(parser, "(")) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && !kir_parse_expect(parser, ",")) return false;
        if (!kir_parse_guarded(parser, types[i].rank ? 0 : types[i].dtype, &out_ids[i])) return false;
    }
    return kir_parse_expect(parser, ")");
}

/* "{" { stmt } "}", ended by the statement `last` (NULL: none) whose values come back. */
static bool parse_block(kir_parser *parser, const char *last, const tenon__kir_type *types, uint32_t count,
                        tenon__kir_id *out_ids) {
    if (!kir_parse_expect(parser, "{")) return false;
    for (;;) {
        bool parsed;
        if (last && kir_parse_accept(parser, last))
            return parse_list(parser, types, count, out_ids) && kir_parse_expect(parser, "}");
        if (!last && kir_parse_accept(parser, "}")) return true;
        if (kir_parse_accept(parser, "let"))
            parsed = parse_let(parser);
        else if (kir_parse_accept(parser, "loop"))
            parsed = parse_loop(parser);
        else if (kir_parse_accept(parser, "tile"))
            parsed = parse_tile(parser);
        else if (kir_parse_accept(parser, "store"))
            parsed = parse_store(parser);
        else
            return kir_parse_error(parser, &parser->token, "a statement%s%s is missing here", last ? " or " : "",
                                   last ? last : "");
        if (!parsed) return false;
    }
}

/* Program. */

static bool parse_kernel(kir_parser *parser) {
    kir_token name;
    struct axes axes;
    tenon__kir_id ids[TENON__KIR_MAX_AXES];
    uint32_t outer = parser->scope.count;
    if (!kir_parse_new_name(parser, &name)) return false;
    bool index32 = kir_parse_accept(parser, "index32");
    if (!parse_axes(parser, &axes)) return false;
    tenon__kir_kernel_begin(parser->program, copy_name(parser, &name));
    if (!kir_parse_check(parser, &name) || !add_axes(parser, &axes, ids)) return false;
    if (index32) tenon__kir_kernel_claim_index32(parser->program);
    if (!declare_all(parser, axes.name, ids, axes.count) || !parse_block(parser, NULL, NULL, 0, NULL)) return false;
    kir_scope_leave(&parser->scope, outer);
    tenon__kir_kernel_end(parser->program);
    return kir_parse_declare(parser, &name, KIR_SCOPE_OTHER, 0);
}

static bool parse_declaration(kir_parser *parser, bool *out_found) {
    static const char *const roles[] = {[TENON__KIR_IN] = "in",
                                        [TENON__KIR_OUT] = "out",
                                        [TENON__KIR_INOUT] = "inout",
                                        [TENON__KIR_WORKSPACE] = "workspace"};
    *out_found = true;
    if (kir_parse_accept(parser, "symbol")) return parse_symbol(parser);
    if (kir_parse_accept(parser, "scalar")) return parse_scalar(parser);
    if (kir_parse_accept(parser, "let")) return parse_let(parser);
    for (uint32_t role = TENON__KIR_IN; role <= TENON__KIR_WORKSPACE; role++)
        if (kir_parse_accept(parser, roles[role])) return parse_operand(parser, role);
    *out_found = false;
    return true;
}

static bool parse_program(kir_parser *parser) {
    bool found = true;
    while (found)
        if (!parse_declaration(parser, &found)) return false;
    while (kir_parse_accept(parser, "kernel"))
        if (!parse_kernel(parser)) return false;
    if (parser->token.kind == KIR_TOKEN_END) return true;
    return kir_parse_error(parser, &parser->token, "a declaration or kernel is missing here");
}

tenon_status tenon__kir_parse(const char *text, size_t size, tenon__kir_error *error,
                              tenon__kir_program **out_program) {
    kir_parser parser = {.lexer = kir_lex_start(text, size)};
    *out_program = NULL;
    error->text[0] = '\0';
    if (size > LONGEST_TEXT) {
        tenon__kir_invalid(error, "a text of more than %d bytes", LONGEST_TEXT);
        return TENON_STATUS_BAD_DATA;
    }
    TENON_TRY(tenon__kir_create("", &parser.program));
    kir_token name = {0};
    kir_parse_advance(&parser);
    bool parsed = kir_parse_expect(&parser, "program") && kir_parse_new_name(&parser, &name);
    if (parsed) parser.program->name = copy_name(&parser, &name);
    if (parsed) parse_program(&parser);
    kir_scope_free(&parser.scope);
    tenon_status status = tenon__kir_finish(parser.program, error);
    if (status == TENON_STATUS_OK) {
        *out_program = parser.program;
        return TENON_STATUS_OK;
    }
    tenon__kir_destroy(parser.program);
    return status == TENON_STATUS_INVALID ? TENON_STATUS_BAD_DATA : status;
}
