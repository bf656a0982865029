/* What went wrong, in words. Every function of the host API returns a tenon_status; when it is not OK, the calling
 * thread's message says what, where, and what to do. */
#ifndef TENON_HOST_ERROR_H
#define TENON_HOST_ERROR_H

#include <tenon/status.h>

TENON_EXTERN_C_BEGIN

/* The message of this thread's latest failed call; "" before the first.
 * Owner: the library, until the thread's next call that fails. Thread: each thread has its own. */
TENON_EXPORT const char *tenonh_error_message(void);

TENON_EXTERN_C_END

#endif
