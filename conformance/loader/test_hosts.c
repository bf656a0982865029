/* Several hosts in one process, processes that fork, and objects given up in any order. The fake ends the process when it
 * is closed before what it gave out, and its leaks show in the log. */
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <tenon/host/device.h>
#include <tenon/host/error.h>
#include <tenon/host/exec.h>
#include <tenon/host/session.h>

#include "scratch.h"

#define PLUGIN(name) PLANTED_DIR "/libtenon_" name ".so"

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        tenon_status status_ = (call);                                                                                 \
        ck_assert_msg(status_ == TENON_STATUS_OK, "%s: %s", #call, tenonh_error_message());                            \
    } while (0)

static char warnings[4096];

static void keep_warning(void *context, uint32_t level, const char *source, const char *text) {
    (void)context, (void)level;
    size_t length = strlen(warnings);
    (void)snprintf(warnings + length, sizeof warnings - length, "%s: %s\n", source, text);
}

static tenonh_registry *make_registry(const char *path) {
    const tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1, .log = keep_warning};
    tenonh_registry *registry = NULL;
    OK(tenonh_registry_create(&options, &registry));
    OK(tenonh_registry_add(registry, path));
    return registry;
}

/* -- Any order ---------------------------------------------------------------------------------------------------- */

enum { OBJECTS = 6, ORDERS = 720 };

typedef struct objects {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_stream *stream;
    tenonh_memory *memory;
    tenonh_event *event;
    tenonh_exec *exec;
} objects;

/* An add of two vectors. */
static tenonh_exec *prepare_add(tenonh_device *device) {
    tenon_symbol symbol = {1, 1 << 20, 1};
    tenon_operand operands[3] = {{0}};
    for (int i = 0; i < 3; i++) {
        operands[i].role = i < 2 ? TENON_ROLE_INPUT : TENON_ROLE_OUTPUT;
        operands[i].alignment = 4;
        operands[i].view.dtype = TENON_DTYPE_F32;
        operands[i].view.rank = 1;
        operands[i].view.dims[0].symbol = 0;
        operands[i].view.strides[0] = (tenon_extent){.value = 1, .symbol = TENON_NO_SYMBOL};
    }
    const tenon_op_work op = {.struct_size = sizeof op, .op = TENON_OP_ADD};
    const tenon_work work = {.struct_size = sizeof work,
                             .kind = TENON_WORK_OP,
                             .symbols = &symbol,
                             .operands = operands,
                             .symbol_count = 1,
                             .operand_count = 3,
                             .op = &op};
    tenonh_exec *exec = NULL;
    OK(tenonh_exec_prepare(device, &work, NULL, &exec));
    return exec;
}

static objects make_objects(const char *path, const char *id) {
    static const float zeros[16];
    objects o = {.registry = make_registry(path)};
    OK(tenonh_device_open(o.registry, id, &o.device));
    OK(tenonh_stream_create(o.device, &o.stream));
    OK(tenonh_memory_create(o.device, 0, sizeof zeros, &o.memory));
    OK(tenonh_event_create(o.device, &o.event));
    o.exec = prepare_add(o.device);
    OK(tenonh_stream_write(o.stream, o.memory, 0, zeros, sizeof zeros));
    OK(tenonh_event_record(o.event, o.stream));
    return o;
}

static void give_up(const objects *o, int which) {
    switch (which) {
    case 0: tenonh_registry_destroy(o->registry); break;
    case 1: tenonh_device_release(o->device); break;
    case 2: tenonh_stream_release(o->stream); break;
    case 3: tenonh_memory_release(o->memory); break;
    case 4: tenonh_event_release(o->event); break;
    default: tenonh_exec_release(o->exec); break;
    }
}

/* Order `number` of the factorial number system. */
static void give_up_in_order(const objects *o, int number) {
    int left[OBJECTS] = {0, 1, 2, 3, 4, 5};
    for (int count = OBJECTS; count > 0; count--) {
        int at = number % count;
        number /= count;
        give_up(o, left[at]);
        memmove(&left[at], &left[at + 1], (size_t)(count - at - 1) * sizeof left[0]);
    }
}

START_TEST(everything_goes_in_any_order) {
    static const struct { const char *path, *id; } plugins[] = {{PLUGIN("good"), "fake"}, {PLUGIN("full"), "full"}};
    for (int number = 0; number < ORDERS; number++) {
        objects o = make_objects(plugins[number % 2].path, plugins[number % 2].id);
        give_up_in_order(&o, number);
        ck_assert_msg(warnings[0] == '\0', "order %d: %s", number, warnings);
    }
}
END_TEST

/* -- Several hosts ------------------------------------------------------------------------------------------------ */

START_TEST(registries_share_nothing) {
    for (int order = 0; order < 4; order++) {
        tenonh_registry *first = make_registry(PLUGIN("good")), *second = make_registry(PLUGIN("good"));
        tenonh_device *of_first = NULL, *of_second = NULL;
        tenonh_stream *stream = NULL;
        tenonh_memory *memory = NULL;
        OK(tenonh_device_open(first, "fake", &of_first));
        OK(tenonh_device_open(second, "fake", &of_second));
        ck_assert_ptr_ne(of_first, of_second);
        OK(tenonh_stream_create(of_second, &stream));
        OK(tenonh_memory_create(of_first, 0, 64, &memory));
        ck_assert_uint_eq(tenonh_stream_fill(stream, memory, 0, 0, 1, 64), TENON_STATUS_INVALID); /* another's */
        tenonh_memory_release(memory);
        if (order & 1) tenonh_device_release(of_first);
        tenonh_registry_destroy(order & 2 ? second : first);
        OK(tenonh_memory_create(of_second, 0, 64, &memory)); /* goes on working */
        OK(tenonh_stream_fill(stream, memory, 0, 7, 1, 64));
        OK(tenonh_stream_synchronize(stream));
        tenonh_memory_release(memory);
        tenonh_stream_release(stream);
        if (!(order & 1)) tenonh_device_release(of_first);
        tenonh_registry_destroy(order & 2 ? first : second);
        tenonh_device_release(of_second);
        ck_assert_msg(warnings[0] == '\0', "order %d: %s", order, warnings);
    }
}
END_TEST

/* A plugin that breaks REQ-ABI-06 is refused to the second host, and goes on working for the first. */
START_TEST(a_plugin_that_serves_one_host) {
    tenonh_registry *first = make_registry(PLUGIN("one_host")), *second = make_registry(PLUGIN("one_host"));
    tenonh_plugin_info info = {.struct_size = sizeof info};
    tenonh_device *device = NULL, *other = NULL;
    tenonh_memory *memory = NULL;
    OK(tenonh_device_open(first, "one-host", &device));
    ck_assert_uint_eq(tenonh_device_open(second, "one-host", &other), TENON_STATUS_UNAVAILABLE);
    ck_assert_msg(strstr(tenonh_error_message(), "OPEN_FAILED") != NULL, "%s", tenonh_error_message());
    OK(tenonh_registry_plugin(second, 0, &info));
    ck_assert_uint_eq(info.reason, TENONH_REASON_OPEN_FAILED);
    tenonh_registry_destroy(second);
    OK(tenonh_memory_create(device, 0, 64, &memory));
    tenonh_memory_release(memory);
    tenonh_device_release(device);
    tenonh_registry_destroy(first);
}
END_TEST

/* A copy of the library, with functions of its own. */
typedef struct library {
    void *handle;
    tenon_status (*create)(const tenonh_registry_options *, tenonh_registry **);
    void (*destroy)(tenonh_registry *);
    tenon_status (*add)(tenonh_registry *, const char *);
    tenon_status (*open)(tenonh_registry *, const char *, tenonh_device **);
    void (*release)(tenonh_device *);
    tenon_status (*allocate)(tenonh_device *, uint32_t, uint64_t, tenonh_memory **);
    void (*free)(tenonh_memory *);
    const char *(*message)(void);
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_memory *memory;
} library;

static void find(library *l, const char *name, void *out_function) {
    void *symbol = dlsym(l->handle, name);
    ck_assert_msg(symbol != NULL, "%s", dlerror());
    memcpy(out_function, &symbol, sizeof symbol);
}

static library load_library(const char *path) {
    library l = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    ck_assert_msg(l.handle != NULL, "%s", dlerror());
    find(&l, "tenonh_registry_create", &l.create);
    find(&l, "tenonh_registry_destroy", &l.destroy);
    find(&l, "tenonh_registry_add", &l.add);
    find(&l, "tenonh_device_open", &l.open);
    find(&l, "tenonh_device_release", &l.release);
    find(&l, "tenonh_memory_create", &l.allocate);
    find(&l, "tenonh_memory_release", &l.free);
    find(&l, "tenonh_error_message", &l.message);
    return l;
}

static void start(library *l) {
    const tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1, .log = keep_warning};
    ck_assert_uint_eq(l->create(&options, &l->registry), TENON_STATUS_OK);
    ck_assert_msg(l->add(l->registry, PLUGIN("good")) == TENON_STATUS_OK, "%s", l->message());
    ck_assert_msg(l->open(l->registry, "fake", &l->device) == TENON_STATUS_OK, "%s", l->message());
    ck_assert_msg(l->allocate(l->device, 0, 64, &l->memory) == TENON_STATUS_OK, "%s", l->message());
}

static void end(library *l) {
    l->destroy(l->registry);
    l->free(l->memory);
    l->release(l->device);
}

static void copy_file(const char *from, const char *to) {
    char bytes[65536];
    size_t got;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    ck_assert(in && out);
    while ((got = fread(bytes, 1, sizeof bytes, in)) > 0) ck_assert_uint_eq(fwrite(bytes, 1, got, out), got);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(chmod(to, 0755), 0);
}

/* Lays a copy of the library in a folder; gives its path. */
static const char *copy_library(const char *folder) {
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", scratch_folder, folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/%s/libtenon.so.0", scratch_folder, folder);
    copy_file(LIBRARY, path);
    return path;
}

START_TEST(two_copies_of_the_library_live_together) {
    library first = load_library(LIBRARY), second = load_library(copy_library("copy"));
    ck_assert(first.create != second.create);
    for (int order = 0; order < 2; order++) {
        library *a = order ? &first : &second, *b = order ? &second : &first;
        start(&first);
        start(&second);
        ck_assert_ptr_ne(first.device, second.device);
        ck_assert_uint_eq(a->open(a->registry, "nothing", &a->device), TENON_STATUS_NOT_FOUND);
        ck_assert_msg(strstr(a->message(), "nothing") != NULL, "%s", a->message());
        end(a);
        ck_assert_uint_eq(b->allocate(b->device, 0, 1ull << 40, &b->memory), TENON_STATUS_OUT_OF_MEMORY);
        end(b);
    }
    /* The copy has no probe beside it, and says so. */
    ck_assert_msg(strstr(warnings, "without a probe") && strstr(warnings, "no libexec/tenon/tenon-probe"), "%s",
                  warnings);
    dlclose(second.handle);
    start(&first);
    end(&first);
}
END_TEST

/* A tree that was moved finds its own probe; one that others may change is not run. */
START_TEST(the_probe_is_found_and_trusted_beside_the_library) {
    char probe[PATH_MAX];
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", copy_library("lib"));
    (void)snprintf(probe, sizeof probe, "%s/libexec", scratch_folder);
    ck_assert_int_eq(mkdir(probe, 0755), 0);
    (void)snprintf(probe, sizeof probe, "%s/libexec/tenon", scratch_folder);
    ck_assert_int_eq(mkdir(probe, 0755), 0);
    (void)snprintf(probe, sizeof probe, "%s/libexec/tenon/tenon-probe", scratch_folder);
    copy_file(PROBE, probe);
    library moved = load_library(path);
    start(&moved);
    end(&moved);
    ck_assert_msg(warnings[0] == '\0', "%s", warnings);
    ck_assert_int_eq(chmod(probe, 0777), 0);
    start(&moved);
    end(&moved);
    ck_assert_msg(strstr(warnings, "is not trusted: everybody may write") != NULL, "%s", warnings);
}
END_TEST

/* -- Forks -------------------------------------------------------------------------------------------------------- */

typedef tenon_status (*forked_call)(const objects *o);

static tenon_status call_add(const objects *o) {
    return tenonh_registry_add(o->registry, PLUGIN("good"));
}

static tenon_status call_search(const objects *o) {
    return tenonh_registry_search(o->registry);
}

static tenon_status call_count(const objects *o) {
    uint32_t count;
    return tenonh_registry_device_count(o->registry, 0, &count);
}

static tenon_status call_open(const objects *o) {
    tenonh_device *device;
    return tenonh_device_open(o->registry, "fake", &device);
}

static tenon_status call_type(const objects *o) {
    tenon_memory_type type = {.struct_size = sizeof type};
    return tenonh_device_memory_type(o->device, 0, &type);
}

static tenon_status call_health(const objects *o) {
    return tenonh_device_health(o->device);
}

static tenon_status call_counters(const objects *o) {
    tenonh_device_counters counters = {.struct_size = sizeof counters};
    return tenonh_device_counters_read(o->device, &counters);
}

static tenon_status call_session(const objects *o) {
    tenonh_module *module;
    tenonh_session *session;
    tenon_status status = tenonh_module_create(&module);
    if (status != TENON_STATUS_OK) return status;
    status = tenonh_session_create(module, o->device, NULL, &session);
    tenonh_module_destroy(module);
    return status;
}

static tenon_status call_memory(const objects *o) {
    tenonh_memory *memory;
    return tenonh_memory_create(o->device, 0, 16, &memory);
}

static tenon_status call_stream(const objects *o) {
    tenonh_stream *stream;
    return tenonh_stream_create(o->device, &stream);
}

static tenon_status call_event(const objects *o) {
    tenonh_event *event;
    return tenonh_event_create(o->device, &event);
}

static tenon_status call_write(const objects *o) {
    return tenonh_stream_write(o->stream, o->memory, 0, "x", 1);
}

static tenon_status call_synchronize(const objects *o) {
    return tenonh_stream_synchronize(o->stream);
}

static tenon_status call_record(const objects *o) {
    return tenonh_event_record(o->event, o->stream);
}

static const forked_call forked_calls[] = {call_add,         call_search, call_count,    call_open,   call_type,
                                           call_health,      call_memory, call_stream,   call_event,  call_write,
                                           call_synchronize, call_record, call_counters, call_session};
enum { FORKED_CALLS = sizeof forked_calls / sizeof forked_calls[0] };

/* The number of the first call that is not refused as it should be, 0 when all are. Giving up calls no hook. */
static int use_in_child(const objects *o) {
    for (int i = 0; i < FORKED_CALLS; i++)
        if (forked_calls[i](o) != TENON_STATUS_UNAVAILABLE || !strstr(tenonh_error_message(), "fork")) return i + 1;
    give_up_in_order(o, 0);
    objects own = make_objects(PLUGIN("good"), "fake"); /* a registry of the child's own works */
    give_up_in_order(&own, ORDERS - 1);
    return 0;
}

START_TEST(a_child_after_a_fork_is_refused) {
    objects o = make_objects(PLUGIN("good"), "fake");
    pid_t child = fork();
    if (child == 0) _exit(use_in_child(&o));
    int state = 0;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_msg(state == 0, "call %d of forked_calls", WEXITSTATUS(state) - 1);
    for (int i = 0; i < FORKED_CALLS; i++) /* the parent is as before, but for a device opened twice */
        ck_assert_msg(i == 3 || i >= 6 || forked_calls[i](&o) == TENON_STATUS_OK, "call %d in the parent", i);
    give_up_in_order(&o, 17);
    ck_assert_msg(warnings[0] == '\0', "%s", warnings);
}
END_TEST

int main(void) {
    scratch_begin();
    Suite *suite = suite_create("hosts");
    TCase *rows = tcase_create("hosts");
    tcase_add_test(rows, everything_goes_in_any_order);
    tcase_add_test(rows, registries_share_nothing);
    tcase_add_test(rows, a_plugin_that_serves_one_host);
    tcase_add_test(rows, two_copies_of_the_library_live_together);
    tcase_add_test(rows, the_probe_is_found_and_trusted_beside_the_library);
    tcase_add_test(rows, a_child_after_a_fork_is_refused);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scratch_end();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
