/* Canonical problems: what is dropped, merged, ordered and refused; which patterns fit what. */
#include <tenon/canonical.h>
#include <tenon/helpers.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum {
    F32 = TENON_DTYPE_F32,
    F16 = TENON_DTYPE_F16,
    I64 = TENON_DTYPE_I64,
    I32 = TENON_DTYPE_I32,
    U32 = TENON_DTYPE_U32,
    BOOL = TENON_DTYPE_BOOL
};
enum { MAX_OPERANDS = 4, MAX_AXES = 8 };

typedef struct operand {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[MAX_AXES], strides[MAX_AXES];
} operand;

typedef struct problem_row {
    const char *name;
    tenon_op op;
    struct {
        uint32_t id, count;
        int64_t values[4];
    } attrs[2];
    operand operands[MAX_OPERANDS];
    tenon_status status;
    uint8_t ranks[TENON_PATTERN_GROUPS];
    const char *inner; /* a letter per operand and group that indexes it: 1, 0 or *; groups of no axis say - */
    int64_t extents[TENON_PATTERN_AXES];
} problem_row;

static const problem_row rows[] = {
    {"contiguous",
     TENON_OP_ADD,
     {{0}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 3, {2, 3, 4}, {12, 4, 1}}},
     TENON_STATUS_OK,
     {1},
     "111",
     {24}},
    {"bias row",
     TENON_OP_ADD,
     {{0}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 3, {2, 3, 4}, {0, 0, 1}}, {F32, 3, {2, 3, 4}, {12, 4, 1}}},
     TENON_STATUS_OK,
     {2},
     "111",
     {6, 4}},
    {"bias column",
     TENON_OP_ADD,
     {{0}},
     {{F32, 2, {3, 4}, {4, 1}}, {F32, 2, {3, 4}, {1, 0}}, {F32, 2, {3, 4}, {4, 1}}},
     TENON_STATUS_OK,
     {2},
     "101",
     {3, 4}},
    {"scalar",
     TENON_OP_ADD,
     {{0}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 3, {2, 3, 4}, {0, 0, 0}}, {F32, 3, {2, 3, 4}, {12, 4, 1}}},
     TENON_STATUS_OK,
     {1},
     "101",
     {24}},
    {"rank 0", TENON_OP_NEG, {{0}}, {{F32, 0, {0}, {0}}, {F32, 0, {0}, {0}}}, TENON_STATUS_OK, {0}, "--", {0}},
    {"sizes of 1",
     TENON_OP_NEG,
     {{0}},
     {{F32, 4, {1, 5, 1, 2}, {9, 2, 7, 1}}, {F32, 4, {1, 5, 1, 2}, {10, 2, 2, 1}}},
     TENON_STATUS_OK,
     {1},
     "11",
     {10}},
    {"no element",
     TENON_OP_NEG,
     {{0}},
     {{F32, 2, {5, 0}, {0, 1}}, {F32, 2, {5, 0}, {0, 1}}},
     TENON_STATUS_OK,
     {1},
     "11",
     {0}},
    {"both transposed",
     TENON_OP_NEG,
     {{0}},
     {{F32, 2, {3, 4}, {1, 3}}, {F32, 2, {3, 4}, {1, 3}}},
     TENON_STATUS_OK,
     {1},
     "11",
     {12}},
    {"transpose",
     TENON_OP_COPY,
     {{0}},
     {{F32, 2, {3, 4}, {1, 3}}, {F32, 2, {3, 4}, {4, 1}}},
     TENON_STATUS_OK,
     {2},
     "*-1-",
     {3, 4}},
    {"rows into columns",
     TENON_OP_COPY,
     {{0}},
     {{F32, 3, {2, 8, 9}, {72, 1, 8}}, {F32, 3, {2, 8, 9}, {72, 9, 1}}},
     TENON_STATUS_OK,
     {2, 1},
     "*11*",
     {2, 9, 8}},
    {"reversed", TENON_OP_COPY, {{0}}, {{F32, 1, {5}, {-1}}, {F32, 1, {5}, {1}}}, TENON_STATUS_OK, {1}, "*-1-", {5}},
    {"last axis",
     TENON_OP_SUM,
     {{TENON_ATTR_AXES, 1, {2}}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 2, {2, 3}, {3, 1}}},
     TENON_STATUS_OK,
     {1, 1},
     "*11",
     {6, 4}},
    {"first axis",
     TENON_OP_SUM,
     {{TENON_ATTR_AXES, 1, {0}}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 2, {3, 4}, {4, 1}}},
     TENON_STATUS_OK,
     {1, 1},
     "1*1",
     {12, 2}},
    {"two axes apart",
     TENON_OP_SUM,
     {{TENON_ATTR_AXES, 2, {0, 2}}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 1, {3}, {1}}},
     TENON_STATUS_OK,
     {1, 2},
     "*11",
     {3, 2, 4}},
    {"all axes",
     TENON_OP_SUM,
     {{TENON_ATTR_AXES, 2, {0, 1}}},
     {{F32, 2, {3, 4}, {4, 1}}, {F32, 0, {0}, {0}}},
     TENON_STATUS_OK,
     {0, 1},
     "-1-",
     {12}},
    {"no axis",
     TENON_OP_SUM,
     {{TENON_ATTR_AXES, 0, {0}}},
     {{F32, 1, {3}, {1}}, {F32, 1, {3}, {1}}},
     TENON_STATUS_OK,
     {1, 1},
     "1*1",
     {3, 1}},
    {"rows",
     TENON_OP_GATHER,
     {{TENON_ATTR_AXIS, 1, {0}}},
     {{F32, 2, {9, 4}, {4, 1}}, {I64, 2, {2, 3}, {3, 1}}, {F32, 3, {2, 3, 4}, {12, 4, 1}}},
     TENON_STATUS_OK,
     {0, 1, 1, 1},
     "-1*1-*1",
     {6, 4, 9}},
    {"shared weights",
     TENON_OP_MATMUL,
     {{0}},
     {{F32, 3, {2, 5, 7}, {35, 7, 1}}, {F32, 3, {2, 7, 3}, {0, 3, 1}}, {F32, 3, {2, 5, 3}, {15, 3, 1}}},
     TENON_STATUS_OK,
     {0, 1, 1, 1},
     "-*1-1*-*1",
     {10, 3, 7}},
    {"batches of their own",
     TENON_OP_MATMUL,
     {{0}},
     {{F16, 4, {2, 3, 5, 7}, {105, 35, 7, 1}},
      {F16, 4, {2, 3, 7, 4}, {84, 28, 1, 7}},
      {F16, 4, {2, 3, 5, 4}, {60, 20, 4, 1}}},
     TENON_STATUS_OK,
     {1, 1, 1, 1},
     "**1**1**1",
     {6, 5, 4, 7}},
    {"one axis padded",
     TENON_OP_PAD,
     {{TENON_ATTR_LOW, 3, {0, 1, 0}}},
     {{F32, 3, {2, 3, 4}, {12, 4, 1}}, {F32, 3, {2, 5, 4}, {20, 4, 1}}},
     TENON_STATUS_OK,
     {2},
     "11",
     {2, 20}},
    {"dims disagree",
     TENON_OP_ADD,
     {{0}},
     {{F32, 1, {3}, {1}}, {F32, 1, {4}, {1}}, {F32, 1, {3}, {1}}},
     TENON_STATUS_INVALID,
     {0},
     "",
     {0}},
    {"ranks disagree",
     TENON_OP_NEG,
     {{0}},
     {{F32, 1, {3}, {1}}, {F32, 2, {3, 3}, {3, 1}}},
     TENON_STATUS_INVALID,
     {0},
     "",
     {0}},
    {"dtypes disagree",
     TENON_OP_NEG,
     {{0}},
     {{F32, 1, {3}, {1}}, {F16, 1, {3}, {1}}},
     TENON_STATUS_INVALID,
     {0},
     "",
     {0}},
    {"no such dtype",
     TENON_OP_SQRT,
     {{0}},
     {{I32, 1, {3}, {1}}, {I32, 1, {3}, {1}}},
     TENON_STATUS_UNSUPPORTED,
     {0},
     "",
     {0}},
    {"axis beyond",
     TENON_OP_ARGMAX,
     {{TENON_ATTR_AXIS, 1, {1}}},
     {{F32, 1, {3}, {1}}, {I64, 0, {0}, {0}}},
     TENON_STATUS_INVALID,
     {0},
     "",
     {0}},
    {"low below 0",
     TENON_OP_PAD,
     {{TENON_ATTR_LOW, 1, {-1}}},
     {{F32, 1, {3}, {1}}, {F32, 1, {3}, {1}}},
     TENON_STATUS_INVALID,
     {0},
     "",
     {0}},
    {"a view",
     TENON_OP_RESHAPE,
     {{0}},
     {{F32, 1, {3}, {1}}, {F32, 1, {3}, {1}}},
     TENON_STATUS_UNSUPPORTED,
     {0},
     "",
     {0}},
};

static tenon_status reduce_row(const problem_row *r, tenon_canonical *out) {
    const tenon_op_row *op = tenon_op_row_of(r->op);
    tenon_strided operands[MAX_OPERANDS];
    tenon_attr attrs[2];
    uint32_t count = op->input_count + op->output_count, attr_count = 0;
    for (uint32_t k = 0; k < count; k++)
        operands[k] =
            (tenon_strided){r->operands[k].dtype, r->operands[k].rank, r->operands[k].dims, r->operands[k].strides};
    while (attr_count < 2 && r->attrs[attr_count].id != 0) {
        attrs[attr_count] =
            (tenon_attr){r->attrs[attr_count].id, r->attrs[attr_count].count, r->attrs[attr_count].values};
        attr_count++;
    }
    return tenon_canonicalize(r->op, attrs, attr_count, operands, count, out);
}

static void spell_inner(const tenon_pattern *pattern, char *out) {
    static const char letters[] = {'*', '1', '0'};
    for (uint32_t k = 0; k < pattern->operand_count; k++) {
        for (uint32_t g = 0; g < TENON_PATTERN_GROUPS; g++) {
            if (!(tenon_pattern_groups(pattern, k) >> g & 1)) continue;
            *out++ = pattern->ranks[g] ? letters[tenon_pattern_inner(pattern, k, g)] : '-';
        }
    }
    *out = '\0';
}

START_TEST(problems_become_what_their_loops_are) {
    const problem_row *r = &rows[_i];
    tenon_canonical problem;
    char inner[MAX_OPERANDS * TENON_PATTERN_GROUPS + 1];
    tenon_status status = reduce_row(r, &problem);
    ck_assert_msg(status == r->status, "%s: %s", r->name, tenon_status_name(status));
    if (status != TENON_STATUS_OK) return;
    spell_inner(&problem.pattern, inner);
    ck_assert_msg(memcmp(problem.pattern.ranks, r->ranks, sizeof r->ranks) == 0, "%s: ranks %u %u %u %u", r->name,
                  problem.pattern.ranks[0], problem.pattern.ranks[1], problem.pattern.ranks[2],
                  problem.pattern.ranks[3]);
    ck_assert_msg(strcmp(inner, r->inner) == 0, "%s: inner strides %s", r->name, inner);
    ck_assert_msg(memcmp(problem.extents, r->extents, sizeof r->extents) == 0, "%s: extents %lld %lld %lld", r->name,
                  (long long)problem.extents[0], (long long)problem.extents[1], (long long)problem.extents[2]);
    ck_assert(tenon_pattern_fits(&problem.pattern, &problem));
}
END_TEST

/* A kernel for more axes and unknown strides takes the problem; one for other strides, fewer axes or another dtype does
 * not. */
START_TEST(patterns_fit_narrower_problems) {
    static const problem_row bias = {
        "bias",          TENON_OP_ADD,
        {{0}},           {{F32, 2, {3, 4}, {4, 1}}, {F32, 2, {3, 4}, {0, 1}}, {F32, 2, {3, 4}, {4, 1}}},
        TENON_STATUS_OK, {2},
        "111",           {3, 4}};
    tenon_canonical problem;
    int64_t symbols[TENON_PATTERN_SYMBOLS];
    ck_assert_int_eq(reduce_row(&bias, &problem), TENON_STATUS_OK);
    tenon_pattern pattern = problem.pattern;
    pattern.ranks[0] = 3;
    memset(pattern.inner, 0, sizeof pattern.inner);
    ck_assert(tenon_pattern_fits(&pattern, &problem));
    static const int64_t want[] = {1, 3, 4, 0, 4, 1, 0, 0, 1, 0, 4, 1};
    ck_assert_uint_eq(tenon_pattern_symbols(&pattern, &problem, symbols), sizeof want / sizeof *want);
    ck_assert(memcmp(symbols, want, sizeof want) == 0);
    pattern.inner[1] = TENON_INNER_ZERO;
    ck_assert(!tenon_pattern_fits(&pattern, &problem));
    pattern = problem.pattern;
    pattern.ranks[0] = 1;
    ck_assert(!tenon_pattern_fits(&pattern, &problem));
    pattern = problem.pattern;
    pattern.dtypes[0] = F16;
    ck_assert(!tenon_pattern_fits(&pattern, &problem));
}
END_TEST

/* What the table's maps say of an operand's axes is what the groups say. */
START_TEST(groups_follow_the_table) {
    static const char letters[] = "pbrqmsnkg";
    static const uint8_t groups[] = {TENON_GROUP_P, TENON_GROUP_P, TENON_GROUP_R, TENON_GROUP_R, TENON_GROUP_R,
                                     TENON_GROUP_S, TENON_GROUP_S, TENON_GROUP_G, TENON_GROUP_G};
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const tenon_op_row *row = tenon_op_row_of(op);
        if (!row || row->family == TENON_FAMILY_VIEW || row->family == TENON_FAMILY_IOTA) continue;
        tenon_pattern pattern = {.op = (uint16_t)op, .operand_count = (uint8_t)(row->input_count + row->output_count)};
        const char *at = row->maps;
        for (uint32_t k = 0; k < pattern.operand_count; k++) {
            uint32_t said = 0;
            for (; *at && *at != ';'; at++) {
                const char *letter = strchr(letters, *at);
                if (letter) said |= 1u << groups[letter - letters];
            }
            at += *at == ';';
            /* A copy may have an axis of its own kind, the start of an update one that the table has no letter for. */
            if (row->family == TENON_FAMILY_COPY) said |= 1u << TENON_GROUP_R;
            if (row->family == TENON_FAMILY_UPDATE && k == 1) said = 1u << TENON_GROUP_G;
            ck_assert_msg(said == tenon_pattern_groups(&pattern, k), "%s, operand %u", row->name, k);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("canonical");
    TCase *cases = tcase_create("canonical");
    tcase_add_loop_test(cases, problems_become_what_their_loops_are, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(cases, patterns_fit_narrower_problems);
    tcase_add_test(cases, groups_follow_the_table);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
