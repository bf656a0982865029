/* What a registry finds in the places that it uses, each with what mends it: the library's part of `tenon doctor`. */
#ifndef TENON_HOST_DIAGNOSE_H
#define TENON_HOST_DIAGNOSE_H

#include <tenon/host/registry.h>

TENON_EXTERN_C_BEGIN

/* PASS: as it should be. WARN: it works, but not as well, or not as asked. FAIL: something that is there cannot be used.
 * SKIP: there is nothing to look at. */
enum { TENONH_FINDING_PASS = 0, TENONH_FINDING_WARN = 1, TENONH_FINDING_FAIL = 2, TENONH_FINDING_SKIP = 3 };

/* Strings live during the call that receives them. Grows at its end. Since: 0.2 */
typedef struct tenonh_finding {
    uint32_t struct_size;
    uint32_t result;      /* TENONH_FINDING_* */
    tenonh_reason reason; /* of a FAIL or a refused plugin; else OK */
    uint32_t reserved;
    const char *area;    /* "process", "layers", "search", "probe", "cache", "plugin" */
    const char *subject; /* a path, a variable, "" */
    const char *text;    /* what was found, in words */
    const char *fix;     /* what to do; "" where nothing is to be done */
} tenonh_finding;

typedef void (*tenonh_finding_function)(void *context, const tenonh_finding *finding);

/* Looks at the process's privileges, layers, each place of the search order, the probe, the folder of kept verdicts and
 * each plugin of the registry, in this order, and tells each finding. Opens no plugin.
 * Errors: INVALID, UNAVAILABLE (after a fork), OUT_OF_MEMORY. Thread: any; `found` is called on this one. Since: 0.2 */
TENON_EXPORT tenon_status tenonh_registry_diagnose(tenonh_registry *registry, tenonh_finding_function found,
                                                   void *context);

TENON_EXTERN_C_END

#endif
