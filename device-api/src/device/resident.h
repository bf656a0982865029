/* Memory that many users of a device share by what it holds: constants, and their packed forms.
 *
 * A resident is made once, by whoever asks for it first; who asks meanwhile waits for it. It goes with its last user.
 * Thread: everything here is thread-safe; makers of different residents run at once. */
#ifndef TENON__DEVICE_RESIDENT_H
#define TENON__DEVICE_RESIDENT_H

#include "device/objects.h"

/* What a resident is told by: the object whose bytes it holds, and the form that they have there (0: as they are). */
typedef struct tenon__resident_key {
    const void *identity;
    uint64_t form[3];
} tenon__resident_key;

typedef struct tenon__resident {
    struct tenon__resident *next;
    tenon__resident_key key;
    uint32_t users;
    uint32_t ready; /* 0: being made */
    /* Set by the maker: */
    tenonh_memory *memory;
    uint64_t start;              /* bytes before the content in `memory` */
    uint64_t size;               /* bytes of the content */
    uint32_t imported;           /* 1: host bytes used where they lie */
    void (*forget)(void *owner); /* called once the memory is released; NULL: nothing to do */
    void *owner;
} tenon__resident;

/* Fills the maker's part of a resident. On failure nothing is kept. */
typedef tenon_status (*tenon__resident_maker)(tenonh_device *device, tenon__resident *resident, void *context);

/* The resident of a key with a user more. Errors: what `make` answers; OUT_OF_MEMORY. */
tenon_status tenon__resident_acquire(tenonh_device *device, const tenon__resident_key *key, tenon__resident_maker make,
                                     void *context, tenon__resident **out_resident);

/* Takes a user away. The device must be kept open by the caller. */
void tenon__resident_release(tenonh_device *device, tenon__resident *resident);

/* For devices: before the first and after the last use. */
void tenon__residents_init(tenon__residents *residents);
void tenon__residents_end(tenon__residents *residents);

#endif
