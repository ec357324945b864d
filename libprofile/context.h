/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of contexts, and definitions of contexts, streams and devices. */
#ifndef GPUTRAIL_LIBPROFILE_CONTEXT_H
#define GPUTRAIL_LIBPROFILE_CONTEXT_H

#include "libprofile/record.h"

/* Asks the driver which context is current for this thread now. */
void context_refresh(struct thread *thread);
/* A destroyed context's handle may come back for another one. */
void context_retire(CUcontext handle);
void stream_define(struct thread *thread, CUstream stream, unsigned flags, int priority);
void context_forget_all(void);

/* Most programs make a context current in a call we see. The runtime need not; then the first
 * work that succeeds has one. */
static inline void context_update(const struct call *call)
{
	struct thread *thread = call->thread;

	if (unlikely(!thread->context_known || !thread->context))
		context_refresh(thread);
}

#endif
