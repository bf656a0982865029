/* A string that grows. Failure of memory is remembered: writers need not check every append, the reader asks once. */
#ifndef TENON__SUPPORT_TEXT_H
#define TENON__SUPPORT_TEXT_H

#include <stddef.h>

/* Zero-initialised is empty. */
typedef struct tenon__text {
    char *data; /* NUL-terminated once anything was appended */
    size_t length;
    size_t capacity;
    int failed; /* memory ran out: the text is cut */
} tenon__text;

void tenon__text_append(tenon__text *text, const char *bytes, size_t length);
void tenon__text_add(tenon__text *text, const char *string);
__attribute__((format(printf, 2, 3))) void tenon__text_format(tenon__text *text, const char *format, ...);

/* The text as a C string, never NULL. Owner: the text. */
const char *tenon__text_string(const tenon__text *text);

/* Hands the malloc'ed string over and leaves the text empty; NULL if it failed. */
char *tenon__text_take(tenon__text *text);

void tenon__text_free(tenon__text *text);

#endif
