/* The thread's error message. A failing function composes it once, where the fault is known; callers pass the status on
 * and may put context before it. */
#ifndef TENON__SUPPORT_ERROR_H
#define TENON__SUPPORT_ERROR_H

#include <tenon/host/error.h>

/* Sets the thread's message and returns `status`. */
__attribute__((format(printf, 2, 3))) tenon_status tenon__fail(tenon_status status, const char *format, ...);

/* Puts "context: " before the thread's message and returns `status`; for callers that know where it happened. */
__attribute__((format(printf, 2, 3))) tenon_status tenon__fail_in(tenon_status status, const char *format, ...);

/* The same for OUT_OF_MEMORY of host memory. */
tenon_status tenon__fail_memory(void);

/* A failure's status, which the compiler then sees is not OK: it can follow out_ parameters past TENON_TRY. */
static inline tenon_status tenon__not_ok(tenon_status status) {
    return status != TENON_STATUS_OK ? status : TENON_STATUS_INTERNAL;
}
#define tenon__fail(...)     tenon__not_ok(tenon__fail(__VA_ARGS__))
#define tenon__fail_in(...)  tenon__not_ok(tenon__fail_in(__VA_ARGS__))
#define tenon__fail_memory() tenon__not_ok(tenon__fail_memory())

#endif
