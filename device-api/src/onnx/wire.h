/* A look at protobuf's wire form before protobuf-c decodes it: protobuf-c has no bound on nesting, and when it refuses
 * a message it does not say where. */
#ifndef TENON__ONNX_WIRE_H
#define TENON__ONNX_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include <tenon/status.h>

/* Largest message that is read: protobuf's own bound. Larger models keep their weights as external data. */
#define TENON__WIRE_LIMIT 0x7fffffffu

/* Decodes a message of `type`. `name` stands in messages.
 * Owner: *out_message is the caller's: protobuf_c_message_free_unpacked(message, NULL).
 * Errors: BAD_DATA naming the field and the byte, OUT_OF_MEMORY. */
tenon_status tenon__wire_decode(const ProtobufCMessageDescriptor *type, const char *name, const uint8_t *bytes,
                                size_t size, ProtobufCMessage **out_message);

#endif
