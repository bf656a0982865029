/* The builder behind tenon/host/graph.h, with the short forms that importers and decompositions are written in.
 *
 * All of them follow the public rule: NULL after a failure, NULL in gives NULL out. Results' types are inferred; with
 * SIMPLIFY nodes that do nothing give their operand and equal pure nodes are one, with FOLD nodes over constants are
 * evaluated (up to the budget). Dims must agree as the rows say: where two symbolic dims must be equal but are not known
 * to be, the builder states their equality in the module; dims that can never be equal are an error. */
#ifndef TENON_GRAPH_BUILD_H
#define TENON_GRAPH_BUILD_H

#include "graph/composite.h"
#include "graph/graph.h"

enum { TENON__BUILD_SIMPLIFY = 1, TENON__BUILD_FOLD = 2 };

/* What constant folding may spend. Zero members: the defaults. */
typedef struct tenon__fold_budget {
    uint64_t result_bytes; /* of one folded result; default 1 MiB. Integers of up to TENON__MAX_CONTENT always fold */
    uint64_t work;         /* scalar operations for one result; default 2^24 */
} tenon__fold_budget;

/* True for composites that are kept; asked in order of execution, about one node maybe more than once. NULL claims none. */
typedef bool (*tenon__claim)(void *context, const tenonh_node *node);

/* Same as tenonh_builder_create with flags. The public one builds exactly what it is told (flags 0). */
tenon_status tenon__builder_create(tenonh_module *module, const char *name, uint32_t flags,
                                   tenonh_builder **out_builder);

tenonh_module *tenon__builder_module(tenonh_builder *b);
void tenon__builder_budget(tenonh_builder *b, const tenon__fold_budget *budget); /* NULL: as it is */

/* Fails the builder: the first failure counts. Gives NULL. For importers' own errors. */
__attribute__((format(printf, 3, 4))) tenonh_value *tenon__build_fail(tenonh_builder *b, tenon_status status,
                                                                      const char *format, ...);

/* Leaves the innermost control node without it: what was built in its regions so far is dropped. For importers that must
 * see a loop's step before they know how to carry its values. */
void tenon__build_abandon(tenonh_builder *b);

/* Sets a value's name if it has none. Copied. */
void tenon__value_name(tenonh_builder *b, tenonh_value *value, const char *name);

/* -- Dims, failing the builder --------------------------------------------------------------------------------- */

const tenonh_dim *tenon__num(tenonh_builder *b, int64_t number);
const tenonh_dim *tenon__dim2(tenonh_builder *b, uint32_t op, const tenonh_dim *x, const tenonh_dim *y);
/* Product of dims[0 ... count-1], 1 for none. */
const tenonh_dim *tenon__dim_product(tenonh_builder *b, const tenonh_dim *const *dims, uint32_t count);

/* Elements of a small integer value as expressions, in row-major order: NULL where they are not all known. Scalars have
 * one. Constants always have them (up to TENON__MAX_CONTENT). */
const tenonh_dim *const *tenon__content(tenonh_builder *b, tenonh_value *value, uint32_t *out_count);

/* -- Constants --------------------------------------------------------------------------------------------------- */

tenonh_value *tenon__build_ints(tenonh_builder *b, const int64_t *values, uint32_t count); /* i64[count] */
tenonh_value *tenon__build_bits(tenonh_builder *b, tenon_dtype dtype, uint64_t bits);      /* rank 0 */
/* Value of another function of any module: the same bytes. */
tenonh_value *tenon__build_shared(tenonh_builder *b, tenon__constant *constant, const char *name, tenon_dtype dtype,
                                  uint32_t rank, const tenonh_dim *const *dims);

/* -- Base operators ------------------------------------------------------------------------------------------------ */

tenonh_value *tenon__reshape(tenonh_builder *b, tenonh_value *x, uint32_t rank, const tenonh_dim *const *dims);
tenonh_value *tenon__permute(tenonh_builder *b, tenonh_value *x, const int64_t *perm);
tenonh_value *tenon__expand(tenonh_builder *b, tenonh_value *x, uint32_t rank, const tenonh_dim *const *dims);
tenonh_value *tenon__expand_like(tenonh_builder *b, tenonh_value *x, const tenonh_value *like);
/* starts, dims: expressions; steps may be NULL (all 1). */
tenonh_value *tenon__slice(tenonh_builder *b, tenonh_value *x, const tenonh_dim *const *starts, const int64_t *steps,
                           const tenonh_dim *const *dims);
/* Elements start ... start + count - 1 of one axis. */
tenonh_value *tenon__slice_axis(tenonh_builder *b, tenonh_value *x, uint32_t axis, const tenonh_dim *start,
                                const tenonh_dim *count);
tenonh_value *tenon__window(tenonh_builder *b, tenonh_value *x, uint32_t count, const int64_t *axes,
                            const int64_t *sizes, const int64_t *steps, const int64_t *dilations);
tenonh_value *tenon__unsqueeze(tenonh_builder *b, tenonh_value *x, uint32_t axis); /* a dim of 1 before `axis` */
tenonh_value *tenon__squeeze(tenonh_builder *b, tenonh_value *x, uint32_t axis);
tenonh_value *tenon__fill(tenonh_builder *b, tenon_dtype dtype, uint64_t bits, uint32_t rank,
                          const tenonh_dim *const *dims);
tenonh_value *tenon__iota(tenonh_builder *b, tenon_dtype dtype, uint32_t axis, uint32_t rank,
                          const tenonh_dim *const *dims);
/* low, high: elements added per axis. */
tenonh_value *tenon__pad(tenonh_builder *b, tenonh_value *x, uint64_t bits, const tenonh_dim *const *low,
                         const tenonh_dim *const *high);
tenonh_value *tenon__cast(tenonh_builder *b, tenonh_value *x, tenon_dtype dtype);
tenonh_value *tenon__unary(tenonh_builder *b, tenon_op op, tenonh_value *x);
tenonh_value *tenon__binary(tenonh_builder *b, tenon_op op, tenonh_value *x, tenonh_value *y); /* equal dims */
/* x op number, or number op x when `reversed`; the number has x's dtype. */
tenonh_value *tenon__binary_number(tenonh_builder *b, tenon_op op, tenonh_value *x, double number, bool reversed);
tenonh_value *tenon__where(tenonh_builder *b, tenonh_value *condition, tenonh_value *x, tenonh_value *y);
/* sum, reduce_max, reduce_min, prod. keep: reduced axes stay, with dim 1. */
tenonh_value *tenon__reduce(tenonh_builder *b, tenon_op op, tenonh_value *x, uint32_t count, const int64_t *axes,
                            bool keep);
tenonh_value *tenon__argmax(tenonh_builder *b, tenonh_value *x, uint32_t axis);
tenonh_value *tenon__gather(tenonh_builder *b, tenonh_value *x, tenonh_value *indices, uint32_t axis);
tenonh_value *tenon__scatter(tenonh_builder *b, tenonh_value *indices, tenonh_value *updates, tenonh_value *y,
                             uint32_t axis, uint32_t combine);
/* Batch dims equal; dtype and accumulator 0: the row's defaults. */
tenonh_value *tenon__matmul(tenonh_builder *b, tenonh_value *x, tenonh_value *y, tenon_dtype dtype,
                            tenon_dtype accumulator);
tenonh_value *tenon__sort(tenonh_builder *b, tenonh_value *x, uint32_t axis, bool descending);

/* -- Composites ---------------------------------------------------------------------------------------------------- */

tenonh_value *tenon__compose(tenonh_builder *b, uint32_t composite, tenonh_value *const *inputs, uint32_t input_count,
                             const tenonh_attr *attrs, uint32_t attr_count);
tenonh_value *tenon__concat(tenonh_builder *b, tenonh_value *const *parts, uint32_t count, uint32_t axis);
/* Expands x to the dims that all the values broadcast to (numpy's rule); x itself counts. */
tenonh_value *tenon__broadcast(tenonh_builder *b, tenonh_value *x, tenonh_value *const *others, uint32_t count);
/* i64[rank]: the dims of x. */
tenonh_value *tenon__shape_of(tenonh_builder *b, tenonh_value *x);

/* An attribute of one integer, of several, of one f64, of expressions. The storage must outlive the call. */
#define TENON__ATTR_INT(name, number)    ((tenonh_attr){TENON_ATTR_##name, 1, (const int64_t[]){number}, NULL})
#define TENON__ATTR_INTS(name, n, array) ((tenonh_attr){TENON_ATTR_##name, (uint32_t)(n), (array), NULL})
#define TENON__ATTR_FLOAT(name, number)                                                                                \
    ((tenonh_attr){TENON_ATTR_##name, 1, (const int64_t[]){tenonh_float_bits(number)}, NULL})
#define TENON__ATTR_DIMS(name, n, array) ((tenonh_attr){TENON_ATTR_##name, (uint32_t)(n), NULL, (array)})

#endif
