/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of NVTX as PyTorch's annotations, around the calls of their thread; those that may cross
 * others (started and ended) as asynchronous events, and marks as instants.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/trace_ranges.h"

#include <inttypes.h>
#include <stdio.h>

#include "cmd/trace_event.h"

#define CATEGORY	"user_annotation"

struct ranges {
	struct timeline *timeline;
	struct json *json;
	int64_t device, thread;
};

/* A thread may have ranges and no calls; naming it twice does no harm. */
static void name_thread(struct ranges *r, const struct timeline_range *range)
{
	char name[128];

	if (r->thread == range->thread)
		return;
	r->thread = range->thread;
	snprintf(name, sizeof(name), "thread %" PRId64 " (%s)", range->tid, range->thread_name);
	trace_metadata(r->json, "thread_name", range->pid, range->tid, "name", name, 0);
}

static void domain_and_category(struct json *json, const struct timeline_range *range)
{
	char color[16];

	if (range->domain)
		json_text(json, "domain", range->domain);
	if (range->category)
		json_text(json, "category", range->category);
	if (range->color >= 0) {
		snprintf(color, sizeof(color), "#%06" PRIx64, (uint64_t)range->color & 0xffffff);
		json_text(json, "color", color);
	}
}

static void async(struct json *json, const char *phase, const struct timeline_range *range,
		  uint64_t at_ns)
{
	trace_event_open(json, phase, CATEGORY, range->text, range->pid, range->tid);
	json_integer(json, "id", range->id);
	json_unsigned(json, "ts", at_ns / 1000);
	json_open(json, "args", '{');
	domain_and_category(json, range);
	json_close(json, '}');
	json_close(json, '}');
}

static void mark(struct json *json, const struct timeline_range *range)
{
	trace_event_open(json, "i", CATEGORY, range->text, range->pid, range->tid);
	json_unsigned(json, "ts", range->start_ns / 1000);
	json_text(json, "s", "t");
	json_open(json, "args", '{');
	domain_and_category(json, range);
	json_close(json, '}');
	json_close(json, '}');
}

static int range_write(void *arg, const struct timeline_range *range)
{
	struct ranges *r = arg;

	if (r->device >= 0 && !timeline_uses(r->timeline, range->process, r->device))
		return 0;
	name_thread(r, range);
	switch (range->style) {
	case TIMELINE_RANGE_NESTED:
		trace_slice_open(r->json, CATEGORY, range->text, range->pid, range->tid,
				 range->start_ns, range->end_ns);
		domain_and_category(r->json, range);
		trace_slice_close(r->json);
		break;
	case TIMELINE_RANGE_FREE:
		async(r->json, "b", range, range->start_ns);
		async(r->json, "e", range, range->end_ns);
		break;
	case TIMELINE_RANGE_MARK:
		mark(r->json, range);
		break;
	}
	return ferror(r->json->out);
}

int trace_ranges_write(struct timeline *timeline, int64_t device, struct json *json)
{
	struct ranges r = { .timeline = timeline, .json = json, .device = device, .thread = -1 };

	return timeline_ranges(timeline, range_write, &r);
}
