/* Works that a device must not take: with members that nobody knows, of kinds and operators that it does not take, that
 * contradict themselves. */
#include <stdio.h>
#include <string.h>

#include <tenon/helpers.h>

#include "cases/abi_work.h"
#include "cases/cases.h"

/* -- Descriptors of other sizes --------------------------------------------------------------------------------------- */

enum { GROWN = 64 };
typedef enum tail { TAIL_ZERO, TAIL_FIRST, TAIL_LAST, TAIL_SHORT, TAIL_NONE, TAILS } tail;

static const struct {
    const char *name;
    uint32_t statuses;
    const char *what;
} tails[TAILS] = {
    [TAIL_ZERO] = {"zero_tail", CF_STATUS(OK), "with zeros past the known members"}, /* of a newer host */
    [TAIL_FIRST] = {"tail_begins", CF_STATUS(UNSUPPORTED), "whose first byte past the known members is not 0"},
    [TAIL_LAST] = {"tail_ends", CF_STATUS(UNSUPPORTED), "whose last byte past the known members is not 0"},
    [TAIL_SHORT] = {"short", CF_STATUS(INVALID), "whose struct_size is one byte below that of its first version"},
    [TAIL_NONE] = {"empty", CF_STATUS(INVALID), "whose struct_size is 0"},
};

static bool is_newer(const cf_raw *raw) {
    if (raw->table->abi_version <= TENON_ABI_VERSION) return false;
    cf_not_applicable("the plugin is newer than this suite, and may know what the suite takes for a tail");
    return true;
}

/* A descriptor in another size, at the end of its page. */
static void *resize(tenon__guard *guard, tenon__guarded **used, const void *from, uint32_t known, uint32_t oldest,
                    tail how) {
    uint32_t size = how == TAIL_SHORT ? oldest - 1 : how == TAIL_NONE ? sizeof size : known + GROWN, said = size;
    unsigned char *copy = tenon__guard_take(guard, (size + 7) / 8 * 8, used);
    memcpy(copy, from, size < known ? size : known);
    if (how == TAIL_FIRST) copy[known] = 1;
    if (how == TAIL_LAST) copy[size - 1] = 0x80;
    if (how == TAIL_NONE) said = 0;
    memcpy(copy, &said, sizeof said);
    return copy;
}

/* The part of a work that its kind points to. */
static void resize_part(cf_sample *sample, uint32_t kind, tenon__guard *guard, tenon__guarded **used, tail how) {
    switch (kind) {
    case TENON_WORK_OP:
        sample->work.op = resize(guard, used, &sample->op, sizeof sample->op, TENON_OP_WORK_SIZE_V1, how);
        break;
    case TENON_WORK_KERNEL:
        sample->work.kernel =
            resize(guard, used, &sample->kernel, sizeof sample->kernel, TENON_KERNEL_WORK_SIZE_V1, how);
        break;
    default:
        sample->work.graph = resize(guard, used, &sample->graph, sizeof sample->graph, TENON_GRAPH_WORK_SIZE_V1, how);
    }
}

static void prepare_resized(uint32_t kind, bool part, tail how) {
    cf_raw raw;
    cf_sample sample;
    tenon__guard guard;
    tenon__guarded *used = NULL;
    if (!cf_raw_open(&raw, NULL)) return;
    tenon__guard_init(&guard);
    if (!is_newer(&raw) && cf_sample_make(kind, &sample)) {
        const tenon_work *work = &sample.work;
        if (part)
            resize_part(&sample, kind, &guard, &used, how);
        else
            work = resize(&guard, &used, &sample.work, sizeof sample.work, TENON_WORK_SIZE_V1, how);
        cf_raw_doing(&raw, "of a %s %s", part ? "work with a descriptor" : "tenon_work", tails[how].what);
        (void)CF_VIA(&raw, tails[how].statuses, "work.prepare", cf_sample_prepare(&raw, &sample, work));
        cf_sample_free(&sample);
    }
    tenon__guard_give(&guard, used);
    tenon__guard_free(&guard);
    cf_raw_close(&raw);
}

static void launch_resized(uint32_t kind, tail how) {
    cf_raw raw;
    cf_sample sample;
    cf_running run;
    tenon__guard guard;
    tenon__guarded *used = NULL;
    if (!cf_raw_open(&raw, NULL)) return;
    tenon__guard_init(&guard);
    if (!is_newer(&raw) && cf_sample_make(kind, &sample)) {
        if (cf_running_begin(&raw, &sample, &run)) {
            const tenon_launch *launch =
                resize(&guard, &used, &run.launch, sizeof run.launch, TENON_LAUNCH_SIZE_V1, how);
            cf_raw_doing(&raw, "with a tenon_launch %s", tails[how].what);
            if (how == TAIL_ZERO)
                (void)cf_running_works(&run, launch);
            else if (CF_ONE_OF(&raw, tails[how].statuses, raw.hooks.work.launch(raw.stream, run.exec, launch)))
                (void)(cf_running_is_untouched(&run) && cf_running_works(&run, &run.launch));
        }
        cf_running_end(&run);
        cf_sample_free(&sample);
    }
    tenon__guard_give(&guard, used);
    tenon__guard_free(&guard);
    cf_raw_close(&raw);
}

/* A whole function is shown to claim in these sizes too. Nodes of a graph that a plugin does not fully know are not taken
 * one by one: what it does not know may be about all of them. */
static void claim_resized(bool part, tail how) {
    enum { MOST_NODES = 16 };
    tenon_claim claims[MOST_NODES] = {{0}};
    cf_raw raw;
    cf_sample sample;
    tenon__guard guard;
    tenon__guarded *used = NULL;
    if (!cf_raw_open(&raw, NULL)) return;
    tenon__guard_init(&guard);
    if (!raw.hooks.work.claim) {
        cf_not_applicable("the device has no claim");
    } else if (!is_newer(&raw) && cf_sample_make(TENON_WORK_GRAPH, &sample)) {
        const tenon_work *work = &sample.work;
        if (part)
            resize_part(&sample, TENON_WORK_GRAPH, &guard, &used, how);
        else
            work = resize(&guard, &used, &sample.work, sizeof sample.work, TENON_WORK_SIZE_V1, how);
        cf_raw_doing(&raw, "about a %s %s", part ? "work with a descriptor" : "tenon_work", tails[how].what);
        if (sample.graph.node_count > MOST_NODES)
            cf_fail("a sample of %u nodes", sample.graph.node_count);
        else
            (void)CF_VIA(&raw, tails[how].statuses, "work.claim", raw.hooks.work.claim(raw.device, work, claims));
        cf_sample_free(&sample);
    }
    tenon__guard_give(&guard, used);
    tenon__guard_free(&guard);
    cf_raw_close(&raw);
}

/* A composite is declined or taken as it is; with members that nobody knows it is declined. */
static void prepare_composite(tail how) {
    static const int64_t axis = 1;
    static const tenon_attr attrs[] = {{TENON_ATTR_AXIS, 1, &axis}};
    cf_raw raw;
    cf_sample sample;
    tenon__guard guard;
    tenon__guarded *used = NULL;
    if (!cf_raw_open(&raw, NULL)) return;
    tenon__guard_init(&guard);
    if (!is_newer(&raw) && cf_sample_make(TENON_WORK_OP, &sample)) { /* two of its operands serve */
        tenon_composite_work softmax = {.struct_size = sizeof softmax, .version = 1, .name = "tenon.softmax"};
        tenon_operand operands[] = {sample.operands[0], sample.operands[2]};
        softmax.attrs = attrs;
        softmax.attr_count = 1;
        tenon_work work = {.struct_size = sizeof work, .kind = TENON_WORK_COMPOSITE, .operands = operands};
        work.operand_count = 2;
        for (int i = 0; i < 2; i++) {
            operands[i].view = (tenon_view){.dtype = TENON_DTYPE_F32, .rank = 2};
            const int64_t dims[] = {2, 3}, strides[] = {3, 1};
            for (int k = 0; k < 2; k++) {
                operands[i].view.dims[k] = (tenon_extent){.value = dims[k], .symbol = TENON_NO_SYMBOL};
                operands[i].view.strides[k] = (tenon_extent){.value = strides[k], .symbol = TENON_NO_SYMBOL};
            }
        }
        work.composite = resize(&guard, &used, &softmax, sizeof softmax, TENON_COMPOSITE_WORK_SIZE_V1, how);
        uint32_t statuses = how == TAIL_ZERO ? CF_STATUS(OK) | CF_STATUS(UNSUPPORTED) : tails[how].statuses;
        cf_raw_doing(&raw, "of a composite work with a descriptor %s", tails[how].what);
        (void)CF_VIA(&raw, statuses, "work.prepare", cf_sample_prepare(&raw, &sample, &work));
        cf_sample_free(&sample);
    }
    tenon__guard_give(&guard, used);
    tenon__guard_free(&guard);
    cf_raw_close(&raw);
}

void cf_abi_tails(void) {
    for (int how = 0; how < TAILS; how++) {
        const char *name = tails[how].name;
#define ROW(KIND, kind)                                                                                                \
    if (cf_begin("work." kind ".%s", name) && cf_sample_takes(TENON_WORK_##KIND, kind))                                \
        prepare_resized(TENON_WORK_##KIND, false, (tail)how);                                                          \
    if (cf_begin("part." kind ".%s", name) && cf_sample_takes(TENON_WORK_##KIND, kind))                                \
        prepare_resized(TENON_WORK_##KIND, true, (tail)how);                                                           \
    if (cf_begin("launch." kind ".%s", name) && cf_sample_takes(TENON_WORK_##KIND, kind))                              \
        launch_resized(TENON_WORK_##KIND, (tail)how);
        CF_SAMPLE_KINDS(ROW)
#undef ROW
        if (cf_begin("claim.work.%s", name) && cf_sample_takes(TENON_WORK_GRAPH, "graph"))
            claim_resized(false, (tail)how);
        if (cf_begin("claim.part.%s", name) && cf_sample_takes(TENON_WORK_GRAPH, "graph"))
            claim_resized(true, (tail)how);
        if (cf_begin("part.composite.%s", name) && cf_sample_takes(TENON_WORK_COMPOSITE, "composite"))
            prepare_composite((tail)how);
    }
}

/* -- Works that no device of this kind takes --------------------------------------------------------------------------- */

/* Takes a sample and makes it what it must not be. */
typedef void (*spoil_function)(cf_sample *sample);

static const int64_t unknown_values[] = {1};
static const tenon_attr unknown_attr[] = {{63, 1, unknown_values}};
static const int64_t long_list[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
static const tenon_attr foreign_attr[] = {{TENON_ATTR_AXES, 1, long_list}}; /* of other operators */

static void spoil_op_127(cf_sample *s) {
    s->op.op = 127;
}
static void spoil_op_unassigned(cf_sample *s) {
    s->op.op = 9;
}
static void spoil_op_none(cf_sample *s) {
    s->op.op = TENON_OP_NONE;
}
static void spoil_op_huge(cf_sample *s) {
    s->op.op = UINT32_MAX;
}
static void spoil_op_view(cf_sample *s) {
    s->op.op = TENON_OP_RESHAPE;
    s->operands[1] = s->operands[2];
    s->work.operand_count = 2;
}
static void spoil_attr_unknown(cf_sample *s) {
    s->op.attrs = unknown_attr;
    s->op.attr_count = 1;
}
static void spoil_attr_foreign(cf_sample *s) {
    s->op.attrs = foreign_attr;
    s->op.attr_count = 1;
}

static void set_dtypes(cf_sample *s, tenon_dtype a, tenon_dtype b, tenon_dtype y) {
    const tenon_dtype dtypes[] = {a, b, y};
    for (uint32_t i = 0; i < CF_SAMPLE_OPERANDS; i++) {
        s->operands[i].view.dtype = dtypes[i];
        if (s->values) s->values[i].dtype = dtypes[i];
    }
}
static void spoil_dtype_f8(cf_sample *s) {
    set_dtypes(s, TENON_DTYPE_F8E4M3, TENON_DTYPE_F8E4M3, TENON_DTYPE_F8E4M3);
}
static void spoil_dtype_i4(cf_sample *s) {
    set_dtypes(s, TENON_DTYPE_I4, TENON_DTYPE_I4, TENON_DTYPE_I4);
}
static void spoil_dtype_bool(cf_sample *s) {
    set_dtypes(s, TENON_DTYPE_BOOL, TENON_DTYPE_BOOL, TENON_DTYPE_BOOL);
}
static void spoil_dtype_unknown(cf_sample *s) {
    set_dtypes(s, 99, 99, 99);
}
static void spoil_dtype_none(cf_sample *s) {
    set_dtypes(s, 0, 0, 0);
}
static void spoil_dtypes_mixed(cf_sample *s) {
    set_dtypes(s, TENON_DTYPE_F32, TENON_DTYPE_I32, TENON_DTYPE_F32);
}
static void spoil_dtype_result(cf_sample *s) {
    set_dtypes(s, TENON_DTYPE_F32, TENON_DTYPE_F32, TENON_DTYPE_I32);
}

static void set_rank(cf_sample *s, uint32_t operand, uint32_t rank) {
    s->operands[operand].view.rank = rank;
    if (s->values) s->values[operand].rank = rank;
}
static void spoil_rank_9(cf_sample *s) {
    for (uint32_t i = 0; i < CF_SAMPLE_OPERANDS; i++) set_rank(s, i, TENON_MAX_RANK + 1);
}
static void spoil_rank_huge(cf_sample *s) {
    for (uint32_t i = 0; i < CF_SAMPLE_OPERANDS; i++) set_rank(s, i, UINT32_MAX);
}
static void spoil_ranks_differ(cf_sample *s) {
    tenon_extent two = {.value = 2, .symbol = TENON_NO_SYMBOL};
    set_rank(s, 1, 2);
    s->operands[1].view.dims[1] = s->operands[1].view.strides[1] = two;
    if (s->values) s->values[1].dims[1] = s->values[1].strides[1] = two;
}
static void spoil_layout(cf_sample *s) {
    s->operands[0].layout = 0x7e57;
}
static void spoil_role(cf_sample *s) {
    s->operands[2].role = TENON_ROLE_INPUT;
}
static void spoil_role_unknown(cf_sample *s) {
    s->operands[1].role = 77;
}
static void spoil_few_operands(cf_sample *s) {
    s->work.operand_count = 2;
}
static void spoil_no_operands(cf_sample *s) {
    s->work.operand_count = 0;
    s->work.operands = NULL;
}

static void set_dim(cf_sample *s, tenon_extent dim) {
    for (uint32_t i = 0; i < CF_SAMPLE_OPERANDS; i++) {
        s->operands[i].view.dims[0] = dim;
        if (s->values) s->values[i].dims[0] = dim;
    }
}
static void spoil_symbol(cf_sample *s) {
    set_dim(s, (tenon_extent){.symbol = s->work.symbol_count + 5});
}
static void spoil_dim(cf_sample *s) {
    set_dim(s, (tenon_extent){.value = -6, .symbol = TENON_NO_SYMBOL});
}

static void spoil_language(cf_sample *s) {
    s->kernel.language = 99;
}
static void spoil_language_other(cf_sample *s) {
    s->kernel.language =
        s->kernel.language == TENON_LANGUAGE_C11 ? (uint32_t)TENON_LANGUAGE_CUDA_C : (uint32_t)TENON_LANGUAGE_C11;
}
static void spoil_source(cf_sample *s) {
    static const char text[] = "this is no program {{{ in any language\n";
    s->kernel.source = text;
    s->kernel.source_size = sizeof text - 1;
    s->kernel.hash[0] ^= 0x5a5a5a5a5a5a5a5au;
    s->kernel.ir = NULL;
    s->kernel.ir_size = 0;
}

static void spoil_node(cf_sample *s) {
    s->nodes[0].op = 127;
}
static void spoil_node_unassigned(cf_sample *s) {
    s->nodes[0].op = 9;
}
static void spoil_composite(cf_sample *s) {
    s->nodes[0].op = TENON_OP_NONE;
    s->nodes[0].name = "nobody.no_such_thing";
    s->nodes[0].version = 1;
}
static void spoil_composite_version(cf_sample *s) {
    s->nodes[0].op = TENON_OP_NONE;
    s->nodes[0].name = "tenon.softmax";
    s->nodes[0].version = 999;
}
static void spoil_node_attr(cf_sample *s) {
    s->nodes[0].attrs = unknown_attr;
    s->nodes[0].attr_count = 1;
}
static void spoil_node_inputs(cf_sample *s) {
    s->nodes[0].input_count = 1;
}

/* The second input becomes a constant, with `size` bytes of the six elements. */
static void make_constant(cf_sample *s, const void *data, uint64_t size) {
    s->operands[1].role = TENON_ROLE_CONSTANT;
    s->operands[1].data = data;
    s->operands[1].data_size = size;
}
static const float constant_bytes[CF_SAMPLE_COUNT];
static void spoil_constant_short(cf_sample *s) {
    make_constant(s, constant_bytes, sizeof constant_bytes - sizeof *constant_bytes);
}
static void spoil_constant_without_data(cf_sample *s) {
    make_constant(s, NULL, 0);
}
static void spoil_element_without_data(cf_sample *s) {
    set_dim(s, (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL});
    make_constant(s, NULL, 0);
}

static void spoil_value_out_of_range(cf_sample *s) {
    static const uint32_t inputs[] = {0, 1000};
    s->nodes[0].inputs = inputs;
}
static void spoil_result_out_of_range(cf_sample *s) {
    static const uint32_t outputs[] = {1000};
    s->nodes[0].outputs = outputs;
}
static void spoil_two_writers(cf_sample *s) {
    const tenon_graph_node twice[] = {s->nodes[0], s->nodes[0]};
    s->nodes = tenon__arena_copy(&s->arena, twice, sizeof twice);
    s->graph.nodes = s->nodes;
    s->graph.node_count = 2;
}
static void spoil_node_writes_an_input(cf_sample *s) {
    static const uint32_t outputs[] = {0};
    s->nodes[0].outputs = outputs;
}
static void spoil_operand_unlike_its_value(cf_sample *s) {
    s->operands[0].view.dims[0].value--;
}
static void spoil_composite_attr(cf_sample *s) {
    static const int64_t axis = 0, one = 1;
    static const uint32_t input = 0;
    static const tenon_attr attrs[] = {{TENON_ATTR_AXIS, 1, &axis}, {63, 1, &one}};
    s->nodes[0].op = TENON_OP_NONE;
    s->nodes[0].name = "tenon.softmax";
    s->nodes[0].version = 1;
    s->nodes[0].inputs = &input;
    s->nodes[0].input_count = 1;
    s->nodes[0].attrs = attrs;
    s->nodes[0].attr_count = 2;
}

#define UNTAKEN     CF_STATUS(UNSUPPORTED)
#define CONTRADICTS (CF_STATUS(INVALID) | CF_STATUS(UNSUPPORTED))
/* A graph compiler may find out late. */
#define UNTAKEN_GRAPH     (UNTAKEN | CF_STATUS(COMPILE_FAILED))
#define CONTRADICTS_GRAPH (CONTRADICTS | CF_STATUS(COMPILE_FAILED))

static const struct {
    uint32_t kind;
    const char *name;
    spoil_function spoil;
    uint32_t statuses;
} spoilt[] = {
    {TENON_WORK_OP, "op.unknown", spoil_op_127, UNTAKEN},
    {TENON_WORK_OP, "op.unassigned", spoil_op_unassigned, UNTAKEN},
    {TENON_WORK_OP, "op.none", spoil_op_none, UNTAKEN},
    {TENON_WORK_OP, "op.huge", spoil_op_huge, UNTAKEN},
    {TENON_WORK_OP, "op.view", spoil_op_view, UNTAKEN},
    {TENON_WORK_OP, "op.attr_unknown", spoil_attr_unknown, UNTAKEN},
    {TENON_WORK_OP, "op.attr_of_others", spoil_attr_foreign, CONTRADICTS},
    {TENON_WORK_OP, "op.dtype_f8", spoil_dtype_f8, UNTAKEN},
    {TENON_WORK_OP, "op.dtype_i4", spoil_dtype_i4, UNTAKEN},
    {TENON_WORK_OP, "op.dtype_bool", spoil_dtype_bool, CONTRADICTS}, /* add takes numbers */
    {TENON_WORK_OP, "op.dtype_unknown", spoil_dtype_unknown, CONTRADICTS},
    {TENON_WORK_OP, "op.dtype_none", spoil_dtype_none, CONTRADICTS},
    {TENON_WORK_OP, "op.dtypes_mixed", spoil_dtypes_mixed, CONTRADICTS},
    {TENON_WORK_OP, "op.dtype_of_result", spoil_dtype_result, CONTRADICTS},
    {TENON_WORK_OP, "op.rank_9", spoil_rank_9, CONTRADICTS},
    {TENON_WORK_OP, "op.rank_huge", spoil_rank_huge, CONTRADICTS},
    {TENON_WORK_OP, "op.ranks_differ", spoil_ranks_differ, CONTRADICTS},
    {TENON_WORK_OP, "op.layout", spoil_layout, UNTAKEN},
    {TENON_WORK_OP, "op.role_of_result", spoil_role, CONTRADICTS},
    {TENON_WORK_OP, "op.role_unknown", spoil_role_unknown, CONTRADICTS},
    {TENON_WORK_OP, "op.few_operands", spoil_few_operands, CONTRADICTS},
    {TENON_WORK_OP, "op.no_operands", spoil_no_operands, CONTRADICTS},
    {TENON_WORK_OP, "op.symbol_unknown", spoil_symbol, CONTRADICTS},
    {TENON_WORK_OP, "op.dim_negative", spoil_dim, CONTRADICTS},
    {TENON_WORK_KERNEL, "kernel.language_unknown", spoil_language, UNTAKEN},
    {TENON_WORK_KERNEL, "kernel.language_of_others", spoil_language_other, UNTAKEN},
    {TENON_WORK_KERNEL, "kernel.source", spoil_source, CF_STATUS(COMPILE_FAILED)},
    {TENON_WORK_GRAPH, "graph.node_unknown", spoil_node, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.node_unassigned", spoil_node_unassigned, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.composite_unknown", spoil_composite, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.composite_version", spoil_composite_version, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.attr_unknown", spoil_node_attr, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.dtype_f8", spoil_dtype_f8, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.dtype_i4", spoil_dtype_i4, UNTAKEN_GRAPH},
    {TENON_WORK_GRAPH, "graph.dtype_unknown", spoil_dtype_unknown, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.dtypes_mixed", spoil_dtypes_mixed, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.rank_9", spoil_rank_9, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.inputs_missing", spoil_node_inputs, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.constant_short", spoil_constant_short, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.constant_without_data", spoil_constant_without_data, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.element_without_data", spoil_element_without_data, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.value_out_of_range", spoil_value_out_of_range, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.result_out_of_range", spoil_result_out_of_range, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.two_writers", spoil_two_writers, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.node_writes_an_input", spoil_node_writes_an_input, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.operand_unlike_its_value", spoil_operand_unlike_its_value, CONTRADICTS_GRAPH},
    {TENON_WORK_GRAPH, "graph.composite_attr_unknown", spoil_composite_attr, UNTAKEN_GRAPH},
};

/* prepare fails with nothing written, but perhaps the node that is why (REQ-WORK-13). */
static void expect_refusal(cf_raw *raw, cf_sample *sample, const tenon_work *work, uint32_t statuses,
                           const char *what) {
    cf_answer answer = cf_sample_answer(sample);
    tenon_exec_info before = answer.info;
    tenon_exec *exec = CF_UNTOUCHED;
    cf_raw_doing(raw, "of %s", what);
    if (!CF_ONE_OF(raw, statuses, raw->hooks.work.prepare(raw->device, work, &answer.info, &exec))) {
        if (exec && exec != CF_UNTOUCHED) raw->hooks.work.release(raw->device, exec);
        return;
    }
    before.refused_node = answer.info.refused_node;
    uint32_t nodes = work->graph ? work->graph->node_count : 0;
    if (before.refused_node > nodes)
        cf_fail("work.prepare of %s answers refused_node %u, of %u nodes (REQ-WORK-13)", what, before.refused_node,
                nodes);
    if (exec != CF_UNTOUCHED) cf_fail("work.prepare of %s writes out_exec although it fails (REQ-ERR-03)", what);
    if (memcmp(&before, &answer.info, sizeof before) != 0)
        cf_fail("work.prepare of %s writes out_info although it fails (REQ-ERR-03)", what);
}

static void refuse_spoilt(uint32_t kind, spoil_function spoil, uint32_t statuses, const char *name) {
    cf_raw raw;
    cf_sample sample, good;
    char what[CF_RAW_DOING];
    (void)snprintf(what, sizeof what, "an addition that was spoilt (%s)", name);
    if (!cf_raw_open(&raw, NULL)) return;
    if (cf_sample_make(kind, &sample)) {
        spoil(&sample);
        for (int i = 0; i < 2 && !cf_failed(); i++) expect_refusal(&raw, &sample, &sample.work, statuses, what);
        cf_sample_free(&sample);
    }
    if (!cf_failed() && cf_sample_make(kind, &good)) { /* no side effect: the device goes on */
        (void)cf_sample_runs(&raw, &good);
        cf_sample_free(&good);
    }
    cf_raw_close(&raw);
}

/* Kinds without a meaning, and those that the device does not declare. */
static void refuse_kind(uint32_t kind) {
    static const char source[] = "int no_device_takes_this;\n";
    static const tenon_kernel_entry entry = {.name = "none", .local = {1, 1, 1}};
    cf_raw raw;
    cf_sample sample;
    char what[CF_RAW_DOING];
    if (tenonh_device_info(cf_under_test.device)->work_kinds & kind) {
        cf_not_applicable("work_kinds has it");
        return;
    }
    if (!cf_raw_open(&raw, NULL)) return;
    if (cf_sample_make(kind == TENON_WORK_GRAPH ? TENON_WORK_GRAPH : TENON_WORK_OP, &sample)) {
        tenon_kernel_work kernel = {.struct_size = sizeof kernel, .language = TENON_LANGUAGE_C11, .source = source};
        tenon_composite_work composite = {.struct_size = sizeof composite, .version = 1, .name = "tenon.softmax"};
        kernel.source_size = sizeof source - 1;
        kernel.entries = &entry;
        kernel.entry_count = 1;
        tenon_work work = sample.work;
        work.kind = kind;
        if (kind != TENON_WORK_OP) work.op = NULL;
        if (kind == TENON_WORK_KERNEL) work.kernel = &kernel;
        if (kind == TENON_WORK_COMPOSITE) work.composite = &composite;
        (void)snprintf(what, sizeof what, "work of kind 0x%x (work_kinds lacks it)", kind);
        expect_refusal(&raw, &sample, &work, UNTAKEN, what);
        cf_sample_free(&sample);
    }
    cf_raw_close(&raw);
}

void cf_abi_works(void) {
    static const struct {
        const char *name;
        uint32_t kind;
    } kinds[] = {{"none", 0},
                 {"op", TENON_WORK_OP},
                 {"kernel", TENON_WORK_KERNEL},
                 {"composite", TENON_WORK_COMPOSITE},
                 {"graph", TENON_WORK_GRAPH},
                 {"next", TENON_WORK_GRAPH << 1},
                 {"last", 0x80000000u},
                 {"all", UINT32_MAX}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (cf_begin("kind.%s", kinds[i].name)) {
            if (kinds[i].kind == UINT32_MAX)
                refuse_kind(~tenonh_device_info(cf_under_test.device)->work_kinds);
            else
                refuse_kind(kinds[i].kind);
        }
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        if (!cf_begin("%s", spoilt[i].name)) continue;
        const char *kind = spoilt[i].kind == TENON_WORK_OP       ? "op"
                           : spoilt[i].kind == TENON_WORK_KERNEL ? "kernel"
                                                                 : "graph";
        if (cf_sample_takes(spoilt[i].kind, kind))
            refuse_spoilt(spoilt[i].kind, spoilt[i].spoil, spoilt[i].statuses, spoilt[i].name);
    }
}
