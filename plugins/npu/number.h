/* Conversions of single numbers. */
#ifndef NPU_NUMBER_H
#define NPU_NUMBER_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float npu_f32_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t npu_bits_of_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline uint64_t npu_bits_of_f64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Scaling moves the exponent where subnormals need no case of their own; infinity and NaN do. */
static inline float npu_f32_of_f16(uint16_t half) {
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t big = (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0;
    return npu_f32_of_bits(npu_bits_of_f32(npu_f32_of_bits(bits) * 0x1p112f) | big | sign);
}

static inline float npu_f32_of_bf16(uint16_t half) {
    return npu_f32_of_bits((uint32_t)half << 16);
}

/* A double in a narrower format of `fraction` bits and exponents low ... high, rounded once to nearest even. */
static inline uint16_t npu_16_of_f64(double x, int fraction, int low, int high) {
    uint64_t bits = npu_bits_of_f64(x), infinity = (uint64_t)(high - low + 2) << fraction;
    uint16_t sign = (uint16_t)(bits >> 63 << 15);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    if (x != x) return (uint16_t)(sign | infinity | UINT64_C(1) << (fraction - 1));
    if (exponent > high) return (uint16_t)(sign | infinity);
    int place = exponent < low ? low : exponent, drop = 52 - fraction + (place - exponent);
    if (drop > 53) return sign;
    uint64_t significand = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    uint64_t half = (UINT64_C(1) << (drop - 1)) - 1 + (significand >> drop & 1);
    return (uint16_t)(sign | (((significand + half) >> drop) + ((uint64_t)(place - low) << fraction)));
}

static inline uint16_t npu_f16_of_f64(double x) {
    return npu_16_of_f64(x, 10, -14, 15);
}

static inline uint16_t npu_bf16_of_f64(double x) {
    return npu_16_of_f64(x, 7, -126, 127);
}

/* An integer of more bits than a double holds, as a double that rounds to fewer bits as the integer does: what is lost
 * leaves a bit behind. */
static inline double npu_sticky_of_u64(uint64_t x) {
    if (x >> 53) x = (x >> 11 | ((x & 2047) != 0)) << 11;
    return (double)x;
}

static inline double npu_sticky_of_i64(int64_t x) {
    return x < 0 ? -npu_sticky_of_u64(0 - (uint64_t)x) : npu_sticky_of_u64((uint64_t)x);
}

/* The integer part modulo 2^64. */
static inline uint64_t npu_wrap_of_f64(double x) {
    if (!(fabs(x) < INFINITY)) return 0;
    double rest = fmod(trunc(x), 0x1p64);
    return rest < 0 ? 0 - (uint64_t)-rest : (uint64_t)rest;
}

#endif
