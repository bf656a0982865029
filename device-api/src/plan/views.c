/* Devices that know nothing of strides (TENON_VIEWS_CONTIGUOUS): the operator copy, whose input may lie in any way, brings
 * operands into row-major order. Its result has no gaps either, so that nothing is ever written into a part of a whole
 * that lies apart. */
#include "plan/builder.h"

bool tenon__copies_views(const tenon__plan_builder *b, uint32_t place) {
    const tenon_device_info *info = tenonh_device_info(b->context->devices[place]);
    return info->views == TENON_VIEWS_CONTIGUOUS && info->work_kinds & (TENON_WORK_OP | TENON_WORK_KERNEL);
}

tenon_status tenon__localize_whole(tenon__plan_builder *b, const tenonh_value *value, uint32_t place,
                                   tenon__ref *out_ref) {
    TENON_TRY(tenon__localize(b, value, place, out_ref));
    if (tenon__ref_is_contiguous(out_ref)) return TENON_STATUS_OK;
    tenon__place_ref *whole = &b->values[value->id].whole[place];
    if (!tenon__is_there(b, whole)) {
        TENON_TRY(tenon__make_contiguous(b, place, out_ref));
        *whole = (tenon__place_ref){true, b->number, b->round, *out_ref};
    }
    *out_ref = whole->ref;
    return TENON_STATUS_OK;
}

/* -- Concatenation ------------------------------------------------------------------------------------------------ */

/* `ref` with `axis` outermost. */
static tenon__ref with_axis_first(const tenon__ref *ref, uint32_t axis) {
    int64_t perm[TENON_MAX_RANK] = {axis};
    for (uint32_t i = 0, at = 1; i < ref->rank; i++)
        if (i != axis) perm[at++] = i;
    return tenon__ref_permute(ref, perm);
}

/* `stack`, whose outermost axis is `axis` of the whole, in the whole's order. */
static tenon__ref with_axis_back(const tenon__ref *stack, uint32_t axis) {
    int64_t perm[TENON_MAX_RANK] = {0};
    for (uint32_t i = 0; i < stack->rank; i++) perm[i] = i == axis ? 0 : i < axis ? (int64_t)i + 1 : (int64_t)i;
    return tenon__ref_permute(stack, perm);
}

static tenon_status stack_parts(tenon__plan_builder *b, uint32_t place, const tenon__ref *parts, uint32_t count,
                                uint32_t axis, const tenon__ref *stack) {
    int64_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        tenon__ref part = with_axis_first(&parts[i], axis);
        tenon__ref slot = tenon__ref_part(stack, 0, at, part.dims[0]);
        TENON_TRY(tenon__add_copy(b, place, &part, &slot));
        at += part.dims[0];
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__stack_parts(tenon__plan_builder *b, uint32_t place, uint32_t axis, const tenon__ref *parts,
                                uint32_t count, const tenon__ref *whole) {
    int64_t outside = 1;
    for (uint32_t i = 0; i < axis; i++) outside *= whole->dims[i];
    tenon__ref stack = with_axis_first(whole, axis);
    if (outside == 1) return stack_parts(b, place, parts, count, axis, &stack);
    TENON_TRY(tenon__add_ref(b, place, whole->dtype, whole->rank, stack.dims, &stack));
    TENON_TRY(stack_parts(b, place, parts, count, axis, &stack));
    tenon__ref ordered = with_axis_back(&stack, axis);
    return tenon__add_copy(b, place, &ordered, whole);
}
