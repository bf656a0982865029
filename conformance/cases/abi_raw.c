#include "cases/abi_raw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "device/objects.h"

enum { LEAST_WORDS = 4 /* characters of a report that says something */ };
static const uint64_t block_mark = 0x6b636f6c62776172u;

/* -- The host's side --------------------------------------------------------------------------------------------------- */

/* Precedes a block of host memory; as large as the alignment promised. */
typedef struct block {
    _Alignas(64) uint64_t mark;
    cf_raw_host *owner;
} block;

static cf_raw_host *host_of(const tenon_host *table) {
    cf_raw_host *host = table->context;
    if (host->table != table) host->mistakes++;
    return host;
}

static void host_log(const tenon_host *table, uint32_t level, const char *text) {
    (void)level, (void)text;
    (void)host_of(table);
}

static void host_report(const tenon_host *table, tenon_device *device, tenon_stream *stream, tenon_exec *exec,
                        tenon_status status, const char *text) {
    (void)device, (void)stream, (void)exec, (void)status;
    cf_raw_host *host = host_of(table);
    if (!pthread_equal(host->caller, pthread_self()))
        host->elsewhere++;
    else if (!text || strlen(text) < LEAST_WORDS)
        host->mute++;
    else if (host->reports++ == 0)
        (void)snprintf(host->words, sizeof host->words, "%s", text);
}

static void *host_allocate(const tenon_host *table, uint64_t size) {
    cf_raw_host *host = host_of(table);
    block *made;
    if (size > (uint64_t)1 << 40) return NULL;
    made = aligned_alloc(_Alignof(block), (size + 2 * sizeof *made - 1) / sizeof *made * sizeof *made);
    if (!made) return NULL;
    made->mark = block_mark;
    made->owner = host;
    host->blocks++;
    return made + 1;
}

static void host_release(const tenon_host *table, void *pointer) {
    cf_raw_host *host = host_of(table);
    if (!pointer) return;
    block *given = (block *)pointer - 1;
    if (given->mark != block_mark || given->owner != host) {
        host->mistakes++;
        return;
    }
    given->mark = 0;
    host->blocks--;
    free(given);
}

static uint32_t host_cancelled(const tenon_host *table, const tenon_work *work) {
    (void)work;
    return host_of(table)->cancel;
}

/* The table at the end of a page, of the size and version asked for. */
static bool make_host(cf_raw_host *host, const cf_raw_options *options, uint32_t version) {
    tenon_host table = {
        .abi_version = options->abi_version ? options->abi_version : version,
        .context = host,
        .log = host_log,
        .report = host_report,
        .allocate = host_allocate,
        .release = host_release,
        .cancelled = host_cancelled,
    };
    table.struct_size = options->host_size ? options->host_size : (uint32_t)sizeof table;
    tenon__guard_init(&host->guard);
    void *place = tenon__guard_take(&host->guard, table.struct_size, &host->guarded);
    if (!place) return false;
    memcpy(place, &table, table.struct_size < sizeof table ? table.struct_size : sizeof table);
    host->table = place;
    return true;
}

/* -- Opening ----------------------------------------------------------------------------------------------------------- */

const tenon__library *cf_raw_library(void) {
    return &cf_under_test.device->plugin->library;
}

const tenon_plugin *cf_raw_table(void) {
    return cf_raw_library()->query();
}

const char *cf_raw_path(void) {
    return cf_under_test.device->plugin->path;
}

static bool open_device(cf_raw *raw) {
    uint32_t count = 0, index = cf_under_test.device->index;
    raw->info.struct_size = sizeof raw->info;
    raw->type.struct_size = sizeof raw->type;
    return CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.device.count(raw->instance, &count)) &&
           CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.device.open(raw->instance, index, &raw->device)) &&
           CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.device.info(raw->device, &raw->info)) &&
           CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.type_info(raw->device, 0, &raw->type)) &&
           CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.stream.create(raw->device, &raw->stream));
}

static bool open_all(cf_raw *raw, const cf_raw_options *options) {
    if (options->may_fail) {
        tenon_status status = raw->hooks.plugin.open(raw->host.table, &raw->instance);
        return status == TENON_STATUS_OK && raw->instance && open_device(raw);
    }
    if (!CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.plugin.open(raw->host.table, &raw->instance))) return false;
    if (!raw->instance) cf_fail("open answers OK without an instance (REQ-ERR-03)");
    return raw->instance && (options->no_device || open_device(raw));
}

bool cf_raw_open_table(cf_raw *raw, const tenon__library *library, const tenon_plugin *table,
                       const cf_raw_options *options) {
    static const cf_raw_options plain;
    tenon__verdict verdict = {0};
    if (!options) options = &plain;
    memset(raw, 0, sizeof *raw);
    raw->table = table;
    if (tenon__hooks_negotiate(library, table, &raw->hooks, &raw->version, &verdict) != TENONH_REASON_OK) {
        cf_fail("the loader refuses the table: %s", verdict.detail);
        return false;
    }
    if (make_host(&raw->host, options, raw->version) && open_all(raw, options)) return true;
    if (!options->may_fail) cf_fail("the plugin does not open for another host");
    cf_raw_close(raw);
    return false;
}

bool cf_raw_open(cf_raw *raw, const cf_raw_options *options) {
    return cf_raw_open_table(raw, cf_raw_library(), cf_raw_table(), options);
}

void cf_raw_close(cf_raw *raw) {
    if (raw->stream) raw->hooks.stream.destroy(raw->stream);
    if (raw->device) raw->hooks.device.close(raw->device);
    if (raw->instance) raw->hooks.plugin.close(raw->instance);
    if (raw->host.blocks)
        cf_fail("%lld blocks of host memory were not released before close returned (REQ-ABI-12)",
                (long long)raw->host.blocks);
    if (raw->host.mistakes)
        cf_fail("%u times it used another host's table, or released host memory that it did not hold (REQ-ABI-12)",
                raw->host.mistakes);
    if (raw->host.table) {
        tenon__guard_give(&raw->host.guard, raw->host.guarded);
        tenon__guard_free(&raw->host.guard);
    }
    memset(raw, 0, sizeof *raw);
}

/* -- Answers ----------------------------------------------------------------------------------------------------------- */

void cf_raw_forget(cf_raw *raw) {
    raw->host.reports = raw->host.mute = raw->host.elsewhere = 0;
    raw->host.words[0] = '\0';
    raw->host.caller = pthread_self();
}

static void name_statuses(uint32_t statuses, char *out_text, size_t size) {
    size_t used = 0;
    out_text[0] = '\0';
    for (uint32_t i = 0; i < TENON_STATUS_COUNT && used < size; i++)
        if (statuses >> i & 1)
            used += (size_t)snprintf(out_text + used, size - used, "%s%s", used ? " or " : "", tenon_status_name(i));
}

void cf_raw_doing(cf_raw *raw, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(raw->doing, sizeof raw->doing, format, arguments);
    va_end(arguments);
}

/* "memory.map" of an expression that calls it by the tables, and what was said about the call. */
static void name_call(const cf_raw *raw, const char *call, char *out_text, size_t size) {
    const char *table = strstr(call, "hooks."), *name = table ? table + strlen("hooks.") : call;
    (void)snprintf(out_text, size, "%.*s%s%s", (int)strcspn(name, "("), name, raw->doing[0] ? " " : "", raw->doing);
}

/* A status that is none has no name. */
static void name_answer(const cf_raw *raw, tenon_status got, char *out_text, size_t size) {
    const cf_raw_host *host = &raw->host;
    const char *mark = host->reports ? "\"" : "", *words = host->reports     ? host->words
                                                           : host->mute      ? "no words"
                                                           : host->elsewhere ? "words on another thread"
                                                                             : "nothing";
    if (got < TENON_STATUS_COUNT)
        (void)snprintf(out_text, size, "answers %s", tenon_status_name(got));
    else
        (void)snprintf(out_text, size, "answers %u, which is no status,", got);
    size_t used = strlen(out_text);
    if (got != TENON_STATUS_OK || host->reports)
        (void)snprintf(out_text + used, size - used, " and reports %s%s%s", mark, words, mark);
}

bool cf_raw_answers(cf_raw *raw, tenon_status got, uint32_t statuses, const char *call) {
    char asked[CF_RAW_DOING + 64], answer[CF_RAW_WORDS + 64], due[128];
    bool fits = got < TENON_STATUS_COUNT && statuses >> got & 1, mute = raw->host.reports == 0;
    const char *rules = cf_row_requirements();
    if (!fits || (got != TENON_STATUS_OK && mute)) {
        name_call(raw, call, asked, sizeof asked);
        name_answer(raw, got, answer, sizeof answer);
        name_statuses(statuses, due, sizeof due);
    }
    raw->doing[0] = '\0';
    if (!fits)
        cf_fail("%s %s; due is %s (%.*s)", asked, answer, due, (int)strcspn(rules, " "), rules);
    else if (got != TENON_STATUS_OK && mute)
        cf_fail("%s %s; the status is right, but words that say why are due on the calling thread (REQ-ERR-02)", asked,
                answer);
    return fits && (got == TENON_STATUS_OK || !mute);
}

/* -- Memory ------------------------------------------------------------------------------------------------------------ */

tenon_memory *cf_raw_memory(cf_raw *raw, uint64_t size) {
    uint64_t unit = raw->type.flush_unit ? raw->type.flush_unit : 1;
    tenon_memory *memory = NULL;
    size = (size + raw->type.over_read + unit - 1) / unit * unit;
    if (!CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.memory.allocate(raw->device, 0, size, &memory))) return NULL;
    if (!memory) cf_fail("memory.allocate answers OK without memory (REQ-ERR-03)");
    return memory;
}

bool cf_raw_write(cf_raw *raw, tenon_memory *memory, uint64_t offset, const void *bytes, uint64_t size) {
    tenon_buffer to = {memory, offset};
    return CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.stream.write(raw->stream, to, bytes, size)) &&
           CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.stream.synchronize(raw->stream));
}

bool cf_raw_read(cf_raw *raw, tenon_memory *memory, uint64_t offset, void *bytes, uint64_t size) {
    tenon_buffer from = {memory, offset};
    return CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.stream.read(raw->stream, bytes, from, size)) &&
           CF_ANSWERS(raw, TENON_STATUS_OK, raw->hooks.stream.synchronize(raw->stream));
}
