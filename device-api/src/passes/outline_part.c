/* Parts: nodes of one group as the main function of a module of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/outline_internal.h"

typedef struct draft {
    tenon__outliner *o;
    tenon__part *part;
    tenonh_node *const *nodes;
    uint32_t node_count, group;
    tenonh_value **known; /* integers that are rebuilt from their content */
    uint32_t known_count;
    uint32_t most; /* values that the lists have room for */
    tenon__rebuild rebuild;
} draft;

static const tenonh_function *function_of(const draft *d) {
    return d->o->outline->function;
}

/* True the first time that something is met since the part was begun. */
static bool is_new_value(const draft *d, const tenonh_value *value) {
    uint32_t *stamp = &d->o->stamps[value->id];
    bool is_new = *stamp != d->o->stamp;
    *stamp = d->o->stamp;
    return is_new;
}

static bool is_new_symbol(const draft *d, const tenon__symbol *symbol) {
    uint32_t *stamp = &d->o->stamps[function_of(d)->value_count + symbol->number];
    bool is_new = *stamp != d->o->stamp;
    *stamp = d->o->stamp;
    return is_new;
}

/* -- What it takes and gives -------------------------------------------------------------------------------------- */

static void add_symbol(void *context, const tenon__symbol *symbol) {
    draft *d = context;
    bool is_own = d->o->homes[symbol->number] && d->o->symbol_groups[symbol->number] == d->group;
    if (!is_own && is_new_symbol(d, symbol)) d->part->symbols[d->part->symbol_count++] = symbol;
}

/* Nodes that come before the part's own. */
typedef struct node_list {
    tenonh_node **nodes;
    uint32_t count, capacity;
} node_list;

/* Adds the node that gives a value which is made again, after those that it needs itself. */
static tenon_status make_again(const draft *d, const tenonh_value *value, node_list *list) {
    bool is_here = !value || tenon__has_content(value) || d->o->groups[value->id] == d->group;
    if (is_here || !tenon__is_made_again(d->o->derived, value) || !is_new_value(d, value)) return TENON_STATUS_OK;
    const tenonh_node *node = value->node;
    for (uint32_t i = 0; i < node->result_count; i++) is_new_value(d, node->results[i]);
    for (uint32_t i = 0; i < node->operand_count; i++) TENON_TRY(make_again(d, node->operands[i], list));
    TENON_TRY(tenon__grow(&d->o->scratch, &list->nodes, list->count, &list->capacity, sizeof(void *)));
    list->nodes[list->count++] = value->node;
    return TENON_STATUS_OK;
}

static tenon_status add_made_again(draft *d) {
    node_list list = {0};
    for (uint32_t i = 0; i < d->node_count; i++)
        for (uint32_t k = 0; k < d->nodes[i]->operand_count; k++)
            TENON_TRY(make_again(d, d->nodes[i]->operands[k], &list));
    if (list.count == 0) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < d->node_count; i++) {
        TENON_TRY(tenon__grow(&d->o->scratch, &list.nodes, list.count, &list.capacity, sizeof(void *)));
        list.nodes[list.count++] = d->nodes[i];
    }
    d->nodes = list.nodes;
    d->node_count = list.count;
    return TENON_STATUS_OK;
}

static void add_operand(draft *d, const tenonh_node *node, uint32_t index) {
    tenonh_value *value = node->operands[index];
    if (!value || value->kind == TENON__VALUE_CONSTANT || !is_new_value(d, value)) return;
    if (d->o->groups[value->id] == d->group) return;
    if (tenon__has_content(value))
        d->known[d->known_count++] = value;
    else if (tenon__operand_decides(node, index))
        d->part->reads[d->part->read_count++] = value;
    else
        d->part->inputs[d->part->input_count++] = value;
}

/* A value that is read may also be an operand like any other: it is then both read and, once read, known. */
static void find_operands(draft *d) {
    for (uint32_t i = 0; i < d->node_count; i++)
        for (uint32_t k = 0; k < d->nodes[i]->operand_count; k++)
            if (tenon__operand_decides(d->nodes[i], k)) add_operand(d, d->nodes[i], k);
    for (uint32_t i = 0; i < d->node_count; i++)
        for (uint32_t k = 0; k < d->nodes[i]->operand_count; k++) add_operand(d, d->nodes[i], k);
}

/* A symbol that is the dim of an input needs no carrier. */
static void skip_bound_symbols(draft *d) {
    for (uint32_t i = 0; i < d->part->input_count; i++)
        for (uint32_t k = 0; k < d->part->inputs[i]->rank; k++)
            if (d->part->inputs[i]->dims[k]->kind == TENON__DIM_SYMBOL)
                is_new_symbol(d, d->part->inputs[i]->dims[k]->symbol);
}

static void find_symbols(draft *d) {
    skip_bound_symbols(d);
    for (uint32_t i = 0; i < d->part->input_count; i++)
        for (uint32_t k = 0; k < d->part->inputs[i]->rank; k++)
            tenon__visit_symbols(d->part->inputs[i]->dims[k], add_symbol, d);
    for (uint32_t i = 0; i < d->known_count; i++) {
        int64_t count = 0;
        if (tenon__value_elements(d->known[i], &count) != TENON_STATUS_OK) count = 0;
        for (int64_t k = 0; k < count; k++) tenon__visit_symbols(d->known[i]->content[k], add_symbol, d);
    }
    for (uint32_t i = 0; i < d->node_count; i++) {
        const tenonh_node *node = d->nodes[i];
        for (uint32_t k = 0; k < node->result_count; k++)
            for (uint32_t a = 0; a < node->results[k]->rank; a++)
                tenon__visit_symbols(node->results[k]->dims[a], add_symbol, d);
        for (uint32_t k = 0; k < node->attr_count; k++)
            for (uint32_t a = 0; a < node->attrs[k].count; a++)
                tenon__visit_symbols(node->attrs[k].dims[a], add_symbol, d);
    }
}

static void find_outputs(draft *d, tenonh_value *const *constants, uint32_t constant_count) {
    for (uint32_t i = 0; i < d->node_count; i++)
        for (uint32_t k = 0; k < d->nodes[i]->result_count; k++)
            if (d->o->needed[d->nodes[i]->results[k]->id])
                d->part->outputs[d->part->output_count++] = d->nodes[i]->results[k];
    for (uint32_t i = 0; i < constant_count; i++) d->part->outputs[d->part->output_count++] = constants[i];
}

static tenon_status make_room(draft *d, uint32_t constant_count) {
    tenon__arena *arena = &d->o->outline->arena;
    uint32_t operands = 0, results = constant_count;
    for (uint32_t i = 0; i < d->node_count; i++) {
        operands += d->nodes[i]->operand_count;
        results += d->nodes[i]->result_count;
    }
    d->part->inputs = tenon__arena_array(arena, (size_t)operands + 1, sizeof(void *));
    d->part->reads = tenon__arena_array(arena, (size_t)operands + 1, sizeof(void *));
    d->part->outputs = tenon__arena_array(arena, (size_t)results + 1, sizeof(void *));
    d->part->symbols = tenon__arena_array(arena, (size_t)d->o->outline->module->dims.symbol_count + 1, sizeof(void *));
    d->known = tenon__arena_array(&d->o->scratch, (size_t)operands + 1, sizeof(void *));
    bool made = d->part->inputs && d->part->reads && d->part->outputs && d->part->symbols && d->known;
    return made ? TENON_STATUS_OK : tenon__fail_memory();
}

/* -- Its module --------------------------------------------------------------------------------------------------- */

/* Symbols that are known before the part runs are those of its inputs, whatever they were where they came from. */
static tenon_status declare_symbol(draft *d, const tenon__symbol *symbol) {
    const tenonh_dim **dim = &d->rebuild.symbols[symbol->number];
    const tenon_symbol *range = &symbol->range;
    if (!*dim) *dim = tenonh_dim_symbol(d->rebuild.target, symbol->name, range->min, range->max, range->divisor);
    return *dim ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
}

static tenon_status declare_symbols(draft *d) {
    for (uint32_t i = 0; i < d->part->symbol_count; i++) TENON_TRY(declare_symbol(d, d->part->symbols[i]));
    for (uint32_t i = 0; i < d->part->input_count; i++)
        for (uint32_t k = 0; k < d->part->inputs[i]->rank; k++)
            if (d->part->inputs[i]->dims[k]->kind == TENON__DIM_SYMBOL)
                TENON_TRY(declare_symbol(d, d->part->inputs[i]->dims[k]->symbol));
    return TENON_STATUS_OK;
}

static tenon_status known_content(draft *d, const tenonh_value *value, const tenonh_dim *const **out_content) {
    int64_t count;
    TENON_TRY(tenon__value_elements(value, &count));
    const tenonh_dim **content = tenon__arena_array(&d->o->scratch, (size_t)count + 1, sizeof(void *));
    if (!content) return tenon__fail_memory();
    for (int64_t i = 0; i < count; i++) {
        content[i] = tenon__dim_substitute(&d->rebuild.target->dims, value->content[i], d->rebuild.symbols);
        if (!content[i]) return TENON_STATUS_OUT_OF_MEMORY;
    }
    *out_content = content;
    return TENON_STATUS_OK;
}

/* Each element read is a symbol of its own less the shift; `carried` gets the symbols. */
static tenon_status read_content(draft *d, const tenonh_value *value, const tenonh_dim **carried,
                                 const tenonh_dim *const **out_content) {
    int64_t count;
    TENON_TRY(tenon__value_elements(value, &count));
    const tenonh_dim **content = tenon__arena_array(&d->o->scratch, (size_t)count + 1, sizeof(void *));
    if (!content) return tenon__fail_memory();
    tenon__dims *dims = &d->rebuild.target->dims;
    for (int64_t i = 0; i < count; i++) {
        char name[48];
        snprintf(name, sizeof name, "element %lld of %u", (long long)i, value->id);
        const tenonh_dim *symbol = tenonh_dim_symbol(d->rebuild.target, name, 0, INT64_MAX, 1);
        carried[d->part->carried_count++] = symbol;
        content[i] = tenon__dim_sub(dims, symbol, tenon__dim_number(dims, TENON__INTEGER_SHIFT));
        if (!content[i]) return TENON_STATUS_OUT_OF_MEMORY;
    }
    *out_content = content;
    return TENON_STATUS_OK;
}

static tenon_status count_carried(const draft *d, size_t *out_count) {
    *out_count = d->part->symbol_count;
    for (uint32_t i = 0; i < d->part->read_count; i++) {
        int64_t count;
        tenon_status status = tenon__value_elements(d->part->reads[i], &count);
        if (status != TENON_STATUS_OK || count > TENON__MAX_CONTENT)
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: dims are computed from the elements of %s",
                               tenon__node_text(d->nodes[0]), tenon__type_text(d->part->reads[i]));
        *out_count += (size_t)count;
    }
    return TENON_STATUS_OK;
}

static tenon_status build_module(draft *d) {
    tenon__part *part = d->part;
    size_t most;
    TENON_TRY(declare_symbols(d));
    TENON_TRY(count_carried(d, &most));
    uint32_t known_count = d->known_count + part->read_count;
    tenonh_value **known = tenon__arena_array(&d->o->scratch, (size_t)known_count + 1, sizeof(void *));
    const tenonh_dim *const **contents = tenon__arena_array(&d->o->scratch, (size_t)known_count + 1, sizeof(void *));
    const tenonh_dim **carried = tenon__arena_array(&d->o->scratch, most + 1, sizeof(void *));
    if (!known || !contents || !carried) return tenon__fail_memory();
    for (; part->carried_count < part->symbol_count; part->carried_count++)
        carried[part->carried_count] = d->rebuild.symbols[part->symbols[part->carried_count]->number];
    for (uint32_t i = 0; i < known_count; i++) {
        bool is_read = i >= d->known_count;
        known[i] = is_read ? part->reads[i - d->known_count] : d->known[i];
        TENON_TRY(is_read ? read_content(d, known[i], carried, &contents[i])
                          : known_content(d, known[i], &contents[i]));
    }
    const tenon__rebuild_part shape = {
        .inputs = part->inputs,
        .input_count = part->input_count,
        .known = known,
        .contents = contents,
        .known_count = known_count,
        .outputs = part->outputs,
        .output_count = part->output_count,
        .carried = carried,
        .carried_count = part->carried_count,
        .nodes = d->nodes,
        .node_count = d->node_count,
    };
    TENON_TRY(tenon__rebuild_part_of(&d->rebuild, function_of(d), "main", &shape));
    return tenon__sweep(d->rebuild.target);
}

static tenon_status make_module(draft *d) {
    const tenonh_module *source = d->o->outline->module;
    /* What is read is resolved when it has been: as expressions over all integers it would say nothing. */
    uint32_t flags = d->part->is_decided ? 0 : TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD;
    d->rebuild = (tenon__rebuild){.source = source, .build_flags = flags};
    d->rebuild.symbols = calloc((size_t)source->dims.symbol_count + 1, sizeof(void *));
    if (!d->rebuild.symbols) return tenon__fail_memory();
    tenon_status status = tenonh_module_create(&d->rebuild.target);
    if (status == TENON_STATUS_OK) {
        d->part->module = d->rebuild.target;
        status = build_module(d);
    }
    free((void *)d->rebuild.symbols);
    return status;
}

static tenon_status keep_part(tenon__outline *outline, tenon__part *part) {
    TENON_TRY(tenon__grow(&outline->arena, &outline->parts, outline->part_count, &outline->part_capacity,
                          sizeof(tenon__part *)));
    part->number = outline->part_count;
    outline->parts[outline->part_count++] = part;
    return TENON_STATUS_OK;
}

tenon_status tenon__outline_part(tenon__outliner *o, tenonh_node *const *nodes, uint32_t node_count, uint32_t group,
                                 tenonh_value *const *constants, uint32_t constant_count, tenon__part **out_part) {
    tenon__part *part = tenon__arena_allocate(&o->outline->arena, sizeof *part);
    draft d = {.o = o, .part = part, .nodes = nodes, .node_count = node_count, .group = group};
    *out_part = NULL;
    if (!part) return tenon__fail_memory();
    TENON_TRY(make_room(&d, constant_count));
    find_outputs(&d, constants, constant_count);
    if (part->output_count == 0) return TENON_STATUS_OK;
    o->stamp++;
    TENON_TRY(add_made_again(&d));
    find_operands(&d);
    find_symbols(&d);
    part->is_decided = part->read_count > 0;
    part->location = part->is_decided && nodes[0]->location_count ? nodes[0]->locations[0] : "";
    TENON_TRY(keep_part(o->outline, part));
    *out_part = part;
    return make_module(&d);
}
