#include "kernel/emit.h"
void tenon__print_tiles_item(tenon__emitter *e, const tenon__kernel_plan *kernel) { (void)e; (void)kernel; }
