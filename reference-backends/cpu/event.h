/* Events. What is waited for is not the event but the *point* that its last record made: an event may be recorded anew
 * or destroyed while streams still wait for an older point. */
#ifndef CPU_EVENT_H
#define CPU_EVENT_H

#include "cpu.h"

extern const tenon_event_hooks cpu_event_hooks;

#endif
