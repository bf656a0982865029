/* Text, blob and hash of Kernel IR: what goes out comes back, and no garbage gets in. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ir_run.h"
#include "kernel/kir_build.h"

static const char *const programs[] = {
    "argmax",  "cumsum",  "dropout",   "int4_matmul", "kv_append",   "maxpool_grad",      "online_softmax_attention",
    "rmsnorm", "softmax", "sum_split", "scatter_add", "stable_sort", "welford_layernorm",
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static uint64_t next_random(uint64_t *state) {
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static tenon__kir_program *parse(const char *text) {
    tenon__kir_program *program;
    tenon__kir_error error;
    tenon_status status = tenon__kir_parse(text, strlen(text), &error, &program);
    ck_assert_msg(status == TENON_STATUS_OK, "%s\n%s", error.text, text);
    return program;
}

static bool same_hash(const tenon__kir_program *a, const tenon__kir_program *b) {
    uint64_t x[2], y[2];
    tenon__kir_hash(a, x);
    tenon__kir_hash(b, y);
    return x[0] == y[0] && x[1] == y[1];
}

/* Text and blob of a program give it back: the same hash, the same text. */
static void check_round_trips(const tenon__kir_program *program) {
    char *text, *text2, *text3;
    void *blob;
    size_t size;
    tenon__kir_program *decoded;
    tenon__kir_error error;
    ck_assert_uint_eq(tenon__kir_print(program, &text), TENON_STATUS_OK);
    tenon__kir_program *parsed = parse(text);
    ck_assert_msg(same_hash(program, parsed), "the hash changes with the text:\n%s", text);
    ck_assert_uint_eq(tenon__kir_print(parsed, &text2), TENON_STATUS_OK);
    ck_assert_str_eq(text, text2);
    ck_assert_uint_eq(tenon__kir_encode(program, TENON__KIR_VERSION, &blob, &size), TENON_STATUS_OK);
    ck_assert_msg(tenon__kir_decode(blob, size, &error, &decoded) == TENON_STATUS_OK, "%s", error.text);
    ck_assert(same_hash(program, decoded));
    ck_assert_uint_eq(tenon__kir_print(decoded, &text3), TENON_STATUS_OK);
    ck_assert_str_eq(text, text3);
    free(text);
    free(text2);
    free(text3);
    free(blob);
    tenon__kir_destroy(parsed);
    tenon__kir_destroy(decoded);
}

START_TEST(programs_round_trip) {
    tenon__kir_program *program = ir_load(programs[_i]);
    check_round_trips(program);
    tenon__kir_destroy(program);
}
END_TEST

/* Hash. */

#define XY "program p symbol N 0..9 in x f32[N] out y f32[N] workspace w f32[N] "

static const struct hash_row {
    const char *name;
    bool equal;
    const char *a, *b;
} hash_rows[] = {
    {"names", true, XY "kernel k (i < N) { let v = x[i] store y[i] = v * v }",
     "program q symbol M 0..9 in a f32[M] out b f32[M] workspace c f32[M] kernel z (j < M) { let u = a[j] store b[j] = "
     "u * u }"},
    {"lets", true, XY "kernel k (i < N) { let v = x[i] + 1.0 let u = v * 2.0 store y[i] = u }",
     XY "kernel k (i < N) { store y[i] = (x[i] + 1.0) * 2.0 }"},
    {"sharing", true, XY "kernel k (i < N) { let v = x[i] store y[i] = v * v }",
     XY "kernel k (i < N) { store y[i] = x[i] * x[i] }"},
    {"places_of_lets", true, XY "kernel k (i < N) { let u = x[i] let v = exp(u) store w[i] = u store y[i] = v }",
     XY "kernel k (i < N) { let u = x[i] store w[i] = u let v = exp(u) store y[i] = v }"},
    {"unused", true, XY "kernel k (i < N) { let u = exp(x[i]) store y[i] = 1.0 }",
     XY "kernel k (i < N) { store y[i] = 1.0 }"},
    {"folded_index", true, XY "kernel k (i < N * 1) { store y[i + 0] = 1.0 }",
     XY "kernel k (i < N) { store y[i] = 1.0 }"},
    {"spelled_strides", true,
     "program p symbol N 1..9 out y f32[2, N] strides [N, 1] kernel k (i < 2) { store y[i, 0] = 1.0 }",
     "program p symbol N 1..9 out y f32[2, N] kernel k (i < 2) { store y[i, 0] = 1.0 }"},
    {"place_of_a_load", false, XY "kernel k (i < N) { let u = w[i] store w[i] = x[i] store y[i] = u }",
     XY "kernel k (i < N) { store w[i] = x[i] let u = w[i] store y[i] = u }"},
    {"order_of_stores", false, XY "kernel k (i < N) { store y[i] = 1.0 store y[i] = 2.0 }",
     XY "kernel k (i < N) { store y[i] = 2.0 store y[i] = 1.0 }"},
    {"operands", false, XY "kernel k (i < N) { store y[i] = x[i] - 1.0 }",
     XY "kernel k (i < N) { store y[i] = 1.0 - x[i] }"},
    {"constants", false, XY "kernel k (i < N) { store y[i] = 0.0 }", XY "kernel k (i < N) { store y[i] = -0.0 }"},
    {"axes", false, "program p out y f32[4, 4] kernel k (i < 4, j < 4) { store y[i, j] = 1.0 if i < 2 }",
     "program p out y f32[4, 4] kernel k (i < 4, j < 4) { store y[i, j] = 1.0 if j < 2 }"},
    {"range", false, XY "kernel k (i < N) { store y[i] = 1.0 }",
     "program p symbol N 0..8 in x f32[N] out y f32[N] workspace w f32[N] kernel k (i < N) { store y[i] = 1.0 }"},
    {"merge", false,
     XY "kernel k () { loop (i < N) carry (s: f32 = 0.0) merge add { next (s + x[i]) } store y[0] = s }",
     XY "kernel k () { loop (i < N) carry (s: f32 = 0.0) { next (s + x[i]) } store y[0] = s }"},
    {"results", false,
     XY "kernel k () { loop (i < N) carry (s: f32 = 0.0, t: f32 = 0.0) { next (s + 1.0, t + 2.0) } store y[0] = s }",
     XY "kernel k () { loop (i < N) carry (s: f32 = 0.0, t: f32 = 0.0) { next (s + 1.0, t + 2.0) } store y[0] = t }"},
    {"kernels", false, XY "kernel k (i < N) { store y[i] = 1.0 } kernel l (i < N) { store w[i] = 1.0 }",
     XY "kernel k (i < N) { store w[i] = 1.0 } kernel l (i < N) { store y[i] = 1.0 }"},
};

START_TEST(hash_follows_the_meaning) {
    const struct hash_row *row = &hash_rows[_i];
    tenon__kir_program *a = parse(row->a), *b = parse(row->b);
    ck_assert_msg(same_hash(a, b) == row->equal, "%s", row->name);
    check_round_trips(a);
    check_round_trips(b);
    tenon__kir_destroy(a);
    tenon__kir_destroy(b);
}
END_TEST

/* The hash is part of cache keys on disk: a change of it is a change of TENON__KIR_VERSION. */
START_TEST(hash_is_stable) {
    tenon__kir_program *program = parse(XY "kernel k (i < N) { store y[i] = fma(x[i], 2.0, 1.0) }");
    uint64_t hash[2];
    tenon__kir_hash(program, hash);
    ck_assert_msg(hash[0] == UINT64_C(0xb963e70c59e022cb) && hash[1] == UINT64_C(0xf547e6eaaaab7530),
                  "0x%016llx 0x%016llx", (unsigned long long)hash[0], (unsigned long long)hash[1]);
    tenon__kir_destroy(program);
}
END_TEST

/* Literals. */

START_TEST(literals_come_back) {
    static const struct {
        const char *dtype, *text, *canonical;
    } rows[] = {
        {"f32", "0.1", "0.1"},
        {"f32", "0x1p-149", "1e-45"},
        {"f32", "-inf", "-inf"},
        {"f32", "nan", "nan"},
        {"f32", "16777217", "16777216.0"},
        {"f32", "1e39", "inf"},
        {"f64", "0.1", "0.1"},
        {"f64", "0x1.fffffffffffffp1023", "1.7976931348623157e+308"},
        {"f64", "5e-324", "5e-324"},
        {"f64", "-0.0", "-0.0"},
        {"f32", "bits:f32(0xffc00001)", "bits:f32(0xffc00001)"},
        {"i8", "-128", "-128"},
        {"u64", "0xffffffffffffffff", "18446744073709551615"},
        {"i64", "-9223372036854775808", "-9223372036854775808"},
        {"bool", "true", "true"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256], want[256], *got;
        snprintf(text, sizeof text, "program p out y %s[1] kernel k (i < 1) { store y[i] = %s }", rows[i].dtype,
                 rows[i].text);
        snprintf(want, sizeof want, "store y[i] = %s\n", rows[i].canonical);
        tenon__kir_program *program = parse(text);
        ck_assert_uint_eq(tenon__kir_print(program, &got), TENON_STATUS_OK);
        ck_assert_msg(strstr(got, want) != NULL, "%s became\n%s", rows[i].text, got);
        check_round_trips(program);
        free(got);
        tenon__kir_destroy(program);
    }
}
END_TEST

/* Programs that no text gave. */

/* Names that are none, equal ones, keywords, missing ones: the text is legal all the same. */
START_TEST(any_names_print) {
    static const char *const names[] = {"x", "x", "loop", "add", "7up", "a/b:c", "", NULL, "v0"};
    tenon__kir_program *program;
    tenon__kir_error error;
    ck_assert_uint_eq(tenon__kir_create("model/layer.0", &program), TENON_STATUS_OK);
    tenon__kir_id n = tenon__kir_symbol_new(program, "x", (tenon_symbol){1, 100, 1}), sum = 0;
    uint32_t y = tenon__kir_operand_new(program, TENON__KIR_OUT, "x", TENON_DTYPE_F32, 1, &n, NULL);
    tenon__kir_kernel_begin(program, "x");
    tenon__kir_id i = tenon__kir_axis(program, "x", n);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        tenon__kir_id v = tenon__kir_cast(program, TENON_DTYPE_F32, i, 0);
        tenon__kir_name(program, v, names[k]);
        sum = tenon__kir_op(program, TENON_OP_ADD, sum ? sum : v, tenon__kir_op(program, TENON_OP_MUL, v, v, 0), 0);
    }
    tenon__kir_store(program, y, &i, 1, sum);
    tenon__kir_kernel_end(program);
    ck_assert_msg(tenon__kir_finish(program, &error) == TENON_STATUS_OK, "%s", error.text);
    check_round_trips(program);
    tenon__kir_destroy(program);
}
END_TEST

/* A chain far deeper than the parser nests, and values shared so often that a tree of them would never end. */
START_TEST(deep_and_shared_values_print) {
    tenon__kir_program *program;
    tenon__kir_error error;
    ck_assert_uint_eq(tenon__kir_create("deep", &program), TENON_STATUS_OK);
    tenon__kir_id n = tenon__kir_symbol_new(program, "N", (tenon_symbol){1, 100, 1});
    uint32_t y = tenon__kir_operand_new(program, TENON__KIR_OUT, "y", TENON_DTYPE_F32, 1, &n, NULL);
    tenon__kir_kernel_begin(program, "k");
    tenon__kir_id i = tenon__kir_axis(program, "i", n), v = tenon__kir_cast(program, TENON_DTYPE_F32, i, 0), at = i;
    for (int k = 0; k < 2000; k++) v = tenon__kir_op(program, TENON_OP_SQRT, v, 0, 0);
    for (int k = 0; k < 200; k++) v = tenon__kir_op(program, TENON_OP_ADD, v, v, 0);
    for (int k = 0; k < 200; k++)
        at = tenon__kir_op(program, TENON_OP_MIN, tenon__kir_op(program, TENON_OP_MAX, at, i, 0), at, 0);
    tenon__kir_store_as(program, y, &at, 1, v, TENON_COMBINE_MAX, TENON__KIR_ANY_ORDER, 0);
    tenon__kir_kernel_end(program);
    ck_assert_msg(tenon__kir_finish(program, &error) == TENON_STATUS_OK, "%s", error.text);
    check_round_trips(program);
    tenon__kir_destroy(program);
}
END_TEST

/* A value without a name stays before a store that changes what it loads, and outside a loop it was made outside of. */
START_TEST(values_keep_their_place) {
    tenon__kir_program *program;
    tenon__kir_error error;
    char *text;
    ck_assert_uint_eq(tenon__kir_create("places", &program), TENON_STATUS_OK);
    tenon__kir_id n = tenon__kir_symbol_new(program, "N", (tenon_symbol){1, 100, 1});
    uint32_t y = tenon__kir_operand_new(program, TENON__KIR_INOUT, "y", TENON_DTYPE_F32, 1, &n, NULL);
    uint32_t z =
        tenon__kir_operand_new(program, TENON__KIR_OUT, "z", TENON_DTYPE_F32, 2, (tenon__kir_id[]){n, n}, NULL);
    tenon__kir_kernel_begin(program, "k");
    tenon__kir_id i = tenon__kir_axis(program, "i", n), old = tenon__kir_load(program, y, &i, 1);
    tenon__kir_store(program, y, &i, 1, tenon__kir_float(program, TENON_DTYPE_F32, 5.0));
    tenon__kir_id root = tenon__kir_op(program, TENON_OP_SQRT, old, 0, 0);
    tenon__kir_loop_begin(program);
    tenon__kir_id at[2] = {i, tenon__kir_axis(program, "j", n)};
    tenon__kir_store(program, z, at, 2, root);
    tenon__kir_loop_end(program, NULL, 0, NULL);
    tenon__kir_kernel_end(program);
    ck_assert_msg(tenon__kir_finish(program, &error) == TENON_STATUS_OK, "%s", error.text);
    check_round_trips(program);
    ck_assert_uint_eq(tenon__kir_print(program, &text), TENON_STATUS_OK);
    const char *load = strstr(text, "= y[i]"), *store = strstr(text, "store y"), *sqrt = strstr(text, "sqrt(");
    ck_assert(load && store && sqrt && load < store && store < sqrt && sqrt < strstr(text, "loop"));
    free(text);
    tenon__kir_destroy(program);
}
END_TEST

/* Misuse of the builder is an error of finish, whatever follows it. */
START_TEST(builder_errors_stick) {
    tenon__kir_program *program;
    tenon__kir_error error;
    ck_assert_uint_eq(tenon__kir_create("p", &program), TENON_STATUS_OK);
    tenon__kir_id n = tenon__kir_symbol_new(program, "N", (tenon_symbol){1, 100, 1});
    tenon__kir_loop_begin(program);
    ck_assert_uint_eq(tenon__kir_op(program, TENON_OP_ADD, n, n, 0), 0);
    ck_assert_uint_eq(tenon__kir_op(program, TENON_OP_ADD, 12345, 0, 0), 0);
    ck_assert_uint_eq(tenon__kir_operand_new(program, TENON__KIR_IN, "x", TENON_DTYPE_F32, 1, &n, NULL), UINT32_MAX);
    tenon__kir_store(program, UINT32_MAX, &n, 1, 0);
    tenon__kir_kernel_end(program);
    ck_assert_uint_eq(tenon__kir_finish(program, &error), TENON_STATUS_INVALID);
    ck_assert_str_eq(error.text, "loop outside a kernel");
    tenon__kir_destroy(program);
}
END_TEST

START_TEST(expressions_parse_in_place) {
    static const struct {
        const char *text, *error; /* NULL: fine */
    } rows[] = {
        {"add(a, mul(b, 2.0))", NULL},
        {"a + b * 2", NULL},
        {"let t = a * a; let u = t + 1.0\n where(t < u, t, 0)", NULL},
        {"1.5", NULL},
        {"add(a, c)", "1:8: 'c' is not defined"},
        {"let t = a\n t +", "2:5: a value is missing"},
        {"a b", "1:3: the expression ends before this"},
        {"floor(a, b)", "1:8: ')' is missing"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        static const char *const names[] = {"a", "b"};
        tenon__kir_program *program;
        tenon__kir_error error;
        ck_assert_uint_eq(tenon__kir_create("p", &program), TENON_STATUS_OK);
        tenon__kir_id n = tenon__kir_index(program, 4);
        uint32_t x = tenon__kir_operand_new(program, TENON__KIR_IN, "x", TENON_DTYPE_F16, 1, &n, NULL);
        uint32_t y = tenon__kir_operand_new(program, TENON__KIR_OUT, "y", TENON_DTYPE_F16, 1, &n, NULL);
        tenon__kir_kernel_begin(program, "k");
        tenon__kir_id i = tenon__kir_axis(program, "i", n);
        tenon__kir_id values[] = {tenon__kir_load(program, x, &i, 1), tenon__kir_load(program, x, &i, 1)};
        tenon__kir_store(program, y, &i, 1,
                         tenon__kir_parse_expr(program, rows[r].text, names, values, 2, TENON_DTYPE_F32));
        tenon__kir_kernel_end(program);
        tenon_status status = tenon__kir_finish(program, &error);
        ck_assert_msg((status == TENON_STATUS_OK) == (rows[r].error == NULL), "%s: %u", rows[r].text, status);
        ck_assert_msg(!rows[r].error || strstr(error.text, rows[r].error), "%s: %s", rows[r].text, error.text);
        if (!rows[r].error) check_round_trips(program);
        tenon__kir_destroy(program);
    }
}
END_TEST

/* Garbage. */

enum { MUTATIONS = 400 };

/* Overwrites, repeats or removes pieces. */
static size_t mutate(char *text, size_t size, size_t room, uint64_t *random) {
    static const char marks[] = "()[]{}<>=+-*/%,:;.#0123456789aefilnorstux \n";
    for (uint64_t edits = next_random(random) % 4 + 1; edits > 0 && size > 8; edits--) {
        size_t at = next_random(random) % size, length = next_random(random) % 12;
        if (length > size - at) length = size - at;
        switch (next_random(random) % 4) {
        case 0: text[at] = marks[next_random(random) % (sizeof marks - 1)]; break;
        case 1: text[at] = (char)next_random(random); break;
        case 2:
            memmove(text + at, text + at + length, size - at - length);
            size -= length;
            break;
        default:
            if (size + length > room) break;
            memmove(text + at + length, text + at, size - at);
            size += length;
            break;
        }
    }
    return size;
}

START_TEST(garbage_text_does_no_harm) {
    size_t size, accepted = 0;
    char *text = ir_read_text(programs[_i], &size);
    uint64_t random = (uint64_t)_i + 1;
    for (int m = 0; m < MUTATIONS; m++) {
        tenon__kir_program *program;
        tenon__kir_error error;
        char *copy = malloc(size + 64);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, size);
        size_t cut = mutate(copy, size, size + 64, &random);
        if (tenon__kir_parse(copy, cut, &error, &program) == TENON_STATUS_OK) {
            accepted++;
            check_round_trips(program);
            tenon__kir_destroy(program);
        } else {
            ck_assert(error.text[0] != '\0');
        }
        free(copy);
    }
    ck_assert_uint_lt(accepted, MUTATIONS); /* those in comments and names are fine */
    free(text);
}
END_TEST

/* Small numbers go where numbers are: most of them point at something wrong. */
static void damage(uint8_t *blob, size_t size, uint64_t *random) {
    for (uint64_t edits = next_random(random) % 3 + 1; edits > 0; edits--) {
        size_t at = next_random(random) % size;
        uint32_t word = (uint32_t)(next_random(random) % 80);
        if (next_random(random) % 2)
            blob[at] = (uint8_t)next_random(random);
        else if (at + 4 <= size)
            memcpy(blob + at / 4 * 4, &word, 4);
    }
}

START_TEST(garbage_blobs_do_no_harm) {
    tenon__kir_program *program = ir_load(programs[_i]);
    void *blob;
    size_t size;
    uint64_t random = (uint64_t)_i + 77;
    ck_assert_uint_eq(tenon__kir_encode(program, TENON__KIR_VERSION, &blob, &size), TENON_STATUS_OK);
    for (int m = 0; m < 8 * MUTATIONS; m++) {
        tenon__kir_program *decoded;
        tenon__kir_error error;
        uint8_t *copy = malloc(size);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, blob, size);
        size_t cut = next_random(&random) % 8 ? size : next_random(&random) % size;
        damage(copy, size, &random);
        tenon_status status = tenon__kir_decode(copy, cut, &error, &decoded);
        if (status == TENON_STATUS_OK) {
            check_round_trips(decoded);
            tenon__kir_destroy(decoded);
        } else {
            ck_assert(error.text[0] != '\0');
            ck_assert(status == TENON_STATUS_BAD_DATA || status == TENON_STATUS_UNSUPPORTED);
        }
        free(copy);
    }
    free(blob);
    tenon__kir_destroy(program);
}
END_TEST

START_TEST(versions_are_negotiated) {
    tenon__kir_program *program = ir_load("softmax"), *decoded;
    tenon__kir_error error;
    void *blob;
    size_t size;
    ck_assert_uint_eq(tenon__kir_encode(program, 0, &blob, &size), TENON_STATUS_UNSUPPORTED);
    ck_assert_uint_eq(tenon__kir_encode(program, TENON__KIR_VERSION + 1, &blob, &size), TENON_STATUS_UNSUPPORTED);
    ck_assert_uint_eq(tenon__kir_encode(program, TENON__KIR_VERSION, &blob, &size), TENON_STATUS_OK);
    ((uint32_t *)blob)[1] = TENON__KIR_VERSION + 1;
    ck_assert_uint_eq(tenon__kir_decode(blob, size, &error, &decoded), TENON_STATUS_UNSUPPORTED);
    free(blob);
    tenon__kir_destroy(program);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kir_text");
    TCase *cases = tcase_create("text");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, programs_round_trip, 0, PROGRAMS);
    tcase_add_loop_test(cases, hash_follows_the_meaning, 0, (int)(sizeof hash_rows / sizeof *hash_rows));
    tcase_add_test(cases, hash_is_stable);
    tcase_add_test(cases, literals_come_back);
    tcase_add_test(cases, any_names_print);
    tcase_add_test(cases, deep_and_shared_values_print);
    tcase_add_test(cases, values_keep_their_place);
    tcase_add_test(cases, builder_errors_stick);
    tcase_add_test(cases, expressions_parse_in_place);
    tcase_add_loop_test(cases, garbage_text_does_no_harm, 0, PROGRAMS);
    tcase_add_loop_test(cases, garbage_blobs_do_no_harm, 0, PROGRAMS);
    tcase_add_test(cases, versions_are_negotiated);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
