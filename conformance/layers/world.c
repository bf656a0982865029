#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>
#include <tenon/host/error.h>

char world_heard[1 << 16];

static tenon__layers *layers;
static tenon_host host;

static void hear(const char *text) {
    size_t length = strlen(world_heard);
    snprintf(world_heard + length, sizeof world_heard - length, "%s\n", text ? text : "(null)");
}

static void host_log(const tenon_host *self, uint32_t level, const char *text) {
    (void)self, (void)level;
    hear(text);
}

static void host_report(const tenon_host *self, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                        tenon_status status, const char *text) {
    (void)self, (void)device, (void)stream, (void)exec, (void)status;
    hear(text);
}

static void *host_allocate(const tenon_host *self, uint64_t size) {
    (void)self;
    return malloc(size + 1);
}

static void host_release(const tenon_host *self, void *pointer) {
    (void)self;
    free(pointer);
}

static uint32_t host_cancelled(const tenon_host *self, const tenon_work *work) {
    (void)self, (void)work;
    return 0;
}

void world_open(world *w, const char *names, uint32_t bend) {
    tenon__hooks plugin = double_hooks();
    *w = (world){0};
    world_heard[0] = '\0';
    double_bend = bend;
    double_failing = 0;
    host = (tenon_host){sizeof host, TENON_ABI_VERSION, NULL,         host_log,
                        host_report, host_allocate,     host_release, host_cancelled};
    ck_assert_msg(tenon__layers_parse(names, &layers) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_msg(tenon__layers_open(layers, &plugin, TENON_ABI_VERSION, &host, &w->hooks, &w->instance) ==
                      TENON_STATUS_OK,
                  "%s", world_heard);
}

#define TAKE(call)                                                                                                     \
    if ((w->status = (call)) != TENON_STATUS_OK) return 0

int world_fill(world *w) {
    const tenon__hooks *h = &w->hooks;
    uint32_t count;
    tenon_memory_type type = {.struct_size = sizeof type};
    TAKE(h->device.open(w->instance, 0, &w->device));
    TAKE(h->device.open(w->instance, 1, &w->other));
    TAKE(h->memory.type_count(w->device, &count));
    TAKE(h->memory.type_info(w->device, 0, &type));
    TAKE(h->stream.create(w->device, &w->stream));
    TAKE(h->stream.create(w->device, &w->second));
    TAKE(h->memory.allocate(w->device, 0, WORLD_MEMORY, &w->memory));
    TAKE(h->memory.allocate(w->device, 0, WORLD_MEMORY, &w->target));
    TAKE(h->event.create(w->device, &w->event));
    TAKE(h->work.prepare(w->device, world_work(), world_info(), &w->exec));
    return 1;
}

void world_close(world *w) {
    const tenon__hooks *h = &w->hooks;
    if (w->exec) h->work.release(w->device, w->exec);
    if (w->event) h->event.destroy(w->event);
    if (w->stream) h->stream.destroy(w->stream);
    if (w->second) h->stream.destroy(w->second);
    if (w->memory) h->memory.release(w->device, w->memory);
    if (w->target) h->memory.release(w->device, w->target);
    if (w->device) h->device.close(w->device);
    if (w->other) h->device.close(w->other);
    h->plugin.close(w->instance);
    tenon__layers_release(layers);
    layers = NULL;
}

/* -- Work ------------------------------------------------------------------------------------------------------------- */

static tenon_operand operand_of(uint32_t role) {
    tenon_operand operand = {.role = role, .alignment = 4};
    operand.view.dtype = TENON_DTYPE_F32;
    operand.view.rank = 1;
    operand.view.dims[0] = (tenon_extent){.symbol = 0};
    operand.view.strides[0] = (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL};
    return operand;
}

const tenon_work *world_work(void) {
    static const tenon_symbol symbol = {1, 16, 1};
    static tenon_operand operands[3];
    static tenon_op_work op;
    static tenon_work work;
    for (int i = 0; i < 3; i++) operands[i] = operand_of(i == 2 ? TENON_ROLE_OUTPUT : TENON_ROLE_INPUT);
    op = (tenon_op_work){.struct_size = sizeof op, .op = tenon_op_by_name("add")};
    work = (tenon_work){.struct_size = sizeof work,
                        .kind = TENON_WORK_OP,
                        .symbols = &symbol,
                        .operands = operands,
                        .symbol_count = 1,
                        .operand_count = 3,
                        .op = &op};
    return &work;
}

tenon_exec_info *world_info(void) {
    static tenon_symbol symbols[1];
    static tenon_operand_info operands[3];
    static tenon_exec_info info;
    symbols[0] = (tenon_symbol){1, 16, 1};
    for (int i = 0; i < 3; i++) operands[i] = (tenon_operand_info){.alias = TENON_NO_ALIAS};
    info = (tenon_exec_info){.struct_size = sizeof info, .symbols = symbols, .operands = operands};
    return &info;
}

tenon_status world_launch(world *w, tenon_stream *stream, int64_t count, uint64_t from, uint64_t to) {
    tenon_buffer buffers[] = {{w->memory, from}, {w->memory, from}, {w->target, to}};
    tenon_launch launch = {
        .struct_size = sizeof launch, .buffer_count = 3, .buffers = buffers, .symbols = &count, .symbol_count = 1};
    return w->hooks.work.launch(stream, w->exec, &launch);
}
