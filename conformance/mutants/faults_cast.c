/* Conversions and data movement done wrongly. */
#include <math.h>
#include <string.h>

#include "mutants/job.h"

#define CAST(name)                                                                                                     \
    static cf_number name(const mutant_job *job, int64_t i, const cf_number *in, cf_number out) {                      \
        tenon_dtype to = job->outputs[0].dtype;                                                                        \
        bool wraps = mutant_attr(job, TENON_ATTR_WRAP, 0) != 0;                                                        \
        long double x = in[0].f;                                                                                       \
        (void)to, (void)wraps, (void)x, (void)i;
#define END                                                                                                            \
    return out;                                                                                                        \
    }

static bool is_whole(tenon_dtype dtype) {
    return !cf_is_float(dtype) && dtype != TENON_DTYPE_BOOL;
}

static cf_number wrapped(tenon_dtype to, long double x) {
    return cf_rounded(to, (cf_number){.i = (cf_integer)fmodl(truncl(x), 0x1p64L)});
}

CAST(truncates) {
    if (to == TENON_DTYPE_F16) out = mutant_towards_zero(to, x);
}
END CAST(rounds) {
    if (to == TENON_DTYPE_I32 && !wraps && fabsl(x) < 0x1p30L) out.i = (cf_integer)rintl(x);
}
END CAST(wraps_out_of_range) {
    if (is_whole(to) && !wraps && isfinite(x)) out = wrapped(to, x);
}
END CAST(saturates_where_it_wraps) {
    if (is_whole(to) && wraps && fabsl(x) >= (long double)cf_highest(to))
        out.i = x > 0 ? cf_highest(to) : cf_lowest(to);
}
END CAST(lowest_for_nan) {
    if (is_whole(to) && isnan(x)) out.i = cf_lowest(to) ? cf_lowest(to) : cf_highest(to);
}
END CAST(by_f64) {
    if (to == TENON_DTYPE_F32) out.f = (float)(double)in[0].i;
}
END CAST(by_f32) {
    if (to == TENON_DTYPE_BF16) out = cf_rounded(to, (cf_number){.f = (float)x});
}
END CAST(as_signed) {
    if (cf_is_float(to)) out = cf_rounded(to, (cf_number){.f = (long double)(int64_t)(uint64_t)in[0].i});
}
END CAST(fraction_false) {
    if (to == TENON_DTYPE_BOOL && fabsl(x) < 1) out.i = 0;
}
END CAST(nan_as_infinity) {
    if (to == TENON_DTYPE_BF16 && isnan(x)) out.f = INFINITY;
}
END CAST(flushes) {
    if (job->dtype == TENON_DTYPE_F16 && fabsl(out.f) < 0x1p-14L) out.f = copysignl(0, out.f);
}
END CAST(overflow_stays_finite) {
    if (to == TENON_DTYPE_F16 && isfinite(x) && isinf(out.f)) out.f = copysignl(65504, x);
}
END

    /* Counts up by ones in bf16, which ends at 256. */
    static void
    count_in_bf16(mutant_job *job) {
    for (int64_t i = 0; i < job->outputs[0].count; i++)
        if (job->outputs[0].values[i].f > 256) job->outputs[0].values[i].f = 256;
}

/* Starts that do not fit are moved to where they do. */
static void clamp_starts(mutant_job *job) {
    mutant_array *start = &job->inputs[1];
    for (int64_t i = 0; i < start->count && i < job->outputs[0].rank; i++) {
        int64_t last = job->outputs[0].dims[i] - job->inputs[0].dims[i];
        if (start->values[i].i < 0) start->values[i].i = 0;
        if (start->values[i].i > last) start->values[i].i = last;
    }
}

static void philox(uint64_t block, uint64_t key, uint32_t rounds, uint32_t out[4]) {
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
    uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (uint32_t r = 0; r < rounds; r++) {
        uint64_t p = (uint64_t)0xD2511F53u * c[0], q = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ c[1] ^ k[0], (uint32_t)q, (uint32_t)(p >> 32) ^ c[3] ^ k[1],
                            (uint32_t)p};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

static void draw(mutant_job *job, uint32_t rounds, uint64_t mask) {
    uint32_t words[4];
    for (int64_t i = 0; i < job->outputs[0].count; i++) {
        uint64_t place = (uint64_t)i + job->scalars[1];
        philox(place / 4 & mask, job->scalars[0], rounds, words);
        job->outputs[0].values[i].i = words[place % 4];
    }
}

static void draw_short_counter(mutant_job *job) {
    draw(job, 10, 0xffffffff);
}

static void draw_fewer_rounds(mutant_job *job) {
    draw(job, 7, UINT64_MAX);
}

#define C(defect, dtypes, function) {MUTANT_##defect, TENON_OP_CAST, dtypes, .element = function},
#define FLOATS                      (MUTANT_OF(F64) | MUTANT_OF(F32) | MUTANT_OF(F16) | MUTANT_OF(BF16))

/* clang-format off */
const mutant_fault mutant_cast_faults[] = {
    C(cast_to_f16_truncates, FLOATS, truncates)
    C(cast_to_i32_rounds, FLOATS, rounds)
    C(cast_wraps_for_saturating, FLOATS, wraps_out_of_range)
    C(cast_saturates_for_wrapping, FLOATS, saturates_where_it_wraps)
    C(cast_of_nan_lowest, FLOATS, lowest_for_nan)
    C(cast_i64_to_f32_by_f64, MUTANT_OF(I64), by_f64)
    C(cast_f64_to_bf16_by_f32, MUTANT_OF(F64), by_f32)
    C(cast_u64_signed, MUTANT_OF(U64), as_signed)
    C(cast_to_bool_by_integer, FLOATS, fraction_false)
    C(cast_of_nan_to_bf16, FLOATS, nan_as_infinity)
    C(cast_to_f16_saturates, FLOATS, overflow_stays_finite)
    {MUTANT_copy_flushes_denormals, TENON_OP_COPY, MUTANT_OF(F16), .element = flushes},
    {MUTANT_flush_loses_copied_denormals, TENON_OP_COPY, MUTANT_OF(F16), .element = flushes},
    {MUTANT_iota_counts_in_bf16, TENON_OP_IOTA, MUTANT_OF(BF16), .outputs = count_in_bf16},
    {MUTANT_update_slice_clamps, TENON_OP_UPDATE_SLICE, 0, .inputs = clamp_starts},
    {MUTANT_random_bits_short_counter, TENON_OP_RANDOM_BITS, 0, .outputs = draw_short_counter},
    {MUTANT_random_bits_seven_rounds, TENON_OP_RANDOM_BITS, 0, .outputs = draw_fewer_rounds},
};
/* clang-format on */
const uint32_t mutant_cast_fault_count = sizeof mutant_cast_faults / sizeof *mutant_cast_faults;
