/* SPDX-License-Identifier: Apache-2.0 */
/* The pyramid of a timeline: shares and counts stay exact while cells widen and lanes come. */
#include "analysis/pyramid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct lane_key stream = { LANE_STREAM, 7 };

static void add(struct pyramid *p, struct lane_key lane, uint64_t start, uint64_t end, int64_t what)
{
	struct pyramid_interval one = { lane, start, end, what };

	assert_int_equal(pyramid_add(p, &one, 1), 0);
}

static void near(double got, double wanted)
{
	if (got < wanted - 1e-4 || got > wanted + 1e-4)
		fail_msg("%f instead of %f", got, wanted);
}

static void shares_and_counts(void **state)
{
	struct pyramid *p = pyramid_new(1 << 20);
	struct pyramid_column c[8];

	(void)state;
	/* Of each 128 ns the first 48 to one thing, the next 16 to another. */
	for (uint64_t at = 0; at < 1 << 20; at += 128) {
		add(p, stream, at, at + 48, 1);
		add(p, stream, at + 48, at + 64, 2);
	}
	for (int level = 1; level <= 1024; level *= 4) {
		assert_true(pyramid_read(p, stream, 0, (double)(1 << 20) / level, 8, c));
		for (int i = 0; i < 8; i++) {
			near(c[i].share, 0.5);
			assert_int_equal(c[i].what, 1);
		}
	}
	pyramid_read(p, stream, 0, 1 << 20, 1, c);
	assert_int_equal(c[0].count, 16384);
	assert_false(pyramid_read(p, (struct lane_key){ LANE_THREAD, 7 }, 0, 1000000, 8, c));
	near(c[7].share, 0);
	/* Nothing before time began. */
	pyramid_read(p, stream, -(1 << 20), 1 << 20, 2, c);
	near(c[0].share, 0);
	near(c[1].share, 0.5);
	pyramid_free(p);
}

static void overlaps_count_once(void **state)
{
	struct pyramid *p = pyramid_new(1 << 20);
	struct pyramid_column c;

	(void)state;
	add(p, stream, 0, 1 << 19, 1);
	add(p, stream, 0, 1 << 18, 2);
	add(p, stream, 1 << 18, 3 << 18, 3);
	pyramid_read(p, stream, 0, 1 << 20, 1, &c);
	near(c.share, 0.75);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.what, 1);
	pyramid_free(p);
}

/* A run that outgrows what was expected, to the end of time. */
static void widens(void **state)
{
	struct pyramid *p = pyramid_new(1024);
	struct pyramid_column c;
	uint64_t end = 0;

	(void)state;
	for (uint64_t length = 512; length < (uint64_t)INT64_MAX / 2; length *= 2) {
		add(p, stream, length, length + length / 4, 5);
		end = 2 * length;
		pyramid_read(p, stream, (double)length, (double)end, 1, &c);
		near(c.share, 0.25);
	}
	pyramid_read(p, stream, 512, (double)end, 1, &c);
	near(c.share, 0.25);
	assert_int_equal(c.what, 5);
	assert_true(end >> 58);
	add(p, stream, INT64_MAX, INT64_MAX, 6);
	add(p, stream, (uint64_t)INT64_MAX + 1, (uint64_t)INT64_MAX + 2, 6);	/* left out */
	add(p, stream, 10, 5, 6);
	pyramid_free(p);
}

/* However many lanes: bounded, and each still right. */
static void many_lanes(void **state)
{
	struct pyramid *p = pyramid_new(1 << 20);
	struct pyramid_column c;

	(void)state;
	for (int64_t id = 1; id <= 20000; id++)
		add(p, (struct lane_key){ LANE_THREAD, id }, (uint64_t)(id % 512) << 11, 1 << 20, id);
	assert_true(pyramid_bytes(p) <= 80u << 20);
	assert_true(pyramid_cell_ns(p) <= 1 << 10);
	for (int64_t id = 1; id <= 1000; id += 37) {
		assert_true(pyramid_read(p, (struct lane_key){ LANE_THREAD, id }, 0, 1 << 20, 1, &c));
		near(c.share, 1 - (double)(id % 512) / 512);
		assert_int_equal(c.what, id);
	}
	pyramid_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_and_counts),
		cmocka_unit_test(overlaps_count_once),
		cmocka_unit_test(widens),
		cmocka_unit_test(many_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
