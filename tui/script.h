/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and commands played instead of typed: docs/viewer.md describes them. */
#ifndef GPUTRAIL_TUI_SCRIPT_H
#define GPUTRAIL_TUI_SCRIPT_H

#include <stddef.h>

enum script_kind { SCRIPT_END, SCRIPT_KEY, SCRIPT_SCREEN, SCRIPT_RELOAD, SCRIPT_SIZE, SCRIPT_CLICK,
		   SCRIPT_WHEEL };

struct script_step {
	enum script_kind kind;
	int key, x, y;
	char *file;
};

struct script {
	struct script_step *steps;
	size_t count, next;
};

/* Adds the steps written in `text`; -1: *error (caller frees) says what is wrong with it. */
int script_parse(struct script *script, const char *text, char **error);
int script_read(struct script *script, const char *path, char **error);
void script_free(struct script *script);
/* The next step; SCRIPT_END when all are done. */
const struct script_step *script_next(struct script *script);

#endif
