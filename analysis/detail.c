/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken when, what is estimated of the rest, and the instants that somebody named. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <string.h>

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

/* Kernels and kinds of copies that have something to estimate, with what was measured of them. */
static const char samples[] =
	"SELECT h.kernel, 0, k.short_name, total(s.count), total(s.total_ns), sum(e.missing),"
	" sum(e.estimate_ns), total(e.error_ns), count(e.error_ns) = count(*)"
	" FROM sum_sample e JOIN shape h ON h.id = e.shape JOIN kernel k ON k.id = h.kernel"
	" LEFT JOIN sum_kernel s ON s.process = e.process AND s.device = e.device AND s.shape = e.shape"
	" GROUP BY h.kernel "
	"UNION ALL SELECT 0, e.kind, NULL, total(s.count), total(s.total_ns), sum(e.missing),"
	" sum(e.estimate_ns), total(e.error_ns), count(e.error_ns) = count(*)"
	" FROM sum_sample e LEFT JOIN sum_copy s ON s.process = e.process AND s.device = e.device"
	" AND s.kind = e.kind WHERE e.shape = 0 GROUP BY e.kind "
	"ORDER BY 5 DESC";

static int sample_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_sample *sample = LIST_ADD((struct run_sample_list *)arg);

	if (!sample)
		return run_fail(run, "out of memory");
	sample->kernel = row_int(stmt, 0, 0);
	sample->kind = row_int(stmt, 1, 0);
	sample->name = sample->kernel ? row_text(stmt, 2) : strdup(run_copy_operation(sample->kind));
	sample->measured = row_u64(stmt, 3);
	sample->measured_ns = row_u64(stmt, 4);
	sample->missing = row_u64(stmt, 5);
	sample->estimate_ns = row_u64(stmt, 6);
	sample->error_ns = row_u64(stmt, 7);
	sample->is_bounded = row_int(stmt, 8, 0);
	return 0;
}

int run_samples(struct run *run, struct run_sample_list *list)
{
	*list = (struct run_sample_list){ 0 };
	if (run_query(run, samples, sample_row, list) >= 0)
		return 0;
	run_sample_list_free(list);
	return -1;
}
