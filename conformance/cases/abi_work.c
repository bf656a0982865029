#include "cases/abi_work.h"

#include <string.h>

#include <tenon/helpers.h>

#include "device/objects.h"

enum { SENSELESS = 0xa5 };

/* -- Taking the host's own work --------------------------------------------------------------------------------------- */

/* Where the stand-in for prepare leaves what it was asked. Rows run on one thread. */
static cf_sample *taken;
static int stand_in; /* its address is the handle of what the stand-in prepared */

static void *keep(const void *bytes, uint64_t count, size_t element) {
    return count ? tenon__arena_copy(&taken->arena, bytes, count * element) : NULL;
}

static const tenon_attr *keep_attrs(const tenon_attr *attrs, uint32_t count) {
    tenon_attr *copy = keep(attrs, count, sizeof *copy);
    for (uint32_t i = 0; i < count; i++) copy[i].values = keep(attrs[i].values, attrs[i].count, sizeof(int64_t));
    return copy;
}

static void keep_kernel(const tenon_kernel_work *kernel) {
    tenon_kernel_entry *entries = keep(kernel->entries, kernel->entry_count, sizeof *entries);
    for (uint32_t i = 0; i < kernel->entry_count; i++) {
        entries[i].name = keep(entries[i].name, strlen(entries[i].name) + 1, 1);
        entries[i].args = keep(entries[i].args, entries[i].arg_count, sizeof *entries[i].args);
    }
    taken->kernel = *kernel;
    taken->kernel.source = keep(kernel->source, kernel->source_size + 1, 1);
    taken->kernel.entries = entries;
    taken->kernel.ir = keep(kernel->ir, kernel->ir_size, 1);
    taken->work.kernel = &taken->kernel;
}

static void keep_graph(const tenon_graph_work *graph) {
    taken->graph = *graph;
    taken->graph.nodes = taken->nodes = keep(graph->nodes, graph->node_count, sizeof *graph->nodes);
    taken->graph.values = taken->values = keep(graph->values, graph->value_count, sizeof *graph->values);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        tenon_graph_node *node = &taken->nodes[i];
        node->attrs = keep_attrs(node->attrs, node->attr_count);
        node->inputs = keep(node->inputs, node->input_count, sizeof *node->inputs);
        node->outputs = keep(node->outputs, node->output_count, sizeof *node->outputs);
    }
    taken->work.graph = &taken->graph;
}

static tenon_status take_work(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                              tenon_exec **out_exec) {
    (void)device, (void)out_info;
    taken->work = *work;
    taken->work.symbols = taken->symbols = keep(work->symbols, work->symbol_count, sizeof *work->symbols);
    taken->work.operands = taken->operands = keep(work->operands, work->operand_count, sizeof *work->operands);
    if (work->op) {
        taken->op = *work->op;
        taken->op.attrs = keep_attrs(work->op->attrs, work->op->attr_count);
        taken->work.op = &taken->op;
    }
    if (work->kernel) keep_kernel(work->kernel);
    if (work->graph) keep_graph(work->graph);
    *out_exec = (tenon_exec *)(void *)&stand_in;
    return TENON_STATUS_OK;
}

static void drop_work(tenon_device *device, tenon_exec *exec) {
    (void)device, (void)exec;
}

/* The host prepares for a device that is described as the one under test, takes `kind` alone and is no device. */
static tenon_status ask_host(uint32_t kind, const tenon__task *task, cf_sample *out) {
    const tenonh_device *real = cf_under_test.device;
    tenon__hooks hooks = *real->hooks;
    tenonh_device device = {.references = 1, .generation = real->generation, .plugin = real->plugin, .hooks = &hooks};
    tenon__execs *execs = NULL;
    tenon__prepared prepared = {0};
    device.registry = real->registry;
    device.info = real->info;
    device.info.work_kinds = kind;
    device.dialect = real->dialect;
    device.types = real->types;
    device.type_count = real->type_count;
    pthread_mutex_init(&device.reclaim_lock, NULL);
    pthread_mutex_init(&device.shared_lock, NULL);
    hooks.work.prepare = take_work;
    hooks.work.release = drop_work;
    taken = out;
    tenon_status status = tenon__execs_create(&execs);
    if (status == TENON_STATUS_OK) tenon__execs_begin(execs);
    if (status == TENON_STATUS_OK) status = tenon__prepare(execs, &device, task, NULL, &out->arena, &prepared);
    if (execs) tenon__execs_end(execs);
    tenon__execs_destroy(execs);
    pthread_mutex_destroy(&device.reclaim_lock);
    pthread_mutex_destroy(&device.shared_lock);
    out->numbers = prepared.symbols;
    out->grids = prepared.grids;
    out->grid_count = prepared.grid_count;
    out->workspace_size = prepared.workspace_size;
    return status;
}

bool cf_sample_make(uint32_t kind, cf_sample *out) {
    const int64_t count = CF_SAMPLE_COUNT;
    tenon__ref refs[CF_SAMPLE_OPERANDS];
    for (int i = 0; i < CF_SAMPLE_OPERANDS; i++) refs[i] = tenon__ref_contiguous(0, TENON_DTYPE_F32, 1, &count);
    tenon__task task = {.op = TENON_OP_ADD, .input_count = 2, .operand_count = CF_SAMPLE_OPERANDS, .operands = refs};
    memset(out, 0, sizeof *out);
    if (ask_host(kind, &task, out) == TENON_STATUS_OK) return true;
    cf_fail("the host makes no work of kind %u of an addition: %s", kind, tenonh_error_message());
    cf_sample_free(out);
    return false;
}

void cf_sample_free(cf_sample *sample) {
    tenon__arena_free(&sample->arena);
    memset(sample, 0, sizeof *sample);
}

static void scribble(const void *bytes, uint64_t count, size_t element) {
    if (count) memset((void *)(uintptr_t)bytes, SENSELESS, count * element);
}

void cf_sample_scribble(cf_sample *sample) {
    const tenon_work *work = &sample->work;
    if (work->kernel) {
        for (uint32_t i = 0; i < work->kernel->entry_count; i++)
            scribble(work->kernel->entries[i].name, strlen(work->kernel->entries[i].name), 1);
        scribble(work->kernel->source, work->kernel->source_size, 1);
        scribble(work->kernel->ir, work->kernel->ir_size, 1);
        scribble(work->kernel->entries, work->kernel->entry_count, sizeof *work->kernel->entries);
    }
    if (work->graph) {
        scribble(sample->nodes[0].inputs, sample->nodes[0].input_count, sizeof(uint32_t));
        scribble(sample->nodes[0].outputs, sample->nodes[0].output_count, sizeof(uint32_t));
        scribble(sample->nodes, work->graph->node_count, sizeof *sample->nodes);
        scribble(sample->values, work->graph->value_count, sizeof *sample->values);
    }
    scribble(sample->symbols, work->symbol_count, sizeof *sample->symbols);
    scribble(sample->operands, work->operand_count, sizeof *sample->operands);
    scribble(&sample->op, 1, sizeof sample->op);
    scribble(&sample->kernel, 1, sizeof sample->kernel);
    scribble(&sample->graph, 1, sizeof sample->graph);
}

/* -- Preparing --------------------------------------------------------------------------------------------------------- */

cf_answer cf_sample_answer(cf_sample *sample) {
    const tenon_work *work = &sample->work;
    cf_answer answer = {.info = {.struct_size = sizeof answer.info}};
    answer.symbols = tenon__arena_array(&sample->arena, work->symbol_count + 1, sizeof *answer.symbols);
    answer.operands = tenon__arena_array(&sample->arena, work->operand_count + 8, sizeof *answer.operands);
    if (work->symbol_count) memcpy(answer.symbols, sample->symbols, work->symbol_count * sizeof *answer.symbols);
    for (uint32_t i = 0; i < work->operand_count + 8; i++)
        answer.operands[i] = (tenon_operand_info){.alias = TENON_NO_ALIAS};
    answer.info.symbols = answer.symbols;
    answer.info.operands = answer.operands;
    return answer;
}

tenon_status cf_sample_prepare(cf_raw *raw, cf_sample *sample, const tenon_work *work) {
    cf_answer answer = cf_sample_answer(sample);
    tenon_exec *exec = CF_UNTOUCHED;
    tenon_status status = raw->hooks.work.prepare(raw->device, work, &answer.info, &exec);
    if (status == TENON_STATUS_OK && exec && exec != CF_UNTOUCHED)
        raw->hooks.work.release(raw->device, exec);
    else if (status == TENON_STATUS_OK)
        cf_fail("work.prepare answers OK without an exec (REQ-ERR-03)");
    else if (exec != CF_UNTOUCHED)
        cf_fail("work.prepare answers %s and writes out_exec all the same (REQ-ERR-03)", tenon_status_name(status));
    return status;
}

static bool takes_numbers(const cf_sample *sample, const cf_answer *answer) {
    for (uint32_t i = 0; i < sample->work.symbol_count; i++) {
        const tenon_symbol *range = &answer->symbols[i];
        int64_t number = sample->numbers[i];
        if (number < range->min || number > range->max || (range->divisor > 1 && number % range->divisor)) return false;
    }
    return true;
}

/* Where the exec is not valid for the sample's numbers, the host asks for these alone. */
static bool prepare(cf_running *run) {
    cf_raw *raw = run->raw;
    cf_sample *sample = run->sample;
    for (int attempt = 0; attempt < 2; attempt++) {
        cf_answer answer = cf_sample_answer(sample);
        if (!CF_ANSWERS(raw, TENON_STATUS_OK,
                        raw->hooks.work.prepare(raw->device, &sample->work, &answer.info, &run->exec)))
            return false;
        if (!run->exec) {
            cf_fail("work.prepare answers OK without an exec (REQ-ERR-03)");
            return false;
        }
        if (takes_numbers(sample, &answer)) {
            run->answered = answer.symbols;
            if (answer.info.workspace_size > sample->workspace_size)
                sample->workspace_size = answer.info.workspace_size;
            return true;
        }
        raw->hooks.work.release(raw->device, run->exec);
        run->exec = NULL;
        for (uint32_t i = 0; i < sample->work.symbol_count; i++)
            sample->symbols[i] = (tenon_symbol){sample->numbers[i], sample->numbers[i], 1};
    }
    cf_fail("work.prepare answers symbol ranges without the very numbers that it was asked for");
    return false;
}

/* -- Running ----------------------------------------------------------------------------------------------------------- */

static const float inputs[2][CF_SAMPLE_COUNT] = {{1, 2, -3, 0.5f, 1e6f, -0.25f}, {16, -2, 8, 0.25f, 3, 1024}};
static const float before[CF_SAMPLE_COUNT] = {-77, -77, -77, -77, -77, -77};

static bool place(cf_running *run) {
    for (uint32_t i = 0; i < CF_SAMPLE_OPERANDS; i++) {
        run->memories[i] = cf_raw_memory(run->raw, sizeof before);
        if (!run->memories[i] ||
            !cf_raw_write(run->raw, run->memories[i], 0, i < 2 ? inputs[i] : before, sizeof before))
            return false;
        run->buffers[i] = (tenon_buffer){run->memories[i], 0};
    }
    if (run->sample->workspace_size) run->workspace = cf_raw_memory(run->raw, run->sample->workspace_size);
    return !run->sample->workspace_size || run->workspace;
}

bool cf_running_begin(cf_raw *raw, cf_sample *sample, cf_running *out) {
    *out = (cf_running){.raw = raw, .sample = sample};
    bool ready = prepare(out) && place(out);
    out->launch = (tenon_launch){
        .struct_size = sizeof out->launch,
        .buffer_count = CF_SAMPLE_OPERANDS,
        .buffers = out->buffers,
        .symbols = sample->numbers,
        .grids = sample->grids,
        .workspace = {out->workspace, 0},
        .symbol_count = sample->work.symbol_count,
        .grid_count = sample->grid_count,
    };
    return ready;
}

void cf_running_end(cf_running *run) {
    cf_raw *raw = run->raw;
    if (raw->stream) (void)raw->hooks.stream.synchronize(raw->stream);
    if (run->exec) raw->hooks.work.release(raw->device, run->exec);
    for (uint32_t i = 0; i < CF_SAMPLE_OPERANDS; i++)
        if (run->memories[i]) raw->hooks.memory.release(raw->device, run->memories[i]);
    if (run->workspace) raw->hooks.memory.release(raw->device, run->workspace);
    run->exec = NULL;
}

static bool result_is(cf_running *run, const float *want, const char *why) {
    float got[CF_SAMPLE_COUNT];
    if (!cf_raw_read(run->raw, run->memories[2], 0, got, sizeof got)) return false;
    for (int i = 0; i < CF_SAMPLE_COUNT; i++) {
        if (got[i] == want[i]) continue;
        cf_fail("a + b on f32 %s: element %d of the result is %g, not %g", why, i, got[i], want[i]);
        return false;
    }
    return true;
}

static bool is_sum(cf_running *run) {
    float want[CF_SAMPLE_COUNT];
    for (int i = 0; i < CF_SAMPLE_COUNT; i++) want[i] = inputs[0][i] + inputs[1][i];
    return CF_ANSWERS(run->raw, TENON_STATUS_OK, run->raw->hooks.stream.synchronize(run->raw->stream)) &&
           result_is(run, want, "after a launch");
}

bool cf_running_works(cf_running *run, const tenon_launch *launch) {
    cf_raw *raw = run->raw;
    return CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.work.launch(raw->stream, run->exec, launch)) && is_sum(run);
}

bool cf_running_works_scribbled(cf_running *run) {
    cf_raw *raw = run->raw;
    const tenon_launch *launch = &run->launch;
    if (!CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.work.launch(raw->stream, run->exec, launch))) return false;
    memset(run->buffers, SENSELESS, sizeof run->buffers);
    if (launch->symbol_count) memset(run->sample->numbers, SENSELESS, launch->symbol_count * sizeof(int64_t));
    if (launch->grid_count) memset(run->sample->grids, SENSELESS, launch->grid_count * sizeof(tenon_grid));
    memset(&run->launch, SENSELESS, sizeof run->launch);
    return is_sum(run);
}

bool cf_running_is_untouched(cf_running *run) {
    return CF_ANSWERS(run->raw, TENON_STATUS_OK, run->raw->hooks.stream.synchronize(run->raw->stream)) &&
           result_is(run, before, "after a launch that was refused");
}

bool cf_sample_runs(cf_raw *raw, cf_sample *sample) {
    cf_running run;
    bool works = cf_running_begin(raw, sample, &run) && cf_running_works(&run, &run.launch);
    cf_running_end(&run);
    return works;
}

bool cf_sample_takes(uint32_t kind, const char *name) {
    if (tenonh_device_info(cf_under_test.device)->work_kinds & kind) return true;
    cf_not_applicable("work_kinds has no %s work", name);
    return false;
}
