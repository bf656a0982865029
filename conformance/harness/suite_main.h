/* `tenon test`: the whole of it, from parsed options to the verdict. */
#ifndef TENON_HARNESS_SUITE_MAIN_H
#define TENON_HARNESS_SUITE_MAIN_H

#include "harness/options.h"

/* Gives the exit code. */
int cfh_suite_main(cfh_options *options);

#endif
