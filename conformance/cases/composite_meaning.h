/* What composites mean, computed at once in f64 and apart from their decompositions, for an input of CF_COMPOSITE_ROWS x
 * CF_COMPOSITE_COLUMNS numbers. */
#ifndef TENON_CASES_COMPOSITE_MEANING_H
#define TENON_CASES_COMPOSITE_MEANING_H

enum { CF_COMPOSITE_ROWS = 3, CF_COMPOSITE_COLUMNS = 17, CF_COMPOSITE_MOST = 2 * 3 * 17 };

/* Results in row-major order, and what each may be off in f32. `number`: of the attribute that the composite has. */
typedef void (*cf_composite)(double number, const double *x, double *want, double *allowed);

void cf_composite_relu(double number, const double *x, double *want, double *allowed);
void cf_composite_sigmoid(double number, const double *x, double *want, double *allowed);
void cf_composite_silu(double number, const double *x, double *want, double *allowed);
void cf_composite_gelu_erf(double number, const double *x, double *want, double *allowed);
void cf_composite_gelu_tanh(double number, const double *x, double *want, double *allowed);
void cf_composite_softplus(double number, const double *x, double *want, double *allowed);
/* number: the axis. */
void cf_composite_softmax(double number, const double *x, double *want, double *allowed);
void cf_composite_log_softmax(double number, const double *x, double *want, double *allowed);
/* number: epsilon. */
void cf_composite_layer_norm(double number, const double *x, double *want, double *allowed);
void cf_composite_layer_norm_whole(double number, const double *x, double *want, double *allowed);
void cf_composite_rms_norm(double number, const double *x, double *want, double *allowed);
void cf_composite_reduce_mean(double number, const double *x, double *want, double *allowed);
void cf_composite_reduce_l2(double number, const double *x, double *want, double *allowed);
void cf_composite_cumsum(double number, const double *x, double *want, double *allowed);
void cf_composite_concat(double number, const double *x, double *want, double *allowed);

#endif
