#include "plan/share.h"

#include <stdlib.h>

#include "plan/profile.h"

/* When a storage, and what has come to lie in it, is accessed: numbers of places in the order. */
typedef struct life {
    uint32_t first, last; /* first is TENON__NEVER where nothing does */
    uint32_t last_write;
} life;

/* Whether the writes of a storage stay out of each other's way: then what one has put there stays. */
enum { UNKNOWN, APART, MIXED };

typedef struct state {
    const tenon__plan *plan;
    const tenon__points *points;
    const uint32_t *order;
    tenon__sharing *sharing;
    life *lives;
    uint32_t *first_write, *writes; /* by storage: where its writes begin in `writes`, which holds accesses */
    uint8_t *apart;
    tenon__profile profiles[TENON__MAX_PLACES];
} state;

/* -- Lifetimes -- */

static void note(state *st, const tenon__access *access, uint32_t at) {
    life *l = &st->lives[access->storage];
    if (l->first == TENON__NEVER) l->first = at;
    l->last = at;
    if (access->writes) l->last_write = at;
}

static void find_lives(state *st) {
    for (uint32_t i = 0; i < st->plan->storage_count; i++) st->lives[i] = (life){.first = TENON__NEVER};
    for (uint32_t at = 0; at < st->points->count; at++) {
        const tenon__point *point = &st->points->list[st->order[at]];
        for (uint32_t k = 0; k < point->access_count; k++) note(st, &st->points->accesses[point->first_access + k], at);
    }
}

static void change_bytes(state *st, uint32_t storage, const life *l, int sign) {
    const tenon__storage *s = &st->plan->storages[storage];
    if (s->kind == TENON__STORAGE_ARENA && l->first != TENON__NEVER)
        tenon__profile_add(&st->profiles[s->place], l->first, l->last, sign * (int64_t)s->size);
}

static void gather_writes(state *st) {
    uint32_t storages = st->plan->storage_count, total = 0;
    uint32_t accesses = st->points->count ? st->points->list[st->points->count - 1].first_access +
                                                st->points->list[st->points->count - 1].access_count
                                          : 0;
    for (uint32_t i = 0; i < accesses; i++)
        if (st->points->accesses[i].writes) st->first_write[st->points->accesses[i].storage]++;
    for (uint32_t i = 0; i <= storages; i++) st->first_write[i] = total += i < storages ? st->first_write[i] : 0;
    for (uint32_t i = 0; i < accesses; i++)
        if (st->points->accesses[i].writes) st->writes[--st->first_write[st->points->accesses[i].storage]] = i;
}

/* -- Sharing -- */

static uint32_t root_of(tenon__sharing *sharing, uint32_t storage) {
    uint32_t root = storage;
    uint64_t within = 0;
    for (; sharing->root[root] != root; root = sharing->root[root]) within += sharing->within[root];
    while (sharing->root[storage] != root && storage != root) {
        uint32_t next = sharing->root[storage];
        uint64_t step = sharing->within[storage];
        sharing->root[storage] = root;
        sharing->within[storage] = within;
        within -= step;
        storage = next;
    }
    return root;
}

static void widen(life *l, const life *other) {
    if (other->first < l->first) l->first = other->first;
    if (other->last > l->last) l->last = other->last;
    if (other->last_write > l->last_write) l->last_write = other->last_write;
}

/* Lets root `part` lie in `whole`, `within` bytes from its start, unless more would be alive at the peak then. */
static bool put_into(state *st, uint32_t part, uint32_t whole, uint64_t within) {
    uint32_t root = root_of(st->sharing, whole), place = st->plan->storages[part].place;
    life wide = st->lives[root];
    uint64_t before = tenon__profile_peak(&st->profiles[place]);
    widen(&wide, &st->lives[part]);
    change_bytes(st, part, &st->lives[part], -1);
    change_bytes(st, root, &st->lives[root], -1);
    change_bytes(st, root, &wide, 1);
    if (tenon__profile_peak(&st->profiles[place]) > before) {
        change_bytes(st, root, &wide, -1);
        change_bytes(st, root, &st->lives[root], 1);
        change_bytes(st, part, &st->lives[part], 1);
        return false;
    }
    st->sharing->root[part] = whole;
    st->sharing->within[part] = within;
    st->lives[root] = wide;
    if (whole != root) widen(&st->lives[whole], &st->lives[part]);
    return true;
}

static bool is_free_root(const state *st, uint32_t storage) {
    const tenon__storage *s = &st->plan->storages[storage];
    return s->kind == TENON__STORAGE_ARENA && st->sharing->root[storage] == storage &&
           s->alignment <= TENON__ARENA_ALIGNMENT;
}

/* -- Copies that need not be -- */

static int by_place(const void *a, const void *b) {
    const tenon__access *x = *(const tenon__access *const *)a, *y = *(const tenon__access *const *)b;
    return x->low < y->low ? -1 : x->low > y->low;
}

static tenon_status find_apart(state *st, uint32_t storage) {
    uint32_t first = st->first_write[storage], count = st->first_write[storage + 1] - first;
    const tenon__access **sorted = calloc((size_t)count + 1, sizeof(tenon__access *));
    if (!sorted) return tenon__fail_memory();
    for (uint32_t i = 0; i < count; i++) sorted[i] = &st->points->accesses[st->writes[first + i]];
    qsort(sorted, count, sizeof *sorted, by_place);
    st->apart[storage] = APART;
    for (uint32_t i = 1; i < count; i++)
        if (sorted[i]->low < sorted[i - 1]->high) st->apart[storage] = MIXED;
    free(sorted);
    return TENON_STATUS_OK;
}

/* A copy of all of a storage, bytes as they are, into a stretch without gaps. */
static bool is_plain_copy(const state *st, const tenon__step *step) {
    const tenon__ref *from = &step->refs[0], *to = &step->refs[1];
    bool copy = step->placement == TENONH_PLACEMENT_MOVE || step->op == TENON_OP_COPY;
    if (!copy || step->ref_count != 2 || step->input_count != 1 || from->dtype != to->dtype) return false;
    const tenon__storage *source = &st->plan->storages[from->storage], *target = &st->plan->storages[to->storage];
    int64_t low, high;
    tenon__ref_span(from, &low, &high);
    return source->place == target->place && low == 0 && high == (int64_t)source->size && from->offset == 0 &&
           tenon_dtype_bits(from->dtype) % 8 == 0 && tenon__ref_is_contiguous(from) && tenon__ref_is_contiguous(to) &&
           (target->kind == TENON__STORAGE_ARENA || target->kind == TENON__STORAGE_OUTPUT);
}

/* Source and destination may be one from the start if what is there stays as long as either is read: nothing else writes
 * these bytes of the destination, nor the source after the copy; or the one ends where the other begins. */
static tenon_status may_elide(state *st, uint32_t at, uint32_t from, uint32_t to, bool *out_may) {
    const life *source = &st->lives[from], *target = &st->lives[to];
    *out_may = false;
    if (from == to || !is_free_root(st, from) || st->sharing->root[to] != to) return TENON_STATUS_OK;
    if (source->first == at || source->last_write >= at) return TENON_STATUS_OK;
    if (st->apart[to] == UNKNOWN) TENON_TRY(find_apart(st, to));
    *out_may = st->apart[to] == APART || (source->last == at && target->first == at);
    return TENON_STATUS_OK;
}

static tenon_status elide_copies(state *st) {
    for (uint32_t at = 0; at < st->points->count; at++) {
        const tenon__step *step = &st->plan->steps[st->points->list[st->order[at]].step];
        if (!is_plain_copy(st, step)) continue;
        uint32_t from = step->refs[0].storage, to = step->refs[1].storage;
        int64_t low, high;
        bool may;
        TENON_TRY(may_elide(st, at, from, to, &may));
        tenon__ref_span(&step->refs[1], &low, &high);
        if (may && low % (int64_t)(tenon_dtype_bits(step->refs[0].dtype) / 8) == 0)
            st->sharing->elided[st->order[at]] = put_into(st, from, to, (uint64_t)low);
    }
    return TENON_STATUS_OK;
}

/* -- Results in the place of operands -- */

static bool is_permitted(const tenon__step *step, uint32_t output, uint32_t input) {
    if (step->by_items) return true;
    if (!step->exec || tenonh_exec_operand_count(step->exec) != step->ref_count) return false;
    uint32_t alias = tenonh_exec_info(step->exec)->operands[output].alias;
    return alias == input || alias == TENON_ANY_ALIAS;
}

/* True unless the step reads the operand's storage in another way too, or bytes of the one that its output lies in. */
static bool is_read_alike(const state *st, const tenon__step *step, uint32_t input, uint32_t output_root) {
    const tenon__ref *x = &step->refs[input];
    for (uint32_t i = 0; i < step->input_count; i++) {
        const tenon__ref *other = &step->refs[i];
        uint32_t root = root_of(st->sharing, other->storage);
        if (root == output_root) return false;
        if (root == x->storage && (other->storage != x->storage || !tenon__ref_looks_alike(x, other))) return false;
    }
    return true;
}

static void reuse_operand(state *st, const tenon__step *step, uint32_t output, uint32_t at) {
    const tenon__ref *y = &step->refs[output];
    const tenon__storage *target = &st->plan->storages[y->storage];
    bool owned = target->kind == TENON__STORAGE_ARENA || target->kind == TENON__STORAGE_OUTPUT;
    if (!owned || st->lives[y->storage].first != at) return;
    for (uint32_t i = 0; i < step->input_count; i++) {
        const tenon__ref *x = &step->refs[i];
        const tenon__storage *source = &st->plan->storages[x->storage];
        if (!is_free_root(st, x->storage) || st->lives[x->storage].last != at || source->size != target->size) continue;
        if (source->place != target->place || !tenon__ref_looks_alike(x, y) || !is_permitted(step, output, i)) continue;
        if (!is_read_alike(st, step, i, root_of(st->sharing, y->storage))) continue;
        if (put_into(st, x->storage, y->storage, 0)) return;
    }
}

static void reuse_operands(state *st) {
    for (uint32_t at = st->points->count; at-- > 0;) {
        uint32_t point = st->order[at];
        const tenon__step *step = &st->plan->steps[st->points->list[point].step];
        if (step->placement == TENONH_PLACEMENT_MOVE || step->keeps || st->sharing->elided[point]) continue;
        for (uint32_t r = step->input_count; r < step->ref_count; r++) reuse_operand(st, step, r, at);
    }
}

/* -- All of it -- */

static tenon_status prepare(state *st) {
    uint32_t storages = st->plan->storage_count;
    size_t accesses = 1;
    for (uint32_t i = 0; i < st->points->count; i++) accesses += st->points->list[i].access_count;
    st->lives = calloc((size_t)storages + 1, sizeof *st->lives);
    st->first_write = calloc((size_t)storages + 2, sizeof *st->first_write);
    st->writes = calloc(accesses, sizeof *st->writes);
    st->apart = calloc((size_t)storages + 1, sizeof *st->apart);
    st->sharing->root = calloc((size_t)storages + 1, sizeof *st->sharing->root);
    st->sharing->within = calloc((size_t)storages + 1, sizeof *st->sharing->within);
    st->sharing->elided = calloc((size_t)st->points->count + 1, sizeof *st->sharing->elided);
    bool all = st->lives && st->first_write && st->writes && st->apart;
    if (!all || !st->sharing->root || !st->sharing->within || !st->sharing->elided) return tenon__fail_memory();
    for (uint32_t i = 0; i < storages; i++) st->sharing->root[i] = i;
    for (uint32_t i = 0; i < TENON__MAX_PLACES; i++)
        TENON_TRY(tenon__profile_create(st->points->count, &st->profiles[i]));
    return TENON_STATUS_OK;
}

static tenon_status share(state *st) {
    TENON_TRY(prepare(st));
    find_lives(st);
    gather_writes(st);
    for (uint32_t i = 0; i < st->plan->storage_count; i++) change_bytes(st, i, &st->lives[i], 1);
    TENON_TRY(elide_copies(st));
    reuse_operands(st);
    for (uint32_t i = 0; i < st->plan->storage_count; i++) root_of(st->sharing, i);
    for (uint32_t i = 0; i < TENON__MAX_PLACES; i++) st->sharing->peak[i] = tenon__profile_peak(&st->profiles[i]);
    return TENON_STATUS_OK;
}

tenon_status tenon__sharing_create(const tenon__plan *plan, const tenon__points *points, const uint32_t *order,
                                   tenon__sharing *out_sharing) {
    *out_sharing = (tenon__sharing){0};
    state st = {.plan = plan, .points = points, .order = order, .sharing = out_sharing};
    tenon_status status = share(&st);
    for (uint32_t i = 0; i < TENON__MAX_PLACES; i++) tenon__profile_free(&st.profiles[i]);
    free(st.lives);
    free(st.first_write);
    free(st.writes);
    free(st.apart);
    if (status != TENON_STATUS_OK) tenon__sharing_free(out_sharing);
    return status;
}

void tenon__sharing_free(tenon__sharing *sharing) {
    free(sharing->root);
    free(sharing->within);
    free(sharing->elided);
    *sharing = (tenon__sharing){0};
}

uint64_t tenon__sharing_peak(const tenon__sharing *sharing) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < TENON__MAX_PLACES; i++) total += sharing->peak[i];
    return total;
}
