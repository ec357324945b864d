/* SPDX-License-Identifier: Apache-2.0 */
/* Places visited, to go back to and forward again: a view, its selection, and what it is narrowed to. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void place_free(struct place *place)
{
	free(place->scope);
	*place = (struct place){ 0 };
}

static struct place here(struct app *app)
{
	struct view *view = app_view(app);
	struct grid *grid = app_grid(app);
	struct timeline_view *t = app_timeline(app);
	struct place place = { .view = app->current, .scope = scope_text(&app->scope) };

	if (app->is_below[app->current]) {
		place.below = view->class;
		place.subject = view->subject;
		snprintf(place.subject_name, sizeof(place.subject_name), "%s", view->subject_name);
	}
	if (grid && grid->shown)
		place.key = grid->selected_key;
	if (t && t->window) {
		const struct run_lane *lane = timeline_lane(t, t->line);

		place.from_ns = t->from_ns;
		place.to_ns = t->to_ns;
		place.cursor_ns = t->cursor_ns;
		if (lane)
			place.lane = lane->key;
	}
	return place;
}

static bool is_same(const struct place *a, const struct place *b)
{
	return a->view == b->view && a->below == b->below && a->subject == b->subject &&
	       a->key == b->key && a->from_ns == b->from_ns && a->to_ns == b->to_ns &&
	       (!a->scope || !b->scope || strcmp(a->scope, b->scope) == 0);
}

static void push(struct place_stack *stack, struct place place)
{
	if (stack->count && is_same(&stack->places[stack->count - 1], &place)) {
		place_free(&place);
		return;
	}
	if (stack->count == PLACES_MOST) {
		place_free(&stack->places[0]);
		memmove(stack->places, stack->places + 1, (PLACES_MOST - 1) * sizeof(place));
		stack->count--;
	}
	stack->places[stack->count++] = place;
}

static void forget(struct place_stack *stack)
{
	while (stack->count)
		place_free(&stack->places[--stack->count]);
}

void app_note_place(struct app *app)
{
	push(&app->past, here(app));
	forget(&app->future);
}

void app_forget_places(struct app *app)
{
	forget(&app->past);
	forget(&app->future);
}

static void go_to(struct app *app, const struct place *place)
{
	struct timeline_view *t;
	struct grid *grid;

	app->current = place->view;
	app_open_timeline(app);
	if (place->below)
		app_open_below(app, place->below, place->subject, place->subject_name);
	else
		app_close_below(app);
	if (place->scope)
		app_scope_show(app, place->scope);
	grid = app_grid(app);
	if (grid && place->key && !grid_select_key(grid, place->key)) {
		/* It comes when the rows have been read again. */
		grid->selected_key = place->key;
		grid->has_selected = true;
	}
	t = app_timeline(app);
	if (t && place->to_ns > 0) {
		t->is_held = t->follows = false;
		t->is_moved = true;
		t->from_ns = place->from_ns;
		t->to_ns = place->to_ns;
		t->cursor_ns = place->cursor_ns;
		t->wanted = place->lane;
	}
}

static void step(struct app *app, struct place_stack *from, struct place_stack *to, const char *none)
{
	struct place now = here(app), place = { 0 };

	/* What was noted before something that did not move is no step. */
	while (from->count && !place.scope) {
		place = from->places[--from->count];
		if (is_same(&place, &now))
			place_free(&place);
	}
	if (!place.scope) {
		place_free(&now);
		app_message(app, COLOR_OF_DIM, "%s", none);
		return;
	}
	push(to, now);
	go_to(app, &place);
	place_free(&place);
}

bool app_act_places(struct app *app, enum action action)
{
	if (action == ACTION_PLACE_BACK)
		step(app, &app->past, &app->future, "this is where you began");
	else if (action == ACTION_PLACE_FORWARD)
		step(app, &app->future, &app->past, "there is no place to go forward to");
	else
		return false;
	return true;
}
