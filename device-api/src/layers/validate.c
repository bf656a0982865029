/* The layer `validate`: both sides held against the rules of VENDOR_GUIDE.md. Each finding is one message with the rule's
 * number; it fails the call, unless findings are only logged or the hook returns nothing. */
#include "layers/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/error.h"

enum { OPTION_LOG, OPTION_COUNT };

static const tenon__layer_option options[OPTION_COUNT] = {
    [OPTION_LOG] = {"log", TENON__OPTION_NUMBER, 0, 1, 0, "1: findings are logged and fail no call (0)"},
};

/* -- Findings --------------------------------------------------------------------------------------------------------- */

static bool only_logs(const tenon__layer *layer) {
    return layer->values[OPTION_LOG].number != 0;
}

static bool returns_nothing(uint32_t hook) {
    return hook == TENON__HOOK_plugin_close || hook == TENON__HOOK_device_close || hook == TENON__HOOK_memory_release ||
           hook == TENON__HOOK_stream_destroy || hook == TENON__HOOK_event_destroy || hook == TENON__HOOK_work_release;
}

static void count(const tenon__layer *layer) {
    tenon__validator *v = layer->state;
    atomic_fetch_add(&v->findings, 1);
}

bool tenon__host_fault(tenon__call *call, const char *rule, const char *format, ...) {
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (only_logs(call->layer) || returns_nothing(call->hook)) {
        tenon__finding(call->layer, rule, "%s: %s", tenon__hook_name(call->hook), text);
        return false;
    }
    count(call->layer);
    tenon__call_answer(call, TENON_STATUS_INVALID, "validate: %s: %s: %s", rule, tenon__hook_name(call->hook), text);
    return true;
}

void tenon__plugin_fault(tenon__call *call, const char *rule, const char *format, ...) {
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bool fails = call->status == TENON_STATUS_OK || call->status >= TENON_STATUS_COUNT;
    if (!fails || only_logs(call->layer) || returns_nothing(call->hook)) {
        tenon__finding(call->layer, rule, "%s: %s", tenon__hook_name(call->hook), text);
        return;
    }
    count(call->layer);
    tenon__call_answer(call, TENON_STATUS_INTERNAL, "validate: %s: %s of %s: %s", rule, tenon__hook_name(call->hook),
                       call->layer->id, text);
}

void tenon__finding(tenon__layer *layer, const char *rule, const char *format, ...) {
    char text[1536];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    count(layer);
    tenon__layer_log(layer, TENON_LOG_ERROR, "%s: %s", rule, text);
}

/* -- The class -------------------------------------------------------------------------------------------------------- */

static tenon_status open_layer(tenon__layer *layer) {
    tenon__validator *v = calloc(1, sizeof *v);
    if (!v) return tenon__fail_memory();
    v->start = tenon__layer_now();
    v->process = getpid();
    (void)pthread_mutex_init(&v->mutex, NULL);
    layer->state = v;
    tenon__watch_leaks();
    return TENON_STATUS_OK;
}

static void close_layer(tenon__layer *layer) {
    tenon__validator *v = layer->state;
    if (v && layer->closed) tenon__blocks_free(layer);
}

static void end_layer(tenon__layer *layer) {
    tenon__validator *v = layer->state;
    if (!v) return;
    tenon__clock_free(&v->issued);
    tenon__clock_free(&v->completed);
    free(v->free_ordinals);
    (void)pthread_mutex_destroy(&v->mutex);
    free(v);
}

static void before(tenon__call *call) {
    if (call->hook == TENON__HOOK_work_prepare && call->exec_info) {
        call->blocks[0] = call->exec_info->symbols;
        call->blocks[1] = call->exec_info->operands;
    }
    tenon__check_ask(call);
}

static void after(tenon__call *call) {
    if (!call->answered) {
        tenon__keep_order(call);
        tenon__check_answer(call);
    }
    if (call->made && call->status == TENON_STATUS_OK) {
        tenon__remember_maker(call->made);
        if (call->made->kind == TENON__KIND_STREAM) tenon__order_begin(call->layer, call->made);
    }
    if (call->scratch && call->stream) atomic_store(&tenon__checked_of(call->stream)->busy, 0);
}

static void forget(tenon__object *object) {
    tenon__checked *checked = tenon__checked_of(object);
    tenon__order_end(object);
    free(checked->symbols);
    free(checked->operands);
}

static void bad_handle(tenon__layer *layer, const char *text) {
    count(layer);
    tenon__layer_log(layer, TENON_LOG_ERROR, "%s", text);
}

/* Objects that are being made or given back are not known by handle. */
static bool reported(tenon__layer *layer, uint32_t known_objects, tenon_status status, const char *text) {
    const tenon__call *call = tenon__call_current(layer);
    bool passing = call && (call->hook == TENON__HOOK_stream_create || call->hook == TENON__HOOK_work_prepare ||
                            call->hook == TENON__HOOK_device_open || returns_nothing(call->hook));
    if (!text || !*text)
        tenon__finding(layer, "REQ-ERR-02", "the plugin reports status %u without words", status);
    else if (status == TENON_STATUS_OK || status >= TENON_STATUS_COUNT)
        tenon__finding(layer, "REQ-ERR-02", "the plugin reports status %u, which is no failure: %s", status, text);
    else if (!known_objects && !passing)
        tenon__finding(layer, "REQ-ERR-02", "the plugin reports on an object that it does not have: %s", text);
    return true;
}

static bool released(tenon__layer *layer, const void *pointer) {
    if (tenon__block_remove(layer, pointer)) return true;
    tenon__finding(layer, "REQ-ABI-12", "the plugin releases %p, which is no host memory that it holds", pointer);
    return false;
}

const tenon__layer_class tenon__layer_validate = {
    .name = "validate",
    .meaning = "checks host and plugin against the rules",
    .options = options,
    .option_count = OPTION_COUNT,
    .object_size = sizeof(tenon__checked),
    .open = open_layer,
    .close = close_layer,
    .end = end_layer,
    .before = before,
    .after = after,
    .forget = forget,
    .bad_handle = bad_handle,
    .reported = reported,
    .allocated = tenon__block_add,
    .released = released,
};
