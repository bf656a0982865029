/* What one layer is made of: a class of few functions over a uniform record of each call.
 *
 * wrap*.c turns every hook into the same steps: resolve the handles, fill a call, ask the class's `before`, call the hook
 * inside, ask its `after`, wrap what was made. A class thus never sees a hook's signature, and a new hook of the ABI
 * needs one row in hooks.def and one function in wrap*.c, without which this does not compile. */
#ifndef TENON__LAYERS_LAYER_H
#define TENON__LAYERS_LAYER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "layers/layers.h"

typedef struct tenon__layer tenon__layer;
typedef struct tenon__object tenon__object;
typedef struct tenon__call tenon__call;

/* TENON__HOOK_memory_allocate and so on. */
#define TENON_HOOK_GROUP(group, type, need, oldest)
#define TENON_HOOK(group, type, member, need, set) TENON__HOOK_##group##_##member,
enum {
#include <tenon/hooks.def>
    TENON__HOOK_COUNT
};

/* "memory.allocate", and the word for a kind, "memory". */
const char *tenon__hook_name(uint32_t hook);
const char *tenon__object_kind_name(uint32_t kind);

/* -- Objects ------------------------------------------------------------------------------------------------------ */

enum {
    TENON__KIND_INSTANCE,
    TENON__KIND_DEVICE,
    TENON__KIND_MEMORY,
    TENON__KIND_STREAM,
    TENON__KIND_EVENT,
    TENON__KIND_EXEC,
    TENON__KIND_COUNT
};

enum { TENON__EXEC_NAME = 64 };

/* What stands behind a handle that a layer gave out. Objects are never freed, only used again: a stale handle is found
 * out by its generation without touching memory that is gone. */
struct tenon__object {
    _Atomic uint32_t generation; /* odd while it is live */
    uint32_t index;
    uint32_t kind;
    tenon__layer *layer;
    tenon__object *device;  /* that it belongs to; a device's is itself, an instance's NULL */
    void *inner;            /* the handle inside */
    _Atomic uint32_t holds; /* itself while it is live, and what belongs to it: a device outlives its children */
    uint64_t serial;        /* of its kind in its layer, from 1 */
    void *state;            /* the class's own, object_size bytes */
    _Atomic uint32_t dying; /* its destroying hook runs: the inner handle may come back for another */
    tenon__object *next;    /* live ones of the layer's kind; free ones */
    tenon__object *previous;
    uint64_t size;               /* memory: bytes */
    uint32_t number;             /* device: index; memory: type */
    uint32_t flags;              /* memory: those it was imported with */
    uint32_t imported;           /* memory: its bytes are the host's */
    char name[TENON__EXEC_NAME]; /* exec: the operator, composite or entry */
};

enum { TENON__HANDLE_OK, TENON__HANDLE_NULL, TENON__HANDLE_UNKNOWN, TENON__HANDLE_KIND, TENON__HANDLE_RELEASED };

/* The live object behind a handle of `kind`; else NULL and why, in *out_fault. Any bits are safe. */
tenon__object *tenon__object_find(const void *handle, uint32_t kind, uint32_t *out_fault);

/* The object that a stale handle, or one of another kind, once meant; NULL if none. For messages. */
tenon__object *tenon__object_last(const void *handle);

/* Makes an object for `inner` with a zeroed state, or NULL; and gives one up. */
tenon__object *tenon__object_create(tenon__layer *layer, uint32_t kind, tenon__object *device, void *inner);
void tenon__object_destroy(tenon__object *object);
void *tenon__object_handle(const tenon__object *object);

/* The live object of a kind whose inner handle this is; NULL if there is none. For reports, not for hot paths. */
tenon__object *tenon__object_of_inner(tenon__layer *layer, uint32_t kind, const void *inner);

/* -- Calls -------------------------------------------------------------------------------------------------------- */

/* One call of a hook. Members that the hook has no use for are zero. The layer's `before` may change what is passed on;
 * `handles` in buffers and launches are those of the plugin already. */
struct tenon__call {
    tenon__layer *layer;
    tenon__call *outer; /* that this thread is inside of, of any layer */
    uint32_t hook;
    uint32_t answered; /* set by `before`: status is the answer, the hook is not called */
    tenon_status status;
    uint32_t reports; /* that the plugin made on this thread during the call */
    tenon__object *device;
    tenon__object *stream;
    tenon__object *memory; /* destination of a copy */
    tenon__object *source; /* memory of a copy */
    tenon__object *event;  /* start */
    tenon__object *end;    /* event */
    tenon__object *exec;
    tenon__object *made; /* `after`: by a creating hook */
    uint32_t index;      /* device, memory type, operand */
    uint32_t pattern_size;
    uint32_t flags; /* of an import */
    uint64_t offset;
    uint64_t source_offset;
    uint64_t size;
    uint64_t pattern;
    const void *host_memory; /* of write and read; the mapping of map */
    const tenon_work *work;
    const tenon_launch *launch;
    tenon__object *const *operands; /* memories of launch->buffers */
    tenon__object *workspace;
    tenon_exec_info *exec_info;
    tenon_device_info *device_info;
    tenon_memory_type *memory_type;
    const tenon_dialect *dialect;
    const void *out;    /* where the caller wants the answer */
    const void *answer; /* `after`: the inner handle that a creating hook answered, also when it failed */
    uint64_t number;    /* `after`: count, address, nanoseconds */
    uint64_t scratch;   /* the class's own, from `before` to `after` */
    void *blocks[4];    /* likewise */
};

/* The innermost call of this thread that belongs to `layer`, NULL outside of any. */
tenon__call *tenon__call_current(const tenon__layer *layer);

/* Answers a call in the layer's name: words to the host, and the status. `format` follows printf. */
__attribute__((format(printf, 3, 4))) void tenon__call_answer(tenon__call *call, tenon_status status,
                                                              const char *format, ...);

/* -- Classes ------------------------------------------------------------------------------------------------------ */

enum { TENON__OPTION_NUMBER, TENON__OPTION_TEXT, TENON__OPTION_STATUS };

typedef struct tenon__layer_option {
    const char *name;
    uint32_t type; /* TENON__OPTION_* */
    int64_t least; /* NUMBER */
    int64_t most;
    int64_t otherwise;
    const char *meaning;
} tenon__layer_option;

typedef struct tenon__layer_value {
    const char *text; /* as given; NULL: not given */
    int64_t number;   /* NUMBER, STATUS */
} tenon__layer_value;

typedef struct tenon__layer_class {
    const char *name;
    const char *meaning;
    const tenon__layer_option *options;
    uint32_t option_count;
    uint32_t object_size; /* bytes of an object's state */

    /* What all plugins of a registry share. Optional, together. */
    tenon_status (*create)(const tenon__layer_value *values, void **out_shared);
    void (*destroy)(void *shared);

    /* Begin and end of a layer around one plugin; open may change `host` and `inner`. Optional. */
    tenon_status (*open)(tenon__layer *layer);
    void (*close)(tenon__layer *layer);

    /* The last of a layer: its objects are gone. Optional; also after an open that failed. */
    void (*end)(tenon__layer *layer);

    /* Around every call. A void hook has status OK and cannot be failed, only withheld. */
    void (*before)(tenon__call *call);
    void (*after)(tenon__call *call);

    /* An object's state goes. Optional. */
    void (*forget)(tenon__object *object);

    /* A handle is no good: the call is refused by wrap.c, and this is told first. Optional. */
    void (*bad_handle)(tenon__layer *layer, const char *text);

    /* What the plugin did through its host table; false: not to be passed on. Optional. */
    bool (*reported)(tenon__layer *layer, uint32_t known_objects, tenon_status status, const char *text);
    void (*allocated)(tenon__layer *layer, const void *pointer, uint64_t size);
    bool (*released)(tenon__layer *layer, const void *pointer);
} tenon__layer_class;

extern const tenon__layer_class tenon__layer_fault, tenon__layer_skew, tenon__layer_trace, tenon__layer_validate;

/* A copy of a work that a class gives the plugin instead, while it is being prepared. */
typedef struct tenon__work_copy {
    const tenon_work *copy;
    const tenon_work *work;
    struct tenon__work_copy *next;
} tenon__work_copy;

/* A class around one open plugin. */
struct tenon__layer {
    tenon_host host; /* for what is inside; context is the layer */
    const tenon__layer_class *class;
    const tenon__layer_value *values; /* of the class's options */
    tenon__layers *layers;            /* held */
    void *shared;
    void *state;
    const tenon_host *outer;
    const tenon_host *presented; /* to what is inside: `host` unless the class has another */
    tenon__hooks inner;
    tenon_instance *instance; /* inside */
    char id[40];              /* of the plugin */
    uint32_t number;          /* the class's own */
    uint32_t closed;          /* the plugin is: no hook is to be called any more */
    tenon__layer *next;       /* live ones of the process */
    pthread_mutex_t mutex;    /* guards the lists of objects; no hook is called under it */
    tenon__object *objects[TENON__KIND_COUNT];
    uint64_t serials[TENON__KIND_COUNT];
    uint64_t live[TENON__KIND_COUNT];
    tenon__work_copy *copies;
};

/* The hooks of a layer: every hook that `inner` has, wrapped. */
void tenon__wrap(const tenon__hooks *inner, tenon__hooks *out_hooks);

/* -- Parts of wrap*.c ------------------------------------------------------------------------------------------------- */

extern const tenon_stream_hooks tenon__wrapped_stream;
extern const tenon_event_hooks tenon__wrapped_event;
extern const tenon_work_hooks tenon__wrapped_work;

/* The live object behind a handle that the host passes. Errors: INVALID, told to the layer and reported. */
tenon_status tenon__take(uint32_t hook, uint32_t kind, const void *handle, tenon__object **out_object);

/* Begins a call on an object's layer: afterwards, unless it is answered, the hook inside is to be called. */
void tenon__enter(tenon__call *call, const tenon__object *object);

/* Ends a call. Gives the status for the host. */
tenon_status tenon__leave(tenon__call *call);

/* Ends a call that creates: wraps `inner`, whose handle is for the host, or gives it back where the layer or host memory
 * does not allow it. A NULL object with OK is the plugin's answer. */
tenon_status tenon__leave_made(tenon__call *call, uint32_t kind, void *inner, tenon__object **out_object);

/* Ends a call that destroyed. */
void tenon__leave_gone(tenon__call *call, tenon__object *object);

static inline tenon_buffer tenon__inner_buffer(const tenon__object *memory, uint64_t offset) {
    return (tenon_buffer){memory->inner, offset};
}

/* Writes to the host's log, "layer: text". */
__attribute__((format(printf, 3, 4))) void tenon__layer_log(const tenon__layer *layer, uint32_t level,
                                                            const char *format, ...);

/* A live layer to speak through when a handle leads nowhere: that of `object`, else any; NULL if there is none. */
tenon__layer *tenon__layer_for(const tenon__object *object);

/* Visits the live layers of a class, for what is to be told when the process exits. */
void tenon__layers_visit(const tenon__layer_class *class, void (*function)(tenon__layer *layer));

/* A layer that was asked for. */
typedef struct tenon__layer_spec {
    const tenon__layer_class *class;
    tenon__layer_value *values; /* of the class's options */
    void *shared;
} tenon__layer_spec;

/* Makes a layer around `inner` that speaks to `outer`; gives it up, once its objects are gone or left behind. */
tenon_status tenon__layer_create(tenon__layers *layers, const tenon__layer_spec *spec, const tenon_host *outer,
                                 const tenon__hooks *inner, uint32_t version, tenon__layer **out_layer);
void tenon__layer_destroy(tenon__layer *layer);

/* From begin to end the plugin's `cancelled` is asked about the original of a copy. */
void tenon__layer_copy_begin(tenon__layer *layer, tenon__work_copy *copy);
void tenon__layer_copy_end(tenon__layer *layer, tenon__work_copy *copy);

/* Nanoseconds of a clock that never goes back. */
uint64_t tenon__layer_now(void);

#endif
