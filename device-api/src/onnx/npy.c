#include "onnx/npy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

#include "support/error.h"
#include "support/text.h"

/* numpy's kind letter and item size for each dtype. */
/* clang-format off */
static const struct kind {
    char letter;
    uint32_t bytes;
    tenon_dtype dtype;
} kinds[] = {
    {'f', 8, TENON_DTYPE_F64},
    {'f', 4, TENON_DTYPE_F32},
    {'f', 2, TENON_DTYPE_F16},
    {'i', 1, TENON_DTYPE_I8},
    {'i', 2, TENON_DTYPE_I16},
    {'i', 4, TENON_DTYPE_I32},
    {'i', 8, TENON_DTYPE_I64},
    {'u', 1, TENON_DTYPE_U8},
    {'u', 2, TENON_DTYPE_U16},
    {'u', 4, TENON_DTYPE_U32},
    {'u', 8, TENON_DTYPE_U64},
    {'b', 1, TENON_DTYPE_BOOL},
    {'V', 2, TENON_DTYPE_BF16},
};
/* clang-format on */

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0], PREFIX_V1 = 10, PREFIX_V2 = 12 };
static const char magic[] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

/* A header being read: a Python dictionary literal. */
typedef struct reader {
    const char *name; /* of the file */
    const char *start;
    const char *at;
    const char *end;
} reader;

typedef struct header {
    const struct kind *kind;
    int swapped; /* bytes of an element lie in big-endian order */
    int fortran;
    uint32_t rank;
    int64_t dims[TENONH_ARRAY_MAX_RANK];
} header;

static tenon_status malformed(const reader *r, const char *what) {
    return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a valid .npy file: %s at character %zu of its header",
                       r->name, what, (size_t)(r->at - r->start));
}

static void skip_space(reader *r) {
    while (r->at < r->end && isspace((unsigned char)*r->at)) r->at++;
}

/* Takes the character `c`, after any space, if it comes next. */
static int take(reader *r, char c) {
    skip_space(r);
    if (r->at == r->end || *r->at != c) return 0;
    r->at++;
    return 1;
}

static int take_word(reader *r, const char *word) {
    skip_space(r);
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return 0;
    r->at += length;
    return 1;
}

/* A quoted string without escapes, cut to fit `out`. */
static tenon_status take_string(reader *r, char *out, size_t size) {
    skip_space(r);
    if (r->at == r->end || (*r->at != '\'' && *r->at != '"')) return malformed(r, "a string is missing");
    char quote = *r->at++;
    size_t length = 0;
    for (; r->at < r->end && *r->at != quote; r->at++)
        if (length + 1 < size) out[length++] = *r->at;
    out[length] = '\0';
    return take(r, quote) ? TENON_STATUS_OK : malformed(r, "a string has no end");
}

static tenon_status take_dim(reader *r, int64_t *out_dim) {
    skip_space(r);
    int64_t dim = 0;
    if (r->at == r->end || !isdigit((unsigned char)*r->at)) return malformed(r, "a dimension is not a number");
    for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++)
        if (__builtin_mul_overflow(dim, 10, &dim) || __builtin_add_overflow(dim, *r->at - '0', &dim))
            return malformed(r, "a dimension is too large");
    if (r->at < r->end && *r->at == 'L') r->at++; /* Python 2 wrote longs so */
    *out_dim = dim;
    return TENON_STATUS_OK;
}

static tenon_status take_shape(reader *r, header *h) {
    if (!take(r, '(')) return malformed(r, "the shape is no tuple");
    while (!take(r, ')')) {
        if (h->rank == TENONH_ARRAY_MAX_RANK)
            return tenon__fail(TENON_STATUS_UNSUPPORTED, "'%s' has more than %d dimensions", r->name,
                               TENONH_ARRAY_MAX_RANK);
        TENON_TRY(take_dim(r, &h->dims[h->rank]));
        h->rank++;
        if (!take(r, ',') && (r->at == r->end || *r->at != ')')) return malformed(r, "the shape has no end");
    }
    return TENON_STATUS_OK;
}

static tenon_status take_descr(reader *r, header *h) {
    skip_space(r);
    if (r->at < r->end && *r->at == '[')
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "'%s' holds records; an array of one plain dtype is needed",
                           r->name);
    char text[32] = "";
    TENON_TRY(take_string(r, text, sizeof text));
    const char *at = text;
    char order = strchr("<>|=", *at) && *at ? *at++ : '=';
    h->swapped = order == '>';
    for (size_t i = 0; i < KIND_COUNT; i++) {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "%c%u", kinds[i].letter, kinds[i].bytes);
        if (strcmp(at, wanted) == 0) h->kind = &kinds[i];
    }
    if (h->kind) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_UNSUPPORTED,
                       "'%s' holds elements of numpy dtype '%s'; convert them to a float, integer or bool dtype",
                       r->name, text);
}

static tenon_status take_entry(reader *r, header *h, unsigned *seen) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    char key[32] = "";
    unsigned which = 0;
    TENON_TRY(take_string(r, key, sizeof key));
    while (which < 3 && strcmp(key, keys[which]) != 0) which++;
    if (which == 3) return malformed(r, "an unknown key stands");
    if (*seen & 1u << which) return malformed(r, "a key stands twice");
    *seen |= 1u << which;
    if (!take(r, ':')) return malformed(r, "':' is missing");
    if (which == 0) return take_descr(r, h);
    if (which == 2) return take_shape(r, h);
    h->fortran = take_word(r, "True");
    return h->fortran || take_word(r, "False") ? TENON_STATUS_OK : malformed(r, "True or False is missing");
}

static tenon_status parse_header(reader *r, header *out_header) {
    *out_header = (header){0};
    unsigned seen = 0;
    if (!take(r, '{')) return malformed(r, "'{' is missing");
    while (!take(r, '}')) {
        TENON_TRY(take_entry(r, out_header, &seen));
        if (!take(r, ',') && (r->at == r->end || *r->at != '}')) return malformed(r, "'}' is missing");
    }
    skip_space(r);
    if (r->at != r->end && *r->at != '\0') return malformed(r, "something follows the dictionary");
    return seen == 7 ? TENON_STATUS_OK : malformed(r, "descr, fortran_order or shape is missing");
}

static void swap_bytes(uint8_t *data, uint64_t size, uint32_t item) {
    for (uint64_t i = 0; i + item <= size; i += item)
        for (uint32_t a = 0, b = item - 1; a < b; a++, b--) {
            uint8_t byte = data[i + a];
            data[i + a] = data[i + b];
            data[i + b] = byte;
        }
}

/* Copies elements from column-major to row-major order. */
static void transpose(const header *h, uint8_t *to, const uint8_t *from, int64_t count) {
    int64_t index[TENONH_ARRAY_MAX_RANK] = {0}, stride[TENONH_ARRAY_MAX_RANK], step = 1, at = 0;
    for (uint32_t d = 0; d < h->rank; step *= h->dims[d++]) stride[d] = step;
    uint32_t item = h->kind->bytes;
    for (int64_t i = 0; i < count; i++) {
        memcpy(to + i * item, from + at * item, item);
        for (uint32_t d = h->rank; d-- > 0;) {
            at += stride[d];
            if (++index[d] < h->dims[d]) break;
            at -= stride[d] * h->dims[d];
            index[d] = 0;
        }
    }
}

/* Compares what the shape needs with what follows before anything is allocated for it. */
static tenon_status check_size(const char *name, const header *h, size_t size) {
    int64_t count = 1;
    uint64_t wanted;
    for (uint32_t d = 0; d < h->rank; d++)
        if (__builtin_mul_overflow(count, h->dims[d], &count)) return TENON_STATUS_OK; /* refused as too large */
    if (tenon_dtype_bytes(h->kind->dtype, count, &wanted) != TENON_STATUS_OK || wanted == size) return TENON_STATUS_OK;
    return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a valid .npy file: its shape needs %llu bytes, %zu follow",
                       name, (unsigned long long)wanted, size);
}

static tenon_status fill(const char *name, const header *h, const uint8_t *data, size_t size, tenonh_array *out_array) {
    tenonh_array array;
    TENON_TRY(check_size(name, h, size));
    tenon_status status = tenonh_array_create(h->kind->dtype, h->rank, h->dims, &array);
    if (status == TENON_STATUS_INVALID)
        return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a valid .npy file: its shape is too large", name);
    TENON_TRY(status);
    if (h->fortran && h->rank > 1)
        transpose(h, array.data, data, tenonh_array_count(&array));
    else if (size)
        memcpy(array.data, data, size);
    if (h->swapped) swap_bytes(array.data, size, h->kind->bytes);
    if (array.dtype == TENON_DTYPE_BOOL)
        for (size_t i = 0; i < size; i++) ((uint8_t *)array.data)[i] = ((uint8_t *)array.data)[i] != 0;
    *out_array = array;
    return TENON_STATUS_OK;
}

int tenon__npy_is(const uint8_t *bytes, size_t size) {
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

tenon_status tenon__npy_decode(const char *name, const uint8_t *bytes, size_t size, tenonh_array *out_array) {
    if (!tenon__npy_is(bytes, size) || size < PREFIX_V1)
        return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a .npy file: it does not start as one", name);
    unsigned version = bytes[6];
    if (version < 1 || version > 3)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, "'%s' is a .npy file of version %u; 1 to 3 are known", name,
                           version);
    size_t prefix = version == 1 ? PREFIX_V1 : PREFIX_V2;
    uint64_t length = bytes[8] | (uint64_t)bytes[9] << 8;
    if (version > 1 && size >= PREFIX_V2) length |= (uint64_t)bytes[10] << 16 | (uint64_t)bytes[11] << 24;
    if (size < prefix || size - prefix < length)
        return tenon__fail(TENON_STATUS_BAD_DATA, "'%s' is not a valid .npy file: it ends inside its header", name);
    const char *start = (const char *)bytes + prefix;
    reader r = {.name = name, .start = start, .at = start, .end = start + length};
    header h;
    TENON_TRY(parse_header(&r, &h));
    return fill(name, &h, bytes + prefix + length, size - prefix - length, out_array);
}

static const struct kind *kind_of(tenon_dtype dtype) {
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].dtype == dtype) return &kinds[i];
    return NULL;
}

tenon_status tenon__npy_header(const tenonh_array *array, char **out_header, size_t *out_size) {
    const struct kind *kind = kind_of(array->dtype);
    if (!kind)
        return tenon__fail(TENON_STATUS_UNSUPPORTED, ".npy files have no name for dtype %s",
                           tenon_dtype_name(array->dtype));
    tenon__text text = {0};
    tenon__text_append(&text, magic, sizeof magic);
    tenon__text_append(&text, "\x01\x00\x00\x00", 4);
    tenon__text_format(&text, "{'descr': '%c%c%u', 'fortran_order': False, 'shape': (", kind->bytes == 1 ? '|' : '<',
                       kind->letter, kind->bytes);
    for (uint32_t d = 0; d < array->rank; d++)
        tenon__text_format(&text, "%s%lld", d ? ", " : "", (long long)array->dims[d]);
    tenon__text_add(&text, array->rank == 1 ? ",), }" : "), }");
    while (!text.failed && text.length % 64 != 63) tenon__text_append(&text, " ", 1);
    tenon__text_append(&text, "\n", 1);
    size_t size = text.length, length = size - PREFIX_V1;
    char *header_bytes = tenon__text_take(&text);
    if (!header_bytes) return tenon__fail_memory();
    header_bytes[8] = (char)(length & 0xff);
    header_bytes[9] = (char)(length >> 8);
    *out_header = header_bytes;
    *out_size = size;
    return TENON_STATUS_OK;
}
