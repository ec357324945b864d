/* SPDX-License-Identifier: Apache-2.0 */
/* One sweep over ranges and GPU work in the order of their calls, thread by thread: see nvtx.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/nvtx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analysis/nsys_internal.h"

#define PROGRESS_ROWS	65536
#define STACK_BYTES	1024		/* of the ids around a range; longer ones are cut */

struct open_range {
	int64_t id, name, thread, start, end, parent, level, children, child_ns;
	int64_t ops, first, last, work;
	enum nvtx_style style;
	char stack[STACK_BYTES];
};

struct kernel_key {
	struct { int64_t name, thread, kernel, style; } what;
	int64_t id;
	UT_hash_handle hh;
};

struct sweep {
	struct open_range *open;	/* of the thread at hand, in order of their starts */
	size_t count, capacity;
	int64_t thread;
	enum nvtx_tables what;
	sqlite3_stmt *add_range, *add_op, *add_key, *add_inner;
	struct kernel_key *keys;
	uint64_t rows;
};

static const char drop_sql[] =
	"DROP TABLE IF EXISTS temp.range_name; DROP TABLE IF EXISTS temp.label_name;"
	"DROP TABLE IF EXISTS temp.range_tree; DROP TABLE IF EXISTS temp.range_op;"
	"DROP TABLE IF EXISTS temp.range_key; DROP TABLE IF EXISTS temp.range_inner;";

static const char make_sql[] =
	"CREATE TEMP TABLE range_name (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
	"INSERT INTO range_name (name) SELECT coalesce(domain, '') || ':' || coalesce(text, '') "
	"FROM label UNION SELECT ':' || name FROM range WHERE label IS NULL AND name IS NOT NULL;"
	"CREATE TEMP TABLE label_name AS SELECT l.id AS label, n.id AS name FROM label l "
	"JOIN range_name n ON n.name = coalesce(l.domain, '') || ':' || coalesce(l.text, '');"
	"CREATE INDEX temp.label_name_label ON label_name (label);"
	"CREATE TEMP TABLE range_tree (id INTEGER PRIMARY KEY, name INTEGER, style INTEGER,"
	" thread INTEGER, start INTEGER, dur INTEGER, level INTEGER, parent INTEGER,"
	" children INTEGER, child_ns INTEGER, ops INTEGER, first INTEGER, last INTEGER, stack TEXT,"
	" work INTEGER);"
	"CREATE TEMP TABLE range_op (key INTEGER, range INTEGER, dur INTEGER);"
	"CREATE TEMP TABLE range_key (id INTEGER PRIMARY KEY, name INTEGER, style INTEGER,"
	" thread INTEGER, kernel INTEGER);"
	"CREATE TEMP TABLE range_inner (corr INTEGER PRIMARY KEY, name INTEGER);";

/* Ranges first where a call begins with them, outer ones before inner ones. */
#define EVENTS \
	"SELECT e.thread, e.at, e.until, e.id, e.name, e.style, e.start, e.dur, keys.key, e.corr FROM (" \
	"SELECT r.thread, r.start_ns AS at, r.start_ns + r.dur_ns AS until, r.id," \
	" coalesce(l.name, n.id) AS name, r.kind IS 2 AS style, NULL AS start, NULL AS dur," \
	" NULL AS shape, NULL AS corr FROM range r LEFT JOIN temp.label_name l ON l.label = r.label " \
	"LEFT JOIN temp.range_name n ON r.label IS NULL AND n.name = ':' || r.name " \
	"WHERE r.dur_ns IS NOT NULL " \
	"UNION ALL SELECT thread, start_ns, NULL, NULL, NULL, NULL, start_ns + gpu_delay_ns," \
	" gpu_dur_ns, shape, " CORR(LAUNCH, "id") " FROM launch WHERE gpu_dur_ns IS NOT NULL " \
	"UNION ALL SELECT thread, start_ns, NULL, NULL, NULL, NULL, start_ns + gpu_delay_ns," \
	" gpu_dur_ns, NULL, NULL FROM copy WHERE gpu_dur_ns IS NOT NULL AND graph_launch IS NULL " \
	"UNION ALL SELECT g.thread, g.start_ns, NULL, NULL, NULL, NULL, n.start_ns, n.gpu_dur_ns," \
	" n.shape, " CORR(GRAPH, "g.id") " FROM node n JOIN graph_launch g ON g.id = n.graph_launch " \
	"WHERE n.gpu_dur_ns IS NOT NULL " \
	"UNION ALL SELECT g.thread, g.start_ns, NULL, NULL, NULL, NULL, c.start_ns + c.gpu_delay_ns," \
	" c.gpu_dur_ns, NULL, NULL FROM copy c JOIN graph_launch g ON g.id = c.graph_launch " \
	"WHERE c.gpu_dur_ns IS NOT NULL) e LEFT JOIN keys ON keys.shape = e.shape " \
	"WHERE e.thread IN (SELECT thread FROM range) " \
	"ORDER BY e.thread, e.at, e.id IS NULL, e.until DESC, e.id"
static const char events_with_kernels[] = KERNEL_KEYS EVENTS;
static const char events[] = "WITH keys(shape, key) AS (SELECT 0, 0 WHERE 0) " EVENTS;
enum { E_THREAD, E_AT, E_UNTIL, E_ID, E_NAME, E_STYLE, E_START, E_DUR, E_KERNEL, E_CORR };

static int insert(struct run *run, sqlite3_stmt *stmt, const int64_t *values, int count)
{
	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(stmt, i + 1, values[i]);
	sqlite3_step(stmt);
	return sqlite3_reset(stmt) == SQLITE_OK ? 0 : run_fail_sqlite(run);
}

static int end_range(struct run *run, struct sweep *s, size_t index)
{
	struct open_range *r = &s->open[index];
	int result;

	sqlite3_clear_bindings(s->add_range);
	if (r->style == NVTX_PUSH_POP) {
		sqlite3_bind_int64(s->add_range, 7, r->level);
		if (r->parent >= 0)
			sqlite3_bind_int64(s->add_range, 8, r->parent);
		sqlite3_bind_int64(s->add_range, 9, r->children);
		sqlite3_bind_int64(s->add_range, 10, r->child_ns);
		sqlite3_bind_text(s->add_range, 14, r->stack, -1, SQLITE_STATIC);
	}
	sqlite3_bind_int64(s->add_range, 11, r->ops);
	if (r->ops) {
		sqlite3_bind_int64(s->add_range, 12, r->first);
		sqlite3_bind_int64(s->add_range, 13, r->last);
	}
	sqlite3_bind_int64(s->add_range, 15, r->work);
	result = insert(run, s->add_range, (int64_t[]){ r->id, r->name, r->style, r->thread, r->start,
							span(r->start, r->end) }, 6);
	memmove(r, r + 1, (--s->count - index) * sizeof(*r));
	return result;
}

/* Those that are over at `now`; all of them when the thread is another one. */
static int close_ended(struct run *run, struct sweep *s, int64_t thread, int64_t now)
{
	for (size_t i = s->count; i-- > 0;)
		if ((thread != s->thread || s->open[i].end <= now) && end_range(run, s, i) < 0)
			return -1;
	s->thread = thread;
	return 0;
}

static struct open_range *range_around(struct sweep *s, int64_t end)
{
	for (size_t i = s->count; i-- > 0;)
		if (s->open[i].style == NVTX_PUSH_POP && s->open[i].end >= end)
			return &s->open[i];
	return NULL;
}

static int open_range(struct run *run, struct sweep *s, sqlite3_stmt *stmt)
{
	struct open_range range = {
		.id = sqlite3_column_int64(stmt, E_ID),
		.name = sqlite3_column_int64(stmt, E_NAME),
		.thread = s->thread,
		.start = sqlite3_column_int64(stmt, E_AT),
		.end = sqlite3_column_int64(stmt, E_UNTIL),
		.style = sqlite3_column_int(stmt, E_STYLE) ? NVTX_START_END : NVTX_PUSH_POP,
		.parent = -1,
	};
	struct open_range *parent = NULL, *grown;

	if (s->count == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 64;
		grown = realloc(s->open, s->capacity * sizeof(*s->open));
		if (!grown)
			return run_fail(run, "out of memory");
		s->open = grown;
	}
	if (range.style == NVTX_PUSH_POP)
		parent = range_around(s, range.end);
	if (parent) {
		parent->children++;
		parent->child_ns = plus(parent->child_ns, (uint64_t)span(range.start, range.end));
		range.parent = parent->id;
		range.level = parent->level + 1;
	}
	snprintf(range.stack, sizeof(range.stack), "%.*s:%lld", STACK_BYTES - 32,
		 parent ? parent->stack : "", (long long)range.id);
	s->open[s->count++] = range;
	return 0;
}

static int key_of(struct run *run, struct sweep *s, const struct open_range *range, int64_t kernel,
		  int64_t *id)
{
	struct kernel_key key = { .what = { range->name, range->thread, kernel, range->style } }, *known;

	HASH_FIND(hh, s->keys, &key.what, sizeof(key.what), known);
	if (!known) {
		known = malloc(sizeof(*known));
		if (!known)
			return run_fail(run, "out of memory");
		*known = key;
		known->id = (int64_t)HASH_COUNT(s->keys) + 1;
		HASH_ADD(hh, s->keys, what, sizeof(known->what), known);
		if (insert(run, s->add_key, (int64_t[]){ known->id, range->name, range->style,
							 range->thread, kernel }, 5) < 0)
			return -1;
	}
	*id = known->id;
	return 0;
}

/* Work belongs to every range that is open on its thread when it is launched. */
static int count_work(struct run *run, struct sweep *s, sqlite3_stmt *stmt)
{
	int64_t start = sqlite3_column_int64(stmt, E_START), dur = (int64_t)row_u64(stmt, E_DUR);
	int64_t end = plus(start, (uint64_t)dur), key = 0;
	bool is_kernel = sqlite3_column_type(stmt, E_KERNEL) != SQLITE_NULL;

	for (size_t i = 0; i < s->count; i++) {
		struct open_range *r = &s->open[i];

		if (!r->ops || start < r->first)
			r->first = start;
		if (!r->ops || end > r->last)
			r->last = end;
		r->ops++;
		r->work = plus(r->work, (uint64_t)dur);
		if (s->what == NVTX_KERNELS && is_kernel &&
		    (key_of(run, s, r, sqlite3_column_int64(stmt, E_KERNEL), &key) < 0 ||
		     insert(run, s->add_op, (int64_t[]){ key, r->id, dur }, 3) < 0))
			return -1;
	}
	if (s->what == NVTX_INNERMOST && s->count && sqlite3_column_type(stmt, E_CORR) != SQLITE_NULL)
		return insert(run, s->add_inner, (int64_t[]){ sqlite3_column_int64(stmt, E_CORR),
							      s->open[s->count - 1].name }, 2);
	return 0;
}

static int event_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct sweep *s = arg;

	if (++s->rows % PROGRESS_ROWS == 0 && run->progress)
		run->progress(run->progress_arg, s->rows, 0);
	if (close_ended(run, s, sqlite3_column_int64(stmt, E_THREAD),
			sqlite3_column_int64(stmt, E_AT)) < 0)
		return -1;
	if (sqlite3_column_type(stmt, E_ID) == SQLITE_NULL)
		return count_work(run, s, stmt);
	return open_range(run, s, stmt);
}

static void sweep_free(struct sweep *s)
{
	struct kernel_key *key, *next;

	HASH_ITER(hh, s->keys, key, next) {
		HASH_DEL(s->keys, key);
		free(key);
	}
	sqlite3_finalize(s->add_range);
	sqlite3_finalize(s->add_op);
	sqlite3_finalize(s->add_key);
	sqlite3_finalize(s->add_inner);
	free(s->open);
}

void nvtx_tables_drop(struct run *run)
{
	sqlite3_exec(run->db, drop_sql, NULL, NULL, NULL);
}

int nvtx_tables_make(struct run *run, enum nvtx_tables what)
{
	struct sweep s = { .what = what, .thread = -1 };
	int result = -1;

	nvtx_tables_drop(run);
	if (sqlite3_exec(run->db, make_sql, NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	s.add_range = run_prepare(run, "INSERT OR IGNORE INTO temp.range_tree VALUES "
				       "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
	s.add_op = run_prepare(run, "INSERT INTO temp.range_op VALUES (?,?,?)");
	s.add_key = run_prepare(run, "INSERT INTO temp.range_key VALUES (?,?,?,?,?)");
	s.add_inner = run_prepare(run, "INSERT OR IGNORE INTO temp.range_inner VALUES (?,?)");
	if (!run_integer(run, "SELECT EXISTS (SELECT 1 FROM range)", 1))
		result = 0;
	else if (s.add_range && s.add_op && s.add_key && s.add_inner)
		result = run_query(run, what == NVTX_KERNELS ? events_with_kernels : events, event_row, &s);
	if (result == 0)
		result = close_ended(run, &s, -1, 0);
	sweep_free(&s);
	if (result == 0 && sqlite3_exec(run->db,
		"CREATE INDEX temp.range_tree_name ON range_tree (name, style);"
		"CREATE INDEX temp.range_op_key ON range_op (key, range)", NULL, NULL, NULL) != SQLITE_OK)
		result = run_fail_sqlite(run);
	return result;
}
