/* Before a plugin is first loaded, and before it is first opened: a kept verdict, or a run of the probe. */
#ifndef TENON__LOADER_PROBE_H
#define TENON__LOADER_PROBE_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "loader/probe_run.h"
#include "loader/trust.h"

/* How a registry probes; fixed when it is made. */
typedef struct tenon__prober {
    uint32_t mode; /* TENONH_PROBE_* */
    uint32_t strict;
    char *program;         /* absolute path; NULL: there is none that may be used, or the mode says never */
    char *folder;          /* of kept verdicts; NULL: none */
    struct stat facts;     /* of the program */
    char why[512];         /* there is no program */
    char folder_why[512];  /* there is no folder */
    _Atomic uint32_t told; /* that plugins are loaded without a probe */
} tenon__prober;

/* Owner: the caller, until tenon__prober_free. */
void tenon__prober_init(tenon__prober *out_prober, uint32_t mode, const tenon__trust *trust);
void tenon__prober_free(tenon__prober *prober);

typedef enum tenon__probed {
    TENON__PROBED_KEPT,  /* the verdict was kept from before */
    TENON__PROBED_FRESH, /* the probe ran */
    TENON__PROBED_NOT    /* no probe could run: `why` of the verdict's detail; the verdict is OK */
} tenon__probed;

/* Judges a plugin that passed everything short of loading, or of opening; `file` is what was judged until then.
 * Opening is tried only where its verdict can be kept: it starts drivers, which must not happen twice each time. */
tenon__probed tenon__probe(const tenon__prober *prober, tenon__probe_try what, const char *path,
                           const struct stat *file, tenon__verdict *out_verdict);

#endif
