/* replay FILE|FOLDER...: the target's entry on each file: what fuzzing once found must stay mended. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <tenon/types.h>

#include "fuzz.h"
#include "support/file.h"

enum { LIMIT = 1 << 26 };

static int run_file(const char *path) {
    uint8_t *bytes;
    size_t size;
    if (tenon__file_read(path, LIMIT, &bytes, &size) != TENON_STATUS_OK) {
        fprintf(stderr, "replay: %s\n", tenonh_error_message());
        return -1;
    }
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 1;
}

/* Number of files run, or -1. */
static int run_folder(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), ran = 0;
    if (count < 0) return perror(path), -1;
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && ran >= 0) ran = run_file(file) < 0 ? -1 : ran + 1;
        free(entries[i]);
    }
    free((void *)entries);
    return ran;
}

int main(int argc, char **argv) {
    int total = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        int ran = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
        if (ran < 0) return EXIT_FAILURE;
        total += ran;
    }
    printf("%d inputs\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
