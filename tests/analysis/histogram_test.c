/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms: sums stay whole, quantiles are within a counter's width, memory is by need. */
#include "analysis/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double sum(const double *counts, int columns)
{
	double all = 0;

	while (columns--)
		all += counts[columns];
	return all;
}

static void edges_between(double from, double to, int columns, double *edges)
{
	for (int i = 0; i <= columns; i++)
		edges[i] = from + (to - from) * i / columns;
}

static void near(double got, double wanted, double share)
{
	if (got < wanted * (1 - share) - 1e-6 || got > wanted * (1 + share) + 1e-6)
		fail_msg("%f instead of %f", got, wanted);
}

static void quantiles(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		assert_true(histogram_add(&h, i * 37) >= 0);
	assert_int_equal(h.count, 100000);
	assert_int_equal(h.min, 37);
	assert_int_equal(h.max, 3700000);
	for (double share = 0.01; share < 1; share += 0.01)
		near((double)histogram_quantile(&h, share), share * 3700000, 1.0 / 512);
	assert_int_equal(histogram_quantile(&h, 0), 37);
	assert_int_equal(histogram_quantile(&h, 1), 3700000);
	histogram_free(&h);
}

static void columns_are_whole(void **state)
{
	static const uint64_t values[] = { 0, 1, 511, 512, 513, 1023, 1024, 1300, 1 << 20, UINT64_MAX };
	struct histogram h = { 0 };
	double edges[33], counts[32];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		assert_true(histogram_add(&h, values[i]) >= 0);
	edges_between(0, (double)UINT64_MAX, 32, edges);
	histogram_read(&h, edges, 32, counts);
	near(sum(counts, 32), 10, 0);
	near(counts[31], 1, 0);
	near(counts[0], 9, 0);
	/* Counted one by one below 512; what is outside of the edges is left out. */
	edges_between(510, 514, 4, edges);
	histogram_read(&h, edges, 4, counts);
	near(counts[0], 0, 0);
	near(counts[1], 1, 0);
	near(sum(counts, 4), 3, 0);
	histogram_free(&h);
}

/* All values equal: one column has them, wherever its edges are. */
static void equal_values(void **state)
{
	struct histogram h = { 0 };
	double edges[11], counts[10];

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_true(histogram_add(&h, 123457) >= 0);
	assert_int_equal(histogram_quantile(&h, 0.5), 123457);
	edges_between(123456, 123466, 10, edges);
	histogram_read(&h, edges, 10, counts);
	near(counts[1], 7, 0);
	near(sum(counts, 10), 7, 0);
	edges_between(123447, 123457, 10, edges);
	histogram_read(&h, edges, 10, counts);
	near(counts[9], 7, 0);
	edges_between(0, 100, 10, edges);
	histogram_read(&h, edges, 10, counts);
	near(sum(counts, 10), 0, 0);
	histogram_free(&h);
}

static void merging_and_memory(void **state)
{
	struct histogram a = { 0 }, b = { 0 };
	double edges[3] = { 0, 1000, 3000 }, counts[2];
	int bytes = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		bytes += histogram_add(&a, 2050 + (uint64_t)i % 40);
	assert_int_equal(bytes, 512 * sizeof(uint32_t));
	assert_true(histogram_add(&b, 10) > 0);
	assert_int_equal(histogram_merge(&b, &a), 0);
	assert_int_equal(b.count, 1001);
	assert_int_equal(b.min, 10);
	assert_int_equal(b.max, 2089);
	histogram_read(&b, edges, 2, counts);
	near(counts[0], 1, 0);
	near(counts[1], 1000, 0);
	histogram_free(&a);
	histogram_free(&b);
	assert_int_equal(b.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles),
		cmocka_unit_test(columns_are_whole),
		cmocka_unit_test(equal_values),
		cmocka_unit_test(merging_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
