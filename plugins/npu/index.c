/* Gather, scatter and update_slice: rows of blocks found by loaded indices, each checked before anything is touched. */
#include <string.h>

#include "compile.h"

typedef struct index_step {
    npu_step head;
    uint32_t values, indices, out; /* gather: x, i, y; scatter: u, i, y; update_slice: x, start, y */
    uint32_t index_size;
    tenon_dtype dtype;
    uint32_t combine, rank, scratch;
    int64_t p, g, q;               /* axes before, indexed, indices */
    npu_move move;                 /* update_slice: to a start of zeros */
    int64_t room[TENON_MAX_RANK];  /* update_slice: the largest start */
    int64_t steps[TENON_MAX_RANK]; /* update_slice: of the result */
} index_step;

static int64_t load_index(const index_step *s, const npu_run *run, int64_t q) {
    const unsigned char *at = run->at[s->indices];
    int32_t narrow;
    int64_t wide;
    if (s->index_size == sizeof wide) {
        memcpy(&wide, at + q * (int64_t)sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at + q * (int64_t)sizeof narrow, sizeof narrow);
    return narrow;
}

static tenon_status out_of_range(const index_step *s, const npu_run *run, int64_t index, int64_t size) {
    return tenon_report(run->device->host, run->device, run->stream, NULL, TENON_STATUS_OUT_OF_RANGE,
                        "node %u: index %lld lies outside of %lld elements", s->head.node, (long long)index,
                        (long long)size);
}

/* Of all indices, so that what fails changes nothing. */
static tenon_status check_indices(const index_step *s, const npu_run *run) {
    for (int64_t q = 0; q < s->q; q++) {
        int64_t index = load_index(s, run, q);
        if (index < 0 || index >= s->g) return out_of_range(s, run, index, s->g);
    }
    return TENON_STATUS_OK;
}

/* -- Gather ----------------------------------------------------------------------------------------------------------- */

static tenon_status run_gather(const npu_step *step, const npu_run *run) {
    const index_step *s = (const index_step *)step;
    const npu_form *x = &run->exec->buffers[s->values].form, *y = &run->exec->buffers[s->out].form;
    if (s->p == 0 || x->columns == 0) return TENON_STATUS_OK;
    TENON_TRY(check_indices(s, run));
    for (int64_t q = 0; q < s->q; q++) {
        int64_t index = load_index(s, run, q);
        for (int64_t p = 0; p < s->p; p++)
            for (int64_t column = 0; column < x->columns; column += NPU_LANES)
                memcpy(run->at[s->out] + npu_form_place(y, p * s->q + q, column) * y->size,
                       run->at[s->values] + npu_form_place(x, p * s->g + index, column) * x->size,
                       (size_t)NPU_LANES * x->size);
    }
    return TENON_STATUS_OK;
}

/* Operand `view` as [before, axes from `axis` on that are indexed, after]. */
static tenon_status fold(npu_compiler *c, npu_view *view, uint32_t axis, uint32_t indexed, int64_t *out_dims) {
    out_dims[0] = npu_count(axis, view->dims);
    out_dims[1] = npu_count(indexed, view->dims + axis);
    out_dims[2] = npu_count(view->rank - axis - indexed, view->dims + axis + indexed);
    return npu_reshape(c, view, 3, out_dims);
}

static tenon_status settle_indices(npu_compiler *c, uint32_t input, index_step *s) {
    npu_view view;
    TENON_TRY(npu_input(c, input, &view));
    s->q = npu_count(view.rank, view.dims);
    s->index_size = tenon_dtype_bits(view.dtype) / 8;
    TENON_TRY(npu_reshape(c, &view, 1, &s->q));
    return npu_settle(c, &view, &s->indices);
}

static tenon_status make_index_step(npu_compiler *c, const index_step *what,
                                    tenon_status (*run)(const npu_step *, const npu_run *)) {
    index_step *s;
    TENON_TRY(npu_make_step(c, sizeof *s, run, &s));
    npu_step head = s->head;
    *s = *what;
    s->head = head;
    npu_touch(c, s->values);
    npu_touch(c, s->indices);
    npu_touch(c, s->out);
    return TENON_STATUS_OK;
}

tenon_status npu_lower_gather(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    uint32_t axis = (uint32_t)npu_attr(c, TENON_ATTR_AXIS);
    index_step s = {.dtype = y->dtype};
    npu_view x;
    int64_t dims[3];
    TENON_TRY(npu_input(c, 0, &x));
    TENON_TRY(fold(c, &x, axis, 1, dims));
    TENON_TRY(npu_settle(c, &x, &s.values));
    TENON_TRY(settle_indices(c, 1, &s));
    s.p = dims[0];
    s.g = dims[1];
    dims[1] = s.q;
    TENON_TRY(npu_make_buffer(c, y->dtype, 3, dims, &s.out));
    npu_view view = npu_view_of(s.out, y->dtype, 3, dims);
    TENON_TRY(npu_set_output(c, 0, &view));
    return make_index_step(c, &s, run_gather);
}

/* -- Scatter ---------------------------------------------------------------------------------------------------------- */

/* y = combine(y, u) over the lanes of one block; 16-bit floats compute in f32. */
static void combine_lanes(const index_step *s, const npu_kernels *kernels, void *y, const void *u) {
    static const tenon_op ops[] = {[TENON_COMBINE_ADD] = TENON_OP_ADD,
                                   [TENON_COMBINE_MUL] = TENON_OP_MUL,
                                   [TENON_COMBINE_MIN] = TENON_OP_MIN,
                                   [TENON_COMBINE_MAX] = TENON_OP_MAX};
    tenon_dtype compute = tenon_dtype_compute(s->dtype);
    npu_lanes run = kernels->map[ops[s->combine]][compute];
    float a[NPU_LANES], b[NPU_LANES];
    if (compute == s->dtype) {
        run(y, (const void *[]){y, u, u}, NPU_LANES);
        return;
    }
    kernels->to_f32[s->dtype](a, (const void *[]){y}, NPU_LANES);
    kernels->to_f32[s->dtype](b, (const void *[]){u}, NPU_LANES);
    run(a, (const void *[]){a, b, b}, NPU_LANES);
    kernels->from_f32[s->dtype](y, (const void *[]){a}, NPU_LANES);
}

static tenon_status run_scatter(const npu_step *step, const npu_run *run) {
    const index_step *s = (const index_step *)step;
    const npu_form *u = &run->exec->buffers[s->values].form, *y = &run->exec->buffers[s->out].form;
    if (s->p == 0 || u->columns == 0) return TENON_STATUS_OK;
    TENON_TRY(check_indices(s, run));
    for (int64_t p = 0; p < s->p; p++)
        for (int64_t q = 0; q < s->q; q++) {
            int64_t index = load_index(s, run, q);
            for (int64_t column = 0; column < u->columns; column += NPU_LANES) {
                void *to = run->at[s->out] + npu_form_place(y, p * s->g + index, column) * y->size;
                const void *from = run->at[s->values] + npu_form_place(u, p * s->q + q, column) * u->size;
                if (s->combine == TENON_COMBINE_SET)
                    memcpy(to, from, (size_t)NPU_LANES * u->size);
                else
                    combine_lanes(s, run->device->kernels, to, from);
            }
        }
    return TENON_STATUS_OK;
}

/* A buffer of the result with the first value in it, as `dims`. */
static tenon_status copy_first(npu_compiler *c, npu_view *first, uint32_t rank, const int64_t *dims,
                               uint32_t *out_buffer) {
    int64_t steps[NPU_MOST_RANK];
    TENON_TRY(npu_reshape(c, first, rank, dims));
    TENON_TRY(npu_make_buffer(c, first->dtype, rank, dims, out_buffer));
    npu_plain_steps(rank, dims, steps);
    TENON_TRY(npu_copy_into(c, first, *out_buffer, steps, 0));
    npu_view view = npu_view_of(*out_buffer, first->dtype, rank, dims);
    return npu_set_output(c, 0, &view);
}

tenon_status npu_lower_scatter(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    uint32_t axis = (uint32_t)npu_attr(c, TENON_ATTR_AXIS), spread = c->values[c->node->inputs[0]].rank;
    index_step s = {.dtype = y->dtype, .combine = (uint32_t)npu_attr(c, TENON_ATTR_COMBINE)};
    npu_view u, first;
    int64_t u_dims[3], y_dims[3];
    TENON_TRY(settle_indices(c, 0, &s));
    TENON_TRY(npu_input(c, 1, &u));
    TENON_TRY(fold(c, &u, axis, spread, u_dims));
    TENON_TRY(npu_settle(c, &u, &s.values));
    TENON_TRY(npu_input(c, 2, &first));
    TENON_TRY(fold(c, &first, axis, 1, y_dims));
    TENON_TRY(copy_first(c, &first, 3, y_dims, &s.out));
    s.p = y_dims[0];
    s.g = y_dims[1];
    return make_index_step(c, &s, run_scatter);
}

/* -- update_slice ----------------------------------------------------------------------------------------------------- */

static tenon_status run_update(const npu_step *step, const npu_run *run) {
    const index_step *s = (const index_step *)step;
    npu_move move = s->move;
    for (uint32_t i = 0; i < move.rank; i++)
        if (move.dims[i] == 0) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < s->rank; i++) {
        int64_t start = load_index(s, run, i);
        if (start < 0 || start > s->room[i]) return out_of_range(s, run, start, s->room[i] + 1);
        move.to_offset += start * s->steps[i];
    }
    npu_move_run(&move, run->at[s->values], run->at[s->out]);
    return TENON_STATUS_OK;
}

tenon_status npu_lower_update(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    index_step s = {.dtype = y->dtype, .rank = y->rank};
    npu_view x, first;
    TENON_TRY(npu_input(c, 0, &x));
    TENON_TRY(npu_settle(c, &x, &s.values));
    TENON_TRY(settle_indices(c, 1, &s));
    TENON_TRY(npu_input(c, 2, &first));
    TENON_TRY(copy_first(c, &first, y->rank, y->dims, &s.out));
    npu_plain_steps(y->rank, y->dims, s.steps);
    for (uint32_t i = 0; i < y->rank; i++) s.room[i] = y->dims[i] - x.dims[i];
    s.move = (npu_move){
        .from = c->exec->buffers[s.values].form, .to = c->exec->buffers[s.out].form, .rank = x.rank, .reserved = 0};
    memcpy(s.move.dims, x.dims, sizeof x.dims);
    npu_plain_steps(x.rank, x.dims, s.move.from_steps);
    memcpy(s.move.to_steps, s.steps, sizeof s.steps);
    npu_move_simplify(&s.move);
    return make_index_step(c, &s, run_update);
}
