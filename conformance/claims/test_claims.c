/* What a device takes whole, on the fake: graphs in regions, composites by name, refusals, costs, constants, shapes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* kinds: 1 op, 4 composite, 8 graph. */
#define GRAPH_ALONE "FAKE_KINDS=8"
#define WITH_OPS    "FAKE_SHAPES=3 FAKE_KINDS=9"
#define BY_NAME     "FAKE_SHAPES=3 FAKE_KINDS=5"
#define ALL_KINDS   "FAKE_SHAPES=3 FAKE_KINDS=13"

/* A perceptron with a norm before and a softmax after it; weights are constants. */
static const char layer[] = "symbol n in 0 .. 64\n"
                            "func main(%0 \"x\": f32[n, 4]) {\n"
                            "  %1: f32[4, 3] = constant [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]\n"
                            "  %2: f32[4] = constant [1, 0.5, 2, 1]\n"
                            "  %3: f32[n, 4] = tenon.layer_norm.1(%0, %2) {axis = 1, epsilon = 1e-05}\n"
                            "  %4: f32[n, 3] = matmul(%3, %1) {dtype = f32, accumulator = f32}\n"
                            "  %5: f32[n, 3] = tenon.softmax.1(%4) {axis = 1}\n"
                            "  %6: f32[n, 3] = add(%5, %4)\n"
                            "  return \"y\" %6, \"p\" %5\n"
                            "}\n";

/* Two branches over one input, joined; a view at each end. */
static const char branches[] = "symbol n in 0 .. 64\n"
                               "func main(%0 \"x\": f32[n, 6]) {\n"
                               "  %1: f32[6, n] = permute(%0) {perm = [1, 0]}\n"
                               "  %2: f32[6, n] = abs(%1)\n"
                               "  %3: f32[6, n] = neg(%1)\n"
                               "  %4: f32[6, n] = mul(%2, %3)\n"
                               "  %5: f32[6, n] = floor(%4)\n"
                               "  %6: f32[6, n] = sub(%5, %2)\n"
                               "  %7: f32[n, 6] = permute(%6) {perm = [1, 0]}\n"
                               "  return \"y\" %7\n"
                               "}\n";

/* An absent input before one that is there, parts side by side, an operator in place, an index. */
static const char mixed[] = "symbol n in 0 .. 64\n"
                            "func main(%0 \"x\": f32[n, 4], %1 \"i\": i64[3], %2 \"hi\": f32[]) {\n"
                            "  %3: f32[n, 4] = tenon.clip.1(%0, none, %2)\n"
                            "  %4: f32[n, 8] = tenon.concat.1(%3, %0) {axis = 1}\n"
                            "  %5: f32[n, 3] = gather(%4, %1) {axis = 1}\n"
                            "  %6: f32[n, 8] = scatter(%1, %5, %4) {axis = 1, combine = 1}\n"
                            "  %7: f32[n, 8], %8: i64[n, 8] = sort(%6) {axis = 1, descending = 1}\n"
                            "  return \"y\" %7, \"at\" %8\n"
                            "}\n";

/* A product that no graph compiler denies here, between sums. */
static const char chain[] = "func main(%0 \"x\": f32[4, 6]) {\n"
                            "  %1: f32[4, 6] = add(%0, %0)\n"
                            "  %2: f32[4, 6] = mul(%1, %0)\n"
                            "  %3: f32[4, 6] = abs(%2)\n"
                            "  %4: f32[4, 6] = sub(%3, %1)\n"
                            "  %5: f32[4, 6] = neg(%4)\n"
                            "  %6: f32[4, 6] = add(%5, %3)\n"
                            "  %7: f32[4, 6] = floor(%6)\n"
                            "  %8: f32[4, 6] = max(%7, %0)\n"
                            "  return \"y\" %8\n"
                            "}\n";

/* Nothing for a graph compiler to do, but results that are to be there. */
static const char idle[] = "func main(%0 \"x\": f32[4, 6]) {\n"
                           "  %1: f32[2] = constant [1, 2]\n"
                           "  %2: f32[6, 4] = permute(%0) {perm = [1, 0]}\n"
                           "  return \"x\" %0, \"c\" %1, \"t\" %2, \"again\" %0\n"
                           "}\n";

/* Steps by placement: composite, graph region, base op; then claims by verdict. UINT32_MAX: any. */
#define ANY UINT32_MAX
typedef struct row {
    const char *name, *knobs, *text;
    uint32_t composites, graphs, ops;
    uint32_t taken, refused, split, dropped, costly;
    const char *words; /* that a refusal tells */
} row;

/* clang-format off */
static const row rows[] = {
    /* Whole functions, by a device that takes nothing else. */
    {"whole_layer",      GRAPH_ALONE, layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"whole_branches",   GRAPH_ALONE, branches, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"whole_mixed",      GRAPH_ALONE, mixed, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"native_inside",    GRAPH_ALONE " FAKE_COMPOSITES=softmax,layer_norm,concat", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"clip_inside",      GRAPH_ALONE " FAKE_COMPOSITES=clip,concat", mixed, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"small_graphs",     GRAPH_ALONE " FAKE_MOST_NODES=3", chain, 0, 4, 0, 4, 0, 3, 0, 0, "are more than 3"},
    {"single_nodes",     GRAPH_ALONE " FAKE_MOST_NODES=1", chain, 0, 8, 0, 8, 0, 7, 0, 0, "are more than 1"},
    {"dynamic_layer",    GRAPH_ALONE " FAKE_SHAPES=3", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"dynamic_mixed",    GRAPH_ALONE " FAKE_SHAPES=3", mixed, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"bounded_layer",    GRAPH_ALONE " FAKE_SHAPES=2", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"nothing_to_do",    GRAPH_ALONE, idle, 0, 4, 0, 1, 0, 0, 0, 0, ""},
    {"odd_nodes_alone",  GRAPH_ALONE " FAKE_DENY=odd", chain, 0, ANY, 0, ANY, 0, 0, 0, 0, ""},
    /* Beside op work: single operators and views at an end are no regions. */
    {"views_are_free",   WITH_OPS, branches, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"between_ops",      WITH_OPS " FAKE_DENY=mul", chain, 0, 1, 2, 1, 0, 0, 0, 0, ""},
    {"odd_nodes",        WITH_OPS " FAKE_DENY=odd", chain, 0, ANY, ANY, ANY, 0, 0, 0, 0, ""},
    {"nothing_claimed",  WITH_OPS " FAKE_DENY=add,mul,abs,sub,neg,floor,max", chain, 0, 0, 8, 0, 0, 0, 0, 0, ""},
    /* Refusals: split in halves, at the node that is told, until it is right. */
    {"refused_halves",   WITH_OPS " FAKE_REFUSE=mul", chain, 0, ANY, ANY, ANY, ANY, ANY, 0, 0, "the compiler has no mul"},
    {"refused_told",     WITH_OPS " FAKE_REFUSE=mul FAKE_TELL=1", chain, 0, 1, 2, 1, 1, 1, 0, 0, "the compiler has no mul"},
    {"fails_to_compile", WITH_OPS " FAKE_FAIL=sub FAKE_TELL=1", chain, 0, 2, 1, 2, 1, 1, 0, 0, "the compiler has no sub"},
    {"all_refused",      WITH_OPS " FAKE_REFUSE=add,mul,abs,sub,neg,floor,max", chain, 0, 0, 8, 0, ANY, ANY, 0, 0, "compiler"},
    {"native_refused",   WITH_OPS " FAKE_COMPOSITES=softmax FAKE_REFUSE=softmax", layer, 0, ANY, ANY, ANY, ANY, ANY, 1, 0, "no softmax"},
    /* By name. */
    {"softmax_by_name",  BY_NAME " FAKE_COMPOSITES=softmax", layer, 1, 0, ANY, 1, 1, 0, 0, 0, "no layer_norm"},
    {"two_by_name",      BY_NAME " FAKE_COMPOSITES=softmax,layer_norm", layer, 2, 0, 2, 2, 0, 0, 0, 0, ""},
    {"concat_by_name",   BY_NAME " FAKE_COMPOSITES=concat,clip", mixed, 2, 0, ANY, 2, 0, 0, 0, 0, ""},
    {"name_fails",       BY_NAME " FAKE_COMPOSITES=softmax,layer_norm FAKE_FAIL=softmax", layer, 1, 0, ANY, 1, 1, 0, 0, 0, "no softmax"},
    {"name_static",      "FAKE_KINDS=5 FAKE_COMPOSITES=softmax,layer_norm", layer, 2, 0, 2, 2, 0, 0, 0, 0, ""},
    /* Larger first, unless the costs say else. */
    {"region_is_larger", ALL_KINDS " FAKE_COMPOSITES=softmax,layer_norm", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"equal_costs",      "FAKE_KINDS=13 FAKE_COMPOSITES=softmax,layer_norm FAKE_GRAPH_COST=40 FAKE_COMPOSITE_COST=10 FAKE_OP_COST=10", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"costly_region",    "FAKE_KINDS=13 FAKE_COMPOSITES=softmax,layer_norm FAKE_GRAPH_COST=41 FAKE_COMPOSITE_COST=10 FAKE_OP_COST=10", layer, 2, 0, 2, 2, 0, 0, 0, 1, "costs less"},
    {"costly_nodes",     "FAKE_KINDS=13 FAKE_COMPOSITES=softmax,layer_norm FAKE_NODE_COST=11 FAKE_COMPOSITE_COST=10 FAKE_OP_COST=10", layer, 2, 0, 2, 2, 0, 0, 0, 1, "costs less"},
    {"costly_composite", "FAKE_KINDS=5 FAKE_COMPOSITES=softmax FAKE_COMPOSITE_COST=1000 FAKE_OP_COST=10", layer, 0, 0, ANY, 0, 1, 0, 0, 1, "no layer_norm"},
    {"cheap_composite",  "FAKE_KINDS=5 FAKE_COMPOSITES=softmax FAKE_COMPOSITE_COST=20 FAKE_OP_COST=10", layer, 1, 0, ANY, 1, 1, 0, 0, 0, "no layer_norm"},
    /* Constants that execs keep or want packed. */
    {"held",             GRAPH_ALONE " FAKE_HOLD=1", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"packed",           GRAPH_ALONE " FAKE_PACK=1", layer, 0, 1, 0, 1, 0, 0, 0, 0, ""},
    {"held_by_name",     BY_NAME " FAKE_HOLD=1 FAKE_COMPOSITES=layer_norm", layer, 1, 0, ANY, 1, 1, 0, 0, 0, "no softmax"},
    {"packed_by_name",   BY_NAME " FAKE_PACK=1 FAKE_COMPOSITES=layer_norm", layer, 1, 0, ANY, 1, 1, 0, 0, 0, "no softmax"},
};
/* clang-format on */

static bool fits(uint32_t wanted, uint32_t is) {
    return wanted == ANY || wanted == is;
}

static void expect_row(const fixture *f, const row *r) {
    const struct {
        const char *what;
        uint32_t wanted, is;
    } counts[] = {
        {"composites", r->composites, fixture_steps(f, TENONH_PLACEMENT_COMPOSITE)},
        {"graphs", r->graphs, fixture_steps(f, TENONH_PLACEMENT_GRAPH)},
        {"ops", r->ops, fixture_steps(f, TENONH_PLACEMENT_OP)},
        {"taken", r->taken, fixture_claims(f, TENONH_CLAIM_TAKEN, "")},
        {"refused", r->refused, fixture_claims(f, TENONH_CLAIM_REFUSED, "")},
        {"split", r->split, fixture_claims(f, TENONH_CLAIM_SPLIT, "")},
        {"dropped", r->dropped, fixture_claims(f, TENONH_CLAIM_DROPPED, "")},
        {"costly", r->costly, fixture_claims(f, TENONH_CLAIM_COST, "")},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        ck_assert_msg(fits(counts[i].wanted, counts[i].is), "%s: %u %s, not %u", r->name, counts[i].is, counts[i].what,
                      counts[i].wanted);
    uint32_t told = fixture_claims(f, TENONH_CLAIM_REFUSED, r->words) +
                    fixture_claims(f, TENONH_CLAIM_SPLIT, r->words) + fixture_claims(f, TENONH_CLAIM_COST, r->words) +
                    fixture_claims(f, TENONH_CLAIM_DROPPED, r->words);
    ck_assert_msg(!*r->words || told, "%s: nothing tells \"%s\"", r->name, r->words);
    ck_assert_msg(fixture_stats(f).outside_nodes == 0, "%s: steps elsewhere", r->name);
}

START_TEST(devices_take_what_they_claim) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f = fixture_open(FAKE, rows[i].knobs, fixture_parse(rows[i].name, rows[i].text), NULL);
        ck_assert_msg(fixture_run(&f, rows[i].name, 5) == TENON_STATUS_OK, "%s: %s", rows[i].name,
                      tenonh_error_message());
        expect_row(&f, &rows[i]);
        for (int64_t size = 0; size < 4; size++)
            ck_assert_msg(fixture_run(&f, rows[i].name, size) == TENON_STATUS_OK, "%s: %s", rows[i].name,
                          tenonh_error_message());
        fixture_close(&f);
    }
}
END_TEST

static void run_good(fixture *f, const char *name, int64_t size) {
    ck_assert_msg(fixture_run(f, name, size) == TENON_STATUS_OK, "%s: %s", name, tenonh_error_message());
}

/* Two norms of one type and one of another, with weights of their own: two questions. */
START_TEST(composites_are_asked_for_once) {
    static const char text[] = "func main(%0 \"x\": f32[3, 4]) {\n"
                               "  %1: f32[4] = constant [1, 2, 3, 4]\n"
                               "  %2: f32[4] = constant [4, 3, 2, 1]\n"
                               "  %3: f32[3, 4] = tenon.layer_norm.1(%0, %1) {axis = 1, epsilon = 1e-05}\n"
                               "  %4: f32[3, 4] = tenon.layer_norm.1(%3, %2) {axis = 1, epsilon = 1e-05}\n"
                               "  %5: f32[12] = reshape(%4) {dims = [12]}\n"
                               "  %6: f32[12] = tenon.layer_norm.1(%5) {axis = 0, epsilon = 1e-05}\n"
                               "  return \"y\" %6\n"
                               "}\n";
    static const struct {
        const char *knobs;
        uint64_t prepares;
    } asked[] = {
        {BY_NAME " FAKE_COMPOSITES=layer_norm", 2},
        {BY_NAME " FAKE_COMPOSITES=layer_norm FAKE_PACK=1", 2},
        {BY_NAME " FAKE_COMPOSITES=layer_norm FAKE_HOLD=1", 3}, /* execs with bytes of their own */
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        fixture f = fixture_open(FAKE, asked[i].knobs, fixture_parse("norms", text), NULL);
        run_good(&f, asked[i].knobs, 0);
        ck_assert_uint_eq(fixture_steps(&f, TENONH_PLACEMENT_COMPOSITE), 3);
        ck_assert_uint_eq(fixture_stats(&f).prepares, asked[i].prepares);
        fixture_close(&f);
    }
}
END_TEST

/* With symbols a new shape prepares nothing; with numbers each is prepared once. */
START_TEST(shapes_are_honoured) {
    static const struct {
        const char *knobs, *text;
        uint64_t first, second; /* prepares after the first and second shape */
    } shapes[] = {
        {GRAPH_ALONE " FAKE_SHAPES=3", layer, 1, 1},
        {GRAPH_ALONE " FAKE_SHAPES=3", mixed, 1, 1},
        {BY_NAME " FAKE_COMPOSITES=softmax,layer_norm", layer, 4, 4},
        {GRAPH_ALONE, layer, 1, 2},
        {GRAPH_ALONE " FAKE_SHAPES=3 FAKE_NARROW=1", layer, 1, 2}, /* the second is beyond what it answers */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        fixture f = fixture_open(FAKE, shapes[i].knobs, fixture_parse("shapes", shapes[i].text), NULL);
        run_good(&f, shapes[i].knobs, 5);
        ck_assert_uint_eq(fixture_stats(&f).prepares, shapes[i].first);
        run_good(&f, shapes[i].knobs, 13);
        ck_assert_uint_eq(fixture_stats(&f).prepares, shapes[i].second);
        run_good(&f, shapes[i].knobs, 5);
        ck_assert_uint_eq(fixture_stats(&f).prepares, shapes[i].second);
        fixture_close(&f);
    }
}
END_TEST

/* What is no refusal is an error; so is a node that no work is taken for. */
START_TEST(failures_are_told) {
    static const struct {
        const char *knobs;
        tenon_status status;
        const char *words;
    } failing[] = {
        {WITH_OPS " FAKE_LOSE=sub", TENON_STATUS_DEVICE_LOST, "lost"},
        {GRAPH_ALONE " FAKE_REFUSE=sub FAKE_TELL=1", TENON_STATUS_UNSUPPORTED, "sub"},
        {GRAPH_ALONE " FAKE_DENY=sub FAKE_REFUSE=sub", TENON_STATUS_UNSUPPORTED, "sub"},
    };
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        fixture f = fixture_open(FAKE, failing[i].knobs, fixture_parse("chain", chain), NULL);
        ck_assert_msg(fixture_run(&f, "chain", 0) == failing[i].status, "%s: %s", failing[i].knobs,
                      tenonh_error_message());
        ck_assert_msg(strstr(tenonh_error_message(), failing[i].words), "%s: %s", failing[i].knobs,
                      tenonh_error_message());
        fixture_close(&f);
    }
}
END_TEST

/* A device of version 0.1, without claim: every base operator is taken to be wanted. */
START_TEST(older_plugins_go_on) {
    fixture f = fixture_open(OLD, GRAPH_ALONE " FAKE_REFUSE=mul", fixture_parse("chain", chain), NULL);
    ck_assert_uint_eq(fixture_run(&f, "chain", 0), TENON_STATUS_UNSUPPORTED);
    fixture_close(&f);
    f = fixture_open(OLD, WITH_OPS " FAKE_REFUSE=mul", fixture_parse("chain", chain), NULL);
    run_good(&f, "older", 0);
    ck_assert_uint_gt(fixture_steps(&f, TENONH_PLACEMENT_GRAPH), 0);
    fixture_close(&f);
    f = fixture_open(OLD, GRAPH_ALONE, fixture_parse("mixed", mixed), NULL);
    run_good(&f, "older", 5);
    ck_assert_uint_eq(fixture_steps(&f, TENONH_PLACEMENT_GRAPH), 1);
    fixture_close(&f);
    f = fixture_open(OLD, BY_NAME " FAKE_COMPOSITES=softmax,layer_norm", fixture_parse("layer", layer), NULL);
    run_good(&f, "older", 5);
    ck_assert_uint_eq(fixture_steps(&f, TENONH_PLACEMENT_COMPOSITE), 2);
    fixture_close(&f);
}
END_TEST

/* Measured: a graph whose launches wait is worth less than operators that do not. */
START_TEST(costs_are_measured) {
    const tenonh_session_options options = {
        .struct_size = sizeof options, .require_device = 1, .rules = "off", .measure = 1};
    static const struct {
        const char *knobs;
        uint32_t graphs, costly;
    } measured[] = {
        {"FAKE_KINDS=9 FAKE_GRAPH_SLOW=20000", 0, 1},
        {"FAKE_KINDS=9 FAKE_GRAPH_COST=1 FAKE_OP_COST=1 FAKE_GRAPH_SLOW=20000", 0, 1},
        {"FAKE_KINDS=8 FAKE_GRAPH_SLOW=200", 1, 0},
    };
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        fixture f = fixture_open(FAKE, measured[i].knobs, fixture_parse("chain", chain), &options);
        run_good(&f, measured[i].knobs, 0);
        ck_assert_uint_eq(fixture_steps(&f, TENONH_PLACEMENT_GRAPH), measured[i].graphs);
        ck_assert_uint_eq(fixture_claims(&f, TENONH_CLAIM_COST, ""), measured[i].costly);
        fixture_close(&f);
    }
}
END_TEST

/* Regions end where control begins: a branch, taken or not, is claimed for itself. */
START_TEST(control_is_no_part_of_regions) {
    static const char start[] = "func main(%0 \"x\": f32[4, 6], %1 \"limit\": f32[]) {\n"
                                "  %2: f32[4, 6] = abs(%0)\n"
                                "  %3: f32[4, 6] = mul(%2, %0)\n"
                                "  %4: f32[] = sum(%3) {axes = [0, 1]}\n"
                                "  %5: bool[] = lt(%4, %1)\n";
    static const char branch[] = "  %6: f32[4, 6] = if(%5) region {\n"
                                 "    %7: f32[4, 6] = add(%3, %2)\n"
                                 "    %8: f32[4, 6] = neg(%7)\n"
                                 "    yield %8\n"
                                 "  } region {\n"
                                 "    yield %2\n"
                                 "  }\n";
    static const char choice[] = "  %7: f32[4, 6] = add(%3, %2)\n"
                                 "  %8: f32[4, 6] = neg(%7)\n"
                                 "  %9: bool[4, 6] = expand(%5) {dims = [4, 6]}\n"
                                 "  %6: f32[4, 6] = where(%9, %8, %2)\n";
    static const char end[] = "  %10: f32[4, 6] = sub(%6, %3)\n"
                              "  %11: f32[4, 6] = max(%10, %0)\n"
                              "  return \"y\" %11\n"
                              "}\n";
    static const char *const knobs[] = {GRAPH_ALONE, WITH_OPS, WITH_OPS " FAKE_REFUSE=mul,neg", BY_NAME};
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        char text[2][2048];
        snprintf(text[0], sizeof text[0], "%s%s%s", start, branch, end);
        snprintf(text[1], sizeof text[1], "%s%s%s", start, choice, end);
        fixture f = fixture_open(FAKE, knobs[i], fixture_parse("control", text[0]), NULL);
        f.reference = fixture_parse("choice", text[1]);
        run_good(&f, knobs[i], 0);
        fixture_close(&f);
    }
}
END_TEST

/* What the device refuses goes to the fallback, and is told as that. */
START_TEST(refused_nodes_fall_back) {
    fixture other = fixture_open(FAKE, "FAKE_KINDS=1 FAKE_SHAPES=3", fixture_parse("chain", chain), NULL);
    const tenonh_session_options options = {
        .struct_size = sizeof options, .fallback = other.device, .rules = "off", .check_plans = 1};
    fixture f = fixture_open(FAKE, GRAPH_ALONE " FAKE_REFUSE=sub FAKE_TELL=1", fixture_parse("chain", chain), &options);
    run_good(&f, "fallback", 0);
    ck_assert_uint_eq(fixture_steps(&f, TENONH_PLACEMENT_GRAPH), 2);
    ck_assert_uint_eq(fixture_steps(&f, TENONH_PLACEMENT_OP), 1);
    ck_assert_uint_gt(fixture_stats(&f).outside_nodes, 0);
    fixture_close(&f);
    fixture_close(&other);
}
END_TEST

typedef struct worker {
    pthread_t thread;
    fixture *f;
    int64_t first;
    tenon_status status;
} worker;

/* Shapes 1 ... 8, each thread from another on. */
static void *run_shapes(void *context) {
    worker *w = context;
    for (int64_t i = 0; i < 8 && w->status == TENON_STATUS_OK; i++)
        w->status = fixture_run(w->f, "threads", 1 + (w->first + i) % 8);
    return NULL;
}

/* Claims of a session are made by whichever of its threads meets a shape first. */
START_TEST(threads_share_claims) {
    static const char *const knobs[] = {GRAPH_ALONE " FAKE_HOLD=1", GRAPH_ALONE " FAKE_SHAPES=3",
                                        ALL_KINDS " FAKE_COMPOSITES=softmax FAKE_REFUSE=layer_norm"};
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        fixture f = fixture_open(FAKE, knobs[i], fixture_parse("threads", layer), NULL);
        worker workers[4] = {{0}};
        for (int k = 0; k < 4; k++) {
            workers[k] = (worker){.f = &f, .first = 3 * k};
            ck_assert_int_eq(pthread_create(&workers[k].thread, NULL, run_shapes, &workers[k]), 0);
        }
        for (int k = 0; k < 4; k++) {
            pthread_join(workers[k].thread, NULL);
            ck_assert_uint_eq(workers[k].status, TENON_STATUS_OK);
        }
        fixture_close(&f);
    }
}
END_TEST

/* Execs outlive the plans that are kept; a device that is trimmed gets them back, and is asked again. */
START_TEST(unused_execs_go_when_trimmed) {
    const tenonh_session_options options = {
        .struct_size = sizeof options, .require_device = 1, .rules = "off", .keep_plans = 4};
    fixture f = fixture_open(FAKE, GRAPH_ALONE, fixture_parse("bounded", layer), &options);
    for (int64_t i = 0; i < 200; i++) run_good(&f, "bounded", 1 + i % 64);
    ck_assert_uint_eq(fixture_stats(&f).prepares, 64);
    ck_assert_uint_eq(tenonh_device_trim(f.device, NULL), TENON_STATUS_OK);
    run_good(&f, "trimmed", 1);
    ck_assert_uint_eq(fixture_stats(&f).prepares, 65);
    fixture_close(&f);
}
END_TEST

/* Random functions on random devices: whatever is claimed and refused, results are those of the evaluator. */

static uint64_t state;

static uint32_t below(uint32_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % limit;
}

/* A node over values of f32[4, 6], all of which stay so. */
static int add_random_node(char *at, size_t size, uint32_t number) {
    static const char *const unary[] = {"abs", "neg", "floor", "trunc"};
    static const char *const binary[] = {"add", "sub", "mul", "max", "min"};
    uint32_t x = number - 1 - below(number < 6 ? number : 6), y = below(number), z = 1000 + 10 * number;
    switch (below(8)) {
    case 0: return snprintf(at, size, "  %%%u: f32[4, 6] = %s(%%%u)\n", number, unary[below(4)], x);
    case 1: return snprintf(at, size, "  %%%u: f32[4, 6] = tenon.softmax.1(%%%u) {axis = %u}\n", number, x, below(2));
    case 2:
        return snprintf(at, size,
                        "  %%%u: f32[6, 4] = permute(%%%u) {perm = [1, 0]}\n"
                        "  %%%u: f32[4, 4] = matmul(%%%u, %%%u) {dtype = f32, accumulator = f32}\n"
                        "  %%%u: f32[4, 6] = matmul(%%%u, %%%u) {dtype = f32, accumulator = f32}\n"
                        "  %%%u: f32[4, 6] = tenon.softmax.1(%%%u) {axis = 1}\n",
                        z, x, z + 1, y, z, z + 2, z + 1, x, number, z + 2);
    case 3:
        return snprintf(at, size,
                        "  %%%u: f32[6] = sum(%%%u) {axes = [0]}\n"
                        "  %%%u: f32[4, 6] = expand(%%%u) {dims = [4, 6]}\n"
                        "  %%%u: f32[4, 6] = min(%%%u, %%%u)\n",
                        z, x, z + 1, z, number, z + 1, y);
    case 4:
        return snprintf(at, size,
                        "  %%%u: f32[8, 6] = tenon.concat.1(%%%u, %%%u) {axis = 0}\n"
                        "  %%%u: f32[4, 6] = slice(%%%u) {dims = [4, 6], starts = [2, 0], steps = [1, 1]}\n",
                        z, x, y, number, z);
    default: return snprintf(at, size, "  %%%u: f32[4, 6] = %s(%%%u, %%%u)\n", number, binary[below(5)], x, y);
    }
}

static tenonh_module *random_module(void) {
    static char text[8000];
    uint32_t last = 3 + below(16);
    size_t at = (size_t)snprintf(text, sizeof text, "func main(%%0 \"a\": f32[4, 6], %%1 \"b\": f32[4, 6]) {\n");
    for (uint32_t i = 2; i <= last; i++) at += (size_t)add_random_node(text + at, sizeof text - at, i);
    snprintf(text + at, sizeof text - at, "  return \"y\" %%%u, \"z\" %%%u\n}\n", last, 2 + below(last - 1));
    return fixture_parse("random", text);
}

static void random_knobs(char *knobs, size_t size) {
    static const char *const kinds[] = {"8", "9", "5", "13"};
    static const char *const names[] = {"abs", "softmax", "matmul", "add,sum", "permute", "mul,concat", "odd", "none"};
    static const char *const composites[] = {"concat", "concat,softmax", "softmax,concat,layer_norm"};
    uint32_t kind = below(4);
    bool alone = kind == 0; /* it has no other way for what it refuses */
    size_t at = (size_t)snprintf(knobs, size, "FAKE_KINDS=%s FAKE_SHAPES=%u FAKE_COMPOSITES=%s FAKE_TELL=%u",
                                 kinds[kind], 1 + below(3), composites[below(3)], below(2));
    if (!alone) at += (size_t)snprintf(knobs + at, size - at, " FAKE_DENY=%s", names[below(8)]);
    if (!alone) at += (size_t)snprintf(knobs + at, size - at, " FAKE_REFUSE=%s", names[below(8)]);
    if (below(2)) at += (size_t)snprintf(knobs + at, size - at, " FAKE_MOST_NODES=%u", 1 + below(8));
    if (below(2)) at += (size_t)snprintf(knobs + at, size - at, " FAKE_NODE_COST=%u FAKE_OP_COST=%u", 1 + below(9), 5u);
    if (below(2)) snprintf(knobs + at, size - at, " FAKE_%s=1", below(2) ? "HOLD" : "PACK");
}

START_TEST(random_functions_are_right) {
    state = 7;
    for (int round = 0; round < 150; round++) {
        const tenonh_session_options options = {
            .struct_size = sizeof options, .require_device = 1, .rules = below(2) ? "off" : NULL, .check_plans = 1};
        char knobs[256];
        random_knobs(knobs, sizeof knobs);
        fixture f = fixture_open(FAKE, knobs, random_module(), &options);
        run_good(&f, knobs, 0);
        ck_assert_uint_eq(fixture_stats(&f).outside_nodes, 0);
        fixture_close(&f);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("claims");
    TCase *tests = tcase_create("claims");
    tcase_add_test(tests, devices_take_what_they_claim);
    tcase_add_test(tests, composites_are_asked_for_once);
    tcase_add_test(tests, shapes_are_honoured);
    tcase_add_test(tests, failures_are_told);
    tcase_add_test(tests, older_plugins_go_on);
    tcase_add_test(tests, costs_are_measured);
    tcase_add_test(tests, control_is_no_part_of_regions);
    tcase_add_test(tests, refused_nodes_fall_back);
    tcase_add_test(tests, threads_share_claims);
    tcase_add_test(tests, unused_execs_go_when_trimmed);
    tcase_add_test(tests, random_functions_are_right);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
