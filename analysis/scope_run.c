/* SPDX-License-Identifier: Apache-2.0 */
/* A run that is narrowed to a scope: what its lists and its rows leave out. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"
#include "analysis/scope.h"

#include <stdlib.h>

bool run_passes(const struct run *run, enum scope_kind kind, int64_t id)
{
	return !run->narrowed || scope_sets_pass(run->narrowed, kind, id);
}

void run_widen(struct run *run)
{
	if (run->narrowed)
		scope_sets_free(run->narrowed);
	free(run->narrowed);
	run->narrowed = NULL;
}

bool run_is_narrowed(const struct run *run)
{
	for (int kind = 0; run->narrowed && kind < SCOPE_KINDS; kind++)
		if (run->narrowed->of[kind].is_used)
			return true;
	return false;
}

void run_narrowed_span(const struct run *run, uint64_t *from_ns, uint64_t *to_ns)
{
	*from_ns = 0;
	*to_ns = UINT64_MAX;
	if (run->narrowed)
		scope_sets_span(run->narrowed, from_ns, to_ns);
}

int run_narrow(struct run *run, const struct scope *scope)
{
	struct scope_sets *sets = malloc(sizeof(*sets));

	if (!sets)
		return run_fail(run, "out of memory");
	if (scope_sets_load(run, scope, SCOPE_OF_KERNELS, sets) < 0) {
		free(sets);
		return -1;
	}
	run_widen(run);
	run->narrowed = sets;
	return 0;
}

static void row_passes(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct scope_sets *sets = sqlite3_user_data(context);

	(void)count;
	sqlite3_result_int(context,
		scope_sets_pass_time(sets, (uint64_t)sqlite3_value_int64(values[0])) &&
		scope_sets_pass(sets, SCOPE_PROCESS, sqlite3_value_int64(values[1])) &&
		scope_sets_pass(sets, SCOPE_PATH, sqlite3_value_int64(values[2])) &&
		/* NULL: rows of this table are on no device */
		(sqlite3_value_type(values[3]) == SQLITE_NULL ||
		 scope_sets_pass(sets, SCOPE_DEVICE, sqlite3_value_int64(values[3]))));
}

#define NARROWED(table, device)							\
	"CREATE TEMP VIEW IF NOT EXISTS " table " AS SELECT * FROM main." table " r "	\
	"WHERE gputrail_row_passes(start_ns,"					\
	" (SELECT process FROM thread t WHERE t.id = r.thread), path, " device ");"
#define WIDE	"DROP VIEW IF EXISTS temp.call; DROP VIEW IF EXISTS temp.memory"

int run_tables_narrow(struct run *run)
{
	if (!run_is_narrowed(run))
		return 0;
	if (sqlite3_create_function(run->db, "gputrail_row_passes", 4, SQLITE_UTF8, run->narrowed,
				    row_passes, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(run->db, NARROWED("call", "NULL") NARROWED("memory", "device"), NULL, NULL,
			 NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	return 0;
}

int run_tables_widen(struct run *run, int result)
{
	if (!run_is_narrowed(run))
		return result;
	if (sqlite3_exec(run->db, WIDE, NULL, NULL, NULL) != SQLITE_OK && result == 0)
		result = run_fail_sqlite(run);
	sqlite3_create_function(run->db, "gputrail_row_passes", 4, SQLITE_UTF8, NULL, NULL, NULL, NULL);
	return result;
}
