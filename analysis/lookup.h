/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a small table (kernels, threads, streams, ...) in memory, found by their id: what
 * a scan over millions of events asks for each of them.
 */
#ifndef GPUTRAIL_ANALYSIS_LOOKUP_H
#define GPUTRAIL_ANALYSIS_LOOKUP_H

#include "analysis/internal.h"

struct lookup_cell {
	int64_t number;
	char *text;			/* NULL: not a text */
	bool is_null;
};

struct lookup {
	int64_t *ids;			/* rising */
	struct lookup_cell *cells;	/* columns of each row */
	size_t count;
	int columns;
};

/* Column 0 of `sql` is the id; the others are the cells. */
int lookup_load(struct run *run, const char *sql, struct lookup *lookup);
void lookup_free(struct lookup *lookup);
/* The row by halving what may hold it; NULL: there is none. */
const struct lookup_cell *lookup_search(const struct lookup *lookup, int64_t id);

/* NULL if there is no such row. */
static inline const struct lookup_cell *lookup_find(const struct lookup *lookup, int64_t id)
{
	/* Ids usually count from 1 without holes. */
	if (id > 0 && (uint64_t)id <= lookup->count && lookup->ids[id - 1] == id)
		return &lookup->cells[(size_t)(id - 1) * (size_t)lookup->columns];
	return lookup_search(lookup, id);
}

/* The same as a number or text, with a default for a missing row or NULL. */
static inline int64_t lookup_number(const struct lookup *lookup, int64_t id, int column,
				    int64_t missing)
{
	const struct lookup_cell *cells = lookup_find(lookup, id);

	return !cells || cells[column].is_null || cells[column].text ? missing
								      : cells[column].number;
}
const char *lookup_text(const struct lookup *lookup, int64_t id, int column, const char *missing);

#endif
