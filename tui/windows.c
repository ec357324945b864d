/* SPDX-License-Identifier: Apache-2.0 */
/* The windows over a view: help for where you are, details of a row, the choice of an order. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(struct app *app, const char *title, int selected)
{
	popup_free(&app->popup);
	popup_init(&app->popup, title, selected);
	app->mode = MODE_POPUP;
	app->popup_for = ACTION_NONE;
}

static void add_heading(struct popup *popup, const char *text)
{
	popup_add(popup, COLOR_OF_TEXT, "", "");
	popup_add(popup, COLOR_OF_STRONG, "", text);
}

/* An action with those of its keys that mean it here. */
static void add_action(struct app *app, enum action action)
{
	const char *name = action_table[action].keys;
	char keys[64] = "";

	for (size_t used = 0; *name; name += strspn(name, " ")) {
		int length = (int)strcspn(name, " ");

		if (key_action(key_parse(name, (size_t)length), app_place(app)) == action)
			used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%.*s",
						 used ? " " : "", length, name);
		name += length;
	}
	popup_add(&app->popup, COLOR_OF_TEXT, keys, action_table[action].help);
}

void app_show_help(struct app *app)
{
	const struct view *view = app_view(app);
	char title[128];

	snprintf(title, sizeof(title), "Help: %s", view->class->title);
	show(app, title, -1);
	popup_add(&app->popup, COLOR_OF_TEXT, "", view->class->help);
	if (view->class->columns)
		add_heading(&app->popup, "Columns");
	for (int i = 0; i < view->class->column_count && view->class->columns[i].width >= 0; i++)
		popup_add(&app->popup, COLOR_OF_TEXT, view->class->columns[i].title,
			  view->class->columns[i].help);
	for (int group = 0; group < GROUP_COUNT; group++) {
		if ((!view->class->columns && (group == GROUP_TABLE ||
					       (group == GROUP_MOVE && !view->choices))) ||
		    ((group == GROUP_TREE || group == GROUP_TIMELINE) && group != (int)app_place(app)))
			continue;
		add_heading(&app->popup, action_group_names[group]);
		for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++)
			if ((int)action_table[action].group == group &&
			    app_offers(app, (enum action)action) &&
			    (view->class->columns || group != GROUP_MOVE || action == ACTION_UP ||
			     action == ACTION_DOWN))
				add_action(app, (enum action)action);
	}
	if (view->class->is_timeline) {
		add_heading(&app->popup, "Why a device is idle");
		for (int cause = 0; cause < IDLE_CAUSE_COUNT; cause++)
			popup_add(&app->popup, timeline_cause_color((enum idle_cause)cause),
				  idle_cause_name((enum idle_cause)cause),
				  idle_cause_text((enum idle_cause)cause));
	}
	add_heading(&app->popup, "Filters of all views: any of a kind, all kinds");
	for (int kind = 0; kind < SCOPE_KINDS; kind++)
		popup_add(&app->popup, COLOR_OF_TEXT, scope_kinds[kind].example, scope_kinds[kind].help);
	popup_add(&app->popup, COLOR_OF_TEXT, "!stream:7", "all but that");
	popup_add(&app->popup, COLOR_OF_TEXT, "kernel=name", "the whole name, not a part of it");
	if (view->class->columns) {
		add_heading(&app->popup, "Filters of this table");
		popup_add(&app->popup, COLOR_OF_TEXT, "gemm fp8", "rows with both words somewhere");
		popup_add(&app->popup, COLOR_OF_TEXT, "!memset", "rows without the word");
		popup_add(&app->popup, COLOR_OF_TEXT, "count>1000",
			  "compare a column; values have units as shown: total>1ms share<5%");
		popup_add(&app->popup, COLOR_OF_TEXT, "", "A word without capitals ignores case.");
	}
}

void app_show_details(struct app *app)
{
	const struct grid *grid = app_grid(app);
	const void *row = grid ? grid_selected(grid) : NULL;
	char *text;

	if (!row)
		return;
	text = malloc(65536);
	if (!text)
		return;
	show(app, app_view(app)->class->title, -1);
	for (int i = grid->column_count - 1; i >= 0; i--) {	/* the name first */
		if (grid->columns[i].kind != COLUMN_TEXT ||
		    (grid->prefix_offset && grid->columns[i].width >= 0))
			continue;	/* a tree has short names, whose parts follow */
		grid_cell_text(grid, row, i, text, 65536);
		if (!*text)
			continue;
		popup_add(&app->popup, i == grid->column_count - 1 ? COLOR_OF_STRONG : COLOR_OF_TEXT,
			  grid->columns[i].title, text);
	}
	for (int i = 0; i < grid->column_count; i++) {
		if (grid->columns[i].kind == COLUMN_TEXT ||
		    (grid->prefix_offset && i > 0 && grid->columns[i].width >= 0))
			continue;	/* a tree's metric comes again among all of them */
		grid_cell_text(grid, row, i, text, 65536);
		popup_add(&app->popup, COLOR_OF_TEXT, grid->columns[i].title, text);
	}
	free(text);
}

void app_show_sort_menu(struct app *app)
{
	const struct grid *grid = app_grid(app);

	if (!grid)
		return;
	show(app, "Sort by", grid->sort);
	for (int i = 0, column; (column = grid_listed_column(grid, i)) >= 0; i++)
		popup_add(&app->popup, COLOR_OF_TEXT, grid->columns[column].title,
			  grid->columns[column].help);
	app->popup_for = ACTION_SORT_MENU;
}

void app_show_columns(struct app *app, int selected)
{
	const struct grid *grid = app_grid(app);
	char label[24];

	if (!grid)
		return;
	show(app, "Columns: Enter shows and hides", selected);
	for (int i = 0; i < grid->column_count; i++) {
		bool has = grid_has_column(grid, i);

		snprintf(label, sizeof(label), "%s %s", has ? draw_is_ascii() ? "x" : "\u2713" : " ",
			 grid->columns[i].title);
		popup_add(&app->popup, has ? COLOR_OF_TEXT : COLOR_OF_DIM, label, grid->columns[i].help);
	}
	popup_add(&app->popup, COLOR_OF_TEXT, "", "as at first");
	app->popup_for = ACTION_COLUMNS;
}

void app_choose_column(struct app *app, int line)
{
	struct grid *grid = app_grid(app);

	if (!grid || line < 0)
		return;
	if (line >= grid->column_count)
		memset(grid->choice, 0, sizeof(grid->choice));
	else if (!grid_choose_column(grid, line, !grid_has_column(grid, line)))
		app_message(app, COLOR_OF_WARN, "rows are known by this column: it stays");
	app_show_columns(app, line);
}

void app_scope_menu(struct app *app, const char *title, const struct scope *terms,
		    enum action action)
{
	show(app, title, 0);
	for (size_t i = 0; i < terms->count; i++) {
		char *text = scope_term_text(&terms->rows[i]);

		popup_add(&app->popup, COLOR_OF_TEXT, "", text);
		free(text);
	}
	if (action == ACTION_SCOPE_REMOVE)
		popup_add(&app->popup, COLOR_OF_TEXT, "", "all of them");
	app->popup_for = action;
}
