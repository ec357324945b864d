/* SPDX-License-Identifier: Apache-2.0 */
/* The longest idle intervals, as many as asked for: a heap with the shortest of them on top. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle_internal.h"

#include <stdlib.h>

/* Longer ones rank higher; of equal ones the earlier, of the lower device. */
static bool ranks_below(const struct idle_interval *a, const struct idle_interval *b)
{
	if (a->dur_ns != b->dur_ns)
		return a->dur_ns < b->dur_ns;
	return a->start_ns != b->start_ns ? a->start_ns > b->start_ns : a->device > b->device;
}

static void heap_sink(struct idle_longest *longest)
{
	struct idle_interval top = longest->rows[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < longest->count) {
		if (child + 1 < longest->count &&
		    ranks_below(&longest->rows[child + 1], &longest->rows[child]))
			child++;
		if (!ranks_below(&longest->rows[child], &top))
			break;
		longest->rows[i] = longest->rows[child];
		i = child;
	}
	longest->rows[i] = top;
}

int idle_longest_take(struct idle_longest *longest, const struct idle_interval *interval)
{
	size_t i = longest->count;

	if (i >= longest->most) {
		if (i && ranks_below(&longest->rows[0], interval)) {
			longest->rows[0] = *interval;
			heap_sink(longest);
		}
		return 0;
	}
	if (!LIST_ADD(longest))
		return -1;
	for (; i && ranks_below(interval, &longest->rows[(i - 1) / 2]); i = (i - 1) / 2)
		longest->rows[i] = longest->rows[(i - 1) / 2];
	longest->rows[i] = *interval;
	return 0;
}

static int by_rank(const void *a, const void *b)
{
	return ranks_below(a, b) ? 1 : ranks_below(b, a) ? -1 : 0;
}

void idle_longest_sort(struct idle_longest *longest)
{
	if (longest->count)
		qsort(longest->rows, longest->count, sizeof(*longest->rows), by_rank);
}
