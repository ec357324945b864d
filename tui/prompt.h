/* SPDX-License-Identifier: Apache-2.0 */
/* One line of input at the bottom of the screen. */
#ifndef GPUTRAIL_TUI_PROMPT_H
#define GPUTRAIL_TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#define PROMPT_MAX 256

struct prompt {
	const char *label, *hint;
	wchar_t text[PROMPT_MAX];
	size_t length, cursor;
};

enum prompt_event { PROMPT_SAME, PROMPT_CHANGED, PROMPT_DONE, PROMPT_CANCELLED };

void prompt_init(struct prompt *prompt, const char *label, const char *hint, const char *text);
enum prompt_event prompt_key(struct prompt *prompt, int key);
void prompt_text(const struct prompt *prompt, char *out, size_t size);
/* Draws it on line y and leaves the terminal's cursor in it. */
void prompt_draw(const struct prompt *prompt, int y, int width);

#endif
