#include "random_graph.h"

#include <stdio.h>
#include <string.h>

enum { MOST_VALUES = 160, MOST_PARTS = 4, MOST_ELEMENTS = 96 };

typedef struct maker {
    uint64_t state;
    tenonh_builder *builder;
    tenonh_value *values[MOST_VALUES];
    int64_t dims[MOST_VALUES][2];
    uint32_t users[MOST_VALUES];
    uint32_t count;
    int others;
} maker;

uint64_t random_next(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint32_t below(maker *m, uint32_t bound) {
    return (uint32_t)(random_next(&m->state) % bound);
}

/* A value: mostly one of the latest, so that there are chains, else any, so that there are branches. */
static uint32_t pick(maker *m) {
    uint32_t recent = m->count < 4 ? m->count : 4;
    uint32_t chosen = below(m, 8) < 5 ? m->count - 1 - below(m, recent) : below(m, m->count);
    m->users[chosen]++;
    return chosen;
}

/* One with these dims; `otherwise` where none of a few tries has them. */
static uint32_t pick_like(maker *m, int64_t rows, int64_t columns, uint32_t otherwise) {
    for (int i = 0; i < 12; i++) {
        uint32_t tried = below(m, m->count);
        if (m->dims[tried][0] != rows || m->dims[tried][1] != columns) continue;
        m->users[tried]++;
        return tried;
    }
    return otherwise;
}

static void add(maker *m, tenonh_value *value, int64_t rows, int64_t columns) {
    m->values[m->count] = value;
    m->dims[m->count][0] = rows;
    m->dims[m->count][1] = columns;
    m->count++;
}

static tenonh_attr list(uint32_t id, const int64_t *numbers, uint32_t count) {
    return (tenonh_attr){id, count, numbers, NULL};
}

static tenonh_value *reshape(maker *m, tenonh_value *x, const int64_t *dims) {
    tenonh_attr attr = list(TENON_ATTR_DIMS, dims, 2);
    return tenonh_build_op(m->builder, TENON_OP_RESHAPE, &x, 1, &attr, 1);
}

static void add_unary(maker *m) {
    uint32_t x = pick(m);
    add(m, tenonh_build_op(m->builder, TENON_OP_NEG, &m->values[x], 1, NULL, 0), m->dims[x][0], m->dims[x][1]);
}

static void add_binary(maker *m) {
    static const tenon_op ops[] = {TENON_OP_ADD, TENON_OP_SUB, TENON_OP_MUL, TENON_OP_MAX, TENON_OP_MIN};
    uint32_t x = pick(m), y = pick_like(m, m->dims[x][0], m->dims[x][1], x);
    tenonh_value *both[] = {m->values[x], m->values[y]};
    if (below(m, 2)) both[0] = m->values[y], both[1] = m->values[x];
    tenon_op op = ops[below(m, m->others ? 5 : 4)];
    add(m, tenonh_build_op(m->builder, op, both, 2, NULL, 0), m->dims[x][0], m->dims[x][1]);
}

static void add_permute(maker *m) {
    uint32_t x = pick(m);
    tenonh_attr attr = list(TENON_ATTR_PERM, (const int64_t[]){1, 0}, 2);
    add(m, tenonh_build_op(m->builder, TENON_OP_PERMUTE, &m->values[x], 1, &attr, 1), m->dims[x][1], m->dims[x][0]);
}

static void add_reshape(maker *m) {
    uint32_t x = pick(m);
    int64_t elements = m->dims[x][0] * m->dims[x][1], rows = 1 + below(m, 8);
    while (elements % rows) rows--;
    int64_t dims[] = {rows, elements / rows};
    add(m, reshape(m, m->values[x], dims), dims[0], dims[1]);
}

/* Some of the rows or columns, in either direction. */
static void add_slice(maker *m) {
    uint32_t x = pick(m);
    int64_t starts[2], steps[2], dims[2];
    for (int i = 0; i < 2; i++) {
        int64_t n = m->dims[x][i];
        int all = (int)below(m, 2), back = below(m, 4) == 0;
        dims[i] = all ? n : 1 + below(m, (uint32_t)n);
        steps[i] = back ? -1 : 1;
        starts[i] = below(m, (uint32_t)(n - dims[i] + 1)) + (back ? dims[i] - 1 : 0);
    }
    tenonh_attr attrs[] = {list(TENON_ATTR_STARTS, starts, 2), list(TENON_ATTR_STEPS, steps, 2),
                           list(TENON_ATTR_DIMS, dims, 2)};
    add(m, tenonh_build_op(m->builder, TENON_OP_SLICE, &m->values[x], 1, attrs, 3), dims[0], dims[1]);
}

static void add_concat(maker *m) {
    uint32_t x = pick(m), count = 1;
    int64_t axis = below(m, 2), length = m->dims[x][axis];
    tenonh_value *parts[MOST_PARTS] = {m->values[x]};
    for (uint32_t wanted = 2 + below(m, MOST_PARTS - 1); count < wanted; count++) {
        uint32_t y = pick_like(m, m->dims[x][0], m->dims[x][1], x);
        parts[count] = m->values[y];
        length += m->dims[y][axis];
    }
    if (length * m->dims[x][1 - axis] > MOST_ELEMENTS) return;
    tenonh_attr attr = list(TENON_ATTR_AXIS, &axis, 1);
    add(m, tenonh_build_composite(m->builder, "tenon.concat", 0, parts, count, &attr, 1), axis ? m->dims[x][0] : length,
        axis ? length : m->dims[x][1]);
}

/* A sum over the rows, added to all of them again. */
static void add_sum(maker *m) {
    uint32_t x = pick(m);
    int64_t axis = 0, row[] = {1, m->dims[x][1]};
    tenonh_attr axes = list(TENON_ATTR_AXES, &axis, 1), wide = list(TENON_ATTR_DIMS, m->dims[x], 2);
    tenonh_value *sum = tenonh_build_op(m->builder, TENON_OP_SUM, &m->values[x], 1, &axes, 1);
    tenonh_value *flat = reshape(m, sum, row);
    tenonh_value *both[] = {m->values[x], tenonh_build_op(m->builder, TENON_OP_EXPAND, &flat, 1, &wide, 1)};
    add(m, tenonh_build_op(m->builder, TENON_OP_ADD, both, 2, NULL, 0), m->dims[x][0], m->dims[x][1]);
}

static void add_update(maker *m) {
    uint32_t x = pick(m), u = pick(m);
    int64_t start[2];
    for (int i = 0; i < 2; i++) {
        if (m->dims[u][i] > m->dims[x][i]) return;
        start[i] = below(m, (uint32_t)(m->dims[x][i] - m->dims[u][i] + 1));
    }
    const int64_t two = 2;
    tenonh_bytes bytes = {.data = start, .size = sizeof start};
    tenonh_value *at = tenonh_build_constant(m->builder, NULL, TENON_DTYPE_I64, 1, &two, &bytes);
    tenonh_value *operands[] = {m->values[u], at, m->values[x]};
    add(m, tenonh_build_op(m->builder, TENON_OP_UPDATE_SLICE, operands, 3, NULL, 0), m->dims[x][0], m->dims[x][1]);
}

static void add_node(maker *m) {
    static void (*const kinds[])(maker *) = {add_unary,  add_unary,   add_binary,  add_binary, add_binary,
                                             add_binary, add_permute, add_reshape, add_slice,  add_concat,
                                             add_concat, add_sum,     add_update};
    kinds[below(m, sizeof kinds / sizeof *kinds)](m);
}

static void add_inputs(maker *m, random_graph *graph) {
    graph->input_count = 1 + below(m, RANDOM_INPUTS);
    for (uint32_t i = 0; i < graph->input_count; i++) {
        char name[16];
        const tenonh_dim *dims[2];
        for (int k = 0; k < 2; k++) {
            graph->dims[i][k] = i && below(m, 2) ? graph->dims[0][k] : 1 + below(m, 8);
            dims[k] = tenonh_dim_number(graph->module, graph->dims[i][k]);
        }
        snprintf(name, sizeof name, "x%u", i);
        add(m, tenonh_build_input(m->builder, name, TENON_DTYPE_I32, 2, dims), graph->dims[i][0], graph->dims[i][1]);
    }
}

/* Whatever nothing uses, and some that something does, twice at times. */
static void add_outputs(maker *m, random_graph *graph) {
    for (uint32_t i = m->count; i-- > 0 && graph->output_count < RANDOM_OUTPUTS;) {
        if (m->users[i] && below(m, 12) && i + 1 < m->count) continue;
        char name[16];
        snprintf(name, sizeof name, "y%u", graph->output_count++);
        tenonh_build_output(m->builder, name, m->values[i]);
    }
}

tenon_status random_graph_create(uint64_t seed, int others, random_graph *out_graph) {
    maker m = {.state = seed, .others = others};
    *out_graph = (random_graph){0};
    tenon_status status = tenonh_module_create(&out_graph->module);
    if (status == TENON_STATUS_OK) status = tenonh_builder_create(out_graph->module, "main", &m.builder);
    if (status != TENON_STATUS_OK) return status;
    add_inputs(&m, out_graph);
    uint32_t nodes = 4 + below(&m, 100);
    while (m.count < nodes) add_node(&m);
    add_outputs(&m, out_graph);
    return tenonh_builder_finish(m.builder);
}

void random_graph_free(random_graph *graph) {
    tenonh_module_destroy(graph->module);
}
