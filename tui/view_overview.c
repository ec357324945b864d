/* SPDX-License-Identifier: Apache-2.0 */
/* The first view: a verdict in words, the devices, the run over time, the top kernels. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/overview.h"

#include "tui/quantity.h"
#include "tui/timeline_reader.h"
#include "tui/view.h"
#include "tui/wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NARROW	66	/* cells below which only what matters most is shown */

/* Where the times come from, and for how much of the run the code is known. */
static void coverage(const struct snapshot *s, struct rect rect)
{
	const char *backend = s->processes.count ? s->processes.rows[0].backend : "";
	uint64_t with = s->paths->node_count ? s->paths->nodes[0].total.calls : 0;
	uint64_t all = with + s->paths->without_path;
	char percent[QUANTITY_SIZE];

	for (size_t i = 1; i < s->processes.count; i++)
		if (strcmp(s->processes.rows[i].backend, backend) != 0)
			backend = "several sources";
	if (rect.width < NARROW || !*backend || strcmp(backend, "none") == 0 || !all)
		return;
	draw_textf(rect.y, rect.x, rect.width - 20, COLOR_OF_DIM,
		   "GPU times: %s; %s of the calls have a call path.",
		   strcmp(backend, "cupti") == 0 ? "CUPTI" : backend,
		   quantity_text_percent(percent, (double)with / (double)all));
}

static void verdict_losses(const struct snapshot *s, struct rect rect)
{
	char count[QUANTITY_SIZE];
	const struct run_loss *worst = NULL;
	int kinds = 0;

	for (size_t i = 0; i < s->losses.count; i++) {
		const struct run_loss *loss = &s->losses.rows[i];

		if (!loss->is_loss || !loss->value)
			continue;
		kinds++;
		if (!worst || loss->value > worst->value)
			worst = loss;
	}
	if (!worst) {
		rect.x += draw_text(rect.y, rect.x, rect.width, COLOR_OF_GOOD,
				    strcmp(s->info.state, "truncated") ? "Nothing was lost." :
				    "Up to its end nothing was lost.") + 1;
		coverage(s, rect);
		return;
	}
	draw_textf(rect.y, rect.x, rect.width, COLOR_OF_BAD, "Incomplete: %s %s%s",
		   quantity_text_count(count, worst->value), *worst->text ? worst->text : worst->name,
		   kinds > 1 ? ", and more (7: losses)" : " (7: losses)");
}

/* A process without GPU times would otherwise just look idle. */
static int verdict_backends(const struct snapshot *s, struct rect rect)
{
	for (size_t i = 0; i < s->processes.count; i++) {
		const struct run_process *p = &s->processes.rows[i];

		if (strcmp(p->backend, "none") != 0)
			continue;
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_BAD,
			   "No GPU times for process %d%s%s", p->pid, *p->backend_note ? ": " : "",
			   p->backend_note);
		return 1;
	}
	return 0;
}

/* Where not everything was taken, all GPU times are those of a part. */
static int verdict_taken(const struct snapshot *s, struct rect rect)
{
	double full = taken_share(&s->taken, "full", s->info.span_ns);
	double graph = taken_share(&s->taken, "graph", s->info.span_ns);
	double events = taken_share(&s->taken, "events", s->info.span_ns);
	char percent[QUANTITY_SIZE];

	if (!taken_is_partial(&s->taken))
		return 0;
	if (events > 0)
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_WARN, "For %s of the time CUDA events "
			   "timed some launches; 'gputrail report FILE samples' has estimates of all.",
			   quantity_text_percent(percent, events));
	else if (graph > 0)
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_WARN, "For %s of the time launches of "
			   "graphs were timed as a whole.", quantity_text_percent(percent, graph));
	else
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_WARN, "GPU times were taken for %s of "
			   "the time%s", quantity_text_percent(percent, full), full > 0 ?
			   "; 'gputrail report FILE samples' has estimates of all." : ".");
	return 1;
}

static int verdict_state(const struct snapshot *s, struct rect rect)
{
	if (strcmp(s->info.state, "truncated") != 0)
		return 0;
	draw_text(rect.y, rect.x, rect.width, COLOR_OF_WARN,
		  s->info.needs_recovery
			  ? "The recorder ended early: 'gputrail recover FILE' finishes the file."
			  : "The recorder ended early: this is what it had written until then.");
	return 1;
}

/* The device that lost most time. */
static const struct run_device *idlest(const struct snapshot *s)
{
	const struct run_device *worst = NULL;

	for (size_t i = 0; i < s->devices.count; i++) {
		const struct run_device *d = &s->devices.rows[i];

		if (d->span_ns && (!worst || d->idle_ns > worst->idle_ns))
			worst = d;
	}
	return worst;
}

static void verdict_idle(const struct snapshot *s, struct rect rect)
{
	const struct run_device *d = idlest(s);
	char idle[QUANTITY_SIZE], span[QUANTITY_SIZE], percent[QUANTITY_SIZE];
	double share;

	if (!d) {
		draw_text(rect.y, rect.x, rect.width, COLOR_OF_WARN,
			  "No GPU work was recorded: nothing ran on a device, or its times are missing.");
		return;
	}
	if (*s->scope) {
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_STRONG, "GPU %d was busy with this for %s "
			   "of the %s from the first of it to the last.", d->gpu,
			   quantity_text_ns(idle, d->busy_ns), quantity_text_ns(span, d->span_ns));
		return;
	}
	share = (double)d->idle_ns / (double)d->span_ns;
	draw_textf(rect.y, rect.x, rect.width, share < 0.1 ? COLOR_OF_GOOD : COLOR_OF_STRONG,
		   "GPU %d did nothing for %s of the time it was in use: %s of %s.", d->gpu,
		   quantity_text_percent(percent, share), quantity_text_ns(idle, d->idle_ns),
		   quantity_text_ns(span, d->span_ns));
}

static void verdict_kernel(const struct snapshot *s, struct rect rect)
{
	const struct run_kernel *top = s->kernels.count ? &s->kernels.rows[0] : NULL;
	char percent[QUANTITY_SIZE], total[QUANTITY_SIZE], count[QUANTITY_SIZE], tail[128];
	uint64_t all = overview_kernel_total(s);
	char *title;
	int used;

	if (!top || !all)
		return;
	snprintf(tail, sizeof(tail), " takes %s of the kernel time: %s in %s launches.",
		 quantity_text_percent(percent, (double)top->total_ns / (double)all),
		 quantity_text_ns(total, top->total_ns), quantity_text_count(count, top->count));
	used = rect.width - (int)strlen(tail);
	title = overview_kernel_title(top);
	used = draw_text(rect.y, rect.x, used > 8 ? used : 8, COLOR_OF_STRONG, title);
	free(title);
	draw_text(rect.y, rect.x + used, rect.width - used, COLOR_OF_TEXT, tail);
}

enum color overview_choose(struct view *view, int y, size_t finding, size_t kernel)
{
	if (view->choices == VIEW_CHOICES)
		return COLOR_OF_TEXT;
	view->choice[view->choices] = (struct view_choice){ y, finding, kernel };
	return view->choices++ == view->chosen ? COLOR_OF_SELECTED : COLOR_OF_TEXT;
}

/* "function (file:line)" as it is, or "file:line" where that takes too much room. */
static void place_text(const char *where, bool is_short, char *out, size_t size)
{
	const char *open = strrchr(where, '('), *close = open ? strchr(open, ')') : NULL;

	if (is_short && close && strchr(open, ':'))
		snprintf(out, size, "%.*s", (int)(close - open - 1), open + 1);
	else
		snprintf(out, size, "%s", where);
}

/* What is lost and by what, and the place in the code, which is not cut, at the right end. */
static void draw_verdict_line(struct rect rect, const struct run_finding *f, const char *percent,
			      const char *gpu, enum color color)
{
	char lost[QUANTITY_SIZE], text[256], place[256];
	int width, room = rect.width - 7;

	snprintf(text, sizeof(text), "%s %s%s: %s", f->lost_ns ? quantity_text_ns(lost, f->lost_ns) : "",
		 f->lost_ns ? "lost" : finding_severity_name(f->severity), gpu, f->title);
	place_text(f->where ? f->where : "", false, place, sizeof(place));
	if (wide_utf8_width(text, false) + wide_utf8_width(place, draw_is_ascii()) + 2 > room)
		place_text(f->where ? f->where : "", true, place, sizeof(place));
	width = wide_utf8_width(place, draw_is_ascii());
	width = width < room / 2 ? width : room / 2;
	draw_right(rect.y, rect.x, 6, f->severity == FINDING_CRITICAL ? COLOR_OF_BAD : COLOR_OF_WARN,
		   percent);
	draw_fill(rect.y, rect.x + 7, room, color);
	draw_text(rect.y, rect.x + 7, room - (width ? width + 2 : 0), color, text);
	draw_text(rect.y, rect.x + rect.width - width, width,
		  color == COLOR_OF_SELECTED ? color : COLOR_OF_TITLES, place);
}

#define VERDICTS	3

/* The findings that cost most; returns how many. */
static int verdict_findings(struct view *view, const struct snapshot *s, struct rect rect)
{
	size_t which[VERDICTS];
	size_t count = findings_costliest(&s->scan->findings, which, VERDICTS);

	for (size_t i = 0; i < count; i++) {
		const struct run_finding *f = &s->scan->findings.list.rows[which[i]];
		char percent[QUANTITY_SIZE] = "", gpu[32] = "";

		if (f->lost_ns && f->wall_ns)
			quantity_text_percent(percent, (double)f->lost_ns / (double)f->wall_ns);
		if (f->gpu >= 0 && s->devices.count > 1)
			snprintf(gpu, sizeof(gpu), " on GPU %d", f->gpu);
		draw_verdict_line(rect, f, percent, gpu, overview_choose(view, rect.y, which[i] + 1, 0));
		rect.y++;
	}
	return (int)count;
}

static void draw_device(const struct run_device *d, struct rect rect)
{
	double span = d->span_ns ? (double)d->span_ns : 1;
	double both = (double)d->compute_ns + (double)d->copy_ns - (double)d->busy_ns;
	struct draw_part parts[3];
	char text[QUANTITY_SIZE];
	bool narrow = rect.width < NARROW;
	int figures = narrow ? 19 : 41, x = rect.x, name = rect.width >= 120 ? 30 : 16;
	int bar = rect.width - name - figures;

	if (both < 0)
		both = 0;
	parts[0] = (struct draw_part){ ((double)d->compute_ns - both) / span, COLOR_OF_COMPUTE };
	parts[1] = (struct draw_part){ both / span, COLOR_OF_BOTH };
	parts[2] = (struct draw_part){ ((double)d->copy_ns - both) / span, COLOR_OF_COPY };
	/* All of them are NVIDIA's; what differs comes after it. */
	draw_textf(rect.y, x, name - 1, COLOR_OF_TEXT, "%d %s", d->gpu,
		   strncmp(d->name, "NVIDIA ", 7) == 0 ? d->name + 7 : d->name);
	x += name;
	if (bar > 4)
		draw_parts(rect.y, x, bar, parts, 3);
	x = rect.x + rect.width - figures;
	draw_right(rect.y, x, 8, COLOR_OF_STRONG,
		   quantity_text_percent(text, (double)d->busy_ns / span));
	x += 8;
	if (!narrow) {
		draw_right(rect.y, x, 11, COLOR_OF_COMPUTE,
			   quantity_text_percent(text, (double)d->compute_ns / span));
		draw_right(rect.y, x + 11, 11, COLOR_OF_COPY,
			   quantity_text_percent(text, (double)d->copy_ns / span));
		x += 22;
	}
	draw_right(rect.y, x, 11, COLOR_OF_DIM,
		   quantity_text_percent(text, (double)d->idle_ns / span));
}

static int draw_devices(const struct snapshot *s, struct rect rect, int most)
{
	static const char *const legend[2][3] = {
		{ "\u25a0 compute", "\u25a0 copies", "\u25a0 idle" },
		{ "# compute", "+ copies", ". idle" },
	};
	bool narrow = rect.width < NARROW;
	int x = rect.x + rect.width - (narrow ? 19 : 41), lines = 0;

	draw_text(rect.y, rect.x, 14, COLOR_OF_TITLES, "Device");
	draw_right(rect.y, x, 8, COLOR_OF_TITLES, "busy");
	x += 8;
	if (!narrow) {
		draw_right(rect.y, x, 11, COLOR_OF_COMPUTE, legend[draw_is_ascii()][0]);
		draw_right(rect.y, x + 11, 11, COLOR_OF_COPY, legend[draw_is_ascii()][1]);
		x += 22;
	}
	draw_right(rect.y, x, 11, COLOR_OF_DIM, legend[draw_is_ascii()][2]);
	for (size_t i = 0; i < s->devices.count && lines < most; i++) {
		lines++;
		if (lines == most && most > 1 && s->devices.count > (size_t)most) {
			draw_textf(rect.y + lines, rect.x, rect.width, COLOR_OF_DIM,
				   "and %zu devices more", s->devices.count - i);
			break;
		}
		draw_device(&s->devices.rows[i],
			    (struct rect){ rect.y + lines, rect.x, 1, rect.width });
	}
	return lines + 1;
}

#define TABLE_HEIGHT	40	/* of the view, from which on the parts of the SM-time are a table */
#define TABLE_WIDTH	150
#define TABLE_LINES	13

/* The devices, and where their SM-time went as soon as that is known; returns the lines taken. */
static int draw_use(const struct snapshot *s, struct rect line, int room)
{
	bool has_table = room >= TABLE_HEIGHT && line.width >= TABLE_WIDTH;
	int most = room >= TABLE_HEIGHT ? 16 : 4, lines;

	most = most < room - 1 ? most : room - 1;
	if (!s->devices.count || most <= 0)
		return 0;
	if (!s->scan || !s->scan->findings.waterfalls.count || line.width < NARROW)
		return draw_devices(s, line, most) + 1;
	lines = overview_waterfall_bars(s, line, most, has_table) + 1;
	if (has_table)
		lines += overview_waterfall_table(s, (struct rect){ line.y + lines, line.x, TABLE_LINES,
						  line.width }) + 1;
	return lines;
}

/* What costs most, or how far the reading is that tells it; returns the lines taken. */
static int draw_verdict(struct view *view, const struct snapshot *s, struct rect line)
{
	char percent[QUANTITY_SIZE];

	if (s->scan)
		return s->scan->findings.list.count ? verdict_findings(view, s, line) :
		       (verdict_kernel(s, line), 1);
	verdict_kernel(s, line);
	if (!s->scan_reached_ns || !s->info.span_ns)
		return 1;
	line.y++;
	draw_textf(line.y, line.x, line.width, COLOR_OF_DIM, "reading the file for findings: %s",
		   quantity_text_percent(percent, (double)s->scan_reached_ns / (double)s->info.span_ns));
	return 2;
}

static void overview_draw(struct view *view, const struct snapshot *s, struct rect rect)
{
	int bottom = rect.y + rect.height, tall = rect.height >= 40 ? 4 : rect.height >= 26 ? 2 : 1;
	struct rect line = { rect.y, rect.x + 1, 1, rect.width - 2 };

	view->choices = 0;
	verdict_losses(s, line);
	line.y++;
	line.y += verdict_state(s, line);
	line.y += verdict_backends(s, line);
	line.y += verdict_taken(s, line);
	verdict_idle(s, line);
	line.y++;
	line.y += draw_verdict(view, s, line) + 1;
	line.y += draw_use(s, line, bottom - line.y);
	for (int i = 0; s->devices.count && i < OVERVIEW_SERIES && line.y + tall < bottom; i++) {
		if (i == OVERVIEW_MEMORY && !s->memory.count)
			continue;	/* imported traces have none */
		line.height = tall;
		overview_series_draw(s, (enum overview_series)i, line);
		line.y += tall + (tall > 2);
	}
	if (s->devices.count && line.y < bottom)
		overview_axis_draw(s, line);
	line.y += 2;
	if (line.y + 1 < bottom)
		overview_lists_draw(view, s, (struct rect){ line.y, line.x, bottom - line.y, line.width });
	if (view->chosen >= view->choices)
		view->chosen = view->choices ? view->choices - 1 : 0;
}

static void overview_terms(const struct view *view, const void *row, const struct snapshot *s,
			   struct scope *terms)
{
	size_t kernel = view->choices ? view->choice[view->chosen].kernel : 0;

	(void)row;
	if (kernel && kernel <= s->kernels.count) {
		const struct run_kernel *k = &s->kernels.rows[kernel - 1];

		view_term(terms, SCOPE_KERNEL, *k->name ? k->name : k->short_name);
	}
}

const struct view_class view_overview = {
	.title = "Overview",
	.noun = "overview",
	.help = "What the run was like: losses first, how long the devices stood idle, what costs most, "
		"and the run over time. Up and Down choose a finding or a kernel, Enter opens it. Idle "
		"counts from the first to the last GPU operation of a device, over all its streams "
		"together.",
	.honours = SCOPE_OF_KERNELS,
	.needs_scan = true,
	.scope_note = "losses, memory: the whole run",
	.terms = overview_terms,
	.draw = overview_draw,
	.write_csv = overview_write_csv,
};
