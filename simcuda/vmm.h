/* SPDX-License-Identifier: Apache-2.0 */
/* Physical memory and its mappings, as the two files of virtual memory management share them. */
#ifndef GPUTRAIL_SIMCUDA_VMM_H
#define GPUTRAIL_SIMCUDA_VMM_H

#include <sys/types.h>

#include "simcuda/core.h"

#define SIM_VMM_GRANULARITY ((size_t)2 << 20)

/* A part of a memory file, so that it can be mapped twice and handed to another process. */
struct sim_physical {
	CUmemAllocationProp properties;
	struct sim_device *device;
	size_t bytes;
	int file;
	off_t offset;
	int refs;		/* handle's and mappings'; the memory goes with the last */
	int handle_refs;	/* cuMemRelease may be called so often */
	bool is_own_file;	/* not the store all others share */
	bool is_imported;	/* another process pays */
};

extern pthread_mutex_t sim_vmm_lock;

/* Both with the lock held; NULL: no such handle. */
struct sim_physical *sim_physical_of(CUmemGenericAllocationHandle handle);
void sim_physical_put(struct sim_physical *physical);
/* What is mapped at an address, with the lock held, or NULL. */
struct sim_physical *sim_vmm_mapped_at(uintptr_t address);

#endif
