#include <string.h>

#include "graph/dim_internal.h"
#include "support/error.h"

static const tenonh_dim *atom(tenon__dims *dims, uint16_t kind, const tenonh_dim *a, const tenonh_dim *b) {
    const tenonh_dim *operands[2] = {a, b};
    return tenon__dim_intern(dims, &(struct tenonh_dim){.kind = kind, .count = 2, .operands = operands});
}

/* min, max and broadcast do not depend on the order of their operands. */
static const tenonh_dim *symmetric_atom(tenon__dims *dims, uint16_t kind, const tenonh_dim *a, const tenonh_dim *b) {
    bool in_order = tenon__dim_order(a, b) <= 0;
    return atom(dims, kind, in_order ? a : b, in_order ? b : a);
}

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

/* Moves what a number divisor takes out of each coefficient from rest to quotient: 13 x over 12 is x, and x is left. */
static tenon_status split_coefficients(tenon__arena *scratch, int64_t divisor, tenon__poly *quotient,
                                       tenon__poly *rest) {
    tenon__term *terms = tenon__arena_array(scratch, rest->count, sizeof *terms);
    if (!terms) return tenon__fail_memory();
    for (uint32_t i = 0; i < rest->count; i++) {
        terms[i] = rest->terms[i];
        terms[i].coefficient = floor_div(terms[i].coefficient, divisor);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rest->count; i++)
        if (terms[i].coefficient != 0) terms[kept++] = terms[i];
    tenon__poly taken = {kept, terms};
    TENON_TRY(tenon__poly_add(scratch, *rest, taken, -divisor, rest));
    return tenon__poly_add(scratch, *quotient, taken, 1, quotient);
}

/* floor((g s + c) / (g d)) = floor((s + floor(c / g)) / d): g divides the divisor and all coefficients but the constant. */
static tenon_status reduce_by_gcd(tenon__arena *scratch, int64_t *divisor, tenon__poly *rest) {
    int64_t g = *divisor;
    for (uint32_t i = 0; i < rest->count; i++)
        if (rest->terms[i].count) g = tenon__gcd(g, rest->terms[i].coefficient);
    if (g <= 1) return TENON_STATUS_OK;
    tenon__term *terms = tenon__arena_array(scratch, rest->count, sizeof *terms);
    if (!terms) return tenon__fail_memory();
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rest->count; i++) {
        terms[kept] = rest->terms[i];
        terms[kept].coefficient = floor_div(terms[kept].coefficient, g);
        kept += terms[kept].coefficient != 0;
    }
    *rest = (tenon__poly){kept, terms};
    *divisor /= g;
    return TENON_STATUS_OK;
}

/* True when 0 <= a < b for all values. */
static bool lies_below(const tenonh_dim *a, const tenonh_dim *b) {
    return a->low >= 0 && a->high < b->low;
}

/* floor(rest / divisor) where nothing more can be taken out. */
static const tenonh_dim *quotient_atom(tenon__dims *dims, const tenonh_dim *rest, const tenonh_dim *divisor) {
    if (!rest || !divisor) return NULL;
    if (lies_below(rest, divisor)) return tenon__dim_number(dims, 0);
    if (tenon__dim_is(divisor, 1)) return rest;
    if (rest->kind == TENON__DIM_NUMBER && divisor->kind == TENON__DIM_NUMBER)
        return tenon__dim_number(dims, floor_div(rest->number, divisor->number));
    if (rest->kind == TENON__DIM_DIV && divisor->kind == TENON__DIM_NUMBER && divisor->number > 0 &&
        rest->operands[1]->kind == TENON__DIM_NUMBER && rest->operands[1]->number > 0) {
        int64_t both;
        if (!__builtin_mul_overflow(divisor->number, rest->operands[1]->number, &both))
            return tenon__dim_combine(dims, TENONH_DIM_DIV, rest->operands[0], tenon__dim_number(dims, both));
    }
    return atom(dims, TENON__DIM_DIV, rest, divisor);
}

/* True when every term of the polynomial has the atom. */
static bool all_have(const tenon__poly *poly, const tenonh_dim *wanted) {
    for (uint32_t i = 0; i < poly->count; i++) {
        uint32_t at = 0;
        while (at < poly->terms[i].count && poly->terms[i].atoms[at] != wanted) at++;
        if (at == poly->terms[i].count) return false;
    }
    return true;
}

/* Takes what all terms of both sides share out: batch*x over batch*y is x over y. */
static tenon_status cancel(tenon__arena *scratch, tenon__poly *a, tenon__poly *b) {
    int64_t shared = 0;
    for (uint32_t i = 0; i < a->count; i++) shared = tenon__gcd(shared, a->terms[i].coefficient);
    for (uint32_t i = 0; i < b->count; i++) shared = tenon__gcd(shared, b->terms[i].coefficient);
    tenon__poly rest, factor_poly = {1, &(tenon__term){shared > 0 ? shared : 1, 0, NULL}};
    TENON_TRY(tenon__poly_divide(scratch, *a, factor_poly, a, &rest));
    TENON_TRY(tenon__poly_divide(scratch, *b, factor_poly, b, &rest));
    for (uint32_t i = 0; a->count && i < b->terms[0].count;) {
        const tenonh_dim *candidate = b->terms[0].atoms[i];
        tenon__poly atom_poly = {1, &(tenon__term){1, 1, &candidate}};
        if (!all_have(a, candidate) || !all_have(b, candidate)) {
            i++;
            continue;
        }
        TENON_TRY(tenon__poly_divide(scratch, *a, atom_poly, a, &rest));
        TENON_TRY(tenon__poly_divide(scratch, *b, atom_poly, b, &rest));
    }
    return TENON_STATUS_OK;
}

/* a = b * quotient + rest as far as it goes; *divisor is what the rest is still to be divided by. */
static tenon_status divide(tenon__dims *dims, tenon__arena *scratch, const tenonh_dim *a, const tenonh_dim *b,
                           tenon__poly *quotient, tenon__poly *rest, const tenonh_dim **divisor) {
    tenon__poly dividend, by;
    int64_t number;
    TENON_TRY(tenon__poly_of(scratch, a, &dividend));
    TENON_TRY(tenon__poly_of(scratch, b, &by));
    if (by.count == 0) return tenon__fail(TENON_STATUS_INVALID, "a dim is divided by 0");
    TENON_TRY(tenon__poly_divide(scratch, dividend, by, quotient, rest));
    TENON_TRY(cancel(scratch, rest, &by));
    *divisor = tenon__poly_dim(dims, by);
    if (!*divisor) return TENON_STATUS_OUT_OF_MEMORY;
    if (!tenon__poly_is_number(by, &number) || number < 1) return TENON_STATUS_OK;
    TENON_TRY(split_coefficients(scratch, number, quotient, rest));
    TENON_TRY(reduce_by_gcd(scratch, &number, rest));
    *divisor = tenon__dim_number(dims, number);
    return *divisor ? TENON_STATUS_OK : TENON_STATUS_OUT_OF_MEMORY;
}

static const tenonh_dim *quotient(tenon__dims *dims, tenon__arena *scratch, const tenonh_dim *a, const tenonh_dim *b) {
    tenon__poly whole, rest, atom_poly;
    const tenonh_dim *divisor = b;
    if (divide(dims, scratch, a, b, &whole, &rest, &divisor) != TENON_STATUS_OK) return NULL;
    if (rest.count == 0) return tenon__poly_dim(dims, whole);
    const tenonh_dim *left = quotient_atom(dims, tenon__poly_dim(dims, rest), divisor);
    if (!left || tenon__poly_of(scratch, left, &atom_poly) != TENON_STATUS_OK) return NULL;
    return tenon__poly_add(scratch, whole, atom_poly, 1, &whole) == TENON_STATUS_OK ? tenon__poly_dim(dims, whole)
                                                                                    : NULL;
}

static const tenonh_dim *remainder_of(tenon__dims *dims, tenon__arena *scratch, const tenonh_dim *a,
                                      const tenonh_dim *b) {
    tenon__poly whole, rest, dividend, by;
    int64_t number;
    if (tenon__poly_of(scratch, a, &dividend) != TENON_STATUS_OK || tenon__poly_of(scratch, b, &by) != TENON_STATUS_OK)
        return NULL;
    if (by.count == 0) {
        tenon__fail(TENON_STATUS_INVALID, "a dim is divided by 0");
        return NULL;
    }
    if (tenon__poly_divide(scratch, dividend, by, &whole, &rest) != TENON_STATUS_OK) return NULL;
    if (tenon__poly_is_number(by, &number) && number > 0 &&
        split_coefficients(scratch, number, &whole, &rest) != TENON_STATUS_OK)
        return NULL;
    const tenonh_dim *left = tenon__poly_dim(dims, rest);
    if (!left || rest.count == 0 || lies_below(left, b)) return left;
    if (b->kind == TENON__DIM_NUMBER && b->number > 0 && tenon__dim_divisor(left) % b->number == 0)
        return tenon__dim_number(dims, 0);
    return atom(dims, TENON__DIM_MOD, left, b);
}

typedef struct range {
    int64_t low, high;
} range;

static int64_t ceil_div(int64_t a, int64_t b) {
    return floor_div(a, b) + (a % b != 0);
}

enum { QUOTIENTS_SEEN = 4 }; /* quotients of a difference that are looked through */

static bool bounded(int64_t bound) {
    return bound > INT64_MIN / 4 && bound < INT64_MAX / 4;
}

/* Bounds of a polynomial. A quotient q = div(e, k) also obeys k q = e - r with 0 <= r < k: k times the polynomial, with
 * e in the place of k q, may be bounded where intervals alone say nothing (n - div(n, 2) is never negative). */
static range bounds_of(tenon__dims *dims, tenon__arena *scratch, tenon__poly poly, int depth) {
    const tenonh_dim *dim = tenon__poly_dim(dims, poly);
    range found = dim ? (range){dim->low, dim->high} : (range){INT64_MIN, INT64_MAX};
    for (uint32_t i = 0; i < poly.count && depth < QUOTIENTS_SEEN; i++) {
        tenon__term term = poly.terms[i];
        const tenonh_dim *inner = term.count == 1 ? term.atoms[0] : NULL;
        tenon__poly rest, e;
        if (!inner || inner->kind != TENON__DIM_DIV || inner->operands[1]->kind != TENON__DIM_NUMBER) continue;
        int64_t k = inner->operands[1]->number, slack;
        if (k < 1 || __builtin_mul_overflow(term.coefficient, k - 1, &slack) ||
            tenon__poly_add(scratch, poly, (tenon__poly){1, &term}, -1, &rest) != TENON_STATUS_OK ||
            tenon__poly_of(scratch, inner->operands[0], &e) != TENON_STATUS_OK ||
            tenon__poly_add(scratch, (tenon__poly){0, NULL}, rest, k, &rest) != TENON_STATUS_OK ||
            tenon__poly_add(scratch, rest, e, term.coefficient, &rest) != TENON_STATUS_OK)
            continue;
        range scaled = bounds_of(dims, scratch, rest, depth + 1);
        if (!bounded(slack)) continue;
        int64_t low = bounded(scaled.low) ? ceil_div(scaled.low - (slack > 0 ? slack : 0), k) : INT64_MIN;
        int64_t high = bounded(scaled.high) ? floor_div(scaled.high - (slack < 0 ? slack : 0), k) : INT64_MAX;
        if (low > found.low) found.low = low;
        if (high < found.high) found.high = high;
    }
    return found;
}

/* Bounds of a - b. */
static range difference(tenon__dims *dims, tenon__arena *scratch, const tenonh_dim *a, const tenonh_dim *b) {
    tenon__poly x, y, minus;
    if (tenon__poly_of(scratch, a, &x) != TENON_STATUS_OK || tenon__poly_of(scratch, b, &y) != TENON_STATUS_OK ||
        tenon__poly_add(scratch, x, y, -1, &minus) != TENON_STATUS_OK)
        return (range){INT64_MIN, INT64_MAX};
    return bounds_of(dims, scratch, minus, 0);
}

static bool is_operand(const tenonh_dim *whole, uint16_t kind, const tenonh_dim *part) {
    return whole->kind == kind && (whole->operands[0] == part || whole->operands[1] == part);
}

static const tenonh_dim *extremum(tenon__dims *dims, tenon__arena *scratch, uint16_t kind, const tenonh_dim *a,
                                  const tenonh_dim *b) {
    bool max = kind == TENON__DIM_MAX;
    range minus = difference(dims, scratch, a, b);
    if (minus.low >= 0 || a->low >= b->high) return max ? a : b;
    if (minus.high <= 0 || b->low >= a->high) return max ? b : a;
    if (is_operand(a, kind, b)) return a;
    if (is_operand(b, kind, a)) return b;
    return symmetric_atom(dims, kind, a, b);
}

static bool never_one(const tenonh_dim *dim) {
    return dim->low > 1 || dim->high < 1;
}

static const tenonh_dim *broadcast(tenon__dims *dims, const tenonh_dim *a, const tenonh_dim *b) {
    if (a == b || tenon__dim_is(b, 1)) return a;
    if (tenon__dim_is(a, 1)) return b;
    if (a->kind == TENON__DIM_NUMBER && b->kind == TENON__DIM_NUMBER) {
        tenon__fail(TENON_STATUS_INVALID, "dims %lld and %lld do not broadcast", (long long)a->number,
                    (long long)b->number);
        return NULL;
    }
    /* What is not 1 decides; the other must be 1 or the same, which running it checks. */
    bool a_decides = never_one(a), b_decides = never_one(b);
    if (a_decides && (!b_decides || a->kind == TENON__DIM_NUMBER)) return a;
    if (b_decides) return b;
    if (is_operand(a, TENON__DIM_BROADCAST, b)) return a;
    if (is_operand(b, TENON__DIM_BROADCAST, a)) return b;
    return symmetric_atom(dims, TENON__DIM_BROADCAST, a, b);
}

static const tenonh_dim *sum(tenon__dims *dims, tenon__arena *scratch, const tenonh_dim *a, const tenonh_dim *b,
                             int64_t factor) {
    tenon__poly x, y, result;
    if (tenon__poly_of(scratch, a, &x) != TENON_STATUS_OK || tenon__poly_of(scratch, b, &y) != TENON_STATUS_OK ||
        tenon__poly_add(scratch, x, y, factor, &result) != TENON_STATUS_OK)
        return NULL;
    return tenon__poly_dim(dims, result);
}

/* Index of an atom div(x, n) of the term that a coefficient undoes: n divides it, and x is always a multiple of n. */
static bool find_undone(const tenon__term *term, uint32_t *out_index) {
    for (*out_index = 0; *out_index < term->count; ++*out_index) {
        const tenonh_dim *quotient_dim = term->atoms[*out_index];
        if (quotient_dim->kind != TENON__DIM_DIV || quotient_dim->operands[1]->kind != TENON__DIM_NUMBER) continue;
        int64_t by = quotient_dim->operands[1]->number;
        if (by > 0 && term->coefficient % by == 0 && tenon__dim_divisor(quotient_dim->operands[0]) % by == 0)
            return true;
    }
    return false;
}

/* 8 * div(n, 8) is n where 8 divides n. */
static tenon_status undo_quotients(tenon__arena *scratch, tenon__poly *poly) {
    for (uint32_t i = 0, index; i < poly->count; i++) {
        if (!find_undone(&poly->terms[i], &index)) continue;
        tenon__term term = poly->terms[i], rest = term;
        const tenonh_dim *undone = term.atoms[index];
        const tenonh_dim **atoms = tenon__arena_array(scratch, term.count, sizeof *atoms);
        if (!atoms) return tenon__fail_memory();
        for (uint32_t k = 0, kept = 0; k < term.count; k++)
            if (k != index) atoms[kept++] = term.atoms[k];
        rest = (tenon__term){term.coefficient / undone->operands[1]->number, term.count - 1, atoms};
        tenon__poly inside, product;
        TENON_TRY(tenon__poly_of(scratch, undone->operands[0], &inside));
        TENON_TRY(tenon__poly_mul(scratch, inside, (tenon__poly){1, &rest}, &product));
        TENON_TRY(tenon__poly_add(scratch, *poly, (tenon__poly){1, &term}, -1, poly));
        TENON_TRY(tenon__poly_add(scratch, *poly, product, 1, poly));
        i = UINT32_MAX; /* from the start: the terms have moved, and there is one quotient less */
    }
    return TENON_STATUS_OK;
}

static const tenonh_dim *product(tenon__dims *dims, tenon__arena *scratch, const tenonh_dim *a, const tenonh_dim *b) {
    tenon__poly x, y, result;
    if (tenon__poly_of(scratch, a, &x) != TENON_STATUS_OK || tenon__poly_of(scratch, b, &y) != TENON_STATUS_OK ||
        tenon__poly_mul(scratch, x, y, &result) != TENON_STATUS_OK ||
        undo_quotients(scratch, &result) != TENON_STATUS_OK)
        return NULL;
    return tenon__poly_dim(dims, result);
}

const tenonh_dim *tenon__dim_combine(tenon__dims *dims, uint32_t op, const tenonh_dim *a, const tenonh_dim *b) {
    if (!a || !b) return NULL;
    tenon__arena scratch = {0};
    const tenonh_dim *result = NULL;
    switch (op) {
    case TENONH_DIM_ADD: result = sum(dims, &scratch, a, b, 1); break;
    case TENONH_DIM_SUB: result = sum(dims, &scratch, a, b, -1); break;
    case TENONH_DIM_MUL: result = product(dims, &scratch, a, b); break;
    case TENONH_DIM_DIV: result = quotient(dims, &scratch, a, b); break;
    case TENONH_DIM_MOD: result = remainder_of(dims, &scratch, a, b); break;
    case TENONH_DIM_MAX: result = extremum(dims, &scratch, TENON__DIM_MAX, a, b); break;
    case TENONH_DIM_MIN: result = extremum(dims, &scratch, TENON__DIM_MIN, a, b); break;
    case TENONH_DIM_BROADCAST: result = broadcast(dims, a, b); break;
    default: tenon__fail(TENON_STATUS_INVALID, "dims have no operator %u", op);
    }
    tenon__arena_free(&scratch);
    return result;
}
