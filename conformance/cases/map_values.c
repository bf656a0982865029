/* REQ-OP-02, -03, -04, -06: values of element-wise operators. What it kills: rounding twice, towards zero or with ties
 * away, f16 and bf16 arithmetic without f32, fma in two roundings, division by a reciprocal, NaN swallowed, the sign of 0
 * lost, subnormal numbers flushed, series that lose large arguments, integers that saturate or trap, comparisons of
 * unsigned numbers as signed ones, shift counts taken modulo the width. */
#include <math.h>

#include "cases/map.h"

static const uint32_t contiguous[4] = {CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS, CF_CONTIGUOUS};

/* What operand k of a row holds at i. */
typedef struct value_row {
    const char *name;
    int64_t count;
    cf_number (*next)(const cf_map *map, uint32_t operand, int64_t i);
} value_row;

static long double random_between(long double low, long double high) {
    return low + (cf_uniform() + 1) / 2 * (high - low);
}

static cf_number real(const cf_map *map, long double x) {
    return cf_rounded(map->dtype, (cf_number){.f = x});
}

static int highest_exponent(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F64 ? 1023 : dtype == TENON_DTYPE_F16 ? 15 : 127;
}

static int precision(tenon_dtype dtype) {
    return dtype == TENON_DTYPE_F64 ? 53 : dtype == TENON_DTYPE_F32 ? 24 : dtype == TENON_DTYPE_F16 ? 11 : 8;
}

/* Every magnitude as likely as any other, subnormal ones too. */
static cf_number next_wide(const cf_map *map, uint32_t k, int64_t i) {
    int high = highest_exponent(map->dtype);
    (void)k, (void)i;
    if (!cf_is_float(map->dtype)) return cf_any(map->dtype);
    int exponent = (int)(cf_random() % (uint64_t)(2 * high + precision(map->dtype))) - high - precision(map->dtype);
    return real(map, scalbnl(1 + fabsl(cf_uniform()), exponent) * (cf_random() & 1 ? 1 : -1));
}

/* Exponents near each other, so that sums cancel and ties happen. */
static cf_number next_close(const cf_map *map, uint32_t k, int64_t i) {
    (void)k, (void)i;
    long double x = scalbnl(1 + fabsl(cf_uniform()), (int)(cf_random() % 4));
    return real(map, cf_random() & 1 ? x : -x);
}

/* Significands of few bits: products and quotients that are exact or lie at ties. */
static cf_number next_short(const cf_map *map, uint32_t k, int64_t i) {
    (void)i;
    int bits = precision(map->dtype) * (k == 2 ? 2 : 1) / 2 + 1;
    return real(map, scalbnl((long double)(cf_random() % ((uint64_t)1 << bits)) * (cf_random() & 1 ? 1 : -1),
                             (int)(cf_random() % 5) - 2 - (k == 2 ? 0 : bits / 2)));
}

static cf_number next_near_one(const cf_map *map, uint32_t k, int64_t i) {
    (void)k, (void)i;
    return real(map, 1 + scalbnl(cf_uniform(), -(int)(cf_random() % (uint64_t)(precision(map->dtype) + 1))));
}

/* Near zeros and extrema of sine and cosine: multiples of pi/2, small and large. */
static cf_number next_turn(const cf_map *map, uint32_t k, int64_t i) {
    static const long double quarter = 1.57079632679489661923132169163975144L;
    (void)k;
    long double turns = i < 1024 ? (long double)(i - 512) : scalbnl(rintl(random_between(1, 4096)), (int)(i % 48));
    return real(map, turns * quarter);
}

static cf_number next_whole(const cf_map *map, uint32_t k, int64_t i) {
    (void)k;
    return real(map, (long double)(i - 1280));
}

static cf_number next_power_of_two(const cf_map *map, uint32_t k, int64_t i) {
    (void)k;
    return real(map, scalbnl(1, (int)i - 1100));
}

/* Bases and exponents that give whole results, large ones, and those of negative bases. */
static cf_number next_power(const cf_map *map, uint32_t k, int64_t i) {
    uint64_t word = cf_random();
    if (k == 0) return real(map, i % 3 == 0 ? (long double)(word % 41) - 20 : i % 3 == 1 ? (long double)(word % 9) : 2);
    return real(map, i % 3 == 2 ? (long double)(word % 300) - 150 : (long double)(word % 25) - 4);
}

/* Powers of two below one, with exponents below zero that make whole numbers of them. */
static cf_number next_half_power(const cf_map *map, uint32_t k, int64_t i) {
    uint64_t word = cf_random();
    if (k == 0) return real(map, scalbnl(i % 2 ? -1 : 1, -(int)(word % 9)));
    return real(map, -(long double)(word % 13));
}

/* Powers over the whole range of results: the exponent follows from a result's logarithm. */
static cf_number next_power_base(const cf_map *map, uint32_t k, int64_t i) {
    (void)i;
    long double range = highest_exponent(map->dtype);
    if (k == 0) return real(map, exp2l(random_between(-3, 3)));
    return real(map, random_between(-range / 3, range / 3));
}

/* exp and its like: all results that are finite and some that are not. */
static cf_number next_exponent(const cf_map *map, uint32_t k, int64_t i) {
    (void)k, (void)i;
    long double range = (long double)highest_exponent(map->dtype) + precision(map->dtype);
    return real(map, random_between(-range, range) * (cf_random() & 3 ? 0.7L : 1.2L));
}

static cf_number next_any_bits(const cf_map *map, uint32_t k, int64_t i) {
    uint64_t word = k == 0 ? (uint64_t)i : cf_random();
    if (map->dtype == TENON_DTYPE_BOOL) word &= 1;
    return cf_load(map->dtype, &word, 0);
}

/* All pairs of 8-bit values. */
static cf_number next_pair(const cf_map *map, uint32_t k, int64_t i) {
    uint64_t word = k == 0 ? (uint64_t)i >> 8 & 255 : k == 1 ? (uint64_t)i & 255 : cf_random();
    if (map->dtype == TENON_DTYPE_BOOL) word &= 1;
    return cf_load(map->dtype, &word, 0);
}

/* Operand 1 is operand 0 or the number next to it: what a wider or narrower type on the way cannot tell apart. */
static cf_number next_neighbour(const cf_map *map, uint32_t k, int64_t i) {
    uint64_t word = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    if (k == 1) word += (uint64_t)(i % 3) - 1;
    if (map->dtype == TENON_DTYPE_BOOL) word &= 1;
    return cf_load(map->dtype, &word, 0);
}

typedef struct next_context {
    const cf_map *map;
    const value_row *values;
    uint32_t operand;
} next_context;

static cf_number next_of(const cf_operand *operand, int64_t i, void *context) {
    const next_context *c = context;
    if (operand->dtype != c->map->dtype) return (cf_number){.i = cf_random() & 1}; /* the condition of where */
    return c->values->next(c->map, c->operand, i);
}

static void run_values(const cf_map *map, const value_row *values) {
    if (!cf_begin("%s.%s", tenon_dtype_name(map->dtype), values->name)) return;
    cf_row row = cf_map_row(map, 1, &values->count, contiguous);
    for (uint32_t k = 0; k < row.operand_count; k++) {
        next_context context = {map, values, k};
        cf_fill_with(&row.operands[k], next_of, &context);
    }
    cf_map_check(map, &row);
}

/* All pairs of edge values of the first two operands, and random ones. */
static void run_edges(const cf_map *map) {
    static const int64_t count = 4099;
    if (!cf_begin("%s.edges", tenon_dtype_name(map->dtype))) return;
    cf_row row = cf_map_row(map, 1, &count, contiguous);
    for (uint32_t k = 0; k < row.operand_count; k++) cf_fill(&row.operands[k], k);
    cf_map_check(map, &row);
}

/* a * b + c where c is nearly -a * b: all that is left is what a product rounded by itself loses. */
static void run_cancelling(const cf_map *map) {
    static const int64_t count = 1021;
    if (!cf_begin("%s.cancelling", tenon_dtype_name(map->dtype))) return;
    cf_row row = cf_map_row(map, 1, &count, contiguous);
    for (uint32_t k = 0; k < 3; k++) cf_fill_small(&row.operands[k]);
    for (int64_t i = 0; i < count; i++) {
        long double a = cf_load(map->dtype, row.operands[0].bytes, i).f;
        long double b = cf_load(map->dtype, row.operands[1].bytes, i).f;
        cf_store(map->dtype, row.operands[2].bytes, i, (cf_number){.f = -a * b});
    }
    cf_map_check(map, &row);
}

/* neg flips and abs clears the sign of a NaN as of a number. */
static void run_nan_signs(const cf_map *map) {
    static const int64_t count = 1021;
    if (!cf_begin("%s.nan_signs", tenon_dtype_name(map->dtype))) return;
    cf_row row = cf_map_row(map, 1, &count, contiguous);
    cf_operand *x = &row.operands[0];
    cf_fill_mixed(x);
    for (int64_t i = 0; i < count; i += 2)
        cf_store(x->dtype, x->bytes, i, (cf_number){.f = cf_random() & 1 ? NAN : -NAN});
    tenonh_array result = {0};
    bool ran = cf_run_or_fail(&row, &result);
    for (int64_t i = 0; ran && i < count && !cf_failed(); i++) {
        long double from = cf_load(x->dtype, x->bytes, i).f, got = cf_load(x->dtype, result.data, i).f;
        bool negative = map->op->op == TENON_OP_NEG && !signbit(from);
        if (!isnan(from)) continue;
        if (!isnan(got) || (signbit(got) != 0) != negative)
            cf_fail("element %lld is %Lf for %Lf", (long long)i, got, from);
    }
    tenonh_array_free(&result);
    cf_free(&row);
}

static const value_row every = {"every_value", 65536, next_any_bits};
static const value_row pairs = {"every_pair", 65536, next_pair};
static const value_row neighbours = {"neighbours", 2053, next_neighbour};
static const value_row wide = {"wide", 8209, next_wide};
static const value_row close_ones = {"close", 4099, next_close};
static const value_row short_ones = {"short", 4099, next_short};

/* Ranges that one operator is hard in. */
static const struct special {
    tenon_op op;
    value_row values;
} specials[] = {
    {TENON_OP_SIN, {"turns", 3001, next_turn}},           {TENON_OP_COS, {"turns", 3001, next_turn}},
    {TENON_OP_EXP2, {"whole", 2560, next_whole}},         {TENON_OP_EXP2, {"range", 4099, next_exponent}},
    {TENON_OP_LOG2, {"powers", 2130, next_power_of_two}}, {TENON_OP_LOG2, {"near_one", 4099, next_near_one}},
    {TENON_OP_POW, {"whole", 4099, next_power}},          {TENON_OP_POW, {"range", 4099, next_power_base}},
    {TENON_OP_POW, {"near_one", 1021, next_near_one}},    {TENON_OP_EXP, {"range", 4099, next_exponent}},
    {TENON_OP_EXPM1, {"range", 4099, next_exponent}},     {TENON_OP_LOG, {"near_one", 4099, next_near_one}},
    {TENON_OP_LOG1P, {"near_one", 4099, next_near_one}},  {TENON_OP_POW, {"halves", 1021, next_half_power}},
};

void cf_map_values(const cf_map *map) {
    uint32_t bits = tenon_dtype_bits(map->dtype), inputs = map->op->input_count;
    run_edges(map);
    run_values(map, &wide);
    if (inputs >= 2) run_values(map, &neighbours);
    if (bits <= 16) run_values(map, &every);
    if (bits == 8 && inputs >= 2) run_values(map, &pairs);
    if (cf_is_float(map->dtype)) run_values(map, &close_ones);
    if (cf_is_float(map->dtype)) run_values(map, &short_ones);
    if (map->op->op == TENON_OP_FMA) run_cancelling(map);
    bool signs = map->op->op == TENON_OP_NEG || map->op->op == TENON_OP_ABS;
    if (signs && cf_is_float(map->dtype)) run_nan_signs(map);
    for (uint32_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (specials[i].op == map->op->op) run_values(map, &specials[i].values);
}
