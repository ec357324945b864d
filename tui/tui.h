/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer: what the command hands to it. */
#ifndef GPUTRAIL_TUI_TUI_H
#define GPUTRAIL_TUI_TUI_H

struct run;

struct tui_options {
	const char *path;
	const char *theme;	/* a name of draw.h's themes, or NULL: from the environment */
	const char *keys;	/* keys and commands to play first, or NULL */
	const char *script;	/* file with such keys, or NULL */
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
