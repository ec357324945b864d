/* SPDX-License-Identifier: Apache-2.0 */
/* The file of gputrail export --sqlite: written beside its name first, so that it is whole or not there. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/export_tables.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/outfile.h"
#include "cmd/progress.h"
#include "collector/nsys_tables.h"

static bool go_on(void *progress, const char *table, uint64_t rows)
{
	progress_phase(progress, table, rows, 0);
	return !interrupt_came();
}

/* What SQLite kept beside a file that was there before it would take for the new one's. */
static void leftovers_remove(const char *output)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (snprintf(path, sizeof(path), "%s%s", output, suffixes[i]) < (int)sizeof(path))
			unlink(path);
}

int export_tables(const char *input, const char *output, bool force)
{
	struct progress progress;
	struct nsys_tables_watch watch = { go_on, &progress };
	char path[PATH_MAX], *error;
	bool written;

	if (!outfile_usable("export", input, output, force))
		return EXIT_FAILED;
	if (snprintf(path, sizeof(path), "%s.export-%d", output, (int)getpid()) >= (int)sizeof(path)) {
		message("export", NULL, "the name of the output is too long");
		return EXIT_FAILED;
	}
	progress_start(&progress, "tables");
	written = nsys_tables_write(input, path, &watch, &error);
	progress_finish(&progress);
	if (!written) {
		message("export", interrupt_came() ? NULL : "is there room, and permission to write?",
			"cannot write '%s': %s", output, error ? error : "out of memory");
		free(error);
		return EXIT_FAILED;
	}
	leftovers_remove(output);
	if (rename(path, output) == 0)
		return EXIT_OK;
	message("export", NULL, "cannot write '%s': %s", output, strerror(errno));
	unlink(path);
	return EXIT_FAILED;
}
