/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of one mode and phase, slowest first, and what is different in the chosen one. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/distribution.h"
#include "tui/overview.h"
#include "tui/quantity.h"
#include "tui/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOWEST		10000	/* most that are listed */

struct step_row {
	uint64_t key;
	double times, idle_share;
	uint64_t period, idle, start;
	int64_t number, kind, launches, tid;
	const char *more;
	const struct step *step;	/* of the scan, whose rows these are */
};

#define COLUMN(...) GRID_COLUMN(step_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(period, "Period", TIME, 0, 0, "from the step's first kernel to that of the next step"),
	COLUMN(times, "x median", FACTOR, 9, 0, "so many times the median of its kind"),
	COLUMN(idle, "Idle", TIME, 0, 1, "the device did nothing"),
	COLUMN(idle_share, "Idle %", RATIO, 7, 2, "part of the period"),
	COLUMN(start, "At", TIME, 0, 0, "start of its first kernel, from the start of the run"),
	COLUMN(number, "Step", NUMBER, 7, 0, "number among the thread's steps"),
	COLUMN(kind, "Kind", NUMBER, 5, 3, "steps of a kind have the same launches in the same order"),
	COLUMN(launches, "Launches", NUMBER, 9, 4, "of kernels and graphs"),
	COLUMN(tid, "Thread", NUMBER, 8, 5, "that launches it"),
	COLUMN(more, "Most of the idle time", TEXT, 18, 0, "cause of most of the idle time in it"),
};

static bool is_of(const struct step_result *steps, const struct step *step, int subject)
{
	const struct step_kind *kind = &steps->kinds[step->kind];

	return (int)kind->mode * STEP_PHASE_COUNT + (int)kind->phase == subject;
}

/* Idle time in the step by cause, as far as its intervals are kept one by one: the longest are. */
static void idle_in(const struct snapshot *s, const struct step *step, uint64_t *ns)
{
	const struct idle_result *idle = &s->scan->findings.idle;
	uint64_t end = step->gpu_ns + step->period_ns;
	size_t low = 0, high = idle->interval_count;

	memset(ns, 0, IDLE_CAUSE_COUNT * sizeof(*ns));
	while (low < high) {
		const struct idle_interval *i = &idle->intervals[low + (high - low) / 2];

		if (i->device < step->device ||
		    (i->device == step->device && i->start_ns + i->dur_ns <= step->gpu_ns))
			low += (high - low) / 2 + 1;
		else
			high = low + (high - low) / 2;
	}
	for (; low < idle->interval_count; low++) {
		const struct idle_interval *i = &idle->intervals[low];
		uint64_t from = i->start_ns > step->gpu_ns ? i->start_ns : step->gpu_ns;
		uint64_t to = i->start_ns + i->dur_ns < end ? i->start_ns + i->dur_ns : end;

		if (i->device != step->device || i->start_ns >= end)
			break;
		ns[i->cause] += to > from ? to - from : 0;
	}
}

static int by_period(const void *left, const void *right)
{
	const struct step *a = *(const struct step *const *)left, *b = *(const struct step *const *)right;

	if (a->period_ns != b->period_ns)
		return a->period_ns < b->period_ns ? 1 : -1;
	return (a > b) - (a < b);
}

static size_t room(const struct snapshot *snapshot)
{
	const struct step_result *steps = steps_of(snapshot);

	return !steps ? 0 : steps->step_count < SLOWEST ? steps->step_count : SLOWEST;
}

static int64_t tid_of(const struct snapshot *s, int64_t thread)
{
	for (size_t i = 0; i < s->threads.count; i++)
		if (s->threads.rows[i].id == thread)
			return s->threads.rows[i].tid;
	return -1;
}

static void fill_row(struct step_row *row, const struct snapshot *s, const struct step *step)
{
	const struct step_result *steps = steps_of(s);
	uint64_t idle[IDLE_CAUSE_COUNT], median = steps->kinds[step->kind].times.p50_ns;
	int most = 0;

	idle_in(s, step, idle);
	for (int c = 1; c < IDLE_CAUSE_COUNT; c++)
		most = idle[c] > idle[most] ? c : most;
	*row = (struct step_row){
		.key = (uint64_t)step->thread << 32 | step->number,
		.period = step->period_ns ? step->period_ns : GRID_UNKNOWN,
		.times = step->period_ns && median ? (double)step->period_ns / (double)median : -1,
		.idle = step->period_ns ? step->idle_ns : GRID_UNKNOWN,
		.idle_share = step->period_ns ? (double)step->idle_ns / (double)step->period_ns : -1,
		.start = step->gpu_ns ? step->gpu_ns : step->host_ns,
		.number = step->number, .kind = step->kind, .launches = step->launches,
		.tid = tid_of(s, step->thread),
		.more = idle[most] ? idle_cause_name((enum idle_cause)most) : "",
		.step = step,
	};
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct step_result *steps = steps_of(snapshot);
	const struct step **slowest = steps ? calloc(steps->step_count + 1, sizeof(*slowest)) : NULL;
	struct step_row *row = rows;
	size_t count = 0;

	for (size_t i = 0; slowest && i < steps->step_count; i++)
		if (is_of(steps, &steps->steps[i], view->subject))
			slowest[count++] = &steps->steps[i];
	if (count)
		qsort(slowest, count, sizeof(*slowest), by_period);
	count = count < SLOWEST ? count : SLOWEST;
	for (size_t i = 0; i < count; i++)
		fill_row(&row[i], snapshot, slowest[i]);
	free(slowest);
	return count;
}

/* --- below the table ----------------------------------------------------------------------- */

#define LABEL_WIDTH	9

/* The longest period of the steps that begin in each column, over the run. */
static void draw_over_run(const struct view *view, const struct snapshot *s, const struct step *chosen,
			  struct rect rect)
{
	const struct step_result *steps = steps_of(s);
	int points = rect.width - LABEL_WIDTH - 12, mark;
	double span = (double)(s->info.span_ns ? s->info.span_ns : 1), most = 0;
	double *values = points > 8 ? calloc((size_t)points, sizeof(*values)) : NULL;
	char text[QUANTITY_SIZE];

	for (size_t i = 0; values && i < steps->step_count; i++) {
		const struct step *step = &steps->steps[i];
		int column = (int)((double)step->gpu_ns / span * points);

		if (!is_of(steps, step, view->subject) || column < 0 || column >= points)
			continue;
		if ((double)step->period_ns > values[column])
			values[column] = (double)step->period_ns;
		most = values[column] > most ? values[column] : most;
	}
	if (!values)
		return;
	for (int c = 0; c < points; c++)
		values[c] = most > 0 ? values[c] / most : 0;
	mark = (int)((double)chosen->gpu_ns / span * points);
	mark = mark < points ? mark : points - 1;
	draw_text(rect.y, rect.x, LABEL_WIDTH, COLOR_OF_TITLES, "Periods");
	draw_chart((struct rect){ rect.y, rect.x + LABEL_WIDTH, rect.height - 1, points },
		   COLOR_OF_COMPUTE, values);
	for (int y = 0; y < rect.height - 1; y++)
		draw_recolor(rect.y + y, rect.x + LABEL_WIDTH + mark, 1, COLOR_OF_WARN);
	draw_text(rect.y, rect.x + LABEL_WIDTH + points + 2, 10, COLOR_OF_DIM,
		  quantity_text_ns(text, (uint64_t)most));
	draw_text(rect.y + rect.height - 1, rect.x + LABEL_WIDTH, 2, COLOR_OF_DIM, "0");
	draw_right(rect.y + rect.height - 1, rect.x + LABEL_WIDTH + points - 10, 10, COLOR_OF_DIM,
		   quantity_text_ns(text, s->info.span_ns));
	draw_text(rect.y + rect.height - 1, rect.x + LABEL_WIDTH + mark, 1, COLOR_OF_WARN,
		  draw_is_ascii() ? "^" : "\u25b2");
	free(values);
}

/* Idle time of the step by cause, beside what typical steps of its kind have. */
static int draw_causes(const struct snapshot *s, const struct step *step, struct rect rect)
{
	const struct step_kind *kind = &steps_of(s)->kinds[step->kind];
	const struct step_sums *usual = kind->typical.steps ? &kind->typical : &kind->all;
	uint64_t idle[IDLE_CAUSE_COUNT];
	char text[QUANTITY_SIZE];
	int lines = 1;

	idle_in(s, step, idle);
	draw_text(rect.y, rect.x, 20, COLOR_OF_TITLES, "Idle time by cause");
	draw_right(rect.y, rect.x + 20, 9, COLOR_OF_TITLES, "here");
	draw_right(rect.y, rect.x + 29, 9, COLOR_OF_TITLES, "usual");
	for (int c = 0; c < IDLE_CAUSE_COUNT && lines < rect.height; c++) {
		uint64_t mean = usual->steps ? usual->idle_ns[c] / usual->steps : 0;

		if (idle[c] < STEPS_MORE_NS && mean < STEPS_MORE_NS)
			continue;
		draw_text(rect.y + lines, rect.x, 19, timeline_cause_color((enum idle_cause)c),
			  idle_cause_name((enum idle_cause)c));
		draw_right(rect.y + lines, rect.x + 20, 9, COLOR_OF_TEXT, quantity_text_ns(text, idle[c]));
		draw_right(rect.y + lines, rect.x + 29, 9, COLOR_OF_DIM, quantity_text_ns(text, mean));
		lines++;
	}
	return lines;
}

/* The title of the kernel, from the list of all; the caller frees. */
static char *launch_title(const struct snapshot *s, const struct step_ordinal *ordinal)
{
	char *text = NULL;

	if (ordinal->graph)
		return asprintf(&text, "graph %lld", (long long)ordinal->graph) < 0 ? NULL : text;
	for (size_t i = 0; i < s->kernels.count; i++)
		if (s->kernels.rows[i].kernel == ordinal->kernel)
			return view_kernel_title(s->kernels.rows[i].name);
	return strdup("a kernel without a name");
}

/* Which launches of the kind take longer in its slow steps; returns the lines taken. */
static void draw_ordinals(const struct snapshot *s, const struct step_kind *kind, struct rect rect)
{
	double *more = calloc((size_t)kind->ordinal_count + 1, sizeof(*more));
	char text[QUANTITY_SIZE];

	draw_text(rect.y, rect.x, rect.width, COLOR_OF_TITLES, "Launches longer in slow steps");
	for (uint32_t i = 0; more && kind->slow.steps && kind->typical.steps && i < kind->ordinal_count; i++)
		more[i] = (double)kind->ordinals[i].slow_ns / (double)kind->slow.steps -
			  (double)kind->ordinals[i].typical_ns / (double)kind->typical.steps;
	for (int line = 1; more && line < rect.height; line++) {
		uint32_t most = 0;
		char *title;

		for (uint32_t i = 1; i < kind->ordinal_count; i++)
			most = more[i] > more[most] ? i : most;
		if (!kind->ordinal_count || more[most] < STEPS_MORE_NS)
			break;
		title = launch_title(s, &kind->ordinals[most]);
		draw_right(rect.y + line, rect.x, 8, COLOR_OF_TEXT,
			   quantity_text_ns(text, (uint64_t)more[most]));
		draw_textf(rect.y + line, rect.x + 10, rect.width - 10, COLOR_OF_TEXT, "%u: %s", most,
			   title ? title : "");
		free(title);
		more[most] = 0;
	}
	free(more);
}

static void pane(const struct view *view, const struct snapshot *s, const void *chosen, struct rect rect)
{
	const struct step_row *row = chosen;
	int height = rect.height >= 15 ? 5 : 3, half = 42;
	char title[64];

	snprintf(title, sizeof(title), "step %lld, kind %lld", (long long)row->number, (long long)row->kind);
	distribution_rule(rect, title);
	rect = (struct rect){ rect.y + 1, rect.x, rect.height - 1, rect.width - 1 };
	draw_over_run(view, s, row->step, (struct rect){ rect.y, rect.x, height, rect.width });
	rect.y += height, rect.height -= height;
	draw_causes(s, row->step, (struct rect){ rect.y, rect.x, rect.height, half - 2 });
	draw_ordinals(s, &steps_of(s)->kinds[row->kind],
		      (struct rect){ rect.y, rect.x + half, rect.height, rect.width - half });
}

static void jump(const void *chosen, struct view_place *place)
{
	const struct step *step = ((const struct step_row *)chosen)->step;
	bool has_gpu = step->gpu_ns && step->device;

	place->lane = has_gpu ? (struct lane_key){ LANE_DEVICE, step->device } :
		      (struct lane_key){ LANE_THREAD, step->thread };
	place->start_ns = has_gpu ? step->gpu_ns : step->host_ns;
	place->end_ns = has_gpu ? step->gpu_ns + step->period_ns : step->host_end_ns;
	if (has_gpu && !step->period_ns)
		place->end_ns = step->gpu_end_ns;
}

const struct view_class view_step_list = {
	.title = "Slowest steps",
	.noun = "steps",
	.one = "step",
	.help = "The steps of one mode and phase, the slowest first, 10000 at most. Below the table "
		"are the periods of all of them over the run; the idle time of the chosen one by cause, "
		"beside what is usual for its kind; and the launches that take longer in slow steps "
		"of its kind, with their place in the step. Enter goes to the step on the timeline.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct step_row),
	.empty = "no steps of this mode and phase any more",
	.needs_scan = true,
	.rows_need_scan = true,
	.honours = SCOPE_BIT(TIME) | SCOPE_OF_MEMORY,
	.room = room,
	.fill = fill,
	.pane = pane,
	.pane_room = PANE_ROOM,
	.jump = jump,
};
