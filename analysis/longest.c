/* SPDX-License-Identifier: Apache-2.0 */
/* Where in time a row of a summary has its longest event: see lanes.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/lanes.h"

#include "analysis/internal.h"

/* Columns: lane, start, duration. ?1 what it is, ?2 the duration that the summary tells, ?3 the
 * device. The first one found will do: equal ones are as long. */
#define OF_SHAPES(where)							\
	"SELECT stream, start_ns + gpu_delay_ns, gpu_dur_ns FROM launch "	\
	"WHERE gpu_dur_ns = ?2 AND shape IN (SELECT id FROM shape WHERE " where ") "	\
	"UNION ALL SELECT stream, start_ns, gpu_dur_ns FROM node "		\
	"WHERE gpu_dur_ns = ?2 AND shape IN (SELECT id FROM shape WHERE " where ") "	\
	"UNION ALL SELECT stream, start_ns, dur_ns FROM orphan "		\
	"WHERE dur_ns = ?2 AND kind = 0 AND shape IN (SELECT id FROM shape WHERE " where ") LIMIT 1"
#define OF_CALLS(table)	"SELECT thread, start_ns, dur_ns FROM " table " WHERE dur_ns = ?2 AND api = ?1 "

static const struct { enum lane_kind lane; const char *sql; } longest[] = {
	[LONGEST_KERNEL] = { LANE_STREAM, OF_SHAPES("kernel = ?1") },
	[LONGEST_SHAPE] = { LANE_STREAM, OF_SHAPES("id = ?1") },
	[LONGEST_COPY] = { LANE_STREAM,
		"SELECT stream, start_ns + gpu_delay_ns, gpu_dur_ns FROM copy WHERE gpu_dur_ns = ?2"
		" AND kind = ?1 AND stream IN (SELECT id FROM stream WHERE coalesce(device, 0) = ?3) "
		"UNION ALL SELECT stream, start_ns, dur_ns FROM orphan WHERE dur_ns = ?2 AND kind = ?1"
		" AND device = ?3 LIMIT 1" },
	[LONGEST_CALL] = { LANE_THREAD,
		OF_CALLS("launch") "UNION ALL " OF_CALLS("graph_launch") "UNION ALL " OF_CALLS("copy")
		"AND graph_launch IS NULL UNION ALL " OF_CALLS("memory") "UNION ALL " OF_CALLS("call")
		"LIMIT 1" },
};

int run_longest(struct run *run, const struct longest *of, struct run_moment *moment)
{
	sqlite3_stmt *stmt = run_prepare(run, longest[of->kind].sql);
	int found;

	*moment = (struct run_moment){ 0 };
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, of->id);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)of->dur_ns);
	sqlite3_bind_int64(stmt, 3, of->device);
	found = run_step(run, stmt);
	if (found > 0) {
		moment->lane = (struct lane_key){ longest[of->kind].lane, sqlite3_column_int64(stmt, 0) };
		moment->start_ns = row_u64(stmt, 1);
		moment->end_ns = moment->start_ns + row_u64(stmt, 2);
	}
	sqlite3_finalize(stmt);
	return found;
}
