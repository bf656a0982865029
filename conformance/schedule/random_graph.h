/* Random modules of i32 values of rank 2: chains and branches of element-wise operators, views, concats, sums, and
 * updates in place. The same seed gives the same module. */
#ifndef TENON_RANDOM_GRAPH_H
#define TENON_RANDOM_GRAPH_H

#include <tenon/host/tenon.h>

enum { RANDOM_INPUTS = 4, RANDOM_OUTPUTS = 12 };

typedef struct random_graph {
    tenonh_module *module; /* finished; its function is "main" */
    uint32_t input_count, output_count;
    int64_t dims[RANDOM_INPUTS][2];
} random_graph;

/* `others`: has operators too that the slow device refuses. Errors: what building gave. */
tenon_status random_graph_create(uint64_t seed, int others, random_graph *out_graph);
void random_graph_free(random_graph *graph);

/* A number from a sequence. */
uint64_t random_next(uint64_t *state);

#endif
