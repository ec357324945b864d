/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual memory management: physical memory, its handles, and handing it to other processes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simcuda/vmm.h"

#define CREATE_COST_NS 30000

pthread_mutex_t sim_vmm_lock = PTHREAD_MUTEX_INITIALIZER;
static void *physicals;		/* a tree by address, guarded by the lock */

/* Memory that is not to be shared comes from one file: a process may have few files open. Its
 * places are never used twice; what is released becomes a hole. */
static int store = -1;
static off_t store_bytes;

static int compare(const void *left, const void *right)
{
	return left < right ? -1 : left > right;
}

struct sim_physical *sim_physical_of(CUmemGenericAllocationHandle handle)
{
	struct sim_physical *physical = (struct sim_physical *)(uintptr_t)handle;

	return physical && tfind(physical, &physicals, compare) && physical->handle_refs > 0 ?
		       physical : NULL;
}

void sim_physical_put(struct sim_physical *physical)
{
	if (--physical->refs > 0)
		return;
	tdelete(physical, &physicals, compare);
	if (!physical->is_imported)
		sim_device_uncharge(physical->device, physical->bytes);
	if (physical->is_own_file)
		close(physical->file);
	else
		fallocate(physical->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  physical->offset, (off_t)physical->bytes);
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
		*granularity = SIM_VMM_GRANULARITY;
	return result;
}

/* --- physical memory ------------------------------------------------------------------------------ */

/* A memory file of that size, or -1. */
static int memory_file(off_t bytes)
{
	int file = memfd_create("simcuda", MFD_CLOEXEC);

	if (file >= 0 && ftruncate(file, bytes) != 0) {
		close(file);
		file = -1;
	}
	return file;
}

/* Finds room in the store; with the lock held. */
static bool store_take(struct sim_physical *physical)
{
	if (store < 0)
		store = memory_file(0);
	if (store < 0 || ftruncate(store, store_bytes + (off_t)physical->bytes) != 0)
		return false;
	physical->file = store;
	physical->offset = store_bytes;
	store_bytes += (off_t)physical->bytes;
	return true;
}

/* Memory of an own file, or of the store when file is -1. */
static struct sim_physical *physical_new(struct sim_device *device, size_t bytes, int file)
{
	struct sim_physical *physical = calloc(1, sizeof(*physical));
	bool is_made;

	if (!physical)
		return NULL;
	physical->device = device;
	physical->bytes = bytes;
	physical->file = file;
	physical->is_own_file = file >= 0;
	physical->refs = physical->handle_refs = 1;
	pthread_mutex_lock(&sim_vmm_lock);
	is_made = physical->is_own_file || store_take(physical);
	if (is_made)
		is_made = tsearch(physical, &physicals, compare) != NULL;
	pthread_mutex_unlock(&sim_vmm_lock);
	if (is_made)
		return physical;
	free(physical);
	return NULL;
}

IMPL(cuMemCreate)(CUmemGenericAllocationHandle *handle, size_t size, const CUmemAllocationProp *prop,
		  unsigned long long flags)
{
	struct sim_device *device;
	CUresult result = check_properties(prop, &device);
	struct sim_physical *physical = NULL;
	bool is_shared;
	int file;

	if (result != CUDA_SUCCESS)
		return result;
	if (!handle || size == 0 || size % SIM_VMM_GRANULARITY || flags)
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("vmm_create", CREATE_COST_NS);
	if (sim_fault("alloc", &result))
		return result;
	if (!sim_device_charge(device, size))
		return CUDA_ERROR_OUT_OF_MEMORY;
	is_shared = prop->requestedHandleTypes != CU_MEM_HANDLE_TYPE_NONE;
	file = is_shared ? memory_file((off_t)size) : -1;
	if (!is_shared || file >= 0)
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
	struct sim_physical *physical;

	pthread_mutex_lock(&sim_vmm_lock);
	physical = sim_physical_of(handle);
	if (physical) {
		physical->handle_refs--;
		sim_physical_put(physical);
	}
	pthread_mutex_unlock(&sim_vmm_lock);
	return physical ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemGetAllocationPropertiesFromHandle)(CUmemAllocationProp *prop,
					     CUmemGenericAllocationHandle handle)
{
	struct sim_physical *physical;

	if (!prop)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_vmm_lock);
	physical = sim_physical_of(handle);
	if (physical)
		*prop = physical->properties;
	pthread_mutex_unlock(&sim_vmm_lock);
	return physical ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuMemRetainAllocationHandle)(CUmemGenericAllocationHandle *handle, void *addr)
{
	struct sim_physical *physical;

	if (!handle)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_vmm_lock);
	physical = sim_vmm_mapped_at((uintptr_t)addr);
	if (physical) {
		physical->refs++;
		physical->handle_refs++;
		*handle = (uintptr_t)physical;
	}
	pthread_mutex_unlock(&sim_vmm_lock);
	return physical ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* --- handing it to another process -------------------------------------------------------------------- */

IMPL(cuMemExportToShareableHandle)(void *shareableHandle, CUmemGenericAllocationHandle handle,
				   CUmemAllocationHandleType handleType, unsigned long long flags)
{
	struct sim_physical *physical;
	int file = -1;

	if (!shareableHandle || flags || handleType != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_vmm_lock);
	physical = sim_physical_of(handle);
	if (physical && physical->properties.requestedHandleTypes & handleType)
		file = dup(physical->file);
	pthread_mutex_unlock(&sim_vmm_lock);
	if (file < 0)
		return CUDA_ERROR_INVALID_VALUE;
	*(int *)shareableHandle = file;
	return CUDA_SUCCESS;
}

struct search {
	struct stat wanted;
	struct sim_physical *found;
};

static void visit_file(const void *node, VISIT which, void *closure)
{
	struct sim_physical *physical = *(struct sim_physical *const *)node;
	struct search *search = closure;
	struct stat status;

	if ((which == postorder || which == leaf) && physical->is_own_file &&
	    fstat(physical->file, &status) == 0 && status.st_dev == search->wanted.st_dev &&
	    status.st_ino == search->wanted.st_ino)
		search->found = physical;
}

/* The physical memory this process already has of that file, with the lock held. */
static struct sim_physical *physical_of_file(const struct stat *wanted)
{
	struct search search = { .wanted = *wanted };

	twalk_r(physicals, visit_file, &search);
	return search.found;
}

IMPL(cuMemImportFromShareableHandle)(CUmemGenericAllocationHandle *handle, void *osHandle,
				     CUmemAllocationHandleType shHandleType)
{
	int file = (int)(intptr_t)osHandle;
	struct sim_physical *physical;
	struct stat status;

	if (!handle || shHandleType != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR ||
	    fstat(file, &status) != 0 || status.st_size == 0 ||
	    (size_t)status.st_size % SIM_VMM_GRANULARITY)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_vmm_lock);
	physical = physical_of_file(&status);
	if (physical) {
		physical->refs++;
		physical->handle_refs++;
	}
	pthread_mutex_unlock(&sim_vmm_lock);
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
