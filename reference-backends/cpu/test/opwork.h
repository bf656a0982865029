/* Op work for tests: operands with a layout each, prepared with symbols or numbers, run once on device memory. */
#ifndef CPU_TEST_OPWORK_H
#define CPU_TEST_OPWORK_H

#include "fixture.h"

enum { OPWORK_OPERANDS = 4 };

/* How an operand lies in its allocation. */
enum {
    LAYOUT_DENSE,
    LAYOUT_TRANSPOSED, /* last two axes change places */
    LAYOUT_PADDED,     /* rows longer than they need be */
    LAYOUT_SPARSE,     /* every third element of a row, every second row */
    LAYOUT_REVERSED,   /* negative strides on every axis */
    LAYOUT_REPEATED,   /* stride 0 on axes but the last two (inputs) */
    LAYOUT_SAME_ROWS,  /* stride 0 on the last axis but one (inputs) */
    LAYOUT_COUNT
};

typedef struct operand {
    tenon_dtype dtype;
    uint32_t rank, layout, role;
    int64_t dims[TENON_MAX_RANK];
    int64_t strides[TENON_MAX_RANK]; /* set by opwork_lay */
    tenon_memory *memory;
    uint64_t offset; /* bytes */
    uint64_t size;   /* of memory */
    char *address;   /* of element 0, 0, ... */
} operand;

typedef struct opwork {
    fixture *f;
    tenon_op op;
    uint32_t attr_count, operand_count, scalar_count;
    tenon_attr attrs[4];
    int64_t attr_values[4][TENON_MAX_RANK];
    operand operands[OPWORK_OPERANDS];
    uint64_t scalars[2];
    int symbolic; /* dims and strides are symbols */
    tenon_exec *exec;
    int64_t symbols[OPWORK_OPERANDS * 2 * TENON_MAX_RANK];
    uint32_t symbol_count;
    uint32_t alias; /* what prepare answered for the last operand */
} opwork;

/* Gives an operand dims, layout and memory with a fence of 64 bytes before and behind, all bytes 0xff (float: NaN). */
void opwork_lay(opwork *work, uint32_t index, tenon_dtype dtype, uint32_t layout, uint32_t rank, const int64_t *dims);
void opwork_attr(opwork *work, uint32_t id, int64_t value);
void opwork_attrs(opwork *work, uint32_t id, uint32_t count, const int64_t *values);

/* The last `outputs` operands are outputs. */
tenon_status opwork_prepare(opwork *work, uint32_t outputs);
tenon_status opwork_launch(opwork *work);

/* Prepares, launches, synchronises, checks the fences of outputs; the status of the first that fails. */
tenon_status opwork_run(opwork *work, uint32_t outputs);
void opwork_free(opwork *work);

/* Address of an element by its row-major index. */
char *opwork_at(const operand *o, int64_t index);
int64_t opwork_count(const operand *o);

#endif
