/* Every family, dtype by dtype, on random dims and layouts: canonical problem, pattern, program, result. */
#include "kernel/lower.h"
#include "problem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <tenon/host/error.h>

#define TYPE(name) (1u << TENON_DTYPE_##name)
enum {
    FLOATS = TYPE(F64) | TYPE(F32) | TYPE(F16) | TYPE(BF16),
    INTEGERS = TYPE(I8) | TYPE(I16) | TYPE(I32) | TYPE(I64) | TYPE(U8) | TYPE(U16) | TYPE(U32) | TYPE(U64),
    NUMBERS = FLOATS | INTEGERS,
    ALL = NUMBERS | TYPE(BOOL)
};

static const struct row {
    tenon_op op;
    uint32_t dtypes;
    int problems; /* a dtype */
    void (*meaning)(problem *p, tenon_dtype dtype);
} rows[] = {
    {TENON_OP_ADD, NUMBERS, 30, meaning_map},
    {TENON_OP_MUL, NUMBERS, 10, meaning_map},
    {TENON_OP_MAX, ALL, 10, meaning_map},
    {TENON_OP_LT, ALL, 10, meaning_map},
    {TENON_OP_EQ, ALL, 10, meaning_map},
    {TENON_OP_WHERE, ALL, 20, meaning_map},
    {TENON_OP_ABS, NUMBERS, 10, meaning_map},
    {TENON_OP_FMA, FLOATS, 10, meaning_map},
    {TENON_OP_FLOOR, FLOATS, 5, meaning_map},
    {TENON_OP_COPY, ALL, 30, meaning_copy},
    {TENON_OP_BITCAST, ALL, 10, meaning_copy},
    {TENON_OP_CAST, ALL, 20, meaning_copy},
    {TENON_OP_FILL, ALL, 10, meaning_fill},
    {TENON_OP_IOTA, NUMBERS, 20, meaning_iota},
    {TENON_OP_PAD, ALL, 40, meaning_pad},
    {TENON_OP_UPDATE_SLICE, ALL, 30, meaning_update},
    {TENON_OP_SUM, NUMBERS & ~(TYPE(I8) | TYPE(U8)), 40, meaning_reduce},
    {TENON_OP_PROD, NUMBERS, 20, meaning_reduce},
    {TENON_OP_RMAX, ALL & ~(TYPE(I64) | TYPE(U64)), 20, meaning_reduce},
    {TENON_OP_RMIN, ALL & ~(TYPE(I64) | TYPE(U64)), 20, meaning_reduce},
    {TENON_OP_ARGMAX, ALL, 40, meaning_arg},
    {TENON_OP_GATHER, ALL, 60, meaning_gather},
    {TENON_OP_SCATTER, ALL, 60, meaning_scatter},
    {TENON_OP_MATMUL, FLOATS | TYPE(I8) | TYPE(I32) | TYPE(I64), 60, meaning_contract},
    {TENON_OP_SORT, ALL, 40, meaning_sort},
    {TENON_OP_SCAN, NUMBERS, 40, meaning_scan},
    {TENON_OP_RANDOM_BITS, TYPE(U32), 60, meaning_random},
};

START_TEST(programs_compute_their_operator) {
    const struct row *row = &rows[_i];
    int failures = 0;
    for (tenon_dtype dtype = 1; dtype <= TENON_DTYPE_BOOL; dtype++) {
        for (int i = 0; i < row->problems && (row->dtypes >> dtype & 1); i++) {
            problem p = {.row = tenon_op_row_of(row->op)};
            random_seed((uint64_t)row->op << 32 | dtype << 16 | (unsigned)i);
            row->meaning(&p, dtype);
            const char *verdict = problem_check(&p);
            if (verdict && failures++ < 5)
                fprintf(stderr, "%s %s, problem %d: %s\n", p.row->name, tenon_dtype_name(dtype), i, verdict);
            problem_free(&p);
        }
    }
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* Every row of the table that has kernels lowers for every dtype it takes, optional ones included. */
START_TEST(every_row_lowers) {
    static const int64_t dims[2] = {2, 3}, strides[2] = {3, 1}, zero = 0;
    const tenon_attr attrs[] = {{TENON_ATTR_AXIS, 1, &zero}, {TENON_ATTR_LOW, 0, NULL}};
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const tenon_op_row *row = tenon_op_row_of(op);
        if (!row || row->family != TENON_FAMILY_MAP) continue;
        for (tenon_dtype dtype = 1; dtype <= TENON_DTYPE_BOOL; dtype++) {
            tenon_strided operands[4];
            tenon_canonical canonical;
            tenon__kir_program *program;
            for (uint32_t k = 0; k < row->input_count; k++) operands[k] = (tenon_strided){dtype, 2, dims, strides};
            operands[row->input_count] =
                (tenon_strided){row->result == TENON_RESULT_BOOL ? TENON_DTYPE_BOOL : dtype, 2, dims, strides};
            if (op == TENON_OP_WHERE) operands[0].dtype = TENON_DTYPE_BOOL;
            tenon_status status = tenon__canonicalize(op, attrs, 1, operands, row->input_count + 1, &canonical);
            ck_assert_msg((status == TENON_STATUS_OK) == tenon_op_takes(row, dtype), "%s %s", row->name,
                          tenon_dtype_name(dtype));
            if (status != TENON_STATUS_OK) continue;
            ck_assert_msg(tenon__lower(&canonical.pattern, &program) == TENON_STATUS_OK, "%s %s: %s", row->name,
                          tenon_dtype_name(dtype), tenonh_error_message());
            tenon__kir_destroy(program);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lower");
    TCase *cases = tcase_create("families");
    tcase_set_timeout(cases, 240);
    tcase_add_loop_test(cases, programs_compute_their_operator, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(cases, every_row_lowers);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
