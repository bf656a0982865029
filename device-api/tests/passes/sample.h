/* Functions made of rules' source patterns: the table of rules is the table of these tests' rows. */
#ifndef TENON_TESTS_PASSES_SAMPLE_H
#define TENON_TESTS_PASSES_SAMPLE_H

#include "passes/passes.h"
#include "passes/rule.h"

/* Symbols of a sample and the numbers that they stand for when it is evaluated. */
enum { SAMPLE_SYMBOLS = 3, SAMPLE_MAX_INPUTS = 24 };
extern const char *const sample_symbols[SAMPLE_SYMBOLS];

typedef struct sample_options {
    uint64_t seed;
    tenon_dtype dtype; /* of the operands of the root */
    bool symbolic;     /* some dims are symbols */
    uint32_t depth;    /* variables may be other rules' sources, nested so deep */
} sample_options;

/* A module whose `main` is the source of the rule, its variables being inputs; built as it stands, nothing simplified.
 * NULL: this seed makes none (a dtype the operator does not take, dims that do not fit). */
tenonh_module *sample_rule(const tenon__rule *rule, const sample_options *options);

/* `main` with numbers for its symbols, nothing simplified. */
tenonh_module *sample_numbers(const tenonh_module *module, const int64_t *numbers);

/* Values for the inputs of a concrete `main`, special ones among them. Owner: the caller frees each data. */
void sample_inputs(const tenonh_module *module, uint64_t seed, tenon__tensor *out_inputs);

/* A random number below `limit`; moves the seed on. */
uint32_t sample_below(uint64_t *seed, uint32_t limit);

#endif
