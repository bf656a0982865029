/* Devices: what an instance offers, and what the host must know of each. */
#ifndef TENON_DEVICE_H
#define TENON_DEVICE_H

#include <tenon/host.h>

TENON_EXTERN_C_BEGIN

/* Kind of machine: chooses the schedule of printed kernels. */
enum { TENON_DEVICE_CPU = 1, TENON_DEVICE_GPU = 2, TENON_DEVICE_NPU = 3, TENON_DEVICE_DSP = 4 };
/* Subnormal floats of any dtype: kept as IEEE 754 says; or arithmetic may take and give zero for them. */
enum { TENON_DENORMAL_KEEP = 1, TENON_DENORMAL_FLUSH = 2 };
/* Rounding of add, sub, mul, fma, div, sqrt: all correctly to nearest even, or div and sqrt within 2.5 and 3 ULP. */
enum { TENON_ROUNDING_EXACT = 1, TENON_ROUNDING_RELAXED = 2 };
/* What a prepare may be asked: every dim a number; numbers and bounded symbols; anything. Kernel work has symbols all
 * the same; a device that does not take anything gets them with one value each (min == max). */
enum { TENON_SHAPES_STATIC = 1, TENON_SHAPES_BOUNDED = 2, TENON_SHAPES_DYNAMIC = 3 };
/* Kinds of work a device takes: bits of tenon_device_info.work_kinds, values of tenon_work.kind. */
enum { TENON_WORK_OP = 1, TENON_WORK_KERNEL = 2, TENON_WORK_COMPOSITE = 4, TENON_WORK_GRAPH = 8 };
/* How operands of work lie: by any strides; or in row-major order without gaps, and their strides say so, but for the
 * input of the operator copy, by which the host brings what lies otherwise into such an order. */
enum { TENON_VIEWS_ANY = 0, TENON_VIEWS_CONTIGUOUS = 1 };

/* Answer of tenon_device_hooks.info. The host zeroes it and sets struct_size; the plugin fills what that covers.
 * Owner: strings belong to the device and live until it is closed. */
typedef struct tenon_device_info {
    uint32_t struct_size;
    uint32_t kind;              /* TENON_DEVICE_* */
    const char *name;           /* as a user knows it, "Acme X100" */
    const char *driver_version; /* "" when there is none; part of every cache key (REQ-DEV-04) */
    const char *architecture;   /* instruction set or chip family, "x86-64-v4"; part of every cache key */
    uint8_t uuid[16];           /* the same device gives the same bytes in every process (REQ-DEV-03) */
    uint32_t denormals;         /* TENON_DENORMAL_* */
    uint32_t rounding;          /* TENON_ROUNDING_* */
    uint32_t shapes;            /* TENON_SHAPES_* */
    uint32_t work_kinds;        /* TENON_WORK_* bits */
    uint32_t compute_units;     /* cores, multiprocessors: what runs at the same time; 0 unknown */
    uint32_t max_streams;       /* streams alive at once; 0 no bound but memory */
    uint64_t cache_size;        /* bytes of the largest cache; 0 unknown */
    uint64_t bandwidth;         /* bytes per second of device memory; 0 unknown */
    /* Since 0.2. Work on other dtypes is never asked, work of these is required (REQ-DEV-07). Kernel work moves bytes as
     * unsigned integers of their width all the same. */
    uint64_t dtypes;   /* bits 1 << TENON_DTYPE_*; 0: all that the operator table takes */
    uint32_t views;    /* since 0.2: TENON_VIEWS_* (REQ-DEV-08) */
    uint32_t reserved; /* must stay 0 */
} tenon_device_info;
#define TENON_DEVICE_INFO_SIZE_V1 88u
static_assert(sizeof(tenon_device_info) == 104 && offsetof(tenon_device_info, uuid) == 32 &&
                  offsetof(tenon_device_info, dtypes) == TENON_DEVICE_INFO_SIZE_V1,
              "frozen layout");

/* Required group. Thread: every member is thread-safe. */
typedef struct tenon_device_hooks {
    uint32_t struct_size;
    uint32_t reserved; /* must be 0 */

    /* Number of devices now. Required.
     * Errors: UNAVAILABLE with a report when the driver is missing or too old, and no other; 0 devices is OK.
     * Source: REQ-DEV-01. Since: 0.1 */
    tenon_status (*count)(tenon_instance *instance, uint32_t *out_count);

    /* Opens device `index`. Required. Opening the same index twice gives two objects.
     * Owner: the host, until close(). Errors: NOT_FOUND (index >= count), UNAVAILABLE, DEVICE_LOST.
     * Source: REQ-DEV-02. Since: 0.1 */
    tenon_status (*open)(tenon_instance *instance, uint32_t index, tenon_device **out_device);

    /* Closes a device whose execs, events, streams and memory are gone. Required. Succeeds on a lost device
     * (REQ-DEV-05). Since: 0.1 */
    void (*close)(tenon_device *device);

    /* Describes the device; the same answer every time, strings of at most 4,095 bytes that live as long as the device.
     * Required. Source: REQ-DEV-03. Since: 0.1 */
    tenon_status (*info)(tenon_device *device, tenon_device_info *out_info);

    /* OK while the device works, DEVICE_LOST for good once it does not. Optional: the host then learns it from the
     * first failing call. Source: REQ-DEV-06. Since: 0.1 */
    tenon_status (*health)(tenon_device *device);
} tenon_device_hooks;
#define TENON_DEVICE_HOOKS_SIZE_V1 48u
static_assert(sizeof(tenon_device_hooks) == TENON_DEVICE_HOOKS_SIZE_V1 && offsetof(tenon_device_hooks, count) == 8,
              "frozen layout");

TENON_EXTERN_C_END

#endif
