/* Contractions: operands converted to the accumulator's dtype, one product a batch; batches that share the second factor
 * are one product of more rows. */
#include <string.h>

#include "chain.h"
#include "compile.h"

typedef struct matmul_step {
    npu_step head;
    uint32_t a, b, y;
    tenon_dtype dtype;
    int64_t batches, m, k, n;
    int64_t b_rows; /* from one batch to the next; 0: all use the same */
} matmul_step;

static tenon_status run_matmul(const npu_step *step, const npu_run *run) {
    const matmul_step *s = (const matmul_step *)step;
    const npu_form *a = &run->exec->buffers[s->a].form, *b = &run->exec->buffers[s->b].form;
    const npu_form *y = &run->exec->buffers[s->y].form;
    int64_t row = (int64_t)NPU_LANES * y->size;
    for (int64_t i = 0; i < s->batches; i++) {
        npu_product product = {.a = run->at[s->a] + i * s->m * row,
                               .b = run->at[s->b] + i * s->b_rows * row,
                               .y = run->at[s->y] + i * s->m * row,
                               .m = s->m,
                               .k = s->k,
                               .n = s->n,
                               .a_block = a->block,
                               .b_block = b->block,
                               .y_block = y->block};
        run->device->kernels->product[s->dtype](&product);
    }
    return TENON_STATUS_OK;
}

/* Input `index` as [batches, rows, columns] of `dtype`, settled. */
static tenon_status settle_factor(npu_compiler *c, npu_view view, const int64_t *dims, tenon_dtype dtype,
                                  uint32_t *out_buffer) {
    TENON_TRY(npu_reshape(c, &view, 3, dims));
    TENON_TRY(npu_chain_cast(c, &view, dtype, &view));
    return npu_settle(c, &view, out_buffer);
}

/* 1 if all batches see the same second factor, which then is taken once. */
static int share_factor(npu_view *b) {
    uint32_t batch = b->rank - 2;
    for (uint32_t i = 0; i < batch; i++)
        if (b->dims[i] != 1 && b->steps[i] != 0) return 0;
    for (uint32_t i = 0; i < batch; i++) b->dims[i] = 1;
    return 1;
}

tenon_status npu_lower_matmul(npu_compiler *c) {
    const npu_value *out = &c->values[c->node->outputs[0]];
    tenon_dtype in = c->values[c->node->inputs[0]].dtype;
    int64_t asked = npu_attr(c, TENON_ATTR_ACCUMULATOR), batches = npu_count(out->rank - 2, out->dims);
    matmul_step *s, what = {.dtype = asked ? (tenon_dtype)asked : tenon_dtype_accumulator(TENON_OP_MATMUL, in)};
    npu_view a, b, y;
    TENON_TRY(npu_input(c, 0, &a));
    TENON_TRY(npu_input(c, 1, &b));
    what.m = a.dims[a.rank - 2];
    what.k = a.dims[a.rank - 1];
    what.n = b.dims[b.rank - 1];
    int is_shared = batches > 0 && share_factor(&b);
    what.batches = is_shared ? 1 : batches;
    what.b_rows = is_shared ? 0 : what.k;
    if (is_shared) what.m *= batches;
    TENON_TRY(settle_factor(c, a, (int64_t[]){what.batches, what.m, what.k}, what.dtype, &what.a));
    TENON_TRY(settle_factor(c, b, (int64_t[]){what.batches, what.k, what.n}, what.dtype, &what.b));
    TENON_TRY(npu_make_buffer(c, what.dtype, out->rank, out->dims, &what.y));
    TENON_TRY(npu_make_step(c, sizeof *s, run_matmul, &s));
    what.head = s->head;
    *s = what;
    npu_touch(c, s->a);
    npu_touch(c, s->b);
    npu_touch(c, s->y);
    y = npu_view_of(what.y, what.dtype, out->rank, out->dims);
    TENON_TRY(npu_chain_cast(c, &y, out->dtype, &y));
    return npu_set_output(c, 0, &y);
}
