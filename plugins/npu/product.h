/* Products of one instruction set, from product.c: npu_product_<dtype>_<NPU_ISA>. */
#ifndef NPU_PRODUCT_H
#define NPU_PRODUCT_H

#include "kernels.h"

#define NPU__JOIN(dtype, isa)    npu_product_##dtype##_##isa
#define NPU__PRODUCT(dtype, isa) NPU__JOIN(dtype, isa)
#define NPU_PRODUCT(dtype)       NPU__PRODUCT(dtype, NPU_ISA)

void NPU_PRODUCT(f32)(const npu_product *product);
void NPU_PRODUCT(f64)(const npu_product *product);
void NPU_PRODUCT(u32)(const npu_product *product);
void NPU_PRODUCT(u64)(const npu_product *product);

#endif
