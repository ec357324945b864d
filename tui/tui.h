/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer: what the command hands to it. */
#ifndef GPUTRAIL_TUI_TUI_H
#define GPUTRAIL_TUI_TUI_H

#include <stdbool.h>
#include <stddef.h>

struct run;

/* A program that is being recorded while the viewer shows its file. */
struct tui_program {
	const char *name;
	const char *log;		/* file with what it writes */
	/* True when it has ended; how: in words, "ended with exit code 0". */
	bool (*ended)(void *arg, char *how, size_t size);
	void (*stop)(void *arg, bool kills);
	void *arg;
};

struct tui_options {
	const char *path;
	const char *before;	/* recording to compare with, or NULL */
	const char *theme;	/* a name of draw.h's themes, or NULL: from the environment */
	const char *keys;	/* keys and commands to play first, or NULL */
	const char *script;	/* file with such keys, or NULL */
	const struct tui_program *program;	/* NULL: none */
	bool no_state;		/* neither remember nor be reminded */
	int ascii;		/* no line art and block elements: 1, or -1 from the locale */
};

enum tui_result {
	TUI_OK,
	TUI_FAILED,		/* *error says why */
	TUI_USAGE,		/* options, script or terminal unfit; *error says why */
};

/* Shows the run until the user quits; closes it. *error is the caller's to free. */
enum tui_result tui_run(struct run *run, const struct tui_options *options, char **error);

#endif
