/* SPDX-License-Identifier: Apache-2.0 */
/* A window over the view: wrapped lines to scroll through, or a list to choose from. */
#ifndef GPUTRAIL_TUI_POPUP_H
#define GPUTRAIL_TUI_POPUP_H

#include "tui/draw.h"
#include "tui/keys.h"

struct popup {
	char title[128];
	struct popup_line {
		char label[24];
		char *text;
		enum color color;
	} *lines;
	int count;
	int top, rows, page;	/* wrapped rows: first shown, all, on the screen */
	int selected;		/* line chosen, or -1: nothing to choose */
	struct rect rect;	/* where it was drawn */
};

void popup_init(struct popup *popup, const char *title, int selected);
void popup_free(struct popup *popup);
void popup_add(struct popup *popup, enum color color, const char *label, const char *text);
void popup_draw(struct popup *popup);
/* Moves or scrolls; false: the action was none of these. */
bool popup_act(struct popup *popup, enum action action);
/* The line under a cell of the screen, or -1. */
int popup_line_at(const struct popup *popup, int y, int x);

#endif
