#include "harness/mutants.h"

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli.h"
#include "harness/run.h"
#include "harness/session.h"

enum { MOST_GLOBS = 16, MOST_JOBS = 64 };

enum { OPEN, KILLED, ELSEWHERE, SURVIVED, NO_PLUGIN, NO_ROWS };
static const char *const fates[] = {
    "not run",           "killed", "killed by a row about something else", "survived", "its plugin is not here",
    "no row is about it"};

typedef struct mutant {
    const char *name, *kind, *class, *cases, *hook, *meaning;
    uint32_t passes_onnx;
    /* What became of it. */
    bool chosen;
    uint32_t fate, rows;
    double seconds;
    char row[256], text[1024];
} mutant;

static mutant mutants[] = {
#define MUTANT(name, kind, class, cases, hook, parameter, passes_onnx, meaning)                                        \
    {#name, #kind, #class, cases, hook, meaning, passes_onnx, false, OPEN, 0, 0, "", ""},
#include "mutants/mutants.def"
};
enum { COUNT = sizeof mutants / sizeof *mutants };

static const char *const kinds[] = {"cpu", "npu", "dsp"};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct job {
    const cfh_options *options;
    char wrapper[PATH_MAX];       /* the plugin that plants defects */
    char inside[KINDS][PATH_MAX]; /* plugins; "" where there is none */
    char cache[64]; /* folder for caches, one for each mutant: what is known of one is not of the others */
    pthread_mutex_t mutex;
    uint32_t next;
    FILE *out;
} job;

static uint32_t kind_of(const char *name) {
    uint32_t kind = 0;
    while (kind + 1 < KINDS && strcmp(kinds[kind], name) != 0) kind++;
    return kind;
}

/* -- Files ------------------------------------------------------------------------------------------------------------ */

static void beside_program(const job *j, const char *name, char *out_path) {
    const char *program = j->options->setup.program, *slash = strrchr(program, '/');
    (void)snprintf(out_path, PATH_MAX, "%.*s/%s", slash ? (int)(slash - program) : 1, slash ? program : ".", name);
}

/* A fake of the build tree, or an installed plugin. */
static void find_plugin(job *j, uint32_t kind) {
    char name[64];
    (void)snprintf(name, sizeof name, "../../fakes/libtenon_%s.so", kinds[kind]);
    beside_program(j, name, j->inside[kind]);
    if (access(j->inside[kind], R_OK) == 0) return;
    cfh_session session;
    cfh_setup setup = j->options->setup;
    setup.plugin = NULL;
    setup.id = kinds[kind];
    bool open = cfh_session_open(&setup, CF_PROFILE_RUNTIME, NULL, 0, &session);
    (void)snprintf(j->inside[kind], PATH_MAX, "%s", open ? session.path : "");
    cfh_session_free(&session);
}

/* The plugin that was asked for, under the kind of its id, or else of the work that it takes. */
static int take_plugin(job *j) {
    cfh_session session;
    if (!cfh_session_open(&j->options->setup, CF_PROFILE_RUNTIME, NULL, 0, &session)) {
        cli_line(stderr, "tenon test: %s: %s", session.reason, session.text);
        int code = session.exit_code;
        cfh_session_free(&session);
        return code;
    }
    const cJSON *plugin = cJSON_GetObjectItemCaseSensitive(session.facts, "plugin");
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(session.facts, "device");
    const char *id = cfh_text_of(plugin, "id");
    bool graphs = (uint32_t)cfh_number_of(device, "work_kinds", 0) == TENON_WORK_GRAPH;
    uint32_t kind = kind_of(id);
    if (strcmp(kinds[kind], id) != 0) kind = kind_of(graphs ? "npu" : "cpu");
    (void)snprintf(j->inside[kind], PATH_MAX, "%s", session.path);
    cfh_session_free(&session);
    return CLI_OK;
}

static int find_files(job *j) {
    beside_program(j, "conformance/libtenon_mutant.so", j->wrapper);
    if (access(j->wrapper, R_OK) != 0) {
        cli_line(stderr, "tenon test: %s: %s; it is part of Tenon's build tree", j->wrapper, strerror(errno));
        return CLI_FAILED;
    }
    (void)snprintf(j->cache, sizeof j->cache, "/tmp/tenon-mutants-XXXXXX");
    if (!mkdtemp(j->cache)) {
        cli_line(stderr, "tenon test: no folder in /tmp: %s", strerror(errno));
        return CLI_FAILED;
    }
    if (j->options->setup.plugin || j->options->setup.id) return take_plugin(j);
    for (uint32_t kind = 0; kind < KINDS; kind++) find_plugin(j, kind);
    return CLI_OK;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* -- Trials ----------------------------------------------------------------------------------------------------------- */

/* Patterns of a row's name, apart. Owner: buffer. */
static uint32_t split(const char *cases, char *buffer, size_t size, const char **out_globs) {
    uint32_t count = 0;
    char *rest = buffer;
    (void)snprintf(buffer, size, "%s", cases);
    for (char *glob; count < MOST_GLOBS && (glob = strtok_r(rest, " ", &rest));)
        if (strcmp(glob, "load") != 0) out_globs[count++] = glob;
    return count;
}

static bool is_about(const mutant *m, const char *row) {
    char buffer[512];
    const char *globs[MOST_GLOBS];
    if (strcmp(row, "load") == 0) return strncmp(m->cases, "load", 4) == 0;
    uint32_t count = split(m->cases, buffer, sizeof buffer, globs);
    for (uint32_t i = 0; i < count; i++)
        if (fnmatch(globs[i], row, 0) == 0) return true;
    return false;
}

/* Runs rows with a defect, or with "none". */
static void try_rows(const job *j, const char *defect, uint32_t kind, uint32_t jobs, const char *const *globs,
                     uint32_t glob_count, cfh_trial *out_trial) {
    char planted[128], inside[PATH_MAX + 32], cache[192];
    const char *const environment[] = {planted, inside, cache, "TENON_LAYERS=", NULL};
    (void)snprintf(planted, sizeof planted, "MUTANT=%s", defect);
    (void)snprintf(inside, sizeof inside, "MUTANT_PLUGIN=%s", j->inside[kind]);
    (void)snprintf(cache, sizeof cache, "TENON_CACHE_DIR=%s/%s", j->cache, defect);
    cfh_setup setup = j->options->setup;
    setup.plugin = j->wrapper;
    setup.id = NULL;
    setup.jobs = jobs;
    setup.environment = environment;
    bool models = glob_count && strncmp(globs[0], "model_", 6) == 0; /* a profile that is run where it is asked for */
    cfh_trial_run(&setup, models ? CF_PROFILE_MODEL : 0, globs, glob_count, out_trial);
}

static void take_kill(mutant *m, const cfh_trial *trial) {
    m->rows += trial->rows;
    bool no_rows = trial->refused && strncmp(trial->text, "NO_ROWS", 7) == 0;
    if (no_rows || (!trial->refused && trial->verdict == CF_VERDICT_PASS)) return;
    (void)snprintf(m->row, sizeof m->row, "%s", trial->refused ? "load" : trial->row);
    (void)snprintf(m->text, sizeof m->text, "%s", trial->text);
    m->fate = is_about(m, m->row) ? KILLED : ELSEWHERE;
}

static void try_mutant(const job *j, mutant *m) {
    char buffer[512];
    const char *globs[MOST_GLOBS];
    cfh_trial trial;
    uint32_t kind = kind_of(m->kind), count = split(m->cases, buffer, sizeof buffer, globs);
    uint64_t start = cfh_now();
    if (!j->inside[kind][0]) {
        m->fate = NO_PLUGIN;
        return;
    }
    if (count == 0) globs[count++] = "enumeration.*"; /* load alone: any row, for there to be one */
    try_rows(j, m->name, kind, 1, globs, count, &trial);
    take_kill(m, &trial);
    bool none = m->rows == 0 && m->fate == OPEN;
    if (m->fate == OPEN && !j->options->quick) {
        try_rows(j, m->name, kind, 1, NULL, 0, &trial);
        take_kill(m, &trial);
    }
    if (m->fate == OPEN) m->fate = none ? NO_ROWS : SURVIVED;
    m->seconds = (double)(cfh_now() - start) * 1e-9;
}

/* -- All of them ------------------------------------------------------------------------------------------------------ */

static void tell(job *j, const mutant *m) {
    if (m->fate == KILLED)
        (void)fprintf(j->out, "%-40s %s: %.120s\n", m->name, m->row, m->text);
    else
        (void)fprintf(j->out, "%-40s %s%s%s (%s)\n", m->name, fates[m->fate], m->row[0] ? ": " : "", m->row,
                      m->meaning);
    (void)fflush(j->out);
}

static void *work(void *context) {
    job *j = context;
    for (;;) {
        pthread_mutex_lock(&j->mutex);
        while (j->next < COUNT && !mutants[j->next].chosen) j->next++;
        mutant *m = j->next < COUNT && !cfh_interrupted ? &mutants[j->next++] : NULL;
        pthread_mutex_unlock(&j->mutex);
        if (!m) return NULL;
        try_mutant(j, m);
        if (cfh_interrupted) return NULL; /* what it found says nothing */
        pthread_mutex_lock(&j->mutex);
        tell(j, m);
        pthread_mutex_unlock(&j->mutex);
    }
}

static void try_all(job *j) {
    pthread_t threads[MOST_JOBS];
    uint32_t count = 0, wanted = j->options->setup.jobs < MOST_JOBS ? j->options->setup.jobs : MOST_JOBS;
    while (count + 1 < wanted && pthread_create(&threads[count], NULL, work, j) == 0) count++;
    (void)work(j);
    for (uint32_t i = 0; i < count; i++) (void)pthread_join(threads[i], NULL);
}

static bool is_chosen(const cfh_options *options, const mutant *m) {
    if (options->filter_count == 0) return true;
    for (uint32_t i = 0; i < options->filter_count; i++)
        if (fnmatch(options->filters[i], m->name, 0) == 0 || strcasecmp(options->filters[i], m->class) == 0)
            return true;
    return false;
}

static uint32_t choose(const job *j) {
    bool one_plugin = j->options->setup.plugin || j->options->setup.id;
    uint32_t count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        mutants[i].chosen =
            is_chosen(j->options, &mutants[i]) && (!one_plugin || j->inside[kind_of(mutants[i].kind)][0]);
        count += mutants[i].chosen;
    }
    return count;
}

/* Without a defect, every row that has killed a mutant must pass: else its kills say nothing. */
static bool try_unmutated(job *j, uint32_t kind) {
    static const char *rows[COUNT + 1];
    uint32_t count = 0;
    cfh_trial trial;
    for (uint32_t i = 0; i < COUNT; i++)
        if (mutants[i].chosen && kind_of(mutants[i].kind) == kind && mutants[i].row[0]) rows[count++] = mutants[i].row;
    if (count == 0 || !j->inside[kind][0]) return true;
    rows[count] = "enumeration.*"; /* for a row to be there, if every mutant was killed by loading */
    try_rows(j, "none", kind, j->options->setup.jobs, rows, count + 1, &trial);
    bool passed = !trial.refused && trial.verdict == CF_VERDICT_PASS;
    if (passed)
        (void)fprintf(j->out, "%s passes these rows without a defect: %u\n", kinds[kind], trial.rows);
    else
        cli_line(stderr, "tenon test: without a defect %s fails, too: %s: %s", kinds[kind],
                 trial.refused ? "load" : trial.row, trial.text);
    return passed;
}

/* -- What came of it -------------------------------------------------------------------------------------------------- */

static uint32_t count_of(uint32_t fate) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < COUNT; i++) count += mutants[i].chosen && mutants[i].fate == fate;
    return count;
}

static cJSON *describe(const mutant *m) {
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", m->name);
    cJSON_AddStringToObject(one, "kind", m->kind);
    cJSON_AddStringToObject(one, "class", m->class);
    cJSON_AddStringToObject(one, "hook", m->hook);
    cJSON_AddStringToObject(one, "meaning", m->meaning);
    cJSON_AddBoolToObject(one, "passes_onnx", m->passes_onnx);
    cJSON_AddStringToObject(one, "fate", fates[m->fate]);
    if (m->row[0]) cJSON_AddStringToObject(one, "row", m->row);
    if (m->text[0]) cJSON_AddStringToObject(one, "text", m->text);
    cJSON_AddNumberToObject(one, "rows", m->rows);
    cJSON_AddNumberToObject(one, "seconds", m->seconds);
    return one;
}

static int write_json(const char *path, uint32_t planted) {
    cJSON *all = cJSON_CreateObject();
    cJSON_AddNumberToObject(all, "planted", planted);
    cJSON_AddNumberToObject(all, "killed", count_of(KILLED) + count_of(ELSEWHERE));
    cJSON *list = cJSON_AddArrayToObject(all, "mutants");
    for (uint32_t i = 0; i < COUNT; i++)
        if (mutants[i].chosen) cJSON_AddItemToArray(list, describe(&mutants[i]));
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    FILE *file = fopen(path, "we");
    bool written = file && text && fputs(text, file) >= 0 && fputc('\n', file) >= 0;
    if (file && fclose(file) != 0) written = false;
    free(text);
    if (!written) cli_line(stderr, "tenon test: %s: %s", path, strerror(errno));
    return written ? CLI_OK : CLI_FAILED;
}

static int conclude(job *j, uint32_t planted) {
    uint32_t killed = count_of(KILLED) + count_of(ELSEWHERE), onnx = 0;
    for (uint32_t i = 0; i < COUNT; i++) onnx += mutants[i].chosen && mutants[i].passes_onnx;
    for (uint32_t fate = ELSEWHERE; fate <= NO_ROWS; fate++)
        for (uint32_t i = 0; i < COUNT; i++)
            if (mutants[i].chosen && mutants[i].fate == fate)
                (void)fprintf(j->out, "%s: %s: %s\n", fates[fate], mutants[i].name, mutants[i].meaning);
    (void)fprintf(j->out, "mutants: %u/%u killed; %u of them pass ONNX's node tests\n", killed, planted, onnx);
    int code = killed == planted && count_of(ELSEWHERE) == 0 ? CLI_OK : CLI_FAILED;
    if (j->options->json && write_json(j->options->json, planted) != CLI_OK) code = CLI_FAILED;
    return code;
}

static int carry_out(job *j) {
    int code = find_files(j);
    uint32_t planted = code == CLI_OK ? choose(j) : 0;
    if (code != CLI_OK) return code;
    if (planted == 0) {
        cli_line(stderr, "tenon test: no mutant is chosen");
        return CLI_USAGE;
    }
    try_all(j);
    if (cfh_interrupted) return CLI_FAILED;
    bool passed = true;
    for (uint32_t kind = 0; kind < KINDS; kind++) passed = try_unmutated(j, kind) && passed;
    code = conclude(j, planted);
    return passed ? code : CLI_FAILED;
}

int cfh_mutants_main(const cfh_options *options) {
    job j = {.options = options, .out = stdout};
    pthread_mutex_init(&j.mutex, NULL);
    int code = carry_out(&j);
    pthread_mutex_destroy(&j.mutex);
    if (j.cache[0]) (void)nftw(j.cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
