/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps, for windows of detail that begin and end with one. While detail is taken for a part of the
 * time each thread leaves what it launches in a ring; from time to time the control thread looks
 * there for the launch that steps begin with (period.h), and opens and closes its windows at it.
 */
#ifndef GPUTRAIL_LIBPROFILE_STEPS_H
#define GPUTRAIL_LIBPROFILE_STEPS_H

#include "libprofile/record.h"

/* What a token stands for: a function's id, any graph, a direction of copies. */
#define STEP_GRAPH 0x40000000u
#define STEP_COPY 0x80000000u

extern bool steps_watched;
void steps_token_slow(const struct call *call, uint32_t symbol);

/* On the thread of the call, when the driver has returned and before the call is recorded. */
static inline void steps_token(const struct call *call, uint32_t symbol)
{
	if (unlikely(steps_watched))
		steps_token_slow(call, symbol);
}

/* All on the control thread. To be told again and again while it is on: threads come. */
void steps_watch(bool is_on);
/* Finds where steps begin, from now on; the length of one in ns, or 0 where none shows. */
uint64_t steps_find(void);
void steps_forget(void);

#endif
