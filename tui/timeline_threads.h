/* SPDX-License-Identifier: Apache-2.0 */
/* What the two threads that read for the timeline share: see timeline_reader.h. */
#ifndef GPUTRAIL_TUI_TIMELINE_THREADS_H
#define GPUTRAIL_TUI_TIMELINE_THREADS_H

#include "tui/timeline_reader.h"

#include <pthread.h>

struct facts_wanted {
	unsigned asked, answered;
	bool of_event;
	struct run_event event;
	struct idle_interval interval;
	struct run_fact_list facts;
	bool taken;
};

struct moment_wanted {
	unsigned asked, answered;
	struct longest of;
	struct run_moment moment;
	bool found, taken;
};

struct timeline_reader {
	char *path;
	struct run *scan_run, *window_run;	/* each opened by its thread; NULL: not yet */
	pthread_t scan_thread, window_thread;
	bool scans, windows;			/* these threads were started */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int fd;
	/* Under the lock: */
	struct timeline_scan *scan, *fresh;	/* shown; complete, and to be shown next */
	struct timeline_window *ready;
	struct timeline_want want;
	unsigned asked, answered;
	struct facts_wanted facts;
	struct moment_wanted moment;
	char *scope;			/* asked for */
	unsigned scoped;		/* how often another one was */
	unsigned scanned, windowed;	/* which of these the last scan and the windows are of */
	bool may_begin;			/* the first screen is drawn: its reading is done */
	bool is_broken;			/* the file could not be opened once more */
	bool is_scanning;
	uint64_t reached_ns;		/* how far that is */
	uint64_t end_ns;		/* how far any was */
	bool stop;
	char error[512];
};

void reader_announce(struct timeline_reader *reader);
/* Under the lock: sleeps until something changes, half a second at most. */
void reader_doze(struct timeline_reader *reader);
void reader_say_error(struct timeline_reader *reader, const char *error);
/* Waits until reading may begin, and opens the file. False: it cannot be read, which is said, or the
 * reader ends. */
bool reader_open(struct timeline_reader *reader, struct run **run);
/* timeline_scan.c */
void *reader_scan_main(void *reader);
void timeline_scan_free(struct timeline_scan *scan);

#endif
