#include "chain.h"

#include <string.h>

enum { MOST_REGISTERS = 48, MOST_FOR_NODE = 10, TILE = 256, TILE_ROWS = TILE / NPU_LANES, TILE_BYTES = TILE * 8 };

/* How a leaf is read. FULL: lies as the chain's elements do. LANES: row by row, as lanes side by side. SPLAT: row by row,
 * one element each. ONE: a single element. */
typedef enum reading { FULL, LANES, SPLAT, ONE } reading;

typedef struct leaf {
    reading how;
    uint32_t buffer;
    uint32_t register_;
    uint32_t size; /* bytes of an element */
    int64_t first; /* elements before row 0, block 0 */
    int64_t block; /* elements from one block to the next */
    int64_t steps[NPU_MOST_RANK];
} leaf;

typedef struct instruction {
    npu_lanes run;
    uint32_t inputs[3];
    uint32_t output;
} instruction;

typedef struct output {
    uint32_t register_, buffer;
} output;

typedef struct link {
    uint32_t value, register_, uses;
} link;

struct npu_chain {
    uint32_t rank;
    int64_t dims[NPU_MOST_RANK];
    uint32_t register_count, leaf_count, instruction_count, output_count, link_count;
    tenon_dtype dtypes[MOST_REGISTERS];
    uint32_t as_f32[MOST_REGISTERS]; /* 1 + the register that has it as f32 */
    leaf leaves[MOST_REGISTERS];
    npu_view views[MOST_REGISTERS]; /* of the leaves */
    instruction instructions[MOST_REGISTERS];
    output outputs[MOST_REGISTERS];
    link links[MOST_REGISTERS]; /* values of the graph that registers hold */
};

/* -- Running ------------------------------------------------------------------------------------------------------ */

typedef struct chain_step {
    npu_step head;
    npu_form form; /* of what is computed; `size` is none's */
    uint32_t outer, leaf_count, instruction_count, output_count, register_count, slot_count;
    uint32_t is_flat; /* no leaf is read row by row */
    uint32_t reserved;
    int64_t dims[NPU_MOST_RANK]; /* the outer axes */
    const leaf *leaves;
    const instruction *instructions;
    const output *outputs;
    const uint32_t *sizes; /* bytes of an element, by register */
    const uint32_t *slots; /* tile, by register */
} chain_step;

typedef struct machine {
    const chain_step *step;
    const npu_run *run;
    char *at[MOST_REGISTERS];
    int64_t rows[MOST_REGISTERS]; /* by leaf: elements before the row's lanes, without the block */
    int64_t index[NPU_MOST_RANK]; /* of the row */
    _Alignas(64) char tiles[MOST_REGISTERS][TILE_BYTES];
} machine;

#define SPREAD(type)                                                                                                   \
    {                                                                                                                  \
        type value = ((const type *)from)[0];                                                                          \
        for (int64_t i = 0; i < count; i++) ((type *)to)[i] = value;                                                   \
    }                                                                                                                  \
    break

static void spread(const void *from, void *to, uint32_t size, int64_t count) {
    switch (size) {
    case 1: SPREAD(uint8_t);
    case 2: SPREAD(uint16_t);
    case 4: SPREAD(uint32_t);
    default: SPREAD(uint64_t);
    }
}

/* Points registers to where the elements from `place` on are, in buffers or tiles. */
static void aim(machine *m, int64_t place) {
    const chain_step *s = m->step;
    for (uint32_t i = 0; i < s->leaf_count; i++)
        if (s->leaves[i].how == FULL)
            m->at[s->leaves[i].register_] =
                (char *)m->run->at[s->leaves[i].buffer] + place * (int64_t)s->leaves[i].size;
    for (uint32_t i = 0; i < s->output_count; i++)
        m->at[s->outputs[i].register_] =
            (char *)m->run->at[s->outputs[i].buffer] + place * (int64_t)s->sizes[s->outputs[i].register_];
}

static void execute(machine *m, int64_t count) {
    const chain_step *s = m->step;
    for (uint32_t i = 0; i < s->instruction_count; i++) {
        const instruction *one = &s->instructions[i];
        const void *in[3] = {m->at[one->inputs[0]], m->at[one->inputs[1]], m->at[one->inputs[2]]};
        one->run(m->at[one->output], in, count);
    }
}

static void read_row(machine *m, int64_t block, int64_t row) {
    const chain_step *s = m->step;
    for (uint32_t i = 0; i < s->leaf_count; i++) {
        const leaf *l = &s->leaves[i];
        char *to = m->at[l->register_] + row * NPU_LANES * (int64_t)l->size;
        const char *from = (const char *)m->run->at[l->buffer] + m->rows[i] * (int64_t)l->size;
        if (l->how == LANES)
            memcpy(to, from + block * l->block * (int64_t)l->size, (size_t)NPU_LANES * l->size);
        else if (l->how == SPLAT)
            spread(from, to, l->size, NPU_LANES);
    }
}

static void next_row(machine *m) {
    const chain_step *s = m->step;
    for (uint32_t i = s->outer; i-- > 0;) {
        int wraps = ++m->index[i] == s->dims[i];
        int64_t moved = wraps ? 1 - s->dims[i] : 1;
        for (uint32_t k = 0; k < s->leaf_count; k++) m->rows[k] += moved * s->leaves[k].steps[i];
        if (!wraps) return;
        m->index[i] = 0;
    }
}

static void run_rows(machine *m) {
    const npu_form *form = &m->step->form;
    int64_t blocks = (form->columns + NPU_LANES - 1) / NPU_LANES;
    for (int64_t block = 0; block < blocks; block++) {
        for (int64_t row = 0; row < form->rows; row += TILE_ROWS) {
            int64_t count = form->rows - row < TILE_ROWS ? form->rows - row : TILE_ROWS;
            for (int64_t i = 0; i < count; i++) {
                read_row(m, block, i);
                next_row(m); /* after the last row it is the first again */
            }
            aim(m, block * form->block + row * NPU_LANES);
            execute(m, count * NPU_LANES);
        }
    }
}

static tenon_status run_chain(const npu_step *step, const npu_run *run) {
    const chain_step *s = (const chain_step *)step;
    machine m;
    m.step = s;
    m.run = run;
    memset(m.index, 0, sizeof m.index);
    int64_t blocks = (s->form.columns + NPU_LANES - 1) / NPU_LANES, whole = blocks * s->form.rows * NPU_LANES;
    for (uint32_t i = 0; i < s->register_count; i++) m.at[i] = m.tiles[s->slots[i]];
    for (uint32_t i = 0; i < s->leaf_count; i++) {
        const leaf *l = &s->leaves[i];
        m.rows[i] = l->first;
        if (l->how == ONE) spread(run->at[l->buffer] + l->first * (int64_t)l->size, m.at[l->register_], l->size, TILE);
    }
    if (!s->is_flat) {
        if (whole) run_rows(&m);
        return TENON_STATUS_OK;
    }
    for (int64_t place = 0; place < whole; place += TILE) {
        aim(&m, place);
        execute(&m, whole - place < TILE ? whole - place : TILE);
    }
    return TENON_STATUS_OK;
}

/* -- Ending a chain ------------------------------------------------------------------------------------------------- */

static void *keep(npu_compiler *c, const void *items, size_t size) {
    void *copy = npu_arena_get(&c->exec->arena, size ? size : 1);
    if (copy && size) memcpy(copy, items, size);
    return copy;
}

/* A tile for each register: leaves have theirs for good, results until their last reader. */
static uint32_t assign_slots(const npu_chain *chain, uint32_t *slots) {
    uint32_t last[MOST_REGISTERS] = {0}, spare[MOST_REGISTERS], spare_count = 0, used = 0;
    for (uint32_t i = 0; i < chain->instruction_count; i++)
        for (uint32_t k = 0; k < 3; k++) last[chain->instructions[i].inputs[k]] = i;
    for (uint32_t i = 0; i < chain->leaf_count; i++) {
        slots[chain->leaves[i].register_] = used++;
        last[chain->leaves[i].register_] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < chain->instruction_count; i++) {
        const instruction *one = &chain->instructions[i];
        slots[one->output] = spare_count ? spare[--spare_count] : used++;
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t in = one->inputs[k];
            if (last[in] != i) continue;
            spare[spare_count++] = slots[in];
            last[in] = UINT32_MAX; /* once, though it is read twice */
        }
    }
    return used;
}

static tenon_status give_outputs(npu_compiler *c, npu_chain *chain) {
    for (uint32_t i = 0; i < chain->link_count; i++) {
        const link *l = &chain->links[i];
        npu_value *v = &c->values[l->value];
        uint32_t buffer = UINT32_MAX;
        v->chained = 0;
        if (v->uses <= l->uses) continue;
        for (uint32_t k = 0; k < chain->output_count; k++)
            if (chain->outputs[k].register_ == l->register_) buffer = chain->outputs[k].buffer;
        if (buffer == UINT32_MAX) {
            TENON_TRY(npu_make_buffer(c, v->dtype, v->rank, v->dims, &buffer));
            chain->outputs[chain->output_count++] = (output){l->register_, buffer};
        }
        v->view = npu_view_of(buffer, v->dtype, v->rank, v->dims);
        v->is_known = 1;
    }
    return TENON_STATUS_OK;
}

static tenon_status make_step(npu_compiler *c, const npu_chain *chain) {
    chain_step *s;
    uint32_t slots[MOST_REGISTERS] = {0}, sizes[MOST_REGISTERS];
    TENON_TRY(npu_make_step(c, sizeof *s, run_chain, &s));
    s->form = npu_form_blocked(1, chain->rank, chain->dims);
    s->outer = chain->rank ? chain->rank - 1 : 0;
    memcpy(s->dims, chain->dims, sizeof s->dims);
    s->leaf_count = chain->leaf_count;
    s->instruction_count = chain->instruction_count;
    s->output_count = chain->output_count;
    s->register_count = chain->register_count;
    s->slot_count = assign_slots(chain, slots);
    s->is_flat = 1;
    for (uint32_t i = 0; i < chain->register_count; i++) sizes[i] = tenon_dtype_bits(chain->dtypes[i]) / 8;
    s->leaves = keep(c, chain->leaves, chain->leaf_count * sizeof *chain->leaves);
    s->instructions = keep(c, chain->instructions, chain->instruction_count * sizeof *chain->instructions);
    s->outputs = keep(c, chain->outputs, chain->output_count * sizeof *chain->outputs);
    s->sizes = keep(c, sizes, chain->register_count * sizeof *sizes);
    s->slots = keep(c, slots, chain->register_count * sizeof *slots);
    if (!s->leaves || !s->instructions || !s->outputs || !s->sizes || !s->slots) return TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < chain->leaf_count; i++) {
        npu_touch(c, chain->leaves[i].buffer);
        if (chain->leaves[i].how == LANES || chain->leaves[i].how == SPLAT) s->is_flat = 0;
    }
    for (uint32_t i = 0; i < chain->output_count; i++) npu_touch(c, chain->outputs[i].buffer);
    return TENON_STATUS_OK;
}

tenon_status npu_chain_end(npu_compiler *c) {
    npu_chain *chain = c->chain;
    if (!chain) return TENON_STATUS_OK;
    c->chain = NULL;
    TENON_TRY(give_outputs(c, chain));
    return chain->output_count ? make_step(c, chain) : TENON_STATUS_OK;
}

/* -- Building a chain ----------------------------------------------------------------------------------------------- */

static tenon_status begin(npu_compiler *c, uint32_t rank, const int64_t *dims) {
    npu_chain *chain = c->chain;
    int fits = chain && chain->rank == rank && memcmp(chain->dims, dims, rank * sizeof *dims) == 0;
    if (fits && chain->register_count + MOST_FOR_NODE <= MOST_REGISTERS) return TENON_STATUS_OK;
    TENON_TRY(npu_chain_end(c));
    chain = npu_arena_get(&c->scratch, sizeof *chain);
    if (!chain) return TENON_STATUS_OUT_OF_MEMORY;
    chain->rank = rank;
    if (rank) memcpy(chain->dims, dims, rank * sizeof *dims);
    c->chain = chain;
    return TENON_STATUS_OK;
}

static uint32_t add_register(npu_chain *chain, tenon_dtype dtype) {
    chain->dtypes[chain->register_count] = dtype;
    return chain->register_count++;
}

static uint32_t emit(npu_chain *chain, npu_lanes run, tenon_dtype dtype, const uint32_t *inputs, uint32_t count) {
    instruction *one = &chain->instructions[chain->instruction_count++];
    one->run = run;
    for (uint32_t i = 0; i < 3; i++) one->inputs[i] = inputs[i < count ? i : 0];
    one->output = add_register(chain, dtype);
    return one->output;
}

/* How a view can be read as a leaf; 0: not as it lies. */
static int read_as(const npu_compiler *c, const npu_view *v, leaf *out) {
    const npu_buffer *buffer = &c->exec->buffers[v->buffer];
    const npu_form *form = &buffer->form;
    uint32_t outer = v->rank ? v->rank - 1 : 0;
    int64_t columns = v->rank ? v->dims[outer] : 1, step = columns == 1 ? 0 : v->steps[outer];
    int64_t column = form->columns ? v->offset % form->columns : 0, varies = step;
    if (buffer->is_dense || form->columns == 0) return 0;
    *out = (leaf){.buffer = v->buffer, .size = form->size, .block = form->block};
    for (uint32_t i = 0; i < outer; i++) {
        int64_t by = v->dims[i] == 1 ? 0 : v->steps[i];
        if (by % form->columns) return 0;
        out->steps[i] = by / form->columns * NPU_LANES;
        varies |= by;
    }
    if (step > 1 || step < 0 || (step == 1 && (column % NPU_LANES || column + columns > form->columns))) return 0;
    out->first = npu_form_place(form, v->offset / form->columns, column);
    int is_whole = v->offset == 0 && form->columns == columns && npu_view_is_plain(v) &&
                   npu_count(v->rank, v->dims) == form->rows * columns;
    out->how = is_whole ? FULL : !varies ? ONE : step ? LANES : SPLAT;
    return 1;
}

static tenon_status add_leaf(npu_compiler *c, const npu_view *view, uint32_t *out_register) {
    npu_chain *chain = c->chain;
    for (uint32_t i = 0; i < chain->leaf_count; i++) {
        const npu_view *other = &chain->views[i];
        int same = other->buffer == view->buffer && other->offset == view->offset && other->dtype == view->dtype &&
                   memcmp(other->steps, view->steps, sizeof view->steps) == 0;
        *out_register = chain->leaves[i].register_;
        if (same) return TENON_STATUS_OK;
    }
    leaf *l = &chain->leaves[chain->leaf_count];
    if (!read_as(c, view, l)) {
        npu_view whole;
        uint32_t buffer;
        TENON_TRY(npu_settle(c, view, &buffer));
        whole = npu_view_of(buffer, view->dtype, view->rank, view->dims);
        if (!read_as(c, &whole, l))
            *l = (leaf){.how = FULL, .buffer = buffer, .size = tenon_dtype_bits(view->dtype) / 8};
    }
    chain->views[chain->leaf_count++] = *view;
    l->register_ = *out_register = add_register(chain, view->dtype);
    return TENON_STATUS_OK;
}

static uint32_t to_f32(npu_compiler *c, uint32_t in) {
    npu_chain *chain = c->chain;
    tenon_dtype dtype = chain->dtypes[in];
    if (tenon_dtype_compute(dtype) == dtype) return in;
    if (!chain->as_f32[in])
        chain->as_f32[in] = 1 + emit(chain, c->device->kernels->to_f32[dtype], TENON_DTYPE_F32, &in, 1);
    return chain->as_f32[in] - 1;
}

static uint32_t emit_cast(npu_compiler *c, uint32_t in, tenon_dtype to, int wraps) {
    static const tenon_dtype wides[] = {TENON_DTYPE_F64, TENON_DTYPE_I64, TENON_DTYPE_U64};
    const npu_kernels *kernels = c->device->kernels;
    tenon_dtype from = c->chain->dtypes[in];
    npu_wide wide = npu_wide_of(from);
    if (from == to) return in;
    if (to == TENON_DTYPE_F32 && kernels->to_f32[from]) return to_f32(c, in);
    if (from == TENON_DTYPE_F32 && kernels->from_f32[to]) return emit(c->chain, kernels->from_f32[to], to, &in, 1);
    uint32_t between = emit(c->chain, kernels->widen[from], wides[wide], &in, 1);
    int is_wrapped = wraps && wide == NPU_WIDE_F64 && kernels->wrap[to];
    return emit(c->chain, is_wrapped ? kernels->wrap[to] : kernels->narrow[wide][to], to, &between, 1);
}

static uint32_t emit_map(npu_compiler *c, uint32_t *in, uint32_t count, tenon_dtype result) {
    const npu_kernels *kernels = c->device->kernels;
    tenon_dtype dtype = c->chain->dtypes[in[count - 1]], compute = tenon_dtype_compute(dtype);
    if (c->node->op == TENON_OP_WHERE)
        return emit(c->chain, kernels->select[tenon_dtype_bits(dtype) / 8], dtype, in, count);
    for (uint32_t i = 0; i < count; i++) in[i] = to_f32(c, in[i]);
    int narrows = dtype != compute && result == dtype;
    uint32_t out = emit(c->chain, kernels->map[c->node->op][compute], narrows ? compute : result, in, count);
    return narrows ? emit(c->chain, kernels->from_f32[result], result, &out, 1) : out;
}

tenon_status npu_lower_element(npu_compiler *c) {
    const tenon_graph_node *node = c->node;
    uint32_t out_value = node->outputs[0], in[3] = {0};
    npu_value *y = &c->values[out_value];
    if (node->op == TENON_OP_CAST && c->values[node->inputs[0]].dtype == y->dtype) return npu_lower_same(c);
    TENON_TRY(begin(c, y->rank, y->dims));
    for (uint32_t i = 0; i < node->input_count; i++) {
        npu_value *x = &c->values[node->inputs[i]];
        npu_view view;
        if (x->chained) {
            in[i] = x->chained - 1;
            for (uint32_t k = 0; k < c->chain->link_count; k++)
                if (c->chain->links[k].value == node->inputs[i]) c->chain->links[k].uses++;
            continue;
        }
        TENON_TRY(npu_value_view(c, node->inputs[i], &view));
        view.dtype = x->dtype;
        TENON_TRY(add_leaf(c, &view, &in[i]));
    }
    uint32_t out = node->op == TENON_OP_CAST ? emit_cast(c, in[0], y->dtype, npu_attr(c, TENON_ATTR_WRAP) != 0)
                                             : emit_map(c, in, node->input_count, y->dtype);
    c->chain->links[c->chain->link_count++] = (link){out_value, out, 0};
    y->chained = out + 1;
    return TENON_STATUS_OK;
}

tenon_status npu_chain_cast(npu_compiler *c, const npu_view *view, tenon_dtype dtype, npu_view *out_view) {
    uint32_t in, buffer;
    *out_view = *view;
    if (view->dtype == dtype) return TENON_STATUS_OK;
    TENON_TRY(npu_chain_end(c));
    TENON_TRY(begin(c, view->rank, view->dims));
    TENON_TRY(add_leaf(c, view, &in));
    TENON_TRY(npu_make_buffer(c, dtype, view->rank, view->dims, &buffer));
    c->chain->outputs[c->chain->output_count++] = (output){emit_cast(c, in, dtype, 0), buffer};
    *out_view = npu_view_of(buffer, dtype, view->rank, view->dims);
    return npu_chain_end(c);
}
