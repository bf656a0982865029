/* Proof that a plan's commands order everything that has to be ordered. */
#ifndef TENON_PLAN_CHECK_H
#define TENON_PLAN_CHECK_H

#include "plan/plan.h"

/* Takes nothing but commands, steps and where storages lie, and knows nothing of how they came to be. What it proves, for
 * every timing that streams and events allow:
 *   each step has one command, on a stream of its place; each event is recorded once, before it is waited for;
 *   of two accesses to a byte, one of them a write, one comes after the other;
 *   what is read was written before, and not overwritten with another value since;
 *   a step's output shares bytes with an operand only as its exec permits.
 * Errors: INTERNAL, naming the steps; OUT_OF_MEMORY. */
tenon_status tenon__plan_check(const tenon__plan *plan);

#endif
