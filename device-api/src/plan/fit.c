#include "plan/fit.h"

#include "support/error.h"

static tenon_status misfit(const tenonh_node *node, uint32_t axis, const char *why) {
    return tenon__fail(TENON_STATUS_INVALID, "%s: with the dims of these inputs axis %u %s", tenon__node_text(node),
                       axis, why);
}

tenon_status tenon__fit_reshape(const tenonh_node *node, const tenon__ref *x, const int64_t *dims) {
    uint32_t rank = node->results[0]->rank;
    int64_t count = 1;
    bool empty = false, fits = true;
    for (uint32_t i = 0; i < rank; i++) {
        empty = empty || dims[i] == 0;
        fits = fits && (dims[i] == 0 || !__builtin_mul_overflow(count, dims[i], &count));
    }
    if (fits && (empty ? 0 : count) == tenon__ref_count(x)) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_INVALID, "%s: with the dims of these inputs it would make %lld elements of %lld",
                       tenon__node_text(node), (long long)(empty ? 0 : count), (long long)tenon__ref_count(x));
}

tenon_status tenon__fit_expand(const tenonh_node *node, const tenon__ref *x, const int64_t *dims) {
    uint32_t added = node->results[0]->rank - x->rank;
    for (uint32_t i = 0; i < x->rank; i++)
        if (x->dims[i] != 1 && x->dims[i] != dims[added + i]) return misfit(node, i, "is not 1 and can't be repeated");
    return TENON_STATUS_OK;
}

tenon_status tenon__fit_slice(const tenonh_node *node, const tenon__ref *x, const int64_t *starts, const int64_t *steps,
                              const int64_t *dims) {
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t way, last;
        if (dims[i] == 0) continue;
        bool passes = __builtin_mul_overflow(dims[i] - 1, steps[i], &way);
        passes = __builtin_add_overflow(starts[i], way, &last) || passes;
        if (passes || starts[i] < 0 || last < 0 || starts[i] >= x->dims[i] || last >= x->dims[i])
            return misfit(node, i, "is shorter than its slice");
    }
    return TENON_STATUS_OK;
}

static tenon_status fit_pad(const tenonh_node *node, const tenon__task *task) {
    const tenon__ref *x = &task->operands[0], *y = &task->operands[task->input_count];
    const tenon_attr *low = tenon_attr_find(task->attrs, task->attr_count, TENON_ATTR_LOW);
    for (uint32_t i = 0; i < x->rank && low && i < low->count; i++)
        if (low->values[i] < 0 || low->values[i] > y->dims[i] || x->dims[i] > y->dims[i] - low->values[i])
            return misfit(node, i, "would be padded by less than nothing");
    return TENON_STATUS_OK;
}

static tenon_status fit_update(const tenonh_node *node, const tenon__task *task) {
    const tenon__ref *x = &task->operands[0], *y = &task->operands[task->input_count];
    for (uint32_t i = 0; i < x->rank && x->rank == y->rank; i++)
        if (x->dims[i] > y->dims[i]) return misfit(node, i, "is shorter than what is to be put there");
    return TENON_STATUS_OK;
}

tenon_status tenon__fit_task(const tenonh_node *node, const tenon__task *task) {
    switch (tenon_op_row_of(task->op)->family) {
    case TENON_FAMILY_PAD: return fit_pad(node, task);
    case TENON_FAMILY_UPDATE: return fit_update(node, task);
    default: return TENON_STATUS_OK;
    }
}
