/* A device in host memory for tests of the loader and the host's objects. Every macro below may be set when it is
 * compiled: planted.cmake makes a family of plugins from it, each with one thing wrong or left out.
 *
 * It takes op work, and what it does depends on the operator:
 *   add  adds two contiguous f32 vectors          sub  fails late with OUT_OF_RANGE
 *   mul  loses the device                         div  prepares an exec that claims more than was asked
 *   max  launches with a status that is none      min  prepares until it is cancelled
 * and everything else is UNSUPPORTED.
 *
 * CONSTRUCTOR, DESTRUCTOR, QUERY, OPEN, INFO, CLOSE (of a device) and WRITE are statements that run there; misbehaviours for them stand below. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tenon/hooks.h>
#include <tenon/plugin.h>

#ifndef MAGIC
#define MAGIC TENON_PLUGIN_MAGIC
#endif
#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof(tenon_plugin)
#endif
#ifndef ABI_VERSION
#define ABI_VERSION TENON_ABI_VERSION
#endif
#ifndef ABI_OLDEST
#define ABI_OLDEST TENON_ABI_VERSION
#endif
#ifndef ID
#define ID "fake"
#endif
#ifndef VENDOR
#define VENDOR "Tenon's tests"
#endif
#ifndef OPEN_STATUS
#define OPEN_STATUS TENON_STATUS_OK
#endif
#ifndef DEVICE_COUNT
#define DEVICE_COUNT 2
#endif
#ifndef COUNT_STATUS
#define COUNT_STATUS TENON_STATUS_OK
#endif
#ifndef DEVICE_SIZE
#define DEVICE_SIZE sizeof(tenon_device_hooks)
#endif
#ifndef NARROW
#define NARROW INT64_MAX /* most elements that an exec for symbols takes */
#endif
#ifndef WORK_KINDS
#define WORK_KINDS TENON_WORK_OP
#endif
#ifndef TYPE_COUNT
#define TYPE_COUNT 1
#endif
#ifndef TYPE_FLAGS
#define TYPE_FLAGS TENON_MEMORY_DEVICE
#endif
#ifndef TYPE_ALIGNMENT
#define TYPE_ALIGNMENT 64
#endif
#ifndef DENORMALS
#define DENORMALS TENON_DENORMAL_KEEP
#endif
#ifndef DEVICE_OPEN
#define DEVICE_OPEN device_open
#endif
#ifndef MAX_STREAMS
#define MAX_STREAMS 3
#endif
#ifndef MEMORY_ALLOCATE
#define MEMORY_ALLOCATE memory_allocate
#endif
#ifndef MEMORY_SIZE
#define MEMORY_SIZE sizeof(tenon_memory_hooks)
#endif
#ifndef LIMIT
#define LIMIT ((uint64_t)1 << 40) /* bytes that all allocations of a device may have together */
#endif
#ifndef BUDGET
#define BUDGET 0 /* bytes that it says are left */
#endif
#ifndef MEMORY_MAP
#define MEMORY_MAP NULL
#endif
#ifndef MEMORY_UNMAP
#define MEMORY_UNMAP NULL
#endif
#ifndef MEMORY_FLUSH
#define MEMORY_FLUSH NULL
#endif
#ifndef MEMORY_INVALIDATE
#define MEMORY_INVALIDATE NULL
#endif
#ifndef STREAM_QUERY
#define STREAM_QUERY NULL
#endif
#ifndef STREAM_FILL
#define STREAM_FILL NULL
#endif
#ifndef WORK
#define WORK &work_hooks
#endif
#ifndef EVENT
#define EVENT NULL
#endif
#ifndef EVENT_WAIT
#define EVENT_WAIT event_wait
#endif
#ifndef ENTRY
#define ENTRY tenon_plugin_query
#endif
#ifndef ANSWER
#define ANSWER (&plugin)
#endif

#define OPTIONAL static __attribute__((unused)) /* some plugins leave the hook out */

/* -- What no plugin may do ---------------------------------------------------------------------------------------- */

OPTIONAL void crash(void) {
    raise(SIGSEGV);
}

/* Waits for something that never comes. */
OPTIONAL void hang(void) {
    for (;;) pause();
}

OPTIONAL void spin(void) {
    for (volatile uint64_t i = 0;; i++) {}
}

/* Leaves a child behind that keeps every file open. */
OPTIONAL void fork_and_crash(void) {
    if (fork() == 0) hang();
    crash();
}

/* Says more than anybody reads. */
OPTIONAL void talk_and_crash(void) {
    fputs("no licence server\n", stderr);
    for (int i = 0; i < 100000; i++) fputs("and so on, ", stderr);
    crash();
}

/* Scribbles over the files that are not its own. */
OPTIONAL void scribble(void) {
    static const char garbage[2000] = "garbage";
    for (int i = 3; i < 64; i++) (void)!write(i, garbage, sizeof garbage);
}

/* Serves the first host of a process alone. */
OPTIONAL tenon_status first_host_only(void) {
    static _Atomic uint32_t hosts;
    return hosts++ == 0 ? TENON_STATUS_OK : TENON_STATUS_UNAVAILABLE;
}

/* An address that nothing lies at. */
OPTIONAL const char *wild_string(void) {
    return (const char *)(uintptr_t)0x1234;
}

/* Longer than any name. */
OPTIONAL const char *endless_string(void) {
    static char text[100001];
    memset(text, 'a', sizeof text - 1);
    return text;
}

OPTIONAL void close_files(void) {
    for (int i = 0; i < 64; i++) close(i);
}

OPTIONAL void wait_a_little(void) {
    const struct timespec moment = {0, 100000000};
    nanosleep(&moment, NULL);
}

/* Tells what it was given, then ends the process so that the host is told. */
OPTIONAL void tell_surroundings(void) {
    char folder[256];
    const char *secret = getenv("TENON_SECRET"), *debug = getenv("LD_DEBUG_OUTPUT"), *home = getenv("HOME");
    const char *cache = getenv("TENON_CACHE_DIR");
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    printf("secret %s debug %s home %s ", secret ? secret : "none", debug ? debug : "none", home ? home : "none");
    printf("cache %s ", cache && cache[0] == '/' ? "given" : "none");
    printf("file %d mask %d int %d ", fcntl(77, F_GETFD), sigismember(&blocked, SIGINT),
           signal(SIGINT, SIG_DFL) == SIG_DFL);
    printf("folder %s\n", getcwd(folder, sizeof folder));
    fflush(stdout);
    _exit(7);
}

#ifdef CONSTRUCTOR
__attribute__((constructor)) static void construct(void) {
    CONSTRUCTOR;
}
#endif

#ifdef DESTRUCTOR
__attribute__((destructor)) static void destruct(void) {
    DESTRUCTOR;
}
#endif

/* -- The device --------------------------------------------------------------------------------------------------- */

enum { FLUSH_UNIT = 64, OVER_READ = 32 };

struct tenon_instance {
    const tenon_host *host;
    void *kept;               /* host memory, for the count of it */
    _Atomic uint32_t devices; /* open ones: closing before them is the host's fault, and ends the process */
};

struct tenon_device {
    tenon_instance *instance;
    uint32_t index;
    _Atomic uint32_t lost;
    _Atomic uint64_t allocated; /* bytes */
    _Atomic uint32_t objects;   /* as devices of an instance */
};

struct tenon_memory {
    uint64_t size;
    unsigned char *shadow; /* what a mapping shows: not coherent */
    unsigned char bytes[];
};

struct tenon_stream {
    tenon_device *device;
    tenon_status failed;
};

struct tenon_event {
    tenon_device *device;
    tenon_status status;
    uint64_t time;
};

struct tenon_exec {
    tenon_op op;
    int64_t count; /* elements; negative: symbol 0 tells */
};

#define FAIL(device, stream, ...) tenon_report((device)->instance->host, device, stream, NULL, __VA_ARGS__)

#ifdef UNRESOLVED
void tenon_no_library_has_this(void);
#endif

static tenon_status plugin_open(const tenon_host *host, tenon_instance **out_instance) {
#ifdef UNRESOLVED
    tenon_no_library_has_this();
#endif
#ifdef OPEN
    OPEN;
#endif
    tenon_status answer = OPEN_STATUS;
    if (answer != TENON_STATUS_OK)
        return tenon_report(host, NULL, NULL, NULL, answer, "the driver is from the last century");
#ifdef NO_INSTANCE
    return TENON_STATUS_OK;
#endif
    tenon_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return TENON_STATUS_OUT_OF_MEMORY;
    instance->host = host;
    instance->kept = host->allocate(host, 100);
    *out_instance = instance;
    return TENON_STATUS_OK;
}

static void plugin_close(tenon_instance *instance) {
    if (instance->devices) abort();
    instance->host->release(instance->host, instance->kept);
    free(instance);
}

static tenon_status device_count(tenon_instance *instance, uint32_t *out_count) {
    (void)instance;
    *out_count = DEVICE_COUNT;
    return COUNT_STATUS;
}

OPTIONAL tenon_status device_open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    tenon_device *device = calloc(1, sizeof *device);
    if (!device) return TENON_STATUS_OUT_OF_MEMORY;
    device->instance = instance;
    device->index = index;
    instance->devices++;
    *out_device = device;
    return TENON_STATUS_OK;
}

static void device_close(tenon_device *device) {
#ifdef CLOSE
    CLOSE;
#endif
    if (device->objects) abort();
    device->instance->devices--;
    free(device);
}

static tenon_status device_info(tenon_device *device, tenon_device_info *out_info) {
    out_info->kind = TENON_DEVICE_DSP;
    out_info->uuid[0] = (uint8_t)device->index;
    out_info->denormals = DENORMALS;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_DYNAMIC;
    out_info->work_kinds = WORK_KINDS;
    out_info->max_streams = MAX_STREAMS;
#ifdef INFO
    INFO;
#endif
    return TENON_STATUS_OK;
}

static tenon_status device_health(tenon_device *device) {
    return device->lost ? TENON_STATUS_DEVICE_LOST : TENON_STATUS_OK;
}

static tenon_status memory_type_count(tenon_device *device, uint32_t *out_count) {
    (void)device;
    *out_count = TYPE_COUNT;
    return TENON_STATUS_OK;
}

static tenon_status memory_type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    (void)device, (void)index;
    out_type->flags = TYPE_FLAGS;
    out_type->budget = BUDGET;
    out_type->alignment = TYPE_ALIGNMENT;
    out_type->over_read = OVER_READ;
    out_type->flush_unit = FLUSH_UNIT;
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status memory_allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    (void)type;
    if (size > (uint64_t)1 << 30) return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "1 GiB is all there is");
    if (atomic_fetch_add(&device->allocated, size) + size > LIMIT) {
        atomic_fetch_sub(&device->allocated, size);
        return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "all its memory is in use");
    }
    tenon_memory *memory = calloc(1, sizeof *memory + size);
    if (!memory) return TENON_STATUS_OUT_OF_MEMORY;
    memory->size = size;
    device->objects++;
    *out_memory = memory;
    return TENON_STATUS_OK;
}

static void memory_release(tenon_device *device, tenon_memory *memory) {
    atomic_fetch_sub(&device->allocated, memory->size);
    device->objects--;
    free(memory->shadow);
    free(memory);
}

OPTIONAL tenon_status memory_map(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size,
                                 void **out_pointer) {
    (void)device, (void)size;
    memory->shadow = calloc(1, memory->size + FLUSH_UNIT);
    if (!memory->shadow) return TENON_STATUS_OUT_OF_MEMORY;
    *out_pointer = memory->shadow + offset;
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status memory_unmap(tenon_device *device, tenon_memory *memory) {
    (void)device;
    free(memory->shadow);
    memory->shadow = NULL;
    return TENON_STATUS_OK;
}

/* Part of a range of whole flush units that the allocation has. */
static uint64_t clip(const tenon_memory *memory, uint64_t offset, uint64_t size) {
    return offset + size > memory->size ? memory->size - offset : size;
}

OPTIONAL tenon_status memory_flush(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    if (offset % FLUSH_UNIT || size % FLUSH_UNIT) return FAIL(device, NULL, TENON_STATUS_INVALID, "half a flush unit");
    memcpy(memory->bytes + offset, memory->shadow + offset, clip(memory, offset, size));
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status memory_invalidate(tenon_device *device, tenon_memory *memory, uint64_t offset, uint64_t size) {
    if (offset % FLUSH_UNIT || size % FLUSH_UNIT) return FAIL(device, NULL, TENON_STATUS_INVALID, "half a flush unit");
    memcpy(memory->shadow + offset, memory->bytes + offset, clip(memory, offset, size));
    return TENON_STATUS_OK;
}

static tenon_status stream_create(tenon_device *device, tenon_stream **out_stream) {
    tenon_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return TENON_STATUS_OUT_OF_MEMORY;
    stream->device = device;
    device->objects++;
    *out_stream = stream;
    return TENON_STATUS_OK;
}

static void stream_destroy(tenon_stream *stream) {
    stream->device->objects--;
    free(stream);
}

static tenon_status stream_synchronize(tenon_stream *stream) {
    return stream->failed;
}

static tenon_status check(tenon_stream *stream) {
    if (stream->failed) return TENON_STATUS_FAILED_STREAM;
    return stream->device->lost ? TENON_STATUS_DEVICE_LOST : TENON_STATUS_OK;
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
#ifdef WRITE
    WRITE;
#endif
    TENON_TRY(check(stream));
    memcpy(destination.memory->bytes + destination.offset, source, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check(stream));
    memcpy(destination, source.memory->bytes + source.offset, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    return stream_write(stream, destination, source.memory->bytes + source.offset, size);
}

OPTIONAL tenon_status stream_fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern,
                                  uint32_t pattern_size, uint64_t size) {
    TENON_TRY(check(stream));
    for (uint64_t i = 0; i < size; i += pattern_size)
        memcpy(destination.memory->bytes + destination.offset + i, &pattern, pattern_size);
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status event_create(tenon_device *device, tenon_event **out_event) {
    tenon_event *event = calloc(1, sizeof *event);
    if (!event) return TENON_STATUS_OUT_OF_MEMORY;
    event->device = device;
    device->objects++;
    *out_event = event;
    return TENON_STATUS_OK;
}

OPTIONAL void event_destroy(tenon_event *event) {
    event->device->objects--;
    free(event);
}

OPTIONAL tenon_status event_record(tenon_event *event, tenon_stream *stream) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->status = stream->failed;
    event->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status event_query(tenon_event *event) {
    return event->status;
}

OPTIONAL tenon_status event_wait(tenon_stream *stream, tenon_event *event) {
    if (!stream->failed) stream->failed = event->status;
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status event_elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    if (!start->time || !end->time) return TENON_STATUS_INVALID;
    *out_nanoseconds = end->time - start->time;
    return TENON_STATUS_OK;
}

OPTIONAL tenon_status wait_for_cancel(tenon_device *device, const tenon_work *work) {
    const tenon_host *host = device->instance->host;
    const struct timespec pause = {0, 1000000};
    while (!host->cancelled(host, work)) nanosleep(&pause, NULL);
    return FAIL(device, NULL, TENON_STATUS_CANCELLED, "the host asked for it");
}

OPTIONAL tenon_status work_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                   tenon_exec **out_exec) {
    TENON_TRY(tenon_work_check(work));
    switch (work->op->op) {
    case TENON_OP_ADD:
    case TENON_OP_SUB:
    case TENON_OP_MUL:
    case TENON_OP_MAX: break;
    case TENON_OP_DIV: out_info->symbols[0].max += 1; break;
    case TENON_OP_MIN: return wait_for_cancel(device, work);
    default: return FAIL(device, NULL, TENON_STATUS_UNSUPPORTED, "operator %u is none of its few", work->op->op);
    }
    tenon_exec *exec = malloc(sizeof *exec);
    if (!exec) return TENON_STATUS_OUT_OF_MEMORY;
    exec->op = work->op->op;
    const tenon_extent *dim = &work->operands[0].view.dims[0];
    exec->count = dim->symbol == TENON_NO_SYMBOL ? dim->value : -1;
    if (work->symbol_count && out_info->symbols[0].max > NARROW) out_info->symbols[0].max = NARROW;
    device->objects++;
    *out_exec = exec;
    return TENON_STATUS_OK;
}

static void add(const tenon_exec *exec, const tenon_launch *launch) {
    float values[3];
    int64_t count = exec->count < 0 ? launch->symbols[0] : exec->count;
    for (int64_t i = 0; i < count; i++) {
        for (int k = 0; k < 2; k++)
            memcpy(&values[k], launch->buffers[k].memory->bytes + launch->buffers[k].offset + 4 * i, 4);
        values[2] = values[0] + values[1];
        memcpy(launch->buffers[2].memory->bytes + launch->buffers[2].offset + 4 * i, &values[2], 4);
    }
}

OPTIONAL tenon_status work_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    tenon_device *device = stream->device;
    TENON_TRY(check(stream));
    if (exec->op == TENON_OP_MAX) return 999;
    if (exec->op == TENON_OP_MUL) {
        device->lost = 1;
        return FAIL(device, stream, TENON_STATUS_DEVICE_LOST, "it fell off the bus");
    }
    if (exec->op == TENON_OP_SUB)
        stream->failed = FAIL(device, stream, TENON_STATUS_OUT_OF_RANGE, "index 7 of 5");
    else
        add(exec, launch);
    return TENON_STATUS_OK;
}

OPTIONAL void work_release(tenon_device *device, tenon_exec *exec) {
    device->objects--;
    free(exec);
}

static const tenon_device_hooks device_hooks = {
    .struct_size = DEVICE_SIZE,
    .count = device_count,
    .open = DEVICE_OPEN,
    .close = device_close,
    .info = device_info,
    .health = device_health,
};

static const tenon_memory_hooks memory_hooks = {
    .struct_size = MEMORY_SIZE,
    .type_count = memory_type_count,
    .type_info = memory_type_info,
    .allocate = MEMORY_ALLOCATE,
    .release = memory_release,
    .map = MEMORY_MAP,
    .unmap = MEMORY_UNMAP,
    .flush = MEMORY_FLUSH,
    .invalidate = MEMORY_INVALIDATE,
};

static const tenon_stream_hooks stream_hooks = {
    .struct_size = sizeof stream_hooks,
    .create = stream_create,
    .destroy = stream_destroy,
    .synchronize = stream_synchronize,
    .query = STREAM_QUERY,
    .write = stream_write,
    .read = stream_read,
    .copy = stream_copy,
    .fill = STREAM_FILL,
};

static const tenon_work_hooks work_hooks __attribute__((unused)) = {
    .struct_size = sizeof work_hooks,
    .prepare = work_prepare,
    .launch = work_launch,
    .release = work_release,
};

static const tenon_event_hooks event_hooks __attribute__((unused)) = {
    .struct_size = sizeof event_hooks,
    .create = event_create,
    .destroy = event_destroy,
    .record = event_record,
    .query = event_query,
    .synchronize = event_query,
    .wait = EVENT_WAIT,
    .elapsed = event_elapsed,
};

static const tenon_plugin plugin __attribute__((unused)) = {
    .magic = MAGIC,
    .struct_size = STRUCT_SIZE,
    .abi_version = ABI_VERSION,
    .abi_oldest = ABI_OLDEST,
    .id = ID,
    .vendor = VENDOR,
    .version = "1.2.3",
    .license = "Apache-2.0",
    .open = plugin_open,
    .close = plugin_close,
    .device = &device_hooks,
    .memory = &memory_hooks,
    .stream = &stream_hooks,
    .work = WORK,
    .event = EVENT,
};

#ifdef NOTE_VERSION
#undef TENON_ABI_VERSION
#define TENON_ABI_VERSION NOTE_VERSION
#endif
#ifdef NOTE_LAYOUT
#undef TENON_LAYOUT_HASH
#define TENON_LAYOUT_HASH NOTE_LAYOUT
#endif
/* Another copy of the table each time. */
OPTIONAL const tenon_plugin *another_table(void) {
    static tenon_plugin copies[2];
    static int calls;
    tenon_plugin *copy = &copies[calls++ % 2];
    memcpy(copy, &plugin, sizeof plugin);
    return copy;
}

#ifndef NO_NOTE
TENON_PLUGIN_NOTE();
#endif

TENON_EXPORT const tenon_plugin *ENTRY(void);

const tenon_plugin *ENTRY(void) {
#ifdef QUERY
    QUERY;
#endif
    return ANSWER;
}
