/* Graph work: claimed and refused node by node, compiled, launched on a stream's worker. */
#include "work.h"

#include <stddef.h>
#include <string.h>

#include "check.h"
#include "compile.h"
#include "memory.h"
#include "stream.h"

/* -- Running -------------------------------------------------------------------------------------------------------- */

tenon_status npu_exec_run(const tenon_exec *exec, tenon_stream *stream, unsigned char **at,
                          unsigned char *const *operands, unsigned char *workspace) {
    const npu_run run = {stream->device, stream, exec, at};
    for (uint32_t i = 0; i < exec->buffer_count; i++) {
        const npu_buffer *buffer = &exec->buffers[i];
        at[i] = buffer->place == NPU_AT_OPERAND     ? operands[buffer->operand] + buffer->offset
                : buffer->place == NPU_AT_WORKSPACE ? workspace + buffer->offset
                                                    : buffer->bytes;
    }
    for (uint32_t i = 0; i < exec->step_count; i++) TENON_TRY(exec->steps[i]->run(exec->steps[i], &run));
    return TENON_STATUS_OK;
}

typedef struct launch_command {
    npu_command head;
    const tenon_exec *exec;
    unsigned char *workspace;
    unsigned char **operands;
    unsigned char **at;
} launch_command;

static tenon_status run_launch(tenon_stream *stream, npu_command *command) {
    launch_command *launch = (launch_command *)command;
    return npu_exec_run(launch->exec, stream, launch->at, launch->operands, launch->workspace);
}

static launch_command *make_launch(tenon_stream *stream, const tenon_exec *exec) {
    uint64_t pointers = (uint64_t)exec->operand_count + exec->buffer_count;
    launch_command *command = npu_allocate(stream->device, sizeof *command + pointers * sizeof(unsigned char *));
    if (!command) return NULL;
    command->head.run = run_launch;
    command->exec = exec;
    command->operands = (unsigned char **)(command + 1);
    command->at = command->operands + exec->operand_count;
    return command;
}

/* Elements are read and written as such: they lie at multiples of their size. */
static tenon_status find_operand(tenon_stream *stream, const npu_operand *operand, tenon_buffer buffer, uint64_t size,
                                 const char *what, unsigned char **out_address) {
    TENON_TRY(npu_memory_range(stream->device, buffer, size, what, out_address));
    if (size == 0 || (uintptr_t)*out_address % operand->alignment == 0) return TENON_STATUS_OK;
    return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID,
                           "%s at offset %llu is not aligned to its %llu bytes an element", what,
                           (unsigned long long)buffer.offset, (unsigned long long)operand->alignment);
}

static tenon_status find_buffers(tenon_stream *stream, const tenon_exec *exec, const tenon_launch *launch,
                                 launch_command *command) {
    for (uint32_t i = 0; i < exec->operand_count; i++) {
        const npu_operand *operand = &exec->operands[i];
        uint64_t size = operand->is_held ? 0 : operand->packed_size ? operand->packed_size : operand->size;
        TENON_TRY(find_operand(stream, operand, launch->buffers[i], size, "an operand", &command->operands[i]));
    }
    if (!exec->workspace) return TENON_STATUS_OK;
    if (launch->workspace.offset % NPU_ALIGNMENT)
        return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID, "the workspace is not aligned to %u bytes", NPU_ALIGNMENT);
    return npu_memory_range(stream->device, launch->workspace, exec->workspace, "the workspace", &command->workspace);
}

static tenon_status launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *what) {
    if (!stream || !exec) return TENON_STATUS_INVALID;
    TENON_TRY(npu_stream_check(stream));
    tenon_status status = tenon_launch_check(what, exec->operand_count, 0, NULL, 0);
    if (status != TENON_STATUS_OK)
        return NPU_FAIL_STREAM(stream, status, "a launch that is not as prepared: %u buffers, no symbols, no grids",
                               exec->operand_count);
    launch_command *command = make_launch(stream, exec);
    if (!command) return TENON_STATUS_OUT_OF_MEMORY;
    status = find_buffers(stream, exec, what, command);
    if (status == TENON_STATUS_OK)
        npu_stream_push(stream, &command->head);
    else
        npu_release(stream->device, command);
    return status;
}

/* -- Packing -------------------------------------------------------------------------------------------------------- */

typedef struct pack_command {
    npu_command head;
    const tenon_exec *exec;
    const npu_operand *operand;
    const unsigned char *source;
    unsigned char *destination;
} pack_command;

static tenon_status run_pack(tenon_stream *stream, npu_command *command) {
    const pack_command *pack = (const pack_command *)command;
    (void)stream;
    memset(pack->destination, 0, pack->operand->packed_size);
    for (const npu_pack *p = pack->operand->packs; p; p = p->next)
        npu_move_run(&p->move, pack->source, pack->destination + pack->exec->buffers[p->buffer].offset);
    return TENON_STATUS_OK;
}

static tenon_status pack(tenon_stream *stream, tenon_exec *exec, uint32_t operand, tenon_buffer source,
                         tenon_buffer destination) {
    if (!stream || !exec) return TENON_STATUS_INVALID;
    TENON_TRY(npu_stream_check(stream));
    if (operand >= exec->operand_count || !exec->operands[operand].packed_size)
        return NPU_FAIL_STREAM(stream, TENON_STATUS_INVALID, "operand %u is not one to pack", operand);
    const npu_operand *o = &exec->operands[operand];
    unsigned char *from, *to;
    TENON_TRY(find_operand(stream, o, source, o->size, "a constant", &from));
    TENON_TRY(find_operand(stream, o, destination, o->packed_size, "a packed constant", &to));
    pack_command *command = npu_allocate(stream->device, sizeof *command);
    if (!command) return TENON_STATUS_OUT_OF_MEMORY;
    *command = (pack_command){{run_pack, NULL, NULL}, exec, o, from, to};
    npu_stream_push(stream, &command->head);
    return TENON_STATUS_OK;
}

/* Two sums over all that decides how the packed bytes lie. */
static void add_to_key(uint64_t *key, const void *bytes, size_t size) {
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++) {
        key[0] = (key[0] ^ b[i]) * UINT64_C(0x100000001b3);
        key[1] = (key[1] + b[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ key[1] >> 29;
    }
}

static void make_key(const tenon_exec *exec, const npu_operand *operand, uint64_t *out_key) {
    const uint64_t start[2] = {UINT64_C(0xcbf29ce484222325), NPU_LAYOUT_VERSION};
    memcpy(out_key, start, sizeof start);
    add_to_key(out_key, &operand->size, sizeof operand->size);
    for (const npu_pack *p = operand->packs; p; p = p->next) {
        const npu_move *m = &p->move;
        size_t axes = m->rank * sizeof *m->dims;
        add_to_key(out_key, &exec->buffers[p->buffer].offset, sizeof(uint64_t));
        add_to_key(out_key, &m->from, sizeof m->from);
        add_to_key(out_key, &m->to, sizeof m->to);
        add_to_key(out_key, &m->from_offset, sizeof m->from_offset);
        add_to_key(out_key, m->dims, axes);
        add_to_key(out_key, m->from_steps, axes);
        add_to_key(out_key, m->to_steps, axes);
    }
}

/* -- Preparing ------------------------------------------------------------------------------------------------------ */

static tenon_status check_work(tenon_device *device, const tenon_work *work) {
    tenon_status status = tenon_work_check(work);
    if (status != TENON_STATUS_OK)
        return NPU_FAIL(device, status, "a work that this plugin does not know, or that is not whole");
    if (work->kind != TENON_WORK_GRAPH)
        return NPU_FAIL(device, TENON_STATUS_UNSUPPORTED, "work of kind %u: the device takes graphs alone", work->kind);
    return npu_check_graph(device, work);
}

static const char *name_of(const tenon_graph_node *node) {
    const tenon_op_row *row = tenon_op_row_of(node->op);
    return row ? row->name : node->name ? node->name : "?";
}

static tenon_status check_nodes(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info) {
    for (uint32_t i = 0; i < work->graph->node_count; i++) {
        const char *why = "";
        tenon_status status = npu_check_node(work->graph, i, &why);
        if (status == TENON_STATUS_OK) continue;
        if (TENON_COVERS(out_info, refused_node)) out_info->refused_node = i + 1;
        return NPU_FAIL(device, status, "node %u, %s: %s", i, name_of(&work->graph->nodes[i]), why);
    }
    return TENON_STATUS_OK;
}

static void answer(const tenon_exec *exec, tenon_exec_info *out_info) {
    for (uint32_t i = 0; i < exec->operand_count; i++) {
        tenon_operand_info *info = &out_info->operands[i];
        const npu_operand *operand = &exec->operands[i];
        if (operand->is_held) info->layout = TENON_LAYOUT_HELD;
        info->packed_size = operand->packed_size;
        if (operand->packed_size) make_key(exec, operand, info->packed_key);
    }
    out_info->workspace_size = exec->workspace;
    out_info->workspace_alignment = exec->workspace ? NPU_ALIGNMENT : 0;
}

static tenon_status prepare(tenon_device *device, const tenon_work *work, tenon_exec_info *out_info,
                            tenon_exec **out_exec) {
    if (!device || !out_info || !out_exec || out_info->struct_size < TENON_EXEC_INFO_SIZE_V1)
        return TENON_STATUS_INVALID;
    TENON_TRY(check_work(device, work));
    TENON_TRY(check_nodes(device, work, out_info));
    TENON_TRY(npu_compile(device, work, out_exec));
    answer(*out_exec, out_info);
    return TENON_STATUS_OK;
}

static void release(tenon_device *device, tenon_exec *exec) {
    if (!device || !exec) return;
    npu_arena_free(&exec->arena);
    npu_release(device, exec);
}

static tenon_status claim(tenon_device *device, const tenon_work *work, tenon_claim *out_claims) {
    if (!device || !out_claims) return TENON_STATUS_INVALID;
    tenon_status status = tenon_work_check(work);
    if (status != TENON_STATUS_OK || !work->graph)
        return NPU_FAIL(device, status ? status : TENON_STATUS_INVALID, "claim is asked about graphs");
    if (npu_check_graph(device, work) != TENON_STATUS_OK) return TENON_STATUS_OK; /* it takes none of it */
    for (uint32_t i = 0; i < work->graph->node_count; i++) {
        const char *why;
        out_claims[i].region = npu_check_node(work->graph, i, &why) == TENON_STATUS_OK;
    }
    return TENON_STATUS_OK;
}

const tenon_work_hooks npu_work_hooks = {
    .struct_size = sizeof(tenon_work_hooks),
    .prepare = prepare,
    .launch = launch,
    .release = release,
    .pack = pack,
    .claim = claim,
};
