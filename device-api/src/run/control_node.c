/* The control nodes of a run: which region runs, how often, and where its values go. */
#include <stdlib.h>
#include <string.h>

#include "run/control.h"
#include "support/error.h"

static tenon_status fail_at(const tenonh_node *node, int64_t step, tenon_status status) {
    const char *location = node->location_count ? node->locations[0] : "";
    if (step < 0) return tenon__fail_in(status, "node '%s'", location);
    return tenon__fail_in(status, "node '%s', step %lld", location, (long long)step);
}

static tenon_status read_condition(const tenon__control_run_state *run, tenonh_tensor *tensor, bool *out_is_true) {
    unsigned char byte = 0;
    if (!tensor || tensor->size != 1) return tenon__fail(TENON_STATUS_INTERNAL, "a condition is no bool");
    TENON_TRY(tenon__control_read(run, tensor, &byte));
    *out_is_true = byte != 0;
    return TENON_STATUS_OK;
}

/* What a region yields, with a reference each. */
static tenon_status take_yields(const tenon__control_run_state *run, const tenonh_region *region, uint32_t count,
                                tenonh_tensor **out_tensors) {
    for (uint32_t i = 0; i < count; i++) {
        tenonh_tensor *tensor;
        TENON_TRY(tenon__control_get(run, region->results[i], &tensor));
        out_tensors[i] = tenonh_tensor_retain(tensor);
    }
    return TENON_STATUS_OK;
}

static void release_all(tenonh_tensor **tensors, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        tenonh_tensor_release(tensors[i]);
        tensors[i] = NULL;
    }
}

/* Drops what a region still holds of its own: the rest went when it was used last. */
static void leave(tenon__control_run_state *run, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->argument_count; i++) tenon__control_drop(run, region->arguments[i]);
    for (uint32_t i = 0; i < region->result_count; i++) {
        const tenonh_value *value = region->results[i];
        if (value->region == region && value->kind != TENON__VALUE_CONSTANT) tenon__control_drop(run, value);
    }
}

static tenon_status give_results(tenon__control_run_state *run, const tenonh_node *node, uint32_t count,
                                 tenonh_tensor **tensors) {
    for (uint32_t i = 0; i < count; i++) {
        tenonh_tensor *tensor = tensors[i];
        tensors[i] = NULL;
        TENON_TRY(tenon__control_set(run, node->results[i], tensor));
    }
    return TENON_STATUS_OK;
}

/* -- If ----------------------------------------------------------------------------------------------------------- */

static tenon_status run_if(tenon__control_run_state *run, const tenon__script_entry *entry) {
    const tenonh_node *node = entry->node;
    tenonh_tensor *condition;
    bool is_true;
    TENON_TRY(tenon__control_get(run, node->operands[0], &condition));
    TENON_TRY(read_condition(run, condition, &is_true));
    const tenon__script *script = entry->regions[is_true ? 0 : 1];
    TENON_TRY(tenon__control_script(run, script));
    tenonh_tensor **tensors = calloc((size_t)node->result_count + 1, sizeof(void *));
    if (!tensors) return tenon__fail_memory();
    tenon_status status = take_yields(run, script->region, node->result_count, tensors);
    leave(run, script->region);
    if (status == TENON_STATUS_OK) status = give_results(run, node, node->result_count, tensors);
    release_all(tensors, node->result_count);
    free((void *)tensors);
    return status;
}

/* -- Loops -------------------------------------------------------------------------------------------------------- */

/* Values of all steps side by side, in memory that grows where nobody knows how many there will be. */
typedef struct stack {
    tenonh_tensor *whole; /* NULL before the first */
    tenonh_tensor *slot;  /* of the step that runs, or NULL */
    int64_t capacity;     /* slots */
} stack;

enum { FIRST_SLOTS = 16 };

typedef struct loop {
    tenon__control_run_state *run;
    const tenonh_node *node;
    const tenonh_region *region; /* the step */
    uint32_t carried_count, xs_count, ys_count;
    int64_t step, most;
    bool is_counted;         /* `most` is how many steps there are */
    tenonh_tensor **carried; /* the loop's references */
    stack *stacks;
} loop;

static tenon_status slice(const tenonh_tensor *whole, int64_t index, int64_t count, bool keeps_axis,
                          tenonh_tensor **out_tensor) {
    int64_t dims[TENONH_TENSOR_MAX_RANK], each = 1;
    uint64_t size;
    for (uint32_t i = 1; i < whole->rank; i++) each *= whole->numbers[i];
    TENON_TRY(tenon_dtype_bytes(whole->dtype, each, &size));
    memcpy(dims, whole->numbers, whole->rank * sizeof *dims);
    dims[0] = count;
    return tenonh_tensor_wrap(whole->memory, whole->offset + (uint64_t)index * size, whole->dtype,
                              whole->rank - !keeps_axis, dims + !keeps_axis, NULL, out_tensor);
}

/* Room for the present step's slot; what is there already moves along. */
static tenon_status grow(const loop *l, stack *s, const tenonh_value *y, const int64_t *dims) {
    int64_t all[TENONH_TENSOR_MAX_RANK], wanted = s->capacity ? 2 * s->capacity : FIRST_SLOTS;
    tenonh_tensor *whole, *from = NULL, *to = NULL;
    if (l->step < s->capacity) return TENON_STATUS_OK;
    all[0] = l->is_counted || wanted > l->most ? l->most : wanted;
    memcpy(all + 1, dims, y->rank * sizeof *dims);
    TENON_TRY(tenon__control_make(l->run, y->dtype, y->rank + 1, all, &whole));
    tenon_status status = TENON_STATUS_OK;
    if (s->whole) {
        status = slice(s->whole, 0, l->step, true, &from);
        if (status == TENON_STATUS_OK) status = slice(whole, 0, l->step, true, &to);
        if (status == TENON_STATUS_OK) status = tenon__control_copy(l->run, from, to);
        tenonh_tensor_release(from);
        tenonh_tensor_release(to);
    }
    tenonh_tensor_release(s->whole);
    s->whole = whole;
    s->capacity = all[0];
    return status;
}

static bool fits(const stack *s, const tenonh_value *y, const int64_t *dims) {
    return !s->whole || memcmp(s->whole->numbers + 1, dims, y->rank * sizeof *dims) == 0;
}

/* Before a step: its value is made in the slot, where the dims are known already. */
static tenon_status open_slot(const loop *l, uint32_t index) {
    const tenonh_value *y = l->region->results[l->carried_count + index];
    stack *s = &l->stacks[index];
    int64_t dims[TENON_MAX_RANK];
    for (uint32_t i = 0; i < y->rank; i++)
        if (!tenon__control_number(l->run, y->dims[i], &dims[i]) || dims[i] < 0) return TENON_STATUS_OK;
    bool is_made_here = y->kind == TENON__VALUE_RESULT && y->region == l->region && !l->run->rooms[y->id];
    if (!is_made_here || !fits(s, y, dims)) return TENON_STATUS_OK;
    TENON_TRY(grow(l, s, y, dims));
    TENON_TRY(slice(s->whole, l->step, 1, false, &s->slot));
    l->run->rooms[y->id] = s->slot;
    return TENON_STATUS_OK;
}

/* After a step: what was made elsewhere is copied. */
static tenon_status close_slot(const loop *l, uint32_t index) {
    const tenonh_value *y = l->region->results[l->carried_count + index];
    stack *s = &l->stacks[index];
    tenonh_tensor *made;
    if (s->slot) l->run->rooms[y->id] = NULL;
    TENON_TRY(tenon__control_get(l->run, y, &made));
    tenon_status status = TENON_STATUS_OK;
    if (made != s->slot) {
        if (!fits(s, y, made->numbers))
            return tenon__fail(TENON_STATUS_INVALID, "stacked value %u (%s) has other dims than in the steps before",
                               index, tenon__type_text(y));
        TENON_TRY(grow(l, s, y, made->numbers));
        if (!s->slot) status = slice(s->whole, l->step, 1, false, &s->slot);
        if (status == TENON_STATUS_OK) status = tenon__control_copy(l->run, made, s->slot);
    }
    tenonh_tensor_release(s->slot);
    s->slot = NULL;
    return status;
}

static tenon_status set_arguments(const loop *l, const tenonh_region *region) {
    for (uint32_t i = 0; i < l->carried_count; i++)
        TENON_TRY(tenon__control_set(l->run, region->arguments[i], tenonh_tensor_retain(l->carried[i])));
    for (uint32_t i = 0; i < l->xs_count; i++) {
        tenonh_tensor *whole, *element;
        TENON_TRY(tenon__control_get(l->run, l->node->operands[l->carried_count + i], &whole));
        TENON_TRY(slice(whole, l->step, 1, false, &element));
        TENON_TRY(tenon__control_set(l->run, region->arguments[l->carried_count + i], element));
    }
    return TENON_STATUS_OK;
}

static tenon_status run_step(loop *l, const tenon__script *script) {
    TENON_TRY(set_arguments(l, l->region));
    for (uint32_t i = 0; i < l->ys_count; i++) TENON_TRY(open_slot(l, i));
    TENON_TRY(tenon__control_script(l->run, script));
    for (uint32_t i = 0; i < l->ys_count; i++) TENON_TRY(close_slot(l, i));
    release_all(l->carried, l->carried_count);
    TENON_TRY(take_yields(l->run, l->region, l->carried_count, l->carried));
    leave(l->run, l->region);
    return TENON_STATUS_OK;
}

static tenon_status begin_loop(tenon__control_run_state *run, const tenonh_node *node, const tenonh_region *step,
                               uint32_t carried, loop *l) {
    *l = (loop){.run = run, .node = node, .region = step, .most = INT64_MAX};
    l->xs_count = node->operand_count - carried;
    l->ys_count = step->result_count - carried;
    l->carried = calloc((size_t)carried + 1, sizeof(void *));
    l->stacks = calloc((size_t)l->ys_count + 1, sizeof *l->stacks);
    if (!l->carried || !l->stacks) return tenon__fail_memory();
    for (uint32_t i = 0; i < carried; i++, l->carried_count++) {
        tenonh_tensor *tensor;
        TENON_TRY(tenon__control_get(run, node->operands[i], &tensor));
        l->carried[i] = tenonh_tensor_retain(tensor);
    }
    return TENON_STATUS_OK;
}

static void end_loop(loop *l) {
    for (uint32_t i = 0; l->carried && i < l->carried_count; i++) tenonh_tensor_release(l->carried[i]);
    for (uint32_t i = 0; l->stacks && i < l->ys_count; i++) {
        tenonh_tensor_release(l->stacks[i].slot);
        tenonh_tensor_release(l->stacks[i].whole);
    }
    free((void *)l->carried);
    free(l->stacks);
}

/* -- While -------------------------------------------------------------------------------------------------------- */

static tenon_status goes_on(const loop *l, const tenon__script *script, bool *out_goes_on) {
    tenonh_tensor *condition;
    TENON_TRY(set_arguments(l, script->region));
    TENON_TRY(tenon__control_script(l->run, script));
    TENON_TRY(tenon__control_get(l->run, script->region->results[0], &condition));
    TENON_TRY(read_condition(l->run, condition, out_goes_on));
    leave(l->run, script->region);
    return TENON_STATUS_OK;
}

static tenon_status run_while(tenon__control_run_state *run, const tenon__script_entry *entry) {
    loop l;
    bool more = true;
    tenon_status status = begin_loop(run, entry->node, entry->regions[1]->region, entry->node->operand_count, &l);
    while (status == TENON_STATUS_OK && more) {
        status = goes_on(&l, entry->regions[0], &more);
        if (status == TENON_STATUS_OK && more) status = run_step(&l, entry->regions[1]);
        if (status != TENON_STATUS_OK) status = fail_at(entry->node, l.step, status);
        l.step++;
    }
    if (status == TENON_STATUS_OK) status = give_results(run, entry->node, l.carried_count, l.carried);
    end_loop(&l);
    return status;
}

/* -- For ---------------------------------------------------------------------------------------------------------- */

/* The number of steps: length of what is stepped along, or an attribute. */
static tenon_status count_steps(loop *l) {
    l->is_counted = !tenon__for_is_conditional(l->node);
    for (uint32_t i = 0; i < l->xs_count; i++) {
        tenonh_tensor *tensor;
        TENON_TRY(tenon__control_get(l->run, l->node->operands[l->carried_count + i], &tensor));
        if (i && tensor->numbers[0] != l->most)
            return tenon__fail(TENON_STATUS_INVALID, "it steps along axes of %lld and %lld", (long long)l->most,
                               (long long)tensor->numbers[0]);
        l->most = tensor->numbers[0];
    }
    if (l->xs_count) return TENON_STATUS_OK;
    if (!tenon__control_number(l->run, tenon__for_steps(l->node), &l->most))
        return tenon__fail(TENON_STATUS_INTERNAL, "the number of its steps is not known yet");
    return TENON_STATUS_OK;
}

/* All values of the steps that have run. Without one, dims that only a step would show are 0. */
static tenon_status stacked(const loop *l, uint32_t index, tenonh_tensor **out_tensor) {
    const tenonh_value *y = l->region->results[l->carried_count + index];
    const stack *s = &l->stacks[index];
    int64_t dims[TENONH_TENSOR_MAX_RANK] = {0};
    if (s->whole && s->capacity == l->step) {
        *out_tensor = tenonh_tensor_retain(s->whole);
        return TENON_STATUS_OK;
    }
    if (s->whole) return slice(s->whole, 0, l->step, true, out_tensor);
    for (uint32_t i = 0; i < y->rank; i++)
        if (!tenon__control_number(l->run, y->dims[i], &dims[1 + i])) dims[1 + i] = 0;
    return tenon__control_make(l->run, y->dtype, y->rank + 1, dims, out_tensor);
}

static tenon_status run_steps(loop *l, const tenon__script *script) {
    bool more = true;
    for (; l->step < l->most; l->step++) {
        if (!l->is_counted) TENON_TRY(read_condition(l->run, l->carried[0], &more));
        if (!more) break;
        TENON_TRY(run_step(l, script));
    }
    return TENON_STATUS_OK;
}

static tenon_status give_stacks(const loop *l) {
    for (uint32_t i = 0; i < l->ys_count; i++) {
        tenonh_tensor *tensor;
        TENON_TRY(stacked(l, i, &tensor));
        TENON_TRY(tenon__control_set(l->run, l->node->results[l->carried_count + i], tensor));
    }
    return TENON_STATUS_OK;
}

static tenon_status run_for(tenon__control_run_state *run, const tenon__script_entry *entry) {
    loop l;
    const tenonh_node *node = entry->node;
    tenon_status status = begin_loop(run, node, node->regions[0], tenon__for_carried(node), &l);
    if (status == TENON_STATUS_OK) status = count_steps(&l);
    if (status == TENON_STATUS_OK) {
        status = run_steps(&l, entry->regions[0]);
        if (status != TENON_STATUS_OK) status = fail_at(node, l.step, status);
    }
    if (status == TENON_STATUS_OK) status = give_stacks(&l);
    if (status == TENON_STATUS_OK) status = give_results(run, node, l.carried_count, l.carried);
    end_loop(&l);
    return status;
}

tenon_status tenon__control_node(tenon__control_run_state *run, const tenon__script_entry *entry) {
    switch (entry->node->kind) {
    case TENON__NODE_IF: return run_if(run, entry);
    case TENON__NODE_WHILE: return run_while(run, entry);
    default: return run_for(run, entry);
    }
}
