/* Makes Kernel IR programs. Values are appended to the open block in the order of the calls.
 *
 * Errors are sticky: after the first one every call does nothing and returns 0, and tenon__kir_finish says what it was.
 * So a lowering calls on without checks. Names may be NULL; they are copied. Ids of leaves and values are
 * tenon__kir_id; operands are numbers, UINT32_MAX after an error.
 *
 *     tenon__kir_create("scale", &p);
 *     n = tenon__kir_symbol_new(p, "N", (tenon_symbol){0, INT32_MAX, 1});
 *     x = tenon__kir_operand_new(p, TENON__KIR_IN, "x", TENON_DTYPE_F32, 1, &n, NULL);
 *     y = tenon__kir_operand_new(p, TENON__KIR_OUT, "y", TENON_DTYPE_F32, 1, &n, NULL);
 *     tenon__kir_kernel_begin(p, "all");
 *     i = tenon__kir_axis(p, "i", n);
 *     v = tenon__kir_op(p, TENON_OP_MUL, tenon__kir_load(p, x, &i, 1), tenon__kir_float(p, TENON_DTYPE_F32, 2.0), 0);
 *     tenon__kir_store(p, y, &i, 1, v);
 *     tenon__kir_kernel_end(p);
 *     status = tenon__kir_finish(p, &error);
 */
#ifndef TENON_KERNEL_KIR_BUILD_H
#define TENON_KERNEL_KIR_BUILD_H

#include "kernel/kir.h"

/* An empty program with the head open. Errors: OUT_OF_MEMORY. */
tenon_status tenon__kir_create(const char *name, tenon__kir_program **out_program);

/* Ends building: reports the sticky error, drops values that nothing uses, verifies. Call it once. */
tenon_status tenon__kir_finish(tenon__kir_program *program, tenon__kir_error *error);

/* Records a failure of the caller's own, unless there is one already. */
void tenon__kir_fail(tenon__kir_program *program, tenon_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Status so far: OK or the sticky error's. */
tenon_status tenon__kir_status(const tenon__kir_program *program);

/* Declarations. */

tenon__kir_id tenon__kir_symbol_new(tenon__kir_program *program, const char *name, tenon_symbol range);
tenon__kir_id tenon__kir_scalar_new(tenon__kir_program *program, const char *name, uint32_t dtype);

/* `dims` and `strides` hold `rank` head nodes; strides NULL: contiguous. Returns the operand's number. */
uint32_t tenon__kir_operand_new(tenon__kir_program *program, uint32_t role, const char *name, uint32_t dtype,
                                uint32_t rank, const tenon__kir_id *dims, const tenon__kir_id *strides);

/* Kernels, loops, tiles: begin, axes and carries, body, end. */

void tenon__kir_kernel_begin(tenon__kir_program *program, const char *name);
void tenon__kir_kernel_claim_index32(tenon__kir_program *program);
void tenon__kir_kernel_end(tenon__kir_program *program);

void tenon__kir_loop_begin(tenon__kir_program *program);

/* Adds an axis to the kernel or loop just begun; its extent is made before the begin (a kernel's: in the head). */
tenon__kir_id tenon__kir_axis(tenon__kir_program *program, const char *name, tenon__kir_id extent);

/* Adds a carried value to the loop just begun; `init` is made before the begin. `type` NULL: that of init. */
tenon__kir_id tenon__kir_carry(tenon__kir_program *program, const char *name, const tenon__kir_type *type,
                               tenon__kir_id init);

/* Declares the merge, before the first node of the body: one operator a carry ... */
void tenon__kir_merge_ops(tenon__kir_program *program, const tenon_op *ops, uint32_t count);
/* ... or a block over the two parts' values, closed by the values of the merged part. Arrays have an entry a carry. */
void tenon__kir_merge_begin(tenon__kir_program *program, tenon__kir_id *out_first, tenon__kir_id *out_second);
void tenon__kir_merge_end(tenon__kir_program *program, const tenon__kir_id *values, uint32_t count);

/* Ends the step with the next carried values; gives their final values (an entry a carry; NULL if there are none). */
void tenon__kir_loop_end(tenon__kir_program *program, const tenon__kir_id *next, uint32_t count,
                         tenon__kir_id *out_results);

/* A tile value, element by element: axes come back in `out_axes`, the block computes the element. */
void tenon__kir_tile_begin(tenon__kir_program *program, const char *name, uint32_t dtype, uint32_t rank,
                           const uint32_t *extents, tenon__kir_id *out_axes);
tenon__kir_id tenon__kir_tile_end(tenon__kir_program *program, tenon__kir_id element);

/* Values. */

tenon__kir_id tenon__kir_index(tenon__kir_program *program, int64_t value);
tenon__kir_id tenon__kir_int(tenon__kir_program *program, uint32_t dtype, int64_t value);   /* wraps into dtype */
tenon__kir_id tenon__kir_float(tenon__kir_program *program, uint32_t dtype, double value);  /* rounds to dtype */
tenon__kir_id tenon__kir_const(tenon__kir_program *program, uint32_t dtype, uint64_t bits); /* compute dtype's bits */

/* A MAP operator; unused operands are 0. Index constants fold (x + 0, x * 1, 2 * 3 ...). */
tenon__kir_id tenon__kir_op(tenon__kir_program *program, tenon_op op, tenon__kir_id a, tenon__kir_id b,
                            tenon__kir_id c);

/* To a storage dtype or TENON__KIR_INDEX; flags: 0 or TENON__KIR_WRAP. */
tenon__kir_id tenon__kir_cast(tenon__kir_program *program, uint32_t dtype, tenon__kir_id value, uint32_t flags);
tenon__kir_id tenon__kir_bitcast(tenon__kir_program *program, uint32_t dtype, tenon__kir_id value);

tenon__kir_id tenon__kir_load(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index, uint32_t rank);
tenon__kir_id tenon__kir_load_if(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index,
                                 uint32_t rank, tenon__kir_id condition, tenon__kir_id otherwise);
tenon__kir_id tenon__kir_elem(tenon__kir_program *program, tenon__kir_id tile, const tenon__kir_id *index,
                              uint32_t rank);

void tenon__kir_store(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index, uint32_t rank,
                      tenon__kir_id value);

/* `combine`: TENON_COMBINE_*; flags: 0 or TENON__KIR_ANY_ORDER; `condition` 0: none. */
void tenon__kir_store_as(tenon__kir_program *program, uint32_t operand, const tenon__kir_id *index, uint32_t rank,
                         tenon__kir_id value, uint32_t combine, uint32_t flags, tenon__kir_id condition);

/* Gives a value a name: the text then shows it as a let. Returns `id`. */
tenon__kir_id tenon__kir_name(tenon__kir_program *program, tenon__kir_id id, const char *name);

/* Expression text: `let NAME = expr` lines, then one expr, over `count` named values of this program. Appends to the
 * open block. A literal without a dtype takes that of the other operands; `like` (may be 0) is the dtype when nothing
 * else says. Returns the value, or 0 with the sticky error set to the text's line and column. */
tenon__kir_id tenon__kir_parse_expr(tenon__kir_program *program, const char *text, const char *const *names,
                                    const tenon__kir_id *values, uint32_t count, uint32_t like);

/* Type of a value. */
static inline tenon__kir_type tenon__kir_type_of(const tenon__kir_program *program, tenon__kir_id id) {
    return program->nodes[id].type;
}

#endif
