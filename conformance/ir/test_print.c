/* The thirteen programs printed, compiled and run: against their meaning and the interpreter, whatever the split. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/host/error.h>

#include "ir_cases.h"
#include "printed.h"

static const char *const program_names[] = {
    "rmsnorm",    "softmax",     "welford_layernorm", "online_softmax_attention",
    "argmax",     "cumsum",      "scatter_add",       "maxpool_grad",
    "sum_split",  "int4_matmul", "kv_append",         "dropout",
    "stable_sort"};
enum { PROGRAMS = sizeof program_names / sizeof *program_names };

static uint32_t number_of(const char *program) {
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (strcmp(program_names[i], program) == 0) return i;
    ck_abort_msg("no program %s", program);
    return 0;
}

static void load_all(tenon__kir_program *programs[PROGRAMS]) {
    for (uint32_t i = 0; i < PROGRAMS; i++) programs[i] = ir_load(program_names[i]);
}

static void free_all(tenon__kir_program *programs[PROGRAMS]) {
    for (uint32_t i = 0; i < PROGRAMS; i++) tenon__kir_destroy(programs[i]);
}

/* The interpreter's outputs as values to compare with. */
static double **interpret(const ir_case *test, const tenon__kir_program *program) {
    ir_run run;
    void *pointers[IR_MAX_BUFFERS];
    tenon__kir_error error;
    ir_case_begin(test, program, &run);
    ir_run_pointers(&run, pointers);
    ck_assert_uint_eq(tenonc_interp_run(program, run.symbols, run.scalars, pointers, NULL, &error), TENON_STATUS_OK);
    double **values = calloc(IR_MAX_BUFFERS, sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (uint32_t b = 0; b < run.buffer_count; b++) {
        values[b] = calloc((size_t)run.buffers[b].count + 1, sizeof **values);
        ck_assert_ptr_nonnull(values[b]);
        for (int64_t i = 0; i < run.buffers[b].count; i++) values[b][i] = ir_get(&run, b, i);
    }
    ir_run_end(&run);
    return values;
}

static void same_bytes(const ir_run *a, const ir_run *b, const ir_case *test, const char *target) {
    for (uint32_t i = 0; i < a->buffer_count; i++)
        ck_assert_msg(memcmp(a->buffers[i].bytes, b->buffers[i].bytes, a->buffers[i].size + 2 * (size_t)IR_FENCE) == 0,
                      "%s %s on %s: a split changes %s", test->program, test->name, target,
                      a->buffers[i].operand->name);
}

static void run_once(const printed_set *set, const ir_case *test, const tenon__kir_program *program, uint32_t split,
                     ir_run *run, const char *target) {
    void *pointers[IR_MAX_BUFFERS];
    ir_case_begin(test, program, run);
    ir_run_pointers(run, pointers);
    ck_assert_msg(printed_run(set, number_of(test->program), run->symbols, run->scalars, pointers, split),
                  "%s %s on %s: out of range", test->program, test->name, target);
}

static void run_case(const printed_set *set, const ir_case *test, const tenon__kir_program *program,
                     const char *target) {
    ir_run run, other;
    ir_case_begin(test, program, &other);
    double **want = ir_case_want(test, &other), **interpreted = interpret(test, program);
    ir_run_end(&other);
    run_once(set, test, program, PRINTED_WHOLE, &run, target);
    ir_case_check(test, &run, want, target);
    ir_case_check(test, &run, interpreted, target);
    for (uint32_t split = PRINTED_BACKWARDS; split <= PRINTED_SPLITS; split++) {
        run_once(set, test, program, split, &other, target);
        same_bytes(&run, &other, test, target);
        ir_run_end(&other);
    }
    ir_case_free(&run, want);
    ir_case_free(&run, interpreted);
    ir_run_end(&run);
}

static void run_target(const printed_target *target, const tenon__schedule_options *options) {
    tenon__kir_program *programs[PROGRAMS];
    if (!printed_target_usable(target)) {
        printf("not here: %s\n", target->name);
        return;
    }
    load_all(programs);
    printed_set *set = printed_compile(target, options, (const tenon__kir_program *const *)programs, PROGRAMS);
    for (uint32_t i = 0; i < ir_case_count; i++)
        run_case(set, &ir_cases[i], programs[number_of(ir_cases[i].program)], target->name);
    printed_free(set);
    free_all(programs);
}

START_TEST(printed_programs_mean_what_they_say) {
    run_target(&printed_targets[_i], NULL);
}
END_TEST

/* Small chunks put every boundary inside the small cases. */
START_TEST(small_chunks_change_nothing) {
    run_target(&printed_targets[1], &(tenon__schedule_options){.chunk = 1});
    run_target(&printed_targets[1], &(tenon__schedule_options){.scalar = 1});
}
END_TEST

/* A loaded index out of range is answered by 1, and touches nothing outside. */
START_TEST(bad_indices_are_reported) {
    static const struct {
        const char *program;
        int64_t symbols[IR_MAX_SYMBOLS];
        uint32_t buffer; /* of the indices */
        double index;
    } rows[] = {{"scatter_add", {5, 3, 2}, 1, 5},
                {"scatter_add", {5, 3, 2}, 1, -6},
                {"kv_append", {2, 1, 2, 4, 70, 280, 280, 70}, 1, 3},
                {"kv_append", {2, 1, 2, 4, 3, 6, 6, 3}, 1, -1}};
    const printed_target *target = &printed_targets[_i];
    tenon__kir_program *programs[PROGRAMS];
    if (!printed_target_usable(target)) return;
    load_all(programs);
    printed_set *set = printed_compile(target, NULL, (const tenon__kir_program *const *)programs, PROGRAMS);
    for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        uint32_t number = number_of(rows[r].program);
        ir_run run, want;
        void *pointers[IR_MAX_BUFFERS];
        tenon__kir_error error;
        ir_run_begin(&run, programs[number], rows[r].symbols, NULL, 7);
        ir_run_begin(&want, programs[number], rows[r].symbols, NULL, 7);
        for (int64_t i = 0; i < run.buffers[rows[r].buffer].count; i++) {
            ir_set(&run, rows[r].buffer, i, i == 1 ? rows[r].index : 0);
            ir_set(&want, rows[r].buffer, i, i == 1 ? rows[r].index : 0);
        }
        ir_run_pointers(&want, pointers);
        tenonc_interp_run(programs[number], want.symbols, NULL, pointers, NULL, &error);
        ir_run_pointers(&run, pointers);
        ck_assert_msg(!printed_run(set, number, run.symbols, NULL, pointers, PRINTED_SPLITS), "%s with %g on %s",
                      rows[r].program, rows[r].index, target->name);
        for (uint32_t i = 0; i < run.buffer_count; i++)
            ck_assert(memcmp(run.buffers[i].bytes, want.buffers[i].bytes, run.buffers[i].size + 2 * (size_t)IR_FENCE) ==
                      0);
        ir_run_end(&run);
        ir_run_end(&want);
    }
    printed_free(set);
    free_all(programs);
}
END_TEST

/* The text depends on the program, its names apart, the dialect and the options, and on nothing else. */
START_TEST(text_is_a_function_of_the_program) {
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        tenon__kir_program *program = ir_load(program_names[i]), *again;
        tenon__kir_error error;
        tenon__printed *first, *second;
        char *text;
        ck_assert_uint_eq(tenon__kir_print(program, &text), TENON_STATUS_OK);
        ck_assert_uint_eq(tenon__kir_parse(text, strlen(text), &error, &again), TENON_STATUS_OK);
        ck_assert_uint_eq(tenon__print(program, printed_dialect(&printed_targets[2]), NULL, &first), TENON_STATUS_OK);
        ck_assert_uint_eq(tenon__print(program, printed_dialect(&printed_targets[2]), NULL, &second), TENON_STATUS_OK);
        ck_assert_str_eq(first->source, second->source);
        ck_assert(first->hash[0] == second->hash[0] && first->hash[1] == second->hash[1]);
        tenon__printed_free(first);
        tenon__printed_free(second);
        tenon__kir_destroy(program);
        tenon__kir_destroy(again);
        free(text);
    }
}
END_TEST

START_TEST(bad_dialects_are_refused) {
    static const struct {
        const char *name;
        tenon_dialect dialect;
        tenon_status status;
    } rows[] = {
        {"no language", {.struct_size = sizeof(tenon_dialect)}, TENON_STATUS_UNSUPPORTED},
        {"a later one",
         {.struct_size = sizeof(tenon_dialect), .language = TENON_LANGUAGE_CUDA_C},
         TENON_STATUS_UNSUPPORTED},
        {"odd vectors",
         {.struct_size = sizeof(tenon_dialect), .language = TENON_LANGUAGE_C11, .vector_bytes = 48},
         TENON_STATUS_INVALID},
        {"wide vectors",
         {.struct_size = sizeof(tenon_dialect), .language = TENON_LANGUAGE_C11, .vector_bytes = 128},
         TENON_STATUS_INVALID},
    };
    tenon__kir_program *program = ir_load("softmax");
    for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        tenon__printed *printed = NULL;
        ck_assert_msg(tenon__print(program, &rows[r].dialect, NULL, &printed) == rows[r].status, "%s", rows[r].name);
        ck_assert_ptr_null(printed);
        ck_assert(strlen(tenonh_error_message()) > 0);
    }
    tenon__kir_destroy(program);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("print");
    TCase *cases = tcase_create("print");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, printed_programs_mean_what_they_say, 0, (int)printed_target_count);
    tcase_add_loop_test(cases, bad_indices_are_reported, 0, (int)printed_target_count);
    tcase_add_test(cases, small_chunks_change_nothing);
    tcase_add_test(cases, text_is_a_function_of_the_program);
    tcase_add_test(cases, bad_dialects_are_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
