/* SPDX-License-Identifier: Apache-2.0 */
/* A recording as nsys's SQLite export would hold it: the views of nsys_views.sql as tables. */
#ifndef GPUTRAIL_COLLECTOR_NSYS_TABLES_H
#define GPUTRAIL_COLLECTOR_NSYS_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

struct nsys_tables_watch {
	/* Called all along: the table being written, and its rows so far. */
	void (*progress)(void *arg, const char *table, uint64_t rows);
	void *arg;
};

/*
 * Writes into `output`, an empty file, from the recording that `input` has open, within its transaction,
 * and leaves temporary views there. Tables without rows are left out, as nsys does; so are those that a
 * file of an older version cannot fill. False: *error, to be freed, says why.
 */
bool nsys_tables_write(sqlite3 *input, const char *output, const struct nsys_tables_watch *watch,
		       char **error);

#endif
