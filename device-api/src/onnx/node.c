#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/fields.h"
#include "onnx/importer.h"
#include "onnx/tensor.h"

int tenon__onnx_wants(const tenon__onnx_node *node, uint32_t index) {
    return index < node->proto->n_output && node->proto->output[index][0];
}

tenonh_value *tenon__onnx_fail(const tenon__onnx_node *node, tenon_status status, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return tenon__build_fail(node->b, status, "%s", text);
}

/* -- Inputs ------------------------------------------------------------------------------------------------------- */

const tenonh_dim *const *tenon__onnx_dims(const tenon__onnx_node *node, uint32_t index, uint32_t *out_count) {
    tenonh_value *value = tenon__onnx_input(node, index);
    const tenonh_dim *const *content = value ? tenon__content(node->b, value, out_count) : NULL;
    if (content) return content;
    *out_count = 0;
    tenon__onnx_fail(node, TENON_STATUS_UNSUPPORTED, "input %u must be known before the model runs", index);
    return NULL;
}

const int64_t *tenon__onnx_numbers(const tenon__onnx_node *node, uint32_t index, uint32_t *out_count) {
    const tenonh_dim *const *content = tenon__onnx_dims(node, index, out_count);
    if (!content) return NULL;
    int64_t *numbers = tenon__arena_array(&node->import->arena, *out_count, sizeof *numbers);
    if (!numbers) {
        tenon__onnx_fail(node, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
        return NULL;
    }
    for (uint32_t i = 0; i < *out_count; i++)
        if (!tenonh_dim_is_number(content[i], &numbers[i])) {
            tenon__onnx_fail(node, TENON_STATUS_UNSUPPORTED, "input %u must be numbers, not dims of the model's inputs",
                             index);
            return NULL;
        }
    return numbers;
}

/* Element `index` of a float or integer constant. */
static double real_at(const tenonh_value *value, uint32_t index) {
    const char *at = (const char *)value->constant->data + (size_t)index * (tenon_dtype_bits(value->dtype) / 8);
    union {
        double f64;
        float f32;
        uint16_t f16;
    } number;
    memcpy(&number, at, tenon_dtype_bits(value->dtype) / 8);
    if (value->dtype == TENON_DTYPE_F64) return number.f64;
    if (value->dtype == TENON_DTYPE_F32) return number.f32;
    uint32_t wide = (uint32_t)number.f16 << 16; /* bf16 */
    memcpy(&number.f32, &wide, sizeof wide);
    return number.f32;
}

const double *tenon__onnx_reals(const tenon__onnx_node *node, uint32_t index, uint32_t *out_count) {
    tenonh_value *value = tenon__onnx_input(node, index);
    *out_count = 0;
    if (value && value->dtype == TENON_DTYPE_F16) value = tenon__cast(node->b, value, TENON_DTYPE_F32);
    if (!value || value->kind != TENON__VALUE_CONSTANT || tenon_dtype_class(value->dtype) != TENON_CLASS_FLOAT) {
        tenon__onnx_fail(node, TENON_STATUS_UNSUPPORTED, "input %u must be a constant of floats", index);
        return NULL;
    }
    uint32_t count = (uint32_t)(value->constant->size / (tenon_dtype_bits(value->dtype) / 8));
    double *reals = tenon__arena_array(&node->import->arena, count, sizeof *reals);
    if (!reals) {
        tenon__onnx_fail(node, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) reals[i] = real_at(value, i);
    *out_count = count;
    return reals;
}

/* -- Attributes --------------------------------------------------------------------------------------------------- */

static const Onnx__AttributeProto *own_attr(const Onnx__NodeProto *proto, const char *name) {
    for (size_t i = 0; i < proto->n_attribute; i++)
        if (proto->attribute[i]->name && strcmp(proto->attribute[i]->name, name) == 0) return proto->attribute[i];
    return NULL;
}

/* A function's default for an attribute. What had to be decoded is kept until the import ends. */
static const Onnx__AttributeProto *default_attr(const tenon__onnx_node *node, const char *name) {
    Onnx__AttributeProto *owned;
    const Onnx__AttributeProto *found =
        tenon__field_attribute(&node->frame->function->base, TENON__TAG_FUNCTION_DEFAULTS, name, &owned);
    if (!owned) return found;
    tenon__import *import = node->import;
    Onnx__AttributeProto **list = realloc(import->decoded, (import->decoded_count + 1) * sizeof *list);
    if (!list) {
        onnx__attribute_proto__free_unpacked(owned, NULL);
        tenon__onnx_fail(node, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
        return NULL;
    }
    import->decoded = list;
    list[import->decoded_count++] = owned;
    return owned;
}

const Onnx__AttributeProto *tenon__onnx_attr(const tenon__onnx_node *node, const char *name) {
    const Onnx__AttributeProto *attr = own_attr(node->proto, name);
    if (!attr || !attr->ref_attr_name || !attr->ref_attr_name[0]) return attr;
    if (!node->frame->call) {
        tenon__onnx_fail(node, TENON_STATUS_BAD_DATA, "attribute '%s' refers to a function's, but the node is in none",
                         name);
        return NULL;
    }
    const Onnx__AttributeProto *given = tenon__onnx_attr(node->frame->call, attr->ref_attr_name);
    return given ? given : default_attr(node, attr->ref_attr_name);
}

/* The attribute if it is of that type, or of the untyped kind of old models. */
static const Onnx__AttributeProto *typed_attr(const tenon__onnx_node *node, const char *name, int type,
                                              const char *kind) {
    const Onnx__AttributeProto *attr = tenon__onnx_attr(node, name);
    if (!attr || !attr->has_type || (int)attr->type == type || attr->type == 0) return attr;
    tenon__onnx_fail(node, TENON_STATUS_BAD_DATA, "attribute '%s' is not %s", name, kind);
    return NULL;
}

int64_t tenon__onnx_int(const tenon__onnx_node *node, const char *name, int64_t otherwise) {
    const Onnx__AttributeProto *attr = typed_attr(node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, "an integer");
    return !attr ? otherwise : attr->has_i ? attr->i : 0;
}

double tenon__onnx_float(const tenon__onnx_node *node, const char *name, double otherwise) {
    const Onnx__AttributeProto *attr = typed_attr(node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, "a float");
    return !attr ? otherwise : attr->has_f ? (double)attr->f : 0;
}

const char *tenon__onnx_string(const tenon__onnx_node *node, const char *name, const char *otherwise) {
    const Onnx__AttributeProto *attr =
        typed_attr(node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, "a string");
    if (!attr) return otherwise;
    const char *text = tenon__arena_string_n(&node->import->arena, (const char *)attr->s.data, attr->s.len);
    if (!text) tenon__onnx_fail(node, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
    return text ? text : otherwise;
}

const int64_t *tenon__onnx_ints(const tenon__onnx_node *node, const char *name, uint32_t *out_count) {
    const Onnx__AttributeProto *attr =
        typed_attr(node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, "a list of integers");
    static const int64_t none[1];
    *out_count = attr ? (uint32_t)attr->n_ints : 0;
    return !attr ? NULL : attr->ints ? attr->ints : none;
}

const float *tenon__onnx_floats(const tenon__onnx_node *node, const char *name, uint32_t *out_count) {
    const Onnx__AttributeProto *attr =
        typed_attr(node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, "a list of floats");
    static const float none[1];
    *out_count = attr ? (uint32_t)attr->n_floats : 0;
    return !attr ? NULL : attr->floats ? attr->floats : none;
}

tenonh_value *tenon__onnx_tensor_attr(const tenon__onnx_node *node, const char *name) {
    const Onnx__AttributeProto *attr =
        typed_attr(node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR, "a tensor");
    if (!attr) return NULL;
    /* A function's body is read each time that it is inlined, a loop's until its carried dims are found. */
    int is_once = !node->frame->call && !node->frame->graph;
    if (attr->t) return tenon__onnx_constant(node->import, name, attr->t, is_once);
    return tenon__onnx_fail(node, TENON_STATUS_BAD_DATA, "attribute '%s' holds no tensor", name);
}

/* -- Things that many lowerings do -------------------------------------------------------------------------------- */

static void release_mapping(void *mapping) {
    tenon__mapping_release(mapping);
}

tenonh_value *tenon__onnx_constant(tenon__import *import, const char *name, Onnx__TensorProto *proto, int may_move) {
    char what[256];
    tenon__onnx_tensor tensor;
    snprintf(what, sizeof what, "tensor '%s'", name);
    tenon_status status = tenon__onnx_tensor_read(proto, may_move, import->folder, what, &tensor);
    if (status != TENON_STATUS_OK) return tenon__build_fail(import->b, status, "%s", tenonh_error_message());
    tenonh_bytes bytes = {.data = tensor.data, .size = tensor.size};
    bytes.release = tensor.owned ? free : release_mapping;
    bytes.context = tensor.owned ? tensor.owned : (void *)tensor.mapping;
    return tenonh_build_constant(import->b, name, tensor.dtype, tensor.rank, tensor.dims, &bytes);
}

uint32_t tenon__onnx_axis(const tenon__onnx_node *node, int64_t axis, uint32_t rank) {
    int64_t wrapped = axis < 0 ? axis + rank : axis;
    if (wrapped >= 0 && wrapped < rank) return (uint32_t)wrapped;
    tenon__onnx_fail(node, TENON_STATUS_INVALID, "axis %lld lies outside a rank of %u", (long long)axis, rank);
    return 0;
}

static int order_axes(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

const int64_t *tenon__onnx_axes(const tenon__onnx_node *node, const int64_t *axes, uint32_t count, uint32_t rank) {
    int64_t *sorted = tenon__arena_array(&node->import->arena, (size_t)count + 1, sizeof *sorted);
    if (!sorted) {
        tenon__onnx_fail(node, TENON_STATUS_OUT_OF_MEMORY, "host memory is used up");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) sorted[i] = tenon__onnx_axis(node, axes[i], rank);
    qsort(sorted, count, sizeof *sorted, order_axes);
    for (uint32_t i = 1; i < count; i++)
        if (sorted[i] == sorted[i - 1]) {
            tenon__onnx_fail(node, TENON_STATUS_INVALID, "axis %lld is given twice", (long long)sorted[i]);
            return NULL;
        }
    return tenonh_builder_status(node->b) == TENON_STATUS_OK ? sorted : NULL;
}

void tenon__onnx_broadcast(const tenon__onnx_node *node, tenonh_value **x, tenonh_value **y) {
    tenonh_value *left = *x, *right = *y;
    *x = tenon__broadcast(node->b, left, &right, 1);
    *y = tenon__broadcast(node->b, right, &left, 1);
}

tenonh_value *tenon__onnx_binary(const tenon__onnx_node *node, tenon_op op, tenonh_value *x, tenonh_value *y) {
    if (!x || !y) return NULL;
    tenon__onnx_broadcast(node, &x, &y);
    return tenon__binary(node->b, op, x, y);
}

tenonh_value *tenon__onnx_choose(const tenon__onnx_node *node, tenonh_value *condition, tenonh_value *x,
                                 tenonh_value *y) {
    if (!condition || !x || !y) return NULL;
    tenonh_value *c = tenon__broadcast(node->b, condition, (tenonh_value *[]){x, y}, 2);
    tenonh_value *left = tenon__broadcast(node->b, x, (tenonh_value *[]){condition, y}, 2);
    return tenon__where(node->b, c, left, tenon__broadcast(node->b, y, (tenonh_value *[]){condition, x}, 2));
}

int tenon__onnx_named(const tenon__onnx_node *node, const char *attribute, const char *otherwise,
                      const char *const *names) {
    const char *name = tenon__onnx_string(node, attribute, otherwise);
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0) return i;
    tenon__onnx_fail(node, TENON_STATUS_UNSUPPORTED, "%s '%s' is not known", attribute, name);
    return -1;
}

tenonh_value *tenon__onnx_scalar(const tenon__onnx_node *node, tenonh_value *x) {
    return !x || x->rank == 0 ? x : tenon__reshape(node->b, x, 0, NULL);
}
