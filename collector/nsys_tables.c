/* SPDX-License-Identifier: Apache-2.0 */
/* The views that a recording has for SQL made for nsys, as the tables of a file of their own. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/nsys_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_INSTRUCTIONS 1000000	/* of SQLite's machine: some tens of ms */

static const char views[] =
#include "collector/nsys_views_sql.inc"
	;

struct work {
	sqlite3 *in, *out;
	const struct nsys_tables_watch *watch;
	const char *table;		/* that is being written */
	uint64_t rows;			/* of it */
};

static bool run(sqlite3 *sqlite, const char *sql)
{
	return sqlite3_exec(sqlite, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int still_at_it(void *arg)
{
	const struct work *w = arg;

	w->watch->progress(w->watch->arg, w->table, w->rows);
	return 0;
}

/* As temporary ones, so that they are those of this version, whatever the file has. */
static bool views_make(struct work *w)
{
	static const char create[] = "CREATE VIEW ";
	sqlite3_str *sql = sqlite3_str_new(w->in);
	const char *from = views, *at;
	bool made;
	char *text;

	while ((at = strstr(from, create))) {
		sqlite3_str_append(sql, from, (int)(at - from));
		sqlite3_str_appendall(sql, "CREATE TEMP VIEW ");
		from = at + strlen(create);
	}
	sqlite3_str_appendall(sql, from);
	text = sqlite3_str_finish(sql);
	made = text && run(w->in, text);
	sqlite3_free(text);
	return made;
}

/* Those that others lead to have nsys's keys, which make joins quick. */
static const char *declaration(const char *table, const char *column)
{
	bool has_key = !strcmp(table, "StringIds") || !strncmp(table, "ENUM_", 5);

	return has_key && !strcmp(column, "id") ? " INTEGER NOT NULL PRIMARY KEY" : "";
}

/* The table with the columns of a row, and what adds a row to it. */
static sqlite3_stmt *table_make(struct work *w, sqlite3_stmt *row)
{
	sqlite3_str *create = sqlite3_str_new(w->out), *insert = sqlite3_str_new(w->out);
	sqlite3_stmt *adds = NULL;
	char *sql, *values;

	sqlite3_str_appendf(create, "CREATE TABLE \"%w\" (", w->table);
	sqlite3_str_appendf(insert, "INSERT INTO \"%w\" VALUES (", w->table);
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		const char *name = sqlite3_column_name(row, i);

		sqlite3_str_appendf(create, "%s\"%w\"%s", i ? ", " : "", name,
				    declaration(w->table, name));
		sqlite3_str_appendall(insert, i ? ",?" : "?");
	}
	sqlite3_str_appendall(create, ")");
	sqlite3_str_appendall(insert, ")");
	sql = sqlite3_str_finish(create);
	values = sqlite3_str_finish(insert);
	if (sql && values && run(w->out, sql))
		sqlite3_prepare_v2(w->out, values, -1, &adds, NULL);
	sqlite3_free(sql);
	sqlite3_free(values);
	return adds;
}

static bool row_add(sqlite3_stmt *adds, sqlite3_stmt *row)
{
	for (int i = 0; i < sqlite3_column_count(row); i++)
		sqlite3_bind_value(adds, i + 1, sqlite3_column_value(row, i));
	sqlite3_step(adds);
	return sqlite3_reset(adds) == SQLITE_OK;
}

static bool table_write(struct work *w, const char *table)
{
	char *sql = sqlite3_mprintf("SELECT * FROM temp.\"%w\"", table);
	sqlite3_stmt *row = NULL, *adds = NULL;
	int code = sql ? sqlite3_prepare_v2(w->in, sql, -1, &row, NULL) : SQLITE_NOMEM;
	bool good = code == SQLITE_OK;

	sqlite3_free(sql);
	if (code == SQLITE_ERROR)
		return true;		/* the file is older than what this is made of */
	w->table = table;
	w->rows = 0;
	while (good && (code = sqlite3_step(row)) == SQLITE_ROW) {
		adds = adds ? adds : table_make(w, row);
		good = adds && row_add(adds, row);
		w->rows++;
	}
	sqlite3_finalize(adds);
	sqlite3_finalize(row);
	return good && code == SQLITE_DONE;
}

static bool tables_write(struct work *w)
{
	sqlite3_stmt *row;
	bool good = sqlite3_prepare_v2(w->in, "SELECT name FROM temp.sqlite_schema WHERE type = 'view'"
				       " AND name GLOB '[A-Z]*' ORDER BY name", -1, &row, NULL) ==
		    SQLITE_OK;
	int code = SQLITE_DONE;

	while (good && (code = sqlite3_step(row)) == SQLITE_ROW)
		good = table_write(w, (const char *)sqlite3_column_text(row, 0));
	good = good && code == SQLITE_DONE;
	sqlite3_finalize(row);
	return good;
}

static bool is_failed(sqlite3 *sqlite)
{
	int code = sqlite3_errcode(sqlite) & 0xff;

	return code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE;
}

bool nsys_tables_write(sqlite3 *input, const char *output, const struct nsys_tables_watch *watch,
		       char **error)
{
	struct work w = { .in = input, .watch = watch, .table = "" };
	bool good = sqlite3_open_v2(output, &w.out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK;

	sqlite3_progress_handler(w.in, TICK_INSTRUCTIONS, still_at_it, &w);
	good = good && run(w.out, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN") &&
	       views_make(&w) && tables_write(&w) && run(w.out, "COMMIT");
	sqlite3_progress_handler(w.in, 0, NULL, NULL);
	*error = good ? NULL : strdup(sqlite3_errmsg(is_failed(w.in) ? w.in : w.out));
	sqlite3_close(w.out);
	return good;
}
