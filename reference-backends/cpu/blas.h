/* Matrix products from a BLAS: libopenblas.so.0, opened when the first f32 or f64 matmul is prepared and kept until the
 * process ends. It runs on one thread per call; the pool splits products instead, so that its threads are the only ones.
 *
 * TENON_CPU_BLAS=0 leaves it alone; an absolute path opens that library instead. A library with 64-bit integers, or one
 * that fails a check of its NaNs, is not used. */
#ifndef CPU_BLAS_H
#define CPU_BLAS_H

#include "cpu.h"

/* As in CBLAS. */
enum { CPU_BLAS_ROW_MAJOR = 101, CPU_BLAS_PLAIN = 111, CPU_BLAS_TRANSPOSED = 112 };

typedef void (*cpu_blas_sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                               int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void (*cpu_blas_dgemm)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double *a,
                               int lda, const double *b, int ldb, double beta, double *c, int ldc);

typedef struct cpu_blas {
    cpu_blas_sgemm sgemm;
    cpu_blas_dgemm dgemm;
} cpu_blas;

/* 1 if there is a library to use, whose functions are then in cpu_blas_functions. The same answer every time. */
int cpu_blas_is_there(const tenon_device *device);

extern cpu_blas cpu_blas_functions;

#endif
