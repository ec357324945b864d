/* SPDX-License-Identifier: Apache-2.0 */
/* What keys and the mouse do. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "tui/terminal.h"

#include <curses.h>
#include <stdio.h>
#include <string.h>

void app_close_below(struct app *app)
{
	if (app->is_below[app->current]) {
		app_keep_look(app, &app->below[app->current]);
		view_free(&app->below[app->current]);
	}
	app->is_below[app->current] = false;
}

void app_open_below(struct app *app, const struct view_class *class, int subject, const char *name)
{
	struct view *below = &app->below[app->current];

	app_close_below(app);
	view_init(below, class);
	app_take_look(app, below);
	below->subject = subject;
	snprintf(below->subject_name, sizeof(below->subject_name), "%s", name ? name : "");
	if (app->snapshot)
		view_update(below, app->snapshot);
	app->is_below[app->current] = true;
}

static void go_back(struct app *app)
{
	struct grid *grid = app_grid(app);

	if (app_scope_cancel(app))
		return;
	if (app->is_below[app->current]) {
		app_note_place(app);
		app_close_below(app);
	} else if (app_is_tree(app) && app_act_tree(app, ACTION_TREE_ZOOM_OUT))
		return;
	else if (grid && (grid->search[0] || grid->filter[0]))
		grid->search[0] ? (void)grid_search(grid, "", 0, 1) : app_set_filter(app, "");
	else
		app_leave(app);
}

static void open_row(struct app *app)
{
	struct view *view = app_view(app);
	const void *row = app_grid(app) ? grid_selected(&view->grid) : NULL;
	const struct view_class *class;
	const char *name = NULL;
	int subject = -1;

	if (!row)
		return;
	if (view->class == &view_findings) {
		app_show_finding(app);
		return;
	}
	if (view->class->jump) {
		struct view_place place = { .path = NULL };

		view->class->jump(row, &place);
		app_go(app, &place);
		return;
	}
	if (!view->class->open || app->is_below[app->current]) {
		app_show_details(app);
		return;
	}
	class = view->class->open(row, &subject, &name);
	app_note_place(app);
	app_open_below(app, class, subject, name);
}

static void ask(struct app *app, enum action action)
{
	struct grid *grid = app_grid(app);
	char text[GRID_WORD_MAX + 8];

	if (!app->snapshot && action == ACTION_EXPORT)
		return;
	if (!grid && (action == ACTION_SEARCH || action == ACTION_FILTER))
		return;
	app->prompt_for = action;
	app->mode = MODE_PROMPT;
	if (action == ACTION_SCOPE_TYPE) {
		prompt_init(&app->prompt, "all views: ", "device:0 !kernel:copy time:1.2s..3s path:forward",
			    "");
		return;
	}
	if (action == ACTION_EXPORT) {
		snprintf(text, sizeof(text), "%s.csv", app_view(app)->class->noun);
		prompt_init(&app->prompt, "write CSV to: ", "file name", text);
		return;
	}
	app->before_selected = grid->selected;
	app->before_key = grid->selected_key;
	if (action == ACTION_SEARCH) {
		snprintf(app->before_prompt, sizeof(app->before_prompt), "%s", grid->search);
		prompt_init(&app->prompt, "/", "part of a name", "");
	} else {
		snprintf(app->before_prompt, sizeof(app->before_prompt), "%s", grid->filter);
		prompt_init(&app->prompt, "filter: ", "gemm !memset total>1ms", grid->filter);
	}
}

/* While typing, the table already shows what Enter would keep. */
static void prompt_preview(struct app *app, const char *text)
{
	struct grid *grid = app_grid(app);

	if (app->prompt_for == ACTION_FILTER) {
		/* Half a word may hide the row of the cursor that the whole word shows. */
		grid->selected_key = app->before_key;
		app_set_filter(app, text);
	} else if (app->prompt_for == ACTION_SEARCH) {
		grid_search(grid, text, app->before_selected, 1);
	}
}

static void prompt_done(struct app *app, const char *text)
{
	struct grid *grid = app_grid(app);

	app->mode = MODE_VIEW;
	if (app->prompt_for == ACTION_SCOPE_TYPE)
		app_scope_type(app, text);
	else if (app->prompt_for == ACTION_EXPORT)
		app_export(app, text);
	else if (app->prompt_for == ACTION_SEARCH &&
		 !grid_search(grid, text, app->before_selected, 1) &&
		 !(app_is_tree(app) && view_paths_search(app_view(app), text, 1)))
		app_message(app, COLOR_OF_WARN, "'%s' is in no row shown", text);
}

static void prompt_cancelled(struct app *app)
{
	struct grid *grid = app_grid(app);

	app->mode = MODE_VIEW;
	if (app->prompt_for != ACTION_SEARCH && app->prompt_for != ACTION_FILTER)
		return;
	grid->selected_key = app->before_key;
	if (app->prompt_for == ACTION_FILTER)
		app_set_filter(app, app->before_prompt);
	else if (app->prompt_for == ACTION_SEARCH)
		snprintf(grid->search, sizeof(grid->search), "%s", app->before_prompt);
	if (app->prompt_for == ACTION_SEARCH)
		grid_select(grid, app->before_selected);
}

static void key_in_prompt(struct app *app, int key)
{
	char text[PROMPT_MAX * 4 + 32];
	enum prompt_event event = prompt_key(&app->prompt, key);

	prompt_text(&app->prompt, text, sizeof(text));
	if (event == PROMPT_CHANGED)
		prompt_preview(app, text);
	else if (event == PROMPT_DONE)
		prompt_done(app, text);
	else if (event == PROMPT_CANCELLED)
		prompt_cancelled(app);
}

static void choose(struct app *app)
{
	struct grid *grid = app_grid(app);
	int column = app->popup.selected;

	app->mode = MODE_VIEW;
	if (action_table[app->popup_for].group == GROUP_SCOPE)
		app_scope_choose(app, app->popup_for, column);
	else if (app->popup_for == ACTION_VIEW_FINDINGS)
		app_open_evidence(app, column);
	else if (app->popup_for == ACTION_QUIT)
		app_choose_leaving(app, column);
	else if (app->popup_for == ACTION_TREE_METRIC_MENU)
		app_choose_metric(app, column);
	else if (app->popup_for == ACTION_COLUMNS)
		app_choose_column(app, column);
	else if (app->popup_for == ACTION_SORT_MENU && grid &&
		 (column = grid_listed_column(grid, column)) >= 0)
		grid_sort_by(grid, column, column == grid->sort ? !grid->reverse : false);
}

/* A window takes all keys but those that mean the same everywhere. */
static void act_in_popup(struct app *app, enum action action)
{
	if (popup_act(&app->popup, action))
		return;
	switch (action) {
	case ACTION_OPEN:
		choose(app);
		break;
	case ACTION_QUIT:
		app->mode = MODE_VIEW;
		if (app->popup_for != ACTION_QUIT)
			app_leave(app);
		break;
	case ACTION_SUSPEND:
	case ACTION_REDRAW:
	case ACTION_THEME:
		app->mode = MODE_VIEW;
		app_act(app, action);
		app->mode = MODE_POPUP;
		break;
	case ACTION_BACK:
	case ACTION_HELP:
	case ACTION_DETAILS:
	case ACTION_SORT_MENU:
	case ACTION_COLUMNS:
	case ACTION_LOG:
		app->mode = MODE_VIEW;
		break;
	default:
		break;
	}
}

static void change_view(struct app *app, int index)
{
	app_note_place(app);
	app->current = (index + app_view_count(app)) % app_view_count(app);
	app_open_timeline(app);
}

static void next_theme(struct app *app)
{
	draw_theme((enum theme)((draw_current_theme() + 1) % THEME_COUNT));
	app_message(app, COLOR_OF_TEXT, "theme: %s", theme_names[draw_current_theme()]);
}

void app_act(struct app *app, enum action action)
{
	struct grid *grid = app_grid(app);

	if (app->mode == MODE_POPUP) {
		act_in_popup(app, action);
		return;
	}
	if (app_act_scope(app, action) || app_act_places(app, action) || app_act_jump(app, action))
		return;
	if (app_is_tree(app) && app->snapshot && app_act_tree(app, action))
		return;
	if (app_act_timeline(app, action) || app_act_overview(app, action))
		return;
	if (grid && app->snapshot && grid_act(grid, action))
		return;
	if (action >= ACTION_VIEW_OVERVIEW && action <= ACTION_VIEW_DIFF) {
		if (app_offers(app, action))
			change_view(app, action - ACTION_VIEW_OVERVIEW);
		return;
	}
	switch (action) {
	case ACTION_OPEN:
		open_row(app);
		break;
	case ACTION_DETAILS:
		app_show_details(app);
		break;
	case ACTION_SEARCH:
	case ACTION_FILTER:
	case ACTION_EXPORT:
	case ACTION_SCOPE_TYPE:
		ask(app, action);
		break;
	case ACTION_SORT_MENU:
		app_show_sort_menu(app);
		break;
	case ACTION_COLUMNS:
		app_show_columns(app, 0);
		break;
	case ACTION_VIEW_NEXT:
		change_view(app, app->current + 1);
		break;
	case ACTION_VIEW_PREVIOUS:
		change_view(app, app->current - 1);
		break;
	case ACTION_HELP:
		app_show_help(app);
		break;
	case ACTION_RELOAD:
		loader_ask(app->loader);
		app_message(app, COLOR_OF_DIM, "reading the file again");
		break;
	case ACTION_THEME:
		next_theme(app);
		break;
	case ACTION_REDRAW:
		clearok(curscr, TRUE);
		break;
	case ACTION_SUSPEND:
		terminal_suspend();
		break;
	case ACTION_BACK:
		go_back(app);
		break;
	case ACTION_LOG:
		app_show_log(app);
		break;
	case ACTION_QUIT:
		app_leave(app);
		break;
	default:
		break;
	}
}

void app_wheel(struct app *app, int direction, int y, int x)
{
	if (app->mode == MODE_VIEW && app_timeline(app)) {
		timeline_wheel(app_timeline(app), direction, y, x, false);
		return;
	}
	for (int i = 0; i < 3 && app->mode != MODE_PROMPT; i++)
		app_act(app, direction < 0 ? ACTION_UP : ACTION_DOWN);
}

static void click_in_grid(struct app *app, struct grid *grid, int y, int x, bool is_double)
{
	int line = y - app->body.y - 1, column;
	size_t index = grid->top + (size_t)(line > 0 ? line : 0);

	if (line < 0) {
		column = grid_column_at(grid, app->body.width, x - app->body.x);
		if (column >= 0)
			grid_sort_by(grid, column, column == grid->sort ? !grid->reverse : false);
		return;
	}
	if (index >= grid->shown)
		return;
	if (is_double || index == grid->selected)
		app_act(app, ACTION_OPEN);
	else
		grid_select(grid, index);
}

void app_click(struct app *app, int y, int x, bool is_double)
{
	struct grid *grid = app_grid(app);

	if (app->mode == MODE_PROMPT)
		return;
	if (app->mode == MODE_POPUP) {
		int line = popup_line_at(&app->popup, y, x);

		if (line < 0) {
			app->mode = MODE_VIEW;
		} else if (app->popup.selected >= 0) {
			app->popup.selected = line;
			choose(app);
		}
		return;
	}
	for (int i = 0; i < app->hit_count; i++) {
		const struct hit *hit = &app->hits[i];

		if (hit->y == y && x >= hit->x && x < hit->x + hit->width) {
			app->hit_argument = hit->argument;
			app_act(app, hit->action);
			app->hit_argument = 0;
			return;
		}
	}
	if (app_click_overview(app, y, is_double))
		return;
	if (app_timeline(app)) {
		timeline_click(app_timeline(app), y, x);
		if (is_double)
			app_act(app, ACTION_TIME_DETAILS);
		return;
	}
	if (grid && app->snapshot && y >= app->body.y && y < app->body.y + app->body.height)
		click_in_grid(app, grid, y, x, is_double);
}

static void mouse(struct app *app)
{
	MEVENT event;

	if (getmouse(&event) != OK)
		return;
	if (app->mode == MODE_VIEW && app_timeline(app) && (event.bstate & BUTTON_SHIFT) &&
	    (event.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)))
		timeline_wheel(app_timeline(app), event.bstate & BUTTON4_PRESSED ? -1 : 1, event.y,
			       event.x, true);
	else if (event.bstate & BUTTON4_PRESSED)
		app_wheel(app, -1, event.y, event.x);
	else if (event.bstate & BUTTON5_PRESSED)
		app_wheel(app, 1, event.y, event.x);
	else if ((event.bstate & BUTTON1_RELEASED) && app->mode == MODE_VIEW && app_timeline(app))
		timeline_release(app_timeline(app), event.y, event.x);
	else if (event.bstate & (BUTTON3_PRESSED | BUTTON3_CLICKED) && app->mode == MODE_VIEW)
		app_act(app, ACTION_PLACE_BACK);
	else if (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED))
		app_click(app, event.y, event.x, event.bstate & BUTTON1_DOUBLE_CLICKED);
}

void app_key(struct app *app, int key)
{
	key = key_normalise(key);
	if (key == KEY_CODE(KEY_RESIZE))
		return;		/* curses has the new size; the next drawing uses it */
	if (key == KEY_CODE(KEY_MOUSE))
		mouse(app);
	else if (app->mode == MODE_PROMPT)
		key_in_prompt(app, key);
	else
		app_act(app, key_action(key, app->mode == MODE_VIEW ? app_place(app) : GROUP_GENERAL));
}
