/* Op work against the operator table. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <tenon/helpers.h>
#include <tenon/hooks.h>

/* Where what is wrong is written. */
typedef struct words {
    char *text;
    size_t size;
} words;

__attribute__((format(printf, 3, 4))) static tenon_status fail(const words *w, tenon_status status, const char *format,
                                                               ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(w->text, w->size, format, arguments);
    va_end(arguments);
    return status;
}

/* Dtypes of a family's operands, a letter each: v value (all the same), r as the row's result rule says, i i32 or i64,
 * l i64, b bool. */
static const struct {
    uint32_t family;
    const char *inputs, *outputs;
} operand_dtypes[] = {
    {TENON_FAMILY_COPY, "v", "r"},      {TENON_FAMILY_FILL, "", "r"},     {TENON_FAMILY_IOTA, "", "r"},
    {TENON_FAMILY_PAD, "v", "r"},       {TENON_FAMILY_CAST, "v", "r"},    {TENON_FAMILY_BITCAST, "v", "r"},
    {TENON_FAMILY_UPDATE, "vl", "r"},   {TENON_FAMILY_MAP, "vvv", "r"},   {TENON_FAMILY_REDUCE, "v", "r"},
    {TENON_FAMILY_ARG, "v", "r"},       {TENON_FAMILY_GATHER, "vi", "r"}, {TENON_FAMILY_SCATTER, "iv", "r"},
    {TENON_FAMILY_CONTRACT, "vv", "r"}, {TENON_FAMILY_SORT, "v", "rl"},   {TENON_FAMILY_SCAN, "v", "r"},
    {TENON_FAMILY_RANDOM, "", "r"},
};

static const char *dtypes_of(const tenon_op_row *row, int of_outputs) {
    for (size_t i = 0; i < sizeof operand_dtypes / sizeof *operand_dtypes; i++)
        if (operand_dtypes[i].family == row->family)
            return of_outputs                  ? operand_dtypes[i].outputs
                   : row->op == TENON_OP_WHERE ? "bvv"
                                               : operand_dtypes[i].inputs;
    return "";
}

static int64_t attr_of(const tenon_work *work, uint32_t id) {
    return tenon_attr_int(work->op->attrs, work->op->attr_count, id, tenon_attr_row_of(id)->default_value);
}

static tenon_status check_attr_form(const words *w, const tenon_op_row *row, const tenon_attr *attr) {
    const tenon_attr_row *known = tenon_attr_row_of(attr->id);
    if (!known || !tenon_op_has_attr(row, attr->id))
        return fail(w, TENON_STATUS_UNSUPPORTED, "%s has no attribute %u", row->name, attr->id);
    if ((attr->count && !attr->values) || (!known->is_list && attr->count != 1))
        return fail(w, TENON_STATUS_INVALID, "%s: attribute %s has %u values%s", row->name, known->name, attr->count,
                    attr->values ? "" : ", and none is there");
    return TENON_STATUS_OK;
}

static tenon_status check_attrs(const words *w, const tenon_op_row *row, const tenon_op_work *op) {
    uint64_t seen = 0;
    static_assert(TENON_ATTR_LIMIT <= 64, "a bit an attribute");
    if (op->attr_count && !op->attrs)
        return fail(w, TENON_STATUS_INVALID, "%s: %u attributes are said to be there, but none is", row->name,
                    op->attr_count);
    for (uint32_t i = 0; i < op->attr_count; i++) {
        TENON_TRY(check_attr_form(w, row, &op->attrs[i]));
        if (seen & UINT64_C(1) << op->attrs[i].id)
            return fail(w, TENON_STATUS_INVALID, "%s: attribute %u is there twice", row->name, op->attrs[i].id);
        seen |= UINT64_C(1) << op->attrs[i].id;
    }
    return TENON_STATUS_OK;
}

/* INT attributes and the values they may have. */
static const struct {
    uint32_t attr;
    int64_t least, most;
} attr_ranges[] = {
    {TENON_ATTR_WRAP, 0, 1},
    {TENON_ATTR_COMBINE, 0, 4},
    {TENON_ATTR_DESCENDING, 0, 1},
    {TENON_ATTR_EXCLUSIVE, 0, 1},
    {TENON_ATTR_REVERSE, 0, 1},
    {TENON_ATTR_DTYPE, 0, TENON_DTYPE_COUNT - 1},
    {TENON_ATTR_ACCUMULATOR, 0, TENON_DTYPE_COUNT - 1},
};

static tenon_status check_attr_values(const words *w, const tenon_op_row *row, const tenon_work *work) {
    for (size_t i = 0; i < sizeof attr_ranges / sizeof *attr_ranges; i++) {
        int64_t value = attr_of(work, attr_ranges[i].attr);
        if (value < attr_ranges[i].least || value > attr_ranges[i].most)
            return fail(w, TENON_STATUS_INVALID, "%s: attribute %s is %" PRId64 ", not in %" PRId64 " ... %" PRId64,
                        row->name, tenon_attr_row_of(attr_ranges[i].attr)->name, value, attr_ranges[i].least,
                        attr_ranges[i].most);
    }
    return TENON_STATUS_OK;
}

static tenon_status check_roles(const words *w, const tenon_op_row *row, const tenon_work *work) {
    if (work->operand_count != row->input_count + row->output_count)
        return fail(w, TENON_STATUS_INVALID, "%s has %u inputs and %u outputs; the work has %u operands", row->name,
                    row->input_count, row->output_count, work->operand_count);
    int is_in_place = row->family == TENON_FAMILY_UPDATE || row->family == TENON_FAMILY_SCATTER;
    for (uint32_t i = 0; i < work->operand_count; i++) {
        uint32_t role = work->operands[i].role;
        int fits = i < row->input_count ? role == TENON_ROLE_INPUT || role == TENON_ROLE_CONSTANT
                   : is_in_place        ? role == TENON_ROLE_INOUT
                                        : role == TENON_ROLE_OUTPUT;
        if (!fits) return fail(w, TENON_STATUS_INVALID, "%s: operand %u can't have role %u", row->name, i, role);
    }
    return TENON_STATUS_OK;
}

/* Dtype of output 0 for inputs of dtype `value`. */
static tenon_dtype result_dtype(const tenon_op_row *row, const tenon_work *work, tenon_dtype value) {
    tenon_dtype asked = (tenon_dtype)attr_of(work, TENON_ATTR_DTYPE);
    switch (row->result) {
    case TENON_RESULT_BOOL: return TENON_DTYPE_BOOL;
    case TENON_RESULT_I64: return TENON_DTYPE_I64;
    case TENON_RESULT_U32: return TENON_DTYPE_U32;
    case TENON_RESULT_ATTR: return asked || row->family != TENON_FAMILY_CONTRACT ? asked : value;
    default: return value;
    }
}

static int dtype_fits(char letter, tenon_dtype dtype, tenon_dtype value, tenon_dtype result) {
    switch (letter) {
    case 'v': return dtype == value;
    case 'r': return dtype == result;
    case 'i': return dtype == TENON_DTYPE_I32 || dtype == TENON_DTYPE_I64;
    case 'l': return dtype == TENON_DTYPE_I64;
    default: return dtype == TENON_DTYPE_BOOL;
    }
}

/* Dtype of the first value operand; of the output where no input is one. */
static tenon_dtype value_dtype(const tenon_op_row *row, const tenon_work *work) {
    const char *inputs = dtypes_of(row, 0);
    for (uint32_t i = 0; i < row->input_count; i++)
        if (inputs[i] == 'v') return work->operands[i].view.dtype;
    return work->operands[row->input_count].view.dtype;
}

static tenon_status check_dtypes(const words *w, const tenon_op_row *row, const tenon_work *work) {
    tenon_dtype value = value_dtype(row, work), result = result_dtype(row, work, value);
    for (uint32_t i = 0; i < work->operand_count; i++) {
        tenon_dtype dtype = work->operands[i].view.dtype;
        int is_output = i >= row->input_count;
        char letter = dtypes_of(row, is_output)[is_output ? i - row->input_count : i];
        if (!tenon_dtype_is_base(dtype))
            return fail(w, TENON_STATUS_UNSUPPORTED, "%s: operand %u is %s, which no operator takes", row->name, i,
                        tenon_dtype_name(dtype));
        if (!dtype_fits(letter, dtype, value, result))
            return fail(w, TENON_STATUS_INVALID, "%s: operand %u can't be %s", row->name, i, tenon_dtype_name(dtype));
    }
    if (!tenon_op_takes(row, value))
        return fail(w, TENON_STATUS_INVALID, "%s does not take %s", row->name, tenon_dtype_name(value));
    if (row->family == TENON_FAMILY_BITCAST && tenon_dtype_bits(value) != tenon_dtype_bits(result))
        return fail(w, TENON_STATUS_INVALID, "bitcast from %s to %s changes the width", tenon_dtype_name(value),
                    tenon_dtype_name(result));
    return TENON_STATUS_OK;
}

static tenon_status bad_rank(const words *w, const tenon_op_row *row, uint32_t operand, uint32_t rank) {
    return fail(w, TENON_STATUS_INVALID, "%s: rank %u of operand %u does not go with the others", row->name, rank,
                operand);
}

static uint32_t list_length(const tenon_work *work, uint32_t id) {
    const tenon_attr *attr = tenon_attr_find(work->op->attrs, work->op->attr_count, id);
    return attr ? attr->count : 0;
}

/* Rank that operand `index` must have, given those of the others; -1: any. */
static int64_t expected_rank(const tenon_op_row *row, const tenon_work *work, uint32_t index) {
    const tenon_operand *operands = work->operands;
    int64_t last = operands[work->operand_count - 1].view.rank;
    switch (row->family) {
    case TENON_FAMILY_UPDATE: return index == 1 ? 1 : last;
    case TENON_FAMILY_REDUCE:
        return index == 0 ? -1 : (int64_t)operands[0].view.rank - (int64_t)list_length(work, TENON_ATTR_AXES);
    case TENON_FAMILY_ARG: return index == 0 ? -1 : (int64_t)operands[0].view.rank - 1;
    case TENON_FAMILY_GATHER:
        return index < 2 ? -1 : (int64_t)operands[0].view.rank - 1 + (int64_t)operands[1].view.rank;
    case TENON_FAMILY_SCATTER: return index != 1 ? -1 : last - 1 + (int64_t)operands[0].view.rank;
    default: return last;
    }
}

static tenon_status check_ranks(const words *w, const tenon_op_row *row, const tenon_work *work) {
    for (uint32_t i = 0; i < work->operand_count; i++) {
        int64_t expected = expected_rank(row, work, i), rank = work->operands[i].view.rank;
        if (expected != -1 && rank != expected) return bad_rank(w, row, i, (uint32_t)rank);
    }
    if (row->family == TENON_FAMILY_CONTRACT && work->operands[0].view.rank < 2)
        return bad_rank(w, row, 0, work->operands[0].view.rank);
    return TENON_STATUS_OK;
}

/* The operand whose axes the attributes `axis` and `axes` count. */
static uint32_t axis_operand(const tenon_op_row *row) {
    return row->family == TENON_FAMILY_SCATTER ? 2 : 0;
}

static tenon_status check_axes(const words *w, const tenon_op_row *row, const tenon_work *work) {
    int64_t rank = work->operands[axis_operand(row)].view.rank, before = -1;
    const tenon_attr *axes = tenon_attr_find(work->op->attrs, work->op->attr_count, TENON_ATTR_AXES);
    const tenon_attr *low = tenon_attr_find(work->op->attrs, work->op->attr_count, TENON_ATTR_LOW);
    int64_t axis = attr_of(work, TENON_ATTR_AXIS);
    if (tenon_op_has_attr(row, TENON_ATTR_AXIS) && (axis < 0 || axis >= rank))
        return fail(w, TENON_STATUS_INVALID, "%s: there is no axis %" PRId64 " of %" PRId64, row->name, axis, rank);
    for (uint32_t i = 0; axes && i < axes->count; i++) {
        if (axes->values[i] <= before || axes->values[i] >= rank)
            return fail(w, TENON_STATUS_INVALID, "%s: axes are not ascending below %" PRId64, row->name, rank);
        before = axes->values[i];
    }
    if (row->family == TENON_FAMILY_PAD && list_length(work, TENON_ATTR_LOW) != rank)
        return fail(w, TENON_STATUS_INVALID, "pad: low has %u values for rank %" PRId64,
                    list_length(work, TENON_ATTR_LOW), rank);
    for (uint32_t i = 0; low && i < low->count; i++)
        if (low->values[i] < 0) return fail(w, TENON_STATUS_INVALID, "pad: low is negative for axis %u", i);
    return TENON_STATUS_OK;
}

static tenon_status check(const words *w, const tenon_op_row *row, const tenon_work *work) {
    TENON_TRY(check_attrs(w, row, work->op));
    TENON_TRY(check_attr_values(w, row, work));
    TENON_TRY(check_roles(w, row, work));
    TENON_TRY(check_dtypes(w, row, work));
    TENON_TRY(check_ranks(w, row, work));
    return check_axes(w, row, work);
}

tenon_status tenon_op_work_check(const tenon_work *work, const tenon_op_row **out_row, char *text, size_t size) {
    const words w = {text, size};
    if (size) text[0] = '\0';
    tenon_status status = tenon_descriptor_check(work->op, TENON_OP_WORK_SIZE_V1, sizeof *work->op);
    if (status == TENON_STATUS_OK && work->op->reserved != 0) status = TENON_STATUS_UNSUPPORTED;
    if (status != TENON_STATUS_OK) return fail(&w, status, "the op work's struct_size or tail is not known here");
    const tenon_op_row *row = tenon_op_row_of(work->op->op);
    if (!row || row->family == TENON_FAMILY_VIEW)
        return fail(&w, TENON_STATUS_UNSUPPORTED, "operator %u is none that a device runs", work->op->op);
    TENON_TRY(check(&w, row, work));
    *out_row = row;
    return TENON_STATUS_OK;
}
