#include "fill.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include <tenon/types.h>

#include "support/error.h"
#include "support/file.h"

enum { CHUNK = 1 << 16, TABLE_LIMIT = 1 << 28 };

#define FILE_LIMIT ((uint64_t)1 << 38) /* bytes: a table that asks for more is a mistake */

/* One tensor of the table. */
typedef struct entry {
    const char *name;
    uint64_t offset; /* bytes */
    uint64_t count;  /* f32 elements */
    double scale;
    double shift;
} entry;

static uint64_t fnv1a64(const char *text) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash;
}

static uint64_t splitmix64(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Elements [first, first + count) of an entry. A product and a sum: the build forbids their contraction. */
static void generate(const entry *e, uint64_t first, uint64_t count, float *out) {
    uint64_t seed = fnv1a64(e->name);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t z = splitmix64(seed + (first + i + 1) * 0x9E3779B97F4A7C15u);
        double u = (double)(z >> 40) * 0x1p-24;
        out[i] = (float)((2 * u - 1) * e->scale + e->shift);
    }
}

static tenon_status write_entry(tenon__file_writer *writer, const entry *e, float *chunk) {
    TENON_TRY(tenon__file_seek(writer, e->offset));
    for (uint64_t at = 0; at < e->count; at += CHUNK) {
        uint64_t count = e->count - at < CHUNK ? e->count - at : CHUNK;
        generate(e, at, count, chunk);
        TENON_TRY(tenon__file_append(writer, chunk, count * sizeof *chunk));
    }
    return TENON_STATUS_OK;
}

/* A whole number that a double holds exactly; 0 if it is none. */
static int whole(const cJSON *object, const char *key, uint64_t *out_value) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 0x1p53)) return 0;
    *out_value = (uint64_t)item->valuedouble;
    return (double)*out_value == item->valuedouble;
}

static int real(const cJSON *object, const char *key, double *out_value) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) return 0;
    *out_value = item->valuedouble;
    return isfinite(item->valuedouble);
}

static tenon_status read_entry(const char *table, const cJSON *object, int index, entry *out_entry) {
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "name");
    out_entry->name = cJSON_IsString(name) ? name->valuestring : NULL;
    if (out_entry->name && whole(object, "offset", &out_entry->offset) && whole(object, "count", &out_entry->count) &&
        real(object, "scale", &out_entry->scale) && real(object, "shift", &out_entry->shift) &&
        out_entry->count <= (INT64_MAX - out_entry->offset) / 4)
        return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA,
                       "'%s': entry %d is not {name, offset, count, scale, shift} with whole offset and count", table,
                       index);
}

/* Checks every entry and finds the length of the file. */
static tenon_status check_all(const char *table, const cJSON *list, uint64_t *out_bytes) {
    const cJSON *object = NULL;
    int index = 0;
    *out_bytes = 0;
    cJSON_ArrayForEach(object, list) {
        entry e;
        TENON_TRY(read_entry(table, object, index, &e));
        uint64_t end = e.offset + e.count * 4;
        if (end > FILE_LIMIT)
            return tenon__fail(TENON_STATUS_BAD_DATA, "'%s': entry %d ('%s') ends at byte %" PRIu64 ", past %" PRIu64,
                               table, index, e.name, end, FILE_LIMIT);
        if (end > *out_bytes) *out_bytes = end;
        index++;
    }
    return TENON_STATUS_OK;
}

static tenon_status write_all(const char *table, const cJSON *list, tenon__file_writer *writer) {
    float *chunk = malloc(CHUNK * sizeof *chunk);
    if (!chunk) return tenon__fail_memory();
    tenon_status status = TENON_STATUS_OK;
    const cJSON *object = NULL;
    int index = 0;
    cJSON_ArrayForEach(object, list) {
        entry e;
        status = read_entry(table, object, index++, &e);
        if (status == TENON_STATUS_OK) status = write_entry(writer, &e, chunk);
        if (status != TENON_STATUS_OK) break;
    }
    free(chunk);
    return status;
}

static tenon_status parse_table(const char *table, cJSON **out_list) {
    uint8_t *text;
    size_t size;
    TENON_TRY(tenon__file_read(table, TABLE_LIMIT, &text, &size));
    cJSON *list = cJSON_ParseWithLength((const char *)text, size);
    free(text);
    if (!cJSON_IsArray(list)) {
        cJSON_Delete(list);
        return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a JSON list", table);
    }
    *out_list = list;
    return TENON_STATUS_OK;
}

tenon_status models_measure(const char *table, uint64_t *out_bytes) {
    cJSON *list;
    TENON_TRY(parse_table(table, &list));
    tenon_status status = check_all(table, list, out_bytes);
    cJSON_Delete(list);
    return status;
}

tenon_status models_fill(const char *table, const char *output, uint64_t *out_bytes) {
    cJSON *list;
    uint64_t bytes;
    tenon__file_writer writer = {0};
    TENON_TRY(parse_table(table, &list));
    tenon_status status = check_all(table, list, &bytes);
    if (status == TENON_STATUS_OK) status = tenon__file_begin(output, &writer);
    if (status == TENON_STATUS_OK) status = write_all(table, list, &writer);
    if (status == TENON_STATUS_OK) status = tenon__file_commit(&writer);
    tenon__file_discard(&writer);
    cJSON_Delete(list);
    if (status == TENON_STATUS_OK && out_bytes) *out_bytes = bytes;
    return status;
}
