#include "harness/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "harness/record.h"

/* X(NAME, "name", argument, most, meaning) */
#define OPTION_TABLE(X)                                                                                                \
    X(PROFILE, "profile", "P[,P]", 1, "runtime, base, graph, abi, model or all; else what the device takes")           \
    X(FILTER, "filter", "GLOB", CFH_MOST_FILTERS, "run the rows, or cases, of such names; may come again")             \
    X(LIST, "list", NULL, 1, "list the rows instead of running them")                                                  \
    X(DEVICE, "device", "N", 1, "the plugin's device N instead of 0")                                                  \
    X(SEED, "seed", "S", 1, "seed of random numbers and of shuffling")                                                 \
    X(SHUFFLE, "shuffle", NULL, 1, "shuffle the first run, too")                                                       \
    X(JOBS, "jobs", "N", 1, "worker processes at a time; else one for each core")                                      \
    X(REPEAT, "repeat", "N", 1, "run everything N times; a verdict that differs is a failure")                         \
    X(QUICK, "quick", NULL, 1, "one run; it cannot end with \"conformant\"")                                           \
    X(PATIENCE, "patience", "F", 1, "multiply all time limits by F")                                                   \
    X(RECORDS, "records", "FILE", 1, "write what happens here, as it happens")                                         \
    X(RESUME, "resume", "FILE", 1, "go on with a run that was cut off, from its records")                              \
    X(JSON, "json", "FILE", 1, "write a report in JSON")                                                               \
    X(JUNIT, "junit", "FILE", 1, "write a report in JUnit's XML")                                                      \
    X(HTML, "html", "FILE", 1, "write a report as one HTML page")                                                      \
    X(KNOWN, "known-failures", "FILE", 1, "failures that are accepted; `tenon report --help` shows how")               \
    X(MUTANTS, "mutants", NULL, 1, "test the suite instead: on plugins with one planted defect each")

#define CONSTANT(NAME, name, argument, most, meaning) OPTION_##NAME,
enum { OPTION_TABLE(CONSTANT) OPTION_COUNT };
#undef CONSTANT
#define ROW(NAME, name, argument, most, meaning) {name, argument, most, meaning},
static const cli_option table[] = {OPTION_TABLE(ROW)};
#undef ROW

static const cli_verb verb = {
    .name = "test",
    .arguments = "PLUGIN|ID",
    .summary = "Tests a device for conformance, in processes of its own",
    .details =
        "PLUGIN is the path of a plugin's file, with a slash in it; ID is that of an installed one: \"cpu\", or\n"
        "\"cpu:1\" for its second device. Without --filter and --quick, all is run a second time in another order.\n"
        "Rows are called CASE.ROW, as --list prints them: --filter 'map_add.f32*' takes some, --filter map_add all.\n"
        "What failed is told by case in the end, with VENDOR_GUIDE.md's rules and the command that shows it again.\n"
        "Exits with 0 when all passed, 1 when something failed, 2 usage, 3 untrusted, 4 incompatible, 5 no device,\n"
        "6 no verdict: the device stopped working, or what was seen could not be written.\n",
    .least_arguments = 0,
    .most_arguments = 1,
    .options = table,
    .option_count = OPTION_COUNT,
};

/* -- Profiles -- */

uint32_t cfh_profiles_parse(const char *text) {
    uint32_t profiles = 0;
    while (*text) {
        char name[32];
        size_t length = strcspn(text, ",");
        (void)snprintf(name, sizeof name, "%.*s", length < 31 ? (int)length : 31, text);
        uint32_t one = strcmp(name, "all") == 0 ? CF_PROFILE_LIMIT - 1 : cf_profile_named(name);
        if (!one) {
            (void)cli_usage(&verb, "there is no profile '%s': runtime, base, graph, abi, model, all", name);
            return 0;
        }
        profiles |= one;
        text += length + (text[length] == ',');
    }
    if (!profiles) (void)cli_usage(&verb, "--profile names no profile");
    return profiles;
}

const char *cfh_profiles_text(uint32_t profiles) {
    static char texts[2][64];
    static int turn;
    char *text = texts[turn = !turn];
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t bit = 1; bit < CF_PROFILE_LIMIT; bit *= 2)
        if (profiles & bit)
            length += (size_t)snprintf(text + length, sizeof texts[0] - length, "%s%s", length ? "," : "",
                                       cf_profile_name(bit));
    return text;
}

/* -- Options -- */

enum { MOST_DEVICES = 1023 };

/* A path has a slash in it; what has none is an id. */
static int take_plugin(const char *text, cfh_options *o) {
    static char path[PATH_MAX], id[64];
    if (strchr(text, '/')) {
        struct stat info;
        if (!realpath(text, path) || stat(path, &info) != 0) {
            cli_line(stderr, "tenon test: %s: %s; give the path of a plugin's .so file", text, strerror(errno));
            return CLI_USAGE;
        }
        if (S_ISDIR(info.st_mode)) {
            cli_line(stderr, "tenon test: %s is a folder; give the path of the plugin's .so file in it", text);
            return CLI_USAGE;
        }
        o->setup.plugin = path;
        return CLI_OK;
    }
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    char *end = NULL;
    if (length == 0 || length >= sizeof id) return cli_usage(&verb, "'%s' is no plugin's id", text);
    unsigned long index = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;
    if (colon && (!end || *end || index > MOST_DEVICES))
        return cli_usage(&verb, "'%s' is no device: ID or ID:INDEX, INDEX at most %d", text, MOST_DEVICES);
    o->setup.index = (uint32_t)index;
    (void)snprintf(id, sizeof id, "%.*s", (int)length, text);
    o->setup.id = id;
    return CLI_OK;
}

static bool take_seed(const cli_call *call, uint64_t *out_seed) {
    const char *text = cli_value(call, OPTION_SEED);
    char *end;
    if (!text) return true;
    errno = 0;
    *out_seed = strtoull(text, &end, 0);
    if (*text && *text != '-' && !*end && errno == 0) return true;
    (void)cli_usage(&verb, "--seed is '%s'; it must be a whole number below 2^64", text);
    return false;
}

static bool take_patience(const cli_call *call, double *out_patience) {
    const char *text = cli_value(call, OPTION_PATIENCE);
    char *end;
    if (!text) return true;
    *out_patience = strtod(text, &end);
    if (*text && !*end && isfinite(*out_patience) && *out_patience >= 0.01 && *out_patience <= 1000) return true;
    (void)cli_usage(&verb, "--patience is '%s'; it must be a number from 0.01 to 1000", text);
    return false;
}

static bool take_numbers(const cli_call *call, cfh_options *o) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t jobs, repeat, index;
    if (!cli_number(&verb, call, OPTION_JOBS, 1, 64,
                    cores < 1    ? 1
                    : cores > 64 ? 64
                                 : cores,
                    &jobs) ||
        !cli_number(&verb, call, OPTION_REPEAT, 1, 100, 1, &repeat) ||
        !cli_number(&verb, call, OPTION_DEVICE, 0, MOST_DEVICES, o->setup.index, &index) ||
        !take_seed(call, &o->setup.seed) || !take_patience(call, &o->setup.patience))
        return false;
    o->setup.jobs = (uint32_t)jobs;
    o->setup.index = (uint32_t)index;
    o->repeat = (uint32_t)repeat;
    return true;
}

static void take_files(const cli_call *call, cfh_options *o) {
    o->records = cli_value(call, OPTION_RECORDS);
    o->resume = cli_value(call, OPTION_RESUME);
    o->junit = cli_value(call, OPTION_JUNIT);
    o->json = cli_value(call, OPTION_JSON);
    o->html = cli_value(call, OPTION_HTML);
    o->known_failures = cli_value(call, OPTION_KNOWN);
    o->shuffle = cli_value(call, OPTION_SHUFFLE);
    o->quick = cli_value(call, OPTION_QUICK);
    o->list = cli_value(call, OPTION_LIST);
    o->mutants = cli_value(call, OPTION_MUTANTS);
    for (const char *f; (f = cli_value_at(call, OPTION_FILTER, o->filter_count));) o->filters[o->filter_count++] = f;
}

/* What a run that goes on has in its records' header, and can't be given anew. NULL where nothing of it was. */
static const char *find_settled(const cli_call *call) {
    static const uint32_t settled[] = {OPTION_PROFILE, OPTION_FILTER, OPTION_DEVICE, OPTION_SEED,
                                       OPTION_SHUFFLE, OPTION_REPEAT, OPTION_QUICK,  OPTION_MUTANTS};
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++)
        if (cli_value(call, settled[i])) return table[settled[i]].name;
    return call->layers ? "layers" : NULL;
}

static int take_call(const cli_call *call, cfh_options *o) {
    const char *profile = cli_value(call, OPTION_PROFILE);
    take_files(call, o);
    if (o->resume && o->records) return cli_usage(&verb, "--resume goes on in its own file: no --records beside it");
    const char *settled = o->resume ? find_settled(call) : NULL;
    if (settled) return cli_usage(&verb, "--resume goes on with the options of its run: no --%s beside it", settled);
    if (call->argument_count == 0 && !o->resume && !o->mutants) return cli_usage(&verb, "PLUGIN|ID is missing");
    if (call->argument_count && take_plugin(call->arguments[0], o) != CLI_OK) return CLI_USAGE;
    if (profile && !(o->profile = cfh_profiles_parse(profile))) return CLI_USAGE;
    if (!take_numbers(call, o)) return CLI_USAGE;
    const char *layers = call->layers ? call->layers : getenv("TENON_LAYERS");
    o->setup.layers = layers ? layers : "";
    return CLI_OK;
}

#ifdef TENON_SANITIZED
#define PATIENCE 6 /* sanitizers make a row that much slower */
#else
#define PATIENCE 1
#endif

int cfh_options_parse(int count, char **arguments, cfh_options *out_options) {
    static char program[PATH_MAX];
    cli_call call;
    *out_options = (cfh_options){.setup = {.program = program, .patience = PATIENCE, .batch = 64, .life = 4096}};
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        cli_line(stderr, "tenon test: /proc/self/exe cannot be read: %s", strerror(errno));
        return CLI_FAILED;
    }
    int code = cli_parse(&verb, count, arguments, &call);
    if (code != CLI_OK) return code;
    code = take_call(&call, out_options);
    cli_call_free(&call);
    return code;
}

void cfh_options_free(cfh_options *options) {
    *options = (cfh_options){0};
}
