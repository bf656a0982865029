/* Losses over classes: the negative logarithm of what the target's class was given. */
#include <string.h>

#include "onnx/operators.h"

/* What a loss is made of: values of the target's dims. */
typedef struct loss {
    tenonh_value *picked;  /* element of the target's class */
    tenonh_value *weight;  /* of that class; NULL: 1 for all */
    tenonh_value *ignored; /* bool; NULL: none is */
} loss;

static tenonh_value *zeros_like(const tenon__onnx_node *n, const tenonh_value *x) {
    return x ? tenon__expand_like(n->b, tenonh_build_scalar(n->b, x->dtype, 0), x) : NULL;
}

/* `scores` is [n, classes, ...], the target [n, ...]. */
static int pick(const tenon__onnx_node *n, tenonh_value *scores, tenonh_value *target, tenonh_value *weight,
                loss *out) {
    tenonh_builder *b = n->b;
    if (!scores || !target || scores->rank < 2 || target->rank + 1 != scores->rank) {
        tenon__onnx_fail(n, TENON_STATUS_INVALID,
                         "its scores need batch and classes, its target the same dims without classes");
        return 0;
    }
    target = tenon__cast(b, target, TENON_DTYPE_I64);
    if (tenon__onnx_attr(n, "ignore_index")) {
        double index = (double)tenon__onnx_int(n, "ignore_index", 0);
        out->ignored = tenon__binary_number(b, TENON_OP_EQ, target, index, false);
        target = tenon__where(b, out->ignored, zeros_like(n, target), target);
    }
    if (!target) return 0;
    tenonh_value *inputs[] = {scores, tenon__unsqueeze(b, target, 1)};
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, 1);
    tenonh_value *picked = tenon__compose(b, TENON__COMPOSITE_GATHER_ELEMENTS, inputs, 2, &axis, 1);
    out->picked = picked ? tenon__squeeze(b, picked, 1) : NULL;
    if (weight) out->weight = tenon__gather(b, weight, target, 0);
    return out->picked && (!weight || out->weight);
}

static tenonh_value *sum_of(const tenon__onnx_node *n, tenonh_value *x) {
    static const int64_t axes[] = {0, 1, 2, 3, 4, 5, 6, 7};
    return x ? tenon__reduce(n->b, TENON_OP_SUM, x, x->rank, axes, false) : NULL;
}

/* The mean divides by the weights of what counts. */
static tenonh_value *reduced(const tenon__onnx_node *n, const loss *l) {
    tenonh_builder *b = n->b;
    const char *reduction = tenon__onnx_string(n, "reduction", "mean");
    tenonh_value *y = tenon__unary(b, TENON_OP_NEG, l->picked), *weight = l->weight;
    if (!weight) weight = tenon__expand_like(b, tenonh_build_scalar(b, l->picked->dtype, 1), l->picked);
    if (l->ignored) weight = tenon__where(b, l->ignored, zeros_like(n, weight), weight);
    y = tenon__binary(b, TENON_OP_MUL, y, weight);
    if (l->ignored) y = tenon__where(b, l->ignored, zeros_like(n, y), y); /* also where it is not finite */
    if (strcmp(reduction, "none") == 0) return y;
    if (strcmp(reduction, "sum") == 0) return sum_of(n, y);
    if (strcmp(reduction, "mean") == 0) return tenon__binary(b, TENON_OP_DIV, sum_of(n, y), sum_of(n, weight));
    return tenon__onnx_fail(n, TENON_STATUS_BAD_DATA, "reduction is '%s', not none, sum or mean", reduction);
}

tenonh_value *tenon__onnx_lower_likelihood_loss(tenon__onnx_node *n) {
    loss l = {0};
    return pick(n, n->inputs[0], n->inputs[1], tenon__onnx_input(n, 2), &l) ? reduced(n, &l) : NULL;
}

tenonh_value *tenon__onnx_lower_cross_entropy_loss(tenon__onnx_node *n) {
    loss l = {0};
    const tenonh_attr axis = TENON__ATTR_INT(AXIS, 1);
    tenonh_value *scores = tenon__compose(n->b, TENON__COMPOSITE_LOG_SOFTMAX, n->inputs, 1, &axis, 1);
    if (n->output_count > 1) n->outputs[1] = scores;
    return pick(n, scores, n->inputs[1], tenon__onnx_input(n, 2), &l) ? reduced(n, &l) : NULL;
}
