/* SPDX-License-Identifier: Apache-2.0 */
/* A recording as nsys's SQLite export would hold it: the views of nsys_views.sql as tables. */
#ifndef GPUTRAIL_COLLECTOR_NSYS_TABLES_H
#define GPUTRAIL_COLLECTOR_NSYS_TABLES_H

#include <stdbool.h>
#include <stdint.h>

struct nsys_tables_watch {
	/* Called all along: the table being written and its rows so far, or 0; false gives up. */
	bool (*go_on)(void *arg, const char *table, uint64_t rows);
	void *arg;
};

/*
 * Writes `output`, which must not exist, from the recording `input`, which may be growing: it is one
 * moment of it. Tables without rows are left out, as nsys does; so are those that a file of an older
 * version cannot fill. False: nothing is left of `output`, and *error, to be freed, says why.
 */
bool nsys_tables_write(const char *input, const char *output, const struct nsys_tables_watch *watch,
		       char **error);

#endif
