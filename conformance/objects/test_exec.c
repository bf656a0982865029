/* Execs: what is prepared and launched, and what is said when a device or its caller breaks a rule. */
#include <stdlib.h>

#include "fixture.h"

static const char *const ids[] = {"fake", "full"};
static const char *const paths[] = {PLANTED_DIR "/libtenon_good.so", PLANTED_DIR "/libtenon_full.so"};

static fixture open_one(int which) {
    return fixture_open(paths[which], ids[which]);
}

/* A binary operator on f32 vectors of any length up to 1000. */
typedef struct binary {
    tenon_symbol symbol;
    tenon_operand operands[3];
    tenon_op_work op;
    tenon_work work;
} binary;

static void describe(binary *b, tenon_op op) {
    const tenon_extent length = {.symbol = 0}, one = {.value = 1, .symbol = TENON_NO_SYMBOL};
    memset(b, 0, sizeof *b);
    b->symbol = (tenon_symbol){0, 1000, 1};
    for (int i = 0; i < 3; i++) {
        b->operands[i].role = i < 2 ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT;
        b->operands[i].alignment = 4;
        b->operands[i].view = (tenon_view){.dtype = TENON_DTYPE_F32, .rank = 1, .dims = {length}, .strides = {one}};
    }
    b->op = (tenon_op_work){.struct_size = sizeof b->op, .op = op};
    b->work = (tenon_work){.struct_size = sizeof b->work, .kind = TENON_WORK_OP};
    b->work.symbols = &b->symbol;
    b->work.symbol_count = 1;
    b->work.operands = b->operands;
    b->work.operand_count = 3;
    b->work.op = &b->op;
}

static tenonh_exec *prepare(const fixture *f, tenon_op op) {
    binary b;
    tenonh_exec *exec = NULL;
    describe(&b, op);
    ck_assert_msg(tenonh_exec_prepare(f->device, &b.work, NULL, &exec) == TENON_STATUS_OK, "%s",
                  tenonh_error_message());
    return exec;
}

/* A launch over one memory: a and b, then the result. */
typedef struct run {
    tenonh_memory *memory;
    tenon_buffer buffers[3];
    int64_t length;
    tenon_launch launch;
} run;

static void set_up(run *r, const fixture *f, int64_t length) {
    ck_assert_uint_eq(tenonh_memory_create(f->device, 0, 3 * 64, &r->memory), TENON_STATUS_OK);
    for (uint64_t i = 0; i < 3; i++) r->buffers[i] = tenonh_memory_buffer(r->memory, 64 * i);
    r->length = length;
    r->launch = (tenon_launch){.struct_size = sizeof r->launch,
                               .buffer_count = 3,
                               .buffers = r->buffers,
                               .symbols = &r->length,
                               .symbol_count = 1};
}

START_TEST(prepared_work_runs) {
    fixture f = open_one(_i);
    tenonh_exec *exec = prepare(&f, TENON_OP_ADD);
    float a[16], b[16], c[16];
    run r;
    set_up(&r, &f, 16);
    for (int i = 0; i < 16; i++) a[i] = (float)i, b[i] = 0.5f;
    ck_assert_uint_eq(tenonh_stream_write(f.stream, r.memory, 0, a, sizeof a), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_write(f.stream, r.memory, 64, b, sizeof b), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_read(f.stream, c, r.memory, 128, sizeof c), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(f.stream), TENON_STATUS_OK);
    for (int i = 0; i < 16; i++) ck_assert_msg(c[i] == a[i] + b[i], "%d: %g", i, (double)c[i]);
    ck_assert_uint_eq(tenonh_exec_operand_count(exec), 3);
    ck_assert_uint_eq(tenonh_exec_symbol_count(exec), 1);
    ck_assert_int_eq(tenonh_exec_info(exec)->symbols[0].max, 1000);
    ck_assert_uint_eq(tenonh_exec_info(exec)->operands[2].alias, TENON_NO_ALIAS);
    ck_assert_ptr_eq(tenonh_exec_device(exec), f.device);
    ck_assert_uint_eq(fixture_counters(&f).prepares, 1);
    tenonh_memory_release(r.memory);
    tenonh_exec_release(tenonh_exec_retain(exec));
    tenonh_exec_release(exec);
    fixture_close(&f);
}
END_TEST

START_TEST(bad_launches_are_refused) {
    fixture f = open_one(0), other = open_one(1);
    tenonh_exec *exec = prepare(&f, TENON_OP_ADD);
    run r;
    struct {
        tenon_launch known;
        uint64_t tail;
    } newer;
    set_up(&r, &f, 1001);
    expect(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_INVALID, "symbol 0 is 1001");
    r.length = -1;
    expect(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_INVALID, "takes 0 to 1000");
    r.length = 16;
    expect(tenonh_exec_launch(exec, other.stream, &r.launch), TENON_STATUS_INVALID,
           "exec of fake:0 on a stream of full");
    expect(tenonh_exec_launch(exec, f.stream, NULL), TENON_STATUS_INVALID, "NULL");
    tenon_launch bad = r.launch;
    bad.buffer_count = 2;
    expect(tenonh_exec_launch(exec, f.stream, &bad), TENON_STATUS_INVALID, "2 buffers");
    bad = r.launch;
    bad.scalar_count = 1;
    expect(tenonh_exec_launch(exec, f.stream, &bad), TENON_STATUS_INVALID, "1 scalars");
    bad = r.launch;
    bad.symbols = NULL;
    expect(tenonh_exec_launch(exec, f.stream, &bad), TENON_STATUS_INVALID, "is NULL");
    bad = r.launch;
    bad.struct_size = 8;
    expect(tenonh_exec_launch(exec, f.stream, &bad), TENON_STATUS_INVALID, "struct_size is 8");
    newer.known = r.launch;
    newer.known.struct_size = sizeof newer;
    newer.tail = 0;
    ck_assert_uint_eq(tenonh_exec_launch(exec, f.stream, &newer.known), TENON_STATUS_OK);
    newer.tail = 1;
    expect(tenonh_exec_launch(exec, f.stream, &newer.known), TENON_STATUS_UNSUPPORTED, "struct_size");
    r.buffers[1].memory = NULL;
    expect(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_INVALID, "a buffer");
    tenonh_memory_release(r.memory);
    tenonh_exec_release(exec);
    fixture_close(&f);
    fixture_close(&other);
}
END_TEST

typedef void (*spoil_function)(binary *b);

static void spoil_size(binary *b) {
    b->work.struct_size = 8;
}
static void spoil_kind(binary *b) {
    b->work.kind = 3;
}
static void spoil_part(binary *b) {
    b->work.kind = TENON_WORK_KERNEL;
}
static void spoil_divisor(binary *b) {
    b->symbol.divisor = 0;
}
static void spoil_range(binary *b) {
    b->symbol.min = 1001;
}
static void spoil_dim(binary *b) {
    b->symbol.min = -1;
}
static void spoil_role(binary *b) {
    b->operands[1].role = 9;
}
static void spoil_rank(binary *b) {
    b->operands[1].view.rank = 9;
}
static void spoil_dtype(binary *b) {
    b->operands[2].view.dtype = 0;
}
static void spoil_symbol(binary *b) {
    b->operands[2].view.dims[0].symbol = 1;
}
static void spoil_alignment(binary *b) {
    b->operands[0].alignment = 3;
}
static void spoil_data(binary *b) {
    b->operands[0].data = b;
}
static void spoil_op(binary *b) {
    b->op.op = 127;
}
static void spoil_view(binary *b) {
    b->op.op = TENON_OP_RESHAPE;
}
static void spoil_count(binary *b) {
    b->work.operand_count = 2;
}
static void spoil_operands(binary *b) {
    b->work.operands = NULL;
}

START_TEST(malformed_work_is_refused) {
    static const struct {
        const char *words;
        spoil_function spoil;
    } rows[] = {
        {"shorter", spoil_size},
        {"kind 3", spoil_kind},
        {"kind 2", spoil_part},
        {"divisor 0", spoil_divisor},
        {"min 1001", spoil_range},
        {"begins at -1", spoil_dim},
        {"role 9", spoil_role},
        {"rank 9", spoil_rank},
        {"no dtype", spoil_dtype},
        {"symbol 1 of 1", spoil_symbol},
        {"power of two", spoil_alignment},
        {"no constant", spoil_data},
        {"no operator", spoil_op},
        {"a view", spoil_view},
        {"3 operands, not 2", spoil_count},
        {"at NULL", spoil_operands},
    };
    fixture f = open_one(0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        binary b;
        tenonh_exec *exec = NULL;
        describe(&b, TENON_OP_ADD);
        rows[i].spoil(&b);
        expect(tenonh_exec_prepare(f.device, &b.work, NULL, &exec), TENON_STATUS_INVALID, rows[i].words);
        ck_assert_ptr_null(exec);
    }
    fixture_close(&f);
}
END_TEST

/* Two nodes, v2 = neg v0 and v1 = softmax v2: one operand in, one out, one value inside. */
typedef struct small_graph {
    tenon_operand operands[2];
    tenon_view values[3];
    uint32_t numbers[4];
    tenon_graph_node nodes[2];
    tenon_graph_work graph;
    tenon_composite_work composite;
    uint32_t inputs[2];
    tenon_work work;
} small_graph;

static void describe_graph(small_graph *g) {
    const tenon_extent length = {.value = 4, .symbol = TENON_NO_SYMBOL}, one = {.value = 1, .symbol = TENON_NO_SYMBOL};
    memset(g, 0, sizeof *g);
    for (int i = 0; i < 3; i++)
        g->values[i] = (tenon_view){.dtype = TENON_DTYPE_F32, .rank = 1, .dims = {length}, .strides = {one}};
    for (int i = 0; i < 2; i++)
        g->operands[i] = (tenon_operand){.role = i ? TENON_ROLE_OUTPUT : TENON_ROLE_INPUT, .alignment = 4};
    for (int i = 0; i < 2; i++) g->operands[i].view = g->values[i];
    static const uint32_t numbers[] = {0, 2, 2, 1};
    memcpy(g->numbers, numbers, sizeof numbers);
    for (int i = 0; i < 2; i++)
        g->nodes[i] = (tenon_graph_node){.inputs = &g->numbers[2 * i], .outputs = &g->numbers[2 * i + 1]};
    g->nodes[0].input_count = g->nodes[0].output_count = g->nodes[1].input_count = g->nodes[1].output_count = 1;
    g->nodes[0].op = TENON_OP_NEG;
    g->nodes[1].name = "tenon.softmax";
    g->graph = (tenon_graph_work){.struct_size = sizeof g->graph, .node_count = 2, .nodes = g->nodes};
    g->graph.values = g->values;
    g->graph.value_count = 3;
    g->composite = (tenon_composite_work){.struct_size = sizeof g->composite, .name = "tenon.clip", .version = 1};
    g->work = (tenon_work){.struct_size = sizeof g->work, .kind = TENON_WORK_GRAPH, .operands = g->operands};
    g->work.operand_count = 2;
    g->work.graph = &g->graph;
}

static void describe_composite(small_graph *g) {
    describe_graph(g);
    g->work.kind = TENON_WORK_COMPOSITE;
    g->work.graph = NULL;
    g->work.composite = &g->composite;
}

static void graph_without_nodes(small_graph *g) {
    g->graph.node_count = 0;
}
static void graph_used_early(small_graph *g) {
    g->numbers[0] = 2;
}
static void graph_defined_twice(small_graph *g) {
    g->numbers[3] = 2;
}
static void graph_never_defined(small_graph *g) {
    g->graph.node_count = 1;
}
static void graph_other_view(small_graph *g) {
    g->values[1].dims[0].value = 5;
}
static void graph_in_place(small_graph *g) {
    g->operands[1].role = TENON_ROLE_INOUT;
}
static void graph_of_inputs(small_graph *g) {
    g->operands[1].role = TENON_ROLE_INPUT;
}
static void graph_two_inputs(small_graph *g) {
    g->nodes[0].input_count = 2;
}
static void graph_nameless(small_graph *g) {
    g->nodes[1].name = "";
}
static void graph_two_names(small_graph *g) {
    g->nodes[0].name = "tenon.neg";
}
static void graph_absent_of_op(small_graph *g) {
    g->numbers[0] = TENON_ABSENT;
}
static void graph_bad_value(small_graph *g) {
    g->values[2].rank = 9;
}
static void composite_nameless(small_graph *g) {
    describe_composite(g);
    g->composite.name = NULL;
}
static void composite_disordered(small_graph *g) {
    describe_composite(g);
    g->inputs[0] = 1;
    g->composite.inputs = g->inputs;
    g->composite.input_count = 1;
}
static void composite_without_inputs(small_graph *g) {
    describe_composite(g);
    g->inputs[0] = TENON_ABSENT;
    g->composite.inputs = g->inputs;
    g->composite.input_count = 1;
}
static void composite_bad_attr(small_graph *g) {
    static const tenon_attr attr = {.id = 63};
    describe_composite(g);
    g->composite.attrs = &attr;
    g->composite.attr_count = 1;
}

START_TEST(malformed_graphs_are_refused) {
    static const struct {
        const char *words;
        void (*spoil)(small_graph *g);
    } rows[] = {
        {"no nodes", graph_without_nodes},
        {"value 2, which is not defined before", graph_used_early},
        {"defined twice", graph_defined_twice},
        {"value 1 is never defined", graph_never_defined},
        {"not the view of operand 1", graph_other_view},
        {"operand 1 has role 3", graph_in_place},
        {"no output", graph_of_inputs},
        {"neg has 1 inputs", graph_two_inputs},
        {"neither operator nor composite", graph_nameless},
        {"it has a name too", graph_two_names},
        {"not defined before", graph_absent_of_op},
        {"value 2: rank 9", graph_bad_value},
        {"no name", composite_nameless},
        {"name the operands in order", composite_disordered},
        {"0 operands of 1", composite_without_inputs},
        {"63 is no attribute", composite_bad_attr},
    };
    fixture f = open_one(0);
    small_graph g;
    tenonh_exec *exec = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        describe_graph(&g);
        rows[i].spoil(&g);
        expect(tenonh_exec_prepare(f.device, &g.work, NULL, &exec), TENON_STATUS_INVALID, rows[i].words);
        ck_assert_ptr_null(exec);
    }
    tenon_claim claims[2];
    describe_graph(&g);
    expect(tenonh_exec_prepare(f.device, &g.work, NULL, &exec), TENON_STATUS_UNSUPPORTED, "no work of kind 8");
    expect(tenonh_device_claim(f.device, &g.work, claims), TENON_STATUS_UNSUPPORTED, "takes no graph work");
    describe_composite(&g);
    expect(tenonh_exec_prepare(f.device, &g.work, NULL, &exec), TENON_STATUS_UNSUPPORTED, "no work of kind 4");
    expect(tenonh_device_claim(f.device, &g.work, claims), TENON_STATUS_INVALID, "no graph");
    fixture_close(&f);
}
END_TEST

static uint32_t cancel_third(void *context) {
    return ++*(uint32_t *)context == 3;
}

START_TEST(answers_are_checked) {
    fixture f = open_one(_i);
    binary b;
    tenonh_exec *exec = NULL;
    uint32_t asked = 0;
    tenonh_prepare_options options = {
        .struct_size = sizeof options, .cancelled = cancel_third, .cancelled_context = &asked};
    describe(&b, TENON_OP_POW);
    expect(tenonh_exec_prepare(f.device, &b.work, NULL, &exec), TENON_STATUS_UNSUPPORTED, "none of its few");
    describe(&b, TENON_OP_DIV);
    expect(tenonh_exec_prepare(f.device, &b.work, NULL, &exec), TENON_STATUS_INTERNAL, "REQ-WORK-01");
    describe(&b, TENON_OP_MIN);
    expect(tenonh_exec_prepare(f.device, &b.work, &options, &exec), TENON_STATUS_CANCELLED, "the host asked");
    ck_assert_uint_eq(asked, 3);
    tenonh_device_counters counters = fixture_counters(&f);
    ck_assert_uint_eq(counters.prepares, 0);
    ck_assert_uint_eq(counters.refusals, 1);
    ck_assert_uint_gt(counters.prepare_ns, 1000000);
    fixture_close(&f);
}
END_TEST

/* An unknown status reads as INTERNAL. */
START_TEST(unknown_statuses_are_internal) {
    fixture f = open_one(_i);
    tenonh_exec *exec = prepare(&f, TENON_OP_MAX);
    run r;
    set_up(&r, &f, 4);
    expect(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_INTERNAL, "unknown status 999");
    tenonh_memory_release(r.memory);
    tenonh_exec_release(exec);
    fixture_close(&f);
}
END_TEST

/* A late failure sticks to its stream, is told in the plugin's words each time, and poisons who waits for it. */
START_TEST(late_failures_stick_and_spread) {
    fixture f = open_one(_i);
    tenonh_exec *good = prepare(&f, TENON_OP_ADD), *bad = prepare(&f, TENON_OP_SUB);
    tenonh_stream *waiter = NULL;
    tenonh_event *event = NULL;
    run r;
    set_up(&r, &f, 4);
    ck_assert_uint_eq(tenonh_stream_create(f.device, &waiter), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_create(f.device, &event), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_exec_launch(bad, f.stream, &r.launch), TENON_STATUS_OK);
    expect(tenonh_stream_synchronize(f.stream), TENON_STATUS_OUT_OF_RANGE, "index 7 of 5");
    expect(tenonh_stream_synchronize(f.stream), TENON_STATUS_OUT_OF_RANGE, "index 7 of 5");
    expect(tenonh_stream_query(f.stream), TENON_STATUS_OUT_OF_RANGE, "index 7 of 5");
    expect(tenonh_exec_launch(good, f.stream, &r.launch), TENON_STATUS_FAILED_STREAM, "");
    ck_assert_uint_eq(tenonh_event_record(event, f.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_query(event), TENON_STATUS_OUT_OF_RANGE);
    ck_assert_uint_eq(tenonh_exec_launch(good, waiter, &r.launch), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_wait(waiter, event), TENON_STATUS_OK);
    expect(tenonh_exec_launch(good, waiter, &r.launch), TENON_STATUS_FAILED_STREAM, "");
    ck_assert_uint_eq(tenonh_stream_synchronize(waiter), TENON_STATUS_OUT_OF_RANGE);
    tenonh_stream_release(waiter);
    tenonh_event_release(event);
    tenonh_memory_release(r.memory);
    tenonh_exec_release(good);
    tenonh_exec_release(bad);
    fixture_close(&f);
}
END_TEST

START_TEST(a_lost_device_stays_lost) {
    fixture f = open_one(_i);
    tenonh_exec *exec = prepare(&f, TENON_OP_MUL);
    tenonh_memory *memory = NULL;
    run r;
    set_up(&r, &f, 4);
    expect(tenonh_exec_launch(exec, f.stream, &r.launch), TENON_STATUS_DEVICE_LOST, "fell off the bus");
    expect(tenonh_memory_create(f.device, 0, 8, &memory), TENON_STATUS_DEVICE_LOST, "open it in a new process");
    expect(tenonh_device_health(f.device), TENON_STATUS_DEVICE_LOST, "");
    tenonh_memory_release(r.memory);
    tenonh_exec_release(exec);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("exec");
    TCase *rows = tcase_create("exec");
    tcase_add_loop_test(rows, prepared_work_runs, 0, 2);
    tcase_add_test(rows, bad_launches_are_refused);
    tcase_add_test(rows, malformed_work_is_refused);
    tcase_add_test(rows, malformed_graphs_are_refused);
    tcase_add_loop_test(rows, answers_are_checked, 0, 2);
    tcase_add_loop_test(rows, unknown_statuses_are_internal, 0, 2);
    tcase_add_loop_test(rows, late_failures_stick_and_spread, 0, 2);
    tcase_add_loop_test(rows, a_lost_device_stays_lost, 0, 2);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
