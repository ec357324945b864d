/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of measured activity: what they hold, that there are never too many, that nothing goes missing. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/activity.h"

#define ORIGIN_NS 5000000000ll
#define PERIOD_NS 110000000ll

static char path[] = "/tmp/gputrail-test.XXXXXX";
static struct database *db;
static struct activity *activity;

static int setup(void **state)
{
	char *error = NULL;

	(void)state;
	strcpy(path, "/tmp/gputrail-test.XXXXXX");
	close(mkstemp(path));
	db = database_create(path, &error);
	activity = activity_new("no such library", PERIOD_NS);
	return db && activity ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	activity_free(activity);
	database_close(db);
	return unlink(path);
}

static double ask(const char *sql)
{
	sqlite3_stmt *statement;
	double value = -1;

	database_flush_rows(db);
	assert_int_equal(sqlite3_prepare_v2(database_handle(db), sql, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_double(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static struct sampler_sample sample_at(uint32_t device, int64_t number)
{
	struct sampler_sample sample = { .device = device,
					 .start_ns = ORIGIN_NS + number * PERIOD_NS,
					 .end_ns = ORIGIN_NS + (number + 1) * PERIOD_NS,
					 .memory_used_bytes = number,
					 .memory_reserved_bytes = -1 };

	for (int i = 0; i < SAMPLER_METRICS; i++)
		sample.metrics[i] = -1;
	sample.metrics[SAMPLER_sm_active_ppm] = (double)(number % 1000) * 1000;
	sample.metrics[SAMPLER_pcie_rx_bytes_per_s] = 1e12;
	if (number % 4 == 0)
		sample.metrics[SAMPLER_tensor_ppm] = 400000;
	return sample;
}

static void add(uint32_t device, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		struct sampler_sample sample = sample_at(device, i);

		activity_add(activity, db, ORIGIN_NS, &sample);
	}
}

static void test_rows_are_the_samples(void **state)
{
	(void)state;
	add(1, 0, 100);
	assert_int_equal(ask("SELECT count(*) FROM activity"), 100);
	assert_int_equal(ask("SELECT start_ns FROM activity WHERE start_ns > 0"), PERIOD_NS);
	assert_int_equal(ask("SELECT sm_active_ppm FROM activity WHERE start_ns = 77 * 110000000"), 77000);
	assert_int_equal(ask("SELECT count(tensor_ppm) FROM activity"), 25);
	assert_int_equal(ask("SELECT count(memory_reserved_bytes) + count(dram_ppm) FROM activity"), 0);
}

static void test_many_rows_become_few(void **state)
{
	const int64_t many = 5 * (int64_t)ACTIVITY_ROWS_MAX;

	(void)state;
	add(2, 0, 10);
	add(1, 0, many);
	assert_in_range((uintmax_t)ask("SELECT count(*) FROM activity WHERE device = 1"),
			ACTIVITY_ROWS_MAX / 2 - 1, ACTIVITY_ROWS_MAX);
	assert_int_equal(ask("SELECT count(*) FROM activity WHERE device = 2"), 10);
	assert_int_equal(ask("SELECT sum(samples) FROM activity WHERE device = 1"), many);
	assert_int_equal(ask("SELECT sum(dur_ns) FROM activity WHERE device = 1"), many * PERIOD_NS);
	assert_int_equal(ask("SELECT min(start_ns) FROM activity WHERE device = 1"), 0);
	/* Stretches touch: each begins where the one before ends. */
	assert_int_equal(ask("SELECT count(*) FROM (SELECT start_ns - lag(start_ns + dur_ns) OVER"
			     " (ORDER BY start_ns) AS hole FROM activity WHERE device = 1)"
			     " WHERE hole != 0"), 0);
	/* 0 to 999000 in turn: the mean stays, whatever was joined. */
	assert_float_equal(ask("SELECT total(1.0 * sm_active_ppm * dur_ns) / sum(dur_ns) FROM activity"
			       " WHERE device = 1"), 499300, 500);
	assert_int_equal(ask("SELECT count(*) FROM activity WHERE device = 1 AND"
			     " (tensor_ppm != 400000 OR pcie_rx_bytes_per_s != 1000000000000)"), 0);
	assert_int_equal(ask("SELECT max(memory_used_bytes) FROM activity"), many - 1);
	assert_null(database_error(db));
}

static void test_a_pause_is_nobodys_time(void **state)
{
	const int64_t rows = ACTIVITY_ROWS_MAX;

	(void)state;
	add(1, 0, rows + 1);		/* from here on two samples make a row; one is waiting */
	add(1, rows + 1000, rows + 1002);
	assert_int_equal(ask("SELECT samples FROM activity ORDER BY start_ns DESC LIMIT 1 OFFSET 1"), 1);
	assert_int_equal(ask("SELECT samples FROM activity ORDER BY start_ns DESC LIMIT 1"), 2);
	assert_int_equal(ask("SELECT sum(dur_ns) FROM activity"), (rows + 3) * PERIOD_NS);
}

static void test_no_library_is_said(void **state)
{
	char text[256];

	(void)state;
	activity_device(activity, 1, "513c0d1a513c4d1a913c0d1a513c0d00", getpid());
	activity_write(activity, db, ORIGIN_NS, true);
	activity_complaint(activity, text, sizeof(text));
	assert_non_null(strstr(text, "there is no NVML"));
	assert_int_equal(ask("SELECT source = 'none' AND note LIKE 'there is no NVML%' FROM activity_source"),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows_are_the_samples, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_rows_become_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_pause_is_nobodys_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_library_is_said, setup, teardown),
	};

	return cmocka_run_group_tests_name("activity", tests, NULL, NULL);
}
