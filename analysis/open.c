/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens a recording for reading and says clearly why when it cannot.
 *
 * A file that nobody writes is opened "immutable": SQLite then neither makes nor needs the -shm
 * file beside it, so that recordings in read-only folders open and reading leaves no traces.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/families.h"
#include "analysis/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS	2000

/* Tables without which no view works; a foreign file with our id would fail here. */
static const char *const required_tables[] = {
	"meta", "process", "thread", "device", "stream", "kernel", "shape", "api", "launch",
	"graph_launch", "copy", "orphan", "memory", "call", "sum_kernel", "sum_api",
	"sum_copy", "sum_device", "sum_memory", "bucket", "counter",
};

static int refuse(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(error, format, args) < 0)
		*error = NULL;
	va_end(args);
	return -1;
}

/* What can be seen of the file without SQLite. */
static int file_check(const char *path, char **error)
{
	char head[16];
	struct stat st;
	FILE *file;
	size_t got;

	if (stat(path, &st) < 0)
		return refuse(error, "cannot open '%s': %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return refuse(error, "'%s' is a directory, not a gputrail file", path);
	if (!S_ISREG(st.st_mode))
		return refuse(error, "'%s' is not a regular file", path);
	file = fopen(path, "rbe");
	if (!file)
		return refuse(error, "cannot open '%s': %s", path, strerror(errno));
	got = fread(head, 1, sizeof(head), file);
	fclose(file);
	if (got == 0)
		return refuse(error, "'%s' is empty: nothing was recorded into it", path);
	if (got < sizeof(head) || memcmp(head, "SQLite format 3", 16))
		return refuse(error, "'%s' is not a gputrail file (it does not begin like an SQLite file)",
			      path);
	return 0;
}

static bool has_wal(const char *path, char *wal, size_t wal_bytes)
{
	struct stat st;

	snprintf(wal, wal_bytes, "%s-wal", path);
	return stat(wal, &st) == 0 && st.st_size > 0;
}

/* file:PATH with everything but plain characters escaped. */
static char *uri_make(const char *path, bool immutable)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
	size_t size = 3 * strlen(path) + 32;
	char *uri = malloc(size), *out;

	if (!uri)
		return NULL;
	out = uri + sprintf(uri, "file:");
	/* "//host" would be read as an authority. */
	if (path[0] == '/' && path[1] == '/')
		out += sprintf(out, "//");
	for (; *path; path++) {
		if (strchr(plain, *path))
			*out++ = *path;
		else
			out += sprintf(out, "%%%02X", (unsigned char)*path);
	}
	sprintf(out, immutable ? "?immutable=1" : "");
	return uri;
}

static void database_close(struct run *run)
{
	sqlite3_close(run->db);
	run->db = NULL;
}

/* Opens and reads the first page, which is where most trouble shows. */
static int database_open(struct run *run, bool immutable)
{
	char *uri = uri_make(run->path, immutable);
	int code;

	if (!uri)
		return SQLITE_NOMEM;
	code = sqlite3_open_v2(uri, &run->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
			       SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	if (code != SQLITE_OK)
		return code;
	run->immutable = immutable;
	sqlite3_busy_timeout(run->db, BUSY_TIMEOUT_MS);
	sqlite3_db_config(run->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(run->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_exec(run->db, "PRAGMA cell_size_check = ON; PRAGMA cache_size = -16000", NULL, NULL,
		     NULL);
	return sqlite3_exec(run->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
}

static int open_failed(struct run *run, int code, char **error)
{
	const char *path = run->path;
	char wal[4096 + 8];

	switch (code & 0xff) {
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return refuse(error, "'%s' is damaged (%s)", path,
			      run->db ? sqlite3_errmsg(run->db) : sqlite3_errstr(code));
	case SQLITE_BUSY:
		return refuse(error, "'%s' is locked by another program; close it, or copy the file",
			      path);
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		if (has_wal(path, wal, sizeof(wal)))
			return refuse(error, "cannot read '%s' beside '%s': the latest data is in it; "
				      "make it readable, or copy both files into a folder of yours",
				      wal, path);
		/* fall through */
	default:
		return refuse(error, "cannot open '%s': %s", path,
			      run->db ? sqlite3_errmsg(run->db) : sqlite3_errstr(code));
	}
}

bool run_has_table(struct run *run, const char *table)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM main.sqlite_schema "
		 "WHERE type = 'table' AND name = '%s'", table);
	return run_integer(run, sql, 0) == 1;
}

static int is_ours(struct run *run, char **error)
{
	int64_t id = run_integer(run, "PRAGMA application_id", 0);
	int64_t version = run_integer(run, "PRAGMA user_version", 0);

	if (id != RUN_APPLICATION_ID)
		return refuse(error, "'%s' is an SQLite file, but not one of gputrail", run->path);
	if (version > RUN_SCHEMA_VERSION)
		return refuse(error, "'%s' has schema version %lld, this gputrail reads up to %d: "
			      "use the gputrail that recorded it, or a newer one",
			      run->path, (long long)version, RUN_SCHEMA_VERSION);
	if (version < 1)
		return refuse(error, "'%s' is damaged (no schema version)", run->path);
	for (size_t i = 0; i < sizeof(required_tables) / sizeof(*required_tables); i++)
		if (!run_has_table(run, required_tables[i]))
			return refuse(error, "'%s' is damaged (no table '%s')", run->path,
				      required_tables[i]);
	/* Older files have one table of kernels inside graphs. */
	if (!run_has_table(run, "node") &&
	    !(run_has_table(run, "replay") && run_has_table(run, "graph_node")))
		return refuse(error, "'%s' is damaged (no table 'replay')", run->path);
	return 0;
}

static int open_any(struct run *run, char **error)
{
	char wal[4096 + 8];
	bool immutable = !has_wal(run->path, wal, sizeof(wal));
	int code = database_open(run, immutable);

	if (code == SQLITE_OK && is_ours(run, error) < 0)
		return -1;
	if (code == SQLITE_OK && immutable && run_recorder_alive(run)) {
		/* Between two checkpoints of a recording in progress. */
		database_close(run);
		code = database_open(run, false);
	}
	if (code != SQLITE_OK)
		return open_failed(run, code, error);
	return 0;
}

struct run *run_open(const char *path, char **error)
{
	struct run *run;

	*error = NULL;
	if (file_check(path, error) < 0)
		return NULL;
	run = calloc(1, sizeof(*run));
	if (!run || !(run->path = strdup(path)) || open_any(run, error) < 0) {
		run_close(run);
		if (!*error)
			*error = strdup("out of memory");
		return NULL;
	}
	if (run_fill_gaps(run) < 0) {
		*error = strdup(run_error(run));
		run_close(run);
		return NULL;
	}
	run->data_version = run_integer(run, "PRAGMA data_version", 0);
	return run;
}

void run_close(struct run *run)
{
	if (!run)
		return;
	run_gap_list_free(&run->gaps);
	run_widen(run);
	database_close(run);
	families_close(run->families);
	free(run->path);
	free(run);
}

const char *run_error(const struct run *run)
{
	return run->error;
}

void run_stop(struct run *run)
{
	run->stopped = 1;
	sqlite3_interrupt(run->db);
}

void run_resume(struct run *run)
{
	run->stopped = 0;
}

#define TICK_OPERATIONS	5000000		/* of SQLite's machine: about a tenth of a second */

/* Scans tell how far they are; sorting and grouping, which SQLite does by itself, cannot. */
static int progress_tick(void *arg)
{
	struct run *run = arg;

	run->progress(run->progress_arg, 0, 0);
	return 0;
}

void run_on_progress(struct run *run, run_progress_fn *progress, void *arg)
{
	run->progress = progress;
	run->progress_arg = arg;
	sqlite3_progress_handler(run->db, TICK_OPERATIONS, progress ? progress_tick : NULL, run);
}

bool run_changed(struct run *run)
{
	int64_t version = run_integer(run, "PRAGMA data_version", run->data_version);
	bool changed = version != run->data_version;

	run->data_version = version;
	return changed;
}
