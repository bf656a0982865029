/* Regions as steps of a plan, and single operators on devices that take graphs alone. */
#include <string.h>

#include "plan/builder.h"
#include "plan/claim_internal.h"

/* -- Execs for numbers ---------------------------------------------------------------------------------------------- */

static bool covers(const tenonh_exec *exec, const int64_t *symbols, uint32_t count) {
    const tenon_symbol *ranges = tenonh_exec_info(exec)->symbols;
    for (uint32_t i = 0; i < count; i++)
        if (symbols[i] < ranges[i].min || symbols[i] > ranges[i].max || symbols[i] % ranges[i].divisor != 0)
            return false;
    return true;
}

static void fill_prepared(tenonh_exec *exec, tenonh_placement placement, tenon__prepared *out) {
    out->placement = placement;
    out->exec = exec;
    out->workspace_size = tenonh_exec_info(exec)->workspace_size;
    out->workspace_alignment = tenonh_exec_info(exec)->workspace_alignment;
}

/* The exec for these numbers alone. */
static tenon_status prepare_numbers(tenon__claimer *claimer, const tenon__regions *regions, const tenon__region *region,
                                    const int64_t *numbers, tenon__arena *arena, tenonh_exec **out_exec) {
    const tenonh_function *f = regions->function;
    const tenonh_node *const *list = (const tenonh_node *const *)f->body->nodes + region->first;
    const tenon__nodes nodes = {list, region->count, f->value_count, regions->outside};
    tenon__described d = {0};
    tenon__answer *answer = NULL;
    bool fresh = false;
    tenon_status status = region->placement == TENONH_PLACEMENT_GRAPH
                              ? tenon__describe_graph(&nodes, numbers, arena, &d)
                              : tenon__describe_composite(list[0], numbers, arena, &d);
    if (status == TENON_STATUS_OK) status = tenon__answer_prepare(claimer, &d, &answer, &fresh);
    tenon__described_free(&d);
    TENON_TRY(status);
    if (answer->status != TENON_STATUS_OK) return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s", answer->words);
    *out_exec = answer->exec;
    return TENON_STATUS_OK;
}

tenon_status tenon__region_prepare(const tenon__claims *claims, const tenon__regions *regions,
                                   const tenon__region *region, const int64_t *numbers, tenon__arena *arena,
                                   tenon__prepared *out_prepared) {
    int64_t *symbols = tenon__arena_array(arena, region->symbol_count, sizeof *symbols);
    tenonh_exec *exec = region->exec;
    if (!symbols) return tenon__fail_memory();
    for (uint32_t i = 0; i < region->symbol_count; i++) symbols[i] = tenon__number_of(numbers, region->symbols[i]);
    *out_prepared = (tenon__prepared){.symbols = symbols, .symbol_count = region->symbol_count};
    if (!covers(exec, symbols, region->symbol_count)) {
        pthread_mutex_lock(&claims->claimer->lock);
        tenon_status status = prepare_numbers(claims->claimer, regions, region, numbers, arena, &exec);
        pthread_mutex_unlock(&claims->claimer->lock);
        TENON_TRY(status);
        out_prepared->symbol_count = 0;
    }
    fill_prepared(exec, region->placement, out_prepared);
    return TENON_STATUS_OK;
}

/* -- Steps: constants are bound as their exec wants them, packed or held, when the plan is bound -- */

static tenon_status operand_refs(tenon__plan_builder *b, const tenon__region *region, tenon__ref *refs) {
    for (uint32_t i = 0; i < region->operand_count; i++) {
        const tenonh_value *value = region->operands[i];
        if (i >= region->input_count)
            TENON_TRY(tenon__result_ref(b, value, 0, &refs[i]));
        else
            TENON_TRY(tenon__localize(b, value, 0, &refs[i]));
        if (i < region->input_count) TENON_TRY(tenon__make_contiguous(b, 0, &refs[i]));
    }
    return TENON_STATUS_OK;
}

static bool writes_nothing(const tenon__region *region, const tenon__ref *refs) {
    bool nothing = true;
    for (uint32_t i = region->input_count; i < region->operand_count; i++)
        nothing = nothing && tenon__ref_count(&refs[i]) == 0;
    return nothing;
}

tenon_status tenon__plan_region(tenon__plan_builder *b, const tenon__region *region) {
    tenon__prepared prepared;
    tenon__step *step;
    tenon__ref *refs = tenon__arena_array(&b->plan->arena, region->operand_count, sizeof *refs);
    if (!refs) return tenon__fail_memory();
    TENON_TRY(tenon__region_prepare(b->claims, b->regions, region, b->numbers, &b->plan->arena, &prepared));
    TENON_TRY(operand_refs(b, region, refs));
    for (uint32_t i = region->input_count; i < region->operand_count; i++)
        tenon__put_at(b, &b->values[region->operands[i]->id], 0, &refs[i]);
    if (writes_nothing(region, refs)) return TENON_STATUS_OK;
    TENON_TRY(tenon__add_step(b, prepared.placement, 0, region->name, refs, region->operand_count, &step));
    step->node_count = region->count;
    step->input_count = region->input_count;
    return tenon__fill_launch(b, step, &prepared);
}

/* -- Single operators --------------------------------------------------------------------------------------------------- */

enum { LONE_OPERANDS = 8 };

typedef struct lone_work {
    tenon_work work;
    tenon_graph_work graph;
    tenon_graph_node node;
    tenon_operand operands[LONE_OPERANDS];
    tenon_view views[LONE_OPERANDS];
    uint32_t numbers[LONE_OPERANDS];
    tenon_attr attrs[TENON_ATTR_LIMIT];
} lone_work;

static void describe_lone_operand(lone_work *lone, const tenon__task *task, uint32_t k) {
    const tenon__ref *ref = &task->operands[k];
    uint32_t bits = tenon_dtype_bits(ref->dtype);
    tenon_view *view = &lone->views[k];
    *view = (tenon_view){.dtype = ref->dtype, .rank = ref->rank};
    for (uint32_t i = 0; i < ref->rank; i++) {
        view->dims[i] = (tenon_extent){.value = ref->dims[i], .symbol = TENON_NO_SYMBOL};
        view->strides[i] = (tenon_extent){.value = ref->strides[i], .symbol = TENON_NO_SYMBOL};
    }
    lone->operands[k] = (tenon_operand){.role = k < task->input_count ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT,
                                        .alignment = bits < 8 ? 1 : bits / 8,
                                        .view = *view};
    lone->numbers[k] = k;
}

static void describe_lone(lone_work *lone, const tenon__task *task) {
    const uint32_t scalars = tenon_op_row_of(task->op)->scalar_count;
    memset(lone, 0, sizeof *lone);
    for (uint32_t k = 0; k < task->operand_count; k++) describe_lone_operand(lone, task, k);
    if (task->attr_count) memcpy(lone->attrs, task->attrs, task->attr_count * sizeof *task->attrs);
    lone->node = (tenon_graph_node){.op = task->op, .attrs = lone->attrs, .attr_count = task->attr_count};
    if (scalars)
        lone->attrs[lone->node.attr_count++] =
            (tenon_attr){TENON_ATTR_SCALARS, scalars, (const int64_t *)task->scalars};
    lone->node.inputs = lone->numbers;
    lone->node.outputs = lone->numbers + task->input_count;
    lone->node.input_count = task->input_count;
    lone->node.output_count = task->operand_count - task->input_count;
    lone->graph = (tenon_graph_work){.struct_size = sizeof lone->graph, .node_count = 1, .nodes = &lone->node};
    lone->graph.values = lone->views;
    lone->graph.value_count = task->operand_count;
    lone->work = (tenon_work){.struct_size = sizeof lone->work, .kind = TENON_WORK_GRAPH, .operands = lone->operands};
    lone->work.operand_count = task->operand_count;
    lone->work.graph = &lone->graph;
}

static void key_of_lone(tenon__key *key, const tenon__task *task) {
    tenon__key_number(key, TENON_WORK_GRAPH);
    tenon__key_number(key, task->op);
    tenon__key_put(key, task->scalars, sizeof task->scalars);
    for (uint32_t i = 0; i < task->attr_count; i++) {
        tenon__key_number(key, (int64_t)task->attrs[i].id << 32 | task->attrs[i].count);
        tenon__key_put(key, task->attrs[i].values, (uint32_t)(task->attrs[i].count * sizeof(int64_t)));
    }
    for (uint32_t k = 0; k < task->operand_count; k++) {
        const tenon__ref *ref = &task->operands[k];
        tenon__key_number(key, (int64_t)ref->dtype << 32 | ref->rank);
        tenon__key_put(key, ref->dims, (uint32_t)(ref->rank * sizeof *ref->dims));
    }
}

static tenon_status make_lone(tenon__execs *execs, tenonh_device *device, tenon__exec_entry *entry,
                              const void *context) {
    lone_work lone;
    describe_lone(&lone, context);
    return tenon__execs_prepare(execs, device, &lone.work, &entry->exec);
}

tenon_status tenon__prepare_lone(tenon__execs *execs, tenonh_device *device, const tenon__task *task,
                                 tenon__arena *arena, tenon__prepared *out_prepared) {
    (void)arena;
    const tenon_op_row *row = tenon_op_row_of(task->op);
    const tenon__exec_entry *entry;
    tenon__key key = {0};
    bool in_place = row->family == TENON_FAMILY_UPDATE || row->family == TENON_FAMILY_SCATTER, whole = true;
    for (uint32_t i = 0; i < task->operand_count; i++) whole = whole && tenon__ref_is_contiguous(&task->operands[i]);
    key_of_lone(&key, task);
    if (in_place || !whole || key.overflow || task->operand_count > LONE_OPERANDS ||
        task->attr_count + 1 >= TENON_ATTR_LIMIT)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s takes graphs alone, whose operands have no gaps",
                           tenonh_device_name(device));
    TENON_TRY(tenon__execs_find(execs, device, &key, make_lone, task, &entry));
    fill_prepared(entry->exec, TENONH_PLACEMENT_GRAPH, out_prepared);
    return TENON_STATUS_OK;
}
