/* SPDX-License-Identifier: Apache-2.0 */
/* What the views of steps share. */
#ifndef GPUTRAIL_TUI_STEPS_H
#define GPUTRAIL_TUI_STEPS_H

#include "tui/timeline_reader.h"
#include "tui/view.h"

#define STEPS_MORE_NS	1000.0	/* less is not worth a line */

/* One thing that some steps have more of than others, for each of them. */
struct steps_more {
	double ns;
	enum color color;
	const char *what, *name;	/* "idle", "sync_readback"; "kernels", "gemm" */
};

/* NULL while the file has not been read. */
const struct step_result *steps_of(const struct snapshot *snapshot);
/* Largest first; returns how many. */
size_t steps_more(const struct snapshot *snapshot, const struct step_sums *slow,
		  const struct step_sums *typical, struct steps_more *more, size_t most);
/* A line for each: how much, the part of `whole`, and what. */
void steps_more_draw(const struct steps_more *more, size_t count, double whole, struct rect rect);

#endif
