/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the reader library share: the handle, errors, rows to structs. */
#ifndef GPUTRAIL_ANALYSIS_INTERNAL_H
#define GPUTRAIL_ANALYSIS_INTERNAL_H

#include "analysis/analysis.h"

#include <signal.h>
#include <sqlite3.h>

/* Kept equal to the PRAGMAs of collector/schema.sql; a test compares them. */
#define RUN_APPLICATION_ID	0x47505550
#define RUN_SCHEMA_VERSION	1

struct run {
	sqlite3 *db;
	char *path;
	char error[1024];
	int64_t data_version;
	bool immutable;			/* opened without locks: nobody is writing */
	struct run_gap_list gaps;
	run_progress_fn *progress;
	void *progress_arg;
	volatile sig_atomic_t stopped;	/* run_stop() came */
	struct families *families;	/* NULL until somebody asks */
	struct scope_sets *narrowed;	/* what lists leave out; NULL: nothing */
};

/*
 * SQL for what people call the device with this id: its CUDA ordinal, where all devices of the
 * file have one of their own; else, as with a process per GPU that each call theirs 0, the order
 * in which they were seen.
 */
#define GPU_NUMBER(id)								\
	"(SELECT iif((SELECT count(*) = count(DISTINCT ordinal) FROM device), ordinal, id - 1) " \
	"FROM device WHERE id = " id ")"

/* SQL for the rows of a table that the zone map puts near [from, to), and those behind its last chunk. */
#define ROWS_NEAR(table, as, from, to)						\
	"(SELECT first_id, last_id FROM chunk WHERE kind = '" table "' AND min_ns <= " to	\
	" AND max_ns >= " from " UNION ALL SELECT coalesce(max(last_id), -9223372036854775807) + 1,"	\
	" 9223372036854775807 FROM chunk WHERE kind = '" table "') c_" as		\
	" JOIN " table " " as " ON " as ".id BETWEEN c_" as ".first_id AND c_" as ".last_id"

/* Lets queries read columns and tables that the file is too old for, as NULL and empty, and notes
 * them in run->gaps. */
int run_fill_gaps(struct run *run);

/* Sets the error and returns -1. */
int run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sets the error from SQLite's last one and returns -1. */
int run_fail_sqlite(struct run *run);

sqlite3_stmt *run_prepare(struct run *run, const char *sql);
/* Steps: 1 a row, 0 done, -1 failed (error set). */
int run_step(struct run *run, sqlite3_stmt *stmt);
/* Calls `row` for each row of `sql`; a non-zero return of `row` is handed back. */
typedef int run_row_fn(struct run *run, sqlite3_stmt *stmt, void *arg);
int run_query(struct run *run, const char *sql, run_row_fn *row, void *arg);
/* A table, no view: that could be endless. */
bool run_has_table(struct run *run, const char *table);
/* One integer, or `missing` if there is no row or the query fails. */
int64_t run_integer(struct run *run, const char *sql, int64_t missing);

/* Columns, whatever a damaged file holds: never negative, never NULL text. */
uint64_t row_u64(sqlite3_stmt *stmt, int column);
int row_int(sqlite3_stmt *stmt, int column, int missing);
char *row_text(sqlite3_stmt *stmt, int column);
int64_t row_id(sqlite3_stmt *stmt, int column);	/* -1 for NULL */

/* Room for one more row at the end of a list; NULL without memory. Zeroed. */
void *list_add(void **rows, size_t *count, size_t row_bytes);
#define LIST_ADD(list) list_add((void **)&(list)->rows, &(list)->count, sizeof(*(list)->rows))

/* Sample standard deviation from sums; 0 below two values. */
double stddev_from_sums(uint64_t count, double total, double sum_squares);

/* meta: caller frees; NULL if absent. */
char *run_meta(struct run *run, const char *key);

/* Between these, queries see of the tables `call` and `memory` the rows that the run is narrowed to;
 * what is read page by page is as it was. The latter hands on `result`, or -1. */
int run_tables_narrow(struct run *run);
int run_tables_widen(struct run *run, int result);

/* Of all that was recorded, whatever the run is narrowed to. */
uint64_t run_end_ns(struct run *run);

/* The finest level of buckets of which fewer than ten are in a column of a chart, and their width. */
int run_bucket_level(struct run *run, uint64_t column_ns, uint64_t *width_ns);

/* True while the process that records this file lives. */
bool run_recorder_alive(struct run *run);

#endif
