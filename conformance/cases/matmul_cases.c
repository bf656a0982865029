/* REQ-OP-03: contractions. Three ways to look at a product: small whole numbers, whose products and sums are exact; one
 * product an output, with all its bits; random ones within the bound that any order of additions meets. What they kill:
 * tiles and tails (whole), accumulation in f16, bf16 or their like (whole, random), sums that are cut (positive), operands
 * cut to TF32 or split into too few parts (one_hot), or whose parts overflow (largest) or are lost (low_normal), all of
 * these from some K on only, operands or strides swapped, NaN and infinities swallowed, subnormal numbers flushed, an
 * accumulator that is asked for and not used, tiles of large products that lose terms of a long k (large). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/bound.h"
#include "cases/case.h"
#include "cases/cases.h"

typedef struct product {
    int64_t batch, m, k, n;
    uint32_t a_layout, b_layout, result_layout;
    uint32_t rank; /* 0: 3; 2: no batch; above 3: the batch among more axes of 1 */
} product;

typedef struct types {
    tenon_dtype from, to;
} types;

/* Dims [batch axes, x, y]; the batch is split over the axes there are. */
static cf_operand operand_of(const product *p, tenon_dtype dtype, int64_t x, int64_t y, uint32_t layout) {
    cf_operand operand = {.dtype = dtype, .rank = p->rank ? p->rank : 3, .layout = layout};
    uint32_t batch_axes = operand.rank - 2;
    for (uint32_t i = 0; i < batch_axes; i++) operand.dims[i] = 1;
    if (batch_axes) operand.dims[batch_axes / 2] = p->batch;
    operand.dims[batch_axes] = x;
    operand.dims[batch_axes + 1] = y;
    return operand;
}

static cf_row row_of(const product *p, types t, int64_t *type) {
    cf_row row = {.op = TENON_OP_MATMUL, .operand_count = 2, .result_count = 1};
    *type = t.to;
    row.operands[0] = operand_of(p, t.from, p->m, p->k, p->a_layout);
    row.operands[1] = operand_of(p, t.from, p->k, p->n, p->b_layout);
    row.results[0] = operand_of(p, t.to, p->m, p->n, p->result_layout);
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, type};
    row.attr_count = t.to != t.from; /* it is the default */
    return row;
}

/* -- All terms: whole numbers and random ones -- */

typedef struct term_sum {
    cf_number value;
    long double magnitude;
} term_sum;

static term_sum sum_of(const product *p, const cf_number *a, const cf_number *b, bool is_float) {
    term_sum sum = {0};
    for (int64_t k = 0; k < p->k; k++) {
        cf_number x = a[k], y = b[k * p->n];
        if (is_float) {
            sum.value.f += x.f * y.f;
            sum.magnitude += fabsl(x.f * y.f);
        } else {
            sum.value.i = (cf_integer)((cf_natural)sum.value.i + (cf_natural)x.i * (cf_natural)y.i);
        }
    }
    return sum;
}

static cf_number *load_all(const cf_operand *x, bool flushes) {
    int64_t count = cf_count(x->rank, x->dims);
    cf_number *numbers = cf_numbers(count);
    for (int64_t i = 0; i < count; i++) {
        numbers[i] = cf_load(x->dtype, x->bytes, i);
        if (flushes) numbers[i] = cf_flushed(x->dtype, numbers[i]);
    }
    return numbers;
}

/* Sums of the products, and what each may be off. */
static void sum_all(const product *p, const cf_row *row, bool flushes, bool exact, uint32_t signs,
                    const tenonh_array *result, cf_number *want, long double *allowed) {
    cf_number *a = load_all(&row->operands[0], flushes), *b = load_all(&row->operands[1], flushes);
    for (int64_t i = 0; i < tenonh_array_count(result); i++) {
        int64_t batch = i / (p->m * p->n), m = i / p->n % p->m, n = i % p->n;
        term_sum sum =
            sum_of(p, a + (batch * p->m + m) * p->k, b + batch * p->k * p->n + n, cf_is_float(result->dtype));
        want[i] = sum.value;
        if (exact || !cf_is_float(result->dtype)) want[i] = cf_rounded(result->dtype, want[i]);
        if (!exact) allowed[i] = cf_sum_bound(result->dtype, signs, p->k, sum.magnitude, want[i].f);
    }
    free(a), free(b);
}

static void check_sums(const product *p, const cf_row *row, const tenonh_array *result, bool exact, uint32_t signs) {
    int64_t count = tenonh_array_count(result);
    cf_number *want = cf_numbers(count), *flushed = cf_flushes() ? cf_numbers(count) : NULL;
    long double *allowed = calloc((size_t)count + 1, sizeof *allowed);
    if (flushed) sum_all(p, row, true, exact, signs, result, flushed, allowed);
    sum_all(p, row, false, exact, signs, result, want, allowed);
    cf_expect_near(result, &(cf_wanted){want, flushed, false}, allowed);
    free(want), free(flushed), free(allowed);
}

/* Sums of these grow: what each addition loses, in one direction, adds up. */
static cf_number next_positive(const cf_operand *x, int64_t i, void *context) {
    (void)i, (void)context;
    return cf_rounded(x->dtype, (cf_number){.f = fabsl(cf_uniform())});
}

static void run_sums(const product *p, types t, const char *name, bool exact, bool positive) {
    if (!cf_begin("%s_%s.%s.%lldx%lldx%lldx%lld", tenon_dtype_name(t.from), tenon_dtype_name(t.to), name,
                  (long long)p->batch, (long long)p->m, (long long)p->k, (long long)p->n))
        return;
    int64_t type;
    cf_row row = row_of(p, t, &type);
    bool is_unsigned = tenon_dtype_class(t.from) == TENON_CLASS_UINT;
    for (uint32_t i = 0; i < 2; i++) {
        if (exact && cf_is_float(t.from))
            cf_fill_range(&row.operands[i], positive ? 0 : -2, 2 + positive);
        else if (exact && tenon_dtype_bits(t.from) <= 16)
            cf_fill_range(&row.operands[i], is_unsigned || positive ? 0 : -100, 100);
        else if (exact)
            cf_fill_mixed(&row.operands[i]);
        else if (positive)
            cf_fill_with(&row.operands[i], next_positive, NULL);
        else
            cf_fill_small(&row.operands[i]);
    }
    tenonh_array result = {0};
    uint32_t signs = positive ? CF_SIGNS_EQUAL : CF_SIGNS_RANDOM;
    if (cf_run_or_fail(&row, &result)) check_sums(p, &row, &result, exact, signs);
    tenonh_array_free(&result);
    cf_free(&row);
}

/* NaN and infinities among the factors reach just the outputs that they are terms of. */
static void run_not_finite(const product *p, types t) {
    if (!cf_begin("%s_%s.not_finite.%lldx%lldx%lld", tenon_dtype_name(t.from), tenon_dtype_name(t.to), (long long)p->m,
                  (long long)p->k, (long long)p->n))
        return;
    int64_t type;
    cf_row row = row_of(p, t, &type);
    void *a, *b;
    for (uint32_t i = 0; i < 2; i++) cf_fill_small(&row.operands[i]);
    a = row.operands[0].bytes, b = row.operands[1].bytes;
    cf_store(t.from, a, p->k + p->k - 1, (cf_number){.f = NAN});
    cf_store(t.from, a, 2 * p->k + p->k / 2, (cf_number){.f = INFINITY});
    cf_store(t.from, b, p->k / 2 * p->n, (cf_number){0}); /* by that infinity: NaN */
    cf_store(t.from, b, (p->k - 1) * p->n + 1, (cf_number){.f = -INFINITY});
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_sums(p, &row, &result, false, CF_SIGNS_RANDOM);
    tenonh_array_free(&result);
    cf_free(&row);
}

/* -- One product an output -- */

/* Column of a that holds the one number of row `m`: the ends of k, and places between. */
static int64_t place_in(const product *p, int64_t m) {
    return m == 0 ? p->k - 1 : m == 1 ? 0 : (m * 977 + p->k / 2) % p->k;
}

/* Factors of exponents near 0; of all exponents; subnormal ones by large ones, also in the second place; near the largest
 * number by small ones; near the smallest normal one; products that are subnormal. */
enum { FULL, WIDE, SUBNORMAL, SUBNORMAL_B, SUBNORMAL_RESULT, LARGEST, LOW_NORMAL };

typedef struct hot {
    const product *p;
    uint32_t mode;
    int high, low; /* largest exponent of a factor; one below that of the smallest normal number */
} hot;

static cf_number hot_number(const cf_operand *x, const hot *h, int64_t i, bool first) {
    int spread = h->mode == WIDE ? h->high : 2;
    int exponent = (i & 1 ? 1 : -1) * (int)(cf_random() % (uint64_t)(spread + 1));
    if (h->mode == SUBNORMAL || h->mode == SUBNORMAL_B)
        exponent = first == (h->mode == SUBNORMAL) ? h->low - (int)(cf_random() % 4) : -h->low - 2;
    if (h->mode == SUBNORMAL_RESULT) exponent = h->low / 2 - (first ? (int)(cf_random() % 4) : 2);
    if (h->mode == LOW_NORMAL) exponent = first ? h->low + 1 + (int)(cf_random() % 4) : (int)(cf_random() % 3);
    if (h->mode == LARGEST) exponent = first ? -(int)(cf_random() % 4) : -2;
    long double full = scalbnl(1 + fabsl(cf_uniform()), exponent);
    /* From the largest number downwards: what rounds it to fewer bits makes it infinite. */
    if (h->mode == LARGEST && first) full = cf_largest(x->dtype) * (1 - scalbnl(fabsl(cf_uniform()), -9 + exponent));
    return cf_rounded(x->dtype, (cf_number){.f = cf_random() & 1 ? full : -full});
}

static cf_number next_a(const cf_operand *x, int64_t i, void *context) {
    const hot *h = context;
    if (i % h->p->k != place_in(h->p, i / h->p->k % h->p->m)) return (cf_number){0};
    return hot_number(x, h, i, true);
}

static cf_number next_b(const cf_operand *x, int64_t i, void *context) {
    return hot_number(x, context, i, false);
}

static void check_one_hot(const product *p, const cf_row *row, const tenonh_array *result) {
    int64_t count = tenonh_array_count(result);
    tenon_dtype dtype = row->operands[0].dtype;
    cf_number *want = cf_numbers(count), *flushed = cf_numbers(count);
    for (int64_t i = 0; i < count; i++) {
        int64_t batch = i / (p->m * p->n), m = i / p->n % p->m, n = i % p->n, k = place_in(p, m);
        cf_number x = cf_load(dtype, row->operands[0].bytes, (batch * p->m + m) * p->k + k);
        cf_number y = cf_load(dtype, row->operands[1].bytes, (batch * p->k + k) * p->n + n);
        want[i].f = x.f * y.f;
        flushed[i].f = cf_flushed(dtype, x).f * cf_flushed(dtype, y).f;
    }
    cf_expect(result, &(cf_wanted){want, flushed, false}, 2);
    free(want), free(flushed);
}

static void run_one_hot(const product *p, types t, uint32_t mode) {
    static const char *const names[] = {"full",    "wide",      "subnormal", "subnormal_b", "subnormal_result",
                                        "largest", "low_normal"};
    if (!cf_begin("%s_%s.%s.%lldx%lldx%lldx%lld", tenon_dtype_name(t.from), tenon_dtype_name(t.to), names[mode],
                  (long long)p->batch, (long long)p->m, (long long)p->k, (long long)p->n))
        return;
    int64_t type;
    cf_row row = row_of(p, t, &type);
    bool half = t.from == TENON_DTYPE_F16, f64 = t.from == TENON_DTYPE_F64;
    /* Where partial products are flushed, those of the last bits stay clear of it. */
    int high = cf_flushes() ? 40 : 60;
    hot context = {p, mode, f64 ? 500 : half ? 6 : high, f64 ? -1023 : half ? -15 : -127};
    cf_fill_with(&row.operands[0], next_a, &context);
    cf_fill_with(&row.operands[1], next_b, &context);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_one_hot(p, &row, &result);
    tenonh_array_free(&result);
    cf_free(&row);
}

/* -- Rows -- */

static const types wider[] = {{TENON_DTYPE_I8, TENON_DTYPE_I32},
                              {TENON_DTYPE_U8, TENON_DTYPE_I32},
                              {TENON_DTYPE_I16, TENON_DTYPE_I32},
                              {TENON_DTYPE_F16, TENON_DTYPE_F32},
                              {TENON_DTYPE_BF16, TENON_DTYPE_F32}};
enum { WIDER = sizeof wider / sizeof *wider };

/* The i-th pair of dtypes; false past the last. */
static bool types_at(uint32_t i, types *out) {
    const tenon_op_row *row = tenon_op_row_of(TENON_OP_MATMUL);
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++) {
        if (!tenon_op_takes(row, dtype)) continue;
        *out = (types){dtype, dtype};
        if (i-- == 0) return true;
    }
    if (i >= WIDER) return false;
    *out = wider[i];
    return true;
}

static const int64_t lengths[] = {1,    2,    3,    7,    17,   64,   127,  255,  256,   257,  511,
                                  1023, 1024, 1025, 2048, 4095, 4096, 4097, 4099, 16385, 65536};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static void run_tiles(types t) {
    static const int64_t ms[] = {1, 2, 3, 5, 8, 9, 16, 17, 33, 65}, ns[] = {1, 2, 7, 8, 9, 16, 17, 31, 33, 65},
                         ks[] = {1, 5, 17};
    for (uint32_t m = 0; m < sizeof ms / sizeof *ms; m++)
        for (uint32_t n = 0; n < sizeof ns / sizeof *ns; n++)
            for (uint32_t k = 0; k < sizeof ks / sizeof *ks; k++)
                run_sums(&(product){.batch = 1, .m = ms[m], .k = ks[k], .n = ns[n]}, t, "tile", true, false);
}

static const struct layout_row {
    const char *name;
    product p;
} layout_rows[] = {
    {"empty_k", {2, 3, 0, 5, 0, 0, 0, 0}},
    {"empty_m", {1, 0, 4, 5, 0, 0, 0, 0}},
    {"empty_n", {1, 4, 4, 0, 0, 0, 0, 0}},
    {"empty_batch", {0, 4, 4, 3, 0, 0, 0, 0}},
    {"offset", {1, 17, 33, 9, CF_OFFSET, CF_OFFSET, CF_OFFSET, 0}},
    {"rank2", {1, 17, 33, 9, 0, 0, 0, 2}},
    {"rank2_transposed_a", {1, 17, 33, 9, CF_TRANSPOSED, 0, 0, 2}},
    {"rank2_transposed_b", {1, 17, 33, 9, 0, CF_TRANSPOSED, 0, 2}},
    {"rank2_transposed", {1, 17, 33, 40, CF_TRANSPOSED, CF_TRANSPOSED, 0, 2}},
    {"rank2_to_transposed", {1, 17, 33, 40, 0, 0, CF_TRANSPOSED, 2}},
    {"rank4", {5, 7, 13, 11, 0, 0, 0, 4}},
    {"rank8", {3, 7, 13, 11, 0, 0, 0, 8}},
    {"transposed", {5, 17, 29, 5, CF_TRANSPOSED, CF_TRANSPOSED, 0, 0}},
    {"to_transposed", {5, 9, 13, 7, 0, 0, CF_TRANSPOSED, 0}},
    {"sparse", {2, 9, 17, 33, CF_SPARSE, CF_SPARSE, 0, 0}},
    {"to_sparse", {2, 9, 17, 33, 0, 0, CF_SPARSE, 0}},
    {"reversed", {2, 9, 17, 33, CF_REVERSED, CF_REVERSED, 0, 0}},
    {"to_reversed", {2, 9, 17, 33, 0, 0, CF_REVERSED, 0}},
    {"padded", {2, 33, 65, 17, CF_PADDED, CF_PADDED, CF_PADDED, 0}},
    {"row_a", {4, 6, 31, 8, CF_ROW, 0, 0, 0}},
    {"row_b", {4, 6, 31, 8, 0, CF_ROW, 0, 0}},
    {"column_a", {4, 6, 31, 8, CF_COLUMN, 0, 0, 0}},
    {"column_b", {4, 6, 31, 8, 0, CF_COLUMN, 0, 0}},
    {"one", {3, 6, 31, 8, CF_ONE, CF_ONE, 0, 0}},
    {"shared_b", {4, 17, 31, 33, 0, CF_EVERY_OTHER, 0, 3}},
    {"row_vector", {3, 1, 67, 129, 0, 0, 0, 0}},
    {"column_vector", {1, 130, 66, 1, 0, 0, 0, 0}},
    {"batch", {33, 8, 16, 24, 0, 0, 0, 0}},
    {"square", {1, 129, 131, 127, 0, 0, 0, 0}},
};

/* Accumulators that the operator takes for these dtypes when none is asked for, and wider ones. */
static const struct accumulator {
    types t;
    tenon_dtype accumulator;
} accumulators[] = {
    {{TENON_DTYPE_F16, TENON_DTYPE_F16}, TENON_DTYPE_F32},   {{TENON_DTYPE_F16, TENON_DTYPE_F32}, TENON_DTYPE_F32},
    {{TENON_DTYPE_BF16, TENON_DTYPE_BF16}, TENON_DTYPE_F32}, {{TENON_DTYPE_BF16, TENON_DTYPE_F32}, TENON_DTYPE_F32},
    {{TENON_DTYPE_F32, TENON_DTYPE_F32}, TENON_DTYPE_F32},   {{TENON_DTYPE_F64, TENON_DTYPE_F64}, TENON_DTYPE_F64},
    {{TENON_DTYPE_I8, TENON_DTYPE_I32}, TENON_DTYPE_I32},    {{TENON_DTYPE_U8, TENON_DTYPE_I32}, TENON_DTYPE_I32},
    {{TENON_DTYPE_I16, TENON_DTYPE_I32}, TENON_DTYPE_I32},   {{TENON_DTYPE_I8, TENON_DTYPE_I8}, TENON_DTYPE_I32},
    {{TENON_DTYPE_I32, TENON_DTYPE_I32}, TENON_DTYPE_I32},   {{TENON_DTYPE_I64, TENON_DTYPE_I64}, TENON_DTYPE_I64},
};

static cf_row asking_row(const product *p, types t, int64_t asked[2]) {
    int64_t type;
    cf_row row = row_of(p, t, &type);
    asked[0] = t.to;
    row.attrs[0] = (tenon_attr){TENON_ATTR_DTYPE, 1, &asked[0]};
    row.attrs[1] = (tenon_attr){TENON_ATTR_ACCUMULATOR, 1, &asked[1]};
    row.attr_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        if (cf_is_float(t.from))
            cf_fill_with(&row.operands[i], next_positive, NULL);
        else
            cf_fill_mixed(&row.operands[i]);
    }
    return row;
}

static void run_accumulator(const product *p, const struct accumulator *a) {
    types t = a->t;
    int64_t asked[2] = {0, a->accumulator};
    if (!cf_begin("%s_%s.accumulator_%s.%lldx%lldx%lldx%lld", tenon_dtype_name(t.from), tenon_dtype_name(t.to),
                  tenon_dtype_name(a->accumulator), (long long)p->batch, (long long)p->m, (long long)p->k,
                  (long long)p->n))
        return;
    cf_row row = asking_row(p, t, asked);
    tenonh_array result = {0};
    if (cf_run_or_fail(&row, &result)) check_sums(p, &row, &result, false, CF_SIGNS_EQUAL);
    tenonh_array_free(&result);
    cf_free(&row);
}

/* Sums in what is no dtype, or no number, have no meaning. */
static void run_refused(types t, int64_t accumulator, const char *name) {
    int64_t asked[2] = {0, accumulator};
    if (!cf_begin("%s_%s.refuses_accumulator_%s", tenon_dtype_name(t.from), tenon_dtype_name(t.to), name)) return;
    cf_row row = asking_row(&(product){.batch = 1, .m = 3, .k = 17, .n = 5}, t, asked);
    tenonh_array result = {0};
    if (cf_applies(&row)) {
        tenon_status status = cf_run(&row, &result);
        if (status != TENON_STATUS_UNSUPPORTED && status != TENON_STATUS_INVALID)
            cf_fail("gives %s, not UNSUPPORTED or INVALID", tenon_status_name(status));
    }
    tenonh_array_free(&result);
    cf_free(&row);
}

static void run_accumulators(void) {
    static const int64_t depths[] = {7, 64, 257, 1025, 4099};
    for (uint32_t i = 0; i < sizeof accumulators / sizeof *accumulators; i++)
        for (uint32_t k = 0; k < sizeof depths / sizeof *depths; k++)
            run_accumulator(&(product){.batch = 1, .m = 5, .k = depths[k], .n = 9}, &accumulators[i]);
    const types reals = {TENON_DTYPE_F32, TENON_DTYPE_F32}, whole = {TENON_DTYPE_I32, TENON_DTYPE_I32};
    run_refused(reals, TENON_DTYPE_BOOL, "bool");
    run_refused(reals, TENON_DTYPE_COUNT, "unknown");
    run_refused(whole, -1, "negative");
}

/* Large on every side: what a device takes its kernels of whole tiles for, with an edge on each. */
static const product large = {.batch = 1, .m = 131, .k = 517, .n = 515};

/* Batches, rows and columns that 16 bits, or a few more than 8, do not count. */
static void run_many(void) {
    static const product products[] = {
        {.batch = 70001, .m = 1, .k = 2, .n = 3},
        {.batch = 300, .m = 3, .k = 5, .n = 2},
        {.batch = 1, .m = 70001, .k = 2, .n = 3},
        {.batch = 1, .m = 3, .k = 2, .n = 70001},
    };
    static const types some[] = {{TENON_DTYPE_F32, TENON_DTYPE_F32}, {TENON_DTYPE_I8, TENON_DTYPE_I32}};
    for (uint32_t i = 0; i < sizeof products / sizeof *products; i++)
        for (uint32_t k = 0; k < 2; k++) run_sums(&products[i], some[k], "many", true, false);
}

void cf_matmul_whole(void) {
    types t;
    for (uint32_t i = 0; types_at(i, &t); i++) {
        run_tiles(t);
        for (uint32_t r = 0; r < sizeof layout_rows / sizeof *layout_rows; r++)
            run_sums(&layout_rows[r].p, t, layout_rows[r].name, true, false);
        for (uint32_t k = 0; k < LENGTHS; k++) {
            run_sums(&(product){.batch = 1, .m = 3, .k = lengths[k], .n = 5}, t, "length", true, false);
            if (lengths[k] <= 4099)
                run_sums(&(product){.batch = 1, .m = 9, .k = lengths[k], .n = 17}, t, "positive", true, true);
        }
    }
    run_accumulators();
    run_many();
    run_sums(&large, (types){TENON_DTYPE_I32, TENON_DTYPE_I32}, "large", true, false);
}

/* Factors and products at the ends of the type's range. */
static void run_ends(types t) {
    static const product products[] = {
        {.batch = 1, .m = 3, .k = 1, .n = 5},    {.batch = 1, .m = 17, .k = 7, .n = 33},
        {.batch = 1, .m = 1, .k = 257, .n = 9},  {.batch = 1, .m = 17, .k = 64, .n = 33},
        {.batch = 1, .m = 3, .k = 1025, .n = 5}, {.batch = 1, .m = 3, .k = 4097, .n = 5},
    };
    bool reaches = t.from == t.to || t.from == TENON_DTYPE_BF16;
    for (uint32_t i = 0; i < sizeof products / sizeof *products; i++)
        for (uint32_t mode = SUBNORMAL_B; mode <= LOW_NORMAL; mode++)
            if (mode >= LARGEST || mode == SUBNORMAL_B || reaches) run_one_hot(&products[i], t, mode);
}

void cf_matmul_one_hot(void) {
    static const tenon_dtype floats[] = {TENON_DTYPE_F64, TENON_DTYPE_F32, TENON_DTYPE_F16, TENON_DTYPE_BF16};
    for (uint32_t i = 0; i < 6; i++) {
        types t = i < 4 ? (types){floats[i], floats[i]} : (types){floats[i - 2], TENON_DTYPE_F32};
        for (uint32_t k = 0; k < LENGTHS; k++) {
            run_one_hot(&(product){.batch = 1, .m = 3, .k = lengths[k], .n = 5}, t, FULL);
            run_one_hot(&(product){.batch = 1, .m = 3, .k = lengths[k], .n = 5}, t, WIDE);
            run_one_hot(&(product){.batch = 1, .m = 3, .k = lengths[k], .n = 5}, t, SUBNORMAL);
            if (lengths[k] <= 1025)
                run_one_hot(&(product){.batch = 1, .m = 33, .k = lengths[k], .n = 65}, t, SUBNORMAL);
            run_one_hot(&(product){.batch = 1, .m = 1, .k = lengths[k], .n = 9}, t, FULL);
            if (lengths[k] <= 4099) run_one_hot(&(product){.batch = 1, .m = 33, .k = lengths[k], .n = 65}, t, FULL);
            if (lengths[k] <= 1025) run_one_hot(&(product){.batch = 2, .m = 129, .k = lengths[k], .n = 67}, t, WIDE);
        }
        run_one_hot(&(product){.batch = 1, .m = 17, .k = 65536, .n = 33}, t, FULL);
        run_ends(t);
    }
}

void cf_matmul_random(void) {
    types t;
    for (uint32_t i = 0; types_at(i, &t); i++) {
        if (!cf_is_float(t.from)) continue;
        if (t.from == t.to) run_sums(&large, t, "large", false, false);
        for (uint32_t k = 0; k < LENGTHS; k++) {
            run_sums(&(product){.batch = 1, .m = 5, .k = lengths[k], .n = 7}, t, "length", false, false);
            if (k % 3 == 1)
                run_sums(&(product){.batch = 1, .m = 5, .k = lengths[k], .n = 7}, t, "positive", false, true);
            if (lengths[k] <= 1025)
                run_sums(&(product){.batch = 1, .m = 33, .k = lengths[k], .n = 33}, t, "tile", false, false);
        }
        for (uint32_t r = 0; r < sizeof layout_rows / sizeof *layout_rows; r++)
            run_sums(&layout_rows[r].p, t, layout_rows[r].name, false, false);
        for (uint32_t k = 3; k < LENGTHS && lengths[k] <= 4099; k++) {
            run_not_finite(&(product){.batch = 1, .m = 5, .k = lengths[k], .n = 7}, t);
            if (lengths[k] <= 257) run_not_finite(&(product){.batch = 1, .m = 65, .k = lengths[k], .n = 33}, t);
        }
    }
}
