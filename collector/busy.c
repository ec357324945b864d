/* SPDX-License-Identifier: Apache-2.0 */
/* Union of intervals, incrementally: see busy.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/busy.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 8192
#define SPANS_MAX 131072

void busy_free(struct busy *busy)
{
	free(busy->spans);
	free(busy->merged);
	free(busy->batch);
	free(busy->scratch);
	*busy = (struct busy){ .owner = NULL };
}

void busy_add(struct busy *busy, int64_t start, int64_t end)
{
	if (start < busy->frontier) {
		int64_t late_end = end < busy->frontier ? end : busy->frontier;

		if (late_end > start)
			busy->late_ns += late_end - start;
		start = busy->frontier;
	}
	if (end <= start)
		return;
	if (busy->batch_count &&
	    (int64_t)busy->batch[busy->batch_count - 1].value >= start &&
	    busy->batch[busy->batch_count - 1].key <= start) {	/* touches the one before */
		if ((int64_t)busy->batch[busy->batch_count - 1].value < end)
			busy->batch[busy->batch_count - 1].value = (uint64_t)end;
		return;
	}
	if (busy->batch_count == BATCH_MAX)
		busy_merge(busy);
	if (!array_reserve(&busy->batch, &busy->batch_capacity, busy->batch_count,
			   sizeof(*busy->batch)))
		return;
	busy->batch[busy->batch_count++] = (struct pair){ .key = start, .value = (uint64_t)end };
}

static void cover(struct busy *busy, int64_t start, int64_t end)
{
	if (end <= start)
		return;
	busy->total_ns += end - start;
	if (busy->covered)
		busy->covered(busy->owner, start, end);
}

/* Appends [start, end) to merged[0, *count), of which `from` bounds what is already covered. */
static void append(struct busy *busy, uint32_t *count, int64_t start, int64_t end)
{
	struct pair *last = *count ? &busy->merged[*count - 1] : NULL;

	if (last && start <= (int64_t)last->value) {
		if (end > (int64_t)last->value)
			last->value = (uint64_t)end;
		return;
	}
	busy->merged[(*count)++] = (struct pair){ .key = start, .value = (uint64_t)end };
}

/* Reports the parts of [start, end) that no span from index `span` on covers. */
static void cover_new(struct busy *busy, uint32_t span, int64_t start, int64_t end)
{
	for (; span < busy->span_count && busy->spans[span].key < end; span++) {
		cover(busy, start, busy->spans[span].key);
		if ((int64_t)busy->spans[span].value > start)
			start = (int64_t)busy->spans[span].value;
	}
	cover(busy, start, end);
}

static void forget_oldest(struct busy *busy, uint32_t keep)
{
	uint32_t drop = busy->span_count - keep;

	busy->frontier = (int64_t)busy->spans[drop - 1].value;
	memmove(busy->spans, busy->spans + drop, keep * sizeof(*busy->spans));
	busy->span_count = keep;
}

/* First span that ends at or after `start`: those before it stay as they are. */
static uint32_t first_touched(const struct busy *busy, int64_t start)
{
	uint32_t low = 0, high = busy->span_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if ((int64_t)busy->spans[middle].value < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void busy_merge(struct busy *busy)
{
	uint32_t first, span, out = 0, wanted,
			      spans_max = busy->spans_max ? busy->spans_max : SPANS_MAX;
	int64_t done = INT64_MIN;

	if (!busy->batch_count || !array_reserve(&busy->scratch, &busy->scratch_capacity,
						 busy->batch_count, sizeof(struct pair)))
		return;
	pairs_sort(busy->batch, busy->batch_count, busy->scratch);
	first = span = first_touched(busy, busy->batch[0].key);
	wanted = busy->span_count - first + busy->batch_count;
	if (!array_reserve(&busy->merged, &busy->merged_capacity, wanted, sizeof(struct pair)) ||
	    !array_reserve(&busy->spans, &busy->span_capacity, first + wanted, sizeof(struct pair)))
		return;
	for (uint32_t i = 0; i < busy->batch_count; i++) {
		int64_t start = busy->batch[i].key, end = (int64_t)busy->batch[i].value;

		while (span < busy->span_count && (int64_t)busy->spans[span].value < start) {
			append(busy, &out, busy->spans[span].key, (int64_t)busy->spans[span].value);
			span++;
		}
		/* What earlier intervals of this batch reported is not reported again. */
		cover_new(busy, span, start > done ? start : done, end);
		while (span < busy->span_count && busy->spans[span].key < start) {
			append(busy, &out, busy->spans[span].key, (int64_t)busy->spans[span].value);
			span++;
		}
		append(busy, &out, start, end);
		done = (int64_t)busy->merged[out - 1].value;
	}
	for (; span < busy->span_count; span++)
		append(busy, &out, busy->spans[span].key, (int64_t)busy->spans[span].value);
	memcpy(busy->spans + first, busy->merged, out * sizeof(struct pair));
	busy->span_count = first + out;
	busy->batch_count = 0;
	if (busy->span_count > spans_max)
		forget_oldest(busy, spans_max / 2);
}
