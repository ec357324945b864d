/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, errors and rows: the only file of the reader that is about SQLite's C API. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int run_fail(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->error, sizeof(run->error), format, args);
	va_end(args);
	/* SQLite quotes names of the file, which may hold anything. */
	for (char *c = run->error; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return -1;
}

int run_fail_sqlite(struct run *run)
{
	int code = sqlite3_errcode(run->db);

	switch (code & 0xff) {
	case SQLITE_INTERRUPT:
		return run_fail(run, "interrupted");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return run_fail(run, "'%s' is damaged (%s)", run->path, sqlite3_errmsg(run->db));
	case SQLITE_ERROR:
		return run_fail(run, "'%s' lacks what this version reads (%s): "
				"it is damaged, or written by another version",
				run->path, sqlite3_errmsg(run->db));
	default:
		return run_fail(run, "cannot read '%s': %s", run->path, sqlite3_errmsg(run->db));
	}
}

sqlite3_stmt *run_prepare(struct run *run, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(run->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
		run_fail_sqlite(run);
		return NULL;
	}
	return stmt;
}

int run_step(struct run *run, sqlite3_stmt *stmt)
{
	int code;

	if (run->stopped)
		return run_fail(run, "interrupted");
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : run_fail_sqlite(run);
}

int run_query(struct run *run, const char *sql, run_row_fn *row, void *arg)
{
	sqlite3_stmt *stmt = run_prepare(run, sql);
	int result;

	if (!stmt)
		return -1;
	while ((result = run_step(run, stmt)) > 0) {
		result = row(run, stmt, arg);
		if (result)
			break;
	}
	sqlite3_finalize(stmt);
	return result;
}

int64_t run_integer(struct run *run, const char *sql, int64_t missing)
{
	sqlite3_stmt *stmt = run_prepare(run, sql);
	int64_t value = missing;

	if (!stmt)
		return missing;
	if (run_step(run, stmt) > 0 && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

int run_freeze(struct run *run)
{
	if (sqlite3_exec(run->db, "SAVEPOINT run", NULL, NULL, NULL) != SQLITE_OK)
		return run_fail_sqlite(run);
	return 0;
}

void run_thaw(struct run *run)
{
	sqlite3_exec(run->db, "RELEASE run", NULL, NULL, NULL);
}

uint64_t row_u64(sqlite3_stmt *stmt, int column)
{
	int64_t value = sqlite3_column_int64(stmt, column);

	return value < 0 ? 0 : (uint64_t)value;
}

int row_int(sqlite3_stmt *stmt, int column, int missing)
{
	int64_t value = sqlite3_column_int64(stmt, column);

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return missing;
	if (value < INT32_MIN || value > INT32_MAX)
		return missing;
	return (int)value;
}

int64_t row_id(sqlite3_stmt *stmt, int column)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return -1;
	return sqlite3_column_int64(stmt, column);
}

char *row_text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return strdup(text ? (const char *)text : "");
}

/* Capacity is the power of two at or above count, so it need not be kept. */
void *list_add(void **rows, size_t *count, size_t row_bytes)
{
	size_t n = *count;
	char *row;

	if ((n & (n - 1)) == 0) {
		void *grown = realloc(*rows, (n ? 2 * n : 1) * row_bytes);

		if (!grown)
			return NULL;
		*rows = grown;
	}
	row = (char *)*rows + n * row_bytes;
	memset(row, 0, row_bytes);
	*count = n + 1;
	return row;
}

double stddev_from_sums(uint64_t count, double total, double sum_squares)
{
	double n = (double)count, variance;

	if (count < 2)
		return 0;
	variance = (sum_squares - total * total / n) / (n - 1);
	return variance > 0 ? sqrt(variance) : 0;
}

char *run_meta(struct run *run, const char *key)
{
	sqlite3_stmt *stmt = run_prepare(run, "SELECT value FROM meta WHERE key = ?1");
	char *value = NULL;

	if (!stmt)
		return NULL;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	if (run_step(run, stmt) > 0 && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		value = row_text(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}
