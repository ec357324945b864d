/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the file, appending rows, small statements: see database.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_ROWS 512		/* rows per INSERT */
#define STATEMENTS_MAX 64
/* Set aside on disk while recording, so that a full disk leaves room to fold the WAL into the
 * file and to finish it. The WAL is folded in every CHECKPOINT_PAGES, a transaction later. */
#define RESERVE_BYTES (8 << 20)
#define CHECKPOINT_PAGES "256"

static const char schema[] =
#include "collector/schema_sql.inc"
#include "collector/nsys_views_sql.inc"
	;

struct appender {
	sqlite3_stmt *insert;
	int64_t *rows;			/* BATCH_ROWS rows */
	int columns, count;
	int64_t chunk_first, chunk_last, chunk_rows, chunk_min, chunk_max;
};

struct database {
	sqlite3 *sqlite;
	char *error;
	bool in_transaction;
	int reserve_fd;
	uint64_t rows, uncommitted, lost;
	struct feed feed;
	struct appender appenders[TABLE_COUNT];
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[STATEMENTS_MAX];
};

static const struct {
	const char *name, *rows;
	int columns;
} tables[TABLE_COUNT] = {
#define EVENT_TABLE(name, text, rows, columns) { #text, #rows, columns },
#include "collector/tables.def"
#undef EVENT_TABLE
};

const char *table_name(enum table table)
{
	return tables[table].name;
}

int table_columns(enum table table)
{
	return tables[table].columns;
}

const char *database_error(const struct database *db)
{
	return db->error;
}

uint64_t database_rows(const struct database *db)
{
	return db->rows;
}

uint64_t database_lost(const struct database *db)
{
	return db->lost;
}

sqlite3 *database_handle(struct database *db)
{
	return db->sqlite;
}

/* Remembers the first error; what was not committed is lost. */
static void broken(struct database *db, const char *doing)
{
	if (!db->error && asprintf(&db->error, "%s: %s", doing, sqlite3_errmsg(db->sqlite)) < 0)
		db->error = NULL;
	db->lost += db->uncommitted;
	db->uncommitted = 0;
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	db->in_transaction = false;
}

static bool begin(struct database *db)
{
	if (db->error)
		return false;
	if (db->in_transaction)
		return true;
	if (sqlite3_exec(db->sqlite, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
		broken(db, "begin");
		return false;
	}
	db->in_transaction = true;
	return true;
}

static void chunk_write(struct database *db, enum table table)
{
	struct appender *a = &db->appenders[table];

	database_run(db, "INSERT INTO chunk VALUES (?,?,?,?,?)", "tiiii", tables[table].name,
		     a->chunk_first, a->chunk_last, a->chunk_min, a->chunk_max);
	a->chunk_rows = 0;
}

static void appender_flush(struct database *db, enum table table)
{
	struct appender *a = &db->appenders[table];

	if (!a->count || !begin(db))
		return;
	db->feed = (struct feed){ .rows = a->rows, .columns = a->columns, .count = a->count,
				  .payload = table == TABLE_RANGE ? a->columns - 1 : 0 };
	sqlite3_step(a->insert);
	if (sqlite3_reset(a->insert) != SQLITE_OK)
		broken(db, tables[table].name);
	else
		db->rows += (uint64_t)a->count;
	a->count = 0;
}

int64_t *database_row(struct database *db, enum table table, int64_t start, int64_t end)
{
	struct appender *a = &db->appenders[table];
	int64_t id;

	if (db->error)
		return NULL;
	if (a->count == BATCH_ROWS)
		appender_flush(db, table);
	if (a->chunk_rows == CHUNK_ROWS)
		chunk_write(db, table);
	if (db->error)
		return NULL;
	db->uncommitted++;
	id = a->chunk_last + 1;
	if (a->chunk_rows++ == 0) {
		a->chunk_first = id;
		a->chunk_min = start;
		a->chunk_max = end + 1;
	}
	a->chunk_last = id;
	if (start < a->chunk_min)
		a->chunk_min = start;
	if (end >= a->chunk_max)
		a->chunk_max = end + 1;
	a->rows[a->count * a->columns] = id;
	return &a->rows[a->count++ * a->columns];
}

void database_row_grew(struct database *db, enum table table, int64_t id, int64_t end)
{
	struct appender *a = &db->appenders[table];

	if (a->chunk_rows && id >= a->chunk_first) {
		if (end >= a->chunk_max)
			a->chunk_max = end + 1;
		return;
	}
	database_run(db,
		     "UPDATE chunk SET max_ns = max(max_ns, ?1) WHERE kind = ?2"
		     " AND first_id <= ?3 AND last_id >= ?3",
		     "iti", end + 1, tables[table].name, id);
}

static sqlite3_stmt *statement(struct database *db, const char *sql)
{
	int i;

	for (i = 0; i < STATEMENTS_MAX && db->statements[i].sql; i++)
		if (db->statements[i].sql == sql)
			return db->statements[i].statement;
	if (i == STATEMENTS_MAX ||
	    sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT,
			       &db->statements[i].statement, NULL)) {
		broken(db, sql);
		return NULL;
	}
	db->statements[i].sql = sql;
	return db->statements[i].statement;
}

void database_run(struct database *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *s;
	va_list args;

	if (!begin(db) || !(s = statement(db, sql)))
		return;
	va_start(args, types);
	for (int i = 0; types[i]; i++) {
		int64_t integer;
		const char *text;

		switch (types[i]) {
		case 'i':
			integer = va_arg(args, int64_t);
			if (integer == NIL)
				sqlite3_bind_null(s, i + 1);
			else
				sqlite3_bind_int64(s, i + 1, integer);
			break;
		case 't':
			text = va_arg(args, const char *);
			sqlite3_bind_text(s, i + 1, text, -1, SQLITE_STATIC);
			break;
		default:
			sqlite3_bind_double(s, i + 1, va_arg(args, double));
		}
	}
	va_end(args);
	sqlite3_step(s);
	if (sqlite3_reset(s) != SQLITE_OK)
		broken(db, "write");
}

void database_flush_rows(struct database *db)
{
	for (int table = 0; table < TABLE_COUNT; table++)
		appender_flush(db, table);
}

void database_commit(struct database *db)
{
	database_flush_rows(db);
	if (!db->in_transaction || db->error)
		return;
	if (sqlite3_exec(db->sqlite, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		broken(db, "commit");
	db->uncommitted = 0;
	db->in_transaction = false;
}

void database_meta_text(struct database *db, const char *key, const char *value)
{
	database_run(db, "INSERT OR REPLACE INTO meta VALUES (?,?)", "tt", key, value);
}

void database_meta_int(struct database *db, const char *key, int64_t value)
{
	database_run(db, "INSERT OR REPLACE INTO meta VALUES (?,?)", "ti", key, value);
}

static int appender_prepare(struct database *db, enum table table)
{
	struct appender *a = &db->appenders[table];
	char sql[256], columns[128] = "";
	sqlite3_stmt *last;
	int rc;

	a->columns = tables[table].columns;
	/* Left to SQLite the next id is the one we count, and costs no search for a conflict. */
	for (int i = 1; i < a->columns; i++)
		snprintf(columns + strlen(columns), sizeof(columns) - strlen(columns), ",c%d", i);
	snprintf(sql, sizeof(sql), "INSERT INTO %s SELECT NULL%s FROM feed", tables[table].rows,
		 columns);
	rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &a->insert, NULL);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(sql, sizeof(sql), "SELECT max(id) FROM %s", tables[table].rows);
	rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &last, NULL);
	if (rc == SQLITE_OK && sqlite3_step(last) == SQLITE_ROW)
		a->chunk_last = sqlite3_column_int64(last, 0);
	sqlite3_finalize(last);
	a->rows = calloc(BATCH_ROWS * (size_t)a->columns, sizeof(*a->rows));
	return a->rows ? rc : SQLITE_NOMEM;
}

static void database_free(struct database *db)
{
	for (int i = 0; i < STATEMENTS_MAX; i++)
		sqlite3_finalize(db->statements[i].statement);
	for (int i = 0; i < TABLE_COUNT; i++) {
		sqlite3_finalize(db->appenders[i].insert);
		free(db->appenders[i].rows);
	}
	sqlite3_close(db->sqlite);
	if (db->reserve_fd >= 0)
		close(db->reserve_fd);
	free(db->error);
	free(db);
}

static void folder_of(const char *path, char *folder, size_t bytes)
{
	char *slash;

	snprintf(folder, bytes, "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	else
		snprintf(folder, bytes, ".");
}

/* SQLite tries again read-only, so the last error it met need not be the one that matters. */
static int open_errno(struct database *db, const char *path)
{
	char folder[4096];

	if (sqlite3_errcode(db->sqlite) != SQLITE_CANTOPEN)
		return 0;
	folder_of(path, folder, sizeof(folder));
	return access(folder, W_OK) < 0 ? errno : sqlite3_system_errno(db->sqlite);
}

static struct database *open_failed(struct database *db, const char *path, char **error)
{
	const char *message = db->error ? db->error : sqlite3_errmsg(db->sqlite);
	int reason = open_errno(db, path);

	if (asprintf(error, "%s: %s", path, reason ? strerror(reason) : message) < 0)
		*error = NULL;
	database_free(db);
	return NULL;
}

/* An unlinked file beside `path`: its blocks come back the moment its descriptor is closed. */
static int reserve(const char *path)
{
	char folder[4096];
	int fd;

	folder_of(path, folder, sizeof(folder));
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct database *database_new(const char *path, const char *setup, char **error)
{
	struct database *db = calloc(1, sizeof(*db));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	*error = NULL;
	if (!db)
		return NULL;
	db->reserve_fd = -1;
	if (setup)
		flags |= SQLITE_OPEN_CREATE;
	if (sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK)
		return open_failed(db, path, error);
	sqlite3_busy_timeout(db->sqlite, 2000);
	if (sqlite3_exec(db->sqlite,
			 setup ? setup
			       : "PRAGMA synchronous=OFF; PRAGMA cache_size=-32000;"
				 "PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES,
			 NULL, NULL, NULL) != SQLITE_OK ||
	    (setup && sqlite3_exec(db->sqlite, schema, NULL, NULL, NULL) != SQLITE_OK) ||
	    feed_register(db->sqlite, &db->feed) != SQLITE_OK)
		return open_failed(db, path, error);
	for (int table = 0; setup && table < TABLE_COUNT; table++)
		if (appender_prepare(db, table) != SQLITE_OK)
			return open_failed(db, path, error);
	if (setup)
		db->reserve_fd = reserve(path);
	return db;
}

/* What a full disk leaves of a file that was to be made is in the way of the next attempt. */
static void remove_new(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[4096];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < (int)sizeof(name))
			unlink(name);
}

struct database *database_create(const char *path, char **error)
{
	static const char setup[] =
		"PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
		"PRAGMA cache_size=-32000; PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES;
	struct database *db;
	struct stat status;
	bool was_there = stat(path, &status) == 0;

	if (was_there && status.st_size > 0) {
		if (asprintf(error, "%s: exists already", path) < 0)
			*error = NULL;
		return NULL;
	}
	db = database_new(path, setup, error);
	if (!db && !was_there)
		remove_new(path);
	return db;
}

struct database *database_open(const char *path, char **error)
{
	return database_new(path, NULL, error);
}

void database_revive(struct database *db)
{
	free(db->error);
	db->error = NULL;
	for (int table = 0; table < TABLE_COUNT; table++)
		db->appenders[table].count = db->appenders[table].chunk_rows = 0;
	if (db->reserve_fd >= 0)
		close(db->reserve_fd);
	db->reserve_fd = -1;
}

int database_close(struct database *db)
{
	int lost;

	for (int table = 0; table < TABLE_COUNT; table++)
		if (db->appenders[table].chunk_rows)
			chunk_write(db, table);
	database_commit(db);
	lost = db->error != NULL;
	sqlite3_exec(db->sqlite, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	/* Readers of a WAL file write beside it, which they may not everywhere. While one has it open
	 * this fails, and does no harm. */
	sqlite3_busy_timeout(db->sqlite, 0);
	sqlite3_exec(db->sqlite, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	database_free(db);
	return lost ? -1 : 0;
}
