/* The builder's structure: declarations, kernels, loops, merges, tiles, finish. Values are in kir_value.c. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

#define FAIL(program, ...) tenon__kir_fail(program, TENON_STATUS_INVALID, __VA_ARGS__)

static const char *name_of(tenon__kir_program *program, const char *name) {
    if (!name || !name[0]) return NULL;
    const char *copy = tenon__kir_intern(program, name, strlen(name));
    if (!copy) tenon__kir_fail(program, TENON_STATUS_OUT_OF_MEMORY, "out of memory while building '%s'", program->name);
    return copy;
}

static bool at_head(tenon__kir_program *program, const char *what) {
    if (!tenon__kir_alive(program)) return false;
    if (program->state->depth == 0) return true;
    FAIL(program, "%s inside a kernel: declare it before", what);
    return false;
}

/* Declarations. */

/* Common to the tables of declarations: a name is needed, the table is not full, there is memory. */
static bool room_for(tenon__kir_program *program, const char *name, uint32_t count, uint32_t limit, const char *what) {
    if (!at_head(program, what)) return false;
    if (!name || !name[0])
        FAIL(program, "%s %u has no name", what, count);
    else if (count >= limit)
        FAIL(program, "more than %u of: %s", limit, what);
    else
        return true;
    return false;
}

static bool grown(tenon__kir_program *program, void *array, uint32_t *room, uint32_t count, size_t size) {
    if (tenon__kir_grow(array, room, count, 1, size)) return true;
    tenon__kir_fail(program, TENON_STATUS_OUT_OF_MEMORY, "out of memory while building '%s'", program->name);
    return false;
}

tenon__kir_id tenon__kir_symbol_new(tenon__kir_program *program, const char *name, tenon_symbol range) {
    uint32_t number = program->symbol_count;
    if (!room_for(program, name, number, TENON__KIR_MAX_SYMBOLS, "symbol")) return 0;
    if (!grown(program, &program->symbols, &program->state->symbol_room, number, sizeof *program->symbols)) return 0;
    const char *copy = name_of(program, name);
    tenon__kir_node leaf = {
        .kind = TENON__KIR_SYMBOL, .type = tenon__kir_scalar_type(TENON__KIR_INDEX), .ref = number, .name = copy};
    tenon__kir_id id = tenon__kir_add_leaf(program, &leaf, 0);
    if (id == 0) return 0;
    program->symbols[program->symbol_count++] = (tenon__kir_symbol){copy, range, id};
    return id;
}

tenon__kir_id tenon__kir_scalar_new(tenon__kir_program *program, const char *name, uint32_t dtype) {
    uint32_t number = program->scalar_count;
    if (!room_for(program, name, number, TENON__KIR_MAX_SYMBOLS, "scalar")) return 0;
    if (!grown(program, &program->scalars, &program->state->scalar_room, number, sizeof *program->scalars)) return 0;
    const char *copy = name_of(program, name);
    tenon__kir_node leaf = {.kind = TENON__KIR_SCALAR,
                            .type = tenon__kir_scalar_type(tenon__kir_compute_dtype(dtype)),
                            .ref = number,
                            .name = copy};
    tenon__kir_id id = tenon__kir_add_leaf(program, &leaf, 0);
    if (id == 0) return 0;
    program->scalars[program->scalar_count++] = (tenon__kir_scalar){copy, dtype, id};
    return id;
}

static bool head_values(tenon__kir_program *program, const tenon__kir_id *values, uint32_t count, const char *what) {
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] != 0 && values[i] < program->node_count && program->nodes[values[i]].block == 0) continue;
        FAIL(program, "%s %u is no value of the head: make it from symbols, outside kernels", what, i);
        return false;
    }
    return true;
}

/* Row-major strides without gaps. */
static void default_strides(tenon__kir_program *program, tenon__kir_operand *operand) {
    tenon__kir_id stride = tenon__kir_index(program, 1);
    for (uint32_t i = operand->rank; i-- > 0;) {
        operand->strides[i] = stride;
        if (i > 0) stride = tenon__kir_op(program, TENON_OP_MUL, operand->dims[i], stride, 0);
    }
}

uint32_t tenon__kir_operand_new(tenon__kir_program *program, uint32_t role, const char *name, uint32_t dtype,
                                uint32_t rank, const tenon__kir_id *dims, const tenon__kir_id *strides) {
    uint32_t number = program->operand_count;
    if (!room_for(program, name, number, TENON__KIR_MAX_OPERANDS, "operand")) return UINT32_MAX;
    if (rank > TENON_MAX_RANK) {
        FAIL(program, "operand '%s' has %u dims, %d is the most: collapse some", name, rank, TENON_MAX_RANK);
        return UINT32_MAX;
    }
    if (!head_values(program, dims, rank, "dim") || (strides && !head_values(program, strides, rank, "stride")))
        return UINT32_MAX;
    tenon__kir_operand operand = {.name = name_of(program, name), .role = role, .dtype = dtype, .rank = rank};
    operand.contiguous = strides == NULL;
    for (uint32_t i = 0; i < rank; i++) operand.dims[i] = dims[i];
    for (uint32_t i = 0; i < rank && strides; i++) operand.strides[i] = strides[i];
    if (!strides) default_strides(program, &operand);
    if (!tenon__kir_alive(program)) return UINT32_MAX;
    if (!grown(program, &program->operands, &program->state->operand_room, number, sizeof *program->operands))
        return UINT32_MAX;
    program->operands[program->operand_count++] = operand;
    return number;
}

/* Kernels and loops. */

/* Opens a loop whose body comes next; `node` is the LOOP or TILE, 0 for a grid. */
static tenon__kir_loop *open_loop(tenon__kir_program *program, tenon__kir_id node) {
    struct tenon__kir_state *state = program->state;
    if (state->depth >= TENON__KIR_MAX_DEPTH) {
        FAIL(program, "more than %d loops inside each other", TENON__KIR_MAX_DEPTH);
        return NULL;
    }
    uint32_t number = tenon__kir_add_loop(program, node);
    if (number == UINT32_MAX) return NULL;
    uint32_t body = tenon__kir_add_block(program, state->block, number);
    if (body == UINT32_MAX) return NULL;
    program->loops[number].body = body;
    if (node) program->nodes[node].loop = number;
    state->open[state->depth++] = (struct tenon__kir_open){number, TENON__KIR_PHASE_HEADER, state->block};
    state->block = body;
    return &program->loops[number];
}

static void close_loop(tenon__kir_program *program) {
    struct tenon__kir_state *state = program->state;
    state->block = state->open[--state->depth].outer;
}

/* The loop on top, when it is one of the kind and in a phase that the call allows; else NULL and the sticky error. */
static tenon__kir_loop *top_loop(tenon__kir_program *program, uint32_t kind, uint32_t phase, const char *call) {
    struct tenon__kir_state *state = program->state;
    if (!tenon__kir_alive(program)) return NULL;
    if (state->depth > 0) {
        const struct tenon__kir_open *open = &state->open[state->depth - 1];
        tenon__kir_loop *loop = &program->loops[open->loop];
        uint32_t found = loop->node ? program->nodes[loop->node].kind : TENON__KIR_NONE;
        bool in_phase =
            open->phase == phase || (phase == TENON__KIR_PHASE_BODY && open->phase == TENON__KIR_PHASE_HEADER);
        if (found == kind && in_phase) return loop;
    }
    FAIL(program, "%s does not fit what is open here", call);
    return NULL;
}

void tenon__kir_kernel_begin(tenon__kir_program *program, const char *name) {
    uint32_t number = program->kernel_count;
    if (!room_for(program, name, number, TENON__KIR_MAX_KERNELS, "kernel")) return;
    if (!grown(program, &program->kernels, &program->state->kernel_room, number, sizeof *program->kernels)) return;
    const char *copy = name_of(program, name);
    tenon__kir_loop *loop = open_loop(program, 0);
    if (!loop) return;
    program->kernels[program->kernel_count++] = (tenon__kir_kernel){.name = copy, .loop = program->state->open[0].loop};
}

void tenon__kir_kernel_claim_index32(tenon__kir_program *program) {
    if (top_loop(program, TENON__KIR_NONE, TENON__KIR_PHASE_BODY, "kernel_claim_index32"))
        program->kernels[program->kernel_count - 1].index32 = 1;
}

void tenon__kir_kernel_end(tenon__kir_program *program) {
    if (top_loop(program, TENON__KIR_NONE, TENON__KIR_PHASE_BODY, "kernel_end")) close_loop(program);
}

void tenon__kir_loop_begin(tenon__kir_program *program) {
    if (!tenon__kir_alive(program)) return;
    if (program->state->depth == 0) {
        FAIL(program, "loop outside a kernel");
        return;
    }
    tenon__kir_id node = tenon__kir_add_node(program, (tenon__kir_node){.kind = TENON__KIR_LOOP}, NULL, 0);
    if (node) open_loop(program, node);
}

/* The loop or grid whose header is open. */
static tenon__kir_loop *header(tenon__kir_program *program, const char *call) {
    struct tenon__kir_state *state = program->state;
    bool grid = state->depth > 0 && program->loops[state->open[state->depth - 1].loop].node == 0;
    return top_loop(program, grid ? TENON__KIR_NONE : TENON__KIR_LOOP, TENON__KIR_PHASE_HEADER, call);
}

static tenon__kir_id axis_leaf(tenon__kir_program *program, const char *name, uint32_t loop, uint32_t axis) {
    tenon__kir_node leaf = {.kind = TENON__KIR_AXIS,
                            .type = tenon__kir_scalar_type(TENON__KIR_INDEX),
                            .ref = axis,
                            .loop = loop,
                            .name = name_of(program, name)};
    return tenon__kir_add_leaf(program, &leaf, program->loops[loop].body);
}

/* Adds an axis; the loop is addressed by number, since leaves and constants may move arrays. */
static tenon__kir_id add_axis(tenon__kir_program *program, const char *name, tenon__kir_id extent, uint32_t number) {
    tenon__kir_loop *loop = &program->loops[number];
    if (loop->axis_count >= TENON__KIR_MAX_AXES) {
        FAIL(program, "more than %d axes: collapse some", TENON__KIR_MAX_AXES);
        return 0;
    }
    if (extent == 0 || extent >= program->node_count || program->nodes[extent].type.dtype != TENON__KIR_INDEX) {
        FAIL(program, "the extent of axis '%s' is no index", name ? name : "");
        return 0;
    }
    uint32_t axis = loop->axis_count++;
    loop->extent[axis] = extent;
    tenon__kir_id id = axis_leaf(program, name, number, axis);
    program->loops[number].axis[axis] = id;
    return id;
}

tenon__kir_id tenon__kir_axis(tenon__kir_program *program, const char *name, tenon__kir_id extent) {
    tenon__kir_loop *loop = header(program, "axis");
    return loop ? add_axis(program, name, extent, (uint32_t)(loop - program->loops)) : 0;
}

tenon__kir_id tenon__kir_carry(tenon__kir_program *program, const char *name, const tenon__kir_type *type,
                               tenon__kir_id init) {
    tenon__kir_loop *loop = top_loop(program, TENON__KIR_LOOP, TENON__KIR_PHASE_HEADER, "carry");
    if (!loop) return 0;
    if (init == 0 || init >= program->node_count || program->nodes[init].type.dtype == 0) {
        FAIL(program, "carried value '%s' starts from no value of this program", name ? name : "");
        return 0;
    }
    if (loop->carry_count >= TENON__KIR_MAX_CARRY) {
        FAIL(program, "more than %d carried values: put some in a tile", TENON__KIR_MAX_CARRY);
        return 0;
    }
    uint32_t number = (uint32_t)(loop - program->loops), carry = loop->carry_count++;
    tenon__kir_node leaf = {.kind = TENON__KIR_CARRY,
                            .type = type ? *type : program->nodes[init].type,
                            .ref = carry,
                            .loop = number,
                            .name = name_of(program, name)};
    loop->init[carry] = init;
    tenon__kir_id id = tenon__kir_add_leaf(program, &leaf, loop->body);
    program->loops[number].carry[carry] = id;
    return id;
}

static bool want_carries(tenon__kir_program *program, uint32_t wanted, uint32_t given, const char *what) {
    if (wanted == given) return true;
    FAIL(program, "%s of %u values, but the loop carries %u", what, given, wanted);
    return false;
}

void tenon__kir_merge_ops(tenon__kir_program *program, const tenon_op *ops, uint32_t count) {
    tenon__kir_loop *loop = top_loop(program, TENON__KIR_LOOP, TENON__KIR_PHASE_HEADER, "merge");
    if (!loop || !want_carries(program, loop->carry_count, count, "merge")) return;
    loop->merge = TENON__KIR_MERGE_OPS;
    for (uint32_t i = 0; i < count; i++) loop->merge_op[i] = ops[i];
}

void tenon__kir_merge_begin(tenon__kir_program *program, tenon__kir_id *out_first, tenon__kir_id *out_second) {
    tenon__kir_loop *loop = top_loop(program, TENON__KIR_LOOP, TENON__KIR_PHASE_HEADER, "merge");
    if (!loop) return;
    struct tenon__kir_state *state = program->state;
    struct tenon__kir_open *open = &state->open[state->depth - 1];
    uint32_t number = open->loop, block = tenon__kir_add_block(program, open->outer, number);
    if (block == UINT32_MAX) return;
    loop->merge = TENON__KIR_MERGE_BODY;
    loop->merge_body = block;
    for (uint32_t i = 0; i < 2 * loop->carry_count; i++) {
        tenon__kir_node leaf = {
            .kind = TENON__KIR_PARAM, .type = program->nodes[loop->carry[i / 2]].type, .ref = i, .loop = number};
        loop->param[i] = tenon__kir_add_leaf(program, &leaf, block);
        (i % 2 ? out_second : out_first)[i / 2] = loop->param[i];
    }
    open->phase = TENON__KIR_PHASE_MERGE;
    state->block = block;
}

void tenon__kir_merge_end(tenon__kir_program *program, const tenon__kir_id *values, uint32_t count) {
    tenon__kir_loop *loop = top_loop(program, TENON__KIR_LOOP, TENON__KIR_PHASE_MERGE, "merge_end");
    if (!loop || !want_carries(program, loop->carry_count, count, "merged yield")) return;
    for (uint32_t i = 0; i < count; i++) loop->merged[i] = values[i];
    program->state->open[program->state->depth - 1].phase = TENON__KIR_PHASE_BODY;
    program->state->block = loop->body;
}

void tenon__kir_loop_end(tenon__kir_program *program, const tenon__kir_id *next, uint32_t count,
                         tenon__kir_id *out_results) {
    tenon__kir_loop *loop = top_loop(program, TENON__KIR_LOOP, TENON__KIR_PHASE_BODY, "loop_end");
    if (!loop || !want_carries(program, loop->carry_count, count, "next")) return;
    uint32_t number = (uint32_t)(loop - program->loops);
    close_loop(program);
    for (uint32_t i = 0; i < count; i++) {
        const tenon__kir_node *carry = &program->nodes[loop->carry[i]];
        tenon__kir_node leaf = {
            .kind = TENON__KIR_RESULT, .type = carry->type, .ref = i, .loop = number, .name = carry->name};
        loop->next[i] = next[i];
        loop->result[i] = tenon__kir_add_leaf(program, &leaf, program->state->block);
        if (out_results) out_results[i] = loop->result[i];
    }
}

/* Tiles. */

void tenon__kir_tile_begin(tenon__kir_program *program, const char *name, uint32_t dtype, uint32_t rank,
                           const uint32_t *extents, tenon__kir_id *out_axes) {
    if (!tenon__kir_alive(program)) return;
    if (program->state->depth == 0 || rank == 0 || rank > TENON__KIR_MAX_TILE_RANK) {
        FAIL(program, "a tile lies in a kernel and has 1 to %d dims", TENON__KIR_MAX_TILE_RANK);
        return;
    }
    tenon__kir_node tile = {.kind = TENON__KIR_TILE, .name = name_of(program, name)};
    tile.type = (tenon__kir_type){.dtype = (uint16_t)dtype, .rank = (uint16_t)rank};
    for (uint32_t i = 0; i < rank; i++) tile.type.extents[i] = extents[i];
    tenon__kir_id node = tenon__kir_add_node(program, tile, NULL, 0);
    if (!node || !open_loop(program, node)) return;
    uint32_t number = program->loop_count - 1;
    for (uint32_t i = 0; i < rank; i++)
        out_axes[i] = add_axis(program, NULL, tenon__kir_index(program, extents[i]), number);
}

tenon__kir_id tenon__kir_tile_end(tenon__kir_program *program, tenon__kir_id element) {
    tenon__kir_loop *loop = top_loop(program, TENON__KIR_TILE, TENON__KIR_PHASE_BODY, "tile_end");
    if (!loop) return 0;
    loop->next[0] = element;
    close_loop(program);
    return loop->node;
}

tenon__kir_id tenon__kir_name(tenon__kir_program *program, tenon__kir_id id, const char *name) {
    if (!tenon__kir_alive(program) || id == 0 || id >= program->node_count) return id;
    program->nodes[id].name = name_of(program, name);
    return id;
}

/* Finish. */

struct liveness {
    const tenon__kir_program *program;
    bool *live;
    tenon__kir_id *stack;
    uint32_t depth;
};

static void mark(tenon__kir_id id, void *context) {
    struct liveness *alive = context;
    if (id == 0 || id >= alive->program->node_count || alive->live[id]) return;
    alive->live[id] = true;
    alive->stack[alive->depth++] = id;
}

/* A store keeps the loops around it; a result keeps its loop; whatever is kept keeps what it uses. */
static void mark_all(struct liveness *alive) {
    const tenon__kir_program *program = alive->program;
    for (tenon__kir_id id = 1; id < program->node_count; id++)
        if (program->nodes[id].kind == TENON__KIR_STORE) mark(id, alive);
    for (uint32_t i = 0; i < program->operand_count; i++)
        for (uint32_t d = 0; d < program->operands[i].rank; d++) {
            mark(program->operands[i].dims[d], alive);
            mark(program->operands[i].strides[d], alive);
        }
    for (uint32_t i = 0; i < program->kernel_count; i++)
        for (uint32_t a = 0; a < program->loops[program->kernels[i].loop].axis_count; a++)
            mark(program->loops[program->kernels[i].loop].extent[a], alive);
    while (alive->depth > 0) {
        tenon__kir_id id = alive->stack[--alive->depth];
        const tenon__kir_node *node = &program->nodes[id];
        if (node->kind == TENON__KIR_RESULT || node->kind == TENON__KIR_CARRY)
            mark(program->loops[node->loop].node, alive);
        for (uint32_t b = node->block; b != 0 && !tenon__kir_is_leaf(program, id); b = program->blocks[b].parent)
            mark(program->loops[program->blocks[b].loop].node, alive);
        tenon__kir_each_use(program, id, mark, alive);
    }
}

static void drop_from(tenon__kir_program *program, tenon__kir_block *block, const bool *live) {
    tenon__kir_id *link = &block->first, last = 0;
    while (*link) {
        tenon__kir_id id = *link;
        if (live[id]) {
            last = id;
            link = &program->nodes[id].next;
        } else {
            *link = program->nodes[id].next;
        }
    }
    block->last = last;
}

tenon_status tenon__kir_drop_unused(tenon__kir_program *program) {
    struct liveness alive = {.program = program};
    alive.live = calloc(program->node_count, sizeof *alive.live);
    alive.stack = calloc(program->node_count, sizeof *alive.stack);
    tenon_status status = alive.live && alive.stack ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
    if (status == TENON_STATUS_OK) {
        mark_all(&alive);
        for (uint32_t b = 0; b < program->block_count; b++) drop_from(program, &program->blocks[b], alive.live);
    }
    free(alive.live);
    free(alive.stack);
    return status;
}

tenon_status tenon__kir_finish(tenon__kir_program *program, tenon__kir_error *error) {
    struct tenon__kir_state *state = program->state;
    if (state->finished) return tenon__kir_invalid(error, "finish was called twice");
    if (state->depth > 0) FAIL(program, "a kernel, loop or tile is still open");
    if (state->status != TENON_STATUS_OK) {
        *error = state->error;
        return state->status;
    }
    TENON_TRY(tenon__kir_drop_unused(program));
    TENON_TRY(tenon__kir_verify(program, error));
    state->finished = true;
    return tenon__kir_compute_hash(program);
}
