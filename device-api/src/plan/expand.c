#include "plan/expand.h"

#include <string.h>

#include "kernel/kir_build.h"
#include "kernel/lower.h"
#include "plan/builder.h"
#include "support/error.h"

/* -- The text as a program ------------------------------------------------------------------------------------------ */

/* y[i] = text(a[i]) */
static tenon_status program_of(const char *text, tenon_dtype dtype, tenon__kir_program **out_program) {
    static const char *const names[] = {"a"};
    tenon__kir_program *p;
    tenon__kir_error error;
    TENON_TRY(tenon__kir_create("expansion", &p));
    tenon__kir_id n = tenon__kir_symbol_new(p, "N", (tenon_symbol){0, INT32_MAX, 1});
    uint32_t x = tenon__kir_operand_new(p, TENON__KIR_IN, "x", dtype, 1, &n, NULL);
    uint32_t y = tenon__kir_operand_new(p, TENON__KIR_OUT, "y", dtype, 1, &n, NULL);
    tenon__kir_kernel_begin(p, "all");
    tenon__kir_id i = tenon__kir_axis(p, "i", n), a = tenon__kir_load(p, x, &i, 1);
    tenon__kir_store(p, y, &i, 1, tenon__kir_parse_expr(p, text, names, &a, 1, dtype));
    tenon__kir_kernel_end(p);
    tenon_status status = tenon__kir_finish(p, &error);
    if (status == TENON_STATUS_OK) {
        *out_program = p;
        return status;
    }
    tenon__kir_destroy(p);
    return tenon__fail(status, "an operator's expansion: %s", error.text);
}

/* -- The program as steps ------------------------------------------------------------------------------------------- */

typedef struct expander {
    const tenon__kir_program *program;
    tenon__expansion *out;
    uint32_t *values; /* by node; UINT32_MAX: none yet */
} expander;

static uint32_t add_step(tenon__expansion *out, const tenon__expansion_step *step) {
    out->steps[out->step_count++] = *step;
    return out->step_count;
}

static uint32_t value_of(expander *e, tenon__kir_id id) {
    const tenon__kir_node *node = &e->program->nodes[id];
    if (e->values[id] == UINT32_MAX && node->kind == TENON__KIR_CONST)
        e->values[id] = add_step(
            e->out, &(tenon__expansion_step){.op = TENON_OP_FILL, .dtype = node->type.dtype, .number = node->bits});
    return e->values[id];
}

/* The operator of a value's node; NONE for what an expansion has none of. */
static tenon_op op_of(const tenon__kir_node *node) {
    if (node->kind == TENON__KIR_OP) return node->op;
    if (node->kind == TENON__KIR_BITCAST) return TENON_OP_BITCAST;
    bool plain = node->kind == TENON__KIR_CAST && node->to == node->type.dtype && !(node->flags & TENON__KIR_WRAP);
    return plain ? TENON_OP_CAST : TENON_OP_NONE;
}

static tenon_status expand_node(expander *e, tenon__kir_id id) {
    const tenon__kir_node *node = &e->program->nodes[id];
    tenon__expansion_step step = {.op = op_of(node), .dtype = node->type.dtype, .input_count = node->arg_count};
    if (step.op == TENON_OP_NONE || step.input_count > 3)
        return tenon__fail(TENON_STATUS_INTERNAL, "an operator's expansion has a node of kind %u", node->kind);
    for (uint32_t i = 0; i < step.input_count; i++) {
        step.inputs[i] = value_of(e, e->program->args[node->first_arg + i]);
        if (step.inputs[i] == UINT32_MAX)
            return tenon__fail(TENON_STATUS_INTERNAL, "an operator's expansion uses what it does not make");
    }
    e->values[id] = add_step(e->out, &step);
    return TENON_STATUS_OK;
}

/* The nodes of the one kernel, in order; its load is `operand`, what it stores is made last. */
static tenon_status expand_program(expander *e, uint32_t operand) {
    const tenon__kir_program *p = e->program;
    tenon__kir_id id = p->blocks[p->loops[p->kernels[0].loop].body].first;
    for (; id; id = p->nodes[id].next) {
        if (p->nodes[id].kind == TENON__KIR_STORE) continue;
        if (p->nodes[id].kind == TENON__KIR_LOAD)
            e->values[id] = operand;
        else
            TENON_TRY(expand_node(e, id));
    }
    return TENON_STATUS_OK;
}

static tenon_status expand_text(const char *text, tenon_dtype compute, tenon_dtype dtype, tenon__arena *arena,
                                tenon__expansion *out) {
    tenon__kir_program *program;
    TENON_TRY(program_of(text, compute, &program));
    uint32_t operand = 0, count = program->node_count;
    expander e = {.program = program, .out = out};
    e.values = tenon__arena_array(arena, count, sizeof *e.values);
    out->steps = tenon__arena_array(arena, count + 2, sizeof *out->steps);
    tenon_status status = e.values && out->steps ? TENON_STATUS_OK : tenon__fail_memory();
    if (status == TENON_STATUS_OK) {
        const tenon__expansion_step widen = {.op = TENON_OP_CAST, .dtype = compute, .input_count = 1};
        memset(e.values, 0xff, count * sizeof *e.values);
        if (dtype != compute) operand = add_step(out, &widen);
        status = expand_program(&e, operand);
    }
    if (status == TENON_STATUS_OK && dtype != compute)
        add_step(out, &(tenon__expansion_step){TENON_OP_CAST, dtype, 1, {out->step_count}, 0});
    tenon__kir_destroy(program);
    return status;
}

tenon_status tenon__expansion_make(tenon_op op, tenon_dtype dtype, tenon__arena *arena,
                                   tenon__expansion *out_expansion) {
    tenon_dtype compute = tenon_dtype_compute(dtype);
    const char *text = tenon__expansion_of(op, compute);
    *out_expansion = (tenon__expansion){0};
    if (text) return expand_text(text, compute, dtype, arena, out_expansion);
    return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s of %s has no expansion", tenon_op_row_of(op)->name,
                       tenon_dtype_name(dtype));
}

/* -- Steps as tasks ------------------------------------------------------------------------------------------------- */

void tenon__expansion_task_of(const tenon__expansion *expansion, uint32_t step, const tenon__ref *values,
                              tenon__expansion_task *out_task) {
    const tenon__expansion_step *of = &expansion->steps[step];
    bool typed = of->op == TENON_OP_FILL || of->op == TENON_OP_CAST || of->op == TENON_OP_BITCAST;
    out_task->dtype = of->dtype;
    out_task->attr = (tenon_attr){TENON_ATTR_DTYPE, 1, &out_task->dtype};
    for (uint32_t i = 0; i < of->input_count; i++) out_task->refs[i] = values[of->inputs[i]];
    out_task->refs[of->input_count] = values[step + 1];
    out_task->task = (tenon__task){
        .op = of->op,
        .attr_count = typed,
        .attrs = &out_task->attr,
        .input_count = of->input_count,
        .operand_count = of->input_count + 1,
        .operands = out_task->refs,
        .scalars = {of->number, 0},
    };
}

bool tenon__fills_whole(const tenonh_device *device) {
    const tenon_device_info *info = tenonh_device_info(device);
    return info->views != TENON_VIEWS_ANY || !(info->work_kinds & (TENON_WORK_OP | TENON_WORK_KERNEL));
}

/* Plans the step that makes value `step + 1`, whose place is known for the last one alone. */
static tenon_status plan_step(tenon__plan_builder *b, uint32_t place, const tenon__expansion *expansion, uint32_t step,
                              tenon__ref *values) {
    const tenon__expansion_step *of = &expansion->steps[step];
    const int64_t ones[TENON_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    bool one = of->op == TENON_OP_FILL && !tenon__fills_whole(b->context->devices[place]);
    tenon__ref *made = &values[step + 1];
    tenon__expansion_task task;
    if (step + 1 < expansion->step_count)
        TENON_TRY(tenon__add_ref(b, place, of->dtype, values[0].rank, one ? ones : values[0].dims, made));
    tenon__expansion_task_of(expansion, step, values, &task);
    TENON_TRY(tenon__add_task(b, place, &task.task));
    if (one) *made = tenon__ref_expand(made, values[0].rank, values[0].dims);
    return TENON_STATUS_OK;
}

tenon_status tenon__plan_expansion(tenon__plan_builder *b, uint32_t place, const tenon__task *task) {
    tenon__expansion expansion;
    tenon__arena *arena = &b->plan->arena;
    TENON_TRY(tenon__expansion_make(task->op, task->operands[0].dtype, arena, &expansion));
    tenon__ref *values = tenon__arena_array(arena, expansion.step_count + 1, sizeof *values);
    if (!values) return tenon__fail_memory();
    values[0] = task->operands[0];
    values[expansion.step_count] = task->operands[1];
    for (uint32_t i = 0; i < expansion.step_count; i++) TENON_TRY(plan_step(b, place, &expansion, i, values));
    return TENON_STATUS_OK;
}
