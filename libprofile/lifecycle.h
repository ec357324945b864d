/* SPDX-License-Identifier: Apache-2.0 */
/* What happens once per process: after attaching, after cuInit, at exit, in a forked child. */
#ifndef GPUTRAIL_LIBPROFILE_LIFECYCLE_H
#define GPUTRAIL_LIBPROFILE_LIFECYCLE_H

#include "libprofile/shim.h"

uint64_t thread_rings_bytes(void);
void thread_forget_all(void);
bool thread_memfd_is_ours(void);

void lifecycle_started(void);		/* attached, before the first call reaches the driver */
void lifecycle_cuda_ready(void);	/* cuInit succeeded */
void lifecycle_forget_all(void);	/* in a forked child that starts CUDA itself */

#endif
