/* A device in host memory whose tables stand in the test itself, and which can be bent to break one rule at a time. */
#ifndef TENON_TESTS_DOUBLE_H
#define TENON_TESTS_DOUBLE_H

#include <tenon/plugin.h>

#include "loader/hooks.h"

/* What is wrong with the device. */
enum {
    BEND_NOTHING,
    BEND_OPEN_NULL,        /* device.open: OK without a device */
    BEND_SAME_DEVICE,      /* device.open: the same object twice */
    BEND_INFO_CHANGES,     /* device.info: another name each time */
    BEND_TWIN_UUID,        /* device.info: one UUID for all */
    BEND_HEALTH_READY,     /* device.health: NOT_READY */
    BEND_TYPES_CHANGE,     /* memory.type_info: another size each time */
    BEND_ODD_ALIGNMENT,    /* memory.type_info: alignment 48 */
    BEND_ALLOCATE_NULL,    /* memory.allocate: OK without memory */
    BEND_ALLOCATE_FAILS,   /* memory.allocate: fails, with a handle */
    BEND_ALLOCATE_MUTE,    /* memory.allocate: fails, without words */
    BEND_ALLOCATE_SAME,    /* memory.allocate: the same handle twice */
    BEND_MAP_NULL,         /* memory.map: OK without an address */
    BEND_ADDRESS_MOVES,    /* memory.address: another one each time */
    BEND_STREAM_NULL,      /* stream.create: OK without a stream */
    BEND_UNKNOWN_STATUS,   /* stream.synchronize: 99 */
    BEND_SYNC_NOT_READY,   /* stream.synchronize: NOT_READY */
    BEND_FORGETS_FAILURE,  /* stream.synchronize: fails, then OK */
    BEND_OTHER_FAILURE,    /* stream.synchronize: fails otherwise each time */
    BEND_TAKES_AFTER_FAIL, /* a failed stream takes a write */
    BEND_EVENT_FORGETS,    /* event.query: OK for a failed stream */
    BEND_ELAPSED_WRAPS,    /* event.elapsed: less than nothing */
    BEND_PREPARE_NULL,     /* work.prepare: OK without an exec */
    BEND_PREPARE_WIDENS,   /* work.prepare: a range wider than was asked */
    BEND_PREPARE_MOVES,    /* work.prepare: out_info's arrays replaced */
    BEND_LOST_AND_FOUND,   /* DEVICE_LOST once, then all is well */
    BEND_REPORTS_OK,       /* reports a success */
    BEND_REPORTS_NULL,     /* reports no words */
    BEND_REPORTS_STRANGER, /* reports on a stream that it does not have */
    BEND_RELEASES_TWICE,   /* host memory, when a stream is made */
    BEND_KEEPS_MEMORY,     /* host memory, after close */
    BEND_TAKES_ALIEN,      /* work.prepare: takes what it does not know */
    BEND_RUNS_ALIEN,       /* work.launch: likewise */
    BEND_WRITES_PAST,      /* device.info: fills more than it knows */
    BEND_COUNT
};

/* Set before a device is used; `failing` fails stream.synchronize and query from then on. */
extern uint32_t double_bend;
extern _Atomic uint32_t double_failing;

/* While it is 1 stream.synchronize does not return; it sets it to 2 once it is inside. */
extern _Atomic uint32_t double_blocked;

/* Objects of the device that are there: 0 when all were given back. */
extern _Atomic int64_t double_objects;

/* Host memory that BEND_KEEPS_MEMORY kept, for the test to free. */
extern void *double_kept;

/* A callback that memory.type_count makes when it is set, as a log line would. */
extern void (*double_calls_back)(void);

/* The device's tables, all groups whole. */
tenon__hooks double_hooks(void);

#endif
