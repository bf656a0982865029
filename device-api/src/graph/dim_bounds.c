#include "graph/dim_internal.h"

/* Interval arithmetic that saturates: the ends of int64 stand for no bound. */
static bool unbounded(int64_t bound) {
    return bound == INT64_MAX || bound == INT64_MIN;
}

static int64_t bound_add(int64_t a, int64_t b) {
    if (unbounded(a)) return a;
    int64_t sum;
    if (unbounded(b) || !__builtin_add_overflow(a, b, &sum)) return unbounded(b) ? b : sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t bound_mul(int64_t a, int64_t b) {
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

static int64_t bound_div(int64_t a, int64_t b) {
    if (unbounded(a)) return a;
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

typedef int64_t (*bound_op)(int64_t a, int64_t b);

/* Extremes over the corners of two intervals. */
static void corners(bound_op op, const tenonh_dim *a, const tenonh_dim *b, int64_t *low, int64_t *high) {
    int64_t values[4] = {op(a->low, b->low), op(a->low, b->high), op(a->high, b->low), op(a->high, b->high)};
    *low = *high = values[0];
    for (int i = 1; i < 4; i++) {
        if (values[i] < *low) *low = values[i];
        if (values[i] > *high) *high = values[i];
    }
}

static void bounds_of_sum(const tenonh_dim *dim, int64_t *low, int64_t *high) {
    *low = *high = dim->number;
    for (uint32_t i = 0; i < dim->count; i++) {
        *low = bound_add(*low, dim->operands[i]->low);
        *high = bound_add(*high, dim->operands[i]->high);
    }
}

static void bounds_of_product(const tenonh_dim *dim, int64_t *low, int64_t *high) {
    struct tenonh_dim so_far = {.low = dim->number, .high = dim->number};
    for (uint32_t i = 0; i < dim->count; i++) {
        corners(bound_mul, &so_far, dim->operands[i], low, high);
        so_far.low = *low;
        so_far.high = *high;
    }
    *low = so_far.low;
    *high = so_far.high;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void bounds_of_atom(const tenonh_dim *dim, int64_t *low, int64_t *high) {
    const tenonh_dim *a = dim->operands[0], *b = dim->operands[1];
    *low = INT64_MIN;
    *high = INT64_MAX;
    if (dim->kind == TENON__DIM_MAX) {
        *low = larger(a->low, b->low);
        *high = larger(a->high, b->high);
    } else if (dim->kind == TENON__DIM_MIN) {
        *low = smaller(a->low, b->low);
        *high = smaller(a->high, b->high);
    } else if (dim->kind == TENON__DIM_BROADCAST) {
        *low = smaller(a->low, b->low);
        *high = larger(a->high, b->high);
    } else if (dim->kind == TENON__DIM_DIV && b->high > 0) {
        /* A divisor that may be 0 fails where it is; elsewhere it is at least 1. */
        struct tenonh_dim divisor = {.low = larger(b->low, 1), .high = b->high};
        if (b->low >= 0) corners(bound_div, a, &divisor, low, high);
    } else if (dim->kind == TENON__DIM_MOD && b->low >= 0) {
        *low = 0;
        *high = larger(0, b->high == INT64_MAX ? INT64_MAX : b->high - 1);
        if (a->low >= 0) *high = smaller(*high, a->high);
    }
}

void tenon__dim_bounds(const tenonh_dim *dim, int64_t *out_low, int64_t *out_high) {
    if (dim->kind == TENON__DIM_NUMBER) {
        *out_low = *out_high = dim->number;
    } else if (dim->kind == TENON__DIM_SYMBOL) {
        *out_low = dim->symbol->range.min;
        *out_high = dim->symbol->range.max;
    } else if (dim->kind == TENON__DIM_SUM) {
        bounds_of_sum(dim, out_low, out_high);
    } else if (dim->kind == TENON__DIM_PRODUCT) {
        bounds_of_product(dim, out_low, out_high);
    } else {
        bounds_of_atom(dim, out_low, out_high);
    }
}

int64_t tenon__gcd(int64_t a, int64_t b) {
    uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a, y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    while (y) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x > INT64_MAX ? 1 : (int64_t)x;
}

int64_t tenon__dim_divisor(const tenonh_dim *dim) {
    if (dim->kind == TENON__DIM_NUMBER) return tenon__gcd(dim->number, 0);
    if (dim->kind == TENON__DIM_SYMBOL) return dim->symbol->range.divisor;
    if (dim->kind == TENON__DIM_PRODUCT) {
        int64_t divisor = tenon__gcd(dim->number, 0);
        for (uint32_t i = 0; i < dim->count; i++)
            if (__builtin_mul_overflow(divisor, tenon__dim_divisor(dim->operands[i]), &divisor)) return 1;
        return divisor;
    }
    if (dim->kind == TENON__DIM_SUM) {
        int64_t divisor = dim->number;
        for (uint32_t i = 0; i < dim->count; i++) divisor = tenon__gcd(divisor, tenon__dim_divisor(dim->operands[i]));
        return divisor;
    }
    if (dim->kind == TENON__DIM_MAX || dim->kind == TENON__DIM_MIN)
        return tenon__gcd(tenon__dim_divisor(dim->operands[0]), tenon__dim_divisor(dim->operands[1]));
    return 1;
}
