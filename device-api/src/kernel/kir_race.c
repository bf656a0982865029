/* Proof that the items of a kernel's grid never meet on an element they store to (README.md, Order).
 *
 * For an operand: every access splits each index into a parallel part (what depends on the grid's axes) and a rest. A
 * dim is of use when all accesses have the same parallel part and the rests lie in an interval. If two items met on an
 * element, their parallel parts would agree up to that interval in every such dim; from these equations axes are
 * solved one after the other, as digits of a mixed-radix number, until none is left. */
#include "kernel/kir_poly.h"

enum { EVERY_AXIS = (1u << TENON__KIR_MAX_AXES) - 1, VARIANT = 1u << TENON__KIR_MAX_AXES, DEPEND_BUDGET = 1024 };
enum { EQUATIONS = TENON_MAX_RANK + 4 };

/* parallel part of one dim, the same for two items that meet up to a difference of at most `slack` */
struct equation {
    kir_poly part;
    int64_t slack;
};

struct race {
    const tenon__kir_program *program;
    const tenon__kir_loop *grid;
    uint32_t grid_number;
    uint32_t operand;
    kir_atoms atoms;
    uint32_t access_count, store_count;
    bool one_combiner, any_order;
    uint32_t combine;
    tenon__kir_id first_store;
    bool usable[TENON_MAX_RANK];
    kir_poly part[TENON_MAX_RANK];
    int64_t rest_low[TENON_MAX_RANK], rest_high[TENON_MAX_RANK];
    kir_poly rest[TENON_MAX_RANK];                     /* of the first access */
    uint8_t stored[(TENON__KIR_MAX_OPERANDS + 7) / 8]; /* operands that the kernel stores to */
    uint32_t equation_count;
    struct equation equations[EQUATIONS];
};

/* What a value depends on. */

static uint32_t depends(const struct race *race, tenon__kir_id id, uint32_t *budget) {
    const tenon__kir_node *node = &race->program->nodes[id];
    if (*budget == 0) return EVERY_AXIS | VARIANT;
    (*budget)--;
    switch (node->kind) {
    case TENON__KIR_CONST:
    case TENON__KIR_SYMBOL:
    case TENON__KIR_SCALAR: return 0;
    case TENON__KIR_AXIS: return node->loop == race->grid_number ? 1u << node->ref : VARIANT;
    case TENON__KIR_LOAD:
        if (race->stored[node->ref / 8] & 1u << node->ref % 8) return EVERY_AXIS | VARIANT;
        break;
    case TENON__KIR_OP:
    case TENON__KIR_CAST:
    case TENON__KIR_BITCAST: break;
    default: return EVERY_AXIS | VARIANT;
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < node->arg_count; i++)
        found |= depends(race, tenon__kir_arg(race->program, node, i), budget);
    return found;
}

static uint32_t atom_depends(const struct race *race, uint32_t atom) {
    uint32_t budget = DEPEND_BUDGET;
    return depends(race, race->atoms.ids[atom], &budget);
}

static uint32_t term_depends(const struct race *race, const kir_term *term) {
    uint32_t found = 0;
    for (uint32_t f = 0; f < term->count; f++) found |= atom_depends(race, term->atoms[f]);
    return found;
}

/* Terms with a grid axis go to the parallel part, others to the rest. False when one depends on both the item and the
 * step of a loop: then its value is no function of the item. */
static bool split_index(const struct race *race, const kir_poly *index, kir_poly *out_part, kir_poly *out_rest) {
    *out_part = *out_rest = kir_poly_const(0);
    if (index->lost) return false;
    for (uint32_t i = 0; i < index->count; i++) {
        uint32_t found = term_depends(race, &index->terms[i]);
        if ((found & EVERY_AXIS) && (found & VARIANT)) return false;
        kir_poly *side = found & EVERY_AXIS ? out_part : out_rest;
        side->terms[side->count++] = index->terms[i];
    }
    return true;
}

/* Accesses. */

static void note_dim(struct race *race, uint32_t dim, tenon__kir_id index) {
    kir_poly poly = kir_poly_of(&race->atoms, index), part, rest;
    if (!race->usable[dim] || !split_index(race, &poly, &part, &rest)) {
        race->usable[dim] = false;
        return;
    }
    int64_t low = kir_poly_low(&race->atoms, &rest), high = kir_poly_high(&race->atoms, &rest);
    bool fixed = true; /* a rest of symbols alone is one number, whatever it is */
    for (uint32_t i = 0; i < rest.count; i++) fixed = fixed && term_depends(race, &rest.terms[i]) == 0;
    if (race->access_count == 0) {
        race->part[dim] = part;
        race->rest[dim] = rest;
        race->rest_low[dim] = fixed ? 0 : low;
        race->rest_high[dim] = fixed ? 0 : high;
        return;
    }
    if (!kir_poly_equal(&part, &race->part[dim])) race->usable[dim] = false;
    if (fixed && kir_poly_equal(&rest, &race->rest[dim])) return;
    int64_t first_low = kir_poly_low(&race->atoms, &race->rest[dim]);
    int64_t first_high = kir_poly_high(&race->atoms, &race->rest[dim]);
    if (race->rest_low[dim] == 0 && race->rest_high[dim] == 0) {
        race->rest_low[dim] = first_low;
        race->rest_high[dim] = first_high;
    }
    race->rest_low[dim] = low < race->rest_low[dim] ? low : race->rest_low[dim];
    race->rest_high[dim] = high > race->rest_high[dim] ? high : race->rest_high[dim];
}

static void note_access(struct race *race, tenon__kir_id id) {
    const tenon__kir_node *node = &race->program->nodes[id];
    for (uint32_t dim = 0; dim < race->program->operands[race->operand].rank; dim++)
        note_dim(race, dim, tenon__kir_arg(race->program, node, dim));
    race->access_count++;
    if (node->kind == TENON__KIR_LOAD) {
        race->one_combiner = false;
        return;
    }
    if (race->store_count++ == 0) {
        race->first_store = id;
        race->combine = node->op;
    }
    race->any_order = race->any_order && (node->flags & TENON__KIR_ANY_ORDER);
    race->one_combiner = race->one_combiner && node->op == race->combine;
}

static tenon_status visit_access(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    struct race *race = context;
    const tenon__kir_node *node = &program->nodes[id];
    bool access = node->kind == TENON__KIR_LOAD || node->kind == TENON__KIR_STORE;
    if (access && node->ref == race->operand) note_access(race, id);
    return TENON_STATUS_OK;
}

static tenon_status visit_store(const tenon__kir_program *program, tenon__kir_id id, void *context) {
    struct race *race = context;
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind == TENON__KIR_STORE) race->stored[node->ref / 8] |= (uint8_t)(1u << node->ref % 8);
    return TENON_STATUS_OK;
}

/* Solving. */

static void add_equation(struct race *race, const kir_poly *part, int64_t slack) {
    if (race->equation_count < EQUATIONS) race->equations[race->equation_count++] = (struct equation){*part, slack};
}

/* The one atom that a polynomial consists of, with factor 1. */
static bool single_atom(const kir_poly *poly, uint32_t *out_atom) {
    if (poly->lost || poly->count != 1 || poly->terms[0].coefficient != 1 || poly->terms[0].count != 1) return false;
    *out_atom = poly->terms[0].atoms[0];
    return true;
}

/* Where both a / b and a % b agree, a agrees. */
static void join_quotients(struct race *race) {
    const tenon__kir_program *program = race->program;
    for (uint32_t i = 0, count = race->equation_count; i < count; i++)
        for (uint32_t j = 0; j < count; j++) {
            uint32_t q, r;
            if (race->equations[i].slack != 0 || race->equations[j].slack != 0) continue;
            if (!single_atom(&race->equations[i].part, &q) || !single_atom(&race->equations[j].part, &r)) continue;
            const tenon__kir_node *div = &program->nodes[race->atoms.ids[q]],
                                  *rem = &program->nodes[race->atoms.ids[r]];
            bool pair = div->kind == TENON__KIR_OP && div->op == TENON_OP_DIV && rem->kind == TENON__KIR_OP &&
                        rem->op == TENON_OP_REM;
            if (!pair || !tenon__kir_same(program, program->args[div->first_arg], program->args[rem->first_arg]) ||
                !tenon__kir_same(program, program->args[div->first_arg + 1], program->args[rem->first_arg + 1]))
                continue;
            kir_poly whole = kir_poly_of(&race->atoms, program->args[div->first_arg]);
            add_equation(race, &whole, 0);
        }
}

struct digits {
    uint32_t count;
    uint32_t axis[TENON__KIR_MAX_AXES];
    kir_poly weight[TENON__KIR_MAX_AXES];
};

/* The axes not in `solved` as digits with weights of symbols alone; terms of solved axes agree and fall out. */
static bool take_digits(struct race *race, const kir_poly *part, uint32_t solved, struct digits *out_digits) {
    out_digits->count = 0;
    kir_poly left = *part;
    for (uint32_t atom = 0; atom < race->atoms.count; atom++) {
        const tenon__kir_node *node = &race->program->nodes[race->atoms.ids[atom]];
        if (node->kind != TENON__KIR_AXIS || node->loop != race->grid_number || (solved & 1u << node->ref)) continue;
        kir_poly weight, rest;
        if (!kir_poly_split(&left, atom, &weight, &rest)) return false;
        if (weight.count == 0) continue;
        for (uint32_t i = 0; i < weight.count; i++)
            if (term_depends(race, &weight.terms[i]) != 0) return false;
        kir_poly zero = kir_poly_const(0), negated = kir_poly_add(&zero, &weight, -1);
        out_digits->axis[out_digits->count] = node->ref; /* an axis that counts down tells items apart as well */
        out_digits->weight[out_digits->count++] = kir_poly_nonnegative(&race->atoms, &negated) ? negated : weight;
        left = rest;
    }
    for (uint32_t i = 0; i < left.count; i++)
        if (term_depends(race, &left.terms[i]) & ~solved) return false;
    return true;
}

/* Some digit of weight >= `reach` whose full turn every other one's weight covers. */
static bool next_digit(struct race *race, const struct digits *digits, uint32_t used, const kir_poly *reach,
                       uint32_t *out_digit, kir_poly *out_turn) {
    for (uint32_t d = 0; d < digits->count; d++) {
        kir_poly room = kir_poly_add(&digits->weight[d], reach, -1);
        if ((used & 1u << d) || !kir_poly_nonnegative(&race->atoms, &room)) continue;
        kir_poly extent = kir_poly_of(&race->atoms, race->grid->extent[digits->axis[d]]);
        kir_poly turn = kir_poly_mul(&digits->weight[d], &extent);
        bool least = true;
        for (uint32_t k = 0; k < digits->count && least; k++) {
            room = kir_poly_add(&digits->weight[k], &turn, -1);
            least = k == d || (used & 1u << k) || kir_poly_nonnegative(&race->atoms, &room);
        }
        if (!least) continue;
        *out_digit = d;
        *out_turn = turn;
        return true;
    }
    return false;
}

/* Axes that an equation shows to be equal in two items that meet. */
static uint32_t solve(struct race *race, const struct equation *equation, uint32_t solved) {
    struct digits digits;
    if (!take_digits(race, &equation->part, solved, &digits) || equation->slack >= INT64_MAX) return 0;
    kir_poly reach = kir_poly_const(equation->slack + 1), turn;
    uint32_t used = 0, found = 0, digit;
    for (uint32_t i = 0; i < digits.count; i++) {
        if (!next_digit(race, &digits, used, &reach, &digit, &turn)) return 0;
        used |= 1u << digit;
        found |= 1u << digits.axis[digit];
        reach = turn;
    }
    return found;
}

/* Grid axes that may differ between two items that touch one element. */
static uint32_t unsolved_axes(struct race *race) {
    uint32_t solved = 0;
    for (uint32_t i = 0; i < race->grid->axis_count; i++) {
        int64_t low, high;
        tenon__kir_range(race->program, race->grid->extent[i], &low, &high);
        if (high <= 1) solved |= 1u << i;
    }
    race->equation_count = 0;
    for (uint32_t dim = 0; dim < race->program->operands[race->operand].rank; dim++) {
        int64_t slack;
        bool known = race->rest_low[dim] != INT64_MIN && race->rest_high[dim] != INT64_MAX;
        known = known && !__builtin_sub_overflow(race->rest_high[dim], race->rest_low[dim], &slack);
        if (race->usable[dim] && known) add_equation(race, &race->part[dim], slack);
    }
    join_quotients(race);
    for (uint32_t pass = 0; pass < race->grid->axis_count; pass++)
        for (uint32_t i = 0; i < race->equation_count; i++) solved |= solve(race, &race->equations[i], solved);
    return ((1u << race->grid->axis_count) - 1) & ~solved;
}

/* 4-bit operands. */

static bool provably_even(const tenon__kir_program *program, tenon__kir_id id, uint32_t depth) {
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind == TENON__KIR_CONST) return node->bits % 2 == 0;
    if (node->kind == TENON__KIR_SYMBOL) return program->symbols[node->ref].range.divisor % 2 == 0;
    if (node->kind != TENON__KIR_OP || node->arg_count != 2 || depth == 0) return false;
    bool a = provably_even(program, tenon__kir_arg(program, node, 0), depth - 1);
    bool b = provably_even(program, tenon__kir_arg(program, node, 1), depth - 1);
    if (node->op == TENON_OP_MUL) return a || b;
    return (node->op == TENON_OP_ADD || node->op == TENON_OP_SUB) && a && b;
}

/* No two items store to one byte. */
static bool bytes_separate(struct race *race) {
    const tenon__kir_operand *operand = &race->program->operands[race->operand];
    if (race->grid->axis_count == 0) return true;
    if (operand->rank == 0) return false;
    uint32_t inner = operand->rank - 1;
    for (uint32_t dim = 0; dim < inner; dim++)
        if (!provably_even(race->program, operand->strides[dim], TENON__KIR_MAX_DEPTH)) return false;
    return race->usable[inner] && race->part[inner].count == 0;
}

/* The rule. */

static tenon_status complain(const struct race *race, const char *kernel, uint32_t axes, tenon__kir_error *error) {
    uint32_t axis = 0;
    while (!(axes & 1u << axis)) axis++;
    const char *name = race->program->nodes[race->grid->axis[axis]].name;
    return tenon__kir_invalid(error,
                              "kernel '%s': items that differ in axis %u ('%s') may meet on an element of '%s', "
                              "which the kernel stores to: index it by that axis alike in all accesses, move the axis "
                              "into a loop, or make each access a store with one combiner marked any",
                              kernel, axis, name ? name : "", race->program->operands[race->operand].name);
}

static tenon_status verify_operand(struct race *race, const char *kernel, tenon__kir_error *error) {
    const tenon__kir_operand *operand = &race->program->operands[race->operand];
    race->atoms = (kir_atoms){.program = race->program};
    race->access_count = race->store_count = 0;
    race->one_combiner = race->any_order = true;
    for (uint32_t dim = 0; dim < operand->rank; dim++) race->usable[dim] = true;
    tenon__kir_walk(race->program, race->grid->body, visit_access, race);
    if (tenon__kir_bits(operand->dtype) == 4 && !bytes_separate(race))
        return tenon__kir_invalid(error,
                                  "kernel '%s': items may share a byte of the 4-bit '%s': leave its innermost "
                                  "index to a loop and make the other strides even",
                                  kernel, operand->name);
    uint32_t axes = unsolved_axes(race);
    if (axes == 0 || (race->one_combiner && race->any_order && race->combine != TENON_COMBINE_SET))
        return TENON_STATUS_OK;
    return complain(race, kernel, axes, error);
}

tenon_status tenon__kir_verify_kernel_stores(const tenon__kir_program *program, uint32_t kernel,
                                             tenon__kir_error *error) {
    uint32_t number = program->kernels[kernel].loop;
    struct race race = {.program = program, .grid = &program->loops[number], .grid_number = number};
    tenon__kir_walk(program, race.grid->body, visit_store, &race);
    for (uint32_t i = 0; i < program->operand_count; i++) {
        if (!(race.stored[i / 8] & 1u << i % 8)) continue;
        race.operand = i;
        TENON_TRY(verify_operand(&race, program->kernels[kernel].name, error));
    }
    return TENON_STATUS_OK;
}
