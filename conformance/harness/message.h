/* Messages between the harness and its workers: JSON objects in frames on a pipe. A frame carries its length and a
 * checksum, so that what anybody else writes into the pipe is told from a message. */
#ifndef TENON_HARNESS_MESSAGE_H
#define TENON_HARNESS_MESSAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* File descriptors of a worker; 1 and 2 are a pipe that the harness listens to. */
enum { CFH_COMMANDS = 100, CFH_REPORTS = 101 };

/* Exit statuses of a worker; else it ends with 0 after "close". */
enum {
    CFH_EXIT_USAGE = 120,
    CFH_EXIT_PIPE = 121, /* its pipe is closed, or another file: somebody closed what is not theirs */
    CFH_EXIT_UNFIT = 122 /* after its last message, since its heap is damaged or its pipe closed */
};

/* One message as bytes of a frame, and frees it. NULL: there is no memory, or it is too long. Owner: the caller (free). */
unsigned char *cfh_message_frame(cJSON *message, size_t *out_size);

/* Sends one message and frees it; blocks while the pipe is full. False: it could not be sent whole. */
bool cfh_message_send(int file, cJSON *message);

/* What has come in over a pipe and is not taken yet. Zero-initialised is empty. */
typedef struct cfh_inbox {
    unsigned char *bytes;
    size_t length, room;
    bool ended;   /* the other side has closed */
    bool garbled; /* something that is no frame came in */
} cfh_inbox;

/* Reads once; on a non-blocking file that has nothing, changes nothing. */
void cfh_inbox_fill(cfh_inbox *inbox, int file);
/* The next message, NULL when there is no whole one. Owner: the caller. */
cJSON *cfh_inbox_take(cfh_inbox *inbox);
void cfh_inbox_free(cfh_inbox *inbox);

/* -- Members of messages -- */

/* "" and `otherwise` when there is no such member, or of another type. Owner: the message. */
const char *cfh_text_of(const cJSON *message, const char *key);
double cfh_number_of(const cJSON *message, const char *key, double otherwise);
static inline bool cfh_is(const cJSON *message, const char *key) {
    return cJSON_HasObjectItem(message, key);
}

#endif
