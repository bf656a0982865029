/* A host of ABI 0.1: opens a plugin, moves bytes, and runs y = a + b by each kind of work that the device takes. Every
 * struct that it passes has its size of 0.1 and ends where a page begins that nobody may touch, so that a plugin that
 * looks for more faults. It is compiled against the headers of 0.1 beside it and against nothing of today's.
 *
 * host PLUGIN.so: exit 0 when everything is right, 1 when not, with the plugin's words. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <tenon/plugin.h>

enum { PAGE = 4096, COUNT = 6, OPERANDS = 3 };

static int failed;

#define OK(call) expect(call, TENON_STATUS_OK, #call)
static int expect(tenon_status got, tenon_status want, const char *what) {
    if (got == want) return 1;
    printf("%s answers status %u, not %u\n", what, got, want);
    failed = 1;
    return 0;
}

/* `size` zeroed bytes before a page that nobody may touch; never freed. */
static void *at_page_end(size_t size) {
    size_t room = (size + PAGE - 1) / PAGE * PAGE;
    char *base = mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + room, PAGE, PROT_NONE) != 0) abort();
    return base + room - size;
}

static void *copy_at_page_end(const void *bytes, size_t size) {
    return memcpy(at_page_end(size), bytes, size);
}

/* -- What the host offers ------------------------------------------------------------------------------------------- */

static void host_log(const tenon_host *host, uint32_t level, const char *text) {
    (void)host, (void)level, (void)text;
}

static void host_report(const tenon_host *host, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                        tenon_status status, const char *text) {
    (void)host, (void)device, (void)stream, (void)exec;
    printf("  it says: %s (status %u)\n", text, status);
}

static void *host_allocate(const tenon_host *host, uint64_t size) {
    (void)host;
    return aligned_alloc(64, (size + 64) / 64 * 64);
}

static void host_release(const tenon_host *host, void *pointer) {
    (void)host;
    free(pointer);
}

static uint32_t host_cancelled(const tenon_host *host, const tenon_work *work) {
    (void)host, (void)work;
    return 0;
}

static const tenon_host *make_host(void) {
    const tenon_host table = {.struct_size = sizeof table,
                              .abi_version = TENON_ABI_VERSION,
                              .log = host_log,
                              .report = host_report,
                              .allocate = host_allocate,
                              .release = host_release,
                              .cancelled = host_cancelled};
    return copy_at_page_end(&table, sizeof table);
}

/* -- The sample ------------------------------------------------------------------------------------------------------ */

static const float inputs[2][COUNT] = {{1, 2, -3, 0.5f, 1e6f, -0.25f}, {16, -2, 8, 0.25f, 3, 1024}};

/* For a device whose dialect is C11. */
static const char source[] =
    "int skew_add(void *const *buffers, const long *symbols, void *workspace, long first, long last) {\n"
    "    const float *a = buffers[0], *b = buffers[1];\n"
    "    float *y = buffers[2];\n"
    "    (void)symbols, (void)workspace;\n"
    "    for (long i = first; i < last; i++) y[i] = a[i] + b[i];\n"
    "    return 0;\n"
    "}\n";

static tenon_view view_of_sample(void) {
    tenon_view view = {.dtype = TENON_DTYPE_F32, .rank = 1};
    view.dims[0] = (tenon_extent){.value = COUNT, .symbol = TENON_NO_SYMBOL};
    view.strides[0] = (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL};
    return view;
}

static const tenon_op_work *op_part(void) {
    const tenon_op_work part = {.struct_size = sizeof part, .op = TENON_OP_ADD};
    return copy_at_page_end(&part, sizeof part);
}

static const tenon_kernel_work *kernel_part(void) {
    static const tenon_kernel_entry entry = {.name = "skew_add", .local = {1, 1, 1}};
    const tenon_kernel_work part = {.struct_size = sizeof part,
                                    .language = TENON_LANGUAGE_C11,
                                    .source = source,
                                    .source_size = sizeof source - 1,
                                    .entries = &entry,
                                    .entry_count = 1,
                                    .hash = {0x736b6577, 1}};
    return copy_at_page_end(&part, sizeof part);
}

static const tenon_graph_work *graph_part(void) {
    static const uint32_t numbers[] = {0, 1, 2};
    static tenon_view values[OPERANDS];
    static const tenon_graph_node node = {
        .op = TENON_OP_ADD, .inputs = numbers, .outputs = numbers + 2, .input_count = 2, .output_count = 1};
    for (int i = 0; i < OPERANDS; i++) values[i] = view_of_sample();
    const tenon_graph_work part = {
        .struct_size = sizeof part, .node_count = 1, .nodes = &node, .values = values, .value_count = OPERANDS};
    return copy_at_page_end(&part, sizeof part);
}

static const tenon_work *work_of(uint32_t kind) {
    static tenon_operand operands[OPERANDS];
    for (int i = 0; i < OPERANDS; i++)
        operands[i] = (tenon_operand){
            .role = i < 2 ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT, .alignment = sizeof(float), .view = view_of_sample()};
    tenon_work work = {.struct_size = sizeof work, .kind = kind, .operands = operands, .operand_count = OPERANDS};
    if (kind == TENON_WORK_OP) work.op = op_part();
    if (kind == TENON_WORK_KERNEL) work.kernel = kernel_part();
    if (kind == TENON_WORK_GRAPH) work.graph = graph_part();
    return copy_at_page_end(&work, sizeof work);
}

/* -- Running --------------------------------------------------------------------------------------------------------- */

/* An open device, and memory for the sample's operands and a workspace. */
typedef struct session {
    const tenon_plugin *plugin;
    tenon_device *device;
    tenon_stream *stream;
    tenon_memory *memories[OPERANDS + 1];
    uint64_t unit; /* sizes are multiples of it */
} session;

static tenon_memory *allocate(session *s, uint64_t size) {
    tenon_memory *memory = NULL;
    size = (size / s->unit + 1) * s->unit;
    OK(s->plugin->memory->allocate(s->device, 0, size, &memory));
    return memory;
}

static void launch(session *s, uint32_t kind, tenon_exec *exec, const tenon_exec_info *info) {
    static const tenon_grid grid = {{COUNT, 1, 1}};
    tenon_buffer buffers[OPERANDS];
    float got[COUNT] = {0};
    if (info->workspace_size) s->memories[OPERANDS] = allocate(s, info->workspace_size);
    for (int i = 0; i < OPERANDS; i++) buffers[i] = (tenon_buffer){s->memories[i], 0};
    tenon_launch what = {.struct_size = sizeof what,
                         .buffer_count = OPERANDS,
                         .buffers = buffers,
                         .grids = kind == TENON_WORK_KERNEL ? &grid : NULL,
                         .workspace = {s->memories[OPERANDS], 0},
                         .grid_count = kind == TENON_WORK_KERNEL};
    const tenon_stream_hooks *stream = s->plugin->stream;
    OK(s->plugin->work->launch(s->stream, exec, copy_at_page_end(&what, sizeof what)));
    OK(stream->synchronize(s->stream));
    OK(stream->read(s->stream, got, buffers[2], sizeof got));
    OK(stream->synchronize(s->stream));
    for (int i = 0; i < COUNT; i++) {
        if (got[i] == inputs[0][i] + inputs[1][i]) continue;
        printf("element %d is %g\n", i, got[i]);
        failed = 1;
    }
}

static void run(session *s, uint32_t kind) {
    const tenon_work *work = work_of(kind);
    tenon_operand_info operands[OPERANDS];
    tenon_exec *exec = NULL;
    for (int i = 0; i < OPERANDS; i++) operands[i] = (tenon_operand_info){.alias = TENON_NO_ALIAS};
    tenon_exec_info *info = at_page_end(sizeof *info);
    info->struct_size = sizeof *info;
    info->operands = operands;
    if (!OK(s->plugin->work->prepare(s->device, work, info, &exec))) return;
    launch(s, kind, exec, info);
    s->plugin->work->release(s->device, exec);
}

static int takes_c11(session *s) {
    const tenon_dialect *dialect = NULL;
    return OK(s->plugin->work->dialect(s->device, &dialect)) && dialect->language == TENON_LANGUAGE_C11;
}

static void run_kinds(session *s, uint32_t kinds) {
    uint32_t ran = 0;
    if (kinds & TENON_WORK_OP) run(s, TENON_WORK_OP), ran++;
    if (kinds & TENON_WORK_KERNEL && takes_c11(s)) run(s, TENON_WORK_KERNEL), ran++;
    if (kinds & TENON_WORK_GRAPH) run(s, TENON_WORK_GRAPH), ran++;
    printf("%u kinds of work ran\n", ran);
}

static void use_device(session *s) {
    const tenon_plugin *p = s->plugin;
    tenon_device_info *info = at_page_end(sizeof *info);
    tenon_memory_type *type = at_page_end(sizeof *type);
    info->struct_size = sizeof *info;
    type->struct_size = sizeof *type;
    if (!OK(p->device->info(s->device, info)) || !OK(p->memory->type_info(s->device, 0, type)) ||
        !OK(p->stream->create(s->device, &s->stream)))
        return;
    printf("%s, driver %s\n", info->name, info->driver_version);
    s->unit = type->flush_unit > 256 ? type->flush_unit : 256;
    for (int i = 0; i < OPERANDS; i++) s->memories[i] = allocate(s, sizeof inputs[0]);
    for (int i = 0; i < 2; i++)
        OK(p->stream->write(s->stream, (tenon_buffer){s->memories[i], 0}, inputs[i], sizeof inputs[i]));
    OK(p->stream->synchronize(s->stream));
    run_kinds(s, info->work_kinds);
    p->stream->destroy(s->stream);
    for (int i = 0; i <= OPERANDS; i++)
        if (s->memories[i]) p->memory->release(s->device, s->memories[i]);
}

/* What a host of 0.1 asks of a table before it calls anything. */
static int fits(const tenon_plugin *p) {
    if (p && p->magic == TENON_PLUGIN_MAGIC && p->abi_oldest <= TENON_ABI_VERSION &&
        p->struct_size >= TENON_PLUGIN_SIZE_V1 && p->device->struct_size >= TENON_DEVICE_HOOKS_SIZE_V1 &&
        p->memory->struct_size >= TENON_MEMORY_HOOKS_SIZE_V1 && p->stream->struct_size >= TENON_STREAM_HOOKS_SIZE_V1 &&
        p->work->struct_size >= TENON_WORK_HOOKS_SIZE_V1)
        return 1;
    if (p && p->abi_oldest > TENON_ABI_VERSION) printf("it works with no host before 0x%x\n", p->abi_oldest);
    printf("a host of ABI 0.1 refuses its table\n");
    return 0;
}

int main(int argc, char **argv) {
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = library ? dlsym(library, "tenon_plugin_query") : NULL;
    tenon_plugin_query_function query;
    tenon_instance *instance = NULL;
    uint32_t count = 0;
    if (!symbol) {
        printf("%s\n", argc == 2 ? dlerror() : "usage: host PLUGIN.so");
        return 1;
    }
    memcpy(&query, &symbol, sizeof query);
    session s = {.plugin = query()};
    if (!fits(s.plugin) || !OK(s.plugin->open(make_host(), &instance))) return 1;
    OK(s.plugin->device->count(instance, &count));
    if (count == 0) printf("there is no device\n");
    if (count && OK(s.plugin->device->open(instance, 0, &s.device))) {
        use_device(&s);
        s.plugin->device->close(s.device);
    }
    s.plugin->close(instance);
    return failed || count == 0;
}
