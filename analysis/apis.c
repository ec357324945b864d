/* SPDX-License-Identifier: Apache-2.0 */
/* Driver calls by entry point, from the recorder's summaries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

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
