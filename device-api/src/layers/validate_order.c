/* Order: work on one stream lies in the order of its calls, an event's wait puts what lay before its record before what
 * follows, and what the host has waited for is over. Two uses of the same bytes, one of them writing, must be ordered;
 * what is released must not be in use. */
#include "layers/validate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static tenon__validator *validator_of(const tenon__call *call) {
    return call->layer->state;
}

/* -- Numbers of streams ----------------------------------------------------------------------------------------------- */

void tenon__order_begin(tenon__layer *layer, tenon__object *stream) {
    tenon__validator *v = layer->state;
    (void)pthread_mutex_lock(&v->mutex);
    tenon__checked_of(stream)->has_ordinal = 1;
    if (v->free_count) {
        tenon__checked_of(stream)->ordinal = v->free_ordinals[--v->free_count];
    } else {
        tenon__checked_of(stream)->ordinal = v->ordinal_count++;
        uint32_t *list = realloc(v->free_ordinals, v->ordinal_count * sizeof *list); /* room to give it back */
        if (list)
            v->free_ordinals = list;
        else
            v->blind = 1;
    }
    (void)pthread_mutex_unlock(&v->mutex);
}

/* Called with the mutex held: all that a clock knows of is over. */
static void complete(tenon__validator *v, const tenon__clock *clock) {
    if (!tenon__clock_merge(&v->completed, clock)) v->blind = 1;
}

void tenon__order_end(tenon__object *object) {
    tenon__validator *v = object->layer->state;
    tenon__checked *checked = tenon__checked_of(object);
    (void)pthread_mutex_lock(&v->mutex);
    if (checked->has_ordinal) {
        complete(v, &checked->clock);
        if (!v->blind) v->free_ordinals[v->free_count++] = checked->ordinal;
    }
    tenon__clock_free(&checked->clock);
    free(checked->accesses);
    checked->accesses = NULL;
    (void)pthread_mutex_unlock(&v->mutex);
}

/* -- Uses of memory --------------------------------------------------------------------------------------------------- */

static bool make_room(tenon__uses *uses) {
    if (uses->count < uses->room) return true;
    tenon__use *list = malloc((size_t)2 * uses->room * sizeof *list);
    if (!list) {
        uses->lost = 1;
        return false;
    }
    memcpy(list, uses->list, uses->count * sizeof *list);
    tenon__uses_free(uses);
    uses->list = list;
    uses->room *= 2;
    return true;
}

void tenon__uses_free(tenon__uses *uses) {
    if (uses->list != uses->few) free(uses->list);
}

static void add_use(tenon__uses *uses, tenon__object *memory, tenon__span span, uint32_t operand, bool writes) {
    if (memory && span.count && make_room(uses))
        uses->list[uses->count++] = (tenon__use){memory, span, operand, writes};
}

static void uses_of_launch(const tenon__call *call, tenon__uses *uses) {
    const tenon__checked *exec = tenon__checked_of(call->exec);
    const tenon_launch *launch = call->launch;
    for (uint32_t i = 0; i < exec->operand_count && i < launch->buffer_count; i++) {
        const tenon__checked_operand *operand = &exec->operands[i];
        tenon__span span = tenon__span_range(launch->buffers[i].offset, operand->packed_size);
        if (operand->skipped) continue;
        if (!operand->packed_size &&
            !tenon__span_view(&operand->view, launch->symbols, launch->buffers[i].offset, operand->dense, &span))
            continue;
        bool writes = operand->role == TENON_ROLE_OUTPUT || operand->role == TENON_ROLE_INOUT;
        add_use(uses, call->operands[i], span, i, writes);
    }
    tenon__span workspace = tenon__span_range(launch->workspace.offset, exec->workspace_size);
    add_use(uses, call->workspace, workspace, TENON_NO_ALIAS, true);
}

static void uses_of_pack(const tenon__call *call, tenon__uses *uses) {
    const tenon__checked *exec = tenon__checked_of(call->exec);
    uint64_t size = call->index < exec->operand_count ? exec->operands[call->index].packed_size : 0;
    add_use(uses, call->memory, tenon__span_range(call->offset, size), TENON_NO_ALIAS, true);
}

void tenon__uses_of(const tenon__call *call, tenon__uses *out_uses) {
    out_uses->list = out_uses->few;
    out_uses->count = out_uses->lost = 0;
    out_uses->room = TENON__FEW_USES;
    switch (call->hook) {
    case TENON__HOOK_stream_write:
    case TENON__HOOK_stream_fill:
    case TENON__HOOK_stream_read:
    case TENON__HOOK_stream_copy:
        add_use(out_uses, call->memory, tenon__span_range(call->offset, call->size), TENON_NO_ALIAS, true);
        add_use(out_uses, call->source, tenon__span_range(call->source_offset, call->size), TENON_NO_ALIAS, false);
        break;
    case TENON__HOOK_work_launch: uses_of_launch(call, out_uses); break;
    case TENON__HOOK_work_pack: uses_of_pack(call, out_uses); break;
    default: break;
    }
}

static bool is_over(const tenon__validator *v, const tenon__access *access) {
    return access->when <= tenon__clock_at(&v->completed, access->stream);
}

static bool is_ordered(const tenon__validator *v, const tenon__call *call, const tenon__access *access) {
    const tenon__checked *stream = tenon__checked_of(call->stream);
    return access->stream == stream->ordinal || is_over(v, access) ||
           access->when <= tenon__clock_at(&stream->clock, access->stream);
}

/* Uses of a memory that are over are forgotten. */
static void sweep(const tenon__validator *v, tenon__checked *memory) {
    for (uint32_t i = memory->access_count; i-- > 0;)
        if (is_over(v, &memory->accesses[i])) memory->accesses[i] = memory->accesses[--memory->access_count];
}

/* The earlier use that nothing orders before this one; NULL if there is none. */
static const tenon__access *find_race(const tenon__validator *v, const tenon__call *call, const tenon__use *use) {
    tenon__checked *memory = tenon__checked_of(use->memory);
    sweep(v, memory);
    for (uint32_t i = 0; i < memory->access_count; i++) {
        const tenon__access *access = &memory->accesses[i];
        if ((use->writes || access->writes) && !is_ordered(v, call, access) &&
            tenon__span_meets(&access->span, &use->span))
            return access;
    }
    return NULL;
}

static bool check_read_only(tenon__call *call, const tenon__uses *uses) {
    for (uint32_t i = 0; i < uses->count; i++)
        if (uses->list[i].writes && uses->list[i].memory->flags & TENON_IMPORT_READ_ONLY)
            return tenon__host_fault(call, "REQ-MEM-08", "it writes memory %" PRIu64 ", imported to be read only",
                                     uses->list[i].memory->serial);
    return false;
}

static void check_races(tenon__call *call, const tenon__uses *uses) {
    tenon__validator *v = validator_of(call);
    tenon__access race = {0};
    const tenon__use *use = NULL;
    (void)pthread_mutex_lock(&v->mutex);
    for (uint32_t i = 0; i < uses->count && !use && !v->blind; i++) {
        const tenon__access *found = find_race(v, call, &uses->list[i]);
        if (!found) continue;
        race = *found;
        use = &uses->list[i];
    }
    (void)pthread_mutex_unlock(&v->mutex);
    if (!use) return;
    tenon__host_fault(call, "REQ-HOST-05",
                      "it %s bytes %" PRIu64 "..%" PRIu64 " of memory %" PRIu64
                      ", and nothing orders that after %s, which %s them on another stream; wait for an event",
                      use->writes ? "writes" : "reads", use->span.offset, tenon__span_end(&use->span),
                      use->memory->serial, tenon__hook_name(race.hook), race.writes ? "writes" : "reads");
}

void tenon__check_order(tenon__call *call) {
    tenon__uses uses;
    tenon__uses_of(call, &uses);
    if (!check_read_only(call, &uses)) check_races(call, &uses);
    tenon__uses_free(&uses);
}

/* A use takes the place of those that it lies after and covers: whoever is ordered after it is so after them. */
static bool replaces(const tenon__use *use, const tenon__access *old, uint32_t stream) {
    if (use->writes) return tenon__span_covers(&use->span, &old->span);
    return !old->writes && old->stream == stream && tenon__span_covers(&use->span, &old->span);
}

static bool keep_use(const tenon__call *call, const tenon__use *use, uint64_t when) {
    tenon__checked *memory = tenon__checked_of(use->memory);
    uint32_t stream = tenon__checked_of(call->stream)->ordinal;
    for (uint32_t i = memory->access_count; i-- > 0;)
        if (replaces(use, &memory->accesses[i], stream)) memory->accesses[i] = memory->accesses[--memory->access_count];
    if (memory->access_count == memory->access_capacity) {
        uint32_t capacity = memory->access_capacity ? memory->access_capacity * 2 : 8;
        tenon__access *list = realloc(memory->accesses, capacity * sizeof *list);
        if (!list) return false;
        memory->accesses = list;
        memory->access_capacity = capacity;
    }
    memory->accesses[memory->access_count++] =
        (tenon__access){use->span, when, stream, use->writes != 0, (uint16_t)call->hook};
    return true;
}

/* -- Calls that were taken -------------------------------------------------------------------------------------------- */

static void keep_work(const tenon__call *call, tenon__validator *v) {
    tenon__checked *stream = tenon__checked_of(call->stream);
    uint64_t when = tenon__clock_at(&v->issued, stream->ordinal) + 1;
    tenon__uses uses;
    tenon__uses_of(call, &uses);
    bool whole = !uses.lost && tenon__clock_raise(&v->issued, stream->ordinal, when) &&
                 tenon__clock_raise(&stream->clock, stream->ordinal, when);
    for (uint32_t i = 0; i < uses.count; i++) whole = keep_use(call, &uses.list[i], when) && whole;
    if (call->exec) whole = tenon__clock_raise(&tenon__checked_of(call->exec)->clock, stream->ordinal, when) && whole;
    if (!whole) v->blind = 1;
    tenon__uses_free(&uses);
}

static void keep_record(const tenon__call *call, tenon__validator *v) {
    tenon__checked *event = tenon__checked_of(call->event);
    tenon__clock_free(&event->clock); /* the event moves */
    event->recorded = 1;
    if (!tenon__clock_merge(&event->clock, &tenon__checked_of(call->stream)->clock)) v->blind = 1;
}

void tenon__keep_order(const tenon__call *call) {
    tenon__validator *v = validator_of(call);
    bool taken = call->status == TENON_STATUS_OK, over = call->status != TENON_STATUS_NOT_READY;
    (void)pthread_mutex_lock(&v->mutex);
    switch (call->hook) {
    case TENON__HOOK_stream_write:
    case TENON__HOOK_stream_read:
    case TENON__HOOK_stream_copy:
    case TENON__HOOK_stream_fill:
    case TENON__HOOK_work_launch:
    case TENON__HOOK_work_pack:
        if (taken) keep_work(call, v);
        break;
    case TENON__HOOK_event_record:
        if (taken) keep_record(call, v);
        break;
    case TENON__HOOK_event_wait:
        if (taken &&
            !tenon__clock_merge(&tenon__checked_of(call->stream)->clock, &tenon__checked_of(call->event)->clock))
            v->blind = 1;
        break;
    case TENON__HOOK_stream_synchronize:
    case TENON__HOOK_stream_query:
        if (over) complete(v, &tenon__checked_of(call->stream)->clock);
        break;
    case TENON__HOOK_event_synchronize:
    case TENON__HOOK_event_query:
        if (over) complete(v, &tenon__checked_of(call->event)->clock);
        break;
    default: break;
    }
    (void)pthread_mutex_unlock(&v->mutex);
}

/* -- Releases --------------------------------------------------------------------------------------------------------- */

static bool is_memory_used(const tenon__validator *v, const tenon__object *memory) {
    tenon__checked *checked = tenon__checked_of(memory);
    sweep(v, checked);
    return checked->access_count != 0;
}

static bool is_exec_used(const tenon__validator *v, const tenon__object *exec) {
    const tenon__clock *clock = &tenon__checked_of(exec)->clock;
    for (uint32_t i = 0; i < clock->count; i++)
        if (clock->at[i] > tenon__clock_at(&v->completed, i)) return true;
    return false;
}

void tenon__check_release(tenon__call *call) {
    tenon__validator *v = validator_of(call);
    (void)pthread_mutex_lock(&v->mutex);
    bool memory = !v->blind && call->hook == TENON__HOOK_memory_release && is_memory_used(v, call->memory);
    bool exec = !v->blind && call->hook == TENON__HOOK_work_release && is_exec_used(v, call->exec);
    (void)pthread_mutex_unlock(&v->mutex);
    if (memory)
        tenon__host_fault(call, "REQ-MEM-04",
                          "memory %" PRIu64 " is released while work on it may be pending; wait first",
                          call->memory->serial);
    if (exec)
        tenon__host_fault(call, "REQ-WORK-05",
                          "exec %" PRIu64 " (%s) is released while a launch of it may be pending; wait first",
                          call->exec->serial, call->exec->name);
}
