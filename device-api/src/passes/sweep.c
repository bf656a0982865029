#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"

typedef struct sweeping {
    uint8_t *used;             /* by value */
    tenonh_value **definers;   /* by symbol: the first value that has it as a dim, where data decides it */
    tenon__rewriter *rewriter; /* NULL: nobody hears of it */
} sweeping;

static void mark(const sweeping *s, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i]) s->used[values[i]->id] = 1;
}

/* A dim that the data decides is only known once the value is there that has it first. */
static void mark_dim(const sweeping *s, const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_SYMBOL && dim->symbol->equal) mark_dim(s, dim->symbol->equal);
    if (dim->kind == TENON__DIM_SYMBOL && !dim->symbol->equal && s->definers[dim->symbol->number])
        s->used[s->definers[dim->symbol->number]->id] = 1;
    for (uint32_t i = 0; i < dim->count; i++) mark_dim(s, dim->operands[i]);
}

static void mark_dims(const sweeping *s, const tenonh_node *node) {
    for (uint32_t i = 0; i < node->result_count; i++)
        for (uint32_t k = 0; k < node->results[i]->rank; k++) mark_dim(s, node->results[i]->dims[k]);
    for (uint32_t i = 0; i < node->attr_count; i++)
        for (uint32_t k = 0; k < node->attrs[i].count; k++) mark_dim(s, node->attrs[i].dims[k]);
}

static void find_definers(const sweeping *s, const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        for (uint32_t r = 0; r < node->region_count; r++) find_definers(s, node->regions[r]);
        for (uint32_t k = 0; k < node->result_count; k++)
            for (uint32_t d = 0; d < node->results[k]->rank; d++) {
                const tenonh_dim *dim = node->results[k]->dims[d];
                bool is_data = dim->kind == TENON__DIM_SYMBOL && dim->symbol->data;
                if (is_data && !s->definers[dim->symbol->number]) s->definers[dim->symbol->number] = node->results[k];
            }
    }
}

static bool is_needed(const tenonh_node *node, const uint8_t *used) {
    for (uint32_t i = 0; i < node->result_count; i++)
        if (used[node->results[i]->id]) return true;
    return !tenon__node_is_pure(node);
}

static void report(tenon__rewriter *rewriter, const tenonh_node *node) {
    if (!rewriter) return;
    uint32_t id = node->result_count ? node->results[0]->id : UINT32_MAX;
    if (id >= rewriter->note_count || !rewriter->notes[id].credited) tenon__pass_fired(rewriter, "dce", node);
}

/* From the last node to the first: uses come after definitions. Nodes that are not needed leave the list. */
static void sweep_region(const sweeping *s, tenonh_region *region) {
    mark(s, region->results, region->result_count);
    uint32_t kept = region->node_count;
    for (uint32_t i = region->node_count; i-- > 0;) {
        tenonh_node *node = region->nodes[i];
        if (!is_needed(node, s->used)) {
            report(s->rewriter, node);
            continue;
        }
        mark(s, node->operands, node->operand_count);
        mark_dims(s, node);
        for (uint32_t k = 0; k < node->region_count; k++) sweep_region(s, node->regions[k]);
        region->nodes[--kept] = node;
    }
    if (kept) memmove(region->nodes, region->nodes + kept, (region->node_count - kept) * sizeof *region->nodes);
    region->node_count -= kept;
}

static void number_region(tenonh_function *f, tenonh_region *region) {
    for (uint32_t i = 0; i < region->argument_count; i++) region->arguments[i]->id = f->value_count++;
    for (uint32_t i = 0; i < region->node_count; i++) {
        tenonh_node *node = region->nodes[i];
        node->number = i;
        for (uint32_t k = 0; k < node->region_count; k++) number_region(f, node->regions[k]);
        for (uint32_t k = 0; k < node->result_count; k++) node->results[k]->id = f->value_count++;
    }
}

/* Constants are numbered first, so that printing them at a function's head keeps the order of numbers. */
static void number_function(tenonh_function *f) {
    f->value_count = 0;
    for (uint32_t i = 0; i < f->constant_count; i++) f->constants[i]->id = f->value_count++;
    number_region(f, f->body);
}

tenon_status tenon__sweep_function(tenonh_function *f, tenon__rewriter *rewriter) {
    sweeping s = {.used = calloc((size_t)f->value_count + 1, 1), .rewriter = rewriter};
    s.definers = calloc((size_t)f->module->dims.symbol_count + 1, sizeof(void *));
    if (!s.used || !s.definers) return free(s.used), free((void *)s.definers), tenon__fail_memory();
    find_definers(&s, f->body);
    sweep_region(&s, f->body);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->constant_count; i++)
        if (s.used[f->constants[i]->id]) f->constants[kept++] = f->constants[i];
    f->constant_count = kept;
    free(s.used);
    free((void *)s.definers);
    number_function(f);
    return TENON_STATUS_OK;
}

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t) * (tenon__constant *const *)a, y = (uintptr_t) * (tenon__constant *const *)b;
    return x < y ? -1 : x > y;
}

/* Bytes that no value needs go back at once: what was folded can be large. */
static tenon_status drop_constants(tenonh_module *module) {
    size_t count = 0, at = 0;
    for (const tenonh_function *f = module->functions; f; f = f->next) count += f->constant_count;
    tenon__constant **needed = malloc((count + 1) * sizeof *needed);
    if (!needed) return tenon__fail_memory();
    for (const tenonh_function *f = module->functions; f; f = f->next)
        for (uint32_t i = 0; i < f->constant_count; i++) needed[at++] = f->constants[i]->constant;
    qsort(needed, count, sizeof *needed, by_address);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < module->constant_count; i++) {
        tenon__constant *constant = module->constants[i];
        if (bsearch(&constant, needed, count, sizeof *needed, by_address))
            module->constants[kept++] = constant;
        else
            tenon__constant_release(constant);
    }
    module->constant_count = kept;
    free(needed);
    free(module->constant_index); /* positions have moved; it is made anew when a constant is added */
    module->constant_index = NULL;
    module->constant_index_size = 0;
    return TENON_STATUS_OK;
}

tenon_status tenon__sweep(tenonh_module *module) {
    for (tenonh_function *f = module->functions; f; f = f->next) TENON_TRY(tenon__sweep_function(f, NULL));
    return drop_constants(module);
}
