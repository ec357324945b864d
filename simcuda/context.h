/* SPDX-License-Identifier: Apache-2.0 */
/* What a context remembers beside its streams: limits, preferences, peers. */
#ifndef GPUTRAIL_SIMCUDA_CONTEXT_H
#define GPUTRAIL_SIMCUDA_CONTEXT_H

#include "simcuda/core.h"

#define SIM_LIMITS 10

struct sim_context_settings {
	size_t limits[SIM_LIMITS];
	CUfunc_cache cache;
	CUsharedconfig shared;
	int attachments;			/* cuCtxAttach beyond the creation */
	bool is_peer[SIM_DEVICES_MAX];		/* by ordinal; guarded by sim_lock */
};

#endif
