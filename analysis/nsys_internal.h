/* SPDX-License-Identifier: Apache-2.0 */
/* What the sum and the trace reports share: the rows of the file as SQL, and making cells. */
#ifndef GPUTRAIL_ANALYSIS_NSYS_INTERNAL_H
#define GPUTRAIL_ANALYSIS_NSYS_INTERNAL_H

#include "analysis/internal.h"
#include "analysis/nsys.h"

/* CorrId is 8 * id + the table, so that it is unique in the file and leads back to the row. */
#define CORR_LAUNCH	"1"
#define CORR_GRAPH	"2"
#define CORR_COPY	"3"
#define CORR_MEMORY	"4"
#define CORR_CALL	"5"
#define CORR_ORPHAN	"6"
#define CORR(table, id)	"(" id " * 8 + " CORR_##table ")"

/* graph_launch rows do not name their entry point: it is the variant that was called most. */
#define GRAPH_API								\
	"(SELECT a.id FROM api a LEFT JOIN sum_api s ON s.api = a.id "		\
	"WHERE a.name GLOB 'cuGraphLaunch*' ORDER BY s.count DESC LIMIT 1)"

/* Reports with kernels read the temporary views named_kernel, named_shape, named_launch and
 * named_node: the tables, with the name of a kernel that is asked for; where its innermost range
 * belongs to it, shapes in ranges are shapes of their own. */

/* start, dur, corr, shape, stream, device of every kernel that has GPU times. */
#define KERNEL_ROWS								\
	"SELECT start_ns + gpu_delay_ns AS start, gpu_dur_ns AS dur, " CORR(LAUNCH, "id") " AS corr," \
	" shape, stream, NULL AS device FROM named_launch WHERE gpu_dur_ns IS NOT NULL " \
	"UNION ALL SELECT start_ns, gpu_dur_ns, " CORR(GRAPH, "graph_launch") ","	\
	" shape, stream, NULL FROM named_node WHERE gpu_dur_ns IS NOT NULL "			\
	"UNION ALL SELECT start_ns, dur_ns, " CORR(ORPHAN, "id") ","			\
	" shape, stream, device FROM orphan WHERE kind = 0"

/* start, dur, corr, kind, bytes, stream, device of every copy and set that has GPU times. */
#define COPY_ROWS								\
	"SELECT start_ns + gpu_delay_ns AS start, gpu_dur_ns AS dur,"			\
	" iif(graph_launch IS NULL, " CORR(COPY, "id") ", " CORR(GRAPH, "graph_launch") ") AS corr," \
	" kind, bytes, stream, NULL AS device FROM copy WHERE gpu_dur_ns IS NOT NULL "	\
	"UNION ALL SELECT start_ns, dur_ns, " CORR(ORPHAN, "id") ", kind, bytes, stream, device " \
	"FROM orphan WHERE kind <> 0"

/* start, dur, api, result, corr, thread of every recorded driver call. */
#define API_ROWS								\
	"SELECT start_ns AS start, dur_ns AS dur, api, 0 AS result, " CORR(LAUNCH, "id") " AS corr," \
	" thread FROM launch "								\
	"UNION ALL SELECT start_ns, dur_ns, " GRAPH_API ", 0, " CORR(GRAPH, "id") ", thread " \
	"FROM graph_launch "								\
	"UNION ALL SELECT start_ns, dur_ns, api, 0, " CORR(COPY, "id") ", thread FROM copy " \
	"WHERE graph_launch IS NULL "							\
	"UNION ALL SELECT start_ns, dur_ns, api, 0, " CORR(MEMORY, "id") ", thread FROM memory " \
	"UNION ALL SELECT start_ns, dur_ns, api, result, " CORR(CALL, "id") ", thread FROM call"

/* Kernels of one name are one; the key is the smallest of their ids. */
#define KERNEL_KEYS								\
	"WITH keys(shape, key) AS MATERIALIZED (SELECT s.id,"				\
	" first_value(k.id) OVER (PARTITION BY k.name ORDER BY k.id)"			\
	" FROM named_shape s JOIN named_kernel k ON k.id = s.kernel) "

/* Launches with their kernels, graph launches once for each kernel:
 * api_start, api_dur, kernel_start, kernel_dur, thread, api, shape. */
#define EXEC_ROWS								\
	"SELECT start_ns AS api_start, dur_ns AS api_dur, start_ns + gpu_delay_ns AS kernel_start," \
	" gpu_dur_ns AS kernel_dur, thread, api, shape FROM named_launch "			\
	"WHERE gpu_dur_ns IS NOT NULL "							\
	"UNION ALL SELECT g.start_ns, g.dur_ns, n.start_ns, n.gpu_dur_ns, g.thread, " GRAPH_API "," \
	" n.shape FROM named_node n JOIN graph_launch g ON g.id = n.graph_launch "		\
	"WHERE n.gpu_dur_ns IS NOT NULL"

#define UNKNOWN_KERNEL	"(unknown)"
#define MEGABYTE	1e6

/* Without the undefined overflow that the numbers of a damaged file may cause. */
static inline int64_t plus(int64_t a, uint64_t b)
{
	return (int64_t)((uint64_t)a + b);
}

static inline int64_t span(int64_t from, int64_t to)
{
	return plus(to, -(uint64_t)from);
}

static inline struct nsys_cell cell_integer(int64_t value)
{
	return (struct nsys_cell){ .kind = NSYS_INTEGER, .integer = value };
}

static inline struct nsys_cell cell_decimal(double value, int decimals)
{
	return (struct nsys_cell){ .kind = NSYS_DECIMAL, .decimal = value, .decimals = decimals };
}

static inline struct nsys_cell cell_text(const char *text)
{
	return (struct nsys_cell){ .kind = NSYS_TEXT, .text = text };
}

int nsys_sum(struct run *run, enum nsys_report_id report, nsys_row_fn *row, void *arg);
int nsys_nvtx(struct run *run, enum nsys_report_id report, nsys_row_fn *row, void *arg);
int nsys_exec_sum(struct run *run, nsys_row_fn *row, void *arg);
int nsys_gpu_trace(struct run *run, nsys_row_fn *row, void *arg);
int nsys_api_trace(struct run *run, nsys_row_fn *row, void *arg);
int nsys_exec_trace(struct run *run, nsys_row_fn *row, void *arg);
int nsys_mem_sites(struct run *run, nsys_row_fn *row, void *arg);
int nsys_mem_usage(struct run *run, nsys_row_fn *row, void *arg);

#endif
