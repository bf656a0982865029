/* Shared by shape.c (the classes of a module), shape_class.c (one class and its plans) and shape_rules.c (what has to hold
 * for other numbers). */
#ifndef TENON_PLAN_SHAPE_INTERNAL_H
#define TENON_PLAN_SHAPE_INTERNAL_H

#include "plan/builder.h"
#include "plan/shape.h"

/* What the walk added for one node that symbols reach, or for the inputs before and the outputs after all nodes. */
typedef struct tenon__stretch {
    uint32_t node; /* number; see TENON__STRETCH_* */
    uint32_t step, step_end, storage, storage_end;
} tenon__stretch;
enum { TENON__STRETCH_OUTPUTS = INT32_MAX }; /* the first stretch is the inputs' */

/* A storage that lies in another one's bytes. */
typedef struct tenon__share {
    uint32_t part, whole; /* storages */
    uint32_t step;        /* as walked: the copy that became needless, or whose output `whole` takes operand `part` */
    uint32_t from, to;    /* refs of the step: of `part`, of `whole` */
    bool copy;
} tenon__share;

/* Two accesses of a storage's bytes, one of which writes a part of them. */
typedef struct tenon__pair {
    uint32_t steps[2], refs[2];
    bool meet;
} tenon__pair;

/* What sharing and order rest on, beside the steps' own decisions. */
typedef struct tenon__shape_rules {
    tenon__share *shares; /* a whole that is a part itself comes before its parts */
    tenon__pair *pairs;
    uint32_t share_count, pair_count;
} tenon__shape_rules;

/* The rules of an arranged plan; `walked` holds its steps and storages as they were before, `places` where each of those
 * steps stands now. Not usable: they are more than are worth looking at for each plan. Errors: OUT_OF_MEMORY. */
tenon_status tenon__shape_rules_create(const tenon__plan *arranged, const tenon__plan *walked, const uint32_t *places,
                                       tenon__shape_rules *out_rules, bool *out_usable);
void tenon__shape_rules_free(tenon__shape_rules *rules);

/* Whether they hold for the steps of `walked`, with sizes and steps of other numbers, in the prototype's arena. Then
 * `storages`, a copy of the prototype's, get sizes and places. */
bool tenon__shape_rules_hold(const tenon__shape_rules *rules, const tenon__plan *walked,
                             const tenon__storage *prototype, tenon__storage *storages);

struct tenon__shape_class {
    tenon__shape_class *next; /* under the lock of `shapes`, like the next four */
    bool busy;                /* a thread makes a plan of it */
    uint32_t out;             /* plans given away */
    tenon__plan *spares;      /* returned plans */
    uint32_t spare_count;
    tenon__shapes *shapes;
    const tenonh_function *function;
    const tenonh_device *device;
    uint32_t streams;
    bool usable;
    tenon__plan *prototype;
    tenon__plan walked;  /* steps and storages as walked; the prototype's memory holds what they point to */
    tenon__plan scratch; /* the same while a plan is made */
    uint32_t step_capacity, storage_capacity; /* of scratch */
    tenon__value_state *values;
    tenon__stretch *stretches;
    uint32_t stretch_count;
    tenon__exec_memo *memos; /* by walked step */
    uint32_t *places;        /* by walked step: where it stands in the prototype; TENON__NEVER for views */
    tenon__shape_rules rules;
    uint32_t round;    /* of walks over the stretches */
    bool exec_changed; /* the latest walk found another exec for a step: no class of more numbers would do */
};

/* Makes a class from a walk on `numbers`. Errors: as tenon__plan_create. */
tenon_status tenon__shape_class_create(tenon__shapes *shapes, const tenon__plan_context *context,
                                       const tenonh_function *function, const int64_t *numbers,
                                       tenon__shape_class **out_class);
void tenon__shape_class_destroy(tenon__shape_class *class);

/* A plan for `numbers` in `spare` or, when that is NULL, in memory of its own; *out_plan stays NULL, and `spare` is gone,
 * when the numbers are not of this class. The caller has the class busy. Errors: OUT_OF_MEMORY. */
tenon_status tenon__shape_class_plan(tenon__shape_class *class, const tenon__plan_context *context,
                                     const int64_t *numbers, tenon__plan *spare, tenon__plan **out_plan);

/* Frees a plan of a class. */
void tenon__shape_plan_free(tenon__plan *plan);

#endif
