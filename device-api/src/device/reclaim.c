#include "device/reclaim.h"

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

void tenon__device_reclaim(tenonh_device *device) {
    pthread_mutex_lock(&device->reclaim_lock);
    for (tenon__reclaimer *reclaimer = device->reclaimers; reclaimer; reclaimer = reclaimer->next)
        reclaimer->reclaim(reclaimer->context);
    pthread_mutex_unlock(&device->reclaim_lock);
    tenon__pools_empty(device);
}
