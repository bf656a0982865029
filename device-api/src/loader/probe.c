#include "loader/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/verdicts.h"

#ifndef TENON__LIBEXEC
#define TENON__LIBEXEC "../libexec" /* from the folder of the library */
#endif

/* From the folder of libtenon, or of the program that it is linked into: which may lie beside the probe. */
static const char *const places[] = {TENON__LIBEXEC "/tenon/tenon-probe", "../libexec/tenon/tenon-probe",
                                     "tenon-probe"};

/* The first place where there is a file, resolved. */
static char *find_program(void) {
    char path[PATH_MAX];
    char *own = tenon__trust_own_path(), *slash = own ? strrchr(own, '/') : NULL, *found = NULL;
    if (slash) *slash = '\0';
    for (size_t i = 0; slash && !found && i < sizeof places / sizeof places[0]; i++)
        if (snprintf(path, sizeof path, "%s/%s", own, places[i]) < (int)sizeof path) found = realpath(path, NULL);
    free(own);
    return found;
}

/* 1 when the program may be run; else the reason. */
static int check_program(tenon__prober *prober, const tenon__trust *trust) {
    tenon__verdict verdict = {0};
    if (!prober->program)
        (void)snprintf(prober->why, sizeof prober->why, "there is no libexec/tenon/tenon-probe beside the library");
    else if (tenon__trust_path(trust, prober->program, &verdict) != TENONH_REASON_OK)
        (void)snprintf(prober->why, sizeof prober->why, "%.200s is not trusted: %.200s", prober->program,
                       verdict.detail);
    else if (stat(prober->program, &prober->facts) != 0 || !S_ISREG(prober->facts.st_mode) ||
             access(prober->program, X_OK) != 0)
        (void)snprintf(prober->why, sizeof prober->why, "%.200s cannot be run", prober->program);
    else
        return 1;
    return 0;
}

static void find_folder(tenon__prober *prober) {
    char folder[PATH_MAX];
    if (prober->strict)
        (void)snprintf(prober->folder_why, sizeof prober->folder_why, "this process has raised privileges");
    else if (tenon__verdicts_find(folder, prober->folder_why, sizeof prober->folder_why))
        prober->folder = strdup(folder);
}

void tenon__prober_init(tenon__prober *out_prober, uint32_t mode, const tenon__trust *trust) {
    memset(out_prober, 0, sizeof *out_prober);
    out_prober->mode = mode;
    out_prober->strict = trust->strict;
    if (mode == TENONH_PROBE_NEVER) {
        (void)snprintf(out_prober->why, sizeof out_prober->why, "the application asked for none");
        return;
    }
    out_prober->program = find_program();
    if (check_program(out_prober, trust)) {
        find_folder(out_prober);
        return;
    }
    free(out_prober->program);
    out_prober->program = NULL;
}

void tenon__prober_free(tenon__prober *prober) {
    free(prober->program);
    free(prober->folder);
}

tenon__probed tenon__probe(const tenon__prober *prober, tenon__probe_try what, const char *path,
                           const struct stat *file, tenon__verdict *out_verdict) {
    tenon__verdict_key key;
    if (!prober->program) {
        tenon__refuse(out_verdict, TENONH_REASON_OK, "%s", prober->why);
        return TENON__PROBED_NOT;
    }
    if (what == TENON__TRY_OPEN && !prober->folder && prober->mode != TENONH_PROBE_ALWAYS) {
        tenon__refuse(out_verdict, TENONH_REASON_OK, "%s", prober->folder_why);
        return TENON__PROBED_NOT;
    }
    tenon__verdict_key_fill(&key, what, &prober->facts, file);
    if (prober->folder && prober->mode == TENONH_PROBE_CACHED &&
        tenon__verdicts_read(prober->folder, &key, (int64_t)time(NULL), out_verdict))
        return TENON__PROBED_KEPT;
    tenon__probe_outcome outcome = tenon__probe_run(prober->program, what, path, prober->strict, out_verdict);
    if (outcome == TENON__PROBE_UNAVAILABLE) return TENON__PROBED_NOT;
    if (prober->folder) tenon__verdicts_write(prober->folder, &key, (int64_t)time(NULL), out_verdict);
    return TENON__PROBED_FRESH;
}
