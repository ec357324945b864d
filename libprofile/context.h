/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of contexts, and definitions of contexts, streams and devices. */
#ifndef GPUTRAIL_LIBPROFILE_CONTEXT_H
#define GPUTRAIL_LIBPROFILE_CONTEXT_H

#include "libprofile/shim.h"

/* Asks the driver which context is current for this thread now. */
void context_refresh(struct thread *thread);
/* A destroyed context's handle may come back for another one. */
void context_retire(CUcontext handle);
void stream_define(struct thread *thread, CUstream stream, unsigned flags, int priority);
void context_forget_all(void);

#endif
