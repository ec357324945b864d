/* SPDX-License-Identifier: Apache-2.0 */
/* What a table shows, as CSV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/grid.h"

#include "analysis/csv.h"

#include <math.h>

static void write_cell(struct csv *csv, const struct column *column, const void *field)
{
	switch (column->kind) {
	case COLUMN_TEXT:
		csv_text(csv, *(const char *const *)field ? *(const char *const *)field : "");
		break;
	case COLUMN_COUNT:
	case COLUMN_FAULTS:
	case COLUMN_TIME:
	case COLUMN_SIZE:
		if (*(const uint64_t *)field == GRID_UNKNOWN)
			csv_empty(csv);
		else
			csv_integer(csv, (int64_t)*(const uint64_t *)field);
		break;
	case COLUMN_NUMBER:
		if (*(const int64_t *)field < 0)
			csv_empty(csv);
		else
			csv_integer(csv, *(const int64_t *)field);
		break;
	case COLUMN_FIGURE:
		csv_real(csv, ((const struct grid_figure *)field)->value);
		break;
	default:
		csv_real(csv, *(const double *)field >= 0 ? *(const double *)field : NAN);
		break;
	}
}

static void write_titles(struct csv *csv, const struct grid *grid)
{
	static const char *const units[] = {
		[COLUMN_TIME] = " (ns)", [COLUMN_SIZE] = " (bytes)", [COLUMN_RATE] = " (bytes/s)",
		[COLUMN_FIGURE] = NULL,
	};
	char title[96];

	for (int i = 0; i < grid->column_count; i++) {
		const char *unit = units[grid->columns[i].kind];

		snprintf(title, sizeof(title), "%s%s", grid->columns[i].title, unit ? unit : "");
		csv_text(csv, title);
	}
	csv_end_line(csv);
}

bool grid_write_csv(const struct grid *grid, FILE *out)
{
	struct csv csv = { .out = out };

	write_titles(&csv, grid);
	for (size_t r = 0; r < grid->shown; r++) {
		const char *row = grid->rows + grid->order[r] * grid->stride;

		for (int i = 0; i < grid->column_count; i++)
			write_cell(&csv, &grid->columns[i], row + grid->columns[i].offset);
		csv_end_line(&csv);
	}
	return fflush(out) == 0 && !ferror(out);
}
