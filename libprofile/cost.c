/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What recording costs this process: the hooks from a sample of them, CUPTI's part from the
 * launches' times with and without it, the control thread's from its own clock. What a profiler
 * costs the GPU itself cannot be seen from here.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/cost.h"

#define CLOCK_READS 64
#define CALIBRATION_NS 1000000u		/* shorter spans of time would not tell the ticks' length */

static uint64_t start_ticks, start_ns, clock_ticks;	/* clock_ticks: of CLOCK_READS reads */
static uint64_t total_ns;

void cost_start(void)
{
	start_ns = clock_monotonic_ns();
	start_ticks = clock_wire();
	for (int i = 1; i < CLOCK_READS; i++)
		clock_wire();
	clock_ticks = clock_wire() - start_ticks;
	total_ns = 0;
}

struct sums {
	uint64_t calls, leave_ticks, leave_samples;
	uint64_t launches[2], launch_ticks[2];
};

static void add_up(struct sums *sums)
{
	uint32_t count = __atomic_load_n(&process.control->ring_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count && i < WIRE_RINGS_MAX; i++) {
		const struct thread *thread = &process.threads[i];

		sums->calls += __atomic_load_n(&thread->calls, __ATOMIC_RELAXED);
		sums->leave_ticks += __atomic_load_n(&thread->leave_ticks, __ATOMIC_RELAXED);
		sums->leave_samples += __atomic_load_n(&thread->leave_samples, __ATOMIC_RELAXED);
		for (int on = 0; on < 2; on++) {
			sums->launches[on] += __atomic_load_n(&thread->launches[on],
							      __ATOMIC_RELAXED);
			sums->launch_ticks[on] += __atomic_load_n(&thread->launch_ticks[on],
								  __ATOMIC_RELAXED);
		}
	}
}

static double mean(uint64_t total, uint64_t count)
{
	return count ? (double)total / (double)count : 0;
}

/* Needs launches without it to compare with; where it is always on there are none. */
static double cupti_ticks(const struct sums *sums)
{
	double more = mean(sums->launch_ticks[1], sums->launches[1]) -
		mean(sums->launch_ticks[0], sums->launches[0]);

	return sums->launches[0] && more > 0 ? more * (double)sums->launches[1] : 0;
}

static uint64_t thread_ns(void)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t publish(enum wire_counter counter, uint64_t value)
{
	__atomic_store_n(&process.control->counters[counter], value, __ATOMIC_RELAXED);
	return value;
}

double cost_ns_per_tick(void)
{
	uint64_t now_ns = clock_monotonic_ns(), now_ticks = clock_wire();

	if (now_ns - start_ns < CALIBRATION_NS || now_ticks == start_ticks)
		return 0;
	return (double)(now_ns - start_ns) / (double)(now_ticks - start_ticks);
}

/* A call reads the clock twice itself, and what it does before the driver is no more than that. */
uint64_t cost_total_ns(void)
{
	struct sums sums = { 0 };
	double ns_per_tick = cost_ns_per_tick(), hook;
	uint64_t sum;

	if (ns_per_tick <= 0)
		return total_ns;
	add_up(&sums);
	hook = mean(sums.leave_ticks, sums.leave_samples) + 2.0 * (double)clock_ticks / CLOCK_READS;
	sum = publish(WIRE_COUNTER_overhead_hook_ns,
		      (uint64_t)(hook * (double)sums.calls * ns_per_tick));
	sum += publish(WIRE_COUNTER_overhead_cupti_ns, (uint64_t)(cupti_ticks(&sums) * ns_per_tick));
	sum += publish(WIRE_COUNTER_overhead_thread_ns, thread_ns());
	if (sum > total_ns)
		total_ns = sum;
	return total_ns;
}
