/* Views: maps from indices to numbers, and the copies where a map will not do. */
#include <string.h>

#include "compile.h"

void npu_plain_steps(uint32_t rank, const int64_t *dims, int64_t *out_steps) {
    int64_t step = 1;
    for (uint32_t i = rank; i-- > 0;) {
        out_steps[i] = step;
        step *= dims[i];
    }
}

npu_view npu_view_of(uint32_t buffer, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    npu_view view = {.dtype = dtype, .buffer = buffer, .rank = rank};
    if (rank) memcpy(view.dims, dims, rank * sizeof *dims);
    npu_plain_steps(rank, dims, view.steps);
    return view;
}

int npu_view_is_plain(const npu_view *view) {
    int64_t step = 1;
    for (uint32_t i = view->rank; i-- > 0;) {
        if (view->dims[i] != 1 && view->steps[i] != step) return 0;
        step *= view->dims[i];
    }
    return 1;
}

/* -- Copies ------------------------------------------------------------------------------------------------------- */

typedef struct copy_step {
    npu_step head;
    uint32_t from, to;
    npu_move move;
} copy_step;

static tenon_status run_copy(const npu_step *step, const npu_run *run) {
    const copy_step *copy = (const copy_step *)step;
    npu_move_run(&copy->move, run->at[copy->from], run->at[copy->to]);
    return TENON_STATUS_OK;
}

static npu_move move_of(const npu_compiler *c, const npu_view *view, uint32_t buffer, const int64_t *steps,
                        int64_t offset) {
    npu_move move = {.from = c->exec->buffers[view->buffer].form,
                     .to = c->exec->buffers[buffer].form,
                     .rank = view->rank,
                     .from_offset = view->offset,
                     .to_offset = offset};
    memcpy(move.dims, view->dims, sizeof move.dims);
    memcpy(move.from_steps, view->steps, sizeof move.from_steps);
    memcpy(move.to_steps, steps, view->rank * sizeof *steps);
    npu_move_simplify(&move);
    return move;
}

static int is_constant(const npu_compiler *c, uint32_t buffer) {
    const npu_buffer *b = &c->exec->buffers[buffer];
    return b->is_dense && c->exec->operands[b->operand].role == TENON_ROLE_CONSTANT;
}

tenon_status npu_copy_into(npu_compiler *c, const npu_view *view, uint32_t buffer, const int64_t *steps,
                           int64_t offset) {
    npu_view source = *view;
    copy_step *copy;
    if (is_constant(c, view->buffer) && npu_count(view->rank, view->dims)) {
        TENON_TRY(npu_settle(c, view, &source.buffer));
        source = npu_view_of(source.buffer, view->dtype, view->rank, view->dims);
    }
    TENON_TRY(npu_make_step(c, sizeof *copy, run_copy, &copy));
    copy->from = source.buffer;
    copy->to = buffer;
    copy->move = move_of(c, &source, buffer, steps, offset);
    npu_touch(c, source.buffer);
    npu_touch(c, buffer);
    return TENON_STATUS_OK;
}

/* A view of a constant becomes a piece of its packed form: it costs a launch nothing. */
static tenon_status settle_constant(npu_compiler *c, const npu_view *view, uint32_t buffer, const int64_t *steps) {
    npu_operand *operand = &c->exec->operands[c->exec->buffers[view->buffer].operand];
    npu_buffer *piece = &c->exec->buffers[buffer];
    npu_pack *pack = npu_arena_get(&c->exec->arena, sizeof *pack);
    if (!pack) return TENON_STATUS_OUT_OF_MEMORY;
    piece->place = NPU_AT_OPERAND;
    piece->operand = c->exec->buffers[view->buffer].operand;
    piece->offset = operand->packed_size;
    *pack = (npu_pack){.next = operand->packs, .buffer = buffer, .move = move_of(c, view, buffer, steps, 0)};
    operand->packs = pack;
    operand->packed_size += (npu_form_bytes(&piece->form) + 63) / 64 * 64;
    return TENON_STATUS_OK;
}

static int is_settled(const npu_compiler *c, const npu_view *view) {
    const npu_buffer *buffer = &c->exec->buffers[view->buffer];
    int64_t columns = view->rank ? view->dims[view->rank - 1] : 1;
    int64_t count = npu_count(view->rank, view->dims);
    return !buffer->is_dense && buffer->form.columns == columns && view->offset == 0 &&
           buffer->form.rows * columns == count && npu_view_is_plain(view);
}

static int is_same(const npu_view *a, const npu_view *b) {
    size_t size = a->rank * sizeof *a->dims;
    return a->buffer == b->buffer && a->rank == b->rank && a->offset == b->offset &&
           memcmp(a->dims, b->dims, size) == 0 && memcmp(a->steps, b->steps, size) == 0;
}

tenon_status npu_settle(npu_compiler *c, const npu_view *view, uint32_t *out_buffer) {
    int64_t steps[NPU_MOST_RANK];
    *out_buffer = view->buffer;
    if (is_settled(c, view)) return TENON_STATUS_OK;
    for (npu_settled *s = c->settled; s; s = s->next) {
        *out_buffer = s->buffer;
        if (is_same(&s->view, view)) return TENON_STATUS_OK;
    }
    npu_settled *made = npu_arena_get(&c->scratch, sizeof *made);
    if (!made) return TENON_STATUS_OUT_OF_MEMORY;
    TENON_TRY(npu_make_buffer(c, view->dtype, view->rank, view->dims, out_buffer));
    npu_plain_steps(view->rank, view->dims, steps);
    if (is_constant(c, view->buffer))
        TENON_TRY(settle_constant(c, view, *out_buffer, steps));
    else
        TENON_TRY(npu_copy_into(c, view, *out_buffer, steps, 0));
    *made = (npu_settled){c->settled, *view, *out_buffer};
    c->settled = made;
    return TENON_STATUS_OK;
}

/* -- Other dims ----------------------------------------------------------------------------------------------------- */

/* Splits and joins axes where steps allow it; 0: they do not. */
static int remap(const npu_view *view, uint32_t rank, const int64_t *dims, npu_view *out) {
    int64_t from_dims[NPU_MOST_RANK], from_steps[NPU_MOST_RANK];
    uint32_t from_rank = 0, from = 0, to = 0;
    for (uint32_t i = 0; i < view->rank; i++) {
        if (view->dims[i] == 1) continue;
        from_dims[from_rank] = view->dims[i];
        from_steps[from_rank++] = view->steps[i];
    }
    while (to < rank && from < from_rank) {
        uint32_t from_end = from + 1, to_end = to + 1;
        int64_t have = from_dims[from], want = dims[to];
        while (have != want) {
            if (have < want && from_end < from_rank)
                have *= from_dims[from_end++];
            else if (have > want && to_end < rank)
                want *= dims[to_end++];
            else
                return 0;
        }
        for (uint32_t i = from; i + 1 < from_end; i++)
            if (from_steps[i] != from_steps[i + 1] * from_dims[i + 1]) return 0;
        int64_t step = from_steps[from_end - 1];
        for (uint32_t i = to_end; i-- > to;) {
            out->steps[i] = step;
            step *= dims[i];
        }
        from = from_end;
        to = to_end;
    }
    for (; to < rank; to++) out->steps[to] = 0;
    return 1;
}

tenon_status npu_reshape(npu_compiler *c, npu_view *view, uint32_t rank, const int64_t *dims) {
    npu_view result = *view;
    int64_t steps[NPU_MOST_RANK];
    if (rank == view->rank && memcmp(dims, view->dims, rank * sizeof *dims) == 0) return TENON_STATUS_OK;
    result.rank = rank;
    memset(result.dims, 0, sizeof result.dims);
    memset(result.steps, 0, sizeof result.steps);
    if (rank) memcpy(result.dims, dims, rank * sizeof *dims);
    npu_plain_steps(rank, dims, steps);
    if (npu_count(rank, dims) == 0 || npu_view_is_plain(view)) {
        if (rank) memcpy(result.steps, steps, rank * sizeof *steps);
    } else if (!remap(view, rank, dims, &result)) {
        TENON_TRY(npu_settle(c, view, &result.buffer));
        if (rank) memcpy(result.steps, steps, rank * sizeof *steps);
        result.offset = 0;
    }
    *view = result;
    return TENON_STATUS_OK;
}

/* -- The operators -------------------------------------------------------------------------------------------------- */

static int64_t entry(const npu_compiler *c, uint32_t id, uint32_t index) {
    const tenon_attr *list = tenon_attr_find(c->node->attrs, c->node->attr_count, id);
    return list && index < list->count ? list->values[index] : tenon_attr_row_of(id)->default_value;
}

static void window(const npu_compiler *c, const npu_view *x, npu_view *y) {
    memcpy(y->steps, x->steps, x->rank * sizeof *x->steps);
    for (uint32_t i = x->rank; i < y->rank; i++) {
        uint32_t axis = (uint32_t)entry(c, TENON_ATTR_AXES, i - x->rank);
        y->steps[i] = x->steps[axis] * entry(c, TENON_ATTR_DILATIONS, i - x->rank);
        y->steps[axis] = x->steps[axis] * entry(c, TENON_ATTR_STEPS, i - x->rank);
    }
}

static void expand(const npu_view *x, npu_view *y) {
    uint32_t added = y->rank - x->rank;
    for (uint32_t i = 0; i < y->rank; i++)
        y->steps[i] = i >= added && x->dims[i - added] == y->dims[i] ? x->steps[i - added] : 0;
}

tenon_status npu_lower_view(npu_compiler *c) {
    const npu_value *out = &c->values[c->node->outputs[0]];
    npu_view x, y;
    TENON_TRY(npu_input(c, 0, &x));
    y = x;
    if (c->node->op == TENON_OP_RESHAPE) return npu_set_output(c, 0, &x);
    y.rank = out->rank;
    memset(y.dims, 0, sizeof y.dims);
    memcpy(y.dims, out->dims, sizeof out->dims);
    memset(y.steps, 0, sizeof y.steps);
    switch (c->node->op) {
    case TENON_OP_PERMUTE:
        for (uint32_t i = 0; i < y.rank; i++) y.steps[i] = x.steps[entry(c, TENON_ATTR_PERM, i)];
        break;
    case TENON_OP_EXPAND: expand(&x, &y); break;
    case TENON_OP_SLICE:
        for (uint32_t i = 0; i < y.rank; i++) {
            y.steps[i] = x.steps[i] * entry(c, TENON_ATTR_STEPS, i);
            y.offset += x.steps[i] * entry(c, TENON_ATTR_STARTS, i);
        }
        break;
    default: window(c, &x, &y); break;
    }
    return npu_set_output(c, 0, &y);
}

tenon_status npu_lower_same(npu_compiler *c) {
    npu_view x;
    TENON_TRY(npu_input(c, 0, &x));
    return npu_set_output(c, 0, &x);
}
