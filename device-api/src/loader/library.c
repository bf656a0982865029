#include "loader/library.h"

#include <dlfcn.h>
#include <link.h>
#include <locale.h>
#include <string.h>

/* The dynamic linker tells its reasons in words alone; in the C locale these are stable in glibc. */
typedef struct complaint {
    const char *words;
    tenonh_reason reason;
} complaint;

static const complaint complaints[] = {
    {"undefined symbol", TENONH_REASON_UNRESOLVED_IMPORT},
    {"cannot open shared object file", TENONH_REASON_MISSING_LIBRARY},
    {"' not found", TENONH_REASON_MISSING_LIBRARY}, /* version `GLIBC_2.99' not found */
    {"file too short", TENONH_REASON_BAD_ELF},
    {"invalid ELF header", TENONH_REASON_BAD_ELF},
};

static tenonh_reason classify(const char *words) {
    for (size_t i = 0; i < sizeof complaints / sizeof complaints[0]; i++)
        if (strstr(words, complaints[i].words)) return complaints[i].reason;
    return TENONH_REASON_LOAD_FAILED;
}

static tenonh_reason open_handle(const char *path, void **out_handle, tenon__verdict *verdict) {
    *out_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*out_handle) return TENONH_REASON_OK;
    const char *words = dlerror();
    if (!words) words = "no reason given";
    size_t length = strlen(path); /* the file's own path before the complaint is known already */
    if (strncmp(words, path, length) == 0 && strncmp(words + length, ": ", 2) == 0) words += length + 2;
    return tenon__refuse(verdict, classify(words), "%s", words);
}

/* POSIX has data and function pointers alike; C says it through memory only. */
static tenon_plugin_query_function as_query(void *symbol) {
    tenon_plugin_query_function query;
    memcpy(&query, &symbol, sizeof query);
    return query;
}

static tenonh_reason find_query(tenon__library *library, tenon__verdict *verdict) {
    void *symbol = dlsym(library->handle, "tenon_plugin_query");
    Dl_info info;
    struct link_map *home = NULL, *map = NULL;
    if (!symbol) return tenon__refuse(verdict, TENONH_REASON_NO_SYMBOL, "no such dynamic symbol");
    if (dlinfo(library->handle, RTLD_DI_LINKMAP, &map) != 0 ||
        !dladdr1(symbol, &info, (void **)&home, RTLD_DL_LINKMAP) || home != map)
        return tenon__refuse(verdict, TENONH_REASON_NO_SYMBOL, "only a library that it links exports it: %s",
                             home ? home->l_name : "unknown");
    library->query = as_query(symbol);
    return TENONH_REASON_OK;
}

tenonh_reason tenon__library_open(const char *path, tenon__library *out_library, tenon__verdict *verdict) {
    *out_library = (tenon__library){0};
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    tenonh_reason reason = open_handle(path, &out_library->handle, verdict);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (reason == TENONH_REASON_OK) reason = find_query(out_library, verdict);
    if (reason != TENONH_REASON_OK) tenon__library_close(out_library);
    return reason;
}

void tenon__library_close(tenon__library *library) {
    if (library->handle) dlclose(library->handle);
    *library = (tenon__library){0};
}

typedef struct lookup {
    uintptr_t home; /* an address in the library */
    uintptr_t address;
    size_t extent;
} lookup;

/* Bytes from `address` to the end of the segment that it lies in, 0 if it lies in none. */
static size_t bytes_from(const struct dl_phdr_info *info, uintptr_t address) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && address >= start && address - start < segment->p_memsz)
            return segment->p_memsz - (address - start);
    }
    return 0;
}

static int find_segment(struct dl_phdr_info *info, size_t size, void *context) {
    lookup *l = context;
    (void)size;
    if (!bytes_from(info, l->home)) return 0;
    l->extent = bytes_from(info, l->address);
    return 1;
}

size_t tenon__library_extent(const tenon__library *library, const void *pointer) {
    lookup l = {.address = (uintptr_t)pointer};
    memcpy(&l.home, &library->query, sizeof l.home);
    dl_iterate_phdr(find_segment, &l);
    return l.extent;
}

const char *tenon__library_string(const tenon__library *library, const char *text) {
    if (!text) return "";
    size_t extent = tenon__library_extent(library, text);
    return extent && memchr(text, '\0', extent) ? text : NULL;
}
