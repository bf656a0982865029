/* Where plugins are looked for, in order. */
#ifndef TENON__LOADER_SEARCH_H
#define TENON__LOADER_SEARCH_H

#include <stdint.h>

#include <tenon/status.h>

#define TENON__SEARCH_VARIABLE "TENON_PLUGIN_PATH"

/* Receives the path of each candidate file; a status other than OK ends the search. */
typedef tenon_status (*tenon__search_function)(void *context, const char *path);

/* Receives what the search says for the log. */
typedef void (*tenon__search_note_function)(void *context, uint32_t level, const char *text);

typedef struct tenon__search {
    uint32_t strict; /* raised privileges: the environment is ignored */
    tenon__search_function found;
    tenon__search_note_function note;
    void *context;
} tenon__search;

/* Walks the search order of tenonh_registry_create. Folders that are not there are no error.
 * Errors: what `found` answers, OUT_OF_MEMORY. */
tenon_status tenon__search_run(const tenon__search *search);

/* Receives a place that is searched and where it is named: TENON__SEARCH_VARIABLE, or words. It need not be there. */
typedef tenon_status (*tenon__place_function)(void *context, const char *path, const char *origin);

/* Walks the places in order. Errors: what `place` answers, OUT_OF_MEMORY. */
tenon_status tenon__search_places(uint32_t strict, tenon__place_function place, void *context);

/* Number of files in a folder that are named like plugins; -1 with errno. */
int tenon__search_count(const char *folder);

#endif
