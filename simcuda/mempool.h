/* SPDX-License-Identifier: Apache-2.0 */
/* Memory pools: what each has reserved of its device and what of that is in use. */
#ifndef GPUTRAIL_SIMCUDA_MEMPOOL_H
#define GPUTRAIL_SIMCUDA_MEMPOOL_H

#include "simcuda/core.h"

struct sim_pool {
	struct sim_device *device;
	bool is_default, is_destroyed;
	CUmemPoolProps properties;
	int reuse[3];			/* the three REUSE_ attributes */
	uint64_t threshold_bytes;
	uint64_t reserved_bytes, reserved_high_bytes;	/* guarded by the pools' lock, as are */
	uint64_t used_bytes, used_high_bytes;
	int live;			/* allocations not yet freed */
	CUmemAccess_flags access[SIM_DEVICES_MAX];
	struct sim_pool *next;
};

extern pthread_mutex_t sim_pool_lock;

/* The pool of a handle, or NULL. */
struct sim_pool *sim_pool_of(CUmemoryPool handle);
/* Takes bytes of the pool, which grows when it must; false when the device is full. */
bool sim_pool_take(struct sim_pool *pool, size_t bytes);
/* Gives reserved memory beyond `keep` and what is in use back to the device. */
void sim_pool_trim(struct sim_pool *pool, uint64_t keep_bytes);
CUresult sim_pool_create(struct sim_device *device, const CUmemPoolProps *properties,
			 struct sim_pool **pool);

#endif
