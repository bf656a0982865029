/* Arrays in host memory, and the files that hold them: what goes into a model and what comes out of it. */
#ifndef TENON_HOST_ARRAY_H
#define TENON_HOST_ARRAY_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

enum { TENONH_ARRAY_MAX_RANK = 32 };

/* Elements lie in row-major order without gaps; bool is one byte, 0 or 1. Zero-initialised is an empty array. */
typedef struct tenonh_array {
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[TENONH_ARRAY_MAX_RANK];
    uint64_t size; /* bytes at `data` */
    void *data;    /* from malloc; NULL only when there is no array at all */
} tenonh_array;

/* Makes an array of zeros. Owner: *out_array is the caller's, freed with tenonh_array_free.
 * Shapes: 0 <= rank <= TENONH_ARRAY_MAX_RANK, dims >= 0.
 * Errors: INVALID (dtype, rank, dims), OUT_OF_MEMORY. Thread: any. */
TENON_EXPORT tenon_status tenonh_array_create(tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                                              tenonh_array *out_array);

/* Frees the elements and empties the array; an empty one is left as it is. */
TENON_EXPORT void tenonh_array_free(tenonh_array *array);

/* Number of elements. */
TENON_EXPORT int64_t tenonh_array_count(const tenonh_array *array);

/* Reads a .npy file (versions 1 to 3, any byte order, either axis order; a 2-byte void type is bf16, as ml_dtypes
 * writes it) or an ONNX TensorProto, told apart by their first bytes. A TensorProto's external data lie in its own
 * folder.
 * Owner: *out_array is the caller's; untouched on failure.
 * Errors: NOT_FOUND, IO, BAD_DATA (malformed: the message says what and where), UNSUPPORTED (a dtype that has no
 *         counterpart, rank), OUT_OF_MEMORY. Thread: any. */
TENON_EXPORT tenon_status tenonh_array_read(const char *path, tenonh_array *out_array);

/* Writes a .npy file: complete or not at all, replacing what was there. bf16 gets the 2-byte void type.
 * Errors: IO, UNSUPPORTED (dtypes that .npy cannot name), OUT_OF_MEMORY. Thread: any. */
TENON_EXPORT tenon_status tenonh_array_write(const tenonh_array *array, const char *path);

TENON_EXTERN_C_END

#endif
