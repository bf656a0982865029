/* A run of a known shape with its outputs given touches no allocator and takes no lock. The allocator and the locks of
 * the whole process are this program's: each counts its calls by thread and goes on to the C library's own.
 * Usage: test_hot_path DEVICE */
#include <check.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphs.h"

static _Thread_local uint64_t allocator_calls, lock_calls; /* a device's threads have locks of their own to sleep by */

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*,readability-inconsistent-declaration-parameter-name): the C library's
 * functions, and its own names for them */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *pointer);

#define COUNTED __attribute__((visibility("default"), noinline))

COUNTED void *malloc(size_t size) {
    allocator_calls++;
    return __libc_malloc(size);
}

COUNTED void *calloc(size_t count, size_t size) {
    allocator_calls++;
    return __libc_calloc(count, size);
}

COUNTED void *realloc(void *pointer, size_t size) {
    allocator_calls++;
    return __libc_realloc(pointer, size);
}

COUNTED void *aligned_alloc(size_t alignment, size_t size) {
    allocator_calls++;
    return __libc_memalign(alignment, size);
}

COUNTED int posix_memalign(void **out_pointer, size_t alignment, size_t size) {
    allocator_calls++;
    *out_pointer = __libc_memalign(alignment, size);
    return *out_pointer ? 0 : 12;
}

COUNTED void free(void *pointer) {
    allocator_calls += pointer != NULL;
    __libc_free(pointer);
}

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*,readability-inconsistent-declaration-parameter-name) */

typedef int (*lock_function)(pthread_mutex_t *);

COUNTED int pthread_mutex_lock(pthread_mutex_t *mutex) {
    static _Atomic(lock_function) next;
    lock_function own = next;
    if (!own) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_mutex_lock");
        __builtin_memcpy(&own, &symbol, sizeof own);
        next = own;
    }
    lock_calls++;
    return own(mutex);
}

static tenonh_registry *registry;
static tenonh_device *device;

enum { ROWS = 2, COLUMNS = 16, RUNS = 100, SHAPES = 2 };

/* Runs shapes in turn; gives the first failure. Check's own assertions allocate. */
static tenon_status run_all(tenonh_session *session, tenonh_tensor *const *inputs, tenonh_tensor **outputs) {
    for (int i = 0; i < RUNS; i++)
        TENON_TRY(tenonh_session_run(session, &inputs[i % SHAPES], 1, &outputs[i % SHAPES], 1));
    return TENON_STATUS_OK;
}

START_TEST(test_hot_path) {
    graph g = graph_layer(COLUMNS);
    tenonh_session *session;
    tenonh_tensor *inputs[SHAPES], *outputs[SHAPES] = {0};
    tenonh_session_options options = {.struct_size = sizeof options, .streams = _i ? 4 : 1};
    good(tenonh_session_create(g.module, device, &options, &session));
    for (int i = 0; i < SHAPES; i++) {
        tenonh_array array = array_of(ROWS + i, COLUMNS, 1);
        inputs[i] = tensor_of(device, &array);
        tenonh_array_free(&array);
    }
    good(run_all(session, inputs, outputs));
    uint64_t allocations = allocator_calls, locks = lock_calls;
    tenon_status status = run_all(session, inputs, outputs);
    uint64_t allocated = allocator_calls - allocations, locked = lock_calls - locks;
    good(status);
    ck_assert_uint_gt(allocations, 0); /* this program's are the library's too */
    ck_assert_uint_gt(locks, 0);
    ck_assert_uint_eq(allocated, 0);
    if (_i == 0) ck_assert_uint_eq(locked, 0); /* a device's own events may have locks */
    for (int i = 0; i < SHAPES; i++) tenonh_tensor_release(inputs[i]), tenonh_tensor_release(outputs[i]);
    tenonh_session_release(session);
    tenonh_module_destroy(g.module);
}
END_TEST

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "cpu";
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, name, &device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s: %s\n", name, tenonh_error_message()), 5;
    Suite *suite = suite_create("hot path");
    TCase *tests = tcase_create(name);
    tcase_add_loop_test(tests, test_hot_path, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
