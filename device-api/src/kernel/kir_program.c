/* Storage of a program: arrays that grow, an arena for names, tables of names. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

enum { CHUNK_BYTES = 4096 };

const char *tenon__kir_intern(tenon__kir_program *program, const char *name, size_t size) {
    struct tenon__kir_chunk *chunk = program->arena->chunk;
    if (!chunk || chunk->size - chunk->used <= size) {
        size_t room = size + 1 > CHUNK_BYTES ? size + 1 : CHUNK_BYTES;
        struct tenon__kir_chunk *fresh = malloc(sizeof *fresh + room);
        if (!fresh) return NULL;
        *fresh = (struct tenon__kir_chunk){.before = chunk, .used = 0, .size = room};
        program->arena->chunk = chunk = fresh;
    }
    char *copy = chunk->bytes + chunk->used;
    memcpy(copy, name, size);
    copy[size] = '\0';
    chunk->used += size + 1;
    return copy;
}

bool tenon__kir_grow(void *array, uint32_t *room, uint32_t count, uint32_t more, size_t size) {
    uint64_t need = (uint64_t)count + more;
    if (need <= *room) return true;
    uint64_t fresh = *room ? *room : 16;
    while (fresh < need) fresh *= 2;
    if (fresh > UINT32_MAX / 2) return false;
    void *old, *moved;
    memcpy(&old, array, sizeof old);
    moved = realloc(old, fresh * size);
    if (!moved) return false;
    memset((char *)moved + *room * size, 0, (fresh - *room) * size);
    memcpy(array, &moved, sizeof moved);
    *room = (uint32_t)fresh;
    return true;
}

tenon_status tenon__kir_create(const char *name, tenon__kir_program **out_program) {
    *out_program = NULL;
    tenon__kir_program *program = calloc(1, sizeof *program);
    if (!program) return TENON_STATUS_OUT_OF_MEMORY;
    program->arena = calloc(1, sizeof *program->arena);
    program->state = calloc(1, sizeof *program->state);
    bool made = program->arena && program->state &&
                tenon__kir_grow(&program->nodes, &program->state->node_room, 0, 1, sizeof *program->nodes) &&
                tenon__kir_grow(&program->args, &program->state->arg_room, 0, 1, sizeof *program->args) &&
                tenon__kir_grow(&program->blocks, &program->state->block_room, 0, 1, sizeof *program->blocks);
    if (made) {
        program->name = tenon__kir_intern(program, name ? name : "", name ? strlen(name) : 0);
        program->node_count = program->block_count = 1;
    }
    if (!made || !program->name) {
        tenon__kir_destroy(program);
        return TENON_STATUS_OUT_OF_MEMORY;
    }
    *out_program = program;
    return TENON_STATUS_OK;
}

void tenon__kir_destroy(tenon__kir_program *program) {
    if (!program) return;
    struct tenon__kir_chunk *chunk = program->arena ? program->arena->chunk : NULL;
    while (chunk) {
        struct tenon__kir_chunk *before = chunk->before;
        free(chunk);
        chunk = before;
    }
    free(program->arena);
    free(program->state);
    free(program->symbols);
    free(program->scalars);
    free(program->operands);
    free(program->kernels);
    free(program->loops);
    free(program->blocks);
    free(program->nodes);
    free(program->args);
    free(program);
}

tenon_status tenon__kir_status(const tenon__kir_program *program) {
    return program->state->status;
}

bool tenon__kir_alive(const tenon__kir_program *program) {
    return program->state->status == TENON_STATUS_OK && !program->state->finished;
}

void tenon__kir_fail(tenon__kir_program *program, tenon_status status, const char *format, ...) {
    struct tenon__kir_state *state = program->state;
    if (state->status != TENON_STATUS_OK) return;
    va_list list;
    va_start(list, format);
    vsnprintf(state->error.text, sizeof state->error.text, format, list);
    va_end(list);
    state->status = status;
}

static bool memory_short(tenon__kir_program *program) {
    tenon__kir_fail(program, TENON_STATUS_OUT_OF_MEMORY, "out of memory while building '%s'", program->name);
    return false;
}

uint32_t tenon__kir_add_block(tenon__kir_program *program, uint32_t parent, uint32_t loop) {
    if (!tenon__kir_grow(&program->blocks, &program->state->block_room, program->block_count, 1,
                         sizeof *program->blocks)) {
        memory_short(program);
        return UINT32_MAX;
    }
    program->blocks[program->block_count] = (tenon__kir_block){.parent = parent, .loop = loop};
    return program->block_count++;
}

uint32_t tenon__kir_add_loop(tenon__kir_program *program, tenon__kir_id node) {
    if (!tenon__kir_grow(&program->loops, &program->state->loop_room, program->loop_count, 1, sizeof *program->loops)) {
        memory_short(program);
        return UINT32_MAX;
    }
    tenon__kir_loop *loop = &program->loops[program->loop_count];
    memset(loop, 0, sizeof *loop);
    loop->node = node;
    return program->loop_count++;
}

bool tenon__kir_add_args(tenon__kir_program *program, const tenon__kir_id *args, uint32_t count, uint32_t *out_first) {
    if (!tenon__kir_grow(&program->args, &program->state->arg_room, program->arg_count, count, sizeof *program->args))
        return memory_short(program);
    *out_first = program->arg_count;
    for (uint32_t i = 0; i < count; i++) program->args[program->arg_count + i] = args[i];
    program->arg_count += count;
    return true;
}

static tenon__kir_id append(tenon__kir_program *program, const tenon__kir_node *node) {
    if (program->node_count >= TENON__KIR_MAX_NODES) {
        tenon__kir_fail(program, TENON_STATUS_INVALID, "more than %d values: split the program", TENON__KIR_MAX_NODES);
        return 0;
    }
    if (!tenon__kir_grow(&program->nodes, &program->state->node_room, program->node_count, 1, sizeof *program->nodes)) {
        memory_short(program);
        return 0;
    }
    program->nodes[program->node_count] = *node;
    return program->node_count++;
}

tenon__kir_id tenon__kir_add_leaf(tenon__kir_program *program, const tenon__kir_node *node, uint32_t block) {
    if (!tenon__kir_alive(program)) return 0;
    tenon__kir_node leaf = *node;
    leaf.block = block;
    return append(program, &leaf);
}

static bool known_args(tenon__kir_program *program, const tenon__kir_id *args, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (args[i] != 0 && args[i] < program->node_count) continue;
        tenon__kir_fail(program, TENON_STATUS_INVALID, "operand %u of a value is none of this program's values", i);
        return false;
    }
    return true;
}

tenon__kir_id tenon__kir_add_node(tenon__kir_program *program, tenon__kir_node node, const tenon__kir_id *args,
                                  uint32_t count) {
    struct tenon__kir_state *state = program->state;
    tenon__kir_error error;
    if (!tenon__kir_alive(program) || !known_args(program, args, count)) return 0;
    if (!tenon__kir_add_args(program, args, count, &node.first_arg)) return 0;
    node.arg_count = count;
    node.block = state->block;
    if (tenon__kir_infer(program, &node, &node.type, &error) != TENON_STATUS_OK) {
        tenon__kir_fail(program, TENON_STATUS_INVALID, "%s", error.text);
        return 0;
    }
    tenon__kir_id id = append(program, &node);
    if (id == 0) return 0;
    tenon__kir_block *block = &program->blocks[state->block];
    if (block->last)
        program->nodes[block->last].next = id;
    else
        block->first = id;
    block->last = id;
    struct tenon__kir_open *open = state->depth > 0 ? &state->open[state->depth - 1] : NULL;
    if (open && open->phase == TENON__KIR_PHASE_HEADER) open->phase = TENON__KIR_PHASE_BODY;
    return id;
}

bool tenon__kir_is_leaf(const tenon__kir_program *program, tenon__kir_id id) {
    return program->nodes[id].kind <= TENON__KIR_PARAM;
}

bool tenon__kir_is_const(const tenon__kir_program *program, tenon__kir_id id, int64_t *out_value) {
    const tenon__kir_node *node = &program->nodes[id];
    if (node->kind != TENON__KIR_CONST || tenon__kir_class(node->type.dtype) == TENON_CLASS_FLOAT) return false;
    *out_value = (int64_t)node->bits;
    return true;
}

bool tenon__kir_block_within(const tenon__kir_program *program, uint32_t inner, uint32_t outer) {
    for (uint32_t steps = 0; steps <= TENON__KIR_MAX_DEPTH + 1; steps++) {
        if (inner == outer) return true;
        if (inner == 0) return false;
        inner = program->blocks[inner].parent;
    }
    return false;
}
