/* Composites made of matrix products. */
#include <math.h>

#include "passes/compose.h"

/* x [..., k] w [k, n] as one product of two matrices: leading dims of x are rows. */
TENON__DECOMPOSITION(linear) {
    tenonh_value *x = node->operands[0], *w = node->operands[1], *bias = tenon__operand(node, 2);
    const tenonh_value *y = node->results[0];
    const tenonh_dim *rows[] = {tenon__dim_product(b, x->dims, x->rank - 1), x->dims[x->rank - 1]};
    tenonh_value *product = tenon__matmul(b, tenon__reshape(b, x, 2, rows), w, 0, 0);
    product = tenon__reshape(b, product, y->rank, y->dims);
    out[0] = bias ? add(b, product, tenon__expand_like(b, bias, product)) : product;
}

static tenonh_value *turned(tenonh_builder *b, tenonh_value *x, bool turn) {
    return turn ? tenon__permute(b, x, (const int64_t[]){1, 0}) : x;
}

TENON__DECOMPOSITION(gemm) {
    int64_t mode = tenon__node_int(node, TENON_ATTR_MODE, 0);
    double alpha = tenon__node_float(node, TENON_ATTR_ALPHA, 1), beta = tenon__node_float(node, TENON_ATTR_BETA, 1);
    tenonh_value *c = tenon__operand(node, 2);
    tenonh_value *y =
        tenon__matmul(b, turned(b, node->operands[0], mode & 1), turned(b, node->operands[1], mode & 2), 0, 0);
    if (alpha != 1) y = mul_number(b, y, alpha);
    if (c && beta != 0) {
        if (beta != 1) c = mul_number(b, c, beta);
        y = add(b, y, tenon__expand_like(b, c, y));
    }
    out[0] = y;
}

/* Heads of k and v serve several heads of q: [b, g, t, d] -> [b, h, t, d]. */
static tenonh_value *shared_heads(tenonh_builder *b, tenonh_value *x, const tenonh_dim *heads) {
    if (!x || tenon__dim_compare(&b->module->dims, x->dims[1], heads) == TENON__DIM_EQUAL) return x;
    const tenonh_dim *times = tenon__dim2(b, TENONH_DIM_DIV, heads, x->dims[1]);
    const tenonh_dim *wide[] = {x->dims[0], x->dims[1], times, x->dims[2], x->dims[3]};
    const tenonh_dim *flat[] = {x->dims[0], heads, x->dims[2], x->dims[3]};
    return tenon__reshape(b, tenon__expand(b, tenon__unsqueeze(b, x, 2), 5, wide), 4, flat);
}

/* Position i of s sees position j of t when j - i <= t - s. */
static tenonh_value *causal_mask(tenonh_builder *b, tenonh_value *scores) {
    if (!scores) return NULL;
    tenonh_value *i = tenon__iota(b, TENON_DTYPE_I64, 0, 2, scores->dims + 2);
    tenonh_value *j = tenon__iota(b, TENON_DTYPE_I64, 1, 2, scores->dims + 2);
    tenonh_value *allowed = sub(b, tenon__dim_of(b, scores, 3), tenon__dim_of(b, scores, 2));
    tenonh_value *ahead = sub(b, j, i);
    if (!ahead) return NULL;
    tenonh_value *pair[] = {ahead, tenon__expand_like(b, allowed, ahead)};
    return tenon__expand_like(b, tenon__compose(b, TENON__COMPOSITE_LE, pair, 2, NULL, 0), scores);
}

static tenonh_value *hidden(tenonh_builder *b, tenonh_value *scores, tenonh_value *seen) {
    return scores ? tenon__where(b, seen, scores, number_like(b, scores, -INFINITY)) : NULL;
}

TENON__DECOMPOSITION(attention) {
    tenonh_value *q = tenon__wide(b, node->operands[0]), *mask = tenon__operand(node, 3);
    if (!q) return;
    tenonh_value *k = shared_heads(b, tenon__wide(b, node->operands[1]), q->dims[1]);
    tenonh_value *v = shared_heads(b, tenon__wide(b, node->operands[2]), q->dims[1]);
    double scale = tenon__node_float(node, TENON_ATTR_SCALE, 1);
    if (scale != 1) q = mul_number(b, q, scale);
    tenonh_value *scores = tenon__matmul(b, q, tenon__permute(b, k, (const int64_t[]){0, 1, 3, 2}), 0, 0);
    if (mask && mask->dtype == TENON_DTYPE_BOOL)
        scores = hidden(b, scores, mask);
    else if (mask)
        scores = add(b, scores, tenon__wide(b, mask));
    if (tenon__node_int(node, TENON_ATTR_CAUSAL, 0) == 1) scores = hidden(b, scores, causal_mask(b, scores));
    tenonh_value *weights = tenon__compose(b, TENON__COMPOSITE_SOFTMAX, &scores, 1, &TENON__ATTR_INT(AXIS, 3), 1);
    out[0] = tenon__cast(b, tenon__matmul(b, weights, v, 0, 0), node->operands[0]->dtype);
}
