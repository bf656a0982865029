#include "library.h"

#include "cache.h"
#include "compile.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { POLL_NANOSECONDS = 20000000 };

struct cpu_library {
    uint8_t key[CPU_SHA256_BYTES];
    void *handle; /* NULL while it is being built */
    uint32_t references;
    cpu_library *next;
};

struct cpu_libraries {
    pthread_mutex_t lock;
    pthread_cond_t built; /* some build has ended */
    cpu_library *first;
    pthread_mutex_t cache_lock;
    cpu_cache *cache; /* opened when first needed */
};

tenon_status cpu_libraries_create(tenon_device *device, cpu_libraries **out_libraries) {
    cpu_libraries *libraries = cpu_allocate(device, sizeof *libraries);
    if (!libraries) return TENON_STATUS_OUT_OF_MEMORY;
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&libraries->built, &clock);
    (void)pthread_condattr_destroy(&clock);
    (void)pthread_mutex_init(&libraries->lock, NULL);
    (void)pthread_mutex_init(&libraries->cache_lock, NULL);
    *out_libraries = libraries;
    return TENON_STATUS_OK;
}

void cpu_libraries_destroy(tenon_device *device, cpu_libraries *libraries) {
    if (!libraries) return;
    cpu_cache_close(device, libraries->cache);
    (void)pthread_mutex_destroy(&libraries->cache_lock);
    (void)pthread_mutex_destroy(&libraries->lock);
    (void)pthread_cond_destroy(&libraries->built);
    cpu_release(device, libraries);
}

static tenon_status open_cache(tenon_device *device, cpu_cache **out_cache) {
    cpu_libraries *libraries = device->libraries;
    (void)pthread_mutex_lock(&libraries->cache_lock);
    tenon_status status = libraries->cache ? TENON_STATUS_OK : cpu_cache_open(device, &libraries->cache);
    *out_cache = libraries->cache;
    (void)pthread_mutex_unlock(&libraries->cache_lock);
    return status;
}

static void make_key(tenon_device *device, const char *source, size_t size, uint8_t out_key[CPU_SHA256_BYTES]) {
    cpu_sha256 sha;
    cpu_sha256_begin(&sha);
    cpu_sha256_text(&sha, "tenon cpu kernel " CPU_VERSION);
    cpu_sha256_text(&sha, cpu_compiler_identity(device->compiler));
    cpu_sha256_add(&sha, source, size);
    cpu_sha256_end(&sha, out_key);
}

static tenon_status compile_to(tenon_device *device, const tenon_work *work, const char *source, size_t size,
                               cpu_cache *cache, const uint8_t *key, char out_path[PATH_MAX]) {
    char making[PATH_MAX];
    tenon_status status = cpu_cache_begin(cache, making);
    if (status != TENON_STATUS_OK) return cpu_fail(device, status, "no file can be made in the kernel cache");
    status = cpu_compile(device, work, source, size, making);
    if (status == TENON_STATUS_OK) {
        status = cpu_cache_store(cache, key, making, out_path);
        if (status != TENON_STATUS_OK)
            (void)cpu_fail(device, status, "a compiled kernel can't be put into the cache; is the disk full?");
    }
    if (status != TENON_STATUS_OK) cpu_cache_discard(cache, making);
    return status;
}

/* From the cache if a good file is there and loads, else compiled. */
static tenon_status build(tenon_device *device, const tenon_work *work, const char *source, size_t size,
                          const uint8_t *key, void **out_handle) {
    char path[PATH_MAX];
    cpu_cache *cache;
    TENON_TRY(open_cache(device, &cache));
    if (cpu_cache_find(cache, key, path) == TENON_STATUS_OK && (*out_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)))
        return TENON_STATUS_OK;
    TENON_TRY(compile_to(device, work, source, size, cache, key, path));
    *out_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*out_handle) return TENON_STATUS_OK;
    return cpu_fail(device, TENON_STATUS_IO,
                    "a compiled kernel can't be loaded: %s; if its folder forbids execution, set TENON_CACHE_DIR",
                    dlerror());
}

/* Under the lock. */
static cpu_library *look_up(cpu_libraries *libraries, const uint8_t *key) {
    cpu_library *each = libraries->first;
    while (each && memcmp(each->key, key, CPU_SHA256_BYTES) != 0) each = each->next;
    return each;
}

/* Under the lock: takes out of the list. */
static void unlink_library(cpu_libraries *libraries, const cpu_library *library) {
    cpu_library **at = &libraries->first;
    while (*at != library) at = &(*at)->next;
    *at = library->next;
}

/* Under the lock: lets some time pass, or less if a build ends. */
static void await_build(cpu_libraries *libraries) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_NANOSECONDS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&libraries->built, &libraries->lock, &until);
}

/* Under the lock: a reference to a loaded library, or a fresh one (handle NULL) that the caller has to build. */
static tenon_status claim(tenon_device *device, const tenon_work *work, const uint8_t *key, cpu_library **out_library) {
    cpu_libraries *libraries = device->libraries;
    cpu_library *found;
    while ((found = look_up(libraries, key)) != NULL && !found->handle) {
        if (device->host->cancelled(device->host, work))
            return cpu_fail(device, TENON_STATUS_CANCELLED, "cancelled while another prepare compiles the same source");
        await_build(libraries);
    }
    if (!found) {
        found = cpu_allocate(device, sizeof *found);
        if (!found) return cpu_fail(device, TENON_STATUS_OUT_OF_MEMORY, "no memory for a compiled kernel");
        memcpy(found->key, key, CPU_SHA256_BYTES);
        found->next = libraries->first;
        libraries->first = found;
    }
    found->references++;
    *out_library = found;
    return TENON_STATUS_OK;
}

/* Builds a fresh library; on failure it is gone. */
static tenon_status build_fresh(tenon_device *device, const tenon_work *work, const char *source, size_t size,
                                cpu_library *library) {
    cpu_libraries *libraries = device->libraries;
    void *handle = NULL;
    tenon_status status = build(device, work, source, size, library->key, &handle);
    (void)pthread_mutex_lock(&libraries->lock);
    library->handle = handle;
    if (status != TENON_STATUS_OK) unlink_library(libraries, library);
    (void)pthread_cond_broadcast(&libraries->built);
    (void)pthread_mutex_unlock(&libraries->lock);
    if (status != TENON_STATUS_OK) cpu_release(device, library);
    return status;
}

tenon_status cpu_library_get(tenon_device *device, const tenon_work *work, const char *source, size_t size,
                             cpu_library **out_library) {
    cpu_libraries *libraries = device->libraries;
    cpu_library *library = NULL;
    uint8_t key[CPU_SHA256_BYTES];
    make_key(device, source, size, key);
    (void)pthread_mutex_lock(&libraries->lock);
    tenon_status status = claim(device, work, key, &library);
    int is_fresh = status == TENON_STATUS_OK && !library->handle;
    (void)pthread_mutex_unlock(&libraries->lock);
    if (is_fresh) status = build_fresh(device, work, source, size, library);
    if (status == TENON_STATUS_OK) *out_library = library;
    return status;
}

void cpu_library_release(tenon_device *device, cpu_library *library) {
    if (!library) return;
    cpu_libraries *libraries = device->libraries;
    (void)pthread_mutex_lock(&libraries->lock);
    int is_last = --library->references == 0;
    if (is_last) unlink_library(libraries, library);
    (void)pthread_mutex_unlock(&libraries->lock);
    if (!is_last) return;
    (void)dlclose(library->handle);
    cpu_release(device, library);
}

void *cpu_library_find(cpu_library *library, const char *name) {
    return dlsym(library->handle, name);
}
