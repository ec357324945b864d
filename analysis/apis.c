/* SPDX-License-Identifier: Apache-2.0 */
/* Driver calls by entry point, from the recorder's summaries, and how they failed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle.h"
#include "analysis/internal.h"

static int api_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_api *a = LIST_ADD((struct run_api_list *)arg);

	if (!a)
		return run_fail(run, "out of memory");
	a->api = row_int(stmt, 0, -1);
	a->name = row_text(stmt, 1);
	a->category = row_text(stmt, 2);
	a->count = row_u64(stmt, 3);
	a->failed = row_u64(stmt, 4);
	a->total_ns = row_u64(stmt, 5);
	a->min_ns = row_u64(stmt, 6);
	a->max_ns = row_u64(stmt, 7);
	a->counted_only = sqlite3_column_type(stmt, 6) == SQLITE_NULL;
	a->average_ns = a->count ? (double)a->total_ns / (double)a->count : 0;
	a->stddev_ns = stddev_from_sums(a->count, (double)a->total_ns,
					sqlite3_column_double(stmt, 8));
	return 0;
}

int run_apis(struct run *run, struct run_api_list *list)
{
	*list = (struct run_api_list){ 0 };
	if (run_query(run,
		"SELECT s.api, coalesce(a.name, 'api ' || s.api), a.category, sum(s.count),"
		" sum(s.failed), sum(s.total_ns), min(s.min_ns), max(s.max_ns), total(s.sum_squares) "
		"FROM sum_api s LEFT JOIN api a ON a.id = s.api "
		"GROUP BY s.api ORDER BY 6 DESC, 4 DESC, 2", api_row, list) < 0) {
		run_api_list_free(list);
		return -1;
	}
	return 0;
}

static int failure_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_failure *f = LIST_ADD((struct run_failure_list *)arg);

	if (!f)
		return run_fail(run, "out of memory");
	f->api = row_int(stmt, 0, -1);
	f->result = row_int(stmt, 1, -1);
	f->name = row_text(stmt, 2);
	f->error = row_text(stmt, 3);
	f->count = row_u64(stmt, 4);
	f->first_ns = row_u64(stmt, 5);
	f->path = sqlite3_column_int64(stmt, 6);
	return 0;
}

/* The scan over all calls is made only if the summaries know of one that failed. 600 is the
 * answer "not ready" of queries. With min() alone SQLite takes path from the row that has it. */
int run_failures(struct run *run, struct run_failure_list *list)
{
	int result = run_tables_narrow(run);

	*list = (struct run_failure_list){ 0 };
	if (result == 0)
		result = run_query(run,
		"SELECT f.api, f.result, coalesce(a.name, 'api ' || f.api),"
		" coalesce(r.name, 'error ' || f.result), f.count, f.first, f.path FROM ("
		"SELECT api, result, count(*) AS count, min(start_ns) AS first, path FROM call "
		"WHERE result NOT IN (0, 600) AND EXISTS (SELECT 1 FROM sum_api WHERE failed > 0) "
		"GROUP BY api, result) f LEFT JOIN api a ON a.id = f.api "
		"LEFT JOIN result r ON r.id = f.result ORDER BY f.count DESC, f.first",
		failure_row, list);
	result = run_tables_widen(run, result);
	if (result < 0) {
		run_failure_list_free(list);
		return -1;
	}
	for (size_t i = 0; i < list->count; i++)
		list->rows[i].place = idle_path_name(run, list->rows[i].path);
	return 0;
}
