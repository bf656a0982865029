#include "printed.h"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tenon/host/error.h>
#include <unistd.h>

#include "support/text.h"

#define AVX2   "-mavx2 -mfma -mf16c -mbmi2"
#define AVX512 AVX2 " -mavx512f -mavx512bw -mavx512dq -mavx512vl"
#define TRAPS  "-fsanitize=undefined -fsanitize-undefined-trap-on-error"

const printed_target printed_targets[] = {
    {"gcc, scalar, undefined behaviour traps", "gcc", "-O1 " TRAPS, 0, NULL},
    {"gcc, 16 bytes", "gcc", "-O2", 16, NULL},
    {"gcc, 32 bytes", "gcc", "-O2 " AVX2, 32, "avx2"},
    {"gcc, 32 bytes, undefined behaviour traps", "gcc", "-O1 " AVX2 " " TRAPS, 32, "avx2"},
    {"gcc, 64 bytes", "gcc", "-O3 " AVX512, 64, "avx512"},
    {"gcc, 64 bytes without the registers", "gcc", "-O1", 64, NULL},
    {"clang, scalar", "clang", "-O2", 0, NULL},
    {"clang, 16 bytes", "clang", "-O2", 16, NULL},
    {"clang, 64 bytes", "clang", "-O2 " AVX512, 64, "avx512"},
};
const uint32_t printed_target_count = sizeof printed_targets / sizeof *printed_targets;

/* Runs a command line, its words between spaces, its output thrown away when `quiet`. True when it ends with 0. */
static bool run_command(const char *line, bool quiet) {
    char words[1024], *arguments[64], *rest = NULL;
    posix_spawn_file_actions_t actions;
    uint32_t count = 0;
    int status = 1;
    pid_t child;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok_r(words, " ", &rest); word && count + 1 < 64; word = strtok_r(NULL, " ", &rest))
        arguments[count++] = word;
    arguments[count] = NULL;
    posix_spawn_file_actions_init(&actions);
    for (int fd = 1; fd <= 2 && quiet; fd++) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
    bool good = count && posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return good && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool printed_target_usable(const printed_target *target) {
    char command[128];
    snprintf(command, sizeof command, "%s --version", target->compiler);
    if (!run_command(command, true)) return false;
#if defined(__x86_64__)
    if (target->cpu && strcmp(target->cpu, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (target->cpu)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return true;
#else
    return !target->cpu;
#endif
}

const tenon_dialect *printed_dialect(const printed_target *target) {
    static tenon_dialect dialect;
    dialect =
        (tenon_dialect){.struct_size = sizeof dialect,
                        .language = TENON_LANGUAGE_C11,
                        .features = TENON_FEATURE_F64 | TENON_FEATURE_VECTORS | (target->cpu ? TENON_FEATURE_FMA : 0u),
                        .vector_bytes = target->vector_bytes,
                        .registers = target->vector_bytes == 64 ? 32 : 16};
    return &dialect;
}

/* -- Compiling ---------------------------------------------------------------------------------------------------- */

struct printed_set {
    void *library;
    uint32_t count;
    tenon__printed **printed;
    tenon_kernel_c11 *entries; /* of all programs, one after the other */
    uint32_t *first;           /* entry of each program */
};

static void write_source(const char *path, const char *prelude, const char *entries) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(prelude, file);
    fputs(entries, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void *compile(const printed_target *target, const char *prelude, const char *entries) {
    char folder[] = "/tmp/tenon-printed-XXXXXX", source[64], library[64], command[512];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/k.c", folder);
    snprintf(library, sizeof library, "%s/k.so", folder);
    snprintf(command, sizeof command,
             "%s -std=c11 -Wall -Wextra -Werror -Wno-psabi -shared -fPIC -ffp-contract=off %s %s -o %s",
             target->compiler, target->flags, source, library);
    write_source(source, prelude, entries);
    ck_assert_msg(run_command(command, false), "%s: the printed text does not compile, see %s", target->name, source);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    unlink(source);
    unlink(library);
    rmdir(folder);
    return handle;
}

static void join_need(tenon__prelude_need *all, const tenon__prelude_need *one) {
    for (uint32_t i = 0; i < TENON__PRELUDE_LANE_COUNTS; i++) {
        all->sections[i] |= one->sections[i];
        all->access[i] |= one->access[i];
    }
}

static void find_entries(printed_set *set) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        set->first[i] = total;
        total += set->printed[i]->entry_count;
    }
    set->entries = calloc(total + 1, sizeof *set->entries);
    ck_assert_ptr_nonnull(set->entries);
    for (uint32_t i = 0; i < set->count; i++) {
        for (uint32_t k = 0; k < set->printed[i]->entry_count; k++) {
            void *symbol = dlsym(set->library, set->printed[i]->entries[k].name);
            ck_assert_ptr_nonnull(symbol);
            memcpy(&set->entries[set->first[i] + k], &symbol, sizeof symbol);
        }
    }
}

printed_set *printed_compile(const printed_target *target, const tenon__schedule_options *options,
                             const tenon__kir_program *const *programs, uint32_t count) {
    printed_set *set = calloc(1, sizeof *set);
    tenon__text text = {0};
    tenon__prelude_need need = {0};
    char *prelude;
    ck_assert_ptr_nonnull(set);
    *set = (printed_set){.count = count,
                         .printed = calloc(count + 1, sizeof *set->printed),
                         .first = calloc(count + 1, sizeof *set->first)};
    ck_assert(set->printed && set->first);
    for (uint32_t i = 0; i < count; i++) {
        tenon__schedule_options own = options ? *options : (tenon__schedule_options){0};
        char name[32];
        snprintf(name, sizeof name, "p%u_", i);
        own.bare = 1;
        own.entry_name = name;
        tenon_status status = tenon__print(programs[i], printed_dialect(target), &own, &set->printed[i]);
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", programs[i]->name, tenonh_error_message());
        tenon__text_add(&text, set->printed[i]->source);
        join_need(&need, &set->printed[i]->need);
    }
    ck_assert_uint_eq(tenon__print_prelude(printed_dialect(target), &need, &prelude), TENON_STATUS_OK);
    set->library = compile(target, prelude, tenon__text_string(&text));
    free(prelude);
    tenon__text_free(&text);
    find_entries(set);
    return set;
}

void printed_free(printed_set *set) {
    for (uint32_t i = 0; i < set->count; i++) tenon__printed_free(set->printed[i]);
    dlclose(set->library);
    free(set->printed);
    free(set->first);
    free(set->entries);
    free(set);
}

/* -- Running ------------------------------------------------------------------------------------------------------ */

typedef struct call {
    tenon_kernel_c11 entry;
    void *const *buffers;
    const int64_t *symbols;
    void *workspace;
} call;

static bool run_items(const call *c, int64_t first, int64_t last) {
    return c->entry(c->buffers, c->symbols, c->workspace, first, last) == 0;
}

static bool run_split(const call *c, int64_t items, uint32_t split) {
    bool good = true;
    switch (split) {
    case PRINTED_WHOLE: return run_items(c, 0, items);
    case PRINTED_BACKWARDS:
        for (int64_t i = items; i-- > 0;) good = run_items(c, i, i + 1) && good;
        return good;
    case PRINTED_HALVES: good = run_items(c, items / 2, items); return run_items(c, 0, items / 2) && good;
    default:
        for (int64_t i = 0, step = 1; i < items; i += step, step = step % 5 + 1)
            good = run_items(c, i, i + step < items ? i + step : items) && good;
        return good;
    }
}

bool printed_run(const printed_set *set, uint32_t number, const int64_t *symbols, const uint64_t *scalars,
                 void *const *buffers, uint32_t split) {
    const tenon__printed *printed = set->printed[number];
    int64_t values[TENON__KIR_MAX_SYMBOLS + 16];
    uint32_t symbol_count = printed->symbol_count;
    tenon_grid grids[TENON__KIR_MAX_KERNELS];
    uint64_t bytes;
    bool good = true;
    memcpy(values, symbols, symbol_count * sizeof *values);
    if (printed->scalar_count) memcpy(values + symbol_count, scalars, printed->scalar_count * sizeof *values);
    ck_assert_uint_eq(tenon__printed_geometry(printed, symbols, grids), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon__printed_workspace(printed, symbols, &bytes), TENON_STATUS_OK);
    void *workspace = aligned_alloc(64, (bytes + 127) / 64 * 64);
    ck_assert_ptr_nonnull(workspace);
    memset(workspace, 0xff, bytes);
    for (uint32_t i = 0; i < printed->entry_count; i++) {
        call c = {set->entries[set->first[number] + i], buffers, values, workspace};
        good = run_split(&c, (int64_t)grids[i].groups[0], split) && good;
    }
    free(workspace);
    return good;
}
