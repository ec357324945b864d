/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stretch of time on the screen as CSV: of each lane its events, or, where these are too short to
 * be told apart, how much of each column they cover.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/csv.h"
#include "tui/timeline.h"
#include "tui/view.h"

#include <math.h>
#include <stdlib.h>

static const char *const lane_kinds[LANE_KINDS] = {
	[LANE_DEVICE] = "device", [LANE_IDLE] = "idle", [LANE_STREAM] = "stream",
	[LANE_THREAD] = "thread", [LANE_RANGE] = "ranges",
};

struct row {
	uint64_t start_ns, end_ns;
	double covered;			/* of that time */
	uint64_t count;			/* that begin in it */
	const char *name;
	int64_t bytes;			/* negative: none */
	bool failed;
};

static void write_row(struct csv *csv, const struct run_lane *lane, const char *kind, const struct row *row)
{
	csv_text(csv, lane->title);
	csv_text(csv, kind);
	if (lane->ordinal < 0)
		csv_empty(csv);
	else
		csv_integer(csv, lane->ordinal);
	csv_integer(csv, (int64_t)row->start_ns);
	csv_integer(csv, (int64_t)(row->end_ns - row->start_ns));
	csv_real(csv, row->covered >= 0 ? row->covered : NAN);
	csv_integer(csv, (int64_t)row->count);
	csv_text(csv, row->name ? row->name : "");
	if (row->bytes < 0)
		csv_empty(csv);
	else
		csv_integer(csv, row->bytes);
	csv_integer(csv, row->failed);
	csv_end_line(csv);
}

static bool is_shown(const struct timeline_view *t, uint64_t start_ns, uint64_t end_ns)
{
	return (double)start_ns < t->to_ns && (double)end_ns >= t->from_ns;
}

static void write_events(const struct timeline_view *t, const struct run_lane *lane, struct csv *csv)
{
	size_t count;
	const struct run_event *e = timeline_events(t, lane->key, &count);

	for (; count--; e++) {
		struct row row = { e->start_ns, e->end_ns, 1, 1,
				   lane->key.kind == LANE_DEVICE ? NULL : t->window->events.names[e->name],
				   e->bytes ? (int64_t)e->bytes : -1, e->failed };

		if (is_shown(t, e->start_ns, e->end_ns))
			write_row(csv, lane, lane_kinds[lane->key.kind], &row);
	}
}

static void write_idle(const struct timeline_view *t, const struct run_lane *lane, struct csv *csv)
{
	size_t count;
	const struct idle_interval *i = timeline_idle(t, lane->key.id, t->from_ns, t->to_ns, &count);

	for (; count--; i++) {
		struct row row = { i->start_ns, i->start_ns + i->dur_ns, 1, 1, idle_cause_name(i->cause),
				   -1, false };

		write_row(csv, lane, lane_kinds[LANE_IDLE], &row);
	}
}

/* What covers most of a column, as far as its number says. */
static const char *name_of(const struct snapshot *s, enum lane_kind kind, int64_t what)
{
	if (kind == LANE_IDLE && (uint64_t)what < IDLE_CAUSE_COUNT)
		return idle_cause_name((enum idle_cause)what);
	if (kind != LANE_STREAM)
		return NULL;
	if (what < 0)
		return run_copy_direction((int)-what);
	for (size_t i = 0; i < s->kernels.count; i++)
		if (s->kernels.rows[i].kernel == what)
			return s->kernels.rows[i].name;
	return NULL;
}

static void write_columns(const struct timeline_view *t, const struct snapshot *s,
			  const struct run_lane *lane, struct csv *csv)
{
	struct pyramid_column *columns = calloc((size_t)t->columns + 1, sizeof(*columns));
	double width = timeline_column_ns(t);

	if (columns && t->scan)
		pyramid_read(t->scan->pyramid, lane->key, t->from_ns, t->to_ns, t->columns, columns);
	for (int x = 0; columns && x < t->columns; x++) {
		double from = t->from_ns + width * x;
		struct row row = { (uint64_t)from, (uint64_t)(from + width), columns[x].share,
				   columns[x].count, name_of(s, lane->key.kind, columns[x].what), -1, false };

		if (columns[x].share > 0 || columns[x].count)
			write_row(csv, lane, lane_kinds[lane->key.kind], &row);
	}
	free(columns);
}

static void write_buckets(const struct timeline_view *t, size_t line, struct csv *csv)
{
	const struct run_bucket_list *list = &t->window->memory[t->lines[line].lane];
	bool is_memory = t->lines[line].kind == LINE_MEMORY;

	for (size_t i = 0; i < list->count; i++) {
		const struct run_bucket *b = &list->rows[i];
		struct row row = { b->start_ns, b->start_ns + b->width_ns,
				   is_memory ? -1 : b->sm_active, 0, NULL,
				   is_memory ? (int64_t)b->live_bytes : -1, false };

		if (is_shown(t, row.start_ns, row.end_ns))
			write_row(csv, timeline_lane(t, line), is_memory ? "memory" : "SMs", &row);
	}
}

void timeline_write_csv(const struct view *view, const struct snapshot *s, struct csv *csv)
{
	static const char *const titles[] = {
		"Lane", "Kind", "GPU", "Start (ns)", "Duration (ns)", "Covered", "Count", "Name", "Bytes",
		"Failed",
	};
	const struct timeline_view *t = view->timeline;

	for (int i = 0; i < COUNT_OF(titles); i++)
		csv_text(csv, titles[i]);
	csv_end_line(csv);
	for (size_t i = 0; t && t->window && i < t->line_count; i++) {
		const struct run_lane *lane = timeline_lane(t, i);

		if (t->lines[i].kind != LINE_LANE)
			write_buckets(t, i, csv);
		else if (!timeline_has_events(t))
			write_columns(t, s, lane, csv);
		else if (lane->key.kind == LANE_IDLE)
			write_idle(t, lane, csv);
		else
			write_events(t, lane, csv);
	}
}
