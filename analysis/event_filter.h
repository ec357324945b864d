/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls, operations and idle intervals pass a scope: what each of them is in its terms. */
#ifndef GPUTRAIL_ANALYSIS_EVENT_FILTER_H
#define GPUTRAIL_ANALYSIS_EVENT_FILTER_H

#include "analysis/idle_internal.h"
#include "analysis/scope.h"

#define EVENT_FILTER_CACHED	64

/* Which graph launch a kernel in a graph belongs to; those of one launch follow each other. */
struct graph_call { int64_t id, thread, path; };

struct event_filter {
	struct run *run;
	const struct scope_sets *sets;		/* borrowed; NULL: all pass */
	struct lookup threads, streams, shapes;
	struct graph_call graph_calls[EVENT_FILTER_CACHED];
	sqlite3_stmt *graph_call;
};
enum { FILTER_STREAM_PROCESS, FILTER_STREAM_DEVICE };	/* columns of streams */
enum { FILTER_SHAPE_DEVICE, FILTER_SHAPE_KERNEL };	/* of shapes */

/* What an event is; 0: unknown, or it has no such thing. */
struct event_subject { uint64_t start; int64_t process, device, stream, kernel, path; };

/* -1 with run_error(); to be closed in any case. */
int event_filter_open(struct run *run, const struct scope_sets *sets, struct event_filter *filter);
void event_filter_close(struct event_filter *filter);
/* By the terms of these kinds (SCOPE_BIT). */
bool event_filter_passes(const struct event_filter *filter, const struct event_subject *subject,
			 unsigned int bits);

/* Where a kernel of this shape on this stream ran; 0 unknown. */
int64_t event_filter_device(const struct event_filter *filter, int64_t shape, int64_t stream);
struct event_subject event_filter_call(const struct event_filter *filter, const struct idle_call *call);
/* What a call brought to a device. It is in a stretch of time if it begins there; if that is not
 * known, its call does. */
struct event_subject event_filter_work(const struct event_filter *filter, const struct idle_call *call,
				       const struct idle_work *work);
/* *graph is the launch of the graph that the operation is in, or NULL. -1 with run_error(). */
int event_filter_event(struct event_filter *filter, const struct idle_event *event,
		       struct event_subject *subject, const struct graph_call **graph);
/* Idle time is that of the operation that ends it, and of the path to blame. */
struct event_subject event_filter_interval(const struct event_filter *filter,
					   const struct idle_interval *interval);

/* True when a call is told apart as `bits` say, and as the work that it brought where it did. */
bool event_filter_takes_call(const struct event_filter *filter, const struct idle_call *call,
			     const struct idle_work *work);
/* 1, 0, or -1 with run_error(). */
int event_filter_takes_event(struct event_filter *filter, const struct idle_event *event);

#endif
