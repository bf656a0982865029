#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/build_internal.h"

tenon_status tenon__grow(tenon__arena *arena, void *list, uint32_t count, uint32_t *capacity, size_t element) {
    if (count < *capacity) return TENON_STATUS_OK;
    uint32_t grown = *capacity ? *capacity * 2 : 4;
    void *old, *memory = count < UINT32_MAX / 4 ? tenon__arena_array(arena, grown, element) : NULL;
    if (!memory) return tenon__fail_memory();
    memcpy(&old, list, sizeof old);
    if (count) memcpy(memory, old, count * element);
    memcpy(list, &memory, sizeof memory);
    *capacity = grown;
    return TENON_STATUS_OK;
}

static tenonh_region *new_region(tenonh_builder *b, tenonh_node *node) {
    tenonh_region *region = tenon__arena_allocate(&b->module->arena, sizeof *region);
    if (!region) return NULL;
    region->node = node;
    region->function = b->function;
    return region;
}

tenon_status tenon__builder_create(tenonh_module *module, const char *name, uint32_t flags,
                                   tenonh_builder **out_builder) {
    if (!name || !*name || tenon__module_find(module, name))
        return tenon__fail(TENON_STATUS_INVALID, "a function needs a name of its own, not '%s'", name ? name : "");
    tenonh_builder *b = calloc(1, sizeof *b);
    if (!b) return tenon__fail_memory();
    b->module = module;
    b->flags = flags;
    b->function = tenon__arena_allocate(&module->arena, sizeof *b->function);
    if (b->function) b->region = b->function->body = new_region(b, NULL);
    if (!b->region || !(b->function->name = tenon__arena_string(&module->arena, name))) {
        free(b);
        return tenon__fail_memory();
    }
    b->function->module = module;
    *out_builder = b;
    return TENON_STATUS_OK;
}

tenon_status tenonh_builder_create(tenonh_module *module, const char *name, tenonh_builder **out_builder) {
    return tenon__builder_create(module, name, 0, out_builder);
}

tenonh_module *tenon__builder_module(tenonh_builder *b) {
    return b->module;
}

void tenon__builder_budget(tenonh_builder *b, const tenon__fold_budget *budget) {
    if (budget) b->budget = *budget;
}

void tenon__builder_claims(tenonh_builder *b, bool decompose, tenon__claim claim, void *context) {
    b->decompose = decompose;
    b->claim = claim;
    b->claim_context = context;
}

static void append_function(tenonh_module *module, tenonh_function *function) {
    tenonh_function **end = &module->functions;
    while (*end) end = &(*end)->next;
    *end = function;
}

/* A size may pass what can be counted only once later nodes have shown symbols to be equal to numbers. */
static tenon_status check_size(tenonh_builder *b, const tenonh_node *node, const tenonh_value *result) {
    struct tenonh_value type = {.dtype = result->dtype, .rank = result->rank};
    uint64_t bytes;
    for (uint32_t i = 0; i < type.rank; i++) {
        type.dims[i] = tenon__dim_resolve(&b->module->dims, result->dims[i]);
        if (!type.dims[i]) return tenon__fail_in(TENON_STATUS_INVALID, "%s", tenon__node_text(node));
        if (type.dims[i]->kind != TENON__DIM_NUMBER) return TENON_STATUS_OK;
    }
    if (type.dtype == TENONH_TOKEN || tenon__value_bytes(&type, &bytes) == TENON_STATUS_OK) return TENON_STATUS_OK;
    return tenon__fail_in(TENON_STATUS_INVALID, "%s", tenon__node_text(node));
}

static tenon_status check_sizes(tenonh_builder *b, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        for (uint32_t k = 0; k < node->result_count; k++) TENON_TRY(check_size(b, node, node->results[k]));
        for (uint32_t k = 0; k < node->region_count; k++) TENON_TRY(check_sizes(b, node->regions[k]));
    }
    return TENON_STATUS_OK;
}

tenon_status tenonh_builder_finish(tenonh_builder *b) {
    if (b->status == TENON_STATUS_OK && b->depth)
        tenon__build_fail(b, TENON_STATUS_INVALID, "function '%s' ends inside a region of %s", b->function->name,
                          tenon__node_text(b->frames[b->depth - 1].node));
    tenon_status status = b->status;
    if (status == TENON_STATUS_OK)
        status = check_sizes(b, b->function->body);
    else
        tenon__fail(status, "%s", b->message);
    if (status == TENON_STATUS_OK) status = tenon__verify_function(b->function);
    if (status == TENON_STATUS_OK) append_function(b->module, b->function);
    free(b->nodes.slots);
    free(b->constants.slots);
    free(b);
    return status;
}

tenon_status tenonh_builder_status(const tenonh_builder *builder) {
    return builder->status;
}

tenonh_value *tenon__build_failed(tenonh_builder *b, tenon_status status, const tenonh_node *node) {
    if (b->status != TENON_STATUS_OK) return NULL;
    const char *where = b->location_count ? b->locations[0] : "";
    if (node)
        tenon__fail_in(status, "%s", tenon__node_text(node));
    else if (*where)
        tenon__fail_in(status, "'%s'", where);
    b->status = status;
    snprintf(b->message, sizeof b->message, "%s", tenonh_error_message());
    return NULL;
}

void tenon__build_context(tenonh_builder *b, const tenonh_node *node) {
    char message[sizeof b->message];
    memcpy(message, b->message, sizeof message);
    snprintf(b->message, sizeof b->message, "%.150s: %.350s", tenon__node_text(node), message);
}

tenonh_value *tenon__build_fail(tenonh_builder *b, tenon_status status, const char *format, ...) {
    if (b->status != TENON_STATUS_OK) return NULL;
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    tenon__fail(status, "%s", message);
    return tenon__build_failed(b, status, NULL);
}

void tenon__builder_locations(tenonh_builder *b, const char *const *names, uint32_t count) {
    b->locations = names;
    b->location_count = count;
}

void tenonh_builder_location(tenonh_builder *b, const char *name) {
    b->location_count = 0;
    if (!name || b->status != TENON_STATUS_OK) return;
    const char **list = tenon__arena_allocate(&b->module->arena, sizeof *list);
    if (!list || !(*list = tenon__arena_string(&b->module->arena, name))) {
        tenon__build_failed(b, tenon__fail_memory(), NULL);
        return;
    }
    tenon__builder_locations(b, list, 1);
}

tenonh_value *tenon__new_value(tenonh_builder *b, uint32_t kind, tenon_dtype dtype, uint32_t rank,
                               const tenonh_dim *const *dims) {
    tenonh_value *value = tenon__arena_allocate(&b->module->arena, sizeof *value);
    if (!value) return tenon__build_failed(b, tenon__fail_memory(), NULL);
    value->kind = kind;
    value->dtype = dtype;
    value->rank = rank;
    value->region = b->region;
    for (uint32_t i = 0; i < rank; i++) value->dims[i] = dims[i];
    return value;
}

static tenonh_value *add_argument(tenonh_builder *b, tenonh_region *region, tenonh_value *value) {
    value->index = region->argument_count;
    value->id = b->function->value_count++;
    region->arguments[region->argument_count++] = value;
    return value;
}

static bool type_is_sane(tenonh_builder *b, const char *name, tenon_dtype dtype, uint32_t rank,
                         const tenonh_dim *const *dims) {
    bool ok = (tenon_dtype_is_base(dtype) || (dtype == TENONH_TOKEN && rank == 0)) && rank <= TENON_MAX_RANK;
    if (!ok)
        tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "'%s' has dtype %s (%u) and rank %u; ranks go up to %d", name,
                          tenon_dtype_name(dtype), dtype, rank, TENON_MAX_RANK);
    for (uint32_t i = 0; i < rank && ok; i++) {
        ok = dims[i] && dims[i]->high >= 0;
        if (!ok) tenon__build_fail(b, TENON_STATUS_INVALID, "dim %u of '%s' is missing or negative", i, name);
    }
    return ok;
}

tenonh_value *tenonh_build_input(tenonh_builder *b, const char *name, tenon_dtype dtype, uint32_t rank,
                                 const tenonh_dim *const *dims) {
    if (b->status != TENON_STATUS_OK || !type_is_sane(b, name, dtype, rank, dims)) return NULL;
    tenonh_function *f = b->function;
    uint32_t count = f->body->argument_count, capacity = b->input_capacity;
    tenon__arena *arena = &b->module->arena;
    tenonh_value *value = tenon__new_value(b, TENON__VALUE_ARGUMENT, dtype, rank, dims);
    const char *copy = tenon__arena_string(arena, name);
    if (!value || !copy || tenon__grow(arena, &f->body->arguments, count, &b->input_capacity, sizeof(void *)) ||
        tenon__grow(arena, &f->input_names, count, &capacity, sizeof(void *)))
        return tenon__build_failed(b, tenon__fail_memory(), NULL);
    value->region = f->body;
    value->name = f->input_names[count] = copy;
    return add_argument(b, f->body, value);
}

void tenonh_build_output(tenonh_builder *b, const char *name, tenonh_value *value) {
    if (b->status != TENON_STATUS_OK) return;
    if (!value || b->depth) {
        tenon__build_fail(b, TENON_STATUS_INVALID, "output '%s' has no value at the function's end", name);
        return;
    }
    tenonh_function *f = b->function;
    uint32_t count = f->body->result_count, capacity = b->output_capacity;
    tenon__arena *arena = &b->module->arena;
    const char *copy = tenon__arena_string(arena, name);
    if (!copy || tenon__grow(arena, &f->body->results, count, &b->output_capacity, sizeof(void *)) ||
        tenon__grow(arena, &f->output_names, count, &capacity, sizeof(void *))) {
        tenon__build_failed(b, tenon__fail_memory(), NULL);
        return;
    }
    f->output_names[count] = copy;
    f->body->results[f->body->result_count++] = value;
}

void tenon__value_name(tenonh_builder *b, tenonh_value *value, const char *name) {
    if (!value || value->name || !name) return;
    value->name = tenon__arena_string(&b->module->arena, name);
}

/* -- Nodes ----------------------------------------------------------------------------------------------------- */

tenonh_node *tenon__draft(tenonh_builder *b, uint32_t kind, tenonh_value *const *operands, uint32_t operand_count,
                          uint32_t result_count) {
    tenon__arena *arena = &b->module->arena;
    if (b->status != TENON_STATUS_OK) return NULL;
    if (operand_count > TENON__MAX_OPERANDS) {
        tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "a node has at most %d operands", TENON__MAX_OPERANDS);
        return NULL;
    }
    tenonh_node *node = tenon__arena_allocate(arena, sizeof *node);
    if (node) {
        node->operands = tenon__arena_copy(arena, operands, operand_count * sizeof *operands);
        node->results = tenon__arena_array(arena, result_count, sizeof *node->results);
    }
    if (!node || !node->operands || !node->results) {
        tenon__build_failed(b, tenon__fail_memory(), NULL);
        return NULL;
    }
    node->kind = kind;
    node->number = b->region->node_count;
    node->operand_count = operand_count;
    node->result_count = result_count;
    node->locations = b->locations;
    node->location_count = b->location_count;
    node->region = b->region;
    for (uint32_t i = 0; i < result_count; i++) {
        tenonh_value *result = tenon__new_value(b, TENON__VALUE_RESULT, TENON_DTYPE_NONE, 0, NULL);
        if (!result) return NULL;
        result->node = node;
        result->index = i;
        node->results[i] = result;
    }
    return node;
}

tenonh_value *tenon__place(tenonh_builder *b, tenonh_node *node) {
    tenonh_region *region = b->region;
    if (tenon__grow(&b->module->arena, &region->nodes, region->node_count, &region->node_capacity, sizeof(void *)))
        return tenon__build_failed(b, TENON_STATUS_OUT_OF_MEMORY, NULL);
    if (b->function->value_count > TENON__MAX_VALUES)
        return tenon__build_fail(b, TENON_STATUS_UNSUPPORTED, "a function has at most %d values", TENON__MAX_VALUES);
    node->number = region->node_count;
    region->nodes[region->node_count++] = node;
    for (uint32_t i = 0; i < node->result_count; i++) node->results[i]->id = b->function->value_count++;
    return node->result_count ? node->results[0] : NULL;
}

enum { MAX_LOCATIONS = 16 }; /* that a node gathers by standing for equal ones */

static bool has_location(const tenonh_node *node, const char *name) {
    for (uint32_t i = 0; i < node->location_count; i++)
        if (strcmp(node->locations[i], name) == 0) return true;
    return false;
}

/* A node that stands for an equal one does that one's work too. */
static void merge_locations(tenonh_builder *b, tenonh_node *node) {
    for (uint32_t i = 0; i < b->location_count && node->location_count < MAX_LOCATIONS; i++) {
        if (has_location(node, b->locations[i])) continue;
        const char **list = tenon__arena_array(&b->module->arena, (size_t)node->location_count + 1, sizeof *list);
        if (!list) return; /* names only: not worth a failure */
        if (node->location_count) memcpy(list, node->locations, node->location_count * sizeof *list);
        list[node->location_count++] = b->locations[i];
        node->locations = list;
    }
}

static tenonh_value *find_or_place(tenonh_builder *b, tenonh_node *node) {
    tenonh_node *equal = tenon__nodes_find(b, node);
    if (equal) {
        tenon__merged(b->rewriter, node, equal);
        merge_locations(b, equal);
        return equal->results[0];
    }
    tenonh_value *result = tenon__place(b, node);
    if (!result) return NULL;
    tenon_status status = tenon__nodes_add(b, node);
    return status == TENON_STATUS_OK ? result : tenon__build_failed(b, status, NULL);
}

tenonh_value *tenon__settle(tenonh_builder *b, tenonh_node *node) {
    tenon_status status = tenon__propagate_content(b, node);
    if (status != TENON_STATUS_OK) return tenon__build_failed(b, status, node);
    if (b->flags & TENON__BUILD_SIMPLIFY) {
        tenonh_value *same = tenon__rewrite(b, node);
        if (same || b->status != TENON_STATUS_OK) return same;
    }
    if (b->flags & TENON__BUILD_FOLD) {
        tenonh_value *constant = tenon__fold(b, node);
        if (constant) tenon__pass_fired(b->rewriter, "fold", node);
        if (constant || b->status != TENON_STATUS_OK) return constant;
    }
    bool searched = (b->flags & TENON__BUILD_SIMPLIFY) && tenon__node_is_pure(node);
    return searched ? find_or_place(b, node) : tenon__place(b, node);
}
