/* Polynomials over index values. */
#include "kernel/kir_poly.h"

#include <string.h>

enum { CONVERSION_BUDGET = 256 };

static const kir_poly lost = {.lost = true};

kir_poly kir_poly_const(int64_t value) {
    kir_poly poly = {.count = value != 0};
    poly.terms[0].coefficient = value;
    return poly;
}

static bool same_product(const kir_term *a, const kir_term *b) {
    return a->count == b->count && memcmp(a->atoms, b->atoms, a->count) == 0;
}

/* Adds scale * term. */
static void add_term(kir_poly *poly, const kir_term *term, int64_t scale) {
    int64_t add;
    poly->lost = poly->lost || __builtin_mul_overflow(term->coefficient, scale, &add);
    if (poly->lost || add == 0) return;
    for (uint32_t i = 0; i < poly->count; i++) {
        kir_term *mine = &poly->terms[i];
        if (!same_product(mine, term)) continue;
        poly->lost = __builtin_add_overflow(mine->coefficient, add, &mine->coefficient);
        if (mine->coefficient == 0) *mine = poly->terms[--poly->count];
        return;
    }
    if (poly->count == KIR_POLY_TERMS) {
        poly->lost = true;
        return;
    }
    poly->terms[poly->count] = *term;
    poly->terms[poly->count++].coefficient = add;
}

kir_poly kir_poly_add(const kir_poly *a, const kir_poly *b, int64_t scale) {
    if (a->lost || b->lost) return lost;
    kir_poly sum = *a;
    for (uint32_t i = 0; i < b->count; i++) add_term(&sum, &b->terms[i], scale);
    return sum;
}

static bool multiply_terms(const kir_term *a, const kir_term *b, kir_term *out_term) {
    *out_term = (kir_term){.count = a->count + b->count};
    if (out_term->count > KIR_POLY_FACTORS) return false;
    for (uint32_t i = 0, j = 0, n = 0; n < out_term->count; n++) {
        bool from_a = j == b->count || (i < a->count && a->atoms[i] <= b->atoms[j]);
        out_term->atoms[n] = from_a ? a->atoms[i++] : b->atoms[j++];
    }
    return !__builtin_mul_overflow(a->coefficient, b->coefficient, &out_term->coefficient);
}

kir_poly kir_poly_mul(const kir_poly *a, const kir_poly *b) {
    if (a->lost || b->lost) return lost;
    kir_poly product = {0};
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t j = 0; j < b->count; j++) {
            kir_term term;
            if (!multiply_terms(&a->terms[i], &b->terms[j], &term)) return lost;
            add_term(&product, &term, 1);
        }
    return product;
}

bool kir_poly_equal(const kir_poly *a, const kir_poly *b) {
    kir_poly difference = kir_poly_add(a, b, -1);
    return !difference.lost && difference.count == 0;
}

bool kir_poly_is_const(const kir_poly *poly, int64_t *out_value) {
    if (poly->lost || poly->count > 1 || (poly->count == 1 && poly->terms[0].count > 0)) return false;
    *out_value = poly->count ? poly->terms[0].coefficient : 0;
    return true;
}

/* From values. */

static kir_poly atom_of(kir_atoms *atoms, tenon__kir_id id) {
    uint32_t number = 0;
    while (number < atoms->count && !tenon__kir_same(atoms->program, atoms->ids[number], id)) number++;
    if (number == KIR_POLY_ATOMS) return lost;
    if (number == atoms->count) atoms->ids[atoms->count++] = id;
    kir_poly poly = {.count = 1};
    poly.terms[0] = (kir_term){.coefficient = 1, .count = 1, .atoms = {(uint8_t)number}};
    return poly;
}

static bool may_wrap(const tenon__kir_program *program, tenon__kir_id id) {
    int64_t low, high;
    tenon__kir_range(program, id, &low, &high);
    return low == INT64_MIN && high == INT64_MAX;
}

static kir_poly convert(kir_atoms *atoms, tenon__kir_id id, uint32_t *budget) {
    const tenon__kir_node *node = &atoms->program->nodes[id];
    if (*budget == 0) return lost;
    (*budget)--;
    if (node->kind == TENON__KIR_CONST) return kir_poly_const((int64_t)node->bits);
    bool sum = node->op == TENON_OP_ADD || node->op == TENON_OP_SUB;
    bool ring = sum || node->op == TENON_OP_MUL || node->op == TENON_OP_NEG;
    if (node->kind != TENON__KIR_OP || !ring || may_wrap(atoms->program, id)) return atom_of(atoms, id);
    kir_poly a = convert(atoms, tenon__kir_arg(atoms->program, node, 0), budget), zero = kir_poly_const(0);
    if (node->op == TENON_OP_NEG) return kir_poly_add(&zero, &a, -1);
    kir_poly b = convert(atoms, tenon__kir_arg(atoms->program, node, 1), budget);
    return sum ? kir_poly_add(&a, &b, node->op == TENON_OP_ADD ? 1 : -1) : kir_poly_mul(&a, &b);
}

kir_poly kir_poly_of(kir_atoms *atoms, tenon__kir_id id) {
    uint32_t budget = CONVERSION_BUDGET;
    return convert(atoms, id, &budget);
}

/* Bounds. */

bool kir_poly_split(const kir_poly *poly, uint32_t atom, kir_poly *out_factor, kir_poly *out_rest) {
    *out_factor = *out_rest = kir_poly_const(0);
    for (uint32_t i = 0; i < poly->count; i++) {
        const kir_term *term = &poly->terms[i];
        kir_term other = {.coefficient = term->coefficient};
        uint32_t power = 0;
        for (uint32_t f = 0; f < term->count; f++) {
            if (term->atoms[f] == atom)
                power++;
            else
                other.atoms[other.count++] = term->atoms[f];
        }
        if (power > 1) return false;
        add_term(power ? out_factor : out_rest, &other, 1);
    }
    return !poly->lost;
}

static bool term_bounds(const kir_atoms *atoms, const kir_term *term, int64_t *out_low, int64_t *out_high) {
    int64_t low = term->coefficient, high = term->coefficient;
    for (uint32_t f = 0; f < term->count; f++) {
        int64_t a, b, corners[4];
        tenon__kir_range(atoms->program, atoms->ids[term->atoms[f]], &a, &b);
        if (__builtin_mul_overflow(low, a, &corners[0]) || __builtin_mul_overflow(low, b, &corners[1]) ||
            __builtin_mul_overflow(high, a, &corners[2]) || __builtin_mul_overflow(high, b, &corners[3]))
            return false;
        low = high = corners[0];
        for (uint32_t i = 1; i < 4; i++) {
            low = corners[i] < low ? corners[i] : low;
            high = corners[i] > high ? corners[i] : high;
        }
    }
    *out_low = low;
    *out_high = high;
    return true;
}

/* Term by term: sound, but blind to terms that cancel. */
static int64_t plain_low(const kir_atoms *atoms, const kir_poly *poly) {
    int64_t sum = 0;
    if (poly->lost) return INT64_MIN;
    for (uint32_t i = 0; i < poly->count; i++) {
        int64_t low, high;
        if (!term_bounds(atoms, &poly->terms[i], &low, &high) || __builtin_add_overflow(sum, low, &sum))
            return INT64_MIN;
    }
    return sum;
}

/* An axis counts from 0 to extent - 1: puts the end in its place that makes the polynomial least, where the sign of
 * its factor is known. */
static void settle_axis(kir_atoms *atoms, kir_poly *poly, uint32_t atom) {
    const tenon__kir_node *axis = &atoms->program->nodes[atoms->ids[atom]];
    kir_poly factor, rest, zero = kir_poly_const(0), one = kir_poly_const(1);
    if (axis->kind != TENON__KIR_AXIS || !kir_poly_split(poly, atom, &factor, &rest) || factor.count == 0) return;
    kir_poly negated = kir_poly_add(&zero, &factor, -1);
    if (plain_low(atoms, &factor) >= 0) {
        *poly = rest;
    } else if (plain_low(atoms, &negated) >= 0) {
        kir_poly extent = kir_poly_of(atoms, atoms->program->loops[axis->loop].extent[axis->ref]);
        kir_poly last = kir_poly_add(&extent, &one, -1), most = kir_poly_mul(&factor, &last);
        *poly = kir_poly_add(&rest, &most, 1);
    }
}

/* A minimum is no more than either side: one of them takes its place where its factor is known not to be positive.
 * `number`: of a number and something that varies, the number. */
static void settle_min(kir_atoms *atoms, kir_poly *poly, uint32_t atom, bool number) {
    const tenon__kir_program *program = atoms->program;
    const tenon__kir_node *node = &program->nodes[atoms->ids[atom]];
    kir_poly factor, rest, zero = kir_poly_const(0), side;
    int64_t value;
    if (node->kind != TENON__KIR_OP || node->op != TENON_OP_MIN) return;
    if (!kir_poly_split(poly, atom, &factor, &rest) || factor.count == 0) return;
    kir_poly negated = kir_poly_add(&zero, &factor, -1);
    if (plain_low(atoms, &negated) < 0) return;
    side = kir_poly_of(atoms, tenon__kir_arg(program, node, 0));
    if (kir_poly_is_const(&side, &value) != number) side = kir_poly_of(atoms, tenon__kir_arg(program, node, 1));
    side = kir_poly_mul(&factor, &side);
    *poly = kir_poly_add(&rest, &side, 1);
}

/* The least value after putting ends in place of axes and sides in place of minimums. Inner axes first: their extents may
 * hold outer ones. A later atom is not always an inner axis, so twice. */
static int64_t settled_low(kir_atoms *atoms, const kir_poly *poly, bool number) {
    kir_poly least = *poly;
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t atom = atoms->count; atom-- > 0 && !least.lost;) {
            uint32_t known = atoms->count;
            settle_axis(atoms, &least, atom);
            for (uint32_t fresh = known; fresh < atoms->count; fresh++) settle_min(atoms, &least, fresh, number);
            settle_min(atoms, &least, atom, number);
        }
    }
    return plain_low(atoms, &least);
}

int64_t kir_poly_low(kir_atoms *atoms, const kir_poly *poly) {
    int64_t low = plain_low(atoms, poly);
    for (uint32_t number = 0; number < 2; number++) {
        int64_t settled = settled_low(atoms, poly, number);
        low = settled > low ? settled : low;
    }
    return low;
}

int64_t kir_poly_high(kir_atoms *atoms, const kir_poly *poly) {
    kir_poly zero = kir_poly_const(0), negated = kir_poly_add(&zero, poly, -1);
    int64_t low = kir_poly_low(atoms, &negated);
    return low == INT64_MIN ? INT64_MAX : -low;
}

bool kir_poly_nonnegative(kir_atoms *atoms, const kir_poly *poly) {
    return kir_poly_low(atoms, poly) >= 0;
}
