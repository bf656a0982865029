/* A plugin of a registry: its file, the verdict on it, its tables, and its instance once it is open. */
#ifndef TENON__LOADER_PLUGIN_H
#define TENON__LOADER_PLUGIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "loader/hooks.h"

/* What a live stream's late failures said in words. Embedded in the stream's object. */
typedef struct tenon__late {
    const tenon_stream *stream;
    struct tenon__late *next;
    char text[512];
} tenon__late;

/* Work being prepared, found by the `cancelled` service. Lives on the preparing thread's stack. */
typedef struct tenon__preparing {
    const tenon_work *work;
    uint32_t (*cancelled)(void *context);
    void *context;
    struct tenon__preparing *next;
} tenon__preparing;

typedef struct tenon__plugin {
    tenonh_registry *registry;
    char *path; /* resolved where it could be */
    dev_t file_device;
    ino_t file_number;
    struct stat file; /* as it was judged */
    const char *id;   /* these four: in the plugin's storage, "" when unknown */
    const char *vendor;
    const char *version;
    const char *license;
    uint32_t abi_version; /* negotiated */
    tenon__library library;
    tenon__hooks hooks;

    pthread_mutex_t mutex; /* guards what follows; held while the plugin's device.open and open run */
    _Atomic tenonh_reason reason;
    _Atomic(const char *) detail; /* in the registry's arena: stays valid when it is replaced */
    uint32_t open;
    uint32_t opened_once; /* its open hook has run: never to be unloaded */
    tenon_instance *instance;
    tenon_host host;
    struct tenonh_device *devices; /* open ones, linked; no references */

    pthread_mutex_t report_mutex; /* guards what follows; no hook is called under it */
    struct tenon__late *streams;  /* live ones */
    tenon__preparing *preparing;
    _Atomic uint64_t host_bytes; /* allocated by the plugin through its host table */
} tenon__plugin;

/* Makes a plugin and judges it: path, file, note, probe, tables. Always gives a plugin, with its verdict, unless host
 * memory is used up. Owner: the caller, until tenon__plugin_free. */
tenon_status tenon__plugin_create(tenonh_registry *registry, const char *path, tenon__plugin **out_plugin,
                                  tenon__verdict *verdict);

/* Told before each part of a load that runs code of the plugin: TENON__STAGE_*. */
typedef void (*tenon__stage_function)(uint32_t stage);

/* Opens the library of plugin->path, asks it for its table and checks that. `stage` may be NULL.
 * Owner: plugin->library is the caller's to close, whatever the reason. */
tenonh_reason tenon__plugin_load(tenon__plugin *plugin, tenon__stage_function stage, tenon__verdict *verdict);

/* Closes the instance, unless `forked`, and frees. Its devices are closed. */
void tenon__plugin_free(tenon__plugin *plugin, uint32_t forked);

/* Sets the verdict, its detail kept in the registry, and logs a refusal at `level`. */
void tenon__plugin_refuse(tenon__plugin *plugin, uint32_t level, const tenon__verdict *verdict);

/* Opens the instance unless it is open. Called with the mutex held.
 * Errors: the status of the plugin's reason, with a message. */
tenon_status tenon__plugin_open(tenon__plugin *plugin);

/* True unless the plugin was refused for good: a driver or device that was not there may come. */
int tenon__plugin_may_open(const tenon__plugin *plugin);

/* Number of devices now; opens the plugin if need be and keeps the reason up to date. Called with the mutex held.
 * Errors: the status of the plugin's reason, with a message. */
tenon_status tenon__plugin_count_devices(tenon__plugin *plugin, uint32_t *out_count);

/* Fails with the plugin's present reason: path, text, detail, advice. */
tenon_status tenon__plugin_fail(tenon__plugin *plugin);

#endif
