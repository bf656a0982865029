/* One sample work of a kind, as this host makes it for the device under test, and what is made of it by raw hooks. The
 * sample is y = a + b on f32. */
#ifndef TENON_CASES_ABI_WORK_H
#define TENON_CASES_ABI_WORK_H

#include "cases/abi_raw.h"
#include "support/arena.h"

enum { CF_SAMPLE_COUNT = 6 /* elements */, CF_SAMPLE_OPERANDS = 3 };

/* A work with all it points to, its own to be changed, and the numbers of a launch. */
typedef struct cf_sample {
    tenon_work work;
    tenon_op_work op;
    tenon_kernel_work kernel;
    tenon_graph_work graph;
    tenon_symbol *symbols;
    tenon_operand *operands;
    tenon_graph_node *nodes;
    tenon_view *values;
    int64_t *numbers; /* of the symbols, at launch */
    tenon_grid *grids;
    uint32_t grid_count;
    uint64_t workspace_size;
    tenon__arena arena;
} cf_sample;

/* Kinds of work that a sample can be made of: X(TENON_WORK_ constant, "name"). */
#define CF_SAMPLE_KINDS(X)                                                                                             \
    X(OP, "op")                                                                                                        \
    X(KERNEL, "kernel")                                                                                                \
    X(GRAPH, "graph")

/* True where the device takes work of a kind; else the row does not apply. */
bool cf_sample_takes(uint32_t kind, const char *name);

/* Makes the sample of a kind that the device takes. False after failing the row. */
bool cf_sample_make(uint32_t kind, cf_sample *out);
void cf_sample_free(cf_sample *sample);

/* An answer as the host presets it. Its arrays are the sample's. */
typedef struct cf_answer {
    tenon_exec_info info;
    tenon_symbol *symbols;
    tenon_operand_info *operands;
} cf_answer;
cf_answer cf_sample_answer(cf_sample *sample);

/* Makes everything that the work pointed to senseless, but for the numbers of a launch. */
void cf_sample_scribble(cf_sample *sample);

/* Prepares the work and releases what came of it. */
tenon_status cf_sample_prepare(cf_raw *raw, cf_sample *sample, const tenon_work *work);

/* A sample that is prepared, with its buffers, inputs written. */
typedef struct cf_running {
    cf_raw *raw;
    cf_sample *sample;
    tenon_exec *exec;
    const tenon_symbol *answered; /* ranges that the exec is valid for */
    tenon_memory *memories[CF_SAMPLE_OPERANDS], *workspace;
    tenon_buffer buffers[CF_SAMPLE_OPERANDS];
    tenon_launch launch;
} cf_running;

/* Prepares, allocates and writes; false after failing the row. What is there is released by cf_running_end. */
bool cf_running_begin(cf_raw *raw, cf_sample *sample, cf_running *out);
void cf_running_end(cf_running *run);

/* Launches and waits; the result is a + b. False after failing the row. */
bool cf_running_works(cf_running *run, const tenon_launch *launch);
/* The same for the usual launch, whose arrays are made senseless before it is waited for. */
bool cf_running_works_scribbled(cf_running *run);
/* The stream has no failure and the result is as it was: nothing has happened. */
bool cf_running_is_untouched(cf_running *run);

/* The whole way of one sample: prepare, launch, compare, release. */
bool cf_sample_runs(cf_raw *raw, cf_sample *sample);

#endif
