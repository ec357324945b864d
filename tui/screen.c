/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing the whole screen: header, tabs, the view, footer, and what lies over them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "tui/quantity.h"
#include "tui/wide.h"

#include <curses.h>
#include <string.h>

void app_add_hit(struct app *app, int y, int x, int width, enum action action, int argument)
{
	if (app->hit_count < COUNT_OF(app->hits))
		app->hits[app->hit_count++] = (struct hit){ y, x, width, action, argument };
}

static enum color state_color(const char *state)
{
	if (strcmp(state, "recording") == 0)
		return COLOR_OF_HEADER_LIVE;
	return strcmp(state, "complete") == 0 ? COLOR_OF_HEADER : COLOR_OF_HEADER_WARN;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* "what of it" with its plural, for small numbers. */
static int count_of(char *out, size_t size, int count, const char *noun)
{
	bool hiss = noun[strlen(noun) - 1] == 's';

	return snprintf(out, size, "%d %s%s", count, noun, count == 1 ? "" : hiss ? "es" : "s");
}

static void draw_header(const struct app *app)
{
	const struct run_info *info = app->snapshot ? &app->snapshot->info : NULL;
	char text[QUANTITY_SIZE], right[160], part[64];
	int x, room;

	draw_fill(0, 0, COLS, COLOR_OF_HEADER);
	if (!info) {
		draw_textf(0, 1, COLS - 2, COLOR_OF_HEADER_NAME, "%s", base_name(app->path));
		return;
	}
	count_of(part, sizeof(part), info->processes, "process");
	snprintf(right, sizeof(right), "%s   %s", quantity_text_ns(text, info->span_ns), part);
	if (COLS >= 60) {
		size_t used = strlen(right);

		count_of(part, sizeof(part), info->threads, "thread");
		snprintf(right + used, sizeof(right) - used, ", %s", part);
	}
	room = COLS - 4 - (int)strlen(right) - (int)strlen(info->state) - 4;
	x = 1 + draw_text(0, 1, room > 8 ? room : 8, COLOR_OF_HEADER_NAME, base_name(app->path));
	x += 2;
	x += draw_text(0, x, 2, state_color(info->state),
		       strcmp(info->state, "recording") ? "" : draw_is_ascii() ? "* " : "\u25cf ");
	x += draw_text(0, x, COLS - x, state_color(info->state), info->state);
	if (COLS - x - 2 >= (int)strlen(right))
		draw_right(0, x + 1, COLS - x - 2, COLOR_OF_HEADER, right);
}

/* How much room tabs take: with full titles, with short ones, these closer together, four or three
 * letters of all but the active one, and with the title of the active tab only. */
enum tabs { TABS_FULL, TABS_SHORT, TABS_CLOSE, TABS_FOUR, TABS_THREE, TABS_BARE };

static const char *tab_title(const struct app *app, int index, enum tabs tabs)
{
	const struct view_class *class = app->views[index].class;

	if (tabs == TABS_BARE && index != app->current)
		return "";
	return tabs != TABS_FULL && class->short_title ? class->short_title : class->title;
}

static int tab_length(const struct app *app, int index, enum tabs tabs)
{
	int length = (int)strlen(tab_title(app, index, tabs));

	int most = index == app->current ? length : tabs == TABS_FOUR ? 4 : tabs == TABS_THREE ? 3 : length;

	return length < most ? length : most;
}

static int tabs_width(const struct app *app, enum tabs tabs)
{
	int width = 1;

	for (int i = 0; i < app_view_count(app); i++)
		width += 2 + tab_length(app, i, tabs) + (tabs >= TABS_CLOSE ? 1 : 2);
	return width - 1;
}

static void draw_tabs(struct app *app)
{
	enum tabs tabs = TABS_FULL;
	int x = 1;

	while (tabs < TABS_BARE && tabs_width(app, tabs) > COLS)
		tabs++;
	for (int i = 0; i < app_view_count(app); i++) {
		const char *title = tab_title(app, i, tabs);
		int length = tab_length(app, i, tabs), width = length + (length ? 2 : 1);
		char key[16];

		if (x + width > COLS)
			break;
		key_of_action((enum action)(ACTION_VIEW_OVERVIEW + i), false, key, sizeof(key));
		draw_textf(1, x, width, i == app->current ? COLOR_OF_TAB_ACTIVE : COLOR_OF_TAB, "%s%s%.*s",
			   key, length ? " " : "", length, title);
		app_add_hit(app, 1, x, width + 1, (enum action)(ACTION_VIEW_OVERVIEW + i), 0);
		x += width + (tabs >= TABS_CLOSE && tabs < TABS_BARE ? 1 : 2);
	}
}

static int info_part(int y, int x, enum color color, const char *label, const char *value)
{
	x += draw_text(y, x, COLS - x - 1, COLOR_OF_DIM, label);
	return x + draw_text(y, x, COLS - x - 1, color, value) + 2;
}

/* Which tree it is, of what, and every restriction of it. */
static void draw_tree_info(struct app *app)
{
	const struct snapshot *s = app->snapshot;
	const struct tree *tree = &app_view(app)->tree;
	const struct grid *grid = app_grid(app);
	char text[160], count[QUANTITY_SIZE];
	int x = 1, y = app->top;

	x += draw_textf(y, x, COLS - 2, COLOR_OF_STRONG, "%s by %s%s",
			view_paths_order(s->paths_how.order), view_paths_metric(s->paths_how.metric),
			s->paths_how.interpreter ? ", with interpreter" : "") + 2;
	if (grid->filter[0])
		x = info_part(y, x, COLOR_OF_PROMPT, "filter ", grid->filter);
	if (grid->search[0])
		x = info_part(y, x, COLOR_OF_PROMPT, "search ", grid->search);
	if (tree->zoom_count && tree->paths && tree->top) {
		uint64_t all = callpath_metric(&tree->paths->nodes[0].total, tree->metric);

		quantity_text_percent(text, all ? (double)tree_whole(tree) / (double)all : -1);
		x += draw_textf(y, x, COLS - x - 1, COLOR_OF_PROMPT, "zoom: %s of all", text) + 2;
	}
	if (tree->is_cut && COLS - x > 34) {
		quantity_text_count(count, TREE_LINES_MOST);
		snprintf(text, sizeof(text), "after %s rows folded: z, Enter", count);
		draw_right(y, x, COLS - x - 1, COLOR_OF_WARN, text);
	} else if (s->paths->without_path && COLS - x > 28) {
		quantity_text_count(count, s->paths->without_path);
		snprintf(text, sizeof(text), "%s calls without a path", count);
		draw_right(y, x, COLS - x - 1, COLOR_OF_DIM, text);
	}
}

/* How many rows, in which order, and every restriction that hides some. */
static void draw_info(struct app *app)
{
	struct view *view = app_view(app);
	struct grid *grid = app_grid(app);
	char count[QUANTITY_SIZE], all[QUANTITY_SIZE], text[128];
	int x = 1, y = app->top;

	if (!grid)
		return;
	if (view->class->is_tree) {
		draw_tree_info(app);
		return;
	}
	quantity_text_count(count, grid->shown);
	quantity_text_count(all, grid->row_count);
	if (grid->filter[0])
		snprintf(text, sizeof(text), "%s of %s", count, all);
	else
		snprintf(text, sizeof(text), "%s", all);
	x += draw_textf(y, x, 40, COLOR_OF_STRONG, "%s %s", text,
			grid->row_count == 1 ? view->class->one : view->class->noun) + 2;
	if (grid->filter[0])
		x = info_part(y, x, COLOR_OF_PROMPT, "filter ", grid->filter);
	if (grid->search[0])
		x = info_part(y, x, COLOR_OF_PROMPT, "search ", grid->search);
	if (view->subject_name[0])
		x = info_part(y, x, COLOR_OF_STRONG, view->class == &view_diff ? "from " : "of ",
			      view->subject_name);
	if (grid->hidden_columns && COLS - x > 24) {
		snprintf(text, sizeof(text), "%d more column%s: i", grid->hidden_columns,
			 grid->hidden_columns == 1 ? "" : "s");
		draw_right(y, x, COLS - x - 1, COLOR_OF_DIM, text);
	}
}

static bool in_footer(struct app *app, enum action action)
{
	const struct action_info *info = &action_table[action];

	if (!info->footer[0] || !app_offers(app, action))
		return false;
	if (action == ACTION_OPEN && app_view(app)->choices)
		return true;
	if (action == ACTION_BACK)
		return app->is_below[app->current] || app_view(app)->tree.zoom_count;
	if (action == ACTION_VIEW_NEXT || action == ACTION_RELOAD || action == ACTION_THEME)
		/* Tables and the timeline have more useful keys. */
		return (!app_grid(app) && !app_timeline(app)) || COLS >= 110;
	return (info->group != GROUP_TABLE && info->group != GROUP_MOVE) || app_grid(app);
}

static int footer_item(struct app *app, int x, enum action action)
{
	char key[16];
	int width;

	key_of_action(action, true, key, sizeof(key));
	width = (int)strlen(key) + (int)strlen(action_table[action].footer);
	if (x + width > COLS)
		return x;
	draw_text(LINES - 1, x, width, COLOR_OF_KEY, key);
	draw_text(LINES - 1, x + (int)strlen(key), width, COLOR_OF_KEY_LABEL,
		  action_table[action].footer);
	app_add_hit(app, LINES - 1, x, width, action, 0);
	return x + width + 1;
}

static void draw_footer(struct app *app)
{
	int x;

	if (app->mode == MODE_PROMPT)
		return;
	if (app->message[0]) {
		draw_text(LINES - 1, 1, COLS - 2, app->message_color, app->message);
		return;
	}
	if (app->reading_error[0] || (app->timeline_error[0] && app_timeline(app))) {
		draw_text(LINES - 1, 1, COLS - 2, COLOR_OF_BAD,
			  app->reading_error[0] ? app->reading_error : app->timeline_error);
		return;
	}
	x = footer_item(app, 0, ACTION_HELP);
	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++)
		if (action != ACTION_HELP && in_footer(app, (enum action)action))
			x = footer_item(app, x, (enum action)action);
}

/* What to say where there are no rows. */
static void choose_empty(struct app *app, struct view *view)
{
	const struct snapshot *s = app->snapshot;

	if (view->class->is_tree)
		return;
	view->grid.empty = view->class->empty;
	if (view->class->rows_need_scan && !s->scan)
		view->grid.empty = "the file is being read...";
	else if (app->scope.count && view->class->honours & scope_bits(&app->scope))
		view->grid.empty = "nothing passes the filters of all views; X removes them";
}

static void draw_view(struct app *app)
{
	struct view *view = app_view(app);
	struct rect pane;

	app->top = 2 + app_draw_scope(app, 2);
	app->body = (struct rect){ app->top + 1, 0, LINES - app->top - 2, COLS };
	if (!app->snapshot) {
		draw_text(app->top + 2, 2, COLS - 4, COLOR_OF_DIM,
			  app->reading_error[0] ? "nothing could be read" : "reading the file...");
		return;
	}
	if (view->class->columns) {
		app->body.x = 1;
		app->body.width = COLS - 1;
		pane = view_split(view, &app->body);
		choose_empty(app, view);
		grid_draw(&view->grid, app->body);
		draw_info(app);
		if (pane.height)
			view->class->pane(view, app->snapshot, grid_selected(&view->grid), pane);
	} else {
		view->class->draw(view, app->snapshot, app->body);
	}
}

void app_draw(struct app *app)
{
	erase();
	app->hit_count = 0;
	curs_set(app->mode == MODE_PROMPT);
	if (COLS < WIDTH_LEAST || LINES < HEIGHT_LEAST) {
		draw_textf(0, 0, COLS, COLOR_OF_WARN, "%dx%d needed,", WIDTH_LEAST, HEIGHT_LEAST);
		draw_textf(1, 0, COLS, COLOR_OF_WARN, "%dx%d here", COLS, LINES);
	} else {
		draw_header(app);
		draw_tabs(app);
		draw_view(app);
		draw_footer(app);
		if (app->mode == MODE_POPUP)
			popup_draw(&app->popup);
		if (app->mode == MODE_PROMPT)
			prompt_draw(&app->prompt, LINES - 1, COLS);
	}
	refresh();
}
