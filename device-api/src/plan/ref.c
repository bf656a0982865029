#include "plan/ref.h"

#include <tenon/helpers.h>

#include <string.h>

static tenon__ref of_same_storage(const tenon__ref *x, uint32_t rank) {
    return (tenon__ref){.storage = x->storage, .dtype = x->dtype, .rank = rank, .offset = x->offset};
}

static tenon__ref settled(tenon__ref ref) {
    if (tenon__ref_count(&ref) == 0) ref.offset = 0;
    return ref;
}

tenon__ref tenon__ref_contiguous(uint32_t storage, tenon_dtype dtype, uint32_t rank, const int64_t *dims) {
    tenon__ref ref = {.storage = storage, .dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        ref.dims[i] = dims[i];
        ref.strides[i] = stride;
        stride *= dims[i] > 0 ? dims[i] : 1;
    }
    return ref;
}

int64_t tenon__ref_count(const tenon__ref *ref) {
    int64_t count = 1;
    for (uint32_t i = 0; i < ref->rank; i++) count *= ref->dims[i];
    return count;
}

bool tenon__ref_is_contiguous(const tenon__ref *ref) {
    int64_t stride = 1;
    if (tenon__ref_count(ref) == 0) return true;
    for (uint32_t i = ref->rank; i-- > 0;) {
        if (ref->dims[i] != 1 && ref->strides[i] != stride) return false;
        stride *= ref->dims[i];
    }
    return true;
}

/* Splits the axes of `out` among groups of axes of x that are contiguous in themselves: both lists are walked from the
 * left, and each group ends where the products of dims meet. */
static bool reshape_groups(const tenon__ref *x, tenon__ref *out) {
    uint32_t from = 0, to = 0;
    while (from < x->rank && to < out->rank) {
        uint32_t from_end = from + 1, to_end = to + 1;
        int64_t from_product = x->dims[from], to_product = out->dims[to];
        while (from_product != to_product) {
            if (from_product < to_product)
                from_product *= x->dims[from_end++];
            else
                to_product *= out->dims[to_end++];
        }
        for (uint32_t i = from; i + 1 < from_end; i++)
            if (x->strides[i] != x->dims[i + 1] * x->strides[i + 1]) return false;
        int64_t stride = x->strides[from_end - 1];
        for (uint32_t i = to_end; i-- > to;) {
            out->strides[i] = stride;
            stride *= out->dims[i];
        }
        from = from_end;
        to = to_end;
    }
    return true;
}

static tenon__ref without_ones(const tenon__ref *x) {
    tenon__ref ref = of_same_storage(x, 0);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (x->dims[i] == 1) continue;
        ref.dims[ref.rank] = x->dims[i];
        ref.strides[ref.rank++] = x->strides[i];
    }
    return ref;
}

bool tenon__ref_reshape(const tenon__ref *x, uint32_t rank, const int64_t *dims, tenon__ref *out_ref) {
    if (tenon__ref_count(x) == 0 || tenon__ref_is_contiguous(x)) {
        tenon__ref ref = tenon__ref_contiguous(x->storage, x->dtype, rank, dims);
        ref.offset = x->offset;
        *out_ref = settled(ref);
        return true;
    }
    tenon__ref target = of_same_storage(x, rank), narrow = of_same_storage(x, 0);
    for (uint32_t i = 0; i < rank; i++) target.dims[i] = dims[i];
    tenon__ref source = without_ones(x);
    narrow = without_ones(&target);
    if (!reshape_groups(&source, &narrow)) return false;
    for (uint32_t i = 0, k = 0; i < rank; i++) target.strides[i] = dims[i] == 1 ? 0 : narrow.strides[k++];
    *out_ref = target;
    return true;
}

tenon__ref tenon__ref_permute(const tenon__ref *x, const int64_t *perm) {
    tenon__ref ref = of_same_storage(x, x->rank);
    for (uint32_t i = 0; i < x->rank; i++) {
        ref.dims[i] = x->dims[perm[i]];
        ref.strides[i] = x->strides[perm[i]];
    }
    return ref;
}

tenon__ref tenon__ref_expand(const tenon__ref *x, uint32_t rank, const int64_t *dims) {
    tenon__ref ref = of_same_storage(x, rank);
    uint32_t added = rank - x->rank;
    for (uint32_t i = 0; i < rank; i++) {
        ref.dims[i] = dims[i];
        if (i >= added && x->dims[i - added] == dims[i]) ref.strides[i] = x->strides[i - added];
    }
    return settled(ref);
}

tenon__ref tenon__ref_slice(const tenon__ref *x, const int64_t *starts, const int64_t *steps, const int64_t *dims) {
    tenon__ref ref = of_same_storage(x, x->rank);
    for (uint32_t i = 0; i < x->rank; i++) {
        ref.dims[i] = dims[i];
        ref.strides[i] = x->strides[i] * steps[i];
        ref.offset += x->strides[i] * starts[i];
    }
    return settled(ref);
}

tenon__ref tenon__ref_window(const tenon__ref *x, uint32_t count, const int64_t *axes, const int64_t *sizes,
                             const int64_t *steps, const int64_t *dilations) {
    tenon__ref ref = *x;
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = axes[i];
        int64_t room = x->dims[axis] - dilations[i] * (sizes[i] - 1) - 1; /* below 0: no position */
        ref.dims[axis] = room < 0 ? 0 : room / steps[i] + 1;
        ref.strides[axis] = x->strides[axis] * steps[i];
        ref.dims[ref.rank] = sizes[i];
        ref.strides[ref.rank++] = x->strides[axis] * dilations[i];
    }
    return settled(ref);
}

tenon__ref tenon__ref_part(const tenon__ref *x, uint32_t axis, int64_t index, int64_t count) {
    tenon__ref ref = *x;
    ref.offset += x->strides[axis] * index;
    ref.dims[axis] = count;
    return settled(ref);
}

tenon__ref tenon__ref_as(const tenon__ref *x, tenon_dtype dtype) {
    tenon__ref ref = *x;
    ref.dtype = dtype;
    return ref;
}

bool tenon__ref_looks_alike(const tenon__ref *x, const tenon__ref *y) {
    if (tenon_dtype_bits(x->dtype) != tenon_dtype_bits(y->dtype) || x->rank != y->rank || x->offset != y->offset)
        return false;
    for (uint32_t i = 0; i < x->rank; i++)
        if (x->dims[i] != y->dims[i] || (x->dims[i] > 1 && x->strides[i] != y->strides[i])) return false;
    return true;
}
