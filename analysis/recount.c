/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The summaries once more, from the rows: temporary tables of the same names hide those of the
 * file, so that every view shows what the rows add up to.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <stdlib.h>
#include <uthash.h>

#define PROGRESS_ROWS	65536

/* process, device, shape, GPU time and host time of every kernel. */
#define KERNELS									\
	"SELECT t.process AS process, coalesce(s.device, x.device) AS device, l.shape AS shape," \
	" l.gpu_dur_ns AS dur, l.dur_ns AS host FROM launch l "			\
	"LEFT JOIN thread t ON t.id = l.thread LEFT JOIN shape s ON s.id = l.shape "	\
	"LEFT JOIN stream x ON x.id = l.stream "					\
	"UNION ALL SELECT t.process, coalesce(s.device, x.device), n.shape, n.gpu_dur_ns, NULL " \
	"FROM node n LEFT JOIN graph_launch g ON g.id = n.graph_launch "		\
	"LEFT JOIN thread t ON t.id = g.thread LEFT JOIN shape s ON s.id = n.shape "	\
	"LEFT JOIN stream x ON x.id = n.stream "					\
	"UNION ALL SELECT x.process, o.device, o.shape, o.dur_ns, NULL FROM orphan o "	\
	"LEFT JOIN stream x ON x.id = o.stream WHERE o.kind = 0"

#define COPIES									\
	"SELECT t.process AS process, x.device AS device, c.kind AS kind, c.gpu_dur_ns AS dur," \
	" c.bytes AS bytes FROM copy c LEFT JOIN thread t ON t.id = c.thread "		\
	"LEFT JOIN stream x ON x.id = c.stream "					\
	"UNION ALL SELECT x.process, o.device, o.kind, o.dur_ns, o.bytes FROM orphan o " \
	"LEFT JOIN stream x ON x.id = o.stream WHERE o.kind <> 0"

#define CALLS									\
	"SELECT thread, api, 0 AS failed, dur_ns AS dur FROM launch "			\
	"UNION ALL SELECT thread, (SELECT a.id FROM api a LEFT JOIN main.sum_api s ON s.api = a.id" \
	" WHERE a.name GLOB 'cuGraphLaunch*' ORDER BY s.count DESC LIMIT 1), 0, dur_ns " \
	"FROM graph_launch "								\
	"UNION ALL SELECT thread, api, 0, dur_ns FROM copy WHERE graph_launch IS NULL "	\
	"UNION ALL SELECT thread, api, 0, dur_ns FROM memory "				\
	"UNION ALL SELECT thread, api, result NOT IN (0, 600), dur_ns FROM call"	/* 600: not ready */

static const char *const steps[] = {
	"DROP TABLE IF EXISTS temp.sum_kernel",
	"CREATE TEMP TABLE sum_kernel AS SELECT coalesce(process, 0) AS process,"
	" coalesce(device, 0) AS device, shape, count(dur) AS count, sum(dur) AS total_ns,"
	" min(dur) AS min_ns, max(dur) AS max_ns, total(1.0 * dur * dur) AS sum_squares,"
	" count(host) AS launches, sum(host) AS host_ns, count(*) AS executions"
	" FROM (" KERNELS ") GROUP BY 1, 2, 3",
	"DROP TABLE IF EXISTS temp.sum_copy",
	"CREATE TEMP TABLE sum_copy AS SELECT coalesce(process, 0) AS process,"
	" coalesce(device, 0) AS device, kind, count(dur) AS count, sum(dur) AS total_ns,"
	" min(dur) AS min_ns, max(dur) AS max_ns, count(*) AS copies, sum(bytes) AS bytes,"
	" min(bytes) AS min_bytes, max(bytes) AS max_bytes FROM (" COPIES ") GROUP BY 1, 2, 3",
	"DROP TABLE IF EXISTS temp.sum_api",
	"CREATE TEMP TABLE sum_api AS SELECT coalesce(t.process, 0) AS process,"
	" coalesce(c.api, 0) AS api, count(*) AS count, sum(failed) AS failed, sum(dur) AS total_ns,"
	" min(dur) AS min_ns, max(dur) AS max_ns, total(1.0 * dur * dur) AS sum_squares"
	" FROM (" CALLS ") c LEFT JOIN thread t ON t.id = c.thread GROUP BY 1, 2",
	/* Calls that were only counted have no rows. */
	"INSERT INTO temp.sum_api SELECT process, api, count, failed, total_ns, min_ns, max_ns,"
	" sum_squares FROM main.sum_api WHERE min_ns IS NULL",
	"DROP TABLE IF EXISTS temp.sum_device",
	"CREATE TEMP TABLE sum_device (device INTEGER PRIMARY KEY, first_ns INTEGER,"
	" last_ns INTEGER, busy_ns INTEGER, compute_ns INTEGER, copy_ns INTEGER, kernels INTEGER,"
	" copies INTEGER, sets INTEGER, graph_launches INTEGER)",
};

/* Every GPU operation in order of its start; kind is NULL for kernels. */
static const char operations[] =
	"SELECT coalesce(s.device, x.device, r.device, 0), start, dur, kind FROM ("
	"SELECT start_ns + gpu_delay_ns AS start, gpu_dur_ns AS dur, NULL AS kind, shape, stream,"
	" NULL AS device FROM launch WHERE gpu_dur_ns IS NOT NULL "
	"UNION ALL SELECT start_ns, gpu_dur_ns, NULL, shape, stream, NULL FROM node"
	" WHERE gpu_dur_ns IS NOT NULL "
	"UNION ALL SELECT start_ns + gpu_delay_ns, gpu_dur_ns, kind, NULL, stream, NULL FROM copy"
	" WHERE gpu_dur_ns IS NOT NULL "
	"UNION ALL SELECT start_ns, dur_ns, nullif(kind, 0), shape, stream, device FROM orphan"
	") r LEFT JOIN shape s ON s.id = r.shape LEFT JOIN stream x ON x.id = r.stream "
	"ORDER BY start";

enum { UNION_BUSY, UNION_COMPUTE, UNION_COPY, UNION_COUNT };

/* A union of intervals that come in order of their start needs only how far it reaches. */
struct busy {
	int64_t device;
	uint64_t first, last;
	uint64_t reach[UNION_COUNT], total[UNION_COUNT];
	UT_hash_handle hh;
};

struct busy_scan {
	struct busy *devices;
	uint64_t rows;
};

static void union_add(struct busy *busy, int which, uint64_t start, uint64_t end)
{
	if (busy->reach[which] < start)
		busy->reach[which] = start;
	if (end > busy->reach[which]) {
		busy->total[which] += end - busy->reach[which];
		busy->reach[which] = end;
	}
}

static struct busy *busy_get(struct busy_scan *scan, int64_t device, uint64_t start)
{
	struct busy *busy;

	HASH_FIND(hh, scan->devices, &device, sizeof(device), busy);
	if (busy)
		return busy;
	busy = calloc(1, sizeof(*busy));
	if (!busy)
		return NULL;
	busy->device = device;
	busy->first = start;
	HASH_ADD(hh, scan->devices, device, sizeof(device), busy);
	return busy;
}

static int operation_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct busy_scan *scan = arg;
	uint64_t start = row_u64(stmt, 1), end = start + row_u64(stmt, 2);
	struct busy *busy = busy_get(scan, sqlite3_column_int64(stmt, 0), start);
	bool is_kernel = sqlite3_column_type(stmt, 3) == SQLITE_NULL;

	if (!busy)
		return run_fail(run, "out of memory");
	if (++scan->rows % PROGRESS_ROWS == 0 && run->progress)
		run->progress(run->progress_arg, scan->rows, 0);
	if (end > busy->last)
		busy->last = end;
	union_add(busy, UNION_BUSY, start, end);
	union_add(busy, is_kernel ? UNION_COMPUTE : UNION_COPY, start, end);
	return 0;
}

static int busy_write(struct run *run, const struct busy *busy)
{
	sqlite3_stmt *stmt = run_prepare(run,
		"INSERT INTO temp.sum_device (device, first_ns, last_ns, busy_ns, compute_ns, copy_ns) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
	const uint64_t values[] = {
		busy->first, busy->last, busy->total[UNION_BUSY], busy->total[UNION_COMPUTE],
		busy->total[UNION_COPY],
	};
	int result;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, busy->device);
	for (int i = 0; i < 5; i++)
		sqlite3_bind_int64(stmt, i + 2, (sqlite3_int64)values[i]);
	result = run_step(run, stmt);
	sqlite3_finalize(stmt);
	return result;
}

/* Operations are counted with and without GPU times. */
static const char counts[] =
	"INSERT OR IGNORE INTO temp.sum_device (device) SELECT device FROM temp.sum_kernel "
	"UNION SELECT device FROM temp.sum_copy;"
	"UPDATE temp.sum_device SET"
	" kernels = (SELECT sum(executions) FROM temp.sum_kernel k"
	"  WHERE k.device = sum_device.device),"
	" copies = (SELECT sum(copies) FROM temp.sum_copy c"
	"  WHERE c.device = sum_device.device AND kind & 255 <> 64),"
	" sets = (SELECT sum(copies) FROM temp.sum_copy c"
	"  WHERE c.device = sum_device.device AND kind & 255 = 64),"
	" graph_launches = (SELECT count(*) FROM graph_launch g JOIN stream x ON x.id = g.stream"
	"  WHERE x.device = sum_device.device)";

static int devices_recount(struct run *run)
{
	struct busy_scan scan = { 0 };
	struct busy *busy, *next;
	int result = run_query(run, operations, operation_row, &scan);

	HASH_ITER(hh, scan.devices, busy, next) {
		if (result >= 0)
			result = busy_write(run, busy);
		HASH_DEL(scan.devices, busy);
		free(busy);
	}
	if (result >= 0 && sqlite3_exec(run->db, counts, NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	return result;
}

int run_recount(struct run *run)
{
	int result = 0;

	if (run_freeze(run) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		if (sqlite3_exec(run->db, steps[i], NULL, NULL, NULL) != SQLITE_OK)
			result = run_fail_sqlite(run);
	if (result == 0)
		result = devices_recount(run);
	run_thaw(run);
	return result;
}
