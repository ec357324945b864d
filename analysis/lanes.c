/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes of a timeline, and the pyramid of all that is in them: see lanes.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/lanes.h"

#include "analysis/idle_internal.h"
#include "analysis/range_lanes.h"
#include "analysis/scope.h"

#include <stdlib.h>
#include <string.h>

#define QUOTE(number)	#number
#define QUOTED(macro)	QUOTE(macro)
#define ROWS	QUOTED(LANE_RANGE_ROWS)
#define BATCH	4096			/* intervals that go into the pyramid together */

/* Lanes of a device pass with it; streams, threads and their ranges with their process. */
static bool lane_passes(struct run *run, sqlite3_stmt *stmt)
{
	int kind = sqlite3_column_int(stmt, 0);
	int64_t id = sqlite3_column_int64(stmt, 1), parent = sqlite3_column_int64(stmt, 2);
	int64_t device = kind == LANE_STREAM ? parent : id;
	bool is_host = kind == LANE_THREAD || kind == LANE_RANGE;
	bool has_process = kind == LANE_STREAM || is_host;

	return (is_host || run_passes(run, SCOPE_DEVICE, device)) &&
	       (kind != LANE_STREAM || run_passes(run, SCOPE_STREAM, id)) &&
	       (!has_process || run_passes(run, SCOPE_PROCESS, sqlite3_column_int64(stmt, 5)));
}

static int lane_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_lane_list *list = arg;
	struct run_lane *lane;

	if (!lane_passes(run, stmt))
		return 0;
	lane = LIST_ADD(list);
	if (lane)
		lane->title = row_text(stmt, 4);
	if (!lane || !lane->title)
		return run_fail(run, "out of memory");
	lane->key.kind = (enum lane_kind)sqlite3_column_int(stmt, 0);
	lane->key.id = sqlite3_column_int64(stmt, 1);
	lane->parent = sqlite3_column_int64(stmt, 2);
	lane->ordinal = sqlite3_column_int64(stmt, 3);
	lane->number = sqlite3_column_int64(stmt, 6);
	return 0;
}

int run_lanes(struct run *run, struct run_lane_list *list)
{
	int result;

	*list = (struct run_lane_list){ 0 };
	/* The numbers of kinds are those of enum lane_kind. */
	result = run_query(run,
		"WITH rows(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n + 1 < " ROWS ") "
		"SELECT kind, id, parent, ordinal, title, process, number FROM ("
		"SELECT 0 AS kind, id, 0 AS parent, ordinal, 'GPU ' || coalesce(ordinal, '?') AS title,"
		" id AS place, 0 AS process, 0 AS number FROM device "
		"UNION ALL SELECT 1, id, id, ordinal, 'idle', id, 0, 0 FROM device "
		"UNION ALL SELECT 2, s.id, s.device, d.ordinal, coalesce(nullif(s.name, ''),"
		" iif(s.handle = 0, 'default stream', 'stream ' || coalesce(nullif(s.number, 0), s.id))),"
		" s.device, s.process, coalesce(nullif(s.number, 0), s.id) FROM stream s"
		" LEFT JOIN device d ON d.id = s.device "
		"UNION ALL SELECT 3, t.id, t.process, -1, coalesce(nullif(t.name, ''), 'thread') || ' ' ||"
		" coalesce(t.tid, t.id), coalesce(t.process, 0), t.process, 0 FROM thread t "
		"UNION ALL SELECT 4, t.id * " ROWS " + n, t.process, -1,"
		" 'ranges' || iif(n, ' ' || (n + 1), ''), coalesce(t.process, 0), t.process, 0"
		" FROM thread t JOIN rows "
		"WHERE EXISTS (SELECT 1 FROM range)) "
		"ORDER BY kind >= 3, place, iif(kind < 3, kind, 0),"
		" iif(kind = 4, id / " ROWS ", id), kind, id", lane_row, list);
	if (result < 0)
		run_lane_list_free(list);
	return result;
}

void run_lane_list_free(struct run_lane_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].title);
	free(list->rows);
	*list = (struct run_lane_list){ 0 };
}

/* --- times of shapes ----------------------------------------------------------------------- */

void shape_times_list_free(struct shape_times_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		histogram_free(&list->rows[i].times);
	free(list->rows);
	*list = (struct shape_times_list){ 0 };
}

static int by_shape(const void *left, const void *right)
{
	const struct shape_times *a = left, *b = right;

	return (a->shape > b->shape) - (a->shape < b->shape);
}

const struct shape_times *shape_times_find(const struct shape_times_list *list, int64_t shape)
{
	struct shape_times key = { .shape = shape };

	return list->count ? bsearch(&key, list->rows, list->count, sizeof(key), by_shape) : NULL;
}

/* --- the whole run ------------------------------------------------------------------------- */

struct feed {
	struct run *run;
	const struct lanes_scan *scan;
	struct lookup kernels;		/* of shapes */
	size_t times_bytes;
	struct pyramid_interval batch[BATCH];
	size_t count;
	uint64_t reached_ns;
};

/* A row for each shape that there is, in the order of the lookup. */
static int times_begin(struct feed *feed)
{
	struct shape_times_list *list = feed->scan->times;

	feed->times_bytes = 0;
	if (!list)
		return 0;
	shape_times_list_free(list);
	list->rows = calloc(feed->kernels.count + 1, sizeof(*list->rows));
	if (!list->rows)
		return run_fail(feed->run, "out of memory");
	list->count = feed->kernels.count;
	for (size_t i = 0; i < list->count; i++)
		list->rows[i].shape = feed->kernels.ids[i];
	return 0;
}

static int times_add(struct feed *feed, const struct lookup_cell *shape, uint64_t dur_ns)
{
	struct shape_times *row = &feed->scan->times->rows[shape - feed->kernels.cells];
	int bytes;

	if (feed->times_bytes >= SHAPE_TIMES_BYTES && !histogram_has_room(&row->times, dur_ns)) {
		row->missed++;
		return 0;
	}
	bytes = histogram_add(&row->times, dur_ns);
	feed->times_bytes += bytes > 0 ? (size_t)bytes : 0;
	return bytes < 0 ? run_fail(feed->run, "out of memory") : 0;
}

static int feed_flush(struct feed *feed)
{
	size_t count = feed->count;

	feed->count = 0;
	if (pyramid_add(feed->scan->pyramid, feed->batch, count) < 0)
		return run_fail(feed->run, "out of memory");
	/* Ranges come after all else, thread by thread. */
	if (count && feed->batch[count - 1].start_ns > feed->reached_ns)
		feed->reached_ns = feed->batch[count - 1].start_ns;
	if (count && feed->scan->progress)
		feed->scan->progress(feed->scan->arg, feed->reached_ns);
	return 0;
}

static int feed_add(struct feed *feed, enum lane_kind kind, int64_t id, uint64_t start,
		    uint64_t end, int64_t what)
{
	feed->batch[feed->count++] = (struct pyramid_interval){ { kind, id }, start, end, what };
	return feed->count == BATCH ? feed_flush(feed) : 0;
}

static int feed_call(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	(void)work;
	return feed_add(arg, LANE_THREAD, call->thread, call->start, call->end, call->class);
}

static int feed_event(void *arg, const struct idle_event *event)
{
	struct feed *feed = arg;
	const struct lookup_cell *shape = event->op.kind == IDLE_KERNEL ?
		lookup_find(&feed->kernels, event->op.shape) : NULL;
	int64_t what = event->op.kind != IDLE_KERNEL ? LANE_COPY(event->op.kind) :
		       shape && !shape->is_null && !shape->text ? shape->number : 0;

	if (shape && feed->scan->times && times_add(feed, shape, event->end - event->start) < 0)
		return -1;
	if (event->op.stream > 0 &&
	    feed_add(feed, LANE_STREAM, event->op.stream, event->start, event->end, what) < 0)
		return -1;
	return feed_add(feed, LANE_DEVICE, event->device, event->start, event->end, what);
}

static int feed_interval(void *arg, const struct idle_interval *interval,
			 const struct idle_event *next)
{
	(void)next;
	return feed_add(arg, LANE_IDLE, interval->device, interval->start_ns,
			interval->start_ns + interval->dur_ns, interval->cause);
}

static int feed_range(void *arg, const struct range_place *place)
{
	return feed_add(arg, place->lane.kind, place->lane.id, place->start_ns, place->end_ns,
			place->label);
}

/* When begun anew, what is in the pyramid stays: it is the same, and only counted again. */
static int feed_begin(void *arg)
{
	struct feed *feed = arg;

	feed->count = 0;
	feed->reached_ns = 0;
	return times_begin(feed);
}

static int by_place(const void *left, const void *right)
{
	const struct idle_interval *a = left, *b = right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

int run_scan(struct run *run, const struct lanes_scan *scan, struct findings *findings)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	struct idle_observer observer = { .begin = feed_begin, .call = feed_call,
					  .event = feed_event, .interval = feed_interval,
					  .arg = feed };
	struct findings_options options = { .intervals = scan->intervals, .observer = &observer };
	struct idle_result *idle = &findings->idle;
	int done;

	*findings = (struct findings){ 0 };
	if (!feed)
		return run_fail(run, "out of memory");
	feed->run = run;
	feed->scan = scan;
	done = lookup_load(run, "SELECT id, kernel FROM shape ORDER BY id", &feed->kernels);
	if (done == 0)
		done = run_findings(run, &options, findings);
	if (done == 0 && (range_places(run, 0, INT64_MAX, feed_range, feed) < 0 ||
			  feed_flush(feed) < 0)) {
		findings_free(findings);
		done = -1;
	}
	if (done == 0 && idle->interval_count)
		qsort(idle->intervals, idle->interval_count, sizeof(*idle->intervals), by_place);
	lookup_free(&feed->kernels);
	free(feed);
	return done;
}
