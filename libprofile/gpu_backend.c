/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the GPU-time back end. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/gpu_backend.h"

#include <string.h>

#include "libprofile/cupti.h"
#include "libprofile/cupti_lend.h"
#include "libprofile/env.h"
#include "libprofile/events.h"

static const struct gpu_backend *backend;
static bool is_attached;

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

static void note_borrower(void)
{
	gpu_backend_note(cupti_lend_borrower(), " uses CUPTI in this process: no GPU times until one "
			 "second after it has done");
}

bool gpu_backend_attach(bool again)
{
	if (is_attached && (backend != &gpu_backend_events || !again))
		return true;
	if (!strcmp(env_get(ENV_GPUTRAIL_CUPTI), "off")) {
		gpu_backend_note("switched off by GPUTRAIL_CUPTI=off; host times only", "");
		return false;
	}
	/* Beside a profile in progress there are not even events of ours, which it would show. */
	if (strcmp(env_get(ENV_GPUTRAIL_CUPTI), "events") && !cupti_lend_take_back() &&
	    !cupti_lend_is_subscribed()) {
		note_borrower();
		return is_attached;
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

bool gpu_backend_holds_cupti(void)
{
	return is_attached && backend == &gpu_backend_cupti;
}

void gpu_backend_lend(void)
{
	if (gpu_backend_holds_cupti()) {
		cupti_give_up();
		is_attached = false;
		note_borrower();
	}
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

/* The parent's CUPTI state in this copy is unusable: its worker thread is not here. */
void gpu_backend_forget(void)
{
	backend = NULL;
	is_attached = false;
	gpu_window_forget();
	events_forget();
	cupti_lend_forget();
}
