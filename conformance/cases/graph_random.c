#include "cases/graph_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/launch.h"

enum { MOST_ELEMENTS = 4096, MOST_DIM = 20, TRIES = 400 };

static uint32_t below(uint32_t limit) {
    return (uint32_t)(cf_random() % limit);
}

/* The largest magnitude up to which a float dtype has every whole number, and up to which sums are kept. */
static long double limit_of(tenon_dtype dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64: return 0x1p50L;
    case TENON_DTYPE_F32: return 0x1p24L;
    case TENON_DTYPE_F16: return 0x1p11L;
    default: return 0x1p8L;
    }
}

static const cf_operand *operand(const cf_graph *g, uint32_t value) {
    return &g->values[value].operand;
}

static bool is_number(tenon_dtype dtype) {
    return dtype != TENON_DTYPE_BOOL;
}

static long double largest(const cf_operand *x) {
    long double most = 0;
    for (int64_t i = 0; i < cf_count(x->rank, x->dims) && cf_is_float(x->dtype); i++) {
        long double size = fabsl(cf_load(x->dtype, x->bytes, i).f);
        if (size > most) most = size;
    }
    return most;
}

/* -- Values ----------------------------------------------------------------------------------------------------------- */

static tenon_dtype any_dtype(void) {
    static const tenon_dtype dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_F32, TENON_DTYPE_F32,  TENON_DTYPE_F32,
                                         TENON_DTYPE_F64, TENON_DTYPE_F16, TENON_DTYPE_BF16, TENON_DTYPE_I32,
                                         TENON_DTYPE_I64, TENON_DTYPE_I8,  TENON_DTYPE_I16,  TENON_DTYPE_U8,
                                         TENON_DTYPE_U16, TENON_DTYPE_U32, TENON_DTYPE_U64,  TENON_DTYPE_BOOL};
    tenon_dtype dtype = dtypes[below(sizeof dtypes / sizeof *dtypes)];
    return cf_declares(dtype) ? dtype : (tenon_dtype)TENON_DTYPE_F32;
}

static void fill(cf_operand *x) {
    if (cf_is_float(x->dtype))
        cf_fill_range(x, -4, 4);
    else if (x->dtype == TENON_DTYPE_BOOL || below(3))
        cf_fill_small(x);
    else
        cf_fill_mixed(x);
}

static uint32_t add_source(cf_graph *g, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    uint32_t value = below(3) ? cf_graph_input(g, dtype, rank, dims) : cf_graph_constant(g, dtype, rank, dims);
    fill(&g->values[value].operand);
    return value;
}

static int64_t any_dim(void) {
    static const int64_t dims[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17};
    return dims[below(sizeof dims / sizeof *dims)];
}

static uint32_t add_any(cf_graph *g) {
    int64_t dims[TENON_MAX_RANK], count = 1;
    uint32_t rank = below(5), kept = 0;
    for (uint32_t i = 0; i < rank; i++) {
        int64_t dim = any_dim();
        if (count * dim > MOST_ELEMENTS / 4) break;
        dims[kept++] = dim;
        count *= dim;
    }
    return add_source(g, any_dtype(), kept, dims);
}

/* A value, most often one of the last. */
static uint32_t pick(const cf_graph *g) {
    uint32_t near = g->value_count < 5 ? g->value_count : 5;
    return below(3) ? g->value_count - 1 - below(near) : below(g->value_count);
}

/* A value of the type of `x`: another one where there is one, else a source, often one that is repeated along axes. */
static uint32_t partner(cf_graph *g, uint32_t x, tenon_dtype dtype) {
    const cf_operand like = *operand(g, x);
    uint32_t start = below(g->value_count);
    for (uint32_t i = 0; i < g->value_count && below(4); i++) {
        const cf_operand *y = operand(g, (start + i) % g->value_count);
        if (y->dtype == dtype && y->rank == like.rank && memcmp(y->dims, like.dims, like.rank * sizeof *y->dims) == 0)
            return (start + i) % g->value_count;
    }
    int64_t dims[TENON_MAX_RANK];
    uint32_t dropped = below(like.rank + 1);
    bool repeats = dropped > 0;
    for (uint32_t i = dropped; i < like.rank; i++) {
        dims[i - dropped] = below(3) ? like.dims[i] : 1;
        repeats = repeats || dims[i - dropped] != like.dims[i];
    }
    uint32_t source = add_source(g, dtype, like.rank - dropped, dims);
    if (!repeats) return source;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_EXPAND, &source, 1);
    cf_graph_attr(node, TENON_ATTR_DIMS, like.rank, like.dims);
    uint32_t value = cf_graph_output(g, node, dtype, like.rank, like.dims);
    return cf_graph_end(g, node) == TENON_STATUS_OK ? value : source;
}

/* -- Nodes: each adds one, or nothing; false when it does not fit what was picked ------------------------------------- */

/* Evaluates the node, and keeps it if its numbers are exact. */
static bool keep(cf_graph *g, cf_graph_node *node) {
    bool good = cf_graph_end(g, node) == TENON_STATUS_OK;
    for (uint32_t k = 0; k < node->output_count && good; k++) {
        const cf_operand *y = operand(g, node->outputs[k]);
        for (int64_t i = 0; i < cf_count(y->rank, y->dims) && good && cf_is_float(y->dtype); i++) {
            long double x = cf_load(y->dtype, y->bytes, i).f;
            good = fabsl(x) <= limit_of(y->dtype) && x == rintl(x) && !(x == 0 && signbit(x));
        }
    }
    if (!good) cf_graph_undo(g);
    return good;
}

static bool keep_like(cf_graph *g, cf_graph_node *node, tenon_dtype dtype, const cf_operand *x) {
    cf_graph_output(g, node, dtype, x->rank, x->dims);
    return keep(g, node);
}

static bool unary(cf_graph *g) {
    static const tenon_op ops[] = {TENON_OP_NEG, TENON_OP_ABS, TENON_OP_FLOOR, TENON_OP_TRUNC, TENON_OP_RINT};
    uint32_t x = pick(g), floats = cf_is_float(operand(g, x)->dtype);
    if (!is_number(operand(g, x)->dtype)) return false;
    return keep_like(g, cf_graph_begin(g, ops[below(floats ? 5 : 2)], &x, 1), operand(g, x)->dtype, operand(g, x));
}

static bool binary(cf_graph *g) {
    static const tenon_op common[] = {TENON_OP_MAX, TENON_OP_MIN, TENON_OP_LT, TENON_OP_EQ},
                          numbers[] = {TENON_OP_ADD, TENON_OP_SUB, TENON_OP_MUL, TENON_OP_REM},
                          whole[] = {TENON_OP_DIV, TENON_OP_SHL, TENON_OP_SHR},
                          bits[] = {TENON_OP_AND, TENON_OP_OR, TENON_OP_XOR};
    uint32_t x = pick(g), in[2] = {x, partner(g, x, operand(g, x)->dtype)}, kind = below(8);
    tenon_dtype dtype = operand(g, x)->dtype;
    tenon_op op = common[below(4)];
    if (is_number(dtype) && kind > 2) op = numbers[below(4)];
    if (is_number(dtype) && !cf_is_float(dtype) && kind > 5) op = whole[below(3)];
    if (!cf_is_float(dtype) && kind == 2) op = bits[below(3)];
    if (below(2)) in[0] = in[1], in[1] = x;
    bool compares = op == TENON_OP_LT || op == TENON_OP_EQ;
    return keep_like(g, cf_graph_begin(g, op, in, 2), compares ? (tenon_dtype)TENON_DTYPE_BOOL : dtype, operand(g, x));
}

static bool choice(cf_graph *g) {
    uint32_t x = pick(g);
    tenon_dtype dtype = operand(g, x)->dtype;
    uint32_t in[3] = {partner(g, x, TENON_DTYPE_BOOL), x, partner(g, x, dtype)};
    return keep_like(g, cf_graph_begin(g, TENON_OP_WHERE, in, 3), dtype, operand(g, x));
}

static bool cast(cf_graph *g) {
    uint32_t x = pick(g);
    tenon_dtype to = any_dtype();
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_CAST, &x, 1);
    cf_graph_attr(node, TENON_ATTR_DTYPE, 1, (int64_t[]){to});
    return keep_like(g, node, to, operand(g, x));
}

/* Dims of `x` without some of its axes. */
static uint32_t without(const cf_operand *x, uint32_t axes, int64_t *dims) {
    uint32_t rank = 0;
    for (uint32_t i = 0; i < x->rank; i++)
        if (!(axes >> i & 1)) dims[rank++] = x->dims[i];
    return rank;
}

static bool reduction(cf_graph *g) {
    static const tenon_op ops[] = {TENON_OP_SUM, TENON_OP_SUM, TENON_OP_RMAX, TENON_OP_RMIN, TENON_OP_PROD};
    uint32_t x = pick(g), axes = below(1u << operand(g, x)->rank), count = 0;
    const cf_operand from = *operand(g, x);
    tenon_op op = ops[is_number(from.dtype) ? below(5) : 2 + below(2)];
    int64_t list[TENON_MAX_RANK], dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < from.rank; i++)
        if (axes >> i & 1) list[count++] = i;
    if (op == TENON_OP_PROD && cf_is_float(from.dtype)) return false;
    if (largest(&from) * (long double)cf_count(from.rank, from.dims) > limit_of(from.dtype)) return false;
    cf_graph_node *node = cf_graph_begin(g, op, &x, 1);
    cf_graph_attr(node, TENON_ATTR_AXES, count, list);
    cf_graph_output(g, node, from.dtype, without(&from, axes, dims), dims);
    return keep(g, node);
}

static bool position(cf_graph *g) {
    uint32_t x = pick(g), axis;
    const cf_operand from = *operand(g, x);
    int64_t dims[TENON_MAX_RANK];
    if (from.rank == 0 || from.dims[axis = below(from.rank)] == 0) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_ARGMAX, &x, 1);
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){axis});
    cf_graph_output(g, node, TENON_DTYPE_I64, without(&from, 1u << axis, dims), dims);
    return keep(g, node);
}

static bool reshape(cf_graph *g) {
    uint32_t x = pick(g), rank = 0;
    int64_t rest = cf_count(operand(g, x)->rank, operand(g, x)->dims), dims[TENON_MAX_RANK];
    if (rest == 0) return false;
    while (rank < 4 && below(4)) {
        int64_t dim = 1 + below(MOST_DIM);
        if (rest % dim) continue;
        dims[rank++] = dim;
        rest /= dim;
    }
    dims[rank++] = rest;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_RESHAPE, &x, 1);
    cf_graph_attr(node, TENON_ATTR_DIMS, rank, dims);
    cf_graph_output(g, node, operand(g, x)->dtype, rank, dims);
    return keep(g, node);
}

static bool permute(cf_graph *g) {
    uint32_t x = pick(g);
    const cf_operand from = *operand(g, x);
    int64_t perm[TENON_MAX_RANK] = {0}, dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < from.rank; i++) {
        uint32_t k = below(i + 1);
        perm[i] = perm[k];
        perm[k] = i;
    }
    for (uint32_t i = 0; i < from.rank; i++) dims[i] = from.dims[perm[i]];
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_PERMUTE, &x, 1);
    cf_graph_attr(node, TENON_ATTR_PERM, from.rank, perm);
    cf_graph_output(g, node, from.dtype, from.rank, dims);
    return keep(g, node);
}

static bool slice(cf_graph *g) {
    uint32_t x = pick(g);
    const cf_operand from = *operand(g, x);
    int64_t starts[TENON_MAX_RANK], steps[TENON_MAX_RANK], dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < from.rank; i++) {
        int64_t n = from.dims[i] ? from.dims[i] : 1, step = 1 + below(3);
        int64_t start = below((uint32_t)n), most = (n - 1 - start) / step + 1;
        if (below(3) == 0) most = start / step + 1, step = -step;
        starts[i] = start;
        steps[i] = step;
        dims[i] = from.dims[i] ? most - (below(3) ? 0 : below((uint32_t)most)) : 0;
    }
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_SLICE, &x, 1);
    cf_graph_attr(node, TENON_ATTR_STARTS, from.rank, starts);
    cf_graph_attr(node, TENON_ATTR_STEPS, from.rank, steps);
    cf_graph_attr(node, TENON_ATTR_DIMS, from.rank, dims);
    cf_graph_output(g, node, from.dtype, from.rank, dims);
    return keep(g, node);
}

static bool expand(cf_graph *g) {
    uint32_t x = pick(g), added = below(2);
    const cf_operand from = *operand(g, x);
    int64_t dims[TENON_MAX_RANK] = {2 + below(3)}, count = 1;
    for (uint32_t i = 0; i < from.rank && from.rank + added <= TENON_MAX_RANK; i++)
        dims[added + i] = from.dims[i] == 1 && below(2) ? any_dim() : from.dims[i];
    for (uint32_t i = 0; i < from.rank + added && from.rank + added <= TENON_MAX_RANK; i++) count *= dims[i];
    if (from.rank + added > 6 || count > MOST_ELEMENTS) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_EXPAND, &x, 1);
    cf_graph_attr(node, TENON_ATTR_DIMS, from.rank + added, dims);
    cf_graph_output(g, node, from.dtype, from.rank + added, dims);
    return keep(g, node);
}

static bool window(cf_graph *g) {
    uint32_t x = pick(g), axis;
    const cf_operand from = *operand(g, x);
    int64_t dims[TENON_MAX_RANK], size = 2 + below(2), step = 1 + below(2), dilation = 1 + below(2);
    if (from.rank == 0 || from.rank > 5 || from.dims[axis = below(from.rank)] <= dilation * (size - 1)) return false;
    memcpy(dims, from.dims, sizeof dims);
    dims[axis] = (from.dims[axis] - dilation * (size - 1) - 1) / step + 1;
    dims[from.rank] = size;
    if (cf_count(from.rank + 1, dims) > MOST_ELEMENTS) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_WINDOW, &x, 1);
    cf_graph_attr(node, TENON_ATTR_AXES, 1, (int64_t[]){axis});
    cf_graph_attr(node, TENON_ATTR_SIZES, 1, &size);
    cf_graph_attr(node, TENON_ATTR_STEPS, 1, &step);
    cf_graph_attr(node, TENON_ATTR_DILATIONS, 1, &dilation);
    cf_graph_output(g, node, from.dtype, from.rank + 1, dims);
    return keep(g, node);
}

static bool pad(cf_graph *g) {
    uint32_t x = pick(g);
    const cf_operand from = *operand(g, x);
    int64_t low[TENON_MAX_RANK], dims[TENON_MAX_RANK], bits = 0;
    for (uint32_t i = 0; i < from.rank; i++) {
        low[i] = below(3);
        dims[i] = from.dims[i] + low[i] + below(3);
    }
    if (cf_count(from.rank, dims) > MOST_ELEMENTS) return false;
    cf_store(from.dtype, &bits, 0, (cf_number){.f = 1, .i = 1});
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_PAD, &x, 1);
    cf_graph_attr(node, TENON_ATTR_LOW, from.rank, low);
    cf_graph_attr(node, TENON_ATTR_SCALARS, 1, &bits);
    cf_graph_output(g, node, from.dtype, from.rank, dims);
    return keep(g, node);
}

static bool source(cf_graph *g) {
    uint32_t kind = below(3);
    tenon_dtype dtype = any_dtype();
    int64_t dims[2] = {1 + below(MOST_DIM), 1 + below(MOST_DIM)}, type = dtype, bits = 0;
    if (kind == 0) {
        add_any(g);
        return true;
    }
    if (kind == 1 && !is_number(dtype)) return false;
    cf_graph_node *node = cf_graph_begin(g, kind == 1 ? TENON_OP_IOTA : TENON_OP_FILL, NULL, 0);
    cf_store(dtype, &bits, 0, (cf_number){.f = 3, .i = 1});
    cf_graph_attr(node, TENON_ATTR_DTYPE, 1, &type);
    if (kind == 1)
        cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){below(2)});
    else
        cf_graph_attr(node, TENON_ATTR_SCALARS, 1, &bits);
    cf_graph_output(g, node, dtype, 2, dims);
    return keep(g, node);
}

/* Indices below `limit`, of a rank of 0 to 2. */
static uint32_t add_indices(cf_graph *g, int64_t limit) {
    int64_t dims[2] = {1 + below(5), 1 + below(4)};
    tenon_dtype dtype = below(2) ? TENON_DTYPE_I32 : TENON_DTYPE_I64;
    uint32_t rank = below(3);
    uint32_t value = below(2) ? cf_graph_input(g, dtype, rank, dims) : cf_graph_constant(g, dtype, rank, dims);
    cf_fill_range(&g->values[value].operand, 0, limit - 1);
    return value;
}

/* Dims of `x` with those of `indices` in the place of `axis`. */
static uint32_t spread(const cf_operand *x, uint32_t axis, const cf_operand *indices, int64_t *dims) {
    uint32_t rank = 0;
    for (uint32_t i = 0; i < axis; i++) dims[rank++] = x->dims[i];
    for (uint32_t i = 0; i < indices->rank; i++) dims[rank++] = indices->dims[i];
    for (uint32_t i = axis + 1; i < x->rank; i++) dims[rank++] = x->dims[i];
    return rank;
}

static bool gather(cf_graph *g) {
    uint32_t x = pick(g), axis;
    const cf_operand from = *operand(g, x);
    int64_t dims[TENON_MAX_RANK + 2];
    if (from.rank == 0 || from.rank > 5 || from.dims[axis = below(from.rank)] == 0) return false;
    uint32_t in[2] = {x, add_indices(g, from.dims[axis])};
    uint32_t rank = spread(&from, axis, operand(g, in[1]), dims);
    if (cf_count(rank, dims) > MOST_ELEMENTS) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_GATHER, in, 2);
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){axis});
    cf_graph_output(g, node, from.dtype, rank, dims);
    return keep(g, node);
}

static bool scatter(cf_graph *g) {
    uint32_t y = pick(g), axis, combine = below(5);
    const cf_operand to = *operand(g, y);
    int64_t dims[TENON_MAX_RANK + 2];
    if (to.rank == 0 || to.rank > 5 || to.dims[axis = below(to.rank)] == 0) return false;
    if (!is_number(to.dtype) && (combine == TENON_COMBINE_ADD || combine == TENON_COMBINE_MUL)) return false;
    if (largest(&to) > limit_of(to.dtype) / 256) return false;
    uint32_t indices = add_indices(g, to.dims[axis]);
    uint32_t rank = spread(&to, axis, operand(g, indices), dims);
    if (cf_count(rank, dims) > MOST_ELEMENTS) return false;
    uint32_t in[3] = {indices, add_source(g, to.dtype, rank, dims), y};
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_SCATTER, in, 3);
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){axis});
    cf_graph_attr(node, TENON_ATTR_COMBINE, 1, (int64_t[]){combine});
    return keep_like(g, node, to.dtype, &to);
}

static bool update(cf_graph *g) {
    uint32_t y = pick(g);
    const cf_operand to = *operand(g, y);
    int64_t dims[TENON_MAX_RANK], rank = to.rank;
    for (uint32_t i = 0; i < to.rank; i++) dims[i] = to.dims[i] ? 1 + below((uint32_t)to.dims[i]) : 0;
    uint32_t in[3] = {add_source(g, to.dtype, to.rank, dims), cf_graph_input(g, TENON_DTYPE_I64, 1, &rank), y};
    cf_operand *start = &g->values[in[1]].operand;
    cf_fill_range(start, 0, 0);
    for (uint32_t i = 0; i < to.rank; i++) ((int64_t *)start->bytes)[i] = below((uint32_t)(to.dims[i] - dims[i]) + 1);
    return keep_like(g, cf_graph_begin(g, TENON_OP_UPDATE_SLICE, in, 3), to.dtype, &to);
}

static bool matmul(cf_graph *g) {
    uint32_t x = pick(g);
    const cf_operand a = *operand(g, x);
    int64_t dims[TENON_MAX_RANK], type = a.dtype;
    if (a.rank < 2 || !is_number(a.dtype)) return false;
    uint32_t last = a.rank - 1;
    memcpy(dims, a.dims, sizeof dims);
    dims[last - 1] = a.dims[last];
    dims[last] = any_dim();
    if (cf_count(a.rank, dims) > MOST_ELEMENTS) return false;
    uint32_t in[2] = {x, add_source(g, a.dtype, a.rank, dims)};
    cf_operand *b = &g->values[in[1]].operand;
    free(b->bytes);
    cf_fill_range(b, 1, 4); /* no product is -0, which a sum may begin with or not */
    if (largest(&a) * largest(operand(g, in[1])) * (long double)a.dims[last] > limit_of(a.dtype)) return false;
    dims[last - 1] = a.dims[last - 1];
    if (cf_count(a.rank, dims) > MOST_ELEMENTS) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_MATMUL, in, 2);
    cf_graph_attr(node, TENON_ATTR_DTYPE, 1, &type);
    cf_graph_output(g, node, a.dtype, a.rank, dims);
    return keep(g, node);
}

static bool sort(cf_graph *g) {
    uint32_t x = pick(g);
    const cf_operand from = *operand(g, x);
    if (from.rank == 0) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_SORT, &x, 1);
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){below(from.rank)});
    cf_graph_attr(node, TENON_ATTR_DESCENDING, 1, (int64_t[]){below(2)});
    cf_graph_output(g, node, from.dtype, from.rank, from.dims);
    return keep_like(g, node, TENON_DTYPE_I64, &from);
}

static bool scan(cf_graph *g) {
    static const int64_t combines[] = {TENON_COMBINE_ADD, TENON_COMBINE_MAX, TENON_COMBINE_MIN};
    uint32_t x = pick(g);
    const cf_operand from = *operand(g, x);
    if (from.rank == 0 || !is_number(from.dtype)) return false;
    if (largest(&from) * (long double)cf_count(from.rank, from.dims) > limit_of(from.dtype)) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_SCAN, &x, 1);
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){below(from.rank)});
    cf_graph_attr(node, TENON_ATTR_COMBINE, 1, &combines[below(3)]);
    cf_graph_attr(node, TENON_ATTR_EXCLUSIVE, 1, (int64_t[]){below(2)});
    cf_graph_attr(node, TENON_ATTR_REVERSE, 1, (int64_t[]){below(2)});
    return keep_like(g, node, from.dtype, &from);
}

static bool concat(cf_graph *g) {
    uint32_t x = pick(g), axis;
    const cf_operand from = *operand(g, x);
    int64_t dims[TENON_MAX_RANK];
    if (from.rank == 0) return false;
    axis = below(from.rank);
    memcpy(dims, from.dims, sizeof dims);
    dims[axis] = any_dim();
    uint32_t in[3] = {x, add_source(g, from.dtype, from.rank, dims), x};
    dims[axis] += 2 * from.dims[axis];
    if (cf_count(from.rank, dims) > MOST_ELEMENTS) return false;
    cf_graph_node *node = cf_graph_begin(g, TENON_OP_NONE, in, 3);
    node->name = "tenon.concat";
    cf_graph_attr(node, TENON_ATTR_AXIS, 1, (int64_t[]){axis});
    cf_graph_output(g, node, from.dtype, from.rank, dims);
    return keep(g, node);
}

/* -- Graphs ----------------------------------------------------------------------------------------------------------- */

static bool (*const makers[])(cf_graph *g) = {
    unary,    binary,  binary,  binary,  binary,  choice, cast,   cast,   reduction, reduction,
    position, reshape, reshape, permute, permute, slice,  expand, window, pad,       source,
    gather,   scatter, update,  matmul,  matmul,  sort,   scan,   concat,
};

/* What nothing reads is a result, and now and then what something does. */
static void choose_results(cf_graph *g) {
    uint32_t count = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        for (uint32_t k = 0; k < g->nodes[n].output_count; k++) {
            uint32_t value = g->nodes[n].outputs[k];
            bool is_last = g->values[value].uses == 0 && (k == 0 || below(2));
            if (!is_last && below(8)) continue;
            cf_graph_result(g, value);
            count++;
        }
    }
    if (count == 0) cf_graph_result(g, g->nodes[g->node_count - 1].outputs[0]);
}

void cf_graph_random(cf_graph *g, uint32_t node_count) {
    for (uint32_t i = 0; i < 3; i++) add_any(g);
    for (uint32_t i = 0; i < TRIES && g->node_count < node_count && g->value_count + 8 < CF_GRAPH_VALUES; i++)
        makers[below(sizeof makers / sizeof *makers)](g);
    while (g->node_count == 0) source(g);
    choose_results(g);
}
