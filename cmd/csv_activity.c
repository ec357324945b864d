/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of measured activity as CSV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/csv_own.h"

#include "analysis/activity.h"

#define METRIC(column, id, factor, most) "," #column
const char csv_activity_header[] = "start_ns,duration_ns,gpu"
#include "collector/activity.def"
	",memory_used_bytes,memory_reserved_bytes";

static void put_bytes(struct csv *csv, int64_t bytes)
{
	if (bytes < 0)
		csv_empty(csv);
	else
		csv_integer(csv, bytes);
}

static void put_sample(struct csv *csv, int gpu, const struct activity_sample *sample)
{
	static const bool is_part[] = {
#define METRIC(column, id, factor, most) (most) < 2e6,
#include "collector/activity.def"
	};

	csv_integer(csv, (int64_t)sample->start_ns);
	csv_integer(csv, (int64_t)sample->dur_ns);
	csv_integer(csv, gpu);
	for (int i = 0; i < ACTIVITY_METRICS; i++)
		put_bytes(csv, sample->metrics[i] < 0 ? -1 :
			  (int64_t)(sample->metrics[i] * (is_part[i] ? 1e6 : 1) + 0.5));
	put_bytes(csv, sample->memory_used_bytes);
	put_bytes(csv, sample->memory_reserved_bytes);
	csv_end_line(csv);
}

int csv_activity_trace(struct run *run, struct csv *csv)
{
	struct run_activity_source_list sources;
	int result = run_activity_sources(run, &sources);

	for (size_t i = 0; result == 0 && i < sources.count; i++) {
		struct activity_sample_list list;

		result = run_activity_samples(run, sources.rows[i].device, 0, INT64_MAX, &list);
		for (size_t k = 0; result == 0 && k < list.count; k++)
			put_sample(csv, sources.rows[i].gpu, &list.rows[k]);
		if (result == 0 && ferror(csv->out))
			result = 1;
		activity_sample_list_free(&list);
	}
	run_activity_source_list_free(&sources);
	return result;
}
