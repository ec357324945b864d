/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads the whole file for the timeline and the findings: see timeline_reader.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline_threads.h"

#include "analysis/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INTERVALS_MOST	100000u		/* idle intervals kept with all that is known of them */
#define SCAN_PAUSE	4		/* times its own length that a scan waits before the next */

void timeline_scan_free(struct timeline_scan *scan)
{
	if (!scan)
		return;
	pyramid_free(scan->pyramid);
	shape_times_list_free(&scan->times);
	findings_free(&scan->findings);
	run_failure_list_free(&scan->failures);
	free(scan->scope);
	memory_story_free(&scan->memory);
	free(scan);
}

struct scan_progress {
	struct timeline_reader *reader;
	uint64_t announced_ns, step_ns;
};

static void on_progress(void *arg, uint64_t reached_ns)
{
	struct scan_progress *progress = arg;
	struct timeline_reader *reader = progress->reader;

	pthread_mutex_lock(&reader->lock);
	reader->reached_ns = reached_ns;
	if (reached_ns > reader->end_ns)
		reader->end_ns = reached_ns;
	pthread_mutex_unlock(&reader->lock);
	if (reached_ns - progress->announced_ns >= progress->step_ns) {
		progress->announced_ns = reached_ns;
		reader_announce(reader);
	}
}

/* The summaries that detectors ask are narrowed too. */
static int scan_scope(struct run *run, const char *text)
{
	struct scope scope;
	char why[256];
	int result;

	if (!*text)
		return run_unscope(run);
	if (scope_parse(text, &scope, why, sizeof(why)) < 0)
		return -1;	/* whoever asked has parsed it before */
	result = run_scope(run, &scope);
	scope_free(&scope);
	return result;
}

static int scan_read(struct timeline_reader *reader, struct timeline_scan *scan, uint64_t span_ns)
{
	struct run *run = reader->scan_run;
	struct scan_progress progress = { reader, 0, span_ns / 64 + 1 };
	struct lanes_scan how = { .intervals = INTERVALS_MOST, .arg = &progress, .times = &scan->times,
				  .pyramid = scan->pyramid, .progress = on_progress };

	if (scan_scope(run, scan->scope) < 0 || run_scan(run, &how, &scan->findings) < 0 ||
	    memory_story_read(run, &scan->memory) < 0 || run_failures(run, &scan->failures) < 0)
		return -1;
	scan->families = run_families(run);
	return 0;
}

/* Under the lock: handed out next. What waits for that was never looked at. */
static void scan_publish(struct timeline_reader *reader, struct timeline_scan *scan)
{
	timeline_scan_free(reader->fresh);
	reader->fresh = scan;
}

/* Under the lock. Shown while it is filled where there is nothing better: then true. */
static bool scan_begin(struct timeline_reader *reader, struct timeline_scan *scan)
{
	const struct timeline_scan *last = reader->fresh ? reader->fresh : reader->scan;
	bool is_shown = !last || last->given_up;

	reader->is_scanning = true;
	reader->reached_ns = 0;
	if (is_shown)
		scan_publish(reader, scan);
	return is_shown;
}

/* Under the lock. */
static void scan_end(struct timeline_reader *reader, struct timeline_scan *scan, unsigned scoped,
		     bool is_shown, int result)
{
	bool is_outdated = reader->stop || reader->scoped != scoped;

	reader->is_scanning = false;
	if (!reader->stop)
		run_resume(reader->scan_run);
	if (result < 0 && !is_outdated)
		snprintf(reader->error, sizeof(reader->error), "%s", run_error(reader->scan_run));
	if (!is_outdated)
		reader->scanned = scoped;
	if (result < 0 && is_outdated)
		scan->given_up = true;
	else
		scan->complete = true;
	if (!is_shown && scan->complete)
		scan_publish(reader, scan);
	else if (!is_shown)
		timeline_scan_free(scan);
	pthread_cond_broadcast(&reader->changed);
}

static struct timeline_scan *scan_new(struct run *run, uint64_t *span_ns)
{
	struct timeline_scan *scan = calloc(1, sizeof(*scan));
	struct run_info info = { 0 };

	if (!scan || run_info(run, &info) < 0 || !(scan->pyramid = pyramid_new(info.span_ns))) {
		free(scan);
		scan = NULL;
	}
	*span_ns = info.span_ns;
	run_info_free(&info);
	return scan;
}

static void scan_once(struct timeline_reader *reader)
{
	uint64_t span_ns;
	struct timeline_scan *scan = scan_new(reader->scan_run, &span_ns);
	unsigned scoped;
	bool is_shown;
	int result;

	pthread_mutex_lock(&reader->lock);
	scoped = reader->scoped;
	if (scan)
		scan->scope = strdup(reader->scope);
	if (!scan || !scan->scope) {
		timeline_scan_free(scan);
		reader->scanned = scoped;
		pthread_mutex_unlock(&reader->lock);
		reader_say_error(reader, *run_error(reader->scan_run) ? run_error(reader->scan_run)
								      : "out of memory");
		return;
	}
	is_shown = scan_begin(reader, scan);
	pthread_mutex_unlock(&reader->lock);
	result = scan_read(reader, scan, span_ns);
	pthread_mutex_lock(&reader->lock);
	scan_end(reader, scan, scoped, is_shown, result);
	pthread_mutex_unlock(&reader->lock);
	reader_announce(reader);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void *reader_scan_main(void *arg)
{
	struct timeline_reader *reader = arg;
	bool first = true, stop = !reader_open(reader, &reader->scan_run);
	double next = 0;

	while (!stop) {
		double begun = seconds_now();
		bool is_asked;

		pthread_mutex_lock(&reader->lock);
		is_asked = first || reader->scoped != reader->scanned;
		pthread_mutex_unlock(&reader->lock);
		if (is_asked || (begun >= next && run_changed(reader->scan_run))) {
			scan_once(reader);
			first = false;
			next = seconds_now() + SCAN_PAUSE * (seconds_now() - begun);
		}
		pthread_mutex_lock(&reader->lock);
		if (!reader->stop && reader->scoped == reader->scanned)
			reader_doze(reader);
		stop = reader->stop;
		pthread_mutex_unlock(&reader->lock);
	}
	return NULL;
}
