#include "kernel/prelude.h"

#include "kernel/prelude/text.h"

#include <stddef.h>

const char *const tenon__prelude_base = tenon__prelude_text_base;

const char *tenon__prelude_section(uint32_t section) {
    switch (section) {
    case TENON__PRELUDE_VECTOR: return tenon__prelude_text_vector;
    case TENON__PRELUDE_F32: return tenon__prelude_text_f32;
    case TENON__PRELUDE_F64: return tenon__prelude_text_f64;
    case TENON__PRELUDE_INTEGER: return tenon__prelude_text_integer;
    case TENON__PRELUDE_CONVERT: return tenon__prelude_text_convert;
    default: return NULL;
    }
}
