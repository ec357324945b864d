/* SPDX-License-Identifier: Apache-2.0 */
/* nsys's reports about NVTX, from the tables of nvtx.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nsys_internal.h"

#include "analysis/nvtx.h"
#include "analysis/stats.h"

#define STYLE(column)	"iif(" column ", 'StartEnd', 'PushPop')"
#define NAME(column)	"(SELECT name FROM temp.range_name WHERE id = " column ")"
#define OF_THREAD	" FROM temp.range_tree r JOIN thread t ON t.id = r.thread "	\
			"JOIN process p ON p.id = t.process "

/* A row of a trace: its columns are the report's. */
static const char pushpop_trace[] =
	"SELECT r.start, r.start + r.dur, r.dur, r.child_ns, r.dur - r.child_ns, " NAME("r.name") ","
	" p.pid, t.tid, r.level, r.children, r.id, r.parent, r.stack,"
	" printf('%*s', 2 * r.level, '') || " NAME("r.name") OF_THREAD
	"WHERE r.style = 0 ORDER BY r.start, r.level";
static const char gpu_proj_trace[] =
	"SELECT " NAME("r.name") ", r.first, r.last - r.first, r.start, r.dur, " STYLE("r.style") ","
	" p.pid, t.tid, r.ops, r.level, r.children, r.id, r.parent, r.stack" OF_THREAD
	"WHERE r.ops > 0 ORDER BY r.first, r.start";

/* Sums: a key and its values, and what else there is to tell of a key. */
#define KEY	"name * 2 + style"
static const struct sum {
	const char *values, *labels;
} sums[NSYS_COUNT] = {
	[NSYS_nvtx_sum] = {
		"SELECT " KEY ", dur FROM temp.range_tree",
		"SELECT " STYLE("?1 & 1") ", " NAME("?1 >> 1"),
	},
	[NSYS_nvtx_pushpop_sum] = {
		"SELECT " KEY ", dur FROM temp.range_tree WHERE style = 0",
		"SELECT " NAME("?1 >> 1"),
	},
	[NSYS_nvtx_startend_sum] = {
		"SELECT " KEY ", dur FROM temp.range_tree WHERE style = 1",
		"SELECT " NAME("?1 >> 1"),
	},
	[NSYS_nvtx_gpu_proj_sum] = {
		"SELECT " KEY ", last - first FROM temp.range_tree WHERE ops > 0",
		"SELECT " NAME("?1 >> 1") ", " STYLE("?1 & 1") ", sum(dur), sum(ops), avg(ops), avg(level),"
		" avg(children) FROM temp.range_tree WHERE name = ?1 >> 1 AND style = ?1 & 1 AND ops > 0",
	},
	[NSYS_nvtx_kern_sum] = {
		"SELECT key, dur FROM temp.range_op",
		"SELECT " NAME("k.name") ", " STYLE("k.style") ", p.pid, t.tid,"
		" (SELECT count(DISTINCT range) FROM temp.range_op WHERE key = ?1),"
		" coalesce((SELECT name FROM named_kernel WHERE id = k.kernel), '" UNKNOWN_KERNEL "') "
		"FROM temp.range_key k JOIN thread t ON t.id = k.thread JOIN process p ON p.id = t.process "
		"WHERE k.id = ?1",
	},
};

#define CELLS_MAX 16

static struct nsys_cell cell_of(sqlite3_stmt *stmt, int column)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		return cell_integer(sqlite3_column_int64(stmt, column));
	case SQLITE_FLOAT:
		return cell_decimal(sqlite3_column_double(stmt, column), 1);
	case SQLITE_TEXT:
		return cell_text((const char *)sqlite3_column_text(stmt, column));
	default:
		return (struct nsys_cell){ .kind = NSYS_EMPTY };
	}
}

struct output {
	nsys_row_fn *row;
	void *arg;
};

static int trace_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	const struct output *out = arg;
	struct nsys_cell cells[CELLS_MAX];
	int count = sqlite3_column_count(stmt);

	(void)run;
	for (int i = 0; i < count; i++)
		cells[i] = cell_of(stmt, i);
	return out->row(out->arg, cells, count);
}

/* Total, Instances, Avg, Med, Min, Max, StdDev in the order of most reports. */
static int sum_cells(enum nsys_report_id report, const struct stats *stats,
		     const struct stats_value *v, const struct nsys_cell *l, struct nsys_cell *cells)
{
	struct nsys_cell total = cell_integer((int64_t)v->total), count = cell_integer((int64_t)v->count);
	struct nsys_cell five[5] = {
		cell_decimal(v->average, 1), cell_decimal(v->median, 1), cell_integer((int64_t)v->min),
		cell_integer((int64_t)v->max), cell_decimal(v->stddev, 1),
	};
	int n = 0;

	if (report == NSYS_nvtx_gpu_proj_sum) {
		cells[n++] = l[0];
		cells[n++] = l[1];
		cells[n++] = total;
		cells[n++] = l[2];
		cells[n++] = count;
	} else if (report == NSYS_nvtx_kern_sum) {
		for (; n < 5; n++)
			cells[n] = l[n];
		cells[n++] = count;
		cells[n++] = total;
	} else {
		cells[n++] = cell_decimal(stats->total ? 100.0 * (double)v->total / (double)stats->total
						       : 0, 1);
		cells[n++] = total;
		cells[n++] = count;
	}
	for (int i = 0; i < 5; i++)
		cells[n++] = five[i];
	if (report == NSYS_nvtx_gpu_proj_sum) {
		for (int i = 3; i < 7; i++)
			cells[n++] = l[i];
	} else if (report == NSYS_nvtx_kern_sum) {
		cells[n++] = l[5];
	} else {
		cells[n++] = l[0];
		if (report == NSYS_nvtx_sum)
			cells[n++] = l[1];
	}
	return n;
}

static int sum_row(struct run *run, enum nsys_report_id report, const struct stats *stats, size_t i,
		   sqlite3_stmt *labels, const struct output *out)
{
	struct nsys_cell cells[CELLS_MAX], more[CELLS_MAX];

	sqlite3_reset(labels);
	sqlite3_bind_int64(labels, 1, stats->groups[i].key);
	if (run_step(run, labels) < 0)
		return -1;
	for (int column = 0; column < sqlite3_column_count(labels); column++)
		more[column] = cell_of(labels, column);
	return out->row(out->arg, cells, sum_cells(report, stats, &stats->groups[i].values[0], more,
						   cells));
}

static int run_sum(struct run *run, enum nsys_report_id report, const struct output *out)
{
	sqlite3_stmt *labels = run_prepare(run, sums[report].labels);
	struct stats stats = { 0 };
	int result = labels ? stats_run(run, sums[report].values, 1, &stats) : -1;

	for (size_t i = 0; result == 0 && i < stats.count; i++)
		result = sum_row(run, report, &stats, i, labels, out);
	if (labels)
		stats_free(&stats);
	sqlite3_finalize(labels);
	return result;
}

int nsys_nvtx(struct run *run, enum nsys_report_id report, nsys_row_fn *row, void *arg)
{
	struct output out = { row, arg };
	int result = nvtx_tables_make(run, report == NSYS_nvtx_kern_sum ? NVTX_KERNELS : NVTX_RANGES);

	if (result == 0 && report == NSYS_nvtx_pushpop_trace)
		result = run_query(run, pushpop_trace, trace_row, &out);
	else if (result == 0 && report == NSYS_nvtx_gpu_proj_trace)
		result = run_query(run, gpu_proj_trace, trace_row, &out);
	else if (result == 0)
		result = run_sum(run, report, &out);
	nvtx_tables_drop(run);
	return result;
}
