/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of measured activity, and where they come from, out of the file. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/activity.h"

#include "analysis/internal.h"

#include <limits.h>
#include <stdlib.h>

#define PPM 1e6

static int source_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_activity_source *source = LIST_ADD((struct run_activity_source_list *)arg);

	if (!source)
		return run_fail(run, "out of memory");
	source->device = row_int(stmt, 0, 0);
	source->gpu = row_int(stmt, 1, -1);
	source->source = row_text(stmt, 2);
	source->note = row_text(stmt, 3);
	source->asked_period_ns = row_u64(stmt, 4);
	source->period_ns = row_u64(stmt, 5);
	source->samples = row_u64(stmt, 6);
	source->cost_ns = row_u64(stmt, 7);
	source->overflows = row_u64(stmt, 8);
	return 0;
}

int run_activity_sources(struct run *run, struct run_activity_source_list *list)
{
	*list = (struct run_activity_source_list){ 0 };
	if (run_query(run, "SELECT device, " GPU_NUMBER("activity_source.device") ", source, note,"
		      " asked_period_ns, period_ns, samples, cost_ns, overflows FROM activity_source"
		      " ORDER BY device",
		      source_row, list) >= 0)
		return 0;
	run_activity_source_list_free(list);
	return -1;
}

void run_activity_source_list_free(struct run_activity_source_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].source);
		free(list->rows[i].note);
	}
	free(list->rows);
	*list = (struct run_activity_source_list){ 0 };
}

/* Parts of a million are parts of 1 here; whatever a damaged file holds is in range. */
static double metric_value(sqlite3_stmt *stmt, int column, double most)
{
	bool is_part = most < 2e6;
	double value = sqlite3_column_double(stmt, column) / (is_part ? PPM : 1);

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL || !(value >= 0))
		return -1;
	return is_part && value > 1 ? 1 : value;
}

static int64_t bytes_value(sqlite3_stmt *stmt, int column)
{
	int64_t value = sqlite3_column_int64(stmt, column);

	return sqlite3_column_type(stmt, column) == SQLITE_NULL || value < 0 ? -1 : value;
}

static void sample_read(sqlite3_stmt *stmt, struct activity_sample *sample)
{
	static const double most[] = {
#define METRIC(column, id, factor, most) most,
#include "collector/activity.def"
	};

	sample->start_ns = row_u64(stmt, 0);
	sample->dur_ns = row_u64(stmt, 1);
	for (int i = 0; i < ACTIVITY_METRICS; i++)
		sample->metrics[i] = metric_value(stmt, 2 + i, most[i]);
	sample->memory_used_bytes = bytes_value(stmt, 2 + ACTIVITY_METRICS);
	sample->memory_reserved_bytes = bytes_value(stmt, 3 + ACTIVITY_METRICS);
}

/* The one that began before `from` may reach into the window. */
static const char samples_sql[] =
	"SELECT start_ns, dur_ns"
#define METRIC(column, id, factor, most) ", " #column
#include "collector/activity.def"
	", memory_used_bytes, memory_reserved_bytes FROM activity WHERE device = ?1 AND start_ns < ?3"
	" AND start_ns >= coalesce((SELECT max(start_ns) FROM activity WHERE device = ?1 AND"
	" start_ns <= ?2), 0) AND dur_ns > 0 ORDER BY start_ns";

int run_activity_samples(struct run *run, int64_t device, uint64_t from_ns, uint64_t to_ns,
			 struct activity_sample_list *list)
{
	sqlite3_stmt *stmt = run_prepare(run, samples_sql);
	int result;

	*list = (struct activity_sample_list){ 0 };
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, device);
	sqlite3_bind_int64(stmt, 2, from_ns > INT64_MAX ? INT64_MAX : (int64_t)from_ns);
	sqlite3_bind_int64(stmt, 3, to_ns > INT64_MAX ? INT64_MAX : (int64_t)to_ns);
	while ((result = run_step(run, stmt)) > 0) {
		struct activity_sample *sample = LIST_ADD(list);

		if (!sample) {
			result = run_fail(run, "out of memory");
			break;
		}
		sample_read(stmt, sample);
		if (sample->start_ns + sample->dur_ns <= from_ns)
			list->count--;
	}
	sqlite3_finalize(stmt);
	if (result < 0)
		activity_sample_list_free(list);
	return result;
}

void activity_sample_list_free(struct activity_sample_list *list)
{
	free(list->rows);
	*list = (struct activity_sample_list){ 0 };
}
