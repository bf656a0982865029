/* Loading: the plugin inside is opened, its tables are taken, and the tables shown outside are made of them. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants/mutant.h"

TENON_PLUGIN_NOTE();

mutant_state mutant;

static const struct {
    const char *name;
    int64_t parameter;
} defects[] = {
    {"none", 0},
#define MUTANT(name, kind, class, cases, hook, parameter, passes_onnx, meaning) {#name, parameter},
#include "mutants/mutants.def"
};

/* What is shown: in the plugin's own storage, as the loader demands. */
static struct {
    tenon_plugin plugin;
    tenon_device_hooks device;
    tenon_memory_hooks memory;
    tenon_stream_hooks stream;
    tenon_work_hooks work;
    tenon_event_hooks event;
    char id[64], vendor[256], version[64], license[64];
} shown;

/* A table as far as its maker knew it. */
static void take(void *to, const void *from, size_t size) {
    uint32_t known = 0;
    if (!from) return;
    memcpy(&known, from, sizeof known);
    memcpy(to, from, known < size ? known : size);
}

static void take_tables(const tenon_plugin *table) {
    size_t size = table->struct_size < sizeof *table ? table->struct_size : sizeof *table;
    memcpy(&mutant.plugin, table, size);
    take(&mutant.device, table->device, sizeof mutant.device);
    take(&mutant.memory, table->memory, sizeof mutant.memory);
    take(&mutant.stream, table->stream, sizeof mutant.stream);
    take(&mutant.work, table->work, sizeof mutant.work);
    take(&mutant.event, table->event, sizeof mutant.event);
}

static const void *some_extension(const char *name, uint32_t version) {
    (void)name, (void)version;
    return &shown;
}

static const char *text_of(const char *text, char *buffer, size_t size) {
    snprintf(buffer, size, "%s", text ? text : "");
    return buffer;
}

static void show_tables(void) {
    shown.device = mutant_device_hooks;
    shown.memory = mutant_memory_hooks;
    shown.stream = mutant_stream_hooks;
    shown.work = mutant_work_hooks;
    shown.event = mutant_event_hooks;
    shown.plugin = mutant.plugin;
    shown.plugin.struct_size = sizeof shown.plugin;
    shown.plugin.id = text_of(mutant.plugin.id, shown.id, sizeof shown.id);
    shown.plugin.vendor = text_of(mutant.plugin.vendor, shown.vendor, sizeof shown.vendor);
    shown.plugin.version = text_of(mutant.plugin.version, shown.version, sizeof shown.version);
    shown.plugin.license = text_of(mutant.plugin.license, shown.license, sizeof shown.license);
    shown.plugin.open = mutant_plugin_open;
    shown.plugin.close = mutant_plugin_close;
    shown.plugin.device = &shown.device;
    shown.plugin.memory = &shown.memory;
    shown.plugin.stream = &shown.stream;
    shown.plugin.work = &shown.work;
    shown.plugin.event = mutant.plugin.event ? &shown.event : NULL;
    if (planted(MUTANT_extension_for_any_name)) shown.plugin.extension = some_extension;
}

/* What is not there inside is not there outside. */
static void take_out_missing(void) {
#define TENON_HOOK_GROUP(group, type, need, oldest)
#define TENON_HOOK(group, type, member, need, set)                                                                     \
    if (!mutant.group.member && (const void *)&shown.group != (const void *)&shown.plugin) shown.group.member = NULL;
#include <tenon/hooks.def>
}

/* Defects that the loader is to see. */
static void damage_tables(void) {
    switch (mutant.planted) {
    case MUTANT_group_half_filled: shown.event.wait = NULL; break;
    case MUTANT_required_hook_missing: shown.work.release = NULL; break;
    case MUTANT_struct_size_too_small: shown.stream.struct_size = TENON_STREAM_HOOKS_SIZE_V1 - 8; break;
    case MUTANT_struct_size_endless: shown.memory.struct_size = UINT32_MAX; break;
    case MUTANT_id_of_capitals: shown.id[0] = 'X'; break;
    default: break;
    }
}

static void choose(const char *name) {
    for (uint32_t i = 0; name && i < MUTANT_COUNT; i++)
        if (strcmp(defects[i].name, name) == 0) {
            mutant.planted = i;
            mutant.parameter = defects[i].parameter;
            return;
        }
    if (name && *name) fprintf(stderr, "mutant: no defect is called %s\n", name);
}

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("MUTANT_PLUGIN");
    choose(getenv("MUTANT"));
    mutant.required_alone = getenv("MUTANT_REQUIRED_ALONE") != NULL;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    tenon_plugin_query_function query = NULL;
    if (library) *(void **)&query = dlsym(library, "tenon_plugin_query");
    if (!query) {
        fprintf(stderr, "mutant: set MUTANT_PLUGIN to the path of a plugin%s%s\n", path ? ": " : "",
                path ? dlerror() : "");
        return;
    }
    take_tables(query());
    show_tables();
    take_out_missing();
    damage_tables();
    mutant_disturb(MUTANT_LOADING, NULL);
}

const tenon_plugin *tenon_plugin_query(void) {
    static tenon_plugin another;
    static uint32_t calls;
    if (planted(MUTANT_query_unstable) && calls++ % 2) {
        another = shown.plugin;
        return &another;
    }
    return &shown.plugin;
}
