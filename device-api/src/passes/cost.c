/* What a node costs, roughly: the one estimate by which passes say what they gained. */
#include "passes/rewrite.h"

/* Past what any machine does: sums over a function's nodes stay far from overflow. */
static const int64_t most_of_all = INT64_C(1) << 46;

static int64_t saturating_product(int64_t a, int64_t b) {
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > most_of_all ? most_of_all : product;
}

static int64_t least(const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_NUMBER) return dim->number;
    return dim->low > 1 ? dim->low : 1;
}

static int64_t elements_of(const tenonh_value *value) {
    int64_t count = 1;
    for (uint32_t i = 0; i < value->rank; i++) count = saturating_product(count, least(value->dims[i]));
    return count;
}

static int64_t bytes_of(const tenonh_value *value, int64_t elements) {
    return saturating_product(elements, tenon_dtype_bits(value->dtype)) / 8;
}

/* Bytes that reading a value takes: what is repeated by an expand in front of it is read once. */
static int64_t read_bytes(const tenonh_value *value) {
    int64_t count = elements_of(value);
    for (int depth = 0; depth < 8 && value->kind == TENON__VALUE_RESULT && tenon__node_is_view(value->node); depth++) {
        value = value->node->operands[0];
        int64_t behind = elements_of(value);
        count = behind < count ? behind : count;
    }
    return bytes_of(value, count);
}

/* Scalar operations for one element of the result: additions' worth, as processors go. */
static int64_t depth_of(const tenonh_node *node) {
    if (node->kind != TENON__NODE_OP) return 1;
    const tenonh_value *x = node->operand_count ? node->operands[0] : NULL;
    switch (node->op) {
    case TENON_OP_MATMUL: return x ? saturating_product(2, least(x->dims[x->rank - 1])) : 1;
    case TENON_OP_DIV:
    case TENON_OP_REM:
    case TENON_OP_SQRT: return 4;
    case TENON_OP_EXP:
    case TENON_OP_EXP2:
    case TENON_OP_LOG:
    case TENON_OP_LOG2:
    case TENON_OP_SIN:
    case TENON_OP_COS:
    case TENON_OP_EXPM1:
    case TENON_OP_LOG1P:
    case TENON_OP_TANH:
    case TENON_OP_ERF: return 16;
    case TENON_OP_POW: return 40;
    default: return 1;
    }
}

tenon__cost tenon__node_cost(const tenonh_node *node) {
    tenon__cost cost = {.nodes = 1};
    int64_t most = 0;
    if (tenon__node_is_view(node)) return cost;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_value *operand = node->operands[i];
        if (!operand || operand->dtype == TENONH_TOKEN) continue;
        cost.bytes += read_bytes(operand);
        if (elements_of(operand) > most) most = elements_of(operand);
    }
    for (uint32_t i = 0; i < node->result_count; i++) {
        int64_t count = elements_of(node->results[i]), work = saturating_product(count, depth_of(node));
        cost.bytes += bytes_of(node->results[i], count);
        if (work > most) most = work;
    }
    cost.operations = most;
    return cost;
}

void tenon__cost_add(tenon__cost *sum, const tenon__cost *more, int64_t times) {
    sum->nodes += times * more->nodes;
    sum->bytes += times * more->bytes;
    sum->operations += times * more->operations;
}
