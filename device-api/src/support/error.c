#include "support/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[4096];

const char *tenonh_error_message(void) {
    return message;
}

tenon_status(tenon__fail)(tenon_status status, const char *format, ...) {
    char text[sizeof message]; /* the arguments may point into the present message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof message);
    return status;
}

tenon_status(tenon__fail_in)(tenon_status status, const char *format, ...) {
    char context[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    return tenon__fail(status, "%s: %s", context, message);
}

tenon_status(tenon__fail_memory)(void) {
    return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
}
