/* A plugin of ABI 0.1: the device ccjit as it was then, with what it got wrong since put right. It is compiled against the
 * headers of 0.1 beside it and against nothing of today's; see README.md. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers.h"

enum { MAX_BUFFERS = 128, MAX_SYMBOLS = 512, MAX_SCALARS = 64, PAGE = 4096, WORKSPACE_ALIGNMENT = 64 };

struct tenon_instance {
    const tenon_host *host;
    char version[64]; /* of the compiler */
};

struct tenon_device {
    tenon_instance *instance;
    tenon_dialect dialect;
};

struct tenon_stream {
    tenon_device *device;
    tenon_status failed; /* what a launch failed with late; sticks (REQ-STREAM-03) */
};

struct tenon_exec {
    void *library;
    tenon_symbol *ranges; /* of the work's symbols; they lie behind the entries */
    uint32_t operand_count, symbol_count, entry_count;
    tenon_kernel_c11 entries[];
};

/* Says in words why a hook fails, and gives the status (REQ-ERR-02). */
#define FAIL(device, stream, ...) tenon_report((device)->instance->host, device, stream, NULL, __VA_ARGS__)

/* -- Memory. An allocation is one mapping: GUARD bytes without access, where its handle points, so that a host that
 * takes the handle for an address faults; then a page with the size; then the bytes that kernels see. */
#define GUARD ((uint64_t)1 << 30)

static unsigned char *bytes_of(tenon_buffer buffer) {
    return (unsigned char *)buffer.memory + GUARD + PAGE + buffer.offset;
}

static uint64_t *size_of(tenon_memory *memory) {
    return (uint64_t *)((unsigned char *)memory + GUARD);
}

static tenon_status memory_type_count(tenon_device *device, uint32_t *out_count) {
    (void)device;
    *out_count = 1;
    return TENON_STATUS_OK;
}

static tenon_status memory_type_info(tenon_device *device, uint32_t index, tenon_memory_type *out_type) {
    if (index > 0) return FAIL(device, NULL, TENON_STATUS_NOT_FOUND, "there is memory type 0 alone");
    out_type->flags = TENON_MEMORY_DEVICE;
    out_type->size = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    out_type->alignment = PAGE;
    out_type->flush_unit = 1;
    return TENON_STATUS_OK;
}

static tenon_status memory_allocate(tenon_device *device, uint32_t type, uint64_t size, tenon_memory **out_memory) {
    if (type > 0) return FAIL(device, NULL, TENON_STATUS_NOT_FOUND, "there is memory type 0 alone");
    uint64_t whole = GUARD + PAGE + size;
    unsigned char *base = MAP_FAILED;
    if (whole > size) base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base != MAP_FAILED && mprotect(base + GUARD, PAGE + size, PROT_READ | PROT_WRITE) == 0) {
        *out_memory = (tenon_memory *)base;
        *size_of(*out_memory) = size;
        return TENON_STATUS_OK;
    }
    if (base != MAP_FAILED) munmap(base, whole);
    return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "the system has no such memory to give");
}

static void memory_release(tenon_device *device, tenon_memory *memory) {
    (void)device;
    munmap(memory, GUARD + PAGE + *size_of(memory));
}

/* -- Streams. Everything is done when a call returns; only a launch can fail late. */
static tenon_status stream_create(tenon_device *device, tenon_stream **out_stream) {
    tenon_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    stream->device = device;
    *out_stream = stream;
    return TENON_STATUS_OK;
}

static void stream_destroy(tenon_stream *stream) {
    free(stream);
}

static tenon_status stream_synchronize(tenon_stream *stream) {
    return stream->failed;
}

static tenon_status check_range(tenon_stream *stream, tenon_buffer buffer, uint64_t size) {
    if (stream->failed) return FAIL(stream->device, stream, TENON_STATUS_FAILED_STREAM, "the stream has failed before");
    uint64_t whole = *size_of(buffer.memory);
    if (buffer.offset <= whole && size <= whole - buffer.offset) return TENON_STATUS_OK;
    return FAIL(stream->device, stream, TENON_STATUS_INVALID, "the range leaves its allocation");
}

static tenon_status stream_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    TENON_TRY(check_range(stream, destination, size));
    memcpy(bytes_of(destination), source, size);
    return TENON_STATUS_OK;
}

static tenon_status stream_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check_range(stream, source, size));
    memcpy(destination, bytes_of(source), size);
    return TENON_STATUS_OK;
}

static tenon_status stream_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    TENON_TRY(check_range(stream, source, size));
    if (source.memory == destination.memory &&
        (source.offset - destination.offset < size || destination.offset - source.offset < size))
        return FAIL(stream->device, stream, TENON_STATUS_INVALID, "source and destination overlap");
    return stream_write(stream, destination, bytes_of(source), size);
}

/* -- Compiling. */

/* Runs `cc` with the file `input` (or -1), what it says going to `out_text`; stops it when the work is no longer wanted. */
static tenon_status run_cc(const tenon_host *host, const tenon_work *work, char *const *arguments, int input,
                           char *out_text, size_t size) {
    posix_spawn_file_actions_t actions;
    pid_t child;
    int state = 0, cancelled = 0, log = memfd_create("skew log", MFD_CLOEXEC),
        files[] = {input < 0 ? log : input, log, log};
    int error = posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3 && !error; i++) error = posix_spawn_file_actions_adddup2(&actions, files[i], i);
    if (!error) error = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    while (!error && waitpid(child, &state, WNOHANG) == 0) {
        if (work && (cancelled = host->cancelled(host, work) != 0)) kill(child, SIGTERM);
        usleep(1000);
    }
    ssize_t got = pread(log, out_text, size - 1, 0);
    out_text[got > 0 ? got : 0] = '\0';
    posix_spawn_file_actions_destroy(&actions);
    close(log);
    if (error) return TENON_STATUS_UNAVAILABLE;
    return cancelled ? TENON_STATUS_CANCELLED : state != 0 ? TENON_STATUS_COMPILE_FAILED : TENON_STATUS_OK;
}

/* clang-format off */
#define CC_OPTIONS "-xc", "-std=gnu11", "-O2", "-march=native", "-ffp-contract=off", "-fno-math-errno", \
                   "-fno-trapping-math", "-fno-strict-aliasing", "-fPIC", "-shared", "-pipe", "-w"
/* clang-format on */

/* Compiles a work's source and loads it. The object lies in a folder of its own, and only until it is loaded. */
static tenon_status compile(tenon_device *device, const tenon_work *work, tenon_exec *exec) {
    const tenon_kernel_work *kernel = work->kernel;
    const char *base = secure_getenv("TMPDIR");
    char folder[240], object[256], text[1536];
    snprintf(folder, sizeof folder, "%.200s/skew-XXXXXX", base ? base : "/tmp");
    snprintf(text, sizeof text, "%s cannot be made; set TMPDIR to a folder with room", folder);
    int source = memfd_create("skew source", MFD_CLOEXEC), made = mkdtemp(folder) != NULL, loaded = 0;
    tenon_status status = TENON_STATUS_IO;
    snprintf(object, sizeof object, "%s/work.so", folder);
    char *const arguments[] = {"cc", CC_OPTIONS, "-o", object, "-", NULL};
    if (made && pwrite(source, kernel->source, kernel->source_size, 0) == (ssize_t)kernel->source_size)
        status = run_cc(device->instance->host, work, arguments, source, text, sizeof text);
    if (status == TENON_STATUS_OK) loaded = (exec->library = dlopen(object, RTLD_NOW | RTLD_LOCAL)) != NULL;
    for (uint32_t i = 0; loaded && i < kernel->entry_count; i++) {
        void *symbol = dlsym(exec->library, kernel->entries[i].name);
        memcpy(&exec->entries[i], &symbol, sizeof symbol);
        loaded = symbol != NULL;
    }
    if (status == TENON_STATUS_OK && !loaded) snprintf(text, sizeof text, "%s", dlerror());
    if (status == TENON_STATUS_OK && !loaded) status = TENON_STATUS_COMPILE_FAILED;
    close(source);
    if (made) {
        unlink(object);
        rmdir(folder);
    }
    return status == TENON_STATUS_OK ? status : FAIL(device, NULL, status, "cc: %s", text);
}

/* -- Work. */
static void work_release(tenon_device *device, tenon_exec *exec) {
    (void)device;
    if (exec->library) dlclose(exec->library);
    free(exec);
}

static tenon_status work_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                                 tenon_exec **out_exec) {
    tenon_status status = tenon_work_check(work);
    if (status == TENON_STATUS_OK && (work->kind != TENON_WORK_KERNEL || work->kernel->language != TENON_LANGUAGE_C11 ||
                                      work->operand_count > MAX_BUFFERS || work->symbol_count > MAX_SYMBOLS))
        status = TENON_STATUS_UNSUPPORTED;
    if (status != TENON_STATUS_OK) return FAIL(device, NULL, status, "only kernel work in C11 is taken");
    uint32_t entry_count = work->kernel->entry_count;
    size_t entries = entry_count * sizeof(tenon_kernel_c11), ranges = work->symbol_count * sizeof(tenon_symbol);
    tenon_exec *exec = calloc(1, sizeof *exec + entries + ranges);
    if (!exec) return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
    *exec = (tenon_exec){NULL, (tenon_symbol *)(exec->entries + entry_count), work->operand_count, work->symbol_count,
                         entry_count};
    if (ranges) memcpy(exec->ranges, work->symbols, ranges);
    status = compile(device, work, exec);
    if (status != TENON_STATUS_OK) {
        work_release(device, exec);
        return status;
    }
    out_info->workspace_size = work->kernel->workspace_size;
    out_info->workspace_alignment = WORKSPACE_ALIGNMENT;
    *out_exec = exec;
    return TENON_STATUS_OK;
}

static tenon_status work_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    void *buffers[MAX_BUFFERS], *workspace;
    int64_t numbers[MAX_SYMBOLS + MAX_SCALARS];
    if (stream->failed) return FAIL(stream->device, stream, TENON_STATUS_FAILED_STREAM, "the stream has failed before");
    tenon_status status =
        tenon_launch_check(launch, exec->operand_count, exec->symbol_count, exec->ranges, exec->entry_count);
    if (status == TENON_STATUS_OK && launch->scalar_count > MAX_SCALARS) status = TENON_STATUS_UNSUPPORTED;
    if (status != TENON_STATUS_OK)
        return FAIL(stream->device, stream, status, "a count, buffer or symbol is not as prepared");
    workspace = launch->workspace.memory ? bytes_of(launch->workspace) : NULL;
    for (uint32_t i = 0; i < launch->buffer_count; i++) buffers[i] = bytes_of(launch->buffers[i]);
    for (uint32_t i = 0; i < launch->symbol_count; i++) numbers[i] = launch->symbols[i];
    for (uint32_t i = 0; i < launch->scalar_count; i++) numbers[launch->symbol_count + i] = (int64_t)launch->scalars[i];
    for (uint32_t i = 0; i < launch->grid_count && !stream->failed; i++)
        if (exec->entries[i](buffers, numbers, workspace, 0, (int64_t)launch->grids[i].groups[0]))
            stream->failed =
                FAIL(stream->device, stream, TENON_STATUS_OUT_OF_RANGE, "a loaded index lies outside its operand");
    return TENON_STATUS_OK; /* that failure is late: the next synchronize tells (REQ-KERNEL-03) */
}

static tenon_status work_dialect(tenon_device *device, const tenon_dialect **out_dialect) {
    *out_dialect = &device->dialect;
    return TENON_STATUS_OK;
}

/* -- The device. */
static tenon_status device_count(tenon_instance *instance, uint32_t *out_count) {
    (void)instance;
    *out_count = 1;
    return TENON_STATUS_OK;
}

/* What -march=native makes of explicit vectors. */
static void describe_dialect(tenon_dialect *dialect) {
    uint32_t fma = 1, wide = 0, vector_bytes = 16;
#if defined(__x86_64__)
    fma = __builtin_cpu_supports("fma") != 0;
    wide =
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    vector_bytes = wide ? 64 : __builtin_cpu_supports("avx2") ? 32 : 16;
#endif
    *dialect = (tenon_dialect){.struct_size = sizeof *dialect,
                               .language = TENON_LANGUAGE_C11,
                               .features = TENON_FEATURE_F64 | TENON_FEATURE_VECTORS | fma * TENON_FEATURE_FMA,
                               .vector_bytes = vector_bytes,
                               .registers = wide ? 32 : 16};
}

static tenon_status device_open(tenon_instance *instance, uint32_t index, tenon_device **out_device) {
    tenon_device *device = index == 0 ? calloc(1, sizeof *device) : NULL;
    tenon_status status = index == 0 ? TENON_STATUS_OUT_OF_MEMORY : TENON_STATUS_NOT_FOUND;
    if (!device) return tenon_report(instance->host, NULL, NULL, NULL, status, "no device %u or no host memory", index);
    device->instance = instance;
    describe_dialect(&device->dialect);
    *out_device = device;
    return TENON_STATUS_OK;
}

static void device_close(tenon_device *device) {
    free(device);
}

static tenon_status device_info(tenon_device *device, tenon_device_info *out_info) {
    out_info->kind = TENON_DEVICE_CPU;
    out_info->name = "device of ABI 0.1";
    out_info->driver_version = device->instance->version;
    out_info->architecture = "native";
    memcpy(out_info->uuid, "tenon-skew01-dev", sizeof out_info->uuid);
    out_info->denormals = TENON_DENORMAL_KEEP;
    out_info->rounding = TENON_ROUNDING_EXACT;
    out_info->shapes = TENON_SHAPES_DYNAMIC;
    out_info->work_kinds = TENON_WORK_KERNEL;
    out_info->compute_units = 1;
    return TENON_STATUS_OK;
}

/* -- The plugin. */
static tenon_status plugin_open(const tenon_host *host, tenon_instance **out_instance) {
    char version[64], *const arguments[] = {"cc", "-dumpversion", NULL};
    tenon_instance *instance = NULL;
    tenon_status status = TENON_STATUS_UNAVAILABLE;
    if (secure_getenv("PATH")) status = run_cc(host, NULL, arguments, -1, version, sizeof version);
    if (status == TENON_STATUS_OK && !(instance = calloc(1, sizeof *instance))) status = TENON_STATUS_OUT_OF_MEMORY;
    if (!instance)
        return tenon_report(host, NULL, NULL, NULL, status, "\"cc\" in PATH cannot be run; install gcc or clang");
    instance->host = host;
    memcpy(instance->version, version, strcspn(version, "\n"));
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
    .create = stream_create, .destroy = stream_destroy, .synchronize = stream_synchronize, .query = stream_synchronize,
    .write = stream_write, .read = stream_read, .copy = stream_copy};

static const tenon_work_hooks work_hooks = {.struct_size = sizeof work_hooks,
    .prepare = work_prepare, .launch = work_launch, .release = work_release, .dialect = work_dialect};

static const tenon_plugin plugin = {.magic = TENON_PLUGIN_MAGIC, .struct_size = sizeof plugin,
    .abi_version = TENON_ABI_VERSION, .abi_oldest = TENON_ABI_VERSION,
    .id = "skew01", .vendor = "Tenon", .version = "0.1.0", .license = "Apache-2.0",
    .open = plugin_open, .close = plugin_close,
    .device = &device_hooks, .memory = &memory_hooks, .stream = &stream_hooks, .work = &work_hooks};
/* clang-format on */

TENON_PLUGIN_NOTE();

const tenon_plugin *tenon_plugin_query(void) {
    return &plugin;
}
