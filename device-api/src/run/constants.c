/* Constants on devices: one copy for all plans and sessions of a process, in each form that they are wanted in.
 *
 * Bytes that a device can use where they lie in host memory are imported: weights of a mapped file then stay in the page
 * cache, which processes share. Others are copied once. An exec that wants a constant in its own layout gets it packed,
 * once for all that say they want the same. */
#include <stdlib.h>
#include <unistd.h>

#include "run/plans.h"
#include "support/error.h"

/* An import of fewer bytes costs a device more than it saves. */
enum { LEAST_IMPORT = 4096, HELD_SIZE = 64 };

/* What makers are told. */
typedef struct origin {
    tenon__constant *constant;
    uint32_t width;        /* bytes of an element: what kernels expect addresses to be multiples of */
    tenonh_stream *stream; /* of the device; NULL: only what is there already will do */
    tenonh_exec *exec;     /* to pack for */
    uint32_t operand;
    uint64_t offset; /* bytes before the operand in the constant */
} origin;

static void forget_constant(void *owner) {
    tenon__constant_release(owner);
}

/* -- As they are -- */

/* Whole alignment units around the bytes: they lie on pages that the bytes lie on too. UNSUPPORTED: to be copied. */
static tenon_status import(tenonh_device *device, tenon__resident *resident, const origin *from) {
    const tenon_memory_type *type = &device->types[0];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), address = (uintptr_t)from->constant->data;
    uintptr_t unit = type->alignment > type->flush_unit ? type->alignment : type->flush_unit;
    bool fits = from->constant->size >= LEAST_IMPORT && unit <= page && address % from->width == 0;
    if (!fits || !device->hooks->memory.import || type->over_read) return TENON_STATUS_UNSUPPORTED;
    resident->start = address % unit;
    uint64_t size = (resident->start + from->constant->size + unit - 1) / unit * unit;
    void *bytes = (char *)(uintptr_t)from->constant->data - resident->start;
    TENON_TRY(tenonh_memory_import(device, 0, bytes, size, TENON_IMPORT_READ_ONLY, &resident->memory));
    resident->imported = 1;
    return TENON_STATUS_OK;
}

static tenon_status upload(tenonh_device *device, tenon__resident *resident, const origin *from) {
    const tenon__constant *constant = from->constant;
    resident->start = 0;
    TENON_TRY(tenonh_memory_create(device, 0, constant->size, &resident->memory));
    tenon_status status = tenonh_stream_write(from->stream, resident->memory, 0, constant->data, constant->size);
    tenon_status end = tenonh_stream_synchronize(from->stream);
    if (status == TENON_STATUS_OK) status = end;
    if (status != TENON_STATUS_OK) tenonh_memory_release(resident->memory);
    return status;
}

static tenon_status make_plain(tenonh_device *device, tenon__resident *resident, void *context) {
    const origin *from = context;
    if (!from->stream) return TENON_STATUS_NOT_READY;
    tenon_status status = import(device, resident, from);
    if (status == TENON_STATUS_UNSUPPORTED) status = upload(device, resident, from);
    if (status != TENON_STATUS_OK) return status;
    resident->size = from->constant->size;
    resident->owner = tenon__constant_retain(from->constant);
    resident->forget = forget_constant;
    return TENON_STATUS_OK;
}

static tenon_status acquire_plain(tenonh_device *device, origin *from, tenon__resident **out_resident) {
    tenon__resident_key key = {.identity = from->constant};
    return tenon__resident_acquire(device, &key, make_plain, from, out_resident);
}

/* -- In an exec's layout -- */

static tenon_status pack(tenonh_device *device, tenon__resident *resident, const origin *from,
                         const tenon__resident *plain) {
    const tenon_operand_info *info = &tenonh_exec_info(from->exec)->operands[from->operand];
    TENON_TRY(tenonh_memory_create(device, 0, info->packed_size, &resident->memory));
    tenon_status status = tenonh_exec_pack(from->exec, from->stream, from->operand,
                                           tenonh_memory_buffer(plain->memory, plain->start + from->offset),
                                           tenonh_memory_buffer(resident->memory, 0));
    tenon_status end = tenonh_stream_synchronize(from->stream);
    if (status == TENON_STATUS_OK) status = end;
    if (status != TENON_STATUS_OK) tenonh_memory_release(resident->memory);
    return status;
}

static tenon_status make_packed(tenonh_device *device, tenon__resident *resident, void *context) {
    origin *from = context;
    tenon__resident *plain;
    if (!from->stream) return TENON_STATUS_NOT_READY;
    TENON_TRY(acquire_plain(device, from, &plain));
    tenon_status status = pack(device, resident, from, plain);
    tenon__resident_release(device, plain); /* unless others use it as it is, it has served */
    if (status != TENON_STATUS_OK) return status;
    resident->size = tenonh_exec_info(from->exec)->operands[from->operand].packed_size;
    resident->owner = tenon__constant_retain(from->constant);
    resident->forget = forget_constant;
    return TENON_STATUS_OK;
}

static tenon_status acquire_packed(tenonh_device *device, origin *from, tenon__resident **out_resident) {
    const uint64_t *form = tenonh_exec_info(from->exec)->operands[from->operand].packed_key;
    tenon__resident_key key = {.identity = from->constant, .form = {form[0], form[1], from->offset + 1}};
    return tenon__resident_acquire(device, &key, make_packed, from, out_resident);
}

/* -- Not at all: the exec holds the bytes, and its launches get some buffer that is not read -- */

static tenon_status make_held(tenonh_device *device, tenon__resident *resident, void *context) {
    (void)context;
    return tenonh_memory_create(device, 0, HELD_SIZE, &resident->memory);
}

static tenon_status acquire_held(tenonh_device *device, tenon__resident **out_resident) {
    tenon__resident_key key = {.identity = device, .form = {0, 0, UINT64_MAX}};
    return tenon__resident_acquire(device, &key, make_held, NULL, out_resident);
}

/* -- Of a plan -- */

/* What a step wants of an operand that is a constant. */
enum { WANTS_PLAIN, WANTS_PACKED, WANTS_HELD };

static uint32_t want_of(const tenon__step *step, uint32_t operand) {
    if (!step->exec) return WANTS_PLAIN;
    const tenon_operand_info *info = &tenonh_exec_info(step->exec)->operands[operand];
    return info->packed_size ? WANTS_PACKED : info->layout == TENON_LAYOUT_HELD ? WANTS_HELD : WANTS_PLAIN;
}

static tenon_status take_special(tenon__planned *planned, const tenon__step *step, uint32_t operand, uint32_t buffer,
                                 uint32_t want, tenonh_stream *stream) {
    const tenon__ref *ref = &step->refs[operand];
    tenonh_device *device = planned->plans->context->devices[step->place];
    uint64_t bits = tenon_dtype_bits(ref->dtype);
    origin from = {.constant = planned->plan->storages[ref->storage].constant,
                   .width = (uint32_t)(bits < 8 ? 1 : bits / 8),
                   .stream = stream,
                   .exec = step->exec,
                   .operand = operand,
                   .offset = (uint64_t)ref->offset * bits / 8};
    tenon__special *list = realloc(planned->specials, (planned->special_count + 1) * sizeof *list);
    if (!list) return tenon__fail_memory();
    planned->specials = list;
    list[planned->special_count] = (tenon__special){buffer, step->place, NULL};
    tenon__resident **resident = &list[planned->special_count].resident;
    TENON_TRY(want == WANTS_PACKED ? acquire_packed(device, &from, resident) : acquire_held(device, resident));
    planned->special_count++;
    return TENON_STATUS_OK;
}

/* Takes what is wanted in a form of its own; `widths` gets the largest element's size of what is wanted as it
 * is, by storage. */
static tenon_status look_through(tenon__planned *planned, tenonh_stream *const *streams, uint8_t *widths) {
    const tenon__plan *plan = planned->plan;
    uint32_t buffer = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const tenon__step *step = &plan->steps[i];
        for (uint32_t r = 0; step->placement != TENONH_PLACEMENT_VIEW && r < step->ref_count; r++) {
            const tenon__ref *ref = &step->refs[r];
            if (plan->storages[ref->storage].kind != TENON__STORAGE_CONSTANT) continue;
            uint64_t bits = tenon_dtype_bits(ref->dtype);
            uint32_t want = want_of(step, r);
            uint8_t width = (uint8_t)(bits < 8 ? 1 : bits / 8), *widest = &widths[ref->storage];
            if (want != WANTS_PLAIN)
                TENON_TRY(take_special(planned, step, r, buffer + r, want, streams ? streams[step->place] : NULL));
            else if (width > *widest)
                *widest = width;
        }
        if (step->exec) buffer += step->ref_count;
    }
    return TENON_STATUS_OK;
}

static tenon_status take_all(tenon__planned *planned, tenonh_stream *const *streams, uint8_t *widths) {
    const tenon__plan *plan = planned->plan;
    TENON_TRY(look_through(planned, streams, widths));
    for (uint32_t i = 0; i < plan->storage_count; i++) {
        const tenon__storage *s = &plan->storages[i];
        if (!widths[i]) continue;
        origin from = {.constant = s->constant, .width = widths[i], .stream = streams ? streams[s->place] : NULL};
        TENON_TRY(acquire_plain(planned->plans->context->devices[s->place], &from, &planned->constants[i]));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__planned_take_constants(tenon__planned *planned, tenonh_stream *const *streams) {
    planned->constants = calloc((size_t)planned->plan->storage_count + 1, sizeof(void *));
    uint8_t *widths = calloc((size_t)planned->plan->storage_count + 1, sizeof *widths);
    tenon_status status = planned->constants && widths ? take_all(planned, streams, widths) : tenon__fail_memory();
    free(widths);
    return status;
}

void tenon__planned_drop_constants(tenon__planned *planned) {
    tenonh_device *const *devices = planned->plans->context->devices;
    for (uint32_t i = 0; planned->constants && i < planned->plan->storage_count; i++)
        tenon__resident_release(devices[planned->plan->storages[i].place], planned->constants[i]);
    for (uint32_t i = 0; i < planned->special_count; i++)
        tenon__resident_release(devices[planned->specials[i].place], planned->specials[i].resident);
    free(planned->constants);
    free(planned->specials);
}
