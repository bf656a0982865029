/* A verdict on a plugin: the reason, and the words that only the place of the fault knows. */
#ifndef TENON__LOADER_REASON_H
#define TENON__LOADER_REASON_H

#include <tenon/host/registry.h>

typedef struct tenon__verdict {
    tenonh_reason reason;
    char detail[768];
} tenon__verdict;

/* Sets the verdict and returns `reason`. */
__attribute__((format(printf, 3, 4))) tenonh_reason tenon__refuse(tenon__verdict *verdict, tenonh_reason reason,
                                                                  const char *format, ...);

/* Returns from the enclosing function with the reason of `expr` unless it is OK. */
#define TENON__ACCEPT(expr)                                                                                            \
    do {                                                                                                               \
        tenonh_reason accept_ = (expr);                                                                                \
        if (accept_ != TENONH_REASON_OK) return accept_;                                                               \
    } while (0)

#endif
