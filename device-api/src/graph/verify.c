/* The rules of the graph IR that structure alone shows. Types are checked by building the function once more
 * (tenon__check_types), which a builder has done already when it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/composite.h"
#include "passes/rebuild.h"

/* What is known of a value at the place that verification has reached. */
enum { UNSEEN = 0, SEEN = 1, USED_UP = 2 }; /* USED_UP: a token that was consumed, or a value that was donated */

typedef struct checker {
    const tenonh_function *function;
    const tenonh_node *node;    /* being checked, or NULL */
    uint8_t *states;            /* by value id */
    const tenonh_value **by_id; /* to find ids given twice */
    const tenonh_region *loop;  /* the innermost region that may run several times, or NULL */
    uint32_t depth;
} checker;

#define FAIL(c, ...) fail_at(c, tenon__fail(TENON_STATUS_INVALID, __VA_ARGS__))

static tenon_status fail_at(const checker *c, tenon_status status) {
    if (c->node) status = tenon__fail_in(status, "%s", tenon__node_text(c->node));
    return tenon__fail_in(status, "function '%s'", c->function->name);
}

static const char *name_of(const tenonh_value *value) {
    static _Thread_local char text[64];
    if (value->name)
        snprintf(text, sizeof text, "'%.60s'", value->name);
    else
        snprintf(text, sizeof text, "%%%u", value->id);
    return text;
}

static tenon_status check_type(const checker *c, const tenonh_value *value) {
    if (value->dtype == TENONH_TOKEN)
        return value->rank == 0 ? TENON_STATUS_OK : FAIL(c, "token %s has dims", name_of(value));
    if (!tenon_dtype_is_base(value->dtype) || value->rank > TENON_MAX_RANK)
        return FAIL(c, "value %s has dtype %u and rank %u", name_of(value), value->dtype, value->rank);
    bool numbers = true;
    for (uint32_t i = 0; i < value->rank; i++) {
        if (!value->dims[i] || value->dims[i]->high < 0)
            return FAIL(c, "dim %u of value %s is missing or negative", i, name_of(value));
        numbers = numbers && value->dims[i]->kind == TENON__DIM_NUMBER;
    }
    uint64_t bytes;
    if (value->memory > TENON__MEMORY_HOST)
        return FAIL(c, "value %s is of memory kind %u", name_of(value), value->memory);
    return !numbers || tenon__value_bytes(value, &bytes) == TENON_STATUS_OK ? TENON_STATUS_OK
                                                                            : fail_at(c, TENON_STATUS_INVALID);
}

static tenon_status define(checker *c, const tenonh_value *value) {
    TENON_TRY(check_type(c, value));
    if (value->id >= c->function->value_count || c->by_id[value->id])
        return FAIL(c, "value %s: its id %u is taken, or not below %u", name_of(value), value->id,
                    c->function->value_count);
    c->by_id[value->id] = value;
    c->states[value->id] = SEEN;
    return TENON_STATUS_OK;
}

/* What a loop's step uses up must be the step's own: the next step would find it gone. */
static tenon_status use_up(checker *c, const tenonh_value *value, uint32_t index) {
    if (c->loop && !tenon__region_encloses(c->loop, value->region))
        return FAIL(c, "operand %u (%s) is used up in a loop and comes from outside: carry it", index, name_of(value));
    c->states[value->id] = USED_UP;
    return TENON_STATUS_OK;
}

static tenon_status use(checker *c, const tenonh_value *value, uint32_t index, bool takes_token) {
    if (value->id >= c->function->value_count || c->by_id[value->id] != value || c->states[value->id] == UNSEEN)
        return FAIL(c, "operand %u (%s) is not defined before, or outside of its region", index, name_of(value));
    if (c->states[value->id] == USED_UP)
        return FAIL(c, "operand %u (%s) was consumed by an earlier effect or donated", index, name_of(value));
    if ((value->dtype == TENONH_TOKEN) != takes_token)
        return FAIL(c, "operand %u (%s) is %s", index, name_of(value), takes_token ? "no token" : "a token");
    return takes_token ? use_up(c, value, index) : TENON_STATUS_OK;
}

/* Tokens go into the last operand of reads and writes, and through control and calls. */
static bool may_take_token(const tenonh_node *node, uint32_t index) {
    bool state = node->kind == TENON__NODE_READ || node->kind == TENON__NODE_WRITE;
    if (state) return index + 1 == node->operand_count;
    bool passes = node->kind == TENON__NODE_CALL || node->kind == TENON__NODE_WHILE || node->kind == TENON__NODE_FOR;
    return passes && node->operands[index] && node->operands[index]->dtype == TENONH_TOKEN;
}

static tenon_status check_operands(checker *c, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_value *operand = node->operands[i];
        if (operand) {
            TENON_TRY(use(c, operand, i, may_take_token(node, i)));
        } else if (node->kind != TENON__NODE_COMPOSITE) {
            return FAIL(c, "operand %u is missing", i);
        }
    }
    for (uint32_t i = 0; i < 32; i++) {
        if (!(node->donated >> i & 1)) continue;
        if (i >= node->operand_count || !node->operands[i] || node->operands[i]->kind == TENON__VALUE_CONSTANT)
            return FAIL(c, "operand %u can't be donated: it is a constant or missing", i);
        TENON_TRY(use_up(c, node->operands[i], i));
    }
    return TENON_STATUS_OK;
}

static tenon_status check_attrs(const checker *c, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->attr_count; i++) {
        const tenon_attr_row *row = tenon_attr_row_of(node->attrs[i].id);
        if (!row || (i && node->attrs[i - 1].id >= node->attrs[i].id))
            return FAIL(c, "attribute %u is unknown or out of order", node->attrs[i].id);
        if (!row->is_list && node->attrs[i].count != 1)
            return FAIL(c, "attribute %s has %u values", row->name, node->attrs[i].count);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_counts(const checker *c, const tenonh_node *node) {
    const tenon_op_row *row = node->kind == TENON__NODE_OP ? tenon_op_row_of(node->op) : NULL;
    uint32_t results = node->result_count, regions = 0;
    if (node->kind == TENON__NODE_OP && !row) return FAIL(c, "there is no operator %u", node->op);
    if (node->kind < TENON__NODE_OP || node->kind > TENON__NODE_WRITE)
        return FAIL(c, "there is no node kind %u", node->kind);
    if (row) results = row->output_count;
    if (node->composite) results = node->composite->result_count;
    if (node->kind == TENON__NODE_READ) results = 2;
    if (node->kind == TENON__NODE_WRITE) results = 1;
    if (node->kind == TENON__NODE_IF || node->kind == TENON__NODE_WHILE) regions = 2;
    if (node->kind == TENON__NODE_FOR) regions = 1;
    if (node->result_count != results) return FAIL(c, "it has %u results and gives %u", node->result_count, results);
    if (node->region_count != regions) return FAIL(c, "it has %u regions and needs %u", node->region_count, regions);
    if ((node->kind == TENON__NODE_READ || node->kind == TENON__NODE_WRITE) && !node->state)
        return FAIL(c, "it names no state");
    return TENON_STATUS_OK;
}

static tenon_status check_region(checker *c, const tenonh_region *region, const tenonh_node *owner);

/* Only one branch of an if runs: each finds what was there before, and what either uses up is gone. */
static tenon_status check_branches(checker *c, const tenonh_node *node) {
    size_t size = c->function->value_count;
    uint8_t *before = malloc(size + 1), *after = malloc(size + 1);
    tenon_status status = before && after ? TENON_STATUS_OK : tenon__fail_memory();
    if (status == TENON_STATUS_OK) {
        memcpy(before, c->states, size);
        status = check_region(c, node->regions[0], node);
        memcpy(after, c->states, size);
        memcpy(c->states, before, size);
    }
    if (status == TENON_STATUS_OK) status = check_region(c, node->regions[1], node);
    for (size_t i = 0; i < size && status == TENON_STATUS_OK; i++)
        if (after[i] == USED_UP) c->states[i] = USED_UP;
    free(before);
    free(after);
    return status;
}

static tenon_status check_regions(checker *c, const tenonh_node *node) {
    if (node->kind == TENON__NODE_IF) return check_branches(c, node);
    const tenonh_region *outer = c->loop;
    for (uint32_t i = 0; i < node->region_count; i++) {
        c->loop = node->regions[i];
        TENON_TRY(check_region(c, node->regions[i], node));
    }
    c->loop = outer;
    return TENON_STATUS_OK;
}

static tenon_status check_node(checker *c, const tenonh_node *node, const tenonh_region *region, uint32_t position) {
    const tenonh_node *outer = c->node;
    c->node = node;
    if (node->region != region || node->number != position)
        return FAIL(c, "it stands at %u of another region than it says", position);
    TENON_TRY(check_counts(c, node));
    TENON_TRY(check_attrs(c, node));
    TENON_TRY(check_operands(c, node));
    if (c->depth == TENON__MAX_DEPTH) return FAIL(c, "regions nest more than %d deep", TENON__MAX_DEPTH);
    TENON_TRY(check_regions(c, node));
    for (uint32_t i = 0; i < node->result_count; i++) {
        const tenonh_value *result = node->results[i];
        if (result->kind != TENON__VALUE_RESULT || result->node != node || result->index != i)
            return FAIL(c, "result %u belongs to another node", i);
        TENON_TRY(define(c, result));
    }
    c->node = outer;
    return TENON_STATUS_OK;
}

/* How many values region `index` of a node must yield; UINT32_MAX: what its rule for results says. */
static uint32_t yields_of(const tenonh_node *node, const tenonh_region *region) {
    if (node->kind == TENON__NODE_WHILE && region == node->regions[0]) return 1;
    return node->result_count;
}

static tenon_status check_terminator(checker *c, const tenonh_region *region, const tenonh_node *owner) {
    if (owner && region->result_count != yields_of(owner, region))
        return FAIL(c, "a region yields %u values and must yield %u", region->result_count, yields_of(owner, region));
    for (uint32_t i = 0; i < region->result_count; i++) {
        const tenonh_value *value = region->results[i];
        if (!value) return FAIL(c, "yielded value %u is missing", i);
        TENON_TRY(use(c, value, i, value->dtype == TENONH_TOKEN));
    }
    return TENON_STATUS_OK;
}

/* Values of a region are gone behind it. */
static void leave(checker *c, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->argument_count; i++) c->states[region->arguments[i]->id] = UNSEEN;
    for (uint32_t i = 0; i < region->node_count; i++)
        for (uint32_t k = 0; k < region->nodes[i]->result_count; k++)
            c->states[region->nodes[i]->results[k]->id] = UNSEEN;
}

static tenon_status check_region(checker *c, const tenonh_region *region, const tenonh_node *owner) {
    if (!region || region->node != owner || region->function != c->function)
        return FAIL(c, "a region belongs to another node");
    c->depth++;
    for (uint32_t i = 0; i < region->argument_count; i++) {
        const tenonh_value *argument = region->arguments[i];
        if (argument->kind != TENON__VALUE_ARGUMENT || argument->index != i || argument->region != region)
            return FAIL(c, "argument %u of a region belongs to another one", i);
        TENON_TRY(define(c, argument));
    }
    for (uint32_t i = 0; i < region->node_count; i++) TENON_TRY(check_node(c, region->nodes[i], region, i));
    TENON_TRY(check_terminator(c, region, owner));
    if (owner) leave(c, region);
    c->depth--;
    return TENON_STATUS_OK;
}

static tenon_status check_constants(checker *c) {
    for (uint32_t i = 0; i < c->function->constant_count; i++) {
        const tenonh_value *value = c->function->constants[i];
        uint64_t bytes;
        if (value->kind != TENON__VALUE_CONSTANT || !value->constant)
            return FAIL(c, "constant %s has no bytes", name_of(value));
        TENON_TRY(define(c, value));
        if (tenon__value_bytes(value, &bytes) != TENON_STATUS_OK) return fail_at(c, TENON_STATUS_INVALID);
        if (bytes != value->constant->size)
            return FAIL(c, "constant %s is %s and has %llu bytes", name_of(value), tenon__type_text(value),
                        (unsigned long long)value->constant->size);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_names(const checker *c) {
    const tenonh_region *body = c->function->body;
    for (uint32_t i = 0; i < body->argument_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(c->function->input_names[i], c->function->input_names[k]) == 0)
                return FAIL(c, "two inputs are called '%s'", c->function->input_names[i]);
    for (uint32_t i = 0; i < body->result_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(c->function->output_names[i], c->function->output_names[k]) == 0)
                return FAIL(c, "two outputs are called '%s'", c->function->output_names[i]);
    return TENON_STATUS_OK;
}

tenon_status tenon__verify_function(const tenonh_function *function) {
    checker c = {.function = function};
    c.states = calloc((size_t)function->value_count + 1, sizeof *c.states);
    c.by_id = calloc((size_t)function->value_count + 1, sizeof(void *));
    tenon_status status = c.states && c.by_id ? check_names(&c) : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = check_constants(&c);
    if (status == TENON_STATUS_OK) status = check_region(&c, function->body, NULL);
    free(c.states);
    free((void *)c.by_id);
    return status;
}

tenon_status tenonh_module_verify(const tenonh_module *module) {
    for (const tenonh_function *f = module->functions; f; f = f->next) {
        TENON_TRY(tenon__verify_function(f));
        for (const tenonh_function *other = module->functions; other != f; other = other->next)
            if (strcmp(other->name, f->name) == 0)
                return tenon__fail(TENON_STATUS_INVALID, "two functions are called '%s'", f->name);
    }
    return tenon__check_types(module);
}
