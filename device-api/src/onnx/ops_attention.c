/* Attention and the rotary embedding that goes with it. */
#include <math.h>

#include "onnx/operators.h"
#include "onnx/tensor.h"

/* Operands as [batch, heads, length, width], and what each query may see. */
typedef struct attention {
    const tenon__onnx_node *n;
    tenonh_builder *b;
    tenonh_value *q, *k, *v;
    tenonh_value *seen;   /* bool, broadcasts to [batch, heads, queries, keys]; NULL: everything */
    tenonh_value *bias;   /* added to the scores, likewise; NULL: none */
    tenonh_value *offset; /* i64, keys before the first query: a scalar or [batch, 1, 1, 1]; NULL: none */
    int is_flat;          /* heads lay side by side in the last of three axes */
    int causal;           /* the composite's own rule says all that is to be hidden */
    double scale;
} attention;

/* -- Heads -------------------------------------------------------------------------------------------------------- */

/* [batch, length, heads * width] to [batch, heads, length, width]. */
static tenonh_value *split_heads(const attention *a, tenonh_value *x, int64_t heads) {
    if (!x || x->rank == 4) return x;
    if (x->rank != 3 || heads < 1)
        return tenon__onnx_fail(a->n, TENON_STATUS_INVALID, "operands of %u dims need a number of heads", x->rank);
    const tenonh_dim *count = tenon__num(a->b, heads), *width = tenon__dim2(a->b, TENONH_DIM_DIV, x->dims[2], count);
    const tenonh_dim *dims[] = {x->dims[0], x->dims[1], count, width};
    return tenon__permute(a->b, tenon__reshape(a->b, x, 4, dims), (const int64_t[]){0, 2, 1, 3});
}

static tenonh_value *merge_heads(const attention *a, tenonh_value *x) {
    if (!x || !a->is_flat) return x;
    x = tenon__permute(a->b, x, (const int64_t[]){0, 2, 1, 3});
    const tenonh_dim *dims[] = {x ? x->dims[0] : NULL, x ? x->dims[1] : NULL,
                                x ? tenon__dim2(a->b, TENONH_DIM_MUL, x->dims[2], x->dims[3]) : NULL};
    return x ? tenon__reshape(a->b, x, 3, dims) : NULL;
}

static tenonh_value *behind(const attention *a, tenonh_value *past, tenonh_value *x) {
    return past && x ? tenon__concat(a->b, (tenonh_value *[]){past, x}, 2, 2) : x;
}

static int read_operands(attention *a) {
    const tenon__onnx_node *n = a->n;
    int64_t heads = tenon__onnx_int(n, "q_num_heads", 0), shared = tenon__onnx_int(n, "kv_num_heads", 0), width;
    a->is_flat = n->inputs[0]->rank == 3;
    a->q = split_heads(a, n->inputs[0], heads);
    a->k = behind(a, tenon__onnx_input(n, 4), split_heads(a, n->inputs[1], shared));
    a->v = behind(a, tenon__onnx_input(n, 5), split_heads(a, n->inputs[2], shared));
    if (!a->q || !a->k || !a->v) return 0;
    int has_scale = tenon__onnx_attr(n, "scale") != NULL;
    if (!has_scale && !tenonh_dim_is_number(a->q->dims[3], &width))
        return tenon__onnx_fail(n, TENON_STATUS_UNSUPPORTED, "the width of its heads is not a number"), 0;
    a->scale = has_scale ? tenon__onnx_float(n, "scale", 1) : 1 / sqrt((double)width);
    return 1;
}

/* -- What is seen ------------------------------------------------------------------------------------------------- */

static tenonh_value *op(const attention *a, tenon_op o, tenonh_value *x, tenonh_value *y) {
    if (!x || !y) return NULL;
    tenon__onnx_broadcast(a->n, &x, &y);
    return tenon__binary(a->b, o, x, y);
}

static tenonh_value *at_most(const attention *a, tenonh_value *x, tenonh_value *y) {
    if (!x || !y) return NULL;
    tenon__onnx_broadcast(a->n, &x, &y);
    return tenon__compose(a->b, TENON__COMPOSITE_LE, (tenonh_value *[]){x, y}, 2, NULL, 0);
}

/* 0, 1, ... along axis 2 (queries) or 3 (keys): i64 of rank 4. */
static tenonh_value *positions(const attention *a, uint32_t axis) {
    const tenonh_dim *one = tenon__num(a->b, 1), *dims[] = {one, one, one, one};
    dims[axis] = axis == 2 ? a->q->dims[2] : a->k->dims[2];
    return tenon__iota(a->b, TENON_DTYPE_I64, axis, 4, dims);
}

static void hide(attention *a, tenonh_value *seen) {
    a->seen = a->seen ? op(a, TENON_OP_AND, a->seen, seen) : seen;
}

/* A mask with fewer keys than there are hides the rest. */
static tenonh_value *padded_mask(const attention *a, tenonh_value *mask) {
    const tenonh_dim *low[4], *high[4], *none = tenon__num(a->b, 0);
    int64_t keys, width;
    while (mask && mask->rank < 4) mask = tenon__unsqueeze(a->b, mask, 0);
    if (!mask || !tenonh_dim_is_number(mask->dims[3], &width) || !tenonh_dim_is_number(a->k->dims[2], &keys) ||
        width == 1 || width >= keys)
        return mask;
    for (int d = 0; d < 4; d++) low[d] = high[d] = none;
    high[3] = tenon__num(a->b, keys - width);
    if (mask->dtype == TENON_DTYPE_BOOL) return tenon__pad(a->b, mask, 0, low, high);
    tenon_dtype dtype = mask->dtype;
    const float infinity = -INFINITY;
    uint32_t bits;
    __builtin_memcpy(&bits, &infinity, sizeof bits);
    return tenon__cast(a->b, tenon__pad(a->b, tenon__cast(a->b, mask, TENON_DTYPE_F32), bits, low, high), dtype);
}

static void read_mask(attention *a) {
    tenonh_value *mask = padded_mask(a, tenon__onnx_input(a->n, 3));
    if (mask && mask->dtype == TENON_DTYPE_BOOL)
        hide(a, mask);
    else
        a->bias = mask;
}

/* Keys past those that count, and where the first query stands among the keys. */
static void read_lengths(attention *a) {
    tenonh_value *past = tenon__onnx_input(a->n, 4), *lengths = tenon__onnx_input(a->n, 6);
    if (past) {
        tenonh_value *shape = tenon__shape_of(a->b, past);
        tenonh_value *length = tenon__slice_axis(a->b, shape, 0, tenon__num(a->b, 2), tenon__num(a->b, 1));
        a->offset = tenon__onnx_scalar(a->n, length);
    }
    if (!lengths) return;
    for (int d = 0; d < 3 && lengths; d++) lengths = tenon__unsqueeze(a->b, lengths, lengths->rank);
    hide(a, op(a, TENON_OP_LT, positions(a, 3), lengths));
    tenonh_value *shape = tenon__shape_of(a->b, a->q);
    tenonh_value *queries = tenon__slice_axis(a->b, shape, 0, tenon__num(a->b, 2), tenon__num(a->b, 1));
    if (!past) a->offset = op(a, TENON_OP_SUB, lengths, tenon__onnx_scalar(a->n, queries));
}

/* Bounds on the distance between a query and the keys that it sees. */
static void read_bounds(attention *a) {
    int64_t left = tenon__onnx_int(a->n, "left_window_size", -1),
            right = tenon__onnx_int(a->n, "right_window_size", -1);
    int causal = tenon__onnx_int(a->n, "is_causal", 0) != 0;
    int alone = !a->seen && !a->bias && !a->offset && a->q->dims[2] == a->k->dims[2];
    if (causal) right = 0;
    if (left < 0 && right < 0) return;
    if (causal && left < 0 && alone) {
        a->causal = 1;
        return;
    }
    tenonh_value *query = positions(a, 2), *key = positions(a, 3);
    if (a->offset) query = op(a, TENON_OP_ADD, query, a->offset);
    if (right >= 0) hide(a, at_most(a, key, tenon__binary_number(a->b, TENON_OP_ADD, query, (double)right, false)));
    if (left >= 0) hide(a, at_most(a, tenon__binary_number(a->b, TENON_OP_SUB, query, (double)left, false), key));
}

/* One mask of all that is hidden or added, with the dims of the scores: bool, or of q's dtype. NULL: none. */
static tenonh_value *whole_mask(const attention *a) {
    const tenonh_dim *dims[] = {a->q->dims[0], a->q->dims[1], a->q->dims[2], a->k->dims[2]};
    tenonh_value *seen = a->seen ? tenon__expand(a->b, a->seen, 4, dims) : NULL;
    if (!a->bias) return seen;
    tenonh_value *bias = tenon__expand(a->b, tenon__cast(a->b, a->bias, a->q->dtype), 4, dims);
    if (!a->seen || !bias) return bias;
    tenonh_value *hidden = tenon__expand_like(a->b, tenonh_build_scalar(a->b, bias->dtype, -INFINITY), bias);
    return tenon__where(a->b, seen, bias, hidden);
}

/* Rows of queries that see nothing are 0 in y, not NaN. `mask` as whole_mask gives it. */
static tenonh_value *without_blind(const attention *a, tenonh_value *mask, tenonh_value *y) {
    if (!mask || !y) return y;
    tenonh_value *any = tenon__reduce(a->b, TENON_OP_RMAX, mask, 1, (const int64_t[]){3}, true);
    if (mask->dtype != TENON_DTYPE_BOOL) any = tenon__binary_number(a->b, TENON_OP_LT, any, -INFINITY, true);
    tenonh_value *zero = tenon__expand_like(a->b, tenonh_build_scalar(a->b, y->dtype, 0), y);
    return any ? tenon__where(a->b, tenon__expand_like(a->b, any, y), y, zero) : NULL;
}

/* -- Scores in the open: soft caps, and scores that are asked for ------------------------------------------------- */

/* Heads of keys and values serve several heads of queries. */
static tenonh_value *for_every_head(const attention *a, tenonh_value *x) {
    if (!x || x->dims[1] == a->q->dims[1]) return x;
    const tenonh_dim *times = tenon__dim2(a->b, TENONH_DIM_DIV, a->q->dims[1], x->dims[1]);
    const tenonh_dim *wide[] = {x->dims[0], x->dims[1], times, x->dims[2], x->dims[3]};
    const tenonh_dim *flat[] = {x->dims[0], a->q->dims[1], x->dims[2], x->dims[3]};
    return tenon__reshape(a->b, tenon__expand(a->b, tenon__unsqueeze(a->b, x, 2), 5, wide), 4, flat);
}

static tenonh_value *capped(const attention *a, tenonh_value *scores) {
    double cap = tenon__onnx_float(a->n, "softcap", 0);
    if (cap == 0) return scores;
    tenonh_value *part =
        tenon__unary(a->b, TENON_OP_TANH, tenon__binary_number(a->b, TENON_OP_DIV, scores, cap, false));
    return tenon__binary_number(a->b, TENON_OP_MUL, part, cap, false);
}

static tenonh_value *masked(const attention *a, tenonh_value *mask, tenonh_value *scores) {
    if (!mask || !scores) return scores;
    if (mask->dtype != TENON_DTYPE_BOOL)
        return tenon__binary(a->b, TENON_OP_ADD, scores, tenon__cast(a->b, mask, scores->dtype));
    tenonh_value *hidden = tenon__expand_like(a->b, tenonh_build_scalar(a->b, scores->dtype, -INFINITY), scores);
    return tenon__where(a->b, mask, scores, hidden);
}

static tenonh_value *open_attention(tenon__onnx_node *node, attention *a) {
    tenon_dtype dtype = a->q->dtype, wide = tenon_dtype_compute(dtype);
    tenonh_value *mask = whole_mask(a), *stages[4];
    tenonh_value *q = tenon__binary_number(a->b, TENON_OP_MUL, tenon__cast(a->b, a->q, wide), a->scale, false);
    tenonh_value *k = tenon__cast(a->b, for_every_head(a, a->k), wide);
    stages[0] = tenon__matmul(a->b, q, tenon__permute(a->b, k, (const int64_t[]){0, 1, 3, 2}), 0, 0);
    stages[1] = capped(a, stages[0]);
    stages[2] = masked(a, mask, stages[1]);
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, 3);
    stages[3] = without_blind(a, mask, tenon__compose(a->b, TENON__COMPOSITE_SOFTMAX, &stages[2], 1, &axis, 1));
    int64_t mode = tenon__onnx_int(node, "qk_matmul_output_mode", 0);
    if (mode < 0 || mode > 3)
        return tenon__onnx_fail(node, TENON_STATUS_INVALID, "qk_matmul_output_mode is not 0 to 3");
    if (node->output_count > 3) node->outputs[3] = tenon__cast(a->b, stages[mode], dtype);
    tenonh_value *v = tenon__cast(a->b, for_every_head(a, a->v), wide);
    return tenon__cast(a->b, tenon__matmul(a->b, stages[3], v, 0, 0), dtype);
}

static tenonh_value *whole_attention(const attention *a) {
    tenonh_value *mask = whole_mask(a), *inputs[] = {a->q, a->k, a->v, mask};
    const tenonh_attr attrs[] = {TENON__ATTR_FLOAT(SCALE, a->scale), TENON__ATTR_INT(CAUSAL, a->causal)};
    return without_blind(a, mask, tenon__compose(a->b, TENON__COMPOSITE_ATTENTION, inputs, 4, attrs, 2));
}

tenonh_value *tenon__onnx_lower_attention(tenon__onnx_node *n) {
    attention a = {.n = n, .b = n->b};
    if (!read_operands(&a)) return NULL;
    if (n->output_count > 1) n->outputs[1] = a.k;
    if (n->output_count > 2) n->outputs[2] = a.v;
    read_mask(&a);
    read_lengths(&a);
    int is_open = tenon__onnx_wants(n, 3) || tenon__onnx_float(n, "softcap", 0) != 0 || a.v->dtype != a.q->dtype;
    if (!is_open) read_bounds(&a);
    if (!is_open) return merge_heads(&a, whole_attention(&a));
    a.offset = a.offset ? a.offset : tenonh_build_scalar(a.b, TENON_DTYPE_I64, 0); /* no causal rule of its own */
    read_bounds(&a);
    return merge_heads(&a, open_attention(n, &a));
}

/* -- Rotary embedding --------------------------------------------------------------------------------------------- */

/* Every second element of the last axis, or one half of it. */
static tenonh_value *part_of(const attention *a, tenonh_value *x, int64_t which, const tenonh_dim *half,
                             int interleaved) {
    const tenonh_dim *starts[4], *none = tenon__num(a->b, 0);
    if (!x || !half) return NULL;
    const tenonh_dim *dims[] = {x->dims[0], x->dims[1], x->dims[2], half};
    const int64_t steps[] = {1, 1, 1, interleaved ? 2 : 1};
    for (int d = 0; d < 4; d++) starts[d] = none;
    if (which) starts[3] = interleaved ? tenon__num(a->b, 1) : half;
    return tenon__slice(a->b, x, starts, steps, dims);
}

/* The cache at the positions: [batch or 1, 1, length, half]. */
static tenonh_value *cache_of(const attention *a, uint32_t input) {
    tenonh_value *cache = a->n->inputs[input], *at = tenon__onnx_input(a->n, 3);
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, 0);
    if (at) cache = tenon__compose(a->b, TENON__COMPOSITE_TAKE, (tenonh_value *[]){cache, at}, 2, &axis, 1);
    if (cache && cache->rank != 3)
        return tenon__onnx_fail(a->n, TENON_STATUS_INVALID, "its caches do not fit its positions");
    return tenon__unsqueeze(a->b, cache, 1);
}

static tenonh_value *rotated(const attention *a, tenonh_value *x, const tenonh_dim *half, int interleaved) {
    tenonh_value *c = cache_of(a, 1), *s = cache_of(a, 2);
    tenonh_value *x1 = part_of(a, x, 0, half, interleaved), *x2 = part_of(a, x, 1, half, interleaved);
    tenonh_value *real = op(a, TENON_OP_SUB, op(a, TENON_OP_MUL, x1, c), op(a, TENON_OP_MUL, x2, s));
    tenonh_value *imaginary = op(a, TENON_OP_ADD, op(a, TENON_OP_MUL, x1, s), op(a, TENON_OP_MUL, x2, c));
    if (!interleaved) return tenon__concat(a->b, (tenonh_value *[]){real, imaginary}, 2, 3);
    tenonh_value *pair[] = {tenon__unsqueeze(a->b, real, 4), tenon__unsqueeze(a->b, imaginary, 4)};
    return x ? tenon__reshape(a->b, tenon__concat(a->b, pair, 2, 4), 4, x->dims) : NULL;
}

tenonh_value *tenon__onnx_lower_rotary_embedding(tenon__onnx_node *n) {
    attention a = {.n = n, .b = n->b, .is_flat = n->inputs[0]->rank == 3};
    int64_t part = tenon__onnx_int(n, "rotary_embedding_dim", 0);
    int interleaved = tenon__onnx_int(n, "interleaved", 0) != 0;
    tenonh_value *x = split_heads(&a, n->inputs[0], tenon__onnx_int(n, "num_heads", 0));
    if (!x) return NULL;
    const tenonh_dim *none = tenon__num(n->b, 0), *width = x->dims[3], *turned = part ? tenon__num(n->b, part) : width;
    const tenonh_dim *half = tenon__dim2(n->b, TENONH_DIM_DIV, turned, tenon__num(n->b, 2));
    if (!part) return merge_heads(&a, rotated(&a, x, half, interleaved));
    tenonh_value *head = rotated(&a, tenon__slice_axis(n->b, x, 3, none, turned), half, interleaved);
    tenonh_value *tail = tenon__slice_axis(n->b, x, 3, turned, tenon__dim2(n->b, TENONH_DIM_SUB, width, turned));
    return merge_heads(&a, tenon__concat(n->b, (tenonh_value *[]){head, tail}, 2, 3));
}
