/* SPDX-License-Identifier: Apache-2.0 */
/* The table of every view: order, filter, search and selection. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void grid_init(struct grid *grid, const char *name, const struct column *columns, int count,
		size_t stride, int sort, const char *empty)
{
	memset(grid, 0, sizeof(*grid));
	grid->name = name;
	grid->columns = columns;
	grid->column_count = count;
	grid->stride = stride;
	grid->sort = sort;
	grid->empty = empty;
	grid->page = 1;
}

void grid_free(struct grid *grid)
{
	free(grid->order);
	grid->order = NULL;
	grid->shown = 0;
}

int grid_flexible_column(const struct grid *grid)
{
	for (int i = grid->column_count - 1; i >= 0; i--)
		if (grid->columns[i].kind == COLUMN_TEXT && grid->columns[i].width >= 0)
			return i;
	return grid->column_count - 1;
}

bool grid_has_column(const struct grid *grid, int column)
{
	if (column == grid_flexible_column(grid) || grid->choice[column] != COLUMN_BY_ITSELF)
		return grid->choice[column] != COLUMN_HIDDEN;
	return grid->columns[column].width >= 0 && !(grid->blank_columns >> column & 1);
}

int grid_listed_column(const struct grid *grid, int n)
{
	for (int i = 0; i < grid->column_count; i++)
		if ((grid->columns[i].width >= 0 || grid_has_column(grid, i)) && n-- == 0)
			return i;
	return -1;
}

bool grid_choose_column(struct grid *grid, int column, bool shown)
{
	if (column == grid_flexible_column(grid) && !shown)
		return false;
	grid->choice[column] = COLUMN_BY_ITSELF;
	if (grid_has_column(grid, column) != shown)
		grid->choice[column] = shown ? COLUMN_SHOWN : COLUMN_HIDDEN;
	if (!grid_has_column(grid, grid->sort))
		grid_sort_by(grid, grid_flexible_column(grid), false);
	return true;
}

/* Texts that say nothing need no place: errors where there are none. */
static uint32_t blank_columns(const struct grid *grid)
{
	uint32_t blank = 0;

	for (int i = 0; i < grid->column_count && grid->row_count; i++) {
		const struct column *column = &grid->columns[i];
		bool is_blank = column->kind == COLUMN_TEXT && column->rank > 0;

		for (size_t r = 0; is_blank && r < grid->row_count; r++) {
			const char *text = *(const char *const *)(const void *)
					   (grid->rows + r * grid->stride + column->offset);

			is_blank = !text || !*text;
		}
		blank |= (uint32_t)is_blank << i;
	}
	return blank;
}

static const char *row_at(const struct grid *grid, size_t shown_index)
{
	return grid->rows + grid->order[shown_index] * grid->stride;
}

static uint64_t key_of(const char *row)
{
	return *(const uint64_t *)(const void *)row;
}

const void *grid_selected(const struct grid *grid)
{
	return grid->shown ? row_at(grid, grid->selected) : NULL;
}

#define ASCENDING(a, b) (((a) > (b)) - ((a) < (b)))

/* Unknown ones are the least. */
static double figure_rank(const void *field)
{
	const struct grid_figure *figure = field;

	return isnan(figure->value) ? -INFINITY : figure->is_change ? fabs(figure->value) : figure->value;
}

static int compare_field(const struct column *column, const char *a, const char *b)
{
	const void *x = a + column->offset, *y = b + column->offset;

	switch (column->kind) {
	case COLUMN_TEXT: {
		const char *s = *(const char *const *)x, *t = *(const char *const *)y;

		return strcasecmp(s ? s : "", t ? t : "");
	}
	case COLUMN_COUNT:
	case COLUMN_FAULTS:
	case COLUMN_TIME:
	case COLUMN_SIZE:
		/* One more makes the unknown value the least of all. */
		return ASCENDING(*(const uint64_t *)x + 1, *(const uint64_t *)y + 1);
	case COLUMN_NUMBER:
		return ASCENDING(*(const int64_t *)x, *(const int64_t *)y);
	case COLUMN_FIGURE:
		return ASCENDING(figure_rank(x), figure_rank(y));
	default:
		return ASCENDING(*(const double *)x, *(const double *)y);
	}
}

/* Texts begin with A, numbers with the largest; equal rows keep the order they came in. */
static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct grid *grid = arg;
	const struct column *column = &grid->columns[grid->sort];
	const char *x = grid->rows + *(const uint32_t *)a * grid->stride;
	const char *y = grid->rows + *(const uint32_t *)b * grid->stride;
	int order = compare_field(column, x, y);

	if (column->kind != COLUMN_TEXT)
		order = -order;
	if (grid->reverse)
		order = -order;
	return order ? order : ASCENDING(x, y);
}

static void clamp_selection(struct grid *grid)
{
	if (grid->selected >= grid->shown)
		grid->selected = grid->shown ? grid->shown - 1 : 0;
	if (grid->shown) {
		grid->selected_key = key_of(row_at(grid, grid->selected));
		grid->has_selected = true;
	}
}

static void arrange(struct grid *grid)
{
	long offset = (long)grid->selected - (long)grid->top;

	grid->shown = 0;
	for (size_t i = 0; i < grid->row_count; i++)
		if (grid->arranged || filter_matches(grid, grid->rows + i * grid->stride, grid->filter))
			grid->order[grid->shown++] = (uint32_t)i;
	if (grid->shown && !grid->arranged)
		qsort_r(grid->order, grid->shown, sizeof(*grid->order), compare_rows, grid);
	for (size_t i = 0; grid->has_selected && i < grid->shown; i++) {
		if (key_of(row_at(grid, i)) == grid->selected_key) {
			/* The row under the cursor keeps its line on the screen. */
			grid->selected = i;
			grid->top = (long)i > offset ? i - (size_t)offset : 0;
			return;
		}
	}
	clamp_selection(grid);
}

void grid_set_rows(struct grid *grid, const void *rows, size_t count)
{
	uint32_t *order = realloc(grid->order, (count ? count : 1) * sizeof(*order));

	grid->rows = rows;
	grid->row_count = count;
	if (order)
		grid->order = order;
	if (!order || count > UINT32_MAX)
		grid->row_count = 0;
	grid->blank_columns = blank_columns(grid);
	arrange(grid);
}

void grid_set_filter(struct grid *grid, const char *filter)
{
	snprintf(grid->filter, sizeof(grid->filter), "%s", filter);
	arrange(grid);
}

void grid_sort_by(struct grid *grid, int column, bool reverse)
{
	if (grid->arranged)
		return;
	grid->sort = column;
	grid->reverse = reverse;
	arrange(grid);
}

void grid_select(struct grid *grid, size_t index)
{
	grid->selected = index;
	clamp_selection(grid);
}

bool grid_select_key(struct grid *grid, uint64_t key)
{
	for (size_t i = 0; i < grid->shown; i++) {
		if (key_of(row_at(grid, i)) == key) {
			grid_select(grid, i);
			return true;
		}
	}
	return false;
}

bool grid_search(struct grid *grid, const char *word, size_t from, int direction)
{
	if (word != grid->search)
		snprintf(grid->search, sizeof(grid->search), "%s", word);
	if (!grid->search[0])
		return true;
	for (size_t i = 0; i < grid->shown; i++) {
		size_t step = direction > 0 ? i : grid->shown - i;
		size_t at = (from + step) % grid->shown;

		if (search_matches(grid, row_at(grid, at), grid->search)) {
			grid_select(grid, at);
			return true;
		}
	}
	return false;
}

static void move_by(struct grid *grid, long rows)
{
	long to = (long)grid->selected + rows;

	grid_select(grid, to < 0 ? 0 : (size_t)to);
}

static bool act_search(struct grid *grid, int direction)
{
	size_t from = grid->selected + (direction > 0 ? 1 : grid->shown - 1);

	if (grid->shown)
		grid_search(grid, grid->search, from % grid->shown, direction);
	return true;
}

static void sort_step(struct grid *grid, int step)
{
	int count = grid->column_count, to = grid->sort;

	do
		to = (to + step + count) % count;
	while (!grid_has_column(grid, to));
	grid_sort_by(grid, to, false);
}

bool grid_act(struct grid *grid, enum action action)
{
	switch (action) {
	case ACTION_UP:
		move_by(grid, -1);
		return true;
	case ACTION_DOWN:
		move_by(grid, 1);
		return true;
	case ACTION_PAGE_UP:
		move_by(grid, -grid->page);
		return true;
	case ACTION_PAGE_DOWN:
		move_by(grid, grid->page);
		return true;
	case ACTION_FIRST:
		grid_select(grid, 0);
		return true;
	case ACTION_LAST:
		grid_select(grid, grid->shown);
		return true;
	case ACTION_LEFT:
		grid->scroll_x = grid->scroll_x > 8 ? grid->scroll_x - 8 : 0;
		return true;
	case ACTION_RIGHT:
		grid->scroll_x += 8;
		return true;
	case ACTION_SEARCH_NEXT:
		return act_search(grid, 1);
	case ACTION_SEARCH_PREVIOUS:
		return act_search(grid, -1);
	case ACTION_FILTER_CLEAR:
		grid_set_filter(grid, "");
		return true;
	case ACTION_SORT_NEXT:
		sort_step(grid, 1);
		return true;
	case ACTION_SORT_PREVIOUS:
		sort_step(grid, -1);
		return true;
	case ACTION_SORT_REVERSE:
		grid_sort_by(grid, grid->sort, !grid->reverse);
		return true;
	default:
		return false;
	}
}
