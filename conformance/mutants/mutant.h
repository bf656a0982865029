/* A plugin around another one, with one defect planted in it: what the suite is measured with.
 *
 * MUTANT_PLUGIN is the path of the plugin inside, MUTANT the defect's name in mutants.def; without a name, or
 * with "none", the plugin inside is passed through as it is; with MUTANT_REQUIRED_ALONE it is one without optional
 * operators and kernels, which is no defect. Handles are those of the plugin inside; what a defect must
 * know of an object stands in a map beside it. The defect is chosen when the file is loaded.
 * Thread: as the plugin ABI says; what defects share is atomic or under a mutex, unless the race is the defect. */
#ifndef TENON_MUTANTS_MUTANT_H
#define TENON_MUTANTS_MUTANT_H

#include <stdbool.h>
#include <tenon/helpers.h>
#include <tenon/plugin.h>

enum {
    MUTANT_none,
#define MUTANT(name, kind, class, cases, hook, parameter, passes_onnx, meaning) MUTANT_##name,
#include "mutants/mutants.def"
    MUTANT_COUNT
};

/* The defect, and the tables of the plugin inside, whose missing members are NULL. */
typedef struct mutant_state {
    uint32_t planted; /* one of MUTANT_* */
    int64_t parameter;
    bool required_alone; /* work is refused that is none of required operators */
    tenon_plugin plugin;
    tenon_device_hooks device;
    tenon_memory_hooks memory;
    tenon_stream_hooks stream;
    tenon_work_hooks work;
    tenon_event_hooks event;
} mutant_state;

extern mutant_state mutant;

static inline bool planted(uint32_t defect) {
    return mutant.planted == defect;
}

/* What a defect does to the process at these points (process.c). `host` is the host's own table; NULL while loading. */
enum { MUTANT_LOADING, MUTANT_OPENING, MUTANT_CLOSING, MUTANT_PREPARING, MUTANT_LAUNCHING };
void mutant_disturb(uint32_t when, const tenon_host *host);

/* What the hooks look like outside, before members that are not there inside are taken out. */
extern const tenon_device_hooks mutant_device_hooks;
extern const tenon_memory_hooks mutant_memory_hooks;
extern const tenon_stream_hooks mutant_stream_hooks;
extern const tenon_work_hooks mutant_work_hooks;
extern const tenon_event_hooks mutant_event_hooks;

/* -- Objects (objects.c) ---------------------------------------------------------------------------------------------- */

/* What is known of an object of the plugin inside, by its handle. `size` bytes, zeroed; a handle that is there already is
 * given a new record. Owner: the map, until mutant_forget. NULL when there is no memory. Thread: any. */
void *mutant_remember(const void *handle, size_t size);
void *mutant_recall(const void *handle); /* NULL: unknown */
void mutant_forget(const void *handle);

typedef struct mutant_memory {
    tenon_device *device;
    uint64_t size;    /* bytes */
    void *imported;   /* host bytes, or NULL */
    void *mapped;     /* what map gave, or NULL */
    uint32_t flags;   /* of an import */
    uint32_t holders; /* of one handle given out several times */
    void *late;       /* results that a defect keeps until the release, or NULL */
    uint64_t late_offset, late_size;
} mutant_memory;

typedef struct mutant_stream {
    tenon_device *device;
    uint32_t told; /* failures that synchronise has returned */
    int fd;        /* kept open by a leak */
} mutant_stream;

typedef struct mutant_event {
    tenon_device *device;
    const tenon_stream *stream; /* of the latest record */
    uint32_t records;
} mutant_event;

/* -- Instances (device.c) --------------------------------------------------------------------------------------------- */

/* The device's services, the real ones. */
const tenon_host *mutant_host_of(const tenon_device *device);
tenon_status mutant_plugin_open(const tenon_host *host, tenon_instance **out_instance);
void mutant_plugin_close(tenon_instance *instance);

/* Reports and returns a failure that the defect invents. */
tenon_status mutant_fail(tenon_device *device, tenon_status status, const char *text);

/* -- Streams (stream.c) ----------------------------------------------------------------------------------------------- */

/* Carries out the command that a defect holds back on `stream`, if there is one. */
tenon_status mutant_release_held(tenon_stream *stream);
/* Carries out the launch that a defect has put off on `stream` (work.c). */
tenon_status mutant_launch_now(tenon_stream *stream);
/* Copies and waits. */
tenon_status mutant_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size);
tenon_status mutant_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size);
/* What a defect makes of the status of a call on a stream. */
tenon_status mutant_stream_status(tenon_stream *stream, tenon_status status);

/* Leaves others time to come in between. */
void mutant_pause(void);

#endif
