/* The regions of a function: nodes that the device marks are cut into pieces; a piece that the device prepares is
 * settled, one that it refuses is split and cut anew, until no piece is open. */
#include <stdlib.h>
#include <string.h>

#include "plan/claim_internal.h"

#define NONE TENON__NO_REGION

enum { MOST_REFUSALS = 64 };

typedef struct search {
    tenon__claimer *claimer;
    tenon__claims *claims;
    tenon__regions *regions;
    const tenonh_function *function;
    uint32_t count; /* of nodes */
    tenon__cut cut;
    uint64_t *costs;         /* by node, as claimed; 0 unknown */
    uint32_t color_count;    /* colors so far: 0 is none */
    tenon__answer **answers; /* by settled region */
    uint32_t *kinds;         /* by settled region: TENON_WORK_COMPOSITE or GRAPH */
    uint32_t region_count;
    uint32_t refusals, most_refusals;
    tenon__arena arena;
} search;

static const tenonh_node *node_at(const search *s, uint32_t number) {
    return s->function->body->nodes[number];
}

static bool is_concat(const tenonh_node *node) {
    return node->composite && node->composite->number == TENON__COMPOSITE_CONCAT;
}

/* -- Values that leave -------------------------------------------------------------------------------------------- */

/* Marks what a node uses of nodes with another owner; a node of no owner shares it with none. */
static void mark_used(const tenonh_region *body, const tenonh_node *node, uint32_t number, const uint32_t *owner,
                      uint8_t *outside) {
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_value *value = node->operands[i];
        bool made = value && value->kind == TENON__VALUE_RESULT && value->node->region == body;
        if (made && (owner[number] == NONE || owner[value->node->number] != owner[number])) outside[value->id] = 1;
    }
    for (uint32_t r = 0; r < node->region_count; r++) {
        const tenonh_region *region = node->regions[r];
        for (uint32_t i = 0; i < region->node_count; i++) mark_used(body, region->nodes[i], number, owner, outside);
        for (uint32_t i = 0; i < region->result_count; i++) outside[region->results[i]->id] = 1;
    }
}

/* `outside`, by value: 1 for what leaves the nodes of one owner, or is a result of the function. */
static void find_leaving(const search *s, const uint32_t *owner, uint8_t *outside) {
    const tenonh_region *body = s->function->body;
    memset(outside, 0, s->function->value_count);
    for (uint32_t i = 0; i < body->result_count; i++) outside[body->results[i]->id] = 1;
    for (uint32_t i = 0; i < s->count; i++) mark_used(body, node_at(s, i), i, owner, outside);
}

/* -- What a device marks ------------------------------------------------------------------------------------------ */

/* Nodes that claims can be about, in order; owner[number] is 0 for them, NONE for others. */
static tenon_status find_candidates(search *s, uint32_t *owner, tenon__nodes *out_nodes) {
    const tenonh_node **nodes = tenon__arena_array(&s->arena, s->count, sizeof *nodes);
    uint8_t *outside = tenon__arena_allocate(&s->arena, s->function->value_count);
    uint32_t count = 0;
    if (!nodes || !outside) return tenon__fail_memory();
    for (uint32_t i = 0; i < s->count; i++) {
        owner[i] = tenon__may_claim(s->claimer, node_at(s, i)) ? 0 : NONE;
        if (owner[i] == 0) nodes[count++] = node_at(s, i);
    }
    find_leaving(s, owner, outside);
    *out_nodes = (tenon__nodes){nodes, count, s->function->value_count, outside};
    return TENON_STATUS_OK;
}

/* Colors count from 1 whatever the device numbers. */
static void take_marks(search *s, const tenon__nodes *nodes, const tenon_claim *claims) {
    for (uint32_t i = 0, same; i < nodes->count; i++) {
        if (!claims[i].region) continue;
        for (same = 0; claims[same].region != claims[i].region;) same++;
        s->cut.colors[nodes->nodes[i]->number] =
            same < i ? s->cut.colors[nodes->nodes[same]->number] : ++s->color_count;
        s->costs[nodes->nodes[i]->number] = claims[i].cost;
    }
}

static tenon_status ask_about(search *s, const tenon__nodes *nodes) {
    tenon__described d = {0};
    tenon_claim *claims = tenon__arena_array(&s->arena, nodes->count, sizeof *claims);
    if (!claims) return tenon__fail_memory();
    tenon_status status = tenon__describe_graph(nodes, NULL, &s->arena, &d);
    if (status == TENON_STATUS_OK) status = tenonh_device_claim(s->claimer->device, &d.work, claims);
    if (status == TENON_STATUS_OK) take_marks(s, nodes, claims);
    tenon__described_free(&d);
    return status;
}

static tenon_status ask_for_marks(search *s) {
    tenon__nodes nodes = {0};
    uint32_t *owner = tenon__arena_array(&s->arena, s->count, sizeof *owner);
    if (!owner) return tenon__fail_memory();
    TENON_TRY(find_candidates(s, owner, &nodes));
    return nodes.count ? ask_about(s, &nodes) : (tenon_status)TENON_STATUS_OK;
}

/* -- Pieces ------------------------------------------------------------------------------------------------------- */

static tenon_status piece_nodes(search *s, uint32_t piece, tenon__nodes *out_nodes) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) count += s->cut.pieces[i] == piece;
    const tenonh_node **nodes = tenon__arena_array(&s->arena, count, sizeof *nodes);
    if (!nodes) return tenon__fail_memory();
    count = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->cut.pieces[i] == piece) nodes[count++] = node_at(s, i);
    *out_nodes = (tenon__nodes){nodes, count, s->function->value_count, s->regions->outside};
    return TENON_STATUS_OK;
}

static void color(search *s, const tenon__nodes *nodes, uint32_t first, uint32_t count, uint32_t value) {
    for (uint32_t i = first; i < first + count; i++) s->cut.colors[nodes->nodes[i]->number] = value;
}

/* A single base operator is better off as kernel or op work, and views cost nothing, where the device takes these. */
static bool is_too_small(const search *s, const tenon__nodes *nodes) {
    uint32_t work = 0;
    if (s->claimer->alone) return false;
    for (uint32_t i = 0; i < nodes->count; i++) {
        const tenonh_node *node = nodes->nodes[i];
        if (node->kind == TENON__NODE_COMPOSITE && !is_concat(node)) return false;
        work += !tenon__node_is_view(node);
    }
    return work <= 1;
}

static bool is_used_later(const search *s, const tenon__nodes *nodes, uint32_t from, const tenonh_value *value) {
    for (uint32_t i = from; i < nodes->count; i++) {
        const tenonh_node *node = nodes->nodes[i];
        for (uint32_t k = 0; k < node->operand_count && s->cut.colors[node->number]; k++)
            if (node->operands[k] == value) return true;
    }
    return false;
}

static bool is_result(const search *s, const tenonh_value *value) {
    const tenonh_region *body = s->function->body;
    for (uint32_t i = 0; i < body->result_count; i++)
        if (body->results[i] == value) return true;
    return false;
}

/* Takes views at a piece's end out of it: outside they cost nothing, but for results of the function, which would be
 * copied. Gives true if there were some. */
static bool trim_views(search *s, const tenon__nodes *nodes) {
    bool trimmed = false;
    for (uint32_t i = nodes->count; i-- > 0 && !s->claimer->alone;) {
        const tenonh_node *node = nodes->nodes[i];
        if (!tenon__node_is_view(node) || is_used_later(s, nodes, i + 1, node->results[0])) continue;
        if (is_result(s, node->results[0])) continue;
        s->cut.colors[node->number] = 0;
        trimmed = true;
    }
    return trimmed;
}

static bool same_attrs(const tenonh_node *a, const tenonh_node *b) {
    bool same = a->attr_count == b->attr_count;
    for (uint32_t i = 0; i < a->attr_count && same; i++) {
        const tenon__attr *x = &a->attrs[i], *y = &b->attrs[i];
        same = x->id == y->id && x->count == y->count;
        for (uint32_t k = 0; k < x->count && same; k++) same = x->dims[k] == y->dims[k];
    }
    return same;
}

static bool same_types(tenonh_value *const *a, tenonh_value *const *b, uint32_t count) {
    bool same = true;
    for (uint32_t i = 0; i < count && same; i++) {
        if (!a[i] || !b[i]) {
            same = !a[i] && !b[i];
            continue;
        }
        same = a[i]->dtype == b[i]->dtype && a[i]->rank == b[i]->rank;
        for (uint32_t k = 0; k < a[i]->rank && same; k++) same = a[i]->dims[k] == b[i]->dims[k];
    }
    return same;
}

/* True for nodes that differ in their operands' values alone; dims and attributes are one pointer where they are equal. */
static bool are_alike(const tenonh_node *a, const tenonh_node *b) {
    return a->kind == b->kind && a->op == b->op && a->composite == b->composite &&
           a->operand_count == b->operand_count && same_attrs(a, b) &&
           same_types(a->operands, b->operands, a->operand_count) &&
           same_types(a->results, b->results, a->result_count);
}

/* The device names a node that it does not compile: it goes, and those of the piece that are like it. */
static tenon_status drop_told(search *s, const tenon__nodes *nodes, const tenon__answer *answer) {
    const tenonh_node *told = nodes->nodes[answer->refused_node - 1];
    for (uint32_t i = 0; i < nodes->count; i++) {
        const tenon__nodes one = {.nodes = nodes->nodes + i, .count = 1};
        if (!are_alike(told, nodes->nodes[i])) continue;
        color(s, nodes, i, 1, 0);
        TENON_TRY(tenon__claim_note(s->claimer, TENONH_CLAIM_REFUSED, TENON_WORK_GRAPH, &one, NULL, answer->words));
    }
    return TENON_STATUS_OK;
}

/* Splits a refused piece: without the node that the device names, or in halves. */
static tenon_status split(search *s, const tenon__nodes *nodes, const tenon__answer *answer) {
    uint32_t half = nodes->count / 2;
    bool ends = nodes->count == 1 || s->refusals > s->most_refusals;
    color(s, nodes, 0, nodes->count, ends ? 0 : ++s->color_count);
    TENON_TRY(tenon__claim_note(s->claimer, ends ? TENONH_CLAIM_REFUSED : TENONH_CLAIM_SPLIT, TENON_WORK_GRAPH, nodes,
                                NULL, answer->words));
    if (ends) return TENON_STATUS_OK;
    if (answer->refused_node) return drop_told(s, nodes, answer);
    color(s, nodes, half, nodes->count - half, ++s->color_count);
    return TENON_STATUS_OK;
}

/* What claiming said that the nodes cost together, 0 where it did not of one. */
static uint64_t claimed_cost(const search *s, const tenon__nodes *nodes) {
    uint64_t cost = 0;
    for (uint32_t i = 0; i < nodes->count; i++) {
        uint64_t one = s->costs[nodes->nodes[i]->number];
        if (!one || __builtin_add_overflow(cost, one, &cost)) return 0;
    }
    return cost;
}

static void settle(search *s, const tenon__nodes *nodes, tenon__answer *answer, uint32_t kind) {
    for (uint32_t i = 0; i < nodes->count; i++) s->cut.fixed[nodes->nodes[i]->number] = s->region_count;
    s->kinds[s->region_count] = kind;
    s->answers[s->region_count++] = answer;
}

/* Settles a piece that the device has prepared, unless it costs more than what it replaces. */
static tenon_status weigh_piece(search *s, const tenon__nodes *nodes, const tenon__described *d,
                                tenon__answer *answer) {
    TENON_TRY(tenon__weigh_answer(s->claimer, d, claimed_cost(s, nodes), answer));
    if (answer->declined)
        color(s, nodes, 0, nodes->count, 0);
    else
        settle(s, nodes, answer, TENON_WORK_GRAPH);
    return tenon__claim_note(s->claimer, answer->declined ? TENONH_CLAIM_COST : TENONH_CLAIM_TAKEN, TENON_WORK_GRAPH,
                             nodes, answer, answer->declined ? "what it replaces costs less" : "");
}

static tenon_status try_piece(search *s, const tenon__nodes *nodes) {
    tenon__described d = {0};
    tenon__answer *answer = NULL;
    bool fresh = false;
    tenon_status status = tenon__describe_graph(nodes, NULL, &s->arena, &d);
    if (status == TENON_STATUS_OK) status = tenon__answer_prepare(s->claimer, &d, &answer, &fresh);
    if (status == TENON_STATUS_OK && answer->status == TENON_STATUS_OK) {
        status = weigh_piece(s, nodes, &d, answer);
    } else if (status == TENON_STATUS_OK) {
        s->refusals += fresh;
        status = split(s, nodes, answer);
    }
    tenon__described_free(&d);
    return status;
}

/* Drops pieces that are too small and takes views off their ends. Gives true if that changed what leaves others. */
static tenon_status tidy_pieces(search *s, bool *out_changed) {
    *out_changed = false;
    for (uint32_t piece = 0; piece < s->cut.piece_count; piece++) {
        tenon__nodes nodes = {0};
        TENON_TRY(piece_nodes(s, piece, &nodes));
        if (is_too_small(s, &nodes)) {
            color(s, &nodes, 0, nodes.count, 0);
            *out_changed = true;
        } else if (trim_views(s, &nodes)) {
            *out_changed = true;
        }
    }
    return TENON_STATUS_OK;
}

static tenon_status try_pieces(search *s) {
    find_leaving(s, s->cut.pieces, s->regions->outside);
    for (uint32_t piece = 0; piece < s->cut.piece_count; piece++) {
        tenon__nodes nodes = {0};
        TENON_TRY(piece_nodes(s, piece, &nodes));
        TENON_TRY(try_piece(s, &nodes));
    }
    return TENON_STATUS_OK;
}

static tenon_status find_pieces(search *s) {
    for (;;) {
        bool changed;
        TENON_TRY(tenon__cut_regions(&s->cut));
        if (s->cut.piece_count == 0) return TENON_STATUS_OK;
        TENON_TRY(tidy_pieces(s, &changed));
        if (!changed) TENON_TRY(try_pieces(s));
    }
}

/* -- Composites that stand alone ---------------------------------------------------------------------------------- */

static tenon_status place_composite(search *s, const tenonh_node *node, bool *out_again) {
    const tenon__nodes one = {.nodes = &node, .count = 1};
    tenon__answer *answer = tenon__taken_by_name(s->claimer, node);
    if (s->claimer->failure != TENON_STATUS_OK) return tenon__fail(s->claimer->failure, "%s", s->claimer->failure_text);
    if (answer) {
        settle(s, &one, answer, TENON_WORK_COMPOSITE);
        return tenon__claim_note(s->claimer, TENONH_CLAIM_TAKEN, TENON_WORK_COMPOSITE, &one, answer, "");
    }
    if (is_concat(node) || !(s->claimer->kinds & TENON_WORK_GRAPH)) return TENON_STATUS_OK;
    *out_again = true;
    return tenon__ban_composite(s->claimer, node);
}

static tenon_status place_composites(search *s, bool *out_again) {
    for (uint32_t i = 0; i < s->count; i++) {
        const tenonh_node *node = node_at(s, i);
        bool open = node->kind == TENON__NODE_COMPOSITE && node->composite && s->cut.fixed[i] == NONE;
        if (open && tenon__may_claim(s->claimer, node)) TENON_TRY(place_composite(s, node, out_again));
    }
    return TENON_STATUS_OK;
}

/* -- Regions in a row --------------------------------------------------------------------------------------------- */

/* Puts the function's nodes in the order that was found. */
static tenon_status reorder(search *s) {
    tenonh_node **to = s->function->body->nodes;
    tenonh_node **from = tenon__arena_copy(&s->arena, to, s->count * sizeof *from);
    uint32_t *fixed = tenon__arena_copy(&s->arena, s->cut.fixed, s->count * sizeof *fixed);
    if (!from || !fixed) return tenon__fail_memory();
    for (uint32_t i = 0; i < s->count; i++) {
        to[i] = from[s->cut.order[i]];
        to[i]->number = i;
        s->cut.fixed[i] = fixed[s->cut.order[i]];
    }
    return TENON_STATUS_OK;
}

static tenon_status fill_region(search *s, uint32_t first, uint32_t count, uint32_t settled) {
    tenon__arena *arena = &s->claims->arena;
    const tenonh_node *const *list = (const tenonh_node *const *)s->function->body->nodes + first;
    const tenon__nodes nodes = {list, count, s->function->value_count, s->regions->outside};
    tenon__region *region = &s->regions->regions[s->regions->region_count];
    bool graph = s->kinds[settled] == TENON_WORK_GRAPH;
    tenon__described d = {0};
    tenon_status status =
        graph ? tenon__describe_graph(&nodes, NULL, arena, &d) : tenon__describe_composite(list[0], NULL, arena, &d);
    tenon__described_free(&d);
    TENON_TRY(status);
    *region = (tenon__region){
        .first = first,
        .count = count,
        .placement = graph ? TENONH_PLACEMENT_GRAPH : TENONH_PLACEMENT_COMPOSITE,
        .name = count == 1 ? tenon__node_short(list[0]) : tenon__nodes_text(arena, &nodes),
        .exec = tenonh_exec_retain(s->answers[settled]->exec),
        .operand_count = d.work.operand_count,
        .input_count = d.input_count,
        .operands = (const tenonh_value *const *)d.values,
        .symbol_count = d.work.symbol_count,
        .symbols = d.symbol_dims,
    };
    for (uint32_t i = first; i < first + count; i++) s->regions->region_of[i] = s->regions->region_count;
    s->regions->region_count++;
    return region->name ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status fill_regions(search *s) {
    s->regions->regions = tenon__arena_array(&s->claims->arena, s->region_count, sizeof *s->regions->regions);
    if (!s->regions->regions) return tenon__fail_memory();
    TENON_TRY(tenon__cut_regions(&s->cut));
    TENON_TRY(reorder(s));
    find_leaving(s, s->cut.fixed, s->regions->outside);
    for (uint32_t i = 0, count; i < s->count; i += count) {
        uint32_t settled = s->cut.fixed[i];
        for (count = 1; settled != NONE && i + count < s->count && s->cut.fixed[i + count] == settled;) count++;
        if (settled != NONE) TENON_TRY(fill_region(s, i, count, settled));
    }
    return TENON_STATUS_OK;
}

/* -- Functions ---------------------------------------------------------------------------------------------------- */

static tenon_status make_room(search *s) {
    tenon__arena *kept = &s->claims->arena;
    uint32_t **arrays[] = {&s->cut.colors, &s->cut.fixed, &s->cut.pieces, &s->cut.order, &s->kinds};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = tenon__arena_array(&s->arena, s->count, sizeof **arrays[i]);
        if (!*arrays[i]) return tenon__fail_memory();
    }
    s->costs = tenon__arena_array(&s->arena, s->count, sizeof *s->costs);
    s->answers = tenon__arena_array(&s->arena, s->count, sizeof *s->answers);
    s->regions = tenon__arena_allocate(kept, sizeof *s->regions);
    if (!s->costs || !s->answers || !s->regions) return tenon__fail_memory();
    s->regions->function = s->function;
    s->regions->next = s->claims->functions;
    s->claims->functions = s->regions;
    s->regions->region_of = tenon__arena_array(kept, s->count, sizeof *s->regions->region_of);
    s->regions->outside = tenon__arena_allocate(kept, s->function->value_count);
    if (!s->regions->region_of || !s->regions->outside) return tenon__fail_memory();
    for (uint32_t i = 0; i < s->count; i++) s->cut.fixed[i] = s->regions->region_of[i] = NONE;
    s->cut.function = s->function;
    s->cut.count = s->count;
    s->most_refusals = s->claimer->alone ? 4 * s->count + MOST_REFUSALS : MOST_REFUSALS;
    return TENON_STATUS_OK;
}

static tenon_status search_function(search *s, bool *out_again) {
    TENON_TRY(make_room(s));
    if (s->claimer->kinds & TENON_WORK_GRAPH) {
        TENON_TRY(ask_for_marks(s));
        TENON_TRY(find_pieces(s));
    }
    TENON_TRY(place_composites(s, out_again));
    return *out_again ? (tenon_status)TENON_STATUS_OK : fill_regions(s);
}

tenon_status tenon__find_regions(tenon__claimer *claimer, tenon__claims *claims, const tenonh_function *function,
                                 bool *out_again) {
    search s = {.claimer = claimer, .claims = claims, .function = function, .count = function->body->node_count};
    tenon_status status = search_function(&s, out_again);
    tenon__arena_free(&s.arena);
    return status;
}
