/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where GPU times come from. One back end per process, chosen on the first CUDA use; when it
 * cannot start, recording goes on with host times and backend_note says why.
 *
 * While it runs, a back end sets thread_self->correlation during a launch, copy or set, and
 * writes GPU_* records and their DEF_STRINGs into its own thread's ring.
 */
#ifndef GPUTRAIL_LIBPROFILE_GPU_BACKEND_H
#define GPUTRAIL_LIBPROFILE_GPU_BACKEND_H

#include "libprofile/shim.h"

struct gpu_backend {
	enum wire_backend kind;
	bool (*start)(void);		/* before cuInit; false: backend_note says why */
	void (*ready)(void);		/* cuInit succeeded */
	void (*flush)(void);		/* called on the flush thread: deliver what is complete */
	void (*stop)(void);		/* once, at exit, also on the flush thread */
};

extern const struct gpu_backend gpu_backend_cupti;

void gpu_backend_start(void);
void gpu_backend_ready(void);
void gpu_backend_stop(void);
/* In a forked child: never touch the back end that the parent had started. */
void gpu_backend_forget(void);
void gpu_backend_note(const char *text, const char *detail);

#endif
