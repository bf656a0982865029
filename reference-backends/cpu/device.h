/* The one device: this machine's processor. */
#ifndef CPU_DEVICE_H
#define CPU_DEVICE_H

#include "cpu.h"

extern const tenon_device_hooks cpu_device_hooks;

#endif
