/* The in-source maths at TN_WANT_LANES lanes (1: scalars), called an element at a time: the element under test stands in
 * one lane, others in the rest, so that lanes are seen to be independent. */
#ifndef TENON_TESTS_KERNEL_MATH_LANES_H
#define TENON_TESTS_KERNEL_MATH_LANES_H

#if LANES > 1
#define TN_WANT_LANES LANES
#endif
#include "kernel/prelude/math_c11.h"

#include <stdint.h>
#include <string.h>

#define LANES_PASTE(name, lanes)  LANES_PASTE_(name, lanes)
#define LANES_PASTE_(name, lanes) tn_##name##x##lanes
#define AT_LANES(name)            LANES_PASTE(name, LANES)

/* Calls of one function for LANES elements from arrays. */
#define LANES_UNARY(function, to, from, a, out) AT_LANES(store_##to)(out, AT_LANES(function)(AT_LANES(load_##from)(a)))
#define LANES_BINARY(function, type, a, b, out)                                                                        \
    AT_LANES(store_##type)(out, AT_LANES(function)(AT_LANES(load_##type)(a), AT_LANES(load_##type)(b)))
#define LANES_TERNARY(function, type, a, b, c, out)                                                                    \
    AT_LANES(store_##type)                                                                                             \
    (out, AT_LANES(function)(AT_LANES(load_##type)(a), AT_LANES(load_##type)(b), AT_LANES(load_##type)(c)))

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* splitmix64 */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Exits with SKIPPED when the machine lacks the instructions this test was compiled for. */
enum { SKIPPED = 77 };
static inline int machine_lacks(void) {
#if defined(__AVX512F__)
    return !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") ||
           !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq");
#elif defined(__AVX2__)
    return !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

#endif
