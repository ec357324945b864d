/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline inside of the viewer: opened when first looked at, its details as a window. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <stdio.h>
#include <stdlib.h>

struct timeline_view *app_timeline(struct app *app)
{
	struct view *view = app_view(app);

	return view->class->is_timeline ? view->timeline : NULL;
}

enum action_group app_place(struct app *app)
{
	const struct view_class *class = app_view(app)->class;

	return class->is_tree ? GROUP_TREE : class->is_timeline ? GROUP_TIMELINE : GROUP_GENERAL;
}

static void show_facts(struct app *app, const struct run_fact_list *facts)
{
	popup_free(&app->popup);
	popup_init(&app->popup, facts->count ? facts->rows[0].key : "Details", -1);
	for (size_t i = 0; i < facts->count; i++)
		popup_add(&app->popup, i ? COLOR_OF_TEXT : COLOR_OF_STRONG,
			  facts->rows[i].key[0] ? facts->rows[i].key : " ", facts->rows[i].value);
	app->mode = MODE_POPUP;
	app->popup_for = ACTION_NONE;
}

/* Whoever takes a new reading frees the one before: this alone does, for all that show it. */
static void refresh_scan(struct app *app)
{
	const struct timeline_scan *scan;
	uint64_t reached_ns;
	bool complete;

	if (!app->reader || !app->snapshot)
		return;
	scan = timeline_reader_scan(app->reader, &complete, &reached_ns);
	for (int i = 0; i < VIEW_COUNT; i++)
		if (app->views[i].timeline) {
			app->views[i].timeline->scan = scan;
			app->views[i].timeline->is_scanned = complete;
			app->views[i].timeline->scanned_ns = reached_ns;
		}
	/* Findings and what is made of them are there when the whole file has been read. */
	scan = complete ? scan : NULL;
	app->snapshot->scan_reached_ns = reached_ns;
	if (app->snapshot->scan == scan)
		return;
	app->snapshot->scan = scan;
	for (int i = 0; i < VIEW_COUNT; i++) {
		if (app->views[i].class->needs_scan)
			view_update(&app->views[i], app->snapshot);
		if (app->is_below[i] && app->below[i].class->needs_scan)
			view_update(&app->below[i], app->snapshot);
	}
}

void app_open_timeline(struct app *app)
{
	struct view *view = app_view(app);

	if (!view->class->is_timeline || view->timeline || !app->reader)
		return;
	view->timeline = calloc(1, sizeof(*view->timeline));
	if (view->timeline)
		view->timeline->reader = app->reader;
	refresh_scan(app);
}

/* What changed, when both recordings have been read. */
static void refresh_diff(struct app *app)
{
	const char *error = NULL;

	if (!app->diff || !app->snapshot || app->snapshot->changes)
		return;
	app->snapshot->changes = diff_reader_take(app->diff, &error);
	if (error)
		snprintf(app->reading_error, sizeof(app->reading_error), "%s", error);
	if (app->snapshot->changes)
		view_update(&app->views[VIEW_COUNT - 1], app->snapshot);
}

void app_refresh_timeline(struct app *app)
{
	struct run_fact_list facts;

	refresh_scan(app);
	refresh_diff(app);
	if (!app->reader)
		return;
	timeline_reader_error(app->reader, app->timeline_error, sizeof(app->timeline_error));
	app_arrive(app);
	if (!timeline_reader_take_facts(app->reader, &facts))
		return;
	if (app->mode == MODE_VIEW && app_timeline(app))
		show_facts(app, &facts);
	run_fact_list_free(&facts);
}

void app_wait_timeline(struct app *app)
{
	uint64_t reached_ns;

	if (app->awaits_moment) {
		timeline_reader_wait(app->reader);
		app_arrive(app);
	}
	/* What is drawn first tells what is to be read, which tells what there is to draw. */
	for (int i = 0; app_timeline(app) && i < 3; i++) {
		app_draw(app);
		timeline_reader_wait(app->reader);
	}
	if (app->reader && app->snapshot &&
	    (!app->snapshot->scan || (app_view(app)->class->needs_scan &&
				      timeline_reader_is_narrowing(app->reader, &reached_ns))))
		timeline_reader_wait(app->reader);
	if (app->diff)
		diff_reader_wait(app->diff);
	app_refresh_timeline(app);
}

bool app_act_timeline(struct app *app, enum action action)
{
	struct timeline_view *timeline = app_timeline(app);
	struct idle_interval interval;
	struct run_event event;

	if (!timeline)
		return false;
	if (action == ACTION_TIME_ZOOM_TO || action == ACTION_TIME_ALL || action == ACTION_TIME_END)
		app_note_place(app);
	if (action != ACTION_TIME_DETAILS)
		return timeline_act(timeline, action);
	switch (timeline_pick(timeline, &event, &interval)) {
	case PICK_EVENT:
		timeline_reader_want_facts(timeline->reader, &event, NULL);
		break;
	case PICK_IDLE:
		timeline_reader_want_facts(timeline->reader, NULL, &interval);
		break;
	default:
		timeline_act(timeline, ACTION_TIME_ZOOM_IN);
		break;
	}
	return true;
}
