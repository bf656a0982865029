#include "onnx/wire.h"

#include "support/error.h"
#include "support/text.h"

enum {
    MOST_DEPTH = 100,        /* protobuf's own default */
    MOST_MESSAGES = 4000000, /* an empty message takes 2 bytes here and some 100 once decoded */
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_PREFIXED = 2,
    WIRE_32 = 5
};

/* A message being looked at, and the field in it that is being looked at. */
typedef struct frame {
    const struct frame *parent;
    const ProtobufCMessageDescriptor *type;
    const ProtobufCFieldDescriptor *field;
    uint32_t index; /* of the field's present occurrence among those in a row */
    uint32_t depth;
} frame;

typedef struct scan {
    const char *name;
    const uint8_t *start;
    uint64_t messages;
} scan;

typedef struct span {
    const uint8_t *at;
    const uint8_t *end;
} span;

static void put_path(tenon__text *path, const frame *f) {
    if (!f) return;
    put_path(path, f->parent);
    if (!f->field) return;
    tenon__text_format(path, "%s%s", path->length ? "." : "", f->field->name);
    if (f->field->label == PROTOBUF_C_LABEL_REPEATED) tenon__text_format(path, "[%u]", f->index);
}

static tenon_status malformed(const scan *s, const frame *f, const uint8_t *at, const char *what) {
    tenon__text path = {0};
    const frame *whole = f;
    while (whole->parent) whole = whole->parent;
    put_path(&path, f);
    tenon_status status = tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a valid ONNX %s: %s, at byte %zu%s%s",
                                      s->name, whole->type->short_name, what, (size_t)(at - s->start),
                                      path.length ? " in " : "", tenon__text_string(&path));
    tenon__text_free(&path);
    return status;
}

/* 0 when the bytes end first or there are more than ten. */
static int take_varint(span *in, uint64_t *out_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out_value = value;
            return 1;
        }
    }
    return 0;
}

static unsigned wire_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return WIRE_PREFIXED;
    default: return WIRE_VARINT;
    }
}

static tenon_status check_packed(const scan *s, const frame *f, span in, unsigned wire) {
    size_t size = (size_t)(in.end - in.at), item = wire == WIRE_32 ? 4 : 8;
    if (wire != WIRE_VARINT)
        return size % item == 0 ? TENON_STATUS_OK : malformed(s, f, in.at, "a packed list ends inside an element");
    for (uint64_t value; in.at < in.end;)
        if (!take_varint(&in, &value)) return malformed(s, f, in.at, "a packed list ends inside an element");
    return TENON_STATUS_OK;
}

static tenon_status check_message(scan *s, frame *f, span in);

static tenon_status check_prefixed(scan *s, frame *f, span value) {
    const ProtobufCFieldDescriptor *field = f->field;
    if (!field) return TENON_STATUS_OK;
    unsigned wire = wire_of(field->type);
    if (wire != WIRE_PREFIXED && field->label == PROTOBUF_C_LABEL_REPEATED) return check_packed(s, f, value, wire);
    if (wire != WIRE_PREFIXED) return malformed(s, f, value.at, "a field has another type than the format says");
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) return TENON_STATUS_OK;
    if (f->depth == MOST_DEPTH) return malformed(s, f, value.at, "messages are nested too deep");
    if (++s->messages > MOST_MESSAGES) return malformed(s, f, value.at, "there are too many messages");
    frame inner = {.parent = f, .type = field->descriptor, .depth = f->depth + 1};
    return check_message(s, &inner, value);
}

static void enter_field(frame *f, uint64_t number) {
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(f->type, (unsigned)number);
    f->index = field && field == f->field ? f->index + 1 : 0;
    f->field = field;
}

static tenon_status check_value(scan *s, frame *f, span *in, unsigned wire) {
    uint64_t length = wire == WIRE_64 ? 8 : 4;
    if (wire == WIRE_VARINT ? !take_varint(in, &length) : wire == WIRE_PREFIXED && !take_varint(in, &length))
        return malformed(s, f, in->at, "a number has no end");
    if (wire != WIRE_VARINT) {
        if (length > (uint64_t)(in->end - in->at)) return malformed(s, f, in->at, "it ends inside a field");
        span value = {in->at, in->at + length};
        in->at = value.end;
        if (wire == WIRE_PREFIXED) return check_prefixed(s, f, value);
    }
    if (f->field && wire_of(f->field->type) != wire)
        return malformed(s, f, in->at, "a field has another type than the format says");
    return TENON_STATUS_OK;
}

static tenon_status check_message(scan *s, frame *f, span in) {
    while (in.at < in.end) {
        const uint8_t *start = in.at;
        uint64_t tag;
        if (!take_varint(&in, &tag)) return malformed(s, f, start, "a number has no end");
        unsigned wire = tag & 7;
        if (tag >> 3 == 0 || tag > UINT32_MAX) return malformed(s, f, start, "a field's number is out of range");
        if (wire != WIRE_VARINT && wire != WIRE_64 && wire != WIRE_PREFIXED && wire != WIRE_32)
            return malformed(s, f, start, "a field's wire type is unknown");
        enter_field(f, tag >> 3);
        TENON_TRY(check_value(s, f, &in, wire));
    }
    return TENON_STATUS_OK;
}

tenon_status tenon__wire_decode(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *bytes,
                                size_t size, ProtobufCMessage **out_message) {
    if (size > TENON__WIRE_LIMIT)
        return tenon__fail(TENON_STATUS_BAD_DATA,
                           "'%s' is too large for a protobuf message (2 GiB); keep weights as "
                           "external data",
                           name);
    scan s = {.name = name, .start = bytes};
    frame top = {.type = type};
    TENON_TRY(check_message(&s, &top, (span){bytes, bytes + size}));
    *out_message = protobuf_c_message_unpack(type, NULL, size, bytes);
    if (*out_message) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a valid %s, or host memory is used up", name,
                       type->short_name);
}
