/* SPDX-License-Identifier: Apache-2.0 */
/* The charts of the overview, and where the SM-time went. */
#ifndef GPUTRAIL_TUI_OVERVIEW_H
#define GPUTRAIL_TUI_OVERVIEW_H

#include "tui/data.h"
#include "tui/draw.h"

enum overview_series { OVERVIEW_BUSY, OVERVIEW_COPY, OVERVIEW_MEMORY, OVERVIEW_SERIES };

/* A chart as high as the rectangle, with its label and figures. */
void overview_series_draw(const struct snapshot *s, enum overview_series series, struct rect rect);
/* When the whole file has been read: a bar of parts for each device, `most` of them, with the names of
 * the parts below unless the table has them. Returns the lines taken. */
int overview_waterfall_bars(const struct snapshot *s, struct rect rect, int most, bool has_table);
/* The parts of all devices together, one below the other. Returns the lines taken. */
int overview_waterfall_table(const struct snapshot *s, struct rect rect);
/* The time axis below the charts. */
void overview_axis_draw(const struct snapshot *s, struct rect rect);

#endif
