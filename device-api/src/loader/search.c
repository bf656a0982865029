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

/* An entry of TENON_PLUGIN_PATH: a folder, or the file of a plugin by whatever name. */
static tenon_status search_entry(const tenon__search *search, const char *entry) {
    struct stat status;
    if (entry[0] == '\0') return TENON_STATUS_OK; /* not the working directory, as PATH has it */
    if (stat(entry, &status) != 0) {
        note(search, TENON_LOG_WARNING, "TENON_PLUGIN_PATH names %s: %s", entry, strerror(errno));
        return TENON_STATUS_OK;
    }
    return S_ISDIR(status.st_mode) ? search_folder(search, entry) : search->found(search->context, entry);
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

static tenon_status search_variable(const tenon__search *search) {
    const char *value = getenv("TENON_PLUGIN_PATH");
    if (search->strict) note_ignored(search);
    if (!value || search->strict) return TENON_STATUS_OK;
    char *entries = strdup(value), *rest = entries, *entry;
    if (!entries) return tenon__fail_memory();
    tenon_status status = TENON_STATUS_OK;
    while (status == TENON_STATUS_OK && (entry = strsep(&rest, ":"))) status = search_entry(search, entry);
    free(entries);
    return status;
}

static tenon_status search_formatted(const tenon__search *search, const char *format, const char *base) {
    char *folder = NULL;
    if (asprintf(&folder, format, base) < 0) return tenon__fail_memory();
    tenon_status status = search_folder(search, folder);
    free(folder);
    return status;
}

/* Beside libtenon, or in the library folder of the tree whose bin/ the program is in. */
static tenon_status search_own_tree(const tenon__search *search) {
    char *own = tenon__trust_own_path();
    char *slash = own ? strrchr(own, '/') : NULL;
    tenon_status status = TENON_STATUS_OK;
    if (slash) {
        *slash = '\0';
        status = search_formatted(search, "%s/tenon", own);
        if (status == TENON_STATUS_OK) status = search_formatted(search, "%s/../" TENON__LIBDIR "/tenon", own);
    }
    free(own);
    return status;
}

static tenon_status search_user_data(const tenon__search *search) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (search->strict) return TENON_STATUS_OK;
    if (data && data[0] == '/') return search_formatted(search, "%s/tenon/plugins", data);
    if (home && home[0] == '/') return search_formatted(search, "%s/.local/share/tenon/plugins", home);
    return TENON_STATUS_OK;
}

tenon_status tenon__search_run(const tenon__search *search) {
    TENON_TRY(search_variable(search));
    TENON_TRY(search_own_tree(search));
    TENON_TRY(search_user_data(search));
    TENON_TRY(search_folder(search, "/etc/tenon/plugins"));
    TENON_TRY(search_folder(search, "/usr/local/lib/tenon"));
    return search_folder(search, "/usr/lib/tenon");
}
