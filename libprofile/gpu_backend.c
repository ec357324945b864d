/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the GPU-time back end: chooses it, flushes it from an own thread, stops it at exit. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/gpu_backend.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define FLUSH_PERIOD_NS 50000000L
#define STOP_LIMIT_NS 2000000000ull

static const struct gpu_backend *backend;
static uint32_t thread_state;		/* enum flush_state */
static bool stop_wanted;
static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

enum flush_state { FLUSH_NONE, FLUSH_RUNNING, FLUSH_DONE };

void gpu_backend_note(const char *text, const char *detail)
{
	char *note = process.control->backend_note;
	size_t at = util_append(note, 0, sizeof(process.control->backend_note), text);

	util_append(note, at, sizeof(process.control->backend_note), detail);
}

void gpu_backend_start(void)
{
	if (!gpu_backend_cupti.start())
		return;
	backend = &gpu_backend_cupti;
	process.control->backend = backend->kind;
}

/* Sleeps one period; true when it is time to stop. */
static bool wait_period(void)
{
	struct timespec until;
	bool is_stop;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += FLUSH_PERIOD_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&wake_lock);
	if (!stop_wanted)
		pthread_cond_timedwait(&wake, &wake_lock, &until);
	is_stop = stop_wanted;
	pthread_mutex_unlock(&wake_lock);
	return is_stop;
}

/* Captures of other threads in the default mode fail when any thread makes an unsafe call; the
 * relaxed mode exempts this thread for good. Its own driver calls are never recorded. */
static void *flush_main(void *unused)
{
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	struct thread *thread;

	(void)unused;
	prctl(PR_SET_NAME, "gputrail-flush");
	thread = thread_self = thread_claim();
	if (thread)
		thread->ready = 0;
	if (real.cuThreadExchangeStreamCaptureMode)
		real.cuThreadExchangeStreamCaptureMode(&mode);
	while (!wait_period())
		backend->flush();
	backend->stop();
	__atomic_store_n(&thread_state, FLUSH_DONE, __ATOMIC_RELEASE);
	return NULL;
}

void gpu_backend_ready(void)
{
	sigset_t all, before;
	pthread_t thread;
	uint32_t state = FLUSH_NONE;

	if (!backend || !__atomic_compare_exchange_n(&thread_state, &state, FLUSH_RUNNING, false,
						     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if (backend->ready)
		backend->ready();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, flush_main, NULL))
		__atomic_store_n(&thread_state, FLUSH_DONE, __ATOMIC_RELEASE);
	else
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The last flush can hang inside of CUPTI; the exit must not. */
void gpu_backend_stop(void)
{
	struct timespec pause = { 0, 1000000 };
	uint64_t end = clock_monotonic_ns() + STOP_LIMIT_NS;

	if (!backend || __atomic_load_n(&thread_state, __ATOMIC_ACQUIRE) != FLUSH_RUNNING)
		return;
	pthread_mutex_lock(&wake_lock);
	stop_wanted = true;
	pthread_cond_signal(&wake);
	pthread_mutex_unlock(&wake_lock);
	while (__atomic_load_n(&thread_state, __ATOMIC_ACQUIRE) != FLUSH_DONE) {
		if (clock_monotonic_ns() >= end) {
			process_count(WIRE_COUNTER_flush_timeouts, 1);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

/* The parent's CUPTI state in this copy is unusable: its worker thread is not here. */
void gpu_backend_forget(void)
{
	static const pthread_mutex_t fresh_lock = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t fresh_wake = PTHREAD_COND_INITIALIZER;

	backend = NULL;
	thread_state = FLUSH_NONE;
	stop_wanted = false;
	memcpy(&wake_lock, &fresh_lock, sizeof(wake_lock));
	memcpy(&wake, &fresh_wake, sizeof(wake));
}
