/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a table taken straight from the pages of the file, which costs a fifth of what
 * SQLite's machine takes to step through them. Only what is plain is read so: whole numbers and
 * NULL, in rows that fit their page, of a file that nobody writes. For all else, damage included,
 * the caller asks SQLite. Format: https://www.sqlite.org/fileformat2.html
 */
#ifndef GPUTRAIL_ANALYSIS_PAGES_H
#define GPUTRAIL_ANALYSIS_PAGES_H

#include "analysis/internal.h"

#define PAGES_COLUMNS_MAX 32

struct pages;

/* Rows will come as values of the columns of these names (NULL: none, its value is 0); bit i of
 * `known`: value i is not NULL. Returns NULL where the table cannot be read so. */
struct pages *pages_open(struct run *run, const char *table, const char *const *columns, int count);
void pages_close(struct pages *pages);

/* Non-zero ends the reading and is returned. The values may be changed. */
typedef int page_row_fn(void *arg, int64_t *values, uint32_t known);
#define PAGES_ODD	1		/* not plain: ask SQLite for these rows and all later ones */

/* Rows behind those handed out before with ids up to `last`: 0, PAGES_ODD, or what `row` said. */
int pages_read(struct pages *pages, int64_t last, page_row_fn *row, void *arg);

#endif
