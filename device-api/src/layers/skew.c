/* The layer `skew`: each side as it would meet one of another version.
 *
 * To the plugin the host looks older (every table and descriptor ends with its first version, at a page that nobody may
 * touch) or newer (each is longer than anybody knows, the rest zero). `alien` is a newer host that also asks for what the
 * plugin cannot know: it must decline, and the call is then made as it should be. To the host the plugin's tables look
 * older. Arrays end at such a page too. */
#include "layers/layer.h"

#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "layers/guard.h"
#include "support/error.h"

enum { OPTION_OLDER, OPTION_NEWER, OPTION_ALIEN, OPTION_TABLES, OPTION_COUNT };

static const tenon__layer_option options[OPTION_COUNT] = {
    [OPTION_OLDER] = {"older", TENON__OPTION_NUMBER, 0, 1, 0, "1: the plugin meets a host of the first version"},
    [OPTION_NEWER] = {"newer", TENON__OPTION_NUMBER, 0, 1, 0, "1: the plugin meets a newer host"},
    [OPTION_ALIEN] = {"alien", TENON__OPTION_NUMBER, 0, 1, 0,
                      "1: a newer host whose works and launches the plugin must decline, before each real one"},
    [OPTION_TABLES] = {"tables", TENON__OPTION_NUMBER, 0, 1, 0,
                       "1: the host meets tables of the first version (no option at all: older and tables)"},
};

enum { GROWN = 64 }; /* bytes that a newer host's structs have more */

typedef struct state {
    tenon__guard guard;
    tenon__guarded *kept; /* host table */
    uint32_t older, newer, alien;
} state;

/* What a call's copies were made from. */
typedef struct skewed {
    tenon__guarded *used;
    const tenon_work *work;
    tenon_exec_info *exec_info;
    tenon_device_info *device_info;
    tenon_memory_type *memory_type;
    tenon__work_copy copy;
    uint32_t copied;
} skewed;

static tenon_status create(const tenon__layer_value *values, void **out_shared) {
    (void)out_shared;
    if (values[OPTION_OLDER].number && (values[OPTION_NEWER].number || values[OPTION_ALIEN].number))
        return tenon__fail(TENON_STATUS_INVALID, "layer skew: a host is older or newer, not both; stack two layers");
    return TENON_STATUS_OK;
}

/* -- Copies ----------------------------------------------------------------------------------------------------------- */

static uint32_t size_for(const state *s, uint32_t oldest, uint32_t known) {
    return s->older ? oldest : s->newer ? known + GROWN : known;
}

static bool is_zero(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    while (size > 0 && *at == 0) at++, size--;
    return size == 0;
}

/* A struct as a host of the chosen version would pass it. NULL: there is no memory, or an older host has no words for
 * what it says; *io_status then. */
static void *copy_struct(state *s, skewed *k, const void *source, uint32_t oldest, uint32_t known,
                         tenon_status *io_status) {
    uint32_t given, size = size_for(s, oldest, known);
    if (!source) return NULL;
    memcpy(&given, source, sizeof given);
    uint32_t take = given < size ? given : size;
    if (given > take && !is_zero((const unsigned char *)source + take, given - take)) {
        *io_status = TENON_STATUS_UNSUPPORTED;
        return NULL;
    }
    unsigned char *copy = tenon__guard_take(&s->guard, size, &k->used);
    if (!copy) {
        *io_status = TENON_STATUS_OUT_OF_MEMORY;
        return NULL;
    }
    memcpy(copy, source, take);
    memcpy(copy, &size, sizeof size);
    return copy;
}

static void *copy_array(state *s, skewed *k, const void *source, uint64_t count, size_t element,
                        tenon_status *io_status) {
    if (!source || count == 0) return NULL;
    void *copy = tenon__guard_take(&s->guard, count * element, &k->used);
    if (copy)
        memcpy(copy, source, count * element);
    else
        *io_status = TENON_STATUS_OUT_OF_MEMORY;
    return copy;
}

#define COPY_PART(part, TYPE, type)                                                                                    \
    copy->part = copy_struct(s, k, work->part, TENON_##TYPE##_SIZE_V1, sizeof(type), &status)

static tenon_status copy_work(state *s, skewed *k, const tenon_work *work, tenon_work **out_copy) {
    tenon_status status = TENON_STATUS_OK;
    tenon_work *copy = copy_struct(s, k, work, TENON_WORK_SIZE_V1, sizeof *work, &status);
    if (!copy) return status;
    copy->symbols = copy_array(s, k, work->symbols, work->symbol_count, sizeof *work->symbols, &status);
    copy->operands = copy_array(s, k, work->operands, work->operand_count, sizeof *work->operands, &status);
    COPY_PART(op, OP_WORK, tenon_op_work);
    COPY_PART(kernel, KERNEL_WORK, tenon_kernel_work);
    COPY_PART(composite, COMPOSITE_WORK, tenon_composite_work);
    COPY_PART(graph, GRAPH_WORK, tenon_graph_work);
    *out_copy = copy;
    return status;
}

static tenon_status copy_launch(state *s, skewed *k, const tenon_launch *launch, tenon_launch **out_copy) {
    tenon_status status = TENON_STATUS_OK;
    tenon_launch *copy = copy_struct(s, k, launch, TENON_LAUNCH_SIZE_V1, sizeof *launch, &status);
    if (!copy) return status;
    copy->buffers = copy_array(s, k, launch->buffers, launch->buffer_count, sizeof *launch->buffers, &status);
    copy->symbols = copy_array(s, k, launch->symbols, launch->symbol_count, sizeof *launch->symbols, &status);
    copy->scalars = copy_array(s, k, launch->scalars, launch->scalar_count, sizeof *launch->scalars, &status);
    copy->grids = copy_array(s, k, launch->grids, launch->grid_count, sizeof *launch->grids, &status);
    *out_copy = copy;
    return status;
}

static void refuse(tenon__call *call, tenon_status status) {
    if (status == TENON_STATUS_UNSUPPORTED)
        tenon__call_answer(call, status, "a host of the first version could not ask for this");
    else
        tenon__call_answer(call, status, "no host memory for a copy");
}

/* -- What the plugin must decline ------------------------------------------------------------------------------------- */

/* Sets the last byte of a grown struct: a member that only a newer host knows. */
static void make_alien(void *descriptor, unsigned char byte) {
    uint32_t size;
    memcpy(&size, descriptor, sizeof size);
    ((unsigned char *)descriptor)[size - 1] = byte;
}

static void try_alien_work(tenon__call *call, tenon_work *work) {
    const tenon__hooks *hooks = &call->layer->inner;
    tenon_exec *exec = NULL;
    make_alien(work, 1);
    tenon_status status = hooks->work.prepare(call->device->inner, work, call->exec_info, &exec);
    make_alien(work, 0);
    if (status == TENON_STATUS_OK && exec) hooks->work.release(call->device->inner, exec);
    if (status != TENON_STATUS_UNSUPPORTED)
        tenon__call_answer(call, TENON_STATUS_INTERNAL,
                           "skew: REQ-ABI-03: work.prepare answers %s to a work with a member that it does not know",
                           tenon_status_name(status));
}

static void try_alien_launch(tenon__call *call, tenon_launch *launch) {
    const tenon__hooks *hooks = &call->layer->inner;
    make_alien(launch, 1);
    tenon_status status = hooks->work.launch(call->stream->inner, call->exec->inner, launch);
    make_alien(launch, 0);
    if (status == TENON_STATUS_UNSUPPORTED || status == TENON_STATUS_FAILED_STREAM ||
        status == TENON_STATUS_DEVICE_LOST)
        return;
    tenon__call_answer(call, TENON_STATUS_INTERNAL,
                       "skew: REQ-ABI-03: work.launch answers %s to a launch with a member that it does not know",
                       tenon_status_name(status));
}

/* -- Calls ------------------------------------------------------------------------------------------------------------ */

static void skew_prepare(tenon__call *call, state *s, skewed *k) {
    tenon_work *work = NULL;
    tenon_status status = copy_work(s, k, call->work, &work);
    if (call->exec_info && status == TENON_STATUS_OK)
        call->exec_info = copy_struct(s, k, call->exec_info, TENON_EXEC_INFO_SIZE_V1, sizeof *call->exec_info, &status);
    if (status != TENON_STATUS_OK) {
        call->exec_info = k->exec_info;
        refuse(call, status);
        return;
    }
    k->copy = (tenon__work_copy){.copy = work, .work = call->work};
    k->copied = 1;
    call->work = work;
    tenon__layer_copy_begin(call->layer, &k->copy);
    if (s->alien && call->hook == TENON__HOOK_work_prepare) try_alien_work(call, work);
}

static void skew_launch(tenon__call *call, state *s, skewed *k) {
    tenon_launch *launch = NULL;
    tenon_status status = copy_launch(s, k, call->launch, &launch);
    if (status != TENON_STATUS_OK) {
        refuse(call, status);
        return;
    }
    call->launch = launch;
    if (s->alien) try_alien_launch(call, launch);
}

static void skew_info(tenon__call *call, state *s, skewed *k) {
    tenon_status status = TENON_STATUS_OK;
    if (call->device_info)
        call->device_info =
            copy_struct(s, k, call->device_info, TENON_DEVICE_INFO_SIZE_V1, sizeof *call->device_info, &status);
    if (call->memory_type)
        call->memory_type =
            copy_struct(s, k, call->memory_type, TENON_MEMORY_TYPE_SIZE_V1, sizeof *call->memory_type, &status);
    if (status != TENON_STATUS_OK) refuse(call, status);
}

static bool is_skewed(uint32_t hook) {
    return hook == TENON__HOOK_work_prepare || hook == TENON__HOOK_work_claim || hook == TENON__HOOK_work_launch ||
           hook == TENON__HOOK_device_info || hook == TENON__HOOK_memory_type_info;
}

static void before(tenon__call *call) {
    state *s = call->layer->state;
    if (!is_skewed(call->hook) || !(s->older || s->newer)) return;
    skewed *k = calloc(1, sizeof *k);
    if (!k) {
        refuse(call, TENON_STATUS_OUT_OF_MEMORY);
        return;
    }
    k->work = call->work;
    k->exec_info = call->exec_info;
    k->device_info = call->device_info;
    k->memory_type = call->memory_type;
    call->blocks[0] = k;
    if (call->work)
        skew_prepare(call, s, k);
    else if (call->launch)
        skew_launch(call, s, k);
    else
        skew_info(call, s, k);
}

/* What the plugin filled, in the host's own struct, whose size stays. A newer host's rest is for nobody to write. */
static void take_back(tenon__call *call, void *original, const void *copy, uint32_t known) {
    uint32_t mine, size;
    if (!original || !copy || original == copy) return;
    memcpy(&mine, original, sizeof mine);
    memcpy(&size, copy, sizeof size);
    if (size > known && !is_zero((const unsigned char *)copy + known, size - known))
        tenon__call_answer(call, TENON_STATUS_INTERNAL, "skew: REQ-ABI-02: %s wrote past what its version knows",
                           tenon__hook_name(call->hook));
    uint32_t take = mine < size ? mine : size;
    if (call->status == TENON_STATUS_OK)
        memcpy((unsigned char *)original + sizeof mine, (const unsigned char *)copy + sizeof mine, take - sizeof mine);
}

static void after(tenon__call *call) {
    state *s = call->layer->state;
    skewed *k = call->blocks[0];
    if (!k) return;
    if (k->copied) tenon__layer_copy_end(call->layer, &k->copy);
    take_back(call, k->exec_info, call->exec_info, sizeof *k->exec_info);
    take_back(call, k->device_info, call->device_info, sizeof *k->device_info);
    take_back(call, k->memory_type, call->memory_type, sizeof *k->memory_type);
    tenon__guard_give(&s->guard, k->used);
    free(k);
    call->blocks[0] = NULL;
}

/* -- Tables ----------------------------------------------------------------------------------------------------------- */

/* The host table of another version, for as long as the plugin is open. */
static tenon_status skew_host(tenon__layer *layer, state *s) {
    uint32_t known = sizeof layer->host, size = size_for(s, TENON_HOST_SIZE_V1, known);
    tenon_host *host = tenon__guard_take(&s->guard, size, &s->kept);
    if (!host) return tenon__fail_memory();
    memcpy(host, &layer->host, size < known ? size : known);
    host->struct_size = size;
    if (s->older) host->abi_version = TENON__OLDEST_ABI;
    layer->presented = host;
    return TENON_STATUS_OK;
}

/* The plugin's tables as the first version has them, read by the loader as it reads any. */
static tenon_status skew_tables(tenon__layer *layer, state *s) {
    tenon__guarded *used = NULL;
    const tenon__hooks *hooks = &layer->inner;
    tenon_plugin *table = tenon__guard_take(&s->guard, TENON_PLUGIN_SIZE_V1, &used);
    tenon__verdict verdict = {0};
    uint32_t version;
    bool whole = table != NULL;
    if (whole) {
        memcpy(table, &hooks->plugin, TENON_PLUGIN_SIZE_V1);
        table->struct_size = TENON_PLUGIN_SIZE_V1;
        table->abi_version = table->abi_oldest = TENON__OLDEST_ABI;
    }
#define TENON_HOOK(group, type, member, need, set)
#define TENON_HOOK_GROUP(group, type, need, oldest) TABLE_##group(group, type, oldest)
#define TABLE_plugin(group, type, oldest)
#define TABLE(group, type, oldest)                                                                                     \
    if (whole && hooks->group.struct_size) {                                                                           \
        type *copy = tenon__guard_take(&s->guard, oldest, &used);                                                      \
        whole = copy != NULL;                                                                                          \
        if (whole) memcpy(copy, &hooks->group, oldest), copy->struct_size = oldest, table->group = copy;               \
    }
#define TABLE_device TABLE
#define TABLE_memory TABLE
#define TABLE_stream TABLE
#define TABLE_work   TABLE
#define TABLE_event  TABLE
#include <tenon/hooks.def>
    tenonh_reason reason = whole ? tenon__hooks_negotiate(NULL, table, &layer->inner, &version, &verdict) : 0;
    tenon__guard_give(&s->guard, used);
    if (!whole) return tenon__fail_memory();
    if (reason == TENONH_REASON_OK) return TENON_STATUS_OK;
    return tenon__fail(tenonh_reason_status(reason), "layer skew: %s: %s", tenonh_reason_text(reason), verdict.detail);
}

static tenon_status open_layer(tenon__layer *layer) {
    const tenon__layer_value *values = layer->values;
    state *s = calloc(1, sizeof *s);
    if (!s) return tenon__fail_memory();
    tenon__guard_init(&s->guard);
    layer->state = s;
    bool none = true;
    for (int i = 0; i < OPTION_COUNT; i++) none = none && !values[i].text;
    s->older = none || values[OPTION_OLDER].number;
    s->alien = values[OPTION_ALIEN].number != 0;
    s->newer = s->alien || values[OPTION_NEWER].number;
    if (s->older || s->newer) TENON_TRY(skew_host(layer, s));
    return none || values[OPTION_TABLES].number ? skew_tables(layer, s) : (tenon_status)TENON_STATUS_OK;
}

static void end_layer(tenon__layer *layer) {
    state *s = layer->state;
    if (!s) return;
    tenon__guard_give(&s->guard, s->kept);
    tenon__guard_free(&s->guard);
    free(s);
}

const tenon__layer_class tenon__layer_skew = {
    .name = "skew",
    .meaning = "plays an older or newer host to the plugin, and the other way round",
    .options = options,
    .option_count = OPTION_COUNT,
    .create = create,
    .open = open_layer,
    .end = end_layer,
    .before = before,
    .after = after,
};
