/* What all wrapped hooks share: handles resolved, the class asked before and after, answers wrapped. */
#include "layers/layer.h"

#include <stdarg.h>
#include <stdio.h>

#include <tenon/helpers.h>

#include "loader/services.h"

static _Thread_local tenon__call *current;

static const char *const hook_names[] = {
#define TENON_HOOK_GROUP(group, type, need, oldest)
#define TENON_HOOK(group, type, member, need, set) #group "." #member,
#include <tenon/hooks.def>
};

static const char *const kind_names[] = {"instance", "device", "memory", "stream", "event", "exec"};
static_assert(sizeof kind_names / sizeof kind_names[0] == TENON__KIND_COUNT, "a word for each kind");

const char *tenon__hook_name(uint32_t hook) {
    return hook_names[hook];
}

const char *tenon__object_kind_name(uint32_t kind) {
    return kind_names[kind];
}

tenon__call *tenon__call_current(const tenon__layer *layer) {
    tenon__call *call = current;
    while (call && call->layer != layer) call = call->outer;
    return call;
}

/* The objects of a report are the host's own: what it gave is what it gets back. */
static void report(const tenon__call *call, tenon_status status, const char *text) {
    const tenon_host *host = call->layer->outer;
    tenon_device *device = call->device ? tenon__object_handle(call->device) : NULL;
    tenon_stream *stream = call->stream ? tenon__object_handle(call->stream) : NULL;
    tenon_exec *exec = call->exec ? tenon__object_handle(call->exec) : NULL;
    host->report(host, device, stream, exec, status, text);
}

void tenon__call_answer(tenon__call *call, tenon_status status, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    call->answered = 1;
    call->status = status;
    report(call, status, text);
}

/* -- Handles --------------------------------------------------------------------------------------------------------- */

static void describe_fault(uint32_t hook, uint32_t kind, const void *handle, uint32_t fault, char *text, size_t size) {
    const tenon__object *last = tenon__object_last(handle);
    const char *name = tenon__hook_name(hook), *wanted = tenon__object_kind_name(kind);
    if (fault == TENON__HANDLE_NULL)
        snprintf(text, size, "REQ-HOST-01: %s: the %s is NULL", name, wanted);
    else if (fault == TENON__HANDLE_RELEASED && last)
        snprintf(text, size, "REQ-HOST-01: %s: the %s is %s %llu, which was given back before", name, wanted,
                 tenon__object_kind_name(last->kind), (unsigned long long)last->serial);
    else if (fault == TENON__HANDLE_RELEASED)
        snprintf(text, size, "REQ-HOST-01: %s: the %s was given back long before", name, wanted);
    else if (fault == TENON__HANDLE_KIND && last)
        snprintf(text, size, "REQ-HOST-01: %s: the %s is %s %llu", name, wanted, tenon__object_kind_name(last->kind),
                 (unsigned long long)last->serial);
    else
        snprintf(text, size, "REQ-HOST-01: %s: the %s is %p, which no hook gave out", name, wanted, handle);
}

tenon_status tenon__take(uint32_t hook, uint32_t kind, const void *handle, tenon__object **out_object) {
    uint32_t fault;
    char text[256];
    *out_object = tenon__object_find(handle, kind, &fault);
    if (*out_object) return TENON_STATUS_OK;
    describe_fault(hook, kind, handle, fault, text, sizeof text);
    tenon__layer *layer = tenon__layer_for(tenon__object_last(handle));
    if (layer && layer->class->bad_handle) layer->class->bad_handle(layer, text);
    tenon__report_words(text);
    return TENON_STATUS_INVALID;
}

/* -- Calls ----------------------------------------------------------------------------------------------------------- */

void tenon__enter(tenon__call *call, const tenon__object *object) {
    call->layer = object->layer;
    if (!call->device) call->device = object->device;
    call->outer = current;
    current = call;
    if (call->layer->class->before) call->layer->class->before(call);
}

tenon_status tenon__leave(tenon__call *call) {
    if (call->layer->class->after) call->layer->class->after(call);
    current = call->outer;
    return call->status;
}

/* Gives back what a creating hook made and nobody will own. */
static void unmake(const tenon__call *call, uint32_t kind, void *inner) {
    const tenon__hooks *hooks = &call->layer->inner;
    tenon_device *device = call->device ? call->device->inner : NULL;
    switch (kind) {
    case TENON__KIND_DEVICE: hooks->device.close(inner); break;
    case TENON__KIND_MEMORY: hooks->memory.release(device, inner); break;
    case TENON__KIND_STREAM: hooks->stream.destroy(inner); break;
    case TENON__KIND_EVENT: hooks->event.destroy(inner); break;
    default: hooks->work.release(device, inner); break;
    }
}

/* What a person knows a work by. */
static void name_exec(tenon__object *exec, const tenon_work *work) {
    const char *name = "graph";
    if (work->kind == TENON_WORK_OP && work->op) {
        const tenon_op_row *row = tenon_op_row_of(work->op->op);
        name = row ? row->name : "op";
    } else if (work->kind == TENON_WORK_KERNEL && work->kernel && work->kernel->entry_count) {
        name = work->kernel->entries[0].name;
    } else if (work->kind == TENON_WORK_COMPOSITE && work->composite) {
        name = work->composite->name;
    }
    snprintf(exec->name, sizeof exec->name, "%s", name ? name : "");
}

static tenon__object *make(const tenon__call *call, uint32_t kind, void *inner) {
    tenon__object *object = tenon__object_create(call->layer, kind, call->device, inner);
    if (!object) return NULL;
    object->number = call->index;
    object->size = call->size;
    object->flags = call->flags;
    object->imported = call->hook == TENON__HOOK_memory_import;
    if (call->work) name_exec(object, call->work);
    return object;
}

tenon_status tenon__leave_made(tenon__call *call, uint32_t kind, void *inner, tenon__object **out_object) {
    bool gave = call->status == TENON_STATUS_OK && inner;
    call->answer = inner;
    if (gave) {
        call->made = make(call, kind, inner);
        if (!call->made) tenon__call_answer(call, TENON_STATUS_OUT_OF_MEMORY, "no host memory for a layer's handle");
    }
    tenon__leave(call);
    *out_object = call->status == TENON_STATUS_OK ? call->made : NULL;
    if (*out_object || !gave) return call->status;
    if (call->made) tenon__object_destroy(call->made);
    unmake(call, kind, inner);
    return call->status;
}

void tenon__leave_gone(tenon__call *call, tenon__object *object) {
    tenon__leave(call);
    tenon__object_destroy(object);
}
