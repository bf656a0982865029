/* dsp through the host's API and by its own hooks: memory that host and device see apart, one queue, no events, work that
 * it declares not to take. */
#include <stdlib.h>

#include "fixture.h"

#include "device/objects.h"

enum { SIZE = 256, LINE = 64 }; /* bytes */

typedef struct board {
    fixture f;
    tenonh_memory *memory;
    unsigned char *window;
} board;

/* Memory whose bytes the device has all at 1, mapped. */
static board board_open(void) {
    board b = {.f = fixture_open(DSP, "dsp")};
    void *pointer;
    ck_assert_uint_eq(tenonh_memory_create(b.f.device, 0, SIZE, &b.memory), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_fill(b.f.stream, b.memory, 0, 1, 1, SIZE), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(b.f.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_memory_map(b.memory, 0, SIZE, &pointer), TENON_STATUS_OK);
    b.window = pointer;
    return b;
}

static void board_close(board *b) {
    tenonh_memory_release(b->memory);
    fixture_close(&b->f);
}

/* What the device sees at a byte. */
static unsigned char seen(const board *b, uint64_t offset) {
    unsigned char byte = 0;
    ck_assert_uint_eq(tenonh_stream_read(b->f.stream, &byte, b->memory, offset, 1), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(b->f.stream), TENON_STATUS_OK);
    return byte;
}

/* The device writes `value` from `offset` on. */
static void device_writes(const board *b, uint64_t offset, uint64_t size, unsigned char value) {
    ck_assert_uint_eq(tenonh_stream_fill(b->f.stream, b->memory, offset, value, 1, size), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(b->f.stream), TENON_STATUS_OK);
}

START_TEST(the_host_sees_what_it_invalidates) {
    board b = board_open();
    ck_assert_uint_eq(b.window[0], 1); /* a mapping of the host's begins with what the device sees */
    device_writes(&b, 0, SIZE, 2);
    ck_assert_uint_eq(b.window[0], 1);
    ck_assert_uint_eq(tenonh_memory_invalidate(b.memory, LINE, LINE), TENON_STATUS_OK);
    ck_assert_uint_eq(b.window[0], 1);
    ck_assert_uint_eq(b.window[LINE], 2);
    ck_assert_uint_eq(b.window[2 * LINE - 1], 2);
    ck_assert_uint_eq(b.window[2 * LINE], 1);
    ck_assert_uint_eq(tenonh_memory_unmap(b.memory), TENON_STATUS_OK);
    board_close(&b);
}
END_TEST

START_TEST(the_device_sees_what_is_flushed) {
    board b = board_open();
    memset(b.window, 3, SIZE);
    ck_assert_uint_eq(seen(&b, 0), 1);
    ck_assert_uint_eq(tenonh_memory_flush(b.memory, LINE, LINE), TENON_STATUS_OK);
    ck_assert_uint_eq(seen(&b, LINE - 1), 1);
    ck_assert_uint_eq(seen(&b, LINE), 3);
    ck_assert_uint_eq(seen(&b, 2 * LINE), 1);
    ck_assert_uint_eq(tenonh_memory_unmap(b.memory), TENON_STATUS_OK); /* what was not flushed is gone */
    ck_assert_uint_eq(seen(&b, 0), 1);
    board_close(&b);
}
END_TEST

/* Bytes of a line that the host did not write go out as they came in. */
START_TEST(what_lies_beside_a_flushed_range_stays) {
    board b = board_open();
    void *pointer;
    ck_assert_uint_eq(tenonh_memory_unmap(b.memory), TENON_STATUS_OK);
    device_writes(&b, 0, SIZE, 4);
    ck_assert_uint_eq(tenonh_memory_map(b.memory, 5, 1, &pointer), TENON_STATUS_OK);
    *(unsigned char *)pointer = 9;
    ck_assert_uint_eq(tenonh_memory_flush(b.memory, 5, 1), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_memory_unmap(b.memory), TENON_STATUS_OK);
    ck_assert_uint_eq(seen(&b, 4), 4);
    ck_assert_uint_eq(seen(&b, 5), 9);
    ck_assert_uint_eq(seen(&b, 6), 4);
    board_close(&b);
}
END_TEST

/* The rules of the hooks themselves, which the host keeps to. A window begins with nothing. */
START_TEST(windows_are_whole_lines) {
    fixture f = fixture_open(DSP, "dsp");
    const tenon_memory_hooks *hooks = &f.device->hooks->memory;
    tenon_device *device = f.device->handle;
    tenon_memory *memory = NULL, *other = NULL;
    void *pointer = NULL;
    ck_assert_uint_eq(hooks->allocate(device, 0, LINE + 1, &other), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->allocate(device, 1, LINE, &other), TENON_STATUS_NOT_FOUND);
    ck_assert_uint_eq(hooks->allocate(device, 0, UINT64_MAX - LINE + 1, &other), TENON_STATUS_OUT_OF_MEMORY);
    ck_assert_uint_eq(hooks->allocate(device, 0, SIZE, &memory), TENON_STATUS_OK);
    ck_assert_uint_eq(hooks->flush(device, memory, 0, LINE), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->unmap(device, memory), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->map(device, memory, 8, LINE, &pointer), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->map(device, memory, LINE, SIZE, &pointer), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->map(device, memory, LINE, LINE, &pointer), TENON_STATUS_OK);
    ck_assert_uint_eq(hooks->map(device, memory, 0, LINE, &pointer), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->flush(device, memory, LINE, LINE / 2), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->invalidate(device, memory, 0, LINE), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->invalidate(device, memory, LINE, 2 * LINE), TENON_STATUS_INVALID);
    ck_assert_uint_eq(hooks->invalidate(device, memory, LINE, LINE), TENON_STATUS_OK);
    ck_assert_uint_eq(hooks->unmap(device, memory), TENON_STATUS_OK);
    hooks->release(device, memory);
    fixture_close(&f);
}
END_TEST

START_TEST(there_is_one_queue_and_no_event) {
    fixture f = fixture_open(DSP, "dsp");
    tenonh_stream *second = NULL;
    tenonh_event *event = NULL;
    expect(tenonh_stream_create(f.device, &second), TENON_STATUS_OUT_OF_MEMORY, "1 stream");
    ck_assert_uint_eq(tenonh_event_create(f.device, &event), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_record(event, f.stream), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_event_synchronize(event), TENON_STATUS_OK);
    ck_assert_uint_gt(fixture_counters(&f).emulated_events, 0);
    tenonh_event_release(event);
    tenonh_stream_release(f.stream);
    ck_assert_uint_eq(tenonh_stream_create(f.device, &f.stream), TENON_STATUS_OK);
    fixture_close(&f);
}
END_TEST

/* abs of a vector of symbol 0 elements, symbol 1 apart. */
typedef struct vector_work {
    tenon_symbol symbols[2];
    tenon_operand operands[2];
    tenon_op_work op;
    tenon_work work;
    tenon_operand_info operand_infos[2];
    tenon_exec_info info;
} vector_work;

static const tenon_extent one = {.value = 1, .symbol = TENON_NO_SYMBOL};

static void describe(vector_work *w, tenon_dtype dtype, tenon_extent stride) {
    *w = (vector_work){.symbols = {{0, 64, 1}, {1, 2, 1}}};
    for (uint32_t i = 0; i < 2; i++) {
        w->operands[i] = (tenon_operand){.role = i ? TENON_ROLE_OUTPUT : TENON_ROLE_INPUT, .alignment = 1};
        w->operands[i].view = (tenon_view){.dtype = dtype, .rank = 1, .dims = {{.symbol = 0}}, .strides = {one}};
        w->operand_infos[i].alias = TENON_NO_ALIAS;
    }
    w->operands[0].view.strides[0] = stride;
    w->op = (tenon_op_work){.struct_size = sizeof w->op, .op = TENON_OP_ABS};
    w->work = (tenon_work){.struct_size = sizeof w->work, .kind = TENON_WORK_OP, .op = &w->op};
    w->work.symbols = w->symbols;
    w->work.symbol_count = 2;
    w->work.operands = w->operands;
    w->work.operand_count = 2;
    w->info = (tenon_exec_info){.struct_size = sizeof w->info, .symbols = w->symbols, .operands = w->operand_infos};
}

START_TEST(what_is_not_declared_is_refused) {
    fixture f = fixture_open(DSP, "dsp");
    const tenon_work_hooks *hooks = &f.device->hooks->work;
    tenon_device *device = f.device->handle;
    tenonh_memory *memory;
    tenon_exec *exec = NULL;
    vector_work w;
    describe(&w, TENON_DTYPE_F64, one);
    ck_assert_uint_eq(hooks->prepare(device, &w.work, &w.info, &exec), TENON_STATUS_UNSUPPORTED);
    describe(&w, TENON_DTYPE_F32, (tenon_extent){.symbol = 1});
    ck_assert_uint_eq(hooks->prepare(device, &w.work, &w.info, &exec), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_memory_create(f.device, 0, SIZE, &memory), TENON_STATUS_OK);
    tenon_buffer buffers[] = {tenonh_memory_buffer(memory, 0), tenonh_memory_buffer(memory, 128)};
    int64_t symbols[] = {8, 2};
    tenon_launch launch = {.struct_size = sizeof launch, .buffer_count = 2, .buffers = buffers, .symbols = symbols};
    launch.symbol_count = 2;
    ck_assert_uint_eq(hooks->launch(f.stream->handle, exec, &launch), TENON_STATUS_INVALID);
    symbols[1] = 1;
    ck_assert_uint_eq(hooks->launch(f.stream->handle, exec, &launch), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_synchronize(f.stream), TENON_STATUS_OK);
    hooks->release(device, exec);
    tenonh_memory_release(memory);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dsp");
    TCase *cases = tcase_create("dsp");
    tcase_add_test(cases, the_host_sees_what_it_invalidates);
    tcase_add_test(cases, the_device_sees_what_is_flushed);
    tcase_add_test(cases, what_lies_beside_a_flushed_range_stays);
    tcase_add_test(cases, windows_are_whole_lines);
    tcase_add_test(cases, there_is_one_queue_and_no_event);
    tcase_add_test(cases, what_is_not_declared_is_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
