/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "analysis/analysis.h"

#define SHOW_AFTER_NS	500000000ll
#define SHOW_EVERY_NS	100000000ll

void progress_start(struct progress *progress, const char *what)
{
	progress->what = what;
	progress->shown = false;
	progress->done = 0;
	progress->next_ns = SHOW_AFTER_NS;
	progress->enabled = isatty(STDERR_FILENO);
	clock_gettime(CLOCK_MONOTONIC, &progress->start);
}

void progress_update(void *arg, uint64_t done, uint64_t total)
{
	struct progress *progress = arg;
	struct timespec now;
	long long passed;

	if (!progress->enabled)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (now.tv_sec - progress->start.tv_sec) * 1000000000ll +
		 now.tv_nsec - progress->start.tv_nsec;
	if (passed < progress->next_ns || (!done && progress->done))
		return;
	progress->next_ns = passed + SHOW_EVERY_NS;
	progress->done = done;
	if (total)
		fprintf(stderr, "\r%s: %.0f %%\033[K", progress->what,
			done < total ? 100.0 * (double)done / (double)total : 100.0);
	else if (done)
		fprintf(stderr, "\r%s: %" PRIu64 " rows\033[K", progress->what, done);
	else
		fprintf(stderr, "\r%s: %lld s\033[K", progress->what, passed / 1000000000);
	progress->shown = true;
}

void progress_phase(void *arg, const char *what, uint64_t done, uint64_t total)
{
	struct progress *progress = arg;

	if (progress->what != what) {
		progress->what = what;
		progress->done = 0;
	}
	progress_update(progress, done, total);
}

void progress_finish(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

void progress_begin(struct progress *progress, struct run *run, const char *what)
{
	progress_start(progress, what);
	run_on_progress(run, progress_update, progress);
}

void progress_end(struct progress *progress, struct run *run)
{
	run_on_progress(run, NULL, NULL);
	progress_finish(progress);
}
