/* A device whose streams are threads that dawdle: before each launch a stream sleeps as a seed says, so that whatever
 * nothing orders happens in any order. It takes a few operators on i32 with numbers for dims, and no others, so that a
 * session with a fallback moves values. Results may take an operand's place (TENON_ANY_ALIAS).
 *
 * The seed is TENON_SLOW_SEED in the environment, read when the device is opened. NO_EVENTS and MAX_STREAMS, defined, make
 * devices that can do less. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tenon/helpers.h>
#include <tenon/hooks.h>
#include <tenon/plugin.h>
#include <tenon/walk.h>

#ifndef ID
#define ID "slow"
#endif
#ifndef MAX_STREAMS
#define MAX_STREAMS 0
#endif

enum { MAX_OPERANDS = 4, ALIGNMENT = 64 };

struct tenon_instance {
    const tenon_host *host;
};

struct tenon_device {
    tenon_instance *instance;
    uint64_t seed, launches;
};

struct tenon_exec {
    tenon_op op;
    uint32_t operand_count, axes; /* axes: bits of those that a sum takes away */
    tenon_view views[MAX_OPERANDS];
};

/* A moment of a stream. */
typedef struct moment {
    uint32_t references, passed;
} moment;

typedef struct command {
    struct command *next;
    uint32_t kind;
    const tenon_exec *exec;
    void *bytes[MAX_OPERANDS];
    uint64_t size, pause; /* bytes; nanoseconds */
    moment *moment;
} command;

enum { RUN = 1, COPY, RECORD, WAIT, QUIT };

struct tenon_stream {
    tenon_device *device;
    pthread_t thread;
    command *first, *last;
    uint32_t busy;
};

struct tenon_event {
    moment *moment; /* NULL: unrecorded */
};

/* One lock for all queues and moments: what is tested is who waits for whom, not speed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

#define FAIL(device, ...) tenon_report((device)->instance->host, device, NULL, NULL, __VA_ARGS__)

/* -- Memory: an allocation's handle is its address -- */

static tenon_status memory_type_count(tenon_device *device, uint32_t *out_count) {
    (void)device;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status memory_type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    if (index > 0) return FAIL(device, TENON_STATUS_NOT_FOUND, "there is memory type 0 alone");
    out_type->flags = TENON_MEMORY_DEVICE;
    out_type->size = (uint64_t)1 << 32;
    out_type->alignment = ALIGNMENT;
    out_type->flush_unit = 1;
    return TENON_STATUS_OK;
}

static tenon_status memory_allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    uint64_t whole = (size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    void *bytes = type == 0 ? aligned_alloc(ALIGNMENT, whole) : NULL;
    if (!bytes) return FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    memset(bytes, 0x5a, whole);
    *out_memory = bytes;
    return TENON_STATUS_OK;
}

static void memory_release(tenon_device *device, tenon_memory *memory) {
    (void)device;
    free(memory);
}

static void *bytes_of(tenon_buffer buffer) {
    return (char *)buffer.memory + buffer.offset;
}

/* -- Operators -- */

static int32_t combine(tenon_op op, int32_t a, int32_t b) {
    switch (op) {
    case TENON_OP_ADD: return (int32_t)((uint32_t)a + (uint32_t)b);
    case TENON_OP_SUB: return (int32_t)((uint32_t)a - (uint32_t)b);
    case TENON_OP_MUL: return (int32_t)((uint32_t)a * (uint32_t)b);
    case TENON_OP_MAX: return a > b ? a : b;
    case TENON_OP_NEG: return (int32_t)(0u - (uint32_t)a);
    default: return a; /* copy */
    }
}

static void numbers_of(const tenon_view *view, int64_t *dims, int64_t *strides) {
    for (uint32_t i = 0; i < view->rank; i++) {
        dims[i] = view->dims[i].value;
        strides[i] = view->strides[i].value;
    }
}

/* Walks `count` operands over the dims of the last of them; strides[i] are those of operand i. */
static void run_walk(const tenon_exec *exec, void *const *bytes, uint32_t count, uint32_t rank, const int64_t *dims,
                     const int64_t *const *strides, int adds) {
    tenon_walk walk;
    if (tenon_walk_begin(&walk, rank, dims, count, strides) != TENON_STATUS_OK) return;
    while (tenon_walk_next(&walk)) {
        for (int64_t i = 0; i < walk.count; i++) {
            int32_t in[2] = {0};
            for (uint32_t k = 0; k + 1 < count; k++)
                in[k] = ((const int32_t *)bytes[k])[walk.offsets[k] + i * walk.steps[k]];
            int32_t *out = (int32_t *)bytes[count - 1] + walk.offsets[count - 1] + i * walk.steps[count - 1];
            *out = adds ? combine(TENON_OP_ADD, *out, in[0]) : combine(exec->op, in[0], in[1]);
        }
    }
}

static void run_elementwise(const tenon_exec *exec, void *const *bytes) {
    int64_t dims[TENON_MAX_RANK], strides[MAX_OPERANDS][TENON_MAX_RANK];
    const int64_t *lists[MAX_OPERANDS];
    for (uint32_t i = 0; i < exec->operand_count; i++) {
        numbers_of(&exec->views[i], dims, strides[i]);
        lists[i] = strides[i];
    }
    run_walk(exec, bytes, exec->operand_count, exec->views[0].rank, dims, lists, 0);
}

/* The output is zeroed, then walked as if it had the input's axes, with strides of 0 where they are summed. */
static void run_sum(const tenon_exec *exec, void *const *bytes) {
    int64_t dims[TENON_MAX_RANK] = {0}, strides[TENON_MAX_RANK] = {0}, out_dims[TENON_MAX_RANK] = {0};
    int64_t out_strides[TENON_MAX_RANK] = {0}, wide[TENON_MAX_RANK] = {0};
    tenon_walk walk;
    numbers_of(&exec->views[0], dims, strides);
    numbers_of(&exec->views[1], out_dims, out_strides);
    for (uint32_t i = 0, k = 0; i < exec->views[0].rank; i++)
        if (!(exec->axes >> i & 1)) wide[i] = out_strides[k++];
    const int64_t *zeroed[] = {out_strides}, *both[] = {strides, wide};
    if (tenon_walk_begin(&walk, exec->views[1].rank, out_dims, 1, zeroed) != TENON_STATUS_OK) return;
    while (tenon_walk_next(&walk))
        for (int64_t i = 0; i < walk.count; i++) ((int32_t *)bytes[1])[walk.offsets[0] + i * walk.steps[0]] = 0;
    run_walk(exec, bytes, 2, exec->views[0].rank, dims, both, 1);
}

/* Operands: what is put, where (one i64 an axis), into what. */
static void run_update(const tenon_exec *exec, void *const *bytes) {
    int64_t dims[TENON_MAX_RANK] = {0}, strides[TENON_MAX_RANK] = {0}, all[TENON_MAX_RANK] = {0};
    int64_t out_strides[TENON_MAX_RANK] = {0}, at = 0;
    numbers_of(&exec->views[0], dims, strides);
    numbers_of(&exec->views[2], all, out_strides);
    const int64_t *start = bytes[1], *lists[] = {strides, out_strides};
    for (uint32_t i = 0; i < exec->views[2].rank; i++)
        at += start[i * exec->views[1].strides[0].value] * out_strides[i];
    void *both[] = {bytes[0], (int32_t *)bytes[2] + at};
    run_walk(exec, both, 2, exec->views[0].rank, dims, lists, 0);
}

static void run_exec(const tenon_exec *exec, void *const *bytes) {
    if (exec->op == TENON_OP_SUM)
        run_sum(exec, bytes);
    else if (exec->op == TENON_OP_UPDATE_SLICE)
        run_update(exec, bytes);
    else
        run_elementwise(exec, bytes);
}

/* -- Streams -- */

static void drop(moment *m) {
    if (m && --m->references == 0) free(m);
}

static void run_command(const command *c) {
    if (c->pause) nanosleep(&(struct timespec){.tv_nsec = (long)c->pause}, NULL);
    if (c->kind == RUN) run_exec(c->exec, c->bytes);
    if (c->kind == COPY) memcpy(c->bytes[0], c->bytes[1], c->size);
}

static void *run_stream(void *context) {
    tenon_stream *stream = context;
    uint32_t kind = 0;
    pthread_mutex_lock(&lock);
    while (kind != QUIT) {
        while (!stream->first) pthread_cond_wait(&changed, &lock);
        command *c = stream->first;
        kind = c->kind;
        while (kind == WAIT && !c->moment->passed) pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        run_command(c);
        pthread_mutex_lock(&lock);
        if (kind == RECORD) c->moment->passed = 1;
        drop(c->moment);
        stream->first = c->next;
        free(c);
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Takes a copy. The lock is held. */
static tenon_status push(tenon_stream *stream, command what) {
    command *c = malloc(sizeof *c);
    if (!c) return FAIL(stream->device, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    *c = what;
    if (stream->first)
        stream->last->next = c;
    else
        stream->first = c;
    stream->last = c;
    if (c->moment) c->moment->references++;
    pthread_cond_broadcast(&changed);
    return TENON_STATUS_OK;
}

static tenon_status push_alone(tenon_stream *stream, command what) {
    pthread_mutex_lock(&lock);
    tenon_status status = push(stream, what);
    pthread_mutex_unlock(&lock);
    return status;
}

static tenon_status stream_create(tenon_device *device, tenon_stream **out_stream) {
    tenon_stream *stream = calloc(1, sizeof *stream);
    if (stream) stream->device = device;
    if (!stream || pthread_create(&stream->thread, NULL, run_stream, stream) != 0)
        return free(stream), FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "no thread for a stream");
    *out_stream = stream;
    return TENON_STATUS_OK;
}

static void stream_destroy(tenon_stream *stream) {
    push_alone(stream, (command){.kind = QUIT});
    pthread_join(stream->thread, NULL);
    free(stream);
}

static tenon_status stream_synchronize(tenon_stream *stream) {
    pthread_mutex_lock(&lock);
    while (stream->first) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return TENON_STATUS_OK;
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    return push_alone(stream, (command){.kind = COPY, .bytes = {bytes_of(destination), (void *)source}, .size = size});
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    return push_alone(stream, (command){.kind = COPY, .bytes = {destination, bytes_of(source)}, .size = size});
}

static tenon_status stream_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    return stream_write(stream, destination, bytes_of(source), size);
}

/* -- Events -- */

#ifndef NO_EVENTS
static tenon_status event_create(tenon_device *device, tenon_event **out_event) {
    *out_event = calloc(1, sizeof **out_event);
    return *out_event ? TENON_STATUS_OK : FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
}

static void event_destroy(tenon_event *event) {
    pthread_mutex_lock(&lock);
    drop(event->moment);
    pthread_mutex_unlock(&lock);
    free(event);
}

static tenon_status event_record(tenon_event *event, tenon_stream *stream) {
    moment *m = calloc(1, sizeof *m);
    if (!m) return FAIL(stream->device, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    pthread_mutex_lock(&lock);
    drop(event->moment);
    m->references = 1;
    event->moment = m;
    tenon_status status = push(stream, (command){.kind = RECORD, .moment = m});
    pthread_mutex_unlock(&lock);
    return status;
}

static tenon_status event_query(tenon_event *event) {
    pthread_mutex_lock(&lock);
    int passed = !event->moment || event->moment->passed;
    pthread_mutex_unlock(&lock);
    return passed ? TENON_STATUS_OK : TENON_STATUS_NOT_READY;
}

static tenon_status event_synchronize(tenon_event *event) {
    pthread_mutex_lock(&lock);
    while (event->moment && !event->moment->passed) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return TENON_STATUS_OK;
}

static tenon_status event_wait(tenon_stream *stream, tenon_event *event) {
    pthread_mutex_lock(&lock);
    tenon_status status = TENON_STATUS_OK;
    if (event->moment) status = push(stream, (command){.kind = WAIT, .moment = event->moment});
    pthread_mutex_unlock(&lock);
    return status;
}

static tenon_status event_elapsed(tenon_event *start, tenon_event *end, uint64_t *out_nanoseconds) {
    (void)start, (void)end;
    *out_nanoseconds = 0;
    return TENON_STATUS_UNSUPPORTED;
}
#endif

/* -- Work -- */

static int takes(const tenon_work *work) {
    static const tenon_op ops[] = {TENON_OP_COPY, TENON_OP_NEG, TENON_OP_ADD, TENON_OP_SUB,
                                   TENON_OP_MUL,  TENON_OP_MAX, TENON_OP_SUM, TENON_OP_UPDATE_SLICE};
    int known = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) known |= work->op->op == ops[i];
    for (uint32_t i = 0; i < work->operand_count; i++) {
        int start = work->op->op == TENON_OP_UPDATE_SLICE && i == 1;
        known &= work->operands[i].view.dtype == (start ? TENON_DTYPE_I64 : TENON_DTYPE_I32);
    }
    return known && work->operand_count <= MAX_OPERANDS && work->symbol_count == 0;
}

static tenon_status work_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                 tenon_exec **out_exec) {
    tenon_status status = tenon_work_check(work);
    if (status == TENON_STATUS_OK && (work->kind != TENON_WORK_OP || !takes(work))) status = TENON_STATUS_UNSUPPORTED;
    if (status != TENON_STATUS_OK) return FAIL(device, status, "no such work is taken");
    tenon_exec *exec = calloc(1, sizeof *exec);
    if (!exec) return FAIL(device, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    exec->op = work->op->op;
    exec->operand_count = work->operand_count;
    for (uint32_t i = 0; i < work->operand_count; i++) exec->views[i] = work->operands[i].view;
    const tenon_attr *axes = tenon_attr_find(work->op->attrs, work->op->attr_count, TENON_ATTR_AXES);
    for (uint32_t i = 0; axes && i < axes->count; i++) exec->axes |= 1u << axes->values[i];
    if (tenon_op_row_of(exec->op)->family == TENON_FAMILY_MAP)
        out_info->operands[work->operand_count - 1].alias = TENON_ANY_ALIAS;
    *out_exec = exec;
    return TENON_STATUS_OK;
}

static void work_release(tenon_device *device, tenon_exec *exec) {
    (void)device;
    free(exec);
}

/* Half of the launches begin at once, most of the rest within 60 us, a few take 300 us. The lock is held. */
static uint64_t next_pause(tenon_device *device) {
    uint64_t x = device->seed + 0x9e3779b97f4a7c15u * ++device->launches;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x % 16 < 8 ? 0 : x % 16 == 15 ? 300000 : 1000 + (x >> 8) % 60000;
}

static tenon_status work_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    tenon_status status = tenon_launch_check(launch, exec->operand_count, 0, NULL, 0);
    if (status != TENON_STATUS_OK) return FAIL(stream->device, status, "the launch is not as prepared");
    command c = {.kind = RUN, .exec = exec};
    for (uint32_t i = 0; i < launch->buffer_count; i++) c.bytes[i] = bytes_of(launch->buffers[i]);
    pthread_mutex_lock(&lock);
    c.pause = next_pause(stream->device);
    status = push(stream, c);
    pthread_mutex_unlock(&lock);
    return status;
}

/* -- The device -- */

static tenon_status device_count(tenon_instance *instance, uint32_t *out_count) {
    (void)instance;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status device_open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    const char *seed = secure_getenv("TENON_SLOW_SEED");
    tenon_device *device = index == 0 ? calloc(1, sizeof *device) : NULL;
    if (!device) return tenon_report(instance->host, NULL, NULL, NULL, TENON_STATUS_NOT_FOUND, "no device %u", index);
    device->instance = instance;
    device->seed = seed ? strtoull(seed, NULL, 10) : 0;
    *out_device = device;
    return TENON_STATUS_OK;
}

static void device_close(tenon_device *device) {
    free(device);
}

static tenon_status device_info(tenon_device *device, tenon_device_info *out_info) {
    (void)device;
    out_info->kind = TENON_DEVICE_DSP;
    out_info->name = "threads that dawdle";
    out_info->driver_version = "1";
    out_info->architecture = "host";
    memcpy(out_info->uuid, "tenon-slow-dev-0", sizeof out_info->uuid);
    out_info->denormals = TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_STATIC;
    out_info->work_kinds = TENON_WORK_OP;
    out_info->compute_units = 4;
    out_info->max_streams = MAX_STREAMS;
    return TENON_STATUS_OK;
}

/* -- The plugin -- */

static tenon_status plugin_open(const tenon_host *host, tenon_instance **out_instance) {
    tenon_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return tenon_report(host, NULL, NULL, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    instance->host = host;
    *out_instance = instance;
    return TENON_STATUS_OK;
}

static void plugin_close(tenon_instance *instance) {
    free(instance);
}

/* clang-format off */
static const tenon_device_hooks device_hooks = {.struct_size = sizeof device_hooks,
    .count = device_count, .open = device_open, .close = device_close, .info = device_info};

static const tenon_memory_hooks memory_hooks = {.struct_size = sizeof memory_hooks,
    .type_count = memory_type_count, .type_info = memory_type_info, .allocate = memory_allocate, .release = memory_release};

static const tenon_stream_hooks stream_hooks = {.struct_size = sizeof stream_hooks,
    .create = stream_create, .destroy = stream_destroy, .synchronize = stream_synchronize,
    .write = stream_write, .read = stream_read, .copy = stream_copy};

#ifndef NO_EVENTS
static const tenon_event_hooks event_hooks = {.struct_size = sizeof event_hooks,
    .create = event_create, .destroy = event_destroy, .record = event_record, .query = event_query,
    .synchronize = event_synchronize, .wait = event_wait, .elapsed = event_elapsed};
#define EVENTS .event = &event_hooks,
#else
#define EVENTS
#endif

static const tenon_work_hooks work_hooks = {.struct_size = sizeof work_hooks,
    .prepare = work_prepare, .launch = work_launch, .release = work_release};

static const tenon_plugin plugin = {.magic = TENON_PLUGIN_MAGIC, .struct_size = sizeof plugin,
    .abi_version = TENON_ABI_VERSION, .abi_oldest = TENON_ABI_VERSION,
    .id = ID, .vendor = "Tenon", .version = "0.1.0", .license = "Apache-2.0",
    .open = plugin_open, .close = plugin_close, EVENTS
    .device = &device_hooks, .memory = &memory_hooks, .stream = &stream_hooks, .work = &work_hooks};
/* clang-format on */

TENON_PLUGIN_NOTE();

const tenon_plugin *tenon_plugin_query(void) {
    return &plugin;
}
