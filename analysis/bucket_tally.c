/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets of time, counted from operations: see bucket_tally.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/bucket_tally.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS		512		/* of charts, more than they have */
#define COUNT_MOST	(1u << 20)	/* buckets of a device; a damaged file may claim any time */

int bucket_tally_open(struct run *run, uint64_t from_ns, uint64_t to_ns, struct bucket_tally *t)
{
	uint64_t end_ns = run_end_ns(run);

	*t = (struct bucket_tally){ 0 };
	to_ns = to_ns && to_ns < end_ns ? to_ns : end_ns;
	if (from_ns >= to_ns)
		from_ns = to_ns;
	t->level = run_bucket_level(run, (to_ns - from_ns) / COLUMNS, &t->width_ns);
	t->from_ns = from_ns / t->width_ns * t->width_ns;
	t->count = (size_t)((to_ns - t->from_ns) / t->width_ns) + 1;
	t->count = t->count < COUNT_MOST ? t->count : COUNT_MOST;
	return 0;
}

void bucket_tally_close(struct bucket_tally *t)
{
	for (size_t i = 0; i < t->devices.count; i++)
		free(t->devices.rows[i].sums);
	free(t->devices.rows);
	*t = (struct bucket_tally){ 0 };
}

static struct bucket_device *device_get(struct bucket_tally *t, int64_t id)
{
	struct bucket_device *device;

	for (size_t i = 0; i < t->devices.count; i++)
		if (t->devices.rows[i].device == id)
			return &t->devices.rows[i];
	device = LIST_ADD(&t->devices);
	if (!device)
		return NULL;
	device->device = id;
	device->sums = calloc(t->count, sizeof(*device->sums));
	return device->sums ? device : NULL;
}

/* [start, end) goes to the buckets that it lies in. */
static void stretch_add(struct bucket_tally *t, struct bucket_sums *sums, int which, uint64_t start,
			uint64_t end)
{
	size_t i = start > t->from_ns ? (size_t)((start - t->from_ns) / t->width_ns) : 0;

	for (; i < t->count; i++) {
		uint64_t from = t->from_ns + i * t->width_ns, to = from + t->width_ns;

		from = from > start ? from : start;
		if (from >= end)
			break;
		sums[i].ns[which] += (to < end ? to : end) - from;
	}
}

static void union_add(struct bucket_tally *t, struct bucket_device *device, int which, uint64_t start,
		      uint64_t end)
{
	uint64_t from = start > device->reach[which] ? start : device->reach[which];

	if (end <= from)
		return;
	stretch_add(t, device->sums, which, from, end);
	device->reach[which] = end;
}

int bucket_tally_add(struct bucket_tally *t, const struct idle_event *event)
{
	struct bucket_device *device = device_get(t, event->device);
	bool is_kernel = event->op.kind == IDLE_KERNEL;
	uint64_t at = event->start > t->from_ns ? (event->start - t->from_ns) / t->width_ns : 0;

	if (!device)
		return -1;
	union_add(t, device, UNION_BUSY, event->start, event->end);
	union_add(t, device, is_kernel ? UNION_COMPUTE : UNION_COPY, event->start, event->end);
	if (at < t->count)
		device->sums[at].launches += is_kernel;
	return 0;
}

static int device_write(struct run *run, sqlite3_stmt *insert, const struct bucket_tally *t,
			const struct bucket_device *device)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < t->count; i++) {
		const struct bucket_sums *sums = &device->sums[i];

		if (!sums->ns[UNION_BUSY] && !sums->launches)
			continue;
		sqlite3_reset(insert);
		sqlite3_bind_int(insert, 1, t->level);
		sqlite3_bind_int64(insert, 2, device->device);
		sqlite3_bind_int64(insert, 3, (sqlite3_int64)(t->from_ns / t->width_ns + i));
		sqlite3_bind_int64(insert, 4, (sqlite3_int64)sums->ns[UNION_BUSY]);
		sqlite3_bind_int64(insert, 5, (sqlite3_int64)sums->ns[UNION_COMPUTE]);
		sqlite3_bind_int64(insert, 6, (sqlite3_int64)sums->ns[UNION_COPY]);
		sqlite3_bind_int64(insert, 7, (sqlite3_int64)sums->launches);
		result = run_step(run, insert) < 0 ? -1 : 0;
	}
	return result;
}

/* Each level out of the one below. */
static int levels_write(struct run *run, int level)
{
	int64_t levels = run_integer(run, "SELECT max(level) FROM main.bucket", 0);
	char sql[512];

	for (; level < levels; level++) {
		snprintf(sql, sizeof(sql),
			 "INSERT INTO temp.bucket SELECT %d, device, bucket / 10, sum(busy_ns),"
			 " sum(compute_ns), sum(copy_ns), sum(launches), NULL FROM temp.bucket"
			 " WHERE level = %d AND busy_ns > 0 GROUP BY device, bucket / 10"
			 " ON CONFLICT DO UPDATE SET busy_ns = excluded.busy_ns,"
			 " compute_ns = excluded.compute_ns, copy_ns = excluded.copy_ns,"
			 " launches = excluded.launches", level + 1, level);
		if (sqlite3_exec(run->db, sql, NULL, NULL, NULL) != SQLITE_OK)
			return run_fail_sqlite(run);
	}
	return 0;
}

int bucket_tally_write(struct run *run, const struct bucket_tally *t)
{
	sqlite3_stmt *insert;
	char sql[512];
	int result = 0;

	snprintf(sql, sizeof(sql),
		 "CREATE TEMP TABLE bucket (level, device, bucket, busy_ns, compute_ns, copy_ns, launches,"
		 " live_bytes, PRIMARY KEY (level, device, bucket)) WITHOUT ROWID;"
		 "INSERT INTO temp.bucket SELECT level, device, bucket, 0, 0, 0, 0, live_bytes"
		 " FROM main.bucket WHERE level >= %d AND live_bytes IS NOT NULL", t->level);
	if (sqlite3_exec(run->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	insert = run_prepare(run, "INSERT INTO temp.bucket VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL) "
			     "ON CONFLICT DO UPDATE SET busy_ns = ?4, compute_ns = ?5, copy_ns = ?6,"
			     " launches = ?7");
	for (size_t i = 0; insert && result == 0 && i < t->devices.count; i++)
		result = device_write(run, insert, t, &t->devices.rows[i]);
	sqlite3_finalize(insert);
	return insert && result == 0 ? levels_write(run, t->level) : -1;
}
