/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline as a view, and what of it filters of all views are about. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline.h"
#include "tui/view.h"

static uint64_t whole_ns(double ns)
{
	return ns > 0 ? (uint64_t)(ns + 0.5) : 0;
}

void timeline_terms(const struct timeline_view *t, const struct snapshot *snapshot, struct scope *terms)
{
	const struct run_lane *lane = t->window ? timeline_lane(t, t->line) : NULL;
	bool between = t->mark_count == 2, later = between && t->marks[1] > t->marks[0];
	uint64_t from = whole_ns(between ? t->marks[!later] : t->from_ns);
	uint64_t to = whole_ns(between ? t->marks[later] : t->to_ns);
	struct idle_interval interval;
	struct run_event event;

	if (!lane)
		return;
	if (between && to > from)
		scope_add(terms, (struct scope_term){ SCOPE_TIME, .from_ns = from, .to_ns = to });
	if (lane->key.kind == LANE_STREAM && timeline_pick(t, &event, &interval) == PICK_EVENT &&
	    event.what > 0)
		view_term(terms, SCOPE_KERNEL, t->window->events.names[event.name]);
	if (lane->key.kind == LANE_STREAM)
		view_term_number(terms, SCOPE_STREAM, lane->number);
	if (lane->key.kind == LANE_THREAD || lane->key.kind == LANE_RANGE)
		view_term_number(terms, SCOPE_PROCESS, view_process_pid(snapshot, (int)lane->parent));
	else
		view_term_number(terms, SCOPE_DEVICE, view_device_ordinal(snapshot,
				 (int)(lane->key.kind == LANE_STREAM ? lane->parent : lane->key.id)));
	if (!between && to > from)
		scope_add(terms, (struct scope_term){ SCOPE_TIME, .from_ns = from, .to_ns = to });
}

static bool is_within(const struct scope *scope, double ns)
{
	bool within = true;

	for (size_t i = 0; i < scope->count; i++) {
		const struct scope_term *term = &scope->rows[i];
		bool inside = ns >= (double)term->from_ns && ns < (double)term->to_ns;

		if (term->kind != SCOPE_TIME)
			continue;
		if (inside != term->negated)
			return true;
		within = false;
	}
	return within;
}

/* What is outside of the time that the views are narrowed to keeps its shape, not its colours. */
static void fade(const struct timeline_view *t, const struct scope *scope)
{
	for (int x = 0; x < t->columns; x++)
		if (!is_within(scope, t->from_ns + timeline_column_ns(t) * (x + 0.5)))
			for (int y = 0; y < t->rows; y++)
				draw_recolor(t->plot_y + y, t->plot_x + x, 1, COLOR_OF_IDLE);
}

static void draw(struct view *view, const struct snapshot *snapshot, struct rect rect)
{
	struct scope scope;
	char why[256];

	if (!view->timeline)
		return;
	timeline_draw(view->timeline, rect);
	if (!view->timeline->window || scope_parse(snapshot->scope, &scope, why, sizeof(why)) < 0)
		return;
	if (scope_bits(&scope) & SCOPE_BIT(TIME))
		fade(view->timeline, &scope);
	scope_free(&scope);
}

const struct view_class view_timeline = {
	.title = "Timeline",
	.short_title = "Time",
	.noun = "timeline",
	.is_timeline = true,
	.honours = SCOPE_OF_KERNELS,
	.needs_scan = true,
	.help = "The run in time: for each device when it was busy, why it was idle, its memory and "
		"its streams, then the calls of each thread and the ranges "
		"of NVTX on it, outermost first. Where events are too short to be told "
		"apart, a column is as high as they fill it. Work of a device and the call that "
		"launched it are two sides of one row: c goes from one to the other.",
	.draw = draw,
	.write_csv = timeline_write_csv,
};
