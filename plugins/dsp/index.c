/* Operators that load indices. One that is out of range touches nothing; the others go on, and the launch fails. */
#include "dsp.h"

#include <string.h>

/* The operand that is indexed stands as [p, g, s], the other one as [p, q, s]. */
typedef struct spread {
    int64_t p, q, g, s;
} spread;

static spread spread_of(const dsp_call *call, const dsp_operand *indexed, const dsp_operand *indices) {
    uint32_t axis = (uint32_t)dsp_attr(call->exec, TENON_ATTR_AXIS);
    return (spread){dsp_span(indexed->dims, 0, axis), indices->count, indexed->dims[axis],
                    dsp_span(indexed->dims, axis + 1, indexed->rank)};
}

/* Index number `i`; false where it is out of range. */
static bool index_at(const dsp_operand *indices, int64_t i, int64_t limit, int64_t *out_index) {
    int32_t narrow;
    if (indices->dtype == TENON_DTYPE_I64) {
        memcpy(out_index, indices->bytes + i * 8, sizeof *out_index);
    } else {
        memcpy(&narrow, indices->bytes + i * 4, sizeof narrow);
        *out_index = narrow;
    }
    return *out_index >= 0 && *out_index < limit;
}

tenon_status dsp_run_gather(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *indices = &call->operands[1], *y = &call->operands[2];
    const spread sp = spread_of(call, x, indices);
    bool failed = false;
    if (sp.s == 0) return TENON_STATUS_OK;
    for (int64_t p = 0; p < sp.p; p++)
        for (int64_t q = 0; q < sp.q; q++) {
            int64_t index;
            if (index_at(indices, q, sp.g, &index))
                dsp_transfer(local, y->bytes + (p * sp.q + q) * sp.s * y->size,
                             x->bytes + (p * sp.g + index) * sp.s * x->size, (uint64_t)sp.s * x->size);
            else
                failed = true;
        }
    return failed ? TENON_STATUS_OUT_OF_RANGE : TENON_STATUS_OK;
}

/* `to` becomes itself combined with `from`, `count` elements each. */
static void merge(dsp_local *local, tenon_dtype dtype, dsp_map map, unsigned char *to, const unsigned char *from,
                  int64_t count, uint32_t size) {
    for (int64_t at = 0; at < count; at += DSP_LANES) {
        int64_t part = count - at < DSP_LANES ? count - at : DSP_LANES;
        dsp_load(&local->in[0], dtype, to + at * size, 1, part);
        dsp_load(&local->in[1], dtype, from + at * size, 1, part);
        map(&local->in[0], &local->in[1], &local->in[1], &local->in[0], part, (int64_t)size * 8);
        dsp_store(&local->in[0], dtype, to + at * size, part);
    }
}

tenon_status dsp_run_scatter(dsp_local *local, const dsp_call *call) {
    const dsp_operand *indices = &call->operands[0], *u = &call->operands[1], *y = &call->operands[2];
    const spread sp = spread_of(call, y, indices);
    uint32_t combine = (uint32_t)dsp_attr(call->exec, TENON_ATTR_COMBINE);
    dsp_map map = dsp_map_of(dsp_combiner(combine), dsp_is_float(y->dtype));
    bool failed = false;
    if (sp.s == 0) return TENON_STATUS_OK;
    for (int64_t p = 0; p < sp.p; p++)
        for (int64_t q = 0; q < sp.q; q++) {
            int64_t index;
            bool fits = index_at(indices, q, sp.g, &index);
            unsigned char *to = y->bytes + (p * sp.g + index) * sp.s * y->size;
            const unsigned char *from = u->bytes + (p * sp.q + q) * sp.s * u->size;
            failed = failed || !fits;
            if (fits && combine == TENON_COMBINE_SET)
                dsp_transfer(local, to, from, (uint64_t)sp.s * y->size);
            else if (fits)
                merge(local, y->dtype, map, to, from, sp.s, y->size);
        }
    return failed ? TENON_STATUS_OUT_OF_RANGE : TENON_STATUS_OK;
}
