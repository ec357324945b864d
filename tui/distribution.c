/* SPDX-License-Identifier: Apache-2.0 */
/* A distribution of times as columns: see distribution.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/distribution.h"

#include "tui/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BARS_MAX	120
#define WIDTH_MOST	140
#define LOG_FROM	8	/* times the least that the most is, for an axis of powers */
#define TICK_WIDTH	14

void distribution_rule(struct rect rect, const char *title)
{
	draw_horizontal(rect.y, rect.x, rect.width, COLOR_OF_BORDER);
	if (*title)
		draw_textf(rect.y, rect.x + 2, rect.width - 4, COLOR_OF_STRONG, " %s ", title);
}

/* The end of the axis. A few that took many times as long must not press all others into one bar. */
static uint64_t end_of(const struct histogram *times)
{
	uint64_t median = histogram_quantile(times, 0.5), slow = histogram_quantile(times, 0.99);
	uint64_t end = slow + 3 * (slow - median), least = median + median / 20;

	end = end > least ? end : least;
	return end < times->max - times->max / 8 ? end : times->max;
}

/* As many bars as there is room for and values that tell them apart. */
static int bars_of(const struct histogram *times, uint64_t end, int room)
{
	double counters = (double)(end - times->min) * HISTOGRAM_PARTS / ((double)end + 1);
	double bars = 2 * sqrt((double)times->count);

	bars = bars < counters / 2 ? bars : counters / 2;
	bars = bars < 8 ? 8 : bars;
	room = room < BARS_MAX ? room : BARS_MAX;
	return bars < room ? (int)bars : room;
}

/* Edges of the bars from the least of the values on. */
static void make_edges(const struct histogram *times, uint64_t end, int bars, double *edges)
{
	double from = (double)times->min, to = (double)end;
	bool powers = from > 0 && to > from * LOG_FROM;

	if (to - from < bars) {		/* no bar is narrower than a nanosecond */
		from -= from > bars / 2.0 ? bars / 2.0 : from;
		to = from + bars;
	}
	for (int i = 0; i < bars; i++)
		edges[i] = powers ? from * pow(to / from, (double)i / bars) :
			   from + (to - from) * i / bars;
	edges[bars] = to;
}

/* The times at the edges of some bars, as many as fit. */
static void draw_axis(const double *edges, int bars, int y, int x, int width)
{
	char text[QUANTITY_SIZE];
	int free = 0;

	for (int i = 0; i < bars; i++) {
		int at = i * width / bars;

		if (at < free || at + 2 * TICK_WIDTH - 4 > width)
			continue;
		draw_textf(y, x + at, TICK_WIDTH, COLOR_OF_DIM, "%s%s", draw_is_ascii() ? "|" : "\u2575",
			   quantity_text_ns(text, (uint64_t)(edges[i] + 0.5)));
		free = at + TICK_WIDTH;
	}
	draw_right(y, x + width - 10, 10, COLOR_OF_DIM,
		   quantity_text_ns(text, (uint64_t)(edges[bars] + 0.5)));
}

/* What the axis leaves out. */
static void draw_tail(uint64_t beyond, uint64_t most, struct rect rect)
{
	char count[QUANTITY_SIZE], time[QUANTITY_SIZE], text[2 * QUANTITY_SIZE + 16];

	snprintf(text, sizeof(text), "%s longer, up to %s %s", quantity_text_count(count, beyond),
		 quantity_text_ns(time, most), draw_is_ascii() ? ">" : "\u25b8");
	draw_right(rect.y, rect.x, rect.width, COLOR_OF_WARN, text);
}

/* Returns how many values are beyond the last edge. */
static uint64_t draw_bars(const struct histogram *times, const double *edges, int bars, struct rect rect)
{
	double counts[BARS_MAX], most = 0, within = 0, slow = (double)histogram_quantile(times, 0.99);

	histogram_read(times, edges, bars, counts);
	for (int i = 0; i < bars; i++) {
		most = counts[i] > most ? counts[i] : most;
		within += counts[i];
	}
	for (int i = 0; i < bars && most > 0; i++) {
		enum color color = edges[i] >= slow ? COLOR_OF_WARN :
				   COLOR_OF_COMPUTE;

		for (int x = i * rect.width / bars; x < (i + 1) * rect.width / bars; x++)
			if (counts[i] > 0.005)
				draw_level(rect.y, rect.x + x, rect.height, color, counts[i] / most, '\0');
	}
	return (double)times->count > within + 0.5 ? times->count - (uint64_t)(within + 0.5) : 0;
}

void distribution_draw(const struct histogram *times, const char *title, struct rect rect)
{
	static const struct { const char *name; double share; } quantiles[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 },
	};
	int width = rect.width < WIDTH_MOST ? rect.width : WIDTH_MOST, x = rect.x, bars;
	uint64_t end, beyond;
	double edges[BARS_MAX + 1];
	char text[QUANTITY_SIZE];

	if (rect.height < 4 || width < 12)
		return;
	if (!times->count || times->min == times->max) {
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_DIM, times->count ? "%s all of them %s" :
			   "nothing has a time of its own in the file", title,
			   quantity_text_ns(text, times->min));
		return;
	}
	x += draw_text(rect.y, x, rect.width, COLOR_OF_TITLES, title) + 2;
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		if (x + 14 > rect.x + rect.width)
			break;
		x += draw_textf(rect.y, x, 5, COLOR_OF_DIM, "%s ", quantiles[i].name);
		x += draw_text(rect.y, x, 10, i == 3 ? COLOR_OF_WARN : COLOR_OF_STRONG, quantity_text_ns(text,
			       histogram_quantile(times, quantiles[i].share))) + 2;
	}
	end = end_of(times);
	bars = bars_of(times, end, width);
	make_edges(times, end, bars, edges);
	beyond = draw_bars(times, edges, bars, (struct rect){ rect.y + 1, rect.x, rect.height - 2, width });
	draw_axis(edges, bars, rect.y + rect.height - 1, rect.x, width);
	if (end < times->max)
		draw_tail(beyond, times->max, (struct rect){ rect.y + 1, rect.x, 1, width });
}
