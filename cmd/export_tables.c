/* SPDX-License-Identifier: Apache-2.0 */
/* The file of gputrail export --sqlite: written beside its name first, so that it is whole or not there. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/export_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/internal.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/outfile.h"
#include "cmd/progress.h"
#include "collector/nsys_tables.h"

static void tell(void *progress, const char *table, uint64_t rows)
{
	progress_phase(progress, table, rows, 0);
}

static int refuse(const char *output, const char *why)
{
	message("export", NULL, "cannot write '%s': %s", output, why);
	return EXIT_FAILED;
}

/* 0, or an exit code when a message was printed. */
static int tables_write(struct run *run, const char *path, const char *output)
{
	struct progress progress;
	struct nsys_tables_watch watch = { tell, &progress };
	char *error = NULL;
	bool written;

	if (run_freeze(run) < 0) {
		message("export", NULL, "%s", run_error(run));
		return EXIT_INPUT;
	}
	progress_start(&progress, "tables");
	written = nsys_tables_write(run->db, path, &watch, &error);
	progress_finish(&progress);
	run_thaw(run);
	if (!written)
		refuse(output, interrupt_came() ? "interrupted" : error ? error : "out of memory");
	free(error);
	return written ? EXIT_OK : EXIT_FAILED;
}

int export_tables(struct run *run, const char *input, const char *output, bool force)
{
	char path[PATH_MAX];
	int fd, result;

	if (!outfile_usable("export", input, output, force))
		return EXIT_FAILED;
	if (snprintf(path, sizeof(path), "%s.export-%d", output, (int)getpid()) >= (int)sizeof(path))
		return refuse(output, "its name is too long");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return refuse(output, strerror(errno));
	close(fd);
	result = tables_write(run, path, output);
	if (result == EXIT_OK) {
		outfile_leftovers_remove(output);
		if (rename(path, output) < 0)
			result = refuse(output, strerror(errno));
	}
	if (result != EXIT_OK)
		unlink(path);
	return result;
}
