#include "harness/message.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct frame {
    uint32_t magic, size;
    uint64_t check;
} frame;

#define MAGIC 0x43464d31u
enum { MOST_BYTES = 256 << 20, STEP = 65536 };

static uint64_t check_of(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u ^ size;
    for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

static bool write_all(int file, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size) {
        ssize_t put = write(file, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

unsigned char *cfh_message_frame(cJSON *message, size_t *out_size) {
    char *text = cJSON_PrintUnformatted(message);
    cJSON_Delete(message);
    size_t size = text ? strlen(text) : 0;
    unsigned char *bytes = size && size < MOST_BYTES ? malloc(sizeof(frame) + size) : NULL;
    if (bytes) {
        frame head = {MAGIC, (uint32_t)size, check_of(text, size)};
        memcpy(bytes, &head, sizeof head);
        memcpy(bytes + sizeof head, text, size); /* NOLINT(bugprone-not-null-terminated-result) */
        *out_size = sizeof head + size;
    }
    cJSON_free(text);
    return bytes;
}

bool cfh_message_send(int file, cJSON *message) {
    size_t size = 0;
    unsigned char *bytes = cfh_message_frame(message, &size);
    bool sent = bytes && write_all(file, bytes, size);
    free(bytes);
    return sent;
}

void cfh_inbox_fill(cfh_inbox *inbox, int file) {
    if (inbox->room - inbox->length < STEP) {
        size_t room = inbox->room * 2 + STEP;
        unsigned char *bytes = realloc(inbox->bytes, room);
        if (!bytes) return;
        inbox->bytes = bytes;
        inbox->room = room;
    }
    ssize_t got = read(file, inbox->bytes + inbox->length, inbox->room - inbox->length);
    if (got > 0)
        inbox->length += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        inbox->ended = true;
}

cJSON *cfh_inbox_take(cfh_inbox *inbox) {
    frame head;
    if (inbox->garbled || inbox->length < sizeof head) return NULL;
    memcpy(&head, inbox->bytes, sizeof head);
    inbox->garbled = head.magic != MAGIC || head.size > MOST_BYTES;
    if (inbox->garbled || inbox->length < sizeof head + head.size) return NULL;
    const char *text = (const char *)inbox->bytes + sizeof head;
    cJSON *message = head.check == check_of(text, head.size) ? cJSON_ParseWithLength(text, head.size) : NULL;
    inbox->garbled = !message;
    inbox->length -= sizeof head + head.size;
    memmove(inbox->bytes, inbox->bytes + sizeof head + head.size, inbox->length);
    return message;
}

void cfh_inbox_free(cfh_inbox *inbox) {
    free(inbox->bytes);
    *inbox = (cfh_inbox){0};
}

const char *cfh_text_of(const cJSON *message, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, key));
    return text ? text : "";
}

double cfh_number_of(const cJSON *message, const char *key, double otherwise) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, key);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}
