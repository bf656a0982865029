/* REQ-WORK-10, REQ-KERNEL-04: results in the place of an operand, where the exec permits it. What it kills: an alias that
 * is answered but not meant: elements read after another's result was written over them, in a tail, on another thread, or
 * because the compiler took the pointers for apart. */
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/map.h"
#include "cases/run.h"

/* True when the result may lie where operand `k` does: what prepare answered, or any of a printed element-wise kernel. */
static bool may_share(const cf_bound *bound, uint32_t k) {
    uint32_t result = bound->input_count;
    if (tenon_dtype_bits(bound->buffers[k].ref.dtype) != tenon_dtype_bits(bound->buffers[result].ref.dtype))
        return false;
    if (bound->launch.prepared.placement == TENONH_PLACEMENT_KERNEL) return true;
    uint32_t alias = tenonh_exec_info(bound->launch.exec)->operands[result].alias;
    return alias == TENON_ANY_ALIAS || alias == k;
}

static bool is_ok(tenon_status status) {
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

/* A NaN's bits may differ from launch to launch: those that were got count as right where one is wanted. */
static void accept_nan(const cf_buffer *b, tenon_dtype dtype, int64_t count, const unsigned char *got,
                       unsigned char *right) {
    uint32_t size = tenon_dtype_bits(dtype) / 8;
    for (int64_t i = 0; i < count; i++) {
        uint64_t at = b->start + (uint64_t)(b->ref.offset + i * b->ref.strides[0]) * size;
        if (cf_is_same(dtype, got + at, 0, right + at, 0)) memcpy(right + at, got + at, size);
    }
}

/* What lies where operand `k` was once the result is written there: the result, between what lay around the operand. */
static void compare(const cf_bound *bound, uint32_t k, const tenonh_array *want) {
    const cf_buffer *b = &bound->buffers[k];
    unsigned char *bytes = malloc(b->size), *right = malloc(b->size);
    uint32_t size = tenon_dtype_bits(want->dtype) / 8;
    memcpy(right, b->image, b->size);
    for (int64_t i = 0; i < tenonh_array_count(want); i++)
        memcpy(right + b->start + (uint64_t)(b->ref.offset + i * b->ref.strides[0]) * size,
               (char *)want->data + i * size, size);
    if (is_ok(tenonh_stream_read(cf_under_test.stream, bytes, b->memory, 0, b->size)) &&
        is_ok(tenonh_stream_synchronize(cf_under_test.stream))) {
        accept_nan(b, want->dtype, tenonh_array_count(want), bytes, right);
        for (uint64_t i = 0; i < b->size && !cf_failed(); i++)
            if (bytes[i] != right[i])
                cf_fail("in the place of operand %u: byte %lld differs from that of a result apart", k,
                        (long long)i - (long long)b->start);
    }
    free(bytes), free(right);
}

static void run_in_place(cf_bound *bound, uint32_t k, const tenonh_array *want) {
    cf_buffer *result = &bound->buffers[bound->input_count], kept = *result;
    if (!is_ok(cf_bound_refill(bound))) return;
    result->memory = bound->buffers[k].memory;
    result->start = bound->buffers[k].start;
    result->ref = bound->buffers[k].ref;
    tenon_status status = cf_bound_enqueue(bound, cf_under_test.stream);
    *result = kept;
    if (is_ok(status) && is_ok(tenonh_stream_synchronize(cf_under_test.stream))) compare(bound, k, want);
}

static void run(const cf_map *map, const char *name, int64_t count, uint32_t layout) {
    if (!cf_begin("%s.%s.%s", map->op->name, tenon_dtype_name(map->dtype), name)) return;
    if (cf_takes_graphs_only()) {
        cf_not_applicable("the device takes graphs alone (work_kinds)");
        return;
    }
    cf_bound bound;
    tenonh_array want = {0};
    cf_row row = cf_map_row(map, 1, &count, (uint32_t[]){layout, layout, layout, layout});
    for (uint32_t k = 0; k < row.operand_count; k++) cf_fill_mixed(&row.operands[k]);
    if (cf_run_or_fail(&row, &want)) {
        if (is_ok(cf_bind(&bound, &row)))
            for (uint32_t k = 0; k < row.operand_count && !cf_failed(); k++)
                if (may_share(&bound, k)) run_in_place(&bound, k, &want);
        cf_unbind(&bound);
    }
    tenonh_array_free(&want);
    cf_free(&row);
}

void cf_results_in_place(void) {
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        cf_map map = {tenon_op_row_of(op), cf_meaning_of(op), TENON_DTYPE_NONE};
        if (!map.op || !map.meaning || map.op->family != TENON_FAMILY_MAP) continue;
        for (map.dtype = TENON_DTYPE_F64; map.dtype <= TENON_DTYPE_BOOL; map.dtype++) {
            if (!tenon_op_takes(map.op, map.dtype)) continue;
            run(&map, "17", 17, CF_CONTIGUOUS);
            run(&map, "4099", 4099, CF_CONTIGUOUS);
            run(&map, "reversed_257", 257, CF_REVERSED);
            if (map.dtype == TENON_DTYPE_F32) run(&map, "133897", 133897, CF_CONTIGUOUS);
        }
    }
}
