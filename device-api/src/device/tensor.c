#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>
#include <tenon/walk.h>

#include "device/objects.h"
#include "support/error.h"

/* Bytes, relative to a tensor's offset, between its lowest element's first and its highest element's last. */
typedef struct span {
    int64_t low;
    int64_t high;
} span;

static tenon_status check_shape(tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    if (tenon_dtype_bits(dtype) == 0) return tenon__fail(TENON_STATUS_INVALID, "tensor: %u is no dtype", dtype);
    if (rank > TENONH_TENSOR_MAX_RANK)
        return tenon__fail(TENON_STATUS_INVALID, "tensor: rank %u, at most %d", rank, TENONH_TENSOR_MAX_RANK);
    if (rank && !dims) return tenon__fail(TENON_STATUS_INVALID, "tensor: dims is NULL");
    for (uint32_t i = 0; i < rank; i++)
        if (dims[i] < 0) return tenon__fail(TENON_STATUS_INVALID, "tensor: dim %u is %" PRId64, i, dims[i]);
    return TENON_STATUS_OK;
}

/* Elements of the shape; an overflow counts even where another dim is 0, as strides would not fit. */
static tenon_status count_elements(uint32_t rank, const int64_t *dims, int64_t *out_count) {
    int64_t product = 1;
    int empty = 0;
    for (uint32_t i = 0; i < rank; i++) {
        empty |= dims[i] == 0;
        if (__builtin_mul_overflow(product, dims[i] ? dims[i] : 1, &product))
            return tenon__fail(TENON_STATUS_INVALID, "tensor: more elements than 64 bits can count");
    }
    *out_count = empty ? 0 : product;
    return TENON_STATUS_OK;
}

static void set_row_major(tenonh_tensor *tensor) {
    int64_t stride = 1, *dims = tensor->numbers, *strides = dims + tensor->rank;
    for (uint32_t i = tensor->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= dims[i] ? dims[i] : 1;
    }
}

/* True when the elements lie in row-major order without gaps; axes of one element have no say. */
static int is_row_major(const tenonh_tensor *tensor) {
    const int64_t *dims = tenonh_tensor_dims(tensor), *strides = tenonh_tensor_strides(tensor);
    int64_t stride = 1;
    for (uint32_t i = tensor->rank; i-- > 0 && tensor->count;) {
        if (dims[i] != 1 && strides[i] != stride) return 0;
        stride *= dims[i];
    }
    return 1;
}

static tenon_status span_of(const tenonh_tensor *tensor, span *out_span) {
    const int64_t *dims = tenonh_tensor_dims(tensor), *strides = tenonh_tensor_strides(tensor);
    int64_t low = 0, high = 0, reach, bytes = tenon_dtype_bits(tensor->dtype) / 8;
    int overflow = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        overflow |= __builtin_mul_overflow(dims[i] - 1, strides[i], &reach);
        overflow |= reach < 0 ? __builtin_add_overflow(low, reach, &low) : __builtin_add_overflow(high, reach, &high);
    }
    overflow |= __builtin_mul_overflow(low, bytes, &out_span->low);
    overflow |= __builtin_add_overflow(high, (int64_t)1, &high) || __builtin_mul_overflow(high, bytes, &out_span->high);
    return overflow ? tenon__fail(TENON_STATUS_INVALID, "tensor: its strides reach past 64 bits") : TENON_STATUS_OK;
}

/* Checks that every element lies inside the memory. */
static tenon_status check_inside(const tenonh_tensor *tensor) {
    uint64_t size = tenonh_memory_size(tensor->memory), offset = tensor->offset;
    span s = {0, (int64_t)tensor->size};
    if (!tensor->contiguous) TENON_TRY(span_of(tensor, &s));
    if (tensor->count == 0 && offset <= size) return TENON_STATUS_OK;
    if (offset <= size && 0 - (uint64_t)s.low <= offset && (uint64_t)s.high <= size - offset) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID,
                       "tensor: bytes %" PRId64 " to %" PRId64 " from offset %" PRIu64 " leave the memory of %" PRIu64,
                       s.low, s.high, offset, size);
}

static tenon_status check_strides(const tenonh_tensor *tensor) {
    uint32_t bits = tenon_dtype_bits(tensor->dtype);
    if (bits >= 8 && tensor->offset % (bits / 8))
        return tenon__fail(TENON_STATUS_INVALID, "tensor: offset %" PRIu64 " is no multiple of the element size %u",
                           tensor->offset, bits / 8);
    if (bits < 8 && !tensor->contiguous)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "tensor: %s has no strides; copy it to row-major order first",
                           tenon_dtype_name(tensor->dtype));
    return TENON_STATUS_OK;
}

tenon_status tenon__tensor_create_shape(tenon_dtype dtype, uint32_t rank, const int64_t *dims, const int64_t *strides,
                                        tenonh_tensor **out_tensor) {
    int64_t count;
    uint64_t size;
    TENON_TRY(check_shape(dtype, rank, dims));
    TENON_TRY(count_elements(rank, dims, &count));
    if (tenon_dtype_bytes(dtype, count, &size) != TENON_STATUS_OK)
        return tenon__fail(TENON_STATUS_INVALID, "tensor: %" PRId64 " elements are more bytes than 64 bits can count",
                           count);
    tenonh_tensor *tensor = calloc(1, sizeof *tensor + 2 * (size_t)rank * sizeof tensor->numbers[0]);
    if (!tensor) return tenon__fail_memory();
    tensor->references = 1;
    tensor->dtype = dtype;
    tensor->rank = rank;
    tensor->count = count;
    tensor->size = size;
    if (rank) memcpy(tensor->numbers, dims, rank * sizeof *dims);
    if (rank && strides) memcpy(tensor->numbers + rank, strides, rank * sizeof *strides);
    if (!strides) set_row_major(tensor);
    tensor->contiguous = (uint32_t)is_row_major(tensor);
    *out_tensor = tensor;
    return TENON_STATUS_OK;
}

tenon_status tenonh_tensor_create(tenonh_device *device, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                                  tenonh_tensor **out_tensor) {
    if (!device || !out_tensor) return tenon__fail(TENON_STATUS_INVALID, "tensor: device or out_tensor is NULL");
    tenonh_tensor *tensor;
    TENON_TRY(tenon__tensor_create_shape(dtype, rank, dims, NULL, &tensor));
    tenon_status status = tenonh_memory_create(device, 0, tensor->size, &tensor->memory);
    if (status != TENON_STATUS_OK) {
        free(tensor);
        return status;
    }
    *out_tensor = tensor;
    return TENON_STATUS_OK;
}

tenon_status tenonh_tensor_wrap(tenonh_memory *memory, uint64_t offset, tenon_dtype dtype, uint32_t rank,
                                const int64_t *dims, const int64_t *strides, tenonh_tensor **out_tensor) {
    if (!memory || !out_tensor) return tenon__fail(TENON_STATUS_INVALID, "tensor: memory or out_tensor is NULL");
    tenonh_tensor *tensor;
    TENON_TRY(tenon__tensor_create_shape(dtype, rank, dims, strides, &tensor));
    tensor->memory = memory;
    tensor->offset = offset;
    tenon_status status = check_strides(tensor);
    if (status == TENON_STATUS_OK) status = check_inside(tensor);
    if (status != TENON_STATUS_OK) {
        free(tensor);
        return status;
    }
    tenonh_memory_retain(memory);
    *out_tensor = tensor;
    return TENON_STATUS_OK;
}

tenonh_tensor *tenonh_tensor_retain(tenonh_tensor *tensor) {
    tenon__retain(&tensor->references);
    return tensor;
}

void tenonh_tensor_release(tenonh_tensor *tensor) {
    if (!tensor || !tenon__release(&tensor->references)) return;
    tenonh_memory_release(tensor->memory);
    free(tensor);
}

tenon_dtype tenonh_tensor_dtype(const tenonh_tensor *tensor) {
    return tensor->dtype;
}

uint32_t tenonh_tensor_rank(const tenonh_tensor *tensor) {
    return tensor->rank;
}

const int64_t *tenonh_tensor_dims(const tenonh_tensor *tensor) {
    return tensor->numbers;
}

const int64_t *tenonh_tensor_strides(const tenonh_tensor *tensor) {
    return tensor->numbers + tensor->rank;
}

tenonh_memory *tenonh_tensor_memory(const tenonh_tensor *tensor) {
    return tensor->memory;
}

uint64_t tenonh_tensor_offset(const tenonh_tensor *tensor) {
    return tensor->offset;
}

int64_t tenonh_tensor_count(const tenonh_tensor *tensor) {
    return tensor->count;
}

uint64_t tenonh_tensor_size(const tenonh_tensor *tensor) {
    return tensor->size;
}

uint32_t tenonh_tensor_is_contiguous(const tenonh_tensor *tensor) {
    return tensor->contiguous;
}

static tenon_status begin_walk(const tenonh_tensor *tensor, tenon_walk *walk) {
    const int64_t *const strides[] = {tenonh_tensor_strides(tensor)};
    if (tenon_walk_begin(walk, tensor->rank, tenonh_tensor_dims(tensor), 1, strides) == TENON_STATUS_OK)
        return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "tensor: its strides do not merge into %d axes", TENON_MAX_RANK);
}

/* `strided` is where the element of index 0 lies. */
static tenon_status gather(const tenonh_tensor *tensor, const unsigned char *strided, unsigned char *packed) {
    tenon_walk walk;
    int64_t bytes = tenon_dtype_bits(tensor->dtype) / 8;
    TENON_TRY(begin_walk(tensor, &walk));
    while (tenon_walk_next(&walk))
        for (int64_t i = 0; i < walk.count; i++, packed += bytes)
            memcpy(packed, strided + (walk.offsets[0] + i * walk.steps[0]) * bytes, (size_t)bytes);
    return TENON_STATUS_OK;
}

static tenon_status scatter(const tenonh_tensor *tensor, unsigned char *strided, const unsigned char *packed) {
    tenon_walk walk;
    int64_t bytes = tenon_dtype_bits(tensor->dtype) / 8;
    TENON_TRY(begin_walk(tensor, &walk));
    while (tenon_walk_next(&walk))
        for (int64_t i = 0; i < walk.count; i++, packed += bytes)
            memcpy(strided + (walk.offsets[0] + i * walk.steps[0]) * bytes, packed, (size_t)bytes);
    return TENON_STATUS_OK;
}

/* Moves a strided tensor by way of the whole span that its elements lie in; one of source and destination is NULL. */
static tenon_status move_span(const tenonh_tensor *tensor, tenonh_stream *stream, const span *s, unsigned char *bytes,
                              const void *source, void *destination) {
    uint64_t first = tensor->offset + (uint64_t)s->low, size = (uint64_t)(s->high - s->low);
    TENON_TRY(tenonh_stream_read(stream, bytes, tensor->memory, first, size));
    TENON_TRY(tenonh_stream_synchronize(stream));
    if (destination) return gather(tensor, bytes - s->low, destination);
    TENON_TRY(scatter(tensor, bytes - s->low, source));
    TENON_TRY(tenonh_stream_write(stream, tensor->memory, first, bytes, size));
    return tenonh_stream_synchronize(stream);
}

static tenon_status move_strided(const tenonh_tensor *tensor, tenonh_stream *stream, const void *source,
                                 void *destination) {
    span s;
    TENON_TRY(span_of(tensor, &s));
    unsigned char *bytes = malloc((size_t)(s.high - s.low));
    if (!bytes) return tenon__fail_memory();
    tenon_status status = move_span(tensor, stream, &s, bytes, source, destination);
    free(bytes);
    return status;
}

static tenon_status check_move(const tenonh_tensor *tensor, const tenonh_stream *stream, const void *host,
                               uint64_t size, const char *what) {
    if (!tensor || !stream) return tenon__fail(TENON_STATUS_INVALID, "%s a tensor: tensor or stream is NULL", what);
    if (!host && size) return tenon__fail(TENON_STATUS_INVALID, "%s a tensor: the host pointer is NULL", what);
    if (size == tensor->size) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "%s a tensor: %" PRIu64 " bytes given, it has %" PRIu64, what, size,
                       tensor->size);
}

tenon_status tenonh_tensor_write(tenonh_tensor *tensor, tenonh_stream *stream, const void *source, uint64_t size) {
    TENON_TRY(check_move(tensor, stream, source, size, "write"));
    if (size && !tensor->contiguous) return move_strided(tensor, stream, source, NULL);
    TENON_TRY(tenonh_stream_write(stream, tensor->memory, tensor->offset, source, size));
    return tenonh_stream_synchronize(stream);
}

tenon_status tenonh_tensor_read(tenonh_tensor *tensor, tenonh_stream *stream, void *destination, uint64_t size) {
    TENON_TRY(check_move(tensor, stream, destination, size, "read"));
    if (size && !tensor->contiguous) return move_strided(tensor, stream, NULL, destination);
    TENON_TRY(tenonh_stream_read(stream, destination, tensor->memory, tensor->offset, size));
    return tenonh_stream_synchronize(stream);
}
