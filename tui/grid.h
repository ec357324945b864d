/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of every view: columns are described by a static array, rows are an array of structs
 * that begin with a 64-bit key. Sorting, filter, search, selection and scrolling survive new rows.
 */
#ifndef GPUTRAIL_TUI_GRID_H
#define GPUTRAIL_TUI_GRID_H

#include "tui/draw.h"
#include "tui/keys.h"

#include <stdint.h>
#include <stdio.h>

#define GRID_UNKNOWN	UINT64_MAX	/* of the unsigned kinds */

enum column_kind {
	COLUMN_TEXT,		/* const char * */
	COLUMN_COUNT,		/* uint64_t with thousands apart */
	COLUMN_FAULTS,		/* the same, red where there are any */
	COLUMN_NUMBER,		/* int64_t as it is; negative is unknown */
	COLUMN_TIME,		/* uint64_t ns */
	COLUMN_SIZE,		/* uint64_t bytes */
	COLUMN_RATE,		/* double bytes per second; negative is unknown */
	COLUMN_SHARE,		/* double 0..1: small bar and per cent; negative is unknown */
	COLUMN_RATIO,		/* double 0..1: per cent only; negative is unknown */
	COLUMN_FACTOR,		/* double; negative is unknown */
	COLUMN_FIGURE,		/* struct grid_figure */
};

enum grid_unit { GRID_NS, GRID_PERCENT, GRID_PLAIN };
struct grid_figure {
	double value;			/* NAN is unknown */
	enum grid_unit unit;
	bool is_change;			/* with a sign; sorted by its size alone */
	int tone;			/* above 0 bad, below it good news */
};

struct column {
	const char *id;		/* in filters and CSV */
	const char *title;
	enum column_kind kind;
	/* Texts: preferred; of the last one, which takes what is left, the least. Negative: only
	 * in details and CSV; such columns come last. */
	int width;
	int rank;		/* columns with the highest rank are the first to go when narrow */
	size_t offset;
	const char *help;
};
#define GRID_COLUMN(row, field, title, kind, width, rank, help) \
	{ #field, title, COLUMN_##kind, width, rank, offsetof(struct row, field), help }

#define GRID_COLUMNS_MAX 24
#define GRID_WORD_MAX 128

/* Shown ones are the last to go where it is narrow; of the others the column's description decides. */
enum column_choice { COLUMN_BY_ITSELF, COLUMN_SHOWN, COLUMN_HIDDEN };

struct grid {
	const char *name;		/* "kernels": also the CSV's file name */
	const struct column *columns;
	int column_count;
	int sort;			/* column */
	bool reverse;			/* against the column's natural order */

	/* Rows come filtered and in their order; a prefix is drawn before the last text column. */
	bool arranged, blank_zeros;
	size_t prefix_offset;		/* of its const char *; 0: none */

	const char *rows;		/* borrowed */
	size_t stride, row_count;
	uint8_t choice[GRID_COLUMNS_MAX];	/* enum column_choice */
	uint32_t blank_columns;		/* a bit for each text that no row has */
	uint32_t *order;		/* what is shown, in order */
	size_t shown;

	char filter[GRID_WORD_MAX], search[GRID_WORD_MAX];
	size_t selected, top;
	uint64_t selected_key;
	bool has_selected;
	int scroll_x, page;		/* page: rows on the screen at the last drawing */
	int hidden_columns;
	const char *empty;		/* what to say where there are no rows */
};

void grid_init(struct grid *grid, const char *name, const struct column *columns, int count,
		size_t stride, int sort, const char *empty);
void grid_free(struct grid *grid);
/* New rows: stays at the selected key, or at the same place when it is gone. */
void grid_set_rows(struct grid *grid, const void *rows, size_t count);
const void *grid_selected(const struct grid *grid);

void grid_set_filter(struct grid *grid, const char *filter);
/* Sets the search word and selects the first match at or after the selection. */
bool grid_search(struct grid *grid, const char *word, size_t from, int direction);
void grid_sort_by(struct grid *grid, int column, bool reverse);
void grid_select(struct grid *grid, size_t index);
/* False: no row shown has this key. */
bool grid_select_key(struct grid *grid, uint64_t key);
/* True when the action was one of the table's. */
bool grid_act(struct grid *grid, enum action action);

/* Is the column part of the table, where there is room? */
bool grid_has_column(const struct grid *grid, int column);
/* The index of the n-th column that has a place in menus, or -1. */
int grid_listed_column(const struct grid *grid, int n);
/* False: the column that rows are known by cannot be hidden. */
bool grid_choose_column(struct grid *grid, int column, bool shown);
/* The column that takes the room that is left. */
int grid_flexible_column(const struct grid *grid);
/* The column drawn at cell x of a table that is `width` wide, or -1. */
int grid_column_at(const struct grid *grid, int width, int x);
void grid_draw(struct grid *grid, struct rect rect);
/* Text of one cell as the table shows it. */
void grid_cell_text(const struct grid *grid, const void *row, int column, char *out,
		     size_t size);
/* What is shown as CSV with raw numbers; returns false when writing failed. */
bool grid_write_csv(const struct grid *grid, FILE *out);

/* Is this row shown under `filter`? */
bool filter_matches(const struct grid *grid, const void *row, const char *filter);
/* Is `word`, as it stands, in some text that the table can show of the row? */
bool search_matches(const struct grid *grid, const void *row, const char *word);

#endif
