/* What the families of the operator table mean, one function each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/meaning.h"
#include "tensor.h"

typedef tenon_status (*family)(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out);

static int64_t entry_of(const fake_call *call, uint32_t attr, uint32_t index) {
    const tenon_attr *found = tenon_attr_find(call->attrs, call->attr_count, attr);
    return found && index < found->count ? found->values[index] : tenon_attr_row_of(attr)->default_value;
}

static bool has_entry(const fake_call *call, uint32_t attr, int64_t value) {
    const tenon_attr *found = tenon_attr_find(call->attrs, call->attr_count, attr);
    for (uint32_t i = 0; found && i < found->count; i++)
        if (found->values[i] == value) return true;
    return false;
}

/* Elements move bit for bit: through 64 bits, not through numbers. */
static void move(const fake_tensor *from, const int64_t *at, const fake_tensor *to, const int64_t *index) {
    fake_tensor x = *from, y = *to;
    static const tenon_dtype words[] = {
        [1] = TENON_DTYPE_U8, [2] = TENON_DTYPE_U16, [4] = TENON_DTYPE_U32, [8] = TENON_DTYPE_U64};
    x.dtype = y.dtype = words[tenon_dtype_bits(from->dtype) / 8];
    fake_set(&y, index, fake_get(&x, at));
}

static tenon_status copy(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)call, (void)in_count;
    int64_t index[TENON_MAX_RANK] = {0};
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do move(in, index, out, index);
    while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

/* -- Views: the same elements, row by row ---------------------------------------------------------------------------- */

static fake_tensor viewed(const fake_call *call, const fake_tensor *x, const fake_tensor *y) {
    fake_tensor v = *y;
    v.data = x->data;
    int64_t offset = 0;
    for (uint32_t i = 0; i < y->rank && call->op == TENON_OP_PERMUTE; i++)
        v.strides[i] = x->strides[entry_of(call, TENON_ATTR_PERM, i)];
    for (uint32_t i = 0; i < y->rank && call->op == TENON_OP_EXPAND; i++) {
        uint32_t added = y->rank - x->rank;
        v.strides[i] = i >= added && x->dims[i - added] == y->dims[i] ? x->strides[i - added] : 0;
    }
    for (uint32_t i = 0; i < y->rank && call->op == TENON_OP_SLICE; i++) {
        v.strides[i] = x->strides[i] * entry_of(call, TENON_ATTR_STEPS, i);
        offset += x->strides[i] * entry_of(call, TENON_ATTR_STARTS, i);
    }
    for (uint32_t i = 0; i < x->rank && call->op == TENON_OP_WINDOW; i++) v.strides[i] = x->strides[i];
    for (uint32_t i = x->rank; i < y->rank && call->op == TENON_OP_WINDOW; i++) {
        uint32_t k = i - x->rank, axis = (uint32_t)entry_of(call, TENON_ATTR_AXES, k);
        v.strides[i] = x->strides[axis] * entry_of(call, TENON_ATTR_DILATIONS, k);
        v.strides[axis] = x->strides[axis] * entry_of(call, TENON_ATTR_STEPS, k);
    }
    v.data = (char *)x->data + offset * (int64_t)(tenon_dtype_bits(x->dtype) / 8);
    return v;
}

static tenon_status view(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    int64_t from[TENON_MAX_RANK] = {0}, to[TENON_MAX_RANK] = {0};
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    if (call->op != TENON_OP_RESHAPE) {
        fake_tensor v = viewed(call, in, out);
        return copy(call, &v, in_count, out);
    }
    do {
        move(in, from, out, to);
        fake_next(in->rank, in->dims, from);
    } while (fake_next(out->rank, out->dims, to));
    return TENON_STATUS_OK;
}

/* -- Making and moving elements -------------------------------------------------------------------------------------- */

static cf_number scalar(const fake_call *call, tenon_dtype dtype) {
    return cf_load(dtype, call->scalars, 0);
}

static tenon_status fill(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in, (void)in_count;
    int64_t index[TENON_MAX_RANK] = {0};
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do fake_set(out, index, scalar(call, out->dtype));
    while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status iota(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in, (void)in_count;
    int64_t index[TENON_MAX_RANK] = {0}, axis = fake_int(call, TENON_ATTR_AXIS, 0);
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do fake_set(out, index, (cf_number){.f = (long double)index[axis], .i = index[axis]});
    while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status pad(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    int64_t index[TENON_MAX_RANK] = {0}, at[TENON_MAX_RANK] = {0};
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        bool inside = true;
        for (uint32_t i = 0; i < out->rank; i++) {
            at[i] = index[i] - entry_of(call, TENON_ATTR_LOW, i);
            inside = inside && at[i] >= 0 && at[i] < in->dims[i];
        }
        if (inside)
            move(in, at, out, index);
        else
            fake_set(out, index, scalar(call, out->dtype));
    } while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status cast(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    int64_t index[TENON_MAX_RANK] = {0};
    bool wrap = fake_int(call, TENON_ATTR_WRAP, 0) != 0;
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do fake_set(out, index, cf_cast(in->dtype, out->dtype, wrap, fake_get(in, index)));
    while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status update(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    int64_t index[TENON_MAX_RANK] = {0}, at[TENON_MAX_RANK];
    copy(call, &in[in_count - 1], 1, out);
    if (fake_count(&in[0]) == 0) return TENON_STATUS_OK;
    for (uint32_t i = 0; i < out->rank; i++) {
        int64_t start = (int64_t)fake_get(&in[1], (const int64_t[]){i}).i;
        if (start < 0 || start > out->dims[i] - in->dims[i]) return TENON_STATUS_OUT_OF_RANGE;
    }
    do {
        for (uint32_t i = 0; i < out->rank; i++) at[i] = index[i] + (int64_t)fake_get(&in[1], (const int64_t[]){i}).i;
        move(in, index, out, at);
    } while (fake_next(in->rank, in->dims, index));
    return TENON_STATUS_OK;
}

/* -- Element by element ------------------------------------------------------------------------------------------------ */

/* f16 and bf16 compute in f32. */
static long double narrowed(tenon_dtype dtype, long double value) {
    return dtype == TENON_DTYPE_F16 || dtype == TENON_DTYPE_BF16 ? (long double)(float)value : value;
}

static tenon_status map(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    const cf_meaning *meaning = cf_meaning_of(call->op);
    int64_t index[TENON_MAX_RANK] = {0};
    tenon_dtype dtype = call->op == TENON_OP_WHERE ? out->dtype : in->dtype;
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        cf_number n[3] = {{0}}, result = {0};
        for (uint32_t i = 0; i < in_count; i++) n[i] = fake_get(&in[i], index);
        if (call->op == TENON_OP_WHERE) {
            move(n[0].i ? &in[1] : &in[2], index, out, index);
            continue;
        }
        if (cf_is_float(dtype)) {
            long double value = narrowed(dtype, meaning->real(n[0].f, n[1].f, n[2].f));
            result = (cf_number){.f = value, .i = !cf_is_float(out->dtype) && value != 0};
        } else {
            result.i = meaning->whole(dtype, n[0].i, n[1].i, n[2].i);
        }
        fake_set(out, index, result);
    } while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

/* -- Reductions --------------------------------------------------------------------------------------------------------- */

static cf_number combine(uint32_t how, tenon_dtype dtype, cf_number a, cf_number b) {
    static const tenon_op ops[] = {[TENON_COMBINE_ADD] = TENON_OP_ADD,
                                   [TENON_COMBINE_MUL] = TENON_OP_MUL,
                                   [TENON_COMBINE_MIN] = TENON_OP_MIN,
                                   [TENON_COMBINE_MAX] = TENON_OP_MAX};
    if (how == TENON_COMBINE_SET) return b;
    const cf_meaning *meaning = cf_meaning_of(ops[how]);
    if (cf_is_float(dtype)) return (cf_number){.f = meaning->real(a.f, b.f, 0)};
    return (cf_number){.i = meaning->whole(dtype, a.i, b.i, 0)};
}

static cf_number identity(uint32_t how, tenon_dtype dtype) {
    if (how == TENON_COMBINE_MUL) return (cf_number){.f = 1, .i = 1};
    if (how == TENON_COMBINE_MIN) return (cf_number){.f = INFINITY, .i = cf_highest(dtype)};
    if (how == TENON_COMBINE_MAX) return (cf_number){.f = -INFINITY, .i = cf_lowest(dtype)};
    return (cf_number){0};
}

static tenon_status reduce(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    uint32_t how = call->op == TENON_OP_SUM    ? TENON_COMBINE_ADD
                   : call->op == TENON_OP_PROD ? TENON_COMBINE_MUL
                   : call->op == TENON_OP_RMAX ? TENON_COMBINE_MAX
                                               : TENON_COMBINE_MIN;
    int64_t to[TENON_MAX_RANK] = {0}, inner[TENON_MAX_RANK] = {0}, from[TENON_MAX_RANK], dims[TENON_MAX_RANK];
    uint32_t axes[TENON_MAX_RANK], count = 0, kept[TENON_MAX_RANK], kept_count = 0;
    for (uint32_t i = 0; i < in->rank; i++) {
        if (has_entry(call, TENON_ATTR_AXES, i))
            dims[count] = in->dims[i], axes[count++] = i;
        else
            kept[kept_count++] = i;
    }
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        cf_number sum = identity(how, in->dtype);
        for (uint32_t i = 0; i < kept_count; i++) from[kept[i]] = to[i];
        bool more = fake_count(in) > 0;
        while (more) {
            for (uint32_t i = 0; i < count; i++) from[axes[i]] = inner[i];
            sum = combine(how, in->dtype, sum, fake_get(in, from));
            more = fake_next(count, dims, inner);
        }
        fake_set(out, to, sum);
    } while (fake_next(out->rank, out->dims, to));
    return TENON_STATUS_OK;
}

/* A line along `axis`: an index with that entry free. Runs `body` over lines of `t`. */
#define FOR_LINES(t, axis, index)                                                                                      \
    int64_t line_dims[TENON_MAX_RANK], index[TENON_MAX_RANK] = {0};                                                    \
    memcpy(line_dims, (t)->dims, sizeof line_dims);                                                                    \
    line_dims[axis] = 1;                                                                                               \
    for (bool line_more = fake_count(t) > 0; line_more; line_more = fake_next((t)->rank, line_dims, index))

/* -1, 0 or 1: -0 before 0, NaN last and all alike. */
static int order_of(tenon_dtype dtype, cf_number a, cf_number b) {
    if (!cf_is_float(dtype)) return (a.i > b.i) - (a.i < b.i);
    if (isnan(a.f) || isnan(b.f)) return (isnan(a.f) != 0) - (isnan(b.f) != 0);
    if (a.f == 0 && b.f == 0) return (signbit(b.f) != 0) - (signbit(a.f) != 0);
    return (a.f > b.f) - (a.f < b.f);
}

static tenon_status arg(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    FOR_LINES(in, axis, index) {
        int64_t to[TENON_MAX_RANK];
        uint32_t kept = 0;
        cf_number best = {0};
        int64_t at = 0;
        for (int64_t i = 0; i < in->dims[axis]; i++) {
            index[axis] = i;
            cf_number here = fake_get(in, index);
            if (i && order_of(in->dtype, here, best) <= 0) continue;
            best = here;
            at = i;
        }
        index[axis] = 0;
        for (uint32_t i = 0; i < in->rank; i++)
            if (i != axis) to[kept++] = index[i];
        fake_set(out, to, (cf_number){.i = at});
    }
    return TENON_STATUS_OK;
}

static tenon_status scan(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    uint32_t how = (uint32_t)fake_int(call, TENON_ATTR_COMBINE, 0);
    bool exclusive = fake_int(call, TENON_ATTR_EXCLUSIVE, 0), reverse = fake_int(call, TENON_ATTR_REVERSE, 0);
    FOR_LINES(in, axis, index) {
        cf_number sum = identity(how, in->dtype);
        for (int64_t i = 0; i < in->dims[axis]; i++) {
            index[axis] = reverse ? in->dims[axis] - 1 - i : i;
            cf_number next = combine(how, in->dtype, sum, fake_get(in, index));
            fake_set(out, index, exclusive ? sum : next);
            sum = next;
        }
        index[axis] = 0;
    }
    return TENON_STATUS_OK;
}

static tenon_status sort(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    bool descending = fake_int(call, TENON_ATTR_DESCENDING, 0);
    int64_t length = in->rank ? in->dims[axis] : 0, *order = calloc((size_t)length + 1, sizeof *order);
    if (!order) return TENON_STATUS_OUT_OF_MEMORY;
    FOR_LINES(in, axis, index) {
        int64_t other[TENON_MAX_RANK];
        memcpy(other, index, sizeof other);
        for (int64_t i = 0; i < length; i++) {
            int64_t at = i;
            index[axis] = i;
            for (; at > 0; at--) {
                other[axis] = order[at - 1];
                int o = order_of(in->dtype, fake_get(in, index), fake_get(in, other));
                if (descending ? o <= 0 : o >= 0) break;
                order[at] = order[at - 1];
            }
            order[at] = i;
        }
        for (int64_t i = 0; i < length; i++) {
            index[axis] = i;
            other[axis] = order[i];
            move(in, other, &out[0], index);
            fake_set(&out[1], index, (cf_number){.i = order[i]});
        }
        index[axis] = 0;
    }
    free(order);
    return TENON_STATUS_OK;
}

/* -- Indexed ------------------------------------------------------------------------------------------------------------ */

/* The place in the indexed tensor that element `index` of the whole one stands for; false: out of range. */
static bool place_of(const int64_t *index, uint32_t whole_rank, uint32_t axis, const fake_tensor *indices, int64_t size,
                     int64_t *out_place) {
    uint32_t n = axis + 1;
    memcpy(out_place, index, axis * sizeof *index);
    out_place[axis] = (int64_t)fake_get(indices, index + axis).i;
    for (uint32_t i = axis + indices->rank; i < whole_rank; i++) out_place[n++] = index[i];
    return out_place[axis] >= 0 && out_place[axis] < size;
}

static tenon_status gather(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    int64_t index[TENON_MAX_RANK] = {0}, place[TENON_MAX_RANK + 1];
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        if (!place_of(index, out->rank, axis, &in[1], in->dims[axis], place)) return TENON_STATUS_OUT_OF_RANGE;
        move(in, place, out, index);
    } while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status scatter(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    uint32_t how = (uint32_t)fake_int(call, TENON_ATTR_COMBINE, 0);
    int64_t index[TENON_MAX_RANK] = {0}, place[TENON_MAX_RANK + 1];
    const fake_tensor *u = &in[1];
    copy(call, &in[in_count - 1], 1, out);
    if (fake_count(u) == 0) return TENON_STATUS_OK;
    do {
        if (!place_of(index, u->rank, axis, &in[0], out->dims[axis], place)) return TENON_STATUS_OUT_OF_RANGE;
        fake_set(out, place, combine(how, out->dtype, fake_get(out, place), fake_get(u, index)));
    } while (fake_next(u->rank, u->dims, index));
    return TENON_STATUS_OK;
}

/* -- Contractions ------------------------------------------------------------------------------------------------------- */

/* The sum over k at `index` of f32 operands: what most of a model's time goes into. */
static double f32_sum(const fake_tensor *in, const int64_t *index, uint32_t m, uint32_t n) {
    const float *x = in[0].data, *y = in[1].data;
    int64_t x_at = index[m] * in[0].strides[m], y_at = index[n] * in[1].strides[n];
    int64_t x_step = in[0].strides[n], y_step = in[1].strides[m];
    double sum = 0;
    for (uint32_t i = 0; i < m; i++) {
        x_at += index[i] * in[0].strides[i];
        y_at += index[i] * in[1].strides[i];
    }
    for (int64_t k = 0; k < in[0].dims[n]; k++) sum += (double)x[x_at + k * x_step] * (double)y[y_at + k * y_step];
    return sum;
}

static tenon_status contract(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)call, (void)in_count;
    int64_t index[TENON_MAX_RANK] = {0}, a[TENON_MAX_RANK], b[TENON_MAX_RANK];
    uint32_t m = out->rank - 2, n = out->rank - 1;
    bool real = cf_is_float(in->dtype);
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        double sum = 0;
        cf_natural whole = 0;
        memcpy(a, index, sizeof a);
        memcpy(b, index, sizeof b);
        if (in->dtype == TENON_DTYPE_F32) sum = f32_sum(in, index, m, n);
        for (int64_t k = 0; k < in->dims[n] && in->dtype != TENON_DTYPE_F32; k++) {
            a[n] = k;
            b[m] = k;
            cf_number x = fake_get(&in[0], a), y = fake_get(&in[1], b);
            if (real)
                sum += (double)x.f * (double)y.f;
            else
                whole += (cf_natural)x.i * (cf_natural)y.i;
        }
        fake_set(out, index, (cf_number){.f = (long double)sum, .i = (cf_integer)whole});
    } while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

/* -- The families ------------------------------------------------------------------------------------------------------- */

static const family families[] = {
    [TENON_FAMILY_VIEW] = view,       [TENON_FAMILY_COPY] = copy,         [TENON_FAMILY_FILL] = fill,
    [TENON_FAMILY_IOTA] = iota,       [TENON_FAMILY_PAD] = pad,           [TENON_FAMILY_CAST] = cast,
    [TENON_FAMILY_BITCAST] = copy,    [TENON_FAMILY_UPDATE] = update,     [TENON_FAMILY_MAP] = map,
    [TENON_FAMILY_REDUCE] = reduce,   [TENON_FAMILY_ARG] = arg,           [TENON_FAMILY_GATHER] = gather,
    [TENON_FAMILY_SCATTER] = scatter, [TENON_FAMILY_CONTRACT] = contract, [TENON_FAMILY_SORT] = sort,
    [TENON_FAMILY_SCAN] = scan,       [TENON_FAMILY_RANDOM] = NULL,
};

int fake_knows(tenon_op op, const char *name) {
    const tenon_op_row *row = tenon_op_row_of(op);
    return row ? families[row->family] != NULL : name && fake_composite_of(name) != NULL;
}

tenon_status fake_run(const fake_call *call, const fake_tensor *inputs, uint32_t input_count,
                      const fake_tensor *outputs) {
    const tenon_op_row *row = tenon_op_row_of(call->op);
    if (!row) return fake_composite_of(call->name)(call, inputs, input_count, outputs);
    return families[row->family](call, inputs, input_count, outputs);
}
