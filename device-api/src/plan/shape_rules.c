#include <stdlib.h>

#include "plan/shape_internal.h"

enum { MOST_PAIRS = 4096, MOST_ACCESSES = 32 };

/* -- Finding them -- */

/* Room for one more; the arrays double. */
static tenon_status reserve(void *array, uint32_t count, size_t element) {
    void **list = array;
    if (count & (count - 1)) return TENON_STATUS_OK;
    void *larger = realloc(*list, (count ? 2 * (size_t)count : 1) * element);
    if (!larger) return tenon__fail_memory();
    *list = larger;
    return TENON_STATUS_OK;
}

static tenon_status add_share(tenon__shape_rules *rules, tenon__share share) {
    TENON_TRY(reserve(&rules->shares, rules->share_count, sizeof share));
    rules->shares[rules->share_count++] = share;
    return TENON_STATUS_OK;
}

static bool is_elided(const tenon__step *walked, const tenon__step *arranged) {
    return walked->placement != TENONH_PLACEMENT_VIEW && arranged->placement == TENONH_PLACEMENT_VIEW;
}

/* A step's operand whose bytes its output took. */
static tenon_status add_operand_shares(const tenon__plan *arranged, const tenon__step *step, uint32_t index,
                                       uint8_t *found, tenon__shape_rules *rules) {
    for (uint32_t r = step->input_count; r < step->ref_count; r++) {
        const tenon__storage *y = &arranged->storages[step->refs[r].storage];
        for (uint32_t i = 0; i < step->input_count; i++) {
            uint32_t part = step->refs[i].storage;
            const tenon__storage *x = &arranged->storages[part];
            bool same = part != step->refs[r].storage && x->root == y->root && x->within == y->within;
            if (found[part] || x->root == part || !same || !tenon__ref_looks_alike(&step->refs[i], &step->refs[r]))
                continue;
            found[part] = 1;
            TENON_TRY(add_share(rules, (tenon__share){part, step->refs[r].storage, index, i, r, false}));
        }
    }
    return TENON_STATUS_OK;
}

/* For every storage in another's bytes the step that put it there. *out_all: each was found. */
static tenon_status find_shares(const tenon__plan *arranged, const tenon__plan *walked, const uint32_t *places,
                                uint8_t *found, tenon__shape_rules *rules, bool *out_all) {
    for (uint32_t i = 0; i < walked->step_count; i++) {
        const tenon__step *step = &walked->steps[i];
        if (places[i] == TENON__NEVER || !is_elided(step, &arranged->steps[places[i]])) continue;
        found[step->refs[0].storage] = 1;
        TENON_TRY(add_share(rules, (tenon__share){step->refs[0].storage, step->refs[1].storage, i, 0, 1, true}));
    }
    for (uint32_t i = 0; i < walked->step_count; i++)
        if (places[i] != TENON__NEVER && arranged->steps[places[i]].placement != TENONH_PLACEMENT_VIEW)
            TENON_TRY(add_operand_shares(arranged, &walked->steps[i], i, found, rules));
    *out_all = true;
    for (uint32_t i = 0; i < walked->storage_count; i++)
        if (arranged->storages[i].root != i && !found[i]) *out_all = false;
    return TENON_STATUS_OK;
}

/* Brings wholes before their parts: a whole that is a part stands earlier. */
static bool sort_shares(tenon__shape_rules *rules) {
    uint32_t moves = 0;
    for (uint32_t i = 0; i < rules->share_count; i++)
        for (uint32_t k = i + 1; k < rules->share_count; k++) {
            if (rules->shares[k].part != rules->shares[i].whole) continue;
            tenon__share swap = rules->shares[i];
            rules->shares[i] = rules->shares[k];
            rules->shares[k] = swap;
            if (++moves > 65536) return false;
            k = i;
        }
    return true;
}

/* -- Accesses of parts -- */

typedef struct access {
    uint32_t step, ref;
    bool writes, partial;
} access;

static bool covers(const tenon__storage *storages, const tenon__ref *ref) {
    const tenon__storage *s = &storages[ref->storage], *root = &storages[s->root];
    int64_t low, high;
    tenon__ref_span(ref, &low, &high);
    return tenon__ref_is_contiguous(ref) && low == 0 && s->within == 0 && (uint64_t)high == root->size;
}

static bool meet(const tenon__plan *walked, const tenon__storage *storages, const tenon__pair *pair) {
    const tenon__ref *x = &walked->steps[pair->steps[0]].refs[pair->refs[0]];
    const tenon__ref *y = &walked->steps[pair->steps[1]].refs[pair->refs[1]];
    int64_t x_start = (int64_t)storages[x->storage].within, y_start = (int64_t)storages[y->storage].within;
    int64_t x_low, x_high, y_low, y_high;
    tenon__ref_span(x, &x_low, &x_high);
    tenon__ref_span(y, &y_low, &y_high);
    if (x_low >= x_high || y_low >= y_high) return false;
    if (x_high + x_start <= y_low + y_start || y_high + y_start <= x_low + x_start) return false;
    return tenon__ref_overlaps(x, x_start, y, y_start);
}

/* Pairs among the accesses of one root, if parts of it are written. False: too many. */
static tenon_status add_pairs(const tenon__plan *arranged, const tenon__plan *walked, const access *list,
                              uint32_t count, tenon__shape_rules *rules, bool *out_usable) {
    bool partial = false;
    for (uint32_t i = 0; i < count; i++) partial = partial || (list[i].writes && list[i].partial);
    if (!partial) return TENON_STATUS_OK;
    if (count > MOST_ACCESSES) *out_usable = false;
    for (uint32_t i = 0; i < count && *out_usable; i++)
        for (uint32_t k = 0; k < i; k++) {
            tenon__pair pair = {{list[i].step, list[k].step}, {list[i].ref, list[k].ref}, false};
            if (!list[i].writes && !list[k].writes) continue;
            pair.meet = meet(walked, arranged->storages, &pair);
            TENON_TRY(reserve(&rules->pairs, rules->pair_count, sizeof pair));
            rules->pairs[rules->pair_count++] = pair;
        }
    if (rules->pair_count > MOST_PAIRS) *out_usable = false;
    return TENON_STATUS_OK;
}

static bool accesses(const tenon__plan *arranged, const uint32_t *places, const tenon__plan *walked, uint32_t step) {
    return places[step] != TENON__NEVER && walked->steps[step].placement != TENONH_PLACEMENT_VIEW &&
           arranged->steps[places[step]].placement != TENONH_PLACEMENT_VIEW;
}

/* Accesses by root, root after root: counted, then listed. */
static tenon_status find_pairs(const tenon__plan *arranged, const tenon__plan *walked, const uint32_t *places,
                               tenon__shape_rules *rules, bool *out_usable) {
    uint32_t storages = walked->storage_count, total = 0;
    uint32_t *ends = calloc((size_t)storages + 1, sizeof *ends);
    for (uint32_t i = 0; i < walked->step_count; i++) total += walked->steps[i].ref_count;
    access *list = calloc((size_t)total + 1, sizeof *list);
    tenon_status status = ends && list ? (tenon_status)TENON_STATUS_OK : tenon__fail_memory();
    for (int pass = 0; pass < 2 && status == TENON_STATUS_OK; pass++) {
        for (uint32_t i = 0; i < walked->step_count; i++) {
            const tenon__step *step = &walked->steps[i];
            for (uint32_t r = 0; accesses(arranged, places, walked, i) && r < step->ref_count; r++) {
                uint32_t root = arranged->storages[step->refs[r].storage].root;
                if (pass == 0)
                    ends[root]++;
                else
                    list[--ends[root]] =
                        (access){i, r, r >= step->input_count, !covers(arranged->storages, &step->refs[r])};
            }
        }
        for (uint32_t i = 0; i < storages && pass == 0; i++) ends[i + 1] += ends[i];
    }
    for (uint32_t i = 0; i < storages && status == TENON_STATUS_OK; i++)
        status = add_pairs(arranged, walked, list + ends[i], ends[i + 1] - ends[i], rules, out_usable);
    free(ends);
    free(list);
    return status;
}

tenon_status tenon__shape_rules_create(const tenon__plan *arranged, const tenon__plan *walked, const uint32_t *places,
                                       tenon__shape_rules *out_rules, bool *out_usable) {
    *out_rules = (tenon__shape_rules){0};
    uint8_t *found = calloc((size_t)walked->storage_count + 1, 1);
    if (!found) return tenon__fail_memory();
    tenon_status status = find_shares(arranged, walked, places, found, out_rules, out_usable);
    free(found);
    if (status == TENON_STATUS_OK && *out_usable) *out_usable = sort_shares(out_rules);
    if (status == TENON_STATUS_OK && *out_usable) status = find_pairs(arranged, walked, places, out_rules, out_usable);
    return status;
}

void tenon__shape_rules_free(tenon__shape_rules *rules) {
    free(rules->shares);
    free(rules->pairs);
    *rules = (tenon__shape_rules){0};
}

/* -- Other numbers -- */

/* A copy of all of a storage, bytes as they are, into a stretch without gaps. */
static bool is_plain_copy(const tenon__ref *from, const tenon__ref *to, uint64_t size) {
    int64_t low, high;
    tenon__ref_span(from, &low, &high);
    return low == 0 && (uint64_t)high == size && from->offset == 0 && tenon__ref_is_contiguous(from) &&
           tenon__ref_is_contiguous(to);
}

/* A result may come where an operand is only if the step reads that storage in no other way. */
static bool is_read_alike(const tenon__step *step, const tenon__share *share) {
    for (uint32_t i = 0; i < step->input_count; i++)
        if (step->refs[i].storage == share->part && !tenon__ref_looks_alike(&step->refs[share->from], &step->refs[i]))
            return false;
    return true;
}

static bool holds(const tenon__share *share, const tenon__plan *walked, tenon__storage *storages) {
    const tenon__step *step = &walked->steps[share->step];
    const tenon__ref *from = &step->refs[share->from], *to = &step->refs[share->to];
    tenon__storage *part = &storages[share->part];
    const tenon__storage *whole = &storages[share->whole];
    int64_t low = 0, high;
    if (share->copy) {
        if (!is_plain_copy(from, to, part->size)) return false;
        tenon__ref_span(to, &low, &high);
    } else if (part->size != whole->size || !tenon__ref_looks_alike(from, to) || !is_read_alike(step, share)) {
        return false;
    }
    part->within = whole->within + (uint64_t)low;
    return true;
}

bool tenon__shape_rules_hold(const tenon__shape_rules *rules, const tenon__plan *walked,
                             const tenon__storage *prototype, tenon__storage *storages) {
    for (uint32_t i = 0; i < walked->storage_count; i++) {
        storages[i].size = walked->storages[i].size;
        bool own = prototype[i].kind == TENON__STORAGE_ARENA && prototype[i].root == i;
        if (own && storages[i].size > prototype[i].size) return false;
    }
    for (uint32_t i = 0; i < rules->share_count; i++) {
        const tenon__share *share = &rules->shares[i];
        if (!holds(share, walked, storages)) return false;
        tenon__storage *part = &storages[share->part];
        const tenon__storage *root = &storages[part->root];
        if (part->within + part->size > root->size) return false;
        part->offset = part->within + (root->kind == TENON__STORAGE_ARENA ? root->offset : 0);
    }
    for (uint32_t i = 0; i < rules->pair_count; i++)
        if (meet(walked, storages, &rules->pairs[i]) != rules->pairs[i].meet) return false;
    return true;
}
