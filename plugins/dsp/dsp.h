/* dsp: a signal processor in software, of the kind that vendors have. One core runs one queue in order; it has a small
 * memory of its own, through which a DMA engine brings whatever it computes on or copies. It knows no events and no
 * strides, and the host sees its memory only through windows that are not coherent. */
#ifndef DSP_H
#define DSP_H

#include <pthread.h>
#include <stdbool.h>

#include <tenon/hooks.h>
#include <tenon/plugin.h>

#include "lanes.h"

enum {
    DSP_OPERANDS = 4,
    DSP_FLUSH_UNIT = 64, /* bytes of a line of the host's view */
    DSP_ALIGNMENT = 64,
    DSP_BOUNCE = 16 << 10, /* bytes that the DMA engine moves at a time */
    DSP_QUEUE = 128,       /* commands that wait */
    DSP_ROWS = 64,         /* of a contraction's tile */
    DSP_COLUMNS = 256,     /* likewise */
    DSP_DEPTH = 256,       /* terms that are summed before they join the tile */
};
#define DSP_MEMORY ((uint64_t)4 << 30) /* bytes in all */

/* The core's own memory: what it computes on was brought here before. */
typedef struct dsp_local {
    unsigned char bounce[DSP_BOUNCE];
    dsp_lanes in[3], out, more;
    float rows[DSP_ROWS * DSP_DEPTH], columns[DSP_COLUMNS * DSP_DEPTH]; /* packed factors of a contraction */
} dsp_local;

/* An operand of a launch: row-major, but for the input of copy. */
typedef struct dsp_operand {
    unsigned char *bytes;
    tenon_dtype dtype;
    uint32_t size; /* bytes of an element */
    uint32_t rank;
    int64_t dims[TENON_MAX_RANK];
    int64_t count; /* elements */
} dsp_operand;

/* A launch as the core sees it. */
typedef struct dsp_call {
    const tenon_exec *exec;
    dsp_operand operands[DSP_OPERANDS];
    int64_t strides[TENON_MAX_RANK]; /* of operand 0, where it is copy's input */
    uint64_t scalars[2];
    float *workspace;
} dsp_call;

/* Runs on the core. Errors are late failures: OUT_OF_RANGE for a loaded index. */
typedef tenon_status (*dsp_kernel)(dsp_local *local, const dsp_call *call);

enum { DSP_TRANSFER = 1, DSP_FILL, DSP_RUN };

typedef struct dsp_command {
    uint32_t kind;
    uint32_t pattern_size; /* FILL */
    unsigned char *to;
    const unsigned char *from;
    uint64_t size;
    uint64_t pattern;
    dsp_call call;
} dsp_command;

/* The one queue. `lock` guards all but the ring's entries between done and issued, which are the core's. */
typedef struct dsp_queue {
    pthread_t core;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    tenon_stream *stream; /* the one there is, or NULL */
    uint64_t issued, done;
    bool ends;
    dsp_command ring[DSP_QUEUE];
} dsp_queue;

struct tenon_instance {
    const tenon_host *host;
};

struct tenon_device {
    const tenon_host *host;
    pthread_mutex_t memory_lock; /* of `used` and of mappings */
    uint64_t used;               /* bytes */
    dsp_local *local;
    dsp_queue queue;
};

struct tenon_memory {
    tenon_device *device;
    uint64_t size;
    unsigned char *bytes;  /* what the device sees */
    unsigned char *window; /* what the host sees of `mapped` bytes from `first` on, or NULL */
    uint64_t first, mapped;
};

struct tenon_stream {
    tenon_device *device;
    tenon_status failed; /* the first late failure; under the queue's lock */
};

struct tenon_exec {
    tenon_device *device;
    const tenon_op_row *row;
    dsp_kernel run;
    uint32_t operand_count, symbol_count, attr_count;
    tenon_dtype accumulator; /* of a contraction */
    tenon_operand *operands; /* copies; what they point to lies behind the exec */
    tenon_symbol *symbols;
    tenon_attr *attrs;
};

/* Zeroed host memory, or NULL. */
void *dsp_allocate(const tenon_host *host, uint64_t size);

/* Says in words why a hook fails, and gives the status. */
#define DSP_FAIL(device, stream, ...) tenon_report((device)->host, device, stream, NULL, __VA_ARGS__)

/* -- memory.c -- */

/* OK, or INVALID where `size` bytes at the buffer are not in an allocation of the device. */
tenon_status dsp_check_range(tenon_device *device, tenon_stream *stream, tenon_buffer buffer, uint64_t size,
                             const char *what);

/* -- queue.c -- */

tenon_status dsp_queue_open(tenon_device *device);
void dsp_queue_close(tenon_device *device);

/* Adds a command, waiting for room. The stream is the queue's. Errors: FAILED_STREAM. */
tenon_status dsp_queue_push(tenon_stream *stream, const dsp_command *command);

/* Waits until all that was added is done. */
void dsp_queue_wait(tenon_device *device);

/* -- Work: what execs and launches share -- */

/* A list attribute's values, or NULL; an INT one, or its default. */
const int64_t *dsp_attr_list(const tenon_exec *exec, uint32_t id, uint32_t *out_count);
int64_t dsp_attr(const tenon_exec *exec, uint32_t id);

/* Dims and strides of an operand under a launch's symbols: numbers. */
typedef struct dsp_shape {
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
} dsp_shape;

/* Holds the shapes of all operands against the operator. Errors: INVALID, UNSUPPORTED. */
tenon_status dsp_check_shapes(const tenon_exec *exec, const dsp_shape *shapes);

/* True where strides leave gaps between elements in row-major order; never for a view of none. */
bool dsp_has_gaps(uint32_t rank, const dsp_shape *shape);

tenon_status dsp_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch);

/* -- Kernels, by family -- */

tenon_status dsp_run_copy(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_fill(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_iota(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_pad(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_cast(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_bitcast(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_update(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_random(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_map(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_reduce(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_arg(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_scan(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_sort(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_gather(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_scatter(dsp_local *local, const dsp_call *call);
tenon_status dsp_run_contract(dsp_local *local, const dsp_call *call);

/* Moves bytes through the core's memory, a bounce at a time. */
void dsp_transfer(dsp_local *local, unsigned char *to, const unsigned char *from, uint64_t size);

/* Repeats `size` bytes of `pattern`. */
void dsp_repeat(unsigned char *to, uint64_t pattern, uint32_t pattern_size, uint64_t size);

/* Product of dims `first` ... `end` - 1. */
static inline int64_t dsp_span(const int64_t *dims, uint32_t first, uint32_t end) {
    int64_t product = 1;
    for (uint32_t i = first; i < end; i++) product *= dims[i];
    return product;
}

/* Groups of hooks. */
extern const tenon_device_hooks dsp_device_hooks;
extern const tenon_memory_hooks dsp_memory_hooks;
extern const tenon_stream_hooks dsp_stream_hooks;
extern const tenon_work_hooks dsp_work_hooks;

#endif
