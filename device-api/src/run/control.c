/* Runs of outlines: parts in the order of scripts. */
#include "run/control.h"

#include <stdlib.h>
#include <string.h>

#include "device/pool.h"
#include "passes/number.h"
#include "passes/rebuild.h"
#include "support/error.h"

/* -- Life --------------------------------------------------------------------------------------------------------- */

/* A part that what it reads decides has nothing that one could lower beforehand. */
static tenon_status lower_part(const tenon__control *control, const tenon__part *part, const char *rules,
                               tenon__lowered **out_lowered) {
    tenon__claimer *claimer = control->places->claimer;
    return part->is_decided ? tenon__lowered_defer(part->module, claimer, rules, out_lowered)
                            : tenon__lowered_create(part->module, claimer, rules, out_lowered);
}

static tenon_status add_part(tenon__control *control, const tenon__part *part, uint32_t plan_limit, const char *rules) {
    tenon__control_part *p = &control->parts[control->part_count];
    p->part = part;
    TENON_TRY(lower_part(control, part, rules, &p->lowered));
    tenon__plans_init(&p->plans, control->places, p->lowered, tenonh_module_function(part->module, "main"), plan_limit);
    control->part_count++;
    uint32_t tensors = p->plans.input_count + p->plans.output_count;
    if (p->plans.dim_count > control->most_dims) control->most_dims = p->plans.dim_count;
    if (tensors > control->most_tensors) control->most_tensors = tensors;
    return TENON_STATUS_OK;
}

tenon_status tenon__control_create(const tenonh_module *module, const tenon__plan_context *places, uint32_t plan_limit,
                                   const char *rules, tenon__control **out_control) {
    tenon__outline *outline;
    *out_control = NULL;
    TENON_TRY(tenon__outline_create(module, &outline));
    if (!outline) return TENON_STATUS_OK;
    tenon__control *control = calloc(1, sizeof *control);
    if (!control) return tenon__outline_destroy(outline), tenon__fail_memory();
    control->outline = outline;
    control->places = places;
    control->parts = calloc((size_t)outline->part_count + 1, sizeof *control->parts);
    tenon_status status = control->parts ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    for (uint32_t i = 0; i < outline->part_count && status == TENON_STATUS_OK; i++)
        status = add_part(control, outline->parts[i], plan_limit, rules);
    if (status != TENON_STATUS_OK) return tenon__control_destroy(control), status;
    *out_control = control;
    return TENON_STATUS_OK;
}

void tenon__control_destroy(tenon__control *control) {
    if (!control) return;
    for (uint32_t i = 0; i < control->part_count; i++) {
        tenon__plans_end(&control->parts[i].plans);
        tenon__lowered_destroy(control->parts[i].lowered);
    }
    free(control->parts);
    tenon__outline_destroy(control->outline);
    free(control);
}

/* -- Values ------------------------------------------------------------------------------------------------------- */

tenon_status tenon__control_get(const tenon__control_run_state *run, const tenonh_value *value,
                                tenonh_tensor **out_tensor) {
    *out_tensor = run->values[value->id];
    if (*out_tensor) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INTERNAL, "value %%%u is needed before it is there", value->id);
}

void tenon__control_drop(tenon__control_run_state *run, const tenonh_value *value) {
    tenonh_tensor_release(run->values[value->id]);
    run->values[value->id] = NULL;
}

static bool is_bound(const int64_t *symbols, const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_SYMBOL) return symbols[dim->symbol->number] != TENON__UNBOUND;
    for (uint32_t i = 0; i < dim->count; i++)
        if (!is_bound(symbols, dim->operands[i])) return false;
    return true;
}

bool tenon__control_number(const tenon__control_run_state *run, const tenonh_dim *dim, int64_t *out_number) {
    return is_bound(run->symbols, dim) && tenon__dim_evaluate(dim, run->symbols, out_number) == TENON_STATUS_OK;
}

/* What the data decides changes from step to step of a loop; everything else must be as the model says. */
static tenon_status note_dim(tenon__control_run_state *run, const tenonh_value *value, uint32_t axis, int64_t number) {
    const tenonh_dim *dim = value->dims[axis];
    int64_t said;
    if (dim->kind == TENON__DIM_SYMBOL && dim->symbol->data) {
        run->symbols[dim->symbol->number] = number;
        return TENON_STATUS_OK;
    }
    if (!tenon__control_number(run, dim, &said) || said == number) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "dim %u of %s%s%s is %lld here, not %lld", axis, tenon__type_text(value),
                       value->name ? " " : "", value->name ? value->name : "", (long long)number, (long long)said);
}

tenon_status tenon__control_set(tenon__control_run_state *run, const tenonh_value *value, tenonh_tensor *tensor) {
    tenon__control_drop(run, value);
    run->values[value->id] = tensor;
    for (uint32_t i = 0; i < value->rank; i++) TENON_TRY(note_dim(run, value, i, tensor->numbers[i]));
    return TENON_STATUS_OK;
}

static tenonh_stream *stream_of(const tenon__control_run_state *run) {
    return run->context->streams[0][0];
}

tenon_status tenon__control_copy(const tenon__control_run_state *run, const tenonh_tensor *from,
                                 const tenonh_tensor *to) {
    if (from->size == 0) return TENON_STATUS_OK;
    TENON_TRY(tenonh_stream_copy(stream_of(run), to->memory, to->offset, from->memory, from->offset, from->size));
    return tenonh_stream_synchronize(stream_of(run));
}

tenon_status tenon__control_make(const tenon__control_run_state *run, tenon_dtype dtype, uint32_t rank,
                                 const int64_t *dims, tenonh_tensor **out_tensor) {
    return tenon__tensor_create_pooled(run->control->places->devices[0], dtype, rank, dims, out_tensor);
}

tenon_status tenon__control_read(const tenon__control_run_state *run, tenonh_tensor *tensor, void *bytes) {
    return tenonh_tensor_read(tensor, stream_of(run), bytes, tensor->size);
}

/* -- Parts -------------------------------------------------------------------------------------------------------- */

/* A number as the dims of an input that carries it. */
static int64_t *carry(int64_t *at, int64_t number) {
    at[0] = 0;
    at[1] = number;
    return at + 2;
}

static int64_t shifted(int64_t number) {
    const int64_t bound = TENON__INTEGER_SHIFT - 1;
    return (number > bound ? bound : number < -bound ? -bound : number) + TENON__INTEGER_SHIFT;
}

static tenon_status carry_elements(const tenon__control_run_state *run, const tenonh_value *value, int64_t **at) {
    unsigned char bytes[TENON__MAX_CONTENT * sizeof(int64_t)];
    tenonh_tensor *tensor;
    TENON_TRY(tenon__control_get(run, value, &tensor));
    if (tensor->size > sizeof bytes) return tenon__fail(TENON_STATUS_INTERNAL, "more elements than decide dims");
    TENON_TRY(tenon__control_read(run, tensor, bytes));
    for (int64_t i = 0; i < tensor->count; i++) {
        const void *element = bytes + (size_t)i * (tenon_dtype_bits(tensor->dtype) / 8);
        tenon__number number = tenon__number_load(tensor->dtype, element);
        *at = carry(*at, shifted(tenon__number_cast(tensor->dtype, TENON_DTYPE_I64, number, false).i));
    }
    return TENON_STATUS_OK;
}

static tenon_status take_inputs(tenon__control_run_state *run, const tenon__control_part *p) {
    const tenon__part *part = p->part;
    int64_t *at = run->dims;
    for (uint32_t i = 0; i < part->input_count; i++) {
        tenonh_tensor *tensor;
        TENON_TRY(tenon__control_get(run, part->inputs[i], &tensor));
        run->tensors[i] = tensor;
        for (uint32_t k = 0; k < tensor->rank; k++) *at++ = tensor->numbers[k];
    }
    for (uint32_t i = 0; i < part->symbol_count; i++) {
        const tenon__symbol *symbol = part->symbols[i];
        if (run->symbols[symbol->number] == TENON__UNBOUND)
            return tenon__fail(TENON_STATUS_INTERNAL, "symbol '%s' has no value yet", symbol->name);
        at = carry(at, run->symbols[symbol->number]);
    }
    for (uint32_t i = 0; i < part->read_count; i++) TENON_TRY(carry_elements(run, part->reads[i], &at));
    return TENON_STATUS_OK;
}

/* The room that is kept for an output, if it fits, or a new tensor; either way a reference. */
static tenon_status make_output(tenon__control_run_state *run, const tenonh_value *value, const tenon__ref *ref,
                                tenonh_tensor **out_tensor) {
    tenonh_tensor *room = run->rooms[value->id];
    if (room && room->rank == ref->rank && memcmp(room->numbers, ref->dims, ref->rank * sizeof *ref->dims) == 0) {
        *out_tensor = tenonh_tensor_retain(room);
        return TENON_STATUS_OK;
    }
    return tenon__control_make(run, ref->dtype, ref->rank, ref->dims, out_tensor);
}

static tenon_status run_bound(tenon__control_run_state *run, const tenon__control_part *p, tenon__binding *binding) {
    const tenon__part *part = p->part;
    tenonh_tensor **outputs = run->tensors + p->plans.input_count;
    for (uint32_t i = 0; i < part->output_count; i++) {
        TENON_TRY(make_output(run, part->outputs[i], &binding->planned->plan->outputs[i], &outputs[i]));
        tenon__control_drop(run, part->outputs[i]);
        run->values[part->outputs[i]->id] = outputs[i];
    }
    TENON_TRY(tenon__context_run(run->context, binding, run->tensors));
    for (uint32_t i = 0; i < part->output_count; i++)
        TENON_TRY(tenon__control_set(run, part->outputs[i], tenonh_tensor_retain(outputs[i])));
    return TENON_STATUS_OK;
}

/* -- What does not fit: a part's own inputs have names that say nothing to those who made the model ----------------- */

static tenon_status check_dims(const tenonh_node *node, const tenonh_value *value, const int64_t *symbols) {
    int64_t number;
    for (uint32_t i = 0; i < value->rank; i++) {
        if (!is_bound(symbols, value->dims[i])) continue;
        tenon_status status = tenon__dim_evaluate(value->dims[i], symbols, &number);
        if (status != TENON_STATUS_OK) return tenon__fail_in(status, "%s", tenon__node_text(node));
    }
    return TENON_STATUS_OK;
}

static tenon_status check_region(const tenonh_region *region, const int64_t *symbols) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        for (uint32_t k = 0; k < node->result_count; k++) TENON_TRY(check_dims(node, node->results[k], symbols));
        for (uint32_t r = 0; r < node->region_count; r++) TENON_TRY(check_region(node->regions[r], symbols));
    }
    return TENON_STATUS_OK;
}

static tenon_status check_equalities(const tenon__dims *dims, const int64_t *symbols) {
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        const tenonh_dim *const *pair = dims->equalities[i];
        const char *where = dims->equality_nodes[i];
        int64_t x, y;
        if (!is_bound(symbols, pair[0]) || !is_bound(symbols, pair[1])) continue;
        TENON_TRY(tenon__dim_evaluate(pair[0], symbols, &x));
        TENON_TRY(tenon__dim_evaluate(pair[1], symbols, &y));
        if (x != y)
            return tenon__fail(TENON_STATUS_INVALID, "%s%s%s needs equal dims; for these inputs they are %lld and %lld",
                               where ? "node '" : "the model", where ? where : "", where ? "'" : "", (long long)x,
                               (long long)y);
    }
    return TENON_STATUS_OK;
}

/* Says which node of the model a failure is about. Only asked once something has failed: what a loop's step before has
 * left among the symbols may not fit those of this one. */
static tenon_status blame(const tenon__control_run_state *run, const tenon__part *part, tenon_status status) {
    const tenon__outline *outline = run->control->outline;
    if (*part->location) return tenon__fail_in(status, "node '%s'", part->location);
    if (status != TENON_STATUS_INVALID) return status;
    TENON_TRY(check_region(outline->function->body, run->symbols));
    TENON_TRY(check_equalities(&outline->module->dims, run->symbols));
    return status;
}

static tenon_status run_part(tenon__control_run_state *run, tenon__control_part *p) {
    tenon__binding *binding;
    tenon_status status = take_inputs(run, p);
    if (status == TENON_STATUS_OK) status = tenon__context_bind(run->context, &p->plans, run->dims, &binding);
    if (status == TENON_STATUS_OK) status = run_bound(run, p, binding);
    return status == TENON_STATUS_OK ? status : blame(run, p->part, status);
}

tenon_status tenon__control_script(tenon__control_run_state *run, const tenon__script *script) {
    for (uint32_t i = 0; i < script->entry_count; i++) {
        const tenon__script_entry *entry = &script->entries[i];
        if (entry->kind == TENON__SCRIPT_PART)
            TENON_TRY(run_part(run, &run->control->parts[entry->part->number]));
        else
            TENON_TRY(tenon__control_node(run, entry));
        for (uint32_t k = 0; k < entry->released_count; k++) tenon__control_drop(run, entry->released[k]);
    }
    return TENON_STATUS_OK;
}

/* -- A run -------------------------------------------------------------------------------------------------------- */

static tenon_status begin(tenon__control *control, tenon__context *context, tenon__control_run_state *run) {
    size_t values = (size_t)control->outline->function->value_count + 1;
    size_t symbols = (size_t)control->outline->module->dims.symbol_count + 1;
    *run = (tenon__control_run_state){.control = control, .context = context};
    run->values = calloc(2 * values + control->most_tensors, sizeof(void *));
    run->dims = calloc(symbols + control->most_dims, sizeof *run->dims);
    if (!run->values || !run->dims) return tenon__fail_memory();
    run->rooms = run->values + values;
    run->tensors = run->rooms + values;
    run->symbols = run->dims + control->most_dims;
    for (size_t i = 0; i < symbols; i++) run->symbols[i] = TENON__UNBOUND;
    return TENON_STATUS_OK;
}

static void drop_all(tenon__control_run_state *run) {
    for (uint32_t i = 0; run->values && i < run->control->outline->function->value_count; i++) {
        tenonh_tensor_release(run->values[i]);
        run->values[i] = NULL;
    }
}

static void end(tenon__control_run_state *run) {
    drop_all(run);
    free((void *)run->values);
    free(run->dims);
}

static tenon_status bind_symbols(tenon__control_run_state *run, tenonh_tensor *const *inputs) {
    const tenonh_function *function = run->control->outline->function;
    uint32_t count = function->body->argument_count;
    const int64_t **dims = calloc((size_t)count + 1, sizeof(void *));
    if (!dims) return tenon__fail_memory();
    for (uint32_t i = 0; i < count; i++) dims[i] = inputs[i]->numbers;
    tenon_status status = tenon__bind_symbols(function, dims, run->symbols);
    free((void *)dims);
    return status;
}

static tenon_status run_body(tenon__control_run_state *run, tenonh_tensor *const *given) {
    const tenonh_region *body = run->control->outline->function->body;
    TENON_TRY(bind_symbols(run, run->context->tensors));
    for (uint32_t i = 0; i < body->argument_count; i++)
        TENON_TRY(tenon__control_set(run, body->arguments[i], tenonh_tensor_retain(run->context->tensors[i])));
    for (uint32_t i = 0; i < body->result_count; i++)
        if (given[i] && body->results[i]->kind == TENON__VALUE_RESULT) run->rooms[body->results[i]->id] = given[i];
    return tenon__control_script(run, run->control->outline->script);
}

static tenon_status fill_given(const tenon__control_run_state *run, uint32_t index, const tenonh_tensor *result,
                               const tenonh_tensor *given) {
    if (result == given) return TENON_STATUS_OK;
    if (result->rank == given->rank &&
        memcmp(result->numbers, given->numbers, result->rank * sizeof *result->numbers) == 0)
        return tenon__control_copy(run, result, given);
    return tenon__fail(TENON_STATUS_INVALID, "the tensor for output '%s' has not its dtype and dims, or has gaps",
                       tenonh_function_output_name(run->control->outline->function, index));
}

/* A result that shares its memory with an input or another result is copied: the caller may write to it. */
static tenon_status give(tenon__control_run_state *run, tenonh_tensor *const *given) {
    const tenonh_region *body = run->control->outline->function->body;
    tenonh_tensor **results = run->context->tensors + body->argument_count;
    tenonh_tensor **made = run->context->made + body->argument_count;
    for (uint32_t i = 0; i < body->result_count; i++) {
        TENON_TRY(tenon__control_get(run, body->results[i], &results[i]));
        if (given[i]) TENON_TRY(fill_given(run, i, results[i], given[i]));
        if (!given[i]) made[i] = tenonh_tensor_retain(results[i]);
        if (given[i]) results[i] = given[i];
    }
    drop_all(run);
    for (uint32_t i = 0; i < body->result_count; i++) {
        tenonh_tensor *shared = made[i];
        if (!shared || (shared->references == 1 && shared->memory->references == 1)) continue;
        TENON_TRY(tenon__control_make(run, shared->dtype, shared->rank, shared->numbers, &made[i]));
        tenon_status status = tenon__control_copy(run, shared, made[i]);
        tenonh_tensor_release(shared);
        results[i] = made[i];
        TENON_TRY(status);
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__control_run(tenon__control *control, tenon__context *context, tenonh_tensor *const *given) {
    tenon__control_run_state run;
    tenon_status status = begin(control, context, &run);
    if (status == TENON_STATUS_OK) status = run_body(&run, given);
    if (status == TENON_STATUS_OK) status = give(&run, given);
    end(&run);
    if (status == TENON_STATUS_OK) atomic_fetch_add_explicit(&control->runs, 1, memory_order_relaxed);
    return status;
}

/* -- Preparing ---------------------------------------------------------------------------------------------------- */

/* The dims of a part's inputs, if they are known without a run. */
static bool foresee(tenon__control_run_state *run, const tenon__part *part) {
    int64_t *at = run->dims;
    if (part->read_count) return false;
    for (uint32_t i = 0; i < part->input_count; i++)
        for (uint32_t k = 0; k < part->inputs[i]->rank; k++)
            if (!tenon__control_number(run, part->inputs[i]->dims[k], at++)) return false;
    for (uint32_t i = 0; i < part->symbol_count; i++) {
        if (run->symbols[part->symbols[i]->number] == TENON__UNBOUND) return false;
        at = carry(at, run->symbols[part->symbols[i]->number]);
    }
    return true;
}

tenon_status tenon__control_prepare(tenon__control *control, tenon__context *context, const int64_t *const *dims) {
    tenon__control_run_state run;
    tenon__binding *binding;
    tenon_status status = begin(control, context, &run);
    if (status == TENON_STATUS_OK) status = tenon__bind_symbols(control->outline->function, dims, run.symbols);
    for (uint32_t i = 0; i < control->part_count && status == TENON_STATUS_OK; i++)
        if (foresee(&run, control->parts[i].part))
            status = tenon__context_bind(context, &control->parts[i].plans, run.dims, &binding);
    end(&run);
    return status;
}
