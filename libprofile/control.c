/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread: follows the request that collector and `gputrail ctl` write into the control
 * block, takes out GPU records now and then, and stops the back end at exit. With nothing to take
 * it sleeps until the request changes.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/control.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libprofile/cost.h"
#include "libprofile/cupti_lend.h"
#include "libprofile/governor.h"
#include "libprofile/gpu_backend.h"
#include "libprofile/ring.h"
#include "libprofile/steps.h"

#define FLUSH_PERIOD_NS 50000000ull
#define DRAIN_NS 150000000ull		/* for GPU work in flight when its detail ended */
#define STOP_LIMIT_NS 2000000000ull
#define FOREVER UINT64_MAX
#define STEP_POLL_NS 2000000ull
#define STEP_PATIENCE 3			/* steps, until a window no longer waits for one */
#define STEP_PATIENCE_NS 200000000ull	/* at least */

enum thread_state { THREAD_NONE, THREAD_RUNNING, THREAD_DONE };

static uint32_t thread_state;		/* enum thread_state */
static bool stop_wanted;
static enum wire_detail level;		/* in effect */
static enum wire_detail wanted_now;	/* what that came from */
static uint64_t detach_at_ns;		/* 0: not to be detached */
static struct governor governor;	/* while detail is asked to be sampled or auto */
static bool is_governed;
static enum { PENDING_NONE, PENDING_BEGIN, PENDING_END } pending;	/* waits for a step */
static uint64_t pending_end_ns;		/* no longer than until then */
static uint64_t told_ns, told_cost_ns;	/* when the recorder's own cost was told, and what it was */

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *limit)
{
	return syscall(SYS_futex, word, operation, value, limit, NULL, 0);
}

static void wake_all(uint32_t *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
	futex(word, FUTEX_WAKE, INT32_MAX, NULL);
}

static bool has_gpu_times(enum wire_detail detail)
{
	return detail != WIRE_DETAIL_OFF && detail != WIRE_DETAIL_HOST;
}

/* Of the control thread's own ring; before there is one, control_ready tells. at: wire clock. */
static void tell_level(enum wire_cause cause, uint64_t at)
{
	struct thread *thread = thread_self;
	struct wire_level *record;

	__atomic_store_n(&process.control->now.detail, level, __ATOMIC_RELEASE);
	record = thread && thread->ring ? ring_reserve(thread, sizeof(*record)) : NULL;
	if (!record)
		return;
	record->head = (struct wire_head){ .bytes = sizeof(*record), .kind = WIRE_LEVEL };
	record->at = at;
	record->detail = level;
	record->cause = cause;
	ring_commit(thread, sizeof(*record));
}

/* Calls begin before their GPU times are taken and end after: a call without times is nothing,
 * times without a call would look like a loss. */
static void change(enum wire_detail wanted, bool again)
{
	wanted_now = wanted;
	if (has_gpu_times(wanted)) {
		detach_at_ns = 0;
		__atomic_store_n(&process.is_paused, false, __ATOMIC_RELEASE);
		gpu_backend_attach(again);
		wanted = gpu_backend_best(wanted);
		gpu_backend_level(wanted);
	} else {
		gpu_backend_level(WIRE_DETAIL_HOST);
		__atomic_store_n(&process.is_paused, wanted == WIRE_DETAIL_OFF, __ATOMIC_RELEASE);
	}
	level = wanted;
}

static bool is_sampling(const struct wire_request *request)
{
	return !request->is_stopped && (request->detail == WIRE_DETAIL_SAMPLED ||
					request->detail == WIRE_DETAIL_AUTO);
}

/* What the request comes to now. */
static enum wire_detail asked(const struct wire_request *request)
{
	enum wire_detail detail =
		(enum wire_detail)__atomic_load_n(&request->detail, __ATOMIC_RELAXED);

	if (__atomic_load_n(&request->is_stopped, __ATOMIC_RELAXED))
		return WIRE_DETAIL_OFF;
	if (detail == WIRE_DETAIL_HOST || detail == WIRE_DETAIL_GRAPH)
		return detail;
	return WIRE_DETAIL_FULL;
}

static void answer(uint32_t sequence)
{
	struct wire_status_now *now = &process.control->now;

	__atomic_store_n(&now->sequence, sequence, __ATOMIC_RELEASE);
	futex(&now->sequence, FUTEX_WAKE, INT32_MAX, NULL);
}

/* What waited for the begin of a step is done: there, or now. */
static void settle(uint64_t now_ns, bool now)
{
	if (pending == PENDING_NONE || !gpu_window_settled(now || now_ns >= pending_end_ns))
		return;
	if (pending == PENDING_END)
		change(WIRE_DETAIL_HOST, false);
	tell_level(WIRE_CAUSE_SAMPLE, !governor.step_ns ? clock_wire() :
		   pending == PENDING_END ? gpu_window.until : gpu_window.since);
	gpu_window_at_step(false);
	pending = PENDING_NONE;
}

static void follow(uint32_t sequence, uint64_t now_ns, bool is_first)
{
	const struct wire_request *request = &process.control->request;
	enum wire_detail wanted = asked(request), before;
	uint32_t budget_ppm = request->detail == WIRE_DETAIL_AUTO ? request->budget_ppm : 0;

	settle(now_ns, true);
	before = level;
	if (is_sampling(request) && is_governed && governor.budget_ppm == budget_ppm)
		wanted = wanted_now;	/* the governor has its way */
	else if (is_sampling(request))
		governor_start(&governor, budget_ppm, now_ns, cost_total_ns(), now_ns);
	is_governed = is_sampling(request);
	steps_watch(is_governed);

	/* A back end that could not be had may be there by now. */
	if (wanted != wanted_now ||
	    (!is_first && has_gpu_times(wanted) && level == WIRE_DETAIL_HOST))
		change(wanted, !is_first);
	if (level != before)
		tell_level(request->capture_range ? WIRE_CAUSE_RANGE : WIRE_CAUSE_ASKED,
			   clock_wire());
	if (!has_gpu_times(wanted) && gpu_backend_is_attached() && !detach_at_ns)
		detach_at_ns = now_ns + DRAIN_NS;
	answer(sequence);
}

/* Where steps are known, a window lasts from the begin of one to that of another. */
static void begin_window(void)
{
	bool has_windows = process.control->backend == WIRE_BACKEND_CUPTI;

	governor.step_ns = has_windows ? steps_find() : 0;
	gpu_window_at_step(governor.step_ns != 0);
	change(WIRE_DETAIL_FULL, false);
	pending = PENDING_BEGIN;
}

static void end_window(void)
{
	if (governor.step_ns)
		gpu_window_close_at_step();
	pending = PENDING_END;
}

/* Detail of a part of the time: begins or ends it when that is due. */
static uint64_t govern(uint64_t now_ns, uint64_t cost_ns)
{
	bool is_on = wanted_now == WIRE_DETAIL_FULL;
	uint64_t next_ns;
	bool wants = governor_step(&governor, now_ns, cost_ns, is_on, &next_ns);

	steps_watch(true);
	settle(now_ns, false);
	if (pending == PENDING_NONE && wants != is_on) {
		if (wants)
			begin_window();
		else
			end_window();
		pending_end_ns = now_ns + STEP_PATIENCE_NS + STEP_PATIENCE * governor.step_ns;
		settle(now_ns, false);
	}
	__atomic_store_n(&process.control->now.duty_ppm, governor.duty_ppm, __ATOMIC_RELAXED);
	return pending == PENDING_NONE ? next_ns : now_ns + STEP_POLL_NS;
}

/* Another tool wants CUPTI, or is done with it. */
static void lend(uint64_t now_ns)
{
	static bool did_fall_back;
	enum wire_detail before = level;
	bool is_wanted = cupti_lend_is_wanted();

	if (is_wanted) {
		settle(now_ns, true);
		gpu_backend_lend();
		detach_at_ns = 0;
		level = has_gpu_times(level) ? WIRE_DETAIL_HOST : level;
	} else if (cupti_lend_is_idle(now_ns)) {
		cupti_lend_take_back();
		change(wanted_now, true);
		did_fall_back = false;
	} else if (cupti_lend_is_subscribed() && !did_fall_back) {
		change(wanted_now, true);
		did_fall_back = true;
	}
	if (level != before)
		tell_level(is_wanted || cupti_lend_is_out() ? WIRE_CAUSE_LENT : WIRE_CAUSE_BACK,
			   clock_wire());
	if (is_wanted)
		cupti_lend_hand_over();
}

/* The recorder's own cost over the last second or so. */
static void tell_cost(uint64_t now_ns, uint64_t cost_ns)
{
	if (now_ns - told_ns < GOVERNOR_PERIOD_NS)
		return;
	if (told_ns)
		__atomic_store_n(&process.control->now.overhead_ppm,
				 (uint32_t)((cost_ns - told_cost_ns) * 1000000u / (now_ns - told_ns)),
				 __ATOMIC_RELAXED);
	told_ns = now_ns;
	told_cost_ns = cost_ns;
}

/* Until the request changes from `seen`, or until then. */
static void wait_until(uint32_t seen, uint64_t now_ns, uint64_t until_ns)
{
	struct timespec limit;

	if (until_ns <= now_ns)
		return;
	limit.tv_sec = (time_t)((until_ns - now_ns) / 1000000000u);
	limit.tv_nsec = (long)((until_ns - now_ns) % 1000000000u);
	futex(&process.control->request.sequence, FUTEX_WAIT, seen,
	      until_ns == FOREVER ? NULL : &limit);
}

static void run(void)
{
	const struct wire_request *request = &process.control->request;
	uint32_t seen = 0, sequence;
	uint64_t flushed_ns = 0;
	bool is_first = true;

	while (!__atomic_load_n(&stop_wanted, __ATOMIC_ACQUIRE)) {
		uint64_t now_ns = clock_monotonic_ns(), until_ns = FOREVER, cost_ns, next_ns;

		lend(now_ns);
		sequence = __atomic_load_n(&request->sequence, __ATOMIC_ACQUIRE);
		if (is_first || sequence != seen)
			follow(sequence, now_ns, is_first);
		is_first = false;
		seen = sequence;
		if (pending == PENDING_NONE || now_ns - flushed_ns >= FLUSH_PERIOD_NS) {
			gpu_backend_flush();
			flushed_ns = now_ns;
		}
		if (detach_at_ns && now_ns >= detach_at_ns) {
			gpu_backend_detach();
			detach_at_ns = 0;
		}
		if (gpu_backend_is_attached() || cupti_lend_is_out())
			until_ns = now_ns + FLUSH_PERIOD_NS;
		cost_ns = cost_total_ns();
		tell_cost(now_ns, cost_ns);
		if (is_governed && (gpu_backend_is_attached() || !cupti_lend_is_out())) {
			next_ns = govern(now_ns, cost_ns);
			until_ns = next_ns < until_ns ? next_ns : until_ns;
		}
		wait_until(seen, now_ns, until_ns);
	}
}

/* Captures of other threads in the default mode fail when any thread makes an unsafe call; the
 * relaxed mode exempts this thread for good. Its own driver calls are never recorded. */
static void *control_main(void *unused)
{
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	struct thread *thread;

	(void)unused;
	prctl(PR_SET_NAME, "gputrail");
	thread = thread_self = thread_claim();
	if (thread)
		thread->ready = 0;
	if (real.cuThreadExchangeStreamCaptureMode)
		real.cuThreadExchangeStreamCaptureMode(&mode);
	cost_start();
	tell_level(WIRE_CAUSE_START, clock_wire());
	run();
	gpu_backend_stop();
	cost_total_ns();
	__atomic_store_n(&thread_state, THREAD_DONE, __ATOMIC_RELEASE);
	return NULL;
}

void control_start(void)
{
	enum wire_detail wanted = asked(&process.control->request);

	if (wanted == WIRE_DETAIL_HOST)
		gpu_backend_note("no GPU times were asked for", "");
	else if (wanted == WIRE_DETAIL_OFF)
		gpu_backend_note("recording was never started", "");
	change(wanted, false);
	process.control->now.detail = level;
}

void control_ready(void)
{
	sigset_t all, before;
	pthread_t thread;
	uint32_t state = THREAD_NONE;

	if (!__atomic_compare_exchange_n(&thread_state, &state, THREAD_RUNNING, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, control_main, NULL))
		__atomic_store_n(&thread_state, THREAD_DONE, __ATOMIC_RELEASE);
	else
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Waits for *word == value with a limit: what is waited for can hang inside of CUPTI, and the
 * program must not. */
static bool wait_for(uint32_t *word, uint32_t value)
{
	struct timespec pause = { 0, 500000 };
	struct patience patience = patience_of(STOP_LIMIT_NS, (uint64_t)pause.tv_nsec);

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
		if (!patience_left(&patience))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

bool control_is_running(void)
{
	return __atomic_load_n(&thread_state, __ATOMIC_ACQUIRE) == THREAD_RUNNING &&
		!__atomic_load_n(&stop_wanted, __ATOMIC_ACQUIRE);
}

bool control_wait(uint32_t *word, uint32_t value)
{
	futex(&process.control->request.sequence, FUTEX_WAKE, INT32_MAX, NULL);
	return wait_for(word, value);
}

void control_stop(void)
{
	if (__atomic_load_n(&thread_state, __ATOMIC_ACQUIRE) != THREAD_RUNNING)
		return;
	__atomic_store_n(&stop_wanted, true, __ATOMIC_RELEASE);
	wake_all(&process.control->request.sequence);
	if (!wait_for(&thread_state, THREAD_DONE))
		process_count(WIRE_COUNTER_flush_timeouts, 1);
}

void control_range(bool begins)
{
	struct wire_request *request = &process.control->request;
	uint32_t sequence;

	if (!request->capture_range ||
	    __atomic_load_n(&thread_state, __ATOMIC_ACQUIRE) != THREAD_RUNNING)
		return;
	__atomic_store_n(&request->is_stopped, !begins, __ATOMIC_RELAXED);
	sequence = __atomic_add_fetch(&request->sequence, 1, __ATOMIC_RELEASE);
	futex(&request->sequence, FUTEX_WAKE, INT32_MAX, NULL);
	if (!wait_for(&process.control->now.sequence, sequence))
		process_count(WIRE_COUNTER_flush_timeouts, 1);
}

void control_forget(void)
{
	thread_state = THREAD_NONE;
	stop_wanted = false;
	level = wanted_now = WIRE_DETAIL_UNTOLD;
	detach_at_ns = told_ns = told_cost_ns = 0;
	process.is_paused = is_governed = false;
	pending = PENDING_NONE;
	steps_forget();
	gpu_backend_forget();
}
