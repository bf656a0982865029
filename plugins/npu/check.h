/* What the device takes, and whether a graph is well formed: asked by claim and by prepare, which agree therefore. */
#ifndef NPU_CHECK_H
#define NPU_CHECK_H

#include "npu.h"

/* Composites that stay whole. */
typedef enum npu_composite { NPU_NO_COMPOSITE, NPU_CONCAT, NPU_SOFTMAX, NPU_LAYER_NORM } npu_composite;

/* Which one a node is. */
npu_composite npu_composite_of(const tenon_graph_node *node);

/* Checks what holds for the graph as a whole: its lists, its values, the roles of its operands.
 * Errors: INVALID, UNSUPPORTED, with a report. */
tenon_status npu_check_graph(tenon_device *device, const tenon_work *work);

/* Checks node `index` of such a graph; `why` gets words when it fails. Errors: INVALID, UNSUPPORTED. */
tenon_status npu_check_node(const tenon_graph_work *graph, uint32_t index, const char **why);

#endif
