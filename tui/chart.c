/* SPDX-License-Identifier: Apache-2.0 */
/* Bars and charts made of block elements, or of ASCII where there are none. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/draw.h"

#include <curses.h>

static const wchar_t *const left_eighths[9] = {
	L" ", L"\u258f", L"\u258e", L"\u258d", L"\u258c", L"\u258b", L"\u258a", L"\u2589", L"\u2588",
};
static const wchar_t *const low_eighths[9] = {
	L" ", L"\u2581", L"\u2582", L"\u2583", L"\u2584", L"\u2585", L"\u2586", L"\u2587", L"\u2588",
};
/* ASCII has three heights a cell can show: nothing, low, full. */
static const wchar_t *const low_ascii[9] = {
	L" ", L".", L".", L".", L":", L":", L":", L"#", L"#",
};

static double clamp(double value)
{
	return value > 1 ? 1 : value > 0 ? value : 0;	/* NaN becomes 0 */
}

/* Eighths of `cells`; something that is not nothing shows at least one. */
static int eighths_of(double share, int cells)
{
	int eighths = (int)(clamp(share) * cells * 8 + 0.5);

	return eighths == 0 && share > 0 ? 1 : eighths;
}

void draw_bar(int y, int x, int width, enum color color, double share)
{
	int eighths = eighths_of(share, width);

	draw_attribute(color);
	for (int i = 0; i < width; i++, eighths -= 8) {
		int part = eighths > 8 ? 8 : eighths > 0 ? eighths : 0;

		if (draw_is_ascii())
			mvaddwstr(y, x + i, part >= 4 || (i == 0 && part) ? L"|" : L" ");
		else
			mvaddwstr(y, x + i, left_eighths[part]);
	}
}

void draw_parts(int y, int x, int width, const struct draw_part *parts, int count)
{
	static const wchar_t *const art[2][4] = {
		{ L"\u2588", L"\u2593", L"\u2592", L"\u2591" },
		{ L"#", L"=", L"+", L"." },
	};
	double sum = 0;
	int cell = 0;

	for (int p = 0; p <= count; p++) {
		bool rest = p == count;
		int end;

		sum += rest ? 1 : clamp(parts[p].share);
		end = rest ? width : (int)(clamp(sum) * width + 0.5);
		if (!rest && parts[p].share > 0 && end == cell && cell < width)
			end = cell + 1;
		draw_attribute(rest ? COLOR_OF_IDLE : parts[p].color);
		for (; cell < end; cell++)
			mvaddwstr(y, x + cell, art[draw_is_ascii()][rest || p > 2 ? 3 : p]);
	}
}

static void draw_column(int y, int x, int height, double share)
{
	const wchar_t *const *art = draw_is_ascii() ? low_ascii : low_eighths;
	int eighths = eighths_of(share, height);

	for (int row = height - 1; row >= 0; row--, eighths -= 8)
		mvaddwstr(y + row, x, art[eighths > 8 ? 8 : eighths > 0 ? eighths : 0]);
}

void draw_level(int y, int x, int height, enum color color, double share, char letter)
{
	draw_attribute(color);
	if (letter && share > 0 && (draw_is_ascii() || draw_current_theme() == THEME_NONE))
		mvaddch(y, x, (chtype)letter);
	else
		draw_column(y, x, height, share);
}

void draw_chart(struct rect rect, enum color color, const double *values)
{
	draw_attribute(color);
	for (int x = 0; x < rect.width; x++)
		draw_column(rect.y, rect.x + x, rect.height, values[x]);
}
