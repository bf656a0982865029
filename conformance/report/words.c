#include "report/words.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 character at `at` and its number; 0 where there is none (RFC 3629). `left`: bytes that are there. */
static size_t character(const unsigned char *at, size_t left, uint32_t *out_code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    if (length == 0 || length > left) return 0;
    *out_code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *out_code = *out_code << 6 | (at[i] & 0x3fu);
    }
    return *out_code < least[length] ? 0 : length;
}

/* Characters that no XML or HTML document may hold, and those that turn the direction of what stands around them. */
static bool is_unfit(uint32_t code) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 8},           {0x0b, 0x1f},     {0x7f, 0x9f},     {0x202a, 0x202e},
                  {0x2066, 0x2069}, {0xd800, 0xdfff}, {0xfdd0, 0xfdef}, {0x110000, UINT32_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    return (code & 0xfffe) == 0xfffe;
}

static const char *entity(uint32_t code) {
    switch (code) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static void add_bytes(tenon__text *out, const char *mark, const unsigned char *at, size_t count) {
    for (size_t i = 0; i < count; i++) tenon__text_format(out, "%sx%02x", mark, at[i]);
}

void report_xml_part(tenon__text *out, const char *text, size_t length) {
    const unsigned char *at = (const unsigned char *)text;
    while (length && *at) {
        uint32_t code = 0;
        size_t bytes = character(at, length, &code);
        if (bytes == 0 || is_unfit(code))
            add_bytes(out, "\\", at, bytes ? bytes : 1);
        else if (entity(code))
            tenon__text_add(out, entity(code));
        else
            tenon__text_append(out, (const char *)at, bytes);
        at += bytes ? bytes : 1;
        length -= bytes ? bytes : 1;
    }
}

void report_xml(tenon__text *out, const char *text) {
    report_xml_part(out, text, strlen(text));
}

void report_json(tenon__text *out, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text);
    tenon__text_add(out, "\"");
    while (left) {
        uint32_t code = 0;
        size_t bytes = character(at, left, &code);
        if (bytes == 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
            add_bytes(out, "\\\\", at, bytes ? bytes : 1);
        else if (code == '"' || code == '\\')
            tenon__text_format(out, "\\%c", (char)code);
        else if (code == '\n')
            tenon__text_add(out, "\\n");
        else if (code < 0x20 || code == 0x7f)
            tenon__text_format(out, "\\u%04x", (unsigned)code);
        else
            tenon__text_append(out, (const char *)at, bytes);
        at += bytes ? bytes : 1;
        left -= bytes ? bytes : 1;
    }
    tenon__text_add(out, "\"");
}

void report_markdown(tenon__text *out, const char *text) {
    for (bool code = false;; code = !code) {
        size_t length = strcspn(text, "`");
        bool closed = text[length] == '`' && (code || strchr(text + length + 1, '`'));
        if (!closed) length = strlen(text);
        report_xml_part(out, text, length);
        if (!closed) return;
        tenon__text_add(out, code ? "</code>" : "<code>");
        text += length + 1;
    }
}

/* -- Numbers ------------------------------------------------------------------------------------------------------ */

enum { BUFFER_SIZE = 48, BUFFER_COUNT = 8 };

static char *next_buffer(void) {
    static char buffers[BUFFER_COUNT][BUFFER_SIZE];
    static unsigned at;
    return buffers[at++ % BUFFER_COUNT];
}

const char *report_count(uint64_t number) {
    char digits[24], *text = next_buffer(), *out = text;
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

const char *report_time(uint64_t nanoseconds) {
    static const struct {
        double unit;
        const char *name;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "\xc2\xb5s"}, {1, "ns"}};
    char *text = next_buffer();
    size_t i = 0;
    while (i < 3 && (double)nanoseconds < units[i].unit) i++;
    double number = (double)nanoseconds / units[i].unit;
    snprintf(text, BUFFER_SIZE, number < 10 ? "%.2f %s" : number < 100 ? "%.1f %s" : "%.0f %s", number, units[i].name);
    return text;
}

const char *report_error(double error) {
    char *text = next_buffer();
    if (!isfinite(error)) return "not finite";
    if (error == 0) return "exact";
    snprintf(text, BUFFER_SIZE, error < 0.001 || error >= 10000 ? "%.1e" : error < 0.1 ? "%.3f" : "%.2f", error);
    return text;
}
