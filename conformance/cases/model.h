/* A model of conformance/models on the device under test. */
#ifndef TENON_CASES_MODEL_H
#define TENON_CASES_MODEL_H

#include "cases/case.h"

enum { CF_MODEL_ARRAYS = 32 /* inputs, and outputs, at most */ };

/* A model to be run: rows name one. */
typedef struct cf_model_name {
    const char *row;    /* its rows' name */
    const char *folder; /* of the suite's models */
    const char *file;
} cf_model_name;

/* A model read, with a session that runs it wholly on the device. */
typedef struct cf_model {
    tenonh_module *module;
    const tenonh_function *function;
    tenonh_session *session;
    tenonh_array inputs[CF_MODEL_ARRAYS];
    uint32_t input_count, output_count;
    char folder[1024];
} cf_model;

/* Reads the model with weights that are made for this row, and its inputs. streams: that a run may use. False: the row
 * failed. Owner: cf_model_close, also after a failure. */
bool cf_model_open(const cf_model_name *name, uint32_t streams, cf_model *out_model);
void cf_model_close(cf_model *model);

/* Runs it. outputs: CF_MODEL_ARRAYS empty arrays, freed by the caller with cf_model_free. Thread: any, over one model. */
tenon_status cf_model_run(const cf_model *model, tenonh_array *outputs);
void cf_model_free(tenonh_array *arrays);

/* The golden of an output. False: the row failed. */
bool cf_model_golden(const cf_model *model, uint32_t output, tenonh_array *out_golden);

#endif
