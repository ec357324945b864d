/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what a view shows to a file. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/app.h"

#include "analysis/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Rows written without the titles, or -1. */
static long write_view(struct app *app, FILE *out)
{
	struct view *view = app_view(app);
	struct csv csv = { .out = out };

	if (view->class->columns)
		return grid_write_csv(&view->grid, out) ? (long)view->grid.shown : -1;
	view->class->write_csv(view, app->snapshot, &csv);
	return fflush(out) == 0 && !ferror(out) ? (long)csv.lines - 1 : -1;
}

void app_export(struct app *app, const char *path)
{
	int fd = *path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	long rows;

	if (!*path)
		return;
	if (!out) {
		app_message(app, COLOR_OF_BAD, "%s: %s", path,
			    errno == EEXIST ? "exists already; give another name" : strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	rows = write_view(app, out);
	if (fclose(out) != 0)
		rows = -1;
	if (rows >= 0)
		app_message(app, COLOR_OF_GOOD, "wrote %ld row%s to %s", rows, rows == 1 ? "" : "s", path);
	else
		app_message(app, COLOR_OF_BAD, "%s: %s", path, strerror(errno));
}
