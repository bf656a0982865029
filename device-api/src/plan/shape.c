#include "plan/shape_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SPARES = 4, MOST_CLASSES = 8 };

/* The numbers that a function was planned for last. */
typedef struct seen {
    struct seen *next;
    const tenonh_function *function;
    int64_t symbols[];
} seen;

struct tenon__shapes {
    pthread_mutex_t lock; /* of everything below */
    tenon__shape_class *classes;
    uint32_t count;
    seen *seen;
};

tenon_status tenon__shapes_create(tenon__shapes **out_shapes) {
    *out_shapes = calloc(1, sizeof **out_shapes);
    if (!*out_shapes) return tenon__fail_memory();
    pthread_mutex_init(&(*out_shapes)->lock, NULL);
    return TENON_STATUS_OK;
}

static void destroy_class(tenon__shape_class *class) {
    for (tenon__plan *plan = class->spares, *next; plan; plan = next) {
        next = plan->spare;
        tenon__shape_plan_free(plan);
    }
    tenon__shape_class_destroy(class);
}

void tenon__shapes_destroy(tenon__shapes *shapes) {
    if (!shapes) return;
    for (tenon__shape_class *class = shapes->classes, *next; class; class = next) {
        next = class->next;
        destroy_class(class);
    }
    for (seen *s = shapes->seen, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    pthread_mutex_destroy(&shapes->lock);
    free(shapes);
}

/* -- What was seen -- */

/* The numbers before these, copied to `before`; false for the first ones. */
static bool note_symbols(tenon__shapes *shapes, const tenonh_function *function, const int64_t *symbols,
                         int64_t *before) {
    size_t size = function->module->dims.symbol_count * sizeof *symbols;
    pthread_mutex_lock(&shapes->lock);
    seen *s = shapes->seen;
    while (s && s->function != function) s = s->next;
    bool known = s != NULL;
    if (!s && (s = malloc(sizeof *s + size))) {
        s->function = function;
        s->next = shapes->seen;
        shapes->seen = s;
    } else if (s) {
        memcpy(before, s->symbols, size);
    }
    if (s) memcpy(s->symbols, symbols, size);
    pthread_mutex_unlock(&shapes->lock);
    return known;
}

/* The next number of the form 4, 5, 6 or 7 times a power of two. */
static int64_t round_up(int64_t value) {
    int64_t unit = 1;
    while (value / unit >= 8) unit *= 2;
    int64_t up = value / unit * unit;
    return up < value ? up + unit : up;
}

/* Symbols that have changed are rounded up, as far as their ranges allow. */
static void round_symbols(const tenon__dims *dims, const int64_t *before, int64_t *symbols) {
    for (uint32_t i = 0; i < dims->symbol_count; i++) {
        const tenon_symbol *range = &dims->symbols[i]->range;
        if (symbols[i] == before[i] || symbols[i] == TENON__UNBOUND || symbols[i] > INT32_MAX) continue;
        int64_t up = round_up(symbols[i]);
        up += (range->divisor - up % range->divisor) % range->divisor;
        symbols[i] = up <= range->max ? up : symbols[i];
    }
}

/* -- Classes -- */

/* The next class after `after` that may do, made busy, with a returned plan of it; `after` is no longer busy. */
static tenon__shape_class *take_class(tenon__shapes *shapes, const tenon__plan_context *context,
                                      const tenonh_function *function, tenon__shape_class *after,
                                      tenon__plan **out_spare) {
    pthread_mutex_lock(&shapes->lock);
    tenon__shape_class *class = after ? after->next : shapes->classes;
    if (after) after->busy = false;
    while (class && (class->busy || class->function != function || class->device != context->devices[0] ||
                     class->streams != context->streams))
        class = class->next;
    if (class) {
        class->busy = true;
        *out_spare = class->usable ? class->spares : NULL;
        if (*out_spare) {
            class->spares = class->spares->spare;
            class->spare_count--;
        }
    }
    pthread_mutex_unlock(&shapes->lock);
    return class;
}

/* The class comes first from now on when a plan of it was made. */
static void give_class(tenon__shape_class *class, bool served) {
    tenon__shapes *shapes = class->shapes;
    pthread_mutex_lock(&shapes->lock);
    class->busy = false;
    if (served) class->out++;
    if (served && shapes->classes != class) {
        tenon__shape_class **link = &shapes->classes;
        while (*link != class) link = &(*link)->next;
        *link = class->next;
        class->next = shapes->classes;
        shapes->classes = class;
    }
    pthread_mutex_unlock(&shapes->lock);
}

/* Under the lock: takes out the class that served longest ago, of those without plans in use. */
static tenon__shape_class *take_oldest(tenon__shapes *shapes) {
    tenon__shape_class **oldest = NULL;
    for (tenon__shape_class **link = &shapes->classes; *link; link = &(*link)->next)
        if (!(*link)->busy && (*link)->out == 0) oldest = link;
    if (!oldest) return NULL;
    tenon__shape_class *class = *oldest;
    *oldest = class->next;
    shapes->count--;
    return class;
}

static void add_class(tenon__shapes *shapes, tenon__shape_class *class) {
    tenon__shape_class *victim = NULL;
    pthread_mutex_lock(&shapes->lock);
    class->busy = true;
    if (shapes->count >= MOST_CLASSES) victim = take_oldest(shapes);
    class->next = shapes->classes;
    shapes->classes = class;
    shapes->count++;
    pthread_mutex_unlock(&shapes->lock);
    if (victim) destroy_class(victim);
}

/* *out_exact: rounding the numbers up would not help. */
static tenon_status plan_in_classes(tenon__shapes *shapes, const tenon__plan_context *context,
                                    const tenonh_function *function, const int64_t *numbers, tenon__plan **out_plan,
                                    bool *out_usable, bool *out_exact) {
    tenon__plan *spare;
    *out_usable = true;
    *out_exact = context->devices[0] && tenonh_device_info(context->devices[0])->shapes != TENON_SHAPES_DYNAMIC;
    for (tenon__shape_class *class = NULL; (class = take_class(shapes, context, function, class, &spare));) {
        tenon_status status = TENON_STATUS_OK;
        *out_usable = class->usable;
        if (class->usable) status = tenon__shape_class_plan(class, context, numbers, spare, out_plan);
        *out_exact = *out_exact || class->exec_changed;
        if (status == TENON_STATUS_OK && !*out_plan && *out_usable) continue;
        give_class(class, *out_plan != NULL);
        return status;
    }
    return TENON_STATUS_OK;
}

/* A class whose prototype has `numbers`, and a plan of it for `wanted` if it takes them. */
static tenon_status plan_in_new(tenon__shapes *shapes, const tenon__plan_context *context,
                                const tenonh_function *function, const int64_t *numbers, const int64_t *wanted,
                                tenon__plan **out_plan) {
    tenon__shape_class *class;
    TENON_TRY(tenon__shape_class_create(shapes, context, function, numbers, &class));
    add_class(shapes, class);
    tenon_status status =
        class->usable ? tenon__shape_class_plan(class, context, wanted, NULL, out_plan) : (tenon_status)TENON_STATUS_OK;
    give_class(class, *out_plan != NULL);
    return status;
}

/* Numbers for symbols rounded up; false where they do not go together. */
static bool round_numbers(const tenon__lowered *lowered, const int64_t *before, int64_t *symbols, int64_t *numbers) {
    round_symbols(&lowered->module->dims, before, symbols);
    return tenon__lowered_numbers(lowered, symbols, numbers) == TENON_STATUS_OK;
}

tenon_status tenon__shapes_plan(const tenon__plan_context *context, const tenon__lowered *lowered,
                                const tenonh_function *function, const int64_t *symbols, const int64_t *numbers,
                                tenon__plan **out_plan) {
    uint32_t symbol_count = lowered->module->dims.symbol_count;
    tenon__shapes *shapes = lowered->shapes;
    bool usable, exact;
    *out_plan = NULL;
    if (lowered->dim_count <= 1 || lowered->claims) return TENON_STATUS_OK;
    TENON_TRY(plan_in_classes(shapes, context, function, numbers, out_plan, &usable, &exact));
    if (*out_plan || !usable || context->quick) return TENON_STATUS_OK;
    int64_t *before = calloc(2 * (size_t)symbol_count + lowered->dim_count + 1, sizeof *before);
    if (!before) return tenon__fail_memory();
    int64_t *rounded = before + symbol_count, *upper = rounded + symbol_count;
    tenon_status status = TENON_STATUS_OK;
    memcpy(rounded, symbols, symbol_count * sizeof *symbols);
    if (note_symbols(shapes, function, symbols, before)) {
        if (!exact && round_numbers(lowered, before, rounded, upper))
            status = plan_in_new(shapes, context, function, upper, numbers, out_plan);
        bool again = !*out_plan && status != TENON_STATUS_OUT_OF_MEMORY;
        if (again && (exact || memcmp(rounded, symbols, symbol_count * sizeof *symbols) != 0))
            status = plan_in_new(shapes, context, function, numbers, numbers, out_plan);
    }
    free(before);
    return status;
}

/* Under the lock: takes the class out if nothing is made of it any more and another one served later. */
static bool take_idle(tenon__shape_class *class) {
    tenon__shapes *shapes = class->shapes;
    if (class->out > 0 || class->busy || shapes->classes == class) return false;
    tenon__shape_class **link = &shapes->classes;
    while (*link != class) link = &(*link)->next;
    *link = class->next;
    shapes->count--;
    return true;
}

void tenon__shapes_return(tenon__plan *plan) {
    tenon__shape_class *class = plan->shape_class;
    tenon__shapes *shapes = class->shapes;
    pthread_mutex_lock(&shapes->lock);
    class->out--;
    bool kept = class->spare_count < MOST_SPARES;
    if (kept) {
        plan->spare = class->spares;
        class->spares = plan;
        class->spare_count++;
    }
    bool idle = take_idle(class);
    pthread_mutex_unlock(&shapes->lock);
    if (!kept) tenon__shape_plan_free(plan);
    if (idle) destroy_class(class);
}
