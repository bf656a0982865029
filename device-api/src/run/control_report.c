/* What a session with control tells of its steps and figures. */
#include <stdio.h>

#include "run/control.h"

/* The plan of a part that ran or was prepared last; NULL before the first. */
static const tenon__plan *latest(const tenon__control *control, const tenon__part *part) {
    const tenon__plans *plans = &control->parts[part->number].plans;
    const tenon__planned *planned = atomic_load_explicit(&plans->latest, memory_order_relaxed);
    return planned ? planned->plan : NULL;
}

static const char *location_of(const tenonh_node *node) {
    return node->location_count ? node->locations[0] : "";
}

static tenonh_step_info decision(const char *name, const char *location, uint64_t bytes) {
    return (tenonh_step_info){
        .placement = TENONH_PLACEMENT_CONTROL, .name = name, .location = location, .device = "host", .bytes = bytes};
}

/* A step of a part's plan. */
static tenonh_step_info planned_step(const tenon__control *control, const tenon__step *step) {
    bool is_view = step->placement == TENONH_PLACEMENT_VIEW;
    return (tenonh_step_info){
        .placement = step->placement,
        .name = step->name,
        .location = step->location,
        .device = is_view ? "" : tenonh_device_name(control->places->devices[step->place]),
        .bytes = step->bytes,
        .node_count = step->node_count,
    };
}

/* A walk in the order of scripts: counts steps and stops at the one that is wanted. */
typedef struct walk {
    const tenon__control *control;
    uint32_t count, wanted;
    tenonh_step_info *out_info; /* filled when `wanted` is met */
} walk;

static void meet(walk *w, tenonh_step_info info) {
    if (w->count++ == w->wanted && w->out_info) *w->out_info = info;
}

static uint64_t bytes_read(const tenon__part *part) {
    uint64_t bytes = 0, size = 0;
    int64_t count;
    for (uint32_t i = 0; i < part->read_count; i++) {
        const tenonh_value *value = part->reads[i];
        if (tenon__value_elements(value, &count) == TENON_STATUS_OK &&
            tenon_dtype_bytes(value->dtype, count, &size) == TENON_STATUS_OK)
            bytes += size;
    }
    return bytes;
}

static void walk_part(walk *w, const tenon__part *part) {
    const tenon__plan *plan = latest(w->control, part);
    if (part->read_count) meet(w, decision("read", part->location, bytes_read(part)));
    for (uint32_t i = 0; plan && i < plan->step_count; i++) meet(w, planned_step(w->control, &plan->steps[i]));
}

static void walk_script(walk *w, const tenon__script *script) {
    for (uint32_t i = 0; i < script->entry_count; i++) {
        const tenon__script_entry *entry = &script->entries[i];
        if (entry->kind == TENON__SCRIPT_PART) {
            walk_part(w, entry->part);
            continue;
        }
        bool is_for = entry->node->kind == TENON__NODE_FOR;
        bool reads = !is_for || tenon__for_is_conditional(entry->node);
        const char *name = is_for ? "for" : entry->node->kind == TENON__NODE_IF ? "if" : "while";
        meet(w, decision(name, location_of(entry->node), reads));
        for (uint32_t r = 0; r < entry->node->region_count; r++) walk_script(w, entry->regions[r]);
    }
}

uint32_t tenon__control_step_count(const tenon__control *control) {
    walk w = {.control = control};
    walk_script(&w, control->outline->script);
    return w.count;
}

void tenon__control_step(const tenon__control *control, uint32_t index, tenonh_step_info *out_info) {
    walk w = {.control = control, .wanted = index, .out_info = out_info};
    walk_script(&w, control->outline->script);
}

static const tenon__report *rewrites_of(const tenon__control *control, uint32_t part) {
    return tenon__lowered_report(control->parts[part].lowered);
}

uint32_t tenon__control_rewrite_count(const tenon__control *control) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < control->part_count; i++)
        count += rewrites_of(control, i) ? rewrites_of(control, i)->count : 0;
    return count;
}

const tenon__fired *tenon__control_rewrite(const tenon__control *control, uint32_t index) {
    for (uint32_t i = 0; i < control->part_count; i++) {
        const tenon__report *report = rewrites_of(control, i);
        if (report && index < report->count) return &report->items[index];
        index -= report ? report->count : 0;
    }
    return NULL;
}

static const tenon__claims *claims_of(const tenon__control *control, uint32_t part) {
    const tenon__plan *plan = latest(control, control->parts[part].part);
    return plan ? plan->claims : NULL;
}

uint32_t tenon__control_claim_count(const tenon__control *control) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < control->part_count; i++)
        count += claims_of(control, i) ? claims_of(control, i)->note_count : 0;
    return count;
}

const tenonh_claim_info *tenon__control_claim(const tenon__control *control, uint32_t index) {
    for (uint32_t i = 0; i < control->part_count; i++) {
        const tenon__claims *claims = claims_of(control, i);
        if (claims && index < claims->note_count) return &claims->notes[index];
        index -= claims ? claims->note_count : 0;
    }
    return NULL;
}

static void raise(uint64_t *most, uint64_t value) {
    if (value > *most) *most = value;
}

void tenon__control_stats(const tenon__control *control, tenonh_session_stats *stats) {
    stats->runs = control->runs;
    for (uint32_t i = 0; i < control->part_count; i++) {
        const tenon__control_part *p = &control->parts[i];
        const tenon__plan *plan = latest(control, p->part);
        uint64_t copied, imported, arenas = 0;
        tenon__plans_constant_bytes((tenon__plans *)&p->plans, &copied, &imported);
        stats->constant_bytes += copied;
        stats->imported_bytes += imported;
        stats->plans += p->plans.made;
        stats->prepare_ns += p->plans.prepare_ns;
        for (uint32_t place = 0; plan && place < TENON__MAX_PLACES; place++) arenas += plan->arena_size[place];
        raise(&stats->arena_bytes, arenas);
        if (!plan) continue;
        raise(&stats->live_bytes, plan->live_bytes);
        raise(&stats->file_order_bytes, plan->file_order_bytes);
        raise(&stats->own_order_bytes, plan->own_order_bytes);
        raise(&stats->streams, plan->stream_count);
        stats->events += plan->event_count;
        for (uint32_t k = 0; k < plan->command_count; k++)
            stats->waits += plan->commands[k].kind == TENON__COMMAND_WAIT;
        stats->outside_nodes += plan->outside_nodes;
    }
}
