/* A plugin's shared object: opened, its entry found, its storage known. */
#ifndef TENON__LOADER_LIBRARY_H
#define TENON__LOADER_LIBRARY_H

#include <stddef.h>

#include <tenon/plugin.h>

#include "loader/reason.h"

typedef struct tenon__library {
    void *handle;
    tenon_plugin_query_function query;
} tenon__library;

/* Opens the file RTLD_NOW | RTLD_LOCAL and finds tenon_plugin_query in it (not in a library that it links).
 * Owner: the caller closes it, unless the plugin's open hook has run. */
tenonh_reason tenon__library_open(const char *path, tenon__library *out_library, tenon__verdict *verdict);
void tenon__library_close(tenon__library *library);

/* Bytes from `pointer` to the end of the segment of the library that it lies in; 0 when it lies in none. */
size_t tenon__library_extent(const tenon__library *library, const void *pointer);

/* `text` when it is a string in the library's own storage, "" when it is NULL, else NULL. */
const char *tenon__library_string(const tenon__library *library, const char *text);

#endif
