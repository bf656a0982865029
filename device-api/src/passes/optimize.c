/* The pass driver. */
#include "passes/rebuild.h"
#include "passes/rule.h"

/* Each round sees users that the one before it took away. They end by themselves (rule_measure.c); a model that needs more
 * is as correct without the rest. */
enum { MAX_ROUNDS = 8 };

/* Rounds until one changes nothing. */
static tenon_status apply_rules(tenon__rewriter *rewriter, tenonh_module **module) {
    uint64_t before;
    uint32_t round = 0;
    do {
        tenon__rebuild r = {
            .source = *module, .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD, .rewriter = rewriter};
        tenonh_module *rebuilt;
        before = rewriter->fired;
        TENON_TRY(tenon__rebuild_module(&r, &rebuilt));
        tenonh_module_destroy(*module);
        *module = rebuilt;
    } while (rewriter->fired > before && ++round < MAX_ROUNDS);
    return TENON_STATUS_OK;
}

static bool region_has_composites(const tenonh_region *region) {
    for (uint32_t i = 0; i < region->node_count; i++) {
        const tenonh_node *node = region->nodes[i];
        if (node->kind == TENON__NODE_COMPOSITE) return true;
        for (uint32_t k = 0; k < node->region_count; k++)
            if (region_has_composites(node->regions[k])) return true;
    }
    return false;
}

static bool has_composites(const tenonh_module *module) {
    for (const tenonh_function *f = module->functions; f; f = f->next)
        if (region_has_composites(f->body)) return true;
    return false;
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

/* Rules for composites. */
static tenon_status run_early(const tenonh_module *module, tenon__rewriter *rewriter, tenonh_module **out_module) {
    tenon__rebuild r = {
        .source = module, .build_flags = TENON__BUILD_SIMPLIFY | TENON__BUILD_FOLD, .rewriter = rewriter};
    rewriter->phases = TENON__PHASE_EARLY;
    TENON_TRY(tenon__rebuild_module(&r, out_module));
    tenon_status status = rewriter->fired ? apply_rules(rewriter, out_module) : TENON_STATUS_OK;
    if (status != TENON_STATUS_OK) tenonh_module_destroy(*out_module);
    return status;
}

/* Decomposes, applying rules for base operators to what comes out; who uses what is only known after that. */
static tenon_status run_late(const tenonh_module *module, const tenon__optimize_options *options,
                             tenon__rewriter *rewriter, tenonh_module **out_module) {
    uint64_t before = rewriter->fired;
    rewriter->phases = TENON__PHASE_LATE;
    TENON_TRY(decompose(module, options->claim, options->claim_context, rewriter, out_module));
    bool changed = rewriter->fired > before || has_composites(module);
    tenon_status status = changed ? apply_rules(rewriter, out_module) : TENON_STATUS_OK;
    if (status != TENON_STATUS_OK) tenonh_module_destroy(*out_module);
    return status;
}

tenon_status tenon__optimize(const tenonh_module *module, const tenon__optimize_options *options, tenon__report *report,
                             tenonh_module **out_module) {
    tenon__rewriter rewriter = {.enabled = options->rules, .report = report};
    tenonh_module *early;
    TENON_TRY(run_early(module, &rewriter, &early));
    tenon_status status = run_late(early, options, &rewriter, out_module);
    tenonh_module_destroy(early);
    return status;
}
