/* The device under test, in a worker. */
#ifndef TENON_HARNESS_WORKER_DEVICE_H
#define TENON_HARNESS_WORKER_DEVICE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Opens cf_under_test as the command says. NULL, or the answer that says why not. */
cJSON *cfh_worker_device_open(const cJSON *command);

/* The answer that describes what was opened. */
cJSON *cfh_worker_device_describe(void);

/* Health, and a few bytes that go to the device and back. False: out_text says what is wrong. */
bool cfh_worker_device_works(char *out_text, size_t size);

/* Gives back what the host keeps on the device for later, so that what is left can be measured. */
void cfh_worker_device_settle(void);

void cfh_worker_device_close(void);

#endif
