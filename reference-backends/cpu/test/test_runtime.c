/* Device, memory, streams and events of the cpu backend, through the plugin's table alone. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static fixture f;

static void setup(void) {
    fixture_open(&f);
    (void)fixture_report();
}

static void teardown(void) {
    fixture_close(&f);
    ck_assert_int_eq(fixture_allocations(), 0);
}

START_TEST(table_is_constant) {
    ck_assert_str_eq(plugin->id, "cpu");
    ck_assert(plugin->extension == NULL);
    ck_assert_uint_eq(plugin->magic, TENON_PLUGIN_MAGIC);
}
END_TEST

START_TEST(device_describes_itself) {
    tenon_device_info info = {.struct_size = sizeof info}, again = {.struct_size = sizeof again};
    tenon_device *second, *none;
    uint32_t count;
    OK(plugin->device->count(f.instance, &count));
    ck_assert_uint_eq(count, 1);
    OK(plugin->device->open(f.instance, 0, &second));
    OK(plugin->device->info(f.device, &info));
    OK(plugin->device->info(second, &again));
    ck_assert_mem_eq(info.uuid, again.uuid, 16);
    ck_assert_uint_eq(info.kind, TENON_DEVICE_CPU);
    ck_assert_uint_ge(info.compute_units, 1);
    ck_assert_uint_ne(info.work_kinds & TENON_WORK_OP, 0);
    ck_assert(info.name[0] != '\0' && info.architecture[0] != '\0');
    OK(plugin->device->health(second));
    plugin->device->close(second);
    REFUSES(TENON_STATUS_NOT_FOUND, plugin->device->open(f.instance, 1, &none));
}
END_TEST

START_TEST(two_instances_and_reopening) {
    for (int round = 0; round < 3; round++) {
        fixture other;
        fixture_open(&other);
        tenon_memory *memory = fixture_memory(&other, 1 << 20);
        OK(plugin->stream->fill(other.stream, (tenon_buffer){memory, 0}, 7, 1, 1 << 20));
        OK(plugin->stream->synchronize(other.stream));
        ck_assert_int_eq(fixture_address(&other, memory)[(1 << 20) - 1], 7);
        plugin->memory->release(other.device, memory);
        fixture_close(&other);
    }
}
END_TEST

START_TEST(memory_type_is_bounded) {
    tenon_memory_type type = {.struct_size = sizeof type};
    tenon_memory *memory;
    OK(plugin->memory->type_info(f.device, 0, &type));
    ck_assert_uint_eq(type.flags, TENON_MEMORY_DEVICE | TENON_MEMORY_MAPPABLE | TENON_MEMORY_COHERENT);
    ck_assert_uint_gt(type.size, 0);
    ck_assert_uint_le(type.budget, type.size);
    const uint64_t absurd[] = {type.size + 1, UINT64_MAX, UINT64_MAX - 63, INT64_MAX, (uint64_t)1 << 62};
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++)
        REFUSES(TENON_STATUS_OUT_OF_MEMORY, plugin->memory->allocate(f.device, 0, absurd[i], &memory));
    REFUSES(TENON_STATUS_NOT_FOUND, plugin->memory->allocate(f.device, 1, 64, &memory));
    REFUSES(TENON_STATUS_NOT_FOUND, plugin->memory->type_info(f.device, 1, &type));
}
END_TEST

START_TEST(memory_maps) {
    tenon_memory *memory = fixture_memory(&f, 100), *empty = fixture_memory(&f, 0);
    void *pointer, *second;
    ck_assert_uint_eq((uintptr_t)fixture_address(&f, memory) % 64, 0);
    OK(plugin->memory->map(f.device, memory, 10, 90, &pointer));
    ck_assert_ptr_eq(pointer, fixture_address(&f, memory) + 10);
    REFUSES(TENON_STATUS_INVALID, plugin->memory->map(f.device, memory, 0, 1, &second));
    OK(plugin->memory->flush(f.device, memory, 10, 90));
    OK(plugin->memory->invalidate(f.device, memory, 10, 90));
    OK(plugin->memory->unmap(f.device, memory));
    REFUSES(TENON_STATUS_INVALID, plugin->memory->unmap(f.device, memory));
    REFUSES(TENON_STATUS_INVALID, plugin->memory->map(f.device, memory, 11, 90, &pointer));
    REFUSES(TENON_STATUS_INVALID, plugin->memory->map(f.device, memory, UINT64_MAX, 2, &pointer));
    OK(plugin->memory->map(f.device, empty, 0, 0, &pointer));
    OK(plugin->memory->unmap(f.device, empty));
    plugin->memory->release(f.device, memory);
    plugin->memory->release(f.device, empty);
}
END_TEST

/* Sizes around the limits between the ways to copy: in the call, by one thread, by several. */
START_TEST(copies_move_every_byte) {
    static const size_t sizes[] = {0, 1, 63, 4096, 32768, 32769, 300001, 9000001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        char *from = malloc(size + 1), *to = malloc(size + 1);
        for (size_t j = 0; j < size; j++) from[j] = (char)(j * 2654435761u >> 7);
        memset(to, 0, size + 1);
        tenon_memory *a = fixture_memory(&f, size + 3), *b = fixture_memory(&f, size + 5);
        OK(plugin->stream->write(f.stream, (tenon_buffer){a, 3}, from, size));
        OK(plugin->stream->copy(f.stream, (tenon_buffer){b, 1}, (tenon_buffer){a, 3}, size));
        OK(plugin->stream->read(f.stream, to, (tenon_buffer){b, 1}, size));
        OK(plugin->stream->synchronize(f.stream));
        OK(plugin->stream->query(f.stream));
        ck_assert(memcmp(from, to, size) == 0);
        plugin->memory->release(f.device, a);
        plugin->memory->release(f.device, b);
        free(from);
        free(to);
    }
}
END_TEST

START_TEST(fills_repeat_their_pattern) {
    static const uint32_t widths[] = {1, 2, 4, 8};
    enum { SIZE = 1 << 20 };
    const uint64_t pattern = UINT64_C(0x8877665544332211);
    tenon_memory *memory = fixture_memory(&f, SIZE + 8);
    for (int i = 0; i < 4; i++) {
        uint32_t width = widths[i];
        char *at = fixture_address(&f, memory);
        OK(plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, 0, 1, SIZE + 8));
        OK(plugin->stream->fill(f.stream, (tenon_buffer){memory, 3}, pattern, width, 5 * width));
        OK(plugin->stream->synchronize(f.stream));
        ck_assert_int_eq(at[2], 0);
        for (uint32_t j = 0; j < 5 * width; j++) ck_assert_int_eq((uint8_t)at[3 + j], 0x11 * (1 + j % width));
        ck_assert_int_eq(at[3 + 5 * width], 0);
        OK(plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, pattern, width, SIZE));
        OK(plugin->stream->synchronize(f.stream));
        for (uint32_t j = 0; j < SIZE; j += 4093) ck_assert_int_eq((uint8_t)at[j], 0x11 * (1 + j % width));
    }
    REFUSES(TENON_STATUS_INVALID, plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, 0, 3, 3));
    REFUSES(TENON_STATUS_INVALID, plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, 0, 4, 6));
    plugin->memory->release(f.device, memory);
}
END_TEST

START_TEST(ranges_are_checked) {
    char bytes[64];
    tenon_memory *memory = fixture_memory(&f, 64);
    const tenon_buffer bad[] = {{memory, 1}, {memory, 65}, {memory, UINT64_MAX}, {NULL, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSES(TENON_STATUS_INVALID, plugin->stream->write(f.stream, bad[i], bytes, 64));
        REFUSES(TENON_STATUS_INVALID, plugin->stream->read(f.stream, bytes, bad[i], 64));
        REFUSES(TENON_STATUS_INVALID, plugin->stream->copy(f.stream, bad[i], (tenon_buffer){memory, 0}, 64));
        REFUSES(TENON_STATUS_INVALID, plugin->stream->fill(f.stream, bad[i], 0, 1, 64));
    }
    REFUSES(TENON_STATUS_INVALID,
            plugin->stream->copy(f.stream, (tenon_buffer){memory, 0}, (tenon_buffer){memory, 31}, 32));
    OK(plugin->stream->copy(f.stream, (tenon_buffer){memory, 0}, (tenon_buffer){memory, 32}, 32));
    REFUSES(TENON_STATUS_INVALID, plugin->stream->write(f.stream, (tenon_buffer){memory, 0}, NULL, 1));
    OK(plugin->stream->synchronize(f.stream)); /* nothing of this sticks */
    plugin->memory->release(f.device, memory);
}
END_TEST

/* A queue longer than the ring: the caller is held up, nothing is lost, the order stays. */
START_TEST(long_queues_keep_their_order) {
    enum { COUNT = 20000, SIZE = 40000 };
    tenon_memory *memory = fixture_memory(&f, SIZE);
    int32_t last = -1;
    OK(plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, 0, 1, SIZE));
    for (int32_t i = 0; i < COUNT; i++) {
        OK(plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, (uint64_t)i, 4, i % 100 == 0 ? SIZE : 4));
        if (i % 1000 == 0) OK(plugin->stream->copy(f.stream, (tenon_buffer){memory, 8}, (tenon_buffer){memory, 0}, 4));
    }
    OK(plugin->stream->read(f.stream, &last, (tenon_buffer){memory, 0}, sizeof last));
    OK(plugin->stream->synchronize(f.stream));
    ck_assert_int_eq(last, COUNT - 1);
    plugin->memory->release(f.device, memory);
}
END_TEST

START_TEST(unrecorded_events_hold_nobody) {
    tenon_event *event, *other;
    uint64_t nanoseconds;
    OK(plugin->event->create(f.device, &event));
    OK(plugin->event->create(f.device, &other));
    OK(plugin->event->wait(f.stream, event));
    OK(plugin->event->query(event));
    OK(plugin->event->synchronize(event));
    OK(plugin->event->record(other, f.stream));
    OK(plugin->event->synchronize(other));
    REFUSES(TENON_STATUS_INVALID, plugin->event->elapsed(event, other, &nanoseconds));
    OK(plugin->event->elapsed(other, other, &nanoseconds));
    ck_assert_uint_eq(nanoseconds, 0);
    plugin->event->destroy(event);
    plugin->event->destroy(other);
}
END_TEST

/* a -> b -> a -> b ... over big copies: each must see what the one before it wrote. */
START_TEST(events_order_streams) {
    enum { SIZE = 200000, ROUNDS = 200 };
    tenon_stream *streams[2] = {f.stream, NULL};
    tenon_memory *memory[2] = {fixture_memory(&f, SIZE), fixture_memory(&f, SIZE)};
    tenon_event *event;
    char *result = malloc(SIZE);
    OK(plugin->stream->create(f.device, &streams[1]));
    OK(plugin->event->create(f.device, &event));
    OK(plugin->stream->fill(streams[0], (tenon_buffer){memory[0], 0}, 0x5a, 1, SIZE));
    OK(plugin->event->record(event, streams[0]));
    for (int i = 0; i < ROUNDS; i++) {
        tenon_stream *next = streams[(i + 1) % 2];
        OK(plugin->event->wait(next, event));
        OK(plugin->stream->copy(next, (tenon_buffer){memory[(i + 1) % 2], 0}, (tenon_buffer){memory[i % 2], 0}, SIZE));
        OK(plugin->stream->fill(next, (tenon_buffer){memory[i % 2], 0}, 0, 1, SIZE));
        OK(plugin->event->record(event, next)); /* moves: the wait before it keeps the older point */
    }
    OK(plugin->event->synchronize(event));
    OK(plugin->event->query(event));
    plugin->event->destroy(event);
    OK(plugin->stream->read(streams[0], result, (tenon_buffer){memory[0], 0}, SIZE));
    OK(plugin->stream->synchronize(streams[0]));
    ck_assert(result[0] == 0x5a && memcmp(result, result + 1, SIZE - 1) == 0);
    plugin->stream->destroy(streams[1]);
    plugin->memory->release(f.device, memory[0]);
    plugin->memory->release(f.device, memory[1]);
    free(result);
}
END_TEST

START_TEST(events_tell_time) {
    enum { SIZE = 8 << 20 };
    tenon_event *start, *end;
    uint64_t nanoseconds = 0;
    tenon_memory *memory = fixture_memory(&f, SIZE);
    OK(plugin->event->create(f.device, &start));
    OK(plugin->event->create(f.device, &end));
    OK(plugin->event->record(start, f.stream));
    OK(plugin->stream->fill(f.stream, (tenon_buffer){memory, 0}, 1, 1, SIZE));
    OK(plugin->event->record(end, f.stream));
    plugin->event->destroy(start); /* pending work keeps its point */
    OK(plugin->event->create(f.device, &start));
    OK(plugin->event->record(start, f.stream));
    OK(plugin->event->synchronize(start));
    OK(plugin->event->elapsed(end, start, &nanoseconds));
    ck_assert_uint_lt(nanoseconds, UINT64_C(60000000000));
    plugin->event->destroy(start);
    plugin->event->destroy(end);
    plugin->memory->release(f.device, memory);
}
END_TEST

/* Every allocation that opening, queueing and recording needs fails once: a status, never a crash or a leak. */
/* A setting that means nothing is told and left aside; one that means something is not spoken of. */
START_TEST(settings_are_checked) {
    static const struct {
        const char *name, *value, *words; /* NULL: no warning */
    } rows[] = {
        {"TENON_CPU_THREADS", "2", NULL},
        {"TENON_CPU_THREADS", "1024", NULL},
        {"TENON_CPU_THREADS", "0", "TENON_CPU_THREADS=0 is ignored: it must be a whole number from 1 to 1024"},
        {"TENON_CPU_THREADS", "1025", "=1025 is ignored"},
        {"TENON_CPU_THREADS", "99999999999999999999", "is ignored"},
        {"TENON_CPU_THREADS", "-1", "=-1 is ignored"},
        {"TENON_CPU_THREADS", " 2", "= 2 is ignored"},
        {"TENON_CPU_THREADS", "2x", "=2x is ignored"},
        {"TENON_CPU_THREADS", "all", "=all is ignored"},
        {"TENON_CPU_THREADS", "", NULL}, /* empty is unset */
        {"TENON_CPU_ISA", "baseline", NULL},
        {"TENON_CPU_ISA", "AVX2", "TENON_CPU_ISA=AVX2 is ignored: it must be an instruction set"},
        {"TENON_CPU_ISA", "sse9", "=sse9 is ignored"},
        {"TENON_CPU_BLAS", "0", NULL},
        {"TENON_CPU_BLAS", "/no/such/library.so", NULL}, /* told when it is opened */
        {"TENON_CPU_BLAS", "1", "TENON_CPU_BLAS=1 is ignored: it must be 0 for none"},
        {"TENON_CPU_BLAS", "off", "=off is ignored"},
        {"TENON_CPU_BLAS", "libopenblas.so", "=libopenblas.so is ignored"},
        {"TENON_CC", "/no/such/compiler", "TENON_CC=/no/such/compiler names no program"},
    };
    char text[2048];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tenon_device *device;
        const char *before = getenv(rows[i].name);
        char *kept = before ? strdup(before) : NULL;
        fixture_warnings(text);
        setenv(rows[i].name, rows[i].value, 1);
        OK(plugin->device->open(f.instance, 0, &device));
        plugin->device->close(device);
        fixture_warnings(text);
        if (rows[i].words)
            ck_assert_msg(strstr(text, rows[i].words) != NULL, "row %zu: %s", i, text);
        else
            ck_assert_msg(strstr(text, rows[i].name) == NULL, "row %zu: %s", i, text);
        if (kept)
            setenv(rows[i].name, kept, 1);
        else
            unsetenv(rows[i].name);
        free(kept);
    }
}
END_TEST

START_TEST(short_of_memory) {
    long before = fixture_allocations();
    for (long nth = 1; nth < 12; nth++) {
        tenon_stream *stream = NULL;
        tenon_event *event = NULL;
        fixture_fail_allocation(nth);
        tenon_memory *memory = NULL;
        tenon_status status = plugin->memory->allocate(f.device, 0, 100000, &memory);
        if (status == TENON_STATUS_OK) status = plugin->stream->create(f.device, &stream);
        if (status == TENON_STATUS_OK) status = plugin->event->create(f.device, &event);
        if (status == TENON_STATUS_OK) status = plugin->stream->fill(stream, (tenon_buffer){memory, 0}, 1, 1, 100000);
        if (status == TENON_STATUS_OK) status = plugin->event->record(event, stream);
        fixture_fail_allocation(0);
        ck_assert(status == TENON_STATUS_OK || status == TENON_STATUS_OUT_OF_MEMORY);
        if (event) (void)plugin->event->synchronize(event); /* must come back */
        plugin->event->destroy(event);
        plugin->stream->destroy(stream);
        plugin->memory->release(f.device, memory);
        ck_assert_int_eq(fixture_allocations(), before);
    }
}
END_TEST

static Suite *suite(void) {
    Suite *made = suite_create("cpu runtime");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, table_is_constant);
    tcase_add_test(cases, device_describes_itself);
    tcase_add_test(cases, two_instances_and_reopening);
    tcase_add_test(cases, memory_type_is_bounded);
    tcase_add_test(cases, memory_maps);
    tcase_add_test(cases, copies_move_every_byte);
    tcase_add_test(cases, fills_repeat_their_pattern);
    tcase_add_test(cases, ranges_are_checked);
    tcase_add_test(cases, long_queues_keep_their_order);
    tcase_add_test(cases, unrecorded_events_hold_nobody);
    tcase_add_test(cases, events_order_streams);
    tcase_add_test(cases, events_tell_time);
    tcase_add_test(cases, settings_are_checked);
    tcase_add_test(cases, short_of_memory);
    suite_add_tcase(made, cases);
    return made;
}

int main(void) {
    fixture_load();
    return fixture_main(suite());
}
