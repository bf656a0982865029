/* Binds plans to a context: memory, streams and events of every step, once; inputs and outputs are left to each run. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device/pool.h"
#include "run/context.h"
#include "support/error.h"

/* -- Life -- */

void tenon__binding_destroy(tenon__binding *binding) {
    tenon__planned_release(binding->planned);
    free(binding->launches);
    free(binding->buffers);
    free(binding->streams);
    free(binding->events);
    free(binding);
}

/* The plan's streams of a place are numbered in a row: the n-th is the context's n-th there. */
static tenon_status find_streams(tenon__context *context, tenon__binding *binding) {
    const tenon__plan *plan = binding->planned->plan;
    uint32_t numbers[TENON__MAX_PLACES] = {0};
    for (uint32_t i = 0; i < plan->stream_count; i++) {
        uint32_t place = plan->stream_places[i];
        TENON_TRY(tenon__context_stream(context, place, numbers[place]++, &binding->streams[i]));
    }
    return TENON_STATUS_OK;
}

static tenon_status find_events(tenon__context *context, tenon__binding *binding) {
    const tenon__plan *plan = binding->planned->plan;
    uint32_t numbers[TENON__MAX_PLACES] = {0};
    for (uint32_t i = 0; i < plan->command_count; i++) {
        const tenon__command *command = &plan->commands[i];
        if (command->kind != TENON__COMMAND_RECORD) continue;
        uint32_t place = plan->stream_places[command->stream];
        TENON_TRY(tenon__context_event(context, place, numbers[place]++, &binding->events[command->index]));
    }
    return TENON_STATUS_OK;
}

bool tenon__context_has_queues(const tenon__context *context, const tenon__plan *plan) {
    uint32_t streams[TENON__MAX_PLACES] = {0}, events[TENON__MAX_PLACES] = {0};
    for (uint32_t i = 0; i < plan->stream_count; i++) streams[plan->stream_places[i]]++;
    for (uint32_t i = 0; i < plan->command_count; i++)
        if (plan->commands[i].kind == TENON__COMMAND_RECORD) events[plan->stream_places[plan->commands[i].stream]]++;
    bool has = true;
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++)
        has = has && streams[place] <= context->stream_counts[place] && events[place] <= context->event_counts[place];
    return has;
}

static tenon_status create_launches(tenon__binding *binding) {
    const tenon__plan *plan = binding->planned->plan;
    tenon_buffer *buffers = binding->buffers;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        if (!plan->steps[i].exec) continue;
        binding->launches[i] = plan->steps[i].launch;
        binding->launches[i].buffers = buffers;
        buffers += plan->steps[i].ref_count;
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__binding_create(tenon__context *context, tenon__planned *planned, tenon__binding **out_binding) {
    const tenon__plan *plan = planned->plan;
    tenon__binding *binding = calloc(1, sizeof *binding);
    if (!binding) return tenon__planned_release(planned), tenon__fail_memory();
    binding->planned = planned;
    binding->launches = calloc((size_t)plan->step_count + 1, sizeof *binding->launches);
    binding->buffers = calloc((size_t)planned->buffer_count + 1, sizeof *binding->buffers);
    binding->streams = calloc((size_t)plan->stream_count + 1, sizeof(void *));
    binding->events = calloc((size_t)plan->event_count + 1, sizeof(void *));
    bool made = binding->launches && binding->buffers && binding->streams && binding->events;
    tenon_status status = made ? create_launches(binding) : tenon__fail_memory();
    if (status == TENON_STATUS_OK) status = find_streams(context, binding);
    if (status == TENON_STATUS_OK) status = find_events(context, binding);
    if (status != TENON_STATUS_OK) return tenon__binding_destroy(binding), status;
    *out_binding = binding;
    return TENON_STATUS_OK;
}

/* -- Memory -- */

/* Arenas from this size on are asked for only if the device's budget has them: an allocation that the device grants and
 * cannot keep is worse than one that it refuses. */
enum { LARGE_ARENA = 16 << 20 };

static tenon_status check_budget(tenonh_device *device, uint64_t size) {
    tenon_memory_type type;
    if (size < LARGE_ARENA) return TENON_STATUS_OK;
    TENON_TRY(tenonh_device_memory_type(device, 0, &type));
    if (type.budget == 0 || size <= type.budget) return TENON_STATUS_OK;
    tenon__device_reclaim(device);
    TENON_TRY(tenonh_device_memory_type(device, 0, &type));
    if (size <= type.budget) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "%s: its memory type 0 has %" PRIu64 " bytes left",
                       tenonh_device_name(device), type.budget);
}

static tenon_status size_arena(tenon__context *context, const tenon__plan *plan, uint32_t place) {
    tenonh_memory **arena = &context->arenas[place];
    tenonh_device *device = context->contexts->places->devices[place];
    if (plan->arena_size[place] <= (*arena ? tenonh_memory_size(*arena) : 0)) return TENON_STATUS_OK;
    tenonh_memory_release(*arena);
    *arena = NULL;
    context->generation++;
    TENON_TRY(check_budget(device, plan->arena_size[place]));
    return tenon__memory_create_pooled(device, 0, plan->arena_size[place], arena);
}

static tenon_status size_arenas(tenon__context *context, tenon__planned *planned) {
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++) {
        tenon_status status = size_arena(context, planned->plan, place);
        if (status == TENON_STATUS_OUT_OF_MEMORY && !context->lacking) {
            tenon__retain(&planned->references);
            context->lacking = planned;
        }
        if (status != TENON_STATUS_OK) return status;
    }
    return TENON_STATUS_OK;
}

bool tenon__context_fits(const tenon__context *context, const tenon__planned *planned) {
    bool fits = planned->bounce_size <= context->bounce_size;
    for (uint32_t place = 0; place < TENON__MAX_PLACES && fits; place++) {
        const tenonh_memory *arena = context->arenas[place];
        fits = planned->plan->arena_size[place] <= (arena ? tenonh_memory_size(arena) : 0);
    }
    return fits;
}

static tenon_status size_bounce(tenon__context *context, uint64_t size) {
    if (size <= context->bounce_size) return TENON_STATUS_OK;
    free(context->bounce);
    context->bounce = malloc(size);
    context->bounce_size = context->bounce ? size : 0;
    return context->bounce ? TENON_STATUS_OK : tenon__fail_memory();
}

tenonh_memory *tenon__memory_of(const tenon__context *context, const tenon__planned *planned, uint32_t storage,
                                tenonh_tensor *const *tensors, uint64_t *out_offset) {
    const tenon__storage *s = &planned->plan->storages[storage];
    const tenonh_tensor *tensor;
    switch (s->kind) {
    case TENON__STORAGE_CONSTANT:
        *out_offset = planned->constants[storage]->start;
        return planned->constants[storage]->memory;
    case TENON__STORAGE_INPUT: tensor = tensors[s->index]; break;
    case TENON__STORAGE_OUTPUT: tensor = tensors[planned->plan->input_count + s->index]; break;
    default: *out_offset = s->offset; return context->arenas[s->place];
    }
    *out_offset = tensor->offset + s->offset;
    return tensor->memory;
}

/* Points a step's buffers to arenas and constants; those of inputs and outputs follow in each run. */
static void bind_step(const tenon__context *context, const tenon__planned *planned, const tenon__step *step,
                      tenon_launch *launch, tenon_buffer *buffers) {
    const tenon__plan *plan = planned->plan;
    for (uint32_t i = 0; i < step->ref_count; i++) {
        const tenon__ref *ref = &step->refs[i];
        uint32_t kind = plan->storages[ref->storage].kind;
        uint64_t start;
        if (kind == TENON__STORAGE_INPUT || kind == TENON__STORAGE_OUTPUT) continue;
        if (kind == TENON__STORAGE_CONSTANT && !planned->constants[ref->storage]) continue; /* a special one */
        tenonh_memory *memory = tenon__memory_of(context, planned, ref->storage, NULL, &start);
        buffers[i] = tenonh_memory_buffer(memory, start + (uint64_t)ref->offset * tenon_dtype_bits(ref->dtype) / 8);
    }
    if (step->workspace == TENON__NEVER) return;
    const tenon__storage *s = &plan->storages[step->workspace];
    launch->workspace = tenonh_memory_buffer(context->arenas[s->place], s->offset);
}

tenon_status tenon__binding_refresh(tenon__context *context, tenon__binding *binding) {
    const tenon__planned *planned = binding->planned;
    const tenon__plan *plan = planned->plan;
    if (binding->generation == context->generation) return TENON_STATUS_OK;
    TENON_TRY(size_arenas(context, binding->planned));
    TENON_TRY(size_bounce(context, planned->bounce_size));
    tenon_buffer *buffers = binding->buffers;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        if (!plan->steps[i].exec) continue;
        bind_step(context, planned, &plan->steps[i], &binding->launches[i], buffers);
        buffers += plan->steps[i].ref_count;
    }
    for (uint32_t i = 0; i < planned->special_count; i++) {
        const tenon__special *special = &planned->specials[i];
        binding->buffers[special->buffer] = tenonh_memory_buffer(special->resident->memory, special->resident->start);
    }
    binding->generation = context->generation;
    return TENON_STATUS_OK;
}

/* -- What a context has bound -- */

void tenon__context_sweep(tenon__context *context, const tenon__binding *kept) {
    for (tenon__binding **link = &context->bindings; *link;) {
        tenon__binding *binding = *link;
        bool dropped = atomic_load_explicit(&binding->planned->dropped, memory_order_relaxed);
        if (dropped && binding != kept) {
            *link = binding->next;
            tenon__binding_destroy(binding);
        } else {
            link = &binding->next;
        }
    }
}

static tenon__binding *find(tenon__context *context, const tenon__plans *plans, const int64_t *dims) {
    for (tenon__binding **link = &context->bindings; *link; link = &(*link)->next) {
        tenon__binding *binding = *link;
        const tenon__planned *planned = binding->planned;
        if (planned->plans != plans || memcmp(planned->dims, dims, plans->dim_count * sizeof *dims) != 0) continue;
        *link = binding->next;
        binding->next = context->bindings;
        return context->bindings = binding;
    }
    return NULL;
}

tenon_status tenon__context_add(tenon__context *context, tenon__planned *planned, tenon__binding **out_binding) {
    TENON_TRY(tenon__binding_create(context, planned, out_binding));
    (*out_binding)->next = context->bindings;
    context->bindings = *out_binding;
    return TENON_STATUS_OK;
}

static tenon_status add(tenon__context *context, tenon__plans *plans, const int64_t *dims,
                        tenon__binding **out_binding) {
    tenonh_stream *streams[TENON__MAX_PLACES] = {0};
    tenon__planned *planned;
    tenon__context_sweep(context, NULL);
    for (uint32_t place = 0; place < TENON__MAX_PLACES; place++)
        if (context->stream_counts[place]) streams[place] = context->streams[place][0];
    TENON_TRY(tenon__plans_get(plans, dims, streams, &planned));
    return tenon__context_add(context, planned, out_binding);
}

tenon_status tenon__context_bind(tenon__context *context, tenon__plans *plans, const int64_t *dims,
                                 tenon__binding **out_binding) {
    tenon__foresight_await(context);
    *out_binding = find(context, plans, dims);
    if (!*out_binding) TENON_TRY(add(context, plans, dims, out_binding));
    tenon__planned_touch((*out_binding)->planned);
    return tenon__binding_refresh(context, *out_binding);
}
