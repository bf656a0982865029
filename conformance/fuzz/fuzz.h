/* What the fuzz targets share. Each target is a file fuzz_<name>.c with libFuzzer's entry; it must never crash, leak,
 * hang, or take more memory than the input warrants, whatever the bytes are. */
#ifndef CONFORMANCE_FUZZ_FUZZ_H
#define CONFORMANCE_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include <tenon/host/graph.h>

/* One input. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the process when `holds` is 0: a promise of the library is broken. */
void fuzz_check(int holds, const char *promise);

/* What a session does with a module before it reaches a device: text and back, numbers for dims, decomposition. */
void fuzz_module(const tenonh_module *module);

/* A file with these bytes under a name of this process's own, written anew each time. Owner: static. */
const char *fuzz_file(const uint8_t *data, size_t size);

#endif
