/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One time for the file: ns of CLOCK_MONOTONIC since the origin of the run.
 *
 * Time stamp counter: the collector takes pairs (counter, CLOCK_MONOTONIC) all along and
 * interpolates between them. A pair is taken after the rings' heads were read, so whatever is
 * drained lies before the newest pair, and a conversion once made never changes.
 * CLOCK_REALTIME (of GPU times): constant offset to CLOCK_MONOTONIC, since the kernel slews both
 * alike, until a pair lies outside of what the errors of reading can explain: a step.
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
		int64_t error_ns;		/* bound of the offset's error */
	} steps[CLOCK_STEPS];
	uint32_t step_count;
	int64_t error_ns;		/* widest bracket of a pair: bound of the error */
	int64_t realtime_error_ns;
	int64_t first_offset_ns;	/* of REALTIME, at the start */
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
/* How far REALTIME has moved against MONOTONIC since the start, ns. */
int64_t clock_realtime_moved(const struct clock *clock);
/* How much the rate of the counter against MONOTONIC in the second half of the run differs from that
 * in the first, parts per billion. */
int64_t clock_drift_ppb(const struct clock *clock);
uint64_t clock_ticks(void);

#endif
