/* Data types, views, buffers, symbols: the fixed-size values that cross the ABI. Never grown within a major. */
#ifndef TENON_TYPES_H
#define TENON_TYPES_H

#include <tenon/abi.h>
#include <tenon/status.h>

TENON_EXTERN_C_BEGIN

/* X(id, NAME, name, bits, class, compute): class FLOAT, SINT, UINT, BOOL; arithmetic runs in `compute` and rounds to
 * storage once, to nearest even. bool is one byte, 0 or 1. Rows from 14 on are reserved: no operator takes them yet. */
#define TENON_DTYPE_TABLE(X)                                                                                           \
    X(1, F64, "f64", 64, FLOAT, F64)                                                                                   \
    X(2, F32, "f32", 32, FLOAT, F32)                                                                                   \
    X(3, F16, "f16", 16, FLOAT, F32)                                                                                   \
    X(4, BF16, "bf16", 16, FLOAT, F32)                                                                                 \
    X(5, I8, "i8", 8, SINT, I8)                                                                                        \
    X(6, I16, "i16", 16, SINT, I16)                                                                                    \
    X(7, I32, "i32", 32, SINT, I32)                                                                                    \
    X(8, I64, "i64", 64, SINT, I64)                                                                                    \
    X(9, U8, "u8", 8, UINT, U8)                                                                                        \
    X(10, U16, "u16", 16, UINT, U16)                                                                                   \
    X(11, U32, "u32", 32, UINT, U32)                                                                                   \
    X(12, U64, "u64", 64, UINT, U64)                                                                                   \
    X(13, BOOL, "bool", 8, BOOL, BOOL)                                                                                 \
    X(14, I4, "i4", 4, SINT, I8)                                                                                       \
    X(15, U4, "u4", 4, UINT, U8)                                                                                       \
    X(16, F8E4M3, "f8e4m3", 8, FLOAT, F32)                                                                             \
    X(17, F8E5M2, "f8e5m2", 8, FLOAT, F32)

typedef uint32_t tenon_dtype; /* one of TENON_DTYPE_*; 0 is none */

#define TENON__DTYPE_CONSTANT(id, NAME, name, bits, class_, compute) TENON_DTYPE_##NAME = id,
enum { TENON_DTYPE_NONE = 0, TENON_DTYPE_TABLE(TENON__DTYPE_CONSTANT) TENON_DTYPE_COUNT };
enum { TENON_CLASS_NONE = 0, TENON_CLASS_FLOAT = 1, TENON_CLASS_SINT = 2, TENON_CLASS_UINT = 3, TENON_CLASS_BOOL = 4 };

/* Opaque objects of a plugin. The host only keeps the pointers. */
typedef struct tenon_instance tenon_instance;
typedef struct tenon_device tenon_device;
typedef struct tenon_memory tenon_memory;
typedef struct tenon_stream tenon_stream;
typedef struct tenon_event tenon_event;
typedef struct tenon_exec tenon_exec;

/* A place in device memory: an allocation and a byte offset into it. Never assumed readable by the host. */
typedef struct tenon_buffer {
    tenon_memory *memory;
    uint64_t offset; /* bytes */
} tenon_buffer;
static_assert(sizeof(tenon_buffer) == 16 && offsetof(tenon_buffer, offset) == 8, "frozen layout");

#define TENON_NO_SYMBOL 0xffffffffu

/* A number known at prepare, or a symbol's value that comes with each launch. */
typedef struct tenon_extent {
    int64_t value;   /* the number when symbol is TENON_NO_SYMBOL; else 0 */
    uint32_t symbol; /* index into the work's symbols, or TENON_NO_SYMBOL */
    uint32_t reserved;
} tenon_extent;
static_assert(sizeof(tenon_extent) == 16 && offsetof(tenon_extent, symbol) == 8, "frozen layout");

/* The range of a symbol: min <= value <= max, and divisor (>= 1) divides value. */
typedef struct tenon_symbol {
    int64_t min;
    int64_t max;
    int64_t divisor;
} tenon_symbol;
static_assert(sizeof(tenon_symbol) == 24, "frozen layout");

/* A strided view: element (i0, i1, ...) lies at buffer offset + sum of i * stride elements. A stride may be 0 (a
 * broadcast, inputs only) or negative. 4-bit types: low nibble first, innermost stride 1. */
typedef struct tenon_view {
    tenon_dtype dtype;
    uint32_t rank;                        /* 0 ... TENON_MAX_RANK; the entries beyond are zero */
    tenon_extent dims[TENON_MAX_RANK];    /* elements */
    tenon_extent strides[TENON_MAX_RANK]; /* elements */
} tenon_view;
static_assert(sizeof(tenon_view) == 264 && offsetof(tenon_view, strides) == 136, "frozen layout");

/* Value of an extent under the symbol values of a launch. */
static inline int64_t tenon_extent_value(const tenon_extent *extent, const int64_t *symbols) {
    return extent->symbol == TENON_NO_SYMBOL ? extent->value : symbols[extent->symbol];
}

TENON_EXTERN_C_END

#endif
