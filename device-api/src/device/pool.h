/* Pools of device memory: what the library allocates again and again (arenas, tensors that runs make) is kept when it is
 * released, by size class, and handed out again without the device's allocator.
 *
 * One pool for each memory type of a device, bounded by a share of the type's size; emptied when an allocation does not
 * fit, when the application trims the device, and when the device is closed. Thread: everything here is thread-safe. */
#ifndef TENON__DEVICE_POOL_H
#define TENON__DEVICE_POOL_H

#include "device/objects.h"

/* As tenonh_memory_create, from the pool of the type if it has memory of the size class. It is released like any other. */
tenon_status tenon__memory_create_pooled(tenonh_device *device, uint32_t type, uint64_t size,
                                         tenonh_memory **out_memory);

/* As tenonh_tensor_create, over pooled memory. */
tenon_status tenon__tensor_create_pooled(tenonh_device *device, tenon_dtype dtype, uint32_t rank, const int64_t *dims,
                                         tenonh_tensor **out_tensor);

/* The least size class of `size` bytes or more: eight to a doubling, so that at most an eighth is lost. */
uint64_t tenon__pool_class(uint64_t size);

/* Keeps memory that has no reference left, or says that it is not to be kept. */
bool tenon__pool_keep(tenonh_memory *memory);

/* Gives all kept memory back to the device; in a forked child, frees host memory only. */
void tenon__pools_empty(tenonh_device *device);

/* For devices whose memory types are known. */
tenon_status tenon__pools_init(tenonh_device *device);
void tenon__pools_end(tenonh_device *device); /* pools are empty */

#endif
