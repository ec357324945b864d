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
#include "analysis/pile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MIN	32768		/* rows to gather before they are sorted */
#define ROW_TAKE	"gputrail_row_take"

#define BEGIN_OF_BOTH	"min(start_ns, start_ns + coalesce(gpu_delay_ns, 0))"
#define CALL_TIMES	[CALL_START] = "start_ns", [CALL_DUR] = "dur_ns"
#define GPU_TIMES	[GPU_START] = "start_ns + gpu_delay_ns", [GPU_DUR] = "gpu_dur_ns"

const struct event_table event_tables[EVENT_TABLES] = {
	[EVENT_LAUNCH] = { "launch", BEGIN_OF_BOTH, {
		CALL_TIMES, GPU_TIMES, [THREAD] = "thread", [STREAM] = "stream", [SHAPE] = "shape",
		[API] = "api", [PATH] = "path", [ROW_ID] = "id" } },
	[EVENT_GRAPH_LAUNCH] = { "graph_launch", BEGIN_OF_BOTH, {
		CALL_TIMES, GPU_TIMES, [THREAD] = "thread", [STREAM] = "stream", [API] = "api",
		[PATH] = "path", [OBJECT] = "graph", [ROW_ID] = "id" } },
	[EVENT_NODE] = { "node", "start_ns", {
		[GPU_START] = "start_ns", [GPU_DUR] = "gpu_dur_ns", [STREAM] = "stream",
		[SHAPE] = "shape", [PATH] = "path", [GRAPH_LAUNCH] = "graph_launch", [ROW_ID] = "id" } },
	[EVENT_COPY] = { "copy", BEGIN_OF_BOTH, {
		[CALL_START] = "CASE WHEN graph_launch IS NULL THEN start_ns END",
		[CALL_DUR] = "dur_ns", GPU_TIMES, [THREAD] = "thread", [STREAM] = "stream",
		[KIND] = "kind", [BYTES] = "bytes", [API] = "api", [PATH] = "path",
		[GRAPH_LAUNCH] = "graph_launch", [ROW_ID] = "id" } },
	[EVENT_ORPHAN] = { "orphan", "start_ns", {
		[GPU_START] = "start_ns", [GPU_DUR] = "dur_ns", [STREAM] = "stream",
		[SHAPE] = "shape", [KIND] = "nullif(kind, 0)", [BYTES] = "bytes",
		[DEVICE] = "device", [ROW_ID] = "id" } },
	[EVENT_MEMORY] = { "memory", "start_ns", {
		CALL_TIMES, [THREAD] = "thread", [BYTES] = "bytes", [API] = "api", [PATH] = "path",
		[ROW_ID] = "id" } },
	[EVENT_CALL] = { "call", "start_ns", {
		CALL_TIMES, [THREAD] = "thread", [API] = "api", [PATH] = "path",
		[RESULT] = "result", [OBJECT] = "object", [ROW_ID] = "id" } },
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
	int8_t place[EVENT_COLUMNS];	/* of each column among those read, -1: not there */
};

struct call_row {
	struct idle_call call;
	struct idle_work work;
};

struct reader {
	struct run *run;
	struct source sources[EVENT_TABLES];
	struct lookup shapes, streams;		/* their devices */
	struct call_classes apis;
	struct pile calls, events;
	const struct source *reading;
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

/* Asks for the columns that the table has, no more: most of the time goes into fetching them. */
static int statement_open(struct reader *r, struct source *source, const struct event_table *table)
{
	char sql[768];
	int used = snprintf(sql, sizeof(sql), "SELECT " ROW_TAKE "("), count = 0;

	for (int i = 0; i < EVENT_COLUMNS; i++) {
		source->place[i] = -1;
		if (!table->columns[i] || i == ROW_ID)
			continue;
		source->place[i] = (int8_t)count;
		used += snprintf(sql + used, sizeof(sql) - (size_t)used, "%s%s", count++ ? ", " : "",
				 table->columns[i]);
	}
	snprintf(sql + used, sizeof(sql) - (size_t)used, ") FROM %s WHERE id BETWEEN ?1 AND ?2",
		 table->name);
	source->read = run_prepare(r->run, sql);
	return source->read ? 0 : -1;
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
	return statement_open(r, source, &event_tables[table]);
}

/* A row on its way from SQLite; what the table does not have is NULL. */
struct row {
	const struct source *source;
	sqlite3_value **values;
};

static bool is_null(const struct row *row, enum event_column column)
{
	int place = row->source->place[column];

	return place < 0 || sqlite3_value_type(row->values[place]) == SQLITE_NULL;
}

static int64_t integer(const struct row *row, enum event_column column)
{
	int place = row->source->place[column];

	return place < 0 ? 0 : sqlite3_value_int64(row->values[place]);
}

/* Whatever a damaged file holds: never negative. */
static uint64_t natural(const struct row *row, enum event_column column)
{
	int64_t number = integer(row, column);

	return number > 0 ? (uint64_t)number : 0;
}

static int kind_of(const struct row *row, int missing)
{
	int64_t kind = integer(row, KIND);

	return is_null(row, KIND) || kind < INT_MIN || kind > INT_MAX ? missing : (int)kind;
}

static bool is_work(enum call_class class)
{
	return class == CALL_LAUNCH || class == CALL_COPY || class == CALL_HOST_FUNCTION;
}

static bool call_add(struct reader *r, const struct row *row)
{
	const struct api_class *api = api_find(&r->apis, integer(row, API));
	struct call_row *added = pile_add(&r->calls);
	uint64_t start = natural(row, CALL_START), gpu_start = natural(row, GPU_START);
	size_t table = (size_t)(row->source - r->sources);
	struct idle_call *call = &added->call;

	if (!added)
		return false;
	added->work = (struct idle_work){ 0 };
	if (table_has_work(table))
		added->work = (struct idle_work){
			.shape = integer(row, SHAPE),
			.graph = table == EVENT_GRAPH_LAUNCH ? integer(row, OBJECT) : 0,
			.gpu_start = gpu_start,
			.gpu_end = gpu_start + natural(row, GPU_DUR),
		};
	*call = (struct idle_call){
		.start = start,
		.end = start + natural(row, CALL_DUR),
		.thread = integer(row, THREAD),
		.path = integer(row, PATH),
		.stream = integer(row, api->class == CALL_WAIT ? OBJECT : STREAM),
		.bytes = natural(row, BYTES),
		.kind = kind_of(row, 0),
		.class = api->class,
		.capturing = api->begins_capture,
	};
	/* Work that is among the other calls and did not fail went into a capture. */
	if (table == EVENT_CALL && !integer(row, RESULT)) {
		call->capturing |= is_work(call->class) && call->class != CALL_HOST_FUNCTION;
		if (call->capturing)
			call->class = CALL_GRAPH;
	}
	return true;
}

static bool event_add(struct reader *r, const struct row *row)
{
	struct idle_event *event = pile_add(&r->events);
	uint64_t start = natural(row, GPU_START);

	if (!event)
		return false;
	*event = (struct idle_event){
		.start = start,
		.end = start + natural(row, GPU_DUR),
		.op.stream = integer(row, STREAM),
		.op.shape = integer(row, SHAPE),
		.op.kind = kind_of(row, IDLE_KERNEL),
		.op.bytes = natural(row, BYTES),
		.graph_launch = integer(row, GRAPH_LAUNCH),
		.path = integer(row, PATH),
		.device = integer(row, DEVICE),
	};
	if (is_null(row, DEVICE)) {
		event->device = event->op.shape ? lookup_number(&r->shapes, event->op.shape, 0, 0) : 0;
		if (!event->device)
			event->device = lookup_number(&r->streams, event->op.stream, 0, 0);
	}
	if (!is_null(row, CALL_START)) {
		event->thread = integer(row, THREAD);
		event->call_start = natural(row, CALL_START);
		event->call_end = event->call_start + natural(row, CALL_DUR);
	}
	return true;
}

/* The aggregate function that rows are read with: SQLite hands it all columns of a row in one
 * call, which costs half of stepping to the row and asking for each. */
static void row_take(sqlite3_context *context, int columns, sqlite3_value **values)
{
	struct reader *r = sqlite3_user_data(context);
	struct row row = { r->reading, values };
	/* What a graph launch did on the device are its nodes. */
	bool is_event = r->sink->event && r->reading != &r->sources[EVENT_GRAPH_LAUNCH] &&
			!is_null(&row, GPU_START) && !is_null(&row, GPU_DUR);

	(void)columns;
	r->done++;
	if ((is_event && !event_add(r, &row)) || (!is_null(&row, CALL_START) && !call_add(r, &row)))
		sqlite3_result_error_nomem(context);
}

static void rows_taken(sqlite3_context *context)
{
	sqlite3_result_null(context);
}

static int chunk_read(struct reader *r, struct source *source)
{
	const struct chunk *chunk = &source->rows[source->next++];
	int result;

	r->reading = source;
	sqlite3_reset(source->read);
	sqlite3_bind_int64(source->read, 1, chunk->first);
	sqlite3_bind_int64(source->read, 2, chunk->last);
	result = run_step(r->run, source->read);
	sqlite3_reset(source->read);
	if (r->run->progress)
		r->run->progress(r->run->progress_arg, r->done, 0);
	return result < 0 ? -1 : 0;
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

static int calls_emit(struct reader *r, uint64_t until)
{
	const struct call_row *row;

	for (; (row = pile_first(&r->calls)) && row->call.start < until; pile_take(&r->calls))
		if (r->sink->call(r->sink->arg, &row->call, &row->work) < 0)
			return -1;
	return 0;
}

/* Hands on what began before `until`. */
static int pending_emit(struct reader *r, uint64_t until)
{
	const struct idle_event *event;

	pile_sort(&r->calls);
	pile_sort(&r->events);
	for (; (event = pile_first(&r->events)) && event->start < until; pile_take(&r->events)) {
		if (event->start < r->last_start)
			return IDLE_DISORDER;
		r->last_start = event->start;
		if (calls_emit(r, event->start) < 0 || r->sink->event(r->sink->arg, event) < 0)
			return -1;
	}
	if (calls_emit(r, until) < 0)
		return -1;
	pile_settle(&r->calls);
	pile_settle(&r->events);
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
	struct reader r = {
		.run = run, .sink = sink,
		.calls = { .row_bytes = sizeof(struct call_row), .compare = call_order },
		.events = { .row_bytes = sizeof(struct idle_event), .compare = event_order },
	};
	int result = call_classes_load(run, &r.apis);

	if (result == 0 && sqlite3_create_function(run->db, ROW_TAKE, -1, SQLITE_UTF8, &r,
						   NULL, row_take, rows_taken) != SQLITE_OK)
		result = run_fail_sqlite(run);

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
	pile_free(&r.calls);
	pile_free(&r.events);
	/* It must not be called with a reader that is gone. */
	sqlite3_create_function(run->db, ROW_TAKE, -1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
	return result;
}
