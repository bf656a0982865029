/* Kernel work: compiling, caching, launching, failing. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static fixture f;
static char cache[64];

static void setup(void) {
    (void)snprintf(cache, sizeof cache, "/tmp/tenon-cpu-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(cache));
    ck_assert_int_eq(setenv("TENON_CACHE_DIR", cache, 1), 0);
    fixture_open(&f);
    (void)fixture_report();
}

/* Calls `visit` for every file of the cache's own folder; returns their number. */
static int each_file(void (*visit)(const char *path)) {
    char folder[96], path[400];
    int count = 0;
    (void)snprintf(folder, sizeof folder, "%s/cpu", cache);
    DIR *open_folder = opendir(folder);
    for (struct dirent *each; open_folder && (each = readdir(open_folder)) != NULL;) {
        if (each->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, each->d_name);
        if (visit) visit(path);
        count++;
    }
    if (open_folder) (void)closedir(open_folder);
    return count;
}

static void delete_file(const char *path) {
    ck_assert_int_eq(unlink(path), 0);
}

static void teardown(void) {
    char folder[96];
    fixture_close(&f);
    ck_assert_int_eq(fixture_allocations(), 0);
    (void)each_file(delete_file);
    (void)snprintf(folder, sizeof folder, "%s/cpu", cache);
    (void)rmdir(folder);
    ck_assert_int_eq(rmdir(cache), 0);
}

/* y[i] = a * x[i] + 0 for i < n: symbols n; scalar a, as the bits of an int64. */
static const char scale_source[] =
    "#include <stdint.h>\n"
    "int32_t scale(void *const *buffers, const int64_t *symbols, void *workspace, int64_t first, int64_t last) {\n"
    "    const int32_t *x = buffers[0]; int32_t *y = buffers[1]; (void)workspace;\n"
    "    for (int64_t i = first; i < last && i < symbols[0]; i++) y[i] = (int32_t)(x[i] * symbols[1]);\n"
    "    return 0;\n"
    "}\n"
    "int32_t checked(void *const *buffers, const int64_t *symbols, void *workspace, int64_t first, int64_t last) {\n"
    "    const int32_t *y = buffers[1]; (void)workspace; (void)symbols;\n"
    "    for (int64_t i = first; i < last; i++) if (y[i] < 0) return 1;\n"
    "    return 0;\n"
    "}\n";

typedef struct kernel {
    tenon_symbol symbols[1];
    tenon_operand operands[2];
    tenon_kernel_entry entries[2];
    tenon_kernel_work kernel;
    tenon_work work;
    tenon_symbol answer_symbols[1];
    tenon_operand_info answer_operands[2];
    tenon_exec_info info;
    tenon_exec *exec;
} kernel;

static void describe(kernel *k, const char *source) {
    *k = (kernel){.symbols = {{0, 1 << 24, 1}},
                  .entries = {{"scale", NULL, 0, {1, 1, 1}}, {"checked", NULL, 0, {1, 1, 1}}}};
    for (int i = 0; i < 2; i++) {
        k->operands[i] = (tenon_operand){.role = i == 0 ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT, .alignment = 4};
        k->operands[i].view = (tenon_view){.dtype = TENON_DTYPE_I32, .rank = 1};
        k->operands[i].view.dims[0] = (tenon_extent){0, 0, 0};
        k->operands[i].view.strides[0] = (tenon_extent){1, TENON_NO_SYMBOL, 0};
    }
    k->kernel = (tenon_kernel_work){.struct_size = sizeof k->kernel,
                                    .language = TENON_LANGUAGE_C11,
                                    .source = source,
                                    .source_size = strlen(source),
                                    .entries = k->entries,
                                    .entry_count = 2};
    k->work = (tenon_work){.struct_size = sizeof k->work,
                           .kind = TENON_WORK_KERNEL,
                           .symbols = k->symbols,
                           .operands = k->operands,
                           .symbol_count = 1,
                           .operand_count = 2,
                           .kernel = &k->kernel};
    k->answer_symbols[0] = k->symbols[0];
    k->info =
        (tenon_exec_info){.struct_size = sizeof k->info, .symbols = k->answer_symbols, .operands = k->answer_operands};
}

static tenon_status prepare(kernel *k) {
    return plugin->work->prepare(f.device, &k->work, &k->info, &k->exec);
}

static tenon_status launch(kernel *k, tenon_stream *stream, tenon_memory *x, tenon_memory *y, int64_t n, int64_t a) {
    const tenon_buffer buffers[] = {{x, 0}, {y, 0}};
    const uint64_t scalars[] = {(uint64_t)a};
    const tenon_grid grids[] = {{{(uint64_t)n, 1, 1}}, {{(uint64_t)n, 1, 1}}};
    const tenon_launch what = {.struct_size = sizeof what,
                               .buffer_count = 2,
                               .buffers = buffers,
                               .symbols = &n,
                               .scalars = scalars,
                               .grids = grids,
                               .symbol_count = 1,
                               .scalar_count = 1,
                               .grid_count = 2};
    return plugin->work->launch(stream, k->exec, &what);
}

/* Runs n elements times a and checks every one. */
static void run_and_check(kernel *k, int64_t n, int64_t a) {
    tenon_memory *x = fixture_memory(&f, (uint64_t)n * 4), *y = fixture_memory(&f, (uint64_t)n * 4);
    int32_t *from = (int32_t *)(void *)fixture_address(&f, x), *to = (int32_t *)(void *)fixture_address(&f, y);
    for (int64_t i = 0; i < n; i++) from[i] = (int32_t)i;
    OK(launch(k, f.stream, x, y, n, a));
    OK(plugin->stream->synchronize(f.stream));
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i++) wrong += to[i] != i * a;
    ck_assert_int_eq(wrong, 0);
    plugin->memory->release(f.device, x);
    plugin->memory->release(f.device, y);
}

START_TEST(compiles_and_runs) {
    static const int64_t sizes[] = {0, 1, 17, 4099, 1000003};
    kernel k;
    describe(&k, scale_source);
    OK(prepare(&k));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) run_and_check(&k, sizes[i], 3);
    plugin->work->release(f.device, k.exec);
    ck_assert_int_eq(each_file(NULL), 1);
}
END_TEST

START_TEST(dialect_is_c11) {
    const tenon_dialect *dialect;
    OK(plugin->work->dialect(f.device, &dialect));
    ck_assert_uint_eq(dialect->language, TENON_LANGUAGE_C11);
    ck_assert_uint_ge(dialect->vector_bytes, 16);
}
END_TEST

/* Small launches run in the call, large ones on the pool: both make the stream fail the same way. */
START_TEST(late_failures_stick) {
    static const int64_t sizes[] = {16, 1000000};
    char text[512];
    for (int i = 0; i < 2; i++) {
        kernel k;
        tenon_stream *stream, *waiter;
        tenon_event *event;
        int64_t n = sizes[i];
        tenon_memory *x = fixture_memory(&f, (uint64_t)n * 4), *y = fixture_memory(&f, (uint64_t)n * 4);
        int32_t *from = (int32_t *)(void *)fixture_address(&f, x);
        for (int64_t j = 0; j < n; j++) from[j] = (int32_t)j;
        describe(&k, scale_source);
        OK(prepare(&k));
        OK(plugin->stream->create(f.device, &stream));
        OK(plugin->stream->create(f.device, &waiter));
        OK(plugin->event->create(f.device, &event));
        OK(launch(&k, stream, x, y, n, -1));
        tenon_status recorded = plugin->event->record(event, stream);
        ck_assert_uint_eq(recorded, TENON_STATUS_OK);
        (void)plugin->event->wait(waiter, event);
        ck_assert_uint_eq(plugin->stream->synchronize(stream), TENON_STATUS_OUT_OF_RANGE);
        fixture_late_report(text);
        ck_assert_str_ne(text, "");
        ck_assert_uint_eq(plugin->stream->synchronize(stream), TENON_STATUS_OUT_OF_RANGE);
        ck_assert_uint_eq(plugin->stream->query(stream), TENON_STATUS_OUT_OF_RANGE);
        REFUSES(TENON_STATUS_FAILED_STREAM, launch(&k, stream, x, y, n, 1));
        REFUSES(TENON_STATUS_FAILED_STREAM, plugin->stream->fill(stream, (tenon_buffer){y, 0}, 0, 1, 1));
        REFUSES(TENON_STATUS_FAILED_STREAM, plugin->event->wait(stream, event));
        ck_assert_uint_eq(plugin->event->query(event), TENON_STATUS_OUT_OF_RANGE);
        ck_assert_uint_eq(plugin->event->synchronize(event), TENON_STATUS_OUT_OF_RANGE);
        ck_assert_uint_eq(plugin->stream->synchronize(waiter), TENON_STATUS_OUT_OF_RANGE);
        OK(plugin->event->record(event, stream)); /* completes at once, with the failure */
        ck_assert_uint_eq(plugin->event->query(event), TENON_STATUS_OUT_OF_RANGE);
        OK(plugin->event->record(event, f.stream));
        OK(plugin->event->synchronize(event));
        plugin->event->destroy(event);
        plugin->stream->destroy(stream);
        plugin->stream->destroy(waiter);
        run_and_check(&k, 100, 1); /* other streams go on */
        plugin->work->release(f.device, k.exec);
        plugin->memory->release(f.device, x);
        plugin->memory->release(f.device, y);
    }
}
END_TEST

START_TEST(bad_launches_are_refused) {
    kernel k;
    tenon_memory *x = fixture_memory(&f, 64), *y = fixture_memory(&f, 64);
    describe(&k, scale_source);
    OK(prepare(&k));
    REFUSES(TENON_STATUS_INVALID, launch(&k, f.stream, x, y, 17, 1)); /* past the allocations */
    REFUSES(TENON_STATUS_INVALID, launch(&k, f.stream, x, y, -1, 1));
    REFUSES(TENON_STATUS_INVALID, launch(&k, f.stream, x, y, INT64_MAX, 1));
    REFUSES(TENON_STATUS_INVALID, launch(&k, f.stream, x, NULL, 4, 1));
    int64_t n = 4;
    tenon_buffer buffers[] = {{x, 0}, {y, 2}};
    const tenon_grid grids[] = {{{4, 1, 1}}, {{4, 2, 1}}};
    tenon_launch what = {.struct_size = sizeof what,
                         .buffer_count = 2,
                         .buffers = buffers,
                         .symbols = &n,
                         .grids = grids,
                         .symbol_count = 1,
                         .grid_count = 2};
    REFUSES(TENON_STATUS_INVALID, plugin->work->launch(f.stream, k.exec, &what)); /* offset 2 of i32 */
    buffers[1].offset = 0;
    REFUSES(TENON_STATUS_INVALID, plugin->work->launch(f.stream, k.exec, &what)); /* two dimensions */
    what.grid_count = 1;
    REFUSES(TENON_STATUS_INVALID, plugin->work->launch(f.stream, k.exec, &what));
    what.buffer_count = 1;
    REFUSES(TENON_STATUS_INVALID, plugin->work->launch(f.stream, k.exec, &what));
    what.struct_size = 8;
    REFUSES(TENON_STATUS_INVALID, plugin->work->launch(f.stream, k.exec, &what));
    struct {
        tenon_launch launch;
        uint64_t tail;
    } longer = {what, 1};
    longer.launch.struct_size = sizeof longer;
    REFUSES(TENON_STATUS_UNSUPPORTED, plugin->work->launch(f.stream, k.exec, &longer.launch));
    OK(plugin->stream->synchronize(f.stream));
    plugin->work->release(f.device, k.exec);
    plugin->memory->release(f.device, x);
    plugin->memory->release(f.device, y);
}
END_TEST

START_TEST(bad_works_are_refused) {
    kernel k;
    describe(&k, scale_source);
    k.kernel.language = TENON_LANGUAGE_OPENCL_C;
    REFUSES(TENON_STATUS_UNSUPPORTED, prepare(&k));
    describe(&k, scale_source);
    k.entries[1].name = "no_such_entry";
    REFUSES(TENON_STATUS_INVALID, prepare(&k));
    describe(&k, scale_source);
    k.work.kind = TENON_WORK_GRAPH;
    REFUSES(TENON_STATUS_UNSUPPORTED, prepare(&k));
    describe(&k, scale_source);
    k.operands[1].view.rank = 9;
    REFUSES(TENON_STATUS_INVALID, prepare(&k));
    describe(&k, scale_source);
    k.operands[1].view.dims[0].symbol = 1;
    REFUSES(TENON_STATUS_INVALID, prepare(&k));
    describe(&k, scale_source);
    k.operands[0].view.dtype = 99;
    REFUSES(TENON_STATUS_INVALID, prepare(&k));
    describe(&k, scale_source);
    k.operands[0].layout = 1;
    REFUSES(TENON_STATUS_UNSUPPORTED, prepare(&k));
    describe(&k, scale_source);
    k.kernel.struct_size = 8;
    REFUSES(TENON_STATUS_INVALID, prepare(&k));
    describe(&k, scale_source);
    k.work.kernel = NULL;
    REFUSES(TENON_STATUS_INVALID, prepare(&k));
    ck_assert_int_eq(each_file(NULL), 1); /* of the work with a wrong entry: its source compiled */
}
END_TEST

START_TEST(compiler_errors_are_told) {
    kernel k;
    describe(&k, "int32_t scale(void) { this is no C; }\n");
    ck_assert_uint_eq(prepare(&k), TENON_STATUS_COMPILE_FAILED);
    ck_assert_ptr_nonnull(strstr(fixture_report(), "error"));
    ck_assert_int_eq(each_file(NULL), 0); /* nothing is left lying about */
}
END_TEST

START_TEST(prepare_can_be_cancelled) {
    kernel k;
    describe(&k, scale_source);
    fixture_cancel(1);
    REFUSES(TENON_STATUS_CANCELLED, prepare(&k));
    fixture_cancel(0);
    OK(prepare(&k));
    run_and_check(&k, 10, 2);
    plugin->work->release(f.device, k.exec);
}
END_TEST

static struct stat seen;
static void look(const char *path) {
    ck_assert_int_eq(stat(path, &seen), 0);
}

/* Flips, cuts or replaces bytes of the cached file. */
static int damage;
static void harm(const char *path) {
    int file = open(path, O_RDWR);
    ck_assert_int_ge(file, 0);
    off_t size = lseek(file, 0, SEEK_END), at[] = {0, 4000, size - 100, size - 70, size - 1};
    char byte;
    if (damage < 5) {
        ck_assert_int_eq(pread(file, &byte, 1, at[damage]), 1);
        byte = (char)(byte ^ 0x10);
        ck_assert_int_eq(pwrite(file, &byte, 1, at[damage]), 1);
    } else if (damage == 5) {
        ck_assert_int_eq(ftruncate(file, size / 2), 0);
    } else if (damage == 6) {
        ck_assert_int_eq(ftruncate(file, 0), 0);
    } else if (damage == 7) {
        ck_assert_int_eq(fchmod(file, 0666), 0); /* others could write it */
    } else {
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    }
    (void)close(file);
}

START_TEST(cache_survives_processes_and_damage) {
    kernel k;
    for (damage = -1; damage <= 8; damage++) {
        describe(&k, scale_source);
        OK(prepare(&k));
        run_and_check(&k, 33, 5);
        plugin->work->release(f.device, k.exec);
        ck_assert_int_eq(each_file(look), 1);
        ck_assert_uint_eq(seen.st_mode & 0777, 0600);
        ino_t before = seen.st_ino;
        if (damage >= 0) (void)each_file(harm);
        plugin->stream->destroy(f.stream); /* a new device has no memory of what it compiled */
        plugin->device->close(f.device);
        OK(plugin->device->open(f.instance, 0, &f.device));
        OK(plugin->stream->create(f.device, &f.stream));
        describe(&k, scale_source);
        OK(prepare(&k));
        run_and_check(&k, 33, 5);
        plugin->work->release(f.device, k.exec);
        ck_assert_int_eq(each_file(look), 1);
        if (damage < 0) ck_assert_uint_eq(seen.st_ino, before); /* used as it is */
    }
}
END_TEST

START_TEST(cache_of_others_is_not_used) {
    kernel k;
    char folder[96];
    (void)snprintf(folder, sizeof folder, "%s/cpu", cache);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_eq(chmod(folder, 0770), 0);
    describe(&k, scale_source);
    OK(prepare(&k)); /* compiles all the same, elsewhere */
    run_and_check(&k, 33, 5);
    plugin->work->release(f.device, k.exec);
    ck_assert_int_eq(each_file(NULL), 0);
}
END_TEST

static void *prepare_many(void *argument) {
    (void)argument;
    for (int i = 0; i < 4; i++) {
        kernel k;
        char source[sizeof scale_source + 32];
        (void)snprintf(source, sizeof source, "%s/* %d */\n", scale_source, i);
        describe(&k, source);
        OK(prepare(&k));
        plugin->work->release(f.device, k.exec);
    }
    return NULL;
}

START_TEST(threads_share_compilations) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, prepare_many, NULL), 0);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(each_file(NULL), 4);
}
END_TEST

START_TEST(no_compiler_means_no_kernel_work) {
    tenon_device *device;
    tenon_device_info info = {.struct_size = sizeof info};
    const tenon_dialect *dialect;
    ck_assert_int_eq(setenv("TENON_CC", "/no/such/compiler", 1), 0);
    OK(plugin->device->open(f.instance, 0, &device));
    ck_assert_int_eq(unsetenv("TENON_CC"), 0);
    OK(plugin->device->info(device, &info));
    ck_assert_uint_eq(info.work_kinds, TENON_WORK_OP);
    REFUSES(TENON_STATUS_UNSUPPORTED, plugin->work->dialect(device, &dialect));
    plugin->device->close(device);
}
END_TEST

static Suite *suite(void) {
    Suite *made = suite_create("cpu kernel work");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, compiles_and_runs);
    tcase_add_test(cases, dialect_is_c11);
    tcase_add_test(cases, late_failures_stick);
    tcase_add_test(cases, bad_launches_are_refused);
    tcase_add_test(cases, bad_works_are_refused);
    tcase_add_test(cases, compiler_errors_are_told);
    tcase_add_test(cases, prepare_can_be_cancelled);
    tcase_add_test(cases, cache_survives_processes_and_damage);
    tcase_add_test(cases, cache_of_others_is_not_used);
    tcase_add_test(cases, threads_share_compilations);
    tcase_add_test(cases, no_compiler_means_no_kernel_work);
    suite_add_tcase(made, cases);
    return made;
}

int main(void) {
    fixture_load();
    return fixture_main(suite());
}
