/* Launches without what an exec needs beside its operands: the operator's host scalars, and the workspace that prepare
 * asked for. Of op and graph work: the scalars and the workspace of a kernel are the host's own program's. */
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

enum { LINE = 4096, SIDE = 64, BYTES = LINE * sizeof(float), OPERANDS = 3 };

/* A launch that works, to be spoilt. */
typedef struct need {
    cf_held held;
    cf_launch work;
    tenonh_stream *stream;
    tenonh_memory *memories[OPERANDS], *workspace;
    tenon_buffer buffers[OPERANDS];
    tenon_launch launch;
} need;

/* -- What has needs ----------------------------------------------------------------------------------------------- */

static tenon_status make_fill(cf_launch *out) {
    return cf_launch_map(out, TENON_OP_FILL, TENON_DTYPE_F32, LINE);
}

static tenon_status make_matmul(cf_launch *out) {
    const int64_t side[2] = {SIDE, SIDE};
    tenon__ref square = tenon__ref_contiguous(0, TENON_DTYPE_F32, 2, side), refs[] = {square, square, square};
    tenon__task task = {.op = TENON_OP_MATMUL, .input_count = 2, .operand_count = 3, .operands = refs};
    return cf_launch_task(out, &task);
}

static tenon_status make_line(cf_launch *out, tenon_op op, const tenon_attr *attrs, uint32_t attr_count) {
    const int64_t line = LINE;
    tenon__ref x = tenon__ref_contiguous(0, TENON_DTYPE_F32, 1, &line);
    tenon__ref refs[] = {x, x, tenon__ref_contiguous(0, TENON_DTYPE_I64, 1, &line)};
    tenon__task task = {.op = op, .attrs = attrs, .attr_count = attr_count, .input_count = 1, .operands = refs};
    task.operand_count = op == TENON_OP_SORT ? 3 : 2;
    return cf_launch_task(out, &task);
}

static tenon_status make_sort(cf_launch *out) {
    const int64_t axis = 0;
    return make_line(out, TENON_OP_SORT, &(tenon_attr){TENON_ATTR_AXIS, 1, &axis}, 1);
}

static tenon_status make_scan(cf_launch *out) {
    const int64_t axis = 0, combine = TENON_COMBINE_ADD;
    return make_line(out, TENON_OP_SCAN, (tenon_attr[]){{TENON_ATTR_AXIS, 1, &axis}, {TENON_ATTR_COMBINE, 1, &combine}},
                     2);
}

typedef tenon_status (*make_function)(cf_launch *out);

/* The first work that the device takes as such and that needs what the row is about. */
static bool find_work(need *n, const make_function *makes, size_t count, bool scalars) {
    for (size_t i = 0; i < count && !cf_failed(); i++) {
        tenon_status status = makes[i](&n->work);
        const tenon__prepared *prepared = &n->work.prepared;
        if (status != TENON_STATUS_UNSUPPORTED && !cf_good(status, "prepare")) return false;
        bool has_need = scalars ? prepared->scalar_count > 0 : prepared->workspace_size > 0;
        bool is_plain = !n->work.result && !n->work.copies[0];
        if (status == TENON_STATUS_OK && prepared->placement != TENONH_PLACEMENT_KERNEL && has_need && is_plain)
            return true;
        cf_launch_release(&n->work);
    }
    return false;
}

/* -- Launching ---------------------------------------------------------------------------------------------------- */

/* Zeros in the operands, and 0x55 where the results come. */
static bool place(need *n) {
    uint32_t inputs = n->work.operand_count - 1;
    n->stream = cf_stream(&n->held);
    for (uint32_t i = 0; i < n->work.operand_count; i++) {
        n->memories[i] = cf_memory(&n->held, 0, 2ull * BYTES); /* as wide as i64 */
        if (cf_failed()) return false;
        cf_good(tenonh_stream_fill(n->stream, n->memories[i], 0, i < inputs ? 0 : 0x55, 1, 2ull * BYTES), "fill");
        n->buffers[i] = tenonh_memory_buffer(n->memories[i], 0);
    }
    const tenon__prepared *p = &n->work.prepared;
    n->launch = (tenon_launch){
        .struct_size = sizeof n->launch,
        .buffer_count = n->work.operand_count,
        .buffers = n->buffers,
        .symbols = p->symbols,
        .scalars = p->scalars,
        .grids = p->grids,
        .symbol_count = p->symbol_count,
        .scalar_count = p->scalar_count,
        .grid_count = p->grid_count,
    };
    if (n->work.workspace) n->launch.workspace = tenonh_memory_buffer(n->work.workspace, 0);
    return cf_good(tenonh_stream_synchronize(n->stream), "synchronise");
}

static tenon_status launch(need *n, const tenon_launch *what) {
    return cf_under_test.device->hooks->work.launch(n->stream->handle, n->work.prepared.exec->handle, what);
}

/* Nothing has happened, and the launch as it should be works. */
static void expect_refusal(need *n, const tenon_launch *spoilt, const char *what) {
    static unsigned char back[BYTES], same[BYTES];
    tenonh_memory *last = n->memories[n->work.operand_count - 1];
    memset(same, 0x55, sizeof same);
    cf_answers(launch(n, spoilt), TENON_STATUS_INVALID, what);
    if (!cf_good(tenonh_stream_synchronize(n->stream), "synchronise after a launch that is refused")) return;
    if (cf_get(n->stream, last, 0, back, BYTES)) cf_same(back, same, BYTES, "the result of a launch that is refused");
    if (cf_good(launch(n, &n->launch), "the launch as it should be"))
        cf_good(tenonh_stream_synchronize(n->stream), "synchronise");
}

static void close_need(need *n) {
    cf_let_go(&n->held);
    cf_launch_release(&n->work);
}

/* -- Rows --------------------------------------------------------------------------------------------------------- */

static void run_scalars(bool none) {
    static const make_function makes[] = {make_fill};
    need n = {0};
    if (!cf_begin(none ? "no_scalars" : "few_scalars")) return;
    if (!find_work(&n, makes, 1, true)) {
        if (!cf_failed()) cf_not_applicable("the device takes no op work with host scalars");
    } else if (place(&n)) {
        tenon_launch spoilt = n.launch;
        spoilt.scalar_count--;
        if (none) spoilt.scalar_count = 0, spoilt.scalars = NULL;
        expect_refusal(&n, &spoilt, "a launch with fewer scalars than its operator has");
    }
    close_need(&n);
}

enum { MISSING, SHORT, MISALIGNED, SPOILS };
static const char *const spoil_names[] = {"missing", "short", "misaligned"};

/* A workspace of the right size, from a place on. False: there is no such place. */
static bool spoil(need *n, uint32_t how, tenon_launch *out) {
    uint64_t size = n->work.prepared.workspace_size, alignment = tenonh_exec_info(n->work.exec)->workspace_alignment;
    *out = n->launch;
    out->workspace = (tenon_buffer){0};
    if (how == MISSING) return true;
    if (how == MISALIGNED && alignment < 2) return false;
    uint64_t unit = alignment ? alignment : 1;
    n->workspace = cf_memory(&n->held, 0, how == MISALIGNED ? size + alignment : size);
    if (!n->workspace) return true;
    uint64_t over = n->workspace->padded - size; /* what the device was asked for beyond it is there, too */
    uint64_t step = how == MISALIGNED ? alignment / 2 : (over / unit + 1) * unit;
    out->workspace = tenonh_memory_buffer(n->workspace, step);
    return true;
}

static void run_workspace(uint32_t how) {
    static const make_function makes[] = {make_matmul, make_sort, make_scan};
    need n = {0};
    tenon_launch spoilt;
    if (!cf_begin("workspace_%s", spoil_names[how])) return;
    if (!find_work(&n, makes, sizeof makes / sizeof *makes, false)) {
        if (!cf_failed()) cf_not_applicable("no exec of op or graph work asks for a workspace");
    } else if (place(&n)) {
        if (!spoil(&n, how, &spoilt))
            cf_not_applicable("workspace_alignment says that any place will do");
        else if (!cf_failed())
            expect_refusal(&n, &spoilt, "a launch whose workspace is not as the exec asked");
    }
    close_need(&n);
}

void cf_abi_needs(void) {
    run_scalars(false);
    run_scalars(true);
    for (uint32_t how = 0; how < SPOILS; how++) run_workspace(how);
}
