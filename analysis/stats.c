/* SPDX-License-Identifier: Apache-2.0 */
/* Exact statistics by two scans: see stats.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/stats.h"

#include <math.h>
#include <stdlib.h>
#include <uthash.h>

#define PROGRESS_ROWS	65536

struct group_entry {
	struct stats_group group;
	UT_hash_handle hh;
};

struct scan {
	struct group_entry *groups;
	int values;
	uint64_t rows, rows_total;
};

static void scan_free(struct scan *scan)
{
	struct group_entry *entry, *next;

	HASH_ITER(hh, scan->groups, entry, next) {
		HASH_DEL(scan->groups, entry);
		free(entry);
	}
}

static struct group_entry *group_find(struct scan *scan, int64_t key)
{
	struct group_entry *entry;

	HASH_FIND(hh, scan->groups, &key, sizeof(key), entry);
	return entry;
}

static struct group_entry *group_get(struct scan *scan, int64_t key)
{
	struct group_entry *entry = group_find(scan, key);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->group.key = key;
	HASH_ADD(hh, scan->groups, group.key, sizeof(key), entry);
	return entry;
}

static void progress(struct run *run, struct scan *scan)
{
	if (++scan->rows % PROGRESS_ROWS == 0 && run->progress)
		run->progress(run->progress_arg, scan->rows, scan->rows_total);
}

/* Welford's update: no cancellation, however large and close the values are. */
static void value_add(struct stats_value *v, uint64_t value)
{
	double distance = (double)value - v->average;

	v->count++;
	v->total += value;
	if (v->count == 1 || value < v->min)
		v->min = value;
	if (value > v->max)
		v->max = value;
	v->average += distance / (double)v->count;
	v->squares += distance * ((double)value - v->average);
}

static int count_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct scan *scan = arg;
	struct group_entry *entry;

	progress(run, scan);
	if (sqlite3_column_type(stmt, 1) == SQLITE_NULL)
		return 0;
	entry = group_get(scan, sqlite3_column_int64(stmt, 0));
	if (!entry)
		return run_fail(run, "out of memory");
	for (int i = 0; i < scan->values; i++)
		if (sqlite3_column_type(stmt, i + 1) != SQLITE_NULL)
			value_add(&entry->group.values[i], row_u64(stmt, i + 1));
	return 0;
}

struct median_scan {
	struct scan *scan;
	struct group_entry *group;
	int value;
	uint64_t position;		/* in the group */
};

/* Rows come sorted by key and value, so the middle is known by counting. */
static int median_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct median_scan *m = arg;
	int64_t key = sqlite3_column_int64(stmt, 0);
	struct stats_value *v;

	progress(run, m->scan);
	if (!m->group || m->group->group.key != key) {
		m->group = group_find(m->scan, key);
		m->position = 0;
		if (!m->group)
			return run_fail(run, "'%s' changed during the scan", run->path);
	}
	v = &m->group->group.values[m->value];
	if (m->position == (v->count - 1) / 2)
		v->median = (double)row_u64(stmt, 1);
	if (m->position == v->count / 2)
		v->median = (v->median + (double)row_u64(stmt, 1)) / 2;
	m->position++;
	return 0;
}

static int medians(struct run *run, const char *sql, struct scan *scan)
{
	static const char *const names[STATS_VALUES_MAX] = {
		"value0", "value0, value1", "value0, value1, value2",
		"value0, value1, value2, value3",
	};

	for (int i = 0; i < scan->values; i++) {
		struct median_scan m = { .scan = scan, .value = i };
		/* The columns of `sql` may have any name: the CTE gives them ours. */
		char *sorted = sqlite3_mprintf(
			"WITH rows(key, %s) AS (%s) SELECT key, value%d FROM rows "
			"WHERE value0 IS NOT NULL AND value%d IS NOT NULL ORDER BY key, value%d",
			names[scan->values - 1], sql, i, i, i);
		int result;

		if (!sorted)
			return run_fail(run, "out of memory");
		result = run_query(run, sorted, median_row, &m);
		sqlite3_free(sorted);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int largest_first(const void *a, const void *b)
{
	const struct stats_group *x = a, *y = b;

	if (x->values[0].total != y->values[0].total)
		return x->values[0].total < y->values[0].total ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

static int groups_collect(struct run *run, struct scan *scan, struct stats *stats)
{
	size_t count = HASH_COUNT(scan->groups);
	struct group_entry *entry, *next;

	stats->groups = calloc(count + 1, sizeof(*stats->groups));
	if (!stats->groups)
		return run_fail(run, "out of memory");
	HASH_ITER(hh, scan->groups, entry, next) {
		for (int i = 0; i < scan->values; i++) {
			struct stats_value *v = &entry->group.values[i];

			v->stddev = v->count > 1 ? sqrt(v->squares / (double)(v->count - 1)) : 0;
			v->average = v->count ? (double)v->total / (double)v->count : 0;
		}
		stats->total += entry->group.values[0].total;
		stats->groups[stats->count++] = entry->group;
	}
	qsort(stats->groups, stats->count, sizeof(*stats->groups), largest_first);
	return 0;
}

int stats_run(struct run *run, const char *sql, int values, struct stats *stats)
{
	struct scan scan = { .values = values };
	int result = -1;

	*stats = (struct stats){ 0 };
	if (run_freeze(run) < 0)
		return -1;
	if (run_query(run, sql, count_row, &scan) < 0)
		goto out;
	scan.rows_total = scan.rows * (uint64_t)(values + 1);
	if (medians(run, sql, &scan) < 0)
		goto out;
	result = groups_collect(run, &scan, stats);
out:
	run_thaw(run);
	scan_free(&scan);
	return result;
}

void stats_free(struct stats *stats)
{
	free(stats->groups);
	*stats = (struct stats){ 0 };
}
