/* SPDX-License-Identifier: Apache-2.0 */
/* cuMemAlloc and cuMemFree: ordinary device memory, pitched and managed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"
#include "simcuda/core.h"

#define PITCH_BYTES 512
#define ALLOC_COST_NS 3000
#define FREE_COST_NS 2500

static CUresult allocate(CUdeviceptr *dptr, size_t bytes, enum sim_memory_kind kind, unsigned flags)
{
	CUresult result;
	struct sim_context *context = sim_current_sound(&result);
	struct sim_allocation *allocation;

	if (!context)
		return result;
	if (!dptr || bytes == 0)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_capture_check_unsafe();
	if (result != CUDA_SUCCESS)
		return result;
	sim_host_cost("alloc", ALLOC_COST_NS);
	result = sim_allocation_create(&(struct sim_allocation_request) {
					       .bytes = bytes, .kind = kind, .flags = flags,
					       .device = context->device, .context = context },
				       &allocation);
	if (result == CUDA_SUCCESS)
		*dptr = allocation->base;
	return result;
}

IMPL(cuMemAlloc_v2)(CUdeviceptr *dptr, size_t bytesize)
{
	return allocate(dptr, bytesize, SIM_DEVICE, 0);
}

IMPL(cuMemAllocPitch_v2)(CUdeviceptr *dptr, size_t *pPitch, size_t WidthInBytes, size_t Height,
			 unsigned int ElementSizeBytes)
{
	size_t pitch = (WidthInBytes + PITCH_BYTES - 1) / PITCH_BYTES * PITCH_BYTES, bytes;
	CUresult result;

	if (!pPitch || WidthInBytes == 0 || pitch < WidthInBytes ||
	    (ElementSizeBytes != 4 && ElementSizeBytes != 8 && ElementSizeBytes != 16) ||
	    __builtin_mul_overflow(pitch, Height, &bytes))
		return CUDA_ERROR_INVALID_VALUE;
	result = allocate(dptr, bytes, SIM_DEVICE, 0);
	if (result == CUDA_SUCCESS)
		*pPitch = pitch;
	return result;
}

IMPL(cuMemAllocManaged)(CUdeviceptr *dptr, size_t bytesize, unsigned int flags)
{
	if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)
		return CUDA_ERROR_INVALID_VALUE;
	return allocate(dptr, bytesize, SIM_MANAGED, flags);
}

/* The first version's addresses have 32 bits, and ours do not fit. */
IMPL(cuMemAlloc)(CUdeviceptr_v1 *dptr, unsigned int bytesize)
{
	return dptr && bytesize ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemAllocPitch)(CUdeviceptr_v1 *dptr, unsigned int *pPitch, unsigned int WidthInBytes,
		      unsigned int Height, unsigned int ElementSizeBytes)
{
	(void)ElementSizeBytes;
	return dptr && pPitch && WidthInBytes && Height ? CUDA_ERROR_NOT_SUPPORTED :
							  CUDA_ERROR_INVALID_VALUE;
}

static bool may_be_freed(const struct sim_allocation *allocation)
{
	return allocation && !__atomic_load_n(&allocation->is_freeing, __ATOMIC_ACQUIRE) &&
	       (allocation->kind == SIM_DEVICE || allocation->kind == SIM_MANAGED ||
		allocation->kind == SIM_ASYNC);
}

/* Freeing waits for the device, as real drivers do; the work may still use the memory. */
IMPL(cuMemFree_v2)(CUdeviceptr dptr)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_allocation *allocation;
	uint64_t id;

	if (!context)
		return result;
	if (!dptr)
		return CUDA_SUCCESS;
	allocation = sim_allocation_at((uintptr_t)dptr);
	if (!may_be_freed(allocation))
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_capture_check_unsafe();
	if (result != CUDA_SUCCESS)
		return result;
	id = allocation->id;
	sim_host_cost("free", FREE_COST_NS);
	result = sim_device_synchronize(allocation->device);
	if (!sim_allocation_detach(allocation, id))
		return CUDA_ERROR_INVALID_VALUE;
	if (allocation->kind == SIM_ASYNC)
		sim_pool_give_back(allocation);
	sim_allocation_reclaim(allocation);
	return result == CUDA_SUCCESS ? context->error : result;
}

IMPL(cuMemFree)(CUdeviceptr_v1 dptr)
{
	return impl_cuMemFree_v2(dptr);
}
