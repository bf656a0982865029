#include "plan/execs.h"

#include <stdlib.h>
#include <string.h>

#include "device/objects.h"
#include "device/reclaim.h"
#include "support/error.h"

enum {
    BUCKETS = 1024,
    LIMIT = 4096, /* entries from which unused ones go */
    MOST_DEVICES = 4
};

/* Of one device. Counted by sessions. */
typedef struct tenon__exec_cache {
    tenonh_device *device; /* kept open by the sessions */
    uint32_t users;        /* under the device's lock */
    pthread_mutex_t lock;  /* everything below */
    pthread_cond_t made;   /* an entry is no longer busy */
    uint32_t planning;     /* pairs of begin and end that are open */
    uint32_t count;
    tenon__reclaimer reclaimer;
    tenon__exec_entry *buckets[BUCKETS];
} exec_cache;

struct tenon__execs {
    _Atomic uint64_t prepares;
    pthread_mutex_t lock; /* of what follows */
    exec_cache *caches[MOST_DEVICES];
    uint32_t cache_count;
    uint32_t planning;
};

/* -- Entries -- */

static void free_entry(tenon__exec_entry *entry) {
    tenonh_exec_release(entry->exec);
    tenon__kernel_free(entry->kernel);
    free(entry);
}

static int is_unused(const tenon__exec_entry *entry) {
    return !entry->busy && (!entry->exec || atomic_load(&entry->exec->references) == 1);
}

/* Under the lock, while no one plans: drops what no plan uses; with `all` unset, only what was not asked for since. */
static void trim(exec_cache *cache, int all) {
    for (uint32_t i = 0; i < BUCKETS; i++) {
        for (tenon__exec_entry **link = &cache->buckets[i]; *link;) {
            tenon__exec_entry *entry = *link;
            int goes = is_unused(entry) && (all || !entry->used);
            entry->used = 0;
            if (!goes) {
                link = &entry->next;
                continue;
            }
            *link = entry->next;
            cache->count--;
            free_entry(entry);
        }
    }
}

/* -- The device's cache -- */

static void reclaim(void *context) {
    exec_cache *cache = context;
    pthread_mutex_lock(&cache->lock);
    if (cache->planning == 0) trim(cache, 1);
    pthread_mutex_unlock(&cache->lock);
}

static exec_cache *create_cache(tenonh_device *device) {
    exec_cache *cache = calloc(1, sizeof *cache);
    if (!cache) return NULL;
    cache->device = device;
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->made, NULL);
    cache->reclaimer = (tenon__reclaimer){.reclaim = reclaim, .context = cache};
    tenon__reclaimer_add(device, &cache->reclaimer);
    return cache;
}

static void destroy_cache(exec_cache *cache) {
    tenon__reclaimer_remove(cache->device, &cache->reclaimer);
    trim(cache, 1);
    pthread_cond_destroy(&cache->made);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* The device's cache with a user more. */
static exec_cache *join(tenonh_device *device) {
    pthread_mutex_lock(&device->shared_lock);
    if (!device->execs) device->execs = create_cache(device);
    exec_cache *cache = device->execs;
    if (cache) cache->users++;
    pthread_mutex_unlock(&device->shared_lock);
    return cache;
}

static void leave(exec_cache *cache) {
    tenonh_device *device = cache->device;
    pthread_mutex_lock(&device->shared_lock);
    uint32_t users = --cache->users;
    if (users == 0) device->execs = NULL;
    pthread_mutex_unlock(&device->shared_lock);
    if (users == 0) destroy_cache(cache);
}

/* -- A session's part -- */

tenon_status tenon__execs_create(tenon__execs **out_execs) {
    *out_execs = calloc(1, sizeof **out_execs);
    if (!*out_execs) return tenon__fail_memory();
    pthread_mutex_init(&(*out_execs)->lock, NULL);
    return TENON_STATUS_OK;
}

void tenon__execs_destroy(tenon__execs *execs) {
    if (!execs) return;
    for (uint32_t i = 0; i < execs->cache_count; i++) leave(execs->caches[i]);
    pthread_mutex_destroy(&execs->lock);
    free(execs);
}

uint32_t tenon__execs_planning(tenon__execs *execs) {
    pthread_mutex_lock(&execs->lock);
    uint32_t planning = execs->planning;
    pthread_mutex_unlock(&execs->lock);
    return planning;
}

void tenon__execs_count(tenon__execs *execs) {
    atomic_fetch_add(&execs->prepares, 1);
}

uint64_t tenon__execs_prepares(const tenon__execs *execs) {
    return execs->prepares;
}

static void begin_planning(exec_cache *cache, uint32_t pairs) {
    pthread_mutex_lock(&cache->lock);
    cache->planning += pairs;
    pthread_mutex_unlock(&cache->lock);
}

static void end_planning(exec_cache *cache) {
    pthread_mutex_lock(&cache->lock);
    if (--cache->planning == 0 && cache->count > LIMIT) trim(cache, 0);
    pthread_mutex_unlock(&cache->lock);
}

void tenon__execs_begin(tenon__execs *execs) {
    pthread_mutex_lock(&execs->lock);
    execs->planning++;
    for (uint32_t i = 0; i < execs->cache_count; i++) begin_planning(execs->caches[i], 1);
    pthread_mutex_unlock(&execs->lock);
}

void tenon__execs_end(tenon__execs *execs) {
    pthread_mutex_lock(&execs->lock);
    execs->planning--;
    for (uint32_t i = 0; i < execs->cache_count; i++) end_planning(execs->caches[i]);
    pthread_mutex_unlock(&execs->lock);
}

/* The cache of a device, joined at its first use. */
static tenon_status cache_of(tenon__execs *execs, tenonh_device *device, exec_cache **out_cache) {
    exec_cache *cache = NULL;
    pthread_mutex_lock(&execs->lock);
    for (uint32_t i = 0; i < execs->cache_count; i++)
        if (execs->caches[i]->device == device) cache = execs->caches[i];
    if (!cache && execs->cache_count < MOST_DEVICES && (cache = join(device))) {
        execs->caches[execs->cache_count++] = cache;
        begin_planning(cache, execs->planning);
    }
    pthread_mutex_unlock(&execs->lock);
    *out_cache = cache;
    return cache ? TENON_STATUS_OK : tenon__fail_memory();
}

/* -- Finding and making -- */

static tenon__exec_entry **bucket_of(exec_cache *cache, const tenon__key *key) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < key->size; i++) hash = (hash ^ key->bytes[i]) * 0x100000001b3u;
    return &cache->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static tenon__exec_entry *find(exec_cache *cache, const tenon__key *key) {
    tenon__exec_entry *entry = *bucket_of(cache, key);
    while (entry && (entry->key_size != key->size || memcmp(entry->key, key->bytes, key->size) != 0))
        entry = entry->next;
    return entry;
}

static tenon__exec_entry *add(exec_cache *cache, const tenon__key *key) {
    tenon__exec_entry *entry = calloc(1, sizeof *entry + key->size), **bucket = bucket_of(cache, key);
    if (!entry) return NULL;
    *entry = (tenon__exec_entry){.next = *bucket, .status = TENON_STATUS_NOT_READY, .key_size = key->size};
    memcpy(entry->key, key->bytes, key->size);
    cache->count++;
    return *bucket = entry;
}

/* The entry of a key once no thread makes it. It is `busy` with this thread if it is still to be made. */
static tenon__exec_entry *claim(exec_cache *cache, const tenon__key *key, int *out_mine) {
    pthread_mutex_lock(&cache->lock);
    tenon__exec_entry *entry = find(cache, key);
    if (!entry) entry = add(cache, key);
    while (entry && entry->busy) pthread_cond_wait(&cache->made, &cache->lock);
    *out_mine = entry && entry->status != TENON_STATUS_OK && entry->status != TENON_STATUS_UNSUPPORTED;
    if (entry) entry->used = 1;
    if (*out_mine) entry->busy = 1;
    pthread_mutex_unlock(&cache->lock);
    return entry;
}

static void publish(exec_cache *cache, tenon__exec_entry *entry, tenon_status status) {
    if (status != TENON_STATUS_OK) {
        tenonh_exec_release(entry->exec);
        tenon__kernel_free(entry->kernel);
        entry->exec = NULL;
        entry->kernel = NULL;
    }
    pthread_mutex_lock(&cache->lock);
    entry->status = status;
    entry->busy = 0;
    pthread_cond_broadcast(&cache->made);
    pthread_mutex_unlock(&cache->lock);
}

tenon_status tenon__execs_find(tenon__execs *execs, tenonh_device *device, const tenon__key *key,
                               tenon__exec_maker make, const void *context, const tenon__exec_entry **out_entry) {
    exec_cache *cache;
    int mine;
    TENON_TRY(cache_of(execs, device, &cache));
    tenon__exec_entry *entry = claim(cache, key, &mine);
    if (!entry) return tenon__fail_memory();
    if (mine) {
        tenon_status status = make(execs, device, entry, context);
        publish(cache, entry, status);
        if (status != TENON_STATUS_OK) return status;
    } else if (entry->status != TENON_STATUS_OK) {
        return tenon__fail(entry->status, "%s refused the same work before", tenonh_device_name(device));
    }
    *out_entry = entry;
    return TENON_STATUS_OK;
}

tenon_status tenon__execs_prepare(tenon__execs *execs, tenonh_device *device, const tenon_work *work,
                                  tenonh_exec **out_exec) {
    tenon__execs_count(execs);
    return tenonh_exec_prepare(device, work, NULL, out_exec);
}

void tenon__key_put(tenon__key *key, const void *bytes, uint32_t size) {
    if (size > sizeof key->bytes - key->size) {
        key->overflow = true;
        return;
    }
    if (size) memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
}

void tenon__key_number(tenon__key *key, int64_t number) {
    tenon__key_put(key, &number, sizeof number);
}
