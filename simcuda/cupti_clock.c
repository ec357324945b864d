/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of the records: by default REALTIME, as MONOTONIC plus one offset taken when the
 * library is loaded (SIMCUPTI_CLOCK_OFFSET_NS replaces it), so that tests can compare GPU times
 * with the simulator's own record exactly.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define CALIBRATION_ROUNDS 16
#define LATEST_NS 1000000u	/* a reading is recent for so long */
#define RATE_SAME 0.001		/* of two clocks that count nanoseconds */

static int64_t default_offset_ns;
static _Atomic int64_t offset_ns;
static _Atomic(CUpti_TimestampCallbackFunc) client_clock;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* One moment on MONOTONIC and on another clock. */
struct moment {
	uint64_t monotonic_ns, reading;
	bool is_same;			/* as far as can be seen, the two are one clock */
};

/* The narrowest of some bracketed readings. */
static struct moment moment_read(CUpti_TimestampCallbackFunc clock)
{
	struct moment moment = { .is_same = true };
	uint64_t narrowest = UINT64_MAX;

	for (int i = 0; i < CALIBRATION_ROUNDS; i++) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC);
		uint64_t reading = clock();
		uint64_t after = clock_ns(CLOCK_MONOTONIC);

		moment.is_same = moment.is_same && reading >= before && reading <= after;
		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		moment.monotonic_ns = before + narrowest / 2;
		moment.reading = reading;
	}
	return moment;
}

static int64_t offset_of(const struct moment *moment)
{
	return moment->is_same ? 0 : (int64_t)(moment->reading - moment->monotonic_ns);
}

/* The client's clock may tick otherwise, as counters of processors do. */
static pthread_mutex_t moments_lock = PTHREAD_MUTEX_INITIALIZER;
static struct moment registered, latest;

/* The kernel advances the two coarse clocks together: equal readings of one around a reading of
 * the other tell the exact difference, which is that of the fine clocks too. */
static int64_t realtime_offset(void)
{
	struct moment moment;

	for (int i = 0; i < CALIBRATION_ROUNDS; i++) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC_COARSE);
		uint64_t reading = clock_ns(CLOCK_REALTIME_COARSE);

		if (clock_ns(CLOCK_MONOTONIC_COARSE) == before)
			return (int64_t)(reading - before);
	}
	moment = moment_read(realtime_ns);
	return offset_of(&moment);
}

static void __attribute__((constructor(104))) clock_start(void)
{
	const char *fixed = getenv("SIMCUPTI_CLOCK_OFFSET_NS");

	default_offset_ns = fixed && *fixed ? strtoll(fixed, NULL, 0) : realtime_offset();
	atomic_store(&offset_ns, default_offset_ns);
}

int64_t simcupti_clock_offset_ns(void)
{
	return atomic_load_explicit(&offset_ns, memory_order_relaxed);
}

/* Between the moment of registration and one not long ago, or on from there. */
static uint64_t interpolate(CUpti_TimestampCallbackFunc clock, uint64_t monotonic_ns)
{
	uint64_t result;
	double rate;

	pthread_mutex_lock(&moments_lock);
	if (latest.monotonic_ns - registered.monotonic_ns < LATEST_NS ||
	    clock_ns(CLOCK_MONOTONIC) - latest.monotonic_ns > LATEST_NS)
		latest = moment_read(clock);
	rate = latest.monotonic_ns == registered.monotonic_ns ? 1 :
	       (double)(latest.reading - registered.reading) /
	       (double)(latest.monotonic_ns - registered.monotonic_ns);
	if (rate > 1 - RATE_SAME && rate < 1 + RATE_SAME)
		result = monotonic_ns + (uint64_t)simcupti_clock_offset_ns();
	else
		result = latest.reading +
			 (uint64_t)((double)(int64_t)(monotonic_ns - latest.monotonic_ns) * rate);
	pthread_mutex_unlock(&moments_lock);
	return result;
}

uint64_t cupti_clock_at(uint64_t monotonic_ns)
{
	CUpti_TimestampCallbackFunc clock = atomic_load_explicit(&client_clock, memory_order_relaxed);

	return clock ? interpolate(clock, monotonic_ns) :
		       monotonic_ns + (uint64_t)simcupti_clock_offset_ns();
}

uint64_t cupti_now_ns(void)
{
	CUpti_TimestampCallbackFunc clock = atomic_load_explicit(&client_clock, memory_order_relaxed);

	return clock ? clock() : cupti_clock_at(clock_ns(CLOCK_MONOTONIC));
}

CUptiResult cuptiGetTimestamp(uint64_t *timestamp)
{
	CUPTI_BEGIN(1108);
	if (!timestamp)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*timestamp = cupti_now_ns();
	return CUPTI_SUCCESS;
}

/* Forbidden once a kind is enabled, as records of two clocks would be mixed. */
CUptiResult cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc callback)
{
	CUPTI_BEGIN(1108);
	if (cupti_any_kind_is_on())
		return cupti_fail(CUPTI_ERROR_INVALID_OPERATION);
	if (callback) {
		pthread_mutex_lock(&moments_lock);
		registered = latest = moment_read(callback);
		pthread_mutex_unlock(&moments_lock);
	}
	atomic_store(&offset_ns, callback ? offset_of(&registered) : default_offset_ns);
	atomic_store(&client_clock, callback);
	return CUPTI_SUCCESS;
}
