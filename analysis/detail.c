/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken when, and the instants that somebody named. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

static int detail_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_detail *detail = LIST_ADD((struct run_detail_list *)arg);

	if (!detail)
		return run_fail(run, "out of memory");
	detail->process = row_int(stmt, 0, -1);
	detail->start_ns = row_u64(stmt, 1);
	detail->end_ns = row_u64(stmt, 2);
	detail->level = row_text(stmt, 3);
	detail->cause = row_text(stmt, 4);
	return 0;
}

int run_detail(struct run *run, struct run_detail_list *list)
{
	*list = (struct run_detail_list){ 0 };
	if (run_query(run, "SELECT process, start_ns, end_ns, level, cause FROM detail "
		      "ORDER BY start_ns, id", detail_row, list) >= 0)
		return 0;
	run_detail_list_free(list);
	return -1;
}

static int mark_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_mark *mark = LIST_ADD((struct run_mark_list *)arg);

	if (!mark)
		return run_fail(run, "out of memory");
	mark->process = row_int(stmt, 0, -1);
	mark->start_ns = row_u64(stmt, 1);
	mark->text = row_text(stmt, 2);
	return 0;
}

int run_marks(struct run *run, struct run_mark_list *list)
{
	*list = (struct run_mark_list){ 0 };
	if (run_query(run, "SELECT process, start_ns, text FROM mark ORDER BY start_ns, id",
		      mark_row, list) >= 0)
		return 0;
	run_mark_list_free(list);
	return -1;
}
