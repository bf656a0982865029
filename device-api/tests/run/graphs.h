/* Small graphs for tests of sessions, and checks of what they answer. */
#ifndef TEST_GRAPHS_H
#define TEST_GRAPHS_H

#include <tenon/host/tenon.h>

/* Fail the test, with the thread's message, unless a status is OK, or `expected` and told with `words`. */
void good(tenon_status status);
void bad(tenon_status status, tenon_status expected, const char *words);

typedef struct graph {
    tenonh_module *module;
    tenonh_builder *builder;
} graph;

graph graph_begin(void);

/* f32 input of rank 2; a dim of 0 is the symbol of its axis. */
tenonh_value *graph_input(graph *g, const char *name, int64_t rows, int64_t columns);

/* f32 constant of rank 2 with seeded values in [-2, 2). */
tenonh_value *graph_constant(graph *g, const char *name, int64_t rows, int64_t columns);

/* A base operator without attributes; `b` NULL: it has one operand. */
tenonh_value *graph_op(graph *g, tenon_op id, tenonh_value *a, tenonh_value *b);

tenonh_session *graph_finish(graph *g, tenonh_device *device, const tenonh_session_options *options);

/* y = softmax(x @ w) + b over n columns, x of any number of rows: weights, a matmul, reductions, maps. Finished. */
graph graph_layer(int64_t n);

/* f32 arrays and tensors of rank 2 filled from a seed. */
tenonh_array array_of(int64_t rows, int64_t columns, uint32_t seed);
tenonh_tensor *tensor_of(tenonh_device *device, const tenonh_array *array);

tenonh_session_stats stats_of(const tenonh_session *session);
tenonh_device_counters counters_of(tenonh_device *device);

#endif
