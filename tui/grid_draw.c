/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing tables, and writing them as CSV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/grid.h"

#include "tui/quantity.h"
#include "tui/wide.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BAR_CELLS	6
#define TEXT_WIDTH	20	/* of one that is in the details otherwise */
#define NAME_LEAST	22	/* columns go before the name becomes narrower than this */

/* Cells a column of each kind takes, and how many of them are the unit's. */
static const struct {
	int width, unit;
} kinds[] = {
	[COLUMN_TEXT] = { 8, 0 },   [COLUMN_COUNT] = { 9, 0 },
	[COLUMN_FAULTS] = { 7, 0 },
	[COLUMN_NUMBER] = { 5, 0 }, [COLUMN_TIME] = { 7, 2 },
	[COLUMN_SIZE] = { 8, 3 },   [COLUMN_RATE] = { 7, 2 },
	[COLUMN_SHARE] = { BAR_CELLS + 7, 0 },
	[COLUMN_RATIO] = { 6, 0 },  [COLUMN_FACTOR] = { 6, 0 },
	[COLUMN_FIGURE] = { 8, 0 },
};

static int natural_width(const struct column *column)
{
	int width = column->width > 0 ? column->width : column->width < 0 && column->kind == COLUMN_TEXT ?
		    TEXT_WIDTH : kinds[column->kind].width;
	int title = (int)strlen(column->title) + 1;	/* and the sort marker */

	return width > title ? width : title;
}

static int rank_of(const struct grid *grid, int column)
{
	return grid->choice[column] == COLUMN_SHOWN ? 1 : grid->columns[column].rank;
}

static int column_gap(int width)
{
	return width >= 100 ? 2 : 1;
}

/* Widths of the columns that are drawn; 0 for those that must go. Returns how many went. */
static int layout(const struct grid *grid, int width, int *widths)
{
	int flexible = grid_flexible_column(grid), gap = column_gap(width), total = 0, gone = 0;

	for (int i = 0; i < grid->column_count; i++) {
		widths[i] = 0;
		if (!grid_has_column(grid, i))
			continue;
		widths[i] = natural_width(&grid->columns[i]);
		if (i == flexible)
			widths[i] = grid->columns[i].width ? grid->columns[i].width : NAME_LEAST;
		total += widths[i] + gap;
	}
	while (total - gap > width) {
		int worst = -1;

		for (int i = 0; i < grid->column_count; i++)
			if (widths[i] && rank_of(grid, i) > 0 && i != grid->sort && i != flexible &&
			    (worst < 0 || rank_of(grid, i) >= rank_of(grid, worst)))
				worst = i;
		if (worst < 0)
			break;
		total -= widths[worst] + gap;
		widths[worst] = 0;
		gone++;
	}
	widths[flexible] += width - (total - gap);
	if (widths[flexible] < 4)
		widths[flexible] = 4;
	return gone;
}

int grid_column_at(const struct grid *grid, int width, int x)
{
	int widths[GRID_COLUMNS_MAX], at = 0;

	layout(grid, width - 1, widths);
	for (int i = 0; i < grid->column_count; i++) {
		if (!widths[i])
			continue;
		if (x >= at && x < at + widths[i])
			return i;
		at += widths[i] + column_gap(width - 1);
	}
	return -1;
}

static void figure_text(const struct grid_figure *figure, char *out, size_t size)
{
	double value = fabs(figure->value);
	const char *sign = figure->value < 0 ? "-" : figure->is_change && figure->value > 0 ? "+" : "";
	char text[QUANTITY_SIZE];

	if (isnan(figure->value))
		snprintf(out, size, "-");
	else if (figure->unit == GRID_NS)
		snprintf(out, size, "%s%s", sign, quantity_text_ns(text, value < 1e19 ?
			 (uint64_t)(value + 0.5) : UINT64_MAX));
	else if (figure->unit == GRID_PERCENT && value > 0 && value < 0.05)
		snprintf(out, size, "%s<0.1%%", sign);
	else if (figure->unit == GRID_PERCENT)
		snprintf(out, size, value < 999.5 ? "%s%.1f%%" : "%s%.0f%%", sign, value);
	else
		snprintf(out, size, "%s%.0f", sign, value);
}

static bool quantity_of_cell(const struct column *column, const void *field, struct quantity *q)
{
	double value;

	memset(q, 0, sizeof(*q));
	switch (column->kind) {
	case COLUMN_COUNT:
	case COLUMN_FAULTS:
	case COLUMN_TIME:
	case COLUMN_SIZE:
		if (*(const uint64_t *)field == GRID_UNKNOWN)
			break;
		*q = column->kind == COLUMN_TIME ? quantity_ns(*(const uint64_t *)field) :
		     column->kind == COLUMN_SIZE ? quantity_bytes(*(const uint64_t *)field) :
		     quantity_count(*(const uint64_t *)field);
		return true;
	case COLUMN_NUMBER:
		if (*(const int64_t *)field >= 0)
			snprintf(q->number, sizeof(q->number), "%" PRId64, *(const int64_t *)field);
		break;
	case COLUMN_TEXT:
		return false;
	case COLUMN_FIGURE:
		figure_text(field, q->number, sizeof(q->number));
		break;
	default:
		value = *(const double *)field;
		if (!(value >= 0) || isinf(value))
			break;
		if (column->kind == COLUMN_RATE)
			*q = quantity_rate(value);
		else if (column->kind == COLUMN_FACTOR)
			snprintf(q->number, sizeof(q->number), value < 99.995 ? "%.2f" : "%.0f", value);
		else
			quantity_text_percent(q->number, value);
		break;
	}
	if (!q->number[0])
		snprintf(q->number, sizeof(q->number), "-");
	return true;
}

void grid_cell_text(const struct grid *grid, const void *row, int column, char *out, size_t size)
{
	const struct column *c = &grid->columns[column];
	const void *field = (const char *)row + c->offset;
	struct quantity q;

	if (quantity_of_cell(c, field, &q)) {
		snprintf(out, size, "%s%s%s", q.number, q.unit[0] ? " " : "", q.unit);
	} else {
		const char *text = *(const char *const *)field;

		snprintf(out, size, "%s", text ? text : "");
	}
}

static void draw_title(const struct grid *grid, int column, int y, int x, int width)
{
	const struct column *c = &grid->columns[column];
	bool sorted = column == grid->sort, up = (c->kind == COLUMN_TEXT) != grid->reverse;
	const char *marker = !sorted ? "" : draw_is_ascii() ? (up ? "^" : "v") :
			     (up ? "\u25b4" : "\u25be");
	enum color color = sorted ? COLOR_OF_TITLES_SORT : COLOR_OF_TITLES;
	char title[64];

	snprintf(title, sizeof(title), "%s%s", c->title, marker);
	if (c->kind == COLUMN_TEXT || c->kind == COLUMN_SHARE)
		draw_text(y, x, width, color, title);
	else
		draw_right(y, x, width, color, title);
}

struct cell_colors {
	enum color text, unit, bar, fault;
};

static bool is_positive(const void *field)
{
	return *(const uint64_t *)field != 0 && *(const uint64_t *)field != GRID_UNKNOWN;
}

static void draw_cell(const struct grid *grid, int column, const char *row, int y, int x, int width,
		      const struct cell_colors *colors)
{
	const struct column *c = &grid->columns[column];
	const void *field = row + c->offset;
	int unit = kinds[c->kind].unit;
	struct quantity q;

	quantity_of_cell(c, field, &q);
	if (grid->blank_zeros && strcmp(q.number, "0") == 0)
		return;
	if (c->kind == COLUMN_SHARE) {
		draw_bar(y, x, BAR_CELLS, colors->bar, *(const double *)field);
		draw_right(y, x + BAR_CELLS, width - BAR_CELLS, colors->text, q.number);
	} else if (unit) {
		draw_right(y, x, width - unit - 1, colors->text, q.number);
		draw_text(y, x + width - unit, unit, colors->unit, q.unit);
	} else if (c->kind == COLUMN_FIGURE && colors->text == COLOR_OF_TEXT) {
		int tone = ((const struct grid_figure *)field)->tone;

		draw_right(y, x, width, tone > 0 ? COLOR_OF_BAD : tone < 0 ? COLOR_OF_GOOD : colors->text,
			   q.number);
	} else if (c->kind == COLUMN_FAULTS && is_positive(field)) {
		draw_right(y, x, width, colors->fault, q.number);
	} else {
		draw_right(y, x, width, colors->text, q.number);
	}
}

/* The lines of a tree; of deep ones the part next to the name. */
static void draw_prefix(const struct grid *grid, const char *row, int y, int *x, int *width,
			enum color color)
{
	wchar_t text[WIDE_MAX];
	size_t length, most = *width > 2 * NAME_LEAST ? (size_t)(*width - NAME_LEAST) : (size_t)*width / 2;
	int used, skip;

	if (!grid->prefix_offset)
		return;
	length = wide_decode(*(const char *const *)(const void *)(row + grid->prefix_offset), text,
			     WIDE_MAX, draw_is_ascii());
	skip = length > most ? (int)(length - most) : 0;
	used = draw_cells(y, *x, *width, color == COLOR_OF_SELECTED ? COLOR_OF_SELECTED_DIM :
			  COLOR_OF_DIM, text, length, skip, NULL);
	*x += used;
	*width -= used;
}

static void draw_name(const struct grid *grid, int column, const char *row, int y, int x, int width,
		      enum color color)
{
	const void *field = row + grid->columns[column].offset;
	wchar_t text[WIDE_MAX], needle[GRID_WORD_MAX];
	size_t length = wide_decode(*(const char *const *)field, text, WIDE_MAX, draw_is_ascii());
	struct draw_match match = { needle, 0, COLOR_OF_MATCH };
	bool flexible = column == grid_flexible_column(grid);

	if (flexible)
		draw_prefix(grid, row, y, &x, &width, color);
	match.length = wide_decode(grid->search, needle, GRID_WORD_MAX, draw_is_ascii());
	draw_cells(y, x, width, color, text, length, flexible ? grid->scroll_x : 0, &match);
}

static void draw_row(const struct grid *grid, size_t index, const int *widths, int y, int x,
		     int width)
{
	static const struct cell_colors plain = { COLOR_OF_TEXT, COLOR_OF_DIM, COLOR_OF_SHARE,
						  COLOR_OF_BAD };
	static const struct cell_colors chosen = { COLOR_OF_SELECTED, COLOR_OF_SELECTED_DIM,
						   COLOR_OF_SELECTED, COLOR_OF_SELECTED };
	bool selected = index == grid->selected;
	const struct cell_colors *colors = selected ? &chosen : &plain;
	const char *row = grid->rows + grid->order[index] * grid->stride;

	if (selected)
		draw_fill(y, x, width, COLOR_OF_SELECTED);
	for (int i = 0; i < grid->column_count; i++) {
		if (!widths[i])
			continue;
		if (grid->columns[i].kind == COLUMN_TEXT)
			draw_name(grid, i, row, y, x, widths[i], colors->text);
		else
			draw_cell(grid, i, row, y, x, widths[i], colors);
		x += widths[i] + column_gap(width);
	}
}

static void scroll_to_selection(struct grid *grid)
{
	size_t page = (size_t)grid->page;

	if (grid->selected < grid->top)
		grid->top = grid->selected;
	if (grid->selected >= grid->top + page)
		grid->top = grid->selected - page + 1;
	if (grid->top + page > grid->shown)
		grid->top = grid->shown > page ? grid->shown - page : 0;
}

/* Names cannot be scrolled further than the longest one on the screen. */
static void limit_scroll(struct grid *grid, int width)
{
	int column = grid_flexible_column(grid), longest = 0;

	if (!grid->scroll_x || grid->columns[column].kind != COLUMN_TEXT)
		return;
	for (size_t i = grid->top; i < grid->shown && i < grid->top + (size_t)grid->page; i++) {
		const void *field = grid->rows + grid->order[i] * grid->stride +
				    grid->columns[column].offset;
		int used = wide_utf8_width(*(const char *const *)field, draw_is_ascii());

		if (used > longest)
			longest = used;
	}
	if (grid->scroll_x > longest - width)
		grid->scroll_x = longest > width ? longest - width : 0;
}

static void draw_scrollbar(const struct grid *grid, int y, int x)
{
	size_t page = (size_t)grid->page, start, length;

	if (grid->shown <= page)
		return;
	start = grid->top * page / grid->shown;
	length = page * page / grid->shown + 1;
	for (size_t i = 0; i < page; i++)
		draw_text(y + (int)i, x, 1, COLOR_OF_DIM,
			  i >= start && i < start + length ? (draw_is_ascii() ? "#" : "\u2590") : "");
}

void grid_draw(struct grid *grid, struct rect rect)
{
	int widths[GRID_COLUMNS_MAX], width = rect.width - 1, x = rect.x;

	grid->page = rect.height > 1 ? rect.height - 1 : 1;
	grid->hidden_columns = layout(grid, width, widths);
	scroll_to_selection(grid);
	limit_scroll(grid, widths[grid_flexible_column(grid)]);
	for (int i = 0; i < grid->column_count; i++) {
		if (!widths[i])
			continue;
		draw_title(grid, i, rect.y, x, widths[i]);
		x += widths[i] + column_gap(width);
	}
	for (int i = 0; i < grid->page && grid->top + (size_t)i < grid->shown; i++)
		draw_row(grid, grid->top + (size_t)i, widths, rect.y + 1 + i, rect.x, width);
	draw_scrollbar(grid, rect.y + 1, rect.x + rect.width - 1);
	if (!grid->shown)
		draw_text(rect.y + 2, rect.x + 2, width - 4, COLOR_OF_DIM,
			  grid->row_count ? "nothing matches the filter; F shows all rows" : grid->empty);
}
