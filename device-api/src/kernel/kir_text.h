/* What the parser and the printer of the text form share: names in scope, tokens. Internal to kir_*.c. */
#ifndef TENON_KERNEL_KIR_TEXT_H
#define TENON_KERNEL_KIR_TEXT_H

#include "kernel/kir_internal.h"

/* Names in scope (kir_scope.c). */

enum { KIR_SCOPE_VALUE, KIR_SCOPE_OPERAND, KIR_SCOPE_OTHER };

typedef struct kir_name {
    const char *text; /* not owned, not terminated */
    uint32_t size;
    uint32_t what;   /* KIR_SCOPE_* */
    uint32_t number; /* node id or operand */
    uint32_t hash;
    uint32_t before; /* the entry before it in its bucket, plus 1 */
} kir_name;

enum { KIR_SCOPE_BUCKETS = 256 };

typedef struct kir_scope {
    kir_name *names;
    uint32_t count, room;
    uint32_t buckets[KIR_SCOPE_BUCKETS]; /* latest entry, plus 1 */
} kir_scope;

const kir_name *kir_scope_find(const kir_scope *scope, const char *text, size_t size);
bool kir_scope_add(kir_scope *scope, const char *text, size_t size, uint32_t what, uint32_t number);
/* Forgets all names but the first `count`. */
void kir_scope_leave(kir_scope *scope, uint32_t count);
void kir_scope_free(kir_scope *scope);

/* Keywords, dtypes and operators: not for names. */
bool kir_reserved(const char *text, size_t size);

/* TENON_OP_* of family MAP or TENON_OP_NONE; dtype (index included) or 0. */
tenon_op kir_find_op(const char *text, size_t size);
uint32_t kir_find_dtype(const char *text, size_t size);

/* Tokens (kir_lex.c). */

enum { KIR_TOKEN_END, KIR_TOKEN_NAME, KIR_TOKEN_INT, KIR_TOKEN_FLOAT, KIR_TOKEN_MARK, KIR_TOKEN_BAD };

typedef struct kir_token {
    uint32_t kind;
    const char *at;
    size_t size;
    uint32_t line, column; /* from 1 */
    uint64_t integer;      /* INT */
    double number;         /* FLOAT */
    const char *problem;   /* BAD */
} kir_token;

typedef struct kir_lexer {
    const char *at, *end, *line_start;
    uint32_t line;
} kir_lexer;

kir_lexer kir_lex_start(const char *text, size_t size);
kir_token kir_lex_next(kir_lexer *lexer);

static inline bool kir_token_is(const kir_token *token, const char *text) {
    size_t size = __builtin_strlen(text);
    return (token->kind == KIR_TOKEN_NAME || token->kind == KIR_TOKEN_MARK) && token->size == size &&
           __builtin_memcmp(token->at, text, size) == 0;
}

/* Parser: statements in kir_parse.c, expressions in kir_expr.c. */

typedef struct kir_parser {
    tenon__kir_program *program;
    kir_lexer lexer;
    kir_token token; /* the next one */
    kir_scope scope;
    uint32_t depth; /* of expressions */
    bool guard_ok;  /* the next primary, when it is a load, may have a guard */
    bool located;   /* the sticky error names a place already */
} kir_parser;

/* A parsed operand: a value, or a literal that still waits for its dtype. */
typedef struct kir_value {
    tenon__kir_id id; /* 0: a literal */
    kir_token literal;
    bool negative;
} kir_value;

/* Records an error at `where`; always false. */
bool kir_parse_error(kir_parser *parser, const kir_token *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True when the builder is well; else gives its error the place `where`. */
bool kir_parse_check(kir_parser *parser, const kir_token *where);

void kir_parse_advance(kir_parser *parser);
bool kir_parse_accept(kir_parser *parser, const char *text); /* takes it when it is next */
bool kir_parse_expect(kir_parser *parser, const char *text); /* or an error */
bool kir_parse_new_name(kir_parser *parser, kir_token *out_name);
bool kir_parse_declare(kir_parser *parser, const kir_token *name, uint32_t what, uint32_t number);
bool kir_parse_dtype(kir_parser *parser, uint32_t *out_dtype);

/* An expression; `dtype` (0: unknown) is that of a literal which nothing else types. */
bool kir_parse_value(kir_parser *parser, uint32_t dtype, tenon__kir_id *out_id);

/* The same with an optional guard: `x[i] if c else 0`. */
bool kir_parse_guarded(kir_parser *parser, uint32_t dtype, tenon__kir_id *out_id);

/* Indices up to and with the closing bracket; at most `limit`. */
bool kir_parse_indices(kir_parser *parser, tenon__kir_id *ids, uint32_t limit, uint32_t *out_count);

#endif
