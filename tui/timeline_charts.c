/* SPDX-License-Identifier: Apache-2.0 */
/* What the charts of a device show: memory held, and SMs as they were measured. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline.h"

const struct run_bucket *timeline_bucket_at(const struct run_bucket_list *list, double at_ns)
{
	double at = -1;

	if (list->count)
		at = (at_ns - (double)list->rows[0].start_ns) / (double)list->rows[0].width_ns;
	return at >= 0 && at < (double)list->count ? &list->rows[(size_t)at] : NULL;
}

uint64_t timeline_memory_peak(const struct timeline_view *t, const struct run_bucket_list *list)
{
	uint64_t most = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct run_bucket *b = &list->rows[i];

		if (b->live_bytes > most && (double)b->start_ns < t->to_ns &&
		    (double)(b->start_ns + b->width_ns) > t->from_ns)
			most = b->live_bytes;
	}
	return most;
}

double timeline_activity_mean(const struct timeline_view *t, const struct run_bucket_list *list)
{
	double total = 0, count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct run_bucket *b = &list->rows[i];

		if (b->sm_active >= 0 && (double)b->start_ns < t->to_ns &&
		    (double)(b->start_ns + b->width_ns) > t->from_ns) {
			total += b->sm_active;
			count++;
		}
	}
	return count > 0 ? total / count : -1;
}
