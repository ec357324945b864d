/* SPDX-License-Identifier: Apache-2.0 */
/* Putting text on the screen: themes, clipped text, boxes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/draw.h"

#include "tui/wide.h"

#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const colors[COLOR_COUNT][THEME_COUNT] = {
#define COLOR(element, dark, light, blind, plain) \
	[COLOR_OF_##element] = { dark, light, blind, plain },
#include "tui/colors.def"
#undef COLOR
};
const char *const theme_names[THEME_COUNT] = { "dark", "light", "blind", "none" };

static attr_t attributes[COLOR_COUNT];
static enum theme current_theme;
static bool use_ascii;

/* The nearest of the eight basic colours, for terminals that have no more. */
static short basic_color(int color)
{
	int level, red, green, blue;

	if (color < 0 || color < 8)
		return (short)color;
	if (color < 16)
		return (short)(color - 8);
	if (color >= 232)
		return color >= 244 ? COLOR_WHITE : COLOR_BLACK;
	color -= 16;
	red = color / 36, green = color / 6 % 6, blue = color % 6;
	level = red > green ? red : green;
	level = level > blue ? level : blue;
	if (level == 0)
		return COLOR_BLACK;
	return (short)((red * 2 > level ? COLOR_RED : 0) | (green * 2 > level ? COLOR_GREEN : 0) |
		       (blue * 2 > level ? COLOR_BLUE : 0));
}

static short parse_color(const char **cursor)
{
	char *end;
	long color = -1;

	*cursor += strspn(*cursor, " ");
	if (**cursor == '-') {
		(*cursor)++;
		return -1;
	}
	color = strtol(*cursor, &end, 10);
	*cursor = end;
	return COLORS >= 256 ? (short)color : basic_color((int)color);
}

void draw_theme(enum theme theme)
{
	if (!has_colors())
		theme = THEME_NONE;
	current_theme = theme;
	for (int i = 0; i < COLOR_COUNT; i++) {
		const char *cursor = colors[i][theme];
		short foreground = parse_color(&cursor), background = parse_color(&cursor);

		attributes[i] = A_NORMAL;
		if (strstr(cursor, "bold"))
			attributes[i] |= A_BOLD;
		if (strstr(cursor, "underline"))
			attributes[i] |= A_UNDERLINE;
		if (strstr(cursor, "reverse"))
			attributes[i] |= A_REVERSE;
		if (foreground < 0 && background < 0)
			continue;
		/* Eight colours cannot tell a bar's background from the text on it. */
		if (COLORS < 256 && foreground == background)
			foreground = background == COLOR_BLACK ? COLOR_WHITE : COLOR_BLACK;
		if (COLORS < 256 && foreground == COLOR_BLACK && background < 0) {
			foreground = -1;	/* dark grey is not among the eight */
			attributes[i] |= A_DIM;
		}
		init_pair((short)(i + 1), foreground, background);
		attributes[i] |= (attr_t)COLOR_PAIR(i + 1);
	}
}

enum theme draw_current_theme(void)
{
	return current_theme;
}

void draw_set_ascii(bool ascii)
{
	use_ascii = ascii;
}

bool draw_is_ascii(void)
{
	return use_ascii;
}

void draw_fill(int y, int x, int width, enum color color)
{
	attrset((int)attributes[color]);
	for (int i = 0; i < width; i++)
		mvaddch(y, x + i, ' ');
}

static void put(int y, int x, const wchar_t *text, size_t length)
{
	if (length)
		mvaddnwstr(y, x, text, (int)length);
}

static void mark_matches(int y, int x, const wchar_t *text, size_t length, size_t first,
			 size_t shown, const struct draw_match *match)
{
	long at = wide_find(text, length, 0, match->needle, match->length);

	attrset((int)attributes[match->color]);
	while (at >= 0) {
		size_t from = (size_t)at < first ? first : (size_t)at;
		size_t to = (size_t)at + match->length;

		if (to > first + shown)
			to = first + shown;
		if (from < to)
			put(y, x + wide_width(text + first, from - first), text + from, to - from);
		at = wide_find(text, length, (size_t)at + match->length, match->needle, match->length);
	}
}

int draw_cells(int y, int x, int width, enum color color, const wchar_t *text, size_t length,
	       int skip, const struct draw_match *match)
{
	const wchar_t *ellipsis = use_ascii ? L"~" : L"\u2026";
	int total = wide_width(text, length), used, pad;
	size_t first, shown;

	if (width <= 0 || y < 0 || y >= LINES || x >= COLS)
		return 0;
	if (x + width > COLS)
		width = COLS - x;
	shown = wide_slice(text, length, skip, width, &first, &used, &pad);
	attrset((int)attributes[color]);
	put(y, x + pad, text + first, shown);
	if (match && match->length)
		mark_matches(y, x + pad, text, length, first, shown, match);
	attrset((int)attributes[color]);
	if (skip > 0 && total > 0)
		put(y, x, ellipsis, 1);
	if (total - skip > width) {
		if (used < width)	/* half a wide character did not fit */
			mvaddch(y, x + used, ' ');
		put(y, x + width - 1, ellipsis, 1);
		return width;
	}
	return used;
}

int draw_text(int y, int x, int width, enum color color, const char *utf8)
{
	wchar_t text[WIDE_MAX];

	return draw_cells(y, x, width, color, text, wide_decode(utf8, text, WIDE_MAX, use_ascii), 0,
			  NULL);
}

int draw_textf(int y, int x, int width, enum color color, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return draw_text(y, x, width, color, text);
}

int draw_right(int y, int x, int width, enum color color, const char *utf8)
{
	int used = wide_utf8_width(utf8, use_ascii);

	if (used > width)
		used = width;
	return draw_text(y, x + width - used, used, color, utf8);
}

void draw_horizontal(int y, int x, int width, enum color color)
{
	attrset((int)attributes[color]);
	for (int i = 0; i < width; i++)
		mvaddwstr(y, x + i, use_ascii ? L"-" : L"\u2500");
}

void draw_box(struct rect rect, const char *title)
{
	static const wchar_t *const art[2][6] = {
		{ L"\u256d", L"\u256e", L"\u2570", L"\u256f", L"\u2500", L"\u2502" },
		{ L"+", L"+", L"+", L"+", L"-", L"|" },
	};
	const wchar_t *const *line = art[use_ascii];
	int bottom = rect.y + rect.height - 1, right = rect.x + rect.width - 1;

	for (int y = rect.y; y <= bottom; y++) {
		bool edge = y == rect.y || y == bottom;

		draw_fill(y, rect.x, rect.width, COLOR_OF_TEXT);
		attrset((int)attributes[COLOR_OF_BORDER]);
		for (int x = rect.x + 1; edge && x < right; x++)
			mvaddwstr(y, x, line[4]);
		mvaddwstr(y, rect.x, y == rect.y ? line[0] : y == bottom ? line[2] : line[5]);
		mvaddwstr(y, right, y == rect.y ? line[1] : y == bottom ? line[3] : line[5]);
	}
	if (title && *title) {
		int used = draw_text(rect.y, rect.x + 3, rect.width - 6, COLOR_OF_STRONG, title);

		mvaddch(rect.y, rect.x + 2, ' ');
		mvaddch(rect.y, rect.x + 3 + used, ' ');
	}
}

void draw_attribute(enum color color)
{
	attrset((int)attributes[color]);
}

void draw_block(int y, int x, int width, enum color color, const char *utf8)
{
	wchar_t text[WIDE_MAX];
	size_t length = wide_decode(utf8, text, WIDE_MAX, use_ascii);
	attr_t attribute = attributes[color];

	attributes[color] ^= A_REVERSE;
	draw_fill(y, x, width, color);
	mvaddwstr(y, x, use_ascii ? L"|" : L"\u258f");
	if (width > 1 + (use_ascii ? 0 : 1))
		draw_cells(y, x + 1, width - 1, color, text, length, 0, NULL);
	if (use_ascii)
		for (int i = wide_width(text, length) + 1; i < width; i++)
			mvaddch(y, x + i, '=');
	attributes[color] = attribute;
}

void draw_recolor(int y, int x, int width, enum color color)
{
	mvchgat(y, x, width, attributes[color] & ~(attr_t)A_COLOR,
		(short)PAIR_NUMBER(attributes[color]), NULL);
}

void draw_read_line(int y, char *out, size_t size)
{
	wchar_t line[2048];
	size_t length = 0;
	mbstate_t state;

	*out = '\0';
	if (mvinnwstr(y, 0, line, 2047) == ERR)
		return;
	memset(&state, 0, sizeof(state));
	for (const wchar_t *w = line; *w && length + MB_CUR_MAX < size; w++) {
		size_t n = wcrtomb(out + length, *w, &state);

		if (n != (size_t)-1)
			length += n;
	}
	while (length && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
}
