#include <string.h>

#include "graph/dim_internal.h"
#include "graph/lexer.h"
#include "support/error.h"

static const struct function_row {
    const char *name;
    uint16_t kind;
    uint32_t op;
} functions[] = {
    {"div", TENON__DIM_DIV, TENONH_DIM_DIV},
    {"mod", TENON__DIM_MOD, TENONH_DIM_MOD},
    {"max", TENON__DIM_MAX, TENONH_DIM_MAX},
    {"min", TENON__DIM_MIN, TENONH_DIM_MIN},
    {"broadcast", TENON__DIM_BROADCAST, TENONH_DIM_BROADCAST},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static void print_call(tenon__text *text, const tenonh_dim *dim) {
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (functions[i].kind == dim->kind) tenon__text_add(text, functions[i].name);
    tenon__text_add(text, "(");
    tenon__dim_print(text, dim->operands[0]);
    tenon__text_add(text, ", ");
    tenon__dim_print(text, dim->operands[1]);
    tenon__text_add(text, ")");
}

/* A term of a sum: its sign, then the rest. */
static void print_term(tenon__text *text, const tenonh_dim *dim, bool first) {
    int64_t coefficient = dim->kind == TENON__DIM_PRODUCT ? dim->number : 1;
    uint64_t magnitude = coefficient < 0 ? 0 - (uint64_t)coefficient : (uint64_t)coefficient;
    tenon__text_add(text, first ? (coefficient < 0 ? "-" : "") : coefficient < 0 ? " - " : " + ");
    if (dim->kind != TENON__DIM_PRODUCT) {
        tenon__dim_print(text, dim);
        return;
    }
    if (magnitude != 1) tenon__text_format(text, "%llu*", (unsigned long long)magnitude);
    for (uint32_t i = 0; i < dim->count; i++) {
        if (i) tenon__text_add(text, "*");
        tenon__dim_print(text, dim->operands[i]);
    }
}

void tenon__dim_print(tenon__text *text, const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_NUMBER) {
        tenon__text_format(text, "%lld", (long long)dim->number);
    } else if (dim->kind == TENON__DIM_SYMBOL) {
        tenon__lex_print_name(text, dim->symbol->name);
    } else if (dim->kind == TENON__DIM_PRODUCT) {
        print_term(text, dim, true);
    } else if (dim->kind == TENON__DIM_SUM) {
        for (uint32_t i = 0; i < dim->count; i++) print_term(text, dim->operands[i], i == 0);
        if (dim->number) {
            uint64_t magnitude = dim->number < 0 ? 0 - (uint64_t)dim->number : (uint64_t)dim->number;
            tenon__text_format(text, " %c %llu", dim->number < 0 ? '-' : '+', (unsigned long long)magnitude);
        }
    } else {
        print_call(text, dim);
    }
}

size_t tenonh_dim_format(const tenonh_dim *dim, char *buffer, size_t size) {
    tenon__text text = {0};
    tenon__dim_print(&text, dim);
    size_t length = text.length;
    if (size) {
        size_t kept = length < size ? length : size - 1;
        memcpy(buffer, tenon__text_string(&text), kept);
        buffer[kept] = '\0';
    }
    tenon__text_free(&text);
    return length;
}

typedef struct parser {
    tenon__dims *dims;
    tenon__lexer *lexer;
    int depth;
} parser;

static tenon_status parse_sum(parser *p, const tenonh_dim **out_dim);

static tenon_status combine(parser *p, uint32_t op, const tenonh_dim *b, const tenonh_dim **in_out_dim) {
    *in_out_dim = tenon__dim_combine(p->dims, op, *in_out_dim, b);
    return *in_out_dim ? TENON_STATUS_OK : tenon__lex_fail_here(p->lexer, TENON_STATUS_BAD_DATA);
}

static tenon_status parse_call(parser *p, uint32_t op, const tenonh_dim **out_dim) {
    const tenonh_dim *b;
    TENON_TRY(tenon__lex_expect(p->lexer, "("));
    TENON_TRY(parse_sum(p, out_dim));
    TENON_TRY(tenon__lex_expect(p->lexer, ","));
    TENON_TRY(parse_sum(p, &b));
    TENON_TRY(tenon__lex_expect(p->lexer, ")"));
    return combine(p, op, b, out_dim);
}

static tenon_status parse_symbol(parser *p, const tenonh_dim **out_dim) {
    tenon__arena scratch = {0};
    char *name;
    tenon_status status = tenon__lex_name(p->lexer, &scratch, &name);
    *out_dim = NULL;
    for (uint32_t i = 0; i < p->dims->symbol_count && status == TENON_STATUS_OK; i++)
        if (strcmp(p->dims->symbols[i]->name, name) == 0) *out_dim = p->dims->symbols[i]->dim;
    if (status == TENON_STATUS_OK && !*out_dim) status = tenon__lex_fail(p->lexer, "no symbol '%s' is declared", name);
    tenon__arena_free(&scratch);
    return status;
}

static tenon_status parse_factor(parser *p, const tenonh_dim **out_dim) {
    if (p->depth >= TENON__DIM_MAX_DEPTH * 4) return tenon__lex_fail(p->lexer, "the expression nests too deep");
    p->depth++;
    tenon_status status = TENON_STATUS_OK;
    int64_t number;
    size_t i = 0;
    while (i < FUNCTIONS && !tenon__lex_take(p->lexer, functions[i].name)) i++;
    if (i < FUNCTIONS) {
        status = parse_call(p, functions[i].op, out_dim);
    } else if (tenon__lex_next_is_number(p->lexer)) {
        TENON_TRY(tenon__lex_integer(p->lexer, &number));
        *out_dim = tenon__dim_number(p->dims, number);
        if (!*out_dim) return TENON_STATUS_OUT_OF_MEMORY;
    } else if (tenon__lex_take(p->lexer, "(")) {
        TENON_TRY(parse_sum(p, out_dim));
        TENON_TRY(tenon__lex_expect(p->lexer, ")"));
    } else {
        status = parse_symbol(p, out_dim);
    }
    p->depth--;
    return status;
}

static tenon_status parse_product(parser *p, const tenonh_dim **out_dim) {
    TENON_TRY(parse_factor(p, out_dim));
    while (tenon__lex_take(p->lexer, "*")) {
        const tenonh_dim *b;
        TENON_TRY(parse_factor(p, &b));
        TENON_TRY(combine(p, TENONH_DIM_MUL, b, out_dim));
    }
    return TENON_STATUS_OK;
}

static tenon_status parse_sum(parser *p, const tenonh_dim **out_dim) {
    bool minus = !tenon__lex_next_is_number(p->lexer) && tenon__lex_take(p->lexer, "-");
    TENON_TRY(parse_product(p, out_dim));
    const tenonh_dim *first = *out_dim;
    if (minus) {
        *out_dim = tenon__dim_number(p->dims, 0);
        TENON_TRY(combine(p, TENONH_DIM_SUB, first, out_dim));
    }
    for (;;) {
        bool subtract = tenon__lex_take(p->lexer, "-");
        if (!subtract && !tenon__lex_take(p->lexer, "+")) return TENON_STATUS_OK;
        const tenonh_dim *b;
        TENON_TRY(parse_product(p, &b));
        TENON_TRY(combine(p, subtract ? TENONH_DIM_SUB : TENONH_DIM_ADD, b, out_dim));
    }
}

tenon_status tenon__dim_parse(tenon__dims *dims, tenon__lexer *lexer, const tenonh_dim **out_dim) {
    parser p = {dims, lexer, 0};
    return parse_sum(&p, out_dim);
}
