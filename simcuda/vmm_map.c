/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual memory management: address ranges, and mappings of physical memory into them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <search.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "simcuda/vmm.h"

#define MAP_COST_NS 8000

struct range {
	uintptr_t base;
	size_t bytes;
};

/* A mapping: the allocation in the table of memory, and what is behind it. */
struct mapping {
	struct range range;	/* first: the trees compare ranges */
	struct sim_allocation *allocation;
	struct sim_physical *physical;
	CUmemAccess_flags access[SIM_DEVICES_MAX];
};

/* Trees by address, guarded by sim_vmm_lock. A key equals what it overlaps. */
static void *ranges, *mappings;

static int compare(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->base + a->bytes <= b->base)
		return -1;
	return a->base >= b->base + b->bytes;
}

static void *find(void *const *tree, uintptr_t base, size_t bytes)
{
	struct range key = { base, bytes };
	void *node = tfind(&key, tree, compare);

	return node ? *(void **)node : NULL;
}

static struct mapping *mapping_at(uintptr_t address)
{
	return find(&mappings, address, 1);
}

struct sim_physical *sim_vmm_mapped_at(uintptr_t address)
{
	struct mapping *mapping = mapping_at(address);

	return mapping ? mapping->physical : NULL;
}

/* Reserves aligned address space by reserving more and giving back both ends. */
static void *reserve(size_t bytes, size_t alignment, void *wanted)
{
	size_t all = bytes + alignment;
	char *space, *aligned;

	space = mmap(wanted, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return NULL;
	if ((uintptr_t)space % alignment == 0)
		return space;
	munmap(space, bytes);
	space = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return NULL;
	aligned = (char *)(((uintptr_t)space + alignment - 1) / alignment * alignment);
	if (aligned > space)
		munmap(space, (size_t)(aligned - space));
	if (aligned + bytes < space + all)
		munmap(aligned + bytes, (size_t)(space + all - (aligned + bytes)));
	return aligned;
}

IMPL(cuMemAddressReserve)(CUdeviceptr *ptr, size_t size, size_t alignment, CUdeviceptr addr,
			  unsigned long long flags)
{
	struct range *range;
	void *space;
	bool is_kept;

	if (alignment == 0)
		alignment = SIM_VMM_GRANULARITY;
	if (!ptr || size == 0 || size % SIM_VMM_GRANULARITY || alignment & (alignment - 1) || flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (alignment < SIM_VMM_GRANULARITY)
		alignment = SIM_VMM_GRANULARITY;
	range = malloc(sizeof(*range));
	space = range ? reserve(size, alignment, (void *)(uintptr_t)addr) : NULL;
	if (!space) {
		free(range);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	range->base = (uintptr_t)space;
	range->bytes = size;
	pthread_mutex_lock(&sim_vmm_lock);
	is_kept = tsearch(range, &ranges, compare) != NULL;
	pthread_mutex_unlock(&sim_vmm_lock);
	if (!is_kept) {
		munmap(space, size);
		free(range);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*ptr = (uintptr_t)space;
	return CUDA_SUCCESS;
}

IMPL(cuMemAddressFree)(CUdeviceptr ptr, size_t size)
{
	struct range *range;

	if (!ptr || size == 0)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_vmm_lock);
	range = find(&ranges, (uintptr_t)ptr, 1);
	if (range && (range->base != ptr || range->bytes != size || find(&mappings, ptr, size)))
		range = NULL;
	if (range)
		tdelete(range, &ranges, compare);
	pthread_mutex_unlock(&sim_vmm_lock);
	if (!range)
		return CUDA_ERROR_INVALID_VALUE;
	munmap((void *)range->base, range->bytes);
	free(range);
	return CUDA_SUCCESS;
}

/* --- mappings ------------------------------------------------------------------------------ */

/* With the lock held. */
static bool is_reserved(uintptr_t base, size_t bytes)
{
	const struct range *range = find(&ranges, base, 1);

	return range && bytes <= range->bytes - (base - range->base);
}

/* Leaves the addresses reserved, with nothing behind them. */
static void unmap_pages(uintptr_t base, size_t bytes)
{
	mmap((void *)base, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
	     -1, 0);
}

/* Makes the pages and both tables' entries; with the lock held. */
static CUresult map_pages(struct mapping *mapping)
{
	struct sim_physical *physical = mapping->physical;
	struct sim_allocation_request request = {
		.bytes = mapping->range.bytes, .kind = SIM_VMM, .device = physical->device,
		.base = (void *)mapping->range.base, .is_uncharged = true, .is_unfailing = true,
		.flags = physical->properties.requestedHandleTypes,
	};
	CUresult result;

	if (mmap(request.base, request.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 physical->file, physical->offset) == MAP_FAILED)
		return CUDA_ERROR_OUT_OF_MEMORY;
	result = sim_allocation_create(&request, &mapping->allocation);
	if (result == CUDA_SUCCESS && !tsearch(mapping, &mappings, compare)) {
		sim_allocation_destroy(mapping->allocation);
		result = CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (result == CUDA_SUCCESS)
		physical->refs++;
	else
		unmap_pages(mapping->range.base, mapping->range.bytes);
	return result;
}

IMPL(cuMemMap)(CUdeviceptr ptr, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
	       unsigned long long flags)
{
	struct mapping *mapping;
	CUresult result = CUDA_ERROR_INVALID_VALUE;

	if (!ptr || size == 0 || ptr % SIM_VMM_GRANULARITY || size % SIM_VMM_GRANULARITY || offset || flags)
		return CUDA_ERROR_INVALID_VALUE;
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return CUDA_ERROR_OUT_OF_MEMORY;
	sim_host_cost("vmm_map", MAP_COST_NS);
	mapping->range = (struct range) { (uintptr_t)ptr, size };
	pthread_mutex_lock(&sim_vmm_lock);
	mapping->physical = sim_physical_of(handle);
	if (mapping->physical && size <= mapping->physical->bytes && is_reserved(ptr, size) &&
	    !find(&mappings, ptr, size))
		result = map_pages(mapping);
	pthread_mutex_unlock(&sim_vmm_lock);
	if (result != CUDA_SUCCESS)
		free(mapping);
	return result;
}

/* Does a whole number of mappings fill the range? With the lock held. */
static bool is_filled(uintptr_t base, size_t bytes)
{
	uintptr_t end = base + bytes;

	while (base < end) {
		const struct mapping *mapping = mapping_at(base);

		if (!mapping || mapping->range.base != base || mapping->range.bytes > end - base)
			return false;
		base += mapping->range.bytes;
	}
	return true;
}

static void unmap_all(uintptr_t base, size_t bytes)
{
	struct mapping *mapping;

	while ((mapping = find(&mappings, base, bytes))) {
		tdelete(mapping, &mappings, compare);
		sim_allocation_destroy(mapping->allocation);
		sim_physical_put(mapping->physical);
		free(mapping);
	}
	unmap_pages(base, bytes);
}

/* Unmapping waits for the devices, as freeing does. */
IMPL(cuMemUnmap)(CUdeviceptr ptr, size_t size)
{
	struct sim_device *device = NULL;
	const struct mapping *mapping;
	bool is_possible;

	if (!ptr || size == 0)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_vmm_lock);
	mapping = mapping_at((uintptr_t)ptr);
	if (mapping)
		device = mapping->physical->device;
	pthread_mutex_unlock(&sim_vmm_lock);
	sim_host_cost("vmm_unmap", MAP_COST_NS);
	if (device)
		sim_device_synchronize(device);
	pthread_mutex_lock(&sim_vmm_lock);
	is_possible = is_filled((uintptr_t)ptr, size);
	if (is_possible)
		unmap_all((uintptr_t)ptr, size);
	pthread_mutex_unlock(&sim_vmm_lock);
	return is_possible ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Rights are remembered and told, not enforced: no kernel runs here. */
IMPL(cuMemSetAccess)(CUdeviceptr ptr, size_t size, const CUmemAccessDesc *desc, size_t count)
{
	uintptr_t at = (uintptr_t)ptr;
	bool is_possible;

	if (!ptr || size == 0 || !desc || count == 0)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++)
		if (desc[i].location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
		    !sim_device_get(desc[i].location.id))
			return CUDA_ERROR_INVALID_DEVICE;
	sim_host_cost("vmm_access", MAP_COST_NS);
	pthread_mutex_lock(&sim_vmm_lock);
	is_possible = is_filled(at, size);
	while (is_possible && at < ptr + size) {
		struct mapping *mapping = mapping_at(at);

		for (size_t i = 0; i < count; i++)
			mapping->access[desc[i].location.id] = desc[i].flags;
		at += mapping->range.bytes;
	}
	pthread_mutex_unlock(&sim_vmm_lock);
	return is_possible ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemGetAccess)(unsigned long long *flags, const CUmemLocation *location, CUdeviceptr ptr)
{
	const struct mapping *mapping;

	if (!flags || !location || location->type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_device_get(location->id))
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&sim_vmm_lock);
	mapping = mapping_at((uintptr_t)ptr);
	if (mapping)
		*flags = mapping->access[location->id];
	pthread_mutex_unlock(&sim_vmm_lock);
	return mapping ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
