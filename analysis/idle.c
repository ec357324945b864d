/* SPDX-License-Identifier: Apache-2.0 */
/* Idle time by cause: see idle.h. One pass over all events in order of time. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/event_filter.h"
#include "analysis/recent.h"

#include <stdlib.h>
#include <string.h>

#define THREAD_CALLS_MIN	256
#define THREAD_CALLS_MAX	131072	/* remembered of a thread while a device stays idle */
#define THREAD_CALLS_KEPT	4096	/* for looking back from a call that was made long before its work */

const struct idle_limits idle_limits_default = {
	.boundary_ns = 5000,
	.latency_ns = 20000,
	.pace_ns = 100000,
	.long_launch_ns = 1000000,
	.sync_host_ns = 10000000,
	.small_gap_ns = 10000000,
	.large_gap_ns = 50000000,
	.small_copy_bytes = 65536,
	.share_percent = 30,
};

static const struct { const char *name, *text; } causes[IDLE_CAUSE_COUNT] = {
#define IDLE_CAUSE(identifier, name, text) [IDLE_##identifier] = { name, text },
#include "analysis/idle_causes.def"
};

const char *idle_cause_name(enum idle_cause cause)
{
	return causes[cause].name;
}

const char *idle_cause_text(enum idle_cause cause)
{
	return causes[cause].text;
}

struct site {
	struct { int64_t device, cause, path; } key;
	uint64_t total_ns, count;
	UT_hash_handle hh;
};

struct device {
	int64_t id;
	uint64_t reach, busy_reach, kernel_reach, kernel_ns, busy_ns;
	bool has_span;			/* something of it is in the time looked at */
	struct idle_event previous;	/* that ended last */
	struct idle_device result;
	UT_hash_handle hh;
};

struct scan {
	struct run *run;
	const struct idle_limits *limits;
	const struct idle_observer *observer;
	struct idle_names names;
	struct lookup processes;	/* thread: process */
	struct event_filter filter;	/* what counts of what is seen; all is needed to tell causes */
	bool is_narrowed;
	struct idle_thread *threads, *recent_threads[RECENT_ROWS];
	struct device *devices, *recent_devices[RECENT_ROWS];
	struct site *sites, *recent_sites[RECENT_ROWS];
	sqlite3_stmt *graph_launch;
	struct idle_event launched;	/* the call of the graph launch asked for last */
	struct idle_longest longest;
	uint64_t without_call;
};

/* --- calls --------------------------------------------------------------------------------- */

static RECENT_APART struct idle_thread *thread_find(struct scan *s, int64_t id)
{
	return RECENT_FIND(s->threads, s->recent_threads, id, id);
}

static RECENT_APART struct idle_thread *thread_make(struct scan *s, int64_t id)
{
	struct idle_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	thread->id = id;
	thread->process = lookup_number(&s->processes, id, 0, 0);
	HASH_ADD(hh, s->threads, id, sizeof(id), thread);
	return thread;
}

static struct idle_thread *thread_get(struct scan *s, int64_t id)
{
	struct idle_thread *thread = RECENT_HIT(s->recent_threads, id, id);

	return thread ? thread : thread_find(s, id);
}

/* Forgets calls from before the idle interval that any device is in. */
static void thread_trim(struct scan *s, struct idle_thread *thread)
{
	uint64_t horizon = UINT64_MAX;
	struct device *device, *next;
	size_t drop = 0;

	HASH_ITER(hh, s->devices, device, next) {
		if (device->reach < horizon)
			horizon = device->reach;
	}
	while (drop < thread->count && thread->calls[drop].end < horizon)
		drop++;
	if (thread->count - drop > THREAD_CALLS_MAX / 2 && thread->count >= THREAD_CALLS_MAX)
		drop = thread->count / 2;
	drop = drop > THREAD_CALLS_KEPT ? drop - THREAD_CALLS_KEPT : 0;
	thread->count -= drop;
	memmove(thread->calls, thread->calls + drop, thread->count * sizeof(*thread->calls));
}

static int call_take(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	struct scan *s = arg;
	struct idle_thread *thread = thread_get(s, call->thread);
	bool is_full, passes;

	thread = thread ? thread : thread_make(s, call->thread);
	if (!thread)
		return run_fail(s->run, "out of memory");
	is_full = thread->count == thread->capacity;
	if (is_full && thread->capacity)
		thread_trim(s, thread);
	if (is_full && thread->count >= thread->capacity / 2 &&
	    thread->capacity < THREAD_CALLS_MAX) {
		size_t capacity = thread->capacity ? 2 * thread->capacity : THREAD_CALLS_MIN;
		void *grown = realloc(thread->calls, capacity * sizeof(*thread->calls));

		if (!grown)
			return run_fail(s->run, "out of memory");
		thread->calls = grown;
		thread->capacity = capacity;
	}
	thread->calls[thread->count++] = *call;
	passes = !s->is_narrowed || event_filter_takes_call(&s->filter, call, work);
	for (const struct idle_observer *o = s->observer; o; o = o->next)
		if (o->call && (passes || o->sees_all) && o->call(o->arg, call, work) < 0)
			return -1;
	return 0;
}

/* --- intervals ----------------------------------------------------------------------------- */

static enum idle_cause classify(const struct idle_facts *f, const struct idle_limits *is)
{
#define IDLE_RULE(identifier, condition)	\
	if (condition)				\
		return IDLE_##identifier;
#include "analysis/idle_causes.def"
	return IDLE_UNKNOWN;
}

/* The path of what the thread did that is to blame; else of the launch. */
static int64_t blamed_path(const struct idle_facts *f, enum idle_cause cause, int64_t launch)
{
	static const struct { enum idle_cause cause; enum call_class class; } blamed[] = {
		{ IDLE_ALLOCATION, CALL_ALLOC }, { IDLE_MODULE_LOAD, CALL_MODULE },
		{ IDLE_LOOKUPS, CALL_LOOKUP }, { IDLE_GRAPH_BUILD, CALL_GRAPH },
		{ IDLE_PROFILER, CALL_PROFILER },
	};
	int64_t path = 0;

	for (size_t i = 0; i < sizeof(blamed) / sizeof(blamed[0]); i++)
		if (blamed[i].cause == cause)
			path = idle_share(f, blamed[i].class).path;
	if (cause == IDLE_SYNC_READBACK || cause == IDLE_SYNC)
		path = f->synced ? f->sync_path
			: idle_share(f, idle_share(f, CALL_SYNC).ns ? CALL_SYNC : CALL_POLL).path;
	if (cause == IDLE_PAGEABLE_COPY && f->held_by_pageable)
		path = f->pageable_path;
	if (cause == IDLE_ALLOCATION && !path)
		path = f->held_path;
	if (cause == IDLE_CROSS_STREAM)
		path = f->wait_path;
	return path ? path : launch;
}

static RECENT_APART struct site *site_make(struct scan *s, __typeof__(s->sites->key) key)
{
	return RECENT_GET(s->sites, s->recent_sites, key, key);
}

static int site_take(struct scan *s, const struct idle_interval *interval)
{
	__typeof__(s->sites->key) key = { interval->device, interval->cause, interval->path };
	struct site *site = RECENT_HIT(s->recent_sites, key, key);

	site = site ? site : site_make(s, key);
	if (!site)
		return run_fail(s->run, "out of memory");
	site->total_ns += interval->dur_ns;
	site->count++;
	return 0;
}

/* Work inside a graph came with the call that launched the graph. */
static int launch_find(struct scan *s, struct idle_event *event)
{
	int result;

	if (s->launched.graph_launch != event->graph_launch) {
		s->launched = (struct idle_event){ .graph_launch = event->graph_launch };
		sqlite3_reset(s->graph_launch);
		sqlite3_bind_int64(s->graph_launch, 1, event->graph_launch);
		result = run_step(s->run, s->graph_launch);
		if (result < 0)
			return -1;
		if (result) {
			s->launched.call_start = row_u64(s->graph_launch, 0);
			s->launched.call_end = s->launched.call_start + row_u64(s->graph_launch, 1);
			s->launched.thread = sqlite3_column_int64(s->graph_launch, 2);
			s->launched.path = sqlite3_column_int64(s->graph_launch, 3);
			sqlite3_reset(s->graph_launch);
		}
	}
	event->call_start = s->launched.call_start;
	event->call_end = s->launched.call_end;
	event->thread = s->launched.thread;
	event->path = s->launched.path;
	return 0;
}

/* Of the stretch of time that is looked at, whatever else is left out. */
static void device_span(struct device *device, uint64_t start, uint64_t end)
{
	if (!device->has_span || start < device->result.first_ns)
		device->result.first_ns = start;
	device->has_span = true;
	if (end > device->result.last_ns)
		device->result.last_ns = end;
}

static bool interval_passes(struct scan *s, const struct idle_interval *interval)
{
	struct event_subject subject = event_filter_interval(&s->filter, interval);

	return event_filter_passes(&s->filter, &subject, SCOPE_OF_KERNELS);
}

static int interval_take(struct scan *s, struct device *device, const struct idle_event *event)
{
	struct idle_event in_graph;
	struct idle_gap gap = { device->reach, event->start, event, &device->previous, NULL,
				s->threads, s->limits, &s->names };
	struct idle_interval interval;
	struct idle_total *total;
	struct idle_facts facts;
	bool passes;

	if (!event->thread && event->graph_launch > 0) {
		in_graph = *event;
		gap.next = &in_graph;
		if (launch_find(s, &in_graph) < 0)
			return -1;
	}
	if (gap.next->thread)
		gap.thread = thread_get(s, gap.next->thread);
	idle_facts(&gap, &facts);
	interval.device = (int)device->id;
	interval.cause = classify(&facts, s->limits);
	interval.start_ns = gap.start;
	interval.dur_ns = gap.end - gap.start;
	interval.thread = gap.next->thread;
	interval.path = blamed_path(&facts, interval.cause, gap.next->path);
	interval.previous = device->previous.op;
	interval.next = event->op;
	passes = !s->is_narrowed || interval_passes(s, &interval);
	for (const struct idle_observer *o = s->observer; o; o = o->next)
		if ((passes || o->sees_all) && o->interval(o->arg, &interval, gap.next) < 0)
			return -1;
	if (!passes)
		return 0;
	device_span(device, gap.start, gap.end);
	s->without_call += !gap.thread;
	total = &device->result.causes[interval.cause];
	total->total_ns += interval.dur_ns;
	total->count++;
	if (interval.dur_ns > total->worst.dur_ns)
		total->worst = interval;
	device->result.idle_ns += interval.dur_ns;
	if (idle_longest_take(&s->longest, &interval) < 0)
		return run_fail(s->run, "out of memory");
	return site_take(s, &interval);
}

static RECENT_APART struct device *device_make(struct scan *s, const struct idle_event *event)
{
	struct device *device = RECENT_FIND(s->devices, s->recent_devices, id, event->device);

	if (device)
		return device;
	device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->id = event->device;
	device->reach = device->kernel_reach = device->busy_reach = event->start;
	device->previous = *event;
	device->result.id = (int)event->device;
	HASH_ADD(hh, s->devices, id, sizeof(device->id), device);
	return device;
}

/* Unions of what begins in order: they need only how far they reach. */
static void device_count(struct device *device, const struct idle_event *event)
{
	uint64_t from = event->start > device->busy_reach ? event->start : device->busy_reach;

	if (event->end > from) {
		device->busy_ns += event->end - from;
		device->busy_reach = event->end;
	}
	from = event->start > device->kernel_reach ? event->start : device->kernel_reach;
	if (event->op.kind == IDLE_KERNEL && event->end > from) {
		device->kernel_ns += event->end - from;
		device->kernel_reach = event->end;
	}
}

static int event_take(void *arg, const struct idle_event *event)
{
	struct scan *s = arg;
	struct device *device = RECENT_HIT(s->recent_devices, id, event->device);
	int passes;

	device = device ? device : device_make(s, event);
	if (!device)
		return run_fail(s->run, "out of memory");
	if (event->start > device->reach && interval_take(s, device, event) < 0)
		return -1;
	passes = !s->is_narrowed ? 1 : event_filter_takes_event(&s->filter, event);
	for (const struct idle_observer *o = s->observer; passes >= 0 && o; o = o->next)
		if ((passes || o->sees_all) && o->event(o->arg, event) < 0)
			return -1;
	if (passes > 0)
		device_count(device, event);
	if (!s->is_narrowed || scope_sets_pass_time(s->filter.sets, event->start))
		device_span(device, event->start, event->end);
	if (event->end >= device->reach) {
		device->reach = event->end;
		device->previous = *event;
	}
	return passes < 0 ? -1 : 0;
}

/* --- result -------------------------------------------------------------------------------- */

static int by_id(const void *left, const void *right)
{
	const struct idle_device *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static int by_total(const void *left, const void *right)
{
	const struct idle_site *a = left, *b = right;

	if (a->total_ns != b->total_ns)
		return a->total_ns < b->total_ns ? 1 : -1;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->cause != b->cause)
		return a->cause < b->cause ? -1 : 1;
	return (a->path > b->path) - (a->path < b->path);
}

static int result_make(struct scan *s, struct idle_result *result)
{
	size_t devices = 0, sites = 0;

	result->devices = calloc(HASH_COUNT(s->devices) + 1, sizeof(*result->devices));
	result->sites = calloc(HASH_COUNT(s->sites) + 1, sizeof(*result->sites));
	if (!result->devices || !result->sites)
		return run_fail(s->run, "out of memory");
	for (struct device *d = s->devices; d; d = d->hh.next) {
		struct idle_device *to = &result->devices[devices];

		if (!d->has_span || (s->is_narrowed &&
				     !scope_sets_pass(s->filter.sets, SCOPE_DEVICE, d->id)))
			continue;
		devices++;
		*to = d->result;
		to->span_ns = to->last_ns - to->first_ns;
		to->busy_ns = d->busy_ns;
		to->copy_only_ns = d->busy_ns - d->kernel_ns;
	}
	for (struct site *site = s->sites; site; site = site->hh.next)
		result->sites[sites++] = (struct idle_site){
			(int)site->key.device, (enum idle_cause)site->key.cause, site->key.path,
			site->total_ns, site->count };
	result->device_count = devices;
	result->site_count = sites;
	idle_longest_sort(&s->longest);
	result->intervals = s->longest.rows;
	result->interval_count = s->longest.count;
	result->without_call = s->without_call;
	s->longest.rows = NULL;
	qsort(result->devices, devices, sizeof(*result->devices), by_id);
	qsort(result->sites, sites, sizeof(*result->sites), by_total);
	return 0;
}

static void scan_free(struct scan *s)
{
	for (struct idle_thread *thread = s->threads; thread; thread = thread->hh.next)
		free(thread->calls);
	ROWS_FREE(s->threads);
	ROWS_FREE(s->devices);
	ROWS_FREE(s->sites);
	sqlite3_finalize(s->graph_launch);
	event_filter_close(&s->filter);
	lookup_free(&s->processes);
	idle_names_free(&s->names);
	free(s->longest.rows);
}

static int scan(struct run *run, bool trust, const struct idle_options *options,
		struct idle_result *result)
{
	struct scan s = { .run = run, .limits = options->limits, .observer = options->observer,
			  .longest.most = options->intervals };
	struct idle_sink sink = { .call = call_take, .event = event_take, .arg = &s };
	int done = lookup_load(run, "SELECT id, process FROM thread", &s.processes);

	if (!s.limits)
		s.limits = &idle_limits_default;
	s.is_narrowed = run_is_narrowed(run);
	if (done == 0)
		done = event_filter_open(run, s.is_narrowed ? run->narrowed : NULL, &s.filter);
	if (done == 0)
		done = idle_names_load(run, &s.names);
	if (done == 0) {
		s.graph_launch = run_prepare(run, "SELECT start_ns, dur_ns, thread, path "
					     "FROM graph_launch WHERE id = ?1");
		done = s.graph_launch ? 0 : -1;
	}
	for (const struct idle_observer *o = s.observer; done == 0 && o; o = o->next)
		done = o->begin(o->arg);
	if (done == 0)
		done = idle_read(run, trust, &sink);
	if (done == 0)
		done = result_make(&s, result);
	scan_free(&s);
	return done;
}

int run_idle(struct run *run, const struct idle_options *options, struct idle_result *result)
{
	int done;

	*result = (struct idle_result){ 0 };
	if (run_freeze(run) < 0)
		return -1;
	done = scan(run, true, options, result);
	if (done == IDLE_DISORDER)
		done = scan(run, false, options, result);
	if (done == IDLE_DISORDER)
		done = run_fail(run, "'%s' is damaged (times of rows change while they are read)",
				run->path);
	run_thaw(run);
	if (done < 0)
		idle_result_free(result);
	return done;
}

void idle_result_free(struct idle_result *result)
{
	free(result->devices);
	free(result->intervals);
	free(result->sites);
	*result = (struct idle_result){ 0 };
}

int idle_causes_order(const struct idle_device *device, int order[IDLE_CAUSE_COUNT])
{
	int count = 0;

	for (int c = 0; c < IDLE_CAUSE_COUNT; c++) {
		int at = count;

		if (!device->causes[c].count)
			continue;
		for (; at && device->causes[order[at - 1]].total_ns < device->causes[c].total_ns; at--)
			order[at] = order[at - 1];
		order[at] = c;
		count++;
	}
	return count;
}
