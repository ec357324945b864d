/* SPDX-License-Identifier: Apache-2.0 */
/* A window over the view: wrapped lines to scroll through, or a list to choose from. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/popup.h"

#include "tui/wide.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MOST	96
#define TEXT_MOST	16384	/* wide characters of one line's text */

void popup_init(struct popup *popup, const char *title, int selected)
{
	memset(popup, 0, sizeof(*popup));
	snprintf(popup->title, sizeof(popup->title), "%s", title);
	popup->selected = selected;
}

void popup_free(struct popup *popup)
{
	for (int i = 0; i < popup->count; i++)
		free(popup->lines[i].text);
	free(popup->lines);
	popup->lines = NULL;
	popup->count = 0;
}

void popup_add(struct popup *popup, enum color color, const char *label, const char *text)
{
	struct popup_line *lines, *line;
	char *copy = strdup(text ? text : "");

	lines = realloc(popup->lines, (size_t)(popup->count + 1) * sizeof(*lines));
	if (lines)
		popup->lines = lines;
	if (!lines || !copy) {
		free(copy);
		return;
	}
	line = &lines[popup->count++];
	snprintf(line->label, sizeof(line->label), "%s", label);
	line->text = copy;
	line->color = color;
}

/* How much of the text goes on one row: up to the last blank or comma that fits. */
static size_t wrap_at(const wchar_t *text, size_t length, int width)
{
	size_t first, fits, cut;
	int used, pad;

	fits = wide_slice(text, length, 0, width, &first, &used, &pad);
	if (fits == length || fits == 0)
		return fits ? fits : length;
	for (cut = fits; cut > fits / 2; cut--)
		if (text[cut - 1] == L' ' || text[cut - 1] == L',')
			return cut;
	return fits;
}

static int label_width(const struct popup *popup)
{
	int widest = 0;

	for (int i = 0; i < popup->count; i++)
		if ((int)strlen(popup->lines[i].label) > widest)
			widest = (int)strlen(popup->lines[i].label);
	return widest ? widest + 2 : 0;
}

static int text_width_of(const struct popup *popup, int label)
{
	int widest = (int)strlen(popup->title) + 4;

	for (int i = 0; i < popup->count; i++) {
		const struct popup_line *line = &popup->lines[i];
		int width = (*line->label ? label : 0) +
			    wide_utf8_width(line->text, draw_is_ascii());

		if (width > widest)
			widest = width;
	}
	if (widest > WIDTH_MOST)
		widest = WIDTH_MOST;
	return widest < COLS - 6 ? widest : COLS - 6;
}

/* Draws the rows of one line that lie in [top, top + page) of all rows; returns its rows. */
static int draw_line(const struct popup *popup, int index, int row, struct rect rect, int indent)
{
	const struct popup_line *line = &popup->lines[index];
	int label = *line->label ? indent : 0;
	bool selected = index == popup->selected;
	enum color color = selected ? COLOR_OF_SELECTED : line->color;
	wchar_t *text = malloc(TEXT_MOST * sizeof(*text));
	size_t length, at = 0;
	int rows = 0;

	if (!text)
		return 1;
	length = wide_decode(line->text, text, TEXT_MOST, draw_is_ascii());
	do {
		size_t part = wrap_at(text + at, length - at, rect.width - label);
		int y = row + rows - popup->top;

		if (y >= 0 && y < rect.height) {
			if (selected)
				draw_fill(rect.y + y, rect.x - 1, rect.width + 2, color);
			if (rows == 0 && label)
				draw_text(rect.y + y, rect.x, label, selected ? color : COLOR_OF_TITLES,
					  line->label);
			draw_cells(rect.y + y, rect.x + label, rect.width - label, color, text + at,
				   part, 0, NULL);
		}
		rows++;
		at += part;
	} while (at < length);
	free(text);
	return rows;
}

static int draw_lines(const struct popup *popup, struct rect rect, int label)
{
	int row = 0;

	for (int i = 0; i < popup->count; i++)
		row += draw_line(popup, i, row, rect, label);
	return row;
}

void popup_draw(struct popup *popup)
{
	int label = label_width(popup), width = text_width_of(popup, label), height, last;
	struct rect inside = { 0, 0, 0, width };

	popup->rows = draw_lines(popup, inside, label);		/* only counts: no height */
	height = popup->rows < LINES - 4 ? popup->rows : LINES - 4;
	popup->page = height;
	if (popup->selected >= 0 && popup->selected < popup->top)
		popup->top = popup->selected;
	if (popup->selected >= popup->top + height)
		popup->top = popup->selected - height + 1;
	last = popup->rows - height;
	if (popup->top > last)
		popup->top = last;
	if (popup->top < 0)
		popup->top = 0;
	popup->rect = (struct rect){ (LINES - height - 2) / 2, (COLS - width - 4) / 2, height + 2,
				     width + 4 };
	draw_box(popup->rect, popup->title);
	inside = (struct rect){ popup->rect.y + 1, popup->rect.x + 2, height, width };
	draw_lines(popup, inside, label);
	if (popup->rows > height)
		draw_textf(popup->rect.y + height + 1, popup->rect.x + 3, width, COLOR_OF_DIM,
			   " %d-%d of %d ", popup->top + 1, popup->top + height, popup->rows);
}

bool popup_act(struct popup *popup, enum action action)
{
	int *cursor = popup->selected >= 0 ? &popup->selected : &popup->top;
	int last = popup->selected >= 0 ? popup->count - 1 : popup->rows - popup->page;

	switch (action) {
	case ACTION_UP:
		--*cursor;
		break;
	case ACTION_DOWN:
		++*cursor;
		break;
	case ACTION_PAGE_UP:
		*cursor -= popup->page;
		break;
	case ACTION_PAGE_DOWN:
		*cursor += popup->page;
		break;
	case ACTION_FIRST:
		*cursor = 0;
		break;
	case ACTION_LAST:
		*cursor = last;
		break;
	default:
		return false;
	}
	if (*cursor > last)
		*cursor = last;
	if (*cursor < 0)
		*cursor = 0;
	return true;
}

int popup_line_at(const struct popup *popup, int y, int x)
{
	int line = y - popup->rect.y - 1 + popup->top;

	if (x <= popup->rect.x || x >= popup->rect.x + popup->rect.width - 1 ||
	    y <= popup->rect.y || y >= popup->rect.y + popup->rect.height - 1)
		return -1;
	return line < popup->count ? line : -1;
}
