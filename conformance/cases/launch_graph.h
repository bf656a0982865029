/* A row's operator as a graph: what layouts are in memory are views in it. An operand that lies transposed is an input of
 * the dims it is stored with and a permute; one that repeats elements, an input with dims of 1 and an expand; one with
 * gaps, a slice. */
#ifndef TENON_CASES_LAUNCH_GRAPH_H
#define TENON_CASES_LAUNCH_GRAPH_H

#include "cases/launch.h"

/* True where rows run as graphs: in cases of the profile graph, and on devices that take nothing else. */
bool cf_runs_graphs(void);

/* False, and the row says so, where it cannot be a graph that the device has to take: a result with gaps, an operator
 * that is optional and not claimed. */
bool cf_graph_applies(const cf_row *row);

/* True where it is an optional operator that the device, which takes graphs alone, does not claim, on operands that lie
 * in order: the steps of its expansion run, each a graph. */
bool cf_graph_expands(const cf_row *row);

/* Claims and prepares a row's graph, as cf_launch_task does with a task. Places of operands are where their storage
 * begins. Errors: what prepare answers; UNSUPPORTED where the device does not claim all of it. */
tenon_status cf_launch_row(cf_launch *out, const cf_row *row);

#endif
