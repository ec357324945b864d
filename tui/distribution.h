/* SPDX-License-Identifier: Apache-2.0 */
/* A distribution of times as columns, with its quantiles in words. */
#ifndef GPUTRAIL_TUI_DISTRIBUTION_H
#define GPUTRAIL_TUI_DISTRIBUTION_H

#include "analysis/histogram.h"
#include "tui/draw.h"

/* Fills the rectangle: the title with the quantiles, the columns, and their axis. */
void distribution_draw(const struct histogram *times, const char *title, struct rect rect);
/* A line with a title in it, above a pane. */
void distribution_rule(struct rect rect, const char *title);

#endif
