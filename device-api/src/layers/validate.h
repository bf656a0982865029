/* What the layer `validate` keeps of each object, and how it tells what it finds. */
#ifndef TENON__LAYERS_VALIDATE_H
#define TENON__LAYERS_VALIDATE_H

#include <sys/types.h>

#include "layers/clock.h"
#include "layers/layer.h"
#include "layers/span.h"

enum { TENON__MADE_AT = 12, TENON__MOST_TYPES = 64 };

/* An operand of an exec, as it was prepared and answered. */
typedef struct tenon__checked_operand {
    uint32_t role;
    uint32_t skipped; /* in a layout of the device's own, or held by the exec: not to be judged */
    uint32_t dense;   /* row-major whatever its strides say */
    uint32_t whole;   /* row-major, and its strides say so: the device declares no other views */
    uint32_t alias;
    uint64_t alignment;
    uint64_t packed_size;
    tenon_view view;
} tenon__checked_operand;

/* Work that has touched memory and may not be over. */
typedef struct tenon__access {
    tenon__span span;
    uint64_t when; /* on its stream */
    uint32_t stream;
    uint16_t writes;
    uint16_t hook;
} tenon__access;

typedef struct tenon__checked {
    void *made_at[TENON__MADE_AT];
    int made_depth;

    /* device */
    _Atomic uint32_t lost;
    uint32_t type_count; /* 0: not asked yet */
    tenon_memory_type types[TENON__MOST_TYPES];
    tenon_device_info info; /* struct_size 0: not asked yet */
    const tenon_dialect *dialect;

    /* memory */
    uint32_t mapped;
    uint64_t map_offset;
    uint64_t map_size;
    uint64_t address; /* 0: not asked yet */
    tenon__access *accesses;
    uint32_t access_count;
    uint32_t access_capacity;

    /* stream */
    _Atomic uint32_t busy;
    uint32_t ordinal;
    uint32_t has_ordinal;
    _Atomic tenon_status failed; /* what it answered, or that it must answer */
    tenon__clock clock; /* what is ordered before its end; an event's: before its record; an exec's: launches */

    /* event */
    uint32_t recorded;

    /* exec */
    uint32_t operand_count;
    uint32_t symbol_count;
    uint32_t grid_count; /* of kernel work, else 0 */
    uint64_t workspace_size;
    uint64_t workspace_alignment;
    tenon_symbol *symbols;
    tenon__checked_operand *operands;
} tenon__checked;

/* Of a layer. */
typedef struct tenon__validator {
    uint64_t start;
    pid_t process; /* that made it: not a fork of it */
    _Atomic uint64_t findings;
    pthread_mutex_t mutex;  /* guards what follows, and the clocks and accesses of objects */
    tenon__clock issued;    /* calls on each stream */
    tenon__clock completed; /* of them, known to be over */
    uint32_t *free_ordinals;
    uint32_t free_count, ordinal_count;
    uint32_t blind;             /* host memory ran out: order is not judged any more */
    struct host_block **blocks; /* host memory that the plugin holds: a hash table of lists */
    uint64_t block_count, block_bytes;
} tenon__validator;

static inline tenon__checked *tenon__checked_of(const tenon__object *object) {
    return object->state;
}

/* A finding against the host, in `before`: the call is refused with INVALID unless findings are only logged. True if it is
 * refused. `rule` is "REQ-...". */
__attribute__((format(printf, 3, 4))) bool tenon__host_fault(tenon__call *call, const char *rule, const char *format,
                                                             ...);

/* A finding against the plugin, in `after`: an OK becomes INTERNAL unless findings are only logged. */
__attribute__((format(printf, 3, 4))) void tenon__plugin_fault(tenon__call *call, const char *rule, const char *format,
                                                               ...);

/* A finding outside of a call, or of one that cannot fail: logged. */
__attribute__((format(printf, 3, 4))) void tenon__finding(tenon__layer *layer, const char *rule, const char *format,
                                                          ...);

/* -- Parts ------------------------------------------------------------------------------------------------------------ */

/* validate_ask.c: what the host asks, held against the rules. */
void tenon__check_ask(tenon__call *call);

/* validate_launch.c: launches and packs; what an exec was prepared for. */
void tenon__check_launch(tenon__call *call);
void tenon__check_pack(tenon__call *call);
void tenon__keep_exec(const tenon__call *call, tenon__object *exec);

/* validate_answer.c: what the plugin answers. */
void tenon__check_answer(tenon__call *call);

/* validate_order.c: which work is ordered before which, and which is over. The first checks before a call that works on
 * memory, the second keeps it once it was taken; ranges are those of the call. */
typedef struct tenon__use {
    tenon__object *memory;
    tenon__span span;
    uint32_t operand; /* of a launch; TENON_NO_ALIAS: its workspace, or no launch */
    uint32_t writes;
} tenon__use;
enum { TENON__FEW_USES = 32 };
typedef struct tenon__uses {
    tenon__use *list; /* `few`, or on the heap */
    uint32_t count, room;
    uint32_t lost; /* host memory ran out: some are not there */
    tenon__use few[TENON__FEW_USES];
} tenon__uses;
void tenon__uses_of(const tenon__call *call, tenon__uses *out_uses);
void tenon__uses_free(tenon__uses *uses);
void tenon__check_order(tenon__call *call);
void tenon__keep_order(const tenon__call *call);
void tenon__check_release(tenon__call *call);
void tenon__order_begin(tenon__layer *layer, tenon__object *stream);
void tenon__order_end(tenon__object *object);

/* validate_leak.c: what was made and never given back, where it was made; host memory of the plugin. */
void tenon__remember_maker(tenon__object *object);
void tenon__list_leaks(tenon__layer *layer);
void tenon__block_add(tenon__layer *layer, const void *pointer, uint64_t size);
bool tenon__block_remove(tenon__layer *layer, const void *pointer);
void tenon__blocks_free(tenon__layer *layer);
void tenon__watch_leaks(void);

#endif
