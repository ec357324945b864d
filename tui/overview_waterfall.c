/* SPDX-License-Identifier: Apache-2.0 */
/* Where the SM-time of the devices went, on the overview: as bars of parts and as a cascade. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/overview.h"

#include "tui/quantity.h"
#include "tui/timeline_reader.h"
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH	16
#define FIGURES_WIDTH	27	/* busy, useful and idle */
#define LEGEND_LEAST	0.005	/* parts below it are not worth their place */
#define LEGEND_LINES	2

static enum color part_color(int row)
{
	static const enum color parts[WATERFALL_PART_COUNT] = {
		[WATERFALL_COPY_ALONE] = COLOR_OF_COPY,
		[WATERFALL_COLLECTIVE_ALONE] = COLOR_OF_DEPENDENCY,
		[WATERFALL_UNCOVERED] = COLOR_OF_KERNEL_B,
		[WATERFALL_WAVE_TAIL] = COLOR_OF_KERNEL_E,
		[WATERFALL_OCCUPANCY] = COLOR_OF_KERNEL_F,
		[WATERFALL_OPAQUE] = COLOR_OF_KERNEL_D,
		[WATERFALL_UNKNOWN] = COLOR_OF_UNCLEAR,
		[WATERFALL_USEFUL] = COLOR_OF_COMPUTE,
	};

	return row < WATERFALL_PART_COUNT ? parts[row] :
	       timeline_cause_color((enum idle_cause)(row - WATERFALL_PART_COUNT));
}

static double part_share(const struct waterfall *w, int row)
{
	return w->span_ns ? (double)waterfall_row_ns(w, row) / (double)w->span_ns : 0;
}

/* One waterfall for all devices together. */
static struct waterfall sum_of(const struct waterfall_list *list)
{
	struct waterfall sum = list->rows[0];

	for (size_t i = 1; i < list->count; i++) {
		sum.span_ns += list->rows[i].span_ns;
		for (int c = 0; c < IDLE_CAUSE_COUNT; c++)
			sum.idle_ns[c] += list->rows[i].idle_ns[c];
		for (int p = 0; p < WATERFALL_PART_COUNT; p++)
			sum.parts_ns[p] += list->rows[i].parts_ns[p];
	}
	return sum;
}

/* Parts behind each other, each with its name on it where that has room. */
static void draw_stack(int y, int x, int width, const struct waterfall *w)
{
	int order[WATERFALL_ROWS], count = waterfall_order(w, order), cell = 0;
	double sum = 0;

	for (int i = 0; i < count; i++) {
		char label[64], percent[QUANTITY_SIZE];
		const char *name = waterfall_row_name(order[i]);
		int end;

		sum += part_share(w, order[i]);
		end = (int)((sum > 1 ? 1 : sum) * width + 0.5);
		snprintf(label, sizeof(label), "%s %s", name,
			 quantity_text_percent(percent, part_share(w, order[i])));
		if ((int)strlen(label) + 1 > end - cell)
			snprintf(label, sizeof(label), "%s", (int)strlen(name) < end - cell ? name : "");
		if (end > cell)
			draw_block(y, x + cell, end - cell, part_color(order[i]), label);
		cell = end;
	}
}

/* Of the rows [first, end). */
static double rows_share(const struct waterfall *w, int first, int end)
{
	double share = 0;

	for (int row = first; row < end; row++)
		share += part_share(w, row);
	return share;
}

static const struct run_device *device_of(const struct snapshot *s, int id)
{
	for (size_t i = 0; i < s->devices.count; i++)
		if (s->devices.rows[i].id == id)
			return &s->devices.rows[i];
	return NULL;
}

static void draw_device(const struct snapshot *s, const struct waterfall *w, struct rect rect)
{
	const struct run_device *device = device_of(s, w->device);
	const char *name = device ? device->name : "";
	char text[QUANTITY_SIZE];
	int bar = rect.width - NAME_WIDTH - FIGURES_WIDTH, x = rect.x + rect.width - FIGURES_WIDTH;

	/* All of them are NVIDIA's; what differs comes after it. */
	draw_textf(rect.y, rect.x, NAME_WIDTH - 1, COLOR_OF_TEXT, device ? "%d %s" : "unknown", w->gpu,
		   strncmp(name, "NVIDIA ", 7) == 0 ? name + 7 : name);
	if (bar > 4)
		draw_stack(rect.y, rect.x + NAME_WIDTH, bar, w);
	draw_right(rect.y, x, 9, COLOR_OF_TEXT, quantity_text_percent(text,
		   rows_share(w, 0, WATERFALL_PART_COUNT)));
	draw_right(rect.y, x + 9, 9, COLOR_OF_COMPUTE,
		   quantity_text_percent(text, part_share(w, WATERFALL_USEFUL)));
	draw_right(rect.y, x + 18, 9, COLOR_OF_STRONG, quantity_text_percent(text,
		   rows_share(w, WATERFALL_PART_COUNT, WATERFALL_ROWS)));
}

/* The parts by name and share, as many as there is room for; returns the lines. */
static int draw_legend(const struct waterfall *w, struct rect rect)
{
	int order[WATERFALL_ROWS], count = waterfall_order(w, order), x = 0, lines = 0;

	for (int i = 0; i < count; i++) {
		char label[64], percent[QUANTITY_SIZE];
		int width;

		if (part_share(w, order[i]) < LEGEND_LEAST && order[i] != WATERFALL_USEFUL)
			continue;
		snprintf(label, sizeof(label), "%s %s", quantity_text_percent(percent,
			 part_share(w, order[i])), waterfall_row_name(order[i]));
		width = (int)strlen(label) + 2;
		if (x && x + width > rect.width) {
			x = 0;
			if (++lines == LEGEND_LINES)
				return lines;
		}
		draw_text(rect.y + lines, rect.x + x, 2, part_color(order[i]),
			  draw_is_ascii() ? "*" : "\u25a0");
		x += 2 + draw_text(rect.y + lines, rect.x + x + 2, rect.width - x - 2, COLOR_OF_TEXT,
				   label) + 2;
	}
	return lines + (x > 0);
}

int overview_waterfall_bars(const struct snapshot *s, struct rect rect, int most, bool has_table)
{
	const struct waterfall_list *list = &s->scan->findings.waterfalls;
	int x = rect.x + rect.width - FIGURES_WIDTH, lines = 1;
	struct waterfall sum;

	draw_text(rect.y, rect.x, NAME_WIDTH, COLOR_OF_TITLES, "Device");
	draw_text(rect.y, rect.x + NAME_WIDTH, x - rect.x - NAME_WIDTH, COLOR_OF_TITLES,
		  "where its SM-time went");
	draw_right(rect.y, x, 9, COLOR_OF_TITLES, "busy");
	draw_right(rect.y, x + 9, 9, COLOR_OF_TITLES, "useful");
	draw_right(rect.y, x + 18, 9, COLOR_OF_TITLES, "idle");
	for (size_t i = 0; i < list->count && lines <= most; i++, lines++) {
		struct rect line = { rect.y + lines, rect.x, 1, rect.width };

		if (lines == most && list->count - i > 1 && most > 1) {
			draw_textf(line.y, line.x, line.width, COLOR_OF_DIM, "and %zu devices more",
				   list->count - i);
			lines++;
			break;
		}
		draw_device(s, &list->rows[i], line);
	}
	sum = sum_of(list);
	if (!has_table)
		lines += draw_legend(&sum, (struct rect){ rect.y + lines, rect.x, LEGEND_LINES, rect.width });
	return lines;
}

int overview_waterfall_table(const struct snapshot *s, struct rect rect)
{
	const struct waterfall_list *list = &s->scan->findings.waterfalls;
	struct waterfall w = sum_of(list);
	int order[WATERFALL_ROWS], count = waterfall_order(&w, order), lines = 1;
	int bar_x = rect.x + 38, text_width = 64, bar = rect.width - 38 - text_width - 2;
	char span[QUANTITY_SIZE];
	double sum = 0;

	draw_textf(rect.y, rect.x, rect.width, COLOR_OF_TITLES, "%s of the SM-time %s: %s of %s",
		   *s->scope ? "What" : "Where 100%", *s->scope ? "passes the filters" : "went",
		   quantity_text_ns(span, w.span_ns), list->count > 1 ? "all devices" : "the device");
	for (int i = 0; i < count && lines < rect.height; i++, lines++) {
		char text[QUANTITY_SIZE];
		double share = part_share(&w, order[i]);
		int y = rect.y + lines, from = (int)(sum * bar + 0.5), to;

		sum += share;
		to = (int)((sum < 1 ? sum : 1) * bar + 0.5);
		draw_text(y, rect.x, 18, COLOR_OF_TEXT, waterfall_row_name(order[i]));
		draw_right(y, rect.x + 18, 7, COLOR_OF_TEXT, quantity_text_percent(text, share));
		draw_right(y, rect.x + 26, 10, COLOR_OF_DIM,
			   quantity_text_ns(text, waterfall_row_ns(&w, order[i])));
		draw_bar(y, bar_x + from, to > from ? to - from : 1, part_color(order[i]),
			 to > from ? 1 : 0.1);
		draw_text(y, bar_x + bar + 2, text_width, COLOR_OF_DIM, waterfall_row_text(order[i]));
	}
	return lines;
}
