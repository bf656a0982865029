#include "text_arrays.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/helpers.h>

static void store(const tenonh_array *array, int64_t index, const char *number) {
    switch (array->dtype) {
    case TENON_DTYPE_F32: ((float *)array->data)[index] = strtof(number, NULL); break;
    case TENON_DTYPE_I64: ((int64_t *)array->data)[index] = strtoll(number, NULL, 10); break;
    default: ((unsigned char *)array->data)[index] = (unsigned char)strtol(number, NULL, 10);
    }
}

uint32_t read_arrays(const char *text, tenonh_array *arrays) {
    uint32_t count = 0;
    char copy[1024], *save = NULL;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *part = strtok_r(copy, ";", &save); part; part = strtok_r(NULL, ";", &save)) {
        char name[8] = "", *at = part + strspn(part, " ");
        int64_t dims[8];
        uint32_t rank = 0;
        size_t length = strcspn(at, "[");
        memcpy(name, at, length);
        for (at += length + 1; *at != ']'; at += *at == ',') dims[rank++] = strtoll(at, &at, 10);
        ck_assert_int_eq(tenonh_array_create(tenon_dtype_by_name(name), rank, dims, &arrays[count]), TENON_STATUS_OK);
        char *number = at + 1;
        for (int64_t i = 0; i < tenonh_array_count(&arrays[count]); i++) {
            number += strspn(number, " ");
            store(&arrays[count], i, number);
            number += strcspn(number, " ");
        }
        count++;
    }
    return count;
}

void free_arrays(tenonh_array *arrays, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) tenonh_array_free(&arrays[i]);
}

bool are_equal(const tenonh_array *a, const tenonh_array *b) {
    return a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0 &&
           (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}
