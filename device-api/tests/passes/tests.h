/* The test cases of composites, a file a kind. */
#ifndef TENON_TESTS_PASSES_TESTS_H
#define TENON_TESTS_PASSES_TESTS_H

#include <check.h>

TCase *tests_of_axes(void);
TCase *tests_of_windows(void);
TCase *tests_of_indices(void);

#endif
