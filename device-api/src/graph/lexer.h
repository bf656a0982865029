/* Tokens of the graph's text form: words, quoted strings, numbers and punctuation between blanks and # comments. */
#ifndef TENON_GRAPH_LEXER_H
#define TENON_GRAPH_LEXER_H

#include <stdbool.h>
#include <tenon/host/error.h>
#include <tenon/types.h>

#include "support/arena.h"
#include "support/error.h"
#include "support/text.h"

typedef struct tenon__lexer {
    const char *text; /* the whole text, for line and column */
    const char *cursor;
    const char *end;
} tenon__lexer;

/* Sets the thread's message to "line L, column C: ..." and returns BAD_DATA. */
__attribute__((format(printf, 2, 3))) tenon_status tenon__lex_fail(const tenon__lexer *lexer, const char *format, ...);
#define tenon__lex_fail(...) tenon__not_ok(tenon__lex_fail(__VA_ARGS__)) /* as in support/error.h */

/* Puts "line L, column C: " before the message of a failure found elsewhere. */
tenon_status tenon__lex_fail_here(const tenon__lexer *lexer, tenon_status status);

/* Moves past blanks and comments; true at the end of the text. */
bool tenon__lex_at_end(tenon__lexer *lexer);

/* Takes `token` if it comes next; a word only as a whole. */
bool tenon__lex_take(tenon__lexer *lexer, const char *token);
bool tenon__lex_next_is(tenon__lexer *lexer, const char *token);
tenon_status tenon__lex_expect(tenon__lexer *lexer, const char *token);

/* A letter or _, then letters, digits, _ and dots. False, and nothing taken, when another token comes. */
bool tenon__lex_word(tenon__lexer *lexer, const char **out_word, size_t *out_length);

/* A word or a quoted string, copied into the arena. Escapes: \" \\ \n \t \xHH. */
tenon_status tenon__lex_name(tenon__lexer *lexer, tenon__arena *arena, char **out_name);
bool tenon__lex_next_is_string(tenon__lexer *lexer);

/* A decimal integer, possibly negative. */
bool tenon__lex_next_is_number(tenon__lexer *lexer);
tenon_status tenon__lex_integer(tenon__lexer *lexer, int64_t *out_value);
tenon_status tenon__lex_unsigned(tenon__lexer *lexer, uint64_t *out_value);
/* A decimal number with or without fraction and exponent, inf, -inf or nan. */
tenon_status tenon__lex_float(tenon__lexer *lexer, double *out_value);
/* 0x and up to 16 hexadecimal digits. */
tenon_status tenon__lex_bits(tenon__lexer *lexer, uint64_t *out_bits);

/* Writes a name so that tenon__lex_name reads it back: as it is when it is a word that is none of the dims' functions,
 * else quoted. */
void tenon__lex_print_name(tenon__text *text, const char *name);
void tenon__lex_print_string(tenon__text *text, const char *name);

/* Writes the shortest decimal number that reads back as the same value of `dtype`, whatever the process's locale. */
void tenon__lex_print_float(tenon__text *text, tenon_dtype dtype, double number);

#endif
