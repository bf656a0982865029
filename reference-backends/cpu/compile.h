/* The system's C compiler. Found once, by TENON_CC or as cc, gcc or clang in PATH; run as a program, never through a
 * shell. A process with raised rights has no compiler: PATH is not its own then. */
#ifndef CPU_COMPILE_H
#define CPU_COMPILE_H

#include "cpu.h"

typedef struct cpu_compiler cpu_compiler;

/* *out_compiler is NULL where there is none. Errors: OUT_OF_MEMORY. */
tenon_status cpu_compiler_find(const tenon_device *device, cpu_compiler **out_compiler);
void cpu_compiler_free(const tenon_device *device, cpu_compiler *compiler);

/* Everything that the compiled result depends on besides the source: program, its version, options. Made at the first
 * call, which runs the compiler. Owner: the compiler. Thread: thread-safe. */
const char *cpu_compiler_identity(cpu_compiler *compiler);

/* Compiles C11 text into the shared object `output`, an absolute path. `work` is asked for cancellation.
 * Errors: COMPILE_FAILED with the compiler's words reported, CANCELLED, TIMEOUT, IO, OUT_OF_MEMORY. */
tenon_status cpu_compile(tenon_device *device, const tenon_work *work, const char *source, size_t source_size,
                         const char *output);

#endif
