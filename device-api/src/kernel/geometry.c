#include "kernel/geometry.h"

#include "kernel/emit.h"
#include "support/error.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STACK = 64 };

/* -- Compiling ---------------------------------------------------------------------------------------------------- */

static bool grow(void **array, uint32_t *room, uint32_t count, size_t size) {
    if (count < *room) return true;
    uint32_t more = *room ? *room * 2 : 16;
    void *bigger = realloc(*array, more * size);
    if (!bigger) return false;
    *array = bigger;
    *room = more;
    return true;
}

static tenon_status add_step(tenon__geometry *g, tenon__geometry_step step) {
    void *steps = g->steps;
    if (!grow(&steps, &g->step_room, g->step_count, sizeof *g->steps)) return tenon__fail_memory();
    g->steps = steps;
    g->steps[g->step_count++] = step;
    return TENON_STATUS_OK;
}

static tenon_status add_value(tenon__geometry *g, const tenon__kir_program *program, tenon__kir_id id, uint32_t depth) {
    const tenon__kir_node *node = tenon__kir_at(program, id);
    if (depth == STACK || g->step_count > 1 << 20)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "an extent of program %s is too long an expression",
                           program->name);
    if (node->kind == TENON__KIR_CONST)
        return add_step(g, (tenon__geometry_step){0, TENON_NO_SYMBOL, (int64_t)node->bits});
    if (node->kind == TENON__KIR_SYMBOL) return add_step(g, (tenon__geometry_step){0, node->ref, 0});
    for (uint32_t i = 0; i < node->arg_count; i++)
        TENON_TRY(add_value(g, program, tenon__kir_arg(program, node, i), depth + i + 1));
    return add_step(g, (tenon__geometry_step){node->op, 0, 0});
}

static tenon_status add_factor(tenon__geometry *g, const tenon__kir_program *program, tenon__kir_id id,
                               int64_t divisor) {
    void *factors = g->factors;
    if (!grow(&factors, &g->factor_room, g->factor_count, sizeof *g->factors)) return tenon__fail_memory();
    g->factors = factors;
    uint32_t first = g->step_count;
    TENON_TRY(add_value(g, program, id, 0));
    g->factors[g->factor_count++] = (tenon__geometry_factor){{first, g->step_count - first}, divisor};
    return TENON_STATUS_OK;
}

static int64_t divisor_of(const tenon__kernel_plan *kernel, uint32_t axis) {
    switch (kernel->kind) {
    case TENON__PLAN_SERIAL: return 0;
    case TENON__PLAN_AXIS: return axis == kernel->axis ? kernel->chunk : 1;
    case TENON__PLAN_TILES:
        if (axis == kernel->tiles.axis_m) return kernel->tiles.block_m;
        return axis == kernel->tiles.axis_n ? kernel->tiles.block_n : 1;
    default: return 1;
    }
}

static tenon_status add_factors(tenon__geometry *g, const tenon__plan *plan, uint32_t kernel, uint32_t *out_first) {
    const tenon__kir_loop *grid = &plan->program->loops[plan->program->kernels[kernel].loop];
    *out_first = g->factor_count;
    for (uint32_t i = 0; i < grid->axis_count; i++)
        TENON_TRY(add_factor(g, plan->program, grid->extent[i], divisor_of(&plan->kernels[kernel], i)));
    return TENON_STATUS_OK;
}

static tenon_status make_entry(const tenon__plan *plan, uint32_t kernel, tenon__geometry *g) {
    const tenon__kir_loop *grid = &plan->program->loops[plan->program->kernels[kernel].loop];
    tenon__geometry_product entry = {.count = grid->axis_count, .scale = 1};
    TENON_TRY(add_factors(g, plan, kernel, &entry.first));
    if (plan->kernels[kernel].kind == TENON__PLAN_TILES) {
        const tenon__tiles *tiles = &plan->kernels[kernel].tiles;
        entry.few = tiles->few;
        entry.rows = g->factors[entry.first + tiles->axis_m].value;
        TENON_TRY(add_factors(g, plan->few, kernel, &entry.few_first));
    }
    g->entries[g->entry_count++] = entry;
    return TENON_STATUS_OK;
}

static tenon_status make_workspace(const tenon__kir_program *program, const tenon__kir_operand *operand,
                                   tenon__geometry *g) {
    uint32_t first = g->factor_count;
    if (operand->role != TENON__KIR_WORKSPACE) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < operand->rank; i++) TENON_TRY(add_factor(g, program, operand->dims[i], 1));
    int64_t bits = 8 * tenon__bytes_of(operand->dtype);
    if (operand->dtype == TENON_DTYPE_I4 || operand->dtype == TENON_DTYPE_U4) bits = 4;
    g->workspace[g->workspace_count++] =
        (tenon__geometry_product){.first = first, .count = operand->rank, .scale = bits};
    return TENON_STATUS_OK;
}

tenon_status tenon__geometry_make(const tenon__plan *plan, tenon__geometry *out_geometry) {
    const tenon__kir_program *program = plan->program;
    tenon__geometry *g = out_geometry;
    *g = (tenon__geometry){0};
    g->entries = calloc(program->kernel_count + 1, sizeof *g->entries);
    g->workspace = calloc(program->operand_count + 1, sizeof *g->workspace);
    if (!g->entries || !g->workspace) return tenon__fail_memory();
    for (uint32_t i = 0; i < program->kernel_count; i++) TENON_TRY(make_entry(plan, i, g));
    for (uint32_t i = 0; i < program->operand_count; i++) TENON_TRY(make_workspace(program, &program->operands[i], g));
    return TENON_STATUS_OK;
}

void tenon__geometry_free(tenon__geometry *g) {
    free(g->steps);
    free(g->factors);
    free(g->entries);
    free(g->workspace);
    *g = (tenon__geometry){0};
}

/* -- Evaluating --------------------------------------------------------------------------------------------------- */

static int64_t wrap_add(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t floor_div(int64_t a, int64_t b) {
    return b > 0 ? a / b - (a % b < 0) : 0;
}

/* Applies an operator to the values at `top`, the last one pushed, and below. Returns how many it takes. */
static uint32_t apply(uint32_t op, const int64_t *top, int64_t *out_value) {
    int64_t b = top[0], a = op == TENON_OP_NEG || op == TENON_OP_ABS ? 0 : top[-1];
    switch (op) {
    case TENON_OP_NEG: *out_value = wrap_add(~b, 1); return 1;
    case TENON_OP_ABS: *out_value = b < 0 ? wrap_add(~b, 1) : b; return 1;
    case TENON_OP_ADD: *out_value = wrap_add(a, b); return 2;
    case TENON_OP_SUB: *out_value = wrap_add(a, wrap_add(~b, 1)); return 2;
    case TENON_OP_MUL: *out_value = (int64_t)((uint64_t)a * (uint64_t)b); return 2;
    case TENON_OP_DIV: *out_value = floor_div(a, b); return 2;
    case TENON_OP_REM: *out_value = b > 0 ? a - floor_div(a, b) * b : 0; return 2;
    case TENON_OP_MAX: *out_value = a > b ? a : b; return 2;
    case TENON_OP_MIN: *out_value = a < b ? a : b; return 2;
    case TENON_OP_LT: *out_value = a < b; return 2;
    case TENON_OP_EQ: *out_value = a == b; return 2;
    default: *out_value = top[-2] ? a : b; return 3; /* where */
    }
}

static int64_t value_of(const tenon__geometry *g, tenon__geometry_value value, const int64_t *symbols) {
    const tenon__geometry_step *step = &g->steps[value.first];
    if (value.count == 1) return step->symbol == TENON_NO_SYMBOL ? step->number : symbols[step->symbol];
    int64_t stack[STACK + 4] = {0}, result = 0;
    uint32_t top = 0;
    for (uint32_t i = 0; i < value.count; i++, step++) {
        if (step->op) {
            top -= apply(step->op, &stack[top - 1], &result);
            stack[top++] = result;
        } else {
            stack[top++] = step->symbol == TENON_NO_SYMBOL ? step->number : symbols[step->symbol];
        }
    }
    return stack[0];
}

static int64_t factor_of(const tenon__geometry *g, const tenon__geometry_factor *factor, const int64_t *symbols) {
    int64_t value = value_of(g, factor->value, symbols);
    if (value <= 0) return 0;
    if (factor->divisor == 0) return 1;
    return factor->divisor == 1 ? value : (value - 1) / factor->divisor + 1;
}

/* False when the product passes int64. */
static bool product_of(const tenon__geometry *g, const tenon__geometry_product *product, const int64_t *symbols,
                       int64_t *out_product) {
    int64_t total = product->scale;
    bool fits = true, empty = false, few = product->few && value_of(g, product->rows, symbols) < product->few;
    for (uint32_t i = 0; i < product->count; i++) {
        int64_t factor = factor_of(g, &g->factors[(few ? product->few_first : product->first) + i], symbols);
        empty = empty || factor == 0;
        if (__builtin_mul_overflow(total, factor, &total)) fits = false;
    }
    *out_product = empty ? 0 : total;
    return empty || fits;
}

tenon_status tenon__geometry_grids(const tenon__geometry *g, const int64_t *symbols, tenon_grid *grids) {
    for (uint32_t i = 0; i < g->entry_count; i++) {
        int64_t items;
        if (!product_of(g, &g->entries[i], symbols, &items))
            return tenon__fail(TENON_STATUS_INVALID, "the grid of kernel %u has more than 2^63 items", i);
        grids[i] = (tenon_grid){{(uint64_t)items, 1, 1}};
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__geometry_workspace(const tenon__geometry *g, const int64_t *symbols, uint64_t *out_bytes) {
    const uint64_t align = TENON__KIR_WORKSPACE_ALIGN, limit = INT64_MAX / 2;
    uint64_t at = 0;
    for (uint32_t i = 0; i < g->workspace_count; i++) {
        int64_t bits;
        bool fits = product_of(g, &g->workspace[i], symbols, &bits);
        at += fits ? ((uint64_t)bits + 7) / 8 : limit + 1;
        if (at > limit) return tenon__fail(TENON_STATUS_INVALID, "the workspace passes 2^62 bytes");
        at = (at + align - 1) / align * align;
    }
    *out_bytes = at;
    return TENON_STATUS_OK;
}

/* -- As text ------------------------------------------------------------------------------------------------------ */

/* C's expression for an operator on the values a, b and c; the last one pushed stands for the last letter. */
static const char *form_of(uint32_t op) {
    switch (op) {
    case TENON_OP_NEG: return "-a";
    case TENON_OP_ABS: return "a < 0 ? -a : a";
    case TENON_OP_ADD: return "a + b";
    case TENON_OP_SUB: return "a - b";
    case TENON_OP_MUL: return "a * b";
    case TENON_OP_DIV: return "a / b - (a % b < 0)";
    case TENON_OP_REM: return "(a % b + b) % b";
    case TENON_OP_MAX: return "a > b ? a : b";
    case TENON_OP_MIN: return "a < b ? a : b";
    case TENON_OP_LT: return "a < b";
    case TENON_OP_EQ: return "a == b";
    default: return "a ? b : c";
    }
}

static uint32_t arity_of(uint32_t op) {
    return op == TENON_OP_NEG || op == TENON_OP_ABS ? 1 : op == TENON_OP_WHERE ? 3 : 2;
}

static void put_form(tenon__text *text, uint32_t op, const uint32_t *args) {
    for (const char *c = form_of(op); *c; c++) {
        if (*c >= 'a' && *c <= 'c')
            tenon__text_format(text, "v%" PRIu32, args[*c - 'a']);
        else
            tenon__text_append(text, c, 1);
    }
}

/* Declares a variable for each step; returns the number of the one that holds the value. */
static uint32_t put_value_text(const tenon__geometry *g, tenon__geometry_value value, tenon__text *text) {
    uint32_t stack[STACK + 4] = {0}, top = 0;
    for (uint32_t i = value.first; i < value.first + value.count; i++) {
        const tenon__geometry_step *step = &g->steps[i];
        tenon__text_format(text, "    const int64_t v%" PRIu32 " = ", i);
        if (step->op) {
            top -= arity_of(step->op);
            put_form(text, step->op, &stack[top]);
        } else if (step->symbol == TENON_NO_SYMBOL) {
            tenon__text_format(text, "INT64_C(%" PRId64 ")", step->number);
        } else {
            tenon__text_format(text, "symbols[%" PRIu32 "]", step->symbol);
        }
        tenon__text_add(text, ";\n");
        stack[top++] = i;
    }
    return stack[0];
}

/* product *= the factor, or the function returns 1. */
static void put_factor_text(const tenon__geometry *g, const tenon__geometry_factor *factor, tenon__text *text) {
    uint32_t value = put_value_text(g, factor->value, text);
    tenon__text_format(text, "    empty |= v%" PRIu32 " <= 0;\n", value);
    if (factor->divisor == 0) return;
    tenon__text_format(text, "    wide |= __builtin_mul_overflow(product, v%" PRIu32, value);
    if (factor->divisor > 1)
        tenon__text_format(text, " / %" PRId64 " + (v%" PRIu32 " %% %" PRId64 " > 0)", factor->divisor, value,
                           factor->divisor);
    tenon__text_add(text, ", &product);\n");
}

static void put_factors_text(const tenon__geometry *g, const tenon__geometry_product *product, uint32_t first,
                             tenon__text *text) {
    tenon__text_format(text, "    product = %" PRId64 ", empty = 0, wide = 0;\n", product->scale);
    for (uint32_t i = 0; i < product->count; i++) put_factor_text(g, &g->factors[first + i], text);
}

static void put_product_text(const tenon__geometry *g, const tenon__geometry_product *product, tenon__text *text) {
    if (product->few) {
        uint32_t rows = put_value_text(g, product->rows, text);
        tenon__text_format(text, "    if (v%" PRIu32 " < %" PRId64 ") {\n", rows, product->few);
        put_factors_text(g, product, product->few_first, text);
        tenon__text_add(text, "    } else {\n");
    }
    put_factors_text(g, product, product->first, text);
    if (product->few) tenon__text_add(text, "    }\n");
    tenon__text_add(text, "    if (empty) product = 0;\n    else if (wide) return 1;\n");
}

static void put_head_text(const char *name, const char *what, const char *result, tenon__text *text) {
    tenon__text_format(text, "int %s_%s(const int64_t *symbols, %s) {\n", name, what, result);
    tenon__text_add(text, "    int64_t product = 0;\n    int empty = 0, wide = 0;\n    (void)symbols;\n");
}

tenon_status tenon__geometry_text(const tenon__geometry *g, const char *name, char **out_text) {
    tenon__text text = {0};
    put_head_text(name, "items", "int64_t *items", &text);
    for (uint32_t i = 0; i < g->entry_count; i++) {
        put_product_text(g, &g->entries[i], &text);
        tenon__text_format(&text, "    items[%" PRIu32 "] = product;\n", i);
    }
    tenon__text_add(&text, "    return 0;\n}\n");
    put_head_text(name, "workspace", "uint64_t *bytes", &text);
    tenon__text_add(&text, "    (void)product, (void)empty, (void)wide;\n    *bytes = 0;\n");
    for (uint32_t i = 0; i < g->workspace_count; i++) {
        put_product_text(g, &g->workspace[i], &text);
        tenon__text_format(&text, "    *bytes += (((uint64_t)product + 7) / 8 + %d) / %d * %d;\n",
                           TENON__KIR_WORKSPACE_ALIGN - 1, TENON__KIR_WORKSPACE_ALIGN, TENON__KIR_WORKSPACE_ALIGN);
        tenon__text_add(&text, "    if (*bytes > INT64_MAX / 2) return 1;\n");
    }
    tenon__text_add(&text, "    return 0;\n}\n");
    *out_text = tenon__text_take(&text);
    return *out_text ? TENON_STATUS_OK : tenon__fail_memory();
}
