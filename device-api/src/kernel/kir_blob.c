/* The pointer-free form (README.md, Blob). One description of each record serves both directions: a codec either
 * appends a field's value or reads into it. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kir_internal.h"

enum { MAGIC = 0x52494b54 /* "TKIR" */, HEADER_WORDS = 13, LONGEST_BLOB = 1 << 28 };

/* Least bytes of a record: what a count promises has to be there before memory is taken for it. */
enum {
    SYMBOL_BYTES = 32,
    SCALAR_BYTES = 12,
    OPERAND_BYTES = 20,
    KERNEL_BYTES = 12,
    LOOP_BYTES = 24,
    BLOCK_BYTES = 16,
    NODE_BYTES = 48
};

struct codec {
    bool writing;
    bool failed; /* out of memory, or past the end */
    uint8_t *bytes;
    size_t at, size; /* size: room when writing, the blob's bytes when reading */
    char *strings;   /* writing: names so far; reading: the section, looked up once the end is known */
    size_t string_size, string_room;
};

static void raw(struct codec *codec, void *value, size_t size) {
    if (codec->failed) return;
    if (codec->writing && codec->size - codec->at < size) {
        size_t room = codec->size ? 2 * codec->size : 4096;
        uint8_t *grown = realloc(codec->bytes, room);
        if (grown) {
            codec->bytes = grown;
            codec->size = room;
        }
    }
    if (codec->size - codec->at < size) {
        codec->failed = true;
        return;
    }
    if (codec->writing)
        memcpy(codec->bytes + codec->at, value, size);
    else
        memcpy(value, codec->bytes + codec->at, size);
    codec->at += size;
}

static void u16(struct codec *codec, uint16_t *value) {
    raw(codec, value, sizeof *value);
}

static void u32(struct codec *codec, uint32_t *value) {
    raw(codec, value, sizeof *value);
}

static void words(struct codec *codec, uint32_t *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) u32(codec, &values[i]);
}

/* Offset of a name in the strings; the empty one, 0, for none. */
static uint32_t add_string(struct codec *codec, const char *name) {
    size_t size = name ? strlen(name) + 1 : 0;
    if (codec->string_room - codec->string_size < size + 1) {
        size_t room = 2 * codec->string_room + size + 64;
        char *grown = realloc(codec->strings, room);
        if (!grown) {
            codec->failed = true;
            return 0;
        }
        codec->strings = grown;
        codec->string_room = room;
    }
    if (codec->string_size == 0) codec->strings[codec->string_size++] = '\0';
    if (size <= 1) return 0;
    size_t at = codec->string_size;
    memcpy(codec->strings + at, name, size);
    codec->string_size += size;
    return (uint32_t)at;
}

/* Reading checks that the offset lies in the strings, whose last byte is 0. */
static void string(struct codec *codec, tenon__kir_program *program, const char **name) {
    uint32_t at = codec->writing ? add_string(codec, *name) : 0;
    u32(codec, &at);
    if (codec->writing || codec->failed) return;
    *name = NULL;
    if (at >= codec->string_size) codec->failed = true;
    if (codec->failed || !codec->strings[at]) return; /* an empty name is none, wherever it lies */
    *name = tenon__kir_intern(program, codec->strings + at, strlen(codec->strings + at));
    if (!*name) codec->failed = true;
}

/* Records. */

static void symbol_record(struct codec *codec, tenon__kir_program *program, tenon__kir_symbol *symbol) {
    raw(codec, &symbol->range.min, 8);
    raw(codec, &symbol->range.max, 8);
    raw(codec, &symbol->range.divisor, 8);
    string(codec, program, &symbol->name);
    u32(codec, &symbol->node);
}

static void scalar_record(struct codec *codec, tenon__kir_program *program, tenon__kir_scalar *scalar) {
    u32(codec, &scalar->dtype);
    string(codec, program, &scalar->name);
    u32(codec, &scalar->node);
}

static bool within(struct codec *codec, uint32_t value, uint32_t limit) {
    if (value > limit) codec->failed = true;
    return !codec->failed;
}

static void operand_record(struct codec *codec, tenon__kir_program *program, tenon__kir_operand *operand) {
    u32(codec, &operand->role);
    u32(codec, &operand->dtype);
    u32(codec, &operand->rank);
    u32(codec, &operand->contiguous);
    string(codec, program, &operand->name);
    if (!within(codec, operand->rank, TENON_MAX_RANK)) return;
    words(codec, operand->dims, operand->rank);
    words(codec, operand->strides, operand->rank);
}

static void kernel_record(struct codec *codec, tenon__kir_program *program, tenon__kir_kernel *kernel) {
    string(codec, program, &kernel->name);
    u32(codec, &kernel->loop);
    u32(codec, &kernel->index32);
}

static void loop_record(struct codec *codec, tenon__kir_loop *loop) {
    u32(codec, &loop->node);
    u32(codec, &loop->body);
    u32(codec, &loop->axis_count);
    u32(codec, &loop->carry_count);
    u32(codec, &loop->merge);
    u32(codec, &loop->merge_body);
    if (!within(codec, loop->axis_count, TENON__KIR_MAX_AXES) ||
        !within(codec, loop->carry_count, TENON__KIR_MAX_CARRY))
        return;
    for (uint32_t i = 0; i < loop->axis_count; i++) {
        u32(codec, &loop->axis[i]);
        u32(codec, &loop->extent[i]);
    }
    for (uint32_t i = 0; i < loop->carry_count; i++) {
        u32(codec, &loop->carry[i]);
        u32(codec, &loop->init[i]);
        u32(codec, &loop->next[i]);
        u32(codec, &loop->result[i]);
    }
    if (loop->merge == TENON__KIR_MERGE_OPS) words(codec, loop->merge_op, loop->carry_count);
    for (uint32_t i = 0; loop->merge == TENON__KIR_MERGE_BODY && i < loop->carry_count; i++) {
        u32(codec, &loop->param[2 * i]);
        u32(codec, &loop->param[2 * i + 1]);
        u32(codec, &loop->merged[i]);
    }
    if (loop->carry_count == 0) u32(codec, &loop->next[0]); /* a tile's element; 0 for others */
}

static void block_record(struct codec *codec, tenon__kir_block *block) {
    u32(codec, &block->parent);
    u32(codec, &block->loop);
    u32(codec, &block->first);
    u32(codec, &block->last);
}

static void node_record(struct codec *codec, tenon__kir_program *program, tenon__kir_node *node) {
    u16(codec, &node->kind);
    u16(codec, &node->flags);
    u16(codec, &node->op);
    u16(codec, &node->to);
    u16(codec, &node->type.dtype);
    u16(codec, &node->type.rank);
    if (!within(codec, node->type.rank, TENON__KIR_MAX_TILE_RANK)) return;
    words(codec, node->type.extents, node->type.rank);
    u32(codec, &node->ref);
    u32(codec, &node->loop);
    u32(codec, &node->first_arg);
    u32(codec, &node->arg_count);
    u32(codec, &node->block);
    u32(codec, &node->next);
    raw(codec, &node->bits, 8);
    string(codec, program, &node->name);
}

static void body(struct codec *codec, tenon__kir_program *program) {
    string(codec, program, &program->name);
    for (uint32_t i = 0; i < program->symbol_count; i++) symbol_record(codec, program, &program->symbols[i]);
    for (uint32_t i = 0; i < program->scalar_count; i++) scalar_record(codec, program, &program->scalars[i]);
    for (uint32_t i = 0; i < program->operand_count; i++) operand_record(codec, program, &program->operands[i]);
    for (uint32_t i = 0; i < program->kernel_count; i++) kernel_record(codec, program, &program->kernels[i]);
    for (uint32_t i = 0; i < program->loop_count; i++) loop_record(codec, &program->loops[i]);
    for (uint32_t i = 0; i < program->block_count; i++) block_record(codec, &program->blocks[i]);
    for (uint32_t i = 1; i < program->node_count; i++) node_record(codec, program, &program->nodes[i]);
    words(codec, program->args, program->arg_count);
}

/* Magic, version, size, the counts, bytes of strings. */
static void header(struct codec *codec, tenon__kir_program *program, uint32_t *magic, uint32_t *version, uint32_t *size,
                   uint32_t *string_size) {
    u32(codec, magic);
    u32(codec, version);
    u32(codec, size);
    u32(codec, &program->symbol_count);
    u32(codec, &program->scalar_count);
    u32(codec, &program->operand_count);
    u32(codec, &program->kernel_count);
    u32(codec, &program->loop_count);
    u32(codec, &program->block_count);
    u32(codec, &program->node_count);
    u32(codec, &program->arg_count);
    u32(codec, string_size);
}

/* Encode. */

tenon_status tenon__kir_encode(const tenon__kir_program *program, uint32_t version, void **out_blob, size_t *out_size) {
    struct codec codec = {.writing = true};
    tenon__kir_program copy = *program; /* the codec reads through it and changes nothing while writing */
    uint32_t magic = MAGIC, size = 0, string_size = 0;
    *out_blob = NULL;
    *out_size = 0;
    if (version == 0 || version > TENON__KIR_VERSION) return TENON_STATUS_UNSUPPORTED;
    version = TENON__KIR_VERSION;
    header(&codec, &copy, &magic, &version, &size, &string_size);
    body(&codec, &copy);
    if (!codec.failed && codec.string_size == 0) add_string(&codec, NULL);
    if (!codec.failed) raw(&codec, codec.strings, codec.string_size);
    free(codec.strings);
    if (codec.failed) {
        free(codec.bytes);
        return TENON_STATUS_OUT_OF_MEMORY;
    }
    *out_size = codec.at;
    size = (uint32_t)codec.at;
    string_size = (uint32_t)codec.string_size;
    codec.at = 0;
    header(&codec, &copy, &magic, &version, &size, &string_size);
    *out_blob = codec.bytes;
    return TENON_STATUS_OK;
}

/* Decode. */

static tenon_status bad_blob(tenon__kir_error *error, const char *what) {
    tenon__kir_invalid(error, "kernel IR blob: %s", what);
    return TENON_STATUS_BAD_DATA;
}

static bool counts_fit(const tenon__kir_program *p, size_t size) {
    uint64_t least = (uint64_t)p->symbol_count * SYMBOL_BYTES + (uint64_t)p->scalar_count * SCALAR_BYTES +
                     (uint64_t)p->operand_count * OPERAND_BYTES + (uint64_t)p->kernel_count * KERNEL_BYTES +
                     (uint64_t)p->loop_count * LOOP_BYTES + (uint64_t)p->block_count * BLOCK_BYTES +
                     (uint64_t)p->node_count * NODE_BYTES + (uint64_t)p->arg_count * 4;
    return least <= (uint64_t)size + NODE_BYTES && p->symbol_count <= TENON__KIR_MAX_SYMBOLS &&
           p->scalar_count <= TENON__KIR_MAX_SYMBOLS && p->operand_count <= TENON__KIR_MAX_OPERANDS &&
           p->kernel_count <= TENON__KIR_MAX_KERNELS && p->node_count >= 1 && p->node_count <= TENON__KIR_MAX_NODES &&
           p->block_count >= 1 && p->loop_count >= 1;
}

static bool allocate(tenon__kir_program *program) {
    struct tenon__kir_state *state = program->state;
    return tenon__kir_grow(&program->symbols, &state->symbol_room, 0, program->symbol_count,
                           sizeof *program->symbols) &&
           tenon__kir_grow(&program->scalars, &state->scalar_room, 0, program->scalar_count,
                           sizeof *program->scalars) &&
           tenon__kir_grow(&program->operands, &state->operand_room, 0, program->operand_count,
                           sizeof *program->operands) &&
           tenon__kir_grow(&program->kernels, &state->kernel_room, 0, program->kernel_count,
                           sizeof *program->kernels) &&
           tenon__kir_grow(&program->loops, &state->loop_room, 0, program->loop_count, sizeof *program->loops) &&
           tenon__kir_grow(&program->blocks, &state->block_room, 0, program->block_count, sizeof *program->blocks) &&
           tenon__kir_grow(&program->nodes, &state->node_room, 0, program->node_count, sizeof *program->nodes) &&
           tenon__kir_grow(&program->args, &state->arg_room, 0, program->arg_count + 1, sizeof *program->args);
}

static bool all_below(const uint32_t *values, uint32_t count, uint32_t limit) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i] >= limit) return false;
    return true;
}

static bool loop_in_range(const tenon__kir_program *program, const tenon__kir_loop *loop) {
    uint32_t nodes = program->node_count, carries = loop->carry_count;
    return loop->node < nodes && loop->body < program->block_count && loop->merge_body < program->block_count &&
           all_below(loop->axis, loop->axis_count, nodes) && all_below(loop->extent, loop->axis_count, nodes) &&
           all_below(loop->carry, carries, nodes) && all_below(loop->init, carries, nodes) &&
           all_below(loop->next, carries ? carries : 1, nodes) && all_below(loop->result, carries, nodes) &&
           all_below(loop->param, 2 * carries, nodes) && all_below(loop->merged, carries, nodes) &&
           all_below(loop->merge_op, carries, TENON_OP_LIMIT);
}

static bool ref_in_range(const tenon__kir_program *program, const tenon__kir_node *node) {
    switch (node->kind) {
    case TENON__KIR_SYMBOL: return node->ref < program->symbol_count;
    case TENON__KIR_SCALAR: return node->ref < program->scalar_count;
    case TENON__KIR_LOAD:
    case TENON__KIR_STORE: return node->ref < program->operand_count;
    case TENON__KIR_AXIS: return node->ref < TENON__KIR_MAX_AXES;
    case TENON__KIR_CARRY:
    case TENON__KIR_RESULT: return node->ref < TENON__KIR_MAX_CARRY;
    case TENON__KIR_PARAM: return node->ref < 2 * TENON__KIR_MAX_CARRY;
    default: return node->ref == 0;
    }
}

static uint32_t known_flags(uint32_t kind) {
    switch (kind) {
    case TENON__KIR_LOAD: return TENON__KIR_GUARDED;
    case TENON__KIR_STORE: return TENON__KIR_GUARDED | TENON__KIR_ANY_ORDER;
    case TENON__KIR_CAST: return TENON__KIR_WRAP;
    default: return 0;
    }
}

static bool node_in_range(const tenon__kir_program *program, const tenon__kir_node *node) {
    bool leaf = node->kind <= TENON__KIR_PARAM, chosen = node->kind == TENON__KIR_OP || node->kind == TENON__KIR_STORE;
    bool retyped = node->kind == TENON__KIR_CAST || node->kind == TENON__KIR_BITCAST;
    return node->kind > TENON__KIR_NONE && node->kind < TENON__KIR_KIND_COUNT && ref_in_range(program, node) &&
           !(node->flags & ~known_flags(node->kind)) && (chosen || node->op == 0) && (retyped || node->to == 0) &&
           node->loop < program->loop_count && node->block < program->block_count && node->next < program->node_count &&
           (uint64_t)node->first_arg + node->arg_count <= program->arg_count && (!leaf || node->arg_count == 0);
}

/* Every number points at something that is there. What it points at is the verifier's business. */
static bool in_range(const tenon__kir_program *program) {
    uint32_t nodes = program->node_count;
    bool fits = all_below(program->args, program->arg_count, nodes);
    for (uint32_t i = 0; i < program->symbol_count; i++) fits = fits && program->symbols[i].node < nodes;
    for (uint32_t i = 0; i < program->scalar_count; i++) fits = fits && program->scalars[i].node < nodes;
    for (uint32_t i = 0; i < program->operand_count; i++)
        fits = fits && program->operands[i].contiguous <= 1 &&
               all_below(program->operands[i].dims, program->operands[i].rank, nodes) &&
               all_below(program->operands[i].strides, program->operands[i].rank, nodes);
    for (uint32_t i = 0; i < program->kernel_count; i++)
        fits = fits && program->kernels[i].loop < program->loop_count && program->kernels[i].index32 <= 1;
    for (uint32_t i = 0; i < program->loop_count; i++) fits = fits && loop_in_range(program, &program->loops[i]);
    for (uint32_t i = 0; i < program->block_count; i++) {
        const tenon__kir_block *block = &program->blocks[i];
        fits = fits && block->parent < program->block_count && block->loop < program->loop_count &&
               block->first < nodes && block->last < nodes;
    }
    for (uint32_t i = 1; i < nodes; i++) fits = fits && node_in_range(program, &program->nodes[i]);
    return fits;
}

/* Names of what a declaration makes: messages and text show them. */
static void name_declarations(tenon__kir_program *program) {
    if (!program->name) program->name = "";
    for (uint32_t i = 0; i < program->symbol_count; i++)
        if (!program->symbols[i].name) program->symbols[i].name = "";
    for (uint32_t i = 0; i < program->scalar_count; i++)
        if (!program->scalars[i].name) program->scalars[i].name = "";
    for (uint32_t i = 0; i < program->operand_count; i++)
        if (!program->operands[i].name) program->operands[i].name = "";
    for (uint32_t i = 0; i < program->kernel_count; i++)
        if (!program->kernels[i].name) program->kernels[i].name = "";
}

static tenon_status decode(struct codec *codec, tenon__kir_program *program, tenon__kir_error *error) {
    uint32_t magic = 0, version = 0, size = 0, string_size = 0;
    size_t whole = codec->size;
    header(codec, program, &magic, &version, &size, &string_size);
    if (codec->failed || magic != MAGIC) return bad_blob(error, "no header of a kernel IR blob");
    if (version > TENON__KIR_VERSION) {
        tenon__kir_invalid(error, "kernel IR blob of version %u, this reader knows %u", version, TENON__KIR_VERSION);
        return TENON_STATUS_UNSUPPORTED;
    }
    if (version == 0 || size != whole || string_size == 0 || string_size > whole - codec->at ||
        codec->bytes[whole - 1] != 0 || !counts_fit(program, whole))
        return bad_blob(error, "its sizes do not agree");
    codec->strings = (char *)codec->bytes + whole - string_size;
    codec->string_size = string_size;
    codec->size = whole - string_size;
    if (!allocate(program)) return TENON_STATUS_OUT_OF_MEMORY;
    body(codec, program);
    if (codec->failed || codec->at != codec->size) return bad_blob(error, "a record is cut short or out of its limits");
    if (!in_range(program)) return bad_blob(error, "a number points at nothing");
    name_declarations(program);
    if (tenon__kir_verify(program, error) != TENON_STATUS_OK) return TENON_STATUS_BAD_DATA;
    TENON_TRY(tenon__kir_drop_unused(program));
    program->state->finished = true;
    return tenon__kir_compute_hash(program);
}

/* A failed decode leaves counts that its arrays do not have: nothing walks them, destroy only frees. */
tenon_status tenon__kir_decode(const void *blob, size_t size, tenon__kir_error *error,
                               tenon__kir_program **out_program) {
    tenon__kir_program *program;
    *out_program = NULL;
    error->text[0] = '\0';
    if (size < 4 * (HEADER_WORDS - 1) || size > LONGEST_BLOB) return bad_blob(error, "its size is none of a blob");
    TENON_TRY(tenon__kir_create("", &program));
    struct codec codec = {.bytes = malloc(size), .size = size}; /* a copy: the caller's may change, and is const */
    tenon_status status = TENON_STATUS_OUT_OF_MEMORY;
    if (codec.bytes) {
        memcpy(codec.bytes, blob, size);
        status = decode(&codec, program, error);
    }
    free(codec.bytes);
    if (status == TENON_STATUS_OK)
        *out_program = program;
    else
        tenon__kir_destroy(program);
    return status;
}
