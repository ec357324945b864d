/* SPDX-License-Identifier: Apache-2.0 */
/* The first view: a verdict in words, the devices, the run over time, the top kernels. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

#include "tui/quantity.h"
#include "tui/wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH	9
#define NOTE_WIDTH	24

static int verdict_losses(const struct snapshot *s, struct rect rect)
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
	if (!worst)
		return draw_text(rect.y, rect.x, rect.width, COLOR_OF_GOOD, "Nothing was lost."), 1;
	draw_textf(rect.y, rect.x, rect.width, COLOR_OF_BAD, "Incomplete: %s %s%s",
		   quantity_text_count(count, worst->value), *worst->text ? worst->text : worst->name,
		   kinds > 1 ? ", and more (7: losses)" : " (7: losses)");
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
	share = (double)d->idle_ns / (double)d->span_ns;
	draw_textf(rect.y, rect.x, rect.width, share < 0.1 ? COLOR_OF_GOOD : COLOR_OF_STRONG,
		   "GPU %d did nothing for %s of the time it was in use: %s of %s.", d->ordinal,
		   quantity_text_percent(percent, share), quantity_text_ns(idle, d->idle_ns),
		   quantity_text_ns(span, d->span_ns));
}

static uint64_t kernel_total(const struct snapshot *s)
{
	uint64_t all = 0;

	for (size_t i = 0; i < s->kernels.count; i++)
		all += s->kernels.rows[i].total_ns;
	return all;
}

static const char *kernel_name(const struct run_kernel *k)
{
	return k->short_name && *k->short_name ? k->short_name : k->name;
}

static void verdict_kernel(const struct snapshot *s, struct rect rect)
{
	const struct run_kernel *top = s->kernels.count ? &s->kernels.rows[0] : NULL;
	char percent[QUANTITY_SIZE], total[QUANTITY_SIZE], count[QUANTITY_SIZE], tail[128];
	uint64_t all = kernel_total(s);
	int used;

	if (!top || !all)
		return;
	snprintf(tail, sizeof(tail), " takes %s of the kernel time: %s in %s launches.",
		 quantity_text_percent(percent, (double)top->total_ns / (double)all),
		 quantity_text_ns(total, top->total_ns), quantity_text_count(count, top->count));
	used = rect.width - (int)strlen(tail);
	used = draw_text(rect.y, rect.x, used > 8 ? used : 8, COLOR_OF_STRONG, kernel_name(top));
	draw_text(rect.y, rect.x + used, rect.width - used, COLOR_OF_TEXT, tail);
}

static void draw_device(const struct run_device *d, struct rect rect)
{
	double span = d->span_ns ? (double)d->span_ns : 1;
	double both = (double)d->compute_ns + (double)d->copy_ns - (double)d->busy_ns;
	struct draw_part parts[3];
	char text[QUANTITY_SIZE];
	int x = rect.x, name = rect.width >= 120 ? 30 : 16, bar = rect.width - name - 41;

	if (both < 0)
		both = 0;
	parts[0] = (struct draw_part){ ((double)d->compute_ns - both) / span, COLOR_OF_COMPUTE };
	parts[1] = (struct draw_part){ both / span, COLOR_OF_BOTH };
	parts[2] = (struct draw_part){ ((double)d->copy_ns - both) / span, COLOR_OF_COPY };
	draw_textf(rect.y, x, name - 1, COLOR_OF_TEXT, "%d %s", d->ordinal, d->name);
	x += name;
	if (bar > 4)
		draw_parts(rect.y, x, bar, parts, 3);
	x += bar > 4 ? bar : 0;
	draw_right(rect.y, x, 8, COLOR_OF_STRONG,
		   quantity_text_percent(text, (double)d->busy_ns / span));
	draw_right(rect.y, x + 8, 11, COLOR_OF_COMPUTE,
		   quantity_text_percent(text, (double)d->compute_ns / span));
	draw_right(rect.y, x + 19, 11, COLOR_OF_COPY,
		   quantity_text_percent(text, (double)d->copy_ns / span));
	draw_right(rect.y, x + 30, 11, COLOR_OF_DIM,
		   quantity_text_percent(text, (double)d->idle_ns / span));
}

static int draw_devices(const struct snapshot *s, struct rect rect, int most)
{
	int x = rect.x + rect.width - 41, lines = 0;

	draw_text(rect.y, rect.x, 20, COLOR_OF_TITLES, "Device");
	draw_right(rect.y, x, 8, COLOR_OF_TITLES, "busy");
	draw_right(rect.y, x + 8, 11, COLOR_OF_COMPUTE, "\u25a0 compute" + (draw_is_ascii() ? 4 : 0));
	draw_right(rect.y, x + 19, 11, COLOR_OF_COPY, "\u25a0 copies" + (draw_is_ascii() ? 4 : 0));
	draw_right(rect.y, x + 30, 11, COLOR_OF_DIM, "\u25a0 idle" + (draw_is_ascii() ? 4 : 0));
	for (size_t i = 0; i < s->devices.count && lines < most; i++) {
		lines++;
		if (lines == most && s->devices.count > (size_t)most) {
			draw_textf(rect.y + lines, rect.x, rect.width, COLOR_OF_DIM,
				   "and %zu devices more", s->devices.count - i);
			break;
		}
		draw_device(&s->devices.rows[i],
			    (struct rect){ rect.y + lines, rect.x, 1, rect.width });
	}
	return lines + 1;
}

enum series { SERIES_BUSY, SERIES_COPY, SERIES_MEMORY };

static double bucket_value(const struct run_bucket *b, enum series series, double memory_high)
{
	double width = b->width_ns ? (double)b->width_ns : 1;

	switch (series) {
	case SERIES_BUSY:
		return (double)b->busy_ns / width;
	case SERIES_COPY:
		return (double)b->copy_ns / width;
	default:
		return memory_high > 0 ? (double)b->live_bytes / memory_high : 0;
	}
}

/* The buckets of all devices stretched over the columns: means of shares, sums of memory. */
static void series_values(const struct snapshot *s, enum series series, double memory_high,
			  double *values, int columns)
{
	double span = (double)(s->chart_to_ns - s->chart_from_ns);

	memset(values, 0, (size_t)columns * sizeof(*values));
	for (size_t d = 0; d < s->devices.count && span > 0; d++) {
		const struct run_bucket_list *list = &s->buckets[d];
		double weight = series == SERIES_MEMORY ? 1 : 1.0 / (double)s->devices.count;

		for (int c = 0; c < columns; c++) {
			double from = (double)s->chart_from_ns + span * c / columns;
			double to = from + span / columns, sum = 0, covered = 0;

			for (size_t i = 0; i < list->count; i++) {
				const struct run_bucket *b = &list->rows[i];
				double begin = (double)b->start_ns, end = begin + (double)b->width_ns;
				double part = (end < to ? end : to) - (begin > from ? begin : from);

				if (part <= 0)
					continue;
				sum += part * bucket_value(b, series, memory_high);
				covered += part;
			}
			if (covered > 0)
				values[c] += weight * sum / (series == SERIES_MEMORY ? covered : to - from);
		}
	}
}

static double memory_peak(const struct snapshot *s, uint64_t *at)
{
	double peak = 0;

	*at = 0;
	for (size_t i = 0; i < s->devices.count; i++) {
		peak += (double)s->devices.rows[i].high_bytes;
		*at = s->devices.rows[i].high_at_ns;
	}
	return peak;
}

static void draw_series(const struct snapshot *s, enum series series, struct rect rect)
{
	static const char *const labels[] = { "GPU busy", "Copies", "Memory" };
	static const enum color series_colors[] = { COLOR_OF_COMPUTE, COLOR_OF_COPY, COLOR_OF_MEMORY };
	int columns = rect.width - LABEL_WIDTH - NOTE_WIDTH;
	char text[QUANTITY_SIZE], at_text[QUANTITY_SIZE], note[96];
	double *values, best = 0, peak;
	uint64_t at;

	if (columns < 4)
		return;
	values = calloc((size_t)columns, sizeof(*values));
	if (!values)
		return;
	peak = memory_peak(s, &at);
	series_values(s, series, peak, values, columns);
	for (int i = 0; i < columns; i++)
		best = values[i] > best ? values[i] : best;
	draw_text(rect.y, rect.x, LABEL_WIDTH, COLOR_OF_TITLES, labels[series]);
	draw_chart((struct rect){ rect.y, rect.x + LABEL_WIDTH, rect.height, columns },
		   series_colors[series], values);
	if (series == SERIES_MEMORY)
		snprintf(note, sizeof(note), "  %s at %s", quantity_text_bytes(text, (uint64_t)peak),
			 quantity_text_ns(at_text, at));
	else
		snprintf(note, sizeof(note), "  at most %s", quantity_text_percent(text, best));
	draw_text(rect.y, rect.x + LABEL_WIDTH + columns, NOTE_WIDTH, COLOR_OF_DIM, note);
	free(values);
}

static void draw_axis(const struct snapshot *s, struct rect rect)
{
	int columns = rect.width - LABEL_WIDTH - NOTE_WIDTH, x = rect.x + LABEL_WIDTH;
	char text[QUANTITY_SIZE];

	if (columns < 16)
		return;
	draw_text(rect.y, x, 4, COLOR_OF_DIM, "0");
	draw_right(rect.y, x + columns - 12, 12, COLOR_OF_DIM,
		   quantity_text_ns(text, s->chart_to_ns - s->chart_from_ns));
	if (columns >= 60)
		draw_text(rect.y, x + columns / 2, 12, COLOR_OF_DIM,
			  quantity_text_ns(text, (s->chart_to_ns - s->chart_from_ns) / 2));
}

static void draw_top_kernels(const struct snapshot *s, struct rect rect)
{
	uint64_t all = kernel_total(s);
	int rows = rect.height - 1;

	draw_text(rect.y, rect.x, 14, COLOR_OF_TITLES, "Top kernels");
	draw_right(rect.y, rect.x + 14, 8, COLOR_OF_TITLES, "total");
	draw_right(rect.y, rect.x + 22, 10, COLOR_OF_TITLES, "count");
	draw_right(rect.y, rect.x + 32, 10, COLOR_OF_TITLES, "average");
	for (int i = 0; i < rows && (size_t)i < s->kernels.count; i++) {
		const struct run_kernel *k = &s->kernels.rows[i];
		double share = all ? (double)k->total_ns / (double)all : 0;
		struct quantity q = quantity_ns(k->total_ns);
		char text[QUANTITY_SIZE];
		int y = rect.y + 1 + i, x = rect.x;

		draw_bar(y, x, 6, COLOR_OF_SHARE, share);
		draw_right(y, x + 6, 7, COLOR_OF_TEXT, quantity_text_percent(text, share));
		draw_right(y, x + 14, 5, COLOR_OF_TEXT, q.number);
		draw_text(y, x + 20, 2, COLOR_OF_DIM, q.unit);
		draw_right(y, x + 22, 10, COLOR_OF_TEXT, quantity_text_count(text, k->count));
		q = quantity_ns((uint64_t)(k->average_ns + 0.5));
		draw_right(y, x + 32, 7, COLOR_OF_TEXT, q.number);
		draw_text(y, x + 40, 2, COLOR_OF_DIM, q.unit);
		draw_text(y, x + 44, rect.width - 44, COLOR_OF_TEXT, kernel_name(k));
	}
	if (!s->kernels.count && rows > 0)
		draw_text(rect.y + 1, rect.x, rect.width, COLOR_OF_DIM, view_kernels.empty);
}

static void overview_draw(const struct snapshot *s, struct rect rect)
{
	int bottom = rect.y + rect.height, tall = rect.height >= 40 ? 6 : rect.height >= 26 ? 2 : 1;
	struct rect line = { rect.y, rect.x + 1, 1, rect.width - 2 };

	verdict_losses(s, line);
	line.y++;
	verdict_idle(s, line);
	line.y++;
	verdict_kernel(s, line);
	line.y += 2;
	line.y += draw_devices(s, line, rect.height >= 40 ? 16 : 4) + 1;
	for (int i = SERIES_BUSY; i <= SERIES_MEMORY && line.y + tall < bottom; i++) {
		line.height = tall;
		draw_series(s, (enum series)i, line);
		line.y += tall + (tall > 2);
	}
	draw_axis(s, line);
	line.y += 2;
	if (line.y + 1 < bottom)
		draw_top_kernels(s, (struct rect){ line.y, line.x, bottom - line.y, line.width });
}

const struct view_class view_overview = {
	.title = "Overview",
	.noun = "overview",
	.help = "What the run was like: losses first, how long the devices stood idle, which kernel "
		"took most, and the run over time. Idle counts from the first to the last GPU "
		"operation of a device, over all its streams together.",
	.draw = overview_draw,
};
