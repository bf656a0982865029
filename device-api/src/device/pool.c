#include "device/pool.h"

#include <stdlib.h>

#include "loader/services.h"
#include "support/error.h"

enum { CLASSES = 512, STEP_BITS = 3, SMALLEST = 256 };
#define LEAST_KEPT   ((uint64_t)64 << 20)
#define MOST_KEPT    ((uint64_t)1 << 30)
#define UNKNOWN_KEPT ((uint64_t)256 << 20)

struct tenon__pool {
    pthread_mutex_t lock;
    uint64_t limit; /* bytes */
    uint64_t bytes; /* kept */
    tenonh_memory *classes[CLASSES];
};

uint64_t tenon__pool_class(uint64_t size) {
    if (size <= SMALLEST) return SMALLEST;
    if (size > (uint64_t)1 << 62) return size;
    int shift = 63 - __builtin_clzll(size) - STEP_BITS;
    uint64_t step = (uint64_t)1 << shift;
    return (size + step - 1) & ~(step - 1);
}

static uint32_t class_index(uint64_t class_size) {
    uint32_t high = 63 - (uint32_t)__builtin_clzll(class_size);
    return (high << STEP_BITS | (uint32_t)(class_size >> (high - STEP_BITS) & ((1u << STEP_BITS) - 1))) % CLASSES;
}

static uint64_t limit_of(const tenon_memory_type *type) {
    uint64_t share = type->size / 16;
    if (type->size == 0) return UNKNOWN_KEPT;
    return share < LEAST_KEPT ? LEAST_KEPT : share > MOST_KEPT ? MOST_KEPT : share;
}

tenon_status tenon__pools_init(tenonh_device *device) {
    device->pools = calloc(device->type_count, sizeof *device->pools);
    if (!device->pools) return tenon__fail_memory();
    for (uint32_t i = 0; i < device->type_count; i++) {
        pthread_mutex_init(&device->pools[i].lock, NULL);
        device->pools[i].limit = limit_of(&device->types[i]);
    }
    return TENON_STATUS_OK;
}

void tenon__pools_end(tenonh_device *device) {
    for (uint32_t i = 0; device->pools && i < device->type_count; i++) pthread_mutex_destroy(&device->pools[i].lock);
    free(device->pools);
}

/* Takes memory of a class out; NULL when there is none. */
static tenonh_memory *take(tenonh_device *device, uint32_t type, uint64_t class_size) {
    struct tenon__pool *pool = &device->pools[type];
    tenonh_memory **list = &pool->classes[class_index(class_size)];
    pthread_mutex_lock(&pool->lock);
    tenonh_memory *memory = *list;
    if (memory) {
        *list = memory->next;
        pool->bytes -= memory->padded;
    }
    pthread_mutex_unlock(&pool->lock);
    if (memory) atomic_fetch_sub(&device->counters.pooled_bytes, memory->padded);
    return memory;
}

tenon_status tenon__memory_create_pooled(tenonh_device *device, uint32_t type, uint64_t size,
                                         tenonh_memory **out_memory) {
    TENON_TRY(tenon__device_check(device, "allocate memory"));
    uint64_t class_size = tenon__pool_class(size);
    tenonh_memory *memory = type < device->type_count ? take(device, type, class_size) : NULL;
    if (memory) {
        atomic_store(&memory->references, 1);
        tenonh_device_retain(device);
        tenon__memory_count(device, memory->padded);
    } else {
        TENON_TRY(tenonh_memory_create(device, type, class_size, &memory));
        memory->class_size = class_size;
    }
    memory->size = size;
    *out_memory = memory;
    return TENON_STATUS_OK;
}

tenon_status tenon__tensor_create_pooled(tenonh_device *device, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                                         tenonh_tensor **out_tensor) {
    tenonh_tensor *tensor;
    TENON_TRY(tenon__tensor_create_shape(dtype, rank, dims, NULL, &tensor));
    tenon_status status = tenon__memory_create_pooled(device, 0, tensor->size, &tensor->memory);
    if (status != TENON_STATUS_OK) return free(tensor), status;
    *out_tensor = tensor;
    return TENON_STATUS_OK;
}

bool tenon__pool_keep(tenonh_memory *memory) {
    tenonh_device *device = memory->device;
    struct tenon__pool *pool = &device->pools[memory->type];
    bool sound = memory->class_size && !memory->mapped && !tenon__forked(device->generation) && !device->lost;
    if (!sound) return false;
    pthread_mutex_lock(&pool->lock);
    bool keeps = memory->padded <= pool->limit && pool->bytes <= pool->limit - memory->padded;
    if (keeps) {
        tenonh_memory **list = &pool->classes[class_index(memory->class_size)];
        memory->next = *list;
        *list = memory;
        pool->bytes += memory->padded;
        atomic_fetch_add(&device->counters.pooled_bytes, memory->padded);
    }
    pthread_mutex_unlock(&pool->lock);
    return keeps;
}

/* Takes everything out of a pool, as one list. */
static tenonh_memory *take_all(struct tenon__pool *pool) {
    tenonh_memory *all = NULL;
    pthread_mutex_lock(&pool->lock);
    for (uint32_t i = 0; i < CLASSES; i++) {
        for (tenonh_memory *memory = pool->classes[i], *next; memory; memory = next) {
            next = memory->next;
            memory->next = all;
            all = memory;
        }
        pool->classes[i] = NULL;
    }
    pool->bytes = 0;
    pthread_mutex_unlock(&pool->lock);
    return all;
}

void tenon__pools_empty(tenonh_device *device) {
    bool forked = tenon__forked(device->generation);
    for (uint32_t i = 0; device->pools && i < device->type_count; i++) {
        for (tenonh_memory *memory = take_all(&device->pools[i]), *next; memory; memory = next) {
            next = memory->next;
            atomic_fetch_sub(&device->counters.pooled_bytes, memory->padded);
            if (!forked) device->hooks->memory.release(device->handle, memory->handle);
            free(memory);
        }
    }
}
