/* What a filter may have meant that no row matches. */
#ifndef TENON_HARNESS_HINT_H
#define TENON_HARNESS_HINT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/suite.h"

/* "--filter 'map_ad' matches no row; cases of names like it: map_add, map_and". The case of that name, whose rows have
 * other names, or that is in another profile than `profiles`, is told as such. listed: a worker's answer to "list".
 * table: every case of the suite. */
void cfh_hint_write(const char *filter, const cJSON *listed, const cf_case *table, uint32_t count, uint32_t profiles,
                    char *out_text, size_t size);

#endif
