/* Launching. A launch is checked and resolved to a *call* on the caller's thread (addresses, symbol values, items), then
 * run there when it is small and the stream is idle, else queued. */
#ifndef CPU_LAUNCH_H
#define CPU_LAUNCH_H

#include "work.h"

tenon_status cpu_launch(tenon_stream *stream, tenon_exec *exec, const tenon_launch *what);

#endif
