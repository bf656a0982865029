/* What hooks answer: no more than the asker's struct holds, and to each class of bad arguments its own status, in words,
 * with nothing written. Only what the plugin has to check: the host keeps REQ-HOST. */
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "cases/abi_work.h"
#include "cases/cases.h"

/* -- Answers into structs of other sizes ------------------------------------------------------------------------------ */

enum { GROWN = 64, CANARY = 0xa5 };

/* X(name, hook's answer, struct, its first version's size) */
#define ANSWERS(X)                                                                                                     \
    X("device_info", ask_device, tenon_device_info, TENON_DEVICE_INFO_SIZE_V1)                                         \
    X("memory_type", ask_memory, tenon_memory_type, TENON_MEMORY_TYPE_SIZE_V1)

static tenon_status ask_device(cf_raw *raw, void *out) {
    return raw->hooks.device.info(raw->device, out);
}

static tenon_status ask_memory(cf_raw *raw, void *out) {
    return raw->hooks.memory.type_info(raw->device, 0, out);
}

typedef tenon_status (*ask_function)(cf_raw *raw, void *out);

/* Asks with a struct of `size` bytes that ends at a page that nobody may touch; `known` bytes of it are this header's. */
static void ask_sized(ask_function ask, uint32_t size, uint32_t known, uint32_t volatile_from, uint32_t volatile_to) {
    cf_raw raw;
    tenon__guard guard;
    tenon__guarded *used = NULL;
    unsigned char whole[512] = {0};
    if (!cf_raw_open(&raw, NULL)) return;
    tenon__guard_init(&guard);
    unsigned char *answer = tenon__guard_take(&guard, size, &used);
    memcpy(answer, &size, sizeof size);
    memcpy(whole, &known, sizeof known);
    const char *hook = ask == ask_device ? "device.info" : "memory.type_info";
    cf_raw_doing(&raw, "into a struct of %u bytes", size);
    (void)CF_VIA(&raw, CF_STATUS(OK), hook, ask(&raw, answer));
    cf_raw_doing(&raw, "into a struct of %u bytes", known);
    (void)CF_VIA(&raw, CF_STATUS(OK), hook, ask(&raw, whole));
    if (memcmp(answer, &size, sizeof size) != 0) cf_fail("%s changes struct_size of what it answers into", hook);
    for (uint32_t i = sizeof size; i < size && !cf_failed(); i++) {
        bool is_volatile = i >= volatile_from && i < volatile_to;
        if (i < known && !is_volatile && answer[i] != whole[i])
            cf_fail("%s answers byte %u differently into a struct of %u bytes and one of %u", hook, i, size, known);
        if (i >= known && answer[i] && raw.table->abi_version <= TENON_ABI_VERSION)
            cf_fail("%s writes byte %u of its answer, which no member of its version is at", hook, i);
    }
    tenon__guard_give(&guard, used);
    tenon__guard_free(&guard);
    cf_raw_close(&raw);
}

/* prepare's answer in its first version, and in one with more members than anybody knows. */
static void answer_exec(uint32_t kind, uint32_t size) {
    cf_raw raw;
    cf_sample sample;
    tenon__guard guard;
    tenon__guarded *used = NULL;
    if (!cf_raw_open(&raw, NULL)) return;
    tenon__guard_init(&guard);
    if (cf_sample_make(kind, &sample)) {
        tenon_exec *exec = NULL;
        cf_answer answer = cf_sample_answer(&sample);
        unsigned char *sized = tenon__guard_take(&guard, size, &used);
        memcpy(sized, &answer.info, size < sizeof answer.info ? size : sizeof answer.info);
        memcpy(sized, &size, sizeof size);
        tenon_exec_info *info = (tenon_exec_info *)(void *)sized;
        if (CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.work.prepare(raw.device, &sample.work, info, &exec)) && exec)
            raw.hooks.work.release(raw.device, exec);
        if (info->reserved) cf_fail("work.prepare answers %u in reserved of its info, not 0", info->reserved);
        for (uint32_t i = sizeof answer.info; i < size && raw.table->abi_version <= TENON_ABI_VERSION; i++)
            if (sized[i]) cf_fail("work.prepare writes byte %u of its info, which no member of its version is at", i);
        cf_sample_free(&sample);
    }
    tenon__guard_give(&guard, used);
    tenon__guard_free(&guard);
    cf_raw_close(&raw);
}

/* Every answer of an open device is the same each time, but for a budget. */
static void ask_again(void) {
    cf_raw raw;
    uint32_t types = 0, again = 0;
    if (!cf_raw_open(&raw, NULL)) return;
    tenon_device_info info = {.struct_size = sizeof info};
    (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.device.info(raw.device, &info));
    if (memcmp(&info, &raw.info, sizeof info) != 0) cf_fail("device.info answers something else the second time");
    if (info.reserved) cf_fail("device.info answers %u in reserved, not 0", info.reserved);
    if (raw.hooks.device.health) (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.device.health(raw.device));
    (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.memory.type_count(raw.device, &types));
    (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.memory.type_count(raw.device, &again));
    if (types != again || types == 0)
        cf_fail("memory.type_count answers %u, then %u; due is one number above 0", types, again);
    for (uint32_t i = 0; i < types && !cf_failed(); i++) {
        tenon_memory_type one = {.struct_size = sizeof one}, two = one;
        (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.memory.type_info(raw.device, i, &one));
        (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.memory.type_info(raw.device, i, &two));
        two.budget = one.budget;
        if (memcmp(&one, &two, sizeof one) != 0)
            cf_fail("memory.type_info of type %u answers something else the second time", i);
    }
    cf_raw_close(&raw);
}

static void ask_dialect_again(void) {
    cf_raw raw;
    const tenon_dialect *one = NULL, *two = NULL;
    if (!cf_sample_takes(TENON_WORK_KERNEL, "kernel") || !cf_raw_open(&raw, NULL)) return;
    (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.work.dialect(raw.device, &one));
    (void)CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.work.dialect(raw.device, &two));
    if (!one || one != two)
        cf_fail("work.dialect answers %p, then %p; due is one table", (const void *)one, (const void *)two);
    else if (one->struct_size < TENON_DIALECT_SIZE_V1)
        cf_fail("struct_size of work.dialect's table is %u, below that of its first version, %u", one->struct_size,
                (unsigned)TENON_DIALECT_SIZE_V1);
    cf_raw_close(&raw);
}

void cf_abi_answers(void) {
    enum { BUDGET = offsetof(tenon_memory_type, budget) }; /* may change between two calls */
#define ROW(name, ask, type, oldest)                                                                                   \
    if (cf_begin(name ".v1")) ask_sized(ask, oldest, oldest, BUDGET, ask == ask_memory ? BUDGET + 8 : 0);              \
    if (cf_begin(name ".known"))                                                                                       \
        ask_sized(ask, sizeof(type), sizeof(type), BUDGET, ask == ask_memory ? BUDGET + 8 : 0);                        \
    if (cf_begin(name ".grown"))                                                                                       \
        ask_sized(ask, sizeof(type) + GROWN, sizeof(type), BUDGET, ask == ask_memory ? BUDGET + 8 : 0);
    ANSWERS(ROW)
#undef ROW
#define ROW(KIND, name)                                                                                                \
    if (cf_begin("exec_info.v1." name) && cf_sample_takes(TENON_WORK_##KIND, name))                                    \
        answer_exec(TENON_WORK_##KIND, TENON_EXEC_INFO_SIZE_V1);                                                       \
    if (cf_begin("exec_info.grown." name) && cf_sample_takes(TENON_WORK_##KIND, name))                                 \
        answer_exec(TENON_WORK_##KIND, sizeof(tenon_exec_info) + GROWN);
    CF_SAMPLE_KINDS(ROW)
#undef ROW
    if (cf_begin_for("REQ-DEV-03 REQ-MEM-01", "same_again")) ask_again();
    if (cf_begin_for("REQ-KERNEL-01", "dialect_same_again")) ask_dialect_again();
}

/* -- Indices and sizes ------------------------------------------------------------------------------------------------- */

static void open_past_end(cf_raw *raw) {
    uint32_t count = 0;
    (void)CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.device.count(raw->instance, &count));
    const uint32_t indices[] = {count, count + 1, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        tenon_device *device = CF_UNTOUCHED;
        cf_raw_doing(raw, "of device %u, of %u", indices[i], count);
        (void)CF_ANSWERS(raw, TENON_STATUS_NOT_FOUND, raw->hooks.device.open(raw->instance, indices[i], &device));
        if (device != CF_UNTOUCHED) cf_fail("device.open of device %u writes out_device although it fails", indices[i]);
    }
}

static void type_past_end(cf_raw *raw) {
    uint32_t count = 0;
    (void)CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.type_count(raw->device, &count));
    const uint32_t indices[] = {count, count + 1, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        tenon_memory_type type = {.struct_size = sizeof type};
        const tenon_memory_type before = type;
        cf_raw_doing(raw, "of type %u, of %u", indices[i], count);
        (void)CF_ANSWERS(raw, TENON_STATUS_NOT_FOUND, raw->hooks.memory.type_info(raw->device, indices[i], &type));
        if (memcmp(&type, &before, sizeof type) != 0) cf_fail("memory.type_info writes its answer although it fails");
    }
}

static void allocate_of_no_type(cf_raw *raw) {
    uint32_t count = 0;
    (void)CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.type_count(raw->device, &count));
    const uint32_t indices[] = {count, UINT32_MAX};
    for (int i = 0; i < 2; i++) {
        tenon_memory *memory = CF_UNTOUCHED;
        cf_raw_doing(raw, "of type %u, of %u", indices[i], count);
        (void)CF_ANSWERS(raw, TENON_STATUS_NOT_FOUND,
                         raw->hooks.memory.allocate(raw->device, indices[i], 256, &memory));
        if (memory != CF_UNTOUCHED) cf_fail("memory.allocate writes out_memory although it fails");
    }
}

static void allocate_too_much(cf_raw *raw) {
    const uint64_t unit = raw->type.flush_unit ? raw->type.flush_unit : 1;
    const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 63,   (uint64_t)INT64_MAX + 1,
                              INT64_MAX,  (uint64_t)1 << 62, (uint64_t)1 << 56};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tenon_memory *memory = CF_UNTOUCHED;
        uint64_t size = sizes[i] / unit * unit;
        cf_raw_doing(raw, "of %#llx bytes", (unsigned long long)size);
        (void)CF_ANSWERS(raw, TENON_STATUS_OUT_OF_MEMORY, raw->hooks.memory.allocate(raw->device, 0, size, &memory));
        if (memory != CF_UNTOUCHED)
            cf_fail("memory.allocate of %#llx bytes writes out_memory although it fails", (unsigned long long)size);
    }
    tenon_memory *small = cf_raw_memory(raw, 256);
    if (small) raw->hooks.memory.release(raw->device, small);
}

static void import_with_unknown_flags(cf_raw *raw) {
    enum { SIZE = 1 << 16 };
    tenon_memory *memory = CF_UNTOUCHED;
    if (!raw->hooks.memory.import) {
        cf_not_applicable("memory.import is not there");
        return;
    }
    void *bytes = aligned_alloc(SIZE, SIZE);
    cf_raw_doing(raw, "with the flag 0x80000000, which nobody knows,");
    (void)CF_ANSWERS(raw, TENON_STATUS_UNSUPPORTED,
                     raw->hooks.memory.import(raw->device, 0, bytes, SIZE, 0x80000000u, &memory));
    if (memory != CF_UNTOUCHED) cf_fail("memory.import writes out_memory although it fails");
    free(bytes);
}

/* -- Copies ------------------------------------------------------------------------------------------------------------ */

enum { ROOM = 4096 };

/* Two allocations with known bytes, and their true end. */
typedef struct pair {
    tenon_memory *memories[2];
    uint64_t size; /* of the allocations */
    unsigned char bytes[2][ROOM];
} pair;

static bool make_pair(cf_raw *raw, pair *out) {
    memset(out, 0, sizeof *out);
    uint64_t unit = raw->type.flush_unit ? raw->type.flush_unit : 1;
    out->size = (ROOM + unit - 1) / unit * unit;
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < ROOM; k++) out->bytes[i][k] = (unsigned char)(k * 7 + i * 101 + 1);
        if (!CF_ANSWERS(raw, TENON_STATUS_OK,
                        raw->hooks.memory.allocate(raw->device, 0, out->size, &out->memories[i])) ||
            !cf_raw_write(raw, out->memories[i], 0, out->bytes[i], ROOM))
            return false;
    }
    return true;
}

static void expect_unchanged(cf_raw *raw, const pair *p) {
    static unsigned char now[ROOM];
    for (int i = 0; i < 2 && !cf_failed(); i++)
        if (cf_raw_read(raw, p->memories[i], 0, now, ROOM) && memcmp(now, p->bytes[i], ROOM) != 0)
            cf_fail("a call that was refused changed bytes of allocation %d", i);
}

static void free_pair(cf_raw *raw, const pair *p) {
    (void)raw->hooks.stream.synchronize(raw->stream);
    for (int i = 0; i < 2; i++)
        if (p->memories[i]) raw->hooks.memory.release(raw->device, p->memories[i]);
}

/* Ranges that leave an allocation of `size` bytes. */
typedef struct range {
    uint64_t offset, size;
} range;

enum { BAD_RANGES = 7 };
static void list_bad_ranges(uint64_t size, range *out) {
    const range ranges[BAD_RANGES] = {{0, size + 1},   {1, size},       {size, 1},          {size + 1, 0},
                                      {size + 64, 16}, {UINT64_MAX, 2}, {UINT64_MAX - 7, 8}};
    memcpy(out, ranges, sizeof ranges);
}

enum { WRITES, READS, COPIES_TO, COPIES_FROM, FILLS };
static const char *const way_hooks[] = {"stream.write", "stream.read", "stream.copy", "stream.copy", "stream.fill"};

static tenon_status transfer(cf_raw *raw, const pair *p, int way, range at) {
    static unsigned char host[ROOM * 32];
    const tenon_stream_hooks *hooks = &raw->hooks.stream;
    tenon_buffer bad = {p->memories[0], at.offset}, good = {p->memories[1], 0};
    switch (way) {
    case WRITES: return hooks->write(raw->stream, bad, host, at.size);
    case READS: return hooks->read(raw->stream, host, bad, at.size);
    case COPIES_TO: return hooks->copy(raw->stream, bad, good, at.size);
    case COPIES_FROM: return hooks->copy(raw->stream, good, bad, at.size);
    default: return hooks->fill(raw->stream, bad, 0, 1, at.size);
    }
}

static void refuse_ranges(cf_raw *raw, int way) {
    pair p;
    range ranges[BAD_RANGES];
    if (way == FILLS && !raw->hooks.stream.fill) {
        cf_not_applicable("stream.fill is not there");
        return;
    }
    if (make_pair(raw, &p)) {
        list_bad_ranges(p.size, ranges);
        for (int i = 0; i < BAD_RANGES && !cf_failed(); i++) {
            cf_raw_doing(raw, "of %llu bytes from offset %llu of an allocation of %llu",
                         (unsigned long long)ranges[i].size, (unsigned long long)ranges[i].offset,
                         (unsigned long long)p.size);
            (void)CF_VIA(raw, CF_STATUS(INVALID), way_hooks[way], transfer(raw, &p, way, ranges[i]));
        }
        cf_raw_doing(raw, "of 0 bytes at the end of an allocation");
        if (way != FILLS || !cf_failed())
            (void)CF_VIA(raw, CF_STATUS(OK), way_hooks[way], transfer(raw, &p, way, (range){p.size, 0}));
        expect_unchanged(raw, &p);
    }
    free_pair(raw, &p);
}

static void refuse_overlap(cf_raw *raw) {
    static const struct {
        uint64_t to, from, size;
    } rows[] = {{0, 0, 16}, {8, 0, 16}, {0, 8, 16}, {15, 0, 16}, {0, 1, 2048}};
    pair p;
    if (make_pair(raw, &p)) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows && !cf_failed(); i++) {
            tenon_buffer to = {p.memories[0], rows[i].to}, from = {p.memories[0], rows[i].from};
            cf_raw_doing(raw, "of %llu bytes from offset %llu to %llu of one allocation",
                         (unsigned long long)rows[i].size, (unsigned long long)rows[i].from,
                         (unsigned long long)rows[i].to);
            (void)CF_ANSWERS(raw, TENON_STATUS_INVALID, raw->hooks.stream.copy(raw->stream, to, from, rows[i].size));
        }
        expect_unchanged(raw, &p);
    }
    free_pair(raw, &p);
}

static void refuse_patterns(cf_raw *raw) {
    static const struct {
        uint32_t pattern;
        uint64_t size;
    } rows[] = {{0, 16}, {3, 12}, {5, 20}, {16, 16}, {2, 15}, {4, 18}, {8, 12}, {UINT32_MAX, 0}};
    pair p;
    if (!raw->hooks.stream.fill) {
        cf_not_applicable("stream.fill is not there");
        return;
    }
    if (make_pair(raw, &p)) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows && !cf_failed(); i++) {
            tenon_buffer to = {p.memories[0], 0};
            cf_raw_doing(raw, "of %llu bytes with a pattern of %u", (unsigned long long)rows[i].size, rows[i].pattern);
            (void)CF_ANSWERS(raw, TENON_STATUS_INVALID,
                             raw->hooks.stream.fill(raw->stream, to, 0, rows[i].pattern, rows[i].size));
        }
        expect_unchanged(raw, &p);
    }
    free_pair(raw, &p);
}

/* -- Mappings ---------------------------------------------------------------------------------------------------------- */

static void refuse_mappings(cf_raw *raw) {
    pair p;
    range ranges[BAD_RANGES];
    uint64_t unit = raw->type.flush_unit ? raw->type.flush_unit : 1;
    if (!raw->hooks.memory.map) {
        cf_not_applicable("memory.map is not there");
        return;
    }
    if (!make_pair(raw, &p)) return;
    if (!(raw->type.flags & TENON_MEMORY_MAPPABLE)) {
        void *pointer = CF_UNTOUCHED;
        cf_raw_doing(raw, "of memory whose type is not mappable");
        (void)CF_ANSWERS(raw, TENON_STATUS_UNSUPPORTED,
                         raw->hooks.memory.map(raw->device, p.memories[0], 0, p.size, &pointer));
        if (pointer != CF_UNTOUCHED) cf_fail("memory.map writes out_pointer although it fails");
        free_pair(raw, &p);
        return;
    }
    list_bad_ranges(p.size, ranges);
    for (int i = 0; i < BAD_RANGES && !cf_failed(); i++) {
        void *pointer = CF_UNTOUCHED;
        range at = {ranges[i].offset / unit * unit, ranges[i].size / unit * unit};
        if (at.offset <= p.size && at.size <= p.size - at.offset) at.size = p.size + unit;
        cf_raw_doing(raw, "of %llu bytes from offset %llu of an allocation of %llu", (unsigned long long)at.size,
                     (unsigned long long)at.offset, (unsigned long long)p.size);
        (void)CF_ANSWERS(raw, TENON_STATUS_INVALID,
                         raw->hooks.memory.map(raw->device, p.memories[0], at.offset, at.size, &pointer));
        if (pointer != CF_UNTOUCHED) cf_fail("memory.map writes out_pointer although it fails");
    }
    free_pair(raw, &p);
}

static void refuse_second_mapping(cf_raw *raw) {
    pair p;
    void *first = NULL, *second = CF_UNTOUCHED;
    if (!raw->hooks.memory.map || !(raw->type.flags & TENON_MEMORY_MAPPABLE)) {
        cf_not_applicable("memory type 0 is not mappable");
        return;
    }
    if (!make_pair(raw, &p)) return;
    if (CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.map(raw->device, p.memories[0], 0, p.size, &first))) {
        cf_raw_doing(raw, "of memory that is mapped already");
        (void)CF_ANSWERS(raw, TENON_STATUS_INVALID,
                         raw->hooks.memory.map(raw->device, p.memories[0], 0, p.size, &second));
        if (second != CF_UNTOUCHED) cf_fail("a second memory.map writes out_pointer although it fails");
        (void)CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.unmap(raw->device, p.memories[0]));
        if (CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.map(raw->device, p.memories[0], 0, p.size, &second)))
            (void)CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.unmap(raw->device, p.memories[0]));
    }
    free_pair(raw, &p);
}

/* -- Events ------------------------------------------------------------------------------------------------------------ */

static void elapsed_of_unrecorded(cf_raw *raw) {
    const tenon_event_hooks *hooks = &raw->hooks.event;
    tenon_event *one = NULL, *two = NULL;
    uint64_t time = 4711;
    if (!hooks->create) {
        cf_not_applicable("there is no group event");
        return;
    }
    if (CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.event.create(raw->device, &one)) &&
        CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.event.create(raw->device, &two))) {
        cf_raw_doing(raw, "between events that were never recorded");
        (void)CF_ONE_OF(raw, CF_STATUS(INVALID) | CF_STATUS(UNSUPPORTED), raw->hooks.event.elapsed(one, two, &time));
        if (time != 4711) cf_fail("event.elapsed writes its answer although it fails");
    }
    if (one) hooks->destroy(one);
    if (two) hooks->destroy(two);
}

static void run_row(void (*row)(cf_raw *)) {
    cf_raw raw;
    if (!cf_raw_open(&raw, NULL)) return;
    row(&raw);
    cf_raw_close(&raw);
}

static void run_ranges(int way) {
    cf_raw raw;
    if (!cf_raw_open(&raw, NULL)) return;
    refuse_ranges(&raw, way);
    cf_raw_close(&raw);
}

void cf_abi_arguments(void) {
    static const struct {
        const char *name, *requirements;
        void (*run)(cf_raw *);
    } rows[] = {
        {"device_past_end", "REQ-DEV-02 REQ-ERR-02 REQ-ERR-03", open_past_end},
        {"memory_type_past_end", "REQ-MEM-01 REQ-ERR-02 REQ-ERR-03", type_past_end},
        {"allocate_of_no_type", "REQ-ERR-02 REQ-ERR-03", allocate_of_no_type},
        {"allocate_too_much", "REQ-MEM-03 REQ-ERR-02 REQ-ERR-03", allocate_too_much},
        {"import_unknown_flags", "REQ-MEM-08 REQ-ERR-02 REQ-ERR-03", import_with_unknown_flags},
        {"copy_overlap", "REQ-STREAM-06 REQ-ERR-02", refuse_overlap},
        {"fill_pattern", "REQ-STREAM-07 REQ-ERR-02", refuse_patterns},
        {"map_range", "REQ-MEM-05 REQ-ERR-02 REQ-ERR-03", refuse_mappings},
        {"map_twice", "REQ-MEM-05 REQ-ERR-02 REQ-ERR-03", refuse_second_mapping},
        {"elapsed_unrecorded", "REQ-EVENT-05 REQ-ERR-02 REQ-ERR-03", elapsed_of_unrecorded},
    };
    static const char *const ways[] = {
        [WRITES] = "write", [READS] = "read", [COPIES_TO] = "copy_to", [COPIES_FROM] = "copy_from", [FILLS] = "fill"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (cf_begin_for(rows[i].requirements, "%s", rows[i].name)) run_row(rows[i].run);
    for (int way = WRITES; way <= FILLS; way++)
        if (cf_begin_for("REQ-STREAM-05 REQ-ERR-02", "range.%s", ways[way])) run_ranges(way);
}
