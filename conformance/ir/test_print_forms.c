/* What the thirteen programs and the base operators do not ask of a printer: every form of the IR, in lanes and
 * without, against the interpreter on every target. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "printed.h"

enum { MAX_SYMBOLS = 4, SIZES = 3 };

static const uint64_t scalars[2] = {0x3c00 /* 1 in f16 */, 1};

static const struct form {
    const char *name;
    int64_t symbols[SIZES][MAX_SYMBOLS];
    const char *text;
} forms[] = {
    {"condition far off",
     {{5}, {64}, {300}},
     "program p symbol N 0..65536 in x u8[N] out y u8[N + 300]\n"
     "kernel k (i < N + 300) { let j = i - 300 store y[i] = (x[j] if and(-1 < j, j < N) else 7) }"},
    {"negated condition",
     {{3}, {50}, {257}},
     "program p symbol N 0..65536 in x i16[N] out y i16[N]\n"
     "kernel k (i < N) { store y[i] = (x[i] if xor(or(i < 3, N < i + 7), true) else -5) }"},
    {"condition of no interval",
     {{3}, {50}, {257}},
     "program p symbol N 0..65536 in x f32[N] in c bool[N] out y f32[N]\n"
     "kernel k (i < N) { store y[i] = (x[i] if or(c[i], i == 4) else 0.5) }"},
    {"condition of a store",
     {{3}, {50}, {257}},
     "program p symbol N 0..65536 in x i32[N] inout y i32[N]\n"
     "kernel k (i < N) { store y[i] = x[i] if x[i] < 7 }"},
    {"masks of several widths",
     {{1}, {31}, {200}},
     "program p symbol N 0..65536 in x f64[N] in v f32[N] in b i8[N] in t bool[N] out y f32[N] out z bool[N]\n"
     "kernel k (i < N) {\n"
     "    let wide = x[i] < 0.25 let narrow = b[i] < 5:i8 let both = and(wide, xor(narrow, t[i]))\n"
     "    store y[i] = where(both, v[i], where(narrow, 2.0:f32, cast[f32](wide)))\n"
     "    store z[i] = or(both, where(t[i], wide, narrow) == narrow)\n"
     "}"},
    {"truth in order",
     {{1}, {31}, {200}},
     "program p symbol N 0..65536 in a bool[N] in b bool[N] out y bool[N]\n"
     "kernel k (i < N) { store y[i] = xor(max(a[i], b[i]), or(a[i] < b[i], min(a[i], b[i]))) }"},
    {"indices as values",
     {{1}, {31}, {200}},
     "program p symbol N 0..65536 out y i64[N] out z f32[N] out w u8[N]\n"
     "kernel k (i < N) {\n"
     "    let j = where(i < 9, i * 3, i - N) let q = j / 4 let r = j % 4\n"
     "    store y[i] = cast[i64](max(q, -3) * 10 + r) store z[i] = cast[f32](min(abs(j), 50)) store w[i] = "
     "cast[u8](i)\n"
     "}"},
    {"gather and scatter in lanes",
     {{7, 9}, {50, 20}, {257, 300}},
     "program p symbol N 0..65536 symbol M 1..65536 in x f16[M] in at i32[N] out y f16[N, 3]\n"
     "kernel k (i < N) {\n"
     "    let j = cast[index](at[i]) loop (c < 3) { store y[i, c] = x[(j * 5 + c) % M] }\n"
     "}"},
    {"items that meet",
     {{7, 9}, {50, 20}, {257, 30}},
     "program p symbol N 0..65536 symbol M 1..65536 in x i32[N] out y i32[M] out z i32[M]\n"
     "kernel start (m < M) { store y[m] = 0 store z[m] = 100 }\n"
     "kernel meet (i < N) { store y[i % M] add= x[i] any store z[(i * i) % M] min= x[i] any }"},
    {"combined in order",
     {{7, 9}, {50, 20}, {129, 33}},
     "program p symbol N 0..65536 symbol M 0..65536 in x f32[N, M] inout y f32[M] inout z bf16[M]\n"
     "kernel k (m < M) { loop (i < N) { store y[m] max= x[i, m] store z[m] mul= x[i, m] if 0.0 < x[i, m] } }"},
    {"halves of bytes",
     {{2}, {40}, {258}},
     "program p symbol N 0..65536 div 2 in x i4[N] in v f32[N] out y u4[N] out z i8[N]\n"
     "kernel one () { loop (i < N) { store y[i] = cast[u4](v[i] * 9.0) } }\n"
     "kernel k (i < N) { store z[i] = x[i] + cast[i4](v[i] * 20.0) }"},
    {"casts",
     {{1}, {33}, {200}},
     "program p symbol N 0..65536 in x f32[N] in k i32[N] out a i8[N] out b u16[N] out c f32[N] out d f64[N] out e "
     "i16[N]\n"
     "kernel k0 (i < N) {\n"
     "    let v = x[i] * 1000.0\n"
     "    store a[i] = cast[i8](v) store b[i] = cast[u16, wrap](v) store c[i] = cast[bf16](v) + cast[f16](x[i])\n"
     "    store d[i] = cast[f64](v) store e[i] = cast[i16](k[i] * 9999)\n"
     "}"},
    {"bits",
     {{1}, {33}, {200}},
     "program p symbol N 0..65536 in x f32[N] in y f64[N] out a i32[N] out b f32[N] out c u64[N] out d f64[N]\n"
     "kernel k (i < N) {\n"
     "    let word = bitcast[i32](x[i]) store a[i] = word store b[i] = bitcast[f32](and(word, 0x7fffffff))\n"
     "    let wide = bitcast[u64](y[i]) store c[i] = wide store d[i] = bitcast[f64](xor(wide, shl(1:u64, 63)))\n"
     "}"},
    {"host scalars",
     {{1}, {33}, {200}},
     "program p symbol N 0..65536 scalar s f16 scalar t bool in x f32[N] out y f32[N]\n"
     "kernel k (i < N) { store y[i] = where(t, x[i] + s, s) }"},
    {"carried values that change places",
     {{1}, {9}, {40}},
     "program p symbol N 0..65536 in x f32[N] out y f32[N] out z i32[2]\n"
     "kernel k () {\n"
     "    loop (i < N) carry (a: f32 = 1.0, b: f32 = 2.0, n: i32 = 0) {\n"
     "        store y[i] = a - b next (b, a + x[i], n + 1)\n"
     "    }\n"
     "    store z[0] = n store z[1] = cast[i32](a < b)\n"
     "}"},
    {"merges of truth and bits",
     {{1, 1}, {5, 33}, {3, 200}},
     "program p symbol N 0..65536 symbol M 0..65536 in x i32[N, M] out y bool[N] out z i32[N] out w i32[N]\n"
     "kernel k (n < N) {\n"
     "    loop (m < M) carry (some: bool = false, every: bool = true, odd: i32 = 0, least: i32 = 2147483647)\n"
     "        merge or, and, xor, min {\n"
     "        let v = x[n, m] next (or(some, v < 2), and(every, v < 15), xor(odd, v), min(least, v))\n"
     "    }\n"
     "    store y[n] = xor(some, every) store z[n] = odd store w[n] = least\n"
     "}"},
    {"windows",
     {{1, 1}, {3, 9}, {2, 40}},
     "program p symbol N 0..65536 symbol M 0..65536 in x f32[N + 2, M + 4] out y f32[N, M]\n"
     "kernel k (n < N, m < M) {\n"
     "    loop (i < 3, j < 5) carry (s: f32 = 0.0) merge add { next (s + x[n + i, m + j]) }\n"
     "    store y[n, m] = s\n"
     "}"},
    {"tiles",
     {{1}, {3}, {20}},
     "program p symbol N 0..65536 in x f32[N, 24] out y f32[N, 24] out z bool[N, 5]\n"
     "kernel k (n < N) {\n"
     "    tile row f32[3, 8] (a, b) { yield (x[n, a * 8 + b] * 2.0) }\n"
     "    tile low bool[5] (c) { yield (row[0, c] < 0.5) }\n"
     "    loop (s < 2) carry (acc: f32[3, 8] = 0.0, n1: f32 = 1.0) {\n"
     "        tile more f32[3, 8] (a, b) { yield (acc[a, b] + row[2 - a, b] * n1) }\n"
     "        next (more, n1 * 0.5)\n"
     "    }\n"
     "    loop (a < 3, b < 8) { store y[n, a * 8 + b] = acc[a, b] }\n"
     "    loop (c < 5) { store z[n, c] = low[4 - c] }\n"
     "}"},
    {"a step of no axes",
     {{1}, {3}, {20}},
     "program p symbol N 0..65536 in x f32[N] out y f32[N]\n"
     "kernel k (n < N) { loop () carry (a: f32 = 3.0) { next (a * x[n]) } store y[n] = a }"},
    {"columns",
     {{1, 2, 131}, {3, 40, 140}, {20, 130, 131}},
     "program p symbol N 0..65536 symbol M 0..65536 symbol s 131..65536 in x f16[N, M] strides [s, 1] out y f32[M, N]\n"
     "kernel k (m < M, n < N) { store y[m, n] = exp(x[n, m]) }"},
    {"a product of expressions",
     {{1, 5, 7}, {4, 40, 9}, {50, 33, 140}},
     "program p symbol M 1..65536 symbol N 0..65536 symbol K 0..65536\n"
     "in a f16[M, K] in b i8[N, K] in scale f32[N] in bias f32[N] in at i32[M] out y f16[M, N]\n"
     "kernel k (m < M, n < N) {\n"
     "    let row = cast[index](at[m]) % M let s = scale[n]\n"
     "    loop (k < K) carry (sum: f32 = 0.0) merge add {\n"
     "        next (fma((a[row, k] if k < K - 1 else 0.5), cast[f32](b[n, k] - 3:i8) * s, sum))\n"
     "    }\n"
     "    store y[m, n] = max(sum * 0.125 + bias[n], 0.0)\n"
     "}"},
};
enum { FORMS = sizeof forms / sizeof *forms };

static double tolerance(uint32_t dtype) {
    return dtype == TENON_DTYPE_F16 ? 2e-3 : dtype == TENON_DTYPE_BF16 ? 1.6e-2 : dtype == TENON_DTYPE_F32 ? 1e-5 : 0;
}

static void compare(const ir_run *got, const ir_run *want, const char *name, const char *target) {
    ck_assert_msg(ir_run_fences_hold(got), "%s on %s: wrote outside its buffers", name, target);
    for (uint32_t b = 0; b < got->buffer_count; b++) {
        double bound = tolerance(got->buffers[b].operand->dtype);
        for (int64_t i = 0; i < got->buffers[b].count; i++) {
            double x = ir_get(got, b, i), y = ir_get(want, b, i);
            ck_assert_msg((isnan(x) && isnan(y)) || x == y || fabs(x - y) <= bound * (1 + fabs(y)),
                          "%s on %s: %s[%lld] is %.9g, not %.9g", name, target, got->buffers[b].operand->name,
                          (long long)i, x, y);
        }
    }
}

static void run_form(const printed_set *set, uint32_t number, const tenon__kir_program *program, uint32_t size,
                     const char *target) {
    const int64_t *symbols = forms[number].symbols[size];
    ir_run got, want;
    void *pointers[IR_MAX_BUFFERS];
    tenon__kir_error error;
    ir_run_begin(&want, program, symbols, scalars, number);
    ir_run_pointers(&want, pointers);
    tenon_status status = tenonc_interp_run(program, symbols, scalars, pointers, NULL, &error);
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", forms[number].name, error.text);
    for (uint32_t split = PRINTED_WHOLE; split <= PRINTED_SPLITS; split++) {
        ir_run_begin(&got, program, symbols, scalars, number);
        ir_run_pointers(&got, pointers);
        ck_assert_msg(printed_run(set, number, symbols, scalars, pointers, split), "%s on %s: out of range",
                      forms[number].name, target);
        compare(&got, &want, forms[number].name, target);
        ir_run_end(&got);
    }
    ir_run_end(&want);
}

static void run_target(const printed_target *target, const tenon__schedule_options *options) {
    tenon__kir_program *programs[FORMS];
    if (!printed_target_usable(target)) return;
    for (uint32_t i = 0; i < FORMS; i++) {
        tenon__kir_error error;
        tenon_status status = tenon__kir_parse(forms[i].text, strlen(forms[i].text), &error, &programs[i]);
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", forms[i].name, error.text);
    }
    printed_set *set = printed_compile(target, options, (const tenon__kir_program *const *)programs, FORMS);
    for (uint32_t i = 0; i < FORMS; i++)
        for (uint32_t size = 0; size < SIZES; size++) run_form(set, i, programs[i], size, target->name);
    printed_free(set);
    for (uint32_t i = 0; i < FORMS; i++) tenon__kir_destroy(programs[i]);
}

START_TEST(forms_are_as_in_the_interpreter) {
    run_target(&printed_targets[_i], NULL);
}
END_TEST

START_TEST(options_change_nothing) {
    static const tenon__schedule_options options[] = {{.chunk = 1}, {.without_tiles = 1}, {.scalar = 1}};
    run_target(&printed_targets[1], &options[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("print_forms");
    TCase *cases = tcase_create("forms");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, forms_are_as_in_the_interpreter, 0, (int)printed_target_count);
    tcase_add_loop_test(cases, options_change_nothing, 0, 3);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
