/* Rows of element-wise operators: what map_cases.c and map_values.c share. */
#ifndef TENON_CASES_MAP_H
#define TENON_CASES_MAP_H

#include "cases/case.h"
#include "cases/meaning.h"

/* An element-wise operator for value operands of one dtype. */
typedef struct cf_map {
    const tenon_op_row *op;
    const cf_meaning *meaning;
    tenon_dtype dtype;
} cf_map;

/* A row without its elements: all operands and the result have these dims. `layouts`: of the operands, then the result's
 * at [3]. The operands are filled by the caller. */
cf_row cf_map_row(const cf_map *map, uint32_t rank, const int64_t *dims, const uint32_t layouts[4]);

/* Runs a filled row and compares each element with the operator's meaning. Frees the row. */
void cf_map_check(const cf_map *map, cf_row *row);

/* Rows about values: edges, every value of small types, ranges that an operator is hard in. */
void cf_map_values(const cf_map *map);

#endif
