/* Inference of types, one rule a family of the operator table. */
#ifndef TENON_GRAPH_INFER_H
#define TENON_GRAPH_INFER_H

#include "graph/build_internal.h"

/* Results of the families whose maps say everything: MAP COPY CAST BITCAST REDUCE ARG GATHER SCATTER CONTRACT SORT SCAN.
 * `dtypes` has one per result. */
tenon_status tenon__infer_maps(tenonh_builder *b, const tenonh_node *node, const tenon_op_row *row,
                               const tenon_dtype *dtypes);

/* The family VIEW: dims from the attributes. */
tenon_status tenon__infer_view(tenonh_builder *b, tenonh_node *node, tenon_dtype dtype);

/* FILL IOTA PAD RANDOM UPDATE: dims are those that the draft's result 0 has already. */
tenon_status tenon__infer_given(tenonh_builder *b, const tenonh_node *node, const tenon_op_row *row, tenon_dtype dtype);

#endif
