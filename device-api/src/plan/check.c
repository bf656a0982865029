/* Happens-before from the commands alone: every half of a command has a number on its stream, every stream a vector of how
 * far it knows the others to be. Bytes are told apart by cells, the stretches between the ends of all accesses. */
#include "plan/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BROKEN(...) tenon__fail(TENON_STATUS_INTERNAL, "the plan is wrong: " __VA_ARGS__)

/* One operand of a step, or its workspace. */
typedef struct access {
    const tenon__ref *ref; /* NULL: workspace */
    uint32_t step, storage, space;
    bool writes;
    int64_t start;           /* bytes of the space before the storage */
    int64_t low, high;       /* bytes of the space */
    uint32_t stream, number; /* once its half has run */
} access;

typedef struct edge { /* an end of an access */
    uint32_t space;
    int64_t at;
} edge;

/* An access that later ones may conflict with. */
typedef struct mark {
    uint32_t access;
    uint32_t next; /* 0: none */
} mark;

typedef struct cell {
    uint32_t marks;
    uint32_t owner; /* storage that was written last, or TENON__NEVER */
} cell;

/* Spaces are arenas, then inputs, then outputs, then a place for each constant's storage. */
typedef struct check {
    const tenon__plan *plan;
    access *accesses;
    uint32_t *first_access; /* by step */
    uint32_t access_count;
    edge *edges; /* sorted, each once; cell i lies between edges i and i + 1 */
    cell *cells;
    uint32_t edge_count;
    mark *marks;
    uint32_t mark_count, mark_capacity;
    uint32_t *clocks;      /* by stream and stream */
    uint32_t *events;      /* by event and stream: what is known once it has come */
    bool *recorded, *done; /* by event; by step */
    uint32_t *same;        /* by storage: the one that its content is part of by a copy that needs none, or NEVER */
} check;

static const char *name_of(const check *c, uint32_t step) {
    return c->plan->steps[step].name;
}

/* -- What is accessed -- */

static uint32_t space_of(const tenon__plan *plan, uint32_t storage) {
    const tenon__storage *s = &plan->storages[storage];
    switch (s->kind) {
    case TENON__STORAGE_ARENA: return s->place;
    case TENON__STORAGE_INPUT: return TENON__MAX_PLACES + s->index;
    case TENON__STORAGE_OUTPUT: return TENON__MAX_PLACES + plan->input_count + s->index;
    default: return TENON__MAX_PLACES + plan->input_count + plan->output_count + storage;
    }
}

static tenon_status add_access(check *c, uint32_t step, uint32_t storage, const tenon__ref *ref, bool writes) {
    const tenon__storage *s = &c->plan->storages[storage];
    access a = {.ref = ref, .step = step, .storage = storage, .space = space_of(c->plan, storage), .writes = writes};
    int64_t low = 0, high = (int64_t)s->size;
    if (ref) tenon__ref_span(ref, &low, &high);
    if (low >= high) return TENON_STATUS_OK;
    a.start = (int64_t)s->offset;
    a.low = a.start + low;
    a.high = a.start + high;
    if (low < 0 || high > (int64_t)s->size)
        return BROKEN("step %u (%s) leaves storage %u of %" PRIu64 " bytes: %" PRId64 " to %" PRId64, step,
                      name_of(c, step), storage, s->size, low, high);
    if (s->kind == TENON__STORAGE_ARENA && (uint64_t)a.high > c->plan->arena_size[s->place])
        return BROKEN("step %u (%s) leaves the arena: byte %" PRId64, step, name_of(c, step), a.high);
    if (writes && s->kind != TENON__STORAGE_ARENA && s->kind != TENON__STORAGE_OUTPUT)
        return BROKEN("step %u (%s) writes storage %u, an input or a constant", step, name_of(c, step), storage);
    c->accesses[c->access_count++] = a;
    return TENON_STATUS_OK;
}

static tenon_status gather_step(check *c, uint32_t index) {
    const tenon__step *step = &c->plan->steps[index];
    for (uint32_t r = 0; r < step->ref_count; r++)
        TENON_TRY(add_access(c, index, step->refs[r].storage, &step->refs[r], r >= step->input_count));
    for (uint32_t r = step->input_count; step->keeps && r < step->ref_count; r++)
        TENON_TRY(add_access(c, index, step->refs[r].storage, &step->refs[r], false));
    return step->workspace == TENON__NEVER ? TENON_STATUS_OK : add_access(c, index, step->workspace, NULL, true);
}

/* A copy that was found needless: what it would copy must lie where it would be copied to. */
static tenon_status gather_view(check *c, uint32_t index) {
    const tenon__step *step = &c->plan->steps[index];
    if (step->ref_count != 2) return TENON_STATUS_OK;
    const tenon__ref *from = &step->refs[0], *to = &step->refs[1];
    const tenon__storage *source = &c->plan->storages[from->storage], *target = &c->plan->storages[to->storage];
    uint64_t bytes = tenon_dtype_bits(from->dtype) / 8;
    bool same = space_of(c->plan, from->storage) == space_of(c->plan, to->storage) && from->dtype == to->dtype &&
                source->offset + (uint64_t)from->offset * bytes == target->offset + (uint64_t)to->offset * bytes;
    if (!same) return BROKEN("step %u (%s) copies nothing, but its ends lie apart", index, name_of(c, index));
    c->same[from->storage] = to->storage;
    return TENON_STATUS_OK;
}

static tenon_status gather(check *c) {
    for (uint32_t i = 0; i < c->plan->step_count; i++) {
        c->first_access[i] = c->access_count;
        bool view = c->plan->steps[i].placement == TENONH_PLACEMENT_VIEW;
        TENON_TRY(view ? gather_view(c, i) : gather_step(c, i));
    }
    c->first_access[c->plan->step_count] = c->access_count;
    return TENON_STATUS_OK;
}

/* -- Cells -- */

static int compare_edges(const void *a, const void *b) {
    const edge *x = a, *y = b;
    if (x->space != y->space) return x->space < y->space ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool is_gapless(const access *a) {
    return !a->ref || (tenon__ref_is_contiguous(a->ref) && tenon_dtype_bits(a->ref->dtype) % 8 == 0);
}

/* The ends of storages and of accesses without gaps. Those with gaps, a whole's many parts side by side perhaps, would
 * make too many cells: they are told apart one by one instead. */
static void find_cells(check *c) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->access_count; i++) {
        const access *a = &c->accesses[i];
        c->edges[count++] = (edge){a->space, a->start};
        c->edges[count++] = (edge){a->space, a->start + (int64_t)c->plan->storages[a->storage].size};
        if (!is_gapless(a)) continue;
        c->edges[count++] = (edge){a->space, a->low};
        c->edges[count++] = (edge){a->space, a->high};
    }
    if (count) qsort(c->edges, count, sizeof *c->edges, compare_edges);
    for (uint32_t i = 0; i < count; i++)
        if (!c->edge_count || compare_edges(&c->edges[c->edge_count - 1], &c->edges[i]) != 0)
            c->edges[c->edge_count++] = c->edges[i];
    for (uint32_t i = 0; i < c->edge_count; i++) c->cells[i].owner = TENON__NEVER;
}

/* The cell that byte `at` lies in: no access begins before its storage does, so that there is one. */
static uint32_t cell_at(const check *c, uint32_t space, int64_t at) {
    uint32_t first = 0, last = c->edge_count;
    const edge key = {space, at};
    while (first + 1 < last) {
        uint32_t middle = first + (last - first) / 2;
        if (compare_edges(&c->edges[middle], &key) <= 0)
            first = middle;
        else
            last = middle;
    }
    return first;
}

/* -- Conflicts -- */

static bool meet(const access *a, const access *b) {
    if (a->high <= b->low || b->high <= a->low) return false;
    return !a->ref || !b->ref || tenon__ref_overlaps(a->ref, a->start, b->ref, b->start);
}

static bool touches(const check *c, const access *a, uint32_t index) {
    int64_t low = c->edges[index].at, high = c->edges[index + 1].at;
    tenon__ref bytes = tenon__ref_contiguous(0, TENON_DTYPE_U8, 1, (int64_t[]){high - low});
    return !a->ref || tenon__ref_overlaps(a->ref, a->start, &bytes, low);
}

static bool is_ordered(const check *c, const access *before, const access *now) {
    uint32_t streams = c->plan->stream_count;
    return before->step == now->step || c->clocks[now->stream * streams + before->stream] >= before->number;
}

static tenon_status check_race(const check *c, const access *before, const access *now) {
    bool harmless = !before->writes && !now->writes;
    if (harmless || is_ordered(c, before, now) || !meet(before, now)) return TENON_STATUS_OK;
    const char *where = now->space < TENON__MAX_PLACES ? "an arena" : "an output";
    int64_t low = before->low > now->low ? before->low : now->low;
    return BROKEN("steps %u (%s, stream %u) and %u (%s, stream %u) both access byte %" PRId64
                  " of %s, one writes it, and nothing orders them",
                  before->step, name_of(c, before->step), before->stream, now->step, name_of(c, now->step), now->stream,
                  low, where);
}

/* Whether a value of storage `wanted` is what storage `owner` was written as. */
static bool holds(const check *c, uint32_t owner, uint32_t wanted) {
    while (owner != wanted && owner != TENON__NEVER) owner = c->same[owner];
    return owner == wanted;
}

static tenon_status check_read(const check *c, const access *a, uint32_t index) {
    uint32_t owner = c->cells[index].owner;
    if (holds(c, owner, a->storage) || !touches(c, a, index)) return TENON_STATUS_OK;
    if (owner == TENON__NEVER)
        return BROKEN("step %u (%s) reads storage %u before it is written", a->step, name_of(c, a->step), a->storage);
    return BROKEN("step %u (%s) reads storage %u after its bytes have become storage %u's", a->step,
                  name_of(c, a->step), a->storage, owner);
}

static tenon_status push_mark(check *c, uint32_t *list, uint32_t index) {
    if (c->mark_count == c->mark_capacity) {
        uint32_t capacity = c->mark_capacity * 2;
        mark *larger = realloc(c->marks, capacity * sizeof *larger);
        if (!larger) return tenon__fail_memory();
        c->marks = larger;
        c->mark_capacity = capacity;
    }
    c->marks[c->mark_count] = (mark){index, *list};
    *list = c->mark_count++;
    return TENON_STATUS_OK;
}

/* A write of every byte comes after all that is marked, so that later accesses need look at it alone. */
static tenon_status visit_cell(check *c, uint32_t at, uint32_t index) {
    const access *a = &c->accesses[at];
    cell *e = &c->cells[index];
    for (uint32_t i = e->marks; i; i = c->marks[i].next) TENON_TRY(check_race(c, &c->accesses[c->marks[i].access], a));
    if (!a->writes) TENON_TRY(check_read(c, a, index));
    bool covers = a->writes && is_gapless(a);
    if (covers) e->marks = 0;
    if (a->writes && (covers || touches(c, a, index))) e->owner = a->storage;
    return push_mark(c, &e->marks, at);
}

static tenon_status visit(check *c, uint32_t at) {
    const access *a = &c->accesses[at];
    uint32_t kind = c->plan->storages[a->storage].kind;
    if (kind == TENON__STORAGE_INPUT || kind == TENON__STORAGE_CONSTANT) return TENON_STATUS_OK; /* never written */
    uint32_t first = cell_at(c, a->space, a->low), last = cell_at(c, a->space, a->high - 1);
    for (uint32_t i = first; i <= last; i++) TENON_TRY(visit_cell(c, at, i));
    return TENON_STATUS_OK;
}

/* -- A step's own operands -- */

static bool look_alike(const access *x, const access *y) {
    const tenon__ref *a = x->ref, *b = y->ref;
    bool alike = a && b && a->rank == b->rank && x->low == y->low && x->high == y->high;
    for (uint32_t i = 0; alike && i < a->rank; i++)
        alike = a->dims[i] == b->dims[i] && (a->dims[i] < 2 || a->strides[i] == b->strides[i]);
    return alike && tenon_dtype_bits(a->dtype) == tenon_dtype_bits(b->dtype);
}

static bool is_permitted(const tenon__step *step, const access *input, const access *output) {
    uint32_t from = (uint32_t)(input->ref - step->refs), to = (uint32_t)(output->ref - step->refs);
    if (!look_alike(input, output)) return false;
    if (step->by_items) return true;
    if (!step->exec || tenonh_exec_operand_count(step->exec) != step->ref_count) return false;
    uint32_t alias = tenonh_exec_info(step->exec)->operands[to].alias;
    return alias == from || alias == TENON_ANY_ALIAS;
}

static tenon_status check_operands(const check *c, uint32_t index) {
    const tenon__step *step = &c->plan->steps[index];
    for (uint32_t i = c->first_access[index]; i < c->first_access[index + 1]; i++) {
        for (uint32_t k = c->first_access[index]; k < c->first_access[index + 1]; k++) {
            const access *x = &c->accesses[i], *y = &c->accesses[k];
            bool same = i == k || x->ref == y->ref || x->space != y->space;
            if (same || !y->writes || !meet(x, y)) continue;
            if (x->writes || !is_permitted(step, x, y))
                return BROKEN("step %u (%s): storages %u and %u meet in byte %" PRId64, index, name_of(c, index),
                              x->storage, y->storage, x->low > y->low ? x->low : y->low);
        }
    }
    return TENON_STATUS_OK;
}

/* -- Commands -- */

static void learn(check *c, uint32_t stream, const uint32_t *other) {
    uint32_t *clock = c->clocks + stream * c->plan->stream_count;
    for (uint32_t i = 0; i < c->plan->stream_count; i++)
        if (other[i] > clock[i]) clock[i] = other[i];
}

/* One half of a step: the accesses that read, or those that write, or all. */
static tenon_status run_half(check *c, uint32_t step, uint32_t stream, bool reads, bool writes) {
    uint32_t number = ++c->clocks[stream * c->plan->stream_count + stream];
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = c->first_access[step]; i < c->first_access[step + 1]; i++) {
            access *a = &c->accesses[i];
            if (a->writes != (pass == 1) || (a->writes ? !writes : !reads)) continue;
            a->stream = stream;
            a->number = number;
            TENON_TRY(visit(c, i));
        }
    }
    return TENON_STATUS_OK;
}

static tenon_status check_stream(const check *c, uint32_t stream, uint32_t place, uint32_t step) {
    if (stream < c->plan->stream_count && c->plan->stream_places[stream] == place) return TENON_STATUS_OK;
    return BROKEN("step %u (%s) of place %u is on stream %u, which is not of that place", step, name_of(c, step), place,
                  stream);
}

static tenon_status run_step(check *c, const tenon__command *command) {
    const tenon__plan *plan = c->plan;
    bool known = command->index < plan->step_count && !c->done[command->index] &&
                 plan->steps[command->index].placement != TENONH_PLACEMENT_VIEW;
    if (!known) return BROKEN("step %u is launched twice, or is none that can be", command->index);
    const tenon__step *step = &plan->steps[command->index];
    if ((step->placement == TENONH_PLACEMENT_MOVE) != (command->kind == TENON__COMMAND_MOVE))
        return BROKEN("step %u (%s) has a command of another kind", command->index, step->name);
    c->done[command->index] = true;
    TENON_TRY(check_stream(c, command->stream, step->place, command->index));
    TENON_TRY(check_operands(c, command->index));
    if (command->kind == TENON__COMMAND_LAUNCH) return run_half(c, command->index, command->stream, true, true);
    TENON_TRY(check_stream(c, step->from_stream, plan->storages[step->refs[0].storage].place, command->index));
    TENON_TRY(run_half(c, command->index, step->from_stream, true, false));
    learn(c, command->stream, c->clocks + step->from_stream * plan->stream_count);
    return run_half(c, command->index, command->stream, false, true);
}

static tenon_status run_event(check *c, const tenon__command *command) {
    const tenon__plan *plan = c->plan;
    bool record = command->kind == TENON__COMMAND_RECORD;
    if (command->index >= plan->event_count || command->stream >= plan->stream_count)
        return BROKEN("event %u on stream %u: there are %u and %u", command->index, command->stream, plan->event_count,
                      plan->stream_count);
    if (c->recorded[command->index] == record)
        return BROKEN("event %u is %s", command->index, record ? "recorded twice" : "waited for before it is recorded");
    uint32_t *event = c->events + (size_t)command->index * plan->stream_count;
    if (!record) {
        learn(c, command->stream, event);
        return TENON_STATUS_OK;
    }
    c->recorded[command->index] = true;
    memcpy(event, c->clocks + command->stream * plan->stream_count, plan->stream_count * sizeof *event);
    return TENON_STATUS_OK;
}

static tenon_status run_commands(check *c) {
    for (uint32_t i = 0; i < c->plan->command_count; i++) {
        const tenon__command *command = &c->plan->commands[i];
        bool event = command->kind == TENON__COMMAND_RECORD || command->kind == TENON__COMMAND_WAIT;
        TENON_TRY(event ? run_event(c, command) : run_step(c, command));
    }
    for (uint32_t i = 0; i < c->plan->step_count; i++)
        if (c->plan->steps[i].placement != TENONH_PLACEMENT_VIEW && !c->done[i])
            return BROKEN("step %u (%s) has no command", i, name_of(c, i));
    return TENON_STATUS_OK;
}

/* Outputs hold their own values in the end, however the streams end. */
static tenon_status check_outputs(const check *c) {
    const tenon__plan *plan = c->plan;
    for (uint32_t i = 0; i < plan->output_count; i++) {
        uint32_t storage = plan->outputs[i].storage, space = space_of(plan, storage);
        for (uint32_t k = 0; k + 1 < c->edge_count; k++)
            if (c->edges[k].space == space && c->edges[k + 1].space == space && c->cells[k].owner != TENON__NEVER &&
                !holds(c, c->cells[k].owner, storage))
                return BROKEN("output %u ends with bytes of storage %u", i, c->cells[k].owner);
    }
    return TENON_STATUS_OK;
}

static tenon_status prepare(check *c) {
    const tenon__plan *plan = c->plan;
    size_t accesses = 1, streams = plan->stream_count;
    for (uint32_t i = 0; i < plan->step_count; i++) accesses += (size_t)plan->steps[i].ref_count * 2 + 1;
    c->accesses = calloc(accesses, sizeof *c->accesses);
    c->first_access = calloc((size_t)plan->step_count + 1, sizeof *c->first_access);
    c->edges = calloc(accesses * 4, sizeof *c->edges);
    c->cells = calloc(accesses * 4, sizeof *c->cells);
    c->mark_capacity = 64;
    c->mark_count = 1;
    c->marks = calloc(c->mark_capacity, sizeof *c->marks);
    c->clocks = calloc(streams * streams + 1, sizeof *c->clocks);
    c->events = calloc(plan->event_count * streams + 1, sizeof *c->events);
    c->recorded = calloc((size_t)plan->event_count + plan->step_count + 1, sizeof *c->recorded);
    c->done = c->recorded ? c->recorded + plan->event_count : NULL;
    c->same = calloc((size_t)plan->storage_count + 1, sizeof *c->same);
    bool all = c->accesses && c->first_access && c->edges && c->cells && c->marks && c->clocks && c->events;
    if (!all || !c->recorded || !c->same) return tenon__fail_memory();
    for (uint32_t i = 0; i < plan->storage_count; i++) c->same[i] = TENON__NEVER;
    return TENON_STATUS_OK;
}

tenon_status tenon__plan_check(const tenon__plan *plan) {
    check c = {.plan = plan};
    tenon_status status = prepare(&c);
    if (status == TENON_STATUS_OK) status = gather(&c);
    if (status == TENON_STATUS_OK) find_cells(&c);
    if (status == TENON_STATUS_OK) status = run_commands(&c);
    if (status == TENON_STATUS_OK) status = check_outputs(&c);
    free(c.accesses);
    free(c.first_access);
    free(c.edges);
    free(c.cells);
    free(c.marks);
    free(c.clocks);
    free(c.events);
    free(c.recorded);
    free(c.same);
    return status;
}
