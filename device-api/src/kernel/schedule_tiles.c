/* Finds contractions: out[.., m, n] = f(sum over k of a[.., m, k] * b[.., k, n]), whatever a, b and f are made of.
 *
 * A product and a sum that a merged loop carries may be rounded once or twice: its steps may be regrouped anyway, and
 * either way stays within the bound of a sum in any order. So tiles use fma where the device has it, and only there. */
#include "kernel/schedule.h"

#include <stdlib.h>
#include <tenon/helpers.h>

enum { DEPENDS_K = 1 << 8, DEPENDS_CARRY = 1 << 9, DEPENDS_SUM = 1 << 10 }; /* bit i: grid axis i */

typedef struct search {
    tenon__plan *plan;
    const tenon__kir_program *program;
    const tenon__kir_loop *grid, *loop;
    uint32_t loop_number;
    uint16_t *depends; /* one per node */
} search;

/* -- Shape of the kernel ------------------------------------------------------------------------------------------ */

/* Values only, and at most one loop; `out_loop` is its node. Stores come after it. */
static bool body_fits(const tenon__kir_program *program, uint32_t block, bool inner, tenon__kir_id *out_loop) {
    const tenon__kir_node *node;
    for (tenon__kir_id id = program->blocks[block].first; id; id = node->next) {
        node = tenon__kir_at(program, id);
        if (node->kind == TENON__KIR_TILE || node->kind == TENON__KIR_ELEM) return false;
        if (node->kind == TENON__KIR_STORE && (inner || !*out_loop)) return false;
        if (node->kind != TENON__KIR_LOOP) continue;
        if (inner || *out_loop) return false;
        *out_loop = id;
    }
    return inner || *out_loop;
}

static bool loop_fits(search *s) {
    tenon__kir_id loop = 0;
    if (s->grid->axis_count < 2 || !body_fits(s->program, s->grid->body, false, &loop)) return false;
    s->loop_number = tenon__kir_at(s->program, loop)->loop;
    s->loop = &s->program->loops[s->loop_number];
    return s->loop->axis_count == 1 && s->loop->carry_count == 1 && s->loop->merge == TENON__KIR_MERGE_OPS &&
           s->loop->merge_op[0] == TENON_OP_ADD && body_fits(s->program, s->loop->body, true, &loop);
}

/* -- What depends on what ----------------------------------------------------------------------------------------- */

static uint16_t depends_of_leaf(const search *s, tenon__kir_id id) {
    for (uint32_t i = 0; i < s->grid->axis_count; i++)
        if (s->grid->axis[i] == id) return (uint16_t)(1 << i);
    if (id == s->loop->axis[0]) return DEPENDS_K;
    if (id == s->loop->carry[0]) return DEPENDS_CARRY;
    return id == s->loop->result[0] ? DEPENDS_SUM : 0;
}

static void find_depends(search *s) {
    for (tenon__kir_id id = 1; id < s->program->node_count; id++) {
        const tenon__kir_node *node = tenon__kir_at(s->program, id);
        s->depends[id] = depends_of_leaf(s, id);
        for (uint32_t i = 0; i < node->arg_count; i++)
            s->depends[id] |= s->depends[tenon__kir_arg(s->program, node, i)];
    }
}

/* The factors of `carry + x * y` or fma(x, y, carry). */
static bool find_factors(const search *s, tenon__kir_id *out_x, tenon__kir_id *out_y) {
    const tenon__kir_node *next = tenon__kir_at(s->program, s->loop->next[0]), *product = next;
    if (next->kind != TENON__KIR_OP || (next->op != TENON_OP_ADD && next->op != TENON_OP_FMA)) return false;
    if (next->op == TENON_OP_FMA && tenon__kir_arg(s->program, next, 2) != s->loop->carry[0]) return false;
    if (next->op == TENON_OP_ADD) {
        tenon__kir_id a = tenon__kir_arg(s->program, next, 0), b = tenon__kir_arg(s->program, next, 1);
        if (a != s->loop->carry[0] && b != s->loop->carry[0]) return false;
        product = tenon__kir_at(s->program, a == s->loop->carry[0] ? b : a);
        if (product->kind != TENON__KIR_OP || product->op != TENON_OP_MUL) return false;
    }
    *out_x = tenon__kir_arg(s->program, product, 0);
    *out_y = tenon__kir_arg(s->program, product, 1);
    return !((s->depends[*out_x] | s->depends[*out_y]) & DEPENDS_CARRY);
}

/* n: the last grid axis that exactly one factor depends on, which is then b; m: the last one that only a depends on. */
static bool find_axes(const search *s, tenon__kir_id x, tenon__kir_id y, tenon__tiles *out_tiles) {
    uint16_t in_x = s->depends[x], in_y = s->depends[y];
    int n = -1, m = -1;
    for (int i = (int)s->grid->axis_count - 1; i >= 0 && n < 0; i--)
        if ((in_x ^ in_y) & 1 << i) n = i;
    if (n < 0) return false;
    bool swap = in_x & 1 << n;
    uint16_t in_a = swap ? in_y : in_x, in_b = swap ? in_x : in_y;
    for (int i = (int)s->grid->axis_count - 1; i >= 0 && m < 0; i--)
        if (in_a & 1 << i && !(in_b & 1 << i)) m = i;
    if (m < 0 || s->depends[s->loop->extent[0]] & (1 << m | 1 << n)) return false;
    out_tiles->a = swap ? y : x;
    out_tiles->b = swap ? x : y;
    out_tiles->axis_m = (uint32_t)m;
    out_tiles->axis_n = (uint32_t)n;
    return in_a & DEPENDS_K && in_b & DEPENDS_K;
}

/* -- Sizes -------------------------------------------------------------------------------------------------------- */

/* The register tile leaves room for a row of b and one element of a. The packed blocks and the sums of an item fit the
 * second cache, and together 96 KiB of stack. */
static bool set_sizes(const search *s, tenon__tiles *tiles) {
    uint32_t bytes = tenon_dtype_bits(tiles->dtype) / 8, registers = s->plan->dialect->registers;
    if (!registers) registers = s->plan->dialect->vector_bytes > 32 ? 32 : 16;
    tiles->lanes = s->plan->dialect->vector_bytes / bytes;
    tiles->rows = 6;
    tiles->vectors = registers >= 32 ? 4 : 2;
    tiles->block_m = 48;
    tiles->few = 3;
    tiles->block_n = 2 * tiles->vectors * tiles->lanes;
    tiles->block_k = bytes > 4 ? 64 : 128;
    return tiles->lanes >= 2;
}

static bool find(search *s, uint32_t kernel, tenon__tiles *tiles) {
    tenon__kir_id x, y;
    tenon__region *region = &s->plan->kernels[kernel].region;
    int64_t worth;
    find_depends(s);
    if (!find_factors(s, &x, &y) || !find_axes(s, x, y, tiles)) return false;
    tiles->loop = s->loop_number;
    tiles->dtype = tenon__kir_at(s->program, s->loop->carry[0])->type.dtype;
    if (!set_sizes(s, tiles)) return false;
    uint32_t grid = s->program->kernels[kernel].loop;
    tenon__kir_id axis = s->grid->axis[tiles->axis_n];
    tenon__mark_varying(s->plan, grid, axis);
    if (!tenon__lanes_allowed(s->plan, grid, axis) || !tenon__region_make(s->plan, grid, axis, region, &worth))
        return false;
    region->copies = 1;
    return true;
}

bool tenon__tiles_find(tenon__plan *plan, uint32_t kernel, tenon__tiles *out_tiles) {
    search s = {.plan = plan, .program = plan->program};
    uint32_t grid = plan->program->kernels[kernel].loop;
    s.grid = &plan->program->loops[grid];
    if (!loop_fits(&s)) return false;
    s.depends = calloc(plan->program->node_count + 1, sizeof *s.depends);
    bool found = s.depends && find(&s, kernel, out_tiles);
    if (!found) tenon__unmark(plan, grid);
    free(s.depends);
    return found;
}
