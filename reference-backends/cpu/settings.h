/* Settings of the environment. A value that means nothing is told in the host's log when a device opens, and is as if it
 * were not set: never guessed at, never silent. */
#ifndef CPU_SETTINGS_H
#define CPU_SETTINGS_H

#include <stdint.h>

#include <tenon/plugin.h>

enum { CPU_SETTINGS_MOST_THREADS = 1024 };

/* TENON_CPU_THREADS; 0 when it is unset or no whole number from 1 to CPU_SETTINGS_MOST_THREADS. */
uint32_t cpu_settings_threads(void);

/* Logs each setting that is ignored, and one that the machine cannot follow. */
void cpu_settings_check(const tenon_device *device);

#endif
