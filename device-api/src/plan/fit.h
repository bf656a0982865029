/* What inference left open while dims were symbols, checked once they are numbers. */
#ifndef TENON_PLAN_FIT_H
#define TENON_PLAN_FIT_H

#include "graph/graph.h"
#include "plan/prepare.h"

/* The view operators' conditions on numbers: `dims` are the result's. Errors: INVALID naming the node. */
tenon_status tenon__fit_reshape(const tenonh_node *node, const tenon__ref *x, const int64_t *dims);
tenon_status tenon__fit_expand(const tenonh_node *node, const tenon__ref *x, const int64_t *dims);
tenon_status tenon__fit_slice(const tenonh_node *node, const tenon__ref *x, const int64_t *starts, const int64_t *steps,
                              const int64_t *dims);

/* The conditions of pad and update_slice; other operators ask for equal dims only, which the module's equalities say. */
tenon_status tenon__fit_task(const tenonh_node *node, const tenon__task *task);

#endif
