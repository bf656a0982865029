/* Which nodes run together and when; the scripts of regions. */
#include "passes/fold.h"
#include "passes/outline_internal.h"

#include <stdlib.h>
#include <string.h>

#define NOT_RELEASED UINT32_MAX

static bool is_control(const tenonh_node *node) {
    return node->kind == TENON__NODE_IF || node->kind == TENON__NODE_WHILE || node->kind == TENON__NODE_FOR;
}

bool tenon__has_content(const tenonh_value *value) {
    return value->kind == TENON__VALUE_CONSTANT || value->content;
}

bool tenon__is_made_again(const uint8_t *derived, const tenonh_value *value) {
    return value->kind == TENON__VALUE_RESULT && (derived[value->id] || tenon__is_constant(value));
}

bool tenon__is_decided(const uint8_t *derived, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_value *x = node->operands[i];
        if (x && tenon__operand_decides(node, i) && !tenon__has_content(x) && !derived[x->id]) return true;
    }
    return false;
}

/* -- What follows from dims ---------------------------------------------------------------------------------------- */

static bool is_small(const tenonh_value *value) {
    int64_t dim, count = 1;
    for (uint32_t i = 0; i < value->rank; i++)
        if (!tenonh_dim_is_number(value->dims[i], &dim) || dim < 0 || dim > TENON__MAX_CONTENT ||
            (count *= dim) > TENON__MAX_CONTENT)
            return false;
    return true;
}

/* Arithmetic that leaves the integers, say of scales, has no content as expressions; numbers for dims decide it all the
 * same. */
static bool follows(const uint8_t *derived, const tenonh_node *node) {
    bool plain = node->kind == TENON__NODE_OP || (node->kind == TENON__NODE_COMPOSITE && node->composite);
    if (!plain || !tenon__node_is_pure(node) || node->operand_count == 0) return false;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_value *x = node->operands[i];
        if (x && !tenon__has_content(x) && !derived[x->id]) return false;
    }
    for (uint32_t i = 0; i < node->result_count; i++)
        if (!is_small(node->results[i])) return false;
    return true;
}

static void mark_derived(const tenonh_region *region, uint8_t *derived) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        bool is_derived = follows(derived, node);
        for (uint32_t k = 0; k < node->result_count; k++) derived[node->results[k]->id] = is_derived;
        for (uint32_t r = 0; r < node->region_count; r++) mark_derived(node->regions[r], derived);
    }
}

void tenon__visit_symbols(const tenonh_dim *dim, tenon__symbol_visitor visit, void *context) {
    if (dim->kind == TENON__DIM_SYMBOL) visit(context, dim->symbol);
    for (uint32_t i = 0; i < dim->count; i++) tenon__visit_symbols(dim->operands[i], visit, context);
}

/* -- What a node uses, with all that its regions do --------------------------------------------------------------- */

typedef struct visitor {
    void (*value)(void *context, const tenonh_value *value);
    tenon__symbol_visitor symbol;
    void *context;
} visitor;

static void visit_dims(const visitor *v, const tenonh_value *value) {
    for (uint32_t i = 0; i < value->rank; i++) tenon__visit_symbols(value->dims[i], v->symbol, v->context);
}

static void visit_node(const visitor *v, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (node->operands[i]) v->value(v->context, node->operands[i]);
    for (uint32_t i = 0; i < node->result_count; i++) visit_dims(v, node->results[i]);
    for (uint32_t i = 0; i < node->attr_count; i++)
        for (uint32_t k = 0; k < node->attrs[i].count; k++)
            tenon__visit_symbols(node->attrs[i].dims[k], v->symbol, v->context);
    for (uint32_t r = 0; r < node->region_count; r++) {
        const tenonh_region *region = node->regions[r];
        for (uint32_t i = 0; i < region->argument_count; i++) visit_dims(v, region->arguments[i]);
        for (uint32_t i = 0; i < region->node_count; i++) visit_node(v, region->nodes[i]);
        for (uint32_t i = 0; i < region->result_count; i++) v->value(v->context, region->results[i]);
    }
}

/* -- Levels: how many decisions of its region a node waits for ---------------------------------------------------- */

typedef struct region_plan {
    tenonh_region *region;
    uint32_t *levels, *groups;   /* by node */
    uint32_t level_count;        /* of nodes: highest + 1 */
    uint32_t *part_groups;       /* by level */
    struct region_plan **nested; /* by node: two each */
} region_plan;

typedef struct leveling {
    const tenon__outliner *o;
    const tenonh_region *region;
    uint32_t level;
} leveling;

static void level_of_value(void *context, const tenonh_value *value) {
    leveling *l = context;
    if (value->region != l->region || value->kind == TENON__VALUE_CONSTANT) return;
    if (l->o->levels[value->id] > l->level) l->level = l->o->levels[value->id];
}

static void level_of_symbol(void *context, const tenon__symbol *symbol) {
    leveling *l = context;
    if (l->o->homes[symbol->number] != l->region) return;
    if (l->o->symbol_levels[symbol->number] > l->level) l->level = l->o->symbol_levels[symbol->number];
}

/* Symbols that data decides are defined by the first value that has them as a dim. */
static void define(tenon__outliner *o, const tenonh_region *region, tenonh_value *value, uint32_t level) {
    o->levels[value->id] = level;
    for (uint32_t i = 0; i < value->rank; i++) {
        const tenon__symbol *symbol = value->dims[i]->kind == TENON__DIM_SYMBOL ? value->dims[i]->symbol : NULL;
        if (!symbol || !symbol->data || o->definers[symbol->number]) continue;
        o->definers[symbol->number] = value;
        o->homes[symbol->number] = region;
        o->symbol_levels[symbol->number] = level;
    }
}

static bool is_cut(const uint8_t *derived, const tenonh_node *node) {
    return is_control(node) || tenon__is_decided(derived, node);
}

static tenon_status plan_region(tenon__outliner *o, tenonh_region *region, region_plan **out_plan);

static tenon_status level_nodes(tenon__outliner *o, region_plan *plan) {
    tenonh_region *region = plan->region;
    for (uint32_t i = 0; i < region->node_count; i++) {
        tenonh_node *node = region->nodes[i];
        leveling l = {o, region, 0};
        const visitor v = {level_of_value, level_of_symbol, &l};
        visit_node(&v, node);
        plan->levels[i] = l.level;
        if (l.level >= plan->level_count) plan->level_count = l.level + 1;
        for (uint32_t r = 0; r < node->region_count; r++)
            TENON_TRY(plan_region(o, node->regions[r], &plan->nested[2 * i + r]));
        for (uint32_t k = 0; k < node->result_count; k++)
            define(o, region, node->results[k], l.level + is_cut(o->derived, node));
    }
    return TENON_STATUS_OK;
}

static void group_nodes(tenon__outliner *o, region_plan *plan) {
    for (uint32_t level = 0; level < plan->level_count; level++) plan->part_groups[level] = ++o->group_count;
    for (uint32_t i = 0; i < plan->region->node_count; i++) {
        const tenonh_node *node = plan->region->nodes[i];
        plan->groups[i] = is_cut(o->derived, node) ? ++o->group_count : plan->part_groups[plan->levels[i]];
        for (uint32_t k = 0; k < node->result_count; k++) {
            const tenonh_value *value = node->results[k];
            o->groups[value->id] = plan->groups[i];
            for (uint32_t a = 0; a < value->rank; a++)
                if (value->dims[a]->kind == TENON__DIM_SYMBOL && o->definers[value->dims[a]->symbol->number] == value)
                    o->symbol_groups[value->dims[a]->symbol->number] = plan->groups[i];
        }
    }
}

static tenon_status plan_region(tenon__outliner *o, tenonh_region *region, region_plan **out_plan) {
    region_plan *plan = tenon__arena_allocate(&o->scratch, sizeof *plan);
    size_t count = (size_t)region->node_count + 1;
    if (!plan) return tenon__fail_memory();
    *plan = (region_plan){.region = region, .level_count = 1};
    plan->levels = tenon__arena_array(&o->scratch, count, sizeof *plan->levels);
    plan->groups = tenon__arena_array(&o->scratch, count, sizeof *plan->groups);
    plan->nested = tenon__arena_array(&o->scratch, 2 * count, sizeof(void *));
    if (!plan->levels || !plan->groups || !plan->nested) return tenon__fail_memory();
    for (uint32_t i = 0; i < region->argument_count; i++) define(o, region, region->arguments[i], 0);
    TENON_TRY(level_nodes(o, plan));
    plan->part_groups = tenon__arena_array(&o->scratch, plan->level_count, sizeof *plan->part_groups);
    if (!plan->part_groups) return tenon__fail_memory();
    group_nodes(o, plan);
    *out_plan = plan;
    return TENON_STATUS_OK;
}

/* -- Tensors that cross groups ------------------------------------------------------------------------------------ */

typedef struct need {
    tenon__outliner *o;
    uint32_t group;
} need;

/* The host learns a symbol's value from the dims of the value that defines it. */
static void need_symbol(void *context, const tenon__symbol *symbol) {
    const need *n = context;
    const tenonh_value *definer = n->o->definers[symbol->number];
    if (definer && n->o->symbol_groups[symbol->number] != n->group) n->o->needed[definer->id] = 1;
}

static void need_operand(need *n, const tenonh_node *node, const tenonh_value *value);

/* A node that is made again needs, each once, what it needed before. */
static void need_node(need *n, const tenonh_node *node) {
    uint32_t *stamp = &n->o->stamps[node->results[0]->id];
    if (*stamp == n->o->stamp) return;
    *stamp = n->o->stamp;
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (node->operands[i]) need_operand(n, node, node->operands[i]);
    for (uint32_t i = 0; i < node->attr_count; i++)
        for (uint32_t k = 0; k < node->attrs[i].count; k++)
            tenon__visit_symbols(node->attrs[i].dims[k], need_symbol, n);
}

static void need_operand(need *n, const tenonh_node *node, const tenonh_value *value) {
    if (is_control(node)) {
        n->o->needed[value->id] = 1;
        return;
    }
    if (value->kind == TENON__VALUE_CONSTANT || n->o->groups[value->id] == n->group) return;
    if (!value->content && tenon__is_made_again(n->o->derived, value)) {
        need_node(n, value->node);
        return;
    }
    if (!value->content) {
        n->o->needed[value->id] = 1;
        for (uint32_t i = 0; i < value->rank; i++)
            if (value->dims[i]->kind != TENON__DIM_SYMBOL) tenon__visit_symbols(value->dims[i], need_symbol, n);
        return;
    }
    int64_t count = 0;
    if (tenon__value_elements(value, &count) != TENON_STATUS_OK) count = 0;
    for (int64_t i = 0; i < count; i++) tenon__visit_symbols(value->content[i], need_symbol, n);
}

static void need_of_region(tenon__outliner *o, const region_plan *plan) {
    const tenonh_region *region = plan->region;
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        need n = {o, plan->groups[i]};
        o->stamp++;
        for (uint32_t k = 0; k < node->operand_count; k++)
            if (node->operands[k]) need_operand(&n, node, node->operands[k]);
        for (uint32_t k = 0; k < node->attr_count; k++)
            for (uint32_t a = 0; a < node->attrs[k].count; a++)
                tenon__visit_symbols(node->attrs[k].dims[a], need_symbol, &n);
        for (uint32_t k = 0; k < node->result_count; k++)
            for (uint32_t a = 0; a < node->results[k]->rank; a++)
                tenon__visit_symbols(node->results[k]->dims[a], need_symbol, &n);
        for (uint32_t r = 0; r < node->region_count; r++) need_of_region(o, plan->nested[2 * i + r]);
    }
    for (uint32_t i = 0; i < region->result_count; i++) o->needed[region->results[i]->id] = 1;
}

/* -- Scripts ------------------------------------------------------------------------------------------------------ */

static tenon_status build_script(tenon__outliner *o, const region_plan *plan, tenonh_value *const *constants,
                                 uint32_t constant_count, tenon__script **out_script);

static void add_part_entry(tenon__script *script, tenon__part *part) {
    if (part) script->entries[script->entry_count++] = (tenon__script_entry){.kind = TENON__SCRIPT_PART, .part = part};
}

/* The plain nodes of a level. */
static tenon_status add_part(tenon__outliner *o, const region_plan *plan, uint32_t level,
                             tenonh_value *const *constants, uint32_t constant_count, tenon__script *script) {
    uint32_t count = 0;
    tenonh_node **nodes = tenon__arena_array(&o->scratch, (size_t)plan->region->node_count + 1, sizeof(void *));
    if (!nodes) return tenon__fail_memory();
    for (uint32_t i = 0; i < plan->region->node_count; i++)
        if (plan->levels[i] == level && !is_cut(o->derived, plan->region->nodes[i]))
            nodes[count++] = plan->region->nodes[i];
    tenon__part *part;
    TENON_TRY(tenon__outline_part(o, nodes, count, plan->part_groups[level], constants, constant_count, &part));
    add_part_entry(script, part);
    return TENON_STATUS_OK;
}

static tenon_status add_decisions(tenon__outliner *o, const region_plan *plan, uint32_t level, tenon__script *script) {
    for (uint32_t i = 0; i < plan->region->node_count; i++) {
        tenonh_node *node = plan->region->nodes[i];
        if (plan->levels[i] != level || !is_cut(o->derived, node)) continue;
        if (!is_control(node)) {
            tenon__part *part;
            TENON_TRY(tenon__outline_part(o, &node, 1, plan->groups[i], NULL, 0, &part));
            add_part_entry(script, part);
            continue;
        }
        tenon__script_entry entry = {.kind = TENON__SCRIPT_CONTROL, .node = node};
        for (uint32_t r = 0; r < node->region_count; r++)
            TENON_TRY(build_script(o, plan->nested[2 * i + r], NULL, 0, &entry.regions[r]));
        script->entries[script->entry_count++] = entry;
    }
    return TENON_STATUS_OK;
}

/* -- When a region's values are done with ------------------------------------------------------------------------- */

typedef struct last_uses {
    uint32_t *entries; /* by value: position + 1 of the last entry that needs it */
    uint32_t entry;
} last_uses;

static void note_last(last_uses *l, const tenonh_value *value) {
    l->entries[value->id] = l->entry;
}

static void note_entry(last_uses *l, const tenon__script_entry *entry) {
    for (uint32_t i = 0; entry->part && i < entry->part->input_count; i++) note_last(l, entry->part->inputs[i]);
    for (uint32_t i = 0; entry->part && i < entry->part->read_count; i++) note_last(l, entry->part->reads[i]);
    for (uint32_t i = 0; entry->part && i < entry->part->output_count; i++) note_last(l, entry->part->outputs[i]);
    if (!entry->node) return;
    for (uint32_t i = 0; i < entry->node->operand_count; i++) note_last(l, entry->node->operands[i]);
    for (uint32_t i = 0; i < entry->node->result_count; i++) note_last(l, entry->node->results[i]);
    for (uint32_t r = 0; r < entry->node->region_count; r++) {
        for (uint32_t i = 0; i < entry->regions[r]->entry_count; i++) note_entry(l, &entry->regions[r]->entries[i]);
        for (uint32_t i = 0; i < entry->regions[r]->region->result_count; i++)
            note_last(l, entry->regions[r]->region->results[i]);
    }
}

/* Gives each entry the region's results that it is the last to need. */
static tenon_status list_releases(tenon__arena *arena, tenon__script *script, const uint32_t *last) {
    const tenonh_region *region = script->region;
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < region->node_count; i++) {
            for (uint32_t k = 0; k < region->nodes[i]->result_count; k++) {
                tenonh_value *value = region->nodes[i]->results[k];
                uint32_t place = last[value->id];
                if (place == 0 || place == NOT_RELEASED) continue;
                tenon__script_entry *entry = &script->entries[place - 1];
                if (pass == 1) entry->released[entry->released_count] = value;
                entry->released_count++;
            }
        }
        for (uint32_t i = 0; i < script->entry_count && pass == 0; i++) {
            tenon__script_entry *entry = &script->entries[i];
            entry->released = tenon__arena_array(arena, (size_t)entry->released_count + 1, sizeof(void *));
            if (!entry->released) return tenon__fail_memory();
            entry->released_count = 0;
        }
    }
    return TENON_STATUS_OK;
}

static tenon_status find_releases(tenon__outliner *o, tenon__script *script) {
    last_uses l = {.entries = calloc((size_t)o->outline->function->value_count + 1, sizeof *l.entries)};
    if (!l.entries) return tenon__fail_memory();
    for (uint32_t i = 0; i < script->entry_count; i++) {
        l.entry = i + 1;
        note_entry(&l, &script->entries[i]);
    }
    for (uint32_t i = 0; i < script->region->result_count; i++)
        l.entries[script->region->results[i]->id] = NOT_RELEASED;
    tenon_status status = list_releases(&o->outline->arena, script, l.entries);
    free(l.entries);
    return status;
}

static tenon_status build_script(tenon__outliner *o, const region_plan *plan, tenonh_value *const *constants,
                                 uint32_t constant_count, tenon__script **out_script) {
    tenon__arena *arena = &o->outline->arena;
    tenon__script *script = tenon__arena_allocate(arena, sizeof *script);
    size_t most = (size_t)plan->region->node_count + plan->level_count;
    if (script) script->entries = tenon__arena_array(arena, most, sizeof *script->entries);
    if (!script || !script->entries) return tenon__fail_memory();
    script->region = plan->region;
    for (uint32_t level = 0; level < plan->level_count; level++) {
        TENON_TRY(add_part(o, plan, level, constants, level ? 0 : constant_count, script));
        TENON_TRY(add_decisions(o, plan, level, script));
    }
    *out_script = script;
    return find_releases(o, script);
}

/* -- The function ------------------------------------------------------------------------------------------------- */

static tenon_status resolve_value(tenonh_module *module, tenonh_value *value) {
    int64_t count = 0;
    for (uint32_t i = 0; i < value->rank; i++)
        if (!(value->dims[i] = tenon__dim_resolve(&module->dims, value->dims[i]))) return TENON_STATUS_OUT_OF_MEMORY;
    if (!value->content || tenon__value_elements(value, &count) != TENON_STATUS_OK) return TENON_STATUS_OK;
    const tenonh_dim **content = tenon__arena_array(&module->arena, (size_t)count + 1, sizeof(void *));
    if (!content) return tenon__fail_memory();
    for (int64_t i = 0; i < count; i++)
        if (!(content[i] = tenon__dim_resolve(&module->dims, value->content[i]))) return TENON_STATUS_OUT_OF_MEMORY;
    value->content = content;
    return TENON_STATUS_OK;
}

static tenon_status resolve_attrs(tenonh_module *module, tenonh_node *node) {
    tenon__attr *attrs = tenon__arena_copy(&module->arena, node->attrs, node->attr_count * sizeof *attrs);
    if (!attrs) return tenon__fail_memory();
    for (uint32_t i = 0; i < node->attr_count; i++) {
        const tenonh_dim **dims = tenon__arena_array(&module->arena, (size_t)attrs[i].count + 1, sizeof(void *));
        if (!dims) return tenon__fail_memory();
        for (uint32_t k = 0; k < attrs[i].count; k++)
            if (!(dims[k] = tenon__dim_resolve(&module->dims, attrs[i].dims[k]))) return TENON_STATUS_OUT_OF_MEMORY;
        attrs[i].dims = dims;
    }
    node->attrs = attrs;
    return TENON_STATUS_OK;
}

/* Puts what symbols were found equal to in their place, everywhere. */
static tenon_status resolve_region(tenonh_module *module, tenonh_region *region) {
    for (uint32_t i = 0; i < region->argument_count; i++) TENON_TRY(resolve_value(module, region->arguments[i]));
    for (uint32_t i = 0; i < region->node_count; i++) {
        tenonh_node *node = region->nodes[i];
        TENON_TRY(resolve_attrs(module, node));
        for (uint32_t k = 0; k < node->result_count; k++) TENON_TRY(resolve_value(module, node->results[k]));
        for (uint32_t r = 0; r < node->region_count; r++) TENON_TRY(resolve_region(module, node->regions[r]));
    }
    return TENON_STATUS_OK;
}

static tenon_status resolve_equalities(tenon__dims *dims) {
    for (uint32_t i = 0; i < dims->equality_count; i++)
        for (uint32_t k = 0; k < 2; k++)
            if (!(dims->equalities[i][k] = tenon__dim_resolve(dims, dims->equalities[i][k])))
                return TENON_STATUS_OUT_OF_MEMORY;
    return TENON_STATUS_OK;
}

static tenon_status make_tables(tenon__outliner *o) {
    size_t values = (size_t)o->outline->function->value_count + 1;
    size_t symbols = (size_t)o->outline->module->dims.symbol_count + 1;
    o->levels = tenon__arena_array(&o->scratch, values, sizeof *o->levels);
    o->groups = tenon__arena_array(&o->scratch, values, sizeof *o->groups);
    o->needed = tenon__arena_array(&o->scratch, values, sizeof *o->needed);
    o->stamps = tenon__arena_array(&o->scratch, values + symbols, sizeof *o->stamps);
    o->homes = tenon__arena_array(&o->scratch, symbols, sizeof(void *));
    o->symbol_levels = tenon__arena_array(&o->scratch, symbols, sizeof *o->symbol_levels);
    o->symbol_groups = tenon__arena_array(&o->scratch, symbols, sizeof *o->symbol_groups);
    o->definers = tenon__arena_array(&o->scratch, symbols, sizeof(void *));
    bool made = o->levels && o->groups && o->needed && o->stamps && o->homes && o->symbol_levels && o->symbol_groups &&
                o->definers;
    return made ? TENON_STATUS_OK : tenon__fail_memory();
}

/* Constants that control or a region's end needs as tensors: the first part gives them. */
static tenon_status needed_constants(tenon__outliner *o, tenonh_value ***out_values, uint32_t *out_count) {
    const tenonh_function *function = o->outline->function;
    tenonh_value **values = tenon__arena_array(&o->scratch, (size_t)function->constant_count + 1, sizeof(void *));
    if (!values) return tenon__fail_memory();
    for (uint32_t i = 0; i < function->constant_count; i++)
        if (o->needed[function->constants[i]->id]) values[(*out_count)++] = function->constants[i];
    *out_values = values;
    return TENON_STATUS_OK;
}

static tenon_status outline_function(tenon__outline *outline, const uint8_t *derived) {
    tenon__outliner o = {.outline = outline, .derived = derived};
    region_plan *plan;
    tenonh_value **constants;
    uint32_t constant_count = 0;
    tenon_status status = resolve_region(outline->module, outline->function->body);
    if (status == TENON_STATUS_OK) status = resolve_equalities(&outline->module->dims);
    if (status == TENON_STATUS_OK) status = make_tables(&o);
    if (status == TENON_STATUS_OK) status = plan_region(&o, outline->function->body, &plan);
    if (status == TENON_STATUS_OK) {
        need_of_region(&o, plan);
        status = needed_constants(&o, &constants, &constant_count);
    }
    if (status == TENON_STATUS_OK) status = build_script(&o, plan, constants, constant_count, &outline->script);
    tenon__arena_free(&o.scratch);
    return status;
}

/* What keeps one plan from being enough. Calls may hide it. */
static bool may_need_parts(const uint8_t *derived, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++)
        if (is_cut(derived, region->nodes[i]) || region->nodes[i]->kind == TENON__NODE_CALL) return true;
    return false;
}

static tenon_status derive(const tenonh_function *function, uint8_t **out_derived) {
    *out_derived = calloc((size_t)function->value_count + 1, 1);
    if (!*out_derived) return tenon__fail_memory();
    mark_derived(function->body, *out_derived);
    return TENON_STATUS_OK;
}

static tenon_status simplify(const tenonh_module *module, const tenonh_function *function, tenonh_module **out_module) {
    tenon__rebuild r = {.source = module,
                        .flags = TENON__REBUILD_INLINE | TENON__REBUILD_DATA,
                        .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD};
    TENON_TRY(tenonh_module_create(&r.target));
    r.symbols = calloc((size_t)module->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r.symbols ? TENON_STATUS_OK : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = tenon__rebuild_function(&r, function, "main");
    if (status == TENON_STATUS_OK) status = tenon__sweep(r.target);
    free((void *)r.symbols);
    if (status != TENON_STATUS_OK) return tenonh_module_destroy(r.target), status;
    *out_module = r.target;
    return TENON_STATUS_OK;
}

/* Cuts the one function of `simple`, which the outline takes over; *out_outline is NULL when there is nothing to cut. */
static tenon_status outline_module(tenonh_module *simple, tenon__outline **out_outline) {
    const tenonh_function *function = tenon__module_find(simple, "main");
    tenon__outline *outline = NULL;
    uint8_t *derived;
    tenon_status status = derive(function, &derived);
    if (status == TENON_STATUS_OK && may_need_parts(derived, function->body)) {
        outline = calloc(1, sizeof *outline);
        if (!outline) status = tenon__fail_memory();
    }
    if (outline) {
        outline->module = simple;
        outline->function = function;
        status = outline_function(outline, derived);
    } else {
        tenonh_module_destroy(simple);
    }
    free(derived);
    if (status != TENON_STATUS_OK) return tenon__outline_destroy(outline), status;
    *out_outline = outline;
    return TENON_STATUS_OK;
}

tenon_status tenon__outline_create(const tenonh_module *module, tenon__outline **out_outline) {
    const tenonh_function *function = tenon__module_find(module, "main");
    tenonh_module *simple;
    uint8_t *derived;
    *out_outline = NULL;
    if (!function) return TENON_STATUS_OK;
    TENON_TRY(derive(function, &derived));
    bool may_need = may_need_parts(derived, function->body);
    free(derived);
    if (!may_need) return TENON_STATUS_OK;
    TENON_TRY(simplify(module, function, &simple));
    return outline_module(simple, out_outline);
}

void tenon__outline_destroy(tenon__outline *outline) {
    if (!outline) return;
    for (uint32_t i = 0; i < outline->part_count; i++) tenonh_module_destroy(outline->parts[i]->module);
    tenonh_module_destroy(outline->module);
    tenon__arena_free(&outline->arena);
    free(outline);
}
