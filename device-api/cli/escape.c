/* Text of others - names, paths, messages of plugins - made safe to print: it can be any bytes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Bytes of the UTF-8 character at `at`, 0 where there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *at) {
    unsigned first = at[0], least = 0x80, most = 0xbf;
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (first == 0xe0) least = 0xa0;
    if (first == 0xed) most = 0x9f;
    if (first == 0xf0) least = 0x90;
    if (first == 0xf4) most = 0x8f;
    for (size_t i = 1; i < length; i++, least = 0x80, most = 0xbf)
        if (at[i] < least || at[i] > most) return 0; /* the end of the text is below `least` */
    return length;
}

/* A character that terminals take as a command: C0, DEL, C1. */
static bool is_control(const unsigned char *at) {
    return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

static char *escape(const char *text, const char *mark, bool keep_controls) {
    enum { MOST = 5 }; /* characters that a byte becomes */
    char *escaped = malloc(strlen(text) * MOST + 1), *out = escaped;
    if (!escaped) return NULL;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = utf8_length(at);
        bool fits = length && (keep_controls || !is_control(at));
        for (size_t left = length ? length : 1; left; left--, at++) {
            if (fits)
                *out++ = (char)*at;
            else
                out += snprintf(out, MOST + 1, "%sx%02x", mark, *at);
        }
    }
    *out = '\0';
    return escaped;
}

char *cli_escape(const char *text) {
    return escape(text, "\\", false);
}

char *cli_escape_json(const char *json) {
    return escape(json, "\\\\", true);
}

void cli_put(FILE *file, const char *text) {
    char *escaped = cli_escape(text);
    fputs(escaped ? escaped : "?", file);
    free(escaped);
}

void cli_vline(FILE *file, const char *format, va_list arguments) {
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    cli_put(file, text ? text : "host memory is used up");
    fputc('\n', file);
    free(text);
}

void cli_line(FILE *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    cli_vline(file, format, arguments);
    va_end(arguments);
}
