/* Shape rules of composites, and what they share with the decompositions. */
#ifndef TENON_GRAPH_SHAPES_H
#define TENON_GRAPH_SHAPES_H

#include "graph/build_internal.h"

/* Entry `index` of a list attribute as an expression; the attribute's default where it has none. */
const tenonh_dim *tenon__entry_dim(tenonh_builder *b, const tenonh_node *node, uint32_t id, uint32_t index);

/* Operand `index`, NULL when it is absent. */
tenonh_value *tenon__operand(const tenonh_node *node, uint32_t index);

/* What tenon.slice_to amounts to. False: the signs or clamps of its bounds are not known yet. */
typedef struct tenon__slice_plan {
    const tenonh_dim *starts[TENON_MAX_RANK];
    const tenonh_dim *dims[TENON_MAX_RANK];
    int64_t steps[TENON_MAX_RANK];
} tenon__slice_plan;
tenon_status tenon__plan_slice(tenonh_builder *b, const tenonh_node *node, tenon__slice_plan *out_plan);

/* Elements that tenon.pad_to adds (or, below 0, cuts) at both ends of each axis. Errors: NOT_READY, INVALID. */
typedef struct tenon__pad_plan {
    const tenonh_dim *low[TENON_MAX_RANK];
    const tenonh_dim *high[TENON_MAX_RANK];
} tenon__pad_plan;
tenon_status tenon__plan_pad(tenonh_builder *b, const tenonh_node *node, tenon__pad_plan *out_plan);

/* Windows along one axis: a room of `dim` with `low` and `high` added, in which `positions` windows of `reach` (what they
 * span) lie `step` apart. With `ceil` a last window may hang over the end by `over`, unless it starts in the padding. */
typedef struct tenon__window_axis {
    int64_t size, step, dilation, reach;
    const tenonh_dim *low, *high, *positions;
    const tenonh_dim *over;
} tenon__window_axis;
tenon_status tenon__plan_window(tenonh_builder *b, const tenonh_node *node, const tenonh_dim *dim, uint32_t index,
                                int64_t size, bool ceil, tenon__window_axis *out_axis);

#define TENON__SHAPE_RULE(name) tenon_status tenon__shape_##name(tenonh_builder *b, const tenonh_node *node)
TENON__SHAPE_RULE(same);
TENON__SHAPE_RULE(truth);
TENON__SHAPE_RULE(reduce);
TENON__SHAPE_RULE(arg);
TENON__SHAPE_RULE(topk);
TENON__SHAPE_RULE(linear);
TENON__SHAPE_RULE(gemm);
TENON__SHAPE_RULE(attention);
TENON__SHAPE_RULE(conv);
TENON__SHAPE_RULE(conv_transpose);
TENON__SHAPE_RULE(pool);
TENON__SHAPE_RULE(global_pool);
TENON__SHAPE_RULE(concat);
TENON__SHAPE_RULE(gather_elements);
TENON__SHAPE_RULE(gather_nd);
TENON__SHAPE_RULE(take);
TENON__SHAPE_RULE(cast_to);
TENON__SHAPE_RULE(dequantize);
TENON__SHAPE_RULE(shape_of);
TENON__SHAPE_RULE(broadcast);
TENON__SHAPE_RULE(reshape_to);
TENON__SHAPE_RULE(expand_to);
TENON__SHAPE_RULE(tile);
TENON__SHAPE_RULE(slice_to);
TENON__SHAPE_RULE(pad_to);
TENON__SHAPE_RULE(range);
TENON__SHAPE_RULE(one_hot);
TENON__SHAPE_RULE(non_zero);

#endif
