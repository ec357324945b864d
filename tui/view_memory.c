/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by process, device and kind. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/distribution.h"
#include "tui/memory.h"
#include "tui/quantity.h"
#include "tui/view.h"

#include <stdio.h>

#define AROUND_NS	50000000u	/* charts of memory have steps of 10 ms */

struct memory_row {
	uint64_t key;
	const char *kind;
	double share;
	uint64_t high, live, high_at, allocs, frees, failed;
	int64_t pid, device;
	int id;				/* of the device in the file */
	char title[32];
};

#define COLUMN(...) GRID_COLUMN(memory_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Of GPU", SHARE, 0, 1, "high-water mark by the memory of the device"),
	COLUMN(high, "High", SIZE, 0, 0, "most bytes held at once"),
	COLUMN(high_at, "At", TIME, 0, 2, "when that was, from the start of the run"),
	COLUMN(live, "Live", SIZE, 0, 0, "bytes held now, or at the end"),
	COLUMN(allocs, "Allocs", COUNT, 0, 0, "allocations"),
	COLUMN(frees, "Frees", COUNT, 0, 0, "frees"),
	COLUMN(failed, "Failed", FAULTS, 7, 3, "allocations that failed"),
	COLUMN(device, "GPU", NUMBER, 4, 0, "number of the device"),
	COLUMN(pid, "PID", NUMBER, 7, 5, "process"),
	COLUMN(kind, "Kind", TEXT, 15, 0, "kind of memory"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->memory.count;
}

static uint64_t device_memory(const struct snapshot *s, int device)
{
	for (size_t i = 0; i < s->devices.count; i++)
		if (s->devices.rows[i].id == device)
			return s->devices.rows[i].memory_bytes;
	return 0;
}

/* The area of docs/memory.md that the memory is in: pinned and managed memory is no device's. */
static int area_id(const struct snapshot *s, const struct run_memory *m)
{
	bool of_device = m->kind == 1 || m->kind == 2 || m->kind == 6 || m->kind == 8;

	return of_device && device_memory(s, m->device) ? m->device : 0;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct run_memory_list *list = &snapshot->memory;
	struct memory_row *row = rows;

	(void)view;
	for (size_t i = 0; i < list->count; i++, row++) {
		const struct run_memory *m = &list->rows[i];
		uint64_t all = device_memory(snapshot, m->device);

		*row = (struct memory_row){
			.key = (uint64_t)(unsigned)m->process << 32 |
			       (uint64_t)(m->device & 0xFFFF) << 16 | (m->kind & 0xFFFF),
			.kind = m->kind_name,
			.share = all ? (double)m->high_bytes / (double)all : -1,
			.high = m->high_bytes,
			.live = m->live_bytes,
			.high_at = m->high_at_ns,
			.allocs = m->allocs,
			.frees = m->frees,
			.failed = m->failed,
			.pid = view_process_pid(snapshot, m->process),
			.device = view_device_ordinal(snapshot, m->device),
			.id = area_id(snapshot, m),
		};
		if (row->id)
			snprintf(row->title, sizeof(row->title), "GPU %lld", (long long)row->device);
		else
			snprintf(row->title, sizeof(row->title), "the host, and managed");
	}
	return list->count;
}

/* --- below the table ----------------------------------------------------------------------- */

#define HOLDERS_WIDTH	60	/* from which on they have the failures beside them */

static void draw_holders(const struct memory_story *story, const struct memory_area *area, struct rect rect)
{
	char text[QUANTITY_SIZE], percent[QUANTITY_SIZE];
	int lines = 1;

	draw_text(rect.y, rect.x, rect.width, COLOR_OF_TITLES, "At the high-water");
	for (size_t i = 0; i < story->site_count && lines < rect.height; i++) {
		const struct memory_site *site = &story->use.sites[i];

		if (site->device != area->device || !site->at_high_bytes)
			continue;
		draw_right(rect.y + lines, rect.x, 8, COLOR_OF_TEXT,
			   quantity_text_bytes(text, site->at_high_bytes));
		draw_right(rect.y + lines, rect.x + 8, 7, COLOR_OF_DIM, quantity_text_percent(percent,
			   area->high_bytes ? (double)site->at_high_bytes / (double)area->high_bytes : -1));
		draw_text(rect.y + lines, rect.x + 17, rect.width - 17,
			  site->grows ? COLOR_OF_BAD : COLOR_OF_TEXT,
			  story->sites[i] && *story->sites[i] ? story->sites[i] : "no call path");
		lines++;
	}
}

static void draw_failures(const struct memory_story *story, const struct memory_area *area, struct rect rect)
{
	char count[QUANTITY_SIZE], at[QUANTITY_SIZE], bytes[QUANTITY_SIZE], used[QUANTITY_SIZE];
	int lines = 1;

	draw_textf(rect.y, rect.x, rect.width, COLOR_OF_BAD, "%s failed allocation%s",
		   quantity_text_count(count, area->failed), area->failed == 1 ? "" : "s");
	for (size_t i = 0; i < story->use.failure_count && lines < rect.height; i++) {
		const struct memory_failure *f = &story->use.failures[i];

		if (f->device != area->device)
			continue;
		draw_textf(rect.y + lines, rect.x, rect.width, COLOR_OF_TEXT, "%s: %s, %s in use, %s",
			   quantity_text_ns(at, f->at_ns), quantity_text_bytes(bytes, f->bytes),
			   quantity_text_bytes(used, f->used_bytes),
			   story->failures[i] && *story->failures[i] ? story->failures[i] : f->call);
		lines++;
	}
}

static void pane(const struct view *view, const struct snapshot *s, const void *chosen, struct rect rect)
{
	const struct memory_story *story = memory_story_of(s);
	const struct memory_row *row = chosen;
	const struct memory_area *area = story ? memory_area_of(story, row->id) : NULL;
	char high[QUANTITY_SIZE], at[QUANTITY_SIZE], live[QUANTITY_SIZE], title[160];
	int chart = rect.height / 2 > 3 ? rect.height / 2 : 3;

	(void)view;
	snprintf(title, sizeof(title), "Memory of %s", row->title);
	if (area)
		snprintf(title, sizeof(title), "Memory of %s: at most %s at %s, never freed %s", row->title,
			 quantity_text_bytes(high, area->high_bytes), quantity_text_ns(at, area->high_at_ns),
			 quantity_text_bytes(live, area->live_bytes));
	distribution_rule(rect, title);
	rect = (struct rect){ rect.y + 1, rect.x, rect.height - 1, rect.width - 1 };
	if (!area) {
		draw_text(rect.y, rect.x, rect.width, COLOR_OF_DIM, story ?
			  "no single allocation of it is in the file" :
			  "who holds it is shown when the file has been read");
		return;
	}
	memory_chart_draw(area->usage_bytes, area->high_bytes, story->use.end_ns, COLOR_OF_MEMORY,
			  (struct rect){ rect.y, rect.x, chart, rect.width });
	rect.y += chart, rect.height -= chart;
	if (area->failed && rect.width >= HOLDERS_WIDTH) {
		int half = rect.width / 2;

		draw_failures(story, area, (struct rect){ rect.y, rect.x + half + 1, rect.height,
							  rect.width - half - 1 });
		rect.width = half;
	}
	draw_holders(story, area, rect);
}

static const struct view_class *open_area(const void *chosen, int *subject, const char **name)
{
	const struct memory_row *row = chosen;

	*subject = row->id;
	*name = row->title;
	return &view_holders;
}

static void terms(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct scope *terms)
{
	const struct memory_row *r = row;

	(void)view, (void)snapshot;
	view_term_number(terms, SCOPE_DEVICE, r->device);
	view_term_number(terms, SCOPE_PROCESS, r->pid);
}

static bool place_of(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct view_place *place)
{
	const struct memory_row *m = row;

	(void)view, (void)snapshot;
	*place = (struct view_place){ .lane = { LANE_DEVICE, (int64_t)(m->key >> 16 & 0xFFFF) },
				      .start_ns = m->high_at > AROUND_NS ? m->high_at - AROUND_NS : 0,
				      .end_ns = m->high_at + AROUND_NS };
	return place->lane.id > 0;
}

const struct view_class view_memory = {
	.title = "Memory",
	.short_title = "Mem",
	.noun = "kinds of memory",
	.one = "kind of memory",
	.help = "Memory held through the driver, by process, device and kind: the high-water mark, "
		"when it was reached, and what is live now or was left at the end. Below is how much "
		"was held over the run, who held it when that was most, and which allocations failed. "
		"Enter lists the call paths that hold, leak and churn it.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct memory_row),
	.empty = "no allocations were recorded",
	.sort = 1,
	.needs_scan = true,
	.room = room,
	.fill = fill,
	.pane = pane,
	.pane_room = PANE_ROOM,
	.open = open_area,
	.honours = SCOPE_OF_MEMORY,
	.terms = terms,
	.place = place_of,
};
