/* SPDX-License-Identifier: Apache-2.0 */
/* What all views are narrowed to: the bar that tells it, and the keys that change it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "tui/quantity.h"
#include "tui/wide.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHIP_WIDTH	34

/* --- changes ------------------------------------------------------------------------------- */

static void parse(struct scope *scope, const char *text)
{
	char why[256];

	scope_free(scope);
	scope_parse(text, scope, why, sizeof(why));	/* it is from scope_text() */
}

void app_scope_show(struct app *app, const char *text)
{
	char *now = scope_text(&app->scope);

	if (now && strcmp(now, text) != 0) {
		parse(&app->scope, text);
		loader_ask_scope(app->loader, text);
		if (app->reader)
			timeline_reader_narrow(app->reader, text);
	}
	free(now);
}

/* The scope goes over to the app; what was before can be had again. */
static void change(struct app *app, struct scope *to)
{
	char *text = scope_text(to), *before = scope_text(&app->scope);

	scope_free(to);
	if (text && before && strcmp(text, before) != 0) {
		app_note_place(app);
		if (app->undo_count == UNDO_MOST) {
			free(app->undo[0]);
			memmove(app->undo, app->undo + 1, (UNDO_MOST - 1) * sizeof(app->undo[0]));
			app->undo_count--;
		}
		app->undo[app->undo_count++] = before;
		before = NULL;
		app_scope_show(app, text);
	}
	free(before);
	free(text);
}

static void copy(struct scope *to, const struct scope *from)
{
	char *text = scope_text(from);

	*to = (struct scope){ 0 };
	if (text)
		parse(to, text);
	free(text);
}

static void undo(struct app *app)
{
	if (!app->undo_count) {
		app_message(app, COLOR_OF_DIM, "no filter to undo");
		return;
	}
	app_scope_show(app, app->undo[--app->undo_count]);
	free(app->undo[app->undo_count]);
}

static void remove_term(struct app *app, int index)
{
	struct scope to;

	copy(&to, &app->scope);
	if (index < 0)
		scope_free(&to);
	else if ((size_t)index < to.count)
		scope_remove(&to, (size_t)index);
	change(app, &to);
}

/* One stretch of time takes the place of another. */
static void add_term(struct app *app, struct scope_term term)
{
	struct scope to;

	term.text = term.text ? strdup(term.text) : NULL;
	copy(&to, &app->scope);
	for (size_t i = to.count; i-- > 0;)
		if (term.kind == SCOPE_TIME && to.rows[i].kind == SCOPE_TIME &&
		    to.rows[i].negated == term.negated)
			scope_remove(&to, i);
	if (scope_add(&to, term) == 0)
		change(app, &to);
	else
		scope_free(&to);
}

void app_scope_type(struct app *app, const char *text)
{
	struct scope typed, to;
	char why[256];

	if (scope_parse(text, &typed, why, sizeof(why)) < 0) {
		app_message(app, COLOR_OF_BAD, "%s", why);
		return;
	}
	copy(&to, &app->scope);
	for (size_t i = 0; i < typed.count; i++) {
		struct scope_term term = typed.rows[i];

		term.text = term.text ? strdup(term.text) : NULL;
		scope_add(&to, term);
	}
	scope_free(&typed);
	change(app, &to);
}

/* What the loader was asked for and gave up. */
void app_scope_follow(struct app *app)
{
	char *text = loader_scope(app->loader), *now = scope_text(&app->scope);

	if (text && now && strcmp(text, now) != 0) {
		parse(&app->scope, text);
		if (app->reader)
			timeline_reader_narrow(app->reader, text);
	}
	free(text);
	free(now);
}

bool app_awaits_scope(const struct app *app)
{
	char *wanted = scope_text(&app->scope);
	bool awaits = wanted && app->snapshot && strcmp(wanted, app->snapshot->scope) != 0;

	free(wanted);
	return awaits;
}

bool app_scope_cancel(struct app *app)
{
	uint64_t done, total;

	if (!loader_is_counting(app->loader, &done, &total))
		return false;
	loader_cancel(app->loader);
	app_message(app, COLOR_OF_WARN, "the filter was given up; what is shown is as before");
	return true;
}

/* --- from where the cursor is -------------------------------------------------------------- */

void view_term(struct scope *terms, enum scope_kind kind, const char *text)
{
	char *copied = text && *text ? strdup(text) : NULL;
	bool by_number = text && text[strspn(text, "0123456789")] == '\0';

	if (copied)
		scope_add(terms, (struct scope_term){ .kind = kind, .text = copied, .exact = !by_number });
}

void view_term_number(struct scope *terms, enum scope_kind kind, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	if (number >= 0)
		view_term(terms, kind, text);
}

static void terms_here(struct app *app, struct scope *terms)
{
	struct view *view = app_view(app);
	const void *row = app_grid(app) ? grid_selected(&view->grid) : NULL;

	*terms = (struct scope){ 0 };
	if (app_timeline(app))
		timeline_terms(app_timeline(app), app->snapshot, terms);
	else if (view->class->terms && (row || !view->class->columns))
		view->class->terms(view, row, app->snapshot, terms);
}

static void offer(struct app *app, enum action action)
{
	struct scope terms;

	if (!app->snapshot)
		return;
	terms_here(app, &terms);
	if (terms.count == 0) {
		app_message(app, COLOR_OF_WARN, "nothing at the cursor to filter by; & types a filter");
	} else if (terms.count == 1) {
		terms.rows[0].negated = action == ACTION_SCOPE_WITHOUT;
		add_term(app, terms.rows[0]);
	} else {
		scope_free(&app->offered);
		app->offered = terms;
		app_scope_menu(app, action == ACTION_SCOPE_ONLY ? "Show only" : "Show without", &terms,
			       action);
		return;
	}
	scope_free(&terms);
}

void app_scope_choose(struct app *app, enum action action, int index)
{
	if (action == ACTION_SCOPE_REMOVE) {
		remove_term(app, (size_t)index < app->scope.count ? index : -1);
	} else if ((size_t)index < app->offered.count) {
		app->offered.rows[index].negated = action == ACTION_SCOPE_WITHOUT;
		add_term(app, app->offered.rows[index]);
	}
}

bool app_act_scope(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_SCOPE_ONLY:
	case ACTION_SCOPE_WITHOUT:
		offer(app, action);
		return true;
	case ACTION_SCOPE_REMOVE:
		if (app->hit_argument)
			remove_term(app, app->hit_argument - 1);
		else if (app->scope.count)
			app_scope_menu(app, "Remove", &app->scope, action);
		else
			app_message(app, COLOR_OF_DIM, "no filter is set; & types one");
		return true;
	case ACTION_SCOPE_UNDO:
		undo(app);
		return true;
	default:
		return false;
	}
}

/* --- the bar ------------------------------------------------------------------------------- */

/* A kernel's full name says too much. */
static char *chip_text(const struct scope_term *term)
{
	struct scope_term brief = *term;
	char *text;

	if (term->kind == SCOPE_KERNEL && term->exact)
		brief.text = view_kernel_title(term->text);
	text = brief.text || brief.kind == SCOPE_TIME ? scope_term_text(&brief) : NULL;
	if (brief.text != term->text)
		free(brief.text);
	return text;
}

static int draw_chip(struct app *app, int y, int x, size_t index, bool is_honoured)
{
	char *text = chip_text(&app->scope.rows[index]);
	int width = text ? wide_utf8_width(text, draw_is_ascii()) : 0;

	if (width > CHIP_WIDTH)
		width = CHIP_WIDTH;
	if (!text || x + width + 4 > COLS) {
		free(text);
		return x;
	}
	draw_fill(y, x, width + 4, is_honoured ? COLOR_OF_CHIP : COLOR_OF_CHIP_OFF);
	draw_text(y, x + 1, width, is_honoured ? COLOR_OF_CHIP : COLOR_OF_CHIP_OFF, text);
	draw_text(y, x + width + 2, 1, is_honoured ? COLOR_OF_CHIP : COLOR_OF_CHIP_OFF,
		  draw_is_ascii() ? "x" : "\u00d7");
	app_add_hit(app, y, x, width + 4, ACTION_SCOPE_REMOVE, (int)index + 1);
	free(text);
	return x + width + 5;
}

/* "not by kernel, stream here", or how far the counting is. */
static void draw_note(struct app *app, int y, int x, unsigned int honours)
{
	unsigned int left_out = scope_bits(&app->scope) & ~honours;
	const struct view_class *class = app_view(app)->class;
	/* What it is about must be on the screen. */
	const char *note = class->pane && LINES - y - 2 < class->pane_room ? NULL : class->scope_note;
	uint64_t done, total;
	char text[128] = "";
	int used = 0;

	if (loader_is_counting(app->loader, &done, &total)) {
		snprintf(text, sizeof(text), total ? "counting %d%%, Esc cancels" : "counting, Esc cancels",
			 total ? (int)(100 * (done < total ? done : total) / total) : 0);
		draw_right(y, x, COLS - x - 1, COLOR_OF_WARN, text);
		return;
	}
	if (class->needs_scan && app->snapshot && app->reader &&
	    timeline_reader_is_narrowing(app->reader, &done)) {
		total = app->snapshot->info.span_ns;
		snprintf(text, sizeof(text), "reading for these filters: %d%%",
			 total ? (int)(100 * (done < total ? done : total) / total) : 0);
		draw_right(y, x, COLS - x - 1, COLOR_OF_WARN, text);
		return;
	}
	for (int kind = 0; kind < SCOPE_KINDS; kind++)
		if (left_out >> kind & 1)
			used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s",
					 used ? ", " : "not by ", scope_kinds[kind].name);
	draw_right(y, x, COLS - x - 1, COLOR_OF_WARN, used ? text : note ? note : "");
}

int app_draw_scope(struct app *app, int y)
{
	unsigned int honours = app_view(app)->class->honours;
	int x = 1;

	if (!app->scope.count)
		return 0;
	if (app_view(app)->class->is_tree && app->snapshot)
		honours = view_paths_honours(app->snapshot->paths_how.metric);
	draw_text(y, 0, 1, COLOR_OF_PROMPT, "&");
	for (size_t i = 0; i < app->scope.count; i++)
		x = draw_chip(app, y, x, i, honours >> app->scope.rows[i].kind & 1);
	if (COLS - x > 12)
		draw_note(app, y, x, honours);
	return 1;
}
