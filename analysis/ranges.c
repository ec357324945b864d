/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of NVTX by what they say: time on the host, and the GPU work that was launched in them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nvtx.h"

static const char ranges[] =
	"SELECT n.name, t.style, count(*), sum(t.dur), min(t.dur), max(t.dur), count(DISTINCT t.thread),"
	" avg(t.level), sum(t.dur - coalesce(t.child_ns, 0)), sum(t.ops), sum(t.work),"
	" sum(t.last - t.first), count(t.first) FROM temp.range_tree t "
	"LEFT JOIN temp.range_name n ON n.id = t.name GROUP BY t.name, t.style "
	"ORDER BY sum(t.work) DESC, sum(t.dur) DESC, n.name, t.style";

static int range_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_range *range = LIST_ADD((struct run_range_list *)arg);

	if (!range)
		return run_fail(run, "out of memory");
	range->name = row_text(stmt, 0);
	range->is_nested = row_int(stmt, 1, 0) == NVTX_PUSH_POP;
	range->count = row_u64(stmt, 2);
	range->host_ns = row_u64(stmt, 3);
	range->min_ns = row_u64(stmt, 4);
	range->max_ns = row_u64(stmt, 5);
	range->threads = row_u64(stmt, 6);
	range->level = sqlite3_column_double(stmt, 7);
	range->self_ns = row_u64(stmt, 8);
	range->operations = row_u64(stmt, 9);
	range->total_ns = row_u64(stmt, 10);
	range->span_ns = row_u64(stmt, 11);
	range->busy_count = row_u64(stmt, 12);
	return 0;
}

int run_ranges(struct run *run, struct run_range_list *list)
{
	int result = -1;

	*list = (struct run_range_list){ 0 };
	if (nvtx_tables_make(run, NVTX_RANGES) == 0)
		result = run_query(run, ranges, range_row, list);
	nvtx_tables_drop(run);
	if (result < 0)
		run_range_list_free(list);
	return result;
}
