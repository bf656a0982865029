/* A few composites, computed at once rather than by their decompositions. */
#include <math.h>
#include <string.h>

#include "tensor.h"

static tenon_status softmax(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)in_count;
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    int64_t dims[TENON_MAX_RANK], index[TENON_MAX_RANK] = {0}, length = in->dims[axis];
    memcpy(dims, in->dims, sizeof dims);
    dims[axis] = 1;
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        long double most = -INFINITY, sum = 0;
        for (index[axis] = 0; index[axis] < length; index[axis]++) {
            long double x = fake_get(in, index).f;
            most = isnan(x) || x > most ? x : most;
        }
        for (index[axis] = 0; index[axis] < length; index[axis]++) sum += expl(fake_get(in, index).f - most);
        for (index[axis] = 0; index[axis] < length; index[axis]++)
            fake_set(out, index, (cf_number){.f = expl(fake_get(in, index).f - most) / sum});
        index[axis] = 0;
    } while (fake_next(in->rank, dims, index));
    return TENON_STATUS_OK;
}

/* x, scale?, bias?; over the axes from `axis` on. */
static tenon_status layer_norm(const fake_call *call, const fake_tensor *in, uint32_t in_count,
                               const fake_tensor *out) {
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0), inner = in->rank - axis;
    double epsilon = fake_float(call, TENON_ATTR_EPSILON);
    const fake_tensor *scale = in_count > 1 && in[1].data ? &in[1] : NULL;
    const fake_tensor *bias = in_count > 2 && in[2].data ? &in[2] : NULL;
    int64_t index[TENON_MAX_RANK] = {0}, count = 1;
    for (uint32_t i = axis; i < in->rank; i++) count *= in->dims[i];
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        long double sum = 0, square = 0;
        do sum += fake_get(in, index).f;
        while (fake_next(inner, in->dims + axis, index + axis));
        do {
            long double off = fake_get(in, index).f - sum / (long double)count;
            square += off * off;
        } while (fake_next(inner, in->dims + axis, index + axis));
        long double root = sqrtl(square / (long double)count + (long double)epsilon);
        do {
            long double y = (fake_get(in, index).f - sum / (long double)count) / root;
            if (scale) y *= fake_get(scale, index + axis).f;
            if (bias) y += fake_get(bias, index + axis).f;
            fake_set(out, index, (cf_number){.f = y});
        } while (fake_next(inner, in->dims + axis, index + axis));
    } while (fake_next(axis, in->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status linear(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)call;
    int64_t index[TENON_MAX_RANK] = {0}, at[TENON_MAX_RANK];
    uint32_t last = out->rank - 1;
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        double sum = in_count > 2 && in[2].data ? (double)fake_get(&in[2], index + last).f : 0;
        memcpy(at, index, sizeof at);
        for (int64_t k = 0; k < in->dims[last]; k++) {
            at[last] = k;
            sum += (double)fake_get(in, at).f * (double)fake_get(&in[1], (const int64_t[]){k, index[last]}).f;
        }
        fake_set(out, index, (cf_number){.f = (long double)sum});
    } while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

/* min(max(x, input 1), input 2), either bound absent or a scalar. */
static tenon_status clip(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    (void)call;
    int64_t index[TENON_MAX_RANK] = {0};
    if (fake_count(out) == 0) return TENON_STATUS_OK;
    do {
        cf_number x = fake_get(in, index);
        for (uint32_t i = 1; i < in_count; i++) {
            if (!in[i].data) continue;
            cf_number bound = fake_get(&in[i], index);
            bool beyond = cf_is_float(in->dtype) ? (i == 1 ? x.f < bound.f : x.f > bound.f)
                                                 : (i == 1 ? x.i < bound.i : x.i > bound.i);
            if (beyond) x = bound;
        }
        fake_set(out, index, x);
    } while (fake_next(out->rank, out->dims, index));
    return TENON_STATUS_OK;
}

static tenon_status concat(const fake_call *call, const fake_tensor *in, uint32_t in_count, const fake_tensor *out) {
    uint32_t axis = (uint32_t)fake_int(call, TENON_ATTR_AXIS, 0);
    const fake_call copy = {.op = TENON_OP_COPY};
    fake_tensor part = *out;
    for (uint32_t i = 0; i < in_count; i++) {
        part.dims[axis] = in[i].dims[axis];
        fake_run(&copy, &in[i], 1, &part);
        part.data = (char *)part.data + in[i].dims[axis] * out->strides[axis] * (tenon_dtype_bits(out->dtype) / 8);
    }
    return TENON_STATUS_OK;
}

fake_composite fake_composite_of(const char *name) {
    static const struct {
        const char *name;
        fake_composite run;
    } rows[] = {
        {"tenon.softmax", softmax}, {"tenon.layer_norm", layer_norm}, {"tenon.linear", linear},
        {"tenon.clip", clip},       {"tenon.concat", concat},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return rows[i].run;
    return NULL;
}
