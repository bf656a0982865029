/* Whether two strided refs meet. The distance between element i of the one and element j of the other is a sum of terms,
 * each a stride times a number below some count; they meet where that sum is less than an element wide. */
#include <tenon/helpers.h>

#include "plan/ref.h"

enum { MOST_TERMS = 2 * TENON_MAX_RANK, MOST_TRIES = 1 << 14 };

typedef struct term {
    int64_t step;  /* bits, positive */
    int64_t count; /* it is taken 0 ... count - 1 times */
    int64_t reach; /* bits: most that this term and those after it add */
    int64_t unit;  /* bits: greatest common divisor of the steps from here on */
} term;

typedef struct search {
    term terms[MOST_TERMS];
    uint32_t count;
    uint32_t tries;
    int64_t low, high; /* bits: the sums that make two elements meet */
} search;

void tenon__ref_span(const tenon__ref *ref, int64_t *out_low, int64_t *out_high) {
    int64_t bits = tenon_dtype_bits(ref->dtype), low = ref->offset, high = ref->offset + 1;
    for (uint32_t i = 0; i < ref->rank; i++) {
        if (ref->dims[i] == 0) high = low = ref->offset;
        if (ref->dims[i] == 0) break;
        int64_t way = (ref->dims[i] - 1) * ref->strides[i];
        if (way < 0) low += way;
        if (way > 0) high += way;
    }
    *out_low = low * bits / 8;
    *out_high = (high * bits + 7) / 8;
}

/* Adds a term; one of the same step only makes that one longer. Gives what a negative step adds to the sum's start. */
static int64_t add_term(search *s, int64_t step, int64_t count) {
    int64_t shift = step < 0 ? step * (count - 1) : 0;
    if (step < 0) step = -step;
    if (step == 0 || count <= 1) return 0;
    uint32_t at = 0;
    while (at < s->count && s->terms[at].step > step) at++;
    if (at < s->count && s->terms[at].step == step) {
        s->terms[at].count += count - 1;
        return shift;
    }
    for (uint32_t i = s->count++; i > at; i--) s->terms[i] = s->terms[i - 1];
    s->terms[at] = (term){.step = step, .count = count};
    return shift;
}

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t divide_down(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Whether the terms from `index` on can bring `sum` between low and high. */
static bool can_meet(search *s, uint32_t index, int64_t sum) {
    if (index == s->count) return sum >= s->low && sum <= s->high;
    const term *t = &s->terms[index];
    int64_t rest = index + 1 < s->count ? s->terms[index + 1].reach : 0;
    if (sum + divide_down(s->high - sum, t->unit) * t->unit < s->low) return false;
    int64_t least = -divide_down(-(s->low - sum - rest), t->step), most = divide_down(s->high - sum, t->step);
    if (least < 0) least = 0;
    if (most > t->count - 1) most = t->count - 1;
    for (int64_t i = least; i <= most; i++) {
        if (++s->tries > MOST_TRIES) return true;
        if (can_meet(s, index + 1, sum + i * t->step)) return true;
    }
    return false;
}

static void finish_terms(search *s) {
    int64_t reach = 0, unit = 0;
    for (uint32_t i = s->count; i-- > 0;) {
        term *t = &s->terms[i];
        t->reach = reach += t->step * (t->count - 1);
        t->unit = unit = common_divisor(t->step, unit);
    }
}

bool tenon__ref_overlaps(const tenon__ref *x, int64_t x_start, const tenon__ref *y, int64_t y_start) {
    int64_t x_bits = tenon_dtype_bits(x->dtype), y_bits = tenon_dtype_bits(y->dtype), low, high, y_low, y_high;
    tenon__ref_span(x, &low, &high);
    tenon__ref_span(y, &y_low, &y_high);
    if (low >= high || y_low >= y_high) return false;
    if (high + x_start <= y_low + y_start || y_high + y_start <= low + x_start) return false;
    search s = {.low = 1 - y_bits, .high = x_bits - 1};
    int64_t sum = (y_start - x_start) * 8 + y->offset * y_bits - x->offset * x_bits;
    for (uint32_t i = 0; i < x->rank; i++) sum += add_term(&s, -x->strides[i] * x_bits, x->dims[i]);
    for (uint32_t i = 0; i < y->rank; i++) sum += add_term(&s, y->strides[i] * y_bits, y->dims[i]);
    finish_terms(&s);
    return can_meet(&s, 0, sum);
}
