/* SPDX-License-Identifier: Apache-2.0 */
/* What keys do in the tree of call paths. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <stdio.h>
#include <string.h>

bool app_is_tree(struct app *app)
{
	return app_view(app)->class->is_tree;
}

bool app_offers(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_LEFT:
	case ACTION_RIGHT:
	case ACTION_OPEN:
	case ACTION_SORT_NEXT:
	case ACTION_SORT_PREVIOUS:
	case ACTION_SORT_MENU:
	case ACTION_COLUMNS:
	case ACTION_SORT_REVERSE:
		return !app_is_tree(app);
	case ACTION_VIEW_DIFF:
		return app->diff;
	case ACTION_LOG:
		return app->program;
	default:
		return (action_table[action].group != GROUP_TREE &&
			action_table[action].group != GROUP_TIMELINE) ||
		       action_table[action].group == app_place(app);
	}
}

bool app_awaits_paths(const struct app *app)
{
	const struct paths_how *want = &app->paths_how;
	const struct paths_how *have = app->snapshot ? &app->snapshot->paths_how : want;

	return want->order != have->order || want->metric != have->metric ||
	       want->interpreter != have->interpreter;
}

static void set_how(struct app *app, struct paths_how how)
{
	app->paths_how = how;
	loader_ask_paths(app->loader, how);
}

void app_choose_metric(struct app *app, int metric)
{
	struct paths_how how = app->paths_how;

	how.metric = (enum callpath_metric)((metric + METRIC_COUNT) % METRIC_COUNT);
	set_how(app, how);
}

void app_go_path(struct app *app, const char *path, enum callpath_metric metric)
{
	struct paths_how how = { .order = CALLPATH_TOP_DOWN, .metric = metric,
				 .interpreter = app->paths_how.interpreter };

	snprintf(app->path_to_find, sizeof(app->path_to_find), "%s", path);
	app_act(app, ACTION_VIEW_PATHS);
	while (tree_zoom_out(&app_view(app)->tree))
		;
	app_set_filter(app, "");
	set_how(app, how);
	app_find_path(app);
}

void app_find_path(struct app *app)
{
	struct view *view = app_view(app);

	if (!app->path_to_find[0] || !view->class->is_tree || app_awaits_paths(app))
		return;
	if (!view_paths_find(view, app->path_to_find))
		app_message(app, COLOR_OF_WARN, "this call path is not in the tree");
	app->path_to_find[0] = '\0';
}

void app_set_filter(struct app *app, const char *filter)
{
	struct view *view = app_view(app);
	bool changed = strcmp(view->grid.filter, filter) != 0;

	if (!view->class->is_tree || !app->snapshot) {
		grid_set_filter(&view->grid, filter);
		return;
	}
	snprintf(view->grid.filter, sizeof(view->grid.filter), "%s", filter);
	if (changed)
		tree_filter_changed(&view->tree);
	view_update(view, app->snapshot);
	if (changed && filter[0])
		view_paths_select_match(view);
}

/* The line under the cursor, or NULL. */
static const struct tree_line *selected_line(struct view *view)
{
	const struct grid *grid = &view->grid;

	return grid->shown ? &view->tree.lines[grid->order[grid->selected]] : NULL;
}

static void fold(struct app *app, uint32_t node, bool folded)
{
	struct view *view = app_view(app);

	tree_fold(&view->tree, node, folded);
	view_update(view, app->snapshot);
}

static void fold_or_rise(struct app *app, const struct tree_line *line)
{
	struct view *view = app_view(app);
	struct grid *grid = &view->grid;
	uint32_t parent = view->tree.paths->nodes[line->node].parent;

	if (line->has_below && !line->is_folded) {
		fold(app, line->node, true);
		return;
	}
	for (size_t i = grid->selected; i-- > 0;) {
		if (view->tree.lines[grid->order[i]].node == parent) {
			grid_select(grid, i);
			return;
		}
	}
}

static void toggle(struct app *app, const struct tree_line *line)
{
	if (line->has_below)
		fold(app, line->node, !line->is_folded);
	else
		app_show_details(app);
}

static void unfold_or_descend(struct app *app, const struct tree_line *line)
{
	struct grid *grid = app_grid(app);

	if (line->is_folded)
		fold(app, line->node, false);
	else if (line->has_below)
		grid_select(grid, grid->selected + 1);
}

static bool zoom_out(struct app *app)
{
	struct view *view = app_view(app);
	uint64_t key = tree_zoom_out(&view->tree);

	if (!key)
		return false;
	view->grid.selected_key = key;
	view_update(view, app->snapshot);
	return true;
}

static void next_order(struct app *app)
{
	struct tree *tree = &app_view(app)->tree;
	struct paths_how how = app->paths_how;

	while (tree_zoom_out(tree))
		;	/* that node is in no other order */
	how.order = how.order == CALLPATH_FLAT ? CALLPATH_TOP_DOWN :
		    (enum callpath_order)(how.order + 1);
	set_how(app, how);
}

static void show_metric_menu(struct app *app)
{
	popup_free(&app->popup);
	popup_init(&app->popup, "Metric", (int)app->paths_how.metric);
	for (int i = 0; i < METRIC_COUNT; i++)
		popup_add(&app->popup, COLOR_OF_TEXT, "",
			  view_paths_metric((enum callpath_metric)i));
	app->mode = MODE_POPUP;
	app->popup_for = ACTION_TREE_METRIC_MENU;
}

static bool act_on_line(struct app *app, enum action action)
{
	struct view *view = app_view(app);
	const struct tree_line *line = selected_line(view);

	if (!line)
		return true;
	if (action == ACTION_TREE_FOLD)
		fold_or_rise(app, line);
	else if (action == ACTION_TREE_UNFOLD)
		unfold_or_descend(app, line);
	else if (action == ACTION_TREE_ZOOM && tree_zoom(&view->tree, line->node))
		view_update(view, app->snapshot);
	else if (action != ACTION_TREE_ZOOM)
		toggle(app, line);
	return true;
}

bool app_act_tree(struct app *app, enum action action)
{
	struct view *view = app_view(app);
	struct paths_how how = app->paths_how;

	switch (action) {
	case ACTION_OPEN:
	case ACTION_TREE_TOGGLE:
	case ACTION_TREE_FOLD:
	case ACTION_TREE_UNFOLD:
	case ACTION_TREE_ZOOM:
		return act_on_line(app, action);
	case ACTION_TREE_FOLD_ALL:
	case ACTION_TREE_UNFOLD_ALL:
		tree_fold_all(&view->tree, action == ACTION_TREE_FOLD_ALL);
		view_update(view, app->snapshot);
		return true;
	case ACTION_TREE_ZOOM_OUT:
		return zoom_out(app);
	case ACTION_TREE_ORDER:
		next_order(app);
		return true;
	case ACTION_TREE_METRIC:
		app_choose_metric(app, (int)how.metric + 1);
		return true;
	case ACTION_TREE_METRIC_PREVIOUS:
		app_choose_metric(app, (int)how.metric - 1);
		return true;
	case ACTION_TREE_METRIC_MENU:
		show_metric_menu(app);
		return true;
	case ACTION_TREE_INTERPRETER:
		how.interpreter = !how.interpreter;
		set_how(app, how);
		return true;
	case ACTION_TREE_SCROLL_LEFT:
	case ACTION_TREE_SCROLL_RIGHT:
		return grid_act(&view->grid, action == ACTION_TREE_SCROLL_LEFT ? ACTION_LEFT :
				ACTION_RIGHT);
	case ACTION_SEARCH_NEXT:
	case ACTION_SEARCH_PREVIOUS:
		view_paths_search(view, view->grid.search, action == ACTION_SEARCH_NEXT ? 1 : -1);
		return true;
	case ACTION_FILTER_CLEAR:
		app_set_filter(app, "");
		return true;
	default:
		return false;
	}
}
