/* SPDX-License-Identifier: Apache-2.0 */
/* What all views do alike: hold their rows and hand them to their table. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

void view_init(struct view *view, const struct view_class *class)
{
	memset(view, 0, sizeof(*view));
	view->class = class;
	view->subject = -1;
	tree_init(&view->tree);
	if (class->columns)
		grid_init(&view->grid, class->noun, class->columns, class->column_count,
			  class->row_size, class->sort, class->empty);
}

static void free_rows(struct view *view)
{
	if (view->rows && view->class->release)
		view->class->release(view->rows, view->row_count);
	free(view->rows);
	view->rows = NULL;
}

void view_free(struct view *view)
{
	grid_free(&view->grid);
	tree_free(&view->tree);
	if (view->timeline)
		timeline_view_free(view->timeline);
	free(view->timeline);
	view->timeline = NULL;
	free_rows(view);
}

int64_t view_device_ordinal(const struct snapshot *snapshot, int device)
{
	for (size_t i = 0; i < snapshot->devices.count; i++)
		if (snapshot->devices.rows[i].id == device)
			return snapshot->devices.rows[i].gpu;
	return -1;
}

int64_t view_process_pid(const struct snapshot *snapshot, int process)
{
	for (size_t i = 0; i < snapshot->processes.count; i++)
		if (snapshot->processes.rows[i].id == process)
			return snapshot->processes.rows[i].pid;
	return -1;
}

bool view_has_device(const struct snapshot *snapshot, int device)
{
	if (device <= 0 || !*snapshot->scope)
		return true;
	for (size_t i = 0; i < snapshot->devices.count; i++)
		if (snapshot->devices.rows[i].id == device)
			return true;
	return false;
}

void view_set_rows(struct view *view, void *rows, size_t count)
{
	grid_set_rows(&view->grid, rows, count);
	free_rows(view);
	view->rows = rows;
	view->row_count = count;
}

void view_update(struct view *view, const struct snapshot *snapshot)
{
	size_t room, count;
	void *rows;

	if (!view->class->columns)
		return;
	if (view->class->update) {
		view->class->update(view, snapshot);
		return;
	}
	room = view->class->room(snapshot);
	rows = calloc(room + 1, view->class->row_size);
	count = rows ? view->class->fill(view, snapshot, rows) : 0;
	view_set_rows(view, rows, count);
}

#define PANE_LEAST	9
#define PANE_MOST	18

struct rect view_split(const struct view *view, struct rect *table)
{
	int rows = (int)(view->grid.shown < 1000 ? view->grid.shown : 1000) + 2;
	int room = table->height, height = room - rows;
	struct rect pane = { table->y, table->x, 0, table->width };

	if (!view->class->pane || room < view->class->pane_room || !view->grid.shown)
		return pane;
	/* What the table does not need, but at least half of all there is. */
	height = height > room / 2 ? height : room / 2;
	height = height < PANE_LEAST ? PANE_LEAST : height > PANE_MOST ? PANE_MOST : height;
	table->height = rows < room - height ? rows : room - height;
	pane.y += table->height;
	pane.height = height;
	return pane;
}
