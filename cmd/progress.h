/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the terminal while a long scan runs; nothing where stderr is no terminal. */
#ifndef GPUTRAIL_CMD_PROGRESS_H
#define GPUTRAIL_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct run;

struct progress {
	const char *what;
	uint64_t done;			/* the last that was told */
	struct timespec start;
	long long next_ns;		/* since start; to tell nothing sooner */
	bool shown, enabled;
};

void progress_start(struct progress *progress, const char *what);
/* A run_progress_fn; arg is the struct progress. Shows after half a second; where
 * there are no figures (done and total 0), for how long. */
void progress_update(void *arg, uint64_t done, uint64_t total);
/* The same where `what` changes on the way, kept until the next call. */
void progress_phase(void *arg, const char *what, uint64_t done, uint64_t total);
void progress_finish(struct progress *progress);

/* The same around the queries of a run. */
void progress_begin(struct progress *progress, struct run *run, const char *what);
void progress_end(struct progress *progress, struct run *run);

#endif
