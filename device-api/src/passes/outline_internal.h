/* Shared by outline.c (what runs when) and outline_part.c (the modules of parts). */
#ifndef TENON_PASSES_OUTLINE_INTERNAL_H
#define TENON_PASSES_OUTLINE_INTERNAL_H

#include "graph/composite.h"
#include "passes/outline.h"
#include "passes/rebuild.h"

/* A group is what runs together: a part, or one decision. 0 stands for what is there before: arguments, constants. */
typedef struct tenon__outliner {
    tenon__outline *outline;
    tenon__arena scratch;
    uint32_t *levels, *groups; /* by value: how many decisions it waits for, and what defines it */
    const uint8_t *derived;    /* by value: 1 for small ones that follow from dims and constants alone */
    uint8_t *needed;           /* by value: 1 where another group, or the host, needs the tensor */
    uint32_t *stamps;          /* by value and, behind them, by symbol: last list that it was put into */
    uint32_t stamp;
    uint32_t group_count;
    /* By symbol: the region in which data gives it its value (NULL: an input does), when, and by which value. */
    const tenonh_region **homes;
    uint32_t *symbol_levels, *symbol_groups;
    tenonh_value **definers;
} tenon__outliner;

/* Calls back for every symbol of a dim. */
typedef void (*tenon__symbol_visitor)(void *context, const tenon__symbol *symbol);
void tenon__visit_symbols(const tenonh_dim *dim, tenon__symbol_visitor visit, void *context);

/* True for values that are rebuilt where they are needed: their elements are expressions. */
bool tenon__has_content(const tenonh_value *value);

/* True for what is made again where it is needed, rather than handed over: views of constants, and small values that
 * follow from dims and constants alone. */
bool tenon__is_made_again(const uint8_t *derived, const tenonh_value *value);

/* True for a composite whose dims wait for elements of its operands that more than dims decides. */
bool tenon__is_decided(const uint8_t *derived, const tenonh_node *node);

/* Makes a part of nodes of one group, and gives it to the outline. `constants` are further outputs. *out_part is NULL
 * when nothing of it is needed elsewhere. */
tenon_status tenon__outline_part(tenon__outliner *o, tenonh_node *const *nodes, uint32_t node_count, uint32_t group,
                                 tenonh_value *const *constants, uint32_t constant_count, tenon__part **out_part);

#endif
