/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries equal what the rows add up to; the size of a launch; the zone map holds. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "collector/fixture.h"

#define US 1000ull

/* A run with a bit of everything, overlapping on two rings. */
static void record_mixture(struct fixture *f, uint32_t count)
{
	uint64_t host = f->now, gpu = f->now + 50 * US;

	producer_define(&f->producer, 0);
	producer_define_string(&f->producer, 1, 1, "mixture");
	for (uint32_t i = 0; i < count; i++) {
		struct wire_launch launch =
			producer_launch(host, host + 2000 + test_random() % 3000, i + 1);
		struct wire_gpu_kernel kernel =
			producer_kernel(gpu, gpu + 1000 + test_random() % 30000, i + 1);

		launch.grid[0] = 1 + test_random() % 50;
		host += 5000 + test_random() % 5000;
		gpu += test_random() % 12000;
		if (test_random() % 50 == 0)
			host += 10000 * US, gpu += 10000 * US;
		if (test_random() % 10 == 0) {	/* a copy instead */
			struct wire_copy copy = {
				.call = launch.call,
				.stream = launch.stream,
				.bytes = test_random() % 100000,
				.copy_kind = 1 + test_random() % 2,
			};
			struct wire_gpu_copy gpu_copy = {
				.gpu = kernel.gpu, .bytes = copy.bytes, .copy_kind = copy.copy_kind,
			};

			copy.call.head.kind = WIRE_COPY;
			copy.call.head.bytes = sizeof(copy);
			copy.call.head.api = API_cuMemcpyAsync;
			gpu_copy.gpu.head.kind = WIRE_GPU_COPY;
			gpu_copy.gpu.head.bytes = sizeof(gpu_copy);
			assert_true(PUSH(&f->producer, 0, copy));
			assert_true(PUSH(&f->producer, 1 + (int)(i % 2), gpu_copy));
		} else {
			assert_true(PUSH(&f->producer, 0, launch));
			if (i % 100)			/* some times are missing */
				assert_true(PUSH(&f->producer, 1 + (int)(i % 2), kernel));
		}
		if (i % 200 == 0)
			fixture_step(f);
	}
	fixture_finish(f);
}

static void assert_none(struct fixture *f, const char *sql)
{
	char counted[1024];

	snprintf(counted, sizeof(counted), "SELECT count(*) FROM (%s)", sql);
	if (ask(f, counted) != 0)
		printf("# differs: %s\n", sql);
	assert_int_equal(ask(f, counted), 0);
}

static void test_sums_equal_rows(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, 1 << 20, WIRE_CLOCK_MONOTONIC);
	record_mixture(&f, 20000);
	assert_none(&f, "SELECT shape, count, total_ns, min_ns, max_ns, launches, host_ns FROM "
			"sum_kernel EXCEPT"
			" SELECT shape, count(gpu_dur_ns), sum(gpu_dur_ns), min(gpu_dur_ns), "
			"max(gpu_dur_ns),"
			" count(*), sum(dur_ns) FROM launch GROUP BY shape");
	assert_int_equal(ask(&f, "SELECT sum(launches) FROM sum_kernel"), ask(&f, "SELECT count(*) "
										  "FROM launch"));
	assert_int_equal(ask(&f, "SELECT count(*) FROM sum_kernel"), 50);
	assert_none(&f, "SELECT kind, count, total_ns, bytes, min_bytes, max_bytes FROM sum_copy "
			"EXCEPT"
			" SELECT kind, count(gpu_dur_ns), sum(gpu_dur_ns), sum(bytes), min(bytes), "
			"max(bytes)"
			" FROM copy GROUP BY kind");
	assert_none(&f, "SELECT api, count, total_ns, min_ns, max_ns FROM sum_api EXCEPT SELECT "
			"api, count(*),"
			" sum(dur_ns), min(dur_ns), max(dur_ns) FROM (SELECT api, dur_ns FROM "
			"launch UNION ALL"
			" SELECT api, dur_ns FROM copy) GROUP BY api");
	assert_int_equal(ask(&f, "SELECT kernels FROM sum_device WHERE device = 1"),
			 ask(&f, "SELECT count(*) FROM launch"));
	/* The union again, by SQL: sort the starts, sum up what each adds to the latest end. */
	assert_int_equal(ask(&f, "SELECT busy_ns FROM sum_device WHERE device = 1"),
			 ask(&f, "WITH g AS (SELECT start_ns + gpu_delay_ns AS a, start_ns + "
				 "gpu_delay_ns + gpu_dur_ns"
				 " AS b FROM launch WHERE gpu_dur_ns NOT NULL UNION ALL SELECT "
				 "start_ns + gpu_delay_ns,"
				 " start_ns + gpu_delay_ns + gpu_dur_ns FROM copy WHERE gpu_dur_ns "
				 "NOT NULL),"
				 " h AS (SELECT a, b, coalesce(max(b) OVER (ORDER BY a, b ROWS "
				 "BETWEEN UNBOUNDED"
				 " PRECEDING AND 1 PRECEDING), 0) AS seen FROM g)"
				 " SELECT sum(max(b - max(a, seen), 0)) FROM h"));
	for (int level = 0; level < 5; level++) {
		char sql[128];

		snprintf(sql, sizeof(sql),
			 "SELECT sum(busy_ns) FROM bucket WHERE level = %d AND device = 1", level);
		assert_int_equal(ask(&f, sql), ask(&f, "SELECT busy_ns FROM sum_device WHERE "
						       "device = 1"));
		snprintf(sql, sizeof(sql), "SELECT sum(launches) FROM bucket WHERE level = %d",
			 level);
		assert_int_equal(ask(&f, sql), ask(&f, "SELECT count(*) FROM launch"));
	}
	assert_none(&f, "SELECT * FROM bucket WHERE level = 0 AND busy_ns > 10000000");
	fixture_remove(&f);
}

static void test_zone_map_holds(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, 1 << 20, WIRE_CLOCK_MONOTONIC);
	record_mixture(&f, 30000);
	assert_none(&f, "SELECT * FROM launch l WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE kind = "
			"'launch'"
			" AND l.id BETWEEN first_id AND last_id AND l.start_ns >= min_ns AND "
			"l.start_ns +"
			" max(l.dur_ns, coalesce(l.gpu_delay_ns + l.gpu_dur_ns, 0)) < max_ns)");
	assert_int_equal(ask(&f, "SELECT count(*) FROM chunk WHERE kind = 'launch'"),
			 (ask(&f, "SELECT count(*) FROM launch") + 4095) / 4096);
	assert_int_equal(ask(&f, "SELECT max(last_id - first_id + 1) FROM chunk"), 4096);
	fixture_remove(&f);
}

/* As in a real run of some minutes: times beyond 4 s need 6 bytes. */
static void test_bytes_per_launch(void **state)
{
	enum { COUNT = 60000 };
	struct fixture f;
	int64_t bytes;

	(void)state;
	fixture_start(&f, 1 << 20, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t at = f.now + 100000000000ull + i * 20 * US;
		struct wire_launch launch =
			producer_launch(at, at + 2000 + test_random() % 4000, i + 1);
		struct wire_gpu_kernel kernel =
			producer_kernel(at + 100000 + test_random() % 1000000, 0, i + 1);

		kernel.gpu.end = kernel.gpu.start + 2000 + test_random() % 60000;
		launch.grid[0] = 1 + test_random() % 400;
		assert_true(PUSH(&f.producer, 0, launch));
		assert_true(PUSH(&f.producer, 1, kernel));
		if (i % 2000 == 0)
			fixture_step(&f);
	}
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch WHERE gpu_dur_ns NOT NULL"), COUNT);
	if (sqlite3_compileoption_used("ENABLE_DBSTAT_VTAB")) {
		bytes = ask(&f, "SELECT sum(pgsize) FROM dbstat WHERE name = 'launch'");
		printf("# %.2f bytes per launch with its GPU times\n", (double)bytes / COUNT);
		assert_true(bytes <= 40ll * COUNT);
	}
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_equal_rows),
		cmocka_unit_test(test_zone_map_holds),
		cmocka_unit_test(test_bytes_per_launch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
