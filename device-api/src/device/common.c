#include <string.h>
#include <time.h>

#include "device/objects.h"
#include "loader/services.h"
#include "support/error.h"

void tenon__retain(_Atomic uint32_t *references) {
    atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
}

int tenon__release(_Atomic uint32_t *references) {
    return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

tenon_status tenon__device_check(const tenonh_device *device, const char *what) {
    if (tenon__forked(device->generation)) return tenon__fail_forked(what);
    if (atomic_load_explicit(&device->lost, memory_order_relaxed))
        return tenon__fail(TENON_STATUS_DEVICE_LOST, "%s: %s: the device is lost; open it in a new process",
                           device->name, what);
    tenon__report_forget();
    return TENON_STATUS_OK;
}

tenon_status tenon__device_failure(tenonh_device *device, tenon_status status, const char *what) {
    if (status == TENON_STATUS_DEVICE_LOST) atomic_store(&device->lost, 1);
    return tenon__report_failure(status, device->name, what, NULL);
}

/* Takes a copy of what was reported for the stream, and with `clear` the words themselves. */
static void take_late(tenonh_stream *stream, int clear, char *out_text, size_t size) {
    pthread_mutex_t *mutex = &stream->device->plugin->report_mutex;
    pthread_mutex_lock(mutex);
    memcpy(out_text, stream->late.text, size);
    if (clear) stream->late.text[0] = '\0';
    pthread_mutex_unlock(mutex);
}

static tenon_status fail_stream(tenonh_stream *stream, tenon_status status, const char *what, int clear) {
    char late[sizeof stream->late.text];
    if (status == TENON_STATUS_DEVICE_LOST) atomic_store(&stream->device->lost, 1);
    take_late(stream, clear, late, sizeof late);
    return tenon__report_failure(status, stream->device->name, what, late);
}

tenon_status tenon__stream_refusal(tenonh_stream *stream, tenon_status status, const char *what) {
    return fail_stream(stream, status, what, status != TENON_STATUS_FAILED_STREAM);
}

tenon_status tenon__stream_failure(tenonh_stream *stream, tenon_status status, const char *what) {
    return fail_stream(stream, status, what, 0);
}

tenon_status tenon__stream_check(tenonh_stream *stream, const char *what) {
    TENON_TRY(tenon__device_check(stream->device, what));
    if (stream->failed == TENON_STATUS_OK) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_FAILED_STREAM, "%s: %s: the stream waited for an event that failed",
                       stream->device->name, what);
}

uint64_t tenon__now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
