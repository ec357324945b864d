/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as text: columns chosen by the room there is, names cut to what is left. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/print.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analysis/text.h"

#define COLUMNS_MAX	48
#define NAME_MIN	20
#define NAME_GOOD	44		/* what a name gets before wide columns do */
#define WIDTH_PIPE	120		/* nobody's window: room for the usual columns */

static int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width = columns ? atoi(columns) : 0;

	if (width > 0)
		return width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH_PIPE;
}

bool print_style_init(struct print_style *style, const char *when)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	style->width = terminal_width();
	if (style->width < 40)
		style->width = 40;
	if (!strcmp(when, "always"))
		style->colour = true;
	else if (!strcmp(when, "never"))
		style->colour = false;
	else if (!strcmp(when, "auto"))
		style->colour = isatty(STDOUT_FILENO) && !(no_color && no_color[0]) &&
				term && term[0] && strcmp(term, "dumb");
	else
		return false;
	return true;
}

static void print_coloured(const struct print_style *style, const char *code, const char *text)
{
	if (style->colour)
		printf("\033[%sm%s\033[m\n", code, text);
	else
		printf("%s\n", text);
}

void print_heading(const struct print_style *style, const char *text)
{
	print_coloured(style, "1", text);
}

void print_alarm(const struct print_style *style, const char *text)
{
	size_t size = 4 * strlen(text) + 8;
	char *clean = malloc(size);

	if (!clean)
		return;
	text_fit(text, -1, clean, size);
	print_coloured(style, "1;31", clean);
	free(clean);
}

#define FACT_LABEL	22	/* callpath_native_frames */

void print_fact(const struct print_style *style, const char *name, const char *text)
{
	size_t size = 4 * strlen(text) + 8;
	char *clean = malloc(size), label[128];
	int used = text_fit(name, 40, label, sizeof(label));

	if (!clean)
		return;
	text_fit(text, style->full_names ? -1 : style->width - FACT_LABEL - 1, clean, size);
	printf("%s%*s %s\n", label, used < FACT_LABEL ? FACT_LABEL - used : 0, "", clean);
	free(clean);
}

static bool is_text(const struct column *column)
{
	return column->unit == UNIT_TEXT || column->unit == UNIT_NAME;
}

static int cell_width(const struct column *column)
{
	int title = (int)strlen(column->title);

	return column->width > title ? column->width : title;
}

/* The columns that fit, in order; *name_width is the room for the name. */
static int columns_choose(const struct view *view, int width, int *chosen, int *name_width)
{
	bool wide[COLUMNS_MAX] = { false };
	int used = 0, count = 0;

	for (int i = 0; i < view->column_count; i++) {
		const struct column *c = &view->columns[i];

		if (c->level == LEVEL_ALWAYS)
			used += 1 + (c->unit == UNIT_NAME ? NAME_MIN : cell_width(c));
	}
	for (int i = 0; i < view->column_count; i++) {
		const struct column *c = &view->columns[i];

		if (c->level == LEVEL_WIDE &&
		    used + NAME_GOOD - NAME_MIN + 1 + cell_width(c) <= width) {
			used += 1 + cell_width(c);
			wide[i] = true;
		}
	}
	for (int i = 0; i < view->column_count && count < COLUMNS_MAX; i++)
		if (view->columns[i].level == LEVEL_ALWAYS || wide[i])
			chosen[count++] = i;
	*name_width = NAME_MIN + (width > used ? width - used + 1 : 0);
	return count;
}

/* One cell; the last one of a line is not padded. */
static void print_cell(const struct column *column, const char *text, int width, bool last)
{
	int used;
	size_t size = 4 * strlen(text) + 8;
	char *clean = malloc(size);

	if (!clean)
		return;
	used = text_fit(text, width, clean, size);
	if (width < 0)
		width = used;
	if (is_text(column))
		printf("%s%*s", clean, last || used >= width ? 0 : width - used, "");
	else
		printf("%*s%s", used >= width ? 0 : width - used, "", clean);
	if (!last)
		putchar(' ');
	free(clean);
}

static void print_titles(const struct print_style *style, const struct view *view,
			 const int *chosen, int count, int name_width)
{
	if (style->colour)
		fputs("\033[4m", stdout);
	for (int i = 0; i < count; i++) {
		const struct column *c = &view->columns[chosen[i]];

		print_cell(c, c->title, c->unit == UNIT_NAME ? name_width : cell_width(c),
			   i + 1 == count);
	}
	puts(style->colour ? "\033[m" : "");
}

static void print_row(const struct print_style *style, const struct table *table, size_t row,
		      const int *chosen, int count, int name_width)
{
	const struct view *view = &views[table->view];
	int full = style->full_names ? view_column(table->view, "name") : -1;

	for (int i = 0; i < count; i++) {
		const struct column *c = &view->columns[chosen[i]];
		bool is_name = c->unit == UNIT_NAME;
		struct value value;
		char text[64];

		table_value(table, row, is_name && full >= 0 ? full : chosen[i], &value);
		if (is_text(c))
			print_cell(c, value.text, is_name && style->full_names ? -1 :
				   is_name ? name_width : cell_width(c), i + 1 == count);
		else
			print_cell(c, value_format(&value, text, sizeof(text)), cell_width(c),
				   i + 1 == count);
	}
	putchar('\n');
}

/* The widest name that is printed: more room than that would only tear the line apart. */
static int name_longest(const struct table *table, size_t rows)
{
	const struct view *view = &views[table->view];
	int longest = 0;

	for (int i = 0; i < view->column_count; i++) {
		if (view->columns[i].unit != UNIT_NAME)
			continue;
		longest = (int)strlen(view->columns[i].title);
		for (size_t row = 0; row < rows; row++) {
			struct value value;
			int columns;

			table_value(table, row, i, &value);
			columns = text_columns(value.text);
			longest = columns > longest ? columns : longest;
		}
	}
	return longest;
}

void print_table(const struct print_style *style, const struct table *table)
{
	const struct view *view = &views[table->view];
	size_t rows = table->count;
	int chosen[COLUMNS_MAX], count, name_width, longest;

	if (!rows) {
		printf("none\n");
		return;
	}
	if (style->rows && rows > style->rows)
		rows = style->rows;
	count = columns_choose(view, style->width, chosen, &name_width);
	longest = name_longest(table, rows);
	if (name_width > longest)
		name_width = longest;
	print_titles(style, view, chosen, count, name_width);
	for (size_t i = 0; i < rows; i++)
		print_row(style, table, i, chosen, count, name_width);
	if (rows < table->count)
		printf("%zu more; -n 0 prints all\n", table->count - rows);
}

void print_gaps(const struct print_style *style, const struct run *run, const char *recorded_by)
{
	const struct run_gap_list *gaps = run_gaps(run);
	char line[256];

	for (size_t i = 0; i < gaps->count; i++) {
		snprintf(line, sizeof(line), "NOT IN THIS FILE, recorded by gputrail %s: %s (%s)",
			 recorded_by[0] ? recorded_by : "of old", gaps->rows[i].text,
			 gaps->rows[i].name);
		print_alarm(style, line);
	}
}
