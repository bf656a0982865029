#include "device/reclaim.h"

#include <time.h>

#include "device/pool.h"

void tenon__reclaimer_add(tenonh_device *device, tenon__reclaimer *reclaimer) {
    pthread_mutex_lock(&device->reclaim_lock);
    reclaimer->next = device->reclaimers;
    device->reclaimers = reclaimer;
    pthread_mutex_unlock(&device->reclaim_lock);
}

void tenon__reclaimer_remove(tenonh_device *device, tenon__reclaimer *reclaimer) {
    pthread_mutex_lock(&device->reclaim_lock);
    tenon__reclaimer **link = &device->reclaimers;
    while (*link && *link != reclaimer) link = &(*link)->next;
    if (*link) *link = reclaimer->next;
    pthread_mutex_unlock(&device->reclaim_lock);
}

static void ask(tenonh_device *device, bool all) {
    pthread_mutex_lock(&device->reclaim_lock);
    for (tenon__reclaimer *reclaimer = device->reclaimers; reclaimer; reclaimer = reclaimer->next)
        if (all || reclaimer->has_streams) reclaimer->reclaim(reclaimer->context);
    pthread_mutex_unlock(&device->reclaim_lock);
}

void tenon__device_reclaim(tenonh_device *device) {
    ask(device, true);
    tenon__pools_empty(device);
}

void tenon__device_reclaim_streams(tenonh_device *device) {
    ask(device, false);
}

bool tenon__device_is_busy(tenonh_device *device) {
    bool busy = false;
    pthread_mutex_lock(&device->reclaim_lock);
    for (tenon__reclaimer *reclaimer = device->reclaimers; reclaimer && !busy; reclaimer = reclaimer->next)
        busy = reclaimer->is_busy && reclaimer->is_busy(reclaimer->context);
    pthread_mutex_unlock(&device->reclaim_lock);
    return busy;
}

void tenon__device_await(tenonh_device *device) {
    enum { MOMENT_NS = 10000000, SECOND_NS = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += MOMENT_NS;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    pthread_mutex_lock(&device->wait_lock);
    atomic_fetch_add(&device->waiters, 1);
    pthread_cond_timedwait(&device->given_up, &device->wait_lock, &until);
    atomic_fetch_sub(&device->waiters, 1);
    pthread_mutex_unlock(&device->wait_lock);
}

void tenon__device_tell(tenonh_device *device) {
    if (atomic_load_explicit(&device->waiters, memory_order_relaxed) == 0) return;
    pthread_mutex_lock(&device->wait_lock);
    pthread_cond_broadcast(&device->given_up);
    pthread_mutex_unlock(&device->wait_lock);
}
