/* The plugin under hosts of other versions, several at a time, and what it leaves of the process. */
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "cases/abi_process.h"
#include "cases/abi_work.h"
#include "cases/cases.h"
#include "cases/launch.h"
#include "device/objects.h"

static void run_sample(cf_raw *raw, uint32_t kind) {
    cf_sample sample;
    if (!cf_sample_make(kind, &sample)) return;
    (void)cf_sample_runs(raw, &sample);
    cf_sample_free(&sample);
}

/* The first kind of work that a sample can be made of. */
static uint32_t some_kind(void) {
    uint32_t kinds = tenonh_device_info(cf_under_test.device)->work_kinds;
    return kinds & TENON_WORK_OP ? TENON_WORK_OP : kinds & TENON_WORK_KERNEL ? TENON_WORK_KERNEL : TENON_WORK_GRAPH;
}

/* -- Hosts of other versions ------------------------------------------------------------------------------------------- */

enum { GROWN = 64, GROWN_MUCH = 2048, SPEAKS_ALL = 0, SPEAKS_OLDEST = 1 };

static const struct {
    const char *name;
    uint32_t size, speaks;
} hosts[] = {
    {"v1", TENON_HOST_SIZE_V1, SPEAKS_ALL},
    {"v1_oldest", TENON_HOST_SIZE_V1, SPEAKS_OLDEST}, /* of the oldest version that the plugin says it works with */
    {"grown", sizeof(tenon_host) + GROWN, SPEAKS_ALL},
    {"grown_much", sizeof(tenon_host) + GROWN_MUCH, SPEAKS_ALL},
};

static uint32_t oldest_version(void) {
    uint32_t oldest = cf_raw_table()->abi_oldest;
    return oldest > TENON__OLDEST_ABI ? oldest : TENON__OLDEST_ABI;
}

static void run_under_host(uint32_t size, uint32_t speaks, uint32_t kind) {
    cf_raw raw;
    cf_raw_options options = {.host_size = size, .abi_version = speaks == SPEAKS_OLDEST ? oldest_version() : 0};
    if (!cf_raw_open(&raw, &options)) return;
    run_sample(&raw, kind);
    cf_raw_close(&raw);
}

/* An addition by whatever work the device takes, through the public API. */
static tenon_status add_through_host(float *out_sum) {
    float values[3] = {1.5f, 2.25f, -1};
    tenonh_memory *memories[3] = {0};
    cf_launch add = {0};
    tenon_status status = TENON_STATUS_OK;
    for (int i = 0; i < 3 && status == TENON_STATUS_OK; i++) {
        status = tenonh_memory_create(cf_under_test.device, 0, sizeof *values, &memories[i]);
        if (status == TENON_STATUS_OK)
            status = tenonh_stream_write(cf_under_test.stream, memories[i], 0, &values[i], sizeof *values);
    }
    if (status == TENON_STATUS_OK) status = cf_launch_map(&add, TENON_OP_ADD, TENON_DTYPE_F32, 1);
    cf_place places[] = {{memories[0], 0}, {memories[1], 0}, {memories[2], 0}};
    if (status == TENON_STATUS_OK) status = cf_launch_enqueue(&add, cf_under_test.stream, places);
    if (status == TENON_STATUS_OK)
        status = tenonh_stream_read(cf_under_test.stream, out_sum, memories[2], 0, sizeof *out_sum);
    tenon_status last = tenonh_stream_synchronize(cf_under_test.stream);
    cf_launch_release(&add);
    for (int i = 0; i < 3; i++) tenonh_memory_release(memories[i]);
    return status == TENON_STATUS_OK ? last : status;
}

static tenon_status open_under(const char *layers, cf_device *other) {
    tenonh_registry_options options = {
        .struct_size = sizeof options, .no_search = 1, .layers = layers, .probe = TENONH_PROBE_NEVER};
    TENON_TRY(tenonh_registry_create(&options, &other->registry));
    TENON_TRY(tenonh_registry_add(other->registry, cf_raw_path()));
    TENON_TRY(tenonh_device_open(other->registry, tenonh_device_name(cf_under_test.device), &other->device));
    TENON_TRY(tenon__execs_create(&other->execs));
    return tenonh_stream_create(other->device, &other->stream);
}

/* The device opened once more behind layers, in place of the one under test until the row ends. */
static void run_under_layers(const char *layers) {
    cf_device usual = cf_under_test, other = {.name = usual.name};
    float sum = 0;
    tenon_status status = open_under(layers, &other);
    cf_under_test = other;
    if (status == TENON_STATUS_OK) status = add_through_host(&sum);
    if (status != TENON_STATUS_OK)
        cf_fail("%s: %s", tenon_status_name(status), tenonh_error_message());
    else if (sum != 3.75f)
        cf_fail("1.5 + 2.25 is %g", sum);
    tenonh_stream_release(other.stream);
    tenon__execs_destroy(other.execs);
    tenonh_device_release(other.device);
    tenonh_registry_destroy(other.registry);
    cf_under_test = usual;
}

void cf_abi_hosts(void) {
    static const struct {
        const char *name, *layers;
    } skews[] = {{"older", "skew:older=1"},
                 {"newer", "skew:newer=1"},
                 {"alien", "skew:alien=1"},
                 {"tables", "skew:tables=1"},
                 {"older_tables", "skew"}};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
#define ROW(KIND, name_)                                                                                               \
    if (cf_begin("%s.%s", hosts[i].name, name_) && cf_sample_takes(TENON_WORK_##KIND, name_))                          \
        run_under_host(hosts[i].size, hosts[i].speaks, TENON_WORK_##KIND);
        CF_SAMPLE_KINDS(ROW)
#undef ROW
    }
    for (size_t i = 0; i < sizeof skews / sizeof *skews; i++)
        if (cf_begin_for("REQ-ABI-02 REQ-ABI-03", "skew.%s", skews[i].name)) run_under_layers(skews[i].layers);
}

/* -- Several instances ------------------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b) {
    return a && b && strncmp(a, b, 4096) == 0;
}

static void expect_same_device(const tenon_device_info *a, const tenon_device_info *b) {
    if (memcmp(a->uuid, b->uuid, sizeof a->uuid) != 0) cf_fail("two openings of one device have two UUIDs");
    if (!same_text(a->name, b->name) || !same_text(a->driver_version, b->driver_version) ||
        !same_text(a->architecture, b->architecture))
        cf_fail("two openings of one device have different names, drivers or architectures");
    if (a->work_kinds != b->work_kinds || a->shapes != b->shapes || a->kind != b->kind)
        cf_fail("two openings of one device are of different kinds");
}

/* A failure is told to the host that called, and to no other. */
static void refuse_for(cf_raw *raw, cf_raw *other) {
    tenon_device *device = CF_UNTOUCHED;
    cf_raw_forget(other);
    cf_raw_doing(raw, "of a device past the end");
    (void)CF_ANSWERS(raw, TENON_STATUS_NOT_FOUND, raw->hooks.device.open(raw->instance, UINT32_MAX, &device));
    if (other->host.reports || other->host.mute) cf_fail("a failure was reported to another host");
}

/* Each goes on while the other is there, and after it has gone. */
static void run_two_instances(void) {
    cf_raw first, second;
    if (!cf_raw_open(&first, NULL)) return;
    if (cf_raw_open(&second, NULL)) {
        if (first.device == second.device) cf_fail("two openings of one device give one object");
        expect_same_device(&first.info, &second.info);
        run_sample(&first, some_kind());
        run_sample(&second, some_kind());
        refuse_for(&first, &second);
        refuse_for(&second, &first);
        cf_raw_close(&first);
        run_sample(&second, some_kind());
        cf_raw_close(&second);
    } else {
        cf_raw_close(&first);
    }
}

static void open_twice(void) {
    cf_raw raw;
    tenon_device *other = NULL;
    if (!cf_raw_open(&raw, NULL)) return;
    uint32_t index = cf_under_test.device->index;
    if (CF_ANSWERS(&raw, TENON_STATUS_OK, raw.hooks.device.open(raw.instance, index, &other))) {
        if (other == raw.device) cf_fail("opening the device twice gives one object");
        if (other && other != raw.device) raw.hooks.device.close(other);
        run_sample(&raw, some_kind());
    }
    cf_raw_close(&raw);
}

static void reopen(int rounds) {
    cf_raw raw;
    for (int i = 0; i < rounds && !cf_failed(); i++) {
        if (!cf_raw_open(&raw, NULL)) return;
        if (i == 0 || i + 1 == rounds) run_sample(&raw, some_kind());
        cf_raw_close(&raw);
    }
}

static void open_without_device(void) {
    cf_raw raw;
    cf_raw_options options = {.no_device = 1};
    if (cf_raw_open(&raw, &options)) cf_raw_close(&raw);
}

void cf_abi_instances(void) {
    if (cf_begin_for("REQ-ABI-06 REQ-DEV-03", "two_at_once")) run_two_instances();
    if (cf_begin_for("REQ-DEV-02", "device_opened_twice")) open_twice();
    if (cf_begin_for("REQ-ABI-06 REQ-ABI-12", "reopened")) reopen(12);
    if (cf_begin_for("REQ-ABI-06 REQ-ABI-12", "opened_for_nothing")) open_without_device();
}

/* -- The process ------------------------------------------------------------------------------------------------------- */

/* One life of an instance, on tables of whichever load; the calling thread's modes are held after each step. */
static bool live(const tenon__library *library, const cf_raw_options *options, cf_process_aspect aspect,
                 const cf_process *before) {
    cf_raw raw;
    if (!cf_raw_open_table(&raw, library, library->query(), options)) return false;
    cf_process_expect(before, aspect, "after open");
    run_sample(&raw, some_kind());
    cf_process_expect(before, aspect, "after work");
    cf_raw_close(&raw);
    cf_process_expect(before, aspect, "after close");
    return true;
}

static void live_again(cf_process_aspect aspect) {
    cf_process *before = cf_process_begin();
    (void)live(cf_raw_library(), NULL, aspect, before);
    cf_process_end(before);
}

/* Threads and files of the first life may belong to libraries that stay; those of later ones do not add up. */
static void live_often(cf_process_aspect aspect) {
    enum { LIVES = 4 };
    reopen(1);
    cf_process *before = cf_process_look();
    reopen(LIVES);
    cf_process_expect(before, aspect, "after four more lives of an instance");
    cf_process_forget(before);
}

/* A copy of the file is loaded anew, so that its constructors and its very first opening are seen. */
static void live_first(void) {
    tenon__library library = {0};
    cf_raw_options options = {.may_fail = 1};
    cf_process *before = cf_process_begin();
    bool lives = cf_process_load_copy(cf_raw_path(), &library);
    cf_leaves_behind(); /* the copy stays loaded */
    if (lives) cf_process_expect(before, CF_PROCESS_MODES, "after loading");
    lives = lives && live(&library, &options, CF_PROCESS_MODES, before);
    if (!lives) cf_not_applicable("a copy of the file does not load or open elsewhere");
    cf_process_end(before);
}

void cf_abi_process(void) {
#define ROW(NAME, name)                                                                                                \
    if (cf_begin_for("REQ-ABI-14", name)) live_again(CF_PROCESS_##NAME);
    CF_PROCESS_MODE_TABLE(ROW)
#undef ROW
#define ROW(NAME, name)                                                                                                \
    if (cf_begin_for("REQ-ABI-14", name)) live_often(CF_PROCESS_##NAME);
    CF_PROCESS_COUNT_TABLE(ROW)
#undef ROW
    if (cf_begin_for("REQ-ABI-10 REQ-ABI-14", "first_load")) live_first();
}
