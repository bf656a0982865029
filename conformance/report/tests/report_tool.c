/* report_tool make KIND FILE PLUGIN [VARIANT]: writes records for tests. report_tool report ...: `tenon report ...`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/tests/make.h"

static int kind_of(const char *name) {
    static const char *const names[] = {
#define NAME(NAME, name) name,
        MAKE_KIND_TABLE(NAME)
#undef NAME
    };
    for (int i = 0; i < MAKE_KIND_COUNT; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "report") == 0) return report_main(count - 2, arguments + 2);
    if (count < 5 || strcmp(arguments[1], "make") != 0 || kind_of(arguments[2]) < 0) {
        fputs("usage: report_tool make KIND FILE PLUGIN [VARIANT] | report ...\n", stderr);
        return 2;
    }
    unsigned variant = count > 5 ? (unsigned)strtoul(arguments[5], NULL, 10) : 0;
    return make_records(kind_of(arguments[2]), arguments[3], arguments[4], variant) ? 0 : 1;
}
