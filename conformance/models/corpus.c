/* tenon-corpus: makes the weights of the models in this folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/host/error.h>

#include "fill.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: tenon-corpus fill DIR [OUTPUT]\n"
    "\n"
    "Regenerates the weights that the table DIR/weights.json describes and writes them to OUTPUT,\n"
    "DIR/weights.bin unless given. The file is complete or not there at all.\n";

static int fill(const char *folder, const char *output) {
    char *table = NULL, *place = NULL;
    uint64_t bytes;
    if (asprintf(&table, "%s/weights.json", folder) < 0) return EXIT_FAILED;
    if (!output && asprintf(&place, "%s/weights.bin", folder) < 0) {
        free(table);
        return EXIT_FAILED;
    }
    const char *target = output ? output : place;
    tenon_status status = models_fill(table, target, &bytes);
    if (status == TENON_STATUS_OK)
        printf("%s: %llu bytes\n", target, (unsigned long long)bytes);
    else
        fprintf(stderr, "tenon-corpus: %s\n", tenonh_error_message());
    free(table);
    free(place);
    return status == TENON_STATUS_OK ? EXIT_OK : EXIT_FAILED;
}

int main(int count, char **arguments) {
    if (count == 2 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if ((count == 3 || count == 4) && strcmp(arguments[1], "fill") == 0)
        return fill(arguments[2], count == 4 ? arguments[3] : NULL);
    fputs(usage, stderr);
    return EXIT_USAGE;
}
