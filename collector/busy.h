/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time during which at least one of many intervals was open, kept while they come in nearly any
 * order. Intervals gather in a batch; a batch is sorted and merged into the window of the
 * recent ones, and what it newly covers is reported. Memory is bounded: when the window is full
 * its oldest half is forgotten, and what later falls before that time is counted as late.
 */
#ifndef GPUTRAIL_COLLECTOR_BUSY_H
#define GPUTRAIL_COLLECTOR_BUSY_H

#include "collector/intern.h"

struct busy {
	struct pair *spans, *merged, *batch, *scratch;	/* key start, value end */
	uint32_t span_count, span_capacity, merged_capacity;
	uint32_t batch_count, batch_capacity, scratch_capacity;
	uint32_t spans_max;		/* 0: the default */
	int64_t frontier;		/* everything before is final */
	int64_t total_ns, late_ns;
	/* Called for each stretch that was not covered before. */
	void (*covered)(void *owner, int64_t start, int64_t end);
	void *owner;
};

void busy_add(struct busy *busy, int64_t start, int64_t end);
void busy_merge(struct busy *busy);	/* total_ns is right after this */
void busy_free(struct busy *busy);

#endif
