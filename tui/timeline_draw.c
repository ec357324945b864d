/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing the timeline: the axis, a line for each lane, and what is at the cursor. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline.h"

#include "tui/quantity.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX	1024
#define BLOCK_COLUMNS	1.5	/* what is wider gets a block of its own */
#define TICK_COLUMNS	14

static const struct { enum color color; char letter; } causes[IDLE_CAUSE_COUNT] = {
	[IDLE_LAUNCH_BOUND] = { COLOR_OF_HOST, 'L' },
	[IDLE_HOST_BUSY] = { COLOR_OF_HOST, 'H' },
	[IDLE_SYNC] = { COLOR_OF_WAIT, 'S' },
	[IDLE_SYNC_READBACK] = { COLOR_OF_WAIT, 'R' },
	[IDLE_METADATA_COPIES] = { COLOR_OF_TRANSFER, 'C' },
	[IDLE_PAGEABLE_COPY] = { COLOR_OF_TRANSFER, 'P' },
	[IDLE_ALLOCATION] = { COLOR_OF_ALLOCATE, 'A' },
	[IDLE_MODULE_LOAD] = { COLOR_OF_SETUP, 'M' },
	[IDLE_LOOKUPS] = { COLOR_OF_SETUP, 'E' },
	[IDLE_GRAPH_BUILD] = { COLOR_OF_SETUP, 'G' },
	[IDLE_PROFILER] = { COLOR_OF_SETUP, 'F' },
	[IDLE_CROSS_STREAM] = { COLOR_OF_DEPENDENCY, 'X' },
	[IDLE_KERNEL_BOUNDARY] = { COLOR_OF_DEPENDENCY, 'B' },
	[IDLE_COLLECTIVE_WAIT] = { COLOR_OF_DEPENDENCY, 'W' },
	[IDLE_REQUEST_GAP_LARGE] = { COLOR_OF_QUIET, 'Q' },
	[IDLE_REQUEST_GAP_SMALL] = { COLOR_OF_QUIET, 'q' },
	[IDLE_NOT_MEASURED] = { COLOR_OF_QUIET, '.' },
	[IDLE_UNKNOWN] = { COLOR_OF_UNCLEAR, '?' },
};

static const enum color call_colors[CALL_CLASS_COUNT] = {
	[CALL_OTHER] = COLOR_OF_UNCLEAR, [CALL_LAUNCH] = COLOR_OF_COMPUTE,
	[CALL_COPY] = COLOR_OF_COPY, [CALL_SYNC] = COLOR_OF_WAIT, [CALL_POLL] = COLOR_OF_WAIT,
	[CALL_WAIT] = COLOR_OF_DEPENDENCY, [CALL_ALLOC] = COLOR_OF_ALLOCATE,
	[CALL_MODULE] = COLOR_OF_SETUP, [CALL_LOOKUP] = COLOR_OF_SETUP, [CALL_GRAPH] = COLOR_OF_SETUP,
	[CALL_PROFILER] = COLOR_OF_SETUP, [CALL_HOST_FUNCTION] = COLOR_OF_HOST,
};

enum color timeline_cause_color(enum idle_cause cause)
{
	return (unsigned)cause < IDLE_CAUSE_COUNT ? causes[cause].color : COLOR_OF_UNCLEAR;
}

enum color timeline_work_color(int64_t what)
{
	return what < 0 ? COLOR_OF_COPY : (enum color)(COLOR_OF_KERNEL_A + what % 6);
}

enum color timeline_call_color(enum call_class class)
{
	return (unsigned)class < CALL_CLASS_COUNT ? call_colors[class] : COLOR_OF_UNCLEAR;
}

static enum color color_of(enum lane_kind kind, int64_t what)
{
	switch (kind) {
	case LANE_DEVICE:
		return what < 0 ? COLOR_OF_COPY : COLOR_OF_COMPUTE;
	case LANE_IDLE:
		return timeline_cause_color((enum idle_cause)what);
	case LANE_STREAM:
	case LANE_RANGE:
		return timeline_work_color(what);
	default:
		return timeline_call_color((enum call_class)what);
	}
}

/* --- a line -------------------------------------------------------------------------------- */

struct line_picture {
	struct timeline_view *t;
	enum lane_kind kind;
	int y, height;
	double column_ns;
	struct pyramid_column columns[COLUMNS_MAX];
	double most[COLUMNS_MAX];	/* the largest part of a column so far */
};

static void draw_columns(const struct line_picture *p)
{
	for (int x = 0; x < p->t->columns; x++) {
		const struct pyramid_column *c = &p->columns[x];
		char letter = p->kind == LANE_IDLE && (size_t)c->what < IDLE_CAUSE_COUNT ?
			      causes[c->what].letter : '\0';

		if (c->share > 0 || c->count)
			draw_level(p->y, p->t->plot_x + x, p->height, color_of(p->kind, c->what),
				   c->share > 0 ? c->share : 1e-9, letter);
	}
}

/* What is narrow fills columns in part; false: it is wide enough for a block. */
static bool add_to_columns(struct line_picture *p, uint64_t start_ns, uint64_t end_ns, int64_t what)
{
	double from = ((double)start_ns - p->t->from_ns) / p->column_ns;
	double to = ((double)end_ns - p->t->from_ns) / p->column_ns;

	if (to - from >= BLOCK_COLUMNS)
		return false;
	for (int x = from > 0 ? (int)from : 0; x <= to && x < p->t->columns; x++) {
		double part = (to < x + 1 ? to : x + 1) - (from > x ? from : x);

		p->columns[x].share += part;
		p->columns[x].count++;
		if (part >= p->most[x]) {
			p->most[x] = part;
			p->columns[x].what = what;
		}
	}
	return true;
}

static void draw_wide(const struct line_picture *p, uint64_t start_ns, uint64_t end_ns,
		      enum color color, const char *label)
{
	double from = ((double)start_ns - p->t->from_ns) / p->column_ns;
	double to = ((double)end_ns - p->t->from_ns) / p->column_ns;
	int x = from > 0 ? (int)(from + 0.5) : 0;
	int end = to < p->t->columns ? (int)(to + 0.5) : p->t->columns;

	for (int row = 0; row < p->height && to - from >= BLOCK_COLUMNS && end > x; row++)
		draw_block(p->y + row, p->t->plot_x + x, end - x, color, row ? "" : label);
}

static char *title_of(const struct run_window *window, const struct run_event *event)
{
	const char *name = window->names[event->name];

	return event->lane.kind == LANE_STREAM ? view_kernel_title(name) : strdup(name);
}

static void draw_events(struct line_picture *p, const struct run_event *events, size_t count)
{
	const struct run_window *window = &p->t->window->events;

	for (size_t i = 0; i < count; i++)
		if ((double)events[i].end_ns >= p->t->from_ns &&
		    (double)events[i].start_ns < p->t->to_ns)
			add_to_columns(p, events[i].start_ns, events[i].end_ns, events[i].what);
	draw_columns(p);
	for (size_t i = 0; i < count; i++) {
		const struct run_event *e = &events[i];
		char *title;

		if ((double)(e->end_ns - e->start_ns) < BLOCK_COLUMNS * p->column_ns ||
		    (double)e->end_ns < p->t->from_ns || (double)e->start_ns >= p->t->to_ns)
			continue;
		title = p->kind == LANE_DEVICE ? NULL : title_of(window, e);
		draw_wide(p, e->start_ns, e->end_ns,
			  e->failed ? COLOR_OF_BAD : color_of(p->kind, e->what), title ? title : "");
		free(title);
	}
}

static void draw_idle(struct line_picture *p, int64_t device)
{
	const struct timeline_view *t = p->t;
	size_t count;
	const struct idle_interval *i = timeline_idle(t, device, t->from_ns, t->to_ns, &count);
	bool by_cells = t->scan && p->column_ns >= (double)pyramid_cell_ns(t->scan->pyramid);
	struct lane_key lane = { LANE_IDLE, device };

	for (size_t n = 0; n < count && !by_cells; n++)
		add_to_columns(p, i[n].start_ns, i[n].start_ns + i[n].dur_ns, i[n].cause);
	if (by_cells)
		pyramid_read(t->scan->pyramid, lane, t->from_ns, t->to_ns, t->columns, p->columns);
	draw_columns(p);
	for (; count--; i++) {
		char label[96], took[QUANTITY_SIZE];

		if ((double)i->dur_ns < BLOCK_COLUMNS * p->column_ns)
			continue;
		snprintf(label, sizeof(label), "%s %s", idle_cause_name(i->cause),
			 quantity_text_ns(took, i->dur_ns));
		draw_wide(p, i->start_ns, i->start_ns + i->dur_ns, timeline_cause_color(i->cause), label);
	}
}

/* From the file's own summaries, as long as nothing better has been read. */
static void draw_buckets(struct line_picture *p, const struct run_lane *lane)
{
	const struct run_bucket_list *list =
		&p->t->window->memory[lane - p->t->window->lanes.rows];

	for (int x = 0; x < p->t->columns && list->count; x++) {
		double at = p->t->from_ns + p->column_ns * (x + 0.5) - (double)list->rows[0].start_ns;
		size_t i = at > 0 ? (size_t)(at / (double)(list->rows[0].width_ns + 1)) : 0;

		if (i < list->count && list->rows[i].width_ns)
			draw_level(p->y, p->t->plot_x + x, p->height, COLOR_OF_COMPUTE,
				   (double)list->rows[i].busy_ns / (double)list->rows[i].width_ns, '\0');
	}
}

static void draw_lane(struct line_picture *p, const struct run_lane *lane)
{
	struct timeline_view *t = p->t;
	const struct run_event *events;
	size_t count;

	p->kind = lane->key.kind;
	memset(p->columns, 0, sizeof(p->columns));
	memset(p->most, 0, sizeof(p->most));
	if (p->kind == LANE_IDLE) {
		draw_idle(p, lane->key.id);
	} else if (timeline_has_events(t) && t->window->events.count) {
		events = timeline_events(t, lane->key, &count);
		draw_events(p, events, count);
	} else if (p->kind == LANE_DEVICE && !t->window->is_narrowed &&
		   (!t->is_scanned || !t->window->events.count) && (double)t->scanned_ns < t->to_ns) {
		draw_buckets(p, lane);
	} else if (t->scan) {
		pyramid_read(t->scan->pyramid, lane->key, t->from_ns, t->to_ns, t->columns, p->columns);
		draw_columns(p);
	}
}

static void draw_memory(struct line_picture *p, size_t lane)
{
	struct timeline_view *t = p->t;
	const struct run_bucket_list *list = &t->window->memory[lane];
	uint64_t most = timeline_memory_peak(t, list);

	for (int x = 0; x < t->columns && most; x++) {
		const struct run_bucket *b = timeline_bucket_at(list, t->from_ns + p->column_ns * (x + 0.5));

		if (b)
			draw_level(p->y, t->plot_x + x, p->height, COLOR_OF_MEMORY,
				   (double)b->live_bytes / (double)most, '\0');
	}
}

static void draw_activity(struct line_picture *p, size_t lane)
{
	struct timeline_view *t = p->t;

	for (int x = 0; x < t->columns; x++) {
		const struct run_bucket *b = timeline_bucket_at(&t->window->memory[lane],
						       t->from_ns + p->column_ns * (x + 0.5));

		if (b && b->sm_active > 0)
			draw_level(p->y, t->plot_x + x, p->height, COLOR_OF_COMPUTE, b->sm_active, '\0');
	}
}

static void draw_title(const struct timeline_view *t, int y, size_t line)
{
	const struct run_lane *lane = timeline_lane(t, line);
	bool is_lane = t->lines[line].kind == LINE_LANE, below = !is_lane ||
		(lane->key.kind != LANE_DEVICE && lane->key.kind != LANE_THREAD);
	enum color color = line == t->line ? COLOR_OF_SELECTED :
			   lane->key.kind == LANE_DEVICE && is_lane ? COLOR_OF_STRONG : COLOR_OF_TEXT;
	char text[QUANTITY_SIZE];
	int width = t->plot_x - 1;

	if (line == t->line)
		draw_fill(y, 0, width, color);
	if (t->lines[line].kind == LINE_MEMORY)
		draw_textf(y, 2, width - 2, color, "memory %s", quantity_text_bytes(text,
			   timeline_memory_peak(t, &t->window->memory[t->lines[line].lane])));
	else if (t->lines[line].kind == LINE_ACTIVITY)
		draw_textf(y, 2, width - 2, color, "SMs %s", quantity_text_percent(text,
			   fmax(0, timeline_activity_mean(t, &t->window->memory[t->lines[line].lane]))));
	else
		draw_text(y, below ? 2 : 0, width - (below ? 2 : 0), color, lane->title);
}

/* --- around the lines ---------------------------------------------------------------------- */

/* Seconds with all nine decimals, so that two moments can be compared. */
static void exact_time(char *out, size_t size, double ns)
{
	uint64_t whole = ns > 0 ? (uint64_t)ns : 0;

	snprintf(out, size, "%llu.%09llu s", (unsigned long long)(whole / 1000000000),
		 (unsigned long long)(whole % 1000000000));
}

static double tick_step(double least)
{
	double power = pow(10, floor(log10(least > 1 ? least : 1)));

	return least <= power ? power : least <= 2 * power ? 2 * power :
	       least <= 5 * power ? 5 * power : 10 * power;
}

static void draw_mark(const struct timeline_view *t, int y, double at, const char *sign, enum color color)
{
	double x = (at - t->from_ns) / timeline_column_ns(t);

	if (x >= 0 && x < t->columns)
		draw_text(y, t->plot_x + (int)x, 1, color, sign);
}

/* Ticks are counted from the run's start, or from the first one where that needs many digits. */
static void draw_axis(const struct timeline_view *t, int y)
{
	double column = timeline_column_ns(t), step = tick_step(column * TICK_COLUMNS);
	double first = ceil(t->from_ns / step) * step;
	struct rect axis = { y, t->plot_x, 1, t->columns };
	bool from_first = first > 999 * step;
	char text[QUANTITY_SIZE];

	taken_draw_dots(&t->window->taken, axis, t->from_ns, t->to_ns);
	/* Counted, as a step may be too little to be told apart in a time of centuries. */
	for (int tick = 0; tick < t->columns; tick++) {
		double at = first + tick * step;
		int x = (int)((at - t->from_ns) / column);
		double shown = from_first ? at - first : at;

		if (at >= t->to_ns)
			break;
		draw_text(y, t->plot_x + x, 1, COLOR_OF_DIM, draw_is_ascii() ? "|" : "\u2575");
		if (from_first && at == first) {
			char exact[48];

			exact_time(exact, sizeof(exact), first);
			draw_text(y, t->plot_x + x + 1, TICK_COLUMNS - 2 > 12 ? 13 : 12, COLOR_OF_DIM, exact);
			continue;
		}
		draw_textf(y, t->plot_x + x + 1, TICK_COLUMNS - 2, COLOR_OF_DIM, "%s%s",
			   from_first ? "+" : "", quantity_text_ns(text, (uint64_t)shown));
	}
	taken_draw_marks(&t->window->taken, axis, t->from_ns, t->to_ns);
	for (int i = 0; i < t->mark_count; i++)
		draw_mark(t, y, t->marks[i], draw_is_ascii() ? "!" : "\u25c6", COLOR_OF_PROMPT);
	draw_mark(t, y, t->cursor_ns, draw_is_ascii() ? "v" : "\u25bc", COLOR_OF_STRONG);
}

static const struct { const char *covered, *things; } column_words[LANE_KINDS] = {
	[LANE_DEVICE] = { "busy", "operations" }, [LANE_IDLE] = { "busy", "operations" },
	[LANE_STREAM] = { "busy", "operations" }, [LANE_THREAD] = { "in calls", "calls" },
	[LANE_RANGE] = { "in ranges", "ranges" },
};

/* What the line shows at the cursor where single events are not told apart. */
static void describe_column(const struct timeline_view *t, int y, int width)
{
	const struct run_lane *lane = timeline_lane(t, t->line);
	double half = timeline_column_ns(t) / 2;
	struct pyramid_column column = { 0 };
	char percent[QUANTITY_SIZE], count[QUANTITY_SIZE];

	if (lane && t->lines[t->line].kind == LINE_ACTIVITY) {
		const struct run_bucket_list *list = &t->window->memory[t->lines[t->line].lane];
		const struct run_bucket *b = timeline_bucket_at(list, t->cursor_ns);

		if (b && b->sm_active >= 0)
			draw_textf(y, 1, width, COLOR_OF_TEXT,
				   "%s of the SMs were active here, as NVML measured",
				   quantity_text_percent(percent, b->sm_active));
		return;
	}
	if (!lane || !t->scan || t->lines[t->line].kind != LINE_LANE ||
	    !pyramid_read(t->scan->pyramid, lane->key, t->cursor_ns - half, t->cursor_ns + half, 1,
			  &column))
		return;
	quantity_text_percent(percent, column.share);
	quantity_text_count(count, column.count);
	if (lane->key.kind == LANE_IDLE && column.share > 0 && (size_t)column.what < IDLE_CAUSE_COUNT)
		draw_textf(y, 1, width, COLOR_OF_TEXT, "idle for %s of this column, most of it %s: %s",
			   percent, idle_cause_name((enum idle_cause)column.what),
			   idle_cause_text((enum idle_cause)column.what));
	else
		draw_textf(y, 1, width, COLOR_OF_TEXT, "%s for %s of this column, %s %s begin in it",
			   column_words[lane->key.kind].covered, percent, count,
			   column_words[lane->key.kind].things);
}

static void describe_pick(const struct timeline_view *t, int y, int width)
{
	char took[QUANTITY_SIZE], bytes[QUANTITY_SIZE], exact[48], *title;
	struct idle_interval idle;
	struct run_event event;

	switch (timeline_pick(t, &event, &idle)) {
	case PICK_IDLE:
		exact_time(exact, sizeof(exact), (double)idle.start_ns);
		draw_textf(y, 1, width, COLOR_OF_TEXT, "%s %s at %s: %s", idle_cause_name(idle.cause),
			   quantity_text_ns(took, idle.dur_ns), exact, idle_cause_text(idle.cause));
		break;
	case PICK_EVENT:
		exact_time(exact, sizeof(exact), (double)event.start_ns);
		title = title_of(&t->window->events, &event);
		draw_textf(y, 1, width, event.failed ? COLOR_OF_BAD : COLOR_OF_TEXT, "%s at %s%s%s%s %s",
			   quantity_text_ns(took, event.end_ns - event.start_ns), exact,
			   event.bytes ? ", " : "",
			   event.bytes ? quantity_text_bytes(bytes, event.bytes) : "",
			   event.failed ? ", failed:" : ":", title ? title : "");
		free(title);
		break;
	default:
		describe_column(t, y, width);
		break;
	}
}

/* The mark under the cursor, and what was taken there if that was not everything everywhere. */
static int describe_taken(const struct timeline_view *t, int y, int x, int width)
{
	const struct taken *taken = &t->window->taken;
	const struct run_mark *mark = taken_mark_near(taken, t->cursor_ns, timeline_column_ns(t) / 2);
	const struct run_detail *detail = taken_is_partial(taken) ? taken_at(taken, t->cursor_ns) : NULL;
	int used = 0;

	if (mark)
		used += draw_textf(y, x, width, COLOR_OF_GOOD, "mark: %s", mark->text) + 2;
	if (detail)
		used += draw_textf(y, x + used, width - used, COLOR_OF_WARN, "detail: %s (%s)",
				   detail->level, detail->cause) + 2;
	return used;
}

static void describe_place(const struct timeline_view *t, int y, int width)
{
	char exact[48], shown[QUANTITY_SIZE], between[QUANTITY_SIZE], text[QUANTITY_SIZE];
	int x = 1;

	exact_time(exact, sizeof(exact), t->cursor_ns);
	x += draw_textf(y, x, width, COLOR_OF_DIM, "%s  %s shown", exact,
			quantity_text_ns(shown, (uint64_t)(t->to_ns - t->from_ns))) + 2;
	if (t->mark_count)
		x += draw_textf(y, x, width - x, COLOR_OF_PROMPT, "%s %s",
				t->mark_count == 2 ? "between the marks" : "from the mark",
				quantity_text_ns(between, (uint64_t)fabs((t->mark_count == 2 ? t->marks[1] :
						 t->cursor_ns) - t->marks[0]))) + 2;
	x += describe_taken(t, y, x, width - x);
	if (t->follows)
		x += draw_text(y, x, width - x, COLOR_OF_GOOD, "following") + 2;
	if (!t->is_scanned)
		draw_textf(y, x, width - x, COLOR_OF_WARN, "read up to %s",
			   quantity_text_ns(text, t->scanned_ns));
}

static void draw_lines(struct timeline_view *t)
{
	struct line_picture *picture = malloc(sizeof(*picture));

	if (!picture)
		return;
	timeline_stretch(t);
	if (t->line < t->top)
		t->top = t->line;
	if (t->line >= t->top + (size_t)t->rows)
		t->top = t->line - (size_t)t->rows + 1;
	if (t->top + (size_t)t->rows > t->line_count)
		t->top = t->line_count > (size_t)t->rows ? t->line_count - (size_t)t->rows : 0;
	picture->t = t;
	picture->column_ns = timeline_column_ns(t);
	picture->y = t->plot_y;
	for (size_t line = t->top; line < t->line_count; line++) {
		int x = (int)((t->cursor_ns - t->from_ns) / picture->column_ns);

		picture->height = t->lines[line].height;
		if (picture->y + picture->height > t->plot_y + t->rows)
			break;
		draw_title(t, picture->y, line);
		if (t->lines[line].kind == LINE_MEMORY)
			draw_memory(picture, t->lines[line].lane);
		else if (t->lines[line].kind == LINE_ACTIVITY)
			draw_activity(picture, t->lines[line].lane);
		else
			draw_lane(picture, timeline_lane(t, line));
		if (line == t->line && x >= 0 && x < t->columns)
			draw_recolor(picture->y + picture->height - 1, t->plot_x + x, 1,
				     COLOR_OF_CURSOR);
		picture->y += picture->height;
	}
	free(picture);
}

void timeline_draw(struct timeline_view *t, struct rect rect)
{
	int gutter = rect.width >= 120 ? 26 : rect.width >= 70 ? 18 : 12;

	t->plot_x = rect.x + gutter;
	t->plot_y = rect.y + 1;
	t->columns = rect.width - gutter < COLUMNS_MAX ? rect.width - gutter : COLUMNS_MAX;
	t->rows = rect.height - 3;
	timeline_refresh(t);
	timeline_ask(t);
	if (!t->window) {
		draw_text(rect.y + 1, rect.x + 2, rect.width - 4, COLOR_OF_DIM, "reading the file...");
		return;
	}
	if (!t->line_count && t->is_scanned) {
		draw_text(rect.y + 1, rect.x + 2, rect.width - 4, COLOR_OF_DIM,
			  "no events were recorded");
		return;
	}
	draw_axis(t, rect.y);
	draw_lines(t);
	describe_pick(t, rect.y + rect.height - 2, rect.width - 2);
	describe_place(t, rect.y + rect.height - 1, rect.width - 2);
}
