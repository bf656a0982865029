/* A device with a graph compiler, as claims are tried on: it interprets what it is given. What it takes, refuses and says
 * that it costs is chosen by the environment when it is opened, so that one plugin is many devices.
 *
 *   FAKE_KINDS        TENON_WORK_* bits; default GRAPH alone
 *   FAKE_SHAPES       TENON_SHAPES_*; default static
 *   FAKE_MOST_NODES   larger graphs are refused when they are prepared; 0: none
 *   FAKE_REFUSE       name of an operator that is claimed, but refused when it is prepared; with FAKE_TELL=1 by node
 *   FAKE_FAIL         the same, as COMPILE_FAILED; FAKE_LOSE: as DEVICE_LOST
 *   FAKE_DENY         name of an operator that is not claimed; or "odd": every other node
 *   FAKE_COMPOSITES   names of composites that are taken, "softmax,concat"; default "concat"
 *   FAKE_HOLD, FAKE_PACK   1: constants are kept in the exec, or packed: bytes inverted
 *   FAKE_NODE_COST    nanoseconds that claim says of each node; FAKE_GRAPH_COST, FAKE_COMPOSITE_COST, FAKE_OP_COST: that
 *                     execs say. FAKE_GRAPH_SLOW: microseconds that a graph's launch waits
 *   FAKE_NARROW       1: execs are valid for symbols up to 8 alone
 *   FAKE_DTYPES       bits 1 << TENON_DTYPE_*, in decimal; default 0: all
 *   FAKE_VIEWS        TENON_VIEWS_*; default any
 *   FAKE_STREAMS      the most streams; default 0: no bound */
#ifndef TENON_CLAIMS_FAKE_H
#define TENON_CLAIMS_FAKE_H

#include <tenon/hooks.h>
#include <tenon/plugin.h>

#include "tensor.h"

typedef struct fake_knobs {
    uint32_t kinds, shapes, most_nodes, tell, hold, pack, narrow, graph_slow, dtypes, views, streams;
    uint64_t node_cost, graph_cost, composite_cost, op_cost;
    char refuse[64], fail[64], lose[64], deny[64], composites[256];
} fake_knobs;

struct tenon_instance {
    const tenon_host *host;
};

struct tenon_device {
    tenon_instance *instance;
    fake_knobs knobs;
};

struct tenon_stream {
    tenon_device *device;
    tenon_status failed;
};

struct tenon_memory {
    uint64_t size;
    unsigned char bytes[];
};

#define FAIL(device, stream, ...) tenon_report((device)->instance->host, device, stream, NULL, __VA_ARGS__)

static inline unsigned char *fake_bytes_of(tenon_buffer buffer) {
    return buffer.memory->bytes + buffer.offset;
}

/* work.c */
tenon_status fake_prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                          tenon_exec **out_exec);
tenon_status fake_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *launch);
void fake_release(tenon_device *device, tenon_exec *exec);
tenon_status fake_pack(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                       tenon_buffer destination);
tenon_status fake_claim(tenon_device *device, const tenon_work *work, tenon_claim *out_claims);

#endif
