/* SPDX-License-Identifier: Apache-2.0 */
/* Driver API calls by entry point. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/quantity.h"
#include "tui/timeline_reader.h"
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_row {
	uint64_t key;
	const char *name, *category;
	char *error, *errors;	/* the row's own */
	double share;
	uint64_t total, count, failed, average, minimum, maximum, deviation;
};

#define COLUMN(...) GRID_COLUMN(api_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Share", SHARE, 0, 0, "part of the host time in all recorded calls"),
	COLUMN(total, "Total", TIME, 0, 0, "host time of all calls"),
	COLUMN(count, "Count", COUNT, 0, 0, "calls, failed ones included"),
	COLUMN(failed, "Failed", FAULTS, 7, 1, "calls that returned an error"),
	COLUMN(average, "Average", TIME, 0, 0, "host time of one call"),
	COLUMN(minimum, "Min", TIME, 0, 4, "shortest call"),
	COLUMN(maximum, "Max", TIME, 0, 2, "longest call"),
	COLUMN(deviation, "StdDev", TIME, 0, 5, "standard deviation of the calls"),
	COLUMN(error, "Error", TEXT, 17, 3, "what failed calls returned most often, and how many others"),
	COLUMN(category, "Group", TEXT, 9, 3, "what the entry point is about"),
	COLUMN(name, "Entry point", TEXT, 0, 0, "driver function"),
	COLUMN(errors, "Errors", TEXT, -1, 0, "what failed calls returned, how often, and where first"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->apis.count;
}

/* "CUDA_ERROR_OUT_OF_MEMORY 3 times, first at 1.20 s, load (model.py:12); ..." */
static char *errors_of(const struct snapshot *snapshot, int api)
{
	const struct run_failure_list *list = snapshot->scan ? &snapshot->scan->failures : NULL;
	char *text = NULL, count[QUANTITY_SIZE], at[QUANTITY_SIZE];
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	for (size_t i = 0; out && list && i < list->count; i++) {
		const struct run_failure *f = &list->rows[i];

		if (f->api != api)
			continue;
		fprintf(out, "%s%s %s time%s, first at %s%s%s", ftell(out) > 0 ? "; " : "", f->error,
			quantity_text_count(count, f->count), f->count == 1 ? "" : "s",
			quantity_text_ns(at, f->first_ns), f->place && *f->place ? ", " : "",
			f->place ? f->place : "");
	}
	if (out)
		fclose(out);
	return text;
}

/* "OUT_OF_MEMORY, 2 more"; failures are in the order of how often they were. */
static char *error_of(const struct snapshot *snapshot, int api)
{
	static const char prefix[] = "CUDA_ERROR_";
	const struct run_failure_list *list = snapshot->scan ? &snapshot->scan->failures : NULL;
	const char *name = NULL;
	char *text = NULL;
	int more = 0;

	for (size_t i = 0; list && i < list->count; i++)
		if (list->rows[i].api == api) {
			more += name != NULL;
			name = name ? name : list->rows[i].error;
		}
	if (name && strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	if (more)
		return asprintf(&text, "%s, %d more", name, more) < 0 ? NULL : text;
	return name ? strdup(name) : NULL;
}

static void release(void *rows, size_t count)
{
	for (struct api_row *row = rows; count--; row++) {
		free(row->error);
		free(row->errors);
	}
}

static bool place_of(const struct view *view, const void *row, const struct snapshot *snapshot,
		     struct view_place *place)
{
	const struct api_row *api = row;

	(void)view, (void)snapshot;
	place->longest = (struct longest){ LONGEST_CALL, (int64_t)api->key, 0, api->maximum };
	return api->maximum && api->maximum != GRID_UNKNOWN;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct run_api_list *list = &snapshot->apis;
	struct api_row *row = rows;
	uint64_t all = 0;

	(void)view;
	for (size_t i = 0; i < list->count; i++)
		all += list->rows[i].total_ns;
	for (size_t i = 0; i < list->count; i++, row++) {
		const struct run_api *api = &list->rows[i];

		*row = (struct api_row){
			.key = (uint64_t)api->api,
			.name = api->name,
			.category = api->category,
			.share = all ? (double)api->total_ns / (double)all : 0,
			.total = api->total_ns,
			.count = api->count,
			.failed = api->failed,
			.error = api->failed ? error_of(snapshot, api->api) : NULL,
			.errors = api->failed ? errors_of(snapshot, api->api) : NULL,
			.average = (uint64_t)(api->average_ns + 0.5),
			.minimum = api->counted_only ? GRID_UNKNOWN : api->min_ns,
			.maximum = api->counted_only ? GRID_UNKNOWN : api->max_ns,
			.deviation = api->counted_only ? GRID_UNKNOWN :
				     (uint64_t)(api->stddev_ns + 0.5),
		};
	}
	return list->count;
}

const struct view_class view_apis = {
	.title = "APIs",
	.noun = "entry points",
	.one = "entry point",
	.help = "How long the host spent in calls of the CUDA driver. Much time in a "
		"synchronising call means that the host waits for the GPU; many short calls mean "
		"that the GPU may wait for the host.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct api_row),
	.empty = "no calls were recorded",
	.room = room,
	.fill = fill,
	.release = release,
	.needs_scan = true,
	.honours = SCOPE_OF_CALLS,
	.place = place_of,
};
