/* Polynomials over index values, for the proofs of kir_bounds.c and kir_race.c. Internal to kir_*.c. */
#ifndef TENON_KERNEL_KIR_POLY_H
#define TENON_KERNEL_KIR_POLY_H

#include "kernel/kir_internal.h"

enum { KIR_POLY_TERMS = 24, KIR_POLY_FACTORS = 4, KIR_POLY_ATOMS = 48 };

/* coefficient * product of atoms, whose numbers are sorted */
typedef struct kir_term {
    int64_t coefficient;
    uint32_t count;
    uint8_t atoms[KIR_POLY_FACTORS];
} kir_term;

/* A sum of terms with distinct products. `lost`: too large or too deep to hold; nothing is known. */
typedef struct kir_poly {
    bool lost;
    uint32_t count;
    kir_term terms[KIR_POLY_TERMS];
} kir_poly;

/* The atoms that the polynomials of one proof share: leaves, and values that are no sum or product. A sum or product
 * that may wrap is an atom too, so that integer reasoning about the rest holds. */
typedef struct kir_atoms {
    const tenon__kir_program *program;
    uint32_t count;
    tenon__kir_id ids[KIR_POLY_ATOMS];
} kir_atoms;

kir_poly kir_poly_const(int64_t value);
kir_poly kir_poly_of(kir_atoms *atoms, tenon__kir_id id);
kir_poly kir_poly_add(const kir_poly *a, const kir_poly *b, int64_t scale); /* a + scale * b */
kir_poly kir_poly_mul(const kir_poly *a, const kir_poly *b);
bool kir_poly_equal(const kir_poly *a, const kir_poly *b);

/* True and the value when it is a constant. */
bool kir_poly_is_const(const kir_poly *poly, int64_t *out_value);

/* Splits into factor * atom + rest, atom not in either. False when the atom occurs in a higher power. */
bool kir_poly_split(const kir_poly *poly, uint32_t atom, kir_poly *out_factor, kir_poly *out_rest);

/* True when provably >= 0 for all values of symbols and axes. */
bool kir_poly_nonnegative(kir_atoms *atoms, const kir_poly *poly);

/* Bounds, by axes' extents and symbols' ranges; INT64_MIN / INT64_MAX when not known. */
int64_t kir_poly_low(kir_atoms *atoms, const kir_poly *poly);
int64_t kir_poly_high(kir_atoms *atoms, const kir_poly *poly);

#endif
