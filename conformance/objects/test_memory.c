/* Devices, memory, streams and events on a device that has every optional hook ("full") and on one that has none
 * ("fake"): the same results, the latter emulated and counted. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static const char *const ids[] = {"fake", "full"};
static const char *const paths[] = {PLANTED_DIR "/libtenon_good.so", PLANTED_DIR "/libtenon_full.so"};

static fixture open_one(int which) {
    return fixture_open(paths[which], ids[which]);
}

static tenonh_memory *allocate(const fixture *f, uint64_t size) {
    tenonh_memory *memory = NULL;
    ck_assert_uint_eq(tenonh_memory_create(f->device, 0, size, &memory), TENON_STATUS_OK);
    return memory;
}

START_TEST(one_object_for_each_device) {
    fixture f = open_one(_i);
    tenonh_device *again = NULL, *other = NULL;
    char name[16];
    snprintf(name, sizeof name, "%s:0", ids[_i]);
    ck_assert_uint_eq(tenonh_device_open(f.registry, name, &again), TENON_STATUS_OK);
    ck_assert_ptr_eq(again, f.device);
    ck_assert_str_eq(tenonh_device_name(again), name);
    snprintf(name, sizeof name, "%s:1", ids[_i]);
    ck_assert_uint_eq(tenonh_device_open(f.registry, name, &other), TENON_STATUS_OK);
    ck_assert_ptr_ne(other, f.device);
    ck_assert_str_eq(tenonh_device_info(other)->name, name); /* for want of one of its own */
    ck_assert_str_eq(tenonh_device_info(other)->driver_version, "");
    ck_assert_ptr_null(tenonh_device_dialect(other));
    ck_assert_uint_eq(tenonh_device_health(other), TENON_STATUS_OK);
    tenonh_device_release(again);
    tenonh_device_release(other);
    fixture_close(&f);
}
END_TEST

/* What depends on an object keeps it: here everything is released the wrong way round. */
START_TEST(references_may_go_in_any_order) {
    fixture f = open_one(_i);
    int64_t dims[] = {2, 3};
    tenonh_tensor *tensor = NULL;
    tenonh_event *event = NULL;
    ck_assert_uint_eq(tenonh_tensor_create(f.device, TENON_DTYPE_F32, 2, dims, &tensor), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_create(f.device, &event), TENON_STATUS_OK);
    tenonh_memory *memory = tenonh_memory_retain(tenonh_tensor_memory(tensor));
    tenonh_registry_destroy(f.registry);
    tenonh_device_release(f.device);
    tenonh_tensor_release(tensor);
    float values[6] = {1, 2, 3, 4, 5, 6}, back[6] = {0};
    ck_assert_uint_eq(tenonh_stream_write(f.stream, memory, 0, values, sizeof values), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_read(f.stream, back, memory, 0, sizeof back), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(f.stream), TENON_STATUS_OK);
    ck_assert_mem_eq(back, values, sizeof back);
    tenonh_stream_release(f.stream);
    tenonh_event_release(event);
    tenonh_memory_release(memory);
}
END_TEST

START_TEST(memory_is_counted) {
    fixture f = open_one(_i);
    tenonh_memory *a = allocate(&f, 100), *b = allocate(&f, 0), *c = NULL;
    tenonh_device_counters counters = fixture_counters(&f);
    ck_assert_uint_eq(counters.allocations, 2);
    ck_assert_uint_eq(counters.allocated_bytes, 192); /* 100, what kernels may read past the end, whole flush units */
    ck_assert_uint_eq(tenonh_memory_size(a), 100);
    ck_assert_ptr_eq(tenonh_memory_device(a), f.device);
    expect(tenonh_memory_create(f.device, 0, (uint64_t)1 << 40, &c), TENON_STATUS_OUT_OF_MEMORY, "1 GiB is all");
    expect(tenonh_memory_create(f.device, 0, UINT64_MAX, &c), TENON_STATUS_OUT_OF_MEMORY, "");
    expect(tenonh_memory_create(f.device, 7, 1, &c), TENON_STATUS_NOT_FOUND, "no memory type 7");
    tenonh_memory_release(a);
    tenonh_memory_release(b);
    counters = fixture_counters(&f);
    ck_assert_uint_eq(counters.allocations, 0);
    ck_assert_uint_eq(counters.allocated_bytes, 0);
    ck_assert_uint_eq(counters.peak_bytes, 192);
    tenonh_memory_release(NULL);
    fixture_close(&f);
}
END_TEST

START_TEST(mapping_without_coherence) {
    fixture f = open_one(1);
    tenonh_memory *memory = allocate(&f, 200);
    unsigned char bytes[200], *mapped = NULL;
    void *pointer = NULL;
    memset(bytes, 7, sizeof bytes);
    ck_assert_uint_eq(tenonh_stream_write(f.stream, memory, 0, bytes, sizeof bytes), TENON_STATUS_OK);
    expect(tenonh_memory_map(memory, 100, 101, &pointer), TENON_STATUS_INVALID, "leave the allocation");
    expect(tenonh_memory_flush(memory, 0, 1), TENON_STATUS_INVALID, "not mapped");
    ck_assert_uint_eq(tenonh_memory_map(memory, 0, 200, &pointer), TENON_STATUS_OK);
    mapped = pointer;
    expect(tenonh_memory_map(memory, 0, 200, &pointer), TENON_STATUS_INVALID, "mapped already");
    ck_assert_uint_eq(tenonh_memory_invalidate(memory, 0, 200), TENON_STATUS_OK);
    ck_assert_mem_eq(mapped, bytes, 200);
    mapped[130] = 9;
    ck_assert_uint_eq(tenonh_memory_flush(memory, 130, 1), TENON_STATUS_OK); /* widened to a whole flush unit */
    ck_assert_uint_eq(tenonh_memory_unmap(memory), TENON_STATUS_OK);
    expect(tenonh_memory_unmap(memory), TENON_STATUS_INVALID, "not mapped");
    ck_assert_uint_eq(tenonh_stream_read(f.stream, bytes, memory, 0, sizeof bytes), TENON_STATUS_OK);
    ck_assert_uint_eq(bytes[129], 7);
    ck_assert_uint_eq(bytes[130], 9);
    tenonh_memory_release(memory);
    fixture_close(&f);
    f = open_one(0);
    memory = allocate(&f, 8);
    expect(tenonh_memory_map(memory, 0, 8, &pointer), TENON_STATUS_UNSUPPORTED, "copy through a stream");
    tenonh_memory_release(memory);
    fixture_close(&f);
}
END_TEST

START_TEST(streams_check_their_ranges) {
    fixture f = open_one(_i);
    tenonh_memory *a = allocate(&f, 64), *b = allocate(&f, 64);
    unsigned char bytes[64] = {1, 2, 3, 4};
    ck_assert_uint_eq(tenonh_stream_write(f.stream, a, 0, bytes, 64), TENON_STATUS_OK);
    expect(tenonh_stream_write(f.stream, a, 1, bytes, 64), TENON_STATUS_INVALID, "leave the allocation of 64");
    expect(tenonh_stream_read(f.stream, bytes, a, UINT64_MAX, 2), TENON_STATUS_INVALID, "leave the allocation");
    expect(tenonh_stream_write(f.stream, a, 0, NULL, 4), TENON_STATUS_INVALID, "source is NULL");
    expect(tenonh_stream_copy(f.stream, a, 8, a, 0, 16), TENON_STATUS_INVALID, "overlap");
    ck_assert_uint_eq(tenonh_stream_copy(f.stream, a, 8, a, 0, 8), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_copy(f.stream, b, 0, a, 8, 8), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_read(f.stream, bytes + 32, b, 0, 8), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(f.stream), TENON_STATUS_OK);
    ck_assert_mem_eq(bytes, bytes + 32, 8);
    ck_assert_uint_eq(tenonh_stream_query(f.stream), TENON_STATUS_OK);
    tenonh_device_counters counters = fixture_counters(&f);
    ck_assert_uint_eq(counters.written_bytes, 64);
    ck_assert_uint_eq(counters.read_bytes, 8);
    ck_assert_uint_eq(counters.copied_bytes, 16);
    ck_assert_uint_eq(counters.emulated_queries, _i == 0);
    tenonh_memory_release(a);
    tenonh_memory_release(b);
    fixture_close(&f);
}
END_TEST

START_TEST(fill_repeats_its_pattern) {
    static const struct {
        uint64_t pattern, offset, size;
        uint32_t width;
    } rows[] = {
        {0xab, 3, 5, 1}, {0x1234, 2, 6, 2}, {0xdeadbeef, 4, 600000, 4}, {0x1122334455667788, 8, 16, 8}, {0, 0, 0, 4}};
    fixture f = open_one(_i);
    tenonh_memory *memory = allocate(&f, 700000);
    unsigned char *bytes = malloc(700000);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        uint64_t end = rows[r].offset + rows[r].size;
        ck_assert_uint_eq(tenonh_stream_fill(f.stream, memory, 0, 0x55, 1, 700000), TENON_STATUS_OK);
        ck_assert_uint_eq(
            tenonh_stream_fill(f.stream, memory, rows[r].offset, rows[r].pattern, rows[r].width, rows[r].size),
            TENON_STATUS_OK);
        ck_assert_uint_eq(tenonh_stream_read(f.stream, bytes, memory, 0, 700000), TENON_STATUS_OK);
        ck_assert_uint_eq(tenonh_stream_synchronize(f.stream), TENON_STATUS_OK);
        for (uint64_t i = 0; i < 700000; i++) {
            uint64_t in = (i - rows[r].offset) % rows[r].width;
            unsigned expected = i < rows[r].offset || i >= end ? 0x55 : (rows[r].pattern >> (8 * in)) & 0xff;
            if (bytes[i] != expected) ck_abort_msg("row %zu, byte %lu: %x", r, (unsigned long)i, bytes[i]);
        }
    }
    expect(tenonh_stream_fill(f.stream, memory, 0, 1, 3, 9), TENON_STATUS_INVALID, "take 1, 2, 4 or 8");
    expect(tenonh_stream_fill(f.stream, memory, 0, 1, 4, 6), TENON_STATUS_INVALID, "multiple");
    ck_assert_uint_eq(fixture_counters(&f).emulated_fills > 0, _i == 0);
    free(bytes);
    tenonh_memory_release(memory);
    fixture_close(&f);
}
END_TEST

START_TEST(streams_are_limited) {
    fixture f = open_one(_i);
    tenonh_stream *streams[3] = {0};
    ck_assert_uint_eq(tenonh_stream_create(f.device, &streams[0]), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_create(f.device, &streams[1]), TENON_STATUS_OK);
    expect(tenonh_stream_create(f.device, &streams[2]), TENON_STATUS_OUT_OF_MEMORY, "3 streams");
    tenonh_stream_release(streams[0]);
    ck_assert_uint_eq(tenonh_stream_create(f.device, &streams[2]), TENON_STATUS_OK);
    tenonh_stream_release(streams[1]);
    tenonh_stream_release(streams[2]);
    fixture_close(&f);
}
END_TEST

START_TEST(objects_of_two_devices_do_not_mix) {
    fixture a = open_one(0), b = open_one(1);
    tenonh_memory *memory = allocate(&b, 8);
    tenonh_event *event = NULL;
    char bytes[8] = {0};
    ck_assert_uint_eq(tenonh_event_create(b.device, &event), TENON_STATUS_OK);
    expect(tenonh_stream_write(a.stream, memory, 0, bytes, 8), TENON_STATUS_INVALID, "memory of full:0");
    expect(tenonh_event_record(event, a.stream), TENON_STATUS_INVALID, "event of full:0");
    expect(tenonh_event_wait(a.stream, event), TENON_STATUS_INVALID, "event of full:0");
    tenonh_event_release(event);
    tenonh_memory_release(memory);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

START_TEST(events_order_and_measure) {
    fixture f = open_one(_i);
    tenonh_event *start = NULL, *end = NULL;
    uint64_t nanoseconds = UINT64_MAX;
    ck_assert_uint_eq(tenonh_event_create(f.device, &start), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_create(f.device, &end), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_wait(f.stream, start), TENON_STATUS_OK); /* unrecorded: no wait */
    ck_assert_uint_eq(tenonh_event_elapsed(start, end, &nanoseconds), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenonh_event_record(start, f.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_record(end, f.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_synchronize(end), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_query(end), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_elapsed(start, end, &nanoseconds), TENON_STATUS_OK);
    ck_assert_uint_lt(nanoseconds, 1000000000u);
    ck_assert_uint_eq(fixture_counters(&f).emulated_events, _i == 0 ? 2 : 0);
    tenonh_event_release(start);
    tenonh_event_release(end);
    fixture_close(&f);
}
END_TEST

enum { THREADS = 4, ROUNDS = 200 };

/* Opens, uses and releases the same device beside other threads doing so. */
static void *churn(void *registry) {
    for (int i = 0; i < ROUNDS; i++) {
        tenonh_device *device = NULL;
        tenonh_memory *memory = NULL;
        if (tenonh_device_open(registry, "full", &device) != TENON_STATUS_OK) return device;
        tenonh_memory_create(device, 0, 64, &memory);
        tenonh_device_release(device);
        tenonh_memory_release(memory);
    }
    return NULL;
}

START_TEST(devices_are_opened_from_many_threads) {
    fixture f = open_one(1);
    pthread_t threads[THREADS];
    tenonh_stream_release(f.stream);
    tenonh_device_release(f.device);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, f.registry), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    ck_assert_uint_eq(tenonh_device_open(f.registry, "full", &f.device), TENON_STATUS_OK);
    ck_assert_uint_eq(fixture_counters(&f).allocations, 0);
    tenonh_device_release(f.device);
    tenonh_registry_destroy(f.registry);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory");
    TCase *rows = tcase_create("memory");
    tcase_add_loop_test(rows, one_object_for_each_device, 0, 2);
    tcase_add_loop_test(rows, references_may_go_in_any_order, 0, 2);
    tcase_add_loop_test(rows, memory_is_counted, 0, 2);
    tcase_add_test(rows, mapping_without_coherence);
    tcase_add_loop_test(rows, streams_check_their_ranges, 0, 2);
    tcase_add_loop_test(rows, fill_repeats_its_pattern, 0, 2);
    tcase_add_loop_test(rows, streams_are_limited, 0, 2);
    tcase_add_test(rows, objects_of_two_devices_do_not_mix);
    tcase_add_loop_test(rows, events_order_and_measure, 0, 2);
    tcase_add_test(rows, devices_are_opened_from_many_threads);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
