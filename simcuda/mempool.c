/* SPDX-License-Identifier: Apache-2.0 */
/* Memory pools, and the allocations that are ordered in streams. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>

#include "simcuda/mempool.h"

#define GROWTH_BYTES ((size_t)32 << 20)		/* a pool reserves this much at a time, or */
#define PAGE_BYTES ((size_t)2 << 20)		/* less when the device has not that much */
#define UNIT_BYTES 512
#define CACHED_COST_NS 1200
#define GROWTH_COST_NS 60000

pthread_mutex_t sim_pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_pool *pools;	/* guarded by sim_pool_lock; structures stay for good */

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

struct sim_pool *sim_pool_of(CUmemoryPool handle)
{
	struct sim_pool *pool;

	pthread_mutex_lock(&sim_pool_lock);
	for (pool = pools; pool && pool != (struct sim_pool *)handle; pool = pool->next)
		;
	if (pool && pool->is_destroyed)
		pool = NULL;
	pthread_mutex_unlock(&sim_pool_lock);
	return pool;
}

CUresult sim_pool_create(struct sim_device *device, const CUmemPoolProps *properties,
			 struct sim_pool **created)
{
	struct sim_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pool->device = device;
	pool->properties = *properties;
	pool->reuse[0] = pool->reuse[1] = pool->reuse[2] = 1;
	pool->access[device->ordinal] = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
	pthread_mutex_lock(&sim_pool_lock);
	pool->next = pools;
	pools = pool;
	pthread_mutex_unlock(&sim_pool_lock);
	*created = pool;
	return CUDA_SUCCESS;
}

CUresult sim_pools_open(struct sim_device *device)
{
	CUmemPoolProps properties = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
				      .location = { CU_MEM_LOCATION_TYPE_DEVICE,
						    device->ordinal } };
	struct sim_pool *pool;
	CUresult result = sim_pool_create(device, &properties, &pool);

	if (result != CUDA_SUCCESS)
		return result;
	pool->is_default = true;
	device->default_pool = device->current_pool = (CUmemoryPool)pool;
	return CUDA_SUCCESS;
}

bool sim_pool_take(struct sim_pool *pool, size_t bytes)
{
	bool fits = true, grows;

	bytes = round_up(bytes, UNIT_BYTES);
	pthread_mutex_lock(&sim_pool_lock);
	grows = pool->used_bytes + bytes > pool->reserved_bytes;
	if (grows) {
		size_t missing = pool->used_bytes + bytes - pool->reserved_bytes;
		size_t growth = round_up(missing, GROWTH_BYTES);

		fits = pool->properties.maxSize == 0 ||
		       pool->used_bytes + bytes <= pool->properties.maxSize;
		if (fits && !sim_device_charge(pool->device, growth)) {
			growth = round_up(missing, PAGE_BYTES);
			fits = sim_device_charge(pool->device, growth);
		}
		pool->reserved_bytes += fits ? growth : 0;
	}
	if (fits) {
		pool->live++;
		pool->used_bytes += bytes;
		if (pool->used_bytes > pool->used_high_bytes)
			pool->used_high_bytes = pool->used_bytes;
		if (pool->reserved_bytes > pool->reserved_high_bytes)
			pool->reserved_high_bytes = pool->reserved_bytes;
	}
	pthread_mutex_unlock(&sim_pool_lock);
	sim_host_cost("alloc_async", grows ? GROWTH_COST_NS : CACHED_COST_NS);
	return fits;
}

/* With sim_pool_lock held. */
static void trim(struct sim_pool *pool, uint64_t keep_bytes)
{
	uint64_t keep = round_up(pool->used_bytes, PAGE_BYTES);

	if (keep < keep_bytes)
		keep = keep_bytes;
	if (keep < pool->reserved_bytes) {
		sim_device_uncharge(pool->device, pool->reserved_bytes - keep);
		pool->reserved_bytes = keep;
	}
}

void sim_pool_trim(struct sim_pool *pool, uint64_t keep_bytes)
{
	pthread_mutex_lock(&sim_pool_lock);
	trim(pool, keep_bytes);
	pthread_mutex_unlock(&sim_pool_lock);
}

void sim_pools_trim(struct sim_device *device)
{
	pthread_mutex_lock(&sim_pool_lock);
	for (struct sim_pool *pool = pools; pool; pool = pool->next)
		if (pool->device == device)
			trim(pool, pool->threshold_bytes);
	pthread_mutex_unlock(&sim_pool_lock);
}

void sim_pool_give_back(struct sim_allocation *allocation)
{
	struct sim_pool *pool = (struct sim_pool *)allocation->pool;

	if (!pool)
		return;
	pthread_mutex_lock(&sim_pool_lock);
	pool->used_bytes -= round_up(allocation->bytes, UNIT_BYTES);
	pool->live--;
	if (pool->is_destroyed)	/* it goes with its last allocation */
		trim(pool, 0);
	pthread_mutex_unlock(&sim_pool_lock);
}

void sim_memory_release(struct sim_allocation *allocation)
{
	if (!sim_allocation_detach(allocation, allocation->id))
		return;
	sim_pool_give_back(allocation);
	sim_allocation_reclaim(allocation);
}

/* --- stream-ordered allocation ------------------------------------------------------------------ */

static CUresult allocate(CUdeviceptr *dptr, size_t bytes, struct sim_pool *pool, CUstream handle,
			 bool is_per_thread)
{
	CUresult result;
	struct sim_context *context = sim_current_sound(&result);
	struct sim_allocation *allocation;
	struct sim_stream *stream;

	if (!context)
		return result;
	if (!dptr || bytes == 0 || bytes > SIZE_MAX / 2)
		return CUDA_ERROR_INVALID_VALUE;
	stream = sim_stream_of(handle, is_per_thread, &result);
	if (!stream)
		return result;
	if (!pool)
		pool = (struct sim_pool *)context->device->current_pool;
	if (!sim_pool_take(pool, bytes))
		return CUDA_ERROR_OUT_OF_MEMORY;
	result = sim_allocation_create(&(struct sim_allocation_request) {
					       .bytes = bytes, .kind = SIM_ASYNC,
					       .device = pool->device, .context = context,
					       .stream = stream, .pool = (CUmemoryPool)pool,
					       .is_uncharged = true },
				       &allocation);
	if (result != CUDA_SUCCESS) {
		sim_pool_give_back(&(struct sim_allocation) { .bytes = bytes,
							      .pool = (CUmemoryPool)pool });
		return result;
	}
	result = sim_stream_memory_op(stream, allocation, false);
	if (result != CUDA_SUCCESS) {
		sim_memory_release(allocation);
		return result;
	}
	*dptr = allocation->base;
	return CUDA_SUCCESS;
}

IMPL(cuMemAllocAsync)(CUdeviceptr *dptr, size_t bytesize, CUstream hStream)
{
	return allocate(dptr, bytesize, NULL, hStream, false);
}

IMPL(cuMemAllocAsync_ptsz)(CUdeviceptr *dptr, size_t bytesize, CUstream hStream)
{
	return allocate(dptr, bytesize, NULL, hStream, true);
}

static CUresult allocate_from(CUdeviceptr *dptr, size_t bytes, CUmemoryPool handle, CUstream stream,
			      bool is_per_thread)
{
	struct sim_pool *pool = sim_pool_of(handle);

	return pool ? allocate(dptr, bytes, pool, stream, is_per_thread) : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemAllocFromPoolAsync)(CUdeviceptr *dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream)
{
	return allocate_from(dptr, bytesize, pool, hStream, false);
}

IMPL(cuMemAllocFromPoolAsync_ptsz)(CUdeviceptr *dptr, size_t bytesize, CUmemoryPool pool,
				   CUstream hStream)
{
	return allocate_from(dptr, bytesize, pool, hStream, true);
}

/* Memory of cuMemAlloc may be freed in stream order, too. */
static CUresult free_ordered(CUdeviceptr dptr, CUstream handle, bool is_per_thread)
{
	CUresult result;
	struct sim_allocation *allocation;
	struct sim_stream *stream;

	if (!sim_current(&result))
		return result;
	stream = sim_stream_of(handle, is_per_thread, &result);
	if (!stream)
		return result;
	allocation = sim_allocation_at((uintptr_t)dptr);
	if (!allocation || (allocation->kind != SIM_ASYNC && allocation->kind != SIM_DEVICE) ||
	    __atomic_exchange_n(&allocation->is_freeing, true, __ATOMIC_ACQ_REL))
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("free_async", CACHED_COST_NS);
	result = sim_stream_memory_op(stream, allocation, true);
	if (result != CUDA_SUCCESS)
		__atomic_store_n(&allocation->is_freeing, false, __ATOMIC_RELEASE);
	return result;
}

IMPL(cuMemFreeAsync)(CUdeviceptr dptr, CUstream hStream)
{
	return free_ordered(dptr, hStream, false);
}

IMPL(cuMemFreeAsync_ptsz)(CUdeviceptr dptr, CUstream hStream)
{
	return free_ordered(dptr, hStream, true);
}
