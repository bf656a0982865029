/* Tensors from nothing or from pieces: fill, iota, random_bits, pad, concat. */
#include <string.h>

#include "compile.h"

static uint64_t scalar(const npu_compiler *c, uint32_t index) {
    const tenon_attr *scalars = tenon_attr_find(c->node->attrs, c->node->attr_count, TENON_ATTR_SCALARS);
    return scalars && index < scalars->count ? (uint64_t)scalars->values[index] : 0;
}

/* One element that is everywhere: no step. */
tenon_status npu_lower_fill(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    uint64_t bits = scalar(c, 0);
    uint32_t buffer;
    TENON_TRY(npu_hold_element(c, y->dtype, &bits, &buffer));
    npu_view view = npu_view_of(buffer, y->dtype, y->rank, y->dims);
    memset(view.steps, 0, sizeof view.steps);
    return npu_set_output(c, 0, &view);
}

/* -- By element number -------------------------------------------------------------------------------------------------- */

typedef struct make_step {
    npu_step head;
    uint32_t out;
    tenon_dtype dtype;
    int64_t inner, size; /* iota: rows of one index, indices; inner 0: the columns */
    uint64_t scalars[2];
} make_step;

static void write_lanes(const npu_run *run, const make_step *s, int64_t row, int64_t column, const int64_t *numbers) {
    const npu_form *form = &run->exec->buffers[s->out].form;
    run->device->kernels->narrow[NPU_WIDE_I64][s->dtype](
        run->at[s->out] + npu_form_place(form, row, column) * form->size, (const void *[]){numbers}, NPU_LANES);
}

static tenon_status run_iota(const npu_step *step, const npu_run *run) {
    const make_step *s = (const make_step *)step;
    const npu_form *form = &run->exec->buffers[s->out].form;
    int64_t numbers[NPU_LANES];
    for (int64_t column = 0; column < form->columns; column += NPU_LANES)
        for (int64_t row = 0; row < form->rows; row++) {
            for (int64_t i = 0; i < NPU_LANES; i++) numbers[i] = s->inner ? row / s->inner % s->size : column + i;
            write_lanes(run, s, row, column, numbers);
        }
    return TENON_STATUS_OK;
}

/* Word `number` of Philox4x32-10 with this key. */
static uint32_t philox(uint64_t key, uint64_t number) {
    uint64_t block = number / 4;
    uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0}, k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xd2511f53u * c[0], b = (uint64_t)0xcd9e8d57u * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                            (uint32_t)a};
        memcpy(c, next, sizeof c);
        k[0] += 0x9e3779b9u;
        k[1] += 0xbb67ae85u;
    }
    return c[number % 4];
}

static tenon_status run_random(const npu_step *step, const npu_run *run) {
    const make_step *s = (const make_step *)step;
    const npu_form *form = &run->exec->buffers[s->out].form;
    int64_t numbers[NPU_LANES];
    for (int64_t column = 0; column < form->columns; column += NPU_LANES)
        for (int64_t row = 0; row < form->rows; row++) {
            for (int64_t i = 0; i < NPU_LANES; i++)
                numbers[i] = philox(s->scalars[0], s->scalars[1] + (uint64_t)(row * form->columns + column + i));
            write_lanes(run, s, row, column, numbers);
        }
    return TENON_STATUS_OK;
}

static tenon_status make(npu_compiler *c, const make_step *what,
                         tenon_status (*run)(const npu_step *, const npu_run *)) {
    make_step *s;
    uint32_t buffer;
    TENON_TRY(npu_make_output(c, 0, &buffer));
    TENON_TRY(npu_make_step(c, sizeof *s, run, &s));
    npu_step head = s->head;
    *s = *what;
    s->head = head;
    s->out = buffer;
    s->dtype = c->values[c->node->outputs[0]].dtype;
    npu_touch(c, buffer);
    return TENON_STATUS_OK;
}

tenon_status npu_lower_iota(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    uint32_t axis = (uint32_t)npu_attr(c, TENON_ATTR_AXIS);
    make_step what = {.size = y->dims[axis]};
    if (axis + 1 < y->rank) what.inner = npu_count(y->rank - axis - 2, y->dims + axis + 1);
    if (npu_count(y->rank, y->dims) == 0) what.inner = 0;
    return make(c, &what, run_iota);
}

tenon_status npu_lower_random(npu_compiler *c) {
    return make(c, &(make_step){.scalars = {scalar(c, 0), scalar(c, 1)}}, run_random);
}

/* -- From pieces ---------------------------------------------------------------------------------------------------------- */

tenon_status npu_lower_pad(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    const tenon_attr *low = tenon_attr_find(c->node->attrs, c->node->attr_count, TENON_ATTR_LOW);
    uint64_t bits = scalar(c, 0);
    int64_t steps[NPU_MOST_RANK], offset = 0;
    uint32_t held, buffer;
    npu_view x;
    TENON_TRY(npu_input(c, 0, &x));
    TENON_TRY(npu_hold_element(c, y->dtype, &bits, &held));
    TENON_TRY(npu_make_output(c, 0, &buffer));
    npu_view margin = npu_view_of(held, y->dtype, y->rank, y->dims);
    memset(margin.steps, 0, sizeof margin.steps);
    npu_plain_steps(y->rank, y->dims, steps);
    for (uint32_t i = 0; i < y->rank && low; i++) offset += low->values[i] * steps[i];
    TENON_TRY(npu_copy_into(c, &margin, buffer, steps, 0));
    return npu_copy_into(c, &x, buffer, steps, offset);
}

tenon_status npu_lower_concat(npu_compiler *c) {
    const npu_value *y = &c->values[c->node->outputs[0]];
    uint32_t axis = (uint32_t)npu_attr(c, TENON_ATTR_AXIS), buffer;
    int64_t steps[NPU_MOST_RANK], offset = 0;
    TENON_TRY(npu_make_output(c, 0, &buffer));
    npu_plain_steps(y->rank, y->dims, steps);
    for (uint32_t i = 0; i < c->node->input_count; i++) {
        npu_view x;
        TENON_TRY(npu_input(c, i, &x));
        TENON_TRY(npu_copy_into(c, &x, buffer, steps, offset));
        offset += x.dims[axis] * steps[axis];
    }
    return TENON_STATUS_OK;
}
