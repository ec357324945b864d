/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: exit codes, messages, and where gputrail's own files are. */
#ifndef GPUTRAIL_CMD_CMD_H
#define GPUTRAIL_CMD_CMD_H

#include <stddef.h>

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	/* the work could not be done */
	EXIT_USAGE = 2,		/* wrong options */
	EXIT_INPUT = 3,		/* input missing, unreadable or not ours */
	EXIT_CONDITION = 4,	/* a condition of diff --fail-if holds */
	EXIT_NOTHING = 77,	/* nothing to profile: no CUDA driver */
};

#define COMMAND(name, help) int cmd_##name(int argc, char **argv);
#include "cmd/commands.def"
#undef COMMAND

/* "gputrail: COMMAND: message" to stderr in one write; advice, if any, on a second line. */
void message(const char *command, const char *advice, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Path of one of gputrail's own files, for running installed and from the build tree alike:
 * next to the executable's build folder first, else below the installation.
 *   FILE_SHIM           libprofile.so
 *   FILE_SIM_DIR        folder with the simulated libcuda.so.1, libcudart, libcupti
 *   FILE_DEMO           the C demo server
 *   FILE_DEMO_PYTHON    the Python demo server
 * Returns 0, or -1 if it is not there (path then holds where it was looked for).
 */
enum own_file { FILE_SHIM, FILE_SIM_DIR, FILE_DEMO, FILE_DEMO_PYTHON };
int own_file(enum own_file which, char *path, size_t path_bytes);

#endif
