/* The layer `validate`: each thing that a host or a plugin does wrong is one message with its rule, and a right pair is
 * left in peace. */
#include "world.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- What the host does wrong ----------------------------------------------------------------------------------------- */

/* Gives what the wrong call answered; hooks that answer nothing give INVALID. */
typedef tenon_status (*action)(world *w);

static unsigned char bytes[WORLD_MEMORY];

#define HOST(name) static tenon_status name(world *w)

HOST(null_device) {
    return w->hooks.device.health(NULL);
}
HOST(wrong_kind) {
    return w->hooks.device.health((tenon_device *)(void *)w->stream);
}
HOST(made_up_handle) {
    return w->hooks.stream.synchronize((tenon_stream *)(void *)bytes);
}
HOST(used_after_release) {
    w->hooks.memory.release(w->device, w->memory);
    tenon_buffer gone = {w->memory, 0};
    w->memory = NULL;
    return w->hooks.stream.write(w->stream, gone, bytes, 4);
}
HOST(released_twice) {
    tenon_event *event = w->event;
    w->hooks.event.destroy(event);
    w->hooks.event.destroy(event);
    w->event = NULL;
    return TENON_STATUS_INVALID;
}
HOST(null_out) {
    return w->hooks.memory.allocate(w->device, 0, 64, NULL);
}
HOST(short_info) {
    tenon_device_info info = {.struct_size = 8};
    return w->hooks.device.info(w->device, &info);
}
HOST(unknown_type) {
    tenon_memory *memory;
    return w->hooks.memory.allocate(w->device, 9, 64, &memory);
}
HOST(broken_unit) {
    tenon_memory *memory;
    return w->hooks.memory.allocate(w->device, 0, 63, &memory);
}
HOST(map_outside) {
    void *pointer;
    return w->hooks.memory.map(w->device, w->memory, 192, 128, &pointer);
}
HOST(map_twice) {
    void *pointer;
    ck_assert_uint_eq(w->hooks.memory.map(w->device, w->memory, 0, 64, &pointer), TENON_STATUS_OK);
    tenon_status status = w->hooks.memory.map(w->device, w->memory, 64, 64, &pointer);
    ck_assert_uint_eq(w->hooks.memory.unmap(w->device, w->memory), TENON_STATUS_OK);
    return status;
}
HOST(unmap_unmapped) {
    return w->hooks.memory.unmap(w->device, w->memory);
}
HOST(flush_outside_mapping) {
    void *pointer;
    ck_assert_uint_eq(w->hooks.memory.map(w->device, w->memory, 0, 64, &pointer), TENON_STATUS_OK);
    tenon_status status = w->hooks.memory.flush(w->device, w->memory, 64, 64);
    ck_assert_uint_eq(w->hooks.memory.unmap(w->device, w->memory), TENON_STATUS_OK);
    return status;
}
HOST(release_mapped) {
    void *pointer;
    ck_assert_uint_eq(w->hooks.memory.map(w->device, w->memory, 0, 64, &pointer), TENON_STATUS_OK);
    w->hooks.memory.release(w->device, w->memory);
    w->memory = NULL;
    return TENON_STATUS_INVALID;
}
HOST(write_from_null) {
    return w->hooks.stream.write(w->stream, (tenon_buffer){w->memory, 0}, NULL, 4);
}
HOST(write_outside) {
    return w->hooks.stream.write(w->stream, (tenon_buffer){w->memory, WORLD_MEMORY - 2}, bytes, 4);
}
HOST(offset_overflows) {
    return w->hooks.stream.read(w->stream, bytes, (tenon_buffer){w->memory, UINT64_MAX - 1}, 4);
}
HOST(copy_overlaps) {
    return w->hooks.stream.copy(w->stream, (tenon_buffer){w->memory, 0}, (tenon_buffer){w->memory, 8}, 16);
}
HOST(odd_pattern) {
    return w->hooks.stream.fill(w->stream, (tenon_buffer){w->memory, 0}, 0, 3, 9);
}
HOST(foreign_memory) {
    tenon_memory *memory;
    ck_assert_uint_eq(w->hooks.memory.allocate(w->other, 0, 64, &memory), TENON_STATUS_OK);
    tenon_status status = w->hooks.stream.write(w->stream, (tenon_buffer){memory, 0}, bytes, 4);
    w->hooks.memory.release(w->other, memory);
    return status;
}
HOST(foreign_event) {
    tenon_event *event;
    ck_assert_uint_eq(w->hooks.event.create(w->other, &event), TENON_STATUS_OK);
    tenon_status status = w->hooks.event.record(event, w->stream);
    w->hooks.event.destroy(event);
    return status;
}
HOST(malformed_work) {
    tenon_work work = *world_work();
    tenon_exec *exec;
    work.kind = 77;
    return w->hooks.work.prepare(w->device, &work, world_info(), &exec);
}
/* Prepares the world's addition with operand 1 of another dtype or stride, on a device that has told what it takes. */
static tenon_status prepare_other(const world *w, tenon_dtype dtype, tenon_extent stride, tenon_exec **out_exec) {
    tenon_device_info told = {.struct_size = sizeof told};
    tenon_operand operands[3];
    tenon_work work = *world_work();
    ck_assert_uint_eq(w->hooks.device.info(w->device, &told), TENON_STATUS_OK);
    memcpy(operands, work.operands, sizeof operands);
    operands[1].view.dtype = dtype;
    operands[1].view.strides[0] = stride;
    work.operands = operands;
    return w->hooks.work.prepare(w->device, &work, world_info(), out_exec);
}
HOST(undeclared_dtype) {
    tenon_exec *exec;
    return prepare_other(w, TENON_DTYPE_F16, (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL}, &exec);
}
HOST(operand_with_gaps) {
    tenon_exec *exec;
    return prepare_other(w, TENON_DTYPE_F32, (tenon_extent){.value = 2, .symbol = TENON_NO_SYMBOL}, &exec);
}
HOST(gaps_at_launch) {
    tenon_exec *first = w->exec;
    ck_assert_uint_eq(prepare_other(w, TENON_DTYPE_F32, (tenon_extent){.symbol = 0}, &w->exec), TENON_STATUS_OK);
    tenon_status status = world_launch(w, w->stream, 4, 0, 0);
    w->hooks.work.release(w->device, w->exec);
    w->exec = first;
    return status;
}
HOST(symbol_out_of_range) {
    return world_launch(w, w->stream, 17, 0, 0);
}
HOST(buffers_missing) {
    tenon_launch launch = {.struct_size = sizeof launch};
    return w->hooks.work.launch(w->stream, w->exec, &launch);
}
HOST(operand_outside) {
    return world_launch(w, w->stream, 16, WORLD_MEMORY - 60, 0);
}
HOST(operand_unaligned) {
    return world_launch(w, w->stream, 4, 2, 0);
}
HOST(alias_not_permitted) {
    tenon_memory *target = w->target;
    w->target = w->memory;
    tenon_status status = world_launch(w, w->stream, 8, 0, 16);
    w->target = target;
    return status;
}
HOST(alias_in_part) {
    tenon_exec_info *info = world_info();
    tenon_memory *target = w->target;
    tenon_exec *own = w->exec;
    info->operands[2].alias = TENON_ANY_ALIAS; /* the double leaves it */
    ck_assert_uint_eq(w->hooks.work.prepare(w->device, world_work(), info, &w->exec), TENON_STATUS_OK);
    w->target = w->memory;
    ck_assert_uint_eq(world_launch(w, w->stream, 8, 0, 0), TENON_STATUS_OK);
    tenon_status status = world_launch(w, w->stream, 8, 0, 16);
    ck_assert_uint_eq(w->hooks.stream.synchronize(w->stream), TENON_STATUS_OK);
    w->hooks.work.release(w->device, w->exec);
    w->target = target;
    w->exec = own;
    return status;
}
/* A graph of one node with more operands than most launches have; the last one, its output, lies where an input does. */
HOST(many_operands) {
    enum { MANY = 80 };
    tenon_operand operands[MANY] = {0};
    tenon_operand_info infos[MANY];
    tenon_view values[MANY];
    tenon_buffer buffers[MANY];
    uint32_t numbers[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        tenon_view view = {.dtype = TENON_DTYPE_F32, .rank = 1};
        view.dims[0] = (tenon_extent){.value = 4, .symbol = TENON_NO_SYMBOL};
        view.strides[0] = (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL};
        operands[i].role = i + 1 < MANY ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT;
        operands[i].alignment = 4;
        operands[i].view = values[i] = view;
        infos[i] = (tenon_operand_info){.alias = TENON_NO_ALIAS};
        buffers[i] = (tenon_buffer){w->memory, 0};
        numbers[i] = i;
    }
    const tenon_graph_node node = {.name = "test.many",
                                   .version = 1,
                                   .inputs = numbers,
                                   .input_count = MANY - 1,
                                   .outputs = numbers + MANY - 1,
                                   .output_count = 1};
    const tenon_graph_work graph = {
        .struct_size = sizeof graph, .node_count = 1, .nodes = &node, .values = values, .value_count = MANY};
    const tenon_work work = {.struct_size = sizeof work,
                             .kind = TENON_WORK_GRAPH,
                             .operands = operands,
                             .operand_count = MANY,
                             .graph = &graph};
    tenon_exec_info info = {.struct_size = sizeof info, .operands = infos};
    tenon_exec *exec;
    ck_assert_msg(w->hooks.work.prepare(w->device, &work, &info, &exec) == TENON_STATUS_OK, "%s", world_heard);
    tenon_launch launch = {.struct_size = sizeof launch, .buffer_count = MANY, .buffers = buffers};
    tenon_status status = w->hooks.work.launch(w->stream, exec, &launch);
    w->hooks.work.release(w->device, exec);
    return status;
}
HOST(nothing_to_pack) {
    return w->hooks.work.pack(w->stream, w->exec, 0, (tenon_buffer){w->memory, 0}, (tenon_buffer){w->target, 0});
}
HOST(unordered_streams) {
    ck_assert_uint_eq(world_launch(w, w->stream, 8, 0, 0), TENON_STATUS_OK);
    return w->hooks.stream.read(w->second, bytes, (tenon_buffer){w->target, 4}, 4);
}
HOST(wait_for_earlier_record) {
    ck_assert_uint_eq(w->hooks.event.record(w->event, w->stream), TENON_STATUS_OK);
    ck_assert_uint_eq(world_launch(w, w->stream, 8, 0, 0), TENON_STATUS_OK);
    ck_assert_uint_eq(w->hooks.event.wait(w->second, w->event), TENON_STATUS_OK);
    return w->hooks.stream.read(w->second, bytes, (tenon_buffer){w->target, 0}, 4);
}
HOST(release_in_use) {
    ck_assert_uint_eq(world_launch(w, w->stream, 8, 0, 0), TENON_STATUS_OK);
    w->hooks.memory.release(w->device, w->target);
    w->target = NULL;
    return TENON_STATUS_INVALID;
}
HOST(exec_in_use) {
    ck_assert_uint_eq(world_launch(w, w->stream, 8, 0, 0), TENON_STATUS_OK);
    w->hooks.work.release(w->device, w->exec);
    w->exec = NULL;
    return TENON_STATUS_INVALID;
}
HOST(device_with_children) {
    tenon_stream *stream;
    ck_assert_uint_eq(w->hooks.stream.create(w->other, &stream), TENON_STATUS_OK);
    w->hooks.device.close(w->other);
    w->other = NULL;
    w->hooks.stream.destroy(stream);
    return TENON_STATUS_INVALID;
}

HOST(write_read_only) {
    static _Alignas(64) unsigned char page[64];
    tenon_memory *memory;
    ck_assert_uint_eq(w->hooks.memory.import(w->device, 0, page, 64, TENON_IMPORT_READ_ONLY, &memory), TENON_STATUS_OK);
    tenon_status status = w->hooks.stream.write(w->stream, (tenon_buffer){memory, 0}, bytes, 4);
    w->hooks.memory.release(w->device, memory);
    return status;
}
HOST(import_unaligned) {
    static _Alignas(64) unsigned char page[128];
    tenon_memory *memory;
    return w->hooks.memory.import(w->device, 0, page + 4, 64, 0, &memory);
}

static world *entered;
static tenon_status answered;

static void reenter(void) {
    answered = entered->hooks.stream.synchronize(entered->stream);
}
HOST(reentry) {
    uint32_t count;
    entered = w;
    double_calls_back = reenter;
    w->hooks.memory.type_count(w->device, &count);
    double_calls_back = NULL;
    return answered;
}

static const struct host_row {
    const char *name;
    action act;
    const char *rule;
} host_rows[] = {
    {"null_device", null_device, "REQ-HOST-01"},
    {"wrong_kind", wrong_kind, "REQ-HOST-01"},
    {"made_up_handle", made_up_handle, "REQ-HOST-01"},
    {"used_after_release", used_after_release, "REQ-HOST-01"},
    {"released_twice", released_twice, "REQ-HOST-01"},
    {"null_out", null_out, "REQ-HOST-02"},
    {"short_info", short_info, "REQ-HOST-02"},
    {"unknown_type", unknown_type, "REQ-MEM-01"},
    {"broken_unit", broken_unit, "REQ-MEM-06"},
    {"map_outside", map_outside, "REQ-HOST-04"},
    {"map_twice", map_twice, "REQ-MEM-05"},
    {"unmap_unmapped", unmap_unmapped, "REQ-MEM-05"},
    {"flush_outside_mapping", flush_outside_mapping, "REQ-MEM-06"},
    {"release_mapped", release_mapped, "REQ-MEM-04"},
    {"write_from_null", write_from_null, "REQ-HOST-02"},
    {"write_outside", write_outside, "REQ-HOST-04"},
    {"offset_overflows", offset_overflows, "REQ-HOST-04"},
    {"copy_overlaps", copy_overlaps, "REQ-STREAM-06"},
    {"odd_pattern", odd_pattern, "REQ-STREAM-07"},
    {"foreign_memory", foreign_memory, "REQ-HOST-03"},
    {"foreign_event", foreign_event, "REQ-HOST-03"},
    {"malformed_work", malformed_work, "REQ-HOST-02"},
    {"undeclared_dtype", undeclared_dtype, "REQ-HOST-07"},
    {"operand_with_gaps", operand_with_gaps, "REQ-HOST-07"},
    {"gaps_at_launch", gaps_at_launch, "REQ-HOST-07"},
    {"symbol_out_of_range", symbol_out_of_range, "REQ-WORK-04"},
    {"buffers_missing", buffers_missing, "REQ-WORK-04"},
    {"operand_outside", operand_outside, "REQ-HOST-04"},
    {"operand_unaligned", operand_unaligned, "REQ-HOST-04"},
    {"alias_not_permitted", alias_not_permitted, "REQ-HOST-04"},
    {"alias_in_part", alias_in_part, "REQ-HOST-04"},
    {"many_operands", many_operands, "REQ-HOST-04"},
    {"nothing_to_pack", nothing_to_pack, "REQ-WORK-06"},
    {"unordered_streams", unordered_streams, "REQ-HOST-05"},
    {"wait_for_earlier_record", wait_for_earlier_record, "REQ-HOST-05"},
    {"release_in_use", release_in_use, "REQ-MEM-04"},
    {"exec_in_use", exec_in_use, "REQ-WORK-05"},
    {"device_with_children", device_with_children, "REQ-DEV-05"},
    {"write_read_only", write_read_only, "REQ-MEM-08"},
    {"import_unaligned", import_unaligned, "REQ-MEM-08"},
    {"reentry", reentry, "REQ-ERR-05"},
};

START_TEST(what_hosts_do_wrong) {
    const struct host_row *row = &host_rows[_i];
    world w;
    world_open(&w, "validate", BEND_NOTHING);
    ck_assert_msg(world_fill(&w), "%s: %s", row->name, world_heard);
    ck_assert_str_eq(world_heard, "");
    tenon_status status = row->act(&w);
    ck_assert_msg(status == TENON_STATUS_INVALID, "%s: status %u", row->name, status);
    ck_assert_msg(strstr(world_heard, row->rule) != NULL, "%s: \"%s\" lacks %s", row->name, world_heard, row->rule);
    world_close(&w);
    ck_assert_msg(double_objects == 0, "%s: %lld objects left", row->name, (long long)double_objects);
}
END_TEST

static void *synchronize_slowly(void *context) {
    const world *w = context;
    w->hooks.stream.synchronize(w->stream);
    return NULL;
}

START_TEST(calls_on_a_stream_do_not_overlap) {
    world w;
    pthread_t thread;
    world_open(&w, "validate", BEND_NOTHING);
    ck_assert(world_fill(&w));
    double_blocked = 1;
    ck_assert_int_eq(pthread_create(&thread, NULL, synchronize_slowly, &w), 0);
    while (double_blocked != 2) sched_yield();
    ck_assert_uint_eq(world_launch(&w, w.stream, 4, 0, 0), TENON_STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(world_heard, "REQ-STREAM-02"));
    ck_assert_uint_eq(world_launch(&w, w.second, 4, 0, 0), TENON_STATUS_OK);
    double_blocked = 0;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(w.hooks.stream.synchronize(w.second), TENON_STATUS_OK);
    world_close(&w);
}
END_TEST

/* -- What the plugin does wrong --------------------------------------------------------------------------------------- */

HOST(nothing) {
    return w->status;
}
HOST(ask_info) {
    tenon_device_info info = {.struct_size = sizeof info}, again = info, other = info;
    tenon_status status = w->hooks.device.info(w->device, &info);
    if (status == TENON_STATUS_OK) status = w->hooks.device.info(w->device, &again);
    return status == TENON_STATUS_OK ? w->hooks.device.info(w->other, &other) : status;
}
HOST(ask_health) {
    w->hooks.device.health(w->device);
    return w->hooks.device.health(w->device);
}
HOST(ask_type) {
    tenon_memory_type type = {.struct_size = sizeof type};
    return w->hooks.memory.type_info(w->device, 0, &type);
}
HOST(map_memory) {
    void *pointer;
    return w->hooks.memory.map(w->device, w->memory, 0, 64, &pointer);
}
HOST(ask_address) {
    uint64_t address;
    w->hooks.memory.address(w->device, w->memory, &address);
    return w->hooks.memory.address(w->device, w->memory, &address);
}
HOST(synchronize) {
    return w->hooks.stream.synchronize(w->stream);
}
HOST(fail_and_synchronize) {
    double_failing = 1;
    w->hooks.stream.synchronize(w->stream);
    return w->hooks.stream.synchronize(w->stream);
}
HOST(fail_and_write) {
    double_failing = 1;
    w->hooks.stream.synchronize(w->stream);
    return w->hooks.stream.write(w->stream, (tenon_buffer){w->memory, 0}, bytes, 4);
}
HOST(fail_and_query_event) {
    double_failing = 1;
    w->hooks.stream.synchronize(w->stream);
    w->hooks.event.record(w->event, w->stream);
    return w->hooks.event.query(w->event);
}
HOST(ask_elapsed) {
    uint64_t nanoseconds;
    w->hooks.event.record(w->event, w->stream);
    return w->hooks.event.elapsed(w->event, w->event, &nanoseconds);
}
HOST(write_bytes) {
    return w->hooks.stream.write(w->stream, (tenon_buffer){w->memory, 0}, bytes, 4);
}

static const struct plugin_row {
    const char *name;
    uint32_t bend;
    action act;
    const char *rule;
    tenon_status status; /* of the call */
} plugin_rows[] = {
    {"open_null", BEND_OPEN_NULL, nothing, "REQ-ERR-03", TENON_STATUS_INTERNAL},
    {"same_device", BEND_SAME_DEVICE, nothing, "REQ-DEV-02", TENON_STATUS_INTERNAL},
    {"info_changes", BEND_INFO_CHANGES, ask_info, "REQ-DEV-03", TENON_STATUS_INTERNAL},
    {"twin_uuid", BEND_TWIN_UUID, ask_info, "REQ-DEV-03", TENON_STATUS_INTERNAL},
    {"health_not_ready", BEND_HEALTH_READY, ask_health, "REQ-ERR-01", TENON_STATUS_NOT_READY},
    {"types_change", BEND_TYPES_CHANGE, ask_type, "REQ-MEM-01", TENON_STATUS_INTERNAL},
    {"odd_alignment", BEND_ODD_ALIGNMENT, nothing, "REQ-MEM-01", TENON_STATUS_INTERNAL},
    {"allocate_null", BEND_ALLOCATE_NULL, nothing, "REQ-ERR-03", TENON_STATUS_INTERNAL},
    {"handle_on_failure", BEND_ALLOCATE_FAILS, nothing, "REQ-ERR-03", TENON_STATUS_OUT_OF_MEMORY},
    {"mute_failure", BEND_ALLOCATE_MUTE, nothing, "REQ-ERR-02", TENON_STATUS_OUT_OF_MEMORY},
    {"same_handle", BEND_ALLOCATE_SAME, nothing, "REQ-ERR-03", TENON_STATUS_INTERNAL},
    {"map_null", BEND_MAP_NULL, map_memory, "REQ-MEM-05", TENON_STATUS_INTERNAL},
    {"address_moves", BEND_ADDRESS_MOVES, ask_address, "REQ-MEM-07", TENON_STATUS_INTERNAL},
    {"stream_null", BEND_STREAM_NULL, nothing, "REQ-ERR-03", TENON_STATUS_INTERNAL},
    {"unknown_status", BEND_UNKNOWN_STATUS, synchronize, "REQ-ERR-01", TENON_STATUS_INTERNAL},
    {"synchronize_not_ready", BEND_SYNC_NOT_READY, synchronize, "REQ-ERR-01", TENON_STATUS_NOT_READY},
    {"forgets_failure", BEND_FORGETS_FAILURE, fail_and_synchronize, "REQ-STREAM-03", TENON_STATUS_INTERNAL},
    {"other_failure", BEND_OTHER_FAILURE, fail_and_synchronize, "REQ-STREAM-03", TENON_STATUS_OUT_OF_RANGE},
    {"takes_after_failure", BEND_TAKES_AFTER_FAIL, fail_and_write, "REQ-STREAM-03", TENON_STATUS_INTERNAL},
    {"event_forgets", BEND_EVENT_FORGETS, fail_and_query_event, "REQ-EVENT-03", TENON_STATUS_INTERNAL},
    {"elapsed_wraps", BEND_ELAPSED_WRAPS, ask_elapsed, "REQ-EVENT-05", TENON_STATUS_INTERNAL},
    {"prepare_null", BEND_PREPARE_NULL, nothing, "REQ-ERR-03", TENON_STATUS_INTERNAL},
    {"prepare_widens", BEND_PREPARE_WIDENS, nothing, "REQ-WORK-01", TENON_STATUS_INTERNAL},
    {"prepare_moves", BEND_PREPARE_MOVES, nothing, "REQ-WORK-01", TENON_STATUS_INTERNAL},
    {"lost_and_found", BEND_LOST_AND_FOUND, ask_health, "REQ-ERR-04", TENON_STATUS_INTERNAL},
    {"reports_ok", BEND_REPORTS_OK, nothing, "REQ-ERR-02", TENON_STATUS_OK},
    {"reports_null", BEND_REPORTS_NULL, nothing, "REQ-ERR-02", TENON_STATUS_OK},
    {"reports_stranger", BEND_REPORTS_STRANGER, write_bytes, "REQ-ERR-02", TENON_STATUS_INTERNAL},
    {"releases_twice", BEND_RELEASES_TWICE, nothing, "REQ-ABI-12", TENON_STATUS_OK},
    {"keeps_memory", BEND_KEEPS_MEMORY, nothing, "REQ-ABI-12", TENON_STATUS_OK},
};

START_TEST(what_plugins_do_wrong) {
    const struct plugin_row *row = &plugin_rows[_i];
    world w;
    world_open(&w, "validate", row->bend);
    tenon_status status = world_fill(&w) ? row->act(&w) : w.status;
    world_close(&w);
    free(double_kept);
    ck_assert_msg(status == row->status, "%s: status %u, not %u: %s", row->name, status, row->status, world_heard);
    ck_assert_msg(strstr(world_heard, row->rule) != NULL, "%s: \"%s\" lacks %s", row->name, world_heard, row->rule);
    double_objects = 0;
}
END_TEST

/* -- What is right, and what is only logged --------------------------------------------------------------------------- */

/* Work handed from one stream to another by an event, read back, and everything given back. */
static void tour(world *w) {
    const tenon__hooks *h = &w->hooks;
    void *pointer;
    ck_assert_uint_eq(h->stream.write(w->stream, (tenon_buffer){w->memory, 0}, bytes, sizeof bytes), TENON_STATUS_OK);
    ck_assert_uint_eq(world_launch(w, w->stream, 16, 0, 0), TENON_STATUS_OK);
    ck_assert_uint_eq(world_launch(w, w->second, 16, 128, 128), TENON_STATUS_INVALID); /* written above, unordered */
    world_heard[0] = '\0';
    ck_assert_uint_eq(h->event.record(w->event, w->stream), TENON_STATUS_OK);
    ck_assert_uint_eq(h->event.wait(w->second, w->event), TENON_STATUS_OK);
    ck_assert_uint_eq(world_launch(w, w->second, 16, 128, 128), TENON_STATUS_OK);
    ck_assert_uint_eq(h->stream.read(w->second, bytes, (tenon_buffer){w->target, 0}, 64), TENON_STATUS_OK);
    ck_assert_uint_eq(h->stream.synchronize(w->second),
                      TENON_STATUS_OK); /* and thereby the other's work up to the event */
    ck_assert_uint_eq(h->memory.map(w->device, w->target, 0, 64, &pointer), TENON_STATUS_OK);
    ck_assert_uint_eq(h->memory.unmap(w->device, w->target), TENON_STATUS_OK);
}

START_TEST(right_pairs_are_left_in_peace) {
    world w;
    world_open(&w, "validate", BEND_NOTHING);
    ck_assert(world_fill(&w));
    tour(&w);
    world_close(&w);
    ck_assert_str_eq(world_heard, "");
    ck_assert_int_eq(double_objects, 0);
}
END_TEST

START_TEST(findings_can_be_logged_only) {
    world w;
    world_open(&w, "validate:log=1", BEND_NOTHING);
    ck_assert(world_fill(&w));
    ck_assert_uint_eq(unordered_streams(&w), TENON_STATUS_OK);
    ck_assert_ptr_nonnull(strstr(world_heard, "REQ-HOST-05"));
    world_close(&w);
}
END_TEST

START_TEST(leaks_are_listed_with_their_makers) {
    world w;
    world_open(&w, "validate", BEND_NOTHING);
    ck_assert(world_fill(&w));
    w.event = NULL;
    w.memory = NULL;
    world_close(&w);
    ck_assert_ptr_nonnull(
        strstr(world_heard, "REQ-HOST-06: memory 1 (256 bytes of type 0) was not given back; made at"));
    ck_assert_ptr_nonnull(strstr(world_heard, "REQ-HOST-06: event 1 was not given back"));
    ck_assert_ptr_null(strstr(world_heard, "memory 2"));
    double_objects = 0;
}
END_TEST

/* A program that ends without giving anything back is told on its standard error. */
START_TEST(an_exit_lists_leaks) {
    int ends[2], status;
    char text[8192];
    size_t size = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        world w;
        dup2(ends[1], STDERR_FILENO);
        world_open(&w, "validate", BEND_NOTHING);
        world_fill(&w);
        exit(0);
    }
    close(ends[1]);
    for (ssize_t got; size < sizeof text - 1 && (got = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)got;
    text[size] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_ptr_nonnull(strstr(text, "tenon: double: validate: REQ-HOST-06: memory 1 (256 bytes of type 0)"));
    ck_assert_ptr_nonnull(strstr(text, "exec 1 (add) was not given back; made at"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("validate");
    TCase *t = tcase_create("validate");
    tcase_add_loop_test(t, what_hosts_do_wrong, 0, sizeof host_rows / sizeof host_rows[0]);
    tcase_add_loop_test(t, what_plugins_do_wrong, 0, sizeof plugin_rows / sizeof plugin_rows[0]);
    tcase_add_test(t, calls_on_a_stream_do_not_overlap);
    tcase_add_test(t, right_pairs_are_left_in_peace);
    tcase_add_test(t, findings_can_be_logged_only);
    tcase_add_test(t, leaks_are_listed_with_their_makers);
    tcase_add_test(t, an_exit_lists_leaks);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
