/* REQ-WORK-06, 10, 12, REQ-KERNEL-04: what an exec answers is so: results in the place of an operand, and constants that are
 * read as they lie, packed first, or held by the exec. */
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

/* -- Aliases ------------------------------------------------------------------------------------------------------ */

static const struct alias_row {
    const char *name;
    tenon_op op;
} alias_ops[] = {{"neg", TENON_OP_NEG}, {"add", TENON_OP_ADD}, {"sub", TENON_OP_SUB}, {"mul", TENON_OP_MUL}};

/* Whole numbers, so that results are exact. */
static float value_at(uint32_t operand, int64_t i) {
    return (float)(i % 251 + 3 * operand);
}

static float result_at(tenon_op op, int64_t i) {
    float a = value_at(0, i), b = value_at(1, i);
    return op == TENON_OP_NEG ? -a : op == TENON_OP_ADD ? a + b : op == TENON_OP_SUB ? a - b : a * b;
}

/* Kernel work may share places anyway: it is a program of the host's, that reads each element before it writes it. */
static bool may_alias(const cf_launch *launch, uint32_t operand) {
    if (launch->prepared.placement == TENONH_PLACEMENT_KERNEL) return true;
    const tenon_exec_info *info = tenonh_exec_info(launch->exec);
    uint32_t alias = info->operands[launch->operand_count - 1].alias;
    if (alias == TENON_ANY_ALIAS || alias == operand) return true;
    cf_not_applicable("the exec answers alias 0x%x for its result", alias);
    return false;
}

static void run_alias(const struct alias_row *row, uint32_t operand, int64_t count) {
    if (!cf_begin_for("REQ-WORK-10 REQ-KERNEL-04", "%s_%lld_in_place_of_%u", row->name, (long long)count, operand))
        return;
    cf_held held = {0};
    const uint64_t size = (uint64_t)count * sizeof(float), at = 64 + sizeof(float), whole = at + size + 64;
    uint32_t inputs = tenon_op_row_of(row->op)->input_count;
    tenonh_stream *stream = cf_stream(&held);
    cf_launch *launch = cf_map(&held, row->op, TENON_DTYPE_F32, count);
    unsigned char *want = cf_block(&held, whole), *back = cf_block(&held, whole);
    float *bytes = cf_block(&held, size);
    cf_place places[3] = {{NULL, 0}};
    for (uint32_t k = 0; k < inputs && launch; k++) {
        places[k] = (cf_place){cf_memory(&held, 0, whole), at};
        memset(want, 0xa5, whole);
        for (int64_t i = 0; i < count; i++) bytes[i] = value_at(k, i);
        memcpy(want + at, bytes, size);
        cf_put(stream, places[k].memory, 0, want, whole);
    }
    if (launch && !cf_failed() && may_alias(launch, operand)) {
        places[inputs] = places[operand];
        cf_good(cf_launch_enqueue(launch, stream, places), "launch");
        for (int64_t i = 0; i < count; i++) bytes[i] = result_at(row->op, i);
        memset(want, 0xa5, whole);
        memcpy(want + at, bytes, size);
        cf_get(stream, places[inputs].memory, 0, back, whole);
        cf_same(back, want, whole, "a result in the place of an operand, with what lies beside it");
    }
    cf_let_go(&held);
}

void cf_aliases(void) {
    static const int64_t counts[] = {1, 7, 257, 4099, 70001};
    for (size_t i = 0; i < sizeof alias_ops / sizeof *alias_ops; i++)
        for (uint32_t operand = 0; operand < tenon_op_row_of(alias_ops[i].op)->input_count; operand++)
            for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) run_alias(&alias_ops[i], operand, counts[k]);
}

/* -- Constants ---------------------------------------------------------------------------------------------------- */

enum { ROWS = 4, DEPTH = 65, COLUMNS = 33, SETS = 2, MOST = DEPTH * COLUMNS, OPERANDS = 3, RESULTS = ROWS * COLUMNS };

/* y = x @ w, or x + w: w is the constant, of which there are two. */
typedef struct constant_row {
    tenon_op op;
    uint32_t kind; /* of work */
    int64_t counts[OPERANDS];
    float values[MOST]; /* those that prepare is shown */
    cf_held held;
    tenonh_stream *stream;
    tenonh_memory *x, *weights[SETS], *y;
    tenonh_exec *execs[SETS];
} constant_row;

static float weight_at(uint32_t set, int64_t i) {
    return (float)((i * 5 + set * 7 + i / 13) % 17) - 8;
}

static float wanted_at(const constant_row *r, uint32_t set, int64_t i) {
    float sum = 0;
    if (r->op == TENON_OP_ADD) return value_at(0, i) + weight_at(set, i);
    for (int64_t k = 0; k < DEPTH; k++)
        sum += value_at(0, i / COLUMNS * DEPTH + k) * weight_at(set, k * COLUMNS + i % COLUMNS);
    return sum;
}

static tenon_view view_of(uint32_t rank, const int64_t *dims) {
    tenon_view view = {.dtype = TENON_DTYPE_F32, .rank = rank};
    int64_t stride = 1;
    for (uint32_t i = rank; i-- > 0; stride *= dims[i]) {
        view.dims[i] = (tenon_extent){.value = dims[i], .symbol = TENON_NO_SYMBOL};
        view.strides[i] = (tenon_extent){.value = stride, .symbol = TENON_NO_SYMBOL};
    }
    return view;
}

/* Prepares with one set of constants, whose bytes are gone afterwards. */
static tenon_status prepare_set(constant_row *r, uint32_t set) {
    static const int64_t dims[OPERANDS][2] = {{ROWS, DEPTH}, {DEPTH, COLUMNS}, {ROWS, COLUMNS}};
    static const uint32_t numbers[OPERANDS] = {0, 1, 2};
    tenon_operand operands[OPERANDS];
    tenon_view views[OPERANDS];
    for (uint32_t k = 0; k < OPERANDS; k++) {
        bool is_sum = r->op == TENON_OP_ADD;
        views[k] = view_of(is_sum ? 1 : 2, is_sum ? &r->counts[k] : dims[k]);
        operands[k] =
            (tenon_operand){.role = k == 2 ? TENON_ROLE_OUTPUT : TENON_ROLE_INPUT, .alignment = sizeof(float)};
        operands[k].view = views[k];
    }
    for (int64_t i = 0; i < r->counts[1]; i++) r->values[i] = weight_at(set, i);
    operands[1].role = TENON_ROLE_CONSTANT;
    operands[1].data = r->values;
    operands[1].data_size = (uint64_t)r->counts[1] * sizeof(float);
    const tenon_op_work op = {.struct_size = sizeof op, .op = r->op};
    const tenon_graph_node node = {
        .op = r->op, .inputs = numbers, .outputs = numbers + 2, .input_count = 2, .output_count = 1};
    const tenon_graph_work graph = {
        .struct_size = sizeof graph, .node_count = 1, .nodes = &node, .values = views, .value_count = OPERANDS};
    tenon_work work = {.struct_size = sizeof work, .kind = r->kind, .operands = operands, .operand_count = OPERANDS};
    work.op = r->kind == TENON_WORK_OP ? &op : NULL;
    work.graph = r->kind == TENON_WORK_GRAPH ? &graph : NULL;
    tenon_status status = tenonh_exec_prepare(cf_under_test.device, &work, NULL, &r->execs[set]);
    memset(r->values, 0xee, sizeof r->values);
    return status;
}

static tenonh_memory *place(constant_row *r, int64_t count, float (*at)(uint32_t, int64_t), uint32_t set) {
    tenonh_memory *memory = cf_memory(&r->held, 0, (uint64_t)count * sizeof(float));
    float *bytes = cf_block(&r->held, (uint64_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) bytes[i] = at(set, i);
    cf_put(r->stream, memory, 0, bytes, (uint64_t)count * sizeof(float));
    return memory;
}

static const tenon_operand_info *answer(const constant_row *r, uint32_t exec) {
    return &tenonh_exec_info(r->execs[exec])->operands[1];
}

/* The constant as the exec wants it, made by `packer` where it is to be packed; what is held must not be read. */
static tenonh_memory *bring(constant_row *r, uint32_t packer, uint32_t set) {
    const tenon_operand_info *info = answer(r, packer);
    if (!info->packed_size && info->layout != TENON_LAYOUT_HELD) return r->weights[set];
    uint64_t size = info->packed_size ? info->packed_size : (uint64_t)r->counts[1] * sizeof(float);
    tenonh_memory *memory = cf_memory(&r->held, 0, size);
    cf_good(tenonh_stream_fill(r->stream, memory, 0, 0xff, 1, size), "fill");
    if (memory && info->packed_size)
        cf_good(tenonh_exec_pack(r->execs[packer], r->stream, 1, tenonh_memory_buffer(r->weights[set], 0),
                                 tenonh_memory_buffer(memory, 0)),
                "pack");
    return memory;
}

static void run_exec(constant_row *r, uint32_t exec, uint32_t packer, uint32_t set, const char *what) {
    float back[MOST];
    const tenon_exec_info *info = tenonh_exec_info(r->execs[exec]);
    tenonh_memory *constant = cf_failed() ? NULL : bring(r, packer, set);
    if (!constant || cf_failed()) return;
    const tenon_buffer buffers[] = {tenonh_memory_buffer(r->x, 0), tenonh_memory_buffer(constant, 0),
                                    tenonh_memory_buffer(r->y, 0)};
    tenon_launch launch = {.struct_size = sizeof launch, .buffer_count = OPERANDS, .buffers = buffers};
    tenonh_memory *workspace = info->workspace_size ? cf_memory(&r->held, 0, info->workspace_size) : NULL;
    if (workspace) launch.workspace = tenonh_memory_buffer(workspace, 0);
    const uint64_t size = (uint64_t)r->counts[2] * sizeof(float);
    cf_good(tenonh_stream_fill(r->stream, r->y, 0, 0xff, 1, size), "fill");
    cf_good(tenonh_exec_launch(r->execs[exec], r->stream, &launch), "launch");
    cf_get(r->stream, r->y, 0, back, size);
    for (int64_t i = 0; i < r->counts[2] && !cf_failed(); i++)
        if (back[i] != wanted_at(r, set, i))
            cf_fail("%s: element %lld is %g, not %g", what, (long long)i, (double)back[i],
                    (double)wanted_at(r, set, i));
}

/* Each exec with the constants that it was shown; then, where it says that it holds none, with the other's, and with what
 * the other packed if both say that this is one packing. */
static void run_sets(constant_row *r) {
    bool holds = answer(r, 0)->layout == TENON_LAYOUT_HELD;
    for (uint32_t set = 0; set < SETS; set++) run_exec(r, set, set, set, "with the constants that prepare was shown");
    run_exec(r, 0, 0, 0, "the first again, after the second was prepared and run");
    for (uint32_t set = 0; set < SETS && !holds; set++)
        run_exec(r, 1 - set, 1 - set, set, "with other constants of the type, since the exec holds none");
    const tenon_operand_info *a = answer(r, 0), *b = answer(r, 1);
    bool shared = a->packed_size && a->packed_size == b->packed_size && !memcmp(a->packed_key, b->packed_key, 16);
    for (uint32_t set = 0; set < SETS && shared; set++)
        run_exec(r, 0, 1, set, "with what another exec packed, whose packed_key is equal");
}

static void run_constants(const char *kind_name, uint32_t kind, const char *name, tenon_op op) {
    if (!cf_begin_for("REQ-WORK-06 REQ-WORK-12", "constant_of_%s_%s", kind_name, name)) return;
    if (!(tenonh_device_info(cf_under_test.device)->work_kinds & kind)) {
        cf_not_applicable("work_kinds has no %s work", kind_name);
        return;
    }
    constant_row r = {.op = op, .kind = kind, .counts = {ROWS * DEPTH, DEPTH * COLUMNS, RESULTS}};
    if (op == TENON_OP_ADD) r.counts[0] = r.counts[1] = r.counts[2] = RESULTS;
    r.stream = cf_stream(&r.held);
    r.x = place(&r, r.counts[0], value_at, 0);
    r.y = cf_memory(&r.held, 0, (uint64_t)r.counts[2] * sizeof(float));
    tenon_status status = TENON_STATUS_OK;
    for (uint32_t set = 0; set < SETS && status == TENON_STATUS_OK; set++) {
        r.weights[set] = place(&r, r.counts[1], weight_at, set);
        status = prepare_set(&r, set);
    }
    if (status == TENON_STATUS_UNSUPPORTED)
        cf_not_applicable("the device does not take %s as %s work", name, kind_name);
    else if (cf_good(status, "prepare"))
        run_sets(&r);
    if (r.stream) (void)tenonh_stream_synchronize(r.stream);
    for (uint32_t set = 0; set < SETS; set++) tenonh_exec_release(r.execs[set]);
    cf_let_go(&r.held);
}

void cf_constants(void) {
    run_constants("op", TENON_WORK_OP, "add", TENON_OP_ADD);
    run_constants("op", TENON_WORK_OP, "matmul", TENON_OP_MATMUL);
    run_constants("graph", TENON_WORK_GRAPH, "add", TENON_OP_ADD);
    run_constants("graph", TENON_WORK_GRAPH, "matmul", TENON_OP_MATMUL);
}
