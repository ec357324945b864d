/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the run's memory, with names, and what the views of it share. */
#ifndef GPUTRAIL_TUI_MEMORY_H
#define GPUTRAIL_TUI_MEMORY_H

#include "analysis/memory_use.h"
#include "tui/draw.h"

#define MEMORY_SITES_MOST	2000	/* call paths that are listed, those with most memory */

struct snapshot;

struct memory_story {
	struct memory_use use;
	size_t site_count;		/* of the use's sites, those that have names */
	char **sites, **failures;	/* "function (file:line) < caller ...": who allocated */
};

/* Returns 0, or -1 with run_error(). */
int memory_story_read(struct run *run, struct memory_story *story);
void memory_story_free(struct memory_story *story);

/* NULL while the file has not been read. */
const struct memory_story *memory_story_of(const struct snapshot *snapshot);
const struct memory_area *memory_area_of(const struct memory_story *story, int device);
/* "accumulates", "never freed", "again and again", or "". */
const char *memory_verdict(const struct memory_site *site);
/* MEMORY_COLUMNS values over the run, with a scale and the time below; most: of the scale. */
void memory_chart_draw(const uint64_t *usage_bytes, uint64_t most, uint64_t end_ns, enum color color,
		       struct rect rect);

#endif
