/* SPDX-License-Identifier: Apache-2.0 */
/* The charts' buckets counted anew, as far as charts of one stretch of time need them. */
#ifndef GPUTRAIL_ANALYSIS_BUCKET_TALLY_H
#define GPUTRAIL_ANALYSIS_BUCKET_TALLY_H

#include "analysis/idle_internal.h"
#include "analysis/tally.h"

struct bucket_device {
	int64_t device;
	struct bucket_sums { uint64_t launches, ns[UNION_COUNT]; } *sums;
	uint64_t reach[UNION_COUNT];	/* how far the unions have come */
};

struct bucket_tally {
	uint64_t from_ns, width_ns;	/* of the first bucket, and of each */
	int level;
	size_t count;
	struct { struct bucket_device *rows; size_t count; } devices;	/* a list */
};

/* Of buckets that are fine enough for charts of [from, to), cut to the run. -1 with run_error(). */
int bucket_tally_open(struct run *run, uint64_t from_ns, uint64_t to_ns, struct bucket_tally *tally);
void bucket_tally_close(struct bucket_tally *tally);
/* Operations in order of their start. -1 without memory. */
int bucket_tally_add(struct bucket_tally *tally, const struct idle_event *event);
/* A temporary table that hides the file's own; memory in it is as it was held. -1 with run_error(). */
int bucket_tally_write(struct run *run, const struct bucket_tally *tally);

#endif
