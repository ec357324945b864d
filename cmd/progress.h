/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the terminal while a long scan runs; nothing where stderr is no terminal. */
#ifndef GPUTRAIL_CMD_PROGRESS_H
#define GPUTRAIL_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
	const char *what;
	struct timespec start;
	bool shown, enabled;
};

void progress_start(struct progress *progress, const char *what);
/* A run_progress_fn; arg is the struct progress. Shows after half a second. */
void progress_update(void *arg, uint64_t done, uint64_t total);
void progress_finish(struct progress *progress);

#endif
