/* SPDX-License-Identifier: Apache-2.0 */
/* Putting text, bars and charts on the screen: the only place that knows colours and line art. */
#ifndef GPUTRAIL_TUI_DRAW_H
#define GPUTRAIL_TUI_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

enum color {
#define COLOR(element, dark, light, blind, plain) COLOR_OF_##element,
#include "tui/colors.def"
#undef COLOR
	COLOR_COUNT
};

enum theme { THEME_DARK, THEME_LIGHT, THEME_BLIND, THEME_NONE, THEME_COUNT };
extern const char *const theme_names[THEME_COUNT];

struct rect {
	int y, x, height, width;
};

/* After the terminal is set up, and whenever the theme changes. */
void draw_theme(enum theme theme);
enum theme draw_current_theme(void);
void draw_set_ascii(bool ascii);
bool draw_is_ascii(void);

/* Sets the attributes for what is put next by curses' own calls. */
void draw_attribute(enum color color);
void draw_fill(int y, int x, int width, enum color color);
/* Text cut to `width` cells, with an ellipsis where it was cut; returns the cells taken. */
int draw_text(int y, int x, int width, enum color color, const char *utf8);
int draw_textf(int y, int x, int width, enum color color, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
int draw_right(int y, int x, int width, enum color color, const char *utf8);

/* Decoded text scrolled by `skip` cells, with the occurrences of `needle` marked. */
struct draw_match {
	const wchar_t *needle;
	size_t length;
	enum color color;
};
int draw_cells(int y, int x, int width, enum color color, const wchar_t *text, size_t length,
	       int skip, const struct draw_match *match);

void draw_horizontal(int y, int x, int width, enum color color);
void draw_box(struct rect rect, const char *title);

/* A bar of `share` (0..1) of the width in eighths of a cell; the rest stays blank. */
void draw_bar(int y, int x, int width, enum color color, double share);
/* Several parts behind each other, and what is left in COLOR_OF_IDLE. */
struct draw_part {
	double share;
	enum color color;
};
void draw_parts(int y, int x, int width, const struct draw_part *parts, int count);
/* A stretch of something with its name on it, as far as that has room. */
void draw_block(int y, int x, int width, enum color color, const char *utf8);
/* A column of cells filled from below by `share`, y its upper end; a letter instead where colours
 * cannot tell what it is. */
void draw_level(int y, int x, int height, enum color color, double share, char letter);
/* Gives a cell that has been drawn another colour. */
void draw_recolor(int y, int x, int width, enum color color);
/* Columns of values 0..1 from the bottom of the rectangle up. */
void draw_chart(struct rect rect, enum color color, const double *values);

/* The line of the screen as text without trailing blanks, in UTF-8; `out` holds 8 bytes a cell. */
void draw_read_line(int y, char *out, size_t size);

#endif
