/* Runs a module written as text on the host: concretised, decomposed, verified, evaluated. */
#ifndef TENON_TESTS_PASSES_RUN_H
#define TENON_TESTS_PASSES_RUN_H

#include <check.h>

#include "passes/passes.h"

enum { TEST_MAX = 8 };

/* A tensor as doubles, whatever its dtype: every value that these tests use is one. */
typedef struct test_tensor {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    int64_t count;
    double *values; /* free() */
} test_tensor;

/* Zeros. */
test_tensor test_tensor_of(tenon_dtype dtype, uint32_t rank, const int64_t *dims);
void test_free(test_tensor *tensors, uint32_t count);

/* Values between low and high, each one of the dtype; the same for the same seed. */
void test_fill(test_tensor *tensor, uint64_t seed, double low, double high);

/* The value of `dtype` nearest to a double. */
double test_rounded(tenon_dtype dtype, double value);

/* Parses the module, runs its main, and gives its outputs. Fails the test, with `name`, when anything fails. */
uint32_t test_run(const char *name, const char *text, const test_tensor *inputs, uint32_t input_count,
                  test_tensor *outputs);

/* The same for one node: `node` uses the inputs as %0, %1 ...; `results` are its types ("f32[2], i64[2]"). */
uint32_t test_run_node(const char *name, const char *node, const char *results, const test_tensor *inputs,
                       uint32_t input_count, test_tensor *outputs);

/* The error that running it gives; fails the test when it gives none. */
const char *test_run_error(const char *text, const test_tensor *inputs, uint32_t input_count);

/* |got - wanted| <= relative * |wanted| + absolute; NaN and infinities alike. */
void test_expect(const char *name, const test_tensor *got, const double *wanted, double relative, double absolute);

/* By number of composite: met in a module that ran. */
extern bool test_met[];

#endif
