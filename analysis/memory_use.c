/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay of a run's memory: see memory_use.h. It is made twice: the first time finds when the
 * high-waters were, the second what was live then and how each call path's share rose and fell.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/memory_replay.h"
#include "analysis/scope.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *pattern; enum memory_role role; int kind; } calls[] = {
#define MEMORY_CALL(pattern, role, kind) { pattern, ROLE_##role, kind },
#include "analysis/memory_calls.def"
};

/* memory_call(name): role * 256 + kind, or NULL for calls that say nothing of memory. */
static void memory_call(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *name = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	for (size_t i = 0; name && i < sizeof(calls) / sizeof(*calls); i++) {
		if (!fnmatch(calls[i].pattern, name, 0)) {
			sqlite3_result_int(context, (int)calls[i].role << 8 | calls[i].kind);
			return;
		}
	}
}

/* An allocation is there from the end of its call, a freed one gone from the start of the call:
 * so the order is right whatever other threads do meanwhile. Sorting is SQLite's, which spills to
 * temporary files. */
static const char events_sql[] =
	"WITH r AS MATERIALIZED (SELECT id, memory_call(name) AS role FROM api WHERE role IS NOT NULL) "
	"SELECT iif(op = 1, start_ns + dur_ns, start_ns) AS at, 0 AS what, op, kind, device, address,"
	" bytes, pool, path, thread, api, 0, id FROM memory "
	"UNION ALL SELECT c.start_ns + c.dur_ns, r.role >> 8, 0, r.role & 255, 0, c.object, c.value,"
	" c.second, c.path, c.thread, c.api, c.result, c.id FROM call c"
	" JOIN r ON r.id = c.api WHERE (c.result <> 0) = (r.role >> 8 = " TEXT(ROLE_FAILED_NUMBER) ") "
	"UNION ALL SELECT end_ns, " TEXT(ROLE_EXIT_NUMBER) ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, id"
	" FROM process WHERE end_ns IS NOT NULL "
	"ORDER BY 1, 2, 13";

enum column { AT, WHAT, OP, KIND, DEVICE, ADDRESS, BYTES, SECOND, PATH, THREAD, API, RESULT, ID };

static int event_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct replay *r = arg;
	int64_t thread = sqlite3_column_int64(stmt, THREAD);
	struct memory_event event = {
		.op = row_int(stmt, OP, 0), .kind = row_int(stmt, KIND, 0),
		.process = (int)lookup_number(&r->threads, thread, 0, 0),
		.device = row_int(stmt, DEVICE, 0), .at_ns = row_u64(stmt, AT),
		.address = (uint64_t)sqlite3_column_int64(stmt, ADDRESS),
		.bytes = row_u64(stmt, BYTES), .second = (uint64_t)sqlite3_column_int64(stmt, SECOND),
		.path = sqlite3_column_int64(stmt, PATH),
	};
	struct memory_failure failure;
	bool done = true;

	/* Addresses are a process's own: without one the others are as they were. */
	if (!run_passes(run, SCOPE_PROCESS, event.process) && row_int(stmt, WHAT, -1) != ROLE_EXIT)
		return 0;
	switch (row_int(stmt, WHAT, -1)) {
	case 0:
		done = replay_memory(r, &event);
		break;
	case ROLE_FAILED:
		failure = (struct memory_failure){
			.process = event.process, .kind = event.kind, .thread = thread,
			.path = event.path, .api = sqlite3_column_int64(stmt, API),
			.result = sqlite3_column_int64(stmt, RESULT), .at_ns = event.at_ns,
			.bytes = event.bytes,
		};
		done = replay_failure(r, &failure);
		break;
	case ROLE_INFO:
		done = replay_info(r, &event);
		break;
	case ROLE_POOL_MADE:
	case ROLE_POOL_TOLD:
		done = replay_pool(r, &event, row_int(stmt, WHAT, 0) == ROLE_POOL_MADE);
		break;
	case ROLE_EXIT:
		replay_exit(r, (int)sqlite3_column_int64(stmt, ID), event.at_ns);
		break;
	}
	r->sequence++;
	return done ? 0 : run_fail(run, "out of memory");
}

static int pass(struct run *run, struct replay *r)
{
	int result;

	r->sequence = 0;
	result = run_query(run, events_sql, event_row, r);
	if (result == 0)
		replay_end(r);
	ledger_clear(&r->ledger);
	return result;
}

static int by_device(const void *left, const void *right)
{
	const struct memory_area *a = left, *b = right;

	return (a->device > b->device) - (a->device < b->device);
}

#define ORDER_DOWN(member)						\
	do {								\
		if (a->member != b->member)				\
			return a->member > b->member ? -1 : 1;		\
	} while (0)

static int by_bytes(const void *left, const void *right)
{
	const struct memory_site *a = left, *b = right;

	ORDER_DOWN(at_high_bytes);
	ORDER_DOWN(high_bytes);
	ORDER_DOWN(allocated_bytes);
	ORDER_DOWN(allocs);
	return a->path != b->path ? (a->path < b->path ? -1 : 1) : a->kind - b->kind;
}

static int hand_over(struct run *run, struct replay *r, struct memory_use *use)
{
	*use = (struct memory_use){ .end_ns = r->end_ns, .failures = r->failures.rows,
				    .failure_count = r->failures.count };
	r->failures.rows = NULL;
	use->areas = calloc(r->areas.count + 1, sizeof(*use->areas));
	use->sites = calloc(r->sites.count + 1, sizeof(*use->sites));
	use->pools = calloc(r->pools.count + 1, sizeof(*use->pools));
	if (!use->areas || !use->sites || !use->pools)
		return run_fail(run, "out of memory");
	for (size_t i = 0; i < r->areas.count; i++)
		use->areas[use->area_count++] = r->areas.rows[i].shown;
	for (size_t i = 0; i < r->sites.count; i++)
		use->sites[use->site_count++] = r->sites.rows[i].shown;
	for (size_t i = 0; i < r->pools.count; i++)
		use->pools[use->pool_count++] = r->pools.rows[i].shown;
	qsort(use->areas, use->area_count, sizeof(*use->areas), by_device);
	qsort(use->sites, use->site_count, sizeof(*use->sites), by_bytes);
	return 0;
}

/* Whatever else was there then, these are all that is told of. */
static void use_narrow(const struct run *run, struct memory_use *use)
{
	size_t areas = 0, sites = 0, failures = 0;

	for (size_t i = 0; i < use->area_count; i++)
		if (run_passes(run, SCOPE_DEVICE, use->areas[i].device))
			use->areas[areas++] = use->areas[i];
	for (size_t i = 0; i < use->site_count; i++)
		if (run_passes(run, SCOPE_DEVICE, use->sites[i].device) &&
		    run_passes(run, SCOPE_PATH, use->sites[i].path))
			use->sites[sites++] = use->sites[i];
	for (size_t i = 0; i < use->failure_count; i++) {
		struct memory_failure *f = &use->failures[i];

		if (run_passes(run, SCOPE_DEVICE, f->device) && run_passes(run, SCOPE_PATH, f->path)) {
			use->failures[failures++] = *f;
			continue;
		}
		free(f->call);
		free(f->error);
	}
	use->area_count = areas;
	use->site_count = sites;
	use->failure_count = failures;
}

/* The copies belong to the failures. */
static int failures_name(struct run *run, struct replay *r)
{
	struct lookup apis, results = { 0 };
	int result = lookup_load(run, "SELECT id, name FROM api", &apis);

	if (result == 0)
		result = lookup_load(run, "SELECT id, name FROM result", &results);
	for (size_t i = 0; result == 0 && i < r->failures.count; i++) {
		struct memory_failure *f = &r->failures.rows[i];

		f->call = strdup(lookup_text(&apis, f->api, 0, "allocation"));
		f->error = strdup(lookup_text(&results, f->result, 0, "failed"));
		if (!f->call || !f->error)
			result = run_fail(run, "out of memory");
	}
	lookup_free(&apis);
	lookup_free(&results);
	return result;
}

/* One moment of a file that is being written, for both passes. */
static int replay_twice(struct run *run, struct replay *r)
{
	int result;

	r->end_ns = (uint64_t)run_integer(run, "SELECT max(coalesce((SELECT value FROM meta WHERE"
		" key = 'last_event'), 0), coalesce((SELECT max(start_ns + dur_ns) FROM memory), 0),"
		" coalesce((SELECT max(end_ns) FROM process), 0))", 0);
	r->work_ns = (uint64_t)run_integer(run, "SELECT max(max_ns) FROM chunk WHERE kind IN"
		" ('launch', 'graph_launch', 'node', 'copy')", (int64_t)r->end_ns);
	result = lookup_load(run, "SELECT id, process FROM thread", &r->threads);
	if (result == 0)
		result = lookup_load(run, "SELECT id, memory_bytes, " GPU_NUMBER("id")
				     " FROM device", &r->devices);
	if (result == 0)
		result = pass(run, r);
	if (result == 0)
		result = failures_name(run, r);
	r->is_second = true;
	return result == 0 ? pass(run, r) : result;
}

int run_memory_use(struct run *run, struct memory_use *use)
{
	struct replay replay;
	int result = -1;

	*use = (struct memory_use){ 0 };
	replay_start(&replay);
	if (sqlite3_create_function(run->db, "memory_call", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
				    NULL, memory_call, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	if (run_freeze(run) < 0)
		return -1;
	result = replay_twice(run, &replay);
	run_thaw(run);
	if (result == 0)
		result = hand_over(run, &replay, use);
	if (result == 0)
		use_narrow(run, use);
	replay_free(&replay);
	if (result < 0)
		memory_use_free(use);
	return result;
}

void memory_use_free(struct memory_use *use)
{
	for (size_t i = 0; i < use->failure_count; i++) {
		free(use->failures[i].call);
		free(use->failures[i].error);
	}
	free(use->areas);
	free(use->sites);
	free(use->failures);
	free(use->pools);
	*use = (struct memory_use){ 0 };
}
