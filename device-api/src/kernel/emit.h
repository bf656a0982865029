/* What the files print_*.c share: the state of printing one entry, and the language of the text.
 *
 * The text is C without a library: statements, scalar operators and calls of functions whose names start with tn_. What
 * differs between C11, OpenCL C and CUDA C is the head of an entry, the qualifiers of pointers, how an item learns its
 * number and how it reports a fault (tenon__language), and the prelude, which gives the tn_ types and functions.
 *
 * Names in the text, N being a node's number: sN symbol, hN scalar, pN operand, iN axis, tN value, cN carried value,
 * aN tile; in a region vN_U the vector of copy U, tN_U an index in its lane 0, cN_U a carried vector, lN an index
 * in the lane at hand. */
#ifndef TENON_KERNEL_EMIT_H
#define TENON_KERNEL_EMIT_H

#include "kernel/prelude.h"
#include "kernel/schedule.h"
#include "support/text.h"

struct tenon__emitter;

typedef struct tenon__language {
    uint32_t id;
    const char *fault; /* statement: a loaded index was out of range */
    /* One entry: head, what it names of the program's head, items, end. */
    void (*print_entry)(struct tenon__emitter *e, uint32_t kernel, const char *name);
    /* Qualifiers, types and helpers before all entries. */
    tenon_status (*prelude)(const tenon_dialect *dialect, const tenon__prelude_need *need, tenon__text *text);
} tenon__language;

extern const tenon__language tenon__language_c11;

/* Where an expression stands: outside a region or for all lanes (SCALAR), as vector of a copy (VECTOR), in lane 0 of a
 * copy (FIRST), in lane `l` of a copy (LANE). */
enum { TENON__AT_SCALAR, TENON__AT_VECTOR, TENON__AT_FIRST, TENON__AT_LANE };
typedef struct tenon__place {
    uint32_t kind;
    uint32_t copy;
} tenon__place;

static const tenon__place TENON__SCALAR = {TENON__AT_SCALAR, 0};

/* How the parameters of a merge body are called while it is printed. */
enum { TENON__PARTS_NONE, TENON__PARTS_COPIES, TENON__PARTS_LANES };

typedef struct tenon__emitter {
    const tenon__plan *plan;
    const tenon__kir_program *program;
    const tenon_dialect *dialect;
    const tenon__language *language;
    tenon__text *text;
    tenon__prelude_need *need;
    uint32_t depth; /* of indentation */
    uint32_t kernel;
    const tenon__region *region; /* NULL outside */
    uint32_t copies;             /* of the loop being printed: the region's, or 1 */
    bool parts;                  /* lanes from `left` on are not active */
    uint8_t *used;               /* one per node: the text names it; heads declare what they must */
    uint8_t *operand_used;       /* one per operand */
    uint32_t *stamp;             /* one per node: the lane-by-lane loop it was last named in */
    uint32_t stamps;
    uint8_t *live;        /* one per node: print_tiles.c's own */
    uint32_t merge_parts; /* TENON__PARTS_* */
    uint32_t merge_copy;  /* PARTS_COPIES: the second part */
} tenon__emitter;

/* -- Text (emit.c) ------------------------------------------------------------------------------------------------ */

/* A line of code at the current indentation; `open` and `close` also change it. */
void tenon__line(tenon__emitter *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tenon__open(tenon__emitter *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tenon__open_block(tenon__emitter *e);
void tenon__close(tenon__emitter *e);

/* A line put together by several calls: indentation, parts, end. */
void tenon__begin_line(tenon__emitter *e);
void tenon__put(tenon__emitter *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tenon__end_line(tenon__emitter *e, const char *end);

/* "f32", "i64" for an index, "bool". */
const char *tenon__type_name(uint32_t dtype);

/* Notes that the text calls a section of the prelude at this lane count. */
void tenon__need_section(tenon__emitter *e, uint32_t section, uint32_t lanes);

/* Notes that the text uses the access functions of a storage dtype at this lane count (prelude/access.h). */
void tenon__need_access(tenon__emitter *e, uint32_t dtype, uint32_t lanes);

/* Puts "tn_<name>_<dtype>x<lanes>(" and notes the section. */
void tenon__call(tenon__emitter *e, uint32_t section, const char *name, uint32_t dtype, uint32_t lanes);

/* True when the node is printed as vectors in the region at hand. */
static inline bool tenon__is_vector(const tenon__emitter *e, tenon__kir_id id) {
    return e->region && tenon__varies(e->plan, id);
}

/* Bytes of an element in memory (4-bit types: 1) or of a value. */
uint32_t tenon__bytes_of(uint32_t dtype);

/* -- Expressions (print_expr.c, print_vector.c) ------------------------------------------------------------------- */

/* The value at a place; a uniform one at a VECTOR place is spread over the lanes. Bools are 0 or 1 at scalar places. */
void tenon__put_value(tenon__emitter *e, tenon__kir_id id, tenon__place place);

/* As tenon__put_value at a VECTOR place; bools have no such form. */
void tenon__put_vector(tenon__emitter *e, tenon__kir_id id, uint32_t copy);

/* A varying or uniform bool as a mask of lanes of `bytes`. */
void tenon__put_mask(tenon__emitter *e, tenon__kir_id id, uint32_t copy, uint32_t bytes);

/* An integer or index constant, so that it has its type at every value. */
void tenon__put_integer(tenon__emitter *e, uint32_t dtype, uint64_t bits);

/* The vector of copy `copy`, a mask of `mask_bytes` if it is a bool; and the type of its own form. */
void tenon__put_any_vector(tenon__emitter *e, tenon__kir_id id, uint32_t copy, uint32_t mask_bytes);
void tenon__put_vector_type(tenon__emitter *e, tenon__kir_id id);

/* The operation of an OP, CAST or BITCAST node itself, its operands at `place`. */
void tenon__put_scalar_operation(tenon__emitter *e, const tenon__kir_node *node, tenon__place place);
void tenon__put_vector_operation(tenon__emitter *e, tenon__kir_id id, uint32_t copy);

/* `op` on two operands of a dtype, for combining stores, merges and contractions: the text before the first operand,
 * between the two, and ")" after the second. Bools are masks, or 0 and 1. */
void tenon__begin_combine(tenon__emitter *e, tenon_op op, uint32_t dtype, uint32_t lanes);
const char *tenon__between_combined(tenon_op op, uint32_t dtype);

/* Step of an access in elements as a C expression. */
void tenon__put_step(tenon__emitter *e, const tenon__step *step);

/* -- Accesses (print_access.c, print_lanes.c) --------------------------------------------------------------------- */

typedef struct tenon__access {
    tenon__kir_id id;
    const tenon__kir_node *node; /* LOAD, STORE or ELEM */
    uint32_t dtype;              /* in memory */
    uint32_t rank, first;        /* of the indices among the arguments */
    tenon__kir_id guard, other;
    char base[16];
} tenon__access;

tenon__access tenon__access_of(tenon__emitter *e, tenon__kir_id id);
tenon__kir_id tenon__access_index(const tenon__emitter *e, const tenon__access *a, uint32_t dim);

/* Number of the element relative to the base. */
void tenon__put_address(tenon__emitter *e, const tenon__access *a, tenon__place place);

/* Dimension `dim` is not proven to be in range; the condition that it is. */
bool tenon__is_checked(const tenon__emitter *e, const tenon__access *a, uint32_t dim);
bool tenon__has_checks(const tenon__emitter *e, const tenon__access *a);
void tenon__put_check(tenon__emitter *e, const tenon__access *a, uint32_t dim, tenon__place place);

/* One element under its condition and checks. A load assigns to tN, at a LANE place to part[l]. */
void tenon__print_element(tenon__emitter *e, const tenon__access *a, tenon__place place);

/* Conversions between a value and what lies in memory: what stands before and after it. */
void tenon__begin_widen(tenon__emitter *e, uint32_t dtype, uint32_t lanes);
void tenon__begin_narrow(tenon__emitter *e, uint32_t dtype, uint32_t lanes);
void tenon__end_conversion(tenon__emitter *e, uint32_t dtype);

tenon_op tenon__op_of_combine(uint32_t combine);

/* The access in lanes, for each copy. */
void tenon__print_lane_access(tenon__emitter *e, const tenon__access *a);

/* -- Statements (print_loop.c, print_region.c, print_tiles.c) ----------------------------------------------------- */

void tenon__print_access(tenon__emitter *e, tenon__kir_id id);
void tenon__print_block(tenon__emitter *e, uint32_t block);

/* For languages whose entries run items `first` to before `last`. */
void tenon__print_items(tenon__emitter *e, uint32_t number);
void tenon__print_node(tenon__emitter *e, tenon__kir_id id);
void tenon__print_tiles_item(tenon__emitter *e, const tenon__kernel_plan *kernel);

/* Carried value `i` of a loop before its first step; all of them at the end of a step. */
void tenon__declare_carry(tenon__emitter *e, const tenon__kir_loop *loop, uint32_t i);
void tenon__print_step_end(tenon__emitter *e, const tenon__kir_loop *loop);

/* Opens the loop of one axis. */
void tenon__open_axis(tenon__emitter *e, tenon__kir_id axis, tenon__kir_id extent);

/* Number of the element of TILE `id` that its axes stand at. */
void tenon__put_tile_element(tenon__emitter *e, tenon__kir_id id);

/* Steps of a region from `from` to before `to`, calling `body` for each loop that is printed. */
typedef void (*tenon__body_fn)(tenon__emitter *e, void *context);
void tenon__print_lanes(tenon__emitter *e, const tenon__region *region, const char *from, const char *to,
                        tenon__body_fn body, void *context);

/* A loop whose steps are a region; a tile likewise. */
void tenon__print_region_loop(tenon__emitter *e, const tenon__kir_loop *loop, const tenon__region *region);

#endif
