/* The command line of `tenon test`, which is that of tenon-conformance. */
#ifndef TENON_HARNESS_OPTIONS_H
#define TENON_HARNESS_OPTIONS_H

#include "harness/crew.h"

enum { CFH_MOST_FILTERS = 64 };

typedef struct cfh_options {
    cfh_setup setup;
    uint32_t profile; /* CF_PROFILE_* bits; 0: what the device takes */
    const char *filters[CFH_MOST_FILTERS];
    uint32_t filter_count;
    uint32_t repeat; /* runs at the least */
    bool shuffle, quick, list, mutants;
    const char *records, *resume;                     /* files, or NULL */
    const char *junit, *json, *html, *known_failures; /* likewise */
} cfh_options;

/* 0, -1 after help was printed, or an exit code after a message. Owner: cfh_options_free. Strings point into the
 * arguments. */
int cfh_options_parse(int count, char **arguments, cfh_options *out_options);
void cfh_options_free(cfh_options *options);

/* "runtime,base" as bits; 0 after a message. */
uint32_t cfh_profiles_parse(const char *text);
/* The same back, into one of two buffers in turn. */
const char *cfh_profiles_text(uint32_t profiles);

#endif
