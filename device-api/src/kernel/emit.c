/* Lines and names of printed text. */
#include "kernel/emit.h"

#include <tenon/helpers.h>

#include <stdarg.h>
#include <stdio.h>

static void put_list(tenon__emitter *e, const char *format, va_list arguments) {
    char small[512];
    int length = vsnprintf(small, sizeof small, format, arguments);
    if (length < 0 || (size_t)length >= sizeof small)
        e->text->failed = 1; /* no piece is that long */
    else
        tenon__text_append(e->text, small, (size_t)length);
}

void tenon__put(tenon__emitter *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    put_list(e, format, arguments);
    va_end(arguments);
}

void tenon__begin_line(tenon__emitter *e) {
    for (uint32_t i = 0; i < e->depth; i++) tenon__text_append(e->text, "    ", 4);
}

void tenon__end_line(tenon__emitter *e, const char *end) {
    tenon__text_add(e->text, end);
    tenon__text_append(e->text, "\n", 1);
}

void tenon__line(tenon__emitter *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tenon__begin_line(e);
    put_list(e, format, arguments);
    tenon__end_line(e, "");
    va_end(arguments);
}

void tenon__open(tenon__emitter *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tenon__begin_line(e);
    put_list(e, format, arguments);
    tenon__end_line(e, " {");
    e->depth++;
    va_end(arguments);
}

void tenon__open_block(tenon__emitter *e) {
    tenon__line(e, "{");
    e->depth++;
}

void tenon__close(tenon__emitter *e) {
    e->depth--;
    tenon__line(e, "}");
}

const char *tenon__type_name(uint32_t dtype) {
    switch (dtype) {
    case TENON__KIR_INDEX: return "i64";
    case TENON_DTYPE_I4:
    case TENON_DTYPE_U4: return "u8"; /* two to a byte */
    default: return tenon_dtype_name(dtype);
    }
}

uint32_t tenon__bytes_of(uint32_t dtype) {
    uint32_t bits = dtype == TENON__KIR_INDEX ? 64 : tenon_dtype_bits(dtype);
    return bits < 8 ? 1 : bits / 8;
}

static uint32_t log_of(uint32_t lanes) {
    uint32_t log = 0;
    while (1u << log < lanes) log++;
    return log;
}

void tenon__need_access(tenon__emitter *e, uint32_t dtype, uint32_t lanes) {
    tenon__need_section(e, TENON__PRELUDE_VECTOR, lanes);
    if (dtype == TENON_DTYPE_I4 || dtype == TENON_DTYPE_U4) dtype = TENON_DTYPE_U8;
    e->need->access[log_of(lanes)] |= 1u << dtype;
}

void tenon__need_section(tenon__emitter *e, uint32_t section, uint32_t lanes) {
    uint32_t log = log_of(lanes);
    e->need->sections[0] |= section | TENON__PRELUDE_VECTOR;
    e->need->sections[log] |= section | TENON__PRELUDE_VECTOR;
    if (section != TENON__PRELUDE_CONVERT) return;
    e->need->sections[0] |= TENON__PRELUDE_F32;
    e->need->sections[log] |= TENON__PRELUDE_F32;
}

void tenon__call(tenon__emitter *e, uint32_t section, const char *name, uint32_t dtype, uint32_t lanes) {
    tenon__need_section(e, section, lanes);
    tenon__put(e, "tn_%s_%sx%u(", name, tenon__type_name(dtype), lanes);
}
