/* What the cases of the profile runtime share: the objects that a row holds, bytes to compare, and work that keeps a
 * stream busy for a while, so that what must wait for it is seen not to.
 *
 * Calls may be given NULL for an object that could not be made: they fail, and the row has failed by then. */
#ifndef TENON_CASES_RUNTIME_H
#define TENON_CASES_RUNTIME_H

#include "cases/launch.h"
#include "device/objects.h"

/* -- Verdicts ----------------------------------------------------------------------------------------------------- */

/* True when `status` is OK; else fails the row, with the thread's error message. `what` says which call it was. */
bool cf_good(tenon_status status, const char *what);

/* True when `status` is `want`; else fails the row. */
bool cf_answers(tenon_status status, tenon_status want, const char *what);

/* Compares bytes and fails the row at the first that differs. */
bool cf_same(const void *got, const void *want, uint64_t size, const char *what);

/* -- What a row holds --------------------------------------------------------------------------------------------- */

enum { CF_HELD_MOST = 48 };

/* Zero-initialised is empty. Thread: each thread has its own. */
typedef struct cf_held {
    tenonh_stream *streams[CF_HELD_MOST];
    tenonh_event *events[CF_HELD_MOST];
    tenonh_memory *memories[CF_HELD_MOST];
    cf_launch *launches[CF_HELD_MOST];
    void *blocks[CF_HELD_MOST];
    uint32_t stream_count, event_count, memory_count, launch_count, block_count;
} cf_held;

/* Gives back the stream of the operator cases, which may take the only place that the device has. */
void cf_make_place(void);

/* Make one each, kept until cf_let_go. NULL after the row was failed. */
tenonh_stream *cf_stream(cf_held *held);
tenonh_event *cf_event(cf_held *held);
tenonh_memory *cf_memory(cf_held *held, uint32_t type, uint64_t size);
void *cf_block(cf_held *held, uint64_t size); /* host memory, zeroed */
cf_launch *cf_map(cf_held *held, tenon_op op, tenon_dtype dtype, int64_t count);

/* A stream beside `first`: a new one, one of those that are held where the device has no more, or `first` again on a device
 * that has but one. */
tenonh_stream *cf_other_stream(cf_held *held, tenonh_stream *first);

/* Waits for every stream, then gives everything back. */
void cf_let_go(cf_held *held);

/* False after the row was told that it needs `count` streams at once and the device declares fewer. */
bool cf_has_streams(uint32_t count);

/* False after the row was told that it needs `bytes` of a memory type that declares fewer (size; without one, budget). */
bool cf_has_memory(uint32_t type, uint64_t bytes);

/* -- Bytes -------------------------------------------------------------------------------------------------------- */

/* Bytes that depend on the place and on `seed`; no byte is 0xa5. */
void cf_pattern(void *bytes, uint64_t size, uint64_t seed);

/* Writes and waits; reads and waits. */
bool cf_put(tenonh_stream *stream, tenonh_memory *memory, uint64_t offset, const void *bytes, uint64_t size);
bool cf_get(tenonh_stream *stream, tenonh_memory *memory, uint64_t offset, void *bytes, uint64_t size);

/* -- Work that takes a while -------------------------------------------------------------------------------------- */

enum { CF_BY_COPIES, CF_BY_LAUNCHES, CF_BY_COUNT };

/* Commands that keep a stream of the device busy for about as long as was asked for, measured when it is made. Those of
 * launches form a chain: each adds one to all elements. */
typedef struct cf_busy {
    uint32_t kind;
    uint32_t count;       /* of commands, even */
    uint64_t nanoseconds; /* that they may take, as measured */
    tenonh_memory *memory;
    cf_launch *add;
} cf_busy;

enum { CF_BUSY_ELEMENTS = 1 << 19, CF_BUSY_MILLISECONDS = 25 };

bool cf_busy_make(cf_held *held, tenonh_stream *stream, uint32_t kind, uint32_t milliseconds, cf_busy *out_busy);
bool cf_busy_enqueue(const cf_busy *busy, tenonh_stream *stream);

/* Whether a call waited for the work that was enqueued before it. UNTOLD: it came back soon, but the work was over too. */
enum cf_promptness { CF_UNTOLD, CF_PROMPT, CF_LATE };

/* Of a call that took `nanoseconds`, with the work still pending afterwards or not. */
enum cf_promptness cf_promptness_of(const cf_busy *busy, uint64_t nanoseconds, bool pending);

/* Tries until a call was prompt; fails the row when there were late ones and none that was. To be late once is the
 * machine's doing, and a device that works while it is called leaves nothing to tell by. */
void cf_expect_prompt(enum cf_promptness (*once)(void *context), void *context, const char *what);

/* -- Others ------------------------------------------------------------------------------------------------------- */

/* The same plugin opened again by another registry, in layers; its log goes to `log`, which may be NULL. Between begin and
 * end it is the device under test. */
typedef struct cf_second {
    cf_device before;
    uint32_t heard;  /* lines of level error */
    char first[512]; /* of them */
} cf_second;

bool cf_second_begin(cf_second *second, const char *layers);
void cf_second_end(cf_second *second);

/* What a process holds. */
typedef struct cf_holdings {
    uint64_t heap;       /* bytes of malloc in use */
    uint64_t host_bytes; /* held by the plugin, of the host's */
    uint64_t resident;   /* bytes of memory in use */
    uint32_t files, threads;
} cf_holdings;
cf_holdings cf_look(void);

#endif
