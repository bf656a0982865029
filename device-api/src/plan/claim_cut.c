/* Cuts colored nodes into regions that depend on each other without cycles.
 *
 * Nodes are put together in units, at first each alone but for settled regions. A node's depth counts how often the way
 * to it leaves a unit that is colored; nodes of one color and depth can't have a way through others between them, so that
 * those that touch become one unit at once. What still touches is then put together pair by pair where no way leads
 * through a third. Units touch when one uses what the other makes, or both use a value that is no constant. */
#include <stdlib.h>
#include <string.h>

#include "graph/build_internal.h"
#include "plan/claim_internal.h"

#define NONE TENON__NO_REGION

enum { MOST_BESIDE = 64 }; /* users of one value that another is paired with */

/* Units as a graph: who uses what they make. */
typedef struct units {
    uint32_t count;
    uint32_t *of;                 /* by node */
    uint32_t *colors;             /* by unit: 0 for uncolored nodes and settled regions */
    uint32_t *first_edge, *edges; /* users of a unit's values: edges[first_edge[u] ... first_edge[u + 1] - 1] */
    uint32_t *order, *position;   /* of units: an order of execution, and its inverse */
} units;

/* Two nodes. */
typedef struct pair {
    uint32_t first, second;
} pair;

/* A use of a value. */
typedef struct use {
    uint32_t user;
    uint32_t before; /* the use of the same value before this one, or NONE */
} use;

typedef struct cutter {
    tenon__cut *cut;
    tenon__arena arena;
    uint32_t *leader; /* by node: union-find */
    pair *uses;       /* maker and user */
    pair *beside;     /* two that use one value */
    uint32_t use_count, beside_count, beside_capacity;
    use *list;          /* of all values */
    uint32_t *last_use; /* by value id */
    uint32_t list_count;
    units u;
    uint32_t *stack, *mark, round;
} cutter;

/* -- Which nodes touch ---------------------------------------------------------------------------------------------- */

static uint32_t find(uint32_t *leader, uint32_t node) {
    while (leader[node] != node) node = leader[node] = leader[leader[node]];
    return node;
}

static void join(uint32_t *leader, uint32_t a, uint32_t b) {
    a = find(leader, a);
    b = find(leader, b);
    if (a < b)
        leader[b] = a;
    else
        leader[a] = b;
}

/* What nested regions use counts as used by the node that owns them. */
static size_t count_uses(const tenonh_node *node) {
    size_t count = node->operand_count;
    for (uint32_t r = 0; r < node->region_count; r++) {
        const tenonh_region *region = node->regions[r];
        count += region->result_count;
        for (uint32_t i = 0; i < region->node_count; i++) count += count_uses(region->nodes[i]);
    }
    return count;
}

/* Pairs a user with those of the same value and color before it. */
static tenon_status note_beside(cutter *c, uint32_t user, uint32_t before) {
    const uint32_t *colors = c->cut->colors;
    for (uint32_t pairs = 0; before != NONE && pairs < MOST_BESIDE; before = c->list[before].before) {
        uint32_t other = c->list[before].user;
        if (!colors[user] || colors[other] != colors[user] || other == user) continue;
        TENON_TRY(tenon__grow(&c->arena, &c->beside, c->beside_count, &c->beside_capacity, sizeof *c->beside));
        c->beside[c->beside_count++] = (pair){other, user};
        pairs++;
    }
    return TENON_STATUS_OK;
}

static tenon_status note_use(cutter *c, const tenonh_value *value, uint32_t user) {
    const tenonh_region *body = c->cut->function->body;
    if (!value || value->kind == TENON__VALUE_CONSTANT || value->region != body) return TENON_STATUS_OK;
    if (value->kind == TENON__VALUE_RESULT) c->uses[c->use_count++] = (pair){value->node->number, user};
    uint32_t before = c->last_use[value->id];
    c->list[c->list_count] = (use){user, before};
    c->last_use[value->id] = c->list_count++;
    return note_beside(c, user, before);
}

static tenon_status note_uses(cutter *c, const tenonh_node *node, uint32_t user) {
    for (uint32_t i = 0; i < node->operand_count; i++) TENON_TRY(note_use(c, node->operands[i], user));
    for (uint32_t r = 0; r < node->region_count; r++) {
        const tenonh_region *region = node->regions[r];
        for (uint32_t i = 0; i < region->node_count; i++) TENON_TRY(note_uses(c, region->nodes[i], user));
        for (uint32_t i = 0; i < region->result_count; i++) TENON_TRY(note_use(c, region->results[i], user));
    }
    return TENON_STATUS_OK;
}

static tenon_status find_uses(cutter *c) {
    const tenonh_function *f = c->cut->function;
    size_t most = 0;
    for (uint32_t i = 0; i < c->cut->count; i++) most += count_uses(f->body->nodes[i]);
    c->uses = tenon__arena_array(&c->arena, most, sizeof *c->uses);
    c->list = tenon__arena_array(&c->arena, most, sizeof *c->list);
    c->last_use = tenon__arena_array(&c->arena, f->value_count, sizeof *c->last_use);
    if (!c->uses || !c->list || !c->last_use) return tenon__fail_memory();
    for (uint32_t i = 0; i < f->value_count; i++) c->last_use[i] = NONE;
    for (uint32_t i = 0; i < c->cut->count; i++) TENON_TRY(note_uses(c, f->body->nodes[i], i));
    return TENON_STATUS_OK;
}

/* -- Units ----------------------------------------------------------------------------------------------------------- */

static void number_units(cutter *c) {
    units *u = &c->u;
    u->count = 0;
    for (uint32_t i = 0; i < c->cut->count; i++) {
        uint32_t leader = find(c->leader, i);
        u->of[i] = leader == i ? u->count++ : u->of[leader]; /* a leader is its unit's first node */
        if (leader == i) u->colors[u->of[i]] = c->cut->fixed[i] == NONE ? c->cut->colors[i] : 0;
    }
}

static void find_edges(cutter *c) {
    units *u = &c->u;
    memset(u->first_edge, 0, ((size_t)u->count + 1) * sizeof *u->first_edge);
    for (uint32_t i = 0; i < c->use_count; i++) {
        uint32_t from = u->of[c->uses[i].first], to = u->of[c->uses[i].second];
        if (from != to) u->first_edge[from + 1]++;
    }
    for (uint32_t i = 0; i < u->count; i++) u->first_edge[i + 1] += u->first_edge[i];
    uint32_t *next = c->stack; /* has room for every unit */
    memcpy(next, u->first_edge, u->count * sizeof *next);
    for (uint32_t i = 0; i < c->use_count; i++) {
        uint32_t from = u->of[c->uses[i].first], to = u->of[c->uses[i].second];
        if (from != to) u->edges[next[from]++] = to;
    }
}

/* An order of execution that keeps near to the one given: of those units that are ready, always the one that came first. */
static bool order_units(cutter *c) {
    units *u = &c->u;
    uint32_t *waiting = c->mark, *ready = c->stack, ready_count = 0, done = 0;
    memset(waiting, 0, u->count * sizeof *waiting);
    for (uint32_t e = 0; e < u->first_edge[u->count]; e++) waiting[u->edges[e]]++;
    for (uint32_t i = u->count; i-- > 0;)
        if (waiting[i] == 0) ready[ready_count++] = i; /* the last of `ready` is the first in order */
    while (ready_count) {
        uint32_t unit = ready[--ready_count];
        u->position[unit] = done;
        u->order[done++] = unit;
        for (uint32_t e = u->first_edge[unit]; e < u->first_edge[unit + 1]; e++) {
            if (--waiting[u->edges[e]]) continue;
            uint32_t at = ready_count++;
            for (; at > 0 && ready[at - 1] < u->edges[e]; at--) ready[at] = ready[at - 1];
            ready[at] = u->edges[e];
        }
    }
    memset(c->mark, 0, ((size_t)c->cut->count + 1) * sizeof *c->mark);
    c->round = 0;
    return done == u->count;
}

static tenon_status make_units(cutter *c) {
    number_units(c);
    find_edges(c);
    if (order_units(c)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INTERNAL, "claims: regions of '%s' depend on each other", c->cut->function->name);
}

/* -- Putting units together ------------------------------------------------------------------------------------------- */

/* How often the longest way to a unit leaves a colored unit for one of another color. */
static void find_depths(const units *u, uint32_t *depths) {
    memset(depths, 0, u->count * sizeof *depths);
    for (uint32_t i = 0; i < u->count; i++) {
        uint32_t unit = u->order[i];
        for (uint32_t e = u->first_edge[unit]; e < u->first_edge[unit + 1]; e++) {
            uint32_t user = u->edges[e];
            bool leaves = u->colors[unit] != 0 && u->colors[unit] != u->colors[user];
            if (depths[user] < depths[unit] + leaves) depths[user] = depths[unit] + leaves;
        }
    }
}

static void join_level(cutter *c, const pair *pairs, uint32_t count, const uint32_t *depths) {
    const units *u = &c->u;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t a = u->of[pairs[i].first], b = u->of[pairs[i].second];
        if (u->colors[a] && u->colors[a] == u->colors[b] && depths[a] == depths[b])
            join(c->leader, pairs[i].first, pairs[i].second);
    }
}

/* True when a way of two edges or more leads from unit a to unit b, which comes later. */
static bool leads_around(cutter *c, uint32_t a, uint32_t b) {
    const units *u = &c->u;
    uint32_t count = 0;
    c->round++;
    c->stack[count++] = a;
    c->mark[a] = c->round;
    while (count) {
        uint32_t unit = c->stack[--count];
        for (uint32_t e = u->first_edge[unit]; e < u->first_edge[unit + 1]; e++) {
            uint32_t user = u->edges[e];
            if (user == b && unit != a) return true;
            if (c->mark[user] == c->round || u->position[user] >= u->position[b]) continue;
            c->mark[user] = c->round;
            c->stack[count++] = user;
        }
    }
    return false;
}

static bool may_join(cutter *c, uint32_t a, uint32_t b) {
    const units *u = &c->u;
    if (a == b || !u->colors[a] || u->colors[a] != u->colors[b]) return false;
    return u->position[a] < u->position[b] ? !leads_around(c, a, b) : !leads_around(c, b, a);
}

/* Joins pairs that touch until none is left that may be. */
static tenon_status join_pairs(cutter *c, const pair *pairs, uint32_t count, bool *out_joined) {
    for (uint32_t i = 0; i < count; i++) {
        if (!may_join(c, c->u.of[pairs[i].first], c->u.of[pairs[i].second])) continue;
        join(c->leader, pairs[i].first, pairs[i].second);
        TENON_TRY(make_units(c));
        *out_joined = true;
    }
    return TENON_STATUS_OK;
}

static tenon_status join_units(cutter *c) {
    uint32_t *depths = tenon__arena_array(&c->arena, c->cut->count, sizeof *depths);
    if (!depths) return tenon__fail_memory();
    find_depths(&c->u, depths);
    join_level(c, c->uses, c->use_count, depths);
    join_level(c, c->beside, c->beside_count, depths);
    TENON_TRY(make_units(c));
    for (bool joined = true; joined;) {
        joined = false;
        TENON_TRY(join_pairs(c, c->uses, c->use_count, &joined));
        TENON_TRY(join_pairs(c, c->beside, c->beside_count, &joined));
    }
    return TENON_STATUS_OK;
}

/* -- Results ----------------------------------------------------------------------------------------------------------- */

static tenon_status join_settled(cutter *c) {
    uint32_t *first = tenon__arena_array(&c->arena, c->cut->count, sizeof *first);
    if (!first) return tenon__fail_memory();
    for (uint32_t i = 0; i < c->cut->count; i++) first[i] = NONE;
    for (uint32_t i = 0; i < c->cut->count; i++) {
        uint32_t region = c->cut->fixed[i];
        if (region == NONE) continue;
        if (first[region] == NONE) first[region] = i;
        join(c->leader, first[region], i);
    }
    return TENON_STATUS_OK;
}

/* Nodes in the order of their units, and in the function's inside of one. */
static void give_order(cutter *c) {
    const units *u = &c->u;
    uint32_t *at = c->stack;
    memset(at, 0, ((size_t)u->count + 1) * sizeof *at);
    for (uint32_t i = 0; i < c->cut->count; i++) at[u->position[u->of[i]] + 1]++;
    for (uint32_t i = 0; i < u->count; i++) at[i + 1] += at[i];
    for (uint32_t i = 0; i < c->cut->count; i++) c->cut->order[at[u->position[u->of[i]]]++] = i;
}

static void give_pieces(cutter *c) {
    uint32_t *piece_of = c->mark;
    c->cut->piece_count = 0;
    for (uint32_t i = 0; i < c->u.count; i++) piece_of[i] = NONE;
    for (uint32_t i = 0; i < c->cut->count; i++) {
        uint32_t unit = c->u.of[i];
        c->cut->pieces[i] = NONE;
        if (!c->u.colors[unit]) continue;
        if (piece_of[unit] == NONE) piece_of[unit] = c->cut->piece_count++;
        c->cut->pieces[i] = piece_of[unit];
    }
}

static tenon_status make_room(cutter *c) {
    tenon__cut *cut = c->cut;
    size_t nodes = (size_t)cut->count + 2;
    uint32_t **arrays[] = {&c->leader,  &c->u.of,       &c->u.colors, &c->u.first_edge,
                           &c->u.order, &c->u.position, &c->stack,    &c->mark};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = tenon__arena_array(&c->arena, nodes, sizeof **arrays[i]);
        if (!*arrays[i]) return tenon__fail_memory();
    }
    for (uint32_t i = 0; i < cut->count; i++) c->leader[i] = i;
    c->u.edges = tenon__arena_array(&c->arena, c->use_count, sizeof *c->u.edges);
    return c->u.edges ? TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status cut_regions(cutter *c) {
    TENON_TRY(find_uses(c));
    TENON_TRY(make_room(c));
    TENON_TRY(join_settled(c));
    TENON_TRY(make_units(c));
    TENON_TRY(join_units(c));
    give_pieces(c);
    give_order(c);
    return TENON_STATUS_OK;
}

tenon_status tenon__cut_regions(tenon__cut *cut) {
    cutter c = {.cut = cut};
    tenon_status status = cut_regions(&c);
    tenon__arena_free(&c.arena);
    return status;
}
