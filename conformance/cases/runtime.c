#include "cases/runtime.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- Verdicts ----------------------------------------------------------------------------------------------------- */

bool cf_good(tenon_status status, const char *what) {
    if (status == TENON_STATUS_OK) return true;
    cf_fail("%s: %s: %s", what, tenon_status_name(status), tenonh_error_message());
    return false;
}

bool cf_answers(tenon_status status, tenon_status want, const char *what) {
    if (status == want) return true;
    cf_fail("%s: answers %s, not %s", what, tenon_status_name(status), tenon_status_name(want));
    return false;
}

bool cf_same(const void *got, const void *want, uint64_t size, const char *what) {
    const unsigned char *g = got, *w = want;
    if (memcmp(g, w, size) == 0) return true;
    uint64_t i = 0;
    while (g[i] == w[i]) i++;
    cf_fail("%s: byte %llu of %llu is 0x%02x, not 0x%02x", what, (unsigned long long)i, (unsigned long long)size, g[i],
            w[i]);
    return false;
}

/* -- What a row holds --------------------------------------------------------------------------------------------- */

/* The one place for another object in a list; fails the row when there is none. */
static bool has_room(uint32_t count) {
    if (count >= CF_HELD_MOST) cf_fail("the row asks for more objects than it can hold");
    return count < CF_HELD_MOST;
}

void cf_make_place(void) {
    tenonh_stream_release(cf_under_test.stream);
    cf_under_test.stream = NULL;
}

tenonh_stream *cf_stream(cf_held *held) {
    tenonh_stream *stream = NULL;
    cf_make_place();
    if (!has_room(held->stream_count)) return NULL;
    if (!cf_good(tenonh_stream_create(cf_under_test.device, &stream), "create a stream")) return NULL;
    return held->streams[held->stream_count++] = stream;
}

tenonh_stream *cf_other_stream(cf_held *held, tenonh_stream *first) {
    uint32_t most = tenonh_device_info(cf_under_test.device)->max_streams;
    if (most == 0 || held->stream_count < most) return cf_stream(held);
    for (uint32_t i = held->stream_count; i-- > 0;)
        if (held->streams[i] != first) return held->streams[i];
    return first;
}

tenonh_event *cf_event(cf_held *held) {
    tenonh_event *event = NULL;
    if (!has_room(held->event_count)) return NULL;
    if (!cf_good(tenonh_event_create(cf_under_test.device, &event), "create an event")) return NULL;
    return held->events[held->event_count++] = event;
}

tenonh_memory *cf_memory(cf_held *held, uint32_t type, uint64_t size) {
    tenonh_memory *memory = NULL;
    if (!has_room(held->memory_count)) return NULL;
    if (!cf_good(tenonh_memory_create(cf_under_test.device, type, size, &memory), "allocate")) return NULL;
    return held->memories[held->memory_count++] = memory;
}

void *cf_block(cf_held *held, uint64_t size) {
    if (!has_room(held->block_count)) abort();
    void *block = calloc(1, size + 1);
    if (!block) abort();
    return held->blocks[held->block_count++] = block;
}

cf_launch *cf_map(cf_held *held, tenon_op op, tenon_dtype dtype, int64_t count) {
    if (!has_room(held->launch_count)) return NULL;
    cf_launch *launch = calloc(1, sizeof *launch);
    if (!launch) abort();
    held->launches[held->launch_count++] = launch;
    return cf_good(cf_launch_map(launch, op, dtype, count), "prepare") ? launch : NULL;
}

void cf_let_go(cf_held *held) {
    for (uint32_t i = 0; i < held->stream_count; i++) (void)tenonh_stream_synchronize(held->streams[i]);
    for (uint32_t i = 0; i < held->stream_count; i++) tenonh_stream_release(held->streams[i]);
    for (uint32_t i = 0; i < held->event_count; i++) tenonh_event_release(held->events[i]);
    for (uint32_t i = 0; i < held->launch_count; i++) {
        cf_launch_release(held->launches[i]);
        free(held->launches[i]);
    }
    for (uint32_t i = 0; i < held->memory_count; i++) tenonh_memory_release(held->memories[i]);
    for (uint32_t i = 0; i < held->block_count; i++) free(held->blocks[i]);
    *held = (cf_held){0};
}

bool cf_has_streams(uint32_t count) {
    uint32_t most = tenonh_device_info(cf_under_test.device)->max_streams;
    if (most == 0 || most >= count) return true;
    cf_not_applicable("max_streams is %u, the row needs %u", most, count);
    return false;
}

bool cf_has_memory(uint32_t type, uint64_t bytes) {
    tenon_memory_type t = {0};
    if (!cf_good(tenonh_device_memory_type(cf_under_test.device, type, &t), "memory type")) return false;
    uint64_t most = t.size ? t.size : t.budget;
    if (most == 0 || most >= bytes) return true;
    cf_not_applicable("memory type %u has %llu bytes, the row needs %llu", type, (unsigned long long)most,
                      (unsigned long long)bytes);
    return false;
}

/* -- Bytes -------------------------------------------------------------------------------------------------------- */

void cf_pattern(void *bytes, uint64_t size, uint64_t seed) {
    unsigned char *to = bytes;
    for (uint64_t i = 0; i < size; i++) {
        uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u + seed * 0xbf58476d1ce4e5b9u;
        unsigned char byte = (unsigned char)((z ^ z >> 29) >> 24);
        to[i] = byte == 0xa5 ? 0x5a : byte;
    }
}

bool cf_put(tenonh_stream *stream, tenonh_memory *memory, uint64_t offset, const void *bytes, uint64_t size) {
    return cf_good(tenonh_stream_write(stream, memory, offset, bytes, size), "write") &&
           cf_good(tenonh_stream_synchronize(stream), "synchronise after a write");
}

bool cf_get(tenonh_stream *stream, tenonh_memory *memory, uint64_t offset, void *bytes, uint64_t size) {
    return cf_good(tenonh_stream_read(stream, bytes, memory, offset, size), "read") &&
           cf_good(tenonh_stream_synchronize(stream), "synchronise after a read");
}

/* -- Work that takes a while -------------------------------------------------------------------------------------- */

enum { MEASURED_NS = 4000000, MOST_COMMANDS = 4096 };
static const uint64_t busy_bytes = (uint64_t)CF_BUSY_ELEMENTS * sizeof(float);

/* Parts of the memory: two to go between, and ones. */
static bool enqueue_one(const cf_busy *busy, tenonh_stream *stream, uint32_t i) {
    uint64_t from = i % 2 * busy_bytes, to = busy_bytes - from;
    const cf_place places[] = {{busy->memory, from}, {busy->memory, 2 * busy_bytes}, {busy->memory, to}};
    if (busy->kind == CF_BY_LAUNCHES) return cf_good(cf_launch_enqueue(busy->add, stream, places), "launch");
    return cf_good(tenonh_stream_copy(stream, busy->memory, to, busy->memory, from, busy_bytes), "copy");
}

static bool enqueue_some(const cf_busy *busy, tenonh_stream *stream, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!enqueue_one(busy, stream, i)) return false;
    return true;
}

bool cf_busy_enqueue(const cf_busy *busy, tenonh_stream *stream) {
    return enqueue_some(busy, stream, busy->count);
}

/* Nanoseconds that `count` commands take: the least of some tries, since others on the machine only make it longer; 0
 * after a failure. A try that is short enough ends it. */
static uint64_t time_of(const cf_busy *busy, tenonh_stream *stream, uint32_t count) {
    enum { TRIES = 4 };
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIES && least >= MEASURED_NS; i++) {
        uint64_t start = tenon__now();
        if (!enqueue_some(busy, stream, count) || !cf_good(tenonh_stream_synchronize(stream), "synchronise")) return 0;
        uint64_t time = tenon__now() - start;
        if (time < least) least = time;
    }
    return least;
}

/* Doubles the work until it takes long enough to be measured, then asks for as much as was wanted. */
bool cf_busy_make(cf_held *held, tenonh_stream *stream, uint32_t kind, uint32_t milliseconds, cf_busy *out_busy) {
    uint64_t time = 1, wanted = (uint64_t)milliseconds * 1000000;
    uint32_t one, count = 2;
    const float f = 1;
    memcpy(&one, &f, sizeof one);
    *out_busy = (cf_busy){.kind = kind};
    if (!cf_has_memory(0, 3 * busy_bytes)) return false;
    *out_busy = (cf_busy){.kind = kind, .memory = cf_memory(held, 0, 3 * busy_bytes)};
    if (kind == CF_BY_LAUNCHES) out_busy->add = cf_map(held, TENON_OP_ADD, TENON_DTYPE_F32, CF_BUSY_ELEMENTS);
    if (cf_failed() || !cf_good(tenonh_stream_fill(stream, out_busy->memory, 0, 0, 4, 2 * busy_bytes), "fill") ||
        !cf_good(tenonh_stream_fill(stream, out_busy->memory, 2 * busy_bytes, one, 4, busy_bytes), "fill"))
        return false;
    (void)time_of(out_busy, stream, 2);
    while ((time = time_of(out_busy, stream, count)) < MEASURED_NS && time && count < MOST_COMMANDS) count *= 2;
    if (!time) return false;
    while (time * 2 <= wanted && count < MOST_COMMANDS) count *= 2, time *= 2;
    if (time * 3 / 2 <= wanted && count % 4 == 0) count += count / 2, time += time / 2;
    out_busy->count = count;
    out_busy->nanoseconds = time;
    return true;
}

enum cf_promptness cf_promptness_of(const cf_busy *busy, uint64_t nanoseconds, bool pending) {
    if (nanoseconds > busy->nanoseconds / 4) return CF_LATE;
    return pending ? CF_PROMPT : CF_UNTOLD;
}

void cf_expect_prompt(enum cf_promptness (*once)(void *context), void *context, const char *what) {
    enum { TRIES = 12 };
    int late = 0;
    for (int i = 0; i < TRIES && !cf_failed(); i++) {
        enum cf_promptness seen = once(context);
        if (seen == CF_PROMPT) return;
        late += seen == CF_LATE;
    }
    if (late >= TRIES / 3)
        cf_fail("%s took as long as the work before it, %d times of %d, and was prompt in none", what, late, TRIES);
}

/* -- Others ------------------------------------------------------------------------------------------------------- */

static void hear(void *context, uint32_t level, const char *source, const char *text) {
    cf_second *second = context;
    if (level != TENON_LOG_ERROR) return;
    if (__atomic_fetch_add(&second->heard, 1, __ATOMIC_RELAXED) == 0)
        snprintf(second->first, sizeof second->first, "%s: %s", source, text);
}

bool cf_second_begin(cf_second *second, const char *layers) {
    cf_device other = {.name = cf_under_test.name};
    cf_make_place();
    *second = (cf_second){.before = cf_under_test};
    const tenonh_registry_options options = {.struct_size = sizeof options,
                                             .no_search = 1,
                                             .log_level = TENON_LOG_WARNING,
                                             .log = hear,
                                             .log_context = second,
                                             .layers = layers,
                                             .probe = TENONH_PROBE_NEVER};
    const char *path = cf_under_test.device->plugin->path, *name = tenonh_device_name(cf_under_test.device);
    bool open = cf_good(tenonh_registry_create(&options, &other.registry), "a second registry") &&
                cf_good(tenonh_registry_add(other.registry, path), "the plugin in a second registry") &&
                cf_good(tenonh_device_open(other.registry, name, &other.device), "open the device a second time") &&
                cf_good(tenon__execs_create(&other.execs), "a cache of execs");
    cf_under_test = other;
    if (!open) cf_second_end(second);
    return open;
}

void cf_second_end(cf_second *second) {
    cf_make_place();
    tenon__execs_destroy(cf_under_test.execs);
    tenonh_device_release(cf_under_test.device);
    tenonh_registry_destroy(cf_under_test.registry);
    cf_under_test = second->before;
}

static uint32_t entries_of(const char *path) {
    uint32_t count = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder)) count++;
    if (folder) closedir(folder);
    return count;
}

/* The second number of the line, in pages. */
static uint64_t resident_bytes(void) {
    char line[128] = "", *rest = line;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fgets(line, sizeof line, file)) (void)strtoull(line, &rest, 10);
    if (file) (void)fclose(file);
    return (uint64_t)strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

cf_holdings cf_look(void) {
    struct mallinfo2 heap = mallinfo2();
    return (cf_holdings){
        .heap = heap.uordblks + heap.hblkhd,
        .host_bytes = atomic_load(&cf_under_test.device->plugin->host_bytes),
        .resident = resident_bytes(),
        .files = entries_of("/proc/self/fd"),
        .threads = entries_of("/proc/self/task"),
    };
}
