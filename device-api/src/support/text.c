#include "support/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(tenon__text *text, size_t more) {
    if (text->failed) return 0;
    if (text->data && text->capacity - text->length > more) return 1;
    size_t capacity = text->capacity ? text->capacity : 128;
    while (capacity - text->length <= more) {
        if (capacity > SIZE_MAX / 4) return text->failed = 1, 0;
        capacity *= 2;
    }
    char *data = realloc(text->data, capacity);
    if (!data) return text->failed = 1, 0;
    text->data = data;
    text->capacity = capacity;
    return 1;
}

void tenon__text_append(tenon__text *text, const char *bytes, size_t length) {
    if (!reserve(text, length)) return;
    if (length) memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void tenon__text_add(tenon__text *text, const char *string) {
    tenon__text_append(text, string, strlen(string));
}

void tenon__text_format(tenon__text *text, const char *format, ...) {
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = 1;
    } else if ((size_t)length < sizeof small) {
        tenon__text_append(text, small, (size_t)length);
    } else if (reserve(text, (size_t)length)) {
        va_start(arguments, format);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        text->length += (size_t)length;
    }
}

const char *tenon__text_string(const tenon__text *text) {
    return text->data ? text->data : "";
}

char *tenon__text_take(tenon__text *text) {
    if (!text->failed && !text->data) tenon__text_append(text, "", 0);
    char *data = text->failed ? NULL : text->data;
    if (!data) free(text->data);
    *text = (tenon__text){0};
    return data;
}

void tenon__text_free(tenon__text *text) {
    free(text->data);
    *text = (tenon__text){0};
}
