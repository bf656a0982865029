#include <string.h>

#include <tenon/helpers.h>

static const tenon_op_row ops[TENON_OP_LIMIT] = {
#define ROW(id, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars, meaning, optional)    \
    [id] = {id,                                                                                                        \
            TENON_FAMILY_##family,                                                                                     \
            n_in,                                                                                                      \
            n_out,                                                                                                     \
            TENON_TAKES_##dtypes,                                                                                      \
            TENON_RESULT_##result,                                                                                     \
            scalars,                                                                                                   \
            optional,                                                                                                  \
            name,                                                                                                      \
            iterators,                                                                                                 \
            maps,                                                                                                      \
            attributes,                                                                                                \
            meaning},
#define TENON_OP(id, NAME, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars, meaning)   \
    ROW(id, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars, meaning, 0)
#define TENON_OP_OPTIONAL(id, NAME, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars,   \
                          meaning)                                                                                     \
    ROW(id, name, family, n_in, n_out, dtypes, result, iterators, maps, attributes, scalars, meaning, 1)
#include <tenon/ops.def>
#undef TENON_OP_OPTIONAL
#undef ROW
};

static const tenon_attr_row attr_rows[TENON_ATTR_LIMIT] = {
#define TYPE_INT                                            0, 0
#define TYPE_INTS                                           1, 0
#define TYPE_FLOAT                                          0, 1
#define TENON_ATTR(id, NAME, name, type, default_, meaning) [id] = {id, TYPE_##type, 0, default_, name, meaning},
#include <tenon/attrs.def>
};

const tenon_op_row *tenon_op_row_of(tenon_op op) {
    return op < TENON_OP_LIMIT && ops[op].op != TENON_OP_NONE ? &ops[op] : NULL;
}

tenon_op tenon_op_by_name(const char *name) {
    for (tenon_op op = 1; op < TENON_OP_LIMIT; op++)
        if (ops[op].name && strcmp(ops[op].name, name) == 0) return op;
    return TENON_OP_NONE;
}

int tenon_op_takes(const tenon_op_row *row, tenon_dtype dtype) {
    static const uint32_t bit_of_class[] = {
        [TENON_CLASS_NONE] = 0,
        [TENON_CLASS_FLOAT] = TENON_TAKES_F,
        [TENON_CLASS_SINT] = TENON_TAKES_I,
        [TENON_CLASS_UINT] = TENON_TAKES_I,
        [TENON_CLASS_BOOL] = TENON_TAKES_B,
    };
    return tenon_dtype_is_base(dtype) && (row->takes & bit_of_class[tenon_dtype_class(dtype)]) != 0;
}

const tenon_attr_row *tenon_attr_row_of(uint32_t id) {
    return id < TENON_ATTR_LIMIT && attr_rows[id].name ? &attr_rows[id] : NULL;
}

uint32_t tenon_attr_by_name(const char *name) {
    for (uint32_t id = 1; id < TENON_ATTR_LIMIT; id++)
        if (attr_rows[id].name && strcmp(attr_rows[id].name, name) == 0) return id;
    return 0;
}

int tenon_op_has_attr(const tenon_op_row *row, uint32_t id) {
    const tenon_attr_row *attr = tenon_attr_row_of(id);
    if (!attr) return 0;
    size_t length = strlen(attr->name);
    for (const char *at = row->attributes; (at = strstr(at, attr->name)) != NULL; at += length) {
        int starts = at == row->attributes || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == '\0')) return 1;
    }
    return 0;
}

const tenon_attr *tenon_attr_find(const tenon_attr *attrs, uint32_t count, uint32_t id) {
    for (uint32_t i = 0; i < count; i++)
        if (attrs[i].id == id) return &attrs[i];
    return NULL;
}

int64_t tenon_attr_int(const tenon_attr *attrs, uint32_t count, uint32_t id, int64_t otherwise) {
    const tenon_attr *attr = tenon_attr_find(attrs, count, id);
    return attr && attr->count == 1 ? attr->values[0] : otherwise;
}
