/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates of sampled totals against planted truth: the bound covers it about as often as it says. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/estimate.h"

#define SECONDS 60
#define PER_SECOND 100
#define RUNS 300

static char path[] = "/tmp/gputrail-estimate.XXXXXX";
static struct database *db;		/* one for all: each estimate takes the place of the one before */
static uint64_t state_of_random;

static double uniform(void)
{
	state_of_random = state_of_random * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(state_of_random >> 33) / (double)(1u << 31);
}

static struct estimate_time taken(int64_t gpu_ns, uint32_t group)
{
	return (struct estimate_time){ .gpu_ns = gpu_ns, .group = group };
}

struct result {
	int64_t missing, estimate_ns, error_ns;
	int rows;
};

static struct result write_and_read(struct estimate *estimate, uint32_t shape)
{
	struct result result = { 0, 0, 0, 0 };
	sqlite3_stmt *row;

	estimate_write(estimate, db);
	database_commit(db);
	sqlite3_prepare_v2(database_handle(db), "SELECT missing, estimate_ns, coalesce(error_ns, -1)"
			   " FROM sum_sample WHERE shape = ?", -1, &row, NULL);
	sqlite3_bind_int64(row, 1, shape);
	while (sqlite3_step(row) == SQLITE_ROW) {
		result.rows++;
		result.missing = sqlite3_column_int64(row, 0);
		result.estimate_ns = sqlite3_column_int64(row, 1);
		result.error_ns = sqlite3_column_int64(row, 2);
	}
	sqlite3_finalize(row);
	return result;
}

/* Kernels whose time changes ten times a second, as batches grow and shrink, of which a window sees
 * one: a bound that took each launch for a sample of its own would be far too narrow. */
static bool covers(int run, bool inside_a_graph)
{
	struct estimate *estimate = estimate_new();
	struct estimate_key key = { 1, 1, 7, 0 };
	struct result result;
	double missing_ns = 0;

	state_of_random = (uint64_t)run * 7919 + 1;
	for (int second = 0; second < SECONDS; second++) {
		int from = (int)(uniform() * (PER_SECOND / 10)) * 10;
		double level = 0;
		uint32_t group = estimate_group((run * 1000ll + second) * 1000000000ll + 5);

		for (int i = 0; i < PER_SECOND; i++) {
			bool is_taken = i >= from && i < from + 10;
			int64_t ns;

			if (i % 10 == 0)
				level = 5000 * (1 + 0.5 * uniform());
			ns = (int64_t)(level * (0.9 + 0.2 * uniform()));
			if (!is_taken)
				missing_ns += (double)ns;
			if (inside_a_graph) {
				estimate_graph(estimate, 3, group, is_taken);
				if (is_taken)
					estimate_inside(estimate, &key, 3, taken(ns, group));
			} else {
				estimate_unit(estimate, &key, taken(is_taken ? ns : NIL, group));
			}
		}
	}
	result = write_and_read(estimate, 7);
	estimate_free(estimate);
	assert_int_equal(result.rows, 1);
	assert_int_equal(result.missing, SECONDS * (PER_SECOND - 10));
	assert_true(result.error_ns > 0 && (double)result.error_ns < 0.2 * missing_ns);
	return fabs((double)result.estimate_ns - missing_ns) <= (double)result.error_ns;
}

static void coverage(bool inside_a_graph)
{
	int covered = 0;

	for (int run = 0; run < RUNS; run++)
		covered += covers(run, inside_a_graph);
	/* 95 of a hundred; less than 90 would be a bound that is none, all of them a useless one. */
	assert_in_range(covered, RUNS * 90 / 100, RUNS * 995 / 1000);
}

static void test_launches(void **state)
{
	(void)state;
	coverage(false);
}

static void test_graphs(void **state)
{
	(void)state;
	coverage(true);
}

static void test_all_taken(void **state)
{
	struct estimate *estimate = estimate_new();
	struct estimate_key key = { 1, 1, 7, 0 };

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		estimate_unit(estimate, &key, taken(10, i % 16));
	assert_int_equal(write_and_read(estimate, 7).rows, 0);
	/* Missing at first, late in the end. */
	estimate_unit(estimate, &key, taken(NIL, 3));
	assert_int_equal(write_and_read(estimate, 7).missing, 1);
	estimate_late(estimate, &key, taken(10, 3));
	assert_int_equal(write_and_read(estimate, 7).rows, 0);
	estimate_free(estimate);
}

/* Times that are too long, as those of CUDA events: of all launches, measured or not. */
static void test_excess(void **state)
{
	struct estimate *estimate = estimate_new();
	struct estimate_key key = { 1, 1, 7, 0 };
	struct result result;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct estimate_time time = taken(i % 4 ? NIL : 1000, i % 16);

		time.excess_ns = i % 8 ? 20 : 40;
		estimate_unit(estimate, &key, time);
	}
	result = write_and_read(estimate, 7);
	assert_int_equal(result.missing, 75);
	assert_int_equal(result.estimate_ns, 75 * 1000);
	assert_int_equal(result.error_ns, 100 * (13 * 40 + 12 * 20) / 25);
	estimate_free(estimate);
}

static void test_nothing_taken(void **state)
{
	struct estimate *estimate = estimate_new();
	struct estimate_key key = { 1, 1, 7, 0 };
	struct result result;

	(void)state;
	estimate_unit(estimate, &key, taken(NIL, 1));
	result = write_and_read(estimate, 7);
	assert_int_equal(result.missing, 1);
	assert_int_equal(result.error_ns, -1);	/* nothing is known of it */
	estimate_free(estimate);
}

static int setup(void **state)
{
	char *error = NULL;
	int fd = mkstemp(path);

	(void)state;
	if (fd >= 0 && !close(fd))
		db = database_create(path, &error);
	return !db;
}

static int teardown(void **state)
{
	(void)state;
	database_close(db);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launches), cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_all_taken), cmocka_unit_test(test_nothing_taken),
		cmocka_unit_test(test_excess),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
