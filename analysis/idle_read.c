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
#include "analysis/pages.h"
#include "analysis/pile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MIN	8192		/* rows to gather before they are sorted */
#define ROW_TAKE	"gputrail_row_take"

struct chunk {
	int64_t first, last;
	uint64_t begin;			/* of it and all later ones */
	uint64_t end;			/* all its rows are over then */
};

struct source {
	int table;			/* EVENT_LAUNCH, ... */
	struct chunk *rows;		/* a list */
	size_t count, next;
	struct pages *pages;		/* NULL: SQLite has to be asked */
	sqlite3_stmt *read;
	struct pile calls, events;	/* read, and not handed on yet */
};

struct reader {
	struct run *run;
	struct source sources[EVENT_TABLES];
	struct lookup shapes, streams;		/* their devices */
	struct lookup nodes;			/* of graphs: stream, shape, path */
	struct call_classes apis;
	struct pile_merge calls, events;	/* of all sources */
	struct source *reading;
	bool had_to_sort;
	uint64_t done, total, last_start;
	const struct idle_sink *sink;
};

/* Is only a stretch of time asked for? */
static bool is_part(const struct idle_sink *sink)
{
	return sink->to_ns && (sink->from_ns || sink->to_ns != UINT64_MAX);
}

/* May the zone map leave it out? */
static bool is_outside(const struct idle_sink *sink, const struct chunk *chunk)
{
	return is_part(sink) && (chunk->end <= sink->from_ns || chunk->begin >= sink->to_ns);
}

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
	*chunk = (struct chunk){ first, last, row_u64(stmt, 1), UINT64_MAX };
	/* Of a gap before it nothing is known. */
	if (sqlite3_column_count(stmt) > 2 && (!before || sqlite3_column_int64(stmt, 3) == first))
		chunk->end = row_u64(stmt, 2);
	return 0;
}

static int source_open_pages(struct reader *r, struct source *source, size_t table)
{
	const struct event_table *t = &event_tables[table];
	bool is_replay = table == EVENT_NODE && run_has_table(r->run, EVENT_REPLAY);
	uint32_t unused = r->sink->unused | EVENT_BIT(ROW_ID);
	const char *columns[EVENT_COLUMNS];

	for (int i = 0; i < EVENT_COLUMNS; i++)
		columns[i] = unused & EVENT_BIT(i) ? NULL
			: is_replay ? event_replay_columns[i] : t->columns[i];
	source->pages = pages_open(r->run, is_replay ? EVENT_REPLAY : t->name, columns, EVENT_COLUMNS);
	if (!is_replay)
		return 0;
	return lookup_load(r->run, "SELECT id, stream, shape, path FROM graph_node", &r->nodes);
}

static int source_open(struct reader *r, size_t table, bool trust)
{
	struct source *source = &r->sources[table];
	int64_t covered = INT64_MIN;
	uint64_t begin = UINT64_MAX;
	char sql[768];

	snprintf(sql, sizeof(sql), "SELECT last_id, min_ns, max_ns, first_id FROM chunk "
		 "WHERE kind = '%s' ORDER BY 1", event_tables[table].name);
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
	/* Pages are read one after the other: nothing can be left out. */
	if (!is_part(r->sink) && source_open_pages(r, source, table) < 0)
		return -1;
	source->read = event_rows_prepare(r->run, (int)table, ROW_TAKE);
	return source->read ? 0 : -1;
}

static bool is_work(enum call_class class)
{
	return class == CALL_LAUNCH || class == CALL_COPY || class == CALL_HOST_FUNCTION;
}

static bool call_add(struct reader *r, int table, const struct event_row *row)
{
	const struct api_class *api = api_find(&r->apis, row->value[API]);
	struct call_row *added = pile_add(&r->reading->calls);
	uint64_t start = row_natural(row, CALL_START), gpu_start = row_natural(row, GPU_START);
	struct idle_call *call = &added->call;

	if (!added)
		return false;
	added->work = (struct idle_work){ 0 };
	if (event_table_has_work(table))
		added->work = (struct idle_work){
			.shape = row->value[SHAPE],
			.graph = row->value[GRAPH],
			.gpu_start = gpu_start,
			.gpu_end = gpu_start + row_natural(row, GPU_DUR),
		};
	*call = (struct idle_call){
		.start = start,
		.end = start + row_natural(row, CALL_DUR),
		.thread = row->value[THREAD],
		.path = row->value[PATH],
		.stream = row->value[api->class == CALL_WAIT ? OBJECT : STREAM],
		.bytes = row_natural(row, BYTES),
		.kind = row_kind(row, 0),
		.class = api->class,
		.api = (int)row->value[API],
		.table = (uint8_t)table,
		/* 600: not ready, the answer of a query */
		.failed = row->value[RESULT] != 0 && row->value[RESULT] != 600,
		.capturing = api->begins_capture,
	};
	/* Work that is among the other calls and did not fail went into a capture. */
	if (table == EVENT_CALL && !row->value[RESULT]) {
		call->capturing |= is_work(call->class) && call->class != CALL_HOST_FUNCTION;
		if (call->capturing)
			call->class = CALL_GRAPH;
	}
	return true;
}

static int64_t event_device(const struct reader *r, const struct event_row *row)
{
	int64_t device = row->value[DEVICE], shape = row->value[SHAPE];

	if (row_has(row, DEVICE))
		return device;
	device = shape ? lookup_number(&r->shapes, shape, 0, 0) : 0;
	return device ? device : lookup_number(&r->streams, row->value[STREAM], 0, 0);
}

static bool event_add(struct reader *r, const struct event_row *row)
{
	struct idle_event *event = pile_add(&r->reading->events);
	bool has_call = row_has(row, CALL_START);
	uint64_t start = row_natural(row, GPU_START);
	uint64_t call_start = has_call ? row_natural(row, CALL_START) : 0;

	if (!event)
		return false;
	/* All members are told, so that none is cleared before. */
	*event = (struct idle_event){
		.start = start,
		.end = start + row_natural(row, GPU_DUR),
		.device = event_device(r, row),
		.graph_launch = row->value[GRAPH_LAUNCH],
		.call_start = call_start,
		.call_end = has_call ? call_start + row_natural(row, CALL_DUR) : 0,
		.thread = has_call ? row->value[THREAD] : 0,
		.path = row->value[PATH],
		.op = {
			.kind = row_kind(row, IDLE_KERNEL),
			.shape = row->value[SHAPE],
			.stream = row->value[STREAM],
			.bytes = row_natural(row, BYTES),
		},
	};
	return true;
}

/* A row of `replay` becomes one of the view: what the graph's node is is looked up. */
static void node_settle(struct reader *r, struct event_row *row)
{
	static const enum event_column columns[] = { STREAM, SHAPE, PATH };

	if (!row_has(row, GRAPH_NODE))
		return;
	for (int i = 0; i < 3; i++) {
		row->value[columns[i]] = lookup_number(&r->nodes, row->value[GRAPH_NODE], i, 0);
		row->known |= (uint32_t)(row->value[columns[i]] != 0) << columns[i];
	}
}

static int row_take(void *arg, int64_t *values, uint32_t known)
{
	struct reader *r = arg;
	struct event_row row = { values, known };
	int table = r->reading->table;
	bool is_event;

	if (table == EVENT_NODE)
		node_settle(r, &row);
	event_row_settle(table, &row);
	/* What a graph launch did on the device are its nodes. */
	is_event = r->sink->event && table != EVENT_GRAPH_LAUNCH && row_has(&row, GPU_START) &&
		   row_has(&row, GPU_DUR);
	r->done++;
	if ((is_event && !event_add(r, &row)) ||
	    (row_has(&row, CALL_START) && !call_add(r, table, &row)))
		return run_fail(r->run, "out of memory");
	return 0;
}

/* The aggregate function that SQLite hands rows to: all columns of a row in one call, which costs
 * half of stepping to the row and asking for each. */
static void sqlite_take(sqlite3_context *context, int count, sqlite3_value **columns)
{
	struct reader *r = sqlite3_user_data(context);
	const struct event_table *table = &event_tables[r->reading->table];
	int64_t values[EVENT_COLUMNS] = { 0 };
	uint32_t known = 0;
	int column = 0;

	for (int i = 0; i < EVENT_COLUMNS && column < count; i++) {
		if (!table->columns[i])
			continue;
		known |= (uint32_t)(sqlite3_value_type(columns[column]) != SQLITE_NULL) << i;
		values[i] = sqlite3_value_int64(columns[column++]);
	}
	if (row_take(r, values, known) < 0)
		sqlite3_result_error_nomem(context);
}

static void sqlite_taken(sqlite3_context *context)
{
	sqlite3_result_null(context);
}

static int chunk_ask(struct reader *r, struct source *source, const struct chunk *chunk)
{
	int result;

	sqlite3_reset(source->read);
	sqlite3_bind_int64(source->read, 1, chunk->first);
	sqlite3_bind_int64(source->read, 2, chunk->last);
	result = run_step(r->run, source->read);
	sqlite3_reset(source->read);
	return result < 0 ? -1 : 0;
}

static int chunk_read(struct reader *r, struct source *source)
{
	const struct chunk *chunk = &source->rows[source->next++];
	size_t calls = source->calls.count, events = source->events.count;
	uint64_t done = r->done;
	int result = PAGES_ODD;

	if (r->run->stopped)
		return run_fail(r->run, "interrupted");
	if (is_outside(r->sink, chunk))
		return 0;
	r->reading = source;
	if (source->pages)
		result = pages_read(source->pages, chunk->last, row_take, r);
	if (result == PAGES_ODD) {
		source->calls.count = calls;
		source->events.count = events;
		r->done = done;
		result = chunk_ask(r, source, chunk);
	}
	if (r->run->progress)
		r->run->progress(r->run->progress_arg, r->done, r->total);
	return result;
}

static int calls_emit(struct reader *r, uint64_t until)
{
	const struct call_row *row;

	for (; (row = pile_merge_first(&r->calls)) && row->call.start < until; pile_take(r->calls.first))
		if (r->sink->call(r->sink->arg, &row->call, &row->work) < 0)
			return -1;
	return 0;
}

static uint64_t rows_wanted(const struct reader *r)
{
	uint64_t total = 0;

	for (size_t i = 0; i < EVENT_TABLES; i++)
		for (size_t c = 0; c < r->sources[i].count; c++) {
			const struct chunk *chunk = &r->sources[i].rows[c];
			int64_t first = chunk->first < 1 ? 1 : chunk->first;

			if (!is_outside(r->sink, chunk) && chunk->last >= first)
				total += (uint64_t)(chunk->last - first) + 1;
		}
	return total;
}

static int events_emit(struct reader *r, uint64_t until)
{
	const struct idle_event *event;

	for (; (event = pile_merge_first(&r->events)) && event->start < until;
	     pile_take(r->events.first)) {
		if (event->start < r->last_start)
			return IDLE_DISORDER;
		r->last_start = event->start;
		if (calls_emit(r, event->start) < 0 || r->sink->event(r->sink->arg, event) < 0)
			return -1;
	}
	return calls_emit(r, until);
}

/* Hands on what began before `until`. */
static int pending_emit(struct reader *r, uint64_t until)
{
	int result;

	r->had_to_sort = false;
	for (int i = 0; i < EVENT_TABLES; i++) {
		r->had_to_sort |= pile_sort(&r->sources[i].calls);
		r->had_to_sort |= pile_sort(&r->sources[i].events);
	}
	pile_merge_begin(&r->calls);
	pile_merge_begin(&r->events);
	result = events_emit(r, until);
	for (int i = 0; i < EVENT_TABLES; i++) {
		pile_settle(&r->sources[i].calls);
		pile_settle(&r->sources[i].events);
	}
	return result;
}

/* Rows that wait to be handed on. */
static size_t pending(const struct reader *r)
{
	size_t count = 0;

	for (int i = 0; i < EVENT_TABLES; i++)
		count += r->sources[i].calls.count + r->sources[i].events.count;
	return count;
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
		if (pending(r) >= wanted) {
			result = pending_emit(r, begin);
			if (result < 0)
				return result;
			/* Sorting again what could not go yet must not cost the square of it. */
			wanted = PENDING_MIN + (r->had_to_sort ? 2 : 1) * pending(r);
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
	};
	int result = call_classes_load(run, &r.apis);

	for (int i = 0; i < EVENT_TABLES; i++) {
		r.sources[i].table = i;
		r.sources[i].calls = (struct pile){ .row_bytes = sizeof(struct call_row),
						    .compare = idle_call_order };
		r.sources[i].events = (struct pile){ .row_bytes = sizeof(struct idle_event),
						     .compare = idle_event_order };
		r.calls.piles[r.calls.count++] = &r.sources[i].calls;
		r.events.piles[r.events.count++] = &r.sources[i].events;
	}

	if (result == 0 && sqlite3_create_function(run->db, ROW_TAKE, -1, SQLITE_UTF8, &r,
						   NULL, sqlite_take, sqlite_taken) != SQLITE_OK)
		result = run_fail_sqlite(run);

	if (result == 0)
		result = lookup_load(run, "SELECT id, device FROM shape", &r.shapes);
	if (result == 0)
		result = lookup_load(run, "SELECT id, device FROM stream", &r.streams);
	for (size_t i = 0; result == 0 && i < EVENT_TABLES; i++)
		if (!sink->work_only || event_table_has_work((int)i))
			result = source_open(&r, i, trust);
	if (result == 0 && sink->tells_total)
		r.total = rows_wanted(&r);
	if (result == 0)
		result = sources_read(&r);
	for (size_t i = 0; i < EVENT_TABLES; i++) {
		sqlite3_finalize(r.sources[i].read);
		pages_close(r.sources[i].pages);
		pile_free(&r.sources[i].calls);
		pile_free(&r.sources[i].events);
		free(r.sources[i].rows);
	}
	lookup_free(&r.nodes);
	lookup_free(&r.shapes);
	lookup_free(&r.streams);
	call_classes_free(&r.apis);
	/* It must not be called with a reader that is gone. */
	sqlite3_create_function(run->db, ROW_TAKE, -1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
	return result;
}
