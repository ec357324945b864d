/* SPDX-License-Identifier: Apache-2.0 */
/* The run over time on the overview: GPU busy, copies and memory as charts. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/overview.h"

#include "tui/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH	9
#define NOTE_WIDTH	24

static double bucket_value(const struct run_bucket *b, enum overview_series series)
{
	double width = b->width_ns ? (double)b->width_ns : 1;

	switch (series) {
	case OVERVIEW_BUSY:
		return (double)b->busy_ns / width;
	case OVERVIEW_COPY:
		return (double)b->copy_ns / width;
	default:
		return (double)b->live_bytes;
	}
}

/* The buckets of all devices stretched over the columns: means of shares, sums of memory. */
static void series_values(const struct snapshot *s, enum overview_series series, double *values,
			  int columns)
{
	double span = (double)(s->chart_to_ns - s->chart_from_ns);

	memset(values, 0, (size_t)columns * sizeof(*values));
	for (size_t d = 0; d < s->devices.count && span > 0; d++) {
		const struct run_bucket_list *list = &s->buckets[d];
		double weight = series == OVERVIEW_MEMORY ? 1 : 1.0 / (double)s->devices.count;

		for (int c = 0; c < columns; c++) {
			double from = (double)s->chart_from_ns + span * c / columns;
			double to = from + span / columns, sum = 0, covered = 0;

			for (size_t i = 0; i < list->count; i++) {
				const struct run_bucket *b = &list->rows[i];
				double begin = (double)b->start_ns, end = begin + (double)b->width_ns;
				double part = (end < to ? end : to) - (begin > from ? begin : from);

				if (part <= 0)
					continue;
				sum += part * bucket_value(b, series);
				covered += part;
			}
			if (covered > 0)
				values[c] += weight * sum / (series == OVERVIEW_MEMORY ? covered : to - from);
		}
	}
}

/* One device knows its memory's peak exactly; the sum of several is known as the chart shows it. */
static double exact_peak(const struct snapshot *s, enum overview_series series, double peak,
			 uint64_t *at)
{
	const struct run_device *only = s->devices.count == 1 ? &s->devices.rows[0] : NULL;

	if (series != OVERVIEW_MEMORY || !only || (double)only->high_bytes < peak ||
	    only->high_at_ns < s->chart_from_ns || only->high_at_ns > s->chart_to_ns)
		return peak;
	*at = only->high_at_ns;
	return (double)only->high_bytes;
}

static double highest(const struct snapshot *s, const double *values, int columns, uint64_t *at)
{
	double span = (double)(s->chart_to_ns - s->chart_from_ns), peak = 0;

	*at = 0;
	for (int i = 0; i < columns; i++) {
		if (values[i] <= peak)
			continue;
		peak = values[i];
		*at = s->chart_from_ns + (uint64_t)(span * i / columns);
	}
	return peak;
}

void overview_series_draw(const struct snapshot *s, enum overview_series series, struct rect rect)
{
	static const char *const labels[] = { "GPU busy", "Copies", "Memory" };
	static const enum color series_colors[] = { COLOR_OF_COMPUTE, COLOR_OF_COPY, COLOR_OF_MEMORY };
	int columns = rect.width - LABEL_WIDTH - NOTE_WIDTH;
	char text[QUANTITY_SIZE], at_text[QUANTITY_SIZE], note[96];
	double *values, peak;
	uint64_t at;

	if (columns < 4)
		return;
	values = calloc((size_t)columns, sizeof(*values));
	if (!values)
		return;
	series_values(s, series, values, columns);
	peak = exact_peak(s, series, highest(s, values, columns, &at), &at);
	/* How busy the GPU is counts from nothing to all; the others only show their shape. */
	for (int i = 0; series != OVERVIEW_BUSY && i < columns && peak > 0; i++)
		values[i] /= peak;
	draw_text(rect.y, rect.x, LABEL_WIDTH, COLOR_OF_TITLES, labels[series]);
	draw_chart((struct rect){ rect.y, rect.x + LABEL_WIDTH, rect.height, columns },
		   series_colors[series], values);
	if (series == OVERVIEW_MEMORY)
		snprintf(note, sizeof(note), "  %s at %s", quantity_text_bytes(text, (uint64_t)peak),
			 quantity_text_ns(at_text, at));
	else
		snprintf(note, sizeof(note), series == OVERVIEW_BUSY ? "  at most %s" : "  top is %s",
			 quantity_text_percent(text, peak));
	draw_text(rect.y, rect.x + LABEL_WIDTH + columns, NOTE_WIDTH, COLOR_OF_DIM, note);
	free(values);
}

void overview_axis_draw(const struct snapshot *s, struct rect rect)
{
	int columns = rect.width - LABEL_WIDTH - NOTE_WIDTH, x = rect.x + LABEL_WIDTH;
	char text[QUANTITY_SIZE];

	if (columns < 16)
		return;
	rect.x = x;
	rect.width = columns;
	taken_draw_dots(&s->taken, rect, (double)s->chart_from_ns, (double)s->chart_to_ns);
	draw_text(rect.y, x, 12, COLOR_OF_DIM,
		  s->chart_from_ns ? quantity_text_ns(text, s->chart_from_ns) : "0");
	draw_right(rect.y, x + columns - 12, 12, COLOR_OF_DIM, quantity_text_ns(text, s->chart_to_ns));
	if (columns >= 60)
		draw_text(rect.y, x + columns / 2, 12, COLOR_OF_DIM,
			  quantity_text_ns(text, s->chart_from_ns +
					   (s->chart_to_ns - s->chart_from_ns) / 2));
	taken_draw_marks(&s->taken, rect, (double)s->chart_from_ns, (double)s->chart_to_ns);
}
