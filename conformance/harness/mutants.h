/* `tenon test --mutants`: how good the suite is, measured on plugins with one planted defect each. */
#ifndef TENON_HARNESS_MUTANTS_H
#define TENON_HARNESS_MUTANTS_H

#include "harness/options.h"

/* Runs every mutant of conformance/mutants/mutants.def until a row does not pass: the rows about its defect first, then all
 * others (not with `quick`). The rows that killed must then pass on the plugins without a defect. A plugin in the options:
 * its mutants only; filters: those of such names or classes. Gives the exit code: 0 when every mutant was killed by a row about its defect. */
int cfh_mutants_main(const cfh_options *options);

#endif
