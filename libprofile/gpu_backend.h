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

#include "libprofile/shim.h"

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

/*
 * Which correlation ids have GPU records. Detail begins and ends while calls are in progress; hook
 * and decoder both ask whether the id lies in the window, so that a call is never left waiting for
 * times that nobody takes, nor times come for a call that does not wait.
 */
struct gpu_window {
	uint32_t first, last;		/* last counts only once it is closed */
	bool is_open;
	uint64_t since, until;		/* wire clock: opened, closed */
};
extern struct gpu_window gpu_window;
void gpu_window_open(void);
void gpu_window_close(void);

/* Whether the next opening waits for the begin of a step (steps.h). A back end that has no windows
 * knows nothing of it. */
void gpu_window_at_step(bool waits);
/* The window is to close at the begin of the next step. */
void gpu_window_close_at_step(void);
/* True: no step is waited for, any more. now: this does not wait for one any longer. */
bool gpu_window_settled(bool now);
/* On a thread of the program: its call with this id and begin is the first of a step. */
void gpu_window_step(uint32_t correlation, uint64_t begin);

/* For records, that come later: also in a window before. EDGE: calls of then were in progress when
 * the window began or ended, and may have taken themselves for outside. */
enum gpu_watched { GPU_UNWATCHED, GPU_WATCHED, GPU_WATCHED_EDGE };
enum gpu_watched gpu_window_had(uint32_t correlation);

static inline bool gpu_window_has(uint32_t correlation)
{
	if ((int32_t)(correlation - gpu_window.first) < 0)
		return false;
	return __atomic_load_n(&gpu_window.is_open, __ATOMIC_ACQUIRE) ||
		(int32_t)(gpu_window.last - correlation) >= 0;
}

#endif
