/* The rows that a case has for a device, listed without it: cases list rows by what a device declares, and the records'
 * header has that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases/case.h"
#include "device/objects.h"
#include "report/report.h"

enum { LIST_SECONDS = 20, MOST_TYPES = 1024 };

static double number_of(const report *r, const char *key) {
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(r->records.header, "device");
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(device, key);
    return cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < UINT32_MAX ? number->valuedouble
                                                                                                  : 0;
}

/* A device that can be asked what it is, and nothing else. */
static void pretend(const report *r) {
    static tenon_memory_type types[MOST_TYPES];
    static tenon__hooks hooks;
    static tenonh_device device;
    double count = number_of(r, "memory_types");
    device.info = (tenon_device_info){.struct_size = sizeof device.info,
                                      .name = report_header_in(r, "device", "title"),
                                      .driver_version = report_header_in(r, "device", "driver"),
                                      .architecture = report_header_in(r, "device", "architecture"),
                                      .work_kinds = (uint32_t)number_of(r, "work_kinds")};
    for (uint32_t i = 0; i < MOST_TYPES; i++)
        types[i].alignment = types[i].flush_unit = 1; /* cases may divide by them */
    device.hooks = &hooks;
    device.types = types;
    device.type_count = count < MOST_TYPES ? (uint32_t)count : MOST_TYPES;
    cf_under_test = (cf_device){.device = &device, .name = report_header_in(r, "device", "name")};
}

static bool tell_name(void *context, const char *name, const char *requirements) {
    (void)requirements;
    fprintf(context, "%s\n", name);
    return false;
}

static int list(const report *r, const cf_case *of, int file) {
    FILE *out = fdopen(file, "we");
    (void)alarm(LIST_SECONDS);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)freopen("/dev/null", "we", stderr);
    pretend(r);
    if (out) cf_run_case(of, &(cf_sink){.context = out, .begin = tell_name});
    return out && fclose(out) == 0 ? 0 : 1;
}

/* In a process of its own, so that a case which asks for more harms nothing. */
char *report_list_rows(const report *r, const cf_case *of) {
    int ends[2];
    char *names = NULL;
    size_t size = 0;
    if (pipe(ends) != 0) return NULL;
    pid_t child = fork();
    if (child == 0) _exit(list(r, of, ends[1]));
    close(ends[1]);
    FILE *in = fdopen(ends[0], "re"), *text = open_memstream(&names, &size);
    char chunk[4096];
    for (size_t got; in && text && (got = fread(chunk, 1, sizeof chunk, in)) > 0;) (void)fwrite(chunk, 1, got, text);
    if (in) fclose(in);
    if (!text || fclose(text) != 0) free(names), names = NULL;
    int state = -1;
    if (child > 0) (void)waitpid(child, &state, 0);
    if (state == 0) return names;
    free(names);
    return NULL;
}
