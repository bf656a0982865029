/* Requests that a defect has changed before the plugin inside sees them. */
#ifndef TENON_MUTANTS_TAMPER_H
#define TENON_MUTANTS_TAMPER_H

#include "mutants/job.h"

/* A work with what the defect has changed in it. */
typedef struct mutant_request {
    tenon_work work;
    tenon_op_work op;
    tenon_graph_work graph;
    tenon_graph_node *nodes;
    tenon_operand *operands;
    tenon_symbol *symbols;
    tenon_attr attrs[MUTANT_MAX_ATTRS];
    int64_t values[MUTANT_MAX_VALUES];
} mutant_request;

/* The work to prepare in place of `work`; it may be that one. */
const tenon_work *mutant_request_begin(const tenon_work *work, mutant_request *out_request);
void mutant_request_end(mutant_request *request);

/* Changes host scalars of a launch of `op`; `kept` holds `most` and lives as long as the launch. */
void mutant_change_scalars(tenon_op op, tenon_launch *launch, uint64_t *kept, uint32_t most);

#endif
