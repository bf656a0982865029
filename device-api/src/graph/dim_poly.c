#include <stdlib.h>
#include <string.h>

#include "graph/dim_internal.h"
#include "support/error.h"

static tenon_status too_large(void) {
    return tenon__fail(TENON_STATUS_INVALID, "a dim's expression passes 64 bits, %d terms or %d factors",
                       TENON__DIM_MAX_TERMS, TENON__DIM_MAX_FACTORS);
}

/* < 0 when a's monomial leads b's: higher degree, then more of the earlier atoms. */
static int monomial_order(const tenon__term *a, const tenon__term *b) {
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    for (uint32_t i = 0; i < a->count; i++) {
        int order = tenon__dim_order(a->atoms[i], b->atoms[i]);
        if (order) return order;
    }
    return 0;
}

static int compare_terms(const void *a, const void *b) {
    return monomial_order(a, b);
}

/* Sorts, adds up equal monomials and drops zeros, in place. */
static tenon_status normalise(tenon__term *terms, uint32_t count, tenon__poly *out_poly) {
    if (count > 1) qsort(terms, count, sizeof *terms, compare_terms);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept && monomial_order(&terms[kept - 1], &terms[i]) == 0) {
            int64_t *sum = &terms[kept - 1].coefficient;
            if (__builtin_add_overflow(*sum, terms[i].coefficient, sum)) return too_large();
        } else {
            terms[kept++] = terms[i];
        }
        if (terms[kept - 1].coefficient == 0) kept--;
    }
    if (kept > TENON__DIM_MAX_TERMS) return too_large();
    *out_poly = (tenon__poly){kept, terms};
    return TENON_STATUS_OK;
}

static tenon_status term_of(tenon__arena *scratch, const tenonh_dim *dim, tenon__term *out_term) {
    if (dim->kind == TENON__DIM_NUMBER) {
        *out_term = (tenon__term){dim->number, 0, NULL};
    } else if (dim->kind == TENON__DIM_PRODUCT) {
        *out_term = (tenon__term){dim->number, dim->count, dim->operands};
    } else {
        const tenonh_dim **atom = tenon__arena_copy(scratch, &dim, sizeof dim);
        if (!atom) return tenon__fail_memory();
        *out_term = (tenon__term){1, 1, atom};
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__poly_of(tenon__arena *scratch, const tenonh_dim *dim, tenon__poly *out_poly) {
    bool is_sum = dim->kind == TENON__DIM_SUM;
    uint32_t count = is_sum ? dim->count + 1 : 1;
    tenon__term *terms = tenon__arena_array(scratch, count, sizeof *terms);
    if (!terms) return tenon__fail_memory();
    if (!is_sum) {
        TENON_TRY(term_of(scratch, dim, &terms[0]));
    } else {
        for (uint32_t i = 0; i < dim->count; i++) TENON_TRY(term_of(scratch, dim->operands[i], &terms[i]));
        terms[dim->count] = (tenon__term){dim->number, 0, NULL};
    }
    return normalise(terms, count, out_poly);
}

tenon_status tenon__poly_add(tenon__arena *scratch, tenon__poly a, tenon__poly b, int64_t factor_of_b,
                             tenon__poly *out_poly) {
    tenon__term *terms = tenon__arena_array(scratch, (size_t)a.count + b.count, sizeof *terms);
    if (!terms) return tenon__fail_memory();
    if (a.count) memcpy(terms, a.terms, a.count * sizeof *terms);
    for (uint32_t i = 0; i < b.count; i++) {
        terms[a.count + i] = b.terms[i];
        int64_t *coefficient = &terms[a.count + i].coefficient;
        if (__builtin_mul_overflow(*coefficient, factor_of_b, coefficient)) return too_large();
    }
    return normalise(terms, a.count + b.count, out_poly);
}

static tenon_status multiply_terms(tenon__arena *scratch, const tenon__term *a, const tenon__term *b,
                                   tenon__term *out_term) {
    uint32_t count = a->count + b->count, i = 0, j = 0;
    if (count > TENON__DIM_MAX_FACTORS ||
        __builtin_mul_overflow(a->coefficient, b->coefficient, &out_term->coefficient))
        return too_large();
    const tenonh_dim **atoms = tenon__arena_array(scratch, count, sizeof *atoms);
    if (!atoms) return tenon__fail_memory();
    for (uint32_t k = 0; k < count; k++) {
        bool from_a = j == b->count || (i < a->count && tenon__dim_order(a->atoms[i], b->atoms[j]) <= 0);
        atoms[k] = from_a ? a->atoms[i++] : b->atoms[j++];
    }
    out_term->count = count;
    out_term->atoms = atoms;
    return TENON_STATUS_OK;
}

tenon_status tenon__poly_mul(tenon__arena *scratch, tenon__poly a, tenon__poly b, tenon__poly *out_poly) {
    size_t count = (size_t)a.count * b.count;
    tenon__term *terms = tenon__arena_array(scratch, count, sizeof *terms);
    if (!terms) return tenon__fail_memory();
    for (uint32_t i = 0; i < a.count; i++)
        for (uint32_t j = 0; j < b.count; j++)
            TENON_TRY(multiply_terms(scratch, &a.terms[i], &b.terms[j], &terms[(size_t)i * b.count + j]));
    return normalise(terms, (uint32_t)count, out_poly);
}

/* The term t with a = b * t, if there is one. */
static bool divide_terms(tenon__arena *scratch, const tenon__term *a, const tenon__term *b, tenon__term *out_term,
                         bool *out_memory) {
    if (b->count > a->count || (b->coefficient == -1 && a->coefficient == INT64_MIN) ||
        a->coefficient % b->coefficient != 0)
        return false;
    const tenonh_dim **atoms = tenon__arena_array(scratch, a->count - b->count, sizeof *atoms);
    *out_memory = atoms != NULL;
    if (!atoms) return false;
    uint32_t kept = 0, j = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (j < b->count && a->atoms[i] == b->atoms[j])
            j++;
        else if (kept < a->count - b->count)
            atoms[kept++] = a->atoms[i];
        else
            return false;
    }
    *out_term = (tenon__term){a->coefficient / b->coefficient, kept, atoms};
    return j == b->count;
}

tenon_status tenon__poly_divide(tenon__arena *scratch, tenon__poly a, tenon__poly b, tenon__poly *out_quotient,
                                tenon__poly *out_rest) {
    tenon__poly quotient = {0, NULL}, rest = {0, NULL};
    uint32_t steps = 0;
    while (a.count) {
        tenon__term lead = a.terms[0], factor;
        tenon__poly lead_poly = {1, &lead}, product;
        bool memory = true;
        if (++steps > 4 * TENON__DIM_MAX_TERMS) return too_large();
        if (divide_terms(scratch, &lead, &b.terms[0], &factor, &memory)) {
            tenon__poly step = {1, &factor};
            TENON_TRY(tenon__poly_mul(scratch, b, step, &product));
            TENON_TRY(tenon__poly_add(scratch, a, product, -1, &a));
            TENON_TRY(tenon__poly_add(scratch, quotient, step, 1, &quotient));
        } else {
            if (!memory) return tenon__fail_memory();
            TENON_TRY(tenon__poly_add(scratch, a, lead_poly, -1, &a));
            TENON_TRY(tenon__poly_add(scratch, rest, lead_poly, 1, &rest));
        }
    }
    *out_quotient = quotient;
    *out_rest = rest;
    return TENON_STATUS_OK;
}

bool tenon__poly_is_number(tenon__poly poly, int64_t *out_value) {
    *out_value = poly.count ? poly.terms[0].coefficient : 0;
    return poly.count == 0 || (poly.count == 1 && poly.terms[0].count == 0);
}

static const tenonh_dim *term_dim(tenon__dims *dims, const tenon__term *term) {
    if (term->count == 0) return tenon__dim_number(dims, term->coefficient);
    if (term->count == 1 && term->coefficient == 1) return term->atoms[0];
    return tenon__dim_intern(dims, &(struct tenonh_dim){.kind = TENON__DIM_PRODUCT,
                                                        .number = term->coefficient,
                                                        .count = term->count,
                                                        .operands = term->atoms});
}

const tenonh_dim *tenon__poly_dim(tenon__dims *dims, tenon__poly poly) {
    int64_t number;
    if (tenon__poly_is_number(poly, &number)) return tenon__dim_number(dims, number);
    if (poly.count == 1) return term_dim(dims, &poly.terms[0]);
    const tenonh_dim *operands[TENON__DIM_MAX_TERMS];
    struct tenonh_dim sum = {.kind = TENON__DIM_SUM, .operands = operands};
    for (uint32_t i = 0; i < poly.count; i++) {
        if (poly.terms[i].count == 0)
            sum.number = poly.terms[i].coefficient;
        else if (!(operands[sum.count++] = term_dim(dims, &poly.terms[i])))
            return NULL;
    }
    return tenon__dim_intern(dims, &sum);
}
