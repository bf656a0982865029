/* Programs with one thing wrong each, and a part of the message that has to name it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kir.h"

/* Most rows are a kernel body over these. */
#define HEAD                                                                                                           \
    "program p symbol N 0..1000 symbol M 1..1000 scalar a f32 in x f32[N, M] in i i64[N] in q u4[N, M] out y f32[N, "  \
    "M] "                                                                                                              \
    "out z i32[N] workspace w f32[N]\n"
#define BODY(axes, text) HEAD "kernel k (" axes ") {" text "}"
#define OVER_ROWS(text)  BODY("r < N", text)
#define OVER_ALL(text)   BODY("r < N, c < M", text)

static const struct row {
    const char *name, *text, *error;
} rows[] = {
    /* words */
    {"nothing", "", "'program' is missing"},
    {"no_name", "program", "a name is missing"},
    {"no_kernel", "program p", "no kernel"},
    {"bad_character", "program p $", "no meaning here"},
    {"half_program", "program p symbol N 0..", "64-bit integer is missing"},
    {"huge_integer", "program p symbol N 0..99999999999999999999", "more than 64 bits"},
    {"glued_number", OVER_ALL("store y[r, c] = 1.0x"), "letter right behind a number"},
    {"bad_float", OVER_ALL("store y[r, c] = 1.2.3"), "malformed number"},
    {"keyword_name", OVER_ALL("let loop = x[r, c] store y[r, c] = 1.0"), "word of the language"},
    {"operator_name", OVER_ALL("let add = x[r, c] store y[r, c] = 1.0"), "word of the language"},
    {"no_statement", OVER_ALL("y[r, c] = 1.0"), "a statement is missing"},
    {"behind_the_end", OVER_ALL("store y[r, c] = 1.0") " x", "declaration or kernel is missing"},
    /* names */
    {"unknown_name", OVER_ALL("store y[r, c] = v"), "'v' is not defined"},
    {"defined_twice", OVER_ALL("let v = x[r, c] let v = x[r, c] store y[r, c] = v"), "already defined"},
    {"shadowed_axis", OVER_ALL("loop (r < M) { store y[r, c] = 1.0 }"), "already defined"},
    {"out_of_scope", OVER_ROWS("loop (c < M) { let v = x[r, c] store y[r, c] = v } store z[r] = cast[i32](v)"),
     "not defined"},
    {"axis_out_of_scope", OVER_ROWS("loop (c < M) { store y[r, c] = 1.0 } store y[r, c] = 1.0"), "'c' is not defined"},
    {"merge_sees_carry",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge (u; v) { yield (s + u) } { next (s + 1.0) } store w[r] = s"),
     "'s' is not defined"},
    {"equal_axes", BODY("r < N, r < M", "store y[r, r] = 1.0"), "already defined"},
    {"store_to_value", OVER_ALL("let v = x[r, c] store v[r] = 1.0"), "an operand to store to"},
    /* declarations */
    {"empty_range", "program p symbol N 5..3", "minimum above maximum"},
    {"divisor_zero", "program p symbol N 0..3 div 0", "divisor below 1"},
    {"no_dtype", "program p in x f33[3]", "dtype is missing"},
    {"reserved_dtype", "program p in x f8e4m3[3] out y f32[3] kernel k (i < 3) { store y[i] = 1.0 }",
     "no dtype that memory"},
    {"index_operand", "program p in x index[3] out y f32[3] kernel k (i < 3) { store y[i] = 1.0 }",
     "no dtype that memory"},
    {"roles_in_order", "program p out y f32[3] in x f32[3] kernel k (i < 3) { store y[i] = x[i] }",
     "inputs come first"},
    {"strides_count", "program p in x f32[3, 3] strides [3]", "1 strides for 2 dims"},
    {"nine_dims", "program p in x f32[1, 1, 1, 1, 1, 1, 1, 1, 1]", "more than 8 indices"},
    {"float_dim", "program p in x f32[3.5]", "a float where index"},
    {"dim_of_scalar",
     "program p scalar s i64 in x f32[cast[index](s)] out y f32[3] kernel k (i < 3) { store y[i] = 1.0 }",
     "outside kernels only indices"},
    {"broadcast_output", "program p out y f32[3] strides [0] kernel k (i < 3) { store y[i] = 1.0 }", "stride 0"},
    {"strided_workspace", "program p out y f32[3] workspace w f32[3] strides [2] kernel k (i < 3) { store y[i] = 1.0 }",
     "contiguous"},
    {"strided_nibbles", "program p in q u4[3, 4] strides [1, 3] out y u8[3] kernel k (i < 3) { store y[i] = q[i, 0] }",
     "innermost stride 1"},
    /* types */
    {"mixed_types", OVER_ALL("store y[r, c] = x[r, c] + i[r]"), "operand 2 of add is i64, not f32"},
    {"wrong_store", OVER_ALL("store y[r, c] = i[r]"), "value of a store is i64, not f32"},
    {"float_index", OVER_ALL("store y[x[r, c], c] = 1.0"), "index 1 is f32, not index"},
    {"integer_index", OVER_ALL("store y[i[r], c] = 1.0"), "index 1 is i64, not index"},
    {"float_condition", OVER_ALL("store y[r, c] = where(x[r, c], 1.0, 2.0)"), "condition of where is f32"},
    {"branches_differ", OVER_ALL("store y[r, c] = where(true, x[r, c], i[r])"), "operand 3 of where is i64"},
    {"float_and", OVER_ALL("store y[r, c] = and(x[r, c], x[r, c])"), "and does not take f32"},
    {"sqrt_of_integer", OVER_ROWS("store z[r] = cast[i32](sqrt(i[r]))"), "sqrt does not take i64"},
    {"index_shift", OVER_ROWS("store z[r] = cast[i32](shl(r, 2))"), "shl does not take index"},
    {"bool_sum", OVER_ROWS("store z[r] = cast[i32](true + false)"), "add does not take bool"},
    {"half_constant", OVER_ALL("store y[r, c] = 1.0:f16"), "compute dtype"},
    {"no_context", OVER_ROWS("let v = 1 store z[r] = v"), "needs a compute dtype"},
    {"does_not_fit", OVER_ROWS("store z[r] = 2147483648"), "does not fit i32"},
    {"negative_unsigned", OVER_ROWS("store z[r] = cast[i32](-1:u8)"), "does not fit u8"},
    {"float_for_integer", OVER_ROWS("store z[r] = 1.5"), "a float where i32"},
    {"bad_bitcast", OVER_ALL("store y[r, c] = bitcast[f32](i[r])"), "one width"},
    {"cast_to_reserved", OVER_ALL("store y[r, c] = cast[f8e5m2](x[r, c])"), "no dtype that is offered"},
    {"idle_wrap", OVER_ROWS("store z[r] = cast[i32, wrap](i[r])"), "wrap is for casts from float"},
    {"too_few_operands", OVER_ALL("store y[r, c] = max(x[r, c])"), "',' is missing"},
    {"too_many_operands", OVER_ALL("store y[r, c] = sqrt(x[r, c], 1.0)"), "')' is missing"},
    {"view_operator", OVER_ALL("store y[r, c] = reshape(x[r, c])"), "not defined"},
    {"rank", OVER_ALL("store y[r] = 1.0"), "'y' has 2 dims, the access has 1"},
    {"store_to_input", OVER_ALL("store x[r, c] = 1.0"), "which is an input"},
    {"zero_divisor", OVER_ALL("store y[r / N, c] = 1.0"), "provably positive"},
    {"carried_divisor", OVER_ROWS("loop (c < M) carry (d: index = 1) { store y[r, c % d] = 1.0 next (d + 1) }"),
     "provably positive"},
    /* guards */
    {"guard_of_sum", OVER_ALL("store y[r, c] = (x[r, c] + 1.0 if true else 0.0)"), "')' is missing before 'if'"},
    {"guard_without_else", OVER_ALL("let v = x[r, c] if true store y[r, c] = v"), "'else' is missing"},
    {"float_guard", OVER_ALL("let v = x[r, c] if 1.0 else 0.0 store y[r, c] = v"), "float where bool"},
    {"else_type", OVER_ALL("let v = x[r, c] if true else i[r] store y[r, c] = v"), "else value of a load is i64"},
    {"store_guard", OVER_ALL("store y[r, c] = 1.0 if x[r, c]"), "guard of a store is f32"},
    /* loops */
    {"no_next", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) { store y[r, c] = s }"), "or next is missing"},
    {"idle_next", OVER_ROWS("loop (c < M) { store y[r, c] = 1.0 next (1.0) }"), "a statement is missing"},
    {"short_next", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0, t: f32 = 0.0) { next (s) } store w[r] = s"),
     "',' is missing"},
    {"long_next", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) { next (s, s) } store w[r] = s"), "')' is missing"},
    {"next_type", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) { next (i[r]) } store w[r] = s"),
     "next carried value is i64"},
    {"init_type", OVER_ROWS("loop (c < M) carry (s: f32 = i[r]) { next (s) } store w[r] = s"),
     "start of a carried value is i64"},
    {"half_carry", OVER_ROWS("loop (c < M) carry (s: f16 = 0.0) { next (s) } store w[r] = s"), "compute dtype"},
    {"float_extent", OVER_ROWS("loop (c < x[r, 0]) { store y[r, c] = 1.0 }"), "extent of axis 'c' is no index"},
    {"extent_of_item", BODY("r < N, c < r", "store y[r, c] = 1.0"), "'r' is not defined"},
    {"empty_kernel", OVER_ALL(""), "stores nothing"},
    {"store_free", OVER_ALL("let v = x[r, c]"), "stores nothing"},
    /* tiles */
    {"tile_of_zero", OVER_ROWS("tile t f32[0] (e) { yield (1.0) } store w[r] = t[0]"), "a tile has"},
    {"tile_of_half", OVER_ROWS("tile t f16[2] (e) { yield (1.0) } store w[r] = t[0]"), "compute dtype"},
    {"huge_tile", OVER_ROWS("tile t f32[65536, 2] (e, f) { yield (1.0) } store w[r] = t[0, 0]"), "65536 elements"},
    {"store_in_tile", OVER_ROWS("tile t f32[2] (e) { store w[r] = 1.0 yield (1.0) } store w[r] = t[0]"),
     "store in a tile"},
    {"tile_outside", OVER_ROWS("tile t f32[2] (e) { yield (1.0) } store w[r] = t[2]"), "may leave [0, 2)"},
    {"tile_loaded_index", OVER_ROWS("tile t f32[2] (e) { yield (1.0) } store w[r] = t[cast[index](i[r])]"),
     "may leave [0, 2)"},
    {"whole_tile", OVER_ROWS("tile t f32[2] (e) { yield (1.0) } store w[r] = t + 1.0"), "whole tile"},
    {"element_of_scalar", OVER_ROWS("let v = x[r, 0] store w[r] = v[0]"), "element of a scalar"},
    {"tile_element_type", OVER_ROWS("tile t f32[2] (e) { yield (e) } store w[r] = t[0]"), "element is index, not f32"},
    {"tile_rank", OVER_ROWS("tile t f32[2, 2] (e, f) { yield (1.0) } store w[r] = t[0]"), "rank 2 takes 2 indices"},
    /* items that meet */
    {"race_on_one", OVER_ALL("store w[0] = x[r, c]"), "axis 0 ('r') may meet on an element of 'w'"},
    {"race_on_axis", OVER_ALL("store w[r] = x[r, c]"), "axis 1 ('c') may meet"},
    {"race_by_division", OVER_ROWS("store w[r / 2] = 1.0"), "may meet"},
    {"race_by_overlap", OVER_ROWS("loop (j < 4) { store w[r * 3 + j] = 1.0 if r * 3 + j < N }"), "may meet"},
    {"race_by_neighbour", OVER_ROWS("store w[r] = 1.0 store w[r + 1] = 2.0 if r + 1 < N"), "may meet"},
    {"race_of_two_ways", OVER_ROWS("store w[r * 2] = 1.0 if r * 2 < N store w[r * 3] = 2.0 if r * 3 < N"), "may meet"},
    {"race_with_load", OVER_ROWS("let v = w[r + 1] if r + 1 < N else 0.0 store w[r] = v"), "may meet"},
    {"race_by_index", OVER_ROWS("store w[cast[index](i[r])] = 1.0"), "may meet"},
    {"race_by_sum", OVER_ALL("store w[r + c] = 1.0 if r + c < N"), "may meet"},
    {"race_of_combiners", OVER_ROWS("store w[0] add= 1.0 any store w[0] max= 2.0 any"), "may meet"},
    {"race_in_order", OVER_ROWS("store w[cast[index](i[r])] add= 1.0"), "may meet"},
    {"race_with_combiner", OVER_ROWS("let v = w[0] store w[0] add= v any"), "may meet"},
    {"race_of_nibbles", "program p out q u4[64, 2] kernel k (r < 64, c < 2) { store q[r, c] = 1 }", "share a byte"},
    {"plain_any", OVER_ALL("store y[r, c] = 1.0 any"), "cannot be `any`"},
    {"combined_bool", "program p out y bool[3] kernel k (i < 3) { store y[i] add= true }", "does not take bool"},
    {"combined_nibble", "program p out y u4[3] kernel k () { loop (i < 3) { store y[i] add= 1 } }", "does not take u4"},
    {"unknown_combiner", OVER_ROWS("store w[r] sub= 1.0"), "'add=', 'mul='"},
    /* merges */
    {"merge_by_sub", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge sub { next (s - x[r, c]) } store w[r] = s"),
     "cannot be merged by sub"},
    {"merge_other_step", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { next (s * x[r, c]) } store w[r] = s"),
     "not mergeable by add"},
    {"merge_twice_carried",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { next (s + s * x[r, c]) } store w[r] = s"),
     "not mergeable by add"},
    {"merge_doubles", OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { next (s + s) } store w[r] = s"),
     "not mergeable by add"},
    {"merge_through_a_loop",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { loop (j < M) carry (t: f32 = s) { next (t * 2.0) } "
               "next (s + t) } store w[r] = s"),
     "not mergeable by add"},
    {"merge_of_factor",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { next (fma(s, x[r, c], 1.0)) } store w[r] = s"),
     "not mergeable by add"},
    {"merge_identity", OVER_ROWS("loop (c < M) carry (s: f32 = 1.0) merge add { next (s + x[r, c]) } store w[r] = s"),
     "identity of add"},
    {"merge_max_identity",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge max { next (max(s, x[r, c])) } store w[r] = s"),
     "identity of max"},
    {"merge_count",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0, t: f32 = 0.0) merge add { next (s + 1.0, t + 1.0) } store w[r] = s"),
     "merge of 1 values"},
    {"merge_hidden_carry",
     OVER_ROWS(
         "loop (c < M) carry (s: f32 = 0.0, t: f32 = 0.0) merge add, add { next (s + t, t + 1.0) } store w[r] = s"),
     "not mergeable by add"},
    {"merge_of_prefix",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { store y[r, c] = s next (s + x[r, c]) }"),
     "depends on what the loop carries"},
    {"merge_loads",
     OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge (u; v) { yield (u + v + x[r, 0]) } { next (s + 1.0) } store "
               "w[r] = s"),
     "merge block loads from 'x'"},
    {"merge_without_carry", OVER_ROWS("loop (c < M) merge add { store y[r, c] = 1.0 }"), "'{' is missing"},
    /* 32-bit claims */
    {"index32_extent", "program p symbol N 0..4294967296 out y f32[N] kernel k index32 (i < N) { store y[i] = 1.0 }",
     "extent of axis 0"},
    {"index32_offset",
     "program p symbol N 0..65536 out y f32[N, N] kernel k index32 (i < N, j < N) { store y[i, j] = 1.0 }",
     "further than 2^31"},
    {"index32_loaded",
     "program p in i i64[9] out y i64[9] kernel k index32 (r < 9) { store y[r] = cast[i64](cast[index](i[r])) }",
     "lies in ["},
};

static void refuse(const struct row *row) {
    tenon__kir_program *program;
    tenon__kir_error error;
    tenon_status status = tenon__kir_parse(row->text, strlen(row->text), &error, &program);
    ck_assert_msg(status == TENON_STATUS_BAD_DATA, "%s: not refused (status %u)", row->name, status);
    ck_assert_ptr_null(program);
    ck_assert_msg(strstr(error.text, row->error) != NULL, "%s: the message is: %s", row->name, error.text);
}

START_TEST(broken_programs_are_named) {
    refuse(&rows[_i]);
}
END_TEST

/* Every text cut off anywhere is refused or whole. */
START_TEST(cut_programs_are_refused) {
    static const char text[] =
        OVER_ROWS("loop (c < M) carry (s: f32 = 0.0) merge add { next (s + x[r, c]) } store w[r] = s");
    for (size_t size = 0; size < sizeof text - 1; size++) {
        tenon__kir_program *program;
        tenon__kir_error error;
        char *copy = malloc(size + 1); /* of the exact size: a read past it is seen */
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, size);
        ck_assert_uint_ne(tenon__kir_parse(copy, size, &error, &program), TENON_STATUS_OK);
        ck_assert(error.text[0] != '\0');
        free(copy);
    }
}
END_TEST

/* Nesting past the limits is refused, not followed. */
START_TEST(deep_programs_are_refused) {
    enum { DEEP = 100000 };
    static const struct {
        const char *open;
        const char *error;
    } shapes[] = {{"(", "deep"},
                  {"-", "deep"},
                  {"sqrt(", "deep"},
                  {"x[", "deep"},
                  {"} loop () {", "statement"},
                  {"loop () {", "inside each other"}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const char *head = s < 4 ? HEAD "kernel k (r < N) { store w[r] = " : HEAD "kernel k (r < N) {";
        size_t piece = strlen(shapes[s].open), used = strlen(head);
        char *text = malloc(used + DEEP * piece + 1);
        ck_assert_ptr_nonnull(text);
        memcpy(text, head, used + 1);
        for (size_t i = 0; i < DEEP; i++, used += piece) memcpy(text + used, shapes[s].open, piece + 1);
        tenon__kir_program *program;
        tenon__kir_error error;
        ck_assert_uint_ne(tenon__kir_parse(text, used, &error, &program), TENON_STATUS_OK);
        ck_assert_msg(s == 4 || strstr(error.text, shapes[s].error), "%s: %s", shapes[s].open, error.text);
        free(text);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kir_broken");
    TCase *cases = tcase_create("broken");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, broken_programs_are_named, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(cases, cut_programs_are_refused);
    tcase_add_test(cases, deep_programs_are_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
