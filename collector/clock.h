/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One time for the file: ns of CLOCK_MONOTONIC since the origin of the run.
 *
 * Time stamp counter: the collector takes pairs (counter, CLOCK_MONOTONIC) all along and
 * interpolates between them. A pair is taken after the rings' heads were read, so whatever is
 * drained lies before the newest pair, and a conversion once made never changes.
 * CLOCK_REALTIME (of GPU times): constant offset to CLOCK_MONOTONIC until a step is seen.
 */
#ifndef GPUTRAIL_COLLECTOR_CLOCK_H
#define GPUTRAIL_COLLECTOR_CLOCK_H

#include <stdint.h>

#define CLOCK_ANCHORS 16384
#define CLOCK_STEPS 64

struct clock_anchor {
	uint64_t ticks;
	int64_t ns;			/* CLOCK_MONOTONIC */
};

struct clock {
	int64_t origin_ns, origin_realtime_ns;
	struct clock_anchor *anchors;	/* CLOCK_ANCHORS of them, ascending */
	uint32_t anchor_count;
	struct {
		int64_t from_realtime_ns, offset_ns;	/* monotonic = realtime + offset */
	} steps[CLOCK_STEPS];
	uint32_t step_count;
	int64_t error_ns;		/* widest bracket of a pair: bound of the error */
	int64_t realtime_error_ns;
};

/* Reads of the clocks, bracketed: the tests put their own in. */
struct clock_pair {
	uint64_t ticks;
	int64_t monotonic_ns, realtime_ns, ticks_error_ns, realtime_error_ns;
};

int clock_init(struct clock *clock);
void clock_free(struct clock *clock);
/* Takes a pair of all clocks now; at most every millisecond it is kept. */
void clock_sample(struct clock *clock);
void clock_add(struct clock *clock, const struct clock_pair *pair);
int64_t clock_from_ticks(const struct clock *clock, uint64_t ticks);
int64_t clock_from_monotonic(const struct clock *clock, uint64_t ns);
int64_t clock_from_realtime(const struct clock *clock, uint64_t ns);
int64_t clock_now(const struct clock *clock);
uint64_t clock_ticks(void);

#endif
