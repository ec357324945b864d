/* SPDX-License-Identifier: Apache-2.0 */
/* Theoretical occupancy: how many blocks of a launch fit on one SM, and what limits it. */
#ifndef GPUTRAIL_COLLECTOR_OCCUPANCY_H
#define GPUTRAIL_COLLECTOR_OCCUPANCY_H

#include "wire/wire.h"

#include <stdbool.h>

struct occupancy_launch {
	uint32_t block_threads, registers;
	uint32_t static_shared_bytes, dynamic_shared_bytes;
	uint32_t max_dynamic_shared_bytes;	/* the function's opt-in; 0 none */
	uint64_t blocks;
};

struct occupancy {
	int blocks_per_sm;
	const char *limiter;		/* warps, registers, shared, blocks */
	int64_t waves_x1000;		/* of the grid, 0 unknown */
};

/* 0, or -1 when the device's attributes are not known. */
int occupancy_compute(const struct wire_def_device *device, const struct occupancy_launch *launch,
		      struct occupancy *result);

#endif
