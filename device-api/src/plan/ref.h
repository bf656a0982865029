/* Refs: how a concrete value lies in a storage, and what the view operators make of that. */
#ifndef TENON_PLAN_REF_H
#define TENON_PLAN_REF_H

#include <stdbool.h>
#include <tenon/types.h>

/* Element (i0, i1, ...) lies at storage + offset + sum of i * stride, in elements of dtype. A view of no elements has
 * offset 0 whatever was cut away. */
typedef struct tenon__ref {
    uint32_t storage; /* number in the plan */
    tenon_dtype dtype;
    uint32_t rank;
    int64_t offset;
    int64_t dims[TENON_MAX_RANK];
    int64_t strides[TENON_MAX_RANK];
} tenon__ref;

/* A row-major ref to the start of `storage`. */
tenon__ref tenon__ref_contiguous(uint32_t storage, tenon_dtype dtype, uint32_t rank, const int64_t *dims);

/* Number of elements. */
int64_t tenon__ref_count(const tenon__ref *ref);

/* True when the elements lie in row-major order without gaps. */
bool tenon__ref_is_contiguous(const tenon__ref *ref);

/* The view operators on strides. `dims`, `perm`, `starts` ... have the rank of the result or of x, as each says.
 * reshape gives false when strides can't express it: the caller then copies first. */
bool tenon__ref_reshape(const tenon__ref *x, uint32_t rank, const int64_t *dims, tenon__ref *out_ref);
tenon__ref tenon__ref_permute(const tenon__ref *x, const int64_t *perm);
tenon__ref tenon__ref_expand(const tenon__ref *x, uint32_t rank, const int64_t *dims);
tenon__ref tenon__ref_slice(const tenon__ref *x, const int64_t *starts, const int64_t *steps, const int64_t *dims);
tenon__ref tenon__ref_window(const tenon__ref *x, uint32_t count, const int64_t *axes, const int64_t *sizes,
                             const int64_t *steps, const int64_t *dilations);

/* The part `index ... index + count - 1` of one axis. */
tenon__ref tenon__ref_part(const tenon__ref *x, uint32_t axis, int64_t index, int64_t count);

/* The bytes that its elements lie in, from the storage's start: `low` up to `high`, which is no more than `low` when there
 * are none. */
void tenon__ref_span(const tenon__ref *ref, int64_t *out_low, int64_t *out_high);

/* True when an element of `x` and one of `y` have a bit in common; the storages of the two start at these bytes of one
 * space. Exact, but for views of many axes with strides that do not nest: there a true may be wrong, a false never. */
bool tenon__ref_overlaps(const tenon__ref *x, int64_t x_start, const tenon__ref *y, int64_t y_start);

/* The same elements under a dtype of the same width. */
tenon__ref tenon__ref_as(const tenon__ref *x, tenon_dtype dtype);

/* True when both walk the same bytes of a storage alike, element for element; dtypes may differ but for their width. */
bool tenon__ref_looks_alike(const tenon__ref *x, const tenon__ref *y);

#endif
