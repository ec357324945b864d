/* SPDX-License-Identifier: Apache-2.0 */
/* Reports with one row per group: what is grouped, and what the group is called, as SQL. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nsys_internal.h"

#include "analysis/stats.h"

#define LABELS_MAX	5

/* Keys of reports over several kinds of things: key * 4 + kind. */
#define KIND_KERNEL	"0"
#define KIND_MEMORY	"1"
#define KIND_API	"2"

#define KERNEL_TIMES								\
	KERNEL_KEYS "SELECT coalesce(keys.key, 0) AS key, dur FROM (" KERNEL_ROWS ") r " \
	"LEFT JOIN keys ON keys.shape = r.shape"
#define GPU_TIMES								\
	"SELECT key * 4 + " KIND_KERNEL ", dur FROM (" KERNEL_TIMES ") "		\
	"UNION ALL SELECT (kind & 255) * 4 + " KIND_MEMORY ", dur FROM (" COPY_ROWS ")"
#define KIND_LABELS								\
	"SELECT CASE ?1 & 3 WHEN " KIND_KERNEL " THEN 'CUDA_KERNEL'"			\
	" WHEN " KIND_MEMORY " THEN 'MEMORY_OPER' ELSE 'CUDA_API' END,"			\
	" CASE ?1 & 3 WHEN " KIND_KERNEL " THEN (SELECT name FROM named_kernel WHERE id = ?1 >> 2)" \
	" WHEN " KIND_MEMORY " THEN copy_operation(?1 >> 2)"				\
	" ELSE (SELECT name FROM api WHERE id = ?1 >> 2) END"
#define XYZ(prefix)								\
	"printf('%4d %4d %4d', s." prefix "_x, s." prefix "_y, s." prefix "_z)"

static const struct sum {
	const char *values;		/* SQL: key, value */
	const char *labels;		/* SQL: the last columns, for key ?1 */
} sums[NSYS_COUNT] = {
	[NSYS_cuda_gpu_kern_sum] = {
		KERNEL_TIMES,
		"SELECT name FROM named_kernel WHERE id = ?1",
	},
	[NSYS_cuda_gpu_kern_gb_sum] = {
		"WITH keys(shape, key) AS MATERIALIZED (SELECT s.id, first_value(s.id) OVER"
		" (PARTITION BY k.name, grid_x, grid_y, grid_z, block_x, block_y, block_z"
		" ORDER BY s.id) FROM named_shape s JOIN named_kernel k ON k.id = s.kernel) "
		"SELECT coalesce(keys.key, 0), dur FROM (" KERNEL_ROWS ") r "
		"LEFT JOIN keys ON keys.shape = r.shape",
		"SELECT " XYZ("grid") ", " XYZ("block") ", k.name "
		"FROM named_shape s JOIN named_kernel k ON k.id = s.kernel WHERE s.id = ?1",
	},
	[NSYS_cuda_api_sum] = {
		"SELECT coalesce(api, 0), dur FROM (" API_ROWS ")",
		"SELECT name FROM api WHERE id = ?1",
	},
	[NSYS_cuda_gpu_sum] = { GPU_TIMES, KIND_LABELS },
	[NSYS_cuda_api_gpu_sum] = {
		GPU_TIMES " UNION ALL SELECT coalesce(api, 0) * 4 + " KIND_API ", dur "
		"FROM (" API_ROWS ")",
		KIND_LABELS,
	},
	[NSYS_cuda_gpu_mem_time_sum] = {
		"SELECT kind & 255, dur FROM (" COPY_ROWS ")",
		"SELECT copy_operation(?1)",
	},
	[NSYS_cuda_gpu_mem_size_sum] = {
		"SELECT kind & 255, bytes FROM (" COPY_ROWS ")",
		"SELECT copy_operation(?1)",
	},
};

/* Binds the key and reads the labels' row; a key without a row has unknown labels. */
static int labels_read(struct run *run, sqlite3_stmt *stmt, int64_t key, struct nsys_cell *cells)
{
	int count = sqlite3_column_count(stmt), result;

	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, key);
	result = run_step(run, stmt);
	if (result < 0)
		return -1;
	for (int i = 0; i < count && i < LABELS_MAX; i++) {
		const char *text = result ? (const char *)sqlite3_column_text(stmt, i) : NULL;

		if (result && sqlite3_column_type(stmt, i) == SQLITE_INTEGER)
			cells[i] = cell_integer(sqlite3_column_int64(stmt, i));
		else
			cells[i] = cell_text(text ? text : UNKNOWN_KERNEL);
	}
	return count < LABELS_MAX ? count : LABELS_MAX;
}

/* Time (%), Total Time, count, Avg, Med, Min, Max, StdDev */
static int times_cells(const struct stats *stats, const struct stats_value *v,
		       struct nsys_cell *cells)
{
	int n = 0;

	cells[n++] = cell_decimal(stats->total ? 100.0 * (double)v->total / (double)stats->total
					       : 0, 1);
	cells[n++] = cell_integer((int64_t)v->total);
	cells[n++] = cell_integer((int64_t)v->count);
	cells[n++] = cell_decimal(v->average, 1);
	cells[n++] = cell_decimal(v->median, 1);
	cells[n++] = cell_integer((int64_t)v->min);
	cells[n++] = cell_integer((int64_t)v->max);
	cells[n++] = cell_decimal(v->stddev, 1);
	return n;
}

/* Total, Count, Avg, Med, Min, Max, StdDev in MB */
static int sizes_cells(const struct stats_value *v, struct nsys_cell *cells)
{
	int n = 0;

	cells[n++] = cell_decimal((double)v->total / MEGABYTE, 3);
	cells[n++] = cell_integer((int64_t)v->count);
	cells[n++] = cell_decimal(v->average / MEGABYTE, 3);
	cells[n++] = cell_decimal(v->median / MEGABYTE, 3);
	cells[n++] = cell_decimal((double)v->min / MEGABYTE, 3);
	cells[n++] = cell_decimal((double)v->max / MEGABYTE, 3);
	cells[n++] = cell_decimal(v->stddev / MEGABYTE, 3);
	return n;
}

int nsys_sum(struct run *run, enum nsys_report_id report, nsys_row_fn *row, void *arg)
{
	sqlite3_stmt *labels = run_prepare(run, sums[report].labels);
	struct stats stats;
	int result = 0;

	if (!labels)
		return -1;
	if (stats_run(run, sums[report].values, 1, &stats) < 0) {
		sqlite3_finalize(labels);
		return -1;
	}
	for (size_t i = 0; result == 0 && i < stats.count; i++) {
		struct nsys_cell cells[8 + LABELS_MAX];
		const struct stats_group *group = &stats.groups[i];
		int n = report == NSYS_cuda_gpu_mem_size_sum
				? sizes_cells(&group->values[0], cells)
				: times_cells(&stats, &group->values[0], cells);
		int more = labels_read(run, labels, group->key, cells + n);

		result = more < 0 ? -1 : row(arg, cells, n + more);
	}
	stats_free(&stats);
	sqlite3_finalize(labels);
	return result;
}

/* One key from four ids: thread, device, api and kernel, in 20, 6, 10 and 27 bits. */
static const char exec_values[] =
	KERNEL_KEYS
	"SELECT ((coalesce(thread, 0) & 0xfffff) << 43) | ((coalesce(s.device, 0) & 63) << 37) |"
	" ((coalesce(api, 0) & 1023) << 27) | (coalesce(keys.key, 0) & 0x7ffffff),"
	" max(api_start + api_dur, kernel_start + kernel_dur) - api_start, api_dur,"
	" iif(kernel_start > api_start + api_dur, kernel_start - api_start - api_dur, NULL),"
	" kernel_dur "
	"FROM (" EXEC_ROWS ") r LEFT JOIN keys ON keys.shape = r.shape "
	"LEFT JOIN named_shape s ON s.id = r.shape";
static const char exec_labels[] =
	"SELECT (SELECT p.pid FROM thread t JOIN process p ON p.id = t.process"
	"  WHERE t.id = ?1 >> 43),"
	" (SELECT tid FROM thread WHERE id = ?1 >> 43),"
	" " GPU_NUMBER("((?1 >> 37) & 63)") ","
	" (SELECT name FROM api WHERE id = (?1 >> 27) & 1023),"
	" (SELECT name FROM named_kernel WHERE id = ?1 & 0x7ffffff)";

/* Avg, Med, Min, Max, StdDev; empty where nothing was counted. */
static int five_cells(const struct stats_value *v, struct nsys_cell *cells)
{
	if (!v->count) {
		for (int i = 0; i < 5; i++)
			cells[i] = (struct nsys_cell){ .kind = NSYS_EMPTY };
		return 5;
	}
	cells[0] = cell_decimal(v->average, 1);
	cells[1] = cell_decimal(v->median, 1);
	cells[2] = cell_integer((int64_t)v->min);
	cells[3] = cell_integer((int64_t)v->max);
	cells[4] = cell_decimal(v->stddev, 1);
	return 5;
}

static int exec_row(struct run *run, sqlite3_stmt *labels, const struct stats_group *group,
		    nsys_row_fn *row, void *arg)
{
	struct nsys_cell cells[5 + 4 * 5 + LABELS_MAX], names[LABELS_MAX];
	int n = 0;

	if (labels_read(run, labels, group->key, names) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		cells[n++] = names[i];
	cells[n++] = cell_integer((int64_t)group->values[0].count);
	cells[n++] = cell_integer((int64_t)group->values[2].count);
	for (int i = 0; i < 4; i++)
		n += five_cells(&group->values[i], cells + n);
	cells[n++] = names[3];
	cells[n++] = names[4];
	return row(arg, cells, n);
}

int nsys_exec_sum(struct run *run, nsys_row_fn *row, void *arg)
{
	sqlite3_stmt *labels = run_prepare(run, exec_labels);
	struct stats stats;
	int result = 0;

	if (!labels)
		return -1;
	if (stats_run(run, exec_values, 4, &stats) < 0) {
		sqlite3_finalize(labels);
		return -1;
	}
	for (size_t i = 0; result == 0 && i < stats.count; i++)
		result = exec_row(run, labels, &stats.groups[i], row, arg);
	stats_free(&stats);
	sqlite3_finalize(labels);
	return result;
}
