/* Launches that an exec must not take, of which nothing may come; and what may be forgotten once a hook has returned. */
#include <string.h>

#include "cases/abi_work.h"
#include "cases/cases.h"

/* Makes a launch what it must not be; false: there is no such launch of this exec. */
typedef bool (*mar_function)(cf_running *run);

static bool mar_first_buffer(cf_running *run) {
    run->buffers[0].memory = NULL;
    return true;
}
static bool mar_last_buffer(cf_running *run) {
    run->buffers[CF_SAMPLE_OPERANDS - 1].memory = NULL;
    return true;
}
static bool mar_few_buffers(cf_running *run) {
    run->launch.buffer_count--;
    return true;
}
static bool mar_no_buffers(cf_running *run) {
    run->launch.buffer_count = 0;
    run->launch.buffers = NULL;
    return true;
}
static bool mar_few_symbols(cf_running *run) {
    return run->launch.symbol_count && run->launch.symbol_count--;
}
static bool mar_no_symbols(cf_running *run) {
    bool some = run->launch.symbol_count > 0;
    run->launch.symbol_count = 0;
    run->launch.symbols = NULL;
    return some;
}
/* The first symbol with an end to its range gets the number past that. */
static bool mar_symbol(cf_running *run, bool above) {
    for (uint32_t i = 0; i < run->sample->work.symbol_count; i++) {
        const tenon_symbol *range = &run->answered[i];
        if (above ? range->max == INT64_MAX : range->min == INT64_MIN) continue;
        run->sample->numbers[i] = above ? range->max + 1 : range->min - 1;
        return true;
    }
    return false;
}
static bool mar_symbol_above(cf_running *run) {
    return mar_symbol(run, true);
}
static bool mar_symbol_below(cf_running *run) {
    return mar_symbol(run, false);
}
/* A symbol whose answered range holds the number, but for its divisor. */
static bool mar_divisor(cf_running *run) {
    for (uint32_t i = 0; i < run->sample->work.symbol_count; i++) {
        const tenon_symbol *range = &run->answered[i];
        int64_t *number = &run->sample->numbers[i];
        if (range->divisor < 2 || *number - 1 < range->min) continue;
        --*number;
        return true;
    }
    return false;
}
static bool mar_grids(cf_running *run) {
    bool some = run->launch.grid_count > 0;
    run->launch.grid_count = 0;
    run->launch.grids = NULL;
    return some;
}

static const struct {
    const char *name;
    mar_function mar;
    const char *needs; /* what an exec lacks of which there is no such launch */
} marred[] = {
    {"first_buffer_missing", mar_first_buffer, ""},
    {"last_buffer_missing", mar_last_buffer, ""},
    {"few_buffers", mar_few_buffers, ""},
    {"no_buffers", mar_no_buffers, ""},
    {"few_symbols", mar_few_symbols, "symbols"},
    {"no_symbols", mar_no_symbols, "symbols"},
    {"symbol_above", mar_symbol_above, "symbols with a largest value"},
    {"symbol_below", mar_symbol_below, "symbols with a least value"},
    {"symbol_off_divisor", mar_divisor, "symbols that it takes in multiples alone"},
    {"grids_missing", mar_grids, "grids"},
};

/* Has the work declare that symbols are even, where they are. */
static void declare_even(cf_sample *sample) {
    for (uint32_t i = 0; i < sample->work.symbol_count; i++)
        if (sample->numbers[i] > 0 && sample->numbers[i] % 2 == 0 && sample->symbols[i].divisor == 1)
            sample->symbols[i].divisor = 2;
}

/* A launch refused: nothing has happened, and the next one works. */
static void refuse_launch(uint32_t kind, mar_function mar, const char *needs, const char *name) {
    cf_raw raw;
    cf_sample sample;
    cf_running run;
    if (!cf_raw_open(&raw, NULL)) return;
    if (cf_sample_make(kind, &sample)) {
        if (mar == mar_divisor) declare_even(&sample);
        if (cf_running_begin(&raw, &sample, &run)) {
            tenon_buffer buffers[CF_SAMPLE_OPERANDS];
            tenon_launch good = run.launch;
            int64_t numbers[256];
            uint32_t count = good.symbol_count < 256 ? good.symbol_count : 256;
            memcpy(buffers, run.buffers, sizeof buffers);
            if (count) memcpy(numbers, sample.numbers, count * sizeof *numbers);
            cf_raw_doing(&raw, "that was spoilt (%s)", name);
            if (!mar(&run)) {
                cf_not_applicable("the exec has no %s", needs);
            } else if (CF_ANSWERS(&raw, TENON_STATUS_INVALID,
                                  raw.hooks.work.launch(raw.stream, run.exec, &run.launch))) {
                memcpy(run.buffers, buffers, sizeof buffers);
                if (count) memcpy(sample.numbers, numbers, count * sizeof *numbers);
                (void)(cf_running_is_untouched(&run) && cf_running_works(&run, &good));
            }
        }
        cf_running_end(&run);
        cf_sample_free(&sample);
    }
    cf_raw_close(&raw);
}

/* The work is gone when an exec is launched, the launch when it is waited for. */
static void forget(uint32_t kind, bool launch) {
    cf_raw raw;
    cf_sample sample;
    cf_running run;
    if (!cf_raw_open(&raw, NULL)) return;
    if (cf_sample_make(kind, &sample)) {
        if (cf_running_begin(&raw, &sample, &run)) {
            if (!launch) cf_sample_scribble(&sample);
            (void)(launch ? cf_running_works_scribbled(&run) : cf_running_works(&run, &run.launch));
        }
        cf_running_end(&run);
        cf_sample_free(&sample);
    }
    cf_raw_close(&raw);
}

void cf_abi_launches(void) {
    for (size_t i = 0; i < sizeof marred / sizeof *marred; i++) {
#define ROW(KIND, kind)                                                                                                \
    if (cf_begin_for("REQ-WORK-04 REQ-ERR-02", kind ".%s", marred[i].name) &&                                          \
        cf_sample_takes(TENON_WORK_##KIND, kind))                                                                      \
        refuse_launch(TENON_WORK_##KIND, marred[i].mar, marred[i].needs, marred[i].name);
        CF_SAMPLE_KINDS(ROW)
#undef ROW
    }
#define ROW(KIND, kind)                                                                                                \
    if (cf_begin_for("REQ-WORK-01", kind ".work_is_gone") && cf_sample_takes(TENON_WORK_##KIND, kind))                 \
        forget(TENON_WORK_##KIND, false);                                                                              \
    if (cf_begin_for("REQ-WORK-04", kind ".launch_is_gone") && cf_sample_takes(TENON_WORK_##KIND, kind))               \
        forget(TENON_WORK_##KIND, true);
    CF_SAMPLE_KINDS(ROW)
#undef ROW
}
