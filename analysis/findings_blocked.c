/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Urgent work behind long kernels: work on a stream of higher priority that was submitted while a
 * long kernel ran, depends on nothing of that kernel's stream, and began only when it ended.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <stdlib.h>
#include <string.h>

#define SOON_NS		20000		/* a device takes up waiting work so soon */
#define ORDERS_MAX	4194304		/* records of events and waits that are looked at */
#define TAINTED_MAX	64		/* streams and events that depend on one kernel */

/* Columns of blocking.streams. */
enum { URGENCY_HANDLE, URGENCY_PRIORITY };
#define PRIORITY_UNKNOWN INT64_MAX

int blocking_open(struct run *run, struct blocking *blocking)
{
	blocking->run = run;
	/* Where all streams are equally urgent nothing needs to be looked at. */
	blocking->is_on = run_integer(run, "SELECT count(DISTINCT priority) FROM stream", 0) > 1;
	if (!blocking->is_on)
		return 0;
	blocking->graph_launch = run_prepare(run, "SELECT start_ns + dur_ns, stream, path "
					     "FROM graph_launch WHERE id = ?1");
	if (!blocking->graph_launch)
		return -1;
	return lookup_load(run, "SELECT id, handle, priority FROM stream ORDER BY id",
			   &blocking->streams);
}

void blocking_forget(struct blocking *blocking)
{
	free(blocking->blockers);
	blocking->blockers = NULL;
	blocking->blocker_count = 0;
}

void blocking_close(struct blocking *blocking)
{
	blocking_forget(blocking);
	sqlite3_finalize(blocking->graph_launch);
	free(blocking->orders.rows);
	lookup_free(&blocking->streams);
}

/* --- what depends on what ------------------------------------------------------------------ */

static int order_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct stream_order *order = LIST_ADD((struct stream_orders *)arg);

	if (!order)
		return run_fail(run, "out of memory");
	*order = (struct stream_order){ row_u64(stmt, 0), sqlite3_column_int64(stmt, 2),
					sqlite3_column_int64(stmt, 3), sqlite3_column_int(stmt, 1) };
	return 0;
}

/* All records of events and waits for them, in order: asked for once a long kernel is followed by
 * something urgent, which most recordings do not have. */
static int orders_load(struct blocking *blocking)
{
	if (blocking->orders_loaded)
		return 0;
	blocking->orders_loaded = true;
	return run_query(blocking->run,
			 "SELECT c.start_ns, a.name GLOB 'cu*Wait*', "
			 " CASE WHEN a.name GLOB 'cu*Wait*' THEN c.object ELSE c.second END AS stream, "
			 " CASE WHEN a.name GLOB 'cu*Wait*' THEN c.second ELSE c.object END AS event "
			 "FROM call c JOIN api a ON a.id = c.api "
			 "WHERE a.name GLOB 'cu*EventRecord*' OR a.name GLOB 'cu*StreamWaitEvent*' "
			 "ORDER BY c.start_ns LIMIT 4194304",
			 order_row, &blocking->orders);
}

struct tainted { int64_t handles[TAINTED_MAX]; size_t count; };

static bool is_tainted(const struct tainted *tainted, int64_t handle)
{
	for (size_t i = 0; i < tainted->count; i++)
		if (tainted->handles[i] == handle)
			return true;
	return false;
}

static void taint(struct tainted *tainted, int64_t handle)
{
	if (!is_tainted(tainted, handle) && tainted->count < TAINTED_MAX)
		tainted->handles[tainted->count++] = handle;
}

/* Does what was put on `stream` until `until_ns` wait, by events, for what `blocker` had on its own
 * stream since the launch at `from_ns`? Streams and events become tainted in the order of the calls. */
static bool depends(const struct blocking *blocking, int64_t blocker, int64_t stream,
		    uint64_t from_ns, uint64_t until_ns)
{
	const struct stream_orders *orders = &blocking->orders;
	struct tainted streams = { { blocker }, 1 }, events = { { 0 }, 0 };
	size_t low = 0, high = orders->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (orders->rows[middle].at_ns < from_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < orders->count && orders->rows[low].at_ns <= until_ns; low++) {
		const struct stream_order *order = &orders->rows[low];

		if (order->is_wait && is_tainted(&events, order->event))
			taint(&streams, order->stream);
		else if (!order->is_wait && is_tainted(&streams, order->stream))
			taint(&events, order->event);
	}
	/* Where not all is known, it may. */
	return is_tainted(&streams, stream) || streams.count == TAINTED_MAX ||
	       events.count == TAINTED_MAX || orders->count == ORDERS_MAX;
}

/* --- the pass ------------------------------------------------------------------------------ */

static int64_t stream_fact(const struct blocking *blocking, int64_t stream, int column)
{
	return lookup_number(&blocking->streams, stream, column,
			     column == URGENCY_PRIORITY ? PRIORITY_UNKNOWN : 0);
}

/* When the work was submitted, and by whom; work inside a graph by the graph's launch. */
static int submitted(const struct blocking *blocking, const struct idle_event *event,
		     struct watch_urgent *urgent)
{
	int result = 0;

	*urgent = (struct watch_urgent){ event->call_end, event->op.stream, event->path };
	if (event->call_start)
		return 1;
	sqlite3_reset(blocking->graph_launch);
	sqlite3_bind_int64(blocking->graph_launch, 1, event->graph_launch);
	if (event->graph_launch > 0)
		result = run_step(blocking->run, blocking->graph_launch);
	if (result > 0)
		*urgent = (struct watch_urgent){ row_u64(blocking->graph_launch, 0),
			sqlite3_column_int64(blocking->graph_launch, 1),
			sqlite3_column_int64(blocking->graph_launch, 2) };
	sqlite3_reset(blocking->graph_launch);
	return result;
}

/* Until when the stream had other work beside the blocker. */
static uint64_t stream_reach(const struct watch_blocked *now, int64_t stream)
{
	for (int i = 0; i < BLOCKED_STREAMS_MAX; i++)
		if (now->reach[i].stream == stream)
			return now->reach[i].end_ns;
	return 0;
}

static void reach_take(struct watch_blocked *now, int64_t stream, uint64_t end_ns)
{
	for (int i = 0; i < BLOCKED_STREAMS_MAX; i++) {
		if (now->reach[i].stream && now->reach[i].stream != stream)
			continue;
		now->reach[i].stream = stream;
		if (end_ns > now->reach[i].end_ns)
			now->reach[i].end_ns = end_ns;
		return;
	}
}

static struct watch_blocker *blocker_get(struct blocking *blocking, const struct watch_kernel *kernel)
{
	void *grown;

	for (size_t i = 0; i < blocking->blocker_count; i++)
		if (blocking->blockers[i].kernel == kernel)
			return &blocking->blockers[i];
	grown = realloc(blocking->blockers,
			(blocking->blocker_count + 1) * sizeof(*blocking->blockers));
	if (!grown)
		return NULL;
	blocking->blockers = grown;
	blocking->blockers[blocking->blocker_count] = (struct watch_blocker){ .kernel = kernel };
	return &blocking->blockers[blocking->blocker_count++];
}

static int waited(struct blocking *blocking, const struct watch_blocked *now,
		  const struct watch_kernel *kernel, const struct watch_urgent *urgent,
		  const struct idle_event *event, uint64_t ns)
{
	struct watch_blocker *blocker = blocker_get(blocking, now->kernel);

	if (!blocker)
		return run_fail(blocking->run, "out of memory");
	blocker->count++;
	blocker->waited_ns += ns;
	blocker->first_ns = blocker->first_ns ? blocker->first_ns : now->start_ns;
	blocker->last_ns = event->start;
	if (ns > blocker->worst.dur_ns) {
		blocker->worst = (struct watch_spot){ event->start - ns, ns, now->path, urgent->stream };
		blocker->urgent = kernel;
	}
	return 0;
}

/* Something begins as the blocker ends: had it waited for that? */
static int candidate(struct blocking *blocking, const struct watch_blocked *now,
		     const struct watch_kernel *kernel, const struct idle_event *event)
{
	struct watch_urgent urgent;
	uint64_t ready;
	int64_t mine, its;
	int result = submitted(blocking, event, &urgent);

	if (result <= 0)
		return result;
	mine = stream_fact(blocking, urgent.stream, URGENCY_HANDLE);
	its = stream_fact(blocking, now->stream, URGENCY_HANDLE);
	ready = stream_reach(now, event->op.stream);
	ready = urgent.submitted_ns > ready ? urgent.submitted_ns : ready;
	ready = now->start_ns > ready ? now->start_ns : ready;
	/* The legacy stream and those beside it wait for each other. */
	if (!mine || !its || ready >= now->end_ns ||
	    stream_fact(blocking, urgent.stream, URGENCY_PRIORITY) >=
	    stream_fact(blocking, now->stream, URGENCY_PRIORITY))
		return 0;
	if (orders_load(blocking) < 0)
		return -1;
	if (depends(blocking, its, mine, now->call_ns, urgent.submitted_ns))
		return 0;
	return waited(blocking, now, kernel, &urgent, event, event->start - ready);
}

int blocking_take(struct blocking *blocking, struct watch_device *d, const struct watch_kernel *kernel,
		  const struct idle_event *event)
{
	struct watch_blocked *now = &d->blocked;
	bool follows = now->kernel && event->start >= now->end_ns && event->start - now->end_ns <= SOON_NS;

	if (follows && event->op.stream != now->stream && kernel &&
	    candidate(blocking, now, kernel, event) < 0)
		return -1;
	if (now->kernel && event->start < now->end_ns + SOON_NS)
		reach_take(now, event->op.stream, event->end);
	if (!kernel || !event->call_start || event->end - event->start < blocking->long_ns ||
	    (now->kernel && event->end <= now->end_ns))
		return 0;
	*now = (struct watch_blocked){ .kernel = kernel, .start_ns = event->start,
		.end_ns = event->end, .call_ns = event->call_start, .stream = event->op.stream,
		.path = event->path };
	for (size_t i = 0; i < d->active_count; i++)
		reach_take(now, d->active[i].stream, d->active[i].end);
	return 0;
}

/* --- detector ------------------------------------------------------------------------------ */

static int blocked_on(struct finder *finder, enum detector_id id, int device)
{
	const struct blocking *blocking = &finder->watch.blocking;
	struct run_finding finding = { .device = device };
	const struct watch_blocker *worst = NULL;
	struct finding_values values;

	for (size_t i = 0; i < blocking->blocker_count; i++) {
		const struct watch_blocker *b = &blocking->blockers[i];

		if (b->kernel->device != device)
			continue;
		finding.count += b->count;
		finding.concerned_ns += b->waited_ns;
		if (!finding.first_ns || b->first_ns < finding.first_ns)
			finding.first_ns = b->first_ns;
		if (b->last_ns > finding.last_ns)
			finding.last_ns = b->last_ns;
		finding_show(&finding, "", 0, b->worst.stream, b->worst.start_ns, b->worst.dur_ns);
		if (!worst || b->waited_ns > worst->waited_ns)
			worst = b;
	}
	if (!worst)
		return 0;
	finding.path = worst->worst.path;
	values = (struct finding_values){
		.a = (double)worst->kernel->total_ns / (double)worst->kernel->count,
		.b = (double)worst->worst.dur_ns,
		.text = watch_kernel_name(&finder->watch, worst->urgent->shape) };
	return finder_add(finder, id, &finding,
			  strdup(watch_kernel_name(&finder->watch, worst->kernel->shape)), &values);
}

int detect_blocked(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, blocked_on);
}
