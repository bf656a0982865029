#include <stdlib.h>
#include <string.h>

#include "plan/arrange.h"
#include "plan/check.h"
#include "plan/shape_internal.h"

/* -- What symbols reach -- */

static bool is_open_type(const tenonh_value *value) {
    for (uint32_t i = 0; i < value->rank; i++)
        if (value->dims[i]->kind != TENON__DIM_NUMBER) return true;
    return false;
}

static bool has_open_attrs(const tenonh_node *node) {
    for (uint32_t a = 0; a < node->attr_count; a++)
        for (uint32_t i = 0; i < node->attrs[a].count; i++)
            if (node->attrs[a].dims[i]->kind != TENON__DIM_NUMBER) return true;
    return false;
}

/* Whether anything of the node may differ with the numbers. Marks the results that do: views of what does, and what is
 * changed in its place. */
static bool is_open_node(const tenonh_node *node, uint8_t *open) {
    int inout = tenon__node_inout(node);
    bool reached = has_open_attrs(node), views = tenon__node_is_view(node);
    bool from = inout >= 0 && open[node->operands[inout]->id];
    for (uint32_t i = 0; i < node->operand_count; i++)
        reached = reached || (node->operands[i] && open[node->operands[i]->id]);
    for (uint32_t i = 0; i < node->result_count; i++) {
        bool type = is_open_type(node->results[i]);
        open[node->results[i]->id] = type || (views && reached) || from;
        reached = reached || type;
    }
    return reached;
}

/* -- The walk over the stretches -- */

static void begin_stretch(const tenon__plan_builder *b, tenon__stretch *stretch, uint32_t node) {
    *stretch = (tenon__stretch){.node = node, .step = b->plan->step_count, .storage = b->plan->storage_count};
}

static void end_stretch(const tenon__plan_builder *b, tenon__stretch *stretch) {
    stretch->step_end = b->plan->step_count;
    stretch->storage_end = b->plan->storage_count;
}

/* Walks the function once and notes what it added for the nodes that symbols reach. */
static tenon_status walk_all(tenon__shape_class *class, tenon__plan_builder *b) {
    const tenonh_region *body = class->function->body;
    tenon__stretch *at = class->stretches;
    uint8_t *open = calloc((size_t) class->function->value_count + 1, 1);
    if (!open) return tenon__fail_memory();
    begin_stretch(b, at, 0);
    tenon_status status = tenon__walk_inputs(b);
    end_stretch(b, at++);
    for (uint32_t i = 0; i < body->argument_count; i++) open[body->arguments[i]->id] = is_open_type(body->arguments[i]);
    for (uint32_t i = 0; i < body->node_count && status == TENON_STATUS_OK; i++) {
        bool reached = is_open_node(body->nodes[i], open);
        begin_stretch(b, at, i);
        status = tenon__walk_node(b, i);
        end_stretch(b, at);
        at += reached;
    }
    free(open);
    begin_stretch(b, at, TENON__STRETCH_OUTPUTS);
    if (status == TENON_STATUS_OK) status = tenon__walk_outputs(b);
    end_stretch(b, at++);
    class->stretch_count = (uint32_t)(at - class->stretches);
    return status;
}

/* What is empty is no use: neither order nor lifetimes heed it. */
static bool is_same_use(const tenon__ref *x, const tenon__ref *y) {
    return x->storage == y->storage && (tenon__ref_count(x) == 0) == (tenon__ref_count(y) == 0);
}

/* The same decisions: what a plan's order, memory and commands follow from; but for the exec. */
static bool is_same_step(const tenon__step *x, const tenon__step *y) {
    bool same = x->placement == y->placement && x->place == y->place && x->op == y->op &&
                x->ref_count == y->ref_count && x->workspace == y->workspace &&
                x->launch.symbol_count == y->launch.symbol_count && x->launch.grid_count == y->launch.grid_count;
    for (uint32_t i = 0; i < x->ref_count && same; i++) same = is_same_use(&x->refs[i], &y->refs[i]);
    return same;
}

static bool is_same_storage(const tenon__storage *x, const tenon__storage *y) {
    return x->kind == y->kind && x->place == y->place && x->index == y->index && x->constant == y->constant &&
           x->alignment == y->alignment;
}

static bool is_same_stretch(tenon__shape_class *class, const tenon__plan_builder *b, const tenon__stretch *stretch) {
    const tenon__plan *was = &class->walked, *is = b->plan;
    bool same = is->step_count == stretch->step_end && is->storage_count == stretch->storage_end;
    for (uint32_t i = stretch->step; i < stretch->step_end && same; i++) {
        class->exec_changed = was->steps[i].exec != is->steps[i].exec;
        same = !class->exec_changed && is_same_step(&was->steps[i], &is->steps[i]);
    }
    for (uint32_t i = stretch->storage; i < stretch->storage_end && same; i++)
        same = is_same_storage(&was->storages[i], &is->storages[i]);
    return same;
}

/* Walks the stretches on other numbers. *out_same: all decisions fell as before. */
static tenon_status walk_again(tenon__shape_class *class, tenon__plan_builder *b, bool *out_same) {
    tenon_status status = TENON_STATUS_OK;
    *out_same = true;
    class->exec_changed = false;
    for (uint32_t i = 0; i < class->stretch_count && status == TENON_STATUS_OK && *out_same; i++) {
        const tenon__stretch *stretch = &class->stretches[i];
        b->plan->step_count = stretch->step;
        b->plan->storage_count = stretch->storage;
        if (i == 0)
            status = tenon__walk_inputs(b);
        else if (stretch->node == TENON__STRETCH_OUTPUTS)
            status = tenon__walk_outputs(b);
        else
            status = tenon__walk_node(b, stretch->node);
        *out_same = status == TENON_STATUS_OK && is_same_stretch(class, b, stretch);
    }
    return status;
}

/* -- Classes -- */

static tenon_status copy_walked(tenon__shape_class *class, const tenon__plan *plan) {
    tenon__plan *copies[] = {&class->walked, &class->scratch};
    for (uint32_t i = 0; i < 2; i++) {
        copies[i]->step_count = plan->step_count;
        copies[i]->storage_count = plan->storage_count;
        copies[i]->steps = calloc((size_t)plan->step_count + 1, sizeof *plan->steps);
        copies[i]->storages = calloc((size_t)plan->storage_count + 1, sizeof *plan->storages);
        if (!copies[i]->steps || !copies[i]->storages) return tenon__fail_memory();
        if (plan->step_count) memcpy(copies[i]->steps, plan->steps, plan->step_count * sizeof *plan->steps);
        if (plan->storage_count)
            memcpy(copies[i]->storages, plan->storages, plan->storage_count * sizeof *plan->storages);
    }
    class->step_capacity = plan->step_count + 1;
    class->storage_capacity = plan->storage_count + 1;
    class->memos = calloc((size_t)plan->step_count + 1, sizeof *class->memos);
    class->places = calloc((size_t)plan->step_count + 1, sizeof *class->places);
    return class->memos && class->places ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

typedef struct placed {
    const tenon__ref *refs;
    uint32_t step;
} placed;

static int by_refs(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const placed *)a)->refs, y = (uintptr_t)((const placed *)b)->refs;
    return (x > y) - (x < y);
}

/* Where the walked steps stand once arranged: arranging moves them, refs and all. */
static tenon_status find_places(tenon__shape_class *class) {
    const tenon__plan *plan = class->prototype;
    placed *list = calloc((size_t)plan->step_count + 1, sizeof *list);
    if (!list) return tenon__fail_memory();
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].ref_count) list[count++] = (placed){plan->steps[i].refs, i};
    qsort(list, count, sizeof *list, by_refs);
    for (uint32_t i = 0; i < class->walked.step_count; i++) {
        const placed key = {class->walked.steps[i].refs, 0};
        const placed *found =
            class->walked.steps[i].ref_count ? bsearch(&key, list, count, sizeof *list, by_refs) : NULL;
        class->places[i] = found ? found->step : TENON__NEVER;
    }
    free(list);
    return TENON_STATUS_OK;
}

static tenon_status make_prototype(tenon__shape_class *class, const tenon__plan_context *context,
                                   const int64_t *numbers) {
    tenon__plan *plan = class->prototype = calloc(1, sizeof *plan);
    class->stretches = calloc((size_t) class->function->body->node_count + 3, sizeof *class->stretches);
    if (!plan || !class->stretches) return tenon__fail_memory();
    tenon__plan_builder b = {.context = context, .plan = plan, .function = class->function, .numbers = numbers};
    tenon_status status = tenon__walk_begin(&b);
    class->values = b.values;
    if (status == TENON_STATUS_OK) status = walk_all(class, &b);
    if (status == TENON_STATUS_OK) status = copy_walked(class, plan);
    for (uint32_t i = 0; status == TENON_STATUS_OK && i < plan->step_count; i++)
        if (plan->steps[i].exec) tenonh_exec_retain(plan->steps[i].exec);
    if (status == TENON_STATUS_OK) status = tenon__plan_arrange(context, plan);
    if (status == TENON_STATUS_OK) status = find_places(class);
    class->usable = plan->event_count == 0;
    if (status == TENON_STATUS_OK && class->usable)
        status = tenon__shape_rules_create(plan, &class->walked, class->places, &class->rules, &class->usable);
    if (status == TENON_STATUS_OK) tenon__plan_count_outside(plan);
    return status;
}

tenon_status tenon__shape_class_create(tenon__shapes *shapes, const tenon__plan_context *context,
                                       const tenonh_function *function, const int64_t *numbers,
                                       tenon__shape_class **out_class) {
    tenon__shape_class *class = calloc(1, sizeof *class);
    if (!class) return tenon__fail_memory();
    class->shapes = shapes;
    class->function = function;
    class->device = context->devices[0];
    class->streams = context->streams;
    tenon_status status = make_prototype(class, context, numbers);
    if (status != TENON_STATUS_OK) return tenon__shape_class_destroy(class), status;
    *out_class = class;
    return TENON_STATUS_OK;
}

void tenon__shape_class_destroy(tenon__shape_class *class) {
    bool retained = class->memos && class->places; /* both are there before the first exec is retained */
    for (uint32_t i = 0; retained && i < class->walked.step_count; i++)
        tenonh_exec_release(class->walked.steps[i].exec);
    tenon__plan_destroy(class->prototype);
    free(class->walked.steps);
    free(class->walked.storages);
    free(class->scratch.steps);
    free(class->scratch.storages);
    free(class->values);
    free(class->stretches);
    free(class->memos);
    free(class->places);
    tenon__shape_rules_free(&class->rules);
    free(class);
}

/* -- Plans of a class -- */

static void *copy_of(const void *list, size_t count, size_t element) {
    void *copy = malloc(count * element + 1);
    if (copy && count) memcpy(copy, list, count * element);
    return copy;
}

static tenon_status copy_prototype(tenon__shape_class *class, tenon__plan **out_plan) {
    const tenon__plan *from = class->prototype;
    tenon__plan *plan = calloc(1, sizeof *plan);
    if (!plan) return tenon__fail_memory();
    *plan = *from;
    plan->arena = (tenon__arena){0};
    plan->shape_class = class;
    plan->steps = copy_of(from->steps, from->step_count, sizeof *from->steps);
    plan->storages = copy_of(from->storages, from->storage_count, sizeof *from->storages);
    plan->commands = copy_of(from->commands, from->command_count, sizeof *from->commands);
    plan->stream_places = copy_of(from->stream_places, from->stream_count, sizeof *from->stream_places);
    *out_plan = plan;
    if (plan->steps && plan->storages && plan->commands && plan->stream_places) return TENON_STATUS_OK;
    tenon__shape_plan_free(plan);
    return tenon__fail_memory();
}

/* Brings what was walked to where it stands in the plan. */
static void take_steps(const tenon__shape_class *class, tenon__plan *plan) {
    const tenon__plan *scratch = &class->scratch;
    for (uint32_t i = 0; i < class->stretch_count; i++) {
        const tenon__stretch *stretch = &class->stretches[i];
        for (uint32_t s = stretch->step; s < stretch->step_end; s++) {
            uint32_t place = class->places[s];
            if (place == TENON__NEVER) continue;
            tenon__step *to = &plan->steps[place];
            tenon__step made = scratch->steps[s];
            made.from_stream = to->from_stream;
            if (to->placement == TENONH_PLACEMENT_VIEW)
                to->refs = made.refs; /* a copy that became needless */
            else
                *to = made;
        }
    }
    plan->inputs = scratch->inputs;
    plan->outputs = scratch->outputs;
}

/* Walks on `numbers`; what steps point to lies in the plan's arena. */
static tenon_status walk_plan(tenon__shape_class *class, const tenon__plan_context *context, const int64_t *numbers,
                              tenon__plan *plan, bool *out_same) {
    tenon__plan_builder b = {.context = context, .function = class->function, .numbers = numbers};
    b.plan = &class->scratch;
    b.values = class->values;
    b.memos = class->memos;
    b.memo_count = class->walked.step_count;
    b.round = ++class->round;
    b.step_capacity = class->step_capacity;
    b.storage_capacity = class->storage_capacity;
    tenon__arena_reset(&plan->arena);
    class->scratch.arena = plan->arena;
    tenon_status status = walk_again(class, &b, out_same);
    plan->arena = class->scratch.arena;
    class->scratch.arena = (tenon__arena){0};
    class->step_capacity = b.step_capacity;
    class->storage_capacity = b.storage_capacity;
    class->scratch.step_count = class->walked.step_count;
    class->scratch.storage_count = class->walked.storage_count;
    return status;
}

/* A memo outlives this planning only if the class keeps its exec: the cache may let go of any other. */
static void forget_others(tenon__shape_class *class) {
    for (uint32_t i = 0; i < class->walked.step_count; i++) {
        const tenon__exec_entry *entry = class->memos[i].entry;
        if (entry && entry->exec != class->walked.steps[i].exec) class->memos[i] = (tenon__exec_memo){0};
    }
}

/* What an attempt that failed left in the scratch is put right. */
static void restore_scratch(tenon__shape_class *class) {
    memcpy(class->scratch.steps, class->walked.steps, class->walked.step_count * sizeof *class->walked.steps);
    memcpy(class->scratch.storages, class->walked.storages,
           class->walked.storage_count * sizeof *class->walked.storages);
}

tenon_status tenon__shape_class_plan(tenon__shape_class *class, const tenon__plan_context *context,
                                     const int64_t *numbers, tenon__plan *spare, tenon__plan **out_plan) {
    bool same = false;
    tenon__plan *plan = spare;
    *out_plan = NULL;
    if (!plan) TENON_TRY(copy_prototype(class, &plan));
    tenon_status status = walk_plan(class, context, numbers, plan, &same);
    forget_others(class);
    bool holds = status == TENON_STATUS_OK && same &&
                 tenon__shape_rules_hold(&class->rules, &class->scratch, class->prototype->storages, plan->storages);
    if (holds) {
        take_steps(class, plan);
        if (context->check) status = tenon__plan_check(plan);
    }
    if (holds && status == TENON_STATUS_OK) {
        *out_plan = plan;
        return TENON_STATUS_OK;
    }
    restore_scratch(class);
    tenon__shape_plan_free(plan);
    return status == TENON_STATUS_OUT_OF_MEMORY || holds ? status : (tenon_status)TENON_STATUS_OK;
}

void tenon__shape_plan_free(tenon__plan *plan) {
    free(plan->storages);
    free(plan->steps);
    free(plan->commands);
    free(plan->stream_places);
    tenon__arena_free(&plan->arena);
    free(plan);
}
