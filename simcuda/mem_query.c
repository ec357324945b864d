/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about memory: what is free, and what a pointer points to. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>

#include "simcuda/core.h"

IMPL(cuMemGetInfo_v2)(size_t *free, size_t *total)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!free || !total)
		return CUDA_ERROR_INVALID_VALUE;
	*total = context->device->profile->memory_bytes;
	pthread_mutex_lock(&sim_lock);
	*free = *total - context->device->used_bytes;
	pthread_mutex_unlock(&sim_lock);
	return CUDA_SUCCESS;
}

static unsigned clamp(size_t bytes)
{
	return bytes > UINT32_MAX ? UINT32_MAX : (unsigned)bytes;
}

IMPL(cuMemGetInfo)(unsigned int *free, unsigned int *total)
{
	size_t free_bytes, total_bytes;
	CUresult result = impl_cuMemGetInfo_v2(free ? &free_bytes : NULL, total ? &total_bytes : NULL);

	if (result == CUDA_SUCCESS) {
		*free = clamp(free_bytes);
		*total = clamp(total_bytes);
	}
	return result;
}

IMPL(cuMemGetAddressRange_v2)(CUdeviceptr *pbase, size_t *psize, CUdeviceptr dptr)
{
	CUresult result;
	struct sim_allocation *allocation;

	if (!sim_current(&result))
		return result;
	allocation = sim_memory_find((void *)(uintptr_t)dptr);
	if (!allocation)
		return CUDA_ERROR_NOT_FOUND;
	if (pbase)
		*pbase = allocation->base;
	if (psize)
		*psize = allocation->bytes;
	return CUDA_SUCCESS;
}

/* Our addresses have more bits than the first version's. */
IMPL(cuMemGetAddressRange)(CUdeviceptr_v1 *pbase, unsigned int *psize, CUdeviceptr_v1 dptr)
{
	CUresult result;

	(void)pbase;
	(void)psize;
	(void)dptr;
	return sim_current(&result) ? CUDA_ERROR_NOT_FOUND : result;
}

static bool is_host(const struct sim_allocation *allocation)
{
	return allocation->kind == SIM_HOST || allocation->kind == SIM_REGISTERED;
}

/* One attribute's value, copied out with its own width. */
struct value {
	uint64_t number;
	size_t bytes;
};

#define NUMBER(type, expression) ((struct value) { (uint64_t)(expression), sizeof(type) })

/* The attributes that are of 32 bits. */
static bool flag_of(const struct sim_allocation *allocation, CUpointer_attribute attribute,
		    unsigned *flag)
{
	switch (attribute) {
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*flag = is_host(allocation) ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
		return true;
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
		*flag = allocation->is_synchronous;
		return true;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*flag = allocation->kind == SIM_MANAGED;
		return true;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*flag = (unsigned)(allocation->device  ? allocation->device->ordinal :
				   allocation->context ? allocation->context->device->ordinal : 0);
		return true;
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
		*flag = allocation->kind == SIM_DEVICE;
		return true;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*flag = 1;
		return true;
	case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
	case CU_POINTER_ATTRIBUTE_IS_HW_DECOMPRESS_CAPABLE:
		*flag = 0;
		return true;
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*flag = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
		return true;
	default:
		return false;
	}
}

/* False for attributes that this memory does not have. */
static bool attribute_of(const struct sim_allocation *allocation, CUpointer_attribute attribute,
			 uintptr_t address, struct value *value)
{
	unsigned flag;

	if (flag_of(allocation, attribute, &flag)) {
		*value = NUMBER(unsigned, flag);
		return true;
	}
	switch (attribute) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*value = NUMBER(void *, (uintptr_t)allocation->context);
		return true;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*value = NUMBER(CUdeviceptr, address);
		return true;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		*value = NUMBER(void *, address);
		return is_host(allocation) || allocation->kind == SIM_MANAGED;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
	case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
		*value = NUMBER(uint64_t, allocation->id);
		return true;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
	case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
		*value = NUMBER(void *, allocation->base);
		return true;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
	case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
		*value = NUMBER(size_t, allocation->bytes);
		return true;
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
		*value = NUMBER(uint64_t, allocation->kind == SIM_VMM ? allocation->flags : 0);
		return true;
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
		*value = NUMBER(void *, (uintptr_t)allocation->pool);
		return true;
	default:
		return false;
	}
}

IMPL(cuPointerGetAttribute)(void *data, CUpointer_attribute attribute, CUdeviceptr ptr)
{
	CUresult result;
	struct sim_allocation *allocation;
	struct value value;

	if (!sim_current(&result))
		return result;
	allocation = sim_memory_find((void *)(uintptr_t)ptr);
	if (!data || !allocation || !attribute_of(allocation, attribute, (uintptr_t)ptr, &value))
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(data, &value.number, value.bytes);
	return CUDA_SUCCESS;
}

/* Unlike the single question this one answers for foreign memory, too: with zeros. */
IMPL(cuPointerGetAttributes)(unsigned int numAttributes, CUpointer_attribute *attributes,
			     void **data, CUdeviceptr ptr)
{
	static const struct sim_allocation foreign = { .kind = SIM_HOST };
	CUresult result;
	const struct sim_allocation *allocation;

	if (!sim_current(&result))
		return result;
	if (!attributes || !data || numAttributes == 0)
		return CUDA_ERROR_INVALID_VALUE;
	allocation = sim_memory_find((void *)(uintptr_t)ptr);
	for (unsigned i = 0; i < numAttributes; i++) {
		struct value value = { 0, sizeof(void *) };
		bool is_known = attribute_of(allocation ? allocation : &foreign, attributes[i],
					     (uintptr_t)ptr, &value);

		if (!data[i] || attributes[i] == CU_POINTER_ATTRIBUTE_P2P_TOKENS)
			return CUDA_ERROR_INVALID_VALUE;
		if (!allocation || !is_known) {
			value.number = 0;
			if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
				value.number = (uint64_t)-2;	/* the driver's "no device" */
		}
		memcpy(data[i], &value.number, value.bytes);
	}
	return CUDA_SUCCESS;
}

IMPL(cuPointerSetAttribute)(const void *value, CUpointer_attribute attribute, CUdeviceptr ptr)
{
	CUresult result;
	struct sim_allocation *allocation;

	if (!sim_current(&result))
		return result;
	allocation = sim_memory_find((void *)(uintptr_t)ptr);
	if (!value || !allocation || attribute != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS)
		return CUDA_ERROR_INVALID_VALUE;
	allocation->is_synchronous = *(const unsigned *)value != 0;
	return CUDA_SUCCESS;
}
