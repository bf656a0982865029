/* Sessions on a device at hand: symbolic dims, operators that work in place, outputs, errors, fallback.
 * Usage: test_session DEVICE */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/tenon.h>

static tenonh_registry *registry;
static tenonh_device *device;

static void good(tenon_status status) {
    ck_assert_msg(status == TENON_STATUS_OK, "%s", tenonh_error_message());
}

static void bad(tenon_status status, tenon_status expected, const char *words) {
    ck_assert_msg(status == expected, "status %u, not %u: %s", status, expected, tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), words) != NULL, "\"%s\" lacks \"%s\"", tenonh_error_message(), words);
}

/* -- Graphs -- */

typedef struct graph {
    tenonh_module *module;
    tenonh_builder *builder;
} graph;

static graph begin(void) {
    graph g;
    good(tenonh_module_create(&g.module));
    good(tenonh_builder_create(g.module, "main", &g.builder));
    return g;
}

/* f32 input of rank 2; a dim of 0 is the symbol of its axis. */
static tenonh_value *input(graph *g, const char *name, int64_t rows, int64_t columns) {
    const tenonh_dim *dims[] = {
        rows ? tenonh_dim_number(g->module, rows) : tenonh_dim_symbol(g->module, "rows", 0, 1 << 20, 1),
        columns ? tenonh_dim_number(g->module, columns) : tenonh_dim_symbol(g->module, "columns", 0, 1 << 20, 1),
    };
    return tenonh_build_input(g->builder, name, TENON_DTYPE_F32, 2, dims);
}

static tenonh_value *op(graph *g, tenon_op id, tenonh_value *a, tenonh_value *b) {
    tenonh_value *inputs[] = {a, b};
    return tenonh_build_op(g->builder, id, inputs, b ? 2 : 1, NULL, 0);
}

static tenonh_session *finish(graph *g, tenonh_device *on, tenonh_device *fallback) {
    tenonh_session_options options = {.struct_size = sizeof options, .require_device = !fallback, .fallback = fallback};
    tenonh_session *session;
    good(tenonh_builder_finish(g->builder));
    good(tenonh_session_create(g->module, on, &options, &session));
    return session;
}

static void end(graph *g, tenonh_session *session) {
    tenonh_session_release(session);
    tenonh_module_destroy(g->module);
}

static tenonh_array ramp(int64_t rows, int64_t columns) {
    tenonh_array array = {0};
    good(tenonh_array_create(TENON_DTYPE_F32, 2, (int64_t[]){rows, columns}, &array));
    for (int64_t i = 0; i < rows * columns; i++) ((float *)array.data)[i] = (float)(i % 23) * 0.25f - 2;
    return array;
}

static float at(const tenonh_array *array, int64_t i) {
    return ((const float *)array->data)[i];
}

static tenonh_session_stats stats_of(const tenonh_session *session) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    good(tenonh_session_stats_read(session, &stats));
    return stats;
}

/* -- Rows -- */

START_TEST(test_symbolic_dims) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 0, 0);
    int64_t axis = 1;
    tenonh_attr attr = {TENON_ATTR_AXIS, 1, &axis, NULL};
    tenonh_value *y = tenonh_build_composite(g.builder, "tenon.softmax", 0, &x, 1, &attr, 1);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_ADD, y, y));
    tenonh_session *session = finish(&g, device, NULL);
    static const int64_t shapes[][2] = {{2, 7}, {5, 16}, {3, 257}, {64, 9}, {2, 7}, {0, 4}};
    uint64_t prepares = 0;
    for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        tenonh_array in = ramp(shapes[i][0], shapes[i][1]), out = {0};
        good(tenonh_session_run_arrays(session, &in, 1, &out, 1));
        for (int64_t r = 0; r < shapes[i][0]; r++) {
            double sum = 0, want;
            for (int64_t c = 0; c < shapes[i][1]; c++) sum += exp(at(&in, r * shapes[i][1] + c));
            for (int64_t c = 0; c < shapes[i][1]; c++) {
                want = 2 * exp(at(&in, r * shapes[i][1] + c)) / sum;
                ck_assert_double_eq_tol(at(&out, r * shapes[i][1] + c), want, 2e-6 * want);
            }
        }
        if (i == 0) prepares = stats_of(session).prepares;
        ck_assert_uint_eq(stats_of(session).prepares, prepares); /* a new shape prepares nothing */
        tenonh_array_free(&in);
        tenonh_array_free(&out);
    }
    ck_assert_uint_eq(stats_of(session).plans, 5);
    end(&g, session);
}
END_TEST

/* The old value is still wanted: the operator that works in place gets a copy. */
START_TEST(test_in_place) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 3, 4), *u = input(&g, "u", 1, 2);
    int64_t start[] = {1, 2};
    tenonh_bytes bytes = {.data = start, .size = sizeof start};
    tenonh_value *at_start = tenonh_build_constant(g.builder, "start", TENON_DTYPE_I64, 1, (int64_t[]){2}, &bytes);
    tenonh_value *doubled = op(&g, TENON_OP_ADD, x, x);
    tenonh_value *inputs[] = {u, at_start, doubled};
    tenonh_value *updated = tenonh_build_op(g.builder, TENON_OP_UPDATE_SLICE, inputs, 3, NULL, 0);
    inputs[2] = updated; /* used here last: may be changed where it is */
    tenonh_value *again = tenonh_build_op(g.builder, TENON_OP_UPDATE_SLICE, inputs, 3, NULL, 0);
    tenonh_build_output(g.builder, "updated", op(&g, TENON_OP_NEG, again, NULL));
    tenonh_build_output(g.builder, "doubled", doubled);
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_array in[] = {ramp(3, 4), ramp(1, 2)}, out[2] = {0};
    good(tenonh_session_run_arrays(session, in, 2, out, 2));
    for (int64_t i = 0; i < 12; i++) {
        bool inside = i / 4 == 1 && i % 4 >= 2;
        ck_assert_float_eq(at(&out[1], i), 2 * at(&in[0], i));
        ck_assert_float_eq(at(&out[0], i), inside ? -at(&in[1], i % 4 - 2) : -2 * at(&in[0], i));
    }
    for (int i = 0; i < 2; i++) tenonh_array_free(&in[i]), tenonh_array_free(&out[i]);
    end(&g, session);
}
END_TEST

/* The update is a part of what it changes: it is read before it is overwritten. */
START_TEST(test_update_from_itself) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 1, 300);
    int64_t start[] = {0, 1}, from[] = {0, 0}, steps[] = {1, 1}, part[] = {1, 299};
    tenonh_bytes bytes = {.data = start, .size = sizeof start};
    tenonh_value *at_start = tenonh_build_constant(g.builder, "start", TENON_DTYPE_I64, 1, (int64_t[]){2}, &bytes);
    tenonh_value *doubled = op(&g, TENON_OP_ADD, x, x);
    tenonh_attr attrs[] = {
        {TENON_ATTR_STARTS, 2, from, NULL}, {TENON_ATTR_STEPS, 2, steps, NULL}, {TENON_ATTR_DIMS, 2, part, NULL}};
    tenonh_value *most = tenonh_build_op(g.builder, TENON_OP_SLICE, &doubled, 1, attrs, 3);
    tenonh_value *inputs[] = {most, at_start, doubled};
    tenonh_value *shifted = tenonh_build_op(g.builder, TENON_OP_UPDATE_SLICE, inputs, 3, NULL, 0);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_NEG, shifted, NULL));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_array in = ramp(1, 300), out = {0};
    good(tenonh_session_run_arrays(session, &in, 1, &out, 1));
    for (int64_t i = 0; i < 300; i++) ck_assert_float_eq(at(&out, i), -2 * at(&in, i > 0 ? i - 1 : 0));
    tenonh_array_free(&in);
    tenonh_array_free(&out);
    end(&g, session);
}
END_TEST

/* Nothing but values without elements lies in the arena; a sum over none of them is 0. */
START_TEST(test_no_elements) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 0, 4);
    int64_t axis = 0;
    tenonh_attr axes = {TENON_ATTR_AXES, 1, &axis, NULL};
    tenonh_value *y = op(&g, TENON_OP_NEG, x, NULL);
    tenonh_build_output(g.builder, "y", tenonh_build_op(g.builder, TENON_OP_SUM, &y, 1, &axes, 1));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_array in = ramp(0, 4), out = {0};
    good(tenonh_session_run_arrays(session, &in, 1, &out, 1));
    for (int64_t i = 0; i < 4; i++) ck_assert_float_eq(at(&out, i), 0);
    tenonh_array_free(&in);
    tenonh_array_free(&out);
    end(&g, session);
}
END_TEST

/* An input, a constant, a view and one value twice as outputs; a concat of views. */
START_TEST(test_outputs) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 2, 3), *two = tenonh_build_scalar(g.builder, TENON_DTYPE_F32, 2);
    int64_t swap[] = {1, 0}, axis = 0;
    tenonh_attr perm = {TENON_ATTR_PERM, 2, swap, NULL}, along = {TENON_ATTR_AXIS, 1, &axis, NULL};
    tenonh_value *turned = tenonh_build_op(g.builder, TENON_OP_PERMUTE, &x, 1, &perm, 1);
    tenonh_value *sum = op(&g, TENON_OP_ADD, x, x), *parts[] = {turned, turned};
    tenonh_build_output(g.builder, "x", x);
    tenonh_build_output(g.builder, "two", two);
    tenonh_build_output(g.builder, "turned", turned);
    tenonh_build_output(g.builder, "sum", sum);
    tenonh_build_output(g.builder, "sum_again", sum);
    tenonh_build_output(g.builder, "both", tenonh_build_composite(g.builder, "tenon.concat", 0, parts, 2, &along, 1));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_array in = ramp(2, 3), out[6] = {0};
    good(tenonh_session_run_arrays(session, &in, 1, out, 6));
    ck_assert_float_eq(at(&out[1], 0), 2);
    for (int64_t i = 0; i < 6; i++) {
        int64_t from = i % 2 * 3 + i / 2;
        ck_assert_float_eq(at(&out[0], i), at(&in, i));
        ck_assert_float_eq(at(&out[2], i), at(&in, from));
        ck_assert_float_eq(at(&out[3], i), 2 * at(&in, i));
        ck_assert_float_eq(at(&out[4], i), 2 * at(&in, i));
        ck_assert_float_eq(at(&out[5], i), at(&in, from));
        ck_assert_float_eq(at(&out[5], i + 6), at(&in, from));
    }
    tenonh_array_free(&in);
    for (int i = 0; i < 6; i++) tenonh_array_free(&out[i]);
    end(&g, session);
}
END_TEST

START_TEST(test_tensors) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 0, 0);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_ADD, x, x));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_stream *stream;
    tenonh_tensor *whole, *turned, *given, *wrong, *result = NULL;
    tenonh_array in = ramp(3, 5), out = ramp(5, 3);
    good(tenonh_stream_create(device, &stream));
    good(tenonh_tensor_create(device, TENON_DTYPE_F32, 2, in.dims, &whole));
    good(tenonh_tensor_write(whole, stream, in.data, in.size));
    good(tenonh_tensor_wrap(tenonh_tensor_memory(whole), tenonh_tensor_offset(whole), TENON_DTYPE_F32, 2,
                            (int64_t[]){5, 3}, (int64_t[]){1, 5}, &turned));
    good(tenonh_session_run(session, &turned, 1, &result, 1)); /* an input with strides */
    good(tenonh_tensor_read(result, stream, out.data, out.size));
    for (int64_t i = 0; i < 15; i++) ck_assert_float_eq(at(&out, i), 2 * at(&in, i % 3 * 5 + i / 3));
    good(tenonh_tensor_create(device, TENON_DTYPE_F32, 2, in.dims, &given));
    good(tenonh_session_run(session, &whole, 1, &given, 1)); /* into a tensor of the caller's */
    good(tenonh_tensor_read(given, stream, out.data, out.size));
    for (int64_t i = 0; i < 15; i++) ck_assert_float_eq(at(&out, i), 2 * at(&in, i));
    good(tenonh_tensor_create(device, TENON_DTYPE_F32, 2, out.dims, &wrong));
    tenonh_tensor *before = wrong;
    bad(tenonh_session_run(session, &whole, 1, &wrong, 1), TENON_STATUS_INVALID, "'y'");
    ck_assert_ptr_eq(wrong, before);
    tenonh_tensor *all[] = {whole, turned, given, wrong, result};
    for (int i = 0; i < 5; i++) tenonh_tensor_release(all[i]);
    tenonh_array_free(&in);
    tenonh_array_free(&out);
    tenonh_stream_release(stream);
    end(&g, session);
}
END_TEST

START_TEST(test_bad_inputs) {
    graph g = begin();
    tenonh_value *x = input(&g, "first", 0, 4), *y = input(&g, "second", 0, 4);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_ADD, x, y));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_array in[] = {ramp(2, 4), ramp(3, 4)}, out = {0}, other = {0};
    bad(tenonh_session_run_arrays(session, in, 1, &out, 1), TENON_STATUS_INVALID, "2 inputs");
    bad(tenonh_session_run_arrays(session, in, 2, &out, 2), TENON_STATUS_INVALID, "1 outputs");
    bad(tenonh_session_run_arrays(session, in, 2, &out, 1), TENON_STATUS_INVALID, "second");
    good(tenonh_array_create(TENON_DTYPE_I32, 2, in[0].dims, &other));
    bad(tenonh_session_run_arrays(session, (tenonh_array[]){in[0], other}, 2, &out, 1), TENON_STATUS_INVALID, "i32");
    tenonh_array_free(&other);
    good(tenonh_array_create(TENON_DTYPE_F32, 1, in[0].dims, &other));
    bad(tenonh_session_run_arrays(session, (tenonh_array[]){in[0], other}, 2, &out, 1), TENON_STATUS_INVALID, "rank 1");
    tenonh_array_free(&other);
    good(tenonh_array_create(TENON_DTYPE_F32, 2, (int64_t[]){2, 5}, &other));
    bad(tenonh_session_run_arrays(session, (tenonh_array[]){in[0], other}, 2, &out, 1), TENON_STATUS_INVALID, "second");
    tenonh_array_free(&other);
    bad(tenonh_session_prepare(session, (const int64_t *[]){in[0].dims, NULL}, 2), TENON_STATUS_INVALID, "'second'");
    good(tenonh_session_run_arrays(session, (tenonh_array[]){in[0], in[0]}, 2, &out, 1)); /* and can still run */
    tenonh_array_free(&out);
    tenonh_array_free(&in[0]);
    tenonh_array_free(&in[1]);
    end(&g, session);
}
END_TEST

/* Two opens of one device are two devices, of one name. */
START_TEST(test_two_opens) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 1, 2);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_ADD, x, x));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_registry *other;
    tenonh_device *twin;
    tenonh_tensor *tensor, *result = NULL;
    good(tenonh_registry_create(NULL, &other));
    good(tenonh_device_open(other, tenonh_device_name(device), &twin));
    good(tenonh_tensor_create(twin, TENON_DTYPE_F32, 2, (int64_t[]){1, 2}, &tensor));
    bad(tenonh_session_run(session, &tensor, 1, &result, 1), TENON_STATUS_INVALID, "another open of");
    tenonh_tensor_release(tensor);
    tenonh_device_release(twin);
    tenonh_registry_destroy(other);
    end(&g, session);
}
END_TEST

/* A late failure names its cause, gives no output, and leaves the session usable. */
START_TEST(test_out_of_range) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 4, 3);
    const tenonh_dim *count = tenonh_dim_number(g.module, 2);
    tenonh_value *indices = tenonh_build_input(g.builder, "indices", TENON_DTYPE_I64, 1, &count);
    tenonh_value *inputs[] = {x, indices};
    int64_t axis = 0;
    tenonh_attr attr = {TENON_ATTR_AXIS, 1, &axis, NULL};
    tenonh_build_output(g.builder, "y", tenonh_build_op(g.builder, TENON_OP_GATHER, inputs, 2, &attr, 1));
    tenonh_session *session = finish(&g, device, NULL);
    tenonh_array in[] = {ramp(4, 3), {0}}, out = {0};
    good(tenonh_array_create(TENON_DTYPE_I64, 1, (int64_t[]){2}, &in[1]));
    ((int64_t *)in[1].data)[1] = 4;
    bad(tenonh_session_run_arrays(session, in, 2, &out, 1), TENON_STATUS_OUT_OF_RANGE, "step 0 (gather");
    ck_assert_ptr_null(out.data);
    ((int64_t *)in[1].data)[1] = 3;
    good(tenonh_session_run_arrays(session, in, 2, &out, 1));
    for (int64_t i = 0; i < 3; i++) ck_assert_float_eq(at(&out, 3 + i), at(&in[0], 9 + i));
    tenonh_array_free(&out);
    tenonh_array_free(&in[0]);
    tenonh_array_free(&in[1]);
    end(&g, session);
}
END_TEST

/* What rules did is told once the session is there, and they can be chosen. */
START_TEST(test_rewrites) {
    graph g = begin();
    tenonh_value *x = input(&g, "x", 0, 3);
    tenonh_builder_location(g.builder, "twice");
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_NEG, op(&g, TENON_OP_NEG, x, NULL), NULL));
    tenonh_session *session = finish(&g, device, NULL), *plain;
    tenonh_rewrite_info info = {.struct_size = sizeof info};
    ck_assert_uint_eq(tenonh_session_rewrite_count(session), 1);
    good(tenonh_session_rewrite(session, 0, &info));
    ck_assert_str_eq(info.rule, "neg_neg");
    ck_assert_str_eq(info.location, "twice");
    ck_assert_int_eq(info.nodes, 2);
    ck_assert_int_gt(info.bytes, 0);
    bad(tenonh_session_rewrite(session, 1, &info), TENON_STATUS_NOT_FOUND, "1 rewrites");
    info.struct_size = 0;
    bad(tenonh_session_rewrite(session, 0, &info), TENON_STATUS_INVALID, "struct_size");
    bad(tenonh_session_rewrite(session, 0, NULL), TENON_STATUS_INVALID, "out_info");
    ck_assert_uint_eq(tenonh_session_rewrite_count(NULL), 0);
    tenonh_session_options options = {.struct_size = sizeof options, .rules = "-neg_neg"};
    good(tenonh_session_create(g.module, device, &options, &plain));
    ck_assert_uint_eq(tenonh_session_rewrite_count(plain), 0);
    tenonh_session_release(plain);
    options.rules = "neg_neg,nothing";
    bad(tenonh_session_create(g.module, device, &options, &plain), TENON_STATUS_NOT_FOUND, "'nothing'");
    end(&g, session);
}
END_TEST

/* The planted device takes `add` alone; the device under test takes the rest, and is accounted for. */
START_TEST(test_fallback) {
    tenonh_device *few;
    good(tenonh_registry_add(registry, PLANTED_DIR "/libtenon_good.so"));
    good(tenonh_device_open(registry, "fake", &few));
    graph g = begin();
    tenonh_value *x = input(&g, "x", 1, 6), *one;
    tenonh_bytes bytes = {.data = (float[]){1, 2, 3, 4, 5, 6}, .size = 24};
    one = tenonh_build_constant(g.builder, "one", TENON_DTYPE_F32, 2, (int64_t[]){1, 6}, &bytes);
    const int64_t flat[] = {6};
    tenonh_attr dims = {TENON_ATTR_DIMS, 1, flat, NULL};
    tenonh_value *a = tenonh_build_op(g.builder, TENON_OP_RESHAPE, &x, 1, &dims, 1);
    tenonh_value *b = tenonh_build_op(g.builder, TENON_OP_RESHAPE, &one, 1, &dims, 1);
    tenonh_value *y = op(&g, TENON_OP_NEG, op(&g, TENON_OP_ADD, a, b), NULL);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_ADD, op(&g, TENON_OP_FLOOR, y, NULL), a));
    tenonh_session *session = finish(&g, few, device);
    tenonh_array in = ramp(1, 6), out = {0};
    good(tenonh_session_run_arrays(session, &in, 1, &out, 1));
    for (int64_t i = 0; i < 6; i++)
        ck_assert_float_eq(at(&out, i), floorf(-(at(&in, i) + (float)(i + 1))) + at(&in, i));
    ck_assert_uint_ge(stats_of(session).outside_nodes, 4); /* two operators, there and back */
    uint32_t moves = 0;
    for (uint32_t i = 0; i < tenonh_session_step_count(session); i++) {
        tenonh_step_info step = {.struct_size = sizeof step};
        good(tenonh_session_step(session, i, &step));
        moves += step.placement == TENONH_PLACEMENT_MOVE;
        if (strcmp(step.name, "neg") == 0) ck_assert_str_eq(step.device, tenonh_device_name(device));
        if (strcmp(step.name, "add") == 0) ck_assert_str_eq(step.device, "fake:0");
    }
    ck_assert_uint_eq(moves, 2);
    tenonh_array_free(&out);
    tenonh_session_release(session);
    tenonh_session_options strict = {.struct_size = sizeof strict, .require_device = 1, .fallback = device};
    good(tenonh_session_create(g.module, few, &strict, &session));
    bad(tenonh_session_run_arrays(session, &in, 1, &out, 1), TENON_STATUS_UNSUPPORTED, "neg");
    tenonh_array_free(&in);
    end(&g, session);
    tenonh_device_release(few);
}
END_TEST

/* A transposed value leaves the planted device, which takes no copies; a concat runs where copies are taken. */
START_TEST(test_fallback_of_views) {
    tenonh_device *few;
    good(tenonh_device_open(registry, "fake", &few));
    graph g = begin();
    tenonh_value *x = input(&g, "x", 2, 3);
    const int64_t swap[] = {1, 0}, axis = 0;
    tenonh_attr perm = {TENON_ATTR_PERM, 2, swap, NULL}, along = {TENON_ATTR_AXIS, 1, &axis, NULL};
    tenonh_value *turned = tenonh_build_op(g.builder, TENON_OP_PERMUTE, &x, 1, &perm, 1);
    tenonh_value *parts[] = {turned, op(&g, TENON_OP_NEG, turned, NULL)};
    tenonh_build_output(g.builder, "turned", turned);
    tenonh_build_output(g.builder, "both", tenonh_build_composite(g.builder, "tenon.concat", 0, parts, 2, &along, 1));
    tenonh_session *session = finish(&g, few, device);
    tenonh_array in = ramp(2, 3), out[2] = {0};
    good(tenonh_session_run_arrays(session, &in, 1, out, 2));
    for (int64_t i = 0; i < 6; i++) {
        float want = at(&in, i % 2 * 3 + i / 2);
        ck_assert_float_eq(at(&out[0], i), want);
        ck_assert_float_eq(at(&out[1], i), want);
        ck_assert_float_eq(at(&out[1], 6 + i), -want);
    }
    tenonh_array_free(&in);
    for (int i = 0; i < 2; i++) tenonh_array_free(&out[i]);
    end(&g, session);
    tenonh_device_release(few);
}
END_TEST

/* The planted device answers execs for up to 6 elements whatever it is asked; beyond, it is asked for a class, which it
 * answers wrongly, then for the numbers at hand. */
START_TEST(test_narrow_execs) {
    static const int64_t counts[] = {4, 6, 7, 4, 7, 9, 5};
    static const uint64_t prepares[] = {1, 1, 3, 3, 3, 5, 5};
    tenonh_device *narrow;
    good(tenonh_registry_add(registry, PLANTED_DIR "/libtenon_narrow.so"));
    good(tenonh_device_open(registry, "narrow", &narrow));
    graph g = begin();
    const tenonh_dim *dim = tenonh_dim_symbol(g.module, "n", 0, 1 << 20, 1);
    tenonh_value *x = tenonh_build_input(g.builder, "x", TENON_DTYPE_F32, 1, &dim);
    tenonh_build_output(g.builder, "y", op(&g, TENON_OP_ADD, x, x));
    tenonh_session *session = finish(&g, narrow, NULL);
    for (uint32_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        tenonh_array in = {0}, out = {0};
        good(tenonh_array_create(TENON_DTYPE_F32, 1, &counts[i], &in));
        for (int64_t k = 0; k < counts[i]; k++) ((float *)in.data)[k] = (float)k + 0.5f;
        good(tenonh_session_run_arrays(session, &in, 1, &out, 1));
        for (int64_t k = 0; k < counts[i]; k++) ck_assert_float_eq(at(&out, k), 2 * at(&in, k));
        ck_assert_uint_eq(stats_of(session).prepares, prepares[i]);
        tenonh_array_free(&in);
        tenonh_array_free(&out);
    }
    end(&g, session);
    tenonh_device_release(narrow);
}
END_TEST

START_TEST(test_bad_calls) {
    tenonh_session *session;
    tenonh_module *empty;
    good(tenonh_module_create(&empty));
    bad(tenonh_session_create(NULL, device, NULL, &session), TENON_STATUS_INVALID, "module");
    bad(tenonh_session_create(empty, device, NULL, &session), TENON_STATUS_NOT_FOUND, "main");
    tenonh_session_options options = {.struct_size = 4};
    bad(tenonh_session_create(empty, device, &options, &session), TENON_STATUS_INVALID, "options");
    options = (tenonh_session_options){.struct_size = sizeof options, .concurrent_runs = 65};
    bad(tenonh_session_create(empty, device, &options, &session), TENON_STATUS_INVALID, "the most is 64");
    bad(tenonh_session_run(NULL, NULL, 0, NULL, 0), TENON_STATUS_INVALID, "session");
    tenonh_session_release(NULL);
    tenonh_module_destroy(empty);
}
END_TEST

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "cpu";
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_device_open(registry, name, &device);
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s: %s\n", name, tenonh_error_message()), 5;
    Suite *suite = suite_create("session");
    TCase *tests = tcase_create(name);
    tcase_add_test(tests, test_symbolic_dims);
    tcase_add_test(tests, test_in_place);
    tcase_add_test(tests, test_update_from_itself);
    tcase_add_test(tests, test_no_elements);
    tcase_add_test(tests, test_outputs);
    tcase_add_test(tests, test_tensors);
    tcase_add_test(tests, test_bad_inputs);
    tcase_add_test(tests, test_two_opens);
    tcase_add_test(tests, test_out_of_range);
    tcase_add_test(tests, test_rewrites);
    tcase_add_test(tests, test_fallback);
    tcase_add_test(tests, test_fallback_of_views);
    tcase_add_test(tests, test_narrow_execs);
    tcase_add_test(tests, test_bad_calls);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the device does not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
