/* Prints a Kernel IR program as source text in a device's dialect, with all that a launch needs beside the text.
 *
 * The text is self-contained and depends on nothing but the program (names apart), the dialect and the options: the
 * same three give the same bytes. Symbols, operands and values are numbered in it, never named after the program's.
 * Thread: all functions are thread-safe; a tenon__printed is read-only. */
#ifndef TENON_KERNEL_PRINT_H
#define TENON_KERNEL_PRINT_H

#include "kernel/kir.h"

#include <tenon/work.h>

/* Zero-initialised is the default: everything the dialect allows. */
typedef struct tenon__schedule_options {
    uint32_t scalar;        /* 1: no vectors and no tiles, the plainest code */
    uint32_t without_tiles; /* 1: contractions as any other loop */
    uint32_t bare;          /* 1: no prologue and no prelude before the entries; see tenon__prelude_need */
    uint32_t chunk;         /* elements of a work-item of a map kernel; 0: the schedule's own choice */
    const char *entry_name; /* entries are called entry_name0, entry_name1 ...; NULL: "tenon_kernel_" */
} tenon__schedule_options;

/* What printed text calls: per lane count 1 << i the sections TENON__PRELUDE_* it needs, and the dtypes (bits
 * 1 << dtype) whose vectors it moves to and from memory. Needs of several texts are joined by or. */
enum { TENON__PRELUDE_LANE_COUNTS = 7 };
typedef struct tenon__prelude_need {
    uint32_t sections[TENON__PRELUDE_LANE_COUNTS];
    uint32_t access[TENON__PRELUDE_LANE_COUNTS];
} tenon__prelude_need;

struct tenon__printed_state;

typedef struct tenon__printed {
    const char *source;                /* NUL-terminated */
    size_t source_size;                /* bytes, the NUL not counted */
    const tenon_kernel_entry *entries; /* one per kernel of the program, run in order */
    uint32_t entry_count;
    uint32_t symbol_count, scalar_count; /* that a launch brings */
    uint32_t has_workspace;              /* 1: the program has workspace operands */
    uint64_t hash[2];                    /* of the source, a cache key together with the compiler's identity */
    tenon__prelude_need need;
    struct tenon__printed_state *state;
} tenon__printed;

/* Keeps nothing of its arguments. Owner: the caller, tenon__printed_free. Errors: UNSUPPORTED (language, dtype that
 * has no printed form), INVALID (dialect), OUT_OF_MEMORY. */
tenon_status tenon__print(const tenon__kir_program *program, const tenon_dialect *dialect,
                          const tenon__schedule_options *options, tenon__printed **out_printed);
void tenon__printed_free(tenon__printed *printed); /* NULL is allowed */

/* Groups of every entry for a launch with these symbol values (`grids` has entry_count elements): nanoseconds. A grid
 * with a zero need not be launched. Errors: INVALID when a count passes int64. */
tenon_status tenon__printed_geometry(const tenon__printed *printed, const int64_t *symbols, tenon_grid *grids);

/* Bytes of workspace of a launch; its start is aligned to TENON__KIR_WORKSPACE_ALIGN. Errors: as geometry. */
tenon_status tenon__printed_workspace(const tenon__printed *printed, const int64_t *symbols, uint64_t *out_bytes);

/* C functions `int NAME_items(const int64_t *symbols, int64_t *items)` and
 * `int NAME_workspace(const int64_t *symbols, uint64_t *bytes)`, 0 or 1 when a count passes int64: the two functions
 * above for code that is compiled ahead of time. Owner: the caller, free(). */
tenon_status tenon__printed_geometry_text(const tenon__printed *printed, const char *name, char **out_text);

/* The prelude for all that `need` lists. Owner: the caller, free(). */
tenon_status tenon__print_prelude(const tenon_dialect *dialect, const tenon__prelude_need *need, char **out_text);

#endif
