/* The operators that run with symbols for dims and strides. */
#include "cases/symbol.h"

/* clang-format off */
#define ROWS(DTYPE, content, m, n)   {TENON_DTYPE_##DTYPE, 2, content, {m, n}, CF_BY_ROWS}
#define LINE(DTYPE, content, n)      {TENON_DTYPE_##DTYPE, 1, content, {n}, CF_BY_ROWS}
#define EVERY(DTYPE, n, stride)      {TENON_DTYPE_##DTYPE, 1, CF_SMALL, {n}, stride}
#define APART(DTYPE, m, n, stride)   {TENON_DTYPE_##DTYPE, 2, CF_SMALL, {m, n}, stride}
#define ATTR(NAME, ...)              {TENON_ATTR_##NAME, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}
#define TO(TYPE)                     ATTR(DTYPE, TENON_DTYPE_##TYPE)

const cf_symbolic cf_symbolics[] = {
    {"add", TENON_OP_ADD, 1, {LINE(F32, CF_SMALL, 0), LINE(F32, CF_SMALL, 0), LINE(F32, CF_SMALL, 0)}, {{0}}, 0, {0}},
    {"add_rows", TENON_OP_ADD, 2, {ROWS(I32, CF_SMALL, 0, 1), ROWS(I32, CF_SMALL, 0, 1), ROWS(I32, CF_SMALL, 0, 1)},
     {{0}}, 0, {0}},
    {"copy", TENON_OP_COPY, 2, {ROWS(F32, CF_SMALL, 0, 1), ROWS(F32, CF_SMALL, 0, 1)}, {{0}}, 0, {0}},
    {"sum", TENON_OP_SUM, 2, {ROWS(F32, CF_SMALL, 0, 1), LINE(F32, CF_SMALL, 0)}, {ATTR(AXES, 1)}, 0, {0}},
    {"sum_first", TENON_OP_SUM, 2, {ROWS(I64, CF_SMALL, 0, 1), LINE(I64, CF_SMALL, 1)}, {ATTR(AXES, 0)}, 0, {0}},
    {"matmul", TENON_OP_MATMUL, 3, {ROWS(F32, CF_SMALL, 0, 1), ROWS(F32, CF_SMALL, 1, 2), ROWS(F32, CF_SMALL, 0, 2)},
     {{0}}, 0, {0}},

    /* Strides that are symbols of their own: of what is read also 0. */
    {"neg_every", TENON_OP_NEG, 3, {EVERY(F32, 0, 1), EVERY(F32, 0, 2)}, {{0}}, 0, {0, 0, 1}},
    {"copy_apart", TENON_OP_COPY, 3, {APART(I32, 0, 1, 2), ROWS(I32, CF_SMALL, 0, 1)}, {{0}}, 0, {0}},

    /* Operands of several dtypes. */
    {"where", TENON_OP_WHERE, 2, {ROWS(BOOL, CF_SMALL, 0, 1), ROWS(F32, CF_SMALL, 0, 1), ROWS(F32, CF_SMALL, 0, 1),
     ROWS(F32, CF_SMALL, 0, 1)}, {{0}}, 0, {0}},
    {"cast", TENON_OP_CAST, 2, {ROWS(F32, CF_SMALL, 0, 1), ROWS(I32, CF_SMALL, 0, 1)}, {TO(I32)}, 0, {0}},
    {"cast_to_bool", TENON_OP_CAST, 1, {LINE(F32, CF_SMALL, 0), LINE(BOOL, CF_SMALL, 0)}, {TO(BOOL)}, 0, {0}},
    {"argmax", TENON_OP_ARGMAX, 2, {ROWS(F32, CF_RISING, 0, 1), LINE(I64, CF_SMALL, 0)}, {ATTR(AXIS, 1)}, 0, {0, 1}},
    {"argmax_first", TENON_OP_ARGMAX, 2, {ROWS(F32, CF_RISING, 0, 1), LINE(I64, CF_SMALL, 1)}, {ATTR(AXIS, 0)}, 0,
     {1, 0}},

    /* Indices: symbol 0 is what they lie below, symbol 1 how many they are. */
    {"gather", TENON_OP_GATHER, 3, {ROWS(F32, CF_SMALL, 0, 2), LINE(I64, CF_INDICES, 1), ROWS(F32, CF_SMALL, 1, 2)},
     {ATTR(AXIS, 0)}, 0, {1}},
    {"gather_last", TENON_OP_GATHER, 3, {ROWS(I32, CF_SMALL, 2, 0), LINE(I32, CF_INDICES, 1),
     ROWS(I32, CF_SMALL, 2, 1)}, {ATTR(AXIS, 1)}, 0, {1}},
    {"gather_past", TENON_OP_GATHER, 2, {LINE(F32, CF_SMALL, 0), LINE(I64, CF_PAST, 1), LINE(F32, CF_SMALL, 1)},
     {ATTR(AXIS, 0)}, 0, {0, 1}},
    {"scatter", TENON_OP_SCATTER, 3, {LINE(I64, CF_INDICES, 1), ROWS(F32, CF_SMALL, 1, 2), ROWS(F32, CF_SMALL, 0, 2)},
     {ATTR(AXIS, 0), ATTR(COMBINE, TENON_COMBINE_SET)}, 0, {1}},
    {"scatter_add", TENON_OP_SCATTER, 3, {LINE(I32, CF_INDICES, 1), ROWS(I32, CF_SMALL, 2, 1),
     ROWS(I32, CF_SMALL, 2, 0)}, {ATTR(AXIS, 1), ATTR(COMBINE, TENON_COMBINE_ADD)}, 0, {1}},
    {"scatter_past", TENON_OP_SCATTER, 2, {LINE(I64, CF_PAST, 1), LINE(F32, CF_SMALL, 1), LINE(F32, CF_SMALL, 0)},
     {ATTR(AXIS, 0), ATTR(COMBINE, TENON_COMBINE_SET)}, 0, {1, 1}},

    /* Lines along an axis. Scans also from the end, which a wrong one moves. */
    {"sort", TENON_OP_SORT, 2, {ROWS(F32, CF_SMALL, 0, 1), ROWS(F32, CF_SMALL, 0, 1), ROWS(I64, CF_SMALL, 0, 1)},
     {ATTR(AXIS, 1)}, 0, {0}},
    {"sort_first", TENON_OP_SORT, 2, {ROWS(I32, CF_SMALL, 0, 1), ROWS(I32, CF_SMALL, 0, 1), ROWS(I64, CF_SMALL, 0, 1)},
     {ATTR(AXIS, 0), ATTR(DESCENDING, 1)}, 0, {0}},
    {"scan", TENON_OP_SCAN, 2, {ROWS(I32, CF_SMALL, 0, 1), ROWS(I32, CF_SMALL, 0, 1)},
     {ATTR(AXIS, 1), ATTR(COMBINE, TENON_COMBINE_ADD), ATTR(REVERSE, 1)}, 0, {0}},
    {"scan_first", TENON_OP_SCAN, 2, {ROWS(F32, CF_SMALL, 0, 1), ROWS(F32, CF_SMALL, 0, 1)},
     {ATTR(AXIS, 0), ATTR(COMBINE, TENON_COMBINE_ADD), ATTR(EXCLUSIVE, 1)}, 0, {0}},

    /* Without operands, with host scalars, and parts of a result. */
    {"iota", TENON_OP_IOTA, 1, {LINE(I32, CF_SMALL, 0)}, {TO(I32), ATTR(AXIS, 0)}, 0, {0}},
    {"iota_rows", TENON_OP_IOTA, 2, {ROWS(I64, CF_SMALL, 0, 1)}, {TO(I64), ATTR(AXIS, 0)}, 0, {0}},
    {"fill", TENON_OP_FILL, 2, {ROWS(I32, CF_SMALL, 0, 1)}, {TO(I32)}, 12345, {0}},
    {"pad", TENON_OP_PAD, 1, {ROWS(I32, CF_SMALL, 0, -3), ROWS(I32, CF_SMALL, 0, -7)}, {ATTR(LOW, 0, 2)}, 54321, {0}},
    {"update_slice", TENON_OP_UPDATE_SLICE, 2, {ROWS(F32, CF_SMALL, -1, 1), LINE(I64, CF_START, -2),
     ROWS(F32, CF_SMALL, 0, 1)}, {{0}}, 0, {1}},
};
/* clang-format on */
const uint32_t cf_symbolic_count = sizeof cf_symbolics / sizeof *cf_symbolics;
