/* SPDX-License-Identifier: Apache-2.0 */
/* From a row to its place on the timeline, from idle time to its finding, and rows to the clipboard. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "tui/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- to the timeline ----------------------------------------------------------------------- */

static void jump(struct app *app)
{
	struct view *view = app_view(app);
	const void *row = app_grid(app) && app->snapshot ? grid_selected(&view->grid) : NULL;
	struct view_place place = { .path = NULL };

	if (!row || !app->reader)
		return;
	if (!view->class->place && view->class->jump) {
		view->class->jump(row, &place);
	} else if (!view->class->place || !view->class->place(view, row, app->snapshot, &place)) {
		app_message(app, COLOR_OF_WARN, "this has no place on the timeline");
		return;
	}
	if (!place.longest.dur_ns) {
		app_go(app, &place);
		return;
	}
	timeline_reader_want_moment(app->reader, &place.longest);
	app->awaits_moment = true;
	app_message(app, COLOR_OF_DIM, "looking for the longest of them");
}

void app_arrive(struct app *app)
{
	struct run_moment moment;
	bool found;

	if (!app->reader || !timeline_reader_take_moment(app->reader, &found, &moment))
		return;
	app->awaits_moment = false;
	app->message[0] = '\0';
	if (found)
		app_go(app, &(struct view_place){ .lane = moment.lane, .start_ns = moment.start_ns,
						  .end_ns = moment.end_ns });
	else
		app_message(app, COLOR_OF_WARN, "none of them is known with its time");
}

/* --- from idle time to what it costs ------------------------------------------------------- */

static const struct run_finding *finding_of(const struct timeline_scan *scan,
					    const struct idle_interval *idle)
{
	const struct run_finding *best = NULL;

	for (size_t i = 0; i < scan->findings.list.count; i++) {
		const struct run_finding *f = &scan->findings.list.rows[i];

		if (!(f->causes >> idle->cause & 1) || (f->device > 0 && f->device != idle->device))
			continue;
		/* Of several the one with the same code to blame; else the first, which costs most. */
		if (!best || (f->path == idle->path && best->path != idle->path))
			best = f;
	}
	return best;
}

static void go_finding(struct app *app)
{
	const struct timeline_scan *scan = app->snapshot ? app->snapshot->scan : NULL;
	const struct run_finding *f;
	struct idle_interval idle;
	struct run_event event;

	if (!scan) {
		app_message(app, COLOR_OF_DIM, "findings are there when the whole file has been read");
		return;
	}
	if (timeline_pick(app_timeline(app), &event, &idle) != PICK_IDLE) {
		app_message(app, COLOR_OF_WARN, "no idle time at the cursor; b goes to the longest");
		return;
	}
	f = finding_of(scan, &idle);
	if (!f) {
		app_message(app, COLOR_OF_WARN, "no finding is about %s here", idle_cause_name(idle.cause));
		return;
	}
	app_act(app, ACTION_VIEW_FINDINGS);
	app_set_filter(app, "");	/* which may hide it */
	if (grid_select_key(app_grid(app), (uint64_t)(f - scan->findings.list.rows) + 1))
		app_act(app, ACTION_OPEN);
	else
		app_message(app, COLOR_OF_WARN, "its finding is left out by a filter of all views");
}

/* --- to the clipboard ---------------------------------------------------------------------- */

static void copy_row(struct app *app)
{
	const struct grid *grid = app_grid(app);
	const void *row = grid && app->snapshot ? grid_selected(grid) : NULL;
	char *text = NULL, *cell = malloc(65536);
	size_t bytes;
	FILE *out = row && cell ? open_memstream(&text, &bytes) : NULL;
	const char *tab = "";

	for (int i = 0; out && i < grid->column_count; i++) {
		if (grid->columns[i].width < 0 && !grid_has_column(grid, i))
			continue;
		grid_cell_text(grid, row, i, cell, 65536);
		fprintf(out, "%s%s", tab, cell);
		tab = "\t";
	}
	if (out && fclose(out) == 0) {
		terminal_copy(text, bytes);
		app_message(app, COLOR_OF_GOOD,
			    "the row is on the clipboard, if the terminal lets programs set it");
	}
	free(text);
	free(cell);
}

bool app_act_jump(struct app *app, enum action action)
{
	if (action == ACTION_JUMP)
		jump(app);
	else if (action == ACTION_TIME_FINDING && app_timeline(app))
		go_finding(app);
	else if (action == ACTION_COPY)
		copy_row(app);
	else
		return false;
	return true;
}
