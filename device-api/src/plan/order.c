/* Orders of points. Finding the one with the least peak is NP-hard; these are tried:
 *   greedy     of the points that can run, the one that leaves the fewest bytes alive;
 *   backward   the same from the end: of the points that nothing left waits for, the one before which the fewest are;
 *   depth      what the last points need, before each the operand first that takes most to make and leaves least. */
#include "plan/order.h"

#include <stdlib.h>
#include <string.h>

/* Edges in both directions, and which storages each point uses. */
typedef struct net {
    const tenon__plan *plan;
    const tenon__points *points;
    uint32_t count;
    const tenon__edges *edges;
    uint32_t *next_first, *next; /* edges by the point that they leave */
    uint32_t *use_first, *uses;  /* storages by point, each once; ARENA ones alone */
} net;

static int64_t size_of(const net *n, uint32_t storage) {
    return (int64_t)n->plan->storages[storage].size;
}

static void find_uses(net *n, uint32_t *seen) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        const tenon__point *point = &n->points->list[i];
        n->use_first[i] = total;
        for (uint32_t k = 0; k < point->access_count; k++) {
            uint32_t storage = n->points->accesses[point->first_access + k].storage;
            if (n->plan->storages[storage].kind != TENON__STORAGE_ARENA || seen[storage] == i + 1) continue;
            seen[storage] = i + 1;
            n->uses[total++] = storage;
        }
    }
    n->use_first[n->count] = total;
}

static void free_net(net *n) {
    free(n->next_first);
    free(n->next);
    free(n->use_first);
    free(n->uses);
}

static tenon_status create_net(net *n) {
    size_t accesses = 1;
    for (uint32_t i = 0; i < n->count; i++) accesses += n->points->list[i].access_count;
    uint32_t *seen = calloc((size_t)n->plan->storage_count + 1, sizeof *seen);
    n->next_first = calloc((size_t)n->count + 2, sizeof *n->next_first);
    n->next = calloc((size_t)n->edges->count + 1, sizeof *n->next);
    n->use_first = calloc((size_t)n->count + 1, sizeof *n->use_first);
    n->uses = calloc(accesses, sizeof *n->uses);
    bool all = seen && n->next_first && n->next && n->use_first && n->uses;
    if (all) tenon__edges_turn(n->edges, n->count, n->next_first, n->next), find_uses(n, seen);
    free(seen);
    return all ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

/* -- Greedy, in either direction -- */

typedef struct candidate {
    int64_t bytes; /* that running it adds to what is alive */
    uint32_t turn; /* when it became able to run: later ones first, so that what was begun goes on */
    uint32_t point;
} candidate;

typedef struct greedy {
    const net *n;
    bool backward;
    uint32_t *waits;    /* by point: neighbours that have to come before it */
    uint32_t *left;     /* by storage: points that still use it */
    uint32_t *last;     /* by storage: exclusive or of their numbers, so the last one's in the end */
    bool *alive, *done; /* by storage; by point */
    candidate *heap;
    uint32_t heap_count, heap_capacity, turn;
} greedy;

static bool comes_first(const candidate *a, const candidate *b) {
    if (a->bytes != b->bytes) return a->bytes < b->bytes;
    if (a->turn != b->turn) return a->turn > b->turn;
    return a->point < b->point;
}

static tenon_status push(greedy *g, candidate c) {
    if (g->heap_count == g->heap_capacity) {
        uint32_t capacity = g->heap_capacity ? g->heap_capacity * 2 : 64;
        candidate *larger = realloc(g->heap, capacity * sizeof *larger);
        if (!larger) return tenon__fail_memory();
        g->heap = larger;
        g->heap_capacity = capacity;
    }
    uint32_t at = g->heap_count++;
    for (; at && comes_first(&c, &g->heap[(at - 1) / 2]); at = (at - 1) / 2) g->heap[at] = g->heap[(at - 1) / 2];
    g->heap[at] = c;
    return TENON_STATUS_OK;
}

static candidate pop(greedy *g) {
    candidate top = g->heap[0], c = g->heap[--g->heap_count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < g->heap_count; child = 2 * at + 1) {
        if (child + 1 < g->heap_count && comes_first(&g->heap[child + 1], &g->heap[child])) child++;
        if (!comes_first(&g->heap[child], &c)) break;
        g->heap[at] = g->heap[child];
        at = child;
    }
    g->heap[at] = c;
    return top;
}

static int64_t added_bytes(const greedy *g, uint32_t point) {
    int64_t bytes = 0;
    for (uint32_t i = g->n->use_first[point]; i < g->n->use_first[point + 1]; i++) {
        uint32_t storage = g->n->uses[i];
        if (!g->alive[storage]) bytes += size_of(g->n, storage);
        if (g->left[storage] == 1) bytes -= size_of(g->n, storage);
    }
    return bytes;
}

static tenon_status offer(greedy *g, uint32_t point) {
    return push(g, (candidate){added_bytes(g, point), g->turn++, point});
}

/* A storage with one user left: that one, if it can run, has become cheaper. */
static tenon_status run_point(greedy *g, uint32_t point) {
    g->done[point] = true;
    for (uint32_t i = g->n->use_first[point]; i < g->n->use_first[point + 1]; i++) {
        uint32_t storage = g->n->uses[i];
        g->alive[storage] = true;
        g->left[storage]--;
        g->last[storage] ^= point;
        uint32_t user = g->last[storage];
        if (g->left[storage] == 1 && g->waits[user] == 0) TENON_TRY(offer(g, user));
    }
    const uint32_t *first = g->backward ? g->n->edges->first : g->n->next_first;
    for (uint32_t i = first[point]; i < first[point + 1]; i++) {
        uint32_t other = g->backward ? g->n->edges->list[i].from : g->n->next[i];
        if (--g->waits[other] == 0) TENON_TRY(offer(g, other));
    }
    return TENON_STATUS_OK;
}

static void count_users(greedy *g) {
    const net *n = g->n;
    for (uint32_t i = 0; i < n->count; i++) {
        for (uint32_t k = n->use_first[i]; k < n->use_first[i + 1]; k++) {
            g->left[n->uses[k]]++;
            g->last[n->uses[k]] ^= i;
        }
        const uint32_t *first = g->backward ? n->next_first : n->edges->first;
        g->waits[i] = first[i + 1] - first[i];
    }
}

static tenon_status choose(greedy *g, uint32_t *order) {
    uint32_t at = 0;
    count_users(g);
    for (uint32_t i = g->n->count; i-- > 0;)
        if (g->waits[i] == 0) TENON_TRY(offer(g, i));
    while (g->heap_count) {
        candidate c = pop(g);
        if (g->done[c.point]) continue;
        int64_t bytes = added_bytes(g, c.point);
        if (bytes > c.bytes) {
            c.bytes = bytes;
            TENON_TRY(push(g, c));
            continue;
        }
        order[g->backward ? g->n->count - 1 - at : at] = c.point;
        at++;
        TENON_TRY(run_point(g, c.point));
    }
    return TENON_STATUS_OK;
}

static tenon_status order_greedily(const net *n, bool backward, uint32_t *order) {
    greedy g = {.n = n, .backward = backward};
    size_t storages = (size_t)n->plan->storage_count + 1, points = (size_t)n->count + 1;
    g.waits = calloc(points, sizeof *g.waits);
    g.left = calloc(storages * 2, sizeof *g.left);
    g.last = g.left ? g.left + storages : NULL;
    g.alive = calloc(storages + points, sizeof *g.alive);
    g.done = g.alive ? g.alive + storages : NULL;
    tenon_status status = g.waits && g.left && g.alive ? choose(&g, order) : tenon__fail_memory();
    free(g.waits);
    free(g.left);
    free(g.alive);
    free(g.heap);
    return status;
}

/* -- Depth first -- */

/* What a point and all before it would take if they were a tree: most bytes while it is made, bytes that stay. */
typedef struct need {
    double most, stay;
} need;

typedef struct depth {
    const net *n;
    need *needs;
    uint32_t *sorted; /* edges as the net's, each point's sorted */
    uint8_t *state;   /* by point: 0 new, 1 begun, 2 done */
    uint32_t *stack, *at;
    uint32_t *order, done;
} depth;

static bool is_needed_first(const depth *d, uint32_t a, uint32_t b) {
    double x = d->needs[a].most - d->needs[a].stay, y = d->needs[b].most - d->needs[b].stay;
    return x != y ? x > y : a < b;
}

static void sort_part(depth *d, uint32_t *list, uint32_t *spare, uint32_t count) {
    if (count < 2) return;
    uint32_t half = count / 2;
    sort_part(d, list, spare, half);
    sort_part(d, list + half, spare, count - half);
    memcpy(spare, list, count * sizeof *spare);
    for (uint32_t i = 0, a = 0, b = half; i < count; i++) {
        bool left = b == count || (a < half && !is_needed_first(d, spare[b], spare[a]));
        list[i] = left ? spare[a++] : spare[b++];
    }
}

static void find_need(depth *d, uint32_t point) {
    const net *n = d->n;
    double bytes = 0, stay = 0, most = 0, held = 0;
    for (uint32_t i = n->use_first[point]; i < n->use_first[point + 1]; i++) bytes += (double)size_of(n, n->uses[i]);
    const tenon__point *p = &n->points->list[point];
    for (uint32_t k = 0; k < p->access_count; k++) {
        const tenon__access *access = &n->points->accesses[p->first_access + k];
        bool arena = n->plan->storages[access->storage].kind == TENON__STORAGE_ARENA;
        if (arena && access->writes && access->ref) stay += (double)size_of(n, access->storage);
    }
    for (uint32_t e = n->edges->first[point]; e < n->edges->first[point + 1]; e++) {
        const need *before = &d->needs[d->sorted[e]];
        if (held + before->most > most) most = held + before->most;
        held += before->stay;
    }
    d->needs[point] = (need){most > bytes ? most : bytes, stay};
}

static void descend(depth *d, uint32_t sink) {
    uint32_t height = 0;
    if (d->state[sink]) return;
    d->state[sink] = 1;
    d->stack[height] = sink;
    d->at[height++] = d->n->edges->first[sink];
    while (height) {
        uint32_t point = d->stack[height - 1];
        if (d->at[height - 1] == d->n->edges->first[point + 1]) {
            d->state[point] = 2;
            d->order[d->done++] = point;
            height--;
            continue;
        }
        uint32_t before = d->sorted[d->at[height - 1]++];
        if (d->state[before]) continue;
        d->state[before] = 1;
        d->stack[height] = before;
        d->at[height++] = d->n->edges->first[before];
    }
}

static void order_deeply(depth *d, uint32_t *spare) {
    const net *n = d->n;
    for (uint32_t i = 0; i < n->edges->count; i++) d->sorted[i] = n->edges->list[i].from;
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t first = n->edges->first[i];
        sort_part(d, d->sorted + first, spare, n->edges->first[i + 1] - first);
        find_need(d, i);
    }
    for (uint32_t i = 0; i < n->count; i++)
        if (n->next_first[i] == n->next_first[i + 1]) descend(d, i);
}

static tenon_status order_by_depth(const net *n, uint32_t *order) {
    depth d = {.n = n};
    d.order = order;
    d.needs = calloc((size_t)n->count + 1, sizeof *d.needs);
    d.sorted = calloc((size_t)n->edges->count * 2 + 1, sizeof *d.sorted);
    d.state = calloc((size_t)n->count + 1, sizeof *d.state);
    d.stack = calloc((size_t)n->count * 2 + 2, sizeof *d.stack);
    d.at = d.stack ? d.stack + n->count + 1 : NULL;
    bool all = d.needs && d.sorted && d.state && d.stack;
    if (all) order_deeply(&d, d.sorted + n->edges->count);
    free(d.needs);
    free(d.sorted);
    free(d.state);
    free(d.stack);
    return all ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
}

/* -- The best of them -- */

enum { FILE_ORDER, GREEDY, BACKWARD, DEPTH, ORDER_COUNT };

static tenon_status make_order(const net *n, uint32_t kind, uint32_t *order) {
    for (uint32_t i = 0; i < n->count; i++) order[i] = i;
    if (kind == FILE_ORDER) return TENON_STATUS_OK;
    return kind == DEPTH ? order_by_depth(n, order) : order_greedily(n, kind == BACKWARD, order);
}

static void keep(tenon__order *best, uint32_t **order, tenon__sharing *sharing) {
    tenon__order_free(best);
    best->points = *order;
    best->sharing = *sharing;
    *order = NULL;
    *sharing = (tenon__sharing){0};
}

static tenon_status try_order(const net *n, uint32_t kind, tenon__order *best) {
    tenon__sharing sharing = {0};
    uint32_t *order = calloc((size_t)n->count + 1, sizeof *order);
    tenon_status status = order ? make_order(n, kind, order) : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = tenon__sharing_create(n->plan, n->points, order, &sharing);
    if (status == TENON_STATUS_OK) {
        uint64_t peak = tenon__sharing_peak(&sharing), file = best->file_bytes, own = best->own_bytes;
        bool better = kind == FILE_ORDER || peak < tenon__sharing_peak(&best->sharing);
        if (better) keep(best, &order, &sharing);
        best->file_bytes = kind == FILE_ORDER ? peak : file;
        best->own_bytes = kind == FILE_ORDER || own < peak ? own : peak;
    }
    tenon__sharing_free(&sharing);
    free(order);
    return status;
}

tenon_status tenon__order_create(const tenon__plan *plan, const tenon__points *points, const tenon__edges *edges,
                                 tenon__order *out_order) {
    net n = {.plan = plan, .points = points, .count = points->count, .edges = edges};
    *out_order = (tenon__order){.own_bytes = UINT64_MAX};
    tenon_status status = create_net(&n);
    for (uint32_t kind = 0; status == TENON_STATUS_OK && kind < ORDER_COUNT; kind++)
        status = try_order(&n, kind, out_order);
    free_net(&n);
    if (status != TENON_STATUS_OK) tenon__order_free(out_order);
    return status;
}

void tenon__order_free(tenon__order *order) {
    free(order->points);
    tenon__sharing_free(&order->sharing);
    *order = (tenon__order){0};
}
