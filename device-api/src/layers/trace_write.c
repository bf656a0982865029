/* A trace as JSON: the "trace event format" that Perfetto and chrome://tracing open. Times are microseconds. */
#include "layers/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tenon/helpers.h>

#include "support/error.h"
#include "support/file.h"
#include "support/text.h"

enum { FLUSH = 1 << 16, STREAM_TRACK = 100000000 /* above every thread's number */ };

typedef struct output {
    tenon__file_writer file;
    tenon__text text;
    tenon_status status;
    uint32_t count;
} output;

static void flush(output *out) {
    if (out->text.failed && out->status == TENON_STATUS_OK) out->status = tenon__fail_memory();
    if (out->status == TENON_STATUS_OK && out->text.length)
        out->status = tenon__file_append(&out->file, out->text.data, out->text.length);
    out->text.length = 0;
}

/* Begins an event with what all of them have. */
static void begin(output *out, const char *phase, uint32_t process, uint32_t track) {
    if (out->text.length > FLUSH) flush(out);
    tenon__text_format(&out->text, "%s\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", out->count++ ? "," : "", phase, process,
                       track);
}

static void put_string(output *out, const char *string) {
    tenon__text_add(&out->text, "\"");
    for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
        if (*c == '"' || *c == '\\')
            tenon__text_format(&out->text, "\\%c", *c);
        else if (*c < 0x20 || *c > 0x7e)
            tenon__text_format(&out->text, "\\u%04x", *c);
        else
            tenon__text_append(&out->text, (const char *)c, 1);
    }
    tenon__text_add(&out->text, "\"");
}

static void put_name(output *out, const char *name) {
    tenon__text_add(&out->text, ",\"name\":");
    put_string(out, name);
}

static void put_time(output *out, const char *key, uint64_t ns) {
    tenon__text_format(&out->text, ",\"%s\":%" PRIu64 ".%03u", key, ns / 1000, (unsigned)(ns % 1000));
}

static void put_metadata(output *out, const char *what, uint32_t process, uint32_t track, const char *name) {
    begin(out, "M", process, track);
    put_name(out, what);
    tenon__text_add(&out->text, ",\"args\":{\"name\":");
    put_string(out, name);
    tenon__text_add(&out->text, "}}");
}

static uint32_t track_of(const tenon__entry *entry) {
    return entry->type == TENON__ENTRY_STREAM ? STREAM_TRACK + entry->track : entry->track;
}

static void put_slice(output *out, const tenon__entry *entry) {
    const char *hook = tenon__hook_name(entry->hook), *letters = tenon__trace_arguments(entry->hook);
    begin(out, "X", entry->process, track_of(entry));
    put_name(out, entry->type == TENON__ENTRY_STREAM && entry->name ? entry->name : hook);
    tenon__text_format(&out->text, ",\"cat\":\"%.*s\"", (int)strcspn(hook, "."), hook);
    put_time(out, "ts", entry->start);
    put_time(out, "dur", entry->duration);
    tenon__text_format(&out->text, ",\"args\":{\"hook\":\"%s\",\"status\":\"%s\"", hook,
                       tenon_status_name(entry->status));
    if (entry->name) {
        tenon__text_add(&out->text, ",\"work\":");
        put_string(out, entry->name);
    }
    for (uint32_t i = 0; letters[i] && i < TENON__TRACE_ARGUMENTS; i++)
        tenon__text_format(&out->text, ",\"%s\":%" PRIu64, tenon__trace_word(letters[i]), entry->arguments[i]);
    tenon__text_add(&out->text, "}}");
}

static void put_memory(output *out, const tenon__entry *entry) {
    begin(out, "C", entry->process, 0);
    tenon__text_format(&out->text, ",\"name\":\"memory of device %u\"", entry->track);
    put_time(out, "ts", entry->start);
    tenon__text_format(&out->text, ",\"args\":{\"bytes\":%" PRIu64 "}}", entry->duration);
}

/* -- Flows ------------------------------------------------------------------------------------------------------------ */

/* An arrow from where an event was recorded to where it was waited for. It starts inside the record's slice and ends at
 * the end of the wait's, which is when the wait was over. */
static void put_flow(output *out, const char *phase, const tenon__entry *entry, uint64_t id, uint64_t time) {
    begin(out, phase, entry->process, track_of(entry));
    tenon__text_format(&out->text, ",\"name\":\"event\",\"cat\":\"event\",\"id\":%" PRIu64 "%s", id,
                       *phase == 'f' ? ",\"bp\":\"e\"" : "");
    put_time(out, "ts", time);
    tenon__text_add(&out->text, "}");
}

static int by_flow(const void *a, const void *b) {
    const tenon__entry *x = *(const tenon__entry *const *)a, *y = *(const tenon__entry *const *)b;
    if (x->flow != y->flow) return x->flow < y->flow ? -1 : 1;
    return (x->hook == TENON__HOOK_event_wait) - (y->hook == TENON__HOOK_event_wait);
}

/* Entries in order of flow, each record before its waits: a wait whose record the ring has lost has no arrow. */
static void put_flows(output *out, const tenon__entry **list, size_t count) {
    const tenon__entry *record = NULL;
    uint64_t id = 0;
    qsort(list, count, sizeof *list, by_flow);
    for (size_t i = 0; i < count; i++) {
        const tenon__entry *entry = list[i];
        if (entry->hook == TENON__HOOK_event_record) record = entry;
        if (entry->hook != TENON__HOOK_event_wait || !record || record->flow != entry->flow) continue;
        id++;
        put_flow(out, "s", record, id, record->start);
        put_flow(out, "f", entry, id, entry->duration ? entry->start + entry->duration - 1 : entry->start);
    }
}

/* -- The file --------------------------------------------------------------------------------------------------------- */

typedef void (*visit_function)(void *context, const tenon__entry *entry);

/* Visits what the ring holds, oldest first. */
static void visit(const tenon__trace *trace, visit_function function, void *context) {
    uint64_t first = trace->count > trace->limit ? trace->count - trace->limit : 0;
    for (uint64_t i = first; i < trace->count; i++) {
        const tenon__entry *chunk = trace->chunks[i % trace->limit / TENON__TRACE_CHUNK];
        if (chunk) function(context, &chunk[i % trace->limit % TENON__TRACE_CHUNK]);
    }
}

static void put_entry(void *context, const tenon__entry *entry) {
    output *out = context;
    if (entry->process == 0) return; /* its place was made and there was no memory for it */
    if (entry->type == TENON__ENTRY_MEMORY)
        put_memory(out, entry);
    else
        put_slice(out, entry);
}

typedef struct flow_list {
    const tenon__entry **entries; /* NULL: count only */
    size_t count;
} flow_list;

static void list_flow(void *context, const tenon__entry *entry) {
    flow_list *list = context;
    if (entry->type != TENON__ENTRY_STREAM || !entry->flow) return;
    if (list->entries) list->entries[list->count] = entry;
    list->count++;
}

static void put_all_flows(output *out, const tenon__trace *trace) {
    flow_list list = {0};
    visit(trace, list_flow, &list);
    if (!list.count) return;
    list.entries = calloc(list.count, sizeof *list.entries);
    list.count = 0;
    if (list.entries) visit(trace, list_flow, &list);
    if (list.entries) put_flows(out, list.entries, list.count);
    free(list.entries);
}

typedef struct track_names {
    output *out;
    uint8_t *seen; /* 1 for each stream that has its name */
} track_names;

/* Names a stream's track at its first entry. */
static void name_stream(void *context, const tenon__entry *entry) {
    track_names *names = context;
    if (entry->type != TENON__ENTRY_STREAM || names->seen[entry->track]) return;
    names->seen[entry->track] = 1;
    char name[32];
    const char *letters = tenon__trace_arguments(entry->hook), *stream = strchr(letters, 't');
    snprintf(name, sizeof name, "stream %" PRIu64, stream ? entry->arguments[stream - letters] : 0);
    put_metadata(names->out, "thread_name", entry->process, track_of(entry), name);
}

static void put_tracks(output *out, const tenon__trace *trace) {
    for (uint32_t p = 0; p < trace->plugin_count; p++) {
        put_metadata(out, "process_name", p + 1, 0, trace->plugins[p]);
        for (uint32_t i = 0; i < trace->thread_count; i++)
            put_metadata(out, "thread_name", p + 1, (uint32_t)trace->threads[i].id,
                         trace->threads[i].name[0] ? trace->threads[i].name : "thread");
    }
    track_names names = {out, calloc((size_t)trace->stream_count + 1, 1)};
    if (names.seen) visit(trace, name_stream, &names);
    free(names.seen);
}

static tenon_status write_file(const tenon__trace *trace) {
    output out = {0};
    uint64_t lost = trace->count > trace->limit ? trace->count - trace->limit : 0;
    TENON_TRY(tenon__file_begin(trace->path, &out.file));
    tenon__text_format(
        &out.text, "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"lost_entries\":%" PRIu64 "},\"traceEvents\":[", lost);
    put_tracks(&out, trace);
    visit(trace, put_entry, &out);
    put_all_flows(&out, trace);
    tenon__text_add(&out.text, "\n]}\n");
    flush(&out);
    tenon__text_free(&out.text);
    if (out.status == TENON_STATUS_OK) out.status = tenon__file_commit(&out.file);
    if (out.status != TENON_STATUS_OK) tenon__file_discard(&out.file);
    return out.status;
}

tenon_status tenon__trace_write(tenon__trace *trace) {
    tenon_status status = TENON_STATUS_OK;
    if (trace->process != getpid())
        return status; /* a fork, in which the mutex may be held by a thread that is not there */
    (void)pthread_mutex_lock(&trace->mutex);
    if (!trace->written) {
        trace->written = 1;
        status = write_file(trace);
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    return status;
}
