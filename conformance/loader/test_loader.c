/* What the loader says of plugins with one thing wrong each: every one is listed with its own reason and the words that
 * name the fault, and none keeps a good one from working. */
#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenon/host/device.h>
#include <tenon/host/error.h>
#include <tenon/plugin.h>

#include "loader/elf.h"
#include "loader/search.h"
#include "loader/trust.h"
#include "scratch.h"

#define GOOD PLANTED_DIR "/libtenon_good.so"

typedef struct row {
    const char *name;
    tenonh_reason reason;
    const char *words; /* in the detail */
} row;

static const row planted[] = {
#define PLANTED(name, REASON, words) {#name, TENONH_REASON_##REASON, words},
#include "planted.def"
};
enum { PLANTED = sizeof planted / sizeof planted[0] };

static tenonh_registry *make_registry(uint32_t no_search) {
    tenonh_registry *registry = NULL;
    tenonh_registry_options options = {.struct_size = sizeof options, .no_search = no_search};
    ck_assert_uint_eq(tenonh_registry_create(&options, &registry), TENON_STATUS_OK);
    return registry;
}

static tenonh_plugin_info info_of(tenonh_registry *registry, uint32_t index) {
    tenonh_plugin_info info = {.struct_size = sizeof info};
    ck_assert_uint_eq(tenonh_registry_plugin(registry, index, &info), TENON_STATUS_OK);
    return info;
}

static const char *planted_path(const char *name) {
    static char path[PATH_MAX];
    snprintf(path, sizeof path, PLANTED_DIR "/libtenon_%s.so", name);
    return path;
}

/* Adds one file and gives its entry. */
static tenonh_plugin_info add(tenonh_registry *registry, const char *path, tenon_status *out_status) {
    *out_status = tenonh_registry_add(registry, path);
    return info_of(registry, tenonh_registry_plugin_count(registry) - 1);
}

static void check_verdict(const char *name, const tenonh_plugin_info *info, tenon_status status, tenonh_reason reason,
                          const char *words) {
    ck_assert_msg(info->reason == reason, "%s: %s (%s), not %s", name, tenonh_reason_name(info->reason), info->detail,
                  tenonh_reason_name(reason));
    ck_assert_msg(strstr(info->detail, words) != NULL, "%s: \"%s\" lacks \"%s\"", name, info->detail, words);
    ck_assert_msg(status == tenonh_reason_status(reason), "%s: status %u", name, status);
    if (reason == TENONH_REASON_OK) return;
    ck_assert_msg(info->detail[0] != '\0', "%s: no detail", name);
    ck_assert_msg(strstr(tenonh_error_message(), tenonh_reason_text(reason)) != NULL, "%s: message \"%s\"", name,
                  tenonh_error_message());
}

START_TEST(planted_plugins_get_their_reasons) {
    tenonh_registry *registry = make_registry(1);
    for (int i = 0; i < PLANTED; i++) {
        tenon_status status;
        tenonh_plugin_info info = add(registry, planted_path(planted[i].name), &status);
        check_verdict(planted[i].name, &info, status, planted[i].reason, planted[i].words);
    }
    ck_assert_uint_eq(tenonh_registry_plugin_count(registry), PLANTED);
    ck_assert_uint_eq(info_of(registry, 3).abi_version, TENON_ABI_VERSION); /* min(host, plugin) */
    tenonh_device *device = NULL;
    ck_assert_uint_eq(tenonh_device_open(registry, "fake:1", &device), TENON_STATUS_OK);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
}
END_TEST

START_TEST(planted_devices_get_their_reasons) {
    static const struct {
        const char *name, *id, *words;
        tenon_status status;
        tenonh_reason reason;
    } rows[] = {
        {"open_fails", "open-fails", "last century", TENON_STATUS_UNAVAILABLE, TENONH_REASON_OPEN_FAILED},
        {"zero_devices", "zero-devices", "0 devices", TENON_STATUS_UNAVAILABLE, TENONH_REASON_NO_DEVICE},
        {"no_instance", "no-instance", "REQ-ERR-03", TENON_STATUS_UNAVAILABLE, TENONH_REASON_OPEN_FAILED},
        {"count_fails", "count-fails", "REQ-DEV-01", TENON_STATUS_INTERNAL, TENONH_REASON_COUNT_FAILED},
        {"count_unknown", "count-unknown", "status 999", TENON_STATUS_INTERNAL, TENONH_REASON_COUNT_FAILED},
        {"count_lost", "count-lost", "DEVICE_LOST", TENON_STATUS_INTERNAL, TENONH_REASON_COUNT_FAILED},
        {"count_unavailable", "count-unavailable", "", TENON_STATUS_UNAVAILABLE, TENONH_REASON_NO_DEVICE},
        {"wild_name", "wild-name", "PROBE_CRASHED", TENON_STATUS_UNSUPPORTED, TENONH_REASON_PROBE_CRASHED},
        {"wild_driver", "wild-driver", "PROBE_CRASHED", TENON_STATUS_UNSUPPORTED, TENONH_REASON_PROBE_CRASHED},
        {"wild_architecture", "wild-architecture", "PROBE_CRASHED", TENON_STATUS_UNSUPPORTED,
         TENONH_REASON_PROBE_CRASHED},
        {"endless_name", "endless-name", "REQ-DEV-03: name", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"absurd_count", "absurd-count", "2147483647", TENON_STATUS_UNSUPPORTED, TENONH_REASON_TOO_MANY_DEVICES},
        {"no_device_open", "no_device_open", "device.open", TENON_STATUS_UNSUPPORTED, TENONH_REASON_HOOK_MISSING},
        {"no_types", "no-types", "REQ-MEM-01: it counts 0", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"many_types", "many-types", "REQ-MEM-01: it counts 65", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"odd_alignment", "odd-alignment", "REQ-MEM-01", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"no_denormals", "no-denormals", "REQ-DEV-03", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"no_work", "no-work", "REQ-DEV-03", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"no_dialect", "no-dialect", "REQ-KERNEL-01", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"no_device_memory", "no-device-memory", "REQ-MEM-01", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"no_flush", "no-flush", "REQ-MEM-06", TENON_STATUS_INTERNAL, TENONH_REASON_OK},
        {"good", "fake:2", "fake has 2", TENON_STATUS_NOT_FOUND, TENONH_REASON_OK},
        {"full", "another", "full", TENON_STATUS_NOT_FOUND, TENONH_REASON_OK},
        {"no_note", "no-note:", "no device name", TENON_STATUS_INVALID, TENONH_REASON_OK},
        {"layout", "layout", "LAYOUT_MISMATCH", TENON_STATUS_UNSUPPORTED, TENONH_REASON_LAYOUT_MISMATCH},
    };
    tenonh_registry *registry = make_registry(1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tenonh_device *device = NULL;
        tenonh_registry_add(registry, planted_path(rows[i].name));
        ck_assert_msg(tenonh_device_open(registry, rows[i].id, &device) == rows[i].status, "%s: %s", rows[i].name,
                      tenonh_error_message());
        ck_assert_msg(strstr(tenonh_error_message(), rows[i].words) != NULL, "%s: \"%s\"", rows[i].name,
                      tenonh_error_message());
        ck_assert_uint_eq(info_of(registry, (uint32_t)i).reason, rows[i].reason);
        ck_assert_ptr_null(device);
    }
    tenonh_registry_destroy(registry);
}
END_TEST

START_TEST(search_lists_refused_beside_usable) {
    setenv("TENON_PLUGIN_PATH", "::/no/such/folder:" PLANTED_DIR, 1);
    tenonh_registry *registry = make_registry(0);
    uint32_t usable = 0, found = 0, count = tenonh_registry_plugin_count(registry);
    for (uint32_t i = 0; i < count; i++) {
        tenonh_plugin_info info = info_of(registry, i);
        if (strncmp(info.path, PLANTED_DIR, strlen(PLANTED_DIR)) != 0) continue;
        found++;
        usable += info.reason == TENONH_REASON_OK && strcmp(info.id, "fake") == 0;
    }
    ck_assert_uint_ge(found, PLANTED);
    ck_assert_uint_eq(usable, 1);
    /* The same file by another name is the same plugin. */
    ck_assert_uint_eq(tenonh_registry_add(registry, PLANTED_DIR "/../planted/libtenon_full.so"), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_registry_plugin_count(registry), count);
    tenonh_registry_destroy(registry);
}
END_TEST

static void keep_all(void *context, uint32_t level, const char *source, const char *text) {
    char *log = context;
    (void)level, (void)source;
    snprintf(log + strlen(log), 8192 - strlen(log), "%s\n", text);
}

static tenon_status found_nothing(void *context, const char *path) {
    ck_assert_msg(strncmp(path, PLANTED_DIR, strlen(PLANTED_DIR)) != 0, "%s was offered", path);
    (void)context;
    return TENON_STATUS_OK;
}

static void keep_note(void *context, uint32_t level, const char *text) {
    if (level == TENON_LOG_WARNING) snprintf(context, 256, "%s", text);
}

START_TEST(raised_privileges_ignore_the_environment) {
    char text[256] = "";
    setenv("TENON_PLUGIN_PATH", PLANTED_DIR, 1);
    tenon__search search = {1, found_nothing, keep_note, text};
    ck_assert_uint_eq(tenon__search_run(&search), TENON_STATUS_OK);
    ck_assert_msg(strstr(text, "TENON_PLUGIN_PATH is ignored") != NULL, "%s", text);
}
END_TEST

/* The exit code of a child that is root's on behalf of another user; 0 when all is as it should be. */
static int search_for_another_user(void) {
    char log[8192] = "";
    tenonh_registry *registry = NULL;
    const tenonh_registry_options options = {.struct_size = sizeof options, .log = keep_all, .log_context = log};
    setenv("TENON_PLUGIN_PATH", PLANTED_DIR, 1);
    setenv("TENON_LAYERS", "fault", 1);
    if (setresuid(65534, 0, 0) != 0) return 1;
    if (tenonh_registry_create(&options, &registry) != TENON_STATUS_OK) return 2;
    for (uint32_t i = 0; i < tenonh_registry_plugin_count(registry); i++)
        if (strstr(info_of(registry, i).path, PLANTED_DIR)) return 3;
    static const char *const ignored[] = {"TENON_PLUGIN_PATH", "TENON_CACHE_DIR", "TENON_LAYERS"};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        char words[64];
        (void)snprintf(words, sizeof words, "%s is ignored", ignored[i]);
        if (!strstr(log, words)) return 4 + (int)i;
    }
    tenonh_registry_destroy(registry);
    return 0;
}

START_TEST(a_process_with_raised_privileges) {
    if (geteuid() != 0) return; /* only root can raise another user's */
    pid_t child = fork();
    if (child == 0) _exit(search_for_another_user());
    int state = 0;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_msg(state == 0, "step %d", WEXITSTATUS(state));
}
END_TEST

START_TEST(paths_that_are_no_plugins) {
    static const struct {
        const char *path;
        tenonh_reason reason;
    } rows[] = {
        {PLANTED_DIR "/nothing.so", TENONH_REASON_NOT_FOUND},
        {PLANTED_DIR, TENONH_REASON_UNREADABLE},
        {"/dev/null", TENONH_REASON_UNREADABLE},
        {"/etc/passwd", TENONH_REASON_NOT_ELF},
        {"", TENONH_REASON_NOT_FOUND},
    };
    tenonh_registry *registry = make_registry(1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tenon_status status;
        tenonh_plugin_info info = add(registry, rows[i].path, &status);
        if (info.reason == TENONH_REASON_OPEN_TO_WRITES) continue; /* /dev/null is everybody's */
        check_verdict(rows[i].path, &info, status, rows[i].reason, "");
    }
    tenonh_registry_destroy(registry);
}
END_TEST

/* -- ELF ------------------------------------------------------------------------------------------------------------ */

typedef struct image {
    unsigned char *bytes;
    size_t size;
} image;

static image read_good(void) {
    image good = {NULL, 0};
    FILE *file = fopen(GOOD, "rb");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    good.size = (size_t)ftell(file);
    good.bytes = malloc(good.size);
    rewind(file);
    ck_assert_uint_eq(fread(good.bytes, 1, good.size, file), good.size);
    fclose(file);
    return good;
}

static tenonh_reason inspect(const image *file, tenon__elf_note *out_note) {
    tenon__verdict verdict = {0};
    int fd = memfd_create("image", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, file->bytes, file->size), (ssize_t)file->size);
    tenonh_reason reason = tenon__elf_inspect(fd, out_note, &verdict);
    close(fd);
    ck_assert_uint_eq(reason, verdict.reason);
    return reason;
}

START_TEST(elf_faults_are_told_apart) {
    static const struct {
        const char *name;
        size_t at, width;
        uint64_t value;
        tenonh_reason reason;
    } rows[] = {
        {"magic", 0, 1, 0x7e, TENONH_REASON_NOT_ELF},
        {"class", EI_CLASS, 1, ELFCLASS32, TENONH_REASON_WRONG_MACHINE},
        {"byte order", EI_DATA, 1, ELFDATA2MSB, TENONH_REASON_WRONG_MACHINE},
        {"machine", offsetof(Elf64_Ehdr, e_machine), 2, EM_PARISC, TENONH_REASON_WRONG_MACHINE},
        {"program", offsetof(Elf64_Ehdr, e_type), 2, ET_EXEC, TENONH_REASON_NOT_ELF},
        {"no segments", offsetof(Elf64_Ehdr, e_phnum), 2, 0, TENONH_REASON_BAD_ELF},
        {"many segments", offsetof(Elf64_Ehdr, e_phnum), 2, 0xfffe, TENONH_REASON_BAD_ELF},
        {"far segments", offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX - 7, TENONH_REASON_BAD_ELF},
        {"entry size", offsetof(Elf64_Ehdr, e_phentsize), 2, 8, TENONH_REASON_BAD_ELF},
    };
    image good = read_good();
    tenon__elf_note note;
    ck_assert_uint_eq(inspect(&good, &note), TENONH_REASON_OK);
    ck_assert_uint_eq(note.present, 1);
    ck_assert_uint_eq(note.abi_version, TENON_ABI_VERSION);
    ck_assert_uint_eq(note.layout_hash, TENON_LAYOUT_HASH);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char before[8];
        memcpy(before, good.bytes + rows[i].at, rows[i].width);
        memcpy(good.bytes + rows[i].at, &rows[i].value, rows[i].width);
        tenonh_reason reason = inspect(&good, &note);
        ck_assert_msg(reason == rows[i].reason, "%s: %s", rows[i].name, tenonh_reason_name(reason));
        memcpy(good.bytes + rows[i].at, before, rows[i].width);
    }
    free(good.bytes);
}
END_TEST

static void check_cut(const image *good, size_t size) {
    tenon__elf_note note;
    image cut = {good->bytes, size};
    tenonh_reason reason = inspect(&cut, &note);
    ck_assert_msg(reason == (size < SELFMAG ? TENONH_REASON_NOT_ELF : TENONH_REASON_BAD_ELF), "%zu bytes: %s", size,
                  tenonh_reason_name(reason));
}

/* Cut anywhere before the end of its last segment, a file is refused, and so never loaded. */
START_TEST(truncated_elf_is_refused) {
    image good = read_good();
    Elf64_Ehdr header;
    uint64_t needed = 0;
    memcpy(&header, good.bytes, sizeof header);
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, good.bytes + header.e_phoff + (size_t)i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_LOAD && segment.p_offset + segment.p_filesz > needed)
            needed = segment.p_offset + segment.p_filesz;
    }
    for (size_t cut = 1; cut <= needed; cut += 1 + cut / 7) {
        check_cut(&good, cut - 1);
        check_cut(&good, needed - cut);
    }
    free(good.bytes);
}
END_TEST

/* Whatever the bytes, the inspection ends without a fault of its own. */
START_TEST(mutated_elf_is_survived) {
    image good = read_good();
    uint64_t seed = 12345;
    for (int round = 0; round < 3000; round++) {
        unsigned char before[8];
        size_t at[8];
        for (int k = 0; k < 8; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            at[k] = (seed >> 33) % 1024;
            before[k] = good.bytes[at[k]];
            good.bytes[at[k]] = (unsigned char)(seed >> 56);
        }
        tenon__elf_note note;
        inspect(&good, &note);
        for (int k = 8; k-- > 0;) good.bytes[at[k]] = before[k];
    }
    free(good.bytes);
}
END_TEST

/* -- Trust ---------------------------------------------------------------------------------------------------------- */

START_TEST(paths_others_can_change_are_refused) {
    char folder[] = "/tmp/tenon-trust-XXXXXX", path[64];
    tenon__verdict verdict = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0755);
    ck_assert_int_ge(fd, 0);
    close(fd);
    tenon__trust mine = {.owner_count = 2, .owners = {0, geteuid()}};
    ck_assert_uint_eq(tenon__trust_path(&mine, path, &verdict), TENONH_REASON_OK); /* /tmp is sticky */
    chmod(path, 0757);
    ck_assert_uint_eq(tenon__trust_path(&mine, path, &verdict), TENONH_REASON_OPEN_TO_WRITES);
    ck_assert_msg(strstr(verdict.detail, path) != NULL, "%s", verdict.detail);
    chmod(path, 0775);
    ck_assert_uint_eq(tenon__trust_path(&mine, path, &verdict), TENONH_REASON_OPEN_TO_WRITES);
    tenon__trust group = {.owner_count = 2, .owners = {0, geteuid()}, .group_count = 1, .groups = {getegid()}};
    ck_assert_uint_eq(tenon__trust_path(&group, path, &verdict), TENONH_REASON_OK);
    chmod(path, 0755);
    chmod(folder, 0777);
    ck_assert_uint_eq(tenon__trust_path(&mine, path, &verdict), TENONH_REASON_OPEN_TO_WRITES);
    chmod(folder, 01777);
    ck_assert_uint_eq(tenon__trust_path(&mine, path, &verdict), TENONH_REASON_OK);
    tenon__trust nobody = {.owner_count = 1, .owners = {(uid_t)-2}};
    ck_assert_uint_eq(tenon__trust_path(&nobody, path, &verdict), TENONH_REASON_FOREIGN_OWNER);
    ck_assert_msg(strstr(verdict.detail, "belongs to user") != NULL, "%s", verdict.detail);
    unlink(path);
    rmdir(folder);
}
END_TEST

/* -- The registry's own life ---------------------------------------------------------------------------------------- */

START_TEST(options_are_checked) {
    struct {
        tenonh_registry_options known;
        uint64_t tail;
    } newer = {.known = {.struct_size = sizeof newer, .no_search = 1}};
    tenonh_registry *registry = NULL;
    ck_assert_uint_eq(tenonh_registry_create(&newer.known, &registry), TENON_STATUS_OK);
    tenonh_registry_destroy(registry);
    newer.tail = 1;
    ck_assert_uint_eq(tenonh_registry_create(&newer.known, &registry), TENON_STATUS_UNSUPPORTED);
    newer.known.struct_size = 4;
    ck_assert_uint_eq(tenonh_registry_create(&newer.known, &registry), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenonh_registry_create(NULL, NULL), TENON_STATUS_INVALID);
    tenonh_registry_destroy(NULL);
}
END_TEST

START_TEST(a_forked_child_is_refused) {
    tenonh_registry *registry = make_registry(1);
    tenonh_device *device = NULL;
    tenonh_memory *memory = NULL;
    ck_assert_uint_eq(tenonh_registry_add(registry, GOOD), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_device_open(registry, "fake", &device), TENON_STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        int good = tenonh_memory_create(device, 0, 16, &memory) == TENON_STATUS_UNAVAILABLE &&
                   tenonh_registry_add(registry, GOOD) == TENON_STATUS_UNAVAILABLE &&
                   strstr(tenonh_error_message(), "fork") != NULL;
        _exit(good ? 0 : 1);
    }
    int state = 0;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_int_eq(state, 0);
    tenonh_device_release(device);
    tenonh_registry_destroy(registry);
}
END_TEST

static void keep_log(void *context, uint32_t level, const char *source, const char *text) {
    char *log = context;
    (void)level;
    snprintf(log + strlen(log), 1024 - strlen(log), "[%s] %s\n", source, text);
}

/* A refusal is told once: in the log where no status tells it and the application does not list it. */
START_TEST(refusals_are_logged_once) {
    static const struct {
        const char *name;
        uint32_t quiet, level;
        int is_logged;
    } rows[] = {{"search", 0, 0, 1}, {"quiet search", 1, 0, 0}, {"quiet search, everything", 1, TENON_LOG_INFO, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char log[1024] = "";
        tenonh_registry *registry = NULL;
        tenonh_registry_options options = {.struct_size = sizeof options,
                                           .no_search = 1,
                                           .log_level = rows[i].level,
                                           .log = keep_log,
                                           .log_context = log,
                                           .quiet = rows[i].quiet};
        ck_assert_uint_eq(tenonh_registry_create(&options, &registry), TENON_STATUS_OK);
        setenv("TENON_PLUGIN_PATH", PLANTED_DIR "/libtenon_half_event.so", 1);
        ck_assert_uint_eq(tenonh_registry_search(registry), TENON_STATUS_OK);
        int is_logged = strstr(log, "[host] ") && strstr(log, "event.wait is NULL");
        ck_assert_msg(is_logged == rows[i].is_logged, "%s: %s", rows[i].name, log);
        log[0] = '\0';
        tenonh_registry_add(registry, planted_path("missing_hook"));
        ck_assert_msg(rows[i].level || log[0] == '\0', "%s: %s", rows[i].name, log);
        tenonh_registry_destroy(registry);
    }
}
END_TEST

int main(void) {
    scratch_begin();
    Suite *suite = suite_create("loader");
    TCase *rows = tcase_create("loader");
    tcase_add_test(rows, planted_plugins_get_their_reasons);
    tcase_add_test(rows, planted_devices_get_their_reasons);
    tcase_add_test(rows, search_lists_refused_beside_usable);
    tcase_add_test(rows, raised_privileges_ignore_the_environment);
    tcase_add_test(rows, a_process_with_raised_privileges);
    tcase_add_test(rows, paths_that_are_no_plugins);
    tcase_add_test(rows, elf_faults_are_told_apart);
    tcase_add_test(rows, truncated_elf_is_refused);
    tcase_add_test(rows, mutated_elf_is_survived);
    tcase_add_test(rows, paths_others_can_change_are_refused);
    tcase_add_test(rows, options_are_checked);
    tcase_add_test(rows, a_forked_child_is_refused);
    tcase_add_test(rows, refusals_are_logged_once);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scratch_end();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
