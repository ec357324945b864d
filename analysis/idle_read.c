/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls and operations of a recording in order of time. Rows lie about in order, and the zone map
 * tells for each chunk of them before which time nothing in it happened: so chunks are read one by
 * one, sorted in memory, and handed on as far as no unread chunk can hold anything earlier.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MIN	32768		/* rows to gather before they are sorted */

const struct event_table event_tables[EVENT_TABLES] = {
	[EVENT_LAUNCH] = { "launch",
	  "start_ns, dur_ns, start_ns + gpu_delay_ns, gpu_dur_ns, thread, stream, shape, NULL, 0, api,"
	  " path, 0, NULL, 0, 0, id", "min(start_ns, start_ns + coalesce(gpu_delay_ns, 0))" },
	[EVENT_GRAPH_LAUNCH] = { "graph_launch",
	  "start_ns, dur_ns, start_ns + gpu_delay_ns, gpu_dur_ns, thread, stream, 0, NULL, 0, api,"
	  " path, 0, NULL, 0, graph, id", "min(start_ns, start_ns + coalesce(gpu_delay_ns, 0))" },
	[EVENT_NODE] = { "node",
	  "NULL, NULL, start_ns, gpu_dur_ns, 0, stream, shape, NULL, 0, 0, path, graph_launch, NULL, 0,"
	  " 0, id", "start_ns" },
	[EVENT_COPY] = { "copy",
	  "CASE WHEN graph_launch IS NULL THEN start_ns END, dur_ns, start_ns + gpu_delay_ns,"
	  " gpu_dur_ns, thread, stream, 0, kind, bytes, api, path, graph_launch, NULL, 0, 0, id",
	  "min(start_ns, start_ns + coalesce(gpu_delay_ns, 0))" },
	[EVENT_ORPHAN] = { "orphan",
	  "NULL, NULL, start_ns, dur_ns, 0, stream, shape, nullif(kind, 0), bytes, 0, 0, 0, device, 0,"
	  " 0, id", "start_ns" },
	[EVENT_MEMORY] = { "memory",
	  "start_ns, dur_ns, NULL, NULL, thread, 0, 0, NULL, bytes, api, path, 0, NULL, 0, 0, id",
	  "start_ns" },
	[EVENT_CALL] = { "call",
	  "start_ns, dur_ns, NULL, NULL, thread, 0, 0, NULL, 0, api, path, 0, NULL, result, object, id",
	  "start_ns" },
};

static bool table_has_work(size_t table)
{
	return table == EVENT_LAUNCH || table == EVENT_GRAPH_LAUNCH || table == EVENT_COPY;
}

struct chunk {
	int64_t first, last;
	uint64_t begin;			/* of it and all later ones */
};

struct source {
	struct chunk *rows;		/* a list */
	size_t count, next;
	sqlite3_stmt *read;
};

struct reader {
	struct run *run;
	struct source sources[EVENT_TABLES];
	struct lookup shapes, streams;		/* their devices */
	struct call_classes apis;
	struct { struct call_row { struct idle_call call; struct idle_work work; } *rows; size_t count; }
		calls;
	struct { struct idle_event *rows; size_t count; } events;
	uint64_t done, last_start;
	const struct idle_sink *sink;
};

static int chunk_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct source *source = arg;
	int64_t last = sqlite3_column_int64(stmt, 0);
	const struct chunk *before = source->count ? &source->rows[source->count - 1] : NULL;
	/* Rows between two chunks would be lost otherwise. */
	int64_t first = before ? before->last + (before->last < INT64_MAX) : INT64_MIN;
	struct chunk *chunk;

	if (before && last <= before->last)
		return 0;
	chunk = LIST_ADD(source);
	if (!chunk)
		return run_fail(run, "out of memory");
	*chunk = (struct chunk){ first, last, row_u64(stmt, 1) };
	return 0;
}

static int source_open(struct reader *r, size_t table, bool trust)
{
	struct source *source = &r->sources[table];
	int64_t covered = INT64_MIN;
	uint64_t begin = UINT64_MAX;
	char sql[768];

	snprintf(sql, sizeof(sql), "SELECT last_id, min_ns FROM chunk WHERE kind = '%s' ORDER BY 1",
		 event_tables[table].name);
	if (trust && run_query(r->run, sql, chunk_row, source) < 0)
		return -1;
	if (source->count)
		covered = source->rows[source->count - 1].last;
	snprintf(sql, sizeof(sql), "SELECT max(id), min(%s) FROM %s WHERE id > %lld GROUP BY id / 4096"
		 " ORDER BY 1", event_tables[table].begin, event_tables[table].name, (long long)covered);
	if (run_query(r->run, sql, chunk_row, source) < 0)
		return -1;
	for (size_t i = source->count; i-- > 0;) {
		if (source->rows[i].begin < begin)
			begin = source->rows[i].begin;
		source->rows[i].begin = begin;
	}
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE id BETWEEN ?1 AND ?2",
		 event_tables[table].columns, event_tables[table].name);
	source->read = run_prepare(r->run, sql);
	return source->read ? 0 : -1;
}

static int call_add(struct reader *r, sqlite3_stmt *stmt)
{
	const struct api_class *api = api_find(&r->apis, sqlite3_column_int64(stmt, API));
	struct call_row *row = LIST_ADD(&r->calls);
	struct idle_call *call = &row->call;

	if (!row)
		return run_fail(r->run, "out of memory");
	call->start = row_u64(stmt, CALL_START);
	call->end = call->start + row_u64(stmt, CALL_DUR);
	call->thread = sqlite3_column_int64(stmt, THREAD);
	call->path = sqlite3_column_int64(stmt, PATH);
	call->bytes = row_u64(stmt, BYTES);
	call->kind = row_int(stmt, KIND, 0);
	call->class = api->class;
	call->stream = sqlite3_column_int64(stmt, api->class == CALL_WAIT ? OBJECT : STREAM);
	call->capturing = api->begins_capture;
	return 0;
}

static void work_add(struct reader *r, size_t table, sqlite3_stmt *stmt)
{
	struct idle_work *work = &r->calls.rows[r->calls.count - 1].work;

	work->shape = sqlite3_column_int64(stmt, SHAPE);
	work->graph = table == EVENT_GRAPH_LAUNCH ? sqlite3_column_int64(stmt, OBJECT) : 0;
	work->gpu_start = row_u64(stmt, GPU_START);
	work->gpu_end = work->gpu_start + row_u64(stmt, GPU_DUR);
}

static int event_add(struct reader *r, sqlite3_stmt *stmt)
{
	struct idle_event *event = LIST_ADD(&r->events);
	int64_t device;

	if (!event)
		return run_fail(r->run, "out of memory");
	event->start = row_u64(stmt, GPU_START);
	event->end = event->start + row_u64(stmt, GPU_DUR);
	event->op.stream = sqlite3_column_int64(stmt, STREAM);
	event->op.shape = sqlite3_column_int64(stmt, SHAPE);
	event->op.kind = row_int(stmt, KIND, IDLE_KERNEL);
	event->op.bytes = row_u64(stmt, BYTES);
	event->graph_launch = sqlite3_column_int64(stmt, GRAPH_LAUNCH);
	event->path = sqlite3_column_int64(stmt, PATH);
	device = lookup_number(&r->streams, event->op.stream, 0, 0);
	device = lookup_number(&r->shapes, event->op.shape, 0, device);
	event->device = sqlite3_column_type(stmt, DEVICE) == SQLITE_NULL ? device
		: sqlite3_column_int64(stmt, DEVICE);
	if (sqlite3_column_type(stmt, CALL_START) != SQLITE_NULL) {
		event->thread = sqlite3_column_int64(stmt, THREAD);
		event->call_start = row_u64(stmt, CALL_START);
		event->call_end = event->call_start + row_u64(stmt, CALL_DUR);
	}
	return 0;
}

static bool is_work(enum call_class class)
{
	return class == CALL_LAUNCH || class == CALL_COPY || class == CALL_HOST_FUNCTION;
}

static int chunk_read(struct reader *r, struct source *source)
{
	const struct chunk *chunk = &source->rows[source->next++];
	size_t table = (size_t)(source - r->sources);
	bool has_work = table_has_work(table), is_call = table == EVENT_CALL, is_event;
	int result;

	sqlite3_reset(source->read);
	sqlite3_bind_int64(source->read, 1, chunk->first);
	sqlite3_bind_int64(source->read, 2, chunk->last);
	while ((result = run_step(r->run, source->read)) > 0) {
		r->done++;
		/* What a graph launch did on the device are its nodes. */
		is_event = r->sink->event && table != EVENT_GRAPH_LAUNCH &&
			   sqlite3_column_type(source->read, GPU_START) != SQLITE_NULL &&
			   sqlite3_column_type(source->read, GPU_DUR) != SQLITE_NULL;
		if (is_event && event_add(r, source->read) < 0)
			return -1;
		if (sqlite3_column_type(source->read, CALL_START) == SQLITE_NULL)
			continue;
		if (call_add(r, source->read) < 0)
			return -1;
		if (has_work)
			work_add(r, table, source->read);
		/* Work that is among the other calls and did not fail went into a capture. */
		if (is_call && !sqlite3_column_int64(source->read, RESULT)) {
			struct idle_call *call = &r->calls.rows[r->calls.count - 1].call;

			call->capturing |= is_work(call->class) && call->class != CALL_HOST_FUNCTION;
			if (call->capturing)
				call->class = CALL_GRAPH;
		}
	}
	sqlite3_reset(source->read);
	if (r->run->progress)
		r->run->progress(r->run->progress_arg, r->done, 0);
	return result;
}

#define ORDER(a, b, member)				\
	do {						\
		if ((a)->member != (b)->member)		\
			return (a)->member < (b)->member ? -1 : 1;	\
	} while (0)

static int call_order(const void *left, const void *right)
{
	const struct call_row *a = left, *b = right;

	ORDER(a, b, call.start);
	ORDER(a, b, call.end);
	ORDER(a, b, call.thread);
	ORDER(a, b, call.class);
	ORDER(a, b, call.path);
	ORDER(a, b, work.graph);
	ORDER(a, b, work.shape);
	ORDER(a, b, work.gpu_start);
	return 0;
}

/* Every member that shows in a result is compared: the order of rows must not. */
static int event_order(const void *left, const void *right)
{
	const struct idle_event *a = left, *b = right;

	ORDER(a, b, start);
	ORDER(a, b, end);
	ORDER(a, b, device);
	ORDER(a, b, op.stream);
	ORDER(a, b, op.kind);
	ORDER(a, b, op.shape);
	ORDER(a, b, call_start);
	ORDER(a, b, graph_launch);
	ORDER(a, b, op.bytes);
	ORDER(a, b, path);
	return 0;
}

static int calls_emit(struct reader *r, size_t *next, uint64_t until)
{
	for (; *next < r->calls.count && r->calls.rows[*next].call.start < until; (*next)++) {
		const struct call_row *row = &r->calls.rows[*next];

		if (r->sink->call(r->sink->arg, &row->call, &row->work) < 0)
			return -1;
	}
	return 0;
}

/* Rows mostly lie in order, and then need no sorting. */
static void order(void *rows, size_t count, size_t bytes, int (*compare)(const void *, const void *))
{
	const char *at = rows;

	for (size_t i = 1; i < count; i++, at += bytes) {
		if (compare(at, at + bytes) > 0) {
			qsort(rows, count, bytes, compare);
			return;
		}
	}
}

/* Hands on what began before `until`; what is left moves to the front. */
static int pending_emit(struct reader *r, uint64_t until)
{
	size_t calls = 0, events = 0;

	order(r->calls.rows, r->calls.count, sizeof(*r->calls.rows), call_order);
	order(r->events.rows, r->events.count, sizeof(*r->events.rows), event_order);
	for (; events < r->events.count && r->events.rows[events].start < until; events++) {
		const struct idle_event *event = &r->events.rows[events];

		if (event->start < r->last_start)
			return IDLE_DISORDER;
		r->last_start = event->start;
		if (calls_emit(r, &calls, event->start) < 0 ||
		    r->sink->event(r->sink->arg, event) < 0)
			return -1;
	}
	if (calls_emit(r, &calls, until) < 0)
		return -1;
	r->calls.count -= calls;
	if (calls)
		memmove(r->calls.rows, r->calls.rows + calls,
			r->calls.count * sizeof(*r->calls.rows));
	r->events.count -= events;
	if (events)
		memmove(r->events.rows, r->events.rows + events,
			r->events.count * sizeof(*r->events.rows));
	return 0;
}

/* The source whose unread rows begin first; NULL when all is read. */
static struct source *source_next(struct reader *r, uint64_t *begin)
{
	struct source *first = NULL;

	*begin = UINT64_MAX;
	for (size_t i = 0; i < EVENT_TABLES; i++) {
		struct source *s = &r->sources[i];

		if (s->next < s->count && (!first || s->rows[s->next].begin < *begin)) {
			first = s;
			*begin = s->rows[s->next].begin;
		}
	}
	return first;
}

static int sources_read(struct reader *r)
{
	size_t wanted = PENDING_MIN;
	struct source *source;
	uint64_t begin;
	int result;

	while ((source = source_next(r, &begin))) {
		if (r->calls.count + r->events.count >= wanted) {
			result = pending_emit(r, begin);
			if (result < 0)
				return result;
			/* Sorting again what could not go yet must not cost the square of it. */
			wanted = 2 * (r->calls.count + r->events.count) + PENDING_MIN;
		}
		if (chunk_read(r, source) < 0)
			return -1;
	}
	return pending_emit(r, UINT64_MAX);
}

int idle_read(struct run *run, bool trust, const struct idle_sink *sink)
{
	struct reader r = { .run = run, .sink = sink };
	int result = call_classes_load(run, &r.apis);

	if (result == 0)
		result = lookup_load(run, "SELECT id, device FROM shape", &r.shapes);
	if (result == 0)
		result = lookup_load(run, "SELECT id, device FROM stream", &r.streams);
	for (size_t i = 0; result == 0 && i < EVENT_TABLES; i++)
		if (!sink->work_only || table_has_work(i))
			result = source_open(&r, i, trust);
	if (result == 0)
		result = sources_read(&r);
	for (size_t i = 0; i < EVENT_TABLES; i++) {
		sqlite3_finalize(r.sources[i].read);
		free(r.sources[i].rows);
	}
	lookup_free(&r.shapes);
	lookup_free(&r.streams);
	call_classes_free(&r.apis);
	free(r.calls.rows);
	free(r.events.rows);
	return result;
}
