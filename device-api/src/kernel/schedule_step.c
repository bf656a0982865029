/* How indices, addresses and conditions move along the axis of a region. */
#include "kernel/schedule.h"

static const tenon__step uneven = {0};

/* Bounds within which sums and differences of index values can't overflow. */
#define FAR (INT64_C(1) << 61)

static void add_term(tenon__step *step, tenon__step_term term) {
    if (!step->even || !term.factor) return;
    if (step->count == TENON__STEP_TERMS) {
        *step = uneven;
        return;
    }
    step->terms[step->count++] = term;
}

static tenon__step sum(tenon__step a, const tenon__step *b, int64_t sign) {
    if (!a.even || !b->even) return uneven;
    if (__builtin_add_overflow(a.number, sign * b->number, &a.number)) return uneven;
    for (uint32_t i = 0; i < b->count; i++) {
        tenon__step_term term = b->terms[i];
        term.factor *= sign;
        add_term(&a, term);
    }
    return a;
}

/* step * factor */
static tenon__step scale(tenon__step step, int64_t factor) {
    if (!step.even) return step;
    if (factor == 0) return (tenon__step){.even = true};
    if (__builtin_mul_overflow(step.number, factor, &step.number)) return uneven;
    for (uint32_t i = 0; i < step.count; i++)
        if (__builtin_mul_overflow(step.terms[i].factor, factor, &step.terms[i].factor)) return uneven;
    return step;
}

/* step * node, the node uniform */
static tenon__step times(const tenon__plan *plan, const tenon__step *step, tenon__kir_id node) {
    int64_t number;
    if (!step->even) return uneven;
    if (tenon__kir_is_const(plan->program, node, &number)) return scale(*step, number);
    tenon__step out = {.even = true};
    add_term(&out, (tenon__step_term){step->number, node, 0});
    for (uint32_t i = 0; i < step->count; i++) {
        if (step->terms[i].b) return uneven;
        add_term(&out, (tenon__step_term){step->terms[i].factor, step->terms[i].a, node});
    }
    return out;
}

static tenon__step step_of_product(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id a, tenon__kir_id b,
                                   uint32_t look) {
    if (tenon__varies(plan, a) && tenon__varies(plan, b)) return uneven;
    tenon__kir_id moving = tenon__varies(plan, a) ? a : b, fixed = moving == a ? b : a;
    tenon__step step = tenon__step_of(plan, axis, moving, look);
    return times(plan, &step, fixed);
}

static tenon__step step_of_op(const tenon__plan *plan, tenon__kir_id axis, const tenon__kir_node *node, uint32_t look) {
    tenon__kir_id a = tenon__kir_arg(plan->program, node, 0);
    tenon__kir_id b = node->arg_count > 1 ? tenon__kir_arg(plan->program, node, 1) : 0;
    tenon__step zero = {.even = true}, left, right;
    switch (node->op) {
    case TENON_OP_MUL: return step_of_product(plan, axis, a, b, look);
    case TENON_OP_NEG: left = tenon__step_of(plan, axis, a, look); return sum(zero, &left, -1);
    case TENON_OP_ADD:
    case TENON_OP_SUB:
        left = tenon__step_of(plan, axis, a, look);
        right = tenon__step_of(plan, axis, b, look);
        return sum(left, &right, node->op == TENON_OP_ADD ? 1 : -1);
    default: return uneven;
    }
}

tenon__step tenon__step_of(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id id, uint32_t look) {
    const tenon__kir_node *node = tenon__kir_at(plan->program, id);
    if (!tenon__varies(plan, id)) return (tenon__step){.even = true};
    if (id == axis) return (tenon__step){.even = true, .number = 1};
    if (!look || node->kind != TENON__KIR_OP || node->type.dtype != TENON__KIR_INDEX) return uneven;
    return step_of_op(plan, axis, node, look - 1);
}

uint32_t tenon__access_rank(const tenon__plan *plan, tenon__kir_id access, uint32_t *out_first) {
    const tenon__kir_node *node = tenon__kir_at(plan->program, access);
    *out_first = node->kind == TENON__KIR_ELEM;
    return node->kind == TENON__KIR_ELEM ? node->arg_count - 1 : plan->program->operands[node->ref].rank;
}

tenon__kir_id tenon__access_guard(const tenon__kir_program *program, const tenon__kir_node *node) {
    if (!(node->flags & TENON__KIR_GUARDED)) return 0;
    return tenon__kir_arg(program, node, node->arg_count - (node->kind == TENON__KIR_LOAD ? 2 : 1));
}

tenon__kir_id tenon__access_else(const tenon__kir_program *program, const tenon__kir_node *node) {
    if (node->kind != TENON__KIR_LOAD || !(node->flags & TENON__KIR_GUARDED)) return 0;
    return tenon__kir_arg(program, node, node->arg_count - 1);
}

tenon__kir_id tenon__stored_value(const tenon__kir_program *program, const tenon__kir_node *node) {
    return tenon__kir_arg(program, node, node->arg_count - (node->flags & TENON__KIR_GUARDED ? 2 : 1));
}

static tenon__step step_of_elem(const tenon__plan *plan, tenon__kir_id axis, const tenon__kir_node *node) {
    const tenon__kir_node *tile = tenon__kir_at(plan->program, tenon__kir_arg(plan->program, node, 0));
    tenon__step total = {.even = true};
    int64_t stride = 1;
    for (uint32_t i = tile->type.rank; i-- > 0; stride *= tile->type.extents[i]) {
        tenon__step step = tenon__step_of(plan, axis, tenon__kir_arg(plan->program, node, 1 + i), TENON__MAX_LOOK);
        step = scale(step, stride);
        total = sum(total, &step, 1);
    }
    return total;
}

tenon__step tenon__step_of_access(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id access) {
    const tenon__kir_node *node = tenon__kir_at(plan->program, access);
    if (node->kind == TENON__KIR_ELEM) return step_of_elem(plan, axis, node);
    const tenon__kir_operand *operand = &plan->program->operands[node->ref];
    tenon__step total = {.even = true};
    for (uint32_t i = 0; i < operand->rank; i++) {
        tenon__step step = tenon__step_of(plan, axis, tenon__kir_arg(plan->program, node, i), TENON__MAX_LOOK);
        step = times(plan, &step, operand->strides[i]);
        total = sum(total, &step, 1);
    }
    return total;
}

/* An index whose distance to any other can be taken without overflow. */
static bool near(const tenon__plan *plan, tenon__kir_id id) {
    int64_t low, high;
    tenon__kir_range(plan->program, id, &low, &high);
    return low > -FAR && high < FAR;
}

static bool is_span_comparison(const tenon__plan *plan, tenon__kir_id axis, const tenon__kir_node *node) {
    tenon__kir_id a = tenon__kir_arg(plan->program, node, 0), b = tenon__kir_arg(plan->program, node, 1);
    if (node->op != TENON_OP_LT || tenon__kir_at(plan->program, a)->type.dtype != TENON__KIR_INDEX) return false;
    if (!near(plan, a) || !near(plan, b)) return false;
    tenon__step left = tenon__step_of(plan, axis, a, TENON__MAX_LOOK);
    tenon__step right = tenon__step_of(plan, axis, b, TENON__MAX_LOOK);
    tenon__step gain = sum(right, &left, -1);
    return gain.even && gain.count == 0 && gain.number >= -1 && gain.number <= 1;
}

bool tenon__is_span(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id condition, bool holds, uint32_t look) {
    const tenon__kir_program *program = plan->program;
    const tenon__kir_node *node = tenon__kir_at(program, condition);
    int64_t value;
    if (!tenon__varies(plan, condition)) return true;
    if (!look || node->kind != TENON__KIR_OP) return false;
    tenon__kir_id a = tenon__kir_arg(program, node, 0), b = node->arg_count > 1 ? tenon__kir_arg(program, node, 1) : 0;
    if (node->op == TENON_OP_XOR && tenon__kir_is_const(program, b, &value))
        return tenon__is_span(plan, axis, a, value ? !holds : holds, look - 1);
    if (node->op == (holds ? TENON_OP_AND : TENON_OP_OR))
        return tenon__is_span(plan, axis, a, holds, look - 1) && tenon__is_span(plan, axis, b, holds, look - 1);
    return is_span_comparison(plan, axis, node);
}

/* The index of every dimension that is to be checked has to be the same in all lanes or move by one. */
static bool checks_are_spans(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id access) {
    uint32_t first, rank = tenon__access_rank(plan, access, &first);
    const tenon__kir_node *node = tenon__kir_at(plan->program, access);
    for (uint32_t i = 0; i < rank; i++) {
        tenon__kir_id index = tenon__kir_arg(plan->program, node, first + i);
        if (node->kind == TENON__KIR_ELEM || tenon__kir_dim_in_bounds(plan->program, access, i)) continue;
        tenon__step step = tenon__step_of(plan, axis, index, TENON__MAX_LOOK);
        if (!step.even || step.count || (step.number != 0 && step.number != 1)) return false;
    }
    return true;
}

static bool is_nibbles(const tenon__plan *plan, const tenon__kir_node *node) {
    if (node->kind == TENON__KIR_ELEM) return false;
    uint32_t dtype = plan->program->operands[node->ref].dtype;
    return dtype == TENON_DTYPE_I4 || dtype == TENON_DTYPE_U4;
}

uint32_t tenon__lanes_of(const tenon__plan *plan, tenon__kir_id axis, tenon__kir_id access) {
    const tenon__kir_node *node = tenon__kir_at(plan->program, access);
    tenon__kir_id guard = tenon__access_guard(plan->program, node);
    tenon__step step = tenon__step_of_access(plan, axis, access);
    if (!step.even || is_nibbles(plan, node)) return TENON__LANES_ANY;
    if (guard && !tenon__is_span(plan, axis, guard, true, TENON__MAX_LOOK)) return TENON__LANES_ANY;
    if (!checks_are_spans(plan, axis, access)) return TENON__LANES_ANY;
    if (step.count == 0 && step.number == 1) return TENON__LANES_UNIT;
    /* Lanes that may meet on one element are combined into it one after the other. */
    if (node->kind == TENON__KIR_STORE && (node->flags & TENON__KIR_ANY_ORDER)) return TENON__LANES_ANY;
    if (step.count == 0 && step.number == 0)
        return node->kind == TENON__KIR_STORE ? TENON__LANES_ANY : TENON__LANES_SAME;
    return TENON__LANES_STRIDED;
}
