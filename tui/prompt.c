/* SPDX-License-Identifier: Apache-2.0 */
/* One line of input at the bottom of the screen. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/prompt.h"

#include "tui/draw.h"
#include "tui/keys.h"
#include "tui/wide.h"

#include <curses.h>
#include <string.h>
#include <limits.h>

void prompt_init(struct prompt *prompt, const char *label, const char *hint, const char *text)
{
	memset(prompt, 0, sizeof(*prompt));
	prompt->label = label;
	prompt->hint = hint;
	prompt->length = wide_decode(text, prompt->text, PROMPT_MAX - 1, false);
	prompt->cursor = prompt->length;
}

static bool cut(struct prompt *prompt, size_t from, size_t to)
{
	if (from >= to)
		return false;
	memmove(prompt->text + from, prompt->text + to,
		(prompt->length - to) * sizeof(*prompt->text));
	prompt->length -= to - from;
	prompt->cursor = from;
	return true;
}

static size_t word_start(const struct prompt *prompt)
{
	size_t at = prompt->cursor;

	while (at && prompt->text[at - 1] == L' ')
		at--;
	while (at && prompt->text[at - 1] != L' ')
		at--;
	return at;
}

static bool insert(struct prompt *prompt, int key)
{
	if (key < ' ' || key >= KEY_CODE(0) || wcwidth((wchar_t)key) < 1 ||
	    prompt->length + 1 >= PROMPT_MAX)
		return false;
	memmove(prompt->text + prompt->cursor + 1, prompt->text + prompt->cursor,
		(prompt->length - prompt->cursor) * sizeof(*prompt->text));
	prompt->text[prompt->cursor++] = (wchar_t)key;
	prompt->length++;
	return true;
}

enum prompt_event prompt_key(struct prompt *prompt, int key)
{
	size_t cursor = prompt->cursor;
	bool changed = false;

	switch (key) {
	case KEY_RETURN:
		return PROMPT_DONE;
	case KEY_ESCAPE:
	case 'C' - '@':
		return PROMPT_CANCELLED;
	case KEY_CODE(KEY_LEFT):
		prompt->cursor -= cursor > 0;
		break;
	case KEY_CODE(KEY_RIGHT):
		prompt->cursor += cursor < prompt->length;
		break;
	case KEY_CODE(KEY_HOME):
	case 'A' - '@':
		prompt->cursor = 0;
		break;
	case KEY_CODE(KEY_END):
	case 'E' - '@':
		prompt->cursor = prompt->length;
		break;
	case KEY_RUBOUT:
		changed = cursor > 0 && cut(prompt, cursor - 1, cursor);
		break;
	case KEY_CODE(KEY_DC):
		changed = cursor < prompt->length && cut(prompt, cursor, cursor + 1);
		break;
	case 'U' - '@':
		changed = cut(prompt, 0, cursor);
		break;
	case 'W' - '@':
		changed = cut(prompt, word_start(prompt), cursor);
		break;
	default:
		changed = insert(prompt, key);
		break;
	}
	return changed ? PROMPT_CHANGED : PROMPT_SAME;
}

void prompt_text(const struct prompt *prompt, char *out, size_t size)
{
	mbstate_t state;
	size_t length = 0;

	memset(&state, 0, sizeof(state));
	for (size_t i = 0; i < prompt->length && length + MB_LEN_MAX < size; i++) {
		size_t n = wcrtomb(out + length, prompt->text[i], &state);

		if (n != (size_t)-1)
			length += n;
	}
	out[length] = '\0';
}

void prompt_draw(const struct prompt *prompt, int y, int width)
{
	int label, room, before = wide_width(prompt->text, prompt->cursor), skip;

	draw_fill(y, 0, width, COLOR_OF_TEXT);
	label = draw_text(y, 0, width / 2, COLOR_OF_PROMPT, prompt->label);
	room = width - label - 1;
	skip = before >= room ? before - room + 1 : 0;
	draw_cells(y, label, room, COLOR_OF_TEXT, prompt->text, prompt->length, skip, NULL);
	if (!prompt->length)
		draw_text(y, label + 1, room - 1, COLOR_OF_DIM, prompt->hint);
	move(y, label + before - skip);
}
