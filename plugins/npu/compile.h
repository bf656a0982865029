/* The graph compiler: a graph work, node by node, into the steps of an exec.
 *
 * A value is a *view* of a buffer: an affine map from its indices to the buffer's row-major numbering, so that operators
 * that are views cost nothing and chains of them become one. Where a step needs elements that lie as they are numbered,
 * the view is *settled*: copied into a blocked buffer, once however many need it. Constants are settled when they are
 * packed. Element-wise operators of equal dims gather in a *chain* (chain.h) that is one step. */
#ifndef NPU_COMPILE_H
#define NPU_COMPILE_H

#include "exec.h"

typedef struct npu_view {
    tenon_dtype dtype; /* of the elements; bitcasts change it, not the buffer */
    uint32_t buffer, rank;
    int64_t dims[NPU_MOST_RANK];
    int64_t steps[NPU_MOST_RANK]; /* in the buffer's numbering */
    int64_t offset;
} npu_view;

typedef struct npu_value {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    uint32_t uses;     /* by nodes and as a result of the graph */
    uint32_t is_known; /* `view` says where it is */
    npu_view view;
    uint32_t chained; /* 1 + its register in the open chain */
} npu_value;

typedef struct npu_settled {
    struct npu_settled *next;
    npu_view view;
    uint32_t buffer;
} npu_settled;

typedef struct npu_chain npu_chain;

typedef struct npu_compiler {
    tenon_device *device;
    const tenon_work *work;
    const tenon_graph_work *graph;
    const tenon_graph_node *node; /* at hand */
    tenon_exec *exec;
    npu_arena scratch; /* of the compilation */
    npu_value *values;
    npu_settled *settled;
    npu_chain *chain; /* open one, or NULL */
    uint32_t buffer_room, step_room;
} npu_compiler;

/* Compiles a work whose nodes have all passed npu_check_node. On failure nothing is left. */
tenon_status npu_compile(tenon_device *device, const tenon_work *work, tenon_exec **out_exec);

/* -- For lowerings: all report what they fail with -- */

int64_t npu_count(uint32_t rank, const int64_t *dims);
int64_t npu_attr(const npu_compiler *c, uint32_t id);

/* A view of all of `buffer`, row by row. */
npu_view npu_view_of(uint32_t buffer, tenon_dtype dtype, uint32_t rank, const int64_t *dims);

/* 1 if the view numbers its elements in row-major order without gaps, from `offset` on. */
int npu_view_is_plain(const npu_view *view);

/* A blocked buffer in the workspace, for elements of `dtype`. */
tenon_status npu_make_buffer(npu_compiler *c, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                             uint32_t *out_buffer);
/* A buffer of one element that the exec holds. */
tenon_status npu_hold_element(npu_compiler *c, tenon_dtype dtype, const void *bits, uint32_t *out_buffer);

/* A step of `size` bytes, the last one from now on; then what it touches. */
tenon_status npu_make_step(npu_compiler *c, uint64_t size,
                           tenon_status (*run)(const npu_step *step, const npu_run *run), void *out_step);
void npu_touch(npu_compiler *c, uint32_t buffer);

/* Where input `index` of the node at hand, or a value, is; ends the open chain if it must. */
tenon_status npu_input(npu_compiler *c, uint32_t index, npu_view *out_view);
tenon_status npu_value_view(npu_compiler *c, uint32_t value, npu_view *out_view);
/* Says where output `index` of the node at hand is. Dims of one element may differ from the value's. */
tenon_status npu_set_output(npu_compiler *c, uint32_t index, const npu_view *view);
/* A blocked buffer for output `index`, in the order of its dims. */
tenon_status npu_make_output(npu_compiler *c, uint32_t index, uint32_t *out_buffer);

/* The same elements under other dims, copied if they must be. */
tenon_status npu_reshape(npu_compiler *c, npu_view *view, uint32_t rank, const int64_t *dims);
/* A blocked buffer whose numbering is the view's row-major order. */
tenon_status npu_settle(npu_compiler *c, const npu_view *view, uint32_t *out_buffer);
/* Adds a step that copies `view` into `buffer`: element (i0, ...) to number offset + sum of i * steps. */
tenon_status npu_copy_into(npu_compiler *c, const npu_view *view, uint32_t buffer, const int64_t *steps,
                           int64_t offset);
/* Row-major steps over dims. */
void npu_plain_steps(uint32_t rank, const int64_t *dims, int64_t *out_steps);

/* -- Lowerings, one a family -- */
tenon_status npu_lower_view(npu_compiler *c);    /* views.c */
tenon_status npu_lower_same(npu_compiler *c);    /* copy, bitcast */
tenon_status npu_lower_element(npu_compiler *c); /* chain.c: map, cast */
tenon_status npu_lower_fill(npu_compiler *c);    /* make.c */
tenon_status npu_lower_iota(npu_compiler *c);
tenon_status npu_lower_pad(npu_compiler *c);
tenon_status npu_lower_random(npu_compiler *c);
tenon_status npu_lower_reduce(npu_compiler *c); /* line.c */
tenon_status npu_lower_arg(npu_compiler *c);
tenon_status npu_lower_scan(npu_compiler *c);
tenon_status npu_lower_sort(npu_compiler *c);
tenon_status npu_lower_gather(npu_compiler *c); /* index.c */
tenon_status npu_lower_scatter(npu_compiler *c);
tenon_status npu_lower_update(npu_compiler *c);
tenon_status npu_lower_matmul(npu_compiler *c); /* matmul.c */

/* -- Composites that stay whole -- */
tenon_status npu_lower_concat(npu_compiler *c);  /* make.c */
tenon_status npu_lower_softmax(npu_compiler *c); /* line.c */
tenon_status npu_lower_layer_norm(npu_compiler *c);

#endif
