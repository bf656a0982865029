#include "form.h"

#include <string.h>

npu_form npu_form_dense(uint32_t size, int64_t count) {
    int64_t width = count ? count : 1;
    return (npu_form){.rows = 1, .columns = count, .width = width, .stride = width, .block = width, .size = size};
}

npu_form npu_form_blocked(uint32_t size, uint32_t rank, const int64_t *dims) {
    npu_form form = {.rows = 1, .columns = rank ? dims[rank - 1] : 1, .width = NPU_LANES, .stride = NPU_LANES};
    for (uint32_t i = 0; i + 1 < rank; i++) form.rows *= dims[i];
    form.block = form.rows * NPU_LANES;
    form.size = size;
    return form;
}

void npu_move_simplify(npu_move *m) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->rank; i++) {
        if (m->dims[i] == 1) continue;
        uint32_t last = kept ? kept - 1 : 0;
        int joins = kept && m->from_steps[last] == m->from_steps[i] * m->dims[i] &&
                    m->to_steps[last] == m->to_steps[i] * m->dims[i];
        uint32_t at = joins ? last : kept++;
        m->dims[at] = m->dims[i] * (joins ? m->dims[at] : 1);
        m->from_steps[at] = m->from_steps[i];
        m->to_steps[at] = m->to_steps[i];
    }
    m->rank = kept;
}

/* -- Runs --------------------------------------------------------------------------------------------------------- */

/* Where one side of a move stands. */
typedef struct cursor {
    const npu_form *form;
    int64_t row, column;
    int64_t row_step, column_step; /* of one element of the run; column_step >= 0 */
} cursor;

static cursor cursor_at(const npu_form *form, int64_t number, int64_t step) {
    cursor c = {.form = form, .row = number / form->columns, .column = number % form->columns};
    c.row_step = step / form->columns;
    c.column_step = step % form->columns;
    if (c.column_step < 0) {
        c.column_step += form->columns;
        c.row_step--;
    }
    return c;
}

static inline int64_t advance(cursor *c) {
    int64_t place = npu_form_place(c->form, c->row, c->column);
    c->row += c->row_step;
    c->column += c->column_step;
    if (c->column >= c->form->columns) {
        c->column -= c->form->columns;
        c->row++;
    }
    return place;
}

/* Elements from here that lie side by side. */
static inline int64_t room(const cursor *c) {
    int64_t in_block = c->form->width - c->column % c->form->width, in_row = c->form->columns - c->column;
    return in_block < in_row ? in_block : in_row;
}

static inline void skip(cursor *c, int64_t count) {
    c->column += count;
    if (c->column == c->form->columns) {
        c->column = 0;
        c->row++;
    }
}

static void run_side_by_side(cursor from, cursor to, int64_t count, const char *source, char *destination) {
    uint32_t size = from.form->size;
    while (count > 0) {
        int64_t n = room(&from), m = room(&to);
        if (m < n) n = m;
        if (count < n) n = count;
        memcpy(destination + npu_form_place(to.form, to.row, to.column) * size,
               source + npu_form_place(from.form, from.row, from.column) * size, (size_t)n * size);
        skip(&from, n);
        skip(&to, n);
        count -= n;
    }
}

#define RUN_STEPS(type)                                                                                                \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        int64_t x = advance(&from), y = advance(&to);                                                                  \
        ((type *)destination)[y] = ((const type *)source)[x];                                                          \
    }

static void run_steps(cursor from, cursor to, int64_t count, const void *source, void *destination) {
    switch (from.form->size) {
    case 1: RUN_STEPS(uint8_t) break;
    case 2: RUN_STEPS(uint16_t) break;
    case 4: RUN_STEPS(uint32_t) break;
    default: RUN_STEPS(uint64_t) break;
    }
}

static void run_inner(const npu_move *m, int64_t from_number, int64_t to_number, const void *from, void *to) {
    int64_t count = m->rank ? m->dims[m->rank - 1] : 1;
    int64_t from_step = m->rank ? m->from_steps[m->rank - 1] : 1, to_step = m->rank ? m->to_steps[m->rank - 1] : 1;
    cursor source = cursor_at(&m->from, from_number, from_step), destination = cursor_at(&m->to, to_number, to_step);
    if (from_step == 1 && to_step == 1)
        run_side_by_side(source, destination, count, from, to);
    else
        run_steps(source, destination, count, from, to);
}

void npu_move_run(const npu_move *m, const void *from, void *to) {
    int64_t index[NPU_MOST_RANK] = {0}, x = m->from_offset, y = m->to_offset;
    uint32_t outer = m->rank ? m->rank - 1 : 0;
    for (uint32_t i = 0; i < m->rank; i++)
        if (m->dims[i] == 0) return;
    for (;;) {
        run_inner(m, x, y, from, to);
        uint32_t i = outer;
        while (i > 0) {
            i--;
            x += m->from_steps[i];
            y += m->to_steps[i];
            if (++index[i] < m->dims[i]) break;
            x -= m->dims[i] * m->from_steps[i];
            y -= m->dims[i] * m->to_steps[i];
            index[i] = 0;
            if (i == 0) return;
        }
        if (outer == 0) return;
    }
}
