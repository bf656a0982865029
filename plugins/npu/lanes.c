/* Loops over elements, one for each operator and dtype, from one macro a shape. Compiled once for each instruction set:
 * NPU_ISA names the table. What an operator means is said by its expression; REQ-OP has the rest. */
#include "kernels.h"
#include "number.h"
#include "product.h"

typedef double f64;
typedef float f32;
typedef uint16_t f16, bf16;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* An unsigned type as wide as arithmetic of the type is done in: wrapping, and never promoted to int. */
typedef u32 wide_i8, wide_i16, wide_i32, wide_u8, wide_u16, wide_u32;
typedef u64 wide_i64, wide_u64;

#define LOOP1(name, R, T, expression)                                                                                  \
    static void name(void *out, const void *const *in, int64_t count) {                                                \
        R *y = out;                                                                                                    \
        const T *x = in[0];                                                                                            \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            const T a = x[i];                                                                                          \
            y[i] = (R)(expression);                                                                                    \
        }                                                                                                              \
    }
#define LOOP2(name, R, T, expression)                                                                                  \
    static void name(void *out, const void *const *in, int64_t count) {                                                \
        R *y = out;                                                                                                    \
        const T *x0 = in[0], *x1 = in[1];                                                                              \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            const T a = x0[i], b = x1[i];                                                                              \
            y[i] = (R)(expression);                                                                                    \
        }                                                                                                              \
    }

/* -- Floats -- */

#define LARGER(T, a, b)                                                                                                \
    ((a) != (a) ? (a) : (b) != (b) ? (b) : (a) == (b) ? (signbit(a) ? (b) : (a)) : (a) > (b) ? (a) : (b))
#define SMALLER(T, a, b)                                                                                               \
    ((a) != (a) ? (a) : (b) != (b) ? (b) : (a) == (b) ? (signbit(a) ? (a) : (b)) : (a) < (b) ? (a) : (b))

#define FLOAT_LOOPS(T, suffix)                                                                                         \
    LOOP1(sqrt_##T, T, T, sqrt##suffix(a))                                                                             \
    LOOP1(exp2_##T, T, T, exp2##suffix(a))                                                                             \
    LOOP1(log2_##T, T, T, log2##suffix(a))                                                                             \
    LOOP1(sin_##T, T, T, sin##suffix(a))                                                                               \
    LOOP1(cos_##T, T, T, cos##suffix(a))                                                                               \
    LOOP1(floor_##T, T, T, floor##suffix(a))                                                                           \
    LOOP1(trunc_##T, T, T, trunc##suffix(a))                                                                           \
    LOOP1(rint_##T, T, T, rint##suffix(a))                                                                             \
    LOOP1(abs_##T, T, T, fabs##suffix(a))                                                                              \
    LOOP1(neg_##T, T, T, -a)                                                                                           \
    LOOP1(exp_##T, T, T, exp##suffix(a))                                                                               \
    LOOP1(log_##T, T, T, log##suffix(a))                                                                               \
    LOOP1(expm1_##T, T, T, expm1##suffix(a))                                                                           \
    LOOP1(log1p_##T, T, T, log1p##suffix(a))                                                                           \
    LOOP1(tanh_##T, T, T, tanh##suffix(a))                                                                             \
    LOOP1(erf_##T, T, T, erf##suffix(a))                                                                               \
    LOOP2(add_##T, T, T, a + b)                                                                                        \
    LOOP2(sub_##T, T, T, a - b)                                                                                        \
    LOOP2(mul_##T, T, T, a *b)                                                                                         \
    LOOP2(div_##T, T, T, a / b)                                                                                        \
    LOOP2(rem_##T, T, T, fmod##suffix(a, b))                                                                           \
    LOOP2(pow_##T, T, T, pow##suffix(a, b))                                                                            \
    LOOP2(max_##T, T, T, LARGER(T, a, b))                                                                              \
    LOOP2(min_##T, T, T, SMALLER(T, a, b))                                                                             \
    LOOP2(lt_##T, u8, T, a < b)                                                                                        \
    LOOP2(eq_##T, u8, T, a == b)                                                                                       \
    static void fma_##T(void *out, const void *const *in, int64_t count) {                                             \
        T *y = out;                                                                                                    \
        const T *a = in[0], *b = in[1], *c = in[2];                                                                    \
        for (int64_t i = 0; i < count; i++) y[i] = fma##suffix(a[i], b[i], c[i]);                                      \
    }

FLOAT_LOOPS(f32, f)
FLOAT_LOOPS(f64, )

/* -- Integers -- */

#define W(T)            wide_##T
#define IN_RANGE(T, b)  ((b) >= 0 && (b) < (T)(sizeof(T) * 8))
#define IS_MINUS_ONE(b) ((b) < 0 && (b) + 1 == 0)

#define COMMON_LOOPS(T)                                                                                                \
    LOOP2(add_##T, T, T, (W(T))a + (W(T))b)                                                                            \
    LOOP2(sub_##T, T, T, (W(T))a - (W(T))b)                                                                            \
    LOOP2(mul_##T, T, T, (W(T))a *(W(T))b)                                                                             \
    LOOP2(max_##T, T, T, a > b ? a : b)                                                                                \
    LOOP2(min_##T, T, T, a < b ? a : b)                                                                                \
    LOOP2(lt_##T, u8, T, a < b)                                                                                        \
    LOOP2(eq_##T, u8, T, a == b)                                                                                       \
    LOOP2(and_##T, T, T, a &b)                                                                                         \
    LOOP2(or_##T, T, T, a | b)                                                                                         \
    LOOP2(xor_##T, T, T, a ^ b)                                                                                        \
    LOOP1(neg_##T, T, T, (W(T))0 - (W(T))a)

#define SIGNED_LOOPS(T)                                                                                                \
    COMMON_LOOPS(T)                                                                                                    \
    LOOP1(abs_##T, T, T, a < 0 ? (T)((W(T))0 - (W(T))a) : a)                                                           \
    LOOP2(div_##T, T, T, b == 0 ? 0 : b == -1 ? (T)((W(T))0 - (W(T))a) : a / b)                                        \
    LOOP2(rem_##T, T, T, b == 0 ? a : b == -1 ? 0 : a % b)                                                             \
    LOOP2(shl_##T, T, T, IN_RANGE(T, b) ? (T)((W(T))a << b) : 0)                                                       \
    LOOP2(shr_##T, T, T, IN_RANGE(T, b) ? a >> b : a < 0 ? -1 : 0)

#define UNSIGNED_LOOPS(T)                                                                                              \
    COMMON_LOOPS(T)                                                                                                    \
    LOOP1(abs_##T, T, T, a)                                                                                            \
    LOOP2(div_##T, T, T, b == 0 ? 0 : a / b)                                                                           \
    LOOP2(rem_##T, T, T, b == 0 ? a : a % b)                                                                           \
    LOOP2(shl_##T, T, T, b < sizeof(T) * 8 ? (T)((W(T))a << b) : 0)                                                    \
    LOOP2(shr_##T, T, T, b < sizeof(T) * 8 ? a >> b : 0)

SIGNED_LOOPS(i8)
SIGNED_LOOPS(i16)
SIGNED_LOOPS(i32)
SIGNED_LOOPS(i64)
UNSIGNED_LOOPS(u8)
UNSIGNED_LOOPS(u16)
UNSIGNED_LOOPS(u32)
UNSIGNED_LOOPS(u64)

/* -- Choice, bit for bit -- */

#define SELECT_LOOP(T)                                                                                                 \
    static void select_##T(void *out, const void *const *in, int64_t count) {                                          \
        T *y = out;                                                                                                    \
        const u8 *a = in[0];                                                                                           \
        const T *b = in[1], *c = in[2];                                                                                \
        for (int64_t i = 0; i < count; i++) y[i] = a[i] ? b[i] : c[i];                                                 \
    }
SELECT_LOOP(u8)
SELECT_LOOP(u16)
SELECT_LOOP(u32)
SELECT_LOOP(u64)

/* -- Conversions -- */

LOOP1(widen_f64, f64, f64, a)
LOOP1(widen_f32, f64, f32, a)
LOOP1(widen_f16, f64, f16, npu_f32_of_f16(a))
LOOP1(widen_bf16, f64, bf16, npu_f32_of_bf16(a))
LOOP1(widen_i8, i64, i8, a)
LOOP1(widen_i16, i64, i16, a)
LOOP1(widen_i32, i64, i32, a)
LOOP1(widen_i64, i64, i64, a)
LOOP1(widen_u8, u64, u8, a)
LOOP1(widen_u16, u64, u16, a)
LOOP1(widen_u32, u64, u32, a)
LOOP1(widen_u64, u64, u64, a)

LOOP1(f32_of_f16, f32, f16, npu_f32_of_f16(a))
LOOP1(f32_of_bf16, f32, bf16, npu_f32_of_bf16(a))
LOOP1(f16_of_f32, f16, f32, npu_f16_of_f64(a))
LOOP1(bf16_of_f32, bf16, f32, npu_bf16_of_f64(a))

/* Saturating; NaN gives 0. `limit` is the least power of two that is too large. */
#define SATURATE(T, low, high, limit) (a != a ? (T)0 : a < (f64)(low) ? (T)(low) : a >= (limit) ? (T)(high) : (T)a)
LOOP1(f64_to_f64, f64, f64, a)
LOOP1(f64_to_f32, f32, f64, a)
LOOP1(f64_to_f16, f16, f64, npu_f16_of_f64(a))
LOOP1(f64_to_bf16, bf16, f64, npu_bf16_of_f64(a))
LOOP1(f64_to_i8, i8, f64, SATURATE(i8, INT8_MIN, INT8_MAX, 0x1p7))
LOOP1(f64_to_i16, i16, f64, SATURATE(i16, INT16_MIN, INT16_MAX, 0x1p15))
LOOP1(f64_to_i32, i32, f64, SATURATE(i32, INT32_MIN, INT32_MAX, 0x1p31))
LOOP1(f64_to_i64, i64, f64, SATURATE(i64, INT64_MIN, INT64_MAX, 0x1p63))
LOOP1(f64_to_u8, u8, f64, SATURATE(u8, 0, UINT8_MAX, 0x1p8))
LOOP1(f64_to_u16, u16, f64, SATURATE(u16, 0, UINT16_MAX, 0x1p16))
LOOP1(f64_to_u32, u32, f64, SATURATE(u32, 0, UINT32_MAX, 0x1p32))
LOOP1(f64_to_u64, u64, f64, SATURATE(u64, 0, UINT64_MAX, 0x1p64))
LOOP1(f64_to_bool, u8, f64, a != 0)

#define INTEGER_CASTS(T)                                                                                               \
    LOOP1(T##_to_f64, f64, T, a)                                                                                       \
    LOOP1(T##_to_f32, f32, T, a)                                                                                       \
    LOOP1(T##_to_f16, f16, T, npu_f16_of_f64(npu_sticky_of_##T(a)))                                                    \
    LOOP1(T##_to_bf16, bf16, T, npu_bf16_of_f64(npu_sticky_of_##T(a)))                                                 \
    LOOP1(T##_to_i8, u8, T, (u64)a)                                                                                    \
    LOOP1(T##_to_i16, u16, T, (u64)a)                                                                                  \
    LOOP1(T##_to_i32, u32, T, (u64)a)                                                                                  \
    LOOP1(T##_to_i64, u64, T, a)                                                                                       \
    LOOP1(T##_to_bool, u8, T, a != 0)
INTEGER_CASTS(i64)
INTEGER_CASTS(u64)

LOOP1(wrap_8, u8, f64, npu_wrap_of_f64(a))
LOOP1(wrap_16, u16, f64, npu_wrap_of_f64(a))
LOOP1(wrap_32, u32, f64, npu_wrap_of_f64(a))
LOOP1(wrap_64, u64, f64, npu_wrap_of_f64(a))

/* -- The table -- */

#define ROW_F(OP, name) [TENON_OP_##OP] = {[TENON_DTYPE_F64] = name##_f64, [TENON_DTYPE_F32] = name##_f32}
#define INTEGERS(name)                                                                                                 \
    [TENON_DTYPE_I8] = name##_i8, [TENON_DTYPE_I16] = name##_i16, [TENON_DTYPE_I32] = name##_i32,                      \
    [TENON_DTYPE_I64] = name##_i64, [TENON_DTYPE_U8] = name##_u8, [TENON_DTYPE_U16] = name##_u16,                      \
    [TENON_DTYPE_U32] = name##_u32, [TENON_DTYPE_U64] = name##_u64
#define ROW_N(OP, name)                                                                                                \
    [TENON_OP_##OP] = {[TENON_DTYPE_F64] = name##_f64, [TENON_DTYPE_F32] = name##_f32, INTEGERS(name)}
#define ROW_I(OP, name) [TENON_OP_##OP] = {INTEGERS(name)}
#define ROW_L(OP, name) [TENON_OP_##OP] = {INTEGERS(name), [TENON_DTYPE_BOOL] = name##_u8}
#define ROW_A(OP, name)                                                                                                \
    [TENON_OP_##OP] = {[TENON_DTYPE_F64] = name##_f64,                                                                 \
                       [TENON_DTYPE_F32] = name##_f32,                                                                 \
                       INTEGERS(name),                                                                                 \
                       [TENON_DTYPE_BOOL] = name##_u8}

#define PASTE(a, b)  a##b
#define TABLE(isa)   PASTE(npu_kernels_, isa)
#define PRODUCT(fun) PASTE(fun, NPU_ISA)
#define TEXT(x)      #x
#define NAME_OF(isa) TEXT(isa)

#define NARROW_INTEGER(T)                                                                                              \
    {                                                                                                                  \
        [TENON_DTYPE_F64] = T##_to_f64, [TENON_DTYPE_F32] = T##_to_f32, [TENON_DTYPE_F16] = T##_to_f16,                \
        [TENON_DTYPE_BF16] = T##_to_bf16, [TENON_DTYPE_I8] = T##_to_i8, [TENON_DTYPE_I16] = T##_to_i16,                \
        [TENON_DTYPE_I32] = T##_to_i32, [TENON_DTYPE_I64] = T##_to_i64, [TENON_DTYPE_U8] = T##_to_i8,                  \
        [TENON_DTYPE_U16] = T##_to_i16, [TENON_DTYPE_U32] = T##_to_i32, [TENON_DTYPE_U64] = T##_to_i64,                \
        [TENON_DTYPE_BOOL] = T##_to_bool                                                                               \
    }

const npu_kernels TABLE(NPU_ISA) = {
    .architecture = "npu16-" NAME_OF(NPU_ISA),
    .map = {ROW_F(SQRT, sqrt),   ROW_F(EXP2, exp2),   ROW_F(LOG2, log2), ROW_F(SIN, sin),     ROW_F(COS, cos),
            ROW_F(FLOOR, floor), ROW_F(TRUNC, trunc), ROW_F(RINT, rint), ROW_N(ABS, abs),     ROW_N(NEG, neg),
            ROW_N(ADD, add),     ROW_N(SUB, sub),     ROW_N(MUL, mul),   ROW_N(DIV, div),     ROW_N(REM, rem),
            ROW_F(POW, pow),     ROW_A(MAX, max),     ROW_A(MIN, min),   ROW_A(LT, lt),       ROW_A(EQ, eq),
            ROW_L(AND, and),     ROW_L(OR, or),       ROW_L(XOR, xor),   ROW_I(SHL, shl),     ROW_I(SHR, shr),
            ROW_F(FMA, fma),     ROW_F(EXP, exp),     ROW_F(LOG, log),   ROW_F(EXPM1, expm1), ROW_F(LOG1P, log1p),
            ROW_F(TANH, tanh),   ROW_F(ERF, erf)},
    .select = {[1] = select_u8, [2] = select_u16, [4] = select_u32, [8] = select_u64},
    .widen = {[TENON_DTYPE_F64] = widen_f64,
              [TENON_DTYPE_F32] = widen_f32,
              [TENON_DTYPE_F16] = widen_f16,
              [TENON_DTYPE_BF16] = widen_bf16,
              INTEGERS(widen),
              [TENON_DTYPE_BOOL] = widen_u8},
    .narrow = {{[TENON_DTYPE_F64] = f64_to_f64,
                [TENON_DTYPE_F32] = f64_to_f32,
                [TENON_DTYPE_F16] = f64_to_f16,
                [TENON_DTYPE_BF16] = f64_to_bf16,
                INTEGERS(f64_to),
                [TENON_DTYPE_BOOL] = f64_to_bool},
               NARROW_INTEGER(i64),
               NARROW_INTEGER(u64)},
    .wrap = {[TENON_DTYPE_I8] = wrap_8,
             [TENON_DTYPE_I16] = wrap_16,
             [TENON_DTYPE_I32] = wrap_32,
             [TENON_DTYPE_I64] = wrap_64,
             [TENON_DTYPE_U8] = wrap_8,
             [TENON_DTYPE_U16] = wrap_16,
             [TENON_DTYPE_U32] = wrap_32,
             [TENON_DTYPE_U64] = wrap_64},
    .to_f32 = {[TENON_DTYPE_F16] = f32_of_f16, [TENON_DTYPE_BF16] = f32_of_bf16},
    .from_f32 = {[TENON_DTYPE_F16] = f16_of_f32, [TENON_DTYPE_BF16] = bf16_of_f32},
    .product = {[TENON_DTYPE_F32] = NPU_PRODUCT(f32),
                [TENON_DTYPE_F64] = NPU_PRODUCT(f64),
                [TENON_DTYPE_I32] = NPU_PRODUCT(u32),
                [TENON_DTYPE_U32] = NPU_PRODUCT(u32),
                [TENON_DTYPE_I64] = NPU_PRODUCT(u64),
                [TENON_DTYPE_U64] = NPU_PRODUCT(u64)},
};
