/* Whole modules, rebuilt function by function. */
#include <stdlib.h>
#include <string.h>

#include "passes/rebuild.h"

/* True when only the data decides it: such symbols are made anew with the node that they come from. */
static bool is_of_data(const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_SYMBOL) return dim->symbol->data;
    for (uint32_t i = 0; i < dim->count; i++)
        if (is_of_data(dim->operands[i])) return true;
    return false;
}

static tenon_status keep_equality(tenon__rebuild *r, const tenonh_dim *a, const tenonh_dim *b) {
    if (is_of_data(a) || is_of_data(b)) return TENON_STATUS_OK;
    tenon__dims *to = &r->target->dims;
    a = tenon__dim_substitute(to, a, r->symbols);
    b = a ? tenon__dim_substitute(to, b, r->symbols) : NULL;
    return b ? tenon__dim_equate(to, a, b) : TENON_STATUS_INVALID;
}

/* What the source found out about its dims holds in the target too, also where the nodes that said so are gone. */
static tenon_status keep_equalities(tenon__rebuild *r) {
    const tenon__dims *from = &r->source->dims;
    memset((void *)r->symbols, 0, from->symbol_count * sizeof(void *));
    for (uint32_t i = 0; i < from->symbol_count; i++)
        if (from->symbols[i]->equal) TENON_TRY(keep_equality(r, from->symbols[i]->dim, from->symbols[i]->equal));
    for (uint32_t i = 0; i < from->equality_count; i++)
        TENON_TRY(keep_equality(r, from->equalities[i][0], from->equalities[i][1]));
    return TENON_STATUS_OK;
}

static tenon_status rebuild_functions(tenon__rebuild *r) {
    for (const tenonh_function *f = r->source->functions; f; f = f->next) {
        memset((void *)r->symbols, 0, r->source->dims.symbol_count * sizeof(void *));
        TENON_TRY(tenon__rebuild_function(r, f, f->name));
        TENON_TRY(tenon__sweep_function(tenon__module_find(r->target, f->name), r->rewriter));
    }
    TENON_TRY(keep_equalities(r));
    return tenon__sweep(r->target);
}

tenon_status tenon__rebuild_module(tenon__rebuild *r, tenonh_module **out_module) {
    TENON_TRY(tenonh_module_create(&r->target));
    r->symbols = calloc((size_t)r->source->dims.symbol_count + 1, sizeof(void *));
    tenon_status status = r->symbols ? rebuild_functions(r) : tenon__fail_memory();
    free((void *)r->symbols);
    if (r->rewriter) tenon__forget_notes(r->rewriter);
    if (status == TENON_STATUS_OK)
        *out_module = r->target;
    else
        tenonh_module_destroy(r->target);
    return status;
}
