/* Launches with a fault: operands as numbers, tampered with before and after the plugin inside computes. */
#include "mutants/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Numbers ---------------------------------------------------------------------------------------------------------- */

static cf_number moved(tenon_dtype dtype, cf_number number, int64_t by) {
    uint64_t word = 0;
    if (isnan(number.f) || isinf(number.f)) return number;
    cf_store(dtype, &word, 0, number);
    word += (uint64_t)by;
    return cf_load(dtype, &word, 0);
}

cf_number mutant_next(tenon_dtype dtype, cf_number number) {
    return moved(dtype, number, 1);
}

cf_number mutant_towards_zero(tenon_dtype dtype, long double x) {
    cf_number nearest = cf_rounded(dtype, (cf_number){.f = x});
    if (isinf(x) || isnan(x)) return nearest;
    if (isinf(nearest.f)) {
        uint64_t word = 0;
        cf_store(dtype, &word, 0, nearest);
        word--;
        return cf_load(dtype, &word, 0);
    }
    return fabsl(nearest.f) > fabsl(x) ? moved(dtype, nearest, -1) : nearest;
}

cf_number mutant_ties_away(tenon_dtype dtype, long double x) {
    cf_number low = mutant_towards_zero(dtype, x), high = moved(dtype, low, 1);
    bool tie = isfinite(x) && fabsl(x) - fabsl(low.f) == fabsl(high.f) - fabsl(x);
    return tie ? high : cf_rounded(dtype, (cf_number){.f = x});
}

int64_t mutant_attr(const mutant_job *job, uint32_t id, int64_t otherwise) {
    return tenon_attr_int(job->exec->attrs, job->exec->attr_count, id, otherwise);
}

/* -- Operands --------------------------------------------------------------------------------------------------------- */

void mutant_unravel(const mutant_array *array, int64_t i, int64_t *out_at) {
    for (uint32_t axis = array->rank; axis-- > 0;) {
        out_at[axis] = i % array->dims[axis];
        i /= array->dims[axis];
    }
}

static int64_t place_of(const mutant_array *array, const int64_t *at) {
    int64_t place = 0;
    for (uint32_t axis = 0; axis < array->rank; axis++) place += at[axis] * array->strides[axis];
    return place;
}

/* The bytes from the operand's first to its last element in memory. */
typedef struct span {
    tenon_buffer start;
    int64_t first; /* place of the first one, in elements from the buffer */
    uint64_t size, element;
    char *bytes;
} span;

static span span_of(const mutant_array *array) {
    int64_t low = 0, high = 0;
    for (uint32_t axis = 0; axis < array->rank; axis++) {
        int64_t reach = (array->dims[axis] - 1) * array->strides[axis];
        if (reach < 0)
            low += reach;
        else
            high += reach;
    }
    uint64_t element = tenon_dtype_bits(array->dtype) / 8;
    span s = {.start = array->buffer, .first = low, .element = element};
    s.start.offset = (uint64_t)((int64_t)s.start.offset + low * (int64_t)element);
    s.size = array->count ? (uint64_t)(high - low + 1) * element : 0;
    return s;
}

static tenon_status read_span(tenon_stream *stream, span *s) {
    s->bytes = malloc(s->size + 1);
    return s->bytes ? mutant_read(stream, s->bytes, s->start, s->size) : (tenon_status)TENON_STATUS_OUT_OF_MEMORY;
}

tenon_status mutant_load(tenon_stream *stream, mutant_array *array) {
    int64_t at[TENON_MAX_RANK];
    span s = span_of(array);
    array->values = calloc((size_t)array->count + 1, sizeof *array->values);
    tenon_status status = array->values ? read_span(stream, &s) : (tenon_status)TENON_STATUS_OUT_OF_MEMORY;
    for (int64_t i = 0; status == TENON_STATUS_OK && i < array->count; i++) {
        mutant_unravel(array, i, at);
        array->values[i] = cf_load(array->dtype, s.bytes, place_of(array, at) - s.first);
    }
    free(s.bytes);
    return status;
}

tenon_status mutant_store(tenon_stream *stream, const mutant_array *array) {
    int64_t at[TENON_MAX_RANK];
    span s = span_of(array);
    tenon_status status = read_span(stream, &s);
    for (int64_t i = 0; status == TENON_STATUS_OK && i < array->count; i++) {
        mutant_unravel(array, i, at);
        cf_store(array->dtype, s.bytes, place_of(array, at) - s.first, array->values[i]);
    }
    if (status == TENON_STATUS_OK) status = mutant_write(stream, s.start, s.bytes, s.size);
    free(s.bytes);
    return status;
}

static void describe(const mutant_exec *record, uint32_t operand, const tenon_launch *launch, mutant_array *out) {
    const tenon_view *view = &record->views[operand];
    *out = (mutant_array){.dtype = view->dtype, .rank = view->rank, .count = 1, .place = record->places[operand]};
    out->buffer = launch->buffers[out->place];
    int64_t stride = 1;
    for (uint32_t axis = view->rank; axis-- > 0;) {
        out->dims[axis] = tenon_extent_value(&view->dims[axis], launch->symbols);
        if (out->dims[axis] < 0) out->dims[axis] = 0; /* the plugin inside refuses it */
        out->strides[axis] =
            record->kind == TENON_WORK_OP ? tenon_extent_value(&view->strides[axis], launch->symbols) : stride;
        stride *= out->dims[axis];
        out->count *= out->dims[axis];
    }
}

void mutant_job_begin(const mutant_exec *record, const tenon_launch *launch, mutant_job *out_job) {
    *out_job = (mutant_job){.exec = record, .op = record->op, .scalars = launch->scalars};
    out_job->input_count = record->input_count;
    out_job->output_count = record->output_count;
    for (uint32_t i = 0; i < record->input_count; i++) describe(record, i, launch, &out_job->inputs[i]);
    for (uint32_t i = 0; i < record->output_count; i++)
        describe(record, record->input_count + i, launch, &out_job->outputs[i]);
    bool second = record->op == TENON_OP_WHERE || record->op == TENON_OP_SCATTER;
    out_job->dtype = !record->input_count ? out_job->outputs[0].dtype : out_job->inputs[second].dtype;
}

static void end_job(mutant_job *job) {
    for (uint32_t i = 0; i < 4; i++) free(job->inputs[i].values);
    for (uint32_t i = 0; i < 2; i++) free(job->outputs[i].values), free(job->before[i].values);
}

/* -- Faults ----------------------------------------------------------------------------------------------------------- */

static const mutant_fault *find(const mutant_fault *faults, uint32_t count, const mutant_exec *exec, uint32_t dtype) {
    for (uint32_t i = 0; i < count; i++) {
        bool of_op = faults[i].op == 0 || faults[i].op == exec->op;
        bool of_dtype = faults[i].dtypes == 0 || faults[i].dtypes >> dtype & 1;
        if (planted(faults[i].defect) && of_op && of_dtype) return &faults[i];
    }
    return NULL;
}

const mutant_fault *mutant_fault_of(const mutant_exec *exec) {
    if (!exec || exec->op == 0) return NULL;
    bool second = exec->op == TENON_OP_WHERE || exec->op == TENON_OP_SCATTER;
    uint32_t dtype = exec->views[exec->input_count && second ? 1 : 0].dtype;
    const mutant_fault *found = find(mutant_map_faults, mutant_map_fault_count, exec, dtype);
    if (!found) found = find(mutant_cast_faults, mutant_cast_fault_count, exec, dtype);
    if (!found) found = find(mutant_reduce_faults, mutant_reduce_fault_count, exec, dtype);
    if (!found) found = find(mutant_line_faults, mutant_line_fault_count, exec, dtype);
    if (!found) found = find(mutant_index_faults, mutant_index_fault_count, exec, dtype);
    if (!found) found = find(mutant_layout_faults, mutant_layout_fault_count, exec, dtype);
    return found ? found : find(mutant_symbol_faults, mutant_symbol_fault_count, exec, dtype);
}

/* An input's values with those that the wrong places hold; outside the allocation there are zeros. */
static tenon_status misplace(tenon_stream *stream, const mutant_fault *fault, uint32_t k, mutant_array *input) {
    const mutant_memory *memory = mutant_recall(input->buffer.memory);
    int64_t element = tenon_dtype_bits(input->dtype) / 8, at[TENON_MAX_RANK];
    if (!memory || input->count == 0) return TENON_STATUS_OK;
    char *bytes = malloc(memory->size + 1);
    if (!bytes) return TENON_STATUS_OUT_OF_MEMORY;
    tenon_status status = mutant_read(stream, bytes, (tenon_buffer){input->buffer.memory, 0}, memory->size);
    for (int64_t i = 0; status == TENON_STATUS_OK && i < input->count; i++) {
        mutant_unravel(input, i, at);
        int64_t place = (int64_t)input->buffer.offset + fault->place(input, k, at) * element;
        bool inside = place >= 0 && place + element <= (int64_t)memory->size;
        input->values[i] = inside ? cf_load(input->dtype, bytes + place, 0) : (cf_number){0};
    }
    free(bytes);
    return status;
}

/* An allocation of its own for changed inputs, as they lie: the host's stay as they are. */
static tenon_status substitute(tenon_stream *stream, mutant_array *input, tenon_buffer *out_buffer) {
    span s = span_of(input);
    uint64_t start = s.start.offset % 64;
    tenon_memory *memory = NULL;
    TENON_TRY(mutant.memory.allocate(
        input->buffer.memory ? ((mutant_memory *)mutant_recall(input->buffer.memory))->device : NULL, 0,
        start + s.size + 4096, &memory));
    tenon_status status = read_span(stream, &s);
    if (status == TENON_STATUS_OK) status = mutant_write(stream, (tenon_buffer){memory, start}, s.bytes, s.size);
    free(s.bytes);
    tenon_buffer whole = input->buffer;
    input->buffer = (tenon_buffer){memory, (uint64_t)((int64_t)start - s.first * (int64_t)s.element)};
    if (status == TENON_STATUS_OK) status = mutant_store(stream, input);
    *out_buffer = input->buffer;
    input->buffer = whole;
    return status;
}

typedef struct substitutes {
    tenon_buffer buffers[64];
    tenon_memory *memories[4];
} substitutes;

static tenon_status change_inputs(const mutant_fault *fault, tenon_stream *stream, mutant_job *job,
                                  tenon_launch *launch, substitutes *s) {
    if (launch->buffer_count > 64) return TENON_STATUS_UNSUPPORTED;
    memcpy(s->buffers, launch->buffers, launch->buffer_count * sizeof *s->buffers);
    for (uint32_t i = 0; fault->place && i < job->input_count; i++)
        TENON_TRY(misplace(stream, fault, i, &job->inputs[i]));
    if (fault->inputs) fault->inputs(job);
    for (uint32_t i = 0; i < job->input_count; i++) {
        if (!job->inputs[i].count || !mutant_recall(job->inputs[i].buffer.memory)) continue;
        TENON_TRY(substitute(stream, &job->inputs[i], &s->buffers[job->inputs[i].place]));
        s->memories[i] = s->buffers[job->inputs[i].place].memory;
    }
    launch->buffers = s->buffers;
    return TENON_STATUS_OK;
}

static void change_elements(const mutant_fault *fault, mutant_job *job) {
    cf_number in[4];
    for (int64_t i = 0; i < job->outputs[0].count; i++) {
        for (uint32_t k = 0; k < job->input_count; k++)
            in[k] = i < job->inputs[k].count ? job->inputs[k].values[i] : (cf_number){0};
        job->outputs[0].values[i] = fault->element(job, i, in, job->outputs[0].values[i]);
    }
}

static tenon_status change_outputs(const mutant_fault *fault, tenon_stream *stream, mutant_job *job) {
    for (uint32_t i = 0; i < job->output_count; i++) TENON_TRY(mutant_load(stream, &job->outputs[i]));
    if (fault->element) change_elements(fault, job);
    if (fault->outputs) fault->outputs(job);
    for (uint32_t i = 0; i < job->output_count; i++) TENON_TRY(mutant_store(stream, &job->outputs[i]));
    return TENON_STATUS_OK;
}

static tenon_status load_all(tenon_stream *stream, mutant_job *job) {
    for (uint32_t i = 0; i < job->input_count; i++) TENON_TRY(mutant_load(stream, &job->inputs[i]));
    for (uint32_t i = 0; i < job->output_count; i++) {
        job->before[i] = job->outputs[i];
        TENON_TRY(mutant_load(stream, &job->before[i]));
    }
    return TENON_STATUS_OK;
}

tenon_status mutant_launch_faulty(const mutant_fault *fault, tenon_stream *stream, tenon_exec *exec,
                                  const mutant_exec *record, const tenon_launch *launch) {
    mutant_job job;
    substitutes s = {0};
    tenon_launch changed = *launch;
    mutant_job_begin(record, launch, &job);
    tenon_status status = load_all(stream, &job);
    if (status == TENON_STATUS_OK && (fault->inputs || fault->place))
        status = change_inputs(fault, stream, &job, &changed, &s);
    if (status == TENON_STATUS_OK) status = mutant.work.launch(stream, exec, &changed);
    bool ran = status == TENON_STATUS_OK && mutant.stream.synchronize(stream) == TENON_STATUS_OK;
    if (ran && (fault->element || fault->outputs)) status = change_outputs(fault, stream, &job);
    for (uint32_t i = 0; i < 4; i++)
        if (s.memories[i]) mutant.memory.release(record->device, s.memories[i]);
    end_job(&job);
    return status;
}
