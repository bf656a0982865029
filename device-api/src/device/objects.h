/* The host's objects on a device, for the library's own parts. References are atomic counts; an object holds one on what
 * it needs. Hot paths read `handle` and the device's hooks directly. */
#ifndef TENON__DEVICE_OBJECTS_H
#define TENON__DEVICE_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <tenon/host/device.h>
#include <tenon/host/exec.h>
#include <tenon/host/tensor.h>

#include "loader/plugin.h"
#include "loader/registry.h"

typedef struct tenon__counters {
    _Atomic uint64_t allocations;
    _Atomic uint64_t allocated_bytes;
    _Atomic uint64_t peak_bytes;
    _Atomic uint64_t written_bytes;
    _Atomic uint64_t read_bytes;
    _Atomic uint64_t copied_bytes;
    _Atomic uint64_t prepares;
    _Atomic uint64_t refusals;
    _Atomic uint64_t prepare_ns;
    _Atomic uint64_t emulated_events;
    _Atomic uint64_t emulated_queries;
    _Atomic uint64_t emulated_fills;
    _Atomic uint64_t pooled_bytes;
    _Atomic uint64_t imported_bytes;
} tenon__counters;

/* What is shared on a device by what it holds; see resident.h. */
enum { TENON__RESIDENT_BUCKETS = 1024 };
typedef struct tenon__residents {
    pthread_mutex_t lock;
    pthread_cond_t made;    /* one was made, or could not be */
    _Atomic uint64_t bytes; /* of residents that are not imported */
    struct tenon__resident *buckets[TENON__RESIDENT_BUCKETS];
} tenon__residents;

struct tenonh_device {
    _Atomic uint32_t references;
    uint32_t generation; /* of the registry */
    uint32_t index;
    uint32_t has_events;
    tenon__plugin *plugin; /* kept by `registry` */
    tenonh_registry *registry;
    const tenon__hooks *hooks;
    tenon_device *handle;
    struct tenonh_device *next; /* of the plugin's open devices */
    char name[48];
    tenon_device_info info;
    tenon_dialect dialect; /* the host's copy; struct_size 0: none */
    tenon_memory_type *types;
    uint32_t type_count;
    _Atomic uint32_t lost;
    _Atomic uint32_t stream_count;
    tenon__counters counters;
    tenon__residents residents;
    struct tenon__pool *pools; /* by memory type; see pool.h */
    pthread_mutex_t reclaim_lock;
    struct tenon__reclaimer *reclaimers; /* see reclaim.h */
    _Atomic uint32_t waiters;            /* for what others give up */
    pthread_mutex_t wait_lock;           /* the innermost: nothing is done under it */
    pthread_cond_t given_up;
    pthread_mutex_t shared_lock;
    struct tenon__exec_cache *execs; /* of who prepares work, under shared_lock; see plan/execs.c */
};

struct tenonh_memory {
    _Atomic uint32_t references;
    uint32_t type;
    tenonh_device *device;
    tenon_memory *handle;
    uint64_t size;   /* bytes asked for */
    uint64_t padded; /* bytes allocated */
    _Atomic uint32_t mapped;
    uint32_t imported;          /* TENON__IMPORTED, and TENON__READ_ONLY: host bytes used where they lie */
    uint64_t class_size;        /* of pooled memory; 0: goes back to the device */
    struct tenonh_memory *next; /* in its pool */
};
enum { TENON__IMPORTED = 1, TENON__READ_ONLY = 2 };

struct tenonh_stream {
    _Atomic uint32_t references;
    tenon_status failed; /* set when the host itself failed the stream: an emulated wait for a failed event */
    tenonh_device *device;
    tenon_stream *handle;
    tenon__late late;
};

struct tenonh_event {
    _Atomic uint32_t references;
    tenonh_device *device;
    tenon_event *handle; /* NULL: emulated */
    _Atomic uint32_t recorded;
    _Atomic tenon_status status; /* emulated: of the stream when it was recorded */
    _Atomic uint64_t time;       /* emulated: nanoseconds */
};

struct tenonh_tensor {
    _Atomic uint32_t references;
    tenon_dtype dtype;
    uint32_t rank;
    uint32_t contiguous;
    tenonh_memory *memory;
    uint64_t offset;   /* bytes */
    int64_t count;     /* elements */
    uint64_t size;     /* bytes when contiguous */
    int64_t numbers[]; /* dims, then strides */
};

struct tenonh_exec {
    _Atomic uint32_t references;
    uint32_t generation;
    tenonh_device *device;
    tenon_exec *handle;
    tenon_status (*launch)(tenon_stream *, tenon_exec *, const tenon_launch *);
    const tenon_symbol *ranges;
    uint32_t symbol_count;
    uint32_t operand_count;
    uint32_t grid_count;
    uint32_t scalar_count; /* of an op; TENON__ANY_SCALARS for other work */
    tenon_exec_info info;
};
#define TENON__ANY_SCALARS 0xffffffffu

/* Adds a reference, or takes one and tells whether it was the last. */
void tenon__retain(_Atomic uint32_t *references);
int tenon__release(_Atomic uint32_t *references);

/* OK, or the failure of calling `what` on objects of a process before the fork, or on a lost device. */
tenon_status tenon__device_check(const tenonh_device *device, const char *what);

/* Makes the message of a failed hook and keeps a loss in mind. Returns the status as the host knows it. */
tenon_status tenon__device_failure(tenonh_device *device, tenon_status status, const char *what);

/* The same for a stream: a call that was refused, and a failure that waiting for the stream brought to light, whose words
 * stay with the stream. */
tenon_status tenon__stream_refusal(tenonh_stream *stream, tenon_status status, const char *what);
tenon_status tenon__stream_failure(tenonh_stream *stream, tenon_status status, const char *what);

/* Checks before calls on a stream. */
tenon_status tenon__stream_check(tenonh_stream *stream, const char *what);

/* Counts an allocation. */
void tenon__memory_count(tenonh_device *device, uint64_t bytes);

/* A tensor of the shape without memory. Strides NULL: row-major. */
tenon_status tenon__tensor_create_shape(tenon_dtype dtype, uint32_t rank, const int64_t *dims, const int64_t *strides,
                                        tenonh_tensor **out_tensor);

/* Adds to a counter. */
static inline void tenon__count(_Atomic uint64_t *counter, uint64_t amount) {
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* Nanoseconds of a clock that never goes back. */
uint64_t tenon__now(void);

#endif
