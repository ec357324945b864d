/* SPDX-License-Identifier: Apache-2.0 */
/* The charts of the overview, and where the SM-time went. */
#ifndef GPUTRAIL_TUI_OVERVIEW_H
#define GPUTRAIL_TUI_OVERVIEW_H

#include "tui/data.h"
#include "tui/draw.h"
#include "tui/view.h"

enum overview_series { OVERVIEW_BUSY, OVERVIEW_COPY, OVERVIEW_MEMORY, OVERVIEW_SERIES };

/* A chart as high as the rectangle, with its label and figures. */
void overview_series_draw(const struct snapshot *s, enum overview_series series, struct rect rect);
/* When the whole file has been read: a bar of parts for each device, `most` of them, with the names of
 * the parts below unless the table has them. Returns the lines taken. */
int overview_waterfall_bars(const struct snapshot *s, struct rect rect, int most, bool has_table);
/* The parts of all devices together, one below the other. Returns the lines taken. */
int overview_waterfall_table(const struct snapshot *s, struct rect rect);
/* A line that can be chosen, and opened with Enter: its colour. Numbers from 1, 0: not one. */
enum color overview_choose(struct view *view, int y, size_t finding, size_t kernel);
/* Lists below the charts: side by side where that leaves room for names. */
void overview_lists_draw(struct view *view, const struct snapshot *s, struct rect rect);
uint64_t overview_kernel_total(const struct snapshot *s);
char *overview_kernel_title(const struct run_kernel *kernel);	/* the caller frees it */
void overview_write_csv(const struct view *view, const struct snapshot *s, struct csv *csv);
/* The time axis below the charts. */
void overview_axis_draw(const struct snapshot *s, struct rect rect);

#endif
