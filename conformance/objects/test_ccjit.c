/* ccjit through the host's API, with kernels written by hand: memory that the host cannot touch, compiling and its
 * failures, launches, late failures. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fixture.h"

#define HEAD      "#include <stdint.h>\n"
#define ARGUMENTS "(void *const *buffers, const int64_t *symbols, void *workspace, int64_t first, int64_t last)"

static const char add_source[] = HEAD "int32_t add" ARGUMENTS " { (void)workspace; (void)symbols;\n"
                                      "    const float *a = buffers[0], *b = buffers[1]; float *y = buffers[2];\n"
                                      "    for (int64_t i = first; i < last; i++) y[i] = a[i] + b[i];\n"
                                      "    return 0; }\n";

/* y[i] = a[b[i]] where b holds indices below the symbol. */
static const char gather_source[] =
    HEAD "int32_t gather" ARGUMENTS " { (void)workspace;\n"
         "    const float *a = buffers[0]; const int32_t *b = buffers[1]; float *y = buffers[2];\n"
         "    int32_t fault = 0;\n"
         "    for (int64_t i = first; i < last; i++)\n"
         "        if (b[i] < 0 || b[i] >= symbols[0]) fault = 1; else y[i] = a[b[i]];\n"
         "    return fault; }\n";

/* Two entries: a * scalar into the workspace, then plus b. Scalars follow the one symbol. */
static const char two_source[] = HEAD
    "int32_t scale" ARGUMENTS " { float s; __builtin_memcpy(&s, &symbols[1], 4);\n"
    "    const float *a = buffers[0]; float *w = workspace;\n"
    "    for (int64_t i = first; i < last; i++) w[i] = a[i] * s;\n"
    "    return 0; }\n"
    "int32_t plus" ARGUMENTS " { (void)symbols; const float *b = buffers[1], *w = workspace; float *y = buffers[2];\n"
    "    for (int64_t i = first; i < last; i++) y[i] = w[i] + b[i];\n"
    "    return 0; }\n";

typedef struct kernel {
    tenon_kernel_entry entries[2];
    tenon_kernel_work part;
    tenon_symbol symbol;
    tenon_operand operands[3];
    tenon_work work;
} kernel;

/* A kernel work with up to two entries over two inputs and an output, and one symbol. */
static void describe(kernel *k, const char *source, const char *first, const char *second, uint64_t workspace) {
    memset(k, 0, sizeof *k);
    k->entries[0] = (tenon_kernel_entry){.name = first, .local = {1, 1, 1}};
    k->entries[1] = (tenon_kernel_entry){.name = second, .local = {1, 1, 1}};
    k->part = (tenon_kernel_work){.struct_size = sizeof k->part,
                                  .language = TENON_LANGUAGE_C11,
                                  .source = source,
                                  .source_size = strlen(source),
                                  .entries = k->entries,
                                  .entry_count = second ? 2 : 1,
                                  .hash = {(uint64_t)(uintptr_t)source, 1},
                                  .workspace_size = workspace};
    k->symbol = (tenon_symbol){0, 1 << 20, 1};
    for (int i = 0; i < 3; i++) {
        k->operands[i].role = i < 2 ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT;
        k->operands[i].view.dtype = TENON_DTYPE_F32;
    }
    k->work = (tenon_work){.struct_size = sizeof k->work,
                           .kind = TENON_WORK_KERNEL,
                           .symbols = &k->symbol,
                           .operands = k->operands,
                           .symbol_count = 1,
                           .operand_count = 3,
                           .kernel = &k->part};
}

static fixture open_ccjit(void) {
    return fixture_open(CCJIT, "ccjit");
}

static tenonh_exec *prepare(const fixture *f, const char *source, const char *first, const char *second,
                            uint64_t workspace) {
    kernel k;
    tenonh_exec *exec = NULL;
    describe(&k, source, first, second, workspace);
    ck_assert_msg(tenonh_exec_prepare(f->device, &k.work, NULL, &exec) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    return exec;
}

enum { COUNT = 100 };

/* A launch over one memory: a, b and the result of COUNT elements, then as much workspace. */
typedef struct run {
    tenonh_memory *memory;
    tenon_buffer buffers[3];
    int64_t symbol;
    uint64_t scalar;
    tenon_grid grids[2];
    tenon_launch launch;
} run;

static void set_up(run *r, const fixture *f, const void *a, const void *b) {
    ck_assert_uint_eq(tenonh_memory_create(f->device, 0, 4 * 4 * COUNT, &r->memory), TENON_STATUS_OK);
    for (uint64_t i = 0; i < 3; i++) r->buffers[i] = tenonh_memory_buffer(r->memory, 4 * COUNT * i);
    r->symbol = COUNT;
    r->grids[0] = r->grids[1] = (tenon_grid){{COUNT, 1, 1}};
    r->launch = (tenon_launch){.struct_size = sizeof r->launch,
                               .buffer_count = 3,
                               .buffers = r->buffers,
                               .symbols = &r->symbol,
                               .scalars = &r->scalar,
                               .grids = r->grids,
                               .symbol_count = 1,
                               .grid_count = 1};
    ck_assert_uint_eq(tenonh_stream_write(f->stream, r->memory, 0, a, 4 * COUNT), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_write(f->stream, r->memory, 4 * COUNT, b, 4 * COUNT), TENON_STATUS_OK);
}

static void read_result(const run *r, tenonh_stream *stream, float *out) {
    ck_assert_uint_eq(tenonh_stream_read(stream, out, r->memory, 8 * COUNT, 4 * COUNT), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(stream), TENON_STATUS_OK);
}

static void fill_inputs(float *a, float *b) {
    for (int i = 0; i < COUNT; i++) a[i] = (float)i, b[i] = (float)(i % 7) / 4;
}

/* Whether this process may read one byte at an address. */
static int is_readable(uintptr_t address) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)address, 1};
    ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    if (got < 0) ck_assert_int_eq(errno, EFAULT);
    return got == 1;
}

START_TEST(the_host_cannot_touch_its_memory) {
    fixture f = open_ccjit();
    tenonh_memory *memory = NULL;
    tenon_memory_type type;
    ck_assert_uint_eq(tenonh_device_memory_type(f.device, 0, &type), TENON_STATUS_OK);
    ck_assert_uint_eq(type.flags, TENON_MEMORY_DEVICE);
    ck_assert_uint_eq(tenonh_memory_create(f.device, 0, 100000, &memory), TENON_STATUS_OK);
    tenon_buffer buffer = tenonh_memory_buffer(memory, 0);
    for (uintptr_t i = 0; i < 100000; i += 997) ck_assert(!is_readable((uintptr_t)buffer.memory + i));
    ck_assert(is_readable((uintptr_t)&buffer));
    expect(tenonh_memory_create(f.device, 0, (uint64_t)1 << 46, &memory), TENON_STATUS_OUT_OF_MEMORY, "no such memory");
    tenonh_memory_release(memory);
    fixture_close(&f);
}
END_TEST

START_TEST(kernels_compile_and_run) {
    fixture f = open_ccjit();
    float a[COUNT], b[COUNT], y[COUNT];
    run r;
    const float scale = 3;
    fill_inputs(a, b);
    set_up(&r, &f, a, b);
    tenonh_exec *add = prepare(&f, add_source, "add", NULL, 0), *two = prepare(&f, two_source, "scale", "plus", 400);
    ck_assert_uint_eq(tenonh_exec_launch(add, f.stream, &r.launch), TENON_STATUS_OK);
    read_result(&r, f.stream, y);
    for (int i = 0; i < COUNT; i++) ck_assert_msg(y[i] == a[i] + b[i], "add, element %d", i);
    r.launch.grid_count = 2;
    expect(tenonh_exec_launch(two, f.stream, &r.launch), TENON_STATUS_INVALID, "workspace (400 bytes)");
    r.launch.workspace = tenonh_memory_buffer(r.memory, 12 * COUNT);
    r.launch.scalar_count = 1;
    memcpy(&r.scalar, &scale, sizeof scale);
    ck_assert_uint_eq(tenonh_exec_launch(two, f.stream, &r.launch), TENON_STATUS_OK);
    read_result(&r, f.stream, y);
    for (int i = 0; i < COUNT; i++) ck_assert_msg(y[i] == a[i] * 3 + b[i], "scale and plus, element %d", i);
    r.grids[0].groups[0] = r.grids[1].groups[0] = 0;
    ck_assert_uint_eq(tenonh_exec_launch(two, f.stream, &r.launch), TENON_STATUS_OK);
    tenonh_exec_release(add);
    tenonh_exec_release(two);
    tenonh_memory_release(r.memory);
    fixture_close(&f);
}
END_TEST

START_TEST(an_index_out_of_range_fails_late) {
    fixture f = open_ccjit();
    float a[COUNT] = {0};
    int32_t indices[COUNT] = {0};
    run r;
    indices[50] = COUNT;
    set_up(&r, &f, a, indices);
    tenonh_exec *exec = prepare(&f, gather_source, "gather", NULL, 0);
    ck_assert_uint_eq(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_OK);
    expect(tenonh_stream_synchronize(f.stream), TENON_STATUS_OUT_OF_RANGE, "a loaded index");
    expect(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_FAILED_STREAM, "");
    expect(tenonh_stream_write(f.stream, r.memory, 0, a, 4), TENON_STATUS_FAILED_STREAM, "");
    tenonh_exec_release(exec);
    tenonh_memory_release(r.memory);
    fixture_close(&f);
}
END_TEST

static uint32_t at_once(void *context) {
    (void)context;
    return 1;
}

/* Each way to fail says why, and leaves no file behind. */
START_TEST(compile_failures_are_told) {
    char folder[] = "/tmp/tenon-ccjit-test-XXXXXX";
    kernel k;
    tenonh_exec *exec = NULL;
    tenonh_prepare_options options = {.struct_size = sizeof options, .cancelled = at_once};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("TMPDIR", folder, 1);
    fixture f = open_ccjit();
    describe(&k, "int32_t add(" ARGUMENTS " {}\n", "add", NULL, 0);
    expect(tenonh_exec_prepare(f.device, &k.work, NULL, &exec), TENON_STATUS_COMPILE_FAILED, "error:");
    describe(&k, add_source, "subtract", NULL, 0);
    expect(tenonh_exec_prepare(f.device, &k.work, NULL, &exec), TENON_STATUS_COMPILE_FAILED, "subtract");
    describe(&k, add_source, "add", NULL, 0);
    expect(tenonh_exec_prepare(f.device, &k.work, &options, &exec), TENON_STATUS_CANCELLED, "ccjit:0: prepare");
    tenonh_exec_release(prepare(&f, add_source, "add", NULL, 0));
    ck_assert_int_eq(rmdir(folder), 0);
    expect(tenonh_exec_prepare(f.device, &k.work, NULL, &exec), TENON_STATUS_IO, "TMPDIR");
    k.part.language = TENON_LANGUAGE_OPENCL_C;
    expect(tenonh_exec_prepare(f.device, &k.work, NULL, &exec), TENON_STATUS_UNSUPPORTED, "C11");
    fixture_close(&f);
}
END_TEST

START_TEST(without_a_compiler_it_does_not_open) {
    tenonh_registry *registry = NULL;
    tenonh_device *device = NULL;
    tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1};
    tenonh_plugin_info info = {.struct_size = sizeof info};
    setenv("PATH", "/nonexistent", 1);
    ck_assert_uint_eq(tenonh_registry_create(&options, &registry), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_registry_add(registry, CCJIT), TENON_STATUS_OK);
    expect(tenonh_device_open(registry, "ccjit", &device), TENON_STATUS_UNAVAILABLE, "install gcc");
    ck_assert_uint_eq(tenonh_registry_plugin(registry, 0, &info), TENON_STATUS_OK);
    ck_assert_uint_eq(info.reason, TENONH_REASON_OPEN_FAILED);
    tenonh_registry_destroy(registry);
}
END_TEST

enum { THREADS = 4, ROUNDS = 50 };

typedef struct worker {
    tenonh_exec *exec;
    tenonh_stream *stream;
    run run;
    pthread_t thread;
} worker;

static void *launch_often(void *context) {
    worker *w = context;
    for (int i = 0; i < ROUNDS; i++)
        if (tenonh_exec_launch(w->exec, w->stream, &w->run.launch) != TENON_STATUS_OK) return w;
    return NULL;
}

START_TEST(one_exec_on_many_streams) {
    fixture f = open_ccjit();
    float a[COUNT], b[COUNT], y[COUNT];
    worker workers[THREADS];
    tenonh_exec *exec = prepare(&f, add_source, "add", NULL, 0);
    fill_inputs(a, b);
    for (int t = 0; t < THREADS; t++) {
        workers[t].exec = exec;
        set_up(&workers[t].run, &f, a, b);
        ck_assert_uint_eq(tenonh_stream_create(f.device, &workers[t].stream), TENON_STATUS_OK);
        ck_assert_int_eq(pthread_create(&workers[t].thread, NULL, launch_often, &workers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        void *failed = NULL;
        pthread_join(workers[t].thread, &failed);
        ck_assert_ptr_null(failed);
        read_result(&workers[t].run, workers[t].stream, y);
        for (int i = 0; i < COUNT; i++) ck_assert_msg(y[i] == a[i] + b[i], "thread %d, element %d", t, i);
        tenonh_stream_release(workers[t].stream);
        tenonh_memory_release(workers[t].run.memory);
    }
    tenonh_exec_release(exec);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ccjit");
    TCase *rows = tcase_create("ccjit");
    tcase_add_test(rows, the_host_cannot_touch_its_memory);
    tcase_add_test(rows, kernels_compile_and_run);
    tcase_add_test(rows, an_index_out_of_range_fails_late);
    tcase_add_test(rows, compile_failures_are_told);
    tcase_add_test(rows, without_a_compiler_it_does_not_open);
    tcase_add_test(rows, one_exec_on_many_streams);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
