/* SPDX-License-Identifier: Apache-2.0 */
/* The event tables: their columns, and statements that read them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/event_rows.h"

#include <stdio.h>
#include <string.h>

#define BEGIN_OF_BOTH	"min(start_ns, start_ns + coalesce(gpu_delay_ns, 0))"
#define OF_CALL		[CALL_START] = "start_ns", [CALL_DUR] = "dur_ns", [THREAD] = "thread",	\
			[API] = "api", [PATH] = "path", [ROW_ID] = "id"
#define OF_WORK		OF_CALL, [GPU_START] = "gpu_delay_ns", [GPU_DUR] = "gpu_dur_ns",	\
			[STREAM] = "stream"

const struct event_table event_tables[EVENT_TABLES] = {
	[EVENT_LAUNCH] = { "launch", BEGIN_OF_BOTH, { OF_WORK, [SHAPE] = "shape" }, true },
	[EVENT_GRAPH_LAUNCH] = { "graph_launch", BEGIN_OF_BOTH, { OF_WORK, [GRAPH] = "graph" }, true },
	[EVENT_NODE] = { "node", "start_ns", {
		[GPU_START] = "start_ns", [GPU_DUR] = "gpu_dur_ns", [STREAM] = "stream",
		[SHAPE] = "shape", [PATH] = "path", [GRAPH_LAUNCH] = "graph_launch",
		[ROW_ID] = "id" }, false },
	[EVENT_COPY] = { "copy", BEGIN_OF_BOTH, { OF_WORK, [KIND] = "kind", [BYTES] = "bytes",
		[GRAPH_LAUNCH] = "graph_launch" }, true },
	[EVENT_ORPHAN] = { "orphan", "start_ns", {
		[GPU_START] = "start_ns", [GPU_DUR] = "dur_ns", [STREAM] = "stream",
		[SHAPE] = "shape", [KIND] = "kind", [BYTES] = "bytes", [DEVICE] = "device",
		[ROW_ID] = "id" }, false },
	[EVENT_MEMORY] = { "memory", "start_ns", { OF_CALL, [KIND] = "op",
		[BYTES] = "bytes" }, false },
	[EVENT_CALL] = { "call", "start_ns", { OF_CALL, [RESULT] = "result", [OBJECT] = "object" },
		false },
};

const char *const event_replay_columns[EVENT_COLUMNS] = {
	[GPU_START] = "start_ns", [GPU_DUR] = "gpu_dur_ns", [GRAPH_LAUNCH] = "graph_launch",
	[GRAPH_NODE] = "graph_node", [ROW_ID] = "id",
};

sqlite3_stmt *event_rows_prepare(struct run *run, int table, const char *function)
{
	const struct event_table *t = &event_tables[table];
	const char *comma = "";
	char sql[512];
	int used = snprintf(sql, sizeof(sql), "SELECT %s%s", function, *function ? "(" : "");

	for (int i = 0; i < EVENT_COLUMNS; i++) {
		if (!t->columns[i])
			continue;
		used += snprintf(sql + used, sizeof(sql) - (size_t)used, "%s%s", comma, t->columns[i]);
		comma = ", ";
	}
	snprintf(sql + used, sizeof(sql) - (size_t)used, "%s FROM %s WHERE id BETWEEN ?1 AND ?2",
		 *function ? ")" : "", t->name);
	return run_prepare(run, sql);
}

struct event_row event_row_of(sqlite3_stmt *stmt, int table, int64_t values[EVENT_COLUMNS])
{
	struct event_row row = { values, 0 };
	int column = 0;

	memset(values, 0, EVENT_COLUMNS * sizeof(*values));
	for (int i = 0; i < EVENT_COLUMNS; i++) {
		if (!event_tables[table].columns[i])
			continue;
		row.known |= (uint32_t)(sqlite3_column_type(stmt, column) != SQLITE_NULL) << i;
		values[i] = sqlite3_column_int64(stmt, column++);
	}
	event_row_settle(table, &row);
	return row;
}
