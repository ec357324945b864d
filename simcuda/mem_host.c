/* SPDX-License-Identifier: Apache-2.0 */
/* Page-locked host memory. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "simcuda/engine.h"
#include "simcuda/core.h"

#define HOST_ALLOC_FLAGS 0x7u		/* portable, mapped, write-combined */
#define HOST_REGISTER_FLAGS 0xfu	/* portable, mapped, I/O memory, read-only */
#define MAPPED_FLAG 0x2u
#define PIN_NS_PER_PAGE 120

IMPL(cuMemHostAlloc)(void **pp, size_t bytesize, unsigned int Flags)
{
	CUresult result;
	struct sim_context *context = sim_current_sound(&result);
	struct sim_allocation *allocation;

	if (!context)
		return result;
	if (!pp || bytesize == 0 || Flags & ~HOST_ALLOC_FLAGS)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_capture_check_unsafe();
	if (result != CUDA_SUCCESS)
		return result;
	sim_host_cost("host_alloc", 5000 + bytesize / 4096 * PIN_NS_PER_PAGE);
	result = sim_allocation_create(&(struct sim_allocation_request) {
					       .bytes = bytesize, .kind = SIM_HOST,
					       .context = context, .flags = Flags },
				       &allocation);
	if (result == CUDA_SUCCESS)
		*pp = (void *)allocation->base;
	return result;
}

/* With unified addressing all pinned memory is mapped. */
IMPL(cuMemAllocHost_v2)(void **pp, size_t bytesize)
{
	return impl_cuMemHostAlloc(pp, bytesize, MAPPED_FLAG);
}

IMPL(cuMemAllocHost)(void **pp, unsigned int bytesize)
{
	return impl_cuMemHostAlloc(pp, bytesize, 0);
}

IMPL(cuMemFreeHost)(void *p)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_allocation *allocation;
	uint64_t id;

	if (!context)
		return result;
	if (!p)
		return CUDA_SUCCESS;
	allocation = sim_allocation_at((uintptr_t)p);
	if (!allocation || allocation->kind != SIM_HOST)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_capture_check_unsafe();
	if (result != CUDA_SUCCESS)
		return result;
	id = allocation->id;
	sim_host_cost("host_free", 5000);
	result = sim_device_synchronize(context->device);
	if (!sim_allocation_detach(allocation, id))
		return CUDA_ERROR_INVALID_VALUE;
	sim_allocation_reclaim(allocation);
	return result;
}

/* Is every page of the range mapped? */
static bool is_mapped(const void *address, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)address & ~(page - 1);

	return msync((void *)first, (uintptr_t)address + bytes - first, MS_ASYNC) == 0 ||
	       errno != ENOMEM;
}

IMPL(cuMemHostRegister_v2)(void *p, size_t bytesize, unsigned int Flags)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_allocation *allocation;

	if (!context)
		return result;
	if (!p || bytesize == 0 || Flags & ~HOST_REGISTER_FLAGS || !is_mapped(p, bytesize))
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("host_register", 5000 + bytesize / 4096 * PIN_NS_PER_PAGE);
	return sim_allocation_create(&(struct sim_allocation_request) {
					     .bytes = bytesize, .kind = SIM_REGISTERED, .base = p,
					     .context = context, .flags = Flags },
				     &allocation);
}

IMPL(cuMemHostRegister)(void *p, size_t bytesize, unsigned int Flags)
{
	return impl_cuMemHostRegister_v2(p, bytesize, Flags);
}

IMPL(cuMemHostUnregister)(void *p)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_allocation *allocation;

	if (!context)
		return result;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	allocation = sim_allocation_at((uintptr_t)p);
	if (!allocation || allocation->kind != SIM_REGISTERED)
		return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
	result = sim_device_synchronize(context->device);
	sim_allocation_destroy(allocation);
	return result;
}

static struct sim_allocation *pinned_at(const void *p)
{
	struct sim_allocation *allocation = sim_memory_find(p);

	if (!allocation)
		return NULL;
	return allocation->kind == SIM_HOST || allocation->kind == SIM_REGISTERED ? allocation : NULL;
}

IMPL(cuMemHostGetDevicePointer_v2)(CUdeviceptr *pdptr, void *p, unsigned int Flags)
{
	CUresult result;

	if (!sim_current(&result))
		return result;
	if (!pdptr || Flags || !pinned_at(p))
		return CUDA_ERROR_INVALID_VALUE;
	*pdptr = (uintptr_t)p;
	return CUDA_SUCCESS;
}

/* Host addresses do not fit the first version's 32 bits. */
IMPL(cuMemHostGetDevicePointer)(CUdeviceptr_v1 *pdptr, void *p, unsigned int Flags)
{
	if (!pdptr || Flags || !pinned_at(p))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_ERROR_NOT_SUPPORTED;
}

IMPL(cuMemHostGetFlags)(unsigned int *pFlags, void *p)
{
	CUresult result;
	struct sim_allocation *allocation;

	if (!sim_current(&result))
		return result;
	allocation = pinned_at(p);
	if (!pFlags || !allocation || allocation->kind != SIM_HOST)
		return CUDA_ERROR_INVALID_VALUE;
	*pFlags = allocation->flags | MAPPED_FLAG;
	return CUDA_SUCCESS;
}
