#include "graphs.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void good(tenon_status status) {
    ck_assert_msg(status == TENON_STATUS_OK, "%s", tenonh_error_message());
}

void bad(tenon_status status, tenon_status expected, const char *words) {
    ck_assert_msg(status == expected, "status %u, not %u: %s", status, expected, tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), words) != NULL, "\"%s\" lacks \"%s\"", tenonh_error_message(), words);
}

graph graph_begin(void) {
    graph g;
    good(tenonh_module_create(&g.module));
    good(tenonh_builder_create(g.module, "main", &g.builder));
    return g;
}

tenonh_value *graph_input(graph *g, const char *name, int64_t rows, int64_t columns) {
    const tenonh_dim *dims[] = {
        rows ? tenonh_dim_number(g->module, rows) : tenonh_dim_symbol(g->module, "rows", 0, 1 << 20, 1),
        columns ? tenonh_dim_number(g->module, columns) : tenonh_dim_symbol(g->module, "columns", 0, 1 << 20, 1),
    };
    return tenonh_build_input(g->builder, name, TENON_DTYPE_F32, 2, dims);
}

static void fill(float *values, int64_t count, uint32_t seed) {
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / (float)(1 << 22) - 2;
    }
}

tenonh_value *graph_constant(graph *g, const char *name, int64_t rows, int64_t columns) {
    const int64_t dims[] = {rows, columns};
    float *values = malloc((size_t)(rows * columns) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    fill(values, rows * columns, (uint32_t)name[0]);
    tenonh_bytes bytes = {.data = values, .size = (uint64_t)(rows * columns) * sizeof *values};
    tenonh_value *value = tenonh_build_constant(g->builder, name, TENON_DTYPE_F32, 2, dims, &bytes);
    free(values);
    return value;
}

tenonh_value *graph_op(graph *g, tenon_op id, tenonh_value *a, tenonh_value *b) {
    tenonh_value *inputs[] = {a, b};
    return tenonh_build_op(g->builder, id, inputs, b ? 2 : 1, NULL, 0);
}

tenonh_session *graph_finish(graph *g, tenonh_device *device, const tenonh_session_options *options) {
    tenonh_session *session;
    good(tenonh_builder_finish(g->builder));
    good(tenonh_session_create(g->module, device, options, &session));
    return session;
}

graph graph_layer(int64_t n) {
    graph g = graph_begin();
    const int64_t axis = 1;
    const tenonh_dim *dims[] = {tenonh_dim_symbol(g.module, "rows", 0, 1 << 20, 1), tenonh_dim_number(g.module, n)};
    tenonh_attr attr = {TENON_ATTR_AXIS, 1, &axis, NULL}, shape = {TENON_ATTR_DIMS, 2, NULL, dims};
    tenonh_value *x = tenonh_build_input(g.builder, "x", TENON_DTYPE_F32, 2, dims);
    tenonh_value *y = graph_op(&g, TENON_OP_MATMUL, x, graph_constant(&g, "weights", n, n));
    tenonh_value *b = graph_constant(&g, "bias", 1, n);
    y = tenonh_build_composite(g.builder, "tenon.softmax", 0, &y, 1, &attr, 1);
    b = tenonh_build_op(g.builder, TENON_OP_EXPAND, &b, 1, &shape, 1);
    tenonh_build_output(g.builder, "y", graph_op(&g, TENON_OP_ADD, y, b));
    good(tenonh_builder_finish(g.builder));
    return g;
}

tenonh_array array_of(int64_t rows, int64_t columns, uint32_t seed) {
    tenonh_array array = {0};
    good(tenonh_array_create(TENON_DTYPE_F32, 2, (int64_t[]){rows, columns}, &array));
    fill(array.data, rows * columns, seed);
    return array;
}

tenonh_tensor *tensor_of(tenonh_device *device, const tenonh_array *array) {
    tenonh_stream *stream;
    tenonh_tensor *tensor;
    good(tenonh_stream_create(device, &stream));
    good(tenonh_tensor_create(device, array->dtype, array->rank, array->dims, &tensor));
    good(tenonh_tensor_write(tensor, stream, array->data, array->size));
    tenonh_stream_release(stream);
    return tensor;
}

tenonh_session_stats stats_of(const tenonh_session *session) {
    tenonh_session_stats stats = {.struct_size = sizeof stats};
    good(tenonh_session_stats_read(session, &stats));
    return stats;
}

tenonh_device_counters counters_of(tenonh_device *device) {
    tenonh_device_counters counters = {.struct_size = sizeof counters};
    good(tenonh_device_counters_read(device, &counters));
    return counters;
}
