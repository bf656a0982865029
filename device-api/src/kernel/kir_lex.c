/* Tokens of the text form. */
#include <string.h>

#include "kernel/kir_text.h"

kir_lexer kir_lex_start(const char *text, size_t size) {
    return (kir_lexer){.at = text, .end = text + size, .line_start = text, .line = 1};
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void skip_blank(kir_lexer *lexer) {
    bool comment = false;
    for (; lexer->at < lexer->end; lexer->at++) {
        char c = *lexer->at;
        if (c == '\n') {
            comment = false;
            lexer->line++;
            lexer->line_start = lexer->at + 1;
        } else if (c == '#') {
            comment = true;
        } else if (!comment && c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static char peek(const kir_lexer *lexer, size_t ahead) {
    return (size_t)(lexer->end - lexer->at) > ahead ? lexer->at[ahead] : '\0';
}

static void bad(kir_token *token, const char *problem) {
    token->kind = KIR_TOKEN_BAD;
    token->problem = problem;
}

static void read_integer(kir_token *token, uint32_t base) {
    uint64_t value = 0;
    for (size_t i = base == 16 ? 2 : 0; i < token->size; i++)
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (uint64_t)hex_digit(token->at[i]), &value)) {
            bad(token, "an integer of more than 64 bits");
            return;
        }
    token->kind = KIR_TOKEN_INT;
    token->integer = value;
    if (base == 16 && token->size == 2) bad(token, "0x without digits");
}

/* Digits, a point (not the first of two), an exponent: where the number ends and whether it is a float. */
static void read_number(kir_lexer *lexer, kir_token *token) {
    uint32_t base = peek(lexer, 0) == '0' && (peek(lexer, 1) | 32) == 'x' ? 16 : 10;
    size_t size = base == 16 ? 2 : 0;
    bool real = false;
    for (;; size++) {
        char c = peek(lexer, size);
        bool exponent = c && (c | 32) == (base == 16 ? 'p' : 'e');
        if (exponent) {
            real = true;
            if (peek(lexer, size + 1) == '-' || peek(lexer, size + 1) == '+') size++;
            base = base == 16 ? 17 : 11; /* no second exponent */
        } else if (c == '.' && peek(lexer, size + 1) != '.') {
            real = true;
        } else if (base == 16 ? hex_digit(c) < 0 : !is_digit(c)) {
            break;
        }
    }
    token->size = size;
    lexer->at += size;
    if (is_letter(peek(lexer, 0)))
        bad(token, "a letter right behind a number");
    else if (!real)
        read_integer(token, base);
    else if (tenon__kir_scan_float(token->at, size, &token->number))
        token->kind = KIR_TOKEN_FLOAT;
    else
        bad(token, "a malformed number");
}

kir_token kir_lex_next(kir_lexer *lexer) {
    skip_blank(lexer);
    kir_token token = {.at = lexer->at, .line = lexer->line};
    token.column = (uint32_t)(lexer->at - lexer->line_start) + 1;
    if (lexer->at == lexer->end) return token;
    char c = *lexer->at;
    if (is_digit(c)) {
        read_number(lexer, &token);
        return token;
    }
    token.size = 1;
    if (is_letter(c)) {
        token.kind = KIR_TOKEN_NAME;
        while (is_letter(peek(lexer, token.size)) || is_digit(peek(lexer, token.size))) token.size++;
    } else if (strchr("()[]{}<>=+-*/%,:;", c) && c != '\0') {
        token.kind = KIR_TOKEN_MARK;
        if (c == '=' && peek(lexer, 1) == '=') token.size = 2;
    } else if (c == '.' && peek(lexer, 1) == '.') {
        token.kind = KIR_TOKEN_MARK;
        token.size = 2;
    } else {
        bad(&token, "a character that has no meaning here");
    }
    lexer->at += token.size;
    return token;
}
