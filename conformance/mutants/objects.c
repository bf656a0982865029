/* What is known of the objects of the plugin inside: a map from handles to records. */
#include <pthread.h>
#include <stdlib.h>

#include "mutants/mutant.h"

enum { BUCKETS = 1024 };

typedef struct entry {
    struct entry *next;
    const void *handle;
    void *record;
} entry;

static entry *buckets[BUCKETS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static entry **bucket_of(const void *handle) {
    return &buckets[((uintptr_t)handle >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

/* The pointer to the handle's entry, or to where it would be. Under the mutex. */
static entry **find(const void *handle) {
    entry **at = bucket_of(handle);
    while (*at && (*at)->handle != handle) at = &(*at)->next;
    return at;
}

static void *renew(entry **at, const void *handle, size_t size) {
    void *record = calloc(1, size);
    if (!record) return NULL;
    if (!*at) {
        if (!(*at = calloc(1, sizeof **at))) {
            free(record);
            return NULL;
        }
        (*at)->handle = handle;
    }
    free((*at)->record);
    return (*at)->record = record;
}

void *mutant_remember(const void *handle, size_t size) {
    pthread_mutex_lock(&mutex);
    void *record = renew(find(handle), handle, size);
    pthread_mutex_unlock(&mutex);
    return record;
}

void *mutant_recall(const void *handle) {
    pthread_mutex_lock(&mutex);
    entry *found = *find(handle);
    void *record = found ? found->record : NULL;
    pthread_mutex_unlock(&mutex);
    return record;
}

void mutant_forget(const void *handle) {
    pthread_mutex_lock(&mutex);
    entry **at = find(handle), *gone = *at;
    if (gone) *at = gone->next;
    pthread_mutex_unlock(&mutex);
    if (gone) free(gone->record);
    free(gone);
}
