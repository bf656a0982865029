/* REQ-MEM-05, 06, 08: what the host sees of the device's memory through mappings, and the device of the host's by import. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases/cases.h"
#include "cases/runtime.h"

static const tenon_memory_hooks *hooks(void) {
    return &cf_under_test.device->hooks->memory;
}

static tenon_device *handle(void) {
    return cf_under_test.device->handle;
}

static bool is_mappable(uint32_t type) {
    if (cf_under_test.device->types[type].flags & TENON_MEMORY_MAPPABLE) return true;
    cf_not_applicable("memory type %u is not mappable", type);
    return false;
}

/* -- Mapping ------------------------------------------------------------------------------------------------------ */

enum { SIZE = 65537 };

static const struct map_range {
    const char *name;
    uint64_t offset, size;
} ranges[] = {
    {"whole", 0, SIZE},   {"first_byte", 0, 1},    {"last_byte", SIZE - 1, 1},  {"odd", 4099, 257},
    {"page", 4096, 4096}, {"second_line", 64, 64}, {"nearly_all", 1, SIZE - 2},
};

/* One range of an allocation whose bytes are known. */
typedef struct map_row {
    cf_held held;
    tenonh_stream *stream;
    tenonh_memory *memory;
    unsigned char *want, *back;
    unsigned char *mapped;
} map_row;

static bool open_map(map_row *r, uint32_t type, const struct map_range *range) {
    *r = (map_row){0};
    r->stream = cf_stream(&r->held);
    r->memory = cf_memory(&r->held, type, SIZE);
    r->want = cf_block(&r->held, SIZE);
    r->back = cf_block(&r->held, SIZE);
    cf_pattern(r->want, SIZE, 1);
    void *pointer = NULL;
    bool open = r->memory && cf_put(r->stream, r->memory, 0, r->want, SIZE) &&
                cf_good(tenonh_memory_map(r->memory, range->offset, range->size, &pointer), "map");
    r->mapped = pointer;
    return open;
}

/* Catches: a mapping of another place, and device writes that a non-coherent mapping does not see after invalidate. */
static void run_device_writes(uint32_t type, const struct map_range *range) {
    map_row r;
    if (!cf_begin("type%u_%s_device_writes", type, range->name)) return;
    if (!is_mappable(type)) return;
    if (open_map(&r, type, range)) {
        for (uint64_t seed = 1; seed <= 3 && !cf_failed(); seed++) {
            cf_pattern(r.want, SIZE, seed);
            if (seed > 1) cf_put(r.stream, r.memory, 0, r.want, SIZE);
            cf_good(tenonh_memory_invalidate(r.memory, range->offset, range->size), "invalidate");
            cf_same(r.mapped, r.want + range->offset, range->size, "the mapping of what the device wrote");
        }
        cf_good(tenonh_memory_unmap(r.memory), "unmap");
    }
    cf_let_go(&r.held);
}

/* The device reads through a copy, so that it is the device that reads. Bytes outside the range stay. */
static void run_host_writes(uint32_t type, const struct map_range *range) {
    map_row r;
    if (!cf_begin("type%u_%s_host_writes", type, range->name)) return;
    if (!is_mappable(type)) return;
    if (open_map(&r, type, range)) {
        tenonh_memory *other = cf_memory(&r.held, 0, SIZE);
        for (uint64_t seed = 2; seed <= 4 && !cf_failed(); seed++) {
            cf_pattern(r.want + range->offset, range->size, seed);
            memcpy(r.mapped, r.want + range->offset, range->size);
            cf_good(tenonh_memory_flush(r.memory, range->offset, range->size), "flush");
            cf_good(tenonh_stream_copy(r.stream, other, 0, r.memory, 0, SIZE), "copy");
            cf_get(r.stream, other, 0, r.back, SIZE);
            cf_same(r.back, r.want, SIZE, "what the device sees of the mapping, and beside it");
        }
        cf_good(tenonh_memory_unmap(r.memory), "unmap");
        cf_get(r.stream, r.memory, 0, r.back, SIZE);
        cf_same(r.back, r.want, SIZE, "the memory, after unmap");
    }
    cf_let_go(&r.held);
}

/* Work of the device reads what the host wrote, and the host what the work gave. */
static void run_launch(uint32_t type) {
    enum { COUNT = 1021 };
    if (!cf_begin("type%u_launch_on_mapped_memory", type)) return;
    if (!is_mappable(type)) return;
    if (!(cf_under_test.device->types[type].flags & TENON_MEMORY_DEVICE)) {
        cf_not_applicable("memory type %u is not for the device's work", type);
        return;
    }
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *memory = cf_memory(&held, type, (uint64_t)2 * COUNT * sizeof(float));
    cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    void *pointer = NULL;
    const uint64_t half = COUNT * sizeof(float);
    if (add && cf_good(tenonh_memory_map(memory, 0, 2 * half, &pointer), "map")) {
        float *x = pointer, *y = x + COUNT;
        for (int i = 0; i < COUNT; i++) x[i] = (float)i;
        cf_good(tenonh_memory_flush(memory, 0, half), "flush");
        cf_good(cf_launch_enqueue(add, stream, (cf_place[]){{memory, 0}, {memory, 0}, {memory, half}}), "launch");
        cf_good(tenonh_stream_synchronize(stream), "synchronise");
        cf_good(tenonh_memory_invalidate(memory, half, half), "invalidate");
        for (int i = 0; i < COUNT && !cf_failed(); i++)
            if (y[i] != (float)(2 * i)) cf_fail("element %d is %g, not %d", i, (double)y[i], 2 * i);
        cf_good(tenonh_memory_unmap(memory), "unmap");
    }
    cf_let_go(&held);
}

/* -- Mappings that are refused ------------------------------------------------------------------------------------ */

static tenon_status map_raw(tenon_memory *memory, uint64_t offset, uint64_t size) {
    void *pointer = NULL;
    return hooks()->map(handle(), memory, offset, size, &pointer);
}

static void run_refusals(uint32_t type) {
    if (!cf_begin("type%u_refusals", type)) return;
    uint32_t flags = cf_under_test.device->types[type].flags;
    const uint64_t unit = cf_under_test.device->types[type].flush_unit, size = 4 * unit;
    tenon_memory *memory = NULL;
    if (!hooks()->map) {
        cf_not_applicable("the plugin has no memory.map");
        return;
    }
    if (!cf_good(hooks()->allocate(handle(), type, size, &memory), "allocate")) return;
    if (!(flags & TENON_MEMORY_MAPPABLE)) {
        cf_answers(map_raw(memory, 0, size), TENON_STATUS_UNSUPPORTED, "map a type that is not mappable");
    } else {
        cf_answers(map_raw(memory, unit, size), TENON_STATUS_INVALID, "map past the end");
        cf_answers(map_raw(memory, size + unit, unit), TENON_STATUS_INVALID, "map behind the end");
        cf_answers(map_raw(memory, (uint64_t)0 - unit, 2 * unit), TENON_STATUS_INVALID, "map a range that wraps");
        cf_answers(hooks()->unmap(handle(), memory), TENON_STATUS_INVALID, "unmap what is not mapped");
        cf_good(map_raw(memory, 0, unit), "map, after refusals");
        cf_answers(map_raw(memory, 2 * unit, unit), TENON_STATUS_INVALID, "map what is mapped");
        cf_good(hooks()->unmap(handle(), memory), "unmap");
        cf_good(map_raw(memory, 2 * unit, unit), "map again");
        cf_good(hooks()->unmap(handle(), memory), "unmap again");
    }
    hooks()->release(handle(), memory);
}

void cf_mapping(void) {
    for (uint32_t type = 0; type < cf_under_test.device->type_count; type++) {
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
            run_device_writes(type, &ranges[i]);
            run_host_writes(type, &ranges[i]);
        }
        run_launch(type);
        run_refusals(type);
    }
}

/* -- Import ------------------------------------------------------------------------------------------------------- */

/* Whole pages of the host, with their bytes. */
static unsigned char *pages(uint64_t size) {
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) abort();
    cf_pattern(bytes, size, 1);
    return bytes;
}

/* Imports into type 0, or says that the device may decline. */
static tenonh_memory *import(void *bytes, uint64_t size, uint32_t flags) {
    tenonh_memory *memory = NULL;
    tenon_status status = tenonh_memory_import(cf_under_test.device, 0, bytes, size, flags, &memory);
    if (status == TENON_STATUS_UNSUPPORTED)
        cf_not_applicable("the device takes no host bytes of this kind: %s", tenonh_error_message());
    else
        cf_good(status, "import");
    return memory;
}

enum { IMPORTED = 1 << 18 };

/* The pages are read-only while they are imported: a write to them is a fault. Read by a copy, a read and a launch. */
static void read_only_bytes(void) {
    if (!cf_begin("read_only_bytes_are_read")) return;
    enum { COUNT = 4099 };
    unsigned char *bytes = pages(IMPORTED);
    float *values = (float *)(void *)bytes;
    for (int i = 0; i < COUNT; i++) values[i] = (float)i;
    (void)mprotect(bytes, IMPORTED, PROT_READ);
    tenonh_memory *memory = import(bytes, IMPORTED, TENON_IMPORT_READ_ONLY);
    if (memory) {
        cf_held held = {0};
        tenonh_stream *stream = cf_stream(&held);
        tenonh_memory *copy = cf_memory(&held, 0, IMPORTED);
        unsigned char *back = cf_block(&held, IMPORTED);
        cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
        cf_good(tenonh_stream_copy(stream, copy, 0, memory, 0, IMPORTED), "copy");
        cf_get(stream, copy, 0, back, IMPORTED);
        cf_same(back, bytes, IMPORTED, "a copy of imported bytes");
        cf_get(stream, memory, 13, back, 4099);
        cf_same(back, bytes + 13, 4099, "imported bytes, read");
        if (add) cf_good(cf_launch_enqueue(add, stream, (cf_place[]){{memory, 0}, {memory, 0}, {copy, 0}}), "launch");
        cf_get(stream, copy, 0, back, COUNT * sizeof(float));
        for (int i = 0; i < COUNT && !cf_failed(); i++)
            if (((float *)(void *)back)[i] != (float)(2 * i)) cf_fail("a launch reads element %d wrongly", i);
        cf_let_go(&held);
        tenonh_memory_release(memory);
    }
    munmap(bytes, IMPORTED);
}

/* What the device writes is in the host's bytes once it is waited for, and stays after the release. */
static void written_bytes(void) {
    if (!cf_begin("written_bytes_are_the_hosts")) return;
    unsigned char *bytes = pages(IMPORTED), *want = malloc(IMPORTED);
    tenonh_memory *memory = import(bytes, IMPORTED, 0);
    if (memory && want) {
        cf_held held = {0};
        tenonh_stream *stream = cf_stream(&held);
        cf_pattern(want, IMPORTED, 1);
        cf_pattern(want + 77, 4099, 2);
        cf_put(stream, memory, 77, want + 77, 4099);
        cf_same(bytes, want, IMPORTED, "the host's bytes, with what lies beside them");
        cf_good(tenonh_stream_fill(stream, memory, 8192, 0x3c, 1, 17), "fill");
        cf_good(tenonh_stream_synchronize(stream), "synchronise");
        memset(want + 8192, 0x3c, 17);
        tenonh_memory_release(memory);
        cf_same(bytes, want, IMPORTED, "the host's bytes, after the release");
        cf_let_go(&held);
    }
    free(want);
    munmap(bytes, IMPORTED);
}

/* A launch writes its result there, seen once its stream is waited for, and nothing beside it. */
static void launched_into(void) {
    enum { COUNT = 1021, BYTES = COUNT * sizeof(float), A = 0, B = 8192, Y = 16384 + 64 };
    static_assert(Y + BYTES < IMPORTED, "the import holds both operands and the result, with room around them");
    if (!cf_begin_for("REQ-MEM-08 REQ-WORK-04", "launches_write_the_hosts_bytes")) return;
    unsigned char *bytes = pages(IMPORTED), *want = malloc(IMPORTED);
    float *a = (float *)(void *)(bytes + A), *b = (float *)(void *)(bytes + B);
    for (int i = 0; i < COUNT; i++) a[i] = (float)i, b[i] = (float)(3 * i + 1);
    if (want) memcpy(want, bytes, IMPORTED);
    for (int i = 0; want && i < COUNT; i++) ((float *)(void *)(want + Y))[i] = (float)(4 * i + 1);
    tenonh_memory *memory = import(bytes, IMPORTED, 0);
    if (memory && want) {
        cf_held held = {0};
        tenonh_stream *stream = cf_stream(&held);
        cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
        const cf_place places[] = {{memory, A}, {memory, B}, {memory, Y}};
        for (int round = 0; round < 2 && add && !cf_failed(); round++) {
            cf_good(tenonh_stream_fill(stream, memory, Y, 0, 4, BYTES), "fill");
            cf_good(cf_launch_enqueue(add, stream, places), "launch");
            cf_good(tenonh_stream_synchronize(stream), "synchronise");
            cf_same(bytes, want, IMPORTED, "the host's bytes, after a launch into them");
        }
        cf_let_go(&held);
        tenonh_memory_release(memory);
        cf_same(bytes, want, IMPORTED, "the host's bytes, after the release");
    }
    free(want);
    munmap(bytes, IMPORTED);
}

/* Ranges of several imports may overlap, and go one by one. */
static void overlapping_imports(void) {
    if (!cf_begin("imports_overlap_and_go")) return;
    unsigned char *bytes = pages(IMPORTED), *back = malloc(IMPORTED);
    tenonh_memory *first = import(bytes, IMPORTED, TENON_IMPORT_READ_ONLY), *second = NULL;
    if (first && back) second = import(bytes, IMPORTED / 2, TENON_IMPORT_READ_ONLY);
    if (second) {
        cf_held held = {0};
        tenonh_stream *stream = cf_stream(&held);
        tenonh_memory_release(first);
        first = NULL;
        cf_get(stream, second, 0, back, IMPORTED / 2);
        cf_same(back, bytes, IMPORTED / 2, "the import that stays");
        cf_let_go(&held);
    }
    tenonh_memory_release(second);
    tenonh_memory_release(first);
    cf_pattern(back, IMPORTED, 1);
    cf_same(bytes, back, IMPORTED, "the host's bytes, after all were released");
    free(back);
    munmap(bytes, IMPORTED);
}

/* Flags from the future are no reason to write what must not be written. */
static void unknown_flags(void) {
    if (!cf_begin("unknown_flags_are_unsupported")) return;
    if (!hooks()->import) {
        cf_not_applicable("the plugin has no memory.import");
        return;
    }
    unsigned char *bytes = pages(IMPORTED);
    tenon_memory *none = NULL;
    cf_answers(hooks()->import(handle(), 0, bytes, IMPORTED, 0x80000000u, &none), TENON_STATUS_UNSUPPORTED, "import");
    if (none) cf_fail("import wrote its result although it failed");
    munmap(bytes, IMPORTED);
}

void cf_imports(void) {
    read_only_bytes();
    written_bytes();
    launched_into();
    overlapping_imports();
    unknown_flags();
}
