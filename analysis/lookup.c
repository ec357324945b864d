/* SPDX-License-Identifier: Apache-2.0 */
/* Small tables in memory. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/lookup.h"

#include <stdlib.h>
#include <string.h>

struct rows {
	int64_t *ids;
	size_t count;
	struct lookup_cell *cells;
	size_t cell_count;
	int columns;
};

static int lookup_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct rows *rows = arg;
	int64_t *id = list_add((void **)&rows->ids, &rows->count, sizeof(*rows->ids));

	if (!id)
		return run_fail(run, "out of memory");
	*id = sqlite3_column_int64(stmt, 0);
	rows->columns = sqlite3_column_count(stmt) - 1;
	for (int i = 1; i <= rows->columns; i++) {
		struct lookup_cell *cell = list_add((void **)&rows->cells, &rows->cell_count,
						    sizeof(*rows->cells));

		if (!cell) {
			rows->count--;
			return run_fail(run, "out of memory");
		}
		cell->is_null = sqlite3_column_type(stmt, i) == SQLITE_NULL;
		if (sqlite3_column_type(stmt, i) == SQLITE_TEXT)
			cell->text = row_text(stmt, i);
		else
			cell->number = sqlite3_column_int64(stmt, i);
	}
	return 0;
}

int lookup_load(struct run *run, const char *sql, struct lookup *lookup)
{
	struct rows rows = { 0 };
	int result = run_query(run, sql, lookup_row, &rows);

	*lookup = (struct lookup){ rows.ids, rows.cells, rows.count, rows.columns };
	/* A damaged index or table may hand rows out of order; bsearch relies on it. */
	for (size_t i = 1; result == 0 && i < lookup->count; i++)
		if (lookup->ids[i] <= lookup->ids[i - 1])
			result = run_fail(run, "'%s' is damaged (ids out of order)", run->path);
	if (result < 0)
		lookup_free(lookup);
	return result;
}

void lookup_free(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->count * (size_t)lookup->columns; i++)
		free(lookup->cells[i].text);
	free(lookup->cells);
	free(lookup->ids);
	*lookup = (struct lookup){ 0 };
}

const struct lookup_cell *lookup_search(const struct lookup *lookup, int64_t id)
{
	size_t low = 0, high = lookup->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lookup->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < lookup->count && lookup->ids[low] == id)
		return &lookup->cells[low * (size_t)lookup->columns];
	return NULL;
}

const char *lookup_text(const struct lookup *lookup, int64_t id, int column, const char *missing)
{
	const struct lookup_cell *cells = lookup_find(lookup, id);

	return cells && cells[column].text ? cells[column].text : missing;
}
