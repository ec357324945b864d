/* SPDX-License-Identifier: Apache-2.0 */
/* A finding in full, and the way from its evidence to the timeline. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "tui/quantity.h"

#include <stdio.h>
#include <string.h>

/* The finding whose row is under the cursor, or NULL; keys of rows are their places, from 1. */
static const struct run_finding *selected(struct app *app)
{
	const struct timeline_scan *scan = app->snapshot ? app->snapshot->scan : NULL;
	const struct grid *grid = app_grid(app);
	const uint64_t *key = grid && app_view(app)->class == &view_findings ? grid_selected(grid) : NULL;

	return scan && key && *key <= scan->findings.list.count ?
	       &scan->findings.list.rows[*key - 1] : NULL;
}

static void add_time(struct app *app, const char *label, uint64_t ns, double share)
{
	char text[96], time[QUANTITY_SIZE], percent[QUANTITY_SIZE];

	if (!ns)
		return;
	quantity_text_ns(time, ns);
	if (share > 0)
		snprintf(text, sizeof(text), "%s, %s of the wall time since the warm-up", time,
			 quantity_text_percent(percent, share));
	popup_add(&app->popup, COLOR_OF_TEXT, label, share > 0 ? text : time);
}

static void add_text(struct app *app, const char *label, const char *text)
{
	if (text && *text)
		popup_add(&app->popup, COLOR_OF_TEXT, label, text);
}

static void add_evidence(struct app *app, const struct finding_evidence *e, const char *label)
{
	char text[128], at[QUANTITY_SIZE], took[QUANTITY_SIZE];

	snprintf(text, sizeof(text), "%s at %s, %s", *e->table ? e->table : "idle",
		 quantity_text_ns(at, e->start_ns), quantity_text_ns(took, e->dur_ns));
	popup_add(&app->popup, COLOR_OF_PROMPT, label, text);
}

void app_show_finding(struct app *app)
{
	const struct run_finding *f = selected(app);
	char gain[FINDING_GAIN_BYTES], count[QUANTITY_SIZE];

	if (!f)
		return;
	popup_free(&app->popup);
	popup_init(&app->popup, f->title, -1);
	popup_add(&app->popup, COLOR_OF_STRONG, "Severity", finding_severity_name(f->severity));
	add_time(app, "Lost", f->lost_ns, f->wall_ns ? (double)f->lost_ns / (double)f->wall_ns : 0);
	add_time(app, "Concerned", f->concerned_ns, 0);
	if (f->gain_high_ns)
		add_text(app, "Gain", finding_gain(f, gain));
	if (f->count)
		add_text(app, "Times", quantity_text_count(count, f->count));
	add_text(app, "Where", f->where);
	add_text(app, "Called from", f->callers);
	add_text(app, "In range", f->range);
	add_text(app, "What", f->what);
	add_text(app, "Advice", f->advice);
	if (f->evidence_count)
		app->popup.selected = app->popup.count;
	for (int i = 0; i < f->evidence_count; i++)
		add_evidence(app, &f->evidence[i], i ? " " : "Evidence");
	app->mode = MODE_POPUP;
	app->popup_for = ACTION_VIEW_FINDINGS;
}

void app_go(struct app *app, const struct view_place *place)
{
	if (place->path) {
		app_go_path(app, place->path, place->metric);
		return;
	}
	app_act(app, ACTION_VIEW_TIMELINE);
	if (app_timeline(app))
		timeline_jump(app_timeline(app), place->lane, place->start_ns, place->end_ns);
}

void app_open_evidence(struct app *app, int line)
{
	const struct run_finding *f = selected(app);
	int first = f ? app->popup.count - f->evidence_count : 0;
	const struct finding_evidence *e;
	struct view_place place;

	if (!f || !f->evidence_count)
		return;
	e = &f->evidence[line >= first && line < app->popup.count ? line - first : 0];
	place = view_evidence_place(f, e);
	app_go(app, &place);
}

/* --- from the overview --------------------------------------------------------------------- */

static void open_choice(struct app *app, const struct view_choice *choice)
{
	struct grid *grid;
	uint64_t key = choice->finding;

	if (choice->kernel && choice->kernel <= app->snapshot->kernels.count)
		key = (uint64_t)app->snapshot->kernels.rows[choice->kernel - 1].kernel;
	app_act(app, choice->kernel ? ACTION_VIEW_KERNELS : ACTION_VIEW_FINDINGS);
	if (app->is_below[app->current])
		app_act(app, ACTION_BACK);
	grid = app_grid(app);
	if (!grid_select_key(grid, key)) {
		app_set_filter(app, "");	/* which may have hidden it */
		if (!grid_select_key(grid, key))
			return;
	}
	app_act(app, ACTION_OPEN);
}

bool app_act_overview(struct app *app, enum action action)
{
	struct view *view = app_view(app);

	if (view->class != &view_overview || !view->choices)
		return false;
	if (action == ACTION_UP)
		view->chosen -= view->chosen > 0;
	else if (action == ACTION_DOWN)
		view->chosen += view->chosen + 1 < view->choices;
	else if (action == ACTION_OPEN)
		open_choice(app, &view->choice[view->chosen]);
	else
		return false;
	return true;
}

bool app_click_overview(struct app *app, int y, bool is_double)
{
	struct view *view = app_view(app);

	for (int i = 0; view->class == &view_overview && i < view->choices; i++) {
		if (view->choice[i].y != y)
			continue;
		if (is_double || view->chosen == i)
			open_choice(app, &view->choice[i]);
		else
			view->chosen = i;
		return true;
	}
	return false;
}
