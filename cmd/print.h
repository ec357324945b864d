/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as text, for a terminal or a pipe. */
#ifndef GPUTRAIL_CMD_PRINT_H
#define GPUTRAIL_CMD_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/table.h"

struct print_style {
	int width;			/* terminal columns */
	bool colour;
	bool full_names;		/* names are not cut */
	size_t rows;			/* at most so many, 0: all */
};

/* `when`: auto, always or never; false if it is none of them. Auto asks the terminal, NO_COLOR
 * and TERM. */
bool print_style_init(struct print_style *style, const char *when);

void print_heading(const struct print_style *style, const char *text);
/* "name  text" with the text made printable. */
void print_fact(const struct print_style *style, const char *name, const char *text);
void print_table(const struct print_style *style, const struct table *table);
/* What the file is too old to hold, as alarms; nothing for files of this version. */
void print_gaps(const struct print_style *style, const struct run *run, const char *recorded_by);
/* Red where there is colour. */
void print_alarm(const struct print_style *style, const char *text);

#endif
