/* What the planted plugin does wrong: the fake device of ../../loader with a deed in a row that the environment chooses. */
#ifndef TENON_HARNESS_TESTS_PLANTED_H
#define TENON_HARNESS_TESTS_PLANTED_H

#include <stdint.h>

#include <tenon/status.h>

/* A row of planted_cases.c tells which it is by writing these to the device. */
#define PLANTED_MAGIC 0x706c616e74656421u
typedef struct planted_row {
    uint64_t magic, index;
} planted_row;

/* Deeds: TENON_PLANTED is "DEED:ROW", or several with commas between. */
tenon_status planted_write(const void *source, uint64_t size);
void planted_open(void);
void planted_close(void);

#endif
