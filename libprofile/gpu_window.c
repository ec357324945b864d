/* SPDX-License-Identifier: Apache-2.0 */
/* Which correlation ids have GPU records: see gpu_window.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/gpu_window.h"

#define WINDOWS_KEPT 16u		/* records of older windows have all come */

struct gpu_window gpu_window;
static bool is_going_on;		/* the window is wanted, and not among the past ones yet */
static bool has_begun;			/* is known to have opened */
static bool opens_at_step;
static uint64_t asked_at;		/* wire clock: since then a step is waited for */

struct span {				/* as in struct gpu_window */
	uint32_t first, last;
	uint32_t begun, ended;
};
static struct span past[WINDOWS_KEPT];
static uint32_t past_count;

/* --- which calls belong to it --------------------------------------------------------------- */

static uint32_t threads(void)
{
	uint32_t count = __atomic_load_n(&process.control->ring_count, __ATOMIC_ACQUIRE);

	return count < WIRE_RINGS_MAX ? count : WIRE_RINGS_MAX;
}

static bool is_after(uint32_t id, uint32_t other)
{
	return (int32_t)(id - other) > 0;
}

/* Ids only grow, so every id that a callback has not told of yet is greater than all it has. */
static uint32_t greatest_correlation(void)
{
	uint32_t greatest = gpu_window.last;

	for (uint32_t i = 0; i < threads(); i++) {
		uint32_t last = __atomic_load_n(&process.threads[i].last_correlation,
						__ATOMIC_RELAXED);

		if (last && (!greatest || is_after(last, greatest)))
			greatest = last;
	}
	return greatest;
}

/* The id of the call that this thread is in; 0: none. */
static uint32_t in_progress(uint32_t thread)
{
	return __atomic_load_n(&process.control->rings[thread].current_api, __ATOMIC_ACQUIRE) ?
		__atomic_load_n(&process.threads[thread].correlation, __ATOMIC_RELAXED) : 0;
}

bool gpu_window_calls_on_their_way(void)
{
	for (uint32_t i = 0; i < threads(); i++) {
		uint32_t id = in_progress(i);

		if (id && !is_after(id, gpu_window.last))
			return true;
	}
	return false;
}

static bool is_in_progress(uint32_t correlation)
{
	for (uint32_t i = 0; i < threads(); i++)
		if (in_progress(i) == correlation)
			return true;
	return false;
}

/* --- opening and closing -------------------------------------------------------------------- */

static uint32_t awaited(void)
{
	return __atomic_load_n(&gpu_window.awaited, __ATOMIC_ACQUIRE);
}

static void await(enum gpu_await what)
{
	asked_at = clock_wire();
	__atomic_store_n(&gpu_window.awaited, what, __ATOMIC_RELEASE);
}

static bool await_instead(uint32_t what, enum gpu_await other)
{
	return __atomic_compare_exchange_n(&gpu_window.awaited, &what, other, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* A thread that has taken it needs a few instructions, and may not have the processor for them. */
static void let_taker_pass(void)
{
	struct timespec pause = { 0, 50000 };

	while (awaited() == GPU_AWAIT_TAKEN)
		nanosleep(&pause, NULL);
}

static void await_nothing(void)
{
	uint32_t what;

	while ((what = awaited()) != GPU_AWAIT_NONE) {
		if (what != GPU_AWAIT_TAKEN)
			await_instead(what, GPU_AWAIT_NONE);
		let_taker_pass();
	}
}

static bool is_open(void)
{
	return __atomic_load_n(&gpu_window.is_open, __ATOMIC_SEQ_CST);
}

static void open_from(uint32_t first, uint64_t at)
{
	gpu_window.first = first;
	__atomic_store_n(&gpu_window.since, at, __ATOMIC_RELAXED);
	__atomic_store_n(&gpu_window.is_open, true, __ATOMIC_SEQ_CST);
	gpu_window.begun = greatest_correlation();
}

static void close_with(uint32_t last, uint64_t at)
{
	gpu_window.last = last;
	gpu_window.until = at;
	__atomic_store_n(&gpu_window.is_open, false, __ATOMIC_SEQ_CST);
	gpu_window.ended = greatest_correlation();
}

/* Whoever takes it from the others does it. */
void gpu_window_take(enum gpu_await what, uint32_t first, uint64_t at)
{
	if (!await_instead(what, GPU_AWAIT_TAKEN))
		return;
	if (what == GPU_AWAIT_STEP_CLOSES)
		close_with(first - 1, at);
	else
		open_from(first, at);
	__atomic_store_n(&gpu_window.awaited, GPU_AWAIT_NONE, __ATOMIC_RELEASE);
}

/* Calls in progress now may have begun when CUPTI told no ids, and lead to work with ids that nobody
 * knows; those are smaller than the next call's. Before the program's first call there are none. */
void gpu_window_open(void)
{
	is_going_on = true;
	if (opens_at_step) {
		await(GPU_AWAIT_STEP_OPENS);
	} else if (process.cuda_ready) {
		gpu_window.since = clock_wire();
		await(GPU_AWAIT_CALL);
	} else {
		open_from(greatest_correlation() + 1, clock_wire());
	}
}

void gpu_window_close(void)
{
	await_nothing();
	has_begun |= is_open();
	if (is_open())
		close_with(greatest_correlation(), clock_wire());
	else if (!has_begun)
		gpu_window.until = clock_wire();
	if (has_begun) {
		past[past_count++ % WINDOWS_KEPT] = (struct span){
			gpu_window.first, gpu_window.last, gpu_window.begun, gpu_window.ended };
		gpu_window.before_first = gpu_window.first;
		gpu_window.before_last = gpu_window.last;
	}
	is_going_on = has_begun = false;
}

/* --- windows that begin and end with steps ------------------------------------------------- */

void gpu_window_at_step(bool waits)
{
	opens_at_step = waits;
}

void gpu_window_close_at_step(void)
{
	await_nothing();
	has_begun = is_open();
	if (has_begun)
		await(GPU_AWAIT_STEP_CLOSES);
}

/* A call that began before it was asked for may have GPU records that were looked at already. */
void gpu_window_step(uint32_t correlation, uint64_t begin)
{
	uint32_t what = awaited();

	if ((what == GPU_AWAIT_STEP_OPENS || what == GPU_AWAIT_STEP_CLOSES) && correlation &&
	    (int64_t)(begin - asked_at) > 0)
		gpu_window_take(what, correlation, begin);
}

bool gpu_window_settled(bool now)
{
	uint32_t what = awaited();

	if (now && what == GPU_AWAIT_STEP_OPENS && await_instead(what, GPU_AWAIT_CALL))
		__atomic_store_n(&gpu_window.since, clock_wire(), __ATOMIC_RELAXED);
	if (now && what == GPU_AWAIT_STEP_CLOSES) {
		await_nothing();
		if (is_open())
			close_with(greatest_correlation(), clock_wire());
	}
	if (now)
		let_taker_pass();
	what = awaited();
	return what == GPU_AWAIT_NONE || what == GPU_AWAIT_CALL;
}

/* --- records that come ----------------------------------------------------------------------- */

static enum gpu_watched watched(uint32_t correlation, const struct span *in)
{
	if (is_after(in->first, correlation) || is_after(correlation, in->ended))
		return GPU_UNWATCHED;
	return is_after(correlation, in->begun) && !is_after(correlation, in->last) ?
		GPU_WATCHED : GPU_WATCHED_EDGE;
}

/* Of the window that goes on: until it is closed no call is its last. */
static enum gpu_watched watched_now(uint32_t correlation)
{
	struct span span = { gpu_window.first, correlation, gpu_window.begun, correlation };

	if (awaited() != GPU_AWAIT_NONE)	/* a step closes it, perhaps before this call */
		span.begun = correlation;
	else if (!is_open())
		span = (struct span){ span.first, gpu_window.last, span.begun, gpu_window.ended };
	return watched(correlation, &span);
}

enum gpu_watched gpu_window_had(uint32_t correlation)
{
	enum gpu_watched is = GPU_UNWATCHED;
	bool may_open = false;

	if (!correlation)
		return GPU_WATCHED;
	/* In this order: a call that is not in progress any more has looked before this does. */
	if (is_going_on && !has_begun) {
		may_open = is_in_progress(correlation) || awaited() == GPU_AWAIT_TAKEN;
		has_begun = is_open() && awaited() != GPU_AWAIT_TAKEN;
	}
	if (has_begun)
		is = watched_now(correlation);
	else if (may_open)
		is = GPU_WATCHED_EDGE;
	for (uint32_t i = 0; i < past_count && i < WINDOWS_KEPT && !is; i++)
		is = watched(correlation, &past[i]);
	return is;
}

void gpu_window_forget(void)
{
	gpu_window = (struct gpu_window){ .is_open = false };
	past_count = 0;
	is_going_on = has_begun = opens_at_step = false;
}
