/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as a timeline: its lanes, a pyramid of all that happened, the single events of a
 * window, and everything that is known of one of them.
 */
#ifndef GPUTRAIL_ANALYSIS_LANES_H
#define GPUTRAIL_ANALYSIS_LANES_H

#include "analysis/analysis.h"
#include "analysis/findings.h"
#include "analysis/histogram.h"
#include "analysis/pyramid.h"

struct run_lane {
	struct lane_key key;
	int64_t parent;			/* device of a stream, process of others; 0 unknown */
	int64_t ordinal;		/* of the device, or of the stream's */
	int64_t number;			/* what a stream is called in a scope */
	char *title;
};
RUN_LIST(run_lane);
/* Ranges around each other are in this many lanes below their thread, outermost first; those that are
 * in more are left out. A lane's id is this times the thread's, and the row. */
#define LANE_RANGE_ROWS	3
/* Devices, each followed by its idle time and its streams; then threads by process, each followed by
 * the lanes of its ranges if the recording has any. */
int run_lanes(struct run *run, struct run_lane_list *list);
void run_lane_list_free(struct run_lane_list *list);

/* pyramid_interval.what and run_event.what of work: the kernel's id, or that of a copy. */
#define LANE_COPY(kind)		(-(int64_t)((kind) & 0xff))

/* Kernels of one launch shape; `missed` are not in it because there was no room for more. */
struct shape_times {
	int64_t shape;
	struct histogram times;
	uint64_t missed;
};
RUN_LIST(shape_times);
#define SHAPE_TIMES_BYTES	(16u << 20)	/* most that all of them take */
void shape_times_list_free(struct shape_times_list *list);
const struct shape_times *shape_times_find(const struct shape_times_list *list, int64_t shape);

/*
 * Reads the whole recording into the pyramid, in order of time; of threads `what` is a call_class,
 * of idle time an idle_cause, of ranges the label. The same pass makes the findings; their idle
 * intervals, as many as asked for, are in order of device and start.
 */
struct lanes_scan {
	struct shape_times_list *times;	/* how long the kernels of each shape ran, by id; NULL: not */
	struct pyramid *pyramid;
	size_t intervals;
	void (*progress)(void *arg, uint64_t reached_ns);
	void *arg;
};
int run_scan(struct run *run, const struct lanes_scan *scan, struct findings *findings);

/* One side of a row: the work on a device, or the call on a thread; or a range. */
struct run_event {
	struct lane_key lane;		/* LANE_STREAM, LANE_THREAD, LANE_RANGE; LANE_DEVICE: a union */
	uint64_t start_ns, end_ns, bytes;
	int64_t row, what;
	uint32_t name;			/* index of the window's names */
	uint8_t table;			/* of idle_internal.h's; EVENT_TABLES: no row, or one of `range` */
	bool failed;			/* a call that returned an error */
};
struct run_window {
	uint64_t from_ns, to_ns;	/* all events that touch this are here */
	struct run_event *events;	/* by lane, then by start */
	size_t count;
	char **names;
	size_t name_count;
	bool too_many;			/* more than `most`: there are none */
};
int run_window(struct run *run, uint64_t from_ns, uint64_t to_ns, size_t most,
	       struct run_window *window);
void run_window_free(struct run_window *window);

/* The longest event of a row of a summary, known by the duration that it tells. 1: found, 0: there is
 * none, -1 with run_error(). Reads rows until it is found. */
enum longest_kind { LONGEST_KERNEL, LONGEST_SHAPE, LONGEST_COPY, LONGEST_CALL };
struct longest {
	enum longest_kind kind;
	int64_t id;			/* kernel, shape, copy.kind, api */
	int64_t device;			/* of copies */
	uint64_t dur_ns;
};
struct run_moment { struct lane_key lane; uint64_t start_ns, end_ns; };
int run_longest(struct run *run, const struct longest *of, struct run_moment *moment);

/* What is known of an event or an idle interval, in words; the caller frees the list. */
int run_event_facts(struct run *run, const struct run_event *event, struct run_fact_list *facts);
int run_idle_facts(struct run *run, const struct idle_interval *interval,
		   struct run_fact_list *facts);

#endif
