/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to take full GPU detail so that recording costs no more than its budget: in every period one
 * window, at a random place, as long as the budget allows. Knows no clock and no process: it is
 * told the time, what recording has cost so far, and how long a step of the program is.
 */
#ifndef GPUTRAIL_LIBPROFILE_GOVERNOR_H
#define GPUTRAIL_LIBPROFILE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#define GOVERNOR_PERIOD_NS 1000000000ull	/* also the collector's unit of resampling */
#define GOVERNOR_SAMPLED_PPM 100000u		/* of the time: what detail "sampled" takes */

struct governor {
	uint32_t budget_ppm;		/* 0: a fixed share, whatever it costs */
	uint64_t random;
	uint64_t period_ns, period_cost_ns;	/* begin of this period, and the cost until then */
	uint64_t window_ns, window_end_ns;	/* of this period */
	uint64_t told_ns, told_cost_ns;	/* what the last step was told */
	uint64_t on_ns, on_cost_ns, off_ns, off_cost_ns;	/* of this period */
	double on_rate, off_rate;	/* cost by time with and without detail, smoothed; < 0 unknown */
	double debt_ns;			/* spent beyond the budget so far; negative: saved */
	uint64_t step_ns;		/* of the program, 0 unknown: windows are whole steps long */
	uint32_t duty_ppm;
};

void governor_start(struct governor *governor, uint32_t budget_ppm, uint64_t now_ns,
		    uint64_t cost_ns, uint64_t seed);
/* Whether detail is to be taken now; *next_ns: when to ask again at the latest. Both times only
 * grow. is_on: whether it was since the last time. */
bool governor_step(struct governor *governor, uint64_t now_ns, uint64_t cost_ns, bool is_on,
		   uint64_t *next_ns);

#endif
