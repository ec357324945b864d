/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the run's memory: see memory.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/memory.h"

#include "tui/quantity.h"
#include "tui/timeline_reader.h"
#include "tui/view.h"

#include <stdlib.h>

#define FRAMES	8	/* of a call path: helpers that allocate for others come first */
#define SCALE	10	/* cells beside a chart */

int memory_story_read(struct run *run, struct memory_story *story)
{
	struct memory_use *use = &story->use;

	*story = (struct memory_story){ 0 };
	if (run_memory_use(run, use) < 0)
		return -1;
	story->site_count = use->site_count < MEMORY_SITES_MOST ? use->site_count : MEMORY_SITES_MOST;
	story->sites = calloc(story->site_count + 1, sizeof(*story->sites));
	story->failures = calloc(use->failure_count + 1, sizeof(*story->failures));
	for (size_t i = 0; story->sites && i < story->site_count; i++)
		story->sites[i] = run_path_name(run, use->sites[i].path, FRAMES);
	for (size_t i = 0; story->failures && i < use->failure_count; i++)
		story->failures[i] = run_path_name(run, use->failures[i].path, FRAMES);
	if (!story->sites || !story->failures)
		memory_story_free(story);
	return 0;
}

void memory_story_free(struct memory_story *story)
{
	for (size_t i = 0; story->sites && i < story->site_count; i++)
		free(story->sites[i]);
	for (size_t i = 0; story->failures && i < story->use.failure_count; i++)
		free(story->failures[i]);
	free(story->sites);
	free(story->failures);
	memory_use_free(&story->use);
	*story = (struct memory_story){ 0 };
}

const struct memory_story *memory_story_of(const struct snapshot *snapshot)
{
	return snapshot->scan ? &snapshot->scan->memory : NULL;
}

const struct memory_area *memory_area_of(const struct memory_story *story, int device)
{
	for (size_t i = 0; i < story->use.area_count; i++)
		if (story->use.areas[i].device == device)
			return &story->use.areas[i];
	return NULL;
}

/* As the report has them: docs/memory.md. */
const char *memory_verdict(const struct memory_site *site)
{
	bool is_churn = site->frees >= 8 && site->high_bytes * 2 <= site->allocated_bytes;

	return site->grows ? "accumulates" : is_churn ? "again and again" :
	       site->live_bytes ? "never freed" : "";
}

void memory_chart_draw(const uint64_t *usage_bytes, uint64_t most, uint64_t end_ns, enum color color,
		       struct rect rect)
{
	int points = rect.width - SCALE, x = rect.x + SCALE;
	double *values = points > 8 && rect.height > 1 ? calloc((size_t)points, sizeof(*values)) : NULL;
	char text[QUANTITY_SIZE];

	if (!values)
		return;
	for (int i = 0; i < points && most; i++)
		values[i] = (double)usage_bytes[i * MEMORY_COLUMNS / points] / (double)most;
	draw_chart((struct rect){ rect.y, x, rect.height - 1, points }, color, values);
	draw_right(rect.y, rect.x, SCALE - 1, COLOR_OF_DIM, quantity_text_bytes(text, most));
	if (rect.height > 2)
		draw_right(rect.y + rect.height - 2, rect.x, SCALE - 1, COLOR_OF_DIM, "0 B");
	draw_text(rect.y + rect.height - 1, x, 2, COLOR_OF_DIM, "0");
	draw_right(rect.y + rect.height - 1, x + points - 10, 10, COLOR_OF_DIM,
		   quantity_text_ns(text, end_ns));
	free(values);
}
