/* What schedules ask: bounds of accesses, ranges, grids, workspace; and that what is no race is taken for none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_build.h"

static tenon__kir_program *parse(const char *name, const char *text) {
    tenon__kir_program *program;
    tenon__kir_error error;
    tenon_status status = tenon__kir_parse(text, strlen(text), &error, &program);
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", name, error.text);
    return program;
}

#define HEAD                                                                                                           \
    "program p symbol N 0..1000 symbol M 1..1000 symbol s 1..16 symbol B 0..1073741824 in x f32[N, M] in i i64[N] "    \
    "in h i16[N] in flat f32[B] out y f32[N, M] out z f32[N * M] out f f32[B] workspace w f32[N] workspace at "        \
    "i64[1]\n"

/* The first access of operand `operand` in the text: is it proven to stay inside? */
static const struct bounds_row {
    const char *name, *operand;
    bool proven;
    const char *text;
} bounds[] = {
    {"axis", "x", true, "kernel k (r < N, c < M) { store y[r, c] = x[r, c] }"},
    {"other_axis", "x", false, "kernel k (r < N) { loop (c < N) { store w[r] = x[r, c] } }"},
    {"shifted", "x", false, "kernel k (r < N, c < M) { store y[r, c] = x[r, c + 1] }"},
    {"shifted_in_a_shorter_loop", "x", true, "kernel k (r < N) { loop (c < M - 1) { store y[r, c] = x[r, c + 1] } }"},
    {"reversed", "x", true, "kernel k (r < N, c < M) { store y[r, c] = x[r, M - 1 - c] }"},
    {"below", "x", false, "kernel k (r < N, c < M) { store y[r, c] = x[r, c - 1] }"},
    {"guarded", "x", true, "kernel k (r < N, c < M) { store y[r, c] = (x[r, c + 1] if c + 1 < M else 0.0) }"},
    {"guarded_otherwise", "x", false,
     "kernel k (r < N, c < M) { store y[r, c] = (x[r, c + 2] if c + 1 < M else 0.0) }"},
    {"guarded_more", "x", true, "kernel k (r < N, c < M) { store y[r, c] = (x[r, c + 1] if c + 3 < M else 0.0) }"},
    {"guarded_below", "x", true,
     "kernel k (r < N, c < M) { store y[r, c] = (x[r, c - 1] if xor(c < 1, true) else 0.0) }"},
    {"guarded_window", "x", true,
     "kernel k (r < N, c < M) { let j = c * s - 3 store y[r, c] = (x[r, j] if and(-1 < j, j < M) else 0.0) }"},
    {"guarded_by_or", "x", false,
     "kernel k (r < N, c < M) { let j = c * s - 3 store y[r, c] = (x[r, j] if or(-1 < j, j < M) else 0.0) }"},
    {"clamped", "x", true, "kernel k (r < N, c < M) { store y[r, c] = x[r, min(c * s, M - 1)] }"},
    {"wrapped_around", "x", true, "kernel k (r < N, c < M) { store y[r, c] = x[r, c * s % M] }"},
    {"chosen", "x", true, "kernel k (r < N, c < M) { store y[r, c] = x[r, where(c < 1, 0, c - 1)] }"},
    {"chosen_wrongly", "x", false, "kernel k (r < N, c < M) { store y[r, c] = x[r, where(c < 2, 0, c - 3)] }"},
    {"split", "x", true, "kernel k (e < N * M) { store z[e] = x[e / M, e % M] }"},
    {"split_one_too_many", "x", false, "kernel k (e < N * M + 1) { store f[e] = x[e / M, e % M] if e < B }"},
    {"joined", "z", true, "kernel k (r < N, c < M) { store z[r * M + c] = x[r, c] }"},
    {"chunked", "flat", false,
     "kernel k (b < (B + 3) / 4) { loop (j < 4) { store f[b * 4 + j] = flat[b * 4 + j] if b * 4 + j < B } }"},
    {"chunked_guard", "f", true,
     "kernel k (b < (B + 3) / 4) { loop (j < 4) { store f[b * 4 + j] = 1.0 if b * 4 + j < B } }"},
    {"triangle", "x", true,
     "kernel k (c < M) { loop (e < c + 1) { store f[c] = (x[0, e] if 0 < N else 0.0) if c < B } }"},
    {"bounded_extent", "x", true, "kernel k (r < N) { loop (c < min(r + 1, M)) { store y[r, c] = x[r, c] } }"},
    {"loaded", "x", false, "kernel k (r < N) { store w[r] = x[cast[index](i[r]), 0] }"},
    {"loaded_guard", "x", true,
     "kernel k (r < N) { let j = cast[index](i[r]) store w[r] = (x[j, 0] if and(-1 < j, j < N) else 0.0) }"},
    /* j + 1 wraps for the largest i64: the guard says nothing about it */
    {"loaded_guard_that_wraps", "x", false,
     "kernel k (r < N) { let j = cast[index](i[r]) store w[r] = (x[j + 1, 0] if and(-1 < j, j + 1 < N) else 0.0) "
     "}"},
    {"narrow_guard_cannot_wrap", "x", true,
     "kernel k (r < N) { let j = cast[index](h[r]) store w[r] = (x[j + 1, 0] if and(-1 < j, j + 1 < N) else 0.0) "
     "}"},
    {"reloaded", "x", false,
     "kernel k () { store at[0] = 1 let a = cast[index](at[0]) let fine = and(-1 < a, a < N) store at[0] = 5000 "
     "let b = cast[index](at[0]) store w[0] = (x[b, 0] if fine else 0.0) if 0 < N }"},
    {"constant", "x", false, "kernel k (c < M) { store f[c] = x[0, c] if c < B }"},
};

static tenon__kir_id find_access(const tenon__kir_program *program, const char *operand) {
    for (tenon__kir_id id = 1; id < program->node_count; id++) {
        const tenon__kir_node *node = tenon__kir_at(program, id);
        bool access = node->kind == TENON__KIR_LOAD || node->kind == TENON__KIR_STORE;
        if (access && strcmp(program->operands[node->ref].name, operand) == 0) return id;
    }
    return 0;
}

START_TEST(accesses_are_proven) {
    const struct bounds_row *row = &bounds[_i];
    char text[1024];
    snprintf(text, sizeof text, "%s%s", HEAD, row->text);
    tenon__kir_program *program = parse(row->name, text);
    tenon__kir_id access = find_access(program, row->operand);
    ck_assert_uint_ne(access, 0);
    ck_assert_msg(tenon__kir_in_bounds(program, access) == row->proven, "%s", row->name);
    tenon__kir_destroy(program);
}
END_TEST

/* Items that never meet, and combiners that may. */
static const struct {
    const char *name, *text;
    bool order_matters;
} separate[] = {
    {"by_axis", "kernel k (r < N) { loop (c < M) { store y[r, c] = 1.0 } }", false},
    {"by_later_axis", "kernel k (c < M) { loop (r < N) { store y[r, c] = 1.0 } }", false},
    {"reversed", "kernel k (r < N) { store w[N - 1 - r] = 1.0 }", false},
    {"shifted_alike", "kernel k (r < N) { store w[r + 1] = 1.0 if r + 1 < N }", false},
    {"chunks", "kernel k (b < (B + 3) / 4) { loop (j < 4) { store f[b * 4 + j] = 1.0 if b * 4 + j < B } }", false},
    {"unrolled", "kernel k (b < (B + 1) / 2) { store f[b * 2] = 1.0 store f[b * 2 + 1] = 2.0 if b * 2 + 1 < B }",
     false},
    {"strided", "kernel k (r < N) { store f[r * s] = 1.0 if r * s < B }", false},
    {"joined", "kernel k (r < N, c < M) { store z[r * M + c] = 1.0 }", false},
    {"split", "kernel k (e < N * M) { store y[e / M, e % M] = 1.0 }", false},
    {"one_item_axis", "kernel k (r < N, u < 1) { store w[r] = 1.0 }", false},
    {"offset_by_loaded", "kernel k (r < N, c < M) { let j = cast[index](h[r]) + c store y[r, j] = 1.0 }", false},
    {"own_element_read", "kernel k (r < N) { let v = w[r] store w[r] = v + 1.0 }", false},
    {"own_row_read", "kernel k (r < N) { loop (c < M) { let v = y[r, 0] store y[r, c] = v } }", false},
    {"any_order", "kernel k (r < N) { store w[cast[index](i[r])] add= 1.0 any }", true},
    {"any_order_max", "kernel k (r < N) { store w[cast[index](i[r])] max= 1.0 any }", false},
    {"ordered_by_a_loop", "kernel k () { loop (r < N) { store w[cast[index](i[r])] add= 1.0 } }", false},
    {"two_operands", "kernel k (r < N) { store w[r] = 1.0 loop (c < M) { store y[r, c] = 2.0 } }", false},
};

START_TEST(separate_items_pass) {
    char text[1024];
    snprintf(text, sizeof text, "%s%s", HEAD, separate[_i].text);
    tenon__kir_program *program = parse(separate[_i].name, text);
    ck_assert_msg(tenon__kir_order_matters(program, 0) == separate[_i].order_matters, "%s", separate[_i].name);
    tenon__kir_destroy(program);
}
END_TEST

START_TEST(launches_are_counted) {
    static const char text[] =
        "program p symbol N -4..1099511627776 symbol D 0..64 div 8 out y f32[max(N, 0), 8] "
        "workspace a f16[max(N, 0), 3] workspace b u4[5] workspace c f64[2] "
        "kernel k (i < N, j < (D + 7) / 8) { store y[i, j] = 1.0 } kernel l () { store c[0] = 1.0 }";
    tenon__kir_program *program = parse("launch", text);
    tenon__kir_error error;
    uint64_t offsets[4], bytes;
    int64_t items;
    ck_assert_uint_eq(tenon__kir_check_symbols(program, (int64_t[]){7, 16}, &error), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon__kir_check_symbols(program, (int64_t[]){7, 12}, &error), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(error.text, "no multiple of 8"));
    ck_assert_uint_eq(tenon__kir_check_symbols(program, (int64_t[]){-5, 16}, &error), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenon__kir_items(program, 0, (int64_t[]){7, 16}, &items), TENON_STATUS_OK);
    ck_assert_int_eq(items, 14);
    ck_assert_uint_eq(tenon__kir_items(program, 0, (int64_t[]){-3, 16}, &items), TENON_STATUS_OK);
    ck_assert_int_eq(items, 0);
    ck_assert_uint_eq(tenon__kir_items(program, 1, (int64_t[]){7, 16}, &items), TENON_STATUS_OK);
    ck_assert_int_eq(items, 1);
    ck_assert_uint_eq(tenon__kir_workspace(program, (int64_t[]){7, 16}, offsets, &bytes), TENON_STATUS_OK);
    ck_assert_uint_eq(offsets[1], 0);
    ck_assert_uint_eq(offsets[2], 64);
    ck_assert_uint_eq(offsets[3], 128);
    ck_assert_uint_eq(bytes, 192);
    tenon__kir_destroy(program);
}
END_TEST

START_TEST(claims_of_32_bits_hold) {
    tenon__kir_program *program =
        parse("index32", "program p symbol N 0..32768 in x f32[N, N] out y f32[N, N] kernel k index32 (r < N, c < N) { "
                         "store y[r, c] = x[c, r] }");
    ck_assert_uint_eq(program->kernels[0].index32, 1);
    tenon__kir_destroy(program);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kir_proofs");
    TCase *cases = tcase_create("proofs");
    tcase_add_loop_test(cases, accesses_are_proven, 0, (int)(sizeof bounds / sizeof *bounds));
    tcase_add_loop_test(cases, separate_items_pass, 0, (int)(sizeof separate / sizeof *separate));
    tcase_add_test(cases, launches_are_counted);
    tcase_add_test(cases, claims_of_32_bits_hold);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
