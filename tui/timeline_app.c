/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline inside of the viewer: opened when first looked at, its details as a window. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

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

void app_open_timeline(struct app *app)
{
	struct view *view = app_view(app);
	struct timeline_view *timeline;
	char *error = NULL;

	if (!view->class->is_timeline || view->timeline)
		return;
	timeline = calloc(1, sizeof(*timeline));
	if (timeline && timeline_view_open(timeline, app->path, loader_fd(app->loader), &error) == 0) {
		view->timeline = timeline;
		return;
	}
	app_message(app, COLOR_OF_BAD, "%s", error ? error : "out of memory");
	free(error);
	free(timeline);
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

void app_refresh_timeline(struct app *app)
{
	struct timeline_view *timeline = app_timeline(app);
	struct run_fact_list facts;

	if (!timeline)
		return;
	timeline_reader_error(timeline->reader, app->timeline_error, sizeof(app->timeline_error));
	if (!timeline_reader_take_facts(timeline->reader, &facts))
		return;
	if (app->mode == MODE_VIEW)
		show_facts(app, &facts);
	run_fact_list_free(&facts);
}

void app_wait_timeline(struct app *app)
{
	struct timeline_view *timeline = app_timeline(app);

	/* What is drawn first tells what is to be read, which tells what there is to draw. */
	for (int i = 0; timeline && i < 3; i++) {
		app_draw(app);
		timeline_reader_wait(timeline->reader);
	}
	app_refresh_timeline(app);
}

bool app_act_timeline(struct app *app, enum action action)
{
	struct timeline_view *timeline = app_timeline(app);
	struct idle_interval interval;
	struct run_event event;

	if (!timeline)
		return false;
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
