/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finishing a file whose recorder was killed. SQLite brings back what was committed; what was
 * kept up to date only once a second (summaries, zone map) is made anew from the rows.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/collector.h"
#include "collector/core.h"
#include "collector/database.h"
#include "collector/summary.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_ROWS		16384
#define PROGRESS_INSTRUCTIONS	1000000		/* of SQLite's machine: some tens of ms */

struct recoverer {
	struct database *db;
	sqlite3 *sqlite;
	struct summary *summary;
	struct recovery *recovery;
	recovery_progress_fn *progress;
	void *progress_arg;
	const char *what;		/* what is done now */
	uint64_t rows;			/* there are, about */
};

static void fail(struct recovery *recovery, enum recovery_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void __attribute__((format(printf, 3, 4)))
fail(struct recovery *recovery, enum recovery_outcome outcome, const char *format, ...)
{
	va_list args;

	recovery->outcome = outcome;
	va_start(args, format);
	vsnprintf(recovery->detail, sizeof(recovery->detail), format, args);
	va_end(args);
}

/* First value of a query as text; "" when there is none. */
static void query_text(sqlite3 *sqlite, const char *sql, char *text, size_t bytes)
{
	sqlite3_stmt *statement;

	text[0] = '\0';
	if (sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
		return;
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
		snprintf(text, bytes, "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
}

static int64_t query_int(sqlite3 *sqlite, const char *sql)
{
	char text[32];

	query_text(sqlite, sql, text, sizeof(text));
	return strtoll(text, NULL, 10);
}

/* Field 22 of /proc/PID/stat; -1 when there is no such process, or only its zombie, which stays
 * for as long as nobody asks for its status. */
static int64_t start_ticks(long pid)
{
	char path[64], stat[1024], *rest;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	length = fread(stat, 1, sizeof(stat) - 1, file);
	fclose(file);
	stat[length] = '\0';
	rest = strrchr(stat, ')');
	if (rest && (rest[1] == ' ') && (rest[2] == 'Z' || rest[2] == 'X'))
		return -1;
	for (int field = 2; rest && field < 22; field++)
		rest = strchr(rest + 1, ' ');
	return rest ? strtoll(rest, NULL, 10) : -1;
}

static bool recorder_alive(sqlite3 *sqlite, long *pid)
{
	char boot[64] = "", recorded[64];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file) {
		if (fgets(boot, sizeof(boot), file))
			boot[strcspn(boot, "\n")] = '\0';
		fclose(file);
	}
	query_text(sqlite, "SELECT value FROM meta WHERE key='boot_id'", recorded,
		   sizeof(recorded));
	*pid = (long)query_int(sqlite, "SELECT value FROM meta WHERE key='collector_pid'");
	return !strcmp(boot, recorded) && *pid > 0 &&
	       start_ticks(*pid) ==
	       query_int(sqlite, "SELECT value FROM meta WHERE key='collector_start_ticks'");
}

/* --- telling how far it is ------------------------------------------------------------------ */

/* Called by SQLite inside of statements that give no rows. */
static int still_at_it(void *arg)
{
	const struct recoverer *r = arg;

	r->progress(r->progress_arg, r->what, 0, 0);
	return 0;
}

static void begin(struct recoverer *r, const char *what)
{
	r->what = what;
	if (r->progress)
		r->progress(r->progress_arg, what, 0, 0);
}

static void progress_rows(const struct recoverer *r)
{
	if (r->progress && r->recovery->events % PROGRESS_ROWS == 0)
		r->progress(r->progress_arg, r->what, r->recovery->events, r->rows);
}

/* --- rows to summaries --------------------------------------------------------------------- */

static int64_t column(sqlite3_stmt *row, int i)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? NIL : sqlite3_column_int64(row, i);
}

static uint32_t id_column(sqlite3_stmt *row, int i)
{
	return (uint32_t)sqlite3_column_int64(row, i);
}

static int64_t gpu_start(int64_t start, int64_t delay)
{
	return delay == NIL ? 0 : start + delay;
}

static void take_launch(struct summary *s, sqlite3_stmt *row)
{
	int64_t start = column(row, 3), dur = column(row, 4);

	summary_kernel(s, id_column(row, 0), id_column(row, 1), id_column(row, 2), dur,
		       gpu_start(start, column(row, 5)), column(row, 6));
	summary_launched(s, id_column(row, 1), start);
	summary_api(s, id_column(row, 0), id_column(row, 7), dur, false);
}

static void take_graph_launch(struct summary *s, sqlite3_stmt *row)
{
	summary_graph_launch(s, id_column(row, 1));
	summary_launched(s, id_column(row, 1), column(row, 2));
	summary_api(s, id_column(row, 0), id_column(row, 4), column(row, 3), false);
}

static void take_node(struct summary *s, sqlite3_stmt *row)
{
	summary_kernel(s, id_column(row, 0), id_column(row, 1), id_column(row, 2), NIL,
		       column(row, 3), column(row, 4));
}

static void take_copy(struct summary *s, sqlite3_stmt *row)
{
	summary_copy(s, id_column(row, 0), id_column(row, 1), id_column(row, 2),
		     (uint64_t)column(row, 3), gpu_start(column(row, 4), column(row, 6)),
		     column(row, 7));
	if (column(row, 8) != NIL)
		summary_api(s, id_column(row, 0), id_column(row, 8), column(row, 5), false);
}

static void take_orphan(struct summary *s, sqlite3_stmt *row)
{
	if (column(row, 2) == 0)
		summary_kernel(s, id_column(row, 0), id_column(row, 1), id_column(row, 3), NIL,
			       column(row, 4), column(row, 5));
	else
		summary_copy(s, id_column(row, 0), id_column(row, 1), id_column(row, 2),
			     (uint64_t)column(row, 6), column(row, 4), column(row, 5));
}

static void take_memory(struct summary *s, sqlite3_stmt *row)
{
	struct memory_event event = {
		.process = (int)id_column(row, 0), .device = (int)id_column(row, 1),
		.kind = (int)id_column(row, 2), .op = (int)id_column(row, 3),
		.address = (uint64_t)column(row, 4), .bytes = (uint64_t)column(row, 5),
		.at_ns = (uint64_t)(column(row, 6) + column(row, 7)),
		.second = (uint64_t)column(row, 9),
	};

	summary_memory(s, &event);
	summary_api(s, id_column(row, 0), id_column(row, 8), column(row, 7), false);
}

static void take_call(struct summary *s, sqlite3_stmt *row)
{
	summary_api(s, id_column(row, 0), id_column(row, 1), column(row, 2),
		    result_is_failure(column(row, 3)));
}

static const struct {
	const char *sql;
	void (*take)(struct summary *summary, sqlite3_stmt *row);
} sources[] = {
	{ "SELECT t.process, s.device, e.shape, e.start_ns, e.dur_ns, e.gpu_delay_ns, "
	  "e.gpu_dur_ns, e.api"
	  " FROM launch e LEFT JOIN thread t ON t.id = e.thread LEFT JOIN shape s ON s.id = "
	  "e.shape",
	  take_launch },
	{ "SELECT s.process, s.device, e.start_ns, e.dur_ns, e.api FROM graph_launch e"
	  " LEFT JOIN stream s ON s.id = e.stream",
	  take_graph_launch },
	{ "SELECT st.process, s.device, e.shape, e.start_ns, e.gpu_dur_ns FROM node e"
	  " LEFT JOIN stream st ON st.id = e.stream LEFT JOIN shape s ON s.id = e.shape",
	  take_node },
	{ "SELECT s.process, s.device, e.kind, e.bytes, e.start_ns, e.dur_ns, e.gpu_delay_ns, "
	  "e.gpu_dur_ns,"
	  " e.api FROM copy e LEFT JOIN stream s ON s.id = e.stream",
	  take_copy },
	{ "SELECT s.process, e.device, e.kind, e.shape, e.start_ns, e.dur_ns, e.bytes FROM orphan e"
	  " LEFT JOIN stream s ON s.id = e.stream",
	  take_orphan },
	{ "SELECT t.process, e.device, e.kind, e.op, e.address, e.bytes, e.start_ns, e.dur_ns, "
	  "e.api, e.pool"
	  " FROM memory e LEFT JOIN thread t ON t.id = e.thread",
	  take_memory },
	{ "SELECT t.process, e.api, e.dur_ns, e.result FROM call e LEFT JOIN thread t ON t.id = "
	  "e.thread",
	  take_call },
};

static int take_rows(struct recoverer *r)
{
	begin(r, "reading rows");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		sqlite3_stmt *row;
		int rc = sqlite3_prepare_v2(r->sqlite, sources[i].sql, -1, &row, NULL);

		while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
			sources[i].take(r->summary, row);
			r->recovery->events++;
			progress_rows(r);
			rc = SQLITE_OK;
		}
		sqlite3_finalize(row);
		if (rc != SQLITE_DONE) {
			fail(r->recovery, RECOVERY_FAILED, "reading rows: %s",
			     sqlite3_errmsg(r->sqlite));
			return -1;
		}
	}
	return 0;
}

/* --- the file ------------------------------------------------------------------------------ */

static int run(struct recoverer *r, const char *sql)
{
	if (sqlite3_exec(r->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	fail(r->recovery, RECOVERY_FAILED, "%s", sqlite3_errmsg(r->sqlite));
	return -1;
}

/* As the zone map was when it was last written: the last rows are missing there. */
static const char count_rows[] =
	"SELECT sum(last) FROM (SELECT max(last_id) AS last FROM chunk "
	"WHERE kind NOT IN ('range', 'call_arguments') GROUP BY kind)";

/* What no row can tell again stays: calls that are only counted, failed allocations. */
static const char keep_and_clear[] =
	"CREATE TEMP TABLE old_api AS SELECT * FROM sum_api;"
	"CREATE TEMP TABLE old_memory AS SELECT * FROM sum_memory;"
	"DELETE FROM sum_kernel; DELETE FROM sum_api; DELETE FROM sum_copy; DELETE FROM sum_device;"
	"DELETE FROM sum_memory; DELETE FROM sum_path; DELETE FROM bucket; DELETE FROM chunk;";

static const char bring_back[] =
	"INSERT OR IGNORE INTO sum_api SELECT * FROM temp.old_api WHERE min_ns IS NULL;"
	"INSERT OR IGNORE INTO sum_memory SELECT * FROM temp.old_memory WHERE allocs = 0;"
	"UPDATE sum_memory AS m SET failed = coalesce((SELECT failed FROM temp.old_memory o WHERE"
	" (o.process, o.device, o.kind) = (m.process, m.device, m.kind)), 0);";

/* As row.c counts: work inside a graph at the path of its capture, and apart at that of its
 * launch. */
static const char sum_paths[] =
	"INSERT INTO sum_path SELECT path, sum(launches), sum(gpu), sum(host), sum(calls), "
	"sum(copied), sum(allocated), sum(replayed) FROM ("
	"SELECT path, 1 AS launches, coalesce(gpu_dur_ns, 0) AS gpu, dur_ns AS host, 1 AS calls,"
	" 0 AS copied, 0 AS allocated, 0 AS replayed FROM launch"
	" UNION ALL SELECT path, 0, 0, dur_ns, 1, 0, 0, 0 FROM graph_launch"
	" UNION ALL SELECT path, 0, coalesce(gpu_dur_ns, 0), iif(api IS NULL, 0, dur_ns),"
	" api IS NOT NULL, bytes, 0, 0 FROM copy"
	" UNION ALL SELECT coalesce(n.path, g.path, 0), 1, n.gpu_dur_ns, 0, 0, 0, 0, 0 FROM node n"
	" LEFT JOIN graph_launch g ON g.id = n.graph_launch"
	" UNION ALL SELECT g.path, 0, 0, 0, 0, 0, 0, n.gpu_dur_ns FROM node n"
	" JOIN graph_launch g ON g.id = n.graph_launch"
	" UNION ALL SELECT g.path, 0, 0, 0, 0, 0, 0, c.gpu_dur_ns FROM copy c"
	" JOIN graph_launch g ON g.id = c.graph_launch"
	" UNION ALL SELECT path, 0, 0, dur_ns, 1, 0, iif(op = 1, bytes, 0), 0 FROM memory"
	" UNION ALL SELECT path, 0, 0, dur_ns, 1, 0, 0, 0 FROM call) GROUP BY path;";

static int zone_map(struct recoverer *r)
{
	static const struct {
		enum table table;
		const char *end;	/* latest time of a row */
	} zones[] = {
		{ TABLE_LAUNCH, "max(dur_ns, coalesce(gpu_delay_ns + gpu_dur_ns, 0))" },
		{ TABLE_GRAPH_LAUNCH, "max(dur_ns, coalesce(gpu_delay_ns + gpu_dur_ns, 0))" },
		{ TABLE_COPY, "max(dur_ns, coalesce(gpu_delay_ns + gpu_dur_ns, 0))" },
		{ TABLE_NODE, "gpu_dur_ns" },
		{ TABLE_ORPHAN, "dur_ns" },
		{ TABLE_MEMORY, "dur_ns" },
		{ TABLE_CALL, "dur_ns" },
		{ TABLE_CALL_ARGUMENTS, "0" },
		{ TABLE_RANGE, "coalesce(dur_ns, 0)" },
	};

	begin(r, "mapping times to rows");
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		const char *name = table_name(zones[i].table);
		char sql[512];

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM sqlite_master WHERE name='%s'", name);
		if (!query_int(r->sqlite, sql))
			continue;	/* the file is older than the table */
		snprintf(sql, sizeof(sql),
			 "INSERT INTO chunk SELECT '%s', min(id), max(id), min(start_ns),"
			 " max(start_ns + %s) + 1 FROM %s GROUP BY (id - 1) / %d",
			 name, zones[i].end, name, CHUNK_ROWS);
		if (run(r, sql) < 0)
			return -1;
	}
	return 0;
}

static int rebuild(struct recoverer *r)
{
	int64_t last;

	r->rows = (uint64_t)query_int(r->sqlite, count_rows);
	if (run(r, keep_and_clear) < 0 || take_rows(r) < 0 || zone_map(r) < 0)
		return -1;
	last = query_int(r->sqlite, "SELECT max(max_ns) FROM chunk");
	summary_write(r->summary, r->db, last);
	database_commit(r->db);
	begin(r, "adding up call paths");
	if (run(r, bring_back) < 0 || run(r, sum_paths) < 0)
		return -1;
	database_run(r->db,
		     "UPDATE process SET state = 'detached', end_ns = ? WHERE state = 'running'",
		     "i", last);
	database_meta_int(r->db, "last_event", last);
	database_meta_text(r->db, "state", "truncated");
	database_commit(r->db);
	if (database_error(r->db)) {
		fail(r->recovery, RECOVERY_FAILED, "%s", database_error(r->db));
		return -1;
	}
	r->recovery->span_ns = last - query_int(r->sqlite, "SELECT min(min_ns) FROM chunk");
	summary_totals(r->summary, &r->recovery->kernels, &r->recovery->copies);
	begin(r, "checking the file");
	query_text(r->sqlite, "PRAGMA quick_check(1)", r->recovery->detail,
		   sizeof(r->recovery->detail));
	if (!strcmp(r->recovery->detail, "ok"))
		r->recovery->detail[0] = '\0';
	return 0;
}

/* Decides what is to be done; true: go on. */
static bool needs_recovery(sqlite3 *sqlite, bool is_ours, struct recovery *recovery)
{
	char state[32];

	if (query_int(sqlite, "PRAGMA application_id") != APPLICATION_ID) {
		switch (sqlite3_errcode(sqlite) & 0xff) {
		case SQLITE_OK: case SQLITE_ROW: case SQLITE_DONE: case SQLITE_NOTADB:
			fail(recovery, RECOVERY_NOT_OURS, "not a gputrail file");
			break;
		case SQLITE_CORRUPT:
			fail(recovery, RECOVERY_NOT_OURS, "damaged so that nothing of it can be read");
			break;
		default:
			fail(recovery, RECOVERY_FAILED, "%s", sqlite3_errmsg(sqlite));
		}
		return false;
	}
	if (query_int(sqlite, "PRAGMA user_version") > SCHEMA_VERSION) {
		fail(recovery, RECOVERY_NOT_OURS,
		     "written by a newer gputrail (schema %d, this one knows %d)",
		     (int)query_int(sqlite, "PRAGMA user_version"), SCHEMA_VERSION);
		return false;
	}
	query_text(sqlite, "SELECT value FROM meta WHERE key='state'", state, sizeof(state));
	if (strcmp(state, "recording")) {
		recovery->outcome = RECOVERY_HEALTHY;
		snprintf(recovery->detail, sizeof(recovery->detail), "%s", state);
		return false;
	}
	if (!is_ours && recorder_alive(sqlite, &recovery->recorder_pid)) {
		recovery->outcome = RECOVERY_RECORDING;
		return false;
	}
	return true;
}

void recover_file(const char *path, bool is_ours, recovery_progress_fn *progress, void *arg,
		  struct recovery *recovery)
{
	struct recoverer r = {
		.recovery = recovery, .progress = progress, .progress_arg = arg,
	};
	sqlite3 *peek = NULL;
	char *error = NULL;
	bool wanted;

	*recovery = (struct recovery){ .outcome = RECOVERY_DONE };
	if (access(path, R_OK) < 0 ||
	    sqlite3_open_v2(path, &peek, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		fail(recovery, RECOVERY_NOT_OURS, "%s",
		     errno ? strerror(errno) : "cannot be opened");
		sqlite3_close(peek);
		return;
	}
	wanted = needs_recovery(peek, is_ours, recovery);
	sqlite3_close(peek);
	if (!wanted)
		return;
	r.db = database_open(path, &error);
	r.summary = summary_new();
	if (!r.db || !r.summary) {
		fail(recovery, RECOVERY_FAILED, "%s", error ? error : "out of memory");
	} else {
		r.sqlite = database_handle(r.db);
		if (progress)
			sqlite3_progress_handler(r.sqlite, PROGRESS_INSTRUCTIONS, still_at_it, &r);
		rebuild(&r);
	}
	if (r.db && database_close(r.db) < 0 && recovery->outcome == RECOVERY_DONE)
		fail(recovery, RECOVERY_FAILED, "the file could not be written to the end");
	summary_free(r.summary);
	free(error);
}

long recovery_recorder(const char *path)
{
	struct recovery recovery = { .outcome = RECOVERY_DONE };
	sqlite3 *peek = NULL;

	if (sqlite3_open_v2(path, &peek, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
		needs_recovery(peek, false, &recovery);
	sqlite3_close(peek);
	return recovery.outcome == RECOVERY_RECORDING ? recovery.recorder_pid : 0;
}
