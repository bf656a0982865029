/* Regions cut from random graphs: they and what is around them depend on each other without cycles, stand in a row in the
 * order that is found, and none that touch could be one. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/claim_internal.h"

enum { MOST = 48 };

static uint64_t state;

static uint32_t below(uint32_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % limit;
}

/* Nodes that add two earlier values each, near ones rather than far ones. */
static tenonh_module *random_module(uint32_t count) {
    tenonh_module *module;
    tenonh_builder *b;
    tenonh_value *values[MOST + 2];
    const int64_t dims[] = {2};
    ck_assert_uint_eq(tenonh_module_create(&module), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_builder_create(module, "main", &b), TENON_STATUS_OK);
    const tenonh_dim *exprs[] = {tenonh_dim_number(module, dims[0])};
    for (uint32_t i = 0; i < 2; i++) values[i] = tenonh_build_input(b, i ? "b" : "a", TENON_DTYPE_F32, 1, exprs);
    uint32_t reach = 2 + below(10);
    for (uint32_t i = 0; i < count; i++) {
        tenonh_value *inputs[2];
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t back = 1 + below(below(6) ? reach : i + 2);
            inputs[k] = values[back > i + 2 ? 0 : i + 2 - back];
        }
        values[i + 2] = tenonh_build_op(b, TENON_OP_ADD, inputs, 2, NULL, 0);
    }
    tenonh_build_output(b, "y", values[count + 1]);
    for (uint32_t i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "y%u", i);
        tenonh_build_output(b, name, values[2 + below(count)]);
    }
    ck_assert_msg(tenonh_builder_finish(b) == TENON_STATUS_OK, "%s", tenonh_error_message());
    return module;
}

typedef struct graph {
    uint32_t count;
    bool uses[MOST][MOST];   /* [user][maker] */
    bool beside[MOST][MOST]; /* use one value */
    uint32_t unit[MOST];
} graph;

static void read_graph(const tenonh_function *f, graph *g) {
    g->count = f->body->node_count;
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = 0; k < 2; k++) {
            const tenonh_value *value = f->body->nodes[i]->operands[k];
            if (value->node) g->uses[i][value->node->number] = true;
            for (uint32_t j = 0; j < i; j++)
                for (uint32_t o = 0; o < 2; o++)
                    if (f->body->nodes[j]->operands[o] == value) g->beside[i][j] = g->beside[j][i] = true;
        }
}

/* True when the units as given have a cycle among them. */
static bool has_cycle(const graph *g) {
    bool reaches[MOST][MOST] = {{false}};
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t j = 0; j < g->count; j++)
            if (g->uses[i][j] && g->unit[i] != g->unit[j]) reaches[g->unit[j]][g->unit[i]] = true;
    for (uint32_t k = 0; k < g->count; k++)
        for (uint32_t i = 0; i < g->count; i++)
            for (uint32_t j = 0; j < g->count && reaches[i][k]; j++) reaches[i][j] = reaches[i][j] || reaches[k][j];
    for (uint32_t i = 0; i < g->count; i++)
        if (reaches[i][i]) return true;
    return false;
}

static bool touch(const graph *g, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t j = 0; j < g->count; j++)
            if (g->unit[i] == a && g->unit[j] == b && (g->uses[i][j] || g->uses[j][i] || g->beside[i][j])) return true;
    return false;
}

static uint32_t color_of_unit(const graph *g, const tenon__cut *cut, uint32_t unit) {
    for (uint32_t i = 0; i < g->count; i++)
        if (g->unit[i] == unit) return cut->fixed[i] == TENON__NO_REGION ? cut->colors[i] : 0;
    return 0;
}

/* Settled regions, open ones, and single nodes, numbered by their first nodes. */
static void name_units(graph *g, const tenon__cut *cut) {
    for (uint32_t i = 0; i < g->count; i++) {
        g->unit[i] = i;
        for (uint32_t j = 0; j < i && g->unit[i] == i; j++) {
            bool settled = cut->fixed[i] != TENON__NO_REGION && cut->fixed[i] == cut->fixed[j];
            bool open = cut->pieces[i] != TENON__NO_REGION && cut->pieces[i] == cut->pieces[j];
            if (settled || open) g->unit[i] = g->unit[j];
        }
    }
}

static void expect_maximal(graph *g, const tenon__cut *cut, int round) {
    for (uint32_t a = 0; a < g->count; a++)
        for (uint32_t b = 0; b < a; b++) {
            uint32_t color = color_of_unit(g, cut, a);
            if (!color || color != color_of_unit(g, cut, b) || !touch(g, a, b)) continue;
            graph joined = *g;
            for (uint32_t i = 0; i < g->count; i++)
                if (joined.unit[i] == a) joined.unit[i] = b;
            ck_assert_msg(has_cycle(&joined), "round %d: units %u and %u could be one", round, a, b);
        }
}

static void expect_order(const graph *g, const tenon__cut *cut, int round) {
    uint32_t at[MOST];
    for (uint32_t i = 0; i < g->count; i++) at[cut->order[i]] = i;
    for (uint32_t i = 0; i < g->count; i++) {
        for (uint32_t j = 0; j < g->count; j++)
            ck_assert_msg(!g->uses[i][j] || at[j] < at[i], "round %d: node %u runs before %u", round, i, j);
        uint32_t first = at[i], last = at[i], size = 0;
        for (uint32_t j = 0; j < g->count; j++) {
            if (g->unit[j] != g->unit[i]) continue;
            first = at[j] < first ? at[j] : first;
            last = at[j] > last ? at[j] : last;
            size++;
        }
        ck_assert_msg(last - first + 1 == size, "round %d: unit of node %u does not stand in a row", round, i);
    }
}

static void cut_round(int round, uint32_t colors, uint32_t share) {
    uint32_t count = 2 + below(MOST - 4), arrays[4][MOST];
    tenonh_module *module = random_module(count);
    const tenonh_function *f = tenonh_module_function(module, "main");
    tenon__cut cut = {.function = f, .count = f->body->node_count};
    cut.colors = arrays[0], cut.fixed = arrays[1], cut.pieces = arrays[2], cut.order = arrays[3];
    static graph g;
    g = (graph){0};
    read_graph(f, &g);
    for (uint32_t i = 0; i < cut.count; i++) {
        cut.colors[i] = below(100) < share ? 1 + below(colors) : 0;
        cut.fixed[i] = TENON__NO_REGION;
    }
    uint32_t settled = 0;
    for (int step = 0; step < 4; step++) {
        ck_assert_msg(tenon__cut_regions(&cut) == TENON_STATUS_OK, "round %d: %s", round, tenonh_error_message());
        name_units(&g, &cut);
        ck_assert_msg(!has_cycle(&g), "round %d: units depend on each other", round);
        expect_maximal(&g, &cut, round);
        expect_order(&g, &cut, round);
        for (uint32_t piece = 0; piece < cut.piece_count; piece++) { /* settle some, split some, drop some */
            uint32_t what = below(3), region = what == 0 ? settled++ : 0, fresh = 10 + below(1000);
            for (uint32_t i = 0; i < cut.count; i++) {
                if (cut.pieces[i] != piece) continue;
                if (what == 0) cut.fixed[i] = region;
                if (what == 1) cut.colors[i] = fresh + (i > count / 2);
                if (what == 2 && below(3) == 0) cut.colors[i] = 0;
            }
        }
    }
    tenonh_module_destroy(module);
}

START_TEST(regions_are_convex_and_as_large_as_can_be) {
    state = 1;
    for (int round = 0; round < 100; round++) cut_round(round, 1 + below(3), 30 + below(71));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cut");
    TCase *tests = tcase_create("cut");
    tcase_add_test(tests, regions_are_convex_and_as_large_as_can_be);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
