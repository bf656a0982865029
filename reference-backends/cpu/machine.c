#include "machine.h"

#include "settings.h"
#include "sha256.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { MAX_CPUS = 8192, MAX_PATH = 4096 };

int cpu_machine_is_secure(void) {
    return getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid();
}

const char *cpu_machine_setting(const char *name) {
    const char *value = cpu_machine_is_secure() ? NULL : getenv(name);
    return value && value[0] ? value : NULL;
}

/* First line of a file without its end; 0 when it can't be read. */
static int read_line(const char *path, char *out_line, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    int ok = fgets(out_line, (int)size, file) != NULL;
    (void)fclose(file);
    if (ok) out_line[strcspn(out_line, "\n")] = '\0';
    return ok;
}

static int read_number(const char *path, uint64_t *out_number) {
    char line[64], *end;
    if (!read_line(path, line, sizeof line)) return 0;
    *out_number = strtoull(line, &end, 10); /* "max" reads as no number */
    return end != line;
}

/* Number behind `key` in a file of lines "key number ..."; 0 when it isn't there. */
static int read_keyed(const char *path, const char *key, uint64_t *out_number) {
    char line[256];
    FILE *file = fopen(path, "re");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        size_t length = strlen(key);
        if (strncmp(line, key, length) != 0) continue;
        *out_number = strtoull(line + length, NULL, 10);
        found = 1;
    }
    if (file) (void)fclose(file);
    return found;
}

/* A control-group hierarchy: where its files are, and what they are called. */
typedef struct hierarchy {
    const char *controller; /* as /proc/self/cgroup names it; "" for version 2 */
    const char *root;
    const char *limit, *usage, *reclaimable;
} hierarchy;

static const hierarchy memory_hierarchies[] = {
    {"", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "},
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "},
};

/* True when the comma-separated `list` names `controller`; the empty list is version 2's. */
static int names(const char *list, size_t length, const char *controller) {
    size_t wanted = strlen(controller);
    if (wanted == 0) return length == 0;
    for (const char *at = list; at < list + length;) {
        size_t part = strcspn(at, ",:");
        if (part == wanted && strncmp(at, controller, wanted) == 0) return 1;
        at += part + 1;
    }
    return 0;
}

/* This process's path in a hierarchy. Lines are "number:controllers:path". */
static int group_path(const char *controller, char *out_path, size_t size) {
    char line[MAX_PATH];
    FILE *file = fopen("/proc/self/cgroup", "re");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path || !names(list + 1, (size_t)(path - list - 1), controller)) continue;
        path[strcspn(path, "\n")] = '\0';
        found = snprintf(out_path, size, "%s", path + 1) < (int)size;
    }
    if (file) (void)fclose(file);
    return found;
}

/* Lowers total and available to what one group allows. Page cache that can be dropped does not count as used. */
static void apply_group(const hierarchy *tree, const char *group, uint64_t *total, uint64_t *available) {
    char path[2 * MAX_PATH];
    uint64_t limit, used, reclaimable = 0;
    (void)snprintf(path, sizeof path, "%s%s/%s", tree->root, group, tree->limit);
    if (!read_number(path, &limit) || limit >= *total) return;
    *total = limit;
    (void)snprintf(path, sizeof path, "%s%s/%s", tree->root, group, tree->usage);
    if (!read_number(path, &used)) return;
    (void)snprintf(path, sizeof path, "%s%s/memory.stat", tree->root, group);
    (void)read_keyed(path, tree->reclaimable, &reclaimable);
    used -= reclaimable < used ? reclaimable : used;
    uint64_t left = used < limit ? limit - used : 0;
    if (left < *available) *available = left;
}

/* Makes a group's path that of the group above it; 0 at the root, which has the empty path. */
static int go_up(char *group) {
    char *last = strrchr(group, '/');
    if (!last) return 0;
    *last = '\0';
    return 1;
}

/* Every group from this process's up to the root limits it. */
static void apply_groups(const hierarchy *tree, uint64_t *total, uint64_t *available) {
    char group[MAX_PATH];
    if (!group_path(tree->controller, group, sizeof group)) return;
    do apply_group(tree, group, total, available);
    while (go_up(group));
}

void cpu_machine_memory(uint64_t *out_total, uint64_t *out_available) {
    uint64_t total = 0, available = 0;
    if (read_keyed("/proc/meminfo", "MemTotal:", &total)) total *= 1024;
    if (read_keyed("/proc/meminfo", "MemAvailable:", &available)) available *= 1024;
    for (size_t i = 0; total && i < sizeof memory_hierarchies / sizeof *memory_hierarchies; i++)
        apply_groups(&memory_hierarchies[i], &total, &available);
    *out_total = total;
    *out_available = available;
}

/* A group's quota of processor time per period, both in microseconds. 0: none. */
static int read_quota(const char *group, int version, uint64_t *out_quota, uint64_t *out_period) {
    char path[2 * MAX_PATH], line[64];
    if (version == 2) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        char *end = line;
        if (!read_line(path, line, sizeof line)) return 0;
        *out_quota = strtoull(line, &end, 10); /* "max" reads as no number */
        *out_period = strtoull(end, NULL, 10);
        return end != line;
    }
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
    if (!read_line(path, line, sizeof line) || line[0] == '-') return 0;
    *out_quota = strtoull(line, NULL, 10);
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
    return read_number(path, out_period);
}

/* Processors that the tightest quota of this process's groups is worth, rounded up; `limit` when there is none. */
static uint32_t quota_threads(uint32_t limit) {
    for (int version = 1; version <= 2; version++) {
        char group[MAX_PATH];
        uint64_t quota = 0, period = 0;
        if (!group_path(version == 2 ? "" : "cpu", group, sizeof group)) continue;
        do {
            if (!read_quota(group, version, &quota, &period) || !quota || !period) continue;
            uint64_t worth = (quota + period - 1) / period;
            if (worth < limit) limit = (uint32_t)worth;
        } while (go_up(group));
    }
    return limit;
}

static uint32_t usable_threads(void) {
    int count = 0;
    cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
    size_t size = CPU_ALLOC_SIZE(MAX_CPUS);
    if (set && sched_getaffinity(0, size, set) == 0) count = CPU_COUNT_S(size, set);
    CPU_FREE(set);
    if (count < 1) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return quota_threads(count < 1 ? 1 : (uint32_t)count);
}

/* TENON_CPU_THREADS, or what affinity and quota allow. */
static uint32_t chosen_threads(void) {
    uint32_t wanted = cpu_settings_threads();
    return wanted ? wanted : usable_threads();
}

static uint64_t largest_cache(void) {
    uint64_t best = 0;
    for (int i = 0; i < 8; i++) {
        char path[96], line[32], *end;
        (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        if (!read_line(path, line, sizeof line)) break;
        uint64_t size = strtoull(line, &end, 10);
        size <<= *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
        if (size > best) best = size;
    }
    long reported = best ? 0 : sysconf(_SC_LEVEL3_CACHE_SIZE);
    return reported > 0 ? (uint64_t)reported : best;
}

static void trim(char *text) {
    size_t skip = strspn(text, " "), length = strlen(text + skip);
    memmove(text, text + skip, length + 1);
    while (length > 0 && isspace((unsigned char)text[length - 1])) text[--length] = '\0';
}

/* Name and identity of the processor: the brand string, and leaf 1 without its per-core bits. */
static void read_processor(char out_name[64], uint32_t out_identity[4]) {
#if defined(__x86_64__)
    uint32_t words[12] = {0};
    for (uint32_t i = 0; i < 3; i++)
        (void)__get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    memcpy(out_name, words, sizeof words);
    out_name[sizeof words] = '\0';
    uint32_t a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(0, &a, &b, &c, &d)) out_identity[0] = b, out_identity[1] = c, out_identity[2] = d;
    if (__get_cpuid(1, &a, &b, &c, &d)) out_identity[3] = a;
#endif
    trim(out_name);
    if (!out_name[0]) (void)snprintf(out_name, 64, "CPU");
}

/* The machine's id must not leave it (machine-id(5)), so only a digest of it with a word of our own goes out. */
static void make_uuid(const char *name, const uint32_t identity[4], uint8_t out_uuid[16]) {
    char machine[64] = "";
    uint8_t digest[CPU_SHA256_BYTES];
    if (!read_line("/etc/machine-id", machine, sizeof machine)) machine[0] = '\0';
    cpu_sha256 sha;
    cpu_sha256_begin(&sha);
    cpu_sha256_text(&sha, "tenon cpu device");
    cpu_sha256_text(&sha, machine);
    cpu_sha256_text(&sha, name);
    cpu_sha256_add(&sha, identity, 4 * sizeof *identity);
    cpu_sha256_end(&sha, digest);
    memcpy(out_uuid, digest, 16);
    out_uuid[6] = (uint8_t)((out_uuid[6] & 0x0f) | 0x80); /* RFC 9562: version 8, its variant */
    out_uuid[8] = (uint8_t)((out_uuid[8] & 0x3f) | 0x80);
}

void cpu_machine_read(cpu_machine *out_machine) {
    uint32_t identity[4] = {0};
    memset(out_machine, 0, sizeof *out_machine);
    read_processor(out_machine->name, identity);
    make_uuid(out_machine->name, identity, out_machine->uuid);
    out_machine->threads = chosen_threads();
    out_machine->cache = largest_cache();
}
