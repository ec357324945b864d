/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any number of intervals as a pyramid of summaries of bounded size: each lane is a row of cells of
 * equal width, and coarser rows above it, so that a picture of any stretch of time costs as much as
 * it has columns. When time or lanes outgrow the room, the finest row goes and the next one takes
 * its place. Any thread may add while others read.
 */
#ifndef GPUTRAIL_ANALYSIS_PYRAMID_H
#define GPUTRAIL_ANALYSIS_PYRAMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A lane of a timeline: `id` is that of the row in the file. */
enum lane_kind {
	LANE_DEVICE,			/* work of all streams of a device */
	LANE_IDLE,			/* the time between, by cause */
	LANE_STREAM,
	LANE_THREAD,
	LANE_RANGE,			/* what the program marked on a thread; the id: see lanes.h */
	LANE_KINDS
};
struct lane_key {
	enum lane_kind kind;
	int64_t id;
};

struct pyramid_interval {
	struct lane_key lane;
	uint64_t start_ns, end_ns;
	int64_t what;			/* the reader's own: which kernel, call or cause */
};

struct pyramid_column {
	double share;			/* of its time that is covered, 0..1 */
	uint64_t count;			/* intervals that began in it */
	int64_t what;			/* that covers most of it */
};

struct pyramid;

/* Expects intervals up to span_ns; later ones are welcome. NULL without memory. */
struct pyramid *pyramid_new(uint64_t span_ns);
void pyramid_free(struct pyramid *pyramid);
/*
 * Adds intervals, of each lane in order of their start; what two of a lane share counts once.
 * Those of lanes for which there is no room are left out. -1 without memory.
 */
int pyramid_add(struct pyramid *pyramid, const struct pyramid_interval *intervals, size_t count);
/* `columns` equal parts of [from_ns, to_ns). False, and nothing but zeros, if the lane is empty. */
bool pyramid_read(struct pyramid *pyramid, struct lane_key lane, double from_ns, double to_ns,
		  int columns, struct pyramid_column *out);
/* Below this width of a column, single intervals are no longer told apart. */
uint64_t pyramid_cell_ns(struct pyramid *pyramid);
/* All lanes together, for tests. */
size_t pyramid_bytes(struct pyramid *pyramid);

#endif
