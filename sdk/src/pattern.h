/* Shared by canonical.c and pattern.c: which groups a family has. */
#ifndef TENON_SDK_PATTERN_H
#define TENON_SDK_PATTERN_H

#include <tenon/canonical.h>
#include <tenon/helpers.h>

enum { P = 1 << TENON_GROUP_P, R = 1 << TENON_GROUP_R, S = 1 << TENON_GROUP_S, G = 1 << TENON_GROUP_G };

/* Bits of tenon__groups.flags. */
enum {
    TENON__MOVES = 1,   /* elements are only moved: a kernel knows their width alone */
    TENON__SORTS_P = 2, /* axes of P may take any order */
    TENON__SORTS_R = 4
};

typedef struct tenon__groups {
    uint8_t of[TENON_PATTERN_OPERANDS]; /* groups that index each operand; those beyond the list repeat the first */
    uint8_t single;                     /* groups of exactly one axis, whatever its size */
    uint8_t flags;
} tenon__groups;

/* Of a family; NULL when it has no kernels. */
const tenon__groups *tenon__groups_of(uint32_t family);

#endif
