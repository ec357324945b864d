/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where 100 % of a device's SM-time went, from the start of its first operation to the end of its
 * last: idle by cause, then what a running kernel left unused, down to what was useful. A ns here
 * is all SMs for one ns, so that the parts add up to the span exactly. docs/findings.md has the
 * formulas.
 */
#ifndef GPUTRAIL_ANALYSIS_WATERFALL_H
#define GPUTRAIL_ANALYSIS_WATERFALL_H

#include "analysis/analysis.h"
#include "analysis/idle.h"

enum waterfall_part {
#define WATERFALL_PART(identifier, name, text) WATERFALL_##identifier,
#include "analysis/waterfall.def"
	WATERFALL_PART_COUNT
};
const char *waterfall_part_name(enum waterfall_part part);
const char *waterfall_part_text(enum waterfall_part part);

struct waterfall {
	int device, gpu, sm_count;	/* gpu: see run_device */
	uint64_t span_ns;
	uint64_t idle_ns[IDLE_CAUSE_COUNT];
	uint64_t parts_ns[WATERFALL_PART_COUNT];
};
RUN_LIST(waterfall);

/* All parts as rows: those of waterfall.def, then the causes of idle time. */
#define WATERFALL_ROWS (WATERFALL_PART_COUNT + IDLE_CAUSE_COUNT)
const char *waterfall_row_name(int row);
const char *waterfall_row_text(int row);
uint64_t waterfall_row_ns(const struct waterfall *waterfall, int row);
/* Rows that are not empty: what was useful, then the others, largest first. Returns how many. */
int waterfall_order(const struct waterfall *waterfall, int order[WATERFALL_ROWS]);

#endif
