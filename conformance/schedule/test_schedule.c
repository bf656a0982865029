/* Random graphs on several streams whose launches take as long as a seed says: the results are those of the host's
 * evaluator, bit for bit; the checker agrees with every plan, and with none that lacks one of its waits.
 * Usage: test_schedule GRAPHS */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"
#include "plan/check.h"
#include "plan/lower.h"
#include "random_graph.h"

enum { STREAMS = 4 };

static tenonh_registry *registry;
static uint32_t graph_count;

static void good(tenon_status status, uint64_t seed) {
    ck_assert_msg(status == TENON_STATUS_OK, "seed %llu: %s", (unsigned long long)seed, tenonh_error_message());
}

static tenonh_device *open(const char *name) {
    tenonh_device *device;
    good(tenonh_device_open(registry, name, &device), 0);
    return device;
}

/* -- Results -- */

typedef struct problem {
    uint64_t seed;
    random_graph graph;
    tenonh_array inputs[RANDOM_INPUTS];
    tenon__tensor expected[RANDOM_OUTPUTS];
} problem;

static void evaluate(problem *p) {
    tenonh_module *concrete, *flat;
    tenon__input_dims dims[RANDOM_INPUTS] = {{0}};
    tenon__tensor tensors[RANDOM_INPUTS];
    for (uint32_t i = 0; i < p->graph.input_count; i++) {
        dims[i].rank = 2;
        memcpy(dims[i].dims, p->graph.dims[i], sizeof p->graph.dims[i]);
        tensors[i] = (tenon__tensor){.dtype = TENON_DTYPE_I32, .rank = 2, .data = p->inputs[i].data};
        memcpy(tensors[i].dims, p->graph.dims[i], sizeof p->graph.dims[i]);
        tenon__tensor_pack(&tensors[i]);
    }
    good(tenon__concretize(p->graph.module, "main", dims, p->graph.input_count, NULL, &concrete), p->seed);
    good(tenon__decompose(concrete, NULL, NULL, &flat), p->seed);
    good(tenon__eval_function(flat, tensors, p->expected), p->seed);
    tenonh_module_destroy(flat);
    tenonh_module_destroy(concrete);
}

static problem make(uint64_t seed, int others) {
    problem p = {.seed = seed};
    good(random_graph_create(seed, others, &p.graph), seed);
    uint64_t state = ~seed;
    for (uint32_t i = 0; i < p.graph.input_count; i++) {
        good(tenonh_array_create(TENON_DTYPE_I32, 2, p.graph.dims[i], &p.inputs[i]), seed);
        for (uint64_t k = 0; k < p.inputs[i].size / 4; k++)
            ((int32_t *)p.inputs[i].data)[k] = (int32_t)(random_next(&state) % 201) - 100;
    }
    evaluate(&p);
    return p;
}

static void free_problem(problem *p) {
    for (uint32_t i = 0; i < p->graph.input_count; i++) tenonh_array_free(&p->inputs[i]);
    for (uint32_t i = 0; i < p->graph.output_count; i++) free(p->expected[i].data);
    random_graph_free(&p->graph);
}

static void run(const problem *p, tenonh_device *device, tenonh_device *fallback, uint32_t streams) {
    const tenonh_session_options options = {
        .struct_size = sizeof options, .fallback = fallback, .streams = streams, .check_plans = 1};
    tenonh_session *session;
    tenonh_array outputs[RANDOM_OUTPUTS] = {0};
    good(tenonh_session_create(p->graph.module, device, &options, &session), p->seed);
    good(tenonh_session_run_arrays(session, p->inputs, p->graph.input_count, outputs, p->graph.output_count), p->seed);
    for (uint32_t i = 0; i < p->graph.output_count; i++) {
        ck_assert_msg(memcmp(outputs[i].data, p->expected[i].data, outputs[i].size) == 0,
                      "seed %llu on %s: output %u differs", (unsigned long long)p->seed, tenonh_device_name(device), i);
        tenonh_array_free(&outputs[i]);
    }
    tenonh_session_release(session);
}

/* -- Plans -- */

static uint32_t count_of(const tenon__plan *plan, uint32_t kind) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->command_count; i++) count += plan->commands[i].kind == kind;
    return count;
}

/* Takes each wait away in turn. */
static uint32_t expect_every_wait_needed(tenon__plan *plan, uint64_t seed) {
    uint32_t waits = 0;
    for (uint32_t i = 0; i < plan->command_count; i++) {
        if (plan->commands[i].kind != TENON__COMMAND_WAIT) continue;
        tenon__command taken = plan->commands[i];
        size_t after = (plan->command_count - i - 1) * sizeof taken;
        memmove(&plan->commands[i], &plan->commands[i + 1], after);
        plan->command_count--;
        ck_assert_msg(tenon__plan_check(plan) == TENON_STATUS_INTERNAL, "seed %llu: wait %u of %u is not missed",
                      (unsigned long long)seed, waits, count_of(plan, TENON__COMMAND_WAIT) + 1);
        memmove(&plan->commands[i + 1], &plan->commands[i], after);
        plan->commands[i] = taken;
        plan->command_count++;
        waits++;
    }
    good(tenon__plan_check(plan), seed);
    return waits;
}

static tenon__plan *plan_of(const problem *p, const tenon__plan_context *context, tenon__lowered **out_lowered) {
    tenon__plan *plan;
    const int64_t *dims[RANDOM_INPUTS];
    for (uint32_t i = 0; i < p->graph.input_count; i++) dims[i] = p->graph.dims[i];
    good(tenon__lowered_create(p->graph.module, NULL, NULL, out_lowered), p->seed);
    good(tenon__plan_create(context, *out_lowered, "main", dims, p->graph.input_count, NULL, &plan), p->seed);
    return plan;
}

/* What planning made of a graph, for figures. */
typedef struct figures {
    uint64_t steps, waits, moves, elided, shared;
} figures;

static void plan(const problem *p, tenonh_device *device, tenonh_device *fallback, figures *f) {
    tenon__plan_context context = {.devices = {device, fallback}, .streams = STREAMS, .check = true};
    tenon__lowered *lowered;
    good(tenon__execs_create(&context.execs), p->seed);
    tenon__plan *made = plan_of(p, &context, &lowered);
    f->waits += expect_every_wait_needed(made, p->seed);
    f->steps += count_of(made, TENON__COMMAND_LAUNCH);
    f->moves += count_of(made, TENON__COMMAND_MOVE);
    for (uint32_t i = 0; i < made->step_count; i++)
        f->elided += made->steps[i].placement == TENONH_PLACEMENT_VIEW && made->steps[i].ref_count == 2;
    for (uint32_t i = 0; i < made->storage_count; i++) f->shared += made->storages[i].root != i;
    tenon__plan_destroy(made);
    tenon__lowered_destroy(lowered);
    tenon__execs_destroy(context.execs);
}

START_TEST(random_graphs_on_four_streams) {
    tenonh_device *slow = open("slow"), *cpu = open("cpu");
    figures f = {0};
    for (uint64_t seed = 1; seed <= graph_count; seed++) {
        bool moves = seed % 5 == 0;
        problem p = make(seed, moves);
        plan(&p, slow, moves ? cpu : NULL, &f);
        run(&p, slow, moves ? cpu : NULL, STREAMS);
        if (seed % 8 == 1) run(&p, cpu, NULL, STREAMS);
        free_problem(&p);
    }
    printf("%u graphs: %llu launches, %llu moves, %llu waits, %llu copies elided, %llu storages in others' bytes\n",
           graph_count, (unsigned long long)f.steps, (unsigned long long)f.moves, (unsigned long long)f.waits,
           (unsigned long long)f.elided, (unsigned long long)f.shared);
    ck_assert(f.waits > graph_count && f.moves > graph_count / 5 && f.elided > graph_count / 5 &&
              f.shared > graph_count);
    tenonh_device_release(slow);
    tenonh_device_release(cpu);
}
END_TEST

/* -- Plans with one thing wrong -- */

static tenon__command *first_of(tenon__plan *plan, uint32_t kind) {
    for (uint32_t i = 0; i < plan->command_count; i++)
        if (plan->commands[i].kind == kind) return &plan->commands[i];
    ck_abort_msg("the plan has no command %u", kind);
}

static void drop_command(tenon__plan *plan, tenon__command *command) {
    uint32_t after = plan->command_count-- - (uint32_t)(command - plan->commands) - 1;
    memmove(command, command + 1, after * sizeof *command);
}

static void drop_record(tenon__plan *plan) {
    drop_command(plan, first_of(plan, TENON__COMMAND_RECORD));
}

static void drop_launch(tenon__plan *plan) {
    drop_command(plan, first_of(plan, TENON__COMMAND_LAUNCH));
}

static void launch_twice(tenon__plan *plan) {
    plan->commands[plan->command_count - 1] = *first_of(plan, TENON__COMMAND_LAUNCH);
}

static void wait_for_unknown(tenon__plan *plan) {
    first_of(plan, TENON__COMMAND_WAIT)->index = plan->event_count;
}

static void leave_streams(tenon__plan *plan) {
    first_of(plan, TENON__COMMAND_LAUNCH)->stream = plan->stream_count;
}

static void turn_order(tenon__plan *plan) {
    tenon__command *first = first_of(plan, TENON__COMMAND_LAUNCH), *last = &plan->commands[plan->command_count - 1];
    while (last->kind != TENON__COMMAND_LAUNCH) last--;
    uint32_t index = first->index;
    first->index = last->index;
    last->index = index;
}

static void put_all_at_the_start(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->storage_count; i++)
        if (plan->storages[i].kind == TENON__STORAGE_ARENA) plan->storages[i].offset = 0;
}

static void leave_the_arena(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->storage_count; i++) plan->storages[i].offset += 1 << 20;
}

static void share_too_much(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->step_count; i++) plan->steps[i].exec = NULL; /* so that nothing is permitted */
}

static void move_a_part(tenon__plan *plan) {
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].placement == TENONH_PLACEMENT_VIEW && plan->steps[i].ref_count == 2)
            plan->storages[plan->steps[i].refs[0].storage].offset += 4;
}

START_TEST(broken_plans_are_refused) {
    static const struct {
        void (*spoil)(tenon__plan *plan);
        const char *words;
    } rows[] = {
        {drop_record, "waited for before it is recorded"},
        {drop_launch, "has no command"},
        {launch_twice, "launched twice"},
        {wait_for_unknown, "event"},
        {leave_streams, "is not of that place"},
        {turn_order, "before it is written"},
        {put_all_at_the_start, "byte"},
        {leave_the_arena, "leaves the arena"},
        {share_too_much, "meet in byte"},
        {move_a_part, "its ends lie apart"},
    };
    tenonh_device *slow = open("slow");
    problem p = make(1, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tenon__plan_context context = {.devices = {slow}, .streams = STREAMS};
        tenon__lowered *lowered;
        good(tenon__execs_create(&context.execs), p.seed);
        tenon__plan *made = plan_of(&p, &context, &lowered);
        rows[i].spoil(made);
        ck_assert_msg(tenon__plan_check(made) == TENON_STATUS_INTERNAL, "row %zu is not refused", i);
        ck_assert_msg(strstr(tenonh_error_message(), rows[i].words) != NULL, "row %zu: %s", i, tenonh_error_message());
        tenon__plan_destroy(made);
        tenon__lowered_destroy(lowered);
        tenon__execs_destroy(context.execs);
    }
    free_problem(&p);
    tenonh_device_release(slow);
}
END_TEST

/* -- Order -- */

/* Eight large values, all made before the first of them is summed up: one after the other needs room for one or two. */
static tenonh_module *make_wide(int64_t rows) {
    tenonh_module *module;
    tenonh_builder *builder;
    tenonh_value *large[8], *sum = NULL;
    int64_t axis = 0;
    tenonh_attr axes = {TENON_ATTR_AXES, 1, &axis, NULL};
    good(tenonh_module_create(&module), 0);
    good(tenonh_builder_create(module, "main", &builder), 0);
    const tenonh_dim *dims[] = {tenonh_dim_number(module, rows), tenonh_dim_number(module, 16)};
    tenonh_value *x = tenonh_build_input(builder, "x", TENON_DTYPE_I32, 2, dims);
    for (int i = 0; i < 8; i++) {
        tenonh_value *both[] = {x, tenonh_build_scalar(builder, TENON_DTYPE_I32, i + 3)};
        both[1] = tenonh_build_op(builder, TENON_OP_EXPAND, &both[1], 1,
                                  &(tenonh_attr){TENON_ATTR_DIMS, 2, (const int64_t[]){rows, 16}, NULL}, 1);
        large[i] = tenonh_build_op(builder, TENON_OP_MUL, both, 2, NULL, 0);
    }
    for (int i = 0; i < 8; i++) {
        tenonh_value *both[] = {sum, tenonh_build_op(builder, TENON_OP_SUM, &large[i], 1, &axes, 1)};
        sum = i ? tenonh_build_op(builder, TENON_OP_ADD, both, 2, NULL, 0) : both[1];
    }
    tenonh_build_output(builder, "y", sum);
    good(tenonh_builder_finish(builder), 0);
    return module;
}

START_TEST(an_order_of_its_own_takes_less) {
    tenonh_device *slow = open("slow");
    tenonh_module *module = make_wide(500);
    const int64_t x_dims[] = {500, 16}, *dims = x_dims;
    tenonh_session *older;
    const tenonh_session_options first = {.struct_size = TENONH_SESSION_OPTIONS_SIZE_V1};
    good(tenonh_session_create(module, slow, &first, &older), 0); /* from before there were streams */
    tenonh_session_release(older);
    for (uint32_t streams = 1; streams <= STREAMS; streams += STREAMS - 1) {
        const tenonh_session_options options = {.struct_size = sizeof options, .streams = streams, .check_plans = 1};
        tenonh_session *session;
        tenonh_session_stats stats = {.struct_size = sizeof stats};
        good(tenonh_session_create(module, slow, &options, &session), 0);
        good(tenonh_session_prepare(session, &dims, 1), 0);
        good(tenonh_session_stats_read(session, &stats), 0);
        ck_assert_uint_ge(stats.file_order_bytes, 8 * 500 * 16 * 4);
        ck_assert_uint_le(stats.own_order_bytes, 2 * 500 * 16 * 4);
        ck_assert((double)stats.arena_bytes <= 1.25 * (double)stats.own_order_bytes);
        tenonh_session_release(session);
    }
    tenonh_module_destroy(module);
    tenonh_device_release(slow);
}
END_TEST

/* A device with fewer streams than asked for, and one without events, which has one of them in use. */
START_TEST(devices_that_can_do_less) {
    static const struct {
        const char *name;
        uint32_t streams;
    } rows[] = {{"few", 3}, {"plain", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tenonh_device *device = open(rows[i].name);
        tenon__plan_context context = {.devices = {device}, .streams = 8, .check = true};
        uint32_t most = 0;
        for (uint64_t seed = 5001; seed <= 5020; seed++) {
            problem p = make(seed, 0);
            tenon__lowered *lowered;
            good(tenon__execs_create(&context.execs), seed);
            tenon__plan *made = plan_of(&p, &context, &lowered);
            if (made->stream_count > most) most = made->stream_count;
            ck_assert(rows[i].streams > 1 || made->event_count == 0);
            tenon__plan_destroy(made);
            tenon__lowered_destroy(lowered);
            tenon__execs_destroy(context.execs);
            run(&p, device, NULL, 8);
            free_problem(&p);
        }
        ck_assert_uint_eq(most, rows[i].streams);
        tenonh_device_release(device);
    }
}
END_TEST

/* Kernels that the host prints run in the place of their operands, on the device that knows nothing of it. */
START_TEST(results_share_bytes_with_operands) {
    static const struct {
        const char *name;
        uint64_t graphs; /* few where each kernel takes a compiler a tenth of a second */
    } rows[] = {{"cpu", 20}, {"ccjit", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tenonh_device *device = open(rows[i].name);
        figures f = {0};
        for (uint64_t seed = 7001; seed <= 7000 + rows[i].graphs; seed++) {
            problem p = make(seed, 0);
            plan(&p, device, NULL, &f);
            run(&p, device, NULL, 1);
            free_problem(&p);
        }
        ck_assert(f.shared > rows[i].graphs);
        tenonh_device_release(device);
    }
}
END_TEST

int main(int argc, char **argv) {
    graph_count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    tenon_status status = tenonh_registry_create(NULL, &registry);
    if (status == TENON_STATUS_OK) status = tenonh_registry_add(registry, SLOW_DIR "/libtenon_slow.so");
    if (status == TENON_STATUS_OK) status = tenonh_registry_add(registry, SLOW_DIR "/libtenon_few.so");
    if (status == TENON_STATUS_OK) status = tenonh_registry_add(registry, SLOW_DIR "/libtenon_plain.so");
    if (status != TENON_STATUS_OK) return fprintf(stderr, "%s\n", tenonh_error_message()), EXIT_FAILURE;
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_test(tests, random_graphs_on_four_streams);
    tcase_add_test(tests, broken_plans_are_refused);
    tcase_add_test(tests, an_order_of_its_own_takes_less);
    tcase_add_test(tests, devices_that_can_do_less);
    tcase_add_test(tests, results_share_bytes_with_operands);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* devices do not survive a fork */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    tenonh_registry_destroy(registry);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
