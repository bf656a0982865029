/* Copies and fills: the stream hooks that move bytes. */
#ifndef CPU_COPY_H
#define CPU_COPY_H

#include "cpu.h"

tenon_status cpu_copy_write(tenon_stream *stream, tenon_buffer destination, const void *source, uint64_t size);
tenon_status cpu_copy_read(tenon_stream *stream, void *destination, tenon_buffer source, uint64_t size);
tenon_status cpu_copy_copy(tenon_stream *stream, tenon_buffer destination, tenon_buffer source, uint64_t size);
tenon_status cpu_copy_fill(tenon_stream *stream, tenon_buffer destination, uint64_t pattern, uint32_t pattern_size,
                           uint64_t size);

#endif
