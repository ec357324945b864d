/* SPDX-License-Identifier: Apache-2.0 */
/* The ranges of a recording in the lanes below their threads: outermost ones first. */
#ifndef GPUTRAIL_ANALYSIS_RANGE_LANES_H
#define GPUTRAIL_ANALYSIS_RANGE_LANES_H

#include "analysis/lanes.h"

/* A range that ended, or a mark, which has no length. */
struct range_place {
	struct lane_key lane;
	int64_t row, label;		/* of the tables of these names; label 0: the range has a name */
	uint64_t start_ns, end_ns;
};

/* Non-zero ends the scan, which then returns it. */
typedef int range_place_fn(void *arg, const struct range_place *place);
/*
 * Those that touch [from_ns, to_ns), by thread and start, found by the zone map. What has no
 * row left, as LANE_RANGE_ROWS others are open, is left out. -1: see run_error.
 */
int range_places(struct run *run, uint64_t from_ns, uint64_t to_ns, range_place_fn *fn,
		 void *arg);

#endif
