/* SPDX-License-Identifier: Apache-2.0 */
/* In which range that the program marked (NVTX, annotations of PyTorch) a finding's evidence lies. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The call that brought the operation that began at ?1, on stream ?2 if several did. */
static const char call_sql[] =
	"SELECT thread, start_ns FROM ("
	"SELECT e.thread, e.start_ns, e.stream FROM " ROWS_NEAR("launch", "e", "?1", "?1")
	" WHERE e.start_ns + e.gpu_delay_ns = ?1 UNION ALL "
	"SELECT e.thread, e.start_ns, e.stream FROM " ROWS_NEAR("copy", "e", "?1", "?1")
	" WHERE e.start_ns + e.gpu_delay_ns = ?1 AND e.graph_launch IS NULL UNION ALL "
	"SELECT g.thread, g.start_ns, e.stream FROM " ROWS_NEAR("copy", "e", "?1", "?1")
	" JOIN graph_launch g ON g.id = e.graph_launch WHERE e.start_ns = ?1 UNION ALL "
	"SELECT g.thread, g.start_ns, e.stream FROM " ROWS_NEAR("node", "e", "?1", "?1")
	" JOIN graph_launch g ON g.id = e.graph_launch WHERE e.start_ns = ?1)"
	" ORDER BY stream = ?2 DESC LIMIT 1";

/* Steps are told elsewhere, and each has another number. */
static const char range_sql[] =
	"SELECT coalesce(l.text, r.name, '') AS text FROM " ROWS_NEAR("range", "r", "?2", "?2")
	" LEFT JOIN label l ON l.id = r.label"
	" WHERE r.thread = ?1 AND r.start_ns <= ?2 AND r.start_ns + r.dur_ns > ?2"
	" AND text <> '' AND text NOT GLOB 'ProfilerStep#*' ORDER BY r.dur_ns, r.id DESC LIMIT 1";

struct naming {
	struct run *run;
	sqlite3_stmt *call, *range;
	struct { char *text; uint64_t ns; } names[FINDING_EVIDENCE_MAX];
	int count;
};

/* The first row of a statement with one or two numbers for parameters. */
static bool row_of(struct naming *n, sqlite3_stmt *stmt, uint64_t first, int64_t second)
{
	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)first);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_int64(stmt, 2, second);
	return run_step(n->run, stmt) > 0;
}

static bool call_of_row(struct naming *n, const struct finding_evidence *e, int64_t *thread,
			uint64_t *host_ns)
{
	char sql[96];
	sqlite3_stmt *stmt;
	bool found = false;

	if (!strcmp(e->table, "node"))
		return false;
	snprintf(sql, sizeof(sql), "SELECT thread, start_ns FROM %s WHERE id = ?1", e->table);
	stmt = run_prepare(n->run, sql);
	if (stmt && row_of(n, stmt, (uint64_t)e->row, 0)) {
		*thread = sqlite3_column_int64(stmt, 0);
		*host_ns = row_u64(stmt, 1);
		found = true;
	}
	sqlite3_finalize(stmt);
	return found;
}

/* Without the numbers of its calls that PyTorch's emit_nvtx puts behind an operator's name. */
static char *range_at(struct naming *n, int64_t thread, uint64_t host_ns)
{
	static const char *const numbers[] = { ", seq = ", ", op_id = " };
	char *text = row_of(n, n->range, (uint64_t)thread, (int64_t)host_ns) ? row_text(n->range, 0)
		: NULL;

	for (size_t i = 0; text && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char *number = strstr(text, numbers[i]);

		if (number)
			*number = '\0';
	}
	return text;
}

/*
 * Of idle time that ended when its thread submitted work, the range is that in which the thread was
 * then; else, as of work, that of the launch.
 */
static char *range_of(struct naming *n, const struct finding_evidence *e)
{
	uint64_t end_ns = e->start_ns + e->dur_ns, host_ns;
	char *text = NULL;
	int64_t thread;

	if (e->table[0])
		return call_of_row(n, e, &thread, &host_ns) ? range_at(n, thread, host_ns) : NULL;
	if (!row_of(n, n->call, e->start_ns, e->stream)) {
		if (!row_of(n, n->call, end_ns, e->stream))
			return NULL;
		thread = sqlite3_column_int64(n->call, 0);
		host_ns = row_u64(n->call, 1);
		if (host_ns > e->start_ns)
			text = range_at(n, thread, e->start_ns + (host_ns - e->start_ns) / 2);
		return text ? text : range_at(n, thread, host_ns);
	}
	thread = sqlite3_column_int64(n->call, 0);
	return range_at(n, thread, row_u64(n->call, 1));
}

static void take(struct naming *n, char *text, uint64_t ns)
{
	int i = 0;

	while (i < n->count && strcmp(n->names[i].text, text))
		i++;
	if (i < n->count) {
		free(text);
	} else {
		n->names[n->count].text = text;
		n->names[n->count++].ns = 0;
	}
	n->names[i].ns += ns;
}

/* The range with most of the evidence's time. */
static char *choose(struct naming *n)
{
	char *text = NULL;
	uint64_t most = 0;

	for (int i = 0; i < n->count; i++) {
		bool better = !text || n->names[i].ns > most;

		if (better)
			most = n->names[i].ns;
		free(better ? text : n->names[i].text);
		text = better ? n->names[i].text : text;
	}
	n->count = 0;
	return text ? text : strdup("");
}

int findings_name_ranges(struct finder *finder)
{
	struct run_finding_list *list = &finder->out->list;
	struct naming n = { .run = finder->run };
	bool any = run_integer(n.run, "SELECT EXISTS(SELECT 1 FROM range)", 0);
	int result = 0;

	if (any && list->count) {
		n.call = run_prepare(n.run, call_sql);
		n.range = run_prepare(n.run, range_sql);
		result = n.call && n.range ? 0 : -1;
	}
	for (size_t i = 0; result == 0 && i < list->count; i++) {
		struct run_finding *f = &list->rows[i];

		for (int e = 0; n.range && e < f->evidence_count; e++) {
			char *text = range_of(&n, &f->evidence[e]);

			if (text)
				take(&n, text, f->evidence[e].dur_ns);
		}
		f->range = choose(&n);
		if (!f->range)
			result = run_fail(n.run, "out of memory");
	}
	sqlite3_finalize(n.call);
	sqlite3_finalize(n.range);
	return result;
}
