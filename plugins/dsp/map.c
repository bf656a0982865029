/* Operators element by element: a tile of every operand comes into lanes, one function of map.def computes on them, and
 * the tile of the result goes out. So a result may lie where an operand does. */
#include "dsp.h"

#include <math.h>
#include <string.h>

/* NaN if either is; -0 below +0. */
static inline float larger(float a, float b) {
    if (isnan(a) || isnan(b)) return a + b;
    if (a == b) return signbit(a) ? b : a;
    return a > b ? a : b;
}

#define wrapped(a, operation, b) ((int64_t)((uint64_t)(a)operation(uint64_t)(b)))

/* One function: operands that an expression does not name are not loaded. */
#define DSP__FUNCTION(name, expression, type, result)                                                                  \
    static void name(const void *in_a, const void *in_b, const void *in_c, void *out, int64_t count, int64_t bits) {   \
        const type *as = in_a, *bs = in_b, *cs = in_c;                                                                 \
        result *ys = out;                                                                                              \
        (void)bits;                                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type a = as[i], b = bs[i], c = cs[i];                                                                      \
            (void)a, (void)b, (void)c;                                                                                 \
            ys[i] = expression;                                                                                        \
        }                                                                                                              \
    }
#define DSP_REAL(NAME, expression)  DSP__FUNCTION(real_##NAME, expression, float, float)
#define DSP_WHOLE(NAME, expression) DSP__FUNCTION(whole_##NAME, expression, int64_t, int64_t)
#define DSP_TEST(NAME, expression)                                                                                     \
    DSP__FUNCTION(real_##NAME, expression, float, int64_t) DSP__FUNCTION(whole_##NAME, expression, int64_t, int64_t)
#include "map.def"

static const dsp_map reals[TENON_OP_LIMIT] = {
#define DSP_REAL(NAME, expression) [TENON_OP_##NAME] = real_##NAME,
#define DSP_WHOLE(NAME, expression)
#define DSP_TEST(NAME, expression) [TENON_OP_##NAME] = real_##NAME,
#include "map.def"
};

static const dsp_map wholes[TENON_OP_LIMIT] = {
#define DSP_REAL(NAME, expression)
#define DSP_WHOLE(NAME, expression) [TENON_OP_##NAME] = whole_##NAME,
#define DSP_TEST(NAME, expression)  [TENON_OP_##NAME] = whole_##NAME,
#include "map.def"
};

dsp_map dsp_map_of(tenon_op op, bool is_float) {
    return op < TENON_OP_LIMIT ? (is_float ? reals : wholes)[op] : NULL;
}

/* -- What folds --------------------------------------------------------------------------------------------------- */

tenon_op dsp_combiner(uint32_t combine) {
    static const tenon_op ops[] = {[TENON_COMBINE_ADD] = TENON_OP_ADD,
                                   [TENON_COMBINE_MUL] = TENON_OP_MUL,
                                   [TENON_COMBINE_MIN] = TENON_OP_MIN,
                                   [TENON_COMBINE_MAX] = TENON_OP_MAX};
    return combine < sizeof ops / sizeof *ops ? ops[combine] : TENON_OP_NONE;
}

void dsp_identity(tenon_op op, tenon_dtype dtype, dsp_lanes *lanes, int64_t count) {
    int64_t low, high;
    dsp_range(dtype, &low, &high);
    int64_t whole = op == TENON_OP_MUL ? 1 : op == TENON_OP_MAX ? low : op == TENON_OP_MIN ? high : 0;
    float real = op == TENON_OP_MUL ? 1 : op == TENON_OP_MAX ? -INFINITY : op == TENON_OP_MIN ? INFINITY : 0;
    for (int64_t i = 0; i < count; i++) {
        if (dsp_is_float(dtype))
            lanes->f[i] = real;
        else
            lanes->i[i] = whole;
    }
}

/* -- The kernel --------------------------------------------------------------------------------------------------- */

static tenon_status choose(const dsp_call *call) {
    const dsp_operand *test = &call->operands[0], *y = &call->operands[3];
    for (int64_t i = 0; i < y->count; i++) {
        const dsp_operand *from = &call->operands[test->bytes[i] ? 1 : 2];
        memmove(y->bytes + i * y->size, from->bytes + i * y->size, y->size);
    }
    return TENON_STATUS_OK;
}

tenon_status dsp_run_map(dsp_local *local, const dsp_call *call) {
    uint32_t inputs = call->exec->row->input_count;
    const dsp_operand *y = &call->operands[inputs];
    tenon_dtype dtype = call->operands[0].dtype;
    if (call->exec->row->op == TENON_OP_WHERE) return choose(call);
    dsp_map map = dsp_map_of(call->exec->row->op, dsp_is_float(dtype));
    for (int64_t at = 0; at < y->count; at += DSP_LANES) {
        int64_t count = y->count - at < DSP_LANES ? y->count - at : DSP_LANES;
        for (uint32_t i = 0; i < inputs; i++) {
            const dsp_operand *x = &call->operands[i];
            dsp_load(&local->in[i], dtype, x->bytes + at * x->size, 1, count);
        }
        map(&local->in[0], &local->in[1], &local->in[2], &local->out, count, (int64_t)call->operands[0].size * 8);
        dsp_store(&local->out, y->dtype, y->bytes + at * y->size, count);
    }
    return TENON_STATUS_OK;
}
