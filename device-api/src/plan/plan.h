/* Plans: a function with numbers for its dims as a list of prepared steps over laid-out storage.
 *
 * Places are devices: 0 is the session's, 1 its fallback. A value may have a ref at each of them. Storage is of four
 * kinds; that of an ARENA shares one allocation a place, laid out so that storages alive at the same step do not
 * overlap.
 *
 * Who runs a plan executes its commands in the order of the list, on the plan's streams. That order is valid on fewer
 * streams too, down to one a place: an event is recorded, on whichever stream, before the list waits for it. */
#ifndef TENON_PLAN_PLAN_H
#define TENON_PLAN_PLAN_H

#include <tenon/host/exec.h>
#include <tenon/host/session.h>

#include "graph/graph.h"
#include "plan/lower.h"
#include "plan/prepare.h"
#include "plan/ref.h"

enum { TENON__MAX_PLACES = 2, TENON__ARENA_ALIGNMENT = 64 };

enum { TENON__STORAGE_ARENA = 1, TENON__STORAGE_CONSTANT, TENON__STORAGE_INPUT, TENON__STORAGE_OUTPUT };

#define TENON__NEVER 0xffffffffu

typedef struct tenon__storage {
    uint32_t kind;
    uint32_t place;
    uint32_t index;            /* INPUT, OUTPUT: of the function */
    uint32_t first, last;      /* steps between which it is alive; first is TENON__NEVER if no step uses it */
    tenon__constant *constant; /* CONSTANT: held by the module */
    uint64_t size;             /* bytes */
    uint64_t alignment;        /* ARENA: bytes, a power of two, at least TENON__ARENA_ALIGNMENT */
    uint32_t root;             /* storage whose bytes these are: its own number, unless it shares another's */
    uint64_t within;           /* bytes of the root before these */
    uint64_t offset;           /* bytes from the start of the arena or of the OUTPUT's tensor that it lies in */
} tenon__storage;

/* A step: a launch, a move by way of the host, or a view, which does nothing but is accounted for. A move brings a
 * value to another place, or does a copy that the place's device does not take. */
typedef struct tenon__step {
    tenonh_placement placement;
    uint32_t place; /* MOVE: of the destination */
    const char *name;
    const char *location;
    uint32_t node_count; /* of the function that the step does the work of */
    uint64_t bytes;      /* read and written */
    tenon_op op;         /* of one base operator's work, else 0 */
    uint32_t ref_count;  /* of `refs`: inputs, then outputs, in the order of the launch's buffers */
    uint32_t input_count;
    bool keeps;    /* outputs are changed in place: what they do not write stays (operators with an in-out operand) */
    bool by_items; /* a printed kernel that reads an element of every input before it writes the output's */
    tenon__ref *refs;     /* MOVE: source, destination */
    uint32_t from_stream; /* MOVE: of the plan's, that the source is read on */
    uint32_t workspace;   /* storage, or TENON__NEVER */
    tenonh_exec *exec;    /* NULL for views and moves; kept by the cache of execs */
    tenon_launch launch;  /* but for buffers and workspace, which each context has its own of */
} tenon__step;

/* What whoever runs a plan does next. Views have no command.
 *   LAUNCH  the step's launch is enqueued on `stream`.
 *   MOVE    the step's source is read on its from_stream, then its destination written on `stream`; the host may wait
 *           for the first, and what comes later on either stream is ordered after its half.
 *   RECORD  `stream`'s present end becomes the event; every event is recorded once a run, before it is waited for.
 *   WAIT    what comes later on `stream` waits for the event; both are of one place. */
enum { TENON__COMMAND_LAUNCH = 1, TENON__COMMAND_MOVE, TENON__COMMAND_RECORD, TENON__COMMAND_WAIT };

typedef struct tenon__command {
    uint32_t kind;   /* TENON__COMMAND_* */
    uint32_t stream; /* number in the plan */
    uint32_t index;  /* of the step, or of the event */
} tenon__command;

typedef struct tenon__plan {
    tenonh_module *module; /* holds names and constants; NULL: those are the lowered module's */
    tenon__claims *claims; /* on the module; NULL without a claimer */
    tenon__arena arena;
    tenon__storage *storages;
    tenon__step *steps;
    uint32_t storage_count, step_count;
    tenon__command *commands;
    uint32_t *stream_places; /* of each stream; those of a place are numbered in a row */
    uint32_t command_count, stream_count, event_count;
    tenon__ref *inputs;  /* of the function: contiguous, in a storage INPUT */
    tenon__ref *outputs; /* contiguous, in a storage OUTPUT */
    uint32_t input_count, output_count;
    uint64_t arena_size[TENON__MAX_PLACES]; /* bytes */
    uint64_t live_bytes;       /* most bytes of ARENA storage alive at one step, workspaces too; not padded */
    uint64_t file_order_bytes; /* the same for the file's order of nodes */
    uint64_t own_order_bytes;  /* and for the best order that was found apart from it */
    uint32_t outside_nodes;    /* steps at place 1 and moves */
    struct tenon__shape_class *shape_class; /* holds what the plan shares with others of it; NULL: nothing (shape.h) */
    struct tenon__plan *spare;              /* the next of the class's returned plans */
} tenon__plan;

/* What plans of a session are made with. */
typedef struct tenon__plan_context {
    tenonh_device *devices[TENON__MAX_PLACES]; /* [1] may be NULL */
    tenon__execs *execs;
    uint32_t streams; /* of a place, at most; 0 is 1. Fewer where the device has fewer, 1 where it has no events */
    tenon__claimer *claimer; /* of devices[0]; NULL: it takes nothing whole */
    bool check;              /* plans are proved by tenon__plan_check before they are given away */
    bool quick;              /* only plans of shape classes that are there: NOT_READY for any other */
} tenon__plan_context;

/* Plans a function of a lowered module for concrete input dims. `known`: numbers of the module's symbols that are known
 * beforehand, by symbol number, TENON__UNBOUND for the rest; NULL: none.
 * Owner: the caller, tenon__plan_destroy, before the lowered module. Errors: as tenonh_session_run. */
tenon_status tenon__plan_create(const tenon__plan_context *context, const tenon__lowered *lowered, const char *name,
                                const int64_t *const *dims, uint32_t input_count, const int64_t *known,
                                tenon__plan **out_plan);
void tenon__plan_destroy(tenon__plan *plan); /* NULL is allowed */

#endif
