/* Where plugins are looked for, in order. */
#ifndef TENON__LOADER_SEARCH_H
#define TENON__LOADER_SEARCH_H

#include <tenon/status.h>

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

#endif
