/* SPDX-License-Identifier: Apache-2.0 */
/* A recording made by SQL, for unit tests; included after cmocka.h and analysis/internal.h. */
#ifndef GPUTRAIL_TESTS_OPEN_WITH_H
#define GPUTRAIL_TESTS_OPEN_WITH_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char database[] = "/tmp/gputrail-parts.XXXXXX";

/* A recording with the tables of the schema and whatever `sql` puts in. */
static struct run *open_with(const char *sql)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *schema, *error = NULL;
	sqlite3 *db;
	FILE *file;
	struct run *run;

	snprintf(path, sizeof(path), "%s/collector/schema.sql", top ? top : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	schema = calloc(1, 1 << 20);
	assert_true(fread(schema, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	unlink(database);
	assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, schema, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	free(schema);
	run = run_open(database, &error);
	if (!run)
		print_message("%s\n", error);
	assert_non_null(run);
	return run;
}

#endif
