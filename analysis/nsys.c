/* SPDX-License-Identifier: Apache-2.0 */
/* The list of reports, and which function makes each. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nsys_internal.h"
#include "analysis/nvtx.h"

#include <stdio.h>
#include <string.h>

const struct nsys_report nsys_reports[NSYS_COUNT] = {
#define NSYS_REPORT(name, header, description, names) \
	[NSYS_##name] = { #name, header, description, NSYS_##names },
#include "analysis/nsys.def"
};

int nsys_report_find(const char *name)
{
	for (int i = 0; i < NSYS_COUNT; i++)
		if (!strcmp(nsys_reports[i].name, name))
			return i;
	return -1;
}

/* copy_operation(kind): the name of a copy's direction. */
static void copy_operation(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	sqlite3_result_text(context, run_copy_operation(sqlite3_value_int(values[0])), -1,
			    SQLITE_STATIC);
}

#define DROP_VIEWS								\
	"DROP VIEW IF EXISTS temp.named_kernel; DROP VIEW IF EXISTS temp.named_shape;" \
	"DROP VIEW IF EXISTS temp.named_launch; DROP VIEW IF EXISTS temp.named_node;" \
	"DROP TABLE IF EXISTS temp.range_shape;"

static const char plain_views[] =
	DROP_VIEWS
	"CREATE TEMP VIEW named_kernel AS SELECT * FROM plain_kernel;"
	"CREATE TEMP VIEW named_shape AS SELECT * FROM shape;"
	"CREATE TEMP VIEW named_launch AS SELECT * FROM launch;"
	"CREATE TEMP VIEW named_node AS SELECT * FROM node;";

/* A shape in a range is one more shape, of one more kernel, which bears the range's name; that of
 * the default domain is left out as nsys does. */
#define OF_RANGES(corr)								\
	" LEFT JOIN temp.range_inner i ON i.corr = " corr				\
	" LEFT JOIN temp.range_shape r ON r.range = i.name AND r.shape = l.shape;"
static const char range_views[] =
	DROP_VIEWS
	"CREATE TEMP TABLE range_shape (range INTEGER, shape INTEGER, id INTEGER,"
	" PRIMARY KEY (range, shape)) WITHOUT ROWID;"
	"INSERT INTO range_shape SELECT range, shape, row_number() OVER () + (SELECT max(id) FROM shape)"
	" FROM (SELECT DISTINCT i.name AS range, l.shape FROM launch l JOIN temp.range_inner i"
	" ON i.corr = " CORR(LAUNCH, "l.id")
	" UNION SELECT i.name, l.shape FROM node l JOIN temp.range_inner i"
	" ON i.corr = " CORR(GRAPH, "l.graph_launch") ") WHERE shape IS NOT NULL;"
	"CREATE TEMP VIEW named_kernel AS SELECT * FROM plain_kernel"
	" UNION ALL SELECT r.id + (SELECT max(id) FROM kernel), substr(n.name, 1 + (n.name GLOB ':*'))"
	" || '/' || k.name, registers, static_shared_bytes FROM temp.range_shape r"
	" JOIN shape s ON s.id = r.shape JOIN plain_kernel k ON k.id = s.kernel"
	" JOIN temp.range_name n ON n.id = r.range;"
	"CREATE TEMP VIEW named_shape AS SELECT id, kernel, device, grid_x, grid_y, grid_z, block_x,"
	" block_y, block_z, dynamic_shared_bytes FROM shape"
	" UNION ALL SELECT r.id, r.id + (SELECT max(id) FROM kernel), device, grid_x, grid_y, grid_z,"
	" block_x, block_y, block_z, dynamic_shared_bytes FROM temp.range_shape r"
	" JOIN shape s ON s.id = r.shape;"
	"CREATE TEMP VIEW named_launch AS SELECT l.id, start_ns, dur_ns, gpu_delay_ns, gpu_dur_ns,"
	" thread, stream, coalesce(r.id, l.shape) AS shape, api FROM launch l"
	OF_RANGES(CORR(LAUNCH, "l.id"))
	"CREATE TEMP VIEW named_node AS SELECT l.id, start_ns, gpu_dur_ns, graph_launch, stream,"
	" coalesce(r.id, l.shape) AS shape FROM node l" OF_RANGES(CORR(GRAPH, "l.graph_launch"));

static int views_make(struct run *run, enum nsys_names names)
{
	static const char *const columns[] = { "name", "short_name", "mangled" };
	char sql[256];

	snprintf(sql, sizeof(sql), "DROP VIEW IF EXISTS temp.plain_kernel; CREATE TEMP VIEW plain_kernel AS "
		 "SELECT id, %s AS name, registers, static_shared_bytes FROM kernel", columns[names % 3]);
	if (sqlite3_exec(run->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	if (names >= NSYS_RANGES_FULL && nvtx_tables_make(run, NVTX_INNERMOST) < 0)
		return -1;
	if (sqlite3_exec(run->db, names < NSYS_RANGES_FULL ? plain_views : range_views, NULL, NULL,
			 NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	return 0;
}

int nsys_report_run(struct run *run, enum nsys_report_id report, enum nsys_names names,
		    nsys_row_fn *row, void *arg)
{
	int result;

	if (sqlite3_create_function(run->db, "copy_operation", 1,
				    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, copy_operation, NULL,
				    NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	if (run_freeze(run) < 0)
		return -1;
	if (views_make(run, names) < 0) {
		run_thaw(run);
		return -1;
	}
	switch (report) {
	case NSYS_cuda_api_trace:
		result = nsys_api_trace(run, row, arg);
		break;
	case NSYS_cuda_gpu_trace:
		result = nsys_gpu_trace(run, row, arg);
		break;
	case NSYS_cuda_kern_exec_trace:
		result = nsys_exec_trace(run, row, arg);
		break;
	case NSYS_cuda_kern_exec_sum:
		result = nsys_exec_sum(run, row, arg);
		break;
	case NSYS_nvtx_gpu_proj_sum:
	case NSYS_nvtx_gpu_proj_trace:
	case NSYS_nvtx_kern_sum:
	case NSYS_nvtx_pushpop_sum:
	case NSYS_nvtx_pushpop_trace:
	case NSYS_nvtx_startend_sum:
	case NSYS_nvtx_sum:
		result = nsys_nvtx(run, report, row, arg);
		break;
	case NSYS_gputrail_mem_sites:
		result = nsys_mem_sites(run, row, arg);
		break;
	case NSYS_gputrail_mem_usage:
		result = nsys_mem_usage(run, row, arg);
		break;
	default:
		result = nsys_sum(run, report, row, arg);
		break;
	}
	if (names >= NSYS_RANGES_FULL)
		nvtx_tables_drop(run);
	run_thaw(run);
	return result;
}
