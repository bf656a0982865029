/* Handles of layers: a number in the clothes of a pointer, index and generation of an object. Nobody but a layer may look
 * behind a handle, so nobody sees that there is no address in it, and a layer can tell any stale or made-up one. */
#include "layers/layer.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1024, CHUNKS = 4096 };

static _Atomic(tenon__object *) chunks[CHUNKS];
static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the two below and new chunks */
static tenon__object *free_objects;
static uint32_t chunk_count;

static int add_chunk(void) {
    if (chunk_count == CHUNKS) return 0;
    tenon__object *chunk = calloc(CHUNK, sizeof *chunk);
    if (!chunk) return 0;
    for (uint32_t i = CHUNK; i-- > 0;) {
        chunk[i].index = chunk_count * CHUNK + i;
        chunk[i].next = free_objects;
        free_objects = &chunk[i];
    }
    atomic_store_explicit(&chunks[chunk_count++], chunk, memory_order_release);
    return 1;
}

static tenon__object *take_free(void) {
    (void)pthread_mutex_lock(&pool_mutex);
    tenon__object *object = free_objects || add_chunk() ? free_objects : NULL;
    if (object) free_objects = object->next;
    (void)pthread_mutex_unlock(&pool_mutex);
    return object;
}

static void give_free(tenon__object *object) {
    (void)pthread_mutex_lock(&pool_mutex);
    object->next = free_objects;
    free_objects = object;
    (void)pthread_mutex_unlock(&pool_mutex);
}

/* Through memory: an integer made a pointer is what the language leaves open, the copy of its bytes is not. */
static void *to_handle(uint64_t number) {
    void *handle;
    memcpy(&handle, &number, sizeof handle);
    return handle;
}

static uint64_t to_number(const void *handle) {
    uint64_t number;
    memcpy(&number, &handle, sizeof number);
    return number;
}

void *tenon__object_handle(const tenon__object *object) {
    return to_handle((uint64_t)atomic_load_explicit(&object->generation, memory_order_relaxed) << 32 | object->index);
}

static tenon__object *object_at(const void *handle) {
    uint32_t index = (uint32_t)to_number(handle);
    if (index / CHUNK >= CHUNKS) return NULL;
    tenon__object *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % CHUNK] : NULL;
}

tenon__object *tenon__object_find(const void *handle, uint32_t kind, uint32_t *out_fault) {
    uint32_t generation = (uint32_t)(to_number(handle) >> 32);
    tenon__object *object = handle ? object_at(handle) : NULL;
    *out_fault = handle ? TENON__HANDLE_UNKNOWN : TENON__HANDLE_NULL;
    if (!object || (generation & 1) == 0) return NULL;
    uint32_t now = atomic_load_explicit(&object->generation, memory_order_acquire);
    if (generation > now) return NULL;
    *out_fault = generation != now      ? TENON__HANDLE_RELEASED
                 : object->kind != kind ? TENON__HANDLE_KIND
                                        : TENON__HANDLE_OK;
    return *out_fault == TENON__HANDLE_OK ? object : NULL;
}

tenon__object *tenon__object_last(const void *handle) {
    uint32_t generation = (uint32_t)(to_number(handle) >> 32);
    tenon__object *object = handle ? object_at(handle) : NULL;
    if (!object || (generation & 1) == 0) return NULL;
    uint32_t now = atomic_load_explicit(&object->generation, memory_order_acquire);
    return generation == now || generation + 1 == now ? object : NULL;
}

tenon__object *tenon__object_create(tenon__layer *layer, uint32_t kind, tenon__object *device, void *inner) {
    tenon__object *object = take_free();
    void *state = object ? calloc(1, layer->class->object_size + 1) : NULL;
    if (!state) {
        if (object) give_free(object);
        return NULL;
    }
    atomic_store_explicit(&object->holds, 1, memory_order_relaxed);
    object->kind = kind;
    object->layer = layer;
    object->device = kind == TENON__KIND_DEVICE ? object : device;
    if (object->device && object->device != object) atomic_fetch_add(&object->device->holds, 1);
    object->inner = inner;
    atomic_store_explicit(&object->dying, 0, memory_order_relaxed);
    object->state = state;
    object->size = 0;
    object->number = 0;
    object->name[0] = '\0';
    object->previous = NULL;
    (void)pthread_mutex_lock(&layer->mutex);
    object->serial = ++layer->serials[kind];
    layer->live[kind]++;
    object->next = layer->objects[kind];
    if (object->next) object->next->previous = object;
    layer->objects[kind] = object;
    (void)pthread_mutex_unlock(&layer->mutex);
    atomic_fetch_add_explicit(&object->generation, 1, memory_order_release);
    return object;
}

static void drop(tenon__object *object) {
    if (atomic_fetch_sub(&object->holds, 1) != 1) return;
    if (object->layer->class->forget) object->layer->class->forget(object);
    free(object->state);
    object->state = NULL;
    give_free(object);
}

void tenon__object_destroy(tenon__object *object) {
    tenon__layer *layer = object->layer;
    tenon__object *device = object->device;
    atomic_fetch_add_explicit(&object->generation, 1, memory_order_release);
    (void)pthread_mutex_lock(&layer->mutex);
    layer->live[object->kind]--;
    if (object->next) object->next->previous = object->previous;
    *(object->previous ? &object->previous->next : &layer->objects[object->kind]) = object->next;
    (void)pthread_mutex_unlock(&layer->mutex);
    drop(object);
    if (device && device != object) drop(device);
}

tenon__object *tenon__object_of_inner(tenon__layer *layer, uint32_t kind, const void *inner) {
    (void)pthread_mutex_lock(&layer->mutex);
    tenon__object *object = layer->objects[kind];
    while (object && object->inner != inner) object = object->next;
    (void)pthread_mutex_unlock(&layer->mutex);
    return object;
}
