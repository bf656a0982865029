/* ONNX models: any opset from 6, as a module of base operators and composites. */
#ifndef TENON_HOST_ONNX_H
#define TENON_HOST_ONNX_H

#include <tenon/host/array.h>
#include <tenon/host/graph.h>

TENON_EXTERN_C_BEGIN

/* The value that an input of the graph has in every run: the module then has no such input. For what shapes depend on
 * (axes, a target shape), which must be known at import. */
typedef struct tenonh_onnx_constant {
    const char *name;
    const tenonh_array *value;
} tenonh_onnx_constant;

/* One dim of an input, whatever the model says of it. A symbol frees a model that was exported with the numbers of one
 * example (nodes that hold such numbers themselves still want them); a number fixes what the model leaves open. Since: 0.2 */
typedef struct tenonh_onnx_dim {
    const char *input;
    const char *symbol; /* equal names are equal dims; NULL: `number` */
    int64_t number;     /* elements, without a symbol */
    uint32_t axis;
    uint32_t reserved; /* must be 0 */
} tenonh_onnx_dim;

#define TENONH_ONNX_OPTIONS_SIZE_V1 24u

/* Zero-initialised but for struct_size is the default. A descriptor. */
typedef struct tenonh_onnx_options {
    uint32_t struct_size; /* bytes: sizeof */
    uint32_t constant_count;
    const tenonh_onnx_constant *constants; /* copied */
    const char *folder;                    /* where external data lie; NULL: the folder of the model's file */
    /* Since: 0.2, as what follows. */
    const tenonh_onnx_dim *dims; /* copied */
    uint32_t dim_count;
    uint32_t reserved; /* must be 0 */
} tenonh_onnx_options;

/* Reads a model file into a module whose function `main` has the graph's inputs and outputs under their names.
 * Shapes: named dims (dim_param) become symbols of that name; dims without a name get one made of the input's name and
 *         the axis. Inputs that have an initializer are constants.
 * Owner:  *out_module is the caller's. It keeps the external data files mapped: they must not be shortened until it is
 *         destroyed. options may be NULL.
 * Errors: NOT_FOUND, IO, BAD_DATA (malformed: the message says where; external data outside the model's folder; an output
 *         that its nodes make of another dtype or rank than the model declares),
 *         UNSUPPORTED (the message names every operator that is not known, with its node), INVALID (a node breaks its
 *         operator's rules; the message names it), OUT_OF_MEMORY. Thread: any. */
TENON_EXPORT tenon_status tenonh_onnx_import(const char *path, const tenonh_onnx_options *options,
                                             tenonh_module **out_module);

/* The same from bytes in memory, which are not kept. Without a folder in the options there can be no external data. */
TENON_EXPORT tenon_status tenonh_onnx_import_bytes(const void *bytes, uint64_t size, const tenonh_onnx_options *options,
                                                   tenonh_module **out_module);

TENON_EXTERN_C_END

#endif
