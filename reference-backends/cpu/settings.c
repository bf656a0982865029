#include "settings.h"

#include "cpu.h"

#include <stdio.h>
#include <string.h>

uint32_t cpu_settings_threads(void) {
    const char *text = cpu_machine_setting("TENON_CPU_THREADS");
    uint32_t number = 0;
    if (!text || strspn(text, "0123456789") != strlen(text)) return 0;
    for (; *text && number <= CPU_SETTINGS_MOST_THREADS; text++) number = number * 10 + (uint32_t)(*text - '0');
    return number <= CPU_SETTINGS_MOST_THREADS ? number : 0;
}

static int is_threads(const char *value) {
    (void)value;
    return cpu_settings_threads() != 0;
}

static int is_isa(const char *value) {
    int known;
    (void)cpu_isa_choose(value, &known);
    return known;
}

static int is_path(const char *value) {
    return value[0] == '/';
}

static int is_blas(const char *value) {
    return strcmp(value, "0") == 0 || is_path(value);
}

typedef struct setting {
    const char *name;
    int (*is_good)(const char *value);
    const char *wanted;
} setting;

static const setting settings[] = {
    {"TENON_CPU_THREADS", is_threads, "a whole number from 1 to 1024"},
    {"TENON_CPU_ISA", is_isa, "an instruction set of this plugin: baseline, avx2, avx512"},
    {"TENON_CPU_BLAS", is_blas, "0 for none, or the absolute path of a library"},
};

static void warn(const tenon_device *device, const char *text) {
    device->host->log(device->host, TENON_LOG_WARNING, text);
}

/* A better instruction set than there is was asked for. */
static void check_isa(const tenon_device *device, const char *wanted) {
    char text[192];
    const char *have = cpu_isa_facts_of(device->isa)->name;
    if (!wanted || !is_isa(wanted) || strcmp(wanted, have) == 0) return;
    (void)snprintf(text, sizeof text, "TENON_CPU_ISA=%.40s: this machine has less; using %s", wanted, have);
    warn(device, text);
}

void cpu_settings_check(const tenon_device *device) {
    char text[384];
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *value = cpu_machine_setting(settings[i].name);
        if (!value || settings[i].is_good(value)) continue;
        (void)snprintf(text, sizeof text, "%s=%.100s is ignored: it must be %s", settings[i].name, value,
                       settings[i].wanted);
        warn(device, text);
    }
    check_isa(device, cpu_machine_setting("TENON_CPU_ISA"));
}
