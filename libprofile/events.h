/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPU times without CUPTI: CUDA events around a random part of the launches and graph launches. What
 * they measure has the way of the launch to the device in it, and a resolution of 0.5 us.
 */
#ifndef GPUTRAIL_LIBPROFILE_EVENTS_H
#define GPUTRAIL_LIBPROFILE_EVENTS_H

#include "libprofile/record.h"

extern bool events_on;

void events_begin_slow(struct call *call, CUstream stream, bool is_graph);
void events_end_slow(struct call *call);

/* Before the driver's call and after it, on the thread of the program. */
static inline void events_begin(struct call *call, CUstream stream, bool is_graph)
{
	if (unlikely(events_on))
		events_begin_slow(call, stream, is_graph);
}

static inline void events_end(struct call *call)
{
	if (unlikely(call->sample))
		events_end_slow(call);
}

/* A context is about to go, and its events with it; NULL: perhaps any. */
void events_context_ends(CUcontext context);
void events_forget(void);

#endif
