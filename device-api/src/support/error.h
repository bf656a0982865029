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

#endif
