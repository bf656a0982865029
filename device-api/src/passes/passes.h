/* Passes: module in, new module out. None changes its input; all share its constants. Each leaves a verified module
 * without dead nodes, whose functions keep the names of their inputs and outputs.
 * Thread: any; the input is only read. */
#ifndef TENON_PASSES_PASSES_H
#define TENON_PASSES_PASSES_H

#include "graph/build.h"
#include "passes/rewrite.h"

/* Dims of one input of a function, and its elements where dims are computed from them. */
typedef struct tenon__input_dims {
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    const void *values; /* contiguous, copied; NULL: only known when it runs. The input then counts as constant */
} tenon__input_dims;

/* Marks the inputs whose values decide dims (a shape that is an input, and all that it is computed from): without them
 * concretising may answer UNSUPPORTED. `out_flags` has an entry per input: 1 or 0. Errors: OUT_OF_MEMORY. */
tenon_status tenon__shape_inputs(const tenonh_function *function, uint8_t *out_flags);

#define TENON__UNBOUND INT64_MIN

/* Numbers for the symbols of the function's module from the dims of its inputs; `dims[i]` has the rank of input i.
 * `symbols` has an entry per symbol, by number: a value known beforehand, or TENON__UNBOUND, which stays where the inputs
 * do not decide (symbols that are no input's). Allocates nothing. Errors: INVALID naming the input and dim that do not fit. */
tenon_status tenon__bind_symbols(const tenonh_function *function, const int64_t *const *dims, int64_t *symbols);

/* Function `name` for inputs of the given dims: binds symbols, makes every dim and attribute a number, resolves shape
 * composites, folds constants, takes conditionals with constant conditions, unrolls counted loops, expands calls, drops what
 * does nothing, nothing uses, or is there twice. The result's "main" has the same inputs and outputs.
 * Inputs that are given with values are constants inside; they stay inputs all the same.
 * Errors: INVALID naming the input and dim that does not fit, or the node whose dims can't be; UNSUPPORTED for a value
 * whose dims depend on data that is not constant. */
tenon_status tenon__concretize(const tenonh_module *module, const char *name, const tenon__input_dims *inputs,
                               uint32_t input_count, const tenon__fold_budget *budget, tenonh_module **out_module);

/* The same with symbols left as they are: resolves, folds and takes what does not depend on their values. */
tenon_status tenon__simplify_symbolic(const tenonh_module *module, const char *name, const tenon__fold_budget *budget,
                                      tenonh_module **out_module);

/* Expands the composites of "main" that are not claimed, those inside of them too, down to base operators and
 * tenon.concat; then cleans up as concretize does. Works on symbolic and concrete modules.
 * Errors: UNSUPPORTED naming a composite without a decomposition, or one that needs numbers where there are symbols. */
tenon_status tenon__decompose(const tenonh_module *module, tenon__claim claim, void *context,
                              tenonh_module **out_module);

typedef struct tenon__optimize_options {
    const uint8_t *rules; /* those that tenon__rules_select chose; NULL: all */
    tenon__claim claim;   /* as for decompose */
    void *claim_context;
} tenon__optimize_options;

/* The pass driver: rules for composites until none fires, decompose, rules for base operators until none fires; constants
 * folded, equal nodes merged and dead ones dropped on the way. Works on symbolic and concrete modules; results equal the
 * source's as the rules say (rules.def). `report`, or NULL, hears of all of it.
 * Errors: as decompose. */
tenon_status tenon__optimize(const tenonh_module *module, const tenon__optimize_options *options, tenon__report *report,
                             tenonh_module **out_module);

/* -- Evaluation on the host: exact, and as slow as it likes --------------------------------------------------------- */

/* A tensor in host memory: element (i0, i1, ...) at data + sum of i * strides elements. */
typedef struct tenon__tensor {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    int64_t strides[TENON_MAX_RANK];
    void *data;
} tenon__tensor;

/* Row-major strides for tensor->dims. */
void tenon__tensor_pack(tenon__tensor *tensor);
int64_t tenon__tensor_elements(const tenon__tensor *tensor);

/* Runs one base operator of a concrete function. Inputs have the operands' types; for views the output becomes a view
 * of input 0 and out_results[0].data is set; else out_results point to memory for contiguous results, which an in-place
 * operator fills from its last operand first. Errors: INVALID, OUT_OF_RANGE (an index), UNSUPPORTED (dtype). */
tenon_status tenon__eval_node(const tenonh_node *node, const tenon__tensor *operands, tenon__tensor *results);

/* Runs a concrete, decomposed "main" (tests, small graphs). `inputs` are contiguous; outputs are malloc'ed, contiguous:
 * free each data. Errors: as eval_node; UNSUPPORTED for control and state. */
tenon_status tenon__eval_function(const tenonh_module *module, const tenon__tensor *inputs, tenon__tensor *outputs);

#endif
