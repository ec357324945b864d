/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes for slices that overlap: viewers want slices of one (pid, tid) to follow one another, so
 * concurrent work of one stream goes to as many tids as it needs.
 */
#ifndef GPUTRAIL_CMD_LANES_H
#define GPUTRAIL_CMD_LANES_H

#include <stdbool.h>
#include <stdint.h>

struct lanes;				/* all tracks; NULL at first */

struct lane {
	int64_t tid;			/* of the track's first lane: free to choose when is_new */
	int number;			/* 0 for the first */
	bool is_new_track, is_new;	/* nobody was given it before */
};

/* The lowest lane of the track (pid, key) that is free at start_ns; slices come by start. wanted
 * is the tid of a new track; where another track of pid has it, `instead` is taken. -1: no
 * memory. */
int lanes_find(struct lanes **lanes, int64_t pid, int64_t key, int64_t wanted, int64_t instead,
	       uint64_t start_ns, uint64_t end_ns, struct lane *lane);
void lanes_free(struct lanes **lanes);

#endif
