/* SPDX-License-Identifier: Apache-2.0 */
/* The governor against made-up costs and a made-up clock: it holds its budget and wastes little. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libprofile/governor.h"

#define SECOND 1000000000ull
#define STEP 10000000ull	/* between looks when nothing is due, as the flush period */

struct world {
	struct governor governor;
	uint64_t now_ns, cost_ns, on_ns;
	double on, off;			/* cost by time */
	uint32_t windows;
	bool was_on;
};

static void run(struct world *w, uint64_t seconds)
{
	uint64_t end_ns = w->now_ns + seconds * SECOND, next_ns;

	while (w->now_ns < end_ns) {
		bool is_on = governor_step(&w->governor, w->now_ns, w->cost_ns, w->was_on, &next_ns);
		uint64_t until = next_ns < w->now_ns + STEP ? next_ns : w->now_ns + STEP;
		uint64_t time = until - w->now_ns;

		assert_true(next_ns > w->now_ns);
		w->windows += is_on && !w->was_on;
		w->was_on = is_on;
		w->on_ns += is_on ? time : 0;
		w->cost_ns += (uint64_t)((is_on ? w->on : w->off) * (double)time);
		w->now_ns = until;
	}
}

static struct world begin(uint32_t budget_ppm, double on, double off)
{
	struct world w = { .now_ns = 77 * SECOND, .on = on, .off = off };

	governor_start(&w.governor, budget_ppm, w.now_ns, 0, 12345);
	return w;
}

/* Cost and share of detail of the next seconds. */
static double cost_of(struct world *w, uint64_t seconds, double *duty)
{
	uint64_t cost_ns = w->cost_ns, on_ns = w->on_ns;

	run(w, seconds);
	*duty = (double)(w->on_ns - on_ns) / (double)(seconds * SECOND);
	return (double)(w->cost_ns - cost_ns) / (double)(seconds * SECOND);
}

static void test_budget_is_held(void **state)
{
	static const struct { double on, off; } costs[] = {
		{ 0.20, 0.005 }, { 0.05, 0.001 }, { 0.60, 0.01 }, { 0.03, 0 }, { 1.5, 0.002 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		struct world w = begin(20000, costs[i].on, costs[i].off);
		double duty, best = (0.02 - costs[i].off) / (costs[i].on - costs[i].off);
		double cost = cost_of(&w, 60, &duty);

		assert_true(cost <= 0.02 * 1.15);	/* the first period was before it knew */
		cost = cost_of(&w, 60, &duty);
		assert_true(cost <= 0.02 * 1.01);
		/* And what the budget allows is taken, but for what a window cannot do. */
		assert_true(duty >= 0.9 * best || duty <= 0.0101);
	}
}

static void test_cheap_is_always_on(void **state)
{
	struct world w = begin(20000, 0.015, 0.001);
	double duty;

	(void)state;
	run(&w, 3);
	assert_true(cost_of(&w, 20, &duty) <= 0.02);
	assert_true(duty == 1);
}

static void test_calls_alone_exceed_it(void **state)
{
	struct world w = begin(20000, 0.4, 0.03);
	double duty;

	(void)state;
	run(&w, 5);
	cost_of(&w, 60, &duty);
	/* A hundredth of the time, so that there is something to estimate from. */
	assert_true(duty > 0.005 && duty < 0.011);
}

static void test_follows_a_change(void **state)
{
	struct world w = begin(20000, 0.01, 0.001);
	double duty;

	(void)state;
	run(&w, 20);
	assert_true(w.was_on);
	w.on = 0.5;			/* thousands of tiny kernels */
	run(&w, 60);
	assert_true(cost_of(&w, 60, &duty) <= 0.02 * 1.02);
	assert_true(duty > 0.03 && duty < 0.05);
	w.on = 0.01;
	run(&w, 20);
	cost_of(&w, 20, &duty);
	assert_true(duty > 0.9);
}

static void test_fixed_share(void **state)
{
	struct world w = begin(0, 0.9, 0.5);
	double duty;

	(void)state;
	cost_of(&w, 200, &duty);
	assert_true(duty > 0.0999 && duty < 0.1001);
	assert_true(w.windows >= 195 && w.windows <= 200);
}

/* Windows that kept step with the program would see always the same part of it. */
static void test_windows_are_spread(void **state)
{
	struct governor g;
	uint64_t now = 0, next;
	int tenths[10] = { 0 };
	bool is_on = false;

	(void)state;
	governor_start(&g, 0, 0, 0, 99);
	for (int i = 0; i < 20000; i++) {
		is_on = governor_step(&g, now, 0, is_on, &next);
		if (is_on)
			tenths[(now - g.period_ns) * 10 / GOVERNOR_PERIOD_NS]++;
		now = next;
	}
	for (int i = 0; i < 9; i++)
		assert_true(tenths[i] > 400);
}

/* Whole steps, and over time the same share of it: shorter ones, and ones longer than a window. */
static void test_windows_of_whole_steps(void **state)
{
	static const uint64_t steps_ns[] = { 7000000, 33333333, 60000000, 250000000, 499999999 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
		struct world w = begin(0, 0.9, 0.5);
		double duty;

		w.governor.step_ns = steps_ns[i];
		run(&w, 1);
		for (int second = 0; second < 100; second++) {
			uint64_t length;

			run(&w, 1);
			length = w.governor.window_end_ns - w.governor.window_ns;
			assert_true(length % steps_ns[i] == 0);
			assert_true(length < GOVERNOR_PERIOD_NS / 10 + steps_ns[i]);
		}
		cost_of(&w, 3000, &duty);
		assert_true(duty > 0.09 && duty < 0.11);
	}
}

static void test_stopped_process(void **state)
{
	struct world w = begin(20000, 0.2, 0.001);
	uint64_t next;
	double duty;

	(void)state;
	run(&w, 10);
	w.now_ns += 3600 * SECOND;
	governor_step(&w.governor, w.now_ns, w.cost_ns, w.was_on, &next);
	assert_true(next > w.now_ns && next <= w.now_ns + GOVERNOR_PERIOD_NS);
	run(&w, 10);
	assert_true(cost_of(&w, 30, &duty) <= 0.0205);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget_is_held),
		cmocka_unit_test(test_cheap_is_always_on),
		cmocka_unit_test(test_calls_alone_exceed_it),
		cmocka_unit_test(test_follows_a_change),
		cmocka_unit_test(test_fixed_share),
		cmocka_unit_test(test_windows_are_spread),
		cmocka_unit_test(test_windows_of_whole_steps),
		cmocka_unit_test(test_stopped_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
