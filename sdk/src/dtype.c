#include <string.h>

#include <tenon/helpers.h>

static const struct {
    const char *name;
    uint32_t bits;
    uint32_t class_;
    tenon_dtype compute;
} rows[TENON_DTYPE_COUNT] = {[TENON_DTYPE_NONE] = {"none", 0, TENON_CLASS_NONE, TENON_DTYPE_NONE},
#define ROW(id, NAME, name, bits, class_, compute) [id] = {name, bits, TENON_CLASS_##class_, TENON_DTYPE_##compute},
                             TENON_DTYPE_TABLE(ROW)
#undef ROW
};

static tenon_dtype known(tenon_dtype dtype) {
    return dtype < TENON_DTYPE_COUNT ? dtype : (tenon_dtype)TENON_DTYPE_NONE;
}

const char *tenon_dtype_name(tenon_dtype dtype) {
    return rows[known(dtype)].name;
}

uint32_t tenon_dtype_bits(tenon_dtype dtype) {
    return rows[known(dtype)].bits;
}

uint32_t tenon_dtype_class(tenon_dtype dtype) {
    return rows[known(dtype)].class_;
}

tenon_dtype tenon_dtype_compute(tenon_dtype dtype) {
    return rows[known(dtype)].compute;
}

tenon_dtype tenon_dtype_by_name(const char *name) {
    for (tenon_dtype dtype = 1; dtype < TENON_DTYPE_COUNT; dtype++)
        if (strcmp(rows[dtype].name, name) == 0) return dtype;
    return TENON_DTYPE_NONE;
}

int tenon_dtype_is_base(tenon_dtype dtype) {
    return dtype >= TENON_DTYPE_F64 && dtype <= TENON_DTYPE_BOOL;
}

tenon_status tenon_dtype_bytes(tenon_dtype dtype, int64_t count, uint64_t *out_bytes) {
    uint64_t bits = tenon_dtype_bits(dtype);
    if (bits == 0 || count < 0 || (uint64_t)count > (uint64_t)INT64_MAX / bits) return TENON_STATUS_INVALID;
    *out_bytes = ((uint64_t)count * bits + 7) / 8;
    return TENON_STATUS_OK;
}

tenon_dtype tenon_dtype_accumulator(tenon_op op, tenon_dtype dtype) {
    int narrow = tenon_dtype_class(dtype) != TENON_CLASS_FLOAT && tenon_dtype_bits(dtype) <= 16;
    if (op == TENON_OP_MATMUL && narrow && dtype != TENON_DTYPE_BOOL) return TENON_DTYPE_I32;
    return tenon_dtype_compute(dtype);
}
