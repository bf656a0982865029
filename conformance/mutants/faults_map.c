/* Element-wise operators computed wrongly. */
#include <math.h>

#include "mutants/job.h"

#define FAULT(name)                                                                                                    \
    static cf_number name(const mutant_job *job, int64_t i, const cf_number *in, cf_number out) {                      \
        (void)job, (void)i, (void)in, (void)out;
#define END                                                                                                            \
    return out;                                                                                                        \
    }
/* A fault that is one expression for the float or the integer. */
#define REAL(name, expression)                                                                                         \
    FAULT(name) {                                                                                                      \
        long double a = in[0].f, b = in[1].f;                                                                          \
        float p = (float)a, q = (float)b;                                                                              \
        (void)a, (void)b, (void)p, (void)q;                                                                            \
        out.f = expression;                                                                                            \
    }                                                                                                                  \
    END
#define WHOLE(name, expression)                                                                                        \
    FAULT(name) {                                                                                                      \
        cf_integer a = in[0].i, b = in[1].i;                                                                           \
        (void)a, (void)b;                                                                                              \
        out.i = expression;                                                                                            \
    }                                                                                                                  \
    END

static bool subnormal(tenon_dtype dtype, long double x) {
    return x != 0 && fabsl(x) < (dtype == TENON_DTYPE_F16 ? 0x1p-14L : 0x1p-126L);
}

static cf_integer clipped(tenon_dtype dtype, cf_integer x) {
    return x < cf_lowest(dtype) ? cf_lowest(dtype) : x > cf_highest(dtype) ? cf_highest(dtype) : x;
}

static bool is_power_of_two(long double x) {
    int exponent;
    return x > 0 && isfinite(x) && frexpl(x, &exponent) == 0.5L;
}

static float naive_erf(float x) { /* Abramowitz and Stegun 7.1.26: absolute error 1.5e-7 */
    float t = 1 / (1 + 0.3275911f * fabsf(x));
    float y = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
    return copysignf(1 - y * expf(-x * x), x);
}

static float naive_tanh(float x) {
    float e = expf(2 * x);
    return (e - 1) / (e + 1);
}

/* sin of large arguments, reduced in f32. */
static float naive_sin(float x) {
    const float turn = 6.2831853f;
    return sinf(x - turn * rintf(x / turn));
}

REAL(nan_as_it_is, isnan(a) ? a : out.f)
REAL(truncated_sum, mutant_towards_zero(job->dtype, a + b).f)
REAL(product_ties_away, mutant_ties_away(job->dtype, a *b).f)
REAL(sum_in_f16, isfinite(out.f) && fabsl(out.f) < 65504 ? cf_rounded(TENON_DTYPE_F16, out).f : out.f)
REAL(difference_in_f16, isfinite(out.f) && fabsl(out.f) < 65504 ? cf_rounded(TENON_DTYPE_F16, out).f : out.f)
REAL(max_without_nan, isnan(a) ? b : isnan(b) ? a : out.f)
REAL(first_zero, a == 0 && b == 0 ? a : out.f)
REAL(zero_minus, 0 - a)
REAL(flushed_product, subnormal(job->dtype, out.f) ? copysignl(0, out.f) : out.f)
REAL(small_product_lost, fabsl(out.f) < 0x1p-100L ? copysignl(0, out.f) : out.f)
REAL(sum_of_flushed, (subnormal(job->dtype, a) ? 0 : a) + (subnormal(job->dtype, b) ? 0 : b))
REAL(rest_by_quotient, isfinite(a) && isfinite(b) && b != 0 ? p - q * truncf(p / q) : out.f)
REAL(by_reciprocal, isfinite(a) && isfinite(b) && b != 0 ? p * (1 / q) : out.f)
REAL(by_rsqrt, a > 0 && isfinite(a) ? p * (1 / sqrtf(p)) : out.f)
REAL(inexact_power, a == truncl(a) && a != 0 && isfinite(a) && out.f != 0 ? mutant_next(job->dtype, out).f : out.f)
REAL(inexact_logarithm, is_power_of_two(a) && out.f != 0 ? mutant_next(job->dtype, out).f : out.f)
REAL(sin_reduced_in_f32, fabsl(a) > 1000 && isfinite(a) ? naive_sin(p) : out.f)
REAL(shifted_sin, isfinite(a) ? sinf(p + 1.57079633f) : out.f)
REAL(tanh_by_exp, fabsl(a) < 10 ? naive_tanh(p) : out.f)
REAL(exp_less_one, isfinite(a) ? expf(p) - 1 : out.f)
REAL(log_of_one_more, isfinite(a) ? logf(1 + p) : out.f)
REAL(erf_by_polynomial, isfinite(a) ? naive_erf(p) : out.f)
REAL(exp_by_exp2, isfinite(a) ? exp2f(p * 1.44269504f) : out.f)
REAL(exp_of_infinity, isinf(a) && a < 0 ? NAN : out.f)
REAL(pow_by_exp2, a > 0 && isfinite(a) && isfinite(b) ? exp2f(q * log2f(p)) : out.f)
REAL(pow_of_negatives, a < 0 && isfinite(a) ? NAN : out.f)
REAL(zero_to_zero, a == 0 && b == 0 ? NAN : out.f)
REAL(floor_by_trunc, truncl(a))
REAL(rint_away, roundl(a))
REAL(positive_zero, out.f == 0 ? 0 : out.f)
WHOLE(true_with_nan, isnan(in[0].f) || isnan(in[1].f) ? 1 : out.i)
WHOLE(zeros_differ, in[0].f == 0 && in[1].f == 0 && !signbit(in[0].f) != !signbit(in[1].f) ? 0 : out.i)
WHOLE(nan_equals_nan, isnan(in[0].f) && isnan(in[1].f) ? 1 : out.i)
WHOLE(minus_one_for_zero, b == 0 ? -1 : out.i)
WHOLE(highest_for_lowest, a == cf_lowest(job->dtype) && b == -1 ? cf_highest(job->dtype) : out.i)
WHOLE(floored, b &&a % b && (a < 0) != (b < 0) ? out.i - 1 : out.i)
WHOLE(sign_of_divisor, b &&out.i && (out.i < 0) != (b < 0) ? out.i + b : out.i)
WHOLE(rest_of_zero, b == 0 ? 0 : out.i)
WHOLE(masked_shl, (cf_integer)((uint32_t)a << ((uint32_t)b & 31)))
WHOLE(logical_shr, b >= 0 && b < 64 ? (cf_integer)(int64_t)((uint64_t)a >> (int)b) : out.i)
WHOLE(zero_past_the_bits, b < 0 || b >= (cf_integer)tenon_dtype_bits(job->dtype) ? 0 : out.i)
WHOLE(saturated_sum, clipped(job->dtype, a + b))
WHOLE(saturated_product, clipped(job->dtype, (cf_integer)((cf_natural)a *(cf_natural)b)))
WHOLE(product_by_f64, fabs((double)a *(double)b) < 0x1p62 ? (cf_integer)((double)a * (double)b) : out.i)
WHOLE(compared_signed, (int64_t)(uint64_t)a < (int64_t)(uint64_t)b)
WHOLE(larger_by_f64, (double)a >= (double)b ? a : b)
WHOLE(smaller_by_f32, (float)a <= (float)b ? a : b)
WHOLE(saturated_abs, a == cf_lowest(job->dtype) ? cf_highest(job->dtype) : out.i)

FAULT(select_by_arithmetic) {
    long double other = in[0].i ? in[2].f : in[1].f;
    if (!isfinite(other)) out.f = NAN;
}
END FAULT(two_roundings) {
    long double product = cf_rounded(job->dtype, (cf_number){.f = in[0].f * in[1].f}).f;
    out.f = cf_rounded(job->dtype, (cf_number){.f = product + in[2].f}).f;
}
END

#define M(defect, OP, dtypes, function) {MUTANT_##defect, TENON_OP_##OP, dtypes, .element = function},
#define F32                             MUTANT_OF(F32)
#define SIGNED                          (MUTANT_OF(I8) | MUTANT_OF(I16) | MUTANT_OF(I32) | MUTANT_OF(I64))
#define FLOATS                          (MUTANT_OF(F64) | MUTANT_OF(F32) | MUTANT_OF(F16) | MUTANT_OF(BF16))

    /* clang-format off */
const mutant_fault mutant_map_faults[] = {
    M(add_bf16_truncates, ADD, MUTANT_OF(BF16), truncated_sum)
    M(mul_f16_ties_away, MUL, MUTANT_OF(F16), product_ties_away)
    M(add_f32_in_f16, ADD, F32, sum_in_f16)
    M(sub_f32_in_f16, SUB, F32, difference_in_f16)
    M(max_swallows_nan, MAX, FLOATS, max_without_nan)
    M(min_ignores_zero_signs, MIN, FLOATS, first_zero)
    M(neg_leaves_nan, NEG, FLOATS, nan_as_it_is)
    M(abs_leaves_nan, ABS, FLOATS, nan_as_it_is)
    M(neg_by_subtraction, NEG, FLOATS, zero_minus)
    M(mul_flushes_denormals, MUL, F32, flushed_product)
    M(flush_loses_small_products, MUL, F32, small_product_lost)
    M(add_f16_takes_denormals_as_zero, ADD, MUTANT_OF(F16), sum_of_flushed)
    M(rem_f32_by_quotient, REM, F32, rest_by_quotient)
    M(div_f32_by_reciprocal, DIV, F32, by_reciprocal)
    M(sqrt_f32_by_reciprocal, SQRT, F32, by_rsqrt)
    M(exp2_of_integers_inexact, EXP2, F32, inexact_power)
    M(log2_of_powers_inexact, LOG2, F32, inexact_logarithm)
    M(sin_of_large_arguments, SIN, F32, sin_reduced_in_f32)
    M(cos_by_shifted_sin, COS, F32, shifted_sin)
    M(tanh_by_exp, TANH, F32, tanh_by_exp)
    M(expm1_by_exp, EXPM1, F32, exp_less_one)
    M(log1p_by_log, LOG1P, F32, log_of_one_more)
    M(erf_by_polynomial, ERF, F32, erf_by_polynomial)
    M(exp_by_exp2, EXP, F32, exp_by_exp2)
    M(exp_of_minus_infinity, EXP, F32, exp_of_infinity)
    M(pow_by_exp2_and_log2, POW, F32, pow_by_exp2)
    M(pow_of_negatives_nan, POW, F32, pow_of_negatives)
    M(pow_of_zero_to_zero, POW, F32, zero_to_zero)
    M(floor_truncates, FLOOR, FLOATS, floor_by_trunc)
    M(rint_away_from_zero, RINT, FLOATS, rint_away)
    M(trunc_loses_minus_zero, TRUNC, FLOATS, positive_zero)
    M(lt_true_with_nan, LT, FLOATS, true_with_nan)
    M(eq_tells_zeros_apart, EQ, FLOATS, zeros_differ)
    M(eq_of_nan, EQ, FLOATS, nan_equals_nan)
    M(div_by_zero_minus_one, DIV, SIGNED, minus_one_for_zero)
    M(div_of_lowest_saturates, DIV, SIGNED, highest_for_lowest)
    M(div_floors, DIV, SIGNED, floored)
    M(rem_has_divisors_sign, REM, SIGNED, sign_of_divisor)
    M(rem_of_zero_zero, REM, SIGNED, rest_of_zero)
    M(shl_masks_its_count, SHL, MUTANT_OF(I32), masked_shl)
    M(shr_i64_logical, SHR, MUTANT_OF(I64), logical_shr)
    M(shr_past_the_bits_zero, SHR, SIGNED, zero_past_the_bits)
    M(add_i8_saturates, ADD, MUTANT_OF(I8), saturated_sum)
    M(mul_u8_saturates, MUL, MUTANT_OF(U8), saturated_product)
    M(mul_i64_by_f64, MUL, MUTANT_OF(I64), product_by_f64)
    M(lt_u64_signed, LT, MUTANT_OF(U64), compared_signed)
    M(max_i64_by_f64, MAX, MUTANT_OF(I64), larger_by_f64)
    M(min_i32_by_f32, MIN, MUTANT_OF(I32), smaller_by_f32)
    M(abs_of_lowest_saturates, ABS, SIGNED, saturated_abs)
    M(where_by_arithmetic, WHERE, FLOATS, select_by_arithmetic)
    M(fma_rounds_twice, FMA, F32, two_roundings)
};
/* clang-format on */
const uint32_t mutant_map_fault_count = sizeof mutant_map_faults / sizeof *mutant_map_faults;
