/* What the parts of the sampler share. */
#ifndef TENON_TESTS_PASSES_SAMPLE_INTERNAL_H
#define TENON_TESTS_PASSES_SAMPLE_INTERNAL_H

#include "sample.h"

/* A type that is wanted of a term. */
typedef struct type {
    tenon_dtype dtype;
    uint32_t rank;
    const tenonh_dim *dims[TENON_MAX_RANK];
} type;

typedef struct sampler {
    const sample_options *options;
    const tenon__rule *rule;
    uint64_t seed;
    uint32_t depth;
    tenonh_module *module;
    tenonh_builder *b;
    uint32_t input_count;
    bool bound[TENON__RULE_SLOTS];
    tenon__binding slots[TENON__RULE_SLOTS];
} sampler;

/* Attributes of the node being made. */
typedef struct attrs {
    uint32_t count;
    tenonh_attr list[6];
    const tenonh_dim *dims[6][2 * TENON_MAX_RANK];
} attrs;

static inline uint32_t below(sampler *s, uint32_t limit) {
    return sample_below(&s->seed, limit);
}

static inline const tenonh_dim *num(sampler *s, int64_t number) {
    return tenon__num(s->b, number);
}

static inline const tenonh_dim *sum(sampler *s, const tenonh_dim *x, int64_t number) {
    return tenon__dim2(s->b, TENONH_DIM_ADD, x, num(s, number));
}

static inline bool is_number(const tenonh_dim *dim) {
    return dim->kind == TENON__DIM_NUMBER;
}

static inline bool takes(tenon_op op, tenon_dtype dtype) {
    return tenon_op_takes(tenon_op_row_of(op), dtype);
}

/* A small number, or a symbol where the sample has them. */
const tenonh_dim *sample_dim(sampler *s);

/* Types of the operands of an operator for the wanted result, and its attributes. False: it has no such result. */
bool sample_types(sampler *s, tenon_op op, const tenon__term *term, const type *want, attrs *a, type *types);

#endif
