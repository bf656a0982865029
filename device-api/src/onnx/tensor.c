#include "onnx/tensor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "support/error.h"

enum { FIELD_NONE, FIELD_FLOAT, FIELD_INT32, FIELD_INT64, FIELD_DOUBLE, FIELD_UINT64 };

static const struct type {
    const char *name;
    tenon_dtype dtype;
    int field;
} types[] = {
#define ROW(code, NAME, dtype, field) [code] = {#NAME, TENON_DTYPE_##dtype, FIELD_##field},
    TENON__ONNX_TYPE_TABLE(ROW)
#undef ROW
};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

tenon_status tenon__onnx_dtype(int64_t code, const char *what, tenon_dtype *out_dtype) {
    if (code <= 0 || code >= TYPE_COUNT)
        return tenon__fail(TENON_STATUS_BAD_DATA, "%s: ONNX has no element type %lld that is known here", what,
                           (long long)code);
    if (types[code].dtype == TENON_DTYPE_NONE)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: elements of type %s are not supported", what,
                           types[code].name);
    *out_dtype = types[code].dtype;
    return TENON_STATUS_OK;
}

static tenon_status read_shape(const Onnx__TensorProto *proto, const char *what, tenon__onnx_tensor *out,
                               int64_t *out_count) {
    TENON_TRY(tenon__onnx_dtype(proto->data_type, what, &out->dtype));
    if (proto->n_dims > TENONH_ARRAY_MAX_RANK)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: %zu dimensions; at most %d are supported", what,
                           proto->n_dims, TENONH_ARRAY_MAX_RANK);
    int64_t count = 1;
    for (size_t d = 0; d < proto->n_dims; d++) {
        if (proto->dims[d] < 0 || __builtin_mul_overflow(count, proto->dims[d], &count))
            return tenon__fail(TENON_STATUS_BAD_DATA, "%s: its dims are negative or too large", what);
        out->dims[d] = proto->dims[d];
    }
    out->rank = (uint32_t)proto->n_dims;
    if (tenon_dtype_bytes(out->dtype, count, &out->size) != TENON_STATUS_OK)
        return tenon__fail(TENON_STATUS_BAD_DATA, "%s: its dims are too large", what);
    *out_count = count;
    return TENON_STATUS_OK;
}

static tenon_status allocate(tenon__onnx_tensor *out) {
    out->owned = calloc(1, out->size ? out->size : 1);
    out->data = out->owned;
    return out->owned ? TENON_STATUS_OK : tenon__fail_memory();
}

static tenon_status check_size(const char *what, const char *place, uint64_t wanted, uint64_t found) {
    if (wanted == found) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA, "%s: its dims need %llu bytes, its %s have %llu", what,
                       (unsigned long long)wanted, place, (unsigned long long)found);
}

static tenon_status take_raw(Onnx__TensorProto *proto, int may_move, const char *what, tenon__onnx_tensor *out) {
    TENON_TRY(check_size(what, "raw data", out->size, proto->raw_data.len));
    if (!proto->raw_data.data || !may_move) {
        TENON_TRY(allocate(out));
        if (out->size && proto->raw_data.data) memcpy(out->owned, proto->raw_data.data, out->size);
        return TENON_STATUS_OK;
    }
    out->owned = proto->raw_data.data;
    out->data = out->owned;
    proto->raw_data = (ProtobufCBinaryData){0};
    return TENON_STATUS_OK;
}

/* Keeps the low `bytes` of each number: what the format says for types narrower than their field. */
static void narrow(void *to, const void *from, uint64_t count, uint32_t bytes, uint32_t from_bytes) {
    for (uint64_t i = 0; i < count; i++) memcpy((char *)to + i * bytes, (const char *)from + i * from_bytes, bytes);
}

static tenon_status take_typed(const Onnx__TensorProto *proto, const char *what, int64_t count,
                               tenon__onnx_tensor *out) {
    const struct {
        const char *name;
        const void *data;
        uint64_t count;
        uint32_t bytes;
    } fields[] = {
        [FIELD_NONE] = {0},
        [FIELD_FLOAT] = {"float_data", proto->float_data, proto->n_float_data, 4},
        [FIELD_INT32] = {"int32_data", proto->int32_data, proto->n_int32_data, 4},
        [FIELD_INT64] = {"int64_data", proto->int64_data, proto->n_int64_data, 8},
        [FIELD_DOUBLE] = {"double_data", proto->double_data, proto->n_double_data, 8},
        [FIELD_UINT64] = {"uint64_data", proto->uint64_data, proto->n_uint64_data, 8},
    };
    int field = types[proto->data_type].field;
    uint32_t bits = tenon_dtype_bits(out->dtype), bytes = bits < 8 ? 1 : bits / 8;
    uint64_t wanted = bits < 8 ? out->size : (uint64_t)count; /* 4-bit elements come by pairs, one number a pair */
    if (fields[field].count != wanted)
        return tenon__fail(TENON_STATUS_BAD_DATA, "%s: it needs %llu numbers in %s and has %llu", what,
                           (unsigned long long)wanted, fields[field].name, (unsigned long long)fields[field].count);
    TENON_TRY(allocate(out));
    narrow(out->owned, fields[field].data, wanted, bytes, fields[field].bytes);
    return TENON_STATUS_OK;
}

typedef struct external {
    const char *location;
    uint64_t offset;
    uint64_t length;
    int has_length;
} external;

static int parse_number(const char *text, uint64_t *out_value) {
    char *end;
    errno = 0;
    *out_value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static tenon_status read_external(const Onnx__TensorProto *proto, const char *what, external *out) {
    *out = (external){0};
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        int good = key && value;
        if (good && strcmp(key, "location") == 0) out->location = value;
        if (good && strcmp(key, "offset") == 0) good = parse_number(value, &out->offset);
        if (good && strcmp(key, "length") == 0) good = out->has_length = parse_number(value, &out->length);
        if (!good)
            return tenon__fail(TENON_STATUS_BAD_DATA, "%s: external data entry '%s' is '%s', which is no number", what,
                               key ? key : "", value ? value : "");
    }
    if (out->location) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA, "%s: its external data name no location", what);
}

static tenon_status take_external(const Onnx__TensorProto *proto, tenon__folder *folder, const char *what,
                                  tenon__onnx_tensor *out) {
    external where;
    TENON_TRY(read_external(proto, what, &where));
    if (!folder)
        return tenon__fail(TENON_STATUS_BAD_DATA,
                           "%s: its data are in the file '%s', but a model given as bytes has no "
                           "folder; name one in the import options",
                           what, where.location);
    if (where.has_length) TENON_TRY(check_size(what, "external data", out->size, where.length));
    const void *data;
    tenon__mapping *mapping;
    tenon_status status = tenon__folder_range(folder, where.location, where.offset, out->size, &data, &mapping);
    if (status != TENON_STATUS_OK) return tenon__fail_in(status, "%s", what);
    /* Elements stay where they lie unless they are not aligned, or may have to be changed. */
    if (out->dtype == TENON_DTYPE_BOOL || (uintptr_t)data % ((tenon_dtype_bits(out->dtype) + 7) / 8) != 0) {
        TENON_TRY(allocate(out));
        memcpy(out->owned, data, out->size);
        return TENON_STATUS_OK;
    }
    out->data = data;
    out->mapping = mapping;
    tenon__mapping_retain(mapping);
    return TENON_STATUS_OK;
}

/* Truth values are 0 or 1 here. */
static void normalize_bools(tenon__onnx_tensor *out) {
    uint8_t *bools = out->dtype == TENON_DTYPE_BOOL ? out->owned : NULL;
    for (uint64_t i = 0; bools && i < out->size; i++) bools[i] = bools[i] != 0;
}

static tenon_status read_data(Onnx__TensorProto *proto, int may_move, tenon__folder *folder, const char *what,
                              tenon__onnx_tensor *out) {
    int64_t count;
    if (proto->segment) return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s: tensors in segments are not supported", what);
    TENON_TRY(read_shape(proto, what, out, &count));
    if (proto->has_data_location && proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        TENON_TRY(take_external(proto, folder, what, out));
    else if (proto->has_raw_data)
        TENON_TRY(take_raw(proto, may_move, what, out));
    else
        TENON_TRY(take_typed(proto, what, count, out));
    normalize_bools(out);
    return TENON_STATUS_OK;
}

tenon_status tenon__onnx_tensor_read(Onnx__TensorProto *proto, int may_move, tenon__folder *folder, const char *what,
                                     tenon__onnx_tensor *out_tensor) {
    tenon__onnx_tensor tensor = {0};
    tenon_status status = read_data(proto, may_move, folder, what, &tensor);
    if (status == TENON_STATUS_OK)
        *out_tensor = tensor;
    else
        tenon__onnx_tensor_free(&tensor);
    return status;
}

void tenon__onnx_tensor_free(tenon__onnx_tensor *tensor) {
    free(tensor->owned);
    tenon__mapping_release(tensor->mapping);
    *tensor = (tenon__onnx_tensor){0};
}
