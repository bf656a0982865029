#include "onnx/fields.h"

#include <string.h>

/* The bytes of a length-prefixed unknown field, after its prefix. */
static ProtobufCBinaryData payload(const ProtobufCMessageUnknownField *field) {
    size_t at = 0;
    while (at < field->len && field->data[at] >= 0x80) at++;
    at += at < field->len;
    return (ProtobufCBinaryData){.len = field->len - at, .data = field->data + at};
}

static const void *member(const ProtobufCMessage *message, unsigned offset) {
    return (const char *)message + offset;
}

const char *tenon__field_string(const ProtobufCMessage *message, unsigned tag, tenon__arena *arena) {
    const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field(message->descriptor, tag);
    if (known && known->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(char *const *)member(message, known->offset);
        return text ? text : "";
    }
    for (unsigned i = message->n_unknown_fields; i-- > 0;) {
        const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];
        if (field->tag != tag || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) continue;
        ProtobufCBinaryData bytes = payload(field);
        const char *text = tenon__arena_string_n(arena, (const char *)bytes.data, bytes.len);
        return text ? text : "";
    }
    return "";
}

static int is_called(const Onnx__AttributeProto *attribute, const char *name) {
    return attribute->name && strcmp(attribute->name, name) == 0;
}

const Onnx__AttributeProto *tenon__field_attribute(const ProtobufCMessage *message, unsigned tag, const char *name,
                                                   Onnx__AttributeProto **out_owned) {
    *out_owned = NULL;
    const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field(message->descriptor, tag);
    if (known && known->type == PROTOBUF_C_TYPE_MESSAGE && known->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count = *(const size_t *)member(message, known->quantifier_offset);
        Onnx__AttributeProto *const *list = *(Onnx__AttributeProto *const *const *)member(message, known->offset);
        for (size_t i = 0; i < count; i++)
            if (is_called(list[i], name)) return list[i];
    }
    for (unsigned i = 0; i < message->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];
        if (field->tag != tag || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) continue;
        ProtobufCBinaryData bytes = payload(field);
        Onnx__AttributeProto *attribute = onnx__attribute_proto__unpack(NULL, bytes.len, bytes.data);
        if (attribute && is_called(attribute, name)) return *out_owned = attribute;
        if (attribute) onnx__attribute_proto__free_unpacked(attribute, NULL);
    }
    return NULL;
}
