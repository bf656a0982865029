/* What rules say that a pattern can't: checks, attributes made of others, and a few values. */
#include <string.h>

#include "passes/fold.h"
#include "passes/rule.h"

#define CHECK(name) static bool name(const tenon__match *m, const tenon__binding *args)
#define ATTR(name)                                                                                                     \
    static bool name(const tenon__match *m, const tenon__binding *args, const tenonh_dim **dims, uint32_t *out_count)
#define VALUE(name) static tenonh_value *name(const tenon__match *m, const tenon__binding *args)

/* -- Of types -------------------------------------------------------------------------------------------------------- */

static uint32_t class_of(const tenon__binding *arg) {
    return tenon_dtype_class(arg->value->dtype);
}

CHECK(is_float) {
    (void)m;
    return class_of(&args[0]) == TENON_CLASS_FLOAT;
}

CHECK(is_unsigned) {
    (void)m;
    return class_of(&args[0]) == TENON_CLASS_UINT;
}

CHECK(is_bool) {
    (void)m;
    return class_of(&args[0]) == TENON_CLASS_BOOL;
}

/* Integers and bool. */
CHECK(is_exact) {
    (void)m;
    return class_of(&args[0]) != TENON_CLASS_FLOAT;
}

CHECK(same_dims) {
    return tenon__same_dims(m->b, args[0].value, args[1].value);
}

CHECK(same_dtype) {
    (void)m;
    return args[0].value->dtype == args[1].value->dtype;
}

CHECK(same_rank) {
    (void)m;
    return args[0].value->rank == args[1].value->rank;
}

CHECK(same_operator) {
    (void)m;
    return args[0].value->node->op == args[1].value->node->op;
}

/* Integers that a dtype holds one by one: bits of magnitude. */
static uint32_t magnitude_bits(tenon_dtype dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64: return 53;
    case TENON_DTYPE_F32: return 24;
    case TENON_DTYPE_F16: return 11;
    case TENON_DTYPE_BF16: return 8;
    case TENON_DTYPE_BOOL: return 1;
    default: return tenon_dtype_bits(dtype) - (tenon_dtype_class(dtype) == TENON_CLASS_SINT);
    }
}

/* Every value of dtype `from` is one of `to`. */
static bool holds(tenon_dtype from, tenon_dtype to) {
    uint32_t source = tenon_dtype_class(from), target = tenon_dtype_class(to);
    if (from == to) return true;
    if (source == TENON_CLASS_FLOAT)
        return to == TENON_DTYPE_F64 || (to == TENON_DTYPE_F32 && tenon_dtype_bits(from) == 16);
    if (target == TENON_CLASS_BOOL || (source == TENON_CLASS_SINT && target == TENON_CLASS_UINT)) return false;
    if (source == TENON_CLASS_SINT && target == TENON_CLASS_FLOAT)
        return magnitude_bits(from) < magnitude_bits(to); /* the lowest is a power of two */
    return magnitude_bits(from) <= magnitude_bits(to);
}

CHECK(is_lossless) {
    (void)m;
    return holds(args[0].value->dtype, args[1].value->dtype);
}

/* By way of a float an integer is not wrapped by the cast to another one, but saturates. */
CHECK(saturates) {
    (void)m;
    uint32_t from = class_of(&args[0]), to = class_of(&args[2]);
    bool integers =
        (from == TENON_CLASS_SINT || from == TENON_CLASS_UINT) && (to == TENON_CLASS_SINT || to == TENON_CLASS_UINT);
    return integers && class_of(&args[1]) == TENON_CLASS_FLOAT;
}

/* A sum of floats, which starts from 0: of a single -0 it is 0. */
CHECK(clears_sign) {
    (void)m;
    return args[0].value->node->op == TENON_OP_SUM && class_of(&args[0]) == TENON_CLASS_FLOAT;
}

/* -- Of attributes --------------------------------------------------------------------------------------------------- */

static bool all_are(const tenon__span *span, int64_t wanted) {
    for (uint32_t i = 0; i < span->count; i++)
        if (!tenon__dim_is(span->dims[i], wanted)) return false;
    return true;
}

CHECK(are_zero) {
    (void)m;
    return all_are(&args[0].span, 0);
}

CHECK(are_one) {
    (void)m;
    return all_are(&args[0].span, 1);
}

CHECK(is_identity) {
    (void)m;
    for (uint32_t i = 0; i < args[0].span.count; i++)
        if (!tenon__dim_is(args[0].span.dims[i], i)) return false;
    return true;
}

/* A permutation that leaves axes longer than 1 in their order. */
CHECK(moves_ones) {
    const tenonh_value *x = args[0].value;
    int64_t last = -1;
    (void)m;
    for (uint32_t i = 0; i < args[1].span.count; i++) {
        int64_t axis = args[1].span.dims[i]->number;
        if (tenon__dim_is(x->dims[axis], 1)) continue;
        if (axis < last) return false;
        last = axis;
    }
    return true;
}

/* A permutation of the last two axes alone. */
CHECK(swaps_last) {
    uint32_t rank = args[0].span.count;
    (void)m;
    for (uint32_t i = 0; i < rank; i++) {
        uint32_t wanted = i + 2 < rank ? i : 2 * rank - 3 - i;
        if (rank < 2 || !tenon__dim_is(args[0].span.dims[i], wanted)) return false;
    }
    return rank >= 2;
}

/* x is 1 long along each of the axes. */
CHECK(one_along) {
    const tenonh_value *x = args[0].value;
    (void)m;
    for (uint32_t i = 0; i < args[1].span.count; i++)
        if (!tenon__dim_is(x->dims[args[1].span.dims[i]->number], 1)) return false;
    return true;
}

ATTR(composed) { /* of permutations: first args[0], then args[1] */
    (void)m;
    *out_count = args[1].span.count;
    for (uint32_t i = 0; i < *out_count; i++) dims[i] = args[0].span.dims[args[1].span.dims[i]->number];
    return true;
}

ATTR(summed) {
    *out_count = args[0].span.count;
    if (*out_count > TENON_MAX_RANK || args[1].span.count != *out_count) return false;
    for (uint32_t i = 0; i < *out_count; i++)
        if (!(dims[i] = tenon__dim_add(&m->b->module->dims, args[0].span.dims[i], args[1].span.dims[i]))) return false;
    return true;
}

ATTR(multiplied) {
    *out_count = args[0].span.count;
    if (*out_count > TENON_MAX_RANK || args[1].span.count != *out_count) return false;
    for (uint32_t i = 0; i < *out_count; i++)
        if (!(dims[i] = tenon__dim_mul(&m->b->module->dims, args[0].span.dims[i], args[1].span.dims[i]))) return false;
    return true;
}

/* Of a slice of a slice: starts, steps of the inner one, starts of the outer one. */
ATTR(slice_starts) {
    tenon__binding steps[2] = {args[1], args[2]}, sum[2] = {args[0], {0}};
    const tenonh_dim *ways[TENON_MAX_RANK];
    uint32_t count;
    if (!multiplied(m, steps, ways, &count)) return false;
    sum[1].span = (tenon__span){count, ways};
    return summed(m, sum, dims, out_count);
}

/* Axes of x that reducing over args[1], then over args[2] of what is left, takes away. */
ATTR(all_axes) {
    const tenonh_value *x = args[0].value;
    uint32_t first = 0, both = 0, left = 0;
    for (uint32_t i = 0; i < args[1].span.count; i++) first |= 1u << args[1].span.dims[i]->number;
    for (uint32_t axis = 0; axis < x->rank; axis++) {
        if (first >> axis & 1) continue;
        for (uint32_t i = 0; i < args[2].span.count; i++)
            if (args[2].span.dims[i]->number == left) both |= 1u << axis;
        left++;
    }
    both |= first;
    *out_count = 0;
    for (uint32_t axis = 0; axis < x->rank; axis++)
        if (both >> axis & 1 && !(dims[(*out_count)++] = tenon__dim_number(&m->b->module->dims, axis))) return false;
    return true;
}

/* -- Of values ------------------------------------------------------------------------------------------------------- */

/* A view whose elements do not lie side by side: reshaping it copies. */
CHECK(is_strided) {
    const tenonh_value *x = args[0].value;
    (void)m;
    for (int depth = 0; depth < 8 && x->kind == TENON__VALUE_RESULT && tenon__node_is_view(x->node); depth++) {
        if (x->node->op != TENON_OP_RESHAPE) return true;
        x = x->node->operands[0];
    }
    return false;
}

static bool number_of(const tenonh_value *value, tenon__number *out_number) {
    uint64_t bits;
    if (!tenon__uniform(value, &bits)) return false;
    *out_number = tenon__number_load(value->dtype, &bits);
    return true;
}

static int exponent_of(uint64_t number) {
    return number && (number & (number - 1)) == 0 ? __builtin_ctzll(number) : -1;
}

/* A power of two; a float's reciprocal is one too, and neither is so small that a device may flush it to 0. */
CHECK(is_power_of_two) {
    tenon__number number;
    uint64_t bits;
    tenon_dtype dtype = args[0].value->dtype;
    (void)m;
    if (!number_of(args[0].value, &number)) return false;
    if (tenon_dtype_class(dtype) != TENON_CLASS_FLOAT) return exponent_of(number.u) >= 0;
    memcpy(&bits, &number.f, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023, most = dtype == TENON_DTYPE_F16   ? 14
                                                            : dtype == TENON_DTYPE_F64 ? 1022
                                                                                       : 126;
    return (bits & ((UINT64_C(1) << 52) - 1)) == 0 && exponent >= -most && exponent <= most;
}

/* Its exponent, like the root. */
VALUE(exponent) {
    tenon__number number;
    const tenonh_value *root = m->root->results[0];
    if (!number_of(args[0].value, &number) || exponent_of(number.u) < 0) return NULL;
    return tenon__uniform_like(m->b, root->dtype, (tenon__number){.i = exponent_of(number.u)}, root);
}

/* Constant args[0] with the dims of args[1]. */
VALUE(like) {
    tenon__number number;
    if (!number_of(args[0].value, &number)) return NULL;
    return tenon__uniform_like(m->b, args[0].value->dtype, number, args[1].value);
}

VALUE(filled) {
    const tenonh_value *root = m->root->results[0];
    (void)args;
    return tenon__expand(m->b, tenon__build_bits(m->b, root->dtype, m->root->scalars[0]), root->rank, root->dims);
}

/* -- Concats: any number of operands is more than a pattern says ----------------------------------------------------- */

static uint32_t axis_of(const tenonh_node *concat) {
    return (uint32_t)tenon__node_int(concat, TENON_ATTR_AXIS, 0);
}

/* Without parts that have no elements; one part alone is the whole. */
VALUE(kept_parts) {
    const tenonh_node *node = args[0].value->node;
    uint32_t axis = axis_of(node), kept = 0;
    if (node->operand_count == 1) return node->operands[0];
    tenonh_value **parts = tenon__arena_array(&m->b->module->arena, node->operand_count, sizeof *parts);
    if (!parts) return tenon__build_failed(m->b, tenon__fail_memory(), node);
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (!tenon__dim_is(node->operands[i]->dims[axis], 0)) parts[kept++] = node->operands[i];
    if (kept == 0) return node->operands[0];
    return kept < node->operand_count ? tenon__concat(m->b, parts, kept, axis) : NULL;
}

static const tenonh_node *concat_along(const tenonh_value *value, uint32_t axis) {
    const tenonh_node *node = value->kind == TENON__VALUE_RESULT ? value->node : NULL;
    bool is_one = node && tenon__root_of(node) == TENON__ROOT_COMPOSITES + TENON__COMPOSITE_CONCAT;
    return is_one && axis_of(node) == axis ? node : NULL;
}

/* With the parts of parts that are concats along the same axis, and that nobody else needs, in their place. */
VALUE(joined_parts) {
    const tenonh_node *node = args[0].value->node;
    uint32_t axis = axis_of(node), count = 0;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_node *inner = concat_along(node->operands[i], axis);
        bool joins = inner && tenon__value_uses(m->b, node->operands[i]) == 1;
        count += joins ? inner->operand_count : 1;
    }
    if (count == node->operand_count || count > TENON__MAX_OPERANDS) return NULL;
    tenonh_value **parts = tenon__arena_array(&m->b->module->arena, count, sizeof *parts);
    if (!parts) return tenon__build_failed(m->b, tenon__fail_memory(), node);
    count = 0;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const tenonh_node *inner = concat_along(node->operands[i], axis);
        bool joins = inner && tenon__value_uses(m->b, node->operands[i]) == 1;
        if (!joins) parts[count++] = node->operands[i];
        for (uint32_t k = 0; joins && k < inner->operand_count; k++) parts[count++] = inner->operands[k];
    }
    return tenon__concat(m->b, parts, count, axis);
}

static const tenonh_node *slice_of(const tenonh_value *value) {
    const tenonh_node *node = value->kind == TENON__VALUE_RESULT ? value->node : NULL;
    bool is_slice = node && node->kind == TENON__NODE_OP && node->op == TENON_OP_SLICE;
    const tenon__attr *steps = is_slice ? tenon__node_attr(node, TENON_ATTR_STEPS) : NULL;
    return steps && all_are(&(tenon__span){steps->count, steps->dims}, 1) ? node : NULL;
}

/* The slice goes on where the one before it ends. */
static bool follows(const tenonh_node *before, const tenonh_node *slice, uint32_t axis, tenon__dims *d) {
    const tenon__attr *from = tenon__node_attr(before, TENON_ATTR_STARTS),
                      *to = tenon__node_attr(slice, TENON_ATTR_STARTS);
    for (uint32_t i = 0; i < from->count; i++) {
        const tenonh_dim *wanted =
            i == axis ? tenon__dim_add(d, from->dims[i], before->results[0]->dims[i]) : from->dims[i];
        if (!wanted || tenon__dim_compare(d, wanted, to->dims[i]) != TENON__DIM_EQUAL) return false;
    }
    return true;
}

/* Slices of one value side by side, put together again: one slice of it. */
VALUE(whole) {
    const tenonh_node *node = args[0].value->node, *first = slice_of(node->operands[0]);
    tenonh_value *root = args[0].value;
    uint32_t axis = axis_of(node);
    if (!first) return NULL;
    for (uint32_t i = 1; i < node->operand_count; i++) {
        const tenonh_node *slice = slice_of(node->operands[i]);
        if (!slice || slice->operands[0] != first->operands[0]) return NULL;
        if (!follows(node->operands[i - 1]->node, slice, axis, &m->b->module->dims)) return NULL;
    }
    return tenon__slice(m->b, first->operands[0], tenon__node_attr(first, TENON_ATTR_STARTS)->dims, NULL, root->dims);
}

/* A slice (the root) that lies within one part of a concat: the same of that part. */
VALUE(part) {
    const tenonh_node *concat = args[0].value->node, *slice = slice_of(m->root->results[0]);
    uint32_t axis = axis_of(concat);
    tenon__dims *d = &m->b->module->dims;
    if (!slice) return NULL;
    const tenonh_dim *starts[TENON_MAX_RANK], *at = tenon__dim_number(d, 0);
    const tenon__attr *from = tenon__node_attr(slice, TENON_ATTR_STARTS);
    memcpy(starts, from->dims, from->count * sizeof *starts);
    for (uint32_t i = 0; i < concat->operand_count && at; i++) {
        tenonh_value *x = concat->operands[i];
        const tenonh_dim *start = tenon__dim_sub(d, from->dims[axis], at);
        const tenonh_dim *end = tenon__dim_add(d, start, slice->results[0]->dims[axis]);
        const tenonh_dim *rest = tenon__dim_sub(d, x->dims[axis], end);
        if (!rest) return NULL;
        starts[axis] = start;
        if (start->low >= 0 && rest->low >= 0)
            return tenon__slice(m->b, x, starts, NULL, (const tenonh_dim *const *)slice->results[0]->dims);
        at = tenon__dim_add(d, at, x->dims[axis]);
    }
    return NULL;
}

/* -- The table ------------------------------------------------------------------------------------------------------- */

static const tenon__rule_function functions[] = {
    {.name = "float", .argument_count = 1, .check = is_float},
    {.name = "unsigned", .argument_count = 1, .check = is_unsigned},
    {.name = "truth", .argument_count = 1, .check = is_bool},
    {.name = "exact", .argument_count = 1, .check = is_exact},
    {.name = "same_dims", .argument_count = 2, .check = same_dims},
    {.name = "same_dtype", .argument_count = 2, .check = same_dtype},
    {.name = "same_rank", .argument_count = 2, .check = same_rank},
    {.name = "same_operator", .argument_count = 2, .check = same_operator},
    {.name = "lossless", .argument_count = 2, .check = is_lossless},
    {.name = "saturates", .argument_count = 3, .check = saturates},
    {.name = "clears_sign", .argument_count = 1, .check = clears_sign},
    {.name = "zeros", .argument_count = 1, .check = are_zero},
    {.name = "all_ones", .argument_count = 1, .check = are_one},
    {.name = "identity", .argument_count = 1, .check = is_identity},
    {.name = "moves_ones", .argument_count = 2, .check = moves_ones},
    {.name = "swaps_last", .argument_count = 1, .check = swaps_last},
    {.name = "one_along", .argument_count = 2, .check = one_along},
    {.name = "strided", .argument_count = 1, .check = is_strided},
    {.name = "power_of_two", .argument_count = 1, .check = is_power_of_two},
    {.name = "composed", .argument_count = 2, .attr = composed},
    {.name = "summed", .argument_count = 2, .attr = summed},
    {.name = "multiplied", .argument_count = 2, .attr = multiplied},
    {.name = "slice_starts", .argument_count = 3, .attr = slice_starts},
    {.name = "all_axes", .argument_count = 3, .attr = all_axes},
    /* Constants weigh nothing. */
    {.name = "exponent", .argument_count = 1, .value = exponent},
    {.name = "like", .argument_count = 2, .value = like},
    {.name = "filled", .argument_count = 0, .constant = 1, .value = filled},
    /* A concat without one of its parts is 16 lighter at least where that was a node, and has fewer operands else: the
     * builder never makes the same one again. */
    {.name = "kept_parts", .argument_count = 1, .factor = 16, .constant = 15, .value = kept_parts},
    {.name = "joined_parts", .argument_count = 1, .factor = 16, .constant = 15, .value = joined_parts},
    /* Views of what the parts are views of, or of a part. */
    {.name = "whole", .argument_count = 1, .factor = 1, .constant = 2, .value = whole},
    {.name = "part", .argument_count = 1, .factor = 1, .constant = 2, .value = part},
};

const tenon__rule_function *tenon__rule_function_find(const char *name) {
    for (uint32_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0) return &functions[i];
    return NULL;
}
