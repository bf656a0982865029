/* The registry's own object: plugins in the order found, kept by its devices too. */
#ifndef TENON__LOADER_REGISTRY_H
#define TENON__LOADER_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>

#include <tenon/host/registry.h>

#include "layers/layers.h"
#include "loader/plugin.h"
#include "loader/probe.h"
#include "support/arena.h"

struct tenonh_registry {
    _Atomic uint32_t references; /* the application's one, and one per open device */
    uint32_t generation;         /* of the process that made it: see tenon__forked */
    uint32_t log_level;
    tenonh_log_function log;
    void *log_context;
    uint32_t quiet; /* refused plugins are not logged as warnings */
    tenon__trust trust;
    tenon__layers *layers; /* put on every plugin that is opened; NULL: none */
    tenon__prober prober;

    pthread_mutex_t mutex; /* guards what follows */
    tenon__plugin **plugins;
    uint32_t plugin_count;
    uint32_t plugin_capacity;
    pthread_mutex_t string_mutex;
    tenon__arena strings;
};

/* Counts the forks between the process that loaded the library and this one. */
extern _Atomic uint32_t tenon__fork_generation;

/* True in a child of the process that made the object of `generation`: devices do not survive a fork. */
static inline int tenon__forked(uint32_t generation) {
    return generation != atomic_load_explicit(&tenon__fork_generation, memory_order_relaxed);
}

/* Fails with UNAVAILABLE, naming the call. */
tenon_status tenon__fail_forked(const char *what);

tenonh_registry *tenon__registry_retain(tenonh_registry *registry);
void tenon__registry_release(tenonh_registry *registry);

/* Copies a string for the life of the registry; "" when host memory is used up. */
const char *tenon__registry_string(tenonh_registry *registry, const char *text);

/* Plugin `index`, NULL past the end. */
tenon__plugin *tenon__registry_plugin(tenonh_registry *registry, uint32_t index);

/* The usable plugin called `id`, else a refused one of that id, else NULL. */
tenon__plugin *tenon__registry_find(tenonh_registry *registry, const char *id);

/* Writes to the application's log. Plugins may call it from any thread. */
__attribute__((format(printf, 4, 5))) void tenon__log(const tenonh_registry *registry, uint32_t level,
                                                      const char *source, const char *format, ...);

#endif
