/* Constants on devices: one copy for all plans and sessions of a process. */
#include <stdlib.h>

#include "run/plans.h"
#include "support/error.h"

/* What a maker needs. */
typedef struct origin {
    tenon__constant *constant;
    tenonh_stream *stream; /* of the device */
} origin;

static void forget_constant(void *owner) {
    tenon__constant_release(owner);
}

static tenon_status upload(tenonh_device *device, tenon__resident *resident, void *context) {
    const origin *from = context;
    const tenon__constant *constant = from->constant;
    TENON_TRY(tenonh_memory_create(device, 0, constant->size, &resident->memory));
    tenon_status status = tenonh_stream_write(from->stream, resident->memory, 0, constant->data, constant->size);
    tenon_status end = tenonh_stream_synchronize(from->stream);
    if (status == TENON_STATUS_OK) status = end;
    if (status != TENON_STATUS_OK) return tenonh_memory_release(resident->memory), status;
    resident->size = constant->size;
    resident->owner = tenon__constant_retain(from->constant);
    resident->forget = forget_constant;
    return TENON_STATUS_OK;
}

tenon_status tenon__planned_take_constants(tenon__planned *planned, tenonh_stream *const *streams) {
    const tenon__plan *plan = planned->plan;
    planned->constants = calloc((size_t)plan->storage_count + 1, sizeof(void *));
    if (!planned->constants) return tenon__fail_memory();
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        const tenon__storage *s = &plan->storages[i];
        if (s->kind != TENON__STORAGE_CONSTANT || s->first == TENON__NEVER) continue;
        origin from = {s->constant, streams[s->place]};
        tenon__resident_key key = {.identity = s->constant};
        TENON_TRY(tenon__resident_acquire(planned->plans->context->devices[s->place], &key, upload, &from,
                                          &planned->constants[i]));
    }
    return TENON_STATUS_OK;
}

void tenon__planned_drop_constants(tenon__planned *planned) {
    for (uint32_t i = 0; planned->constants && i < planned->plan->storage_count; i++)
        tenon__resident_release(planned->plans->context->devices[planned->plan->storages[i].place],
                                planned->constants[i]);
    free(planned->constants);
}
