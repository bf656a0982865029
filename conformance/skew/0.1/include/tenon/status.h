/* Status codes: the closed set that every hook returns. */
#ifndef TENON_STATUS_H
#define TENON_STATUS_H

#include <tenon/abi.h>

/* X(value, NAME, meaning). A reader that meets a value it does not know reads it as INTERNAL (REQ-ERR-01). */
#define TENON_STATUS_TABLE(X)                                                                                          \
    X(0, OK, "success")                                                                                                \
    X(1, INVALID, "an argument breaks the call's contract")                                                            \
    X(2, UNSUPPORTED, "legal, but not offered here; nothing has happened")                                             \
    X(3, OUT_OF_MEMORY, "memory of the kind asked for is used up")                                                     \
    X(4, OUT_OF_RANGE, "an index that a kernel loaded lies outside its operand")                                       \
    X(5, NOT_READY, "not finished yet (queries only)")                                                                 \
    X(6, CANCELLED, "the host asked for the call to end early")                                                        \
    X(7, DEVICE_LOST, "the device is gone for good")                                                                   \
    X(8, INTERNAL, "a fault inside the callee")                                                                        \
    X(9, COMPILE_FAILED, "a compiler refused the source; the report holds its log")                                    \
    X(10, NOT_FOUND, "no such file, device, name or entry")                                                            \
    X(11, UNAVAILABLE, "what the call needs is not there: driver, device, compiler")                                   \
    X(12, TIMEOUT, "took longer than allowed")                                                                         \
    X(13, UNTRUSTED, "refused for its owner, mode or signature")                                                       \
    X(14, IO, "the operating system failed a file or process operation")                                               \
    X(15, BAD_DATA, "a file or message is malformed")                                                                  \
    X(16, FAILED_STREAM, "an earlier failure on the same stream makes this call void")

/* One of TENON_STATUS_*. Fixed-width so that the ABI holds no enum. */
typedef uint32_t tenon_status;

#define TENON__STATUS_CONSTANT(value, NAME, meaning) TENON_STATUS_##NAME = value,
enum { TENON_STATUS_TABLE(TENON__STATUS_CONSTANT) TENON_STATUS_COUNT };

/* Returns from the enclosing function with the status of `expr` unless it is OK. */
#define TENON_TRY(expr)                                                                                                \
    do {                                                                                                               \
        tenon_status tenon_try_ = (expr);                                                                              \
        if (tenon_try_ != TENON_STATUS_OK) return tenon_try_;                                                          \
    } while (0)

#endif
