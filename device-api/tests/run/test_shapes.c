/* One session for many shapes: results are those of a session that knows one shape only, every plan is proved, and what
 * is prepared serves the shapes after it.
 * Usage: test_shapes DEVICE */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tenon/host/tenon.h>

#include "plan/plan.h"

static tenonh_registry *registry;
static tenonh_device *device;

static void good(tenon_status status) {
    ck_assert_msg(status == TENON_STATUS_OK, "%s", tenonh_error_message());
}

#define HEAD "tenon.graph 1\nsymbol n in 0 .. 4096\nsymbol m in 0 .. 4096\n"

/* Each has f32 inputs. `most`: prepares in all, as op work or as kernels; what differs with the numbers may need another one. */
static const struct row {
    const char *name, *text;
    uint32_t most;
} rows[] = {
    {"append", /* a cache that grows by an element, and its last two elements */
     HEAD "func main(%0 \"past\": f32[2, n, 4], %1 \"new\": f32[2, 1, 4]) {\n"
          "  %2: f32[2, n + 1, 4] = tenon.concat.1(%0, %1) {axis = 1}\n"
          "  %3: f32[2, 4, n + 1] = permute(%2) {perm = [0, 2, 1]}\n"
          "  %4: f32[2, n + 1, n + 1] = matmul(%2, %3)\n"
          "  %5: f32[2, n + 1, n + 1] = tenon.softmax.1(%4) {axis = 2}\n"
          "  %6: f32[2, 1, 4] = slice(%2) {dims = [2, 1, 4], starts = [0, n, 0], steps = [1, 1, 1]}\n"
          "  %7: f32[2, 1, 4] = exp(%6)\n"
          "  return \"cache\" %2, \"weights\" %5, \"last\" %7\n}\n",
     13},
    {"side_by_side", /* parts computed where the whole lies */
     HEAD "func main(%0 \"x\": f32[n, 6], %1 \"y\": f32[m, 6]) {\n"
          "  %2: f32[n, 6] = exp(%0)\n  %3: f32[m, 6] = neg(%1)\n"
          "  %4: f32[n + m, 6] = tenon.concat.1(%2, %3) {axis = 0}\n"
          "  %5: f32[n + m, 6] = abs(%4)\n  %6: f32[n, 6] = sqrt(%2)\n"
          "  return \"z\" %5, \"w\" %6\n}\n",
     8},
    {"repeats", /* n may be 1, and then repeats */
     HEAD "func main(%0 \"x\": f32[n, 3], %1 \"y\": f32[m, 3]) {\n"
          "  %2: f32[broadcast(n, m), 3] = tenon.broadcast.1(%0, %1)\n"
          "  %3: f32[broadcast(n, m), 3] = tenon.broadcast.1(%1, %0)\n"
          "  %4: f32[broadcast(n, m), 3] = mul(%2, %3)\n"
          "  return \"z\" %4\n}\n",
     6},
    {"copied_or_not", /* strides can express the reshape only where n is 1 */
     HEAD "func main(%0 \"x\": f32[n, 4, 5], %1 \"y\": f32[m]) {\n"
          "  %2: f32[4, n, 5] = permute(%0) {perm = [1, 0, 2]}\n"
          "  %3: f32[4*n, 5] = reshape(%2) {dims = [4*n, 5]}\n"
          "  %4: f32[4*n, 5] = exp(%3)\n  %5: f32[m] = neg(%1)\n"
          "  return \"z\" %4, \"w\" %5\n}\n",
     8},
    {"margins", /* a pad whose width is a number of the shape */
     HEAD "func main(%0 \"x\": f32[n, 3], %1 \"y\": f32[m]) {\n"
          "  %2: f32[n + m, 3] = pad(%0) {low = [m, 0], scalars = [0x0]}\n"
          "  %3: f32[n + m, 3] = exp(%2)\n  return \"z\" %3, \"w\" %1\n}\n",
     40},
    {"turned", /* x and its transpose lie alike only where n is 1: else the sum must not be made where x is */
     HEAD "func main(%0 \"x\": f32[n, n], %1 \"y\": f32[m]) {\n"
          "  %2: f32[n, n] = exp(%0)\n  %3: f32[n, n] = permute(%2) {perm = [1, 0]}\n"
          "  %4: f32[n, n] = add(%2, %3)\n  %5: f32[m] = neg(%1)\n"
          "  return \"z\" %4, \"w\" %5\n}\n",
     6},
    {"emptied", /* where m is 0 nothing reads the first result once the second one is there */
     HEAD "func main(%0 \"x\": f32[n, 3], %1 \"y\": f32[m, 3]) {\n"
          "  %2: f32[n, 3] = exp(%0)\n  %3: f32[n, 3] = neg(%2)\n"
          "  %4: f32[m, 3] = slice(%2) {dims = [m, 3], starts = [0, 0], steps = [1, 1]}\n"
          "  %5: i64[2] = fill() {dtype = i64, scalars = [0x0]}\n"
          "  %6: f32[n, 3] = update_slice(%4, %5, %3)\n"
          "  return \"z\" %6\n}\n",
     8},
};

static const int64_t shapes[][2] = {{5, 2}, {6, 2}, {7, 2},  {8, 2},  {9, 2},  {1, 2},  {1, 1}, {0, 3},
                                    {2, 1}, {7, 7}, {33, 7}, {34, 7}, {35, 6}, {64, 1}, {5, 2}, {120, 9}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* The first class is one whose dims hide how things lie, and that they are read. */
static const int64_t from_one[][2] = {{3, 1}, {1, 0}, {5, 0}, {1, 1}, {5, 2}, {4, 3}};
enum { FROM_ONE = sizeof from_one / sizeof *from_one };

/* Numbers for the dims of input `index`, by its symbols' names. */
static uint32_t dims_of(const tenonh_function *function, uint32_t index, const int64_t *shape, int64_t *dims) {
    const tenonh_value *value = tenonh_function_input(function, index);
    for (uint32_t i = 0; i < value->rank; i++)
        dims[i] = value->dims[i]->kind == TENON__DIM_NUMBER ? value->dims[i]->number
                                                            : shape[strcmp(value->dims[i]->symbol->name, "n") != 0];
    return value->rank;
}

/* Whether a shape does not go with the row: dims that do not broadcast, a slice that leaves its operand. */
static bool is_misfit(tenon_status status) {
    return status == TENON_STATUS_INVALID &&
           (strstr(tenonh_error_message(), "broadcast") || strstr(tenonh_error_message(), "slice"));
}

/* False where the shape does not go with the row. */
static bool run(tenonh_session *session, const tenonh_function *function, const int64_t *shape, tenonh_array *outputs) {
    tenonh_array inputs[2] = {{0}};
    for (uint32_t i = 0; i < 2; i++) {
        int64_t dims[TENON_MAX_RANK];
        uint32_t rank = dims_of(function, i, shape, dims);
        good(tenonh_array_create(TENON_DTYPE_F32, rank, dims, &inputs[i]));
        for (int64_t k = 0; k < tenonh_array_count(&inputs[i]); k++)
            ((float *)inputs[i].data)[k] = (float)((k * 7 + i * 3) % 11) / 8;
    }
    tenon_status status =
        tenonh_session_run_arrays(session, inputs, 2, outputs, tenonh_function_output_count(function));
    for (uint32_t i = 0; i < 2; i++) tenonh_array_free(&inputs[i]);
    if (is_misfit(status)) return false;
    good(status);
    return true;
}

static tenonh_module *parsed(const struct row *row) {
    tenonh_module *module;
    ck_assert_msg(tenonh_module_parse(row->text, strlen(row->text), &module) == TENON_STATUS_OK, "%s: %s", row->name,
                  tenonh_error_message());
    return module;
}

static tenonh_session *session_of(const tenonh_module *module, uint32_t keep_plans) {
    const tenonh_session_options options = {
        .struct_size = sizeof options, .require_device = 1, .keep_plans = keep_plans};
    tenonh_session *session;
    good(tenonh_session_create(module, device, &options, &session));
    return session;
}

/* The session's results are those of a session that knows this shape alone. */
static void expect_same(const struct row *row, tenonh_session *session, const tenonh_module *module,
                        const int64_t *shape) {
    const tenonh_function *function = tenonh_module_function(module, "main");
    tenonh_session *alone = session_of(module, 0);
    tenonh_array got[3] = {{0}}, wanted[3] = {{0}};
    bool fits = run(session, function, shape, got);
    ck_assert(run(alone, function, shape, wanted) == fits);
    for (uint32_t i = 0; fits && i < tenonh_function_output_count(function); i++) {
        bool same = got[i].size == wanted[i].size && memcmp(got[i].dims, wanted[i].dims, sizeof got[i].dims) == 0;
        ck_assert_msg(same && memcmp(got[i].data, wanted[i].data, got[i].size) == 0, "%s: output %u at %lld, %lld",
                      row->name, i, (long long)shape[0], (long long)shape[1]);
        tenonh_array_free(&got[i]);
        tenonh_array_free(&wanted[i]);
    }
    tenonh_session_release(alone);
}

/* With plans kept and with plans dropped: these give their memory to others. */
START_TEST(test_results) {
    const struct row *row = &rows[_i / 2];
    tenonh_module *module = parsed(row);
    tenonh_session *session = session_of(module, _i % 2 ? 2 : 0);
    for (uint32_t s = 0; s < SHAPES; s++) expect_same(row, session, module, shapes[s]);
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    good(tenonh_session_stats_read(session, &stats));
    ck_assert_msg(stats.prepares <= row->most, "%s: %llu prepares", row->name, (unsigned long long)stats.prepares);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}
END_TEST

START_TEST(test_from_one) {
    tenonh_module *module = parsed(&rows[_i]);
    tenonh_session *session = session_of(module, 0);
    for (uint32_t s = 0; s < FROM_ONE; s++) expect_same(&rows[_i], session, module, from_one[s]);
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}
END_TEST

/* What a class remembers of numbers that were not of it must not outlive a trim. */
START_TEST(test_trimmed) {
    static const struct row row = {"kept_apart",
                                   HEAD "func main(%0 \"x\": f32[n, 4, 5], %1 \"y\": f32[m, 4, 5]) {\n"
                                        "  %2: f32[4, n, 5] = permute(%0) {perm = [1, 0, 2]}\n"
                                        "  %3: f32[4, m, 5] = permute(%1) {perm = [1, 0, 2]}\n"
                                        "  %4: f32[4, n, 5] = exp(%2)\n  %5: f32[4, m, 5] = neg(%3)\n"
                                        "  return \"z\" %4, \"w\" %5\n}\n",
                                   0};
    /* Of m = 1 and what was made for it nothing stays but in the class of {6, 6}, whose plan is used again. */
    static const int64_t before[][2] = {{5, 5}, {6, 6}, {6, 1}, {1, 6}, {6, 6}, {1, 9}};
    tenonh_module *module = parsed(&row);
    tenonh_session *session = session_of(module, 3);
    for (uint32_t s = 0; s < sizeof before / sizeof *before; s++) expect_same(&row, session, module, before[s]);
    for (uint32_t i = 0; i < 3; i++) good(tenonh_device_trim(device, NULL)); /* plans let go of execs, then these go */
    expect_same(&row, session, module, (int64_t[]){4, 4});
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}
END_TEST

/* Every plan's order and memory are proved from its commands. */
START_TEST(test_proofs) {
    tenonh_module *module = parsed(&rows[_i]);
    const tenonh_function *function = tenonh_module_function(module, "main");
    tenon__plan_context context = {.devices = {device}, .check = true};
    tenon__lowered *lowered;
    good(tenon__execs_create(&context.execs));
    good(tenon__lowered_create(module, NULL, NULL, &lowered));
    ck_assert_msg(lowered->module != NULL, "%s: %s", rows[_i].name, lowered->reason);
    for (uint32_t s = 0; s < SHAPES; s++) {
        int64_t dims[2][TENON_MAX_RANK];
        const int64_t *lists[2] = {dims[0], dims[1]};
        tenon__plan *plan = NULL;
        for (uint32_t i = 0; i < 2; i++) dims_of(function, i, shapes[s], dims[i]);
        tenon_status status = tenon__plan_create(&context, lowered, "main", lists, 2, NULL, &plan);
        if (is_misfit(status)) continue;
        ck_assert_msg(status == TENON_STATUS_OK, "%s at shape %u: %s", rows[_i].name, s, tenonh_error_message());
        tenon__plan_destroy(plan);
    }
    tenon__lowered_destroy(lowered);
    tenon__execs_destroy(context.execs);
    tenonh_module_destroy(module);
}
END_TEST

static uint64_t plans_of(const tenonh_session *session) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    good(tenonh_session_stats_read(session, &stats));
    return stats.plans;
}

/* A length that grows evenly is planned for before it comes; one that does not come costs nothing and hurts nobody. */
START_TEST(test_ahead) {
    const struct row *row = &rows[0]; /* append */
    tenonh_module *module = parsed(row);
    tenonh_session *session = session_of(module, 0);
    uint64_t runs = 0;
    for (int64_t n = 40; n < 48; n++, runs++) expect_same(row, session, module, (int64_t[]){n, 2});
    for (uint32_t i = 0; i < 5000 && plans_of(session) <= runs; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ck_assert_uint_eq(plans_of(session), runs + 1);
    expect_same(row, session, module, (int64_t[]){20, 2}); /* not what was guessed */
    for (int64_t n = 40; n > 36; n--) expect_same(row, session, module, (int64_t[]){n, 2});
    tenonh_session_release(session); /* while it may plan ahead */
    tenonh_module_destroy(module);
}
END_TEST

/* One of several loops on a session: the cache that comes back begins with what was put in. */
static void *grow(void *argument) {
    tenonh_session *session = argument;
    uintptr_t wrong = 0;
    for (int64_t n = 33; n < 64; n++) {
        tenonh_array inputs[2] = {{0}}, outputs[3] = {{0}};
        const int64_t past[] = {2, n, 4}, more[] = {2, 1, 4};
        bool made = tenonh_array_create(TENON_DTYPE_F32, 3, past, &inputs[0]) == TENON_STATUS_OK &&
                    tenonh_array_create(TENON_DTYPE_F32, 3, more, &inputs[1]) == TENON_STATUS_OK;
        for (int64_t k = 0; made && k < tenonh_array_count(&inputs[0]); k++) ((float *)inputs[0].data)[k] = (float)k;
        bool ran = made && tenonh_session_run_arrays(session, inputs, 2, outputs, 3) == TENON_STATUS_OK;
        wrong += !ran || outputs[0].dims[1] != n + 1 ||
                 memcmp(outputs[0].data, inputs[0].data, (size_t)n * 4 * sizeof(float)) != 0;
        for (uint32_t i = 0; i < 2; i++) tenonh_array_free(&inputs[i]);
        for (uint32_t i = 0; i < 3; i++) tenonh_array_free(&outputs[i]);
    }
    return (void *)wrong; // NOLINT(performance-no-int-to-ptr): a count
}

START_TEST(test_ahead_side_by_side) {
    enum { LOOPS = 4 };
    tenonh_module *module = parsed(&rows[0]);
    tenonh_session *session = session_of(module, 0);
    pthread_t threads[LOOPS];
    for (uint32_t i = 0; i < LOOPS; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, grow, session), 0);
    for (uint32_t i = 0; i < LOOPS; i++) {
        void *wrong;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_eq(wrong, NULL);
    }
    tenonh_session_release(session);
    tenonh_module_destroy(module);
}
END_TEST

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "cpu";
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, name, &device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s: %s\n", name, tenonh_error_message()), 5;
    Suite *suite = suite_create("shapes");
    TCase *tests = tcase_create(name);
    tcase_add_loop_test(tests, test_results, 0, 2 * (int)(sizeof rows / sizeof *rows));
    tcase_add_loop_test(tests, test_from_one, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(tests, test_trimmed);
    tcase_add_test(tests, test_ahead);
    tcase_add_test(tests, test_ahead_side_by_side);
    tcase_add_loop_test(tests, test_proofs, 0, (int)(sizeof rows / sizeof *rows));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the device does not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
