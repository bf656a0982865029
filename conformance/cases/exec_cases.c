/* REQ-WORK: one exec launched many times at once, with workspaces, sizes and buffers that differ; prepares that are called
 * off; constants in a layout of the exec's own. */
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"
#include "loader/services.h"

/* -- Asking for other kinds of work ------------------------------------------------------------------------------- */

/* Stands before the plugin's prepare: may refuse op work, so that the host asks for kernel work, and may call prepares
 * off. Set while a row runs, on a device of another registry, whose cache of execs is its own. */
static struct {
    const tenon__hooks *inner;
    tenon__hooks outer;
    cf_second second;
    bool refuses_op;
    bool calls_off;
    int64_t polls_left; /* until it is called off */
    uint32_t polls, prepares, cancelled;
    uint64_t nanoseconds; /* of the last prepare */
    uint64_t silent;      /* of the longest prepare that did not poll */
} before;

static uint32_t is_called_off(void *context) {
    (void)context;
    __atomic_fetch_add(&before.polls, 1, __ATOMIC_RELAXED);
    return __atomic_fetch_sub(&before.polls_left, 1, __ATOMIC_RELAXED) <= 0;
}

static tenon_status prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    if (before.refuses_op && work->kind == TENON_WORK_OP) return TENON_STATUS_UNSUPPORTED;
    if (!before.calls_off) return before.inner->work.prepare(device, work, out_info, out_exec);
    tenon_work again = *work; /* known to `cancelled` by its address */
    tenon__preparing preparing = {.work = &again, .cancelled = is_called_off};
    tenon__plugin *plugin = cf_under_test.device->plugin;
    tenon_exec *const nothing = *out_exec;
    tenon__preparing_add(plugin, &preparing);
    uint32_t polls = before.polls;
    uint64_t start = tenon__now();
    tenon_status status = before.inner->work.prepare(device, &again, out_info, out_exec);
    before.nanoseconds = tenon__now() - start;
    if (before.polls == polls && before.nanoseconds > before.silent) before.silent = before.nanoseconds;
    tenon__preparing_remove(plugin, &preparing);
    before.prepares++;
    before.cancelled += status == TENON_STATUS_CANCELLED;
    if (status == TENON_STATUS_CANCELLED && *out_exec != nothing) cf_fail("a cancelled prepare gives an exec");
    return status;
}

static bool begin_before(bool refuses_op) {
    if (!cf_second_begin(&before.second, "")) return false;
    before.inner = cf_under_test.device->hooks;
    before.outer = *before.inner;
    before.outer.work.prepare = prepare;
    before.refuses_op = refuses_op;
    before.calls_off = false;
    before.polls = before.prepares = before.cancelled = 0;
    before.silent = 0;
    cf_under_test.device->hooks = &before.outer;
    return true;
}

static void end_before(void) {
    cf_under_test.device->hooks = before.inner;
    cf_second_end(&before.second);
}

/* Where a device takes kernel work alone, the rows that ask for nothing else are about that. */
static bool takes_both(void) {
    const uint32_t both = TENON_WORK_OP | TENON_WORK_KERNEL;
    if ((tenonh_device_info(cf_under_test.device)->work_kinds & both) == both) return true;
    cf_not_applicable("work_kinds has not both op and kernel work");
    return false;
}

/* -- Many launches at once ---------------------------------------------------------------------------------------- */

/* Work that may want a workspace: it differs between devices which do. */
enum { BY_SORT, BY_SUM, BY_SCAN, BY_MATMUL, WORKS };
static const char *const work_names[] = {"sort", "sum", "scan", "matmul"};
enum { LINE = 4096, SIDE = 64, STREAMS = 4, ROUNDS = 6 };

static tenon_status make_work(cf_launch *out, uint32_t which) {
    const int64_t line = LINE, axis = 0, combine = TENON_COMBINE_ADD, side[2] = {SIDE, SIDE};
    tenon__ref x = tenon__ref_contiguous(0, TENON_DTYPE_F32, 1, &line);
    tenon__ref one = tenon__ref_contiguous(0, TENON_DTYPE_F32, 0, NULL);
    tenon__ref places = tenon__ref_contiguous(0, TENON_DTYPE_I64, 1, &line);
    tenon__ref square = tenon__ref_contiguous(0, TENON_DTYPE_F32, 2, side);
    tenon__ref refs[WORKS][3] = {{x, x, places}, {x, one}, {x, x}, {square, square, square}};
    static const uint32_t operands[WORKS] = {3, 2, 2, 3}, inputs[WORKS] = {1, 1, 1, 2};
    static const tenon_op ops[WORKS] = {TENON_OP_SORT, TENON_OP_SUM, TENON_OP_SCAN, TENON_OP_MATMUL};
    const tenon_attr attrs[2] = {{which == BY_SUM ? TENON_ATTR_AXES : TENON_ATTR_AXIS, 1, &axis},
                                 {TENON_ATTR_COMBINE, 1, &combine}};
    tenon__task task = {.op = ops[which], .attrs = attrs, .operands = refs[which]};
    task.attr_count = which == BY_MATMUL ? 0 : which == BY_SCAN ? 2 : 1;
    task.input_count = inputs[which];
    task.operand_count = operands[which];
    return cf_launch_task(out, &task);
}

/* Whole numbers, small enough for every sum to be exact; each stream has others. */
static float input_at(uint32_t stream, int64_t i) {
    return (float)((i * 7 + stream * 13 + i * i % 11) % 31);
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* What the first result holds; gives its number of elements. */
static int64_t wanted(uint32_t which, uint32_t stream, float *out) {
    float sum = 0;
    for (int64_t i = 0; i < LINE; i++) {
        sum += out[i] = input_at(stream, i);
        if (which == BY_SCAN) out[i] = sum;
    }
    if (which == BY_SORT) qsort(out, LINE, sizeof *out, ascending);
    if (which == BY_SUM) out[0] = sum;
    for (int64_t i = 0; i < LINE && which == BY_MATMUL; i++) {
        out[i] = 0;
        for (int64_t k = 0; k < SIDE; k++)
            out[i] += input_at(stream, i / SIDE * SIDE + k) * input_at(stream, k * SIDE + i % SIDE);
    }
    return which == BY_SUM ? 1 : LINE;
}

typedef struct lane {
    cf_launch work; /* with a workspace of its own; all share an exec */
    tenonh_stream *stream;
    tenonh_memory *in, *out, *places;
} lane;

static bool enqueue_lane(const lane *l, uint32_t which) {
    const cf_place one[] = {{l->in, 0}, {l->out, 0}, {l->places, 0}}, two[] = {{l->in, 0}, {l->in, 0}, {l->out, 0}};
    return cf_good(cf_launch_enqueue(&l->work, l->stream, which == BY_MATMUL ? two : one), "launch");
}

/* False when the device does not take the work. */
static bool open_lane(cf_held *held, lane *l, uint32_t which, uint32_t index, const float *input) {
    tenon_status status = make_work(&l->work, which);
    if (status == TENON_STATUS_UNSUPPORTED) cf_not_applicable("the device does not take %s", work_names[which]);
    if (status == TENON_STATUS_UNSUPPORTED || !cf_good(status, "prepare")) return false;
    uint32_t most = tenonh_device_info(cf_under_test.device)->max_streams;
    bool has_room = most == 0 || held->stream_count < most;
    l->stream = has_room ? cf_stream(held) : held->streams[index % held->stream_count];
    l->in = cf_memory(held, 0, LINE * sizeof(float));
    l->out = cf_memory(held, 0, LINE * sizeof(float));
    l->places = cf_memory(held, 0, LINE * sizeof(int64_t));
    return !cf_failed() && cf_put(l->stream, l->in, 0, input, LINE * sizeof(float));
}

/* The same exec on several streams at once, each with bytes and a workspace of its own, again and again: a workspace or a
 * buffer that launches share shows as another's numbers. */
static void launch_lanes(uint32_t which) {
    cf_held held = {0};
    lane lanes[STREAMS] = {0};
    float *input = cf_block(&held, LINE * sizeof *input), *want = cf_block(&held, LINE * sizeof *want),
          *back = cf_block(&held, LINE * sizeof *back);
    bool open = true;
    for (uint32_t i = 0; i < STREAMS && open; i++) {
        for (int64_t k = 0; k < LINE; k++) input[k] = input_at(i, k);
        open = open_lane(&held, &lanes[i], which, i, input);
    }
    for (int round = 0; round < ROUNDS && open && !cf_failed(); round++) {
        for (uint32_t i = 0; i < STREAMS * 4 && !cf_failed(); i++) enqueue_lane(&lanes[i % STREAMS], which);
        for (uint32_t i = 0; i < STREAMS && !cf_failed(); i++) {
            int64_t count = wanted(which, i, want);
            if (cf_get(lanes[i].stream, lanes[i].out, 0, back, (uint64_t)count * sizeof *back))
                cf_same(back, want, (uint64_t)count * sizeof *back, "one of several launches at once");
        }
    }
    for (uint32_t i = 0; i < held.stream_count; i++) (void)tenonh_stream_synchronize(held.streams[i]);
    for (uint32_t i = 0; i < STREAMS; i++) cf_launch_release(&lanes[i].work);
    cf_let_go(&held);
}

static void run_lanes(uint32_t which) {
    if (!cf_begin("%s_on_many_streams", work_names[which])) return;
    launch_lanes(which);
}

/* The same as kernel work, where a device takes both: as a printed program it has a workspace. */
static void run_kernel_lanes(uint32_t which) {
    if (!cf_begin("%s_on_many_streams_as_kernel", work_names[which])) return;
    if (!takes_both()) return;
    if (!begin_before(true)) return;
    launch_lanes(which);
    end_before();
}

/* -- Many sizes and buffers --------------------------------------------------------------------------------------- */

/* Lengths one after the other, without a wait, results side by side with room between: sizes, offsets or buffers of the
 * launch before would show. Dims of 0 write nothing. */
static void lengths_side_by_side(void) {
    static const int64_t lengths[] = {257, 0, 1, 4099, 7, 0, 17, 255, 1, 64, 4096, 0, 3};
    enum { LENGTHS = sizeof lengths / sizeof *lengths, BESIDE = 16 };
    cf_held held = {0};
    uint64_t whole = BESIDE * sizeof(float), at = whole;
    for (uint32_t i = 0; i < LENGTHS; i++) whole += (uint64_t)(lengths[i] + BESIDE) * sizeof(float);
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *in = cf_memory(&held, 0, whole), *out = cf_memory(&held, 0, whole);
    float *x = cf_block(&held, whole), *want = cf_block(&held, whole), *back = cf_block(&held, whole);
    for (uint64_t i = 0; i < whole / sizeof *x; i++) x[i] = (float)i;
    memset(want, 0xa5, whole);
    cf_put(stream, in, 0, x, whole);
    cf_put(stream, out, 0, want, whole);
    for (uint32_t i = 0; i < LENGTHS && !cf_failed(); i++) {
        cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, lengths[i]);
        const cf_place places[] = {{in, at}, {in, at}, {out, at}};
        if (add) cf_good(cf_launch_enqueue(add, stream, places), "launch");
        for (int64_t k = 0; k < lengths[i]; k++)
            want[at / sizeof *x + (uint64_t)k] = 2 * x[at / sizeof *x + (uint64_t)k];
        at += (uint64_t)(lengths[i] + BESIDE) * sizeof(float);
    }
    cf_get(stream, out, 0, back, whole);
    cf_same(back, want, whole, "results of several lengths, with what lies between");
    cf_let_go(&held);
}

/* Buffers take turns: what one launch was given does not stay with the exec. */
static void buffers_take_turns(void) {
    enum { BUFFERS = 6, COUNT = 257, BYTES = COUNT * sizeof(float) };
    if (!cf_begin_for("REQ-WORK-04", "buffers_take_turns")) return;
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    cf_launch *add = cf_map(&held, TENON_OP_ADD, TENON_DTYPE_F32, COUNT);
    float host[COUNT], back[COUNT];
    for (int i = 0; i < BUFFERS; i++) {
        for (int k = 0; k < COUNT; k++) host[k] = (float)(1 << i);
        cf_put(stream, cf_memory(&held, 0, BYTES), 0, host, BYTES);
    }
    for (int i = 0; i < 40 && add && !cf_failed(); i++) {
        tenonh_memory *a = held.memories[i % 5], *b = held.memories[(i + 2) % 5], *y = held.memories[5];
        cf_good(cf_launch_enqueue(add, stream, (cf_place[]){{a, 0}, {b, 0}, {y, 0}}), "launch");
        cf_get(stream, y, 0, back, BYTES);
        float want = (float)((1 << i % 5) + (1 << (i + 2) % 5));
        if (back[0] != want || back[COUNT - 1] != want)
            cf_fail("launch %d gives %g, not %g", i, (double)back[0], (double)want);
    }
    cf_let_go(&held);
}

/* A kernel's exec, made for one length, serves others. */
static void run_lengths(bool as_kernel) {
    if (!cf_begin_for("REQ-WORK-01 REQ-WORK-04", "lengths_side_by_side%s", as_kernel ? "_as_kernel" : "")) return;
    if (as_kernel && !takes_both()) return;
    if (as_kernel && !begin_before(true)) return;
    lengths_side_by_side();
    if (as_kernel) end_before();
}

/* Used, released and prepared again, with others alive. */
static void releases(void) {
    enum { COUNT = 257 };
    float host[COUNT], back[COUNT];
    if (!cf_begin_for("REQ-WORK-05", "prepared_again_after_release")) return;
    for (int round = 0; round < 4 && !cf_failed(); round++) {
        cf_held held = {0};
        tenonh_stream *stream = cf_stream(&held);
        tenonh_memory *memory = cf_memory(&held, 0, sizeof host), *out = cf_memory(&held, 0, sizeof host);
        for (int k = 0; k < COUNT; k++) host[k] = (float)(k + round);
        cf_put(stream, memory, 0, host, sizeof host);
        cf_launch *mul = cf_map(&held, TENON_OP_MUL, TENON_DTYPE_F32, COUNT);
        if (mul) cf_good(cf_launch_enqueue(mul, stream, (cf_place[]){{memory, 0}, {memory, 0}, {out, 0}}), "launch");
        cf_get(stream, out, 0, back, sizeof back);
        for (int k = 0; k < COUNT && !cf_failed(); k++)
            if (back[k] != host[k] * host[k]) cf_fail("element %d is %g", k, (double)back[k]);
        cf_let_go(&held);
        (void)tenonh_device_trim(cf_under_test.device, NULL);
    }
}

void cf_launches(void) {
    for (uint32_t which = 0; which < WORKS; which++) {
        run_lanes(which);
        run_kernel_lanes(which);
    }
    run_lengths(false);
    run_lengths(true);
    buffers_take_turns();
    releases();
}

/* -- Called off --------------------------------------------------------------------------------------------------- */

/* Prepares a work that the device has not met in this instance, called off after some polls. */
static tenon_status prepare_called_off(uint32_t which, int64_t polls, cf_launch *out) {
    before.calls_off = true;
    before.polls_left = polls;
    tenon_status status = make_work(out, which);
    before.calls_off = false;
    return status;
}

/* Prepares a work, called off; true when that left more files or host memory than there were. */
static bool leaves_something(uint32_t which, int64_t polls, tenon_status *out_status) {
    cf_launch launch = {0};
    cf_holdings first = cf_look();
    *out_status = prepare_called_off(which, polls, &launch);
    cf_launch_release(&launch);
    cf_holdings last = cf_look();
    return last.files > first.files || last.host_bytes > first.host_bytes;
}

/* CANCELLED, or OK where it was quicker than that; nothing stays behind each time, though what the first one opens for all
 * that follow may; and the same work is prepared afterwards. */
static void run_called_off(bool as_kernel, int64_t polls) {
    uint32_t cancelled = 0, leaving = 0, taken = 0;
    if (!cf_begin("after_%d_polls%s", (int)polls, as_kernel ? "_as_kernel" : "")) return;
    if (as_kernel && !takes_both()) return;
    if (!begin_before(as_kernel)) return;
    for (uint32_t which = 0; which < WORKS && !cf_failed(); which++) {
        tenon_status status;
        bool leaves = leaves_something(which, polls, &status);
        taken += status != TENON_STATUS_UNSUPPORTED;
        if (status == TENON_STATUS_UNSUPPORTED || status == TENON_STATUS_OK) continue;
        cf_answers(status, TENON_STATUS_CANCELLED, "a prepare that is called off");
        cancelled++;
        leaving += leaves;
        launch_lanes(which);
    }
    if (cancelled > 1 && leaving == cancelled)
        cf_fail("each of %u cancelled prepares left files or host memory behind", cancelled);
    if (!taken && !cf_failed()) cf_not_applicable("the device takes none of the works that are called off");
    end_before();
}

/* Nanoseconds of the longest prepare of a work that did not poll, in a fresh instance. */
static uint64_t silent_time(bool as_kernel, uint32_t which) {
    cf_launch launch = {0};
    if (!begin_before(as_kernel)) return 0;
    tenon_status status = prepare_called_off(which, INT64_MAX, &launch);
    uint64_t silent = before.silent;
    if (status != TENON_STATUS_UNSUPPORTED) cf_good(status, "prepare");
    cf_launch_release(&launch);
    end_before();
    return silent;
}

/* A prepare of twice the time for which none is asked to poll does so at least once. Once or twice it may be the machine
 * that takes the time; whose prepares are short, or found in a cache, may be silent. */
static void run_polls(bool as_kernel) {
    enum { TRIES = 3, MOST_NS = 200000000 };
    if (!cf_begin("long_ones_poll%s", as_kernel ? "_as_kernel" : "")) return;
    if (as_kernel && !takes_both()) return;
    for (uint32_t which = 0; which < WORKS && !cf_failed(); which++) {
        uint64_t least = UINT64_MAX;
        for (int i = 0; i < TRIES && least > MOST_NS && !cf_failed(); i++) {
            uint64_t silent = silent_time(as_kernel, which);
            if (silent < least) least = silent;
        }
        if (least > MOST_NS && !cf_failed())
            cf_fail("prepare of %s takes more than %d ms and never asks host->cancelled, %d times running",
                    work_names[which], MOST_NS / 1000000, TRIES);
    }
}

/* A prepare that takes a second polls, and ends soon once it is called off: in no more than half its time. */
static void run_promptness(bool as_kernel) {
    if (!cf_begin("ends_soon%s", as_kernel ? "_as_kernel" : "")) return;
    if (as_kernel && !takes_both()) return;
    uint32_t taken = 0;
    for (uint32_t which = 0; which < WORKS && !cf_failed(); which++) {
        uint64_t times[2] = {0};
        for (int off = 0; off < 2; off++) {
            cf_launch launch = {0};
            if (!begin_before(as_kernel)) return;
            tenon_status status = prepare_called_off(which, off ? 0 : INT64_MAX, &launch);
            times[off] = before.nanoseconds;
            taken += status != TENON_STATUS_UNSUPPORTED;
            bool may = status == TENON_STATUS_UNSUPPORTED || (off && status == TENON_STATUS_CANCELLED);
            if (!may) cf_good(status, off ? "a prepare that is called off" : "prepare");
            cf_launch_release(&launch);
            end_before();
        }
        if (times[0] > 1500000000 && times[1] > times[0] / 2)
            cf_fail("prepare of %s took %llu ms, and called off still %llu", work_names[which],
                    (unsigned long long)(times[0] / 1000000), (unsigned long long)(times[1] / 1000000));
    }
    if (!taken && !cf_failed()) cf_not_applicable("the device takes none of the works that are called off");
}

void cf_cancelling(void) {
    for (int as_kernel = 0; as_kernel < 2; as_kernel++) {
        run_called_off(as_kernel, 0); /* first: what was compiled once is found without a poll */
        run_called_off(as_kernel, 1);
        run_called_off(as_kernel, 3);
        run_promptness(as_kernel);
        run_polls(as_kernel);
    }
}
