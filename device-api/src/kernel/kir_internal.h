/* Shared by the files kir_*.c alone. */
#ifndef TENON_KERNEL_KIR_INTERNAL_H
#define TENON_KERNEL_KIR_INTERNAL_H

#include "kernel/kir_build.h"

/* Storage. */

struct tenon__kir_chunk {
    struct tenon__kir_chunk *before;
    size_t used, size;
    char bytes[];
};

struct tenon__kir_arena {
    struct tenon__kir_chunk *chunk;
};

enum { TENON__KIR_PHASE_HEADER, TENON__KIR_PHASE_MERGE, TENON__KIR_PHASE_BODY };

/* A kernel, loop or tile that is being built. */
struct tenon__kir_open {
    uint32_t loop;
    uint32_t phase; /* TENON__KIR_PHASE_* */
    uint32_t outer; /* block to go back to */
};

struct tenon__kir_state {
    tenon_status status;
    tenon__kir_error error;
    bool finished;
    uint64_t hash[2]; /* once finished */
    uint32_t block;   /* where values go */
    uint32_t depth;
    struct tenon__kir_open open[TENON__KIR_MAX_DEPTH];
    uint32_t symbol_room, scalar_room, operand_room, kernel_room, loop_room, block_room, node_room, arg_room;
};

/* Copies `size` bytes of a name, terminated. NULL when memory is short. */
const char *tenon__kir_intern(tenon__kir_program *program, const char *name, size_t size);

/* Makes room for `more` entries of `size` bytes behind `count`. False when memory is short. */
bool tenon__kir_grow(void *array, uint32_t *room, uint32_t count, uint32_t more, size_t size);

/* Appends an entry, zeroed; its number comes back, or UINT32_MAX with the sticky error set. */
uint32_t tenon__kir_add_block(tenon__kir_program *program, uint32_t parent, uint32_t loop);
uint32_t tenon__kir_add_loop(tenon__kir_program *program, tenon__kir_id node);
bool tenon__kir_add_args(tenon__kir_program *program, const tenon__kir_id *args, uint32_t count, uint32_t *out_first);

/* Appends a leaf, valid in `block`; 0 after an error. */
tenon__kir_id tenon__kir_add_leaf(tenon__kir_program *program, const tenon__kir_node *node, uint32_t block);

/* Appends a value or statement with its arguments to the open block, once its type is inferred; 0 after an error. */
tenon__kir_id tenon__kir_add_node(tenon__kir_program *program, tenon__kir_node node, const tenon__kir_id *args,
                                  uint32_t count);

/* True when no error has struck and the program takes more values. */
bool tenon__kir_alive(const tenon__kir_program *program);

/* Types (kir_type.c). */

/* Sets `error` and returns INVALID. */
tenon_status tenon__kir_invalid(tenon__kir_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Type of a node from its arguments, which are checked. Its `first_arg` and `arg_count` are in place. TILE and LOOP
 * keep the type they have. Errors: INVALID with the reason. */
tenon_status tenon__kir_infer(const tenon__kir_program *program, const tenon__kir_node *node, tenon__kir_type *out_type,
                              tenon__kir_error *error);

bool tenon__kir_type_equal(const tenon__kir_type *a, const tenon__kir_type *b);
tenon__kir_type tenon__kir_scalar_type(uint32_t dtype);

/* "f32", "index", "f32[8, 8]" */
const char *tenon__kir_type_text(const tenon__kir_type *type, char buffer[64]);

/* TENON_CLASS_* of a compute dtype; index counts as TENON_CLASS_SINT. Bits of the dtype; 64 for index. */
uint32_t tenon__kir_class(uint32_t dtype);
uint32_t tenon__kir_bits(uint32_t dtype);

/* The storage dtypes that operands, scalars and casts may name. */
bool tenon__kir_storable(uint32_t dtype);

/* Low bits of an integer, sign- or zero-extended as `dtype` says. Bool: 0 or 1. */
uint64_t tenon__kir_wrap(uint32_t dtype, uint64_t value);

/* "store to 'y'", "value 'v'", "node 12": for messages. */
const char *tenon__kir_describe(const tenon__kir_program *program, tenon__kir_id id, char buffer[96]);

/* Index arithmetic, one meaning for folding, head values and ranges. */

/* Value of a MAP operator on index constants. False when the operator or the divisor is not one. */
bool tenon__kir_fold(tenon_op op, const int64_t *args, int64_t *out_value);

/* True when the builder would fold this operation on index operands away. */
bool tenon__kir_folds(const tenon__kir_program *program, tenon_op op, const tenon__kir_id *args, uint32_t count);

/* Walks (kir_walk.c). */

/* Visits every id that a node uses: arguments; of LOOP and TILE also extents, inits, nexts, merged values. */
typedef void (*tenon__kir_use_fn)(tenon__kir_id used, void *context);
void tenon__kir_each_use(const tenon__kir_program *program, tenon__kir_id id, tenon__kir_use_fn visit, void *context);

/* Nodes of a block and of the blocks inside it, in order. Stops at the first status that is not OK. */
typedef tenon_status (*tenon__kir_walk_fn)(const tenon__kir_program *program, tenon__kir_id id, void *context);
tenon_status tenon__kir_walk(const tenon__kir_program *program, uint32_t block, tenon__kir_walk_fn visit,
                             void *context);

/* Parts of the verifier. */

tenon_status tenon__kir_verify_kernel_stores(const tenon__kir_program *program, uint32_t kernel,
                                             tenon__kir_error *error);
tenon_status tenon__kir_verify_merge(const tenon__kir_program *program, uint32_t loop, tenon__kir_error *error);
tenon_status tenon__kir_verify_index32(const tenon__kir_program *program, uint32_t kernel, tenon__kir_error *error);

/* Takes values that nothing uses out of their blocks. Errors: OUT_OF_MEMORY. */
tenon_status tenon__kir_drop_unused(tenon__kir_program *program);

/* Sets the hash of a verified program. Errors: OUT_OF_MEMORY. */
tenon_status tenon__kir_compute_hash(tenon__kir_program *program);

/* Numbers in text, independent of the process's locale (kir_number.c). */

/* Reads a decimal or hexadecimal float that the lexer has delimited. False when it is none. */
bool tenon__kir_scan_float(const char *text, size_t size, double *out_value);

/* Shortest text that reads back as the same value of the dtype (f32 or f64), with a point or exponent in it. */
void tenon__kir_format_float(uint32_t dtype, double value, char buffer[40]);

#endif
