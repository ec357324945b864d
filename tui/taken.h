/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken when, and the instants that `gputrail ctl mark` named, along an axis of time. */
#ifndef GPUTRAIL_TUI_TAKEN_H
#define GPUTRAIL_TUI_TAKEN_H

#include "analysis/analysis.h"
#include "tui/draw.h"

struct taken {
	struct run_detail_list detail;
	struct run_mark_list marks;
};

int taken_load(struct run *run, struct taken *taken);
void taken_free(struct taken *taken);

/* Some of the time GPU times were not taken, or of graphs as a whole or some launches only. */
bool taken_is_partial(const struct taken *taken);
/* Of the time of all processes the share with this level; end_ns: of the run. */
double taken_share(const struct taken *taken, const char *level, uint64_t end_ns);
/* What was taken then of the process that is listed first; NULL unknown. */
const struct run_detail *taken_at(const struct taken *taken, double at_ns);
/* The mark nearest to a moment, not further away than that; NULL none. */
const struct run_mark *taken_mark_near(const struct taken *taken, double at_ns, double away_ns);

/* A row of an axis of [from_ns, to_ns): dots where not everything was taken; and the marks. */
void taken_draw_dots(const struct taken *taken, struct rect row, double from_ns, double to_ns);
void taken_draw_marks(const struct taken *taken, struct rect row, double from_ns, double to_ns);

#endif
