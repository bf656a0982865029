#include "cases/program.h"

#include <stdlib.h>
#include <string.h>

#include "cases/launch.h"
#include "cases/run.h"
#include "ir/interp.h"
#include "kernel/print.h"
#include "support/error.h"

enum { FENCE = 64, POISON = 0xa5, IMAGES = 3 };

/* What the interpreter gives, what the device gives, and what the interpreter gives with subnormal numbers flushed. */
enum { WANTED, GOT, FLUSHED };

typedef struct program_buffer {
    uint32_t dtype, role;
    int64_t count;                 /* elements from the first place to the last, gaps too */
    uint64_t size;                 /* bytes, fences too */
    unsigned char *images[IMAGES]; /* of one block: WANTED, GOT, FLUSHED */
    tenonh_memory *memory;
} program_buffer;

typedef struct program_run {
    const tenon__kir_program *program;
    const tenon__printed *printed;
    tenonh_exec *exec;
    const int64_t *symbols;
    uint32_t count;
    program_buffer buffers[CF_PROGRAM_OPERANDS];
    tenonh_memory *workspace;
} program_run;

bool cf_takes_programs(void) {
    if (tenonh_device_info(cf_under_test.device)->work_kinds & TENON_WORK_KERNEL) return true;
    cf_not_applicable("the device takes no kernel work (work_kinds)");
    return false;
}

/* -- Preparing -- */

static uint32_t role_of(uint32_t role) {
    return role == TENON__KIR_IN ? TENON_ROLE_INPUT : role == TENON__KIR_OUT ? TENON_ROLE_OUTPUT : TENON_ROLE_INOUT;
}

/* For all values of the symbols, or, with `values`, for these alone. */
static tenon_status prepare(const tenon__kir_program *program, const tenon__printed *printed, const int64_t *values,
                            tenonh_exec **out_exec) {
    const tenon_dialect *dialect = tenonh_device_dialect(cf_under_test.device);
    tenon_operand operands[CF_PROGRAM_OPERANDS] = {0};
    tenon_symbol ranges[TENON__KIR_MAX_SYMBOLS];
    tenon_kernel_work kernel = {.struct_size = sizeof kernel, .language = dialect->language, .source = printed->source};
    tenon_work work = {.struct_size = sizeof work, .kind = TENON_WORK_KERNEL, .operands = operands, .kernel = &kernel};
    void *blob = NULL;
    size_t size = 0;
    uint32_t version = dialect->ir_version < TENON__KIR_VERSION ? dialect->ir_version : TENON__KIR_VERSION;
    if (version) TENON_TRY(tenon__kir_encode(program, version, &blob, &size));
    kernel.source_size = printed->source_size;
    kernel.entries = printed->entries;
    kernel.entry_count = printed->entry_count;
    kernel.ir_version = version;
    kernel.ir = blob;
    kernel.ir_size = size;
    memcpy(kernel.hash, printed->hash, sizeof kernel.hash);
    for (uint32_t i = 0; i < program->operand_count; i++) {
        const tenon__kir_operand *from = &program->operands[i];
        if (from->role == TENON__KIR_WORKSPACE) continue;
        tenon_operand *to = &operands[work.operand_count++];
        *to = (tenon_operand){.role = role_of(from->role), .alignment = tenon_dtype_bits(from->dtype) / 8};
        to->view.dtype = from->dtype;
    }
    for (uint32_t i = 0; i < program->symbol_count; i++)
        ranges[i] = values ? (tenon_symbol){values[i], values[i], 1} : program->symbols[i].range;
    work.symbols = ranges;
    work.symbol_count = program->symbol_count;
    tenon_status status = tenonh_exec_prepare(cf_under_test.device, &work, NULL, out_exec);
    free(blob);
    return status;
}

/* True when there is an exec that is valid for the run's values. */
static bool is_ready(const program_run *run) {
    for (uint32_t i = 0; run->exec && i < run->program->symbol_count; i++) {
        const tenon_symbol *valid = &tenonh_exec_info(run->exec)->symbols[i];
        int64_t value = run->symbols[i];
        if (value < valid->min || value > valid->max || (valid->divisor > 1 && value % valid->divisor)) return false;
    }
    return run->exec != NULL;
}

static tenon_status prepare_anew(program_run *run, const int64_t *values) {
    tenonh_exec_release(run->exec);
    run->exec = NULL;
    return prepare(run->program, run->printed, values, &run->exec);
}

/* Keeps an exec that is valid, else asks for the whole ranges where the device may take them, else for the numbers. */
static tenon_status make_ready(program_run *run) {
    bool dynamic = tenonh_device_info(cf_under_test.device)->shapes == TENON_SHAPES_DYNAMIC;
    if (!is_ready(run) && dynamic) TENON_TRY(prepare_anew(run, NULL));
    if (!is_ready(run)) TENON_TRY(prepare_anew(run, run->symbols));
    if (is_ready(run)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INTERNAL, "prepare leaves out the very numbers that it was asked for");
}

/* -- Buffers -- */

static int64_t extent_of(const program_run *run, const tenon__kir_operand *operand) {
    int64_t last = 0;
    for (uint32_t i = 0; i < operand->rank; i++) {
        int64_t dim = tenon__kir_eval(run->program, operand->dims[i], run->symbols);
        if (dim == 0) return 0;
        last += (dim - 1) * tenon__kir_eval(run->program, operand->strides[i], run->symbols);
    }
    return last + 1;
}

static tenon_status make_buffer(const program_run *run, const tenon__kir_operand *operand, program_buffer *out) {
    *out = (program_buffer){.dtype = operand->dtype, .role = operand->role, .count = extent_of(run, operand)};
    uint32_t size = tenon_dtype_bits(operand->dtype) / 8;
    out->size = 2 * FENCE + (uint64_t)out->count * size;
    out->images[0] = malloc(IMAGES * out->size);
    if (!out->images[0]) return TENON_STATUS_OUT_OF_MEMORY;
    out->images[GOT] = out->images[WANTED] + out->size;
    out->images[FLUSHED] = out->images[GOT] + out->size;
    memset(out->images[0], POISON, out->size);
    for (int64_t i = 0; i < out->count && operand->role != TENON__KIR_OUT; i++)
        cf_store(operand->dtype, out->images[0] + FENCE, i, cf_any(operand->dtype));
    memcpy(out->images[FLUSHED], out->images[WANTED], out->size);
    TENON_TRY(tenonh_memory_create(cf_under_test.device, 0, out->size, &out->memory));
    TENON_TRY(tenonh_stream_write(cf_under_test.stream, out->memory, 0, out->images[0], out->size));
    return tenonh_stream_synchronize(cf_under_test.stream);
}

static tenon_status make_buffers(program_run *run) {
    uint64_t workspace = 0;
    for (uint32_t i = 0; i < run->program->operand_count; i++)
        if (run->program->operands[i].role != TENON__KIR_WORKSPACE)
            TENON_TRY(make_buffer(run, &run->program->operands[i], &run->buffers[run->count++]));
    TENON_TRY(tenon__printed_workspace(run->printed, run->symbols, &workspace));
    if (tenonh_exec_info(run->exec)->workspace_size > workspace)
        workspace = tenonh_exec_info(run->exec)->workspace_size;
    return workspace ? tenonh_memory_create(cf_under_test.device, 0, workspace, &run->workspace)
                     : (tenon_status)TENON_STATUS_OK;
}

static void free_buffers(program_run *run) {
    for (uint32_t i = 0; i < run->count; i++) {
        free(run->buffers[i].images[0]);
        tenonh_memory_release(run->buffers[i].memory);
    }
    tenonh_memory_release(run->workspace);
}

/* -- Running -- */

static tenon_status run_on_device(program_run *run) {
    tenon_buffer buffers[CF_PROGRAM_OPERANDS];
    tenon_grid *grids = calloc(run->printed->entry_count + 1, sizeof *grids);
    tenon_launch launch = {.struct_size = sizeof launch, .buffer_count = run->count, .buffers = buffers};
    if (!grids) return TENON_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < run->count; i++) buffers[i] = tenonh_memory_buffer(run->buffers[i].memory, FENCE);
    launch.symbols = run->symbols;
    launch.symbol_count = run->program->symbol_count;
    launch.grids = grids;
    launch.grid_count = run->printed->entry_count;
    if (run->workspace) launch.workspace = tenonh_memory_buffer(run->workspace, 0);
    tenon_status status = tenon__printed_geometry(run->printed, run->symbols, grids);
    if (status == TENON_STATUS_OK) status = tenonh_exec_launch(run->exec, cf_under_test.stream, &launch);
    if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(cf_under_test.stream);
    for (uint32_t i = 0; i < run->count && status == TENON_STATUS_OK; i++)
        status = tenonh_stream_read(cf_under_test.stream, run->buffers[i].images[GOT], run->buffers[i].memory, 0,
                                    run->buffers[i].size);
    if (status == TENON_STATUS_OK) status = tenonh_stream_synchronize(cf_under_test.stream);
    free(grids);
    return status;
}

static tenon_status interpret(program_run *run, uint32_t image) {
    void *pointers[CF_PROGRAM_OPERANDS];
    const tenonc_interp_options options = {.flushes = image == FLUSHED};
    tenon__kir_error error;
    for (uint32_t i = 0; i < run->count; i++) pointers[i] = run->buffers[i].images[image] + FENCE;
    return tenonc_interp_run(run->program, run->symbols, NULL, pointers, &options, &error);
}

static tenon_status run_on_interpreter(program_run *run) {
    TENON_TRY(interpret(run, WANTED));
    return cf_flushes() ? interpret(run, FLUSHED) : (tenon_status)TENON_STATUS_OK;
}

/* A device that flushes may do so in some operators of a program and not in others: what hangs on that is left open. */
static bool is_open(const program_buffer *b, int64_t i) {
    return cf_flushes() && !cf_is_same(b->dtype, b->images[WANTED] + FENCE, i, b->images[FLUSHED] + FENCE, i);
}

static void compare(const program_run *run, uint32_t number) {
    const program_buffer *b = &run->buffers[number];
    const unsigned char *want = b->images[WANTED], *got = b->images[GOT];
    uint64_t end = b->size - FENCE;
    if (memcmp(got, want, FENCE) != 0 || memcmp(got + end, want + end, FENCE) != 0)
        cf_fail("wrote outside operand %u", number);
    for (int64_t i = 0; i < b->count; i++) {
        if (cf_is_same(b->dtype, got + FENCE, i, want + FENCE, i) || is_open(b, i)) continue;
        char x[64], y[64];
        cf_format(b->dtype, cf_load(b->dtype, got + FENCE, i), x, sizeof x);
        cf_format(b->dtype, cf_load(b->dtype, want + FENCE, i), y, sizeof y);
        cf_fail("operand %u: element %lld of %lld is %s, not %s", number, (long long)i, (long long)b->count, x, y);
        return;
    }
}

static bool is_ok(tenon_status status, const char *what) {
    if (status != TENON_STATUS_OK) cf_fail("%s: %s: %s", what, tenon_status_name(status), tenonh_error_message());
    return status == TENON_STATUS_OK;
}

static void check_once(program_run *run) {
    bool runs = is_ok(make_buffers(run), "buffers") && is_ok(run_on_device(run), "launch");
    if (runs && is_ok(run_on_interpreter(run), "interpreter"))
        for (uint32_t i = 0; i < run->count; i++) compare(run, i);
    free_buffers(run);
}

void cf_program_check(const tenon__kir_program *program, const int64_t *symbols, uint32_t count) {
    tenon__printed *printed = NULL;
    bool runs = is_ok(cf_row_stream(), "stream");
    program_run run = {.program = program};
    runs = runs && is_ok(tenon__print(program, tenonh_device_dialect(cf_under_test.device), NULL, &printed), "print");
    for (uint32_t i = 0; runs && i < count && !cf_failed(); i++) {
        run = (program_run){program, printed, run.exec, symbols + i * program->symbol_count, 0, {{0}}, NULL};
        runs = is_ok(make_ready(&run), "prepare");
        if (runs) check_once(&run);
    }
    if (cf_failed()) {
        tenonh_stream_release(cf_under_test.stream);
        cf_under_test.stream = NULL;
    }
    tenonh_exec_release(run.exec);
    tenon__printed_free(printed);
}
