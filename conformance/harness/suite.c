#include "harness/suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The row that runs. */
static struct {
    const cf_case *of;
    const cf_sink *sink;
    char name[256], text[1024];
    const char *requirements;
    bool runs, leaves;
    cf_verdict verdict;
    double error;
    uint64_t started, random;
} row;

static uint64_t run_seed;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void end_row(void) {
    if (!row.runs) return;
    row.runs = false;
    cf_outcome outcome = {row.name,  row.requirements,    row.verdict, row.text,
                          row.error, now() - row.started, row.leaves};
    row.sink->end(row.sink->context, &outcome);
}

static bool begin(const char *requirements, const char *format, va_list arguments) {
    end_row();
    int prefix = snprintf(row.name, sizeof row.name, "%s.", row.of->name);
    vsnprintf(row.name + prefix, sizeof row.name - (size_t)prefix, format, arguments);
    row.requirements = requirements;
    row.runs = row.sink->begin(row.sink->context, row.name, requirements);
    if (!row.runs) return false;
    row.text[0] = 0;
    row.verdict = CF_VERDICT_PASS;
    row.error = -1;
    row.leaves = false;
    row.random = 0xcbf29ce484222325u ^ run_seed;
    for (const char *c = row.name; *c; c++) row.random = (row.random ^ (unsigned char)*c) * 0x100000001b3u;
    row.started = now();
    return true;
}

bool cf_begin(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    bool runs = begin(row.of->requirements, format, arguments);
    va_end(arguments);
    return runs;
}

bool cf_begin_for(const char *requirements, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    bool runs = begin(requirements, format, arguments);
    va_end(arguments);
    return runs;
}

const char *cf_row_name(void) {
    return row.name;
}

const char *cf_row_requirements(void) {
    return row.requirements;
}

/* The first failure stands; a failure outweighs that a row does not apply. */
static void conclude(cf_verdict verdict, const char *format, va_list arguments) {
    if (row.verdict == CF_VERDICT_FAIL) return;
    row.verdict = verdict;
    vsnprintf(row.text, sizeof row.text, format, arguments);
}

void cf_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    conclude(CF_VERDICT_FAIL, format, arguments);
    va_end(arguments);
}

bool cf_failed(void) {
    return row.verdict == CF_VERDICT_FAIL;
}

void cf_not_applicable(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    conclude(CF_VERDICT_NOT_APPLICABLE, format, arguments);
    va_end(arguments);
}

void cf_leaves_behind(void) {
    row.leaves = true;
}

void cf_note_error(double error) {
    if (!(error <= row.error)) row.error = error;
}

uint64_t cf_random(void) {
    uint64_t z = row.random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void cf_set_seed(uint64_t seed) {
    run_seed = seed;
}

void cf_run_case(const cf_case *one, const cf_sink *sink) {
    row.of = one;
    row.sink = sink;
    one->run();
    end_row();
}
