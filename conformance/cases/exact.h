/* Arithmetic whose rounding to f64 or narrower afterwards is that of the exact result: 64 bits and more, rounded to odd.
 * Two roundings in a row would be wrong at ties, and a case could not tell ties to even from ties away. */
#ifndef TENON_CASES_EXACT_H
#define TENON_CASES_EXACT_H

long double cf_exact_add(long double a, long double b);
long double cf_exact_mul(long double a, long double b);
long double cf_exact_div(long double a, long double b);
long double cf_exact_sqrt(long double a);
/* a * b + c */
long double cf_exact_fma(long double a, long double b, long double c);

#endif
