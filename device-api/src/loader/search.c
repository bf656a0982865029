#include "loader/search.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/host.h>

#include "loader/trust.h"
#include "support/error.h"
#include "support/text.h"

#ifndef TENON__LIBDIR
#define TENON__LIBDIR "lib" /* of the installed tree, relative to the prefix */
#endif
#ifndef TENON__LIBEXECDIR
#define TENON__LIBEXECDIR       "libexec"
#define TENON__LIB_FROM_LIBEXEC "../../lib" /* from the folder `tenon` in it */
#endif

__attribute__((format(printf, 3, 4))) static void note(const tenon__search *search, uint32_t level, const char *format,
                                                       ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    search->note(search->context, level, text);
}

static int is_plugin_name(const struct dirent *entry) {
    static const char before[] = "libtenon_", after[] = ".so";
    size_t length = strlen(entry->d_name);
    return length > sizeof before + sizeof after - 2 && strncmp(entry->d_name, before, sizeof before - 1) == 0 &&
           strcmp(entry->d_name + length - (sizeof after - 1), after) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name); /* the same order in every locale */
}

static tenon_status offer(const tenon__search *search, const char *folder, const char *name) {
    tenon__text path = {0};
    tenon__text_format(&path, "%s/%s", folder, name);
    tenon_status status = path.failed ? tenon__fail_memory() : search->found(search->context, path.data);
    tenon__text_free(&path);
    return status;
}

static tenon_status search_folder(const tenon__search *search, const char *folder) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_plugin_name, by_name);
    if (count < 0 && errno == ENOMEM) return tenon__fail_memory();
    if (count < 0) {
        uint32_t level = errno == ENOENT || errno == ENOTDIR ? TENON_LOG_DEBUG : TENON_LOG_WARNING;
        note(search, level, "%s is not searched for plugins: %s", folder, strerror(errno));
        return TENON_STATUS_OK;
    }
    note(search, TENON_LOG_DEBUG, "%s: %d files libtenon_*.so", folder, count);
    tenon_status status = TENON_STATUS_OK;
    for (int i = 0; i < count; i++) {
        if (status == TENON_STATUS_OK) status = offer(search, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* A file of TENON_PLUGIN_PATH is a plugin by whatever name. */
static tenon_status search_place(void *context, const char *path, const char *origin) {
    const tenon__search *search = context;
    struct stat status;
    int is_named = strcmp(origin, TENON__SEARCH_VARIABLE) == 0;
    if (is_named && path[0] != '/') {
        note(search, TENON_LOG_WARNING, "%s names %s, which is ignored: it is no absolute path", origin, path);
        return TENON_STATUS_OK;
    }
    if (is_named && stat(path, &status) != 0) {
        note(search, TENON_LOG_WARNING, "%s names %s: %s", origin, path, strerror(errno));
        return TENON_STATUS_OK;
    }
    return is_named && !S_ISDIR(status.st_mode) ? search->found(search->context, path) : search_folder(search, path);
}

/* With raised privileges the environment is the caller's, not ours. The registry tells of layers. */
static void note_ignored(const tenon__search *search) {
    static const char *const others[] = {"XDG_DATA_HOME=", "XDG_CACHE_HOME="};
    for (char **variable = environ; variable && *variable; variable++) {
        int is_ours = strncmp(*variable, "TENON_", 6) == 0 && strncmp(*variable, "TENON_LAYERS=", 13) != 0;
        for (int i = 0; i < 2; i++) is_ours = is_ours || strncmp(*variable, others[i], strlen(others[i])) == 0;
        if (!is_ours) continue;
        note(search, TENON_LOG_WARNING, "%.*s is ignored: this process has raised privileges",
             (int)strcspn(*variable, "="), *variable);
    }
}

/* The walk over the places. */
typedef struct walk {
    uint32_t strict;
    tenon__place_function place;
    void *context;
} walk;

static tenon_status walk_variable(const walk *w) {
    const char *value = w->strict ? NULL : getenv(TENON__SEARCH_VARIABLE);
    char *entries = value ? strdup(value) : NULL, *rest = entries, *entry;
    if (value && !entries) return tenon__fail_memory();
    tenon_status status = TENON_STATUS_OK;
    while (status == TENON_STATUS_OK && (entry = strsep(&rest, ":")))
        if (entry[0])
            status = w->place(w->context, entry, TENON__SEARCH_VARIABLE); /* "" is not the working directory */
    free(entries);
    return status;
}

__attribute__((format(printf, 3, 4))) static tenon_status walk_formatted(const walk *w, const char *origin,
                                                                         const char *format, ...) {
    char *folder = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&folder, format, arguments);
    va_end(arguments);
    if (length < 0) return tenon__fail_memory();
    tenon_status status = w->place(w->context, folder, origin);
    free(folder);
    return status;
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Beside libtenon, or in the library folder of the tree whose bin/ or libexec/tenon/ the program is in. */
static tenon_status walk_own_tree(const walk *w) {
    char *own = tenon__trust_own_path();
    char *slash = own ? strrchr(own, '/') : NULL;
    tenon_status status = TENON_STATUS_OK;
    if (slash) {
        *slash = '\0';
        status = walk_formatted(w, "beside the library", "%s/tenon", own);
        if (status == TENON_STATUS_OK && ends_with(own, "/" TENON__LIBEXECDIR "/tenon")) /* one of this tree's own */
            status = walk_formatted(w, "beside the program", "%s/" TENON__LIB_FROM_LIBEXEC "/tenon", own);
        else if (status == TENON_STATUS_OK && !ends_with(own, "/" TENON__LIBDIR)) /* whose library folder is the same */
            status = walk_formatted(w, "beside the program", "%s/../" TENON__LIBDIR "/tenon", own);
    }
    free(own);
    return status;
}

static tenon_status walk_user_data(const walk *w) {
    static const char origin[] = "the user's";
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (w->strict) return TENON_STATUS_OK;
    if (data && data[0] == '/') return walk_formatted(w, origin, "%s/tenon/plugins", data);
    if (home && home[0] == '/') return walk_formatted(w, origin, "%s/.local/share/tenon/plugins", home);
    return TENON_STATUS_OK;
}

tenon_status tenon__search_places(uint32_t strict, tenon__place_function place, void *context) {
    static const char *const system[] = {"/etc/tenon/plugins", "/usr/local/lib/tenon", "/usr/lib/tenon"};
    const walk w = {strict, place, context};
    TENON_TRY(walk_variable(&w));
    TENON_TRY(walk_own_tree(&w));
    TENON_TRY(walk_user_data(&w));
    for (size_t i = 0; i < sizeof system / sizeof system[0]; i++) TENON_TRY(place(context, system[i], "the system's"));
    return TENON_STATUS_OK;
}

tenon_status tenon__search_run(const tenon__search *search) {
    if (search->strict) note_ignored(search);
    return tenon__search_places(search->strict, search_place, (void *)(uintptr_t)search);
}

int tenon__search_count(const char *folder) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_plugin_name, NULL);
    for (int i = 0; i < count; i++) free(entries[i]);
    free(entries);
    return count;
}
