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

#include <stdlib.h>
#include <time.h>

#define CALIBRATION_ROUNDS 16

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

/* The offset of the narrowest of some bracketed readings; 0 for a clock that is MONOTONIC. */
static int64_t calibrate(CUpti_TimestampCallbackFunc clock)
{
	uint64_t narrowest = UINT64_MAX;
	int64_t offset = 0;
	bool is_inside = true;

	for (int i = 0; i < CALIBRATION_ROUNDS; i++) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC);
		uint64_t reading = clock();
		uint64_t after = clock_ns(CLOCK_MONOTONIC);

		is_inside = is_inside && reading >= before && reading <= after;
		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		offset = (int64_t)(reading - (before + narrowest / 2));
	}
	return is_inside ? 0 : offset;
}

/* The kernel advances the two coarse clocks together: equal readings of one around a reading of
 * the other tell the exact difference, which is that of the fine clocks too. */
static int64_t realtime_offset(void)
{
	for (int i = 0; i < CALIBRATION_ROUNDS; i++) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC_COARSE);
		uint64_t reading = clock_ns(CLOCK_REALTIME_COARSE);

		if (clock_ns(CLOCK_MONOTONIC_COARSE) == before)
			return (int64_t)(reading - before);
	}
	return calibrate(realtime_ns);
}

static void __attribute__((constructor(104))) clock_start(void)
{
	const char *fixed = getenv("SIMCUPTI_CLOCK_OFFSET_NS");

	default_offset_ns = fixed && *fixed ? strtoll(fixed, NULL, 0) : realtime_offset();
	atomic_store(&offset_ns, default_offset_ns);
}

int64_t cupti_clock_offset(void)
{
	return atomic_load_explicit(&offset_ns, memory_order_relaxed);
}

int64_t simcupti_clock_offset_ns(void)
{
	return cupti_clock_offset();
}

uint64_t cupti_now_ns(void)
{
	CUpti_TimestampCallbackFunc clock = atomic_load_explicit(&client_clock, memory_order_relaxed);

	return clock ? clock() : clock_ns(CLOCK_MONOTONIC) + (uint64_t)cupti_clock_offset();
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
	atomic_store(&offset_ns, callback ? calibrate(callback) : default_offset_ns);
	atomic_store(&client_clock, callback);
	return CUPTI_SUCCESS;
}
