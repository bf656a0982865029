#include "graph/lexer.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/number.h"

static void position(const tenon__lexer *lexer, unsigned *out_line, unsigned *out_column) {
    *out_line = 1;
    *out_column = 1;
    for (const char *at = lexer->text; at < lexer->cursor; at++) {
        *out_column = *at == '\n' ? 1 : *out_column + 1;
        *out_line += *at == '\n';
    }
}

tenon_status(tenon__lex_fail)(const tenon__lexer *lexer, const char *format, ...) {
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    unsigned line, column;
    position(lexer, &line, &column);
    return tenon__fail(TENON_STATUS_BAD_DATA, "graph text, line %u, column %u: %s", line, column, message);
}

tenon_status tenon__lex_fail_here(const tenon__lexer *lexer, tenon_status status) {
    unsigned line, column;
    position(lexer, &line, &column);
    return tenon__fail_in(status, "graph text, line %u, column %u", line, column);
}

static bool starts_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool continues_word(char c) {
    return starts_word(c) || is_digit(c) || c == '.';
}

bool tenon__lex_at_end(tenon__lexer *lexer) {
    while (lexer->cursor < lexer->end) {
        char c = *lexer->cursor;
        if (c == '#') {
            while (lexer->cursor < lexer->end && *lexer->cursor != '\n') lexer->cursor++;
        } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            lexer->cursor++;
        } else {
            return false;
        }
    }
    return true;
}

bool tenon__lex_next_is(tenon__lexer *lexer, const char *token) {
    tenon__lex_at_end(lexer);
    size_t length = strlen(token), left = (size_t)(lexer->end - lexer->cursor);
    if (left < length || memcmp(lexer->cursor, token, length) != 0) return false;
    return !starts_word(token[0]) || left == length || !continues_word(lexer->cursor[length]);
}

bool tenon__lex_take(tenon__lexer *lexer, const char *token) {
    if (!tenon__lex_next_is(lexer, token)) return false;
    lexer->cursor += strlen(token);
    return true;
}

tenon_status tenon__lex_expect(tenon__lexer *lexer, const char *token) {
    return tenon__lex_take(lexer, token) ? TENON_STATUS_OK : tenon__lex_fail(lexer, "'%s' should stand here", token);
}

bool tenon__lex_word(tenon__lexer *lexer, const char **out_word, size_t *out_length) {
    if (tenon__lex_at_end(lexer) || !starts_word(*lexer->cursor)) return false;
    const char *start = lexer->cursor;
    while (lexer->cursor < lexer->end && continues_word(*lexer->cursor)) lexer->cursor++;
    *out_word = start;
    *out_length = (size_t)(lexer->cursor - start);
    return true;
}

bool tenon__lex_next_is_string(tenon__lexer *lexer) {
    return !tenon__lex_at_end(lexer) && *lexer->cursor == '"';
}

static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One character of a string after the backslash. */
static tenon_status take_escape(tenon__lexer *lexer, char *out) {
    static const char *const known = "\"\\nt", *const meaning = "\"\\\n\t";
    const char *found = lexer->cursor < lexer->end ? strchr(known, *lexer->cursor) : NULL;
    if (found && *found) {
        *out = meaning[found - known];
        lexer->cursor++;
        return TENON_STATUS_OK;
    }
    if (lexer->end - lexer->cursor >= 3 && *lexer->cursor == 'x') {
        int high = hex_digit(lexer->cursor[1]), low = hex_digit(lexer->cursor[2]);
        if (high >= 0 && low >= 0 && (high | low)) {
            *out = (char)(high * 16 + low);
            lexer->cursor += 3;
            return TENON_STATUS_OK;
        }
    }
    return tenon__lex_fail(lexer, "a backslash is followed by \" \\ n t or x and two hexadecimal digits (not 00)");
}

static tenon_status take_string(tenon__lexer *lexer, tenon__arena *arena, char **out_name) {
    const char *close = ++lexer->cursor;
    while (close < lexer->end && *close != '"' && *close != '\n')
        close += *close == '\\' && close + 1 < lexer->end ? 2 : 1;
    if (close >= lexer->end || *close != '"') return tenon__lex_fail(lexer, "the string does not end on its line");
    char *name = tenon__arena_allocate(arena, (size_t)(close - lexer->cursor) + 1), *to = name;
    if (!name) return tenon__fail_memory();
    while (*lexer->cursor != '"') {
        char c = *lexer->cursor++;
        if (c == '\0') return tenon__lex_fail(lexer, "a string holds no NUL");
        if (c == '\\') TENON_TRY(take_escape(lexer, &c));
        *to++ = c;
    }
    lexer->cursor++;
    *out_name = name;
    return TENON_STATUS_OK;
}

tenon_status tenon__lex_name(tenon__lexer *lexer, tenon__arena *arena, char **out_name) {
    if (tenon__lex_next_is_string(lexer)) return take_string(lexer, arena, out_name);
    const char *word;
    size_t length;
    if (!tenon__lex_word(lexer, &word, &length)) return tenon__lex_fail(lexer, "a name should stand here");
    *out_name = tenon__arena_string_n(arena, word, length);
    return *out_name ? TENON_STATUS_OK : tenon__fail_memory();
}

bool tenon__lex_next_is_number(tenon__lexer *lexer) {
    if (tenon__lex_at_end(lexer)) return false;
    bool minus = *lexer->cursor == '-' && lexer->end - lexer->cursor > 1;
    return is_digit(lexer->cursor[minus]);
}

tenon_status tenon__lex_integer(tenon__lexer *lexer, int64_t *out_value) {
    if (!tenon__lex_next_is_number(lexer)) return tenon__lex_fail(lexer, "an integer should stand here");
    bool minus = *lexer->cursor == '-';
    lexer->cursor += minus;
    int64_t value = 0;
    for (; lexer->cursor < lexer->end && is_digit(*lexer->cursor); lexer->cursor++) {
        int digit = *lexer->cursor - '0';
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, minus ? -digit : digit, &value))
            return tenon__lex_fail(lexer, "the integer does not fit 64 bits");
    }
    *out_value = value;
    return TENON_STATUS_OK;
}

tenon_status tenon__lex_unsigned(tenon__lexer *lexer, uint64_t *out_value) {
    if (!tenon__lex_next_is_number(lexer) || *lexer->cursor == '-')
        return tenon__lex_fail(lexer, "an integer should stand here");
    *out_value = 0;
    for (; lexer->cursor < lexer->end && is_digit(*lexer->cursor); lexer->cursor++)
        if (__builtin_mul_overflow(*out_value, 10u, out_value) ||
            __builtin_add_overflow(*out_value, (uint64_t)(*lexer->cursor - '0'), out_value))
            return tenon__lex_fail(lexer, "the integer does not fit 64 bits");
    return TENON_STATUS_OK;
}

tenon_status tenon__lex_float(tenon__lexer *lexer, double *out_value) {
    bool minus = tenon__lex_next_is(lexer, "-inf");
    if (minus || tenon__lex_next_is(lexer, "inf")) {
        lexer->cursor += minus ? 4 : 3;
        *out_value = minus ? -INFINITY : INFINITY;
        return TENON_STATUS_OK;
    }
    if (tenon__lex_take(lexer, "nan")) {
        *out_value = NAN;
        return TENON_STATUS_OK;
    }
    char digits[64];
    size_t length = 0;
    while (lexer->cursor + length < lexer->end && length + 1 < sizeof digits &&
           (is_digit(lexer->cursor[length]) || strchr("+-.e", lexer->cursor[length])) && lexer->cursor[length])
        length++;
    memcpy(digits, lexer->cursor, length);
    digits[length] = '\0';
    char *end;
    locale_t plain = newlocale(LC_ALL_MASK, "C", NULL);
    if (!plain) return tenon__fail_memory();
    *out_value = strtod_l(digits, &end, plain);
    freelocale(plain);
    if (end == digits) return tenon__lex_fail(lexer, "a number should stand here");
    lexer->cursor += end - digits;
    return TENON_STATUS_OK;
}

tenon_status tenon__lex_bits(tenon__lexer *lexer, uint64_t *out_bits) {
    tenon__lex_at_end(lexer);
    if (lexer->end - lexer->cursor < 3 || memcmp(lexer->cursor, "0x", 2) != 0 || hex_digit(lexer->cursor[2]) < 0)
        return tenon__lex_fail(lexer, "bits should stand here: 0x and hexadecimal digits");
    uint64_t bits = 0;
    int digits = 0;
    for (lexer->cursor += 2; lexer->cursor < lexer->end && hex_digit(*lexer->cursor) >= 0; lexer->cursor++) {
        if (++digits > 16) return tenon__lex_fail(lexer, "bits have at most 16 hexadecimal digits");
        bits = bits << 4 | (uint64_t)hex_digit(*lexer->cursor);
    }
    *out_bits = bits;
    return TENON_STATUS_OK;
}

void tenon__lex_print_string(tenon__text *text, const char *name) {
    tenon__text_add(text, "\"");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if (c == '"' || c == '\\') {
            tenon__text_format(text, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            tenon__text_format(text, "\\x%02x", c);
        } else {
            tenon__text_append(text, name, 1);
        }
    }
    tenon__text_add(text, "\"");
}

void tenon__lex_print_float(tenon__text *text, tenon_dtype dtype, double number) {
    if (!isfinite(number)) {
        tenon__text_add(text, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    locale_t plain = newlocale(LC_ALL_MASK, "C", NULL), before = plain ? uselocale(plain) : NULL;
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        tenon__number back = {.f = strtod(digits, NULL)};
        if (tenon__number_cast(TENON_DTYPE_F64, dtype, back, false).f == number) break;
    }
    char whole[40];
    bool is_whole = fabs(number) < 0x1p53 && trunc(number) == number;
    int length = is_whole ? snprintf(whole, sizeof whole, "%.0f", number) : (int)sizeof whole;
    tenon__text_add(text, (size_t)length <= strlen(digits) ? whole : digits);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
}

void tenon__lex_print_name(tenon__text *text, const char *name) {
    static const char *const functions[] = {"div", "mod", "max", "min", "broadcast", "in", "data", "of"};
    bool plain = starts_word(*name);
    for (const char *at = name; *at && plain; at++) plain = continues_word(*at);
    for (size_t i = 0; i < sizeof functions / sizeof *functions && plain; i++) plain = strcmp(name, functions[i]) != 0;
    if (plain)
        tenon__text_add(text, name);
    else
        tenon__lex_print_string(text, name);
}
