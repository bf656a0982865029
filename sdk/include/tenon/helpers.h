/* libtenon_sdk.a: small helpers that a plugin may link. Pure functions over the tables of the ABI: no process, no
 * allocation, no state. Thread: all thread-safe. Nothing here is needed to speak the ABI. */
#ifndef TENON_HELPERS_H
#define TENON_HELPERS_H

#include <tenon/ops.h>
#include <tenon/status.h>
#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

/* Name ("OUT_OF_MEMORY") and meaning of a status; those of INTERNAL for a value that is not in the set. */
const char *tenon_status_name(tenon_status status);
const char *tenon_status_meaning(tenon_status status);

/* Facts of a dtype: "f32", storage bits, TENON_CLASS_*, the dtype that arithmetic runs in. An unknown dtype has the
 * name "none", 0 bits, class NONE and computes in NONE. */
const char *tenon_dtype_name(tenon_dtype dtype);
uint32_t tenon_dtype_bits(tenon_dtype dtype);
uint32_t tenon_dtype_class(tenon_dtype dtype);
tenon_dtype tenon_dtype_compute(tenon_dtype dtype);

/* The dtype called `name`, TENON_DTYPE_NONE if there is none. */
tenon_dtype tenon_dtype_by_name(const char *name);

/* True for the dtypes that base operators take (not the reserved 4-bit and fp8 rows). */
int tenon_dtype_is_base(tenon_dtype dtype);

/* Bytes that `count` contiguous elements take. Errors: INVALID when count < 0 or the result passes INT64_MAX. */
tenon_status tenon_dtype_bytes(tenon_dtype dtype, int64_t count, uint64_t *out_bytes);

/* Dtype classes of an operator's operands, as the table spells them. */
enum {
    TENON_TAKES_F = 1, /* floats */
    TENON_TAKES_I = 2, /* integers */
    TENON_TAKES_N = 3, /* floats and integers */
    TENON_TAKES_B = 4, /* bool */
    TENON_TAKES_L = 6, /* integers and bool */
    TENON_TAKES_A = 7  /* any */
};
/* Dtype of output 0. */
enum { TENON_RESULT_SAME = 1, TENON_RESULT_BOOL, TENON_RESULT_I64, TENON_RESULT_U32, TENON_RESULT_ATTR };

/* A row of the operator table as data. Owner: static. */
typedef struct tenon_op_row {
    tenon_op op;
    uint32_t family; /* TENON_FAMILY_* */
    uint32_t input_count;
    uint32_t output_count;
    uint32_t takes;  /* TENON_TAKES_* */
    uint32_t result; /* TENON_RESULT_* */
    uint32_t scalar_count;
    uint32_t optional; /* 1: has an expansion into other rows */
    const char *name;
    const char *iterators;
    const char *maps;
    const char *attributes;
    const char *meaning;
} tenon_op_row;

/* The row of an operator, NULL if there is none. */
const tenon_op_row *tenon_op_row_of(tenon_op op);

/* The operator called `name`, TENON_OP_NONE if there is none. */
tenon_op tenon_op_by_name(const char *name);

/* 1 if `row` takes value operands of `dtype`. */
int tenon_op_takes(const tenon_op_row *row, tenon_dtype dtype);

/* Accumulator dtype of a contraction or reduction over `dtype` when no attribute says else. */
tenon_dtype tenon_dtype_accumulator(tenon_op op, tenon_dtype dtype);

/* A row of the attribute table. Owner: static. */
typedef struct tenon_attr_row {
    uint32_t id;
    uint32_t is_list;
    uint32_t is_float; /* holds the bits of an f64 */
    uint32_t reserved;
    int64_t default_value; /* of INT, and of each entry of INTS */
    const char *name;
    const char *meaning;
} tenon_attr_row;

const tenon_attr_row *tenon_attr_row_of(uint32_t id);
uint32_t tenon_attr_by_name(const char *name);

/* 1 if `row` knows attribute `id`. */
int tenon_op_has_attr(const tenon_op_row *row, uint32_t id);

/* The attribute `id` of a list, NULL if it is not there. */
const tenon_attr *tenon_attr_find(const tenon_attr *attrs, uint32_t count, uint32_t id);

/* Value of an INT attribute, or `otherwise` if it is not there. */
int64_t tenon_attr_int(const tenon_attr *attrs, uint32_t count, uint32_t id, int64_t otherwise);

/* Checks a descriptor that a caller built: struct_size at least `oldest`, and only zero bytes past `known` (what the
 * receiver was compiled with). Errors: INVALID (too short, NULL), UNSUPPORTED (a tail that is not zero).
 * Source: REQ-ABI-03. */
tenon_status tenon_descriptor_check(const void *descriptor, uint32_t oldest, uint32_t known);

TENON_EXTERN_C_END

#endif
