/* Matrix products. */
#include "onnx/operators.h"

/* numpy's rule for one dim: a row on the left, a column on the right, and the dim goes away again. */
static tenonh_value *without_added(const tenon__onnx_node *n, tenonh_value *y, int left_added, int right_added) {
    if (!y) return NULL;
    uint32_t rank = y->rank;
    if (right_added) y = tenon__squeeze(n->b, y, rank - 1);
    if (left_added) y = tenon__squeeze(n->b, y, rank - 2);
    return y;
}

/* Leading dims of both broadcast together; the last two stay. */
static tenonh_value *batched(const tenon__onnx_node *n, tenonh_value *x, const tenonh_value *y) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    uint32_t rank = x->rank > y->rank ? x->rank : y->rank;
    for (uint32_t d = 0; d + 2 < rank; d++) {
        int64_t at_x = (int64_t)d - (rank - x->rank), at_y = (int64_t)d - (rank - y->rank);
        const tenonh_dim *one = tenon__num(n->b, 1), *of_x = at_x < 0 ? one : x->dims[at_x];
        dims[d] = tenon__dim2(n->b, TENONH_DIM_BROADCAST, of_x, at_y < 0 ? one : y->dims[at_y]);
    }
    dims[rank - 2] = x->dims[x->rank - 2];
    dims[rank - 1] = x->dims[x->rank - 1];
    return tenon__expand(n->b, x, rank, dims);
}

static tenonh_value *product(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *y) {
    if (!x || !y) return NULL;
    if (y->rank == 2 && x->rank > 1)
        return tenon__compose(n->b, TENON__COMPOSITE_LINEAR, (tenonh_value *[]){x, y}, 2, NULL, 0);
    return tenon__matmul(n->b, batched(n, x, y), batched(n, y, x), 0, 0);
}

static tenonh_value *matmul(const tenon__onnx_node *n, tenonh_value *x, tenonh_value *y) {
    if (!x || !y) return NULL;
    if (x->rank == 0 || y->rank == 0)
        return tenon__onnx_fail(n, TENON_STATUS_INVALID, "a scalar can't be multiplied so");
    int left_added = x->rank == 1, right_added = y->rank == 1;
    if (left_added) x = tenon__unsqueeze(n->b, x, 0);
    if (right_added) y = tenon__unsqueeze(n->b, y, 1);
    return without_added(n, product(n, x, y), left_added, right_added);
}

tenonh_value *tenon__onnx_lower_matmul(tenon__onnx_node *n) {
    return matmul(n, n->inputs[0], n->inputs[1]);
}

/* Zero points and scales lie along the rows of the left matrix, the columns of the right one. */
static uint32_t from_end(const tenonh_value *x, uint32_t axis) {
    return x->rank >= axis ? x->rank - axis : 0;
}

tenonh_value *tenon__onnx_lower_matmul_integer(tenon__onnx_node *n) {
    tenonh_value *x = n->inputs[0], *y = n->inputs[1];
    return matmul(n, tenon__onnx_centred(n, x, tenon__onnx_input(n, 2), from_end(x, 2)),
                  tenon__onnx_centred(n, y, tenon__onnx_input(n, 3), from_end(y, 1)));
}

/* Inputs: a, its scale and zero point, b, its scale and zero point, and those of the result. */
tenonh_value *tenon__onnx_lower_qlinear_matmul(tenon__onnx_node *n) {
    tenonh_value *const *in = n->inputs;
    tenonh_value *sum = matmul(n, tenon__onnx_centred(n, in[0], in[2], from_end(in[0], 2)),
                               tenon__onnx_centred(n, in[3], in[5], from_end(in[3], 1)));
    if (!sum) return NULL;
    const tenon__onnx_scale a = {in[1], from_end(sum, 2)}, b = {in[4], from_end(sum, 1)};
    return tenon__onnx_requantized(n, sum, &a, &b, in[6], in[7]);
}

tenonh_value *tenon__onnx_lower_gemm(tenon__onnx_node *n) {
    int64_t mode = (tenon__onnx_int(n, "transA", 0) ? 1 : 0) | (tenon__onnx_int(n, "transB", 0) ? 2 : 0);
    const tenonh_attr attrs[] = {TENON__ATTR_FLOAT(ALPHA, tenon__onnx_float(n, "alpha", 1)),
                                 TENON__ATTR_FLOAT(BETA, tenon__onnx_float(n, "beta", 1)), TENON__ATTR_INT(MODE, mode)};
    tenonh_value *inputs[] = {n->inputs[0], n->inputs[1], tenon__onnx_input(n, 2)};
    return tenon__compose(n->b, TENON__COMPOSITE_GEMM, inputs, 3, attrs, 3);
}
