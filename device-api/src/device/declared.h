/* What a device declares that it can be asked (tenon_device_info.dtypes, .views), and works held against it: who asks for
 * more is answered UNSUPPORTED in the device's place. */
#ifndef TENON__DEVICE_DECLARED_H
#define TENON__DEVICE_DECLARED_H

#include <stdbool.h>

#include <tenon/host/exec.h>

/* False for a dtype that the device does not declare. */
bool tenon__declares(const tenon_device_info *info, tenon_dtype dtype);

/* The same as a failure, UNSUPPORTED, in words; `what` is the operator. */
tenon_status tenon__check_dtype(const tenonh_device *device, tenon_dtype dtype, const char *what);

/* 1 + the first node of a graph work with a value of a dtype that is not declared; 0: there is none. */
uint32_t tenon__undeclared_node(const tenon_device_info *info, const tenon_graph_work *graph);

/* Op work whose operand `index` has strides that are numbers and leave gaps, where the device declares that none has.
 * Strides that are symbols get their values at launch: those are for who launches. */
bool tenon__has_gaps(const tenon_device_info *info, const tenon_work *work, uint32_t index);

/* OK, or UNSUPPORTED for op, composite or graph work that the device declares not to take. */
tenon_status tenon__check_declared(const tenonh_device *device, const tenon_work *work);

#endif
