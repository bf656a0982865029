/* The thirteen programs in the interpreter, against their meaning: whole, items backwards, merged loops in parts. */
#include <check.h>
#include <stdlib.h>

#include "ir_cases.h"

static const struct mode {
    const char *name;
    tenonc_interp_options options;
} modes[] = {
    {"interpreter", {.parts = 1, .backwards = false}},
    {"interpreter, items backwards", {.parts = 1, .backwards = true}},
    {"interpreter, loops in 2 parts", {.parts = 2, .backwards = false}},
    {"interpreter, loops in 7 parts", {.parts = 7, .backwards = false}},
};

static void run_case(const ir_case *test, const struct mode *mode) {
    tenon__kir_program *program = ir_load(test->program);
    ir_run run;
    void *pointers[IR_MAX_BUFFERS];
    tenon__kir_error error;
    ir_case_begin(test, program, &run);
    double **want = ir_case_want(test, &run);
    ir_run_pointers(&run, pointers);
    tenon_status status = tenonc_interp_run(program, run.symbols, run.scalars, pointers, &mode->options, &error);
    ck_assert_msg(status == TENON_STATUS_OK, "%s %s: %s", test->program, test->name, error.text);
    ir_case_check(test, &run, want, mode->name);
    ir_case_free(&run, want);
    ir_run_end(&run);
    tenon__kir_destroy(program);
}

START_TEST(programs_mean_what_they_say) {
    for (uint32_t m = 0; m < sizeof modes / sizeof *modes; m++) run_case(&ir_cases[_i], &modes[m]);
}
END_TEST

/* A loaded index out of range fails the run and touches nothing. */
START_TEST(bad_indices_fail_the_run) {
    static const struct {
        const char *program;
        int64_t symbols[IR_MAX_SYMBOLS];
        uint32_t buffer; /* of the indices */
        double index;
    } rows[] = {{"scatter_add", {5, 3, 2}, 1, 5},
                {"scatter_add", {5, 3, 2}, 1, -6},
                {"kv_append", {2, 1, 2, 4, 3, 6, 6, 3}, 1, 3}};
    for (uint32_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        tenon__kir_program *program = ir_load(rows[r].program);
        ir_run run;
        void *pointers[IR_MAX_BUFFERS];
        tenon__kir_error error;
        ir_run_begin(&run, program, rows[r].symbols, NULL, 7);
        for (int64_t i = 0; i < run.buffers[rows[r].buffer].count; i++)
            ir_set(&run, rows[r].buffer, i, i == 1 ? rows[r].index : 0);
        ir_run_pointers(&run, pointers);
        tenon_status status = tenonc_interp_run(program, run.symbols, run.scalars, pointers, NULL, &error);
        ck_assert_msg(status == TENON_STATUS_OUT_OF_RANGE, "%s with %g: %u", rows[r].program, rows[r].index, status);
        ck_assert(ir_run_fences_hold(&run));
        ir_run_end(&run);
        tenon__kir_destroy(program);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kir_meaning");
    TCase *cases = tcase_create("meaning");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, programs_mean_what_they_say, 0, (int)ir_case_count);
    tcase_add_test(cases, bad_indices_fail_the_run);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
