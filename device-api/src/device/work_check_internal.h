/* Shared by work_check.c and graph_check.c. */
#ifndef TENON__DEVICE_WORK_CHECK_INTERNAL_H
#define TENON__DEVICE_WORK_CHECK_INTERNAL_H

#include "device/work_check.h"
#include "support/error.h"

#define TENON__MALFORMED(...) tenon__fail(TENON_STATUS_INVALID, "work: " __VA_ARGS__)

/* A descriptor of the work called `name` for messages. */
tenon_status tenon__check_descriptor(const void *descriptor, const char *name, uint32_t oldest, uint32_t known);

/* A view of operand or value `index`; `whose` says which. */
tenon_status tenon__check_view(const tenon_work *work, const char *whose, uint32_t index, const tenon_view *view);

/* Attributes of an operator or composite called `name`: known ids, values that are there. */
tenon_status tenon__check_attrs(const char *name, const tenon_attr *attrs, uint32_t count);

/* The part of a work of kind COMPOSITE, or GRAPH; its operands are checked already. */
tenon_status tenon__check_composite(const tenon_work *work);
tenon_status tenon__check_graph(const tenon_work *work);

#endif
