/* SPDX-License-Identifier: Apache-2.0 */
/* The list of reports, and which function makes each. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nsys_internal.h"

#include <stdio.h>
#include <string.h>

const struct nsys_report nsys_reports[NSYS_COUNT] = {
#define NSYS_REPORT(name, header, description, has_kernels) \
	[NSYS_##name] = { #name, header, description, has_kernels },
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

/* The table that reports read names of kernels from. */
static int kernels_name(struct run *run, enum nsys_names names)
{
	static const char *const columns[] = {
		[NSYS_NAMES_FULL] = "name", [NSYS_NAMES_BASE] = "short_name",
		[NSYS_NAMES_MANGLED] = "mangled",
	};
	char sql[256];

	snprintf(sql, sizeof(sql), "DROP VIEW IF EXISTS temp.named_kernel; CREATE TEMP VIEW named_kernel AS "
		 "SELECT id, %s AS name, registers, static_shared_bytes FROM kernel", columns[names]);
	return sqlite3_exec(run->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : run_fail_sqlite(run);
}

int nsys_report_run(struct run *run, enum nsys_report_id report, enum nsys_names names,
		    nsys_row_fn *row, void *arg)
{
	int result;

	if (sqlite3_create_function(run->db, "copy_operation", 1,
				    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, copy_operation, NULL,
				    NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	if (kernels_name(run, names) < 0 || run_freeze(run) < 0)
		return -1;
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
	run_thaw(run);
	return result;
}
