#include "lanes.h"

#include <math.h>
#include <string.h>

#include <tenon/helpers.h>

/* -- f16 and bf16 ------------------------------------------------------------------------------------------------- */

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float widen_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 0x3ffu;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent > 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    return copysignf((float)fraction * 0x1p-24f, float_of_bits(sign));
}

/* Rounds to nearest even. */
static uint16_t round_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (size >> 13 & 0x3ffu));
    if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);                                /* 65520 and more */
    if (size < 0x38800000u) return (uint16_t)(sign | (uint32_t)rintf(fabsf(value) * 0x1p24f)); /* below 2^-14 */
    return (uint16_t)(sign | (size + 0xfffu + (size >> 13 & 1u) - 0x38000000u) >> 13);
}

static float widen_brain(uint16_t brain) {
    return float_of_bits((uint32_t)brain << 16);
}

/* The same for bf16. */
static uint16_t round_brain(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* Floats of 16 bits, by one of the functions above. */
static void load_short(dsp_lanes *lanes, float (*widen)(uint16_t), const unsigned char *from, int64_t step,
                       int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, from + i * step * 2, sizeof bits);
        lanes->f[i] = widen(bits);
    }
}

static void store_short(const dsp_lanes *lanes, uint16_t (*round)(float), unsigned char *to, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits = round(lanes->f[i]);
        memcpy(to + i * 2, &bits, sizeof bits);
    }
}

/* -- All dtypes --------------------------------------------------------------------------------------------------- */

static void load_floats(dsp_lanes *lanes, const unsigned char *from, int64_t step, int64_t count) {
    if (step == 1) {
        memcpy(lanes->f, from, (size_t)count * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < count; i++) memcpy(&lanes->f[i], from + i * step * 4, sizeof(float));
}

#define DSP__LOAD(NAME, type, low, high)                                                                               \
    case TENON_DTYPE_##NAME:                                                                                           \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type value;                                                                                                \
            memcpy(&value, from + i * step * (int64_t)sizeof value, sizeof value);                                     \
            lanes->i[i] = (int64_t)value;                                                                              \
        }                                                                                                              \
        break;

void dsp_load(dsp_lanes *lanes, tenon_dtype dtype, const unsigned char *from, int64_t step, int64_t count) {
    switch (dtype) {
    case TENON_DTYPE_F32: load_floats(lanes, from, step, count); break;
    case TENON_DTYPE_F16: load_short(lanes, widen_half, from, step, count); break;
    case TENON_DTYPE_BF16:
        load_short(lanes, widen_brain, from, step, count);
        break;
        DSP_INTEGERS(DSP__LOAD)
    default: break;
    }
}

#define DSP__STORE(NAME, type, low, high)                                                                              \
    case TENON_DTYPE_##NAME:                                                                                           \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type value = (type)lanes->i[i];                                                                            \
            memcpy(to + i * (int64_t)sizeof value, &value, sizeof value);                                              \
        }                                                                                                              \
        break;

void dsp_store(const dsp_lanes *lanes, tenon_dtype dtype, unsigned char *to, int64_t count) {
    switch (dtype) {
    case TENON_DTYPE_F32: memcpy(to, lanes->f, (size_t)count * sizeof(float)); break;
    case TENON_DTYPE_F16: store_short(lanes, round_half, to, count); break;
    case TENON_DTYPE_BF16:
        store_short(lanes, round_brain, to, count);
        break;
        DSP_INTEGERS(DSP__STORE)
    default: break;
    }
}

/* -- Integers ----------------------------------------------------------------------------------------------------- */

#define DSP__RANGE(NAME, type, low, high)                                                                              \
    case TENON_DTYPE_##NAME:                                                                                           \
        *out_low = low;                                                                                                \
        *out_high = high;                                                                                              \
        break;

void dsp_range(tenon_dtype dtype, int64_t *out_low, int64_t *out_high) {
    *out_low = *out_high = 0;
    switch (dtype) {
        DSP_INTEGERS(DSP__RANGE)
    default: break;
    }
}

#define DSP__NARROW(NAME, type, low, high)                                                                             \
    case TENON_DTYPE_##NAME: return (type)value;

int64_t dsp_narrow(tenon_dtype dtype, int64_t value) {
    switch (dtype) {
        DSP_INTEGERS(DSP__NARROW)
    default: return value;
    }
}

/* -- Between kinds ------------------------------------------------------------------------------------------------ */

/* Truncates; what is past the range becomes its end, NaN becomes 0. */
static int64_t saturate(float value, int64_t low, int64_t high) {
    double number = (double)value;
    if (isnan(value)) return 0;
    if (number <= (double)low) return low;
    if (number >= (double)high) return high;
    return (int64_t)number;
}

/* Truncates, modulo 2^64. */
static int64_t wrap(float value) {
    if (!isfinite(value)) return 0;
    double rest = fmod(trunc((double)value), 0x1p64);
    uint64_t size = (uint64_t)fabs(rest);
    return (int64_t)(rest < 0 ? 0 - size : size);
}

static void to_integers(dsp_lanes *lanes, tenon_dtype to, bool wraps, int64_t count) {
    int64_t low, high;
    dsp_range(to, &low, &high);
    for (int64_t i = count; i-- > 0;) { /* downwards: lane i of integers lies over lanes 2i and 2i + 1 of floats */
        float value = lanes->f[i];
        if (to == TENON_DTYPE_BOOL)
            lanes->i[i] = value != 0; /* NaN too */
        else
            lanes->i[i] = wraps ? wrap(value) : saturate(value, low, high);
    }
}

/* Cut to 24 bits, the last of which tells whether anything was cut away: what then rounds to fewer bits rounds once. */
static float odd_float(int64_t value) {
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int cut = size >> 24 ? 40 - __builtin_clzll(size) : 0;
    uint64_t head = size >> cut;
    if (head << cut != size) head |= 1;
    return copysignf(ldexpf((float)head, cut), value < 0 ? -1.0f : 1.0f);
}

void dsp_convert(dsp_lanes *lanes, tenon_dtype from, tenon_dtype to, bool wraps, int64_t count) {
    if (dsp_is_float(from)) {
        if (!dsp_is_float(to)) to_integers(lanes, to, wraps, count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        if (dsp_is_float(to))
            lanes->f[i] = to == TENON_DTYPE_F32 ? (float)lanes->i[i] : odd_float(lanes->i[i]);
        else if (to == TENON_DTYPE_BOOL)
            lanes->i[i] = lanes->i[i] != 0;
    }
}
