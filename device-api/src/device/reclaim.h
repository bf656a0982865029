/* Memory that a device can have back: parts of the library that keep some for later register here.
 *
 * When an allocation does not fit, and when the application trims the device, all of them are asked to give up what is
 * not in use. Thread: everything here is thread-safe. */
#ifndef TENON__DEVICE_RECLAIM_H
#define TENON__DEVICE_RECLAIM_H

#include "device/objects.h"

/* Gives up what is not in use. Called from any thread, several at a time; must not allocate device memory, nor wait for
 * anything that may. */
typedef struct tenon__reclaimer {
    struct tenon__reclaimer *next;
    void (*reclaim)(void *context);
    bool (*is_busy)(void *context); /* true while something is in use that will be given up by itself; NULL: never */
    void *context;
    bool has_streams; /* gives up streams, too */
} tenon__reclaimer;

void tenon__reclaimer_add(tenonh_device *device, tenon__reclaimer *reclaimer);

/* Once it returns, the reclaimer is not called any more. Called with no lock held that its function takes. */
void tenon__reclaimer_remove(tenonh_device *device, tenon__reclaimer *reclaimer);

/* Asks all reclaimers, then empties the pools. */
void tenon__device_reclaim(tenonh_device *device);

/* Asks those that have streams. */
void tenon__device_reclaim_streams(tenonh_device *device);

/* True while some part has something in use that it will give up. */
bool tenon__device_is_busy(tenonh_device *device);

/* Waits until a part has told that it gave something up, or a moment has passed; the caller looks again. */
void tenon__device_await(tenonh_device *device);

/* Tells those who wait, if any. */
void tenon__device_tell(tenonh_device *device);

#endif
