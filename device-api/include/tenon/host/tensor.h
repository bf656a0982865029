/* Tensors: a dtype, dims and strides over device memory. */
#ifndef TENON_HOST_TENSOR_H
#define TENON_HOST_TENSOR_H

#include <tenon/host/device.h>

TENON_EXTERN_C_BEGIN

enum { TENONH_TENSOR_MAX_RANK = 32 };

typedef struct tenonh_tensor tenonh_tensor;

/* Makes a row-major tensor over memory of its own (type 0), uninitialised.
 * Shapes: rank <= TENONH_TENSOR_MAX_RANK, dims >= 0; dims may be NULL for rank 0.
 * Owner:  the caller, until the last tenonh_tensor_release.
 * Errors: INVALID (dtype, rank, dims, size past INT64_MAX), OUT_OF_MEMORY, DEVICE_LOST. Thread: any. */
TENON_EXPORT tenon_status tenonh_tensor_create(tenonh_device *device, tenon_dtype dtype, uint32_t rank,
                                               const int64_t *dims, tenonh_tensor **out_tensor);

/* Makes a tensor over existing memory, which it keeps alive.
 * Units:  offset in bytes, a multiple of the element size; strides in elements, NULL for row-major. Negative strides
 *         count from `offset` down.
 * Errors: INVALID (as above; an element outside the memory), UNSUPPORTED (strides of a 4-bit type). Thread: any. */
TENON_EXPORT tenon_status tenonh_tensor_wrap(tenonh_memory *memory, uint64_t offset, tenon_dtype dtype, uint32_t rank,
                                             const int64_t *dims, const int64_t *strides, tenonh_tensor **out_tensor);

TENON_EXPORT tenonh_tensor *tenonh_tensor_retain(tenonh_tensor *tensor);
TENON_EXPORT void tenonh_tensor_release(tenonh_tensor *tensor);

TENON_EXPORT tenon_dtype tenonh_tensor_dtype(const tenonh_tensor *tensor);
TENON_EXPORT uint32_t tenonh_tensor_rank(const tenonh_tensor *tensor);
TENON_EXPORT const int64_t *tenonh_tensor_dims(const tenonh_tensor *tensor);
TENON_EXPORT const int64_t *tenonh_tensor_strides(const tenonh_tensor *tensor);
TENON_EXPORT tenonh_memory *tenonh_tensor_memory(const tenonh_tensor *tensor);
TENON_EXPORT uint64_t tenonh_tensor_offset(const tenonh_tensor *tensor);
TENON_EXPORT int64_t tenonh_tensor_count(const tenonh_tensor *tensor); /* elements */
TENON_EXPORT uint64_t tenonh_tensor_size(const tenonh_tensor *tensor); /* bytes when contiguous */
TENON_EXPORT uint32_t tenonh_tensor_is_contiguous(const tenonh_tensor *tensor);

/* Copies all elements from or to the host, in row-major order without gaps, after what `stream` already holds, and waits
 * for it. A write with strides leaves the bytes between the elements as they are.
 * Units:  `size` is tenonh_tensor_size(tensor) bytes. Thread: a call on `stream`.
 * Errors: INVALID (size, a stream of another device), OUT_OF_MEMORY, the stream's failure. */
TENON_EXPORT tenon_status tenonh_tensor_write(tenonh_tensor *tensor, tenonh_stream *stream, const void *source,
                                              uint64_t size);
TENON_EXPORT tenon_status tenonh_tensor_read(tenonh_tensor *tensor, tenonh_stream *stream, void *destination,
                                             uint64_t size);

TENON_EXTERN_C_END

#endif
