/* Shape classes: numbers for which a function's plan takes the same decisions. A class keeps one plan as its prototype; a
 * plan of other numbers is a copy of it in which only the steps that symbols reach are made anew, on the real numbers.
 * Where a decision falls otherwise, or a value outgrows its place, it is no plan of that class.
 *
 * Prototypes are made for numbers rounded up, so that a length that grows stays in its class for a while: arenas are laid
 * out for the prototype's sizes, and smaller values leave gaps there. The first plan of a function is exact and has no
 * class: most sessions know one shape only.
 * Thread: everything here is thread-safe. */
#ifndef TENON_PLAN_SHAPE_H
#define TENON_PLAN_SHAPE_H

#include "plan/plan.h"

typedef struct tenon__shapes tenon__shapes;
typedef struct tenon__shape_class tenon__shape_class;

tenon_status tenon__shapes_create(tenon__shapes **out_shapes);
void tenon__shapes_destroy(tenon__shapes *shapes); /* after the plans; NULL is allowed */

/* A plan of `function` in a class, found or made; *out_plan stays NULL where a plan of its own is to be made: of the first
 * numbers, of a function that symbols do not reach or whose steps go to several streams.
 * `symbols` as tenon__lowered_numbers takes them, `numbers` as it gives them. Errors: as tenon__plan_create. */
tenon_status tenon__shapes_plan(const tenon__plan_context *context, const tenon__lowered *lowered,
                                const tenonh_function *function, const int64_t *symbols, const int64_t *numbers,
                                tenon__plan **out_plan);

/* Takes a plan of a class back: its memory serves the next one. */
void tenon__shapes_return(tenon__plan *plan);

#endif
