/* SPDX-License-Identifier: Apache-2.0 */
/* Running a command under the collector: what `record` and `demo` have in common. */
#ifndef GPUTRAIL_CMD_RECORDING_H
#define GPUTRAIL_CMD_RECORDING_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "collector/control.h"

/* What a recording tells whoever waits for its begin. */
struct recording_begun {
	pid_t command;			/* which leads a process group of its own */
	char path[PATH_MAX];
};

struct recording {
	const char *name;		/* of the gputrail command, for messages */
	const char *output;		/* pattern: %p process id, %h host, %t time, %% */
	bool force;			/* replace an existing file */
	bool quiet;			/* no closing line */
	bool wait_primary;		/* do not wait for other processes of the tree */
	const char *simulate;		/* NULL: real driver; "": simulated, default device */
	const char *ring_bytes;		/* NULL: the shim's default */
	const char *callpath;		/* the same */
	struct control_options control;	/* what is taken and when */
	char *const *command;		/* NULL terminated */
	const char *const *environment;	/* NULL terminated NAME=VALUE, or NULL */
	/* Of recordings in the background, 0: none. Where the command's output goes; where a
	 * recording_begun is written when the command runs. */
	int command_output, tell;
};

/* Runs it to the end. Returns the exit code; dies of the signal the command died of. */
int recording_run(const struct recording *recording);

/* What --callpath takes; false: a message was printed. */
bool recording_take_callpath(struct recording *recording, const char *text);

/* Expands the pattern; 0, or -1 when it does not fit. */
int recording_path(const char *pattern, long pid, char *path, size_t path_bytes);

#endif
