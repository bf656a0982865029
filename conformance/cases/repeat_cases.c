/* REQ-OP-08, REQ-WORK-03: the same work again. What it kills: results that depend on which thread was first, or on what
 * ran before; on another stream at the same time; answers kept from the last launch of an exec, of an address, or of a
 * shape; answers known beforehand for numbers that a suite is seen to use. */
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/run.h"

/* An operator with operands that are filled anew for each run. */
typedef struct sample {
    const char *name;
    tenon_op op;
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[3];    /* of operand 0 */
    int64_t other[3];   /* of operand 1, where it differs */
    int64_t results[3]; /* where they differ */
    uint32_t result_rank;
    int64_t axis; /* -1: no attribute */
} sample;

static const sample samples[] = {
    {"add", TENON_OP_ADD, TENON_DTYPE_F32, 2, {257, 129}, {0}, {0}, 2, -1},
    {"exp2", TENON_OP_EXP2, TENON_DTYPE_F32, 1, {4099}, {0}, {0}, 1, -1},
    {"mul_small", TENON_OP_MUL, TENON_DTYPE_I32, 1, {17}, {0}, {0}, 1, -1},
    {"lt", TENON_OP_LT, TENON_DTYPE_F16, 1, {257}, {0}, {0}, 1, -1},
    {"copy", TENON_OP_COPY, TENON_DTYPE_I64, 2, {33, 65}, {0}, {0}, 2, -1},
    {"sum", TENON_OP_SUM, TENON_DTYPE_F32, 1, {65537}, {0}, {0}, 0, 0},
    {"sum_rows", TENON_OP_SUM, TENON_DTYPE_F32, 2, {33, 1025}, {0}, {33}, 1, 1},
    {"sum_first", TENON_OP_SUM, TENON_DTYPE_F32, 2, {1025, 33}, {0}, {33}, 1, 0},
    {"sum_f16", TENON_OP_SUM, TENON_DTYPE_F16, 2, {17, 4099}, {0}, {17}, 1, 1},
    {"prod", TENON_OP_PROD, TENON_DTYPE_F64, 1, {4099}, {0}, {0}, 0, 0},
    {"matmul", TENON_OP_MATMUL, TENON_DTYPE_F32, 2, {65, 257}, {257, 67}, {65, 67}, 2, -1},
    {"matmul_long", TENON_OP_MATMUL, TENON_DTYPE_F32, 2, {3, 8193}, {8193, 5}, {3, 5}, 2, -1},
    {"matmul_vector", TENON_OP_MATMUL, TENON_DTYPE_F32, 2, {1, 1025}, {1025, 129}, {1, 129}, 2, -1},
    {"matmul_bf16", TENON_OP_MATMUL, TENON_DTYPE_BF16, 2, {33, 511}, {511, 17}, {33, 17}, 2, -1},
    {"gather", TENON_OP_GATHER, TENON_DTYPE_F32, 2, {65, 33}, {129}, {129, 33}, 2, 0},
    {"scan", TENON_OP_SCAN, TENON_DTYPE_F32, 1, {4099}, {0}, {4099}, 1, 0},
    {"sort", TENON_OP_SORT, TENON_DTYPE_F32, 1, {1025}, {0}, {1025}, 1, 0},
};
enum { SAMPLES = sizeof samples / sizeof *samples, RUNS = 3, STREAMS = 4 };

/* Attributes that a sample's row points to. */
typedef struct sample_row {
    cf_row row;
    int64_t axis, combine;
} sample_row;

static void fill_operands(const sample *s, cf_row *row) {
    for (uint32_t k = 0; k < row->operand_count; k++) {
        free(row->operands[k].bytes);
        if (s->op == TENON_OP_GATHER && k == 1)
            cf_fill_range(&row->operands[k], 0, s->dims[0] - 1);
        else if (s->op == TENON_OP_MUL) /* a factor of 0 would hide the other */
            cf_fill_range(&row->operands[k], 1, 8);
        else
            cf_fill_small(&row->operands[k]);
    }
}

static void make_row(const sample *s, sample_row *out) {
    const tenon_op_row *op = tenon_op_row_of(s->op);
    bool axes = s->op == TENON_OP_SUM || s->op == TENON_OP_PROD;
    *out = (sample_row){.axis = s->axis, .combine = TENON_COMBINE_ADD};
    cf_row *row = &out->row;
    row->op = s->op;
    row->operand_count = op->input_count;
    row->result_count = op->output_count;
    for (uint32_t k = 0; k < op->input_count; k++) {
        bool index = s->op == TENON_OP_GATHER && k == 1;
        row->operands[k] =
            (cf_operand){.dtype = index ? (tenon_dtype)TENON_DTYPE_I64 : s->dtype, .rank = index ? 1 : s->rank};
        memcpy(row->operands[k].dims, k == 1 && s->other[0] ? s->other : s->dims, sizeof s->dims);
    }
    for (uint32_t k = 0; k < op->output_count; k++) {
        bool is_bool = op->result == TENON_RESULT_BOOL;
        tenon_dtype dtype = k ? (tenon_dtype)TENON_DTYPE_I64 : is_bool ? (tenon_dtype)TENON_DTYPE_BOOL : s->dtype;
        row->results[k] = (cf_operand){.dtype = dtype, .rank = s->result_rank};
        memcpy(row->results[k].dims, s->results[0] ? s->results : s->dims, sizeof s->dims);
    }
    if (s->axis >= 0)
        row->attrs[row->attr_count++] = (tenon_attr){axes ? TENON_ATTR_AXES : TENON_ATTR_AXIS, 1, &out->axis};
    if (s->op == TENON_OP_SCAN) row->attrs[row->attr_count++] = (tenon_attr){TENON_ATTR_COMBINE, 1, &out->combine};
    fill_operands(s, row);
}

static bool check(tenon_status status) {
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static void free_all(tenonh_array *arrays, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) tenonh_array_free(&arrays[i]);
}

static bool are_equal(const tenonh_array *a, const tenonh_array *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (a[i].size != b[i].size || (a[i].size && memcmp(a[i].data, b[i].data, a[i].size) != 0)) return false;
    return true;
}

/* Runs what is bound and takes its results. */
static bool run_bound(cf_bound *bound, tenonh_array *results) {
    if (!check(cf_bound_refill(bound)) || !check(cf_bound_enqueue(bound, cf_under_test.stream))) return false;
    if (!check(tenonh_stream_synchronize(cf_under_test.stream))) return false;
    return check(cf_bound_results(bound, results));
}

/* -- The same bits from run to run -- */

static void run_again(const sample *s) {
    sample_row made;
    cf_bound bound;
    tenonh_array first[CF_MAX_RESULTS] = {0}, next[CF_MAX_RESULTS] = {0};
    make_row(s, &made);
    if (cf_applies(&made.row)) {
        bool runs = check(cf_bind(&bound, &made.row)) && run_bound(&bound, first);
        for (uint32_t i = 1; runs && i < RUNS; i++) {
            runs = run_bound(&bound, next);
            if (runs && !are_equal(first, next, made.row.result_count))
                cf_fail("run %u gives other bits than the first", i + 1);
            free_all(next, CF_MAX_RESULTS);
        }
        cf_unbind(&bound);
    }
    free_all(first, CF_MAX_RESULTS);
    cf_free(&made.row);
}

void cf_repeat_runs(void) {
    for (uint32_t i = 0; i < SAMPLES; i++)
        if (cf_begin("%s", samples[i].name)) run_again(&samples[i]);
}

/* -- On several streams at once -- */

typedef struct crowd {
    tenonh_stream *streams[STREAMS];
    cf_bound bounds[STREAMS];
    tenonh_array results[STREAMS][CF_MAX_RESULTS];
} crowd;

static bool run_crowd(const cf_row *row, crowd *c) {
    bool runs = true;
    for (uint32_t i = 0; runs && i < STREAMS; i++) {
        tenon_status status = tenonh_stream_create(cf_under_test.device, &c->streams[i]);
        bool few = status == TENON_STATUS_OUT_OF_MEMORY && i && tenonh_device_info(cf_under_test.device)->max_streams;
        if (few) c->streams[i] = tenonh_stream_retain(c->streams[0]);
        runs = (few || check(status)) && check(cf_bind(&c->bounds[i], row));
    }
    for (uint32_t turn = 0; turn < RUNS; turn++)
        for (uint32_t i = 0; runs && i < STREAMS; i++) runs = check(cf_bound_enqueue(&c->bounds[i], c->streams[i]));
    for (uint32_t i = 0; i < STREAMS; i++)
        if (c->streams[i] && !check(tenonh_stream_synchronize(c->streams[i]))) runs = false;
    for (uint32_t i = 0; runs && i < STREAMS; i++) runs = check(cf_bound_results(&c->bounds[i], c->results[i]));
    return runs;
}

static void run_on_streams(const sample *s) {
    sample_row made;
    if (tenonh_device_info(cf_under_test.device)->max_streams == 1) {
        cf_not_applicable("max_streams is 1");
        return;
    }
    crowd *c = calloc(1, sizeof *c);
    make_row(s, &made);
    if (cf_applies(&made.row) && run_crowd(&made.row, c))
        for (uint32_t i = 1; i < STREAMS; i++)
            if (!are_equal(c->results[0], c->results[i], made.row.result_count))
                cf_fail("stream %u gives other bits than the first", i + 1);
    for (uint32_t i = 0; i < STREAMS; i++) {
        cf_unbind(&c->bounds[i]);
        tenonh_stream_release(c->streams[i]);
        free_all(c->results[i], CF_MAX_RESULTS);
    }
    free(c);
    cf_free(&made.row);
}

void cf_repeat_streams(void) {
    for (uint32_t i = 0; i < SAMPLES; i++)
        if (cf_begin("%s", samples[i].name)) run_on_streams(&samples[i]);
}

/* -- Other operands at the same addresses, by the same exec -- */

/* What fresh memory and a fresh launch give for the row's operands. */
static bool run_fresh(const cf_row *row, tenonh_array *results) {
    return cf_run_or_fail(row, results);
}

static void run_changed(const sample *s) {
    sample_row made;
    cf_bound bound;
    tenonh_array before[CF_MAX_RESULTS] = {0}, after[CF_MAX_RESULTS] = {0}, fresh[CF_MAX_RESULTS] = {0};
    make_row(s, &made);
    if (cf_applies(&made.row)) {
        bool runs = check(cf_bind(&bound, &made.row)) && run_bound(&bound, before);
        if (runs) fill_operands(s, &made.row);
        runs = runs && run_bound(&bound, after) && run_fresh(&made.row, fresh);
        if (runs && are_equal(before, after, made.row.result_count)) cf_fail("other operands give the same results");
        if (runs && !are_equal(after, fresh, made.row.result_count))
            cf_fail("the results are not those of the operands that were written last");
        cf_unbind(&bound);
    }
    free_all(before, CF_MAX_RESULTS), free_all(after, CF_MAX_RESULTS), free_all(fresh, CF_MAX_RESULTS);
    cf_free(&made.row);
}

void cf_repeat_changed(void) {
    for (uint32_t i = 0; i < SAMPLES; i++)
        if (cf_begin("%s", samples[i].name)) run_changed(&samples[i]);
}

/* -- One element changed: everything else of the operands is as before -- */

static void run_touched(const sample *s, uint32_t operand) {
    sample_row made;
    cf_bound bound;
    tenonh_array before[CF_MAX_RESULTS] = {0}, after[CF_MAX_RESULTS] = {0};
    make_row(s, &made);
    cf_operand *x = &made.row.operands[operand];
    if (cf_applies(&made.row)) {
        bool runs = check(cf_bind(&bound, &made.row)) && run_bound(&bound, before);
        int64_t last = cf_count(x->rank, x->dims) - 1;
        cf_number n = cf_load(x->dtype, x->bytes, last);
        cf_store(x->dtype, x->bytes, last, (cf_number){.f = n.f + 2.5L, .i = n.i ? n.i - 1 : 1});
        runs = runs && run_bound(&bound, after);
        if (runs && are_equal(before, after, made.row.result_count))
            cf_fail("a change of the last element of operand %u changes no result", operand);
        cf_unbind(&bound);
    }
    free_all(before, CF_MAX_RESULTS), free_all(after, CF_MAX_RESULTS);
    cf_free(&made.row);
}

void cf_repeat_touched(void) {
    for (uint32_t i = 0; i < SAMPLES; i++) {
        bool tells = samples[i].op != TENON_OP_LT && samples[i].op != TENON_OP_GATHER && samples[i].op != TENON_OP_PROD;
        for (uint32_t k = 0; tells && k < tenon_op_row_of(samples[i].op)->input_count; k++)
            if (cf_begin("%s.operand%u", samples[i].name, k)) run_touched(&samples[i], k);
    }
}
