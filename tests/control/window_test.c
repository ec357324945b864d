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

#include "libprofile/gpu_window.h"

struct process process;			/* of the library's, all that gpu_window.c knows */

enum { ONE, OTHER };			/* threads of the program */

/* A call of this thread has its id, and is on its way. */
static void call(int thread, uint32_t id)
{
	process.control->rings[thread].current_api = 1;
	process.threads[thread].correlation = process.threads[thread].last_correlation = id;
	gpu_window_told(id);
}

static void leave(int thread)
{
	process.control->rings[thread].current_api = 0;
}

static void calls_until(uint32_t one, uint32_t other)
{
	call(ONE, one);
	call(OTHER, other);
	leave(ONE);
	leave(OTHER);
}

static int setup(void **state)
{
	(void)state;
	process.control = calloc(1, sizeof(*process.control));
	process.threads = calloc(WIRE_RINGS_MAX, sizeof(*process.threads));
	process.control->ring_count = 2;
	process.cuda_ready = true;
	gpu_window_forget();
	return !process.control || !process.threads;
}

static int teardown(void **state)
{
	(void)state;
	free(process.control);
	free(process.threads);
	return 0;
}

static void window(uint32_t first, uint32_t last)
{
	gpu_window_open();
	calls_until(first, first + 10);
	calls_until(first + 20, last);
	gpu_window_close();
}

/* All of it once more where ids go round. */
static void at_edges(uint32_t base)
{
	window(base + 1001, base + 2000);
	/* Before, inside, after. */
	assert_int_equal(gpu_window_had(base + 1000), GPU_UNWATCHED);
	assert_int_equal(gpu_window_had(base + 1002), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 2000), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 2001), GPU_UNWATCHED);
	/* The call itself is told apart to the id. */
	assert_false(gpu_window_has(base + 1000));
	assert_true(gpu_window_has(base + 1001));
	assert_true(gpu_window_has(base + 2000));
	assert_false(gpu_window_has(base + 2001));

	calls_until(base + 4000, base + 3000);
	gpu_window_open();
	call(ONE, base + 5001);
	/* Records of the window before come while this one is open; of between the two, none. */
	assert_int_equal(gpu_window_had(base + 1500), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 3000), GPU_UNWATCHED);
	assert_int_equal(gpu_window_had(base + 5000), GPU_UNWATCHED);
	assert_int_equal(gpu_window_had(base + 5002), GPU_WATCHED);
	assert_int_equal(gpu_window_had(base + 100000), GPU_WATCHED);
	/* A call of the window before that lasts until now. */
	assert_true(gpu_window_has(base + 2000));
	assert_false(gpu_window_has(base + 2001));
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

/* Before the program's first call nothing is in progress, and CUPTI that tells no ids is found out. */
static void test_the_first_of_all(void **state)
{
	(void)state;
	process.cuda_ready = false;
	gpu_window_open();
	assert_true(gpu_window.is_open);
	assert_int_equal(gpu_window_had(1), GPU_WATCHED);
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

/* A call that began when CUPTI told no ids reaches the driver when it is on: nobody asked for that. */
static void test_untold_calls(void **state)
{
	(void)state;
	window(1000, 2000);
	gpu_window_open();
	assert_true(gpu_window_tells());
	assert_int_equal(gpu_window_had(9000), GPU_UNWATCHED);
	call(ONE, 9001);
	assert_int_equal(gpu_window_had(9000), GPU_UNWATCHED);
	assert_true(gpu_window_has(9001));
	gpu_window_close();
	assert_true(gpu_window_calls_on_their_way());
	leave(ONE);
	assert_false(gpu_window_calls_on_their_way());
	call(ONE, 9002);			/* nothing of the window */
	assert_false(gpu_window_calls_on_their_way());
	gpu_window_open();			/* no call comes */
	gpu_window_close();
	assert_false(gpu_window_has(9002));
}

/* Ids are given in another order than told: what the later one saw of the window is not known. */
static void test_two_at_a_time(void **state)
{
	(void)state;
	window(1000, 2000);
	process.control->rings[OTHER].current_api = 1;
	process.threads[OTHER].correlation = process.threads[OTHER].last_correlation = 3001;
	gpu_window_open();
	assert_int_equal(gpu_window_had(3001), GPU_WATCHED_EDGE);
	call(ONE, 3000);
	assert_int_equal(gpu_window_had(3001), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(3002), GPU_WATCHED);
}

/* The thread that makes steps opens and closes; calls of others around that moment are edges. */
static void test_steps(void **state)
{
	(void)state;
	window(1000, 2000);
	gpu_window_at_step(true);
	gpu_window_open();
	calls_until(5000, 5003);
	assert_false(gpu_window_settled(false));
	assert_false(gpu_window_has(5003));
	assert_int_equal(gpu_window_had(5003), GPU_UNWATCHED);
	gpu_window_step(0, clock_wire());	/* CUPTI did not tell of this call */
	gpu_window_step(5004, 77);		/* that began before anybody asked for a step */
	assert_false(gpu_window_settled(false));
	call(ONE, 6000);
	assert_int_equal(gpu_window_had(6000), GPU_WATCHED_EDGE);	/* it may open */
	call(OTHER, 6002);
	gpu_window_step(6000, UINT64_MAX / 4);
	assert_true(gpu_window_settled(false));
	assert_int_equal(gpu_window.since, UINT64_MAX / 4);
	assert_false(gpu_window_has(5999));
	assert_true(gpu_window_has(6000));
	assert_int_equal(gpu_window_had(6002), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(6003), GPU_WATCHED);
	gpu_window_step(6100, UINT64_MAX / 4);	/* nobody waits */
	assert_true(gpu_window_has(6050));

	gpu_window_close_at_step();
	assert_false(gpu_window_settled(false));
	assert_true(gpu_window_has(6899));
	assert_int_equal(gpu_window_had(6900), GPU_WATCHED_EDGE);	/* it may close */
	call(OTHER, 6901);
	gpu_window_step(6900, UINT64_MAX / 4);
	assert_true(gpu_window_settled(false));
	assert_int_equal(gpu_window.until, UINT64_MAX / 4);
	assert_true(gpu_window_has(6899));
	assert_false(gpu_window_has(6900));	/* the first call of the next step */
	gpu_window_close();
	assert_int_equal(gpu_window_had(6500), GPU_WATCHED);
	assert_int_equal(gpu_window_had(6901), GPU_WATCHED_EDGE);
	assert_int_equal(gpu_window_had(6902), GPU_UNWATCHED);
}

/* A step that does not come: the window opens and closes all the same. */
static void test_no_step_comes(void **state)
{
	(void)state;
	gpu_window_at_step(true);
	gpu_window_open();
	calls_until(5000, 5003);
	assert_true(gpu_window_settled(true));
	call(ONE, 5004);
	assert_true(gpu_window_has(5004));
	gpu_window_close_at_step();
	calls_until(5100, 5200);
	assert_true(gpu_window_settled(true));
	assert_true(gpu_window_has(5200));
	assert_false(gpu_window_has(5201));
	gpu_window_close();
	assert_true(gpu_window_has(5200));
	assert_false(gpu_window_has(5201));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges_where_ids_go_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_first_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_windows_are_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untold_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_step_comes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
