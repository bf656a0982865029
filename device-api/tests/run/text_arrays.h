/* Arrays as text, for tests that are tables: "f32[2,2] 1 2 3 4", several with ; between. f32, i64 and bool. */
#ifndef TESTS_RUN_TEXT_ARRAYS_H
#define TESTS_RUN_TEXT_ARRAYS_H

#include <stdbool.h>

#include <tenon/host/array.h>

/* Fills `arrays`; gives how many there are. */
uint32_t read_arrays(const char *text, tenonh_array *arrays);
void free_arrays(tenonh_array *arrays, uint32_t count);

/* Same dtype, dims and bits. */
bool are_equal(const tenonh_array *a, const tenonh_array *b);

#endif
