/* How tensors lie in memory. Elements are numbered in row-major order, in *rows* of as many *columns* as the last axis
 * has elements; all other axes together make the rows.
 *
 *   dense     one after the other: operands of a launch
 *   blocked   NPU_LANES columns of all rows, one row after the other, then the next columns; the last block is filled
 *             up with lanes that mean nothing. What lies inside of a graph, and packed constants
 *
 * Tensors with the same number of columns lie alike whatever their other axes are. */
#ifndef NPU_FORM_H
#define NPU_FORM_H

#include <tenon/types.h>

enum {
    NPU_LANES = 16,
    NPU_MOST_RANK = TENON_MAX_RANK + 2,
    NPU_LAYOUT_VERSION = 1 /* of the blocked form: part of a packed constant's key */
};

typedef struct npu_form {
    int64_t rows, columns;
    int64_t width;  /* columns that lie side by side: NPU_LANES, or all of a dense one */
    int64_t stride; /* elements from one row to the next */
    int64_t block;  /* elements from one block to the next */
    uint32_t size;  /* bytes of an element */
    uint32_t reserved;
} npu_form;

/* A dense form is one row of all its elements. */
npu_form npu_form_dense(uint32_t size, int64_t count);
npu_form npu_form_blocked(uint32_t size, uint32_t rank, const int64_t *dims);

/* Bytes that a form takes. */
static inline uint64_t npu_form_bytes(const npu_form *form) {
    int64_t blocks = form->columns ? (form->columns + form->width - 1) / form->width : 0;
    return (uint64_t)(blocks * form->rows * form->width) * form->size;
}

/* Elements before element (row, column). */
static inline int64_t npu_form_place(const npu_form *form, int64_t row, int64_t column) {
    return column / form->width * form->block + row * form->stride + column % form->width;
}

/* A copy of dims[0] x ... elements, from one numbering to another: element (i0, i1, ...) has the number
 * offset + sum of i * step on either side. */
typedef struct npu_move {
    npu_form from, to;
    uint32_t rank;
    uint32_t reserved;
    int64_t dims[NPU_MOST_RANK];
    int64_t from_steps[NPU_MOST_RANK];
    int64_t to_steps[NPU_MOST_RANK];
    int64_t from_offset, to_offset;
} npu_move;

/* Drops axes of one element and joins axes that both sides walk as one. */
void npu_move_simplify(npu_move *move);

void npu_move_run(const npu_move *move, const void *from, void *to);

#endif
