/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where GPU times come from. One back end per process, chosen when GPU times are first wanted; when
 * none can start, recording goes on with host times and backend_note says why.
 *
 * While it runs, a back end sets thread_self->correlation during a launch, copy or set, and
 * writes GPU_* records and their DEF_STRINGs into its own thread's ring. But for the first attach,
 * which may come before there is a thread, all of it runs on the control thread (control.c).
 */
#ifndef GPUTRAIL_LIBPROFILE_GPU_BACKEND_H
#define GPUTRAIL_LIBPROFILE_GPU_BACKEND_H

#include "libprofile/gpu_window.h"

struct gpu_backend {
	enum wire_backend kind;
	bool (*attach)(void);		/* false: backend_note says why */
	void (*level)(enum wire_detail level);	/* HOST: attached, but takes nothing */
	void (*flush)(void);		/* deliver what is complete */
	void (*detach)(void);		/* after level(HOST): leave nothing behind */
	void (*stop)(void);		/* once, at exit */
};

extern const struct gpu_backend gpu_backend_cupti;
extern const struct gpu_backend gpu_backend_events;

/* Chooses and attaches; false: there are only host times. again: what could not be had before is
 * tried once more. */
bool gpu_backend_attach(bool again);
void gpu_backend_level(enum wire_detail level);
void gpu_backend_flush(void);
void gpu_backend_detach(void);
void gpu_backend_stop(void);
bool gpu_backend_is_attached(void);
/* CUPTI is in use, or at least subscribed to. */
bool gpu_backend_holds_cupti(void);
/* Another tool gets it (cupti_lend.h); attaching fails until it is back. */
void gpu_backend_lend(void);
/* What the back end makes of FULL or GRAPH. */
enum wire_detail gpu_backend_best(enum wire_detail wanted);
/* In a forked child: never touch the back end that the parent had started. */
void gpu_backend_forget(void);
void gpu_backend_note(const char *text, const char *detail);

/* Records of a back end, on the control thread (cupti_decode.c). Room for one waits for the consumer
 * a little; NULL: there is none. A name is defined on first sight; 0: it could not be. */
bool gpu_record_start(void);
void *gpu_record_reserve(uint32_t bytes);
void gpu_record_commit(uint32_t bytes);
uint32_t gpu_record_name(const char *name);

#endif
