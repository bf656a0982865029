#include <stdlib.h>

#include "graph/composite.h"
#include "passes/rebuild.h"

/* The other operands of a shape composite give it only their own dims. */
bool tenon__operand_decides(const tenonh_node *node, uint32_t operand) {
    if (node->kind != TENON__NODE_COMPOSITE || !node->composite || !node->composite->is_shape) return false;
    switch (node->composite->number) {
    case TENON__COMPOSITE_SHAPE_OF:
    case TENON__COMPOSITE_BROADCAST: return false;
    case TENON__COMPOSITE_RANGE:
    case TENON__COMPOSITE_NON_ZERO: return true;
    case TENON__COMPOSITE_ONE_HOT: return operand == 1;
    default: return operand > 0; /* x, then what its new dims are computed from */
    }
}

static bool is_kind(const tenonh_node *node, uint32_t number) {
    return node->kind == TENON__NODE_COMPOSITE && node->composite && node->composite->number == number;
}

/* From the last node to the first: a value that is wanted makes its node's operands wanted. Values of nodes inside of
 * regions are as wanted as the results they become. */
static void mark_region(const tenonh_region *region, uint8_t *wanted) {
    for (uint32_t i = region->node_count; i-- > 0;) {
        const tenonh_node *node = region->nodes[i];
        bool needed = false, shapes = node->composite && node->composite->is_shape;
        for (uint32_t k = 0; k < node->result_count; k++) needed = needed || wanted[node->results[k]->id];
        needed = needed && !is_kind(node, TENON__COMPOSITE_SHAPE_OF);
        for (uint32_t r = 0; r < node->region_count; r++) {
            for (uint32_t k = 0; needed && k < node->regions[r]->result_count; k++)
                wanted[node->regions[r]->results[k]->id] = 1;
            mark_region(node->regions[r], wanted);
            for (uint32_t k = 0; k < node->regions[r]->argument_count; k++)
                needed = needed || wanted[node->regions[r]->arguments[k]->id];
        }
        for (uint32_t k = 0; k < node->operand_count; k++)
            if (node->operands[k] && (needed || (shapes && tenon__operand_decides(node, k))))
                wanted[node->operands[k]->id] = 1;
    }
}

tenon_status tenon__shape_inputs(const tenonh_function *function, uint8_t *out_flags) {
    uint8_t *wanted = calloc((size_t)function->value_count + 1, 1);
    if (!wanted) return tenon__fail_memory();
    mark_region(function->body, wanted);
    for (uint32_t i = 0; i < function->body->argument_count; i++)
        out_flags[i] = wanted[function->body->arguments[i]->id];
    free(wanted);
    return TENON_STATUS_OK;
}
