/* Random graphs whose numbers are exact: floats are small whole numbers, and no sum of them, in whatever order, is more
 * than their dtype holds. So that a device has to give every bit, however it groups, fuses and reorders. */
#ifndef TENON_CASES_GRAPH_RANDOM_H
#define TENON_CASES_GRAPH_RANDOM_H

#include "cases/graph.h"

/* A graph of `node_count` operators or a few more, from the row's random numbers: values shared by several nodes, views,
 * diamonds, broadcasts, several results, constants, operators with two results, inputs that nothing reads. */
void cf_graph_random(cf_graph *g, uint32_t node_count);

#endif
