#include "cases/run.h"

#include <stdlib.h>
#include <string.h>

#include "cases/launch_graph.h"

enum { FENCE = 64, POISON = 0xa5 };

/* -- Layouts -- */

/* Dims in storage of what the operator sees as `operand`. */
void cf_stored_dims(const cf_operand *operand, int64_t *dims) {
    uint32_t rank = operand->rank, layout = operand->layout;
    for (uint32_t i = 0; i < rank; i++) {
        bool last = i + 1 == rank, one = layout == CF_ONE;
        bool repeats = one || (layout == CF_EVERY_OTHER && i % 2 == 0) || (layout == CF_ROW && !last) ||
                       (layout == CF_COLUMN && last);
        dims[i] = layout == CF_TRANSPOSED ? operand->dims[rank - 1 - i] : operand->dims[i];
        if (layout == CF_SPARSE) dims[i] = 2 * operand->dims[i] + 1;
        if (layout == CF_PADDED && last) dims[i] += 3;
        if (dims[i] && repeats) dims[i] = 1;
    }
}

/* Where the elements lie: offset and strides into storage of `dims`. */
static tenon__ref ref_of(const cf_operand *operand, const int64_t *dims) {
    tenon__ref stored = tenon__ref_contiguous(0, operand->dtype, operand->rank, dims);
    tenon__ref ref = tenon__ref_contiguous(0, operand->dtype, operand->rank, operand->dims);
    uint32_t layout = operand->layout;
    bool empty = cf_count(operand->rank, operand->dims) == 0;
    for (uint32_t i = 0; i < operand->rank; i++) {
        uint32_t from = layout == CF_TRANSPOSED ? operand->rank - 1 - i : i;
        int64_t stride = stored.strides[from];
        ref.strides[i] = dims[from] == 1 && operand->dims[i] != 1 ? 0 : stride;
        if (layout == CF_SPARSE) ref.strides[i] = 2 * stride, ref.offset += stride;
        if (layout == CF_REVERSED) ref.strides[i] = -stride, ref.offset += stride * (dims[i] - 1);
    }
    if (empty) ref.offset = 0;
    return ref;
}

static int64_t place_of(const tenon__ref *ref, int64_t index) {
    int64_t place = ref->offset;
    for (uint32_t i = ref->rank; i-- > 0;) {
        place += index % ref->dims[i] * ref->strides[i];
        index /= ref->dims[i];
    }
    return place;
}

static uint32_t element_size(const cf_operand *operand) {
    return tenon_dtype_bits(operand->dtype) / 8;
}

/* -- Placing -- */

/* Bytes before the storage. Where a row's name is of odd length its results are aligned to their elements only: that is
 * all that a launch promises. */
static uint64_t start_of(const cf_operand *operand, bool is_result) {
    bool odd = operand->layout == CF_OFFSET || (is_result && strlen(cf_row_name()) % 2);
    return FENCE + (uint64_t)(operand->shift + odd) * element_size(operand);
}

/* Around operands lies what no element may be taken for: NaN, -1, the largest unsigned; true. Around results lies poison,
 * and where they have no first value, in them. */
static tenon_status place(cf_buffer *buffer, const cf_operand *operand, bool is_result) {
    int64_t dims[TENON_MAX_RANK];
    cf_stored_dims(operand, dims);
    buffer->operand = operand;
    buffer->ref = ref_of(operand, dims);
    buffer->start = start_of(operand, is_result);
    buffer->size = buffer->start + (uint64_t)cf_count(operand->rank, dims) * element_size(operand) + FENCE;
    buffer->image = malloc(buffer->size);
    if (!buffer->image) return TENON_STATUS_OUT_OF_MEMORY;
    memset(buffer->image, is_result ? POISON : operand->dtype == TENON_DTYPE_BOOL ? 1 : 0xff, buffer->size);
    return tenonh_memory_create(cf_under_test.device, 0, buffer->size, &buffer->memory);
}

static unsigned char *element(const cf_buffer *buffer, unsigned char *bytes, int64_t index) {
    return bytes + buffer->start + place_of(&buffer->ref, index) * element_size(buffer->operand);
}

static tenon_status write(cf_buffer *buffer, const void *elements) {
    uint32_t size = element_size(buffer->operand);
    int64_t count = elements ? tenon__ref_count(&buffer->ref) : 0;
    if (count && tenon__ref_is_contiguous(&buffer->ref))
        memcpy(element(buffer, buffer->image, 0), elements, (size_t)count * size);
    else
        for (int64_t i = 0; i < count; i++)
            memcpy(element(buffer, buffer->image, i), (const char *)elements + i * size, size);
    return tenonh_stream_write(cf_under_test.stream, buffer->memory, 0, buffer->image, buffer->size);
}

bool cf_works_in_place(tenon_op op) {
    uint32_t family = tenon_op_row_of(op)->family;
    return family == TENON_FAMILY_UPDATE || family == TENON_FAMILY_SCATTER;
}

tenon_status cf_bound_refill(cf_bound *b) {
    const cf_row *row = b->row;
    TENON_TRY(cf_row_stream());
    for (uint32_t i = 0; i < b->count; i++) {
        bool is_result = i >= b->input_count;
        const void *first = cf_works_in_place(row->op) ? row->operands[b->input_count].bytes : NULL;
        TENON_TRY(write(&b->buffers[i], is_result ? first : row->operands[i].bytes));
    }
    return tenonh_stream_synchronize(cf_under_test.stream);
}

tenon_status cf_row_stream(void) {
    if (cf_under_test.stream) return TENON_STATUS_OK;
    return tenonh_stream_create(cf_under_test.device, &cf_under_test.stream);
}

tenon_status cf_bind(cf_bound *b, const cf_row *row) {
    tenon__ref refs[CF_MAX_BUFFERS];
    *b = (cf_bound){.row = row, .input_count = tenon_op_row_of(row->op)->input_count};
    b->count = b->input_count + row->result_count;
    for (uint32_t i = 0; i < b->count; i++) {
        bool is_result = i >= b->input_count;
        TENON_TRY(place(&b->buffers[i], is_result ? &row->results[i - b->input_count] : &row->operands[i], is_result));
        refs[i] = b->buffers[i].ref;
    }
    TENON_TRY(cf_bound_refill(b));
    if (cf_runs_graphs() && !cf_graph_expands(row)) return cf_launch_row(&b->launch, row);
    tenon__task task = {
        .op = row->op,
        .attr_count = row->attr_count,
        .attrs = row->attrs,
        .input_count = b->input_count,
        .operand_count = b->count,
        .operands = refs,
        .scalars = {row->scalars[0], row->scalars[1]},
    };
    return cf_launch_task(&b->launch, &task);
}

void cf_unbind(cf_bound *b) {
    cf_launch_release(&b->launch);
    for (uint32_t i = 0; i < b->count; i++) {
        tenonh_memory_release(b->buffers[i].memory);
        free(b->buffers[i].image);
    }
}

tenon_status cf_bound_enqueue(cf_bound *b, tenonh_stream *stream) {
    cf_place places[CF_MAX_BUFFERS];
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t offset = (uint64_t)b->buffers[i].ref.offset * element_size(b->buffers[i].operand);
        if (cf_runs_graphs()) offset = 0; /* there, views are nodes */
        places[i] = (cf_place){b->buffers[i].memory, b->buffers[i].start + offset};
    }
    return cf_launch_enqueue(&b->launch, stream, places);
}

/* -- What a run left -- */

/* The elements of a result, which become those of the image in `bytes`: what differs then was not to be written. */
static tenon_status gather(const cf_buffer *buffer, unsigned char *bytes, tenonh_array *out_array) {
    const cf_operand *result = buffer->operand;
    uint32_t size = element_size(result);
    TENON_TRY(tenonh_array_create(result->dtype, result->rank, result->dims, out_array));
    for (int64_t i = 0; i < tenonh_array_count(out_array); i++) {
        memcpy((char *)out_array->data + i * size, element(buffer, bytes, i), size);
        memcpy(element(buffer, bytes, i), element(buffer, buffer->image, i), size);
    }
    return TENON_STATUS_OK;
}

static void check_rest(const cf_bound *b, uint32_t number, const unsigned char *bytes) {
    const cf_buffer *buffer = &b->buffers[number];
    for (uint64_t i = 0; i < buffer->size; i++) {
        if (bytes[i] == buffer->image[i]) continue;
        int64_t place = (int64_t)i - (int64_t)buffer->start;
        cf_fail("byte %lld of the storage of %s %u, which has %llu bytes, was written", (long long)place,
                number < b->input_count ? "operand" : "result",
                number < b->input_count ? number : number - b->input_count,
                (unsigned long long)(buffer->size - buffer->start - FENCE));
        return;
    }
}

tenon_status cf_bound_results(cf_bound *b, tenonh_array *results) {
    TENON_TRY(cf_row_stream());
    for (uint32_t i = 0; i < b->count; i++) {
        unsigned char *bytes = malloc(b->buffers[i].size);
        if (!bytes) return TENON_STATUS_OUT_OF_MEMORY;
        tenon_status status =
            tenonh_stream_read(cf_under_test.stream, bytes, b->buffers[i].memory, 0, b->buffers[i].size);
        if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(cf_under_test.stream);
        if (status == TENON_STATUS_OK && i >= b->input_count)
            status = gather(&b->buffers[i], bytes, &results[i - b->input_count]);
        if (status == TENON_STATUS_OK) check_rest(b, i, bytes);
        free(bytes);
        TENON_TRY(status);
    }
    return TENON_STATUS_OK;
}

/* -- Rows -- */

tenon_status cf_run(const cf_row *row, tenonh_array *results) {
    cf_bound bound;
    tenon_status status = cf_bind(&bound, row);
    if (status == TENON_STATUS_OK) status = cf_bound_enqueue(&bound, cf_under_test.stream);
    if (status == TENON_STATUS_OK) {
        status = tenonh_stream_synchronize(cf_under_test.stream);
        bool sticks = status != TENON_STATUS_OUT_OF_RANGE || tenonh_stream_synchronize(cf_under_test.stream) == status;
        if (!sticks) cf_fail("OUT_OF_RANGE is told once, and forgotten");
    }
    if (status != TENON_STATUS_OK) {
        tenonh_stream_release(cf_under_test.stream);
        cf_under_test.stream = NULL;
    }
    bool wrote = status == TENON_STATUS_OK || status == TENON_STATUS_OUT_OF_RANGE;
    tenon_status read = wrote ? cf_bound_results(&bound, results) : (tenon_status)TENON_STATUS_OK;
    if (read != TENON_STATUS_OK)
        cf_fail("after %s, the results cannot be read: %s", tenon_status_name(status), tenonh_error_message());
    cf_unbind(&bound);
    return status == TENON_STATUS_OK ? read : status;
}
