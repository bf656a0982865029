/* Binds plans to memory: constants once per session, arenas when they grow, inputs and outputs at each run. */
#include <stdlib.h>

#include "run/session.h"

/* -- Constants -- */

static tenon__resident **bucket_of(tenonh_session *session, const tenon__constant *constant, uint32_t place) {
    return &session->residents[((uintptr_t)constant / 64 + place) % TENON__RESIDENT_BUCKETS];
}

static tenon_status upload(tenonh_session *session, const tenon__constant *constant, uint32_t place,
                           tenonh_memory **out_memory) {
    tenonh_stream *stream = session->streams[place];
    TENON_TRY(tenonh_memory_create(session->context.devices[place], 0, constant->size, out_memory));
    tenon_status status = constant->size ? tenonh_stream_write(stream, *out_memory, 0, constant->data, constant->size)
                                         : (tenon_status)TENON_STATUS_OK;
    tenon_status end = tenonh_stream_synchronize(stream);
    if (status == TENON_STATUS_OK) status = end;
    if (status != TENON_STATUS_OK) tenonh_memory_release(*out_memory);
    return status;
}

static tenon_status acquire(tenonh_session *session, tenon__constant *constant, uint32_t place,
                            tenon__resident **out_resident) {
    tenon__resident **bucket = bucket_of(session, constant, place), *resident = *bucket;
    while (resident && (resident->constant != constant || resident->place != place)) resident = resident->next;
    if (!resident) {
        resident = calloc(1, sizeof *resident);
        if (!resident) return tenon__fail_memory();
        tenon_status status = upload(session, constant, place, &resident->memory);
        if (status != TENON_STATUS_OK) return free(resident), status;
        resident->constant = tenon__constant_retain(constant);
        resident->place = place;
        resident->next = *bucket;
        *bucket = resident;
        session->constant_bytes += constant->size;
    }
    resident->users++;
    *out_resident = resident;
    return TENON_STATUS_OK;
}

static void give_up(tenonh_session *session, tenon__resident *resident) {
    if (--resident->users > 0) return;
    tenon__resident **link = bucket_of(session, resident->constant, resident->place);
    while (*link != resident) link = &(*link)->next;
    *link = resident->next;
    session->constant_bytes -= resident->constant->size;
    tenonh_memory_release(resident->memory);
    tenon__constant_release((tenon__constant *)resident->constant);
    free(resident);
}

tenon_status tenon__bind_constants(tenonh_session *session, tenon__planned *planned) {
    const tenon__plan *plan = planned->plan;
    planned->residents = calloc((size_t)plan->storage_count + 1, sizeof *planned->residents);
    if (!planned->residents) return tenon__fail_memory();
    TENON_TRY(tenon__session_streams(session));
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        const tenon__storage *s = &plan->storages[i];
        if (s->kind != TENON__STORAGE_CONSTANT || s->first == TENON__NEVER) continue;
        TENON_TRY(acquire(session, s->constant, s->place, &planned->residents[i]));
    }
    return TENON_STATUS_OK;
}

void tenon__unbind_constants(tenonh_session *session, tenon__planned *planned) {
    for (uint32_t i = 0; planned->residents && i < planned->plan->storage_count; i++)
        if (planned->residents[i]) give_up(session, planned->residents[i]);
    free(planned->residents);
}

/* -- Arenas -- */

static tenon_status size_arenas(tenonh_session *session, const tenon__plan *plan) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        tenonh_memory **arena = &session->arenas[place];
        if (plan->arena_size[place] <= (*arena ? tenonh_memory_size(*arena) : 0)) continue;
        tenonh_memory_release(*arena);
        *arena = NULL;
        session->generation++;
        TENON_TRY(tenonh_memory_create(session->context.devices[place], 0, plan->arena_size[place], arena));
    }
    return TENON_STATUS_OK;
}

/* -- Buffers -- */

tenonh_memory *tenon__memory_of(const tenonh_session *session, const tenon__planned *planned, uint32_t storage,
                                tenonh_tensor *const *inputs, tenonh_tensor *const *outputs, uint64_t *out_offset) {
    const tenon__storage *s = &planned->plan->storages[storage];
    const tenonh_tensor *tensor;
    switch (s->kind) {
    case TENON__STORAGE_CONSTANT: *out_offset = 0; return planned->residents[storage]->memory;
    case TENON__STORAGE_INPUT: tensor = inputs[s->index]; break;
    case TENON__STORAGE_OUTPUT: tensor = outputs[s->index]; break;
    default: *out_offset = s->offset; return session->arenas[s->place];
    }
    *out_offset = tenonh_tensor_offset(tensor);
    return tenonh_tensor_memory(tensor);
}

static void bind_step(tenonh_session *session, const tenon__planned *planned, tenon__step *step, bool all,
                      tenonh_tensor *const *inputs, tenonh_tensor *const *outputs) {
    for (uint32_t i = 0; i < step->ref_count; i++) {
        const tenon__ref *ref = &step->refs[i];
        uint32_t kind = planned->plan->storages[ref->storage].kind;
        if (!all && kind != TENON__STORAGE_INPUT && kind != TENON__STORAGE_OUTPUT) continue;
        uint64_t start;
        tenonh_memory *memory = tenon__memory_of(session, planned, ref->storage, inputs, outputs, &start);
        uint64_t bits = (uint64_t)ref->offset * tenon_dtype_bits(ref->dtype);
        step->buffers[i] = tenonh_memory_buffer(memory, start + bits / 8);
    }
    if (!all || step->workspace == TENON__NEVER) return;
    const tenon__storage *s = &planned->plan->storages[step->workspace];
    step->launch.workspace = tenonh_memory_buffer(session->arenas[s->place], s->offset);
}

tenon_status tenon__bind(tenonh_session *session, const tenon__planned *planned, tenonh_tensor *const *inputs,
                         tenonh_tensor *const *outputs) {
    tenon__plan *plan = planned->plan;
    TENON_TRY(size_arenas(session, plan));
    bool all = plan->generation != session->generation;
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].buffers) bind_step(session, planned, &plan->steps[i], all, inputs, outputs);
    plan->generation = session->generation;
    return TENON_STATUS_OK;
}
