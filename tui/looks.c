/* SPDX-License-Identifier: Apache-2.0 */
/* Orders and columns of tables, also of those that Enter opens, which come and go. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <string.h>

void app_init_looks(struct app *app)
{
	static const struct view_class *const below[LOOKS - VIEW_COUNT] = {
		&view_shapes, &view_threads, &view_step_list, &view_holders,
	};

	for (int i = 0; i < LOOKS; i++) {
		app->looks[i].class = i < VIEW_COUNT ? app->views[i].class : below[i - VIEW_COUNT];
		app->looks[i].sort = app->looks[i].class->sort;
	}
}

static struct look *look_of(struct app *app, const struct view_class *class)
{
	for (int i = 0; i < LOOKS; i++)
		if (app->looks[i].class == class)
			return &app->looks[i];
	return NULL;
}

void app_take_look(struct app *app, struct view *view)
{
	const struct look *look = look_of(app, view->class);

	if (!look || !view->class->columns || view->class->is_tree)
		return;
	memcpy(view->grid.choice, look->choice, sizeof(look->choice));
	view->grid.sort = look->sort;
	view->grid.reverse = look->reverse;
}

void app_keep_look(struct app *app, const struct view *view)
{
	struct look *look = look_of(app, view->class);

	if (!look || !view->class->columns || view->class->is_tree)
		return;
	memcpy(look->choice, view->grid.choice, sizeof(look->choice));
	look->sort = view->grid.sort;
	look->reverse = view->grid.reverse;
}
