/* Names that the importer knows: what the mutator renames to. */
#ifndef CONFORMANCE_FUZZ_ONNX_NAMES_H
#define CONFORMANCE_FUZZ_ONNX_NAMES_H

#include <stddef.h>

extern const char *const fuzz_operator_names[];
extern const size_t fuzz_operator_count;
extern const char *const fuzz_attribute_names[];
extern const size_t fuzz_attribute_count;

#endif
