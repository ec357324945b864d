/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters: words that all must hold. `word` is in some text of the row, `!word` in none,
 * `column>value`, `column<value` and `column=value` compare a column, with units.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/grid.h"

#include "tui/quantity.h"
#include "tui/wide.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* NaN where the value is unknown: it compares with nothing. */
static double column_value(const struct column *column, const char *row)
{
	const void *field = row + column->offset;
	double value;

	switch (column->kind) {
	case COLUMN_COUNT:
	case COLUMN_FAULTS:
	case COLUMN_TIME:
	case COLUMN_SIZE:
		return *(const uint64_t *)field == GRID_UNKNOWN ? NAN :
		       (double)*(const uint64_t *)field;
	case COLUMN_NUMBER:
		value = (double)*(const int64_t *)field;
		break;
	case COLUMN_FIGURE:
		return ((const struct grid_figure *)field)->value;
	default:
		value = *(const double *)field;
		break;
	}
	return value < 0 ? NAN : value;
}

static bool text_holds(const struct column *column, const char *row, char operator,
		       const char *word)
{
	const char *text = *(const char *const *)(const void *)(row + column->offset);

	return operator == '=' && text && strcasecmp(text, word) == 0;
}

/* Columns are known by their title without blanks, or by their id. */
static bool column_is(const struct column *column, const char *word, size_t length)
{
	size_t at = 0;

	if (strlen(column->id) == length && strncasecmp(column->id, word, length) == 0)
		return true;
	for (const char *t = column->title; *t; t++) {
		if (*t == ' ')
			continue;
		if (at == length || tolower((unsigned char)*t) != tolower((unsigned char)word[at]))
			return false;
		at++;
	}
	return at == length;
}

/* -1: the word is no comparison of a column. */
static int comparison_holds(const struct grid *grid, const char *row, const char *word)
{
	size_t length = strcspn(word, "<>=");
	double wanted, value;

	if (!word[length] || length == 0)
		return -1;
	for (int i = 0; i < grid->column_count; i++) {
		const struct column *column = &grid->columns[i];

		if (!column_is(column, word, length))
			continue;
		if (column->kind == COLUMN_TEXT)
			return text_holds(column, row, word[length], word + length + 1);
		if (!quantity_parse(word + length + 1, &wanted))
			return -1;
		value = column_value(column, row);
		return word[length] == '<' ? value < wanted :
		       word[length] == '>' ? value > wanted : value == wanted;
	}
	return -1;
}

static bool word_in_row(const struct grid *grid, const char *row, const char *word, bool hidden)
{
	for (int i = 0; i < grid->column_count; i++) {
		const struct column *column = &grid->columns[i];
		const void *field = row + column->offset;

		if (column->kind == COLUMN_TEXT && (hidden || grid_has_column(grid, i)) &&
		    wide_contains(*(const char *const *)field, word))
			return true;
	}
	return false;
}

bool search_matches(const struct grid *grid, const void *row, const char *word)
{
	return word_in_row(grid, row, word, false);
}

bool filter_matches(const struct grid *grid, const void *row, const char *filter)
{
	char word[GRID_WORD_MAX];

	for (;;) {
		size_t length;
		bool negated, holds;
		int compared;

		filter += strspn(filter, " ");
		if (!*filter)
			return true;
		negated = *filter == '!' && filter[1] && filter[1] != ' ';
		filter += negated;
		length = strcspn(filter, " ");
		if (length >= sizeof(word))
			length = sizeof(word) - 1;
		memcpy(word, filter, length);
		word[length] = '\0';
		filter += length;
		compared = comparison_holds(grid, row, word);
		holds = compared >= 0 ? compared : word_in_row(grid, row, word, true);
		if (holds == negated)
			return false;
	}
}
