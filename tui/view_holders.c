/* SPDX-License-Identifier: Apache-2.0 */
/* Which call paths hold, leak and churn the memory of one device. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/distribution.h"
#include "tui/memory.h"
#include "tui/quantity.h"
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct holder_row {
	uint64_t key;
	double share;
	uint64_t at_high, live, high, allocs, frees, life, allocated, first, last;
	int64_t pid;
	const char *verdict, *kind;
	char *where;			/* the row's own */
	size_t site;			/* index of the story's */
};

#define COLUMN(...) GRID_COLUMN(holder_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Of high", SHARE, 0, 3, "part of the most that was held on this device"),
	COLUMN(at_high, "At high", SIZE, 0, 0, "held when most was held on this device"),
	COLUMN(live, "Never freed", SIZE, 0, 0, "held when its process ended"),
	COLUMN(high, "Own high", SIZE, 0, 5, "most that this path held at one time"),
	COLUMN(allocs, "Allocs", COUNT, 7, 4, "allocations"),
	COLUMN(frees, "Frees", COUNT, 7, 4, "of them freed"),
	COLUMN(life, "Life", TIME, 0, 6, "how long those that were freed lived, on average"),
	COLUMN(verdict, "Verdict", TEXT, 15, 2,
	       "accumulates: ever more of it; again and again: allocated and freed; never freed"),
	COLUMN(kind, "Kind", TEXT, 14, 7, "kind of memory"),
	COLUMN(where, "Allocated by", TEXT, 20, 0, "innermost frames of the program's call path"),
	COLUMN(allocated, "Allocated", SIZE, -1, 0, "sum over all allocations"),
	COLUMN(first, "First", TIME, -1, 0, "first allocation"),
	COLUMN(last, "Last", TIME, -1, 0, "last allocation"),
	COLUMN(pid, "PID", NUMBER, -1, 0, "process"),
};

static size_t room(const struct snapshot *snapshot)
{
	return memory_story_of(snapshot) ? memory_story_of(snapshot)->site_count : 0;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct memory_story *story = memory_story_of(snapshot);
	struct holder_row *row = rows;
	size_t count = 0;

	for (size_t i = 0; i < room(snapshot); i++) {
		const struct memory_site *site = &story->use.sites[i];
		const struct memory_area *area = memory_area_of(story, site->device);

		if (site->device != view->subject)
			continue;
		row[count++] = (struct holder_row){
			.key = (uint64_t)site->path << 16 | (uint64_t)(site->process & 0xFFF) << 4 |
			       (uint64_t)(site->kind & 0xF),
			.share = area && area->high_bytes ? (double)site->at_high_bytes /
				 (double)area->high_bytes : -1,
			.at_high = site->at_high_bytes, .live = site->live_bytes, .high = site->high_bytes,
			.allocs = site->allocs, .frees = site->frees,
			.life = site->frees ? site->lifetime_ns / site->frees : GRID_UNKNOWN,
			.allocated = site->allocated_bytes, .first = site->first_ns, .last = site->last_ns,
			.pid = view_process_pid(snapshot, site->process),
			.verdict = memory_verdict(site), .kind = run_memory_kind(site->kind),
			.where = strdup(story->sites[i] && *story->sites[i] ? story->sites[i] :
					"no call path"),
			.site = i,
		};
	}
	return count;
}

static void release(void *rows, size_t count)
{
	for (struct holder_row *row = rows; count--; row++)
		free(row->where);
}

static void pane(const struct view *view, const struct snapshot *s, const void *chosen, struct rect rect)
{
	const struct memory_story *story = memory_story_of(s);
	const struct holder_row *row = chosen;
	const struct memory_site *site = &story->use.sites[row->site];
	char high[QUANTITY_SIZE], at[QUANTITY_SIZE], text[256], first[QUANTITY_SIZE], last[QUANTITY_SIZE];

	(void)view;
	distribution_rule(rect, row->where);
	rect = (struct rect){ rect.y + 1, rect.x, rect.height - 1, rect.width - 1 };
	snprintf(text, sizeof(text), "At most %s at %s; allocated from %s to %s",
		 quantity_text_bytes(high, site->high_bytes), quantity_text_ns(at, site->high_at_ns),
		 quantity_text_ns(first, site->first_ns), quantity_text_ns(last, site->last_ns));
	draw_text(rect.y, rect.x, rect.width, COLOR_OF_TEXT, text);
	rect.y++, rect.height--;
	memory_chart_draw(site->usage_bytes, site->high_bytes, story->use.end_ns,
			  site->grows ? COLOR_OF_BAD : COLOR_OF_MEMORY, rect);
}

static void jump(const void *chosen, struct view_place *place)
{
	const struct holder_row *row = chosen;

	place->path = row->where;
	place->metric = METRIC_ALLOC;
}

const struct view_class view_holders = {
	.title = "Holders",
	.noun = "call paths",
	.one = "call path",
	.help = "Who holds the memory of one device: the call paths that had most when most was held. "
		"Sort by never freed for leaks, by frees for what is allocated and freed again and "
		"again. Below is what the chosen one held over the run, in the colour of faults where "
		"it accumulates. Enter goes to it in the call paths.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct holder_row),
	.empty = "no allocations of this device",
	.sort = 1,
	.needs_scan = true,
	.rows_need_scan = true,
	.honours = SCOPE_OF_MEMORY | SCOPE_BIT(PATH),
	.room = room,
	.fill = fill,
	.release = release,
	.pane = pane,
	.pane_room = PANE_ROOM,
	.jump = jump,
};
