#include "tensor.h"

#include <string.h>

fake_tensor fake_tensor_of(const tenon_view *view, const int64_t *symbols, void *data, bool packed) {
    fake_tensor t = {.dtype = view->dtype, .rank = view->rank, .data = data};
    int64_t stride = 1;
    for (uint32_t i = view->rank; i-- > 0;) {
        t.dims[i] = tenon_extent_value(&view->dims[i], symbols);
        t.strides[i] = packed ? stride : tenon_extent_value(&view->strides[i], symbols);
        stride *= t.dims[i] > 0 ? t.dims[i] : 1;
    }
    return t;
}

int64_t fake_count(const fake_tensor *t) {
    int64_t count = 1;
    for (uint32_t i = 0; i < t->rank; i++) count *= t->dims[i];
    return count;
}

uint64_t fake_bytes(const fake_tensor *t) {
    return (uint64_t)fake_count(t) * (tenon_dtype_bits(t->dtype) / 8);
}

bool fake_next(uint32_t rank, const int64_t *dims, int64_t *index) {
    for (uint32_t i = rank; i-- > 0;) {
        if (++index[i] < dims[i]) return true;
        index[i] = 0;
    }
    return false;
}

static int64_t offset_of(const fake_tensor *t, const int64_t *index) {
    int64_t offset = 0;
    for (uint32_t i = 0; i < t->rank; i++) offset += index[i] * t->strides[i];
    return offset;
}

/* f32 is most of what models are made of. */
cf_number fake_get(const fake_tensor *t, const int64_t *index) {
    int64_t offset = offset_of(t, index);
    if (t->dtype != TENON_DTYPE_F32) return cf_load(t->dtype, t->data, offset);
    float value;
    memcpy(&value, (const char *)t->data + offset * 4, sizeof value);
    return (cf_number){.f = (long double)value};
}

void fake_set(const fake_tensor *t, const int64_t *index, cf_number number) {
    int64_t offset = offset_of(t, index);
    float value = (float)number.f;
    if (t->dtype == TENON_DTYPE_F32)
        memcpy((char *)t->data + offset * 4, &value, sizeof value);
    else
        cf_store(t->dtype, t->data, offset, number);
}

double fake_float(const fake_call *call, uint32_t attr) {
    const tenon_attr *found = tenon_attr_find(call->attrs, call->attr_count, attr);
    double value = 0;
    if (found && found->count) memcpy(&value, found->values, sizeof value);
    return value;
}
