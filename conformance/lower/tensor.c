#include "tensor.h"

#include "interp.h"

#include <stdlib.h>
#include <string.h>
#include <tenon/helpers.h>

static uint64_t state;

void random_seed(uint64_t seed) {
    state = seed;
}

uint64_t random_next(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int random_below(int limit) {
    return (int)(random_next() % (uint64_t)limit);
}

/* Strides for a random order of axes in memory; returns the elements that all span. */
static int64_t lay_out(tensor *t, int spread) {
    uint32_t order[TENON_MAX_RANK];
    int64_t reach = 1;
    for (uint32_t i = 0; i < t->rank; i++) order[i] = t->rank - 1 - i;
    for (uint32_t i = t->rank; i-- > 1 && random_below(2);) {
        uint32_t j = (uint32_t)random_below((int)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (uint32_t i = 0; i < t->rank; i++) {
        int64_t gap = random_below(6) == 0 ? 2 : 1;
        t->strides[order[i]] = reach * gap;
        if (spread && random_below(5) == 0)
            t->strides[order[i]] = 0;
        else
            reach *= gap * (t->dims[order[i]] > 0 ? t->dims[order[i]] : 1);
    }
    return reach;
}

tensor tensor_new(tenon_dtype dtype, uint32_t rank, const int64_t *dims, int spread) {
    tensor t = {.dtype = dtype, .rank = rank, .count = 1};
    size_t width = tenon_dtype_bits(dtype) / 8;
    int64_t start = 0;
    for (uint32_t i = 0; i < rank; i++) {
        t.dims[i] = dims[i];
        t.count *= dims[i];
    }
    t.size = (size_t)lay_out(&t, spread) * width;
    for (uint32_t i = 0; i < rank; i++) {
        if (random_below(8) != 0) continue;
        start += t.strides[i] * (t.dims[i] > 0 ? t.dims[i] - 1 : 0);
        t.strides[i] = -t.strides[i];
    }
    t.memory = malloc(t.size);
    memset(t.memory, 0x3c, t.size);
    t.base = t.memory + (size_t)start * width;
    return t;
}

tensor tensor_copy(const tensor *from) {
    tensor t = *from;
    t.memory = malloc(t.size);
    memcpy(t.memory, from->memory, t.size);
    t.base = t.memory + (from->base - from->memory);
    return t;
}

void tensor_free(tensor *t) {
    free(t->memory);
    t->memory = NULL;
}

void tensor_indices(const tensor *t, int64_t i, int64_t *index) {
    for (uint32_t axis = t->rank; axis-- > 0;) {
        index[axis] = i % t->dims[axis];
        i /= t->dims[axis];
    }
}

int64_t tensor_number(const tensor *t, const int64_t *index) {
    int64_t i = 0;
    for (uint32_t axis = 0; axis < t->rank; axis++) i = i * t->dims[axis] + index[axis];
    return i;
}

static int64_t offset_of(const tensor *t, int64_t i) {
    int64_t index[TENON_MAX_RANK], offset = 0;
    tensor_indices(t, i, index);
    for (uint32_t axis = 0; axis < t->rank; axis++) offset += index[axis] * t->strides[axis];
    return offset;
}

uint64_t tensor_bits(const tensor *t, int64_t i) {
    size_t width = tenon_dtype_bits(t->dtype) / 8;
    uint64_t bits = 0;
    memcpy(&bits, t->base + offset_of(t, i) * (int64_t)width, width);
    return bits;
}

void tensor_set_bits(tensor *t, int64_t i, uint64_t bits) {
    size_t width = tenon_dtype_bits(t->dtype) / 8;
    memcpy(t->base + offset_of(t, i) * (int64_t)width, &bits, width);
}

double tensor_get(const tensor *t, int64_t i) {
    uint64_t value = tenonc_load(t->dtype, t->base, offset_of(t, i));
    double wide;
    float narrow;
    if (t->dtype == TENON_DTYPE_F64) {
        memcpy(&wide, &value, sizeof wide);
        return wide;
    }
    if (tenon_dtype_class(t->dtype) == TENON_CLASS_FLOAT) {
        memcpy(&narrow, &value, sizeof narrow);
        return (double)narrow;
    }
    return tenon_dtype_class(t->dtype) == TENON_CLASS_SINT ? (double)(int64_t)value : (double)value;
}

void tensor_set(tensor *t, int64_t i, double value) {
    uint64_t bits = 0;
    float narrow = (float)value;
    if (t->dtype == TENON_DTYPE_F64)
        memcpy(&bits, &value, sizeof value);
    else if (tenon_dtype_class(t->dtype) == TENON_CLASS_FLOAT)
        memcpy(&bits, &narrow, sizeof narrow);
    else
        bits = value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
    tenonc_store(t->dtype, t->base, offset_of(t, i), bits);
}

void tensor_fill(tensor *t, int low, int high) {
    uint32_t class_ = tenon_dtype_class(t->dtype);
    if (class_ == TENON_CLASS_UINT || class_ == TENON_CLASS_BOOL) low = low < 0 ? 0 : low;
    if (class_ == TENON_CLASS_BOOL) high = high > 1 ? 1 : high;
    for (int64_t i = 0; i < t->count; i++) tensor_set(t, i, low + random_below(high - low + 1));
}
