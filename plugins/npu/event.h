/* Events. What is waited for is not the event but the *point* that its last record made: an event may be recorded anew
 * or destroyed while streams still wait for an older point. */
#ifndef NPU_EVENT_H
#define NPU_EVENT_H

#include "npu.h"

extern const tenon_event_hooks npu_event_hooks;

#endif
