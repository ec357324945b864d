/* SPDX-License-Identifier: Apache-2.0 */
/* What recording costs this process, measured as it goes on. */
#ifndef GPUTRAIL_LIBPROFILE_COST_H
#define GPUTRAIL_LIBPROFILE_COST_H

#include "libprofile/shim.h"

#define COST_CALLS_PER_SAMPLE 256u	/* power of two */

/* On the control thread, before the others. */
void cost_start(void);
/* ns since cost_start, only growing; updates the counters overhead_*_ns. On the control thread. */
uint64_t cost_total_ns(void);
/* Of the wire clock; 0 while that is not known. */
double cost_ns_per_tick(void);

/* How long a hook took behind the driver's return. What takes longer than any path is a thread that
 * had to wait for a processor; one of these would count for 256. */
static inline void cost_leave(struct thread *thread, uint64_t ticks)
{
	if (likely(ticks < (process.use_tsc ? 300000u : 100000u))) {
		thread->leave_ticks += ticks;
		thread->leave_samples++;
	}
}

/* How long a launch took in the driver, by whether GPU detail was on: the difference is CUPTI's. Long
 * ones waited for something. */
static inline void cost_launch(struct thread *thread, uint64_t ticks, bool is_on)
{
	if (likely(ticks < (process.use_tsc ? 60000u : 20000u))) {
		thread->launch_ticks[is_on] += ticks;
		thread->launches[is_on]++;
	}
}

#endif
