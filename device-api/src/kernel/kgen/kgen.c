/* tenon-kgen: writes the ahead-of-time kernels of the cpu backend as C, see reference-backends/cpu/KERNELS.md. */
#include "kernel/kgen/kgen.h"

#include <tenon/host/error.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/error.h"

enum { MAX_ISAS = 8, MAX_PARTS = 64 };

static const kgen_isa isas[] = {
    {"baseline", 16, 16, TENON_FEATURE_F64 | TENON_FEATURE_VECTORS},
    {"avx2", 32, 16, TENON_FEATURE_F64 | TENON_FEATURE_VECTORS | TENON_FEATURE_FMA},
    {"avx512", 64, 32, TENON_FEATURE_F64 | TENON_FEATURE_VECTORS | TENON_FEATURE_FMA},
};

const kgen_isa *kgen_isa_of(const char *name) {
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if (strcmp(isas[i].name, name) == 0) return &isas[i];
    return NULL;
}

tenon_status kgen_open(const char *folder, const char *name, FILE **out_file) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return tenon__fail(TENON_STATUS_INVALID, "the path of %s is too long", name);
    *out_file = fopen(path, "w");
    return *out_file ? TENON_STATUS_OK : tenon__fail(TENON_STATUS_IO, "cannot write %s: %s", path, strerror(errno));
}

tenon_status kgen_close(FILE *file, const char *name) {
    bool failed = ferror(file);
    failed = fclose(file) != 0 || failed;
    return failed ? tenon__fail(TENON_STATUS_IO, "cannot write %s: %s", name, strerror(errno)) : TENON_STATUS_OK;
}

/* -- Command line ------------------------------------------------------------------------------------------------- */

typedef struct options {
    const char *folder;
    const kgen_isa *isas[MAX_ISAS]; /* the baseline first */
    uint32_t isa_count;
    uint32_t parts;
} options;

static const char usage[] =
    "usage: tenon-kgen --out DIR --isas baseline[,avx2][,avx512] --parts N\n"
    "\n"
    "Writes cpu_kernels_ISA_0.c ... cpu_kernels_ISA_<N-1>.c and cpu_kernels_ISA_table.c into DIR, for each ISA, and\n"
    "cpu_kernels_general_0.c ... for the baseline.\n";

static tenon_status parse_isas(char *list, options *out_options) {
    char *rest = NULL;
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        const kgen_isa *isa = kgen_isa_of(name);
        if (!isa || out_options->isa_count == MAX_ISAS)
            return tenon__fail(TENON_STATUS_INVALID, "no instruction set %s: give baseline, avx2, avx512", name);
        out_options->isas[out_options->isa_count++] = isa;
    }
    if (out_options->isa_count == 0 || out_options->isas[0] != &isas[0])
        return tenon__fail(TENON_STATUS_INVALID, "the first of --isas is baseline: the others lean on it");
    return TENON_STATUS_OK;
}

static tenon_status parse(int count, char **arguments, options *out_options) {
    for (int i = 1; i + 1 < count; i += 2) {
        char *value = arguments[i + 1];
        if (strcmp(arguments[i], "--out") == 0)
            out_options->folder = value;
        else if (strcmp(arguments[i], "--isas") == 0)
            TENON_TRY(parse_isas(value, out_options));
        else if (strcmp(arguments[i], "--parts") == 0)
            out_options->parts = (uint32_t)strtoul(value, NULL, 10);
        else
            return tenon__fail(TENON_STATUS_INVALID, "unknown option %s", arguments[i]);
    }
    if (count % 2 == 0 || !out_options->folder || !out_options->isa_count)
        return tenon__fail(TENON_STATUS_INVALID, "--out and --isas are needed");
    if (out_options->parts < 1 || out_options->parts > MAX_PARTS)
        return tenon__fail(TENON_STATUS_INVALID, "--parts is 1 ... %d", MAX_PARTS);
    return TENON_STATUS_OK;
}

/* -- Run ---------------------------------------------------------------------------------------------------------- */

static tenon_status make_all(const options *o, const kgen_patterns *patterns, kgen_output *outputs) {
    for (uint32_t i = 0; i < o->isa_count; i++) {
        TENON_TRY(kgen_make(o->isas[i], patterns, o->folder, o->parts, &outputs[i]));
        TENON_TRY(kgen_write_table(&outputs[i], &outputs[0], patterns, o->folder));
    }
    return TENON_STATUS_OK;
}

static tenon_status run(const options *o) {
    kgen_patterns patterns;
    kgen_output outputs[MAX_ISAS] = {0};
    tenon_status status = kgen_patterns_make(&patterns);
    if (status != TENON_STATUS_OK)
        status = tenon__fail_memory();
    else
        status = make_all(o, &patterns, outputs);
    for (uint32_t i = 0; i < MAX_ISAS; i++) kgen_output_free(&outputs[i]);
    kgen_patterns_free(&patterns);
    return status;
}

int main(int count, char **arguments) {
    options o = {.parts = 1};
    if (count == 2 && strcmp(arguments[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    tenon_status status = parse(count, arguments, &o);
    if (status != TENON_STATUS_OK) {
        fprintf(stderr, "tenon-kgen: %s\n%s", tenonh_error_message(), usage);
        return 2;
    }
    status = run(&o);
    if (status != TENON_STATUS_OK) fprintf(stderr, "tenon-kgen: %s\n", tenonh_error_message());
    return status == TENON_STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
