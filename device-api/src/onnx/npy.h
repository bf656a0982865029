/* The .npy format (numpy.lib.format): versions 1.0, 2.0, 3.0. */
#ifndef TENON__ONNX_NPY_H
#define TENON__ONNX_NPY_H

#include <tenon/host/array.h>

/* 1 if the bytes start as a .npy file does. */
int tenon__npy_is(const uint8_t *bytes, size_t size);

/* Decodes a whole file. `name` stands in messages. Owner: *out_array is the caller's.
 * Errors: BAD_DATA, UNSUPPORTED, OUT_OF_MEMORY. */
tenon_status tenon__npy_decode(const char *name, const uint8_t *bytes, size_t size, tenonh_array *out_array);

/* The header that goes before an array's elements: a multiple of 64 bytes.
 * Owner: *out_header is the caller's (free). Errors: UNSUPPORTED (dtype), OUT_OF_MEMORY. */
tenon_status tenon__npy_header(const tenonh_array *array, char **out_header, size_t *out_size);

#endif
