#include "report/tests/make.h"

#include <stdio.h>
#include <string.h>

#include "harness/record.h"

/* Rows of a case are its words times its dtypes times numbers. */
typedef struct shape {
    const char *name, *requirements, *words[8], *dtypes[6];
    uint32_t numbers;
} shape;

static const shape shapes[] = {
    {"map_values",
     "REQ-OP-02 REQ-OP-03",
     {"add", "mul", "div", "sqrt", "exp2", "sin", "pow"},
     {"f32", "f16", "bf16", "f64"},
     4},
    {"casts", "REQ-OP-05", {"cast"}, {"f32_i8", "f32_f16", "i64_f32"}, 3},
    {"matmuls", "REQ-OP-03", {"matmul"}, {"f32", "f16", "bf16", "f64"}, 9},
    {"reductions", "REQ-OP-03 REQ-OP-06", {"sum", "reduce_max", "prod", "argmax"}, {"f32", "f16", "i32"}, 5},
    {"streams", "REQ-STREAM-02 REQ-STREAM-03", {"order", "sticky"}, {"copy", "fill"}, 2},
    {"process", "REQ-DEV-05", {"close"}, {"device"}, 1}, /* what the harness watches: of no profile */
};

enum { SHAPE_COUNT = sizeof shapes / sizeof *shapes };

typedef struct maker {
    int kind;
    unsigned variant;
    cf_record_writer writer;
    uint32_t index; /* of the row, over all cases */
    cJSON *listed;  /* of the case whose rows are being listed; NULL: rows are being run */
    uint32_t run;
    bool stopped;
} maker;

static const char hostile[] =
    "<script>alert('x')</script> & \"quotes\" ]]> <!-- \x1b[31mred\x07 \xff\xfe\x80 \xef\xbf\xbf \xc2\x85 \xe2\x80\xae"
    "reversed \xed\xa0\x80 \r\n\ttab é 漢字 %s%n";

/* -- Rows --------------------------------------------------------------------------------------------------------- */

static double error_of(const maker *m, const char *word, uint32_t i) {
    if (strcmp(word, "reduce_max") == 0 || strcmp(word, "argmax") == 0 || strcmp(word, "cast") == 0) return -1;
    if (strcmp(word, "order") == 0 || strcmp(word, "sticky") == 0 || strcmp(word, "close") == 0) return -1;
    uint32_t hash = (m->index * 2654435761u) ^ i;
    double part = (double)(hash >> 8 & 0xffff) / 65536;
    return hash % 5 == 0 ? 0 : part * part * 0.98;
}

static bool is_half(const maker *m) {
    return m->kind == MAKE_HALF || m->kind == MAKE_PART;
}

/* What becomes of the row, beside an ordinary pass. */
static void spoil(const maker *m, cf_outcome *outcome) {
    uint32_t at = m->index;
    bool mixed = m->kind == MAKE_MIXED;
    if ((mixed || m->kind == MAKE_HOSTILE) && at == 7)
        outcome->verdict = CF_VERDICT_FAIL, outcome->error = 3.25,
        outcome->text = "element 5 is 1.00390625, 1.0078125 is right: 3.25 times what is allowed (2 ULP)";
    if (mixed && at == 23)
        outcome->verdict = CF_VERDICT_CRASH, outcome->error = -1, outcome->text = "the worker died of SIGSEGV";
    if (mixed && at == 40)
        outcome->verdict = CF_VERDICT_HANG, outcome->error = -1,
        outcome->text = "no answer within 10 s; the worker was killed";
    if ((mixed && at % 17 == 3) || (m->kind == MAKE_LACKING && strncmp(outcome->name, "process", 7) != 0) ||
        (is_half(m) && strncmp(outcome->name, "streams", 7) == 0))
        outcome->verdict = CF_VERDICT_NOT_APPLICABLE, outcome->error = -1, outcome->text = "the device declares no f64";
    if ((mixed || m->kind == MAKE_DISAGREE) && at == 50 && m->run == 1)
        outcome->verdict = CF_VERDICT_FAIL, outcome->text = "element 0 is nan, 2 is right";
    if ((mixed && at == 90) || (m->kind == MAKE_WEDGED && at > 60))
        outcome->verdict = CF_VERDICT_NO_VERDICT, outcome->error = -1,
        outcome->text = "the device was wedged before this row";
    if (m->kind == MAKE_ALL_FAIL || (m->kind == MAKE_LARGE && at % 4001 == 17))
        outcome->verdict = CF_VERDICT_FAIL, outcome->error = 1e5, outcome->text = "all elements are 0";
    if (m->kind == MAKE_IDLE)
        outcome->verdict = CF_VERDICT_FAIL, outcome->error = -1, outcome->text = CF_SIGN_UNTOUCHED "12 elements";
    if (m->kind == MAKE_HOSTILE) outcome->text = hostile;
}

static void run_row(maker *m, const shape *of, const char *word, const char *name, uint32_t i) {
    cf_outcome outcome = {.name = name, .requirements = of->requirements, .text = "", .error = error_of(m, word, i)};
    outcome.nanoseconds = (m->index * 7919u % 900u + 100) * (m->index % 37 == 0 ? 90000u : 1500u) + m->variant * 1000u;
    spoil(m, &outcome);
    (void)cf_record_begin(&m->writer, m->run, m->variant, name);
    if (m->kind == MAKE_UNENDED && m->run == 1 && m->index == 77) {
        m->stopped = true;
        return;
    }
    const char *output = m->variant ? "at 0x7f22" : "at 0x7f11";
    (void)cf_record_end(&m->writer, m->run, &outcome,
                        m->kind == MAKE_HOSTILE ? hostile
                        : outcome.text[0]       ? output
                                                : "");
}

static void take_row(maker *m, const shape *of, const char *word, const char *dtype, uint32_t number) {
    char name[256];
    if (m->kind == MAKE_HOSTILE && m->index == 11)
        snprintf(name, sizeof name, "%s.%s", of->name, hostile);
    else if (m->kind == MAKE_DUPLICATE && m->index % 2)
        snprintf(name, sizeof name, "%s.%s_%s_n%u", of->name, word, dtype, number - 1);
    else
        snprintf(name, sizeof name, "%s.%s_%s_n%u", of->name, word, dtype, number);
    if (m->listed)
        cJSON_AddItemToArray(m->listed, cJSON_CreateString(name));
    else if (!m->stopped)
        run_row(m, of, word, name, number);
    m->index++;
}

static uint32_t numbers_of(const maker *m, const shape *of) {
    return m->kind == MAKE_LARGE ? of->numbers * 85 : m->kind == MAKE_ALL_FAIL ? of->numbers * 13 : of->numbers;
}

static void each_row(maker *m, const shape *of) {
    for (int w = 0; of->words[w]; w++)
        for (int d = 0; of->dtypes[d]; d++)
            for (uint32_t n = 0; n < numbers_of(m, of); n++) take_row(m, of, of->words[w], of->dtypes[d], n + 1);
}

/* -- Other lines -------------------------------------------------------------------------------------------------- */

static const char *word(const maker *m, const char *otherwise) {
    return m->kind == MAKE_HOSTILE ? hostile : otherwise;
}

static void write_header(maker *m, const char *plugin, const char *sha256) {
    cJSON *header = cJSON_CreateObject();
    cJSON_AddNumberToObject(header, "format", CF_RECORD_FORMAT);
    cJSON_AddStringToObject(header, "suite", "0.1.0");
    cJSON_AddStringToObject(header, "profile", is_half(m) ? "runtime,base" : "base");
    cJSON *filters = cJSON_AddArrayToObject(header, "filters");
    if (m->kind == MAKE_FILTERED) cJSON_AddItemToArray(filters, cJSON_CreateString("map_*"));
    if (m->kind == MAKE_PART) cJSON_AddItemToArray(filters, cJSON_CreateString("*"));
    cJSON_AddStringToObject(header, "seed", "0x000000000000002a");
    cJSON *of_plugin = cJSON_AddObjectToObject(header, "plugin");
    cJSON_AddStringToObject(of_plugin, "path", m->variant ? "/elsewhere/libmychip.so" : plugin);
    cJSON_AddStringToObject(of_plugin, "id", "mychip");
    cJSON_AddStringToObject(of_plugin, "vendor", word(m, "Example Semiconductors"));
    cJSON_AddStringToObject(of_plugin, "version", "1.4.2");
    cJSON_AddStringToObject(of_plugin, "abi", MAKE_ABI);
    cJSON_AddStringToObject(of_plugin, "sha256", sha256);
    if (m->kind != MAKE_REFUSED) {
        cJSON *device = cJSON_AddObjectToObject(header, "device");
        cJSON_AddStringToObject(device, "name", "mychip");
        cJSON_AddStringToObject(device, "title", word(m, "MyChip X100, 16 cores"));
        cJSON_AddStringToObject(device, "driver", "3.2.1");
        cJSON_AddStringToObject(device, "architecture", "mc16");
    }
    cJSON *environment = cJSON_AddObjectToObject(header, "environment");
    cJSON_AddStringToObject(environment, "started", m->variant ? "2026-11-24T12:00:00Z" : "2026-11-20T08:30:00Z");
    cJSON_AddStringToObject(environment, "machine", word(m, m->variant ? "runner-2" : "runner-1"));
    cJSON_AddNumberToObject(environment, "jobs", 2);
    (void)cf_record_write(&m->writer, header);
}

static const char *profile_of(const maker *m, const char *name) {
    if (strcmp(name, "process") == 0) return "";
    return is_half(m) && strcmp(name, "streams") == 0 ? "runtime" : "base";
}

static void write_cases(maker *m) {
    m->index = 0;
    for (int i = 0; i < SHAPE_COUNT && m->kind != MAKE_NO_ROWS && m->kind != MAKE_REFUSED; i++) {
        cJSON *line = cJSON_CreateObject();
        cJSON_AddStringToObject(line, "case", shapes[i].name);
        cJSON_AddStringToObject(line, "profile", profile_of(m, shapes[i].name));
        cJSON_AddStringToObject(line, "requirements", shapes[i].requirements);
        cJSON_AddNumberToObject(line, "seconds", 10);
        m->listed = cJSON_AddArrayToObject(line, "rows");
        each_row(m, &shapes[i]);
        m->listed = NULL;
        (void)cf_record_write(&m->writer, line);
    }
}

static void write_run(maker *m, uint32_t run) {
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "run", run);
    cJSON_AddStringToObject(line, "order", run ? "shuffled" : "table");
    (void)cf_record_write(&m->writer, line);
    m->index = 0;
    m->run = run;
    for (int i = 0; i < SHAPE_COUNT && m->kind != MAKE_NO_ROWS; i++) each_row(m, &shapes[i]);
    if (m->kind == MAKE_STRANGER) {
        cf_outcome outcome = {.name = "map_values.nobody", .requirements = "", .text = "", .error = -1};
        (void)cf_record_end(&m->writer, run, &outcome, "");
    }
}

/* What the suite itself would say of a file of that kind. */
static const char *said_of(int kind) {
    switch (kind) {
    case MAKE_GOOD: return "conformant";
    case MAKE_ONE_RUN:
    case MAKE_PART:
    case MAKE_FILTERED: return "passed";
    case MAKE_REFUSED: return "refused";
    case MAKE_WEDGED: return "no verdict";
    default: return "failed";
    }
}

bool make_records(int kind, const char *path, const char *plugin, unsigned variant) {
    char sha256[CF_SHA256_HEX] = "";
    maker m = {.kind = kind, .variant = variant};
    if (!cf_sha256_file(plugin, UINT64_MAX, sha256) || !cf_record_open(path, false, &m.writer)) return false;
    write_header(&m, plugin, sha256);
    write_cases(&m);
    if (kind != MAKE_REFUSED) write_run(&m, 0);
    if (kind != MAKE_REFUSED && kind != MAKE_ONE_RUN) write_run(&m, 1);
    if (kind == MAKE_WEDGED) {
        cJSON *health = cJSON_CreateObject();
        cJSON_AddStringToObject(health, "health", "wedged");
        (void)cf_record_write(&m.writer, health);
    }
    if (!m.stopped) {
        cJSON *final = cJSON_CreateObject();
        cJSON_AddStringToObject(final, "verdict", said_of(kind));
        if (kind == MAKE_REFUSED) {
            cJSON_AddStringToObject(final, "text", "MISSING_HOOK: the plugin has no 'launch' in its group 'work'");
            cJSON_AddNumberToObject(final, "exit", 5);
        }
        (void)cf_record_final(&m.writer, final, sha256);
    }
    bool good = !m.writer.error;
    cf_record_close(&m.writer);
    return good;
}
