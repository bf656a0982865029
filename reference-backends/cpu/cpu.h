/* What every file of the cpu backend shares: the instance, the device, and how failures are told to the host. */
#ifndef CPU_H
#define CPU_H

#include "isa.h"
#include "machine.h"

#include <stdatomic.h>
#include <tenon/helpers.h>
#include <tenon/plugin.h>

#define CPU_VERSION "0.1.0"

struct cpu_pool;
struct cpu_compiler;
struct cpu_libraries;

struct tenon_instance {
    const tenon_host *host;
};

struct tenon_device {
    const tenon_host *host;
    struct cpu_pool *pool; /* shared by all devices of the process */
    cpu_machine machine;
    cpu_isa isa;                     /* what kernels may use */
    struct cpu_compiler *compiler;   /* NULL: no kernel work */
    struct cpu_libraries *libraries; /* what it compiled; NULL without one */
    tenon_dialect dialect;
    _Atomic uint64_t allocated; /* bytes of device memory handed out */
};

/* Tells the host in words (printf-style) why something fails; stream and exec are NULL where they do not apply. */
void cpu_report(const tenon_device *device, tenon_stream *stream, tenon_exec *exec, tenon_status status,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same as an expression that gives the status. Macros, so that compilers see that a failure is not OK. */
#define cpu_fail(device, status, ...) (cpu_report((device), NULL, NULL, (status), __VA_ARGS__), (status))
#define cpu_fail_on(device, stream, exec, status, ...)                                                                 \
    (cpu_report((device), (stream), (exec), (status), __VA_ARGS__), (status))

/* Zeroed memory of the host, aligned to 64 bytes; NULL when there is none. */
void *cpu_allocate(const tenon_device *device, size_t size);
void cpu_release(const tenon_device *device, void *pointer);

#endif
