/* Arrays from .npy files and TensorProtos, and back. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/helpers.h>
#include <tenon/host/array.h>
#include <tenon/host/error.h>

#include "onnx/npy.h"
#include "onnx/tensor.h"

static char folder[] = "/tmp/tenon-array-XXXXXX";

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* A .npy file of `version` with that header text and those bytes; gives its size. */
static size_t make_npy(uint8_t *out, int version, const char *header, const void *data, size_t size) {
    size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (uint8_t)version;
    out[7] = 0;
    for (size_t i = 8; i < prefix; i++) out[i] = (uint8_t)(length >> (8 * (i - 8)));
    memcpy(out + prefix, header, length);
    if (size) memcpy(out + prefix + length, data, size);
    return prefix + length + size;
}

/* -- What is read ------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct good {
    const char *name;
    int version;
    const char *header;
    const char *data;
    size_t size;
    tenon_dtype dtype;
    uint32_t rank;
    int64_t dims[3];
    const char *wanted; /* bytes of the array */
} good[] = {
    {"u1_scalar", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", "\7", 1, TENON_DTYPE_U8, 0, {0},
     "\7"},
    {"no_comma", 1, "{'descr': '|i1', 'fortran_order': False, 'shape': (2,)}", "\1\2", 2, TENON_DTYPE_I8, 1, {2},
     "\1\2"},
    {"other_order", 1, "{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<i2\"}", "\1\0\2\0", 4, TENON_DTYPE_I16,
     2, {1, 2}, "\1\0\2\0"},
    {"big_endian", 1, "{'descr': '>i4', 'fortran_order': False, 'shape': (1,), }", "\1\2\3\4", 4, TENON_DTYPE_I32, 1,
     {1}, "\4\3\2\1"},
    {"big_endian_f8", 1, "{'descr': '>f8', 'fortran_order': False, 'shape': (), }", "\1\2\3\4\5\6\7\10", 8,
     TENON_DTYPE_F64, 0, {0}, "\10\7\6\5\4\3\2\1"},
    {"fortran", 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", "\1\4\2\5\3\6", 6, TENON_DTYPE_U8, 2,
     {2, 3}, "\1\2\3\4\5\6"},
    {"fortran_3", 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1, 2), }", "\1\3\2\4", 4, TENON_DTYPE_U8, 3,
     {2, 1, 2}, "\1\2\3\4"},
    {"version_2", 2, "{'descr': '<u2', 'fortran_order': False, 'shape': (1,), }", "\1\2", 2, TENON_DTYPE_U16, 1, {1},
     "\1\2"},
    {"version_3", 3, "{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", "\1\2", 2, TENON_DTYPE_F16, 1, {1},
     "\1\2"},
    {"python_2", 1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3L,), }", "\0\2\377", 3, TENON_DTYPE_BOOL, 1,
     {3}, "\0\1\1"},
    {"bf16", 1, "{'descr': '<V2', 'fortran_order': False, 'shape': (1,), }", "\200\77", 2, TENON_DTYPE_BF16, 1, {1},
     "\200\77"},
    {"empty", 1, "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 5), }", "", 0, TENON_DTYPE_I64, 2, {0, 5}, ""},
    {"native", 1, "{'descr': '=u4', 'fortran_order': False, 'shape': (1,), }", "\1\2\3\4", 4, TENON_DTYPE_U32, 1, {1},
     "\1\2\3\4"},
};
/* clang-format on */

START_TEST(reads_npy) {
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct good *g = &good[i];
        uint8_t file[512];
        tenonh_array array = {0};
        size_t size = make_npy(file, g->version, g->header, g->data, g->size);
        tenon_status status = tenon__npy_decode(g->name, file, size, &array);
        ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", g->name, tenonh_error_message());
        ck_assert_msg(array.dtype == g->dtype && array.rank == g->rank, "%s", g->name);
        ck_assert_msg(memcmp(array.dims, g->dims, g->rank * sizeof(int64_t)) == 0, "%s", g->name);
        ck_assert_msg(array.size == g->size && memcmp(array.data, g->wanted, g->size) == 0, "%s", g->name);
        tenonh_array_free(&array);
    }
}
END_TEST

/* clang-format off */
static const struct bad {
    const char *name;
    int version;
    const char *header;
    size_t size;
    tenon_status status;
    const char *says;
} bad[] = {
    {"version_9", 9, "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", 1, TENON_STATUS_UNSUPPORTED,
     "version"},
    {"short", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, TENON_STATUS_BAD_DATA, "8 bytes"},
    {"long", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", 4, TENON_STATUS_BAD_DATA, "2 bytes"},
    {"object", 1, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, TENON_STATUS_UNSUPPORTED, "|O"},
    {"complex", 1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, TENON_STATUS_UNSUPPORTED, "<c8"},
    {"string", 1, "{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", 20, TENON_STATUS_UNSUPPORTED, "<U5"},
    {"record", 1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, TENON_STATUS_UNSUPPORTED,
     "records"},
    {"no_shape", 1, "{'descr': '|u1', 'fortran_order': False,}", 1, TENON_STATUS_BAD_DATA, "missing"},
    {"twice", 1, "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1, TENON_STATUS_BAD_DATA,
     "twice"},
    {"unknown_key", 1, "{'kind': '|u1', 'fortran_order': False, 'shape': (), }", 1, TENON_STATUS_BAD_DATA,
     "unknown key"},
    {"negative", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }", 1, TENON_STATUS_BAD_DATA, "number"},
    {"huge", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }", 1,
     TENON_STATUS_BAD_DATA, "large"},
    {"overflow", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 1,
     TENON_STATUS_BAD_DATA, "large"},
    {"open", 1, "{'descr': '|u1", 1, TENON_STATUS_BAD_DATA, "no end"},
    {"open_shape", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1", 1, TENON_STATUS_BAD_DATA, "no end"},
    {"not_a_tuple", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': 1,}", 1, TENON_STATUS_BAD_DATA, "tuple"},
    {"trailing", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (), } 5", 1, TENON_STATUS_BAD_DATA, "follows"},
    {"maybe", 1, "{'descr': '|u1', 'fortran_order': Maybe, 'shape': (), }", 1, TENON_STATUS_BAD_DATA, "True or False"},
    {"nothing", 1, "", 0, TENON_STATUS_BAD_DATA, "'{' is missing"},
};
/* clang-format on */

START_TEST(refuses_broken_npy) {
    static const char data[32];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t file[512];
        tenonh_array array = {0};
        size_t size = make_npy(file, bad[i].version, bad[i].header, data, bad[i].size);
        tenon_status status = tenon__npy_decode(bad[i].name, file, size, &array);
        ck_assert_msg(status == bad[i].status, "%s: %u, %s", bad[i].name, status, tenonh_error_message());
        ck_assert_msg(strstr(tenonh_error_message(), bad[i].says) != NULL, "%s: %s", bad[i].name,
                      tenonh_error_message());
        ck_assert_ptr_null(array.data);
    }
}
END_TEST

/* Every prefix of a good file is refused. */
START_TEST(refuses_cut_npy) {
    uint8_t file[512];
    size_t size = make_npy(file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "\0\0\200\77", 4);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut + 1); /* of that length, so that a sanitizer sees a read past it */
        tenonh_array array = {0};
        memcpy(part, file, cut);
        uint8_t *exact = realloc(part, cut ? cut : 1);
        ck_assert_uint_ne(tenon__npy_decode("cut", exact, cut, &array), TENON_STATUS_OK);
        free(exact);
    }
}
END_TEST

/* -- Round trips -------------------------------------------------------------------------------------------------- */

START_TEST(writes_what_it_reads) {
    static const int64_t shapes[][3] = {{2, 3, 4}, {0, 1, 2}, {7, 1, 1}};
    for (tenon_dtype dtype = TENON_DTYPE_F64; dtype <= TENON_DTYPE_BOOL; dtype++)
        for (uint32_t s = 0; s < 3; s++)
            for (uint32_t rank = 0; rank <= 3; rank++) {
                tenonh_array array, back = {0};
                ck_assert_uint_eq(tenonh_array_create(dtype, rank, shapes[s], &array), TENON_STATUS_OK);
                for (uint64_t i = 0; i < array.size; i++)
                    ((uint8_t *)array.data)[i] = dtype == TENON_DTYPE_BOOL ? i % 2 : (uint8_t)(i * 37);
                ck_assert_uint_eq(tenonh_array_write(&array, path_of("round.npy")), TENON_STATUS_OK);
                ck_assert_uint_eq(tenonh_array_read(path_of("round.npy"), &back), TENON_STATUS_OK);
                ck_assert_uint_eq(back.dtype, dtype);
                ck_assert_uint_eq(back.rank, rank);
                ck_assert_uint_eq(back.size, array.size);
                ck_assert_int_eq(memcmp(back.data, array.data, array.size), 0);
                ck_assert_int_eq(memcmp(back.dims, array.dims, sizeof back.dims), 0);
                tenonh_array_free(&array);
                tenonh_array_free(&back);
            }
    ck_assert_int_eq(unlink(path_of("round.npy")), 0);
}
END_TEST

START_TEST(header_is_aligned) {
    tenonh_array array;
    char *header;
    size_t size;
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_F32, 2, (int64_t[]){3, 4}, &array), TENON_STATUS_OK);
    ck_assert_uint_eq(tenon__npy_header(&array, &header, &size), TENON_STATUS_OK);
    ck_assert_uint_eq(size % 64, 0);
    ck_assert_int_eq(memcmp(header + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", 59), 0);
    ck_assert_int_eq(header[size - 1], '\n');
    free(header);
    tenonh_array_free(&array);
}
END_TEST

START_TEST(failed_write_leaves_no_file) {
    tenonh_array array;
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_I4, 1, (int64_t[]){2}, &array), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_array_write(&array, path_of("i4.npy")), TENON_STATUS_UNSUPPORTED);
    ck_assert_int_ne(access(path_of("i4.npy"), F_OK), 0);
    tenonh_array_free(&array);
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_U8, 0, NULL, &array), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_array_write(&array, path_of("no/such/folder.npy")), TENON_STATUS_NOT_FOUND);
    tenonh_array_free(&array);
}
END_TEST

/* Whoever writes to /dev/stdout, a pipe or a link means what is there, not its name. */
START_TEST(writes_where_a_name_leads) {
    tenonh_array array, back;
    struct stat info;
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_U8, 1, (int64_t[]){3}, &array), TENON_STATUS_OK);
    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    int reader = open(path_of("pipe"), O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    ck_assert_uint_eq(tenonh_array_write(&array, path_of("pipe")), TENON_STATUS_OK);
    char magic[6];
    ck_assert_int_eq((int)read(reader, magic, sizeof magic), (int)sizeof magic);
    ck_assert_mem_eq(magic, "\x93NUMPY", 6);
    close(reader);
    ck_assert(stat(path_of("pipe"), &info) == 0 && S_ISFIFO(info.st_mode));
    ck_assert_int_eq(unlink(path_of("pipe")), 0);
    write_bytes("target.npy", "old", 3);
    ck_assert_int_eq(symlink("target.npy", path_of("link.npy")), 0);
    ck_assert_uint_eq(tenonh_array_write(&array, path_of("link.npy")), TENON_STATUS_OK);
    ck_assert(lstat(path_of("link.npy"), &info) == 0 && S_ISLNK(info.st_mode));
    ck_assert_uint_eq(tenonh_array_read(path_of("target.npy"), &back), TENON_STATUS_OK);
    tenonh_array_free(&back);
    tenonh_array_free(&array);
    ck_assert_int_eq(unlink(path_of("link.npy")), 0);
    ck_assert_int_eq(unlink(path_of("target.npy")), 0);
}
END_TEST

START_TEST(refuses_what_is_no_file) {
    tenonh_array array;
    ck_assert_uint_eq(tenonh_array_read(path_of("missing.npy"), &array), TENON_STATUS_NOT_FOUND);
    ck_assert_uint_eq(tenonh_array_read(folder, &array), TENON_STATUS_BAD_DATA);
    ck_assert_int_eq(mkfifo(path_of("fifo"), 0600), 0);
    ck_assert_uint_eq(tenonh_array_read(path_of("fifo"), &array), TENON_STATUS_BAD_DATA);
    ck_assert_int_eq(unlink(path_of("fifo")), 0);
    write_bytes("text", "some text, no array", 19);
    ck_assert_uint_eq(tenonh_array_read(path_of("text"), &array), TENON_STATUS_BAD_DATA);
    ck_assert_ptr_nonnull(strstr(tenonh_error_message(), "neither"));
    ck_assert_int_eq(unlink(path_of("text")), 0);
}
END_TEST

START_TEST(refuses_impossible_arrays) {
    tenonh_array array;
    int64_t dims[TENONH_ARRAY_MAX_RANK + 1] = {0};
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_NONE, 0, NULL, &array), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenonh_array_create(99, 0, NULL, &array), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_F32, TENONH_ARRAY_MAX_RANK + 1, dims, &array),
                      TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_F32, 1, (int64_t[]){-1}, &array), TENON_STATUS_INVALID);
    ck_assert_uint_eq(tenonh_array_create(TENON_DTYPE_F64, 1, (int64_t[]){INT64_MAX / 4}, &array),
                      TENON_STATUS_INVALID);
}
END_TEST

/* -- TensorProtos ------------------------------------------------------------------------------------------------- */

static void write_proto(const char *name, const Onnx__TensorProto *proto) {
    uint8_t bytes[1024];
    ck_assert_uint_le(onnx__tensor_proto__get_packed_size(proto), sizeof bytes);
    size_t size = onnx__tensor_proto__pack(proto, bytes);
    write_bytes(name, bytes, size);
}

/* A proto of a type, with one dim unless count is negative. */
static Onnx__TensorProto proto_of(int32_t type, int64_t *count) {
    Onnx__TensorProto proto = ONNX__TENSOR_PROTO__INIT;
    proto.has_data_type = 1;
    proto.data_type = type;
    proto.n_dims = *count < 0 ? 0 : 1;
    proto.dims = count;
    return proto;
}

#define TYPED(proto, field, ...)                                                                                       \
    (proto).n_##field = sizeof((__VA_ARGS__)) / sizeof((__VA_ARGS__)[0]), (proto).field = (__VA_ARGS__)

static void expect_bytes(const char *name, tenon_dtype dtype, const void *bytes, size_t size) {
    tenonh_array array = {0};
    tenon_status status = tenonh_array_read(path_of(name), &array);
    ck_assert_msg(status == TENON_STATUS_OK, "%s", tenonh_error_message());
    ck_assert_uint_eq(array.dtype, dtype);
    ck_assert_uint_eq(array.size, size);
    ck_assert_int_eq(memcmp(array.data, bytes, size), 0);
    tenonh_array_free(&array);
}

START_TEST(reads_typed_fields) {
    int64_t two = 2, three = 3;
    Onnx__TensorProto p = proto_of(1, &two);
    TYPED(p, float_data, (float[]){1.5f, -2});
    write_proto("p.pb", &p);
    expect_bytes("p.pb", TENON_DTYPE_F32, (float[]){1.5f, -2}, 8);
    p = proto_of(3, &two);
    TYPED(p, int32_data, (int32_t[]){-1, 5});
    write_proto("p.pb", &p);
    expect_bytes("p.pb", TENON_DTYPE_I8, (int8_t[]){-1, 5}, 2);
    p = proto_of(10, &two); /* f16: bits in the low half */
    TYPED(p, int32_data, (int32_t[]){0x3c00, 0xc000});
    write_proto("p.pb", &p);
    expect_bytes("p.pb", TENON_DTYPE_F16, (uint16_t[]){0x3c00, 0xc000}, 4);
    p = proto_of(9, &two);
    TYPED(p, int32_data, (int32_t[]){7, 0});
    write_proto("p.pb", &p);
    expect_bytes("p.pb", TENON_DTYPE_BOOL, (uint8_t[]){1, 0}, 2);
    p = proto_of(12, &two);
    TYPED(p, uint64_data, (uint64_t[]){4000000000u, 1});
    write_proto("p.pb", &p);
    expect_bytes("p.pb", TENON_DTYPE_U32, (uint32_t[]){4000000000u, 1}, 8);
    p = proto_of(22, &three); /* i4: two a number, low nibble first */
    TYPED(p, int32_data, (int32_t[]){0x21, 0x3});
    write_proto("p.pb", &p);
    expect_bytes("p.pb", TENON_DTYPE_I4, (uint8_t[]){0x21, 0x3}, 2);
    ck_assert_int_eq(unlink(path_of("p.pb")), 0);
}
END_TEST

static void expect_refusal(const Onnx__TensorProto *proto, tenon_status wanted, const char *says) {
    tenonh_array array = {0};
    write_proto("p.pb", proto);
    tenon_status status = tenonh_array_read(path_of("p.pb"), &array);
    ck_assert_msg(status == wanted, "%s: %u, %s", says, status, tenonh_error_message());
    ck_assert_msg(strstr(tenonh_error_message(), says) != NULL, "%s: %s", says, tenonh_error_message());
    ck_assert_int_eq(unlink(path_of("p.pb")), 0);
}

START_TEST(refuses_broken_protos) {
    int64_t two = 2, none = -1, huge[] = {INT64_MAX, 2};
    Onnx__TensorProto p = proto_of(1, &two);
    TYPED(p, float_data, (float[]){1});
    expect_refusal(&p, TENON_STATUS_BAD_DATA, "2 numbers in float_data");
    p = proto_of(1, &two);
    p.has_raw_data = 1;
    p.raw_data = (ProtobufCBinaryData){7, (uint8_t *)"1234567"};
    expect_refusal(&p, TENON_STATUS_BAD_DATA, "8 bytes");
    p = proto_of(8, &none);
    expect_refusal(&p, TENON_STATUS_UNSUPPORTED, "STRING");
    p = proto_of(0, &none);
    expect_refusal(&p, TENON_STATUS_BAD_DATA, "element type 0");
    p = proto_of(1000, &none);
    expect_refusal(&p, TENON_STATUS_BAD_DATA, "element type 1000");
    p = proto_of(1, huge);
    p.n_dims = 2;
    expect_refusal(&p, TENON_STATUS_BAD_DATA, "too large");
}
END_TEST

/* Where external data may lie, and where they may not. */
START_TEST(keeps_external_data_inside) {
    /* clang-format off */
    static const struct {
        const char *location, *offset, *length;
        tenon_status status;
        const char *says;
    } rows[] = {
        {"data", "4", "8", TENON_STATUS_OK, ""},
        {"./data", "4", NULL, TENON_STATUS_OK, ""},
        {"inner/data", NULL, "8", TENON_STATUS_OK, ""},
        {"data", "8", "8", TENON_STATUS_BAD_DATA, "ends at byte 12"},
        {"data", "18446744073709551615", "8", TENON_STATUS_BAD_DATA, "ends at byte 12"},
        {"data", "18446744073709551616", "8", TENON_STATUS_BAD_DATA, "no number"},
        {"data", "-4", "8", TENON_STATUS_BAD_DATA, "no number"},
        {"data", "0", "4", TENON_STATUS_BAD_DATA, "need 8 bytes"},
        {"../data", "0", "8", TENON_STATUS_BAD_DATA, "no path inside"},
        {"inner/../data", "0", "8", TENON_STATUS_BAD_DATA, "no path inside"},
        {"/etc/hostname", "0", "8", TENON_STATUS_BAD_DATA, "no path inside"},
        {"", "0", "8", TENON_STATUS_BAD_DATA, "no path inside"},
        {"link", "0", "8", TENON_STATUS_BAD_DATA, "symbolic link"},
        {"linked/data", "0", "8", TENON_STATUS_BAD_DATA, "symbolic link"},
        {"inner", "0", "8", TENON_STATUS_BAD_DATA, "regular file"},
        {"missing", "0", "8", TENON_STATUS_NOT_FOUND, "missing"},
        {NULL, "0", "8", TENON_STATUS_BAD_DATA, "no location"},
    };
    /* clang-format on */
    int64_t two = 2;
    write_bytes("data", "\0\0\0\0\1\0\0\0\2\0\0\0", 12);
    ck_assert_int_eq(mkdir(path_of("inner"), 0700), 0);
    write_bytes("inner/data", "\1\0\0\0\2\0\0\0", 8);
    ck_assert_int_eq(symlink("data", path_of("link")), 0);
    ck_assert_int_eq(symlink("inner", path_of("linked")), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *keys[] = {"location", "offset", "length"},
                   *values[] = {rows[i].location, rows[i].offset, rows[i].length};
        Onnx__StringStringEntryProto entries[3], *list[3];
        Onnx__TensorProto p = proto_of(6, &two);
        p.has_data_location = 1;
        p.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
        p.external_data = list;
        for (size_t k = 0; k < 3; k++) {
            if (!values[k]) continue;
            entries[k] = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
            entries[k].key = (char *)keys[k];
            entries[k].value = (char *)values[k];
            list[p.n_external_data++] = &entries[k];
        }
        if (rows[i].status != TENON_STATUS_OK) {
            expect_refusal(&p, rows[i].status, rows[i].says);
            continue;
        }
        write_proto("p.pb", &p);
        expect_bytes("p.pb", TENON_DTYPE_I32, (int32_t[]){1, 2}, 8);
        ck_assert_int_eq(unlink(path_of("p.pb")), 0);
    }
    static const char *const made[] = {"data", "inner/data", "link", "linked"};
    for (size_t i = 0; i < 4; i++) ck_assert_int_eq(unlink(path_of(made[i])), 0);
    ck_assert_int_eq(rmdir(path_of("inner")), 0);
}
END_TEST

int main(void) {
    if (!mkdtemp(folder)) return perror(folder), EXIT_FAILURE;
    Suite *suite = suite_create("array");
    TCase *tests = tcase_create("array");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, reads_npy);
    tcase_add_test(tests, refuses_broken_npy);
    tcase_add_test(tests, refuses_cut_npy);
    tcase_add_test(tests, writes_what_it_reads);
    tcase_add_test(tests, header_is_aligned);
    tcase_add_test(tests, failed_write_leaves_no_file);
    tcase_add_test(tests, writes_where_a_name_leads);
    tcase_add_test(tests, refuses_what_is_no_file);
    tcase_add_test(tests, refuses_impossible_arrays);
    tcase_add_test(tests, reads_typed_fields);
    tcase_add_test(tests, refuses_broken_protos);
    tcase_add_test(tests, keeps_external_data_inside);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    rmdir(folder);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
