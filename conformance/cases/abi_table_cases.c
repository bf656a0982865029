/* What a plugin's file and table say, before anything of it is opened; and what the loader says of each hook. */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/helpers.h>

#include "cases/abi_raw.h"
#include "cases/cases.h"
#include "loader/elf.h"
#include "loader/library.h"

/* -- Query ------------------------------------------------------------------------------------------------------------ */

enum { QUERIES = 64 };

static void *query_elsewhere(void *out) {
    *(const tenon_plugin **)out = cf_raw_table();
    return NULL;
}

static void query_is_repeatable(void) {
    const tenon_plugin *first = cf_raw_table(), *other = NULL;
    pthread_t thread;
    if (!first) {
        cf_fail("tenon_plugin_query answers NULL");
        return;
    }
    for (int i = 0; i < QUERIES && !cf_failed(); i++)
        if (cf_raw_table() != first) cf_fail("tenon_plugin_query answers %p, then another table", (const void *)first);
    if (pthread_create(&thread, NULL, query_elsewhere, &other) != 0) return;
    (void)pthread_join(thread, NULL);
    if (other != first) cf_fail("tenon_plugin_query answers another table on another thread");
}

static void query_allocates_nothing(void) {
    (void)cf_raw_table();
    size_t held = mallinfo2().uordblks;
    for (int i = 0; i < QUERIES; i++) (void)cf_raw_table();
    size_t now = mallinfo2().uordblks;
    if (now > held) cf_fail("%d calls of tenon_plugin_query leave %zu bytes more on the heap", QUERIES, now - held);
}

/* The same bytes before, while and after it is open: the table is const. */
static void table_is_const(void) {
    const tenon_plugin *table = cf_raw_table();
    tenon_plugin copy = *table;
    tenon__hooks now, then;
    tenon__verdict verdict;
    uint32_t version;
    cf_raw raw;
    (void)tenon__hooks_negotiate(cf_raw_library(), table, &then, &version, &verdict);
    if (!cf_raw_open(&raw, NULL)) return;
    now = raw.hooks;
    if (memcmp(&now, &then, sizeof now) != 0 || memcmp(table, &copy, sizeof copy) != 0)
        cf_fail("a table changes when the plugin is opened");
    cf_raw_close(&raw);
    (void)tenon__hooks_negotiate(cf_raw_library(), table, &now, &version, &verdict);
    if (memcmp(&now, &then, sizeof now) != 0) cf_fail("a table changes when the plugin is closed");
}

static void table_is_well_formed(void) {
    const tenon_plugin *table = cf_raw_table();
    if (table->magic != TENON_PLUGIN_MAGIC) cf_fail("magic is 0x%08x", table->magic);
    if (table->abi_oldest > table->abi_version)
        cf_fail("abi_oldest 0x%x is above abi_version 0x%x", table->abi_oldest, table->abi_version);
    if (table->struct_size < TENON_PLUGIN_SIZE_V1) cf_fail("struct_size is %u", table->struct_size);
}

/* Members kept for later: what stands there would mean something to a newer host. */
static void reserved_is_zero(void) {
    const tenon_plugin *table = cf_raw_table();
    const struct {
        const char *group;
        uint32_t reserved;
    } rows[] = {{"device", table->device->reserved},
                {"memory", table->memory->reserved},
                {"stream", table->stream->reserved},
                {"work", table->work->reserved},
                {"event", table->event ? table->event->reserved : 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].reserved) cf_fail("reserved of group %s is %u", rows[i].group, rows[i].reserved);
}

static void extension_is_static(void) {
    static const char *const names[] = {"", "tenon.no_such_extension", "TENON", "tenon.\xff", "a.name.no.one.knows"};
    const tenon_plugin *table = cf_raw_table();
    if (!TENON_HAS(table, extension)) {
        cf_not_applicable("the table has no hook extension");
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (table->extension(names[i], 1) || table->extension(names[i], UINT32_MAX))
            cf_fail("extension knows \"%s\"", names[i]);
}

void cf_abi_query(void) {
    if (cf_begin("repeatable")) query_is_repeatable();
    if (cf_begin("allocates_nothing")) query_allocates_nothing();
    if (cf_begin("const")) table_is_const();
    if (cf_begin_for("REQ-ABI-04", "preamble")) table_is_well_formed();
    if (cf_begin_for("REQ-ABI-02", "reserved")) reserved_is_zero();
    if (cf_begin_for("REQ-ABI-07", "unknown_extension")) extension_is_static();
}

/* -- The file ---------------------------------------------------------------------------------------------------------- */

/* Symbols that linkers and sanitizers add to every library. */
static bool is_tools_own(const char *name) {
    static const char *const names[] = {"_init", "_fini",      "__bss_start", "_edata",
                                        "_end",  "__odr_asan", "__asan",      "__tsan"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static bool is_tenons(const char *name) {
    return strncmp(name, "tenon_", 6) == 0 || strncmp(name, "tenonh_", 7) == 0;
}

/* A mapped file whose structure the loader has checked. */
typedef struct image {
    const unsigned char *bytes;
    size_t size;
} image;

static image map_file(const char *path) {
    struct stat status;
    image made = {NULL, 0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0) made.size = (size_t)status.st_size;
    void *bytes = made.size ? mmap(NULL, made.size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
    if (file >= 0) close(file);
    if (bytes == MAP_FAILED)
        cf_fail("%s cannot be read", path);
    else
        made.bytes = bytes;
    return made;
}

typedef void (*symbol_function)(const Elf64_Sym *symbol, const char *name);

static void each_symbol(const image *file, symbol_function each) {
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)(const void *)file->bytes;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(const void *)(file->bytes + head->e_shoff);
    for (uint32_t i = 0; head->e_shoff && i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM) continue;
        const Elf64_Shdr *names = &sections[sections[i].sh_link];
        const Elf64_Sym *symbols = (const Elf64_Sym *)(const void *)(file->bytes + sections[i].sh_offset);
        for (size_t k = 1; k < sections[i].sh_size / sizeof *symbols; k++)
            each(&symbols[k], (const char *)file->bytes + names->sh_offset + symbols[k].st_name);
    }
}

static uint32_t entries;

static void check_export(const Elf64_Sym *symbol, const char *name) {
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
        return;
    if (strcmp(name, "tenon_plugin_query") == 0)
        entries++;
    else if (!is_tools_own(name))
        cf_fail("it exports %s; tenon_plugin_query alone may be visible", name);
}

static void check_import(const Elf64_Sym *symbol, const char *name) {
    if (symbol->st_shndx == SHN_UNDEF && is_tenons(name)) cf_fail("it leaves %s to the host", name);
}

static void check_symbols(symbol_function each) {
    image file = map_file(cf_raw_path());
    entries = 0;
    if (!file.bytes) return;
    each_symbol(&file, each);
    if (each == check_export && entries != 1) cf_fail("it exports tenon_plugin_query %u times", entries);
    (void)munmap((void *)(uintptr_t)file.bytes, file.size);
}

static void check_note(void) {
    tenon__elf_note note = {0};
    tenon__verdict verdict = {0};
    int file = open(cf_raw_path(), O_RDONLY | O_CLOEXEC);
    tenonh_reason reason = file < 0 ? TENONH_REASON_UNREADABLE : tenon__elf_inspect(file, &note, &verdict);
    if (file >= 0) close(file);
    if (reason != TENONH_REASON_OK)
        cf_fail("%s", verdict.detail);
    else if (!note.present)
        cf_fail("the file has no note; use TENON_PLUGIN_NOTE() once");
    else if (note.abi_version != cf_raw_table()->abi_version)
        cf_fail("the note tells ABI 0x%x, the table 0x%x", note.abi_version, cf_raw_table()->abi_version);
    else if (note.abi_version == TENON_ABI_VERSION && note.layout_hash != TENON_LAYOUT_HASH)
        cf_fail("the note tells layout 0x%08x; that of this version is 0x%08x", note.layout_hash, TENON_LAYOUT_HASH);
}

void cf_abi_binary(void) {
    if (cf_begin("one_export")) check_symbols(check_export);
    if (cf_begin("no_host_symbol")) check_symbols(check_import);
    if (cf_begin_for("REQ-ABI-09", "note")) check_note();
}

/* -- Hooks that are missing -------------------------------------------------------------------------------------------- */

enum { ALONE, MAPPING, COHERENCE };
enum { OPTIONAL, REQUIRED };

typedef struct group_row {
    const char *name;
    size_t copy, pointer; /* in tenon__hooks; in the table, 0: the table itself */
    uint32_t need, oldest;
} group_row;

typedef struct hook_row {
    const char *group, *name;
    size_t copy; /* in tenon__hooks */
    uint32_t need, set;
} hook_row;

#define POINTER(group) offsetof(tenon_plugin, group)
enum {
    POINTER_plugin = 0,
    POINTER_device = POINTER(device),
    POINTER_memory = POINTER(memory),
    POINTER_stream = POINTER(stream),
    POINTER_work = POINTER(work),
    POINTER_event = POINTER(event)
};

static const group_row groups[] = {
#define TENON_HOOK(group, type, member, need, set)
#define TENON_HOOK_GROUP(group, type, need, oldest)                                                                    \
    {#group, offsetof(tenon__hooks, group), POINTER_##group, need, oldest},
#include <tenon/hooks.def>
};

static const hook_row hooks[] = {
#define TENON_HOOK_GROUP(group, type, need, oldest)
#define TENON_HOOK(group, type, member, need, set)                                                                     \
    {#group, #member, offsetof(tenon__hooks, group) + offsetof(type, member), need, set},
#include <tenon/hooks.def>
};
enum { GROUPS = sizeof groups / sizeof *groups, HOOKS = sizeof hooks / sizeof *hooks };

/* The plugin's tables, to be damaged. */
typedef struct tables {
    tenon__hooks parts;
    tenon_plugin table;
} tables;

/* The table with groups that are this process's own; a group that is absent stays NULL. */
static tables *copy_tables(void) {
    tables *made = calloc(1, sizeof *made);
    tenon__verdict verdict = {0};
    uint32_t version;
    if (!made) abort();
    (void)tenon__hooks_negotiate(cf_raw_library(), cf_raw_table(), &made->parts, &version, &verdict);
    return made;
}

static tenonh_reason judge(tables *of, tenon__verdict *verdict) {
    tenon__hooks merged;
    uint32_t version;
    of->table = of->parts.plugin;
    for (int i = 0; i < GROUPS; i++) {
        const void *part = (const char *)&of->parts + groups[i].copy;
        uint32_t size;
        memcpy(&size, part, sizeof size);
        if (size == 0) part = NULL;
        if (groups[i].pointer) memcpy((char *)&of->table + groups[i].pointer, &part, sizeof part);
    }
    *verdict = (tenon__verdict){0};
    return tenon__hooks_negotiate(NULL, &of->table, &merged, &version, verdict);
}

static void expect_reason(tables *of, tenonh_reason reason, const char *words) {
    tenon__verdict verdict;
    tenonh_reason got = judge(of, &verdict);
    if (got != reason)
        cf_fail("the loader answers %s, not %s: %s", tenonh_reason_name(got), tenonh_reason_name(reason),
                verdict.detail);
    else if (!strstr(verdict.detail, words))
        cf_fail("the loader's words do not name %s: %s", words, verdict.detail);
}

static bool is_set(const tables *of, const hook_row *hook) {
    void (*function)(void);
    memcpy(&function, (const char *)&of->parts + hook->copy, sizeof function);
    return function != NULL;
}

static bool has_partner(const tables *of, const hook_row *hook) {
    for (int i = 0; i < HOOKS; i++)
        if (&hooks[i] != hook && hooks[i].set == hook->set && strcmp(hooks[i].group, hook->group) == 0 &&
            is_set(of, &hooks[i]))
            return true;
    return false;
}

/* A table without one of its hooks: refused by name where it is needed, taken where it is optional. */
static void lose_hook(const hook_row *hook) {
    tables *of = copy_tables();
    void (*none)(void) = NULL;
    char name[64];
    snprintf(name, sizeof name, "%s.%s", hook->group, hook->name);
    bool optional_group = strcmp(hook->group, "event") == 0;
    if (!is_set(of, hook)) {
        if (hook->need == REQUIRED && !optional_group) cf_fail("%s is NULL", name);
        if (hook->need == REQUIRED && optional_group) cf_not_applicable("there is no group %s", hook->group);
        if (hook->need == OPTIONAL) cf_not_applicable("%s is not there", name);
    } else {
        memcpy((char *)&of->parts + hook->copy, &none, sizeof none);
        if (hook->need == REQUIRED)
            expect_reason(of, optional_group ? TENONH_REASON_GROUP_HALF_FILLED : TENONH_REASON_HOOK_MISSING, name);
        else if (hook->set != ALONE && has_partner(of, hook))
            expect_reason(of, TENONH_REASON_GROUP_HALF_FILLED, name);
        else
            expect_reason(of, TENONH_REASON_OK, "");
    }
    free(of);
}

static void lose_group(const group_row *group) {
    tables *of = copy_tables();
    uint32_t none = 0;
    memcpy((char *)&of->parts + group->copy, &none, sizeof none);
    expect_reason(of, group->need == REQUIRED ? TENONH_REASON_HOOK_MISSING : TENONH_REASON_OK,
                  group->need == REQUIRED ? group->name : "");
    free(of);
}

/* One byte shorter than the first version. */
static void shorten_group(const group_row *group) {
    tables *of = copy_tables();
    uint32_t size, at = group->pointer ? 0 : offsetof(tenon_plugin, struct_size);
    memcpy(&size, (char *)&of->parts + group->copy + at, sizeof size);
    if (size == 0) {
        cf_not_applicable("there is no group %s", group->name);
    } else {
        size = group->oldest - 1;
        memcpy((char *)&of->parts + group->copy + at, &size, sizeof size);
        expect_reason(of, TENONH_REASON_SHORT_STRUCT, group->name);
    }
    free(of);
}

/* As the first version had it: everything since is optional. */
static void make_oldest(void) {
    tables *of = copy_tables();
    uint32_t size;
    for (int i = 0; i < GROUPS; i++) {
        uint32_t at = groups[i].pointer ? 0 : offsetof(tenon_plugin, struct_size);
        memcpy(&size, (char *)&of->parts + groups[i].copy + at, sizeof size);
        if (size) memcpy((char *)&of->parts + groups[i].copy + at, &groups[i].oldest, sizeof size);
    }
    expect_reason(of, TENONH_REASON_OK, "");
    free(of);
}

void cf_abi_hooks(void) {
    for (int i = 0; i < HOOKS; i++)
        if (cf_begin("without.%s.%s", hooks[i].group, hooks[i].name)) lose_hook(&hooks[i]);
    for (int i = 0; i < GROUPS; i++)
        if (groups[i].pointer && cf_begin("without.%s", groups[i].name)) lose_group(&groups[i]);
    for (int i = 0; i < GROUPS; i++)
        if (cf_begin_for("REQ-ABI-02", "short.%s", groups[i].name)) shorten_group(&groups[i]);
    if (cf_begin_for("REQ-ABI-02", "first_version")) make_oldest();
}
