#include "copy.h"

#include "memory.h"
#include "stream.h"

#include <string.h>

enum {
    INLINE_BYTES = 32 << 10, /* copied in the call on an idle stream: less than a thread's wake-up */
    BLOCK = 256 << 10        /* bytes of one item when several threads copy */
};

/* Moves `size` bytes from `source`, or repeats `pattern` where there is no source. */
typedef struct copy_command {
    cpu_command head;
    char *destination;
    const char *source;
    uint64_t pattern; /* repeated to eight bytes */
    uint64_t size;
} copy_command;
static_assert(sizeof(copy_command) % CPU_COMMAND_UNIT == 0, "commands stay aligned in the ring");

static void fill_bytes(char *destination, uint64_t pattern, size_t size) {
    size_t whole = size / sizeof pattern;
    for (size_t i = 0; i < whole; i++) memcpy(destination + i * sizeof pattern, &pattern, sizeof pattern);
    memcpy(destination + whole * sizeof pattern, &pattern, size % sizeof pattern);
}

static int32_t copy_blocks(void *context, int64_t first, int64_t last) {
    const copy_command *copy = context;
    uint64_t begin = (uint64_t)first * BLOCK, end = (uint64_t)last * BLOCK;
    if (end > copy->size) end = copy->size;
    if (copy->source)
        memcpy(copy->destination + begin, copy->source + begin, end - begin);
    else
        fill_bytes(copy->destination + begin, copy->pattern, end - begin);
    return 0;
}

static tenon_status run_copy(tenon_stream *stream, cpu_command *command) {
    copy_command *copy = (copy_command *)(void *)command;
    int64_t blocks = (int64_t)(copy->size / BLOCK + (copy->size % BLOCK != 0));
    (void)cpu_pool_for(stream->device->pool, copy_blocks, copy, blocks, 4);
    return TENON_STATUS_OK;
}

static const cpu_command_class copy_class = {run_copy, NULL};

/* Runs small copies on an idle stream here and now, and queues the others. */
static tenon_status submit(tenon_stream *stream, copy_command *copy) {
    copy->head = (cpu_command){&copy_class, sizeof *copy};
    if (copy->size == 0) return TENON_STATUS_OK;
    if (copy->size > INLINE_BYTES || !cpu_stream_is_idle(stream)) return cpu_stream_push(stream, &copy->head);
    (void)copy_blocks(copy, 0, 1);
    return TENON_STATUS_OK;
}

tenon_status cpu_copy_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size) {
    copy_command copy = {.source = source, .size = size};
    if (!stream) return TENON_STATUS_INVALID;
    TENON_TRY(cpu_stream_check(stream));
    TENON_TRY(cpu_memory_range(stream->device, destination, size, "the range to write", &copy.destination));
    if (size && !source) return cpu_fail(stream->device, TENON_STATUS_INVALID, "the source of a write is NULL");
    return submit(stream, &copy);
}

tenon_status cpu_copy_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size) {
    char *from;
    if (!stream) return TENON_STATUS_INVALID;
    TENON_TRY(cpu_stream_check(stream));
    TENON_TRY(cpu_memory_range(stream->device, source, size, "the range to read", &from));
    if (size && !destination) return cpu_fail(stream->device, TENON_STATUS_INVALID, "the target of a read is NULL");
    copy_command copy = {.destination = destination, .source = from, .size = size};
    return submit(stream, &copy);
}

tenon_status cpu_copy_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size) {
    char *from, *to;
    if (!stream) return TENON_STATUS_INVALID;
    TENON_TRY(cpu_stream_check(stream));
    TENON_TRY(cpu_memory_range(stream->device, destination, size, "the target of a copy", &to));
    TENON_TRY(cpu_memory_range(stream->device, source, size, "the source of a copy", &from));
    if (from < to + size && to < from + size)
        return cpu_fail(stream->device, TENON_STATUS_INVALID, "source and target of a copy overlap");
    copy_command copy = {.destination = to, .source = from, .size = size};
    return submit(stream, &copy);
}

static uint64_t repeated(uint64_t pattern, uint32_t pattern_size) {
    if (pattern_size == 1) return (pattern & 0xff) * UINT64_C(0x0101010101010101);
    if (pattern_size == 2) return (pattern & 0xffff) * UINT64_C(0x0001000100010001);
    if (pattern_size == 4) return (pattern & 0xffffffff) * UINT64_C(0x0000000100000001);
    return pattern;
}

tenon_status cpu_copy_fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                           uint64_t size) {
    copy_command copy = {.size = size};
    if (!stream) return TENON_STATUS_INVALID;
    TENON_TRY(cpu_stream_check(stream));
    if (pattern_size != 1 && pattern_size != 2 && pattern_size != 4 && pattern_size != 8)
        return cpu_fail(stream->device, TENON_STATUS_INVALID, "a fill's pattern has 1, 2, 4 or 8 bytes, not %u",
                        pattern_size);
    if (size % pattern_size != 0)
        return cpu_fail(stream->device, TENON_STATUS_INVALID, "a fill of %llu bytes is no multiple of its pattern's %u",
                        (unsigned long long)size, pattern_size);
    TENON_TRY(cpu_memory_range(stream->device, destination, size, "the range to fill", &copy.destination));
    copy.pattern = repeated(pattern, pattern_size);
    return submit(stream, &copy);
}
