#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"

static void mark(uint8_t *used, tenonh_value *const *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i]) used[values[i]->id] = 1;
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
static void sweep_region(tenonh_region *region, uint8_t *used, tenon__rewriter *rewriter) {
    mark(used, region->results, region->result_count);
    uint32_t kept = region->node_count;
    for (uint32_t i = region->node_count; i-- > 0;) {
        tenonh_node *node = region->nodes[i];
        if (!is_needed(node, used)) {
            report(rewriter, node);
            continue;
        }
        mark(used, node->operands, node->operand_count);
        for (uint32_t k = 0; k < node->region_count; k++) sweep_region(node->regions[k], used, rewriter);
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
    uint8_t *used = calloc((size_t)f->value_count + 1, 1);
    if (!used) return tenon__fail_memory();
    sweep_region(f->body, used, rewriter);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->constant_count; i++)
        if (used[f->constants[i]->id]) f->constants[kept++] = f->constants[i];
    f->constant_count = kept;
    free(used);
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
