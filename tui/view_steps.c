/* SPDX-License-Identifier: Apache-2.0 */
/* Steps by mode and phase, how long they take, and what the slow ones have more. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/distribution.h"
#include "tui/quantity.h"
#include "tui/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct group_row {
	uint64_t key;
	double share, idle;
	uint64_t steps, kinds, p50, p90, p99, maximum;
	const char *mode, *phase;
	char *more;			/* the row's own */
	struct histogram times;
	int group;			/* index of the result's */
};

#define COLUMN(...) GRID_COLUMN(group_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Share", SHARE, 0, 0, "part of the time of all steps"),
	COLUMN(steps, "Steps", COUNT, 0, 0, "steps of this mode and phase; Enter lists them, slowest first"),
	COLUMN(kinds, "Kinds", COUNT, 6, 4, "different rows of launches among them"),
	COLUMN(p50, "p50", TIME, 0, 0, "median: from a step's first kernel to that of the next step"),
	COLUMN(p90, "p90", TIME, 0, 5, "90 % of the steps are not longer"),
	COLUMN(p99, "p99", TIME, 0, 0, "99 % of the steps are not longer"),
	COLUMN(maximum, "Max", TIME, 0, 1, "longest step"),
	COLUMN(idle, "Idle", RATIO, 0, 0, "part of the steps' time in which the device did nothing"),
	COLUMN(mode, "Mode", TEXT, 6, 2, "eager: kernels one by one; graph: graphs; mixed: both"),
	COLUMN(more, "Slow ones have more", TEXT, 24, 3,
	       "what the slowest hundredth has more than typical steps"),
	COLUMN(phase, "Phase", TEXT, 14, 0, "prefill, decode, both or other, by the attention that ran"),
};

const struct step_result *steps_of(const struct snapshot *snapshot)
{
	return snapshot->scan ? &snapshot->scan->findings.steps : NULL;
}

/* --- what slow steps have more ------------------------------------------------------------- */

static double per_step(const struct step_sums *sums, uint64_t ns)
{
	return sums->steps ? (double)ns / (double)sums->steps : 0;
}

static int by_more(const void *left, const void *right)
{
	const struct steps_more *a = left, *b = right;

	return (a->ns < b->ns) - (a->ns > b->ns);
}

size_t steps_more(const struct snapshot *snapshot, const struct step_sums *slow,
		  const struct step_sums *typical, struct steps_more *more, size_t most)
{
	const struct timeline_scan *scan = snapshot->scan;
	int families = scan->findings.steps.family_count;
	struct steps_more *all = calloc((size_t)families + IDLE_CAUSE_COUNT, sizeof(*all));
	size_t count = 0, kept = 0;

	for (int c = 0; all && c < IDLE_CAUSE_COUNT; c++)
		all[count++] = (struct steps_more){
			per_step(slow, slow->idle_ns[c]) - per_step(typical, typical->idle_ns[c]),
			timeline_cause_color((enum idle_cause)c), "idle",
			idle_cause_name((enum idle_cause)c) };
	for (int f = 0; all && scan->families && f < families; f++)
		all[count++] = (struct steps_more){
			per_step(slow, slow->family_ns[f]) - per_step(typical, typical->family_ns[f]),
			COLOR_OF_COMPUTE, "kernels", families_name(scan->families, f) };
	if (all)
		qsort(all, count, sizeof(*all), by_more);
	while (kept < count && kept < most && all[kept].ns >= STEPS_MORE_NS) {
		more[kept] = all[kept];
		kept++;
	}
	free(all);
	return kept;
}

static double difference(const struct step_group *g)
{
	return g->slow.steps && g->typical.steps ? per_step(&g->slow, g->slow.period_ns) -
	       per_step(&g->typical, g->typical.period_ns) : 0;
}

/* --- the table ----------------------------------------------------------------------------- */

static size_t room(const struct snapshot *snapshot)
{
	return steps_of(snapshot) ? steps_of(snapshot)->group_count : 0;
}

/* All periods of the group's steps. */
static void count_times(const struct step_result *steps, const struct step_group *group,
			struct histogram *times)
{
	for (size_t i = 0; i < steps->step_count; i++) {
		const struct step *step = &steps->steps[i];
		const struct step_kind *kind = &steps->kinds[step->kind];

		if (step->period_ns && kind->mode == group->mode && kind->phase == group->phase &&
		    histogram_add(times, step->period_ns) < 0)
			return;
	}
}

static char *more_text(const struct snapshot *snapshot, const struct step_group *group)
{
	char ns[QUANTITY_SIZE], *text = NULL;
	struct steps_more more;

	if (difference(group) < STEPS_MORE_NS ||
	    !steps_more(snapshot, &group->slow, &group->typical, &more, 1))
		return strdup("");
	quantity_text_ns(ns, (uint64_t)more.ns);
	return asprintf(&text, "%s %s", ns, more.name) < 0 ? NULL : text;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct step_result *steps = steps_of(snapshot);
	struct group_row *row = rows;
	uint64_t total = 0;

	(void)view;
	for (size_t i = 0; i < room(snapshot); i++)
		total += steps->groups[i].times.total_ns;
	for (size_t i = 0; i < room(snapshot); i++, row++) {
		const struct step_group *g = &steps->groups[i];
		uint64_t idle = 0;

		for (int c = 0; c < IDLE_CAUSE_COUNT; c++)
			idle += g->all.idle_ns[c];
		*row = (struct group_row){
			.key = (uint64_t)g->mode * STEP_PHASE_COUNT + g->phase,
			.share = total ? (double)g->times.total_ns / (double)total : -1,
			.idle = g->all.period_ns ? (double)idle / (double)g->all.period_ns : -1,
			.steps = g->steps, .kinds = g->kinds,
			.p50 = g->times.count ? g->times.p50_ns : GRID_UNKNOWN,
			.p90 = g->times.count ? g->times.p90_ns : GRID_UNKNOWN,
			.p99 = g->times.count ? g->times.p99_ns : GRID_UNKNOWN,
			.maximum = g->times.count ? g->times.max_ns : GRID_UNKNOWN,
			.mode = step_mode_name(g->mode), .phase = step_phase_name(g->phase),
			.more = more_text(snapshot, g),
			.group = (int)i,
		};
		count_times(steps, g, &row->times);
	}
	return room(snapshot);
}

static void release(void *rows, size_t count)
{
	for (struct group_row *row = rows; count--; row++) {
		free(row->more);
		histogram_free(&row->times);
	}
}

/* --- below the table ----------------------------------------------------------------------- */

void steps_more_draw(const struct steps_more *more, size_t count, double whole, struct rect rect)
{
	char ns[QUANTITY_SIZE], percent[QUANTITY_SIZE];

	for (size_t i = 0; i < count && (int)i < rect.height; i++) {
		int y = rect.y + (int)i;

		draw_right(y, rect.x, 8, COLOR_OF_TEXT, quantity_text_ns(ns, (uint64_t)more[i].ns));
		draw_right(y, rect.x + 8, 7, COLOR_OF_DIM, quantity_text_percent(percent,
			   whole > 0 ? more[i].ns / whole : -1));
		draw_textf(y, rect.x + 17, rect.width - 17, more[i].color, "%s %s", more[i].what,
			   more[i].name);
	}
}

#define MORE_WIDTH	40	/* of what slow steps have more, beside the distribution */
#define MORE_LINES	8

static void pane(const struct view *view, const struct snapshot *s, const void *chosen, struct rect rect)
{
	const struct group_row *row = chosen;
	const struct step_group *g = &steps_of(s)->groups[row->group];
	char title[128], usual[QUANTITY_SIZE], ns[QUANTITY_SIZE], steps[QUANTITY_SIZE];
	struct steps_more more[MORE_LINES];
	struct rect right = { rect.y + 1, rect.x + rect.width - MORE_WIDTH, rect.height - 1, MORE_WIDTH };
	size_t count;

	(void)view;
	snprintf(title, sizeof(title), "%s, %s", row->phase, row->mode);
	distribution_rule(rect, title);
	rect = (struct rect){ rect.y + 1, rect.x, rect.height - 1, rect.width - 1 };
	if (difference(g) >= STEPS_MORE_NS)
		rect.width -= MORE_WIDTH + 1;
	snprintf(title, sizeof(title), "%s steps:", quantity_text_count(steps, row->times.count));
	distribution_draw(&row->times, title, rect);
	if (difference(g) < STEPS_MORE_NS)
		return;
	draw_textf(right.y, right.x, right.width, COLOR_OF_TITLES, "%s slow step%s: +%s over %s",
		   quantity_text_count(steps, g->slow.steps), g->slow.steps == 1 ? "" : "s",
		   quantity_text_ns(ns, (uint64_t)difference(g)),
		   quantity_text_ns(usual, (uint64_t)per_step(&g->typical, g->typical.period_ns)));
	count = steps_more(s, &g->slow, &g->typical, more, MORE_LINES);
	right.y++, right.height--;
	steps_more_draw(more, count, difference(g), right);
}

static const struct view_class *open_group(const void *chosen, int *subject, const char **name)
{
	const struct group_row *row = chosen;

	*subject = (int)row->key;
	*name = row->phase;
	return &view_step_list;
}

const struct view_class view_steps = {
	.title = "Steps",
	.noun = "kinds of steps",
	.one = "kind of steps",
	.help = "A step is one period of the launches that a thread repeats: a decode step, a prompt. "
		"Below the table is how long the steps of the chosen row take, and what the slowest "
		"hundredth has more than typical ones: idle time by cause, kernels by family. Enter "
		"lists the steps, slowest first. The whole file is read for this once, in the background.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct group_row),
	.empty = "no launches that repeat were found",
	.needs_scan = true,
	.rows_need_scan = true,
	.honours = SCOPE_BIT(TIME) | SCOPE_OF_MEMORY,
	.room = room,
	.fill = fill,
	.release = release,
	.pane = pane,
	.pane_room = PANE_ROOM,
	.open = open_group,
};
