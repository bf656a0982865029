/* The pass driver. */
#include "passes/rebuild.h"
#include "passes/rule.h"

/* Each round sees users that the one before it took away. They end by themselves (rule_measure.c); a model that needs more
 * is as correct without the rest. */
enum { MAX_ROUNDS = 8 };

static tenon_status rebuild(tenon__rebuild *r, tenonh_module **module) {
    tenonh_module *rebuilt;
    r->source = *module;
    TENON_TRY(tenon__rebuild_module(r, &rebuilt));
    tenonh_module_destroy(*module);
    *module = rebuilt;
    return TENON_STATUS_OK;
}

static tenon_status apply_rules(tenon__rewriter *rewriter, uint32_t phase, tenonh_module **module) {
    uint64_t before;
    uint32_t round = 0;
    rewriter->phases = phase;
    do {
        tenon__rebuild r = {.build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD, .rewriter = rewriter};
        before = rewriter->fired;
        TENON_TRY(rebuild(&r, module));
    } while (rewriter->fired > before && ++round < MAX_ROUNDS);
    return TENON_STATUS_OK;
}

/* Composites that are left without a claim have no decomposition, or wait for dims that nothing decides. */
static tenon_status check_expanded(const tenonh_region *region, tenon__claim claim, void *context) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        bool composite = node->kind == TENON__NODE_COMPOSITE, known = composite && node->composite;
        bool kept = known && node->composite->number == TENON__COMPOSITE_CONCAT;
        if (composite && !kept && !(claim && claim(context, node)))
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s %s", tenon__node_text(node),
                               known ? "takes its dims from data that is not constant"
                                     : "has no decomposition, and the device does not take it");
        for (uint32_t k = 0; k < node->region_count; k++) TENON_TRY(check_expanded(node->regions[k], claim, context));
    }
    return TENON_STATUS_OK;
}

static tenon_status decompose(const tenonh_module *module, tenon__claim claim, void *context, tenon__rewriter *rewriter,
                              tenonh_module **out_module) {
    tenon__rebuild r = {.source = module,
                        .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD,
                        .decompose = true,
                        .claim = claim,
                        .claim_context = context,
                        .rewriter = rewriter};
    tenonh_module *expanded;
    TENON_TRY(tenon__rebuild_module(&r, &expanded));
    tenon_status status = TENON_STATUS_OK;
    for (const tenonh_function *f = expanded->functions; f && status == TENON_STATUS_OK; f = f->next)
        status = check_expanded(f->body, claim, context);
    if (status == TENON_STATUS_OK)
        *out_module = expanded;
    else
        tenonh_module_destroy(expanded);
    return status;
}

tenon_status tenon__decompose(const tenonh_module *module, tenon__claim claim, void *context,
                              tenonh_module **out_module) {
    return decompose(module, claim, context, NULL, out_module);
}

static tenon_status run_passes(const tenonh_module *module, const tenon__optimize_options *options,
                               tenon__rewriter *rewriter, tenonh_module **out_module) {
    tenon__rebuild first = {
        .source = module, .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD, .rewriter = rewriter};
    tenonh_module *early, *late = NULL;
    rewriter->phases = TENON__PHASE_EARLY;
    TENON_TRY(tenon__rebuild_module(&first, &early));
    tenon_status status = apply_rules(rewriter, TENON__PHASE_EARLY, &early);
    rewriter->phases = TENON__PHASE_LATE;
    if (status == TENON_STATUS_OK) status = decompose(early, options->claim, options->claim_context, rewriter, &late);
    if (status == TENON_STATUS_OK) status = apply_rules(rewriter, TENON__PHASE_LATE, &late);
    tenonh_module_destroy(early);
    if (status == TENON_STATUS_OK)
        *out_module = late;
    else
        tenonh_module_destroy(late);
    return status;
}

tenon_status tenon__optimize(const tenonh_module *module, const tenon__optimize_options *options, tenon__report *report,
                             tenonh_module **out_module) {
    tenon__rewriter rewriter = {.enabled = options->rules, .report = report};
    return run_passes(module, options, &rewriter, out_module);
}
