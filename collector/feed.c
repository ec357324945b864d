/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "feed": a virtual table over an array of rows, so that one INSERT ... SELECT appends a whole
 * batch. Binding each value of a multi-row VALUES costs more than the insertion itself.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/database.h"

#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

struct feed_table {
	sqlite3_vtab base;
	struct feed *feed;
};

struct feed_cursor {
	sqlite3_vtab_cursor base;
	const int64_t *row;
	int index;
};

static int feed_connect(sqlite3 *sqlite, void *data, int argc, const char *const *argv,
			sqlite3_vtab **table, char **error)
{
	struct feed_table *new;
	int rc = sqlite3_declare_vtab(sqlite, "CREATE TABLE x(c0, c1, c2, c3, c4, c5, c6, c7, c8,"
					      " c9, c10, c11, c12, c13, c14, c15)");

	(void)argc;
	(void)argv;
	(void)error;
	if (rc != SQLITE_OK)
		return rc;
	new = sqlite3_malloc(sizeof(*new));
	if (!new)
		return SQLITE_NOMEM;
	*new = (struct feed_table){ .feed = data };
	*table = &new->base;
	return SQLITE_OK;
}

static int feed_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

static int feed_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = 1;
	return SQLITE_OK;
}

static int feed_open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor)
{
	struct feed_cursor *new = sqlite3_malloc(sizeof(*new));

	(void)table;
	if (!new)
		return SQLITE_NOMEM;
	*new = (struct feed_cursor){ .index = 0 };
	*cursor = &new->base;
	return SQLITE_OK;
}

static int feed_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static const struct feed *feed_of(sqlite3_vtab_cursor *cursor)
{
	return ((struct feed_table *)cursor->pVtab)->feed;
}

static int feed_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc,
		       sqlite3_value **argv)
{
	struct feed_cursor *self = (struct feed_cursor *)cursor;

	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	self->index = 0;
	self->row = feed_of(cursor)->rows;
	return SQLITE_OK;
}

static int feed_next(sqlite3_vtab_cursor *cursor)
{
	struct feed_cursor *self = (struct feed_cursor *)cursor;

	self->index++;
	self->row += feed_of(cursor)->columns;
	return SQLITE_OK;
}

static int feed_eof(sqlite3_vtab_cursor *cursor)
{
	return ((struct feed_cursor *)cursor)->index >= feed_of(cursor)->count;
}

/* Any integer may be one, that of NULL too. */
static void result_payload(sqlite3_context *context, int64_t type, int64_t bits)
{
	double number;

	memcpy(&number, &bits, sizeof(number));
	if (type == WIRE_PAYLOAD_DOUBLE || type == WIRE_PAYLOAD_FLOAT)
		sqlite3_result_double(context, number);
	else
		sqlite3_result_int64(context, bits);
}

static int feed_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
	const int64_t *row = ((struct feed_cursor *)cursor)->row;
	int64_t value = row[column];

	if (column && column == feed_of(cursor)->payload && row[column - 1] != NIL)
		result_payload(context, row[column - 1], value);
	else if (value == NIL)
		sqlite3_result_null(context);
	else
		sqlite3_result_int64(context, value);
	return SQLITE_OK;
}

static int feed_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
	*rowid = ((struct feed_cursor *)cursor)->index;
	return SQLITE_OK;
}

int feed_register(sqlite3 *sqlite, struct feed *feed)
{
	static const sqlite3_module module = {
		.xConnect = feed_connect,
		.xBestIndex = feed_best_index,
		.xDisconnect = feed_disconnect,
		.xOpen = feed_open,
		.xClose = feed_close,
		.xFilter = feed_filter,
		.xNext = feed_next,
		.xEof = feed_eof,
		.xColumn = feed_column,
		.xRowid = feed_rowid,
	};

	return sqlite3_create_module(sqlite, "feed", &module, feed);
}
