/* Compiled sources as loaded shared objects: each source once per device, from the disk cache where it is there. */
#ifndef CPU_LIBRARY_H
#define CPU_LIBRARY_H

#include "cpu.h"

typedef struct cpu_libraries cpu_libraries;
typedef struct cpu_library cpu_library;

/* Errors: OUT_OF_MEMORY. */
tenon_status cpu_libraries_create(tenon_device *device, cpu_libraries **out_libraries);

/* All libraries must have been released. */
void cpu_libraries_destroy(tenon_device *device, cpu_libraries *libraries);

/* The loaded object of a source, compiled if need be. Two threads that ask for one source compile it once.
 * Errors: those of cpu_compile, IO, OUT_OF_MEMORY, with a report. */
tenon_status cpu_library_get(tenon_device *device, const tenon_work *work, const char *source, size_t size,
                             cpu_library **out_library);
void cpu_library_release(tenon_device *device, cpu_library *library);

/* Address of a symbol, NULL if there is none. */
void *cpu_library_find(cpu_library *library, const char *name);

#endif
