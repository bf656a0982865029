/* REQ-KERNEL-02, REQ-WORK-04: random small programs as kernel work, bit for bit beside the interpreter, at the ends of
 * their symbols' ranges. What it kills: products and sums contracted, fast-math, work-items left out or run twice,
 * entries out of order, workspaces too small or shared, symbols or grids of another launch. */
#include <stdlib.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "cases/program.h"

enum { INPUTS = 3, PROGRAMS = 48, DEPTH = 4 };

/* Where an expression stands: what it may load at which place. */
typedef struct scope {
    tenon__kir_program *program;
    uint32_t operands[INPUTS + 1], operand_count; /* inputs, then a workspace to be read */
    uint32_t dtypes[INPUTS + 1];
    tenon__kir_id rows, columns; /* symbols */
    tenon__kir_id i, j;
} scope;

static const uint32_t storage_dtypes[] = {TENON_DTYPE_F32, TENON_DTYPE_F64, TENON_DTYPE_F16, TENON_DTYPE_BF16,
                                          TENON_DTYPE_I8,  TENON_DTYPE_I32, TENON_DTYPE_I64, TENON_DTYPE_U8,
                                          TENON_DTYPE_U16, TENON_DTYPE_U32, TENON_DTYPE_U64, TENON_DTYPE_BOOL};
enum { STORAGE_DTYPES = sizeof storage_dtypes / sizeof *storage_dtypes };

static uint32_t pick(uint32_t count) {
    return (uint32_t)(cf_random() % count);
}

/* A dtype that the device declares: f32, i32, i64 and bool are always there. */
static uint32_t pick_dtype(void) {
    for (;;) {
        uint32_t dtype = storage_dtypes[pick(STORAGE_DTYPES)];
        uint64_t declared = tenonh_device_info(cf_under_test.device)->dtypes;
        if (declared == 0 || (declared >> dtype & 1)) return dtype;
    }
}

/* [i, j], or mirrored, or a fixed row or column: always inside. */
static tenon__kir_id load(scope *s) {
    uint32_t k = pick(s->operand_count);
    tenon__kir_program *p = s->program;
    tenon__kir_id one = tenon__kir_index(p, 1), at[2] = {s->i, s->j};
    uint32_t form = pick(6);
    if (form == 1) at[1] = tenon__kir_op(p, TENON_OP_SUB, tenon__kir_op(p, TENON_OP_SUB, s->columns, one, 0), s->j, 0);
    if (form == 2) at[0] = tenon__kir_op(p, TENON_OP_SUB, tenon__kir_op(p, TENON_OP_SUB, s->rows, one, 0), s->i, 0);
    if (form == 3) at[0] = tenon__kir_index(p, 0);
    if (form == 4) at[1] = tenon__kir_index(p, 0);
    return tenon__kir_load(p, s->operands[k], at, 2);
}

static tenon__kir_id expression(scope *s, uint32_t dtype, uint32_t depth);

static tenon__kir_id condition(scope *s, uint32_t depth) {
    uint32_t dtype = tenon__kir_compute_dtype(pick_dtype());
    tenon__kir_id a = expression(s, dtype, depth), b = expression(s, dtype, depth);
    return tenon__kir_op(s->program, pick(2) ? TENON_OP_LT : TENON_OP_EQ, a, b, 0);
}

static tenon__kir_id leaf(scope *s, uint32_t dtype) {
    tenon__kir_program *p = s->program;
    if (pick(4)) return tenon__kir_cast(p, dtype, load(s), 0);
    if (dtype == TENON_DTYPE_BOOL) return tenon__kir_int(p, dtype, (int64_t)pick(2));
    if (cf_is_float(dtype)) return tenon__kir_float(p, dtype, (double)cf_uniform() * 4);
    return tenon__kir_int(p, dtype, (int64_t)pick(20) - 4);
}

/* Operators whose results are one number, whoever computes them: the last two only on devices that round them exactly. */
static tenon_op pick_op(uint32_t dtype) {
    static const tenon_op reals[] = {TENON_OP_ADD,  TENON_OP_SUB,   TENON_OP_MUL, TENON_OP_MUL,
                                     TENON_OP_ADD,  TENON_OP_MAX,   TENON_OP_MIN, TENON_OP_FLOOR,
                                     TENON_OP_RINT, TENON_OP_TRUNC, TENON_OP_ABS, TENON_OP_NEG,
                                     TENON_OP_FMA,  TENON_OP_REM,   TENON_OP_DIV, TENON_OP_SQRT};
    static const tenon_op wholes[] = {TENON_OP_ADD, TENON_OP_SUB, TENON_OP_MUL, TENON_OP_DIV, TENON_OP_REM,
                                      TENON_OP_MAX, TENON_OP_MIN, TENON_OP_AND, TENON_OP_OR,  TENON_OP_XOR,
                                      TENON_OP_SHL, TENON_OP_SHR, TENON_OP_ABS, TENON_OP_NEG};
    static const tenon_op truths[] = {TENON_OP_AND, TENON_OP_OR, TENON_OP_XOR, TENON_OP_MAX, TENON_OP_MIN};
    if (dtype == TENON_DTYPE_BOOL) return truths[pick(sizeof truths / sizeof *truths)];
    if (!cf_is_float(dtype)) return wholes[pick(sizeof wholes / sizeof *wholes)];
    bool relaxed = tenonh_device_info(cf_under_test.device)->rounding == TENON_ROUNDING_RELAXED;
    return reals[pick(sizeof reals / sizeof *reals - (relaxed ? 2 : 0))];
}

/* A value of a compute dtype. */
static tenon__kir_id expression(scope *s, uint32_t dtype, uint32_t depth) {
    tenon__kir_program *p = s->program;
    if (depth == 0) return leaf(s, dtype);
    uint32_t form = pick(8);
    if (form == 0) return leaf(s, dtype);
    if (form == 1) { /* by way of another dtype */
        uint32_t from = pick_dtype();
        bool wraps = cf_is_float(from) && !cf_is_float(dtype) && dtype != TENON_DTYPE_BOOL && pick(2);
        tenon__kir_id x = expression(s, tenon__kir_compute_dtype(from), depth - 1);
        return tenon__kir_cast(p, dtype, tenon__kir_cast(p, from, x, 0), wraps ? TENON__KIR_WRAP : 0);
    }
    if (form == 2) {
        tenon__kir_id where = condition(s, depth - 1), a = expression(s, dtype, depth - 1);
        return tenon__kir_op(p, TENON_OP_WHERE, where, a, expression(s, dtype, depth - 1));
    }
    tenon_op op = pick_op(dtype);
    uint32_t arity = tenon__kir_op_arity(op);
    tenon__kir_id a = expression(s, dtype, depth - 1), b = 0, c = 0;
    if (arity > 1) b = expression(s, dtype, depth - 1);
    if (arity > 2) c = expression(s, dtype, depth - 1);
    return tenon__kir_op(p, op, a, b, c);
}

/* -- Programs -- */

/* An operand of [rows, columns], its rows apart where `padded` says. */
static uint32_t operand(scope *s, uint32_t role, const char *name, uint32_t dtype, bool padded) {
    tenon__kir_id dims[2] = {s->rows, s->columns}, one = tenon__kir_index(s->program, 1);
    tenon__kir_id strides[2] = {0, one};
    if (padded) strides[0] = tenon__kir_op(s->program, TENON_OP_ADD, s->columns, tenon__kir_index(s->program, 3), 0);
    return tenon__kir_operand_new(s->program, role, name, dtype, 2, dims, padded ? strides : NULL);
}

static void begin_grid(scope *s, const char *name, bool columns) {
    tenon__kir_kernel_begin(s->program, name);
    s->i = tenon__kir_axis(s->program, "i", s->rows);
    if (columns) s->j = tenon__kir_axis(s->program, "j", s->columns);
}

static void store(scope *s, uint32_t to, uint32_t dtype, const tenon__kir_id *at, uint32_t rank, tenon__kir_id value) {
    tenon__kir_store(s->program, to, at, rank, tenon__kir_cast(s->program, dtype, value, 0));
}

/* y[i, j] = expression. */
static void map_kernel(scope *s, const char *name, uint32_t to, uint32_t dtype) {
    begin_grid(s, name, true);
    store(s, to, dtype, (tenon__kir_id[]){s->i, s->j}, 2, expression(s, tenon__kir_compute_dtype(dtype), DEPTH));
    tenon__kir_kernel_end(s->program);
}

/* y[i] = the expressions of a row, combined step by step. */
static void row_kernel(scope *s, uint32_t to, uint32_t dtype) {
    tenon__kir_program *p = s->program;
    static const tenon_op ops[] = {TENON_OP_ADD, TENON_OP_MAX, TENON_OP_MIN, TENON_OP_MUL};
    uint32_t compute = tenon__kir_compute_dtype(dtype);
    tenon_op op = compute == TENON_DTYPE_BOOL ? TENON_OP_XOR : ops[pick(4)];
    begin_grid(s, "rows", false);
    tenon__kir_id init = compute == TENON_DTYPE_BOOL || !cf_is_float(compute) ? tenon__kir_int(p, compute, 1)
                                                                              : tenon__kir_float(p, compute, 1);
    tenon__kir_loop_begin(p);
    s->j = tenon__kir_axis(p, "j", s->columns);
    tenon__kir_id sum = tenon__kir_carry(p, "sum", NULL, init), result = 0;
    tenon__kir_id next = tenon__kir_op(p, op, sum, expression(s, compute, DEPTH - 1), 0);
    tenon__kir_loop_end(p, &next, 1, &result);
    store(s, to, dtype, &s->i, 1, result);
    tenon__kir_kernel_end(p);
}

enum { MAP, ROWS, STAGED, FORMS };
static const char *const form_names[] = {"map", "rows", "staged"};

static void declare(scope *s, uint32_t divisor) {
    tenon__kir_program *p = s->program;
    s->rows = tenon__kir_symbol_new(p, "rows", (tenon_symbol){0, 33, 1});
    s->columns = tenon__kir_symbol_new(p, "columns", (tenon_symbol){0, 5 * 64, divisor});
    for (; s->operand_count < INPUTS; s->operand_count++) {
        static const char *const names[] = {"a", "b", "c"};
        uint32_t dtype = pick_dtype(), k = s->operand_count;
        s->dtypes[k] = dtype;
        s->operands[k] = operand(s, TENON__KIR_IN, names[k], dtype, pick(3) == 0);
    }
}

static void build(scope *s, uint32_t form, uint32_t divisor) {
    uint32_t dtype = pick_dtype(), stage = pick_dtype();
    declare(s, divisor);
    uint32_t y = form == ROWS ? tenon__kir_operand_new(s->program, TENON__KIR_OUT, "y", dtype, 1, &s->rows, NULL)
                              : operand(s, TENON__KIR_OUT, "y", dtype, pick(3) == 0);
    if (form == ROWS) {
        row_kernel(s, y, dtype);
    } else if (form == MAP) {
        map_kernel(s, "all", y, dtype);
    } else { /* the second kernel reads what all items of the first wrote */
        uint32_t between = operand(s, TENON__KIR_WORKSPACE, "between", stage, false);
        map_kernel(s, "first", between, stage);
        s->operands[s->operand_count] = between;
        s->dtypes[s->operand_count++] = stage;
        map_kernel(s, "second", y, dtype);
    }
}

static void run_program(uint32_t form) {
    static const uint32_t divisors[] = {1, 8, 64};
    uint32_t divisor = divisors[pick(3)];
    scope s = {0};
    tenon__kir_error error = {""};
    tenon_status status = tenon__kir_create("random", &s.program);
    if (status == TENON_STATUS_OK) {
        build(&s, form, divisor);
        status = tenon__kir_finish(s.program, &error);
    }
    const int64_t step = (int64_t)divisor, middle = 320 / step / 2 * step;
    const int64_t symbols[] = {33, 320, 33, 320 - step, 1, step, 7, middle, 0, 320, 33, 0, 1, 320, 32, middle + step};
    if (status != TENON_STATUS_OK)
        cf_fail("the program is not right: %s", error.text);
    else
        cf_program_check(s.program, symbols, sizeof symbols / sizeof *symbols / 2);
    tenon__kir_destroy(s.program);
}

void cf_random_programs(void) {
    for (uint32_t i = 0; i < PROGRAMS; i++)
        if (cf_begin("%s_%u", form_names[i % FORMS], i / FORMS) && cf_takes_programs()) run_program(i % FORMS);
}
