/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of the page as inline SVG. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/html.h"

#include <stdlib.h>

#include "analysis/table.h"

#define WIDTH		1000.0
#define MARGIN		64.0		/* for the names of lanes */
#define BAR_HEIGHT	26
#define BUSY_HEIGHT	46
#define CAUSE_HEIGHT	14
#define MEMORY_HEIGHT	28
#define LANE_GAP	10
#define AXIS_HEIGHT	20
#define LANE_HEIGHT	(BUSY_HEIGHT + CAUSE_HEIGHT + MEMORY_HEIGHT + LANE_GAP)
#define COLUMNS		600
#define TICKS		10

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void rectangle(FILE *out, const char *class, double x, double y, double width,
		      double height)
{
	fprintf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"", class,
		x, y, width, height);
}

/* One part of the bar, with its name on it where there is room. Returns where the next begins. */
static double part(FILE *out, const char *class, const char *name, double x, uint64_t ns,
		   uint64_t whole_ns)
{
	double width = WIDTH * share(ns, whole_ns);
	char time[32];

	if (!ns)
		return x;
	rectangle(out, class, x, 0, width, BAR_HEIGHT);
	fprintf(out, "><title>%s: %s, %.1f %%</title></rect>\n", name,
		format_ns((double)ns, time, sizeof(time)), 100 * share(ns, whole_ns));
	if (width > 60)
		fprintf(out, "<text x=\"%.2f\" y=\"%d\">%s %.0f %%</text>\n", x + 4, BAR_HEIGHT - 9, name,
			100 * share(ns, whole_ns));
	return x + width;
}

void html_waterfall(const struct html *html, const struct waterfall *w)
{
	int order[WATERFALL_ROWS], count = waterfall_order(w, order);
	double x = 0;

	fprintf(html->out, "<svg viewBox=\"0 0 %.0f %d\" role=\"img\" aria-label=\"Where the time of "
		"the SMs of GPU %d went\">\n", WIDTH, BAR_HEIGHT, w->gpu);
	for (int i = 0; i < count; i++) {
		const char *name = waterfall_row_name(order[i]);

		x = part(html->out, name, name, x, waterfall_row_ns(w, order[i]), w->span_ns);
	}
	fputs("</svg>\n", html->out);
}

struct span {
	uint64_t from_ns, to_ns;
};

static double at(const struct span *span, uint64_t ns)
{
	uint64_t since = ns > span->from_ns ? ns - span->from_ns : 0;

	return MARGIN + (WIDTH - MARGIN) * share(since, span->to_ns - span->from_ns);
}

static void axis(FILE *out, const struct span *span, double height)
{
	for (int i = 0; i <= TICKS; i++) {
		uint64_t ns = span->from_ns + (span->to_ns - span->from_ns) / TICKS * (uint64_t)i;
		char time[32];

		fprintf(out, "<line class=\"axis\" x1=\"%.2f\" x2=\"%.2f\" y1=\"0\" y2=\"%.2f\"/>\n",
			at(span, ns), at(span, ns), height);
		fprintf(out, "<text x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\">%s</text>\n", at(span, ns),
			height + 13, i == TICKS ? "end" : i ? "middle" : "start",
			format_ns((double)ns, time, sizeof(time)));
	}
}

/* Kernels from the bottom, copies above them: what overlaps counts as kernels. */
static void busy_column(FILE *out, const struct span *span, const struct run_bucket *b, double y)
{
	double x = at(span, b->start_ns), width = at(span, b->start_ns + b->width_ns) - x;
	double compute = share(b->compute_ns, b->width_ns) * BUSY_HEIGHT;
	double busy = share(b->busy_ns, b->width_ns) * BUSY_HEIGHT;

	if (x + width > WIDTH)
		width = WIDTH - x;
	if (compute > 0) {
		rectangle(out, "compute", x, y + BUSY_HEIGHT - compute, width, compute);
		fputs("/>\n", out);
	}
	if (busy > compute) {
		rectangle(out, "copy", x, y + BUSY_HEIGHT - busy, width, busy - compute);
		fputs("/>\n", out);
	}
}

static void memory_column(FILE *out, const struct span *span, const struct run_bucket *b,
			  uint64_t memory_bytes, double y)
{
	double x = at(span, b->start_ns), width = at(span, b->start_ns + b->width_ns) - x;
	double height = share(b->live_bytes, memory_bytes) * MEMORY_HEIGHT;

	if (x + width > WIDTH)
		width = WIDTH - x;
	if (height > MEMORY_HEIGHT)
		height = MEMORY_HEIGHT;
	if (height > 0) {
		rectangle(out, "memory", x, y + MEMORY_HEIGHT - height, width, height);
		fputs("/>\n", out);
	}
}

/* A step of the line of what was measured; where nothing was, the line has a hole. */
static void activity_column(FILE *out, const struct span *span, const struct run_bucket *b, double y)
{
	double x = at(span, b->start_ns), width = at(span, b->start_ns + b->width_ns) - x;
	double height = b->sm_active * (BUSY_HEIGHT - 1.5);

	if (b->sm_active < 0)
		return;
	if (x + width > WIDTH)
		width = WIDTH - x;
	rectangle(out, "measured", x, y + BUSY_HEIGHT - 1.5 - height, width, 1.5);
	fprintf(out, "><title>SMs active: %.1f %%</title></rect>\n", 100 * b->sm_active);
}

static void cause_marks(const struct html *html, const struct span *span, int device, double y)
{
	for (size_t i = 0; i < html->findings.idle.interval_count; i++) {
		const struct idle_interval *interval = &html->findings.idle.intervals[i];
		double x = at(span, interval->start_ns), width;
		char time[32], *place;

		if (interval->device != device)
			continue;
		width = at(span, interval->start_ns + interval->dur_ns) - x;
		place = idle_path_name(html->run, interval->path);
		rectangle(html->out, idle_cause_name(interval->cause), x, y, width > 0.5 ? width : 0.5,
			  CAUSE_HEIGHT);
		fprintf(html->out, "><title>%s, %s", idle_cause_name(interval->cause),
			format_ns((double)interval->dur_ns, time, sizeof(time)));
		if (place && place[0]) {
			fputs(", ", html->out);
			html_text(html->out, place);
		}
		fputs("</title></rect>\n", html->out);
		free(place);
	}
}

static int lane(const struct html *html, const struct span *span, const struct run_device *device,
		double y)
{
	struct run_bucket_list buckets;
	uint64_t most = device->memory_bytes > device->high_bytes ? device->memory_bytes
								  : device->high_bytes;

	if (run_buckets(html->run, device->id, span->from_ns, span->to_ns, COLUMNS, &buckets) < 0)
		return -1;
	fprintf(html->out, "<text x=\"0\" y=\"%.2f\">GPU %d</text><text x=\"0\" y=\"%.2f\">idle</text>"
		"<text x=\"0\" y=\"%.2f\">memory</text>\n", y + BUSY_HEIGHT / 2.0, device->gpu,
		y + BUSY_HEIGHT + 11, y + BUSY_HEIGHT + CAUSE_HEIGHT + MEMORY_HEIGHT / 2.0 + 4);
	rectangle(html->out, "back", MARGIN, y, WIDTH - MARGIN, LANE_HEIGHT - LANE_GAP);
	fputs("/>\n", html->out);
	for (size_t i = 0; i < buckets.count; i++) {
		busy_column(html->out, span, &buckets.rows[i], y);
		activity_column(html->out, span, &buckets.rows[i], y);
		memory_column(html->out, span, &buckets.rows[i], most,
			      y + BUSY_HEIGHT + CAUSE_HEIGHT);
	}
	run_bucket_list_free(&buckets);
	cause_marks(html, span, device->id, y + BUSY_HEIGHT);
	return 0;
}

int html_timeline(const struct html *html)
{
	struct span span = { UINT64_MAX, 0 };
	double height = 0;
	int result = 0;

	for (size_t i = 0; i < html->devices.count; i++) {
		const struct run_device *d = &html->devices.rows[i];

		if (!d->last_ns)
			continue;
		span.from_ns = d->first_ns < span.from_ns ? d->first_ns : span.from_ns;
		span.to_ns = d->last_ns > span.to_ns ? d->last_ns : span.to_ns;
		height += LANE_HEIGHT;
	}
	if (span.from_ns >= span.to_ns)
		return 0;
	fprintf(html->out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"GPUs over time\">\n",
		WIDTH, height + AXIS_HEIGHT);
	height = 0;
	for (size_t i = 0; result == 0 && i < html->devices.count; i++) {
		if (!html->devices.rows[i].last_ns)
			continue;
		result = lane(html, &span, &html->devices.rows[i], height);
		height += LANE_HEIGHT;
	}
	axis(html->out, &span, height);
	fputs("</svg>\n<p><svg class=\"key\" viewBox=\"0 0 1 1\"><rect class=\"compute\" width=\"1\" "
	      "height=\"1\"/></svg> kernels &#160; <svg class=\"key\" viewBox=\"0 0 1 1\"><rect "
	      "class=\"copy\" width=\"1\" height=\"1\"/></svg> copies alone &#160; <svg class=\"key\" "
	      "viewBox=\"0 0 1 1\"><rect class=\"memory\" width=\"1\" height=\"1\"/></svg> memory in use "
	      "&#160; <svg class=\"key\" viewBox=\"0 0 1 1\"><rect class=\"measured\" y=\"0.4\" width=\"1\" "
	      "height=\"0.2\"/></svg> SMs active, where measured "
	      "&#160; <span class=\"faint\">idle: the longest intervals in the colour of their cause"
	      "</span></p>\n", html->out);
	return result;
}
