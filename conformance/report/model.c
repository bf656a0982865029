/* Reads records, and brings the runs of each row together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tenon/helpers.h>

#include "report/report.h"
#include "support/error.h"

static const struct {
    const char *name;
    uint32_t weight;
} outcomes[REPORT_OUTCOME_COUNT] = {
#define ROW(NAME, name, weight) {name, weight},
    REPORT_OUTCOME_TABLE(ROW)
#undef ROW
};

const char *report_outcome_name(report_outcome outcome) {
    return outcomes[outcome].name;
}

uint32_t report_outcome_weight(report_outcome outcome) {
    return outcomes[outcome].weight;
}

/* -- Outcomes ----------------------------------------------------------------------------------------------------- */

static report_outcome outcome_of(const cf_record_row *row) {
    static const report_outcome of_verdict[CF_VERDICT_COUNT] = {
        [CF_VERDICT_PASS] = REPORT_PASS,   [CF_VERDICT_FAIL] = REPORT_FAIL,
        [CF_VERDICT_CRASH] = REPORT_CRASH, [CF_VERDICT_NOT_APPLICABLE] = REPORT_NOT_APPLICABLE,
        [CF_VERDICT_HANG] = REPORT_HANG,   [CF_VERDICT_NO_VERDICT] = REPORT_NO_VERDICT,
    };
    return row->ended ? of_verdict[row->verdict] : REPORT_NOT_RUN;
}

/* What the runs of row `index` come to: the worst of them, and whether those that ran it say the same. */
static void gather(const cf_records *records, uint32_t index, report_row *out_row) {
    bool agree = true;
    *out_row = (report_row){.shown = &records->rows[index], .outcome = outcome_of(&records->rows[index])};
    report_outcome first = out_row->outcome;
    for (uint32_t run = 1; run < records->run_count; run++) {
        const cf_record_row *row = &records->rows[(size_t)run * records->row_count + index];
        report_outcome outcome = outcome_of(row);
        bool said = outcome != REPORT_NOT_RUN && first != REPORT_NOT_RUN;
        agree = agree && (!said || outcome == first);
        if (outcome > out_row->outcome) *out_row = (report_row){.shown = row, .outcome = outcome};
    }
    if (!agree) out_row->outcome = REPORT_DISAGREE;
}

/* An expected failure is none; what was expected to fail and passed is one. An entry that has expired excuses nothing. */
static void excuse(report *r, report_row *row) {
    report_known *known = report_known_of(r, row->shown->name);
    row->known = known;
    if (!known) return;
    bool bad = report_outcome_weight(row->outcome) == REPORT_BAD;
    known->covered++;
    if (bad && known->failed++ == 0) known->first_failed = row->shown->name;
    if (row->outcome == REPORT_PASS && known->passed++ == 0) known->first_passed = row->shown->name;
    if (known->expired) return;
    if (bad) row->outcome = REPORT_KNOWN;
    if (row->outcome == REPORT_PASS) row->outcome = REPORT_UNEXPECTED_PASS;
}

static tenon_status make_rows(report *r) {
    r->rows = calloc((size_t)r->records.row_count + 1, sizeof *r->rows);
    if (!r->rows) return tenon__fail_memory();
    if (r->records.run_count == 0) r->records.row_count = 0; /* rows were listed, and none was begun */
    for (uint32_t i = 0; i < r->records.row_count; i++) {
        gather(&r->records, i, &r->rows[i]);
        excuse(r, &r->rows[i]);
        r->counts[r->rows[i].outcome]++;
    }
    return TENON_STATUS_OK;
}

/* -- Reading ------------------------------------------------------------------------------------------------------ */

/* The day on which the run began; today where its environment does not tell. */
static void day_of(const report *r, char out_day[11]) {
    const char *started = report_header_in(r, "environment", "started");
    if (report_is_day(started)) {
        snprintf(out_day, 11, "%.10s", started);
        return;
    }
    time_t now = time(NULL);
    struct tm parts;
    strftime(out_day, 11, "%Y-%m-%d", gmtime_r(&now, &parts));
}

static tenon_status read_records(const char *path, report *out_report) {
    char error[512] = "";
    *out_report = (report){0};
    if (!cf_records_read(path, &out_report->records, error, sizeof error))
        return tenon__fail(access(path, R_OK) == 0 ? TENON_STATUS_BAD_DATA : TENON_STATUS_IO,
                           "'%s' is no file of records: %s", path, error);
    return TENON_STATUS_OK;
}

tenon_status report_read(const char *path, const char *known_path, report *out_report) {
    char day[11] = "";
    TENON_TRY(read_records(path, out_report));
    day_of(out_report, day);
    if (known_path) TENON_TRY(report_known_read(known_path, day, out_report));
    TENON_TRY(make_rows(out_report));
    report_judge(out_report);
    return TENON_STATUS_OK;
}

/* -- The last line ------------------------------------------------------------------------------------------------ */

int report_exit(const report *r) {
    static const int codes[CF_CLOSE_COUNT] = {
#define CODE(value, NAME, name, code) [value] = code,
        CF_CLOSE_TABLE(CODE)
#undef CODE
    };
    enum { MOST = 125 /* what a shell gives back as it is */ };
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(r->records.final, "exit");
    bool says_why = r->close == CF_CLOSE_REFUSED && cJSON_IsNumber(said); /* why the plugin was not loaded */
    return says_why && said->valueint > 0 && said->valueint <= MOST ? said->valueint : codes[r->close];
}

static cJSON *describe_final(const report *r) {
    uint32_t counts[CF_VERDICT_COUNT] = {0};
    cJSON *final = cJSON_CreateObject(), *flaky = cJSON_CreateArray();
    cJSON_AddStringToObject(final, "verdict", cf_close_name(r->close));
    cJSON_AddStringToObject(final, "claim", r->claim);
    cJSON_AddNumberToObject(final, "exit", report_exit(r));
    for (uint32_t i = 0; i < r->records.row_count; i++) {
        const report_row *row = &r->rows[i];
        counts[row->shown->ended ? row->shown->verdict : CF_VERDICT_NO_VERDICT]++;
        if (row->outcome == REPORT_DISAGREE) cJSON_AddItemToArray(flaky, cJSON_CreateString(row->shown->name));
    }
    cJSON *all = cJSON_AddObjectToObject(final, "counts");
    for (uint32_t i = 0; i < CF_VERDICT_COUNT; i++) cJSON_AddNumberToObject(all, cf_verdict_name(i), counts[i]);
    cJSON_AddItemToObject(final, "flaky", flaky);
    return final;
}

/* Judges the records as they are once they have that line. */
tenon_status report_final(const char *path, const char *plugin_sha256, cJSON **out_final) {
    report r;
    tenon_status status = read_records(path, &r);
    *out_final = NULL;
    if (status == TENON_STATUS_OK && !r.records.final) {
        r.records.final = cJSON_CreateObject();
        cJSON_AddStringToObject(r.records.final, "sha256", plugin_sha256);
        r.records.bound = true;
    }
    if (status == TENON_STATUS_OK) status = make_rows(&r);
    if (status == TENON_STATUS_OK) {
        report_judge(&r);
        *out_final = describe_final(&r);
    }
    report_free(&r);
    return status;
}

void report_free(report *r) {
    cf_records_free(&r->records);
    free(r->rows);
    free(r->known);
    cJSON_Delete(r->known_file);
    *r = (report){0};
}

/* -- Words of the header ------------------------------------------------------------------------------------------ */

static const char *words_of(const cJSON *object, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

const char *report_header(const report *r, const char *key) {
    return words_of(r->records.header, key);
}

const char *report_header_in(const report *r, const char *object, const char *key) {
    return words_of(cJSON_GetObjectItemCaseSensitive(r->records.header, object), key);
}

void report_filters(const report *r, char *out_text, size_t size) {
    const cJSON *one = NULL;
    size_t length = 0;
    out_text[0] = '\0';
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(r->records.header, "filters")) {
        if (!cJSON_IsString(one) || length >= size) continue;
        length += (size_t)snprintf(out_text + length, size - length, "%s%s", length ? " " : "", one->valuestring);
    }
}

void report_seed(const report *r, char *out_text, size_t size) {
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(r->records.header, "seed");
    if (cJSON_IsNumber(seed))
        snprintf(out_text, size, "%.0f", seed->valuedouble);
    else
        snprintf(out_text, size, "%s", cJSON_IsString(seed) ? seed->valuestring : "0");
}

/* 'text' for a shell, with quotes only where they are needed. */
static void add_argument(tenon__text *out, const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%=";
    if (text[0] && text[strspn(text, plain)] == '\0') {
        tenon__text_add(out, text);
        return;
    }
    tenon__text_add(out, "'");
    for (; *text; text++)
        if (*text == '\'')
            tenon__text_add(out, "'\\''");
        else
            tenon__text_append(out, text, 1);
    tenon__text_add(out, "'");
}

void report_command(const report *r, const char *row, tenon__text *out) {
    static const char *const options[] = {"profile", "filter", "seed", "device", "layers"};
    const char *plugin = report_header_in(r, "plugin", r->stable ? "id" : "path"); /* `test` takes either */
    const cJSON *index = cJSON_GetObjectItemCaseSensitive(r->records.header, "index");
    char seed[32], device[16] = "";
    report_seed(r, seed, sizeof seed);
    if (cJSON_IsNumber(index) && index->valueint > 0) snprintf(device, sizeof device, "%d", index->valueint);
    const char *values[] = {report_header(r, "profile"), row, seed, device, report_header(r, "layers")};
    tenon__text_add(out, "tenon test ");
    add_argument(out, plugin[0] ? plugin : report_header_in(r, "device", "name"));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (i > 2 && !values[i][0]) continue; /* as usual */
        tenon__text_format(out, " --%s ", options[i]);
        add_argument(out, values[i]);
    }
}

/* -- Names -------------------------------------------------------------------------------------------------------- */

const char *report_short_name(const report *r, const report_row *row) {
    const char *of = r->records.cases[row->shown->case_index].name, *name = row->shown->name;
    size_t length = strlen(of);
    return strncmp(name, of, length) == 0 && name[length] == '.' ? name + length + 1 : name;
}

const char *report_class(const report *r, const report_row *row) {
    const char *name = report_short_name(r, row), *best = NULL;
    size_t longest = 0;
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++) {
        const tenon_op_row *one = tenon_op_row_of(op);
        size_t length = one ? strlen(one->name) : 0;
        if (length <= longest || strncmp(name, one->name, length) != 0) continue;
        if (name[length] && !strchr("._-", name[length])) continue;
        best = one->name;
        longest = length;
    }
    return best ? best : r->records.cases[row->shown->case_index].name;
}
