#include "cases/composite_meaning.h"

#include <math.h>

enum { ROWS = CF_COMPOSITE_ROWS, COLUMNS = CF_COMPOSITE_COLUMNS, ALL = ROWS * COLUMNS };

static const double unit = 0x1p-24; /* half a unit in the last place of 1 in f32 */

/* What a chain of functions within 4 ULP and of divisions in relaxed rounding may be off, in units. */
enum { CHAIN = 16 };

/* -- Element by element: the error is relative to `scale`, the size of what is multiplied or added last -- */

#define EACH(name, exact_result, scale)                                                                                \
    void cf_composite_##name(double number, const double *x, double *want, double *allowed) {                          \
        (void)number;                                                                                                  \
        for (int i = 0; i < ALL; i++) {                                                                                \
            double a = x[i];                                                                                           \
            want[i] = exact_result;                                                                                    \
            allowed[i] = CHAIN * unit * (scale);                                                                       \
        }                                                                                                              \
    }

EACH(relu, a > 0 ? a : 0, 0)
EACH(sigmoid, 1 / (1 + exp(-a)), 1)
EACH(silu, a / (1 + exp(-a)), fabs(a))
EACH(gelu_erf, 0.5 * a * (1 + erf(a * M_SQRT1_2)), fabs(a))
EACH(gelu_tanh, 0.5 * a * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (a + 0.044715 * a * a * a))), fabs(a))
EACH(softplus, log1p(exp(a)), 1 + fabs(a))

/* -- Lines: the bound of a sum of their length, and that of a chain on top -- */

typedef struct line {
    int start, step, length;
} line;

static line line_of(int axis, int i) {
    return axis ? (line){i * COLUMNS, 1, COLUMNS} : (line){i, COLUMNS, ROWS};
}

static double bound_of(int length) {
    return (length + 2 * CHAIN) * unit;
}

/* The largest number of a line, and the sum of the exponentials of what the others are below it. */
static double sum_of_exponentials(line l, const double *x, double *out_most) {
    double sum = 0;
    *out_most = x[l.start];
    for (int k = 0; k < l.length; k++) *out_most = fmax(*out_most, x[l.start + k * l.step]);
    for (int k = 0; k < l.length; k++) sum += exp(x[l.start + k * l.step] - *out_most);
    return sum;
}

void cf_composite_softmax(double number, const double *x, double *want, double *allowed) {
    int axis = (int)number;
    for (int i = 0; i < (axis ? ROWS : COLUMNS); i++) {
        line l = line_of(axis, i);
        double most, sum = sum_of_exponentials(l, x, &most);
        for (int k = 0, at = l.start; k < l.length; k++, at += l.step) {
            want[at] = exp(x[at] - most) / sum;
            allowed[at] = bound_of(l.length) * want[at];
        }
    }
}

void cf_composite_log_softmax(double number, const double *x, double *want, double *allowed) {
    int axis = (int)number;
    for (int i = 0; i < (axis ? ROWS : COLUMNS); i++) {
        line l = line_of(axis, i);
        double most, sum = sum_of_exponentials(l, x, &most);
        for (int k = 0, at = l.start; k < l.length; k++, at += l.step) {
            want[at] = x[at] - most - log(sum);
            allowed[at] = bound_of(l.length) * (1 + fabs(want[at]));
        }
    }
}

static double mean_of(line l, const double *x, double (*of)(double)) {
    double sum = 0;
    for (int k = 0; k < l.length; k++) sum += of(x[l.start + k * l.step]);
    return sum / l.length;
}

static double itself(double x) {
    return x;
}
static double square(double x) {
    return x * x;
}

static void norm(line l, double epsilon, const double *x, double *want, double *allowed) {
    double mean = mean_of(l, x, itself), size = mean_of(l, x, fabs), squares = 0;
    for (int k = 0; k < l.length; k++) squares += square(x[l.start + k] - mean);
    double root = sqrt(squares / l.length + epsilon);
    for (int i = l.start; i < l.start + l.length; i++) {
        want[i] = (x[i] - mean) / root;
        allowed[i] = bound_of(l.length) * (fabs(x[i]) + size) / root;
    }
}

void cf_composite_layer_norm(double number, const double *x, double *want, double *allowed) {
    for (int i = 0; i < ROWS; i++) norm(line_of(1, i), number, x, want, allowed);
}

void cf_composite_layer_norm_whole(double number, const double *x, double *want, double *allowed) {
    norm((line){0, 1, ALL}, number, x, want, allowed);
}

void cf_composite_rms_norm(double number, const double *x, double *want, double *allowed) {
    for (int i = 0; i < ALL; i++) {
        want[i] = x[i] / sqrt(mean_of(line_of(1, i / COLUMNS), x, square) + number);
        allowed[i] = bound_of(COLUMNS) * fabs(want[i]);
    }
}

void cf_composite_reduce_mean(double number, const double *x, double *want, double *allowed) {
    (void)number;
    for (int i = 0; i < ROWS; i++) {
        want[i] = mean_of(line_of(1, i), x, itself);
        allowed[i] = bound_of(COLUMNS) * mean_of(line_of(1, i), x, fabs);
    }
}

void cf_composite_reduce_l2(double number, const double *x, double *want, double *allowed) {
    (void)number;
    for (int i = 0; i < ROWS; i++) {
        want[i] = sqrt(COLUMNS * mean_of(line_of(1, i), x, square));
        allowed[i] = bound_of(COLUMNS) * want[i];
    }
}

/* -- Others -- */

void cf_composite_cumsum(double number, const double *x, double *want, double *allowed) {
    (void)number;
    for (int i = 0; i < ROWS; i++) {
        double sum = 0, size = 0;
        for (int k = 0; k < COLUMNS; k++) {
            want[i * COLUMNS + k] = sum += x[i * COLUMNS + k];
            size += fabs(x[i * COLUMNS + k]);
            allowed[i * COLUMNS + k] = (k + 1) * unit * size;
        }
    }
}

void cf_composite_concat(double number, const double *x, double *want, double *allowed) {
    (void)number;
    for (int i = 0; i < 2 * ALL; i++) want[i] = x[i % ALL], allowed[i] = 0;
}
