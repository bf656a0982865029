/* What a session tells of its steps and figures. */
#include <string.h>

#include "run/session.h"
#include "support/error.h"

const char *tenonh_placement_name(tenonh_placement placement) {
    static const char *const names[] = {
#define ROW(value, NAME, text) [value] = text,
        TENONH_PLACEMENT_TABLE(ROW)
#undef ROW
    };
    return placement > 0 && placement < TENONH_PLACEMENT_COUNT ? names[placement] : "unknown";
}

/* The plan that ran or was prepared last; NULL before the first. */
static const tenon__plan *latest(const tenonh_session *session) {
    const tenon__planned *planned = atomic_load_explicit(&session->plans.latest, memory_order_relaxed);
    return planned ? planned->plan : NULL;
}

uint32_t tenonh_session_step_count(const tenonh_session *session) {
    if (session && session->control) return tenon__control_step_count(session->control);
    const tenon__plan *plan = session ? latest(session) : NULL;
    return plan ? plan->step_count : 0;
}

/* Copies as much as the caller's struct_size covers. */
static tenon_status give(void *out, const void *info, uint32_t info_size) {
    uint32_t size;
    memcpy(&size, out, sizeof size);
    if (size < 2 * sizeof(uint32_t))
        return tenon__fail(TENON_STATUS_INVALID, "struct_size is not set: give sizeof of the struct");
    if (size > info_size) size = info_size;
    memcpy((char *)out + sizeof size, (const char *)info + sizeof size, size - sizeof size);
    return TENON_STATUS_OK;
}

tenon_status tenonh_session_step(const tenonh_session *session, uint32_t index, tenonh_step_info *out_info) {
    if (index >= tenonh_session_step_count(session))
        return tenon__fail(TENON_STATUS_NOT_FOUND, "the session has %u steps, not %u",
                           tenonh_session_step_count(session), index);
    if (!out_info) return tenon__fail(TENON_STATUS_INVALID, "session step: out_info is NULL");
    if (session->control) {
        tenonh_step_info decided = {0};
        tenon__control_step(session->control, index, &decided);
        return give(out_info, &decided, sizeof decided);
    }
    const tenon__step *step = &latest(session)->steps[index];
    bool view = step->placement == TENONH_PLACEMENT_VIEW;
    tenonh_step_info info = {
        .placement = step->placement,
        .name = step->name,
        .location = step->location,
        .device = view ? "" : tenonh_device_name(session->places.devices[step->place]),
        .bytes = step->bytes,
        .node_count = step->node_count,
    };
    return give(out_info, &info, sizeof info);
}

uint32_t tenonh_session_rewrite_count(const tenonh_session *session) {
    if (session && session->control) return tenon__control_rewrite_count(session->control);
    const tenon__report *report = session ? tenon__lowered_report(session->lowered) : NULL;
    return report ? report->count : 0;
}

tenon_status tenonh_session_rewrite(const tenonh_session *session, uint32_t index, tenonh_rewrite_info *out_info) {
    uint32_t count = tenonh_session_rewrite_count(session);
    if (index >= count) return tenon__fail(TENON_STATUS_NOT_FOUND, "the session has %u rewrites, not %u", count, index);
    if (!out_info) return tenon__fail(TENON_STATUS_INVALID, "session rewrite: out_info is NULL");
    const tenon__fired *fired = session->control ? tenon__control_rewrite(session->control, index)
                                                 : &tenon__lowered_report(session->lowered)->items[index];
    tenonh_rewrite_info info = {
        .rule = fired->rule,
        .location = fired->location,
        .nodes = fired->gain.nodes,
        .bytes = fired->gain.bytes,
        .operations = fired->gain.operations,
    };
    return give(out_info, &info, sizeof info);
}

const char *tenonh_claim_name(tenonh_claim claim) {
    static const char *const names[] = {
#define ROW(value, NAME, text) [value] = text,
        TENONH_CLAIM_TABLE(ROW)
#undef ROW
    };
    return claim > 0 && claim < TENONH_CLAIM_COUNT ? names[claim] : "unknown";
}

uint32_t tenonh_session_claim_count(const tenonh_session *session) {
    if (session && session->control) return tenon__control_claim_count(session->control);
    const tenon__plan *plan = session ? latest(session) : NULL;
    return plan && plan->claims ? plan->claims->note_count : 0;
}

tenon_status tenonh_session_claim(const tenonh_session *session, uint32_t index, tenonh_claim_info *out_info) {
    uint32_t count = tenonh_session_claim_count(session);
    if (index >= count) return tenon__fail(TENON_STATUS_NOT_FOUND, "the session has %u claims, not %u", count, index);
    if (!out_info) return tenon__fail(TENON_STATUS_INVALID, "session claim: out_info is NULL");
    const tenonh_claim_info *claim =
        session->control ? tenon__control_claim(session->control, index) : &latest(session)->claims->notes[index];
    return give(out_info, claim, sizeof *out_info);
}

/* A place that nothing runs at has a stream all the same, which does not count. */
static void count_commands(const tenon__plan *plan, tenonh_session_stats *stats) {
    stats->events = plan->event_count;
    stats->streams = plan->stream_count;
    for (uint32_t stream = 0; stream < plan->stream_count; stream++) {
        uint32_t i = 0;
        while (i < plan->command_count && plan->commands[i].stream != stream) i++;
        stats->streams -= i == plan->command_count;
    }
    for (uint32_t i = 0; i < plan->command_count; i++) stats->waits += plan->commands[i].kind == TENON__COMMAND_WAIT;
}

tenon_status tenonh_session_stats_read(const tenonh_session *session, tenonh_session_stats *out_stats) {
    if (!session || !out_stats) return tenon__fail(TENON_STATUS_INVALID, "session stats: session or out_stats is NULL");
    const tenon__plan *plan = latest(session);
    tenonh_session_stats stats = {
        .runs = session->contexts.runs,
        .plans = session->plans.made,
        .prepares = tenon__execs_prepares(session->execs),
        .prepare_ns = session->plans.prepare_ns,
    };
    tenon__plans_constant_bytes((tenon__plans *)&session->plans, &stats.constant_bytes, &stats.imported_bytes);
    for (uint32_t place = 0; plan && place < TENON__MAX_PLACES; place++) stats.arena_bytes += plan->arena_size[place];
    if (plan) {
        stats.live_bytes = plan->live_bytes;
        stats.file_order_bytes = plan->file_order_bytes;
        stats.own_order_bytes = plan->own_order_bytes;
        count_commands(plan, &stats);
        stats.outside_nodes = plan->outside_nodes;
    }
    if (session->control) tenon__control_stats(session->control, &stats);
    return give(out_stats, &stats, sizeof stats);
}
