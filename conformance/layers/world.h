/* Layers around the double, opened as the loader opens them, and one object of each kind on top. */
#ifndef TENON_TESTS_WORLD_H
#define TENON_TESTS_WORLD_H

#include <check.h>

#include "double.h"
#include "layers/layer.h"

enum { WORLD_MEMORY = 256 }; /* bytes of each memory */

typedef struct world {
    tenon__hooks hooks;
    tenon_instance *instance;
    tenon_device *device;
    tenon_device *other; /* device 1 */
    tenon_stream *stream;
    tenon_stream *second;
    tenon_memory *memory;
    tenon_memory *target;
    tenon_event *event;
    tenon_exec *exec; /* add: three f32 vectors of `symbol 0` elements, 1 to 16 */
    tenon_status status;
} world;

/* What the layers logged and reported, line after line. */
extern char world_heard[1 << 16];

/* Opens layers around the double. Fails the test when that fails. */
void world_open(world *w, const char *names, uint32_t bend);

/* Device, its types, streams, memory, event, exec: false when a call fails, its status in `status`. */
int world_fill(world *w);

/* Gives back what is there, and closes. */
void world_close(world *w);

/* A work that adds vectors of `symbol 0` elements, and what prepare fills for it. Owner: static. */
const tenon_work *world_work(void);
tenon_exec_info *world_info(void);

/* Launches the exec with `count` elements: memory + memory -> target, at byte offsets. */
tenon_status world_launch(world *w, tenon_stream *stream, int64_t count, uint64_t from, uint64_t to);

#endif
