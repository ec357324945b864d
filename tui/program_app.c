/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is recorded while the viewer shows it: its end, its output, and leaving it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_BYTES	(64 << 10)	/* of the end of the log that are shown */

enum leaving { LEAVE_STAY, LEAVE_DETACH, LEAVE_STOP, LEAVE_KILL };

static const struct {
	const char *label, *text;
} choices[] = {
	[LEAVE_STAY] = { "Stay", "go on looking" },
	[LEAVE_DETACH] = { "Leave", "leave the viewer; the program runs on and is recorded to its end" },
	[LEAVE_STOP] = { "Stop", "end the program, as ^C would, and stay to look at the recording" },
	[LEAVE_KILL] = { "Kill", "end it by force" },
};

static bool is_running(const struct app *app)
{
	return app->program && !app->program_ended;
}

void app_leave(struct app *app)
{
	char title[128];

	if (!is_running(app)) {
		app->quit = true;
		return;
	}
	popup_free(&app->popup);
	snprintf(title, sizeof(title), "%s is still running", app->program->name);
	popup_init(&app->popup, title, LEAVE_STAY);
	for (int i = 0; i < COUNT_OF(choices); i++)
		popup_add(&app->popup, COLOR_OF_TEXT, choices[i].label, choices[i].text);
	app->mode = MODE_POPUP;
	app->popup_for = ACTION_QUIT;
}

void app_choose_leaving(struct app *app, int choice)
{
	if (!is_running(app))
		return;
	if (choice == LEAVE_DETACH) {
		app->quit = true;
	} else if (choice == LEAVE_STOP || choice == LEAVE_KILL) {
		app->program->stop(app->program->arg, choice == LEAVE_KILL);
		app_message(app, COLOR_OF_WARN, "%s was told to end", app->program->name);
	}
}

/* --- its output ---------------------------------------------------------------------------- */

static void add_lines(struct popup *popup, char *text)
{
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		popup_add(popup, COLOR_OF_TEXT, "", line);
	}
}

void app_show_log(struct app *app)
{
	FILE *file = app->program ? fopen(app->program->log, "re") : NULL;
	char *text = file ? calloc(1, LOG_BYTES + 1) : NULL;
	char title[128];
	size_t got;

	if (!text) {
		app_message(app, COLOR_OF_WARN, "there is no log: it is kept by 'gputrail record --tui'");
		if (file)
			fclose(file);
		return;
	}
	if (fseek(file, -LOG_BYTES, SEEK_END) < 0)
		rewind(file);
	got = fread(text, 1, LOG_BYTES, file);
	for (size_t i = 0; i < got; i++)
		text[i] = text[i] ? text[i] : ' ';
	fclose(file);
	app->log_bytes = app_log_size(app);
	popup_free(&app->popup);
	snprintf(title, sizeof(title), "Output of %s", app->program->name);
	popup_init(&app->popup, title, -1);
	add_lines(&app->popup, text);
	free(text);
	if (!app->popup.count)
		popup_add(&app->popup, COLOR_OF_DIM, "", "it has written nothing yet");
	app->popup.top = INT_MAX / 2;	/* drawing takes the last there is */
	app->mode = MODE_POPUP;
	app->popup_for = ACTION_LOG;
}

int64_t app_log_size(const struct app *app)
{
	struct stat status;

	return app->program && stat(app->program->log, &status) == 0 ? status.st_size : -1;
}

void app_refresh_program(struct app *app)
{
	char how[128];

	if (!app->program)
		return;
	if (app->mode == MODE_POPUP && app->popup_for == ACTION_LOG &&
	    app->popup.top >= app->popup.rows - app->popup.page && app_log_size(app) != app->log_bytes)
		app_show_log(app);	/* follows its end, unless somebody scrolled back */
	if (app->program_ended || !app->program->ended(app->program->arg, how, sizeof(how)))
		return;
	app->program_ended = true;
	loader_ask(app->loader);
	if (app->mode == MODE_POPUP && app->popup_for == ACTION_QUIT)
		app->mode = MODE_VIEW;		/* what it asks is no question any more */
	app_message(app, COLOR_OF_GOOD, "%s %s; the recording is complete", app->program->name, how);
}
