/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything about one event or idle interval in words. Each table has one statement whose column
 * names are the labels; what comes after '|' in a name is the unit. NULL is left out.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/lanes.h"

#include "analysis/idle_internal.h"
#include "analysis/names.h"
#include "analysis/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_FRAMES_MAX	64

#define SHAPE_FACTS								\
	" s.grid_x || ', ' || s.grid_y || ', ' || s.grid_z AS 'Grid',"		\
	" s.block_x || ', ' || s.block_y || ', ' || s.block_z AS 'Block',"	\
	" k.registers AS 'Registers',"						\
	" coalesce(k.static_shared_bytes, 0) + coalesce(s.dynamic_shared_bytes, 0) AS 'Shared|B',"	\
	" s.blocks_per_sm || ' blocks an SM, limited by ' || s.limiter AS 'Occupancy',"	\
	" printf('%.2f', s.waves_x1000 / 1000.0) AS 'Waves'"
#define SHAPE_JOIN	" LEFT JOIN shape s ON s.id = e.shape LEFT JOIN kernel k ON k.id = s.kernel"
#define STREAM_FACTS								\
	" coalesce(nullif(x.name, ''), iif(x.handle = 0, 'default stream',"	\
	" coalesce(nullif(x.number, 0), x.id))) AS 'Stream', 'GPU ' || d.ordinal AS 'Device'"
#define STREAM_JOIN	" LEFT JOIN stream x ON x.id = e.stream LEFT JOIN device d ON d.id = x.device"
#define CALL_FACTS								\
	" a.name AS 'Call', e.start_ns AS 'Called at|ns', e.dur_ns AS 'Call took|ns',"	\
	" t.name || ' ' || t.tid AS 'Thread', p.name || ' ' || p.pid AS 'Process'"
#define CALL_JOIN								\
	" LEFT JOIN api a ON a.id = e.api LEFT JOIN thread t ON t.id = e.thread"	\
	" LEFT JOIN process p ON p.id = t.process"
#define GPU_FACTS								\
	" e.start_ns + e.gpu_delay_ns AS 'Started at|ns', e.gpu_dur_ns AS 'Took|ns',"	\
	" e.gpu_delay_ns AS 'After the call began|ns'"
#define COPY_FACTS	" e.kind AS 'Copy|kind', e.bytes AS 'Size|B',"
#define ID		" WHERE e.id = ?1"

static const char *const facts_sql[EVENT_TABLES] = {
	[EVENT_LAUNCH] = "SELECT k.name AS 'Kernel'," GPU_FACTS "," STREAM_FACTS "," SHAPE_FACTS ","
		CALL_FACTS " FROM launch e" SHAPE_JOIN STREAM_JOIN CALL_JOIN ID,
	[EVENT_GRAPH_LAUNCH] = "SELECT" CALL_FACTS ", e.graph AS 'Graph', e.nodes AS 'Operations',"
		GPU_FACTS "," STREAM_FACTS " FROM graph_launch e" STREAM_JOIN CALL_JOIN ID,
	[EVENT_NODE] = "SELECT k.name AS 'Kernel', e.start_ns AS 'Started at|ns',"
		" e.gpu_dur_ns AS 'Took|ns'," STREAM_FACTS "," SHAPE_FACTS ","
		" e.graph_launch AS 'Graph launch', g.start_ns AS 'Graph launched at|ns',"
		" t.name || ' ' || t.tid AS 'By thread' FROM node e" SHAPE_JOIN STREAM_JOIN
		" LEFT JOIN graph_launch g ON g.id = e.graph_launch"
		" LEFT JOIN thread t ON t.id = g.thread" ID,
	[EVENT_COPY] = "SELECT" COPY_FACTS GPU_FACTS ","
		" CAST(e.bytes * 1e9 / nullif(e.gpu_dur_ns, 0) AS INTEGER) AS 'Rate|B/s'," STREAM_FACTS
		", e.graph_launch AS 'Graph launch'," CALL_FACTS " FROM copy e" STREAM_JOIN CALL_JOIN ID,
	[EVENT_ORPHAN] = "SELECT k.name AS 'Kernel', nullif(e.kind, 0) AS 'Copy|kind',"
		" e.start_ns AS 'Started at|ns', e.dur_ns AS 'Took|ns'," STREAM_FACTS "," SHAPE_FACTS
		", 'its call was not seen' AS 'Call' FROM orphan e" SHAPE_JOIN STREAM_JOIN ID,
	[EVENT_MEMORY] = "SELECT" CALL_FACTS ", e.bytes AS 'Size|B', printf('0x%x', e.address) AS 'Address'"
		" FROM memory e" CALL_JOIN ID,
	[EVENT_CALL] = "SELECT" CALL_FACTS ", iif(e.result = 0, NULL, coalesce(r.name, e.result)) AS"
		" 'Result' FROM call e" CALL_JOIN " LEFT JOIN result r ON r.id = e.result" ID,
};

static int fact_add(struct run *run, struct run_fact_list *facts, const char *key, const char *value)
{
	struct run_fact *fact = LIST_ADD(facts);

	if (fact) {
		fact->key = strdup(key);
		fact->value = strdup(value);
	}
	return fact && fact->key && fact->value ? 0 : run_fail(run, "out of memory");
}

static int column_add(struct run *run, sqlite3_stmt *row, int column, struct run_fact_list *facts)
{
	const char *label = sqlite3_column_name(row, column), *unit = strchr(label, '|');
	char key[64], number[64], *text = row_text(row, column);
	const char *value = text;
	int result;

	snprintf(key, sizeof(key), "%.*s", unit ? (int)(unit - label) : (int)strlen(label), label);
	if (unit && strcmp(unit, "|ns") == 0)
		value = format_ns((double)sqlite3_column_int64(row, column), number, sizeof(number));
	else if (unit && strcmp(unit, "|kind") == 0)
		value = run_copy_direction(row_int(row, column, 0));
	else if (unit && strcmp(unit, "|B/s") == 0)
		value = format_rate((double)sqlite3_column_int64(row, column), number, sizeof(number));
	else if (unit)
		value = format_bytes((double)sqlite3_column_int64(row, column), number, sizeof(number));
	result = text ? fact_add(run, facts, key, value) : run_fail(run, "out of memory");
	free(text);
	return result;
}

static const char path_sql[] =
	"WITH RECURSIVE up(frame, parent, depth) AS ("
	" SELECT frame, parent, 0 FROM path WHERE id = ?1"
	" UNION ALL SELECT p.frame, p.parent, up.depth + 1 FROM up JOIN path p ON p.id = up.parent"
	" WHERE up.depth < 1000) "
	"SELECT n.name FROM up JOIN (" FRAME_NAMES ") n ON n.id = up.frame ORDER BY up.depth";

/* The frames of a path, innermost first. */
static int path_add(struct run *run, int64_t path, struct run_fact_list *facts)
{
	sqlite3_stmt *row = path > 0 ? run_prepare(run, path_sql) : NULL;
	int result = row || path <= 0 ? 1 : -1, frames = 0;

	if (row)
		sqlite3_bind_int64(row, 1, path);
	while (row && result > 0 && frames < PATH_FRAMES_MAX) {
		result = run_step(run, row);
		if (result > 0) {
			char *name = row_text(row, 0);

			result = name && fact_add(run, facts, frames++ ? "" : "Called by", name) == 0
				 ? 1 : -1;
			free(name);
		}
	}
	sqlite3_finalize(row);
	return result < 0 ? -1 : 0;
}

static int row_add(struct run *run, const char *sql, const int64_t *values, int count,
		   struct run_fact_list *facts)
{
	sqlite3_stmt *row = run_prepare(run, sql);
	int result;

	if (!row)
		return -1;
	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(row, i + 1, values[i]);
	result = run_step(run, row);
	for (int i = 0; result > 0 && i < sqlite3_column_count(row); i++)
		if (sqlite3_column_type(row, i) != SQLITE_NULL && column_add(run, row, i, facts) < 0)
			result = -1;
	sqlite3_finalize(row);
	return result < 0 ? -1 : 0;
}

/* The call of a row: its thread, and when it began. */
static const char *const call_sql[EVENT_TABLES] = {
	[EVENT_LAUNCH] = "SELECT thread, start_ns FROM launch e" ID,
	[EVENT_GRAPH_LAUNCH] = "SELECT thread, start_ns FROM graph_launch e" ID,
	[EVENT_NODE] = "SELECT g.thread, g.start_ns FROM node e"
		" JOIN graph_launch g ON g.id = e.graph_launch" ID,
	[EVENT_COPY] = "SELECT coalesce(g.thread, e.thread), coalesce(g.start_ns, e.start_ns) FROM copy e"
		" LEFT JOIN graph_launch g ON g.id = e.graph_launch" ID,
	[EVENT_MEMORY] = "SELECT thread, start_ns FROM memory e" ID,
	[EVENT_CALL] = "SELECT thread, start_ns FROM call e" ID,
};

static const char ranges_sql[] =
	"SELECT coalesce(l.domain || ': ', '') || coalesce(l.text, r.name, '(no text)')"
	" FROM " ROWS_NEAR("range", "r", "?2", "?3") " LEFT JOIN label l ON l.id = r.label "
	"WHERE r.thread = ?1 AND r.start_ns <= ?2 AND r.start_ns + r.dur_ns > ?2"
	" AND r.start_ns + r.dur_ns >= ?3 AND r.id IS NOT ?4 "
	"ORDER BY r.start_ns DESC, r.dur_ns";

/* The ranges of NVTX around a stretch of time on a thread, innermost first; `self` is not one. */
static int ranges_add(struct run *run, int64_t thread, int64_t from_ns, int64_t to_ns, int64_t self,
		      struct run_fact_list *facts)
{
	sqlite3_stmt *row = run_prepare(run, ranges_sql);
	int result = row ? 1 : -1, count = 0;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, thread);
	sqlite3_bind_int64(row, 2, from_ns);
	sqlite3_bind_int64(row, 3, to_ns);
	sqlite3_bind_int64(row, 4, self);
	while (result > 0 && count < PATH_FRAMES_MAX) {
		result = run_step(run, row);
		if (result > 0) {
			char *name = row_text(row, 0);

			result = name && fact_add(run, facts, count++ ? "" : "In range", name) == 0
				 ? 1 : -1;
			free(name);
		}
	}
	sqlite3_finalize(row);
	return result < 0 ? -1 : 0;
}

static int ranges_of_row(struct run *run, const struct run_event *event, struct run_fact_list *facts)
{
	sqlite3_stmt *row = run_prepare(run, call_sql[event->table]);
	int64_t at_ns;
	int result;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, event->row);
	result = run_step(run, row);
	at_ns = sqlite3_column_int64(row, 1);
	if (result > 0)
		result = ranges_add(run, sqlite3_column_int64(row, 0), at_ns, at_ns, -1, facts);
	sqlite3_finalize(row);
	return result;
}

static const char range_sql[] =
	"SELECT coalesce(l.text, e.name, '(no text)') AS 'Range', l.domain AS 'Domain',"
	" coalesce(l.category_name, nullif(l.category, 0)) AS 'Category',"
	" iif(l.color IS NULL, NULL, printf('#%06X', l.color & 0xFFFFFF)) AS 'Colour',"
	" iif(e.payload_type = 1 AND e.payload < 0, printf('%u', e.payload), e.payload) AS 'Payload',"
	" CASE e.kind WHEN 1 THEN 'pushed and popped' WHEN 2 THEN 'started and ended'"
	" WHEN 3 THEN 'a mark' WHEN 4 THEN 'an annotation of PyTorch' END AS 'Kind',"
	" e.start_ns AS 'Started at|ns', e.dur_ns AS 'Took|ns', t.name || ' ' || t.tid AS 'Thread',"
	" p.name || ' ' || p.pid AS 'Process' FROM range e LEFT JOIN label l ON l.id = e.label"
	" LEFT JOIN thread t ON t.id = e.thread LEFT JOIN process p ON p.id = t.process" ID;

#define LAUNCHED	"e.thread = ?1 AND e.start_ns >= ?2 AND e.start_ns < ?3"
/* As `report ranges` counts. The work of a graph comes when its launch in the range may be over. */
static const char range_work_sql[] =
	"WITH g AS MATERIALIZED (SELECT e.id, e.start_ns + e.gpu_delay_ns + e.gpu_dur_ns AS until FROM "
	ROWS_NEAR("graph_launch", "e", "?2", "?3") " WHERE " LAUNCHED ") "
	"SELECT count(*) AS 'Operations launched', sum(dur) AS 'GPU work launched|ns' FROM ("
	"SELECT e.gpu_dur_ns AS dur FROM " ROWS_NEAR("launch", "e", "?2", "?3") " WHERE " LAUNCHED
	" UNION ALL SELECT e.gpu_dur_ns FROM " ROWS_NEAR("copy", "e", "?2", "?3") " WHERE " LAUNCHED
	" AND e.graph_launch IS NULL UNION ALL SELECT e.gpu_dur_ns FROM "
	ROWS_NEAR("node", "e", "?2", "(SELECT max(until) FROM g)") " JOIN g ON g.id = e.graph_launch"
	" UNION ALL SELECT e.gpu_dur_ns FROM "
	ROWS_NEAR("copy", "e", "?2", "(SELECT max(until) FROM g)") " JOIN g ON g.id = e.graph_launch"
	") WHERE dur IS NOT NULL";

static int range_facts(struct run *run, const struct run_event *range, struct run_fact_list *facts)
{
	int64_t thread = range->lane.id / LANE_RANGE_ROWS;
	int64_t from_ns = (int64_t)range->start_ns, to_ns = (int64_t)range->end_ns;

	if (row_add(run, range_sql, (int64_t[]){ range->row }, 1, facts) < 0 ||
	    row_add(run, range_work_sql, (int64_t[]){ thread, from_ns, to_ns }, 3, facts) < 0 ||
	    ranges_add(run, thread, from_ns, to_ns, range->row, facts) < 0) {
		run_fact_list_free(facts);
		return -1;
	}
	return 0;
}

int run_event_facts(struct run *run, const struct run_event *event, struct run_fact_list *facts)
{
	char sql[96];
	int result;

	*facts = (struct run_fact_list){ 0 };
	if (event->lane.kind == LANE_RANGE)
		return range_facts(run, event, facts);
	if (event->table >= EVENT_TABLES)
		return run_fail(run, "no such event");
	snprintf(sql, sizeof(sql), "SELECT path FROM %s WHERE id = %lld",
		 event_tables[event->table].name, (long long)event->row);
	result = row_add(run, facts_sql[event->table], &event->row, 1, facts);
	if (result == 0 && event->table != EVENT_ORPHAN)
		result = ranges_of_row(run, event, facts);
	if (result == 0 && event->table != EVENT_ORPHAN)
		result = path_add(run, run_integer(run, sql, 0), facts);
	if (result < 0)
		run_fact_list_free(facts);
	return result;
}

int run_idle_facts(struct run *run, const struct idle_interval *interval,
		   struct run_fact_list *facts)
{
	char start[64], took[64], thread[32], sql[96];
	char *previous = idle_op_name(run, &interval->previous);
	char *next = idle_op_name(run, &interval->next);
	const struct { const char *key, *value; } all[] = {
		{ "Idle", idle_cause_name(interval->cause) },
		{ "Because", idle_cause_text(interval->cause) },
		{ "Started at", format_ns((double)interval->start_ns, start, sizeof(start)) },
		{ "Took", format_ns((double)interval->dur_ns, took, sizeof(took)) },
		{ "After", previous }, { "Before", next }, { "Launched by", thread },
	};
	int result = previous && next ? 0 : run_fail(run, "out of memory");

	*facts = (struct run_fact_list){ 0 };
	snprintf(sql, sizeof(sql), "SELECT tid FROM thread WHERE id = %lld",
		 (long long)interval->thread);
	snprintf(thread, sizeof(thread), "thread %lld", (long long)run_integer(run, sql, 0));
	for (size_t i = 0; result == 0 && i < sizeof(all) / sizeof(*all); i++)
		if (*all[i].value && (all[i].value != thread || interval->thread > 0))
			result = fact_add(run, facts, all[i].key, all[i].value);
	if (result == 0)
		result = ranges_add(run, interval->thread, (int64_t)interval->start_ns,
				    (int64_t)interval->start_ns, -1, facts);
	if (result == 0)
		result = path_add(run, interval->path, facts);
	if (result < 0)
		run_fact_list_free(facts);
	free(previous);
	free(next);
	return result;
}
