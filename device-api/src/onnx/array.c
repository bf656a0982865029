#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>
#include <tenon/host/array.h>

#include "onnx/npy.h"
#include "onnx/tensor.h"
#include "onnx/wire.h"
#include "support/error.h"
#include "support/file.h"

static tenon_status count_bytes(tenon_dtype dtype, uint32_t rank, const int64_t *dims, uint64_t *out_bytes) {
    int64_t count = 1;
    if (!tenon_dtype_bits(dtype)) return tenon__fail(TENON_STATUS_INVALID, "an array cannot have dtype %u", dtype);
    if (rank > TENONH_ARRAY_MAX_RANK)
        return tenon__fail(TENON_STATUS_INVALID, "an array of %u dimensions; at most %d are supported", rank,
                           TENONH_ARRAY_MAX_RANK);
    for (uint32_t d = 0; d < rank; d++)
        if (dims[d] < 0 || __builtin_mul_overflow(count, dims[d], &count))
            return tenon__fail(TENON_STATUS_INVALID, "an array's dims are negative or too large");
    if (tenon_dtype_bytes(dtype, count, out_bytes) == TENON_STATUS_OK) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "an array's dims are too large");
}

static void set_shape(tenonh_array *array, tenon_dtype dtype, uint32_t rank, const int64_t *dims, uint64_t size) {
    *array = (tenonh_array){.dtype = dtype, .rank = rank, .size = size};
    if (rank) memcpy(array->dims, dims, rank * sizeof dims[0]);
}

tenon_status tenonh_array_create(tenon_dtype dtype, uint32_t rank, const int64_t *dims, tenonh_array *out_array) {
    uint64_t size;
    if (!out_array || (rank && !dims))
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_array_create: %s is NULL", out_array ? "dims" : "out_array");
    TENON_TRY(count_bytes(dtype, rank, dims, &size));
    void *data = calloc(1, size ? size : 1);
    if (!data)
        return tenon__fail(TENON_STATUS_OUT_OF_MEMORY, "the host has no %llu bytes for an array",
                           (unsigned long long)size);
    set_shape(out_array, dtype, rank, dims, size);
    out_array->data = data;
    return TENON_STATUS_OK;
}

void tenonh_array_free(tenonh_array *array) {
    if (!array) return;
    free(array->data);
    *array = (tenonh_array){0};
}

int64_t tenonh_array_count(const tenonh_array *array) {
    int64_t count = 1;
    if (!array) return 0;
    for (uint32_t d = 0; d < array->rank; d++) count *= array->dims[d];
    return count;
}

/* An array owns malloc'ed elements, so that what lies in a mapping is copied. */
static tenon_status from_tensor(tenon__onnx_tensor *tensor, tenonh_array *out_array) {
    void *data = tensor->owned;
    if (!data) {
        data = malloc(tensor->size ? tensor->size : 1);
        if (!data) return tenon__fail_memory();
        memcpy(data, tensor->data, tensor->size);
    }
    tensor->owned = NULL;
    set_shape(out_array, tensor->dtype, tensor->rank, tensor->dims, tensor->size);
    out_array->data = data;
    return TENON_STATUS_OK;
}

static int is_external(const Onnx__TensorProto *proto) {
    return proto->has_data_location && proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static tenon_status read_tensor(const char *path, const uint8_t *bytes, size_t size, tenonh_array *out_array) {
    ProtobufCMessage *message;
    tenon_status status = tenon__wire_decode(&onnx__tensor_proto__descriptor, path, bytes, size, &message);
    if (status != TENON_STATUS_OK) return tenon__fail_in(status, "neither a .npy file nor an ONNX TensorProto");
    Onnx__TensorProto *proto = (Onnx__TensorProto *)message;
    tenon__folder *folder = NULL;
    tenon__onnx_tensor tensor = {0};
    if (is_external(proto)) status = tenon__folder_of(path, &folder);
    if (status == TENON_STATUS_OK) status = tenon__onnx_tensor_read(proto, 1, folder, path, &tensor);
    if (status == TENON_STATUS_OK) status = from_tensor(&tensor, out_array);
    tenon__onnx_tensor_free(&tensor);
    tenon__folder_close(folder);
    protobuf_c_message_free_unpacked(message, NULL);
    return status;
}

tenon_status tenonh_array_read(const char *path, tenonh_array *out_array) {
    uint8_t *bytes;
    size_t size;
    if (!path || !out_array)
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_array_read: %s is NULL", path ? "out_array" : "path");
    TENON_TRY(tenon__file_read(path, INT64_MAX, &bytes, &size));
    tenon_status status = tenon__npy_is(bytes, size) ? tenon__npy_decode(path, bytes, size, out_array)
                                                     : read_tensor(path, bytes, size, out_array);
    free(bytes);
    return status;
}

tenon_status tenonh_array_write(const tenonh_array *array, const char *path) {
    char *header;
    size_t header_size;
    tenon__file_writer writer;
    if (!array || !path || (array->size && !array->data))
        return tenon__fail(TENON_STATUS_INVALID, "tenonh_array_write: the array, its data or the path is NULL");
    TENON_TRY(tenon__npy_header(array, &header, &header_size));
    tenon_status status = tenon__file_begin(path, &writer);
    if (status == TENON_STATUS_OK) {
        status = tenon__file_append(&writer, header, header_size);
        if (status == TENON_STATUS_OK) status = tenon__file_append(&writer, array->data, array->size);
        if (status == TENON_STATUS_OK) status = tenon__file_commit(&writer);
        tenon__file_discard(&writer);
    }
    free(header);
    return status;
}
