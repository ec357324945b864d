/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file: opening and closing it, appending event rows in bulk, small statements.
 *
 * Nothing here fails loudly: the first error (disk full, ...) makes the database "broken", its
 * sentence stays in database_error(), and every later call does nothing. What was committed
 * before stays readable.
 */
#ifndef GPUTRAIL_COLLECTOR_DATABASE_H
#define GPUTRAIL_COLLECTOR_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x47505550	/* "GPUP", as schema.sql sets it */
#define NIL INT64_MIN			/* a column that is NULL */
#define CHUNK_ROWS 4096
#define TABLE_COLUMNS_MAX 16

enum table {
#define EVENT_TABLE(name, text, rows, columns) TABLE_##name,
#include "collector/tables.def"
#undef EVENT_TABLE
	TABLE_COUNT
};

enum range_kind {			/* column kind of table range */
	RANGE_PUSH_POP = 1, RANGE_START_END = 2, RANGE_MARK = 3, RANGE_ANNOTATION = 4,
};

struct database;

const char *table_name(enum table table);	/* as readers call it */
int table_columns(enum table table);

/* Creates the file (it must not exist or be empty) with the schema. NULL: *error, caller frees. */
struct database *database_create(const char *path, char **error);
/* Opens an existing gputrail file, as `recover` does: no rows can be appended to it. */
struct database *database_open(const char *path, char **error);
/* Commits, folds the WAL into the file and closes. Returns 0, or -1 when something was lost. */
int database_close(struct database *db);

const char *database_error(const struct database *db);	/* NULL: all well */
uint64_t database_rows(const struct database *db);		/* event rows written so far */
uint64_t database_lost(const struct database *db); /* event rows that were not committed */
/* After an error: forgets it and frees the disk space set aside, so that the file can be finished. */
void database_revive(struct database *db);
sqlite3 *database_handle(struct database *db);

/* A place for one row of table_columns() values, to be filled at once; NULL when broken.
 * [start, end): time the row covers, for the zone map. */
int64_t *database_row(struct database *db, enum table table, int64_t start, int64_t end);
/* Widens the zone map for a row already written whose GPU end became known later. */
void database_row_grew(struct database *db, enum table table, int64_t id, int64_t end);

/*
 * Runs a statement kept under the address of `sql` (a literal). types: one letter per
 * parameter: i int64_t (NIL is NULL), t const char * (NULL is NULL), d double.
 */
void database_run(struct database *db, const char *sql, const char *types, ...);

/* Hands the buffered rows to SQLite, so that statements see them. */
void database_flush_rows(struct database *db);
/* Flushes the row buffers and ends the transaction; the next write begins one. */
void database_commit(struct database *db);

void database_meta_text(struct database *db, const char *key, const char *value);
void database_meta_int(struct database *db, const char *key, int64_t value);

/* The table-valued function that hands arrays of rows to SQLite; see feed.c. */
struct feed {
	const int64_t *rows;
	int columns, count;
	int payload;			/* column whose type (enum wire_payload) the one before it is;
					   0: none */
};
int feed_register(sqlite3 *sqlite, struct feed *feed);

#endif
