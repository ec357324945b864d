/* SPDX-License-Identifier: Apache-2.0 */
/* Managed memory: advice is remembered, prefetches keep their place in their stream. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>

#include "simcuda/engine.h"
#include "simcuda/core.h"

#define HOST_ORDINAL (-1)	/* CU_DEVICE_CPU */

/* The managed allocation that holds the whole range, or NULL. */
static struct sim_allocation *managed_range(CUdeviceptr address, size_t bytes)
{
	struct sim_allocation *allocation = sim_memory_find((void *)(uintptr_t)address);

	if (!allocation || allocation->kind != SIM_MANAGED || bytes == 0 ||
	    bytes > allocation->base + allocation->bytes - (uintptr_t)address)
		return NULL;
	return allocation;
}

/* A location as an ordinal, HOST_ORDINAL for any kind of host, SIM_NOWHERE for what is none. */
static int ordinal_of(const CUmemLocation *location)
{
	switch (location->type) {
	case CU_MEM_LOCATION_TYPE_DEVICE:
		return sim_device_get(location->id) ? location->id : SIM_NOWHERE;
	case CU_MEM_LOCATION_TYPE_HOST:
	case CU_MEM_LOCATION_TYPE_HOST_NUMA:
	case CU_MEM_LOCATION_TYPE_HOST_NUMA_CURRENT:
		return HOST_ORDINAL;
	default:
		return SIM_NOWHERE;
	}
}

static CUmemLocation location_of(CUdevice device)
{
	if (device == HOST_ORDINAL)
		return (CUmemLocation) { CU_MEM_LOCATION_TYPE_HOST, 0 };
	return (CUmemLocation) { CU_MEM_LOCATION_TYPE_DEVICE, device };
}

IMPL(cuMemAdvise_v2)(CUdeviceptr devPtr, size_t count, CUmem_advise advice, CUmemLocation location)
{
	struct sim_allocation *allocation;
	int ordinal = ordinal_of(&location);
	CUresult result;

	if (!sim_current(&result))
		return result;
	allocation = managed_range(devPtr, count);
	if (!allocation)
		return CUDA_ERROR_INVALID_VALUE;
	switch (advice) {
	case CU_MEM_ADVISE_SET_READ_MOSTLY:
	case CU_MEM_ADVISE_UNSET_READ_MOSTLY:
		allocation->is_read_mostly = advice == CU_MEM_ADVISE_SET_READ_MOSTLY;
		return CUDA_SUCCESS;
	case CU_MEM_ADVISE_SET_PREFERRED_LOCATION:
		if (ordinal == SIM_NOWHERE)
			return CUDA_ERROR_INVALID_DEVICE;
		allocation->preferred = ordinal;
		return CUDA_SUCCESS;
	case CU_MEM_ADVISE_UNSET_PREFERRED_LOCATION:
		allocation->preferred = SIM_NOWHERE;
		return CUDA_SUCCESS;
	case CU_MEM_ADVISE_SET_ACCESSED_BY:
	case CU_MEM_ADVISE_UNSET_ACCESSED_BY:
		return ordinal == SIM_NOWHERE ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

IMPL(cuMemAdvise)(CUdeviceptr devPtr, size_t count, CUmem_advise advice, CUdevice device)
{
	return impl_cuMemAdvise_v2(devPtr, count, advice, location_of(device));
}

/* --- prefetch ---------------------------------------------------------------------------------- */

static CUresult prefetch(CUdeviceptr address, size_t bytes, const CUmemLocation *location,
			 CUstream handle, bool is_per_thread)
{
	struct sim_task task = { .kind = SIM_TASK_EMPTY };
	struct sim_allocation *allocation;
	struct sim_stream *stream;
	int ordinal = ordinal_of(location);
	CUresult result;

	if (!sim_current(&result))
		return result;
	stream = sim_stream_of(handle, is_per_thread, &result);
	if (!stream)
		return result;
	if (ordinal == SIM_NOWHERE)
		return CUDA_ERROR_INVALID_DEVICE;
	allocation = managed_range(address, bytes);
	if (!allocation)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_submit(stream, &task, NULL);
	if (result == CUDA_SUCCESS)
		allocation->location = ordinal;
	return result;
}

IMPL(cuMemPrefetchAsync)(CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream)
{
	CUmemLocation location = location_of(dstDevice);

	return prefetch(devPtr, count, &location, hStream, false);
}

IMPL(cuMemPrefetchAsync_ptsz)(CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream)
{
	CUmemLocation location = location_of(dstDevice);

	return prefetch(devPtr, count, &location, hStream, true);
}

IMPL(cuMemPrefetchAsync_v2)(CUdeviceptr devPtr, size_t count, CUmemLocation location,
			    unsigned int flags, CUstream hStream)
{
	return flags ? CUDA_ERROR_INVALID_VALUE : prefetch(devPtr, count, &location, hStream, false);
}

IMPL(cuMemPrefetchAsync_v2_ptsz)(CUdeviceptr devPtr, size_t count, CUmemLocation location,
				 unsigned int flags, CUstream hStream)
{
	return flags ? CUDA_ERROR_INVALID_VALUE : prefetch(devPtr, count, &location, hStream, true);
}

/* Location i serves the ranges from its index up to the next location's. */
static CUresult prefetch_batch(const CUdeviceptr *addresses, const size_t *sizes, size_t count,
			       const CUmemLocation *locations, const size_t *indices,
			       size_t location_count, unsigned long long flags, CUstream stream,
			       bool is_per_thread)
{
	size_t location = 0;
	CUresult result = CUDA_SUCCESS;

	if (!addresses || !sizes || count == 0 || !locations || !indices || location_count == 0 ||
	    location_count > count || indices[0] != 0 || flags)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count && result == CUDA_SUCCESS; i++) {
		if (location + 1 < location_count && indices[location + 1] == i)
			location++;
		result = prefetch(addresses[i], sizes[i], &locations[location], stream,
				  is_per_thread);
	}
	return result;
}

#define PREFETCH_BATCH(symbol, is_per_thread)							\
	IMPL(symbol)(CUdeviceptr *dptrs, size_t *sizes, size_t count,				\
		     CUmemLocation *prefetchLocs, size_t *prefetchLocIdxs,			\
		     size_t numPrefetchLocs, unsigned long long flags, CUstream hStream)	\
	{											\
		return prefetch_batch(dptrs, sizes, count, prefetchLocs, prefetchLocIdxs,	\
				      numPrefetchLocs, flags, hStream, is_per_thread);		\
	}
PREFETCH_BATCH(cuMemPrefetchBatchAsync, false)
PREFETCH_BATCH(cuMemPrefetchBatchAsync_ptsz, true)
PREFETCH_BATCH(cuMemDiscardAndPrefetchBatchAsync, false)
PREFETCH_BATCH(cuMemDiscardAndPrefetchBatchAsync_ptsz, true)

static CUresult discard_batch(const CUdeviceptr *addresses, const size_t *sizes, size_t count,
			      unsigned long long flags, CUstream handle, bool is_per_thread)
{
	struct sim_task task = { .kind = SIM_TASK_EMPTY };
	struct sim_stream *stream;
	CUresult result;

	if (!sim_current(&result))
		return result;
	stream = sim_stream_of(handle, is_per_thread, &result);
	if (!stream)
		return result;
	if (!addresses || !sizes || count == 0 || flags)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++)
		if (!managed_range(addresses[i], sizes[i]))
			return CUDA_ERROR_INVALID_VALUE;
	return sim_submit(stream, &task, NULL);
}

IMPL(cuMemDiscardBatchAsync)(CUdeviceptr *dptrs, size_t *sizes, size_t count,
			     unsigned long long flags, CUstream hStream)
{
	return discard_batch(dptrs, sizes, count, flags, hStream, false);
}

IMPL(cuMemDiscardBatchAsync_ptsz)(CUdeviceptr *dptrs, size_t *sizes, size_t count,
				  unsigned long long flags, CUstream hStream)
{
	return discard_batch(dptrs, sizes, count, flags, hStream, true);
}

static CUresult attach(CUstream handle, CUdeviceptr address, unsigned flags, bool is_per_thread)
{
	struct sim_task task = { .kind = SIM_TASK_EMPTY };
	struct sim_allocation *allocation = sim_memory_find((void *)(uintptr_t)address);
	struct sim_stream *stream;
	CUresult result;

	if (!sim_current(&result))
		return result;
	stream = sim_stream_of(handle, is_per_thread, &result);
	if (!stream)
		return result;
	if (!allocation || allocation->kind != SIM_MANAGED ||
	    (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST &&
	     flags != CU_MEM_ATTACH_SINGLE))
		return CUDA_ERROR_INVALID_VALUE;
	return sim_submit(stream, &task, NULL);
}

IMPL(cuStreamAttachMemAsync)(CUstream hStream, CUdeviceptr dptr, size_t length, unsigned int flags)
{
	(void)length;
	return attach(hStream, dptr, flags, false);
}

IMPL(cuStreamAttachMemAsync_ptsz)(CUstream hStream, CUdeviceptr dptr, size_t length,
				  unsigned int flags)
{
	(void)length;
	return attach(hStream, dptr, flags, true);
}

/* --- questions --------------------------------------------------------------------------------- */

static int location_type(int ordinal)
{
	if (ordinal == SIM_NOWHERE)
		return CU_MEM_LOCATION_TYPE_INVALID;
	return ordinal == HOST_ORDINAL ? CU_MEM_LOCATION_TYPE_HOST : CU_MEM_LOCATION_TYPE_DEVICE;
}

IMPL(cuMemRangeGetAttribute)(void *data, size_t dataSize, CUmem_range_attribute attribute,
			     CUdeviceptr devPtr, size_t count)
{
	struct sim_allocation *allocation;
	CUresult result;
	int value;

	if (!sim_current(&result))
		return result;
	allocation = managed_range(devPtr, count);
	if (!allocation || !data || dataSize < sizeof(int) || dataSize % sizeof(int))
		return CUDA_ERROR_INVALID_VALUE;
	switch (attribute) {
	case CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY:
		value = allocation->is_read_mostly;
		break;
	case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION:
	case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_ID:
		value = allocation->preferred;
		break;
	case CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION:
	case CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_ID:
		value = allocation->location;
		break;
	case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE:
		value = location_type(allocation->preferred);
		break;
	case CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE:
		value = location_type(allocation->location);
		break;
	case CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY:	/* not remembered: nobody */
		for (size_t i = 0; i < dataSize / sizeof(int); i++)
			((int *)data)[i] = SIM_NOWHERE;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
	memcpy(data, &value, sizeof(value));
	return CUDA_SUCCESS;
}

IMPL(cuMemRangeGetAttributes)(void **data, size_t *dataSizes, CUmem_range_attribute *attributes,
			      size_t numAttributes, CUdeviceptr devPtr, size_t count)
{
	CUresult result = CUDA_SUCCESS;

	if (!data || !dataSizes || !attributes || numAttributes == 0)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < numAttributes && result == CUDA_SUCCESS; i++)
		result = impl_cuMemRangeGetAttribute(data[i], dataSizes[i], attributes[i], devPtr,
						     count);
	return result;
}
