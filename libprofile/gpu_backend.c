/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the GPU-time back end, and keeps which correlation ids it has GPU records for. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/gpu_backend.h"

#include <string.h>

#include "libprofile/env.h"
#include "libprofile/events.h"

#define WINDOWS_KEPT 16u		/* records of older windows have all come */
#define EDGE 64				/* calls that may be in progress at once */

struct gpu_window gpu_window;

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

void gpu_window_open(void)
{
	gpu_window.first = greatest_correlation() + 1;
	__atomic_store_n(&gpu_window.since, clock_wire(), __ATOMIC_RELAXED);
	__atomic_store_n(&gpu_window.is_open, true, __ATOMIC_RELEASE);
}

void gpu_window_close(void)
{
	if (!gpu_window.is_open)
		return;
	gpu_window.last = greatest_correlation();
	__atomic_store_n(&gpu_window.is_open, false, __ATOMIC_RELEASE);
	past[past_count % WINDOWS_KEPT].first = gpu_window.first;
	past[past_count++ % WINDOWS_KEPT].last = gpu_window.last;
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
	events_forget();
}
