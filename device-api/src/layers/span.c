#include "layers/span.h"

#include <tenon/helpers.h>

tenon__span tenon__span_range(uint64_t offset, uint64_t size) {
    return (tenon__span){.offset = offset, .block = size, .distance = size, .count = size ? 1 : 0, .exact = 1};
}

uint64_t tenon__span_end(const tenon__span *span) {
    return span->count ? span->offset + (span->count - 1) * span->distance + span->block : span->offset;
}

/* -- Views ------------------------------------------------------------------------------------------------------------ */

/* A dim of more than one element, by its distance in bytes. */
typedef struct axis {
    uint64_t distance;
    uint64_t count;
} axis;

static void insert(axis *axes, uint32_t *count, axis new) {
    uint32_t at = (*count)++;
    for (; at > 0 && axes[at - 1].distance > new.distance; at--) axes[at] = axes[at - 1];
    axes[at] = new;
}

/* Axes of a view with positive distances, ascending; the offset moves to the lowest element. false on overflow. */
static bool find_axes(const tenon_view *view, const int64_t *symbols, bool dense, uint64_t bits, axis *axes,
                      uint32_t *out_count, int64_t *io_bits, bool *out_empty) {
    int64_t inner = 1;
    *out_count = 0;
    *out_empty = false;
    for (uint32_t i = view->rank; i-- > 0;) {
        int64_t dim = tenon_extent_value(&view->dims[i], symbols), step;
        int64_t stride = dense ? inner : tenon_extent_value(&view->strides[i], symbols);
        if (dim <= 0) *out_empty = true;
        if (__builtin_mul_overflow(inner, dim > 0 ? dim : 1, &inner)) return *out_empty;
        if (dim <= 1 || stride == 0) continue;
        int64_t reach;
        if (__builtin_mul_overflow(stride, (int64_t)bits, &step) || __builtin_mul_overflow(step, dim - 1, &reach))
            return false;
        if (step < 0 && __builtin_add_overflow(*io_bits, reach, io_bits)) return false;
        insert(axes, out_count, (axis){step < 0 ? (uint64_t)0 - (uint64_t)step : (uint64_t)step, (uint64_t)dim});
    }
    return true;
}

/* Merges axes that continue each other; what remains is a block and at most one axis, or it is not regular. */
static tenon__span collapse(const axis *axes, uint32_t count, uint64_t offset, uint64_t bits) {
    uint64_t block = bits, last = bits;
    uint32_t at = 0;
    for (; at < count && axes[at].distance == block; at++) block *= axes[at].count;
    tenon__span span = {.offset = offset, .block = block / 8, .distance = block / 8, .count = 1, .exact = 1};
    for (uint32_t i = 0; i < count; i++) last += axes[i].distance * (axes[i].count - 1);
    if (at == count && block % 8 == 0) return span;
    axis outer = at < count ? axes[at] : (axis){0};
    for (at++; at < count && axes[at].distance == outer.distance * outer.count; at++) outer.count *= axes[at].count;
    bool regular = at >= count && outer.distance >= block && block % 8 == 0 && outer.distance % 8 == 0;
    if (regular) {
        span.distance = outer.distance / 8;
        span.count = outer.count;
        return span;
    }
    span.block = span.distance = (last + 7) / 8;
    span.exact = 0;
    return span;
}

bool tenon__span_view(const tenon_view *view, const int64_t *symbols, uint64_t offset, bool dense,
                      tenon__span *out_span) {
    axis axes[TENON_MAX_RANK];
    uint32_t count;
    int64_t low = 0;
    bool empty;
    uint64_t bits = tenon_dtype_bits(view->dtype), reach = bits, part;
    if (!find_axes(view, symbols, dense, bits, axes, &count, &low, &empty)) return false;
    *out_span = tenon__span_range(offset, 0);
    if (empty) return true;
    uint64_t back = (uint64_t)0 - (uint64_t)(low / 8); /* low <= 0 */
    if (back > offset) return false;
    for (uint32_t i = 0; i < count; i++)
        if (__builtin_mul_overflow(axes[i].distance, axes[i].count - 1, &part) ||
            __builtin_add_overflow(reach, part, &reach))
            return false;
    if (reach > (uint64_t)INT64_MAX) return false;
    *out_span = collapse(axes, count, offset - back, bits);
    return out_span->offset <= UINT64_MAX - (reach / 8 + 1);
}

/* -- Two spans -------------------------------------------------------------------------------------------------------- */

/* A range and the blocks of a span. */
static bool range_meets(uint64_t start, uint64_t end, const tenon__span *span) {
    if (end <= span->offset) return false;
    uint64_t first = start > span->offset ? (start - span->offset) / span->distance : 0;
    for (uint64_t i = first; i < span->count && i <= first + 1; i++) {
        uint64_t block = span->offset + i * span->distance;
        if (block < end && start < block + span->block) return true;
    }
    return false;
}

/* Blocks of the same distance: their places within it are compared. */
static bool combs_meet(const tenon__span *a, const tenon__span *b) {
    uint64_t shift = (b->offset % a->distance + a->distance - a->offset % a->distance) % a->distance;
    return shift < a->block || shift + b->block > a->distance;
}

bool tenon__span_meets(const tenon__span *a, const tenon__span *b) {
    if (!a->count || !b->count || !a->exact || !b->exact) return false;
    if (tenon__span_end(a) <= b->offset || tenon__span_end(b) <= a->offset) return false;
    if (a->count == 1) return range_meets(a->offset, a->offset + a->block, b);
    if (b->count == 1) return range_meets(b->offset, b->offset + b->block, a);
    if (a->distance != b->distance) return false; /* not told apart here */
    if (!combs_meet(a, b)) return false;
    /* Some block of one lies on the same teeth; it is there only where both have blocks. */
    for (uint64_t i = 0; i < a->count && i < 2; i++)
        if (range_meets(a->offset + i * a->distance, a->offset + i * a->distance + a->block, b)) return true;
    for (uint64_t i = 0; i < b->count && i < 2; i++)
        if (range_meets(b->offset + i * b->distance, b->offset + i * b->distance + b->block, a)) return true;
    return false;
}

bool tenon__span_covers(const tenon__span *a, const tenon__span *b) {
    if (!b->count) return true;
    if (!a->exact || !a->count) return false;
    if (a->count == 1) return a->offset <= b->offset && tenon__span_end(b) <= a->offset + a->block;
    return a->offset == b->offset && a->block == b->block && a->distance == b->distance && a->count == b->count;
}
