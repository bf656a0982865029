#include "passes/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/fold.h"

enum { MAX_UNROLLED = 1 << 13 }; /* nodes that loops may become in one function; longer ones stay loops */

/* The values of one function (or call of it) and what they have become. Regions share the map of their function. */
typedef struct frame {
    tenon__rebuild *r;
    tenonh_value **map; /* by id */
    const tenonh_dim **symbols;
    tenon__arena *scratch;
    uint32_t depth; /* calls within calls */
    uint32_t *uses; /* of the source's values, by id: where a rewriter wants to know */
} frame;

static tenonh_builder *builder(const frame *f) {
    return f->r->b;
}

static bool failed(const frame *f) {
    return tenonh_builder_status(builder(f)) != TENON_STATUS_OK;
}

static const tenonh_dim *dim_of(frame *f, const tenonh_dim *dim) {
    if (failed(f)) return NULL;
    const tenonh_dim *result = tenon__dim_substitute(&f->r->target->dims, dim, f->symbols);
    if (!result) tenon__build_failed(builder(f), TENON_STATUS_INVALID, NULL);
    return result;
}

static void dims_of(frame *f, const tenonh_value *value, const tenonh_dim **dims) {
    for (uint32_t i = 0; i < value->rank; i++) dims[i] = dim_of(f, value->dims[i]);
}

/* A symbol of the source that only the data decides is, from here on, the dim that the target found. */
static void bind_data_dims(frame *f, const tenonh_value *from, const tenonh_value *to) {
    for (uint32_t i = 0; i < from->rank && i < to->rank; i++) {
        const tenonh_dim *dim = from->dims[i];
        if (dim->kind == TENON__DIM_SYMBOL && dim->symbol->data && !f->symbols[dim->symbol->number])
            f->symbols[dim->symbol->number] = to->dims[i];
    }
}

static void check_type(frame *f, const tenonh_node *node, const tenonh_value *from, const tenonh_value *to) {
    bool same = from->dtype == to->dtype && from->rank == to->rank;
    for (uint32_t i = 0; i < from->rank && same && !failed(f); i++) {
        const tenonh_dim *claimed = dim_of(f, from->dims[i]);
        same = claimed && tenon__dim_compare(&f->r->target->dims, claimed, to->dims[i]) != TENON__DIM_DIFFERENT;
    }
    if (!same && !failed(f))
        tenon__build_fail(builder(f), TENON_STATUS_INVALID, "%s: result %u is said to be %s and is %s",
                          tenon__node_text(node), from->index, tenon__type_text(from), tenon__type_text(to));
}

static void set(frame *f, const tenonh_node *node, const tenonh_value *from, tenonh_value *to) {
    f->map[from->id] = to;
    if (!to) return;
    if (f->uses && tenon__note_uses(f->r->rewriter, to, f->uses[from->id]))
        tenon__build_failed(builder(f), TENON_STATUS_OUT_OF_MEMORY, NULL);
    bind_data_dims(f, from, to);
    if (f->r->flags & TENON__REBUILD_CHECK) check_type(f, node, from, to);
    tenon__value_name(builder(f), to, from->name);
    if (to->kind == TENON__VALUE_RESULT && to->memory == TENON__MEMORY_DEVICE) to->memory = from->memory;
}

/* Results in order: those of the node that gave `first`. */
static void set_results(frame *f, const tenonh_node *node, tenonh_value *first) {
    for (uint32_t i = 0; i < node->result_count && !failed(f); i++)
        set(f, node, node->results[i], i == 0 ? first : tenonh_value_result(first, i));
}

static tenonh_value *get(frame *f, const tenonh_value *from) {
    if (!from) return NULL;
    if (from->kind == TENON__VALUE_CONSTANT && !f->map[from->id] && !failed(f)) {
        const tenonh_dim *dims[TENON_MAX_RANK];
        dims_of(f, from, dims);
        f->map[from->id] = tenon__build_shared(builder(f), from->constant, from->name, from->dtype, from->rank, dims);
    }
    return f->map[from->id];
}

static tenonh_value **operands_of(frame *f, const tenonh_node *node) {
    tenonh_value **operands = tenon__arena_array(f->scratch, node->operand_count, sizeof *operands);
    if (!operands) tenon__build_failed(builder(f), tenon__fail_memory(), NULL);
    for (uint32_t i = 0; i < node->operand_count && operands; i++) operands[i] = get(f, node->operands[i]);
    return operands;
}

/* Attributes with dims of the target; two more have room. */
static tenonh_attr *attrs_of(frame *f, const tenonh_node *node) {
    tenonh_attr *attrs = tenon__arena_array(f->scratch, (size_t)node->attr_count + 2, sizeof *attrs);
    for (uint32_t i = 0; i < node->attr_count && attrs; i++) {
        const tenon__attr *from = &node->attrs[i];
        const tenonh_dim **dims = tenon__arena_array(f->scratch, from->count, sizeof *dims);
        for (uint32_t k = 0; k < from->count && dims; k++) dims[k] = dim_of(f, from->dims[k]);
        attrs[i] = (tenonh_attr){from->id, from->count, NULL, dims};
        if (!dims) attrs = NULL;
    }
    if (!attrs) tenon__build_failed(builder(f), tenon__fail_memory(), NULL);
    return attrs;
}

/* -- Nodes ---------------------------------------------------------------------------------------------------------- */

static void rebuild_op(frame *f, const tenonh_node *node) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    tenonh_value **operands = operands_of(f, node);
    tenonh_attr *attrs = attrs_of(f, node);
    uint32_t count = node->attr_count;
    const tenonh_dim *dims[TENON_MAX_RANK];
    int64_t scalars[2] = {(int64_t)node->scalars[0], (int64_t)node->scalars[1]};
    if (failed(f)) return;
    if (row->scalar_count) attrs[count++] = TENON__ATTR_INTS(SCALARS, row->scalar_count, scalars);
    if (tenon__op_brings_dims(row)) {
        dims_of(f, node->results[0], dims);
        attrs[count++] = TENON__ATTR_DIMS(DIMS, node->results[0]->rank, dims);
    }
    set_results(f, node, tenonh_build_op(builder(f), node->op, operands, node->operand_count, attrs, count));
}

static void rebuild_composite(frame *f, const tenonh_node *node) {
    tenonh_value **operands = operands_of(f, node), *results[TENON__COMPOSITE_MAX_OUTPUTS] = {NULL};
    tenonh_attr *attrs = attrs_of(f, node);
    if (failed(f)) return;
    bool computed = (f->r->flags & TENON__REBUILD_DATA) && tenon__compose_data(builder(f), node, operands, results);
    if (!computed)
        tenon__compose_row(builder(f), node->composite, operands, node->operand_count, attrs, node->attr_count,
                           results);
    for (uint32_t i = 0; i < node->result_count && !failed(f); i++) set(f, node, node->results[i], results[i]);
}

/* A node whose results are taken as the source says: composites of an unknown name, reads, writes, calls. */
static void rebuild_as_it_is(frame *f, const tenonh_node *node) {
    tenonh_value **operands = operands_of(f, node);
    tenonh_attr *attrs = attrs_of(f, node);
    if (failed(f)) return;
    tenonh_node *copy = tenon__draft(builder(f), node->kind, operands, node->operand_count, node->result_count);
    if (!copy) return;
    copy->version = node->version;
    copy->name = node->name ? tenon__arena_string(&f->r->target->arena, node->name) : NULL;
    copy->state = node->state ? tenon__module_find_state(f->r->target, node->state->name) : NULL;
    bool named = copy->name || !node->name;
    tenon_status status = named ? tenon__draft_attrs(builder(f), copy, attrs, node->attr_count) : tenon__fail_memory();
    if (status != TENON_STATUS_OK) {
        tenon__build_failed(builder(f), status, copy);
        return;
    }
    for (uint32_t i = 0; i < node->result_count; i++) {
        copy->results[i]->dtype = node->results[i]->dtype;
        copy->results[i]->rank = node->results[i]->rank;
        dims_of(f, node->results[i], copy->results[i]->dims);
    }
    if (!failed(f)) tenon__place(builder(f), copy);
    for (uint32_t i = 0; i < node->result_count && !failed(f); i++) set(f, node, node->results[i], copy->results[i]);
}

/* -- Control -------------------------------------------------------------------------------------------------------- */

static void rebuild_nodes(frame *f, const tenonh_region *region);

static void yield_region(frame *f, const tenonh_node *node, const tenonh_region *region) {
    rebuild_nodes(f, region);
    tenonh_value **results = tenon__arena_array(f->scratch, region->result_count, sizeof *results);
    if (!results) tenon__build_failed(builder(f), tenon__fail_memory(), NULL);
    for (uint32_t i = 0; i < region->result_count && results; i++) results[i] = get(f, region->results[i]);
    if (failed(f)) return;
    tenonh_value *first = tenonh_build_yield(builder(f), results, region->result_count);
    if (region == node->regions[node->region_count - 1]) set_results(f, node, first);
}

static void rebuild_regions(frame *f, const tenonh_node *node) {
    static const uint32_t control_of[] = {[TENON__NODE_IF] = TENONH_CONTROL_IF,
                                          [TENON__NODE_WHILE] = TENONH_CONTROL_WHILE,
                                          [TENON__NODE_FOR] = TENONH_CONTROL_FOR};
    tenonh_value **operands = operands_of(f, node);
    tenonh_attr *attrs = attrs_of(f, node);
    if (failed(f)) return;
    tenonh_build_begin(builder(f), control_of[node->kind], operands, node->operand_count, attrs, node->attr_count);
    for (uint32_t i = 0; i < node->region_count && !failed(f); i++) {
        const tenonh_region *region = node->regions[i];
        for (uint32_t k = 0; k < region->argument_count; k++)
            set(f, node, region->arguments[k], tenonh_build_argument(builder(f), k));
        yield_region(f, node, region);
    }
}

/* Puts the nodes of a region where the node stands; its yields are the results. */
static void inline_region(frame *f, const tenonh_node *node, const tenonh_region *region) {
    rebuild_nodes(f, region);
    for (uint32_t i = 0; i < node->result_count && !failed(f); i++) {
        tenonh_value *value = get(f, region->results[i]);
        f->map[node->results[i]->id] = value;
        if (value) bind_data_dims(f, node->results[i], value);
    }
}

/* True, and the value, for a condition that is constant. */
static bool known_condition(frame *f, tenonh_value *condition, bool *out_taken) {
    uint32_t count;
    const tenonh_dim *const *content = condition ? tenon__content(builder(f), condition, &count) : NULL;
    if (!content || content[0]->kind != TENON__DIM_NUMBER) return false;
    *out_taken = content[0]->number != 0;
    return true;
}

static void rebuild_if(frame *f, const tenonh_node *node) {
    bool taken = false,
         known = (f->r->flags & TENON__REBUILD_INLINE) && known_condition(f, get(f, node->operands[0]), &taken);
    if (known)
        inline_region(f, node, node->regions[taken ? 0 : 1]);
    else
        rebuild_regions(f, node);
}

static uint64_t nodes_in(const tenonh_region *region) {
    uint64_t count = region->node_count + 1;
    for (uint32_t i = 0; i < region->node_count; i++)
        for (uint32_t k = 0; k < region->nodes[i]->region_count; k++) count += nodes_in(region->nodes[i]->regions[k]);
    return count;
}

static tenonh_value *element_of(frame *f, tenonh_value *x, int64_t step) {
    tenonh_builder *b = builder(f);
    return tenon__squeeze(b, tenon__slice_axis(b, x, 0, tenon__num(b, step), tenon__num(b, 1)), 0);
}

/* Stacked results of no step at all. */
static tenonh_value *empty_stack(frame *f, const tenonh_value *result) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    dims_of(f, result, dims);
    dims[0] = tenon__num(builder(f), 0);
    return failed(f) ? NULL : tenon__fill(builder(f), result->dtype, 0, result->rank, dims);
}

static void unroll(frame *f, const tenonh_node *node, int64_t steps) {
    const tenonh_region *region = node->regions[0];
    uint32_t carried = tenon__for_carried(node);
    tenonh_value **operands = operands_of(f, node);
    tenonh_value ***stacks = tenon__arena_array(f->scratch, region->result_count, sizeof *stacks);
    for (uint32_t i = carried; stacks && i < region->result_count; i++)
        stacks[i] = tenon__arena_array(f->scratch, (size_t)steps, sizeof **stacks);
    /* Dims that the data decides inside of a step have another value in each. */
    size_t symbols_size = f->r->source->dims.symbol_count * sizeof *f->symbols;
    const tenonh_dim **symbols = tenon__arena_copy(f->scratch, (const void *)f->symbols, symbols_size);
    if (!stacks || !operands || !symbols) {
        tenon__build_failed(builder(f), tenon__fail_memory(), NULL);
        return;
    }
    for (int64_t step = 0; step < steps && !failed(f); step++) {
        memcpy((void *)f->symbols, (const void *)symbols, symbols_size);
        for (uint32_t i = 0; i < region->argument_count; i++)
            set(f, node, region->arguments[i], i < carried ? operands[i] : element_of(f, operands[i], step));
        rebuild_nodes(f, region);
        for (uint32_t i = 0; i < region->result_count && !failed(f); i++) {
            tenonh_value *value = get(f, region->results[i]);
            if (i >= carried) stacks[i][step] = tenon__unsqueeze(builder(f), value, 0);
        }
        for (uint32_t i = 0; i < carried && !failed(f); i++) operands[i] = get(f, region->results[i]);
    }
    for (uint32_t i = 0; i < node->result_count && !failed(f); i++) {
        tenonh_value *value = i < carried ? operands[i]
                              : steps     ? tenon__concat(builder(f), stacks[i], (uint32_t)steps, 0)
                                          : empty_stack(f, node->results[i]);
        set(f, node, node->results[i], value);
    }
}

static void rebuild_for(frame *f, const tenonh_node *node) {
    const tenonh_dim *steps = dim_of(f, tenon__for_steps(node));
    int64_t count = -1;
    uint64_t made;
    bool known = (f->r->flags & TENON__REBUILD_INLINE) && !tenon__for_is_conditional(node) && steps &&
                 tenonh_dim_is_number(steps, &count) && count >= 0 && count < TENON__MAX_OPERANDS &&
                 !__builtin_mul_overflow(nodes_in(node->regions[0]), (uint64_t)count, &made) &&
                 f->r->unrolled + made <= MAX_UNROLLED;
    if (!known) {
        rebuild_regions(f, node);
        return;
    }
    f->r->unrolled += made;
    unroll(f, node, count);
}

/* The callee's symbols have the values of this call's operands. */
static bool bind_call(frame *callee, const tenonh_node *node, const tenonh_region *body,
                      tenonh_value *const *operands) {
    for (uint32_t i = 0; i < body->argument_count; i++) {
        const tenonh_value *argument = body->arguments[i];
        for (uint32_t k = 0; k < argument->rank && operands[i]; k++) {
            const tenonh_dim *dim = argument->dims[k];
            if (dim->kind == TENON__DIM_SYMBOL && !callee->symbols[dim->symbol->number])
                callee->symbols[dim->symbol->number] = operands[i]->dims[k];
        }
    }
    for (uint32_t i = 0; i < body->argument_count && !failed(callee); i++) {
        const tenonh_value *argument = body->arguments[i];
        callee->map[argument->id] = operands[i];
        for (uint32_t k = 0; k < argument->rank && operands[i]; k++) {
            const tenonh_dim *wanted = dim_of(callee, argument->dims[k]);
            if (wanted &&
                tenon__dim_compare(&callee->r->target->dims, wanted, operands[i]->dims[k]) == TENON__DIM_DIFFERENT)
                tenon__build_fail(builder(callee), TENON_STATUS_INVALID, "%s: input %u of '%s' is %s and is given %s",
                                  tenon__node_text(node), i, node->name, tenon__type_text(argument),
                                  tenon__type_text(operands[i]));
        }
    }
    return !failed(callee);
}

static void inline_call(frame *f, const tenonh_node *node) {
    const tenonh_function *function = tenon__module_find(f->r->source, node->name);
    uint32_t symbol_count = f->r->source->dims.symbol_count;
    tenonh_value **operands = operands_of(f, node);
    if (!function || f->depth == TENON__MAX_DEPTH) {
        tenon__build_fail(builder(f), TENON_STATUS_INVALID, "%s: '%s' is not defined, or calls itself",
                          tenon__node_text(node), node->name);
        return;
    }
    frame callee = {.r = f->r, .scratch = f->scratch, .depth = f->depth + 1};
    callee.map = tenon__arena_array(f->scratch, function->value_count, sizeof *callee.map);
    callee.symbols = tenon__arena_array(f->scratch, symbol_count, sizeof *callee.symbols);
    if (!callee.map || !callee.symbols) {
        tenon__build_failed(builder(f), tenon__fail_memory(), NULL);
        return;
    }
    if (failed(f) || !bind_call(&callee, node, function->body, operands)) return;
    rebuild_nodes(&callee, function->body);
    for (uint32_t i = 0; i < node->result_count && !failed(f); i++)
        set(f, node, node->results[i], get(&callee, function->body->results[i]));
}

/* -- Functions ------------------------------------------------------------------------------------------------------ */

static void rebuild_node(frame *f, const tenonh_node *node) {
    const char **locations = tenon__arena_array(&f->r->target->arena, node->location_count, sizeof *locations);
    for (uint32_t i = 0; i < node->location_count && locations; i++) {
        locations[i] = tenon__arena_string(&f->r->target->arena, node->locations[i]);
        if (!locations[i]) locations = NULL;
    }
    if (!locations) tenon__build_failed(builder(f), tenon__fail_memory(), NULL);
    if (failed(f)) return;
    tenon__builder_locations(builder(f), locations, node->location_count);
    switch (node->kind) {
    case TENON__NODE_OP: rebuild_op(f, node); break;
    case TENON__NODE_COMPOSITE: node->composite ? rebuild_composite(f, node) : rebuild_as_it_is(f, node); break;
    case TENON__NODE_IF: rebuild_if(f, node); break;
    case TENON__NODE_WHILE: rebuild_regions(f, node); break;
    case TENON__NODE_FOR: rebuild_for(f, node); break;
    case TENON__NODE_CALL: f->r->flags &TENON__REBUILD_INLINE ? inline_call(f, node) : rebuild_as_it_is(f, node); break;
    default: rebuild_as_it_is(f, node);
    }
}

static void rebuild_nodes(frame *f, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count && !failed(f); i++) rebuild_node(f, region->nodes[i]);
}

static tenon_status declare_states(tenon__rebuild *r) {
    for (const tenon__state *state = r->source->states; state; state = state->next) {
        const tenonh_dim *dims[TENON_MAX_RANK];
        if (tenon__module_find_state(r->target, state->name)) continue;
        for (uint32_t i = 0; i < state->rank; i++) {
            dims[i] = tenon__dim_substitute(&r->target->dims, state->dims[i], r->symbols);
            if (!dims[i]) return TENON_STATUS_INVALID;
        }
        TENON_TRY(tenonh_module_state(r->target, state->name, state->dtype, state->rank, dims));
    }
    return TENON_STATUS_OK;
}

/* An input whose values are known stays an input, but its users see the values. */
static tenonh_value *known_input(frame *f, const tenonh_value *input, const void *values) {
    int64_t dims[TENON_MAX_RANK];
    uint64_t size;
    tenon_status status = tenon__value_numbers(input, dims);
    if (status == TENON_STATUS_OK) status = tenon__value_bytes(input, &size);
    if (status != TENON_STATUS_OK) return tenon__build_failed(builder(f), status, NULL);
    tenonh_bytes bytes = {.data = values, .size = size};
    return tenonh_build_constant(builder(f), NULL, input->dtype, input->rank, dims, &bytes);
}

static void count_uses(uint32_t *uses, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i]) uses[values[i]->id]++;
}

static void count_region(uint32_t *uses, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        count_uses(uses, node->operands, node->operand_count);
        for (uint32_t k = 0; k < node->region_count; k++) count_region(uses, node->regions[k]);
    }
    count_uses(uses, region->results, region->result_count);
}

static void rebuild_body(frame *f, const tenonh_function *function) {
    const tenonh_region *body = function->body;
    for (uint32_t i = 0; i < body->argument_count && !failed(f); i++) {
        const tenonh_value *from = body->arguments[i];
        const tenonh_dim *dims[TENON_MAX_RANK];
        dims_of(f, from, dims);
        if (failed(f)) return;
        tenonh_value *input = tenonh_build_input(builder(f), function->input_names[i], from->dtype, from->rank, dims);
        const void *values = f->r->inputs && input ? f->r->inputs[i].values : NULL;
        f->map[from->id] = values ? known_input(f, input, values) : input;
    }
    rebuild_nodes(f, body);
    for (uint32_t i = 0; i < body->result_count && !failed(f); i++)
        tenonh_build_output(builder(f), function->output_names[i], get(f, body->results[i]));
}

tenon_status tenon__rebuild_function(tenon__rebuild *r, const tenonh_function *function, const char *name) {
    tenon__arena scratch = {0};
    frame f = {.r = r, .symbols = r->symbols, .scratch = &scratch};
    TENON_TRY(declare_states(r));
    TENON_TRY(tenon__builder_create(r->target, name, r->build_flags, &r->b));
    tenon__builder_budget(r->b, r->budget);
    tenon__builder_claims(r->b, r->decompose, r->claim, r->claim_context);
    r->b->rewriter = r->rewriter;
    f.map = tenon__arena_array(&scratch, function->value_count, sizeof *f.map);
    if (r->rewriter) {
        tenon__forget_notes(r->rewriter);
        f.uses = tenon__arena_array(&scratch, function->value_count, sizeof *f.uses);
        if (f.uses) count_region(f.uses, function->body);
    }
    if (!f.map || (r->rewriter && !f.uses))
        tenon__build_failed(r->b, tenon__fail_memory(), NULL);
    else
        rebuild_body(&f, function);
    tenon__arena_free(&scratch);
    return tenonh_builder_finish(r->b);
}

/* -- Parts of functions --------------------------------------------------------------------------------------------- */

/* An integer whose content is the expression: the length of something that is never made, moved to where all are
 * lengths. */
static tenonh_value *integer_of(tenonh_builder *b, const tenonh_dim *dim) {
    int64_t number;
    if (tenonh_dim_is_number(dim, &number)) return tenon__build_ints(b, &number, 1);
    const tenonh_dim *length = tenon__dim2(b, TENONH_DIM_ADD, dim, tenon__num(b, TENON__INTEGER_SHIFT));
    tenonh_value *shape = tenon__shape_of(b, tenon__fill(b, TENON_DTYPE_U8, 0, 1, &length));
    return tenon__binary_number(b, TENON_OP_SUB, shape, (double)TENON__INTEGER_SHIFT, false);
}

static tenonh_value *value_of_content(frame *f, const tenonh_value *from, const tenonh_dim *const *content) {
    tenonh_builder *b = builder(f);
    const tenonh_dim *dims[TENON_MAX_RANK];
    int64_t count;
    if (tenon__value_elements(from, &count) != TENON_STATUS_OK)
        return tenon__build_failed(b, TENON_STATUS_INTERNAL, NULL);
    tenonh_value **parts = tenon__arena_array(f->scratch, (size_t)count + 1, sizeof *parts), *all;
    if (!parts) return tenon__build_failed(b, tenon__fail_memory(), NULL);
    for (int64_t i = 0; i < count; i++) parts[i] = integer_of(b, content[i]);
    all = count == 0   ? tenon__build_ints(b, NULL, 0)
          : count == 1 ? parts[0]
                       : tenon__concat(b, parts, (uint32_t)count, 0);
    dims_of(f, from, dims);
    return failed(f) ? NULL : tenon__cast(b, tenon__reshape(b, all, from->rank, dims), from->dtype);
}

static void build_carriers(frame *f, const tenon__rebuild_part *part) {
    char name[32];
    for (uint32_t i = 0; i < part->carried_count && !failed(f); i++) {
        const tenonh_dim *dims[] = {tenon__num(builder(f), 0), part->carried[i]};
        snprintf(name, sizeof name, "dim%u", i);
        tenonh_build_input(builder(f), name, TENON_DTYPE_BOOL, 2, dims);
    }
}

static void rebuild_part(frame *f, const tenon__rebuild_part *part) {
    const tenonh_dim *dims[TENON_MAX_RANK];
    char name[32];
    for (uint32_t i = 0; i < part->input_count && !failed(f); i++) {
        const tenonh_value *from = part->inputs[i];
        dims_of(f, from, dims);
        snprintf(name, sizeof name, "in%u", i);
        if (!failed(f)) f->map[from->id] = tenonh_build_input(builder(f), name, from->dtype, from->rank, dims);
    }
    build_carriers(f, part);
    for (uint32_t i = 0; i < part->known_count && !failed(f); i++)
        f->map[part->known[i]->id] = value_of_content(f, part->known[i], part->contents[i]);
    for (uint32_t i = 0; i < part->node_count && !failed(f); i++) rebuild_node(f, part->nodes[i]);
    for (uint32_t i = 0; i < part->output_count && !failed(f); i++) {
        snprintf(name, sizeof name, "out%u", i);
        tenonh_build_output(builder(f), name, get(f, part->outputs[i]));
    }
}

tenon_status tenon__rebuild_part_of(tenon__rebuild *r, const tenonh_function *function, const char *name,
                                    const tenon__rebuild_part *part) {
    tenon__arena scratch = {0};
    frame f = {.r = r, .symbols = r->symbols, .scratch = &scratch};
    TENON_TRY(tenon__builder_create(r->target, name, r->build_flags, &r->b));
    f.map = tenon__arena_array(&scratch, function->value_count, sizeof *f.map);
    if (!f.map)
        tenon__build_failed(r->b, tenon__fail_memory(), NULL);
    else
        rebuild_part(&f, part);
    tenon__arena_free(&scratch);
    return tenonh_builder_finish(r->b);
}

tenon_status tenon__check_types(const tenonh_module *module) {
    tenon__rebuild r = {.source = module, .flags = TENON__REBUILD_CHECK};
    TENON_TRY(tenonh_module_create(&r.target));
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r.symbols ? TENON_STATUS_OK : tenon__fail_memory();
    for (const tenonh_function *f = module->functions; f && status == TENON_STATUS_OK; f = f->next) {
        status = tenon__rebuild_function(&r, f, f->name);
        if (status != TENON_STATUS_OK) status = tenon__fail_in(status, "function '%s'", f->name);
    }
    free((void *)r.symbols);
    tenonh_module_destroy(r.target);
    return status;
}
