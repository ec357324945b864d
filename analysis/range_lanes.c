/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges in rows that they do not overlap in: see range_lanes.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/range_lanes.h"

#include "analysis/internal.h"

#include <string.h>

/* So that a lane's id has room for the row, whatever a damaged file holds. */
#define THREAD_MOST	"1152921504606846976"

enum { PLACE_THREAD, PLACE_START, PLACE_END, PLACE_ROW, PLACE_LABEL };

/* The start of some imported ones lies before that of the recording. */
static const char places_sql[] =
	"SELECT r.thread, max(r.start_ns, 0) AS start, r.start_ns + coalesce(r.dur_ns, 0) AS stop, r.id,"
	" coalesce(r.label, 0) FROM " ROWS_NEAR("range", "r", "?1", "?2")
	" WHERE (r.dur_ns >= 0 OR (r.kind = 3 AND r.dur_ns IS NULL)) AND start < ?2 AND stop >= ?1"
	" AND r.thread BETWEEN 1 AND " THREAD_MOST
	" ORDER BY r.thread, start, stop DESC, r.level, r.id";

/* What is open around a range is in the rows above: the first free row is that of its level. Only
 * ranges from anywhere to anywhere, which need not nest, may get another one. */
static int free_row(const uint64_t *reach, uint64_t start_ns)
{
	int row = 0;

	while (row < LANE_RANGE_ROWS && reach[row] > start_ns)
		row++;
	return row;
}

int range_places(struct run *run, uint64_t from_ns, uint64_t to_ns, range_place_fn *fn,
		 void *arg)
{
	sqlite3_stmt *stmt = run_prepare(run, places_sql);
	uint64_t reach[LANE_RANGE_ROWS] = { 0 };
	int64_t thread = 0;
	int result = stmt ? 1 : -1, done = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)from_ns);
	sqlite3_bind_int64(stmt, 2, to_ns < INT64_MAX ? (sqlite3_int64)to_ns : INT64_MAX);
	while (done == 0 && (result = run_step(run, stmt)) > 0) {
		struct range_place place = { .row = sqlite3_column_int64(stmt, PLACE_ROW),
			.label = sqlite3_column_int64(stmt, PLACE_LABEL),
			.start_ns = row_u64(stmt, PLACE_START), .end_ns = row_u64(stmt, PLACE_END) };
		int row;

		if (sqlite3_column_int64(stmt, PLACE_THREAD) != thread)
			memset(reach, 0, sizeof(reach));
		thread = sqlite3_column_int64(stmt, PLACE_THREAD);
		row = free_row(reach, place.start_ns);
		if (row == LANE_RANGE_ROWS || place.end_ns < place.start_ns)
			continue;
		reach[row] = place.end_ns;
		place.lane.kind = LANE_RANGE;
		place.lane.id = thread * LANE_RANGE_ROWS + row;
		done = fn(arg, &place);
	}
	sqlite3_finalize(stmt);
	return result < 0 ? -1 : done;
}
