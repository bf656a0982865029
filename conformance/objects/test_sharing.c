/* Memory that is shared or kept: host bytes imported, pools, residents, and what happens when a device's memory ends. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/pool.h"
#include "device/reclaim.h"
#include "device/resident.h"
#include "fixture.h"

static fixture open_planted(const char *name, const char *id) {
    char path[512];
    snprintf(path, sizeof path, PLANTED_DIR "/libtenon_%s.so", name);
    return fixture_open(path, id);
}

/* -- Imports -- */

START_TEST(host_bytes_are_imported) {
    fixture f = fixture_open(CCJIT, "ccjit");
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 3 * page;
    unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), got[16];
    ck_assert_ptr_ne(bytes, MAP_FAILED);
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(i * 7);
    ck_assert_int_eq(mprotect(bytes, size, PROT_READ), 0);
    tenonh_memory *memory = NULL;
    expect(tenonh_memory_import(f.device, 0, bytes + 1, page, TENON_IMPORT_READ_ONLY, &memory),
           TENON_STATUS_UNSUPPORTED, "copy them");
    expect(tenonh_memory_import(f.device, 0, bytes, page, 6, &memory), TENON_STATUS_INVALID, "flags 0x6");
    expect(tenonh_memory_import(f.device, 1, bytes, page, 0, &memory), TENON_STATUS_NOT_FOUND, "no memory type 1");
    ck_assert_uint_eq(tenonh_memory_import(f.device, 0, bytes, size, TENON_IMPORT_READ_ONLY, &memory), TENON_STATUS_OK);
    ck_assert_uint_eq(fixture_counters(&f).imported_bytes, size);
    ck_assert_uint_eq(fixture_counters(&f).allocated_bytes, 0);
    ck_assert_uint_eq(tenonh_stream_read(f.stream, got, memory, page + 3, sizeof got), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(f.stream), TENON_STATUS_OK);
    ck_assert_int_eq(memcmp(got, bytes + page + 3, sizeof got), 0);
    expect(tenonh_stream_write(f.stream, memory, 0, got, 4), TENON_STATUS_INVALID, "read only");
    expect(tenonh_stream_fill(f.stream, memory, 0, 0, 1, 4), TENON_STATUS_INVALID, "read only");
    expect(tenonh_stream_read(f.stream, got, memory, size - 1, 2), TENON_STATUS_INVALID, "leave");
    tenonh_memory_release(memory);
    ck_assert_uint_eq(fixture_counters(&f).imported_bytes, 0);
    ck_assert_uint_eq(bytes[size - 1], (unsigned char)((size - 1) * 7)); /* still there */
    munmap(bytes, size);
    fixture_close(&f);
}
END_TEST

/* A plugin of 0.1, whose table ends before import, and one that has none: the host is told to copy. */
START_TEST(older_plugins_take_no_imports) {
    static const char *const names[][2] = {{"good", "fake"}, {"older", "older"}};
    fixture f = open_planted(names[_i][0], names[_i][1]);
    tenonh_memory *memory = NULL;
    static _Alignas(64) unsigned char bytes[64];
    expect(tenonh_memory_import(f.device, 0, bytes, sizeof bytes, 0, &memory), TENON_STATUS_UNSUPPORTED, "copy them");
    ck_assert_uint_eq(tenonh_memory_create(f.device, 0, 64, &memory), TENON_STATUS_OK);
    tenonh_memory_release(memory);
    fixture_close(&f);
}
END_TEST

/* -- Pools -- */

START_TEST(size_classes_lose_little) {
    for (uint64_t size = 1; size < (uint64_t)1 << 40; size = size + size / 3 + 1) {
        uint64_t class_size = tenon__pool_class(size);
        ck_assert_uint_ge(class_size, size);
        ck_assert(class_size <= 256 || class_size - size <= size / 8);
        ck_assert_uint_eq(tenon__pool_class(class_size), class_size);
    }
}
END_TEST

START_TEST(released_memory_is_kept_and_trimmed) {
    fixture f = open_planted("good", "fake");
    tenonh_memory *a, *b;
    uint64_t bytes = 0;
    ck_assert_uint_eq(tenon__memory_create_pooled(f.device, 0, 5000, &a), TENON_STATUS_OK);
    const tenon_memory *handle = tenonh_memory_buffer(a, 0).memory;
    ck_assert_uint_eq(tenonh_memory_size(a), 5000);
    uint64_t held = fixture_counters(&f).allocated_bytes;
    tenonh_memory_release(a);
    ck_assert_uint_eq(fixture_counters(&f).allocations, 0);
    ck_assert_uint_eq(fixture_counters(&f).allocated_bytes, 0);
    ck_assert_uint_eq(fixture_counters(&f).pooled_bytes, held);
    ck_assert_uint_eq(tenon__memory_create_pooled(f.device, 0, 4999, &b), TENON_STATUS_OK); /* of the same class */
    ck_assert_ptr_eq(tenonh_memory_buffer(b, 0).memory, handle);
    ck_assert_uint_eq(tenonh_memory_size(b), 4999);
    ck_assert_uint_eq(fixture_counters(&f).pooled_bytes, 0);
    tenonh_memory_release(b);
    ck_assert_uint_eq(tenonh_device_trim(f.device, &bytes), TENON_STATUS_OK);
    ck_assert_uint_eq(bytes, held);
    ck_assert_uint_eq(fixture_counters(&f).pooled_bytes, 0);
    expect(tenonh_device_trim(NULL, NULL), TENON_STATUS_INVALID, "device");
    fixture_close(&f);
}
END_TEST

/* The limited device has 1 MiB: what is kept is given up for what is wanted. */
START_TEST(kept_memory_makes_room) {
    fixture f = open_planted("limited", "limited");
    tenonh_memory *a, *b, *c = NULL;
    ck_assert_uint_eq(tenon__memory_create_pooled(f.device, 0, 600 << 10, &a), TENON_STATUS_OK);
    tenonh_memory_release(a);
    ck_assert_uint_gt(fixture_counters(&f).pooled_bytes, 0);
    ck_assert_uint_eq(tenonh_memory_create(f.device, 0, 800 << 10, &b), TENON_STATUS_OK);
    ck_assert_uint_eq(fixture_counters(&f).pooled_bytes, 0);
    expect(tenonh_memory_create(f.device, 0, 800 << 10, &c), TENON_STATUS_OUT_OF_MEMORY, "all its memory is in use");
    tenonh_memory_release(b);
    ck_assert_uint_eq(tenonh_memory_create(f.device, 0, 800 << 10, &c), TENON_STATUS_OK);
    tenonh_memory_release(c);
    fixture_close(&f);
}
END_TEST

/* -- Residents -- */

enum { THREADS = 8, ROUNDS = 50, OBJECTS = 5 };

static fixture shared;
static _Atomic uint32_t made, alive;

static void forget(void *owner) {
    (void)owner;
    alive--;
}

/* Every seventh fails, so that waiting threads take over. */
static tenon_status make(tenonh_device *device, tenon__resident *resident, void *context) {
    if (++made % 7 == 0) return TENON_STATUS_IO;
    TENON_TRY(tenonh_memory_create(device, 0, 128, &resident->memory));
    resident->owner = context;
    resident->forget = forget;
    alive++;
    return TENON_STATUS_OK;
}

static void *use_residents(void *context) {
    const char *identities = context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        tenon__resident *residents[OBJECTS] = {0};
        for (uint32_t k = 0; k < OBJECTS; k++) {
            tenon__resident_key key = {.identity = &identities[k], .form = {k % 2}};
            while (tenon__resident_acquire(shared.device, &key, make, context, &residents[k]) != TENON_STATUS_OK) {}
        }
        for (uint32_t k = 0; k < OBJECTS; k++) tenon__resident_release(shared.device, residents[k]);
    }
    return NULL;
}

START_TEST(residents_are_made_once) {
    static char identities[OBJECTS];
    pthread_t threads[THREADS];
    tenon__resident *kept[OBJECTS];
    shared = open_planted("good", "fake");
    for (uint32_t k = 0; k < OBJECTS; k++) {
        tenon__resident_key key = {.identity = &identities[k], .form = {k % 2}};
        ck_assert_uint_eq(tenon__resident_acquire(shared.device, &key, make, identities, &kept[k]), TENON_STATUS_OK);
    }
    for (uint32_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, use_residents, identities);
    for (uint32_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    ck_assert_uint_eq(made, OBJECTS); /* kept by one user: no other made any */
    for (uint32_t k = 0; k < OBJECTS; k++) tenon__resident_release(shared.device, kept[k]);
    ck_assert_uint_eq(alive, 0);
    for (uint32_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, use_residents, identities);
    for (uint32_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    ck_assert_uint_eq(alive, 0);
    ck_assert_uint_eq(fixture_counters(&shared).allocations, 0);
    fixture_close(&shared);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sharing");
    TCase *rows = tcase_create("sharing");
    tcase_add_test(rows, host_bytes_are_imported);
    tcase_add_loop_test(rows, older_plugins_take_no_imports, 0, 2);
    tcase_add_test(rows, size_classes_lose_little);
    tcase_add_test(rows, released_memory_is_kept_and_trimmed);
    tcase_add_test(rows, kept_memory_makes_room);
    tcase_add_test(rows, residents_are_made_once);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
