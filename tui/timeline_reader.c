/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline's windows and facts, read by a thread, and the screen's side of both threads. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline_threads.h"

#include "analysis/scope.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS		500000000L	/* how often a growing file is looked at */
#define EVENTS_MOST	200000u		/* of a window; beyond them the pyramid is shown */

void reader_announce(struct timeline_reader *reader)
{
	uint64_t one = 1;
	ssize_t written = write(reader->fd, &one, sizeof(one));

	(void)written;		/* only fails when the counter is full: then it is readable */
}

void timeline_window_free(struct timeline_window *window)
{
	if (!window)
		return;
	for (size_t i = 0; window->memory && i < window->lanes.count; i++)
		run_bucket_list_free(&window->memory[i]);
	free(window->memory);
	run_window_free(&window->events);
	run_lane_list_free(&window->lanes);
	taken_free(&window->taken);
	free(window);
}

void reader_doze(struct timeline_reader *reader)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += POLL_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&reader->changed, &reader->lock, &until);
}

void reader_say_error(struct timeline_reader *reader, const char *error)
{
	pthread_mutex_lock(&reader->lock);
	snprintf(reader->error, sizeof(reader->error), "%s", error);
	pthread_mutex_unlock(&reader->lock);
	reader_announce(reader);
}

/* --- windows and facts --------------------------------------------------------------------- */

static int memory_read(struct run *run, struct timeline_window *window)
{
	window->memory = calloc(window->lanes.count + 1, sizeof(*window->memory));
	if (!window->memory)
		return -1;
	for (size_t i = 0; i < window->lanes.count; i++) {
		const struct run_lane *lane = &window->lanes.rows[i];

		if (lane->key.kind == LANE_DEVICE && window->want.columns > 0 &&
		    run_buckets(run, (int)lane->key.id, window->want.from_ns, window->want.to_ns,
				window->want.columns, &window->memory[i]) < 0)
			return -1;
	}
	return 0;
}

static struct timeline_window *window_read(struct run *run, const struct timeline_want *want)
{
	struct timeline_window *window = calloc(1, sizeof(*window));
	struct run_info info = { 0 };
	bool good = window && run_freeze(run) == 0;

	if (good) {
		window->want = *want;
		good = run_info(run, &info) == 0 && run_lanes(run, &window->lanes) == 0 &&
		       run_window(run, want->from_ns, want->to_ns, EVENTS_MOST, &window->events) == 0 &&
		       memory_read(run, window) == 0 && taken_load(run, &window->taken) == 0;
		run_thaw(run);
	}
	if (good) {
		window->span_ns = info.span_ns;
		window->is_narrowed = run_is_narrowed(run);
		window->is_live = strcmp(info.state, "recording") == 0;
	} else {
		timeline_window_free(window);
		window = NULL;
	}
	run_info_free(&info);
	return window;
}

/* What the scope leaves out is not read any more. */
static void narrow(struct timeline_reader *reader, const char *text)
{
	struct scope scope;
	char why[256];

	if (scope_parse(text, &scope, why, sizeof(why)) < 0 || run_narrow(reader->window_run, &scope) < 0)
		reader_say_error(reader, run_error(reader->window_run));
	scope_free(&scope);
}

static void answer_window(struct timeline_reader *reader, unsigned asked,
			  const struct timeline_want *want)
{
	struct timeline_window *window = window_read(reader->window_run, want), *old = window;

	pthread_mutex_lock(&reader->lock);
	if (window) {
		old = reader->ready;
		reader->ready = window;
		reader->error[0] = '\0';
	} else {
		snprintf(reader->error, sizeof(reader->error), "%s", run_error(reader->window_run));
	}
	reader->answered = asked;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	timeline_window_free(old);
	reader_announce(reader);
}

static void answer_facts(struct timeline_reader *reader, const struct facts_wanted *wanted)
{
	struct run_fact_list facts;
	int result = wanted->of_event ?
		     run_event_facts(reader->window_run, &wanted->event, &facts) :
		     run_idle_facts(reader->window_run, &wanted->interval, &facts);

	pthread_mutex_lock(&reader->lock);
	run_fact_list_free(&reader->facts.facts);
	if (result == 0)
		reader->facts.facts = facts;
	else
		snprintf(reader->error, sizeof(reader->error), "%s", run_error(reader->window_run));
	reader->facts.taken = result < 0;
	reader->facts.answered = wanted->asked;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	reader_announce(reader);
}

static void answer_moment(struct timeline_reader *reader, const struct moment_wanted *wanted)
{
	struct run_moment moment;
	bool found = run_longest(reader->window_run, &wanted->of, &moment) > 0;

	pthread_mutex_lock(&reader->lock);
	reader->moment.moment = moment;
	reader->moment.found = found;
	reader->moment.taken = false;
	reader->moment.answered = wanted->asked;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	reader_announce(reader);
}

static void *window_main(void *arg)
{
	struct timeline_reader *reader = arg;
	bool stop = !reader_open(reader, &reader->window_run);

	while (!stop) {
		struct timeline_want want;
		struct facts_wanted facts;
		struct moment_wanted moment;
		unsigned asked, answered;
		char *scope = NULL;

		pthread_mutex_lock(&reader->lock);
		if (!reader->stop && reader->asked == reader->answered &&
		    reader->facts.asked == reader->facts.answered &&
		    reader->moment.asked == reader->moment.answered)
			reader_doze(reader);
		want = reader->want;
		asked = reader->asked;
		answered = reader->answered;
		facts = reader->facts;
		moment = reader->moment;
		if (reader->windowed != reader->scoped)
			scope = strdup(reader->scope);
		reader->windowed = reader->scoped;
		stop = reader->stop;
		pthread_mutex_unlock(&reader->lock);
		if (scope)
			narrow(reader, scope);
		free(scope);
		if (!stop && facts.asked != facts.answered)
			answer_facts(reader, &facts);
		if (!stop && moment.asked != moment.answered)
			answer_moment(reader, &moment);
		if (!stop && asked && (asked != answered || run_changed(reader->window_run)))
			answer_window(reader, asked, &want);
	}
	return NULL;
}

bool reader_open(struct timeline_reader *reader, struct run **run)
{
	char *error = NULL;
	struct run *opened = NULL;
	bool stop;

	pthread_mutex_lock(&reader->lock);
	while (!reader->may_begin && !reader->stop)
		pthread_cond_wait(&reader->changed, &reader->lock);
	stop = reader->stop;
	pthread_mutex_unlock(&reader->lock);
	if (!stop)
		opened = run_open(reader->path, &error);
	pthread_mutex_lock(&reader->lock);
	*run = opened;
	if (!stop && !opened) {
		snprintf(reader->error, sizeof(reader->error), "%s", error ? error : "out of memory");
		reader->is_broken = true;
		pthread_cond_broadcast(&reader->changed);
	}
	stop = reader->stop;
	pthread_mutex_unlock(&reader->lock);
	free(error);
	reader_announce(reader);
	return opened && !stop;
}

/* --- the screen's side --------------------------------------------------------------------- */

struct timeline_reader *timeline_reader_start(const char *path, int fd, char **error)
{
	struct timeline_reader *reader = calloc(1, sizeof(*reader));
	sigset_t all, old;

	*error = NULL;
	if (!reader)
		return NULL;
	reader->scope = strdup("");
	reader->path = strdup(path);
	reader->fd = fd;
	reader->facts.taken = reader->moment.taken = true;
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->changed, NULL);
	if (reader->scope && reader->path) {
		/* Signals are for the thread that reads keys. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		reader->scans = pthread_create(&reader->scan_thread, NULL, reader_scan_main, reader) == 0;
		reader->windows = reader->scans && pthread_create(&reader->window_thread, NULL,
								   window_main, reader) == 0;
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (!reader->windows) {
		if (!*error)
			*error = strdup("cannot start the threads that read the file");
		timeline_reader_stop(reader);
		return NULL;
	}
	return reader;
}

void timeline_reader_stop(struct timeline_reader *reader)
{
	if (!reader)
		return;
	pthread_mutex_lock(&reader->lock);
	reader->stop = true;
	pthread_cond_broadcast(&reader->changed);
	if (reader->scan_run)
		run_stop(reader->scan_run);
	if (reader->window_run)
		run_stop(reader->window_run);
	pthread_mutex_unlock(&reader->lock);
	if (reader->scans)
		pthread_join(reader->scan_thread, NULL);
	if (reader->windows)
		pthread_join(reader->window_thread, NULL);
	run_close(reader->scan_run);
	run_close(reader->window_run);
	timeline_scan_free(reader->scan);
	timeline_scan_free(reader->fresh);
	timeline_window_free(reader->ready);
	run_fact_list_free(&reader->facts.facts);
	free(reader->scope);
	free(reader->path);
	pthread_mutex_destroy(&reader->lock);
	pthread_cond_destroy(&reader->changed);
	free(reader);
}

void timeline_reader_begin(struct timeline_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	if (!reader->may_begin)
		pthread_cond_broadcast(&reader->changed);
	reader->may_begin = true;
	pthread_mutex_unlock(&reader->lock);
}

void timeline_reader_want(struct timeline_reader *reader, const struct timeline_want *want)
{
	pthread_mutex_lock(&reader->lock);
	reader->want = *want;
	reader->asked++;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

void timeline_reader_want_moment(struct timeline_reader *reader, const struct longest *of)
{
	pthread_mutex_lock(&reader->lock);
	reader->moment.of = *of;
	reader->moment.asked++;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

bool timeline_reader_take_moment(struct timeline_reader *reader, bool *found, struct run_moment *moment)
{
	bool taken;

	pthread_mutex_lock(&reader->lock);
	taken = reader->moment.asked == reader->moment.answered && !reader->moment.taken;
	*found = reader->moment.found;
	*moment = reader->moment.moment;
	reader->moment.taken |= taken;
	pthread_mutex_unlock(&reader->lock);
	return taken;
}

void timeline_reader_narrow(struct timeline_reader *reader, const char *scope)
{
	char *copy = strdup(scope);

	pthread_mutex_lock(&reader->lock);
	if (copy) {
		free(reader->scope);
		reader->scope = copy;
		reader->scoped++;
		/* What is being read is not wanted any more. */
		if (reader->is_scanning)
			run_stop(reader->scan_run);
	}
	reader->asked += reader->asked > 0;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

void timeline_reader_want_facts(struct timeline_reader *reader, const struct run_event *event,
				const struct idle_interval *interval)
{
	pthread_mutex_lock(&reader->lock);
	reader->facts.of_event = event;
	if (event)
		reader->facts.event = *event;
	else
		reader->facts.interval = *interval;
	reader->facts.asked++;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

struct timeline_window *timeline_reader_take(struct timeline_reader *reader)
{
	struct timeline_window *taken;

	pthread_mutex_lock(&reader->lock);
	taken = reader->ready;
	reader->ready = NULL;
	pthread_mutex_unlock(&reader->lock);
	return taken;
}

bool timeline_reader_take_facts(struct timeline_reader *reader, struct run_fact_list *facts)
{
	bool taken;

	pthread_mutex_lock(&reader->lock);
	taken = reader->facts.asked == reader->facts.answered && !reader->facts.taken;
	if (taken) {
		*facts = reader->facts.facts;
		reader->facts.facts = (struct run_fact_list){ 0 };
		reader->facts.taken = true;
	}
	pthread_mutex_unlock(&reader->lock);
	return taken;
}

const struct timeline_scan *timeline_reader_scan(struct timeline_reader *reader, bool *complete,
						 uint64_t *reached_ns)
{
	const struct timeline_scan *scan;

	pthread_mutex_lock(&reader->lock);
	if (reader->fresh && (!reader->scan || reader->scan->complete || reader->scan->given_up)) {
		timeline_scan_free(reader->scan);
		reader->scan = reader->fresh;
		reader->fresh = NULL;
	}
	scan = reader->scan;
	*complete = scan && scan->complete;
	*reached_ns = reader->end_ns;
	pthread_mutex_unlock(&reader->lock);
	return scan;
}

/* Under the lock. */
static bool is_scanning(const struct timeline_reader *reader)
{
	const struct timeline_scan *last = reader->fresh ? reader->fresh : reader->scan;

	return last ? !last->complete || reader->scanned != reader->scoped : !reader->error[0];
}

bool timeline_reader_is_narrowing(struct timeline_reader *reader, uint64_t *reached_ns)
{
	bool is_narrowing;

	pthread_mutex_lock(&reader->lock);
	is_narrowing = reader->scanned != reader->scoped;
	*reached_ns = reader->is_scanning ? reader->reached_ns : 0;
	pthread_mutex_unlock(&reader->lock);
	return is_narrowing;
}

void timeline_reader_wait(struct timeline_reader *reader)
{
	timeline_reader_begin(reader);
	pthread_mutex_lock(&reader->lock);
	while (!reader->is_broken && (is_scanning(reader) || reader->asked != reader->answered ||
	       reader->facts.asked != reader->facts.answered ||
	       reader->moment.asked != reader->moment.answered))
		pthread_cond_wait(&reader->changed, &reader->lock);
	pthread_mutex_unlock(&reader->lock);
}

void timeline_reader_error(struct timeline_reader *reader, char *out, size_t size)
{
	pthread_mutex_lock(&reader->lock);
	snprintf(out, size, "%s", reader->error);
	pthread_mutex_unlock(&reader->lock);
}
