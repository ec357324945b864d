/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer's life: open the terminal, play a script, read keys, follow the file. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "tui/terminal.h"
#include "tui/tui.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct view_class *const view_classes[VIEW_COUNT] = {
	&view_overview, &view_kernels, &view_apis, &view_copies, &view_memory, &view_processes,
	&view_losses, &view_paths, &view_timeline, &view_findings,
	&view_steps, &view_diff,
};

struct view *app_view(struct app *app)
{
	return app->is_below[app->current] ? &app->below[app->current] : &app->views[app->current];
}

struct grid *app_grid(struct app *app)
{
	struct view *view = app_view(app);

	return view->class->columns ? &view->grid : NULL;
}

int app_view_count(const struct app *app)
{
	return app->diff ? VIEW_COUNT : VIEW_COUNT - 1;
}

void app_message(struct app *app, enum color color, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(app->message, sizeof(app->message), format, args);
	va_end(args);
	app->message_color = color;
}

static void adopt_snapshot(struct app *app)
{
	struct snapshot *fresh = loader_take(app->loader);

	loader_error(app->loader, app->reading_error, sizeof(app->reading_error));
	app_scope_follow(app);
	if (!fresh)
		return;
	fresh->scan = app->snapshot ? app->snapshot->scan : NULL;
	fresh->changes = app->snapshot ? app->snapshot->changes : NULL;
	for (int i = 0; i < VIEW_COUNT; i++) {
		view_update(&app->views[i], fresh);
		if (app->is_below[i])
			view_update(&app->below[i], fresh);
	}
	snapshot_free(app->snapshot);
	app->snapshot = fresh;
	app_find_path(app);
}

static void save_screen(struct app *app, const char *path)
{
	FILE *out = fopen(path, "we");
	char *line = malloc(16384);

	app_draw(app);
	if (!out || !line) {
		app_message(app, COLOR_OF_BAD, "cannot write '%s': %s", path, strerror(errno));
	} else {
		for (int y = 0; y < LINES; y++) {
			draw_read_line(y, line, 16384);
			fprintf(out, "%s\n", line);
		}
	}
	free(line);
	if (out && fclose(out) != 0)
		app_message(app, COLOR_OF_BAD, "cannot write '%s': %s", path, strerror(errno));
}

/* One step of the script; false when there are no more. */
static bool play(struct app *app)
{
	const struct script_step *step = script_next(&app->script);

	switch (step->kind) {
	case SCRIPT_END:
		return false;
	case SCRIPT_KEY:
		app_draw(app);		/* paging and clicks depend on what was drawn */
		app_key(app, step->key);
		if (app_awaits_paths(app) || app_awaits_scope(app)) {
			loader_wait(app->loader);
			adopt_snapshot(app);
		}
		app_wait_timeline(app);
		break;
	case SCRIPT_SCREEN:
		save_screen(app, step->file);
		break;
	case SCRIPT_RELOAD:
		loader_ask(app->loader);
		loader_wait(app->loader);
		adopt_snapshot(app);
		break;
	case SCRIPT_SIZE:
		if (app->in_memory)
			resizeterm(step->y, step->x);
		break;
	case SCRIPT_CLICK:
		app_draw(app);
		app_click(app, step->y, step->x, false);
		break;
	case SCRIPT_WHEEL:
		app_draw(app);
		app_wheel(app, step->y, -1, -1);
		break;
	}
	return true;
}

static void read_keys(struct app *app)
{
	int key = terminal_key(loader_fd(app->loader), 1000);

	if (key != KEY_NOTHING)
		app->message[0] = '\0';
	for (; key != KEY_NOTHING && !app->quit; key = terminal_pending_key())
		app_key(app, key);
}

static void run_loop(struct app *app)
{
	/* A script sees the file as it is at the start, not an empty screen. */
	if (app->script.count) {
		loader_wait(app->loader);
		adopt_snapshot(app);
		app_wait_timeline(app);
	}
	while (!app->quit && play(app))
		;
	if (app->in_memory)
		return;
	while (!app->quit && !terminal_is_gone()) {
		adopt_snapshot(app);
		app_resume_scope(app);
		app_refresh_timeline(app);
		app_refresh_program(app);
		app_draw(app);
		if (app->snapshot && app->reader)
			timeline_reader_begin(app->reader);
		read_keys(app);
	}
}

/* --theme, then GPUTRAIL_THEME; NO_COLOR wins over both, as its users expect. */
static int choose_theme(const char *name, enum theme *theme, char **error)
{
	const char *no_color = getenv("NO_COLOR");

	if (!name || !*name)
		name = getenv("GPUTRAIL_THEME");
	*theme = THEME_DARK;
	for (int i = 0; name && *name && i <= THEME_COUNT; i++) {
		if (i == THEME_COUNT) {
			if (asprintf(error, "no theme '%s': dark, light, blind or none", name) < 0)
				*error = NULL;
			return -1;
		}
		if (strcmp(name, theme_names[i]) == 0) {
			*theme = (enum theme)i;
			break;
		}
	}
	if (no_color && *no_color)
		*theme = THEME_NONE;
	return 0;
}

static enum tui_result prepare(struct app *app, const struct tui_options *options,
			       enum theme *theme, char **error)
{
	bool on_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	if (choose_theme(options->theme, theme, error) < 0 ||
	    (options->script && script_read(&app->script, options->script, error) < 0) ||
	    (options->keys && script_parse(&app->script, options->keys, error) < 0))
		return TUI_USAGE;
	app->in_memory = !on_terminal && (options->keys || options->script);
	if (!on_terminal && !app->in_memory) {
		*error = strdup("the viewer needs a terminal for its input and its output; "
				"'gputrail report FILE' prints the same without one");
		return TUI_USAGE;
	}
	draw_set_ascii(options->ascii > 0 ||
		       (options->ascii < 0 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0));
	return terminal_open(app->in_memory, error) < 0 ? TUI_USAGE : TUI_OK;
}

static void release(struct app *app)
{
	for (int i = 0; i < VIEW_COUNT; i++) {
		view_free(&app->views[i]);
		if (app->is_below[i])
			view_free(&app->below[i]);
	}
	scope_free(&app->scope);
	scope_free(&app->offered);
	while (app->undo_count)
		free(app->undo[--app->undo_count]);
	app_forget_places(app);
	popup_free(&app->popup);
	script_free(&app->script);
	snapshot_free(app->snapshot);
}

/* With something to compare with, that is looked at first. */
static void start_diff(struct app *app, const struct tui_options *options)
{
	const char *slash = options->before ? strrchr(options->before, '/') : NULL;
	struct view *view = &app->views[VIEW_COUNT - 1];

	if (!options->before)
		return;
	app->diff = diff_reader_start(options->before, options->path, loader_fd(app->loader));
	if (!app->diff) {
		app_message(app, COLOR_OF_BAD, "cannot start the thread that compares");
		return;
	}
	app->current = VIEW_COUNT - 1;
	snprintf(view->subject_name, sizeof(view->subject_name), "%s", slash ? slash + 1 : options->before);
}

enum tui_result tui_run(struct run *run, const struct tui_options *options, char **error)
{
	struct app *app = calloc(1, sizeof(*app));
	enum theme theme = THEME_DARK;
	enum tui_result result = TUI_FAILED;
	char *reader_error = NULL;
	/* What is played is the same each time. */
	bool remembers = !options->no_state && !options->keys && !options->script;

	*error = NULL;
	if (app)
		result = prepare(app, options, &theme, error);
	if (result != TUI_OK) {
		run_close(run);
		if (app)
			release(app);
		free(app);
		return result;
	}
	app->path = options->path;
	app->program = options->program;
	app->theme_is_given = options->theme || getenv("GPUTRAIL_THEME") || theme == THEME_NONE;
	for (int i = 0; i < VIEW_COUNT; i++)
		view_init(&app->views[i], view_classes[i]);
	app_init_looks(app);
	draw_theme(theme);
	app->loader = loader_start(run);
	if (app->loader) {
		app->reader = timeline_reader_start(app->path, loader_fd(app->loader),
						    &reader_error);
		if (!app->reader)
			app_message(app, COLOR_OF_BAD, "%s", reader_error ? reader_error : "out of memory");
		free(reader_error);
		start_diff(app, options);
		if (remembers)
			app_remember(app);
		run_loop(app);
		if (remembers)
			app_save_state(app);
		timeline_reader_stop(app->reader);
		diff_reader_stop(app->diff);
		loader_stop(app->loader);
	} else {
		run_close(run);
		result = TUI_FAILED;
	}
	terminal_close();
	if (result == TUI_FAILED)
		*error = strdup("cannot start the thread that reads the file");
	release(app);
	free(app);
	return result;
}
