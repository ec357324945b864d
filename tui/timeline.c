/* SPDX-License-Identifier: Apache-2.0 */
/* What the timeline shows and where it is: see timeline.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline.h"

#include <stdlib.h>
#include <string.h>

#define SHORTEST_NS	20.0	/* stretch shown; kernels take a microsecond at least */

void timeline_view_free(struct timeline_view *t)
{
	timeline_window_free(t->window);
	free(t->lines);
}

double timeline_end(const struct timeline_view *t)
{
	uint64_t end = t->window ? t->window->span_ns : 0;

	return (double)(end > t->scanned_ns ? end : t->scanned_ns) + 1;
}

double timeline_column_ns(const struct timeline_view *t)
{
	return (t->to_ns - t->from_ns) / (t->columns > 0 ? t->columns : 1);
}

void timeline_show(struct timeline_view *t, double from_ns, double to_ns)
{
	double end = timeline_end(t), width = to_ns - from_ns;

	if (width < SHORTEST_NS) {
		from_ns -= (SHORTEST_NS - width) / 2;
		width = SHORTEST_NS;
	}
	if (width > end)
		width = end;
	if (from_ns + width > end)
		from_ns = end - width;
	t->from_ns = from_ns > 0 ? from_ns : 0;
	t->to_ns = t->from_ns + width;
	if (t->cursor_ns < t->from_ns)
		t->cursor_ns = t->from_ns;
	if (t->cursor_ns >= t->to_ns)
		t->cursor_ns = t->to_ns - timeline_column_ns(t) / 2;
}

void timeline_jump(struct timeline_view *t, struct lane_key lane, uint64_t start_ns,
		   uint64_t end_ns)
{
	double width = ((double)(end_ns - start_ns) + 1) / 2;

	t->is_held = t->follows = false;
	t->is_moved = true;
	t->wanted = lane;
	t->from_ns = (double)start_ns > width ? (double)start_ns - width : 0;
	t->to_ns = (double)end_ns + width;
	t->cursor_ns = ((double)start_ns + (double)end_ns) / 2;
}

void timeline_zoom(struct timeline_view *t, double factor)
{
	double part = (t->cursor_ns - t->from_ns) / (t->to_ns - t->from_ns);
	double width = (t->to_ns - t->from_ns) * factor;

	t->follows = false;
	if (width < SHORTEST_NS)
		width = SHORTEST_NS;
	timeline_show(t, t->cursor_ns - width * part, t->cursor_ns + width * (1 - part));
}

/* --- lines --------------------------------------------------------------------------------- */

static bool has_memory(const struct run_bucket_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].live_bytes)
			return true;
	return false;
}

static bool lane_has_anything(const struct timeline_view *t, size_t index)
{
	const struct run_lane *lane = &t->window->lanes.rows[index];
	struct pyramid_column all;
	size_t count;

	timeline_events(t, lane->key, &count);
	/* A thread that only marked ranges has a line above them. */
	if (!count && lane->key.kind == LANE_THREAD && index + 1 < t->window->lanes.count &&
	    lane[1].key.kind == LANE_RANGE && lane_has_anything(t, index + 1))
		return true;
	return count || has_memory(&t->window->memory[index]) ||
	       (t->scan && pyramid_read(t->scan->pyramid, lane->key, 0, timeline_end(t), 1, &all));
}

static bool has_activity(const struct run_bucket_list *buckets)
{
	for (size_t i = 0; i < buckets->count; i++)
		if (buckets->rows[i].sm_active >= 0)
			return true;
	return false;
}

/* One line for each lane that has anything, and for the memory and the SMs of a device. */
static void make_lines(struct timeline_view *t)
{
	const struct run_lane_list *lanes = &t->window->lanes;
	struct timeline_line *lines = calloc(3 * lanes->count + 1, sizeof(*lines));
	struct timeline_line at = t->line < t->line_count ? t->lines[t->line] :
				  (struct timeline_line){ LINE_LANE, 0, 1 };
	size_t count = 0;

	if (!lines)
		return;
	for (size_t i = 0; i < lanes->count; i++) {
		if (lane_has_anything(t, i))
			lines[count++] = (struct timeline_line){ LINE_LANE, i, 1 };
		/* Between the idle time and the streams. */
		if (lanes->rows[i].key.kind == LANE_IDLE && i > 0 &&
		    has_memory(&t->window->memory[i - 1]))
			lines[count++] = (struct timeline_line){ LINE_MEMORY, i - 1, 1 };
		if (lanes->rows[i].key.kind == LANE_IDLE && i > 0 &&
		    has_activity(&t->window->memory[i - 1]))
			lines[count++] = (struct timeline_line){ LINE_ACTIVITY, i - 1, 1 };
	}
	free(t->lines);
	t->lines = lines;
	t->line_count = count;
	t->line = 0;
	for (size_t i = count; i-- > 0;)
		if (lines[i].kind == at.kind && lines[i].lane >= at.lane)
			t->line = i;
	for (size_t i = 0; t->wanted.id && i < count; i++)
		if (lines[i].kind == LINE_LANE && timeline_lane(t, i)->key.kind == t->wanted.kind &&
		    timeline_lane(t, i)->key.id == t->wanted.id) {
			t->line = i;
			t->wanted.id = 0;
		}
}

#define CHART_HIGHEST	4

static bool is_chart(const struct timeline_view *t, size_t line)
{
	return t->lines[line].kind != LINE_LANE || timeline_lane(t, line)->key.kind == LANE_DEVICE;
}

void timeline_stretch(struct timeline_view *t)
{
	int charts = 0, spare = t->rows - (int)t->line_count, more = 0;

	for (size_t i = 0; i < t->line_count; i++)
		charts += is_chart(t, i);
	if (charts && spare > 0)
		more = spare / charts < CHART_HIGHEST - 1 ? spare / charts : CHART_HIGHEST - 1;
	for (size_t i = 0; i < t->line_count; i++)
		t->lines[i].height = 1 + (is_chart(t, i) ? more : 0);
}

size_t timeline_line_at(const struct timeline_view *t, int y)
{
	size_t line = t->top;

	for (y -= t->plot_y; line < t->line_count && y >= t->lines[line].height; line++)
		y -= t->lines[line].height;
	return y < 0 ? t->line_count : line;
}

const struct run_lane *timeline_lane(const struct timeline_view *t, size_t line)
{
	return line < t->line_count ? &t->window->lanes.rows[t->lines[line].lane] : NULL;
}

/* The event that is held, in a window that was read since; it is let go where it is gone. */
static void find_held(struct timeline_view *t)
{
	size_t count;
	const struct run_event *e = timeline_events(t, t->held.lane, &count);

	while (count && (e->row != t->held.row || e->table != t->held.table))
		e++, count--;
	t->is_held = t->is_held && count;
	if (t->is_held)
		t->held = *e;
}

/* --- reading ------------------------------------------------------------------------------- */

void timeline_refresh(struct timeline_view *t)
{
	struct timeline_window *window = timeline_reader_take(t->reader);
	bool was_all = t->from_ns <= 0 && (t->to_ns <= 0 || t->to_ns >= t->last_end_ns);
	double width = t->to_ns - t->from_ns;

	if (!window && !t->window)
		return;
	if (window) {
		timeline_window_free(t->window);
		t->window = window;
		find_held(t);
	}
	make_lines(t);
	if (!t->is_moved)
		t->cursor_ns = timeline_end(t) / 2;
	if (was_all) {
		timeline_show(t, 0, timeline_end(t));
	} else if (t->follows && timeline_end(t) > t->to_ns) {
		t->cursor_ns += timeline_end(t) - t->to_ns;
		timeline_show(t, timeline_end(t) - width, timeline_end(t));
	}
	t->last_end_ns = timeline_end(t);
}

void timeline_ask(struct timeline_view *t)
{
	double margin = (t->to_ns - t->from_ns) / 2, end = timeline_end(t);
	double from = t->from_ns - margin, to = t->to_ns + margin;
	const struct timeline_want *have = t->window ? &t->window->want : NULL;
	struct timeline_want want;

	if (have && have->columns && (double)have->from_ns <= t->from_ns &&
	    (double)have->to_ns >= (t->to_ns < end ? t->to_ns : end - 1) &&
	    /* Not after zooming in: columns would stay as wide as they were. */
	    (double)(have->to_ns - have->from_ns) < 3 * (t->to_ns - t->from_ns))
		return;
	want.from_ns = from > 0 ? (uint64_t)from : 0;
	want.to_ns = (uint64_t)to + (to > 0);	/* nothing until the run's length is known */
	want.columns = 2 * (t->columns > 0 ? t->columns : 80);
	if (want.to_ns != t->asked.to_ns || want.from_ns != t->asked.from_ns ||
	    want.columns != t->asked.columns)
		timeline_reader_want(t->reader, &want);
	t->asked = want;
}

bool timeline_has_events(const struct timeline_view *t)
{
	const struct run_window *events = t->window ? &t->window->events : NULL;

	return events && !events->too_many && (double)events->from_ns <= t->from_ns &&
	       ((double)events->to_ns >= t->to_ns || (double)events->to_ns >= timeline_end(t) - 1);
}

/* Negative: the event's lane comes before. */
static int lane_order(const struct run_event *event, struct lane_key lane)
{
	if (event->lane.kind != lane.kind)
		return event->lane.kind < lane.kind ? -1 : 1;
	return (event->lane.id > lane.id) - (event->lane.id < lane.id);
}

static size_t first_from(const struct run_window *window, struct lane_key lane, int order)
{
	size_t low = 0, high = window->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lane_order(&window->events[middle], lane) < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct run_event *timeline_events(const struct timeline_view *t, struct lane_key lane, size_t *count)
{
	const struct run_window *window = t->window ? &t->window->events : NULL;
	size_t first = window ? first_from(window, lane, 0) : 0;

	*count = window ? first_from(window, lane, 1) - first : 0;
	return *count ? &window->events[first] : NULL;
}

/* The first interval of the device that ends after (with `begins`: begins at or after) a moment. */
static size_t idle_from(const struct idle_result *idle, int64_t device, double ns, bool begins)
{
	size_t low = 0, high = idle->interval_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct idle_interval *i = &idle->intervals[middle];
		bool before = begins ? (double)i->start_ns < ns : (double)(i->start_ns + i->dur_ns) <= ns;

		if (i->device < device || (i->device == device && before))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct idle_interval *timeline_idle(const struct timeline_view *t, int64_t device,
					  double from_ns, double to_ns, size_t *count)
{
	const struct idle_result *idle = t->is_scanned ? &t->scan->findings.idle : NULL;
	size_t first, last;

	*count = 0;
	if (!idle || !idle->interval_count)
		return NULL;
	first = idle_from(idle, device, from_ns, false);
	last = idle_from(idle, device, to_ns, true);
	*count = last > first ? last - first : 0;
	return &idle->intervals[first];
}

/* --- what is under the cursor -------------------------------------------------------------- */

/* Of [start, end): how much the cursor's column has of it; a bit for what has no length. */
static double in_column(const struct timeline_view *t, uint64_t start, uint64_t end)
{
	double width = timeline_column_ns(t), from = t->cursor_ns - width / 2, to = from + width;
	double begin = (double)start > from ? (double)start : from;
	double stop = (double)end < to ? (double)end : to;

	return stop > begin ? stop - begin : stop == begin ? 1e-3 : 0;
}

static enum timeline_pick pick_idle(const struct timeline_view *t, int64_t device,
				    struct idle_interval *picked)
{
	double width = timeline_column_ns(t), most = 0;
	size_t count;
	const struct idle_interval *i = timeline_idle(t, device, t->cursor_ns - width,
						      t->cursor_ns + width, &count);

	for (; count--; i++) {
		double part = in_column(t, i->start_ns, i->start_ns + i->dur_ns);

		if (part > most) {
			most = part;
			*picked = *i;
		}
	}
	return most > 0 ? PICK_IDLE : PICK_NOTHING;
}

enum timeline_pick timeline_pick(const struct timeline_view *t, struct run_event *event,
				 struct idle_interval *interval)
{
	const struct run_lane *lane = t->line < t->line_count ? timeline_lane(t, t->line) : NULL;
	const struct run_event *e;
	double most = 0;
	size_t count;

	if (!lane || t->lines[t->line].kind != LINE_LANE)
		return PICK_NOTHING;
	if (t->is_held) {
		*event = t->held;
		return PICK_EVENT;
	}
	if (lane->key.kind == LANE_IDLE)
		return pick_idle(t, lane->key.id, interval);
	if (lane->key.kind == LANE_DEVICE || !timeline_has_events(t))
		return PICK_NOTHING;
	e = timeline_events(t, lane->key, &count);
	for (; count--; e++) {
		double part = in_column(t, e->start_ns, e->end_ns);

		if (part > most) {
			most = part;
			*event = *e;
		}
	}
	return most > 0 ? PICK_EVENT : PICK_NOTHING;
}
