/* The frame of every lowering: symbols, operands, the family's kernels, the verdict. */
#include "kernel/lower_internal.h"

#include "support/error.h"
#include "support/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Largest number of elements along an axis, and of a stride, that programs reckon with. */
#define REACH ((int64_t)1 << 40)

static const tenon__lower_fn families[] = {
    [TENON_FAMILY_COPY] = tenon__lower_copy,         [TENON_FAMILY_FILL] = tenon__lower_fill,
    [TENON_FAMILY_IOTA] = tenon__lower_iota,         [TENON_FAMILY_PAD] = tenon__lower_pad,
    [TENON_FAMILY_CAST] = tenon__lower_cast,         [TENON_FAMILY_BITCAST] = tenon__lower_copy,
    [TENON_FAMILY_UPDATE] = tenon__lower_update,     [TENON_FAMILY_MAP] = tenon__lower_map,
    [TENON_FAMILY_REDUCE] = tenon__lower_reduce,     [TENON_FAMILY_ARG] = tenon__lower_arg,
    [TENON_FAMILY_GATHER] = tenon__lower_gather,     [TENON_FAMILY_SCATTER] = tenon__lower_scatter,
    [TENON_FAMILY_CONTRACT] = tenon__lower_contract, [TENON_FAMILY_SORT] = tenon__lower_sort,
    [TENON_FAMILY_SCAN] = tenon__lower_scan,         [TENON_FAMILY_RANDOM] = tenon__lower_random,
};

/* -- Declarations -------------------------------------------------------------------------------------------------------- */

static tenon__kir_id new_symbol(tenon__lowering *l, const char *kind, uint32_t a, uint32_t b, int64_t min) {
    char name[32];
    snprintf(name, sizeof name, "%s%u_%u", kind, a, b);
    return tenon__kir_symbol_new(l->program, name, (tenon_symbol){min, REACH, 1});
}

static uint32_t group_of(const tenon__lowering *l, uint32_t axis) {
    uint32_t group = 0;
    while (axis >= l->first[group + 1]) group++;
    return group;
}

/* Extents, then what pad and update_slice have beside; the order of tenon_pattern_symbols. */
static void declare_axes(tenon__lowering *l) {
    static const char *const names[TENON_PATTERN_GROUPS] = {"p", "r", "s", "g"};
    for (uint32_t i = 0; i < l->axis_count; i++) {
        uint32_t group = group_of(l, i);
        l->extent[i] = new_symbol(l, names[group], group, i - l->first[group], 0);
    }
    for (uint32_t i = 0; i < l->axis_count; i++) {
        bool padded = l->row->family == TENON_FAMILY_PAD && (l->pattern->padded >> (l->axis_count - 1 - i) & 1);
        bool moved = l->row->family == TENON_FAMILY_UPDATE && group_of(l, i) == TENON_GROUP_P;
        if (padded) l->low[i] = new_symbol(l, "low", 0, i, 0);
        if (padded || moved) l->dim[i] = new_symbol(l, "dim", 0, i, 0);
    }
}

static uint32_t role_of(const tenon__lowering *l, uint32_t k) {
    if (k < l->row->input_count) return TENON__KIR_IN;
    bool inout = l->row->family == TENON_FAMILY_UPDATE || l->row->family == TENON_FAMILY_SCATTER;
    return inout ? TENON__KIR_INOUT : TENON__KIR_OUT;
}

/* Sorted and compared floats are integers to the program: their bits. */
static uint32_t stored_dtype(const tenon__lowering *l, uint32_t k) {
    uint32_t dtype = l->pattern->dtypes[k];
    bool keyed = l->row->family == TENON_FAMILY_ARG || l->row->family == TENON_FAMILY_SORT;
    if (!keyed || tenon_dtype_class(dtype) != TENON_CLASS_FLOAT) return dtype;
    uint32_t bits = tenon_dtype_bits(dtype);
    return bits == 16 ? TENON_DTYPE_U16 : bits == 32 ? TENON_DTYPE_U32 : TENON_DTYPE_U64;
}

/* The operand's own dim along an axis. A start has an entry an axis. */
static tenon__kir_id dim_of(const tenon__lowering *l, uint32_t k, uint32_t axis) {
    if (l->row->family == TENON_FAMILY_UPDATE && k == 1)
        return tenon__kir_index(l->program, l->pattern->ranks[TENON_GROUP_P]);
    bool own = (l->row->family == TENON_FAMILY_PAD && k == 0) || (l->row->family == TENON_FAMILY_UPDATE && k == 2);
    return own && l->dim[axis] ? l->dim[axis] : l->extent[axis];
}

static void declare_operand(tenon__lowering *l, uint32_t k) {
    static const char *const names[TENON_PATTERN_OPERANDS] = {"a", "b", "c", "d"};
    tenon__kir_id dims[TENON_MAX_RANK], strides[TENON_MAX_RANK];
    uint32_t rank = 0, groups = tenon_pattern_groups(l->pattern, k);
    for (uint32_t i = 0; i < l->axis_count; i++) {
        uint32_t group = group_of(l, i);
        if (!(groups >> group & 1)) continue;
        if (rank == TENON_MAX_RANK) {
            l->reason = "an operand has more axes than a view";
            return;
        }
        uint32_t told = i + 1 == l->first[group + 1] ? tenon_pattern_inner(l->pattern, k, group) : TENON_INNER_ANY;
        dims[rank] = dim_of(l, k, i);
        strides[rank++] = told == TENON_INNER_ANY ? new_symbol(l, "stride", k, i, -REACH)
                                                  : tenon__kir_index(l->program, told == TENON_INNER_ONE);
    }
    l->operand[k] =
        tenon__kir_operand_new(l->program, role_of(l, k), names[k], stored_dtype(l, k), rank, dims, strides);
}

static void declare_scalars(tenon__lowering *l) {
    static const char *const names[2] = {"x", "z"};
    bool random = l->row->family == TENON_FAMILY_RANDOM;
    for (uint32_t i = 0; i < l->row->scalar_count && i < 2; i++)
        l->scalar[i] = tenon__kir_scalar_new(l->program, names[i], random ? TENON_DTYPE_U64 : l->pattern->dtypes[0]);
}

/* -- Pieces of kernels ------------------------------------------------------------------------------------------------- */

void tenon__lower_axes(tenon__lowering *l, uint32_t group) {
    static const char *const names[TENON_PATTERN_GROUPS] = {"i", "j", "k", "l"};
    for (uint32_t i = l->first[group]; i < l->first[group + 1]; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s%u", names[group], i - l->first[group]);
        l->index[i] = tenon__kir_axis(l->program, name, l->extent[i]);
    }
}

void tenon__lower_grid(tenon__lowering *l, uint32_t groups) {
    tenon__kir_kernel_begin(l->program, "all");
    for (uint32_t group = 0; group < TENON_PATTERN_GROUPS; group++)
        if (groups >> group & 1) tenon__lower_axes(l, group);
}

uint32_t tenon__lower_place(const tenon__lowering *l, uint32_t k, tenon__kir_id *out_index) {
    uint32_t rank = 0, groups = tenon_pattern_groups(l->pattern, k);
    for (uint32_t i = 0; i < l->axis_count && rank < TENON_MAX_RANK; i++)
        if (groups >> group_of(l, i) & 1) out_index[rank++] = l->index[i];
    return rank;
}

tenon__kir_id tenon__lower_load(tenon__lowering *l, uint32_t k) {
    tenon__kir_id index[TENON_MAX_RANK];
    uint32_t rank = tenon__lower_place(l, k, index);
    return tenon__kir_load(l->program, l->operand[k], index, rank);
}

void tenon__lower_store(tenon__lowering *l, uint32_t k, tenon__kir_id value) {
    tenon__kir_id index[TENON_MAX_RANK];
    uint32_t rank = tenon__lower_place(l, k, index), dtype = stored_dtype(l, k);
    if (tenon__kir_status(l->program) != TENON_STATUS_OK) return;
    if (tenon__kir_type_of(l->program, value).dtype != tenon__kir_compute_dtype(dtype))
        value = tenon__kir_cast(l->program, dtype, value, 0);
    tenon__kir_store(l->program, l->operand[k], index, rank, value);
}

tenon__kir_id tenon__lower_op(tenon__lowering *l, tenon_op op, tenon__kir_id a, tenon__kir_id b) {
    return tenon__kir_op(l->program, op, a, b, 0);
}

/* Lowest and highest integer of a dtype. */
static int64_t integer_end(uint32_t dtype, bool highest) {
    uint32_t bits = tenon_dtype_bits(dtype);
    if (tenon_dtype_class(dtype) == TENON_CLASS_UINT) return highest ? (int64_t)(UINT64_MAX >> (64 - bits)) : 0;
    int64_t high = (int64_t)(UINT64_MAX >> (65 - bits));
    return highest ? high : -high - 1;
}

tenon__kir_id tenon__lower_identity(tenon__lowering *l, tenon_op op, uint32_t dtype) {
    bool sum = op == TENON_OP_ADD || op == TENON_OP_MUL, highest = op == TENON_OP_MIN;
    if (tenon_dtype_class(dtype) == TENON_CLASS_FLOAT)
        return tenon__kir_float(l->program, dtype, sum ? op == TENON_OP_MUL : highest ? INFINITY : -INFINITY);
    if (tenon_dtype_class(dtype) == TENON_CLASS_BOOL) return tenon__kir_int(l->program, dtype, highest);
    return tenon__kir_int(l->program, dtype, sum ? op == TENON_OP_MUL : integer_end(dtype, highest));
}

tenon_op tenon__lower_combiner(uint32_t combine) {
    static const tenon_op ops[] = {
        [TENON_COMBINE_ADD] = TENON_OP_ADD,
        [TENON_COMBINE_MUL] = TENON_OP_MUL,
        [TENON_COMBINE_MIN] = TENON_OP_MIN,
        [TENON_COMBINE_MAX] = TENON_OP_MAX,
    };
    return combine < sizeof ops / sizeof *ops ? ops[combine] : TENON_OP_NONE;
}

uint32_t tenon__lower_key_dtype(tenon_dtype dtype) {
    if (tenon_dtype_class(dtype) != TENON_CLASS_FLOAT) return dtype;
    uint32_t bits = tenon_dtype_bits(dtype);
    return bits == 16 ? TENON_DTYPE_I16 : bits == 32 ? TENON_DTYPE_I32 : TENON_DTYPE_I64;
}

/* Sign and magnitude to two's complement: below 0 the magnitude's bits are turned over. */
tenon__kir_id tenon__lower_key(tenon__lowering *l, tenon_dtype dtype, tenon__kir_id bits) {
    static const struct {
        tenon_dtype dtype;
        int64_t infinity;
    } floats[] = {{TENON_DTYPE_F64, 0x7ff0000000000000},
                  {TENON_DTYPE_F32, 0x7f800000},
                  {TENON_DTYPE_F16, 0x7c00},
                  {TENON_DTYPE_BF16, 0x7f80}};
    if (tenon_dtype_class(dtype) != TENON_CLASS_FLOAT) return bits;
    uint32_t row = 0, key = tenon__lower_key_dtype(dtype);
    while (floats[row].dtype != dtype && row + 1 < sizeof floats / sizeof *floats) row++;
    tenon__kir_program *p = l->program;
    tenon__kir_id top = tenon__kir_int(p, key, integer_end(key, true));
    tenon__kir_id value = tenon__kir_bitcast(p, key, bits);
    tenon__kir_id sign = tenon__lower_op(l, TENON_OP_SHR, value, tenon__kir_int(p, key, tenon_dtype_bits(dtype) - 1));
    tenon__kir_id magnitude = tenon__lower_op(l, TENON_OP_AND, value, top);
    tenon__kir_id nan = tenon__lower_op(l, TENON_OP_LT, tenon__kir_int(p, key, floats[row].infinity), magnitude);
    tenon__kir_id order = tenon__lower_op(l, TENON_OP_XOR, value, tenon__lower_op(l, TENON_OP_AND, sign, top));
    return tenon__kir_op(p, TENON_OP_WHERE, nan, top, order);
}

/* -- The whole ----------------------------------------------------------------------------------------------------------- */

static void declare(tenon__lowering *l) {
    for (uint32_t group = 0; group < TENON_PATTERN_GROUPS; group++)
        l->first[group + 1] = l->first[group] + l->pattern->ranks[group];
    l->axis_count = l->first[TENON_PATTERN_GROUPS];
    if (l->axis_count > TENON_PATTERN_AXES) {
        l->reason = "too many axes";
        return;
    }
    declare_axes(l);
    for (uint32_t k = 0; k < l->pattern->operand_count && !l->reason; k++) declare_operand(l, k);
    declare_scalars(l);
}

static tenon_status failed(const tenon__lowering *l, tenon_status status, const char *reason) {
    if (status == TENON_STATUS_OUT_OF_MEMORY) return tenon__fail_memory();
    return tenon__fail(status, "%s of %s: %s", l->row->name, tenon_dtype_name(l->pattern->dtypes[0]), reason);
}

tenon_status tenon__lower(const tenon_pattern *pattern, tenon__kir_program **out_program) {
    const tenon_op_row *row = tenon_op_row_of(pattern->op);
    tenon__lowering l = {.pattern = pattern, .row = row};
    tenon__kir_error error = {""};
    *out_program = NULL;
    if (!row || row->family >= sizeof families / sizeof *families || !families[row->family])
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "operator %u has no kernel", pattern->op);
    if (pattern->operand_count != row->input_count + row->output_count ||
        pattern->operand_count > TENON_PATTERN_OPERANDS)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "%s with %u operands", row->name, pattern->operand_count);
    tenon_status status = tenon__kir_create(row->name, &l.program);
    if (status != TENON_STATUS_OK) return tenon__fail_memory();
    declare(&l);
    if (!l.reason) families[row->family](&l);
    status = l.reason ? TENON_STATUS_UNSUPPORTED : tenon__kir_finish(l.program, &error);
    if (status == TENON_STATUS_OK) {
        *out_program = l.program;
        return TENON_STATUS_OK;
    }
    tenon__kir_destroy(l.program);
    return failed(&l, status, l.reason ? l.reason : error.text);
}

/* "f32[2, 3] f32[3]" */
static void spell_operands(tenon__text *text, const tenon_strided *operands, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        tenon__text_format(text, "%s%s[", k ? " " : "", tenon_dtype_name(operands[k].dtype));
        for (uint32_t i = 0; i < operands[k].rank && i < TENON_MAX_RANK; i++)
            tenon__text_format(text, "%s%" PRId64, i ? ", " : "", operands[k].dims[i]);
        tenon__text_add(text, "]");
    }
}

tenon_status tenon__canonicalize(tenon_op op, const tenon_attr *attrs, uint32_t attr_count,
                                 const tenon_strided *operands, uint32_t operand_count,
                                 tenon_canonical *out_canonical) {
    tenon_status status = tenon_canonicalize(op, attrs, attr_count, operands, operand_count, out_canonical);
    const tenon_op_row *row = tenon_op_row_of(op);
    tenon__text text = {0};
    if (status == TENON_STATUS_OK) return status;
    spell_operands(&text, operands, operand_count);
    tenon__fail(status, "%s of %s: %s", row ? row->name : "unknown operator", tenon__text_string(&text),
                status == TENON_STATUS_UNSUPPORTED
                    ? "no kernel for this dtype, rank or attribute: decompose or convert first"
                    : "dims, dtypes and attributes do not go together; the operator table has the rule");
    tenon__text_free(&text);
    return status;
}

const char *tenon__expansion_of(tenon_op op, tenon_dtype dtype) {
    static const struct {
        tenon_op op;
        tenon_dtype dtype;
        const char *text;
    } rows[] = {
#define TENON_EXPANSION(NAME, DTYPE, text) {TENON_OP_##NAME, TENON_DTYPE_##DTYPE, text},
#include <tenon/expansions.def>
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == op && rows[i].dtype == dtype) return rows[i].text;
    return NULL;
}
