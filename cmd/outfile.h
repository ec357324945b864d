/* SPDX-License-Identifier: Apache-2.0 */
/* The file that an export writes: never over another unasked, never half of one. */
#ifndef GPUTRAIL_CMD_OUTFILE_H
#define GPUTRAIL_CMD_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/analysis.h"

struct outfile {
	FILE *out;
	const char *path;		/* NULL: standard output */
};

/* path NULL or "-" is standard output; a name that ends in .gz is compressed. False: a message
 * was printed. */
bool outfile_open(struct outfile *file, const char *path, bool force);
/* `result` is what the writer returned: 0, -1 with run_error(), or positive when it could not
 * write. Says what is wrong, removes half a file, and returns an exit code. */
int outfile_close(struct outfile *file, const struct run *run, int result);
/* Whether a file made of `input` may be put at `output`, in place of what is there; says why not. */
bool outfile_usable(const char *command, const char *input, const char *output, bool force);
/* Whether nobody records into the database at `path`; says who does. */
bool outfile_idle(const char *command, const char *path);
/* What SQLite kept beside a file that is replaced it would take for the new one's. */
void outfile_leftovers_remove(const char *path);

#endif
