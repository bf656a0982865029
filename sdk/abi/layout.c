/* Prints the layout of the plugin ABI as this compiler sees it, one line a member: struct.member offset size.
 * The recorded output is layout.txt; ci/check-abi compares. Fails when a struct has padding or a member that
 * layout.def does not list, or when TENON_LAYOUT_HASH is not the hash of the frozen prefixes. */
#include <inttypes.h>
#include <stdio.h>

#include <tenon/plugin.h>

/* A row with a NULL member opens a struct: `offset` is its frozen size, `size` its whole size. */
typedef struct row {
    const char *type;
    const char *member;
    size_t offset;
    size_t size;
} row;

static const row rows[] = {
#define STRUCT(type, frozen) {#type, NULL, frozen, sizeof(type)},
#define MEMBER(type, member) {#type, #member, offsetof(type, member), sizeof(((type *)0)->member)},
#include "layout.def"
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static uint32_t fnv1a(uint32_t hash, const char *text) {
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash;
}

static int complain(const char *type, const char *before, size_t bytes) {
    fprintf(stderr, "%s: %zu bytes before %s are padding or not in layout.def\n", type, bytes, before);
    return 0;
}

/* Members must tile their struct: returns 0 after naming what does not fit. */
static int check_tiling(void) {
    int good = 1;
    size_t end = 0, whole = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const row *r = &rows[i];
        if (!r->member) {
            end = 0;
            whole = r->size;
            continue;
        }
        if (r->offset != end) good = complain(r->type, r->member, r->offset - end);
        end = r->offset + r->size;
        int last = i + 1 == ROW_COUNT || !rows[i + 1].member;
        if (last && end != whole) good = complain(r->type, "its end", whole - end);
    }
    return good;
}

static void print_layout(void) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].member)
            printf("    %s %zu %zu\n", rows[i].member, rows[i].offset, rows[i].size);
        else
            printf("%s %zu\n", rows[i].type, rows[i].size);
    }
}

static uint32_t frozen_hash(void) {
    uint32_t hash = 2166136261u;
    size_t frozen = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const row *r = &rows[i];
        char line[160];
        if (!r->member) frozen = r->offset;
        if (frozen == 0 || (r->member && r->offset >= frozen)) continue;
        snprintf(line, sizeof line, "%s.%s %zu %zu\n", r->type, r->member ? r->member : "", r->offset,
                 r->member ? r->size : frozen);
        hash = fnv1a(hash, line);
    }
    return hash;
}

int main(void) {
    if (!check_tiling()) return 1;
    print_layout();
    uint32_t hash = frozen_hash();
    printf("hash 0x%08" PRIx32 "\n", hash);
    if (hash == TENON_LAYOUT_HASH) return 0;
    fprintf(stderr,
            "TENON_LAYOUT_HASH in plugin.h is 0x%08" PRIx32 ", but the frozen prefixes hash to 0x%08" PRIx32 "\n",
            (uint32_t)TENON_LAYOUT_HASH, hash);
    return 1;
}
