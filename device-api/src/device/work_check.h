/* A work and a device's answer to it, held against the ABI's rules before anyone relies on them. */
#ifndef TENON__DEVICE_WORK_CHECK_H
#define TENON__DEVICE_WORK_CHECK_H

#include <tenon/work.h>

/* Checks that a work is well formed. Errors: INVALID, UNSUPPORTED (a descriptor from a newer header), with a message. */
tenon_status tenon__work_check(const tenon_work *work);

/* Checks what prepare answered to a checked work; `packs` tells whether the device has a pack hook, `alignment` is that of
 * its memory type 0.
 * Errors: INTERNAL with the rule broken. */
tenon_status tenon__answer_check(const tenon_work *work, const tenon_exec_info *info, int packs, uint64_t alignment);

#endif
