/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which correlation ids have GPU records. Detail begins and ends while calls are in progress, at any
 * point of which their threads may be kept waiting for the processor. Hook and decoder both ask
 * whether the id lies in the window, so that a call is never left waiting for times that nobody
 * takes, nor times come for a call that does not wait. But for what is said to be done by threads of
 * the program, all of it is for the control thread, which decodes records as well.
 */
#ifndef GPUTRAIL_LIBPROFILE_GPU_WINDOW_H
#define GPUTRAIL_LIBPROFILE_GPU_WINDOW_H

#include "libprofile/shim.h"

enum gpu_await {			/* what is to happen on a thread of the program */
	GPU_AWAIT_NONE,
	GPU_AWAIT_CALL,			/* the next call whose id is told opens the window */
	GPU_AWAIT_STEP_OPENS,		/* the begin of the next step does */
	GPU_AWAIT_STEP_CLOSES,
	GPU_AWAIT_TAKEN,		/* by a thread that is at it */
};
struct gpu_window {
	uint32_t first, last;		/* last counts only once it is closed */
	/* Greatest ids told just after it opened and closed: a call up to begun, or after last and
	 * up to ended, may have looked just before. */
	uint32_t begun, ended;
	uint32_t before_first, before_last;	/* the window before, for calls that outlast a pause */
	bool is_open;
	uint32_t awaited;		/* enum gpu_await */
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
/* A call of the window has its id, and perhaps not yet reached the driver. */
bool gpu_window_calls_on_their_way(void);

/* For records, that come later: also in a window before. EDGE: calls of then were in progress when
 * the window began or ended, and may have taken themselves for outside. */
enum gpu_watched { GPU_UNWATCHED, GPU_WATCHED, GPU_WATCHED_EDGE };
enum gpu_watched gpu_window_had(uint32_t correlation);

void gpu_window_take(enum gpu_await what, uint32_t first, uint64_t at);

/* On a thread of the program, before its call with this id can have led to any work. */
static inline void gpu_window_told(uint32_t correlation)
{
	if (unlikely(__atomic_load_n(&gpu_window.awaited, __ATOMIC_ACQUIRE) == GPU_AWAIT_CALL))
		gpu_window_take(GPU_AWAIT_CALL, correlation, clock_wire());
}

/* Calls that begin now are told of. */
static inline bool gpu_window_tells(void)
{
	return gpu_window.is_open || gpu_window.awaited == GPU_AWAIT_CALL;
}

static inline bool gpu_window_has(uint32_t correlation)
{
	bool is_open = __atomic_load_n(&gpu_window.is_open, __ATOMIC_ACQUIRE);

	if ((int32_t)(correlation - gpu_window.first) >= 0)
		return is_open || (int32_t)(gpu_window.last - correlation) >= 0;
	return (int32_t)(correlation - gpu_window.before_first) >= 0 &&
		(int32_t)(gpu_window.before_last - correlation) >= 0;
}

/* In a forked child. */
void gpu_window_forget(void);

#endif
