/* Regenerates a model's weights from their names; README.md beside this file has the formula. */
#ifndef CONFORMANCE_MODELS_FILL_H
#define CONFORMANCE_MODELS_FILL_H

#include <stdint.h>

#include <tenon/status.h>

/* Writes `output` (weights.bin) from the table at `table` (weights.json): the whole file or nothing.
 * Units: *out_bytes, which may be NULL, gets the length of the file.
 * Errors: NOT_FOUND, IO, BAD_DATA naming the entry, OUT_OF_MEMORY. Thread: any. */
tenon_status models_fill(const char *table, const char *output, uint64_t *out_bytes);

/* Checks the table and gives the length of the file that it makes. Errors: NOT_FOUND, IO, BAD_DATA naming the entry,
 * OUT_OF_MEMORY. */
tenon_status models_measure(const char *table, uint64_t *out_bytes);

#endif
