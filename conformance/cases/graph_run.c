/* Graphs on the device: claimed, prepared, launched between fences, compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/graph.h"
#include "cases/runtime.h"

enum { FENCE = 64, POISON = 0xa5 };

bool cf_graph_taken(void) {
    if (tenonh_device_info(cf_under_test.device)->work_kinds & TENON_WORK_GRAPH) return true;
    cf_not_applicable("the device declares that it takes no graphs (work_kinds)");
    return false;
}

static const char *name_of(const cf_graph_node *node) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    return row ? row->name : node->name;
}

/* -- Preparing -------------------------------------------------------------------------------------------------------- */

/* The region that all nodes are in, or 0 after failing the row. */
static bool check_claims(const cf_graph *g, const cf_graph_work *w) {
    tenon_claim claims[CF_GRAPH_NODES] = {{0}};
    if (tenonh_device_claim(cf_under_test.device, &w->work, claims) != TENON_STATUS_OK) {
        cf_fail("claim: %s", tenonh_error_message());
        return false;
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (claims[i].region && claims[i].region == claims[0].region) continue;
        cf_fail("node %u, %s, is %s", i, name_of(&g->nodes[i]),
                claims[i].region ? "claimed for another region than the first" : "not claimed");
        return false;
    }
    return true;
}

bool cf_graph_has_optional(cf_graph *g) {
    tenon_claim claims[CF_GRAPH_NODES] = {{0}};
    cf_graph_work *w = malloc(sizeof *w);
    bool all = true;
    if (w) cf_graph_describe(g, w);
    bool asked = w && tenonh_device_claim(cf_under_test.device, &w->work, claims) == TENON_STATUS_OK;
    for (uint32_t i = 0; i < g->node_count && asked && all; i++) {
        const tenon_op_row *row = tenon_op_row_of(g->nodes[i].op);
        all = claims[i].region || !row || !row->optional;
        if (!all) cf_not_applicable("the device does not claim %s, which is optional", row->name);
    }
    free(w);
    return all;
}

tenonh_exec *cf_graph_prepare(cf_graph *g) {
    cf_graph_work *w = malloc(sizeof *w);
    tenonh_exec *exec = NULL;
    uint32_t refused = 0;
    const tenonh_prepare_options options = {.struct_size = sizeof options, .out_refused_node = &refused};
    if (!w) {
        cf_fail("no host memory");
        return NULL;
    }
    cf_graph_describe(g, w);
    if (check_claims(g, w) && tenonh_exec_prepare(cf_under_test.device, &w->work, &options, &exec) != TENON_STATUS_OK) {
        const char *name = refused && refused <= g->node_count ? name_of(&g->nodes[refused - 1]) : "no node";
        cf_fail("every node is claimed, and prepare refuses them (for %s): %s", name, tenonh_error_message());
        exec = NULL;
    }
    free(w);
    return exec;
}

/* -- Placing ---------------------------------------------------------------------------------------------------------- */

static const cf_graph_value *value_of(const cf_graph_run *run, uint32_t number) {
    return &run->graph->values[run->values[number]];
}

static uint64_t bytes_of(const cf_operand *operand) {
    return (uint64_t)cf_count(operand->rank, operand->dims) * (tenon_dtype_bits(operand->dtype) / 8);
}

/* Results are aligned to their elements only where the row's name is of odd length: all that a launch promises. Packed
 * constants lie as memory is aligned. */
static uint64_t start_of(const cf_graph_run *run, uint32_t number) {
    const tenon_operand_info *info = &tenonh_exec_info(run->exec)->operands[number];
    if (info->packed_size) return 4096;
    return FENCE + strlen(cf_row_name()) % 2 * (tenon_dtype_bits(value_of(run, number)->operand.dtype) / 8);
}

static tenon_status fill_memory(tenonh_stream *stream, tenonh_memory *memory, uint64_t size, const void *bytes,
                                uint64_t start, uint64_t count) {
    unsigned char *image = malloc(size ? size : 1);
    if (!image) return TENON_STATUS_OUT_OF_MEMORY;
    memset(image, POISON, size);
    if (bytes && count) memcpy(image + start, bytes, count);
    tenon_status status = tenonh_stream_write(stream, memory, 0, image, size);
    if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(stream);
    free(image);
    return status;
}

static tenon_status pack(const cf_graph_run *run, uint32_t number, tenonh_stream *stream) {
    const cf_operand *operand = &value_of(run, number)->operand;
    uint64_t size = bytes_of(operand), start = start_of(run, number);
    tenonh_memory *source;
    TENON_TRY(tenonh_memory_create(cf_under_test.device, 0, FENCE + size, &source));
    tenon_status status = fill_memory(stream, source, FENCE + size, operand->bytes, FENCE, size);
    if (status == TENON_STATUS_OK)
        status = tenonh_exec_pack(run->exec, stream, number, tenonh_memory_buffer(source, FENCE),
                                  tenonh_memory_buffer(run->memories[number], start));
    tenon_status end = tenonh_stream_synchronize(stream);
    tenonh_memory_release(source);
    return status == TENON_STATUS_OK ? end : status;
}

static tenon_status fill_operand(cf_graph_run *run, uint32_t number, tenonh_stream *stream) {
    const cf_graph_value *v = value_of(run, number);
    const tenon_operand_info *info = &tenonh_exec_info(run->exec)->operands[number];
    uint64_t start = start_of(run, number);
    bool is_read = v->role != TENON_ROLE_OUTPUT && info->layout != TENON_LAYOUT_HELD && !info->packed_size;
    TENON_TRY(fill_memory(stream, run->memories[number], start + run->sizes[number] + FENCE,
                          is_read ? v->operand.bytes : NULL, start, run->sizes[number]));
    return info->packed_size ? pack(run, number, stream) : (tenon_status)TENON_STATUS_OK;
}

static tenon_status refill(cf_graph_run *run, tenonh_stream *stream) {
    uint64_t workspace = tenonh_exec_info(run->exec)->workspace_size;
    for (uint32_t i = 0; i < run->operand_count; i++) TENON_TRY(fill_operand(run, i, stream));
    return workspace ? fill_memory(stream, run->workspace, workspace, NULL, 0, 0) : (tenon_status)TENON_STATUS_OK;
}

bool cf_graph_refill(cf_graph_run *run, tenonh_stream *stream) {
    tenon_status status = refill(run, stream);
    if (status != TENON_STATUS_OK) cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static tenon_status place(cf_graph_run *run) {
    const tenon_exec_info *info = tenonh_exec_info(run->exec);
    run->operand_count = cf_graph_number(run->graph);
    for (uint32_t i = 0; i < run->graph->value_count; i++)
        if (run->graph->values[i].role) run->values[run->graph->values[i].number] = i;
    for (uint32_t i = 0; i < run->operand_count; i++) {
        uint64_t packed = info->operands[i].packed_size;
        run->sizes[i] = packed ? packed : bytes_of(&value_of(run, i)->operand);
        TENON_TRY(
            tenonh_memory_create(cf_under_test.device, 0, start_of(run, i) + run->sizes[i] + FENCE, &run->memories[i]));
    }
    if (!info->workspace_size) return TENON_STATUS_OK;
    return tenonh_memory_create(cf_under_test.device, 0, info->workspace_size, &run->workspace);
}

bool cf_graph_place(cf_graph *g, tenonh_exec *exec, tenonh_stream *stream, cf_graph_run *run) {
    *run = (cf_graph_run){.graph = g, .exec = exec};
    tenon_status status = place(run);
    if (status == TENON_STATUS_OK) return cf_graph_refill(run, stream);
    cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    return false;
}

void cf_graph_let_go(cf_graph_run *run) {
    for (uint32_t i = 0; i < run->operand_count; i++) tenonh_memory_release(run->memories[i]);
    tenonh_memory_release(run->workspace);
    *run = (cf_graph_run){.operand_count = 0};
}

tenon_status cf_graph_launch(const cf_graph_run *run, tenonh_stream *stream) {
    tenon_buffer buffers[CF_GRAPH_VALUES];
    for (uint32_t i = 0; i < run->operand_count; i++)
        buffers[i] = tenonh_memory_buffer(run->memories[i], start_of(run, i));
    tenon_launch launch = {.struct_size = sizeof launch, .buffer_count = run->operand_count, .buffers = buffers};
    if (run->workspace) launch.workspace = tenonh_memory_buffer(run->workspace, 0);
    return tenonh_exec_launch(run->exec, stream, &launch);
}

/* -- Comparing -------------------------------------------------------------------------------------------------------- */

static bool agrees(const cf_graph_run *run, uint32_t number, const void *got, int64_t element, cf_allowed allowed) {
    const cf_operand *operand = &value_of(run, number)->operand;
    cf_number x = cf_load(operand->dtype, got, element), y = cf_load(operand->dtype, operand->bytes, element);
    if (!cf_is_float(operand->dtype)) return x.i == y.i;
    if (!allowed) return cf_ulps(operand->dtype, x.f, y.f, true) == 0;
    long double bound = allowed(run->graph, run->values[number], element);
    if (!isfinite(y.f)) return cf_ulps(operand->dtype, x.f, y.f, false) == 0;
    long double error = fabsl(x.f - y.f);
    cf_note_error((double)(error == 0 ? 0 : error / bound));
    return error <= bound;
}

static void compare(const cf_graph_run *run, uint32_t number, const void *got, cf_allowed allowed) {
    const cf_operand *operand = &value_of(run, number)->operand;
    char a[64], b[64];
    for (int64_t i = 0; i < cf_count(operand->rank, operand->dims); i++) {
        if (agrees(run, number, got, i, allowed)) continue;
        cf_format(operand->dtype, cf_load(operand->dtype, got, i), a, sizeof a);
        cf_format(operand->dtype, cf_load(operand->dtype, operand->bytes, i), b, sizeof b);
        cf_fail("element %lld of operand %u, %s, is %s, not %s", (long long)i, number, tenon_dtype_name(operand->dtype),
                a, b);
        return;
    }
}

static bool is_filled(const unsigned char *bytes, uint64_t size) {
    for (uint64_t i = 0; i < size; i++)
        if (bytes[i] != POISON) return false;
    return true;
}

static void check_operand(const cf_graph_run *run, uint32_t number, const unsigned char *bytes, cf_allowed allowed) {
    const cf_graph_value *v = value_of(run, number);
    const tenon_operand_info *info = &tenonh_exec_info(run->exec)->operands[number];
    uint64_t start = start_of(run, number), size = run->sizes[number];
    if (!is_filled(bytes, start) || !is_filled(bytes + start + size, FENCE))
        cf_fail("bytes beside operand %u, which has %llu, were written", number, (unsigned long long)size);
    if (v->role == TENON_ROLE_OUTPUT)
        compare(run, number, bytes + start, allowed);
    else if (info->layout != TENON_LAYOUT_HELD && !info->packed_size &&
             memcmp(bytes + start, v->operand.bytes, size) != 0)
        cf_fail("operand %u, an input, was written", number);
}

void cf_graph_check(const cf_graph_run *run, tenonh_stream *stream, cf_allowed allowed) {
    for (uint32_t i = 0; i < run->operand_count; i++) {
        uint64_t whole = start_of(run, i) + run->sizes[i] + FENCE;
        unsigned char *bytes = malloc(whole);
        tenon_status status = bytes ? tenonh_stream_read(stream, bytes, run->memories[i], 0, whole)
                                    : (tenon_status)TENON_STATUS_OUT_OF_MEMORY;
        if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(stream);
        if (status == TENON_STATUS_OK)
            check_operand(run, i, bytes, allowed);
        else
            cf_fail("operand %u cannot be read: %s", i, tenonh_error_message());
        free(bytes);
    }
}

void cf_graph_expect(cf_graph *g, cf_allowed allowed) {
    cf_graph_run run = {0};
    tenonh_stream *stream = NULL;
    tenonh_exec *exec = cf_graph_prepare(g);
    if (!exec) return;
    cf_make_place();
    if (tenonh_stream_create(cf_under_test.device, &stream) != TENON_STATUS_OK)
        cf_fail("a stream: %s", tenonh_error_message());
    else if (cf_graph_place(g, exec, stream, &run)) {
        tenon_status status = cf_graph_launch(&run, stream);
        if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(stream);
        if (status == TENON_STATUS_OK)
            cf_graph_check(&run, stream, allowed);
        else
            cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    }
    cf_graph_let_go(&run);
    tenonh_stream_release(stream);
    tenonh_exec_release(exec);
}
