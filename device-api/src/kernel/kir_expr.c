/* Parser of expressions. Literals wait for a dtype until an operand beside them has one. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_text.h"

enum { EXPRESSION_DEPTH = 200 };

static bool parse_compare(kir_parser *parser, uint32_t dtype, kir_value *out_value);

/* Literals. */

static bool make_integer(kir_parser *parser, const kir_value *value, uint32_t dtype, tenon__kir_id *out_id) {
    uint64_t bits = value->negative ? 0 - value->literal.integer : value->literal.integer;
    bool fits = value->negative ? (int64_t)bits <= 0 && tenon__kir_class(dtype) != TENON_CLASS_UINT
                                : tenon__kir_class(dtype) == TENON_CLASS_UINT || (int64_t)bits >= 0;
    if (bits == 0) fits = true;
    if (tenon__kir_class(dtype) == TENON_CLASS_BOOL || !fits || tenon__kir_wrap(dtype, bits) != bits)
        return kir_parse_error(parser, &value->literal, "the number does not fit %s", tenon__kir_dtype_name(dtype));
    *out_id = tenon__kir_const(parser->program, dtype, bits);
    return kir_parse_check(parser, &value->literal);
}

static double literal_number(const kir_value *value) {
    const kir_token *token = &value->literal;
    double number = token->number;
    if (token->kind == KIR_TOKEN_INT) number = (double)token->integer;
    if (kir_token_is(token, "inf")) number = __builtin_inf();
    if (kir_token_is(token, "nan")) number = __builtin_nan("");
    return value->negative ? -number : number;
}

static bool make_literal(kir_parser *parser, const kir_value *value, uint32_t dtype, tenon__kir_id *out_id) {
    if (dtype == 0 || (dtype != TENON__KIR_INDEX && tenon__kir_compute_dtype(dtype) != dtype))
        return kir_parse_error(parser, &value->literal, "this number needs a compute dtype, as in 1:f32");
    if (tenon__kir_class(dtype) == TENON_CLASS_FLOAT) {
        *out_id = tenon__kir_float(parser->program, dtype, literal_number(value));
        return kir_parse_check(parser, &value->literal);
    }
    if (value->literal.kind != KIR_TOKEN_INT)
        return kir_parse_error(parser, &value->literal, "a float where %s is wanted", tenon__kir_dtype_name(dtype));
    return make_integer(parser, value, dtype, out_id);
}

/* Gives a waiting literal its dtype; 0 is an error. */
static bool settle(kir_parser *parser, kir_value *value, uint32_t dtype) {
    return value->id != 0 || make_literal(parser, value, dtype, &value->id);
}

static uint32_t dtype_of(const kir_parser *parser, const kir_value *value) {
    return value->id ? parser->program->nodes[value->id].type.dtype : 0;
}

/* Literals among operands take the dtype of the first one that has any, else `dtype`. */
static bool settle_all(kir_parser *parser, kir_value *values, uint32_t count, uint32_t dtype) {
    for (uint32_t i = count; i-- > 0;)
        if (dtype_of(parser, &values[i])) dtype = dtype_of(parser, &values[i]);
    for (uint32_t i = 0; i < count; i++)
        if (!settle(parser, &values[i], dtype)) return false;
    return true;
}

static bool parse_literal(kir_parser *parser, kir_value *out_value) {
    uint32_t dtype;
    *out_value = (kir_value){.literal = parser->token};
    kir_parse_advance(parser);
    if (!kir_parse_accept(parser, ":")) return true;
    return kir_parse_dtype(parser, &dtype) && make_literal(parser, out_value, dtype, &out_value->id);
}

/* bits:f32(0x7fc00001) */
static bool parse_bits(kir_parser *parser, kir_value *out_value) {
    kir_token where = parser->token;
    uint32_t dtype;
    kir_parse_advance(parser);
    if (!kir_parse_expect(parser, ":") || !kir_parse_dtype(parser, &dtype) || !kir_parse_expect(parser, "("))
        return false;
    uint64_t bits = parser->token.integer;
    if (parser->token.kind != KIR_TOKEN_INT) return kir_parse_error(parser, &parser->token, "bits are an integer");
    kir_parse_advance(parser);
    out_value->id = tenon__kir_const(parser->program, dtype, bits);
    return kir_parse_check(parser, &where) && kir_parse_expect(parser, ")");
}

/* Primaries. */

bool kir_parse_indices(kir_parser *parser, tenon__kir_id *ids, uint32_t limit, uint32_t *out_count) {
    uint32_t count = 0;
    *out_count = 0;
    if (kir_parse_accept(parser, "]")) return true;
    do {
        if (count == limit) return kir_parse_error(parser, &parser->token, "more than %u indices", limit);
        if (!kir_parse_guarded(parser, TENON__KIR_INDEX, &ids[count++])) return false;
    } while (kir_parse_accept(parser, ","));
    *out_count = count;
    return kir_parse_expect(parser, "]");
}

/* Behind the closing bracket of a load in a guarded place: an optional guard. */
static bool parse_load(kir_parser *parser, uint32_t operand, bool guard_ok, const kir_token *where,
                       tenon__kir_id *out_id) {
    tenon__kir_id index[TENON_MAX_RANK], condition, otherwise;
    uint32_t rank;
    if (!kir_parse_expect(parser, "[") || !kir_parse_indices(parser, index, TENON_MAX_RANK, &rank)) return false;
    if (!guard_ok || !kir_parse_accept(parser, "if")) {
        *out_id = tenon__kir_load(parser->program, operand, index, rank);
        return kir_parse_check(parser, where);
    }
    uint32_t dtype = tenon__kir_compute_dtype(parser->program->operands[operand].dtype);
    if (!kir_parse_value(parser, TENON_DTYPE_BOOL, &condition) || !kir_parse_expect(parser, "else") ||
        !kir_parse_value(parser, dtype, &otherwise))
        return false;
    *out_id = tenon__kir_load_if(parser->program, operand, index, rank, condition, otherwise);
    return kir_parse_check(parser, where);
}

static bool parse_name(kir_parser *parser, bool guard_ok, tenon__kir_id *out_id) {
    kir_token where = parser->token;
    const kir_name *name = kir_scope_find(&parser->scope, where.at, where.size);
    if (!name || name->what == KIR_SCOPE_OTHER)
        return kir_parse_error(parser, &where, "'%.*s' is not defined here", (int)where.size, where.at);
    uint32_t number = name->number;
    bool operand = name->what == KIR_SCOPE_OPERAND;
    kir_parse_advance(parser);
    if (operand) return parse_load(parser, number, guard_ok, &where, out_id);
    *out_id = number;
    if (!kir_parse_accept(parser, "[")) return true;
    tenon__kir_id index[TENON__KIR_MAX_TILE_RANK];
    uint32_t rank;
    if (!kir_parse_indices(parser, index, TENON__KIR_MAX_TILE_RANK, &rank)) return false;
    *out_id = tenon__kir_elem(parser->program, number, index, rank);
    return kir_parse_check(parser, &where);
}

static bool parse_call(kir_parser *parser, tenon_op op, uint32_t dtype, tenon__kir_id *out_id) {
    kir_token where = parser->token;
    uint32_t arity = tenon__kir_op_arity(op), first = op == TENON_OP_WHERE ? 1 : 0;
    bool compares = op == TENON_OP_LT || op == TENON_OP_EQ;
    kir_value args[3] = {0};
    kir_parse_advance(parser);
    if (!kir_parse_expect(parser, "(")) return false;
    for (uint32_t i = 0; i < arity; i++) {
        if (i > 0 && !kir_parse_expect(parser, ",")) return false;
        parser->guard_ok = true;
        if (!parse_compare(parser, i < first ? TENON_DTYPE_BOOL : compares ? 0 : dtype, &args[i])) return false;
    }
    if (!kir_parse_expect(parser, ")")) return false;
    if (first == 1 && !settle(parser, &args[0], TENON_DTYPE_BOOL)) return false;
    if (!settle_all(parser, args + first, arity - first, compares ? 0 : dtype)) return false;
    *out_id = tenon__kir_op(parser->program, op, args[0].id, args[1].id, args[2].id);
    return kir_parse_check(parser, &where);
}

/* cast[dtype, wrap](value), bitcast[dtype](value) */
static bool parse_cast(kir_parser *parser, tenon__kir_id *out_id) {
    kir_token where = parser->token;
    bool bitcast = kir_token_is(&where, "bitcast");
    uint32_t dtype, flags = 0;
    tenon__kir_id value;
    kir_parse_advance(parser);
    if (!kir_parse_expect(parser, "[") || !kir_parse_dtype(parser, &dtype)) return false;
    if (!bitcast && kir_parse_accept(parser, ",")) {
        if (!kir_parse_expect(parser, "wrap")) return false;
        flags = TENON__KIR_WRAP;
    }
    if (!kir_parse_expect(parser, "]") || !kir_parse_expect(parser, "(")) return false;
    if (!kir_parse_guarded(parser, 0, &value) || !kir_parse_expect(parser, ")")) return false;
    *out_id = bitcast ? tenon__kir_bitcast(parser->program, dtype, value)
                      : tenon__kir_cast(parser->program, dtype, value, flags);
    return kir_parse_check(parser, &where);
}

static bool parse_primary(kir_parser *parser, uint32_t dtype, bool guard_ok, kir_value *out_value) {
    const kir_token token = parser->token;
    *out_value = (kir_value){0};
    if (token.kind == KIR_TOKEN_INT || token.kind == KIR_TOKEN_FLOAT || kir_token_is(&token, "inf") ||
        kir_token_is(&token, "nan"))
        return parse_literal(parser, out_value);
    if (kir_parse_accept(parser, "(")) {
        parser->guard_ok = true;
        return parse_compare(parser, dtype, out_value) && kir_parse_expect(parser, ")");
    }
    if (token.kind != KIR_TOKEN_NAME) return kir_parse_error(parser, &token, "a value is missing here");
    if (kir_token_is(&token, "true") || kir_token_is(&token, "false")) {
        kir_parse_advance(parser);
        out_value->id = tenon__kir_const(parser->program, TENON_DTYPE_BOOL, kir_token_is(&token, "true"));
        return kir_parse_check(parser, &token);
    }
    if (kir_token_is(&token, "bits")) return parse_bits(parser, out_value);
    if (kir_token_is(&token, "cast") || kir_token_is(&token, "bitcast")) return parse_cast(parser, &out_value->id);
    tenon_op op = kir_find_op(token.at, token.size);
    if (op != TENON_OP_NONE) return parse_call(parser, op, dtype, &out_value->id);
    return parse_name(parser, guard_ok, &out_value->id);
}

/* Infix. */

static bool parse_unary(kir_parser *parser, uint32_t dtype, kir_value *out_value) {
    kir_token where = parser->token;
    bool guard_ok = parser->guard_ok;
    parser->guard_ok = false;
    if (++parser->depth > EXPRESSION_DEPTH)
        return kir_parse_error(parser, &where, "an expression nested more than %d deep: use let", EXPRESSION_DEPTH);
    bool parsed;
    if (!kir_parse_accept(parser, "-")) {
        parsed = parse_primary(parser, dtype, guard_ok, out_value);
    } else if (parser->token.kind == KIR_TOKEN_INT || parser->token.kind == KIR_TOKEN_FLOAT ||
               kir_token_is(&parser->token, "inf") || kir_token_is(&parser->token, "nan")) {
        *out_value = (kir_value){.literal = parser->token, .negative = true};
        kir_parse_advance(parser);
        uint32_t own;
        parsed = !kir_parse_accept(parser, ":") ||
                 (kir_parse_dtype(parser, &own) && make_literal(parser, out_value, own, &out_value->id));
    } else {
        parsed = parse_unary(parser, dtype, out_value) && settle(parser, out_value, dtype);
        if (parsed) out_value->id = tenon__kir_op(parser->program, TENON_OP_NEG, out_value->id, 0, 0);
        parsed = parsed && kir_parse_check(parser, &where);
    }
    parser->depth--;
    return parsed;
}

typedef bool (*parse_fn)(kir_parser *parser, uint32_t dtype, kir_value *out_value);

struct infix {
    const char *mark;
    tenon_op op;
};

/* Operators of one level between operands of the next, from left to right. */
static bool parse_level(kir_parser *parser, uint32_t dtype, const struct infix *infix, uint32_t count, parse_fn operand,
                        kir_value *out_value) {
    kir_value sides[2] = {{0}};
    if (!operand(parser, dtype, &sides[0])) return false;
    for (uint32_t i = 0; i < count;) {
        kir_token where = parser->token;
        if (!kir_parse_accept(parser, infix[i].mark)) {
            i++;
            continue;
        }
        bool compares = infix[i].op == TENON_OP_LT || infix[i].op == TENON_OP_EQ;
        uint32_t like = compares ? 0 : dtype;
        if (!operand(parser, like, &sides[1]) || !settle_all(parser, sides, 2, like)) return false;
        sides[0].id = tenon__kir_op(parser->program, infix[i].op, sides[0].id, sides[1].id, 0);
        if (!kir_parse_check(parser, &where)) return false;
        if (compares) break;
        i = 0;
    }
    *out_value = sides[0];
    return true;
}

static bool parse_product(kir_parser *parser, uint32_t dtype, kir_value *out_value) {
    static const struct infix marks[] = {{"*", TENON_OP_MUL}, {"/", TENON_OP_DIV}, {"%", TENON_OP_REM}};
    return parse_level(parser, dtype, marks, 3, parse_unary, out_value);
}

static bool parse_sum(kir_parser *parser, uint32_t dtype, kir_value *out_value) {
    static const struct infix marks[] = {{"+", TENON_OP_ADD}, {"-", TENON_OP_SUB}};
    return parse_level(parser, dtype, marks, 2, parse_product, out_value);
}

static bool parse_compare(kir_parser *parser, uint32_t dtype, kir_value *out_value) {
    static const struct infix marks[] = {{"<", TENON_OP_LT}, {"==", TENON_OP_EQ}};
    return parse_level(parser, dtype, marks, 2, parse_sum, out_value);
}

bool kir_parse_value(kir_parser *parser, uint32_t dtype, tenon__kir_id *out_id) {
    kir_value value;
    parser->guard_ok = false;
    if (!parse_compare(parser, dtype, &value) || !settle(parser, &value, dtype)) return false;
    *out_id = value.id;
    return true;
}

bool kir_parse_guarded(kir_parser *parser, uint32_t dtype, tenon__kir_id *out_id) {
    kir_value value;
    parser->guard_ok = true;
    if (!parse_compare(parser, dtype, &value) || !settle(parser, &value, dtype)) return false;
    *out_id = value.id;
    return true;
}

/* Expression text. */

static tenon__kir_id parse_text(kir_parser *parser, uint32_t like) {
    tenon__kir_id id = 0;
    while (kir_parse_accept(parser, "let")) {
        kir_token name;
        if (!kir_parse_new_name(parser, &name) || !kir_parse_expect(parser, "=") ||
            !kir_parse_guarded(parser, like, &id) || !kir_parse_declare(parser, &name, KIR_SCOPE_VALUE, id))
            return 0;
        kir_parse_accept(parser, ";");
    }
    if (!kir_parse_guarded(parser, like, &id)) return 0;
    if (parser->token.kind == KIR_TOKEN_END) return id;
    kir_parse_error(parser, &parser->token, "the expression ends before this");
    return 0;
}

tenon__kir_id tenon__kir_parse_expr(tenon__kir_program *program, const char *text, const char *const *names,
                                    const tenon__kir_id *values, uint32_t count, uint32_t like) {
    if (!tenon__kir_alive(program)) return 0;
    kir_parser parser = {.program = program, .lexer = kir_lex_start(text, strlen(text))};
    bool known = true;
    for (uint32_t i = 0; i < count && known; i++)
        known = kir_scope_add(&parser.scope, names[i], strlen(names[i]), KIR_SCOPE_VALUE, values[i]);
    kir_parse_advance(&parser);
    if (!known) tenon__kir_fail(program, TENON_STATUS_OUT_OF_MEMORY, "out of memory while parsing an expression");
    tenon__kir_id id = known ? parse_text(&parser, like) : 0;
    kir_scope_free(&parser.scope);
    return id;
}
