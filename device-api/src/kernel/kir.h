/* Kernel IR: what a fused piece of work means, apart from how a device runs it. README.md in this folder has the text
 * form's grammar and the full semantics; kir_build.h has the functions that make a program.
 *
 * A program has symbols, scalars, operands (inputs, outputs, workspace) and kernels that run one after the other, each
 * seeing all that the ones before it stored. A kernel is a grid of parallel axes, whose items run in any order, over a
 * block. A block is a list of nodes evaluated in order.
 *
 * Nodes are numbered; a node is used only after it is made, so ids rise along every path of evaluation. Three sorts:
 *   leaves      CONST SYMBOL SCALAR AXIS CARRY RESULT PARAM: in no block, cost nothing, valid wherever in scope
 *   values      OP CAST BITCAST LOAD ELEM TILE: evaluated once, at their place in their block
 *   statements  LOOP STORE (and TILE, which is both)
 *
 * Types. A value is a scalar or a tile (a small array of constant extents, local to the item) of a *compute* dtype:
 * f64 f32 i8..i64 u8..u64 bool, or TENON__KIR_INDEX. The narrower dtypes exist in memory only: a load of f16, bf16 or
 * f8 gives f32, of i4 gives i8, of u4 gives u8; a store rounds once, to nearest even (4-bit: keeps the low bits).
 * cast[f16](v) is an f32 value that has been rounded to f16. Data that is only moved is declared u8/u16/u32/u64.
 *
 * TENON__KIR_INDEX is a 64-bit signed integer that wraps. On it `div` and `rem` round towards minus infinity and need a
 * divisor that is provably positive. Every load and store is checked: an index outside [0, dim) of its operand touches
 * nothing and fails the run (TENON_STATUS_OUT_OF_RANGE); the load gives its else value, or 0. tenon__kir_in_bounds says
 * where the check can be left out. A guard is evaluated before the access; where it is false there is no access.
 *
 * Thread: a program is used by one thread while it is built; finished, it is read-only. */
#ifndef TENON_KERNEL_KIR_H
#define TENON_KERNEL_KIR_H

#include <stdbool.h>
#include <stdio.h>
#include <tenon/ops.h>

/* Version of the IR and of its blob. A reader takes every version up to its own. */
#define TENON__KIR_VERSION 1u

enum {
    TENON__KIR_INDEX = 0x80, /* the dtype of indices; never that of an operand or scalar */
    TENON__KIR_MAX_AXES = 8, /* of a kernel or a loop */
    TENON__KIR_MAX_TILE_RANK = 4,
    TENON__KIR_MAX_CARRY = 16,
    TENON__KIR_MAX_DEPTH = 32,     /* blocks within blocks */
    TENON__KIR_MAX_TILE = 1 << 16, /* elements of a tile */
    TENON__KIR_MAX_SYMBOLS = 256,  /* symbols, and scalars */
    TENON__KIR_MAX_OPERANDS = 256, /* workspace included */
    TENON__KIR_MAX_KERNELS = 64,
    TENON__KIR_MAX_NODES = 1 << 17,
    TENON__KIR_WORKSPACE_ALIGN = 64 /* bytes: every workspace operand starts at a multiple */
};

typedef uint32_t tenon__kir_id; /* of a node; 0 is none */

/* X(kind, NAME): the first seven are leaves. */
/* clang-format off */
#define TENON__KIR_NODE_TABLE(X)                                                                                       \
    X(1, CONST)   /* bits */                                                                                           \
    X(2, SYMBOL)  /* ref: number of the symbol */                                                                      \
    X(3, SCALAR)  /* ref: number of the scalar; its value in the compute dtype */                                      \
    X(4, AXIS)    /* ref: number of the axis of loop `loop` (a kernel's grid and a tile are loops too) */              \
    X(5, CARRY)   /* ref: number of the carried value of loop `loop`, as a step finds it */                            \
    X(6, RESULT)  /* the same after the loop */                                                                        \
    X(7, PARAM)   /* of a merge body: ref = 2 * carried value + (0 first part, 1 second part) */                       \
    X(8, OP)      /* op: TENON_OP_* of family MAP; args: operands */                                                   \
    X(9, CAST)    /* to: storage dtype or index; TENON__KIR_WRAP; args: value */                                       \
    X(10, BITCAST) /* args: value of the same width */                                                                 \
    X(11, LOAD)   /* ref: operand; args: an index per dim, then with TENON__KIR_GUARDED condition and else value */    \
    X(12, ELEM)   /* args: tile, then an index per dim */                                                              \
    X(13, TILE)   /* loop: axes, body; next[0] is the element at the axes */                                          \
    X(14, LOOP)   /* loop */                                                                                           \
    X(15, STORE)  /* ref: operand; op: TENON_COMBINE_*; args: an index per dim, value, with GUARDED the condition */
/* clang-format on */

#define TENON__KIR_CONSTANT(kind, NAME) TENON__KIR_##NAME = kind,
enum { TENON__KIR_NONE = 0, TENON__KIR_NODE_TABLE(TENON__KIR_CONSTANT) TENON__KIR_KIND_COUNT };

/* Bits of tenon__kir_node.flags. */
enum {
    TENON__KIR_GUARDED = 1,  /* LOAD, STORE: has a condition */
    TENON__KIR_WRAP = 2,     /* CAST float to integer: modulo 2^bits, NaN and inf to 0, instead of saturating */
    TENON__KIR_ANY_ORDER = 4 /* STORE with a combiner: items may meet on one element, in any order (atomic) */
};

/* Type of a value: rank 0 is a scalar. */
typedef struct tenon__kir_type {
    uint16_t dtype; /* compute dtype or TENON__KIR_INDEX; 0 for LOOP and STORE */
    uint16_t rank;
    uint32_t extents[TENON__KIR_MAX_TILE_RANK];
} tenon__kir_type;

typedef struct tenon__kir_node {
    uint16_t kind;
    uint16_t flags;
    uint16_t op;
    uint16_t to; /* CAST */
    tenon__kir_type type;
    uint32_t ref;
    uint32_t loop;      /* number in tenon__kir_program.loops */
    uint32_t first_arg; /* into tenon__kir_program.args */
    uint32_t arg_count;
    uint32_t block;     /* number of the block it lies in (values, statements) or is valid in (leaves); 0 is the head */
    tenon__kir_id next; /* next node of the same block; 0 at its end and for leaves */
    uint64_t bits;      /* CONST: the value's bits at the low end (integers: sign-extended to 64) */
    const char *name;   /* or NULL; never matters to the meaning */
} tenon__kir_node;

/* A list of nodes: first, then node.next. */
typedef struct tenon__kir_block {
    uint32_t parent; /* number of the block around it; the head (block 0) is its own */
    uint32_t loop;   /* the loop whose body or merge body it is; unused for the head */
    tenon__kir_id first, last;
} tenon__kir_block;

enum { TENON__KIR_MERGE_NONE = 0, TENON__KIR_MERGE_OPS = 1, TENON__KIR_MERGE_BODY = 2 };

/* Axes over a body: a LOOP, the element function of a TILE, or the grid of a kernel.
 * A loop's steps run in row-major order of its axes. With `merge` the steps may instead be split into parts, each
 * starting from `init`, whose results are merged in any grouping; the merge is associative and commutative up to
 * rounding, `init` is its identity. Steps of a merged loop store nothing that depends on what they carry. */
typedef struct tenon__kir_loop {
    tenon__kir_id node;  /* the LOOP or TILE; 0: a kernel's grid */
    uint32_t body;       /* number of the block */
    uint32_t axis_count; /* 0: a grid of one item, or a loop of one step */
    uint32_t carry_count;
    uint32_t merge;      /* TENON__KIR_MERGE_* */
    uint32_t merge_body; /* number of the block, with MERGE_BODY */
    tenon__kir_id axis[TENON__KIR_MAX_AXES];
    tenon__kir_id extent[TENON__KIR_MAX_AXES]; /* index; below 0 counts as 0 */
    tenon__kir_id carry[TENON__KIR_MAX_CARRY];
    tenon__kir_id init[TENON__KIR_MAX_CARRY]; /* of the carry's type, or a scalar that fills a tile */
    tenon__kir_id next[TENON__KIR_MAX_CARRY]; /* TILE: next[0] is the element */
    tenon__kir_id result[TENON__KIR_MAX_CARRY];
    tenon_op merge_op[TENON__KIR_MAX_CARRY];       /* MERGE_OPS: add mul min max and or xor */
    tenon__kir_id param[2 * TENON__KIR_MAX_CARRY]; /* MERGE_BODY: first and second part, by PARAM's ref */
    tenon__kir_id merged[TENON__KIR_MAX_CARRY];    /* MERGE_BODY: what it yields */
} tenon__kir_loop;

enum { TENON__KIR_IN = 1, TENON__KIR_OUT = 2, TENON__KIR_INOUT = 3, TENON__KIR_WORKSPACE = 4 };

/* A buffer. Those of role IN come first, then OUT and INOUT (their order is that of launch buffers), then WORKSPACE.
 * What an OUT or WORKSPACE holds before the program stores to it is undefined. Operands do not overlap. */
typedef struct tenon__kir_operand {
    const char *name;
    uint32_t role;
    uint32_t dtype;                        /* storage dtype */
    uint32_t rank;                         /* 0 ... TENON_MAX_RANK */
    uint32_t contiguous;                   /* strides are the default ones: row-major without gaps */
    tenon__kir_id dims[TENON_MAX_RANK];    /* head nodes, in elements */
    tenon__kir_id strides[TENON_MAX_RANK]; /* head nodes, in elements; filled in also when contiguous */
} tenon__kir_operand;

typedef struct tenon__kir_symbol {
    const char *name;
    tenon_symbol range;
    tenon__kir_id node; /* its SYMBOL leaf */
} tenon__kir_symbol;

/* A 64-bit host scalar of a launch: the value's bits in `dtype` at the low end. */
typedef struct tenon__kir_scalar {
    const char *name;
    uint32_t dtype;     /* storage dtype */
    tenon__kir_id node; /* its SCALAR leaf */
} tenon__kir_scalar;

typedef struct tenon__kir_kernel {
    const char *name;
    uint32_t loop;    /* number of its grid in tenon__kir_program.loops; extents are head nodes */
    uint32_t index32; /* claims, and the verifier proves, that each index value and element offset fits 32 bits */
} tenon__kir_kernel;

struct tenon__kir_arena;
struct tenon__kir_state;

/* Everything by number, in order of declaration. nodes[0] is unused; blocks[0] is the head: index nodes over symbols
 * and constants from which dims, strides and extents of grids are made. Members other than arrays of `count` are the
 * builder's. Owner: whoever called tenon__kir_create, _parse or _decode; ends with tenon__kir_destroy. */
typedef struct tenon__kir_program {
    const char *name;
    tenon__kir_symbol *symbols;
    tenon__kir_scalar *scalars;
    tenon__kir_operand *operands;
    tenon__kir_kernel *kernels;
    tenon__kir_loop *loops;
    tenon__kir_block *blocks;
    tenon__kir_node *nodes;
    tenon__kir_id *args;
    uint32_t symbol_count, scalar_count, operand_count, kernel_count, loop_count, block_count, node_count, arg_count;
    struct tenon__kir_arena *arena; /* holds names */
    struct tenon__kir_state *state; /* of the builder */
} tenon__kir_program;

/* Why a function failed: what, where (kernel, node or line:column) and what to do. */
typedef struct tenon__kir_error {
    char text[512];
} tenon__kir_error;

void tenon__kir_destroy(tenon__kir_program *program); /* NULL is allowed */

/* Text, blob, hash. */

/* Parses and verifies one program. `size` bytes at `text`, no terminator needed. Errors: BAD_DATA, OUT_OF_MEMORY. */
tenon_status tenon__kir_parse(const char *text, size_t size, tenon__kir_error *error, tenon__kir_program **out_program);

/* The canonical text: parsing it gives a program of the same hash, whose text is the same again.
 * Owner: the caller, free(). */
tenon_status tenon__kir_print(const tenon__kir_program *program, char **out_text);

/* Pointer-free form for a plugin's own compiler; layout in README.md. Owner: the caller, free(). Errors: UNSUPPORTED
 * when `version` is above TENON__KIR_VERSION or cannot express the program. */
tenon_status tenon__kir_encode(const tenon__kir_program *program, uint32_t version, void **out_blob, size_t *out_size);

/* Reads a blob from anywhere: every number is checked, and the program verified. Errors: BAD_DATA, UNSUPPORTED (newer
 * than TENON__KIR_VERSION), OUT_OF_MEMORY. */
tenon_status tenon__kir_decode(const void *blob, size_t size, tenon__kir_error *error,
                               tenon__kir_program **out_program);

/* 128 bits over the meaning of a finished program: symbols, scalars and operands in order, kernels, effects in order,
 * expressions as trees. Names, the places of lets, sharing of equal pure values and the order of declarations of
 * different sorts leave it alone. Stable over versions of the library that share TENON__KIR_VERSION. */
void tenon__kir_hash(const tenon__kir_program *program, uint64_t out_hash[2]);

/* Every rule of README.md. Errors: INVALID, and `error` says which rule, where and what to do. */
tenon_status tenon__kir_verify(const tenon__kir_program *program, tenon__kir_error *error);

/* Questions a schedule or a printer asks. */

static inline const tenon__kir_node *tenon__kir_at(const tenon__kir_program *program, tenon__kir_id id) {
    return &program->nodes[id];
}

/* The `i`-th argument of a node. */
static inline tenon__kir_id tenon__kir_arg(const tenon__kir_program *program, const tenon__kir_node *node, uint32_t i) {
    return program->args[node->first_arg + i];
}

/* True, and the value, when `id` is a constant of integer, index or bool dtype. */
bool tenon__kir_is_const(const tenon__kir_program *program, tenon__kir_id id, int64_t *out_value);

/* True for nodes that lie in no block. */
bool tenon__kir_is_leaf(const tenon__kir_program *program, tenon__kir_id id);

/* True when block `inner` is `outer` or lies inside it. */
bool tenon__kir_block_within(const tenon__kir_program *program, uint32_t inner, uint32_t outer);

/* How often each node is used: as argument, extent, init, next, yield, dim or stride. `counts` has node_count. */
void tenon__kir_use_counts(const tenon__kir_program *program, uint32_t *counts);

/* True when a and b always have the same value at one point of evaluation: equal trees, whatever the sharing. */
bool tenon__kir_same(const tenon__kir_program *program, tenon__kir_id a, tenon__kir_id b);

/* Bounds of an index value under the symbols' ranges; the whole of int64 where nothing is known. */
void tenon__kir_range(const tenon__kir_program *program, tenon__kir_id id, int64_t *out_low, int64_t *out_high);

/* True when the access (a LOAD or STORE) is proven to stay inside its operand wherever its guard holds. */
bool tenon__kir_in_bounds(const tenon__kir_program *program, tenon__kir_id access);

/* True when dimension `dim` of the access is so proven. */
bool tenon__kir_dim_in_bounds(const tenon__kir_program *program, tenon__kir_id access, uint32_t dim);

/* True when the results may depend on the order of items: an ANY_ORDER store of float add or mul. */
bool tenon__kir_order_matters(const tenon__kir_program *program, uint32_t kernel);

/* Compute dtype of a storage dtype (f16 gives f32, u4 gives u8 ...); index gives index; 0 for no dtype. */
uint32_t tenon__kir_compute_dtype(uint32_t dtype);

/* Name ("f32", "index"), or NULL. */
const char *tenon__kir_dtype_name(uint32_t dtype);

/* The MAP operators: name and number of operands, or NULL / 0 for other ids. */
const char *tenon__kir_op_name(uint32_t op);
uint32_t tenon__kir_op_arity(uint32_t op);

/* Element combined into: name ("add") of TENON_COMBINE_ADD ...; NULL for SET and unknown ones. */
const char *tenon__kir_combine_name(uint32_t combine);

/* Value of a head node (dim, stride, extent of a grid) at a launch. `symbols` has symbol_count values. */
int64_t tenon__kir_eval(const tenon__kir_program *program, tenon__kir_id id, const int64_t *symbols);

/* Items of a kernel's grid: the product of its extents, 1 without axes. Errors: INVALID when it passes int64. */
tenon_status tenon__kir_items(const tenon__kir_program *program, uint32_t kernel, const int64_t *symbols,
                              int64_t *out_items);

/* Bytes of workspace, and where each WORKSPACE operand starts: in order of declaration, each at the next multiple of
 * TENON__KIR_WORKSPACE_ALIGN. `offsets` (may be NULL) has operand_count entries, 0 for the others. Errors: INVALID. */
tenon_status tenon__kir_workspace(const tenon__kir_program *program, const int64_t *symbols, uint64_t *offsets,
                                  uint64_t *out_bytes);

/* Errors: INVALID when a symbol leaves its declared range or is not a multiple of its divisor. */
tenon_status tenon__kir_check_symbols(const tenon__kir_program *program, const int64_t *symbols,
                                      tenon__kir_error *error);

#endif
