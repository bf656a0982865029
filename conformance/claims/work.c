/* The fake's work: a copy of what was asked, run node by node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"

enum { MOST_INPUTS = 64 };

/* One node, or the whole of op and composite work. */
typedef struct step {
    fake_call call;
    char name[64];
    tenon_attr *attrs;
    uint32_t *inputs; /* value numbers, or TENON_ABSENT */
    uint32_t *outputs;
    uint32_t input_count, output_count;
    uint64_t scalars[2];
} step;

struct tenon_exec {
    uint32_t kind, step_count, value_count, operand_count, symbol_count;
    step *steps;
    tenon_view *values;
    tenon_symbol *ranges;
    uint32_t *roles;  /* by operand */
    void **held;      /* by operand: bytes of constants that it keeps */
    uint64_t *packed; /* by operand: bytes of those that are packed */
    uint32_t slow;    /* microseconds */
};

/* -- Names -------------------------------------------------------------------------------------------------------------- */

static const char *short_name(tenon_op op, const char *name) {
    const tenon_op_row *row = tenon_op_row_of(op);
    if (row) return row->name;
    if (!name) return "";
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length) {
        bool starts = at == list || at[-1] == ',', ends = at[length] == ',' || at[length] == '\0';
        if (starts && ends) return true;
    }
    return false;
}

static bool takes(const fake_knobs *knobs, tenon_op op, const char *name) {
    if (!fake_knows(op, name)) return false;
    return op || is_listed(knobs->composites, short_name(op, name));
}

/* -- Claiming ----------------------------------------------------------------------------------------------------------- */

tenon_status fake_claim(tenon_device *device, const tenon_work *work, tenon_claim *out_claims) {
    const fake_knobs *knobs = &device->knobs;
    tenon_status status = tenon_work_check(work);
    if (status != TENON_STATUS_OK) return FAIL(device, NULL, status, "claim: a work that this plugin does not know");
    for (uint32_t i = 0; i < work->graph->node_count; i++) {
        const tenon_graph_node *node = &work->graph->nodes[i];
        bool odd = strcmp(knobs->deny, "odd") == 0 && i % 2 && work->graph->node_count > 1;
        if (odd || !takes(knobs, node->op, node->name)) continue;
        if (is_listed(knobs->deny, short_name(node->op, node->name))) continue;
        out_claims[i].region = 1;
        out_claims[i].cost = knobs->node_cost;
    }
    return TENON_STATUS_OK;
}

/* -- Preparing ---------------------------------------------------------------------------------------------------------- */

static void *copy_of(const void *bytes, size_t size) {
    void *copy = malloc(size ? size : 1);
    if (copy && size) memcpy(copy, bytes, size);
    return copy;
}

static bool copy_attrs(step *s, const tenon_attr *attrs, uint32_t count) {
    s->attrs = calloc((size_t)count + 1, sizeof *s->attrs);
    for (uint32_t i = 0; i < count && s->attrs; i++) {
        int64_t *values = copy_of(attrs[i].values, attrs[i].count * sizeof *values);
        if (!values) return false;
        s->attrs[i] = (tenon_attr){attrs[i].id, attrs[i].count, values};
        if (attrs[i].id == TENON_ATTR_SCALARS)
            for (uint32_t k = 0; k < attrs[i].count && k < 2; k++) s->scalars[k] = (uint64_t)attrs[i].values[k];
        s->call.attr_count = i + 1;
    }
    s->call.attrs = s->attrs;
    return s->attrs != NULL;
}

static bool copy_step(step *s, const tenon_graph_node *node) {
    s->call.op = node->op;
    if (node->name) snprintf(s->name, sizeof s->name, "%s", node->name);
    s->call.name = s->name;
    s->call.scalars = s->scalars;
    s->inputs = copy_of(node->inputs, node->input_count * sizeof *s->inputs);
    s->outputs = copy_of(node->outputs, node->output_count * sizeof *s->outputs);
    s->input_count = node->input_count;
    s->output_count = node->output_count;
    return s->inputs && s->outputs && copy_attrs(s, node->attrs, node->attr_count);
}

void fake_release(tenon_device *device, tenon_exec *exec) {
    (void)device;
    for (uint32_t i = 0; exec->steps && i < exec->step_count; i++) {
        step *s = &exec->steps[i];
        for (uint32_t k = 0; k < s->call.attr_count; k++) free((void *)s->attrs[k].values);
        free(s->attrs);
        free(s->inputs);
        free(s->outputs);
    }
    for (uint32_t i = 0; exec->held && i < exec->operand_count; i++) free(exec->held[i]);
    free(exec->steps);
    free(exec->values);
    free(exec->ranges);
    free(exec->roles);
    free(exec->held);
    free(exec->packed);
    free(exec);
}

/* Op and composite work as a graph of one node. */
static void as_node(const tenon_work *work, uint32_t *numbers, tenon_graph_node *out) {
    const tenon_composite_work *c = work->composite;
    uint32_t outputs = 0, inputs, inout = 0;
    while (outputs < work->operand_count &&
           work->operands[work->operand_count - 1 - outputs].role >= TENON_ROLE_OUTPUT &&
           work->operands[work->operand_count - 1 - outputs].role <= TENON_ROLE_INOUT)
        outputs++;
    inputs = work->operand_count - outputs;
    for (uint32_t i = 0; i < work->operand_count; i++) numbers[i] = i;
    inout = work->operands[inputs].role == TENON_ROLE_INOUT;
    *out = (tenon_graph_node){.inputs = numbers, .outputs = numbers + inputs, .input_count = inputs + inout};
    out->output_count = outputs;
    if (work->op) {
        out->op = work->op->op;
        out->attrs = work->op->attrs;
        out->attr_count = work->op->attr_count;
        return;
    }
    out->name = c->name;
    out->attrs = c->attrs;
    out->attr_count = c->attr_count;
    if (!TENON_HAS(c, inputs)) return;
    out->inputs = c->inputs;
    out->input_count = c->input_count;
}

static bool copy_work(tenon_exec *exec, const tenon_work *work) {
    tenon_graph_node one;
    uint32_t numbers[MOST_INPUTS];
    const tenon_graph_node *nodes = work->graph ? work->graph->nodes : &one;
    if (!work->graph) as_node(work, numbers, &one);
    exec->kind = work->kind;
    exec->step_count = work->graph ? work->graph->node_count : 1;
    exec->operand_count = work->operand_count;
    exec->symbol_count = work->symbol_count;
    exec->value_count = work->graph ? work->graph->value_count : work->operand_count;
    exec->steps = calloc(exec->step_count, sizeof *exec->steps);
    exec->values = calloc((size_t)exec->value_count + 1, sizeof *exec->values);
    exec->ranges = copy_of(work->symbols, work->symbol_count * sizeof *exec->ranges);
    exec->roles = calloc((size_t)work->operand_count + 1, sizeof *exec->roles);
    exec->held = calloc((size_t)work->operand_count + 1, sizeof *exec->held);
    exec->packed = calloc((size_t)work->operand_count + 1, sizeof *exec->packed);
    if (!exec->steps || !exec->values || !exec->ranges || !exec->roles || !exec->held || !exec->packed) return false;
    for (uint32_t i = 0; i < exec->value_count; i++)
        exec->values[i] = work->graph ? work->graph->values[i] : work->operands[i].view;
    for (uint32_t i = 0; i < work->operand_count; i++) exec->roles[i] = work->operands[i].role;
    for (uint32_t i = 0; i < exec->step_count; i++)
        if (!copy_step(&exec->steps[i], &nodes[i])) return false;
    return true;
}

/* What the device does with constants; symbols as far as it goes. */
static bool answer(tenon_device *device, const tenon_work *work, tenon_exec *exec, tenon_exec_info *out_info) {
    const fake_knobs *knobs = &device->knobs;
    for (uint32_t i = 0; i < work->operand_count; i++) {
        const tenon_operand *operand = &work->operands[i];
        if (operand->role != TENON_ROLE_CONSTANT || operand->data_size == 0) continue;
        if (knobs->hold) {
            exec->held[i] = copy_of(operand->data, operand->data_size);
            out_info->operands[i].layout = TENON_LAYOUT_HELD;
            if (!exec->held[i]) return false;
        } else if (knobs->pack) {
            exec->packed[i] = out_info->operands[i].packed_size = operand->data_size;
            out_info->operands[i].packed_key[0] = 1;
        }
    }
    for (uint32_t i = 0; i < work->symbol_count && knobs->narrow; i++) {
        if (out_info->symbols[i].min > 8 || out_info->symbols[i].max < 8) continue;
        out_info->symbols[i].max = exec->ranges[i].max = 8;
    }
    uint64_t costs[] = {[TENON_WORK_OP] = knobs->op_cost,
                        [TENON_WORK_COMPOSITE] = knobs->composite_cost,
                        [TENON_WORK_GRAPH] = knobs->graph_cost};
    if (out_info->struct_size >= sizeof *out_info) out_info->cost = costs[work->kind];
    exec->slow = work->kind == TENON_WORK_GRAPH ? knobs->graph_slow : 0;
    return true;
}

static tenon_status refuse(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info, uint32_t node,
                           tenon_status status, const char *name) {
    if (work->graph && device->knobs.tell && out_info->struct_size >= sizeof *out_info)
        out_info->refused_node = node + 1;
    return FAIL(device, NULL, status, "the compiler has no %s", name);
}

static tenon_status check_node(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info, uint32_t index,
                               tenon_op op, const char *full) {
    const fake_knobs *knobs = &device->knobs;
    const char *name = short_name(op, full);
    uint32_t inputs = work->graph ? work->graph->nodes[index].input_count : work->operand_count;
    if (!takes(knobs, op, full) || inputs > MOST_INPUTS)
        return refuse(device, work, out_info, index, TENON_STATUS_UNSUPPORTED, name);
    if (is_listed(knobs->lose, name)) return FAIL(device, NULL, TENON_STATUS_DEVICE_LOST, "the device is lost");
    if (work->kind == TENON_WORK_OP) return TENON_STATUS_OK;
    if (is_listed(knobs->refuse, name)) return refuse(device, work, out_info, index, TENON_STATUS_UNSUPPORTED, name);
    if (is_listed(knobs->fail, name)) return refuse(device, work, out_info, index, TENON_STATUS_COMPILE_FAILED, name);
    return TENON_STATUS_OK;
}

static tenon_status check_work(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info) {
    const fake_knobs *knobs = &device->knobs;
    if (work->symbol_count && knobs->shapes == TENON_SHAPES_STATIC)
        return FAIL(device, NULL, TENON_STATUS_INTERNAL, "symbols, although the device takes numbers alone");
    if (work->op) return check_node(device, work, out_info, 0, work->op->op, NULL);
    if (work->composite) return check_node(device, work, out_info, 0, 0, work->composite->name);
    for (uint32_t i = 0; i < work->graph->node_count; i++)
        TENON_TRY(check_node(device, work, out_info, i, work->graph->nodes[i].op, work->graph->nodes[i].name));
    if (knobs->most_nodes && work->graph->node_count > knobs->most_nodes)
        return FAIL(device, NULL, TENON_STATUS_UNSUPPORTED, "%u nodes are more than %u", work->graph->node_count,
                    knobs->most_nodes);
    return TENON_STATUS_OK;
}

tenon_status fake_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                          tenon_exec **out_exec) {
    tenon_status status = tenon_work_check(work);
    if (status != TENON_STATUS_OK) return FAIL(device, NULL, status, "a work that this plugin does not know");
    TENON_TRY(check_work(device, work, out_info));
    tenon_exec *exec = calloc(1, sizeof *exec);
    if (exec && copy_work(exec, work) && answer(device, work, exec, out_info)) {
        *out_exec = exec;
        return TENON_STATUS_OK;
    }
    if (exec) fake_release(device, exec);
    return FAIL(device, NULL, TENON_STATUS_OUT_OF_MEMORY, "no host memory");
}

/* -- Running ------------------------------------------------------------------------------------------------------------ */

/* Bytes of every value: operands in their buffers, constants where they are kept, the rest in memory of this launch. */
static bool find_values(const tenon_exec *exec, const tenon_launch *launch, fake_tensor *values, void **made) {
    bool packed = exec->kind != TENON_WORK_OP;
    for (uint32_t i = 0; i < exec->value_count; i++) {
        void *data = i < exec->operand_count ? fake_bytes_of(launch->buffers[i]) : NULL;
        values[i] = fake_tensor_of(&exec->values[i], launch->symbols, data, packed);
        uint64_t size = fake_bytes(&values[i]);
        if (i < exec->operand_count && !exec->held[i] && !exec->packed[i]) continue;
        values[i].data = made[i] = malloc(size ? size : 1);
        if (!made[i]) return false;
        if (i < exec->operand_count && exec->held[i]) memcpy(made[i], exec->held[i], size);
        if (i >= exec->operand_count || !exec->packed[i]) continue;
        for (uint64_t k = 0; k < size; k++) ((unsigned char *)made[i])[k] = (unsigned char)~((unsigned char *)data)[k];
    }
    return true;
}

static tenon_status run_step(const step *s, const tenon_launch *launch, const fake_tensor *values) {
    fake_tensor inputs[MOST_INPUTS] = {{0}}, outputs[4];
    fake_call call = s->call;
    if (launch->scalar_count) call.scalars = launch->scalars;
    for (uint32_t i = 0; i < s->input_count; i++)
        if (s->inputs[i] != TENON_ABSENT) inputs[i] = values[s->inputs[i]];
    for (uint32_t i = 0; i < s->output_count; i++) outputs[i] = values[s->outputs[i]];
    return fake_run(&call, inputs, s->input_count, outputs);
}

static tenon_status run(const tenon_exec *exec, const tenon_launch *launch) {
    fake_tensor *values = calloc((size_t)exec->value_count + 1, sizeof *values);
    void **made = calloc((size_t)exec->value_count + 1, sizeof *made);
    tenon_status status = TENON_STATUS_OUT_OF_MEMORY;
    if (values && made && find_values(exec, launch, values, made)) status = TENON_STATUS_OK;
    for (uint32_t i = 0; i < exec->step_count && status == TENON_STATUS_OK; i++)
        status = run_step(&exec->steps[i], launch, values);
    for (uint32_t i = 0; made && i < exec->value_count; i++) free(made[i]);
    free(made);
    free(values);
    return status;
}

tenon_status fake_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch) {
    if (stream->failed) return FAIL(stream->device, stream, TENON_STATUS_FAILED_STREAM, "the stream has failed before");
    tenon_status status = tenon_launch_check(launch, exec->operand_count, exec->symbol_count, exec->ranges, 0);
    if (status != TENON_STATUS_OK) return FAIL(stream->device, stream, status, "a launch that is not as prepared");
    if (exec->slow) usleep(exec->slow);
    status = run(exec, launch);
    if (status != TENON_STATUS_OK) stream->failed = FAIL(stream->device, stream, status, "a node failed");
    return TENON_STATUS_OK;
}

tenon_status fake_pack(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                       tenon_buffer destination) {
    (void)stream;
    for (uint64_t i = 0; i < exec->packed[operand]; i++)
        fake_bytes_of(destination)[i] = (unsigned char)~fake_bytes_of(source)[i];
    return TENON_STATUS_OK;
}
