/* SPDX-License-Identifier: Apache-2.0 */
/* Which GPU records belong to a window of detail, when calls are in progress as it opens and closes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "libprofile/env.h"
#include "libprofile/events.h"
#include "libprofile/gpu_backend.h"

/* What gpu_backend.c knows of the rest of the library. */
struct process process;
const struct gpu_backend gpu_backend_cupti, gpu_backend_events;
size_t util_append(char *text, size_t at, size_t bytes, const char *more)
{
	(void)text;
	(void)bytes;
	(void)more;
	return at;
}
void events_forget(void)
{
}
const char *env_get(enum env which)
{
	(void)which;
	return "";
}

/* Two threads whose latest calls had these ids. */
static void calls_until(uint32_t one, uint32_t other)
{
	process.threads[0].last_correlation = one;
	process.threads[1].last_correlation = other;
}

static int setup(void **state)
{
	(void)state;
	process.control = calloc(1, sizeof(*process.control));
	process.threads = calloc(WIRE_RINGS_MAX, sizeof(*process.threads));
	process.control->ring_count = 2;
	gpu_backend_forget();
	return !process.control || !process.threads;
}

static int teardown(void **state)
{
	(void)state;
	free(process.control);
	free(process.threads);
	return 0;
}

static void window(uint32_t before, uint32_t last)
{
	calls_until(before, before - 500);
	gpu_window_open();
	calls_until(before + 10, last);
	gpu_window_close();
}

/* All of it once more where ids go round. */
static void at_edges(uint32_t base)
{
	window(base + 1000, base + 2000);
	/* Launched long before it opened, just before, inside, just behind its end, long after. */
	assert_int_equal(gpu_window_had(base + 900), GPU_UNWATCHED);
	assert_int_equal(gpu_window_had(base + 1001), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(base + 1500), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 2000), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(base + 2010), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(base + 2100), GPU_UNWATCHED);
	/* The call itself is told apart to the id: what was in progress has none. */
	assert_false(gpu_window_has(base + 1000));
	assert_true(gpu_window_has(base + 1001));
	assert_true(gpu_window_has(base + 2000));
	assert_false(gpu_window_has(base + 2001));

	calls_until(base + 5000, base + 4000);
	gpu_window_open();
	/* Records of the window before come while this one is open; of between the two, none. */
	assert_int_equal(gpu_window_had(base + 1500), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 3000), GPU_UNWATCHED);
	assert_int_equal(gpu_window_had(base + 4990), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(base + 5010), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(base + 5100), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 100000), GPU_WATCHED);
	assert_false(gpu_window_has(base + 5000));
	assert_true(gpu_window_has(base + 5001));
	gpu_window_close();
	/* Closed twice is closed once. */
	gpu_window_close();
	assert_int_equal(gpu_window_had(base + 1500), GPU_WATCHED);
}

static void test_edges(void **state)
{
	(void)state;
	at_edges(0);
}

static void test_edges_where_ids_go_round(void **state)
{
	(void)state;
	at_edges(UINT32_MAX - 1700);
}

static void test_old_windows_are_forgotten(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 17; i++)
		window(10000 * (i + 1), 10000 * (i + 1) + 1000);
	assert_int_equal(gpu_window_had(10500), GPU_UNWATCHED);
	assert_int_equal(gpu_window_had(20500), GPU_WATCHED);
	assert_int_equal(gpu_window_had(170500), GPU_WATCHED);
}

/* The thread that makes steps opens and closes; calls of others around that moment are edges. */
static void test_steps(void **state)
{
	(void)state;
	window(1000, 2000);
	gpu_window_at_step(true);
	calls_until(5000, 5003);
	gpu_window_open();
	assert_false(gpu_window_settled(false));
	assert_false(gpu_window_has(5003));
	assert_int_equal(gpu_window_had(5003), GPU_UNWATCHED);
	gpu_window_step(0, 77);			/* CUPTI did not tell of this call */
	assert_false(gpu_window_settled(false));
	gpu_window_step(6000, 78);
	assert_true(gpu_window_settled(false));
	assert_int_equal(gpu_window.since, 78);
	assert_false(gpu_window_has(5999));
	assert_true(gpu_window_has(6000));
	gpu_window_step(6100, 79);		/* nobody waits */
	assert_true(gpu_window_has(6050));

	gpu_window_close_at_step();
	assert_false(gpu_window_settled(false));
	assert_true(gpu_window_has(6899));
	gpu_window_step(6900, 80);
	assert_true(gpu_window_settled(false));
	assert_int_equal(gpu_window.until, 80);
	assert_true(gpu_window_has(6899));
	assert_false(gpu_window_has(6900));	/* the first call of the next step */
	gpu_window_close();
	assert_int_equal(gpu_window_had(6500), GPU_WATCHED);
	assert_int_equal(gpu_window_had(6900), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(7000), GPU_UNWATCHED);
}

/* A step that does not come: the window opens and closes all the same. */
static void test_no_step_comes(void **state)
{
	(void)state;
	gpu_window_at_step(true);
	calls_until(5000, 5003);
	gpu_window_open();
	assert_true(gpu_window_settled(true));
	assert_true(gpu_window_has(5004));
	gpu_window_close_at_step();
	calls_until(5100, 5200);
	gpu_window_close();
	assert_true(gpu_window_has(5200));
	assert_false(gpu_window_has(5201));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges_where_ids_go_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_windows_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_step_comes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
