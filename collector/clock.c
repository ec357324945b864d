/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion of the clocks: see clock.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/clock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEEP_EVERY_NS 1000000		/* a new anchor at most every millisecond */
#define TRIES 5

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return (uint64_t)read_clock(CLOCK_MONOTONIC);
#endif
}

int64_t clock_now(const struct clock *clock)
{
	return read_clock(CLOCK_MONOTONIC) - clock->origin_ns;
}

/*
 * REALTIME - MONOTONIC to the nanosecond. The kernel advances both COARSE clocks in one step, so
 * two equal readings of one around a reading of the other tell their exact difference, and the
 * fine clocks have the same one. Where a sandbox answers otherwise it lies outside of the
 * fine clocks' bracket.
 */
static bool realtime_offset_read(int64_t low, int64_t high, int64_t *offset)
{
	for (int i = 0; i < TRIES; i++) {
		int64_t before = read_clock(CLOCK_MONOTONIC_COARSE);
		int64_t realtime = read_clock(CLOCK_REALTIME_COARSE);

		if (read_clock(CLOCK_MONOTONIC_COARSE) != before)
			continue;
		*offset = realtime - before;
		return *offset >= low && *offset <= high;
	}
	return false;
}

/* The tightest of a few brackets: being preempted in between widens it. */
static void take_pair(struct clock_pair *best)
{
	int64_t low = INT64_MIN, high = INT64_MAX, offset;

	best->ticks_error_ns = best->realtime_error_ns = INT64_MAX;
	for (int i = 0; i < TRIES; i++) {
		int64_t before = read_clock(CLOCK_MONOTONIC);
		uint64_t ticks = clock_ticks();
		int64_t between = read_clock(CLOCK_MONOTONIC);
		int64_t realtime = read_clock(CLOCK_REALTIME);
		int64_t after = read_clock(CLOCK_MONOTONIC);

		if (between - before < best->ticks_error_ns) {
			best->ticks_error_ns = between - before;
			best->ticks = ticks;
			best->monotonic_ns = before + (between - before) / 2;
		}
		if (after - between < best->realtime_error_ns) {
			best->realtime_error_ns = after - between;
			best->realtime_ns = realtime - (between + (after - between) / 2);
			low = realtime - after;
			high = realtime - between;
		}
	}
	if (realtime_offset_read(low, high, &offset)) {
		best->realtime_ns = offset;
		best->realtime_error_ns = 0;
	}
	best->realtime_ns += best->monotonic_ns;
}

/* The older half gives every second anchor: long runs keep a coarse far past. */
static void thin(struct clock *clock)
{
	uint32_t out = 0, half = clock->anchor_count / 2;

	for (uint32_t i = 0; i < clock->anchor_count; i++)
		if (i >= half || i % 2 == 0)
			clock->anchors[out++] = clock->anchors[i];
	clock->anchor_count = out;
}

void clock_add(struct clock *clock, const struct clock_pair *pair)
{
	struct clock_anchor *last = clock->anchors + clock->anchor_count - 1;
	int64_t offset = pair->monotonic_ns - pair->realtime_ns;

	if (clock->anchor_count == 0 ||
	    (pair->monotonic_ns >= last->ns + KEEP_EVERY_NS && pair->ticks > last->ticks)) {
		if (clock->anchor_count == CLOCK_ANCHORS)
			thin(clock);
		clock->anchors[clock->anchor_count++] =
			(struct clock_anchor){ pair->ticks, pair->monotonic_ns };
		if (pair->ticks_error_ns > clock->error_ns)
			clock->error_ns = pair->ticks_error_ns;
	}
	if (!clock->step_count)
		clock->first_offset_ns = offset;
	else if (llabs(offset - clock->steps[clock->step_count - 1].offset_ns) <=
		 pair->realtime_error_ns + clock->steps[clock->step_count - 1].error_ns)
		return;
	if (clock->step_count == CLOCK_STEPS)
		memmove(clock->steps, clock->steps + 1,
			sizeof(clock->steps[0]) * --clock->step_count);
	clock->steps[clock->step_count].from_realtime_ns =
		clock->step_count ? pair->realtime_ns : 0;
	clock->steps[clock->step_count].error_ns = pair->realtime_error_ns;
	clock->steps[clock->step_count++].offset_ns = offset;
	if (pair->realtime_error_ns > clock->realtime_error_ns)
		clock->realtime_error_ns = pair->realtime_error_ns;
}

void clock_sample(struct clock *clock)
{
	struct clock_pair pair;

	take_pair(&pair);
	clock_add(clock, &pair);
}

int clock_init(struct clock *clock)
{
	struct timespec pause = { .tv_nsec = 2 * KEEP_EVERY_NS };

	*clock = (struct clock){ .anchors = calloc(CLOCK_ANCHORS, sizeof(*clock->anchors)) };
	if (!clock->anchors)
		return -1;
	clock->origin_ns = read_clock(CLOCK_MONOTONIC);
	clock_sample(clock);
	clock->origin_realtime_ns = clock->origin_ns - clock->steps[0].offset_ns;
	nanosleep(&pause, NULL);	/* two anchors make a rate */
	clock_sample(clock);
	return 0;
}

void clock_free(struct clock *clock)
{
	free(clock->anchors);
	clock->anchors = NULL;
}

int64_t clock_realtime_moved(const struct clock *clock)
{
	return clock->first_offset_ns - clock->steps[clock->step_count - 1].offset_ns;
}

static double rate(const struct clock_anchor *from, const struct clock_anchor *to)
{
	return (double)(to->ticks - from->ticks) / (double)(to->ns - from->ns);
}

int64_t clock_drift_ppb(const struct clock *clock)
{
	const struct clock_anchor *first = clock->anchors, *middle = first;
	const struct clock_anchor *last = first + clock->anchor_count - 1;

	if (clock->anchor_count < 3)
		return 0;
	while (middle->ns - first->ns < (last->ns - first->ns) / 2)
		middle++;
	if (middle == last)
		return 0;
	return (int64_t)((rate(middle, last) / rate(first, middle) - 1) * 1e9);
}

int64_t clock_from_ticks(const struct clock *clock, uint64_t ticks)
{
	const struct clock_anchor *anchors = clock->anchors;
	uint32_t low = 0, high = clock->anchor_count - 1;
	double rate;

	if (clock->anchor_count < 2)
		return anchors[0].ns - clock->origin_ns;
	if (ticks >= anchors[high - 1].ticks)
		low = high - 1;
	while (high - low > 1) {	/* anchors[low] <= ticks < anchors[high] */
		uint32_t middle = low + (high - low) / 2;

		if (ticks >= anchors[middle].ticks)
			low = middle;
		else
			high = middle;
	}
	/* Before the first anchor a rate over all of the run is better than over one step. */
	if (ticks < anchors[0].ticks)
		high = clock->anchor_count - 1;
	rate = (double)(anchors[high].ns - anchors[low].ns) /
	       (double)(anchors[high].ticks - anchors[low].ticks);
	rate *= (double)(int64_t)(ticks - anchors[low].ticks);
	/* A counter from nowhere must not overflow. */
	if (rate > 1e18 || rate < -1e18)
		rate = rate > 0 ? 1e18 : -1e18;
	return anchors[low].ns - clock->origin_ns + (int64_t)rate;
}

int64_t clock_from_monotonic(const struct clock *clock, uint64_t ns)
{
	return (int64_t)(ns - (uint64_t)clock->origin_ns);
}

int64_t clock_from_realtime(const struct clock *clock, uint64_t ns)
{
	uint32_t i = clock->step_count - 1;

	while (i > 0 && (int64_t)ns < clock->steps[i].from_realtime_ns)
		i--;
	return (int64_t)(ns + (uint64_t)clock->steps[i].offset_ns - (uint64_t)clock->origin_ns);
}
