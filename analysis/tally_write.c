/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary tables that hide the file's summaries: see tally.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/tally.h"

#include <stdio.h>
#include <string.h>

/* ?1 to ?20 are the same for all: see tally_write(). */
static const struct { const char *name, *create, *insert; } tables[TALLY_KINDS] = {
	[TALLY_KERNEL] = { "sum_kernel",
		"CREATE TEMP TABLE sum_kernel (process, device, shape, count, total_ns, min_ns, max_ns,"
		" sum_squares, launches, host_ns, executions)",
		"INSERT INTO temp.sum_kernel VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10, ?11, ?9)" },
	[TALLY_COPY] = { "sum_copy",
		"CREATE TEMP TABLE sum_copy (process, device, kind, count, total_ns, min_ns, max_ns,"
		" copies, bytes, min_bytes, max_bytes)",
		"INSERT INTO temp.sum_copy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9, ?13, ?14, ?15)" },
	[TALLY_API] = { "sum_api",
		"CREATE TEMP TABLE sum_api (process, api, count, failed, total_ns, min_ns, max_ns,"
		" sum_squares)",
		"INSERT INTO temp.sum_api VALUES (?1, ?3, ?4, ?12, ?5, ?6, ?7, ?8)" },
	[TALLY_PATH] = { "sum_path",
		"CREATE TEMP TABLE sum_path (path, launches, gpu_ns, host_ns, calls, copy_bytes,"
		" alloc_bytes, replay_gpu_ns)",
		"INSERT INTO temp.sum_path VALUES (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)" },
	[TALLY_DEVICE] = { "sum_device",
		"CREATE TEMP TABLE sum_device (device INTEGER PRIMARY KEY, first_ns, last_ns, busy_ns,"
		" compute_ns, copy_ns, kernels, copies, sets, graph_launches)",
		"INSERT INTO temp.sum_device VALUES (?2, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)" },
};
#define VALUES	12			/* from ?4 on */

/* Of ?4, ?5, ...; the bits of those that are NULL where nothing with times was counted. */
static unsigned int tally_values(const struct tally *t, uint64_t values[VALUES])
{
	const uint64_t plain[VALUES] = {
		t->count, t->total, t->min, t->max, 0, t->all, t->launches, t->host_ns, t->failed,
		t->bytes, t->min_bytes, t->max_bytes,
	};
	const uint64_t path[VALUES] = {
		t->path.launches, t->path.gpu, t->path.host, t->path.calls, t->path.copied,
		t->path.allocated, t->path.replay,
	};
	const uint64_t device[VALUES] = {
		t->first, t->last, t->busy[UNION_BUSY], t->busy[UNION_COMPUTE], t->busy[UNION_COPY],
		t->launches, t->copies, t->sets, t->graph_launches,
	};

	memcpy(values, t->key.kind == TALLY_PATH ? path : t->key.kind == TALLY_DEVICE ? device : plain,
	       VALUES * sizeof(*values));
	if (t->key.kind == TALLY_PATH || t->count)
		return 0;
	return t->key.kind == TALLY_DEVICE ? 0x1f : 0x0e;
}

static int tally_write(struct run *run, sqlite3_stmt *insert, const struct tally *t)
{
	uint64_t values[VALUES];
	unsigned int unknown = tally_values(t, values);
	int result;

	sqlite3_reset(insert);
	sqlite3_clear_bindings(insert);
	sqlite3_bind_int64(insert, 1, t->key.process);
	sqlite3_bind_int64(insert, 2, t->key.device);
	sqlite3_bind_int64(insert, 3, t->key.id);
	for (int i = 0; i < VALUES; i++)
		if (!(unknown >> i & 1))
			sqlite3_bind_int64(insert, 4 + i, (sqlite3_int64)values[i]);
	if (t->key.kind == TALLY_KERNEL || t->key.kind == TALLY_API)
		sqlite3_bind_double(insert, 8, t->squares);
	result = run_step(run, insert);
	return result < 0 ? -1 : 0;
}

/* Removes what hides the file's own table: a count of before, or what a gap was filled with. */
static int table_show(struct run *run, const char *name)
{
	char sql[160];

	for (int view = 0; view < 2; view++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM sqlite_temp_schema "
			 "WHERE name = '%s' AND type = '%s'", name, view ? "view" : "table");
		if (run_integer(run, sql, 0) <= 0)
			continue;
		snprintf(sql, sizeof(sql), "DROP %s temp.%s", view ? "VIEW" : "TABLE", name);
		if (sqlite3_exec(run->db, sql, NULL, NULL, NULL) != SQLITE_OK)
			return run_fail_sqlite(run);
	}
	return 0;
}

static int table_write(struct run *run, const struct tally *tallies, enum tally_kind kind)
{
	sqlite3_stmt *insert;
	int result = 0;

	if (table_show(run, tables[kind].name) < 0)
		return -1;
	if (sqlite3_exec(run->db, tables[kind].create, NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	insert = run_prepare(run, tables[kind].insert);
	for (const struct tally *t = tallies; insert && t && result == 0; t = t->hh.next)
		if (t->key.kind == (int64_t)kind)
			result = tally_write(run, insert, t);
	sqlite3_finalize(insert);
	return insert ? result : -1;
}

static void sets_pass(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct scope_sets *sets = sqlite3_user_data(context);

	(void)count;
	sqlite3_result_int(context, scope_sets_pass(sets, (enum scope_kind)sqlite3_value_int(values[0]),
						    sqlite3_value_int64(values[1])));
}

/* What has no rows to be counted: memory as it was held, and calls that were only counted, of which
 * nobody knows when and where they were made. */
static int rest_write(struct run *run, const struct scope_sets *sets)
{
	bool placed = sets->of[SCOPE_TIME].is_used || sets->of[SCOPE_PATH].is_used;
	char sql[640];

	snprintf(sql, sizeof(sql),
		 "CREATE TEMP TABLE sum_memory AS SELECT * FROM main.sum_memory"
		 " WHERE gputrail_passes(%d, process) AND gputrail_passes(%d, device);"
		 "INSERT INTO temp.sum_api SELECT process, api, count, failed, total_ns, min_ns, max_ns,"
		 " sum_squares FROM main.sum_api"
		 " WHERE min_ns IS NULL AND NOT %d AND gputrail_passes(%d, process)",
		 SCOPE_PROCESS, SCOPE_DEVICE, placed, SCOPE_PROCESS);
	if (sqlite3_create_function(run->db, "gputrail_passes", 2, SQLITE_UTF8, (void *)(uintptr_t)sets,
				    sets_pass, NULL,
				    NULL) != SQLITE_OK ||
	    sqlite3_exec(run->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	/* It must not be called with sets that are gone. */
	sqlite3_create_function(run->db, "gputrail_passes", 2, SQLITE_UTF8, NULL, NULL, NULL, NULL);
	return 0;
}

/* Tables that are no tallies; the last two are hidden only while detectors ask, unless these were
 * interrupted. */
static int rest_show(struct run *run)
{
	static const char *const names[] = { "sum_memory", "bucket", "call", "memory" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (table_show(run, names[i]) < 0)
			return -1;
	return 0;
}

int tallies_write(struct run *run, const struct tally *tallies, const struct scope_sets *sets)
{
	int result = rest_show(run);

	for (int kind = 0; result == 0 && kind < TALLY_KINDS; kind++)
		result = table_write(run, tallies, (enum tally_kind)kind);
	return result == 0 ? rest_write(run, sets) : result;
}

int run_unscope(struct run *run)
{
	for (int kind = 0; kind < TALLY_KINDS; kind++)
		if (table_show(run, tables[kind].name) < 0)
			return -1;
	if (rest_show(run) < 0)
		return -1;
	run_widen(run);
	run_gap_list_free(&run->gaps);
	return run_fill_gaps(run);
}
