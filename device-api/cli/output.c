/* What verbs print: tables, sizes, JSON, and the host's errors. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "cli.h"

enum { MOST_COLUMNS = 8, BUFFERS = 4, BUFFER_SIZE = 256 };

struct cli_table {
    uint32_t columns;
    uint32_t count;
    uint32_t capacity;
    char **cells; /* NULL: there was no memory */
    bool right[MOST_COLUMNS];
};

static char *next_buffer(void) {
    static _Thread_local char buffers[BUFFERS][BUFFER_SIZE];
    static _Thread_local unsigned at;
    return buffers[at++ % BUFFERS];
}

int cli_device_code(tenon_status status) {
    switch (status) {
    case TENON_STATUS_NOT_FOUND:
    case TENON_STATUS_UNAVAILABLE:
    case TENON_STATUS_DEVICE_LOST: return CLI_NO_DEVICE;
    case TENON_STATUS_UNTRUSTED: return CLI_UNTRUSTED;
    case TENON_STATUS_UNSUPPORTED: return CLI_INCOMPATIBLE;
    default: return CLI_FAILED;
    }
}

int cli_name_code(tenon_status status) {
    return status == TENON_STATUS_INVALID ? CLI_USAGE : cli_device_code(status);
}

int cli_fail(const cli_call *call, tenon_status status, int code) {
    const char *message = tenonh_error_message();
    if (status == TENON_STATUS_DEVICE_LOST) code = CLI_NO_DEVICE; /* wherever it was lost */
    if (!message[0]) message = tenon_status_meaning(status);
    cli_line(stderr, "tenon: %s", message);
    if (!call->json) return code;
    cJSON *object = cJSON_CreateObject(), *error = cJSON_AddObjectToObject(object, "error");
    cJSON_AddStringToObject(error, "status", tenon_status_name(status));
    cJSON_AddStringToObject(error, "message", message);
    cJSON_AddNumberToObject(error, "exit_code", code);
    return cli_json(object, code);
}

static void print_log(void *context, uint32_t level, const char *source, const char *text) {
    (void)context;
    cli_line(stderr, "tenon: %s: %s%s", source, level == TENON_LOG_ERROR ? "error: " : "", text);
}

/* Plugins given by name come before those of the search order. */
static tenon_status fill_registry(const cli_call *call, uint32_t plugin_option, tenonh_registry *registry) {
    const char *path;
    for (uint32_t i = 0; (path = cli_value_at(call, plugin_option, i)) != NULL; i++) {
        tenon_status status = tenonh_registry_add(registry, path);
        if (status != TENON_STATUS_OK) return status;
    }
    return tenonh_registry_search(registry);
}

int cli_registry(const cli_call *call, uint32_t plugin_option, tenonh_registry **out_registry) {
    const tenonh_registry_options options = {
        .struct_size = sizeof options,
        .no_search = 1,
        .log = print_log,
        .layers = call->layers,
        .quiet = call->verb->lists_refused,
    };
    tenonh_registry *registry;
    tenon_status status = tenonh_registry_create(&options, &registry);
    if (status != TENON_STATUS_OK) /* what fails is a name or an option that the user wrote */
        return cli_fail(call, status, status == TENON_STATUS_NOT_FOUND ? CLI_USAGE : cli_name_code(status));
    status = fill_registry(call, plugin_option, registry);
    if (status != TENON_STATUS_OK) {
        tenonh_registry_destroy(registry);
        return cli_fail(call, status, cli_device_code(status));
    }
    *out_registry = registry;
    return CLI_OK;
}

int cli_json(cJSON *object, int code) {
    char *printed = cJSON_Print(object), *text = printed ? cli_escape_json(printed) : NULL;
    cJSON_Delete(object);
    cJSON_free(printed);
    if (!text) {
        fputs("tenon: host memory is used up\n", stderr);
        return CLI_FAILED;
    }
    puts(text);
    free(text);
    return code;
}

cli_table *cli_table_create(uint32_t columns) {
    cli_table *table = calloc(1, sizeof *table);
    if (table) table->columns = columns;
    return table;
}

void cli_cell(cli_table *table, const char *format, ...) {
    if (!table) return;
    if (table->count == table->capacity) {
        uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
        char **cells = realloc((void *)table->cells, capacity * sizeof *cells);
        if (!cells) return;
        table->cells = cells;
        table->capacity = capacity;
    }
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    table->cells[table->count++] = text ? cli_escape(text) : NULL;
    free(text);
}

void cli_right(cli_table *table, uint32_t column) {
    if (table) table->right[column] = true;
}

/* Columns that a terminal gives to UTF-8 text, wide characters apart. */
static int width_of(const char *text) {
    int width = 0;
    for (; text && *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void cli_table_print(cli_table *table) {
    if (!table) return;
    int widths[MOST_COLUMNS] = {0};
    for (uint32_t i = 0; i < table->count; i++) {
        int width = width_of(table->cells[i]);
        if (width > widths[i % table->columns]) widths[i % table->columns] = width;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t column = i % table->columns;
        const char *text = table->cells[i] ? table->cells[i] : "";
        int space = widths[column] - width_of(text), last = column + 1 == table->columns;
        if (table->right[column])
            printf("%*s%s", space, "", text);
        else
            printf("%s%*s", text, last ? 0 : space, "");
        fputs(last ? "\n" : "  ", stdout);
        free(table->cells[i]);
    }
    free((void *)table->cells);
    free(table);
}

const char *cli_bytes(uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    char *text = next_buffer();
    double amount = (double)bytes;
    unsigned unit = 0;
    for (; amount >= 1024 && unit < 5; unit++) amount /= 1024;
    snprintf(text, BUFFER_SIZE, unit ? "%.1f %s" : "%.0f %s", amount, units[unit]);
    return text;
}

const char *cli_type(const tenonh_value *value) {
    char *text = next_buffer();
    size_t at = (size_t)snprintf(text, BUFFER_SIZE, "%s[", tenon_dtype_name(tenonh_value_dtype(value)));
    for (uint32_t d = 0; d < tenonh_value_rank(value) && at < BUFFER_SIZE; d++) {
        if (d) at += (size_t)snprintf(text + at, BUFFER_SIZE - at, ", ");
        if (at < BUFFER_SIZE) at += tenonh_dim_format(tenonh_value_dim(value, d), text + at, BUFFER_SIZE - at);
    }
    if (at + 1 < BUFFER_SIZE) memcpy(text + at, "]", 2);
    return text;
}
