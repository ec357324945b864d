/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the timeline shows, read by two threads with handles of their own so that the screen never
 * waits: one reads the whole file into a pyramid, the other the events of the window asked for.
 */
#ifndef GPUTRAIL_TUI_TIMELINE_READER_H
#define GPUTRAIL_TUI_TIMELINE_READER_H

#include "analysis/lanes.h"
#include "tui/memory.h"
#include "tui/taken.h"

/* The whole run. The first one is handed out while it is filled. */
struct timeline_scan {
	struct pyramid *pyramid;
	struct shape_times_list times;	/* of kernels; of use when complete */
	const struct families *families;	/* names of the steps' families; the reader's */
	struct memory_story memory;	/* of use when complete */
	struct findings findings;	/* of use when complete; the longest idle intervals by place */
	struct run_failure_list failures;	/* calls that failed, by error */
	bool complete, given_up;	/* given up: others are read instead */
	char *scope;			/* what it is narrowed to */
};

/* What was asked for last. */
struct timeline_want {
	uint64_t from_ns, to_ns;
	int columns;			/* of the memory's charts */
};

struct timeline_window {
	struct timeline_want want;
	struct run_window events;
	struct run_lane_list lanes;
	struct run_bucket_list *memory;	/* of each lane; empty where it is no device */
	struct taken taken;
	uint64_t span_ns;		/* of the run, now */
	bool is_live, is_narrowed;
};
void timeline_window_free(struct timeline_window *window);

struct timeline_reader;

/* `fd` gets an event whenever something new is there. NULL: *error says why, the caller's to free. */
struct timeline_reader *timeline_reader_start(const char *path, int fd, char **error);
/* Nothing is read before, so that the first screen has the machine for itself. */
void timeline_reader_begin(struct timeline_reader *reader);
void timeline_reader_stop(struct timeline_reader *reader);

void timeline_reader_want(struct timeline_reader *reader, const struct timeline_want *want);
/* Windows and scans are narrowed to this scope from now on; a scan before stays until the next is made. */
void timeline_reader_narrow(struct timeline_reader *reader, const char *scope);
/* True until the scan is of the scope asked for; how far the reading is. */
bool timeline_reader_is_narrowing(struct timeline_reader *reader, uint64_t *reached_ns);
/* Exactly one of them is not NULL. */
void timeline_reader_want_facts(struct timeline_reader *reader, const struct run_event *event,
				const struct idle_interval *interval);

/* Where this is: as taken below. */
void timeline_reader_want_moment(struct timeline_reader *reader, const struct longest *of);
/* The newest window that was not taken yet, else NULL; the caller frees it. */
struct timeline_window *timeline_reader_take(struct timeline_reader *reader);
/* True once for the facts asked for last; the caller frees them. */
bool timeline_reader_take_facts(struct timeline_reader *reader, struct run_fact_list *facts);
/* True once when what was asked for last is known. */
bool timeline_reader_take_moment(struct timeline_reader *reader, bool *found, struct run_moment *moment);
/* The newest scan; valid until the next call. NULL before the first has begun. */
const struct timeline_scan *timeline_reader_scan(struct timeline_reader *reader, bool *complete,
						 uint64_t *reached_ns);
/* Waits until the scan is complete and all that was asked for is there. */
void timeline_reader_wait(struct timeline_reader *reader);
/* The last error in words, "" if there is none. */
void timeline_reader_error(struct timeline_reader *reader, char *out, size_t size);

#endif
