/* Reductions. Where the innermost axis is reduced, stretches of it are folded in halves; else a tile of results is kept in
 * lanes, and partial results of some terms each are put together. Either way the order of the terms follows from the
 * shape alone, and rounding errors grow slower than their number. */
#include "dsp.h"

enum { TERMS = 64 }; /* of a partial result */

/* Axes of one sort, neighbours that are walked as one joined; row-major strides of the input. */
typedef struct axes {
    uint32_t count;
    int64_t dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
} axes;

static void add_axis(axes *list, int64_t dim, int64_t stride) {
    uint32_t last = list->count - 1;
    if (list->count && list->strides[last] == dim * stride) {
        list->dims[last] *= dim;
        list->strides[last] = stride;
        return;
    }
    list->dims[list->count] = dim;
    list->strides[list->count++] = stride;
}

static bool is_listed(const int64_t *list, uint32_t count, int64_t axis) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == axis) return true;
    return false;
}

/* Splits the input's axes; those of one element are of neither sort. Gives true if the innermost is reduced. */
static bool split(const dsp_call *call, axes *kept, axes *reduced) {
    const dsp_operand *x = &call->operands[0];
    uint32_t count;
    const int64_t *list = dsp_attr_list(call->exec, TENON_ATTR_AXES, &count);
    bool inner = true;
    *kept = *reduced = (axes){0};
    for (uint32_t i = 0; i < x->rank; i++) {
        if (x->dims[i] == 1) continue;
        inner = is_listed(list, count, i);
        add_axis(inner ? reduced : kept, x->dims[i], dsp_span(x->dims, i + 1, x->rank));
    }
    return inner;
}

/* Element at which number `index` of the axes begins, without the last `without` of them. */
static int64_t place_of(const axes *list, uint32_t without, int64_t index) {
    int64_t place = 0;
    for (uint32_t i = list->count - without; i-- > 0; index /= list->dims[i])
        place += index % list->dims[i] * list->strides[i];
    return place;
}

static int64_t number_of(const axes *list, uint32_t without) {
    return dsp_span(list->dims, 0, list->count - without);
}

static tenon_op combiner_of(tenon_op op) {
    return op == TENON_OP_SUM    ? TENON_OP_ADD
           : op == TENON_OP_PROD ? TENON_OP_MUL
           : op == TENON_OP_RMAX ? TENON_OP_MAX
                                 : TENON_OP_MIN;
}

/* What a reduction works with. */
typedef struct fold {
    dsp_local *local;
    const dsp_operand *x;
    tenon_op op;
    dsp_map map;
    bool is_float;
    axes kept, reduced;
} fold;

static void combine(const fold *f, dsp_lanes *into, const dsp_lanes *with, int64_t count) {
    f->map(into, with, with, into, count, 64);
}

/* Lane 0 becomes all `count` lanes together. */
static void fold_lanes(const fold *f, dsp_lanes *lanes, int64_t count) {
    for (int64_t half; count > 1; count -= half) {
        half = count / 2;
        void *upper = f->is_float ? (void *)&lanes->f[count - half] : (void *)&lanes->i[count - half];
        f->map(lanes, upper, upper, lanes, half, 64);
    }
}

/* One result, in lane 0 of `out`: stretches of the innermost reduced axis from element `base` on. */
static void fold_stretches(const fold *f, int64_t base) {
    uint32_t last = f->reduced.count ? 1 : 0;
    int64_t length = last ? f->reduced.dims[f->reduced.count - 1] : 1, stretches = number_of(&f->reduced, last);
    dsp_identity(f->op, f->x->dtype, &f->local->out, 1);
    for (int64_t i = 0; i < stretches; i++) {
        int64_t from = base + place_of(&f->reduced, last, i);
        for (int64_t at = 0; at < length; at += DSP_LANES) {
            int64_t count = length - at < DSP_LANES ? length - at : DSP_LANES;
            dsp_load(&f->local->in[0], f->x->dtype, f->x->bytes + (from + at) * f->x->size, 1, count);
            fold_lanes(f, &f->local->in[0], count);
            combine(f, &f->local->out, &f->local->in[0], 1);
        }
    }
}

/* `count` results side by side, in `out`, whose first terms begin at element `base`. */
static void fold_tile(const fold *f, int64_t base, int64_t count) {
    int64_t terms = number_of(&f->reduced, 0);
    dsp_local *local = f->local;
    dsp_identity(f->op, f->x->dtype, &local->out, count);
    for (int64_t i = 0; i < terms; i++) {
        int64_t from = base + place_of(&f->reduced, 0, i);
        if (i % TERMS == 0) dsp_identity(f->op, f->x->dtype, &local->more, count);
        dsp_load(&local->in[0], f->x->dtype, f->x->bytes + from * f->x->size, 1, count);
        combine(f, &local->more, &local->in[0], count);
        if (i % TERMS == TERMS - 1 || i == terms - 1) combine(f, &local->out, &local->more, count);
    }
}

tenon_status dsp_run_reduce(dsp_local *local, const dsp_call *call) {
    const dsp_operand *x = &call->operands[0], *y = &call->operands[1];
    fold f = {.local = local, .x = x, .op = combiner_of(call->exec->row->op), .is_float = dsp_is_float(x->dtype)};
    f.map = dsp_map_of(f.op, f.is_float);
    bool stretches = split(call, &f.kept, &f.reduced);
    int64_t length = stretches || !f.kept.count ? 1 : f.kept.dims[f.kept.count - 1];
    for (int64_t done = 0, count; done < y->count; done += count) {
        int64_t within = done % length;
        count = length - within < DSP_LANES ? length - within : DSP_LANES;
        if (stretches)
            fold_stretches(&f, place_of(&f.kept, 0, done));
        else
            fold_tile(&f, place_of(&f.kept, 0, done), count);
        dsp_store(&local->out, y->dtype, y->bytes + done * y->size, count);
    }
    return TENON_STATUS_OK;
}
