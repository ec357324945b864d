/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV as RFC 4180 quotes it, with '\n' ending lines as nsys does. Texts from recorded programs
 * cannot become formulas: one that starts with = + - @ tab or CR gets an apostrophe in front.
 */
#ifndef GPUTRAIL_ANALYSIS_CSV_H
#define GPUTRAIL_ANALYSIS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct csv {
	FILE *out;
	bool has_cells;			/* in this line */
	size_t lines;			/* ended so far */
};

void csv_text(struct csv *csv, const char *text);
void csv_integer(struct csv *csv, int64_t value);
void csv_decimal(struct csv *csv, double value, int decimals);
void csv_real(struct csv *csv, double value);	/* six digits; NaN: an empty cell */
void csv_empty(struct csv *csv);
void csv_end_line(struct csv *csv);

#endif
