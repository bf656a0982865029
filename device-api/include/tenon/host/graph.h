/* Graphs: modules of functions over tensors whose dims may be symbols.
 *
 * A module is made by an importer, by tenonh_module_parse, or by a builder; once its functions are finished it is only
 * read, by any number of threads and sessions. Nothing in it is implicit: an operator's operands have the dtypes and
 * dims that its row asks for, and whoever builds inserts `cast` and `expand`.
 *
 * Builder calls give NULL once something failed, and take NULL operands without a further word: build a whole function,
 * then look at the status of tenonh_builder_finish. The message is that of the first failure.
 *
 * Owner: values, regions, dims and functions belong to their module and live as long.
 * Thread: a module that is being built is used by one thread; a finished one by any. */
#ifndef TENON_HOST_GRAPH_H
#define TENON_HOST_GRAPH_H

#include <tenon/host/error.h>
#include <tenon/ops.h>

TENON_EXTERN_C_BEGIN

typedef struct tenonh_module tenonh_module;
typedef struct tenonh_function tenonh_function;
typedef struct tenonh_value tenonh_value;
typedef struct tenonh_dim tenonh_dim;
typedef struct tenonh_builder tenonh_builder;

/* The dtype of effect tokens: values of rank 0 that order effects and hold nothing. */
#define TENONH_TOKEN 0x80u

/* -- Modules -------------------------------------------------------------------------------------------------- */

/* An empty module. Owner: the caller, until tenonh_module_destroy. Errors: OUT_OF_MEMORY. */
TENON_EXPORT tenon_status tenonh_module_create(tenonh_module **out_module);

/* Ends a module and gives its borrowed bytes back; NULL is allowed. */
TENON_EXPORT void tenonh_module_destroy(tenonh_module *module);

/* Reads the text form and verifies it. `size` bytes at `text`, no terminator needed; any bytes are safe to give.
 * Errors: BAD_DATA with line and column, INVALID when the module breaks a rule, OUT_OF_MEMORY. */
TENON_EXPORT tenon_status tenonh_module_parse(const char *text, size_t size, tenonh_module **out_module);

enum {
    TENONH_PRINT_WHOLE = 0, /* parsing the text gives the module back */
    TENONH_PRINT_BRIEF = 1  /* constants above 64 bytes as "...": for reading, not for parsing */
};

/* The canonical text: parsed and printed again it is the same. Owner: the caller, free(). Errors: OUT_OF_MEMORY. */
TENON_EXPORT tenon_status tenonh_module_print(const tenonh_module *module, uint32_t flags, char **out_text);

/* Checks every rule: definitions before uses, types, attributes, regions, order of effects, donations.
 * Errors: INVALID, naming function, node and value. */
TENON_EXPORT tenon_status tenonh_module_verify(const tenonh_module *module);

/* The function called `name` ("main" is a model's), NULL if there is none. */
TENON_EXPORT const tenonh_function *tenonh_module_function(const tenonh_module *module, const char *name);

/* -- What a function takes and gives ---------------------------------------------------------------------------- */

TENON_EXPORT uint32_t tenonh_function_input_count(const tenonh_function *function);
TENON_EXPORT uint32_t tenonh_function_output_count(const tenonh_function *function);

/* Value and name of input or output `index`; NULL past the count. Names are UTF-8 as the model spells them. */
TENON_EXPORT const tenonh_value *tenonh_function_input(const tenonh_function *function, uint32_t index);
TENON_EXPORT const tenonh_value *tenonh_function_output(const tenonh_function *function, uint32_t index);
TENON_EXPORT const char *tenonh_function_input_name(const tenonh_function *function, uint32_t index);
TENON_EXPORT const char *tenonh_function_output_name(const tenonh_function *function, uint32_t index);

TENON_EXPORT tenon_dtype tenonh_value_dtype(const tenonh_value *value);
TENON_EXPORT uint32_t tenonh_value_rank(const tenonh_value *value);

/* Dim `axis` of a value; NULL when axis >= rank. */
TENON_EXPORT const tenonh_dim *tenonh_value_dim(const tenonh_value *value, uint32_t axis);

/* -- Dims: integer expressions over named symbols ---------------------------------------------------------------- */

/* Operators of tenonh_dim_combine. Quotients round down, remainders have the divisor's sign; a divisor of 0 fails when
 * the dim gets its value. BROADCAST is the dim that a pair of dims expands to: b where a is 1, else a. */
enum {
    TENONH_DIM_ADD = 1,
    TENONH_DIM_SUB,
    TENONH_DIM_MUL,
    TENONH_DIM_DIV,
    TENONH_DIM_MOD,
    TENONH_DIM_MAX,
    TENONH_DIM_MIN,
    TENONH_DIM_BROADCAST
};

/* The number `value`; equal expressions are the same pointer within a module. NULL: no memory. */
TENON_EXPORT const tenonh_dim *tenonh_dim_number(tenonh_module *module, int64_t value);

/* The symbol `name`, made with min <= value <= max (divisor divides it) when the module has none of that name yet.
 * Errors: NULL for an empty name, an empty range or a divisor below 1. */
TENON_EXPORT const tenonh_dim *tenonh_dim_symbol(tenonh_module *module, const char *name, int64_t min, int64_t max,
                                                 int64_t divisor);

/* The simplified `a op b`. Errors: NULL for NULL operands, a constant divisor of 0, or constants that pass int64. */
TENON_EXPORT const tenonh_dim *tenonh_dim_combine(tenonh_module *module, uint32_t op, const tenonh_dim *a,
                                                  const tenonh_dim *b);

/* 1 and the number if the dim is one, else 0. */
TENON_EXPORT int tenonh_dim_is_number(const tenonh_dim *dim, int64_t *out_value);

/* Writes the expression ("12*batch + 1"), cut to `size` bytes with the terminator; returns the whole length. */
TENON_EXPORT size_t tenonh_dim_format(const tenonh_dim *dim, char *buffer, size_t size);

/* States that two dims have the same value whenever the module runs. Errors: INVALID when they can't. */
TENON_EXPORT tenon_status tenonh_dim_equate(tenonh_module *module, const tenonh_dim *a, const tenonh_dim *b);

/* -- Building a function ------------------------------------------------------------------------------------------ */

/* Starts function `name`, which the module must not have yet. Errors: INVALID, OUT_OF_MEMORY. */
TENON_EXPORT tenon_status tenonh_builder_create(tenonh_module *module, const char *name, tenonh_builder **out_builder);

/* Ends the builder. If nothing failed, verifies the function and adds it to its module.
 * Errors: the first failure's status, with its message; INVALID from the verifier. The function is then dropped. */
TENON_EXPORT tenon_status tenonh_builder_finish(tenonh_builder *builder);

/* Status of the first failure so far. */
TENON_EXPORT tenon_status tenonh_builder_status(const tenonh_builder *builder);

/* Names that following nodes come from ("/encoder/layer.0/MatMul"); NULL ends it. Copied. */
TENON_EXPORT void tenonh_builder_location(tenonh_builder *builder, const char *name);

/* Adds an input of the function. `dims` may be NULL for rank 0. */
TENON_EXPORT tenonh_value *tenonh_build_input(tenonh_builder *builder, const char *name, tenon_dtype dtype,
                                              uint32_t rank, const tenonh_dim *const *dims);

/* Adds an output of the function. */
TENON_EXPORT void tenonh_build_output(tenonh_builder *builder, const char *name, tenonh_value *value);

/* Bytes of a constant, contiguous and row-major. Without `release` they are copied. With it they are borrowed (a mapped
 * file): nothing is copied, and release is called once when no module needs them, or at once when the call fails. */
typedef struct tenonh_bytes {
    const void *data;
    uint64_t size;
    void (*release)(void *context);
    void *context;
} tenonh_bytes;

/* Adds a constant. Errors: INVALID when size is not that of the elements. */
TENON_EXPORT tenonh_value *tenonh_build_constant(tenonh_builder *builder, const char *name, tenon_dtype dtype,
                                                 uint32_t rank, const int64_t *dims, const tenonh_bytes *bytes);

/* One element of value `number`, converted to dtype as the operator `cast` would, of rank 0. */
TENON_EXPORT tenonh_value *tenonh_build_scalar(tenonh_builder *builder, tenon_dtype dtype, double number);

/* An attribute: `count` integers at `values`, or expressions at `dims` when that is not NULL. Floating-point attributes
 * hold the bits of an f64 (tenonh_float_bits). */
typedef struct tenonh_attr {
    uint32_t id; /* TENON_ATTR_* */
    uint32_t count;
    const int64_t *values;
    const tenonh_dim *const *dims;
} tenonh_attr;

/* The bits of an f64, as attributes hold it. */
TENON_EXPORT int64_t tenonh_float_bits(double number);

/* Adds a base operator and gives its result 0. Dtype and dims of the results follow from the operator table; for fill,
 * iota, pad and random_bits the attribute `dims` says the result's. Operators that work in place take the value to work
 * on as one more, last, input (scatter: indices, updates, y; update_slice: x, start, y), which is left as it was unless
 * nobody else needs it. Scalars of fill, pad and random_bits stand in the attribute `scalars` (bits at the low end).
 * Errors: NULL after INVALID (operands, attributes), UNSUPPORTED (dims that can't be known). */
TENON_EXPORT tenonh_value *tenonh_build_op(tenonh_builder *builder, tenon_op op, tenonh_value *const *inputs,
                                           uint32_t input_count, const tenonh_attr *attrs, uint32_t attr_count);

/* Adds a named composite ("tenon.softmax") and gives its result 0. Optional inputs that are absent are NULL.
 * Version 0 is the newest. Errors: NULL after NOT_FOUND (no such composite), INVALID, UNSUPPORTED. */
TENON_EXPORT tenonh_value *tenonh_build_composite(tenonh_builder *builder, const char *name, uint32_t version,
                                                  tenonh_value *const *inputs, uint32_t input_count,
                                                  const tenonh_attr *attrs, uint32_t attr_count);

/* Result `index` of the node that gave `value`; NULL if it has none. */
TENON_EXPORT tenonh_value *tenonh_value_result(tenonh_value *value, uint32_t index);

/* Operators with regions. Inputs, regions, arguments of each region, what it yields, and results:
 *   IF     cond bool[]               then(), else()       each yields the results
 *   WHILE  carried...                while(carried...) yields bool[]; do(carried...) yields carried...; results: carried
 *   FOR    carried..., xs...         step(carried..., slices of xs along axis 0) yields carried..., ys...;
 *                                    results: carried..., ys stacked along a new axis 0. Attribute `axis`: the number
 *                                    of carried inputs; attribute `sizes`: steps (needed without xs);
 *                                    attribute `mode` 1: carried input 0 is bool[], and only while it is true a
 *                                    further step runs: `sizes` is then the most steps there may be
 * Attribute `axes` of loops: axes of carried values whose dims may change from step to step, each as
 * TENON_MAX_RANK * index + axis. A region sees all values defined before its node. */
enum { TENONH_CONTROL_IF = 1, TENONH_CONTROL_WHILE = 2, TENONH_CONTROL_FOR = 3 };

/* Starts such a node and enters its first region. */
TENON_EXPORT void tenonh_build_begin(tenonh_builder *builder, uint32_t control, tenonh_value *const *inputs,
                                     uint32_t input_count, const tenonh_attr *attrs, uint32_t attr_count);

/* Argument `index` of the region being built. */
TENON_EXPORT tenonh_value *tenonh_build_argument(tenonh_builder *builder, uint32_t index);

/* Ends the region being built with what it yields. Enters the node's next region and gives NULL, or, after the last one,
 * ends the node and gives its result 0 (NULL if it has none). */
TENON_EXPORT tenonh_value *tenonh_build_yield(tenonh_builder *builder, tenonh_value *const *values, uint32_t count);

/* Calls a finished function of the same module: inputs and results are those of the function. */
TENON_EXPORT tenonh_value *tenonh_build_call(tenonh_builder *builder, const char *function, tenonh_value *const *inputs,
                                             uint32_t input_count);

/* -- State: tensors that outlive a run (caches, parameters, generators) -------------------------------------------- */

/* Declares a state resource. Errors: INVALID when the name is taken. */
TENON_EXPORT tenon_status tenonh_module_state(tenonh_module *module, const char *name, tenon_dtype dtype, uint32_t rank,
                                              const tenonh_dim *const *dims);

/* Reads a state after the effect `token`, a value of dtype TENONH_TOKEN that is used once. Result 0 is the tensor,
 * result 1 the token after it. */
TENON_EXPORT tenonh_value *tenonh_build_read(tenonh_builder *builder, const char *state, tenonh_value *token);

/* Writes a state after the effect `token`; gives the token after it. */
TENON_EXPORT tenonh_value *tenonh_build_write(tenonh_builder *builder, const char *state, tenonh_value *value,
                                              tenonh_value *token);

TENON_EXTERN_C_END

#endif
