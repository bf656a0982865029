/* Matrix products: tiles of the result stay in the workspace while stretches of the factors, packed, pass through the
 * core's memory. Terms of a stretch are summed before they join the tile. */
#include "dsp.h"

#include <string.h>

enum { BLOCK_ROWS = 4, BLOCK_COLUMNS = 8 };

typedef float vector __attribute__((vector_size(16), aligned(4), may_alias));

/* One product of a batch, and where its tile lies. */
typedef struct product {
    dsp_local *local;
    const dsp_operand *a, *b, *y; /* of the whole batch */
    tenon_dtype accumulator;
    int64_t m, n, k;
    int64_t from_a, from_b, from_y; /* elements */
    int64_t row, column, rows, columns;
    float *tile; /* DSP_ROWS rows of DSP_COLUMNS */
} product;

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static const dsp_lanes *load(const product *p, const dsp_operand *x, int64_t from, int64_t count) {
    dsp_lanes *lanes = &p->local->in[0];
    dsp_load(lanes, x->dtype, x->bytes + from * x->size, 1, count);
    dsp_convert(lanes, x->dtype, p->accumulator, false, count);
    return lanes;
}

/* -- Floats ------------------------------------------------------------------------------------------------------- */

static const float zeros[DSP_DEPTH];

/* Rows in blocks, a block's rows side by side; the last one filled up with zeros. */
static void pack_rows(const product *p, int64_t depth, int64_t count) {
    int64_t whole = (p->rows + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS;
    for (int64_t i = 0; i < whole; i++) {
        float *to = p->local->rows + i / BLOCK_ROWS * BLOCK_ROWS * count + i % BLOCK_ROWS;
        const float *x = i < p->rows ? load(p, p->a, p->from_a + (p->row + i) * p->k + depth, count)->f : zeros;
        for (int64_t k = 0; k < count; k++) to[k * BLOCK_ROWS] = x[k];
    }
}

static void pack_columns(const product *p, int64_t depth, int64_t count) {
    int64_t blocks = (p->columns + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
    for (int64_t k = 0; k < count; k++) {
        const dsp_lanes *x = load(p, p->b, p->from_b + (depth + k) * p->n + p->column, p->columns);
        for (int64_t block = 0; block < blocks; block++) {
            int64_t there = least(BLOCK_COLUMNS, p->columns - block * BLOCK_COLUMNS);
            float *to = p->local->columns + (block * count + k) * BLOCK_COLUMNS;
            memcpy(to, x->f + block * BLOCK_COLUMNS, (size_t)there * sizeof *to);
            for (int64_t j = there; j < BLOCK_COLUMNS; j++) to[j] = 0;
        }
    }
}

/* Adds the product of a block of rows and one of columns to the tile. */
static void add_block(const float *rows, const float *columns, int64_t count, float *tile) {
    vector sums[BLOCK_ROWS][2] = {{{0}}};
    for (int64_t k = 0; k < count; k++) {
        const vector *b = (const vector *)(const void *)(columns + k * BLOCK_COLUMNS);
        for (int i = 0; i < BLOCK_ROWS; i++) {
            float a = rows[k * BLOCK_ROWS + i];
            sums[i][0] += a * b[0];
            sums[i][1] += a * b[1];
        }
    }
    for (int i = 0; i < BLOCK_ROWS; i++) {
        vector *to = (vector *)(void *)(tile + (int64_t)i * DSP_COLUMNS);
        to[0] += sums[i][0];
        to[1] += sums[i][1];
    }
}

static void add_stretch(const product *p, int64_t count) {
    for (int64_t j = 0; j < p->columns; j += BLOCK_COLUMNS)
        for (int64_t i = 0; i < p->rows; i += BLOCK_ROWS)
            add_block(p->local->rows + i * count, p->local->columns + j * count, count, p->tile + i * DSP_COLUMNS + j);
}

static void store_row(const product *p, dsp_lanes *lanes, int64_t row) {
    dsp_convert(lanes, p->accumulator, p->y->dtype, false, p->columns);
    dsp_store(lanes, p->y->dtype, p->y->bytes + (p->from_y + row * p->n + p->column) * p->y->size, p->columns);
}

static void float_tile(const product *p) {
    memset(p->tile, 0, sizeof(float) * DSP_ROWS * DSP_COLUMNS);
    for (int64_t depth = 0; depth < p->k; depth += DSP_DEPTH) {
        int64_t count = least(DSP_DEPTH, p->k - depth);
        pack_rows(p, depth, count);
        pack_columns(p, depth, count);
        add_stretch(p, count);
    }
    for (int64_t i = 0; i < p->rows; i++) {
        memcpy(p->local->out.f, p->tile + i * DSP_COLUMNS, (size_t)p->columns * sizeof(float));
        store_row(p, &p->local->out, p->row + i);
    }
}

/* -- Integers: modulo 2^64, cut to the accumulator's width at the end ----------------------------------------------- */

static void integer_row(const product *p, int64_t row) {
    dsp_lanes *sums = &p->local->out;
    memset(sums->i, 0, (size_t)p->columns * sizeof *sums->i);
    for (int64_t k = 0; k < p->k; k++) {
        uint64_t a = (uint64_t)load(p, p->a, p->from_a + row * p->k + k, 1)->i[0];
        const dsp_lanes *b = load(p, p->b, p->from_b + k * p->n + p->column, p->columns);
        for (int64_t j = 0; j < p->columns; j++) sums->i[j] = (int64_t)((uint64_t)sums->i[j] + a * (uint64_t)b->i[j]);
    }
    for (int64_t j = 0; j < p->columns; j++) sums->i[j] = dsp_narrow(p->accumulator, sums->i[j]);
    store_row(p, sums, row);
}

static void integer_tile(const product *p) {
    for (int64_t i = 0; i < p->rows; i++) integer_row(p, p->row + i);
}

/* -- All of it ---------------------------------------------------------------------------------------------------- */

static void multiply(product *p) {
    for (p->row = 0; p->row < p->m; p->row += DSP_ROWS)
        for (p->column = 0; p->column < p->n; p->column += DSP_COLUMNS) {
            p->rows = least(DSP_ROWS, p->m - p->row);
            p->columns = least(DSP_COLUMNS, p->n - p->column);
            if (dsp_is_float(p->accumulator))
                float_tile(p);
            else
                integer_tile(p);
        }
}

tenon_status dsp_run_contract(dsp_local *local, const dsp_call *call) {
    const dsp_operand *a = &call->operands[0], *b = &call->operands[1], *y = &call->operands[2];
    product p = {.local = local, .a = a, .b = b, .y = y, .tile = call->workspace};
    p.accumulator = call->exec->accumulator;
    p.m = y->dims[y->rank - 2];
    p.n = y->dims[y->rank - 1];
    p.k = a->dims[a->rank - 1];
    int64_t batches = dsp_span(y->dims, 0, y->rank - 2);
    for (int64_t i = 0; i < batches; i++) {
        multiply(&p);
        p.from_a += p.m * p.k;
        p.from_b += p.k * p.n;
        p.from_y += p.m * p.n;
    }
    return TENON_STATUS_OK;
}
