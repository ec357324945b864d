/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the overview: top kernels, API calls, memory. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/overview.h"

#include "tui/quantity.h"

#include <stdlib.h>

uint64_t overview_kernel_total(const struct snapshot *s)
{
	uint64_t all = 0;

	for (size_t i = 0; i < s->kernels.count; i++)
		all += s->kernels.rows[i].total_ns;
	return all;
}

char *overview_kernel_title(const struct run_kernel *k)
{
	return view_kernel_title(k->name && *k->name ? k->name : k->short_name);
}

/* One line of a list: share, total, count, average, name. */
static void draw_item(int y, int x, int width, double share, uint64_t total, uint64_t count,
		      double average, enum color color, const char *name)
{
	struct quantity q = quantity_ns(total);
	char text[QUANTITY_SIZE];

	draw_bar(y, x, 6, COLOR_OF_SHARE, share);
	draw_right(y, x + 6, 7, COLOR_OF_TEXT, quantity_text_percent(text, share));
	draw_right(y, x + 14, 5, COLOR_OF_TEXT, q.number);
	draw_text(y, x + 20, 2, COLOR_OF_DIM, q.unit);
	draw_right(y, x + 22, 10, COLOR_OF_TEXT, quantity_text_count(text, count));
	q = quantity_ns((uint64_t)(average + 0.5));
	draw_right(y, x + 32, 7, COLOR_OF_TEXT, q.number);
	draw_text(y, x + 40, 2, COLOR_OF_DIM, q.unit);
	draw_text(y, x + 44, width - 44, color, name);
}

static void draw_list_title(int y, int x, const char *title)
{
	draw_text(y, x, 14, COLOR_OF_TITLES, title);
	draw_right(y, x + 14, 8, COLOR_OF_TITLES, "total");
	draw_right(y, x + 22, 10, COLOR_OF_TITLES, "count");
	draw_right(y, x + 32, 10, COLOR_OF_TITLES, "average");
}

static void draw_top_kernels(struct view *view, const struct snapshot *s, struct rect rect)
{
	uint64_t all = overview_kernel_total(s);

	draw_list_title(rect.y, rect.x, "Top kernels");
	for (int i = 0; i < rect.height - 1 && (size_t)i < s->kernels.count; i++) {
		const struct run_kernel *k = &s->kernels.rows[i];
		char *title = overview_kernel_title(k);

		draw_item(rect.y + 1 + i, rect.x, rect.width,
			  all ? (double)k->total_ns / (double)all : 0, k->total_ns, k->count,
			  k->average_ns, overview_choose(view, rect.y + 1 + i, 0, (size_t)i + 1), title);
		free(title);
	}
	if (!s->kernels.count && rect.height > 1)
		draw_text(rect.y + 1, rect.x, rect.width, COLOR_OF_DIM, view_kernels.empty);
}

static void draw_top_apis(const struct snapshot *s, struct rect rect)
{
	uint64_t all = 0;

	for (size_t i = 0; i < s->apis.count; i++)
		all += s->apis.rows[i].total_ns;
	draw_list_title(rect.y, rect.x, "Top API calls");
	for (int i = 0; i < rect.height - 1 && (size_t)i < s->apis.count; i++) {
		const struct run_api *a = &s->apis.rows[i];

		draw_item(rect.y + 1 + i, rect.x, rect.width,
			  all ? (double)a->total_ns / (double)all : 0, a->total_ns, a->count,
			  a->average_ns, COLOR_OF_TEXT, a->name);
	}
}

static void draw_top_memory(const struct snapshot *s, struct rect rect)
{
	char text[QUANTITY_SIZE];

	if (!s->memory.count)
		return;
	draw_text(rect.y, rect.x, 14, COLOR_OF_TITLES, "Memory");
	draw_right(rect.y, rect.x + 14, 8, COLOR_OF_TITLES, "high");
	draw_right(rect.y, rect.x + 22, 10, COLOR_OF_TITLES, "live");
	draw_right(rect.y, rect.x + 32, 10, COLOR_OF_TITLES, "failed");
	for (int i = 0; i < rect.height - 1 && (size_t)i < s->memory.count; i++) {
		const struct run_memory *m = &s->memory.rows[i];
		int y = rect.y + 1 + i, gpu = (int)view_device_ordinal(s, m->device);

		draw_right(y, rect.x + 12, 10, COLOR_OF_TEXT, quantity_text_bytes(text, m->high_bytes));
		draw_right(y, rect.x + 22, 10, COLOR_OF_TEXT, quantity_text_bytes(text, m->live_bytes));
		draw_right(y, rect.x + 32, 10, m->failed ? COLOR_OF_BAD : COLOR_OF_TEXT,
			   quantity_text_count(text, m->failed));
		if (gpu >= 0)
			draw_textf(y, rect.x + 44, rect.width - 44, COLOR_OF_TEXT, "%s, GPU %d",
				   m->kind_name, gpu);
		else
			draw_text(y, rect.x + 44, rect.width - 44, COLOR_OF_TEXT, m->kind_name);
	}
}

void overview_lists_draw(struct view *view, const struct snapshot *s, struct rect rect)
{
	struct rect right = { rect.y, rect.x + rect.width / 2 + 2, rect.height,
			      rect.width / 2 - 2 };
	int upper = (int)s->apis.count + 1;

	if (rect.width < 150) {
		draw_top_kernels(view, s, rect);
		return;
	}
	rect.width = rect.width / 2 - 2;
	draw_top_kernels(view, s, rect);
	right.height = upper < rect.height * 3 / 5 ? upper : rect.height * 3 / 5;
	draw_top_apis(s, right);
	right.y += right.height + 1;
	right.height = rect.height - right.height - 1;
	if (right.height > 1)
		draw_top_memory(s, right);
}
