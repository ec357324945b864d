/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from the file's pages are those that SQLite tells, or are left to it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/pages.h"

#define ROWS	3000

static char file[] = "/tmp/gputrail-pages.XXXXXX";
static const char *const names[] = { "c", "missing", "a", NULL, "b" };	/* d is not asked for */
enum { C, MISSING, A, NONE, B, NAMES };

/* Numbers of every width, NULL among them, some rows deleted, columns that nobody asks for. */
static const char numbers_sql[] =
	"CREATE TABLE t (id INTEGER PRIMARY KEY, d INTEGER, a INTEGER, b INTEGER, c INTEGER, e);"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
	"INSERT INTO t SELECT i * 7 - 2000, i, iif(i % 5 = 0, NULL, (1 << (i % 63)) - i % 3),"
	" -(1 << (i % 63)) + i % 2, iif(i % 7 = 0, NULL, i % 2), 'text' FROM n;"
	"DELETE FROM t WHERE id % 11 = 0;";

static void execute(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* A file with a table t; `run` is as much of a reader as pages.c needs. */
static void make(struct run *run, const char *before, const char *sql, bool immutable)
{
	char uri[64];
	sqlite3 *db;

	unlink(file);
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	execute(db, before);
	execute(db, numbers_sql);
	execute(db, sql);
	sqlite3_close(db);
	snprintf(uri, sizeof(uri), "file:%s?immutable=1", file);
	*run = (struct run){ .path = file, .immutable = immutable };
	assert_int_equal(sqlite3_open_v2(uri, &run->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
			 SQLITE_OK);
}

struct compared {
	sqlite3_stmt *stmt;
	size_t rows, stop;
};

static int row_compare(void *arg, int64_t *values, uint32_t known)
{
	struct compared *c = arg;
	static const int columns[NAMES] = { [A] = 0, [B] = 1, [C] = 2 };

	assert_int_equal(sqlite3_step(c->stmt), SQLITE_ROW);
	for (int i = 0; i < NAMES; i++) {
		bool is_known = names[i] && i != MISSING &&
			sqlite3_column_type(c->stmt, columns[i]) != SQLITE_NULL;

		assert_int_equal(known >> i & 1, is_known);
		assert_int_equal(values[i], is_known ? sqlite3_column_int64(c->stmt, columns[i]) : 0);
	}
	return ++c->rows == c->stop ? 7 : 0;
}

static sqlite3_stmt *ask(struct run *run)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(run->db, "SELECT a, b, c FROM t ORDER BY id", -1, &stmt,
					    NULL), SQLITE_OK);
	return stmt;
}

static void test_same_rows(void **state)
{
	static const char *const pragmas[] = {
		"", "PRAGMA page_size = 512", "PRAGMA page_size = 1024; PRAGMA auto_vacuum = 1",
		"PRAGMA page_size = 65536", "PRAGMA journal_mode = WAL",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pragmas) / sizeof(*pragmas); i++) {
		struct run run;
		struct pages *pages;
		struct compared c = { 0 };

		make(&run, pragmas[i], "", true);
		pages = pages_open(&run, "t", names, NAMES);
		assert_non_null(pages);
		c.stmt = ask(&run);
		/* Stretches of all lengths, some of them without a row. */
		for (int64_t last = -2100, by = 1; last < ROWS * 7; by = by * 3 % 1001 + 1, last += by)
			assert_int_equal(pages_read(pages, last, row_compare, &c), 0);
		assert_int_equal(pages_read(pages, INT64_MAX, row_compare, &c), 0);
		assert_int_equal(sqlite3_step(c.stmt), SQLITE_DONE);
		assert_true(c.rows > ROWS / 2);
		sqlite3_finalize(c.stmt);
		pages_close(pages);
		sqlite3_close(run.db);
	}
}

#define WIDE	15
static const char *const wide_names[WIDE] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
					      "m", "n", "o" };

static int wide_compare(void *arg, int64_t *values, uint32_t known)
{
	struct compared *c = arg;

	assert_int_equal(sqlite3_step(c->stmt), SQLITE_ROW);
	for (int i = 0; i < WIDE; i++) {
		assert_int_equal(known >> i & 1, sqlite3_column_type(c->stmt, i) != SQLITE_NULL);
		assert_int_equal(values[i], sqlite3_column_int64(c->stmt, i));
	}
	c->rows++;
	return 0;
}

/* As many columns as are read so, and more sorts of rows than are remembered. */
static void test_wide_rows(void **state)
{
	static const char sql[] =
		"CREATE TABLE wide (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);"
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
		"INSERT INTO wide SELECT v, v >> 3, v >> 9, v >> 17, v & 1, v >> 30, -v, v >> 40, "
		"nullif(v & 3, 2), v >> 50, v >> 60, (v >> 5) & 1, v >> 22, ~v, v >> 12 "
		"FROM (SELECT (i * 2654435761) << (i % 31) AS v FROM n)";
	struct compared c = { 0 };
	struct pages *pages;
	struct run run;

	(void)state;
	make(&run, "", sql, true);
	pages = pages_open(&run, "wide", wide_names, WIDE);
	assert_non_null(pages);
	assert_int_equal(sqlite3_prepare_v2(run.db, "SELECT * FROM wide ORDER BY rowid", -1, &c.stmt,
					    NULL), SQLITE_OK);
	assert_int_equal(pages_read(pages, INT64_MAX, wide_compare, &c), 0);
	assert_int_equal(c.rows, 2000);
	sqlite3_finalize(c.stmt);
	pages_close(pages);
	sqlite3_close(run.db);
}

/* What is not plain ends it, after all rows before, and for good. */
static void test_odd_rows(void **state)
{
	static const char *const odd[] = {
		"UPDATE t SET a = 2.5 WHERE id = 5000", "UPDATE t SET b = 'text' WHERE id = 5000",
		"UPDATE t SET c = x'00' WHERE id = 5000",
		"UPDATE t SET d = zeroblob(100) WHERE id = 5000",
		"UPDATE t SET e = zeroblob(100000) WHERE id = 5000",
		/* Rows from before have fewer columns than the table. */
		"ALTER TABLE t ADD COLUMN f DEFAULT 5; DELETE FROM t WHERE id < 5000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct run run;
		struct pages *pages;
		struct compared c = { 0 };

		make(&run, "", odd[i], true);
		pages = pages_open(&run, "t", names, NAMES);
		assert_non_null(pages);
		c.stmt = ask(&run);
		assert_int_equal(pages_read(pages, INT64_MAX, row_compare, &c), PAGES_ODD);
		assert_int_equal(pages_read(pages, INT64_MAX, row_compare, &c), PAGES_ODD);
		assert_int_equal(c.rows, run_integer(&run, "SELECT count(*) FROM t WHERE id < 5000",
						     -1));
		sqlite3_finalize(c.stmt);
		pages_close(pages);
		sqlite3_close(run.db);
	}
}

static void test_ends_early(void **state)
{
	struct compared c = { .stop = 10 };
	struct pages *pages;
	struct run run;

	(void)state;
	make(&run, "", "", true);
	pages = pages_open(&run, "t", names, NAMES);
	c.stmt = ask(&run);
	assert_int_equal(pages_read(pages, INT64_MAX, row_compare, &c), 7);
	assert_int_equal(c.rows, 10);
	sqlite3_finalize(c.stmt);
	pages_close(pages);
	sqlite3_close(run.db);
}

static void test_left_to_sqlite(void **state)
{
	struct compared c = { 0 };
	struct pages *pages;
	struct run run;

	(void)state;
	make(&run, "", "CREATE VIEW v AS SELECT * FROM t; CREATE TABLE empty (a);"
	     "CREATE TABLE w (a PRIMARY KEY) WITHOUT ROWID;"
	     "CREATE TABLE long (d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, a)", true);
	assert_null(pages_open(&run, "v", names, NAMES));
	assert_null(pages_open(&run, "w", names, NAMES));
	assert_null(pages_open(&run, "nothing", names, NAMES));
	assert_null(pages_open(&run, "long", names, NAMES));
	pages = pages_open(&run, "empty", names, NAMES);
	assert_non_null(pages);
	assert_int_equal(pages_read(pages, INT64_MAX, row_compare, &c), 0);
	pages_close(pages);
	sqlite3_close(run.db);
	make(&run, "", "", false);	/* somebody may write it */
	assert_null(pages_open(&run, "t", names, NAMES));
	sqlite3_close(run.db);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_rows),
		cmocka_unit_test(test_wide_rows),
		cmocka_unit_test(test_odd_rows),
		cmocka_unit_test(test_ends_early),
		cmocka_unit_test(test_left_to_sqlite),
	};
	int fd = mkstemp(file), result;

	close(fd);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return result;
}
