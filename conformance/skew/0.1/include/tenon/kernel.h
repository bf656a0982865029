/* Kernel work: the host prints a program in the device's dialect; the plugin compiles the text and launches it. */
#ifndef TENON_KERNEL_H
#define TENON_KERNEL_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

/* Languages of printed source. */
enum { TENON_LANGUAGE_C11 = 1, TENON_LANGUAGE_OPENCL_C = 2, TENON_LANGUAGE_CUDA_C = 3 };

/* What a dialect's compiler and device can do beyond the language: bits of tenon_dialect.features. */
enum {
    TENON_FEATURE_F64 = 1,
    TENON_FEATURE_F16 = 2, /* half arithmetic and storage */
    TENON_FEATURE_SUBGROUPS = 4,
    TENON_FEATURE_VECTORS = 8,    /* C11: GNU vector extensions (gcc, clang) */
    TENON_FEATURE_STREAMING = 16, /* non-temporal stores are worth it and spelled by the compiler's builtin */
    TENON_FEATURE_FMA = 32        /* fma is one instruction */
};

/* How the host prints for a device. The plugin fills it, the host only reads it. Strings may be NULL: the language's
 * own spelling. Owner: the device; lives until it is closed. Source: REQ-KERNEL-01. */
typedef struct tenon_dialect {
    uint32_t struct_size;
    uint32_t language;            /* TENON_LANGUAGE_* */
    uint32_t features;            /* TENON_FEATURE_* bits */
    uint32_t vector_bytes;        /* width of the explicit vectors to print; 0 scalar code */
    uint32_t registers;           /* vector registers a schedule may plan with; 0 unknown */
    uint32_t subgroup;            /* lanes of a subgroup; 0 none or unknown */
    uint32_t max_group;           /* work-items of a group; 0 or 1 for CPU-type schedules */
    uint32_t local_bytes;         /* memory shared by a group */
    uint32_t ir_version;          /* newest version of the IR blob that the plugin reads; 0: it wants none */
    uint32_t reserved;            /* must be 0 */
    const char *entry_qualifiers; /* before an entry's return type: "__kernel", "extern \"C\" __global__" */
    const char *global_qualifier; /* on pointers to buffers: "__global" */
    const char *local_qualifier;  /* on arrays shared by a group: "__local", "__shared__" */
    const char *group_index;      /* expression: index of the group in dimension 0 */
    const char *local_index;      /* expression: index of the item in its group */
    const char *barrier;          /* statement: waits for the group */
    const char *prologue;         /* text put first in every source: pragmas, includes */
} tenon_dialect;
#define TENON_DIALECT_SIZE_V1 96u
static_assert(sizeof(tenon_dialect) == TENON_DIALECT_SIZE_V1 && offsetof(tenon_dialect, entry_qualifiers) == 40,
              "frozen layout");

/* An argument of an entry, in order. For languages with one parameter an argument. */
enum { TENON_ARG_BUFFER = 1, TENON_ARG_SYMBOL = 2, TENON_ARG_SCALAR = 3, TENON_ARG_WORKSPACE = 4, TENON_ARG_FAULT = 5 };
typedef struct tenon_kernel_arg {
    uint32_t kind;  /* TENON_ARG_* */
    uint32_t index; /* operand, symbol or scalar; 0 for WORKSPACE, which is one buffer, and FAULT */
} tenon_kernel_arg;
static_assert(sizeof(tenon_kernel_arg) == 8, "frozen layout");

/* One entry point of a source. Entries of one program run one after the other, each on its own grid.
 *
 * C11: every entry has the type tenon_kernel_c11 below and `args` is empty.
 * Other languages: parameters as `args` lists them; SYMBOL and SCALAR are 64-bit integers; FAULT is a pointer to one
 * 32-bit word in device memory that a kernel sets to 1 when a loaded index is out of range. The plugin owns that word:
 * it is 0 before the launch, and a 1 fails the stream with OUT_OF_RANGE. */
typedef struct tenon_kernel_entry {
    const char *name;
    const tenon_kernel_arg *args;
    uint32_t arg_count;
    uint32_t local[3]; /* work-items of a group per dimension; 1 1 1 for CPU-type schedules */
} tenon_kernel_entry;
static_assert(sizeof(tenon_kernel_entry) == 32, "frozen layout");

/* Entry of a C11 source. Runs items first ... last - 1 of the grid's dimension 0; any split over calls and threads
 * gives the same bits. `buffers` holds byte addresses, offsets applied, in operand order; `scalars` follow the symbols
 * in `symbols` (bits as int64_t). Returns 0, or 1 when a loaded index was out of range: memory is untouched by it, and
 * the plugin fails the stream with OUT_OF_RANGE (REQ-KERNEL-03). */
typedef int32_t (*tenon_kernel_c11)(void *const *buffers, const int64_t *symbols, void *workspace, int64_t first,
                                    int64_t last);

/* Part of a tenon_work of kind KERNEL. Valid during prepare only. A descriptor. Source: REQ-KERNEL-02. */
typedef struct tenon_kernel_work {
    uint32_t struct_size;
    uint32_t language;  /* as the dialect asked */
    const char *source; /* NUL-terminated UTF-8 */
    uint64_t source_size;
    const tenon_kernel_entry *entries;
    uint32_t entry_count;
    uint32_t ir_version;     /* of the blob: min(host, dialect.ir_version) */
    const void *ir;          /* the program as a pointer-free blob, or NULL */
    uint64_t ir_size;        /* bytes */
    uint64_t hash[2];        /* of everything above but names: a cache key, with the device's identity */
    uint64_t workspace_size; /* bytes that the entries use together if that is fixed; 0: the symbols decide. A launch
                                brings what its entries use, or exec_info's bound where that is more */
} tenon_kernel_work;
#define TENON_KERNEL_WORK_SIZE_V1 80u
static_assert(sizeof(tenon_kernel_work) == TENON_KERNEL_WORK_SIZE_V1 && offsetof(tenon_kernel_work, hash) == 56,
              "frozen layout");

TENON_EXTERN_C_END

#endif
