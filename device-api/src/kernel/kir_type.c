/* Dtypes, operators and the typing rule of every node: the builder infers with it, the verifier compares. */
#include <stdarg.h>
#include <stdio.h>

#include "kernel/kir_internal.h"

typedef struct dtype_row {
    const char *name;
    uint8_t bits, class_, compute;
} dtype_row;

#define ROW(id, NAME, name, bits, class_, compute) [id] = {name, bits, TENON_CLASS_##class_, TENON_DTYPE_##compute},
static const dtype_row dtypes[] = {TENON_DTYPE_TABLE(ROW)[TENON__KIR_INDEX] = {"index", 64, TENON_CLASS_SINT, 0}};
#undef ROW

static const dtype_row *dtype_at(uint32_t dtype) {
    static const dtype_row none = {0};
    return dtype < sizeof dtypes / sizeof *dtypes ? &dtypes[dtype] : &none;
}

const char *tenon__kir_dtype_name(uint32_t dtype) {
    return dtype_at(dtype)->name;
}

uint32_t tenon__kir_compute_dtype(uint32_t dtype) {
    return dtype == TENON__KIR_INDEX ? dtype : dtype_at(dtype)->compute;
}

uint32_t tenon__kir_class(uint32_t dtype) {
    return dtype_at(dtype)->class_;
}

uint32_t tenon__kir_bits(uint32_t dtype) {
    return dtype_at(dtype)->bits;
}

bool tenon__kir_storable(uint32_t dtype) {
    return dtype >= TENON_DTYPE_F64 && dtype <= TENON_DTYPE_U4;
}

uint64_t tenon__kir_wrap(uint32_t dtype, uint64_t value) {
    const dtype_row *row = dtype_at(dtype);
    if (row->class_ == TENON_CLASS_BOOL) return value != 0;
    if (row->bits == 64) return value;
    uint64_t sign = UINT64_C(1) << (row->bits - 1), low = value & (2 * sign - 1);
    return row->class_ == TENON_CLASS_SINT ? (low ^ sign) - sign : low;
}

/* Operators. */

typedef struct op_row {
    const char *name;
    uint8_t family, arity;
    char dtypes;
} op_row;

static const op_row ops[TENON_OP_LIMIT] = {
#define TENON_OP(id, NAME, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars, meaning)   \
    [id] = {name, TENON_FAMILY_##family, n_in, #dtypes[0]},
#include <tenon/ops.def>
};

static const op_row *map_op(uint32_t op) {
    static const op_row none = {0};
    return op < TENON_OP_LIMIT && ops[op].family == TENON_FAMILY_MAP ? &ops[op] : &none;
}

const char *tenon__kir_op_name(uint32_t op) {
    return map_op(op)->name;
}

uint32_t tenon__kir_op_arity(uint32_t op) {
    return map_op(op)->arity;
}

const char *tenon__kir_combine_name(uint32_t combine) {
    static const char *const names[] = {[TENON_COMBINE_ADD] = "add",
                                        [TENON_COMBINE_MUL] = "mul",
                                        [TENON_COMBINE_MIN] = "min",
                                        [TENON_COMBINE_MAX] = "max"};
    return combine < sizeof names / sizeof *names ? names[combine] : NULL;
}

/* The letters of the operator table's column `dtypes`. */
static bool takes(const op_row *row, uint32_t dtype) {
    uint32_t class_ = tenon__kir_class(dtype);
    bool integer = class_ == TENON_CLASS_SINT || class_ == TENON_CLASS_UINT, real = class_ == TENON_CLASS_FLOAT;
    switch (row->dtypes) {
    case 'F': return real;
    case 'I': return integer;
    case 'N': return real || integer;
    case 'B': return class_ == TENON_CLASS_BOOL;
    case 'L': return integer || class_ == TENON_CLASS_BOOL;
    default: return class_ != TENON_CLASS_NONE;
    }
}

static bool index_op(uint32_t op) {
    switch (op) {
    case TENON_OP_NEG:
    case TENON_OP_ABS:
    case TENON_OP_ADD:
    case TENON_OP_SUB:
    case TENON_OP_MUL:
    case TENON_OP_DIV:
    case TENON_OP_REM:
    case TENON_OP_MAX:
    case TENON_OP_MIN:
    case TENON_OP_LT:
    case TENON_OP_EQ:
    case TENON_OP_WHERE: return true;
    default: return false;
    }
}

/* Types. */

tenon_status tenon__kir_invalid(tenon__kir_error *error, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    return TENON_STATUS_INVALID;
}

tenon__kir_type tenon__kir_scalar_type(uint32_t dtype) {
    return (tenon__kir_type){.dtype = (uint16_t)dtype};
}

bool tenon__kir_type_equal(const tenon__kir_type *a, const tenon__kir_type *b) {
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->extents[i] != b->extents[i]) return false;
    return true;
}

const char *tenon__kir_type_text(const tenon__kir_type *type, char buffer[64]) {
    const char *name = tenon__kir_dtype_name(type->dtype);
    int used = snprintf(buffer, 64, "%s", name ? name : "nothing");
    for (uint32_t i = 0; i < type->rank && used < 60; i++)
        used += snprintf(buffer + used, 64 - (size_t)used, "%s%u", i ? ", " : "[", type->extents[i]);
    if (type->rank && used < 63) snprintf(buffer + used, 64 - (size_t)used, "]");
    return buffer;
}

const char *tenon__kir_describe(const tenon__kir_program *program, tenon__kir_id id, char buffer[96]) {
    const tenon__kir_node *node = &program->nodes[id];
    bool access = node->kind == TENON__KIR_LOAD || node->kind == TENON__KIR_STORE;
    if (access && node->ref < program->operand_count)
        snprintf(buffer, 96, "%s '%s'", node->kind == TENON__KIR_LOAD ? "load of" : "store to",
                 program->operands[node->ref].name);
    else if (node->name)
        snprintf(buffer, 96, "'%s'", node->name);
    else if (node->kind == TENON__KIR_OP && tenon__kir_op_name(node->op))
        snprintf(buffer, 96, "%s (value %u)", tenon__kir_op_name(node->op), id);
    else
        snprintf(buffer, 96, "%s %u", node->kind == TENON__KIR_LOOP ? "loop" : "value", id);
    return buffer;
}

/* The rules. */

struct rule {
    const tenon__kir_program *program;
    const tenon__kir_node *node;
    tenon__kir_error *error;
};

static const tenon__kir_type *arg_type(const struct rule *rule, uint32_t i) {
    return &rule->program->nodes[tenon__kir_arg(rule->program, rule->node, i)].type;
}

/* Argument `i`, called `what`, is a scalar of `dtype` (0: any). */
static tenon_status want(const struct rule *rule, uint32_t i, uint32_t dtype, const char *what) {
    const tenon__kir_type *type = arg_type(rule, i);
    char text[64];
    if (type->dtype == 0) return tenon__kir_invalid(rule->error, "%s is a statement, not a value", what);
    if (type->rank != 0)
        return tenon__kir_invalid(rule->error, "%s is a whole tile (%s): name an element", what,
                                  tenon__kir_type_text(type, text));
    if (dtype != 0 && type->dtype != dtype)
        return tenon__kir_invalid(rule->error, "%s is %s, not %s: cast it", what, tenon__kir_type_text(type, text),
                                  tenon__kir_dtype_name(dtype));
    return TENON_STATUS_OK;
}

static tenon_status want_count(const struct rule *rule, uint32_t count, const char *what) {
    if (rule->node->arg_count == count) return TENON_STATUS_OK;
    return tenon__kir_invalid(rule->error, "%s takes %u operands, has %u", what, count, rule->node->arg_count);
}

static tenon_status want_divisor(const struct rule *rule) {
    int64_t low, high;
    tenon__kir_range(rule->program, tenon__kir_arg(rule->program, rule->node, 1), &low, &high);
    if (low >= 1) return TENON_STATUS_OK;
    return tenon__kir_invalid(rule->error,
                              "divisor of an index must be provably positive, this one may be %lld: "
                              "raise the symbol's minimum to 1 or take max(.., 1)",
                              (long long)low);
}

static tenon_status infer_op(const struct rule *rule, tenon__kir_type *out_type) {
    const op_row *row = map_op(rule->node->op);
    if (!row->name) return tenon__kir_invalid(rule->error, "operator %u is none of family MAP", rule->node->op);
    TENON_TRY(want_count(rule, row->arity, row->name));
    uint32_t first = 0;
    if (rule->node->op == TENON_OP_WHERE) {
        TENON_TRY(want(rule, 0, TENON_DTYPE_BOOL, "the condition of where"));
        first = 1;
    }
    for (uint32_t i = first; i < row->arity; i++) {
        char what[48];
        snprintf(what, sizeof what, "operand %u of %s", i + 1, row->name);
        TENON_TRY(want(rule, i, i == first ? 0 : arg_type(rule, first)->dtype, what));
    }
    uint32_t dtype = arg_type(rule, first)->dtype;
    if (dtype == TENON__KIR_INDEX ? !index_op(rule->node->op) : !takes(row, dtype))
        return tenon__kir_invalid(rule->error, "%s does not take %s", row->name, tenon__kir_dtype_name(dtype));
    if (dtype == TENON__KIR_INDEX && (rule->node->op == TENON_OP_DIV || rule->node->op == TENON_OP_REM))
        TENON_TRY(want_divisor(rule));
    bool compares = rule->node->op == TENON_OP_LT || rule->node->op == TENON_OP_EQ;
    *out_type = tenon__kir_scalar_type(compares ? TENON_DTYPE_BOOL : dtype);
    return TENON_STATUS_OK;
}

static tenon_status infer_cast(const struct rule *rule, tenon__kir_type *out_type) {
    uint32_t to = rule->node->to;
    TENON_TRY(want_count(rule, 1, "cast"));
    TENON_TRY(want(rule, 0, 0, "the value of a cast"));
    if (to != TENON__KIR_INDEX && !tenon__kir_storable(to))
        return tenon__kir_invalid(rule->error, "cast to %s: no dtype that is offered",
                                  tenon__kir_dtype_name(to) ? tenon__kir_dtype_name(to) : "nothing");
    uint32_t from_class = tenon__kir_class(arg_type(rule, 0)->dtype), class_ = tenon__kir_class(to);
    bool to_integer = class_ == TENON_CLASS_SINT || class_ == TENON_CLASS_UINT;
    if ((rule->node->flags & TENON__KIR_WRAP) && (from_class != TENON_CLASS_FLOAT || !to_integer))
        return tenon__kir_invalid(rule->error, "wrap is for casts from float to integer: leave it out");
    *out_type = tenon__kir_scalar_type(tenon__kir_compute_dtype(to));
    return TENON_STATUS_OK;
}

static tenon_status infer_bitcast(const struct rule *rule, tenon__kir_type *out_type) {
    uint32_t to = rule->node->to;
    TENON_TRY(want_count(rule, 1, "bitcast"));
    TENON_TRY(want(rule, 0, 0, "the value of a bitcast"));
    uint32_t from = arg_type(rule, 0)->dtype;
    bool plain = tenon__kir_storable(to) && tenon__kir_compute_dtype(to) == to && to != TENON_DTYPE_BOOL;
    if (!plain || from == TENON__KIR_INDEX || from == TENON_DTYPE_BOOL || tenon__kir_bits(to) != tenon__kir_bits(from))
        return tenon__kir_invalid(rule->error, "bitcast from %s to %s: only between compute dtypes of one width",
                                  tenon__kir_dtype_name(from),
                                  tenon__kir_dtype_name(to) ? tenon__kir_dtype_name(to) : "nothing");
    *out_type = tenon__kir_scalar_type(to);
    return TENON_STATUS_OK;
}

/* `rank` index arguments from argument `first` on. */
static tenon_status want_indices(const struct rule *rule, uint32_t first, uint32_t rank) {
    for (uint32_t i = 0; i < rank; i++) {
        char what[32];
        snprintf(what, sizeof what, "index %u", i + 1);
        TENON_TRY(want(rule, first + i, TENON__KIR_INDEX, what));
    }
    return TENON_STATUS_OK;
}

/* The operand of a load or store, or NULL. */
static const tenon__kir_operand *operand_of(const struct rule *rule) {
    if (rule->node->ref < rule->program->operand_count) return &rule->program->operands[rule->node->ref];
    tenon__kir_invalid(rule->error, "operand %u does not exist", rule->node->ref);
    return NULL;
}

/* Indices and condition of a load or store; `extra` other arguments. */
static tenon_status want_access(const struct rule *rule, uint32_t extra, const tenon__kir_operand *operand) {
    const tenon__kir_node *node = rule->node;
    uint32_t guard = node->flags & TENON__KIR_GUARDED ? 1 : 0;
    if (node->arg_count != operand->rank + extra + guard)
        return tenon__kir_invalid(rule->error, "'%s' has %u dims, the access has %lld indices", operand->name,
                                  operand->rank, (long long)node->arg_count - extra - guard);
    return want_indices(rule, 0, operand->rank);
}

static tenon_status infer_load(const struct rule *rule, tenon__kir_type *out_type) {
    const tenon__kir_operand *operand = operand_of(rule);
    bool guarded = rule->node->flags & TENON__KIR_GUARDED;
    if (!operand) return TENON_STATUS_INVALID;
    TENON_TRY(want_access(rule, guarded ? 1 : 0, operand));
    uint32_t dtype = tenon__kir_compute_dtype(operand->dtype);
    if (guarded) {
        TENON_TRY(want(rule, operand->rank, TENON_DTYPE_BOOL, "the guard of a load"));
        TENON_TRY(want(rule, operand->rank + 1, dtype, "the else value of a load"));
    }
    *out_type = tenon__kir_scalar_type(dtype);
    return TENON_STATUS_OK;
}

static bool combines(uint32_t combine, uint32_t dtype) {
    if (combine == TENON_COMBINE_SET) return true;
    if (!tenon__kir_combine_name(combine) || tenon__kir_bits(dtype) < 8) return false;
    return dtype != TENON_DTYPE_BOOL || combine == TENON_COMBINE_MIN || combine == TENON_COMBINE_MAX;
}

static tenon_status infer_store(const struct rule *rule, tenon__kir_type *out_type) {
    const tenon__kir_operand *operand = operand_of(rule);
    const tenon__kir_node *node = rule->node;
    if (!operand) return TENON_STATUS_INVALID;
    TENON_TRY(want_access(rule, 1, operand));
    if (operand->role == TENON__KIR_IN)
        return tenon__kir_invalid(rule->error, "store to '%s', which is an input: declare it inout", operand->name);
    TENON_TRY(want(rule, operand->rank, tenon__kir_compute_dtype(operand->dtype), "the value of a store"));
    if (node->flags & TENON__KIR_GUARDED)
        TENON_TRY(want(rule, operand->rank + 1, TENON_DTYPE_BOOL, "the guard of a store"));
    if (!combines(node->op, operand->dtype))
        return tenon__kir_invalid(rule->error, "combiner %u does not take %s", node->op,
                                  tenon__kir_dtype_name(operand->dtype));
    if (node->op == TENON_COMBINE_SET && (node->flags & TENON__KIR_ANY_ORDER))
        return tenon__kir_invalid(rule->error, "a plain store cannot be `any`: its result would depend on the order");
    *out_type = tenon__kir_scalar_type(0);
    return TENON_STATUS_OK;
}

static tenon_status infer_elem(const struct rule *rule, tenon__kir_type *out_type) {
    if (rule->node->arg_count == 0) return tenon__kir_invalid(rule->error, "an element of no tile");
    const tenon__kir_type *tile = arg_type(rule, 0);
    if (tile->rank == 0) return tenon__kir_invalid(rule->error, "an element of a scalar: it has no indices");
    if (rule->node->arg_count != tile->rank + 1u)
        return tenon__kir_invalid(rule->error, "a tile of rank %u takes %u indices, has %u", tile->rank, tile->rank,
                                  rule->node->arg_count - 1);
    TENON_TRY(want_indices(rule, 1, tile->rank));
    for (uint32_t i = 0; i < tile->rank; i++) {
        int64_t low, high;
        tenon__kir_range(rule->program, tenon__kir_arg(rule->program, rule->node, i + 1), &low, &high);
        if (low < 0 || high >= tile->extents[i])
            return tenon__kir_invalid(rule->error,
                                      "index %u of a tile may leave [0, %u): bound it by a loop, min or %%", i + 1,
                                      tile->extents[i]);
    }
    *out_type = tenon__kir_scalar_type(tile->dtype);
    return TENON_STATUS_OK;
}

static tenon_status check_const(const struct rule *rule) {
    const tenon__kir_type *type = &rule->node->type;
    bool compute = type->dtype == TENON__KIR_INDEX ||
                   (tenon__kir_storable(type->dtype) && tenon__kir_compute_dtype(type->dtype) == type->dtype);
    if (!compute || type->rank != 0)
        return tenon__kir_invalid(rule->error, "a constant needs a compute dtype or index");
    uint64_t bits = rule->node->bits;
    bool fits = tenon__kir_class(type->dtype) == TENON_CLASS_FLOAT
                    ? tenon__kir_bits(type->dtype) == 64 || bits <= UINT32_MAX
                    : tenon__kir_wrap(type->dtype, bits) == bits;
    return fits ? TENON_STATUS_OK : tenon__kir_invalid(rule->error, "the bits of a constant do not fit its dtype");
}

tenon_status tenon__kir_infer(const tenon__kir_program *program, const tenon__kir_node *node, tenon__kir_type *out_type,
                              tenon__kir_error *error) {
    struct rule rule = {program, node, error};
    *out_type = node->type;
    switch (node->kind) {
    case TENON__KIR_CONST: return check_const(&rule);
    case TENON__KIR_OP: return infer_op(&rule, out_type);
    case TENON__KIR_CAST: return infer_cast(&rule, out_type);
    case TENON__KIR_BITCAST: return infer_bitcast(&rule, out_type);
    case TENON__KIR_LOAD: return infer_load(&rule, out_type);
    case TENON__KIR_STORE: return infer_store(&rule, out_type);
    case TENON__KIR_ELEM: return infer_elem(&rule, out_type);
    default: return TENON_STATUS_OK;
    }
}
