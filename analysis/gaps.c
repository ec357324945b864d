/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of older versions: temporary tables and views stand in for what they lack, under the same
 * names, so that no query needs a second form.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const struct {
	const char *table, *columns, *text;
} tables[] = {
#define GAP_TABLE(table, columns, text)	{ #table, columns, text },
#define GAP_COLUMN(...)
#include "analysis/gaps.def"
};

static const struct {
	const char *table, *column, *text;
} columns[] = {
#define GAP_TABLE(...)
#define GAP_COLUMN(table, column, text)	{ #table, #column, text },
#include "analysis/gaps.def"
};

static int gap_add(struct run *run, const char *table, const char *column, const char *text)
{
	struct run_gap *gap = LIST_ADD(&run->gaps);

	if (!gap || asprintf(&gap->name, "%s%s%s", table, column ? "." : "",
			     column ? column : "") < 0)
		return run_fail(run, "out of memory");
	gap->text = strdup(text);
	return 0;
}

static int execute(struct run *run, const char *sql)
{
	return sqlite3_exec(run->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : run_fail_sqlite(run);
}

static bool has_table(struct run *run, const char *table)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM main.sqlite_schema "
		 "WHERE type IN ('table', 'view') AND name = '%s'", table);
	return run_integer(run, sql, 0) > 0;
}

static bool has_column(struct run *run, const char *table, const char *column)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM pragma_table_info('%s', 'main') "
		 "WHERE name = '%s'", table, column);
	return run_integer(run, sql, 0) > 0;
}

/* All missing columns of the table that columns[first] is the first row of. */
static int view_make(struct run *run, size_t first)
{
	const char *table = columns[first].table;
	char missing[1024] = "", sql[1280];
	size_t used = 0;

	for (size_t i = first; i < COUNT(columns) && !strcmp(columns[i].table, table); i++) {
		if (has_column(run, table, columns[i].column))
			continue;
		used += (size_t)snprintf(missing + used, sizeof(missing) - used, ", NULL AS %s",
					 columns[i].column);
		if (gap_add(run, table, columns[i].column, columns[i].text) < 0)
			return -1;
	}
	if (!used)
		return 0;
	snprintf(sql, sizeof(sql), "CREATE TEMP VIEW IF NOT EXISTS %s AS SELECT *%s FROM main.%s",
		 table, missing, table);
	return execute(run, sql);
}

/* The file's own view of that name could be anything. */
static int nodes_make(struct run *run)
{
	return execute(run, "CREATE TEMP VIEW IF NOT EXISTS node AS "
		       "SELECT r.id, r.start_ns, r.gpu_dur_ns, r.graph_launch, n.stream, n.shape, "
		       "n.node, n.path FROM main.replay r "
		       "LEFT JOIN main.graph_node n ON n.id = r.graph_node");
}

int run_fill_gaps(struct run *run)
{
	bool is_split = run_has_table(run, "replay");

	for (size_t i = 0; i < COUNT(tables); i++) {
		char sql[512];

		if (has_table(run, tables[i].table))
			continue;
		snprintf(sql, sizeof(sql), "CREATE TEMP TABLE IF NOT EXISTS %s (%s)", tables[i].table,
			 tables[i].columns);
		if (gap_add(run, tables[i].table, NULL, tables[i].text) < 0 || execute(run, sql) < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT(columns); i++) {
		const char *table = columns[i].table;

		if ((i && !strcmp(table, columns[i - 1].table)) ||
		    (is_split && !strcmp(table, "node")))
			continue;
		if (has_table(run, table) && view_make(run, i) < 0)
			return -1;
	}
	/* Before there was that, rows of `node` had it all. */
	return is_split ? nodes_make(run) :
			  execute(run, "CREATE TEMP TABLE IF NOT EXISTS graph_node (graph, node, source)");
}

const struct run_gap_list *run_gaps(const struct run *run)
{
	return &run->gaps;
}
