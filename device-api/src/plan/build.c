/* Walks a decomposed function with numbers for its dims and makes its plan. */
#include <stdlib.h>
#include <string.h>

#include "plan/arrange.h"
#include "plan/builder.h"
#include "plan/shape.h"

/* Room for one more element of an array that doubles. */
static tenon_status grow(void **array, uint32_t count, uint32_t *capacity, size_t element) {
    if (count < *capacity) return TENON_STATUS_OK;
    uint32_t wanted = *capacity ? *capacity * 2 : 64;
    void *larger = realloc(*array, wanted * element);
    if (!larger) return tenon__fail_memory();
    *array = larger;
    *capacity = wanted;
    return TENON_STATUS_OK;
}

tenon_status tenon__planned_dims(const tenon__plan_builder *b, const tenonh_value *value, int64_t *dims) {
    for (uint32_t i = 0; i < value->rank; i++) {
        dims[i] = tenon__number_of(b->numbers, value->dims[i]);
        if (dims[i] < 0)
            return tenon__fail(TENON_STATUS_INVALID, "%s%sdim %u of a value of type %s is %s",
                               b->node ? tenon__node_text(b->node) : "", b->node ? ": " : "", i,
                               tenon__type_text(value),
                               dims[i] == TENON__UNBOUND ? "not known from the inputs" : "negative");
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__planned_entry(const tenon__plan_builder *b, const tenonh_node *node, uint32_t attr, uint32_t index,
                                  int64_t *out_value) {
    const tenon__attr *given = tenon__node_attr(node, attr);
    if (given && index < given->count) {
        *out_value = tenon__number_of(b->numbers, given->dims[index]);
        if (*out_value != TENON__UNBOUND) return TENON_STATUS_OK;
    } else if (tenon__node_entry(node, attr, index, out_value)) {
        return TENON_STATUS_OK;
    }
    return tenon__fail(TENON_STATUS_INVALID, "%s: attribute %s is no number", tenon__node_text(node),
                       tenon_attr_row_of(attr)->name);
}

tenon_status tenon__add_storage(tenon__plan_builder *b, uint32_t kind, uint32_t place, uint64_t size,
                                uint32_t *out_storage) {
    tenon__plan *plan = b->plan;
    TENON_TRY(grow((void **)&plan->storages, plan->storage_count, &b->storage_capacity, sizeof *plan->storages));
    plan->storages[plan->storage_count] =
        (tenon__storage){.kind = kind, .place = place, .size = size, .first = TENON__NEVER};
    plan->storages[plan->storage_count].root = plan->storage_count;
    plan->storages[plan->storage_count].alignment = TENON__ARENA_ALIGNMENT;
    *out_storage = plan->storage_count++;
    return TENON_STATUS_OK;
}

static tenon_status bytes_of(tenon_dtype dtype, uint32_t rank, const int64_t *dims, uint64_t *out_bytes) {
    int64_t count = 1;
    bool fits = true;
    for (uint32_t i = 0; i < rank; i++) fits = fits && !__builtin_mul_overflow(count, dims[i], &count);
    if (fits && tenon_dtype_bytes(dtype, count, out_bytes) == TENON_STATUS_OK) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "a %s value has more bytes than an address can count",
                       tenon_dtype_name(dtype));
}

tenon_status tenon__add_ref(tenon__plan_builder *b, uint32_t place, tenon_dtype dtype, uint32_t rank,
                            const int64_t *dims, tenon__ref *out_ref) {
    uint64_t size;
    uint32_t storage;
    TENON_TRY(bytes_of(dtype, rank, dims, &size));
    TENON_TRY(tenon__add_storage(b, TENON__STORAGE_ARENA, place, size, &storage));
    *out_ref = tenon__ref_contiguous(storage, dtype, rank, dims);
    return TENON_STATUS_OK;
}

tenon_status tenon__add_step(tenon__plan_builder *b, tenonh_placement placement, uint32_t place, const char *name,
                             const tenon__ref *refs, uint32_t ref_count, tenon__step **out_step) {
    tenon__plan *plan = b->plan;
    TENON_TRY(grow((void **)&plan->steps, plan->step_count, &b->step_capacity, sizeof *plan->steps));
    tenon__step *step = &plan->steps[plan->step_count];
    *step = (tenon__step){.placement = placement, .place = place, .name = name, .workspace = TENON__NEVER};
    step->node_count = b->node ? 1 : 0;
    step->location = b->node && b->node->location_count ? b->node->locations[0] : "";
    step->ref_count = ref_count;
    step->input_count = ref_count ? ref_count - 1 : 0;
    step->refs = tenon__arena_copy(&plan->arena, refs, ref_count * sizeof *refs);
    if (!step->refs) return tenon__fail_memory();
    for (uint32_t i = 0; i < ref_count && placement != TENONH_PLACEMENT_VIEW; i++) {
        uint64_t bytes = 0;
        TENON_TRY(bytes_of(refs[i].dtype, refs[i].rank, refs[i].dims, &bytes));
        step->bytes += bytes;
    }
    plan->step_count++;
    *out_step = step;
    return TENON_STATUS_OK;
}

/* -- What is known of values before the walk -- */

static void note_use(tenon__plan_builder *b, const tenonh_value *value, uint32_t node) {
    if (value) b->values[b->values[value->id].root].last_use = node;
}

/* Views inside of a region are values that it makes. */
static bool is_view(const tenon__plan_builder *b, const tenonh_node *node) {
    return tenon__node_is_view(node) && !tenon__region_at(b->regions, node->number);
}

static void note_node(tenon__plan_builder *b, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->operand_count; i++) note_use(b, node->operands[i], node->number);
    for (uint32_t i = 0; i < node->result_count; i++) {
        uint32_t id = node->results[i]->id;
        b->values[id].root = is_view(b, node) ? b->values[node->operands[0]->id].root : id;
    }
}

static void note_outputs(tenon__plan_builder *b) {
    const tenonh_region *body = b->function->body;
    for (uint32_t i = 0; i < body->result_count; i++) {
        const tenonh_value *value = body->results[i];
        tenon__value_state *state = &b->values[value->id];
        if (state->root == value->id && state->output == TENON__NEVER) state->output = i;
        b->values[state->root].last_use = TENON__NEVER;
    }
}

tenon_status tenon__walk_begin(tenon__plan_builder *b) {
    const tenonh_region *body = b->function->body;
    b->values = calloc((size_t)b->function->value_count + 1, sizeof *b->values);
    if (!b->values) return tenon__fail_memory();
    for (uint32_t i = 0; i < b->function->value_count; i++) {
        b->values[i].root = i;
        b->values[i].output = TENON__NEVER;
    }
    for (uint32_t i = 0; i < body->node_count; i++) note_node(b, body->nodes[i]);
    note_outputs(b);
    return TENON_STATUS_OK;
}

/* -- Inputs and outputs -- */

static tenon_status outside_ref(tenon__plan_builder *b, const tenonh_value *value, uint32_t kind, uint32_t index,
                                tenon__ref *out_ref) {
    int64_t dims[TENON_MAX_RANK];
    uint64_t size;
    uint32_t storage;
    TENON_TRY(tenon__planned_dims(b, value, dims));
    TENON_TRY(bytes_of(value->dtype, value->rank, dims, &size));
    TENON_TRY(tenon__add_storage(b, kind, 0, size, &storage));
    b->plan->storages[storage].index = index;
    *out_ref = tenon__ref_contiguous(storage, value->dtype, value->rank, dims);
    return TENON_STATUS_OK;
}

tenon_status tenon__walk_inputs(tenon__plan_builder *b) {
    const tenonh_region *body = b->function->body;
    tenon__plan *plan = b->plan;
    b->node = NULL;
    b->number = 0;
    plan->input_count = body->argument_count;
    plan->output_count = body->result_count;
    plan->inputs = tenon__arena_array(&plan->arena, plan->input_count, sizeof *plan->inputs);
    plan->outputs = tenon__arena_array(&plan->arena, plan->output_count, sizeof *plan->outputs);
    if (!plan->inputs || !plan->outputs) return tenon__fail_memory();
    for (uint32_t i = 0; i < plan->input_count; i++) {
        TENON_TRY(outside_ref(b, body->arguments[i], TENON__STORAGE_INPUT, i, &plan->inputs[i]));
        tenon__put_at(b, &b->values[body->arguments[i]->id], 0, &plan->inputs[i]);
    }
    for (uint32_t i = 0; i < plan->output_count; i++)
        TENON_TRY(outside_ref(b, body->results[i], TENON__STORAGE_OUTPUT, i, &plan->outputs[i]));
    return TENON_STATUS_OK;
}

/* Copies what was not made in its output's own storage. */
tenon_status tenon__walk_outputs(tenon__plan_builder *b) {
    const tenonh_region *body = b->function->body;
    b->node = NULL;
    b->number = body->node_count;
    for (uint32_t i = 0; i < b->plan->output_count; i++) {
        tenon__ref ref;
        TENON_TRY(tenon__localize(b, body->results[i], 0, &ref));
        if (ref.storage != b->plan->outputs[i].storage) TENON_TRY(tenon__add_copy(b, 0, &ref, &b->plan->outputs[i]));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__walk_node(tenon__plan_builder *b, uint32_t number) {
    b->node = b->function->body->nodes[number];
    b->number = number;
    return tenon__plan_node(b, b->node);
}

static tenon_status walk(tenon__plan_builder *b) {
    TENON_TRY(tenon__walk_begin(b));
    TENON_TRY(tenon__walk_inputs(b));
    const tenonh_region *body = b->function->body;
    for (uint32_t i = 0; i < body->node_count; i++) {
        const tenon__region *region = tenon__region_at(b->regions, i);
        b->node = body->nodes[i];
        TENON_TRY(region ? tenon__plan_region(b, region) : tenon__walk_node(b, i));
        if (region) i += region->count - 1;
    }
    TENON_TRY(tenon__walk_outputs(b));
    return tenon__plan_arrange(b->context, b->plan);
}

void tenon__plan_count_outside(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        if (step->placement != TENONH_PLACEMENT_VIEW && (step->place != 0 || step->placement == TENONH_PLACEMENT_MOVE))
            plan->outside_nodes++;
    }
}

/* Plans a function whose dims have numbers by `numbers`. */
static tenon_status plan_function(const tenon__plan_context *context, const tenonh_function *function,
                                  const tenon__claims *claims, const int64_t *numbers, tenon__plan *plan) {
    tenon__plan_builder builder = {.context = context, .plan = plan, .function = function, .numbers = numbers};
    builder.claims = claims;
    builder.regions = tenon__regions_of(claims, function);
    tenon_status status = walk(&builder);
    free(builder.values);
    if (status == TENON_STATUS_OK) tenon__plan_count_outside(plan);
    return status;
}

/* `module`, whose the function and its claims are, becomes the plan's; NULL: they stay the lowered module's. */
static tenon_status create_plan(const tenon__plan_context *context, const tenonh_function *function,
                                const int64_t *numbers, tenonh_module *module, tenon__claims *claims,
                                tenon__plan **out_plan) {
    tenon__plan *plan = calloc(1, sizeof *plan);
    if (!plan) {
        tenonh_module_destroy(module);
        if (module) tenon__claims_destroy(claims);
        return tenon__fail_memory();
    }
    plan->module = module;
    plan->claims = claims;
    tenon_status status = plan_function(context, function, claims, numbers, plan);
    if (status != TENON_STATUS_OK) return tenon__plan_destroy(plan), status;
    *out_plan = plan;
    return TENON_STATUS_OK;
}

/* A plan of the lowered module. */
static tenon_status create_lowered(const tenon__plan_context *context, const tenon__lowered *lowered,
                                   const tenonh_function *function, const int64_t *const *dims, const int64_t *known,
                                   tenon__plan **out_plan) {
    uint32_t symbol_count = lowered->module->dims.symbol_count;
    int64_t *numbers = calloc((size_t)lowered->dim_count + symbol_count + 1, sizeof *numbers);
    if (!numbers) return tenon__fail_memory();
    int64_t *symbols = numbers + lowered->dim_count;
    for (uint32_t i = 0; i < symbol_count; i++) symbols[i] = known ? known[i] : TENON__UNBOUND;
    tenon_status status = tenon__bind_symbols(function, dims, symbols);
    if (status == TENON_STATUS_OK) status = tenon__lowered_numbers(lowered, symbols, numbers);
    *out_plan = NULL;
    if (status == TENON_STATUS_OK) status = tenon__shapes_plan(context, lowered, function, symbols, numbers, out_plan);
    if (status == TENON_STATUS_OK && !*out_plan)
        status = context->quick ? (tenon_status)TENON_STATUS_NOT_READY
                                : create_plan(context, function, numbers, NULL, lowered->claims, out_plan);
    free(numbers);
    return status;
}

/* A plan of the source made concrete. */
static tenon_status create_concrete(const tenon__plan_context *context, const tenon__lowered *lowered,
                                    const int64_t *const *dims, uint32_t input_count, tenon__plan **out_plan) {
    tenonh_module *module;
    tenon__claims *claims = NULL;
    TENON_TRY(tenon__lowered_concretize(lowered, dims, input_count, &module, &claims));
    return create_plan(context, tenonh_module_function(module, "main"), NULL, module, claims, out_plan);
}

tenon_status tenon__plan_create(const tenon__plan_context *context, const tenon__lowered *lowered, const char *name,
                                const int64_t *const *dims, uint32_t input_count, const int64_t *known,
                                tenon__plan **out_plan) {
    bool is_main = strcmp(name, "main") == 0;
    if (!lowered->module && is_main) return create_concrete(context, lowered, dims, input_count, out_plan);
    const tenonh_function *function = lowered->module ? tenonh_module_function(lowered->module, name) : NULL;
    if (!function) return tenon__fail(TENON_STATUS_NOT_FOUND, "there is no function '%s' to plan", name);
    if (input_count != function->body->argument_count)
        return tenon__fail(TENON_STATUS_INVALID, "function '%s' has %u inputs and dims are given for %u", name,
                           function->body->argument_count, input_count);
    tenon_status status = create_lowered(context, lowered, function, dims, known, out_plan);
    /* Numbers that symbols left open and that do not go together: with the numbers in place the message names the node.
     * A region that is refused for these numbers: with them in place it is split. */
    bool again = status == TENON_STATUS_INVALID || (status == TENON_STATUS_UNSUPPORTED && lowered->claims);
    return again && is_main ? create_concrete(context, lowered, dims, input_count, out_plan) : status;
}

void tenon__plan_destroy(tenon__plan *plan) {
    if (!plan) return;
    if (plan->shape_class) {
        tenon__shapes_return(plan);
        return;
    }
    free(plan->storages);
    free(plan->steps);
    free(plan->commands);
    free(plan->stream_places);
    tenon__arena_free(&plan->arena);
    if (plan->module) tenon__claims_destroy(plan->claims); /* else they are the lowered module's */
    tenonh_module_destroy(plan->module);
    free(plan);
}
