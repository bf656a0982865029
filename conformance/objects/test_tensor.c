/* Tensors: shapes and strides, moved to the device and back. */
#include <stdlib.h>

#include "fixture.h"

static fixture open_full(void) {
    return fixture_open(PLANTED_DIR "/libtenon_full.so", "full");
}

typedef struct shape {
    const char *name;
    uint32_t rank;
    int64_t dims[12], strides[12];
    uint64_t offset; /* bytes */
} shape;

/* Over memory of 256 f32. */
static const shape strided[] = {
    {"scalar", 0, {0}, {0}, 12},
    {"row major", 2, {3, 4}, {4, 1}, 0},
    {"transposed", 2, {3, 4}, {1, 3}, 8},
    {"every other", 1, {7}, {2}, 4},
    {"reversed", 1, {9}, {-1}, 32},
    {"both ways", 2, {4, 5}, {-20, 3}, 4 * 100},
    {"ones inside", 4, {1, 3, 1, 2}, {99, 5, -7, 2}, 0},
    {"empty", 3, {2, 0, 5}, {1, 1, 1}, 0},
    {"deep", 12, {1, 2, 1, 2, 1, 2, 1, 1, 2, 1, 1, 1}, {0, 64, 0, 16, 0, 4, 0, 0, 1, 0, 0, 0}, 0},
};

/* Element of row-major index `i`, in f32 from the start of the memory. */
static int64_t position(const shape *s, int64_t i) {
    int64_t at = (int64_t)(s->offset / 4);
    for (uint32_t axis = s->rank; axis-- > 0;) {
        at += i % s->dims[axis] * s->strides[axis];
        i /= s->dims[axis];
    }
    return at;
}

static void check_round_trip(const fixture *f, const shape *s) {
    tenonh_memory *memory = NULL;
    tenonh_tensor *tensor = NULL;
    uint32_t before[256], after[256], values[256], back[256] = {0}; /* bits, whatever floats they are */
    for (uint32_t i = 0; i < 256; i++) before[i] = ~i, values[i] = 1000 + i;
    ck_assert_uint_eq(tenonh_memory_create(f->device, 0, sizeof before, &memory), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_stream_write(f->stream, memory, 0, before, sizeof before), TENON_STATUS_OK);
    tenon_status status = tenonh_tensor_wrap(memory, s->offset, TENON_DTYPE_F32, s->rank, s->dims, s->strides, &tensor);
    ck_assert_msg(status == TENON_STATUS_OK, "%s: %s", s->name, tenonh_error_message());
    uint64_t size = tenonh_tensor_size(tensor);
    ck_assert_uint_eq(size, (uint64_t)tenonh_tensor_count(tensor) * 4);
    ck_assert_msg(tenonh_tensor_write(tensor, f->stream, values, size) == TENON_STATUS_OK, "%s", s->name);
    ck_assert_msg(tenonh_tensor_read(tensor, f->stream, back, size) == TENON_STATUS_OK, "%s", s->name);
    ck_assert_msg(memcmp(back, values, size) == 0, "%s: read is not what was written", s->name);
    ck_assert_uint_eq(tenonh_stream_read(f->stream, after, memory, 0, sizeof after), TENON_STATUS_OK);
    for (int64_t i = 0; i < tenonh_tensor_count(tensor); i++) {
        uint32_t *element = &after[position(s, i)];
        ck_assert_msg(*element == values[i], "%s: element %ld lies elsewhere", s->name, (long)i);
        *element = before[position(s, i)];
    }
    ck_assert_msg(memcmp(after, before, sizeof after) == 0, "%s: bytes between the elements changed", s->name);
    tenonh_tensor_release(tensor);
    tenonh_memory_release(memory);
}

START_TEST(strided_tensors_make_the_round_trip) {
    fixture f = open_full();
    for (size_t i = 0; i < sizeof strided / sizeof strided[0]; i++) check_round_trip(&f, &strided[i]);
    fixture_close(&f);
}
END_TEST

START_TEST(created_tensors_are_row_major) {
    fixture f = open_full();
    int64_t dims[] = {2, 3, 4};
    tenonh_tensor *tensor = NULL, *nibbles = NULL;
    ck_assert_uint_eq(tenonh_tensor_create(f.device, TENON_DTYPE_F64, 3, dims, &tensor), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_tensor_dtype(tensor), TENON_DTYPE_F64);
    ck_assert_uint_eq(tenonh_tensor_rank(tensor), 3);
    ck_assert_int_eq(tenonh_tensor_strides(tensor)[0], 12);
    ck_assert_int_eq(tenonh_tensor_strides(tensor)[2], 1);
    ck_assert_int_eq(tenonh_tensor_dims(tensor)[1], 3);
    ck_assert_uint_eq(tenonh_tensor_is_contiguous(tensor), 1);
    ck_assert_uint_eq(tenonh_tensor_size(tensor), 192);
    dims[0] = 5;
    ck_assert_uint_eq(tenonh_tensor_create(f.device, TENON_DTYPE_I4, 1, dims, &nibbles), TENON_STATUS_OK);
    ck_assert_uint_eq(tenonh_tensor_size(nibbles), 3);
    expect(tenonh_tensor_write(tensor, f.stream, dims, 191), TENON_STATUS_INVALID, "191 bytes given, it has 192");
    expect(tenonh_tensor_read(tensor, f.stream, NULL, 192), TENON_STATUS_INVALID, "NULL");
    tenonh_tensor_release(nibbles);
    tenonh_tensor_release(tensor);
    fixture_close(&f);
}
END_TEST

START_TEST(bad_tensors_are_refused) {
    static const struct {
        const char *words;
        tenon_dtype dtype;
        tenon_status status;
        shape s;
    } rows[] = {
        {"no dtype", 99, TENON_STATUS_INVALID, {"", 0, {0}, {0}, 0}},
        {"rank 33", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 33, {0}, {0}, 0}},
        {"dim 1 is -1", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 2, {1, -1}, {1, 1}, 0}},
        {"64 bits", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 3, {INT64_MAX, 2, 0}, {0, 0, 0}, 0}},
        {"64 bits", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 1, {INT64_MAX}, {1}, 0}},
        {"64 bits", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 2, {3, 3}, {INT64_MAX, 1}, 0}},
        {"leave the memory", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 1, {17}, {1}, 0}},
        {"leave the memory", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 1, {2}, {-1}, 0}},
        {"leave the memory", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 1, {2}, {1}, 60}},
        {"leave the memory", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 1, {0}, {1}, 68}},
        {"no multiple", TENON_DTYPE_F32, TENON_STATUS_INVALID, {"", 1, {2}, {1}, 2}},
        {"no strides", TENON_DTYPE_U4, TENON_STATUS_UNSUPPORTED, {"", 1, {2}, {2}, 0}},
    };
    fixture f = open_full();
    tenonh_memory *memory = NULL;
    ck_assert_uint_eq(tenonh_memory_create(f.device, 0, 64, &memory), TENON_STATUS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tenonh_tensor *tensor = NULL;
        const shape *s = &rows[i].s;
        expect(tenonh_tensor_wrap(memory, s->offset, rows[i].dtype, s->rank, s->dims, s->strides, &tensor),
               rows[i].status, rows[i].words);
        ck_assert_ptr_null(tensor);
    }
    tenonh_memory_release(memory);
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tensor");
    TCase *rows = tcase_create("tensor");
    tcase_add_test(rows, strided_tensors_make_the_round_trip);
    tcase_add_test(rows, created_tensors_are_row_major);
    tcase_add_test(rows, bad_tensors_are_refused);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
