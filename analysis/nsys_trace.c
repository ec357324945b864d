/* SPDX-License-Identifier: Apache-2.0 */
/* Reports with one row per event, in time order; SQLite sorts, spilling to disk. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nsys_internal.h"

#include <stdio.h>

#include "analysis/lookup.h"

#define PROGRESS_ROWS	65536

/* Columns of the lookups below. */
enum { SHAPE_GRID, SHAPE_BLOCK = 3, SHAPE_REGISTERS = 6, SHAPE_STATIC, SHAPE_DYNAMIC, SHAPE_NAME,
       SHAPE_DEVICE };
enum { STREAM_NUMBER, STREAM_CONTEXT, STREAM_DEVICE };
enum { DEVICE_LABEL, DEVICE_ORDINAL };
enum { THREAD_PID, THREAD_TID, THREAD_NAME };

static const char shape_sql[] =
	"SELECT s.id, grid_x, grid_y, grid_z, block_x, block_y, block_z, k.registers,"
	" k.static_shared_bytes, s.dynamic_shared_bytes, k.name, s.device "
	"FROM named_shape s LEFT JOIN named_kernel k ON k.id = s.kernel ORDER BY s.id";
static const char stream_sql[] =
	"SELECT s.id, coalesce(nullif(s.number, 0), s.id), c.number, s.device "
	"FROM stream s LEFT JOIN context c ON c.id = s.context ORDER BY s.id";
static const char device_sql[] =
	"SELECT id, coalesce(name, 'GPU') || ' (' || coalesce(gpu, '?') || ')', gpu "
	"FROM (SELECT id, name, " GPU_NUMBER("d.id") " AS gpu FROM device d) ORDER BY id";
static const char thread_sql[] =
	"SELECT t.id, p.pid, t.tid, t.name FROM thread t LEFT JOIN process p ON p.id = t.process "
	"ORDER BY t.id";
static const char api_sql[] = "SELECT id, name FROM api ORDER BY id";

struct trace {
	struct lookup shapes, streams, devices, threads, apis;
	nsys_row_fn *row;
	void *arg;
	uint64_t rows;
};

static int trace_load(struct run *run, struct trace *trace)
{
	if (lookup_load(run, shape_sql, &trace->shapes) < 0 ||
	    lookup_load(run, stream_sql, &trace->streams) < 0 ||
	    lookup_load(run, device_sql, &trace->devices) < 0 ||
	    lookup_load(run, thread_sql, &trace->threads) < 0 ||
	    lookup_load(run, api_sql, &trace->apis) < 0)
		return -1;
	return 0;
}

/* Runs one trace: `make` turns each row of `sql` into cells. */
static int trace_run(struct run *run, const char *sql, run_row_fn *make, nsys_row_fn *row,
		     void *arg)
{
	struct trace trace = { .row = row, .arg = arg };
	int result = trace_load(run, &trace);

	if (result == 0)
		result = run_query(run, sql, make, &trace);
	lookup_free(&trace.shapes);
	lookup_free(&trace.streams);
	lookup_free(&trace.devices);
	lookup_free(&trace.threads);
	lookup_free(&trace.apis);
	return result;
}

static int trace_emit(struct run *run, struct trace *trace, const struct nsys_cell *cells,
		      int count)
{
	if (++trace->rows % PROGRESS_ROWS == 0 && run->progress)
		run->progress(run->progress_arg, trace->rows, 0);
	return trace->row(trace->arg, cells, count);
}

static struct nsys_cell optional(const struct lookup *lookup, int64_t id, int column)
{
	const struct lookup_cell *cells = lookup_find(lookup, id);

	if (!cells || cells[column].is_null)
		return (struct nsys_cell){ .kind = NSYS_EMPTY };
	if (cells[column].text)
		return cell_text(cells[column].text);
	return cell_integer(cells[column].number);
}

/* The columns from GrdX to DymSMem, empty unless it is a kernel. */
static int kernel_cells(const struct trace *trace, bool is_kernel, int64_t shape,
			struct nsys_cell *cells)
{
	int n = 0;

	for (int column = SHAPE_GRID; column <= SHAPE_REGISTERS; column++)
		cells[n++] = optional(&trace->shapes, is_kernel ? shape : -1, column);
	for (int column = SHAPE_STATIC; column <= SHAPE_DYNAMIC; column++) {
		cells[n] = optional(&trace->shapes, is_kernel ? shape : -1, column);
		if (cells[n].kind == NSYS_INTEGER)
			cells[n] = cell_decimal((double)cells[n].integer / MEGABYTE, 3);
		n++;
	}
	return n;
}

/* Bytes, Throughput, SrcMemKd, DstMemKd, empty for kernels. */
static int copy_cells(bool is_kernel, int kind, uint64_t bytes, uint64_t dur,
		      struct nsys_cell *cells)
{
	bool is_set = (kind & 0xff) == RUN_COPY_SET;
	const char *source = run_copy_memory(kind, is_set);
	const char *destination = is_set ? "" : run_copy_memory(kind, true);

	for (int i = 0; i < 4; i++)
		cells[i] = (struct nsys_cell){ .kind = NSYS_EMPTY };
	if (is_kernel)
		return 4;
	cells[0] = cell_decimal((double)bytes / MEGABYTE, 3);
	if (dur)
		cells[1] = cell_decimal((double)bytes * 1e3 / (double)dur, 3);
	cells[2] = cell_text(source);
	cells[3] = cell_text(destination);
	return 4;
}

enum { GPU_START, GPU_DUR, GPU_CORR, GPU_KIND, GPU_SHAPE, GPU_BYTES, GPU_STREAM, GPU_DEVICE };

static int gpu_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct trace *trace = arg;
	int64_t shape = row_id(stmt, GPU_SHAPE), stream = row_id(stmt, GPU_STREAM);
	int64_t device = row_id(stmt, GPU_DEVICE);
	int kind = row_int(stmt, GPU_KIND, 0);
	bool is_kernel = sqlite3_column_type(stmt, GPU_KIND) == SQLITE_NULL;
	struct nsys_cell cells[24];
	int n = 0;

	if (device < 0)
		device = lookup_number(&trace->streams, stream, STREAM_DEVICE,
				       lookup_number(&trace->shapes, shape, SHAPE_DEVICE, -1));
	cells[n++] = cell_integer(sqlite3_column_int64(stmt, GPU_START));
	cells[n++] = cell_integer((int64_t)row_u64(stmt, GPU_DUR));
	cells[n++] = cell_integer(sqlite3_column_int64(stmt, GPU_CORR));
	if (sqlite3_column_type(stmt, GPU_CORR) == SQLITE_NULL)
		cells[n - 1] = (struct nsys_cell){ .kind = NSYS_EMPTY };
	n += kernel_cells(trace, is_kernel, shape, cells + n);
	n += copy_cells(is_kernel, kind, row_u64(stmt, GPU_BYTES), row_u64(stmt, GPU_DUR),
			cells + n);
	cells[n++] = optional(&trace->devices, device, DEVICE_LABEL);
	cells[n++] = optional(&trace->streams, stream, STREAM_CONTEXT);
	cells[n++] = (struct nsys_cell){ .kind = NSYS_EMPTY };
	cells[n++] = optional(&trace->streams, stream, STREAM_NUMBER);
	cells[n++] = cell_text(is_kernel ? lookup_text(&trace->shapes, shape, SHAPE_NAME,
						       UNKNOWN_KERNEL)
					 : run_copy_operation(kind));
	return trace_emit(run, trace, cells, n);
}

int nsys_gpu_trace(struct run *run, nsys_row_fn *row, void *arg)
{
	return trace_run(run,
		"SELECT start, dur, corr, NULL AS kind, shape, NULL AS bytes, stream, device "
		"FROM (" KERNEL_ROWS ") "
		"UNION ALL SELECT start, dur, corr, kind, NULL, bytes, stream, device "
		"FROM (" COPY_ROWS ") ORDER BY start", gpu_row, row, arg);
}

enum { API_START, API_DUR, API_API, API_RESULT, API_CORR, API_THREAD };

static int api_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct trace *trace = arg;
	int64_t thread = row_id(stmt, API_THREAD);
	struct nsys_cell cells[9];
	int n = 0;

	cells[n++] = cell_integer(sqlite3_column_int64(stmt, API_START));
	cells[n++] = cell_integer((int64_t)row_u64(stmt, API_DUR));
	cells[n++] = cell_text(lookup_text(&trace->apis, row_id(stmt, API_API), 0, UNKNOWN_KERNEL));
	cells[n++] = cell_integer(sqlite3_column_int64(stmt, API_RESULT));
	cells[n++] = cell_integer(sqlite3_column_int64(stmt, API_CORR));
	cells[n++] = optional(&trace->threads, thread, THREAD_PID);
	cells[n++] = optional(&trace->threads, thread, THREAD_TID);
	cells[n++] = (struct nsys_cell){ .kind = NSYS_EMPTY };
	cells[n++] = optional(&trace->threads, thread, THREAD_NAME);
	return trace_emit(run, trace, cells, n);
}

int nsys_api_trace(struct run *run, nsys_row_fn *row, void *arg)
{
	return trace_run(run, "SELECT start, dur, api, result, corr, thread FROM (" API_ROWS ") "
			 "ORDER BY start", api_row, row, arg);
}

/* "GridXYZ" and "BlockXYZ" */
static struct nsys_cell xyz_cell(const struct trace *trace, int64_t shape, int first, char *text,
				 size_t bytes)
{
	long long xyz[3];

	for (int i = 0; i < 3; i++)
		xyz[i] = (long long)lookup_number(&trace->shapes, shape, first + i, 0);
	snprintf(text, bytes, "%4lld %4lld %4lld", xyz[0], xyz[1], xyz[2]);
	return cell_text(text);
}

static struct nsys_cell cell_span(int64_t from, int64_t to)
{
	return cell_integer(span(from, to));
}

enum { EXEC_START, EXEC_DUR, EXEC_KERNEL, EXEC_KERNEL_DUR, EXEC_THREAD, EXEC_API, EXEC_SHAPE };

static int exec_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct trace *trace = arg;
	int64_t start = sqlite3_column_int64(stmt, EXEC_START);
	int64_t end = plus(start, row_u64(stmt, EXEC_DUR));
	int64_t kernel = sqlite3_column_int64(stmt, EXEC_KERNEL);
	int64_t kernel_end = plus(kernel, row_u64(stmt, EXEC_KERNEL_DUR));
	int64_t shape = row_id(stmt, EXEC_SHAPE), thread = row_id(stmt, EXEC_THREAD);
	int64_t device = lookup_number(&trace->shapes, shape, SHAPE_DEVICE, -1);
	struct nsys_cell cells[14] = { { 0 } };
	char grid[80], block[80];

	cells[0] = cell_integer(start);
	cells[1] = cell_span(start, end);
	if (kernel > end) {
		cells[2] = cell_integer(end);
		cells[3] = cell_span(end, kernel);
	}
	cells[4] = cell_integer(kernel);
	cells[5] = cell_span(kernel, kernel_end);
	cells[6] = cell_span(start, kernel_end > end ? kernel_end : end);
	cells[7] = optional(&trace->threads, thread, THREAD_PID);
	cells[8] = optional(&trace->threads, thread, THREAD_TID);
	cells[9] = optional(&trace->devices, device, DEVICE_ORDINAL);
	cells[10] = cell_text(lookup_text(&trace->apis, row_id(stmt, EXEC_API), 0, UNKNOWN_KERNEL));
	cells[11] = xyz_cell(trace, shape, SHAPE_GRID, grid, sizeof(grid));
	cells[12] = xyz_cell(trace, shape, SHAPE_BLOCK, block, sizeof(block));
	cells[13] = cell_text(lookup_text(&trace->shapes, shape, SHAPE_NAME, UNKNOWN_KERNEL));
	return trace_emit(run, trace, cells, 14);
}

int nsys_exec_trace(struct run *run, nsys_row_fn *row, void *arg)
{
	return trace_run(run, "SELECT api_start, api_dur, kernel_start, kernel_dur, thread, api, shape "
			 "FROM (" EXEC_ROWS ") ORDER BY api_start", exec_row, row, arg);
}
