/* Fields of onnx.proto that are newer than the oldest one we build with: read by tag, whether protoc-c knew their names
 * or kept them as unknown. */
#ifndef TENON__ONNX_FIELDS_H
#define TENON__ONNX_FIELDS_H

#include <onnx.pb-c.h>
#include <tenon/status.h>

#include "support/arena.h"

enum {
    TENON__TAG_NODE_OVERLOAD = 8,      /* NodeProto.overload: which of several functions of one name */
    TENON__TAG_FUNCTION_OVERLOAD = 13, /* FunctionProto.overload */
    TENON__TAG_FUNCTION_DEFAULTS = 11  /* FunctionProto.attribute_proto: attributes with their defaults */
};

/* A string field; "" when it is absent or there is no memory. Owner: the message or the arena. */
const char *tenon__field_string(const ProtobufCMessage *message, unsigned tag, tenon__arena *arena);

/* The element of a repeated AttributeProto field that is called `name`; NULL when there is none. *out_owned, not NULL
 * when the message had to be decoded, is the caller's: onnx__attribute_proto__free_unpacked(it, NULL). */
const Onnx__AttributeProto *tenon__field_attribute(const ProtobufCMessage *message, unsigned tag, const char *name,
                                                   Onnx__AttributeProto **out_owned);

#endif
