/* Host evaluation, one function a family of the operator table. */
#ifndef TENON_PASSES_EVAL_H
#define TENON_PASSES_EVAL_H

#include "passes/number.h"
#include "passes/passes.h"

/* Indices of a tensor in row-major order. Start with {0}; the rank is that of the walked tensor. */
typedef struct tenon__walk {
    int64_t index[TENON_MAX_RANK];
} tenon__walk;

/* Moves on; false after the last element. */
static inline bool tenon__walk_next(const tenon__tensor *over, tenon__walk *walk) {
    for (uint32_t i = over->rank; i-- > 0;) {
        if (++walk->index[i] < over->dims[i]) return true;
        walk->index[i] = 0;
    }
    return false;
}

static inline int64_t tenon__offset(const tenon__tensor *t, const int64_t *index) {
    int64_t offset = 0;
    for (uint32_t i = 0; i < t->rank; i++) offset += index[i] * t->strides[i];
    return offset;
}

static inline void *tenon__address(const tenon__tensor *t, int64_t offset) {
    return (char *)t->data + offset * (int64_t)(tenon_dtype_bits(t->dtype) / 8);
}

static inline tenon__number tenon__get(const tenon__tensor *t, const int64_t *index) {
    return tenon__number_load(t->dtype, tenon__address(t, tenon__offset(t, index)));
}

static inline void tenon__set_number(const tenon__tensor *t, const int64_t *index, tenon__number number) {
    tenon__number_store(t->dtype, tenon__address(t, tenon__offset(t, index)), number);
}

/* Copies elements of equal dims and dtype, bit for bit. */
void tenon__tensor_copy(const tenon__tensor *from, const tenon__tensor *to);

typedef tenon_status (*tenon__eval)(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);

tenon_status tenon__eval_view(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_copy(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_fill(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_iota(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_pad(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_cast(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_update(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_map(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_reduce(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_arg(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_gather(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_scatter(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_contract(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_sort(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_scan(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);
tenon_status tenon__eval_random(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);

/* tenon.concat: parts into slices of the result. */
tenon_status tenon__eval_concat(const tenonh_node *node, const tenon__tensor *in, tenon__tensor *out);

/* Numbers of a list attribute, defaults filled in. Errors: INVALID (a symbol). */
tenon_status tenon__eval_list(const tenonh_node *node, uint32_t id, uint32_t count, int64_t *out_values);

#endif
