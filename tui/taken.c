/* SPDX-License-Identifier: Apache-2.0 */
/* Levels of detail and marks along an axis of time: see taken.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/taken.h"

#include <math.h>
#include <string.h>

int taken_load(struct run *run, struct taken *taken)
{
	*taken = (struct taken){ 0 };
	if (run_detail(run, &taken->detail) == 0 && run_marks(run, &taken->marks) == 0)
		return 0;
	taken_free(taken);
	return -1;
}

void taken_free(struct taken *taken)
{
	run_detail_list_free(&taken->detail);
	run_mark_list_free(&taken->marks);
}

static bool is_full(const struct run_detail *detail)
{
	return strcmp(detail->level, "full") == 0;
}

bool taken_is_partial(const struct taken *taken)
{
	for (size_t i = 0; i < taken->detail.count; i++)
		if (!is_full(&taken->detail.rows[i]))
			return true;
	return false;
}

double taken_share(const struct taken *taken, const char *level, uint64_t end_ns)
{
	double all = 0, with = 0;

	for (size_t i = 0; i < taken->detail.count; i++) {
		const struct run_detail *d = &taken->detail.rows[i];
		uint64_t end = d->end_ns ? d->end_ns : end_ns;
		double span = end > d->start_ns ? (double)(end - d->start_ns) : 0;

		all += span;
		with += strcmp(d->level, level) == 0 ? span : 0;
	}
	return all > 0 ? with / all : 0;
}

/* Rows are in order of their start; several processes are seldom sampled in different ways. */
const struct run_detail *taken_at(const struct taken *taken, double at_ns)
{
	const struct run_detail_list *list = &taken->detail;
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((double)list->rows[middle].start_ns <= at_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0;)
		if (list->rows[i].process == list->rows[0].process)
			return !list->rows[i].end_ns || at_ns < (double)list->rows[i].end_ns ?
				&list->rows[i] : NULL;
	return NULL;
}

const struct run_mark *taken_mark_near(const struct taken *taken, double at_ns, double away_ns)
{
	const struct run_mark *near = NULL;

	for (size_t i = 0; i < taken->marks.count; i++) {
		const struct run_mark *mark = &taken->marks.rows[i];
		double away = fabs((double)mark->start_ns - at_ns);

		if (away <= away_ns) {
			away_ns = away;
			near = mark;
		}
	}
	return near;
}

void taken_draw_dots(const struct taken *taken, struct rect row, double from_ns, double to_ns)
{
	double column_ns = (to_ns - from_ns) / row.width;

	if (!taken_is_partial(taken))
		return;
	for (int x = 0; x < row.width; x++) {
		const struct run_detail *d = taken_at(taken, from_ns + (x + 0.5) * column_ns);

		if (d && !is_full(d))
			draw_text(row.y, row.x + x, 1, COLOR_OF_WARN,
				  draw_is_ascii() ? "." : "\u00b7");
	}
}

void taken_draw_marks(const struct taken *taken, struct rect row, double from_ns, double to_ns)
{
	double column_ns = (to_ns - from_ns) / row.width;

	for (size_t i = 0; i < taken->marks.count; i++) {
		double x = ((double)taken->marks.rows[i].start_ns - from_ns) / column_ns;

		if (x >= 0 && x < row.width)
			draw_text(row.y, row.x + (int)x, 1, COLOR_OF_GOOD,
				  draw_is_ascii() ? "M" : "\u25be");
	}
}
