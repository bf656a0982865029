/* The operator cases, one function a group of rows; each runs on the device under test. */
#ifndef TENON_CASES_FAMILIES_H
#define TENON_CASES_FAMILIES_H

#include "cases/case.h"

void cf_map_values(void);
void cf_map_layouts(void);
void cf_casts(void);
void cf_data(void);       /* copy fill iota pad bitcast update_slice random_bits */
void cf_reductions(void); /* sum reduce_max reduce_min prod argmax */
void cf_indexed(void);    /* gather scatter, and indices out of range */
void cf_matmuls(void);
void cf_ordered(void); /* sort scan */

#endif
