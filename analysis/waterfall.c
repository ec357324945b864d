/* SPDX-License-Identifier: Apache-2.0 */
/* The waterfall of each device from the idle time and the sweep over its operations. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"
#include "analysis/scope.h"

static const struct { const char *name, *text; } parts[WATERFALL_PART_COUNT] = {
#define WATERFALL_PART(identifier, name, text) [WATERFALL_##identifier] = { name, text },
#include "analysis/waterfall.def"
};

const char *waterfall_part_name(enum waterfall_part part)
{
	return parts[part].name;
}

const char *waterfall_part_text(enum waterfall_part part)
{
	return parts[part].text;
}

/* Parts are rounded down one after the other as far as there is time left; the rest is useful, so
 * that they add up to the span, or to as much of it as the run is narrowed to. */
static void waterfall_fill(struct waterfall *w, const struct idle_device *idle,
			   const struct watch_device *watched, bool is_narrowed)
{
	uint64_t left = is_narrowed ? idle->idle_ns + idle->busy_ns : idle->span_ns;

	for (int i = 0; i < IDLE_CAUSE_COUNT; i++) {
		w->idle_ns[i] = idle->causes[i].total_ns;
		left -= w->idle_ns[i] < left ? w->idle_ns[i] : left;
	}
	for (int i = 0; watched && i < WATERFALL_USEFUL; i++) {
		uint64_t ns = (uint64_t)watched->parts_ns[i];

		w->parts_ns[i] = ns < left ? ns : left;
		left -= w->parts_ns[i];
	}
	w->parts_ns[WATERFALL_USEFUL] = left;
}

int waterfall_make(struct finder *finder)
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++) {
		const struct idle_device *device = &finder->out->idle.devices[i];
		struct waterfall *w = LIST_ADD(&finder->out->waterfalls);

		if (!w)
			return run_fail(finder->run, "out of memory");
		w->device = device->id;
		w->span_ns = device->span_ns;
		w->gpu = (int)lookup_number(&finder->watch.gpus, device->id, GPU_NUMBERED, -1);
		w->sm_count = (int)lookup_number(&finder->watch.gpus, device->id, GPU_SMS, 0);
		waterfall_fill(w, device, watch_device_find(&finder->watch, device->id),
			       run_is_narrowed(finder->run));
	}
	return 0;
}

const char *waterfall_row_name(int row)
{
	return row < WATERFALL_PART_COUNT ? waterfall_part_name((enum waterfall_part)row)
		: idle_cause_name((enum idle_cause)(row - WATERFALL_PART_COUNT));
}

const char *waterfall_row_text(int row)
{
	return row < WATERFALL_PART_COUNT ? waterfall_part_text((enum waterfall_part)row)
		: idle_cause_text((enum idle_cause)(row - WATERFALL_PART_COUNT));
}

uint64_t waterfall_row_ns(const struct waterfall *waterfall, int row)
{
	return row < WATERFALL_PART_COUNT ? waterfall->parts_ns[row]
		: waterfall->idle_ns[row - WATERFALL_PART_COUNT];
}

int waterfall_order(const struct waterfall *w, int order[WATERFALL_ROWS])
{
	int count = 0;

	if (w->parts_ns[WATERFALL_USEFUL])
		order[count++] = WATERFALL_USEFUL;
	for (int row = 0; row < WATERFALL_ROWS; row++) {
		int first = w->parts_ns[WATERFALL_USEFUL] ? 1 : 0, at = count;

		if (row == WATERFALL_USEFUL || !waterfall_row_ns(w, row))
			continue;
		for (; at > first && waterfall_row_ns(w, order[at - 1]) < waterfall_row_ns(w, row); at--)
			order[at] = order[at - 1];
		order[at] = row;
		count++;
	}
	return count;
}
