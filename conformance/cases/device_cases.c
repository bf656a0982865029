/* REQ-DEV: what an instance counts and opens, and what devices say of themselves: stable, within its bounds, and true. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "cases/runtime.h"

static const tenon__hooks *hooks(void) {
    return cf_under_test.device->hooks;
}

static tenon_instance *instance(void) {
    return cf_under_test.device->plugin->instance;
}

/* -- Enumeration -------------------------------------------------------------------------------------------------- */

static void count_is_stable(void) {
    uint32_t first = 0, again = 0;
    if (!cf_begin("count_is_stable")) return;
    cf_good(hooks()->device.count(instance(), &first), "count");
    for (int i = 0; i < 10; i++) {
        cf_good(hooks()->device.count(instance(), &again), "count again");
        if (again != first) cf_fail("counts %u devices, then %u", first, again);
    }
    if (first <= cf_under_test.device->index)
        cf_fail("counts %u devices, and device %u is open", first, cf_under_test.device->index);
}

/* Catches: an index past the end opened as another device; `out` written on failure. */
static void no_device_past_the_end(void) {
    uint32_t count = 0;
    if (!cf_begin("no_device_past_the_end")) return;
    cf_good(hooks()->device.count(instance(), &count), "count");
    const uint32_t indices[] = {count, count + 1, count + 1000, 0x7fffffff, 0x80000000u, UINT32_MAX};
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        tenon_device *none = (tenon_device *)(void *)&count;
        cf_answers(hooks()->device.open(instance(), indices[i], &none), TENON_STATUS_NOT_FOUND, "open past the end");
        if (none != (tenon_device *)(void *)&count) cf_fail("open wrote its result although it failed");
    }
}

static bool is_usable(tenon_device *device) {
    uint32_t types = 0;
    tenon_stream *stream = NULL;
    if (!cf_good(hooks()->memory.type_count(device, &types), "type_count") ||
        !cf_good(hooks()->stream.create(device, &stream), "create a stream"))
        return false;
    cf_good(hooks()->stream.synchronize(stream), "synchronise");
    hooks()->stream.destroy(stream);
    return true;
}

/* Catches: one object for two opens, and a close that takes the other open's state with it. */
static void opening_twice_gives_two(void) {
    tenon_device *first = NULL, *second = NULL;
    uint32_t index = cf_under_test.device->index;
    if (!cf_begin("opening_twice_gives_two")) return;
    if (!cf_good(hooks()->device.open(instance(), index, &first), "open") ||
        !cf_good(hooks()->device.open(instance(), index, &second), "open again"))
        return;
    if (first == second || first == cf_under_test.device->handle) cf_fail("two opens give one object");
    if (is_usable(first)) hooks()->device.close(first);
    if (is_usable(second)) hooks()->device.close(second);
    cf_held held = {0};
    tenonh_stream *stream = cf_stream(&held);
    cf_good(tenonh_stream_synchronize(stream), "the device that stays open: synchronise");
    cf_let_go(&held);
}

static void no_type_past_the_end(void) {
    uint32_t count = cf_under_test.device->type_count;
    if (!cf_begin_for("REQ-MEM-01", "no_memory_type_past_the_end")) return;
    const uint32_t indices[] = {count, count + 1, 64, UINT32_MAX};
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        tenon_memory_type type = {.struct_size = sizeof type};
        tenon_memory *none = (tenon_memory *)(void *)&count;
        tenon_device *device = cf_under_test.device->handle;
        if (indices[i] < count) continue;
        cf_answers(hooks()->memory.type_info(device, indices[i], &type), TENON_STATUS_NOT_FOUND, "type_info");
        cf_answers(hooks()->memory.allocate(device, indices[i], 64, &none), TENON_STATUS_NOT_FOUND, "allocate");
        if (none != (tenon_memory *)(void *)&count) cf_fail("allocate wrote its result although it failed");
    }
}

void cf_enumeration(void) {
    count_is_stable();
    no_device_past_the_end();
    opening_twice_gives_two();
    no_type_past_the_end();
}

/* -- Properties --------------------------------------------------------------------------------------------------- */

static bool info_of(tenon_device *device, tenon_device_info *out_info) {
    *out_info = (tenon_device_info){.struct_size = sizeof *out_info};
    return cf_good(hooks()->device.info(device, out_info), "info");
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* All that describes a device, member by member: strings may lie elsewhere. */
static void compare_info(const tenon_device_info *a, const tenon_device_info *b, const char *when) {
    tenon_device_info x = *a, y = *b;
    if (!same_text(a->name, b->name) || !same_text(a->driver_version, b->driver_version) ||
        !same_text(a->architecture, b->architecture))
        cf_fail("%s: name, driver_version or architecture is another", when);
    x.name = y.name = x.driver_version = y.driver_version = x.architecture = y.architecture = NULL;
    if (memcmp(x.uuid, y.uuid, sizeof x.uuid) != 0) cf_fail("%s: the UUID is another", when);
    if (memcmp(&x, &y, sizeof x) != 0) cf_fail("%s: the device describes itself in another way", when);
}

static void info_is_stable(void) {
    tenon_device_info first, again;
    if (!cf_begin("info_is_stable") || !info_of(cf_under_test.device->handle, &first)) return;
    for (int i = 0; i < 20; i++)
        if (info_of(cf_under_test.device->handle, &again)) compare_info(&first, &again, "asked again");
}

static void info_is_the_same_at_every_open(void) {
    tenon_device *other = NULL;
    tenon_device_info first, again;
    if (!cf_begin("info_is_the_same_at_every_open") || !info_of(cf_under_test.device->handle, &first)) return;
    for (int i = 0; i < 3; i++) {
        if (!cf_good(hooks()->device.open(instance(), cf_under_test.device->index, &other), "open")) return;
        if (info_of(other, &again)) compare_info(&first, &again, "opened again");
        hooks()->device.close(other);
    }
}

static void info_is_the_same_for_every_host(void) {
    cf_second second;
    if (!cf_begin_for("REQ-DEV-03 REQ-ABI-06", "info_is_the_same_for_every_host")) return;
    if (!cf_second_begin(&second, "")) return;
    compare_info(tenonh_device_info(second.before.device), tenonh_device_info(cf_under_test.device), "another host");
    cf_second_end(&second);
}

static void uuids_differ(void) {
    static const uint8_t none[16];
    uint32_t count = 0;
    uint8_t seen[16][16];
    if (!cf_begin("uuids_differ")) return;
    cf_good(hooks()->device.count(instance(), &count), "count");
    for (uint32_t i = 0; i < count && i < 16; i++) {
        tenon_device *device = NULL;
        tenon_device_info info;
        if (!cf_good(hooks()->device.open(instance(), i, &device), "open")) return;
        if (info_of(device, &info)) memcpy(seen[i], info.uuid, 16);
        hooks()->device.close(device);
        if (memcmp(seen[i], none, 16) == 0) cf_fail("the UUID of device %u is all zeros", i);
        for (uint32_t j = 0; j < i; j++)
            if (memcmp(seen[i], seen[j], 16) == 0) cf_fail("devices %u and %u have one UUID", j, i);
    }
}

static void info_is_within_its_bounds(void) {
    const tenon_device_info *info = tenonh_device_info(cf_under_test.device);
    if (!cf_begin("info_is_within_its_bounds")) return;
    if (info->kind < TENON_DEVICE_CPU || info->kind > TENON_DEVICE_DSP) cf_fail("kind is %u", info->kind);
    if (!(info->work_kinds & (TENON_WORK_OP | TENON_WORK_KERNEL | TENON_WORK_GRAPH)))
        cf_fail("work_kinds 0x%x: neither op nor kernel nor graph work", info->work_kinds);
    if (!info->name || !info->name[0]) cf_fail("the device has no name");
    if (!info->architecture || !info->architecture[0])
        cf_fail("architecture is empty: caches could not tell this chip from another (REQ-DEV-04)");
}

/* Catches: types that change under the host. */
static void types_are_stable(void) {
    if (!cf_begin_for("REQ-MEM-01", "memory_types_are_stable")) return;
    for (uint32_t i = 0; i < cf_under_test.device->type_count; i++) {
        tenon_memory_type first = cf_under_test.device->types[i];
        for (int k = 0; k < 10; k++) {
            tenon_memory_type type = {0};
            cf_good(tenonh_device_memory_type(cf_under_test.device, i, &type), "memory type");
            type.budget = first.budget;
            if (memcmp(&first, &type, sizeof type) != 0) cf_fail("memory type %u is described in another way", i);
        }
    }
}

static void health_is_good(void) {
    if (!cf_begin_for("REQ-DEV-06", "health_is_good")) return;
    cf_good(tenonh_device_health(cf_under_test.device), "health");
}

void cf_properties(void) {
    info_is_stable();
    info_is_the_same_at_every_open();
    info_is_the_same_for_every_host();
    uuids_differ();
    info_is_within_its_bounds();
    types_are_stable();
    health_is_good();
}

/* -- Declared arithmetic ------------------------------------------------------------------------------------------ */

/* The values that decide: products and sums of these have results below FLT_MIN, or take operands from there. */
static const struct arithmetic {
    const char *name;
    tenon_op op;
    float a, b;
} subnormals[] = {
    {"mul_result", TENON_OP_MUL, 0x1p-100f, 0x1.8p-40f},  {"mul_operand", TENON_OP_MUL, 0x1.8p-140f, 0x1p100f},
    {"add_both", TENON_OP_ADD, 0x1p-149f, 0x1p-149f},     {"add_zero", TENON_OP_ADD, -0x1.5p-130f, 0.0f},
    {"sub_result", TENON_OP_SUB, 0x1.8p-126f, 0x1p-126f}, {"div_result", TENON_OP_DIV, 0x1p-126f, 4.0f},
};

static float flushed(float x) {
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

static float result_of(tenon_op op, float a, float b) {
    volatile float x = a, y = b;
    switch (op) {
    case TENON_OP_ADD: return x + y;
    case TENON_OP_SUB: return x - y;
    case TENON_OP_MUL: return x * y;
    case TENON_OP_DIV: return x / y;
    default: return sqrtf(x);
    }
}

/* Runs an operator on arrays of floats. */
static bool compute(tenon_op op, const float *a, const float *b, float *out, int64_t count) {
    cf_held held = {0};
    uint64_t size = (uint64_t)count * sizeof *a;
    tenonh_stream *stream = cf_stream(&held);
    tenonh_memory *x = cf_memory(&held, 0, size), *y = cf_memory(&held, 0, size), *z = cf_memory(&held, 0, size);
    cf_launch *launch = cf_map(&held, op, TENON_DTYPE_F32, count);
    const cf_place two[] = {{x, 0}, {y, 0}, {z, 0}}, one[] = {{x, 0}, {z, 0}};
    bool ran = launch && cf_put(stream, x, 0, a, size) && cf_put(stream, y, 0, b, size) &&
               cf_good(cf_launch_enqueue(launch, stream, op == TENON_OP_SQRT ? one : two), "launch") &&
               cf_get(stream, z, 0, out, size);
    cf_let_go(&held);
    return ran;
}

/* A device that declares KEEP gives subnormals as IEEE 754 says; one that declares FLUSH may take and give zeros. Both
 * on vectors and on the elements that are left over. */
static void run_subnormal(const struct arithmetic *row) {
    enum { COUNT = 67 };
    float a[COUNT], b[COUNT], out[COUNT];
    if (!cf_begin_for("REQ-DEV-03 REQ-OP-03", "subnormals_%s", row->name)) return;
    bool flush = tenonh_device_info(cf_under_test.device)->denormals == TENON_DENORMAL_FLUSH;
    float want = result_of(row->op, row->a, row->b), zero = want;
    if (flush) zero = flushed(result_of(row->op, flushed(row->a), flushed(row->b)));
    for (int i = 0; i < COUNT; i++) a[i] = row->a, b[i] = row->b;
    if (!compute(row->op, a, b, out, COUNT)) return;
    for (int i = 0; i < COUNT; i++)
        if (out[i] != want && out[i] != zero)
            cf_fail("declares %s, but element %d is %a, not %a", flush ? "FLUSH" : "KEEP", i, (double)out[i],
                    (double)zero);
}

static float random_float(void) {
    uint64_t word = cf_random();
    float fraction = 1 + (float)(word >> 41) * 0x1p-23f;
    return ldexpf(word & 1 ? -fraction : fraction, (int)(word >> 1 & 31) - 16);
}

/* What EXACT and RELAXED allow, in ULP of the nearest float. */
static void run_rounding(const char *name, tenon_op op) {
    enum { COUNT = 4099 };
    if (!cf_begin_for("REQ-DEV-03 REQ-OP-03", "rounding_%s", name)) return;
    bool relaxed = tenonh_device_info(cf_under_test.device)->rounding == TENON_ROUNDING_RELAXED;
    int allowed = !relaxed ? 0 : op == TENON_OP_SQRT ? 3 : op == TENON_OP_DIV ? 2 : 0;
    float *a = calloc(3 * COUNT, sizeof *a), *b = a + COUNT, *out = b + COUNT;
    for (int i = 0; i < COUNT; i++) a[i] = random_float(), b[i] = random_float();
    for (int i = 0; i < COUNT && op == TENON_OP_SQRT; i++) a[i] = fabsf(a[i]);
    bool ran = compute(op, a, b, out, COUNT);
    for (int i = 0; i < COUNT && ran && !cf_failed(); i++) {
        float want = result_of(op, a[i], b[i]);
        int32_t got_bits, want_bits;
        memcpy(&got_bits, &out[i], 4), memcpy(&want_bits, &want, 4);
        int64_t off = llabs((int64_t)got_bits - want_bits);
        if (off > allowed && !(out[i] == 0 && want == 0))
            cf_fail("declares %s, but %a and %a give %a, not %a", relaxed ? "RELAXED" : "EXACT", (double)a[i],
                    (double)b[i], (double)out[i], (double)want);
    }
    free(a);
}

void cf_arithmetic(void) {
    for (size_t i = 0; i < sizeof subnormals / sizeof *subnormals; i++) run_subnormal(&subnormals[i]);
    run_rounding("add", TENON_OP_ADD);
    run_rounding("sub", TENON_OP_SUB);
    run_rounding("mul", TENON_OP_MUL);
    run_rounding("div", TENON_OP_DIV);
    run_rounding("sqrt", TENON_OP_SQRT);
}
