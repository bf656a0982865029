#include "device/resident.h"

#include <stdlib.h>
#include <string.h>

#include "support/error.h"

void tenon__residents_init(tenon__residents *residents) {
    pthread_mutex_init(&residents->lock, NULL);
    pthread_cond_init(&residents->made, NULL);
}

void tenon__residents_end(tenon__residents *residents) {
    pthread_cond_destroy(&residents->made);
    pthread_mutex_destroy(&residents->lock);
}

static tenon__resident **bucket_of(tenon__residents *residents, const tenon__resident_key *key) {
    uint64_t hash = (uint64_t)(uintptr_t)key->identity;
    for (int i = 0; i < 3; i++) hash = (hash ^ key->form[i]) * 0x9fb21c651e98df25u;
    return &residents->buckets[(hash ^ hash >> 29) % TENON__RESIDENT_BUCKETS];
}

static tenon__resident *find(tenon__residents *residents, const tenon__resident_key *key) {
    tenon__resident *resident = *bucket_of(residents, key);
    while (resident &&
           (resident->key.identity != key->identity || memcmp(resident->key.form, key->form, sizeof key->form) != 0))
        resident = resident->next;
    return resident;
}

static void unlink_resident(tenon__residents *residents, tenon__resident *resident) {
    tenon__resident **link = bucket_of(residents, &resident->key);
    while (*link != resident) link = &(*link)->next;
    *link = resident->next;
}

/* Under the lock: one that is there, waiting while another makes it, or a new one for the caller to make. */
static tenon_status find_or_add(tenon__residents *residents, const tenon__resident_key *key,
                                tenon__resident **out_resident) {
    tenon__resident *resident;
    while ((resident = find(residents, key)) && !resident->ready) pthread_cond_wait(&residents->made, &residents->lock);
    if (!resident) {
        resident = calloc(1, sizeof *resident);
        if (!resident) return tenon__fail_memory();
        resident->key = *key;
        tenon__resident **bucket = bucket_of(residents, key);
        resident->next = *bucket;
        *bucket = resident;
    }
    resident->users++;
    *out_resident = resident;
    return TENON_STATUS_OK;
}

tenon_status tenon__resident_acquire(tenonh_device *device, const tenon__resident_key *key, tenon__resident_maker make,
                                     void *context, tenon__resident **out_resident) {
    tenon__residents *residents = &device->residents;
    tenon__resident *resident = NULL;
    pthread_mutex_lock(&residents->lock);
    tenon_status status = find_or_add(residents, key, &resident);
    uint32_t ready = resident ? resident->ready : 0;
    pthread_mutex_unlock(&residents->lock);
    if (!resident) return status;
    if (!ready) {
        status = make(device, resident, context);
        pthread_mutex_lock(&residents->lock);
        resident->ready = status == TENON_STATUS_OK;
        if (resident->ready && !resident->imported) tenon__count(&residents->bytes, resident->size);
        if (status != TENON_STATUS_OK) unlink_resident(residents, resident);
        pthread_cond_broadcast(&residents->made); /* who waited for one that failed makes it anew */
        pthread_mutex_unlock(&residents->lock);
    }
    if (status != TENON_STATUS_OK) return free(resident), status;
    *out_resident = resident;
    return TENON_STATUS_OK;
}

void tenon__resident_release(tenonh_device *device, tenon__resident *resident) {
    tenon__residents *residents = &device->residents;
    if (!resident) return;
    pthread_mutex_lock(&residents->lock);
    uint32_t users = --resident->users;
    if (users == 0) unlink_resident(residents, resident);
    pthread_mutex_unlock(&residents->lock);
    if (users > 0) return;
    if (!resident->imported) atomic_fetch_sub(&residents->bytes, resident->size);
    tenonh_memory_release(resident->memory);
    if (resident->forget) resident->forget(resident->owner);
    free(resident);
}
