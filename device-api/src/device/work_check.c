#include "device/work_check.h"

#include <inttypes.h>
#include <string.h>

#include <tenon/helpers.h>

#include "device/work_check_internal.h"

#define MALFORMED TENON__MALFORMED

tenon_status tenon__check_descriptor(const void *descriptor, const char *name, uint32_t oldest, uint32_t known) {
    tenon_status status = tenon_descriptor_check(descriptor, oldest, known);
    if (status == TENON_STATUS_OK) return status;
    if (!descriptor) return tenon__fail(status, "work: %s is NULL", name);
    return tenon__fail(status, "work: %s is shorter than its first version, or has members unknown here", name);
}

static tenon_status check_symbols(const tenon_work *work) {
    if (work->symbol_count && !work->symbols) return MALFORMED("%u symbols at NULL", work->symbol_count);
    for (uint32_t i = 0; i < work->symbol_count; i++) {
        const tenon_symbol *symbol = &work->symbols[i];
        if (symbol->divisor < 1 || symbol->min > symbol->max)
            return MALFORMED("symbol %u: min %" PRId64 ", max %" PRId64 ", divisor %" PRId64, i, symbol->min,
                             symbol->max, symbol->divisor);
    }
    return TENON_STATUS_OK;
}

/* A view that is checked: of operand or value `index`. */
typedef struct place {
    const tenon_work *work;
    const char *whose;
    uint32_t index;
} place;

/* A dim is not negative, a stride may be. */
static tenon_status check_extent(const place *p, const char *what, const tenon_extent *extent, int64_t least) {
    if (extent->symbol == TENON_NO_SYMBOL) {
        if (extent->value >= least) return TENON_STATUS_OK;
        return MALFORMED("%s %u: %s is %" PRId64, p->whose, p->index, what, extent->value);
    }
    if (extent->symbol >= p->work->symbol_count)
        return MALFORMED("%s %u: %s is symbol %u of %u", p->whose, p->index, what, extent->symbol,
                         p->work->symbol_count);
    const tenon_symbol *symbol = &p->work->symbols[extent->symbol];
    if (extent->value == 0 && symbol->min >= least) return TENON_STATUS_OK;
    return MALFORMED("%s %u: %s is symbol %u, whose range begins at %" PRId64, p->whose, p->index, what, extent->symbol,
                     symbol->min);
}

tenon_status tenon__check_view(const tenon_work *work, const char *whose, uint32_t index, const tenon_view *view) {
    const place p = {work, whose, index};
    if (tenon_dtype_bits(view->dtype) == 0) return MALFORMED("%s %u: %u is no dtype", whose, index, view->dtype);
    if (view->rank > TENON_MAX_RANK) return MALFORMED("%s %u: rank %u", whose, index, view->rank);
    for (uint32_t i = 0; i < view->rank; i++) {
        TENON_TRY(check_extent(&p, "a dim", &view->dims[i], 0));
        TENON_TRY(check_extent(&p, "a stride", &view->strides[i], INT64_MIN));
    }
    return TENON_STATUS_OK;
}

static tenon_status check_operand(const tenon_work *work, uint32_t index) {
    const tenon_operand *operand = &work->operands[index];
    if (operand->role < TENON_ROLE_INPUT || operand->role > TENON_ROLE_CONSTANT)
        return MALFORMED("operand %u: role %u", index, operand->role);
    if (operand->alignment & (operand->alignment - 1))
        return MALFORMED("operand %u: alignment %" PRIu64 " is no power of two", index, operand->alignment);
    int has_data = operand->data != NULL || operand->data_size != 0;
    if (operand->role != TENON_ROLE_CONSTANT && has_data)
        return MALFORMED("operand %u: data, but it is no constant", index);
    if (operand->data_size && !operand->data) return MALFORMED("operand %u: data is NULL", index);
    return tenon__check_view(work, "operand", index, &operand->view);
}

tenon_status tenon__check_attrs(const char *name, const tenon_attr *attrs, uint32_t count) {
    if (count && !attrs) return MALFORMED("%s: attrs is NULL", name);
    for (uint32_t i = 0; i < count; i++) {
        if (!tenon_attr_row_of(attrs[i].id)) return MALFORMED("%s: %u is no attribute", name, attrs[i].id);
        if (attrs[i].count && !attrs[i].values) return MALFORMED("%s: attribute %u at NULL", name, attrs[i].id);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_op(const tenon_work *work) {
    const tenon_op_work *op = work->op;
    TENON_TRY(tenon__check_descriptor(op, "op", TENON_OP_WORK_SIZE_V1, sizeof *op));
    const tenon_op_row *row = tenon_op_row_of(op->op);
    if (!row) return MALFORMED("%u is no operator", op->op);
    if (row->family == TENON_FAMILY_VIEW) return MALFORMED("%s is a view: it needs no device", row->name);
    if (work->operand_count != row->input_count + row->output_count)
        return MALFORMED("%s has %u operands, not %u", row->name, row->input_count + row->output_count,
                         work->operand_count);
    TENON_TRY(tenon__check_attrs(row->name, op->attrs, op->attr_count));
    for (uint32_t i = 0; i < op->attr_count; i++)
        if (!tenon_op_has_attr(row, op->attrs[i].id))
            return MALFORMED("%s has no attribute %u", row->name, op->attrs[i].id);
    return TENON_STATUS_OK;
}

static tenon_status check_kernel(const tenon_work *work) {
    const tenon_kernel_work *kernel = work->kernel;
    TENON_TRY(tenon__check_descriptor(kernel, "kernel", TENON_KERNEL_WORK_SIZE_V1, sizeof *kernel));
    if (!kernel->source || memchr(kernel->source, '\0', kernel->source_size) || kernel->source[kernel->source_size])
        return MALFORMED("kernel: source is not %" PRIu64 " bytes and a NUL", kernel->source_size);
    if (!kernel->entry_count || !kernel->entries) return MALFORMED("kernel: no entries");
    for (uint32_t i = 0; i < kernel->entry_count; i++) {
        const tenon_kernel_entry *entry = &kernel->entries[i];
        if (!entry->name || (entry->arg_count && !entry->args)) return MALFORMED("kernel: entry %u has a NULL", i);
    }
    if (kernel->ir_size && !kernel->ir) return MALFORMED("kernel: ir is NULL");
    return TENON_STATUS_OK;
}

static tenon_status check_kind(const tenon_work *work) {
    const struct {
        uint32_t kind;
        const void *part;
    } parts[] = {{TENON_WORK_OP, work->op},
                 {TENON_WORK_KERNEL, work->kernel},
                 {TENON_WORK_COMPOSITE, work->composite},
                 {TENON_WORK_GRAPH, work->graph}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if ((parts[i].part != NULL) != (parts[i].kind == work->kind))
            return MALFORMED("kind %u, but the part of kind %u is %s", work->kind, parts[i].kind,
                             parts[i].part ? "there" : "NULL");
    switch (work->kind) {
    case TENON_WORK_OP: return check_op(work);
    case TENON_WORK_KERNEL: return check_kernel(work);
    case TENON_WORK_COMPOSITE: return tenon__check_composite(work);
    default: return tenon__check_graph(work);
    }
}

tenon_status tenon__work_check(const tenon_work *work) {
    TENON_TRY(tenon__check_descriptor(work, "it", TENON_WORK_SIZE_V1, sizeof *work));
    if (work->kind != TENON_WORK_OP && work->kind != TENON_WORK_KERNEL && work->kind != TENON_WORK_COMPOSITE &&
        work->kind != TENON_WORK_GRAPH)
        return MALFORMED("kind %u is none of TENON_WORK_*", work->kind);
    TENON_TRY(check_symbols(work));
    if (work->operand_count && !work->operands) return MALFORMED("%u operands at NULL", work->operand_count);
    for (uint32_t i = 0; i < work->operand_count; i++) TENON_TRY(check_operand(work, i));
    return check_kind(work);
}

#define BROKEN(...) tenon__fail(TENON_STATUS_INTERNAL, "prepare breaks REQ-WORK-01: " __VA_ARGS__)

static tenon_status check_range(const tenon_symbol *asked, const tenon_symbol *answer, uint32_t index) {
    if (answer->divisor >= 1 && answer->divisor % asked->divisor == 0 && answer->min >= asked->min &&
        answer->max <= asked->max && answer->min <= answer->max)
        return TENON_STATUS_OK;
    return BROKEN("symbol %u was asked as %" PRId64 "..%" PRId64 " by %" PRId64 ", answered as %" PRId64 "..%" PRId64
                  " by %" PRId64,
                  index, asked->min, asked->max, asked->divisor, answer->min, answer->max, answer->divisor);
}

static tenon_status check_operand_info(const tenon_work *work, const tenon_operand_info *info, uint32_t index,
                                       int packs) {
    uint32_t role = work->operands[index].role;
    if (info->packed_size && (role != TENON_ROLE_CONSTANT || !packs))
        return BROKEN("operand %u is to be packed, but %s", index, packs ? "is no constant" : "work.pack is NULL");
    if (info->layout == TENON_LAYOUT_HELD && (role != TENON_ROLE_CONSTANT || info->packed_size))
        return BROKEN("operand %u is to be held, but is %s", index, info->packed_size ? "packed too" : "no constant");
    if (info->layout != work->operands[index].layout && !info->packed_size && info->layout != TENON_LAYOUT_HELD)
        return BROKEN("operand %u is wanted in layout %u, but not to be packed", index, info->layout);
    if (info->alias == TENON_NO_ALIAS) return TENON_STATUS_OK;
    if (role == TENON_ROLE_OUTPUT && info->alias == TENON_ANY_ALIAS) return TENON_STATUS_OK;
    if (role != TENON_ROLE_OUTPUT || info->alias >= work->operand_count ||
        work->operands[info->alias].role != TENON_ROLE_INPUT)
        return BROKEN("operand %u answers the alias %u, which is no input", index, info->alias);
    return TENON_STATUS_OK;
}

tenon_status tenon__answer_check(const tenon_work *work, const tenon_exec_info *info, int packs, uint64_t alignment) {
    for (uint32_t i = 0; i < work->symbol_count; i++) TENON_TRY(check_range(&work->symbols[i], &info->symbols[i], i));
    for (uint32_t i = 0; i < work->operand_count; i++)
        TENON_TRY(check_operand_info(work, &info->operands[i], i, packs));
    if (info->workspace_alignment & (info->workspace_alignment - 1))
        return BROKEN("workspace alignment %" PRIu64, info->workspace_alignment);
    if (info->workspace_alignment > alignment)
        return BROKEN("workspace alignment %" PRIu64 ", memory type 0 aligns to %" PRIu64, info->workspace_alignment,
                      alignment);
    return TENON_STATUS_OK;
}
