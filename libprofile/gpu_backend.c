/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the GPU-time back end, and keeps which correlation ids it has GPU records for. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/gpu_backend.h"

#include <sched.h>
#include <string.h>

#include "libprofile/env.h"
#include "libprofile/events.h"

#define WINDOWS_KEPT 16u		/* records of older windows have all come */
#define EDGE 64				/* calls that may be in progress at once */

struct gpu_window gpu_window;
static bool is_kept = true;		/* the last window is among the past ones */
static bool opens_at_step;
enum { STEP_NONE, STEP_OPENS, STEP_CLOSES, STEP_TAKEN };
static uint32_t awaited;		/* what the begin of the next step is to do */

static const struct gpu_backend *backend;
static bool is_attached;
static struct { uint32_t first, last; } past[WINDOWS_KEPT];
static uint32_t past_count;

void gpu_backend_note(const char *text, const char *detail)
{
	char *note = process.control->backend_note;
	size_t at = util_append(note, 0, sizeof(process.control->backend_note), text);

	util_append(note, at, sizeof(process.control->backend_note), detail);
}

static void note_more(const char *text)
{
	char *note = process.control->backend_note;

	util_append(note, strlen(note), sizeof(process.control->backend_note), text);
}

bool gpu_backend_attach(bool again)
{
	if (is_attached && (backend != &gpu_backend_events || !again))
		return true;
	if (!strcmp(env_get(ENV_GPUTRAIL_CUPTI), "off")) {
		gpu_backend_note("switched off by GPUTRAIL_CUPTI=off; host times only", "");
		return false;
	}
	if (is_attached) {		/* perhaps something better than events is to be had now */
		backend->level(WIRE_DETAIL_HOST);
		backend->flush();
		backend->detach();
	}
	if (gpu_backend_cupti.attach()) {
		backend = &gpu_backend_cupti;
	} else if (gpu_backend_events.attach()) {
		backend = &gpu_backend_events;
		note_more("; GPU times of some launches from CUDA events");
	} else {
		note_more("; host times only");
		is_attached = false;
		return false;
	}
	process.control->backend = backend->kind;
	is_attached = true;
	return true;
}

bool gpu_backend_is_attached(void)
{
	return is_attached;
}

enum wire_detail gpu_backend_best(enum wire_detail wanted)
{
	if (!is_attached)
		return WIRE_DETAIL_HOST;
	return backend == &gpu_backend_events ? WIRE_DETAIL_EVENTS : wanted;
}

void gpu_backend_level(enum wire_detail level)
{
	if (is_attached)
		backend->level(level);
}

void gpu_backend_flush(void)
{
	if (is_attached)
		backend->flush();
}

void gpu_backend_detach(void)
{
	if (is_attached)
		backend->detach();
	is_attached = false;
}

void gpu_backend_stop(void)
{
	if (is_attached)
		backend->stop();
}

/* Ids only grow, so every id that a callback has not told of yet is greater than all it has. */
static uint32_t greatest_correlation(void)
{
	uint32_t count = __atomic_load_n(&process.control->ring_count, __ATOMIC_ACQUIRE);
	uint32_t greatest = gpu_window.last;

	for (uint32_t i = 0; i < count && i < WIRE_RINGS_MAX; i++) {
		uint32_t last = __atomic_load_n(&process.threads[i].last_correlation,
						__ATOMIC_RELAXED);

		if (last && (!greatest || (int32_t)(last - greatest) > 0))
			greatest = last;
	}
	return greatest;
}

static void open_from(uint32_t first, uint64_t at)
{
	gpu_window.first = first;
	is_kept = false;
	__atomic_store_n(&gpu_window.since, at, __ATOMIC_RELAXED);
	__atomic_store_n(&gpu_window.is_open, true, __ATOMIC_RELEASE);
}

static void close_with(uint32_t last, uint64_t at)
{
	gpu_window.last = last;
	gpu_window.until = at;
	__atomic_store_n(&gpu_window.is_open, false, __ATOMIC_RELEASE);
}

void gpu_window_open(void)
{
	if (opens_at_step)
		__atomic_store_n(&awaited, STEP_OPENS, __ATOMIC_RELEASE);
	else
		open_from(greatest_correlation() + 1, clock_wire());
}

void gpu_window_close(void)
{
	gpu_window_settled(true);
	if (gpu_window.is_open)
		close_with(greatest_correlation(), clock_wire());
	if (is_kept)
		return;
	is_kept = true;
	past[past_count % WINDOWS_KEPT].first = gpu_window.first;
	past[past_count++ % WINDOWS_KEPT].last = gpu_window.last;
}

/* --- windows that begin and end with steps ------------------------------------------------- */

void gpu_window_at_step(bool waits)
{
	opens_at_step = waits;
}

void gpu_window_close_at_step(void)
{
	if (gpu_window.is_open)
		__atomic_store_n(&awaited, STEP_CLOSES, __ATOMIC_RELEASE);
}

/* Whoever takes it from the others does it. */
static void step_take(uint32_t what, uint32_t first, uint64_t at)
{
	if (!__atomic_compare_exchange_n(&awaited, &what, STEP_TAKEN, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return;
	if (what == STEP_OPENS)
		open_from(first, at);
	else
		close_with(first - 1, at);
	__atomic_store_n(&awaited, STEP_NONE, __ATOMIC_RELEASE);
}

void gpu_window_step(uint32_t correlation, uint64_t begin)
{
	uint32_t what = __atomic_load_n(&awaited, __ATOMIC_ACQUIRE);

	if ((what == STEP_OPENS || what == STEP_CLOSES) && correlation)
		step_take(what, correlation, begin);
}

bool gpu_window_settled(bool now)
{
	uint32_t what = __atomic_load_n(&awaited, __ATOMIC_ACQUIRE);

	if (now && (what == STEP_OPENS || what == STEP_CLOSES))
		step_take(what, greatest_correlation() + 1, clock_wire());
	/* A thread that has taken it needs a few instructions; it may have been put aside in between. */
	while ((what = __atomic_load_n(&awaited, __ATOMIC_ACQUIRE)) == STEP_TAKEN)
		sched_yield();
	return what == STEP_NONE;
}

static enum gpu_watched watched(uint32_t correlation, uint32_t first, uint32_t last, bool is_open)
{
	int32_t after = (int32_t)(correlation - first), before = (int32_t)(last - correlation);

	if (after < -EDGE || (!is_open && before < -EDGE))
		return GPU_UNWATCHED;
	return (after < EDGE && past_count) || (!is_open && before < EDGE) ? GPU_WATCHED_EDGE :
									     GPU_WATCHED;
}

enum gpu_watched gpu_window_had(uint32_t correlation)
{
	enum gpu_watched is = watched(correlation, gpu_window.first, gpu_window.last,
				      gpu_window.is_open);

	if (!correlation)
		return GPU_WATCHED;
	for (uint32_t i = 0; i < past_count && i < WINDOWS_KEPT && !is; i++)
		is = watched(correlation, past[i].first, past[i].last, false);
	return is;
}

/* The parent's CUPTI state in this copy is unusable: its worker thread is not here. */
void gpu_backend_forget(void)
{
	backend = NULL;
	is_attached = false;
	gpu_window = (struct gpu_window){ .is_open = false };
	past_count = 0;
	is_kept = true;
	opens_at_step = false;
	awaited = STEP_NONE;
	events_forget();
}
