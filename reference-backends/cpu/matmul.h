/* f32 and f64 matmul through BLAS: a launch is resolved to products of plain or transposed matrices, batch by batch and
 * tile by tile; operands whose strides BLAS can't take are copied to scratch first. */
#ifndef CPU_MATMUL_H
#define CPU_MATMUL_H

#include "work.h"

/* Sizes of a call's arrays that a product needs. */
enum { CPU_MATMUL_BUFFERS = 6, CPU_MATMUL_SYMBOLS = 120, CPU_MATMUL_STEPS = 4 };

/* 1 if BLAS computes this (checked) matmul: f32 or f64 throughout, and a library is there. */
int cpu_matmul_takes(const tenon_device *device, const tenon_work *work);

/* Fills a call whose arrays have at least the sizes above. Errors: UNSUPPORTED, without a report, where a size passes
 * BLAS's integers; INVALID (dims), OUT_OF_MEMORY (scratch) with a report. */
tenon_status cpu_matmul_resolve(tenon_exec *exec, const cpu_view *views, cpu_call *call);

#endif
