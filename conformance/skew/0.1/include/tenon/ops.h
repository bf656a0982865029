/* Base operators and their attributes as constants, derived from the operator table. */
#ifndef TENON_OPS_H
#define TENON_OPS_H

#include <tenon/types.h>

typedef uint32_t tenon_op; /* one of TENON_OP_*; 0 is none */

enum {
    TENON_OP_NONE = 0,
#define TENON_OP(id, NAME, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars, meaning)   \
    TENON_OP_##NAME = id,
#include <tenon/ops.def>
    TENON_OP_LIMIT = 128 /* ids are below */
};

enum {
    TENON_FAMILY_NONE = 0,
    TENON_FAMILY_VIEW,
    TENON_FAMILY_COPY,
    TENON_FAMILY_FILL,
    TENON_FAMILY_IOTA,
    TENON_FAMILY_PAD,
    TENON_FAMILY_CAST,
    TENON_FAMILY_BITCAST,
    TENON_FAMILY_UPDATE,
    TENON_FAMILY_MAP,
    TENON_FAMILY_REDUCE,
    TENON_FAMILY_ARG,
    TENON_FAMILY_GATHER,
    TENON_FAMILY_SCATTER,
    TENON_FAMILY_CONTRACT,
    TENON_FAMILY_SORT,
    TENON_FAMILY_SCAN,
    TENON_FAMILY_RANDOM
};

enum {
#define TENON_ATTR(id, NAME, name, type, default_, meaning) TENON_ATTR_##NAME = id,
#include <tenon/attrs.def>
    TENON_ATTR_LIMIT = 64
};

/* Values of the attribute `combine`. */
enum {
    TENON_COMBINE_SET = 0,
    TENON_COMBINE_ADD = 1,
    TENON_COMBINE_MUL = 2,
    TENON_COMBINE_MIN = 3,
    TENON_COMBINE_MAX = 4
};

/* One attribute of an operator: `count` integers at `values`. */
typedef struct tenon_attr {
    uint32_t id;    /* TENON_ATTR_* */
    uint32_t count; /* 1 for INT attributes */
    const int64_t *values;
} tenon_attr;
static_assert(sizeof(tenon_attr) == 16, "frozen layout");

#endif
