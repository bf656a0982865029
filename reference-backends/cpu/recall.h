/* What an exec's last launch was resolved to. The next one with the same symbols and scalars needs only its addresses
 * checked: that is what a loop over one shape does, and a tenth of the time.
 * Thread: one launch at a time looks at it; others meanwhile do without. */
#ifndef CPU_RECALL_H
#define CPU_RECALL_H

#include "work.h"

/* Gives the exec, whose counts and sizes are set, a place to remember. Errors: OUT_OF_MEMORY with a report. */
tenon_status cpu_recall_create(tenon_exec *exec);
void cpu_recall_destroy(tenon_exec *exec);

/* 1: the call is filled but for addresses and workspace, and the operands' reaches are known. */
int cpu_recall_get(tenon_exec *exec, const tenon_launch *launch, cpu_reach *out_reaches, cpu_call *out_call);

/* Remembers a call without scratch. */
void cpu_recall_put(tenon_exec *exec, const tenon_launch *launch, const cpu_reach *reaches, const cpu_call *call);

#endif
