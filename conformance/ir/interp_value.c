/* Scalars of the interpreter: operators, casts, storage. */
#include <math.h>
#include <string.h>

#include "interp.h"

struct format {
    uint32_t bits;
    char class_; /* f i u b */
};

static struct format format_of(uint32_t dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64: return (struct format){64, 'f'};
    case TENON_DTYPE_F32: return (struct format){32, 'f'};
    case TENON_DTYPE_F16:
    case TENON_DTYPE_BF16: return (struct format){16, 'f'};
    case TENON_DTYPE_I8: return (struct format){8, 'i'};
    case TENON_DTYPE_I16: return (struct format){16, 'i'};
    case TENON_DTYPE_I32: return (struct format){32, 'i'};
    case TENON_DTYPE_I64:
    case TENON__KIR_INDEX: return (struct format){64, 'i'};
    case TENON_DTYPE_U8: return (struct format){8, 'u'};
    case TENON_DTYPE_U16: return (struct format){16, 'u'};
    case TENON_DTYPE_U32: return (struct format){32, 'u'};
    case TENON_DTYPE_U64: return (struct format){64, 'u'};
    case TENON_DTYPE_I4: return (struct format){4, 'i'};
    case TENON_DTYPE_U4: return (struct format){4, 'u'};
    default: return (struct format){8, 'b'};
    }
}

static double to_double(uint32_t dtype, uint64_t value) {
    double wide;
    float narrow;
    if (dtype == TENON_DTYPE_F64) {
        memcpy(&wide, &value, sizeof wide);
        return wide;
    }
    uint32_t low = (uint32_t)value;
    memcpy(&narrow, &low, sizeof narrow);
    return (double)narrow;
}

static uint64_t from_double(uint32_t dtype, double value) {
    uint64_t bits = 0;
    float narrow = (float)value;
    if (dtype == TENON_DTYPE_F64)
        memcpy(&bits, &value, sizeof value);
    else
        memcpy(&bits, &narrow, sizeof narrow);
    return bits;
}

/* Keeps the low bits of an integer and extends them. */
static uint64_t narrow_integer(struct format format, uint64_t value) {
    if (format.class_ == 'b') return value != 0;
    if (format.bits == 64) return value;
    uint64_t mask = (UINT64_C(1) << format.bits) - 1, low = value & mask;
    bool negative = format.class_ == 'i' && low >> (format.bits - 1);
    return negative ? low | ~mask : low;
}

/* Floats. */

/* Nearest value with `digits` significand bits and the exponents of the format, ties to even. */
static long double round_to(long double value, int digits, int least, int greatest) {
    int exponent;
    if (value == 0 || isnan(value) || isinf(value)) return value;
    frexpl(value, &exponent); /* value = f * 2^exponent, f in [0.5, 1) */
    int unit = (exponent > least ? exponent : least) - digits;
    long double rounded = ldexpl(rintl(ldexpl(value, -unit)), unit);
    if (fabsl(rounded) >= ldexpl(1.0L, greatest)) return value < 0 ? -INFINITY : INFINITY;
    return rounded;
}

static long double round_small(uint32_t dtype, long double value) {
    return dtype == TENON_DTYPE_F16 ? round_to(value, 11, -13, 16) : round_to(value, 8, -125, 128);
}

static double max_of(double a, double b) {
    if (isnan(a) || isnan(b)) return NAN;
    if (a == b) return signbit(a) ? b : a;
    return a > b ? a : b;
}

static double min_of(double a, double b) {
    return -max_of(-a, -b);
}

static uint64_t float_op(tenon_op op, uint32_t dtype, double a, double b, double c) {
    double r;
    switch (op) {
    case TENON_OP_SQRT: r = sqrt(a); break;
    case TENON_OP_EXP2: r = exp2(a); break;
    case TENON_OP_LOG2: r = log2(a); break;
    case TENON_OP_SIN: r = sin(a); break;
    case TENON_OP_COS: r = cos(a); break;
    case TENON_OP_FLOOR: r = floor(a); break;
    case TENON_OP_TRUNC: r = trunc(a); break;
    case TENON_OP_RINT: r = rint(a); break;
    case TENON_OP_EXP: r = exp(a); break;
    case TENON_OP_LOG: r = log(a); break;
    case TENON_OP_EXPM1: r = expm1(a); break;
    case TENON_OP_LOG1P: r = log1p(a); break;
    case TENON_OP_TANH: r = tanh(a); break;
    case TENON_OP_ERF: r = erf(a); break;
    case TENON_OP_ADD: r = a + b; break;
    case TENON_OP_SUB: r = a - b; break;
    case TENON_OP_MUL: r = a * b; break;
    case TENON_OP_DIV: r = a / b; break;
    case TENON_OP_REM: r = fmod(a, b); break;
    case TENON_OP_POW: r = pow(a, b); break;
    case TENON_OP_MAX: r = max_of(a, b); break;
    case TENON_OP_MIN: r = min_of(a, b); break;
    case TENON_OP_FMA: r = dtype == TENON_DTYPE_F64 ? fma(a, b, c) : (double)fmaf((float)a, (float)b, (float)c); break;
    default: r = NAN; break;
    }
    return from_double(dtype, r);
}

uint64_t tenonc_flushed(uint32_t dtype, uint64_t value) {
    if (format_of(dtype).class_ != 'f') return value;
    uint32_t compute = dtype == TENON_DTYPE_F64 ? dtype : (uint32_t)TENON_DTYPE_F32;
    double smallest = dtype == TENON_DTYPE_F64 ? 0x1p-1022 : dtype == TENON_DTYPE_F16 ? 0x1p-14 : 0x1p-126;
    double x = to_double(compute, value);
    return fabs(x) < smallest ? from_double(compute, copysign(0, x)) : value;
}

/* Integers. */

static uint64_t divide(struct format format, uint64_t a, uint64_t b, bool remainder) {
    if (b == 0) return remainder ? a : 0;
    if (format.class_ == 'u') return remainder ? a % b : a / b;
    if ((int64_t)b == -1) return remainder ? 0 : 0 - a;
    return (uint64_t)(remainder ? (int64_t)a % (int64_t)b : (int64_t)a / (int64_t)b);
}

/* Index division rounds towards minus infinity; the divisor is positive. */
static uint64_t divide_floor(uint64_t a, uint64_t b, bool remainder) {
    int64_t x = (int64_t)a, y = (int64_t)b, q = x / y, r = x % y;
    if (r < 0) {
        q--;
        r += y;
    }
    return (uint64_t)(remainder ? r : q);
}

static bool less(struct format format, uint64_t a, uint64_t b) {
    return format.class_ == 'i' ? (int64_t)a < (int64_t)b : a < b;
}

static uint64_t shift(struct format format, uint64_t a, uint64_t b, bool left) {
    bool within = b < format.bits; /* negative counts are huge */
    if (left) return within ? a << b : 0;
    if (format.class_ == 'u') return within ? a >> b : 0;
    bool negative = (int64_t)a < 0;
    if (!within) return negative ? UINT64_MAX : 0;
    return negative ? ~(~a >> b) : a >> b;
}

static uint64_t integer_op(tenon_op op, uint32_t dtype, uint64_t a, uint64_t b) {
    struct format format = format_of(dtype);
    bool index = dtype == TENON__KIR_INDEX;
    switch (op) {
    case TENON_OP_ABS: return format.class_ == 'i' && (int64_t)a < 0 ? 0 - a : a;
    case TENON_OP_NEG: return 0 - a;
    case TENON_OP_ADD: return a + b;
    case TENON_OP_SUB: return a - b;
    case TENON_OP_MUL: return a * b;
    case TENON_OP_DIV: return index ? divide_floor(a, b, false) : divide(format, a, b, false);
    case TENON_OP_REM: return index ? divide_floor(a, b, true) : divide(format, a, b, true);
    case TENON_OP_MAX: return less(format, a, b) ? b : a;
    case TENON_OP_MIN: return less(format, a, b) ? a : b;
    case TENON_OP_AND: return a & b;
    case TENON_OP_OR: return a | b;
    case TENON_OP_XOR: return a ^ b;
    case TENON_OP_SHL: return shift(format, a, b, true);
    case TENON_OP_SHR: return shift(format, a, b, false);
    default: return 0;
    }
}

uint64_t tenonc_scalar_op(tenon_op op, uint32_t dtype, uint64_t a, uint64_t b, uint64_t c) {
    struct format format = format_of(dtype);
    if (op == TENON_OP_WHERE) return a ? b : c;
    if (format.class_ != 'f') {
        if (op == TENON_OP_LT) return less(format, a, b);
        if (op == TENON_OP_EQ) return a == b;
        return narrow_integer(format, integer_op(op, dtype, a, b));
    }
    uint64_t sign = UINT64_C(1) << (format.bits - 1);
    if (op == TENON_OP_ABS) return a & ~sign;
    if (op == TENON_OP_NEG) return a ^ sign;
    double x = to_double(dtype, a), y = to_double(dtype, b);
    if (op == TENON_OP_LT) return x < y;
    if (op == TENON_OP_EQ) return x == y;
    return float_op(op, dtype, x, y, to_double(dtype, c));
}

/* Casts. */

static uint64_t cast_to_integer(struct format to, double value, bool wrap) {
    if (isnan(value) || (wrap && isinf(value))) return 0;
    double whole = trunc(value);
    if (wrap) {
        double modulus = 18446744073709551616.0, low = fmod(whole, modulus); /* 2^64, exact */
        return narrow_integer(to, low < 0 ? 0 - (uint64_t)-low : (uint64_t)low);
    }
    double top = ldexp(1.0, (int)to.bits - (to.class_ == 'i')), bottom = to.class_ == 'i' ? -top : 0.0;
    uint64_t most = to.class_ == 'i' ? UINT64_MAX >> (65 - to.bits) : UINT64_MAX >> (64 - to.bits);
    if (whole >= top) return most;
    if (whole <= bottom) return to.class_ == 'i' ? ~most : 0;
    return whole < 0 ? 0 - (uint64_t)-whole : (uint64_t)whole;
}

/* A value of any class as a long double, which holds every integer of 64 bits. */
static uint64_t cast_to_float(uint32_t to, struct format from, uint32_t from_dtype, uint64_t value) {
    long double wide = from.class_ == 'f'   ? (long double)to_double(from_dtype, value)
                       : from.class_ == 'i' ? (long double)(int64_t)value
                                            : (long double)value;
    if (to == TENON_DTYPE_F64) return from_double(to, (double)wide);
    float narrow = to == TENON_DTYPE_F32 ? (float)wide : (float)round_small(to, wide);
    return from_double(TENON_DTYPE_F32, (double)narrow);
}

uint64_t tenonc_cast(uint32_t from, uint32_t to, bool wrap, uint64_t value) {
    struct format source = format_of(from), target = format_of(to);
    if (target.class_ == 'f') return cast_to_float(to, source, from, value);
    if (source.class_ != 'f') return narrow_integer(target, value);
    double number = to_double(from, value);
    if (target.class_ == 'b') return number != 0;
    return cast_to_integer(target, number, wrap);
}

uint64_t tenonc_bitcast(uint32_t to, uint64_t value) {
    struct format format = format_of(to);
    return format.class_ == 'f' ? (format.bits == 32 ? (uint32_t)value : value) : narrow_integer(format, value);
}

/* Storage. */

static double small_to_double(uint32_t dtype, uint32_t bits) {
    int fraction_bits = dtype == TENON_DTYPE_F16 ? 10 : 7, exponent_bits = 15 - fraction_bits;
    int exponent = (int)(bits >> fraction_bits) & ((1 << exponent_bits) - 1), bias = (1 << (exponent_bits - 1)) - 1;
    double fraction = (double)(bits & ((1u << fraction_bits) - 1)) / (1 << fraction_bits), magnitude;
    if (exponent == (1 << exponent_bits) - 1)
        magnitude = fraction != 0 ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, 1 - bias);
    else
        magnitude = ldexp(1 + fraction, exponent - bias);
    return bits >> 15 ? -magnitude : magnitude;
}

static uint32_t small_from_double(uint32_t dtype, double value) {
    int fraction_bits = dtype == TENON_DTYPE_F16 ? 10 : 7, exponent_bits = 15 - fraction_bits, exponent;
    int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
    uint32_t sign = signbit(value) ? 0x8000u : 0u;
    if (isnan(value)) return (uint32_t)top << fraction_bits | 1u << (fraction_bits - 1) | sign;
    double rounded = fabs((double)round_small(dtype, (long double)value));
    if (isinf(rounded)) return (uint32_t)top << fraction_bits | sign;
    if (rounded == 0) return sign;
    frexp(rounded, &exponent);
    int biased = exponent - 1 + bias;
    if (biased <= 0) return sign | (uint32_t)ldexp(rounded, bias - 1 + fraction_bits);
    double fraction = ldexp(rounded, 1 - exponent) - 1;
    return sign | (uint32_t)biased << fraction_bits | (uint32_t)ldexp(fraction, fraction_bits);
}

/* Floor of offset / 2: nibbles may lie before the base. */
static uint8_t *nibble_byte(const void *base, int64_t offset) {
    return (uint8_t *)(uintptr_t)base + (offset - (offset & 1)) / 2;
}

uint64_t tenonc_load(uint32_t dtype, const void *base, int64_t offset) {
    struct format format = format_of(dtype);
    uint64_t bits = 0;
    if (format.bits == 4) return narrow_integer(format, *nibble_byte(base, offset) >> (offset & 1 ? 4 : 0));
    memcpy(&bits, (const uint8_t *)base + offset * (int64_t)(format.bits / 8), format.bits / 8);
    if (dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16)
        return from_double(TENON_DTYPE_F32, small_to_double(dtype, (uint32_t)bits));
    return format.class_ == 'f' ? bits : narrow_integer(format, bits);
}

void tenonc_store(uint32_t dtype, void *base, int64_t offset, uint64_t value) {
    struct format format = format_of(dtype);
    if (format.bits == 4) {
        uint8_t *byte = nibble_byte(base, offset);
        int up = offset & 1 ? 4 : 0;
        *byte = (uint8_t)((*byte & (0xf0 >> up)) | (value & 15) << up);
        return;
    }
    if (dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16)
        value = small_from_double(dtype, to_double(TENON_DTYPE_F32, value));
    memcpy((uint8_t *)base + offset * (int64_t)(format.bits / 8), &value, format.bits / 8);
}
