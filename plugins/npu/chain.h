/* Chains: element-wise operators over equal dims that run as one step, a tile of elements at a time, with what they hand
 * each other in tiles that stay in the cache. */
#ifndef NPU_CHAIN_H
#define NPU_CHAIN_H

#include "compile.h"

/* Ends the open chain, if there is one: its step is made, and its values that others use get buffers. */
tenon_status npu_chain_end(npu_compiler *c);

/* `view` converted to `dtype`, in a buffer of its own; itself if it has the dtype. Ends the open chain. */
tenon_status npu_chain_cast(npu_compiler *c, const npu_view *view, tenon_dtype dtype, npu_view *out_view);

#endif
