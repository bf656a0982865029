/* Classes of values: an exec that is not valid for all of them is asked for again, class by class. */
#include "plan/prepare_internal.h"

static tenon_symbol alone(int64_t value) {
    return (tenon_symbol){value, value, 1};
}

/* The class of a value: from one power of two (exclusive) to the next, so that a symbol of any range has few. */
static tenon_symbol class_of(int64_t value, const tenon_symbol *within) {
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, most = 1;
    if (size <= 2 || size > (uint64_t)1 << 62) return alone(value);
    while (most < size) most *= 2;
    int64_t low = (int64_t)(most / 2 + 1), high = (int64_t)most;
    tenon_symbol range =
        value < 0 ? (tenon_symbol){-high, -low, within->divisor} : (tenon_symbol){low, high, within->divisor};
    if (range.min < within->min) range.min = within->min;
    if (range.max > within->max) range.max = within->max;
    return range;
}

static bool contains(const tenon_symbol *range, int64_t value) {
    return value >= range->min && value <= range->max && (range->divisor == 1 || value % range->divisor == 0);
}

/* One step narrower: the part of a class that an exec valid for `answer` leaves out, then the value alone. */
static void narrow(tenon__ranges *r, uint32_t i, const tenon_symbol *answer) {
    tenon_symbol range = r->narrow[i] ? alone(r->values[i]) : class_of(r->values[i], &r->ranges[i]);
    if (r->values[i] > answer->max && range.min <= answer->max) range.min = answer->max + 1;
    if (r->values[i] < answer->min && range.max >= answer->min) range.max = answer->min - 1;
    r->ranges[i] = range;
    r->narrow[i] = true;
}

void tenon__ranges_begin(tenon__ranges *r, uint32_t shapes) {
    for (uint32_t i = 0; i < r->count; i++) {
        r->narrow[i] = shapes != TENON_SHAPES_DYNAMIC;
        if (shapes == TENON_SHAPES_STATIC) r->ranges[i] = alone(r->values[i]);
        if (shapes == TENON_SHAPES_BOUNDED) r->ranges[i] = class_of(r->values[i], &r->ranges[i]);
    }
}

tenon_status tenon__class_answer(const tenon__ranges *r, tenon_status status) {
    bool refused = status == TENON_STATUS_INTERNAL || status == TENON_STATUS_INVALID;
    for (uint32_t i = 0; i < r->count && refused; i++)
        if (r->narrow[i] && r->ranges[i].min != r->ranges[i].max) return TENON_STATUS_UNSUPPORTED;
    return status;
}

bool tenon__exec_takes(const tenonh_exec *exec, const int64_t *values, uint32_t count) {
    const tenon_symbol *valid = tenonh_exec_info(exec)->symbols;
    for (uint32_t i = 0; i < count; i++)
        if (!contains(&valid[i], values[i])) return false;
    return true;
}

void tenon__ranges_narrow(tenon__ranges *r, const tenonh_exec *exec) {
    const tenon_symbol *valid = tenonh_exec_info(exec)->symbols;
    for (uint32_t i = 0; i < r->count; i++)
        if (!contains(&valid[i], r->values[i])) narrow(r, i, &valid[i]);
}

void tenon__ranges_key(const tenon__ranges *r, tenon__key *key) {
    for (uint32_t i = 0; i < r->count; i++) {
        if (!r->narrow[i]) continue;
        tenon__key_number(key, i);
        tenon__key_number(key, r->ranges[i].min);
        tenon__key_number(key, r->ranges[i].max);
    }
}
