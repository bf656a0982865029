/* Base operators as printed kernels: the programs that the cpu backend is made of, lowered for a pattern, printed,
 * compiled and run on random strided operands, against the interpreter. Each target takes another sample of the
 * patterns; meanings of the operators themselves are the concern of other tests. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/helpers.h>
#include <tenon/host/error.h>

#include "kernel/kgen/patterns.h"
#include "kernel/lower.h"
#include "printed.h"

enum { STRIDE = 41, PROBLEMS = 3, MAX_ROWS = 512 };

static uint64_t state;

static int64_t below(int64_t limit) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(state >> 33) % limit;
}

/* -- A problem for a pattern -------------------------------------------------------------------------------------- */

static uint32_t group_of(const tenon_pattern *pattern, uint32_t axis) {
    uint32_t group = 0, end = pattern->ranks[0];
    while (axis >= end) end += pattern->ranks[++group];
    return group;
}

static uint32_t axis_count(const tenon_pattern *pattern) {
    return (uint32_t)pattern->ranks[0] + pattern->ranks[1] + pattern->ranks[2] + pattern->ranks[3];
}

static bool is_innermost(const tenon_pattern *pattern, uint32_t axis) {
    uint32_t last = axis_count(pattern) - 1;
    return axis == last || group_of(pattern, axis + 1) != group_of(pattern, axis);
}

/* Row-major with gaps, the innermost axes as the pattern says: those of stride 1 lie inside all others. */
static void lay_out(const tenon_pattern *pattern, uint32_t operand, tenon_canonical *problem) {
    uint32_t groups = tenon_pattern_groups(pattern, operand), count = axis_count(pattern);
    int64_t reach = 1;
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = count; i-- > 0;) {
            uint32_t group = group_of(pattern, i);
            uint32_t told = is_innermost(pattern, i) ? tenon_pattern_inner(pattern, operand, group) : TENON_INNER_ANY;
            bool one = told == TENON_INNER_ONE;
            int64_t extent = problem->dims[i] > problem->extents[i] ? problem->dims[i] : problem->extents[i];
            if (!(groups >> group & 1) || one != (pass == 0)) continue;
            problem->strides[operand][i] = told == TENON_INNER_ZERO ? 0 : reach;
            if (told != TENON_INNER_ZERO) reach *= extent + (one ? 0 : below(2));
        }
    }
}

static tenon_canonical problem_for(const tenon_pattern *pattern) {
    static const int64_t sizes[] = {1, 2, 1, 3, 1, 2}, inner[] = {37, 1, 70, 5, 131, 16};
    tenon_canonical problem = {.pattern = *pattern};
    uint32_t count = axis_count(pattern);
    int64_t total = 1;
    for (uint32_t i = count; i-- > 0;) {
        int64_t size = is_innermost(pattern, i) ? inner[below(6)] : sizes[below(6)];
        if (total * size > 6000) size = 1;
        problem.extents[i] = size;
        total *= size;
        problem.dims[i] = size;
        if (pattern->op == TENON_OP_PAD) {
            problem.low[i] = below(size);
            problem.dims[i] = below(size - problem.low[i] + 1);
        }
        if (pattern->op == TENON_OP_UPDATE_SLICE && group_of(pattern, i) == TENON_GROUP_P) problem.dims[i] += below(4);
    }
    if (pattern->op == TENON_OP_UPDATE_SLICE) problem.extents[count - 1] = pattern->ranks[TENON_GROUP_P];
    for (uint32_t k = 0; k < pattern->operand_count; k++) lay_out(pattern, k, &problem);
    return problem;
}

/* Indices in range, but for the last problem of a row, and starts that fit. */
static void set_indices(ir_run *run, const tenon_canonical *problem, bool valid) {
    tenon_op op = problem->pattern.op;
    uint32_t buffer = op == TENON_OP_SCATTER ? 0 : 1, last = axis_count(&problem->pattern) - 1;
    if (op != TENON_OP_GATHER && op != TENON_OP_SCATTER && op != TENON_OP_UPDATE_SLICE) return;
    for (int64_t i = 0; i < run->buffers[buffer].count; i++) {
        int64_t limit =
            op == TENON_OP_UPDATE_SLICE ? problem->dims[i] - problem->extents[i] + 1 : problem->extents[last];
        ir_set(run, buffer, i, (double)(valid ? below(limit) : below(limit + 2) - 1));
    }
}

/* -- Comparing ---------------------------------------------------------------------------------------------------- */

static double tolerance(uint32_t dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64: return 1e-13;
    case TENON_DTYPE_F32: return 1e-5;
    case TENON_DTYPE_F16: return 2e-3;
    case TENON_DTYPE_BF16: return 1.6e-2;
    default: return 0;
    }
}

/* The coarsest dtype on the way says how close floats can be; integers are exact. */
static double bound_of(const tenon_pattern *pattern, uint32_t dtype) {
    double bound = tolerance(dtype), most = tolerance(pattern->accumulator);
    for (uint32_t k = 0; k < pattern->operand_count; k++)
        if (tolerance(pattern->dtypes[k]) > most) most = tolerance(pattern->dtypes[k]);
    return bound > 0 && most > bound ? most : bound;
}

static void compare(const ir_run *got, const ir_run *want, const tenon_pattern *pattern, const char *what) {
    ck_assert_msg(ir_run_fences_hold(got), "%s: wrote outside its buffers", what);
    for (uint32_t b = 0; b < got->buffer_count; b++) {
        double bound = bound_of(pattern, got->buffers[b].operand->dtype);
        if (got->buffers[b].operand->role == TENON__KIR_IN) continue;
        for (int64_t i = 0; i < got->buffers[b].count; i++) {
            double x = ir_get(got, b, i), y = ir_get(want, b, i);
            bool close = isnan(y) ? isnan(x) : x == y || fabs(x - y) <= bound * (1 + fabs(y));
            ck_assert_msg(close, "%s: buffer %u element %lld is %.9g, not %.9g", what, b, (long long)i, x, y);
        }
    }
}

static void run_problem(const printed_set *set, uint32_t number, const tenon__kir_program *program,
                        const tenon_canonical *problem, bool valid, const char *target) {
    static const uint64_t scalars[2] = {3, 5};
    int64_t symbols[TENON_PATTERN_SYMBOLS];
    ir_run got, want;
    void *pointers[IR_MAX_BUFFERS];
    char what[256];
    const tenon_pattern *p = &problem->pattern;
    tenon__kir_error error;
    uint64_t seed = state;
    tenon_pattern_symbols(p, problem, symbols);
    snprintf(what, sizeof what, "%s of %s, ranks %u %u %u %u, inner %x %x %x, on %s", tenon_op_row_of(p->op)->name,
             tenon_dtype_name(p->dtypes[0]), p->ranks[0], p->ranks[1], p->ranks[2], p->ranks[3], p->inner[0],
             p->inner[1], p->inner[2], target);
    ir_run_begin(&want, program, symbols, scalars, seed);
    set_indices(&want, problem, valid);
    state = seed;
    ir_run_begin(&got, program, symbols, scalars, seed);
    set_indices(&got, problem, valid);
    ir_run_pointers(&want, pointers);
    tenon_status status = tenonc_interp_run(program, symbols, scalars, pointers, NULL, &error);
    ck_assert_msg(status == TENON_STATUS_OK || status == TENON_STATUS_OUT_OF_RANGE, "%s: %s", what, error.text);
    ir_run_pointers(&got, pointers);
    bool good = printed_run(set, number, symbols, scalars, pointers, (uint32_t)below(PRINTED_SPLITS + 1));
    ck_assert_msg(good == (status == TENON_STATUS_OK), "%s: another status", what);
    compare(&got, &want, p, what);
    ir_run_end(&got);
    ir_run_end(&want);
}

/* -- Targets ------------------------------------------------------------------------------------------------------ */

START_TEST(operators_are_as_in_the_interpreter) {
    const printed_target *target = &printed_targets[_i];
    tenon__kir_program *programs[MAX_ROWS];
    tenon_pattern rows[MAX_ROWS];
    kgen_patterns patterns;
    uint32_t count = 0;
    if (!printed_target_usable(target)) return;
    ck_assert_uint_eq(kgen_patterns_make(&patterns), TENON_STATUS_OK);
    for (uint32_t i = (uint32_t)_i; i < patterns.count && count < MAX_ROWS; i += STRIDE) {
        rows[count] = patterns.rows[i].pattern;
        tenon_status status = tenon__lower(&rows[count], &programs[count]);
        ck_assert_msg(status == TENON_STATUS_OK, "%s", tenonh_error_message());
        count++;
    }
    printed_set *set = printed_compile(target, NULL, (const tenon__kir_program *const *)programs, count);
    for (uint32_t i = 0; i < count; i++) {
        state = i;
        for (uint32_t k = 0; k < PROBLEMS; k++) {
            tenon_canonical problem = problem_for(&rows[i]);
            run_problem(set, i, programs[i], &problem, k + 1 < PROBLEMS, target->name);
        }
        tenon__kir_destroy(programs[i]);
    }
    printed_free(set);
    kgen_patterns_free(&patterns);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("print_ops");
    TCase *cases = tcase_create("operators");
    tcase_set_timeout(cases, 600);
    tcase_add_loop_test(cases, operators_are_as_in_the_interpreter, 0, (int)printed_target_count);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
