/* REQ-STREAM-05 to 07: copies in every direction and fills move exactly what they were asked to, wherever it lies; ranges
 * that are none are refused and leave everything as it was. */
#include <inttypes.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

enum { BESIDE = 64, POISON = 0xa5 };

/* -- Copies ------------------------------------------------------------------------------------------------------- */

enum { WRITE, READ, COPY, COPY_INSIDE };
static const char *const direction_names[] = {"write", "read", "copy", "copy_inside"};

/* Around the sizes at which devices change the way they copy: words, vectors, lines, pages, blocks, parts of threads. */
static const uint64_t copy_sizes[] = {0, 1, 3, 7, 17, 255, 257, 4099, 32768, 32769, 65537, 1 << 20, (1 << 20) + 13};
static const struct { uint64_t from, to; } copy_offsets[] = {{0, 0}, {1, 3}, {64, 5}, {4093, 4096}};
enum { COPY_SIZES = sizeof copy_sizes / sizeof *copy_sizes, COPY_OFFSETS = 4 };

/* One copy, with room beside both ends. */
typedef struct copy_row {
    uint32_t direction, from_type, to_type;
    uint64_t size, from, to;
    cf_held held;
    tenonh_stream *stream;
    tenonh_memory *source, *target;
    uint64_t whole; /* bytes of each side */
    unsigned char *bytes, *back, *want;
} copy_row;

static void prepare_sides(copy_row *r) {
    r->stream = cf_stream(&r->held);
    r->whole = BESIDE + 4096 + r->size + BESIDE;
    if (r->direction == COPY_INSIDE) r->whole = 2 * r->whole + r->from;
    r->bytes = cf_block(&r->held, r->whole);
    r->back = cf_block(&r->held, r->whole);
    r->want = cf_block(&r->held, r->whole);
    cf_pattern(r->bytes, r->whole, cf_random());
    memset(r->back, POISON, r->whole);
    memset(r->want, POISON, r->whole);
    if (r->direction != WRITE) r->source = cf_memory(&r->held, r->from_type, r->whole);
    if (r->direction == WRITE || r->direction == COPY) r->target = cf_memory(&r->held, r->to_type, r->whole);
    if (r->source) cf_put(r->stream, r->source, 0, r->bytes, r->whole);
    if (r->target) cf_put(r->stream, r->target, 0, r->want, r->whole);
}

/* Where the source's bytes start inside of an allocation that is the target too: behind the target. */
static uint64_t inside_from(const copy_row *r) {
    return r->to + r->size + BESIDE + r->from;
}

static tenon_status copy_once(const copy_row *r) {
    switch (r->direction) {
    case WRITE: return tenonh_stream_write(r->stream, r->target, r->to, r->bytes + r->from, r->size);
    case READ: return tenonh_stream_read(r->stream, r->back + r->to, r->source, r->from, r->size);
    case COPY: return tenonh_stream_copy(r->stream, r->target, r->to, r->source, r->from, r->size);
    default: return tenonh_stream_copy(r->stream, r->source, r->to, r->source, inside_from(r), r->size);
    }
}

/* Everything that may have changed, and everything that must not have. */
static void compare_sides(copy_row *r) {
    uint64_t from = r->direction == COPY_INSIDE ? inside_from(r) : r->from;
    if (r->direction == COPY_INSIDE) memcpy(r->want, r->bytes, r->whole);
    memcpy(r->want + r->to, r->bytes + from, r->size);
    tenonh_memory *changed = r->target ? r->target : r->direction == COPY_INSIDE ? r->source : NULL;
    if (changed) cf_get(r->stream, changed, 0, r->back, r->whole);
    cf_same(r->back, r->want, r->whole, "the target, with what lies beside it");
    if (!r->source || changed == r->source) return;
    memset(r->back, 0, r->whole);
    cf_get(r->stream, r->source, 0, r->back, r->whole);
    cf_same(r->back, r->bytes, r->whole, "the source, afterwards");
}

/* Catches: tails that are dropped, offsets that are ignored, too much copied, sides exchanged, stale bytes read. */
static void run_copy(uint32_t direction, uint32_t from_type, uint32_t to_type, uint32_t size, uint32_t offset) {
    copy_row r = {.direction = direction, .from_type = from_type, .to_type = to_type, .size = copy_sizes[size]};
    r.from = copy_offsets[offset].from, r.to = copy_offsets[offset].to;
    if (!cf_begin("%s_type%u_type%u_%" PRIu64 "_at%" PRIu64 "_to%" PRIu64, direction_names[direction], from_type,
                  to_type, r.size, r.from, r.to))
        return;
    prepare_sides(&r);
    if (!cf_failed() && cf_good(copy_once(&r), "copy") && cf_good(tenonh_stream_synchronize(r.stream), "synchronise"))
        compare_sides(&r);
    cf_let_go(&r.held);
}

static void run_direction(uint32_t direction, uint32_t from_type, uint32_t to_type) {
    for (uint32_t size = 0; size < COPY_SIZES; size++)
        for (uint32_t offset = 0; offset < COPY_OFFSETS; offset++)
            run_copy(direction, from_type, to_type, size, offset);
}

void cf_copies(void) {
    uint32_t types = cf_under_test.device->type_count;
    for (uint32_t type = 0; type < types; type++) {
        run_direction(WRITE, type, type);
        run_direction(READ, type, type);
        run_direction(COPY_INSIDE, type, type);
        for (uint32_t other = 0; other < types; other++) run_direction(COPY, type, other);
    }
}

/* -- Large copies ------------------------------------------------------------------------------------------------- */

/* Sizes that are split over threads or engines, there and back. */
static void run_large(uint64_t size) {
    if (!cf_begin("there_and_back_%" PRIu64, size) || !cf_has_memory(0, 2 * size + 8)) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    unsigned char *bytes = cf_block(&held, size), *back = cf_block(&held, size);
    tenonh_memory *a = cf_memory(&held, 0, size + 3), *b = cf_memory(&held, 0, size + 5);
    cf_pattern(bytes, size, cf_random());
    cf_good(tenonh_stream_write(stream, a, 3, bytes, size), "write");
    cf_good(tenonh_stream_copy(stream, b, 1, a, 3, size), "copy");
    cf_good(tenonh_stream_read(stream, back, b, 1, size), "read");
    cf_good(tenonh_stream_synchronize(stream), "synchronise");
    cf_same(back, bytes, size, "written, copied and read");
    cf_let_go(&held);
}

/* The same places with new bytes each time: an answer from a cache of the last one shows. */
static void repeated_reads(void) {
    enum { SIZE = 4099, ROUNDS = 24 };
    unsigned char bytes[SIZE], back[SIZE];
    if (!cf_begin("what_was_written_last_is_read")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, 0, SIZE), *other = cf_memory(&held, 0, SIZE);
    for (uint64_t round = 0; round < ROUNDS && !cf_failed(); round++) {
        cf_pattern(bytes, SIZE, round);
        cf_good(tenonh_stream_write(stream, memory, 0, bytes, SIZE), "write");
        if (round % 2) cf_good(tenonh_stream_copy(stream, other, 0, memory, 0, SIZE), "copy");
        cf_get(stream, round % 2 ? other : memory, 0, back, SIZE);
        cf_same(back, bytes, SIZE, "what was written last");
    }
    cf_let_go(&held);
}

void cf_large_copies(void) {
    static const uint64_t large[] = {262143, 262145, 300001, 4194303, 9000001, 33554437};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) run_large(large[i]);
    repeated_reads();
}

/* -- Fills -------------------------------------------------------------------------------------------------------- */

/* `count` patterns into memory of `whole` bytes: only the low bytes of the pattern count. */
static void fill(uint32_t type, uint32_t width, uint64_t offset, uint64_t count, uint64_t whole) {
    const uint64_t pattern = 0xf7e6d5c4b3a29180u;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, type, whole);
    unsigned char *want = cf_block(&held, whole), *back = cf_block(&held, whole);
    memset(want, POISON, whole);
    cf_put(stream, memory, 0, want, whole);
    for (uint64_t i = 0; i < count; i++) memcpy(want + offset + i * width, &pattern, width);
    cf_good(tenonh_stream_fill(stream, memory, offset, pattern, width, count * width), "fill");
    cf_get(stream, memory, 0, back, whole);
    cf_same(back, want, whole, "what was filled, with what lies beside it");
    cf_let_go(&held);
}

static bool begin_fill(uint32_t type, uint32_t width, uint64_t offset, uint64_t count) {
    return cf_begin("type%u_%ubytes_%" PRIu64 "times_at%" PRIu64, type, width, count, offset);
}

/* From an odd place on. Catches patterns of another size, tails, offsets that are ignored. */
static void run_fill(uint32_t type, uint32_t width, uint64_t offset, uint64_t count) {
    if (begin_fill(type, width, offset, count))
        fill(type, width, offset, count, BESIDE + offset + count * width + BESIDE);
}

/* Fills that are split over threads or engines, from an odd place to an odd end. */
static void run_large_fill(uint32_t type, uint32_t width) {
    const uint64_t offset = 13, count = (12582912 + 4099) / width + width + 1, whole = offset + count * width + BESIDE;
    if (begin_fill(type, width, offset, count) && cf_has_memory(type, whole)) fill(type, width, offset, count, whole);
}

static void fill_type(uint32_t type) {
    static const uint64_t offsets[] = {0, 1, 6, 13, 64}, counts[] = {1, 3, 7, 17, 255, 257, 4099, 70001};
    for (uint32_t width = 1; width <= 8; width *= 2) {
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
            for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) run_fill(type, width, offsets[i], counts[k]);
        run_large_fill(type, width);
    }
}

void cf_fills(void) {
    for (uint32_t type = 0; type < cf_under_test.device->type_count; type++) fill_type(type);
}

/* -- Ranges that are refused -------------------------------------------------------------------------------------- */

/* Through the plugin's own hooks: the host refuses these before it asks. */
typedef struct range_row {
    cf_held held;
    tenonh_stream *stream;
    tenon_memory *memory, *other; /* SIZE bytes each, exactly */
    unsigned char *bytes;
} range_row;

enum { SIZE = 4096 };

static const struct bad_range {
    const char *name;
    uint64_t offset, size;
} bad_ranges[] = {
    {"one_past", 1, SIZE},
    {"longer", 0, SIZE + 1},
    {"behind", SIZE + 1, 1},
    {"at_the_end", SIZE, 1},
    {"far_behind", UINT64_MAX - 15, 8},
    {"wraps", UINT64_MAX - 15, 32},
    {"wraps_into", 64, UINT64_MAX - 31},
    {"endless", 0, UINT64_MAX},
    {"2_to_63", (uint64_t)1 << 63, 8},
};

static const tenon__hooks *hooks(void) {
    return cf_under_test.device->hooks;
}

static void open_range(range_row *r) {
    tenon_device *device = cf_under_test.device->handle;
    r->stream = cf_stream(&r->held);
    r->bytes = cf_block(&r->held, SIZE);
    cf_pattern(r->bytes, SIZE, 1);
    if (!cf_good(hooks()->memory.allocate(device, 0, SIZE, &r->memory), "allocate") ||
        !cf_good(hooks()->memory.allocate(device, 0, SIZE, &r->other), "allocate"))
        return;
    cf_good(hooks()->stream.write(r->stream->handle, (tenon_buffer){r->memory, 0}, r->bytes, SIZE), "write");
    cf_good(hooks()->stream.write(r->stream->handle, (tenon_buffer){r->other, 0}, r->bytes, SIZE), "write");
    cf_good(hooks()->stream.synchronize(r->stream->handle), "synchronise");
}

/* The refusal moved nothing and the stream goes on. */
static void close_range(range_row *r) {
    unsigned char back[SIZE];
    tenon_device *device = cf_under_test.device->handle;
    tenon_memory *const memories[] = {r->memory, r->other};
    for (int i = 0; i < 2 && r->stream && memories[i]; i++) {
        memset(back, 0, sizeof back);
        cf_good(hooks()->stream.read(r->stream->handle, back, (tenon_buffer){memories[i], 0}, SIZE), "read");
        cf_good(hooks()->stream.synchronize(r->stream->handle), "synchronise, after a refusal");
        cf_same(back, r->bytes, SIZE, "memory, after a call on it was refused");
    }
    for (int i = 0; i < 2; i++)
        if (memories[i]) hooks()->memory.release(device, memories[i]);
    cf_let_go(&r->held);
}

enum { BAD_WRITE, BAD_READ, BAD_SOURCE, BAD_TARGET, BAD_FILL, BAD_COUNT };
static const char *const bad_names[] = {"write", "read", "copy_from", "copy_to", "fill"};

static tenon_status call_badly(const range_row *r, uint32_t how, const struct bad_range *bad) {
    const tenon_stream_hooks *h = &hooks()->stream;
    tenon_stream *stream = r->stream->handle;
    unsigned char some[64] = {0};
    tenon_buffer at = {r->memory, bad->offset}, other = {r->other, 0};
    switch (how) {
    case BAD_WRITE: return h->write(stream, at, r->bytes, bad->size);
    case BAD_READ: return h->read(stream, some, at, bad->size);
    case BAD_SOURCE: return h->copy(stream, other, at, bad->size);
    case BAD_TARGET: return h->copy(stream, at, other, bad->size);
    default: return h->fill(stream, at, 0, 1, bad->size);
    }
}

static void run_bad_range(uint32_t how, const struct bad_range *bad) {
    range_row r = {0};
    if (!cf_begin("%s_%s", bad_names[how], bad->name)) return;
    if (how == BAD_FILL && !hooks()->stream.fill) {
        cf_not_applicable("the plugin has no stream.fill; the host writes");
        return;
    }
    open_range(&r);
    if (!cf_failed()) cf_answers(call_badly(&r, how, bad), TENON_STATUS_INVALID, "a range outside the allocation");
    close_range(&r);
}

/* Both ends in one allocation, less than `size` apart. */
static void run_overlap(uint64_t to, uint64_t from, uint64_t size) {
    range_row r = {0};
    if (!cf_begin_for("REQ-STREAM-06", "overlap_%" PRIu64 "_%" PRIu64 "_%" PRIu64, to, from, size)) return;
    open_range(&r);
    if (!cf_failed())
        cf_answers(
            hooks()->stream.copy(r.stream->handle, (tenon_buffer){r.memory, to}, (tenon_buffer){r.memory, from}, size),
            TENON_STATUS_INVALID, "a copy onto itself");
    close_range(&r);
}

static void run_bad_pattern(uint32_t width, uint64_t size) {
    range_row r = {0};
    if (!cf_begin_for("REQ-STREAM-07", "pattern_of_%u_over_%" PRIu64, width, size)) return;
    if (!hooks()->stream.fill) {
        cf_not_applicable("the plugin has no stream.fill; the host writes");
        return;
    }
    open_range(&r);
    if (!cf_failed())
        cf_answers(hooks()->stream.fill(r.stream->handle, (tenon_buffer){r.memory, 0}, 0, width, size),
                   TENON_STATUS_INVALID, "a fill with such a pattern");
    close_range(&r);
}

void cf_copy_ranges(void) {
    static const uint64_t overlaps[][3] = {{0, 0, 16},  {0, 1, 2},   {1, 0, 2},
                                           {0, 31, 32}, {31, 0, 32}, {0, 8, SIZE - 8}};
    static const uint64_t patterns[][2] = {{0, 8}, {3, 12}, {5, 40}, {16, 64}, {4, 6}, {8, 12}, {2, 1}};
    for (uint32_t how = 0; how < BAD_COUNT; how++)
        for (size_t i = 0; i < sizeof bad_ranges / sizeof *bad_ranges; i++) run_bad_range(how, &bad_ranges[i]);
    for (size_t i = 0; i < sizeof overlaps / sizeof *overlaps; i++)
        run_overlap(overlaps[i][0], overlaps[i][1], overlaps[i][2]);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        run_bad_pattern((uint32_t)patterns[i][0], patterns[i][1]);
}
