/* The lowerings that operators.def names; each is described where it is defined. */
#ifndef TENON__ONNX_OPERATORS_H
#define TENON__ONNX_OPERATORS_H

#include "onnx/importer.h"

/* clang-format off */
/* X(name): tenon__onnx_lower_<name>, by the file that defines it. */
#define TENON__LOWERING_TABLE(X)                                                                                       \
    /* ops_map.c */                                                                                                    \
    X(unary) X(activation) X(alpha_beta) X(selu) X(swiglu) X(gelu) X(is_inf) X(binary) X(compare) X(mod) X(pow)        \
    X(prelu) X(bit_shift) X(variadic) X(mean) X(where) X(clip) X(cast) X(cast_like) X(bit_cast) X(identity) X(dropout) \
    /* ops_shape.c */                                                                                                  \
    X(shape) X(size) X(reshape) X(squeeze) X(unsqueeze) X(flatten) X(transpose) X(concat) X(split) X(slice)            \
    X(expand) X(tile) X(pad) X(depth_to_space) X(space_to_depth) X(center_crop_pad)                                    \
    /* ops_constant.c */                                                                                               \
    X(constant) X(constant_of_shape) X(range) X(eye_like) X(one_hot) X(trilu) X(non_zero) X(window_function)           \
    /* ops_index.c */                                                                                                  \
    X(gather) X(gather_elements) X(gather_nd) X(scatter_elements) X(scatter_nd) X(topk) X(cumsum) X(cumprod) X(arg)    \
    X(reverse_sequence) X(tensor_scatter)                                                                              \
    /* ops_reduce.c */                                                                                                 \
    X(reduce) X(reduce_composite) X(softmax) X(lp_norm) X(mean_variance)                                               \
    /* ops_loss.c */                                                                                                   \
    X(likelihood_loss) X(cross_entropy_loss)                                                                           \
    /* ops_norm.c */                                                                                                   \
    X(layer_norm) X(rms_norm) X(batch_norm) X(instance_norm) X(group_norm) X(lrn)                                      \
    /* ops_window.c */                                                                                                 \
    X(conv) X(conv_integer) X(qlinear_conv) X(conv_transpose) X(pool) X(lp_pool) X(global_pool) X(global_lp_pool)      \
    X(col2im) X(max_unpool)                                                                                            \
    /* ops_contract.c, ops_einsum.c */                                                                                 \
    X(matmul) X(matmul_integer) X(qlinear_matmul) X(gemm) X(einsum)                                                    \
    /* ops_data.c, ops_control.c, ops_recurrent.c */                                                                   \
    X(compress) X(unique) X(if) X(loop) X(scan) X(scan_batch) X(lstm) X(gru) X(rnn)                                    \
    /* ops_attention.c */                                                                                              \
    X(attention) X(rotary_embedding)                                                                                   \
    /* ops_resize.c */                                                                                                 \
    X(resize) X(upsample)                                                                                              \
    /* ops_sample.c, ops_roi.c, ops_detect.c */                                                                        \
    X(grid_sample) X(affine_grid) X(roi_align) X(non_max_suppression)                                                  \
    /* ops_quantize.c */                                                                                               \
    X(quantize) X(dequantize) X(dynamic_quantize)
/* clang-format on */

#define TENON__LOWERING_DECLARATION(name) tenonh_value *tenon__onnx_lower_##name(tenon__onnx_node *node);
TENON__LOWERING_TABLE(TENON__LOWERING_DECLARATION)
#undef TENON__LOWERING_DECLARATION

#endif
