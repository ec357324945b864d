/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the viewer remembers: a text file of lines "key value". Theme, orders and columns of tables hold
 * for all recordings; the view and the filters follow a line "file PATH" and are of that recording. What
 * cannot be understood is left out, so that damage costs no more than itself.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_BYTES_MOST	262144
#define FILES_MOST		64

/* $XDG_STATE_HOME, else ~/.local/state; NULL: nowhere. The caller frees. */
static char *state_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *folder = NULL;

	if (state && *state == '/')
		return asprintf(&folder, "%s/gputrail", state) < 0 ? NULL : folder;
	if (home && *home == '/')
		return asprintf(&folder, "%s/.local/state/gputrail", home) < 0 ? NULL : folder;
	return NULL;
}

static bool make_folders(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	mkdir(path, 0700);
	return access(path, W_OK) == 0;
}

/* The recording as other runs of the viewer know it; NULL where it cannot be one line. */
static char *file_key(const struct app *app)
{
	char *path = realpath(app->path, NULL);

	if (path && strpbrk(path, "\n\r")) {
		free(path);
		return NULL;
	}
	return path;
}

static char *state_read(void)
{
	char *folder = state_folder(), *name = NULL, *text = calloc(1, STATE_BYTES_MOST + 1);
	FILE *in = NULL;
	size_t bytes = 0;

	if (folder && asprintf(&name, "%s/viewer", folder) >= 0)
		in = fopen(name, "re");
	if (in && text)
		bytes = fread(text, 1, STATE_BYTES_MOST, in);
	for (size_t i = 0; i < bytes; i++)
		if (!text[i])
			text[i] = '\n';
	if (in)
		fclose(in);
	free(name);
	free(folder);
	return text;
}

/* --- what was ------------------------------------------------------------------------------ */

static int view_find(const struct app *app, const char *noun)
{
	for (int i = 0; i < app_view_count(app); i++)
		if (strcmp(app->views[i].class->noun, noun) == 0)
			return i;
	return -1;
}

/* Is the value about these rows? What follows their noun, which may have blanks. */
static char *value_about(char *value, const char *noun)
{
	size_t length = strlen(noun);

	return strncmp(value, noun, length) == 0 && value[length] == ' ' ? value + length + 1 : NULL;
}

static struct look *look_about(struct app *app, char **value)
{
	for (int i = 0; i < LOOKS; i++) {
		char *rest = value_about(*value, app->looks[i].class->noun);

		if (rest && app->looks[i].class->columns) {
			*value = rest;
			return &app->looks[i];
		}
	}
	return NULL;
}

static int column_find(const struct look *look, const char *id)
{
	for (int i = 0; i < look->class->column_count; i++)
		if (strcmp(look->class->columns[i].id, id) == 0)
			return i;
	return -1;
}

/* "kernels total" or "kernels total reverse" */
static void take_order(struct app *app, char *value)
{
	struct look *look = look_about(app, &value);
	char *column = strsep(&value, " ");

	if (!look || column_find(look, column) < 0)
		return;
	look->sort = column_find(look, column);
	look->reverse = value && strcmp(value, "reverse") == 0;
}

/* "kernels -deviation +name": hidden and shown ones */
static void take_columns(struct app *app, char *value)
{
	struct look *look = look_about(app, &value);
	char *word;

	while (look && (word = strsep(&value, " ")))
		if (*word && column_find(look, word + 1) >= 0)
			look->choice[column_find(look, word + 1)] =
				*word == '+' ? COLUMN_SHOWN : *word == '-' ? COLUMN_HIDDEN : COLUMN_BY_ITSELF;
}

static void take_filter(struct app *app, char *value)
{
	for (int i = 0; i < app_view_count(app); i++) {
		const char *filter = value_about(value, app->views[i].class->noun);

		if (filter && app->views[i].class->columns)
			snprintf(app->views[i].grid.filter, GRID_WORD_MAX, "%s", filter);
	}
}

static void take_theme(struct app *app, const char *name)
{
	for (int i = 0; !app->theme_is_given && i < THEME_COUNT; i++)
		if (strcmp(theme_names[i], name) == 0)
			draw_theme((enum theme)i);
}

static void take_line(struct app *app, const char *key, char *value)
{
	if (strcmp(key, "theme") == 0)
		take_theme(app, value);
	else if (strcmp(key, "sort") == 0)
		take_order(app, value);
	else if (strcmp(key, "columns") == 0)
		take_columns(app, value);
	else if (strcmp(key, "filter") == 0)
		take_filter(app, value);
	else if (strcmp(key, "view") == 0 && !app->diff && view_find(app, value) >= 0)
		app->current = view_find(app, value);
	else if (strcmp(key, "scope") == 0 && strlen(value) < sizeof(app->last_scope))
		strcpy(app->last_scope, value);
}

void app_remember(struct app *app)
{
	char *text = state_read(), *rest = text, *file = file_key(app), *line;
	bool is_ours = true;	/* before the first file */

	while (text && (line = strsep(&rest, "\n"))) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(line, "file") == 0)
			is_ours = file && !app->program && strcmp(value, file) == 0;
		else if (is_ours)
			take_line(app, line, value);
	}
	for (int i = 0; i < VIEW_COUNT; i++)
		app_take_look(app, &app->views[i]);
	free(file);
	free(text);
	app_open_timeline(app);
}

/* The first screen must not wait for a filter to be counted. */
void app_resume_scope(struct app *app)
{
	struct scope scope;
	char why[256];

	if (!app->last_scope[0] || !app->snapshot)
		return;
	if (scope_parse(app->last_scope, &scope, why, sizeof(why)) == 0) {
		app_scope_show(app, app->last_scope);
		app_message(app, COLOR_OF_WARN, "filters of the last time are set; X removes them");
		scope_free(&scope);
	}
	app->last_scope[0] = '\0';
}

/* --- what is ------------------------------------------------------------------------------- */

static void write_look(FILE *out, const struct look *look)
{
	const struct view_class *class = look->class;
	int chosen = 0;

	if (!class->columns || class->is_tree)
		return;
	if (look->sort != class->sort || look->reverse)
		fprintf(out, "sort %s %s%s\n", class->noun, class->columns[look->sort].id,
			look->reverse ? " reverse" : "");
	for (int i = 0; i < class->column_count; i++)
		if (look->choice[i] != COLUMN_BY_ITSELF) {
			if (!chosen++)
				fprintf(out, "columns %s", class->noun);
			fprintf(out, " %c%s", look->choice[i] == COLUMN_SHOWN ? '+' : '-',
				class->columns[i].id);
		}
	if (chosen)
		fputc('\n', out);
}

static void write_own(struct app *app, FILE *out, const char *file)
{
	char *scope = scope_text(&app->scope);

	fprintf(out, "theme %s\n", theme_names[draw_current_theme()]);
	for (int i = 0; i < VIEW_COUNT; i++) {
		app_keep_look(app, &app->views[i]);
		if (app->is_below[i])
			app_keep_look(app, &app->below[i]);
	}
	for (int i = 0; i < LOOKS; i++)
		write_look(out, &app->looks[i]);
	if (file) {
		fprintf(out, "file %s\nview %s\n", file, app->views[app->current].class->noun);
		for (int i = 0; i < VIEW_COUNT; i++)
			if (app->views[i].grid.filter[0])
				fprintf(out, "filter %s %s\n", app->views[i].class->noun,
					app->views[i].grid.filter);
		if (scope && *scope && !strpbrk(scope, "\n\r"))
			fprintf(out, "scope %s\n", scope);
	}
	free(scope);
}

/* What the state says of other recordings, the latest first. */
static void write_others(FILE *out, const char *text, const char *file)
{
	int files = 1;
	bool keeps = false;

	while (*text) {
		int length = (int)strcspn(text, "\n");

		if (strncmp(text, "file ", 5) == 0)
			keeps = ++files <= FILES_MOST &&
				!(file && (size_t)length == strlen(file) + 5 &&
				  strncmp(text + 5, file, strlen(file)) == 0);
		if (keeps && length)
			fprintf(out, "%.*s\n", length, text);
		text += length + (text[length] == '\n');
	}
}

/* Under another name first: whoever reads meanwhile, or after a crash, sees the old or the new. */
void app_save_state(struct app *app)
{
	char *folder = state_folder(), *text = state_read(), *file = file_key(app);
	char *name = NULL, *draft = NULL;
	FILE *out = NULL;
	int fd = -1;
	bool written;

	if (folder && text && make_folders(folder) &&
	    asprintf(&name, "%s/viewer", folder) >= 0 &&
	    asprintf(&draft, "%s/viewer.XXXXXX", folder) >= 0)
		fd = mkstemp(draft);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out) {
		write_own(app, out, file);
		write_others(out, text, file);
		written = fflush(out) == 0 && fsync(fd) == 0;
		if (fclose(out) != 0 || !written || rename(draft, name) != 0)
			unlink(draft);
	} else if (fd >= 0) {
		close(fd);
		unlink(draft);
	}
	free(draft);
	free(name);
	free(file);
	free(text);
	free(folder);
}
