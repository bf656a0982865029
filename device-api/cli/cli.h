/* The `tenon` command: what its verbs share. Each verb is one file with one table of options; the host API works. */
#ifndef CLI_H
#define CLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <tenon/host/tenon.h>

/* Exit codes of the command. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNTRUSTED = 3,
    CLI_INCOMPATIBLE = 4,
    CLI_NO_DEVICE = 5,
    CLI_NO_VERDICT = 6
};

/* An option of a verb. --help, --json and --layers are every verb's and stand in no table, but for a --json that takes a
 * value. */
typedef struct cli_option {
    const char *name;     /* without the dashes */
    const char *argument; /* what stands for its value in help, NULL: it takes none */
    uint32_t most;        /* times that it may be given */
    const char *meaning;
} cli_option;

/* A command line after parsing. Strings point into the arguments. */
typedef struct cli_call {
    const char **arguments; /* that are no options */
    uint32_t argument_count;
    const char **values;     /* of options, in the order given */
    const uint32_t *options; /* the row in the verb's table that each value belongs to */
    uint32_t value_count;
    bool json;
    const char *layers; /* NULL: not given */
    const struct cli_verb *verb;
} cli_call;

typedef struct cli_verb {
    const char *name;
    const char *arguments; /* "MODEL.onnx", "" */
    const char *summary;   /* one line */
    const char *details;   /* more lines for --help, or NULL */
    uint32_t least_arguments;
    uint32_t most_arguments;
    const cli_option *options;
    uint32_t option_count;
    bool lists_refused;               /* it prints refused plugins itself: no warning tells of them a second time */
    bool is_elsewhere;                /* another program of the tree does it, which takes the arguments as they are */
    int (*run)(const cli_call *call); /* gives the exit code */
} cli_verb;

extern const cli_verb cli_doctor, cli_list, cli_info, cli_report, cli_run, cli_test, cli_trace;

/* A verb that tenon-conformance does: becomes that program, or gives an exit code after a message. */
int cli_conformance(const cli_verb *verb, int count, char **arguments);

/* -- Options ------------------------------------------------------------------------------------------------------ */

/* Parses what follows the verb. CLI_OK, CLI_USAGE after a message, or -1 when help was asked for and printed.
 * Owner: *out_call is freed with cli_call_free. */
int cli_parse(const cli_verb *verb, int count, char **arguments, cli_call *out_call);
void cli_call_free(cli_call *call);

/* The last value of an option; "" when it was given and takes none; NULL when it was not given. */
const char *cli_value(const cli_call *call, uint32_t option);

/* Value `index` of an option that may come several times, NULL past the last. */
const char *cli_value_at(const cli_call *call, uint32_t option, uint32_t index);

/* A whole number from least to most from an option, or `otherwise` when it was not given. false after a message. */
bool cli_number(const cli_verb *verb, const cli_call *call, uint32_t option, int64_t least, int64_t most,
                int64_t otherwise, int64_t *out_number);

/* Prints "tenon VERB: message" and a hint to --help; gives CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const cli_verb *verb, const char *format, ...);

/* -- Errors ------------------------------------------------------------------------------------------------------- */

/* Prints the host's message for a failed call and gives the exit code: that of `code` unless the status says better. */
int cli_fail(const cli_call *call, tenon_status status, int code);

/* Exit code when a plugin or device could not be had; when a device could not, whose name the user wrote. */
int cli_device_code(tenon_status status);
int cli_name_code(tenon_status status);

/* -- Registry ----------------------------------------------------------------------------------------------------- */

/* Makes the registry with the plugins that --plugin names; warnings of plugins go to stderr.
 * CLI_OK or, after a message, an exit code. */
int cli_registry(const cli_call *call, uint32_t plugin_option, tenonh_registry **out_registry);

#define CLI_PLUGIN_OPTION                                                                                              \
    { "plugin", "FILE", UINT32_MAX, "use this plugin, before any of the search order" }

/* -- Output ------------------------------------------------------------------------------------------------------- */

/* Plugins, models and paths name themselves, with any bytes: what is printed of them comes through these, so that it can
 * neither steer a terminal nor begin a line. Control characters and bytes that are not UTF-8 become \xNN. */
void cli_put(FILE *file, const char *text);
__attribute__((format(printf, 2, 3))) void cli_line(FILE *file, const char *format, ...); /* ends the line itself */
__attribute__((format(printf, 2, 0))) void cli_vline(FILE *file, const char *format, va_list arguments);

/* The text that they print; of JSON, the same JSON as valid UTF-8, its layout kept.
 * Owner: the caller (free); NULL without memory. */
char *cli_escape(const char *text);
char *cli_escape_json(const char *json);

/* Prints an object as JSON and frees it; gives `code`, or CLI_FAILED when there was no memory to make it. */
int cli_json(cJSON *object, int code);

/* A text table: cells are added row by row, columns get as wide as their widest cell. */
typedef struct cli_table cli_table;
cli_table *cli_table_create(uint32_t columns);
__attribute__((format(printf, 2, 3))) void cli_cell(cli_table *table, const char *format, ...);
void cli_right(cli_table *table, uint32_t column); /* numbers: set the column right */
void cli_table_print(cli_table *table);            /* frees it */

/* "1.5 MiB", into one of four buffers in turn. */
const char *cli_bytes(uint64_t bytes);

/* "f32[8, batch]" likewise; `value` of a function. */
const char *cli_type(const tenonh_value *value);

#endif
