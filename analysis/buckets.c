/* SPDX-License-Identifier: Apache-2.0 */
/* The pyramid of time buckets, cut to the width of a chart. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/activity.h"
#include "analysis/internal.h"

#include <stdio.h>

/* Level l has buckets of 10 ms * 10^l; the recorder decides how many levels there are. */
#define BUCKET_NS	10000000ull
#define LEVELS_MAX	12
#define LIVE_UNKNOWN	UINT64_MAX

uint64_t run_end_ns(struct run *run)
{
	return (uint64_t)run_integer(run, "SELECT max(coalesce((SELECT max(last_ns) FROM "
		"main.sum_device), 0), coalesce((SELECT value FROM meta WHERE key = 'last_event'), 0))", 0);
}

int run_bucket_level(struct run *run, uint64_t column_ns, uint64_t *width_ns)
{
	int64_t levels = run_integer(run, "SELECT max(level) FROM bucket", 0) + 1;
	int level = 0;

	*width_ns = BUCKET_NS;
	if (levels > LEVELS_MAX)
		levels = LEVELS_MAX;
	while (level + 1 < levels && column_ns / *width_ns >= 10) {
		*width_ns *= 10;
		level++;
	}
	return level;
}

struct bucket_fill {
	struct run_bucket *rows;
	size_t count;
	uint64_t from_ns, width_ns, level_ns;
	uint64_t live_bytes;		/* at the row that was read last */
	uint64_t run_end_ns;		/* nothing is in what the last bucket has behind it */
};

/* Adds one bucket of the file to the columns that it overlaps, in proportion; most lie inside
 * one column. */
static int bucket_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct bucket_fill *fill = arg;
	uint64_t start = row_u64(stmt, 0) * fill->level_ns, end = start + fill->level_ns;
	uint64_t from = start > fill->from_ns ? start : fill->from_ns;
	uint64_t last = end > fill->run_end_ns && start < fill->run_end_ns ? fill->run_end_ns : end;
	double length = (double)(last - start);

	(void)run;
	/* NULL: as it was. The memory held at the last change is written once more after it. */
	if (sqlite3_column_type(stmt, 5) != SQLITE_NULL)
		fill->live_bytes = row_u64(stmt, 5);
	while (from < end) {
		size_t i = (from - fill->from_ns) / fill->width_ns;
		struct run_bucket *b;
		uint64_t to;
		double part;

		if (i >= fill->count)
			break;
		b = &fill->rows[i];
		to = b->start_ns + b->width_ns < end ? b->start_ns + b->width_ns : end;
		if (to <= from)		/* beyond the last bucket, which ends early */
			break;
		part = from < last ? (double)((to < last ? to : last) - from) / length : 0;
		b->busy_ns += (uint64_t)(part * (double)row_u64(stmt, 1) + 0.5);
		b->compute_ns += (uint64_t)(part * (double)row_u64(stmt, 2) + 0.5);
		b->copy_ns += (uint64_t)(part * (double)row_u64(stmt, 3) + 0.5);
		b->launches += (uint64_t)(part * (double)row_u64(stmt, 4) + 0.5);
		if (b->live_bytes == LIVE_UNKNOWN || fill->live_bytes > b->live_bytes)
			b->live_bytes = fill->live_bytes;
		from = to;
	}
	return 0;
}

static int buckets_read(struct run *run, int device, int level, struct bucket_fill *fill,
			uint64_t to_ns)
{
	sqlite3_stmt *stmt = run_prepare(run,
		"SELECT bucket, busy_ns, compute_ns, copy_ns, launches, live_bytes FROM bucket "
		"WHERE level = ?1 AND device = ?2 AND bucket BETWEEN ?3 AND ?4");
	int result;

	if (!stmt)
		return -1;
	sqlite3_bind_int(stmt, 1, level);
	sqlite3_bind_int(stmt, 2, device);
	sqlite3_bind_int64(stmt, 3, (sqlite3_int64)(fill->from_ns / fill->level_ns));
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)(to_ns / fill->level_ns));
	while ((result = run_step(run, stmt)) > 0)
		bucket_row(run, stmt, fill);
	sqlite3_finalize(stmt);
	return result;
}

/* The memory held before the first bucket asked for. */
static uint64_t live_before(struct run *run, int device, int level, const struct bucket_fill *fill)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT live_bytes FROM bucket WHERE level = %d AND device = %d "
		 "AND bucket < %llu AND live_bytes IS NOT NULL ORDER BY bucket DESC LIMIT 1", level,
		 device, (unsigned long long)(fill->from_ns / fill->level_ns));
	return (uint64_t)run_integer(run, sql, 0);
}

/* Where the file has no bucket at all, nothing changed either. */
static void carry_live(struct run_bucket_list *list, uint64_t live_bytes)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].live_bytes == LIVE_UNKNOWN)
			list->rows[i].live_bytes = live_bytes;
		live_bytes = list->rows[i].live_bytes;
	}
}

/* Of columns that several samples touch the mean by time. */
static int activity_fill(struct run *run, int device, uint64_t to_ns, struct bucket_fill *fill)
{
	struct activity_sample_list samples;
	double measured_ns = 0, total = 0;
	size_t first = 0;

	if (run_activity_samples(run, device, fill->from_ns, to_ns, &samples) < 0)
		return -1;
	for (size_t i = 0; i < fill->count; i++) {
		struct run_bucket *b = &fill->rows[i];
		uint64_t end = b->start_ns + b->width_ns;

		measured_ns = total = 0;
		while (first < samples.count &&
		       samples.rows[first].start_ns + samples.rows[first].dur_ns <= b->start_ns)
			first++;
		for (size_t k = first; k < samples.count && samples.rows[k].start_ns < end; k++) {
			const struct activity_sample *s = &samples.rows[k];
			uint64_t from = s->start_ns > b->start_ns ? s->start_ns : b->start_ns;
			uint64_t to = s->start_ns + s->dur_ns < end ? s->start_ns + s->dur_ns : end;

			if (s->metrics[ACTIVITY_sm_active_ppm] < 0 || to <= from)
				continue;
			measured_ns += (double)(to - from);
			total += (double)(to - from) * s->metrics[ACTIVITY_sm_active_ppm];
		}
		b->sm_active = measured_ns > 0 ? total / measured_ns : -1;
	}
	activity_sample_list_free(&samples);
	return 0;
}

int run_buckets(struct run *run, int device, uint64_t from_ns, uint64_t to_ns, int columns,
		struct run_bucket_list *list)
{
	struct bucket_fill fill = { .from_ns = from_ns };
	uint64_t span = to_ns > from_ns ? to_ns - from_ns : 0;
	uint64_t before;
	int level;

	*list = (struct run_bucket_list){ 0 };
	if (!span || columns < 1)
		return 0;
	level = run_bucket_level(run, span / (uint64_t)columns, &fill.level_ns);
	fill.width_ns = (span + (uint64_t)columns - 1) / (uint64_t)columns;
	if (fill.width_ns < fill.level_ns)
		fill.width_ns = fill.level_ns;
	for (uint64_t at = from_ns; at < to_ns; at += fill.width_ns) {
		struct run_bucket *b = LIST_ADD(list);

		if (!b) {
			run_bucket_list_free(list);
			return run_fail(run, "out of memory");
		}
		b->start_ns = at;
		b->live_bytes = LIVE_UNKNOWN;
		b->width_ns = to_ns - at < fill.width_ns ? to_ns - at : fill.width_ns;
	}
	fill.rows = list->rows;
	fill.count = list->count;
	fill.run_end_ns = run_end_ns(run);
	before = fill.live_bytes = live_before(run, device, level, &fill);
	if (buckets_read(run, device, level, &fill, to_ns) < 0 ||
	    activity_fill(run, device, to_ns, &fill) < 0) {
		run_bucket_list_free(list);
		return -1;
	}
	carry_live(list, before);
	return 0;
}
