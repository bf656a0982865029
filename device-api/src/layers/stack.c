/* Putting layers on a plugin, and the host table that each shows to what is inside of it. */
#include "layers/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layers/spec.h"
#include "loader/services.h"
#include "support/error.h"

static pthread_mutex_t live_mutex = PTHREAD_MUTEX_INITIALIZER;
static tenon__layer *live_layers;

uint64_t tenon__layer_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void tenon__layer_log(const tenon__layer *layer, uint32_t level, const char *format, ...) {
    char text[2048];
    int length = snprintf(text, sizeof text, "%s: ", layer->class->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, sizeof text - (size_t)length, format, arguments);
    va_end(arguments);
    layer->outer->log(layer->outer, level, text);
}

tenon__layer *tenon__layer_for(const tenon__object *object) {
    (void)pthread_mutex_lock(&live_mutex);
    tenon__layer *layer = live_layers;
    while (layer && object && layer != object->layer) layer = layer->next;
    if (!layer) layer = live_layers;
    (void)pthread_mutex_unlock(&live_mutex);
    return layer;
}

void tenon__layers_visit(const tenon__layer_class *class, void (*function)(tenon__layer *layer)) {
    (void)pthread_mutex_lock(&live_mutex);
    for (tenon__layer *layer = live_layers; layer; layer = layer->next)
        if (layer->class == class) function(layer);
    (void)pthread_mutex_unlock(&live_mutex);
}

/* -- Host table ------------------------------------------------------------------------------------------------------ */

static tenon__layer *layer_of(const tenon_host *host) {
    return host->context;
}

static void service_log(const tenon_host *host, uint32_t level, const char *text) {
    const tenon__layer *layer = layer_of(host);
    layer->outer->log(layer->outer, level, text);
}

/* The layer's own handle of an inner one; NULL for NULL, and for one that it does not know: not yet wrapped, or bad. */
static void *outer_handle(tenon__layer *layer, uint32_t kind, const void *inner, uint32_t *out_known) {
    const tenon__object *object = inner ? tenon__object_of_inner(layer, kind, inner) : NULL;
    if (inner && !object) *out_known = 0;
    return object ? tenon__object_handle(object) : NULL;
}

static void service_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                           tenon_status status, const char *text) {
    tenon__layer *layer = layer_of(host);
    tenon__call *call = tenon__call_current(layer);
    uint32_t known = 1;
    tenon_device *outer_device = outer_handle(layer, TENON__KIND_DEVICE, device, &known);
    tenon_stream *outer_stream = outer_handle(layer, TENON__KIND_STREAM, stream, &known);
    tenon_exec *outer_exec = outer_handle(layer, TENON__KIND_EXEC, exec, &known);
    if (call) call->reports++;
    if (layer->class->reported && !layer->class->reported(layer, known, status, text)) return;
    layer->outer->report(layer->outer, outer_device, outer_stream, outer_exec, status, text);
}

static void *service_allocate(const tenon_host *host, uint64_t size) {
    tenon__layer *layer = layer_of(host);
    void *pointer = layer->outer->allocate(layer->outer, size);
    if (pointer && layer->class->allocated) layer->class->allocated(layer, pointer, size);
    return pointer;
}

static void service_release(const tenon_host *host, void *pointer) {
    tenon__layer *layer = layer_of(host);
    if (pointer && layer->class->released && !layer->class->released(layer, pointer)) return;
    layer->outer->release(layer->outer, pointer);
}

/* The work that the plugin was given may be a copy that the class made. */
static uint32_t service_cancelled(const tenon_host *host, const tenon_work *work) {
    tenon__layer *layer = layer_of(host);
    (void)pthread_mutex_lock(&layer->mutex);
    const tenon__work_copy *copy = layer->copies;
    while (copy && copy->copy != work) copy = copy->next;
    const tenon_work *original = copy ? copy->work : work;
    (void)pthread_mutex_unlock(&layer->mutex);
    return layer->outer->cancelled(layer->outer, original);
}

void tenon__layer_copy_begin(tenon__layer *layer, tenon__work_copy *copy) {
    (void)pthread_mutex_lock(&layer->mutex);
    copy->next = layer->copies;
    layer->copies = copy;
    (void)pthread_mutex_unlock(&layer->mutex);
}

void tenon__layer_copy_end(tenon__layer *layer, tenon__work_copy *copy) {
    (void)pthread_mutex_lock(&layer->mutex);
    tenon__work_copy **link = &layer->copies;
    while (*link && *link != copy) link = &(*link)->next;
    if (*link) *link = copy->next;
    (void)pthread_mutex_unlock(&layer->mutex);
}

/* -- One layer ------------------------------------------------------------------------------------------------------- */

static void fill_host(tenon__layer *layer, uint32_t version) {
    layer->host = (tenon_host){
        .struct_size = sizeof layer->host,
        .abi_version = version,
        .context = layer,
        .log = service_log,
        .report = service_report,
        .allocate = service_allocate,
        .release = service_release,
        .cancelled = service_cancelled,
    };
    layer->presented = &layer->host;
}

tenon_status tenon__layer_create(tenon__layers *layers, const tenon__layer_spec *spec, const tenon_host *outer,
                                 const tenon__hooks *inner, uint32_t version, tenon__layer **out_layer) {
    tenon__layer *layer = calloc(1, sizeof *layer);
    if (!layer) return tenon__fail_memory();
    layer->class = spec->class;
    layer->values = spec->values;
    layer->shared = spec->shared;
    layer->layers = tenon__layers_retain(layers);
    layer->outer = outer;
    layer->inner = *inner;
    snprintf(layer->id, sizeof layer->id, "%s", inner->plugin.id ? inner->plugin.id : "");
    (void)pthread_mutex_init(&layer->mutex, NULL);
    fill_host(layer, version);
    (void)pthread_mutex_lock(&live_mutex);
    layer->next = live_layers;
    live_layers = layer;
    (void)pthread_mutex_unlock(&live_mutex);
    tenon_status status = layer->class->open ? layer->class->open(layer) : TENON_STATUS_OK;
    if (status != TENON_STATUS_OK) {
        tenon__layer_destroy(layer);
        return status;
    }
    *out_layer = layer;
    return TENON_STATUS_OK;
}

void tenon__layer_destroy(tenon__layer *layer) {
    if (layer->class->close) layer->class->close(layer);
    for (uint32_t kind = TENON__KIND_COUNT; kind-- > 0;)
        while (layer->objects[kind]) tenon__object_destroy(layer->objects[kind]);
    if (layer->class->end) layer->class->end(layer);
    (void)pthread_mutex_lock(&live_mutex);
    tenon__layer **link = &live_layers;
    while (*link != layer) link = &(*link)->next;
    *link = layer->next;
    (void)pthread_mutex_unlock(&live_mutex);
    (void)pthread_mutex_destroy(&layer->mutex);
    tenon__layers_release(layer->layers);
    free(layer);
}

/* -- The stack ------------------------------------------------------------------------------------------------------- */

static tenon_status open_from(tenon__layers *layers, uint32_t index, const tenon__hooks *plugin, uint32_t version,
                              const tenon_host *host, tenon__hooks *out_hooks, tenon_instance **out_instance);

/* Opens what is inside of a layer, from `next` on, and makes the handle of its own instance. */
static tenon_status open_inside(tenon__layer *layer, uint32_t next, uint32_t version, tenon__object **out_instance) {
    const tenon__hooks plugin = layer->inner;
    TENON_TRY(open_from(layer->layers, next, &plugin, version, layer->presented, &layer->inner, &layer->instance));
    *out_instance = tenon__object_create(layer, TENON__KIND_INSTANCE, NULL, layer->instance);
    if (*out_instance) return TENON_STATUS_OK;
    layer->inner.plugin.close(layer->instance);
    layer->outer->report(layer->outer, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory for a layer");
    return TENON_STATUS_OUT_OF_MEMORY;
}

/* Opens layer `index` and all after it; *out_hooks is then the first one's. The plugin is opened last, when every layer's
 * host table is there. */
static tenon_status open_from(tenon__layers *layers, uint32_t index, const tenon__hooks *plugin, uint32_t version,
                              const tenon_host *host, tenon__hooks *out_hooks, tenon_instance **out_instance) {
    while (index < layers->count && !tenon__layer_applies(&layers->specs[index], plugin->plugin.id)) index++;
    if (index == layers->count) {
        *out_hooks = *plugin;
        return tenon__hooks_open(plugin, host, out_instance);
    }
    tenon__layer *layer = NULL;
    tenon__object *instance = NULL;
    tenon_status status = tenon__layer_create(layers, &layers->specs[index], host, plugin, version, &layer);
    if (!layer) {
        host->report(host, NULL, NULL, NULL, status, tenonh_error_message());
        return status;
    }
    status = open_inside(layer, index + 1, version, &instance);
    if (!instance) {
        tenon__layer_destroy(layer);
        return status;
    }
    tenon__wrap(&layer->inner, out_hooks);
    *out_instance = tenon__object_handle(instance);
    return TENON_STATUS_OK;
}

tenon_status tenon__layers_open(tenon__layers *layers, const tenon__hooks *plugin, uint32_t version,
                                const tenon_host *host, tenon__hooks *out_hooks, tenon_instance **out_instance) {
    tenon__hooks hooks;
    tenon_instance *instance = NULL;
    TENON_TRY(open_from(layers, 0, plugin, version, host, &hooks, &instance));
    *out_hooks = hooks;
    *out_instance = instance;
    return TENON_STATUS_OK;
}
