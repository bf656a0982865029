/* Operators that make or convert elements. */
#include "dsp.h"

static int64_t part_of(int64_t count, int64_t at) {
    return count - at < DSP_LANES ? count - at : DSP_LANES;
}

tenon_status dsp_run_cast(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    bool wraps = dsp_attr(call->exec, TENON_ATTR_WRAP) != 0;
    for (int64_t at = 0; at < y->count; at += DSP_LANES) {
        int64_t count = part_of(y->count, at);
        dsp_load(&local->in[0], x->dtype, x->bytes + at * x->size, 1, count);
        dsp_convert(&local->in[0], x->dtype, y->dtype, wraps, count);
        dsp_store(&local->in[0], y->dtype, y->bytes + at * y->size, count);
    }
    return TENON_STATUS_OK;
}

tenon_status dsp_run_bitcast(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    dsp_transfer(local, y->bytes, x->bytes, (uint64_t)y->count * y->size);
    return TENON_STATUS_OK;
}

tenon_status dsp_run_iota(dsp_local *local, const dsp_call *call) {
    const dsp_operand *y = &call->operands[0];
    uint32_t axis = (uint32_t)dsp_attr(call->exec, TENON_ATTR_AXIS);
    int64_t inner = dsp_span(y->dims, axis + 1, y->rank);
    for (int64_t at = 0; at < y->count; at += DSP_LANES) {
        int64_t count = part_of(y->count, at);
        for (int64_t i = 0; i < count; i++) local->out.i[i] = (at + i) / inner % y->dims[axis];
        dsp_convert(&local->out, TENON_DTYPE_I64, y->dtype, false, count);
        dsp_store(&local->out, y->dtype, y->bytes + at * y->size, count);
    }
    return TENON_STATUS_OK;
}

/* -- Philox4x32-10 ------------------------------------------------------------------------------------------------ */

enum { ROUNDS = 10 };

static void philox_round(uint32_t word[4], const uint32_t key[2]) {
    uint64_t a = (uint64_t)0xd2511f53u * word[0], b = (uint64_t)0xcd9e8d57u * word[2];
    uint32_t next[] = {(uint32_t)(b >> 32) ^ word[1] ^ key[0], (uint32_t)b, (uint32_t)(a >> 32) ^ word[3] ^ key[1],
                       (uint32_t)a};
    for (int i = 0; i < 4; i++) word[i] = next[i];
}

/* Word `index` of the sequence. */
static uint32_t random_word(uint64_t index, uint64_t seed) {
    uint64_t counter = index / 4;
    uint32_t word[] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
    uint32_t key[] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int i = 0; i < ROUNDS; i++) {
        philox_round(word, key);
        key[0] += 0x9e3779b9u;
        key[1] += 0xbb67ae85u;
    }
    return word[index % 4];
}

tenon_status dsp_run_random(dsp_local *local, const dsp_call *call) {
    const dsp_operand *y = &call->operands[0];
    for (int64_t at = 0; at < y->count; at += DSP_LANES) {
        int64_t count = part_of(y->count, at);
        for (int64_t i = 0; i < count; i++)
            local->out.i[i] = random_word((uint64_t)(at + i) + call->scalars[1], call->scalars[0]);
        dsp_store(&local->out, y->dtype, y->bytes + at * y->size, count);
    }
    return TENON_STATUS_OK;
}
