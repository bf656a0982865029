/* The in-source maths of printed C11: text that a printer puts before the kernels it prints, and what it may call.
 *
 * The text uses GNU vector extensions (gcc >= 9, clang >= 9), includes nothing, calls nothing outside itself, and asks
 * for these flags: -std=c11 (or gnu11), -ffp-contract=off, -fno-strict-aliasing, never -ffast-math; away from x86
 * -fno-math-errno, so that a square root is an instruction; -Wno-psabi keeps gcc quiet about wide vectors. It looks at the
 * compiler's target macros (__FMA__, __SSE4_1__, __AVX2__, __AVX512F__ ...), so the same text serves baseline x86-64, AVX2, AVX-512 and others.
 *
 * Types, for each dtype D in {f64 f32 f16 bf16 i8 i16 i32 i64 u8 u16 u32 u64 bool} and N lanes:
 *   tn_DxN    N = 1: the plain C type (float, int8_t's type ...); N >= 2 (a power of two): a GNU vector of N elements.
 *             f16 and bf16 are their 16 bits (as u16); bool is a byte, 0 or 1.
 *   masks     a comparison of tn_f32xN gives tn_i32xN (of 64-bit types tn_i64xN, ...), lanes 0 or -1. N = 1: plain C's
 *             `a < b` is 0 or 1, so write -(a < b) where a mask is wanted.
 *   __builtin_convertvector widens and narrows masks (N >= 2).
 *
 * Functions, all static inline, named tn_<op>_<dtype>x<N>, by section (TENON__PRELUDE_*):
 *   VECTOR    tn_select_DxN(mask of D's width, a, b)       bitwise, lane by lane; N = 1: any non-zero mask selects a
 *             tn_splat_DxN(scalar)                          every lane
 *             tn_load_DxN(const void *) tn_store_DxN(void *, v)   contiguous elements, element alignment is enough
 *             tn_any_WxN(mask), W in i8 i16 i32 i64         int: some lane is set
 *   F32, F64  (D = f32, f64) one argument:  sqrt exp2 log2 sin cos floor trunc rint abs neg exp log expm1 log1p tanh erf
 *             two: rem pow max min (add sub mul div lt eq are C's operators)        three: fma(a, b, c) = a * b + c
 *             Results as the operator table says. fma is exact on every target.
 *   INTEGER   (D = i8 ... u64) two arguments: add sub mul div rem max min shl shr; one: abs neg. They wrap and never are
 *             undefined; and or xor are C's operators. A shift's count has the dtype of its left operand.
 *   CONVERT   tn_cast_<from>_<to>xN for every pair of dtypes (from may equal to): float to integer truncates, saturates
 *             and sends NaN to 0; to float rounds once to nearest even; to bool is x != 0. f16 and bf16 go by their bits.
 *             tn_wrap_<from>_<to>xN for from in {f64 f32 f16 bf16}, to an integer: truncates, keeps the low bits; not
 *             finite gives 0.
 *
 * A vector of N lanes is fast where N elements of the widest type at hand fit one register; wider ones are right, and slow.
 * Measured errors: LOWERING.md. */
#ifndef TENON_KERNEL_PRELUDE_H
#define TENON_KERNEL_PRELUDE_H

#include <stdint.h>

enum {
    TENON__PRELUDE_VECTOR = 1,
    TENON__PRELUDE_F32 = 2,
    TENON__PRELUDE_F64 = 4,
    TENON__PRELUDE_INTEGER = 8,
    TENON__PRELUDE_CONVERT = 16
};

/* Texts in the order they are printed: `tenon__prelude_base` once, then for each lane count, 1 first, each wanted
 * section between `#define TN_LANES n` and `#undef TN_LANES`, in the order of the enum. VECTOR is always wanted;
 * CONVERT wants F32; the sections of lane count n want the same sections at lane count 1.
 * Owner: static storage. */
extern const char *const tenon__prelude_base;

/* Text of one section, or NULL for a value that is no section. */
const char *tenon__prelude_section(uint32_t section);

#endif
