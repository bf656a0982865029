/* The claims of a module: decomposing it but for what the device takes, once or until no composite is left over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"
#include "plan/claim_internal.h"

/* -- Notes -------------------------------------------------------------------------------------------------------- */

static tenonh_claim_info *add_note(tenon__claims *claims) {
    if (claims->note_count == claims->note_capacity) {
        uint32_t wanted = claims->note_capacity ? 2 * claims->note_capacity : 16;
        tenonh_claim_info *larger = realloc(claims->notes, wanted * sizeof *larger);
        if (!larger) return NULL;
        claims->notes = larger;
        claims->note_capacity = wanted;
    }
    return &claims->notes[claims->note_count++];
}

const char *tenon__nodes_text(tenon__arena *arena, const tenon__nodes *nodes) {
    char text[192];
    size_t at = 0;
    uint32_t named = 0;
    text[0] = '\0';
    for (; named < nodes->count && at < 48; named++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.64s", named ? " " : "",
                               tenon__node_short(nodes->nodes[named]));
    if (named < nodes->count) snprintf(text + at, sizeof text - at, " and %u more", nodes->count - named);
    return tenon__arena_string(arena, text);
}

static const char *location_of(const tenon__nodes *nodes) {
    for (uint32_t i = 0; i < nodes->count; i++)
        if (nodes->nodes[i]->location_count) return nodes->nodes[i]->locations[0];
    return "";
}

tenon_status tenon__claim_note(tenon__claimer *claimer, uint32_t verdict, uint32_t kind, const tenon__nodes *nodes,
                               const tenon__answer *answer, const char *text) {
    tenon__claims *claims = claimer->claims;
    if (!claims) return TENON_STATUS_OK;
    tenonh_claim_info *info = add_note(claims);
    if (!info) return tenon__fail_memory();
    *info = (tenonh_claim_info){.struct_size = sizeof *info, .verdict = verdict, .kind = kind};
    info->node_count = nodes->count;
    info->name = tenon__nodes_text(&claims->arena, nodes);
    info->location = tenon__arena_string(&claims->arena, location_of(nodes));
    info->cost = answer ? answer->cost : 0;
    info->instead = answer ? answer->instead : 0;
    info->text = tenon__arena_string(&claims->arena, text ? text : "");
    return info->name && info->location && info->text ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

/* -- Modules --------------------------------------------------------------------------------------------------------- */

/* Decomposes and claims once. `out_again`: composites were banned; they are decomposed when it is done again. */
static tenon_status claim_once(tenon__claimer *claimer, const tenonh_module *simple, tenon__decomposer decompose,
                               void *context, tenonh_module **out_module, bool *out_again) {
    TENON_TRY(decompose(context, simple, tenon__claimer_wants, claimer, out_module));
    if (claimer->failure != TENON_STATUS_OK) return tenon__fail(claimer->failure, "%s", claimer->failure_text);
    for (const tenonh_function *f = (*out_module)->functions; f; f = f->next)
        TENON_TRY(tenon__find_regions(claimer, claimer->claims, f, out_again));
    return TENON_STATUS_OK;
}

static tenon_status create_claims(tenon__claimer *claimer) {
    tenon__claims *claims = calloc(1, sizeof *claims);
    if (!claims) return tenon__fail_memory();
    claims->claimer = claimer;
    claimer->claims_made++;
    claimer->failure = TENON_STATUS_OK;
    claimer->claims = claims;
    return TENON_STATUS_OK;
}

static tenon_status claim_until_done(tenon__claimer *claimer, const tenonh_module *simple, tenon__decomposer decompose,
                                     void *context, tenonh_module **out_module, tenon__claims **out_claims) {
    tenon__claims *const around = claimer->claims;
    for (bool again = true; again;) { /* each time at least one composite more is decomposed */
        tenonh_module *module = NULL;
        TENON_TRY(create_claims(claimer));
        again = false;
        tenon_status status = claim_once(claimer, simple, decompose, context, &module, &again);
        tenon__claims *claims = claimer->claims;
        claimer->claims = around;
        if (status == TENON_STATUS_OK && !again) {
            *out_module = module;
            *out_claims = claims;
            break;
        }
        tenonh_module_destroy(module);
        tenon__claims_destroy(claims);
        TENON_TRY(status);
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__claim_module(tenon__claimer *claimer, const tenonh_module *simple, tenon__decomposer decompose,
                                 void *context, tenonh_module **out_module, tenon__claims **out_claims) {
    *out_claims = NULL;
    if (!claimer) return decompose(context, simple, NULL, NULL, out_module);
    pthread_mutex_lock(&claimer->lock);
    bool idle = !claimer->claims && tenon__execs_planning(claimer->execs) <= 1; /* none but the caller plans */
    if (idle && claimer->count > TENON__MOST_ANSWERS) tenon__claimer_trim(claimer);
    tenon_status status = claim_until_done(claimer, simple, decompose, context, out_module, out_claims);
    pthread_mutex_unlock(&claimer->lock);
    return status;
}

const tenon__regions *tenon__regions_of(const tenon__claims *claims, const tenonh_function *function) {
    const tenon__regions *regions = claims ? claims->functions : NULL;
    while (regions && regions->function != function) regions = regions->next;
    return regions;
}

void tenon__claims_destroy(tenon__claims *claims) {
    if (!claims) return;
    for (const tenon__regions *r = claims->functions; r; r = r->next)
        for (uint32_t i = 0; i < r->region_count; i++) tenonh_exec_release(r->regions[i].exec);
    tenon__arena_free(&claims->arena);
    free(claims->notes);
    free(claims);
}
