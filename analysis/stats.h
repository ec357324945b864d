/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact statistics of values in groups, over any number of rows in bounded memory: one scan for
 * counts and sums, one over the rows sorted by SQLite (which spills to disk) for the medians.
 */
#ifndef GPUTRAIL_ANALYSIS_STATS_H
#define GPUTRAIL_ANALYSIS_STATS_H

#include "analysis/internal.h"

#define STATS_VALUES_MAX	4

struct stats_value {
	uint64_t count, total, min, max;
	double average, stddev, median;		/* stddev of the sample; 0 below two values */
	double squares;				/* sum of squared distances from the average */
};

struct stats_group {
	int64_t key;
	struct stats_value values[STATS_VALUES_MAX];
};

struct stats {
	struct stats_group *groups;		/* largest total of value 0 first */
	size_t count;
	uint64_t total;				/* of value 0, over all groups */
};

/*
 * `sql` gives rows of key, value 0, ... value `values` - 1. NULL values do not count; negative
 * ones count as 0. Rows without a value 0 make no group.
 */
int stats_run(struct run *run, const char *sql, int values, struct stats *stats);
void stats_free(struct stats *stats);

#endif
