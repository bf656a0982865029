#include "ir_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { FENCE_BYTE = 0xa5 };

char *ir_read_text(const char *name, size_t *out_size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s.kir", TENON_IR_FOLDER, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    char *text = malloc(1 << 16);
    ck_assert_ptr_nonnull(text);
    *out_size = fread(text, 1, (1 << 16) - 1, file);
    text[*out_size] = '\0';
    fclose(file);
    return text;
}

tenon__kir_program *ir_load(const char *name) {
    size_t size;
    char *text = ir_read_text(name, &size);
    tenon__kir_program *program;
    tenon__kir_error error;
    tenon_status status = tenon__kir_parse(text, size, &error, &program);
    ck_assert_msg(status == TENON_STATUS_OK, "%s.kir: %s", name, error.text);
    free(text);
    return program;
}

uint64_t ir_random(ir_run *run) {
    uint64_t x = run->random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

double ir_uniform(ir_run *run) {
    return (double)(ir_random(run) >> 11) * 0x1p-53;
}

static int64_t bits_of(uint32_t dtype) {
    switch (dtype) {
    case TENON_DTYPE_F64:
    case TENON_DTYPE_I64:
    case TENON_DTYPE_U64: return 64;
    case TENON_DTYPE_F32:
    case TENON_DTYPE_I32:
    case TENON_DTYPE_U32: return 32;
    case TENON_DTYPE_I4:
    case TENON_DTYPE_U4: return 4;
    case TENON_DTYPE_I8:
    case TENON_DTYPE_U8:
    case TENON_DTYPE_BOOL: return 8;
    default: return 16;
    }
}

static bool is_float(uint32_t dtype) {
    return dtype >= TENON_DTYPE_F64 && dtype <= TENON_DTYPE_BF16;
}

static void allocate(ir_buffer *buffer, const ir_run *run) {
    int64_t low = 0, high = 0;
    buffer->count = 1;
    for (uint32_t d = 0; d < buffer->operand->rank; d++) {
        int64_t dim = tenon__kir_eval(run->program, buffer->operand->dims[d], run->symbols);
        int64_t stride = tenon__kir_eval(run->program, buffer->operand->strides[d], run->symbols);
        buffer->dims[d] = dim;
        buffer->strides[d] = stride;
        buffer->count *= dim;
        *(stride < 0 ? &low : &high) += (dim - 1) * stride;
    }
    int64_t bits = bits_of(buffer->operand->dtype), elements = buffer->count > 0 ? high - low + 1 : 0;
    buffer->size = (size_t)((elements * bits + 7) / 8);
    buffer->bytes = malloc(buffer->size + (size_t)2 * IR_FENCE);
    ck_assert_ptr_nonnull(buffer->bytes);
    memset(buffer->bytes, FENCE_BYTE, buffer->size + (size_t)2 * IR_FENCE);
    buffer->base = buffer->bytes + IR_FENCE + (buffer->count > 0 ? -low * bits / 8 : 0);
}

void ir_run_begin(ir_run *run, const tenon__kir_program *program, const int64_t *symbols, const uint64_t *scalars,
                  uint64_t seed) {
    *run = (ir_run){.program = program, .symbols = symbols, .scalars = scalars, .random = seed};
    for (uint32_t i = 0; i < program->operand_count; i++) {
        if (program->operands[i].role == TENON__KIR_WORKSPACE) continue;
        uint32_t number = run->buffer_count++;
        ck_assert_uint_lt(number, IR_MAX_BUFFERS);
        ir_buffer *buffer = &run->buffers[number];
        buffer->operand = &program->operands[i];
        allocate(buffer, run);
        if (buffer->operand->role == TENON__KIR_OUT) {
            memset(buffer->bytes + IR_FENCE, 0xff, buffer->size);
            continue;
        }
        for (int64_t e = 0; e < buffer->count; e++)
            ir_set(run, number, e,
                   is_float(buffer->operand->dtype) ? 4 * ir_uniform(run) - 2 : (double)(ir_random(run) % 16));
    }
}

void ir_run_end(ir_run *run) {
    for (uint32_t i = 0; i < run->buffer_count; i++) free(run->buffers[i].bytes);
}

void ir_run_pointers(const ir_run *run, void *pointers[IR_MAX_BUFFERS]) {
    for (uint32_t i = 0; i < run->buffer_count; i++) pointers[i] = run->buffers[i].base;
}

bool ir_run_fences_hold(const ir_run *run) {
    for (uint32_t i = 0; i < run->buffer_count; i++)
        for (size_t b = 0; b < IR_FENCE; b++)
            if (run->buffers[i].bytes[b] != FENCE_BYTE ||
                run->buffers[i].bytes[IR_FENCE + run->buffers[i].size + b] != FENCE_BYTE)
                return false;
    return true;
}

static int64_t offset_of(const ir_buffer *buffer, int64_t i) {
    int64_t offset = 0;
    for (uint32_t d = buffer->operand->rank; d-- > 0; i /= buffer->dims[d])
        offset += i % buffer->dims[d] * buffer->strides[d];
    return offset;
}

double ir_get(const ir_run *run, uint32_t buffer, int64_t i) {
    const ir_buffer *at = &run->buffers[buffer];
    uint32_t dtype = at->operand->dtype, compute = tenon__kir_compute_dtype(dtype);
    uint64_t bits = tenonc_load(dtype, at->base, offset_of(at, i));
    double value;
    bits = tenonc_cast(compute, TENON_DTYPE_F64, false, bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

void ir_set(ir_run *run, uint32_t buffer, int64_t i, double value) {
    const ir_buffer *at = &run->buffers[buffer];
    uint32_t dtype = at->operand->dtype;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    tenonc_store(dtype, at->base, offset_of(at, i), tenonc_cast(TENON_DTYPE_F64, dtype, false, bits));
}
