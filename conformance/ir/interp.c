/* Runs Kernel IR, node by node, as README.md of device-api/src/kernel words it. */
#include "interp.h"

#include <stdlib.h>
#include <string.h>

struct view {
    uint8_t *base;
    uint32_t dtype, rank;
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
};

struct interp {
    const tenon__kir_program *program;
    const tenonc_interp_options *options;
    const int64_t *symbols;
    const uint64_t *scalars;
    struct view *views;
    uint64_t *values; /* of all nodes, tiles whole */
    size_t *start;    /* by node: where its value begins */
    uint8_t *workspace;
    bool fault;
};

static size_t elements(const tenon__kir_type *type) {
    size_t count = 1;
    for (uint32_t i = 0; i < type->rank; i++) count *= type->extents[i];
    return count;
}

static uint64_t *slot(const struct interp *interp, tenon__kir_id id) {
    return interp->values + interp->start[id];
}

/* Values. */

/* The scalar value of a node; symbols and constants need no evaluation. */
static uint64_t value_of(const struct interp *interp, tenon__kir_id id) {
    const tenon__kir_node *node = &interp->program->nodes[id];
    if (node->kind == TENON__KIR_CONST) return node->bits;
    if (node->kind == TENON__KIR_SYMBOL) return (uint64_t)interp->symbols[node->ref];
    if (node->kind == TENON__KIR_SCALAR)
        return tenonc_load(interp->program->scalars[node->ref].dtype, &interp->scalars[node->ref], 0);
    return *slot(interp, id);
}

static uint64_t arg(const struct interp *interp, const tenon__kir_node *node, uint32_t i) {
    return value_of(interp, tenon__kir_arg(interp->program, node, i));
}

/* Copies a value, a tile or a scalar that fills one, to the place of one of type `type`. */
static void copy_value(const struct interp *interp, uint64_t *to, const tenon__kir_type *type, tenon__kir_id from) {
    bool whole = type->rank > 0 && interp->program->nodes[from].type.rank > 0;
    for (size_t i = 0, count = elements(type); i < count; i++)
        to[i] = whole ? slot(interp, from)[i] : value_of(interp, from);
}

/* What an operator takes or gives for a value. */
static uint64_t taken(const struct interp *interp, uint32_t dtype, uint64_t value) {
    return interp->options->flushes ? tenonc_flushed(dtype, value) : value;
}

static uint64_t eval_op(const struct interp *interp, const tenon__kir_node *node) {
    uint64_t args[3] = {0};
    for (uint32_t i = 0; i < node->arg_count; i++) {
        tenon__kir_id id = tenon__kir_arg(interp->program, node, i);
        args[i] = taken(interp, interp->program->nodes[id].type.dtype, value_of(interp, id));
    }
    tenon__kir_id typed = tenon__kir_arg(interp->program, node, node->op == TENON_OP_WHERE ? 1 : 0);
    uint32_t dtype = interp->program->nodes[typed].type.dtype;
    return taken(interp, node->type.dtype, tenonc_scalar_op(node->op, dtype, args[0], args[1], args[2]));
}

static uint64_t eval_cast(const struct interp *interp, const tenon__kir_node *node) {
    tenon__kir_id id = tenon__kir_arg(interp->program, node, 0);
    uint32_t from = interp->program->nodes[id].type.dtype;
    uint64_t value = taken(interp, from, value_of(interp, id));
    return taken(interp, node->to, tenonc_cast(from, node->to, node->flags & TENON__KIR_WRAP, value));
}

/* Offset of the element, in elements. False when an index is out of range. */
static bool locate(const struct interp *interp, const tenon__kir_node *node, int64_t *out_offset) {
    const struct view *view = &interp->views[node->ref];
    int64_t offset = 0;
    for (uint32_t d = 0; d < view->rank; d++) {
        int64_t index = (int64_t)arg(interp, node, d);
        if (index < 0 || index >= view->dims[d]) return false;
        offset += index * view->strides[d];
    }
    *out_offset = offset;
    return true;
}

static uint64_t eval_load(struct interp *interp, const tenon__kir_node *node) {
    const struct view *view = &interp->views[node->ref];
    bool guarded = node->flags & TENON__KIR_GUARDED;
    int64_t offset;
    if (guarded && !arg(interp, node, view->rank)) return arg(interp, node, view->rank + 1);
    if (locate(interp, node, &offset)) return tenonc_load(view->dtype, view->base, offset);
    interp->fault = true;
    return guarded ? arg(interp, node, view->rank + 1) : 0;
}

static void run_store(struct interp *interp, const tenon__kir_node *node) {
    static const tenon_op ops[] = {[TENON_COMBINE_ADD] = TENON_OP_ADD,
                                   [TENON_COMBINE_MUL] = TENON_OP_MUL,
                                   [TENON_COMBINE_MIN] = TENON_OP_MIN,
                                   [TENON_COMBINE_MAX] = TENON_OP_MAX};
    const struct view *view = &interp->views[node->ref];
    uint64_t value = arg(interp, node, view->rank);
    int64_t offset;
    if ((node->flags & TENON__KIR_GUARDED) && !arg(interp, node, view->rank + 1)) return;
    if (!locate(interp, node, &offset)) {
        interp->fault = true;
        return;
    }
    if (node->op != TENON_COMBINE_SET)
        value = tenonc_scalar_op(ops[node->op], tenon__kir_compute_dtype(view->dtype),
                                 tenonc_load(view->dtype, view->base, offset), value, 0);
    tenonc_store(view->dtype, view->base, offset, value);
}

static uint64_t eval_elem(const struct interp *interp, const tenon__kir_node *node) {
    tenon__kir_id tile = tenon__kir_arg(interp->program, node, 0);
    const tenon__kir_type *type = &interp->program->nodes[tile].type;
    size_t at = 0;
    for (uint32_t d = 0; d < type->rank; d++) at = at * type->extents[d] + (size_t)arg(interp, node, d + 1);
    return slot(interp, tile)[at];
}

/* Loops. */

static void run_block(struct interp *interp, uint32_t block);

/* Steps of the axes; their extents come back. */
static int64_t count_steps(const struct interp *interp, const tenon__kir_loop *loop, int64_t *extents) {
    int64_t steps = 1;
    for (uint32_t i = 0; i < loop->axis_count; i++) {
        extents[i] = (int64_t)value_of(interp, loop->extent[i]);
        if (extents[i] < 0) extents[i] = 0;
        steps *= extents[i];
    }
    return steps;
}

/* Sets the axes to step number `step`, row-major. */
static void set_axes(const struct interp *interp, const tenon__kir_loop *loop, const int64_t *extents, int64_t step) {
    for (uint32_t i = loop->axis_count; i-- > 0;) {
        *slot(interp, loop->axis[i]) = (uint64_t)(step % extents[i]);
        step /= extents[i];
    }
}

static const tenon__kir_type *carry_type(const struct interp *interp, const tenon__kir_loop *loop, uint32_t i) {
    return &interp->program->nodes[loop->carry[i]].type;
}

/* All at once: a next value may be another carried one. */
static void assign(const struct interp *interp, const tenon__kir_loop *loop, const tenon__kir_id *to,
                   const tenon__kir_id *from) {
    uint64_t *kept[TENON__KIR_MAX_CARRY];
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        const tenon__kir_type *type = carry_type(interp, loop, i);
        kept[i] = malloc(elements(type) * sizeof *kept[i]);
        if (!kept[i]) abort(); /* a test's oracle: nothing to recover for */
        copy_value(interp, kept[i], type, from[i]);
    }
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        memcpy(slot(interp, to[i]), kept[i], elements(carry_type(interp, loop, i)) * sizeof *kept[i]);
        free(kept[i]);
    }
}

static void run_steps(struct interp *interp, const tenon__kir_loop *loop, const int64_t *extents, int64_t first,
                      int64_t last) {
    assign(interp, loop, loop->carry, loop->init);
    for (int64_t step = first; step < last; step++) {
        set_axes(interp, loop, extents, step);
        run_block(interp, loop->body);
        assign(interp, loop, loop->carry, loop->next);
    }
}

/* result = merge(result, carry) */
static void merge_part(struct interp *interp, const tenon__kir_loop *loop) {
    if (loop->merge == TENON__KIR_MERGE_BODY) {
        tenon__kir_id first[TENON__KIR_MAX_CARRY], second[TENON__KIR_MAX_CARRY];
        for (uint32_t i = 0; i < loop->carry_count; i++) {
            first[i] = loop->param[2 * i];
            second[i] = loop->param[2 * i + 1];
        }
        assign(interp, loop, first, loop->result);
        assign(interp, loop, second, loop->carry);
        run_block(interp, loop->merge_body);
        assign(interp, loop, loop->result, loop->merged);
        return;
    }
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        const tenon__kir_type *type = carry_type(interp, loop, i);
        uint64_t *result = slot(interp, loop->result[i]), *part = slot(interp, loop->carry[i]);
        for (size_t e = 0, count = elements(type); e < count; e++)
            result[e] = tenonc_scalar_op(loop->merge_op[i], type->dtype, result[e], part[e], 0);
    }
}

static void run_loop(struct interp *interp, const tenon__kir_loop *loop) {
    int64_t extents[TENON__KIR_MAX_AXES], steps = count_steps(interp, loop, extents), parts = 1;
    if (loop->merge != TENON__KIR_MERGE_NONE && interp->options->parts > 1) parts = interp->options->parts;
    for (int64_t part = 0; part < parts; part++) {
        run_steps(interp, loop, extents, steps / parts * part, part == parts - 1 ? steps : steps / parts * (part + 1));
        if (part == 0)
            assign(interp, loop, loop->result, loop->carry);
        else
            merge_part(interp, loop);
    }
}

static void run_tile(struct interp *interp, tenon__kir_id id) {
    const tenon__kir_loop *loop = &interp->program->loops[interp->program->nodes[id].loop];
    int64_t extents[TENON__KIR_MAX_AXES], steps = count_steps(interp, loop, extents);
    for (int64_t step = 0; step < steps; step++) {
        set_axes(interp, loop, extents, step);
        run_block(interp, loop->body);
        slot(interp, id)[step] = value_of(interp, loop->next[0]);
    }
}

static void run_block(struct interp *interp, uint32_t block) {
    const tenon__kir_program *program = interp->program;
    for (tenon__kir_id id = program->blocks[block].first; id; id = program->nodes[id].next) {
        const tenon__kir_node *node = &program->nodes[id];
        switch (node->kind) {
        case TENON__KIR_OP: *slot(interp, id) = eval_op(interp, node); break;
        case TENON__KIR_CAST: *slot(interp, id) = eval_cast(interp, node); break;
        case TENON__KIR_BITCAST: *slot(interp, id) = tenonc_bitcast(node->to, arg(interp, node, 0)); break;
        case TENON__KIR_LOAD: *slot(interp, id) = eval_load(interp, node); break;
        case TENON__KIR_ELEM: *slot(interp, id) = eval_elem(interp, node); break;
        case TENON__KIR_STORE: run_store(interp, node); break;
        case TENON__KIR_LOOP: run_loop(interp, &program->loops[node->loop]); break;
        case TENON__KIR_TILE: run_tile(interp, id); break;
        default: break;
        }
    }
}

static void run_kernel(struct interp *interp, const tenon__kir_kernel *kernel) {
    const tenon__kir_loop *grid = &interp->program->loops[kernel->loop];
    int64_t extents[TENON__KIR_MAX_AXES], items = count_steps(interp, grid, extents);
    for (int64_t item = 0; item < items; item++) {
        set_axes(interp, grid, extents, interp->options->backwards ? items - 1 - item : item);
        run_block(interp, grid->body);
    }
}

/* Program. */

static void set_views(struct interp *interp, void *const *buffers, const uint64_t *offsets) {
    const tenon__kir_program *program = interp->program;
    uint32_t buffer = 0;
    for (uint32_t i = 0; i < program->operand_count; i++) {
        const tenon__kir_operand *operand = &program->operands[i];
        struct view *view = &interp->views[i];
        bool own = operand->role == TENON__KIR_WORKSPACE;
        *view = (struct view){.dtype = operand->dtype, .rank = operand->rank};
        view->base = own ? interp->workspace + offsets[i] : buffers[buffer++];
        for (uint32_t d = 0; d < operand->rank; d++) {
            view->dims[d] = (int64_t)value_of(interp, operand->dims[d]);
            view->strides[d] = (int64_t)value_of(interp, operand->strides[d]);
        }
    }
}

static bool allocate(struct interp *interp) {
    const tenon__kir_program *program = interp->program;
    size_t total = 1;
    interp->views = calloc(program->operand_count + 1, sizeof *interp->views);
    interp->start = calloc(program->node_count, sizeof *interp->start);
    if (!interp->views || !interp->start) return false;
    for (uint32_t id = 1; id < program->node_count; id++) {
        interp->start[id] = total;
        total += elements(&program->nodes[id].type);
    }
    interp->values = calloc(total, sizeof *interp->values);
    return interp->values != NULL;
}

static tenon_status run(struct interp *interp, void *const *buffers, uint64_t *offsets, tenon__kir_error *error) {
    uint64_t bytes;
    run_block(interp, 0);
    if (tenon__kir_workspace(interp->program, interp->symbols, offsets, &bytes) != TENON_STATUS_OK) {
        snprintf(error->text, sizeof error->text, "the workspace is too large");
        return TENON_STATUS_INVALID;
    }
    interp->workspace = malloc(bytes + 1);
    if (!interp->workspace) return TENON_STATUS_OUT_OF_MEMORY;
    memset(interp->workspace, 0xff, bytes);
    set_views(interp, buffers, offsets);
    for (uint32_t i = 0; i < interp->program->kernel_count; i++) run_kernel(interp, &interp->program->kernels[i]);
    if (!interp->fault) return TENON_STATUS_OK;
    snprintf(error->text, sizeof error->text, "an index was out of range");
    return TENON_STATUS_OUT_OF_RANGE;
}

tenon_status tenonc_interp_run(const tenon__kir_program *program, const int64_t *symbols, const uint64_t *scalars,
                               void *const *buffers, const tenonc_interp_options *options, tenon__kir_error *error) {
    static const tenonc_interp_options plain = {0};
    struct interp interp = {.program = program, .options = options ? options : &plain, .symbols = symbols};
    interp.scalars = scalars;
    error->text[0] = '\0';
    TENON_TRY(tenon__kir_check_symbols(program, symbols, error));
    uint64_t *offsets = calloc(program->operand_count + 1, sizeof *offsets);
    tenon_status status = TENON_STATUS_OUT_OF_MEMORY;
    if (offsets && allocate(&interp)) status = run(&interp, buffers, offsets, error);
    free(offsets);
    free(interp.views);
    free(interp.start);
    free(interp.values);
    free(interp.workspace);
    return status;
}
