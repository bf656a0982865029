#include "passes/number.h"

#include <math.h>
#include <string.h>

/* Binary interchange formats narrower than f32: bits of the fraction and of the exponent. */
typedef struct small_float {
    int fraction, exponent;
} small_float;

static const small_float f16_format = {10, 5}, bf16_format = {7, 8};

static double decode(small_float format, uint32_t bits) {
    int bias = (1 << (format.exponent - 1)) - 1, width = format.fraction + format.exponent;
    uint32_t fraction = bits & ((1u << format.fraction) - 1);
    int exponent = (int)(bits >> format.fraction & ((1u << format.exponent) - 1));
    double sign = bits >> width & 1 ? -1.0 : 1.0;
    if (exponent == (1 << format.exponent) - 1) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias - format.fraction);
    return sign * ldexp((double)(fraction | 1u << format.fraction), exponent - bias - format.fraction);
}

static uint32_t encode(small_float format, double value) {
    int bias = (1 << (format.exponent - 1)) - 1, width = format.fraction + format.exponent;
    uint32_t sign = signbit(value) ? 1u << width : 0;
    uint32_t infinity = ((1u << format.exponent) - 1) << format.fraction;
    if (isnan(value)) return sign | infinity | 1u << (format.fraction - 1);
    value = fabs(value);
    if (value == 0.0) return sign;
    int exponent = isinf(value) ? bias + 1 : ilogb(value);
    if (exponent > bias) return sign | infinity;
    if (exponent < 1 - bias) exponent = 1 - bias;
    /* A unit of the last place is 1 here; ties go to even because rint does so. Carries run into the exponent. */
    uint32_t units = (uint32_t)rint(ldexp(value, format.fraction - exponent));
    uint32_t bits = ((uint32_t)(exponent + bias - 1) << format.fraction) + units;
    return sign | (bits > infinity ? infinity : bits);
}

tenon__number tenon__number_load(tenon_dtype dtype, const void *at) {
    uint64_t bits = 0;
    memcpy(&bits, at, tenon_dtype_bits(dtype) / 8);
    return tenon__number_of_bits(dtype, bits);
}

void tenon__number_store(tenon_dtype dtype, void *at, tenon__number number) {
    uint64_t bits = tenon__number_bits(dtype, number);
    memcpy(at, &bits, tenon_dtype_bits(dtype) / 8);
}

static double float_of_bits(tenon_dtype dtype, uint64_t bits) {
    if (dtype == TENON_DTYPE_F16) return decode(f16_format, (uint32_t)bits);
    if (dtype == TENON_DTYPE_BF16) return decode(bf16_format, (uint32_t)bits);
    if (dtype == TENON_DTYPE_F32) {
        float narrow;
        uint32_t low = (uint32_t)bits;
        memcpy(&narrow, &low, sizeof narrow);
        return narrow;
    }
    double wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

static uint64_t bits_of_float(tenon_dtype dtype, double value) {
    if (dtype == TENON_DTYPE_F16) return encode(f16_format, value);
    if (dtype == TENON_DTYPE_BF16) return encode(bf16_format, value);
    uint64_t bits = 0;
    if (dtype == TENON_DTYPE_F32) {
        float narrow = (float)value;
        memcpy(&bits, &narrow, sizeof narrow);
    } else {
        memcpy(&bits, &value, sizeof value);
    }
    return bits;
}

tenon__number tenon__number_of_bits(tenon_dtype dtype, uint64_t bits) {
    uint32_t width = tenon_dtype_bits(dtype), class = tenon_dtype_class(dtype);
    if (class == TENON_CLASS_FLOAT) return (tenon__number){.f = float_of_bits(dtype, bits)};
    uint64_t low = width < 64 ? bits & ((UINT64_C(1) << width) - 1) : bits;
    if (class == TENON_CLASS_BOOL) return (tenon__number){.u = low != 0};
    if (class == TENON_CLASS_UINT || width == 64 || !(low >> (width - 1))) return (tenon__number){.u = low};
    return (tenon__number){.u = low | ~UINT64_C(0) << width};
}

uint64_t tenon__number_bits(tenon_dtype dtype, tenon__number number) {
    uint32_t width = tenon_dtype_bits(dtype);
    if (tenon_dtype_class(dtype) == TENON_CLASS_FLOAT) return bits_of_float(dtype, number.f);
    return width < 64 ? number.u & ((UINT64_C(1) << width) - 1) : number.u;
}

/* -- Casts ------------------------------------------------------------------------------------------------------- */

/* Float to integer: towards zero, then saturated, or its low 64 bits; NaN and, wrapping, infinities give 0. */
static tenon__number to_integer(tenon_dtype to, double value, bool wrap) {
    int width = (int)tenon_dtype_bits(to);
    bool is_signed = tenon_dtype_class(to) == TENON_CLASS_SINT;
    if (isnan(value) || (wrap && isinf(value))) return (tenon__number){.u = 0};
    value = trunc(value);
    if (wrap) {
        double rest = fmod(value, 0x1p64), magnitude = fabs(rest);
        uint64_t low = (uint64_t)magnitude;
        return tenon__number_of_bits(to, rest < 0 ? 0 - low : low);
    }
    double limit = ldexp(1.0, is_signed ? width - 1 : width);
    if (is_signed) {
        int64_t max = (int64_t)(~UINT64_C(0) >> (65 - width));
        return (tenon__number){.i = value >= limit ? max : value < -limit ? -max - 1 : (int64_t)value};
    }
    uint64_t max = ~UINT64_C(0) >> (64 - width);
    return (tenon__number){.u = value >= limit ? max : value <= 0 ? 0 : (uint64_t)value};
}

/* An integer as a double that storing then rounds once: 64-bit ones are made sticky below the bits that f32 keeps. */
static double to_float(tenon_dtype to, tenon__number number, bool is_signed) {
    uint64_t magnitude = is_signed && number.i < 0 ? 0 - number.u : number.u;
    double sign = is_signed && number.i < 0 ? -1.0 : 1.0;
    if (to != TENON_DTYPE_F64 && magnitude >> 53) magnitude = (magnitude >> 11 | ((magnitude & 0x7ff) != 0)) << 11;
    return sign * (double)magnitude;
}

tenon__number tenon__number_cast(tenon_dtype from, tenon_dtype to, tenon__number number, bool wrap) {
    uint32_t source = tenon_dtype_class(from), target = tenon_dtype_class(to);
    if (target == TENON_CLASS_BOOL)
        return (tenon__number){.u = source == TENON_CLASS_FLOAT ? number.f != 0 : number.u != 0};
    if (target == TENON_CLASS_FLOAT) {
        double value = source == TENON_CLASS_FLOAT ? number.f : to_float(to, number, source == TENON_CLASS_SINT);
        return tenon__number_of_bits(to, bits_of_float(to, value));
    }
    if (source == TENON_CLASS_FLOAT) return to_integer(to, number.f, wrap);
    return tenon__number_of_bits(to, number.u);
}

/* -- Operators --------------------------------------------------------------------------------------------------- */

static bool float_below(double a, double b) {
    if (isnan(a) || isnan(b)) return !isnan(a) && isnan(b);
    return a < b || (a == b && signbit(a) && !signbit(b));
}

static double float_max(double a, double b) {
    return isnan(a) || (!isnan(b) && !float_below(a, b)) ? a : b;
}

static double float_min(double a, double b) {
    return isnan(a) || (!isnan(b) && !float_below(b, a)) ? a : b;
}

static double float_fma(tenon_dtype dtype, double a, double b, double c) {
    return dtype == TENON_DTYPE_F64 ? fma(a, b, c) : (double)fmaf((float)a, (float)b, (float)c);
}

static double map_float(tenon_op op, tenon_dtype dtype, double a, double b, double c) {
    switch (op) {
    case TENON_OP_SQRT: return sqrt(a);
    case TENON_OP_EXP2: return exp2(a);
    case TENON_OP_LOG2: return log2(a);
    case TENON_OP_SIN: return sin(a);
    case TENON_OP_COS: return cos(a);
    case TENON_OP_FLOOR: return floor(a);
    case TENON_OP_TRUNC: return trunc(a);
    case TENON_OP_RINT: return rint(a);
    case TENON_OP_ABS: return fabs(a);
    case TENON_OP_NEG: return -a;
    case TENON_OP_ADD: return a + b;
    case TENON_OP_SUB: return a - b;
    case TENON_OP_MUL: return a * b;
    case TENON_OP_DIV: return a / b;
    case TENON_OP_REM: return fmod(a, b);
    case TENON_OP_POW: return pow(a, b);
    case TENON_OP_MAX: return float_max(a, b);
    case TENON_OP_MIN: return float_min(a, b);
    case TENON_OP_FMA: return float_fma(dtype, a, b, c);
    case TENON_OP_EXP: return exp(a);
    case TENON_OP_LOG: return log(a);
    case TENON_OP_EXPM1: return expm1(a);
    case TENON_OP_LOG1P: return log1p(a);
    case TENON_OP_TANH: return tanh(a);
    case TENON_OP_ERF: return erf(a);
    default: return NAN;
    }
}

static uint64_t shift_left(uint64_t a, bool in_range, uint64_t by) {
    return in_range ? a << by : 0;
}

static int64_t signed_divide(int64_t a, int64_t b) {
    if (b == 0) return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static tenon__number map_signed(tenon_op op, tenon_dtype dtype, tenon__number a, tenon__number b) {
    int64_t width = tenon_dtype_bits(dtype);
    bool in_range = b.i >= 0 && b.i < width;
    switch (op) {
    case TENON_OP_ABS: return (tenon__number){.u = a.i < 0 ? 0 - a.u : a.u};
    case TENON_OP_NEG: return (tenon__number){.u = 0 - a.u};
    case TENON_OP_DIV: return (tenon__number){.i = signed_divide(a.i, b.i)};
    case TENON_OP_REM: return (tenon__number){.i = b.i == 0 ? a.i : b.i == -1 ? 0 : a.i % b.i};
    case TENON_OP_MAX: return a.i > b.i ? a : b;
    case TENON_OP_MIN: return a.i < b.i ? a : b;
    case TENON_OP_SHL: return (tenon__number){.u = shift_left(a.u, in_range, b.u)};
    case TENON_OP_SHR: return (tenon__number){.i = in_range ? a.i >> b.i : a.i < 0 ? -1 : 0};
    default: return (tenon__number){.u = 0};
    }
}

static tenon__number map_unsigned(tenon_op op, tenon_dtype dtype, tenon__number a, tenon__number b) {
    bool in_range = b.u < tenon_dtype_bits(dtype);
    switch (op) {
    case TENON_OP_ABS: return a;
    case TENON_OP_NEG: return (tenon__number){.u = 0 - a.u};
    case TENON_OP_DIV: return (tenon__number){.u = b.u == 0 ? 0 : a.u / b.u};
    case TENON_OP_REM: return (tenon__number){.u = b.u == 0 ? a.u : a.u % b.u};
    case TENON_OP_MAX: return a.u > b.u ? a : b;
    case TENON_OP_MIN: return a.u < b.u ? a : b;
    case TENON_OP_SHL: return (tenon__number){.u = shift_left(a.u, in_range, b.u)};
    case TENON_OP_SHR: return (tenon__number){.u = in_range ? a.u >> b.u : 0};
    default: return (tenon__number){.u = 0};
    }
}

static tenon__number map_integer(tenon_op op, tenon_dtype dtype, tenon__number a, tenon__number b) {
    switch (op) {
    case TENON_OP_ADD: a.u += b.u; break;
    case TENON_OP_SUB: a.u -= b.u; break;
    case TENON_OP_MUL: a.u *= b.u; break;
    case TENON_OP_AND: a.u &= b.u; break;
    case TENON_OP_OR: a.u |= b.u; break;
    case TENON_OP_XOR: a.u ^= b.u; break;
    default:
        a = tenon_dtype_class(dtype) == TENON_CLASS_SINT ? map_signed(op, dtype, a, b) : map_unsigned(op, dtype, a, b);
    }
    return tenon__number_of_bits(dtype, a.u); /* wraps */
}

static bool equal(tenon_dtype dtype, tenon__number a, tenon__number b) {
    return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT ? a.f == b.f : a.u == b.u;
}

static bool less(tenon_dtype dtype, tenon__number a, tenon__number b) {
    uint32_t class = tenon_dtype_class(dtype);
    return class == TENON_CLASS_FLOAT ? a.f < b.f : class == TENON_CLASS_SINT ? a.i < b.i : a.u < b.u;
}

tenon__number tenon__number_map(tenon_op op, tenon_dtype dtype, const tenon__number *args) {
    tenon__number zero = {.u = 0};
    uint32_t arity = tenon_op_row_of(op)->input_count;
    tenon__number a = args[0], b = arity > 1 ? args[1] : zero, c = arity > 2 ? args[2] : zero;
    if (op == TENON_OP_WHERE) return a.u ? b : c;
    if (op == TENON_OP_LT) return (tenon__number){.u = less(dtype, a, b)};
    if (op == TENON_OP_EQ) return (tenon__number){.u = equal(dtype, a, b)};
    if (tenon_dtype_class(dtype) != TENON_CLASS_FLOAT) return map_integer(op, dtype, a, b);
    double result = map_float(op, dtype, a.f, b.f, c.f);
    return (tenon__number){.f = dtype == TENON_DTYPE_F64 ? result : (double)(float)result};
}

bool tenon__number_below(tenon_dtype dtype, tenon__number a, tenon__number b) {
    return tenon_dtype_class(dtype) == TENON_CLASS_FLOAT ? float_below(a.f, b.f) : less(dtype, a, b);
}

static tenon__number lowest(tenon_dtype dtype) {
    uint32_t class = tenon_dtype_class(dtype);
    if (class == TENON_CLASS_FLOAT) return (tenon__number){.f = -INFINITY};
    if (class == TENON_CLASS_SINT)
        return (tenon__number){.i = -(int64_t)(~UINT64_C(0) >> (65 - tenon_dtype_bits(dtype))) - 1};
    return (tenon__number){.u = 0};
}

static tenon__number highest(tenon_dtype dtype) {
    uint32_t class = tenon_dtype_class(dtype);
    if (class == TENON_CLASS_FLOAT) return (tenon__number){.f = INFINITY};
    if (class == TENON_CLASS_SINT)
        return (tenon__number){.i = (int64_t)(~UINT64_C(0) >> (65 - tenon_dtype_bits(dtype)))};
    return (tenon__number){.u = class == TENON_CLASS_BOOL ? 1 : ~UINT64_C(0) >> (64 - tenon_dtype_bits(dtype))};
}

tenon__number tenon__number_identity(uint32_t combine, tenon_dtype dtype) {
    if (combine == TENON_COMBINE_MIN) return highest(dtype);
    if (combine == TENON_COMBINE_MAX) return lowest(dtype);
    return tenon__number_cast(TENON_DTYPE_I64, dtype, (tenon__number){.i = combine == TENON_COMBINE_MUL}, false);
}

tenon__number tenon__number_combine(uint32_t combine, tenon_dtype dtype, tenon__number a, tenon__number b) {
    static const tenon_op ops[] = {[TENON_COMBINE_ADD] = TENON_OP_ADD,
                                   [TENON_COMBINE_MUL] = TENON_OP_MUL,
                                   [TENON_COMBINE_MIN] = TENON_OP_MIN,
                                   [TENON_COMBINE_MAX] = TENON_OP_MAX};
    return combine == TENON_COMBINE_SET ? b : tenon__number_map(ops[combine], dtype, (tenon__number[]){a, b});
}
