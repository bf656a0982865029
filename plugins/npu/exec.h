/* What a graph is compiled to: steps over buffers, run in order. */
#ifndef NPU_EXEC_H
#define NPU_EXEC_H

#include "arena.h"
#include "form.h"

/* Where a buffer's bytes are. */
typedef enum npu_place {
    NPU_AT_OPERAND,   /* `offset` bytes into the launch's buffer `operand` */
    NPU_AT_WORKSPACE, /* `offset` bytes into the workspace */
    NPU_AT_HOME       /* `bytes`, the exec's own */
} npu_place;

typedef struct npu_buffer {
    npu_form form;
    npu_place place;
    uint32_t operand;
    uint64_t offset;
    void *bytes;
    uint32_t first, last; /* steps that use it; of a workspace one */
    uint32_t is_dense;    /* an operand as a launch brings it */
    uint32_t reserved;
} npu_buffer;

/* One run: the exec and where each of its buffers is now. */
typedef struct npu_run {
    tenon_device *device;
    tenon_stream *stream; /* for words */
    const tenon_exec *exec;
    unsigned char **at;
} npu_run;

/* A step is embedded first in what its kind needs. */
typedef struct npu_step {
    tenon_status (*run)(const struct npu_step *step, const npu_run *run);
    uint32_t node; /* of the graph, for words */
    uint32_t reserved;
} npu_step;

/* A piece of a constant's packed form. */
typedef struct npu_pack {
    struct npu_pack *next;
    uint32_t buffer; /* whose offset counts from the packed constant's start */
    uint32_t reserved;
    npu_move move;
} npu_pack;

typedef struct npu_operand {
    uint32_t role;
    uint32_t is_held;
    uint64_t size;        /* bytes, as it comes in a launch */
    uint64_t alignment;   /* bytes: of an element */
    uint64_t packed_size; /* bytes; 0: it is not packed */
    npu_pack *packs;
} npu_operand;

struct tenon_exec {
    npu_arena arena;
    npu_step **steps;
    npu_buffer *buffers;
    npu_operand *operands;
    uint32_t step_count, buffer_count, operand_count, reserved;
    uint64_t workspace; /* bytes */
};

/* Runs all steps; `at` has room for an address per buffer. */
tenon_status npu_exec_run(const tenon_exec *exec, tenon_stream *stream, unsigned char **at,
                          unsigned char *const *operands, unsigned char *workspace);

#endif
