#include "harness/worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases/case.h"
#include "cases/cases.h"
#include "harness/heap.h"
#include "harness/message.h"
#include "harness/worker_device.h"
#include "harness/worker_files.h"

/* -- Pipe -- */

static struct stat report_pipe;

/* Whoever closes a file that is not theirs may have got the report pipe; its number may even be another file's now. */
static void tell(cJSON *message) {
    struct stat now;
    if (fstat(CFH_REPORTS, &now) != 0 || now.st_ino != report_pipe.st_ino || now.st_dev != report_pipe.st_dev)
        _exit(CFH_EXIT_PIPE);
    if (!cfh_message_send(CFH_REPORTS, message)) _exit(CFH_EXIT_PIPE);
}

static cJSON *next_command(void) {
    static cfh_inbox inbox;
    cJSON *command = NULL;
    while (!(command = cfh_inbox_take(&inbox)) && !inbox.ended && !inbox.garbled) cfh_inbox_fill(&inbox, CFH_COMMANDS);
    if (!command) _exit(CFH_EXIT_PIPE); /* the harness is gone */
    return command;
}

/* -- Rows -- */

/* A pass over one case: the rows to run, in the order in which they come up. */
typedef struct pass {
    cJSON *next;
    bool stop; /* the process is not fit for more rows */
} pass;

static bool begin_row(void *context, const char *name, const char *requirements) {
    pass *p = context;
    if (p->stop || !p->next || strcmp(name, p->next->valuestring) != 0) return false;
    p->next = p->next->next;
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "begin", name);
    cJSON_AddStringToObject(message, "requirements", requirements);
    tell(message);
    return true;
}

static void tell_outcome(const cf_outcome *outcome) {
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "end", outcome->name);
    cJSON_AddStringToObject(message, "requirements", outcome->requirements);
    cJSON_AddNumberToObject(message, "verdict", outcome->verdict);
    cJSON_AddStringToObject(message, "text", outcome->text);
    char error[40];
    (void)snprintf(error, sizeof error, "%.17g", outcome->error);
    cJSON_AddStringToObject(message, "error", error);
    cJSON_AddNumberToObject(message, "ns", (double)outcome->nanoseconds);
    if (outcome->leaves) cJSON_AddTrueToObject(message, "leaves");
    tell(message);
}

/* The rule that a row has broken with what it leaves behind, NULL for none; *out_fit: the process can go on. */
static const char *look_behind(pass *p, char *out_text, size_t size, bool *out_fit) {
    *out_fit = cfh_heap_check(out_text, size);
    if (!*out_fit) return "REQ-ABI-15";
    bool files_are_whole = cfh_worker_files_check(out_text, size);
    *out_fit = cfh_worker_files_hear();
    if (!files_are_whole) return "REQ-ABI-14";
    p->stop = !cfh_worker_device_works(out_text, size);
    return p->stop ? "REQ-DEV-06" : NULL;
}

/* Looks at what the row leaves behind before its end is told: what it broke is its own fault, not the next row's. */
static void end_row(void *context, const cf_outcome *outcome) {
    char text[768], all[2048];
    cf_outcome told = *outcome;
    bool is_fit;
    const char *broken = look_behind(context, text, sizeof text, &is_fit);
    if (broken) {
        if (outcome->verdict != CF_VERDICT_FAIL) told.requirements = broken;
        const char *before = outcome->verdict == CF_VERDICT_FAIL ? outcome->text : "";
        (void)snprintf(all, sizeof all, "%s%s%s", text, before[0] ? "; the row itself: " : "", before);
        told.verdict = CF_VERDICT_FAIL;
        told.text = all;
    }
    (void)fflush(stdout);
    tell_outcome(&told);
    if (!is_fit) _exit(CFH_EXIT_UNFIT);
}

/* -- What the process uses -- */

static uint32_t count_entries(const char *path) {
    uint32_t count = 0;
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) count += entry->d_name[0] != '.';
    if (folder) closedir(folder);
    return count;
}

/* A sanitizer's own memory grows with what it watches: 0 then, as in heap.c. */
static uint64_t mapped_bytes(void) {
#ifdef TENON_SANITIZED
    return 0;
#else
    unsigned long long whole = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &whole, &resident) != 2) whole = 0; /* NOLINT(cert-err34-c) */
    if (file) (void)fclose(file);
    return whole * (uint64_t)sysconf(_SC_PAGESIZE);
#endif
}

static cJSON *measure(void) {
    cfh_worker_device_settle();
    cfh_heap_settle();
    cfh_heap_use heap = cfh_heap_in_use();
    cJSON *resources = cJSON_CreateObject();
    cJSON_AddNumberToObject(resources, "heap", (double)heap.bytes);
    cJSON_AddNumberToObject(resources, "blocks", (double)heap.blocks);
    cJSON_AddNumberToObject(resources, "files", count_entries("/proc/self/fd"));
    cJSON_AddNumberToObject(resources, "threads", count_entries("/proc/self/task"));
    cJSON_AddNumberToObject(resources, "mapped", (double)mapped_bytes());
    return resources;
}

static void run_rows(cJSON *command) {
    cJSON *passes = cJSON_DetachItemFromObjectCaseSensitive(command, "passes");
    const cJSON *one = NULL;
    pass p = {0};
    cJSON_ArrayForEach(one, passes) {
        double index = cfh_number_of(one, "case", -1);
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(one, "rows");
        if (p.stop || !(index >= 0 && index < cf_case_count) || !rows) continue;
        p.next = rows->child;
        cf_run_case(&cf_cases[(uint32_t)index], &(cf_sink){&p, begin_row, end_row});
    }
    if (p.stop) {
        cJSON *sick = cJSON_CreateObject();
        cJSON_AddStringToObject(sick, "sick", "the device does not work any more");
        tell(sick);
        _exit(0);
    }
    cJSON_Delete(passes); /* the command is none of what is in use */
    cJSON *resources = measure(), *done = cJSON_CreateObject();
    cJSON_AddTrueToObject(done, "done");
    cJSON_AddItemToObject(done, "resources", resources);
    tell(done);
}

/* -- List -- */

static bool list_row(void *context, const char *name, const char *requirements) {
    (void)requirements;
    cJSON_AddItemToArray(context, cJSON_CreateString(name));
    return false;
}

static void end_nothing(void *context, const cf_outcome *outcome) {
    (void)context, (void)outcome;
}

static void list_rows(cJSON *command) {
    uint32_t profile = (uint32_t)cfh_number_of(command, "profile", 0);
    cJSON *message = cJSON_CreateObject(), *cases = cJSON_AddArrayToObject(message, "cases");
    for (uint32_t i = 0; i < cf_case_count; i++) {
        if (!(cf_cases[i].profile & profile)) continue;
        cJSON *one = cJSON_CreateObject();
        cJSON_AddNumberToObject(one, "case", i);
        cJSON *rows = cJSON_AddArrayToObject(one, "rows");
        cf_run_case(&cf_cases[i], &(cf_sink){rows, list_row, end_nothing});
        cJSON_AddItemToArray(cases, one);
    }
    tell(message);
}

/* -- Commands -- */

/* What is in use now is what later looks are compared with: the command but for its name is none of it. */
static void open_device(cJSON *command) {
    cJSON *message = cfh_worker_device_open(command), *member;
    cf_set_seed(strtoull(cfh_text_of(command, "seed"), NULL, 16));
    while ((member = command->child->next)) cJSON_Delete(cJSON_DetachItemViaPointer(command, member));
    if (!message) {
        cJSON *resources = measure();
        char damage[768];
        message = cfh_worker_device_describe();
        cJSON_AddItemToObject(message, "resources", resources);
        if (!cfh_worker_files_check(damage, sizeof damage)) cJSON_AddStringToObject(message, "damage", damage);
    }
    tell(message);
}

static void close_device(cJSON *command) {
    (void)command;
    char text[768];
    cJSON *message = cJSON_CreateObject();
    cfh_worker_device_close();
    bool is_whole = cfh_heap_check(text, sizeof text) && cfh_worker_files_check(text, sizeof text);
    cJSON_AddStringToObject(message, "closed", is_whole ? "" : text);
    tell(message);
}

static const struct {
    const char *name;
    void (*carry_out)(cJSON *command);
} commands[] = {{"open", open_device}, {"list", list_rows}, {"rows", run_rows}, {"close", close_device}};

static bool carry_out(cJSON *command) {
    const char *name = cfh_text_of(command, "do");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i].name) == 0) commands[i].carry_out(command);
    return strcmp(name, "close") != 0;
}

/* What the harness was started with is none of the plugin's. */
static void close_inherited(void) {
    enum { MOST_FILES = 4096 };
    if (syscall(SYS_close_range, 3, CFH_COMMANDS - 1, 0) == 0 && syscall(SYS_close_range, CFH_REPORTS + 1, ~0u, 0) == 0)
        return;
    for (int i = 3; i < MOST_FILES; i++)
        if (i != CFH_COMMANDS && i != CFH_REPORTS) (void)close(i);
}

/* Nothing outlives the harness or dumps core (1 byte: also where a program takes dumps). */
static bool settle(void) {
    const struct rlimit no_core = {1, 1};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_inherited();
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return cfh_worker_files_note() && fstat(CFH_REPORTS, &report_pipe) == 0 &&
           fcntl(CFH_COMMANDS, F_SETFD, FD_CLOEXEC) == 0 && fcntl(CFH_REPORTS, F_SETFD, FD_CLOEXEC) == 0;
}

int cfh_worker_main(void) {
    bool goes_on = settle();
    if (!goes_on) {
        (void)fputs("tenon-conformance: a worker is started by the harness only\n", stderr);
        return CFH_EXIT_USAGE;
    }
    while (goes_on) {
        cJSON *command = next_command();
        goes_on = carry_out(command);
        cJSON_Delete(command);
    }
    return 0;
}
