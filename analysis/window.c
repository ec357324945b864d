/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a stretch of time, found by the zone map without a scan: see lanes.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/lanes.h"

#include "analysis/event_filter.h"
#include "analysis/range_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_TIMES	4	/* rows read for each that may be in the window */

/* One name for each kernel, kind of copy, entry point and label that the window has. */
struct name {
	struct { int64_t table, id; } key;	/* of what: enum named */
	uint32_t index;
	int64_t kernel;
	UT_hash_handle hh;
};
enum named { NAMED_SHAPE, NAMED_COPY, NAMED_API, NAMED_LABEL, NAMED_RANGE, NAMED_KINDS };

struct windowing {
	struct run *run;
	struct run_window *window;
	struct { struct run_event *rows; size_t count; } events;
	struct { char **rows; size_t count; } texts;
	struct name *names;
	sqlite3_stmt *ask[NAMED_KINDS];
	struct call_classes classes;
	struct event_filter filter;	/* what the run is narrowed to */
	bool is_narrowed;
	size_t most, read;
};

/* Column 0 the name, column 1 the kernel. */
static const char *const name_sql[NAMED_KINDS] = {
	[NAMED_SHAPE] = "SELECT coalesce(nullif(k.name, ''), k.short_name), k.id FROM shape s "
			"JOIN kernel k ON k.id = s.kernel WHERE s.id = ?1",
	[NAMED_API] = "SELECT name, 0 FROM api WHERE id = ?1",
	[NAMED_LABEL] = "SELECT coalesce(text, '(no text)'), 0 FROM label WHERE id = ?1",
	[NAMED_RANGE] = "SELECT coalesce(name, '(no text)'), 0 FROM range WHERE id = ?1",
};

static int name_ask(struct windowing *w, enum named kind, struct name *name, char **text)
{
	sqlite3_stmt *ask = w->ask[kind];
	int result;

	*text = NULL;
	if (kind == NAMED_COPY) {
		*text = strdup(run_copy_direction((int)name->key.id));
		return *text ? 0 : run_fail(w->run, "out of memory");
	}
	if (!ask)
		ask = w->ask[kind] = run_prepare(w->run, name_sql[kind]);
	if (!ask)
		return -1;
	sqlite3_reset(ask);
	sqlite3_bind_int64(ask, 1, name->key.id);
	result = run_step(w->run, ask);
	if (result > 0) {
		*text = row_text(ask, 0);
		name->kernel = sqlite3_column_int64(ask, 1);
	} else if (result == 0) {
		*text = strdup("(unknown)");
	}
	sqlite3_reset(ask);
	return result < 0 ? -1 : *text ? 0 : run_fail(w->run, "out of memory");
}

static const struct name *name_get(struct windowing *w, enum named kind, int64_t id)
{
	struct name key = { .key = { kind, id } }, *name;
	char *text, **slot;

	HASH_FIND(hh, w->names, &key.key, sizeof(key.key), name);
	if (name)
		return name;
	name = calloc(1, sizeof(*name));
	if (!name) {
		run_fail(w->run, "out of memory");
		return NULL;
	}
	name->key = key.key;
	name->index = (uint32_t)w->texts.count;
	slot = name_ask(w, kind, name, &text) == 0 ? LIST_ADD(&w->texts) : NULL;
	if (!slot) {
		free(text);
		free(name);
		return NULL;
	}
	*slot = text;
	HASH_ADD(hh, w->names, key, sizeof(name->key), name);
	return name;
}

static bool touches(const struct windowing *w, uint64_t start, uint64_t end)
{
	return start < w->window->to_ns && (end > w->window->from_ns ||
					    (start == end && end == w->window->from_ns));
}

static struct run_event *event_new(struct windowing *w, enum lane_kind kind, int64_t lane,
				   uint64_t start, uint64_t end, const struct name *name)
{
	struct run_event *event = LIST_ADD(&w->events);

	if (!event) {
		run_fail(w->run, "out of memory");
		return NULL;
	}
	event->lane.kind = kind;
	event->lane.id = lane;
	event->start_ns = start;
	event->end_ns = end;
	event->name = name->index;
	return event;
}

/* As the pass over all rows sees them, so that both leave out the same. 1, 0, or -1. */
static int work_passes(struct windowing *w, const struct event_row *row)
{
	struct idle_event event = {
		.start = row_natural(row, GPU_START), .device = row->value[DEVICE],
		.graph_launch = row->value[GRAPH_LAUNCH], .thread = row->value[THREAD],
		.path = row->value[PATH],
		.op = { row_kind(row, IDLE_KERNEL), row->value[SHAPE], row->value[STREAM], 0 },
	};

	if (!w->is_narrowed)
		return 1;
	if (!row_has(row, CALL_START))
		event.thread = 0;
	if (!row_has(row, DEVICE))
		event.device = event_filter_device(&w->filter, event.op.shape, event.op.stream);
	return event_filter_takes_event(&w->filter, &event);
}

static bool call_passes(const struct windowing *w, const struct event_row *row, int table)
{
	struct idle_call call = { .start = row_natural(row, CALL_START), .thread = row->value[THREAD],
				  .path = row->value[PATH], .stream = row->value[STREAM],
				  .table = (uint8_t)table };
	struct idle_work work = { .shape = row->value[SHAPE], .gpu_start = row_natural(row, GPU_START) };

	return !w->is_narrowed || event_filter_takes_call(&w->filter, &call, &work);
}

static int work_take(struct windowing *w, const struct event_row *row, int table)
{
	uint64_t start = row_natural(row, GPU_START), end = start + row_natural(row, GPU_DUR);
	bool is_kernel = !row_has(row, KIND);
	int kind = row_kind(row, 0);
	int64_t stream = row->value[STREAM];
	const struct name *name;
	struct run_event *event;
	int passes;

	/* The work of a graph launch comes row by row. */
	if (table == EVENT_GRAPH_LAUNCH || !row_has(row, GPU_START) || !row_has(row, GPU_DUR) ||
	    stream <= 0 || !touches(w, start, end))
		return 0;
	passes = work_passes(w, row);
	if (passes <= 0)
		return passes;
	name = is_kernel ? name_get(w, NAMED_SHAPE, row->value[SHAPE])
			 : name_get(w, NAMED_COPY, kind);
	event = name ? event_new(w, LANE_STREAM, stream, start, end, name) : NULL;
	if (!event)
		return -1;
	event->what = is_kernel ? name->kernel : LANE_COPY(kind);
	event->bytes = row_natural(row, BYTES);
	event->row = row->value[ROW_ID];
	event->table = (uint8_t)table;
	return 0;
}

static int call_take(struct windowing *w, const struct event_row *row, int table)
{
	uint64_t start = row_natural(row, CALL_START), end = start + row_natural(row, CALL_DUR);
	int64_t api = row->value[API], result = row->value[RESULT];
	const struct name *name;
	struct run_event *event;

	if (!row_has(row, CALL_START) || !touches(w, start, end) || !call_passes(w, row, table))
		return 0;
	name = name_get(w, NAMED_API, api);
	event = name ? event_new(w, LANE_THREAD, row->value[THREAD], start, end, name)
		     : NULL;
	if (!event)
		return -1;
	event->what = api_find(&w->classes, api)->class;
	event->bytes = row_natural(row, BYTES);
	event->row = row->value[ROW_ID];
	event->table = (uint8_t)table;
	/* 600: not ready, the answer of a query */
	event->failed = result != 0 && result != 600;
	return 0;
}

static int rows_take(struct windowing *w, sqlite3_stmt *read, int table, int64_t first, int64_t last)
{
	int64_t values[EVENT_COLUMNS];
	int result;

	sqlite3_reset(read);
	sqlite3_bind_int64(read, 1, first);
	sqlite3_bind_int64(read, 2, last);
	while ((result = run_step(w->run, read)) > 0) {
		struct event_row row = event_row_of(read, table, values);

		if (++w->read > READ_TIMES * w->most || w->events.count > w->most) {
			w->window->too_many = true;
			break;
		}
		if (work_take(w, &row, table) < 0 || call_take(w, &row, table) < 0)
			return -1;
	}
	sqlite3_reset(read);
	return result < 0 ? -1 : 0;
}

/* Chunks that overlap the window, and the rows behind the last chunk of all. */
static int table_take(struct windowing *w, int table)
{
	const struct event_table *t = &event_tables[table];
	struct run_window *window = w->window;
	char chunks_sql[512];
	sqlite3_stmt *read, *chunks;
	int result;

	snprintf(chunks_sql, sizeof(chunks_sql),
		 "SELECT first_id, last_id FROM chunk WHERE kind = '%s' AND min_ns < ?2 AND max_ns >= ?1 "
		 "UNION ALL SELECT coalesce(max(last_id), -9223372036854775807) + 1,"
		 " 9223372036854775807 FROM chunk WHERE kind = '%s'", t->name, t->name);
	read = event_rows_prepare(w->run, table, "");
	chunks = read ? run_prepare(w->run, chunks_sql) : NULL;
	result = chunks ? 1 : -1;
	if (chunks) {
		sqlite3_bind_int64(chunks, 1, (sqlite3_int64)window->from_ns);
		sqlite3_bind_int64(chunks, 2, (sqlite3_int64)window->to_ns);
	}
	while (result > 0 && !window->too_many) {
		result = run_step(w->run, chunks);
		if (result > 0 && rows_take(w, read, table, sqlite3_column_int64(chunks, 0),
					    sqlite3_column_int64(chunks, 1)) < 0)
			result = -1;
	}
	sqlite3_finalize(chunks);
	sqlite3_finalize(read);
	return result < 0 ? -1 : 0;
}

static int range_take(void *arg, const struct range_place *place)
{
	struct windowing *w = arg;
	const struct name *name;
	struct run_event *event;

	if (w->events.count >= w->most) {
		w->window->too_many = true;
		return 1;
	}
	if (!touches(w, place->start_ns, place->end_ns))
		return 0;
	name = place->label ? name_get(w, NAMED_LABEL, place->label)
			    : name_get(w, NAMED_RANGE, place->row);
	event = name ? event_new(w, LANE_RANGE, place->lane.id, place->start_ns, place->end_ns, name)
		     : NULL;
	if (!event)
		return -1;
	event->what = place->label;
	event->row = place->row;
	event->table = EVENT_TABLES;
	return 0;
}

static int by_lane(const void *left, const void *right)
{
	const struct run_event *a = left, *b = right;

	if (a->lane.kind != b->lane.kind)
		return a->lane.kind < b->lane.kind ? -1 : 1;
	if (a->lane.id != b->lane.id)
		return a->lane.id < b->lane.id ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return (a->end_ns > b->end_ns) - (a->end_ns < b->end_ns);
}

/* Work of all streams of a device as one lane: an event for each stretch without a gap. */
static int unions_add(struct windowing *w)
{
	struct lookup streams;
	size_t first = w->events.count, all, last = first;
	int result = lookup_load(w->run, "SELECT id, device FROM stream ORDER BY id", &streams);

	for (size_t i = 0; result == 0 && i < first; i++) {
		struct run_event one = w->events.rows[i], *copy;

		if (one.lane.kind != LANE_STREAM)
			continue;
		copy = LIST_ADD(&w->events);
		if (!copy)
			result = run_fail(w->run, "out of memory");
		else
			*copy = (struct run_event){ .start_ns = one.start_ns, .end_ns = one.end_ns,
				.lane = { LANE_DEVICE, lookup_number(&streams, one.lane.id, 0, 0) },
				.what = one.what, .table = EVENT_TABLES };
	}
	lookup_free(&streams);
	all = w->events.count;
	if (all > first)
		qsort(w->events.rows + first, all - first, sizeof(*w->events.rows), by_lane);
	for (size_t i = first; i < all; i++) {
		struct run_event *one = &w->events.rows[i], *into = &w->events.rows[last];

		if (i > first && one->lane.id == into->lane.id && one->start_ns <= into->end_ns) {
			into->end_ns = one->end_ns > into->end_ns ? one->end_ns : into->end_ns;
			continue;
		}
		last += i > first;
		w->events.rows[last] = *one;
	}
	w->events.count = all > first ? last + 1 : first;
	return result;
}

/* Without reading them: are there far too many? */
static bool is_hopeless(struct run *run, uint64_t from_ns, uint64_t to_ns, size_t most)
{
	char sql[256];

	/* What no lane shows does not count. */
	snprintf(sql, sizeof(sql), "SELECT sum(last_id - first_id + 1) FROM chunk WHERE min_ns < %llu "
		 "AND max_ns >= %llu AND kind != 'call_arguments'",
		 (unsigned long long)to_ns, (unsigned long long)from_ns);
	return (uint64_t)run_integer(run, sql, 0) > READ_TIMES * most;
}

int run_window(struct run *run, uint64_t from_ns, uint64_t to_ns, size_t most,
	       struct run_window *window)
{
	struct windowing w = { .run = run, .window = window, .most = most };
	struct name *name, *next;
	int result = call_classes_load(run, &w.classes);

	*window = (struct run_window){ .from_ns = from_ns, .to_ns = to_ns };
	window->too_many = is_hopeless(run, from_ns, to_ns, most);
	w.is_narrowed = run_is_narrowed(run);
	if (result == 0 && w.is_narrowed)
		result = event_filter_open(run, run->narrowed, &w.filter);
	for (int table = 0; result == 0 && table < EVENT_TABLES && !window->too_many; table++)
		result = table_take(&w, table);
	if (result == 0 && !window->too_many)
		result = unions_add(&w);
	if (result == 0 && !window->too_many &&
	    range_places(run, from_ns, to_ns, range_take, &w) < 0)
		result = -1;
	HASH_ITER(hh, w.names, name, next) {
		HASH_DEL(w.names, name);
		free(name);
	}
	for (int kind = 0; kind < NAMED_KINDS; kind++)
		sqlite3_finalize(w.ask[kind]);
	call_classes_free(&w.classes);
	event_filter_close(&w.filter);
	window->events = w.events.rows;
	window->count = window->too_many ? 0 : w.events.count;
	window->names = w.texts.rows;
	window->name_count = w.texts.count;
	if (window->count)
		qsort(window->events, window->count, sizeof(*window->events), by_lane);
	if (result < 0)
		run_window_free(window);
	return result;
}

void run_window_free(struct run_window *window)
{
	for (size_t i = 0; i < window->name_count; i++)
		free(window->names[i]);
	free(window->names);
	free(window->events);
	*window = (struct run_window){ 0 };
}
