/* Composites by name: asked for when a module is decomposed, as work of their own or as part of a graph. */
#include <stdio.h>

#include "plan/claim_internal.h"

/* Keeps a failure that the asking function cannot return. */
static void keep_failure(tenon__claimer *claimer, tenon_status status) {
    if (claimer->failure != TENON_STATUS_OK) return;
    claimer->failure = status;
    snprintf(claimer->failure_text, sizeof claimer->failure_text, "%s", tenonh_error_message());
}

/* True the first time in a round of asking: a refusal is told once for each kind of composite. */
static bool is_first(const tenon__claimer *claimer, tenon__answer *answer) {
    bool first = answer->noted != claimer->claims_made;
    answer->noted = claimer->claims_made;
    return first;
}

static tenon_status note_refusal(tenon__claimer *claimer, const tenonh_node *node, tenon__answer *answer) {
    const tenon__nodes one = {.nodes = &node, .count = 1};
    if (!is_first(claimer, answer)) return TENON_STATUS_OK;
    if (answer->status == TENON_STATUS_OK)
        return tenon__claim_note(claimer, TENONH_CLAIM_COST, TENON_WORK_COMPOSITE, &one, answer,
                                 "what it replaces costs less");
    return tenon__claim_note(claimer, TENONH_CLAIM_REFUSED, TENON_WORK_COMPOSITE, &one, NULL, answer->words);
}

static tenon_status ask_by_name(tenon__claimer *claimer, const tenonh_node *node, tenon__described *d,
                                tenon__answer **out_answer) {
    tenon__answer *answer;
    bool fresh;
    TENON_TRY(tenon__describe_composite(node, NULL, d->arena, d));
    TENON_TRY(tenon__answer_prepare(claimer, d, &answer, &fresh));
    if (answer->status == TENON_STATUS_OK) TENON_TRY(tenon__weigh_answer(claimer, d, 0, answer));
    if (answer->status == TENON_STATUS_OK && !answer->declined)
        *out_answer = answer;
    else
        TENON_TRY(note_refusal(claimer, node, answer));
    return TENON_STATUS_OK;
}

tenon__answer *tenon__taken_by_name(tenon__claimer *claimer, const tenonh_node *node) {
    tenon__arena arena = {0};
    tenon__described d = {.arena = &arena};
    tenon__answer *answer = NULL;
    bool asked = claimer->kinds & TENON_WORK_COMPOSITE && tenon__may_claim(claimer, node);
    tenon_status status = asked ? ask_by_name(claimer, node, &d, &answer) : (tenon_status)TENON_STATUS_OK;
    if (status != TENON_STATUS_OK) keep_failure(claimer, status);
    tenon__described_free(&d);
    tenon__arena_free(&arena);
    return status == TENON_STATUS_OK ? answer : NULL;
}

static tenon_status ask_in_graph(tenon__claimer *claimer, const tenonh_node *node, tenon__described *d,
                                 tenon__answer **out_answer) {
    const tenon__nodes one = {.nodes = &node, .count = 1};
    tenon_claim claim = {0};
    TENON_TRY(tenon__describe_graph(&one, NULL, d->arena, d));
    tenon__answer *answer = tenon__answer_to(claimer, d);
    if (!answer) return TENON_STATUS_OUT_OF_MEMORY;
    *out_answer = answer;
    if (answer->wanted) return TENON_STATUS_OK;
    TENON_TRY(tenonh_device_claim(claimer->device, &d->work, &claim));
    answer->wanted = claim.region ? 1 : 2;
    return TENON_STATUS_OK;
}

/* The answer to a composite as a graph of one node, as which it is claimed or not. NULL: a failure was kept. */
static tenon__answer *claimed_in_graph(tenon__claimer *claimer, const tenonh_node *node) {
    tenon__arena arena = {0};
    tenon__described d = {.arena = &arena};
    tenon__answer *answer = NULL;
    tenon_status status = ask_in_graph(claimer, node, &d, &answer);
    if (status != TENON_STATUS_OK) keep_failure(claimer, status);
    tenon__described_free(&d);
    tenon__arena_free(&arena);
    return status == TENON_STATUS_OK ? answer : NULL;
}

static void note_ban(tenon__claimer *claimer, const tenonh_node *node, tenon__answer *answer) {
    const tenon__nodes one = {.nodes = &node, .count = 1};
    if (!is_first(claimer, answer)) return;
    tenon_status status = tenon__claim_note(claimer, TENONH_CLAIM_DROPPED, TENON_WORK_GRAPH, &one, answer,
                                            answer->words ? answer->words : "no region took it");
    if (status != TENON_STATUS_OK) keep_failure(claimer, status);
}

bool tenon__claimer_wants(void *context, const tenonh_node *node) {
    tenon__claimer *claimer = context;
    if (claimer->failure != TENON_STATUS_OK || !tenon__may_claim(claimer, node)) return false;
    if (tenon__taken_by_name(claimer, node)) return true;
    if (!(claimer->kinds & TENON_WORK_GRAPH) || claimer->failure != TENON_STATUS_OK) return false;
    tenon__answer *answer = claimed_in_graph(claimer, node);
    if (!answer || answer->wanted != 1) return false;
    if (answer->banned) note_ban(claimer, node, answer);
    return !answer->banned;
}

tenon_status tenon__ban_composite(tenon__claimer *claimer, const tenonh_node *node) {
    tenon__answer *answer = claimed_in_graph(claimer, node);
    if (!answer) return tenon__fail(claimer->failure, "%s", claimer->failure_text);
    answer->banned = true;
    return TENON_STATUS_OK;
}
