/* A device of one of the planted plugins, opened, and a work for it. */
#ifndef TENON_TESTS_FIXTURE_H
#define TENON_TESTS_FIXTURE_H

#include <check.h>
#include <string.h>

#include <tenon/host/error.h>
#include <tenon/host/exec.h>
#include <tenon/host/tensor.h>

typedef struct fixture {
    tenonh_registry *registry;
    tenonh_device *device;
    tenonh_stream *stream;
} fixture;

/* Opens device 0 of `id`, whose plugin is the file `path`. */
static inline fixture fixture_open(const char *path, const char *id) {
    fixture f = {0};
    tenonh_registry_options options = {.struct_size = sizeof options, .no_search = 1};
    ck_assert_uint_eq(tenonh_registry_create(&options, &f.registry), TENON_STATUS_OK);
    ck_assert_msg(tenonh_registry_add(f.registry, path) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_msg(tenonh_device_open(f.registry, id, &f.device) == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_uint_eq(tenonh_stream_create(f.device, &f.stream), TENON_STATUS_OK);
    return f;
}

static inline void fixture_close(fixture *f) {
    tenonh_stream_release(f->stream);
    tenonh_device_release(f->device);
    tenonh_registry_destroy(f->registry);
}

static inline tenonh_device_counters fixture_counters(const fixture *f) {
    tenonh_device_counters counters = {.struct_size = sizeof counters};
    ck_assert_uint_eq(tenonh_device_counters_read(f->device, &counters), TENON_STATUS_OK);
    return counters;
}

/* Fails unless `status` is `expected` and the message holds `words`. */
static inline void expect(tenon_status status, tenon_status expected, const char *words) {
    ck_assert_msg(status == expected, "status %u, not %u: %s", status, expected, tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), words) != NULL, "\"%s\" lacks \"%s\"", tenonh_error_message(), words);
}

#endif
