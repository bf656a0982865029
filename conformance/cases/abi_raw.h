/* The plugin under test by its own tables: no host objects and no layers in between. What the cases of the profile abi
 * act on.
 *
 * A cf_raw is a second host of the plugin in this process (REQ-ABI-06): it has a host table, an instance, a device and a
 * stream of its own, and hears what the plugin reports. Rows open one and close it. */
#ifndef TENON_CASES_ABI_RAW_H
#define TENON_CASES_ABI_RAW_H

#include <stdatomic.h>

#include <tenon/plugin.h>

#include "cases/case.h"
#include "layers/guard.h"
#include "loader/hooks.h"

enum { CF_RAW_WORDS = 256, CF_RAW_DOING = 160 };

/* A host: what it was told, and what it lent. */
typedef struct cf_raw_host {
    const tenon_host *table;    /* what the plugin sees: ends at a page that nobody may touch */
    _Atomic uint32_t reports;   /* since cf_raw_forget, with words in them, on the thread that called that */
    _Atomic uint32_t mute;      /* since then, without words */
    _Atomic uint32_t elsewhere; /* since then, on other threads */
    char words[CF_RAW_WORDS];   /* of the first of `reports` */
    pthread_t caller;
    _Atomic uint32_t cancel;   /* what `cancelled` answers */
    _Atomic int64_t blocks;    /* of host memory that the plugin holds */
    _Atomic uint32_t mistakes; /* releases of what this host did not give out, calls with another's table */
    tenon__guard guard;
    tenon__guarded *guarded;
} cf_raw_host;

/* How the host presents itself. Zeroed: as this host is. */
typedef struct cf_raw_options {
    uint32_t host_size;   /* bytes of its table; what is past the known ones is zero */
    uint32_t abi_version; /* 0: as negotiated */
    uint32_t no_device;   /* 1: open the instance alone */
    uint32_t may_fail;    /* 1: that it does not open is no failure of the row */
} cf_raw_options;

typedef struct cf_raw {
    cf_raw_host host;
    const tenon_plugin *table; /* the plugin's own */
    tenon__hooks hooks;        /* as the loader reads them */
    uint32_t version;          /* negotiated */
    tenon_instance *instance;
    tenon_device *device;
    tenon_stream *stream;
    tenon_device_info info;
    tenon_memory_type type;   /* 0 */
    char doing[CF_RAW_DOING]; /* what the next call asks for; see cf_raw_doing */
} cf_raw;

/* The loaded library that is under test, and its own table. */
const tenon__library *cf_raw_library(void);
const tenon_plugin *cf_raw_table(void);
/* Where its file lies. */
const char *cf_raw_path(void);

/* Opens; the row fails where that does. options may be NULL. False: nothing is open. */
bool cf_raw_open(cf_raw *raw, const cf_raw_options *options);
/* The same with tables of another load of the plugin. */
bool cf_raw_open_table(cf_raw *raw, const tenon__library *library, const tenon_plugin *table,
                       const cf_raw_options *options);
/* Closes what is open, and fails the row where host memory is not given back (REQ-ABI-12). A zeroed one is allowed. */
void cf_raw_close(cf_raw *raw);

/* Begins to listen: what follows up to cf_raw_refused is one call. */
void cf_raw_forget(cf_raw *raw);

/* A set of statuses: CF_STATUS(INVALID) | CF_STATUS(UNSUPPORTED). */
#define CF_STATUS(NAME) (1u << TENON_STATUS_##NAME)

/* Says what is special about the next call, for its failure: "of memory type 7, of 3" follows the hook's name. */
void cf_raw_doing(cf_raw *raw, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fails the row unless `got` is one of a set, and, where that is a failure, words were reported (REQ-ERR-02). The text
 * says which hook was asked for what, what it answered and reported, and which status is due by the row's first rule.
 * `call`: "memory.map", or an expression that calls it by `hooks.memory.map(`. */
bool cf_raw_answers(cf_raw *raw, tenon_status got, uint32_t statuses, const char *call);

/* A call of a hook that answers one of a set of statuses; one that answers this status; and one by way of a function. */
#define CF_ONE_OF(raw, statuses, call)    CF_VIA(raw, statuses, #call, call)
#define CF_ANSWERS(raw, want, call)       CF_ONE_OF(raw, 1u << (want), call)
#define CF_VIA(raw, statuses, hook, call) (cf_raw_forget(raw), cf_raw_answers(raw, call, statuses, hook))

/* `size` bytes of memory type 0, rounded up as the type asks; NULL after failing the row. */
tenon_memory *cf_raw_memory(cf_raw *raw, uint64_t size);
/* Writes or reads at an offset, and waits. False after failing the row. */
bool cf_raw_write(cf_raw *raw, tenon_memory *memory, uint64_t offset, const void *bytes, uint64_t size);
bool cf_raw_read(cf_raw *raw, tenon_memory *memory, uint64_t offset, void *bytes, uint64_t size);

/* A place that no hook may write when it fails, and what stands there before. */
#define CF_UNTOUCHED ((void *)(uintptr_t)0x5a5a5a5a5a5a5a50u)

#endif
