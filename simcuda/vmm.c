/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual memory management: address ranges, physical memory, and mappings of one into the other. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simcuda/core.h"

#define GRANULARITY ((size_t)2 << 20)
#define CREATE_COST_NS 30000
#define MAP_COST_NS 8000

/* Physical memory is a memory file, so that it can be mapped twice and handed to a process. */
struct physical {
	CUmemAllocationProp properties;
	struct sim_device *device;
	size_t bytes;
	int file;
	int refs;		/* handle's and mappings'; the memory goes with the last */
	int handle_refs;	/* cuMemRelease may be called so often */
	bool is_imported;	/* another process pays */
	struct physical *next;
};

struct range {
	uintptr_t base;
	size_t bytes;
	struct range *next;
};

/* A mapping: the allocation in the table of memory, and what is behind it. */
struct mapping {
	struct sim_allocation *allocation;
	uintptr_t base;
	size_t bytes;
	struct physical *physical;
	CUmemAccess_flags access[SIM_DEVICES_MAX];
	struct mapping *next;
};

static pthread_mutex_t vmm_lock = PTHREAD_MUTEX_INITIALIZER;
static struct physical *physicals;
static struct range *ranges;
static struct mapping *mappings;

/* With the lock held. */
static struct physical *physical_of(CUmemGenericAllocationHandle handle)
{
	struct physical *physical = physicals;

	while (physical && (uintptr_t)physical != handle)
		physical = physical->next;
	return physical && physical->handle_refs > 0 ? physical : NULL;
}

/* With the lock held. */
static void physical_put(struct physical *physical)
{
	struct physical **link = &physicals;

	if (--physical->refs > 0)
		return;
	while (*link != physical)
		link = &(*link)->next;
	*link = physical->next;
	if (!physical->is_imported)
		sim_device_uncharge(physical->device, physical->bytes);
	close(physical->file);
	free(physical);
}

static CUresult check_properties(const CUmemAllocationProp *prop, struct sim_device **device)
{
	if (!prop || prop->type != CU_MEM_ALLOCATION_TYPE_PINNED)
		return CUDA_ERROR_INVALID_VALUE;
	if (prop->location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
	    (prop->requestedHandleTypes & ~(unsigned)CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR))
		return CUDA_ERROR_NOT_SUPPORTED;
	*device = sim_device_get(prop->location.id);
	return *device ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

IMPL(cuMemGetAllocationGranularity)(size_t *granularity, const CUmemAllocationProp *prop,
				    CUmemAllocationGranularity_flags option)
{
	struct sim_device *device;
	CUresult result = check_properties(prop, &device);

	if (!granularity || option > CU_MEM_ALLOC_GRANULARITY_RECOMMENDED)
		return CUDA_ERROR_INVALID_VALUE;
	if (result == CUDA_SUCCESS)
		*granularity = GRANULARITY;
	return result;
}

/* --- physical memory ------------------------------------------------------------------------------ */

static struct physical *physical_new(struct sim_device *device, size_t bytes, int file)
{
	struct physical *physical = calloc(1, sizeof(*physical));

	if (!physical)
		return NULL;
	physical->device = device;
	physical->bytes = bytes;
	physical->file = file;
	physical->refs = physical->handle_refs = 1;
	pthread_mutex_lock(&vmm_lock);
	physical->next = physicals;
	physicals = physical;
	pthread_mutex_unlock(&vmm_lock);
	return physical;
}

static int memory_file(size_t bytes)
{
	int file = memfd_create("simcuda", MFD_CLOEXEC);

	if (file >= 0 && ftruncate(file, (off_t)bytes) != 0) {
		close(file);
		file = -1;
	}
	return file;
}

IMPL(cuMemCreate)(CUmemGenericAllocationHandle *handle, size_t size, const CUmemAllocationProp *prop,
		  unsigned long long flags)
{
	struct sim_device *device;
	CUresult result = check_properties(prop, &device);
	struct physical *physical = NULL;
	int file;

	if (result != CUDA_SUCCESS)
		return result;
	if (!handle || size == 0 || size % GRANULARITY || flags)
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("vmm_create", CREATE_COST_NS);
	if (sim_fault("alloc", &result))
		return result;
	if (!sim_device_charge(device, size))
		return CUDA_ERROR_OUT_OF_MEMORY;
	file = memory_file(size);
	if (file >= 0)
		physical = physical_new(device, size, file);
	if (!physical) {
		if (file >= 0)
			close(file);
		sim_device_uncharge(device, size);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	physical->properties = *prop;
	*handle = (uintptr_t)physical;
	return CUDA_SUCCESS;
}

IMPL(cuMemRelease)(CUmemGenericAllocationHandle handle)
{
	struct physical *physical;

	pthread_mutex_lock(&vmm_lock);
	physical = physical_of(handle);
	if (physical) {
		physical->handle_refs--;
		physical_put(physical);
	}
	pthread_mutex_unlock(&vmm_lock);
	return physical ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemGetAllocationPropertiesFromHandle)(CUmemAllocationProp *prop,
					     CUmemGenericAllocationHandle handle)
{
	struct physical *physical;

	if (!prop)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&vmm_lock);
	physical = physical_of(handle);
	if (physical)
		*prop = physical->properties;
	pthread_mutex_unlock(&vmm_lock);
	return physical ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* With the lock held: the mapping that holds the address, or NULL. */
static struct mapping *mapping_at(uintptr_t address)
{
	struct mapping *mapping = mappings;

	while (mapping && address - mapping->base >= mapping->bytes)
		mapping = mapping->next;
	return mapping;
}

IMPL(cuMemRetainAllocationHandle)(CUmemGenericAllocationHandle *handle, void *addr)
{
	struct mapping *mapping;

	if (!handle)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&vmm_lock);
	mapping = mapping_at((uintptr_t)addr);
	if (mapping) {
		mapping->physical->refs++;
		mapping->physical->handle_refs++;
		*handle = (uintptr_t)mapping->physical;
	}
	pthread_mutex_unlock(&vmm_lock);
	return mapping ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* --- handing it to another process -------------------------------------------------------------------- */

IMPL(cuMemExportToShareableHandle)(void *shareableHandle, CUmemGenericAllocationHandle handle,
				   CUmemAllocationHandleType handleType, unsigned long long flags)
{
	struct physical *physical;
	int file = -1;

	if (!shareableHandle || flags || handleType != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&vmm_lock);
	physical = physical_of(handle);
	if (physical && physical->properties.requestedHandleTypes & handleType)
		file = dup(physical->file);
	pthread_mutex_unlock(&vmm_lock);
	if (file < 0)
		return CUDA_ERROR_INVALID_VALUE;
	*(int *)shareableHandle = file;
	return CUDA_SUCCESS;
}

/* The physical memory this process already has of that file, with the lock held. */
static struct physical *physical_of_file(const struct stat *wanted)
{
	struct physical *physical;
	struct stat status;

	for (physical = physicals; physical; physical = physical->next)
		if (fstat(physical->file, &status) == 0 && status.st_dev == wanted->st_dev &&
		    status.st_ino == wanted->st_ino)
			break;
	return physical;
}

IMPL(cuMemImportFromShareableHandle)(CUmemGenericAllocationHandle *handle, void *osHandle,
				     CUmemAllocationHandleType shHandleType)
{
	int file = (int)(intptr_t)osHandle;
	struct physical *physical;
	struct stat status;

	if (!handle || shHandleType != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR ||
	    fstat(file, &status) != 0 || status.st_size == 0 ||
	    (size_t)status.st_size % GRANULARITY)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&vmm_lock);
	physical = physical_of_file(&status);
	if (physical) {
		physical->refs++;
		physical->handle_refs++;
	}
	pthread_mutex_unlock(&vmm_lock);
	if (!physical) {
		file = dup(file);
		physical = file < 0 ? NULL : physical_new(&sim_devices[0], (size_t)status.st_size, file);
		if (!physical) {
			if (file >= 0)
				close(file);
			return CUDA_ERROR_OUT_OF_MEMORY;
		}
		physical->is_imported = true;
		physical->properties = (CUmemAllocationProp) {
			.type = CU_MEM_ALLOCATION_TYPE_PINNED,
			.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR,
			.location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 },
		};
	}
	*handle = (uintptr_t)physical;
	return CUDA_SUCCESS;
}

/* --- address ranges ------------------------------------------------------------------------------------ */

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

	if (alignment == 0)
		alignment = GRANULARITY;
	if (!ptr || size == 0 || size % GRANULARITY || alignment & (alignment - 1) || flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (alignment < GRANULARITY)
		alignment = GRANULARITY;
	range = malloc(sizeof(*range));
	space = range ? reserve(size, alignment, (void *)(uintptr_t)addr) : NULL;
	if (!space) {
		free(range);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	range->base = (uintptr_t)space;
	range->bytes = size;
	pthread_mutex_lock(&vmm_lock);
	range->next = ranges;
	ranges = range;
	pthread_mutex_unlock(&vmm_lock);
	*ptr = range->base;
	return CUDA_SUCCESS;
}

/* With the lock held. */
static bool has_mappings(uintptr_t base, size_t bytes)
{
	for (const struct mapping *mapping = mappings; mapping; mapping = mapping->next)
		if (mapping->base - base < bytes)
			return true;
	return false;
}

IMPL(cuMemAddressFree)(CUdeviceptr ptr, size_t size)
{
	struct range **link, *range;

	pthread_mutex_lock(&vmm_lock);
	for (link = &ranges; *link && ((*link)->base != ptr || (*link)->bytes != size);
	     link = &(*link)->next)
		;
	range = *link;
	if (range && has_mappings(range->base, range->bytes))
		range = NULL;
	if (range)
		*link = range->next;
	pthread_mutex_unlock(&vmm_lock);
	if (!range)
		return CUDA_ERROR_INVALID_VALUE;
	munmap((void *)range->base, range->bytes);
	free(range);
	return CUDA_SUCCESS;
}

/* --- mappings ---------------------------------------------------------------------------------------------- */

/* With the lock held. */
static bool is_reserved(uintptr_t base, size_t bytes)
{
	for (const struct range *range = ranges; range; range = range->next)
		if (base - range->base < range->bytes &&
		    bytes <= range->bytes - (base - range->base))
			return true;
	return false;
}

/* Makes the pages and the table's entry; with the lock held. */
static CUresult map_pages(struct mapping *mapping, size_t offset)
{
	struct sim_allocation_request request = {
		.bytes = mapping->bytes, .kind = SIM_VMM, .device = mapping->physical->device,
		.base = (void *)mapping->base, .is_uncharged = true, .is_unfailing = true,
	};
	CUresult result;

	if (mmap(request.base, mapping->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 mapping->physical->file, (off_t)offset) == MAP_FAILED)
		return CUDA_ERROR_OUT_OF_MEMORY;
	result = sim_allocation_create(&request, &mapping->allocation);
	if (result != CUDA_SUCCESS)
		mmap(request.base, mapping->bytes, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return result;
}

IMPL(cuMemMap)(CUdeviceptr ptr, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
	       unsigned long long flags)
{
	struct mapping *mapping;
	CUresult result = CUDA_ERROR_INVALID_VALUE;

	if (!ptr || size == 0 || ptr % GRANULARITY || size % GRANULARITY || offset || flags)
		return CUDA_ERROR_INVALID_VALUE;
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return CUDA_ERROR_OUT_OF_MEMORY;
	sim_host_cost("vmm_map", MAP_COST_NS);
	pthread_mutex_lock(&vmm_lock);
	mapping->physical = physical_of(handle);
	mapping->base = (uintptr_t)ptr;
	mapping->bytes = size;
	if (mapping->physical && size <= mapping->physical->bytes && is_reserved(ptr, size) &&
	    !has_mappings(ptr, size))
		result = map_pages(mapping, offset);
	if (result == CUDA_SUCCESS) {
		mapping->physical->refs++;
		mapping->next = mappings;
		mappings = mapping;
	}
	pthread_mutex_unlock(&vmm_lock);
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

		if (!mapping || mapping->base != base || mapping->bytes > end - base)
			return false;
		base += mapping->bytes;
	}
	return true;
}

static void unmap_all(uintptr_t base, size_t bytes)
{
	for (struct mapping **link = &mappings, *mapping; (mapping = *link);) {
		if (mapping->base - base >= bytes) {
			link = &mapping->next;
			continue;
		}
		*link = mapping->next;
		sim_allocation_destroy(mapping->allocation);
		physical_put(mapping->physical);
		free(mapping);
	}
	mmap((void *)base, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
	     -1, 0);
}

/* Unmapping waits for the devices, as freeing does. */
IMPL(cuMemUnmap)(CUdeviceptr ptr, size_t size)
{
	struct sim_device *device = NULL;
	const struct mapping *mapping;
	bool is_possible;

	if (!ptr || size == 0)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&vmm_lock);
	mapping = mapping_at((uintptr_t)ptr);
	if (mapping)
		device = mapping->physical->device;
	pthread_mutex_unlock(&vmm_lock);
	sim_host_cost("vmm_unmap", MAP_COST_NS);
	if (device)
		sim_device_synchronize(device);
	pthread_mutex_lock(&vmm_lock);
	is_possible = is_filled((uintptr_t)ptr, size);
	if (is_possible)
		unmap_all((uintptr_t)ptr, size);
	pthread_mutex_unlock(&vmm_lock);
	return is_possible ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Rights are remembered and told, not enforced: no kernel runs here. */
IMPL(cuMemSetAccess)(CUdeviceptr ptr, size_t size, const CUmemAccessDesc *desc, size_t count)
{
	bool is_possible;

	if (!ptr || size == 0 || !desc || count == 0)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++)
		if (desc[i].location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
		    !sim_device_get(desc[i].location.id))
			return CUDA_ERROR_INVALID_DEVICE;
	sim_host_cost("vmm_access", MAP_COST_NS);
	pthread_mutex_lock(&vmm_lock);
	is_possible = is_filled((uintptr_t)ptr, size);
	for (struct mapping *mapping = mappings; mapping && is_possible; mapping = mapping->next)
		if (mapping->base - (uintptr_t)ptr < size)
			for (size_t i = 0; i < count; i++)
				mapping->access[desc[i].location.id] = desc[i].flags;
	pthread_mutex_unlock(&vmm_lock);
	return is_possible ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemGetAccess)(unsigned long long *flags, const CUmemLocation *location, CUdeviceptr ptr)
{
	const struct mapping *mapping;

	if (!flags || !location || location->type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_device_get(location->id))
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&vmm_lock);
	mapping = mapping_at((uintptr_t)ptr);
	if (mapping)
		*flags = mapping->access[location->id];
	pthread_mutex_unlock(&vmm_lock);
	return mapping ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
