/* TensorProto: ONNX's element types and the places where a tensor's elements may lie. */
#ifndef TENON__ONNX_TENSOR_H
#define TENON__ONNX_TENSOR_H

#include <onnx.pb-c.h>

#include <tenon/host/array.h>

#include "onnx/external.h"

/* X(code, NAME, dtype, field): TensorProto.DataType, its counterpart (NONE: there is none) and the typed field that
 * holds it when raw_data does not. Codes that the installed onnx.proto does not name are integers on the wire too. */
#define TENON__ONNX_TYPE_TABLE(X)                                                                                      \
    X(1, FLOAT, F32, FLOAT)                                                                                            \
    X(2, UINT8, U8, INT32)                                                                                             \
    X(3, INT8, I8, INT32)                                                                                              \
    X(4, UINT16, U16, INT32)                                                                                           \
    X(5, INT16, I16, INT32)                                                                                            \
    X(6, INT32, I32, INT32)                                                                                            \
    X(7, INT64, I64, INT64)                                                                                            \
    X(8, STRING, NONE, NONE)                                                                                           \
    X(9, BOOL, BOOL, INT32)                                                                                            \
    X(10, FLOAT16, F16, INT32)                                                                                         \
    X(11, DOUBLE, F64, DOUBLE)                                                                                         \
    X(12, UINT32, U32, UINT64)                                                                                         \
    X(13, UINT64, U64, UINT64)                                                                                         \
    X(14, COMPLEX64, NONE, NONE)                                                                                       \
    X(15, COMPLEX128, NONE, NONE)                                                                                      \
    X(16, BFLOAT16, BF16, INT32)                                                                                       \
    X(17, FLOAT8E4M3FN, F8E4M3, INT32)                                                                                 \
    X(18, FLOAT8E4M3FNUZ, NONE, NONE)                                                                                  \
    X(19, FLOAT8E5M2, F8E5M2, INT32)                                                                                   \
    X(20, FLOAT8E5M2FNUZ, NONE, NONE)                                                                                  \
    X(21, UINT4, U4, INT32)                                                                                            \
    X(22, INT4, I4, INT32)                                                                                             \
    X(23, FLOAT4E2M1, NONE, NONE)                                                                                      \
    X(24, FLOAT8E8M0, NONE, NONE)                                                                                      \
    X(25, UINT2, NONE, NONE)                                                                                           \
    X(26, INT2, NONE, NONE)                                                                                            \
    X(27, FLOAT6E2M3, NONE, NONE)                                                                                      \
    X(28, FLOAT6E3M2, NONE, NONE)

/* Counterpart of a type code. Errors: UNSUPPORTED (a type without one), BAD_DATA (no such type); `what` stands in the
 * message. */
tenon_status tenon__onnx_dtype(int64_t code, const char *what, tenon_dtype *out_dtype);

/* A tensor's elements, row-major and aligned to their size. Exactly one of `owned` and `mapping` holds `data`. */
typedef struct tenon__onnx_tensor {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENONH_ARRAY_MAX_RANK];
    uint64_t size; /* bytes */
    const void *data;
    void *owned; /* malloc'ed */
    tenon__mapping *mapping;
} tenon__onnx_tensor;

/* Reads a tensor. `what` stands in messages; `folder` may be NULL: external data are then refused. may_move 1: raw data
 * move out of `proto`, which is not read again; 0: they are copied.
 * Owner: *out_tensor is the caller's, freed with tenon__onnx_tensor_free.
 * Errors: BAD_DATA, UNSUPPORTED, NOT_FOUND, IO, OUT_OF_MEMORY. */
tenon_status tenon__onnx_tensor_read(Onnx__TensorProto *proto, int may_move, tenon__folder *folder, const char *what,
                                     tenon__onnx_tensor *out_tensor);

void tenon__onnx_tensor_free(tenon__onnx_tensor *tensor);

#endif
