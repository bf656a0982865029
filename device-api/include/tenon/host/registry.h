/* Registry: finds plugins, checks each before and after it is loaded, and says why a plugin is not used.
 *
 * Scanning runs no code of a plugin but its constructors and tenon_plugin_query, which is pure, and those first in a
 * process of their own, the probe; drivers start when a device of the plugin is first counted or opened. A plugin that
 * does not fit is listed with its reason; it never hides the others, and never takes the process down when it is loaded. */
#ifndef TENON_HOST_REGISTRY_H
#define TENON_HOST_REGISTRY_H

#include <tenon/types.h>

TENON_EXTERN_C_BEGIN

/* X(value, NAME, STATUS, text, advice): why a plugin is used or not. A closed set; values keep their meaning. STATUS is
 * what a call that needs the plugin returns. */
#define TENONH_REASON_TABLE(X)                                                                                         \
    X(0, OK, OK, "usable", "")                                                                                         \
    X(1, NOT_FOUND, NOT_FOUND, "no such file", "check the path")                                                       \
    X(2, UNREADABLE, IO, "the file cannot be read", "make it a regular file that this user may read")                  \
    X(3, FOREIGN_OWNER, UNTRUSTED, "a part of its path belongs to another user",                                       \
      "install it where only you or root can change it")                                                               \
    X(4, OPEN_TO_WRITES, UNTRUSTED, "a part of its path may be changed by other users", "chmod go-w that part")        \
    X(5, NOT_ELF, BAD_DATA, "not an ELF shared object", "give the path of a plugin's .so file")                        \
    X(6, BAD_ELF, BAD_DATA, "a truncated or inconsistent ELF file", "install the plugin again")                        \
    X(7, WRONG_MACHINE, UNSUPPORTED, "built for another machine", "get the plugin for this architecture")              \
    X(8, ABI_TOO_OLD, UNSUPPORTED, "speaks an ABI older than this host takes", "get a newer plugin")                   \
    X(9, ABI_TOO_NEW, UNSUPPORTED, "needs a newer host", "update Tenon")                                               \
    X(10, LAYOUT_MISMATCH, UNSUPPORTED, "built against other struct layouts under the same ABI version",               \
      "build the plugin against the headers of this release")                                                          \
    X(11, MISSING_LIBRARY, UNAVAILABLE, "a library that it needs is not installed", "install that library")            \
    X(12, UNRESOLVED_IMPORT, UNSUPPORTED, "needs a symbol that no library of it provides",                             \
      "link the plugin with -Wl,--no-undefined and against what it uses")                                              \
    X(13, LOAD_FAILED, UNSUPPORTED, "the dynamic linker refuses it", "see the detail")                                 \
    X(14, NO_SYMBOL, UNSUPPORTED, "does not export tenon_plugin_query", "export it: TENON_EXPORT, default visibility") \
    X(15, BAD_TABLE, UNSUPPORTED, "a table lies outside the plugin's own storage", "answer static const tables")       \
    X(16, BAD_MAGIC, UNSUPPORTED, "the table does not begin with TENON_PLUGIN_MAGIC", "set magic")                     \
    X(17, SHORT_STRUCT, UNSUPPORTED, "a struct_size is below the first version's", "set struct_size to sizeof")        \
    X(18, BAD_ID, UNSUPPORTED, "the id is not [a-z][a-z0-9_-]{0,31}", "choose another id")                             \
    X(19, DUPLICATE_ID, UNSUPPORTED, "a plugin found earlier has the same id", "remove one of the two")                \
    X(20, HOOK_MISSING, UNSUPPORTED, "a required hook or group is missing", "implement it")                            \
    X(21, GROUP_HALF_FILLED, UNSUPPORTED, "of hooks that come together, some are missing",                             \
      "implement all of them or none")                                                                                 \
    X(22, OPEN_FAILED, UNAVAILABLE, "its open hook failed", "see the detail")                                          \
    X(23, NO_DEVICE, UNAVAILABLE, "it finds no device", "check that the device is there and its driver runs")          \
    X(24, PROBE_CRASHED, UNSUPPORTED, "it ends the process that loads or opens it",                                    \
      "get a plugin that works; `tenon doctor` tries again at once")                                                   \
    X(25, PROBE_TIMED_OUT, UNSUPPORTED, "loading or opening it comes to no end",                                       \
      "get a plugin that works; `tenon doctor` tries again at once")                                                   \
    X(26, UNSTABLE_QUERY, UNSUPPORTED, "tenon_plugin_query answers another table each time",                           \
      "answer the same static const table")                                                                            \
    X(27, TOO_MANY_DEVICES, UNSUPPORTED, "it counts more devices than there can be", "set *out_count")                 \
    X(28, COUNT_FAILED, INTERNAL, "its count hook failed",                                                             \
      "ask the plugin's vendor: no device is OK and 0, no driver is UNAVAILABLE (REQ-DEV-01)")

typedef uint32_t tenonh_reason; /* one of TENONH_REASON_* */

#define TENONH__REASON_CONSTANT(value, NAME, status, text, advice) TENONH_REASON_##NAME = value,
enum { TENONH_REASON_TABLE(TENONH__REASON_CONSTANT) TENONH_REASON_COUNT };

/* Name ("NO_SYMBOL"), text and advice of a reason. Owner: static. Thread: any. */
TENON_EXPORT const char *tenonh_reason_name(tenonh_reason reason);
TENON_EXPORT const char *tenonh_reason_text(tenonh_reason reason);
TENON_EXPORT const char *tenonh_reason_advice(tenonh_reason reason);
TENON_EXPORT tenon_status tenonh_reason_status(tenonh_reason reason);

typedef struct tenonh_registry tenonh_registry;

/* Receives one line of log. `source` is a plugin's id or "host"; level is TENON_LOG_*. May be called from any thread,
 * plugins' own among them; must not call the library. Owner: the strings live during the call. */
typedef void (*tenonh_log_function)(void *context, uint32_t level, const char *source, const char *text);

/* How a registry uses the probe: a process that loads a plugin before this one does, with a limit of 2 seconds, and opens
 * it and its devices before this one does, with a limit of 20, so that a crash or a hang becomes a reason. Verdicts are
 * kept in the user's cache folder for as long as the file is unchanged; those of crashes and timeouts for ten minutes.
 * Where no probe can run, the log says so and plugins are loaded without; where no verdict can be kept, plugins are opened
 * without, because that would start each driver twice. Since: 0.2 */
enum { TENONH_PROBE_CACHED = 0, TENONH_PROBE_ALWAYS = 1 /* look at no kept verdict */, TENONH_PROBE_NEVER = 2 };

/* Zero-initialised but for struct_size is the default. A descriptor. */
typedef struct tenonh_registry_options {
    uint32_t struct_size;    /* bytes: sizeof */
    uint32_t no_search;      /* 1: only what tenonh_registry_add names */
    uint32_t log_level;      /* most verbose TENON_LOG_* to pass on; 0: TENON_LOG_WARNING */
    uint32_t reserved;       /* must be 0 */
    tenonh_log_function log; /* NULL: no log */
    void *log_context;
    /* Since: 0.2, as what follows. */
    const char *layers; /* "a,b:option=value", from the host to the plugin; NULL: what TENON_LAYERS says; "": none */
    uint32_t probe;     /* TENONH_PROBE_* */
    uint32_t quiet;     /* 1: refused plugins are no warnings but information: the application lists them */
} tenonh_registry_options;
#define TENONH_REGISTRY_OPTIONS_SIZE_V1 32u
static_assert(offsetof(tenonh_registry_options, layers) == TENONH_REGISTRY_OPTIONS_SIZE_V1, "frozen layout");

/* Makes a registry and, unless told not to, scans the search order: TENON_PLUGIN_PATH (absolute paths of folders or files,
 * colon-separated), the folder `tenon` beside libtenon, ../lib/tenon of the program, $XDG_DATA_HOME/tenon/plugins,
 * /etc/tenon/plugins, /usr/local/lib/tenon, /usr/lib/tenon. A folder's plugins are its files libtenon_*.so, by name. The
 * first plugin of an id wins; one that it shadows is listed as DUPLICATE_ID. A process with raised privileges (AT_SECURE,
 * or effective ids that differ from the real ones) ignores the environment, takes root-owned places only and keeps no
 * verdicts of the probe. A path is trusted when nobody can change it, or a link on the way to it, but this user, root, and
 * who can change libtenon itself.
 * Layers wrap every plugin that is opened: `validate` checks both sides against the rules, `trace` writes a timeline,
 * `fault` makes calls fail, `skew` plays an older or newer other side. A process with raised privileges takes none.
 * Owner:  the caller, until tenonh_registry_destroy. options may be NULL.
 * Errors: INVALID, UNSUPPORTED (options), NOT_FOUND, INVALID (layers: the message lists those there are, and their
 *         options), OUT_OF_MEMORY. Refused plugins are no error. Thread: any. */
TENON_EXPORT tenon_status tenonh_registry_create(const tenonh_registry_options *options,
                                                 tenonh_registry **out_registry);

/* Gives the registry up; its devices and what belongs to them stay usable until they are released. NULL is allowed.
 * Libraries of plugins that were opened stay loaded for the life of the process. Thread: any, once. */
TENON_EXPORT void tenonh_registry_destroy(tenonh_registry *registry);

/* Adds one plugin by the path of its file. It is listed even when it is refused.
 * Errors: the status of its reason (see TENONH_REASON_TABLE); DUPLICATE_ID is none when the very same file is known.
 * Thread: any. */
TENON_EXPORT tenon_status tenonh_registry_add(tenonh_registry *registry, const char *path);

/* Scans the search order now, for a registry made with no_search: what was added before it wins.
 * Errors: OUT_OF_MEMORY. Refused plugins are no error. Thread: any. */
TENON_EXPORT tenon_status tenonh_registry_search(tenonh_registry *registry);

/* A plugin that was found. The caller sets struct_size; what it covers is filled.
 * Owner: strings belong to the registry and live until it is destroyed; "" where unknown. */
typedef struct tenonh_plugin_info {
    uint32_t struct_size;
    tenonh_reason reason; /* OK: usable as far as known; OPEN_FAILED, COUNT_FAILED, NO_DEVICE show once counted */
    const char *path;     /* resolved */
    const char *detail;   /* in words: the hook, the symbol, the path component; "" when usable */
    const char *id;
    const char *vendor;
    const char *version;
    const char *license;
    uint32_t abi_version; /* negotiated: major << 16 | minor; 0 unknown */
    uint32_t reserved;
} tenonh_plugin_info;

/* Number of plugins found, refused ones included; grows only by tenonh_registry_add. Thread: any. */
TENON_EXPORT uint32_t tenonh_registry_plugin_count(tenonh_registry *registry);

/* Describes plugin `index` in the order found. Errors: NOT_FOUND, INVALID (struct_size). Thread: any. */
TENON_EXPORT tenon_status tenonh_registry_plugin(tenonh_registry *registry, uint32_t index,
                                                 tenonh_plugin_info *out_info);

/* Number of devices of plugin `index`; opens the plugin if need be. 0 devices is OK, with reason NO_DEVICE.
 * Errors: the status of the plugin's reason. Thread: any; may take as long as a driver's start. */
TENON_EXPORT tenon_status tenonh_registry_device_count(tenonh_registry *registry, uint32_t index, uint32_t *out_count);

TENON_EXTERN_C_END

#endif
