/* SPDX-License-Identifier: Apache-2.0 */
/* What keys and the mouse do on the timeline. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline.h"

#include <string.h>

#define ZOOM_STEP	2.0

static void move_cursor(struct timeline_view *t, double ns)
{
	double width = t->to_ns - t->from_ns, shift = 0;

	t->is_held = false;
	t->cursor_ns += ns;
	if (t->cursor_ns < 0)
		t->cursor_ns = 0;
	if (t->cursor_ns < t->from_ns)
		shift = t->cursor_ns - t->from_ns;
	else if (t->cursor_ns >= t->to_ns)
		shift = t->cursor_ns - t->to_ns + timeline_column_ns(t);
	t->follows = t->follows && shift == 0;
	timeline_show(t, t->from_ns + shift, t->from_ns + shift + width);
}

static void pan(struct timeline_view *t, double screens)
{
	double width = t->to_ns - t->from_ns;

	t->is_held = t->follows = false;
	t->cursor_ns += screens * width;
	timeline_show(t, t->from_ns + screens * width, t->to_ns + screens * width);
}

static void move_line(struct timeline_view *t, int step)
{
	t->is_held = false;
	if (step < 0 && t->line > 0)
		t->line--;
	else if (step > 0 && t->line + 1 < t->line_count)
		t->line++;
}

/* The cursor to the middle of a stretch, which comes on the screen if it was not. */
static void go_to(struct timeline_view *t, uint64_t start_ns, uint64_t end_ns)
{
	double width = t->to_ns - t->from_ns, middle = ((double)start_ns + (double)end_ns) / 2;
	double begin = (double)start_ns > t->from_ns ? (double)start_ns : t->from_ns;
	double end = (double)end_ns < t->to_ns ? (double)end_ns : t->to_ns;

	t->follows = false;
	if (end >= begin && begin < t->to_ns && end > t->from_ns) {
		t->cursor_ns = (begin + end) / 2;
		return;
	}
	t->cursor_ns = middle;
	timeline_show(t, middle - width / 2, middle + width / 2);
	t->cursor_ns = middle;
}

static void hold(struct timeline_view *t, const struct run_event *event)
{
	t->held = *event;
	t->is_held = true;
	go_to(t, event->start_ns, event->end_ns);
}

/* The event before or after what is at the cursor. */
static void step_event(struct timeline_view *t, int step)
{
	const struct run_lane *lane = timeline_lane(t, t->line);
	struct run_event at;
	struct idle_interval interval;
	bool is_at = timeline_pick(t, &at, &interval) == PICK_EVENT;
	const struct run_event *events;
	size_t count, next = 0;

	if (!lane || t->window->events.too_many || !timeline_events(t, lane->key, &count)) {
		pan(t, step * 0.5);
		return;
	}
	events = timeline_events(t, lane->key, &count);
	while (next < count && (is_at ? events[next].row != at.row || events[next].table != at.table :
				(double)events[next].start_ns <= t->cursor_ns))
		next++;
	if (is_at && step > 0)
		next++;
	if (step < 0 && next-- == 0)
		next = count;
	if (next < count)
		hold(t, &events[next]);
	else
		pan(t, step * 0.5);
}

static void step_idle(struct timeline_view *t, int step)
{
	const struct run_lane *lane = timeline_lane(t, t->line);
	double column = timeline_column_ns(t) / 2, end = timeline_end(t);
	struct idle_interval at;
	struct run_event event;
	bool is_at = timeline_pick(t, &event, &at) == PICK_IDLE;
	double before = is_at ? (double)at.start_ns : t->cursor_ns - column;
	double after = is_at ? (double)(at.start_ns + at.dur_ns) : t->cursor_ns + column;
	size_t count;
	const struct idle_interval *i = step < 0 ? timeline_idle(t, lane->key.id, 0, before, &count) :
						   timeline_idle(t, lane->key.id, after, end, &count);

	if (!count)
		return;
	i += step < 0 ? count - 1 : 0;
	go_to(t, i->start_ns, i->start_ns + i->dur_ns);
}

/* From the longest idle interval on the screen to the next longest; past the least, the first. */
static void next_longest(struct timeline_view *t)
{
	const struct run_lane *lane = timeline_lane(t, t->line);
	int64_t device = !lane ? 0 : lane->key.kind == LANE_STREAM ? lane->parent :
			 lane->key.kind >= LANE_THREAD ? 0 : lane->key.id;
	const struct idle_interval *best = NULL, *first = NULL, *i;
	struct idle_interval at = { .dur_ns = UINT64_MAX };
	struct run_event event;
	size_t count, line;
	bool is_at;

	for (line = 0; line < t->line_count; line++) {
		lane = timeline_lane(t, line);
		if (lane->key.kind == LANE_IDLE && t->lines[line].kind == LINE_LANE &&
		    (!device || lane->key.id == device))
			break;
	}
	if (line == t->line_count)
		return;
	is_at = t->line == line && timeline_pick(t, &event, &at) == PICK_IDLE;
	i = timeline_idle(t, lane->key.id, t->from_ns, t->to_ns, &count);
	for (; count--; i++) {
		if (!first || i->dur_ns > first->dur_ns)
			first = i;
		if (is_at && (i->dur_ns > at.dur_ns || (i->dur_ns == at.dur_ns &&
							i->start_ns <= at.start_ns)))
			continue;
		if (!best || i->dur_ns > best->dur_ns)
			best = i;
	}
	best = best ? best : first;
	if (!best)
		return;
	t->is_held = false;
	t->line = line;
	t->cursor_ns = (double)best->start_ns + (double)best->dur_ns / 2;
	timeline_show(t, t->from_ns, t->to_ns);
}

/* The other side of the same row: a call and the work that it launched. */
static void other_side(struct timeline_view *t)
{
	const struct run_window *window = t->window ? &t->window->events : NULL;
	struct idle_interval interval;
	struct run_event at;

	if (timeline_pick(t, &at, &interval) != PICK_EVENT || !window)
		return;
	for (size_t i = 0; i < window->count; i++) {
		const struct run_event *e = &window->events[i];

		if (e->row != at.row || e->table != at.table || e->lane.kind == at.lane.kind)
			continue;
		for (size_t line = 0; line < t->line_count; line++) {
			const struct run_lane *lane = timeline_lane(t, line);

			if (t->lines[line].kind == LINE_LANE && lane->key.kind == e->lane.kind &&
			    lane->key.id == e->lane.id) {
				t->line = line;
				hold(t, e);
				return;
			}
		}
	}
}

static void zoom_to(struct timeline_view *t)
{
	double from = t->marks[0], to = t->marks[1];
	struct idle_interval interval;
	struct run_event event;

	if (t->mark_count < 2) {
		switch (timeline_pick(t, &event, &interval)) {
		case PICK_EVENT:
			from = (double)event.start_ns;
			to = (double)event.end_ns;
			break;
		case PICK_IDLE:
			from = (double)interval.start_ns;
			to = from + (double)interval.dur_ns;
			break;
		default:
			timeline_zoom(t, 1 / (ZOOM_STEP * ZOOM_STEP));
			return;
		}
		/* With what is around it. */
		t->cursor_ns = (from + to) / 2;
		from -= (t->cursor_ns - from) / 2;
		to += (to - t->cursor_ns) / 2;
	}
	t->follows = false;
	timeline_show(t, from < to ? from : to, from < to ? to : from);
}

static void set_mark(struct timeline_view *t)
{
	if (t->mark_count == 2)
		t->mark_count = 0;
	t->marks[t->mark_count++] = t->cursor_ns;
}

static void go_end(struct timeline_view *t)
{
	double width = t->to_ns - t->from_ns, end = timeline_end(t);

	t->is_held = false;
	t->cursor_ns = end;
	timeline_show(t, end - width, end);
}

static void step(struct timeline_view *t, int direction)
{
	const struct run_lane *lane = timeline_lane(t, t->line);

	if (lane && lane->key.kind == LANE_IDLE && t->lines[t->line].kind == LINE_LANE)
		step_idle(t, direction);
	else
		step_event(t, direction);
}

bool timeline_act(struct timeline_view *t, enum action action)
{
	if (!t->window)
		return action_table[action].group == GROUP_TIMELINE;
	t->is_moved |= action_table[action].group == GROUP_TIMELINE;
	switch (action) {
	case ACTION_TIME_LEFT:
		move_cursor(t, -timeline_column_ns(t));
		return true;
	case ACTION_TIME_RIGHT:
		move_cursor(t, timeline_column_ns(t));
		return true;
	case ACTION_TIME_UP:
		move_line(t, -1);
		return true;
	case ACTION_TIME_DOWN:
		move_line(t, 1);
		return true;
	case ACTION_TIME_ZOOM_IN:
		timeline_zoom(t, 1 / ZOOM_STEP);
		return true;
	case ACTION_TIME_ZOOM_OUT:
		timeline_zoom(t, ZOOM_STEP);
		return true;
	case ACTION_TIME_ALL:
		t->follows = false;
		timeline_show(t, 0, timeline_end(t));
		return true;
	case ACTION_TIME_ZOOM_TO:
		zoom_to(t);
		return true;
	case ACTION_TIME_PREVIOUS:
		step(t, -1);
		return true;
	case ACTION_TIME_NEXT:
		step(t, 1);
		return true;
	case ACTION_TIME_LONGER:
		next_longest(t);
		return true;
	case ACTION_TIME_OTHER:
		other_side(t);
		return true;
	case ACTION_TIME_MARK:
		set_mark(t);
		return true;
	case ACTION_TIME_UNMARK:
		t->mark_count = 0;
		return true;
	case ACTION_TIME_PAN_LEFT:
		pan(t, -0.5);
		return true;
	case ACTION_TIME_PAN_RIGHT:
		pan(t, 0.5);
		return true;
	case ACTION_TIME_END:
		go_end(t);
		return true;
	case ACTION_TIME_FOLLOW:
		go_end(t);
		t->follows = !t->follows;
		return true;
	default:
		return false;
	}
}

/* --- the mouse ----------------------------------------------------------------------------- */

static double time_at(const struct timeline_view *t, int x)
{
	return t->from_ns + timeline_column_ns(t) * ((double)(x - t->plot_x) + 0.5);
}

void timeline_click(struct timeline_view *t, int y, int x)
{
	size_t line = timeline_line_at(t, y);

	if (!t->window)
		return;
	t->is_moved = true;
	if (y < t->plot_y + t->rows && line < t->line_count)
		t->line = line;
	t->is_held = false;
	t->is_dragged = x >= t->plot_x && x < t->plot_x + t->columns;
	t->drag_x = x;
	if (t->is_dragged)
		t->cursor_ns = time_at(t, x);
}

void timeline_release(struct timeline_view *t, int y, int x)
{
	double by = timeline_column_ns(t) * (t->drag_x - x);

	(void)y;
	if (!t->is_dragged || x == t->drag_x)
		return;
	t->is_dragged = t->follows = false;
	timeline_show(t, t->from_ns + by, t->to_ns + by);
}

void timeline_wheel(struct timeline_view *t, int direction, int y, int x, bool pans)
{
	(void)y;
	if (!t->window)
		return;
	t->is_moved = true;
	if (pans) {
		pan(t, direction * 0.125);
		return;
	}
	if (x >= t->plot_x && x < t->plot_x + t->columns) {
		t->is_held = false;
		t->cursor_ns = time_at(t, x);
	}
	timeline_zoom(t, direction < 0 ? 1 / ZOOM_STEP : ZOOM_STEP);
}
