/* SPDX-License-Identifier: Apache-2.0 */
/* Pools as objects: created, asked, trimmed, chosen for a device. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>

#include "simcuda/mempool.h"

static struct sim_device *device_of(const CUmemLocation *location)
{
	return location && location->type == CU_MEM_LOCATION_TYPE_DEVICE ?
		       sim_device_get(location->id) : NULL;
}

IMPL(cuMemPoolCreate)(CUmemoryPool *pool, const CUmemPoolProps *poolProps)
{
	struct sim_device *device;
	struct sim_pool *created;
	CUresult result;

	if (!pool || !poolProps || poolProps->allocType != CU_MEM_ALLOCATION_TYPE_PINNED)
		return CUDA_ERROR_INVALID_VALUE;
	if (poolProps->handleTypes != CU_MEM_HANDLE_TYPE_NONE)
		return CUDA_ERROR_NOT_SUPPORTED;
	device = device_of(&poolProps->location);
	if (!device)
		return poolProps->location.type == CU_MEM_LOCATION_TYPE_DEVICE ?
			       CUDA_ERROR_INVALID_DEVICE : CUDA_ERROR_NOT_SUPPORTED;
	result = sim_pool_create(device, poolProps, &created);
	if (result == CUDA_SUCCESS)
		*pool = (CUmemoryPool)created;
	return result;
}

/* The handle is dead at once, the memory goes with the last allocation. */
IMPL(cuMemPoolDestroy)(CUmemoryPool pool)
{
	struct sim_pool *found = sim_pool_of(pool);

	if (!found || found->is_default)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_lock);
	if (found->device->current_pool == pool)
		found->device->current_pool = found->device->default_pool;
	pthread_mutex_unlock(&sim_lock);
	pthread_mutex_lock(&sim_pool_lock);
	found->is_destroyed = true;
	pthread_mutex_unlock(&sim_pool_lock);
	sim_pool_trim(found, 0);
	return CUDA_SUCCESS;
}

IMPL(cuMemPoolTrimTo)(CUmemoryPool pool, size_t minBytesToKeep)
{
	struct sim_pool *found = sim_pool_of(pool);

	if (!found)
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("pool_trim", 20000);
	sim_pool_trim(found, minBytesToKeep);
	return CUDA_SUCCESS;
}

IMPL(cuMemPoolGetAttribute)(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
	struct sim_pool *found = sim_pool_of(pool);
	uint64_t number;

	if (!found || !value)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_pool_lock);
	switch (attr) {
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
		number = found->threshold_bytes;
		break;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
		number = found->reserved_bytes;
		break;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
		number = found->reserved_high_bytes;
		break;
	case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
		number = found->used_bytes;
		break;
	case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
		number = found->used_high_bytes;
		break;
	default:
		number = 0;
	}
	if (attr >= CU_MEMPOOL_ATTR_RELEASE_THRESHOLD && attr <= CU_MEMPOOL_ATTR_USED_MEM_HIGH)
		memcpy(value, &number, sizeof(number));
	else if (attr >= CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES)
		memcpy(value, &found->reuse[(attr - 1) % 3], sizeof(int));
	pthread_mutex_unlock(&sim_pool_lock);
	return attr >= 1 && attr <= CU_MEMPOOL_ATTR_USED_MEM_HIGH ? CUDA_SUCCESS :
								    CUDA_ERROR_INVALID_VALUE;
}

/* High-water marks can only be set back, to zero: that means to what is current. */
static CUresult reset_high(uint64_t *high, uint64_t current, const void *value)
{
	uint64_t number;

	memcpy(&number, value, sizeof(number));
	if (number != 0)
		return CUDA_ERROR_INVALID_VALUE;
	*high = current;
	return CUDA_SUCCESS;
}

IMPL(cuMemPoolSetAttribute)(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
	struct sim_pool *found = sim_pool_of(pool);
	CUresult result = CUDA_SUCCESS;

	if (!found || !value)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_pool_lock);
	switch (attr) {
	case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
		memcpy(&found->reuse[attr - 1], value, sizeof(int));
		break;
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
		memcpy(&found->threshold_bytes, value, sizeof(uint64_t));
		break;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
		result = reset_high(&found->reserved_high_bytes, found->reserved_bytes, value);
		break;
	case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
		result = reset_high(&found->used_high_bytes, found->used_bytes, value);
		break;
	default:
		result = CUDA_ERROR_INVALID_VALUE;
	}
	pthread_mutex_unlock(&sim_pool_lock);
	return result;
}

IMPL(cuMemPoolSetAccess)(CUmemoryPool pool, const CUmemAccessDesc *map, size_t count)
{
	struct sim_pool *found = sim_pool_of(pool);

	if (!found || (count && !map))
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++) {
		struct sim_device *device = device_of(&map[i].location);

		if (!device)
			return CUDA_ERROR_INVALID_DEVICE;
		if (device == found->device && map[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
			return CUDA_ERROR_INVALID_VALUE;
		found->access[device->ordinal] = map[i].flags;
	}
	return CUDA_SUCCESS;
}

IMPL(cuMemPoolGetAccess)(CUmemAccess_flags *flags, CUmemoryPool memPool, CUmemLocation *location)
{
	struct sim_pool *found = sim_pool_of(memPool);
	struct sim_device *device = device_of(location);

	if (!flags || !found || !location)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	*flags = found->access[device->ordinal];
	return CUDA_SUCCESS;
}

/* --- a device's pools ------------------------------------------------------------------------- */

IMPL(cuDeviceGetDefaultMemPool)(CUmemoryPool *pool_out, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!pool_out)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	*pool_out = device->default_pool;
	return CUDA_SUCCESS;
}

IMPL(cuDeviceGetMemPool)(CUmemoryPool *pool, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);

	if (!pool)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&sim_lock);
	*pool = device->current_pool;
	pthread_mutex_unlock(&sim_lock);
	return CUDA_SUCCESS;
}

IMPL(cuDeviceSetMemPool)(CUdevice dev, CUmemoryPool pool)
{
	struct sim_device *device = sim_device_get(dev);
	struct sim_pool *found = sim_pool_of(pool);

	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!found || found->device != device)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_lock);
	device->current_pool = pool;
	pthread_mutex_unlock(&sim_lock);
	return CUDA_SUCCESS;
}

IMPL(cuMemGetDefaultMemPool)(CUmemoryPool *pool_out, CUmemLocation *location, CUmemAllocationType type)
{
	if (!pool_out || !location)
		return CUDA_ERROR_INVALID_VALUE;
	if (type != CU_MEM_ALLOCATION_TYPE_PINNED ||
	    location->type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_NOT_SUPPORTED;
	return impl_cuDeviceGetDefaultMemPool(pool_out, location->id);
}

IMPL(cuMemGetMemPool)(CUmemoryPool *pool, CUmemLocation *location, CUmemAllocationType type)
{
	if (!pool || !location)
		return CUDA_ERROR_INVALID_VALUE;
	if (type != CU_MEM_ALLOCATION_TYPE_PINNED ||
	    location->type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_NOT_SUPPORTED;
	return impl_cuDeviceGetMemPool(pool, location->id);
}

IMPL(cuMemSetMemPool)(CUmemLocation *location, CUmemAllocationType type, CUmemoryPool pool)
{
	if (!location)
		return CUDA_ERROR_INVALID_VALUE;
	if (type != CU_MEM_ALLOCATION_TYPE_PINNED ||
	    location->type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_NOT_SUPPORTED;
	return impl_cuDeviceSetMemPool(location->id, pool);
}
